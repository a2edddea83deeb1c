"""How good a model is, from predictions on rows that it has not seen."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 2000


def cross_validated(
    out_of_fold: np.ndarray, target: np.ndarray, classes: tuple[str, ...], patients: np.ndarray, random_state: int
) -> dict:
    """Return the cross-validated AUC of each class against the rest, with a bootstrap interval over patients.

    The interval resamples patients and keeps the fitted models, so it is narrower than one that would refit them.

    Parameters
    ----------
    out_of_fold : numpy.ndarray
        Shape (repeats, n, classes), probabilities from models that did not see the row.
    target : numpy.ndarray
        Shape (n,), class indices.
    classes : tuple of str
        Names; for two classes only the second is reported.
    patients : numpy.ndarray
        Shape (n,).
    random_state : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        ``{"protocol": "nested", "auc": {class: {"mean", "low", "high"}}}``: mean over repeats, 95% interval.
    """
    reported = range(1, 2) if len(classes) == 2 else range(len(classes))
    rng = np.random.default_rng(random_state)
    weights = np.vstack([np.ones(len(target)), _bootstrap_weights(rng, patients)])
    aucs = {}
    for i in reported:
        weighted = weighted_auc(target == i, out_of_fold[:, :, i], weights)
        # A resample without one of the classes has no AUC.
        low, high = np.nanquantile(weighted[1:], [0.025, 0.975])
        aucs[classes[i]] = {"mean": float(weighted[0]), "low": float(low), "high": float(high)}
    return {"protocol": "nested", "auc": aucs}


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
