"""Both modules load as the application loads them, their panels work, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
import unittest
from dataclasses import fields, replace

import pytest
from MammoRadiomicsHost.api import MODULE_FILES
from test_in_slicer import a_model_node, a_phantom


@pytest.fixture
def panel(module_files, host):
    """The panel of MammoRadiomics, entered."""
    panel = host.open_module(module_files["MammoRadiomics"])
    yield panel
    host.close_module(panel)


@pytest.fixture
def training_panel(module_files, host):
    """The panel of MammoRadiomicsTraining, entered."""
    panel = host.open_module(module_files["MammoRadiomicsTraining"])
    yield panel
    host.close_module(panel)


@pytest.fixture
def outlined_phantom(module_files, host):
    """A phantom and its outline in the scene: volume, segmentation, segment ID."""
    return a_phantom("CC")


@pytest.fixture
def model_node(module_files, host):
    """A demonstration model in the scene."""
    return a_model_node()


@pytest.fixture
def ready_panel(panel, outlined_phantom, model_node):
    """The panel with an outlined CC image and a model selected, as a user selects them."""
    volume, segmentation, _ = outlined_phantom
    panel.ui.ccVolumeSelector.setCurrentNode(volume)
    panel.ui.ccSegmentSelector.setCurrentNode(segmentation)
    panel.ui.modelSelector.setCurrentNode(model_node)
    return panel


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_module_describes_itself(name, module_files):
    import slicer

    parent = getattr(slicer.modules, name.lower())
    assert parent.title.startswith("MammoRadiomics")
    assert "not a medical device" in parent.helpText
    assert not parent.icon.isNull()


def test_the_training_module_depends_on_the_other(module_files):
    import slicer

    assert "MammoRadiomics" in slicer.modules.mammoradiomicstraining.dependencies


@pytest.mark.parametrize("name", MODULE_FILES)
def test_the_modules_own_test_passes(name, module_files, host):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(getattr(module_files[name], f"{name}Test"))
    result = unittest.TestResult()
    suite.run(result)
    assert (result.testsRun, result.failures, result.errors, result.skipped) == (1, [], [], [])


@pytest.mark.parametrize("name", MODULE_FILES)
def test_importing_a_module_loads_no_heavy_package(name):
    program = (
        f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}\n"
        "from MammoRadiomicsHost import application; application.start()\n"
        "from MammoRadiomicsHost.api import MODULE_FILES\n"
        f"application.open_module(application.load_module(MODULE_FILES[{name!r}]))\n"
        "heavy = {'sklearn', 'imblearn', 'radiomics', 'matplotlib', 'skimage', 'pandas', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_an_empty_panel_says_what_to_do_first(panel):
    assert panel.ui.predictButton.enabled is False
    assert "Select the CC or the MLO image" in panel.ui.statusLabel.text
    assert panel.ui.predictButton.toolTip == panel.ui.statusLabel.text


def test_an_image_without_outline_asks_for_the_outline(panel, outlined_phantom):
    panel.ui.ccVolumeSelector.setCurrentNode(outlined_phantom[0])
    assert "outline of the lesion on the CC image" in panel.ui.statusLabel.text


def test_selecting_a_segmentation_selects_its_first_segment(panel, outlined_phantom):
    _, segmentation, segment_id = outlined_phantom
    panel.ui.ccSegmentSelector.setCurrentNode(segmentation)
    assert panel.ui.ccSegmentSelector.currentSegmentID() == segment_id
    assert panel.logic.getParameterNode().ccSegmentId == segment_id


def test_an_image_that_states_no_spacing_asks_for_it(ready_panel, outlined_phantom):
    volume, *_ = outlined_phantom
    ready_panel.ui.ccVolumeSelector.setCurrentNode(None)
    volume.SetSpacing(1, 1, 1)
    ready_panel.ui.ccVolumeSelector.setCurrentNode(volume)
    assert "pixel spacing of the CC image" in ready_panel.ui.statusLabel.text
    assert ready_panel.ui.ccSpacingSpinBox.text == "not stated: enter it"
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    assert ready_panel.ui.predictButton.enabled is True


def test_the_spacing_of_the_image_is_shown(ready_panel):
    assert ready_panel.ui.ccSpacingSpinBox.text == "as in the image (0.0500 mm)"


def test_an_entered_spacing_does_not_pass_to_another_image(ready_panel):
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    other, *_ = a_phantom("other")
    ready_panel.ui.ccVolumeSelector.setCurrentNode(other)
    assert ready_panel.ui.ccSpacingSpinBox.value == 0


def test_predict_shows_a_result_with_its_caveats(ready_panel):
    assert ready_panel.ui.statusLabel.text == "Ready: CC."
    ready_panel.ui.predictButton.click()
    shown = ready_panel.ui.resultBrowser.plainText
    assert "%" in shown
    assert "Demonstration model" in shown
    assert "Not a medical device" in shown


def test_a_result_of_other_inputs_is_no_longer_shown(ready_panel):
    """The record stays in the scene; what the panel shows belongs to what it has selected."""
    from MammoRadiomicsLib import mrml

    ready_panel.ui.predictButton.click()
    record = ready_panel._parameterNode.result
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    assert ready_panel.ui.resultBrowser.plainText == ""
    assert ready_panel._parameterNode.result is None
    assert sum(mrml.result_from_node(record)["probabilities"].values()) == pytest.approx(1)


def test_the_card_of_the_model_is_shown(ready_panel):
    assert "DEMONSTRATION" in ready_panel.ui.cardBrowser.plainText


def test_the_table_of_features_needs_no_model(ready_panel):
    import slicer

    ready_panel.ui.modelSelector.setCurrentNode(None)
    assert ready_panel.ui.predictButton.enabled is False
    ready_panel.ui.featuresButton.click()
    table = slicer.util.getFirstNodeByClassByName("vtkMRMLTableNode", "Features")
    assert table.GetNumberOfRows() == 1409
    assert "1409 features" in ready_panel.ui.statusLabel.text


def test_the_table_of_features_says_what_to_be_careful_of(ready_panel, outlined_phantom):
    import slicer

    volume = outlined_phantom[0]
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume) // 100)
    ready_panel.ui.featuresButton.click()
    assert "CC: The lesion has" in ready_panel.ui.statusLabel.text


def test_the_entered_spacing_changes_the_features(module_files, outlined_phantom):
    logic = module_files["MammoRadiomics"].MammoRadiomicsLogic()
    names = ["original_shape_MajorAxisLength"]
    as_stated = logic.extractFeatures(*outlined_phantom, names=names)[names[0]]
    entered = logic.extractFeatures(*outlined_phantom, spacingMm=0.1, names=names)[names[0]]
    assert entered == pytest.approx(2 * as_stated)


def test_a_model_is_trained_saved_loaded_and_applied(training_panel, panel, tmp_path, monkeypatch):
    import slicer
    from MammoRadiomicsLib import mrml

    settings = training_panel.logic.settings
    quick = {"alpha_count": 8, "lasso_folds": 3, "calibration_folds": 3}
    monkeypatch.setattr(training_panel.logic, "settings", lambda parameters: replace(settings(parameters), **quick))
    rows = sys.modules["MammoRadiomicsTraining"].MammoRadiomicsTrainingTest.madeUpRows()
    training_panel.ui.tableSelector.setCurrentNode(mrml.rows_to_table(slicer.mrmlScene, rows, "Cohort"))
    training_panel.ui.foldsSpinBox.value = 2
    training_panel.ui.demonstrationCheckBox.checked = True
    training_panel.ui.trainButton.click()
    assert "DEMONSTRATION" in training_panel.ui.cardBrowser.plainText
    training_panel.ui.applyButton.click()
    assert "40 lesions" in training_panel.ui.statusLabel.text

    path = tmp_path / "slnm.mammomodel"
    training_panel.ui.modelPathLineEdit.currentPath = str(path)
    training_panel.ui.saveModelButton.click()
    panel.ui.modelPathLineEdit.currentPath = str(path)
    panel.ui.loadModelButton.click()
    assert panel.ui.cardBrowser.plainText == training_panel.ui.cardBrowser.plainText


def test_a_cohort_file_supplies_the_outcome(module_files, host, tmp_path):
    from MammoRadiomicsLib import tables
    from MammoRadiomicsLib.settings import TrainingSettings

    module = module_files["MammoRadiomicsTraining"]
    rows = module.MammoRadiomicsTrainingTest.madeUpRows()
    outcomes = [
        {key: row[key] for key in ("patient_id", "lesion_id", "laterality", "view", "reader", "slnm")} for row in rows
    ]
    tables.write_rows(tmp_path / "cohort.csv", outcomes)
    tables.write_rows(tmp_path / "features.csv", [{k: v for k, v in row.items() if k != "slnm"} for row in rows])
    settings = TrainingSettings(folds=2, lasso_folds=3, calibration_folds=3, alpha_count=8)
    node = module.MammoRadiomicsTrainingLogic().train(
        tmp_path / "features.csv", "slnm", settings, tmp_path / "cohort.csv"
    )
    assert node.GetName() == "slnm model"


def test_the_panels_settings_mirror_the_librarys(module_files, host):
    from MammoRadiomicsLib.settings import TrainingSettings

    logic = module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingLogic()
    parameters = logic.getParameterNode()
    assert logic.settings(parameters) == TrainingSettings()
    names = {"randomState": "random_state", "demonstration": "purpose"}
    data = {"table", "featuresPath", "cohortPath", "outcome", "model"}
    mirrored = {names.get(name, name) for name in parameters.allParameters} - data
    assert mirrored <= {field.name for field in fields(TrainingSettings)}


def test_a_missing_model_file_is_reported_and_leaves_the_panel_as_it_was(panel, expected_failures):
    panel.ui.modelPathLineEdit.currentPath = "nowhere.mammomodel"
    panel.ui.loadModelButton.click()
    assert "There is no file nowhere.mammomodel" in expected_failures()[0]
    assert panel.logic.getParameterNode().model is None


def test_missing_pyradiomics_names_the_extension_to_install(ready_panel, expected_failures, monkeypatch):
    find_spec = ready_panel.logic.extractFeatures.__globals__["importlib"].util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "radiomics" else find_spec(name))
    ready_panel.ui.predictButton.click()
    failure = expected_failures()[0]
    assert "SlicerRadiomics" in failure
    assert "macOS" in failure


def test_closing_the_scene_empties_the_panel(ready_panel):
    import slicer

    slicer.mrmlScene.Clear()
    assert ready_panel.ui.ccVolumeSelector.currentNode() is None
    assert "Select the CC or the MLO image" in ready_panel.ui.statusLabel.text


def test_removing_an_image_in_use_is_noticed(ready_panel, outlined_phantom):
    import slicer

    slicer.mrmlScene.RemoveNode(outlined_phantom[0])
    assert ready_panel.ui.predictButton.enabled is False


def test_removing_an_outline_in_use_is_noticed(ready_panel, outlined_phantom):
    import slicer

    slicer.mrmlScene.RemoveNode(outlined_phantom[1])
    assert "outline of the lesion" in ready_panel.ui.statusLabel.text


def test_leaving_and_entering_keeps_every_choice(ready_panel, host, outlined_phantom):
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    host.leave(ready_panel)
    assert ready_panel._parameterNode is None
    host.enter(ready_panel)
    assert ready_panel.ui.ccVolumeSelector.currentNode() is outlined_phantom[0]
    assert ready_panel.ui.ccSpacingSpinBox.value == 0.07
    assert ready_panel.ui.predictButton.enabled is True


def test_a_panel_that_was_left_does_not_follow_the_scene(ready_panel, host):
    import slicer

    host.leave(ready_panel)
    slicer.mrmlScene.Clear()
    assert ready_panel._parameterNode is None


@pytest.mark.parametrize("name", MODULE_FILES)
def test_a_closed_panel_leaves_no_observer(name, module_files, host):
    import slicer
    import vtk

    panel = host.open_module(module_files[name])
    node = panel.logic.getParameterNode().parameterNode
    host.close_module(panel)
    assert panel.Observations == []
    assert not node.HasObserver(vtk.vtkCommand.ModifiedEvent) or _is_silent(panel, node)
    slicer.mrmlScene.Clear()


def _is_silent(panel, node) -> bool:
    """Tell whether a change of the node leaves a closed panel alone."""
    node.Modified()
    return panel._parameterNode is None


def test_a_saved_scene_brings_the_panel_back(ready_panel, host):
    from test_in_slicer import saved_and_loaded_again

    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    ready_panel.ui.predictButton.click()
    shown = ready_panel.ui.resultBrowser.plainText
    saved_and_loaded_again()
    assert ready_panel.ui.ccVolumeSelector.currentNode().GetName() == "Phantom CC"
    assert ready_panel.ui.ccSegmentSelector.currentNode().GetName() == "Outline CC"
    assert ready_panel.ui.ccSpacingSpinBox.value == 0.07
    assert ready_panel.ui.resultBrowser.plainText == shown
    assert ready_panel.ui.predictButton.enabled is True


def test_the_console_needs_few_lines(module_files, outlined_phantom, model_node):
    from MammoRadiomicsLib import mrml

    from MammoRadiomics import MammoRadiomicsLogic

    volume, segmentation, segment_id = outlined_phantom
    result = MammoRadiomicsLogic().predict(model_node, {"CC": (volume, segmentation, segment_id, None)})
    assert sum(mrml.result_from_node(result)["probabilities"].values()) == pytest.approx(1)
