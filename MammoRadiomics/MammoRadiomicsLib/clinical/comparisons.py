"""Whether groups differ in a variable: standardised differences first, then a test chosen by what the data allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

_MONTE_CARLO_TABLES = 20_000
# Cochran, Biometrics 1954: the chi-square distribution holds with few small expected counts.
_SMALL_COUNT, _SMALL_SHARE = 5, 0.2


@dataclass(frozen=True)
class Comparison:
    """How a variable differs between groups.

    Parameters
    ----------
    difference : float or None
        Standardised difference; of more than two groups the largest of any two.
    test : str
        Its name; empty where none can be made.
    statistic, p : float or None
        Of the test.
    """

    difference: float | None
    test: str = ""
    statistic: float | None = None
    p: float | None = None


def categories(counts: np.ndarray, random_state: int = 0) -> Comparison:
    """Compare the levels of a category between groups.

    Pearson's chi-square test without continuity correction; where expected counts are small (Cochran's rule: more than
    a fifth under 5, or one under 1) Fisher's exact test, beyond 2 x 2 with P from random tables of the same margins.

    Parameters
    ----------
    counts : numpy.ndarray
        Shape (levels, groups), whole numbers.
    random_state : int
        Seeds the random tables.
    """
    from scipy import stats

    counts = counts[counts.sum(axis=1) > 0]
    full = counts[:, counts.sum(axis=0) > 0]
    difference = _largest(list(full.T), _difference_of_shares)
    if min(full.shape) < 2:
        return Comparison(difference)
    expected = stats.contingency.expected_freq(full)
    if expected.min() >= 1 and (expected < _SMALL_COUNT).mean() <= _SMALL_SHARE:
        found = stats.chi2_contingency(full, correction=False)
        return Comparison(difference, "chi-square", float(found.statistic), float(found.pvalue))
    if full.shape == (2, 2):
        return Comparison(difference, "Fisher's exact", None, float(stats.fisher_exact(full)[1]))
    return Comparison(difference, "Fisher's exact (random tables)", None, _fisher_by_chance(full, random_state))


def _fisher_by_chance(counts: np.ndarray, random_state: int) -> float:
    """Return the share of random tables that are no likelier than the observed one; it counts itself."""
    from scipy import stats

    margins = stats.random_table(counts.sum(axis=1), counts.sum(axis=0), seed=random_state)
    drawn = margins.logpmf(margins.rvs(_MONTE_CARLO_TABLES))
    return float((1 + np.count_nonzero(drawn <= margins.logpmf(counts) + 1e-9)) / (1 + _MONTE_CARLO_TABLES))


def quantities(groups: list[np.ndarray]) -> Comparison:
    """Compare a quantity between groups.

    Welch's t-test (one-way analysis of variance for more groups) where every group is near normal, else the
    Mann-Whitney (Kruskal-Wallis) test.

    Parameters
    ----------
    groups : list of numpy.ndarray
        Known values of each group.
    """
    from scipy import stats

    filled = [values for values in groups if values.size]
    difference = _largest(filled, _difference_of_means)
    if len(filled) < 2 or min(values.size for values in filled) < 2 or np.ptp(np.concatenate(filled)) == 0:
        return Comparison(difference)
    normal = all(near_normal(values) for values in filled)
    if normal and len(filled) == 2:
        name, found = "Welch's t-test", stats.ttest_ind(*filled, equal_var=False)
    elif normal:
        name, found = "analysis of variance", stats.f_oneway(*filled)
    elif len(filled) == 2:
        name, found = "Mann-Whitney", stats.mannwhitneyu(*filled)
    else:
        name, found = "Kruskal-Wallis", stats.kruskal(*filled)
    return Comparison(difference, name, float(found.statistic), float(found.pvalue))


def near_normal(values: np.ndarray) -> bool:
    """Return whether mean and SD describe values well, by Kim's rule (Restor Dent Endod 2013; 38: 52).

    Skewness and excess kurtosis within 1.96 standard errors under 50 values, within 3.29 up to 300, and within 2 and 4
    themselves beyond.
    """
    from scipy import stats

    n = values.size
    if n < 4 or np.ptp(values) == 0:
        return False
    skewness, kurtosis = stats.skew(values, bias=False), stats.kurtosis(values, bias=False)
    if n > 300:
        return bool(abs(skewness) <= 2 and abs(kurtosis) <= 4)
    of_skewness = np.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    of_kurtosis = 2 * of_skewness * np.sqrt((n**2 - 1) / ((n - 3) * (n + 5)))
    limit = 1.96 if n < 50 else 3.29
    return bool(abs(skewness / of_skewness) <= limit and abs(kurtosis / of_kurtosis) <= limit)


def _largest(groups: list[np.ndarray], difference: Callable[..., float | None]) -> float | None:
    found = [difference(one, other) for one, other in combinations(groups, 2)]
    known = [each for each in found if each is not None]
    return max(known, default=None)


def _difference_of_means(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the difference of means in units of the root of the mean variance."""
    if min(one.size, other.size) < 2:
        return None
    spread = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    return float(abs(one.mean() - other.mean()) / spread) if spread else None


def _difference_of_shares(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the standardised difference of two distributions over levels (Yang and Dalton, SAS Global Forum 2012).

    The Mahalanobis distance of their shares without the first level; of two levels it is the usual difference of two
    shares.
    """
    shares = one[1:] / one.sum(), other[1:] / other.sum()
    variances = [np.diag(share) - np.outer(share, share) for share in shares]
    gap = shares[0] - shares[1]
    squared = gap @ np.linalg.pinv(sum(variances) / 2) @ gap
    return float(np.sqrt(max(squared, 0)))
