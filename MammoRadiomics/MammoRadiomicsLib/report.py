"""What is written beside a trained model, so that its numbers can be checked and drawn again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import figures
from .cohort import rows_to_csv
from .files import write_atomically

if TYPE_CHECKING:
    from .learning import Training


def write(training: Training, folder: str | Path) -> list[Path]:
    """Write model card, metrics, out-of-fold probabilities and figures, and return the paths.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    folder : path
        Made if missing.

    Raises
    ------
    InputError
        When the folder cannot be written to.
    """
    folder = Path(folder)
    manifest = training.model.manifest
    contents: dict[str, str | bytes] = {
        "card.txt": training.model.card + "\n",
        "metrics.json": json.dumps({key: manifest[key] for key in ("metrics", "training", "versions")}, indent=1)
        + "\n",
        "out_of_fold.csv": rows_to_csv(_out_of_fold(training)),
    }
    figure = figures.performance(training)
    for suffix in ("png", "svg"):
        picture = io.BytesIO()
        figure.savefig(picture, format=suffix, dpi=150)
        contents[f"performance.{suffix}"] = picture.getvalue()
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _out_of_fold(training: Training) -> list[dict]:
    """One row per repeat and lesion."""
    classes = training.model.classes
    return [
        {"repeat": repeat + 1, "patient_id": patient, "outcome": classes[label]}
        | {f"probability_{name}": value for name, value in zip(classes, values.tolist(), strict=True)}
        for repeat, rows in enumerate(training.out_of_fold)
        for patient, label, values in zip(training.lesions.patients, training.lesions.target, rows, strict=True)
    ]
