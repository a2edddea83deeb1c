"""What is written beside a trained model, so that its numbers can be checked and drawn again."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import figures
from .files import write_atomically
from .tables import rows_to_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .learning import Training


def write(training: Training, claims: list[dict], folder: str | Path) -> list[Path]:
    """Write model card, metrics, out-of-fold probabilities, comparison of protocols and figures; return the paths.

    Parameters
    ----------
    training : Training
        As :func:`.learning.train` returns it.
    claims : list of dict
        As :func:`.protocols.compare` returns them.
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
        "protocols.csv": rows_to_csv(claims),
    }
    title = f"{figures.outcome_names(training.model.outcome)[0]}: what three protocols claim on the same table"
    contents |= _pictures("performance", figures.performance(training))
    contents |= _pictures("protocols", figures.protocol_claims(claims, title))
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _pictures(name: str, figure: Figure) -> dict[str, bytes]:
    pictures = {}
    for suffix in ("png", "svg"):
        content = io.BytesIO()
        figure.savefig(content, format=suffix, dpi=150)
        pictures[f"{name}.{suffix}"] = content.getvalue()
    return pictures


def _out_of_fold(training: Training) -> list[dict]:
    """One row per repeat and lesion."""
    classes = training.model.classes
    return [
        {"repeat": repeat + 1, "patient_id": patient, "outcome": classes[label]}
        | {f"probability_{name}": value for name, value in zip(classes, values.tolist(), strict=True)}
        for repeat, rows in enumerate(training.out_of_fold)
        for patient, label, values in zip(training.lesions.patients, training.lesions.target, rows, strict=True)
    ]
