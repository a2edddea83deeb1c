"""Simulated clicks: where patches are cut, and how they are turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .cases import CONTEXT, Case
from .settings import SegmenterSettings

_SCALES = (0.5, 2.0)
# The patch is at least so many times as large as the outline, as after the second look.
_ROOM = 1.3
# A click beside the outline is at least so far from its margin.
_BESIDE_MM = 6.0


@dataclass(frozen=True)
class Clicks:
    """Where and how patches are cut from contexts, all arrays of length (patches,) or (patches, 2).

    Parameters
    ----------
    case : numpy.ndarray of int
        Which context.
    centre_mm : numpy.ndarray
        Middle of the patch, x and y in mm from the context's middle.
    offset_mm : numpy.ndarray
        The click, x and y in mm from the middle of the patch as it lies on the context.
    scale, angle, mirror : numpy.ndarray
        Side of the patch as a multiple of the usual one, rotation, and 1 or -1.
    empty : numpy.ndarray of bool
        Whether the click lies beside the outline.
    """

    case: np.ndarray
    centre_mm: np.ndarray
    offset_mm: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    mirror: np.ndarray
    empty: np.ndarray


def disc(rng: np.random.Generator, count: int, radius: float) -> np.ndarray:
    """Return points evenly spread over a disc around the origin, shape (count, 2)."""
    angle, distance = rng.uniform(0, 2 * np.pi, count), radius * np.sqrt(rng.random(count))
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)


def for_training(
    cases: Sequence[Case], chosen: np.ndarray, settings: SegmenterSettings, rng: np.random.Generator
) -> Clicks:
    """Draw a patch for each chosen case: any scale, angle and mirror, centred on the click or elsewhere near it."""
    count, patch_mm = len(chosen), settings.patch_mm
    extent = np.array([cases[i].extent_mm for i in chosen])
    empty = rng.random(count) < settings.background
    click = disc(rng, count, settings.click_shift_mm)
    beside = extent / 2 + _BESIDE_MM + rng.random(count) * patch_mm / 2
    angle = rng.uniform(0, 2 * np.pi, count)
    click = np.where(empty[:, None], beside[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), click)
    # The first look is centred on the click, the second on what the first found.
    moved = np.where((rng.random(count) < 0.5)[:, None], rng.random((count, 1)) * click, 0)
    moved = np.where(empty[:, None], 0, moved)
    low, high = np.log(_SCALES).tolist()
    scale = np.exp(rng.uniform(low, high, count))
    return Clicks(
        chosen,
        click - moved,
        moved,
        np.clip(scale, _ROOM * extent / patch_mm, CONTEXT),
        rng.uniform(0, 2 * np.pi, count),
        rng.choice([-1.0, 1.0], count),
        empty,
    )


def for_stopping(count: int, chosen: np.ndarray, settings: SegmenterSettings) -> Clicks:
    """Draw the same `count` clicks for each chosen case every time, on patches as they lie on the image."""
    chosen = np.repeat(chosen, count)
    flat, ones = np.zeros(len(chosen)), np.ones(len(chosen))
    click = disc(np.random.default_rng(settings.random_state), len(chosen), settings.click_shift_mm)
    return Clicks(chosen, click, np.zeros_like(click), ones, flat, ones, flat > 0)
