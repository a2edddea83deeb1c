"""Synthetic mammograms with a lesion, for demonstrations, tests and benchmarks.

They look like a mammogram to a texture matrix, not to a radiologist: parenchyma is noise with a power-law spectrum
(exponent 3, as Burgess et al., Med Phys 28:419, 2001, measured on real mammograms), the lesion is a lobulated or
spiculated disc with a grain of its own. Nothing learned from them says anything about patients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .lesions import HER2_CLASSES
from .progress import Progress, silent
from .tables import write_rows


def mammogram(
    seed: int,
    *,
    size: tuple[int, int] = (600, 600),
    spacing_mm: float = 0.05,
    diameter_mm: float = 6.0,
    spiculation: float = 0.1,
    grain_mm: float = 0.3,
) -> tuple[sitk.Image, sitk.Image]:
    """Make one view of a breast with one lesion.

    Parameters
    ----------
    seed : int
        Equal seeds give equal images.
    size : (int, int)
        Columns and rows.
    spacing_mm : float
        Size of a pixel in mm.
    diameter_mm : float
        Mean diameter of the lesion in mm.
    spiculation : float
        Relative depth of the margin's fine waves; 0 is a smooth margin.
    grain_mm : float
        Correlation length of the lesion's texture in mm.

    Returns
    -------
    image, roi : SimpleITK.Image
        uint16 on the scale of a digitised film (about 0 to 60,000), and uint8 that is 1 inside the lesion.
    """
    rng = np.random.default_rng(seed)
    columns, rows = size
    y, x = np.mgrid[:rows, :columns].astype(float)
    breast = np.clip(6 * (1 - np.hypot(x / (0.85 * columns), (y - rows / 2) / (0.46 * rows))), 0, 1)
    pixels = 26000 + 4000 * _power_law_noise(rng, (rows, columns)) + 300 * rng.standard_normal((rows, columns))
    distance = _distance_from_margin(rng, x - 0.4 * columns, y - rows / 2, diameter_mm / spacing_mm / 2, spiculation)
    soft_edge = 1 / (1 + np.exp(np.clip(4 * distance, -50, 50)))
    pixels += soft_edge * (6000 + 1500 * _grain(rng, (rows, columns), grain_mm / spacing_mm))
    image = sitk.GetImageFromArray(np.clip(pixels * breast, 0, 65535).astype(np.uint16)[np.newaxis])
    roi = sitk.GetImageFromArray((distance < 0).astype(np.uint8)[np.newaxis])
    for each in (image, roi):
        each.SetSpacing((spacing_mm, spacing_mm, 1.0))
    return image, roi


def _power_law_noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Noise of unit SD whose power falls with the third power of the spatial frequency."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * frequency**-1.5, s=shape)
    return noise / noise.std()


def _grain(rng: np.random.Generator, shape: tuple[int, int], length: float) -> np.ndarray:
    """Noise of unit SD with a Gaussian correlation of `length` pixels."""
    noise = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.standard_normal(shape)), length)
    grain = sitk.GetArrayFromImage(noise)
    return grain / grain.std()


def _distance_from_margin(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, radius: float, spiculation: float
) -> np.ndarray:
    """Radial distance in pixels to a wavy margin around the origin, negative inside."""
    angle = np.arctan2(y, x)
    margin = np.ones_like(angle)
    for waves in (2, 3, 4, 5):
        margin += 0.06 * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    for waves in (11, 14, 17, 20):
        margin += spiculation / 2 * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    return np.hypot(x, y) - radius * np.maximum(margin, 0.2)


def write_cohort(
    folder: str | Path, patients: int = 60, seed: int = 15, progress: Progress = silent, prevalence: float = 0.5
) -> Path:
    """Write a cohort of phantoms: two views a patient, their outlines, and cohort.csv.

    SLNM follows the spiculation of the margin and HER2 the grain of the texture, both with overlap between the classes;
    the patients with SLNM are somewhat younger, and their breast density says nothing.

    Parameters
    ----------
    folder : path
        Made if missing.
    patients : int
        Number of patients; one lesion and the views CC and MLO each.
    seed : int
        Equal seeds give equal files.
    progress : callable
        Called after each patient.
    prevalence : float
        Share of patients with SLNM, between 0 and 1; a share that is no whole number of patients is rounded down.

    Returns
    -------
    pathlib.Path
        The cohort.csv.

    Raises
    ------
    InputError
        When no such cohort can be made, or the folder cannot.
    """
    folder = Path(folder)
    if patients < 1 or seed < 0:
        raise InputError(f"{patients} patients with seed {seed} are impossible: at least 1, and a seed from 0.")
    if not 0 < prevalence < 1:
        raise InputError(f"A prevalence of {prevalence:g} is impossible: give a share between 0 and 1, such as 0.2.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made ({error.strerror}). Choose another.") from error
    rng = np.random.default_rng(seed)
    slnm = rng.permutation(_evenly_positive(patients, prevalence))
    her2 = rng.permutation(np.arange(patients) % 3)
    clinical = _clinical_values(slnm, np.random.default_rng([seed, 1]))
    rows: list[dict] = []
    for i in range(patients):
        patient_id = f"P{i + 1:04d}"
        of_patient = _write_patient(folder, patient_id, int(slnm[i]), int(her2[i]), rng)
        rows += [row | clinical[i] for row in of_patient]
        progress(i + 1, patients, f"phantom {patient_id}")
    write_rows(folder / "cohort.csv", rows)
    return folder / "cohort.csv"


def _evenly_positive(patients: int, prevalence: float) -> np.ndarray:
    """Return 0 or 1 for each patient, 1 where the running count of positives steps up."""
    # Rounded, because 100 * 0.29 is 28.999...
    return np.diff(np.floor(np.round(np.arange(patients + 1) * prevalence, 9)))


def _clinical_values(slnm: np.ndarray, rng: np.random.Generator) -> list[dict]:
    """Return age in years and breast density of each patient."""
    ages = np.clip(np.round(rng.normal(54 - 6 * slnm, 9)), 25, 85).astype(int).tolist()
    densities = rng.choice(["a", "b", "c", "d"], len(slnm), p=[0.1, 0.4, 0.4, 0.1]).tolist()
    return [{"age": age, "breast_density": density} for age, density in zip(ages, densities, strict=True)]


def _write_patient(folder: Path, patient_id: str, slnm: int, her2: int, rng: np.random.Generator) -> list[dict]:
    """Write both views of a lesion whose appearance follows its outcomes, and return their rows of the cohort."""
    lesion: dict[str, Any] = {
        "spiculation": float(np.clip(0.10 + 0.08 * slnm + rng.normal(0, 0.03), 0, 0.4)),
        "grain_mm": float(np.clip(0.20 + 0.10 * her2 + rng.normal(0, 0.04), 0.1, 0.8)),
        "diameter_mm": rng.uniform(4, 6),
    }
    rows = []
    for view in ("CC", "MLO"):
        names = {"image": f"{patient_id}_{view}.nrrd", "mask": f"{patient_id}_{view}_lesion.nrrd"}
        for each, name in zip(mammogram(int(rng.integers(2**31)), **lesion), names.values(), strict=True):
            _write_image(each, folder / name)
        outcomes = {"slnm": slnm, "her2": HER2_CLASSES[her2]}
        rows.append({"patient_id": patient_id, "laterality": "L", "view": view, **names, "label": 1, **outcomes})
    return rows


def _write_image(image: sitk.Image, path: Path) -> None:
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written. Choose another folder or free some space.") from error
