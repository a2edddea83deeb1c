"""The tables of the project: CSV rows, and features of many outlines with what is known of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import spreadsheet
from .errors import InputError
from .files import write_atomically

KEY_COLUMNS = ("patient_id", "lesion_id", "laterality", "view", "reader")
ROI_COLUMNS = ("preset", "pixel_spacing_mm", "roi_pixels")
# Rows whose reader starts so are perturbed contours and not a person's.
PERTURBED = "perturbed-"
# What a cell without a value may say.
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "."})
_LARGEST = 1e100
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


def read_rows(path: str | Path) -> list[Row]:
    """Read a table with a header, CSV or Excel, as dicts of stripped text; see :func:`.spreadsheet.read`.

    Raises
    ------
    InputError
        When the file cannot be read as a table, has no rows, or has a row of another length than its header.
    """
    return read_numbered_rows(path)[0]


def read_numbered_rows(path: str | Path) -> tuple[list[Row], list[int]]:
    """Read a table as :func:`read_rows` does, and where each row stands in the file."""
    sheet = spreadsheet.read(path)
    return [dict(zip(sheet.header, line, strict=True)) for line in sheet.lines], sheet.numbers


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


def read_features(path: str | Path, finite: bool = True) -> FeatureTable:
    """Read a features.csv row after row; see :func:`feature_table`."""
    header, lines = spreadsheet.stream(path)
    return _separated(header, lines, Path(path).name, finite)


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
    header = list(rows[0])
    lines = ((number, [row[name] for name in header]) for number, row in enumerate(rows, start=2))
    return _separated(header, lines, what, finite)


def _separated(header: list[str], lines: Iterable[tuple[int, list[str]]], what: str, finite: bool) -> FeatureTable:
    columns = [j for j, name in enumerate(header) if _is_feature(name)]
    if not columns:
        raise InputError(f"{what} has no feature columns such as original_firstorder_Mean. Make it with 'extract'.")
    others = [j for j, name in enumerate(header) if not _is_feature(name)]
    rows, values = [], []
    for number, line in lines:
        numbers = _finite_numbers([line[j] for j in columns])
        if finite and not np.isfinite(numbers).all():
            j = columns[int(np.argmin(np.isfinite(numbers)))]
            raise InputError(
                f"{what}, row {number}, column {header[j]} holds {line[j]!r}, which is not a finite number, "
                "or too large. Correct it or leave the row out."
            )
        values.append(numbers)
        rows.append({header[j]: line[j] for j in others})
    return FeatureTable(rows, tuple(header[j] for j in columns), np.array(values))


def _finite_numbers(cells: list[str]) -> np.ndarray:
    """Return cells as numbers; NaN where one is none, not finite, or so large that its square may not be."""
    try:
        numbers = np.array(cells, dtype=float)
    except ValueError:
        numbers = np.array([finite_number(cell) for cell in cells])
    return np.where(np.abs(numbers) < _LARGEST, numbers, np.nan)


_FEATURE_CLASSES = frozenset({"firstorder", "shape", "shape2D", "glcm", "glrlm", "glszm", "gldm", "ngtdm"})


def _is_feature(name: str) -> bool:
    parts = name.split("_")
    return len(parts) == 3 and parts[1] in _FEATURE_CLASSES


def finite_number(text: str) -> float:
    """Return a cell as a number; NaN where it is none or not finite."""
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def known_value(cell: str) -> str:
    """Return a cell so that equal values are equal text (``52`` for ``52.0``); empty for NA, NaN and the like."""
    if cell.lower() in _MISSING:
        return ""
    number = finite_number(cell)
    return cell if np.isnan(number) else f"{number:.15g}"


def spacing_of(row: Row) -> float | None:
    """Return a row's pixel spacing in mm, None where it does not say; InputError where it is no number."""
    text = row.get("pixel_spacing_mm", "")
    if not text:
        return None
    number = finite_number(text)
    if not number > 0:
        raise InputError(f"{case_name(row)} has the pixel_spacing_mm {text!r}, which is not a number. Correct it.")
    return number


def case_name(row: Row) -> str:
    """Name an outline as a person would: ``Case P012 L-MLO``."""
    side = "-".join(row[column] for column in ("laterality", "view") if row.get(column))
    lesion = f"lesion {row['lesion_id']}" if row.get("lesion_id", "1") not in ("", "1") else ""
    reader = f"reader {row['reader']}" if row.get("reader") else ""
    return " ".join(part for part in ("Case", row.get("patient_id", ""), side, lesion, reader) if part)


def lesion_key(row: Row) -> tuple[str, str, str]:
    """Return patient, laterality and lesion: two breasts of one patient are two lesions, whatever their numbers."""
    return row["patient_id"], row.get("laterality", ""), row.get("lesion_id") or "1"


def rows_by_lesion(rows: list[Row], reader: str = "") -> dict[tuple[str, str, str], dict[str, int]]:
    """Return the indices of each lesion's rows by view, as one reader outlined them.

    Parameters
    ----------
    rows : list of dict
        Of a feature table.
    reader : str
        Whose outlines; empty for the reader who comes first in the table.

    Raises
    ------
    InputError
        When there is no such reader, a row has no patient_id, or a lesion has two rows of one view.
    """
    readers = dict.fromkeys(row.get("reader", "") for row in rows)
    reader = reader or next(iter(readers))
    if reader not in readers:
        raise InputError(f"The table has no reader {reader!r}; it has {', '.join(filter(None, readers)) or 'one'}.")
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
