"""Features of one outline or of a cohort as table rows, with the failures and the conditions of the run beside them."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from . import __version__, imaging, perturbation, prediction
from .errors import InputError
from .files import write_atomically
from .intake import Intake
from .presets import Preset, import_radiomics
from .progress import Progress, silent
from .tables import KEY_COLUMNS, PERTURBED, Row, case_name, rows_to_csv, spacing_of, write_rows

NO_FAILURES = "row,reason\n"


@dataclass
class Extraction:
    """What a run over outlines has found so far.

    Parameters
    ----------
    rows : list of dict
        One per outline: keys, preset, spacing, ROI size, features.
    failures : list of dict
        ``row`` (of the cohort, counted with its header) and ``reason``.
    sources : list of dict
        Keys of each outline, the hashes of its image and mask, and notes such as too many grey levels, or what the
        intake found.
    """

    rows: list[dict] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)
    sources: list[dict] = field(default_factory=list)


def feature_row(keys: Row, image: sitk.Image, roi: sitk.Image, preset: Preset) -> tuple[dict, dict]:
    """Return the features.csv row of one outline, and its source record."""
    described = prediction.describe(image, roi)
    of_case = identity(keys)
    row = of_case | {
        "preset": preset.name,
        "pixel_spacing_mm": described["pixel_spacing_mm"],
        "roi_pixels": described["roi_pixels"],
    }
    values, notes = prediction.extract_noting(image, roi, preset)
    source = of_case | {key: described[key] for key in ("image_sha256", "mask_sha256")} | {"notes": notes}
    return row | values, source


def identity(row: Row) -> Row:
    """Return the cells that say which outline a row belongs to."""
    return {column: row.get(column, "") for column in KEY_COLUMNS}


def extract_cohort(
    cohort: list[Row],
    preset: Preset,
    spacing_mm: float | None = None,
    perturb: int = 0,
    progress: Progress = silent,
) -> Extraction:
    """Extract the features of every outline, in memory; a case that fails does not stop the others.

    For large cohorts see :func:`.batch.extract`.

    Parameters
    ----------
    cohort : list of dict
        As :func:`.cohort.read_cohort` gives it.
    preset : Preset
        What to extract.
    spacing_mm : float, optional
        Pixel spacing in mm for rows that do not say.
    perturb : int
        Perturbed outlines of each of the first reader's, as further rows whose reader is ``perturbed-01`` and so on.
    progress : callable
        Called after each outline.
    """
    found = Extraction()
    first_reader = cohort[0].get("reader", "")
    for number, row in enumerate(cohort, start=2):
        variants = perturb if row.get("reader", "") == first_reader else 0
        try:
            rows, sources = zip(*rows_of_outline(row, preset, spacing_mm, variants), strict=True)
        except InputError as error:
            name = case_name(row)
            reason = f"{name}: {error}" if row.get("patient_id") else str(error)
            found.failures.append({"row": number, "reason": reason})
        else:
            found.rows.extend(rows)
            found.sources.extend(sources)
        progress(number - 1, len(cohort), case_name(row))
    return found


def rows_of_outline(row: Row, preset: Preset, spacing_mm: float | None, perturb: int) -> Iterator[tuple[dict, dict]]:
    """Yield :func:`feature_row` of an outline of the cohort, and of perturbed variants of it.

    Raises
    ------
    InputError
        When image, mask, label or spacing cannot be used, or a feature has no value.
    """
    image, roi, known = read_outline(row, spacing_mm)
    features, source = feature_row(row, image, roi, preset)
    source["notes"] += known.notes
    yield features, source
    variants = perturbation.perturbed_masks(roi, perturb) if perturb else []
    for i, variant in enumerate(variants, start=1):
        yield feature_row(row | {"reader": f"{PERTURBED}{i:02d}"}, image, variant, preset)


def read_outline(row: Row, spacing_mm: float | None) -> tuple[sitk.Image, sitk.Image, Intake]:
    """Read the image and the mask that a row of the cohort names, see :func:`.imaging.read_case_noting`."""
    for column in ("image", "mask"):
        if not row.get(column):
            raise InputError(f"The cohort names no {column}. Fill in the column {column}.")
    try:
        label = int(row.get("label") or 1)
        spacing_mm = spacing_of(row) or spacing_mm
    except ValueError as error:
        raise InputError(f"Its label {row['label']!r} is not a whole number. Correct the cohort.") from error
    return imaging.read_case_noting(row["image"], row["mask"], label=label, spacing_mm=spacing_mm)


def write(found: Extraction, preset: Preset, output: Path) -> None:
    """Write features.csv, features.failures.csv and features.run.json, named after `output`.

    Where no outline could be used there are only the failures.
    """
    if found.rows:
        write_rows(output, found.rows)
        record = conditions(preset, found.sources, len(found.failures))
        write_atomically(output.with_suffix(".run.json"), json.dumps(record, indent=1) + "\n")
    failures = rows_to_csv(found.failures) if found.failures else NO_FAILURES
    write_atomically(output.with_suffix(".failures.csv"), failures)


def conditions(preset: Preset, sources: list[dict], failures: int) -> dict:
    """Return the conditions of a run, for features.run.json."""
    return {
        "preset": preset.to_json(),
        "preset_sha256": preset.digest,
        "versions": versions(),
        "outlines": sources,
        "failures": failures,
    }


def versions() -> dict[str, str]:
    """Return the versions that can change a feature's value."""
    return {
        "MammoRadiomics": __version__,
        "pyradiomics": import_radiomics().__version__,
        "numpy": np.__version__,
        **{name: _installed(name) for name in ("scipy", "scikit-image", "PyWavelets")},
        "SimpleITK": sitk.Version_VersionString(),
        "python": platform.python_version(),
    }


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
