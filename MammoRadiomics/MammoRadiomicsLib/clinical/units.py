"""From rows of a table to units of analysis: patients, breasts or lesions, each with one value of everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..lesions import her2_class
from ..tables import Row, known_value
from . import columns
from .columns import Variable

UNITS = ("patient", "breast", "lesion")
_KEYS = {
    "patient": ("patient_id",),
    "breast": ("patient_id", "laterality"),
    "lesion": ("patient_id", "laterality", "lesion_id"),
}
UNKNOWN_FISH = "IHC 2+ without FISH"


@dataclass(frozen=True)
class Units:
    """One row per unit of analysis.

    Parameters
    ----------
    unit : {"patient", "breast", "lesion"}
        What a row is.
    rows : tuple of dict
        The one known value of each column that was asked for, empty where no row of the unit has one.
    patients : numpy.ndarray
        Shape (n,), text: whose each is.
    excluded : tuple of dict
        How many units were left out: ``reason``, ``column`` and ``units``; no names of patients.
    table_rows : int
        Rows of the table.
    """

    unit: str
    rows: tuple[Row, ...]
    patients: np.ndarray
    excluded: tuple[dict, ...]
    table_rows: int

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        return [row[name] for row in self.rows]


def with_her2(rows: list[Row]) -> list[Row]:
    """Return rows with a column her2, by the 2018 rule from her2_ihc and her2_fish where the table has only these."""
    if "her2" in rows[0] or "her2_ihc" not in rows[0]:
        return rows
    return [row | {"her2": her2_class(row["her2_ihc"], row.get("her2_fish", ""))} for row in rows]


def gather(rows: list[Row], unit: str, always: tuple[str, ...] = ()) -> tuple[Units, list[Variable], dict[str, str]]:
    """Join the rows of each unit, which must agree in every column that is analysed.

    Parameters
    ----------
    rows : list of dict
        With patient_id, and laterality where the unit needs it.
    unit : {"patient", "breast", "lesion"}
        Of a lesion an empty lesion_id is 1.
    always : tuple of str
        Columns that must be constant whatever they hold: outcome and split.

    Returns
    -------
    Units
        Contradicting ones are left out and counted.
    list of Variable
        The columns that can be analysed, `always` not among them.
    dict
        Why each other column cannot, by name.

    Raises
    ------
    InputError
        When a column that the unit needs is missing, or no unit is left.
    """
    groups = _group(rows, unit)
    names = [name for name in rows[0] if name not in columns.KEYS and name not in always]
    values = {name: _values(rows, groups, name) for name in [*always, *names]}
    usable, unusable = _usable(names, values)
    kept: list[tuple[int, str]] = []
    contradicted: Counter[str] = Counter()
    for i, members in enumerate(groups.values()):
        clash = [name for name in [*always, *usable] if len(values[name][i]) > 1]
        if clash:
            contradicted[", ".join(clash)] += 1
        else:
            kept.append((i, rows[members[0]]["patient_id"]))
    excluded = [{"reason": "contradicting values", "column": name, "units": n} for name, n in contradicted.items()]
    if not kept:
        raise InputError(f"No {unit} is left: all rows of one {unit} must agree. Choose a smaller unit with --unit.")
    merged = [{name: next(iter(values[name][i]), "") for name in [*always, *usable]} for i, _ in kept]
    found = Units(unit, tuple(merged), np.array([patient for _, patient in kept]), tuple(excluded), len(rows))
    return found, *_variables(found, usable, unusable)


def _group(rows: list[Row], unit: str) -> dict[tuple[str, ...], list[int]]:
    for name in _KEYS[unit]:
        if name not in rows[0] and (name == "patient_id" or (name == "laterality" and unit == "breast")):
            raise InputError(f"The table has no column {name}. Name the one that holds it: --columns {name}=THEIRS.")
        empty = sum(not row.get(name) for row in rows)
        if empty and (name == "patient_id" or (name == "laterality" and unit == "breast")):
            raise InputError(f"{empty} rows of the table have no {name}. Every row needs one.")
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, row in enumerate(rows):
        key = tuple(row.get(name) or ("1" if name == "lesion_id" else "") for name in _KEYS[unit])
        groups.setdefault(key, []).append(i)
    return groups


def _values(rows: list[Row], groups: dict, name: str) -> list[set[str]]:
    """Return the different known values that each unit has in a column."""
    if name not in rows[0]:
        raise InputError(f"The table has no column {name!r}. It has {', '.join(rows[0])}.")
    cells = [known_value(row[name]) for row in rows]
    return [{cells[i] for i in members if cells[i]} for members in groups.values()]


def _usable(names: list[str], values: dict[str, list[set[str]]]) -> tuple[list[str], dict[str, str]]:
    """Tell columns that can be analysed from those that cannot; of contradicting values any one serves here."""
    usable, unusable = [], {}
    for name in names:
        try:
            columns.variable(name, [min(found, default="") for found in values[name]])
            usable.append(name)
        except InputError as reason:
            unusable[name] = str(reason)
    return usable, unusable


def _variables(found: Units, usable: list[str], unusable: dict[str, str]) -> tuple[list[Variable], dict[str, str]]:
    """Read the columns again, over the units that are left."""
    variables = []
    for name in usable:
        try:
            variables.append(columns.variable(name, found.column(name)))
        except InputError as reason:
            unusable[name] = str(reason)
    return variables, unusable
