"""What a training can say to the items of reporting checklists, with its own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import sample_size
from . import checklists, methods_text, report_cohort, report_text

if TYPE_CHECKING:
    from ..learning import Training

_SOFTWARE = "MammoRadiomics, open source under Apache 2.0"


def answers(training: Training, subgroups: list[dict], tables: dict[str, list[dict]]) -> dict[str, str]:
    """Return an answer by key of :mod:`.checklists`; what cannot be answered from the data is not there.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    subgroups : list of dict
        As :func:`.report_tables.subgroups` returns them; may be empty.
    tables : dict of str to list of dict
        The other tables of the report, by name.
    """
    methods = methods_text.parts(training)
    found = {
        "checklists": f"{', '.join(checklists.LISTS)}: these tables.",
        "steps": "Methods, in the order of the steps.",
        "no_deep_learning": "No deep learning.",
        "no_updating": "The model was not updated.",
        "limitations": " ".join(report_text.limitations(training)),
        "system": "Slicer extension MammoRadiomics applies the model file.",
        "settings_file": "Preset and settings are in the model file; settings.csv.",
        "users": "A user outlines the lesion on each view.",
        "poor_input": "Missing features, views and unlike lesions are refused or give a warning.",
        "sample_size": sample_size.statement(training.sample_size),
        **methods,
        **_of_cohort(training, tables),
        **_of_model(training),
        **_of_performance(training, subgroups, tables),
    }
    return {key: text for key, text in found.items() if text}


def _of_cohort(training: Training, tables: dict[str, list[dict]]) -> dict[str, str]:
    counted = [row for name in ("table1_outcome", "table1_split") for row in tables.get(name, ())]
    names = list(dict.fromkeys(row["variable"] for row in counted))
    facts = training.model.manifest["training"]
    reasons = "; ".join(f"{count}: {reason}" for reason, count in facts["excluded_lesions"].items())
    return {
        "flow": f"Left out: {reasons}. flow.csv." if reasons else "No lesion of the table was left out. flow.csv.",
        "baseline": f"Table 1 with {', '.join(names)}." if names else "",
        "clinical": f"Beside the features the table has {', '.join(names)}." if names else "",
        "missing": _missing(training, tables.get("table1_outcome", [])),
        "interval": _interval(training),
        "readers": _readers(training),
        "events": _events(training),
        "differences": "Table 1 by split compares training and test rows." if "table1_split" in tables else "",
    }


def _missing(training: Training, table1: list[dict]) -> str:
    parts = [each for each in (training.lesions, training.test_lesions) if each is not None]
    lacking = sum(int(np.isnan(each.values).any(axis=1).sum()) for each in parts)
    columns = len({row["variable"] for row in table1 if row["level"] == "missing"})
    clinical = f" {columns} clinical columns lack values, counted in Table 1." if columns else ""
    return f"{lacking} lesions lack a feature. {methods_text.MISSING[training.settings.missing]}{clinical}"


def _interval(training: Training) -> str:
    days = report_cohort.known_days(training)
    if not days.size:
        return ""
    low, middle, high = np.percentile(days, (25, 50, 75))
    return (
        f"From imaging to surgery: median {middle:g} days (IQR {low:g} to {high:g}, range {days.min():g} to "
        f"{days.max():g}; {days.size} lesions)."
    )


def _readers(training: Training) -> str:
    repeats = training.stable.repeats
    if not repeats:
        return "One reader's outlines."
    what = "readers" if repeats[0].form == "ICC(2,1)" else "perturbed contours of one reader's outline"
    return f"{repeats[0].ratings.shape[1]} {what} for the ICC; one reader's outlines train."


def _events(training: Training) -> str:
    parts = {"training": training.lesions, "test": training.test_lesions}
    found = []
    for name, lesions in parts.items():
        if lesions is not None:
            counts = np.bincount(lesions.target, minlength=len(lesions.classes)).tolist()
            classes = ", ".join(f"{label} {n}" for label, n in zip(lesions.classes, counts, strict=True))
            found.append(f"{name} {len(lesions.target)} ({classes})")
    return f"Lesions: {'; '.join(found)}."


def _of_model(training: Training) -> dict[str, str]:
    model, metrics = training.model, training.model.manifest["metrics"]
    thresholds = next(metrics[key] for key in ("cross_validated", "training") if key in metrics)["operating_point"]
    found = ", ".join(
        f"{name}: {report_text.number(point['threshold'], 3)}" for name, point in thresholds.items()
    )  # fmt: skip
    limits = model.manifest["thresholds"]
    bands = f" Bands at {limits[0]:.0%} and {limits[1]:.0%}, as published." if limits else ""
    counts = ", ".join(f"{name} {n}" for name, n in model.manifest["training"]["counts"].items())
    smote = methods_text.balance(training.settings)
    return {
        "output": f"A probability of each class. Thresholds by Youden's index: {found}.{bands}",
        "imbalance": f"Training lesions: {counts}. {smote} {methods_text.calibration(training.settings)}",
        "feature_statistics": (
            f"{len(model.feature_names)} of {len(training.lesions.names):,} columns selected; how often each was "
            "chosen over the folds is in selection.csv."
        ),
        "explanation": "Weights of the features; Shapley values of each prediction.",
        "model_file": "The model file holds everything to compute predictions, and its card (card.txt).",
        "software": f"{_SOFTWARE}. {methods_text.software(training)}",
    }


def _of_models(training: Training, tables: dict[str, list[dict]]) -> dict[str, str]:
    """What models beside radiomics, and other centres, have to say."""
    protocols = "Protocols compared on the same lesions, without a test of significance." * ("protocols" in tables)
    centres = methods_text.centres(training)
    combined = methods_text.combined(training)
    differences = [
        f"{row['first']} less {row['second']}, {row['class']}, {row['rows']}: "
        + report_text.interval([row["auc_difference"], row["low"], row["high"]])
        for row in tables.get("comparison", [])
    ]
    return {
        "combined_results": f"Differences of AUCs: {'; '.join(differences)}." if differences else "",
        "comparison": "Paired differences of AUCs with intervals: comparison.csv." if combined else protocols,
        "combined": combined,
        "simple": "A logistic model of clinical columns: model_performance.csv." if combined else "",
        "centres": f"{centres} centres.csv." if centres else "",
    }


def _of_performance(training: Training, subgroups: list[dict], tables: dict[str, list[dict]]) -> dict[str, str]:
    rows = tables["performance"]
    aucs = [
        f"{row['class']}, {row['rows']}: AUC {report_text.interval([row['auc'], row['low'], row['high']])}"
        for row in rows
    ]
    slopes = [
        f"{row['class']}, {row['rows']}: slope {report_text.number(row['slope'] or None)}, Brier {row['brier']:.3f}"
        for row in rows
        if row["class"] != "macro"
    ]
    columns = ", ".join(dict.fromkeys(row["column"] for row in subgroups))
    by = f"AUC with intervals in subgroups by {columns}." if columns else ""
    return {
        "performance": "; ".join(aucs) + ".",
        "calibration": "; ".join(slopes) + ". Curves in the figure.",
        "subgroups": by,
        "fairness": by,
        "confounders": by,
        **_of_models(training, tables),
    }
