"""What is known of a volume: from its DICOM file where it came from one, else from the volume itself."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

LATERALITY_ATTRIBUTE = "MammoRadiomics.Laterality"


@dataclass(frozen=True)
class ImageFacts:
    """View, breast, pixel spacing and polarity as read, and where the spacing was read."""

    view: str = ""
    laterality: str = ""
    spacingMm: float | None = None
    spacingSource: str = ""
    polarity: str = ""
    notes: tuple[str, ...] = ()


def fileOf(volume) -> str:
    """Return the DICOM file that a volume was loaded from; empty where it was not, or the database has lost it."""
    uids = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return (database.fileForInstance(uids[0]) or "") if len(uids) == 1 and database else ""


def spacingOf(volume) -> float | None:
    """Return the size of a pixel in mm; None for 1 mm x 1 mm, which software writes when it does not know."""
    spacing = volume.GetSpacing()[:2]
    return None if spacing == (1.0, 1.0) else spacing[0]


def read(volume) -> ImageFacts:
    """Return the facts of a volume; the header of its file is read once."""
    spacing = spacingOf(volume)
    laterality = volume.GetAttribute(LATERALITY_ATTRIBUTE) or ""
    found = _intake(fileOf(volume))
    if found is None:
        return ImageFacts(laterality=laterality, spacingMm=spacing, spacingSource=_("volume"))
    stated = found.facts.get("pixel_spacing_mm")
    return ImageFacts(
        view=found.view or "",
        laterality=laterality or found.laterality or "",
        spacingMm=stated.value[0] if stated and stated.value else None,
        spacingSource=stated.source if stated else "",
        polarity=found.value("polarity") or "",
        notes=(*found.notes, *filter(None, [found.refusal])),
    )


@functools.lru_cache(maxsize=8)
def _intake(path: str):
    """Return what the header of a DICOM file says; None without a file, and without pydicom to read it."""
    from MammoRadiomicsLib import intake
    from MammoRadiomicsLib.errors import MammoRadiomicsError

    try:
        return intake.inspect(path, pixels=False) if path else None
    except MammoRadiomicsError:
        return None


def reading(volume, enteredMm: float | None) -> dict:
    """Return how a volume is to be read: the keyword arguments of MammoRadiomicsLib.parts.mammogram."""
    from MammoRadiomicsLib import mrml

    return {"file": fileOf(volume), "spacing_mm": enteredMm, "inverted": mrml.is_inverted(volume)}


def sizeText(volume, segmentation, segmentId: str, enteredMm: float | None) -> str:
    """Return how large an outline is: pixels, and mm where the pixel spacing is known."""
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import InputError

    try:
        part, _corner = mrml.part_of_segment(segmentation, segmentId, volume)
    except InputError:
        return _("empty")
    pixels = _("{count} pixels").format(count=int(part.sum()))
    spacing = enteredMm or read(volume).spacingMm
    if not spacing:
        return pixels
    height, width = part.shape
    words = _("{pixels}, {area:.1f} mm\u00b2, {width:.1f} x {height:.1f} mm")
    area = part.sum() * spacing**2
    return words.format(pixels=pixels, area=area, width=width * spacing, height=height * spacing)
