"""Propose outline, in the section Lesion: click inside the lesion or drag a box around it, and correct what comes."""

from __future__ import annotations

import contextlib
import html
from pathlib import Path

import qt
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from .dependencies import ensure
from .lesion_section import VIEWS, editorNode
from .proposer import Proposer
from .view_pointer import ViewPointer, toPixel

SETTING = "MammoRadiomics/OutlineModel"


class ProposalSection:
    """Proposes the outline of the lesion that is clicked, in place of what the edited segment holds.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param lesion: the section Lesion, which knows the editor.
    :param parameters: returns the parameter node, or None.
    """

    def __init__(self, ui, logic, lesion, parameters):
        self._ui, self._logic, self._lesion, self._parameters = ui, logic, lesion, parameters
        self._views = dict.fromkeys(VIEWS, (None, None, "", None))
        self._showing = False
        self._observers: list[tuple] = []
        self._pointer = ViewPointer(slicer.app.layoutManager(), self._accepts, self._onPointed)
        self._proposer = Proposer(self._onLoaded, self._onProposal, self._onFailed)
        ui.proposeButton.connect("toggled(bool)", self._onToggled)
        # Not currentPathChanged, which is silent about a path that is emptied or has another ending.
        ui.segmenterPathLineEdit.comboBox().connect("editTextChanged(QString)", self._onPath)
        ui.segmenterCollapsibleButton.connect("contentsCollapsed(bool)", self._onFolded)

    @property
    def busy(self) -> bool:
        """Tell whether an answer of the child process is awaited."""
        return self._proposer.busy

    def show(self, views: dict) -> None:
        """Follow the selection: volume, segmentation, segment ID and spacing by view."""
        self._views = views
        path = self._parameters().segmenterPath or qt.QSettings().value(SETTING, "")
        if self._ui.segmenterPathLineEdit.currentPath != path:
            self._showing = True
            self._ui.segmenterPathLineEdit.currentPath = path
            self._showing = False
            self._change(path)
        self._ui.proposeButton.enabled = any(view[0] for view in views.values())
        if not self._ui.proposeButton.enabled:
            self.release()
        elif self._pointer.active:
            self._prepare()

    def release(self) -> None:
        """Give the mouse back and forget what was asked."""
        self._ui.proposeButton.checked = False
        self._stop()

    def reset(self) -> None:
        """Let go of the images, for another scene; the child process keeps the model."""
        self._proposer.forgetImages()

    def close(self, waitMs: int = 0) -> None:
        """End the child process."""
        self._proposer.close(waitMs)

    def _onToggled(self, checked: bool) -> None:
        if not checked:
            self._stop()
            return
        with slicer.util.tryWithErrorDisplay(_("Outlines cannot be proposed.")):
            self._load()
            self._start()
        if not self._pointer.active:
            self.release()

    def _start(self) -> None:
        """Take the mouse from the editor's effects and from placing markups; they take it back when they are used."""
        self._lesion.stopEffect()
        self._observe(editorNode(), vtk.vtkCommand.ModifiedEvent, self._onEditorModified)
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction is not None:
            interaction.SwitchToViewTransformMode()
            self._observe(interaction, interaction.InteractionModeChangedEvent, self._onMouseMode)
        self._pointer.start()
        self._prepare()
        self._sayReady()

    def _stop(self) -> None:
        for node, tag in self._observers:
            node.RemoveObserver(tag)
        self._observers = []
        self._pointer.stop()
        self._proposer.drop()
        self._say("")

    def _observe(self, node, event, handler) -> None:
        self._observers.append((node, node.AddObserver(event, handler)))

    def _onEditorModified(self, caller, event) -> None:
        if caller.GetActiveEffectName():
            self.release()

    def _onMouseMode(self, caller, event) -> None:
        if caller.GetCurrentInteractionMode() != caller.ViewTransform:
            self.release()

    def _load(self) -> None:
        """Have the model loaded that is selected, the demonstration where none is."""
        path = self._ui.segmenterPathLineEdit.currentPath
        ensure("MammoRadiomics", {"onnxruntime"}, pyradiomics=False)
        self._proposer.load(Path(path) if path else self._logic.demonstrationSegmenter())
        if self._proposer.model:
            self._showCard(self._proposer.model)

    def _onPath(self, path: str) -> None:
        """Keep the choice, for this scene and for the next."""
        if self._showing or self._parameters() is None:
            return
        # First, because the scene's choice, where it is none, gives way to it.
        qt.QSettings().setValue(SETTING, path)
        self._parameters().segmenterPath = path
        self._change(path)

    def _change(self, path: str) -> None:
        """Leave the former model, and load the one that is now selected where it is used or looked at."""
        self._ui.segmenterBrowser.html = ""
        if path and not Path(path).is_file():
            self.release()
        elif self._pointer.active or not self._ui.segmenterCollapsibleButton.collapsed:
            with slicer.util.tryWithErrorDisplay(_("The outline model cannot be loaded.")):
                self._load()
                self._sayReady()

    def _onFolded(self, folded: bool) -> None:
        if not folded:
            with slicer.util.tryWithErrorDisplay(_("The outline model cannot be loaded.")):
                self._load()

    def _onLoaded(self, model: dict) -> None:
        # The list drops and re-inserts a path that it has, and says so, as if the user had chosen others in between.
        self._showing = True
        self._ui.segmenterPathLineEdit.addCurrentPathToHistory()
        self._showing = False
        self._showCard(model)
        self._sayReady()

    def _showCard(self, model: dict) -> None:
        title, card = (html.escape(text, quote=False) for text in (model["name"], model["card"]))
        self._ui.segmenterBrowser.html = f'<p><b>{title}</b></p><p style="white-space: pre-wrap">{card}</p>'

    def _onFailed(self, reason: str) -> None:
        self.release()
        self._say(reason)

    def _sayReady(self) -> None:
        model = self._proposer.model
        if not self._pointer.active:
            return
        if model is None:
            self._say(_("The outline model is being loaded..."))
            return
        warning = _("DEMONSTRATION ONLY: {name} is not for patients. ").format(name=model["name"])
        text = _("Click inside the lesion, or drag a box around it, on the CC or MLO image.")
        self._say((warning if model["purpose"] == "demonstration" else "") + text)

    def _say(self, text: str) -> None:
        self._ui.proposalLabel.text = text

    def _accepts(self, composite) -> bool:
        return bool(self._viewOf(composite))

    def _viewOf(self, composite) -> str:
        """Return the view, CC or MLO, whose image a slice view shows; the one being outlined where it shows both."""
        shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        found = [view for view, slot in self._views.items() if slot[0] is not None and slot[0].GetID() in shown]
        edited = self._lesion.edited()
        return edited if edited in found else next(iter(found), "")

    def _onPointed(self, sliceNode, composite, start: tuple, end: tuple | None) -> None:
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        view = self._viewOf(composite)
        try:
            self._ask(view, sliceNode, start, end)
        except MammoRadiomicsError as error:
            self._say(str(error))

    def _ask(self, view: str, sliceNode, start: tuple, end: tuple | None) -> None:
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import InputError

        volume, *_outline, enteredMm = self._views[view]
        if not self._isScaled(view):
            raise InputError(_("Enter the pixel spacing of the {view} image: it states none.").format(view=view))
        pixels, _geometry = mrml.pixels_of_volume(volume)
        first, last = (toPixel(sliceNode, volume, position) for position in (start, end or start))
        if not _isOnImage(first, last, pixels.shape):
            raise InputError(_("This is outside the {view} image. Click inside the lesion.").format(view=view))
        box = [*first[:2], *last[:2]] if end else None
        where = {"click": None if end else list(first[:2]), "box": box}
        self._proposer.ask(volume, enteredMm, where, (view, *_stateOf(volume)))
        self._say(_("The outline on {view} is being proposed...").format(view=view))

    def _isScaled(self, view: str) -> bool:
        volume, *_outline, enteredMm = self._views[view]
        return bool(enteredMm or self._logic.imageFacts(volume).spacingMm)

    def _prepare(self) -> None:
        """Hand over the images that can be used; what is wrong with the others is said when they are clicked."""
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        for view, (volume, *_outline, enteredMm) in self._views.items():
            with contextlib.suppress(MammoRadiomicsError):
                if volume is not None and self._isScaled(view):
                    self._proposer.prepare(volume, enteredMm)

    def _onProposal(self, token: tuple, part, corner: tuple[int, int], found: dict) -> None:
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        view, *state = token
        if self._views[view][0] is None or state != _stateOf(self._views[view][0]):
            self._say(_("The image has changed. Click again."))
        elif part is None:
            self._say(found["reason"])
        else:
            try:
                self._lesion.replace(view, part, corner)
            except MammoRadiomicsError as error:
                self._say(str(error))
                return
            words = _("{view}: {area:.1f} mm\u00b2, confidence {confidence:.2f}. Correct it with the effects below. ")
            text = words.format(view=view, area=found["area_mm2"], confidence=found["confidence"])
            self._say(text + (found["reason"] or _("Undo brings back what was there.")))


def _stateOf(volume) -> list:
    image = volume.GetImageData()
    return [volume.GetID(), image.GetMTime() if image else 0]


def _isOnImage(first: tuple, last: tuple, shape: tuple[int, int]) -> bool:
    """Tell whether a box, or a click, lies on an image, at least partly."""
    rows, columns = shape
    ranges = [sorted(pair) for pair in zip(first, last, strict=True)]
    return all(low <= size - 0.5 and high >= -0.5 for (low, high), size in zip(ranges, (columns, rows, 1), strict=True))
