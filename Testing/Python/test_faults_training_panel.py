"""What goes wrong at the training panel: it says so in its window, loses nothing, and works again afterwards."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from panel_faults import Fault, judge, told_by
from panel_steps import wait_until
from test_in_slicer import a_model_node
from test_training_panel import features_file, panel, ready_panel, rows  # noqa: F401


def data_path(name: str, content: bytes | None, widget: str = "featuresPathLineEdit"):
    """Return what gives a file to the training panel."""

    def happens(window, things):
        if content is not None:
            (things.folder / name).write_bytes(content)
        getattr(window.ui, widget).currentPath = str(things.folder / name)
        if window.ui.checkButton.enabled:
            window.ui.checkButton.click()
        wait_until(lambda: "being checked" not in window.ui.checkLabel.text)

    return happens


def changed_features(old: str, new: str):
    """Return what changes the table of features and trains."""

    def happens(window, things):
        path = Path(window.ui.featuresPathLineEdit.currentPath)
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        train(window)

    return happens


def train(window) -> None:
    window.ui.trainingButton.click()
    wait_until(lambda: not window.run.running)


def nan_among_features(window, things):
    path = Path(window.ui.featuresPathLineEdit.currentPath)
    *lines, last = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, last.rpartition(",")[0] + ",nan"]) + "\n", encoding="utf-8")
    train(window)


def output_folder_is_a_file(window, things):
    (things.folder / "taken").write_text("kept")
    window.ui.outputFolderPathLineEdit.currentPath = str(things.folder / "taken")
    train(window)
    assert (things.folder / "taken").read_text() == "kept"


def features_deleted_before_the_run(window, things):
    Path(window.ui.featuresPathLineEdit.currentPath).unlink()
    train(window)


def training_child_killed(window, things):
    window.ui.repeatsSpinBox.value = 100
    window.ui.runButton.click()
    wait_until(lambda: "fold" in window.ui.statusLabel.text or not window.run.running)
    process = window.run.pipeline._child._process._process
    assert process.processId() > 0
    os.kill(process.processId(), signal.SIGKILL)
    wait_until(lambda: not window.run.running)
    assert window.ui.runButton.enabled is True


def scene_closed_while_training(window, things):
    import slicer

    window.ui.runButton.click()
    slicer.mrmlScene.Clear()
    assert not window.run.running


def scan_of_an_empty_folder(window, things):
    (things.folder / "empty").mkdir()
    window.ui.scanFolderPathLineEdit.currentPath = str(things.folder / "empty")
    window.ui.scanButton.click()
    wait_until(lambda: not window.run.running)


def impossible_penalties(window, things):
    window.ui.alphaMinSpinBox.value = 100
    window.ui.runButton.click()


def model_saved_below_a_file(window, things):
    (things.folder / "taken").write_text("kept")
    window.ui.modelSelector.setCurrentNode(a_model_node())
    window.ui.modelPathLineEdit.currentPath = str(things.folder / "taken" / "m.mammomodel")
    window.ui.saveModelButton.click()


OF_THE_TRAINING_PANEL = [
    Fault("no such file", data_path("none.csv", None), "There is no file"),
    Fault("an empty table", data_path("empty.csv", b""), "has no rows"),
    Fault("Latin-1 letters", data_path("latin.csv", "patient_id\nMüller\n".encode("latin-1")), "is not UTF-8 text"),
    Fault("a table without patients", data_path("c.csv", b"id,view\n1,CC\n", "cohortPathLineEdit"), "patient_id"),
    Fault("NaN among the features", nan_among_features, "not a finite number"),
    Fault("an unknown outcome value", changed_features("slnm", "grade"), "no column slnm"),
    Fault("the results' folder a file", output_folder_is_a_file, "taken"),
    Fault("the features deleted before the run", features_deleted_before_the_run, "features.csv"),
    Fault("the child process killed", training_child_killed, "The process ended unexpectedly"),
    Fault("the scene closed while it trains", scene_closed_while_training, "Give a cohort or features first"),
    Fault("a folder without images", scan_of_an_empty_folder, "holds no image"),
    Fault("penalties from 100 to 10", impossible_penalties, "LASSO grid"),
    Fault("a model below a file", model_saved_below_a_file, "is a file and no folder"),
]


@pytest.mark.parametrize("fault", OF_THE_TRAINING_PANEL, ids=str)
def test_it_is_said_and_nothing_is_lost(fault, ready_panel, expected_failures, tmp_path, record_property):  # noqa: F811
    fault.happens(ready_panel, SimpleNamespace(folder=tmp_path))
    told = told_by(ready_panel, expected_failures())
    judge(fault, told, tmp_path, record_property, "MammoRadiomics Training panel")
