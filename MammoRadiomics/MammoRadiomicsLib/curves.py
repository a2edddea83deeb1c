"""The curves and tables of a training's report as plain numbers, for whoever shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import evaluation
from .errors import InputError
from .tables import Row, read_rows

# Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008), red, green and blue from 0 to 1.
BLUE, ORANGE, GREEN, VERMILION = (0.0, 0.45, 0.70), (0.90, 0.62, 0.0), (0.0, 0.62, 0.45), (0.84, 0.37, 0.0)
GREY = (0.46, 0.46, 0.46)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, VERMILION)
ROWS_COLOURS = {"cross-validated": BLUE, "test": VERMILION, "training": GREY}
# Tables of probabilities by what they say of the rows.
PROBABILITIES = {
    "cross-validated": "out_of_fold.csv", "test": "test_probabilities.csv", "training": "training_probabilities.csv",
}  # fmt: skip
# Tables of a combined model by their titles in the scene.
_OF_COMBINED = {
    "Clinical, radiomics and combined model": "model_performance.csv",
    "Differences between the models": "comparison.csv",
}
# What charts show; a chart's key begins with it, and goes on where there are several of a kind.
KINDS = ("roc", "calibration", "decision", "lasso")
LINE, DASHED, POINTS, MARKED = "line", "dashed", "points", "marked"
MOST_FEATURES = 40
_PREFIX = "probability_"


@dataclass(frozen=True)
class Curve:
    """One line, or cloud of points, of a chart.

    Parameters
    ----------
    name : str
        For the legend.
    x, y : numpy.ndarray
        Shape (n,).
    colour : tuple of float
        Red, green and blue, 0 to 1.
    style : {"line", "dashed", "points", "marked"}
        A dashed line is there to compare with; a marked one shows its points as well.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: tuple[float, float, float]
    style: str = LINE


@dataclass(frozen=True)
class Chart:
    """Curves that belong together.

    Parameters
    ----------
    key : str
        Its kind, one of `KINDS`; with what it shows behind it where there are several, as ``roc test``.
    title, x_title, y_title : str
        Texts.
    curves : tuple of Curve
    x_range, y_range : tuple of float, optional
        Fixed ends of an axis.
    x_log : bool
        A logarithmic axis.
    legend : bool
        Whether the curves' names fit beside them.
    """

    key: str
    title: str
    x_title: str
    y_title: str
    curves: tuple[Curve, ...]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    x_log: bool = False
    legend: bool = True


def charts_of(folder: str | Path) -> list[Chart]:
    """Return the charts of a report: ROC, calibration, decision curve and LASSO path.

    Parameters
    ----------
    folder : path
        As :func:`.report.write` fills it.

    Raises
    ------
    InputError
        When a table of the report is missing or is not one of a report.
    """
    folder = Path(folder)
    try:
        shown = {key: read_rows(folder / name) for key, name in PROBABILITIES.items() if (folder / name).is_file()}
        return [
            *roc(shown),
            *calibration(read_rows(folder / "calibration.csv")),
            *decision(read_rows(folder / "decision_curve.csv")),
            *_lassos(folder, next(iter(shown.values()))),
        ]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"The tables in {folder} are not those of a report. Train again.") from error


def tables_of(folder: str | Path) -> dict[str, list[dict]]:
    """Return the tables of a report that a person reads.

    They are the performance on each set of rows, the selected features, and of a combined model the performance beside
    that of its parts and the differences between them (paired AUC, net benefit, reclassification).

    Raises
    ------
    InputError
        When they are missing or are not those of a report.
    """
    folder = Path(folder)
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["metrics"]
        performance = [row for each in metrics.values() if isinstance(each, dict) for row in _performance(each)]
        combined = {title: folder / name for title, name in _OF_COMBINED.items() if (folder / name).is_file()}
        return {"Performance": performance, "Selected features": read_rows(folder / "selection.csv")} | {
            title: read_rows(path) for title, path in combined.items()
        }
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"The tables in {folder} are not those of a report. Train again.") from error


def _performance(measured: dict) -> list[dict]:
    """Return a row for each class of what :func:`.evaluation.measure` found; none for other entries."""
    if "auc" not in measured:
        return []
    return [
        {
            "rows": measured["rows"],
            "class": name,
            "lesions": measured["lesions"],
            "patients": measured["patients"],
            "auc": measured["auc"][name]["mean"],
            "auc_low": measured["auc"][name]["low"],
            "auc_high": measured["auc"][name]["high"],
            "interval": measured["auc"][name]["method"],
            "brier": brier,
            "calibration_slope": measured["calibration"][name]["slope"],
            "calibration_intercept": measured["calibration"][name]["intercept"],
        }
        for name, brier in measured["brier"].items()
    ]


def roc(probabilities: dict[str, list[Row]]) -> list[Chart]:
    """Return ROC curves of mean probabilities with the chance line: one chart, or of several classes one for each rows.

    Parameters
    ----------
    probabilities : dict of str to list of dict
        By what the rows are, such as ``test``: a row for each repeat and lesion.
    """
    groups: dict[str, list[Curve]] = {}
    for rows, table in probabilities.items():
        classes, target, mean = _mean_probabilities(table)
        several = len(classes) > 2
        for i in evaluation.reported(len(classes)):
            curve = _roc_curve(target == i, mean[:, i], *_name_and_colour(rows, classes[i], i, several))
            groups.setdefault(rows if several else "", []).append(curve)
    return [
        Chart(key, title, "1 - specificity", "Sensitivity", (*curves, _diagonal("chance")), (0, 1), (0, 1))
        for key, title, curves in _titled("roc", "ROC", groups)
    ]


def _titled(kind: str, title: str, groups: dict[str, list]) -> Iterator[tuple[str, str, list]]:
    """Return key, title and content of each chart of a kind; the first of them has the kind as its key."""
    for i, (rows, content) in enumerate(groups.items()):
        yield f"{kind} {rows}" if i else kind, f"{title}, {rows}" if rows else title, content


def _mean_probabilities(rows: list[Row]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return classes, class index (n,) and mean probabilities (n, classes) of a table of probabilities."""
    classes = [name[len(_PREFIX) :] for name in rows[0] if name.startswith(_PREFIX)]
    repeats = len({row["repeat"] for row in rows})
    values = np.array([[float(row[_PREFIX + name]) for name in classes] for row in rows])
    target = np.array([classes.index(row["outcome"]) for row in rows[: len(rows) // repeats]])
    return classes, target, values.reshape(repeats, len(target), len(classes)).mean(axis=0)


def _roc_curve(positive: np.ndarray, probability: np.ndarray, name: str, colour: tuple) -> Curve:
    thresholds = np.concatenate([[np.inf], np.unique(probability)[::-1]])
    called = probability >= thresholds[:, None]
    return Curve(name, called[:, ~positive].mean(axis=1), called[:, positive].mean(axis=1), colour)


def calibration(rows: list[Row]) -> list[Chart]:
    """Return predicted against observed shares, in groups and smoothed, with the line of perfect calibration."""
    titles = ("Predicted probability", "Observed share")
    return [
        Chart(key, title, *titles, (*_calibration_curves(part), _diagonal("perfect")), (0, 1), (0, 1))
        for key, title, part in _titled("calibration", "Calibration", _grouped(rows))
    ]


def _calibration_curves(rows: list[Row]) -> Iterator[Curve]:
    for kind, style in (("smoothed", LINE), ("binned", POINTS)):
        for (name, colour), part in _parts([row for row in rows if row["curve"] == kind]):
            label = name if style == LINE else f"{name}, groups"
            yield Curve(label, _column(part, "predicted"), _column(part, "observed"), colour, style)


def decision(rows: list[Row]) -> list[Chart]:
    """Return the net benefit at each threshold, beside treating all and treating none."""
    groups = _titled("decision", "Decision curve", _grouped(rows))
    return [_decision_chart(key, title, part) for key, title, part in groups]


def _decision_chart(key: str, title: str, rows: list[Row]) -> Chart:
    curves = []
    for (name, colour), part in _parts(rows):
        thresholds = _column(part, "threshold")
        curves.append(Curve(name, thresholds, _column(part, "net_benefit"), colour))
        curves.append(Curve(f"{name}: treat all", thresholds, _column(part, "treat_all"), colour, DASHED))
    curves.append(Curve("treat none", thresholds, np.zeros(len(thresholds)), GREY, DASHED))
    highest = max(float(curve.y.max()) for curve in curves)
    limits = (float(thresholds[0]), float(thresholds[-1]))
    titles = ("Threshold probability", "Net benefit")
    return Chart(key, title, *titles, tuple(curves), limits, (-0.3 * highest, 1.1 * highest))


def _lassos(folder: Path, probabilities: list[Row]) -> list[Chart]:
    """Return the path of the LASSO; with one for each class that of the last class first, as the report has it."""
    first, others = lasso(read_rows(folder / "lasso_path.csv")), {}
    classes = [name[len(_PREFIX) :] for name in probabilities[0] if name.startswith(_PREFIX)]
    for i, name in enumerate(classes):
        path = folder / f"lasso_path_{i}.csv"
        if path.is_file():
            others[name] = read_rows(path)
    if others:
        first = replace(first, title=f"{first.title}, {classes[-1]}")
    named = ((f"lasso {name}", name, lasso(rows)) for name, rows in others.items())
    return [first, *(replace(chart, key=key, title=f"{chart.title}, {name}") for key, name, chart in named)]


def lasso(rows: list[Row]) -> Chart:
    """Return the coefficients of the features over the penalty, those of the model in colour.

    Of many features those of the model and the largest others are kept.
    """
    names = list(rows[0])[4:]
    alphas = _column(rows, "alpha")
    weights = np.array([_column(rows, name) for name in names])
    chosen = int(_column(rows, "chosen").argmax())
    order = np.lexsort((-np.abs(weights).max(axis=1), weights[:, chosen] == 0))
    curves = [Curve(names[k], alphas, weights[k], _sign_colour(weights[k, chosen])) for k in order[:MOST_FEATURES]]
    ends = np.array([weights.min(), weights.max()])
    curves.append(Curve("penalty chosen", np.full(2, alphas[chosen]), ends, GREY, DASHED))
    return Chart("lasso", "LASSO path", "Penalty alpha", "Coefficient", tuple(curves), x_log=True, legend=False)


def _sign_colour(weight: float) -> tuple[float, float, float]:
    return BLUE if weight > 0 else ORANGE if weight < 0 else GREY


def _grouped(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows of each chart: all of them, or of several classes each set of rows, lest curves are too many."""
    if len({row["class"] for row in rows}) == 1:
        return {"": rows}
    return {each: [row for row in rows if row["rows"] == each] for each in dict.fromkeys(row["rows"] for row in rows)}


def _parts(rows: list[Row]) -> list[tuple[tuple[str, tuple], list[Row]]]:
    """Separate the rows of a chart by what they are and by class, with name and colour."""
    keys = list(dict.fromkeys((row["rows"], row["class"]) for row in rows))
    classes = list(dict.fromkeys(name for _, name in keys))
    return [
        (
            _name_and_colour(*key, classes.index(key[1]), len(classes) > 1),
            [row for row in rows if (row["rows"], row["class"]) == key],
        )
        for key in keys
    ]


def _name_and_colour(rows: str, name: str, i: int, several: bool) -> tuple[str, tuple[float, float, float]]:
    """Of two classes only one is shown, so the colour tells the rows; of several it tells the class."""
    if several:
        return f"{name}, {rows}", CLASS_COLOURS[i % len(CLASS_COLOURS)]
    return rows, ROWS_COLOURS[rows]


def _column(rows: list[Row], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def _diagonal(name: str) -> Curve:
    return Curve(name, np.array([0.0, 1.0]), np.array([0.0, 1.0]), GREY, DASHED)
