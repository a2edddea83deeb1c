"""What a clinical analysis has left in its folder, as plain tables and curves for whoever shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..curves import BLUE, DASHED, GREY, MARKED, Chart, Curve
from ..errors import InputError
from ..tables import Row, finite_number, read_rows

TABLES = {
    "table1_outcome": "Table 1 by outcome", "table1_split": "Table 1 by split", "univariable": "One variable at a time",
    "full_model": "Full model", "screened_model": "Screened model", "variable_tests": "Tests of variables",
    "brant": "Brant's test",
}  # fmt: skip
# Beyond these an odds ratio says no more than that it is extreme.
_LEAST, _MOST = 0.01, 100.0
_MOST_NAMED = 24


def tables_of(folder: str | Path) -> dict[str, list[Row]]:
    """Return the tables that a person reads, by their titles.

    Raises
    ------
    InputError
        When the folder has none.
    """
    paths = {title: Path(folder) / f"{name}.csv" for name, title in TABLES.items()}
    found = {title: read_rows(path) for title, path in paths.items() if path.is_file()}
    if not found:
        raise InputError(f"{folder} has no clinical tables. Make them with 'clinical'.")
    return found


def charts_of(folder: str | Path) -> list[Chart]:
    """Return the odds ratios of the full model with their 95% intervals, a chart for each contrast.

    Raises
    ------
    InputError
        When a table of the folder is not one of a clinical analysis.
    """
    path = Path(folder) / "full_model.csv"
    rows = read_rows(path) if path.is_file() else []
    try:
        contrasts = dict.fromkeys((row["contrast"], row["against"]) for row in rows)
        parts = [[row for row in rows if (row["contrast"], row["against"]) == each] for each in contrasts]
        return [_chart(i, part) for i, part in enumerate(parts)]
    except KeyError as error:
        raise InputError(f"{path} is no table of a clinical analysis. Make it again.") from error


def _chart(i: int, rows: list[Row]) -> Chart:
    curves = []
    for height, row in enumerate(reversed(rows), start=1):
        ratio, low, high = (finite_number(row[name]) for name in ("odds_ratio", *_interval(row)))
        x = np.clip([low, ratio, high], _LEAST, _MOST)
        if np.isfinite(x).all():
            certain = low > 1 or high < 1
            curves.append(Curve(_name(row), x, np.full(3, float(height)), BLUE if certain else GREY, MARKED))
    curves.append(Curve("no difference", np.ones(2), np.array([0.0, len(rows) + 1.0]), GREY, DASHED))
    title = f"Odds ratios, full model: {rows[0]['contrast']}"
    named = len(rows) <= _MOST_NAMED
    x_title, y_title = "Odds ratio (95% interval)", "Variables, from the last to the first"
    heights = (0.0, len(rows) + 1.0)
    return Chart(f"odds {i}" if i else "odds", title, x_title, y_title, tuple(curves), None, heights, True, named)


def _interval(row: Row) -> tuple[str, str]:
    """Return the columns of the interval: the profile likelihood's where it was found."""
    return ("profile_low", "profile_high") if row["profile_low"] and row["profile_high"] else ("wald_low", "wald_high")


def _name(row: Row) -> str:
    return f"{row['variable']} {row['level']} against {row['reference']}" if row["level"] else row["variable"]
