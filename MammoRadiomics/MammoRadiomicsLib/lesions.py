"""From outlines to lesions: the views of each joined into one row, with its outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError
from .tables import FeatureTable, Row, case_name, lesion_key, rows_by_lesion

HER2_CLASSES = ("zero", "low", "positive")


@dataclass(frozen=True)
class Lesions:
    """One row per lesion, ready for training.

    Parameters
    ----------
    patients : numpy.ndarray
        Shape (lesions,), the patient of each lesion: folds never split one.
    names : tuple of str
        Column names; with views side by side they start with the view, as in ``CC/original_firstorder_Mean``.
    values : numpy.ndarray
        Shape (lesions, columns), float64.
    target : numpy.ndarray
        Shape (lesions,), index into `classes`.
    classes : tuple of str
        Names of the outcome's classes in their order.
    views : tuple of str
        The views that went in.
    excluded : int
        Lesions left out because their outcome is not known, or because the first reader did not outline them.
    """

    patients: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    target: np.ndarray
    classes: tuple[str, ...]
    views: tuple[str, ...]
    excluded: int


def from_table(
    table: FeatureTable, outcome: str, views: str = "mean", classes: tuple[str, ...] | None = None
) -> Lesions:
    """Join the views of each lesion into one row and attach its outcome.

    Parameters
    ----------
    table : FeatureTable
        Rows with the outcome's column.
    outcome : str
        ``slnm``, ``her2``, or any column of the table.
    views : {"mean", "concat", "CC", "MLO"}
        See :class:`~.settings.TrainingSettings`.
    classes : tuple of str, optional
        The outcome's classes in order; by default ``0, 1`` for SLNM, ``zero, low, positive`` for HER2, else sorted.

    Raises
    ------
    InputError
        For an unknown outcome, fewer than two classes, contradicting outcomes of one lesion, or missing views.
    """
    by_lesion = rows_by_lesion(table.rows)
    groups = {
        key: [i for view, i in of_lesion.items() if views in ("mean", "concat") or view == views]
        for key, of_lesion in by_lesion.items()
    }
    groups = {key: group for key, group in groups.items() if group}
    if not groups:
        raise InputError(f"No row of the table has the view {views}. Choose other views.")
    used_views = tuple(sorted({table.rows[i].get("view", "") for group in groups.values() for i in group}))
    labels = {key: _outcome_of([table.rows[i] for i in group], outcome) for key, group in groups.items()}
    known = [key for key in groups if labels[key]]
    classes = classes or _classes(outcome, {labels[key] for key in known})
    join = _side_by_side if views == "concat" else _mean_of_views
    names, values = join(table, [groups[key] for key in known], used_views)
    target = np.array([classes.index(labels[key]) for key in known])
    patients = np.array([patient for patient, *_ in known])
    everything = {lesion_key(row) for row in table.rows}
    return Lesions(patients, names, values, target, classes, used_views, excluded=len(everything) - len(known))


def _mean_of_views(table: FeatureTable, groups: list[list[int]], views: tuple[str, ...]) -> tuple[tuple, np.ndarray]:
    return table.names, np.array([table.values[group].mean(axis=0) for group in groups])


def _side_by_side(table: FeatureTable, groups: list[list[int]], views: tuple[str, ...]) -> tuple[tuple, np.ndarray]:
    rows = []
    for group in groups:
        by_view = {table.rows[i].get("view", ""): i for i in group}
        missing = [view for view in views if view not in by_view]
        if missing:
            case = case_name({**table.rows[group[0]], "view": ""})
            raise InputError(f"{case} has no view {missing[0]}. Views side by side need all; choose views = mean.")
        rows.append(np.concatenate([table.values[by_view[view]] for view in views]))
    return tuple(f"{view}/{name}" for view in views for name in table.names), np.array(rows)


def _outcome_of(rows: list[Row], outcome: str) -> str:
    """Return the outcome of one lesion, empty where unknown."""
    found = {label for label in (_outcome(row, outcome) for row in rows) if label}
    if len(found) > 1:
        raise InputError(
            f"{case_name({**rows[0], 'view': ''})} has contradicting values of {outcome}: "
            f"{', '.join(sorted(found))}. The outcome belongs to the lesion; give all its rows the same."
        )
    return found.pop() if found else ""


def _outcome(row: Row, outcome: str) -> str:
    if outcome == "her2" and not row.get("her2") and "her2_ihc" in row:
        return her2_class(row["her2_ihc"], row.get("her2_fish", ""))
    if outcome not in row:
        raise InputError(f"The table has no column {outcome}. Give the cohort that holds it, or another outcome.")
    return row[outcome]


def her2_class(ihc: str, fish: str) -> str:
    """Return zero, low or positive by the 2018 ASCO/CAP rule; empty for IHC 2+ without FISH, and where IHC is missing.

    Parameters
    ----------
    ihc : {"0", "1+", "2+", "3+", ""}
        Immunohistochemistry score.
    fish : {"negative", "positive", ""}
        In-situ hybridisation.

    Raises
    ------
    InputError
        For any other value.
    """
    by_ihc = {"": "", "0": "zero", "1+": "low", "3+": "positive"}
    by_fish = {"": "", "negative": "low", "positive": "positive"}
    if ihc in by_ihc:
        return by_ihc[ihc]
    if ihc == "2+" and fish in by_fish:
        return by_fish[fish]
    raise InputError(
        f"her2_ihc {ihc!r} with her2_fish {fish!r} is not a HER2 result: use 0, 1+, 2+ or 3+, and negative or positive."
    )


def _classes(outcome: str, found: set[str]) -> tuple[str, ...]:
    classes = {"slnm": ("0", "1"), "her2": HER2_CLASSES}.get(outcome, tuple(sorted(found)))
    if found - set(classes):
        raise InputError(
            f"{outcome} has the value {sorted(found - set(classes))[0]!r}; it should be one of {', '.join(classes)}."
        )
    if len(found) < 2:
        raise InputError(f"{outcome} has {len(found)} class in this table; training needs at least two.")
    return tuple(name for name in classes if name in found)
