"""How good a model is: discrimination, calibration and benefit, from its predictions and what the lesions were."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from .discrimination import bootstrap_weights, delong, weighted_auc
from .errors import InputError

# The range over which the study calls its models useful lies within.
DECISION_THRESHOLDS = np.arange(5, 61) / 100
BOOTSTRAP = "patient bootstrap, models held fixed"
FEW_PATIENTS = 5
_MEASURES = ("accuracy", "sensitivity", "specificity", "ppv", "npv")
_NO_AUC = {"mean": None, "low": None, "high": None, "method": "none: the rows hold no two classes to tell apart"}


@dataclass(frozen=True)
class Evidence:
    """Predicted probabilities of some lesions, and what the lesions were.

    Parameters
    ----------
    rows : {"cross-validated", "test", "transductive", "training"}
        How the models knew these rows: each by models that did not see it, none at all, without outcomes, or fitted on
        them.
    classes : tuple of str
        Names.
    target : numpy.ndarray
        Shape (n,), class indices.
    patients : numpy.ndarray
        Shape (n,).
    probabilities : numpy.ndarray
        Shape (repeats, n, classes); those of a row add up to 1.
    """

    rows: str
    classes: tuple[str, ...]
    target: np.ndarray
    patients: np.ndarray
    probabilities: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Each lesion's mean probabilities over the repeats, shape (n, classes)."""
        return self.probabilities.mean(axis=0)

    def each_repeat(self) -> list[Evidence]:
        """Return the evidence of every repeat by itself."""
        return [dataclasses.replace(self, probabilities=each[None]) for each in self.probabilities]

    def part(self, chosen: np.ndarray) -> Evidence:
        """Return the evidence of some rows, given as booleans of shape (n,)."""
        return dataclasses.replace(
            self,
            target=self.target[chosen],
            patients=self.patients[chosen],
            probabilities=self.probabilities[:, chosen],
        )


def measure(evidence: Evidence, random_state: int, thresholds: dict[str, float] | None = None) -> dict:
    """Measure each class against the rest (of two classes, the second).

    The AUC is the mean over repeats. On untouched test rows with one lesion a patient its interval is DeLong's; else it
    resamples patients and keeps the fitted models, so it is narrower than one that would refit them. Everything else
    is taken from each lesion's mean probability over repeats; Wilson's intervals take the lesions as independent. An
    AUC of exactly 0 or 1 has an interval of no width, which tells of few rows and not of certainty.

    Parameters
    ----------
    evidence : Evidence
        What to measure.
    random_state : int
        Seed of the bootstrap.
    thresholds : dict, optional
        Operating threshold by class, found on other rows; missing ones are Youden's on these rows.

    Returns
    -------
    dict
        ``rows``, ``lesions``, ``patients``; by class ``auc`` (mean, low, high, method), ``brier``, ``calibration``
        (intercept, slope), ``operating_point`` (see :func:`at_threshold`) and ``thresholds_from``; ``confusion`` (rule,
        and matrix with a row for each true class). For more than two classes also ``auc["macro"]``, and ``macro``, the
        means over classes when each lesion is called by its largest probability. What cannot be had is None.
    """
    thresholds = thresholds or {}
    resampled = resampled_aucs(evidence, random_state)
    metrics: dict = {
        "rows": evidence.rows,
        "lesions": len(evidence.target),
        "patients": len(np.unique(evidence.patients)),
        "auc": {evidence.classes[i]: _auc_with_interval(evidence, i, aucs) for i, aucs in resampled.items()},
    }
    metrics |= {"brier": {}, "calibration": {}, "operating_point": {}, "thresholds_from": {}}
    for i in resampled:
        name, positive, probability = evidence.classes[i], evidence.target == i, evidence.mean[:, i]
        # Of each repeat, then averaged: the mean of several models' probabilities is a better model than any of them.
        metrics["brier"][name] = float(((evidence.probabilities[:, :, i] - positive) ** 2).mean())
        fits = [calibration(positive, each) for each in evidence.probabilities[:, :, i]]
        metrics["calibration"][name] = {"intercept": _mean(fits, 0), "slope": _mean(fits, 1)}
        metrics["operating_point"][name] = _operating_point(positive, probability, thresholds.get(name))
        metrics["thresholds_from"][name] = "other rows" if name in thresholds else "these rows (Youden)"
    metrics["confusion"] = _confusion(evidence, metrics["operating_point"])
    if len(evidence.classes) > 2:
        metrics["auc"]["macro"] = bootstrap_interval(np.mean(list(resampled.values()), axis=0))
        metrics["macro"] = _macro(evidence)
    return metrics


def compare(first: Evidence, second: Evidence, random_state: int) -> dict[str, dict]:
    """Compare the AUCs of two models on the same lesions, for each measured class.

    Parameters
    ----------
    first, second : Evidence
        Of the same lesions in the same order.
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        By class ``difference`` (first less second), ``low``, ``high``, ``p`` and ``method``: paired DeLong on untouched
        test rows with one lesion a patient, else the paired bootstrap, which gives no P value.

    Raises
    ------
    InputError
        When the lesions or the classes differ.
    """
    same = first.classes == second.classes and np.array_equal(first.target, second.target)
    if not same or not np.array_equal(first.patients, second.patients):
        raise InputError("The two models were measured on different lesions or classes. Compare them on the same.")
    aucs, others = (resampled_aucs(each, random_state) for each in (first, second))
    found = {}
    for i in aucs:
        name = first.classes[i]
        if _delong_holds(first, i) and _delong_holds(second, i):
            found[name] = _delong_difference(first, second, i)
        else:
            interval = bootstrap_interval(aucs[i] - others[i], f"paired {BOOTSTRAP}")
            found[name] = {"difference": interval.pop("mean"), "p": None} | interval
    return found


def _delong_difference(first: Evidence, second: Evidence, i: int) -> dict:
    from scipy.stats import norm

    aucs, covariance = delong(first.target == i, np.stack([each.probabilities[0, :, i] for each in (first, second)]))
    difference = float(aucs[0] - aucs[1])
    # Rounding may leave a variance of nothing a little below it.
    error = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0)))
    half = float(norm.ppf(0.975)) * error
    p = float(2 * norm.sf(abs(difference) / error)) if error > 0 else None
    interval = {"low": difference - half, "high": difference + half}
    return {"difference": difference, "p": p} | interval | {"method": "paired DeLong"}


def _delong_holds(evidence: Evidence, i: int) -> bool:
    """Say whether the rows are independent of each other and of the model, and enough for a variance."""
    independent = len(np.unique(evidence.patients)) == len(evidence.patients) and len(evidence.probabilities) == 1
    positives = int((evidence.target == i).sum())
    return evidence.rows == "test" and independent and min(positives, len(evidence.target) - positives) > 1


def _auc_with_interval(evidence: Evidence, i: int, resampled: np.ndarray) -> dict:
    from scipy.stats import norm

    if not _delong_holds(evidence, i):
        return bootstrap_interval(resampled)
    aucs, covariance = delong(evidence.target == i, evidence.probabilities[:, :, i])
    half = norm.ppf(0.975) * np.sqrt(covariance[0, 0])
    low, high = np.clip([aucs[0] - half, aucs[0] + half], 0, 1)
    return {"mean": float(aucs[0]), "low": float(low), "high": float(high), "method": "DeLong"}


def resampled_aucs(evidence: Evidence, random_state: int) -> dict[int, np.ndarray]:
    """Return by measured class the AUC of all rows, followed by those of the resamples; shape (1 + resamples,)."""
    drawn = bootstrap_weights(np.random.default_rng(random_state), evidence.patients)
    weights = np.vstack([np.ones(len(evidence.target)), drawn])
    return {
        i: weighted_auc(evidence.target == i, evidence.probabilities[:, :, i], weights)
        for i in reported(len(evidence.classes))
    }


def bootstrap_interval(resampled: np.ndarray, method: str = BOOTSTRAP) -> dict:
    """Return the first of the values with the 95% percentile interval of the others."""
    if np.isnan(resampled[0]):
        return dict(_NO_AUC)
    # A resample without one of the classes has no AUC.
    low, high = np.nanquantile(resampled[1:], [0.025, 0.975])
    return {"mean": float(resampled[0]), "low": float(low), "high": float(high), "method": method}


def _mean(fits: list[tuple[float | None, float | None]], part: int) -> float | None:
    known = [value for fit in fits if (value := fit[part]) is not None]
    return float(np.mean(known)) if len(known) == len(fits) else None


def _operating_point(positive: np.ndarray, probability: np.ndarray, threshold: float | None) -> dict:
    """Measure at a threshold, or at Youden's where none is given and the rows hold both sides to find it."""
    if threshold is None and (positive.all() or not positive.any()):
        return dict.fromkeys(("threshold", *_MEASURES))
    threshold = youden_threshold(positive, probability) if threshold is None else threshold
    return at_threshold(positive, probability, threshold)


def _confusion(evidence: Evidence, points: dict[str, dict]) -> dict:
    """Count true (rows) against called classes (columns)."""
    count, name = len(evidence.classes), evidence.classes[1]
    threshold = points[name]["threshold"] if count == 2 else None
    if threshold is None:
        called, rule = evidence.mean.argmax(axis=1), "called by the largest probability"
    else:
        called = (evidence.mean[:, 1] > threshold).astype(int)
        rule = f"called {name} where its probability exceeds {threshold:.3g}"
    matrix = np.bincount(evidence.target * count + called, minlength=count**2).reshape(count, count)
    return {"rule": rule, "matrix": matrix.tolist()}


def _macro(evidence: Evidence) -> dict:
    """Average over classes, and the accuracy of all calls, when each lesion is called by its largest probability."""
    called = evidence.mean.argmax(axis=1)
    counted = [_counted(evidence.target == i, called == i) for i in range(len(evidence.classes))]
    macro: dict = {"rule": "called by the largest probability", "accuracy": _wilson(called == evidence.target)}
    for name in _MEASURES[1:]:
        known = all(each[name].size for each in counted)
        macro[name] = float(np.mean([each[name].mean() for each in counted])) if known else None
    return macro


def subgroups(evidence: Evidence, labels: np.ndarray, random_state: int) -> list[dict]:
    """Measure the AUC in parts of the lesions, with the patient bootstrap.

    Parameters
    ----------
    evidence : Evidence
        What to measure.
    labels : numpy.ndarray
        Shape (n,), text; empty where unknown.
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    list of dict
        ``class``, ``subgroup``, ``lesions``, ``positives``, ``auc``, ``low``, ``high`` and ``note``. There is no AUC
        where fewer than 5 patients have the class, or have not.
    """
    rows = []
    for label in np.unique(labels):
        part = evidence.part(labels == label)
        for i, aucs in resampled_aucs(part, random_state).items():
            positive = part.target == i
            few = min(len(np.unique(part.patients[side])) for side in (positive, ~positive)) < FEW_PATIENTS
            found = _NO_AUC if few else bootstrap_interval(aucs)
            rows.append(
                {
                    "class": part.classes[i],
                    "subgroup": str(label) or "unknown",
                    "lesions": len(positive),
                    "positives": int(positive.sum()),
                    "auc": found["mean"],
                    "low": found["low"],
                    "high": found["high"],
                    "note": f"fewer than {FEW_PATIENTS} patients with or without the class" if few else "",
                }
            )
    return rows


def mean_auc(evidence: Evidence) -> float:
    """Return the AUC, averaged over repeats and, of more than two classes, over each against the rest."""
    return mean_of_aucs(evidence.target, evidence.probabilities[:, :, list(reported(len(evidence.classes)))])


def mean_of_aucs(target: np.ndarray, scores: np.ndarray) -> float:
    """Return the AUC, averaged over repeats and measured classes.

    Parameters
    ----------
    target : numpy.ndarray
        Shape (n,), class indices.
    scores : numpy.ndarray
        Shape (repeats, n, measured), a column for each class that :func:`reported` names.
    """
    one = np.ones((1, len(target)))
    measured = reported(target.max() + 1)
    return float(np.mean([weighted_auc(target == i, scores[:, :, k], one)[0] for k, i in enumerate(measured)]))


def reported(classes: int) -> range:
    """Return the indices of the classes that are measured against the rest: of two, only the second."""
    return range(1, 2) if classes == 2 else range(classes)


def calibration(positive: np.ndarray, probability: np.ndarray) -> tuple[float | None, float | None]:
    """Return the calibration intercept (slope fixed at 1) and slope of logistic recalibration (Cox, 1958).

    0 and 1 are ideal; a slope under 1 means probabilities too extreme, an intercept above 0 too low. None is what does
    not exist: both where one class is missing, the slope where all probabilities are equal or a threshold separates
    the classes.

    Parameters
    ----------
    positive : numpy.ndarray
        Shape (n,), boolean.
    probability : numpy.ndarray
        Shape (n,); 0 and 1 are moved inwards by 1e-6.
    """
    from scipy.optimize import brentq
    from scipy.special import expit, logit
    from sklearn.linear_model import LogisticRegression

    if positive.all() or not positive.any():
        return None, None
    log_odds = logit(np.clip(probability, 1e-6, 1 - 1e-6))
    intercept = brentq(lambda shift: (expit(log_odds + shift) - positive).sum(), -50, 50)
    of_positive, of_negative = log_odds[positive], log_odds[~positive]
    if of_positive.min() >= of_negative.max() or of_positive.max() <= of_negative.min():
        return float(intercept), None
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds[:, None], positive)
    return float(intercept), float(fit.coef_[0, 0])


def smoothed_calibration(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the observed share as a smooth function of the predicted probability (Cleveland's lowess, two thirds).

    Parameters
    ----------
    positive, probability : numpy.ndarray
        Shape (n,).

    Returns
    -------
    grid, observed : numpy.ndarray
        Shape (g,), at most 101 probabilities from the lowest to the highest predicted; fewer where ties leave gaps.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    if np.ptp(probability) == 0:
        return probability[:1], positive[:1] * 0 + positive.mean()
    grid = np.linspace(probability.min(), probability.max(), 101)
    # Robust iterations would discard the rarer class as outliers.
    # Where two thirds of the rows are tied, their line has no slope; those points are left out.
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = lowess(positive.astype(float), probability, it=0, xvals=grid)
    known = np.isfinite(observed)
    return grid[known], np.clip(observed[known], 0, 1)


def calibration_bins(positive: np.ndarray, probability: np.ndarray, bins: int = 10) -> list[dict]:
    """Return predicted and observed shares in groups of about equal size, ordered by probability.

    Parameters
    ----------
    positive, probability : numpy.ndarray
        Shape (n,).
    bins : int
        Groups; equal probabilities stay together, so there may be fewer.

    Returns
    -------
    list of dict
        ``predicted`` (mean), ``observed`` with Wilson's 95% interval ``low`` to ``high``, and ``lesions``.
    """
    edges = np.quantile(probability, np.arange(1, bins) / bins)
    group: np.ndarray = np.searchsorted(edges, probability, side="right")
    rows: list[dict] = []
    for each in np.unique(group):
        observed, low, high = _wilson(positive[group == each])
        predicted = float(probability[group == each].mean())
        rows.append({"predicted": predicted, "observed": observed, "low": low, "high": high})
        rows[-1]["lesions"] = int((group == each).sum())
    return rows


def youden_threshold(positive: np.ndarray, probability: np.ndarray) -> float:
    """Return the probability above which sensitivity + specificity - 1 is largest, halfway to the next lower one."""
    from sklearn.metrics import roc_curve

    false_positive, true_positive, thresholds = roc_curve(positive, probability, drop_intermediate=False)
    # The first threshold is infinite: it calls nothing positive, and is no operating point.
    best = 1 + int((true_positive - false_positive)[1:].argmax())
    values = np.unique(probability)
    lower = values[values < thresholds[best]]
    return float((thresholds[best] + lower[-1]) / 2) if lower.size else float(thresholds[best])


def at_threshold(positive: np.ndarray, probability: np.ndarray, threshold: float) -> dict:
    """Return what calling everything above a threshold positive gets right, with Wilson's 95% intervals.

    Returns
    -------
    dict
        ``threshold``, and ``accuracy``, ``sensitivity``, ``specificity``, ``ppv``, ``npv``, each as [value, low, high],
        or None where no row counts.
    """
    counted = _counted(positive, probability > threshold)
    return {"threshold": threshold} | {name: _wilson(right) if right.size else None for name, right in counted.items()}


def _counted(positive: np.ndarray, called: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each measure which of its rows were called rightly."""
    rights = (called == positive, called[positive], ~called[~positive], positive[called], ~positive[~called])
    return dict(zip(_MEASURES, rights, strict=True))


def _wilson(right: np.ndarray) -> list[float]:
    """Return the share of at least one lesion, and its 95% interval."""
    from scipy.stats import binomtest

    interval = binomtest(int(right.sum()), right.size).proportion_ci(method="wilson")
    return [float(right.mean()), float(interval.low), float(interval.high)]


def net_benefit(positive: np.ndarray, probability: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the net benefit of treating where the risk exceeds each threshold (Vickers and Elkin, 2006).

    True positives per patient, less false positives per patient weighted by the odds of the threshold.

    Parameters
    ----------
    positive, probability : numpy.ndarray
        Shape (n,). For "treat all" every probability is 1.
    thresholds : numpy.ndarray
        Shape (t,), from 0 to below 1.

    Returns
    -------
    numpy.ndarray
        Shape (t,).
    """
    treated = probability[None, :] > thresholds[:, None]
    true_positives = (treated & positive).mean(axis=1)
    false_positives = (treated & ~positive).mean(axis=1)
    return true_positives - false_positives * thresholds / (1 - thresholds)


def decision_curve(evidence: Evidence, thresholds: np.ndarray = DECISION_THRESHOLDS) -> list[dict]:
    """Return net benefit and interventions avoided at each threshold, for each measured class.

    Parameters
    ----------
    evidence : Evidence
        Cross-validated or test rows; treated is whose mean probability exceeds the threshold.
    thresholds : numpy.ndarray
        Shape (t,), above 0 and below 1.

    Returns
    -------
    list of dict
        ``class``, ``threshold``, ``net_benefit``, ``treat_all``, ``treat_none``, and ``interventions_avoided_per_100``
        patients, net of those missed, against treating all (Vickers et al., BMC Med Inform Decis Mak 8:53, 2008).
    """
    rows = []
    for i in reported(len(evidence.classes)):
        positive = evidence.target == i
        model = net_benefit(positive, evidence.mean[:, i], thresholds)
        treat_all = net_benefit(positive, np.ones(len(positive)), thresholds)
        avoided = 100 * (model - treat_all) * (1 - thresholds) / thresholds
        for values in zip(thresholds.tolist(), model.tolist(), treat_all.tolist(), avoided.tolist(), strict=True):
            row = dict(
                zip(("threshold", "net_benefit", "treat_all", "interventions_avoided_per_100"), values, strict=True)
            )
            rows.append({"class": evidence.classes[i]} | row | {"treat_none": 0.0})
    return rows
