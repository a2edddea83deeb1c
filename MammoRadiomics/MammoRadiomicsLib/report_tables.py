"""The tables of a training's report: every number behind its figures, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import evaluation, performance_figures, training_figures
from .errors import InputError

if TYPE_CHECKING:
    from .evaluation import Evidence
    from .learning import Training
    from .lesions import Lesions
    from .selection import LassoPath

PROBABILITIES = {"cross_validated": "out_of_fold", "test": "test_probabilities", "training": "training_probabilities"}
_MOST_PARTS, _HALVED_FROM = 12, 6
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def without_formulas(rows: list[dict]) -> list[dict]:
    """Return rows in which no text is a formula for a spreadsheet program: an apostrophe goes in front.

    Names of patients, lesions and classes come from other people's tables. Numbers, and a sign alone, stay as they are.
    """
    return [{_harmless(name): _harmless(cell) for name, cell in row.items()} for row in rows]


def _harmless(cell):
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
    lesions = training.test_lesions if key == "test" else training.lesions
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
    cells = np.array([row[column] for row in lesions.rows], dtype=object)
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
