"""The tables of a cohort: one row per outline, features beside it, and what becomes of them for training."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import write_atomically

KEY_COLUMNS = ("patient_id", "lesion_id", "laterality", "view", "reader")
ROI_COLUMNS = ("preset", "pixel_spacing_mm", "roi_pixels")
# Rows whose reader starts so are perturbed contours and not a person's.
PERTURBED = "perturbed-"
HER2_CLASSES = ("zero", "low", "positive")

Row = dict[str, str]


@dataclass(frozen=True)
class FeatureTable:
    """Features of many outlines.

    Parameters
    ----------
    rows : list of dict
        Everything about an outline that is not a feature: keys, preset, spacing, outcomes.
    names : tuple of str
        Feature names.
    values : numpy.ndarray
        Shape (outlines, features), float64.
    """

    rows: list[Row]
    names: tuple[str, ...]
    values: np.ndarray


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


def read_rows(path: str | Path) -> list[Row]:
    """Read a CSV table with a header as dicts of stripped text.

    Raises
    ------
    InputError
        When the file is missing, is not UTF-8, has no rows, or has a row of another length than its header.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The table {path} cannot be read ({error.strerror}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The table {path.name} is not UTF-8 text. Save it as CSV UTF-8.") from error
    try:
        header, *lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line] or [[]]
    except csv.Error as error:
        raise InputError(f"The table {path.name} is not a CSV file ({error}). Save it as CSV UTF-8.") from error
    if not lines:
        raise InputError(f"The table {path.name} has no rows.")
    header = [name.strip() for name in header]
    if len(set(header)) < len(header):
        raise InputError(f"The table {path.name} has two columns of the same name. Rename one.")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise InputError(f"Row {number} of {path.name} has {len(line)} cells, the header {len(header)}. Mend it.")
    return [dict(zip(header, (cell.strip() for cell in line), strict=True)) for line in lines]


def rows_to_csv(rows: Iterable[dict]) -> str:
    """Return rows as CSV text; floats with every digit, so that reading gives the same number."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_rows(path: str | Path, rows: Iterable[dict]) -> None:
    """Write rows as a CSV file, whole or not at all."""
    write_atomically(path, rows_to_csv(rows))


def read_cohort(path: str | Path) -> list[Row]:
    """Read a cohort.csv; paths of images and masks become absolute.

    Raises
    ------
    InputError
        When the table is unusable or a row has no patient_id.
    """
    path = Path(path)
    rows = read_rows(path)
    for number, row in enumerate(rows, start=2):
        if not row.get("patient_id"):
            raise InputError(f"Row {number} of {path.name} has no patient_id. Every row needs one.")
        row["lesion_id"] = row.get("lesion_id") or "1"
        for column in ("image", "mask"):
            if row.get(column):
                row[column] = str(path.parent / row[column])
    return rows


def read_features(path: str | Path, finite: bool = True) -> FeatureTable:
    """Read a features.csv; see :func:`feature_table`."""
    return feature_table(read_rows(path), Path(path).name, finite)


def feature_table(rows: list[Row], what: str, finite: bool = True) -> FeatureTable:
    """Separate the feature columns of a table from the others.

    A feature is a column named ``<image type>_<class>_<feature>`` whose cells are numbers.

    Parameters
    ----------
    rows : list of dict
        As :func:`read_rows` gives them.
    what : str
        What to call the table in an error.
    finite : bool
        Refuse cells that are not finite numbers; otherwise they become NaN.

    Raises
    ------
    InputError
        When there is no feature column, or a feature is not a finite number.
    """
    names = tuple(name for name in rows[0] if _is_feature(name))
    if not names:
        raise InputError(f"{what} has no feature columns such as original_firstorder_Mean. Make it with 'extract'.")
    values = np.empty((len(rows), len(names)))
    for i, row in enumerate(rows):
        for j, name in enumerate(names):
            values[i, j] = _number(row[name])
            if finite and not np.isfinite(values[i, j]):
                raise InputError(
                    f"{what}, row {i + 2}, column {name} holds {row[name]!r}, which is not a finite number. "
                    "Correct it or leave the row out."
                )
    other_names = [name for name in rows[0] if not _is_feature(name)]
    others = [{name: row[name] for name in other_names} for row in rows]
    return FeatureTable(others, names, values)


_FEATURE_CLASSES = frozenset({"firstorder", "shape", "shape2D", "glcm", "glrlm", "glszm", "gldm", "ngtdm"})


def _is_feature(name: str) -> bool:
    parts = name.split("_")
    return len(parts) == 3 and parts[1] in _FEATURE_CLASSES


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def spacing_of(row: Row) -> float | None:
    """Return a row's pixel spacing in mm, None where it does not say; InputError where it is no number."""
    text = row.get("pixel_spacing_mm", "")
    if not text:
        return None
    number = _number(text)
    if not number > 0:
        raise InputError(f"{case_name(row)} has the pixel_spacing_mm {text!r}, which is not a number. Correct it.")
    return number


def with_cohort(table: FeatureTable, cohort: list[Row]) -> FeatureTable:
    """Add the cohort's outcomes and clinical columns to a feature table, matched by patient, lesion, view and reader.

    Raises
    ------
    InputError
        When an outline of the table is not in the cohort.
    """
    by_key: dict[tuple[str, ...], Row] = {}
    for row in cohort:
        if _key(row) in by_key:
            raise InputError(f"{case_name(row)} is in the cohort twice. Delete one row, or number its lesions.")
        by_key[_key(row)] = row
    # Perturbed outlines serve the agreement of features; they are no cases of their own.
    kept = [i for i, row in enumerate(table.rows) if not row.get("reader", "").startswith(PERTURBED)]
    joined = []
    for row in (table.rows[i] for i in kept):
        if _key(row) not in by_key:
            raise InputError(f"{case_name(row)} has features but no row in the cohort. Use the cohort it came from.")
        joined.append({**by_key[_key(row)], **row})
    return FeatureTable(joined, table.names, table.values[kept])


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row.get(column) or ("1" if column == "lesion_id" else "") for column in KEY_COLUMNS)


def case_name(row: Row) -> str:
    """Name an outline as a person would: ``Case P012 L-MLO``."""
    side = "-".join(row[column] for column in ("laterality", "view") if row.get(column))
    lesion = f"lesion {row['lesion_id']}" if row.get("lesion_id", "1") not in ("", "1") else ""
    reader = f"reader {row['reader']}" if row.get("reader") else ""
    return " ".join(part for part in ("Case", row.get("patient_id", ""), side, lesion, reader) if part)


def lesions(table: FeatureTable, outcome: str, views: str = "mean", classes: tuple[str, ...] | None = None) -> Lesions:
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


def lesion_key(row: Row) -> tuple[str, str, str]:
    """Return patient, laterality and lesion: two breasts of one patient are two lesions, whatever their numbers."""
    return row["patient_id"], row.get("laterality", ""), row.get("lesion_id") or "1"


def rows_by_lesion(rows: list[Row]) -> dict[tuple[str, str, str], dict[str, int]]:
    """Return the indices of each lesion's rows by view, as the reader outlined them who comes first in the table.

    Raises
    ------
    InputError
        When a row has no patient_id, or a lesion has two rows of one view.
    """
    reader = rows[0].get("reader", "")
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for i, row in enumerate(rows):
        if not row.get("patient_id"):
            raise InputError(f"Row {i + 2} of the table has no patient_id. Every row needs one.")
        if row.get("reader", "") != reader:
            continue
        of_lesion = found.setdefault(lesion_key(row), {})
        if row.get("view", "") in of_lesion:
            raise InputError(f"{case_name(row)} is in the table twice (row {i + 2}). Delete one or number its lesions.")
        of_lesion[row.get("view", "")] = i
    return found


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
