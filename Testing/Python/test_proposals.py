"""Propose outline: a click in a view becomes the edited segment, and nothing else changes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from panel_steps import ReaderParent, wait_until

EVENTS = ("LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent", "LeftButtonDoubleClickEvent")


@pytest.fixture(autouse=True)
def no_settings(host, monkeypatch):
    """The user's settings are those of a first start."""
    monkeypatch.setattr(host.Settings, "values", {})


@pytest.fixture
def phantom(panel):
    """The panel with both views of the phantom side by side, without outlines."""
    panel.logic.loadSample()
    panel.ui.showButton.checked = True
    yield panel
    panel.proposal.release()
    panel.ui.showButton.checked = False


@pytest.fixture
def proposing(phantom):
    """The same while outlines are proposed, everything loaded."""
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    return phantom


def wait(panel) -> None:
    wait_until(lambda: not panel.proposal.busy)


def view_of(name: str):
    import slicer

    return slicer.app.layoutManager().sliceWidget(f"MammoRadiomics{name}")


def position(name: str, volume, pixel: tuple[float, float]) -> tuple[int, int]:
    """Where a pixel (column, row) is seen in a view."""
    import vtk

    to_ras, to_view = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(to_ras)
    vtk.vtkMatrix4x4.Invert(view_of(name).mrmlSliceNode().GetXYToRAS(), to_view)
    x, y, *_rest = to_view.MultiplyPoint(to_ras.MultiplyPoint((*pixel, 0, 1)))
    return round(x), round(y)


def mouse(name: str, event: str, at: tuple[int, int], shift: bool = False) -> None:
    interactor = view_of(name).sliceView().interactor()
    interactor.SetEventInformation(*at, 0, int(shift))
    interactor.InvokeEvent(event)


def point(panel, name: str, pixel: tuple[float, float], to: tuple[float, float] | None = None) -> None:
    """Click a pixel, or drag from it to another."""
    volume = volume_of(panel, name)
    mouse(name, "LeftButtonPressEvent", position(name, volume, pixel))
    if to is not None:
        mouse(name, "MouseMoveEvent", position(name, volume, to))
    mouse(name, "LeftButtonReleaseEvent", position(name, volume, to or pixel))


def volume_of(panel, name: str):
    return panel.logic.selectedViews(panel.logic.getParameterNode())[name][0]


def lesion(panel, name: str) -> np.ndarray:
    """The phantom's true outline: bool (rows, columns)."""
    import SimpleITK as sitk
    from MammoRadiomicsHost.api import MODULE_FILES

    path = MODULE_FILES["MammoRadiomics"].parent / "Resources" / "SampleData" / f"phantom_{name}_lesion.nrrd"
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).squeeze() != 0


def centre(inside: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(inside)
    return columns.mean(), rows.mean()


def drawn(panel, name: str) -> np.ndarray:
    """What the outline of a view holds: bool (rows, columns), empty without one."""
    volume, segmentation, segment_id, _spacing = panel.logic.slots(panel.logic.getParameterNode())[name]
    return pixels_of(segmentation, segment_id, volume)


def pixels_of(segmentation, segment_id: str, volume) -> np.ndarray:
    import slicer
    from MammoRadiomicsLib import mrml, parts
    from MammoRadiomicsLib.errors import InputError

    whole = np.zeros(slicer.util.arrayFromVolume(volume).shape[1:], bool)
    if segmentation is not None:
        with contextlib.suppress(InputError):
            parts.paste(*mrml.part_of_segment(segmentation, segment_id, volume), whole)
    return whole


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def said(panel) -> str:
    return panel.ui.proposalLabel.text


def test_a_click_inside_the_lesion_draws_its_outline(proposing):
    assert "DEMONSTRATION ONLY" in said(proposing)
    point(proposing, "CC", centre(lesion(proposing, "CC")))
    wait(proposing)
    assert dice(drawn(proposing, "CC"), lesion(proposing, "CC")) > 0.7
    assert said(proposing).startswith("CC: ")
    assert proposing.lesion.edited() == "CC"
    assert not drawn(proposing, "MLO").any()


def test_a_box_around_the_lesion_does_the_same(proposing):
    truth = lesion(proposing, "MLO")
    (top, bottom), (left, right) = (np.flatnonzero(truth.any(axis=axis))[[0, -1]] for axis in (1, 0))
    point(proposing, "MLO", (right + 3, top - 3), to=(left - 3, bottom + 3))
    wait(proposing)
    assert dice(drawn(proposing, "MLO"), truth) > 0.7
    assert proposing.lesion.edited() == "MLO"
    assert not drawn(proposing, "CC").any()


def test_the_box_is_seen_while_it_is_dragged_and_never_after(proposing):
    props = view_of("CC").sliceView().renderWindow().GetRenderers().GetFirstRenderer().GetViewProps()
    before = props.GetNumberOfItems()
    mouse("CC", "LeftButtonPressEvent", (100, 100))
    mouse("CC", "MouseMoveEvent", (150, 180))
    assert props.GetNumberOfItems() == before + 1
    proposing.ui.proposeButton.checked = False
    assert props.GetNumberOfItems() == before


def test_a_proposal_replaces_the_segment_and_one_undo_takes_it_back(proposing):
    import slicer

    proposing.ui.ccOutlineButton.checked = True
    volume, segmentation, segment_id, _spacing = proposing.logic.slots(proposing.logic.getParameterNode())["CC"]
    scribble = np.zeros((1, *lesion(proposing, "CC").shape), np.uint8)
    scribble[0, 620:635, 450:470] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(scribble, segmentation, segment_id, volume)
    point(proposing, "CC", centre(lesion(proposing, "CC")))
    wait(proposing)
    proposed = drawn(proposing, "CC")
    assert proposed.any()
    assert not (proposed & (scribble[0] != 0)).any()
    proposing.ui.segmentEditor.undo()
    np.testing.assert_array_equal(drawn(proposing, "CC"), scribble[0] != 0)
    proposing.ui.segmentEditor.redo()
    np.testing.assert_array_equal(drawn(proposing, "CC"), proposed)


@pytest.mark.parametrize("overlapping", [False, True])
def test_other_segments_keep_every_pixel(proposing, overlapping):
    import slicer

    proposing.ui.ccOutlineButton.checked = True
    volume, segmentation, segment_id, _spacing = proposing.logic.slots(proposing.logic.getParameterNode())["CC"]
    other = segmentation.GetSegmentation().AddEmptySegment("", "Nipple", (1, 0, 0))
    whole = np.zeros((1, *lesion(proposing, "CC").shape), np.uint8)
    whole[0, 5:20, 5:20] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(whole, segmentation, segment_id, volume)
    if overlapping:
        column, row = map(int, centre(lesion(proposing, "CC")))
        whole[0, row - 4 : row + 5, column - 4 : column + 5] = 1
    whole[0, 5:20, 5:20] = 0
    whole[0, 40:60, 40:60] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(whole, segmentation, other, volume)
    segmentation.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert segmentation.GetSegmentation().GetNumberOfLayers() == 1
    point(proposing, "CC", centre(lesion(proposing, "CC")))
    wait(proposing)
    np.testing.assert_array_equal(pixels_of(segmentation, other, volume), whole[0] != 0)
    assert drawn(proposing, "CC").any()


def test_the_segment_that_is_current_in_the_editor_is_drawn(proposing):
    proposing.ui.ccOutlineButton.checked = True
    volume, segmentation, segment_id, _spacing = proposing.logic.slots(proposing.logic.getParameterNode())["CC"]
    other = segmentation.GetSegmentation().AddEmptySegment("", "Second lesion", (1, 0, 0))
    proposing.ui.segmentEditor.setCurrentSegmentID(other)
    point(proposing, "CC", centre(lesion(proposing, "CC")))
    wait(proposing)
    assert pixels_of(segmentation, other, volume).any()
    assert not pixels_of(segmentation, segment_id, volume).any()


def test_a_click_on_air_says_so_and_draws_nothing(proposing):
    import slicer

    nodes = slicer.mrmlScene.GetNumberOfNodes()
    image = slicer.util.arrayFromVolume(volume_of(proposing, "CC"))[0]
    _rows, columns = np.nonzero(image == np.median(image[:, -5:]))
    point(proposing, "CC", (columns.max() - 2, image.shape[0] - 3))
    wait(proposing)
    assert "click" in said(proposing).lower()
    assert not drawn(proposing, "CC").any()
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_a_click_outside_the_image_is_refused(proposing):
    point(proposing, "CC", (-30, 20))
    assert said(proposing) == "This is outside the CC image. Click inside the lesion."
    assert not proposing.proposal.busy


def test_without_a_pixel_spacing_nothing_is_proposed(phantom):
    volume_of(phantom, "CC").SetSpacing(1, 1, 1)
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    point(phantom, "CC", centre(lesion(phantom, "CC")))
    assert "pixel spacing of the CC image" in said(phantom)
    phantom.ui.ccSpacingSpinBox.value = 0.1
    wait(phantom)
    point(phantom, "CC", centre(lesion(phantom, "CC")))
    wait(phantom)
    assert said(phantom).startswith("CC: ")


def test_an_image_that_changes_meanwhile_gets_no_outline(proposing):
    import slicer

    point(proposing, "CC", centre(lesion(proposing, "CC")))
    volume = volume_of(proposing, "CC")
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume)[:, ::-1].copy())
    wait(proposing)
    assert "has changed" in said(proposing)
    assert not drawn(proposing, "CC").any()


def test_only_the_last_click_is_answered(proposing):
    truth = lesion(proposing, "MLO")
    point(proposing, "CC", centre(lesion(proposing, "CC")))
    point(proposing, "MLO", centre(truth))
    wait(proposing)
    assert drawn(proposing, "MLO").any()
    assert not drawn(proposing, "CC").any()


def test_an_outline_model_that_is_not_there_is_named(phantom, tmp_path):
    phantom.logic.useSegmenter(tmp_path / "none.mammosegmenter")
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    assert "none.mammosegmenter" in said(phantom)
    assert phantom.ui.proposeButton.checked is False


def test_a_damaged_outline_model_is_refused_and_another_can_be_used(phantom, tmp_path):
    damaged = tmp_path / "damaged.mammosegmenter"
    damaged.write_bytes(b"no zip")
    phantom.logic.useSegmenter(damaged)
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    assert "damaged.mammosegmenter" in said(phantom)
    phantom.ui.segmenterPathLineEdit.currentPath = ""
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    assert "Click inside the lesion" in said(phantom)


def test_a_dropped_outline_model_is_selected_and_its_card_shown(phantom, module_files, tmp_path):
    own = tmp_path / "own <b>.mammosegmenter"
    own.write_bytes(phantom.logic.demonstrationSegmenter().read_bytes())
    reader = module_files["MammoRadiomics"].MammoRadiomicsFileReader(ReaderParent())
    assert reader.canLoadFile(str(own))
    assert reader.load({"fileName": str(own)})
    assert phantom.ui.segmenterPathLineEdit.currentPath == str(own)
    phantom.ui.segmenterCollapsibleButton.collapsed = False
    wait(phantom)
    assert "own <b>.mammosegmenter" in phantom.ui.segmenterBrowser.plainText
    assert "Intended use: Demonstration" in phantom.ui.segmenterBrowser.plainText
    phantom.ui.segmenterCollapsibleButton.collapsed = True


def test_the_choice_is_remembered_in_the_scene_and_for_the_next(phantom, tmp_path):
    import slicer

    phantom.ui.segmenterPathLineEdit.currentPath = str(tmp_path / "own.mammosegmenter")
    assert phantom.logic.getParameterNode().segmenterPath == str(tmp_path / "own.mammosegmenter")
    slicer.mrmlScene.Clear()
    assert phantom.ui.segmenterPathLineEdit.currentPath == str(tmp_path / "own.mammosegmenter")
    phantom.ui.segmenterPathLineEdit.currentPath = ""
    assert phantom.ui.segmenterPathLineEdit.currentPath == ""
    slicer.mrmlScene.Clear()
    assert phantom.ui.segmenterPathLineEdit.currentPath == ""


def test_the_mouse_is_taken_from_everybody_else_in_our_views_only(proposing, host):
    seen = []
    tags = [
        (interactor, interactor.AddObserver(event, lambda caller, event: seen.append(event), 1.0))
        for interactor in [view_of("CC").sliceView().interactor()]
        for event in EVENTS
    ]
    for event in EVENTS:
        mouse("CC", event, (10, 10))
    assert seen == []
    mouse("CC", "LeftButtonPressEvent", (10, 10), shift=True)
    assert seen == ["LeftButtonPressEvent"]
    view_of("CC").mrmlSliceCompositeNode().SetBackgroundVolumeID(None)
    mouse("CC", "LeftButtonPressEvent", (10, 10))
    assert seen == ["LeftButtonPressEvent"] * 2
    for interactor, tag in tags:
        interactor.RemoveObserver(tag)


def use_effect(panel):
    panel.ui.ccOutlineButton.checked = True
    panel.ui.segmentEditor.setActiveEffectByName("Paint")


def place_a_markup(panel):
    import slicer

    slicer.app.applicationLogic().GetInteractionNode().SwitchToSinglePlaceMode()


def close_the_scene(panel):
    import slicer

    slicer.mrmlScene.Clear()


def remove_the_images(panel):
    import slicer

    for volume in [volume_of(panel, name) for name in ("CC", "MLO")]:
        slicer.mrmlScene.RemoveNode(volume)


def leave(panel):
    from MammoRadiomicsHost import application

    application.leave(panel)


ENDS = (use_effect, place_a_markup, close_the_scene, remove_the_images, leave)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_nothing_stays_behind_whatever_ends_it(phantom, end):
    from MammoRadiomicsGui.lesion_section import editorNode

    editorNode()
    nodes = names_of_nodes()
    interactor = view_of("CC").sliceView().interactor()
    seen = []
    tag = interactor.AddObserver("LeftButtonPressEvent", lambda *_: seen.append("press"), 1.0)
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    point(phantom, "CC", (-30, 20))
    mouse("CC", "LeftButtonPressEvent", (100, 100))
    mouse("CC", "MouseMoveEvent", (150, 180))
    assert names_of_nodes() == nodes
    assert seen == []
    end(phantom)
    assert phantom.ui.proposeButton.checked is False
    assert said(phantom) == ""
    interactor.InvokeEvent("LeftButtonPressEvent")
    assert seen == ["press"]
    interactor.RemoveObserver(tag)


def names_of_nodes() -> list[str]:
    import slicer

    nodes = [slicer.mrmlScene.GetNthNode(i) for i in range(slicer.mrmlScene.GetNumberOfNodes())]
    return [node.GetID() for node in nodes]


def test_choosing_the_tool_puts_the_effect_down(phantom):
    phantom.ui.ccOutlineButton.checked = True
    phantom.ui.segmentEditor.setActiveEffectByName("Paint")
    phantom.ui.proposeButton.checked = True
    assert phantom.ui.segmentEditor.activeEffect() is None
    assert phantom.ui.proposeButton.checked is True


def test_views_that_come_later_are_followed(panel):
    panel.logic.loadSample()
    panel.ui.proposeButton.checked = True
    panel.ui.showButton.checked = True
    wait(panel)
    point(panel, "CC", centre(lesion(panel, "CC")))
    wait(panel)
    assert drawn(panel, "CC").any()
    panel.ui.showButton.checked = False


def test_a_monochrome_correction_reaches_the_proposal(phantom):
    """An image stored inverted, and said to be so, gives the same outline."""
    import slicer

    phantom.ui.proposeButton.checked = True
    point(phantom, "CC", centre(lesion(phantom, "CC")))
    wait(phantom)
    upright = drawn(phantom, "CC")
    volume = volume_of(phantom, "CC")
    pixels = slicer.util.arrayFromVolume(volume)
    slicer.util.updateVolumeFromArray(volume, pixels.max() - (pixels - pixels.min()))
    phantom.ui.ccPolarityComboBox.setCurrentIndex(2)
    point(phantom, "CC", centre(lesion(phantom, "CC")))
    wait(phantom)
    np.testing.assert_array_equal(drawn(phantom, "CC"), upright)


def test_another_model_is_used_from_the_moment_that_it_is_selected(proposing, tmp_path):
    """Also one that comes from elsewhere, while outlines are proposed; its card is shown whenever it is chosen."""
    own = tmp_path / "own.mammosegmenter"
    own.write_bytes(proposing.logic.demonstrationSegmenter().read_bytes())
    proposing.logic.useSegmenter(own)
    wait(proposing)
    assert proposing.ui.proposeButton.checked is True
    assert "own.mammosegmenter" in proposing.ui.segmenterBrowser.plainText
    proposing.ui.segmenterPathLineEdit.currentPath = str(tmp_path / "none.mammosegmenter")
    assert proposing.ui.proposeButton.checked is False
    assert proposing.ui.segmenterBrowser.plainText == ""
    proposing.ui.segmenterPathLineEdit.currentPath = str(own)
    proposing.ui.proposeButton.checked = True
    wait(proposing)
    assert "own.mammosegmenter" in proposing.ui.segmenterBrowser.plainText


def test_a_model_that_was_used_before_is_loaded_once(phantom, tmp_path):
    """The list of former paths passes through others while it brings a known one to the top."""
    own = tmp_path / "own.mammosegmenter"
    own.write_bytes(phantom.logic.demonstrationSegmenter().read_bytes())
    for former in (str(own), "other.mammosegmenter"):
        phantom.ui.segmenterPathLineEdit.comboBox().addItem(former)
    phantom.ui.segmenterPathLineEdit.currentPath = str(own)
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    assert phantom.ui.proposeButton.checked is True
    assert phantom.ui.segmenterPathLineEdit.currentPath == str(own)
    assert phantom.logic.getParameterNode().segmenterPath == str(own)
    assert "own.mammosegmenter" in phantom.ui.segmenterBrowser.plainText


def test_an_emptied_path_brings_the_demonstration_back(phantom, tmp_path):
    phantom.ui.segmenterPathLineEdit.currentPath = str(tmp_path / "own.mammosegmenter")
    phantom.ui.segmenterPathLineEdit.currentPath = ""
    phantom.ui.proposeButton.checked = True
    wait(phantom)
    assert phantom.logic.getParameterNode().segmenterPath == ""
    assert "DEMONSTRATION ONLY" in said(phantom)
