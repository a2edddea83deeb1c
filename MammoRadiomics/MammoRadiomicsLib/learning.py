"""The LASSO-SVM: z-score, t/F filter, SMOTE, LASSO, RBF support vector machine, calibrated and validated by patient.

The order and the parameters are the study's; what it left open is decided so that nothing learned from a row is ever
measured on it. Means, SDs, P values and calibration come from real rows; SMOTE serves the fit of LASSO and machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_selection import f_classif
from sklearn.linear_model import lasso_path
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.svm import SVC

from . import assembly, evaluation, lesions, presets
from .errors import InputError
from .lesions import Lesions
from .model_file import Model
from .progress import Progress, silent
from .settings import SLNM_THRESHOLDS, TrainingSettings
from .tables import FeatureTable, spacing_of

LASSO_ITERATIONS, LASSO_TOLERANCE = 100_000, 1e-4
_STRIDE, _PATIENCE, _RISE = 5, 8, 1.10


class LassoSvm(ClassifierMixin, BaseEstimator):
    """One support vector machine for one class, on columns selected by a LASSO for all classes.

    Parameters
    ----------
    settings : TrainingSettings
        Every choice of the method.
    positive : int
        The class of `target` that this machine tells from the others.

    Attributes
    ----------
    mean_, scale_ : numpy.ndarray
        Shape (columns,), of the real rows.
    selected_ : numpy.ndarray
        Indices of the selected columns.
    alpha_ : float
        The chosen penalty.
    lasso_coef_, lasso_intercept_ : numpy.ndarray, float
        Of the selected columns, after standardisation; they give the radscore.
    svc_ : sklearn.svm.SVC
        The machine, on the standardised selected columns.
    """

    def __init__(self, settings: TrainingSettings | None = None, positive: int = 1):
        self.settings = settings
        self.positive = positive

    def fit(self, X, y, target=None, patients=None) -> LassoSvm:
        """Fit on rows `X` (n, columns) whose class is `target` (n,); `y` is ``target == positive``."""
        settings = self.settings or TrainingSettings()
        target = np.asarray(y if target is None else target)
        patients = np.arange(len(y)) if patients is None else np.asarray(patients)
        self.classes_ = np.unique(y)
        self.mean_, self.scale_ = X.mean(axis=0), X.std(axis=0)
        self.scale_ = np.where(self.scale_ > 0, self.scale_, 1.0)
        z = (X - self.mean_) / self.scale_
        kept = differing_columns(z, target, settings.p_value)
        self.alpha_, weights, self.lasso_intercept_ = fit_lasso(z[:, kept], target, patients, settings)
        self.selected_ = kept[weights != 0]
        self.lasso_coef_ = weights[weights != 0]
        rows, classes = balanced(z[:, self.selected_], target, settings)
        gamma = 1 / (rows.shape[1] * rows.var())
        self.svc_ = SVC(C=settings.svm_c, gamma=gamma, class_weight="balanced")
        self.svc_.fit(rows, classes == self.positive)
        return self

    def decision_function(self, X) -> np.ndarray:
        """Return the machine's decision values, shape (n,)."""
        return self.svc_.decision_function(((X - self.mean_) / self.scale_)[:, self.selected_])

    def predict(self, X) -> np.ndarray:
        """Return the class of each row, shape (n,)."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


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
    """
    varying = np.flatnonzero(z.std(axis=0) > 0)
    if not varying.size:
        raise InputError("Every feature has the same value in all rows, so nothing can be learned. Check the table.")
    p = f_classif(z[:, varying], target)[1]
    kept = varying[p < p_value]
    return kept if kept.size else varying[[np.nanargmin(p)]]


def balanced(z: np.ndarray, target: np.ndarray, settings: TrainingSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and classes with synthetic rows added so that all classes are equally large (SMOTE)."""
    from imblearn.over_sampling import SMOTE

    neighbours = min(settings.smote_neighbours, np.bincount(target)[np.unique(target)].min() - 1)
    if not settings.smote or neighbours < 1:
        return z, target
    return SMOTE(k_neighbors=int(neighbours), random_state=settings.random_state).fit_resample(z, target)


class LassoDescent:
    """The LASSO of one set of rows, solved for falling penalties, each from the solution of the last.

    Parameters
    ----------
    z : numpy.ndarray
        Shape (n, columns).
    target : numpy.ndarray
        Shape (n,), numeric.
    """

    def __init__(self, z: np.ndarray, target: np.ndarray):
        self._column_means, self._target_mean = z.mean(axis=0), float(target.mean())
        self._z = np.asfortranarray(z - self._column_means)
        self._target = target - self._target_mean
        self._gram, self._covariances = self._z.T @ self._z, self._z.T @ self._target
        self._last = np.zeros(z.shape[1])

    def solve(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minimise ``|y - Xw - c|^2 / 2n + alpha |w|_1`` for each penalty.

        Returns
        -------
        weights : numpy.ndarray
            Shape (columns, penalties).
        intercepts : numpy.ndarray
            Shape (penalties,).
        """
        _, weights, _ = lasso_path(
            self._z, self._target, alphas=alphas, coef_init=self._last, precompute=self._gram, Xy=self._covariances,
            max_iter=LASSO_ITERATIONS, tol=LASSO_TOLERANCE,
        )  # fmt: skip
        self._last = weights[:, -1]
        return weights, self._target_mean - self._column_means @ weights


def held_out_errors(z: np.ndarray, target: np.ndarray, patients: np.ndarray, settings: TrainingSettings) -> np.ndarray:
    """Return the LASSO's squared error on held-out real rows for each penalty, summed over all rows.

    The penalties are descended in all folds at once. Small ones on more columns than rows cost nearly all the time, so
    the descent ends once the error has been above its minimum for `_PATIENCE` penalties and exceeds it by `_RISE`;
    what was not visited is infinite.

    Returns
    -------
    numpy.ndarray
        Shape (alpha_count,), for :func:`penalties`.
    """
    count = min(settings.lasso_folds, len(np.unique(patients)))
    folds = GroupKFold(count, shuffle=True, random_state=settings.random_state)
    splits = list(folds.split(z, target, patients))
    descents = [LassoDescent(*balanced(z[train_rows], target[train_rows], settings)) for train_rows, _ in splits]
    alphas = penalties(settings)
    errors = np.full(len(alphas), np.inf)
    for start in range(0, len(alphas), _STRIDE):
        block = slice(start, start + _STRIDE)
        errors[block] = 0
        for descent, (_, held_out) in zip(descents, splits, strict=True):
            weights, intercepts = descent.solve(alphas[block])
            residuals = target[held_out, None] - z[held_out] @ weights - intercepts
            errors[block] += (residuals**2).sum(axis=0)
        visited = errors[: block.stop]
        if len(visited) - visited.argmin() > _PATIENCE and visited[-1] > _RISE * visited.min():
            break
    return errors


def fit_lasso(
    z: np.ndarray, target: np.ndarray, patients: np.ndarray, settings: TrainingSettings
) -> tuple[float, np.ndarray, float]:
    """Fit the LASSO with the penalty of least held-out error, among those that select at least one column.

    Returns
    -------
    alpha : float
        The penalty.
    weights : numpy.ndarray
        Shape (columns,).
    intercept : float
    """
    errors = held_out_errors(z, target, patients, settings)
    alphas, used = penalties(settings), np.isfinite(errors)
    descent = LassoDescent(*balanced(z, target, settings))
    weights, intercepts = descent.solve(alphas[used])
    if not weights.any() and not used.all():
        # Held-out rows are predicted best by nothing at all; the first column to enter is then the least bad choice.
        used = ~used
        weights, intercepts = descent.solve(alphas[used])
    alphas, errors = alphas[used], errors[used]
    selecting = np.flatnonzero(weights.any(axis=0))
    if not selecting.size:
        raise InputError("The LASSO selects no feature at any penalty of its grid. Lower alpha_min.")
    best = selecting[errors[selecting].argmin()]
    return float(alphas[best]), weights[:, best], float(intercepts[best])


@dataclass(frozen=True)
class Training:
    """A trained model and the evidence for it.

    Parameters
    ----------
    model : Model
        Fitted on all lesions.
    lesions : Lesions
        What it was trained on.
    out_of_fold : numpy.ndarray
        Shape (repeats, lesions, classes): probabilities from models that did not see the lesion's patient.
    """

    model: Model
    lesions: Lesions
    out_of_fold: np.ndarray


def train(
    table: FeatureTable,
    outcome: str,
    settings: TrainingSettings | None = None,
    progress: Progress = silent,
    preset: presets.Preset | None = None,
) -> Training:
    """Train a model and measure it by nested cross-validation.

    Parameters
    ----------
    table : FeatureTable
        Features with the outcome's column (see :func:`.cohort.with_cohort`).
    outcome : str
        ``slnm``, ``her2`` or any column with two or more classes.
    settings : TrainingSettings, optional
        The study's by default.
    progress : callable
        Called after each outer fold.
    preset : Preset, optional
        What the features were extracted with; by default the shipped preset that the table names.

    Raises
    ------
    InputError
        Mixed presets, mixed pixel spacings without resampling, too few lesions in a class.
    """
    settings = settings or TrainingSettings()
    settings.validate()
    preset = _one_preset(table, preset)
    spacing_mm = _one_spacing(table, preset)
    data = lesions.from_table(table, outcome, settings.views)
    _refuse_small_classes(data, outcome, settings)
    # Thousands of small fits on values already known to be finite: checking each again would take half the time.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        fitted, out_of_fold = _fit_and_hold_out(data, outcome, settings, progress)
    metrics = evaluation.cross_validated(out_of_fold, data.target, data.classes, data.patients, settings.random_state)
    manifest = assembly.manifest_of(data, preset, settings) | {
        "outcome": outcome,
        "pixel_spacing_mm": spacing_mm,
        "metrics": metrics,
        "thresholds": list(SLNM_THRESHOLDS) if outcome == "slnm" else None,
    }
    model = assembly.assemble(fitted, data, manifest)
    progress(_total_steps(settings), _total_steps(settings), f"{outcome}: done")
    return Training(model, data, out_of_fold)


def _total_steps(settings: TrainingSettings) -> int:
    """Steps of progress: each outer fold and the final model."""
    return settings.folds * settings.repeats + 1


def _fit_and_hold_out(
    data: Lesions, outcome: str, settings: TrainingSettings, progress: Progress
) -> tuple[list[CalibratedClassifierCV], np.ndarray]:
    """Fit in every outer fold to predict what was held out, then on all rows."""
    total = _total_steps(settings)
    out_of_fold = np.full((settings.repeats, len(data.target), len(data.classes)), np.nan)
    for done, (repeat, train_rows, test_rows) in enumerate(_outer_folds(data, settings)):
        progress(done, total, f"{outcome}: fold {done + 1} of {total - 1}")
        fitted = _fit(data.values[train_rows], data.target[train_rows], data.patients[train_rows], settings)
        out_of_fold[repeat, test_rows] = assembly.probabilities(fitted, data.values[test_rows])
    progress(total - 1, total, f"{outcome}: final model on all rows")
    return _fit(data.values, data.target, data.patients, settings), out_of_fold


def _one_preset(table: FeatureTable, preset: presets.Preset | None) -> presets.Preset:
    names = {row.get("preset", "") for row in table.rows}
    if len(names) != 1 or not next(iter(names)):
        raise InputError(f"The features come from the presets {sorted(names)}; a model needs one. Extract them again.")
    name = names.pop()
    if preset is not None and preset.name != name:
        raise InputError(f"The features come from the preset {name}, not from {preset.name}. Give the preset used.")
    return preset or presets.load(name)


def _one_spacing(table: FeatureTable, preset: presets.Preset) -> float | None:
    """Return the cohort's pixel spacing in mm; refuse a mixture that no resampling makes equal."""
    spacings = sorted(spacing for spacing in {spacing_of(row) for row in table.rows} if spacing is not None)
    if not spacings:
        return None
    if not preset.resamples and spacings[-1] > 1.01 * spacings[0]:
        raise InputError(
            f"The cohort mixes pixel spacings from {spacings[0]:g} to {spacings[-1]:g} mm and the preset {preset.name} "
            "does not resample. Use mammo-2d, or one spacing."
        )
    return float(np.median(spacings))


def _refuse_small_classes(data: Lesions, outcome: str, settings: TrainingSettings) -> None:
    least = settings.folds + settings.calibration_folds
    for i, name in enumerate(data.classes):
        patients = len(np.unique(data.patients[data.target == i]))
        if patients < least:
            raise InputError(
                f"The class {name!r} of {outcome} has {patients} patients; {settings.folds} outer and "
                f"{settings.calibration_folds} calibration folds need at least {least}. Add cases or take fewer folds."
            )


def _outer_folds(data: Lesions, settings: TrainingSettings) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    for repeat in range(settings.repeats):
        folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.random_state + repeat)
        for train_rows, test_rows in folds.split(data.values, data.target, data.patients):
            yield repeat, train_rows, test_rows


def _fit(
    values: np.ndarray, target: np.ndarray, patients: np.ndarray, settings: TrainingSettings
) -> list[CalibratedClassifierCV]:
    """Fit one calibrated machine for two classes, else one for each class."""
    folds = StratifiedGroupKFold(settings.calibration_folds, shuffle=True, random_state=settings.random_state)
    splits = list(folds.split(values, target, patients))
    classes = np.unique(target)
    fitted = []
    for positive in classes[1:] if len(classes) == 2 else classes:
        machine = CalibratedClassifierCV(LassoSvm(settings, int(positive)), cv=splits, ensemble=False, method="sigmoid")
        fitted.append(machine.fit(values, (target == positive).astype(int), target=target, patients=patients))
    return fitted
