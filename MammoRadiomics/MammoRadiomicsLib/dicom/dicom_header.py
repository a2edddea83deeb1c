"""The header of a DICOM file, read without its pixels and without trusting it.

Only the attributes that a rule needs are looked at: the patient's name and the like are given where they are asked for.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DependencyError, InputError

IDENTIFIERS = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyDate", "StudyInstanceUID")
_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "ImageType", "Modality", "PresentationIntentType", "Manufacturer",
    "ManufacturerModelName", "BodyPartExamined", "PaddleDescription", "ConversionType",
    "PixelSpacing", "PixelSpacingCalibrationType", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "SpatialResolution", "PixelAspectRatio",
    "ViewPosition", "ViewCodeSequence", "ImageLaterality", "Laterality", "PatientOrientation", "BreastImplantPresent",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PresentationLUTShape", "BurnedInAnnotation",
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
# Three groups of 64 characters, of a name in three scripts (PS3.5, 6.2); nothing else is as long.
_LONGEST = 3 * 64 + 2
_PIXEL_DATA = (0x7FE0, 0x0010)
_ITEM, _END_OF_ITEMS, _UNDEFINED = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD), 0xFFFFFFFF


@dataclass(frozen=True)
class PixelData:
    """How many bytes the element PixelData promises and how many of them are in the file."""

    promised: int
    present: int
    encapsulated: bool


@dataclass
class Header:
    """Attributes of a data set by keyword; what is missing or damaged is empty.

    Attributes
    ----------
    dataset : pydicom.Dataset
    transfer_syntax : str
        UID; empty where the file does not say.
    pixel_data : PixelData or None
        None where there is none, or where it is deflated with the rest.
    unreadable : list of str
        Keywords whose values could not be understood.
    """

    dataset: Any
    transfer_syntax: str = ""
    pixel_data: PixelData | None = None
    unreadable: list[str] = field(default_factory=list)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Values of an attribute as text, without padding; none where one of them cannot be what it should be.

        A damaged length makes an attribute swallow the next ones, the patient's name among them.
        """
        texts = [text for each in self.values(keyword) if (text := str(each).strip(" \0"))]
        if all(text.isprintable() and len(text) <= _LONGEST for text in texts):
            return tuple(texts)
        self._cannot_read(keyword)
        return ()

    def text(self, keyword: str) -> str:
        r"""Values of an attribute as one text, ``A\R``."""
        return "\\".join(self.texts(keyword))

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Values of an attribute as numbers; none where one of them is no number."""
        try:
            return tuple(float(each) for each in self.texts(keyword))
        except ValueError:
            self._cannot_read(keyword)
            return ()

    def integer(self, keyword: str) -> int | None:
        """First value of an attribute as a whole number."""
        numbers = self.numbers(keyword)
        return int(numbers[0]) if numbers and numbers[0].is_integer() else None

    def items(self, keyword: str) -> list[Header]:
        """Items of a sequence."""
        return [Header(each, unreadable=self.unreadable) for each in self.values(keyword) if hasattr(each, "get_item")]

    def values(self, keyword: str) -> list:
        """Values of an attribute as pydicom gives them."""
        try:
            with without_warnings():
                value = self.dataset.get(keyword)
            if isinstance(value, Sequence) and not isinstance(value, str | bytes):
                return list(value)
            return [] if value is None else [value]
        except Exception:  # pydicom's converters raise anything on damaged bytes
            self._cannot_read(keyword)
            return []

    def _cannot_read(self, keyword: str) -> None:
        if keyword not in self.unreadable:
            self.unreadable.append(keyword)


def import_pydicom() -> Any:
    """Return the package pydicom; DependencyError without it."""
    try:
        import pydicom
    except ImportError as error:
        raise DependencyError("Reading DICOM files needs the Python package pydicom. Install it with pip.") from error
    return pydicom


def uid_name(uid: str) -> str:
    """Return what a UID of DICOM's own stands for; the UID itself where pydicom does not know it."""
    with without_warnings():
        return str(import_pydicom().uid.UID(uid).name)


def is_dicom(path: Path) -> bool:
    """Tell a DICOM file by its first bytes: the mark after the preamble, or an early attribute without a preamble."""
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the file.") from error
    if start[128:] == b"DICM":
        return True
    group, element = struct.unpack("<HH", start[:4]) if len(start) == 132 else (0, 0)
    return group in (0x0002, 0x0008) and element < 0x0020


def read(path: Path, what: str) -> Header:
    """Read the header of a DICOM file.

    Raises
    ------
    InputError
        When nothing in it can be read.
    DependencyError
        Without pydicom.
    """
    pydicom = import_pydicom()
    try:
        with without_warnings(), path.open("rb") as file:
            dataset = pydicom.dcmread(
                file, stop_before_pixels=True, force=True, specific_tags=[*_KEYWORDS, *IDENTIFIERS]
            )
            transfer_syntax = (
                Header(dataset.file_meta).text("TransferSyntaxUID") if "file_meta" in vars(dataset) else ""
            )
            return Header(dataset, transfer_syntax, _pixel_data(file, transfer_syntax))
    except Exception as error:  # pydicom raises anything on damaged bytes
        raise unreadable(what, error) from error


def read_whole(path: Path, what: str) -> Any:
    """Read a DICOM file with its pixels as pydicom's data set; raises as :func:`read` does."""
    pydicom = import_pydicom()
    try:
        with without_warnings():
            return pydicom.dcmread(path, force=True)
    except Exception as error:  # pydicom raises anything on damaged bytes
        raise unreadable(what, error) from error


def unreadable(what: str, error: Exception) -> InputError:
    """Return the error that says that a DICOM file is damaged."""
    return InputError(f"The {what} is a damaged DICOM file ({type(error).__name__}). Send or export it again.")


@contextmanager
def without_warnings() -> Iterator[None]:
    """What pydicom warns of is looked for, and said, by the rules; its own sentences quote what they stumble over."""
    logger = logging.getLogger("pydicom")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled


def _pixel_data(file: BinaryIO, transfer_syntax: str) -> PixelData | None:
    """Measure the element at which pydicom stopped (PS3.5 7.1 and A.4), without reading it."""
    order = ">" if transfer_syntax == "1.2.840.10008.1.2.2" else "<"
    start = file.read(12)
    if len(start) < 12 or struct.unpack(f"{order}HH", start[:4]) != _PIXEL_DATA:
        return None
    if start[4:6] in (b"OB", b"OW"):
        (length,) = struct.unpack(f"{order}I", start[8:])
    else:
        (length,) = struct.unpack(f"{order}I", start[4:8])
        file.seek(-4, 1)
    if length == _UNDEFINED:
        return _fragments(file)
    begin = file.tell()
    return PixelData(length, min(length, file.seek(0, 2) - begin), encapsulated=False)


def _fragments(file: BinaryIO) -> PixelData:
    """Follow the items of encapsulated pixels to their end, which a file that was cut short does not have."""
    begin = file.tell()
    end = file.seek(0, 2)
    position = file.seek(begin)
    while position + 8 <= end:
        file.seek(position)
        *tag, length = struct.unpack("<HHI", file.read(8))
        position += 8
        if tuple(tag) == _END_OF_ITEMS:
            return PixelData(position - begin, position - begin, encapsulated=True)
        if tuple(tag) != _ITEM:
            break
        position += length
    return PixelData(max(position, end + 1) - begin, end - begin, encapsulated=True)
