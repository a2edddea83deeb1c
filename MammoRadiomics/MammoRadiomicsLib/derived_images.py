"""The images that features are taken from: the original and what pyradiomics' filters make of it.

Each function returns the filtered intensities in the outline's bounding box, equal to what pyradiomics computes on the
whole field (:mod:`~.field`), from as few pixels as the filter needs. The Laplacian of Gaussian is two-dimensional: on a
stack of four or more copies of the slice pyradiomics gives the same numbers, on a single slice it gives none.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .field import Box, Field, as_image
from .presets import Preset, import_radiomics

# Tails of the recursive Gaussian's second derivative and of its smoothing at this many sigma are below single
# precision, in which ITK keeps the filtered image.
DERIVATIVE_REACH, SMOOTHING_REACH = 13, 11
# A field of no more pixels than this is filtered whole: it costs little, and nothing is left to the tail.
SMALL_FIELD = 512 * 512


def derive(field: Field, preset: Preset, image_type: str, wanted: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Make the images of one type.

    Parameters
    ----------
    field : Field
        The mammogram and the outline.
    preset : Preset
        Whose settings hold.
    image_type : str
        One of ``preset.image_types``.
    wanted : collection of str
        Names of the images to make, of those in ``preset.image_names(image_type)``.

    Yields
    ------
    name : str
    pixels : ndarray (rows, columns) of the outline's bounding box
    """
    settings = preset.settings_for(image_type)
    if image_type == "LoG":
        scales = dict(zip(preset.image_names(image_type), settings["sigma"], strict=True))
        yield from ((name, _log(field, sigma)) for name, sigma in scales.items() if name in wanted)
    elif image_type == "Wavelet":
        yield from ((name, pixels) for name, pixels in _wavelet(field, settings) if name in wanted)
    else:
        make = {"Original": _original, "Gradient": _gradient, "LBP2D": _local_binary_pattern}.get(image_type)
        pixels = make(field, settings) if make else _rescaled(field, settings, image_type)
        yield preset.image_names(image_type)[0], pixels


def _original(field: Field, settings: dict[str, Any]) -> np.ndarray:
    return field.roi_pixels


def _pyradiomics_filter(
    image_type: str, pixels: np.ndarray, field: Field, settings: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray]]:
    """Run one of pyradiomics' own filters on an array (rows, columns)."""
    function = getattr(import_radiomics().imageoperations, f"get{image_type}Image")
    image = as_image(np.ascontiguousarray(pixels)[None], field.spacing)
    for filtered, name, _ in function(image, None, **settings):
        yield name, sitk.GetArrayFromImage(filtered)[0]


def _gradient(field: Field, settings: dict[str, Any]) -> np.ndarray:
    """Gradient magnitude by central differences: one pixel around the box is enough."""
    window, box = field.window((1, 1))
    ((_, filtered),) = _pyradiomics_filter("Gradient", window, field, settings)
    return filtered[box.slices]


def _rescaled(field: Field, settings: dict[str, Any], image_type: str) -> np.ndarray:
    """Square, square root, logarithm or exponential, on the scale of the whole field.

    pyradiomics takes that scale, the largest absolute intensity, from the image it is given: one more row carries it.
    """
    pixels = field.roi_pixels.astype(np.float64)
    carrier = np.full((1, pixels.shape[1]), field.peak)
    with np.errstate(all="ignore"):  # a black field has no scale; the result is checked for finite values
        ((_, filtered),) = _pyradiomics_filter(image_type, np.vstack([pixels, carrier]), field, settings)
    return filtered[:-1]


def _wavelet(field: Field, settings: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """Stationary wavelet transform as on the whole field: periodic, an odd length extended by its first pixel."""
    import pywt

    levels = settings.get("start_level", 0) + settings.get("level", 1)
    reach = pywt.Wavelet(settings.get("wavelet", "coif1")).dec_len * levels
    rows, row_span = _periodic(field.box.top, field.box.bottom, field.pixels.shape[0], reach)
    columns, column_span = _periodic(field.box.left, field.box.right, field.pixels.shape[1], reach)
    window = field.pixels[np.ix_(rows, columns)]
    for name, filtered in _pyradiomics_filter("Wavelet", window, field, settings):
        yield name, filtered[row_span, column_span]


def _periodic(start: int, stop: int, length: int, reach: int) -> tuple[np.ndarray, slice]:
    """Indices of an even number of pixels from `start` - `reach` on, and where `start` to `stop` lies among them."""
    even = length + length % 2
    wide = stop - start + 2 * reach
    wide += wide % 2
    if wide >= even:
        return np.arange(length), slice(start, stop)
    indices = np.arange(start - reach, start - reach + wide) % even
    indices[indices == length] = 0
    return indices, slice(reach, reach + stop - start)


def _log(field: Field, sigma: float) -> np.ndarray:
    """Laplacian of Gaussian, normalised across scale, of the slice.

    ITK's LaplacianRecursiveGaussianImageFilter is a sum over directions of a second derivative along one and smoothing
    along the other. Each step runs along lines, so the second one needs only the lines that cross the box. Same steps,
    same order, same rounding to single precision as in the filter.
    """
    _refuse_wide(field, sigma)
    column_mm, row_mm, _ = field.spacing
    window, box = field.window(_reach(field, sigma, SMOOTHING_REACH, DERIVATIVE_REACH))
    along_x = _second_derivative(window, box, (column_mm, row_mm), sigma)
    window, box = field.window(_reach(field, sigma, DERIVATIVE_REACH, SMOOTHING_REACH))
    along_y = _second_derivative(window.T, box.transposed(), (row_mm, column_mm), sigma).T
    total = (along_x * np.float64(1 / column_mm**2)).astype(np.float32)
    return (total + along_y * np.float64(1 / row_mm**2)).astype(np.float32)


def _reach(field: Field, sigma: float, along_rows: float, along_columns: float) -> tuple[int, int]:
    """Rows and columns around the box that a filter with these reaches, in sigma, needs."""
    if field.pixels.size <= SMALL_FIELD:
        return field.pixels.shape
    column_mm, row_mm, _ = field.spacing
    return math.ceil(along_rows * sigma / row_mm), math.ceil(along_columns * sigma / column_mm)


def _second_derivative(window: np.ndarray, box: Box, spacing: tuple[float, float], sigma: float) -> np.ndarray:
    """Second derivative across the columns of a window, smoothed along them, in its box."""
    rows, columns = box.slices
    across = _gaussian(window, spacing, 2, sigma)[:, columns]
    return _gaussian(across.T, spacing[::-1], 0, sigma)[:, rows].T


def _gaussian(pixels: np.ndarray, spacing: tuple[float, float], order: int, sigma: float) -> np.ndarray:
    """A derivative of the smoothed rows, along which the memory lies."""
    recursive = sitk.RecursiveGaussianImageFilter()
    recursive.SetDirection(0)
    recursive.SetOrder(order)
    recursive.SetSigma(sigma)
    recursive.SetNormalizeAcrossScale(True)
    return sitk.GetArrayFromImage(recursive.Execute(as_image(np.ascontiguousarray(pixels), spacing)))


def _refuse_wide(field: Field, sigma: float) -> None:
    """The size that pyradiomics asks of each axis in the plane, below which it would skip the image."""
    for pixels, mm in zip(field.pixels.shape, field.spacing[1::-1], strict=True):
        if pixels < max(4, math.ceil(sigma / mm) + 1):
            raise InputError(
                f"A Laplacian of Gaussian of {sigma} mm is too wide for an image of {pixels * mm:.1f} mm. "
                "Use the whole mammogram, check its pixel spacing, or pick a smaller sigma."
            )


def _local_binary_pattern(field: Field, settings: dict[str, Any]) -> np.ndarray:
    """Local binary patterns in the slice (Ojala et al. 2002, doi 10.1109/TPAMI.2002.1017623).

    The uniform ones are computed here: a neighbour that equals its centre is told from a darker one by the rounding of
    its position on the whole image, which a crop would change. Other variants go through scikit-image on a crop.
    """
    radius, samples = settings.get("lbp2DRadius", 1), settings.get("lbp2DSamples", 8)
    reach = math.ceil(radius) + 1
    if settings.get("lbp2DMethod", "uniform") != "uniform":
        window, box = field.window((reach, reach))
        filtered = list(_pyradiomics_filter("LBP2D", window, field, settings))
        if not filtered:
            raise InputError("Local binary patterns other than uniform need scikit-image. Install it with pip.")
        return filtered[0][1][box.slices]
    neighbours = _circle(field, radius, samples, reach)
    above = np.stack([neighbour >= field.roi_pixels for neighbour in neighbours])
    changes = np.count_nonzero(above[1:] != above[:-1], axis=0)
    return np.where(changes <= 2, np.count_nonzero(above, axis=0), samples + 1).astype(field.pixels.dtype)


def _circle(field: Field, radius: float, samples: int, reach: int) -> Iterator[np.ndarray]:
    """Bilinear interpolations at `samples` points of a circle around each pixel of the box, 0 beyond the image."""
    window, box = field.window((reach, reach))
    lacking = [(reach - have[0], reach - have[1]) for have in _room(window.shape, box)]
    window = np.pad(window.astype(np.float64), lacking)
    angles = 2 * np.pi * np.arange(samples) / samples
    offsets = np.round(np.stack([-radius * np.sin(angles), radius * np.cos(angles)], axis=1), 5)
    for row_offset, column_offset in offsets.tolist():
        up, down, row_weight = _between(field.box.top, field.box.bottom, row_offset, reach)
        left, right, column_weight = _between(field.box.left, field.box.right, column_offset, reach)
        row_weight = row_weight[:, None]
        top = (1 - column_weight) * window[up, left] + column_weight * window[up, right]
        bottom = (1 - column_weight) * window[down, left] + column_weight * window[down, right]
        yield (1 - row_weight) * top + row_weight * bottom


def _room(shape: tuple[int, int], box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pixels of the window before and after the box, by rows and by columns."""
    return (box.top, shape[0] - box.bottom), (box.left, shape[1] - box.right)


def _between(start: int, stop: int, offset: float, reach: int) -> tuple[slice, slice, np.ndarray]:
    """Pixels before and after the positions start...stop + offset in a window, and the weight of the latter."""
    positions = np.arange(start, stop) + offset
    before, after = (int(function(offset)) + reach for function in (math.floor, math.ceil))
    length = stop - start
    return slice(before, before + length), slice(after, after + length), positions - np.floor(positions)
