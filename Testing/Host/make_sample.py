"""Write the sample data of MammoRadiomics: a synthetic breast in two views, its lesion, and a demonstration model.

    python Testing/Host/make_sample.py MammoRadiomics/Resources/SampleData

Needed again when the format of models changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import SimpleITK as sitk
from MammoRadiomicsLib import features, learning, model_file, phantoms, tables
from MammoRadiomicsLib.settings import TrainingSettings

VIEWS = ("CC", "MLO")
PRESET, SPACING_MM, PATIENTS = "study-1409", 0.1, 48
FEATURES = (
    "original_shape_Sphericity", "original_shape_MajorAxisLength", "original_firstorder_Entropy",
    "original_glcm_Contrast", "original_glcm_Idm", "original_ngtdm_Coarseness", "original_glrlm_RunPercentage",
    "log-sigma-1-mm-3D_firstorder_RootMeanSquared", "log-sigma-2-mm-3D_glcm_Contrast",
    "wavelet-HH_glszm_ZonePercentage", "wavelet-LL_firstorder_Mean", "gradient_firstorder_Mean",
)  # fmt: skip


def phantom(seed: int, malignant: bool, size: tuple[int, int]) -> tuple[sitk.Image, sitk.Image]:
    """Make one view, on the scale of a digital mammogram; what is malignant is more spiculated and coarser."""
    lesion = {"diameter_mm": 7 + 0.5 * (seed % 7), "spiculation": 0.07 + 0.04 * malignant + 0.015 * (seed % 5)}
    lesion["grain_mm"] = 0.3 + 0.1 * malignant + 0.05 * (seed % 4)
    image, roi = phantoms.mammogram(seed, size=size, spacing_mm=SPACING_MM, **lesion)
    return sitk.Cast(image / 16, sitk.sitkUInt16), roi


def model():
    """Train on small phantoms, of which half are called positive."""
    rows = []
    for number in range(PATIENTS):
        for view in VIEWS:
            seed = 1000 + 2 * number + VIEWS.index(view)
            image, roi = phantom(seed, bool(number % 2), (240, 240))
            keys = {"patient_id": f"P{number:03d}", "lesion_id": "1", "laterality": "L", "view": view, "reader": ""}
            roi_facts = {"preset": PRESET, "pixel_spacing_mm": SPACING_MM, "roi_pixels": 0, "slnm": number % 2}
            found = features.extract(image, roi, PRESET, FEATURES)
            rows.append({name: str(cell) for name, cell in (keys | roi_facts | found).items()})
    settings = TrainingSettings(folds=4, lasso_folds=4, calibration_folds=4, purpose="demonstration")
    return learning.train(tables.feature_table(rows, "phantoms"), "slnm", settings).model


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        image, roi = phantom(20 + VIEWS.index(view), True, (480, 640))
        sitk.WriteImage(image, folder / f"phantom_{view}.nrrd", useCompression=True)
        sitk.WriteImage(roi, folder / f"phantom_{view}_lesion.nrrd", useCompression=True)
    model_file.save(model(), folder / "phantom_slnm.mammomodel")


if __name__ == "__main__":
    main()
