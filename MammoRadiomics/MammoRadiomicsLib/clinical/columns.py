"""Clinical columns: when each is known, whether it is a quantity or a category, and the order of its levels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..lesions import HER2_CLASSES
from ..tables import Row, finite_number, known_value

IMAGING, BIOPSY, SURGERY, NOT_STATED = "imaging", "biopsy", "surgery", "not stated"
TIMES = (IMAGING, BIOPSY, SURGERY)
MOST_LEVELS = 12
# Numbers with no more different values than this are codes of levels, as grade 1 to 3.
_FEWEST_QUANTITIES = 7
_FEWEST_NUMBERED_UNITS = 20
_ORDERS = (HER2_CLASSES,)
# Who and where, not what: never analysed.
KEYS = frozenset(
    "patient_id lesion_id laterality view reader image mask label pixel_spacing_mm preset roi_pixels".split()  # noqa: SIM905
)
# When each is known; names as :func:`plain_name` writes them. The first of a line is the study's variable.
_KNOWN = {
    IMAGING: (
        "age age_years", "ethnicity nationality ethnic_group", "menopause menopausal_status postmenopausal",
        "lesion_size tumor_size tumour_size size_mm size_cm diameter_mm", "breast_density density birads_density",
        "mass_shape lump_shape shape", "mass_margin margin edge_of_the_tumor", "mass_density",
        "architectural_distortion distortion structural_distortion", "calcification calcifications abnormality",
        "skin_changes skin_change skin_thickening",
        "birads bi_rads", "family_history", "bmi", "sex", "scanner manufacturer model_name", "centre center site",
    ),
    BIOPSY: (
        "histological_grade grade histological_grading tumor_grade", "er er_expression er_status",
        "pr pr_expression pr_status", "her2 her2_expression her2_status", "ki67 ki67_expression ki_67",
        "ck5_6 ck56 ck56_expression", "her2_ihc", "her2_fish", "subtype molecular_subtype", "classification",
        "histology histological_type",
    ),
    SURGERY: (
        "slnm sentinel_lymph_node_metastasis sentinel_lymph_node_status sln_status",
        "vascular_tumor_thrombus vascular_thrombus lymphovascular_invasion lvi", "nerve_invasion perineural_invasion",
        "clinical_stage stage clinical_staging tnm_stage", "pt pt_stage", "pn pn_stage", "nodes_positive",
    ),
}  # fmt: skip
_TIME_OF = {name: time for time, lines in _KNOWN.items() for line in lines for name in line.split()}
_FIRST_OF = {name: line.split()[0] for lines in _KNOWN.values() for line in lines for name in line.split()}
# The variables of the study's Tables 2 and 3.
STUDY = frozenset(
    {"age", "ethnicity", "menopause", "lesion_size", "histological_grade", "vascular_tumor_thrombus", "er", "pr"}
    | {"nerve_invasion", "slnm", "her2", "ki67", "ck5_6", "clinical_stage", "breast_density", "mass_shape"}
    | {"mass_margin", "mass_density", "architectural_distortion", "calcification", "skin_changes"}
)


# Outcomes that a column tells by definition, so that it explains nothing about them.
_OF_SUBTYPE = ("er", "pr", "her2", "ki67")
TOLD_BY = {"her2_ihc": ("her2",), "her2_fish": ("her2",), "subtype": _OF_SUBTYPE} | dict.fromkeys(
    _OF_SUBTYPE, ("subtype",)
)


@dataclass(frozen=True)
class Variable:
    """One clinical column over the units of analysis.

    Parameters
    ----------
    name : str
        As the table calls it.
    time : {"imaging", "biopsy", "surgery", "not stated"}
        When it is known.
    values : numpy.ndarray
        Shape (n,), float64: the number of a quantity, the index into `levels` of a category; NaN where missing.
    levels : tuple of str
        Of a category, in their order; empty for a quantity.
    """

    name: str
    time: str
    values: np.ndarray
    levels: tuple[str, ...] = ()

    @property
    def known(self) -> np.ndarray:
        """Which units have a value, shape (n,)."""
        return ~np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Variable:
        """Return the column of some units, by index or mask."""
        return replace(self, values=self.values[rows])


def plain_name(name: str) -> str:
    """Return a column's name in lower case, without a unit in brackets: ``Ki67 (%)`` is ``ki67``."""
    return re.sub(r"\W+", "_", re.sub(r"\(.*?\)", "", name).strip().lower()).strip("_")


def time_of(name: str, stated: dict[str, str] | None = None) -> str:
    """Return when a column is known: as the user states, else as this file knows, else ``not stated``."""
    return (stated or {}).get(name) or _TIME_OF.get(plain_name(name), NOT_STATED)


def study_name(name: str) -> str:
    """Return what this library calls a known column, whatever the table calls it; empty for others."""
    return _FIRST_OF.get(plain_name(name), "")


def is_of_study(name: str) -> bool:
    """Return whether a column is one of the study's variables."""
    return study_name(name) in STUDY


def variable(name: str, cells: list[str], time: str = NOT_STATED) -> Variable:
    """Read a column's cells, one a unit.

    Raises
    ------
    InputError
        When it is neither a quantity nor a category; the reason never shows a value.
    """
    cells = [known_value(cell) for cell in cells]
    found = Counter(filter(None, cells))
    numbers = np.array([finite_number(cell) if cell else np.nan for cell in cells])
    if found and np.isfinite(numbers).sum() == sum(found.values()) and len(found) >= _FEWEST_QUANTITIES:
        if _looks_like_codes(found):
            raise InputError(f"{name} has another whole number in every row, as codes of patients have")
        return Variable(name, time, numbers)
    if len(found) < 2:
        raise InputError(f"{name} has {'one value only' if found else 'no values'}")
    if len(found) > MOST_LEVELS or 2 * len(found) > sum(found.values()):
        strange = sum(times for cell, times in found.items() if np.isnan(finite_number(cell)))
        if 10 * strange <= sum(found.values()):
            raise InputError(f"{name} has {strange} cells that are no finite numbers, all others are; correct them")
        raise InputError(f"{name} has {len(found)} different texts in {sum(found.values())} rows, too many for levels")
    levels = in_order(found)
    codes = {level: float(i) for i, level in enumerate(levels)}
    return Variable(name, time, np.array([codes.get(cell, np.nan) for cell in cells]), levels)


def _looks_like_codes(found: Counter) -> bool:
    rows = sum(found.values())
    return len(found) == rows >= _FEWEST_NUMBERED_UNITS and all(float(cell).is_integer() for cell in found)


def in_order(levels: Collection[str]) -> tuple[str, ...]:
    """Return levels in the order that a table shows them: a known one, by number, else by text."""
    for order in _ORDERS:
        if set(levels) <= set(order):
            return tuple(level for level in order if level in levels)
    numbers = {level: finite_number(level) for level in levels}
    return tuple(sorted(levels, key=lambda level: (np.isnan(numbers[level]), np.nan_to_num(numbers[level]), level)))


def renamed(rows: list[Row], mapping: dict[str, str]) -> list[Row]:
    """Return rows with other people's column names replaced by ours.

    Parameters
    ----------
    rows : list of dict
        As :func:`~..tables.read_rows` gives them.
    mapping : dict
        Their name by ours.

    Raises
    ------
    InputError
        When the table has no such column, or already has one of the new name.
    """
    theirs = {old: new for new, old in mapping.items()}
    for new, old in mapping.items():
        if old not in rows[0]:
            raise InputError(f"The table has no column {old!r} to be taken for {new}. It has {', '.join(rows[0])}.")
        if new in rows[0] and new not in theirs:
            raise InputError(f"The table has a column {new} already; {old!r} cannot be taken for it too.")
    return [{theirs.get(name, name): cell for name, cell in row.items()} for row in rows]
