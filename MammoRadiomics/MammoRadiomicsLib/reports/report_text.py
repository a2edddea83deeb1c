"""What a training's report says in plain words, beside its figures and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import centres, reclassification, sample_size
from ..assembly import DEMONSTRATION_NOTE
from . import checklists, methods_text, performance_figures, training_figures
from .html_page import Html, bullets, element, joined, paragraphs
from .report_page import NOT_A_DEVICE

if TYPE_CHECKING:
    from ..learning import Training


def status(training: Training) -> list[str]:
    """Return what a reader must know before anything else."""
    demonstration = training.model.purpose == "demonstration"
    return [DEMONSTRATION_NOTE, NOT_A_DEVICE] if demonstration else [NOT_A_DEVICE]


def sections(training: Training, tables: dict[str, list[dict]]) -> dict[str, Html | list[str]]:
    """Return the words of each section by its key.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    tables : dict of str to list of dict
        The tables of the report, by name.
    """
    by_heading = methods_text.paragraphs(training).items()
    methods = joined(part for heading, text in by_heading for part in (element("h3", heading), element("p", text)))
    return {
        "summary": bullets(_short(training)),
        "baseline": _baseline(tables),
        "features": [*_selected(training), *_stability(training)],
        "performance": _performance(training),
        "combined": _combined(training),
        "centres": _centres(training),
        "protocols": _protocols(tables),
        "chance": _permutations(training),
        "sample_size": [sample_size.statement(training.sample_size)],
        "subgroups": _subgroups(tables.get("subgroups", [])),
        "limitations": bullets(limitations(training)),
        "methods": element("div", methods, class_="methods"),
        "checklists": about_checklists(tables),
    }


def _short(training: Training) -> list[str]:
    manifest, settings = training.model.manifest, training.settings
    facts, metrics = manifest["training"], manifest["metrics"]
    counts = ", ".join(f"{name}: {count}" for name, count in facts["counts"].items())
    views = " and ".join(filter(None, manifest["view_names"])) or "one view"
    key = performance_figures.unseen(metrics)[-1]
    classes = [name for name in metrics[key]["auc"] if name == "macro" or "macro" not in metrics[key]["auc"]]
    found = metrics[key]["auc"][classes[0]]
    of_what = "mean of the classes" if classes[0] == "macro" else classes[0]
    smote = "synthetic rows (SMOTE) balanced the classes" if settings.smote else "no synthetic rows"
    return [
        f"AUC on {ROWS_IN_WORDS[key]} rows ({of_what}): {interval(found)}.",
        f"Trained on {facts['lesions']} lesions of {facts['patients']} patients ({counts}); "
        f"{facts['test_lesions']} lesions kept apart for a test.",
        f"Preset {manifest['preset']['name']}, {views} (views: {settings.views}); {len(manifest['feature_names'])} of "
        f"{facts['columns_offered']:,} columns in the model.",
        f"Protocol {settings.protocol}; {smote}; seed {settings.random_state}.",
    ]


ROWS_IN_WORDS = {"training": "training", "cross_validated": "cross-validated", "test": "test"}


def _baseline(tables: dict[str, list[dict]]) -> list[str]:
    if "table1_outcome" not in tables:
        return []
    return [
        "Counts with percentages of known values, mean (SD) or median (IQR). Standardised differences come first; "
        "under 0.1 is usually taken to be small. P values depend on the number of lesions and take them as independent."
    ]


def _selected(training: Training) -> list[str]:
    without = training.model.manifest["training"]["without_signal"]
    found = [
        f"{len(training.model.feature_names)} columns were selected at a penalty of "
        f"{training.model.manifest['training']['alpha']:.3g}."
    ]
    return found + [f"Nothing learned for {name}: held-out scores did not rise with the risk." for name in without]


def _stability(training: Training) -> list[str]:
    stated = training.model.manifest["training"].get("stability")
    return [stated] if stated else []


def _performance(training: Training) -> list[str]:
    metrics = training.model.manifest["metrics"]
    return [
        f"95% intervals of AUCs: {performance_figures.interval_methods(metrics)}. Optimism is the apparent AUC less "
        "that on rows the model had not seen.",
        f"The threshold was chosen on {_threshold_rows(metrics)} rows (Youden), which flatters the rates there. Rates "
        "with Wilson's 95% intervals.",
    ]


def _threshold_rows(metrics: dict) -> str:
    chosen = [
        key
        for key in ROWS_IN_WORDS
        if key in metrics and "these" in next(iter(metrics[key]["thresholds_from"].values()))
    ]
    return ROWS_IN_WORDS[chosen[0]] if chosen else "other"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as text, or that there is none."""
    return "none" if value is None else f"{value:.{digits}f}"


def interval(value: dict | list | None) -> str:
    """Return a value with its interval as text: a dict of mean, low and high, or a list of the three."""
    if isinstance(value, dict):
        value = [value["mean"], value["low"], value["high"]]
    if value is None or value[0] in (None, ""):
        return "none"
    low, high = ("no limit" if each is None else f"{each:.2f}" for each in value[1:])
    return f"{value[0]:.2f} ({low} to {high})"


def _combined(training: Training) -> list[str]:
    """What is said of the models with clinical predictors; nothing where there are none."""
    found = training.combined
    if found is None:
        return []
    label = f"{found.label[0].upper()}{found.label[1:]}." if found.label else ""
    return [line for line in (label, *found.notes, reclassification.CAUTION) if line]


def _centres(training: Training) -> list[str]:
    if training.centres is None:
        return []
    return [training.model.manifest["training"]["centres"], "Left-out centres are those of radiomics alone."]


def _protocols(tables: dict[str, list[dict]]) -> list[str]:
    if "protocols" not in tables:
        return []
    return ["The same lesions throughout. Training rows and leaks flatter; a single split depends on its luck."]


def _permutations(training: Training) -> list[str]:
    if not training.permuted:
        return []
    from ..evaluation import mean_auc

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
    return [f"On {rows[0]['rows']} rows; intervals are not adjusted for the number of subgroups."]


def limitations(training: Training) -> list[str]:
    """Return what the numbers do not show."""
    settings, metrics = training.settings, training.model.manifest["metrics"]
    found = [_unconfirmed(training)]
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


def _unconfirmed(training: Training) -> str:
    rows = training.centres.rows if training.centres else []
    if not any(row["evidence"] == centres.LEFT_OUT and row["auc"] != "" for row in rows):
        return "No other centre, scanner or reader has confirmed these numbers."
    return (
        f"Values of {training.settings.centre} were left out of the training, but all are of this table; no data from "
        "elsewhere and no other reader have confirmed these numbers."
    )


def about_checklists(tables: dict[str, list[dict]], *more: str) -> Html:
    """Return what stands before the tables of the checklists; `more` comes after its first words."""
    about = (
        "Items that the software can answer are answered with this report's values; the others are for the authors. "
        "Topics are in words of this project: read them beside the published lists. No score is computed."
    )
    return joined([paragraphs([about, *more]), bullets(checklists.counted(tables))])
