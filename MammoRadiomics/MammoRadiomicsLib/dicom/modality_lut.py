"""The modality LUT of a DICOM image: a straight line, which the reader applies, or a table, which is applied here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..facts import Findings
from .dicom_header import Header


@dataclass(frozen=True)
class ModalityTable:
    """A Modality LUT Sequence (DICOM PS3.3, C.11.1.1): values for stored values from `first` on.

    Attributes
    ----------
    first : int
        Stored value of the first entry; smaller ones take it as well, and those beyond the end take the last.
    entries : ndarray (n,) of uint16
    bits : int
        Of an entry.
    """

    first: int
    entries: np.ndarray
    bits: int

    def applied(self, read: np.ndarray, bits_stored: int, inverted: bool) -> np.ndarray:
        """Look up pixels that a reader gave, of inverted polarity or not, and return them with the same polarity.

        The table maps stored values, so an inversion is undone before it and redone within the table's own range.
        """
        stored = read.astype(np.int64)
        if inverted:
            stored = (1 << bits_stored) - 1 - stored
        found = self.entries[np.clip(stored - self.first, 0, len(self.entries) - 1)]
        return ((1 << self.bits) - 1 - found).astype(np.uint16) if inverted else found


def find(header: Header, findings: Findings) -> None:
    """Find what is applied to stored values, and refuse what contradicts itself."""
    tables = header.items("ModalityLUTSequence")
    slope, intercept = header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    if "RescaleSlope" in header.unreadable or "RescaleIntercept" in header.unreadable:
        findings.refuse("has a rescale that cannot be read, so its intensities are unknown. Export it again.")
    elif tables and (slope or intercept):
        findings.refuse("has a modality LUT and a rescale, which exclude each other. Export it again with one of them.")
    elif tables:
        _find_table(header, findings)
    elif slope and slope[0] == 0:
        findings.refuse("has RescaleSlope 0, which makes all pixels equal. Export it again.")
    elif (slope or (1.0,))[0] == 1.0 and (intercept or (0.0,))[0] == 0.0:
        findings.add("modality_lut", "none", "stored values as they are")
    else:
        line = f"slope {(slope or (1.0,))[0]:g}, intercept {(intercept or (0.0,))[0]:g}"
        findings.add("modality_lut", line, "RescaleSlope, RescaleIntercept; applied")


def _find_table(header: Header, findings: Findings) -> None:
    table = table_of(header)
    if table is None:
        findings.refuse("has a modality LUT that cannot be read, so its intensities are unknown. Export it again.")
    else:
        text = f"table of {len(table.entries)} entries from {table.first}, {table.bits} bits"
        findings.add("modality_lut", text, "ModalityLUTSequence; applied")


def table_of(header: Header) -> ModalityTable | None:
    """Return the table of a header; None where there is none, or where it cannot be understood."""
    for item in header.items("ModalityLUTSequence"):
        descriptor = [int(each) for each in item.numbers("LUTDescriptor")]
        if len(descriptor) != 3:
            return None
        count, first, bits = descriptor[0] % 0x10000 or 0x10000, descriptor[1], descriptor[2]
        if header.integer("PixelRepresentation") == 1 and first >= 0x8000:
            first -= 0x10000
        entries = _entries(item, count, bits)
        return ModalityTable(first, entries, bits) if entries is not None and 8 <= bits <= 16 else None
    return None


def _entries(item: Header, count: int, bits: int) -> np.ndarray | None:
    """Return LUTData, which is written as numbers, or as bytes of 16 or 8 bits an entry."""
    data = b"".join(each for each in item.values("LUTData") if isinstance(each, bytes))
    if data:
        wide = len(data) >= 2 * count
        entries = np.frombuffer(data[: 2 * count] if wide else data[:count], dtype="<u2" if wide else np.uint8)
    else:
        entries = np.array(item.numbers("LUTData"), dtype=np.int64)
    if len(entries) != count or entries.min() < 0 or entries.max() >= 1 << bits:
        return None
    return entries.astype(np.uint16)
