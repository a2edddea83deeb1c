"""The LASSO on many correlated columns, exact and fast: active sets first, coordinate descent where they fail.

Radiomics features repeat each other, and coordinate descent crawls on such columns: minutes a path at small penalties.
With the set of non-zero weights and their signs known, the solution is that of a linear system; the set changes little
from one penalty to the next (Osborne et al., IMA J Numer Anal 20:389, 2000). Every solution is accepted by its duality
gap, as scikit-learn accepts its own, and scikit-learn finishes what is not good enough.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv
from sklearn.linear_model import lasso_path

ITERATIONS, TOLERANCE = 100_000, 1e-4
# Far more than a path needs; rounding can make the active set turn in circles.
_MOST_CHANGES = 2000
_ROUNDING = 1e-7


class LassoDescent:
    """The LASSO of one set of rows, solved for falling penalties, each from the solution of the last.

    Parameters
    ----------
    z : numpy.ndarray
        Shape (n, columns).
    response : numpy.ndarray
        Shape (n,), numeric.
    """

    def __init__(self, z: np.ndarray, response: np.ndarray):
        self._column_means, self._response_mean = z.mean(axis=0), float(response.mean())
        self._z = np.asfortranarray(z - self._column_means)
        self._response = response - self._response_mean
        self._gram, self._covariances = self._z.T @ self._z, self._z.T @ self._response
        self._last = np.zeros(z.shape[1])

    def solve(self, alpha: float) -> tuple[np.ndarray, float]:
        """Minimise ``|y - Xw - c|^2 / 2n + alpha |w|_1``; return the weights, shape (columns,), and the intercept."""
        penalty = len(self._response) * alpha
        weights = _active_set(self._gram, self._covariances, penalty, self._last)
        squares = float(self._response @ self._response)
        if duality_gap(self._gram, self._covariances, squares, penalty, weights) > TOLERANCE * squares:
            _, path, _ = lasso_path(
                self._z, self._response, alphas=[alpha], coef_init=weights, precompute=self._gram,
                Xy=self._covariances, max_iter=ITERATIONS, tol=TOLERANCE,
            )  # fmt: skip
            weights = path[:, 0]
        self._last = weights
        return weights, self._response_mean - float(self._column_means @ weights)


def _active_set(gram: np.ndarray, covariances: np.ndarray, penalty: float, weights: np.ndarray) -> np.ndarray:
    """Minimise ``|y - Xw|^2 / 2 + penalty |w|_1`` from a nearby solution, as far as rounding allows.

    One column enters at a time, the one that breaks the condition of an optimum most; on the way to the solution with
    the present signs, a weight that reaches zero leaves.
    """
    weights = weights.copy()
    active = np.flatnonzero(weights).tolist()
    signs = np.sign(weights[active]).tolist()
    entered = False
    for _ in range(_MOST_CHANGES):
        residual = covariances
        if active:
            rows = gram[active]
            _, aim, singular = dposv(rows[:, active], covariances[active] - penalty * np.array(signs))
            if singular:
                return weights
            share, first = _way_to_zero(weights[active], aim, np.array(signs))
            if first is not None and share == 0 and entered:
                # What has just entered would leave at once: collinear to rounding.
                weights[active[first]] = 0
                return weights
            weights[active] += share * (aim - weights[active])
            if first is not None:
                weights[active.pop(first)] = 0
                signs.pop(first)
                entered = False
                continue
            residual = covariances - aim @ rows
        excess = np.abs(residual)
        excess[active] = 0
        worst = int(excess.argmax())
        if excess[worst] <= penalty * (1 + _ROUNDING):
            return weights
        active.append(worst)
        signs.append(float(np.sign(residual[worst])))
        entered = True
    return weights


def _way_to_zero(weights: np.ndarray, aim: np.ndarray, signs: np.ndarray) -> tuple[float, int | None]:
    """Return the share of the way from `weights` to `aim` until the first weight changes its sign, and which one."""
    turning = np.flatnonzero(aim * signs <= 0)
    if not turning.size:
        return 1.0, None
    distance = weights[turning] - aim[turning]
    shares = np.divide(weights[turning], distance, out=np.zeros(len(turning)), where=distance != 0)
    return float(shares.min()), int(turning[shares.argmin()])


def duality_gap(
    gram: np.ndarray, covariances: np.ndarray, squares: float, penalty: float, weights: np.ndarray
) -> float:
    """Return by how much the objective of :func:`_active_set` can at most exceed its minimum.

    Parameters
    ----------
    gram, covariances, squares : numpy.ndarray, numpy.ndarray, float
        ``X'X``, ``X'y`` and ``y'y``.
    penalty : float
        Of the sum of absolute weights.
    weights : numpy.ndarray
        Shape (columns,).
    """
    fitted = gram @ weights
    residual = covariances - fitted
    residual_squares = squares - 2 * covariances @ weights + weights @ fitted
    # A dual point: the residual, shrunk until no column correlates with it beyond the penalty.
    largest = np.abs(residual).max()
    shrink = penalty / largest if largest > penalty else 1.0
    primal = residual_squares / 2 + penalty * np.abs(weights).sum()
    dual = shrink * (squares - covariances @ weights) - shrink**2 * residual_squares / 2
    return float(primal - dual)
