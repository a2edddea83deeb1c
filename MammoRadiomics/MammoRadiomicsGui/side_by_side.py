"""CC and MLO side by side: two slice views as the images stand in their files, and the former layout afterwards."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk

from . import image_facts

LAYOUT = 2735
VIEW_NAMES = {"CC": "MammoRadiomicsCC", "MLO": "MammoRadiomicsMLO"}
# The breast fills this share of the view's height or width.
MARGIN = 1.05
_SUBSAMPLED = 256
LIMITED_ATTRIBUTE = "MammoRadiomics.OneView"


def description() -> str:
    """Return the layout: views of their own, so that Red and Yellow stay as the user has them."""
    items = "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{name}"><property name="orientation" action="default">'
        f'Axial</property><property name="viewlabel" action="default">{view}</property>'
        f'<property name="viewcolor" action="default">#7A8B99</property></view></item>'
        for view, name in VIEW_NAMES.items()
    )
    return f'<layout type="horizontal" split="true">{items}</layout>'


class SideBySide:
    """Shows mammograms in a layout of their own, and brings the former layout back.

    :param layoutManager: ``slicer.app.layoutManager()``, or None where the application has no main window.
    """

    def __init__(self, layoutManager):
        self._manager = layoutManager
        self._former = None

    @property
    def shown(self) -> bool:
        """Tell whether the layout is the application's current one."""
        return self._manager is not None and self._manager.layout == LAYOUT

    def show(self, volumes: dict, linked: bool) -> None:
        """Show the volumes, each in its view; a view without one is empty.

        :param volumes: volume node or None by view, CC and MLO.
        :param linked: zoom, pan and window of one view follow the other's.
        """
        if self._manager is None:
            return
        node = self._manager.layoutLogic().GetLayoutNode()
        if not node.IsLayoutDescription(LAYOUT):
            node.AddLayoutDescription(LAYOUT, description())
        if not self.shown:
            self._former = self._manager.layout
            self._manager.setLayout(LAYOUT)
            slicer.app.processEvents()
        for view, name in VIEW_NAMES.items():
            self._showIn(self._manager.sliceWidget(name), volumes.get(view), linked)

    def showOutlines(self, outlines: dict) -> None:
        """Keep each outline out of the other view: mammograms without a position lie on top of each other in space.

        :param outlines: segmentation node or None by view.
        """
        displays = {view: node.GetDisplayNode() for view, node in outlines.items() if node is not None}
        _showEverywhere(keep=displays.values() if self.shown else ())
        if not self.shown or len(set(displays.values())) < len(displays):
            return
        sliceNodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        for view, display in displays.items():
            other = VIEW_NAMES["MLO" if view == "CC" else "CC"]
            wanted = [node.GetID() for node in sliceNodes if node.GetLayoutName() != other]
            if display is not None and list(display.GetViewNodeIDs()) != wanted:
                _limit(display, wanted)

    def leave(self) -> None:
        """Bring the former layout back, unless the user has chosen another one meanwhile."""
        _showEverywhere()
        if self.shown and self._former is not None:
            self._manager.setLayout(self._former)
        self._former = None

    def link(self, linked: bool) -> None:
        """Link both views, or not."""
        for name in VIEW_NAMES.values() if self.shown else ():
            _setLinked(self._manager.sliceWidget(name).mrmlSliceCompositeNode(), linked)

    def _showIn(self, widget, volume, linked: bool) -> None:
        composite = widget.mrmlSliceCompositeNode()
        # While one view is set up, the other must not follow.
        _setLinked(composite, False)
        composite.SetBackgroundVolumeID(volume.GetID() if volume else None)
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)
        if volume is not None:
            image_facts.useWindowOfFile(volume)
            standAsInFile(widget.mrmlSliceNode(), volume)
            widget.sliceLogic().FitSliceToAll()
            fitToBreast(widget.mrmlSliceNode(), volume)
            widget.sliceLogic().SnapSliceOffsetToIJK()
        _setLinked(composite, linked)


def _showEverywhere(keep=()) -> None:
    """Show again in all views what was kept out of one, also by a scene that was saved so."""
    for display in slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode"):
        if display.GetAttribute(LIMITED_ATTRIBUTE) and display not in keep:
            _limit(display, [])


def _limit(display, viewIds: list[str]) -> None:
    """Show a display node in the given views only, in all of them where none is given."""
    with slicer.util.NodeModify(display):
        display.SetAttribute(LIMITED_ATTRIBUTE, "1" if viewIds else None)
        display.RemoveAllViewNodeIDs()
        for viewId in viewIds:
            display.AddViewNodeID(viewId)


def _setLinked(composite, linked: bool) -> None:
    composite.SetLinkedControl(linked)
    composite.SetHotLinkedControl(linked)


def standAsInFile(sliceNode, volume) -> None:
    """Turn a view so that columns run to the right and rows downwards, whatever directions the volume has.

    A mirrored mammogram shows the other breast; the pixels themselves stay as they are.
    """
    directions = np.zeros((3, 3))
    volume.GetIJKToRASDirections(directions)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = directions[:, 0], -directions[:, 1], directions[:, 2]
    wanted = slicer.util.vtkMatrixFromArray(matrix)
    axial = sliceNode.GetSliceOrientationPreset("Axial")
    if axial is not None and np.allclose(_rotation(axial), matrix[:3, :3]):
        sliceNode.SetOrientation("Axial")
        return
    sliceNode.GetSliceToRAS().DeepCopy(wanted)
    sliceNode.UpdateMatrices()


def _rotation(matrix: vtk.vtkMatrix3x3) -> np.ndarray:
    return np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(3)])


def fitToBreast(sliceNode, volume) -> None:
    """Zoom a view to the breast; the air around it and markers in the corners may lie outside."""
    box = breastBox(slicer.util.arrayFromVolume(volume)[0])
    if box is None:
        return
    top, bottom, left, right = box
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    centre = toRas.MultiplyPoint(((left + right - 1) / 2, (top + bottom - 1) / 2, 0, 1))
    columnMm, rowMm, _ = volume.GetSpacing()
    width, height = (right - left) * columnMm * MARGIN, (bottom - top) * rowMm * MARGIN
    dimensions = sliceNode.GetDimensions()
    perPixel = max(width / max(dimensions[0], 1), height / max(dimensions[1], 1))
    sliceNode.SetFieldOfView(dimensions[0] * perPixel, dimensions[1] * perPixel, sliceNode.GetFieldOfView()[2])
    for axis in range(3):
        sliceNode.GetSliceToRAS().SetElement(axis, 3, centre[axis])
    sliceNode.SetXYZOrigin(0, 0, 0)
    sliceNode.UpdateMatrices()


def breastBox(pixels: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left and right of the breast: what is brighter than the air, which is most common.

    :param pixels: (rows, columns).
    :return: None where nothing stands out.
    """
    step = max(1, min(pixels.shape) // _SUBSAMPLED)
    sampled = pixels[::step, ::step]
    low, high = np.percentile(sampled, (5, 99))
    tissue = sampled > low + 0.1 * (high - low)
    # A row or column belongs to the breast with a twentieth of its pixels: letters in a corner have fewer.
    rows = np.flatnonzero(tissue.mean(axis=1) > 0.05)
    columns = np.flatnonzero(tissue.mean(axis=0) > 0.05)
    if not rows.size or not columns.size:
        return None
    end = min((rows[-1] + 1) * step, pixels.shape[0]), min((columns[-1] + 1) * step, pixels.shape[1])
    return int(rows[0] * step), int(end[0]), int(columns[0] * step), int(end[1])
