"""Figures as matplotlib objects, made without pyplot so that no window and no global state is involved."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from . import evaluation
from .field import Box
from .prediction import named, outcome_names

if TYPE_CHECKING:
    from .learning import Training

OUTLINE_COLOUR = "#E69F00"
BAR_COLOUR, WARNING_COLOUR = "#0072B2", "#B22222"


def outlined_views(outlines: dict[str, tuple[sitk.Image, sitk.Image]], title: str):
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
        rows, columns = _square_around(inside)
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


def _square_around(inside: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a square around the outline, twice as large, as far as the image has them."""
    box = Box.around(inside)
    margins = tuple(max(box.shape) - length // 2 for length in box.shape)
    return box.widened(margins, inside.shape).slices


def _show(axes, pixels: np.ndarray, inside: np.ndarray) -> None:
    """Draw pixels in grey and the outline on them; arrays (rows, columns)."""
    # A screen has fewer pixels than a mammogram.
    step = max(1, max(pixels.shape) // 1200)
    extent = (-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5)
    low, high = np.percentile(pixels[::step, ::step], [1, 99.8])
    axes.imshow(pixels[::step, ::step], cmap="gray", vmin=low, vmax=high, extent=extent)
    rows, columns = (np.arange(0, length, step) for length in pixels.shape)
    axes.contour(columns, rows, inside[::step, ::step], [0.5], colors=OUTLINE_COLOUR, linewidths=1.2)
    axes.set_axis_off()


def _add_scale_bar(axes, height: int, spacing_mm: float) -> None:
    x = y = 0.05 * height
    axes.plot([x, x + 5 / spacing_mm], [height - y] * 2, color="white", linewidth=2.5)
    axes.annotate("5 mm", (x, height - y), (0, 4), textcoords="offset points", color="white", fontsize=9)


def predictions(records: list[dict]):
    """Show the class probabilities of one lesion by each model, with the warnings under them.

    Parameters
    ----------
    records : list of dict
        As :func:`.prediction.predict` returns them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    warnings = [
        textwrap.fill(f"{record['outcome'].upper()}: {warning}", 110, break_on_hyphens=False)
        for record in records
        for warning in record["warnings"]
    ]
    lines = sum(text.count("\n") + 1 for text in warnings)
    heights = [len(record["probabilities"]) + 1.2 for record in records] + [0.48 * lines + 0.6]
    figure = Figure(figsize=(8, 0.42 * sum(heights)), layout="constrained")
    *bars, notes = figure.subplots(len(records) + 1, 1, height_ratios=heights)
    for axes, record in zip(bars, records, strict=True):
        title, probabilities = named(record)
        values = list(probabilities.values())
        axes.barh(list(probabilities), values, color=BAR_COLOUR, height=0.6)
        axes.bar_label(axes.containers[0], [f"{value:.1%}" for value in values], padding=4, fontsize=9)
        axes.set_xlim(0, 1.12)
        axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.0%}" for tick in np.linspace(0, 1, 6)])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(f"{title}: probability of each class ({record['purpose']} model)", fontsize=10)
    notes.set_axis_off()
    text = "\n".join([*warnings, "Not a medical device."])
    notes.text(0, 1, text, transform=notes.transAxes, va="top", fontsize=8.5, color=WARNING_COLOUR)
    return figure


def performance(training: Training):
    """Show ROC, calibration and decision curves from out-of-fold probabilities, a row for each class against the rest.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    model, metrics = training.model, training.model.manifest["metrics"]
    title, names = outcome_names(model.outcome)
    rows = list(evaluation.reported(len(model.classes)))
    figure = Figure(figsize=(11, 3.7 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False)
    for i, (roc, calibration, decision) in zip(rows, axes, strict=True):
        name = model.classes[i]
        positive, probability = training.lesions.target == i, training.out_of_fold[:, :, i].mean(axis=0)
        auc, fit = metrics["auc"][name], metrics["calibration"][name]
        _draw_roc(roc, positive, training.out_of_fold[:, :, i])
        roc.set_title(
            f"{names.get(name, name)}: AUC {auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})", fontsize=10
        )
        _draw_calibration(calibration, positive, probability)
        slope = "none" if fit["slope"] is None else f"{fit['slope']:.2f}"
        calibration.set_title(f"Slope {slope}, intercept {fit['intercept']:+.2f}", fontsize=10)
        _draw_decision(decision, positive, probability, model.manifest["thresholds"])
        decision.set_title(f"Decision curve, {names.get(name, name)} against the rest", fontsize=10)
    counts = f"{training.lesions.target.size} lesions, {metrics['protocol']} cross-validation"
    figure.suptitle(f"{title}: {counts}, {model.purpose} model", fontsize=11)
    return figure


def _draw_roc(axes, positive: np.ndarray, probabilities: np.ndarray) -> None:
    from sklearn.metrics import roc_curve

    for repeat in probabilities:
        axes.plot(*roc_curve(positive, repeat)[:2], color=BAR_COLOUR, linewidth=1.5)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity", aspect="equal")


def _draw_calibration(axes, positive: np.ndarray, probability: np.ndarray) -> None:
    from sklearn.calibration import calibration_curve

    observed, predicted = calibration_curve(positive, probability, n_bins=5, strategy="quantile")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.plot(predicted, observed, color=BAR_COLOUR, marker="o", linewidth=1.5, label="fifths of the lesions")
    axes.plot(probability, np.where(positive, 1.0, 0.0), "|", color="grey", markersize=6, alpha=0.6)
    axes.set(xlabel="Predicted probability", ylabel="Observed share", xlim=(0, 1), aspect="equal")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, 0.93))


def _draw_decision(axes, positive: np.ndarray, probability: np.ndarray, limits: list[float] | None) -> None:
    thresholds = np.linspace(0.05, 0.60, 56)
    treat_all = evaluation.net_benefit(positive, np.ones(len(positive)), thresholds)
    axes.plot(thresholds, evaluation.net_benefit(positive, probability, thresholds), color=BAR_COLOUR, label="model")
    axes.plot(thresholds, treat_all, color=OUTLINE_COLOUR, linewidth=1.2, label="treat all")
    axes.axhline(0, color="grey", linewidth=0.8, label="treat none")
    for i, limit in enumerate(limits or []):
        label = None if i else "the study's limits"
        axes.axvline(limit, color="black", linewidth=0.8, linestyle=":", label=label)
    axes.set(xlabel="Threshold probability", ylabel="Net benefit", ylim=(-0.1, max(positive.mean() * 1.1, 0.1)))
    axes.legend(framealpha=0.9, edgecolor="none", fontsize=8, loc="lower left")


def protocol_claims(claims: list[dict], title: str):
    """Show the areas under the ROC curve that different protocols claim on the same table.

    Parameters
    ----------
    claims : list of dict
        As :func:`.protocols.compare` returns them.
    title : str
        Stands above.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    labels = {
        ("nested", "test"): "nested: refitted in each fold,\nmeasured on held-out patients",
        ("study", "test"): "study: one split 7:3,\ntest rows",
        ("study", "training"): "study: one split 7:3,\ntraining rows",
        ("leaky", "test"): "leaky: selected and balanced\nbefore the split",
    }
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axes = figure.subplots()
    for height, key in enumerate(labels):
        aucs = [claim["auc"] for claim in claims if (claim["protocol"], claim["rows"]) == key]
        colour = BAR_COLOUR if key[0] == "nested" else OUTLINE_COLOUR
        axes.plot(aucs, [height] * len(aucs), "o", color=colour, alpha=0.7)
        median = float(np.median(aucs))
        axes.annotate(f"{median:.2f}", (median, height), (0, 8), textcoords="offset points", ha="center", fontsize=9)
    axes.axvline(0.5, color="grey", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(labels)), list(labels.values()), fontsize=9)
    axes.set(xlabel="Area under the ROC curve, one dot a split (median above)", xlim=(0.3, 1.02), ylim=(3.6, -0.6))
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure
