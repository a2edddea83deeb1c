"""Whether there are enough lesions to develop a model: events per candidate, and Riley's criteria.

For a binary outcome: Riley et al., Stat Med 38:1276 (2019), and BMJ 368:m441 (2020). They hold for a regression on all
candidates; choosing among them by a LASSO needs no fewer lesions.
"""

from __future__ import annotations

import math

import numpy as np

from .errors import InputError
from .evaluation import reported

# Shrink by no more than a tenth, R2 optimistic by no more than 0.05, overall risk known to within 0.05.
SHRINKAGE, OPTIMISM, MARGIN = 0.9, 0.05, 0.05
# Riley's proposal where nothing better is known.
SHARE_OF_LARGEST_R2 = 0.15


def requirements(counts: dict[str, int], candidates: int, auc: float | None = None) -> dict:
    """Return how many lesions a model of these candidates needs.

    Parameters
    ----------
    counts : dict
        Lesions of each class, in the order of the classes. Of two classes, the second is the event; of more, each is
        taken against the rest, which approximates Pate et al., Stat Methods Med Res 32:555 (2023).
    candidates : int
        Features and clinical terms offered to the selection.
    auc : float, optional
        Area under the ROC curve to be expected; it gives the Cox-Snell R2. Without it, 0.15 of the largest R2.

    Returns
    -------
    dict
        ``lesions``, ``candidates``, ``auc``; ``classes``, with ``events`` (the rarer side), ``prevalence``,
        ``events_per_candidate``, ``cox_snell_r2`` and ``needed`` (see :func:`criteria`) of each measured class;
        ``needed`` lesions for all of it, None where an AUC of 0.5 or less makes every number too small; and
        ``candidates_supported`` by the lesions there are.

    Raises
    ------
    InputError
        When a class is empty or there is no candidate.
    """
    if len(counts) < 2 or min(counts.values()) < 1 or candidates < 1:
        raise InputError(
            f"A sample size needs lesions of two classes and a candidate. Got {counts} and {candidates} candidates."
        )
    lesions = sum(counts.values())
    names = [list(counts)[i] for i in reported(len(counts))]
    classes = {name: _against_the_rest(counts[name], lesions, candidates, auc) for name in names}
    needed = [number for each in classes.values() for number in each["needed"].values()]
    per_candidate = [_lesions_per_candidate(each["cox_snell_r2"], each["prevalence"]) for each in classes.values()]
    return {
        "lesions": lesions,
        "candidates": candidates,
        "auc": auc,
        "classes": classes,
        "needed": None if None in needed else max(needed),
        "candidates_supported": math.floor(lesions / np.max(per_candidate)),
    }


def _against_the_rest(count: int, lesions: int, candidates: int, auc: float | None) -> dict:
    prevalence = count / lesions
    r2 = SHARE_OF_LARGEST_R2 * largest_r2(prevalence) if auc is None else r2_of_auc(auc, prevalence)
    events = min(count, lesions - count)
    return {
        "events": events,
        "prevalence": prevalence,
        "events_per_candidate": events / candidates,
        "cox_snell_r2": r2,
        "needed": criteria(candidates, r2, prevalence),
    }


def criteria(candidates: int, r2: float, prevalence: float) -> dict[str, int | None]:
    """Return the lesions that each of Riley's criteria for a binary outcome asks for.

    Parameters
    ----------
    candidates : int
        Predictor parameters.
    r2 : float
        Cox-Snell R2 to be expected, less than :func:`largest_r2`.
    prevalence : float
        Between 0 and 1.

    Returns
    -------
    dict
        ``shrinkage`` and ``optimism``, None where an R2 of 0 makes every number too small, and ``overall_risk``.
    """
    by_shrinkage, by_optimism = (
        math.ceil(candidates * each) if math.isfinite(each) else None for each in _lesions_per_candidate(r2, prevalence)
    )
    overall_risk = math.ceil((1.96 / MARGIN) ** 2 * prevalence * (1 - prevalence))
    return {"shrinkage": by_shrinkage, "optimism": by_optimism, "overall_risk": overall_risk}


def _lesions_per_candidate(r2: float, prevalence: float) -> tuple[float, float]:
    """Return what one candidate takes by the criteria of shrinkage and of optimism."""
    if r2 <= 0:
        return math.inf, math.inf
    shrinkages = SHRINKAGE, r2 / (r2 + OPTIMISM * largest_r2(prevalence))
    by_shrinkage, by_optimism = (1 / ((each - 1) * math.log(1 - r2 / each)) for each in shrinkages)
    return by_shrinkage, by_optimism


def largest_r2(prevalence: float) -> float:
    """Return the largest Cox-Snell R2 that a binary outcome of this prevalence allows."""
    return 1 - (prevalence**prevalence * (1 - prevalence) ** (1 - prevalence)) ** 2


def r2_of_auc(auc: float, prevalence: float) -> float:
    """Return the Cox-Snell R2 of a model whose log odds are normal with equal variance in both classes.

    Riley et al., Stat Med 40:859 (2021), integrated instead of simulated. 0 for an AUC of 0.5 or less.

    Parameters
    ----------
    auc : float
        Area under the ROC curve; above 0.999 it is taken as 0.999.
    prevalence : float
        Between 0 and 1.
    """
    from scipy.special import log_expit
    from scipy.stats import norm

    distance = math.sqrt(2) * norm.ppf(min(auc, 0.999))
    if distance <= 0:
        return 0.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    middle = math.log(prevalence / (1 - prevalence))
    of_positive = middle + distance * nodes + distance**2 / 2
    of_negative = middle + distance * nodes - distance**2 / 2
    fitted = prevalence * weights @ log_expit(of_positive) + (1 - prevalence) * weights @ log_expit(-of_negative)
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return float(1 - math.exp(2 * (null - fitted)))


def statement(found: dict) -> str:
    """Say in a few sentences what :func:`requirements` found."""
    rarest = min(found["classes"].values(), key=lambda each: each["events"])
    lesions, candidates = f"{found['lesions']:,}", f"{found['candidates']:,}"
    sentences = [
        f"{candidates} candidates share {rarest['events']:,} lesions of the rarer outcome: "
        f"{rarest['events_per_candidate']:.2g} events per candidate."
    ]
    if found["needed"] is None:
        sentences.append(f"At an AUC of {found['auc']:.2f} no number of lesions is enough.")
    else:
        sentences.append(
            f"By Riley's criteria a model of so many candidates needs {found['needed']:,} lesions; the "
            f"{lesions} lesions here are enough for {found['candidates_supported']:,}."
        )
        known = f"the AUC to be {found['auc']:.2f}" if found["auc"] is not None else "R2 to be 15% of its largest value"
        sentences.append(f"This takes {known}.")
    if len(found["classes"]) > 1:
        sentences.append(
            "Each class was taken against the rest, which approximates the criteria of Pate et al. (2023)."
        )
    return " ".join(sentences)
