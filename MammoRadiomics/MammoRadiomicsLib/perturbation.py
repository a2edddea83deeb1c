"""Other outlines that a careful reader might have drawn, made from one.

The model is Zwanenburg et al., Sci Rep 9:614 (2019): shifts, rotations, growth and shrinkage, randomised contours.
There supervoxels of the image randomise the contour; here a smooth random field does, so that the mask is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from . import imaging
from .errors import InputError
from .field import Box


@dataclass(frozen=True)
class Spread:
    """How far outlines may lie from the one they are made from; lengths as shares of its equivalent diameter.

    Parameters
    ----------
    shift : float
        Largest shift along rows and along columns.
    rotation_degrees : float
        Largest rotation around the centroid, either way.
    area : float
        Largest relative change of the area, either way.
    contour : float
        SD of the contour's displacement.
    correlation : float
        Distance along the contour over which displacements agree.
    """

    shift: float = 0.03
    rotation_degrees: float = 5.0
    area: float = 0.15
    contour: float = 0.02
    correlation: float = 0.15


def perturbed_masks(mask: sitk.Image, count: int, seed: int = 15, spread: Spread | None = None) -> list[sitk.Image]:
    """Return plausible variants of an outline.

    Parameters
    ----------
    mask : SimpleITK.Image
        One slice; nonzero inside the lesion.
    count : int
        How many.
    seed : int
        Equal seeds give equal masks; the first n of more are the same n.
    spread : Spread, optional
        How far they may lie apart.

    Returns
    -------
    list of SimpleITK.Image
        uint8, 1 inside, with the geometry of `mask`.

    Raises
    ------
    InputError
        When the mask is empty or `count` is below 1.
    """
    if count < 1:
        raise InputError(f"{count} perturbed outlines cannot be made; ask for at least 1, or leave them out.")
    inside = sitk.GetArrayViewFromImage(imaging.one_slice(mask, "mask"))[0] != 0
    if not inside.any():
        raise InputError("The mask is empty: not one pixel is outlined. Outline the lesion first.")
    diameter = 2 * np.sqrt(inside.sum() / np.pi)
    margin = int(np.ceil(0.3 * diameter)) + 3
    window = Box.around(inside).widened((margin, margin), inside.shape).slices
    variants = []
    for generator in np.random.SeedSequence(seed).spawn(count):
        pixels = np.zeros((1, *inside.shape), np.uint8)
        rng = np.random.default_rng(generator)
        pixels[0][window] = _variant(inside[window], diameter, rng, spread or Spread())
        variant = sitk.GetImageFromArray(pixels)
        variant.CopyInformation(mask)
        variants.append(variant)
    return variants


def _variant(inside: np.ndarray, diameter: float, rng: np.random.Generator, spread: Spread) -> np.ndarray:
    """Move the signed distance from the contour, disturb it, and take its lowest pixels up to the new area."""
    from scipy import ndimage

    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    angle = np.radians(rng.uniform(-1, 1) * spread.rotation_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centroid = np.array(ndimage.center_of_mass(inside))
    shift = rng.uniform(-1, 1, 2) * spread.shift * diameter
    moved = ndimage.affine_transform(distance, turn, centroid - turn @ (centroid + shift), order=1, mode="nearest")
    noise = ndimage.gaussian_filter(rng.standard_normal(inside.shape), spread.correlation * diameter)
    moved += spread.contour * diameter * noise / max(noise.std(), np.finfo(float).tiny)
    area = max(4, round(inside.sum() * (1 + rng.uniform(-1, 1) * spread.area)))
    area = min(area, inside.size)
    variant = moved <= np.partition(moved, area - 1, axis=None)[area - 1]
    # The field can cut specks loose far from the lesion; what touches the lesion stays.
    pieces, _ = ndimage.label(variant)
    touching = np.setdiff1d(np.unique(pieces[inside]), [0])
    return np.isin(pieces, touching) if touching.size else inside
