"""A cohort's table: proposed from a folder, and checked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import progress
from ..errors import InputError
from . import DONE, refuse_overwriting

UNUSABLE = 2


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("cohort", help="propose a cohort.csv from a folder, or check one")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    scan = actions.add_parser("scan", help="propose a cohort.csv from the images and masks of a folder")
    scan.set_defaults(command=run_scan)
    scan.add_argument("folder", type=Path, metavar="DIR", help="folder with images and masks, folders in it included")
    scan.add_argument("--output", type=Path, required=True, help="cohort.csv to write, then to be edited by hand")
    check = actions.add_parser("check", help="list every problem of a cohort.csv before any work starts")
    check.set_defaults(command=run_check)
    check.add_argument("cohort", type=Path, metavar="COHORT", help="cohort.csv or .xlsx: one row per outline")
    check.add_argument("--spacing", type=float, metavar="MM", help="pixel spacing in mm for rows that do not say")
    for each in (scan, check):
        each.add_argument("--json-progress", action="store_true", default=argparse.SUPPRESS, help="JSON lines only")
    return parser


def run_scan(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort_scan

    refuse_overwriting([options.output], [])
    if options.output.exists():
        raise InputError(f"{options.output} exists and may have been edited. Delete it or give another name.")
    proposal = cohort_scan.scan(options.folder, options.output.parent, report)
    proposal.write(options.output)
    return DONE, f"{proposal.summary()}\nCohort: {options.output}. Read it and correct it before you use it."


def run_check(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import cohort_check, tables

    rows, numbers = tables.read_numbered_rows(options.cohort)
    found = cohort_check.check(rows, options.cohort.parent, numbers=numbers, spacing_mm=options.spacing)
    errors = sum(problem.severity == cohort_check.ERROR for problem in found)
    text = f"{len(rows)} rows, {errors} errors, {len(found) - errors} warnings: {options.cohort}"
    if errors:
        print(f"MammoRadiomics: {options.cohort} has errors, {errors} in all. Correct what is listed.", file=sys.stderr)
    return UNUSABLE if errors else DONE, "\n".join([*cohort_check.as_table(found), text])
