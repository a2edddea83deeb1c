"""The CTK and qMRML widgets that the panels use, as thin Qt widgets over a real MRML scene.

Each has the properties, signals and methods that the panels need, by the names and with the behaviour of the real one
(read off Slicer's sources); a signal's ``object`` argument stands for a MRML node or scene pointer.
"""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

import slicer
import vtk
from PySide6.QtCore import Property, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStyleOptionGroupBox,
    QStylePainter,
    QTextBrowser,
    QToolButton,
    QWidget,
)  # fmt: skip

HEADER_PADDING = 6


def stored(qt_type: type | str, default: object, changed: str = "") -> Property:
    """Make a Qt property that holds a value, and calls the method `changed` after it was set."""
    values: WeakKeyDictionary[QWidget, object] = WeakKeyDictionary()

    def set_value(self: QWidget, value: object) -> None:
        values[self] = value
        if changed:
            getattr(self, changed)()

    return Property(qt_type, lambda self: values.get(self, default), set_value)


class ctkCollapsibleButton(QWidget):
    """A titled section that folds; its header is as high as a push button."""

    contentsCollapsed = Signal(bool)
    text = stored(str, "", "update")

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._collapsed, self.folded = False, []
        self._header = self.fontMetrics().height() + HEADER_PADDING
        self.setContentsMargins(0, self._header, 0, 0)

    def _set_collapsed(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        _fold(self, collapsed, self._header)
        self.contentsCollapsed.emit(collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)

    def showEvent(self, event) -> None:
        if self._collapsed:
            # A panel's file folds the section before it fills it.
            _fold(self, True, self._header)

    def mousePressEvent(self, event) -> None:
        if event.position().y() < self._header:
            self._set_collapsed(not self._collapsed)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = QRect(0, 0, self.width(), self._header)
        self.style().drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        arrow = QStyle.PrimitiveElement.PE_IndicatorArrowRight
        if not self._collapsed:
            arrow = QStyle.PrimitiveElement.PE_IndicatorArrowDown
        option.rect = QRect(4, 4, self._header - 8, self._header - 8)
        self.style().drawPrimitive(arrow, option, painter, self)
        text = QRect(self._header + 2, 0, self.width() - self._header, self._header)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self.text)


class ctkCollapsibleGroupBox(QGroupBox):
    """A group box that folds; an arrow before its title says so."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._collapsed, self.folded = False, []

    def _set_collapsed(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        _fold(self, collapsed, self._header)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)

    @property
    def _header(self) -> int:
        return self.fontMetrics().height() + HEADER_PADDING

    def showEvent(self, event) -> None:
        if self._collapsed:
            _fold(self, True, self._header)

    def mousePressEvent(self, event) -> None:
        if event.position().y() < self._header:
            self._set_collapsed(not self._collapsed)

    def paintEvent(self, event) -> None:
        option = QStyleOptionGroupBox()
        self.initStyleOption(option)
        arrow = (
            "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}" if self._collapsed else "\N{BLACK DOWN-POINTING SMALL TRIANGLE}"
        )
        option.text = f"{arrow} {self.title()}"
        QStylePainter(self).drawComplexControl(QStyle.ComplexControl.CC_GroupBox, option)


class ctkFittedTextBrowser(QTextBrowser):
    """A text as high as its content."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._fitted(self.viewport().width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def _fitted(self, width: int) -> int:
        document = self.document().clone()
        document.setTextWidth(width)
        return int(document.size().height()) + 2 * self.frameWidth()


class ctkPathLineEdit(QWidget):
    """A path with a history and a browse button; like the real one it tells only of paths with one of its endings."""

    currentPathChanged = Signal(str)
    nameFilters = stored("QStringList", [])
    settingKey = stored(str, "")

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._edit = QComboBox(self, editable=True, sizePolicy=_expanding())
        self._edit.setMinimumContentsLength(8)
        self._edit.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        _row(self, self._edit, QToolButton(self, text="..."))
        self.setFocusProxy(self._edit)
        self._edit.editTextChanged.connect(self._tell)

    def _tell(self, path: str) -> None:
        endings = re.findall(r"\*(\.\w+)", " ".join(self.nameFilters))
        if path and (not endings or path.endswith(tuple(endings))):
            self.currentPathChanged.emit(path)

    def comboBox(self) -> QComboBox:
        return self._edit

    currentPath = Property(str, lambda self: self._edit.currentText(), lambda self, path: self._edit.setEditText(path))

    def addCurrentPathToHistory(self) -> None:
        """Put the path first; one that was there is taken out before, and another or none is current meanwhile."""
        path = self.currentPath
        if path:
            if (known := self._edit.findText(path)) >= 0:
                self._edit.removeItem(known)
            self._edit.insertItem(0, path)
            self._edit.setCurrentIndex(0)


class qMRMLWidget(QWidget):
    """The top of a panel; it hands the scene down by the .ui file's connections."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene


class qMRMLNodeComboBox(QWidget):
    """Nodes of the scene, of the given classes and, where one was asked for, with the given attribute.

    Like the real one it looks at a node when the node is added, and not again when its attributes or name change.
    """

    currentNodeChanged = Signal(object)
    nodeTypes = stored("QStringList", [], "_list_all")
    noneEnabled = stored(bool, False, "_list_all")
    addEnabled = stored(bool, True)
    removeEnabled = stored(bool, True)
    renameEnabled = stored(bool, False)
    showChildNodeTypes = stored(bool, True)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._scene = None
        self._attributes: list[tuple] = []
        self._observers: list[int] = []
        self._announced = ""
        self._combo = QComboBox(self, sizePolicy=_expanding())
        self._combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(12)
        _row(self, self._combo)
        self.setFocusProxy(self._combo)
        self.setEnabled(False)
        self._combo.currentIndexChanged.connect(self._announce)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._scene, self._observers = scene, []
        self.setEnabled(scene is not None)
        if scene is not None:
            observed = (
                (scene.NodeAddedEvent, self._on_added),
                (scene.NodeRemovedEvent, self._on_removed),
                (scene.EndBatchProcessEvent, lambda *_: self._list_all()),
            )
            self._observers = [scene.AddObserver(event, method) for event, method in observed]
        self._list_all()

    def addAttribute(self, node_type: str, name: str, value: str | None = None) -> None:
        self._attributes.append((node_type, name, value))
        self._list_all()

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        return self._scene.GetNodeByID(self.currentNodeID) if self._scene and self.currentNodeID else None

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        self.setCurrentNodeID(node.GetID() if node else "")

    def setCurrentNodeID(self, node_id: str | None) -> None:
        self._combo.setCurrentIndex(max(self._combo.findData(node_id or ""), 0 if self.noneEnabled else -1))

    currentNodeID = Property(str, lambda self: self._combo.currentData() or "", setCurrentNodeID)

    def nodeCount(self) -> int:
        return self._combo.count() - self.noneEnabled

    def _shows(self, node: slicer.vtkMRMLNode) -> bool:
        is_type = node.IsA if self.showChildNodeTypes else lambda name: node.GetClassName() == name
        if node.GetHideFromEditors() or not any(map(is_type, self.nodeTypes)):
            return False
        asked = [(name, value) for type_, name, value in self._attributes if node.IsA(type_)]
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name)) for name, value in asked
        )

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_added(self, scene: slicer.vtkMRMLScene, event: str, node: slicer.vtkMRMLNode) -> None:
        if not scene.IsBatchProcessing() and self._shows(node):
            self._combo.addItem(node.GetName(), node.GetID())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_removed(self, scene: slicer.vtkMRMLScene, event: str, node: slicer.vtkMRMLNode) -> None:
        row = self._combo.findData(node.GetID())
        if row >= 0 and not scene.IsBatchProcessing():
            if row == self._combo.currentIndex():
                self._combo.setCurrentIndex(0 if self.noneEnabled else -1)
            self._combo.removeItem(row)

    def _list_all(self) -> None:
        current = self.currentNodeID
        self._combo.blockSignals(True)
        self._combo.clear()
        if self.noneEnabled:
            self._combo.addItem("None", "")
        count = self._scene.GetNumberOfNodes() if self._scene else 0
        for node in filter(self._shows, map(self._scene.GetNthNode, range(count)) if count else ()):
            self._combo.addItem(node.GetName(), node.GetID())
        self._combo.setCurrentIndex(max(self._combo.findData(current), 0 if self._combo.count() else -1))
        self._combo.blockSignals(False)
        self._announce()

    def _announce(self) -> None:
        if self.currentNodeID != self._announced:
            self._announced = self.currentNodeID
            self.currentNodeChanged.emit(self.currentNode())


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Nodes of the scene with a tick each; they come without one."""

    checkedNodesChanged = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._combo.model().itemChanged.connect(self._on_item)
        self._ticked: list[str] = []

    def checkedNodes(self) -> list:
        return [self._scene.GetNodeByID(node_id) for node_id in self._ticked_ids()]

    def check(self, node: slicer.vtkMRMLNode) -> None:
        self._set(node, Qt.CheckState.Checked)

    def uncheck(self, node: slicer.vtkMRMLNode) -> None:
        self._set(node, Qt.CheckState.Unchecked)

    def _set(self, node: slicer.vtkMRMLNode, state: Qt.CheckState) -> None:
        row = self._combo.findData(node.GetID()) if node else -1
        if row >= 0:
            self._combo.model().item(row).setCheckState(state)

    def _ticked_ids(self) -> list[str]:
        items = [self._combo.model().item(row) for row in range(self._combo.count())]
        return [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() == Qt.CheckState.Checked]

    def _list_all(self) -> None:
        super()._list_all()
        self._ticked = self._ticked_ids()

    def _on_item(self, item: object) -> None:
        if self._ticked != self._ticked_ids():
            self._ticked = self._ticked_ids()
            self.checkedNodesChanged.emit()

    def paintEvent(self, event) -> None:
        """Show what is ticked, as CTK does."""
        names = ", ".join(node.GetName() for node in self.checkedNodes()) if self._scene else ""
        self._combo.setEditable(True)
        self._combo.lineEdit().setReadOnly(True)
        self._combo.setEditText(names or "None")


class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """A segmentation node and one of its segments; a segmentation without segments shows none."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._segments = QComboBox(self, sizePolicy=_expanding())
        _row(self, self._nodes, self._segments)
        self.setFocusProxy(self._nodes)
        self._observed, self._observers, self._segment_id = None, [], ""
        self._nodes.currentNodeChanged.connect(self._on_node)
        self._segments.currentIndexChanged.connect(self._on_segment)

    def _set_none_enabled(self, enabled: bool) -> None:
        self._nodes.noneEnabled = enabled

    noneEnabled = Property(bool, lambda self: self._nodes.noneEnabled, _set_none_enabled)
    horizontalLayout = stored(bool, False)

    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        super().setMRMLScene(scene)
        self._nodes.setMRMLScene(scene)

    def currentNode(self) -> slicer.vtkMRMLNode | None:
        return self._nodes.currentNode()

    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        self._nodes.setCurrentNode(node)

    def currentSegmentID(self) -> str:
        return self._segment_id

    def setCurrentSegmentID(self, segment_id: str) -> None:
        index = 0 if not segment_id and self.noneEnabled else self._segments.findData(segment_id)
        if index >= 0:
            self._segments.setCurrentIndex(index)

    def _on_node(self, node: slicer.vtkMRMLNode | None) -> None:
        for tag in self._observers:
            self._observed.RemoveObserver(tag)
        self._observed = node.GetSegmentation() if node else None
        events = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved)
        self._observers = [node.GetSegmentation().AddObserver(each, self._populate) for each in events] if node else []
        self._populate()
        self.currentNodeChanged.emit(node)

    def _populate(self, *_: object) -> None:
        ids = list(self._observed.GetSegmentIDs()) if self._observed else []
        self._segments.blockSignals(True)
        self._segments.clear()
        if ids and self.noneEnabled:
            self._segments.addItem("None", "")
        for segment_id in ids:
            self._segments.addItem(self._observed.GetSegment(segment_id).GetName(), segment_id)
        keeps = self._segment_id in ids or (self.noneEnabled and not self._segment_id)
        self._segments.setCurrentIndex(self._segments.findData(self._segment_id) if keeps else -1)
        self._segments.blockSignals(False)
        self._segments.setVisible(bool(ids))
        if ids and not keeps:
            self._segments.setCurrentIndex(1 if self.noneEnabled else 0)

    def _on_segment(self) -> None:
        self._segment_id = self._segments.currentData() or ""
        self.currentSegmentChanged.emit(self._segment_id)


def _fold(section: QWidget, collapsed: bool, header: int) -> None:
    """Hide what is in a folding section, or show again what this has hidden; folded it is as high as its header."""
    if collapsed:
        children = section.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        section.folded += [child for child in children if not child.isHidden()]
    for child in section.folded:
        child.setVisible(not collapsed)
    if not collapsed:
        section.folded = []
    section.setMaximumHeight(header if collapsed else 16777215)


def _expanding() -> QSizePolicy:
    return QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def _row(parent: QWidget, *children: QWidget) -> None:
    layout = QGridLayout(parent) if len(children) == 1 else QHBoxLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    for child in children:
        layout.addWidget(child)


WIDGETS = (
    ctkCollapsibleButton,
    ctkCollapsibleGroupBox,
    ctkFittedTextBrowser,
    ctkPathLineEdit,
    qMRMLWidget,
    qMRMLNodeComboBox,
    qMRMLCheckableNodeComboBox,
    qMRMLSegmentSelectorWidget,
)
