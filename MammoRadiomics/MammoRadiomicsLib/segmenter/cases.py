"""Outlines of a cohort as training sees them: the surroundings of each, at the network's resolution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import SimpleITK as sitk

from .. import extraction
from ..errors import InputError, MammoRadiomicsError
from ..outline_patch import Grid, sample
from ..progress import Progress
from ..tables import Row, case_name, lesion_key, rows_by_lesion
from .settings import SegmenterSettings

# A context is so many times as wide as the usual patch, and so much finer, for the scales that are drawn from it.
CONTEXT, _FINER = 2, 4 / 3


@dataclass(frozen=True)
class Case:
    """One outline and what surrounds it.

    Parameters
    ----------
    row : dict
        Of the cohort.
    grey, inside : ndarray (side, side)
        float32; the outline's share of each pixel.
    centre : (float, float)
        The outline's centroid, column and row of the image.
    extent_mm : float
        The longer side of the box around the outline.
    spacing : (float, float)
        Of the image in mm.
    """

    row: Row
    grey: np.ndarray
    inside: np.ndarray
    centre: tuple[float, float]
    extent_mm: float
    spacing: tuple[float, float]


def of_reader(rows: list[Row], reader: str) -> list[Row]:
    """Return the rows of one reader, the table's first by default.

    Raises
    ------
    InputError
        When a row has no image or mask, or there is no such reader.
    """
    chosen = sorted(i for views in rows_by_lesion(rows, reader).values() for i in views.values())
    for i in chosen:
        if not rows[i].get("image") or not rows[i].get("mask"):
            raise InputError(
                f"{case_name(rows[i])} has no image or no mask. Training outlines needs both in every row."
            )
    return [rows[i] for i in chosen]


def read(rows: list[Row], settings: SegmenterSettings, spacing_mm: float | None, progress: Progress) -> list[Case]:
    """Read the outlines of a cohort.

    Raises
    ------
    InputError
        For the first outline that cannot be used.
    """
    cases = []
    for i, row in enumerate(rows):
        image, inside = pixels_of(row, spacing_mm)
        cases.append(_case(row, image, inside, settings))
        progress(i + 1, len(rows), f"reading {case_name(row)}")
    return cases


def pixels_of(row: Row, spacing_mm: float | None) -> tuple[sitk.Image, np.ndarray]:
    """Return the image of a row and whether each of its pixels is inside the outline."""
    try:
        image, roi, _ = extraction.read_outline(row, spacing_mm)
    except MammoRadiomicsError as error:
        raise InputError(f"{case_name(row)}: {error}") from error
    return image, sitk.GetArrayFromImage(roi)[0].astype(bool)


def _case(row: Row, image: sitk.Image, inside: np.ndarray, settings: SegmenterSettings) -> Case:
    spacing = image.GetSpacing()[:2]
    rows, columns = np.nonzero(inside)
    side = 2 * round(settings.pixels * CONTEXT * _FINER / 2)
    grid = Grid((columns.mean(), rows.mean()), CONTEXT * settings.patch_mm, side, spacing)
    mask = sitk.GetImageFromArray(inside.astype(np.float32))
    extent = max((np.ptp(at) + 1) * mm for at, mm in zip((columns, rows), spacing, strict=True))
    return Case(row, sample(image, grid), sample(mask, grid), grid.centre, float(extent), spacing)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Dice coefficient of two masks, 1 for two empty ones."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0


def between_readers(rows: list[Row], spacing_mm: float | None) -> list[float]:
    """Return the Dice of every two readers' outlines of the same lesion on the same view."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row.get("image") and row.get("mask"):
            groups.setdefault((*lesion_key(row), row.get("view", "")), []).append(row)
    found = []
    for group in (group for group in groups.values() if len(group) > 1):
        outlines = [pixels_of(row, spacing_mm)[1] for row in group]
        found += [dice(one, other) for one, other in combinations(outlines, 2) if one.shape == other.shape]
    return found
