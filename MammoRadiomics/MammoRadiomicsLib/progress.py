"""Progress is one callable, ``progress(done, total, message)``; it may raise :class:`~.errors.Cancelled`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TextIO

from .errors import Cancelled

Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, message: str) -> None:
    """Report nothing."""


def as_lines(stream: TextIO | None = None) -> Progress:
    """Progress for a person: one line a step, such as ``[ 3/10] P003 L CC``.

    Parameters
    ----------
    stream : file, optional
        Where the lines go; standard error by default, so that standard output stays a result.
    """

    def report(done: int, total: int, message: str) -> None:
        print(f"[{done:{len(str(total))}d}/{total}] {message}", file=stream or sys.stderr, flush=True)

    return report


def as_json(stream: TextIO | None = None) -> Progress:
    """Progress for a program: one JSON object a line, ``{"done": 3, "total": 10, "message": "..."}``.

    Parameters
    ----------
    stream : file, optional
        Where the lines go; standard output by default.

    The progress raises Cancelled where nobody reads it any more.
    """

    def report(done: int, total: int, message: str) -> None:
        line = json.dumps({"done": done, "total": total, "message": message})
        try:
            print(line, file=stream or sys.stdout, flush=True)
        except OSError as error:
            raise Cancelled(f"The progress cannot be written ({error.strerror}), so the work was stopped.") from error

    return report
