"""Faults at a panel, and how what it says is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at a panel.

    Parameters
    ----------
    case : str
        What is wrong, for the table.
    happens : callable
        Lets it happen; takes the panel and a namespace with ``volume``, ``segmentation``, ``segment_id``, ``model``
        and ``folder``.
    says : str
        Part of what the window says, in a label, a browser, a table or a dialog.
    """

    case: str
    happens: Callable
    says: str

    def __str__(self) -> str:
        return self.case


def told_by(panel: Any, failures: list[str]) -> str:
    """Return all that a panel says: in dialogs, in labels, in browsers, in the list of problems."""
    shown = []
    for name in ("statusLabel", "modelLabel", "checkLabel", "resultBrowser", "logTextEdit"):
        if hasattr(panel.ui, name):
            widget = getattr(panel.ui, name)
            shown.append(widget.plainText if name.endswith(("Browser", "Edit")) else widget.text)
    if hasattr(panel.ui, "problemsTable"):
        table = panel.ui.problemsTable
        shown += [table.item(row, 2).text() for row in range(table.rowCount)]
    return "\n".join([*failures, *shown])


def judge(fault: Fault, told: str, folder: Path, record_property: Callable, where: str) -> None:
    """Look for the sentence in what a panel says, and for unfinished files; record the outcome for the table."""
    # An error that is shown in a dialog is in the console with its traceback: the last line has the sentence.
    lines = [line for line in told.splitlines() if fault.says in line and not line.startswith(" ")]
    line = lines[-1].rpartition("Error: ")[2] if fault.says and lines else ""
    record_property("fault", [where, fault.case, line, ""])
    assert fault.says in told
    assert not list(folder.rglob(".*"))
