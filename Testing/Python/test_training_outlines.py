"""Outline proposals in the training panel: what is run, what is missing, and what becomes of the result."""

from __future__ import annotations

import pytest
from MammoRadiomicsHost import application
from panel_steps import wait_until

CURVE = "fold,epoch,loss,dice\n1,1,0.9,0.30\n1,2,0.7,0.55\n2,1,0.8,0.40\n2,2,0.6,0.60\n2,3,0.5,0.65\n"


@pytest.fixture
def no_settings(host, monkeypatch):
    """What other tests left in the application's settings is not there."""
    monkeypatch.setattr(host.Settings, "values", {})


@pytest.fixture
def panel(no_settings, training_panel):
    """The training panel with a cohort and a folder for results."""
    return training_panel


@pytest.fixture
def cohort(panel, tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text("patient_id,image,mask,slnm\nP1,a.nrrd,b.nrrd,1\n", encoding="utf-8")
    panel.ui.cohortPathLineEdit.currentPath = str(path)
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path / "results")
    return path


@pytest.fixture
def trained(panel, tmp_path):
    """A trained model's files, as the command leaves them."""
    report = tmp_path / "own-report"
    report.mkdir()
    (report / "learning_curve.csv").write_text(CURVE, encoding="utf-8")
    (report / "card.txt").write_text("Trained on <b>two</b> folds.", encoding="utf-8")
    (tmp_path / "own.mammosegmenter").write_bytes(b"")
    panel.ui.segmenterOutputPathLineEdit.currentPath = str(tmp_path / "own.mammosegmenter")
    return tmp_path / "own.mammosegmenter"


def commands(panel, monkeypatch) -> list[list[str]]:
    """Press the button and return what would be run, the training's packages being there."""
    from MammoRadiomicsGui import dependencies

    started = []
    monkeypatch.setattr(dependencies, "ensureToTrainOutlines", lambda requester: None)
    monkeypatch.setattr(panel.outlines._pipeline, "start", started.extend)
    panel.ui.segmenterTrainButton.click()
    return [request["command"] for _name, request, _before in started]


def test_the_command_of_the_terminal_is_run_with_the_panels_settings(panel, cohort, tmp_path, monkeypatch):
    panel.ui.segmenterPatchSpinBox.value = 80
    panel.ui.readerLineEdit.text = "second"
    (command,) = commands(panel, monkeypatch)
    output = tmp_path / "results" / "outlines.mammosegmenter"
    assert command[:5] == ["train-segmenter", "--cohort", str(cohort), "--output", str(output)]
    options = dict(zip(command[5::2], command[6::2], strict=True))
    assert options == {
        "--report": str(tmp_path / "results" / "outlines-report"), "--patch-mm": "80.0", "--folds": "5",
        "--epochs": "60", "--reader": "second", "--seed": "15", "--purpose": "research",
    }  # fmt: skip
    assert panel.ui.segmenterOutputPathLineEdit.currentPath == str(output)


def test_the_command_is_one_that_the_terminal_has(panel, cohort, monkeypatch):
    from MammoRadiomicsLib import command_line

    (command,) = commands(panel, monkeypatch)
    assert str(command_line.parser().parse_args(command).output) == command[4]


def test_the_defaults_are_the_librarys(panel):
    from MammoRadiomicsLib.segmenter.settings import SegmenterSettings

    parameters, settings = panel.logic.getParameterNode(), SegmenterSettings()
    assert parameters.segmenterPatchMm == settings.patch_mm
    assert (parameters.segmenterFolds, parameters.segmenterEpochs) == (settings.folds, settings.epochs)


def test_a_table_of_the_scene_is_written_first(panel, tmp_path, monkeypatch):
    import slicer
    from MammoRadiomicsLib import mrml

    rows = [{"patient_id": "P1", "image": str(tmp_path / "a.nrrd"), "mask": str(tmp_path / "b.nrrd"), "slnm": "1"}]
    panel.logic.getParameterNode().table = mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort")
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path)
    steps = []
    from MammoRadiomicsGui import dependencies

    monkeypatch.setattr(dependencies, "ensureToTrainOutlines", lambda requester: None)
    monkeypatch.setattr(panel.outlines._pipeline, "start", steps.extend)
    panel.ui.segmenterTrainButton.click()
    assert [name for name, _request, _before in steps] == ["inputs", "training"]
    assert "inputs-cohort.csv" in steps[1][1]["command"][2]


def test_without_a_cohort_it_is_asked_for(panel, expected_failures):
    panel.ui.segmenterTrainButton.click()
    assert "cohort with images and masks" in "".join(expected_failures())
    assert not panel.outlines.running


def test_without_pytorch_the_extension_is_named(panel, cohort, monkeypatch, expected_failures):
    from MammoRadiomicsLib import segmenter

    monkeypatch.setattr(segmenter, "missing_packages", lambda: ["torch", "monai"])
    panel.ui.segmenterTrainButton.click()
    assert "SlicerPyTorch" in "".join(expected_failures())
    assert not panel.outlines.running


def test_a_failure_in_the_child_process_is_told(panel, cohort, monkeypatch):
    """The cohort's images do not exist; whatever the command says is shown, and the panel can go on."""
    from MammoRadiomicsGui import dependencies

    monkeypatch.setattr(dependencies, "ensureToTrainOutlines", lambda requester: None)
    panel.ui.segmenterTrainButton.click()
    assert panel.outlines.running
    assert panel.ui.segmenterCancelButton.enabled is True
    wait_until(lambda: not panel.outlines.running)
    assert panel.ui.segmenterStatusLabel.text
    assert panel.ui.segmenterTrainButton.enabled is True


def test_a_training_can_be_cancelled(panel, cohort, monkeypatch):
    from MammoRadiomicsGui import dependencies

    monkeypatch.setattr(dependencies, "ensureToTrainOutlines", lambda requester: None)
    panel.ui.segmenterTrainButton.click()
    panel.ui.segmenterCancelButton.click()
    assert "cancelled" in panel.ui.segmenterStatusLabel.text
    assert not panel.outlines.running


def test_the_learning_curve_becomes_a_plot_and_a_table(panel, trained):
    import slicer

    panel.ui.segmenterCurveButton.click()
    (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert [chart.GetNthPlotSeriesNode(i).GetName() for i in range(2)] == ["fold 1", "fold 2"]
    points = chart.GetNthPlotSeriesNode(1).GetTableNode().GetTable()
    assert [points.GetValue(i, 1).ToDouble() for i in range(3)] == [0.4, 0.6, 0.65]
    tables = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLTableNode")]
    assert "own-report: learning curve" in tables
    selection = slicer.app.applicationLogic().GetSelectionNode()
    assert selection.GetActivePlotChartID() == chart.GetID()
    panel.ui.segmenterCurveButton.click()
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1


def test_a_finished_training_shows_its_card_and_curve(panel, trained):
    import slicer

    panel.outlines._output = trained
    panel.outlines._onStepDone("training", "Dice 0.81")
    panel.outlines._onEnded("")
    assert panel.ui.segmenterCardBrowser.plainText == "Trained on <b>two</b> folds."
    assert str(trained) in panel.ui.segmenterStatusLabel.text
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1


def test_one_click_hands_the_model_to_the_other_module(panel, trained, module_files):
    panel.ui.segmenterUseButton.click()
    other = module_files["MammoRadiomics"].MammoRadiomicsLogic().getParameterNode()
    assert other.segmenterPath == str(trained)


def test_what_cannot_be_done_yet_is_greyed_out(panel, tmp_path):
    assert panel.ui.segmenterUseButton.enabled is False
    assert panel.ui.segmenterCurveButton.enabled is False
    panel.ui.segmenterOutputPathLineEdit.currentPath = str(tmp_path / "none.mammosegmenter")
    assert panel.ui.segmenterUseButton.enabled is False


def test_leaving_the_module_and_closing_it_stop_nothing_and_everything(panel, cohort, monkeypatch):
    from MammoRadiomicsGui import dependencies

    monkeypatch.setattr(dependencies, "ensureToTrainOutlines", lambda requester: None)
    panel.ui.segmenterTrainButton.click()
    application.leave(panel)
    assert panel.outlines.running
    application.enter(panel)
    panel.outlines.close()
    assert not panel.outlines.running


@pytest.mark.segmenter
def test_a_training_in_the_panel_gives_a_model_that_proposes(panel, module_files, tmp_path):
    """From the cohort to the model in the other module, with a network that has learned next to nothing."""
    import slicer
    from MammoRadiomicsLib import phantoms, proposal

    panel.ui.cohortPathLineEdit.currentPath = str(phantoms.write_cohort(tmp_path / "cohort", patients=6))
    panel.ui.outputFolderPathLineEdit.currentPath = str(tmp_path / "results")
    panel.ui.segmenterFoldsSpinBox.value, panel.ui.segmenterEpochsSpinBox.value = 2, 1
    panel.ui.segmenterTrainButton.click()
    wait_until(lambda: not panel.outlines.running, 600)
    output = tmp_path / "results" / "outlines.mammosegmenter"
    assert str(output) in panel.ui.segmenterStatusLabel.text
    assert panel.ui.segmenterCardBrowser.plainText
    (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    panel.ui.segmenterUseButton.click()
    other = module_files["MammoRadiomics"].MammoRadiomicsLogic().getParameterNode()
    assert proposal.load(other.segmenterPath).purpose == "research"
