"""An outline network that was never learned, written byte by byte: inside is what is brighter than the surroundings."""

from __future__ import annotations

import struct

from MammoRadiomicsLib import network_file
from MammoRadiomicsLib.proposal import Segmenter

PIXELS, PATCH_MM = 64, 32.0
FLOAT, INT, TENSOR = 1, 2, 4
MANIFEST = {
    "patch_mm": PATCH_MM,
    "pixels": PIXELS,
    "least_confidence": 0.3,
    "least_scale": 0.5,
    "largest_scale": 2.0,
    "card": "Made up.",
    "purpose": "demonstration",
}


def field(number: int, value: int | bytes | str) -> bytes:
    """Return one field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def node(operation: str, inputs: list[str], output: str, *, domain: str = "", **axes: list[int]) -> bytes:
    """Return a node; its attributes are lists of whole numbers."""
    attributes = [
        field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7) for name, values in axes.items()
    ]
    content = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operation)
    return content + b"".join(field(5, each) for each in attributes) + (field(7, domain) if domain else b"")


def tensor(name: str, shape: list[int], values: list[float], extra: bytes = b"") -> bytes:
    content = b"".join(field(1, n) for n in shape) + field(2, FLOAT) + field(8, name)
    return content + field(9, struct.pack(f"<{len(values)}f", *values)) + extra


def port(name: str, shape: list[int]) -> bytes:
    dimensions = b"".join(field(1, field(1, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dimensions)))


NODES = [
    node("ReduceMean", ["patch"], "mean", axes=[2, 3]),
    node("Sub", ["patch", "mean"], "centred"),
    node("Mul", ["centred", "centred"], "squared"),
    node("ReduceMean", ["squared"], "variance", axes=[2, 3]),
    node("Add", ["variance", "little"], "positive"),
    node("Sqrt", ["positive"], "spread"),
    node("Div", ["centred", "spread"], "standardised"),
    node("Conv", ["standardised", "weights", "bias"], "logit", pads=[1, 1, 1, 1]),
    node("Sigmoid", ["logit"], "probability"),
]
TENSORS = [
    tensor("weights", [1, 2, 3, 3], [0.0] * 4 + [30.0] + [0.0] * 13),
    tensor("bias", [1], [-15.0]),
    tensor("little", [1], [1e-9]),
]


def onnx(
    nodes: list[bytes] = NODES, tensors: list[bytes] = TENSORS, side: int = PIXELS, opset: int = 17, extra: bytes = b""
) -> bytes:
    """Return the network, or another one."""
    graph = b"".join(field(1, each) for each in nodes) + field(2, "made up")
    graph += b"".join(field(5, each) for each in tensors)
    graph += field(11, port("patch", [1, 2, side, side])) + field(12, port("probability", [1, 1, side, side]))
    return field(1, 8) + field(8, field(1, "") + field(2, opset)) + field(7, graph) + extra


def content(**manifest: object) -> bytes:
    """Return the bytes of a file with this network."""
    return network_file.packed(MANIFEST | manifest, onnx())


def segmenter(**manifest: object) -> Segmenter:
    """Return the network ready to propose."""
    return Segmenter(*network_file.unpacked(content(**manifest), "made-up"), "made-up")
