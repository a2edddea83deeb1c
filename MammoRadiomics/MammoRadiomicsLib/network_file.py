"""Outline networks as files: looked at byte by byte before anything runs them.

A ``.mammosegmenter`` is a zip of ``manifest.json`` (how the network is to be used, its card) and ``network.onnx``. An
ONNX file is a protocol buffer; what is needed of it is read here without any package, in time proportional to its
size. Only operations of ONNX itself that a U-Net is made of are accepted: no custom operations, no weights in other
files, no functions, no branches or loops. Hashes detect damage, not forgery.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import container
from .errors import ModelFileError
from .files import write_atomically

SUFFIX = ".mammosegmenter"
FORMAT = 1
_MANIFEST, _NETWORK = "manifest.json", "network.onnx"
_LARGEST = 32 * 2**20
_MOST_NODES = 5000
_MOST_PIXELS = 256
OPSETS = range(13, 22)
OPERATIONS = frozenset((
    "Add", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "ConvTranspose", "Div", "Identity",
    "Mul", "PRelu", "ReduceMean", "ReduceSum", "Relu", "Sigmoid", "Slice", "Split", "Sqrt", "Sub",
))  # fmt: skip
_ORDINARY_DOMAINS = (b"", b"ai.onnx")
# What the manifest must say, and between which limits where it is a number.
_NUMBERS = {
    "patch_mm": (1, 500),
    "pixels": (16, _MOST_PIXELS),
    "least_confidence": (0, 1),
    "least_scale": (0.05, 1),
    "largest_scale": (1, 8),
}
_TEXTS = ("card", "purpose")


def save(path: str | Path, manifest: dict, network: bytes) -> Path:
    """Write a network and how to use it, whole or not at all, and return its path.

    Parameters
    ----------
    path : path
    manifest : dict
        JSON types; format and hashes are added.
    network : bytes
        ONNX.
    """
    write_atomically(path, packed(manifest, network))
    return Path(path)


def packed(manifest: dict, network: bytes) -> bytes:
    """Return the bytes of a file."""
    complete = manifest | {"format": FORMAT, "network_sha256": hashlib.sha256(network).hexdigest()}
    sealed = complete | {"sha256": _digest(complete)}
    text = json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False).encode()
    return container.pack({_MANIFEST: text, _NETWORK: network})


def _digest(manifest: dict) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, allow_nan=False).encode()).hexdigest()


def load(path: str | Path) -> tuple[dict, bytes]:
    """Read and check a file, and return its manifest and network.

    Raises
    ------
    ModelFileError
        When the file is missing, damaged, of another format, or its network is not one that may be run.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"There is no file {path}. Check the path of the outline model.")
    if path.stat().st_size > _LARGEST:
        raise _damaged(path.name, f"it is larger than {_LARGEST // 2**20} MB")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"The file {path} cannot be read ({error.strerror}). Check its permissions.") from error
    return unpacked(content, path.name)


def unpacked(content: bytes, name: str) -> tuple[dict, bytes]:
    """Check the bytes of a file and return its manifest and network; `name` is what to call it in an error."""
    try:
        members = container.unpack(content, {_MANIFEST, _NETWORK})
        manifest = container.parse_json(members[_MANIFEST])
    # Damaged bytes make zipfile, zlib and json raise what they like; whatever it is, this is no outline model.
    except Exception as error:
        raise _damaged(name, "it cannot be unpacked") from error
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if type(found) is not int or found != FORMAT:
        shown = found if type(found) is int and abs(found) < 1000 else "unknown"
        raise ModelFileError(f"The outline model {name} has format {shown}; this version reads {FORMAT}. Update it.")
    network = members[_NETWORK]
    sealed = {key: value for key, value in manifest.items() if key != "sha256"}
    if (
        manifest.get("sha256") != _digest(sealed)
        or manifest.get("network_sha256") != hashlib.sha256(network).hexdigest()
    ):
        raise _damaged(name, "its content does not match its hash")
    reason = _unusable_manifest(manifest) or _unusable_network(network, manifest["pixels"])
    if reason:
        raise _damaged(name, reason)
    return manifest, network


def _damaged(name: str, reason: str) -> ModelFileError:
    return ModelFileError(f"The outline model {name} is damaged or none: {reason}. Get a fresh copy.")


def _unusable_manifest(manifest: dict) -> str:
    for key, (smallest, largest) in _NUMBERS.items():
        value: Any = manifest.get(key)
        if type(value) not in (int, float) or not smallest <= value <= largest:
            return f"{key} in its manifest is impossible"
    if type(manifest["pixels"]) is not int or any(type(manifest.get(key)) is not str for key in _TEXTS):
        return "its manifest is incomplete"
    return ""


def _unusable_network(network: bytes, pixels: int) -> str:
    """Say why a network may not be run, or nothing."""
    try:
        return _refusal(network, pixels)
    # Bytes that are no protocol buffer.
    except (ValueError, IndexError, KeyError, TypeError) as error:
        return f"its network cannot be read ({type(error).__name__})"


def _refusal(network: bytes, pixels: int) -> str:
    model = _Message(network)
    opsets = {entry.bytes(1): entry.integer(2) for entry in model.messages(8)}
    if not opsets or set(opsets) - set(_ORDINARY_DOMAINS) or not set(opsets.values()) <= set(OPSETS):
        return "its network needs operations that are not ONNX's own, or of another version"
    if model.all(25) or model.all(20) or len(model.all(7)) != 1:
        return "its network holds functions or training steps"
    (graph,) = model.messages(7)
    inputs, outputs = _ports(graph.messages(11)), _ports(graph.messages(12))
    if inputs != {b"patch": [1, 2, pixels, pixels]} or outputs != {b"probability": [1, 1, pixels, pixels]}:
        return "its network has other inputs or outputs"
    if graph.all(15) or any(map(_is_elsewhere, graph.messages(5))):
        return "its network has weights in another file"
    return _refused_node(graph.messages(1))


def _refused_node(nodes: list[_Message]) -> str:
    if len(nodes) > _MOST_NODES:
        return "its network is too long"
    for node in nodes:
        operation = node.bytes(4).decode()
        if operation not in OPERATIONS or node.bytes(7) not in _ORDINARY_DOMAINS:
            return f"its network uses the operation {operation[:40]!r}"
        for attribute in node.messages(5):
            if attribute.all(6) or attribute.all(11) or any(map(_is_elsewhere, attribute.messages(5))):
                return "its network has branches or weights in another file"
    return ""


def _is_elsewhere(tensor: _Message) -> bool:
    return bool(tensor.all(13)) or tensor.integer(14) != 0


def _ports(values: list[_Message]) -> dict[bytes, list[int]]:
    """Return names and shapes of inputs or outputs; a dimension without a number is 0, another type than float -1."""
    found = {}
    for value in values:
        (tensor,) = value.messages(2)[0].messages(1)
        shape = [dimension.integer(1) for each in tensor.messages(2) for dimension in each.messages(1)]
        found[value.bytes(1)] = shape if tensor.integer(1) == 1 else [-1]
    return found


class _Message:
    """A message of a protocol buffer: its fields by number, unread until they are asked for."""

    def __init__(self, content: bytes | memoryview):
        self._fields: dict[int, list] = {}
        for number, value in _fields(memoryview(content)):
            self._fields.setdefault(number, []).append(value)

    def all(self, number: int) -> list:
        return self._fields.get(number, [])

    def messages(self, number: int) -> list[_Message]:
        return [_Message(value) for value in self.all(number)]

    def bytes(self, number: int) -> bytes:
        """The last value, as protocol buffers have it; empty where there is none."""
        return bytes(self.all(number)[-1]) if self.all(number) else b""

    def integer(self, number: int) -> int:
        return int(self.all(number)[-1]) if self.all(number) else 0


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field (https://protobuf.dev/programming-guides/encoding)."""
    position = 0
    value: int | memoryview
    while position < len(content):
        key, position = _varint(content, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(content, position)
        else:
            length, position = (
                (8, position) if kind == 1 else (4, position) if kind == 5 else _length(content, position, kind)
            )
            if position + length > len(content):
                raise ValueError("a field longer than its message")
            value, position = content[position : position + length], position + length
        yield key >> 3, value


def _length(content: memoryview, position: int, kind: int) -> tuple[int, int]:
    if kind != 2:
        raise ValueError("a kind of field that is no longer in use")
    return _varint(content, position)


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 64 bits")
