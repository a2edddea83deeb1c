"""Training a model on a table, and measuring it on rows that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from . import assembly, evaluation, lasso_svm, lesions, presets, sample_size, stability, validation
from .errors import InputError
from .evaluation import Evidence
from .lesions import Lesions
from .progress import Progress, silent
from .selection import LassoPath, StableColumns
from .settings import SLNM_THRESHOLDS, STUDY_HOLDOUT, TrainingSettings
from .tables import FeatureTable, spacing_of
from .trained_model import Model

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV


@dataclass(frozen=True)
class Training:
    """A trained model and the evidence for it.

    Parameters
    ----------
    model : Model
        Fitted on all training lesions.
    lesions, test_lesions : Lesions
        What it was trained on, and what was kept from it (None without a split).
    stable : StableColumns
        Which columns the ICC let pass.
    evidence : dict of Evidence
        ``training``, ``cross_validated`` (nested protocol), ``test`` (with a split).
    lasso : tuple of LassoPath
        Of the final fit: one, or one for each class against the rest.
    selected : list of tuple of str
        Columns selected in each outer fold of each repeat.
    permuted : list of float
        Mean AUC of the nested protocol on each permutation of the outcomes.
    sample_size : dict
        See :func:`.sample_size.requirements`.
    """

    model: Model
    lesions: Lesions
    test_lesions: Lesions | None
    stable: StableColumns
    evidence: dict[str, Evidence]
    lasso: tuple[LassoPath, ...]
    selected: list[tuple[str, ...]]
    permuted: list[float]
    sample_size: dict

    @property
    def settings(self) -> TrainingSettings:
        """Every choice that was made."""
        return TrainingSettings.from_json(self.model.manifest["training"]["settings"])


def train(
    table: FeatureTable,
    outcome: str,
    settings: TrainingSettings | None = None,
    progress: Progress = silent,
    preset: presets.Preset | None = None,
    *,
    stable_features: dict[str, bool] | None = None,
    jobs: int = 1,
) -> Training:
    """Train a model and measure it as its protocol says.

    Parameters
    ----------
    table : FeatureTable
        Features with the outcome's column (see :func:`.cohort.with_cohort`).
    outcome : str
        ``slnm``, ``her2`` or any column with two or more classes.
    settings : TrainingSettings, optional
        The study's by default.
    progress : callable
        Called after each outer fold.
    preset : Preset, optional
        What the features were extracted with; by default the shipped preset that the table names.
    stable_features : dict, optional
        Whether each feature is stable, from a separate reproducibility table (see :func:`.stability.read_stable`);
        by default judged on repeated outlines of training patients, where the table has any.
    jobs : int
        Processes that fit outer folds at the same time; the result is the same for any number.

    Raises
    ------
    InputError
        Mixed presets, mixed pixel spacings without resampling, too few lesions in a class.
    """
    settings = settings or TrainingSettings()
    settings.validate()
    preset = _one_preset(table, preset)
    data = lesions_of(table, outcome, settings)
    stable = stable_columns(table, data.names, settings, stable_features)
    known, kept = _train_and_test(data, outcome, settings)
    evidence, selected, permuted = {}, [], []
    if settings.protocol == "nested":
        evidence["cross_validated"], selected, permuted = validation.cross_validate(
            known, stable, settings, progress, jobs
        )
    with validation.quick_and_single():
        fitted = _final(known, stable, settings)
    evidence |= {"training": _evidence("training", fitted, known)}
    if kept:
        evidence |= {"test": _evidence("test", fitted, kept)}
    needed = sample_size.requirements(_counts(known), len(data.names))
    training = {
        "test_lesions": len(kept.target) if kept else 0,
        "calibrated_prevalence": _calibrated_prevalence(data.classes, settings),
        "stability": _stability_in_words(stable, known, settings, stable_features is not None),
        "sample_size": sample_size.statement(needed),
    }
    manifest = assembly.manifest_of(known, preset, settings) | {
        "outcome": outcome,
        "pixel_spacing_mm": _one_spacing(table, preset),
        "metrics": measured(evidence, settings),
        "thresholds": list(SLNM_THRESHOLDS) if outcome == "slnm" else None,
    }
    manifest["training"] |= training
    selection = lasso_svm.selection_of(fitted)
    model = assembly.assemble(fitted, replace(known, values=selection.filled(known.values)), manifest)
    paths = tuple(replace(path, names=tuple(data.names[i] for i in path.columns)) for path in selection.paths)
    return Training(model, known, kept, stable, evidence, paths, selected, permuted, needed)


def _train_and_test(data: Lesions, outcome: str, settings: TrainingSettings) -> tuple[Lesions, Lesions | None]:
    """Return what is learned from and what is kept from it; refuse where either has too little of a class."""
    holdout = settings.holdout or (STUDY_HOLDOUT if settings.protocol == "study" else 0.0)
    rows, test_rows = validation.split_rows(data, holdout, settings.random_state)
    known, kept = data.take(rows), data.take(test_rows) if test_rows.size else None
    _refuse_small_classes(known, outcome, settings)
    if kept and len(np.unique(kept.target)) < len(data.classes):
        raise InputError(f"The test rows lack a class of {outcome}. Keep more patients for the test, or none.")
    return known, kept


def lesions_of(table: FeatureTable, outcome: str, settings: TrainingSettings) -> Lesions:
    """Return the lesions that a training with these settings is about; InputError where features are missing."""
    data = lesions.from_table(
        table, outcome, settings.views,
        reader=settings.reader, split=settings.split, complete=settings.missing == "complete",
    )  # fmt: skip
    missing = np.isnan(data.values)
    if settings.missing == "refuse" and missing.any():
        row, column = np.argwhere(missing)[0]
        raise InputError(
            f"Case {data.keys[row][0]} has no value of {data.names[column]}; {missing.any(axis=1).sum()} lesions lack "
            "a feature. Leave them out (missing: complete) or fill in medians (missing: impute)."
        )
    return data


def _final(data: Lesions, stable: StableColumns, settings: TrainingSettings) -> list[CalibratedClassifierCV]:
    """Fit the model itself on all training rows."""
    if settings.protocol == "study":
        return lasso_svm.fit_as_published(data.values, data.target, stable.settled(data.patients, settings), settings)
    return lasso_svm.fit(data.values, data.target, data.patients, stable, settings)


def _evidence(rows: str, fitted: list[CalibratedClassifierCV], data: Lesions) -> Evidence:
    return Evidence(rows, data.classes, data.target, data.patients, assembly.probabilities(fitted, data.values)[None])


def measured(evidence: dict[str, Evidence], settings: TrainingSettings) -> dict:
    """Measure a model on all its evidence, at operating points from cross-validated rows (study: training rows).

    Returns
    -------
    dict
        ``protocol``, what :func:`.evaluation.measure` says of each evidence, and ``optimism``: by how much the AUC on
        training rows exceeds the cross-validated one (without one, that on test rows).
    """
    # As published, the study's operating point is the one that suits its training rows best.
    first, held_out = ("cross_validated",) * 2 if settings.protocol == "nested" else ("training", "test")
    metrics = {first: evaluation.measure(evidence[first], settings.random_state)}
    points = {name: point["threshold"] for name, point in metrics[first]["operating_point"].items()}
    metrics |= {
        name: evaluation.measure(each, settings.random_state, points)
        for name, each in evidence.items()
        if name != first
    }
    optimism = {
        name: auc["mean"] - metrics[held_out]["auc"][name]["mean"]
        for name, auc in metrics["training"]["auc"].items()
        if None not in (auc["mean"], metrics[held_out]["auc"][name]["mean"])
    }
    return {"protocol": settings.protocol, **metrics, "optimism": optimism}


def stable_columns(
    table: FeatureTable, columns: tuple[str, ...], settings: TrainingSettings, known: dict[str, bool] | None = None
) -> StableColumns:
    """Return which columns the ICC lets pass.

    Parameters
    ----------
    table : FeatureTable
        Whose repeated outlines are judged, where nothing is `known`.
    columns : tuple of str
        Column names, perhaps with the view in front.
    settings : TrainingSettings
        The limit; 0 lets all pass.
    known : dict, optional
        Whether each feature is stable.
    """
    everything = StableColumns.all(len(columns))
    if not settings.icc:
        return everything
    if known is not None:
        return StableColumns(np.array([known[column.rpartition("/")[2]] for column in columns]))
    repeats = tuple(stability.repeated_outlines(part) for part in lesions.parts_of_views(table, settings.views))
    return everything if None in repeats else StableColumns(everything.fixed, repeats)


def _stability_in_words(stable: StableColumns, known: Lesions, settings: TrainingSettings, separate: bool) -> str:
    what = "ICC" if settings.icc_bound == "value" else "lower 95% limit of the ICC"
    if separate and settings.icc:
        return f"{stable.fixed.sum()} columns have an {what} above {settings.icc:g} in a separate table."
    if not stable.repeats:
        return "No column was left out for its ICC" + ("." if not settings.icc else ": no outline is repeated.")
    repeats = stable.repeats[0].of(known.patients)
    cases = len(repeats.patients)
    few = f" Fewer than {stability.FEW_CASES} cases: the ICC is uncertain." if cases < stability.FEW_CASES else ""
    return (
        f"Columns whose {what} over repeated outlines of the training patients ({cases} cases, {repeats.form}) is not "
        f"above {settings.icc:g} were left out.{few}"
    )


def _calibrated_prevalence(classes: tuple[str, ...], settings: TrainingSettings) -> dict[str, float] | None:
    """Return the share of each class in what calibrates, where it is not that of the real rows."""
    balanced_first = settings.protocol == "study" and settings.smote
    return dict.fromkeys(classes, 1 / len(classes)) if balanced_first else None


def _counts(data: Lesions) -> dict[str, int]:
    return dict(zip(data.classes, np.bincount(data.target, minlength=len(data.classes)).tolist(), strict=True))


def _one_preset(table: FeatureTable, preset: presets.Preset | None) -> presets.Preset:
    names = {row.get("preset", "") for row in table.rows}
    if len(names) != 1 or not next(iter(names)):
        raise InputError(f"The features come from the presets {sorted(names)}; a model needs one. Extract them again.")
    name = names.pop()
    if preset is not None and preset.name != name:
        raise InputError(f"The features come from the preset {name}, not from {preset.name}. Give the preset used.")
    return preset or presets.load(name)


def _one_spacing(table: FeatureTable, preset: presets.Preset) -> float | None:
    """Return the cohort's pixel spacing in mm; refuse a mixture that no resampling makes equal."""
    spacings = sorted(spacing for spacing in {spacing_of(row) for row in table.rows} if spacing is not None)
    if not spacings:
        return None
    if not preset.resamples and spacings[-1] > 1.01 * spacings[0]:
        raise InputError(
            f"The cohort mixes pixel spacings from {spacings[0]:g} to {spacings[-1]:g} mm and the preset {preset.name} "
            "does not resample. Use mammo-2d, or one spacing."
        )
    return float(np.median(spacings))


def _refuse_small_classes(data: Lesions, outcome: str, settings: TrainingSettings) -> None:
    least = settings.folds + settings.calibration_folds
    for i, name in enumerate(data.classes):
        patients = len(np.unique(data.patients[data.target == i]))
        if patients < least:
            raise InputError(
                f"The class {name!r} of {outcome} has {patients} patients; {settings.folds} outer and "
                f"{settings.calibration_folds} calibration folds need at least {least}. Add cases or take fewer folds."
            )
