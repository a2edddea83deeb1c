"""Runs commands of the terminal one after another in the child process and says how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from slicer.i18n import tr as _

from .child import Child

UNUSABLE = 2


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
    """A queue of commands, each started when the one before has succeeded.

    :param onProgress: called with a :class:`Progress`.
    :param onStepDone: called with the step's name and the command's own words.
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
        self._waiting: list[tuple[str, Callable[[], list[str]]]] = []
        self._first: tuple[int, float] | None = None
        self.step = ""

    @property
    def running(self) -> bool:
        return bool(self.step)

    @property
    def log(self) -> str:
        """What the process wrote beside its answers."""
        return self._child.log

    def start(self, steps: list[tuple[str, Callable[[], list[str]]]]) -> None:
        """Run steps, each a name and a function that gives its command when its turn has come."""
        self._waiting = list(steps)
        self._next()

    def cancel(self) -> None:
        """Stop: the process is interrupted, ended, and after three seconds killed. Nothing more is called."""
        self._waiting, self.step = [], ""
        self._child.close()

    def _next(self) -> None:
        if not self._waiting:
            self._end("")
            return
        self.step, command = self._waiting.pop(0)
        self._first = None
        self._onProgress(Progress(self.step))
        self._child.send({"command": command()})

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
        self._waiting, self.step = [], ""
        self._child.close()
        self._onEnded(reason)


def duration(seconds: float) -> str:
    """Return a duration as a person says it, to two figures at most."""
    if seconds < 60:
        return _("{count} s").format(count=max(1, round(seconds)))
    if seconds < 3600:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{hours} h {minutes} min").format(hours=int(seconds // 3600), minutes=round(seconds % 3600 / 60))
