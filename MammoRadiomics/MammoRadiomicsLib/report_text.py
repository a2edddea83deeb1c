"""What a training's report says in plain words, beside its figures and tables."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import numpy as np

from . import performance_figures, sample_size, training_figures
from .assembly import DEMONSTRATION_NOTE
from .prediction import outcome_names

if TYPE_CHECKING:
    from .learning import Training
    from .settings import TrainingSettings

_ROWS = {"training": "training (apparent)", "cross_validated": "cross-validated", "test": "test"}
_MEASURES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
FILES = {
    "card.txt": "the model's card",
    "metrics.json": "every measure with its interval and method, settings, sample size, versions",
    "out_of_fold.csv": "each lesion's probabilities, repeat by repeat, from models that had not seen its patient",
    "test_probabilities.csv": "each test lesion's probabilities",
    "training_probabilities.csv": "each training lesion's probabilities by the model fitted on it",
    "radscores.csv": "each lesion's radscore by the final model",
    "lasso_path.csv": "the LASSO's held-out error and coefficients at each penalty that was visited",
    "selection.csv": "how often each feature was chosen over the outer folds, and its coefficient in the model",
    "calibration.csv": "the points of the calibration curves",
    "decision_curve.csv": "net benefit and interventions avoided at each threshold",
    "protocols.csv": "the AUC that each protocol claims, split by split",
    "permuted.csv": "the AUC on each permutation of the outcomes",
    "subgroups.csv": "AUC by subgroup",
    "performance.png": "ROC curves, calibration, decision curves",
    "confusion.png": "true and called classes",
    "lasso.png": "coefficients and error over the penalty",
    "weights.png": "coefficients of the selected features",
    "radscores.png": "radscores of the training rows by true class",
    "radscores_test.png": "radscores of the test rows by true class",
    "selection.png": "how often features were chosen",
    "protocols.png": "what the protocols claim",
    "permutations.png": "AUC with true and with shuffled outcomes",
    "subgroups.png": "AUC by subgroup",
}


def summary(training: Training, claims: list[dict], subgroups: list[dict], files: list[str]) -> str:
    """Return the report's summary as Markdown.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    claims, subgroups : list of dict
        As :func:`.protocols.compare` and :func:`.report_tables.subgroups` return them; may be empty.
    files : list of str
        Names of the files beside it.
    """
    title, _ = outcome_names(training.model.outcome)
    sections = {
        f"# {plain(title)}: a LASSO-SVM and how far to trust it": _trained(training),
        "## How well it does": _performance(training),
        "## What other protocols would have claimed": _protocols(claims),
        "## Against chance": _permutations(training),
        "## Are there enough lesions?": [sample_size.statement(training.sample_size)],
        "## Subgroups": _subgroups(subgroups),
        "## Limitations": [f"- {each}" for each in _limitations(training)],
        "## Files": _files(files),
    }
    return "\n".join(f"{heading}\n\n" + "\n".join(lines) + "\n" for heading, lines in sections.items() if lines)


def plain(text: str) -> str:
    """Return text from a stranger's table so that Markdown and HTML take it for text, on one line."""
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def table(rows: list[dict]) -> list[str]:
    """Return rows as the lines of a Markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]


def _trained(training: Training) -> list[str]:
    manifest, settings = training.model.manifest, training.settings
    facts = manifest["training"]
    counts = ", ".join(f"{plain(name)} {count}" for name, count in facts["counts"].items())
    left_out = ", ".join(f"{count} ({plain(reason)})" for reason, count in facts["excluded_lesions"].items()) or "none"
    views = " and ".join(map(plain, filter(None, manifest["view_names"]))) or "one view"
    smote = "synthetic rows (SMOTE) balanced the classes" if settings.smote else "no synthetic rows"
    return [
        *([DEMONSTRATION_NOTE, ""] if training.model.purpose == "demonstration" else []),
        f"- Lesions: {facts['lesions']} of {facts['patients']} patients ({counts}); left out: {left_out}.",
        f"- Test rows kept apart: {facts['test_lesions']} lesions.",
        f"- Features: preset {plain(manifest['preset']['name'])}, {views} (views: {settings.views}); "
        f"{len(manifest['feature_names'])} of {facts['columns_offered']:,} columns kept, penalty {facts['alpha']:.3g}.",
        *([f"- {facts['stability']}"] if facts.get("stability") else []),
        f"- Protocol: {_protocol(settings)}",
        f"- Fit: {smote}; seed {settings.random_state}.",
    ]


def _protocol(settings: TrainingSettings) -> str:
    if settings.protocol == "study":
        balanced = ", balanced before they were standardised" if settings.smote else ""
        return f"study, fitted once on the training rows of one split{balanced}."
    times = "once" if settings.repeats == 1 else f"{settings.repeats} times"
    return f"nested, {settings.folds} folds by patient drawn {times}, everything that learns refitted in each."


def _performance(training: Training) -> list[str]:
    metrics = training.model.manifest["metrics"]
    keys = [key for key in _ROWS if key in metrics]
    names = list(metrics[keys[0]]["auc"])
    aucs, points = [], []
    for name in names:
        shown = "mean of the classes" if name == "macro" else plain(name)
        by_rows = {f"AUC, {_ROWS[key]}": interval(metrics[key]["auc"][name]) for key in keys}
        optimism = metrics["optimism"].get(name)
        aucs.append({"class": shown} | by_rows | {"optimism": number(optimism)})
        points += [{"class": shown, "rows": _ROWS[key]} | _point(metrics[key], name) for key in keys if name != "macro"]
    return [
        *table(aucs), "",
        f"AUC with 95% intervals ({performance_figures.interval_methods(metrics)}). Optimism is the apparent AUC less "
        "that on rows the model had not seen.", "",
        *table(points), "",
        f"The threshold was chosen on {_threshold_rows(metrics)} rows (Youden), which flatters the rates there. "
        "Wilson's 95% intervals.",
    ]  # fmt: skip


def _threshold_rows(metrics: dict) -> str:
    chosen = [
        key for key in _ROWS if key in metrics and "these" in next(iter(metrics[key]["thresholds_from"].values()))
    ]
    return _ROWS[chosen[0]] if chosen else "other"


def _point(measured: dict, name: str) -> dict:
    """What an operating point gets right, with calibration beside it."""
    point, fit = measured["operating_point"][name], measured["calibration"][name]
    rates = {each.upper() if each in ("ppv", "npv") else each: interval(point[each]) for each in _MEASURES}
    return (
        {"lesions": measured["lesions"], "threshold": number(point["threshold"], 3)}
        | rates
        | {"Brier": number(measured["brier"][name], 3)}
        | {f"calibration {each}": number(fit[each]) for each in ("slope", "intercept")}
    )


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as text, or that there is none."""
    return "none" if value is None else f"{value:.{digits}f}"


def interval(value: dict | list | None) -> str:
    """Return a value with its interval as text: a dict of mean, low and high, or a list of the three."""
    if isinstance(value, dict):
        value = [value["mean"], value["low"], value["high"]]
    return "none" if value is None or value[0] is None else f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"


def _protocols(claims: list[dict]) -> list[str]:
    aucs = training_figures.claimed(claims)
    if not aucs:
        return []
    rows = [
        {
            "protocol": training_figures.CLAIMS[key].replace("\n", " "),
            "splits": len(values),
            "median AUC": number(float(np.median(values))),
            "lowest": number(min(values)),
            "highest": number(max(values)),
        }
        for key, values in aucs.items()
    ]
    return [
        *table(rows),
        "",
        "The same lesions throughout. Training rows and leaks flatter; a single split depends on its luck.",
    ]


def _permutations(training: Training) -> list[str]:
    if not training.permuted:
        return []
    from .evaluation import mean_auc

    observed = mean_auc(training.evidence["cross_validated"])
    p = training_figures.permutation_p(observed, training.permuted)
    return [
        f"With the outcomes shuffled {len(training.permuted)} times the cross-validated AUC was "
        f"{np.mean(training.permuted):.2f} on average ({min(training.permuted):.2f} to {max(training.permuted):.2f}); "
        f"with the true outcomes {observed:.2f} (P = {p:.2g})."
    ]


def _subgroups(rows: list[dict]) -> list[str]:
    if not rows:
        return []
    shown = [
        {
            "subgroup": f"{plain(row['column'])}: {plain(row['subgroup'])}",
            "class": plain(row["class"]),
            "lesions": row["lesions"],
            "of the class": row["positives"],
            "AUC": interval([row["auc"], row["low"], row["high"]]),
        }
        for row in rows
    ]
    return [*table(shown), "", f"On {rows[0]['rows']} rows; intervals are not adjusted for the number of subgroups."]


def _limitations(training: Training) -> list[str]:
    settings, metrics = training.settings, training.model.manifest["metrics"]
    found = ["No other centre, scanner or reader has confirmed these numbers."]
    if training.model.purpose == "demonstration":
        found.insert(0, "The images are synthetic; the numbers say nothing about patients.")
    if settings.protocol == "study":
        found.append("There is one split, so the test AUC depends on its luck; see what other splits claim.")
    if settings.protocol == "study" and settings.smote:
        found.append(
            "Calibration was fitted on rows made equally many by SMOTE: probabilities are too extreme, too high for "
            "rare classes and too low for frequent ones."
        )
    if "test" not in metrics:
        found.append("There are no untouched test rows; performance is cross-validated.")
    if "cross_validated" in metrics:
        found.append("Intervals of cross-validated AUCs hold the models fixed; refitted models would vary more.")
    needed = training.sample_size["needed"]
    if needed is None or needed > training.sample_size["lesions"]:
        found.append("There are too few lesions for so many candidates; which features are selected is largely chance.")
    if len(np.unique(training.lesions.patients)) < len(training.lesions.target):
        found.append("Some patients have several lesions; Wilson's intervals take lesions as independent.")
    return [*found, "Not a medical device."]


def _files(files: list[str]) -> list[str]:
    listed = []
    for name in (name for name in FILES if name in files):
        listed.append(f"- `{name}`: {FILES[name]}" + ("; also as SVG" if name.endswith(".png") else ""))
    others = [name for name in files if name.startswith("lasso_path_")]
    listed += [f"- `{name}`: the same for another class against the rest" for name in others]
    return [
        *listed,
        "",
        "In the tables an apostrophe stands before text that a spreadsheet program would take for a formula.",
    ]
