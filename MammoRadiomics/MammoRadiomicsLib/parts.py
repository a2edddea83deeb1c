"""Mammograms and outlines on their way to another process: in messages of a few megabytes, outlines as their part."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

CHUNK_BYTES = 1 << 19


def mammogram(
    volume: sitk.Image, *, file: str = "", spacing_mm: float | None = None, inverted: bool = False
) -> sitk.Image:
    """Return a volume of the scene as a mammogram to compute with.

    Parameters
    ----------
    volume : SimpleITK.Image
        One slice, as it is in the scene.
    file : str
        The volume's DICOM file; pixels and spacing come from it by DICOM's rules, see :func:`.intake.of_volume`.
    spacing_mm : float, optional
        Size of a pixel in mm as the user corrects it; the volume is then used as it is.
    inverted : bool
        Whether dense tissue is dark in the volume; the scale of its values is turned round.

    Raises
    ------
    InputError
        See :func:`.intake.of_volume` and :func:`.imaging.with_spacing`.
    """
    from . import imaging, intake

    image = intake.of_volume(file, volume)[0] if file and spacing_mm is None else volume
    if inverted:
        pixels = sitk.GetArrayViewFromImage(image)
        turned = sitk.GetImageFromArray(pixels.max() - (pixels - pixels.min()))
        turned.CopyInformation(image)
        image = turned
    return imaging.with_spacing(image, spacing_mm)


def image_messages(
    key: str, pixels: np.ndarray, geometry: dict[str, list[float]], reading: dict | None = None
) -> Iterator[dict]:
    """Yield the messages that hand an image to a worker, each made in a few milliseconds.

    Parameters
    ----------
    key : str
        What requests call the image.
    pixels : ndarray (rows, columns)
        Read while the messages are taken.
    geometry : dict
        ``spacing``, ``origin`` and ``direction`` as SimpleITK has them for three dimensions.
    reading : dict, optional
        The keyword arguments of :func:`mammogram`.
    """
    header = {"shape": list(pixels.shape), "dtype": pixels.dtype.str, "reading": reading or {}}
    yield {"image": key, **header, **geometry}
    rows = max(1, CHUNK_BYTES // max(1, pixels[:1].nbytes))
    for start in range(0, len(pixels), rows):
        yield {"image": key, "data": _as_base64(pixels[start : start + rows])}


def mask_message(inside: np.ndarray, corner: tuple[int, int]) -> dict:
    """Return the part of an outline's mask around the lesion as a request holds it.

    Parameters
    ----------
    inside : ndarray of bool (rows, columns)
        The part.
    corner : tuple of int
        Row and column of its first pixel on the image; it may lie outside.
    """
    return {"corner": list(corner), "shape": list(inside.shape), "data": _as_base64(inside.astype(np.uint8))}


def _as_base64(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode("ascii")


@dataclass
class ArrivingImage:
    """An image that arrives in parts."""

    header: dict
    data: bytearray = field(default_factory=bytearray)

    def add(self, data: str) -> None:
        """Take the next pixels, in base64."""
        self.data += base64.b64decode(data)

    @functools.cached_property
    def image(self) -> sitk.Image:
        """The mammogram, once all its pixels have arrived."""
        pixels = np.frombuffer(self.data, dtype=self.header["dtype"]).reshape(1, *self.header["shape"])
        image = sitk.GetImageFromArray(pixels)
        image.SetSpacing(self.header["spacing"])
        image.SetOrigin(self.header["origin"])
        image.SetDirection(self.header["direction"])
        return mammogram(image, **self.header["reading"])


def roi_of(message: dict, image: sitk.Image) -> sitk.Image:
    """Return the ROI on `image` that :func:`mask_message` describes."""
    from . import imaging

    whole = np.zeros(image.GetSize()[1::-1], dtype=np.uint8)
    part = np.frombuffer(base64.b64decode(message["data"]), dtype=np.uint8).reshape(message["shape"])
    paste(part, message["corner"], whole)
    roi = sitk.GetImageFromArray(whole[np.newaxis])
    roi.CopyInformation(image)
    return imaging.roi_mask(image, roi)


def paste(part: np.ndarray, corner: tuple[int, int] | list[int], whole: np.ndarray) -> None:
    """Copy `part` to `corner` of `whole`, without what lies outside."""
    top, left = corner
    inside = part[max(-top, 0) :, max(-left, 0) :][: max(len(whole) - max(top, 0), 0)]
    inside = inside[:, : max(whole.shape[1] - max(left, 0), 0)]
    whole[max(top, 0) :, max(left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
