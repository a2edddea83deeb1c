"""The library's face in a terminal.

Exit codes: 0 done; 1 some cases failed, the others are written and the failures listed; 2 wrong usage or unusable
input, with one sentence on standard error. With ``--json-progress`` standard output carries JSON lines only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import NoReturn

from . import __version__, progress
from .commands import clinical, cohort, extract, inspect, phantoms, predict, serve, stability, train, train_segmenter
from .errors import MammoRadiomicsError

COMMANDS = (inspect, cohort, extract, stability, train, train_segmenter, predict, clinical, phantoms, serve)
UNUSABLE, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        ``sys.argv[1:]`` by default.
    """
    options = parser().parse_args(arguments)
    report = progress.as_json() if options.json_progress else progress.as_lines()
    try:
        code, result = options.command(options, report)
    except MammoRadiomicsError as error:
        print(f"MammoRadiomics: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("MammoRadiomics: stopped.", file=sys.stderr)
        return INTERRUPTED
    return code if _is_told(json.dumps({"result": result}) if options.json_progress else result) else UNUSABLE


def _is_told(result: str) -> bool:
    """Print a result; say it on standard error where nobody can read it, on a full disk or behind ``| head``."""
    try:
        print(result, flush=True)
    except OSError as error:
        # What is left in the buffer must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(
            f"MammoRadiomics: standard output cannot be written ({error.strerror}). Send it elsewhere.", file=sys.stderr
        )
        return False
    return True


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence; the usage, a screen long, is for those who ask for it."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"MammoRadiomics: {message}. See '{self.prog} --help'.\n")


def parser() -> argparse.ArgumentParser:
    """Return what understands the arguments of every command; ``command`` of its result runs one."""
    found = _Parser(prog="MammoRadiomicsLib", description="Radiomics of mammograms.")
    found.add_argument("--version", action="version", version=__version__)
    commands = found.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands).add_argument("--json-progress", action="store_true", help="JSON lines on standard output")
    return found
