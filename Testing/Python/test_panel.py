"""The panel of MammoRadiomics: images, outlines, models, and nothing that stays behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_steps import ReaderParent, grow, predict, settle, slnm_model, wait_for
from test_in_slicer import a_phantom


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
    assert "pixel spacing not stated" in ready_panel.ui.ccReadLabel.text
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    assert ready_panel.ui.predictButton.enabled is True


def test_what_is_known_of_an_image_is_shown(ready_panel):
    assert ready_panel.ui.ccSpacingSpinBox.text == "as read (0.0500 mm)"
    assert "0.0500 mm (volume)" in ready_panel.ui.ccReadLabel.text


def test_a_volume_from_a_dicom_file_is_read_by_dicoms_rules(panel, monkeypatch):
    import slicer
    from MammoRadiomicsLib import intake, mrml
    from shared_data import shared_folder

    path = shared_folder("dicom_mg_small") / "clunie_MGIMAGEA_pixelspacing.dcm"
    volume = mrml.volume_from_image(slicer.mrmlScene, intake.read(path)[0], "test pattern")
    volume.SetSpacing(0.5, 0.5, 1)
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    monkeypatch.setattr(slicer, "dicomDatabase", Database(path), raising=False)
    panel.ui.ccVolumeSelector.setCurrentNode(volume)
    shown = panel.ui.ccReadLabel.text
    assert shown.startswith("right CC, 0.2500 mm (")
    assert panel.ui.ccSpacingSpinBox.text == "as read (0.2500 mm)"
    panel.ui.mloVolumeSelector.setCurrentNode(volume)
    assert panel.ui.mloReadLabel.text.startswith("This is an image of CC.")


@pytest.mark.parametrize(
    ("attributes", "by_user", "expected"),
    [
        ({"WindowCenter": [600, 900], "WindowWidth": [100, 400]}, False, (100.0, 600.0)),
        ({"WindowCenter": [600, 900], "WindowWidth": [100, 400]}, True, (77.0, 55.0)),
        ({"WindowCenter": 600, "WindowWidth": 0}, False, None),
        ({}, False, None),
        ({"WindowCenter": 600, "WindowWidth": 100, "PhotometricInterpretation": "MONOCHROME1"}, False, None),
    ],
)
def test_grey_levels_are_those_of_the_file_where_nobody_has_chosen_any(
    attributes, by_user, expected, *, panel, monkeypatch, tmp_path
):
    import slicer
    from dicom_files import a_mammogram
    from MammoRadiomicsLib import intake, mrml

    path = a_mammogram(tmp_path / "a.dcm", **attributes)
    volume = mrml.volume_from_image(slicer.mrmlScene, intake.read(path)[0], "mammogram")
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    monkeypatch.setattr(slicer, "dicomDatabase", Database(path), raising=False)
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    if by_user:
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(77, 55)
    panel.ui.ccVolumeSelector.setCurrentNode(volume)
    assert display.GetAutoWindowLevel() == (not by_user)
    panel.ui.showButton.checked = True
    assert display.GetAutoWindowLevel() == (expected is None)
    if expected:
        assert (display.GetWindow(), display.GetLevel()) == expected
    panel.ui.showButton.checked = False


class Database:
    """``slicer.dicomDatabase`` as far as the module asks it."""

    def __init__(self, path: Path):
        self._path = path

    def fileForInstance(self, uid: str) -> str:
        return str(self._path)


def test_corrections_belong_to_the_image(ready_panel, outlined_phantom):
    ready_panel.ui.ccLateralityComboBox.setCurrentIndex(1)
    assert ready_panel.ui.ccReadLabel.text.startswith("left")
    ready_panel.ui.mloVolumeSelector.setCurrentNode(outlined_phantom[0])
    assert ready_panel.ui.mloLateralityComboBox.currentIndex == 1


def test_images_of_both_breasts_are_refused(ready_panel):
    other, segmentation, _ = a_phantom("MLO")
    ready_panel.ui.mloVolumeSelector.setCurrentNode(other)
    ready_panel.ui.mloSegmentSelector.setCurrentNode(segmentation)
    assert ready_panel.ui.predictButton.enabled is True
    ready_panel.ui.ccLateralityComboBox.setCurrentIndex(1)
    ready_panel.ui.mloLateralityComboBox.setCurrentIndex(2)
    assert "different breasts" in ready_panel.ui.statusLabel.text
    assert ready_panel.ui.predictButton.enabled is False


def test_images_of_different_patients_are_refused(ready_panel, outlined_phantom):
    import slicer

    other, segmentation, _ = a_phantom("MLO")
    ready_panel.ui.mloVolumeSelector.setCurrentNode(other)
    ready_panel.ui.mloSegmentSelector.setCurrentNode(segmentation)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    for volume, name in ((outlined_phantom[0], "A"), (other, "B")):
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), name)
        hierarchy.CreateItem(patient, volume)
    ready_panel.onParametersModified()
    assert "different patients" in ready_panel.ui.statusLabel.text
    assert ready_panel.ui.predictButton.enabled is False


def test_inverted_polarity_turns_the_values_round(ready_panel, outlined_phantom):
    import slicer

    names = ["original_firstorder_Maximum", "original_firstorder_Minimum"]
    pixels = slicer.util.arrayFromVolume(outlined_phantom[0])
    as_read = ready_panel.logic.extractFeatures(*outlined_phantom, names=names)
    ready_panel.ui.ccPolarityComboBox.setCurrentIndex(2)
    turned = ready_panel.logic.extractFeatures(*outlined_phantom, names=names)
    assert turned[names[0]] == pytest.approx(pixels.max() + pixels.min() - as_read[names[1]], abs=1e-3)


def test_an_entered_spacing_does_not_pass_to_another_image(ready_panel):
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    other, *_ = a_phantom("other")
    ready_panel.ui.ccVolumeSelector.setCurrentNode(other)
    assert ready_panel.ui.ccSpacingSpinBox.value == 0


def test_the_entered_spacing_changes_the_features(module_files, outlined_phantom):
    logic = module_files["MammoRadiomics"].MammoRadiomicsLogic()
    names = ["original_shape_MajorAxisLength"]
    as_stated = logic.extractFeatures(*outlined_phantom, names=names)[names[0]]
    entered = logic.extractFeatures(*outlined_phantom, spacingMm=0.1, names=names)[names[0]]
    assert entered == pytest.approx(2 * as_stated)


def test_both_views_stand_as_in_their_files_and_the_former_layout_comes_back(ready_panel, host):
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    ready_panel.ui.showButton.checked = True
    widget = manager.sliceWidget("MammoRadiomicsCC")
    assert ready_panel.images.layout.shown
    assert widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() == ready_panel._parameterNode.ccVolume.GetID()
    assert widget.mrmlSliceNode().GetOrientation() == "Axial"
    assert widget.mrmlSliceCompositeNode().GetLinkedControl() == 1
    ready_panel.ui.linkCheckBox.checked = False
    assert widget.mrmlSliceCompositeNode().GetLinkedControl() == 0
    host.leave(ready_panel)
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert ready_panel.ui.showButton.checked is False


@pytest.mark.parametrize("directions", [(-1, -1, 1), (1, 1, 1), (1, -1, 1), (0, 0, 0)])
def test_a_mammogram_is_never_shown_mirrored(directions, module_files, host):
    """Whatever the volume's directions, columns run to the right of the view and rows downwards."""
    import slicer
    import vtk
    from MammoRadiomicsGui import side_by_side

    volume = slicer.util.addVolumeFromArray(np.arange(60 * 40, dtype=np.int16).reshape(1, 60, 40))
    matrix = np.diag(directions).astype(float) if any(directions) else np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0.0]])
    volume.SetIJKToRASDirections(matrix.tolist())
    slice_node = slicer.app.layoutManager() and slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode")
    slice_node.SetDimensions(300, 300, 1)
    side_by_side.standAsInFile(slice_node, volume)
    side_by_side.fitToBreast(slice_node, volume)
    to_view = vtk.vtkMatrix4x4()
    to_view.DeepCopy(slice_node.GetXYToRAS())
    to_view.Invert()
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    corner, right, below = (
        np.array(to_view.MultiplyPoint(ijk_to_ras.MultiplyPoint((*ij, 0, 1)))) for ij in ((0, 0), (1, 0), (0, 1))
    )
    assert right[0] > corner[0] and right[1] == pytest.approx(corner[1])
    assert below[1] < corner[1] and below[0] == pytest.approx(corner[0])


def test_a_view_is_fitted_to_the_breast():
    from MammoRadiomicsGui import side_by_side

    pixels = np.zeros((3000, 2000), dtype=np.uint16)
    pixels[600:2400, :1200] = 2000
    pixels[50:90, 1900:1990] = 4000  # a marker
    top, bottom, left, right = side_by_side.breastBox(pixels)
    assert (top, bottom, left, right) == pytest.approx((600, 2400, 0, 1200), abs=16)
    assert side_by_side.breastBox(np.zeros((30, 30))) is None


def test_an_outline_is_made_where_there_is_none_and_edited_in_place(panel, outlined_phantom):
    panel.ui.mloVolumeSelector.setCurrentNode(outlined_phantom[0])
    panel.ui.mloOutlineButton.checked = True
    segmentation = panel._parameterNode.mloSegmentation
    assert segmentation.GetSegmentation().GetNthSegment(0).GetName() == "Lesion"
    assert panel.ui.segmentEditor.segmentationNode() is segmentation
    assert panel.ui.segmentEditor.sourceVolumeNode() is outlined_phantom[0]
    assert panel.ui.segmentEditor.currentSegmentID() == panel._parameterNode.mloSegmentId
    assert panel.ui.mloSizeLabel.text == "empty"


def test_only_one_outline_is_edited_at_a_time(ready_panel, outlined_phantom):
    ready_panel.ui.mloVolumeSelector.setCurrentNode(outlined_phantom[0])
    ready_panel.ui.ccOutlineButton.checked = True
    ready_panel.ui.mloOutlineButton.checked = True
    assert ready_panel.ui.ccOutlineButton.checked is False
    assert ready_panel.lesion.edited() == "MLO"
    assert ready_panel.ui.segmentEditor.segmentationNode() is ready_panel._parameterNode.mloSegmentation


def test_the_editor_has_settings_of_its_own(ready_panel):
    import slicer

    ready_panel.ui.ccOutlineButton.checked = True
    tags = [node.GetSingletonTag() for node in slicer.util.getNodesByClass("vtkMRMLSegmentEditorNode")]
    assert tags == ["MammoRadiomicsSegmentEditor"]


@pytest.mark.parametrize("end", ["leave", "close the scene", "remove the outline", "remove the image"])
def test_the_editor_is_released_whatever_ends_the_editing(end, ready_panel, host, outlined_phantom):
    import slicer

    ready_panel.ui.ccOutlineButton.checked = True
    ready_panel.ui.segmentEditor.setActiveEffectByName("Paint")
    ends = {
        "leave": lambda: host.leave(ready_panel),
        "close the scene": slicer.mrmlScene.Clear,
        "remove the outline": lambda: slicer.mrmlScene.RemoveNode(outlined_phantom[1]),
        "remove the image": lambda: slicer.mrmlScene.RemoveNode(outlined_phantom[0]),
    }
    ends[end]()
    assert ready_panel.ui.segmentEditor.activeEffect() is None
    assert ready_panel.ui.segmentEditor.enabled is False
    assert ready_panel.ui.ccOutlineButton.checked is False


def test_the_size_of_the_outline_follows_the_edit(ready_panel, outlined_phantom):
    volume, segmentation, segment_id = outlined_phantom
    before = ready_panel.ui.ccSizeLabel.text
    assert "pixels" in before
    assert "mm²" in before
    grow(segmentation, segment_id, volume, by=8)
    settle(ready_panel)
    assert ready_panel.ui.ccSizeLabel.text != before


def test_a_result_is_out_of_date_while_its_inputs_are_others(ready_panel, outlined_phantom):
    import slicer

    volume, segmentation, segment_id = outlined_phantom
    image = slicer.util.arrayFromVolume(volume).copy()
    outline = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume).copy()
    moved = np.roll(outline, 1, axis=1)
    ui = ready_panel.ui

    def draw(pixels):
        slicer.util.updateSegmentBinaryLabelmapFromArray(pixels, segmentation, segment_id, volume)

    changes = [
        ("outline", lambda: grow(segmentation, segment_id, volume), lambda: draw(outline)),
        ("outline", lambda: draw(moved), lambda: draw(outline)),
        ("image", lambda: slicer.util.updateVolumeFromArray(volume, image + 1),
         lambda: slicer.util.updateVolumeFromArray(volume, image)),
        ("image", lambda: setattr(ui.ccSpacingSpinBox, "value", 0.07),
         lambda: setattr(ui.ccSpacingSpinBox, "value", 0)),
        ("prevalence", lambda: setattr(ui.prevalenceLineEdit, "text", "1=0.1"),
         lambda: setattr(ui.prevalenceLineEdit, "text", "")),
        ("views", lambda: ui.mloVolumeSelector.setCurrentNode(volume),
         lambda: ui.mloVolumeSelector.setCurrentNode(None)),
    ]  # fmt: skip
    predict(ready_panel)
    for what, change, take_back in changes:
        change()
        settle(ready_panel)
        wait_for(ready_panel)
        assert "Out of date: the" in ui.resultBrowser.plainText, what
        assert f"{what} ha" in ui.resultBrowser.plainText
        take_back()
        settle(ready_panel)
        wait_for(ready_panel)
        assert "Out of date" not in ui.resultBrowser.plainText, what


def test_the_card_of_the_model_is_shown(ready_panel):
    assert slnm_model().card.splitlines()[0] in ready_panel.ui.cardBrowser.plainText
    assert "study-1409" in ready_panel.ui.modelLabel.text


def test_a_damaged_model_is_named_and_not_applied(panel, outlined_phantom, model_node):
    model_node.SetText(model_node.GetText().replace("slnm", "her2"))
    panel.ui.modelSelector.check(model_node)
    assert "damaged" in panel.ui.modelLabel.text


def test_dropping_a_model_file_loads_and_ticks_it(panel, module_files, tmp_path):
    import slicer
    from MammoRadiomicsLib import model_file

    path = str(model_file.save(slnm_model(), tmp_path / "m.mammomodel"))
    parent = ReaderParent()
    reader = module_files["MammoRadiomics"].MammoRadiomicsFileReader(parent)
    assert reader.canLoadFile(path)
    assert reader.load({"fileName": path, "fileType": reader.fileType()}) is True
    node = slicer.mrmlScene.GetNodeByID(parent.loadedNodes[0])
    assert list(panel._parameterNode.models) == [node]
    assert panel.ui.modelSelector.checkedNodes() == [node]


def test_dropping_something_else_says_what_is_wrong(module_files, host, tmp_path):
    parent = ReaderParent()
    (tmp_path / "m.mammomodel").write_text("no model", encoding="utf-8")
    reader = module_files["MammoRadiomics"].MammoRadiomicsFileReader(parent)
    assert reader.load({"fileName": str(tmp_path / "m.mammomodel")}) is False
    assert "damaged" in parent.userMessages().GetAllMessagesAsString()


def test_a_missing_model_file_is_reported_and_leaves_the_panel_as_it_was(panel, expected_failures):
    panel.ui.modelPathLineEdit.currentPath = "nowhere.mammomodel"
    panel.ui.loadModelButton.click()
    assert "There is no file nowhere.mammomodel" in expected_failures()[0]
    assert list(panel.logic.getParameterNode().models) == []


def test_an_offline_computer_is_told_what_to_install_and_how(module_files, host, monkeypatch):
    import slicer
    from MammoRadiomicsLib.errors import DependencyError

    def offline(requirements, requester=None):
        raise RuntimeError("no network")

    monkeypatch.setattr(slicer.packaging, "pip_ensure", offline)
    monkeypatch.setattr(slicer.packaging, "pip_check", lambda requirement: False)
    with pytest.raises(DependencyError, match=r"scikit-image.*PythonSlicer -m pip install"):
        module_files["MammoRadiomics"].ensureDependencies("test", packages={"scikit-image"})


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


def test_leaving_and_entering_keeps_every_choice(ready_panel, host, outlined_phantom, model_node):
    ready_panel.ui.ccSpacingSpinBox.value = 0.07
    host.leave(ready_panel)
    assert ready_panel._parameterNode is None
    host.enter(ready_panel)
    assert ready_panel.ui.ccVolumeSelector.currentNode() is outlined_phantom[0]
    assert ready_panel.ui.ccSpacingSpinBox.value == 0.07
    assert ready_panel.ui.modelSelector.checkedNodes() == [model_node]
    assert ready_panel.ui.predictButton.enabled is True


def test_a_panel_that_was_left_does_not_follow_the_scene(ready_panel, host, outlined_phantom):
    import slicer

    host.leave(ready_panel)
    grow(outlined_phantom[1], outlined_phantom[2], outlined_phantom[0])
    assert not ready_panel._settled.isActive()
    slicer.mrmlScene.Clear()
    assert ready_panel._parameterNode is None


def test_the_sample_is_registered_and_shipped(panel, host):
    import slicer

    slicer.app.startupCompleted()
    host.SampleDataLogic.sources["MammoRadiomics", "MammoRadiomicsPhantom"](None)
    assert panel.ui.ccVolumeSelector.currentNode().GetName() == "Phantom L CC"
    assert panel.ui.mloVolumeSelector.currentNode().GetName() == "Phantom L MLO"
    assert "outline of the lesion on the CC image" in panel.ui.statusLabel.text


def test_every_input_has_a_label_or_a_name_and_a_tooltip(panel):
    inputs = {
        "QDoubleSpinBox", "QSpinBox", "QComboBox", "QLineEdit", "QPushButton", "QCheckBox", "ctkFittedTextBrowser",
        "ctkPathLineEdit", "qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox", "qMRMLSegmentSelectorWidget",
    }  # fmt: skip
    named = {name: each for name, each in vars(panel.ui).items() if not name.startswith("qt_")}
    widgets = [each for each in named.values() if each.className() in inputs]
    buddies = [each.buddy() for each in vars(panel.ui).values() if each.className() == "QLabel"]
    for each in widgets:
        said = each.accessibleName or each in buddies or getattr(each, "text", "")
        assert said, each
        assert each.toolTip or each.className() == "ctkFittedTextBrowser", each


def test_an_outline_is_not_seen_in_the_other_view(panel):
    """Both phantoms lie at the same place in space, as mammograms without a position do."""
    import slicer

    panel.logic.loadSample(outlined=True)
    outlines = [slot[1].GetDisplayNode() for slot in panel.logic.slots(panel.logic.getParameterNode()).values()]
    panel.ui.showButton.checked = True
    views = [
        slicer.app.layoutManager().sliceWidget(f"MammoRadiomics{view}").mrmlSliceNode().GetID()
        for view in ("CC", "MLO")
    ]
    seen = [[display.IsDisplayableInView(view) for view in views] for display in outlines]
    assert seen == [[True, False], [False, True]]
    panel.ui.showButton.checked = False
    assert [display.GetNumberOfViewNodeIDs() for display in outlines] == [0, 0]
