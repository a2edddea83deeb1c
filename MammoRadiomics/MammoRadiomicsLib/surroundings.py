"""What lies around the breast on a mammogram: frames of scanners, bright labels and markers, a bright background.

These are hints for a person, from a few thresholds: a frame or a label does no harm to a preset that looks at the
outline only, and changes the features of one that scales by the brightest pixel of the image.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .facts import Findings

_DEEPEST_FRAME = 0.1
_BLOCK = 8
# In blocks: how far the breast reaches, how far letters of a label are apart, how small an object may be.
_REACH, _LETTERS, _SMALLEST = 5, 3, 8
_BRIGHT = 0.75
# Shares of the width: where the edge of a film ends, and how much beside it is looked at.
_EDGE, _STRIP = 0.03, 0.05


def look(pixels: np.ndarray, findings: Findings) -> None:
    """Add frames, bright objects beside the breast and a bright background of an image (rows, columns)."""
    lowest, highest = float(pixels.min()), float(pixels.max())
    findings.add("intensities", f"{lowest:g} to {highest:g}", "pixels as they are used")
    depths = frame(pixels)
    if any(depths.values()):
        text = ", ".join(f"{side} {depth}" for side, depth in depths.items() if depth)
        findings.add("frame", text, "pixels: lines of one value at the edge")
        findings.note(f"A frame of one value lies around the image (pixels: {text}). Keep outlines off it.")
    inner = pixels[depths["top"] : len(pixels) - depths["bottom"], depths["left"] : pixels.shape[1] - depths["right"]]
    count = bright_objects(inner)
    if count:
        findings.add("bright_objects", count, "pixels: as bright as the breast, and apart from it")
        findings.note(
            f"Bright objects lie apart from the breast ({count}): labels, markers, film edges. Keep outlines off them."
        )
    if _is_background_bright(inner, lowest, highest):
        findings.note("The flatter side of the image is bright, as if the polarity were inverted. Look at the image.")


def frame(pixels: np.ndarray) -> dict[str, int]:
    """Return how many lines of one value lie at each edge, by ``left``, ``right``, ``top`` and ``bottom``.

    Lines that only continue into the image's own background are no frame: behind a frame the values change.
    """
    turned = {"left": pixels.T, "right": pixels.T[::-1], "top": pixels, "bottom": pixels[::-1]}
    return {side: _depth(lines) for side, lines in turned.items()}


def _depth(lines: np.ndarray) -> int:
    value = lines[0, 0]
    for depth, line in enumerate(lines[: max(2, int(len(lines) * _DEEPEST_FRAME))]):
        if (line != value).any():
            return depth if depth and np.median(line) != value else 0
    return 0


def bright_objects(pixels: np.ndarray) -> int:
    """Count what is as bright as the brightest twentieth of the breast and lies apart from it.

    Objects are what Otsu's threshold leaves of the brightest pixels of 8 x 8 blocks; the breast is the largest, and
    what lies within 40 pixels of it belongs to it. The letters of a label are joined.
    """
    rows, columns = (length // _BLOCK * _BLOCK for length in pixels.shape)
    if min(rows, columns) < 4 * _BLOCK:
        return 0
    blocks = pixels[:rows, :columns].reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).max(axis=(1, 3))
    bright = sitk.OtsuThreshold(sitk.GetImageFromArray(blocks.astype(np.float32)), 0, 1)
    breast = sitk.RelabelComponent(sitk.ConnectedComponent(bright, True)) == 1
    if not sitk.GetArrayFromImage(breast).any():
        return 0
    as_bright = np.percentile(blocks[sitk.GetArrayFromImage(breast) == 1], 95)
    apart = sitk.And(bright, sitk.Not(sitk.BinaryDilate(breast, (_REACH, _REACH))))
    joined = sitk.ConnectedComponent(sitk.BinaryDilate(apart, (_LETTERS, _LETTERS)), True)
    objects = sitk.GetArrayFromImage(joined) * sitk.GetArrayFromImage(apart)
    sizes = np.bincount(objects.ravel())
    large = (label for label in range(1, len(sizes)) if sizes[label] >= _SMALLEST)
    return sum(bool(blocks[objects == label].max() >= as_bright) for label in large)


def _is_background_bright(pixels: np.ndarray, lowest: float, highest: float) -> bool:
    """Tell whether the flatter of both sides, which is air, is near the brightest value: air should be dark."""
    columns = pixels.shape[1]
    near, far = int(columns * _EDGE), max(int(columns * (_EDGE + _STRIP)), 1)
    quartiles = [
        np.percentile(side, (25, 50, 75)) for side in (pixels[:, near:far], pixels[:, columns - far : columns - near])
    ]
    air = min(quartiles, key=lambda each: each[2] - each[0])
    return bool(air[1] > lowest + _BRIGHT * (highest - lowest))
