"""How good a model is, from predictions on rows that it has not seen."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 2000


def cross_validated(
    out_of_fold: np.ndarray, target: np.ndarray, classes: tuple[str, ...], patients: np.ndarray, random_state: int
) -> dict:
    """Measure each class against the rest (of two classes, the second) on rows that the models have not seen.

    The AUC is the mean over repeats; its interval resamples patients and keeps the fitted models, so it is narrower
    than one that would refit them. Everything else is taken from each row's mean probability over repeats.

    Parameters
    ----------
    out_of_fold : numpy.ndarray
        Shape (repeats, n, classes), probabilities from models that did not see the row.
    target : numpy.ndarray
        Shape (n,), class indices.
    classes : tuple of str
        Names.
    patients : numpy.ndarray
        Shape (n,).
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        ``protocol``, and by class ``auc`` (mean, low, high), ``brier``, ``calibration`` (intercept, slope) and
        ``operating_point`` (see :func:`at_threshold`; the threshold is Youden's).
    """
    rng = np.random.default_rng(random_state)
    weights = np.vstack([np.ones(len(target)), _bootstrap_weights(rng, patients)])
    metrics: dict = {"protocol": "nested", "auc": {}, "brier": {}, "calibration": {}, "operating_point": {}}
    for i in reported(len(classes)):
        positive, probability = target == i, out_of_fold[:, :, i].mean(axis=0)
        weighted = weighted_auc(positive, out_of_fold[:, :, i], weights)
        # A resample without one of the classes has no AUC.
        low, high = np.nanquantile(weighted[1:], [0.025, 0.975])
        metrics["auc"][classes[i]] = {"mean": float(weighted[0]), "low": float(low), "high": float(high)}
        metrics["brier"][classes[i]] = float(((probability - positive) ** 2).mean())
        intercept, slope = calibration(positive, probability)
        metrics["calibration"][classes[i]] = {"intercept": intercept, "slope": slope}
        threshold = youden_threshold(positive, probability)
        metrics["operating_point"][classes[i]] = at_threshold(positive, probability, threshold)
    return metrics


def reported(classes: int) -> range:
    """Return the indices of the classes that are measured against the rest: of two, only the second."""
    return range(1, 2) if classes == 2 else range(classes)


def calibration(positive: np.ndarray, probability: np.ndarray) -> tuple[float, float | None]:
    """Return the calibration intercept (slope fixed at 1) and slope of logistic recalibration (Cox, 1958).

    0 and 1 are ideal; a slope under 1 means probabilities too extreme, an intercept above 0 too low. Where all
    probabilities are equal there is no slope: None.

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

    log_odds = logit(np.clip(probability, 1e-6, 1 - 1e-6))
    intercept = brentq(lambda shift: (expit(log_odds + shift) - positive).sum(), -50, 50)
    if np.ptp(log_odds) == 0:
        return float(intercept), None
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds[:, None], positive)
    return float(intercept), float(fit.coef_[0, 0])


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
    called = probability > threshold
    counted = {
        "accuracy": called == positive,
        "sensitivity": called[positive],
        "specificity": ~called[~positive],
        "ppv": positive[called],
        "npv": ~positive[~called],
    }
    return {"threshold": threshold} | {name: _wilson(right) for name, right in counted.items()}


def _wilson(right: np.ndarray) -> list[float] | None:
    from scipy.stats import binomtest

    if not right.size:
        return None
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


def _bootstrap_weights(rng: np.random.Generator, patients: np.ndarray) -> np.ndarray:
    """Return how often each row is drawn when patients are resampled, shape (resamples, n)."""
    _, patient_of_row = np.unique(patients, return_inverse=True)
    count = patient_of_row.max() + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    return drawn[:, patient_of_row].astype(float)


def weighted_auc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve, averaged over repeats, for each set of row weights.

    It is the weighted share of pairs in which the positive row has the higher score, ties counting half (Mann-Whitney).

    Parameters
    ----------
    positive : numpy.ndarray
        Shape (n,), boolean.
    scores : numpy.ndarray
        Shape (repeats, n).
    weights : numpy.ndarray
        Shape (sets, n), not negative.

    Returns
    -------
    numpy.ndarray
        Shape (sets,); NaN where a class has no weight.
    """
    of_positive, of_negative = weights[:, positive], weights[:, ~positive]
    total = of_positive.sum(axis=1) * of_negative.sum(axis=1)
    won = np.zeros(len(weights))
    for row in scores:
        difference = row[positive][:, None] - row[~positive]
        won += ((of_positive @ (0.5 * (np.sign(difference) + 1))) * of_negative).sum(axis=1)
    return np.divide(won / len(scores), total, out=np.full(len(weights), np.nan), where=total > 0)
