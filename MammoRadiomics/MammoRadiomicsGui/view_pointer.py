"""Clicks and boxes in slice views, taken before anything else in the view sees them; nothing is put into the scene.

The Segment Editor's own effects observe the interactors of the views in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import vtk

# Before the Segment Editor's effects (1.0) and before what pans, zooms and changes the window (0.0).
PRIORITY = 10.0
# A hand that clicks moves by a pixel or two.
CLICK_PIXELS = 5
_COLOUR = (0.90, 0.62, 0.0)


class ViewPointer:
    """Left clicks and drags in all slice views, while it is active.

    :param layoutManager: ``slicer.app.layoutManager()``, or None where the application has no main window.
    :param accepts: called with a view's composite node; False leaves the mouse to the view.
    :param onPointed: called with slice node, composite node, and the positions in the view where the button went down
        and up; the second is None for a click.
    """

    def __init__(self, layoutManager, accepts: Callable[[object], bool], onPointed: Callable):
        self._manager = layoutManager
        self._accepts, self._onPointed = accepts, onPointed
        self._views: list[_View] = []
        # The same object for connecting and disconnecting.
        self._onLayout = self._observe
        self.active = False

    def start(self) -> None:
        """Take the mouse, also in views that a later layout brings."""
        if self._manager is not None and not self.active:
            self.active = True
            self._manager.connect("layoutChanged(int)", self._onLayout)
            self._observe()

    def stop(self) -> None:
        """Give the mouse back."""
        if self.active:
            self.active = False
            self._manager.disconnect("layoutChanged(int)", self._onLayout)
            self._release()

    def _observe(self) -> None:
        self._release()
        widgets = filter(None, map(self._manager.sliceWidget, self._manager.sliceViewNames()))
        self._views = [_View(widget, self._accepts, self._onPointed) for widget in widgets]

    def _release(self) -> None:
        for view in self._views:
            view.release()
        self._views = []


class _View:
    """The mouse in one slice view."""

    def __init__(self, sliceWidget, accepts: Callable, onPointed: Callable):
        self._widget, self._accepts, self._onPointed = sliceWidget, accepts, onPointed
        self._view = sliceWidget.sliceView()
        self._interactor = self._view.interactor()
        self._start = self._box = None
        handlers = {
            "LeftButtonPressEvent": self._onPress,
            "MouseMoveEvent": self._onMove,
            "LeftButtonReleaseEvent": self._onRelease,
            "LeftButtonDoubleClickEvent": self._onDoubleClick,
        }
        self._tags = {
            event: self._interactor.AddObserver(event, handler, PRIORITY) for event, handler in handlers.items()
        }

    def release(self) -> None:
        for tag in self._tags.values():
            self._interactor.RemoveObserver(tag)
        self._eraseBox()

    def _take(self, event: str) -> None:
        """Keep an event from everybody else."""
        self._interactor.GetCommand(self._tags[event]).SetAbortFlag(1)

    def _isOurs(self) -> bool:
        keys = (self._interactor.GetShiftKey(), self._interactor.GetControlKey(), self._interactor.GetAltKey())
        return not any(keys) and self._accepts(self._widget.mrmlSliceCompositeNode())

    def _onPress(self, caller, event: str) -> None:
        if self._isOurs():
            self._start = self._interactor.GetEventPosition()
            self._take(event)

    def _onMove(self, caller, event: str) -> None:
        if self._start is not None:
            self._drawBox(self._interactor.GetEventPosition())
            self._take(event)

    def _onRelease(self, caller, event: str) -> None:
        if self._start is None:
            return
        self._take(event)
        start, end = self._start, self._interactor.GetEventPosition()
        self._start = None
        self._eraseBox()
        moved = max(abs(start[0] - end[0]), abs(start[1] - end[1])) > CLICK_PIXELS
        sliceNode, composite = self._widget.mrmlSliceNode(), self._widget.mrmlSliceCompositeNode()
        self._onPointed(sliceNode, composite, start, end if moved else None)

    def _onDoubleClick(self, caller, event: str) -> None:
        """Keep the view from filling the window: the second click of a pair is one too many, no more."""
        if self._isOurs():
            self._take(event)

    def _drawBox(self, end: tuple[int, int]) -> None:
        if self._box is None:
            self._box = _boxActor()
            self._renderer().AddViewProp(self._box)
        (left, bottom), (right, top) = self._start, end
        points = self._box.GetMapper().GetInput().GetPoints()
        for i, corner in enumerate(((left, bottom), (right, bottom), (right, top), (left, top))):
            points.SetPoint(i, *corner, 0)
        points.Modified()
        self._view.scheduleRender()

    def _eraseBox(self) -> None:
        if self._box is not None:
            self._renderer().RemoveViewProp(self._box)
            self._box = None
            self._view.scheduleRender()

    def _renderer(self):
        return self._view.renderWindow().GetRenderers().GetFirstRenderer()


def _boxActor() -> vtk.vtkActor2D:
    """Return a rectangle in the coordinates of a view."""
    data, points, lines = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    points.SetNumberOfPoints(4)
    lines.InsertNextCell(5)
    for i in (0, 1, 2, 3, 0):
        lines.InsertCellPoint(i)
    data.SetPoints(points)
    data.SetLines(lines)
    mapper, actor = vtk.vtkPolyDataMapper2D(), vtk.vtkActor2D()
    mapper.SetInputData(data)
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*_COLOUR)
    actor.GetProperty().SetLineWidth(2)
    return actor


def toPixel(sliceNode, volume, position: tuple[int, int]) -> tuple[float, float, float]:
    """Return where a position in a view lies on a volume: column, row and slice, pixel centres at whole numbers."""
    toRas, toIjk = sliceNode.GetXYToRAS(), vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(toIjk)
    return toIjk.MultiplyPoint(toRas.MultiplyPoint((*position, 0, 1)))[:3]
