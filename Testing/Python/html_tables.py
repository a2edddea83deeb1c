"""Reading a report's page: its tables with the files they name, its text without the pictures."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*[A-Za-z])")


class _Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables: list[tuple[str | None, list[list[str]]]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append((dict(attrs).get("data-file"), []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append("".join(self._cell))
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell.append(data)


def tables_of(page: str) -> list[tuple[str | None, list[list[str]]]]:
    """Return each table's file and its rows of text, the heading first."""
    reader = _Tables()
    reader.feed(page)
    return reader.tables


def markup_of(page: str) -> str:
    """Return a page without the base64 of its pictures, in which any word may turn up."""
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)


def numbers_not_in_their_files(page: Path) -> list[str]:
    """Return, of all tables of a page, the rows whose numbers no row of the file they name has, rounded alike."""
    strange = []
    for file, (head, *rows) in tables_of(page.read_text(encoding="utf-8")):
        with (page.parent / file).open(encoding="utf-8", newline="") as opened:
            of_file = [_Numbers(cells) for cells in csv.reader(opened)]
        plain_head = [name.replace("95% CI", "") for name in head]
        for cells, candidates in [(plain_head, of_file[:1]), *((cells, of_file[1:]) for cells in rows)]:
            found = [
                number
                for cell in cells
                if cell != "per 1" and cell[:1] != "<"
                for number in _NUMBER.findall(cell.replace("_", " "))
            ]
            if not any(all(each.have(number) for number in found) for each in candidates):
                strange.append(f"{file}: {cells}")
    return strange


class _Numbers:
    """The numbers of one row of a file, also those inside its texts."""

    def __init__(self, cells: list[str]):
        self._written = {number for cell in cells for number in _NUMBER.findall(cell.replace("_", " "))}
        self._values = [float(number) for number in self._written]

    def have(self, number: str) -> bool:
        digits = len(number.partition(".")[2])
        return number in self._written or any(
            number in (f"{value:.{digits}f}", f"{value:.4g}") for value in self._values
        )  # fmt: skip
