"""From outlines of a cohort to a network that proposes such outlines, measured on patients it has not seen."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from monai.losses import DiceCELoss
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..errors import InputError
from ..outline_patch import reference_patch, samples_of
from ..progress import Progress, silent
from ..proposal import Segmenter
from ..tables import Row
from . import card, cases, draws, measuring, network
from .augmentation import bend, cut
from .cases import CONTEXT, Case
from .draws import Clicks
from .settings import SegmenterSettings

# Share of a fold's training patients on whom it is decided when to stop.
_STOPPING = 0.1
_CLICKS_FOR_STOPPING = 4
_AVERAGED_OVER = 0.99
_WEIGHT_DECAY = 1e-3
# Below this the network's own expectation, an outline is not worth correcting.
LEAST_CONFIDENCE = 0.5
LEAST_SCALE = 0.5


@dataclass
class Trained:
    """An outline model and how it was measured.

    Parameters
    ----------
    manifest : dict
    network : bytes
        ONNX.
    held_out : list of dict
        A row for each outline: its keys, fold, Dice and confidence of the proposal.
    curve : list of dict
        A row for each epoch of each fold: loss, Dice on the patients kept for stopping.
    metrics : dict
        Numbers of the card.
    """

    manifest: dict
    network: bytes
    held_out: list[dict] = field(default_factory=list)
    curve: list[dict] = field(default_factory=list)
    metrics: dict = field(default_factory=dict)


def train(
    rows: list[Row], settings: SegmenterSettings, progress: Progress = silent, spacing_mm: float | None = None
) -> Trained:
    """Train and measure a network for outlines.

    Parameters
    ----------
    rows : list of dict
        As :func:`.cohort.read_cohort` gives them.
    settings : SegmenterSettings
    progress : callable
        Called after each outline read and each epoch; may raise Cancelled.
    spacing_mm : float, optional
        Pixel spacing of images that do not say.

    Raises
    ------
    InputError
        When an outline cannot be used, or there are too few patients.
    """
    settings.validate()
    chosen = cases.of_reader(rows, settings.reader)
    folds = folds_of([row["patient_id"] for row in chosen], settings)
    found = cases.read(chosen, settings, spacing_mm, progress)
    contexts = _Contexts(found, settings)
    members, held_out, curve = [], [], []
    for number, test in enumerate(folds):
        member, epochs = _fit(contexts, ~test, number, progress)
        members.append(member)
        curve += epochs
        segmenter = Segmenter(*file_of([member], settings, {}), f"of fold {number + 1}")
        held_out += measuring.propose_for(
            [found[i] for i in np.flatnonzero(test)], segmenter, number, settings, spacing_mm
        )
    metrics = card.metrics(held_out, cases.between_readers(rows, spacing_mm), settings)
    return Trained(*file_of(members, settings, metrics), held_out, curve, metrics)


def folds_of(patients: list[str], settings: SegmenterSettings) -> list[np.ndarray]:
    """Return which outlines are held out in each fold; patients stay together."""
    names = np.array(sorted(set(patients)))
    if len(names) < max(settings.folds, 4):
        raise InputError(
            f"{len(names)} patients have outlines by this reader; {settings.folds} folds need at least "
            f"{max(settings.folds, 4)}. Add patients or use fewer folds."
        )
    shuffled = np.random.default_rng(settings.random_state).permutation(names)
    return [np.isin(patients, shuffled[i :: settings.folds]) for i in range(settings.folds)]


def fit_fold(
    rows: list[Row], settings: SegmenterSettings, number: int, progress: Progress = silent
) -> tuple[nn.Module, list[dict]]:
    """Train the network of one fold of :func:`folds_of` alone, from the rows of one reader."""
    held_out = folds_of([row["patient_id"] for row in rows], settings)[number]
    return _fit(_Contexts(cases.read(rows, settings, None, silent), settings), ~held_out, number, progress)


class _Contexts:
    """All outlines on the device that trains, and patches of them."""

    def __init__(self, found: Sequence[Case], settings: SegmenterSettings):
        self.cases, self.settings = found, settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        stack = lambda arrays: torch.from_numpy(np.stack(arrays)[:, None]).to(self.device)  # noqa: E731
        self._grey, self._inside = stack([case.grey for case in found]), stack([case.inside for case in found])

    def patches(self, clicks: Clicks) -> tuple[torch.Tensor, torch.Tensor]:
        """Return patches and what should be outlined on them."""
        patch_mm = self.settings.patch_mm
        sizes: dict[str, Any] = {"context_mm": CONTEXT * patch_mm, "patch_mm": patch_mm, "pixels": self.settings.pixels}
        return cut(self._grey, self._inside, clicks, **sizes)


def _fit(contexts: _Contexts, usable: np.ndarray, number: int, progress: Progress) -> tuple[nn.Module, list[dict]]:
    """Train the network of one fold, and return it as it was at its best with a row for each epoch."""
    settings = contexts.settings
    rng = np.random.default_rng([settings.random_state, number])
    learning, stopping = _stopping_set(contexts.cases, usable, rng)
    with torch.random.fork_rng():
        torch.manual_seed(settings.random_state + number)
        model = network.Standardised(network.unet(settings.width), settings.pixels)
    step = _Stepper(model.to(contexts.device), len(learning), settings)
    watched = contexts.patches(draws.for_stopping(_CLICKS_FOR_STOPPING, stopping, settings))
    best, best_epoch, rows = (-1.0, model), 0, []
    for epoch in range(settings.epochs):
        order = rng.permutation(np.repeat(learning, settings.clicks))
        losses = [step(*_drawn(contexts, chosen, rng)) for chosen in np.array_split(order, step.steps_per_epoch)]
        dice = _mean_dice(step.averaged, *watched)
        rows.append({"fold": number + 1, "epoch": epoch + 1, "loss": float(np.mean(losses)), "dice": dice})
        if dice > best[0]:
            best, best_epoch = (dice, copy.deepcopy(step.averaged.module)), epoch
        done, total = number * settings.epochs + epoch + 1, settings.folds * settings.epochs
        progress(done, total, f"fold {number + 1} of {settings.folds}, epoch {epoch + 1}: Dice {dice:.3f}")
        if epoch - best_epoch >= settings.patience:
            break
    return best[1].eval(), rows


def _stopping_set(found: Sequence[Case], usable: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Split usable outlines by patient into those that teach and those that say when to stop."""
    patients = np.array([case.row["patient_id"] for case in found])
    names = rng.permutation(np.unique(patients[usable]))
    kept = np.isin(patients, names[: max(1, round(_STOPPING * len(names)))])
    return np.flatnonzero(usable & ~kept), np.flatnonzero(usable & kept)


def _drawn(contexts: _Contexts, chosen: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    patches, inside = contexts.patches(draws.for_training(contexts.cases, chosen, contexts.settings, rng))
    return bend(patches, rng), inside


class _Stepper:
    """One step of learning at a time, and the running average of the weights, which is what is kept."""

    def __init__(self, model: nn.Module, outlines: int, settings: SegmenterSettings):
        self._model = model
        self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(_AVERAGED_OVER), use_buffers=True)
        self._loss = DiceCELoss(sigmoid=True, batch=True, smooth_nr=1, smooth_dr=1)
        self._optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=_WEIGHT_DECAY)
        self.steps_per_epoch = -(-outlines * settings.clicks // settings.batch)
        self._rate = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, settings.learning_rate, self.steps_per_epoch * settings.epochs, pct_start=0.1
        )

    def __call__(self, patches: torch.Tensor, inside: torch.Tensor) -> float:
        self._model.train()
        loss = self._loss(self._model(patches), inside)
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._rate.step()
        self.averaged.update_parameters(self._model)
        return float(loss.detach())


def _mean_dice(model: nn.Module, patches: torch.Tensor, inside: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        found, true = model(patches) > 0, inside > 0.5
    overlap, total = (found & true).sum((1, 2, 3)), found.sum((1, 2, 3)) + true.sum((1, 2, 3))
    return float((2 * overlap / total.clamp_min(1)).mean())


def file_of(members: list[nn.Module], settings: SegmenterSettings, metrics: dict) -> tuple[dict, bytes]:
    """Return manifest and network of a file that averages the networks."""
    onnx = network.to_onnx(members, settings.pixels)
    manifest = {
        "patch_mm": settings.patch_mm,
        "pixels": settings.pixels,
        "least_scale": LEAST_SCALE,
        "largest_scale": float(CONTEXT),
        "least_confidence": LEAST_CONFIDENCE,
        "purpose": settings.purpose,
        "card": card.text(metrics, settings) if metrics else "",
        "metrics": metrics,
        "settings": settings.to_json(),
    }
    probability = Segmenter(manifest, onnx, "in training").probability(*reference_patch(settings.pixels))
    return manifest | {"reference": [float(value) for value in samples_of(probability)]}, onnx
