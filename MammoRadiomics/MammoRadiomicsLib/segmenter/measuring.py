"""What a network proposes for outlines that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ..parts import paste
from ..proposal import Proposal, Segmenter
from ..tables import case_name
from .cases import Case, dice, pixels_of
from .draws import disc
from .settings import SegmenterSettings

# Clicks beside a lesion lie between so many mm from its margin.
_BESIDE_MM = (10.0, 30.0)
_TRIES = 20


def propose_for(
    found: Sequence[Case], segmenter: Segmenter, fold: int, settings: SegmenterSettings, spacing_mm: float | None
) -> list[dict]:
    """Click once in each lesion and once beside it, as a user would, and compare with the outline.

    Returns
    -------
    list of dict
        ``case``, ``patient_id``, ``fold``, ``dice`` (0 where nothing was proposed), ``confidence``, and
        ``beside``: refused, outlined, or empty where there is no room.
    """
    rng = np.random.default_rng([settings.random_state, fold, 1])
    rows = []
    for case in found:
        image, inside = pixels_of(case.row, spacing_mm)
        click = _on_image(case.centre, disc(rng, 1, settings.click_shift_mm)[0], image)
        proposed = segmenter.propose(image, click)
        row = {"case": case_name(case.row), "patient_id": case.row["patient_id"], "fold": fold + 1}
        row |= {"dice": dice(whole(proposed, inside.shape), inside), "confidence": proposed.confidence}
        rows.append(row | {"beside": _beside(case, segmenter, image, inside, rng)})
    return rows


def whole(proposed: Proposal, shape: tuple[int, int]) -> np.ndarray:
    """Return a proposal as a mask of the image, of bool."""
    mask = np.zeros(shape, bool)
    if proposed.mask is not None:
        paste(proposed.mask, proposed.corner, mask)
    return mask


def _on_image(centre: tuple[float, float], shift_mm: np.ndarray, image: sitk.Image) -> tuple[float, float]:
    spacing, size = image.GetSpacing()[:2], image.GetSize()[:2]
    moved = (at + shift / mm for at, shift, mm in zip(centre, shift_mm, spacing, strict=True))
    column, row = (float(min(max(at, 0), n - 1)) for at, n in zip(moved, size, strict=True))
    return column, row


def _beside(case: Case, segmenter: Segmenter, image: sitk.Image, inside: np.ndarray, rng: np.random.Generator) -> str:
    """Click away from the lesion, where the image goes on."""
    size = image.GetSize()[:2]
    for _ in range(_TRIES):
        angle, far = rng.uniform(0, 2 * np.pi), case.extent_mm / 2 + rng.uniform(*_BESIDE_MM)
        shift = far * np.array([np.cos(angle), np.sin(angle)]) / case.spacing
        click = float(case.centre[0] + shift[0]), float(case.centre[1] + shift[1])
        if (
            all(0 <= at <= n - 1 for at, n in zip(click, size, strict=True))
            and not inside[round(click[1]), round(click[0])]
        ):
            return "refused" if segmenter.propose(image, click).mask is None else "outlined"
    return ""
