"""Radiomic features of one lesion on one mammogram: pyradiomics' numbers, without its waste.

``study-1409`` is pyradiomics on the whole mammogram (no cropping, no resampling), the Laplacian of Gaussian taken in
the plane of the slice. ``mammo-2d``, and any parameter file that resamples or crops, is pyradiomics on the outline's
bounding box and `padDistance` pixels around it: what lies farther away, such as a lead marker in a corner, changes
nothing.
"""

from __future__ import annotations

import contextlib
import functools
import math
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import derived_images, field, imaging, presets, shape, texture
from .errors import InputError

FEWEST_GREY_LEVELS, MOST_GREY_LEVELS = 16, 256
_SHAPE_PREFIXES = tuple(f"original_{name}_" for name in presets.SHAPE_CLASSES)


class GreyLevelWarning(UserWarning):
    """The bin width or count does not suit the intensities of this mammogram."""


def extract(
    image: sitk.Image,
    mask: sitk.Image,
    preset: str | Path | presets.Preset = "study-1409",
    names: Iterable[str] | None = None,
    *,
    label: int = 1,
) -> dict[str, float]:
    """Compute the features of one outline.

    Parameters
    ----------
    image : SimpleITK.Image
        The mammogram, one slice, with its pixel spacing in mm.
    mask : SimpleITK.Image
        The outline, of the same geometry.
    preset : str, path or Preset
        ``study-1409``, ``mammo-2d``, a pyradiomics parameter file or a loaded preset.
    names : iterable of str, optional
        Only these features; the images, matrices and classes that they need are computed and no others. The values
        are those of the full set, bit for bit.
    label : int
        Value of the mask's pixels that belong to the lesion.

    Returns
    -------
    dict of str to float
        Feature values by pyradiomics' names, in the preset's order, or in that of `names`.

    Raises
    ------
    InputError
        An unusable image, mask or preset, a name that the preset does not have, a feature without a finite value.
    DependencyError
        Without pyradiomics.

    Warns
    -----
    GreyLevelWarning
        Where the lesion has fewer than 16 or more than 256 grey levels on the original image.

    Examples
    --------
    >>> values = extract(image, mask)  # doctest: +SKIP
    >>> len(values), values["original_firstorder_Mean"]  # doctest: +SKIP
    (1409, 1874.2)
    """
    preset = presets.load(preset)
    wanted = _wanted(preset, names)
    roi = imaging.roi_mask(image, mask, label)
    mammogram = field.prepare(imaging.one_slice(image), roi, preset.settings)
    if not all(name.startswith(_SHAPE_PREFIXES) for name in wanted):
        _warn_of_grey_levels(mammogram, preset)
    with np.errstate(all="ignore"), _one_blas_thread():  # what is not finite is an error below
        computed = dict(_values(mammogram, preset, set(wanted)))
    return _checked(computed, wanted, preset)


def _one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep the eigenvalues of small matrices to one thread: with more their last digit depends on the number of cores.

    More threads are also slower, by a hundred times where cores are busy. Without threadpoolctl BLAS stays as it is.
    """
    controller = _thread_controller()
    return controller.limit(limits=1, user_api="blas") if controller else contextlib.nullcontext()


@functools.cache
def _thread_controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


def _wanted(preset: presets.Preset, names: Iterable[str] | None) -> tuple[str, ...]:
    known = preset.feature_names()
    if names is None:
        return known
    wanted = tuple(dict.fromkeys([names] if isinstance(names, str) else names))
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(
            f"Preset {preset.name} has no feature named {', '.join(unknown[:5])}"
            f"{f' and {len(unknown) - 5} more' if len(unknown) > 5 else ''}. Use the preset that the names come from."
        )
    return wanted


def _values(mammogram: field.Field, preset: presets.Preset, wanted: set[str]) -> Iterator[tuple[str, float]]:
    for name in presets.SHAPE_CLASSES:
        features = _requested(preset, "original", name, wanted)
        if features:
            calculator = shape.shape_class(name, mammogram, preset.settings)
            yield from ((f"original_{name}_{each}", value) for each, value in texture.evaluate(calculator, features))
    for image_type in preset.image_types:
        yield from _values_of_images(mammogram, preset, image_type, wanted)


def _values_of_images(
    mammogram: field.Field, preset: presets.Preset, image_type: str, wanted: set[str]
) -> Iterator[tuple[str, float]]:
    settings = preset.settings_for(image_type)
    classes = [name for name in preset.feature_classes if name not in presets.SHAPE_CLASSES]
    requests = {
        image: {name: features for name in classes if (features := _requested(preset, image, name, wanted))}
        for image in preset.image_names(image_type)
    }
    needed = [image for image, by_class in requests.items() if by_class]
    if not needed:
        return
    for image, pixels in derived_images.derive(mammogram, preset, image_type, needed):
        region = texture.discretise(image, pixels, mammogram.inside, mammogram.spacing, settings)
        for name, features in requests[image].items():
            found = texture.values_of(name, region, settings, features)
            yield from ((f"{image}_{name}_{each}", value) for each, value in found)


def _requested(preset: presets.Preset, image: str, feature_class: str, wanted: set[str]) -> list[str]:
    if feature_class not in preset.feature_classes:
        return []
    return [each for each in preset.features_of(feature_class) if f"{image}_{feature_class}_{each}" in wanted]


def _warn_of_grey_levels(mammogram: field.Field, preset: presets.Preset) -> None:
    settings = preset.settings_for("Original") if "Original" in preset.image_types else preset.settings
    original = texture.discretise("original", mammogram.roi_pixels, mammogram.inside, mammogram.spacing, settings)
    levels = len(original.levels)
    remedy = "" if settings.get("binCount") else " Use a preset with a bin count, such as mammo-2d."
    if not FEWEST_GREY_LEVELS <= levels <= MOST_GREY_LEVELS:
        warnings.warn(
            f"The lesion has {levels} grey level{'s' if levels > 1 else ''} with preset {preset.name}; "
            f"texture is meaningful with {FEWEST_GREY_LEVELS} to {MOST_GREY_LEVELS}.{remedy}",
            GreyLevelWarning,
            stacklevel=3,
        )


def _checked(computed: dict[str, float], wanted: tuple[str, ...], preset: presets.Preset) -> dict[str, float]:
    missing = [name for name in wanted if name not in computed]
    if missing or len(computed) != len(wanted):
        raise InputError(
            f"Preset {preset.name} promises {len(wanted)} features and {len(computed)} were computed "
            f"(missing: {', '.join(missing[:5]) or 'none'}). Use another version of pyradiomics."
        )
    useless = [name for name in wanted if not math.isfinite(computed[name])]
    if useless:
        raise InputError(
            f"{len(useless)} features have no finite value on this outline ({', '.join(useless[:5])}"
            f"{' ...' if len(useless) > 5 else ''}). Outline a larger or less uniform region."
        )
    return {name: computed[name] for name in wanted}
