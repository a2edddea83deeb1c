"""``slicer.app.layoutManager()``: a real layout logic with its view nodes; nothing is drawn."""

from __future__ import annotations

import slicer

_SIZE = (500, 800)


class SliceWidget:
    """One slice view: its real node and logic."""

    def __init__(self, node: slicer.vtkMRMLSliceNode):
        node.SetDimensions(*_SIZE, 1)
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSliceNode(node)

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        return self._logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        return self._logic.GetSliceCompositeNode()


class LayoutManager:
    """The layouts of the application; slice views come into being when a layout shows them."""

    def __init__(self):
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(slicer.mrmlScene)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._widgets: dict[str, SliceWidget] = {}

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)

    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._logic

    def sliceWidget(self, name: str) -> SliceWidget | None:
        nodes = [
            self._logic.GetViewNodes().GetItemAsObject(i) for i in range(self._logic.GetViewNodes().GetNumberOfItems())
        ]
        node = next((each for each in nodes if each.GetLayoutName() == name), None)
        if node is None:
            return None
        known = self._widgets.get(name)
        if known is None or known.mrmlSliceNode() is not node:
            self._widgets[name] = SliceWidget(node)
        return self._widgets[name]
