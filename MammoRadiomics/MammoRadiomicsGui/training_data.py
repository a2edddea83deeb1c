"""The data of a training in the panel: where it is, what its columns are called, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .child import Child
from .dependencies import ensure
from .training_problems import inWords

COLUMN_BOXES = {
    "patient_id": "patientId", "lesion_id": "lesionId", "laterality": "laterality", "view": "view", "reader": "reader",
    "image": "image", "mask": "mask", "label": "label", "pixel_spacing_mm": "pixelSpacing", "slnm": "slnm",
    "her2": "her2", "her2_ihc": "her2Ihc", "her2_fish": "her2Fish",
}  # fmt: skip
OUTCOMES = ("slnm", "her2")
NOT_OUTCOMES = {*COLUMN_BOXES, "preset", "roi_pixels"}
PATHS = {
    "cohortPath": "cohortPathLineEdit", "featuresPath": "featuresPathLineEdit",
    "outputFolder": "outputFolderPathLineEdit",
}  # fmt: skip


def columnMap(text: str) -> dict[str, str]:
    """Return a map such as ``patient_id=ID1,view=Projection`` as a dict from our names to theirs."""
    pairs = (each.partition("=") for each in text.split(",") if "=" in each)
    return {ours.strip(): theirs.strip() for ours, _equals, theirs in pairs if theirs.strip()}


def columnText(columns: dict[str, str]) -> str:
    """Return a column map as text."""
    return ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())


class DataSection:
    """Takes the data of a training and checks it.

    :param ui: widgets of the panel.
    :param logic: of the module.
    :param parameters: gives the parameter node that is shown, None without.
    :param onScan: called with a folder for which a cohort is wanted.
    """

    def __init__(self, ui, logic, parameters: Callable, onScan: Callable[[Path], None]):
        self.ui, self._logic, self._parameters, self._scan = ui, logic, parameters, onScan
        self._showing = self._running = False
        self._shown = None
        # Names of the data's columns that are no features, as we name them.
        self.columns: list[str] = []
        self._paths = {parameter: getattr(ui, name) for parameter, name in PATHS.items()}
        self._boxes = {column: getattr(ui, f"{name}ColumnComboBox") for column, name in COLUMN_BOXES.items()}
        for edit in self._paths.values():
            # Not currentPathChanged, which is silent about a path that is emptied or has another ending.
            edit.comboBox().connect("editTextChanged(QString)", self.onPathChanged)
        for box in self._boxes.values():
            box.connect("currentIndexChanged(int)", self.onColumnChosen)
        self.ui.outcomeComboBox.connect("currentTextChanged(QString)", self.onOutcome)
        self.ui.scanFolderPathLineEdit.comboBox().connect("editTextChanged(QString)", self._showButtons)
        self.ui.scanButton.connect("clicked(bool)", self.onScan)
        self.ui.casePatientLineEdit.connect("textChanged(QString)", self._showButtons)
        self.ui.addCaseButton.connect("clicked(bool)", self.onAddCase)
        self.ui.checkButton.connect("clicked(bool)", self.onCheck)
        self.ui.editButton.connect("clicked(bool)", self.onEdit)
        # A check reads every file of a cohort.
        self._child = Child(self._onChecked, self._onCheckLost)
        self._checked = ""
        self.showProblems([], "")

    @property
    def checking(self) -> bool:
        return self._child.busy

    def forget(self) -> None:
        """Read the data anew when a parameter node comes."""
        self._shown = None
        self.close()

    def show(self, running: bool) -> None:
        """Bring the section into line with the parameter node; other data is read, which takes time."""
        parameters = self._parameters()
        self._running = running
        self.showPaths()
        data = (parameters.cohortPath, parameters.featuresPath, parameters.table, parameters.columns)
        if self._shown != data:
            self._shown = data
            names = self._logic.columns(parameters)
            chosen = columnMap(parameters.columns)
            ours = {theirs: name for name, theirs in chosen.items()}
            self.columns = [ours.get(name, name) for name in names]
            self._showColumns(names, chosen)
            self._showOutcomes(names, parameters.outcome)
            self._child.close()
            self.showProblems([], "")
        self._showButtons()

    def showPaths(self) -> None:
        parameters = self._parameters()
        self._showing = True
        for name, edit in self._paths.items():
            path = getattr(parameters, name)
            if edit.currentPath != path:
                edit.currentPath = path
        self._showing = False

    def showProblems(self, problems: list[tuple[str, str, str, str]], text: str) -> None:
        """Show rows of (row, column, problem, remedy) under a sentence."""
        table = self.ui.problemsTable
        table.setRowCount(len(problems))
        for i, problem in enumerate(problems):
            for j, cell in enumerate(problem):
                item = qt.QTableWidgetItem(cell)
                item.setToolTip(cell)
                table.setItem(i, j, item)
        table.visible = bool(problems)
        table.resizeColumnsToContents()
        # Problem and remedy share the width and wrap; the last column takes what is left.
        table.setColumnWidth(2, max(table.width - table.columnWidth(0) - table.columnWidth(1), 0) // 2)
        table.resizeRowsToContents()
        self.ui.checkLabel.text = text
        self.ui.checkLabel.visible = bool(text)

    def _showColumns(self, names: list[str], chosen: dict[str, str]) -> None:
        """List the data's columns, and those chosen for ours."""
        self._showing = True
        for column, box in self._boxes.items():
            # A chosen column stays on the list when other data is opened, so that nothing is forgotten in silence.
            others = [name for name in names if name != column]
            listed = [*others, *({chosen[column]} - set(others) if column in chosen else ())]
            box.clear()
            box.addItem(_("as named here") if column in names else _("there is none"))
            box.addItems(listed)
            box.setCurrentIndex(1 + listed.index(chosen[column]) if column in chosen else 0)
        self._showing = False

    def _showOutcomes(self, names: list[str], outcome: str) -> None:
        """List what can be predicted, and the outcome chosen."""
        box = self.ui.outcomeComboBox
        box.blockSignals(True)
        box.clear()
        box.addItems([*OUTCOMES, *(name for name in names if name not in NOT_OUTCOMES)])
        box.setCurrentText(outcome)
        box.blockSignals(False)

    def _showButtons(self) -> None:
        parameters = self._parameters()
        if parameters is None:
            return
        hasData = bool(parameters.cohortPath or parameters.featuresPath or parameters.table)
        self.ui.checkButton.enabled = hasData and not self.checking
        self.ui.editButton.enabled = hasData and parameters.table is None
        folder = self.ui.scanFolderPathLineEdit.currentPath
        self.ui.scanButton.enabled = bool(folder) and not self._running
        self.ui.addCaseButton.enabled = bool(self.ui.casePatientLineEdit.text.strip())

    def onPathChanged(self) -> None:
        """Store the paths; a path edit has no binding to text in Slicer, and an empty pathlib.Path would read "."."""
        parameters = self._parameters()
        if parameters is None or self._showing:
            return
        paths = {name: edit.currentPath for name, edit in self._paths.items()}
        with slicer.util.NodeModify(parameters):
            for name, path in paths.items():
                setattr(parameters, name, path)
            if not paths["outputFolder"]:
                parameters.outputFolder = self._logic.proposedFolder(parameters)

    def onColumnChosen(self) -> None:
        if not self._showing and self._parameters():
            chosen = {column: box.currentText for column, box in self._boxes.items() if box.currentIndex > 0}
            self._parameters().columns = columnText(chosen)

    def onOutcome(self, outcome: str) -> None:
        if self._parameters():
            self._parameters().outcome = outcome.strip()

    def onScan(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The folder cannot be scanned.")):
            folder = Path(self.ui.scanFolderPathLineEdit.currentPath)
            if not self._parameters().outputFolder:
                self._parameters().outputFolder = f"{folder}-results"
            self._scan(folder)

    def onAddCase(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The case cannot be added.")):
            ensure("MammoRadiomicsTraining")
        with slicer.util.tryWithErrorDisplay(_("The case could not be added."), waitCursor=True):
            parameters = self._parameters()
            outcomes = {parameters.outcome: self.ui.caseOutcomeLineEdit.text.strip()}
            patient = self.ui.casePatientLineEdit.text.strip()
            table = self._logic.addCurrentCase(patient, outcomes, parameters.table, parameters.preset)
            parameters.table = table
            message = _("{name} has {count} rows.")
            self.showProblems([], message.format(name=table.GetName(), count=table.GetNumberOfRows()))
            self.ui.casePatientLineEdit.text = ""

    def onCheck(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The data cannot be checked.")):
            self._checked, request, before = self._logic.checkRequest(self._parameters())
            self._child.forget()
            self._child.send(request, before)
            self.showProblems([], _("{name} is being checked...").format(name=self._checked))
            self._showButtons()

    def _onChecked(self, answer: dict) -> None:
        self.showProblems(*([], answer["error"]) if "error" in answer else inWords(answer, self._checked))
        self.close()

    def _onCheckLost(self, reason: str) -> None:
        self.showProblems([], reason)
        self._showButtons()

    def close(self) -> None:
        """End a check."""
        self._child.close()
        self._showButtons()

    def onEdit(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The table cannot be shown."), waitCursor=True):
            parameters = self._parameters()
            node = self._logic.tableOfData(parameters)
            with slicer.util.NodeModify(parameters):
                parameters.table = node
                parameters.cohortPath = parameters.featuresPath = parameters.columns = ""
            self._logic.showTable(node)
