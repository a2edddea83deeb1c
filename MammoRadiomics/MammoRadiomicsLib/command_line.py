"""The library's face in a terminal: extract, stability, train, predict, phantoms.

Exit codes: 0 done; 1 some cases failed, the others are written and the failures listed; 2 wrong usage or unusable
input, with one sentence on standard error. With ``--json-progress`` standard output carries JSON lines only.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import __version__, progress
from .errors import InputError, MammoRadiomicsError
from .files import refuse_as_target
from .settings import PURPOSES, VIEWS, TrainingSettings

_SPACING_HELP = "pixel spacing in mm, instead of what the files say (a cohort's own column comes first)"
DONE, SOME_FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        ``sys.argv[1:]`` by default.
    """
    options = _parser().parse_args(arguments)
    report = progress.as_json() if options.json_progress else progress.as_lines()
    try:
        code, result = options.command(options, report)
    except MammoRadiomicsError as error:
        print(f"MammoRadiomics: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("MammoRadiomics: stopped.", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps({"result": result}) if options.json_progress else result)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="MammoRadiomicsLib", description="Radiomics of mammograms.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_extract, _add_stability, _add_train, _add_predict, _add_phantoms):
        add(commands).add_argument("--json-progress", action="store_true", help="JSON lines on standard output")
    return parser


def _add_extract(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("extract", help="features of one outline, or of a cohort")
    parser.set_defaults(command=_extract)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--image", type=Path, help="mammogram (with --mask)")
    source.add_argument("--cohort", type=Path, help="cohort.csv: one row per outline")
    parser.add_argument("--mask", type=Path, help="outline of the lesion")
    parser.add_argument("--label", type=int, default=1, help="value of the lesion in the mask (default 1)")
    parser.add_argument("--spacing", type=float, metavar="MM", help=_SPACING_HELP)
    parser.add_argument("--preset", default="study-1409", help="study-1409, mammo-2d or a pyradiomics parameter file")
    parser.add_argument("--perturb", type=int, default=0, metavar="N", help="also N perturbed outlines of each")
    parser.add_argument("--output", type=Path, required=True, help="features.csv to write")
    return parser


def _extract(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from . import cohort, extraction, presets

    if options.cohort and options.mask:
        raise InputError("A cohort names its masks itself: leave --mask out.")
    _refuse_overwriting([options.output], [options.cohort, options.image, options.mask])
    preset = presets.load(options.preset)
    outlines = cohort.read_cohort(options.cohort) if options.cohort else [_single_outline(options)]
    report = report if options.cohort else progress.silent
    found = extraction.extract_cohort(outlines, preset, options.spacing, options.perturb, report)
    if not options.cohort and found.failures:
        raise InputError(found.failures[0]["reason"])
    extraction.write(found, preset, options.output)
    failures = options.output.with_suffix(".failures.csv")
    if not found.rows:
        raise InputError(f"No outline could be used; {failures} says why. The first: {found.failures[0]['reason']}")
    summary = f"{len(found.rows)} outlines x {preset.feature_count} features: {options.output}"
    noted = [source["notes"][0] for source in found.sources if source["notes"]]
    if noted:
        summary += (
            f"\nA note on {len(noted)} of them ({options.output.with_suffix('.run.json')}). The first: {noted[0]}"
        )
    if found.failures:
        return SOME_FAILED, f"{summary}\n{len(found.failures)} outlines failed: {failures}"
    return DONE, summary


def _refuse_overwriting(outputs: list[Path | None], inputs: list[Path | None]) -> None:
    """Refuse to write where nothing can be written, or over what is read, before any work is done."""
    sources = {path.resolve() for path in inputs if path is not None}
    for path in (path for path in outputs if path is not None):
        refuse_as_target(path)
        if path.resolve() in sources:
            raise InputError(f"{path} is read and would be overwritten. Give another name to the output.")


def _single_outline(options: argparse.Namespace) -> dict[str, str]:
    if options.mask is None:
        raise InputError("An image needs its outline: give --mask FILE as well.")
    return {"image": str(options.image), "mask": str(options.mask), "label": str(options.label)}


def _add_stability(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("stability", help="which features survive another reader or outline (ICC)")
    parser.set_defaults(command=_stability)
    parser.add_argument("--features", type=Path, required=True, help="features.csv with several outlines of each case")
    parser.add_argument("--output", type=Path, required=True, help="icc.csv to write")
    return parser


def _stability(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from . import cohort, stability

    _refuse_overwriting([options.output], [options.features])
    rows = stability.report(cohort.read_features(options.features, finite=False))
    cohort.write_rows(options.output, rows)
    return DONE, f"{stability.summary(rows)}\nTable: {options.output}"


def _add_train(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("train", help="a model from features and outcomes")
    defaults = TrainingSettings()
    parser.set_defaults(command=_train)
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


def _train(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from . import cohort, learning, model_file, presets, protocols
    from . import report as reports

    _refuse_overwriting([options.output], [options.features, options.cohort])
    if options.report and options.report.exists() and not options.report.is_dir():
        raise InputError(f"{options.report} is a file; the report needs a folder. Give another name.")
    settings = TrainingSettings(
        views=options.views,
        folds=options.folds,
        repeats=options.repeats,
        random_state=options.seed,
        purpose=options.purpose,
    )
    table = cohort.read_features(options.features)
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


def _add_predict(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("predict", help="what a model says of one lesion, or of a table")
    parser.set_defaults(command=_predict)
    parser.add_argument("--model", type=Path, required=True, help="m.mammomodel")
    parser.add_argument("--view", action="append", default=[], help="CC or MLO; once for each --image and --mask")
    parser.add_argument("--image", action="append", default=[], type=Path)
    parser.add_argument("--mask", action="append", default=[], type=Path)
    parser.add_argument("--label", type=int, default=1, help="value of the lesion in the masks (default 1)")
    parser.add_argument("--spacing", type=float, metavar="MM", help=_SPACING_HELP)
    parser.add_argument("--perturb", type=int, default=0, metavar="N", help="range over N plausible outlines")
    parser.add_argument("--json", type=Path, help="write the whole record as JSON")
    parser.add_argument("--features", type=Path, help="features.csv instead of images")
    parser.add_argument("--output", type=Path, help="predictions.csv (with --features)")
    return parser


def _predict(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from . import cohort, model_file, prediction

    model = model_file.load(options.model)
    _refuse_overwriting(
        [options.output, options.json], [options.model, options.features, *options.image, *options.mask]
    )
    if not options.features:
        if options.output:
            raise InputError("A prediction from images is written as JSON: give --json FILE instead of --output.")
        return DONE, _predict_images(options, model)
    if options.image or options.json or options.perturb or options.output is None:
        raise InputError("Predictions of a table take --features and --output, without images, --json or --perturb.")
    rows = prediction.predict_table(model, cohort.read_features(options.features))
    cohort.write_rows(options.output, rows)
    failures = [row for row in rows if row["failure"]]
    if not failures:
        return DONE, f"{len(rows)} lesions: {options.output}"
    first = f"{cohort.case_name(failures[0])}: {failures[0]['failure']}"
    return (
        SOME_FAILED,
        f"{len(failures)} of {len(rows)} lesions have no prediction: {options.output}\nThe first: {first}",
    )


def _predict_images(options: argparse.Namespace, model) -> str:
    from . import imaging, prediction
    from .files import write_atomically

    if not len(options.view) == len(options.image) == len(options.mask) or len(set(options.view)) < len(options.view):
        raise InputError("Give --view, --image and --mask together, once for each view.")
    outlines = {
        view: imaging.read_case(image, mask, label=options.label, spacing_mm=options.spacing)
        for view, image, mask in zip(options.view, options.image, options.mask, strict=True)
    }
    record = prediction.predict(model, outlines, options.perturb)
    if options.json:
        write_atomically(options.json, json.dumps(record, indent=1) + "\n")
    return prediction.as_text(record)


def _add_phantoms(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("phantoms", help="a cohort of synthetic mammograms to try things on")
    parser.set_defaults(command=_phantoms)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    return parser


def _phantoms(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from . import phantoms

    path = phantoms.write_cohort(options.output, options.patients, options.seed, report)
    return DONE, f"{options.patients} patients, two views each: {path}"
