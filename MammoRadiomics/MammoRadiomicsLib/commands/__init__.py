"""The commands of the terminal, a file each: ``add`` describes it, ``run`` does it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..files import refuse_as_target

SPACING_HELP = "pixel spacing in mm, instead of what the files say (a cohort's own column comes first)"
DONE, SOME_FAILED = 0, 1


def refuse_overwriting(outputs: list[Path | None], inputs: list[Path | None]) -> None:
    """Refuse to write where nothing can be written, or over what is read, before any work is done."""
    # Path.resolve would raise where links lead in a circle.
    sources = {os.path.realpath(path) for path in inputs if path is not None}
    for path in (path for path in outputs if path is not None):
        refuse_as_target(path)
        if os.path.realpath(path) in sources:
            raise InputError(f"{path} is read and would be overwritten. Give another name to the output.")


def add_setting(
    parser: argparse.ArgumentParser, name: str, default: object, text: str, choices: Mapping[str, Sequence[str]]
) -> None:
    """Add the option of a setting, a field of a dataclass: its kind is that of its default."""
    flag = "--seed" if name == "random_state" else f"--{name.replace('_', '-')}"
    shown = text + (f" (default {default})" if default != "" else "")
    if isinstance(default, bool):
        parser.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=default, help=shown)
        return
    parser.add_argument(
        flag,
        dest=name,
        type=type(default),
        choices=choices.get(name),
        default=default,
        help=shown,
        # argparse lists the choices where there are any.
        metavar=None if name in choices else name.rpartition("_")[2].upper(),
    )
