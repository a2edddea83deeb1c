"""From a mammogram to the patch around a click that an outline network sees, and from its answer to an outline.

Positions are (column, row) in pixels of the image, pixel centres at whole numbers. A patch is a square of known size
in mm, its pixels along the image's own rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

# Standard deviation of the click's mark in pixels of the patch.
CLICK_PIXELS = 2.0
_AXES = (1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Grid:
    """Where a patch lies on an image.

    Parameters
    ----------
    centre : (float, float)
        Column and row of the image at the middle of the patch.
    size_mm : float
        Side of the patch.
    pixels : int
        Pixels along a side.
    spacing : (float, float)
        Of the image, in mm along a row and along a column.
    """

    centre: tuple[float, float]
    size_mm: float
    pixels: int
    spacing: tuple[float, float]

    @property
    def pitch_mm(self) -> float:
        """Size of a pixel of the patch."""
        return self.size_mm / self.pixels

    @property
    def origin_mm(self) -> tuple[float, float]:
        """The middle of the patch's first pixel, in mm from the middle of the image's."""
        first = self.pitch_mm * (self.pixels - 1) / 2
        column, row = (at * spacing - first for at, spacing in zip(self.centre, self.spacing, strict=True))
        return column, row

    def to_patch(self, position: tuple[float, float]) -> tuple[float, float]:
        """Return where a position of the image lies on the patch, in pixels of the patch (column, row)."""
        column, row = (
            (at * spacing - first) / self.pitch_mm
            for at, spacing, first in zip(position, self.spacing, self.origin_mm, strict=True)
        )
        return column, row

    def to_image(self, position: tuple[float, float]) -> tuple[float, float]:
        """Return where a position of the patch lies on the image; the inverse of :meth:`to_patch`."""
        column, row = (
            (at * self.pitch_mm + first) / spacing
            for at, first, spacing in zip(position, self.origin_mm, self.spacing, strict=True)
        )
        return column, row

    def on_image(self, size: tuple[int, int]) -> np.ndarray:
        """Return which pixels of the patch lie on an image of so many columns and rows, shape (pixels, pixels)."""
        along = self.pitch_mm * np.arange(self.pixels)
        columns, rows = (
            np.abs((first + along) / spacing - (n - 1) / 2) <= n / 2
            for first, spacing, n in zip(self.origin_mm, self.spacing, size, strict=True)
        )
        return rows[:, None] & columns

    def window(self, size: tuple[int, int], margin: int = 2) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return first column and row, and columns and rows, of the image's part under the patch and a margin."""
        start, length = [], []
        for at, spacing, limit in zip(self.centre, self.spacing, size, strict=True):
            half = self.size_mm / 2 / spacing + margin
            first = min(max(int(np.floor(at - half)), 0), limit - 1)
            start.append(first)
            length.append(min(max(int(np.ceil(at + half)) + 1, first + 1), limit) - first)
        return (start[0], start[1]), (length[0], length[1])


def sample(image: sitk.Image, grid: Grid) -> np.ndarray:
    """Return the patch's grey values, shape (pixels, pixels), float32.

    Pixels are averaged before they are interpolated where the patch is coarser than the image. Beyond the image its
    edge continues, which makes no new edge.

    Parameters
    ----------
    image : SimpleITK.Image
        One slice; where it lies in space does not matter, and only the part under the patch is copied.
    grid : Grid
    """
    start, length = grid.window(image.GetSize()[:2])
    window = tuple(slice(first, first + n) for first, n in zip(start, length, strict=True))
    part = sitk.Cast(image[window + (0,) * (image.GetDimension() - 2)], sitk.sitkFloat32)
    part.SetSpacing(grid.spacing)
    part.SetOrigin([first * mm for first, mm in zip(start, grid.spacing, strict=True)])
    part.SetDirection(_AXES)
    shrink = [min(max(int(grid.pitch_mm / mm), 1), n) for mm, n in zip(grid.spacing, length, strict=True)]
    part = sitk.BinShrink(part, shrink) if max(shrink) > 1 else part
    return sitk.GetArrayFromImage(_resampled(part, (grid.pixels,) * 2, grid.origin_mm, (grid.pitch_mm,) * 2, True))


def click_mark(pixels: int, position: tuple[float, float]) -> np.ndarray:
    """Return a patch that is 1 at the click and falls off as a Gaussian; float32."""
    columns, rows = (np.exp(-0.5 * ((np.arange(pixels) - at) / CLICK_PIXELS) ** 2) for at in position)
    return np.outer(rows, columns).astype(np.float32)


def reference_patch(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a made-up lesion and the mark of a click on it, by which a network shows that it answers as it did."""
    y, x = np.mgrid[:pixels, :pixels] - (pixels - 1) / 2
    grey = 1000 + 300 * np.exp(-0.5 * (x * x + y * y) / (pixels / 9) ** 2) + 40 * np.sin(x / 3) * np.cos(y / 5)
    return grey.astype(np.float32), click_mark(pixels, ((pixels - 1) / 2,) * 2)


def samples_of(probability: np.ndarray) -> np.ndarray:
    """Return 64 of a patch's values, evenly spread, shape (64,)."""
    at = np.linspace(0, len(probability) - 1, 8).round().astype(int)
    return probability[np.ix_(at, at)].ravel()


def spread(patch: np.ndarray, grid: Grid, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a patch at the resolution of the image, clipped to it, and its first pixel there.

    Parameters
    ----------
    patch : ndarray (pixels, pixels)
        Such as probabilities; 0 beyond the patch.
    grid : Grid
    size : (int, int)
        Columns and rows of the image.

    Returns
    -------
    values : ndarray (rows, columns)
        float32.
    corner : (int, int)
        Row and column.
    """
    start, length = grid.window(size, margin=0)
    source = sitk.GetImageFromArray(np.ascontiguousarray(patch, dtype=np.float32))
    source.SetOrigin(grid.origin_mm)
    source.SetSpacing((grid.pitch_mm,) * 2)
    origin = tuple(first * spacing for first, spacing in zip(start, grid.spacing, strict=True))
    return sitk.GetArrayFromImage(_resampled(source, length, origin, grid.spacing, False)), start[::-1]


def _resampled(image: sitk.Image, size: tuple, origin: tuple, spacing: tuple, extrapolate: bool) -> sitk.Image:
    identity, linear = sitk.Transform(2, sitk.sitkIdentity), sitk.sitkLinear
    return sitk.Resample(image, size, identity, linear, origin, spacing, _AXES, 0.0, sitk.sitkFloat32, extrapolate)


def component_at(inside: np.ndarray, position: tuple[float, float], reach: float) -> np.ndarray | None:
    """Return the connected part at a position, or the nearest within `reach` pixels, without holes; None without one.

    Parameters
    ----------
    inside : ndarray of bool (rows, columns)
    position : (float, float)
        Column and row.
    reach : float
        In pixels.
    """
    rows, columns = np.nonzero(inside)
    if not rows.size:
        return None
    distance = np.hypot(columns - position[0], rows - position[1])
    nearest = int(distance.argmin())
    if distance[nearest] > reach:
        return None
    labels = sitk.GetArrayViewFromImage(sitk.ConnectedComponent(sitk.GetImageFromArray(inside.astype(np.uint8))))
    part = labels == labels[rows[nearest], columns[nearest]]
    return sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.GetImageFromArray(part.astype(np.uint8)))).astype(bool)
