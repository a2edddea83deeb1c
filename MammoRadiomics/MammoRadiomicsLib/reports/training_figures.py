"""Figures of how a model came about: the LASSO's path, weights, radscores, selection, and what protocols claim.

Like :mod:`.figures` they are matplotlib objects made without pyplot, so that no window and no global state is involved.
"""

from __future__ import annotations

import string
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from .. import evaluation
from ..prediction import outcome_names
from .print_style import (
    BLUE,
    CLASS_COLOURS,
    DOUBLE_MM,
    GREY,
    LIGHT_GREY,
    ORANGE,
    SINGLE_MM,
    add_letter,
    add_note,
    for_print,
    name_bars,
    page,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..model_file import Model
    from ..selection import LassoPath

MOST_BARS = 60
_BAR_MM = 3.7


@for_print
def lasso(paths: tuple[LassoPath, ...], classes: tuple[str, ...], lesions: int) -> Figure:
    """Show how the coefficients and the held-out error of the LASSO change with its penalty, and the penalty chosen.

    Parameters
    ----------
    paths : tuple of LassoPath
        Of the final model: one, or one for each class against the rest. Penalties that were not visited (infinite
        error) are left out, and the figure says so.
    classes : tuple of str
        Names.
    lesions : int
        Rows it was fitted on.
    """
    figure = page(DOUBLE_MM, 14 + 68 * len(paths))
    letters, notes = iter(string.ascii_uppercase), ["Dashed: the penalty chosen. Bars: standard errors over the folds."]
    for i, (path, panels) in enumerate(zip(paths, figure.subplots(len(paths), 2, squeeze=False), strict=True)):
        _draw_lasso(path, *panels)
        of_class = f"{classes[i]}: " if len(paths) > 1 else ""
        notes.append(of_class + _penalty_note(path))
        panels[0].set_title(of_class + _kept(path))
        panels[1].set_title(f"{of_class}error on held-out rows" if of_class else "Error on held-out rows")
        for axes in panels:
            add_letter(axes, next(letters))
    what = ", each class against the rest" if len(paths) > 1 else ""
    figure.suptitle(f"Features that the LASSO keeps{what} (n = {lesions} lesions)")
    add_note(figure, " ".join(notes))
    return figure


def _kept(path: LassoPath) -> str:
    count = np.count_nonzero(path.weights[:, path.chosen])
    return f"{count} feature{'' if count == 1 else 's'} at penalty {path.alphas[path.chosen]:.3g}"


def visited(path: LassoPath) -> np.ndarray:
    """Return which penalties there is something to say of, shape (a,), boolean.

    Where no feature at all predicts held-out rows best, the model takes the first to enter, beyond those whose error
    was measured.
    """
    return np.isfinite(path.errors) | (np.arange(len(path.alphas)) <= path.chosen)


def _draw_lasso(path: LassoPath, left: Axes, right: Axes) -> None:
    drawn = visited(path)
    alphas, weights = path.alphas[drawn], path.weights[:, drawn]
    _draw_path(left, alphas, weights, path.weights[:, path.chosen])
    errors, spread = (np.where(np.isfinite(each), each, np.nan)[drawn] for each in (path.errors, path.spread))
    right.errorbar(alphas, errors, spread, color=BLUE, ecolor=GREY, elinewidth=0.6, capsize=1.5,
                   marker="o", markersize=2.5)  # fmt: skip
    right.set_ylabel("Mean squared error")
    for axes in (left, right):
        axes.axvline(path.alphas[path.chosen], color="black", linewidth=0.8, linestyle="--", zorder=1)
        _set_penalty_axis(axes, alphas, np.count_nonzero(weights, axis=0), path.chosen)


def _draw_path(axes: Axes, alphas: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> None:
    """Draw a line for each feature; `weights` (k, a), and `chosen` (k,) at the chosen penalty."""
    kinds = (
        (chosen == 0, LIGHT_GREY, "not in the model"),
        (chosen > 0, BLUE, "in the model, positive"),
        (chosen < 0, ORANGE, "in the model, negative"),
    )
    for of_kind, colour, label in kinds:
        for line in axes.plot(alphas, weights[of_kind].T, color=colour, linewidth=0.8)[:1]:
            line.set_label(f"{label} ({of_kind.sum()})")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set(ylabel="Coefficient per SD")
    # The lines run together towards large penalties; the room above them is the legend's.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none")


def _set_penalty_axis(axes: Axes, alphas: np.ndarray, entered: np.ndarray, chosen: int) -> None:
    """Label penalties below and the numbers of features that they let in above; start where the first one enters."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, LogLocator, NullLocator

    first = max(int(np.argmax(entered > 0)) - 2, 0)
    low, high = alphas[-1], alphas[first]
    axes.set(xscale="log", xlabel="Penalty alpha", xlim=(low / 1.15, high * 1.15))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 200 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    above = axes.secondary_xaxis("top")
    step = -(-(len(alphas) - first) // 7)
    ticks = np.arange(first + (chosen - first) % step, len(alphas), step)
    above.xaxis.set_major_locator(FixedLocator(alphas[ticks].tolist()))
    above.xaxis.set_major_formatter(FixedFormatter([str(count) for count in entered[ticks]]))
    above.xaxis.set_minor_locator(NullLocator())
    above.set_xlabel("Features in")


def _penalty_note(path: LassoPath) -> str:
    drawn = visited(path)
    notes = []
    if not drawn.all():
        under = f"{(~drawn).sum()} of {len(drawn)} penalties, all under {path.alphas[drawn].min():.2g}"
        notes.append(f"{under}, were not visited, as the error had risen.")
    if not np.isfinite(path.errors[path.chosen]):
        notes.append("No feature at all predicts held-out rows best; the model takes the first to enter.")
    empty = drawn & ~path.weights.any(axis=0)
    if empty.any():
        notes.append(f"From {path.alphas[empty].min():.2g} upwards no feature is in.")
    return " ".join(notes)


@for_print
def weights(model: Model) -> Figure:
    """Show the LASSO's coefficient of each selected feature, largest first; of more than 60 the strongest 60."""
    coefficients = model.arrays["lasso_coef"]
    strongest = np.sort(np.argsort(-np.abs(coefficients), kind="stable")[:MOST_BARS])
    order = strongest[np.argsort(-coefficients[strongest], kind="stable")]
    figure = page(DOUBLE_MM, 24 + _BAR_MM * len(order))
    axes = figure.subplots()
    colours = np.where(coefficients[order] > 0, BLUE, ORANGE)
    axes.barh(range(len(order)), coefficients[order], color=colours, height=0.7)
    name_bars(axes, [model.feature_names[i] for i in order])
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set_xlabel("LASSO coefficient per standard deviation of the feature")
    title, _ = outcome_names(model.outcome)
    shown = "" if len(order) == len(coefficients) else f", the {len(order)} strongest shown"
    lesions = model.manifest["training"]["lesions"]
    figure.suptitle(f"{title}: weights of the {len(coefficients)} selected features{shown} (n = {lesions} lesions)")
    return figure


@for_print
def radscores(
    scores: np.ndarray, target: np.ndarray, classes: tuple[str, ...], cuts: np.ndarray, rows: str = "training"
) -> Figure:
    """Show the radscore of each lesion as a bar, sorted, coloured by its true class, rising or falling from a cut-off.

    Parameters
    ----------
    scores : numpy.ndarray
        Shape (n,), radscores.
    target : numpy.ndarray
        Shape (n,), class indices.
    classes : tuple of str
        Names.
    cuts : numpy.ndarray
        Cut-offs of the training rows, see :func:`cut_offs`; bars start at their mean.
    rows : {"training", "test"}
        Which rows these are.
    """
    base = float(np.mean(cuts))
    order = np.argsort(scores, kind="stable")
    figure = page(DOUBLE_MM, 70)
    axes = figure.subplots()
    for i, name in enumerate(classes):
        places = np.flatnonzero(target[order] == i)
        colour = CLASS_COLOURS[i % len(CLASS_COLOURS)]
        heights = scores[order][places] - base
        axes.bar(places, heights, bottom=base, width=1, color=colour, label=f"{name} (n = {places.size})")
    for cut in cuts:
        axes.axhline(cut, color="black", linewidth=0.8, linestyle="--")
        axes.annotate(f"{cut:.2f}", (1, cut), (2, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    axes.set(xlabel="Lesions, sorted by radscore", ylabel="Radscore", xlim=(-1, len(scores)), xticks=[])
    axes.legend(loc="upper left", title="True class", alignment="left")
    figure.suptitle(f"Radscores of the final model on its {rows} rows (n = {len(scores)} lesions)")
    what = "cut-off" if len(cuts) == 1 else "cut-offs between neighbouring classes"
    flattering = " The model was fitted on these rows, which flatters it." if rows == "training" else ""
    add_note(figure, f"Dashed: {what} of largest sensitivity + specificity on the training rows; bars start "
             f"{'there' if len(cuts) == 1 else 'halfway'}.{flattering}")  # fmt: skip
    return figure


def cut_offs(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return, for each class but the first, the radscore that best tells it and later ones from earlier ones (Youden).

    Parameters
    ----------
    scores, target : numpy.ndarray
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (classes - 1,).
    """
    return np.array([evaluation.youden_threshold(target >= i, scores) for i in range(1, target.max() + 1)])


@for_print
def selection_frequency(selected: list[tuple[str, ...]], final: tuple[str, ...], most: int = 30) -> Figure:
    """Show in how many outer folds each feature was chosen, those of the final model marked.

    Parameters
    ----------
    selected : list of tuple of str
        Columns chosen in each outer fold of each repeat.
    final : tuple of str
        Columns of the final model.
    most : int
        Features shown, the most frequent first.
    """
    counts = frequencies(selected, final)
    names = list(counts)[:most]
    shares = np.array([100 * counts[name] / len(selected) for name in names])
    colours = [BLUE if name in final else LIGHT_GREY for name in names]
    figure = page(DOUBLE_MM, 28 + _BAR_MM * len(names))
    axes = figure.subplots()
    axes.barh(range(len(names)), shares, color=colours, height=0.7)
    name_bars(axes, [f"* {name}" if name in final else name for name in names])
    axes.set(xlabel=f"Share of the {len(selected)} outer folds that chose the feature (%)", xlim=(0, 100))
    shown = f", the {len(names)} most frequent of {len(counts)}" if len(names) < len(counts) else ""
    figure.suptitle(f"How often the LASSO chose each feature over {len(selected)} outer folds{shown}")
    add_note(figure, _final_note(counts, names, final))
    return figure


def frequencies(selected: list[tuple[str, ...]], final: tuple[str, ...]) -> dict[str, int]:
    """Return how many outer folds chose each column, most first; those of the final model too if none did."""
    counts = Counter(dict.fromkeys(final, 0))
    for columns in selected:
        counts.update(columns)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _final_note(counts: dict[str, int], shown: list[str], final: tuple[str, ...]) -> str:
    hidden = len(set(final) - set(shown))
    more = f", {hidden} of them further down in selection.csv" if hidden else ""
    return f"* and blue: in the final model ({len(final)} features{more})."


CLAIMS = {
    ("nested", "test"): "nested: everything refitted in each fold,\nmeasured on held-out patients",
    ("nested without SMOTE", "test"): "nested, without synthetic rows (SMOTE)",
    ("nested without harmonisation", "test"): "nested, without harmonisation (ComBat),\nas are those below",
    ("study", "test"): "study: one split 7:3,\nmeasured on its test rows",
    ("study", "training"): "study: one split 7:3,\nmeasured on its training rows",
    ("leaky", "test"): "leaky: selected on all rows\nbefore the split",
}


def claimed(claims: list[dict]) -> dict[tuple[str, str], list[float]]:
    """Return the AUCs by protocol and rows, in the order in which they are shown."""
    aucs = {key: [claim["auc"] for claim in claims if (claim["protocol"], claim["rows"]) == key] for key in CLAIMS}
    return {key: values for key, values in aucs.items() if values}


@for_print
def protocol_claims(claims: list[dict], title: str) -> Figure:
    """Show the areas under the ROC curve that different protocols claim on the same table.

    Parameters
    ----------
    claims : list of dict
        As :func:`.protocols.compare` returns them.
    title : str
        Stands above.
    """
    aucs = claimed(claims)
    figure = page(DOUBLE_MM, 24 + 9.5 * len(aucs))
    axes = figure.subplots()
    for height, (key, values) in enumerate(aucs.items()):
        colour = BLUE if key[0].startswith("nested") else ORANGE
        axes.plot(values, [height] * len(values), "o", color=colour, alpha=0.7, markersize=4.5, markeredgewidth=0)
        median = float(np.median(values))
        axes.plot([median] * 2, [height - 0.3, height + 0.3], color="black", linewidth=1)
        axes.annotate(f"{median:.2f}", (median, height - 0.3), (0, 1), textcoords="offset points", ha="center")
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(aucs)), [CLAIMS[key] for key in aucs])
    lowest = min(0.45, *(min(values) - 0.03 for values in aucs.values()))
    axes.set(xlabel="Area under the ROC curve", xlim=(lowest, 1.02), ylim=(len(aucs) - 0.4, -0.7))
    figure.suptitle(title)
    add_note(figure, "A dot for each repeat or split, their median as a line. Dashed: no better than chance.")
    return figure


@for_print
def permutations(observed: float, permuted: list[float]) -> Figure:
    """Show the cross-validated AUC beside those obtained after the outcomes were shuffled between patients.

    Parameters
    ----------
    observed : float
        AUC with the true outcomes, of three classes the mean of each against the rest.
    permuted : list of float
        AUCs with shuffled outcomes.
    """
    figure = page(SINGLE_MM, 62)
    axes = figure.subplots()
    axes.hist(permuted, bins="auto", color=LIGHT_GREY, edgecolor="white", linewidth=0.5, label="shuffled outcomes")
    axes.axvline(observed, color=BLUE, linewidth=1.5, label=f"true outcomes: {observed:.2f}")
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlabel="Cross-validated AUC", ylabel="Number of permutations")
    axes.locator_params(axis="x", nbins=6)
    axes.locator_params(axis="y", integer=True)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    p = permutation_p(observed, permuted)
    figure.suptitle(f"{len(permuted)} permutations: mean AUC {np.mean(permuted):.2f}, P = {p:.2g}")
    return figure


def permutation_p(observed: float, permuted: list[float]) -> float:
    """Return the share of AUCs at least as large as the observed one, itself counted (Phipson and Smyth, 2010)."""
    return (1 + sum(auc >= observed for auc in permuted)) / (1 + len(permuted))
