"""Outline proposals in the panel of MammoRadiomicsTraining: a network learns from the outlines of the cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import slicer
import slicer.util
from slicer.i18n import tr as _

from . import dependencies
from .pipeline import Pipeline, Progress, Step, duration
from .training_tables import layoutNode

FILE_NAME = "outlines.mammosegmenter"
# Options of the command by parameters; those of the features' settings that mean the same here are shared.
OPTIONS = {
    "patch-mm": "segmenterPatchMm", "folds": "segmenterFolds", "epochs": "segmenterEpochs", "reader": "reader",
    "spacing": "spacingMm", "seed": "randomState", "purpose": "purpose",
}  # fmt: skip


class OutlinesSection:
    """Trains an outline model and hands it on.

    :param ui: widgets of the panel.
    :param logic: of the module.
    :param parameters: gives the parameter node that is shown, None without.
    """

    def __init__(self, ui, logic, parameters: Callable):
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._output: Path | None = None
        self._pipeline = Pipeline(self._onProgress, self._onStepDone, self._onEnded)
        # Not currentPathChanged, which is silent about a path that is emptied or has another ending.
        ui.segmenterOutputPathLineEdit.comboBox().connect("editTextChanged(QString)", self._onPath)
        ui.segmenterTrainButton.connect("clicked(bool)", self._onTrain)
        ui.segmenterCancelButton.connect("clicked(bool)", self.cancel)
        ui.segmenterCurveButton.connect("clicked(bool)", self._onCurve)
        ui.segmenterUseButton.connect("clicked(bool)", self._onUse)
        ui.segmenterProgressBar.visible = ui.segmenterCardBrowser.visible = False

    @property
    def running(self) -> bool:
        return self._pipeline.running

    def show(self) -> None:
        """Bring the section into line with the parameter node."""
        output = self._parameters().segmenterOutput
        if self._ui.segmenterOutputPathLineEdit.currentPath != output:
            self._ui.segmenterOutputPathLineEdit.currentPath = output
        self._showButtons()

    def cancel(self) -> None:
        """Stop a training."""
        if self.running:
            self._pipeline.cancel()
            self._finish(_("The training was cancelled; nothing was written."))

    def close(self) -> None:
        """Stop without touching the panel, which is going away."""
        self._pipeline.cancel()

    def _showButtons(self) -> None:
        parameters = self._parameters()
        output = Path(parameters.segmenterOutput) if parameters and parameters.segmenterOutput else None
        isTrained = output is not None and output.is_file() and not self.running
        self._ui.segmenterTrainButton.enabled = parameters is not None and not self.running
        self._ui.segmenterCancelButton.enabled = self.running
        self._ui.segmenterUseButton.enabled = isTrained
        self._ui.segmenterCurveButton.enabled = isTrained and (reportOf(output) / "learning_curve.csv").is_file()

    def _onPath(self, path: str) -> None:
        if self._parameters() is not None and self._parameters().segmenterOutput != path:
            self._parameters().segmenterOutput = path

    def _onTrain(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The outline model cannot be trained.")):
            parameters = self._parameters()
            plan, inputs = self._logic.planAndInputs(parameters)
            arguments = commandOf(parameters, plan)
            dependencies.ensureToTrainOutlines("MammoRadiomicsTraining")
            self._output = Path(parameters.segmenterOutput)
            self._ui.segmenterProgressBar.setRange(0, 0)
            self._ui.segmenterProgressBar.visible = True
            self._pipeline.start(self._steps(inputs, arguments))

    def _steps(self, inputs: list, arguments: list[str]) -> Iterator[Step]:
        for request, before in inputs:
            yield "inputs", request, before
        self._log(f"> {' '.join(arguments)}")
        yield "training", {"command": arguments}, ()

    def _onProgress(self, progress: Progress) -> None:
        self._showButtons()
        self._ui.segmenterProgressBar.setRange(0, progress.total)
        self._ui.segmenterProgressBar.value = progress.done
        text = f"{progress.message}." if progress.message else _("Starting...")
        if progress.remainingS is not None and progress.done < progress.total:
            text += " " + _("About {time} remain.").format(time=duration(progress.remainingS))
        self._ui.segmenterStatusLabel.text = text
        if progress.message:
            self._log(f"[{progress.done}/{progress.total}] {progress.message}")

    def _onStepDone(self, step: str, result: str) -> None:
        self._log(result)
        if step == "training":
            with slicer.util.tryWithErrorDisplay(_("The learning curve cannot be shown.")):
                addCurve(reportOf(self._output))
                self._ui.segmenterCardBrowser.plainText = (reportOf(self._output) / "card.txt").read_text("utf-8")
                self._ui.segmenterCardBrowser.visible = True

    def _onEnded(self, reason: str) -> None:
        self._finish(reason or _("Done. The outline model is in {path}.").format(path=self._output))
        if reason:
            self._log(reason)
            slicer.util.errorDisplay(reason, windowTitle="MammoRadiomics Training")

    def _finish(self, text: str) -> None:
        self._ui.segmenterProgressBar.visible = False
        self._ui.segmenterStatusLabel.text = text
        self._showButtons()

    def _log(self, text: str) -> None:
        self._ui.logGroupBox.visible = True
        self._ui.logTextEdit.appendPlainText(text)

    def _onCurve(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The learning curve cannot be shown."), waitCursor=True):
            showChart(addCurve(reportOf(Path(self._parameters().segmenterOutput))))

    def _onUse(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The outline model could not be handed on.")):
            self._logic.useSegmenter(self._parameters().segmenterOutput)
            if slicer.util.mainWindow():
                slicer.util.selectModule("MammoRadiomics")


def reportOf(output: Path) -> Path:
    """Return the folder of the report on an outline model."""
    return output.with_name(f"{output.stem}-report")


def commandOf(parameterNode, plan) -> list[str]:
    """Return the command of the terminal that trains on the cohort of a plan.

    :raises InputError: where the cohort is missing, or a place for the model.
    """
    from MammoRadiomicsLib.errors import InputError

    if plan.cohort is None:
        raise InputError(_("Give a cohort with images and masks first, under Data."))
    if not parameterNode.segmenterOutput and plan.folder is None:
        raise InputError(_("Say where the outline model goes."))
    if not parameterNode.segmenterOutput:
        parameterNode.segmenterOutput = str(plan.folder / FILE_NAME)
    output = Path(parameterNode.segmenterOutput).with_suffix(Path(FILE_NAME).suffix)
    parameterNode.segmenterOutput = str(output)
    arguments = ["train-segmenter", "--cohort", str(plan.cohort), "--output", str(output)]
    arguments += ["--report", str(reportOf(output))]
    for option, parameter in OPTIONS.items():
        value = getattr(parameterNode, parameter)
        if value or option == "seed":
            arguments += [f"--{option}", str(value)]
    return arguments


def addCurve(report: Path):
    """Add the learning curve of a report as a chart and a table, in place of an earlier one, and return the chart."""
    import numpy as np
    from MammoRadiomicsLib import curves, mrml_plots, tables

    rows = tables.read_rows(report / "learning_curve.csv")
    lines = []
    for i, fold in enumerate(dict.fromkeys(row["fold"] for row in rows)):
        points = [row for row in rows if row["fold"] == fold]
        x, y = (np.array([float(row[column]) for row in points]) for column in ("epoch", "dice"))
        colour = curves.CLASS_COLOURS[i % len(curves.CLASS_COLOURS)]
        lines.append(curves.Curve(_("fold {number}").format(number=fold), x, y, colour))
    title = _("Dice on outlines that were left out")
    chart = curves.Chart("learning", title, _("epoch"), _("Dice"), tuple(lines), y_range=(0.0, 1.0))
    nodes = mrml_plots.add_charts(slicer.mrmlScene, [chart], {_("learning curve"): rows}, str(report), report.name)
    return nodes["learning"]


def showChart(chartNode) -> None:
    """Show a chart in the plot view of the layout, where there is a window."""
    layout, logic = layoutNode(), slicer.app.applicationLogic()
    if layout is not None and logic.GetSelectionNode() is not None:
        layout.SetViewArrangement(layout.SlicerLayoutConventionalPlotView)
        logic.GetSelectionNode().SetActivePlotChartID(chartNode.GetID())
        logic.PropagatePlotChartSelection()
