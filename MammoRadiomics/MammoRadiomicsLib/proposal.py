"""An outline from a click: a small network looks at the surroundings and proposes what the user then corrects.

The network sees a square of known size around the click (see :mod:`.outline_patch`) and answers with a probability for
each of its pixels. It looks twice: a second time at a scale at which what it found fills a fixed share of the square,
so that a small lesion gets a fine outline and a large one is seen whole.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import imaging, network_file
from .errors import DependencyError, InputError, ModelFileError
from .network_file import SUFFIX
from .outline_patch import Grid, click_mark, component_at, reference_patch, sample, samples_of, spread
from .slices import one_slice

__all__ = ["SUFFIX", "Proposal", "Segmenter", "load"]

# A click may miss the lesion by this much.
_REACH_MM = 5.0
# How much of the second square's side the first outline takes.
_FILLED = 0.33
# A second look is not worth it where the scale would change by less.
_SAME_SCALE = 1.25
_WIDENED = 0.1
_REFERENCE_TOLERANCE = 0.01
_THREADS = 1
# An outline runs where the probability is this, or half its highest value at the click where the network is less sure;
# where even the highest is below the faintest, there is no lesion.
_INSIDE, _FAINTEST = 0.5, 0.1
# On a coarse patch a click may miss by two of its pixels.
_REACH_PIXELS = 2.0
# Where grey values within this distance of the click differ by less than this share of the patch's, there is nothing.
_NEAR_MM, _FLAT = 2.0, 0.002
# What is outlined lies in air where this much of what surrounds it (from a margin in pixels of the patch on) is hardly
# brighter than the darkest, measured on the way to the lesion: around labels it is 0.41 or more.
_MARGIN, _RING_MM, _AIR, _TOO_MUCH = 2, 3.0, 0.03, 0.4
_UNIFORM = "There is nothing to outline at the click: the image is uniform there. Click inside the lesion."
_BESIDE = "What is at the click lies in air, as labels and markers do. Click inside the lesion."
_NOTHING = "No lesion was found at the click. Click nearer to its middle, drag a box around it, or outline it by hand."
_UNSURE = "The outline would be too uncertain to be of use. Drag a box around the lesion, or outline it by hand."
_LARGER = "The lesion may be larger than what the proposal looks at. Check its margin all around."


@dataclass(frozen=True)
class Proposal:
    """What a click led to.

    Parameters
    ----------
    mask : ndarray of bool (rows, columns), optional
        The part of the image around the lesion; None where nothing is proposed.
    corner : (int, int)
        Row and column of its first pixel on the image.
    confidence : float
        Expected Dice of the outline with the true one by the network's own probabilities, 0 to 1.
    reason : str
        Why there is no outline, or what to be careful of; empty where there is nothing to say.
    area_mm2 : float
    """

    mask: np.ndarray | None
    corner: tuple[int, int] = (0, 0)
    confidence: float = 0.0
    reason: str = ""
    area_mm2: float = 0.0


class Segmenter:
    """A network that proposes outlines.

    Parameters
    ----------
    manifest : dict
        How it is to be used, as :mod:`.network_file` has checked it.
    network : bytes
        ONNX, checked likewise.
    name : str
        What to call it.

    Raises
    ------
    DependencyError
        Without onnxruntime.
    ModelFileError
        When the network cannot be run, or does not reproduce its own reference answer.
    """

    def __init__(self, manifest: dict, network: bytes, name: str):
        self.manifest, self.name = manifest, name
        self._session = _session(network, name)
        expected = manifest.get("reference")
        if expected is not None:
            found = self.probability(*reference_patch(manifest["pixels"]))
            if not np.abs(samples_of(found) - np.array(expected)).max() <= _REFERENCE_TOLERANCE:
                raise ModelFileError(
                    f"The outline model {name} does not reproduce its own reference. Get a fresh copy."
                )

    @property
    def card(self) -> str:
        """What the model is, in words."""
        return self.manifest["card"]

    @property
    def purpose(self) -> str:
        """``demonstration`` or ``research``."""
        return self.manifest["purpose"]

    @property
    def digest(self) -> str:
        """Hash of the manifest, which holds that of the network."""
        return self.manifest["sha256"]

    @property
    def reach_mm(self) -> float:
        """How far from the click a proposal looks at most."""
        return self.manifest["patch_mm"] * self.manifest["largest_scale"]

    def probability(self, grey: np.ndarray, mark: np.ndarray) -> np.ndarray:
        """Return the network's answer to a patch and the mark of the click, each of shape (pixels, pixels)."""
        patch = np.stack([grey, mark])[np.newaxis].astype(np.float32)
        return self._session.run(["probability"], {"patch": patch})[0][0, 0]

    def propose(
        self,
        image: sitk.Image,
        click: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Proposal:
        """Propose the outline of the lesion at a click, in a box, or both.

        Parameters
        ----------
        image : SimpleITK.Image
            One slice of known pixel spacing on which lesions are bright.
        click : (float, float), optional
            Column and row, pixel centres at whole numbers; the middle of the box by default.
        box : (float, float, float, float), optional
            Left, top, right and bottom in the same units. It sets the scale, and nothing is proposed outside it.

        Raises
        ------
        InputError
            For stacks and colour images, without a pixel spacing, for a click outside the image, and for pixels that
            are not finite.
        """
        image = one_slice(image)
        # A part has the same spacing, and nothing need be copied to check it.
        imaging.with_spacing(image[:1, :1])
        box = _ordered(box, image.GetSize()[:2]) if box is not None else None
        click = _checked_click(click, box, image.GetSize()[:2])
        grid = self._first_grid(image, click, box)
        look = self._look(image, grid, click)
        if isinstance(look, Proposal) and look.reason == _NOTHING and box is None:
            # A lesion that fills the square leaves nothing to tell it from.
            larger = grid.size_mm * self.manifest["largest_scale"]
            look = self._look(image, dataclasses.replace(grid, size_mm=larger), click)
        if isinstance(look, Proposal):
            return look
        if box is None:
            look = self._second_look(image, look, click)
        return self._outline(image, look, click, box)

    def _first_grid(self, image: sitk.Image, click: tuple, box: tuple | None) -> Grid:
        size = self.manifest["patch_mm"]
        if box is None:
            return Grid(click, size, self.manifest["pixels"], image.GetSpacing()[:2])
        left, top, right, bottom = box
        sides = ((high - low + 1) * mm for low, high, mm in zip(box[:2], box[2:], image.GetSpacing()[:2], strict=True))
        side = self._allowed(max(sides) / _FILLED)
        return Grid(((left + right) / 2, (top + bottom) / 2), side, self.manifest["pixels"], image.GetSpacing()[:2])

    def _allowed(self, size_mm: float) -> float:
        """Return the side of a square next to the one wanted at which the network was trained."""
        usual = self.manifest["patch_mm"]
        return min(max(size_mm, usual * self.manifest["least_scale"]), usual * self.manifest["largest_scale"])

    def _look(self, image: sitk.Image, grid: Grid, click: tuple[float, float]) -> _Look | Proposal:
        """Return what the network sees in a square, or a proposal of nothing that says why."""
        grey = sample(image, grid)
        if not np.isfinite(grey).all():
            raise InputError("The image has pixels near the click that are not finite numbers. Export it again.")
        position = grid.to_patch(click)
        if _is_flat(grey, position, grid):
            return Proposal(None, reason=_UNIFORM)
        probability = self.probability(grey, click_mark(grid.pixels, position))
        reach = max(_REACH_MM / grid.pitch_mm, _REACH_PIXELS)
        highest = float(probability[_around(position, reach, probability.shape)].max())
        level = min(_INSIDE, highest / 2)
        # Beyond the image its edge goes on, and so would the outline.
        inside = (probability > level) & grid.on_image(image.GetSize()[:2])
        part = component_at(inside, position, reach) if highest >= _FAINTEST else None
        if part is None:
            return Proposal(None, confidence=highest, reason=_NOTHING)
        return _Look(grid, grey, probability, part, level)

    def _second_look(self, image: sitk.Image, first: _Look, click: tuple[float, float]) -> _Look:
        """Look again at the scale of what was found, if that is another; keep the first look where it is lost."""
        size = self._allowed(2 * first.grid.size_mm if first.touches_edge else first.extent_mm / _FILLED)
        if max(size, first.grid.size_mm) < _SAME_SCALE * min(size, first.grid.size_mm):
            return first
        centre = click if first.touches_edge else first.centre
        second = self._look(image, Grid(centre, size, first.grid.pixels, first.grid.spacing), click)
        return first if isinstance(second, Proposal) else second

    def _outline(self, image: sitk.Image, look: _Look, click: tuple[float, float], box: tuple | None) -> Proposal:
        """Bring what was found to the resolution of the image."""
        near = _widened(look.part, 2)
        values, corner = spread(look.probability * near, look.grid, image.GetSize()[:2])
        inside = values > look.level
        if box is not None:
            inside &= _within(box, inside.shape, corner)
        reach = max(look.grid.pixels / 2 * look.grid.pitch_mm / mm for mm in image.GetSpacing()[:2])
        whole = component_at(inside, (click[0] - corner[1], click[1] - corner[0]), reach)
        if whole is None:
            return Proposal(None, reason=_NOTHING)
        if _lies_in_air(look):
            return Proposal(None, reason=_BESIDE)
        confidence = _confidence(look)
        if confidence < self.manifest["least_confidence"]:
            return Proposal(None, confidence=confidence, reason=_UNSURE)
        part, top, left = _cropped(whole)
        area = float(part.sum() * math.prod(image.GetSpacing()[:2]))
        reason = _LARGER if look.touches_edge else ""
        return Proposal(part, (corner[0] + top, corner[1] + left), confidence, reason, area)


@dataclass(frozen=True)
class _Look:
    """What the network saw: where, its probabilities, the part above `level` of them that belongs to the click."""

    grid: Grid
    grey: np.ndarray
    probability: np.ndarray
    part: np.ndarray
    level: float

    @property
    def _bounds(self) -> np.ndarray:
        """First and last column, first and last row."""
        columns, rows = (np.flatnonzero(self.part.any(axis=axis))[[0, -1]] for axis in (0, 1))
        return np.array([columns, rows])

    @property
    def extent_mm(self) -> float:
        """The longer side of the box around the part."""
        return float((np.ptp(self._bounds, axis=1) + 1).max() * self.grid.pitch_mm)

    @property
    def touches_edge(self) -> bool:
        """Whether the part may go on outside the square."""
        return bool((self._bounds[:, 0] == 0).any() or (self._bounds[:, 1] == self.grid.pixels - 1).any())

    @property
    def centre(self) -> tuple[float, float]:
        """Column and row of the image in the middle of the box around the part."""
        return self.grid.to_image(tuple(self._bounds.mean(axis=1)))


def load(path: str | Path) -> Segmenter:
    """Read, check and start an outline model.

    Raises
    ------
    ModelFileError
        When the file is missing, damaged, of another format, or not what it says.
    DependencyError
        Without onnxruntime.
    """
    manifest, network = network_file.load(path)
    return Segmenter(manifest, network, Path(path).name)


def _session(network: bytes, name: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise DependencyError(
            "Proposing outlines needs the Python package onnxruntime. Install it with pip."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _THREADS, 1
    # Nothing about a network that is refused anyway.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    # ONNX Runtime has an exception for each kind of defect, of which none is public.
    except Exception as error:
        raise ModelFileError(f"The network of the outline model {name} cannot be run. Get a fresh copy.") from error


def _ordered(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a box with its corners in order, cut to the image."""
    if len(box) != 4 or not np.isfinite(box).all():
        raise InputError("The box has corners that are no numbers. Draw it again.")
    low = [max(min(box[axis], box[axis + 2]), 0.0) for axis in (0, 1)]
    high = [min(max(box[axis], box[axis + 2]), size[axis] - 1.0) for axis in (0, 1)]
    if any(first > last for first, last in zip(low, high, strict=True)):
        raise InputError("The box lies outside the image. Draw it on the breast.")
    return low[0], low[1], high[0], high[1]


def _checked_click(click: tuple[float, float] | None, box: tuple | None, size: tuple[int, int]) -> tuple[float, float]:
    if click is not None:
        column, row = click
    elif box is not None:
        column, row = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    else:
        raise InputError("There is neither a click nor a box. Click inside the lesion.")
    if not (-0.5 <= column <= size[0] - 0.5 and -0.5 <= row <= size[1] - 0.5):
        raise InputError("The click lies outside the image. Click inside the lesion.")
    return float(column), float(row)


def _around(position: tuple[float, float], reach: float, shape: tuple[int, int]) -> np.ndarray:
    """Return which pixels lie within `reach` of a position (column, row), the next one at least."""
    rows, columns = np.arange(shape[0])[:, None] - position[1], np.arange(shape[1]) - position[0]
    return np.hypot(rows, columns) <= reach


def _within(box: tuple, shape: tuple[int, int], corner: tuple[int, int]) -> np.ndarray:
    """Return which pixels lie in a box, a little widened."""
    left, top, right, bottom = box
    wider, higher = _WIDENED * (right - left + 1), _WIDENED * (bottom - top + 1)
    rows, columns = np.arange(shape[0])[:, None] + corner[0], np.arange(shape[1]) + corner[1]
    return (columns >= left - wider) & (columns <= right + wider) & (rows >= top - higher) & (rows <= bottom + higher)


def _cropped(inside: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return the box around what is inside, and its first row and column."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(rows[0]), int(columns[0])


def _is_flat(grey: np.ndarray, position: tuple[float, float], grid: Grid) -> bool:
    """Tell whether there is next to nothing to see at the click and it is dark, as in air."""
    column, row = (int(min(max(round(at), 0), grid.pixels - 1)) for at in position)
    near = max(round(_NEAR_MM / grid.pitch_mm), 1)
    around = grey[max(row - near, 0) : row + near + 1, max(column - near, 0) : column + near + 1]
    # A lesion may be as bright as the image can hold, and uniform.
    return bool(np.ptp(around) <= _FLAT * np.ptp(grey) and 2 * around.max() <= float(grey.max()) + float(grey.min()))


def _lies_in_air(look: _Look) -> bool:
    """Tell whether much of what surrounds the part is as dark as the darkest there is, as around a label."""
    beside = _widened(look.part, round(_RING_MM / look.grid.pitch_mm) + _MARGIN) & ~_widened(look.part, _MARGIN)
    darkest = np.percentile(look.grey, 1)
    dark = look.grey <= darkest + _AIR * (look.grey[look.part].mean() - darkest)
    return bool(dark[beside].mean() > _TOO_MUCH) if beside.any() else False


def _widened(part: np.ndarray, by: int) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.BinaryDilate(sitk.GetImageFromArray(part.astype(np.uint8)), (by, by))) > 0


def _confidence(look: _Look) -> float:
    """Return the Dice that the outline would have with a truth drawn from the network's probabilities."""
    near = _widened(look.part, 4)
    total = float((look.probability * near).sum() + look.part.sum())
    return float(2 * look.probability[look.part].sum() / total)
