"""The section Models: load them, tick those to apply, read their cards."""

from __future__ import annotations

import html

import slicer
import slicer.util
from slicer.i18n import tr as _


class ModelSection:
    """Keeps the ticked models and the parameter node alike, and shows what the models are.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param parameters: returns the parameter node, or None.
    """

    def __init__(self, ui, logic, parameters):
        from MammoRadiomicsLib import mrml

        self._logic = logic
        self._parameters = parameters
        self._showing = False
        self._shown = None
        self._path, self._selector = ui.modelPathLineEdit, ui.modelSelector
        self._label, self._cards = ui.modelLabel, ui.cardBrowser
        ui.modelSelector.addAttribute("vtkMRMLTextNode", mrml.MODEL_ATTRIBUTE)
        ui.modelSelector.connect("checkedNodesChanged()", self._onTicked)
        ui.loadModelButton.connect("clicked(bool)", self._onLoad)

    def show(self) -> None:
        """Tick the models of the parameter node, and describe them when they are others than before."""
        models = [node for node in self._parameters().models if node is not None]
        self._showing = True
        try:
            for node in self._selector.checkedNodes():
                if node not in models:
                    self._selector.uncheck(node)
            for node in models:
                self._selector.check(node)
        finally:
            self._showing = False
        shown = [(node.GetID(), node.GetMTime()) for node in models]
        if shown != self._shown:
            self._shown = shown
            self._label.text = "\n".join(map(summary, models))
            self._cards.html = "<hr>".join(map(cardHtml, models))

    def _onTicked(self) -> None:
        parameters = self._parameters()
        if parameters is not None and not self._showing:
            parameters.models = list(self._selector.checkedNodes())

    def _onLoad(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The model could not be loaded."), waitCursor=True):
            self._logic.useModel(self._logic.loadModel(self._path.currentPath))
            self._path.addCurrentPathToHistory()


def summary(node) -> str:
    """Return a model in one line: what it predicts, from what, and whether it can be used."""
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import MammoRadiomicsError

    try:
        model = mrml.model_from_node(node)
    except MammoRadiomicsError as error:
        return f"{node.GetName()}: {error}"
    words = _("{name}: valid; {count} features of {preset}; views {views} ({how}); {purpose}")
    return words.format(
        name=node.GetName(),
        count=len(model.feature_names),
        preset=model.preset.name,
        views=", ".join(view or _("any") for view in model.manifest["view_names"]),
        how=model.views,
        purpose=_("DEMONSTRATION ONLY") if model.purpose == "demonstration" else model.purpose,
    )


def cardHtml(node) -> str:
    """Return the card of a model, or why there is none."""
    from MammoRadiomicsLib import mrml
    from MammoRadiomicsLib.errors import MammoRadiomicsError

    try:
        card = mrml.model_from_node(node).card
    except MammoRadiomicsError as error:
        card = str(error)
    title, text = html.escape(node.GetName(), quote=False), html.escape(card, quote=False)
    return f'<p><b>{title}</b></p><p style="white-space: pre-wrap">{text}</p>'
