"""Features of one outline, or of a cohort."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .. import progress
from ..errors import InputError
from . import DONE, SOME_FAILED, SPACING_HELP, refuse_overwriting

if TYPE_CHECKING:
    from .. import batch
    from ..presets import Preset


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
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share a cohort (default 1)")
    parser.add_argument("--scheduler", metavar="tcp://...", help="Dask scheduler whose workers compute instead")
    parser.add_argument("--output", type=Path, required=True, help="features.csv to write")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import batch, presets

    if options.cohort and options.mask:
        raise InputError("A cohort names its masks itself: leave --mask out.")
    if not options.cohort and (options.jobs != 1 or options.scheduler):
        raise InputError("One outline needs no --jobs and no --scheduler: leave them out.")
    inputs = [options.cohort, options.image, options.mask]
    refuse_overwriting([options.output], inputs)
    refuse_overwriting([*batch.outputs(options.output), *batch.bookkeeping(options.output)], inputs)
    settings = batch.Settings(options.spacing, options.perturb, options.jobs, options.scheduler)
    settings.validate()
    preset = presets.load(options.preset)
    return _cohort(options, settings, preset, report) if options.cohort else _single_outline(options, preset)


def _cohort(
    options: argparse.Namespace, settings: batch.Settings, preset: Preset, report: progress.Progress
) -> tuple[int, str]:
    from .. import batch, cohort, cohort_check, tables

    folder = options.cohort.parent
    rows, numbers = tables.read_numbered_rows(options.cohort)
    problems = cohort_check.check(rows, folder, numbers=numbers, spacing_mm=options.spacing, resamples=preset.resamples)
    refused = cohort_check.refused_rows(problems)
    done = batch.extract(
        cohort.located(rows, folder), preset, options.output, settings,
        numbers=numbers, refused=refused, progress=report,
    )  # fmt: skip
    failures = options.output.with_suffix(".failures.csv")
    if not done.rows:
        raise InputError(f"No outline could be used; {failures} says why. The first: {done.failures[0]['reason']}")
    summary = _summary(options.output, preset, done.rows, done.notes)
    summary += f"\n{done.computed} rows of the cohort were computed, {done.kept} were kept from before."
    others = sum(each.row not in refused for each in problems)
    if others:
        summary += f"\nThe cohort has {others} other problems; see 'cohort check'."
    if done.failures:
        return SOME_FAILED, f"{summary}\n{len(done.failures)} outlines failed: {failures}"
    return DONE, summary


def _single_outline(options: argparse.Namespace, preset: Preset) -> tuple[int, str]:
    from .. import extraction

    if options.mask is None:
        raise InputError("An image needs its outline: give --mask FILE as well.")
    row = {"image": str(options.image), "mask": str(options.mask), "label": str(options.label)}
    found = extraction.extract_cohort([row], preset, options.spacing, options.perturb)
    if found.failures:
        raise InputError(found.failures[0]["reason"])
    extraction.write(found, preset, options.output)
    notes = [source["notes"][0] for source in found.sources if source["notes"]]
    return DONE, _summary(options.output, preset, len(found.rows), notes)


def _summary(output: Path, preset: Preset, rows: int, notes: list[str]) -> str:
    summary = f"{rows} outlines x {preset.feature_count} features: {output}"
    if notes:
        record = output.with_suffix(".run.json")
        summary += f"\nA note on {len(notes)} of them ({record}). The first: {notes[0]}"
    return summary
