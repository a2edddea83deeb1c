"""How large a pixel of a projection is: DICOM has four attributes for it, which mean different planes.

PixelSpacing may be calibrated to the patient or only repeat the detector's; ImagerPixelSpacing is measured at the
detector, on which the breast is magnified (DICOM PS3.3, 10.7.1.3); NominalScannedPixelSpacing is measured on the film.
"""

from __future__ import annotations

import math

from ..facts import Findings
from ..slices import PLAUSIBLE_SPACING_MM
from .dicom_header import Header

FACT = "pixel_spacing_mm"
_LARGEST_MAGNIFICATION = 10.0
_SAME, _AGREES = 1e-3, 1e-2
Pair = tuple[float, float]


def find(header: Header, findings: Findings) -> None:
    """Find the pixel spacing (width, height) in mm, with its origin, and say what disagrees with it."""
    stated = _pair(header, "PixelSpacing", findings)
    at_detector, formula = _uncalibrated(header, findings)
    calibration = header.text("PixelSpacingCalibrationType").upper()
    imager = _pair(header, "ImagerPixelSpacing", findings)
    if stated and (calibration or not imager or not _close(stated, imager, _SAME)):
        origin = f"calibrated ({calibration})" if calibration else "calibration not stated"
        _use(stated, f"PixelSpacing, {origin}", findings)
        if at_detector and not _close(stated, at_detector, _AGREES):
            reason = "it is calibrated" if calibration else "it differs from the detector's, so it was corrected"
            values = f"{formula} is {_mm(at_detector)} and PixelSpacing {_mm(stated)}"
            findings.note(f"{values}; PixelSpacing is used: {reason} (DICOM PS3.3, 10.7.1.3).")
    elif at_detector:
        repeated = ", which PixelSpacing repeats" if stated else ""
        _use(at_detector, f"{formula}{repeated}", findings)
    elif imager is None and (scanned := _pair(header, "NominalScannedPixelSpacing", findings)):
        _use(scanned, "NominalScannedPixelSpacing, on the film", findings)
    else:
        _ask(header, formula, findings)


def _uncalibrated(header: Header, findings: Findings) -> tuple[Pair | None, str]:
    """Return the detector's spacing brought back to the breast, and how, or why it is unknown."""
    imager = _pair(header, "ImagerPixelSpacing", findings)
    if imager is None:
        return None, ""
    factor = _magnification(header, findings)
    modifiers = findings.facts.get("view_modifiers")
    if (factor or 1.0) == 1.0 and modifiers and "magnification" in modifiers.value:
        return None, "a magnification view without its factor"
    if factor is None:
        return imager, "ImagerPixelSpacing (no magnification stated)"
    formula = (
        f"ImagerPixelSpacing / magnification {factor:g}" if factor != 1.0 else "ImagerPixelSpacing (magnification 1)"
    )
    return (imager[0] / factor, imager[1] / factor), formula


def _magnification(header: Header, findings: Findings) -> float | None:
    keyword = "EstimatedRadiographicMagnificationFactor"
    numbers = header.numbers(keyword)
    if not numbers:
        return None
    if not 1.0 <= numbers[0] <= _LARGEST_MAGNIFICATION:
        findings.note(f"{keyword} is {numbers[0]:g}, which is impossible; it is not used.")
        return None
    return numbers[0]


def _pair(header: Header, keyword: str, findings: Findings) -> Pair | None:
    """Return an attribute's width and height of a pixel; DICOM writes the distance between rows first."""
    numbers = header.numbers(keyword)
    if not numbers:
        return None
    smallest, largest = PLAUSIBLE_SPACING_MM
    if len(numbers) != 2 or not all(smallest <= each <= largest for each in numbers):
        findings.note(f"{keyword} is {header.text(keyword)}, which is no spacing in mm; it is not used.")
        return None
    if numbers == (1.0, 1.0):
        findings.note(f"{keyword} is exactly 1 mm, which software writes for an unknown spacing; it is not used.")
        return None
    return numbers[1], numbers[0]


def _use(spacing: Pair, source: str, findings: Findings) -> None:
    findings.add(FACT, list(spacing), source)
    if not math.isclose(*spacing, rel_tol=_SAME):
        findings.note(f"Pixels are not square: {spacing[0]:g} mm wide and {spacing[1]:g} mm high.")


def _ask(header: Header, reason: str, findings: Findings) -> None:
    findings.add(FACT, None, reason or "no attribute states it")
    findings.note("The file does not say how large its pixels are. Give the pixel spacing in mm (--spacing MM).")
    if header.numbers("SpatialResolution"):
        findings.note(
            f"SpatialResolution {header.text('SpatialResolution')} is a resolving power, not a pixel spacing."
        )
    if (aspect := header.numbers("PixelAspectRatio")) and len(aspect) == 2 and aspect[0] != aspect[1]:
        findings.note(
            f"PixelAspectRatio is {header.text('PixelAspectRatio')}: one spacing does not fit both directions."
        )


def _close(first: Pair, second: Pair, tolerance: float) -> bool:
    return all(math.isclose(*pair, rel_tol=tolerance) for pair in zip(first, second, strict=True))


def _mm(spacing: Pair) -> str:
    return " x ".join(f"{each:.4g}" for each in dict.fromkeys(spacing)) + " mm"
