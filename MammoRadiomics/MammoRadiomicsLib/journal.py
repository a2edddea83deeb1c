"""A file that keeps results one by one, so that whatever ends a run costs no more than what was being computed.

The first line says what the file is; every other is ``CHECK KEY JSON``: the first 16 hexadecimal digits of the SHA-256
of the rest of the line, the key, and the result. Lines are only ever appended. One that was torn or damaged does not
match its check and counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from .errors import InputError

_TITLE = b"MammoRadiomics journal 1\n"
_CHECK_DIGITS = 16
log = logging.getLogger(__name__)


class Journal:
    """Results by key, in a file. Only one process at a time may hold it open.

    Parameters
    ----------
    path : path
        Made where it is missing.

    Raises
    ------
    InputError
        When the file cannot be used, or is something else.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._places: dict[str, tuple[int, int]] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror}). Choose another folder.") from error
        try:
            self._end = self._index()
            self._file.truncate(self._end)
            if not self._end:
                self._write(_TITLE)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, key: str) -> Any:
        """Read a result back; KeyError where there is none."""
        place, length = self._places[key]
        self._file.seek(place)
        return json.loads(self._file.read(length))

    def append(self, key: str, result: Any) -> None:
        """Keep a result, on the disk before this returns.

        Raises
        ------
        InputError
            When the disk is full; nothing of the result is left in the file then.
        """
        content = json.dumps(result, separators=(",", ":")).encode("ascii")
        body = key.encode("ascii") + b" " + content
        start = self._end + _CHECK_DIGITS + len(key) + 2
        self._write(_check(body) + b" " + body + b"\n")
        self._places[key] = start, len(content)

    def _write(self, line: bytes) -> None:
        """Append all of a line or nothing."""
        try:
            if self._file.write(line) != len(line):
                raise OSError(None, "the disk is full")
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}). What is finished is kept: free some space and "
                "give the same command again."
            ) from error
        self._end += len(line)

    def _index(self) -> int:
        """Find every whole line, and return where the last of them ends."""
        end = 0
        # A buffer of its own: reading line by line without one takes a system call a byte.
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if not end:
                    self._check_title(line)
                else:
                    self._index_line(line, end)
                end += len(line)
        return end

    def _check_title(self, line: bytes) -> None:
        if line != _TITLE:
            raise InputError(
                f"{self.path} is no journal of this version. Delete it or give another name to the output."
            )

    def _index_line(self, line: bytes, start: int) -> None:
        check, _, body = line[:-1].partition(b" ")
        if check != _check(body):
            log.warning("A damaged line of %s at byte %d is left out", self.path, start)
            return
        key, _, content = body.partition(b" ")
        self._places[key.decode("ascii")] = start + len(line) - 1 - len(content), len(content)


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_CHECK_DIGITS].encode("ascii")
