"""Two models of the same lesions compared: areas, net benefit, and who changes sides at the thresholds.

The net reclassification improvement and the integrated discrimination improvement (Pencina et al., Stat Med 2008; 27:
157) are weaker evidence than the others: both may rise when a worthless or badly calibrated predictor is added (Hilden
and Gerds, Stat Med 2014; 33: 3405; Pepe et al., Stat Biosci 2015; 7: 282), so they get no P values here, and events and
non-events are always shown apart.
"""

from __future__ import annotations

import numpy as np

from . import evaluation
from .evaluation import Evidence
from .settings import SLNM_THRESHOLDS

# The first is said to be better or worse than the second.
PAIRS = (("combined", "clinical"), ("combined", "radiomics"), ("radiomics", "clinical"))
CAUTION = (
    "NRI and IDI are weaker evidence than the difference of the AUCs, net benefit and calibration: they can rise when "
    "a worthless or badly calibrated predictor is added. They are given without P values, events and non-events apart."
)


def net_reclassification(
    positive: np.ndarray, first: np.ndarray, second: np.ndarray, thresholds: tuple[float, ...] = SLNM_THRESHOLDS
) -> dict[str, float | None]:
    """Return by how much more often the first model moves lesions to the right side of the thresholds than the wrong.

    Parameters
    ----------
    positive : numpy.ndarray
        Shape (n,), boolean: the events.
    first, second : numpy.ndarray
        Shape (n,), probabilities by the new and by the old model.
    thresholds : tuple of float
        Rising; a probability that equals one lies above it.

    Returns
    -------
    dict
        ``nri_events``, share of events that move up less share that move down; ``nri_nonevents``, the reverse of
        non-events; ``nri``, their sum. None where there are no such lesions.
    """
    up = np.sign(np.searchsorted(thresholds, first, side="right") - np.searchsorted(thresholds, second, side="right"))
    return _parts("nri", positive, up)


def integrated_discrimination(positive: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, float | None]:
    """Return by how much further apart the first model holds the mean probabilities of events and non-events.

    Parameters
    ----------
    positive, first, second : numpy.ndarray
        As for :func:`net_reclassification`.

    Returns
    -------
    dict
        ``idi_events``, the rise of the events' mean from the second to the first model; ``idi_nonevents``, the fall of
        the non-events'; ``idi``, their sum.
    """
    return _parts("idi", positive, first - second)


def _parts(name: str, positive: np.ndarray, change: np.ndarray) -> dict[str, float | None]:
    if positive.all() or not positive.any():
        return dict.fromkeys((name, f"{name}_events", f"{name}_nonevents"))
    events, nonevents = float(change[positive].mean()), -float(change[~positive].mean())
    return {name: events + nonevents, f"{name}_events": events, f"{name}_nonevents": nonevents}


def comparisons(evidence: dict[str, dict[str, Evidence]], random_state: int) -> list[dict]:
    """Compare the three models pair by pair on rows that none had seen (where there are none, on training rows).

    Parameters
    ----------
    evidence : dict
        By model and rows.
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    list of dict
        ``rows``, ``class``, ``first``, ``second``; ``auc_difference`` (first less second), ``low``, ``high``, ``p``
        (paired DeLong's, else None), ``method``; at each threshold ``net_benefit_difference_...``; the keys of
        :func:`net_reclassification` and :func:`integrated_discrimination`, averaged over repeats.
    """
    rows = []
    available = evidence["combined"]
    unseen: list[str] = [key for key in ("cross_validated", "test") if key in available]
    for key in unseen or ["training"]:
        for first, second in PAIRS:
            one, other = evidence[first][key], evidence[second][key]
            found = evaluation.compare(one, other, random_state)
            for i in evaluation.reported(len(one.classes)):
                auc = found[one.classes[i]]
                rows.append(
                    {"rows": one.rows, "class": one.classes[i], "first": first, "second": second}
                    | {"auc_difference": auc["difference"], **{key: auc[key] for key in ("low", "high", "p", "method")}}
                    | _benefits(one, other, i)
                    | _reclassified(one, other, i)
                )
    return rows


def _benefits(one: Evidence, other: Evidence, i: int) -> dict[str, float]:
    thresholds, positive = np.array(SLNM_THRESHOLDS), one.target == i
    first, second = (evaluation.net_benefit(positive, each.mean[:, i], thresholds) for each in (one, other))
    names = [f"net_benefit_difference_{threshold:g}" for threshold in thresholds]
    return dict(zip(names, (first - second).tolist(), strict=True))


def _reclassified(one: Evidence, other: Evidence, i: int) -> dict[str, float | None]:
    positive = one.target == i
    repeats = [
        net_reclassification(positive, first, second) | integrated_discrimination(positive, first, second)
        for first, second in zip(one.probabilities[:, :, i], other.probabilities[:, :, i], strict=True)
    ]
    known = None not in repeats[0].values()
    return {name: float(np.mean([each[name] for each in repeats])) if known else None for name in repeats[0]}


def performance(evidence: dict[str, dict[str, Evidence]], metrics: dict[str, dict]) -> list[dict]:
    """Return how well each of the three models does on all rows.

    Parameters
    ----------
    evidence : dict
        By model and rows.
    metrics : dict
        By model, as :func:`.learning.measured` returns them.

    Returns
    -------
    list of dict
        ``model``, ``rows``, ``class``, ``auc``, ``low``, ``high``, ``method``, ``brier``, ``calibration_intercept``,
        ``calibration_slope``, and ``net_benefit_...`` at each threshold.
    """
    rows = []
    for model, of_model in evidence.items():
        for key, each in of_model.items():
            measured = metrics[model][key]
            for i in evaluation.reported(len(each.classes)):
                name = each.classes[i]
                auc, fit = measured["auc"][name], measured["calibration"][name]
                benefit = evaluation.net_benefit(each.target == i, each.mean[:, i], np.array(SLNM_THRESHOLDS))
                rows.append(
                    {"model": model, "rows": each.rows, "class": name, "auc": auc["mean"], "low": auc["low"]}
                    | {"high": auc["high"], "method": auc["method"], "brier": measured["brier"][name]}
                    | {"calibration_intercept": fit["intercept"], "calibration_slope": fit["slope"]}
                    | {
                        f"net_benefit_{at:g}": value
                        for at, value in zip(SLNM_THRESHOLDS, benefit.tolist(), strict=True)
                    }
                )
    return rows
