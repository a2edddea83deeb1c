"""Training without a scanner or centre: the whole method on the others, in one process or several."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np

from . import combat, parallel, validation
from .centres import LEFT_OUT, TRANSDUCTIVE, LeftOut
from .errors import InputError
from .evaluation import Evidence
from .lesions import Lesions
from .progress import Progress, silent
from .selection import StableColumns
from .settings import TrainingSettings
from .validation import Fold


def leave_one_out(
    data: Lesions, stable: StableColumns, settings: TrainingSettings, progress: Progress = silent, jobs: int = 1
) -> LeftOut:
    """Train the whole method without each centre in turn, and predict that centre.

    Parameters
    ----------
    data : Lesions
        Training rows, as extracted, with their centres.
    stable : StableColumns
        Which columns the ICC lets pass, judged anew without the centre.
    settings : TrainingSettings
        Every choice of the method.
    progress : callable
        Called after each fit.
    jobs : int
        Processes; the result is the same for any number.

    Raises
    ------
    InputError
        With fewer than two centres, or when a process ended.
    """
    names = names_of(data)
    notes: dict[str, list[str]] = {name: [] for name in names}
    runs = [run for name in names for run in _runs(data, name, stable, settings, notes[name])]
    found: dict[str, dict[str, Evidence]] = {LEFT_OUT: {}, TRANSDUCTIVE: {}}
    with contextlib.closing(parallel.unordered(_predict, runs, jobs)) as results:
        for done, (run, result) in enumerate(results, start=1):
            if isinstance(result, parallel.ProcessEnded):
                raise InputError(f"The centre {run.centre} was not left out. {result}")
            rows = data.take(run.fold.test_rows)
            # DeLong's variance is for rows that had no part in anything.
            known_as = "test" if run.kind == LEFT_OUT else "transductive"
            found[run.kind][run.centre] = Evidence(known_as, rows.classes, rows.target, rows.patients, result[None])
            progress(done, len(runs), f"{done} of {len(runs)} fits without a centre")
    ordered = {kind: {name: of_kind[name] for name in names if name in of_kind} for kind, of_kind in found.items()}
    return LeftOut(ordered, notes)


def names_of(data: Lesions) -> list[str]:
    """Return the names of the centres; InputError with fewer than two."""
    names = sorted(set(data.centres))
    if len(names) < 2:
        raise InputError(f"There is one centre only, {names[0]!r}. Give a column with two or more, or none.")
    return names


@dataclass(frozen=True, eq=False)
class _Run:
    """One centre left out, with values as they are or harmonised already."""

    kind: str
    centre: str
    fold: Fold


def _predict(run: _Run) -> np.ndarray:
    return validation.hold_out(run.fold).probabilities


def _runs(data: Lesions, name: str, stable: StableColumns, settings: TrainingSettings, notes: list[str]) -> list[_Run]:
    """Return what can be fitted without a centre; the notes take what cannot, and why."""
    out = np.array(data.centres) == name
    elsewhere = ~out & np.isin(data.patients, data.patients[out])
    if elsewhere.any():
        count = len(np.unique(data.patients[elsewhere]))
        notes.append(f"{count} of its patients are in other centres too and took no part in the training")
    train_rows, test_rows = np.flatnonzero(~out & ~elsewhere), np.flatnonzero(out)
    lacking = _lacking(data.take(train_rows), settings)
    if lacking:
        notes.append(f"not left out: {lacking}")
        return []
    # What the rows say besides is not needed in other processes.
    data, settings = replace(data, rows=()), replace(settings, harmonise=False)
    runs = [_Run(LEFT_OUT, name, Fold(0, 0, data, train_rows, test_rows, stable, settings))]
    try:
        values = transductive(data.values, np.array(data.centres), train_rows, test_rows)
    except InputError as error:
        notes.append(f"no transductive run: {error}")
        return runs
    names, counts = np.unique(np.array(data.centres)[train_rows], return_counts=True)
    if small := names[counts < combat.FEWEST_ROWS].tolist():
        notes.append(f"in its transductive run too small to be harmonised: {', '.join(small)}")
    fold = Fold(0, 0, replace(data, values=values), train_rows, test_rows, stable, settings)
    return [*runs, _Run(TRANSDUCTIVE, name, fold)]


def _lacking(known: Lesions, settings: TrainingSettings) -> str:
    """Say of which class the other centres have too few patients; empty where they have enough."""
    for i, label in enumerate(known.classes):
        patients = len(np.unique(known.patients[known.target == i]))
        if patients < settings.calibration_folds:
            return f"the others have {patients} patients of the class {label}, {settings.calibration_folds} are needed"
    return ""


def transductive(values: np.ndarray, centres: np.ndarray, train_rows: np.ndarray, test_rows: np.ndarray) -> np.ndarray:
    """Return values with training rows harmonised among themselves, and one new centre brought to them.

    Where training rows are of one centre they stay as they are and are the reference for the new one. So do, beside
    others, the rows of centres that are too small to be harmonised.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n, k).
    centres : numpy.ndarray
        Shape (n,), text.
    train_rows, test_rows : numpy.ndarray
        Indices; the test rows are those of the new centre. Others are not looked at, and NaN in the result.

    Raises
    ------
    InputError
        When values are missing, or the new centre or all others have fewer than three rows.
    """
    rows = np.concatenate([train_rows, test_rows])
    if np.isnan(values[rows]).any():
        raise InputError("ComBat needs complete features; leave out lesions without (missing: complete).")
    names, counts = np.unique(centres[train_rows], return_counts=True)
    large = names[counts >= combat.FEWEST_ROWS]
    known = train_rows[np.isin(centres[train_rows], large)]
    if len(large) > 1:
        fitted = combat.fit(values[known], centres[known])
    else:
        fitted = combat.reference(values[known], str(large[0]) if large.size else "the other centres")
    fitted = fitted.with_batch(values[test_rows], str(centres[test_rows][0]))
    harmonised = np.full(values.shape, np.nan)
    harmonised[rows], _ = fitted.apply(values[rows], centres[rows], combat.LEAVE)
    return harmonised
