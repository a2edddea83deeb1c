"""The methods of a training as sentences for a paper, with the settings and versions that were used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import evaluation, presets
from ..settings import SLNM_THRESHOLDS
from . import performance_figures

if TYPE_CHECKING:
    from ..learning import Training
    from ..settings import TrainingSettings

STUDY = "Frontiers in Oncology 2025, doi 10.3389/fonc.2025.1578458"
OUTCOMES = {
    "slnm": "The outcome was metastasis in a sentinel lymph node (1) or none (0).",
    "her2": (
        "The outcome was HER2 zero, low or positive by ASCO/CAP 2018: zero is IHC 0; low IHC 1+, or 2+ with negative "
        "FISH; positive IHC 3+, or 2+ with positive FISH. IHC 2+ without FISH has no class."
    ),
}
_VIEWS = {
    "mean": "The features of a lesion's views were averaged.",
    "concat": "The features of a lesion's views stood side by side as separate columns.",
    "CC": "The CC view alone was used.",
    "MLO": "The MLO view alone was used.",
}
MISSING = {
    "refuse": "No feature was missing.",
    "complete": "Lesions with a missing feature were left out.",
    "impute": "Missing features were replaced by medians of the training rows, computed anew in every fold.",
}
_FORMS = {
    "ICC(2,1)": "between readers, ICC(2,1): two-way random effects, absolute agreement, single outline",
    "ICC(1,1)": "over perturbed contours, ICC(1,1): one-way random effects, single outline",
}


def paragraphs(training: Training) -> dict[str, str]:
    """Return the methods, a paragraph by heading.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    """
    found = {
        "Lesions and outcome": " ".join(_lesions(training)),
        "Image features": " ".join(_features(training)),
        "Stability": _stability(training),
        "Selection and model": " ".join(_model(training)),
        "Clinical and combined models": combined(training),
        "Validation": " ".join(_validation(training)),
        "Scanners and centres": centres(training),
        "Performance": " ".join(_performance(training)),
        "Software": software(training),
        "Deviations from the published study": " ".join(_deviations(training)),
    }
    return {heading: text for heading, text in found.items() if text}


def parts(training: Training) -> dict[str, str]:
    """Return pieces of the methods by key of :mod:`.checklists`."""
    settings, preset = training.settings, training.model.preset
    features, model = _features(training), _model(training)
    offered = training.model.manifest["training"]["columns_offered"]
    views = " and ".join(filter(None, training.model.manifest["view_names"])) or "one view"
    return {
        "outcome": OUTCOMES.get(training.model.outcome, f"Classes: {', '.join(training.model.classes)}."),
        "split": _test_rows(training),
        "images": f"Mammograms, {views}. {_spacing(training.model.manifest['pixel_spacing_mm'])}",
        "views": _VIEWS[settings.views],
        "preprocessing": "Images were taken as their files say, without VOI LUT.",
        "resampling": _resampling(preset),
        "discretisation": _discretisation(preset),
        "image_types": features[1],
        "extraction": f"Equal to pyradiomics' values, preset {preset.name}; deviations from IBSI are in the "
        "library's feature_catalogue.csv.",
        "feature_classes": ", ".join(preset.feature_classes) + ".",
        "feature_count": f"{offered:,} columns were offered to the selection.",
        "other_settings": "All settings of the preset are in the model file; others are pyradiomics' defaults.",
        "stability": _stability(training),
        "scaling": "z-score with mean and SD of the training rows.",
        "reduction": model[0],
        "algorithm": model[2],
        "tuning": "The LASSO's penalty by cross-validation; C and kernel were fixed beforehand.",
        "choice": "One model, fixed beforehand; none was chosen by its performance.",
        "testing": " ".join(_validation(training)),
        "measures": " ".join(_performance(training)[:4]),
        "uncertainty": _performance(training)[0],
    }


def _lesions(training: Training) -> list[str]:
    facts, outcome = training.model.manifest["training"], training.model.outcome
    classes = ", ".join(training.model.classes)
    counts = ", ".join(f"{name}: {count}" for name, count in facts["counts"].items())
    excluded = "; ".join(f"{count}, {reason}" for reason, count in facts["excluded_lesions"].items())
    return [
        "The unit of analysis was the lesion; folds, splits and resamples went by patient.",
        OUTCOMES.get(outcome, f"The outcome was {outcome}, with the classes {classes}."),
        f"The model was trained on {facts['lesions']} lesions of {facts['patients']} patients ({counts}).",
        f"Lesions left out: {excluded}." if excluded else "No lesion of the table was left out.",
        MISSING[training.settings.missing],
    ]


def _features(training: Training) -> list[str]:
    """How the numbers came from the image: the preset in words."""
    manifest, preset = training.model.manifest, training.model.preset
    views = " and ".join(filter(None, manifest["view_names"])) or "one view"
    return [
        f"{manifest['training']['columns_offered']:,} features of each outlined lesion ({views}) were computed with "
        f"the preset {preset.name} by pyradiomics' definitions ({', '.join(preset.feature_classes)}).",
        f"Image types: {', '.join(_image_types(preset))}.",
        _resampling(preset),
        _discretisation(preset),
        _spacing(manifest["pixel_spacing_mm"]),
        _VIEWS[training.settings.views],
        "The versions that computed them are in features.run.json beside the table of features.",
    ]


def _image_types(preset: presets.Preset) -> list[str]:
    found = []
    for name, own in preset.image_types.items():
        sigma = f" (sigma {', '.join(f'{each:g}' for each in own['sigma'])} mm)" if own.get("sigma") else ""
        wavelet = f" ({own['wavelet']}, {own.get('level', 1)} level)" if own.get("wavelet") else ""
        found.append(f"{name}{sigma}{wavelet}")
    return found


def _resampling(preset: presets.Preset) -> str:
    settings = preset.settings
    if not preset.resamples:
        return "Images were not resampled."
    spacing = " x ".join(f"{each:g}" for each in settings["resampledPixelSpacing"] if each)
    by = f" by {settings['interpolator']}" if settings.get("interpolator") else ""
    return f"Images were resampled to {spacing} mm{by}."


def _discretisation(preset: presets.Preset) -> str:
    settings = preset.settings
    if settings.get("binCount"):
        return f"Intensities inside the outline were put into {settings['binCount']} bins of equal width."
    return f"Intensities inside the outline were put into bins of width {settings.get('binWidth', 25):g}."


def _spacing(spacing_mm: float | None) -> str:
    return f"The images' median pixel spacing was {spacing_mm:g} mm." if spacing_mm else "No pixel spacing was stated."


def _stability(training: Training) -> str:
    settings, repeats = training.settings, training.stable.repeats
    stated = training.model.manifest["training"]["stability"]
    if not repeats or not settings.icc:
        return stated
    judged = "patients of each fold's training rows" if settings.protocol == "nested" else "training patients"
    what = "the correlation itself" if settings.icc_bound == "value" else "the lower limit of its 95% interval"
    raters = repeats[0].ratings.shape[1]
    return (
        f"Features were kept if their intraclass correlation over {raters} outlines ({_FORMS[repeats[0].form]}) "
        f"exceeded {settings.icc:g}, taking {what}; it was judged on the {judged} alone. {stated}"
    )


def _model(training: Training) -> list[str]:
    settings, classes = training.settings, training.model.classes
    test = "a t-test" if len(classes) == 2 else "a one-way F-test"
    steps = [
        "standardised with the mean and standard deviation of the training rows",
        f"filtered by {test} (P < {settings.p_value:g})",
        f"selected by a LASSO on {_lasso_target(settings, len(classes))}",
    ]
    by_patient = "by patient" if settings.protocol == "nested" else "over rows"
    grid = (
        f"{settings.alpha_count} penalties from {settings.alpha_min:g} to {settings.alpha_max:g}, the one with the "
        f"least mean squared error in {settings.lasso_folds} folds {by_patient}"
    )
    machines = "" if len(classes) == 2 else " One machine for each class; probabilities were divided by their sum."
    return [
        f"Features were {', '.join(steps[:-1])}, and {steps[-1]} ({grid}).",
        balance(settings),
        f"A support vector machine with a radial basis kernel (C = {settings.svm_c:g}, gamma = 1 / (columns x "
        f"variance), balanced class weights) classified the selected features.{machines}",
        calibration(settings),
    ]


def _lasso_target(settings: TrainingSettings, classes: int) -> str:
    if classes > 2 and settings.lasso_target == "one-vs-rest":
        return "each class against the rest, whose columns were united"
    return "the number of the class (" + ", ".join(map(str, range(classes))) + ")"


def balance(settings: TrainingSettings) -> str:
    if not settings.smote:
        return "No synthetic rows were made."
    with_k = f"SMOTE ({settings.smote_neighbours} neighbours)"
    if settings.protocol == "study":
        return f"Before all that, {with_k} balanced the classes of the training rows."
    return f"After standardisation {with_k} balanced the classes of the rows that LASSO and machine were fitted on."


def calibration(settings: TrainingSettings) -> str:
    if settings.protocol == "study" and settings.smote:
        return f"A sigmoid fitted in {settings.calibration_folds} folds over the balanced rows gave probabilities."
    return f"A sigmoid fitted on held-out real rows of {settings.calibration_folds} folds gave probabilities."


def combined(training: Training) -> str:
    """Return how the models with clinical predictors were fitted and compared; empty where there are none."""
    if training.combined is None:
        return ""
    names = ", ".join(f"{term.name} ({term.time})" for term in training.combined.terms)
    two = len(training.model.classes) == 2
    kind = "logistic regression" if two else "multinomial logit regression, each class against the one before it,"
    pairs = "" if two else " in each pair of classes"
    folds = ", inside every outer fold" if training.settings.protocol == "nested" else ""
    limits = " and ".join(f"{each:.0%}" for each in SLNM_THRESHOLDS)
    label = f" They are {training.combined.label}." if training.combined.label else ""
    return (
        f"A clinical model ({names}; in brackets when each is known) and a combined model with the radscore beside it "
        f"were fitted by {kind} with Firth's penalty, the constant corrected so that mean risk and share "
        f"agree{pairs} (FLIC). The combined model was fitted on radscores cross-fitted by patient{folds}. "
        "Differences of AUCs are from paired resamples of patients, or paired DeLong on untouched test rows; net "
        f"benefit and NRI at {limits}, IDI without P values.{label}"
    )


def centres(training: Training) -> str:
    """Return how scanners or centres were handled; empty where no column names them."""
    settings = training.settings
    if training.centres is None:
        return ""
    harmonised = (
        "Features were harmonised by ComBat (Johnson et al., Biostatistics 2007; 8: 118) without the outcome in its "
        "design, learned from training rows in every fold. "
        if settings.harmonise
        else "Features were not harmonised. "
    )
    return (
        f"{harmonised}Each value of {settings.centre} was left out of the training in turn and predicted as it came; a "
        "transductive run, labelled so, let ComBat see the features of the left-out rows without their outcomes."
    )


def _validation(training: Training) -> list[str]:
    settings = training.settings
    found = []
    if settings.protocol == "nested":
        times = "once" if settings.repeats == 1 else f"{settings.repeats} times"
        found.append(
            f"Performance was measured by nested cross-validation: {settings.folds} folds by patient, stratified, "
            f"drawn {times}; everything that learns was refitted in each, and the final model on all training rows."
        )
    else:
        found.append("As published, one model was fitted on the training rows of one split.")
    found.append(_test_rows(training))
    if training.permuted:
        what = "Everything" if training.combined is None else "Radiomics alone"
        found.append(f"{what} was repeated on {len(training.permuted)} permutations of the outcome among patients.")
    return found


def _test_rows(training: Training) -> str:
    settings, kept = training.settings, training.test_lesions
    if kept is None:
        return "No rows were kept for a test."
    how = f"by the column {settings.split}" if settings.split else "drawn by patient and stratified by outcome"
    return (
        f"{len(kept.target)} lesions of {len(set(kept.patients.tolist()))} patients, {how}, were kept from everything "
        "and served as the test once."
    )


def _performance(training: Training) -> list[str]:
    metrics, limits = training.model.manifest["metrics"], evaluation.DECISION_THRESHOLDS
    rows = "cross-validated" if "cross_validated" in training.evidence else "training"
    return [
        f"Discrimination: area under the ROC curve, 95% intervals ({performance_figures.interval_methods(metrics)}).",
        "Calibration: Brier score, slope and intercept of logistic recalibration, smoothed and binned curves.",
        f"Operating points by Youden's index on {rows} rows, with Wilson's 95% intervals.",
        f"Clinical benefit: net benefit against treating all and none, thresholds {limits[0]:.0%} to {limits[-1]:.0%}.",
        "The sample size was judged by the criteria of Riley et al. (BMJ 2020; 368: m441).",
    ]


def software(training: Training) -> str:
    versions: dict[str, Any] = training.model.manifest["versions"]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    digest = training.model.preset.digest[:12]
    return (
        f"{listed}. Seed of everything random: {training.settings.random_state}. Model (SHA-256, first digits): "
        f"{training.model.digest[:12]}; preset: {digest}."
    )


def _deviations(training: Training) -> list[str]:
    """Say where the training departs from the published study, and what that study leaves open."""
    settings, preset = training.settings, training.model.preset
    found = [f"The method follows {STUDY}."]
    if settings.protocol == "nested":
        found.append(
            "Unlike there, everything that learns is refitted inside folds by patient; SMOTE comes after "
            "standardisation, never into calibration; performance is cross-validated."
        )
    else:
        found.append("The order of SMOTE and standardisation, which it leaves open, is SMOTE first.")
    if not settings.smote:
        found.append("Unlike there, classes were not balanced.")
    if preset.name != "study-1409":
        found.append(f"Its 1,409 features were replaced by the preset {preset.name}.")
    if len(training.model.classes) > 2 and settings.lasso_target != "numeric":
        found.append("Its LASSO had a numeric target.")
    if settings.icc and settings.icc_bound != "value":
        found.append("Its limit was on the ICC itself.")
    if not training.stable.repeats and training.stable.fixed.all():
        found.append("Unlike there, no feature was left out for its ICC.")
    found.append("It leaves open the machine's C, the calibration, and how its intervals were computed.")
    return found
