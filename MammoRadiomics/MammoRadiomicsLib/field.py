"""The part of a mammogram that the definition of a feature may look at.

pyradiomics applies its filters to the image that it was given: the whole mammogram, or, after preCrop or resampling,
the outline's bounding box and `padDistance` pixels around it. A :class:`Field` is that image with its outline; the
filters then compute no more of it than they need.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .presets import import_radiomics

# A cubic spline's coefficients fade by 0.268 a pixel, to 1e-18 after this many (Unser 1999, doi 10.1109/79.799930).
_SPLINE_REACH = 32


@dataclass(frozen=True)
class Box:
    """Rows and columns from the first (included) to the last (excluded)."""

    top: int
    bottom: int
    left: int
    right: int

    @staticmethod
    def around(inside: np.ndarray) -> Box:
        """Bounding box of a non-empty boolean array (rows, columns)."""
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array (rows, columns)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def widened(self, margin: tuple[int, int], shape: tuple[int, int]) -> Box:
        """The box and `margin` rows and columns around it, as far as an image of `shape` has them."""
        return Box(
            max(self.top - margin[0], 0),
            min(self.bottom + margin[0], shape[0]),
            max(self.left - margin[1], 0),
            min(self.right + margin[1], shape[1]),
        )

    def with_surroundings(self, shape: tuple[int, int]) -> Box:
        """A square twice as large as the box around it, as far as an image of `shape` has one."""
        height, width = self.shape
        longest = max(height, width)
        return self.widened((longest - height // 2, longest - width // 2), shape)

    def relative_to(self, other: Box) -> Box:
        """The same box, counted from the corner of `other`."""
        return self.shifted(-other.top, -other.left)

    def transposed(self) -> Box:
        """The box on the transposed array."""
        return Box(self.left, self.right, self.top, self.bottom)

    def shifted(self, rows: int, columns: int) -> Box:
        """The box moved down and to the right."""
        return Box(self.top + rows, self.bottom + rows, self.left + columns, self.right + columns)


@dataclass(frozen=True)
class Field:
    """An image, an outline on it and the outline's bounding box.

    Attributes
    ----------
    pixels : ndarray (rows, columns)
        All that the filters may look at.
    inside : ndarray of bool, of the shape of `box`
        True in the lesion.
    shape_inside : ndarray of bool, of the shape of `box`
        The outline whose shape is described: another one where the intensities were thresholded.
    box : Box
        Where `inside` lies on `pixels`.
    spacing : tuple of float
        Size of a pixel in mm: columns, rows, thickness of the slice.
    owner : SimpleITK.Image
        Holds the memory of `pixels`.
    """

    pixels: np.ndarray
    inside: np.ndarray
    shape_inside: np.ndarray
    box: Box
    spacing: tuple[float, float, float]
    owner: sitk.Image

    @functools.cached_property
    def peak(self) -> float:
        """Largest absolute intensity of the field, the scale of the square, square root, logarithm and exponential."""
        return max(float(self.pixels.max()), -float(self.pixels.min()))

    @property
    def roi_pixels(self) -> np.ndarray:
        """Intensities in the bounding box, (rows, columns)."""
        return self.pixels[self.box.slices]

    def window(self, margin: tuple[int, int]) -> tuple[np.ndarray, Box]:
        """Intensities in the bounding box and `margin` around it, and where the bounding box lies on them."""
        wide = self.box.widened(margin, self.pixels.shape)
        return self.pixels[wide.slices], self.box.relative_to(wide)


def as_image(pixels: np.ndarray, spacing: tuple[float, ...]) -> sitk.Image:
    """An array (rows, columns), or (1, rows, columns) for three spacings, as an image at the origin."""
    image = sitk.GetImageFromArray(pixels)
    image.SetSpacing(spacing)
    return image


def prepare(image: sitk.Image, roi: sitk.Image, settings: dict[str, Any]) -> Field:
    """Normalise, resample or crop as the settings say, and find the outline.

    Parameters
    ----------
    image : SimpleITK.Image
        One slice, of size (columns, rows, 1).
    roi : SimpleITK.Image
        Of the same geometry, 1 in the lesion and 0 elsewhere.
    settings : dict
        pyradiomics' settings.

    Returns
    -------
    Field

    Raises
    ------
    InputError
        When the outline is too small, or nothing of it is left after resampling or thresholding.
    """
    if settings.get("normalize"):
        image = import_radiomics().imageoperations.normalizeImage(image, **settings)
    outline = roi
    if settings.get("resampledPixelSpacing") and settings.get("interpolator"):
        image, roi = _resampled(image, roi, settings)
    pixels = sitk.GetArrayViewFromImage(image)[0]
    inside = sitk.GetArrayViewFromImage(roi)[0] == 1
    if not inside.any():
        raise InputError(_too_small(outline, "none", image.GetSpacing()[0]))
    box = Box.around(inside)
    field = Field(pixels, inside[box.slices], inside[box.slices], box, image.GetSpacing(), image)
    if settings.get("preCrop") and not settings.get("resampledPixelSpacing"):
        field = _cropped(field, int(settings.get("padDistance", 5)))
    if settings.get("resegmentRange") is not None:
        field = _thresholded(field, settings)
    _refuse_small(field, settings, outline)
    return field


def _cropped(field: Field, pad: int) -> Field:
    pixels, box = field.window((pad, pad))
    return replace(field, pixels=pixels, box=box)


def _thresholded(field: Field, settings: dict[str, Any]) -> Field:
    """Leave out pixels beyond resegmentRange; pyradiomics describes the shape of the whole outline in the new box."""
    image = as_image(np.ascontiguousarray(field.roi_pixels)[None], field.spacing)
    mask = as_image(field.inside[None].astype(np.uint8), field.spacing)
    try:
        kept = import_radiomics().imageoperations.resegmentMask(image, mask, **{**settings, "label": 1})
    except ValueError as error:
        raise InputError(f"resegmentRange leaves too little of the outline: {error}") from error
    inside = sitk.GetArrayFromImage(kept)[0] == 1
    tight = Box.around(inside)
    box = tight.shifted(field.box.top, field.box.left)
    whole = inside if settings.get("resegmentShape") else field.inside
    return replace(field, inside=inside[tight.slices], shape_inside=whole[tight.slices], box=box)


def _refuse_small(field: Field, settings: dict[str, Any], outline: sitk.Image) -> None:
    rows, columns = field.box.shape
    pixels = np.count_nonzero(field.inside)
    if pixels < 2 or min(rows, columns) < 2 <= settings.get("minimumROIDimensions", 2):
        raise InputError(_too_small(outline, f"{columns} x {rows}", field.spacing[0]))
    fewest = settings.get("minimumROISize")
    if fewest is not None and pixels <= fewest:
        raise InputError(f"The outline has {pixels} pixels; the preset's minimumROISize asks for more than {fewest}.")


def _too_small(outline: sitk.Image, left: str, spacing_mm: float) -> str:
    """Say how large an outline was drawn, and what the preset leaves of it."""
    rows, columns = Box.around(sitk.GetArrayViewFromImage(outline)[0] == 1).shape
    drawn_mm = outline.GetSpacing()[0]
    step = f"resampled to {spacing_mm:g} mm" if spacing_mm != drawn_mm else "after the preset's thresholds"
    return (
        f"The outline covers {columns} x {rows} pixels of {drawn_mm:g} mm; {step}, {left} are left, "
        "and texture needs 2 x 2. Outline the whole lesion."
    )


def _resampled(image: sitk.Image, roi: sitk.Image, settings: dict[str, Any]) -> tuple[sitk.Image, sitk.Image]:
    """Image and outline at the preset's pixel spacing, on pyradiomics' grid.

    That grid shares the corner of the original image and covers the bounding box and `padDistance` new pixels around
    it, within the image (pyradiomics' imageoperations.resampleImage). Only what the spline needs of the original is
    read.
    """
    box = Box.around(sitk.GetArrayViewFromImage(roi)[0] == 1)
    spacing, wanted = np.array(image.GetSpacing()), np.array(settings["resampledPixelSpacing"], dtype=float)
    if wanted.size != 3:
        raise InputError("resampledPixelSpacing needs three numbers: columns, rows, and 0 for the slice.")
    wanted[2] = spacing[2]
    wanted = np.where(wanted == 0, spacing, wanted)
    pad = int(settings.get("padDistance", 5))
    if np.allclose(spacing, wanted):
        wide = box.widened((pad, pad), image.GetSize()[1::-1])
        return _part(image, wide), _part(roi, wide)
    grid, needed = _grid(image, box, wanted, pad)
    interpolator = settings["interpolator"]
    interpolator = getattr(sitk, interpolator) if isinstance(interpolator, str) else interpolator
    if interpolator != sitk.sitkBSpline:
        # These look at the original directly: a part of it would save nothing, and round halves otherwise.
        needed = Box(0, image.GetSize()[1], 0, image.GetSize()[0])
    return _on_grid(grid, image, needed, interpolator), _on_grid(grid, roi, needed, sitk.sitkNearestNeighbor)


def _grid(image: sitk.Image, box: Box, wanted: np.ndarray, pad: int) -> tuple[sitk.ResampleImageFilter, Box]:
    """pyradiomics' grid around a box, and the pixels of the original that a cubic spline on it depends on."""
    spacing, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    ratio = spacing / wanted
    low = np.maximum(np.floor((np.array([box.left, box.top, 0]) - 0.5) * ratio - pad), 0)
    high = np.ceil((np.array([box.right, box.bottom, 1]) - 0.5) * ratio + pad)
    high = np.minimum(high, np.ceil(size * ratio) - 1)
    corner = 0.5 * (wanted - spacing) / spacing + low / ratio
    grid = sitk.ResampleImageFilter()
    grid.SetOutputSpacing(wanted.tolist())
    grid.SetOutputDirection(image.GetDirection())
    grid.SetSize((high - low + 1).astype(int).tolist())
    grid.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint(corner.tolist()))
    (left, top, _), (right, bottom, _) = low / ratio, (high + 1) / ratio
    exact = Box(int(top), int(np.ceil(bottom)) + 1, int(left), int(np.ceil(right)) + 1)
    return grid, exact.widened((_SPLINE_REACH, _SPLINE_REACH), image.GetSize()[1::-1])


def _on_grid(grid: sitk.ResampleImageFilter, image: sitk.Image, needed: Box, interpolator: int) -> sitk.Image:
    grid.SetOutputPixelType(image.GetPixelID())
    grid.SetInterpolator(interpolator)
    return grid.Execute(_part(image, needed))


def _part(image: sitk.Image, box: Box) -> sitk.Image:
    return image[box.left : box.right, box.top : box.bottom, :]
