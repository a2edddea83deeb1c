"""Areas under ROC curves: for many sets of row weights at once, and with DeLong's covariance."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 2000


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


def bootstrap_weights(rng: np.random.Generator, patients: np.ndarray) -> np.ndarray:
    """Return how often each row is drawn when patients are resampled.

    Parameters
    ----------
    rng : numpy.random.Generator
        Advanced by the draw.
    patients : numpy.ndarray
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (2000, n).
    """
    _, patient_of_row = np.unique(patients, return_inverse=True)
    count = patient_of_row.max() + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    return drawn[:, patient_of_row].astype(float)


def delong(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas under the ROC curves of several scores of the same rows, and their covariance.

    DeLong et al., Biometrics 44:837 (1988), from ranks as in Sun and Xu, IEEE Signal Process Lett 21:1389 (2014).

    Parameters
    ----------
    positive : numpy.ndarray
        Shape (n,), boolean, at least two of each.
    scores : numpy.ndarray
        Shape (m, n), higher where positive.

    Returns
    -------
    aucs : numpy.ndarray
        Shape (m,).
    covariance : numpy.ndarray
        Shape (m, m).
    """
    from scipy.stats import rankdata

    of_positive, of_negative = scores[:, positive], scores[:, ~positive]
    ranks = rankdata(scores, axis=1)
    # Share of the other class that each row beats, ties counting half.
    above = (ranks[:, positive] - rankdata(of_positive, axis=1)) / of_negative.shape[1]
    below = 1 - (ranks[:, ~positive] - rankdata(of_negative, axis=1)) / of_positive.shape[1]
    covariance = np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1]
    return above.mean(axis=1), np.atleast_2d(covariance)
