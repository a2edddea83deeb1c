"""The result of a training in the panel: the model and its card, its curves in the views, its report, its way on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .training_tables import layoutNode


class ResultSection:
    """Shows a model and what can be done with it.

    :param ui: widgets of the panel.
    :param logic: of the module.
    :param parameters: gives the parameter node that is shown.
    :param say: shows a sentence.
    """

    def __init__(self, ui, logic, parameters: Callable, say: Callable[[str], None]):
        self.ui, self._logic, self._parameters, self._say = ui, logic, parameters, say
        self._model = None
        self._formerLayout = None
        self.ui.modelPathLineEdit.comboBox().connect("editTextChanged(QString)", self._showButtons)
        self.ui.saveModelButton.connect("clicked(bool)", self.onSave)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.reportButton.connect("clicked(bool)", self.onOpenReport)
        self.ui.curvesButton.connect("clicked(bool)", self.onShowCurves)
        self.ui.useButton.connect("clicked(bool)", self.onUse)
        self.ui.clinicalTablesButton.connect("clicked(bool)", self.onShowClinical)
        self.ui.clinicalReportButton.connect("clicked(bool)", self.onOpenClinicalReport)

    def forget(self) -> None:
        """Show the card anew when a parameter node comes."""
        self._model = None

    def show(self) -> None:
        """Bring the section into line with the parameter node."""
        model = self._parameters().model
        if model is None or model is not self._model:
            # Only for another model: reading one verifies it.
            self._model = model
            self.ui.cardBrowser.plainText = self._logic.cardText(model)
        self.ui.cardBrowser.visible = model is not None
        self._showButtons()

    def _showButtons(self) -> None:
        parameters = self._parameters()
        if parameters is None:
            return
        plan = self._logic.plan(parameters)
        hasModel = parameters.model is not None
        hasReport = bool(plan.folder and plan.outcome) and plan.report.is_dir()
        self.ui.saveModelButton.enabled = hasModel and bool(self.ui.modelPathLineEdit.currentPath)
        self.ui.useButton.enabled = hasModel
        self.ui.applyButton.enabled = hasModel and self._logic.featuresFile(parameters) is not None
        self.ui.reportButton.enabled = self.ui.curvesButton.enabled = hasReport
        hasTables = bool(plan.folder and plan.outcome) and plan.clinicalReport.is_dir()
        self.ui.clinicalTablesButton.enabled = self.ui.clinicalReportButton.enabled = hasTables

    def onSave(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The model could not be saved."), waitCursor=True):
            path = self._logic.saveModel(self._parameters().model, self.ui.modelPathLineEdit.currentPath)
            self.ui.modelPathLineEdit.addCurrentPathToHistory()
            self._say(_("Saved: {path}").format(path=path))

    def onApply(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The table could not be predicted."), waitCursor=True):
            parameters = self._parameters()
            self._logic.writeTables(parameters)
            table = self._logic.apply(parameters.model, self._logic.featuresFile(parameters))
            message = _("{count} lesions are in the table {name}.")
            self._logic.showTable(table)
            self._say(message.format(count=table.GetNumberOfRows(), name=table.GetName()))

    def onOpenReport(self) -> None:
        _open(self._logic.plan(self._parameters()).report)

    def onOpenClinicalReport(self) -> None:
        _open(self._logic.plan(self._parameters()).clinicalReport)

    def onShowClinical(self) -> None:
        from MammoRadiomicsLib import mrml_plots

        with slicer.util.tryWithErrorDisplay(_("The clinical tables cannot be shown."), waitCursor=True):
            tables, charts = self._logic.addClinical(self._logic.plan(self._parameters()).clinicalReport)
            layout = layoutNode()
            if layout is not None:
                self._keepLayout(layout)
                mrml_plots.show_beside(layout, tables[0], charts)

    def _keepLayout(self, layout) -> None:
        """Remember the user's own layout, to be brought back."""
        from MammoRadiomicsLib import mrml_plots

        if layout.GetViewArrangement() not in mrml_plots.LAYOUTS:
            self._formerLayout = layout.GetViewArrangement()

    def onShowCurves(self) -> None:
        from MammoRadiomicsLib import mrml_plots

        with slicer.util.tryWithErrorDisplay(_("The curves cannot be shown."), waitCursor=True):
            charts = self._logic.addCharts(self._logic.plan(self._parameters()).report)
            layout = layoutNode()
            if layout is not None:
                self._keepLayout(layout)
                mrml_plots.show(layout, charts)

    def leave(self) -> None:
        """Bring the former layout back, unless the user has chosen another one meanwhile."""
        from MammoRadiomicsLib import mrml_plots

        layout = layoutNode()
        if self._formerLayout is not None and layout and layout.GetViewArrangement() in mrml_plots.LAYOUTS:
            layout.SetViewArrangement(self._formerLayout)
        self._formerLayout = None

    def onUse(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The model could not be handed on.")):
            self._logic.useModel(self._parameters().model)
            if slicer.util.mainWindow():
                slicer.util.selectModule("MammoRadiomics")


def _open(folder: Path) -> None:
    """Open the page of a report in the browser, or its folder where it has none."""
    page = folder / "report.html"
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(page if page.is_file() else folder)))
