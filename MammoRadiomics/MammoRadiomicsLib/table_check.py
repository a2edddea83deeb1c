"""A cohort or a table of features with other people's column names: what is wrong with it, and a copy for the steps."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from . import cohort, cohort_check, tables
from .cohort_check import Problem
from .errors import InputError
from .tables import Row

_MOST_SHOWN = 200


def renamed(rows: list[Row], columns: dict[str, str]) -> list[Row]:
    """Return rows with our names for columns, in place of those that had them.

    Parameters
    ----------
    rows : list of dict
        As :func:`.tables.read_rows` gives them.
    columns : dict
        Their names by ours. A name that the table has not changes nothing.
    """
    if not columns:
        return rows
    ours = {theirs: name for name, theirs in columns.items()}
    return [
        {ours.get(name, name): cell for name, cell in row.items() if name in ours or name not in columns}
        for row in rows
    ]


def feature_names(rows: list[Row]) -> tuple[str, ...]:
    """Return the columns of a table that are features; none where it is a cohort."""
    try:
        return tables.feature_table(rows, "", finite=False).names
    except InputError:
        return ()


def check(
    rows: list[Row],
    folder: str | Path,
    *,
    numbers: list[int] | None = None,
    features: bool,
    outcome: str,
    spacing_mm: float | None = None,
    missing: str = "refuse",
) -> list[Problem]:
    """Find what is wrong with a table that a model is to be trained on.

    Parameters
    ----------
    rows : list of dict
        With our column names.
    folder : path
        What relative paths are relative to.
    numbers : list of int, optional
        Where each row stands in its file; 2, 3, 4 ... by default.
    features : bool
        Whether it is a table of features and not a cohort.
    outcome : str
        What is to be predicted.
    spacing_mm : float, optional
        Pixel spacing in mm for rows that do not say.
    missing : str
        As in :class:`.settings.TrainingSettings`: whether a feature may have no value.
    """
    numbers = numbers or list(range(2, len(rows) + 2))
    if not features:
        return [*_of_outcome(rows, outcome), *cohort_check.check(rows, folder, numbers=numbers, spacing_mm=spacing_mm)]
    names = set(feature_names(rows[:1]))
    others = [{column: cell for column, cell in row.items() if column not in names} for row in rows]
    found = cohort_check.check(others, folder, numbers=numbers)
    # Features name no images.
    found = [each for each in found if each.column not in ("image", "mask")]
    return [*_of_outcome(rows, outcome), *found, *_of_values(rows, numbers, missing)]


def summary(problems: list[Problem], rows: int) -> dict:
    """Return problems for a window, in JSON: their numbers, and no more of them than a person reads."""
    errors = sum(each.severity == cohort_check.ERROR for each in problems)
    shown = [asdict(each) for each in problems[:_MOST_SHOWN]]
    return {"rows": rows, "errors": errors, "warnings": len(problems) - errors, "problems": shown}


def write_copy(rows: list[Row], folder: str | Path, path: str | Path) -> bool:
    """Write rows as a file that holds good in another folder, and tell whether it was written.

    A file that holds them already is left alone, so that what was made of it stays valid.
    """
    from . import files

    path, text = Path(path), tables.rows_to_csv(cohort.located(rows, folder))
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    files.write_atomically(path, text)
    return True


def _of_outcome(rows: list[Row], outcome: str) -> list[Problem]:
    if outcome in rows[0] or (outcome == "her2" and "her2_ihc" in rows[0]):
        return []
    problem = f"The table has no column {outcome}."
    return [Problem(None, outcome, problem, "Choose another outcome, or say which column it is.")]


def _of_values(rows: list[Row], numbers: list[int], missing: str) -> list[Problem]:
    """Return each value of a feature that is no number."""
    severity = cohort_check.ERROR if missing == "refuse" else cohort_check.WARNING
    table = tables.feature_table(rows, "", finite=False)
    remedy = "Correct it, leave the row out, or choose how missing values are treated."
    found = []
    for i, j in np.argwhere(np.isnan(table.values)):
        name = table.names[j]
        problem = f"{rows[i][name]!r} is not a finite number."
        found.append(Problem(numbers[i], name, problem, remedy, severity))
    return found
