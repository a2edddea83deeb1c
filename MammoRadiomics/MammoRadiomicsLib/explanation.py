"""What moved a probability away from the model's mean: Shapley values of one patient's features. numpy only.

The value of a set of features is the mean prediction when they are the patient's and the others are each of the
background's in turn (interventional Shapley values: Lundberg and Lee, NIPS 2017; Janzing et al., AISTATS 2020).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
EXACT_UP_TO = 8
VECTORS, _DRAWN = 25, 64
PAIRS = 16
# Rows that are predicted at once; a few megabytes for twenty features.
_ROWS = 16_384


@dataclass(frozen=True)
class Shapley:
    """Shapley values of k features for c outputs; ``base + values.sum(axis=0)`` is the prediction.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (k, c).
    errors : numpy.ndarray or None
        Shape (k, c), standard errors of `values` over pairs of permutations; None where all sets were enumerated.
    base : numpy.ndarray
        Shape (c,), the mean prediction of the background.
    """

    values: np.ndarray
    errors: np.ndarray | None
    base: np.ndarray


def background(values: np.ndarray, random_state: int, predict: Predict) -> np.ndarray:
    """Return vectors that stand for the training rows and are no patient's, shape (:data:`VECTORS`, k).

    Every column runs through its quantiles, in a random order of its own (as a Latin hypercube does). Of many such
    sets the one is taken whose mean prediction is closest to that of all, the mean over independent columns.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, k), training rows.
    random_state : int
        Seed of the orders.
    predict : callable
        Rows (n, k) to outputs (n, c).
    """
    quantiles = np.quantile(values, (np.arange(VECTORS) + 0.5) / VECTORS, axis=0)
    rng = np.random.default_rng(random_state)
    drawn = np.stack([rng.permuted(quantiles, axis=0) for _ in range(_DRAWN)])
    means = predict(drawn.reshape(-1, values.shape[1])).reshape(_DRAWN, VECTORS, -1).mean(axis=1)
    return drawn[np.abs(means - means.mean(axis=0)).max(axis=1).argmin()]


def shapley(
    predict: Predict,
    x: np.ndarray,
    background: np.ndarray,
    pairs: int = PAIRS,
    random_state: int = 0,
    *,
    exact_up_to: int = EXACT_UP_TO,
) -> Shapley:
    """Share out ``predict(x)`` less the mean over the background among the features of x.

    Up to `exact_up_to` features, all sets are enumerated. Above, features enter in random orders and each takes the
    change that it makes (Castro et al., Comput Oper Res 36:1726, 2009); every order is also taken backwards, which
    cancels much of its error (Mitchell et al., JMLR 23:43, 2022). The values sum exactly either way.

    Parameters
    ----------
    predict : callable
        Rows (n, k) to outputs (n, c).
    x : numpy.ndarray
        Shape (k,), the patient.
    background : numpy.ndarray
        Shape (b, k).
    pairs : int
        Random orders, at least 2; each is used twice.
    random_state : int
        Seed of the orders.
    exact_up_to : int
        Largest number of features for which sets are enumerated.

    Returns
    -------
    Shapley
    """
    worth = functools.partial(_worth, predict, x, background)
    base, top = predict(background).mean(axis=0), predict(x[None])[0]
    if len(x) <= exact_up_to:
        return Shapley(_enumerated(worth, len(x)), None, base)
    orders = np.random.default_rng(random_state).permuted(np.tile(np.arange(len(x)), (pairs, 1)), axis=1)
    of_pairs = _along(np.concatenate([orders, orders[:, ::-1]]), worth, base, top)
    of_pairs = of_pairs.reshape(2, pairs, len(x), -1).mean(axis=0)
    return Shapley(of_pairs.mean(axis=0), of_pairs.std(axis=0, ddof=1) / math.sqrt(pairs), base)


def _worth(predict: Predict, x: np.ndarray, background: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Mean prediction with the features of each set (boolean, (sets, k)) from x, the others from the background."""
    step = max(1, _ROWS // len(background))
    found = []
    for start in range(0, len(sets), step):
        chosen = sets[start : start + step, None, :]
        rows = np.where(chosen, x, background[None])
        found.append(predict(rows.reshape(-1, len(x))).reshape(len(chosen), len(background), -1).mean(axis=1))
    return np.concatenate(found)


def _enumerated(worth: Callable[[np.ndarray], np.ndarray], k: int) -> np.ndarray:
    """Shapley's formula over all sets of k features, shape (k, c)."""
    sets = np.array(list(itertools.product((False, True), repeat=k)))
    of_set, sizes = worth(sets), sets.sum(axis=1)
    weights = np.array([1 / (k * math.comb(k - 1, size)) for size in range(k)])
    shares = []
    for feature in range(k):
        without = np.flatnonzero(~sets[:, feature])
        # The sets count upwards in binary, the first feature being the highest digit.
        gain = of_set[without + 2 ** (k - 1 - feature)] - of_set[without]
        shares.append(weights[sizes[without]] @ gain)
    return np.array(shares)


def _along(
    orders: np.ndarray, worth: Callable[[np.ndarray], np.ndarray], base: np.ndarray, top: np.ndarray
) -> np.ndarray:
    """What each feature changes when features enter in the given orders, shape (orders, k, c)."""
    count, k = orders.shape
    ranks = np.argsort(orders, axis=1)
    steps = np.empty((count, k + 1, len(base)))
    # The empty and the full set are known.
    steps[:, 0], steps[:, k] = base, top
    sets = ranks[:, None, :] < np.arange(1, k)[None, :, None]
    steps[:, 1:k] = worth(sets.reshape(-1, k)).reshape(count, k - 1, -1)
    return np.take_along_axis(np.diff(steps, axis=1), ranks[:, :, None], axis=1)
