"""How a model does in each scanner or centre: left out of the training altogether, and within the cross-validation.

A centre that is left out comes as it is; that is what the model would meet there. By itself stands the transductive
run: ComBat learns location and scale of the centre from its own rows, without outcomes. Nobody has those rows when the
first patient of a new centre comes, so it says what harmonisation could give once there are some.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import evaluation
from .evaluation import Evidence

LEFT_OUT, TRANSDUCTIVE = "left out", "left out, transductive ComBat"
WITHIN, HARMONISED = "cross-validated", "cross-validated, ComBat"
ALL = "mean of the centres"
# What the harmonised evidence is compared with.
UNHARMONISED = {TRANSDUCTIVE: LEFT_OUT, HARMONISED: WITHIN}


@dataclass(frozen=True)
class LeftOut:
    """What models that were trained in the other centres say of each centre.

    Parameters
    ----------
    evidence : dict
        By `LEFT_OUT` or `TRANSDUCTIVE`, then by centre.
    notes : dict
        By centre, what must be said of it, or why it has no evidence.
    """

    evidence: dict[str, dict[str, Evidence]]
    notes: dict[str, list[str]]


@dataclass(frozen=True)
class Centres:
    """What a training found out about its centres.

    Parameters
    ----------
    column : str
        Of the table.
    rows : list of dict
        See :func:`performance`.
    unharmonised : Evidence or None
        What the same cross-validation finds without harmonisation, where there is one with it.
    """

    column: str
    rows: list[dict]
    unharmonised: Evidence | None = None


def performance(
    left_out: LeftOut, within: dict[str, Evidence], centres: tuple[str, ...], random_state: int
) -> list[dict]:
    """Measure each centre by itself, and average the AUCs over centres.

    Parameters
    ----------
    left_out : LeftOut
        From :func:`.centre_runs.leave_one_out`.
    within : dict
        Cross-validated evidence of all lesions, under `WITHIN` and perhaps `HARMONISED`.
    centres : tuple of str
        Of each lesion of that evidence.
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    list of dict
        For each centre, kind of evidence and measured class: ``lesions``, ``patients``, ``events``, ``prevalence``,
        ``auc`` with ``low``, ``high`` and ``method``, ``calibration_intercept``, ``calibration_slope``, ``brier``,
        ``auc_gain`` of harmonised evidence over the same without, with ``gain_low`` and ``gain_high``, and ``note``.
        No AUC and no calibration where fewer than five patients have the class, or have not.
    """
    labels = np.array(centres)
    names = sorted(set(centres))
    by_kind = left_out.evidence | {
        kind: {name: whole.part(labels == name) for name in names} for kind, whole in within.items()
    }
    rows = []
    for name in names:
        said = left_out.notes.get(name, [])
        if name not in left_out.evidence[LEFT_OUT]:
            rows.append(_empty(name, LEFT_OUT) | {"note": "; ".join(said)})
        for kind, found in by_kind.items():
            if name in found:
                base = by_kind[UNHARMONISED[kind]][name] if kind in UNHARMONISED else None
                notes = said if kind in left_out.evidence else []
                rows += _measured(_empty(name, kind), found[name], base, notes, random_state)
    first = next(each for found in by_kind.values() for each in found.values())
    measured = evaluation.reported(len(first.classes))
    return rows + [row for kind in by_kind for i in measured for row in _mean(by_kind, kind, i, random_state)]


def _empty(name: str, kind: str) -> dict:
    columns = ["class", "lesions", "patients", "events", "prevalence", "auc", "low", "high", "method"]
    columns += ["calibration_intercept", "calibration_slope", "brier", "auc_gain", "gain_low", "gain_high", "note"]
    return {"centre": name, "evidence": kind} | dict.fromkeys(columns, "")


def _measured(
    empty: dict, evidence: Evidence, base: Evidence | None, notes: list[str], random_state: int
) -> list[dict]:
    """Fill in an empty row for each measured class; `base` is the same evidence without harmonisation."""
    metrics = evaluation.measure(evidence, random_state)
    gains = evaluation.compare(evidence, base, random_state) if base else {}
    rows = []
    for i in evaluation.reported(len(evidence.classes)):
        label, positive = evidence.classes[i], evidence.target == i
        row = empty | {"class": label, "lesions": len(positive), "patients": metrics["patients"]}
        row |= {"events": int(positive.sum()), "prevalence": float(positive.mean()), "brier": metrics["brier"][label]}
        if _few(evidence, i):
            too_few = f"fewer than {evaluation.FEW_PATIENTS} patients with or without the class"
            rows.append(row | {"note": "; ".join([*notes, too_few])})
            continue
        auc, fit = metrics["auc"][label], metrics["calibration"][label]
        row |= {"auc": auc["mean"], **{key: auc[key] for key in ("low", "high", "method")}}
        row |= {f"calibration_{key}": value for key, value in fit.items() if value is not None}
        if gains:
            row |= _gain(gains[label], gains[label]["difference"])
        rows.append(row | {"note": "; ".join(notes)})
    return rows


def _gain(interval: dict, difference: float) -> dict:
    return {"auc_gain": difference, "gain_low": interval["low"], "gain_high": interval["high"]}


def _few(evidence: Evidence, i: int) -> bool:
    positive = evidence.target == i
    return min(len(np.unique(evidence.patients[side])) for side in (positive, ~positive)) < evaluation.FEW_PATIENTS


def _mean(by_kind: dict[str, dict[str, Evidence]], kind: str, i: int, random_state: int) -> list[dict]:
    """Average the AUC of a class over the centres that have one.

    The probabilities of all centres put together would be those of different models: where a centre has many events the
    others have few, so that pooled ranks run against the outcome.
    """
    known = {name: each for name, each in by_kind[kind].items() if not _few(each, i)}
    if not known:
        return []
    first = next(iter(known.values()))
    aucs = _mean_of_resamples(known.values(), i, random_state)
    found = evaluation.bootstrap_interval(aucs)
    row = _empty(ALL, kind) | {"class": first.classes[i], "lesions": sum(len(each.target) for each in known.values())}
    row |= {"events": int(sum((each.target == i).sum() for each in known.values())), "auc": found.pop("mean"), **found}
    if kind in UNHARMONISED:
        bases = [by_kind[UNHARMONISED[kind]][name] for name in known]
        interval = evaluation.bootstrap_interval(aucs - _mean_of_resamples(bases, i, random_state))
        row |= _gain(interval, interval["mean"])
    return [row | {"note": f"{len(known)} centres"}]


def _mean_of_resamples(evidence: Iterable[Evidence], i: int, random_state: int) -> np.ndarray:
    """Average the AUCs of centres, each resampled with its own seed: centres of one size would be drawn alike."""
    of_each = [evaluation.resampled_aucs(each, random_state + n)[i] for n, each in enumerate(evidence)]
    return np.mean(of_each, axis=0)


def statement(found: Centres, counts: dict[str, int]) -> str:
    """Say in words how centres were treated and what came of it.

    Parameters
    ----------
    found : Centres
        With its rows.
    counts : dict
        Training lesions by centre.
    """
    of_centres = ", ".join(f"{name} {count}" for name, count in counts.items())
    lines = [f"Centres by {found.column} (lesions): {of_centres}."]
    if found.unharmonised:
        lines.append(
            "Features were harmonised between them by ComBat, without the outcome, learned from training rows in every "
            "fold; it also takes from a centre what its other share of outcomes puts into the features."
        )
    means = [row for row in found.rows if row["centre"] == ALL]
    several = len({row["class"] for row in means}) > 1
    for kind in dict.fromkeys(row["evidence"] for row in means):
        areas = ", ".join(
            f"{row['class'] + ' ' if several else ''}{row['auc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            for row in means
            if row["evidence"] == kind
        )
        lines.append(f"  Mean AUC of the centres, {kind}: {areas}.")
    return "\n".join(lines)
