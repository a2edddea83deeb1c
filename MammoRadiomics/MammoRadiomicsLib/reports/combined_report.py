"""What a training's report shows of the clinical, the radiomics and the combined model."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from .. import evaluation
from ..prediction import outcome_names
from . import report_tables
from .nomogram_figure import nomogram
from .performance_figures import calibration_groups, unseen
from .print_style import (
    BLUE,
    DOUBLE_MM,
    GREY,
    LIGHT_GREY,
    ORANGE,
    VERMILION,
    add_letter,
    add_note,
    for_print,
    legend_below,
    page,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..combination import Combined
    from ..evaluation import Evidence
    from ..learning import Training

# In another style of line each, for print without colours.
_LOOKS = {"clinical": (ORANGE, ":"), "radiomics": (BLUE, "--"), "combined": (VERMILION, "-")}
_ROWS = {"cross_validated": "cross-validated", "test": "test", "training": "training"}


def tables(training: Training) -> dict[str, list[dict]]:
    """Return the rows of each table by its name; none without clinical predictors."""
    combined = training.combined
    if combined is None:
        return {}
    return {
        "model_performance": combined.performance,
        "comparison": combined.comparisons,
        "odds_ratios": combined.odds_ratios,
        "combined_probabilities": _probabilities(training, combined),
    }


def _probabilities(training: Training, combined: Combined) -> list[dict]:
    """One row for each model beside radiomics, part, repeat and lesion."""
    return [
        {"model": model, "rows": evidence.rows} | row
        for model, of_model in combined.evidence.items()
        if model != "radiomics"
        for key, evidence in of_model.items()
        for row in report_tables.probabilities(evidence, training.rows_of(key))
    ]


def figures(training: Training) -> dict[str, Figure]:
    """Return the figures by name; none without clinical predictors, no nomogram of what is not preoperative."""
    if training.combined is None:
        return {}
    found = {"models": models(training, training.combined)}
    return found | ({"nomogram": nomogram(training.model)} if training.model.clinical_terms else {})


@for_print
def models(training: Training, combined: Combined) -> Figure:
    """Show ROC, calibration and decision curves of the three models on rows that none had seen, a row for each class.

    Parameters
    ----------
    training : Training
        Whose radiomics the models are compared with.
    combined : Combined
        The clinical and the combined model.
    """
    key = unseen(training.evidence)[0]
    title, names = outcome_names(training.model.outcome)
    positives = list(evaluation.reported(len(training.model.classes)))
    figure = page(DOUBLE_MM, 24 + 70 * len(positives))
    letters = iter(string.ascii_uppercase)
    for i, row in zip(positives, figure.subplots(len(positives), 3, squeeze=False), strict=True):
        evidence = {model: combined.evidence[model][key] for model in _LOOKS}
        class_name = training.model.classes[i]
        aucs = {model: combined.metrics[model][key]["auc"][class_name] for model in _LOOKS}
        _draw_rocs(row[0], evidence, aucs, i)
        _draw_calibrations(row[1], evidence, i)
        _draw_decisions(row[2], evidence, class_name)
        for axes, what in zip(row, ("ROC curve with AUC", "Calibration", "Decision curve"), strict=True):
            axes.set_title(f"{what}: {names.get(class_name, class_name)}" if len(positives) > 1 else what)
            add_letter(axes, next(letters))
    label = f" ({combined.label})" if combined.label else ""
    figure.suptitle(f"{title}: clinical, radiomics and combined model{label}")
    lesions = len(combined.evidence["combined"][key].target)
    add_note(
        figure,
        f"The same {lesions} {_ROWS[key]} lesions for all three; means over repeats of cross-validation where there "
        "are several. AUC with 95% intervals. Calibration: groups of equal size, and lowess. Differences with paired "
        "intervals are in comparison.csv.",
    )
    return figure


def _draw_rocs(axes: Axes, evidence: dict[str, Evidence], aucs: dict[str, dict], i: int) -> None:
    from sklearn.metrics import roc_curve

    axes.plot([0, 1], [0, 1], color=LIGHT_GREY, linewidth=0.8)
    grid = np.linspace(0, 1, 201)
    for model, each in evidence.items():
        colour, line = _LOOKS[model]
        positive = each.target == i
        if positive.all() or not positive.any():
            continue
        curves = [roc_curve(positive, repeat)[:2] for repeat in each.probabilities[:, :, i]]
        x, y = curves[0] if len(curves) == 1 else (grid, np.mean([np.interp(grid, *curve) for curve in curves], axis=0))
        auc = aucs[model]
        label = f"{model} {auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})"
        axes.plot(np.r_[0, x], np.r_[0, y], color=colour, linestyle=line, label=label)
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    legend_below(axes)


def _draw_calibrations(axes: Axes, evidence: dict[str, Evidence], i: int) -> None:
    axes.plot([0, 1], [0, 1], color=LIGHT_GREY, linewidth=0.8)
    for model, each in evidence.items():
        colour, line = _LOOKS[model]
        positive, probability = each.target == i, each.mean[:, i]
        axes.plot(*evaluation.smoothed_calibration(positive, probability), color=colour, linestyle=line, label=model)
        bins = evaluation.calibration_bins(positive, probability, calibration_groups(len(positive)))
        points = ([bin_[name] for bin_ in bins] for name in ("predicted", "observed"))
        axes.plot(*points, color=colour, linestyle="", marker="o", markersize=2.5)
    axes.set(xlabel="Predicted probability", ylabel="Observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    legend_below(axes)


def _draw_decisions(axes: Axes, evidence: dict[str, Evidence], class_name: str) -> None:
    highest = 0.05
    for model, each in evidence.items():
        colour, line = _LOOKS[model]
        rows = [row for row in evaluation.decision_curve(each) if row["class"] == class_name]
        percent, benefit, treat_all = (
            np.array([row[name] for row in rows]) for name in ("threshold", "net_benefit", "treat_all")
        )
        axes.plot(100 * percent, benefit, color=colour, linestyle=line, label=model)
        highest = max(highest, benefit.max(), treat_all.max())
    axes.plot(100 * percent, treat_all, color=GREY, linewidth=0.8, label="treat all")
    axes.axhline(0, color="black", linewidth=0.8, label="treat none")
    axes.set(xlabel="Threshold probability (%)", ylabel="Net benefit", xlim=(4, 61))
    axes.set_ylim(-0.3 * highest, 1.1 * highest)
    legend_below(axes)
