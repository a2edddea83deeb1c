"""The cohort.csv: one row per outline, and its outcomes beside the features."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError
from .tables import KEY_COLUMNS, PERTURBED, FeatureTable, Row, case_name, read_rows


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
