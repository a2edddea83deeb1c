"""``slicer.app.layoutManager()``: a real layout logic with its view nodes; a slice view draws when it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import slicer
import vtk

from . import pythonqt

_SIZE = (500, 800)
_DISPLAYABLE_MANAGERS = ("vtkMRMLCrosshairDisplayableManager", "vtkMRMLSegmentationsDisplayableManager2D")


class SliceView:
    """What draws a slice view and takes its mouse: Slicer's own interactor style and displayable managers."""

    def __init__(self, logic: slicer.vtkMRMLSliceLogic):
        self._renderer, self._window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetSize(*_SIZE)
        self._window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._interactor.SetRenderWindow(self._window)
        self._managers = _displayable_managers(self._renderer, logic.GetSliceNode())
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self._interactor)
        mapper, image = vtk.vtkImageMapper(), vtk.vtkActor2D()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(logic.GetImageDataConnection())
        image.SetMapper(mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        self._renderer.AddViewProp(image)

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._interactor

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._window

    def scheduleRender(self) -> None:
        """Do nothing: nobody looks."""

    def save(self, path: Path) -> None:
        """Draw the view and save it as a PNG file; not in Slicer."""
        self._window.Render()
        reader, writer = vtk.vtkWindowToImageFilter(), vtk.vtkPNGWriter()
        reader.SetInput(self._window)
        writer.SetFileName(str(path))
        writer.SetInputConnection(reader.GetOutputPort())
        writer.Write()


def _displayable_managers(renderer: vtk.vtkRenderer, node: slicer.vtkMRMLSliceNode) -> object:
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
    for name in _DISPLAYABLE_MANAGERS:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = factory.InstantiateDisplayableManagers(renderer)
    group.SetMRMLDisplayableNode(node)
    return group


class SliceWidget:
    """One slice view: its real node and logic."""

    def __init__(self, node: slicer.vtkMRMLSliceNode):
        node.SetDimensions(*_SIZE, 1)
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSliceNode(node)
        self._view: SliceView | None = None

    def sliceView(self) -> SliceView:
        """Return what draws it, made when it is first wanted."""
        self._view = self._view or SliceView(self._logic)
        return self._view

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
        self._callbacks: list[Callable] = []

    def connect(self, signature: str, callback: Callable) -> bool:
        if signature != "layoutChanged(int)":
            pythonqt.failures.append(f"connect: the layout manager has no signal {signature} here")
            return False
        self._callbacks.append(callback)
        return True

    def disconnect(self, signature: str, callback: Callable) -> None:
        self._callbacks.remove(callback)

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)
        for callback in list(self._callbacks):
            callback()

    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._logic

    def sliceViewNames(self) -> list[str]:
        return [node.GetLayoutName() for node in self._slice_nodes()]

    def _slice_nodes(self) -> list[slicer.vtkMRMLSliceNode]:
        nodes = self._logic.GetViewNodes()
        found = (nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems()))
        return [node for node in found if node.IsA("vtkMRMLSliceNode")]

    def sliceWidget(self, name: str) -> SliceWidget | None:
        node = next((each for each in self._slice_nodes() if each.GetLayoutName() == name), None)
        if node is None:
            return None
        known = self._widgets.get(name)
        if known is None or known.mrmlSliceNode() is not node:
            self._widgets[name] = SliceWidget(node)
        return self._widgets[name]
