"""Table 1: what the groups of a study are like at baseline."""

from __future__ import annotations

import numpy as np

from . import comparisons
from .columns import Variable

OVERALL = "all"
MISSING = "missing"


def table(variables: list[Variable], by: str, groups: dict[str, np.ndarray], apart: dict[str, np.ndarray]) -> dict:
    """Return Table 1 as numbers.

    Parameters
    ----------
    variables : list of Variable
        Its rows.
    by : str
        What divides the units: a column.
    groups : dict
        Which units each compared group has, masks of shape (n,).
    apart : dict
        Groups that are shown and not compared, such as units whose outcome is unknown.

    Returns
    -------
    dict
        ``by``, ``groups`` (units of each, the overall one first and of the compared groups only), ``compared``, and
        ``variables``: each with levels or summary, missing values, ``difference``, ``test``, ``statistic``, ``p``.
    """
    # With the column's name in front no group can be called as another column of the table.
    groups = {f"{by} {name}": mask for name, mask in groups.items()}
    masks = {OVERALL: np.any(list(groups.values()), axis=0), **groups, **apart}
    return {
        "by": by,
        "groups": {name: int(mask.sum()) for name, mask in masks.items()},
        "compared": list(groups),
        "variables": [_describe(each, masks, list(groups)) for each in variables],
    }


def _describe(variable: Variable, masks: dict[str, np.ndarray], compared: list[str]) -> dict:
    describe = _describe_category if variable.levels else _describe_quantity
    missing = {name: int((mask & ~variable.known).sum()) for name, mask in masks.items()}
    return {"variable": variable.name, "time": variable.time, "missing": missing} | describe(variable, masks, compared)


def _describe_category(variable: Variable, masks: dict[str, np.ndarray], compared: list[str]) -> dict:
    counts = {
        name: np.array([np.count_nonzero(variable.values[mask] == i) for i in range(len(variable.levels))])
        for name, mask in masks.items()
    }
    found = comparisons.categories(np.column_stack([counts[name] for name in compared]))
    levels = [
        {
            "level": level,
            "counts": {name: int(of_group[i]) for name, of_group in counts.items()},
            "percent": {name: _percent(of_group[i], of_group.sum()) for name, of_group in counts.items()},
        }
        for i, level in enumerate(variable.levels)
    ]
    return {"kind": "category", "levels": levels} | vars(found)


def _percent(count: int, total: int) -> float | None:
    return float(100 * count / total) if total else None


def _describe_quantity(variable: Variable, masks: dict[str, np.ndarray], compared: list[str]) -> dict:
    values = {name: variable.values[mask & variable.known] for name, mask in masks.items()}
    found = comparisons.quantities([values[name] for name in compared])
    normal = all(comparisons.near_normal(values[name]) for name in compared if values[name].size)
    summaries = {name: _summary(of_group) for name, of_group in values.items()}
    return {"kind": "quantity", "shown": "mean (SD)" if normal else "median (IQR)", "summary": summaries} | vars(found)


def _summary(values: np.ndarray) -> dict[str, float | int | None]:
    if not values.size:
        return {"n": 0}
    low, middle, high = (float(each) for each in np.percentile(values, (25, 50, 75)))
    spread = float(values.std(ddof=1)) if values.size > 1 else None
    return {"n": int(values.size), "mean": float(values.mean()), "sd": spread, "median": middle, "q1": low, "q3": high}


def as_rows(found: dict) -> list[dict]:
    """Return Table 1 as it is printed: a row for each level, quantity, and number of missing values.

    Parameters
    ----------
    found : dict
        As :func:`table` returns it.
    """
    headings = {name: f"{name} (n = {count})" for name, count in found["groups"].items()}
    return [row for each in found["variables"] for row in _rows_of(each, headings)]


def _rows_of(described: dict, headings: dict[str, str]) -> list[dict]:
    """Return the rows of one variable; `headings` by group."""
    name = described["variable"]
    if described["kind"] == "quantity":
        cells = {head: _in_words(described["summary"][group], described["shown"]) for group, head in headings.items()}
        lines = [(described["shown"], cells)]
    else:
        lines = [
            (level["level"], {head: _share(level, group) for group, head in headings.items()})
            for level in described["levels"]
        ]
    if any(described["missing"].values()):
        lines.append((MISSING, {head: str(described["missing"][group]) for group, head in headings.items()}))
    return [_row(name, level, cells, described if i == 0 else {}) for i, (level, cells) in enumerate(lines)]


def _row(name: str, level: str, cells: dict[str, str], tested: dict) -> dict:
    difference = tested.get("difference")
    return {
        "variable": name,
        "level": level,
        **cells,
        "standardised difference": "" if difference is None else f"{difference:.3f}",
        "P": p_in_words(tested.get("p")),
        "test": tested.get("test", ""),
    }


def p_in_words(p: float | None) -> str:
    """Return a P value with three decimals; empty where there is none."""
    if p is None or np.isnan(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _share(level: dict, group: str) -> str:
    count, percent = level["counts"][group], level["percent"][group]
    return f"{count}" if percent is None else f"{count} ({percent:.1f}%)"


def _in_words(summary: dict, shown: str) -> str:
    if not summary["n"]:
        return ""
    if shown == "mean (SD)":
        spread = "-" if summary["sd"] is None else f"{summary['sd']:.3g}"
        return f"{summary['mean']:.4g} ({spread})"
    return f"{summary['median']:.4g} ({summary['q1']:.4g} to {summary['q3']:.4g})"
