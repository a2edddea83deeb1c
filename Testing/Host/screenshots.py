"""Render both panels outside Slicer, with phantoms and a model trained on them.

python Testing/Host/screenshots.py --output FOLDER
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from MammoRadiomicsHost import application
from MammoRadiomicsHost.api import MODULE_FILES

WIDTH = 460
VIEWS = ("CC", "MLO")
FEATURES = (
    "original_shape_Sphericity", "original_firstorder_Entropy", "original_glcm_Contrast", "original_ngtdm_Coarseness",
    "log-sigma-1-mm-3D_firstorder_RootMeanSquared", "wavelet-HH_glszm_ZonePercentage", "gradient_firstorder_Mean",
)  # fmt: skip


def phantom_cohort(patients: int = 40) -> list[dict]:
    """Return features of phantoms, two views a patient; every second patient's lesion is spiculated."""
    from MammoRadiomicsLib import features

    rows = []
    for i in range(patients):
        for view in VIEWS:
            found = features.extract(*phantom(i, view), "study-1409", list(FEATURES))
            keys = {"patient_id": f"P{i:04d}", "lesion_id": "1", "laterality": "L", "view": view, "reader": ""}
            roi = {"preset": "study-1409", "pixel_spacing_mm": 0.05, "roi_pixels": 0, "slnm": i % 2}
            rows.append(keys | roi | found)
    return rows


def phantom(number: int, view: str):
    from MammoRadiomicsLib import phantoms

    lesion = {"spiculation": 0.08 + 0.05 * (number % 2) + 0.015 * (number % 5)}
    lesion |= {"grain_mm": 0.15 + 0.05 * (number % 2) + 0.04 * (number % 3)}
    seed = 2 * number + VIEWS.index(view)
    image, roi = phantoms.mammogram(seed, size=(160, 160), diameter_mm=3.0, **lesion)
    return image / 16, roi


def show_training(panel, cohort: Path, model_path: Path) -> None:
    """Train and save a model as a user would."""
    panel.ui.featuresPathLineEdit.currentPath = str(cohort)
    panel.ui.demonstrationCheckBox.checked = True
    panel.ui.trainButton.click()
    panel.ui.modelPathLineEdit.currentPath = str(model_path)
    panel.ui.saveModelButton.click()


def show_prediction(panel) -> None:
    """Outline both views of a new patient and predict with the model of the scene."""
    from MammoRadiomicsLib import mrml

    for view in VIEWS:
        image, roi = phantom(101, view)
        volume = mrml.volume_from_image(slicer.mrmlScene, image, f"L {view}")
        outline, _ = mrml.segmentation_from_mask(slicer.mrmlScene, roi, volume, f"L {view} outline")
        getattr(panel.ui, f"{view.lower()}VolumeSelector").setCurrentNode(volume)
        getattr(panel.ui, f"{view.lower()}SegmentSelector").setCurrentNode(outline)
    models = [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode") if mrml.is_model_node(node)]
    panel.ui.modelSelector.setCurrentNode(models[-1])
    panel.ui.predictButton.click()


def render(panel, path: Path) -> None:
    holder = panel.parent._qt
    holder.resize(WIDTH, holder.sizeHint().height())
    holder.show()
    slicer.app.processEvents()
    holder.grab().save(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    folder = parser.parse_args().output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    application.start()
    panels = {name: application.open_module(application.load_module(path)) for name, path in MODULE_FILES.items()}
    from MammoRadiomicsLib import tables

    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        tables.write_rows("features.csv", phantom_cohort())
        show_training(panels["MammoRadiomicsTraining"], Path("features.csv"), Path("slnm.mammomodel"))
        show_prediction(panels["MammoRadiomics"])
        panels["MammoRadiomics"].ui.modelPathLineEdit.currentPath = "slnm.mammomodel"
        for name, panel in panels.items():
            render(panel, folder / f"{name}.png")
            print(folder / f"{name}.png")
            application.close_module(panel)
        os.chdir(folder)


if __name__ == "__main__":
    main()
