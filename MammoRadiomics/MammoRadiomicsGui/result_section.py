"""The section Result: predict, follow the outline while it is edited, show every number with its caveats, export."""

from __future__ import annotations

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from . import clinical_values, records
from .freshness import Freshness
from .predictor import Predictor
from .result_html import resultsHtml

IDLE_MS = 1200


class ResultSection:
    """Runs predictions in child processes and shows the results of the ticked models.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param parameters: returns the parameter node, or None.
    :param onResult: called when a result has come.
    """

    def __init__(self, ui, logic, parameters, onResult):
        # Loaded with the panel, or the first answer would wait for it.
        import MammoRadiomicsLib.prediction  # noqa: F401

        self._ui = ui
        self._logic = logic
        self._parameters = parameters
        self._onResult = onResult
        self._fresh = Freshness(self._onUnknown)
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

    def nameValues(self) -> None:
        """Give the presets names, once the parameter node has listed them."""
        names = (_("of the model's preset"), _("study-1409: as published"), _("mammo-2d: resampled to 0.1 mm"))
        for i, name in enumerate(names):
            self._ui.featuresPresetComboBox.setItemText(i, name)

    def show(self) -> None:
        """Show what can be done, and the results with what has changed since."""
        parameters = self._parameters()
        if parameters is None:
            return
        obstacle = self._logic.obstacle(self._views())
        lacking = self._logic.missingClinicalValues(parameters)
        noModel = "" if self._models() else _("Load or tick a model.")
        nothing = obstacle or noModel or ("" if self._inputs() else lacking)
        self._ui.featuresButton.enabled = not obstacle and not self.busy
        self._ui.predictButton.enabled = not nothing
        self._ui.predictButton.toolTip = nothing or _("Extract the features that the models need and apply them.")
        self._ui.cancelButton.enabled = self.busy
        self._ui.progressBar.visible = self.busy
        words = _("Computing: {views}.") if self.busy else _("Ready: {views}.")
        ready = words.format(views=", ".join(self._views()))
        self._ui.statusLabel.text = " ".join(filter(None, (self._message, obstacle or noModel or lacking))) or ready
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
        self._fresh.forget()
        self._message = ""

    def _views(self) -> dict:
        return self._logic.selectedViews(self._parameters())

    def _models(self) -> list:
        return [node for node in self._parameters().models if node is not None]

    def _results(self) -> list:
        """Return the results of the ticked models, in their order."""
        known = list(self._parameters().results)
        found = [records.resultOf(model, known) for model in self._models()]
        return [node for node in found if node is not None]

    def _inputs(self) -> dict:
        """Return what each ticked model is to be applied to; models that lack a value or the scanner are left out."""
        from MammoRadiomicsLib import prevalence

        parameters = self._parameters()
        text = parameters.localPrevalence.strip()
        given = prevalence.parse(text) if text else {}
        views = self._views()
        values = clinical_values.read([slot[0] for slot in views.values()])
        found = {}
        for node, model in self._logic.models(parameters).items():
            # Of what the user has entered, the classes that the model has.
            own = {name: share for name, share in given.items() if name in model.classes}
            local = prevalence.complete(own, model.classes) if own else None
            if not clinical_values.missing(model, values):
                entered = clinical_values.forModel(model, values), clinical_values.scannerFor(model, values)
                found[node] = records.Inputs(node, views, local, *entered)
        return found

    def _onPredict(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The prediction is not possible.")):
            self._logic.ensureDependenciesToPredict(self._models())
            self._message = ""
            self._predictQuickly()
            self._idle.start(0)

    def _predictQuickly(self) -> None:
        inputs = self._inputs()
        self._quick.predict(inputs, _token(inputs), explain=False)
        self._idle.start(IDLE_MS)
        self.show()

    def _predictThoroughly(self) -> None:
        if self._parameters() is None or not self._ui.predictButton.enabled:
            return
        with slicer.util.tryWithErrorDisplay(_("The prediction failed.")):
            inputs = self._inputs()
            self._thorough.predict(inputs, _token(inputs), explain=True, perturb=self._parameters().plausibleOutlines)
            self.show()

    def recordOf(self, modelNode) -> dict | None:
        """Return the record of a model's result if it is of the selected images, outlines and scanner; None otherwise.

        Clinical values and local prevalence may have changed since: the radscore does not depend on them.
        """
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import MammoRadiomicsError

        resultNode = records.resultOf(modelNode, list(self._parameters().results))
        if resultNode is None:
            return None
        views = self._views()
        values = clinical_values.read([slot[0] for slot in views.values()])
        try:
            record = mrml.result_from_node(resultNode)
            scanner = clinical_values.scannerFor(mrml.model_from_node(modelNode), values)
            inputs = records.Inputs(modelNode, views, *records.enteredIn(record), scanner)
            return None if self._fresh.reason(resultNode, inputs) != "" else record
        except MammoRadiomicsError:
            return None

    def _onRecords(self, token: tuple, answer: dict) -> None:
        """Keep an answer, unless something that it depends on has changed meanwhile and a newer one is on its way."""
        if self._parameters() is None:
            return
        kind, about = token
        if kind == "describe":
            # An outline that cannot be used is asked for where it is needed.
            self._fresh.take(about, answer.get("described", {}))
        else:
            self._message = answer.get("error", "")
        if "features" in answer:
            self._keepFeatures(about, answer)
        for modelId, record in answer.get("records", {}).items():
            self._keep(modelId, record, *about[modelId])
        self._onResult()
        self.show()
        self.follow()

    def _keep(self, modelId: str, record: dict, state: tuple, views: dict) -> None:
        """Keep a record, with the state of what it was made of."""
        model = slicer.mrmlScene.GetNodeByID(modelId)
        if model is None or any(node is None or node.GetScene() is None for node, *_rest in views.values()):
            return
        if "error" in record:
            self._message = f"{model.GetName()}: {record['error']}"
            return
        parameters = self._parameters()
        known = records.resultOf(model, list(parameters.results))
        if known and self._fresh.isOf(known, state) and record["explanation"] is None:
            # The quick answer has come after the thorough one.
            return
        node = self._logic.addResult(model, views, record, known)
        self._fresh.keep(node, state)
        if known is None:
            parameters.results = [*(each for each in parameters.results if each is not None), node]

    def _onEnded(self, reason: str) -> None:
        self._message = reason
        self.show()

    def _onUnknown(self, views: dict, state: tuple) -> None:
        """Ask what the outlines are now; while something else is computed, its answer brings the question back."""
        if not self.busy:
            with slicer.util.tryWithErrorDisplay(_("The outlines cannot be compared."), show=False):
                self._quick.describe(views, ("describe", state))

    def _isOutdated(self) -> bool:
        inputs = self._inputs()
        results = {node: records.resultOf(node, list(self._parameters().results)) for node in inputs}
        return not all(results.values()) or any(map(self._difference, results.values()))

    def _difference(self, resultNode) -> str | None:
        """Return what has changed since a result was made; None while that is looked at."""
        model = resultNode.GetNodeReference(records.MODEL_ROLE)
        try:
            inputs = self._inputs().get(model) or records.Inputs(model, self._views())
        except Exception as error:
            return str(error)
        return self._fresh.reason(resultNode, inputs)

    def _showResults(self, parameters) -> None:
        from MammoRadiomicsLib import mrml
        from MammoRadiomicsLib.errors import InputError

        shown = []
        for node in self._results():
            reason = self._difference(node)
            stale = _("Out of date: {reason} since. Predict again.").format(reason=reason) if reason else ""
            if reason is None:
                stale = _("Image and outline are being compared with those of this result.")
            try:
                shown.append((mrml.result_from_node(node), stale))
            except InputError as error:
                self._ui.statusLabel.text = str(error)
        thresholds = parameters.lowThresholdPercent / 100, parameters.highThresholdPercent / 100
        self._ui.resultBrowser.html = resultsHtml(shown, thresholds, self._thorough.busy)
        self._ui.csvButton.enabled = self._ui.reportButton.enabled = bool(shown)

    def _onFeatures(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The features cannot be extracted.")):
            preset = self._logic.featuresPreset(self._parameters())
            self._logic.ensureDependenciesForPreset(preset)
            views = self._views()
            self._thorough.features(views, preset, ("features", views))
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


def _token(inputs: dict) -> tuple[str, dict]:
    """Return what comes back with the answer: the state and the views of each model by its node ID."""
    return "records", {node.GetID(): (records.state(each), each.views) for node, each in inputs.items()}


def _askPath(title: str, name: str, filters: str) -> str:
    return qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), title, name, filters)
