"""The section Clinical values and scanner: a row for each value that the ticked models ask for, and nomograms."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from . import clinical_values
from .clinical_values import Asked
from .nomogram_html import nomogramHtml

# How far beyond the training's range a number may be entered, in widths of the range; the model warns of it.
_BEYOND = 10


class ClinicalSection:
    """Shown when a ticked model asks for clinical values, or was harmonised and asks for the scanner.

    :param ui: the widgets of the panel.
    :param logic: MammoRadiomicsLogic.
    :param parameters: returns the parameter node, or None.
    :param onEntered: called when the user has entered a value.
    :param recordOf: returns the record of a model node's prediction for the selected outlines, or None.
    """

    def __init__(self, ui, logic, parameters: Callable, onEntered: Callable[[], None], recordOf: Callable):
        self._ui, self._logic, self._parameters = ui, logic, parameters
        self._onEntered, self._recordOf = onEntered, recordOf
        self._showing = False
        self._asked: list[Asked] = []
        self._boxes: dict[str, object] = {}

    def show(self) -> None:
        """Show what the ticked models ask for, and what was entered for the selected images."""
        parameters = self._parameters()
        if parameters is None:
            return
        models = self._logic.models(parameters)
        asked = clinical_values.asked(models)
        if asked != self._asked:
            self._makeRows(asked)
        volumes = self._volumes()
        values = clinical_values.read(volumes)
        self._ui.clinicalCollapsibleButton.text = clinical_values.title(asked)
        self._ui.clinicalCollapsibleButton.visible = bool(asked)
        self._ui.clinicalHintLabel.visible = not volumes
        self._showing = True
        for each in asked:
            self._boxes[each.key].enabled = bool(volumes)
            _show(self._boxes[each.key], each, values.get(each.key))
        self._showing = False
        self._showNomograms(models, values)

    def _volumes(self) -> list:
        return [slot[0] for slot in self._logic.selectedViews(self._parameters()).values()]

    def _makeRows(self, asked: list[Asked]) -> None:
        layout = self._ui.clinicalRowsWidget.layout()
        while layout.rowCount():
            layout.removeRow(0)
        self._asked, self._boxes = asked, {}
        for each in asked:
            box = _levelsBox(each) if each.levels else _numberBox(each)
            box.toolTip, box.accessibleName = _toolTip(each), f"{each.name} {each.unit}".strip()
            box.connect("currentIndexChanged(int)" if each.levels else "valueChanged(double)", self._onChanged)
            label = qt.QLabel(f"{each.name}:")
            label.setBuddy(box)
            layout.addRow(label, box)
            self._boxes[each.key] = box

    def _onChanged(self) -> None:
        """Keep what was entered with the images."""
        if self._showing or self._parameters() is None:
            return
        volumes = self._volumes()
        before = clinical_values.read(volumes)
        for each in self._asked:
            value = _valueOf(self._boxes[each.key], each)
            if value != before.get(each.key):
                clinical_values.write(volumes, each.key, value)
        self._onEntered()

    def _showNomograms(self, models: dict, values: dict) -> None:
        """Show the points of each combined model: the radscore is that of its result, the values are those entered."""
        pages = []
        for node, model in models.items():
            if model.clinical_terms:
                own = clinical_values.forModel(model, values)
                pages.append(nomogramHtml(node.GetName(), model, self._recordOf(node), own))
        self._ui.nomogramBrowser.html = "<hr>".join(pages)
        self._ui.nomogramBrowser.visible = bool(pages)


def _numberBox(asked: Asked):
    """Return a spin box whose least value stands for none."""
    low, high = min(each[1] for each in asked.ranges), max(each[2] for each in asked.ranges)
    box = qt.QDoubleSpinBox()
    box.decimals = 1 + max(_decimals(low), _decimals(high))
    box.singleStep = 10 ** float(1 - box.decimals)
    least = 0.0 if low >= 0 else low - _BEYOND * (high - low)
    box.setRange(least - box.singleStep, high + _BEYOND * (high - low))
    box.specialValueText = _("not entered")
    box.suffix = f" {asked.unit}" if asked.unit else ""
    # A number that is half typed is none.
    box.keyboardTracking = False
    box.value = box.minimum
    return box


def _decimals(value: float) -> int:
    """Return how many decimals a number of the training has, three at most."""
    return next((n for n in range(3) if round(value, n) == value), 3)


def _levelsBox(asked: Asked):
    box = qt.QComboBox()
    box.addItems([_("not entered"), *(each or _("another scanner (left as it is)") for each in asked.levels)])
    return box


def _toolTip(asked: Asked) -> str:
    if asked.isScanner:
        return _(
            "Where the images were made. The models bring the features of these scanners or centres to one scale. "
            "Of another one the features are left as they are, and nothing is known of how well the models do on it."
        )
    if asked.levels:
        return _("One of {levels}. The models need it; nothing is assumed.").format(levels=", ".join(asked.levels))
    unit = f" {asked.unit}" if asked.unit else ""
    ranges = [
        _("{low:g} to {high:g}{unit} in the training of {model}").format(low=low, high=high, unit=unit, model=model)
        for model, low, high in asked.ranges
    ]
    return _("{ranges}. The models need it; nothing is assumed.").format(ranges="; ".join(ranges))


def _show(box, asked: Asked, value: float | str | None) -> None:
    if asked.levels:
        box.setCurrentIndex(1 + asked.levels.index(value) if value in asked.levels else 0)
    else:
        box.value = float(value) if isinstance(value, (float, int)) else box.minimum


def _valueOf(box, asked: Asked) -> float | str | None:
    if asked.levels:
        return asked.levels[box.currentIndex - 1] if box.currentIndex > 0 else None
    return box.value if box.value > box.minimum else None
