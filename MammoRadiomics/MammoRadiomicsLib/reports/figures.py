"""Figures as matplotlib objects, made without pyplot so that no window and no global state is involved."""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from ..field import Box
from ..prediction import explained, named, outcome_names
from .print_style import for_screen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTLINE_COLOUR = "#E69F00"
BAR_COLOUR, WARNING_COLOUR = "#0072B2", "#B22222"


@for_screen
def outlined_views(outlines: dict[str, tuple[sitk.Image, sitk.Image]], title: str) -> Figure:
    """Show each view as in its file, and beside it the lesion with its outline and a scale bar.

    Parameters
    ----------
    outlines : dict
        Image and ROI by view, as for :func:`.prediction.predict`; pixel spacing in mm.
    title : str
        Stands above.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(9, 4.6 * len(outlines)), layout="constrained")
    axes = figure.subplots(len(outlines), 2, squeeze=False)
    for (view, (image, roi)), (whole, near) in zip(outlines.items(), axes, strict=True):
        pixels, inside = (sitk.GetArrayViewFromImage(each)[0] for each in (image, roi))
        rows, columns = Box.around(inside).with_surroundings(inside.shape).slices
        _show(whole, pixels, inside)
        whole.set_title(f"{view}, whole image", fontsize=10)
        corner = (columns.start, rows.start)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        whole.add_patch(Rectangle(corner, *size, fill=False, edgecolor="white", linewidth=0.8))
        _show(near, pixels[rows, columns], inside[rows, columns])
        near.set_title(f"{view}, lesion", fontsize=10)
        _add_scale_bar(near, size[1], image.GetSpacing()[0])
    figure.suptitle(title)
    return figure


def _show(axes: Axes, pixels: np.ndarray, inside: np.ndarray) -> None:
    """Draw pixels in grey and the outline on them; arrays (rows, columns)."""
    # A screen has fewer pixels than a mammogram.
    step = max(1, max(pixels.shape) // 1200)
    extent = (-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5)
    low, high = np.percentile(pixels[::step, ::step], [1, 99.8])
    axes.imshow(pixels[::step, ::step], cmap="gray", vmin=low, vmax=high, extent=extent)
    rows, columns = (np.arange(0, length, step) for length in pixels.shape)
    axes.contour(columns, rows, inside[::step, ::step], [0.5], colors=OUTLINE_COLOUR, linewidths=1.2)
    axes.set_axis_off()


def _add_scale_bar(axes: Axes, height: int, spacing_mm: float) -> None:
    x = y = 0.05 * height
    axes.plot([x, x + 5 / spacing_mm], [height - y] * 2, color="white", linewidth=2.5)
    axes.annotate("5 mm", (x, height - y), (0, 4), textcoords="offset points", color="white", fontsize=9)


@for_screen
def predictions(records: list[dict]) -> Figure:
    """Show what each model says of one lesion: probabilities, what moves them, and the warnings under them.

    Parameters
    ----------
    records : list of dict
        As :func:`.prediction.predict` returns them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    notes = [*itertools.chain.from_iterable(map(_notes_of, records)), "Not a medical device."]
    bars = [max(2 * len(record["probabilities"]), _reasons_of(record)) for record in records]
    heights = [0.33 * count + 1.15 for count in bars] + [0.19 * sum(text.count("\n") + 1 for text in notes) + 0.25]
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(records) + 1, 2, height_ratios=heights, width_ratios=(1, 1.15))
    for i, record in enumerate(records):
        place = grid[i, 0] if record["explanation"] else grid[i, :]
        _draw_probabilities(figure.add_subplot(place), record)
        if record["explanation"]:
            _draw_reasons(figure.add_subplot(grid[i, 1]), record)
    below = figure.add_subplot(grid[-1, :])
    below.set_axis_off()
    below.text(0, 1, "\n".join(notes), transform=below.transAxes, va="top", fontsize=8.5, color=WARNING_COLOUR)
    return figure


def _reasons_of(record: dict) -> int:
    """How many contributions are drawn."""
    return len(explained(record)[2]) if record["explanation"] else 0


def _notes_of(record: dict) -> list[str]:
    """The warnings of a record in lines that fit the figure."""
    lines = (f"{record['outcome'].upper()}: {warning}" for warning in record["warnings"])
    return [textwrap.fill(line, 125, break_on_hyphens=False) for line in lines]


def _draw_probabilities(axes: Axes, record: dict) -> None:
    """Bars for the probabilities shown, marks for the prevalence and what else is known of them."""
    local = record["local_probabilities"]
    title, shown = named(record, "local_probabilities" if local else "probabilities")
    places, values = np.arange(len(shown)), list(shown.values())
    bars = axes.barh(places, values, color=BAR_COLOUR, height=0.5)
    handles: list[tuple[Any, str]] = [(bars, "for your prevalence" if local else "probability")]
    if local:
        as_trained = axes.plot(list(record["probabilities"].values()), places, "o", color="white", mec="black", ms=6)[0]
        handles.append((as_trained, "as trained"))
    if record["range"]:
        low, high = np.transpose(list(record["range"].values()))
        line = axes.hlines(places, low, high, color="black", linewidth=1.6)
        handles.append((line, f"range over {record['perturbed_outlines']} plausible outlines"))
    prevalence = record["prevalence"]["local" if local else "training"]
    ticks = axes.vlines(list(prevalence.values()), places - 0.34, places + 0.34, color=OUTLINE_COLOUR, linewidth=2.5)
    handles.append((ticks, "your prevalence" if local else "prevalence in training"))
    for place, value in zip(places, values, strict=True):
        axes.annotate(f"{value:.1%}", (1.03, place), va="center", fontsize=9)
    axes.set_yticks(places, list(shown))
    axes.set_xlim(0, 1.18)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.0%}" for tick in np.linspace(0, 1, 6)])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{title}\n{record['purpose']} model", fontsize=10, loc="left")
    axes.legend(
        *zip(*handles, strict=True), frameon=False, fontsize=8, ncols=2, loc="upper left", bbox_to_anchor=(-0.02, -0.14)
    )


def _draw_reasons(axes: Axes, record: dict) -> None:
    """Bars for the strongest Shapley values, with their errors where they were sampled."""
    name, base, values = explained(record)
    shown = outcome_names(record["outcome"])[1].get(name, name)
    points = [100 * value for _, value, _ in values]
    errors = [100 * (error or 0) for _, _, error in values] if record["explanation"]["errors"] else None
    places = np.arange(len(values))
    colours = [OUTLINE_COLOUR if value > 0 else BAR_COLOUR for value in points]
    axes.barh(places, points, xerr=errors, color=colours, height=0.55, error_kw={"linewidth": 1})
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, [_in_two_lines(feature) for feature, _, _ in values], fontsize=7)
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.spines[["top", "right"]].set_visible(False)
    probability = record[record["explanation"]["of"]][name]
    axes.set_title(
        f"What moves the probability of {shown}\nfrom the model's mean, {base:.1%}, to {probability:.1%}",
        fontsize=10,
        loc="left",
    )
    axes.set_xlabel("Percentage points" + (", lines: standard errors" if errors else ""), fontsize=9)


def _in_two_lines(feature: str) -> str:
    """The image that a feature was taken on, and under it the feature."""
    image, _, rest = feature.partition("_")
    return f"{image}\n{rest.replace('_', ' ')}"
