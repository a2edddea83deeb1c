"""The section Result: predict, follow the outline while it is edited, show every number with its caveats, export."""

from __future__ import annotations

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from . import records
from .predictor import Predictor
from .result_html import resultsHtml

IDLE_MS = 1200
PRESET = "study-1409"


class ResultSection:
    """Runs predictions in child processes and shows the results of the ticked models.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param parameters: returns the parameter node, or None.
    """

    def __init__(self, ui, logic, parameters):
        # Loaded with the panel, or the first answer would wait for it.
        import MammoRadiomicsLib.prediction  # noqa: F401

        self._ui = ui
        self._logic = logic
        self._parameters = parameters
        self._states: dict[str, tuple] = {}
        self._reasons: dict[str, tuple[tuple, str]] = {}
        self._message = ""
        # The answer while one edits is quick; ranges and explanations take longer and come when the hand rests.
        self._quick = Predictor(self._onRecords, self._onEnded)
        self._thorough = Predictor(self._onRecords, self._onEnded)
        self._idle = qt.QTimer()
        self._idle.setSingleShot(True)
        self._idle.connect("timeout()", self._predictThoroughly)
        ui.predictButton.connect("clicked(bool)", self._onPredict)
        ui.cancelButton.connect("clicked(bool)", self.cancel)
        ui.featuresButton.connect("clicked(bool)", self._onFeatures)
        ui.csvButton.connect("clicked(bool)", self._onCsv)
        ui.reportButton.connect("clicked(bool)", self._onReport)

    def show(self) -> None:
        """Show what can be done, and the results with what has changed since."""
        parameters = self._parameters()
        if parameters is None:
            return
        obstacle = self._logic.obstacle(self._views())
        noModel = "" if self._models() else _("Load or tick a model.")
        self._ui.featuresButton.enabled = not obstacle and not self.busy
        self._ui.predictButton.enabled = not obstacle and not noModel
        self._ui.predictButton.toolTip = (
            obstacle or noModel or _("Extract the features that the models need and apply them.")
        )
        self._ui.cancelButton.enabled = self.busy
        self._ui.progressBar.visible = self.busy
        words = _("Computing: {views}.") if self.busy else _("Ready: {views}.")
        ready = words.format(views=", ".join(self._views()))
        self._ui.statusLabel.text = " ".join(filter(None, (self._message, obstacle or noModel))) or ready
        self._showResults(parameters)

    @property
    def busy(self) -> bool:
        """Tell whether anything is being computed."""
        return self._quick.busy or self._thorough.busy

    def follow(self) -> None:
        """Predict again after an edit, if the user wants that and it is possible."""
        parameters = self._parameters()
        if parameters.liveUpdate and self._ui.predictButton.enabled and self._isOutdated():
            with slicer.util.tryWithErrorDisplay(_("The prediction failed.")):
                self._predictQuickly()

    def cancel(self) -> None:
        """Stop what is being computed."""
        self.close()
        self.show()

    def close(self, waitMs: int = 0) -> None:
        """End the child processes.

        :param waitMs: how long to wait for their end, where the event loop may not come back.
        """
        self._idle.stop()
        self._quick.cancel(waitMs)
        self._thorough.cancel(waitMs)

    def reset(self) -> None:
        """Forget what belongs to a scene, its pixels above all."""
        self._idle.stop()
        self._quick.reset()
        self._thorough.reset()
        self._states, self._reasons, self._message = {}, {}, ""

    def _views(self) -> dict:
        return self._logic.selectedViews(self._parameters())

    def _models(self) -> list:
        return [node for node in self._parameters().models if node is not None]

    def _results(self) -> list:
        """Return the results of the ticked models, in their order."""
        known = list(self._parameters().results)
        found = [records.resultOf(model, known) for model in self._models()]
        return [node for node in found if node is not None]

    def _prevalences(self) -> dict:
        """Return the local prevalence by model: of what the user has entered, the classes that the model has."""
        from MammoRadiomicsLib import mrml, prevalence

        text = self._parameters().localPrevalence.strip()
        given = prevalence.parse(text) if text else {}
        found = {}
        for node in self._models():
            classes = mrml.model_from_node(node).classes
            own = {name: share for name, share in given.items() if name in classes}
            found[node] = prevalence.complete(own, classes) if own else None
        return found

    def _onPredict(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The prediction is not possible.")):
            self._logic.ensureDependenciesToPredict(self._models())
            self._message = ""
            self._predictQuickly()
            self._idle.start(0)

    def _predictQuickly(self) -> None:
        views, prevalences = self._views(), self._prevalences()
        self._quick.predict(views, prevalences, self._token(views, prevalences), explain=False)
        self._idle.start(IDLE_MS)
        self.show()

    def _predictThoroughly(self) -> None:
        if self._parameters() is None or not self._ui.predictButton.enabled:
            return
        with slicer.util.tryWithErrorDisplay(_("The prediction failed.")):
            views, prevalences = self._views(), self._prevalences()
            outlines = self._parameters().plausibleOutlines
            token = self._token(views, prevalences)
            self._thorough.predict(views, prevalences, token, explain=True, perturb=outlines)
            self.show()

    def _token(self, views: dict, prevalences: dict) -> tuple:
        states = {node.GetID(): records.state(node, views, local) for node, local in prevalences.items()}
        return states, views

    def _onRecords(self, token: tuple, answer: dict) -> None:
        """Keep an answer, unless something that it depends on has changed meanwhile and a newer one is on its way."""
        if self._parameters() is None:
            return
        states, views = token
        self._message = answer.get("error", "")
        if "features" in answer:
            self._keepFeatures(views, answer)
        for modelId, record in answer.get("records", {}).items():
            self._keep(modelId, record, states[modelId], views)
        self.show()
        self.follow()

    def _keep(self, modelId: str, record: dict, state: tuple, views: dict) -> None:
        model = slicer.mrmlScene.GetNodeByID(modelId)
        if model is None or any(node is None or node.GetScene() is None for node, *_rest in views.values()):
            return
        if "error" in record:
            self._message = f"{model.GetName()}: {record['error']}"
            return
        parameters = self._parameters()
        known = records.resultOf(model, list(parameters.results))
        if known and self._states.get(known.GetID()) == state and record["explanation"] is None:
            # The quick answer has come after the thorough one.
            return
        node = self._logic.addResult(model, views, record, known)
        self._states[node.GetID()] = state
        if known is None:
            parameters.results = [*(each for each in parameters.results if each is not None), node]

    def _onEnded(self, reason: str) -> None:
        self._message = reason
        self.show()

    def _isOutdated(self) -> bool:
        return len(self._results()) < len(self._models()) or any(map(self._difference, self._results()))

    def _difference(self, resultNode) -> str:
        """Return what has changed since a result was made; the costly look is taken once for each state."""
        model = resultNode.GetNodeReference(records.MODEL_ROLE)
        try:
            local = self._prevalences()[model]
        except Exception as error:
            return str(error)
        now = records.state(model, self._views(), local)
        if self._states.get(resultNode.GetID()) == now:
            return ""
        known, reason = self._reasons.get(resultNode.GetID(), (None, ""))
        if known != now:
            reason = records.difference(resultNode, model, self._views(), local, self._logic.outline)
            self._reasons[resultNode.GetID()] = (now, reason)
            if not reason:
                self._states[resultNode.GetID()] = now
        return reason

    def _showResults(self, parameters) -> None:
        from MammoRadiomicsLib import mrml

        shown = []
        for node in self._results():
            reason = self._difference(node)
            stale = _("Out of date: {reason} since. Predict again.").format(reason=reason) if reason else ""
            shown.append((mrml.result_from_node(node), stale))
        thresholds = parameters.lowThresholdPercent / 100, parameters.highThresholdPercent / 100
        self._ui.resultBrowser.html = resultsHtml(shown, thresholds, self._thorough.busy)
        self._ui.csvButton.enabled = self._ui.reportButton.enabled = bool(shown)

    def _onFeatures(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The features cannot be extracted.")):
            self._logic.ensureDependenciesForPreset(PRESET)
            views = self._views()
            self._thorough.features(views, PRESET, ({}, views))
            self.show()

    def _keepFeatures(self, views: dict, answer: dict) -> None:
        table = self._logic.addFeaturesTable(views, answer["features"], answer["notes"])
        words = _("{count} features are in the table {name}.")
        counted = words.format(count=table.GetNumberOfRows(), name=table.GetName())
        self._message = f"{counted} {table.GetDescription()}".strip()

    def _onCsv(self) -> None:
        path = _askPath(_("Save the predictions"), "predictions.csv", "CSV (*.csv)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table could not be saved.")):
                self._logic.saveCsv(self._results(), path)
                self._say(_("Saved: {path}").format(path=path))

    def _onReport(self) -> None:
        path = _askPath(_("Save the report"), "report.html", "HTML (*.html)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The report could not be saved."), waitCursor=True):
                self._logic.saveReport(self._results(), self._views(), path)
                self._say(_("Saved: {path}").format(path=path))

    def _say(self, message: str) -> None:
        self._message = message
        self.show()


def _askPath(title: str, name: str, filters: str) -> str:
    return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name, filters)
