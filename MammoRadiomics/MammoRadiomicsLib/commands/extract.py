"""Features of one outline, or of a cohort."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import progress
from ..errors import InputError
from . import DONE, SOME_FAILED, SPACING_HELP, refuse_overwriting


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("extract", help="features of one outline, or of a cohort")
    parser.set_defaults(command=run)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--image", type=Path, help="mammogram (with --mask)")
    source.add_argument("--cohort", type=Path, help="cohort.csv: one row per outline")
    parser.add_argument("--mask", type=Path, help="outline of the lesion")
    parser.add_argument("--label", type=int, default=1, help="value of the lesion in the mask (default 1)")
    parser.add_argument("--spacing", type=float, metavar="MM", help=SPACING_HELP)
    parser.add_argument("--preset", default="study-1409", help="study-1409, mammo-2d or a pyradiomics parameter file")
    parser.add_argument("--perturb", type=int, default=0, metavar="N", help="also N perturbed outlines of each")
    parser.add_argument("--output", type=Path, required=True, help="features.csv to write")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort, extraction, presets

    if options.cohort and options.mask:
        raise InputError("A cohort names its masks itself: leave --mask out.")
    refuse_overwriting([options.output], [options.cohort, options.image, options.mask])
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


def _single_outline(options: argparse.Namespace) -> dict[str, str]:
    if options.mask is None:
        raise InputError("An image needs its outline: give --mask FILE as well.")
    return {"image": str(options.image), "mask": str(options.mask), "label": str(options.label)}
