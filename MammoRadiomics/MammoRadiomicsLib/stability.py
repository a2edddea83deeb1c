"""Which features survive another outline: intraclass correlation over readers or perturbed contours.

Notation and intervals follow McGraw and Wong, Psychol Methods 1:30 (1996); the forms have the names of Shrout and
Fleiss, Psychol Bull 86:420 (1979). Everything is computed for all features at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .settings import TrainingSettings
from .tables import PERTURBED, FeatureTable, case_name, finite_number, lesion_key, read_rows

FEW_CASES = 30
STABLE_FROM = 0.75


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation of each feature with its confidence interval, arrays of shape (features,).

    NaN where a feature has a value that is not finite, or no variance at all: a constant is not stable.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def averaged(self, raters: int) -> Icc:
        """Return the correlation of the mean of `raters` outlines (Spearman-Brown).

        NaN where the correlation is so negative that the formula has passed its pole.
        """
        parts = []
        for each in (self.value, self.low, self.high):
            divisor = 1 + (raters - 1) * each
            parts.append(np.divide(raters * each, divisor, out=np.full(each.shape, np.nan), where=divisor > 0))
        return Icc(*parts)


@dataclass(frozen=True)
class _MeanSquares:
    """Of the two-way analysis of variance; shape (features,)."""

    cases: int
    raters: int
    between_cases: np.ndarray
    between_raters: np.ndarray
    error: np.ndarray
    within_cases: np.ndarray


def _mean_squares(ratings: np.ndarray) -> _MeanSquares:
    if ratings.ndim != 3 or min(ratings.shape[:2]) < 2:
        raise InputError(f"Agreement needs at least 2 cases and 2 outlines of each. Got {ratings.shape[:2]}.")
    n, k, _ = ratings.shape
    # One case with a value that is not finite makes the feature NaN throughout.
    ratings = np.where(np.isfinite(ratings), ratings, np.nan)
    centred = ratings - ratings.mean(axis=(0, 1))
    of_cases, of_raters = centred.mean(axis=1), centred.mean(axis=0)
    residual = centred - of_cases[:, None] - of_raters[None]
    between_raters = n * (of_raters**2).sum(axis=0)
    error = (residual**2).sum(axis=(0, 1))
    return _MeanSquares(
        cases=n,
        raters=k,
        between_cases=k * (of_cases**2).sum(axis=0) / (n - 1),
        between_raters=between_raters / (k - 1),
        error=error / ((n - 1) * (k - 1)),
        within_cases=(between_raters + error) / (n * (k - 1)),
    )


def icc(ratings: np.ndarray, form: str, confidence: float = 0.95) -> Icc:
    """Return the single-outline intraclass correlation of many features.

    Parameters
    ----------
    ratings : numpy.ndarray
        Shape (cases, raters, features).
    form : {"ICC(1,1)", "ICC(2,1)", "ICC(3,1)"}
        One-way random (raters differ from case to case, as perturbed contours do), two-way random with absolute
        agreement (readers), two-way mixed with consistency.
    confidence : float
        Of the interval.

    Raises
    ------
    InputError
        Fewer than two cases or raters, or an unknown form.
    """
    forms = {"ICC(1,1)": _one_way, "ICC(2,1)": _two_way_agreement, "ICC(3,1)": _two_way_consistency}
    if form not in forms:
        raise InputError(f"There is no {form}; use one of {', '.join(forms)}.")
    ratings = np.asarray(ratings, dtype=float)
    squares = _mean_squares(ratings)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = forms[form](squares, (1 + confidence) / 2)
    # Identical outlines leave 0 / 0 or rounding noise where the coefficient is 1, and constants where there is none.
    identical = (ratings == ratings[:, :1]).all(axis=(0, 1))
    constant = (ratings == ratings[:1, :1]).all(axis=(0, 1))
    settled = np.where(constant, np.nan, 1.0)
    return Icc(*(np.where(identical | constant, settled, part) for part in (found.value, found.low, found.high)))


def _from_f_ratio(ratio: np.ndarray, k: int, tail: float, degrees: tuple[int, int]) -> Icc:
    """One-way and consistency: everything follows from one ratio of mean squares."""
    from scipy.stats import f

    low, high = ratio / f.ppf(tail, *degrees), ratio * f.ppf(tail, *degrees[::-1])
    return Icc(*((each - 1) / (each + k - 1) for each in (ratio, low, high)))


def _one_way(squares: _MeanSquares, tail: float) -> Icc:
    n, k = squares.cases, squares.raters
    return _from_f_ratio(squares.between_cases / squares.within_cases, k, tail, (n - 1, n * (k - 1)))


def _two_way_consistency(squares: _MeanSquares, tail: float) -> Icc:
    n, k = squares.cases, squares.raters
    return _from_f_ratio(squares.between_cases / squares.error, k, tail, (n - 1, (n - 1) * (k - 1)))


def _two_way_agreement(squares: _MeanSquares, tail: float) -> Icc:
    """McGraw and Wong's case A,1; the degrees of freedom are Satterthwaite's."""
    from scipy.stats import f

    n, k = squares.cases, squares.raters
    rows, columns, error = squares.between_cases, squares.between_raters, squares.error
    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    spread = k * columns + (k * n - k - n) * error
    lower, upper = f.ppf(tail, n - 1, freedom), f.ppf(tail, freedom, n - 1)
    low = n * (rows - lower * error) / (lower * spread + n * rows)
    high = n * (upper * rows - error) / (spread + n * upper * rows)
    return Icc(value, low, high)


@dataclass(frozen=True)
class Repeats:
    """Cases outlined several times.

    Parameters
    ----------
    patients : numpy.ndarray
        Shape (cases,).
    ratings : numpy.ndarray
        Shape (cases, raters, features).
    form : str
        ``ICC(1,1)`` for perturbed contours, ``ICC(2,1)`` for readers.
    """

    patients: np.ndarray
    ratings: np.ndarray
    form: str

    def of(self, patients: np.ndarray) -> Repeats:
        """Return the cases of some patients."""
        kept = np.isin(self.patients, patients)
        return Repeats(self.patients[kept], self.ratings[kept], self.form)

    def stable(self, threshold: float, bound: str) -> np.ndarray:
        """Return which features have a correlation above a threshold, shape (features,), boolean.

        Parameters
        ----------
        threshold : float
            Such as 0.75.
        bound : {"value", "low"}
            Whether the correlation or the lower limit of its 95% interval must lie above it.
        """
        found = getattr(icc(self.ratings, self.form), bound)
        # A missing cell costs its case, not the feature.
        for i in np.flatnonzero(np.isnan(self.ratings).any(axis=(0, 1))):
            complete = ~np.isnan(self.ratings[:, :, i]).any(axis=1)
            if complete.sum() > 1:
                found[i] = getattr(icc(self.ratings[complete, :, i : i + 1], self.form), bound)[0]
        return np.nan_to_num(found, nan=-np.inf) > threshold


def repeated_outlines(table: FeatureTable) -> Repeats | None:
    """Arrange a feature table by case and outline, and choose the form of the correlation; None without repeats.

    Cases outlined by every reader count; rows whose reader is ``perturbed-...`` are perturbed contours, compared among
    themselves.

    Raises
    ------
    InputError
        When a row has no patient_id, or a reader outlined a case twice.
    """
    readers = list(dict.fromkeys(row.get("reader", "") for row in table.rows))
    perturbed = [reader for reader in readers if reader.startswith(PERTURBED)]
    raters = perturbed or readers
    by_case: dict[tuple[str, ...], dict[str, int]] = {}
    for i, row in enumerate(table.rows):
        if not row.get("patient_id"):
            raise InputError(f"Row {i + 2} of the table has no patient_id. Every row needs one.")
        case = (*lesion_key(row), row.get("view", ""))
        if by_case.setdefault(case, {}).setdefault(row.get("reader", ""), i) != i:
            raise InputError(f"{case_name(row)} is in the table twice (row {i + 2}). Delete one or number its lesions.")
    complete = {case: of_case for case, of_case in by_case.items() if set(raters) <= set(of_case)}
    if len(raters) < 2 or len(complete) < 2:
        return None
    rows = np.array([[of_case[rater] for rater in raters] for of_case in complete.values()])
    patients = np.array([patient for patient, *_ in complete])
    return Repeats(patients, table.values[rows], "ICC(1,1)" if perturbed else "ICC(2,1)")


def read_stable(path: str | Path, names: tuple[str, ...], settings: TrainingSettings) -> dict[str, bool]:
    """Return whether a table written by 'stability' calls each feature stable.

    Parameters
    ----------
    path : path
        The table.
    names : tuple of str
        Features asked for.
    settings : TrainingSettings
        The limit, and whether the correlation or its lower limit must lie above it.

    Raises
    ------
    InputError
        When the table lacks a feature, or no feature is stable.
    """
    column = "icc" if settings.icc_bound == "value" else "icc_low"
    found = {row.get("feature", ""): finite_number(row.get(column, "")) for row in read_rows(path)}
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"{Path(path).name} says nothing of {len(missing)} features, the first {missing[0]}. Make it with "
            "'stability' from the same preset."
        )
    # A comparison with NaN is false: a feature without a correlation is not stable.
    stable = {name: found[name] > settings.icc for name in names}
    if not any(stable.values()):
        raise InputError(f"{Path(path).name} has no feature with an ICC above {settings.icc:g}. Lower the limit.")
    return stable


def report(table: FeatureTable) -> list[dict]:
    """Return one row per feature: correlation and interval of one outline and of the mean, and what prevents them.

    Raises
    ------
    InputError
        When fewer than two cases were outlined twice.
    """
    repeats = repeated_outlines(table)
    if repeats is None:
        readers = len({row.get("reader", "") for row in table.rows})
        raise InputError(
            f"Agreement needs two cases outlined by two or more readers; the table has {readers} readers. Add a second "
            "reader, or extract with --perturb."
        )
    ratings, form = repeats.ratings, repeats.form
    single = icc(ratings, form)
    average = single.averaged(ratings.shape[1])
    finite = np.isfinite(ratings).all(axis=(0, 1))
    rows = []
    for i, name in enumerate(table.names):
        note = "" if np.isfinite(single.value[i]) else "constant" if finite[i] else "not finite"
        rows.append(
            {
                "feature": name,
                "form": form,
                "icc": float(single.value[i]),
                "icc_low": float(single.low[i]),
                "icc_high": float(single.high[i]),
                "icc_average": float(average.value[i]),
                "icc_average_low": float(average.low[i]),
                "icc_average_high": float(average.high[i]),
                "cases": ratings.shape[0],
                "outlines": ratings.shape[1],
                "note": note,
            }
        )
    return rows


def summary(rows: list[dict]) -> str:
    """Say in a sentence or two what :func:`report` found."""
    stable = sum(row["icc"] > STABLE_FROM for row in rows)
    surely = sum(row["icc_low"] > STABLE_FROM for row in rows)
    first = rows[0]
    text = (
        f"{stable} of {len(rows)} features have an {first['form']} above {STABLE_FROM} over {first['cases']} cases "
        f"with {first['outlines']} outlines each, {surely} with their lower 95% limit."
    )
    unknown = sum(bool(row["note"]) for row in rows)
    if unknown:
        text += f" {unknown} features are constant or not finite and have none."
    if first["cases"] < FEW_CASES:
        text += f" Fewer than {FEW_CASES} cases: the intervals are wide."
    return text
