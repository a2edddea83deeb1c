"""From outlines to lesions: the views of each joined into one row, with its outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import InputError
from .tables import FeatureTable, Row, case_name, finite_number, known_value, lesion_key, rows_by_lesion

HER2_CLASSES = ("zero", "low", "positive")
# Stands among the classes in every table of results.
AVERAGE_OF_CLASSES = "macro"


@dataclass(frozen=True)
class Lesions:
    """One row per lesion, ready for training.

    Parameters
    ----------
    keys : tuple of (str, str, str)
        Patient, laterality and lesion of each row.
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
    split : tuple of str
        ``train`` or ``test`` for each lesion; empty where no column says so.
    centres : tuple of str
        Scanner or centre of each lesion; empty where no column was named.
    excluded : dict
        How many lesions were left out, by reason.
    rows : tuple of dict
        What else the table says of each lesion (its first view's row): clinical columns, for subgroups.
    """

    keys: tuple[tuple[str, str, str], ...]
    names: tuple[str, ...]
    values: np.ndarray
    target: np.ndarray
    classes: tuple[str, ...]
    views: tuple[str, ...]
    split: tuple[str, ...] = ()
    centres: tuple[str, ...] = ()
    excluded: dict[str, int] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()

    @property
    def patients(self) -> np.ndarray:
        """The patient of each lesion, shape (lesions,): folds never split one."""
        return np.array([patient for patient, *_ in self.keys])

    def take(self, rows: np.ndarray) -> Lesions:
        """Return some of the lesions, by index."""
        return replace(
            self,
            keys=tuple(self.keys[i] for i in rows),
            values=self.values[rows],
            target=self.target[rows],
            split=tuple(self.split[i] for i in rows) if self.split else (),
            centres=tuple(self.centres[i] for i in rows) if self.centres else (),
            rows=tuple(self.rows[i] for i in rows) if self.rows else (),
        )


def from_table(
    table: FeatureTable,
    outcome: str,
    views: str = "mean",
    classes: tuple[str, ...] | None = None,
    *,
    reader: str = "",
    split: str = "",
    centre: str = "",
    complete: bool = False,
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
    reader : str
        Whose outlines; empty for the first reader of the table.
    split : str
        Column that says ``train`` or ``test``; empty for none.
    centre : str
        Column of the scanner or centre; empty for none.
    complete : bool
        Leave out lesions that lack a feature.

    Raises
    ------
    InputError
        For an unknown outcome, reader, split or centre, fewer than two classes, contradicting outcomes or centres of
        one lesion, or missing views.
    """
    groups = {
        key: [i for view, i in of_lesion.items() if views in ("mean", "concat") or view == views]
        for key, of_lesion in rows_by_lesion(table.rows, reader).items()
    }
    excluded = {lesion_key(row): "no outline by the reader" for row in table.rows if lesion_key(row) not in groups}
    excluded |= {key: f"no {views} view" for key, group in groups.items() if not group}
    groups = {key: group for key, group in groups.items() if group}
    if not groups:
        raise InputError(f"No row of the table has the view {views}. Choose other views.")
    used_views = tuple(sorted({table.rows[i].get("view", "") for group in groups.values() for i in group}))
    labels = {key: _outcome_of([table.rows[i] for i in group], outcome) for key, group in groups.items()}
    excluded |= {key: _why_unknown(table.rows[groups[key][0]], outcome) for key in groups if not labels[key]}
    if complete:
        missing = np.isnan(table.values).any(axis=1)
        excluded |= {key: "a feature is missing" for key, group in groups.items() if missing[group].any()}
    known = [key for key in groups if key not in excluded]
    classes = classes or _classes(outcome, {labels[key] for key in known})
    join = _side_by_side if views == "concat" else _mean_of_views
    names, values = join(table, [groups[key] for key in known], used_views)
    found = [[table.rows[i] for i in groups[key]] for key in known]
    return Lesions(
        keys=tuple(known),
        names=names,
        values=values,
        target=np.array([classes.index(labels[key]) for key in known]),
        classes=classes,
        views=used_views,
        split=_split_of(found, split) if split else (),
        centres=_centres_of(found, centre) if centre else (),
        excluded=dict(Counter(excluded.values())),
        rows=tuple(table.rows[groups[key][0]] for key in known),
    )


def _split_of(groups: list[list[Row]], column: str) -> tuple[str, ...]:
    """Return train or test for each lesion; no patient may be on both sides."""
    if column not in groups[0][0]:
        raise InputError(f"The table has no column {column} for the split. Give the cohort that holds it.")
    sides: dict[str, str] = {}
    for row in (row for group in groups for row in group):
        side = row[column].lower()
        if side not in ("train", "test"):
            raise InputError(f"{case_name(row)} has {row[column]!r} in the column {column}; write train or test.")
        if sides.setdefault(row["patient_id"], side) != side:
            raise InputError(f"Patient {row['patient_id']} is in train and in test. A patient belongs to one side.")
    for side in ("train", "test"):
        if side not in sides.values():
            raise InputError(f"The column {column} puts no lesion into {side}. Check it.")
    return tuple(sides[group[0]["patient_id"]] for group in groups)


def _centres_of(groups: list[list[Row]], column: str) -> tuple[str, ...]:
    """Return the scanner or centre of each lesion, one for all its views."""
    if column not in groups[0][0]:
        raise InputError(f"The table has no column {column} for the scanner or centre. Give the cohort that holds it.")
    for group in groups:
        names = {row[column] if known_value(row[column]) else "" for row in group}
        if names == {""}:
            raise InputError(f"{case_name(group[0])} has nothing in the column {column}. Fill it in or leave it out.")
        if len(names) > 1:
            both = " and ".join(repr(name) for name in sorted(names))
            case = case_name({**group[0], "view": ""})
            raise InputError(
                f"{case} has views of {both} in the column {column}. Train on one view (views), or leave it out."
            )
    return tuple(group[0][column] for group in groups)


def parts_of_views(table: FeatureTable, views: str) -> list[FeatureTable]:
    """Return the table as its views enter a row: one view, the mean of views, or each view by itself.

    The features of the parts one after the other are the columns of :func:`from_table`.
    """
    if views == "mean":
        groups: dict[tuple, list[int]] = {}
        for i, row in enumerate(table.rows):
            groups.setdefault((*lesion_key(row), row.get("reader", "")), []).append(i)
        rows = [{**table.rows[group[0]], "view": ""} for group in groups.values()]
        return [
            FeatureTable(rows, table.names, np.array([table.values[group].mean(axis=0) for group in groups.values()]))
        ]
    chosen = sorted({row.get("view", "") for row in table.rows}) if views == "concat" else [views]
    of_view = [[i for i, row in enumerate(table.rows) if row.get("view", "") == view] for view in chosen]
    return [FeatureTable([table.rows[i] for i in each], table.names, table.values[each]) for each in of_view]


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


def _why_unknown(row: Row, outcome: str) -> str:
    if outcome == "her2" and row.get("her2_ihc") == "2+":
        return "IHC 2+ without FISH"
    return "no outcome"


def _outcome(row: Row, outcome: str) -> str:
    if outcome == "her2" and not known_value(row.get("her2", "")) and "her2_ihc" in row:
        return her2_class(row["her2_ihc"], row.get("her2_fish", ""))
    if outcome not in row:
        raise InputError(f"The table has no column {outcome}. Give the cohort that holds it, or another outcome.")
    return known_value(row[outcome])


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


def _rank(label: str) -> tuple[float, str]:
    """Numbers stand in their order, before words."""
    number = finite_number(label)
    return (number if np.isfinite(number) else np.inf), label


def _classes(outcome: str, found: set[str]) -> tuple[str, ...]:
    if AVERAGE_OF_CLASSES in found:
        raise InputError(
            f"{outcome} has the value {AVERAGE_OF_CLASSES!r}, which names the average over classes in every result. "
            "Write another word."
        )
    classes = {"slnm": ("0", "1"), "her2": HER2_CLASSES}.get(outcome, tuple(sorted(found, key=_rank)))
    if found - set(classes):
        raise InputError(
            f"{outcome} has the value {sorted(found - set(classes))[0]!r}; it should be one of {', '.join(classes)}. "
            "Correct it."
        )
    if len(found) < 2:
        have = (
            f"All lesions of the table have {outcome} {min(found)!r}"
            if found
            else f"No lesion has a value of {outcome}"
        )
        raise InputError(f"{have}; training needs two classes. Add lesions, or choose another outcome.")
    return tuple(name for name in classes if name in found)
