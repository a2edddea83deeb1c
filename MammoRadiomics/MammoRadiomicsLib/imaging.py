"""Mammograms and outlines as SimpleITK images of one slice, checked before anything is computed.

A mammogram is carried as a 3D image of size (columns, rows, 1): that is how Slicer holds it and what pyradiomics needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .errors import DependencyError, InputError

# These formats carry a print resolution at best, never the size of a detector pixel.
FORMATS_WITHOUT_GEOMETRY = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".tif", ".tiff"})
# Wide enough for magnified views and for images that were made smaller; micrometres entered as mm lie far outside.
PLAUSIBLE_SPACING_MM = (0.005, 2.0)
_PIXEL_SPACING, _IMAGER_PIXEL_SPACING, _MAGNIFICATION = "0028|0030", "0018|1164", "0018|1114"
_PHOTOMETRIC_INTERPRETATION, _SOP_CLASS = "0028|0004", "0008|0016"


def read_case(
    image_path: str | Path, mask_path: str | Path, *, label: int = 1, spacing_mm: float | None = None
) -> tuple[sitk.Image, sitk.Image]:
    """Read a mammogram and the outline that goes with it.

    Parameters
    ----------
    image_path, mask_path : path
        Files that SimpleITK reads (DICOM, NRRD, NIfTI, PNG, TIFF ...) or PGM. A mask in a format without geometry takes
        the image's, provided that rows and columns agree.
    label : int
        Value of the mask's pixels that belong to the lesion.
    spacing_mm : float, optional
        Size of a pixel in mm, for a file that does not say or says it wrongly.

    Returns
    -------
    image, roi : SimpleITK.Image
        The image, and a uint8 image of the same geometry that is 1 inside the lesion and 0 elsewhere.

    Raises
    ------
    InputError
        When either file is unusable, they do not belong together, or the pixel spacing is unknown.
    """
    image = read(image_path, "image")
    mask = read(mask_path, "mask")
    without_geometry = {Path(path).suffix.lower() for path in (image_path, mask_path)} & FORMATS_WITHOUT_GEOMETRY
    if without_geometry and mask.GetSize() == image.GetSize():
        mask.CopyInformation(image)
    roi = roi_mask(image, mask, label)
    image = with_spacing(image, spacing_mm, what=f"image {Path(image_path).name}")
    roi.CopyInformation(image)
    return image, roi


def read(path: str | Path, what: str = "image") -> sitk.Image:
    """Read one slice as it is in its file; DICOM's rules for the pixel spacing apply, 1 mm stands for unknown.

    The header is looked at first, so that a huge stack is refused before it fills the memory.

    Parameters
    ----------
    path : path
        See :func:`read_case`.
    what : str
        What to call it in an error: image or mask.

    Raises
    ------
    InputError
        When the file is missing, no image, a stack, in colour, or of inverted polarity.
    """
    path = Path(path)
    name = f"{what} {path.name}"
    if not path.is_file():
        raise InputError(f"The {name} does not exist: {path}. Check the path.")
    if path.suffix.lower() == ".pgm":
        return _read_with_pillow(path, name)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _refuse_unless_one_grey_slice(reader.GetSize(), reader.GetNumberOfComponents(), name)
        image = one_slice(reader.Execute(), name)
    except RuntimeError as error:
        raise InputError(
            f"The {name} cannot be read as an image. Use DICOM, NRRD, NIfTI, MetaImage, PNG, TIFF or PGM."
        ) from error
    if path.suffix.lower() in FORMATS_WITHOUT_GEOMETRY:
        image.SetSpacing((1.0, 1.0, 1.0))
    if reader.HasMetaDataKey(_SOP_CLASS):
        _apply_dicom_header(image, reader, name)
    return image


def _read_with_pillow(path: Path, name: str) -> sitk.Image:
    try:
        from PIL import Image
    except ImportError as error:
        raise DependencyError("Reading PGM files needs the Python package pillow. Install it with pip.") from error
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"The {name} cannot be read as a PGM image. Export it again, for example as PNG.") from error
    return one_slice(sitk.GetImageFromArray(pixels), name)


def _apply_dicom_header(image: sitk.Image, reader: sitk.ImageFileReader, name: str) -> None:
    """Set the spacing by the DICOM rules (ITK's own value is 1.0 where the file has none)."""

    def values(tag: str) -> list[float]:
        text = reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""
        try:
            return [float(part) for part in text.split("\\") if part.strip()]
        except ValueError:
            return []

    key = _PHOTOMETRIC_INTERPRETATION
    if reader.HasMetaDataKey(key) and reader.GetMetaData(key).strip() == "MONOCHROME1":
        raise InputError(
            f"The {name} is stored with inverted polarity (MONOCHROME1), which this version does not read. "
            "Convert it to MONOCHROME2 first."
        )
    rows_columns = values(_PIXEL_SPACING)
    if len(rows_columns) != 2:
        magnification = (values(_MAGNIFICATION) or [1.0])[0] or 1.0
        rows_columns = [value / magnification for value in values(_IMAGER_PIXEL_SPACING)]
    row_mm, column_mm = rows_columns if len(rows_columns) == 2 else (1.0, 1.0)
    if row_mm > 0 and column_mm > 0:
        image.SetSpacing((column_mm, row_mm, 1.0))


def one_slice(image: sitk.Image, what: str = "image") -> sitk.Image:
    """Return `image` as a 3D grey image of one slice.

    Parameters
    ----------
    image : SimpleITK.Image
        Two-dimensional, or three-dimensional of size (columns, rows, 1).
    what : str
        What to call it in an error.

    Raises
    ------
    InputError
        For stacks, colour images and complex numbers.
    """
    _refuse_unless_one_grey_slice(image.GetSize(), image.GetNumberOfComponentsPerPixel(), what)
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"The {what} has complex pixels; a mammogram has one real value a pixel.")
    return sitk.JoinSeries(image) if image.GetDimension() == 2 else image


def _refuse_unless_one_grey_slice(size: tuple[int, ...], components: int, what: str) -> None:
    if components != 1:
        raise InputError(
            f"The {what} is a colour image with {components} values a pixel; a mammogram has one. "
            "Convert it to greyscale, or use the original DICOM file."
        )
    if len(size) not in (2, 3) or (len(size) == 3 and size[2] != 1):
        dimensions = " x ".join(str(n) for n in size)
        raise InputError(f"The {what} is a stack of {dimensions} pixels; a mammogram is one slice. Pick one 2D image.")


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
    smallest, largest = PLAUSIBLE_SPACING_MM
    for spacing in (columns_mm, rows_mm):
        if not smallest <= spacing <= largest:
            raise InputError(
                f"A pixel spacing of {spacing:g} mm is impossible for the {what}: "
                f"a mammogram's lies between {smallest} and {largest} mm. Give it in millimetres."
            )
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
        Stacks and colour images, another geometry, no such label, an outline thinner than two pixels, pixels of the
        image that are not finite.
    """
    image, mask = one_slice(image, "image"), one_slice(mask, "mask")
    _refuse_other_geometry(image, mask)
    pixels = sitk.GetArrayViewFromImage(image)
    if not np.isfinite(pixels).all():
        raise InputError(
            f"The image has {np.count_nonzero(~np.isfinite(pixels))} pixels that are not finite numbers. "
            "Export it again without NaN or infinite values."
        )
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
    """Compare as ITK does: positions to 1e-3 of a pixel, directions to 1e-3."""
    if mask.GetSize() != image.GetSize():
        sizes = (" x ".join(str(n) for n in each.GetSize()[:2]) for each in (mask, image))
        raise InputError("The mask has {} pixels and the image {}. Use the mask drawn on this image.".format(*sizes))
    tolerance = 1e-3 * min(image.GetSpacing()[:2])
    for quantity, allowed in (("Spacing", tolerance), ("Origin", tolerance), ("Direction", 1e-3)):
        of_image, of_mask = (np.array(getattr(each, f"Get{quantity}")()) for each in (image, mask))
        if not np.allclose(of_mask, of_image, rtol=0, atol=allowed):
            raise InputError(
                f"The mask lies elsewhere than the image: {quantity.lower()} {_short(of_mask)} against "
                f"{_short(of_image)}. Use the mask drawn on this image, or resample it."
            )


def _no_such_label(labels: np.ndarray, label: int) -> str:
    present = np.unique(labels)
    present = present[present != 0]
    if not present.size:
        return "The mask is empty: not one pixel is outlined. Outline the lesion first."
    shown = _short(present[:10]) + (" ..." if present.size > 10 else "")
    return f"The mask has 0 pixels of label {label} (labels present: {shown}). Pick another label."


def _short(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
