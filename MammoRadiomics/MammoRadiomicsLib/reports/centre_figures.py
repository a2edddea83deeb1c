"""Figure of how well a model does in each scanner or centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import centres
from .print_style import (
    BLUE,
    DOUBLE_MM,
    LIGHT_GREY,
    ORANGE,
    PALE_GREY,
    SKY,
    VERMILION,
    add_note,
    for_print,
    page,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Filled where nothing was harmonised.
_STYLES = {
    centres.LEFT_OUT: (VERMILION, "s", True),
    centres.TRANSDUCTIVE: (ORANGE, "D", False),
    centres.WITHIN: (BLUE, "o", True),
    centres.HARMONISED: (SKY, "o", False),
}
_LINE_MM, _GAP = 4.2, 0.6


@for_print
def performance(rows: list[dict], column: str) -> Figure:
    """Show the AUC with its interval by centre and kind of evidence, a column of axes for each class.

    Parameters
    ----------
    rows : list of dict
        As :func:`.centres.performance` returns them.
    column : str
        The table's name of scanner or centre.
    """
    names = list(dict.fromkeys(row["centre"] for row in rows))
    classes = list(dict.fromkeys(row["class"] for row in rows if row["class"]))
    kinds = [kind for kind in _STYLES if any(row["evidence"] == kind and row["class"] for row in rows)]
    step = len(kinds) + _GAP
    figure = page(DOUBLE_MM, 34 + _LINE_MM * step * len(names))
    lowest = min((row["low"] for row in rows if row["low"] != ""), default=0.5)
    for axes, label in zip(figure.subplots(1, len(classes), sharey=True, squeeze=False)[0], classes, strict=True):
        found = {(row["centre"], row["evidence"]): row for row in rows if row["class"] == label}
        for i, name in enumerate(names):
            for j, kind in enumerate(kinds):
                _draw(axes, i * step + j, found.get((name, kind)), kind)
        axes.axvline(0.5, color=LIGHT_GREY, linewidth=0.8, zorder=0)
        axes.set(xlabel="AUC", xlim=(min(0.4, lowest - 0.02), 1.01), title=f"{label} against the rest")
        axes.set_yticks(np.arange(len(names)) * step + (len(kinds) - 1) / 2, [_named(name, found) for name in names])
        axes.set_ylim(len(names) * step - _GAP - 0.4, -0.6)
        axes.grid(axis="x", color=PALE_GREY, linewidth=0.5)
        axes.spines["left"].set_visible(False)
    _explain(figure, kinds, f"AUC by {column}: trained without it, and cross-validated with it")
    return figure


def _named(name: str, found: dict) -> str:
    row = next((found[name, kind] for kind in (centres.WITHIN, centres.LEFT_OUT) if (name, kind) in found), None)
    return name if row is None else f"{name}\nn = {row['lesions']}"


def _draw(axes: Axes, height: float, row: dict | None, kind: str) -> None:
    colour, marker, filled = _STYLES[kind]
    text = "not run" if row is None else "too few"
    if row is not None and row["auc"] != "":
        text = f"{row['auc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1)
        face = colour if filled else "white"
        axes.plot(row["auc"], height, marker, color=colour, markerfacecolor=face, markersize=4)
    place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(text, (1.02, height), va="center", **place)


def _explain(figure: Figure, kinds: list[str], title: str) -> None:
    """Say what the marks are, above the axes, and what stands behind them, below."""
    from matplotlib.lines import Line2D

    handles = []
    for kind in kinds:
        colour, marker, filled = _STYLES[kind]
        face = colour if filled else "white"
        handles.append(Line2D([], [], color=colour, marker=marker, markerfacecolor=face, markersize=4, linewidth=1))
    figure.legend(handles, kinds, loc="outside upper center", ncols=len(kinds), title=title, title_fontsize=8.5)
    add_note(figure, "Left out: trained on the other centres. Transductive: ComBat saw the centre's own rows, without "
             "outcomes. Beside each name: its lesions. Intervals of 95%: DeLong for a centre left out with one lesion "
             "a patient, else patient bootstrap, models held fixed; not adjusted for the number of centres. Numbers: "
             "centres.csv.")  # fmt: skip
