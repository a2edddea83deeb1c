"""What an image file is, and whether it can be used."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .. import progress
from . import DONE

_REFUSED = 2


def add(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser("inspect", help="what a mammogram's file says, and whether it can be used")
    parser.set_defaults(command=run)
    parser.add_argument("file", type=Path, help="DICOM, PNG, TIFF, NRRD, NIfTI, MetaImage or PGM")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--identifiers", action="store_true", help="name patient and examination as well")
    return parser


def run(options: argparse.Namespace, report: progress.Progress) -> tuple[int, str]:
    from .. import intake

    found = intake.inspect(options.file, identifiers=options.identifiers)
    if found.refusal:
        print(f"MammoRadiomics: {found.refusal}", file=sys.stderr)
    text = json.dumps(found.to_json(), indent=1, ensure_ascii=False) if options.json else found.as_text()
    return (_REFUSED if found.refusal else DONE), text
