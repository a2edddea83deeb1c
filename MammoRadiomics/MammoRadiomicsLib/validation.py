"""Outer folds by patient, refitting everything in each; the split into training and test rows; permuted outcomes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn import config_context
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from . import assembly, combat, combination, lasso_svm, parallel
from .combat import Combat
from .errors import InputError
from .evaluation import Evidence, mean_auc
from .lesions import Lesions
from .predictors import ClinicalColumns
from .progress import Progress
from .selection import StableColumns
from .settings import TrainingSettings

# A share of the patients is drawn as some of ten stratified folds.
_TENTHS = 10


def split_rows(data: Lesions, holdout: float, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of training and of test rows: as the table says, or drawn by patient, stratified.

    Parameters
    ----------
    data : Lesions
        All lesions.
    holdout : float
        Share of test rows where the table does not say; 0 for none.
    random_state : int
        Seed of the draw.
    """
    everything = np.arange(len(data.target))
    if data.split:
        is_test = np.array(data.split) == "test"
        return everything[~is_test], everything[is_test]
    if not holdout:
        return everything, everything[:0]
    fewest = min(len(np.unique(data.patients[data.target == each])) for each in np.unique(data.target))
    if fewest < 2:
        raise InputError("A class has a single patient, so none can be kept for the test. Add cases.")
    count = min(_TENTHS, fewest)
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=random_state)
    parts = [held_out for _, held_out in folds.split(data.values, data.target, data.patients)]
    taken = min(max(round(holdout * count), 1), count - 1)
    return np.concatenate(parts[taken:]), np.concatenate(parts[:taken])


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validation found.

    Parameters
    ----------
    evidence : Evidence
        Probabilities of every repeat by radiomics alone.
    selected : list of tuple of str
        Columns selected in each fold of each repeat.
    permuted : list of float
        Mean AUC on each permutation.
    beside : dict of numpy.ndarray
        Probabilities (repeats, n, classes) by the clinical and the combined model, where there are clinical predictors.
    """

    evidence: Evidence
    selected: list[tuple[str, ...]]
    permuted: list[float]
    beside: dict[str, np.ndarray]


def cross_validate(
    data: Lesions,
    stable: StableColumns,
    settings: TrainingSettings,
    progress: Progress,
    jobs: int = 1,
    *,
    clinical: ClinicalColumns | None = None,
) -> CrossValidation:
    """Predict each lesion by models that did not see its patient; on permuted outcomes too, where settings ask for it.

    Parameters
    ----------
    data : Lesions
        Training rows.
    stable : StableColumns
        Which columns the ICC lets pass, judged anew in each fold.
    settings : TrainingSettings
        Folds, repeats, permutations, seed and everything that is refitted.
    progress : callable
        Called after each fold.
    jobs : int
        Processes.
    clinical : ClinicalColumns, optional
        Predictors of the clinical and the combined model, which are fitted in the same folds (not on permutations).
    """
    targets = [data.target] + [_permuted(data, settings.random_state + i) for i in range(settings.permutations)]
    repeats = [1 if run else settings.repeats for run in range(len(targets))]
    folds = [
        Fold(
            run, repeat, replace(data, target=target, rows=()), train, test, stable, settings, None if run else clinical
        )
        for run, target in enumerate(targets)
        for repeat, train, test in _outer_folds(replace(data, target=target), repeats[run], settings)
    ]
    found = [np.full((each, len(data.target), len(data.classes)), np.nan) for each in repeats]
    models = combination.BESIDE if clinical else ()
    beside = {model: np.full_like(found[0], np.nan) for model in models}
    selected = {}
    if settings.harmonise:
        for fold in folds:
            combat.check(np.array(data.centres), fold.train_rows)
    progress(0, len(folds), f"{len(folds)} folds to fit")
    with contextlib.closing(parallel.unordered(hold_out, folds, jobs)) as results:
        for done, (fold, result) in enumerate(results, start=1):
            if isinstance(result, parallel.ProcessEnded):
                raise InputError(f"A fold was not fitted. {result}")
            found[fold.run][fold.repeat, fold.test_rows] = result.probabilities
            selected[id(fold)] = result.columns
            for model, probabilities in result.beside.items():
                beside[model][fold.repeat, fold.test_rows] = probabilities
            note = " (permuted outcomes)" if fold.run else ""
            progress(done, len(folds), f"{done} of {len(folds)} folds fitted{note}")
    evidence, *permuted = (
        Evidence("cross-validated", data.classes, target, data.patients, each)
        for target, each in zip(targets, found, strict=True)
    )
    names = [tuple(data.names[column] for column in selected[id(fold)]) for fold in folds if fold.run == 0]
    return CrossValidation(evidence, names, [mean_auc(each) for each in permuted], beside)


@dataclass(frozen=True, eq=False)
class Fold:
    """One outer fold: of the outcomes as they are (run 0) or permuted, and what to fit with."""

    run: int
    repeat: int
    data: Lesions
    train_rows: np.ndarray
    test_rows: np.ndarray
    stable: StableColumns
    settings: TrainingSettings
    clinical: ClinicalColumns | None = None


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of the held-out rows, shape (n, classes), the selected columns, and the models beside."""

    probabilities: np.ndarray
    columns: np.ndarray
    beside: dict[str, np.ndarray]


def hold_out(fold: Fold) -> HeldOut:
    """Fit on training rows and predict the others."""
    with quick_and_single():
        data, _ = harmonised(fold.data, fold.train_rows, fold.settings)
        known = data.take(fold.train_rows)
        fitted = lasso_svm.fit(known.values, known.target, known.patients, fold.stable, fold.settings)
        held_out = assembly.probabilities(fitted, data.values[fold.test_rows])
        selection = lasso_svm.selection_of(fitted)
        beside = {}
        if fold.clinical:
            scores = lasso_svm.cross_fitted_radscores(fitted, known, fold.stable, fold.settings)
            radscores = scores, selection.radscores(data.values[fold.test_rows])
            rows = fold.train_rows, fold.test_rows
            beside = combination.held_out(fold.clinical, known.target, rows, radscores)
    return HeldOut(held_out, selection.columns, beside)


def harmonised(data: Lesions, rows: np.ndarray, settings: TrainingSettings) -> tuple[Lesions, Combat | None]:
    """Return all lesions as ComBat leaves them, and what it learned from some, if the settings ask for it.

    Parameters
    ----------
    data : Lesions
        As extracted, with their centres.
    rows : numpy.ndarray
        Indices of the training rows: ComBat knows the features and centres of no others, and no outcome.
    settings : TrainingSettings
        Whether to harmonise.

    Raises
    ------
    InputError
        When a centre has too few training rows.
    """
    if not settings.harmonise:
        return data, None
    centres = np.array(data.centres)
    fitted = combat.fit(data.values[rows], centres[rows])
    return replace(data, values=fitted.apply(data.values, centres)[0]), fitted


@contextlib.contextmanager
def quick_and_single() -> Iterator[None]:
    """Skip scikit-learn's checks of finite values, and keep BLAS to one thread.

    Thousands of small fits on values already known to be finite would take twice the time; and the last digit of a
    sum depends on the number of threads.
    """
    with config_context(assume_finite=True, skip_parameter_validation=True), threadpool_limits(1, "blas"):
        yield


def _outer_folds(
    data: Lesions, repeats: int, settings: TrainingSettings
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    for repeat in range(repeats):
        folds = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.random_state + repeat)
        for train_rows, test_rows in folds.split(data.values, data.target, data.patients):
            yield repeat, train_rows, test_rows


def _permuted(data: Lesions, seed: int) -> np.ndarray:
    """Exchange the outcomes between patients of as many lesions, so that those of one patient stay together."""
    rng = np.random.default_rng(seed)
    _, patient_of_row, sizes = np.unique(data.patients, return_inverse=True, return_counts=True)
    by_patient = np.split(np.argsort(patient_of_row, kind="stable"), np.cumsum(sizes)[:-1])
    target = data.target.copy()
    for size in np.unique(sizes):
        rows = np.array([each for each in by_patient if len(each) == size])
        target[rows] = data.target[rng.permutation(rows)]
    return target
