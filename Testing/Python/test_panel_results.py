"""The panel of MammoRadiomics: results with their caveats, as long as they hold."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from panel_steps import grow, her2_model, predict, slnm_model, wait_for, wait_until


def test_predict_shows_results_with_their_caveats(ready_panel):
    assert ready_panel.ui.statusLabel.text == "Ready: CC."
    ready_panel.ui.predictButton.click()
    assert ready_panel.ui.cancelButton.enabled is True
    wait_for(ready_panel)
    shown = ready_panel.ui.resultBrowser.plainText
    for part in ("yes", "%", "Range over outlines", "In training", "Band by the study's thresholds", "No advice",
                 "Warning:", "Radscore", "What moved the probability", "not a medical device"):  # fmt: skip
        assert part in shown, part
    assert ready_panel.ui.cancelButton.enabled is False


def test_two_models_are_applied_at_once(ready_panel):
    import slicer
    from MammoRadiomicsLib import mrml

    ready_panel.ui.modelSelector.check(mrml.model_to_node(slicer.mrmlScene, her2_model()))
    predict(ready_panel)
    shown = ready_panel.ui.resultBrowser.plainText
    assert "Sentinel lymph node metastasis" in shown
    assert "HER2 expression" in shown
    assert len(ready_panel._parameterNode.results) == 2


def test_the_thresholds_are_the_studys_until_they_are_edited(ready_panel):
    predict(ready_panel)
    ready_panel.ui.highThresholdSpinBox.value = 99
    ready_panel.ui.lowThresholdSpinBox.value = 98
    shown = ready_panel.ui.resultBrowser.plainText
    assert "thresholds of your own, not the study's (98% and 99%)" in shown


def test_a_local_prevalence_moves_the_probability(ready_panel):
    from MammoRadiomicsLib import mrml

    ready_panel.ui.prevalenceLineEdit.text = "1=0.05"
    predict(ready_panel)
    record = mrml.result_from_node(ready_panel._parameterNode.results[0])
    assert record["prevalence"]["local"] == {"0": 0.95, "1": 0.05}
    assert "5.0 %" in ready_panel.ui.resultBrowser.plainText


def test_an_impossible_prevalence_is_named(ready_panel, expected_failures):
    ready_panel.ui.prevalenceLineEdit.text = "1=2"
    ready_panel.ui.predictButton.click()
    assert "prevalence" in expected_failures()[0]


def test_the_result_follows_the_outline(ready_panel, outlined_phantom):
    from MammoRadiomicsLib import mrml

    volume, segmentation, segment_id = outlined_phantom
    predict(ready_panel)
    node = ready_panel._parameterNode.results[0]
    before = mrml.result_from_node(node)
    ready_panel.ui.liveCheckBox.checked = True
    grow(segmentation, segment_id, volume)
    wait_until(lambda: mrml.result_from_node(node) != before)
    quick = mrml.result_from_node(node)
    assert quick["views"]["CC"]["roi_pixels"] > before["views"]["CC"]["roi_pixels"]
    assert quick["range"] is None
    wait_for(ready_panel)
    thorough = mrml.result_from_node(node)
    assert thorough["probabilities"] == quick["probabilities"]
    assert thorough["perturbed_outlines"] == 2
    assert ready_panel._parameterNode.results == (node,)


def test_the_window_and_the_console_give_the_same_record(ready_panel, model_node):
    from MammoRadiomicsLib import mrml

    predict(ready_panel)
    views = ready_panel.logic.selectedViews(ready_panel._parameterNode)
    console = ready_panel.logic.predict(model_node, views, plausibleOutlines=2)
    assert mrml.result_from_node(console) == mrml.result_from_node(ready_panel._parameterNode.results[0])


def test_stop_ends_the_work_and_the_next_prediction_starts_anew(ready_panel):
    ready_panel.ui.predictButton.click()
    ready_panel.ui.cancelButton.click()
    assert ready_panel.result.busy is False
    assert list(ready_panel._parameterNode.results) == []
    predict(ready_panel)
    assert len(ready_panel._parameterNode.results) == 1


def test_an_unusable_outline_says_why(ready_panel, outlined_phantom, expected_failures):
    import slicer

    volume, segmentation, segment_id = outlined_phantom
    empty = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(empty, segmentation, segment_id, volume)
    ready_panel.ui.predictButton.click()
    assert "Outline it first" in expected_failures()[0]
    empty[0, 40, 40:50] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(empty, segmentation, segment_id, volume)
    predict(ready_panel)
    assert "at least 2 x 2" in ready_panel.ui.statusLabel.text


def test_missing_pyradiomics_names_the_extension_to_install(ready_panel, expected_failures, monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "radiomics" else find_spec(name))
    ready_panel.ui.predictButton.click()
    failure = expected_failures()[0]
    assert "SlicerRadiomics" in failure
    assert "macOS" in failure


def test_predicting_asks_for_no_training_package(module_files, host):
    from MammoRadiomicsGui import dependencies
    from MammoRadiomicsLib import presets

    assert dependencies.neededToPredict([slnm_model()]) == set()
    assert dependencies.neededForPreset(presets.load("study-1409")) == {"scikit-image"}


def test_all_features_need_no_model_and_lie_beside_the_image(ready_panel, model_node, outlined_phantom):
    import slicer

    ready_panel.ui.modelSelector.uncheck(model_node)
    assert ready_panel.ui.predictButton.enabled is False
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    hierarchy.CreateItem(patient, outlined_phantom[0])
    ready_panel.ui.featuresButton.click()
    wait_for(ready_panel)
    table = slicer.util.getFirstNodeByClassByName("vtkMRMLTableNode", "Features")
    assert table.GetNumberOfRows() == 1409
    assert "1409 features" in ready_panel.ui.statusLabel.text
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(table)) == patient


def test_results_are_saved_as_a_table_and_as_a_page(ready_panel, tmp_path):
    import qt

    predict(ready_panel)
    qt.QFileDialog.answer = str(tmp_path / "Brüste.csv")
    ready_panel.ui.csvButton.click()
    with (tmp_path / "Brüste.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["probability_0"]) + float(row["probability_1"]) == pytest.approx(1)
    assert row["CC/roi_pixels"]
    qt.QFileDialog.answer = str(tmp_path / "report.html")
    ready_panel.ui.reportButton.click()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2
    assert "not a medical device" in page
    qt.QFileDialog.answer = ""
    ready_panel.ui.csvButton.click()
    assert ready_panel.ui.statusLabel.text.startswith("Saved: ")


def test_a_report_on_another_outline_is_refused(ready_panel, outlined_phantom, tmp_path):
    from MammoRadiomicsLib.errors import InputError

    volume, segmentation, segment_id = outlined_phantom
    predict(ready_panel)
    grow(segmentation, segment_id, volume)
    views = ready_panel.logic.selectedViews(ready_panel._parameterNode)
    with pytest.raises(InputError, match="has changed since the prediction"):
        ready_panel.logic.saveReport(list(ready_panel._parameterNode.results), views, tmp_path / "report.html")


def test_closing_the_scene_in_the_middle_of_work_ends_the_work(ready_panel):
    import slicer

    ready_panel.ui.predictButton.click()
    slicer.mrmlScene.Clear()
    assert ready_panel.result.busy is False
    assert ready_panel.ui.resultBrowser.plainText == ""


@pytest.mark.parametrize("removed", ["image", "outline", "model"])
def test_removing_a_node_in_the_middle_of_work_does_no_harm(removed, ready_panel, outlined_phantom, model_node):
    import slicer

    node = {"image": outlined_phantom[0], "outline": outlined_phantom[1], "model": model_node}[removed]
    ready_panel.ui.predictButton.click()
    slicer.mrmlScene.RemoveNode(node)
    wait_for(ready_panel)
    assert ready_panel.ui.predictButton.enabled is False
    shown = ready_panel.ui.resultBrowser.plainText
    assert shown == "" or "Out of date" in shown


def test_all_features_are_those_of_the_preset_that_is_chosen(ready_panel):
    import slicer

    box = ready_panel.ui.featuresPresetComboBox
    assert box.currentText == "of the model's preset"
    box.currentIndex = 2
    ready_panel.ui.featuresButton.click()
    wait_for(ready_panel)
    assert slicer.util.getNode("Features").GetNumberOfRows() == 1374
    assert ready_panel._parameterNode.featuresPreset == "mammo-2d"
    box.currentIndex = 0
    assert ready_panel.logic.featuresPreset(ready_panel._parameterNode).name == "study-1409"


def test_an_outline_without_pixels_of_its_own_is_told_from_another(panel, outlined_phantom):
    """An imported surface has no labelmap whose time would tell; its segment may be called as the former one's is."""
    import slicer
    from MammoRadiomicsGui import records

    volume, segmentation, segment_id = outlined_phantom
    states = []
    for node in (segmentation, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Imported")):
        if node is not segmentation:
            node.GetSegmentation().DeepCopy(segmentation.GetSegmentation())
        node.GetSegmentation().RemoveRepresentation("Binary labelmap")
        assert node.GetBinaryLabelmapInternalRepresentation(segment_id) is None
        states.append(records.stateOfViews({"CC": (volume, node, segment_id, None)}))
    assert states[0] != states[1]
