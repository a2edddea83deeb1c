"""Forest plots: odds ratios with their intervals, a figure for each contrast."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..reports.print_style import (
    BLUE,
    DOUBLE_MM,
    GREY,
    LETTERS,
    LIGHT_GREY,
    ORANGE,
    add_note,
    for_print,
    legend_below,
    name_bars,
    page,
)
from .baseline import p_in_words
from .outcomes import ORDINAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_MM = 4.6
_LONGEST_NAME = 46
_LARGEST_SHOWN = 999
# Beyond these an arrow says that the interval goes on.
_LEAST, _MOST = 0.01, 100.0
_LOOKS = {
    "univariable": ("one variable at a time", LIGHT_GREY, -0.22, "o"),
    "full": ("full model", BLUE, 0.0, "s"),
    "screened": ("screened by P < 0.05", ORANGE, 0.22, "D"),
}  # fmt: skip


@for_print
def odds_ratios(regression: dict, against: str, label: str) -> Figure:
    """Show the odds ratios of one contrast in its three models; the numbers are the full model's.

    Parameters
    ----------
    regression : dict
        As :func:`.regression.analyse` returns them.
    against : str
        Whose odds: one of the regression's ``against``.
    label : str
        What the model must be called, such as ``not a preoperative model``; may be empty.
    """
    terms = {name: _terms(regression["models"], name, against) for name in _LOOKS}
    lines = _lines({**terms["full"], **terms["univariable"]})
    figure = page(DOUBLE_MM, 42 + _ROW_MM * len(lines))
    axes, words = figure.subplots(1, 2, sharey=True, width_ratios=(1.9, 1))
    name_bars(axes, [textwrap.shorten(text, _LONGEST_NAME, placeholder="...") for text, _ in lines])
    for text, (_, key) in zip(axes.get_yticklabels(), lines, strict=True):
        text.set_fontweight("normal" if key else "bold")
    axes.grid(visible=False)
    words.set_axis_off()
    limits = _limits(terms)
    for height, (_, key) in enumerate(lines):
        for name, (_, *look) in _LOOKS.items():
            if key in terms[name]:
                _draw(axes, height, terms[name][key], limits, look)
        if key is not None:
            _write(words, height, terms["full"].get(key))
    _finish(axes, limits, [name for name in _LOOKS if terms[name]])
    for x, heading in ((0, "Full model (95% CI)"), (1, "P")):
        words.set_title(heading, x=x, fontsize=LETTERS, fontweight="bold", loc="left" if x == 0 else "right")
    full = regression["models"]["full"]
    figure.suptitle(_title(regression, against, full, label))
    add_note(figure, _note(full))
    return figure


def _terms(found: dict, name: str, against: str) -> dict[tuple[str, str], dict]:
    of_models = found[name] if name == "univariable" else [found[name]]
    every = [term for each in of_models if each for term in each["terms"]]
    return {(term["variable"], term["level"]): term for term in every if term["against"] == against}


def _lines(terms: dict[tuple[str, str], dict]) -> list[tuple[str, tuple[str, str] | None]]:
    """Return the text and the key of each line; a variable with several levels has a heading."""
    levels: dict[str, list[dict]] = {}
    for term in terms.values():
        levels.setdefault(term["variable"], []).append(term)
    lines: list[tuple[str, tuple[str, str] | None]] = []
    for variable, own in levels.items():
        if not own[0]["level"]:
            lines.append((f"{variable}, per 1", (variable, "")))
        elif len(own) == 1:
            lines.append((f"{variable}: {own[0]['level']} vs {own[0]['reference']}", (variable, own[0]["level"])))
        else:
            lines.append((f"{variable}, vs {own[0]['reference']}", None))
            lines += [(f"{term['level']}", (variable, term["level"])) for term in own]
    return lines


def _interval(term: dict) -> tuple[float | None, float | None]:
    """Return the profile interval where there is one, else Wald's."""
    kind = "wald" if term["profile_low"] is None else "profile"
    return term[f"{kind}_low"], term[f"{kind}_high"]


def _limits(terms: dict[str, dict]) -> tuple[float, float]:
    ends = [end for of_model in terms.values() for term in of_model.values() for end in _interval(term)]
    known = np.clip([end for end in ends if end] or [1.0], _LEAST, _MOST)
    return min(known.min(), 0.5) / 1.15, max(known.max(), 2.0) * 1.15


def _draw(axes: Axes, line: int, term: dict, limits: tuple[float, float], look: list) -> None:
    colour, shift, marker = look
    height = line + shift
    low, high = _interval(term)
    inside = [np.clip(low or limits[0], *limits), np.clip(high or limits[1], *limits)]
    axes.plot(inside, [height, height], color=colour, linewidth=1)
    for end, place, arrow in ((low, limits[0], "<"), (high, limits[1], ">")):
        if not end or not limits[0] <= end <= limits[1]:
            axes.plot(place, height, arrow, color=colour, markersize=3, clip_on=False)
    if term["odds_ratio"] and limits[0] <= term["odds_ratio"] <= limits[1]:
        axes.plot(term["odds_ratio"], height, marker, color=colour, markersize=3.2)


def _write(axes: Axes, height: int, term: dict | None) -> None:
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    if term is None:
        axes.text(0, height, "not in it", color=GREY, **place)
        return
    low, high = _interval(term)
    # One unit of a quantity changes little.
    ratio, lower, upper = (_short(each, 2 if term["level"] else 3) for each in (term["odds_ratio"], low, high))
    axes.text(0, height, f"{ratio} ({lower} to {upper})", **place)
    axes.text(1, height, p_in_words(term["p"]), ha="right", **place)


def _short(ratio: float | None, decimals: int) -> str:
    if ratio is None or ratio > _LARGEST_SHOWN:
        return "no limit" if ratio is None else f">{_LARGEST_SHOWN}"
    return f"{ratio:.1g}" if ratio < 0.01 else f"{ratio:.{decimals}f}" if ratio < 10 else f"{ratio:.1f}"


def _finish(axes: Axes, limits: tuple[float, float], shown: list[str]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.axvline(1, color="black", linewidth=0.6, zorder=0)
    axes.set(xscale="log", xlim=limits, xlabel="Odds ratio, 95% interval")
    wide = limits[1] / limits[0] > 300
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for name in shown:
        text, colour, _, marker = _LOOKS[name]
        axes.plot([], [], marker, color=colour, linestyle="-", linewidth=1, markersize=3.2, label=text)
    axes.tick_params(axis="y", left=False)
    legend_below(axes)


def _title(regression: dict, against: str, full: dict, label: str) -> str:
    what = regression["contrast"]
    if len(regression["against"]) > 1:
        what = f"{against} against {regression['contrast'].removeprefix('each class against ')}"
    elif regression["kind"] == ORDINAL:
        what = f"{what} ({ORDINAL})"
    marked = f", {label}" if label else ""
    return f"{regression['outcome']}, {what}: odds ratios (n = {full['units']}{marked})"


def _note(full: dict) -> str:
    terms = full["terms"]
    kind = "Profile likelihood" if any(term["profile_low"] is not None for term in terms) else "Wald"
    robust = ", cluster-robust by patient" if full["patients"] < full["units"] and kind == "Wald" else ""
    parts = [f"{kind} intervals{robust}; {full['method'] or 'full model not fitted'}."]
    parts += [f"{full['incomplete']} with a missing value left out of the full model."] if full["incomplete"] else []
    return " ".join(parts)
