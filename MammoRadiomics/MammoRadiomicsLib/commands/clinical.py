"""The clinical half of a study: Table 1, regressions, forest plots."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from .. import progress
from ..errors import InputError
from ..files import refuse_as_folder
from . import DONE, refuse_overwriting


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("clinical", help="Table 1, regressions and forest plots from clinical columns")
    parser.set_defaults(command=run)
    parser.add_argument(
        "--cohort", type=Path, required=True, help="cohort.csv, or any table (.csv, .xlsx) with --columns"
    )
    parser.add_argument("--outcome", required=True, help="slnm, her2 or a column, as named after --columns")
    parser.add_argument("--split", default="", metavar="COLUMN", help="column that says train or test")
    parser.add_argument(
        "--columns", nargs="+", default=[], metavar="OURS=THEIRS", help="as patient_id=ID1,laterality=LeftRight"
    )
    parser.add_argument("--unit", choices=("patient", "breast", "lesion"), default="lesion", help="default lesion")
    parser.add_argument(
        "--predictors", nargs="+", default=[], metavar="COLUMN",
        help="columns, or 'study' for the study's variables (default all that are known before surgery)",
    )  # fmt: skip
    add_descriptions(parser)
    parser.add_argument("--report", type=Path, required=True, metavar="DIR", help="folder for tables, figures, text")
    return parser


def add_descriptions(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the library cannot know of clinical columns."""
    parser.add_argument(
        "--reference", nargs="+", default=[], metavar="COLUMN=LEVEL",
        help="level to compare with (default Han for ethnicity, else the most frequent)",
    )  # fmt: skip
    parser.add_argument(
        "--time", nargs="+", default=[], metavar="COLUMN=TIME",
        help="when a column is known: imaging, biopsy or surgery",
    )  # fmt: skip


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import tables
    from ..clinical import analysis, writing

    refuse_as_folder(options.report)
    if options.report.is_dir():
        ours = [path for path in options.report.iterdir() if writing.is_ours(path.name)]
        refuse_overwriting(ours, [options.cohort])
    settings = analysis.ClinicalSettings(
        outcome=options.outcome,
        split=options.split,
        unit=options.unit,
        columns=pairs(options.columns, "--columns"),
        predictors=tuple(options.predictors),
        references=pairs(options.reference, "--reference"),
        times=pairs(options.time, "--time"),
    )
    found = analysis.analyse(tables.read_rows(options.cohort), settings, report)
    written = writing.write(found, options.report)
    notes = [*found["notes"], *(f"Left out: {row['units']} units, {row['reason']}." for row in found["excluded"])]
    facts = f"{found['units']} units ({found['unit']}) of {found['patients']} patients."
    return DONE, "\n".join([facts, *notes, f"Report: {written[0]}"])


def pairs(arguments: list[str], option: str) -> dict[str, str]:
    """Read ``name=value`` pairs, separated by spaces or commas; a comma inside a value stays where no name follows it.

    Raises
    ------
    InputError
        Where a part is no pair, or a name comes twice.
    """
    found: dict[str, str] = {}
    for part in (part for argument in arguments for part in re.split(r",(?=[^,=]+=)", argument)):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not (name and equals and value):
            raise InputError(f"{option} holds {part!r}; write NAME=VALUE, several separated by commas.")
        if found.setdefault(name, value) != value:
            raise InputError(f"{option} names {name} twice.")
    return found
