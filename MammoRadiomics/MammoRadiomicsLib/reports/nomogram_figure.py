"""The nomogram of a combined model on paper."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ..nomogram import LONGEST, Axis, Nomogram, Panel
from ..prediction import outcome_names
from .print_style import BLUE, DOUBLE_MM, GREY, LETTERS, PALE_GREY, VERMILION, add_letter, add_note, for_print, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..trained_model import Model

_ROW_MM, _FRAME_MM = 11, 12
_TITLE_MM = 18
_NAME_CHARACTERS, _LEVEL_CHARACTERS = 26, 22
# Width of a letter on the scale of points, and how far labels may reach to the left of it.
_CHARACTER_POINTS = 1.2
_LEFT = -4.0
_TICK, _LINES = 0.12, 3


@for_print
def nomogram(model: Model) -> Figure:
    """Show the scales of a combined model: points of each value, their total, and what it leads to.

    Parameters
    ----------
    model : Model
        With clinical terms.
    """
    found = Nomogram.of(model)
    title, names = outcome_names(model.outcome)
    rows = len(found.panels[0].axes) + 3
    height = _FRAME_MM + _ROW_MM * rows
    figure = page(DOUBLE_MM, _TITLE_MM + height * len(found.panels))
    first = names.get(found.classes[0], found.classes[0])
    for i, (panel, axes) in enumerate(
        zip(found.panels, figure.subplots(len(found.panels), 1, squeeze=False)[:, 0], strict=True)
    ):
        name = names.get(panel.name, panel.name)
        _draw(
            axes, found, panel, f"Probability of {name}" if len(found.panels) == 1 else f"{name} against {first} alone"
        )
        if len(found.panels) > 1:
            axes.set_title(f"{name} against {first}")
            add_letter(axes, "ABCDEFGH"[i % 8])
    figure.suptitle(f"{title}: nomogram of the combined {model.purpose} model")
    add_note(figure, _note(found, first))
    return figure


def _note(found: Nomogram, first: str) -> str:
    text = (
        "Read off the points of each value on the scale at the top, add them up, and go down from the total. Scales "
        "cover the range of the training. Probabilities hold for the training's prevalence. Not a medical device."
    )
    if len(found.panels) == 1:
        return text
    return (
        f"{text} Each part gives P, the probability against {first} alone; with odds P / (1 - P) of each, the "
        "probability of a class is its odds divided by 1 plus the sum of all odds."
    )


def _draw(axes: Axes, found: Nomogram, panel: Panel, label: str) -> None:
    rows = len(panel.axes) + 3
    axes.set(xlim=(-2, LONGEST + 2), ylim=(rows - 0.45, -0.75))
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks([])
    names = ["Points", *(_name(axis) for axis in panel.axes), "Total points", label]
    axes.set_yticks(range(rows), [textwrap.fill(name, _NAME_CHARACTERS) for name in names])
    axes.tick_params(left=False)
    axes.vlines(range(0, int(LONGEST) + 1, 10), 0, len(panel.axes) + 0.4, color=PALE_GREY, linewidth=0.5)
    _scale(axes, 0, [(f"{points}", float(points)) for points in range(0, int(LONGEST) + 1, 10)], (0, LONGEST), GREY)
    for row, axis in enumerate(panel.axes, start=1):
        if axis.levels:
            _level_scale(axes, row, axis)
        else:
            _scale(axes, row, sorted(axis.ticks, key=lambda tick: tick[1]), (0, axis.longest), BLUE)
    stretch = LONGEST / panel.longest if panel.longest > 0 else 1.0
    step = next((each for each in (10, 20, 25, 50, 100, 200) if panel.longest / each <= 12), 500)
    totals = [(f"{total}", total * stretch) for total in range(0, int(panel.longest) + 1, step)]
    _scale(axes, rows - 2, totals, (0, LONGEST), GREY)
    chances = [(f"{p:g}", total * stretch) for p, total in found.probability_ticks(panel)]
    if chances:
        _scale(axes, rows - 1, chances, (chances[0][1], chances[-1][1]), VERMILION)


def _name(axis: Axis) -> str:
    name = "Radscore" if axis.name == "radscore" else axis.name
    stated = name.endswith((f"({axis.unit})", f"_{axis.unit}"))
    return f"{name} ({axis.unit})" if axis.unit and not stated else name


def _shortened(text: str) -> str:
    return textwrap.shorten(text, _LEVEL_CHARACTERS, placeholder="...")


def _scale(axes: Axes, row: int, ticks: list[tuple[str, float]], ends: tuple[float, float], colour: str) -> None:
    """Draw the scale of a number; labels stand above or below the line, and those without room are left out."""
    axes.hlines(row, *ends, color=colour, linewidth=1.0)
    places = _places(ticks)
    for (text, at), up in zip(ticks, places, strict=True):
        if up:
            _tick(axes, row, at, up, text=text, colour=colour)


def _level_scale(axes: Axes, row: int, axis: Axis) -> None:
    """Draw the scale of a category; without room for its labels they are listed beside it with their points."""
    axes.hlines(row, 0, axis.longest, color=BLUE, linewidth=1.0)
    ticks = sorted(((_shortened(text), points) for text, points in axis.ticks), key=lambda tick: tick[1])
    places = _places(ticks)
    fits = all(places)
    for (text, at), up in zip(ticks, places, strict=True):
        _tick(axes, row, at, up if fits else -1, text=text if fits else "", colour=BLUE)
    if not fits:
        listed = ", ".join(f"{text} {points:.0f}" for text, points in ticks)
        beside = axis.longest < LONGEST / 2
        left, top = (axis.longest + 1.5, row) if beside else (0, row + _TICK)
        lines = textwrap.wrap(listed, int((LONGEST - left) / _CHARACTER_POINTS))[:_LINES]
        axes.text(left, top, "\n".join(lines), ha="left", va="center" if beside else "top", fontsize=LETTERS)


def _places(ticks: list[tuple[str, float]]) -> list[int]:
    """Say where each label of rising ticks stands: -1 above the line, 1 below, 0 where there is no room for it."""
    free, places = {-1: _LEFT, 1: _LEFT}, []
    for text, at in ticks:
        half = _CHARACTER_POINTS * (len(text) + 1) / 2
        up = next((each for each in free if free[each] <= at - half), 0)
        places.append(up)
        if up:
            free[up] = at + half
    return places


def _tick(axes: Axes, row: int, at: float, up: int, *, text: str, colour: str) -> None:
    axes.vlines(at, row, row + up * _TICK, color=colour, linewidth=0.8)
    axes.text(at, row + up * 0.17, text, ha="center", va="bottom" if up < 0 else "top", fontsize=LETTERS)
