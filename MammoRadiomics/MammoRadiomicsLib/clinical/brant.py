"""Brant's test of proportional odds (Biometrics 1990; 46: 1171)."""

from __future__ import annotations

import numpy as np

from . import separation
from .design import Design
from .likelihood import Likelihood, NoMaximumError
from .models import NotFittedError


def test(design: Design, y: np.ndarray) -> list[dict]:
    """Test whether the odds ratios are the same at every cut of the classes.

    The slopes of a logistic regression at each cut are compared; their joint covariance comes from the overlap of the
    cuts.

    Parameters
    ----------
    design : Design
        Of n units.
    y : numpy.ndarray
        Shape (n,), class numbers in order.

    Returns
    -------
    list of dict
        ``variable`` (first ``all``), ``statistic`` (chi-square), ``df``, ``p``.

    Raises
    ------
    NotFittedError
        When one of the regressions has no estimates.
    """
    slopes, covariance = _slopes(design, y)
    p = len(design.terms)
    found = [{"variable": "all", **_equal(slopes, covariance, list(range(p)), p)}]
    return found + [
        {"variable": name, **_equal(slopes, covariance, own, p)} for name, own in design.variables.items()
    ]  # fmt: skip


def _slopes(design: Design, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes at each cut, shape (cuts, p), and their joint covariance, (cuts * p, cuts * p)."""
    x = np.column_stack([np.ones(len(y)), design.matrix])
    risks, slopes, breads = [], [], []
    for cut in range(1, int(y.max()) + 1):
        above = (y >= cut).astype(float)
        if separation.binary(design.matrix, above).any():
            raise NotFittedError("at one cut of the classes the outcome is separated")
        try:
            found = Likelihood(x, above).maximise()
        except NoMaximumError as error:
            raise NotFittedError("at one cut of the classes there are no estimates") from error
        risks.append(1 / (1 + np.exp(-x @ found.coefficients)))
        slopes.append(found.coefficients[1:])
        breads.append(found.covariance)
    blocks = [[_between(x, risks, breads, i, j) for j in range(len(risks))] for i in range(len(risks))]
    return np.array(slopes), np.block(blocks)


def _between(x: np.ndarray, risks: list, breads: list, i: int, j: int) -> np.ndarray:
    # To be above the higher cut is to be above both.
    weights = risks[max(i, j)] - risks[i] * risks[j]
    return (breads[i] @ ((x * weights[:, None]).T @ x) @ breads[j])[1:, 1:]


def _equal(slopes: np.ndarray, covariance: np.ndarray, own: list[int], p: int) -> dict:
    from scipy.stats import chi2

    cuts = len(slopes)
    contrast = np.zeros((len(own) * (cuts - 1), cuts * p))
    for cut in range(1, cuts):
        for place, column in enumerate(own):
            row = (cut - 1) * len(own) + place
            contrast[row, column], contrast[row, cut * p + column] = 1, -1
    gap = contrast @ slopes.reshape(-1)
    statistic = float(gap @ np.linalg.solve(contrast @ covariance @ contrast.T, gap))
    return {"statistic": statistic, "df": len(gap), "p": float(chi2.sf(statistic, len(gap)))}
