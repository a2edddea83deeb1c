"""Who a training is about: the way into it, baseline characteristics, and the subgroups that any report should show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from ..clinical import baseline, columns
from ..clinical.columns import Variable
from ..errors import InputError
from ..tables import Row
from . import flow, performance_figures, report_tables

if TYPE_CHECKING:
    from ..learning import Training
    from ..lesions import Lesions

DAYS = "days from imaging to surgery"
# Subgroups that reporting guidelines ask for, where the table has them.
_EXPECTED = ("age", "breast_density", "ethnicity", "scanner", "centre")
_IMAGING_DATES = ("imaging_date", "mammography_date", "examination_date", "study_date")
_SURGERY_DATES = ("surgery_date", "operation_date", "pathology_date")
_PARTS_OF_HER2 = ("her2", "her2_ihc", "her2_fish")


def with_interval(training: Training) -> Training:
    """Return a training whose lesions say how many days lie between imaging and surgery, where they have both dates."""
    kept = training.test_lesions
    return replace(
        training, lesions=_with_days(training.lesions), test_lesions=None if kept is None else _with_days(kept)
    )


def _with_days(lesions: Lesions) -> Lesions:
    names = {columns.plain_name(name): name for name in (lesions.rows[0] if lesions.rows else ())}
    first, last = (
        next((names[each] for each in known if each in names), None) for known in (_IMAGING_DATES, _SURGERY_DATES)
    )
    if first is None or last is None or DAYS in names.values():
        return lesions
    return replace(lesions, rows=tuple({**row, DAYS: _days(row[first], row[last])} for row in lesions.rows))


def _days(first: str, last: str) -> str:
    """Return the days between two dates of ISO 8601; empty where one is none."""
    try:
        return str((date.fromisoformat(last) - date.fromisoformat(first)).days)
    except ValueError:
        return ""


def subgroups(training: Training, asked: tuple[str, ...]) -> list[dict]:
    """Return the AUC in the subgroups of the columns asked for; of those that guidelines expect where none is.

    Raises
    ------
    InputError
        When a column that was asked for makes no subgroups.
    """
    return report_tables.subgroups(training, tuple(asked) or _expected(training))


def _expected(training: Training) -> tuple[str, ...]:
    key = performance_figures.unseen(training.evidence)[0]
    lesions = training.test_lesions if key == "test" and training.test_lesions is not None else training.lesions
    found = []
    for name in lesions.rows[0] if lesions.rows else ():
        if columns.study_name(name) in _EXPECTED or name == DAYS:
            try:
                labels = set(report_tables.parts(lesions, name))
            except InputError:
                continue
            if len(labels - {""}) > 1:
                found.append(name)
    return tuple(found)


def steps(training: Training) -> list[dict]:
    """Return the way of the lesions into the training, see :mod:`.flow`."""
    known, kept = training.lesions, training.test_lesions
    excluded = training.model.manifest["training"]["excluded_lesions"]
    parts = [each for each in (known, kept) if each is not None]
    lesions, patients = sum(len(each.target) for each in parts), sum(_patients(each) for each in parts)
    outcome = training.model.outcome
    first = [flow.step(flow.KEPT, "In the table of features", lesions + sum(excluded.values()), "lesions")]
    used = "Analysed" if kept is not None else "Analysed, all for training and cross-validation"
    detail = "" if kept is not None else _classes(known, outcome)
    found = [
        *(first if excluded else []),
        *(flow.step(flow.LEFT_OUT, reason, count, "lesions") for reason, count in excluded.items()),
        flow.step(flow.KEPT, used, lesions, "lesions", patients=patients, detail=detail),
    ]
    if kept is None:
        return found
    return found + [
        flow.step(
            flow.PART, what, len(each.target), "lesions", patients=_patients(each), detail=_classes(each, outcome)
        )
        for what, each in (("Training", known), ("Test, kept apart", kept))
    ]


def _patients(lesions: Lesions) -> int:
    return len(np.unique(lesions.patients))


def _classes(lesions: Lesions, outcome: str) -> str:
    counts = np.bincount(lesions.target, minlength=len(lesions.classes)).tolist()
    return ", ".join(f"{outcome} {name}: {count}" for name, count in zip(lesions.classes, counts, strict=True))


def baseline_tables(training: Training) -> dict[str, dict]:
    """Return Table 1 by split and by outcome as :func:`.baseline.table` does; nothing where no clinical column is."""
    parts = [each for each in (training.lesions, training.test_lesions) if each is not None]
    variables = _variables([row for each in parts for row in each.rows], training)
    if not variables:
        return {}
    outcome, classes = training.model.outcome, training.lesions.classes
    target = np.concatenate([each.target for each in parts])
    tables = {"table1_outcome": baseline.table(variables, outcome, {n: target == i for i, n in enumerate(classes)}, {})}
    if len(parts) > 1:
        is_test = np.arange(len(target)) >= len(parts[0].target)
        of_outcome = Variable(outcome, columns.time_of(outcome), target.astype(float), classes)
        sides = {"train": ~is_test, "test": is_test}
        tables = {"table1_split": baseline.table([of_outcome, *variables], "split", sides, {}), **tables}
    return tables


def _variables(rows: list[Row], training: Training) -> list[Variable]:
    """Return the clinical columns of lesions, one row each, in their order; the outcome is none of them."""
    if not rows:
        return []
    outcome, settings = training.model.outcome, training.settings
    left_out = {outcome, settings.split, *(_PARTS_OF_HER2 if outcome == "her2" else ())}
    dates = (*_IMAGING_DATES, *_SURGERY_DATES)
    names = [name for name in rows[0] if name not in left_out and name not in columns.KEYS]
    names = [name for name in names if columns.plain_name(name) not in dates]
    found = []
    for name in names:
        try:
            found.append(columns.variable(name, [row.get(name, "") for row in rows], columns.time_of(name)))
        except InputError:
            continue
    return found


def known_days(training: Training) -> np.ndarray:
    """Return the days from imaging to surgery of all lesions that have both dates, shape (n,)."""
    parts = [each for each in (training.lesions, training.test_lesions) if each is not None]
    cells = [row.get(DAYS, "") for each in parts for row in each.rows]
    return np.array([float(cell) for cell in cells if cell])
