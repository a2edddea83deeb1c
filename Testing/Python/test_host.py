"""The stand-in behaves as PythonQt was observed to, and is never kinder."""

from __future__ import annotations

import threading
from functools import partial
from typing import Annotated

import pytest


@pytest.fixture
def panel(host, tmp_path):
    """A panel with a button, a spin box, a section and a node selector."""
    import slicer

    path = tmp_path / "Panel.ui"
    path.write_text(PANEL, encoding="utf-8")
    panel = slicer.util.loadUI(str(path))
    panel.setMRMLScene(slicer.mrmlScene)
    return slicer.util.childWidgetVariables(panel)


PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Panel</class>
<widget class="qMRMLWidget" name="Panel"><layout class="QVBoxLayout" name="rows">
<item><widget class="QPushButton" name="button"><property name="text"><string>Apply</string></property></widget></item>
<item><widget class="QDoubleSpinBox" name="box"/></item>
<item><widget class="ctkCollapsibleButton" name="section"><layout class="QVBoxLayout" name="inner">
<item><widget class="qMRMLNodeComboBox" name="selector">
<property name="nodeTypes"><stringlist><string>vtkMRMLTextNode</string></stringlist></property>
<property name="noneEnabled"><bool>true</bool></property></widget></item>
</layout></widget></item>
<item><widget class="qMRMLSegmentSelectorWidget" name="outline">
<property name="noneEnabled"><bool>true</bool></property></widget></item>
</layout></widget>
<customwidgets>
<customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header></customwidget>
<customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>q.h</header></customwidget>
<customwidget><class>qMRMLSegmentSelectorWidget</class><extends>QWidget</extends><header>q.h</header></customwidget>
<customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>c.h</header></customwidget>
</customwidgets>
<connections>
<connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
<connection><sender>Panel</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>outline</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
</connections></ui>
"""


def test_a_property_is_an_attribute_and_not_a_method(panel):
    assert panel.button.text == "Apply"
    with pytest.raises(TypeError):
        panel.button.text()


def test_a_property_and_its_setter_and_getter_agree(panel):
    panel.button.enabled = False
    assert panel.button.isEnabled() is False
    panel.button.setEnabled(True)
    assert panel.button.enabled is True


def test_an_unknown_attribute_cannot_be_read(panel):
    with pytest.raises(AttributeError, match="caption"):
        _ = panel.button.caption


def test_an_unknown_attribute_cannot_be_set(panel):
    with pytest.raises(AttributeError, match="caption"):
        panel.button.caption = "Apply"


def test_a_qt_6_name_that_slicer_lacks_cannot_be_used(panel):
    with pytest.raises(AttributeError, match="checkStateChanged"):
        _ = panel.button.checkStateChanged


def test_a_name_that_slicer_has_and_the_stand_in_does_not_says_so(panel):
    with pytest.raises(NotImplementedError, match="multiSelection"):
        _ = panel.outline.multiSelection


def test_the_signature_says_how_many_arguments_arrive(panel):
    got = []
    assert panel.button.connect("clicked(bool)", lambda *values: got.append(values))
    assert panel.button.connect("clicked()", lambda *values: got.append(values))
    panel.button.click()
    assert got == [(False,), ()]


def test_a_function_of_fewer_arguments_gets_fewer(panel):
    got = []
    panel.button.connect("clicked(bool)", lambda: got.append("called"))
    panel.button.clicked.connect(lambda: got.append("called too"))
    panel.button.click()
    assert got == ["called", "called too"]


def test_other_callables_get_every_argument(panel, expected_failures):
    panel.button.connect("clicked(bool)", partial(lambda: None))
    panel.button.click()
    assert "TypeError" in expected_failures()[0]


def test_connecting_to_a_missing_signal_returns_false_and_fails_the_test(panel, expected_failures):
    assert panel.button.connect("clickd(bool)", print) is False
    assert "clickd(bool)" in expected_failures()[0]


def test_a_signal_needs_its_exact_signature(panel, expected_failures):
    assert panel.selector.connect("currentNodeChanged(vtkMRMLNode *)", print) is False
    assert expected_failures()


def test_an_exception_in_a_slot_does_not_reach_the_caller_but_fails_the_test(panel, expected_failures):
    panel.button.connect("clicked(bool)", lambda: 1 / 0)
    panel.button.click()
    assert "ZeroDivisionError" in expected_failures()[0]


def test_a_disconnected_slot_is_not_called(panel):
    got = []
    panel.box.connect("valueChanged(double)", got.append)
    panel.box.value = 1.5
    assert panel.box.disconnect("valueChanged(double)", got.append)
    panel.box.value = 2.5
    assert got == [1.5]


def test_starting_a_python_thread_fails_the_test(host, expected_failures):
    with pytest.raises(RuntimeError, match="starves"):
        threading.Thread(target=print).start()
    assert "thread" in expected_failures()[0]


def test_a_ui_file_with_a_wrong_property_is_refused(host, tmp_path):
    import slicer

    path = tmp_path / "Panel.ui"
    path.write_text(PANEL.replace('"noneEnabled"', '"noneAllowed"'), encoding="utf-8")
    with pytest.raises(RuntimeError, match="noneAllowed"):
        slicer.util.loadUI(str(path))


def test_a_node_selector_follows_the_scene(panel):
    import slicer

    got = []
    panel.selector.connect("currentNodeChanged(vtkMRMLNode*)", got.append)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    assert panel.selector.currentNode() is None
    panel.selector.setCurrentNode(node)
    slicer.mrmlScene.RemoveNode(node)
    assert got == [node, None]


def test_a_node_selector_shows_only_nodes_with_the_attribute(panel):
    import slicer

    panel.selector.addAttribute("vtkMRMLTextNode", "MammoRadiomics.Model")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "note")
    model = slicer.vtkMRMLTextNode()
    model.SetAttribute("MammoRadiomics.Model", "slnm")
    slicer.mrmlScene.AddNode(model)
    assert panel.selector.nodeCount() == 1
    panel.selector.setCurrentNode(model)
    assert panel.selector.currentNode() is model


def test_a_node_selector_does_not_notice_an_attribute_that_comes_later(panel):
    import slicer

    panel.selector.addAttribute("vtkMRMLTextNode", "MammoRadiomics.Model")
    late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "late")
    late.SetAttribute("MammoRadiomics.Model", "slnm")
    panel.selector.setCurrentNode(late)
    assert panel.selector.currentNode() is None


def test_a_segment_selector_gives_the_chosen_segment(panel):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    ids = [node.GetSegmentation().AddEmptySegment("", name) for name in ("Lesion", "Node")]
    got = []
    panel.outline.connect("currentSegmentChanged(QString)", got.append)
    panel.outline.setCurrentNode(node)
    panel.outline.setCurrentSegmentID(ids[1])
    assert panel.outline.currentNode() is node
    assert panel.outline.currentSegmentID() == ids[1] == got[-1]


def test_a_parameter_node_refuses_what_slicer_refuses(host):
    import slicer
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    class Parameters:
        name: str
        spacing = 0.5

    Parameters.__annotations__["spacing"] = Annotated[float, WithinRange(0, 1)]
    parameters = parameterNodeWrapper(Parameters)(slicer.vtkMRMLScriptedModuleNode())
    with pytest.raises(ValueError, match="within"):
        parameters.spacing = 2.0
    with pytest.raises(TypeError, match="name"):
        parameters.name = None
    assert (parameters.spacing, parameters.name) == (0.5, "")


def test_a_parameter_node_refuses_a_type_it_does_not_imitate(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        names: dict

    with pytest.raises(TypeError, match="names"):
        parameterNodeWrapper(Parameters)


def test_a_failed_action_leaves_no_wait_cursor(host):
    import slicer
    from PySide6.QtWidgets import QApplication

    with pytest.raises(ZeroDivisionError), slicer.util.tryWithErrorDisplay("No.", waitCursor=True):
        _ = 1 / 0
    assert QApplication.overrideCursor() is None


def test_a_list_of_nodes_survives_in_the_parameter_node(host):
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        models: list

    Parameters.__annotations__["models"] = list[slicer.vtkMRMLTextNode]
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = parameterNodeWrapper(Parameters)(node)
    texts = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode") for _ in range(3)]
    parameters.models = texts
    parameters.models = texts[1:]
    assert list(parameterNodeWrapper(Parameters)(node).models) == texts[1:]
    slicer.mrmlScene.RemoveNode(texts[2])
    assert list(parameterNodeWrapper(Parameters)(node).models) == [texts[1], None]


def test_a_checkable_node_selector_starts_without_ticks_and_tells_of_each(host, tmp_path):
    import slicer

    path = tmp_path / "Panel.ui"
    path.write_text(PANEL.replace("qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox"), encoding="utf-8")
    ui = slicer.util.loadUI(str(path))
    ui.setMRMLScene(slicer.mrmlScene)
    selector = slicer.util.childWidgetVariables(ui).selector
    told = []
    selector.connect("checkedNodesChanged()", lambda: told.append(len(selector.checkedNodes())))
    nodes = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode") for _ in range(2)]
    assert selector.checkedNodes() == []
    selector.check(nodes[1])
    selector.check(nodes[1])
    selector.uncheck(nodes[1])
    assert told == [1, 0]


def test_objects_made_in_python_behave_as_pythonqts(host, expected_failures):
    import qt
    import slicer

    timer = qt.QTimer()
    assert timer.connect("timeout(int)", print) is False
    assert "timeout(int)" in expected_failures()[0]
    told = []
    timer.setSingleShot(True)
    timer.connect("timeout()", lambda: told.append("told"))
    timer.start(0)
    while not told:
        slicer.app.processEvents()
    assert qt.QProcess.NotRunning == qt.QProcess().state()
    with pytest.raises(AttributeError):
        _ = qt.QProcess.startCommand


def test_a_layout_makes_its_views(host):
    import slicer
    from MammoRadiomicsGui import side_by_side

    manager = slicer.app.layoutManager()
    before = manager.layout
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(side_by_side.LAYOUT, side_by_side.description())
    manager.setLayout(side_by_side.LAYOUT)
    assert manager.sliceWidget("MammoRadiomicsCC").mrmlSliceNode().GetOrientation() == "Axial"
    assert manager.sliceWidget("Red") is None
    manager.setLayout(before)
