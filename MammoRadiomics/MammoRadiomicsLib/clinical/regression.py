"""Univariable, prespecified and screened regressions of an outcome on clinical variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..progress import Progress, silent
from . import brant, design, models, outcomes
from .columns import Variable
from .design import Design
from .models import Fit, NotFittedError
from .outcomes import Contrast, Outcome

SCREENED_BELOW = 0.05
_COLLINEAR = 5
_FEW_EVENTS = 10
SCREENING_WARNING = (
    f"Variables were chosen by a univariable P < {SCREENED_BELOW:g} on the same rows, as the study did: the intervals "
    "are too narrow and the P values too small. Read the full model, which was fixed beforehand."
)


@dataclass(frozen=True)
class Sample:
    """Which units serve, and how their levels are compared.

    Parameters
    ----------
    patients : numpy.ndarray
        Shape (n,), whose each unit is.
    rows : numpy.ndarray
        Indices of the units that take part, such as the training rows.
    references : dict
        Reference level by variable.
    """

    patients: np.ndarray
    rows: np.ndarray
    references: dict[str, str] = field(default_factory=dict)


def analyse(variables: list[Variable], outcome: Outcome, sample: Sample, progress: Progress = silent) -> list[dict]:
    """Return the regressions of every contrast of an outcome.

    Parameters
    ----------
    variables : list of Variable
        The predictors, fixed before the data were looked at.
    outcome : Outcome
        Of the same n units.
    sample : Sample
        Of them.

    Returns
    -------
    list of dict
        ``outcome``, ``contrast``, ``kind``, ``against``, ``models`` (``univariable``: a list, ``full``, ``screened``:
        see :func:`fit`), and of proportional odds ``brant``.
    """
    waiting = outcomes.contrasts(outcome)
    found: list[dict] = []
    total = len(waiting)
    while waiting:
        contrast = waiting.pop(0)
        progress(len(found), total, contrast.name)
        result = _analyse(contrast, variables, sample)
        if contrast.kind == outcomes.MULTINOMIAL and _any_failed(result):
            waiting += outcomes.pairs(outcome)
            total += len(waiting)
        found.append({"outcome": outcome.name} | result)
    progress(total, total, "regressions")
    return found


def _any_failed(result: dict) -> bool:
    of_contrast = result["models"]
    return any(each["failed"] for each in [*of_contrast["univariable"], of_contrast["full"]])


def _analyse(contrast: Contrast, variables: list[Variable], sample: Sample) -> dict:
    univariable = [fit(contrast, [each], sample) for each in variables]
    chosen = [
        variable
        for variable, of_variable in zip(variables, univariable, strict=True)
        if any(test["p"] < SCREENED_BELOW for test in of_variable["tests"])
    ]
    full = fit(contrast, variables, sample)
    screened = fit(contrast, chosen, sample) if chosen else None
    if screened:
        screened["notes"].insert(0, SCREENING_WARNING)
    found: dict[str, Any] = {"contrast": contrast.name, "kind": contrast.kind, "against": list(contrast.against)}
    found["models"] = {"univariable": univariable, "full": full, "screened": screened}
    if contrast.kind == outcomes.ORDINAL:
        found["brant"] = _brant(contrast, variables, sample)
    return found


def _brant(contrast: Contrast, variables: list[Variable], sample: Sample) -> dict:
    asked = sample.rows[contrast.target[sample.rows] >= 0]
    of_model = design.build(variables, asked, sample.references)
    try:
        tests = brant.test(of_model, contrast.target[of_model.rows])
    except NotFittedError as reason:
        return {"tests": [], "note": f"Brant's test cannot be made: {reason}."}
    doubted = [each["variable"] for each in tests[1:] if each["p"] < SCREENED_BELOW]
    if tests[0]["p"] < SCREENED_BELOW or doubted:
        note = f"Proportional odds are in doubt ({', '.join(doubted) or 'all together'}): read the classes one by one."
    else:
        note = "Brant's test finds nothing against proportional odds."
    return {"tests": tests, "note": note}


def fit(contrast: Contrast, variables: list[Variable], sample: Sample, profile: bool = True) -> dict:
    """Fit one model on the units with a value of every variable.

    Returns
    -------
    dict
        ``variables``, ``method``, ``units``, ``patients``, ``classes`` (units of each class number), ``incomplete``
        (units left out for missing values), ``failed`` (estimates do not exist), ``terms``, ``tests``,
        ``collinearity``, ``notes``.
    """
    asked = sample.rows[contrast.target[sample.rows] >= 0]
    of_model = design.build(variables, asked, sample.references)
    y = contrast.target[of_model.rows]
    counts = np.bincount(y, minlength=int(contrast.target.max()) + 1)
    found: dict[str, Any] = {
        "variables": [variable.name for variable in variables],
        "method": "",
        "units": len(y),
        "patients": len(np.unique(sample.patients[of_model.rows])),
        "classes": counts.tolist(),
        "incomplete": len(asked) - len(y),
        "failed": False,
        "terms": [],
        "tests": [],
        "collinearity": [],
        "notes": [f"{name} is left out: {reason}." for name, reason in of_model.left_out.items()],
    }
    if not of_model.terms or counts.min() < 2:
        found["notes"].append("Nothing is left to fit.")
        return found
    try:
        fitted = _fitted(contrast, of_model, sample.patients[of_model.rows], profile)
    except NotFittedError as reason:
        found["failed"] = True
        found["notes"].append(f"Not fitted: {reason}.")
        return found
    return found | _described(contrast, of_model, fitted, found["notes"])


def _fitted(contrast: Contrast, of_model: Design, patients: np.ndarray, profile: bool) -> Fit:
    y = contrast.target[of_model.rows]
    if contrast.kind == outcomes.LOGISTIC:
        return models.logistic(of_model, y, patients, profile)
    if contrast.kind == outcomes.ORDINAL:
        return models.proportional_odds(of_model, y, patients)
    return models.multinomial(of_model, y, patients)


def _described(contrast: Contrast, of_model: Design, fitted: Fit, notes: list[str]) -> dict:
    collinearity = design.inflation(of_model)
    y = contrast.target[of_model.rows]
    return {
        "method": fitted.method,
        "terms": _terms(contrast, of_model, fitted),
        "tests": [{"variable": name, "test": fitted.test} | test for name, test in fitted.tests.items()],
        "collinearity": [{"variable": name} | each for name, each in collinearity.items()],
        "notes": [*notes, *fitted.notes, *_warnings(of_model, y, collinearity)],
    }


def _terms(contrast: Contrast, of_model: Design, fitted: Fit) -> list[dict]:
    return [
        {
            "against": of_class,
            "variable": term.variable,
            "level": term.level,
            "reference": term.reference,
            "coefficient": float(fitted.coefficients[k, i]),
            "standard_error": float(fitted.errors[k, i]),
            "odds_ratio": odds(fitted.coefficients[k, i]),
            "wald_low": odds(fitted.wald[k, i, 0]),
            "wald_high": odds(fitted.wald[k, i, 1]),
            "profile_low": None if fitted.profile is None else odds(fitted.profile[k, i, 0]),
            "profile_high": None if fitted.profile is None else odds(fitted.profile[k, i, 1]),
            "p": float(fitted.p[k, i]),
            "p_of": fitted.test,
        }
        for k, of_class in enumerate(contrast.against)
        for i, term in enumerate(of_model.terms)
    ]


def odds(coefficient: float) -> float | None:
    """Return the odds ratio of a coefficient; None where it is beyond all numbers."""
    with np.errstate(over="ignore"):
        ratio = float(np.exp(coefficient))
    return ratio if np.isfinite(ratio) else None


def _warnings(of_model: Design, y: np.ndarray, collinearity: dict) -> list[str]:
    found = []
    strong = [f"{name} ({each['vif']:.1f})" for name, each in collinearity.items() if each["vif"] > _COLLINEAR]
    if strong:
        found.append(
            f"Collinear, variance inflation above {_COLLINEAR}: {', '.join(strong)}. Their intervals are wide because "
            "the variables tell the same; judge them together."
        )
    share = np.bincount(y).min() / len(of_model.terms)
    if share < _FEW_EVENTS:
        found.append(
            f"{share:.1f} units of the smallest class for each coefficient; under {_FEW_EVENTS} they are shaky."
        )
    return found
