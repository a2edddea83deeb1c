"""Work for a window: requests on standard input, answers on standard output."""

from __future__ import annotations

import argparse

from .. import progress


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("serve", help="work for a window: JSON lines on standard input and output")
    parser.set_defaults(command=run)
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import worker

    return worker.serve(), ""
