"""A cohort of synthetic mammograms to try things on."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import progress
from ..errors import InputError
from ..files import refuse_as_folder
from . import DONE


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("phantoms", help="a cohort of synthetic mammograms to try things on")
    parser.set_defaults(command=run)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--prevalence", type=float, default=0.5, help="share of patients with SLNM (default 0.5)")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import phantoms

    refuse_as_folder(options.output, "cohort")
    if (options.output / "cohort.csv").exists():
        raise InputError(f"{options.output} holds a cohort.csv already. Delete it or give another folder.")
    path = phantoms.write_cohort(options.output, options.patients, options.seed, report, options.prevalence)
    return DONE, f"{options.patients} patients, two views each: {path}"
