"""The Segment Editor's widget."""

from __future__ import annotations

import slicer
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from .widgets import qMRMLWidget, stored


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """The editor as far as a panel steers it; drawing itself is :class:`slicer.vtkSlicerSegmentEditorLogic`'s."""

    segmentationNodeSelectorVisible = stored(bool, True)
    sourceVolumeNodeSelectorVisible = stored(bool, True)
    switchToSegmentationsButtonVisible = stored(bool, True)
    show3DButtonVisible = stored(bool, True)
    specifyGeometryButtonVisible = stored(bool, True)
    addRemoveSegmentButtonsVisible = stored(bool, True)
    maskingSectionVisible = stored(bool, True)
    autoShowSourceVolumeNode = stored(bool, True)
    unorderedEffectsVisible = stored(bool, True)
    maximumNumberOfUndoStates = stored(int, 10)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._node, self._shortcuts = None, False
        self._logic, self._history = slicer.vtkSlicerSegmentEditorLogic(), slicer.vtkSegmentationHistory()
        self._logic.SetSegmentationHistory(self._history)
        self._grid = QGridLayout(self)
        self._segments = QLabel(self)
        self._segments.setFrameShape(QLabel.Shape.StyledPanel)
        self._segments.setAlignment(Qt.AlignmentFlag.AlignTop)

    def setEffectNameOrder(self, names: list[str]) -> None:
        for i, name in enumerate(names):
            self._grid.addWidget(QPushButton(name, self), i // 2, i % 2)
        self._grid.addWidget(self._segments, 0, 2, (len(names) + 1) // 2, 1)
        self._grid.setColumnStretch(2, 1)

    def setMRMLSegmentEditorNode(self, node: slicer.vtkMRMLSegmentEditorNode | None) -> None:
        self._node = node
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSegmentEditorNode(node)

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        return self._node.GetSegmentationNode() if self._node else None

    def setSegmentationNode(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        if node is not self.segmentationNode():
            # What was done to another segmentation cannot be undone any more.
            self._history.SetSegmentation(node.GetSegmentation() if node else None)
            self._logic.SetMaximumNumberOfUndoStates(self.maximumNumberOfUndoStates)
        self._node.SetAndObserveSegmentationNode(node)
        ids = node.GetSegmentation().GetSegmentIDs() if node else ()
        self._node.SetSelectedSegmentID(ids[0] if ids else "")
        self._segments.setText("\n".join(node.GetSegmentation().GetSegment(each).GetName() for each in ids))

    def sourceVolumeNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        return self._node.GetSourceVolumeNode() if self._node else None

    def setSourceVolumeNode(self, node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        self._node.SetAndObserveSourceVolumeNode(node)

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        self._node.SetSelectedSegmentID(segment_id)

    def activeEffect(self) -> str | None:
        return (self._node.GetActiveEffectName() or None) if self._node else None

    def setActiveEffectByName(self, name: str) -> None:
        self._node.SetActiveEffectName(name)

    def setActiveEffect(self, effect: str | None) -> None:
        self._node.SetActiveEffectName(effect or "")

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def installKeyboardShortcuts(self) -> None:
        self._shortcuts = True

    def uninstallKeyboardShortcuts(self) -> None:
        self._shortcuts = False

    def removeViewObservations(self) -> None:
        """Do nothing: there are no views here."""
