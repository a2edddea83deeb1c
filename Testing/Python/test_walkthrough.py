"""As a radiologist would do it, from the sample to a scene that is saved and loaded again; and as a script would."""

from __future__ import annotations

import json

import numpy as np
from panel_steps import ReaderParent, grow, predict, settle, wait_for, wait_until
from test_in_slicer import saved_and_loaded_again


def draw(panel, view: str) -> None:
    """Outline the phantom's lesion with Slicer's own editor logic: a threshold within a disc."""
    import slicer
    import vtk

    parameters = panel._parameterNode
    volume = getattr(parameters, f"{view.lower()}Volume")
    segmentation = getattr(parameters, f"{view.lower()}Segmentation")
    segment_id = getattr(parameters, f"{view.lower()}SegmentId")
    y, x = np.mgrid[:640, :480]
    disc = np.hypot(x - 192, y - 320) < 38
    brush, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    brush.SetImageToWorldMatrix(matrix)
    brush.SetExtent(0, 479, 0, 639, 0, 0)
    brush.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk.util.numpy_support.vtk_to_numpy(brush.GetPointData().GetScalars())[:] = disc.ravel()
    editor = slicer.vtkSlicerSegmentEditorLogic()
    editor.SetMRMLScene(slicer.mrmlScene)
    editor.SetSegmentEditorNode(slicer.util.getNodesByClass("vtkMRMLSegmentEditorNode")[0])
    whole = [0, 479, 0, 639, 0, 0]
    editor.ModifySegmentByLabelmap(segmentation, segment_id, brush, editor.ModificationModeSet, whole, False, True)


def test_from_the_sample_to_a_saved_scene(panel, host):
    import slicer
    from MammoRadiomicsLib import mrml

    slicer.app.startupCompleted()
    host.SampleDataLogic.sources["MammoRadiomics", "MammoRadiomicsPhantom"](None)
    panel.ui.outlinesSpinBox.value = 2
    panel.ui.showButton.checked = True
    for view, button in (("CC", panel.ui.ccOutlineButton), ("MLO", panel.ui.mloOutlineButton)):
        button.checked = True
        draw(panel, view)
        settle(panel)
    assert panel.ui.statusLabel.text == "Ready: CC, MLO."
    predict(panel)
    node = panel._parameterNode.results[0]
    before = mrml.result_from_node(node)

    panel.ui.liveCheckBox.checked = True
    parameters = panel._parameterNode
    grow(parameters.ccSegmentation, parameters.ccSegmentId, parameters.ccVolume, by=6)
    wait_until(lambda: mrml.result_from_node(node)["probabilities"] != before["probabilities"])
    wait_for(panel)
    record, shown = mrml.result_from_node(node), panel.ui.resultBrowser.plainText
    model_text = parameters.models[0].GetText()

    saved_and_loaded_again()
    parameters = panel._parameterNode
    assert mrml.result_from_node(parameters.results[0]) == record
    assert parameters.models[0].GetText() == model_text
    # Whether image and outline are still those of the result is looked at in the child process.
    assert "are being compared" in panel.ui.resultBrowser.plainText
    wait_for(panel)
    assert panel.ui.resultBrowser.plainText == shown
    assert panel.ui.liveCheckBox.checked is True
    again = panel.logic.predict(parameters.models[0], panel.logic.selectedViews(parameters), plausibleOutlines=2)
    assert json.dumps(mrml.result_from_node(again)) == json.dumps(record)
    predict(panel)
    assert mrml.result_from_node(parameters.results[0]) == record


def test_two_scenes_in_a_row(panel):
    """The second scene owes nothing to the first."""
    import slicer
    from MammoRadiomicsLib import mrml

    records = []
    for _ in range(2):
        panel.logic.loadSample(outlined=True)
        panel.ui.outlinesSpinBox.value = 0
        predict(panel)
        records.append(mrml.result_from_node(panel._parameterNode.results[0]))
        slicer.mrmlScene.Clear()
        assert panel.ui.resultBrowser.plainText == ""
    assert records[0] == records[1]


def test_the_console_needs_five_lines(module_files, host):
    """What the README shows: features, and a prediction."""
    from MammoRadiomics import MammoRadiomicsLogic

    logic = MammoRadiomicsLogic()
    volume, _ = logic.loadSample(outlined=True)
    segmentation, segmentId = logic.getParameterNode().ccSegmentation, logic.getParameterNode().ccSegmentId
    features = logic.extractFeatures(volume, segmentation, segmentId)
    result = logic.predict(logic.getParameterNode().models[0], {"CC": (volume, segmentation, segmentId, None)})

    assert len(features) == 1409
    assert json.loads(result.GetText())["outcome"] == "slnm"


def test_a_volume_of_the_scene_and_its_file_give_the_same_1409_values(module_files, host, tmp_path):
    from MammoRadiomicsLib import command_line, tables

    from MammoRadiomics import MammoRadiomicsLogic

    folder = module_files["MammoRadiomics"].__file__.removesuffix("MammoRadiomics.py") + "Resources/SampleData/"
    logic = MammoRadiomicsLogic()
    volume, _ = logic.loadSample(outlined=True)
    parameters = logic.getParameterNode()
    in_scene = logic.extractFeatures(volume, parameters.ccSegmentation, parameters.ccSegmentId)
    files = ["--image", f"{folder}phantom_CC.nrrd", "--mask", f"{folder}phantom_CC_lesion.nrrd"]
    assert command_line.main(["extract", *files, "--output", str(tmp_path / "f.csv")]) == 0
    (row,) = tables.read_rows(tmp_path / "f.csv")
    assert len(in_scene) == 1409
    assert {name: float(row[name]) for name in in_scene} == in_scene


def test_the_shipped_model_is_loaded_by_its_reader(module_files, host):
    import slicer

    path = module_files["MammoRadiomics"].__file__.replace("MammoRadiomics.py", "Resources/SampleData/")
    parent = ReaderParent()
    reader = module_files["MammoRadiomics"].MammoRadiomicsFileReader(parent)
    assert reader.load({"fileName": f"{path}phantom_slnm.mammomodel"}) is True
    assert slicer.mrmlScene.GetNodeByID(parent.loadedNodes[0]) is not None
