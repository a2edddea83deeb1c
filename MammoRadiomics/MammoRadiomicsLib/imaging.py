"""Mammograms and outlines as SimpleITK images of one slice, checked before anything is computed.

A mammogram is carried as a 3D image of size (columns, rows, 1): that is how Slicer holds it and what pyradiomics needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import intake
from .dicom import dicom_header, dicom_segmentation
from .errors import InputError
from .intake import Intake
from .slices import FORMATS_WITHOUT_GEOMETRY, one_slice, refuse_implausible_spacing


def read_case(
    image_path: str | Path, mask_path: str | Path, *, label: int = 1, spacing_mm: float | None = None
) -> tuple[sitk.Image, sitk.Image]:
    """Read a mammogram and the outline that goes with it; as :func:`read_case_noting`, without what is known of it."""
    image, roi, _ = read_case_noting(image_path, mask_path, label=label, spacing_mm=spacing_mm)
    return image, roi


def read_case_noting(
    image_path: str | Path, mask_path: str | Path, *, label: int = 1, spacing_mm: float | None = None
) -> tuple[sitk.Image, sitk.Image, Intake]:
    """Read a mammogram, the outline that goes with it, and what is known of the mammogram.

    Parameters
    ----------
    image_path, mask_path : path
        Files that SimpleITK reads (DICOM, NRRD, NIfTI, PNG, TIFF ...) or PGM; the mask may be a DICOM segmentation. A
        mask without geometry takes the image's, provided that rows and columns agree.
    label : int
        Value of the mask's pixels that belong to the lesion, or number of the segment.
    spacing_mm : float, optional
        Size of a pixel in mm, for a file that does not say or says it wrongly.

    Returns
    -------
    image, roi : SimpleITK.Image
        The image, and a uint8 image of the same geometry that is 1 inside the lesion and 0 elsewhere.
    intake : Intake
        Facts and notes, see :mod:`.intake`.

    Raises
    ------
    InputError
        When either file is unusable, they do not belong together, or the pixel spacing is unknown.
    """
    image_path, mask_path = Path(image_path), Path(mask_path)
    if spacing_mm is not None:
        refuse_implausible_spacing(spacing_mm, f"image {image_path.name}")
    image, known = intake.read(image_path)
    if dicom_segmentation.is_segmentation(mask_path):
        uid = dicom_segmentation.instance_uid(image_path)
        roi = _roi_of_segmentation(mask_path, image, known, label, uid)
    else:
        mask = intake.read_mask(mask_path)
        spacings = [known.value("spacing_in_slicer_mm"), (spacing_mm, spacing_mm) if spacing_mm else None]
        if _has_no_place(image_path, image) or _has_no_place(mask_path, mask) or _lies_on(mask, image, spacings):
            mask = _with_geometry(mask, image)
        roi = roi_mask(image, mask, label)
    image = with_spacing(image, spacing_mm, what=f"image {image_path.name}")
    roi.CopyInformation(image)
    return image, roi, known


def read(path: str | Path, what: str = "image") -> sitk.Image:
    """Read one slice, see :func:`.intake.read`; 1 mm stands for an unknown pixel spacing.

    Parameters
    ----------
    path : path
    what : str
        What to call it in an error: image or mask.

    Raises
    ------
    InputError
        When the file is missing, no image, a stack, or in colour.
    """
    return intake.read_mask(path) if what == "mask" else intake.read(path, what)[0]


def _roi_of_segmentation(path: Path, image: sitk.Image, known: Intake, label: int, image_uid: str) -> sitk.Image:
    """Read a DICOM segmentation; its positions count in the spacing that other software shows."""
    shown = _spaced(image, known.value("spacing_in_slicer_mm"))
    mask = dicom_segmentation.read(path, shown, label, image_uid)
    mask.CopyInformation(image)
    return roi_mask(image, mask)


def _has_no_place(path: Path, image: sitk.Image) -> bool:
    """Tell whether a file says nothing of where its pixels lie."""
    unknown = image.GetSpacing()[:2] == (1.0, 1.0) and dicom_header.is_dicom(path)
    return unknown or path.suffix.lower() in FORMATS_WITHOUT_GEOMETRY


def _lies_on(mask: sitk.Image, image: sitk.Image, spacings: list[tuple[float, float] | None]) -> bool:
    """Tell whether a mask lies on the image as it would be at one of some spacings.

    A mask that was drawn in Slicer has the spacing that Slicer showed, or the one that was entered there, which need
    not be the one that the rules give; positions count from the same corner in each.
    """
    shown = [_spaced(image, spacing) for spacing in spacings if spacing]
    return any(_elsewhere(each, mask) is None for each in shown)


def _with_geometry(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    if mask.GetSize() == image.GetSize():
        mask.CopyInformation(image)
    return mask


def _spaced(image: sitk.Image, spacing: tuple[float, float] | None) -> sitk.Image:
    image = sitk.Image(image)
    if spacing:
        image.SetSpacing((*spacing, image.GetSpacing()[2]))
    return image


def with_spacing(image: sitk.Image, spacing_mm: float | None = None, what: str = "image") -> sitk.Image:
    """Return `image` with a known pixel spacing.

    Parameters
    ----------
    image : SimpleITK.Image
        One slice.
    spacing_mm : float, optional
        Size of a pixel in mm; overrides what the image says.
    what : str
        What to call it in an error.

    Raises
    ------
    InputError
        When there is no spacing: a value of exactly 1 mm in both directions is what software writes for "unknown", and
        no mammograph has pixels of 1 mm.
    """
    columns_mm, rows_mm = (spacing_mm, spacing_mm) if spacing_mm is not None else image.GetSpacing()[:2]
    if spacing_mm is None and (columns_mm, rows_mm) == (1.0, 1.0):
        raise InputError(
            f"The {what} does not say how large its pixels are. "
            "Give the pixel spacing in mm (on the command line: --spacing MM)."
        )
    for spacing in (columns_mm, rows_mm):
        refuse_implausible_spacing(spacing, what)
    image = sitk.Image(image)
    image.SetSpacing((columns_mm, rows_mm, 1.0 if spacing_mm is not None else image.GetSpacing()[2]))
    return image


def roi_mask(image: sitk.Image, mask: sitk.Image, label: int = 1) -> sitk.Image:
    """Check that a mask outlines a lesion on an image and return it as 0 and 1.

    Parameters
    ----------
    image, mask : SimpleITK.Image
        One slice each, of the same size, spacing, origin and direction.
    label : int
        Value of the mask's pixels that belong to the lesion.

    Returns
    -------
    SimpleITK.Image
        uint8, with the geometry of `image`.

    Raises
    ------
    InputError
        Stacks and colour images, another geometry, no such label, an outline thinner than two pixels, an
        image that is constant or has pixels that are not finite.
    """
    image, mask = one_slice(image, "image"), one_slice(mask, "mask")
    _refuse_other_geometry(image, mask)
    pixels = sitk.GetArrayViewFromImage(image)
    if not np.isfinite(pixels).all():
        raise InputError(
            f"The image has {np.count_nonzero(~np.isfinite(pixels))} pixels that are not finite numbers. "
            "Export it again without NaN or infinite values."
        )
    if pixels.min() == pixels.max():
        raise InputError(f"The image has the value {pixels.min():g} in every pixel. Pick another image.")
    labels = sitk.GetArrayViewFromImage(mask)
    if label == 0:
        raise InputError("Label 0 is the background of a mask. Pick the label of the lesion.")
    inside = labels == label
    if not inside.any():
        raise InputError(_no_such_label(labels, label))
    rows, columns = (np.ptp(np.flatnonzero(inside[0].any(axis=axis))) + 1 for axis in (1, 0))
    if min(rows, columns) < 2:
        raise InputError(
            f"The outline covers {columns} x {rows} pixels; texture needs at least 2 x 2. Outline the whole lesion."
        )
    roi = sitk.GetImageFromArray(inside.astype(np.uint8))
    roi.CopyInformation(image)
    return roi


def _refuse_other_geometry(image: sitk.Image, mask: sitk.Image) -> None:
    if mask.GetSize() != image.GetSize():
        sizes = (" x ".join(str(n) for n in each.GetSize()[:2]) for each in (mask, image))
        raise InputError("The mask has {} pixels and the image {}. Use the mask drawn on this image.".format(*sizes))
    difference = _elsewhere(image, mask)
    if difference:
        raise InputError(
            f"The mask lies elsewhere than the image: {difference}. Use the mask drawn on this image, or resample it."
        )


def _elsewhere(image: sitk.Image, mask: sitk.Image) -> str | None:
    """Say where the geometry of a mask differs: by 1e-3 of a pixel, or 1e-3 of a direction, as in ITK."""
    tolerance = 1e-3 * min(image.GetSpacing()[:2])
    for quantity, allowed in (("Spacing", tolerance), ("Origin", tolerance), ("Direction", 1e-3)):
        of_image, of_mask = (np.array(getattr(each, f"Get{quantity}")()) for each in (image, mask))
        if not np.allclose(of_mask, of_image, rtol=0, atol=allowed):
            return f"{quantity.lower()} {_short(of_mask)} against {_short(of_image)}"
    return None


def _no_such_label(labels: np.ndarray, label: int) -> str:
    present = np.unique(labels)
    present = present[present != 0]
    if not present.size:
        return "The mask is empty: not one pixel is outlined. Outline the lesion first."
    shown = _short(present[:10]) + (" ..." if present.size > 10 else "")
    return f"The mask has 0 pixels of label {label} (labels present: {shown}). Pick another label."


def _short(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
