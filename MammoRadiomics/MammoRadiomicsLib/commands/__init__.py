"""The commands of the terminal, a file each: ``add`` describes it, ``run`` does it."""

from __future__ import annotations

import os
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
