"""Which features survive another reader or outline."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import progress
from . import DONE, refuse_overwriting


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("stability", help="which features survive another reader or outline (ICC)")
    parser.set_defaults(command=run)
    parser.add_argument("--features", type=Path, required=True, help="features.csv with several outlines of each case")
    parser.add_argument("--output", type=Path, required=True, help="icc.csv to write")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import stability, tables

    refuse_overwriting([options.output], [options.features])
    rows = stability.report(tables.read_features(options.features, finite=False))
    tables.write_rows(options.output, rows)
    return DONE, f"{stability.summary(rows)}\nTable: {options.output}"
