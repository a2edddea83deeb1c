"""Figures of how well a model does, on the rows it was trained on, out of fold and on test rows."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import evaluation
from ..prediction import outcome_names
from ..settings import SLNM_THRESHOLDS
from .print_style import (
    BLUE,
    DOUBLE_MM,
    GREY,
    LIGHT_GREY,
    ORANGE,
    SINGLE_MM,
    VERMILION,
    add_letter,
    add_note,
    for_print,
    legend_below,
    name_bars,
    page,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..evaluation import Evidence
    from ..learning import Training

_COLOURS = {"training": GREY, "cross_validated": BLUE, "test": VERMILION}
_NAMES = {"training": "training", "cross_validated": "cross-validated", "test": "test"}
_FEW_LESIONS = 200


def unseen(available: dict) -> list[str]:
    """Return the keys of the rows that the model had not seen; the training rows where there are no others."""
    return [key for key in ("cross_validated", "test") if key in available] or ["training"]


@for_print
def performance(training: Training) -> Figure:
    """Show ROC curves, calibration, decision curves and interventions avoided, a row for each class against the rest.

    Calibration and decision curves are those of rows that the model had not seen.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    """
    model, metrics = training.model, training.model.manifest["metrics"]
    title, names = outcome_names(model.outcome)
    positives = list(evaluation.reported(len(model.classes)))
    limits = model.manifest["thresholds"] or []
    figure = page(DOUBLE_MM, 22 + 75 * len(positives))
    grid = figure.add_gridspec(len(positives), 3)
    letters = iter(string.ascii_uppercase)
    for row, i in enumerate(positives):
        name = names.get(model.classes[i], model.classes[i])
        roc, calibration = (figure.add_subplot(grid[row, column]) for column in range(2))
        benefit, avoided = (
            grid[row, 2].subgridspec(2, 1, height_ratios=(3, 2)).subplots(sharex=True, squeeze=False)[:, 0]
        )
        _draw_rocs(roc, training.evidence, metrics, i)
        _draw_calibrations(calibration, training.evidence, metrics, i)
        _draw_decisions(benefit, avoided, training.evidence, model.classes[i], limits)
        for axes, what in ((roc, "ROC curve with AUC"), (calibration, "Calibration"), (benefit, "Decision curve")):
            axes.set_title(f"{what}: {name}" if len(positives) > 1 else what)
            add_letter(axes, next(letters))
    both = [names.get(each, each) for each in reversed(model.classes)]
    what = "each class against the rest" if len(positives) > 1 else " against ".join(both)
    figure.suptitle(f"{title}, {what}: performance of the {model.purpose} model")
    add_note(figure, _how_measured(metrics))
    return figure


def _draw_rocs(axes: Axes, evidence: dict[str, Evidence], metrics: dict, i: int) -> None:
    axes.plot([0, 1], [0, 1], color=LIGHT_GREY, linewidth=0.8, linestyle="--")
    for key in (key for key in _NAMES if key in evidence):
        of_rows = evidence[key]
        auc = metrics[key]["auc"][of_rows.classes[i]]
        label = f"{_NAMES[key]} {_with_interval(auc)}"
        _draw_roc(axes, of_rows.target == i, of_rows.probabilities[:, :, i], key, label)
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    legend_below(axes)


def _draw_roc(axes: Axes, positive: np.ndarray, probabilities: np.ndarray, key: str, label: str) -> None:
    """Draw the curve of each repeat thinly, and their vertical average; `probabilities` (repeats, n)."""
    from sklearn.metrics import roc_curve

    if positive.all() or not positive.any():
        return
    curves = [roc_curve(positive, repeat)[:2] for repeat in probabilities]
    style: dict[str, Any] = {"color": _COLOURS[key], "linestyle": "--" if key == "training" else "-"}
    if len(curves) == 1:
        axes.plot(*curves[0], label=label, **style)
        return
    for curve in curves:
        axes.plot(*curve, linewidth=0.5, alpha=0.35, **style)
    grid = np.linspace(0, 1, 201)
    average = np.mean([np.interp(grid, *curve) for curve in curves], axis=0)
    axes.plot(np.r_[0, grid], np.r_[0, average], label=label, **style)


def _with_interval(auc: dict) -> str:
    return "none" if auc["mean"] is None else f"{auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})"


def _draw_calibrations(axes: Axes, evidence: dict[str, Evidence], metrics: dict, i: int) -> None:
    axes.plot([0, 1], [0, 1], color=LIGHT_GREY, linewidth=0.8, linestyle="--")
    for key in unseen(evidence):
        of_rows = evidence[key]
        name, positive, probability = of_rows.classes[i], of_rows.target == i, of_rows.mean[:, i]
        fit = metrics[key]["calibration"][name]
        slope, intercept = ("none" if fit[each] is None else f"{fit[each]:.2f}" for each in ("slope", "intercept"))
        label = f"{_NAMES[key]}: slope {slope},\nintercept {intercept}, Brier {metrics[key]['brier'][name]:.3f}"
        _draw_calibration(axes, positive, probability, _COLOURS[key], label)
    axes.set(xlabel="Predicted probability", ylabel="Observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    legend_below(axes)


def _draw_calibration(axes: Axes, positive: np.ndarray, probability: np.ndarray, colour: str, label: str) -> None:
    bins = evaluation.calibration_bins(positive, probability, calibration_groups(len(positive)))
    predicted, observed, low, high = (
        np.array([each[key] for each in bins]) for key in ("predicted", "observed", "low", "high")
    )
    errors = np.abs([observed - low, high - observed])
    axes.errorbar(predicted, observed, errors, fmt="o", color=colour, markersize=3, elinewidth=0.7, alpha=0.8)
    axes.plot(*evaluation.smoothed_calibration(positive, probability), color=colour, label=label)


def calibration_groups(lesions: int) -> int:
    """Return into how many groups of equal size lesions are put for a binned calibration curve."""
    return 5 if lesions < _FEW_LESIONS else 10


def _draw_decisions(benefit: Axes, avoided: Axes, evidence: dict[str, Evidence], name: str, limits: list) -> None:
    highest = 0.05
    for key in unseen(evidence):
        rows = [row for row in evaluation.decision_curve(evidence[key]) if row["class"] == name]
        percent = 100 * np.array([row["threshold"] for row in rows])
        model, treat_all = (np.array([row[each] for row in rows]) for each in ("net_benefit", "treat_all"))
        benefit.plot(percent, model, color=_COLOURS[key], label=f"model, {_NAMES[key]}")
        benefit.plot(percent, treat_all, color=_COLOURS[key], linewidth=0.8, linestyle=":")
        avoided.plot(percent, [row["interventions_avoided_per_100"] for row in rows], color=_COLOURS[key])
        highest = max(highest, model.max(), treat_all.max())
    benefit.plot([], [], color=GREY, linewidth=0.8, linestyle=":", label="treat all")
    for axes in (benefit, avoided):
        axes.axhline(0, color="black", linewidth=0.8, label="treat none")
        for limit in limits:
            axes.axvline(100 * limit, color=ORANGE, linewidth=1, linestyle="--", label=_limits_label(limits))
    benefit.set(ylabel="Net benefit", ylim=(-0.3 * highest, 1.1 * highest))
    benefit.tick_params(labelbottom=False)
    lowest = max(avoided.get_ylim()[0], -15)
    avoided.set(xlabel="Threshold probability (%)", ylabel="Avoided per 100", ylim=(lowest, None), xlim=(4, 61))
    legend_below(avoided, of=benefit)


def _limits_label(limits: list) -> str:
    texts = " and ".join(f"{limit:.0%}" for limit in limits)
    return f"the study's {texts}" if tuple(limits) == SLNM_THRESHOLDS else f"limits {texts}"


def _how_measured(metrics: dict) -> str:
    """Say how many lesions there were, where the intervals come from, and what the mean over classes is."""
    rows = [key for key in _NAMES if key in metrics]
    lesions = ", ".join(f"{_NAMES[key]} {metrics[key]['lesions']}" for key in rows)
    macros = {_NAMES[key]: metrics[key]["auc"].get("macro") for key in rows}
    macro = ", ".join(f"{name} {_with_interval(auc)}" for name, auc in macros.items() if auc)
    return (
        f"Lesions: {lesions}. AUC with 95% intervals ({interval_methods(metrics)}). "
        "Calibration: groups of equal size with Wilson's 95% "
        "intervals, and lowess. Avoided: interventions per 100 lesions, net of those missed, against treating all."
        + (f" Mean AUC of the classes (patient bootstrap): {macro}." if macro else "")
    )


def interval_methods(metrics: dict) -> str:
    """Say of which rows the AUC's interval was computed how; `metrics` as in a model's manifest."""
    methods: dict[str, list[str]] = {}
    for key in (key for key in _NAMES if key in metrics):
        for method in {auc["method"] for name, auc in metrics[key]["auc"].items() if name != "macro"}:
            methods.setdefault(method, []).append(_NAMES[key])
    return "; ".join(f"{' and '.join(names)}: {method}" for method, names in methods.items())


@for_print
def confusion(metrics: dict[str, dict], classes: tuple[str, ...]) -> Figure:
    """Show how lesions of each true class were called, on each set of rows that the model had not seen.

    Parameters
    ----------
    metrics : dict
        By rows, as :func:`.evaluation.measure` returns them.
    classes : tuple of str
        Names.
    """
    keys = unseen(metrics)
    figure = page(SINGLE_MM if len(keys) == 1 else DOUBLE_MM, 52 + 8 * len(classes))
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        _draw_confusion(axes, np.array(metrics[key]["confusion"]["matrix"]), classes)
        axes.set_title(f"{_NAMES[key]} (n = {metrics[key]['lesions']} lesions)")
    figure.suptitle("True and called class")
    rules = dict.fromkeys(metrics[key]["confusion"]["rule"] for key in keys)
    add_note(figure, f"Lesions, and their share of the true class; {'; '.join(rules)}.")
    return figure


def _draw_confusion(axes: Axes, matrix: np.ndarray, classes: tuple[str, ...]) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        share = shares[row, column]
        axes.text(
            column, row, f"{count}\n{share:.0%}", ha="center", va="center", color="white" if share > 0.6 else "black"
        )
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="Called", ylabel="True")
    axes.spines[["left", "bottom"]].set_visible(False)


@for_print
def subgroups(rows: list[dict], overall: dict[str, dict]) -> Figure:
    """Show the AUC with its interval in subgroups of the lesions, a column of axes for each class.

    Parameters
    ----------
    rows : list of dict
        As :func:`.report_tables.subgroups` returns them.
    overall : dict
        AUC of all lesions by class, as :func:`.evaluation.measure` returns it; drawn as a line.
    """
    parts = list(dict.fromkeys((row["column"], row["subgroup"]) for row in rows))
    classes = list(dict.fromkeys(row["class"] for row in rows))
    figure = page(DOUBLE_MM, 30 + 5.5 * len(parts))
    lowest = min((row["low"] for row in rows if row["low"] is not None), default=0.5)
    panels = figure.subplots(1, len(classes), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, classes, strict=True):
        of_class = {(row["column"], row["subgroup"]): row for row in rows if row["class"] == name}
        name_bars(axes, [f"{column}: {part} (n = {of_class[column, part]['lesions']})" for column, part in parts])
        for height, part in enumerate(parts):
            _draw_subgroup(axes, height, of_class[part])
        if overall[name]["mean"] is not None:
            axes.axvline(overall[name]["mean"], color=ORANGE, linewidth=1, linestyle="--", zorder=0)
        axes.axvline(0.5, color=LIGHT_GREY, linewidth=0.8, zorder=0)
        axes.set(xlabel="AUC", xlim=(min(0.4, lowest - 0.02), 1.01))
        axes.set_title(f"{name}: {_with_interval(overall[name])} for all")
    figure.suptitle(f"AUC in subgroups of the lesions, {rows[0]['rows']} rows")
    add_note(figure, "Intervals of 95% by patient bootstrap, models held fixed, not adjusted for the number of "
             "subgroups. Dashed: all lesions. In brackets on the right: lesions of the class.")  # fmt: skip
    return figure


def _draw_subgroup(axes: Axes, height: int, row: dict) -> None:
    text = "too few" if row["auc"] is None else f"{row['auc']:.2f}"
    if row["auc"] is not None:
        axes.plot([row["low"], row["high"]], [height, height], color=BLUE, linewidth=1)
        axes.plot(row["auc"], height, "s", color=BLUE, markersize=4)
    place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(f"{text} ({row['positives']})", (1.02, height), va="center", **place)
