"""Outer folds by patient, refitting everything in each; the split into training and test rows; permuted outcomes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn import config_context
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from . import assembly, lasso_svm, parallel
from .errors import InputError
from .evaluation import Evidence, mean_auc
from .lesions import Lesions
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


def cross_validate(
    data: Lesions, stable: StableColumns, settings: TrainingSettings, progress: Progress, jobs: int = 1
) -> tuple[Evidence, list[tuple[str, ...]], list[float]]:
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

    Returns
    -------
    evidence : Evidence
        Probabilities of every repeat.
    selected : list of tuple of str
        Columns selected in each fold of each repeat.
    permuted : list of float
        Mean AUC on each permutation.
    """
    targets = [data.target] + [_permuted(data, settings.random_state + i) for i in range(settings.permutations)]
    repeats = [1 if run else settings.repeats for run in range(len(targets))]
    folds = [
        _Fold(run, repeat, replace(data, target=target, rows=()), *rows, stable, settings)
        for run, target in enumerate(targets)
        for repeat, *rows in _outer_folds(replace(data, target=target), repeats[run], settings)
    ]
    found = [np.full((each, len(data.target), len(data.classes)), np.nan) for each in repeats]
    selected = {}
    progress(0, len(folds), f"{len(folds)} folds to fit")
    with contextlib.closing(parallel.unordered(_hold_out, folds, jobs)) as results:
        for done, (fold, result) in enumerate(results, start=1):
            if isinstance(result, parallel.ProcessEnded):
                raise InputError(f"A fold was not fitted. {result}")
            found[fold.run][fold.repeat, fold.test_rows], selected[id(fold)] = result
            note = " (permuted outcomes)" if fold.run else ""
            progress(done, len(folds), f"{done} of {len(folds)} folds fitted{note}")
    evidence, *permuted = (
        Evidence("cross-validated", data.classes, target, data.patients, each)
        for target, each in zip(targets, found, strict=True)
    )
    names = [tuple(data.names[column] for column in selected[id(fold)]) for fold in folds if fold.run == 0]
    return evidence, names, [mean_auc(each) for each in permuted]


@dataclass(frozen=True, eq=False)
class _Fold:
    """One outer fold: of the outcomes as they are (run 0) or permuted, and what to fit with."""

    run: int
    repeat: int
    data: Lesions
    train_rows: np.ndarray
    test_rows: np.ndarray
    stable: StableColumns
    settings: TrainingSettings


def _hold_out(fold: _Fold) -> tuple[np.ndarray, np.ndarray]:
    """Fit on training rows; return the probabilities of the others, shape (n, classes), and the selected columns."""
    with quick_and_single():
        known = fold.data.take(fold.train_rows)
        fitted = lasso_svm.fit(known.values, known.target, known.patients, fold.stable, fold.settings)
        held_out = assembly.probabilities(fitted, fold.data.values[fold.test_rows])
    return held_out, lasso_svm.selection_of(fitted).columns


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
