"""What goes wrong at the panels: each says it in its window, does no harm, and works again afterwards."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from panel_faults import Fault, judge, told_by
from panel_steps import predict, wait_for, wait_until

HTML = "<script>alert(1)</script><b>bold</b>"


def set_pixels(value: float, predicting: bool = True):
    """Return what sets a pixel of the volume and predicts."""

    def happens(panel, things):
        import slicer

        pixels = slicer.util.arrayFromVolume(things.volume).astype(np.float32)
        pixels[0, 80, 64] = value
        slicer.util.updateVolumeFromArray(things.volume, pixels)
        predict(panel)

    return happens


def empty_outline(panel, things):
    import slicer

    blank = np.zeros(slicer.util.arrayFromVolume(things.volume).shape, np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(blank, things.segmentation, things.segment_id, things.volume)
    panel.ui.predictButton.click()


def segment_deleted(panel, things):
    things.segmentation.GetSegmentation().RemoveSegment(things.segment_id)
    wait_until(lambda: not panel.ui.predictButton.enabled, 5)


def nodes_deleted_while_running(*names):
    def happens(panel, things):
        import slicer

        panel.ui.predictButton.click()
        for name in names:
            slicer.mrmlScene.RemoveNode(getattr(things, name))
        wait_for(panel)

    return happens


def scene_closed_while_running(panel, things):
    import slicer

    panel.ui.predictButton.click()
    slicer.mrmlScene.Clear()
    assert panel.result.busy is False


def load_model(content: bytes | None, name: str = "m.mammomodel"):
    def happens(panel, things):
        if content is not None:
            (things.folder / name).write_bytes(content)
        panel.ui.modelPathLineEdit.currentPath = str(things.folder / name)
        panel.ui.loadModelButton.click()

    return happens


def model_that_is_a_folder(panel, things):
    (things.folder / "m.mammomodel").mkdir()
    load_model(None)(panel, things)


def model_of_the_scene_damaged(panel, things):
    things.model.SetText(things.model.GetText()[: -len(things.model.GetText()) // 2])
    panel.onParametersModified()


def save_results(name: str, button: str):
    def happens(panel, things):
        import qt

        predict(panel)
        (things.folder / "file").write_text("kept")
        qt.QFileDialog.answer = str(things.folder / name)
        getattr(panel.ui, button).click()
        qt.QFileDialog.answer = ""
        assert (things.folder / "file").read_text() == "kept"

    return happens


def local_prevalence(text: str):
    def happens(panel, things):
        panel.ui.prevalenceLineEdit.text = text
        panel.ui.predictButton.click()

    return happens


def record_damaged(panel, things):
    predict(panel)
    panel._parameterNode.results[0].SetText('{"outcome": ')
    panel.onParametersModified()


def html_in_names(panel, things):
    things.volume.SetName(HTML)
    things.model.SetName(HTML)
    predict(panel)
    for browser in (panel.ui.resultBrowser, panel.ui.cardBrowser):
        assert "<b>bold" not in browser.html
        assert "alert(1)</script>" not in browser.html


def child_killed(panel, things) -> str:
    panel.ui.predictButton.click()
    workers = (panel.result._quick._child, panel.result._thorough._child)
    for process in [each._process._process for each in workers if each.busy]:
        assert process.waitForStarted(10_000)
        os.kill(process.processId(), signal.SIGKILL)
    # The thorough answer comes from another process and takes the sentence away.
    wait_until(lambda: "ended unexpectedly" in panel.ui.statusLabel.text, 20)
    said = panel.ui.statusLabel.text
    wait_for(panel)
    return said


OF_THE_PANEL = [
    Fault("NaN in the volume", set_pixels(np.nan), "1 pixels that are not finite numbers"),
    Fault("infinity in the volume", set_pixels(np.inf), "1 pixels that are not finite numbers"),
    Fault("an empty outline", empty_outline, "Outline it first"),
    Fault("the segment deleted", segment_deleted, "outline of the lesion"),
    Fault(
        "the image deleted while a prediction runs", nodes_deleted_while_running("volume"), "Select the CC or the MLO"
    ),
    Fault("the outline deleted while it runs", nodes_deleted_while_running("segmentation"), "outline of the lesion"),
    Fault("the model deleted while it runs", nodes_deleted_while_running("model"), "model"),
    Fault("all deleted while it runs", nodes_deleted_while_running("model", "segmentation", "volume"), "Select the CC"),
    Fault("the scene closed while it runs", scene_closed_while_running, "Select the CC or the MLO image"),
    Fault("the child process killed", child_killed, "The process ended unexpectedly"),
    Fault("no such model file", load_model(None), "There is no file"),
    Fault("a text named .mammomodel", load_model(b"hello"), "damaged or no model"),
    Fault("an empty model file", load_model(b""), "damaged or no model"),
    Fault("a damaged model of non-ASCII name", load_model(b"PK\x03\x04", "Größe 乳.mammomodel"), "Größe 乳.mammomodel"),
    Fault("a model that is a folder", model_that_is_a_folder, "There is no file"),
    Fault("a model of the scene, damaged", model_of_the_scene_damaged, "damaged"),
    Fault("a CSV below a file", save_results("file/r.csv", "csvButton"), "is a file and no folder"),
    Fault("a report below a file", save_results("file/r.html", "reportButton"), "is a file and no folder"),
    Fault("a report over a folder", save_results(".", "reportButton"), "no file that can be written"),
    Fault("a prevalence of 200%", local_prevalence("1=2"), "must lie above 0 and below 1"),
    Fault("a prevalence in words", local_prevalence("rare"), "is not of the form"),
    Fault("a saved result, damaged", record_damaged, "is damaged. Predict again"),
    Fault("HTML in the names of nodes", html_in_names, ""),
]


@pytest.fixture
def outlined_panel(opened, host, outlined_phantom, model_node):
    host.enter(opened)
    volume, segmentation, _ = outlined_phantom
    opened.ui.ccVolumeSelector.setCurrentNode(volume)
    opened.ui.ccSegmentSelector.setCurrentNode(segmentation)
    opened.ui.modelSelector.check(model_node)
    opened.ui.outlinesSpinBox.value = 0
    yield opened
    host.leave(opened)
    opened.result.reset()


@pytest.fixture
def things(outlined_phantom, model_node, tmp_path):
    """The nodes of the panel, and a folder."""
    names = ("volume", "segmentation", "segment_id", "model", "folder")
    return SimpleNamespace(**dict(zip(names, (*outlined_phantom, model_node, tmp_path), strict=True)))


@pytest.mark.parametrize("fault", OF_THE_PANEL, ids=str)
def test_it_is_said_and_does_no_harm(fault, outlined_panel, things, expected_failures, record_property):
    said = fault.happens(outlined_panel, things)
    told = f"{told_by(outlined_panel, expected_failures())}\n{said}"
    judge(fault, told, things.folder, record_property, "MammoRadiomics panel")


def test_the_next_prediction_works_after_a_killed_child(outlined_panel, things, expected_failures):
    child_killed(outlined_panel, things)
    expected_failures()
    predict(outlined_panel)
    assert len(outlined_panel._parameterNode.results) == 1
