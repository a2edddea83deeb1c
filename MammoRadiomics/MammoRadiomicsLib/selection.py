"""From many columns to few: stable under another outline, different between the classes, kept by the LASSO."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sklearn.feature_selection import f_classif
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, KFold

from . import stability
from .errors import InputError
from .lasso import LassoDescent
from .settings import TrainingSettings

# The descent ends _PATIENCE penalties behind the least held-out error, once the error has risen by _RISE.
_PATIENCE, _RISE = 8, 1.10


@dataclass(frozen=True)
class StableColumns:
    """Which columns survive another outline.

    Parameters
    ----------
    fixed : numpy.ndarray
        Shape (columns,), boolean: what a separate reproducibility table keeps; everything where there is none.
    repeats : tuple of Repeats
        Repeated outlines, to be judged on the patients at hand: their features one after the other are the columns.
        With views side by side, each view has its own; a mean of views is judged as a mean.
    """

    fixed: np.ndarray
    repeats: tuple[stability.Repeats, ...] = ()

    @classmethod
    def all(cls, columns: int) -> StableColumns:
        """Keep every column."""
        return cls(np.ones(columns, dtype=bool))

    def among(self, patients: np.ndarray | None, settings: TrainingSettings) -> np.ndarray:
        """Return the columns to keep, shape (columns,), boolean, from repeated outlines of `patients` alone."""
        if not self.repeats:
            return self.fixed
        repeats = self.repeats if patients is None else [each.of(patients) for each in self.repeats]
        if min(len(each.patients) for each in repeats) < 2:
            raise InputError(
                "A fold has fewer than two cases with repeated outlines, so no ICC. Add outlines, give a separate "
                "stability table, or set the ICC limit to 0."
            )
        kept = np.concatenate([each.stable(settings.icc, settings.icc_bound) for each in repeats])
        if not kept.any():
            raise InputError(f"No feature has an ICC above {settings.icc:g}. Lower the limit, or set it to 0.")
        return kept

    def settled(self, patients: np.ndarray, settings: TrainingSettings) -> StableColumns:
        """Return the columns that `patients` keep, whatever rows come later (synthetic ones have no patient)."""
        return StableColumns(self.among(patients, settings))


@dataclass(frozen=True)
class LassoPath:
    """What the LASSO did at each penalty.

    Parameters
    ----------
    alphas : numpy.ndarray
        Shape (a,), penalties, falling.
    errors, spread : numpy.ndarray
        Shape (a,), mean squared error on held-out rows and its standard error over folds; infinite where the descent
        had ended.
    columns : numpy.ndarray
        Shape (k,), indices of the columns that enter anywhere on the path.
    weights : numpy.ndarray
        Shape (k, a), zero where the descent had ended.
    intercepts : numpy.ndarray
        Shape (a,).
    chosen : int
        Index of the penalty taken.
    names : tuple of str
        Names of `columns`, where they are known.
    """

    alphas: np.ndarray
    errors: np.ndarray
    spread: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    chosen: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Columns selected on one set of training rows, and what standardises them.

    Parameters
    ----------
    fill, mean, scale : numpy.ndarray
        Shape (columns,): median, mean and SD of the training rows (1 where a column is constant).
    columns : numpy.ndarray
        Shape (k,), indices of the selected columns.
    paths : tuple of LassoPath
        One, or one for each class against the rest; the last gives the radscore.
    """

    fill: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    columns: np.ndarray
    paths: tuple[LassoPath, ...]

    @property
    def coef(self) -> np.ndarray:
        """The LASSO's coefficients of `columns`, standardised, shape (k,)."""
        path = self.paths[-1]
        by_column = dict(zip(path.columns.tolist(), path.weights[:, path.chosen], strict=True))
        return np.array([by_column.get(column, 0.0) for column in self.columns.tolist()])

    @property
    def intercept(self) -> float:
        """Added to the sum of coefficients times features: together they give the radscore."""
        return float(self.paths[-1].intercepts[self.paths[-1].chosen])

    @property
    def alpha(self) -> float:
        """The penalty taken."""
        return float(self.paths[-1].alphas[self.paths[-1].chosen])

    def radscores(self, values: np.ndarray) -> np.ndarray:
        """Return the radscores of rows (n, columns), shape (n,)."""
        return self.standardised(values) @ self.coef + self.intercept

    def filled(self, values: np.ndarray) -> np.ndarray:
        """Return rows with their missing cells filled, shape (n, columns)."""
        return np.where(np.isnan(values), self.fill, values)

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Return the selected columns of rows, filled and standardised; shape (n, k)."""
        filled = self.filled(values)[:, self.columns]
        return (filled - self.mean[self.columns]) / self.scale[self.columns]


def select(
    values: np.ndarray, target: np.ndarray, patients: np.ndarray | None, stable: np.ndarray, settings: TrainingSettings
) -> Selection:
    """Select columns on training rows.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, columns); NaN where missing.
    target : numpy.ndarray
        Shape (n,), class indices.
    patients : numpy.ndarray or None
        Shape (n,): the LASSO's folds do not split them. None: every row is its own.
    stable : numpy.ndarray
        Shape (columns,), boolean, the columns that may be selected.
    settings : TrainingSettings
        Every choice of the method.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    filled = imputer.fit_transform(values)
    mean, scale = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (filled - mean) / scale
    kept = np.flatnonzero(stable)
    kept = kept[differing_columns(z[:, kept], target, settings.p_value)]
    paths = tuple(
        fit_lasso(z[:, kept], target, response, patients, settings) for response in _responses(target, settings)
    )
    paths = tuple(replace(path, columns=kept[path.columns]) for path in paths)
    columns = np.unique(np.concatenate([path.columns[path.weights[:, path.chosen] != 0] for path in paths]))
    return Selection(imputer.statistics_, mean, scale, columns, paths)


def _responses(target: np.ndarray, settings: TrainingSettings) -> list[np.ndarray]:
    """What the LASSO predicts for each class: its number, or for each class in turn whether it is that class."""
    classes = np.arange(target.max() + 1)
    if settings.lasso_target == "numeric" or len(classes) == 2:
        return [classes.astype(float)]
    return [(classes == each).astype(float) for each in classes]


def penalties(settings: TrainingSettings) -> np.ndarray:
    """Return the LASSO's penalties, largest first, shape (alpha_count,)."""
    return np.geomspace(settings.alpha_max, settings.alpha_min, settings.alpha_count)


def differing_columns(z: np.ndarray, target: np.ndarray, p_value: float) -> np.ndarray:
    """Return the indices of columns whose mean differs between classes, by F-test (for two classes Student's t-test).

    Parameters
    ----------
    z : numpy.ndarray
        Shape (n, columns), standardised; a constant column is all zero and never kept.
    target : numpy.ndarray
        Shape (n,), classes.
    p_value : float
        The largest P kept. Where no column has so small a P, the one with the smallest is kept.

    Raises
    ------
    InputError
        When every feature is constant, or there are no more rows than classes.
    """
    if len(target) <= len(np.unique(target)):
        raise InputError(f"{len(target)} rows of a fold leave nothing to test. Add cases or take fewer folds.")
    varying = np.flatnonzero(z.std(axis=0) > 0)
    if not varying.size:
        raise InputError("Every feature has the same value in all rows, so nothing can be learned. Check the table.")
    # A column that separates the classes perfectly has no variance within them.
    with np.errstate(divide="ignore"):
        p = f_classif(z[:, varying], target)[1]
    kept = varying[p < p_value]
    return kept if kept.size else varying[[np.nanargmin(p)]]


def balanced(z: np.ndarray, target: np.ndarray, settings: TrainingSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and classes with synthetic rows added so that all classes are equally large (SMOTE)."""
    from imblearn.over_sampling import SMOTE

    counts = np.bincount(target)
    neighbours = min(settings.smote_neighbours, int(counts[counts > 0].min()) - 1)
    if not settings.smote or neighbours < 1 or np.count_nonzero(counts) < 2:
        return z, target
    return SMOTE(k_neighbors=int(neighbours), random_state=settings.random_state).fit_resample(z, target)


def held_out_errors(
    z: np.ndarray, target: np.ndarray, response: np.ndarray, patients: np.ndarray | None, settings: TrainingSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the LASSO's mean squared error on held-out real rows for each penalty, and its standard error over folds.

    The penalties are descended in all folds at once. Small ones cost nearly all the time, so the descent ends once the
    error has risen by `_RISE` and lies `_PATIENCE` penalties behind its minimum; what was not visited is infinite.

    Returns
    -------
    errors, spread : numpy.ndarray
        Shape (alpha_count,), for :func:`penalties`.
    """
    splits = _lasso_folds(z, target, patients, settings)
    descents = []
    for train_rows, _ in splits:
        rows, classes = balanced(z[train_rows], target[train_rows], settings)
        descents.append(LassoDescent(rows, response[classes]))
    alphas, sizes = penalties(settings), np.array([len(held_out) for _, held_out in splits])
    squared = np.full((len(splits), len(alphas)), np.inf)
    entry = None
    for i, alpha in enumerate(alphas):
        for fold, (_, held_out) in enumerate(splits):
            weights, intercept = descents[fold].solve(alpha)
            residuals = response[target[held_out]] - z[held_out] @ weights - intercept
            squared[fold, i] = residuals @ residuals
            entry = i if entry is None and weights.any() else entry
        if entry is None:
            continue
        # Before a column has entered, the error is that of the mean, and no sign of a minimum behind.
        visited = squared[:, entry : i + 1].sum(axis=0)
        if len(visited) - 1 - visited.argmin() >= _PATIENCE and visited[-1] > _RISE * visited.min():
            break
    finite = np.isfinite(squared[0])
    errors, spread = np.full(len(alphas), np.inf), np.full(len(alphas), np.inf)
    errors[finite] = squared[:, finite].sum(axis=0) / len(z)
    spread[finite] = (squared[:, finite] / sizes[:, None]).std(axis=0, ddof=1) / np.sqrt(len(splits))
    return errors, spread


def _lasso_folds(
    z: np.ndarray, target: np.ndarray, patients: np.ndarray | None, settings: TrainingSettings
) -> list[tuple[np.ndarray, np.ndarray]]:
    if patients is None:
        return list(KFold(settings.lasso_folds, shuffle=True, random_state=settings.random_state).split(z))
    count = min(settings.lasso_folds, len(np.unique(patients)))
    return list(GroupKFold(count, shuffle=True, random_state=settings.random_state).split(z, target, patients))


def fit_lasso(
    z: np.ndarray, target: np.ndarray, response: np.ndarray, patients: np.ndarray | None, settings: TrainingSettings
) -> LassoPath:
    """Fit the LASSO with the penalty of least held-out error, among those that select at least one column.

    Parameters
    ----------
    z : numpy.ndarray
        Shape (n, columns), standardised.
    target : numpy.ndarray
        Shape (n,), class indices.
    response : numpy.ndarray
        Shape (classes,), the number that the LASSO predicts for each class.
    patients : numpy.ndarray or None
        Shape (n,), see :func:`select`.
    settings : TrainingSettings
        Penalties, folds, SMOTE and seed.
    """
    errors, spread = held_out_errors(z, target, response, patients, settings)
    alphas, used = penalties(settings), np.isfinite(errors)
    rows, classes = balanced(z, target, settings)
    descent = LassoDescent(rows, response[classes])
    weights = np.zeros((z.shape[1], len(alphas)))
    intercepts = np.full(len(alphas), response[classes].mean())
    for i, alpha in enumerate(alphas):
        # Where held-out rows are predicted best by nothing at all, the first column to enter is the least bad choice.
        if not used[i] and weights.any():
            break
        weights[:, i], intercepts[i] = descent.solve(alpha)
    selecting = np.flatnonzero(weights.any(axis=0))
    if not selecting.size:
        raise InputError("The LASSO selects no feature at any penalty of its grid. Lower alpha_min.")
    chosen = int(selecting[errors[selecting].argmin()])
    entering = np.flatnonzero(weights.any(axis=1))
    return LassoPath(alphas, errors, spread, entering, weights[entering], intercepts, chosen)
