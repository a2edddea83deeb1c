"""Masks that are DICOM segmentations (SEG): one segment of them, laid on the image that it was drawn on.

Frames of a segmentation are sparse and may be smaller than the image. A frame that names the image as its source, or
names none, and is as large as the image lies on its pixels; any other frame is placed by its position.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from . import dicom_header
from .dicom_header import Header

_SEGMENTATION, _LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
# Of a pixel or a direction cosine: positions are written with sixteen characters at most.
_TOLERANCE = 1e-2


def is_segmentation(path: str | Path) -> bool:
    """Tell whether a file is a DICOM segmentation."""
    path = Path(path)
    if not path.is_file() or not dicom_header.is_dicom(path):
        return False
    return dicom_header.read(path, f"mask {path.name}").text("SOPClassUID") in (_SEGMENTATION, _LABEL_MAP)


def instance_uid(path: str | Path) -> str:
    """Return the SOP Instance UID of a DICOM file; empty for other files."""
    path = Path(path)
    if not dicom_header.is_dicom(path):
        return ""
    return dicom_header.read(path, f"image {path.name}").text("SOPInstanceUID")


def read(path: str | Path, image: sitk.Image, label: int = 1, image_uid: str = "") -> sitk.Image:
    """Read one segment of a DICOM segmentation.

    Parameters
    ----------
    path : path
    image : SimpleITK.Image
        The image that it was drawn on, one slice.
    label : int
        Segment number.
    image_uid : str
        SOP Instance UID of the image, where it has one.

    Returns
    -------
    SimpleITK.Image
        uint8, 1 inside the segment, with the geometry of `image`. A fractional segment is taken where it covers a
        pixel by half or more.

    Raises
    ------
    InputError
        When there is no such segment, it was drawn on another image, or it does not lie on pixels of this one.
    """
    path = Path(path)
    whole = Header(dicom_header.read_whole(path, f"mask {path.name}"))
    canvas = _Canvas(f"mask {path.name}", image, image_uid)
    placed = [canvas.place(groups, pixels) for groups, pixels in _frames_of(whole, label, canvas.name)]
    if placed and not any(placed):
        raise InputError(f"The {canvas.name} was drawn on other images than this one. Use the image that it refers to.")
    mask = sitk.GetImageFromArray(canvas.inside[None].astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def _frames_of(whole: Header, label: int, name: str) -> Iterator[tuple[list[Header], np.ndarray]]:
    """Yield functional groups and pixels (rows, columns) of each frame of a segment."""
    shared, frames = whole.items("SharedFunctionalGroupsSequence"), whole.items("PerFrameFunctionalGroupsSequence")
    is_label_map = whole.text("SOPClassUID") == _LABEL_MAP or whole.text("SegmentationType").upper() == "LABELMAP"
    numbers = {number for each in whole.items("SegmentSequence") if (number := each.integer("SegmentNumber"))}
    if label not in numbers:
        present = ", ".join(str(each) for each in sorted(numbers)) or "none"
        raise InputError(f"The {name} has no segment {label} (segments present: {present}). Pick another label.")
    pixels = _pixels(whole, name)
    if not len(pixels) == len(frames):
        raise InputError(f"The {name} describes {len(frames)} frames and holds {len(pixels)}. Export it again.")
    least = label if is_label_map else _least(whole)
    for frame, values in zip(frames, pixels, strict=True):
        groups = [frame, *shared]
        if is_label_map:
            yield groups, values == least
        elif _first(groups, "SegmentIdentificationSequence", "ReferencedSegmentNumber") == (label,):
            yield groups, values >= least


def _least(whole: Header) -> float:
    """Return the value from which a pixel belongs to a segment: half of what stands for a whole pixel."""
    fractional = whole.text("SegmentationType").upper() == "FRACTIONAL"
    return (whole.integer("MaximumFractionalValue") or 255) / 2 if fractional else 1


def _pixels(whole: Header, name: str) -> np.ndarray:
    """Return all frames, (frames, rows, columns)."""
    try:
        with dicom_header.without_warnings():
            pixels = np.asarray(whole.dataset.pixel_array)
    except Exception as error:  # pydicom raises anything on damaged bytes
        raise dicom_header.unreadable(name, error) from error
    return pixels[None] if pixels.ndim == 2 else pixels


def _first(groups: list[Header], sequence: str, keyword: str) -> tuple[float, ...]:
    """Return the numbers of an attribute from the first group that has it: of the frame, then of all frames."""
    for group in groups:
        for item in group.items(sequence):
            if numbers := item.numbers(keyword):
                return numbers
    return ()


class _Canvas:
    """The pixels of an image, on which frames are laid.

    Parameters
    ----------
    name : str
        What to call the segmentation in an error.
    image : SimpleITK.Image
    uid : str
        SOP Instance UID of the image, where it has one.
    """

    def __init__(self, name: str, image: sitk.Image, uid: str) -> None:
        self.name, self.image, self.uid = name, image, uid
        self.inside = np.zeros(image.GetSize()[1::-1], bool)

    def place(self, groups: list[Header], pixels: np.ndarray) -> bool:
        """Add a frame; False for one that was drawn on another image."""
        sources = {
            source.text("ReferencedSOPInstanceUID")
            for group in groups
            for derivation in group.items("DerivationImageSequence")
            for source in derivation.items("SourceImageSequence")
        }
        if self.uid and sources and self.uid not in sources:
            return False
        position = _first(groups, "PlanePositionSequence", "ImagePositionPatient")
        if pixels.shape == self.inside.shape and (self.uid in sources or len(position) != 3):
            self.inside |= pixels
        elif len(position) != 3:
            sizes = (f"{columns} x {rows}" for rows, columns in (pixels.shape, self.inside.shape))
            raise InputError("The {} has {} pixels and the image {}, and no position.".format(self.name, *sizes))
        elif pixels.any():
            self._place_at(self._corner(np.array(position), groups), pixels)
        return True

    def _corner(self, position: np.ndarray, groups: list[Header]) -> tuple[int, int]:
        """Return row and column on which the first pixel of a frame lies."""
        axes, spacing = np.array(self.image.GetDirection()).reshape(3, 3), np.array(self.image.GetSpacing())
        offset = axes.T @ (position - self.image.GetOrigin()) / spacing
        orientation = _first(groups, "PlaneOrientationSequence", "ImageOrientationPatient")
        height_width = _first(groups, "PixelMeasuresSequence", "PixelSpacing")
        if not (
            np.allclose(offset, np.round(offset), rtol=0, atol=_TOLERANCE)
            and abs(offset[2]) < _TOLERANCE
            and (len(orientation) != 6 or np.allclose(orientation, axes[:, :2].T.ravel(), rtol=0, atol=_TOLERANCE))
            and (len(height_width) != 2 or np.allclose(height_width, spacing[1::-1], rtol=1e-3))
        ):
            raise InputError(
                f"The {self.name} does not lie on the pixels of the image. Export it with this image's geometry."
            )
        return round(offset[1]), round(offset[0])

    def _place_at(self, corner: tuple[int, int], pixels: np.ndarray) -> None:
        rows, columns = (found + start for found, start in zip(np.nonzero(pixels), corner, strict=True))
        height, width = self.inside.shape
        if min(rows.min(), columns.min()) < 0 or rows.max() >= height or columns.max() >= width:
            raise InputError(f"The {self.name} reaches beyond the image. Use the image that it was drawn on.")
        self.inside[rows, columns] = True
