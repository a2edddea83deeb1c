"""The section Lesion: one outline per view, the Segment Editor to draw it, and its size as it grows."""

from __future__ import annotations

import slicer
import slicer.util
from slicer.i18n import tr as _

VIEWS = ("CC", "MLO")
EDITOR_TAG = "MammoRadiomicsSegmentEditor"
EFFECTS = ("Paint", "Erase", "Draw", "Scissors", "Threshold", "Level tracing", "Islands", "Smoothing", "Margin")


class LesionSection:
    """Selects outlines and edits one of them at a time.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param onSelected: called with (segmentation node, segment ID) by view after the user has chosen other outlines.
    """

    def __init__(self, ui, logic, onSelected):
        self._logic = logic
        self._onSelected = onSelected
        self._showing = False
        self._views = {}
        self._editor = ui.segmentEditor
        self._selectors = {"CC": ui.ccSegmentSelector, "MLO": ui.mloSegmentSelector}
        self._buttons = {"CC": ui.ccOutlineButton, "MLO": ui.mloOutlineButton}
        self._sizes = {"CC": ui.ccSizeLabel, "MLO": ui.mloSizeLabel}
        for view in VIEWS:
            self._selectors[view].connect("currentNodeChanged(vtkMRMLNode*)", self._onSelection)
            self._selectors[view].connect("currentSegmentChanged(QString)", self._onSelection)
        ui.ccOutlineButton.connect("toggled(bool)", self._onOutlineCc)
        ui.mloOutlineButton.connect("toggled(bool)", self._onOutlineMlo)
        self._editor.setEffectNameOrder(list(EFFECTS))
        self._editor.enabled = False

    def show(self, outlines: dict) -> None:
        """Show the outlines: volume, segmentation, segment ID and spacing by view."""
        self._views = outlines
        self._showing = True
        try:
            for view, (volume, segmentation, segmentId, _spacing) in outlines.items():
                self._selectors[view].setCurrentNode(segmentation)
                self._selectors[view].setCurrentSegmentID(segmentId)
                self._buttons[view].enabled = volume is not None
        finally:
            self._showing = False
        self._follow()
        self.showSizes()

    def showSizes(self) -> None:
        """Show how large the outlines are now."""
        for view, (volume, segmentation, segmentId, spacingMm) in self._views.items():
            known = volume is not None and segmentation is not None
            text = self._logic.sizeText(volume, segmentation, segmentId, spacingMm) if known else ""
            self._sizes[view].text = text

    def release(self) -> None:
        """Let go of the editor: an active effect would outlive the panel."""
        for button in self._buttons.values():
            button.checked = False
        self._stopEditing()

    def edited(self) -> str:
        """Return the view whose outline is being edited; empty when none is."""
        return next((view for view, button in self._buttons.items() if button.checked), "")

    def edit(self, view: str) -> None:
        """Edit the outline of a view, after it was made where it is missing."""
        volume, segmentation, segmentId, _spacing = self._views[view]
        # The editor's settings before its scene, or what it selects by itself would be lost.
        self._editor.setMRMLSegmentEditorNode(editorNode())
        self._editor.setMRMLScene(slicer.mrmlScene)
        if segmentation is None:
            segmentation, segmentId = self._logic.newOutline(volume, view)
            self._onSelected({view: (segmentation, segmentId)})
        self._editor.setSegmentationNode(segmentation)
        self._editor.setSourceVolumeNode(volume)
        self._editor.setCurrentSegmentID(segmentId)
        self._editor.installKeyboardShortcuts()
        self._editor.enabled = True

    def stopEffect(self) -> None:
        """Put down the effect that is in use."""
        if self._editor.enabled:
            self._editor.setActiveEffect(None)

    def replace(self, view: str, part, corner: tuple[int, int]) -> None:
        """Put an outline in place of what the edited segment of a view holds; one undo of the editor takes it back.

        :param part: (rows, columns), nonzero inside.
        :param corner: row and column of its first pixel on the view's image.
        """
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import InputError

        self._buttons[view].checked = True
        segmentation, segmentId = self._editor.segmentationNode(), self._editor.currentSegmentID()
        if segmentation is None or not segmentId:
            raise InputError(_("Select the segment that the outline on {view} is to go into.").format(view=view))
        self._editor.saveStateForUndo()
        mrml.replace_segment(segmentation, segmentId, part, corner, self._views[view][0])

    def _stopEditing(self) -> None:
        if self._editor.enabled:
            self._editor.setActiveEffect(None)
            self._editor.uninstallKeyboardShortcuts()
            self._editor.removeViewObservations()
            self._editor.setSegmentationNode(None)
            self._editor.setSourceVolumeNode(None)
            self._editor.enabled = False

    def _follow(self) -> None:
        """Stop editing an outline that is gone; edit the one that was chosen instead."""
        view = self.edited()
        if not view:
            return
        volume, segmentation, segmentId, _spacing = self._views[view]
        if volume is None or segmentation is None:
            self._buttons[view].checked = False
        elif self._editor.segmentationNode() is not segmentation or self._editor.currentSegmentID() != segmentId:
            self._editor.setSegmentationNode(segmentation)
            self._editor.setSourceVolumeNode(volume)
            self._editor.setCurrentSegmentID(segmentId)

    def _onOutlineCc(self, checked: bool) -> None:
        self._onOutline("CC", "MLO", checked)

    def _onOutlineMlo(self, checked: bool) -> None:
        self._onOutline("MLO", "CC", checked)

    def _onOutline(self, view: str, other: str, checked: bool) -> None:
        if not checked:
            self._stopEditing()
            return
        self._buttons[other].checked = False
        with slicer.util.tryWithErrorDisplay(_("The outline cannot be edited.")):
            self.edit(view)

    def _onSelection(self) -> None:
        """Tell which outlines are chosen; a newly chosen segmentation starts with its first segment."""
        if self._showing:
            return
        chosen = {}
        for view, selector in self._selectors.items():
            segmentation, segmentId = selector.currentNode(), selector.currentSegmentID()
            ids = segmentation.GetSegmentation().GetSegmentIDs() if segmentation else ()
            before = self._views[view][1] if view in self._views else None
            if ids and (segmentation is not before or segmentId not in ids):
                segmentId = segmentId if segmentId in ids else ids[0]
            chosen[view] = (segmentation, segmentId if segmentId in ids else "")
        self._onSelected(chosen)


def editorNode():
    """Return the editor's settings, apart from those of Slicer's Segment Editor module."""
    node = slicer.mrmlScene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
        node.UnRegister(None)
        node.SetSingletonTag(EDITOR_TAG)
        node = slicer.mrmlScene.AddNode(node)
    return node
