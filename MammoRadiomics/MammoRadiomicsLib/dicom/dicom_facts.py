"""What the header of a DICOM file says of a mammogram, rule by rule; pixels are not looked at."""

from __future__ import annotations

import SimpleITK as sitk

from .. import views
from ..facts import Findings
from ..slices import MOST_PIXELS
from . import dicom_spacing, modality_lut
from .dicom_header import IDENTIFIERS, Header, uid_name

# Storage classes that may hold a mammogram, and what their images are intended for.
_STORAGE = {
    "1.2.840.10008.5.1.4.1.1.1.2": "FOR PRESENTATION",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "FOR PROCESSING",
    "1.2.840.10008.5.1.4.1.1.1.1": "FOR PRESENTATION",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "FOR PROCESSING",
    "1.2.840.10008.5.1.4.1.1.1": "",
    "1.2.840.10008.5.1.4.1.1.7": "",
    "1.2.840.10008.5.1.4.1.1.7.2": "",
    "1.2.840.10008.5.1.4.1.1.7.3": "",
}
_TOMOSYNTHESIS = frozenset(f"1.2.840.10008.5.1.4.1.1.13.1.{last}" for last in (3, 4, 5))
_MODALITIES = frozenset({"MG", "DX", "CR", "RG", "OT", "SC", ""})
_GREY = ("MONOCHROME1", "MONOCHROME2")
_BITS_OF_DISPLAYS = 8
_IMPLICIT_VR = "1.2.840.10008.1.2"
# Transfer syntaxes that GDCM decodes, with its codec; None for pixels that are not compressed.
_CODECS = {
    _IMPLICIT_VR: None,
    "1.2.840.10008.1.2.1": None,
    "1.2.840.10008.1.2.2": None,
    "1.2.840.10008.1.2.1.99": "zlib",
    "1.2.840.10008.1.2.4.50": "libjpeg",
    "1.2.840.10008.1.2.4.51": "libjpeg",
    "1.2.840.10008.1.2.4.57": "libjpeg",
    "1.2.840.10008.1.2.4.70": "libjpeg",
    "1.2.840.10008.1.2.4.80": "CharLS",
    "1.2.840.10008.1.2.4.81": "CharLS",
    "1.2.840.10008.1.2.4.90": "OpenJPEG",
    "1.2.840.10008.1.2.4.91": "OpenJPEG",
    "1.2.840.10008.1.2.5": "run lengths",
}
_ALWAYS_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in (50, 51, 81))
_LOSSY_OR_NOT = "1.2.840.10008.1.2.4.91"


def collect(header: Header, name: str, findings: Findings) -> None:
    """Add to `findings` all that the header of the file called `name` says."""
    _kind(header, findings)
    _size(header, findings)
    _bits(header, findings)
    views.of_dicom(header, name, findings)
    dicom_spacing.find(header, findings)
    _polarity(header, findings)
    modality_lut.find(header, findings)
    _window(header, findings)
    _intent(header, findings)
    _compression(header, findings)
    _breast(header, findings)
    _origin(header, findings)
    for keyword in header.unreadable:
        findings.note(f"{keyword} is damaged and was left out.")


def collect_for_mask(header: Header, findings: Findings) -> None:
    """Add what matters of the header of a mask that is stored as an image: its size, and that its labels are intact."""
    _size(header, findings)
    _bits(header, findings)
    _compression(header, findings)
    if (header.integer("NumberOfFrames") or 1) > 1:
        findings.refuse("is a stack of several frames; a mask is one slice. Pick one 2D mask.")
    if header.text("PhotometricInterpretation").upper() == "MONOCHROME1":
        findings.refuse("is stored as MONOCHROME1, which inverts its labels. Convert it to MONOCHROME2.")


def identifiers(header: Header, findings: Findings) -> None:
    """Add what names a patient or an examination: only where it was asked for."""
    for keyword in IDENTIFIERS:
        if text := header.text(keyword):
            findings.add(keyword, text, keyword)


def _kind(header: Header, findings: Findings) -> None:
    storage, modality = header.text("SOPClassUID"), header.text("Modality").upper()
    if storage:
        findings.add("format", f"DICOM, {uid_name(storage)}", "SOPClassUID")
    else:
        findings.add("format", "DICOM", "first bytes of the file")
        findings.note("SOPClassUID is missing: the file does not say what kind of image it holds.")
    if modality:
        findings.add("modality", modality, "Modality")
    frames = header.integer("NumberOfFrames") or 1
    if storage in _TOMOSYNTHESIS or frames > 1:
        kind = "breast tomosynthesis" if storage in _TOMOSYNTHESIS else "a multi-frame image"
        findings.refuse(f"is {kind} of {frames} frames; a mammogram is one slice. Use the 2D view of the same breast.")
    if storage and storage not in _STORAGE:
        findings.refuse(f"is no mammogram but {uid_name(storage)}. Pick an MG, DX or CR image.")
    if modality not in _MODALITIES:
        findings.refuse(f"is no mammogram: its Modality is {modality}. Pick an MG, DX or CR image.")


def _size(header: Header, findings: Findings) -> None:
    columns, rows = header.integer("Columns") or 0, header.integer("Rows") or 0
    if min(columns, rows) < 1:
        findings.refuse("has no pixels: Rows or Columns is missing. Send or export it again.")
        return
    findings.add("size", [columns, rows], "Columns, Rows")
    if columns * rows > MOST_PIXELS:
        findings.refuse(f"claims {columns} x {rows} pixels, more than any mammogram has. Send or export it again.")


def _bits(header: Header, findings: Findings) -> None:
    values = header.integer("SamplesPerPixel") or 1
    if values != 1 or header.text("PhotometricInterpretation").upper() == "PALETTE COLOR":
        meant = f"with {values} values a pixel" if values != 1 else "with a palette"
        findings.refuse(
            f"is a colour image {meant}; a mammogram has one grey value. "
            "Convert it to greyscale, or use the original DICOM file."
        )
    allocated, stored = header.integer("BitsAllocated"), header.integer("BitsStored")
    if allocated not in (8, 16, 32) or stored is None or not 1 < stored <= allocated:
        findings.refuse(f"cannot be read: BitsAllocated is {allocated}, BitsStored {stored}. Export it again.")
        return
    signed = header.integer("PixelRepresentation") == 1
    findings.add("bits_stored", stored, f"BitsStored, of {allocated} allocated, {'signed' if signed else 'unsigned'}")
    if (header.integer("HighBit") or stored - 1) != stored - 1:
        findings.refuse("keeps its pixels in the upper bits (HighBit), which DICOM has withdrawn. Export it again.")
    if stored <= _BITS_OF_DISPLAYS:
        findings.note(f"{stored} bits hold {1 << stored} grey levels at most: probably made for a display.")


def _polarity(header: Header, findings: Findings) -> None:
    polarity = header.text("PhotometricInterpretation").upper()
    shape = header.text("PresentationLUTShape").upper()
    if polarity not in _GREY:
        findings.refuse(f"has the photometric interpretation {polarity or 'unknown'}; a mammogram is MONOCHROME1 or 2.")
        return
    stored, signed = header.integer("BitsStored"), header.integer("PixelRepresentation") == 1
    inverted = polarity == "MONOCHROME1"
    formula = f"read as 2^{stored} - 1 - v" if inverted else "as stored"
    findings.add("polarity", polarity, f"PhotometricInterpretation; {formula}")
    if inverted and signed:
        findings.refuse("is MONOCHROME1 with signed pixels, which readers invert in different ways. Export it again.")
    if shape and (shape == "INVERSE") != inverted:
        findings.note(f"PresentationLUTShape {shape} contradicts {polarity}; PhotometricInterpretation is believed.")


def _window(header: Header, findings: Findings) -> None:
    """The first of the windows that the file offers a display; features are not made of it."""
    centres, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    if centres and widths and widths[0] >= 1:
        findings.add("window", [centres[0], widths[0]], "WindowCenter, WindowWidth")


def _intent(header: Header, findings: Findings) -> None:
    of_storage = _STORAGE.get(header.text("SOPClassUID"))
    stated = header.text("PresentationIntentType").upper()
    findings.add_first("presentation_intent", [(of_storage, "SOPClassUID"), (stated, "PresentationIntentType")])


def _compression(header: Header, findings: Findings) -> None:
    uid = header.transfer_syntax or _IMPLICIT_VR
    name = uid_name(uid)
    said = header.text("LossyImageCompression")
    ratio = ", then ".join(f"{each:g}:1" for each in header.numbers("LossyImageCompressionRatio"))
    lossy = True if uid in _ALWAYS_LOSSY or said == "01" else None if uid == _LOSSY_OR_NOT and not said else False
    findings.add("transfer_syntax", name, "TransferSyntaxUID" if header.transfer_syntax else "none stated, the default")
    findings.add("lossy_compression", lossy, "LossyImageCompression" if said else "by the transfer syntax")
    if lossy:
        by = f" ({ratio})" if ratio else ""
        findings.note(f"Lossy compression{by} has changed the texture. Keep such images apart from the others.")
    if uid in _ALWAYS_LOSSY and said == "00":
        findings.note(f"LossyImageCompression says no, but {name} is always lossy.")
    if uid not in _CODECS:
        findings.refuse(f"is compressed as {name}, which cannot be decoded here. Export it uncompressed.")
    else:
        codec = f", {_CODECS[uid]}" if _CODECS[uid] else ""
        findings.add("decoder", f"GDCM{codec}", f"SimpleITK {sitk.Version_VersionString()}")
    _completeness(header, findings)


def _completeness(header: Header, findings: Findings) -> None:
    """Refuse pixels that are not all there: a decoder fills the rest with anything."""
    data, size = header.pixel_data, findings.facts.get("size")
    if data is None:
        if not header.transfer_syntax.endswith(".1.99"):
            findings.refuse("has no pixels, or ends before them. Send or export it again.")
        return
    needed = data.promised
    if not data.encapsulated and size:
        needed = max(needed, size.value[0] * size.value[1] * ((header.integer("BitsAllocated") or 8) // 8))
    if data.present < needed:
        findings.refuse(f"is cut short: {data.present} bytes of pixels are there, more were promised. Copy it again.")


def _breast(header: Header, findings: Findings) -> None:
    implant = header.text("BreastImplantPresent").upper()
    modifiers = findings.facts.get("view_modifiers")
    if implant:
        findings.add("implant", implant == "YES", "BreastImplantPresent")
    if implant == "YES" and not (modifiers and "implant displaced" in modifiers.value):
        findings.note("There is an implant, not displaced for this view. Keep the outline off it.")
    body_part = header.text("BodyPartExamined").upper()
    if body_part and body_part != "BREAST":
        findings.note(f"BodyPartExamined is {body_part}, not BREAST. Check that this is a mammogram.")
    kinds = [each.upper() for each in header.texts("ImageType")]
    if any("TOMO" in each or each == "GENERATED_2D" for each in kinds):
        findings.note("ImageType says that this view was computed from tomosynthesis; it is no exposure of its own.")


def _origin(header: Header, findings: Findings) -> None:
    burned_in = header.text("BurnedInAnnotation").upper()
    if burned_in:
        findings.add("burned_in_annotation", burned_in == "YES", "BurnedInAnnotation")
    if burned_in == "YES":
        findings.note("Annotation is burned in: it may name the patient, and it changes features of the whole image.")
    for name, keyword in (("manufacturer", "Manufacturer"), ("model", "ManufacturerModelName")):
        if text := header.text(keyword):
            findings.add(name, text, keyword)
