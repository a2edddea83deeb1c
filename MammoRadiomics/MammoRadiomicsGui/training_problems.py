"""What is wrong with the data of a training, as rows for a table: row, column, problem, remedy."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _


def inWords(problems: list, checked: str) -> tuple[list[tuple[str, str, str, str]], str]:
    """Return problems (MammoRadiomicsLib.cohort_check.Problem) as rows of text, and a sentence about them.

    :param checked: what was checked, with its number of rows.
    """
    errors = sum(each.severity == "error" for each in problems)
    text = _("{checked} rows. Errors: {errors}. Warnings: {warnings}.")
    said = {"error": "{problem}", "warning": _("Warning: {problem}")}
    rows = [
        (str(each.row or _("all")), each.column, said[each.severity].format(problem=each.problem), each.remedy)
        for each in problems
    ]
    return rows, text.format(checked=checked, errors=errors, warnings=len(problems) - errors)


def failures(features: Path) -> tuple[list[tuple[str, str, str, str]], str]:
    """Return the cases that could not be extracted into a table of features, in the same form."""
    from MammoRadiomicsLib import tables

    path = features.with_suffix(".failures.csv")
    # With a header alone there is none.
    failed = tables.read_rows(path) if len(path.read_text(encoding="utf-8").splitlines()) > 1 else []
    remedy = _("Mend it and run the extraction again; finished cases are kept.")
    text = _("Cases without features: {count}.").format(count=len(failed)) if failed else ""
    return [(row["row"], "", row["reason"], remedy) for row in failed], text


def ofOutcome(rows: list[dict[str, str]], outcome: str) -> list:
    from MammoRadiomicsLib.cohort_check import Problem

    if outcome in rows[0] or (outcome == "her2" and "her2_ihc" in rows[0]):
        return []
    problem = f"The table has no column {outcome}."
    return [Problem(None, outcome, problem, "Choose another outcome, or say which column it is.")]


def ofCohort(rows: list, numbers: list[int], folder: Path, spacingMm: float | None) -> list:
    from MammoRadiomicsLib import cohort_check

    return cohort_check.check(rows, folder, numbers=numbers, spacing_mm=spacingMm)


def ofFeatures(rows: list, numbers: list[int], folder: Path, missing: str) -> list:
    """Return what is wrong with features, which name no images, and each value that is no number."""
    import numpy as np
    from MammoRadiomicsLib import cohort_check, tables

    names = featureNames(rows[:1])
    others = [{column: cell for column, cell in row.items() if column not in names} for row in rows]
    found = cohort_check.check(others, folder, numbers=numbers)
    found = [each for each in found if each.column not in ("image", "mask")]
    severity = cohort_check.ERROR if missing == "refuse" else cohort_check.WARNING
    table = tables.feature_table(rows, "", finite=False)
    for i, j in np.argwhere(np.isnan(table.values)):
        cell = rows[i][table.names[j]]
        remedy = "Correct it, leave the row out, or choose how missing values are treated."
        problem = f"{cell!r} is not a finite number."
        found.append(cohort_check.Problem(numbers[i], table.names[j], problem, remedy, severity))
    return found


def featureNames(rows: list[dict[str, str]]) -> tuple[str, ...]:
    """Return the columns of a table that are features."""
    from MammoRadiomicsLib import tables
    from MammoRadiomicsLib.errors import InputError

    try:
        return tables.feature_table(rows, "", finite=False).names
    except InputError:
        return ()
