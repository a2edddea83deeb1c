"""The files of a report: pictures with the same bytes for the same figure; a folder written whole or not at all."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import refuse_as_target, write_atomically
from .print_style import settle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(name: str, figure: Figure) -> dict[str, bytes]:
    """Return a figure as PNG and as SVG, by file name."""
    from matplotlib import rc_context

    settle(figure)
    found = {}
    # No date and no random identifiers.
    with rc_context({"svg.hashsalt": name}):
        for suffix, metadata in (("png", {}), ("svg", {"Date": None})):
            content = io.BytesIO()
            figure.savefig(content, format=suffix, metadata=metadata)
            found[f"{name}.{suffix}"] = content.getvalue()
    return found


def write_all(folder: Path, contents: dict[str, str | bytes]) -> list[Path]:
    """Write files beside their places, then move all of them there.

    Raises
    ------
    InputError
        When the folder cannot be written to; nothing is changed then.
    """
    paths = [folder / name for name in contents]
    for path in paths:
        refuse_as_target(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder, prefix=".report."))
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}). Choose another folder.") from error
    try:
        for name, content in contents.items():
            write_atomically(staging / name, content)
        for path in paths:
            (staging / path.name).replace(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return paths
