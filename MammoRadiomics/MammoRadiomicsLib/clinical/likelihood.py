"""The likelihood of a logistic regression, plain or with Firth's penalty: its maximum and its profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
# Under the penalty steps close in slowly where the classes are nearly separated.
_MOST_STEPS, _MOST_HALVINGS, _LARGEST_STEP = 1000, 30, 5.0
_PRECISION = 1e-9
# In standard errors: where the search for a limit of a profile starts, and where it ends.
_FIRST_GUESS, _FARTHEST = 1.96, 100


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is largest.

    Parameters
    ----------
    coefficients : numpy.ndarray
        Shape (p,).
    log_likelihood : float
        Firth's penalty included where it was asked for.
    covariance : numpy.ndarray
        Shape (p, p), inverse of the information.
    """

    coefficients: np.ndarray
    log_likelihood: float
    covariance: np.ndarray


class NoMaximumError(ArithmeticError):
    """The likelihood rises without end, or the steps towards its maximum do not settle."""


@dataclass(frozen=True)
class Likelihood:
    """The likelihood of a logistic regression.

    Firth's penalty is half the logarithm of the determinant of the information (Biometrika 1993; 80: 27); its score is
    that of Heinze and Schemper (Stat Med 2002; 21: 2409). With fixed coefficients the information stays that of all
    columns, as in their profiles.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (n, p), a constant column included.
    y : numpy.ndarray
        Shape (n,), 0 or 1.
    firth : bool
        Add Firth's penalty.
    """

    x: np.ndarray
    y: np.ndarray
    firth: bool = False

    def maximise(self, fixed: dict[int, float] | None = None, start: np.ndarray | None = None) -> Maximum:
        """Maximise by Newton's steps, halved while they lower the likelihood or leap far over its maximum.

        Parameters
        ----------
        fixed : dict
            Coefficients that are held, by column.
        start : numpy.ndarray, optional
            Shape (p,), where to start.

        Raises
        ------
        NoMaximumError
            See there.
        """
        fixed = fixed or {}
        coefficients = np.zeros(self.x.shape[1]) if start is None else start.copy()
        coefficients[list(fixed)] = list(fixed.values())
        free = np.setdiff1d(np.arange(len(coefficients)), list(fixed))
        value, score, information = self._at(coefficients)
        for _ in range(_MOST_STEPS):
            step = np.zeros_like(coefficients)
            step[free] = _solve(information[np.ix_(free, free)], score[free])
            step /= max(1.0, np.abs(step).max(initial=0) / _LARGEST_STEP)
            for _ in range(_MOST_HALVINGS):
                trial = self._at(coefficients + step)
                # Beyond the maximum the slope is negative; as steep as before, the next step would lead back here.
                too_far = trial[1] @ step < -0.5 * (score @ step)
                if trial[0] >= value - 1e-12 * abs(value) and not too_far:
                    break
                step /= 2
            coefficients = coefficients + step
            value, score, information = trial
            if np.abs(step).max(initial=0) < _PRECISION * (1 + np.abs(coefficients).max()):
                return Maximum(coefficients, value, _solve(information, np.eye(len(information))))
        raise NoMaximumError

    def _at(self, coefficients: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log-likelihood, its score (p,) and the information (p, p)."""
        linear = self.x @ coefficients
        value = float(self.y @ linear - np.logaddexp(0, linear).sum())
        risk = 0.5 * (1 + np.tanh(linear / 2))
        weights = risk * (1 - risk)
        information = (self.x * weights[:, None]).T @ self.x
        residual = self.y - risk
        if self.firth:
            value += 0.5 * np.linalg.slogdet(information)[1]
            leverage = weights * np.einsum("ij,ij->i", self.x, _solve(information, self.x.T).T)
            residual = residual + leverage * (0.5 - risk)
        return value, self.x.T @ residual, information

    def profile_interval(self, best: Maximum, column: int) -> tuple[float, float]:
        """Return the 95% profile interval of one coefficient; infinite where the profile never falls enough."""
        return self._profile_limit(best, column, -1), self._profile_limit(best, column, 1)

    def _profile_limit(self, best: Maximum, column: int, side: int) -> float:
        from scipy.optimize import brentq
        from scipy.stats import chi2

        drop = chi2.ppf(LEVEL, 1) / 2
        centre, error = best.coefficients[column], float(np.sqrt(best.covariance[column, column]))
        last = best.coefficients

        def above(coefficient: float) -> float:
            nonlocal last
            found = self.maximise({column: coefficient}, last)
            last = found.coefficients
            return found.log_likelihood - best.log_likelihood + drop

        near, far = centre, centre + side * _FIRST_GUESS * error
        try:
            while above(far) > 0:
                if abs(far - centre) > _FARTHEST * error:
                    return side * np.inf
                near, far = far, far + side * error
            return float(brentq(above, near, far, xtol=1e-7 * error, rtol=1e-8))
        except NoMaximumError:
            return side * np.inf

    def ratio_test(self, best: Maximum, columns: list[int]) -> tuple[float, float]:
        """Return chi-square and P of the likelihood ratio test that some coefficients are 0."""
        from scipy.stats import chi2

        without = self.maximise(dict.fromkeys(columns, 0.0))
        statistic = max(2 * (best.log_likelihood - without.log_likelihood), 0.0)
        return statistic, float(chi2.sf(statistic, len(columns)))


def _solve(information: np.ndarray, score: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.solve(information, score)
    except np.linalg.LinAlgError as error:
        raise NoMaximumError from error
