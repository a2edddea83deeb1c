"""Zip files from anywhere, read in bounded time and memory, and float64 arrays in them as numpy writes them.

Nothing is executed: there is no pickle, a header that asks for anything but plain float64 is refused, and a member is
unpacked no further than the size it states. Whatever is wrong with the bytes raises some exception; callers name it.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from typing import Any

import numpy as np

LARGEST = 64 * 2**20
# Begins each entry of a zip file's directory.
_ENTRY = b"PK\1\2"
_MOST_MEMBERS, _MOST_VALUES = 1000, 200_000
_FLOAT = np.dtype("<f8")


def pack(members: dict[str, bytes]) -> bytes:
    """Return a zip file of named members; equal members give equal bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            # The time of writing would make equal members different files.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, data, compress_type=zipfile.ZIP_DEFLATED)
    return content.getvalue()


def unpack(content: bytes, names: set[str] | None = None) -> dict[str, bytes]:
    """Return the members of a zip file.

    Parameters
    ----------
    content : bytes
        The file.
    names : set of str, optional
        What it must hold, and nothing else.

    Raises
    ------
    Exception
        Many kinds, where the file is damaged; ValueError where it holds more than :data:`LARGEST` bytes, too many
        members, two of one name, other names, or compression that cannot be read piece by piece.
    """
    # Before zipfile makes an object of each entry of the directory.
    if content.count(_ENTRY) > _MOST_MEMBERS:
        raise ValueError("too many members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        found = {entry.filename for entry in entries}
        if len(found) < len(entries) or (names is not None and found != names):
            raise ValueError("members of other names")
        if sum(entry.file_size for entry in entries) > LARGEST:
            raise ValueError("too large")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise ValueError("compression")
        return {entry.filename: _member(archive, entry) for entry in entries}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read no more than the stated size: ZipFile.read would first inflate all there is, and then cut it."""
    with archive.open(entry) as member:
        data = member.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise ValueError("a member is shorter than it says")
    return data


def pack_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """Return float64 arrays as an .npz file, in C order whatever they were, sorted by name."""
    content = io.BytesIO()
    members: dict[str, Any] = {name: np.ascontiguousarray(arrays[name], _FLOAT) for name in sorted(arrays)}
    np.savez(content, **members)
    return content.getvalue()


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file of plain float64 arrays, read-only; exceptions as for :func:`unpack`."""
    return {name.removesuffix(".npy"): _array(data) for name, data in unpack(content).items()}


def _array(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    with warnings.catch_warnings():
        # numpy warns of a header that Python 2 wrote; none of ours is.
        warnings.simplefilter("error")
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("version of the array format")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != _FLOAT or fortran_order:
        raise ValueError("an array of another type or order")
    # The shape is compared with the bytes that are there; no memory is taken on the header's word.
    array = np.frombuffer(content, _FLOAT, offset=stream.tell()).reshape(shape)
    if array.shape != tuple(shape):
        raise ValueError("shape")
    return array


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of bounded size; NaN and infinities, which JSON does not have, are refused.

    Raises
    ------
    ValueError, RecursionError
        Where it is no JSON, too long, of too many values, or nested too deeply.
    """
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    if len(text) > 2 * LARGEST or sum(text.count(mark) for mark in ",[{") > _MOST_VALUES:
        raise ValueError("too much JSON")
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
