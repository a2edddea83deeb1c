"""The cohort.csv: one row per outline, and its outcomes beside the features."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError
from .tables import KEY_COLUMNS, PERTURBED, FeatureTable, Row, case_name, read_numbered_rows


def read_cohort(path: str | Path) -> list[Row]:
    """Read a cohort.csv; paths of images and masks become absolute.

    Raises
    ------
    InputError
        When the table is unusable or a row has no patient_id.
    """
    path = Path(path)
    rows, numbers = read_numbered_rows(path)
    for number, row in zip(numbers, rows, strict=True):
        if not row.get("patient_id"):
            raise InputError(f"Row {number} of {path.name} has no patient_id. Every row needs one.")
    return located(rows, path.parent)


def located(rows: list[Row], folder: str | Path) -> list[Row]:
    """Return rows with absolute paths of images and masks, which are relative to `folder`, and with a lesion_id."""
    folder = Path(folder).absolute()
    return [
        row
        | {"lesion_id": row.get("lesion_id") or "1"}
        | {column: str(locate(row[column], folder)) for column in ("image", "mask") if row.get(column)}
        for row in rows
    ]


def locate(name: str, folder: Path) -> Path:
    """Return where a file of a cohort is; a table from Windows may write its folders with backslashes."""
    path = folder / name
    if "\\" in name and not is_file(path):
        path = folder / name.replace("\\", "/")
    return path


def is_file(path: Path) -> bool:
    """Whether there is a file; what no file can be called is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def with_cohort(table: FeatureTable, cohort: list[Row]) -> FeatureTable:
    """Add the cohort's outcomes and clinical columns to a feature table, matched by patient, lesion, view and reader.

    A perturbed outline takes those of any outline of its lesion.

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
    of_any_reader = {key[:-1]: row for key, row in by_key.items()}
    joined = []
    for row in table.rows:
        perturbed = row.get("reader", "").startswith(PERTURBED)
        found = of_any_reader.get(_key(row)[:-1]) if perturbed else by_key.get(_key(row))
        if found is None:
            raise InputError(f"{case_name(row)} has features but no row in the cohort. Use the cohort it came from.")
        joined.append({**found, **row})
    return FeatureTable(joined, table.names, table.values)


def _key(row: Row) -> tuple[str, ...]:
    """Return what tells an outline from others; the reader comes last."""
    return tuple(row.get(column) or ("1" if column == "lesion_id" else "") for column in KEY_COLUMNS)
