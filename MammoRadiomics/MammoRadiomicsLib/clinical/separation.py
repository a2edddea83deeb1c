"""Whether maximum likelihood estimates exist: separation of the classes by a combination of variables.

A logistic likelihood has no maximum where some direction in the space of coefficients never lowers it for any unit and
raises it for one (Albert and Anderson, Biometrika 1984; 71: 1). Linear programming finds such a direction or
proves that there is none (Konis, thesis, Oxford 2007). An empty cell of a table of outcome by level is the common case.
"""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-6


def binary(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which columns separate two classes.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (n, p), without a constant column.
    y : numpy.ndarray
        Shape (n,), 0 or 1.

    Returns
    -------
    numpy.ndarray
        Shape (p,), boolean: whose coefficients run to infinity; all False where there is no separation.
    """
    return multinomial(x, y.astype(int), 2)


def multinomial(x: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Return which columns separate any class from others; `y` (n,) holds class numbers, class 0 is the reference."""
    with_constant = _scaled(x)
    q = with_constant.shape[1]
    conditions = []
    for other in range(classes):
        rows = np.flatnonzero(y != other)
        block = np.zeros((len(rows), classes, q))
        block[np.arange(len(rows)), y[rows]] = with_constant[rows]
        block[:, other] -= with_constant[rows]
        conditions.append(block[:, 1:].reshape(len(rows), -1))
    direction = _direction(np.vstack(conditions)).reshape(classes - 1, q)
    return np.asarray(direction[:, 1:].any(axis=0))


def ordinal(x: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Return which columns separate classes in their order, with one slope for all cuts; `y` (n,) class numbers."""
    slopes = _scaled(x)[:, 1:]
    conditions = []
    for cut in range(1, classes):
        for rows, sign in ((np.flatnonzero(y == cut), 1), (np.flatnonzero(y == cut - 1), -1)):
            cuts = np.zeros((len(rows), classes - 1))
            cuts[:, cut - 1] = -1
            conditions.append(sign * np.hstack([slopes[rows], cuts]))
    return _direction(np.vstack(conditions))[: x.shape[1]]


def _scaled(x: np.ndarray) -> np.ndarray:
    """Return columns of size 1 beside a constant one, so that one tolerance serves all."""
    size = np.abs(x).max(axis=0, initial=0)
    return np.column_stack([np.ones(len(x)), x / np.where(size > 0, size, 1)])


def _direction(conditions: np.ndarray) -> np.ndarray:
    """Return which coordinates of a separating direction are not 0, shape (q,), boolean."""
    from scipy.optimize import linprog

    found = linprog(-conditions.sum(axis=0), A_ub=-conditions, b_ub=np.zeros(len(conditions)), bounds=(-1, 1))
    if -found.fun < _TOLERANCE:
        return np.zeros(conditions.shape[1], bool)
    return np.abs(found.x) > _TOLERANCE
