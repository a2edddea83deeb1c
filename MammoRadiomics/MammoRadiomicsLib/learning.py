"""Training a model on a table, and measuring it on rows that it has not seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from . import (
    assembly,
    centre_runs,
    centres,
    combination,
    evaluation,
    lasso_svm,
    lesions,
    presets,
    sample_size,
    stability,
    validation,
)  # fmt: skip
from . import predictors as clinical_predictors
from .centres import Centres
from .combat import Combat
from .combination import COMBINED, Beside, Combined
from .errors import InputError
from .evaluation import Evidence
from .lesions import Lesions
from .predictors import Clinical, Predictors
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
        What it was trained on, and what was kept from it (None without a split), as extracted.
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
    combined : Combined or None
        The clinical and the combined model beside that of radiomics, where there are clinical predictors.
    centres : Centres or None
        How radiomics does in each scanner or centre, where a column says which.
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
    combined: Combined | None = None
    centres: Centres | None = None

    def rows_of(self, key: str) -> Lesions:
        """Return the lesions of one of the `evidence`."""
        return self.test_lesions if key == "test" and self.test_lesions else self.lesions

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
    predictors: Predictors | None = None,
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
    predictors : Predictors, optional
        Clinical columns of the table: a combined model on them and the radscore is fitted and compared with each alone.
        The study's own variables are compared, but make no combined model.

    Raises
    ------
    InputError
        Mixed presets, mixed pixel spacings without resampling, too few lesions in a class.
    """
    settings = settings or TrainingSettings()
    settings.validate()
    preset = _one_preset(table, preset)
    spacing_mm = _one_spacing(table, preset)
    columns = clinical_predictors.names_of(predictors, table, outcome) if predictors else ()
    data = lesions_of(table, outcome, settings, columns)
    stable = stable_columns(table, data.names, settings, stable_features)
    known, kept = _train_and_test(data, outcome, settings)
    clinical = clinical_predictors.prepared(known, kept, columns, predictors) if predictors else None
    ready, ready_kept, combat = _harmonised(known, kept, settings)
    evidence, selected, permuted, beside = {}, [], [], {}
    if settings.protocol == "nested":
        found = validation.cross_validate(
            known, stable, settings, progress, jobs, clinical=clinical.training if clinical else None
        )
        evidence["cross_validated"], selected, permuted = found.evidence, found.selected, found.permuted
        beside["cross_validated"] = found.beside
    with validation.quick_and_single():
        fitted = _final(ready, stable, settings)
        selection = lasso_svm.selection_of(fitted)
        fits = _fit_beside(fitted, ready, clinical, stable, settings) if clinical else None
    evidence |= {"training": _evidence("training", fitted, ready)}
    if ready_kept:
        evidence |= {"test": _evidence("test", fitted, ready_kept)}
    combined = None
    if clinical and fits:
        for key, part in (("training", ready), ("test", ready_kept)):
            if part:
                beside[key] = fits.probabilities(selection.radscores(part.values), clinical.expanded(key))
        combined = _combined(evidence, beside, fits, clinical, settings)
    needed = sample_size.requirements(_counts(known), len(data.names))
    of_centres = _centres(known, stable, evidence.get("cross_validated"), settings, progress, jobs=jobs)
    training = {
        "test_lesions": len(kept.target) if kept else 0,
        "calibrated_prevalence": _calibrated_prevalence(data.classes, settings),
        "stability": _stability_in_words(stable, known, settings, stable_features is not None),
        "sample_size": sample_size.statement(needed),
        "centres": centres.statement(of_centres, dict(Counter(sorted(known.centres)))) if of_centres else "",
    }
    manifest = assembly.manifest_of(known, preset, settings) | {
        "outcome": outcome,
        "pixel_spacing_mm": spacing_mm,
        "metrics": measured(evidence, settings),
        "thresholds": list(SLNM_THRESHOLDS) if outcome == "slnm" else None,
    }
    manifest["training"] |= training
    if of_centres and of_centres.unharmonised:
        plain = evaluation.measure(of_centres.unharmonised, settings.random_state)
        manifest["metrics"]["unharmonised"] = plain | {"rows": "cross-validated, unharmonised"}
    if combined and combined.label:
        fits = None
    elif combined:
        manifest["clinical"] = {"metrics": combined.metrics[COMBINED]}
    filled = replace(ready, values=selection.filled(ready.values))
    model = assembly.assemble(fitted, filled, manifest, fits, clinical.filled if clinical else None, combat=combat)
    paths = tuple(replace(path, names=tuple(data.names[i] for i in path.columns)) for path in selection.paths)
    return Training(model, known, kept, stable, evidence, paths, selected, permuted, needed, combined, of_centres)


def _train_and_test(data: Lesions, outcome: str, settings: TrainingSettings) -> tuple[Lesions, Lesions | None]:
    """Return what is learned from and what is kept from it; refuse where either has too little of a class."""
    holdout = settings.holdout or (STUDY_HOLDOUT if settings.protocol == "study" else 0.0)
    rows, test_rows = validation.split_rows(data, holdout, settings.random_state)
    known, kept = data.take(rows), data.take(test_rows) if test_rows.size else None
    _refuse_small_classes(known, outcome, settings)
    if settings.centre:
        centre_runs.names_of(known)
    if kept and len(np.unique(kept.target)) < len(data.classes):
        raise InputError(f"The test rows lack a class of {outcome}. Keep more patients for the test, or none.")
    return known, kept


def _harmonised(
    known: Lesions, kept: Lesions | None, settings: TrainingSettings
) -> tuple[Lesions, Lesions | None, Combat | None]:
    """Return training and test rows as the model takes them, and what harmonised them."""
    known, fitted = validation.harmonised(known, np.arange(len(known.target)), settings)
    if kept and fitted:
        kept = replace(kept, values=fitted.apply(kept.values, np.array(kept.centres))[0])
    return known, kept, fitted


def _centres(
    known: Lesions,
    stable: StableColumns,
    evidence: Evidence | None,
    settings: TrainingSettings,
    progress: Progress,
    *,
    jobs: int,
) -> Centres | None:
    """Measure each centre, left out and within the cross-validation, without harmonisation beside that with it."""
    if not settings.centre or evidence is None:
        return None
    left_out = centre_runs.leave_one_out(known, stable, settings, progress, jobs)
    within, unharmonised = {centres.WITHIN: evidence}, None
    if settings.harmonise:
        plain = replace(settings, harmonise=False, permutations=0)
        unharmonised = validation.cross_validate(known, stable, plain, progress, jobs).evidence
        within = {centres.WITHIN: unharmonised, centres.HARMONISED: evidence}
    rows = centres.performance(left_out, within, known.centres, settings.random_state)
    return Centres(settings.centre, rows, unharmonised)


def _fit_beside(
    fitted: list[CalibratedClassifierCV],
    known: Lesions,
    clinical: Clinical,
    stable: StableColumns,
    settings: TrainingSettings,
) -> Beside:
    """Fit the clinical and the combined model on all training rows."""
    scores = lasso_svm.cross_fitted_radscores(fitted, known, stable, settings)
    return combination.fit(scores, clinical.expanded("training"), known.target)


def _combined(
    evidence: dict[str, Evidence],
    beside: dict[str, dict[str, np.ndarray]],
    fits: Beside,
    clinical: Clinical,
    settings: TrainingSettings,
) -> Combined:
    """Put the evidence for the three models side by side, each with its own operating points."""
    of_models = {
        model: {key: replace(each, probabilities=beside[key][model]) for key, each in evidence.items()}
        if model in combination.BESIDE
        else evidence
        for model in combination.MODELS
    }
    metrics = {model: measured(each, settings) for model, each in of_models.items()}
    return combination.together(of_models, metrics, fits, clinical, settings.random_state)


def lesions_of(
    table: FeatureTable, outcome: str, settings: TrainingSettings, clinical: tuple[str, ...] = ()
) -> Lesions:
    """Return the lesions that a training with these settings and clinical columns is about.

    InputError where features or clinical values are missing, unless the settings say what becomes of them.
    """
    data = lesions.from_table(
        table, outcome, settings.views,
        reader=settings.reader, split=settings.split, centre=settings.centre, complete=settings.missing == "complete",
    )  # fmt: skip
    missing = np.isnan(data.values)
    if settings.missing == "refuse" and missing.any():
        row, column = np.argwhere(missing)[0]
        raise InputError(
            f"Case {data.keys[row][0]} has no value of {data.names[column]}; {missing.any(axis=1).sum()} lesions lack "
            "a feature. Leave them out (missing: complete) or fill in medians (missing: impute)."
        )
    return clinical_predictors.with_cells(data, table, clinical, settings.missing) if clinical else data


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
    parts = lesions.parts_of_views(table, settings.views)
    repeats = tuple(found for part in parts if (found := stability.repeated_outlines(part)) is not None)
    return StableColumns(everything.fixed, repeats) if len(repeats) == len(parts) else everything


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
