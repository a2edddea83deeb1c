"""Writing files so that a reader finds the old content or the new, never half of either."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import InputError


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write a file under another name in the same folder, then move it into place.

    Parameters
    ----------
    path : path
        Missing folders are made.
    content : str or bytes
        Text is written as UTF-8 with line ends as they are.

    Raises
    ------
    InputError
        When the folder cannot be written to or the disk is full; the old file, if any, is untouched.
    """
    path = Path(path).resolve()
    refuse_as_target(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _give_usual_permissions(temporary)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path} cannot be written ({reason}). Choose another folder or free some space.") from error


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
