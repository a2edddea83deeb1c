"""The numbers of an outline model, and the card that says them in words."""

from __future__ import annotations

import numpy as np

from .. import __version__
from .settings import SegmenterSettings

_RESAMPLES = 2000
_USE = {
    "research": "Research on images like those it was trained on; every outline is checked and corrected by hand.",
    "demonstration": "Demonstration. It was made to show how the tool works and must not outline patients' lesions.",
}


def metrics(held_out: list[dict], readers: list[float], settings: SegmenterSettings) -> dict:
    """Summarise proposals for patients held out; intervals by bootstrap over patients.

    Parameters
    ----------
    held_out : list of dict
        As :func:`.measuring.propose_for` gives them.
    readers : list of float
        Dice between readers of the same lesion.
    settings : SegmenterSettings
    """
    dice = np.array([row["dice"] for row in held_out])
    patients = np.array([row["patient_id"] for row in held_out])
    beside = [row["beside"] for row in held_out if row["beside"]]
    return {
        "outlines": len(dice),
        "patients": len(set(patients)),
        "dice": interval(dice, patients, settings.random_state),
        "nothing_proposed": int((dice == 0).sum()),
        "beside_clicks": len(beside),
        "beside_refused": beside.count("refused"),
        "reader_pairs": len(readers),
        "dice_between_readers": {"mean": float(np.mean(readers)), "median": float(np.median(readers))}
        if readers
        else {},
    }


def interval(dice: np.ndarray, patients: np.ndarray, seed: int) -> dict:
    """Return mean and median with 95% percentile intervals, patients resampled whole.

    Parameters
    ----------
    dice, patients : ndarray (outlines,)
    seed : int
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    drawn = [
        dice[np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])]
        for _ in range(_RESAMPLES)
    ]
    found = {}
    for name, statistic in (("mean", np.mean), ("median", np.median)):
        low, high = np.percentile([statistic(sample) for sample in drawn], [2.5, 97.5])
        found[name] = [float(statistic(dice)), float(low), float(high)]
    return found


def text(found: dict, settings: SegmenterSettings) -> str:
    """Return the card, plain text."""
    mean, median = (
        "{:.3f} (95% interval {:.3f} to {:.3f})".format(*found["dice"][name]) for name in ("mean", "median")
    )
    between = "not known, no lesion has outlines by several readers"
    if found["reader_pairs"]:
        between = "mean {mean:.3f}, median {median:.3f}".format(**found["dice_between_readers"])
        between += f" ({found['reader_pairs']} pairs)"
    reader = f"reader {settings.reader}" if settings.reader else "the first reader of the table"
    lines = [
        "Outline model: proposes the outline of a lesion from a click.",
        f"Intended use: {_USE[settings.purpose]}",
        f"Trained on {found['outlines']} outlines of {found['patients']} patients by {reader}.",
        f"Dice with the reader's outline, patients held out in {settings.folds} folds, one click up to "
        f"{settings.click_shift_mm:g} mm from the centre: mean {mean}, median {median}.",
        f"Outlines with a Dice of 0, among them those where it proposed nothing: {found['nothing_proposed']}.",
        f"Clicks 10 to 30 mm beside a lesion that it refused: {found['beside_refused']} of {found['beside_clicks']}.",
        f"Dice between readers: {between}.",
        f"The file averages {settings.folds} networks, one of each fold; each figure above is of a single one.",
        f"Patch {settings.patch_mm:g} mm or {settings.pixels} pixels, seed {settings.random_state}, {__version__}.",
    ]
    return "\n".join(lines)
