"""Mammograms as they come: what a file says of itself, and its pixels by the same rules.

Whoever reads a mammogram reads it here, so that extraction, prediction and the intake report agree. Pixels of DICOM
files come from GDCM, as in Slicer's default loader: MONOCHROME1 becomes 2^BitsStored - 1 - v and a rescale is applied.
Added here are what GDCM leaves out: a modality LUT that is a table, and the rules for the pixel spacing (GDCM takes
ImagerPixelSpacing as it is). The VOI LUT, which is for display, is never applied.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from . import native_messages, surroundings, views
from .dicom import dicom_facts, dicom_header, modality_lut
from .errors import DependencyError, InputError
from .facts import Fact, Findings, Intake
from .slices import FORMATS_WITHOUT_GEOMETRY, one_slice, refuse_unless_one_grey_slice

__all__ = ["Fact", "Intake", "inspect", "of_volume", "read", "read_mask"]

_LOSSY_SUFFIXES, _TIFF_SUFFIXES = (".jpg", ".jpeg"), (".tif", ".tiff")
_TIFF_PHOTOMETRIC = 262
_UNREADABLE = (
    "cannot be read as an image: it is damaged, cut short or none. Copy it again, or use DICOM, NRRD, NIfTI, "
    "MetaImage, PNG, TIFF or PGM."
)


def inspect(path: str | Path, *, pixels: bool = True, identifiers: bool = False) -> Intake:
    """Find out what an image file is, without raising for an unusable one: its refusal is part of the answer.

    Parameters
    ----------
    path : path
        DICOM, PNG, TIFF, NRRD, NIfTI, MetaImage, JPEG, BMP or PGM.
    pixels : bool
        Look at the pixels as well, for what only they show; False takes a few milliseconds.
    identifiers : bool
        Tell patient and examination as well.

    Returns
    -------
    Intake
    """
    path = Path(path)
    found, header = _by_header(path, "image")
    if identifiers and header:
        dicom_facts.identifiers(header, found)
    if pixels and not found.refusal:
        try:
            image = _with_rules(_decoded(path, found), header, found)
            _refuse_useless(sitk.GetArrayViewFromImage(image)[0], found)
        except InputError as error:
            found.refusal = str(error)
        else:
            if not found.refusal:
                surroundings.look(sitk.GetArrayViewFromImage(image)[0], found)
    return found.as_intake(path.name)


def read(path: str | Path, what: str = "image") -> tuple[sitk.Image, Intake]:
    """Read a mammogram.

    Parameters
    ----------
    path : path
        See :func:`inspect`.
    what : str
        What to call it in an error.

    Returns
    -------
    image : SimpleITK.Image
        One slice: modality LUT applied, VOI LUT not, bright where the breast is dense. Its spacing is 1 mm where the
        file does not say; :func:`.imaging.with_spacing` refuses that.
    intake : Intake
        What :func:`inspect` says without looking at pixels.

    Raises
    ------
    InputError
        With the refusal.
    """
    path = Path(path)
    found, header = _by_header(path, what)
    if found.refusal:
        raise InputError(found.refusal)
    image = _with_rules(_decoded(path, found), header, found)
    return image, found.as_intake(path.name)


def read_mask(path: str | Path) -> sitk.Image:
    """Read a mask that is stored as an image: labels as they are, of one slice.

    Raises
    ------
    InputError
        When the file is missing, no image, a stack, in colour, or MONOCHROME1.
    """
    path = Path(path)
    found = Findings(f"mask {path.name}")
    _refuse_missing(path, found)
    if not found.refusal and dicom_header.is_dicom(path):
        dicom_facts.collect_for_mask(dicom_header.read(path, found.what), found)
    if found.refusal:
        raise InputError(found.refusal)
    return _decoded(path, found)


def of_volume(path: str | Path, volume: sitk.Image) -> tuple[sitk.Image, Intake]:
    """Return the mammogram behind a volume that Slicer loaded: the file's pixels and spacing, in the volume's place.

    Parameters
    ----------
    path : path
        The volume's DICOM file (``slicer.dicomDatabase.fileForInstance``).
    volume : SimpleITK.Image
        The volume as it is in the scene.

    Returns
    -------
    image : SimpleITK.Image
        As :func:`read` gives it, with origin and direction of the volume.
    intake : Intake
        With a note where Slicer's DCMTK reader, which does not invert MONOCHROME1, has loaded the volume.

    Raises
    ------
    InputError
        When the file is refused, or the volume no longer holds its pixels.
    """
    path = Path(path)
    found, header = _by_header(path, "image")
    if found.refusal:
        raise InputError(found.refusal)
    loaded = _decoded(path, found)
    image = _with_rules(loaded, header, found)
    _refuse_edited(volume, (loaded, image), found)
    image.SetOrigin(volume.GetOrigin())
    image.SetDirection(volume.GetDirection())
    return image, found.as_intake(path.name)


def _by_header(path: Path, what: str) -> tuple[Findings, dicom_header.Header | None]:
    """Return what the header of a file says, and the header of a DICOM file."""
    found = Findings(f"{what} {path.name}")
    _refuse_missing(path, found)
    if found.refusal:
        return found, None
    try:
        if dicom_header.is_dicom(path):
            header = dicom_header.read(path, found.what)
            dicom_facts.collect(header, path.name, found)
            return found, header
        _plain_header(path, found)
    except InputError as error:
        found.refusal = str(error)
    return found, None


def _refuse_missing(path: Path, found: Findings) -> None:
    if not path.is_file():
        found.refuse(
            f"is no file: {path}. Give one image file." if path.exists() else f"does not exist: {path}. Check the path."
        )


def _plain_header(path: Path, found: Findings) -> None:
    """What a format without DICOM's attributes says: size, type, perhaps a spacing; the rest is in the file's name."""
    suffix = path.suffix.lower()
    found.add("format", suffix.lstrip(".").upper() or "image", "file name")
    views.of_plain_file(path.name, found)
    if suffix in _LOSSY_SUFFIXES:
        found.add("lossy_compression", True, "file name")
        found.note("JPEG compression has changed the texture. Use the original DICOM file if you can.")
    if suffix == ".pgm":
        size, spacing = _size_by_pillow(path, found.what), (1.0, 1.0)
    else:
        reader = _plain_reader(path, found)
        size, spacing = reader.GetSize()[:2], reader.GetSpacing()[:2]
        found.add("pixel_type", sitk.GetPixelIDValueAsString(reader.GetPixelIDValue()), "header")
    found.add("size", list(size), "header")
    if suffix in _TIFF_SUFFIXES and _is_white_zero(path, found.what):
        found.refuse("stores white as zero (TIFF WhiteIsZero), which its reader ignores. Export it with black as zero.")
    if suffix in FORMATS_WITHOUT_GEOMETRY:
        found.add("pixel_spacing_mm", None, f"{suffix} files hold a print resolution at best")
    elif spacing == (1.0, 1.0):
        found.add("pixel_spacing_mm", None, "exactly 1 mm, which software writes for an unknown spacing")
    else:
        found.add("pixel_spacing_mm", list(spacing), "header")
    if found.facts["pixel_spacing_mm"].value is None:
        found.note("The file does not say how large its pixels are. Give the pixel spacing in mm (--spacing MM).")


def _plain_reader(path: Path, found: Findings) -> sitk.ImageFileReader:
    """Return a reader that has read the header, so that a huge stack is refused before it fills the memory."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"The {found.what} {_UNREADABLE}") from error
    refuse_unless_one_grey_slice(reader.GetSize(), reader.GetNumberOfComponents(), found.what)
    return reader


def _decoded(path: Path, found: Findings) -> sitk.Image:
    """Return the pixels as their reader gives them."""
    if dicom_header.is_dicom(path):
        return _decoded_by_gdcm(path, found)
    if path.suffix.lower() == ".pgm":
        return _read_with_pillow(path, found.what)
    reader = _plain_reader(path, found)
    try:
        image = one_slice(reader.Execute(), found.what)
    except RuntimeError as error:
        raise InputError(f"The {found.what} {_UNREADABLE}") from error
    if path.suffix.lower() in FORMATS_WITHOUT_GEOMETRY:
        image.SetSpacing((1.0, 1.0, 1.0))
    return image


def _decoded_by_gdcm(path: Path, found: Findings) -> sitk.Image:
    """Return the pixels of a DICOM file whose header has passed the rules; naming the reader halves its time."""
    try:
        with native_messages.caught() as lines:
            image = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        raise InputError(f"The {found.what} has pixels that GDCM cannot decode. Export it uncompressed.") from error
    if any(line.startswith(native_messages.DAMAGE) for line in lines):
        raise InputError(f"The {found.what} has damaged JPEG data. Send or export it again.")
    image = one_slice(image, found.what)
    size = found.facts.get("size")
    if size and list(image.GetSize()[:2]) != size.value:
        raise InputError(f"The {found.what} contradicts itself about its size. Send or export it again.")
    return image


def _with_rules(image: sitk.Image, header: dicom_header.Header | None, found: Findings) -> sitk.Image:
    """Apply to the pixels of a DICOM file what its reader leaves out."""
    if header is None:
        return image
    table = modality_lut.table_of(header)
    if table:
        inverted = found.facts["polarity"].value == "MONOCHROME1"
        looked_up = table.applied(sitk.GetArrayViewFromImage(image), header.integer("BitsStored") or 16, inverted)
        geometry, image = image, sitk.GetImageFromArray(looked_up)
        image.CopyInformation(geometry)
    loaded, spacing = image.GetSpacing()[:2], found.facts["pixel_spacing_mm"].value
    if spacing and not np.allclose(loaded, spacing, rtol=1e-3):
        shown = " x ".join(f"{each:.4g}" for each in dict.fromkeys(loaded))
        found.add("spacing_in_slicer_mm", list(loaded), "GDCM, which Slicer loads with")
        found.note(f"Slicer shows this file with {shown} mm; lengths measured there differ from those used here.")
    image.SetSpacing((*(spacing or (1.0, 1.0)), 1.0))
    return image


def _refuse_useless(pixels: np.ndarray, found: Findings) -> None:
    if not np.isfinite(pixels).all():
        count = np.count_nonzero(~np.isfinite(pixels))
        found.refuse(f"has {count} pixels that are not finite numbers. Export it again without NaN or infinite values.")
    elif pixels.min() == pixels.max():
        found.refuse(f"has the value {pixels.min():g} in every pixel. Pick another image.")


def _refuse_edited(volume: sitk.Image, of_file: tuple[sitk.Image, ...], found: Findings) -> None:
    """Refuse a volume that is none of the images that readers make of its file, of the file's polarity or the other."""
    again = "Load the mammogram again, or give the pixel spacing to use the volume as it is."
    if volume.GetSize() != of_file[0].GetSize():
        raise InputError(f"The volume is no longer as large as its {found.what}. {again}")
    shown, *known = (sitk.GetArrayViewFromImage(each) for each in (volume, *of_file))
    if any(np.array_equal(shown, each) for each in known):
        return
    inverted = "polarity" in found.facts and found.facts["polarity"].value == "MONOCHROME1"
    if not inverted or all(np.ptp(shown.astype(np.float64) + each) for each in known):
        raise InputError(f"The volume no longer has the pixels of its {found.what}. {again}")
    found.note("Slicer has loaded the volume without inverting MONOCHROME1; the pixels are taken from the file.")


def _size_by_pillow(path: Path, what: str) -> tuple[int, int]:
    with _opened_by_pillow(path, what) as picture:
        return picture.size


def _is_white_zero(path: Path, what: str) -> bool:
    """Tell an inverted TIFF file; one of a kind that pillow does not know cannot be told."""
    try:
        with _opened_by_pillow(path, what) as picture:
            return picture.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
    except InputError:
        return False


def _read_with_pillow(path: Path, what: str) -> sitk.Image:
    with _opened_by_pillow(path, what) as picture:
        pixels = np.asarray(picture)
    return one_slice(sitk.GetImageFromArray(pixels), what)


@contextmanager
def _opened_by_pillow(path: Path, what: str) -> Iterator[Any]:
    try:
        from PIL import Image
    except ImportError as error:
        raise DependencyError("Reading PGM and TIFF files needs the Python package pillow. Install it.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                yield picture
    except Exception as error:  # pillow raises anything on damaged bytes
        kind = path.suffix.lstrip(".").upper()
        raise InputError(
            f"The {what} cannot be read as a {kind} image. Export it again, for example as PNG."
        ) from error
