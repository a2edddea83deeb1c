"""One slice of grey values: all that a mammogram or a mask may be."""

from __future__ import annotations

import SimpleITK as sitk

from .errors import InputError

# These formats carry a print resolution at best, never the size of a detector pixel.
FORMATS_WITHOUT_GEOMETRY = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".tif", ".tiff"})
# Wide enough for magnified views and for images that were made smaller; micrometres entered as mm lie far outside.
PLAUSIBLE_SPACING_MM = (0.005, 2.0)
# Several times the largest detector and film scan; a damaged header may claim anything.
MOST_PIXELS = 200_000_000


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
    refuse_unless_one_grey_slice(image.GetSize(), image.GetNumberOfComponentsPerPixel(), what)
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"The {what} has complex pixels; a mammogram has one real value a pixel.")
    return sitk.JoinSeries(image) if image.GetDimension() == 2 else image


def refuse_unless_one_grey_slice(size: tuple[int, ...], components: int, what: str) -> None:
    """Raise InputError by what a header says of an image; `what` is what to call it."""
    if components != 1:
        raise InputError(
            f"The {what} is a colour image with {components} values a pixel; a mammogram has one. "
            "Convert it to greyscale, or use the original DICOM file."
        )
    if len(size) not in (2, 3) or (len(size) == 3 and size[2] != 1):
        dimensions = " x ".join(str(n) for n in size)
        raise InputError(f"The {what} is a stack of {dimensions} pixels; a mammogram is one slice. Pick one 2D image.")
    if size[0] * size[1] > MOST_PIXELS:
        raise InputError(
            f"The {what} claims {size[0]} x {size[1]} pixels, more than any mammogram has. Send or export it again."
        )


def refuse_implausible_spacing(spacing_mm: float, what: str) -> None:
    """Raise InputError for a pixel spacing that no mammogram has; `what` is what it is said of."""
    smallest, largest = PLAUSIBLE_SPACING_MM
    if not smallest <= spacing_mm <= largest:
        raise InputError(
            f"A pixel spacing of {spacing_mm:g} mm is impossible for the {what}: "
            f"a mammogram's lies between {smallest} and {largest} mm. Give it in millimetres."
        )
