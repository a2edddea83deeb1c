"""The child process that works for a panel (see :mod:`MammoRadiomicsLib.worker`); the window never waits for it."""

from __future__ import annotations

import itertools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import qt
from slicer.i18n import tr as _

PATIENCE_MS = 3000
LOG_LENGTH = 100_000
_closing: list[_Process] = []


class Child:
    """Starts with the first request, answers by number, ends with :meth:`close`.

    :param onMessage: called with every answer to a request that is still awaited, progress and result alike.
    :param onEnded: called with the reason when the process ends without having been closed; what it worked on is lost.
    :param program: Python; the application's own by default.
    """

    def __init__(self, onMessage: Callable[[dict], None], onEnded: Callable[[str], None], program: str | None = None):
        self._onMessage = onMessage
        self._onEnded = onEnded
        self._program = program or sys.executable
        self._process: _Process | None = None
        self._last = 0
        self._awaited: set[int] = set()
        # What is large goes in parts, one in each turn of the event loop, so that the window stays alive.
        self._outgoing: Iterator[dict] = iter(())
        self._pump = qt.QTimer()
        self._pump.connect("timeout()", self._sendNext)

    @property
    def running(self) -> bool:
        """Tell whether there is a process."""
        return self._process is not None

    @property
    def busy(self) -> bool:
        """Tell whether an answer is awaited."""
        return bool(self._awaited)

    @property
    def log(self) -> str:
        """What the process has printed to standard error."""
        return self._process.log if self._process else ""

    def send(self, request: dict, before: Iterable[dict] = ()) -> int:
        """Send a request and return its number, which its answers carry as ``id``.

        :param before: messages that the request needs, taken and sent one by one while the window goes on.
        """
        self._last += 1
        self._awaited.add(self._last)
        self._outgoing = itertools.chain(self._outgoing, before, [{"id": self._last, **request}])
        self._pump.start(0)
        self._sendNext()
        return self._last

    def tell(self, request: dict) -> None:
        """Send what needs no answer."""
        if self._process is None:
            self._process = _Process(self._program, self._deliver, self._lose)
        self._process.write(request)

    def forget(self) -> None:
        """Drop the answers to everything sent so far."""
        self._awaited.clear()

    def close(self, waitMs: int = 0) -> None:
        """End the process: its work is interrupted, and what is left of it after three seconds is killed.

        :param waitMs: how long to wait for the end, where the event loop may not come back.
        """
        process, self._process = self._process, None
        self._awaited.clear()
        self._stopSending()
        if process is not None:
            process.close(waitMs)

    def _sendNext(self) -> None:
        message = next(self._outgoing, None)
        if message is None:
            self._pump.stop()
            return
        self.tell(message)
        if message.get("id") == self._last:
            self._pump.stop()

    def _stopSending(self) -> None:
        self._pump.stop()
        self._outgoing = iter(())

    def _deliver(self, message: dict) -> None:
        number = message.get("id")
        if "traceback" in message:
            logging.error(message["traceback"])
        if number in self._awaited:
            if "done" not in message:
                self._awaited.discard(number)
            self._onMessage(message)

    def _lose(self, reason: str) -> None:
        self._process = None
        self._awaited.clear()
        self._stopSending()
        self._onEnded(reason)


class _Process:
    """One process, from its start to its end; once closed it is silent."""

    def __init__(self, program: str, onMessage: Callable[[dict], None], onEnded: Callable[[str], None]):
        self._onMessage = onMessage
        self._onEnded = onEnded
        self._unread = b""
        self._closed = False
        self.log = ""
        self._kill = qt.QTimer()
        self._kill.setSingleShot(True)
        self._process = qt.QProcess()
        self._kill.connect("timeout()", self._process.kill)
        self._process.setEnvironment(_environment())
        self._process.connect("readyReadStandardOutput()", self._onOutput)
        self._process.connect("readyReadStandardError()", self._onLog)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._onFinished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._onError)
        self._process.start(program, ["-m", "MammoRadiomicsLib", "serve"])

    def write(self, request: dict) -> None:
        self._process.write(qt.QByteArray(json.dumps(request).encode("ascii") + b"\n"))

    def close(self, waitMs: int) -> None:
        """Close its input, upon which it ends; it is kept until it has, or is killed."""
        self._closed = True
        if self._process.state() == qt.QProcess.NotRunning:
            return
        _closing.append(self)
        self._process.closeWriteChannel()
        self._kill.start(PATIENCE_MS)
        if waitMs:
            self._process.waitForFinished(waitMs)

    def _onOutput(self) -> None:
        *lines, self._unread = (self._unread + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        for line in lines:
            if not self._closed:
                self._onMessage(json.loads(line))

    def _onLog(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", errors="replace")
        self.log = (self.log + text)[-LOG_LENGTH:]

    def _onFinished(self, exitCode: int) -> None:
        self._kill.stop()
        if self in _closing:
            _closing.remove(self)
        self._onOutput()
        self._onLog()
        self._end(_("The process ended unexpectedly (exit code {code}).").format(code=exitCode) + self._lastWords())

    def _onError(self, error) -> None:
        if error == qt.QProcess.FailedToStart:
            self._end(_("Python could not be started: {reason}.").format(reason=self._process.errorString()))

    def _end(self, reason: str) -> None:
        if not self._closed:
            self._closed = True
            self._onEnded(reason)

    def _lastWords(self) -> str:
        lines = self.log.strip().splitlines()
        return f" {lines[-1]}" if lines else ""


def _environment() -> list[str]:
    """Return the application's environment with all that its Python can import; additional paths are not in it."""
    import MammoRadiomicsLib

    folders = [str(Path(MammoRadiomicsLib.__file__).parents[1]), *filter(None, sys.path)]
    own = {"PYTHONPATH": os.pathsep.join(dict.fromkeys(folders)), "PYTHONUTF8": "1"}
    kept = [each for each in qt.QProcess.systemEnvironment() if each.partition("=")[0] not in own]
    return kept + [f"{name}={value}" for name, value in own.items()]
