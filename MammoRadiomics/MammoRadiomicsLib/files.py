"""Writing files so that a reader finds the old content or the new, never half of either."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import InputError

_unfinished: set[str] = set()


def write_atomically(path: str | Path, content: str | bytes | Iterable[str]) -> None:
    """Write a file under another name in the same folder, then move it into place.

    Parameters
    ----------
    path : path
        Missing folders are made.
    content : str, bytes or iterable of str
        Text is written as UTF-8 with line ends as they are; the parts of an iterable one after the other, so that a
        large table need not be in memory.

    Raises
    ------
    InputError
        When the folder cannot be written to or the disk is full; the old file, if any, is untouched.
    """
    path = Path(path).resolve()
    refuse_as_target(path)
    parts = [content] if isinstance(content, str | bytes) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, parts)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} cannot be written ({reason}). Choose another folder or free some space.") from error


def _write(path: Path, parts: Iterable[str | bytes]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    _unfinished.add(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part.encode("utf-8") if isinstance(part, str) else part)
            file.flush()
            os.fsync(file.fileno())
        _give_usual_permissions(temporary)
        Path(temporary).replace(path)
    finally:
        # An interrupt must leave no half of a file either.
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        _unfinished.discard(temporary)


def remove_unfinished() -> None:
    """Remove what :func:`write_atomically` is writing, for a process that ends at once."""
    for temporary in list(_unfinished):
        with contextlib.suppress(OSError):
            Path(temporary).unlink()


def refuse_as_target(path: str | Path) -> None:
    """Raise InputError where a file cannot be written: no name, a folder, or a device."""
    path = Path(path)
    if not path.name or (path.exists() and not path.is_file()):
        raise InputError(f"{path} is no file that can be written. Give the name of a file.")


def _give_usual_permissions(path: str) -> None:
    """A temporary file is private to its owner; a result should be as readable as any other new file."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod(0o666 & ~mask)
