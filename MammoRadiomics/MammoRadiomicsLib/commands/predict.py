"""What a model says of one lesion, or of a table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import progress
from ..errors import InputError
from . import DONE, SOME_FAILED, SPACING_HELP, refuse_overwriting

if TYPE_CHECKING:
    from ..trained_model import Model


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("predict", help="what a model says of one lesion, or of a table")
    parser.set_defaults(command=run)
    parser.add_argument("--model", type=Path, required=True, help="m.mammomodel")
    parser.add_argument("--view", action="append", default=[], help="CC or MLO; once for each --image and --mask")
    parser.add_argument("--image", action="append", default=[], type=Path)
    parser.add_argument("--mask", action="append", default=[], type=Path)
    parser.add_argument("--label", type=int, default=1, help="value of the lesion in the masks (default 1)")
    parser.add_argument("--spacing", type=float, metavar="MM", help=SPACING_HELP)
    parser.add_argument(
        "--prevalence",
        metavar="CLASS=SHARE,...",
        help="how common the classes are where you work, such as 1=0.2 or zero=0.3,low=0.4,positive=0.3; one may be "
        "left out (default: as in training)",
    )
    parser.add_argument("--perturb", type=int, default=0, metavar="N", help="range over N plausible outlines")
    parser.add_argument("--json", type=Path, help="write the whole record as JSON")
    parser.add_argument("--features", type=Path, help="features.csv instead of images")
    parser.add_argument("--output", type=Path, help="predictions.csv (with --features)")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import model_file, prediction, tables
    from .. import prevalence as prevalences

    model = model_file.load(options.model)
    prevalence = None
    if options.prevalence is not None:
        prevalence = prevalences.complete(prevalences.parse(options.prevalence), model.classes)
    refuse_overwriting([options.output, options.json], [options.model, options.features, *options.image, *options.mask])
    if not options.features:
        if options.output:
            raise InputError("A prediction from images is written as JSON: give --json FILE instead of --output.")
        return DONE, _predict_images(options, model, prevalence)
    if options.image or options.json or options.perturb or options.output is None:
        raise InputError("Predictions of a table take --features and --output, without images, --json or --perturb.")
    rows = prediction.predict_table(model, tables.read_features(options.features), prevalence)
    tables.write_rows(options.output, rows)
    failures = [row for row in rows if row["failure"]]
    if not failures:
        return DONE, f"{len(rows)} lesions: {options.output}"
    first = f"{tables.case_name(failures[0])}: {failures[0]['failure']}"
    return (
        SOME_FAILED,
        f"{len(failures)} of {len(rows)} lesions have no prediction: {options.output}\nThe first: {first}",
    )


def _predict_images(options: argparse.Namespace, model: Model, prevalence: dict[str, float] | None) -> str:
    from .. import imaging, prediction
    from ..files import write_atomically

    if not len(options.view) == len(options.image) == len(options.mask) or len(set(options.view)) < len(options.view):
        raise InputError("Give --view, --image and --mask together, once for each view.")
    outlines = {
        view: imaging.read_case(image, mask, label=options.label, spacing_mm=options.spacing)
        for view, image, mask in zip(options.view, options.image, options.mask, strict=True)
    }
    record = prediction.predict(model, outlines, options.perturb, prevalence=prevalence)
    if options.json:
        write_atomically(options.json, json.dumps(record, indent=1) + "\n")
    return prediction.as_text(record)
