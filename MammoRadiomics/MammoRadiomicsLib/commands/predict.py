"""What a model says of one lesion, or of a table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import progress
from ..combat import LEAVE, REFUSE
from ..errors import InputError
from . import DONE, SOME_FAILED, SPACING_HELP, refuse_overwriting
from .clinical import pairs

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
    parser.add_argument(
        "--clinical", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="a clinical value that the model needs, such as age=52",
    )  # fmt: skip
    parser.add_argument(
        "--scanner", metavar="NAME", help="scanner or centre, for a harmonised model (table: its column)"
    )
    parser.add_argument(
        "--unknown-scanner", choices=(REFUSE, LEAVE), default=REFUSE,
        help="a scanner that was not harmonised: refuse it, or leave its features as they are and say so",
    )  # fmt: skip
    parser.add_argument("--perturb", type=int, default=0, metavar="N", help="range over N plausible outlines")
    parser.add_argument("--json", type=Path, help="write the whole record as JSON")
    parser.add_argument("--features", type=Path, help="features.csv instead of images")
    parser.add_argument(
        "--cohort", type=Path, help="cohort.csv with clinical values or scanners, where features.csv has them not"
    )
    parser.add_argument("--output", type=Path, help="predictions.csv (with --features)")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort, model_file, prediction, tables
    from .. import prevalence as prevalences

    model = model_file.load(options.model)
    prevalence = None
    if options.prevalence is not None:
        prevalence = prevalences.complete(prevalences.parse(options.prevalence), model.classes)
    inputs = [options.model, options.features, options.cohort, *options.image, *options.mask]
    refuse_overwriting([options.output, options.json], inputs)
    if not options.features:
        if options.cohort:
            raise InputError(
                "A prediction from images takes its clinical values as --clinical NAME=VALUE, no --cohort."
            )
        if options.output:
            raise InputError("A prediction from images is written as JSON: give --json FILE instead of --output.")
        return DONE, _predict_images(options, model, prevalence)
    of_images = (options.view, options.image, options.mask, options.spacing, options.perturb, options.clinical)
    if any(of_images) or options.json or options.output is None:
        raise InputError(
            "Predictions of a table take --features and --output, and --cohort for clinical values, without images, "
            "--spacing, --json, --perturb or --clinical."
        )
    table = tables.read_features(options.features, finite=False)
    if options.cohort:
        table = cohort.with_cohort(table, cohort.read_cohort(options.cohort))
    scanner = {"scanner": options.scanner, "unknown_scanner": options.unknown_scanner}
    rows = prediction.predict_table(model, table, prevalence, **scanner)
    tables.write_rows(options.output, rows)
    failures = [row for row in rows if row["failure"]]
    if not failures:
        return DONE, f"{len(rows)} lesions: {options.output}"
    first = failures[0]["failure"]
    if not first.startswith(f"Case {failures[0]['patient_id']} "):
        first = f"{tables.case_name(failures[0])}: {first}"
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
    clinical = pairs(options.clinical, "--clinical")
    record = prediction.predict(
        model, outlines, options.perturb, prevalence=prevalence, clinical=clinical, scanner=options.scanner,
        unknown_scanner=options.unknown_scanner,
    )  # fmt: skip
    if options.json:
        write_atomically(options.json, json.dumps(record, indent=1) + "\n")
    return prediction.as_text(record)
