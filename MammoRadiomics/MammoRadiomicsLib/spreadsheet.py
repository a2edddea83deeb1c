"""Tables as strangers save them, as rows of text: CSV with any usual delimiter and Unicode encoding, and Excel.

Refused rather than guessed: text in an encoding that the file does not name. A wrong guess would change the letters of
patients' codes and of paths without a word.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DependencyError, InputError

MOST_BYTES = 4 << 30
_BEGINNING = 1 << 20
MOST_COLUMNS = 50_000
# Excel's own limit; a longer cell is a quotation mark that was never closed.
LONGEST_CELL = 32_767
# An Excel file is compressed: a small one can unpack to anything.
MOST_UNPACKED_BYTES = 1 << 30
_DELIMITERS = ",;\t|"
_EXCEL, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?\d+([eE][+-]?\d+)?")
_CSV_REMEDY = 'Save it as "CSV UTF-8", or give the Excel file itself.'


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Parameters
    ----------
    header : list of str
        Names of the columns.
    lines : list of list of str
        Stripped cells of each row that is not blank.
    numbers : list of int
        Where each row stands in the file, as a spreadsheet counts: the header is usually row 1.
    """

    header: list[str]
    lines: list[list[str]]
    numbers: list[int]


def read(path: str | Path) -> Sheet:
    """Read a CSV file or the first visible sheet of an Excel file (.xlsx), whatever its suffix.

    Commas, semicolons, tabs and bars delimit; UTF-8 and, with its byte order mark, UTF-16 are understood. Where the
    delimiter is no comma, columns of numbers may have decimal commas. Formulas count with their stored value and are
    never computed.

    Raises
    ------
    InputError
        When the file cannot be read as a table, has no rows, or has a row of another length than its header.
    DependencyError
        For an Excel file without openpyxl.
    """
    header, lines, has_decimal_points = _open(Path(path))
    sheet = Sheet(header, [], [])
    for number, line in lines:
        sheet.numbers.append(number)
        sheet.lines.append(line)
    if not has_decimal_points:
        _replace_decimal_commas(sheet)
    return sheet


def stream(path: str | Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the header and yield the rows of a table with their numbers, for tables too large to be kept as text.

    Rows are as :func:`read` gives them, and so is what it raises, if only once a row is reached.
    """
    header, lines, has_decimal_points = _open(Path(path))
    if has_decimal_points:
        return header, lines
    sheet = read(path)
    return sheet.header, zip(sheet.numbers, sheet.lines, strict=True)


def _open(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]], bool]:
    """Return header, rows with their numbers, and whether numbers can only have decimal points."""
    data = _content(path)
    if data.startswith(_OLD_EXCEL):
        raise InputError(f"The table {path.name} is in the old Excel format. Save it as .xlsx or CSV UTF-8.")
    if data.startswith(_EXCEL):
        numbered: Iterator[tuple[int, list[str]]] = enumerate(_excel_lines(data, path.name), start=1)
        delimiter = ","
    else:
        encoding, beginning = _encoding_of(data, path.name)
        delimiter, is_stated = _delimiter_of(beginning)
        numbered = _csv_lines(io.TextIOWrapper(io.BytesIO(data), encoding, newline=""), delimiter, path.name)
        if is_stated:
            next(numbered)
    filled = ((number, line) for number, line in numbered if any(line))
    _, header = next(filled, (0, []))
    header = _without_empty_tail(header)
    _check_header(header, path.name)
    return header, _checked(filled, len(header), path.name), delimiter == ","


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"The table {path.name} has more than {MOST_BYTES >> 30} GB. Split it.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"The table {path} cannot be read ({error.strerror}). Check the path.") from error


def _encoding_of(data: bytes, name: str) -> tuple[str, str]:
    """Return the encoding of a text and its beginning."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"The table {name} is not UTF-8 text (line {row}). {_CSV_REMEDY}") from error
    if "\0" in text:
        raise InputError(f"The table {name} is not a text file. {_CSV_REMEDY}")
    return encoding, text[:_BEGINNING]


def _delimiter_of(beginning: str) -> tuple[str, bool]:
    """Return the delimiter, and whether a line of Excel's, ``sep=;``, states it; else it is the header's commonest."""
    stated = re.match(r"sep=(.)\r?\n", beginning)
    if stated:
        return stated[1], True
    header = re.sub(r'"[^"]*"', "", next((line for line in beginning.splitlines() if line.strip()), ""))
    return max(_DELIMITERS, key=header.count), False


def _csv_lines(text: Iterable[str], delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    try:
        for number, line in enumerate(csv.reader(text, delimiter=delimiter), start=1):
            yield number, [cell.strip() for cell in line]
    except (csv.Error, TypeError) as error:
        raise InputError(f"The table {name} is not a CSV file ({error}). {_CSV_REMEDY}") from error


def _checked(numbered: Iterable[tuple[int, list[str]]], columns: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield rows that have a cell for every column, and none beyond."""
    number = None
    for number, line in numbered:
        cells = line[:columns] + _without_empty_tail(line[columns:])
        if len(cells) != columns:
            raise InputError(
                f"Row {number} of {name} has {len(cells)} cells, the header {columns}. "
                "Add or delete cells, and look for a quotation mark that is missing."
            )
        if len(max(cells, key=len)) > LONGEST_CELL:
            raise InputError(
                f"Row {number} of {name} has a cell of more than {LONGEST_CELL} characters. "
                "Look for a quotation mark that is not closed."
            )
        yield number, cells
    if number is None:
        raise InputError(f"The table {name} has no rows. Check that it is the right file, and complete.")


def _without_empty_tail(line: list[str]) -> list[str]:
    while line and not line[-1]:
        line = line[:-1]
    return line


def _check_header(header: list[str], name: str) -> None:
    if len(header) > MOST_COLUMNS:
        raise InputError(
            f"The table {name} has {len(header)} columns; more than {MOST_COLUMNS} are not read. Split it."
        )
    if "" in header:
        raise InputError(f"Column {header.index('') + 1} of {name} has no name. Name it or delete it.")
    twice, times = Counter(header).most_common(1)[0] if header else ("", 0)
    if times > 1:
        raise InputError(f"The table {name} has two columns of the same name ({twice[:50]}). Rename one.")


def _replace_decimal_commas(sheet: Sheet) -> None:
    """Write 0.07 for 0,07 in every column that holds nothing but numbers."""
    for j in range(len(sheet.header)):
        cells = [line[j] for line in sheet.lines if line[j]]
        with_comma = [cell for cell in cells if "," in cell]
        if with_comma and all((_DECIMAL_COMMA if "," in cell else _NUMBER).fullmatch(cell) for cell in cells):
            for line in sheet.lines:
                line[j] = line[j].replace(",", ".")


def _excel_lines(data: bytes, name: str) -> list[list[str]]:
    """Return the cells of a workbook's first visible sheet as text, a formula as the value stored with it."""
    lines, formulas = _excel_cells(data, name, stored_values=False)
    if not formulas:
        return lines
    lines, _ = _excel_cells(data, name, stored_values=True)
    # Excel stores a value with every formula, an empty one too; scripts that write formulas store none at all.
    if not any(lines[row][column] for row, column in formulas):
        raise InputError(
            f"Row {formulas[0][0] + 1} of {name} has a formula whose value was never stored. "
            "Open the file in Excel and save it, or replace formulas by their values."
        )
    return lines


def _excel_cells(data: bytes, name: str, stored_values: bool) -> tuple[list[list[str]], list[tuple[int, int]]]:
    """Return the text of every cell, and the positions of those that are formulas."""
    lines, formulas = [], []
    for row, cells in enumerate(_open_sheet(data, name, stored_values)):
        lines.append([_as_text(cell.value) for cell in cells])
        formulas += [(row, column) for column, cell in enumerate(cells) if cell.data_type == "f"]
    return lines, formulas


def _open_sheet(data: bytes, name: str, stored_values: bool) -> Iterator[Any]:
    """Yield the rows of openpyxl's cells."""
    try:
        import openpyxl
    except ImportError as error:
        raise DependencyError("Reading Excel files needs the Python package openpyxl. Install it with pip.") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and validations that it does not know
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > MOST_UNPACKED_BYTES:
                raise InputError(
                    f"The Excel file {name} unpacks to more than {MOST_UNPACKED_BYTES >> 20} MB. Split it."
                )
            workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=stored_values)
            sheet = next(sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible")
            yield from sheet.iter_rows()
        except InputError:
            raise
        except Exception as error:  # a damaged file raises whatever its damage leads to
            raise InputError(
                f"The table {name} is no readable Excel file. Open it in Excel and save it anew."
            ) from error


def _as_text(value: Any) -> str:
    """Write a cell as a person would type it: 1 and not 1.0, 2024-05-31 and no time at midnight."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    return str(value).strip()
