"""A model from features and outcomes."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import progress
from ..errors import InputError
from ..settings import PURPOSES, VIEWS, TrainingSettings
from . import DONE, refuse_overwriting


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("train", help="a model from features and outcomes")
    defaults = TrainingSettings()
    parser.set_defaults(command=run)
    parser.add_argument("--features", type=Path, required=True, help="features.csv")
    parser.add_argument("--cohort", type=Path, help="cohort.csv with the outcome, where features.csv has it not")
    parser.add_argument("--outcome", required=True, help="slnm, her2 or a column")
    parser.add_argument("--preset", type=Path, help="the parameter file of the features, where it is not a shipped one")
    parser.add_argument(
        "--protocol", choices=["nested"], default="nested", help="how performance is measured (default)"
    )
    parser.add_argument("--views", choices=VIEWS, default=defaults.views, help="how the views of a lesion are joined")
    parser.add_argument("--purpose", choices=PURPOSES, default=defaults.purpose, help="demonstration: never a band")
    parser.add_argument("--folds", type=int, default=defaults.folds, help=f"outer folds (default {defaults.folds})")
    parser.add_argument("--repeats", type=int, default=defaults.repeats, help="how often the folds are drawn")
    parser.add_argument("--seed", type=int, default=defaults.random_state, help=f"default {defaults.random_state}")
    parser.add_argument("--output", type=Path, required=True, help="m.mammomodel to write")
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for metrics, probabilities and figures")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort, learning, model_file, presets, protocols, tables
    from .. import report as reports

    refuse_overwriting([options.output], [options.features, options.cohort])
    if options.report and options.report.exists() and not options.report.is_dir():
        raise InputError(f"{options.report} is a file; the report needs a folder. Give another name.")
    settings = TrainingSettings(
        views=options.views,
        folds=options.folds,
        repeats=options.repeats,
        random_state=options.seed,
        purpose=options.purpose,
    )
    table = tables.read_features(options.features)
    if options.cohort:
        table = cohort.with_cohort(table, cohort.read_cohort(options.cohort))
    preset = presets.load(options.preset) if options.preset else None
    training = learning.train(table, options.outcome, settings, report, preset)
    model_file.save(training.model, options.output)
    written = f"{training.model.card}\nModel: {options.output}"
    if options.report:
        reports.write(training, protocols.compare(training, progress=report), options.report)
        written += f"\nReport: {options.report}"
    return DONE, written
