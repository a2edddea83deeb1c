"""Writing files so that a reader finds the old content or the new, never half of either."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from .errors import InputError

_unfinished: set[str] = set()
_beginning = threading.Lock()


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
    refuse_as_target(path)
    path = Path(os.path.realpath(path))
    parts = [content] if isinstance(content, str | bytes) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, parts)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} cannot be written ({reason}). Choose another folder or free some space.") from error


def _write(path: Path, parts: Iterable[str | bytes]) -> None:
    with _beginning:
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
    """Remove what :func:`write_atomically` is writing, for a process that ends at once: nothing is begun any more."""
    # The end comes before anybody waits for the others; one that is held already is between two lines.
    _beginning.acquire(timeout=1)
    for temporary in list(_unfinished):
        with contextlib.suppress(OSError):
            Path(temporary).unlink()


def refuse_as_target(path: str | Path) -> None:
    """Raise InputError where a file cannot be written: no name, a folder, a device, a circle of links, below a file."""
    path = Path(path)
    try:
        in_a_circle = Path(os.path.realpath(path)).is_symlink()
        is_taken = path.exists() and not path.is_file()
    except (OSError, ValueError):  # of names that no file can have
        is_taken = True
    if not path.name or is_taken or in_a_circle:
        raise InputError(f"{path} is no file that can be written. Give the name of a file.")
    _refuse_below_a_file(path)


def refuse_as_folder(path: str | Path, what: str = "report") -> None:
    """Raise InputError where no folder can be: a file, a link to nothing, or below a file."""
    path = Path(path)
    if os.path.lexists(path) and not path.is_dir():
        raise InputError(f"{path} is no folder, and the {what} needs a folder. Give another name.")
    _refuse_below_a_file(path)


def _refuse_below_a_file(path: Path) -> None:
    for parent in path.absolute().parents:
        if parent.exists() and not parent.is_dir():
            raise InputError(f"{path} cannot be made: {parent} is a file and no folder. Choose another folder.")


def _give_usual_permissions(path: str) -> None:
    """A temporary file is private to its owner; a result should be as readable as any other new file."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod(0o666 & ~mask)
