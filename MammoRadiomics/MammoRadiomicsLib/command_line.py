"""The library's face in a terminal.

Exit codes: 0 done; 1 some cases failed, the others are written and the failures listed; 2 wrong usage or unusable
input, with one sentence on standard error. With ``--json-progress`` standard output carries JSON lines only.
"""

from __future__ import annotations

import argparse
import json
import sys

from . import __version__, progress
from .commands import clinical, cohort, extract, inspect, phantoms, predict, serve, stability, train
from .errors import MammoRadiomicsError

COMMANDS = (inspect, cohort, extract, stability, train, predict, clinical, phantoms, serve)
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
    print(json.dumps({"result": result}) if options.json_progress else result)
    return code


def parser() -> argparse.ArgumentParser:
    """Return what understands the arguments of every command; ``command`` of its result runs one."""
    found = argparse.ArgumentParser(prog="MammoRadiomicsLib", description="Radiomics of mammograms.")
    found.add_argument("--version", action="version", version=__version__)
    commands = found.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands).add_argument("--json-progress", action="store_true", help="JSON lines on standard output")
    return found
