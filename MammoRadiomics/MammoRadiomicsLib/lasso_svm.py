"""The LASSO-SVM: z-score, t/F filter, SMOTE, LASSO, RBF support vector machine, calibrated; fitted on given rows.

The order and the parameters are the study's; what it left open is decided so that nothing learned from a row is ever
measured on it. Means, SDs, P values and calibration come from real rows; SMOTE serves the fit of LASSO and machine.
How well that does is the matter of :mod:`.learning`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.svm import SVC

from .evaluation import reported
from .selection import Selection, StableColumns, balanced, select
from .settings import TrainingSettings

if TYPE_CHECKING:
    from .lesions import Lesions


class Selections:
    """Selections already made: the machines of a model share one for the same rows, and it costs nearly all the time.

    Parameters
    ----------
    stable : StableColumns
        Which columns may be selected.
    settings : TrainingSettings
        Every choice of the method.
    """

    def __init__(self, stable: StableColumns, settings: TrainingSettings):
        self.stable = stable
        self.settings = settings
        self._made: dict[str, Selection] = {}

    def __sklearn_clone__(self) -> Selections:
        """Clones of an estimator share what was selected."""
        return self

    def on(self, values: np.ndarray, target: np.ndarray, patients: np.ndarray | None) -> Selection:
        """Return the selection on these rows; see :func:`.selection.select`."""
        key = joblib.hash((values, target, patients))
        if key not in self._made:
            stable = self.stable.among(patients, self.settings)
            self._made[key] = select(values, target, patients, stable, self.settings)
        return self._made[key]


class LassoSvm(ClassifierMixin, BaseEstimator):
    """One support vector machine for one class, on columns selected by a LASSO for all classes.

    Parameters
    ----------
    settings : TrainingSettings
        Every choice of the method.
    positive : int
        The class of `target` that this machine tells from the others.
    selections : Selections, optional
        Shared with the machines of the other classes.

    Attributes
    ----------
    selection_ : Selection
        What was selected, and the LASSO that did it.
    svc_ : sklearn.svm.SVC
        The machine, on the standardised selected columns.
    """

    def __init__(
        self, settings: TrainingSettings | None = None, positive: int = 1, selections: Selections | None = None
    ):
        self.settings = settings
        self.positive = positive
        self.selections = selections

    def fit(
        self, X: np.ndarray, y: np.ndarray, target: np.ndarray | None = None, patients: np.ndarray | None = None
    ) -> LassoSvm:
        """Fit on rows `X` (n, columns) whose class is `target` (n,); `y` is ``target == positive``."""
        settings = self.settings or TrainingSettings()
        target = np.asarray(y if target is None else target)
        selections = self.selections or Selections(StableColumns.all(X.shape[1]), settings)
        self.classes_ = np.unique(y)
        self.selection_ = selections.on(X, target, patients)
        rows, classes = balanced(self.selection_.standardised(X), target, settings)
        # As gamma="scale", which would be a word in the fitted machine and not the number that the model file needs.
        gamma = 1 / (rows.shape[1] * rows.var())
        self.svc_ = SVC(C=settings.svm_c, gamma=gamma, class_weight="balanced")
        self.svc_.fit(rows, classes == self.positive)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the machine's decision values, shape (n,)."""
        return self.svc_.decision_function(self.selection_.standardised(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the class of each row, shape (n,)."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


def fit(
    values: np.ndarray,
    target: np.ndarray,
    patients: np.ndarray | None,
    stable: StableColumns,
    settings: TrainingSettings,
) -> list[CalibratedClassifierCV]:
    """Fit one calibrated machine for two classes, else one for each class.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, columns); NaN where missing.
    target : numpy.ndarray
        Shape (n,), class indices.
    patients : numpy.ndarray or None
        Shape (n,): no fold splits them. None: every row is its own, as in the study.
    stable : StableColumns
        Which columns may be selected.
    settings : TrainingSettings
        Every choice of the method.
    """
    selections = Selections(stable, settings)
    splits = _calibration_splits(values, target, patients, settings)
    fitted = []
    for positive in reported(target.max() + 1):
        machine = LassoSvm(settings, positive, selections)
        calibrated = CalibratedClassifierCV(machine, cv=splits, ensemble=False, method="sigmoid")
        of_rows = {"target": target} if patients is None else {"target": target, "patients": patients}
        fitted.append(calibrated.fit(values, (target == positive).astype(int), **of_rows))
    return fitted


def fit_as_published(
    values: np.ndarray, target: np.ndarray, stable: StableColumns, settings: TrainingSettings
) -> list[CalibratedClassifierCV]:
    """Fit as the study did: SMOTE first, then z-score, t/F filter, LASSO, machine and sigmoid on all those rows.

    Parameters and result are those of :func:`fit`; no fold knows of patients.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    rows, classes = balanced(imputer.fit_transform(values), target, settings)
    fitted = fit(rows, classes, None, stable, replace(settings, smote=False))
    for machine in fitted:
        estimator = machine.calibrated_classifiers_[0].estimator
        # Missing cells are filled with what real rows say, as they were before the fit.
        estimator.selection_ = replace(estimator.selection_, fill=imputer.statistics_)
    return fitted


def cross_fitted_radscores(
    fitted: list[CalibratedClassifierCV], data: Lesions, stable: StableColumns, settings: TrainingSettings
) -> np.ndarray:
    """Return the radscore of each row by a LASSO that has not seen its patient, shape (n,).

    The folds are those that calibrate; for them, the nested protocol has made its selections already.

    Parameters
    ----------
    fitted : list of CalibratedClassifierCV
        What :func:`fit` or :func:`fit_as_published` made of the same rows.
    data : Lesions
        The n rows.
    stable, settings
        As for :func:`fit`.
    """
    values, target, patients = data.values, data.target, data.patients
    selections = fitted[0].calibrated_classifiers_[0].estimator.selections
    scores = np.empty(len(target))
    for known, held_out in _calibration_splits(values, target, patients, settings):
        if settings.protocol == "study":
            settled = stable.settled(patients[known], settings)
            selection = selection_of(fit_as_published(values[known], target[known], settled, settings))
        else:
            selection = selections.on(values[known], target[known], patients[known])
        scores[held_out] = selection.radscores(values[held_out])
    return scores


def _calibration_splits(
    values: np.ndarray, target: np.ndarray, patients: np.ndarray | None, settings: TrainingSettings
) -> list[tuple[np.ndarray, np.ndarray]]:
    kind = StratifiedKFold if patients is None else StratifiedGroupKFold
    folds = kind(settings.calibration_folds, shuffle=True, random_state=settings.random_state)
    return list(folds.split(values, target, patients))


def selection_of(fitted: list[CalibratedClassifierCV]) -> Selection:
    """Return the one selection that the machines of a model share."""
    return fitted[0].calibrated_classifiers_[0].estimator.selection_
