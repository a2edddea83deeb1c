"""From an edit of the outline, or a click for one, to the answer, and how long the window is held up, on a full field.

python Testing/Benchmarks/bench_panel.py

A model of some features that the study selected, a lesion of 10 mm on 3328 x 2560 pixels of 0.07 mm. Targets: an answer
within 0.5 s, no handler above 50 ms. Handlers are also given in processor time, which other programs leave alone.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Host"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))

import slicer
import vtk
from MammoRadiomicsHost import application, pythonqt
from MammoRadiomicsHost.api import MODULE_FILES, ROOT

CLICKS = 10
SIZE, SPACING_MM, DIAMETER_MM, EDITS = (3328, 2560), 0.07, 10.0, 10
# Row and column of the phantom's lesion.
CENTRE = (SIZE[0] // 2, int(0.4 * SIZE[1]))
_handlers: list[tuple[float, float]] = []


def a_model():
    """A fitted model with names of features that the study selected; its numbers mean nothing."""
    from made_up_model import MANY_FEATURES
    from made_up_model import a_model as fitted
    from MammoRadiomicsLib import presets

    model = fitted(settings=MANY_FEATURES)
    known = set(presets.load("study-1409").feature_names())
    names = (ROOT / "Testing" / "Data" / "study_features.txt").read_text(encoding="utf-8").split()
    names = [name for name in names if name in known][: len(model.feature_names)]
    return replace(model, manifest={**model.manifest, "feature_names": names})


def a_mammogram():
    """Add the mammogram and its outline to the scene; volume, segmentation, segment ID."""
    from MammoRadiomicsLib import mrml, phantoms

    image, roi = phantoms.mammogram(0, size=SIZE[::-1], spacing_mm=SPACING_MM, diameter_mm=DIAMETER_MM)
    volume = mrml.volume_from_image(slicer.mrmlScene, image, "full field")
    return volume, *mrml.segmentation_from_mask(slicer.mrmlScene, roi, volume, "outline")


def dab(number: int, volume, segmentation, segment_id: str) -> None:
    """Add a dab of a brush to the right of the outline."""
    brush, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    left = CENTRE[1] + int(DIAMETER_MM / SPACING_MM / 2) - 6 + 6 * number
    brush.SetExtent(left, left + 20, CENTRE[0] - 10, CENTRE[0] + 10, 0, 0)
    brush.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    brush.GetPointData().GetScalars().Fill(1)
    brush.SetImageToWorldMatrix(matrix)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetBinaryLabelmapToSegment(brush, segmentation, segment_id, logic.MODE_MERGE_MAX)


def wait(condition, seconds: float = 60) -> None:
    """Run the event loop, measuring what it calls."""
    end = time.monotonic() + seconds
    while not condition():
        wall, processor = time.perf_counter(), time.thread_time()
        slicer.app.processEvents()
        _handlers.append((time.perf_counter() - wall, time.thread_time() - processor))
        time.sleep(0.001)
        if time.monotonic() > end:
            raise TimeoutError("No answer came.")


def longest() -> str:
    """Return the longest handler since the last call."""
    wall, processor = (1000 * max(each) for each in zip(*_handlers, strict=True))
    _handlers.clear()
    return f"longest handler {wall:.0f} ms, {processor:.0f} ms of processor time"


def propose(panel, segmentation, segment_id: str) -> None:
    """Click beside and in the lesion again and again; a click counts until the outline is drawn."""
    view = slicer.app.layoutManager().sliceWidget("MammoRadiomicsCC")
    begin = time.perf_counter()
    panel.ui.proposeButton.checked = True
    wait(lambda: not panel.proposal.busy)
    print(f"outline model and image handed over in {time.perf_counter() - begin:.2f} s; {longest()}")
    times = []
    for number in range(CLICKS):
        before = segmentation.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap").GetMTime()
        begin = time.perf_counter()
        click(view, CENTRE[1] + 3 * number - 15, CENTRE[0])
        wait(lambda: not panel.proposal.busy)
        times.append(time.perf_counter() - begin)
        labels = segmentation.GetSegmentation().GetSegment(segment_id).GetRepresentation("Binary labelmap")
        if labels.GetMTime() == before:
            print(f"no outline: {panel.ui.proposalLabel.text}")
        wait(lambda: not panel._settled.isActive())
    print(f"click to outline: median {statistics.median(times):.2f} s, longest {max(times):.2f} s; {longest()}")


def click(view, column: int, row: int) -> None:
    """Click a pixel in a view, as measured as any other handler."""
    matrix, to_view = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume = slicer.mrmlScene.GetNodeByID(view.mrmlSliceCompositeNode().GetBackgroundVolumeID())
    volume.GetIJKToRASMatrix(matrix)
    vtk.vtkMatrix4x4.Invert(view.mrmlSliceNode().GetXYToRAS(), to_view)
    x, y, *_rest = to_view.MultiplyPoint(matrix.MultiplyPoint((column, row, 0, 1)))
    interactor = view.sliceView().interactor()
    interactor.SetEventInformation(round(x), round(y))
    wall, processor = time.perf_counter(), time.thread_time()
    interactor.InvokeEvent("LeftButtonPressEvent")
    interactor.InvokeEvent("LeftButtonReleaseEvent")
    _handlers.append((time.perf_counter() - wall, time.thread_time() - processor))


def main() -> None:
    application.start()
    panel = application.open_module(application.load_module(MODULE_FILES["MammoRadiomics"]))
    from MammoRadiomicsLib import mrml

    outline = a_mammogram()
    parameters = panel.logic.getParameterNode()
    parameters.ccVolume, parameters.ccSegmentation, parameters.ccSegmentId = outline
    model = a_model()
    panel.logic.useModel(mrml.model_to_node(slicer.mrmlScene, model))
    parameters.plausibleOutlines = 0
    begin = time.perf_counter()
    panel.ui.predictButton.click()
    wait(lambda: not panel.result.busy and not panel.result._idle.isActive())
    print(f"{len(model.feature_names)} features; first answer {time.perf_counter() - begin:.2f} s; {longest()}")
    parameters.liveUpdate = True
    times = []
    for number in range(EDITS):
        before = parameters.results[0].GetText()
        begin = time.perf_counter()
        dab(number, *outline)
        wait(lambda text=before: parameters.results[0].GetText() != text)
        times.append(time.perf_counter() - begin)
        wait(lambda: not panel.result.busy and not panel.result._idle.isActive())
    print(f"edit to answer: median {statistics.median(times):.2f} s, longest {max(times):.2f} s; {longest()}")
    parameters.liveUpdate = False
    panel.ui.showButton.checked = True
    _handlers.clear()
    propose(panel, *outline[1:])
    application.close_module(panel)
    print("\n".join(pythonqt.failures), end="")


if __name__ == "__main__":
    main()
