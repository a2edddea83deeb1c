"""Train the outline model that is shipped, on phantoms alone: what the tutorial needs, and nothing for patients.

python Testing/Segmenter/make_demo_segmenter.py MammoRadiomics/Resources/SampleData
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, network_file, phantoms, progress, tables
from MammoRadiomicsLib.segmenter import training
from MammoRadiomicsLib.segmenter.settings import SegmenterSettings

NAME = "phantom_outline" + network_file.SUFFIX
SETTINGS = SegmenterSettings(
    patch_mm=40,
    pixels=64,
    folds=2,
    epochs=40,
    patience=40,
    batch=8,
    clicks=6,
    click_shift_mm=2,
    purpose="demonstration",
)
PATIENTS = 64
SEED = 77
ORIGIN = "The patients are synthetic phantoms, and so is everything it knows."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder to write to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = cohort.read_cohort(write_phantoms(Path(folder)))
        trained = training.train(rows, SETTINGS, progress.as_lines())
    manifest = trained.manifest | {"card": trained.manifest["card"] + "\n" + ORIGIN}
    network_file.save(options.folder / NAME, manifest, trained.network)
    print(manifest["card"])


def write_phantoms(folder: Path) -> Path:
    """Write phantoms whose lesions differ in size more than those of a cohort, and return their cohort.csv."""
    rng = np.random.default_rng(SEED)
    rows = []
    for i in range(PATIENTS):
        spacing_mm = float(rng.choice([0.05, 0.1]))
        image, roi = phantoms.mammogram(
            int(rng.integers(2**31)),
            spacing_mm=spacing_mm,
            diameter_mm=float(np.exp(rng.uniform(np.log(3), np.log(200 * spacing_mm)))),
            spiculation=float(rng.uniform(0, 0.4)),
            grain_mm=float(rng.uniform(0.1, 0.6)),
        )
        files = {"image": f"{i}.nrrd", "mask": f"{i}_lesion.nrrd"}
        for each, name in zip((image, roi), files.values(), strict=True):
            sitk.WriteImage(each, str(folder / name), useCompression=True)
        rows.append({"patient_id": f"P{i:03d}", **files})
    tables.write_rows(folder / "cohort.csv", rows)
    return folder / "cohort.csv"


if __name__ == "__main__":
    main()
