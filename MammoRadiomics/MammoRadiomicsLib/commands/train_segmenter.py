"""An outline model from outlines."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from .. import progress
from ..files import refuse_as_folder
from ..segmenter import ensure_packages
from ..segmenter.settings import SegmenterSettings
from ..settings import PURPOSES
from . import DONE, SPACING_HELP, add_setting, refuse_overwriting

_HELP = {
    "reader": "whose outlines train (the first reader of the table where left out)",
    "patch_mm": "side of the square around a click that is looked at first",
    "pixels": "pixels along its side",
    "width": "channels of the network's first level",
    "folds": "parts of the patients, each held out once; one network for each",
    "epochs": "at most",
    "patience": "epochs without a better Dice after which a network is done",
    "batch": "patches a step",
    "clicks": "patches of each outline in an epoch",
    "learning_rate": "largest",
    "background": "share of clicks beside the lesion, where nothing is to be outlined",
    "click_shift_mm": "how far a simulated click may lie from the outline's centre",
    "random_state": "seed",
    "purpose": "a demonstration model says so wherever it is used",
}


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("train-segmenter", help="an outline model from images and outlines (needs PyTorch)")
    parser.set_defaults(command=run)
    parser.add_argument("--cohort", type=Path, required=True, help="cohort.csv with images and masks")
    parser.add_argument("--output", type=Path, required=True, help="m.mammosegmenter to write")
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for card, metrics and learning curve")
    parser.add_argument("--spacing", type=float, metavar="MM", help=SPACING_HELP)
    for field in fields(SegmenterSettings):
        add_setting(parser, field.name, field.default, _HELP[field.name], {"purpose": PURPOSES})
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort, network_file

    settings = SegmenterSettings(**{field.name: getattr(options, field.name) for field in fields(SegmenterSettings)})
    settings.validate()
    refuse_overwriting([options.output], [options.cohort])
    if options.report:
        refuse_as_folder(options.report)
    rows = cohort.read_cohort(options.cohort)
    ensure_packages()
    from ..segmenter import report as reports
    from ..segmenter import training

    trained = training.train(rows, settings, report, options.spacing)
    network_file.save(options.output, trained.manifest, trained.network)
    written = [trained.manifest["card"], f"Model: {options.output}"]
    if options.report:
        reports.write(trained, options.report)
        written.append(f"Report: {options.report}")
    return DONE, "\n".join(written)
