"""A model from features and outcomes."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from .. import progress
from ..errors import InputError
from ..files import refuse_as_folder
from ..settings import CHOICES, PROTOCOLS, TrainingSettings
from . import DONE, add_setting, refuse_overwriting
from .clinical import add_descriptions, pairs

if TYPE_CHECKING:
    from ..predictors import Predictors

# The one that is measured to be compared with, and never makes a model.
LEAKY = "leaky"
_CHOICES = {**CHOICES, "protocol": (*PROTOCOLS, LEAKY)}
_HELP = {
    "protocol": "how performance is measured; leaky shows what leaks would claim and makes no model",
    "views": "how the views of a lesion are joined",
    "reader": "whose outlines train (default the first reader of the table); the others serve the ICC",
    "missing": "lesions with a missing feature: refuse the table, leave them out, or impute medians inside the folds",
    "icc": "leave out features whose ICC over repeated outlines is not above this; 0 keeps all",
    "icc_bound": "compare the ICC itself, or the lower limit of its interval",
    "p_value": "leave out columns with a larger P in the t-test or F-test",
    "lasso_target": "three classes or more: one LASSO on class numbers, or one for each class",
    "alpha_min": "smallest LASSO penalty",
    "alpha_max": "largest LASSO penalty",
    "alpha_count": "number of LASSO penalties",
    "lasso_folds": "folds in which the penalty is chosen",
    "smote": "balance the classes with synthetic training rows",
    "smote_neighbours": "neighbours between which SMOTE interpolates",
    "svm_c": "penalty of the support vector machine",
    "calibration_folds": "folds that calibrate the probabilities",
    "folds": "outer folds",
    "repeats": "how often the outer folds are drawn anew",
    "split": "column that says train or test",
    "holdout": "share of patients drawn as test rows, where no column says",
    "centre": "column of the scanner or centre: each is left out of the training in turn",
    "harmonise": "bring features of all centres to one location and scale (ComBat, from training rows of each fold)",
    "permutations": "how often to repeat everything on permuted outcomes",
    "random_state": "seed",
    "purpose": "a demonstration model never prints a band",
}


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("train", help="a model from features and outcomes")
    parser.set_defaults(command=run)
    parser.add_argument("--features", type=Path, required=True, help="features.csv")
    parser.add_argument("--cohort", type=Path, help="cohort.csv with the outcome, where features.csv has it not")
    parser.add_argument("--outcome", required=True, help="slnm, her2 or a column")
    parser.add_argument("--preset", type=Path, help="the parameter file of the features, where it is not a shipped one")
    parser.add_argument("--stability", type=Path, metavar="ICC.CSV", help="a separate table made by 'stability'")
    parser.add_argument("--output", type=Path, help="m.mammomodel to write")
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for metrics, probabilities and figures")
    parser.add_argument(
        "--predictors", nargs="+", default=[], metavar="COLUMN",
        help="clinical columns for a combined model, or 'study' for the study's variables (a comparison, no model)",
    )  # fmt: skip
    add_descriptions(parser)
    parser.add_argument(
        "--unit", nargs="+", default=[], metavar="COLUMN=UNIT",
        help="unit of a predictor's numbers, such as mm (default as its name says; of age, years)",
    )  # fmt: skip
    parser.add_argument("--subgroups", nargs="+", default=[], metavar="COLUMN", help="performance by these columns")
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes (default 1); results are the same for any number"
    )
    for field in fields(TrainingSettings):
        add_setting(parser, field.name, field.default, _HELP[field.name], _CHOICES)
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort, learning, model_file, presets, protocols, stability, tables
    from .. import predictors as clinical_predictors
    from ..reports import report as reports
    from ..reports import report_tables

    _refuse_bad_targets(options)
    if options.report:
        read = [options.features, options.cohort, options.stability, options.preset]
        refuse_overwriting([options.report / name for name in sorted(reports.file_names(options.report))], read)
    values = {field.name: getattr(options, field.name) for field in fields(TrainingSettings)}
    settings = TrainingSettings.from_json(values | {"protocol": "nested"} if options.protocol == LEAKY else values)
    table = tables.read_features(options.features, finite=settings.missing == "refuse")
    if options.cohort:
        table = cohort.with_cohort(table, cohort.read_cohort(options.cohort))
    predictors = _predictors(options)
    if options.subgroups:
        clinical = clinical_predictors.names_of(predictors, table, options.outcome) if predictors else ()
        data = learning.lesions_of(table, options.outcome, settings, clinical)
        for column in options.subgroups:
            report_tables.parts(data, column)
    stable = stability.read_stable(options.stability, table.names, settings) if options.stability else None
    preset = presets.load(options.preset) if options.preset else None
    training = learning.train(
        table,
        options.outcome,
        settings,
        report,
        preset,
        stable_features=stable,
        jobs=options.jobs,
        predictors=predictors,
    )
    written = [training.model.card, *(training.combined.notes if training.combined else ())]
    if predictors and predictors.of_study:
        written.append(f"The study's variables: {clinical_predictors.NOT_PREOPERATIVE}; see the report.")
    if options.output:
        model_file.save(training.model, options.output)
        written.append(f"Model: {options.output}")
    if options.report:
        claims = protocols.compare(training, progress=report, jobs=options.jobs)
        reports.write(training, claims, options.report, options.subgroups)
        written.append(f"Report: {options.report}")
    if options.protocol == LEAKY:
        leaked = sorted(claim["auc"] for claim in claims if claim["protocol"] == LEAKY)
        claim = f"AUC {leaked[0]:.2f} to {leaked[-1]:.2f} over {len(leaked)} splits"
        written[0] = (
            f"Leaky: {claim}, measured on rows that took part in the selection. It means nothing, and no model is made "
            "of it."
        )
    return DONE, "\n".join(written)


def _predictors(options: argparse.Namespace) -> Predictors | None:
    """Return the clinical predictors that were asked for, as they were described."""
    from ..predictors import Predictors

    described = {
        name: pairs(getattr(options, option), f"--{option}")
        for name, option in (("times", "time"), ("references", "reference"), ("units", "unit"))
    }
    if not options.predictors:
        if any(described.values()):
            raise InputError("--time, --reference and --unit describe clinical predictors. Name those: --predictors.")
        return None
    return Predictors(tuple(options.predictors), **described)


def _refuse_bad_targets(options: argparse.Namespace) -> None:
    """Refuse, before any work is done, what could not be written in the end."""
    if options.protocol == LEAKY and (options.output or not options.report):
        raise InputError("The leaky protocol makes no model. Leave --output out and give --report.")
    of_study = options.predictors == ["study"]
    if of_study and options.output:
        raise InputError(
            "The study's variables are known only after surgery in part, so they make no model for prediction. Leave "
            "--output out and give --report, or name columns known before surgery."
        )
    if of_study and not options.report:
        raise InputError("The study's variables make a comparison and no model. Give --report.")
    if options.protocol == LEAKY and options.predictors:
        raise InputError("The leaky protocol compares no clinical predictors. Leave --predictors out.")
    if options.protocol != LEAKY and not options.output and not of_study:
        raise InputError("Give --output, the model file to write.")
    refuse_overwriting([options.output], [options.features, options.cohort, options.stability, options.preset])
    if options.report:
        refuse_as_folder(options.report)
    elif options.subgroups:
        raise InputError("--subgroups are measured in the report. Give --report.")
    if options.jobs < 1:
        raise InputError(f"--jobs is {options.jobs}; it must be at least 1.")
