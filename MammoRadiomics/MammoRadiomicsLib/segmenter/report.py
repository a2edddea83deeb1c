"""The files that go with an outline model: its card, its numbers, and how it learned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..reports import report_files
from ..tables import rows_to_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .training import Trained


def write(trained: Trained, folder: Path) -> list[Path]:
    """Write card.txt, metrics.json, outlines.csv, learning_curve.csv and its picture; all of them or none.

    Raises
    ------
    InputError
        When the folder cannot be written to.
    """
    pictures = report_files.pictures("learning_curve", learning_curve(trained.curve))
    contents = {
        "card.txt": trained.manifest["card"] + "\n",
        "metrics.json": json.dumps(trained.metrics, indent=1) + "\n",
        "outlines.csv": rows_to_csv(trained.held_out),
        "learning_curve.csv": rows_to_csv(trained.curve),
        "learning_curve.png": pictures["learning_curve.png"],
    }
    return report_files.write_all(folder, contents)


def learning_curve(rows: list[dict]) -> Figure:
    """Show loss and Dice by epoch, a line for each fold.

    Parameters
    ----------
    rows : list of dict
        ``fold``, ``epoch``, ``loss`` and ``dice``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    for axes, name, label in zip(
        figure.subplots(1, 2), ("loss", "dice"), ("Loss (training)", "Dice (patients kept for stopping)"), strict=True
    ):
        for fold in sorted({row["fold"] for row in rows}):
            of_fold = [row for row in rows if row["fold"] == fold]
            axes.plot([row["epoch"] for row in of_fold], [row[name] for row in of_fold], label=f"fold {fold}")
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.set_ylim(0, 1 if name == "dice" else 1.05 * float(np.max([row["loss"] for row in rows])))
    axes.legend(fontsize=8)
    return figure
