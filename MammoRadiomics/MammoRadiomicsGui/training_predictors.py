"""Clinical columns as predictors beside radiomics: which ones, and when each is known."""

from __future__ import annotations

import json
from collections.abc import Callable

import qt
import slicer.util
from slicer.i18n import tr as _

_TIMES = ("not stated", "imaging", "biopsy", "surgery")
_COLUMN, _TIME = range(2)


def chosen(parameterNode) -> tuple[str, ...]:
    """Return the columns that are ticked."""
    return tuple(json.loads(parameterNode.predictors or "[]"))


def times(parameterNode) -> dict[str, str]:
    """Return when columns are known, where the user has said so."""
    return json.loads(parameterNode.predictorTimes or "{}")


def untimely(predictors: tuple[str, ...], stated: dict[str, str]) -> str:
    """Say why a predictor cannot serve a prediction before surgery; empty where all can."""
    from MammoRadiomicsLib.clinical import columns

    for name in predictors:
        time = columns.time_of(name, stated)
        if time == columns.NOT_STATED:
            return _("say when {name} is known").format(name=name)
        if time == columns.SURGERY:
            return _("{name} is known only after surgery").format(name=name)
    return ""


class PredictorsSection:
    """Lists the clinical columns of the data, to be ticked.

    :param ui: widgets of the panel.
    :param parameters: gives the parameter node that is shown, None without.
    """

    def __init__(self, ui, parameters: Callable):
        self.ui, self._parameters = ui, parameters
        self._names: list[str] = []
        self._boxes: list = []
        self._showing = False
        self.ui.predictorsTable.connect("itemChanged(QTableWidgetItem*)", self._onChanged)

    def show(self, columns: list[str]) -> None:
        """Show the columns of the data that can be predictors, and what was chosen of them."""
        from MammoRadiomicsLib.clinical import columns as known

        parameters = self._parameters()
        outcomes = {parameters.outcome, "slnm", "her2", "her2_ihc", "her2_fish"} - set(chosen(parameters))
        names = [name for name in columns if name not in known.KEYS | outcomes | {parameters.split, parameters.centre}]
        # A chosen column stays on the list when other data is opened, so that nothing is forgotten in silence.
        names += [name for name in chosen(parameters) if name not in names]
        self._showing = True
        if names != self._names:
            self._makeRows(names)
        for row, name in enumerate(names):
            ticked = qt.Qt.Checked if name in chosen(parameters) else qt.Qt.Unchecked
            self.ui.predictorsTable.item(row, _COLUMN).setCheckState(ticked)
            self._boxes[row].setCurrentIndex(_TIMES.index(known.time_of(name, times(parameters))))
        self._showing = False
        self.ui.predictorsTable.visible = bool(names)
        hint = self._hint(bool(names))
        self.ui.predictorsHintLabel.text, self.ui.predictorsHintLabel.visible = hint, bool(hint)

    def _hint(self, any_: bool) -> str:
        if not any_:
            return _("The data have no clinical columns.")
        why = untimely(chosen(self._parameters()), times(self._parameters()))
        return _("Nothing ticked: a model of radiomics alone.") if not chosen(self._parameters()) else why

    def _makeRows(self, names: list[str]) -> None:
        table = self.ui.predictorsTable
        table.setRowCount(0)
        table.setRowCount(len(names))
        self._names, self._boxes = names, []
        for row, name in enumerate(names):
            item = qt.QTableWidgetItem(name)
            item.setCheckState(qt.Qt.Unchecked)
            table.setItem(row, _COLUMN, item)
            box = qt.QComboBox()
            box.addItems([_("not stated"), _("at imaging"), _("after biopsy"), _("after surgery")])
            box.accessibleName = _("When {name} is known").format(name=name)
            box.toolTip = _("A model for use before surgery takes no column that only surgery tells.")
            box.connect("currentIndexChanged(int)", self._onChanged)
            table.setCellWidget(row, _TIME, box)
            self._boxes.append(box)
        table.resizeColumnsToContents()

    def _onChanged(self) -> None:
        """Keep what is ticked, and the times that are not those that the library knows."""
        from MammoRadiomicsLib.clinical import columns

        if self._showing or self._parameters() is None:
            return
        items = [self.ui.predictorsTable.item(row, _COLUMN) for row in range(len(self._names))]
        ticked = [name for name, item in zip(self._names, items, strict=True) if item.checkState() == qt.Qt.Checked]
        said = {name: _TIMES[box.currentIndex] for name, box in zip(self._names, self._boxes, strict=True)}
        said = {name: time for name, time in said.items() if time not in ("not stated", columns.time_of(name))}
        parameters = self._parameters()
        with slicer.util.NodeModify(parameters):
            parameters.predictorTimes = json.dumps(said) if said else ""
            parameters.predictors = json.dumps(ticked) if ticked else ""
