"""What is known of a volume: from its DICOM file where it came from one, else from the volume itself."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import slicer
import slicer.util
from slicer.i18n import tr as _

LATERALITY_ATTRIBUTE = "MammoRadiomics.Laterality"


@dataclass(frozen=True)
class ImageFacts:
    """View, breast, pixel spacing, polarity and window (centre, width) as read, and where the spacing was read."""

    view: str = ""
    laterality: str = ""
    spacingMm: float | None = None
    spacingSource: str = ""
    polarity: str = ""
    window: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def fileOf(volume) -> str:
    """Return the DICOM file that a volume was loaded from; empty where it was not, or the database has lost it."""
    uids = (volume.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return (database.fileForInstance(uids[0]) or "") if len(uids) == 1 and database else ""


def patientOf(volume) -> int:
    """Return the item of a volume's patient in the subject hierarchy; 0 where it has none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume)
    return hierarchy.GetItemAncestorAtLevel(item, "Patient") if item else 0


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
        window=tuple(found.value("window") or ()),
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


def useWindowOfFile(volume) -> None:
    """Give a volume the grey levels that its file proposes, unless Slicer or the user has chosen some already.

    Slicer takes none where a file proposes several. Of MONOCHROME1 it is not known whether they were turned round.
    """
    facts, display = read(volume), volume.GetDisplayNode()
    if facts.window and facts.polarity == "MONOCHROME2" and display and display.GetAutoWindowLevel():
        centre, width = facts.window
        with slicer.util.NodeModify(display):
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(width, centre)


def reading(volume, enteredMm: float | None) -> dict:
    """Return how a volume is to be read: the keyword arguments of MammoRadiomicsLib.parts.mammogram."""
    from MammoRadiomicsLib import mrml

    return {"file": fileOf(volume), "spacing_mm": enteredMm, "inverted": mrml.is_inverted(volume)}


def toSend(volume, enteredMm: float | None) -> tuple[str, np.ndarray, dict, dict]:
    """Return what MammoRadiomicsLib.parts.image_messages takes; the key is another whenever anything of it is.

    :raises InputError: for a volume that is no mammogram.
    """
    from MammoRadiomicsLib import mrml

    pixels, geometry = mrml.pixels_of_volume(volume)
    how = reading(volume, enteredMm)
    return f"{volume.GetID()} {volume.GetImageData().GetMTime()} {geometry} {how}", pixels, geometry, how


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
