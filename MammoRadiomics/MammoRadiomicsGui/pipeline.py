"""Runs requests one after another in the child process, commands of the terminal mostly, and says how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from slicer.i18n import tr as _

from .child import Child

UNUSABLE = 2
# The name of a step, what it asks of the child process, and the messages that this needs before.
Step = tuple[str, dict, Iterable[dict]]


@dataclass(frozen=True)
class Progress:
    """How far a command is.

    :param step: its name.
    :param done, total: steps of work; 0 of 0 until the command has said anything.
    :param message: what it works on.
    :param remainingS: estimate in seconds, None where nothing can be said.
    """

    step: str
    done: int = 0
    total: int = 0
    message: str = ""
    remainingS: float | None = None


class Pipeline:
    """A queue of requests, each sent when the one before has succeeded.

    :param onProgress: called with a :class:`Progress`.
    :param onStepDone: called with the step's name and what the request's answer says.
    :param onEnded: called once with a sentence about a failure, empty after success.
    :param clock: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        onProgress: Callable[[Progress], None],
        onStepDone: Callable[[str, str], None],
        onEnded: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._onProgress, self._onStepDone, self._onEnded, self._clock = onProgress, onStepDone, onEnded, clock
        self._child = Child(self._onMessage, self._end)
        self._waiting: Iterator[Step] = iter(())
        self._first: tuple[int, float] | None = None
        self.step = ""

    @property
    def running(self) -> bool:
        return bool(self.step)

    @property
    def log(self) -> str:
        """What the process wrote beside its answers."""
        return self._child.log

    def start(self, steps: Iterable[Step]) -> None:
        """Run steps; each is taken when its turn has come, so that it may depend on those before."""
        self._waiting = iter(steps)
        self._next()

    def cancel(self) -> None:
        """Stop: the process is interrupted, ended, and after three seconds killed. Nothing more is called."""
        self._waiting, self.step = iter(()), ""
        self._child.close()

    def _next(self) -> None:
        step = next(self._waiting, None)
        if step is None:
            self._end("")
            return
        self.step, request, before = step
        self._first = None
        self._onProgress(Progress(self.step))
        self._child.send(request, before)

    def _onMessage(self, message: dict) -> None:
        if "done" in message:
            self._onProgress(self._progress(message["done"], message["total"], message["message"]))
        elif "error" in message or message["exit_code"] == UNUSABLE:
            self._end(message.get("error") or message["result"])
        else:
            self._onStepDone(self.step, message["result"])
            if self.running:
                self._next()

    def _progress(self, done: int, total: int, message: str) -> Progress:
        now = self._clock()
        # Cases of an earlier run come at once and would make the others look quick, so the first message is the start.
        first, began = self._first = self._first or (done, now)
        each = (now - began) / (done - first) if done > first else None
        return Progress(self.step, done, total, message, None if each is None else each * (total - done))

    def _end(self, reason: str) -> None:
        self._waiting, self.step = iter(()), ""
        self._child.close()
        self._onEnded(reason)


def duration(seconds: float) -> str:
    """Return a duration as a person says it, to two figures at most."""
    if seconds < 60:
        return _("{count} s").format(count=max(1, round(seconds)))
    if seconds < 3600:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{hours} h {minutes} min").format(hours=int(seconds // 3600), minutes=round(seconds % 3600 / 60))
