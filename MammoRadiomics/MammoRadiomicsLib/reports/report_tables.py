"""The tables of a training's report: every number behind its figures, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import evaluation
from ..errors import InputError
from ..settings import STUDY_HOLDOUT, TrainingSettings
from ..tables import known_value
from . import performance_figures, training_figures

if TYPE_CHECKING:
    from ..evaluation import Evidence
    from ..learning import Training
    from ..lesions import Lesions
    from ..selection import LassoPath

ROWS = {
    "training": "training (apparent)", "cross_validated": "cross-validated",
    "unharmonised": "cross-validated, unharmonised", "test": "test",
}  # fmt: skip
RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
PROBABILITIES = {"cross_validated": "out_of_fold", "test": "test_probabilities", "training": "training_probabilities"}
_MOST_PARTS, _HALVED_FROM = 12, 6
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def without_formulas(rows: list[dict]) -> list[dict]:
    """Return rows in which no text is a formula for a spreadsheet program: an apostrophe goes in front.

    Names of patients, lesions and classes come from other people's tables. Numbers, and a sign alone, stay as they are.
    """
    return [{_harmless(name): _harmless(cell) for name, cell in row.items()} for row in rows]


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str) or len(cell) < 2 or not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def probabilities(evidence: Evidence, lesions: Lesions) -> list[dict]:
    """One row per repeat and lesion."""
    keys = _keys(lesions)
    return [
        {"repeat": repeat, **key, "outcome": evidence.classes[label]}
        | {f"probability_{name}": value for name, value in zip(evidence.classes, values.tolist(), strict=True)}
        for repeat, rows in enumerate(evidence.probabilities, start=1)
        for key, label, values in zip(keys, evidence.target, rows, strict=True)
    ]


def _keys(lesions: Lesions) -> list[dict]:
    return [dict(zip(("patient_id", "laterality", "lesion_id"), key, strict=True)) for key in lesions.keys]


def radscores(training: Training, lesions: Lesions) -> np.ndarray:
    """Return the radscore of each lesion by the final model, shape (n,); a missing feature is its training median."""
    arrays = training.model.arrays
    columns = [training.lesions.names.index(name) for name in training.model.feature_names]
    values = lesions.values[:, columns]
    if np.isnan(values).any():
        values = np.where(np.isnan(values), np.nanmedian(training.lesions.values[:, columns], axis=0), values)
    if training.model.scanners:
        values, _ = training.model.harmonised(values, np.array(lesions.centres))
    z = (values - arrays["mean"]) / arrays["scale"]
    return z @ arrays["lasso_coef"] + arrays["lasso_intercept"][0]


def radscore_rows(training: Training) -> list[dict]:
    """One row per lesion, training rows first."""
    parts = (("training", training.lesions), ("test", training.test_lesions))
    return [
        {"rows": name, **key, "outcome": lesions.classes[label], "radscore": score}
        for name, lesions in parts
        if lesions is not None
        for key, label, score in zip(_keys(lesions), lesions.target, radscores(training, lesions).tolist(), strict=True)
    ]


def lasso(path: LassoPath) -> list[dict]:
    """One row per penalty: held-out error, its standard error, and the coefficient of each feature."""
    shown = zip(path.alphas, path.errors, path.spread, path.weights.T, training_figures.visited(path), strict=True)
    return [
        {
            "alpha": float(alpha),
            "error": float(error) if np.isfinite(error) else "",
            "spread": float(spread) if np.isfinite(spread) else "",
            "chosen": int(i == path.chosen),
        }
        | dict(zip(path.names, weights.tolist(), strict=True))
        for i, (alpha, error, spread, weights, visited) in enumerate(shown)
        if visited
    ]


def selection(training: Training) -> list[dict]:
    """One row per column that the final model or an outer fold selected, the most frequent first."""
    coefficients = dict(
        zip(training.model.feature_names, training.model.arrays["lasso_coef"].tolist(), strict=True)
    )  # fmt: skip
    folds = len(training.selected)
    return [
        {
            "feature": name,
            "folds_chosen": count,
            "folds": folds,
            "frequency": count / folds if folds else "",
            "in_model": int(name in coefficients),
            "coefficient": coefficients.get(name, ""),
        }
        for name, count in training_figures.frequencies(training.selected, tuple(coefficients)).items()
    ]


def decision_curves(training: Training) -> list[dict]:
    """Rows of :func:`.evaluation.decision_curve` for all rows that the model had not seen."""
    return [
        {"rows": evidence.rows} | row
        for evidence in _unseen(training)
        for row in evaluation.decision_curve(evidence)
    ]  # fmt: skip


def calibrations(training: Training) -> list[dict]:
    """The points of the binned and of the smoothed calibration curves."""
    rows = []
    for evidence in _unseen(training):
        for i in evaluation.reported(len(evidence.classes)):
            positive, probability = evidence.target == i, evidence.mean[:, i]
            groups = performance_figures.calibration_groups(len(positive))
            points = [{"curve": "binned"} | each for each in evaluation.calibration_bins(positive, probability, groups)]
            points += [
                {"curve": "smoothed", "predicted": predicted, "observed": observed}
                for predicted, observed in np.column_stack(
                    evaluation.smoothed_calibration(positive, probability)
                ).tolist()
            ]
            empty = dict.fromkeys(("curve", "predicted", "observed", "low", "high", "lesions"), "")
            rows += [{"rows": evidence.rows, "class": evidence.classes[i]} | empty | point for point in points]
    return rows


def _unseen(training: Training) -> list[Evidence]:
    return [training.evidence[key] for key in performance_figures.unseen(training.evidence)]


def performance(training: Training) -> list[dict]:
    """One row per class and set of rows: AUC, Brier score, calibration, and the optimism of the apparent AUC."""
    metrics, empty = training.model.manifest["metrics"], dict.fromkeys(("brier", "slope", "intercept"), "")
    found = []
    for key in (key for key in ROWS if key in metrics):
        measured = metrics[key]
        for name, auc in measured["auc"].items():
            fit = {"brier": measured["brier"][name]} | measured["calibration"][name] if name != "macro" else empty
            row = {"class": name, "rows": ROWS[key], "lesions": measured["lesions"], "patients": measured["patients"]}
            row |= {"auc": auc["mean"], "low": auc["low"], "high": auc["high"], "interval": auc["method"]}
            row["optimism"] = metrics["optimism"].get(name) if key == "training" else None
            found.append(_without_none(row | {each: fit[each] for each in empty}))
    return found


def operating_points(training: Training) -> list[dict]:
    """One row per class and set of rows: what the threshold gets right, with Wilson's 95% intervals."""
    metrics, found = training.model.manifest["metrics"], []
    for key in (key for key in ROWS if key in metrics):
        measured = metrics[key]
        for name, point in measured["operating_point"].items():
            row = {"class": name, "rows": ROWS[key], "threshold": point["threshold"]}
            row["threshold_from"] = measured["thresholds_from"][name]
            for rate in RATES:
                value, low, high = point[rate] or (None, None, None)
                row |= {rate: value, f"{rate}_low": low, f"{rate}_high": high}
            found.append(_without_none(row))
    return found


def _without_none(row: dict) -> dict:
    return {name: "" if cell is None else cell for name, cell in row.items()}


def claims_summary(claims: list[dict]) -> list[dict]:
    """One row per protocol and rows: the AUCs that it claims over its splits."""
    return [
        {
            "protocol": training_figures.CLAIMS[key].replace("\n", " "),
            "splits": len(values),
            "median": float(np.median(values)),
            "lowest": min(values),
            "highest": max(values),
        }
        for key, values in training_figures.claimed(claims).items()
    ]


def column_steps(training: Training) -> list[dict]:
    """Say how many columns are left after each step of the selection, on all training rows."""
    from sklearn.impute import SimpleImputer

    from ..selection import differing_columns
    from ..validation import harmonised

    settings = training.settings
    data, _ = harmonised(training.lesions, np.arange(len(training.lesions.target)), settings)
    stable = training.stable.among(data.patients, settings)
    counts = {"offered": len(data.names), "stable over repeated outlines": int(stable.sum())}
    if settings.protocol == "nested":
        # The study's test sees synthetic rows as well, which are not kept.
        filled = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(data.values)[:, stable]
        scale = filled.std(axis=0)
        z = (filled - filled.mean(axis=0)) / np.where(scale > 0, scale, 1)
        test = "t-test" if len(data.classes) == 2 else "F-test"
        counts[f"with P < {settings.p_value:g} in the {test}"] = len(
            differing_columns(z, data.target, settings.p_value)
        )
    counts["selected by the LASSO"] = len(training.model.feature_names)
    return [{"step": step, "columns": count} for step, count in counts.items()]


def settings_used(training: Training) -> list[dict]:
    """Every setting with its value, and the study's where it differs."""
    study = TrainingSettings(protocol="study", holdout=STUDY_HOLDOUT).to_json()
    study |= dict.fromkeys(("folds", "repeats"), "no cross-validation")
    # A reader may be a person's name, and a purpose is no part of the method.
    return [
        {"setting": name, "value": value, "study": "same" if study[name] == value else study[name]}
        for name, value in training.settings.to_json().items()
        if name not in ("reader", "purpose")
    ]


def permutations(training: Training) -> list[dict]:
    """The mean AUC of each permutation of the outcomes."""
    return [{"permutation": i, "auc": auc} for i, auc in enumerate(training.permuted, start=1)]


def subgroups(training: Training, columns: tuple[str, ...]) -> list[dict]:
    """Return the AUC in the subgroups that each column makes, on the first rows that the model had not seen.

    Raises
    ------
    InputError
        See :func:`parts`.
    """
    key = performance_figures.unseen(training.evidence)[0]
    lesions = training.rows_of(key)
    evidence, seed = training.evidence[key], training.settings.random_state
    return [
        {"rows": evidence.rows, "column": column} | row
        for column in columns
        for row in evaluation.subgroups(evidence, parts(lesions, column), seed)
    ]


def parts(lesions: Lesions, column: str) -> np.ndarray:
    """Return the subgroup of each lesion, shape (n,), text; a column of many numbers is halved at its median.

    Raises
    ------
    InputError
        When the table has no such column, or it holds too many different texts.
    """
    if not lesions.rows or column not in lesions.rows[0]:
        raise InputError(f"The table has no column {column} for subgroups. Give the cohort that holds it.")
    cells = np.array([known_value(row[column]) for row in lesions.rows], dtype=object)
    found = set(cells) - {""}
    numbers = _numbers(cells)
    if len(found) > _HALVED_FROM and numbers is not None:
        median = float(np.nanmedian(numbers))
        halves = np.where(numbers > median, f"above {median:g}", f"up to {median:g}")
        return np.where(np.isnan(numbers), "", halves)
    if len(found) > _MOST_PARTS:
        raise InputError(
            f"The column {column} has {len(found)} different values; subgroups need {_MOST_PARTS} or fewer. "
            "Join some of them."
        )
    return cells.astype(str)


def _numbers(cells: np.ndarray) -> np.ndarray | None:
    """Return cells as numbers, NaN where empty; None where one is text."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None
