"""The settings of a training in the panel: names for their values, and marks where they differ from the defaults."""

from __future__ import annotations

from slicer.i18n import tr as _

# Of the extraction; all others are those of MammoRadiomicsLib.settings.TrainingSettings.
EXTRACTION_DEFAULTS = {"preset": "study-1409", "spacingMm": 0.0, "perturb": 0, "jobs": 1}


def parameterName(setting: str) -> str:
    """Return the name in the parameter node of a setting of the library: ``svm_c`` is ``svmC``."""
    first, *others = setting.split("_")
    return first + "".join(each.capitalize() for each in others)


def defaults() -> dict[str, object]:
    """Return the default of every setting by its name in the parameter node."""
    from MammoRadiomicsLib.settings import TrainingSettings

    study = {parameterName(name): value for name, value in TrainingSettings().to_json().items()}
    return EXTRACTION_DEFAULTS | study


def fromParameters(parameterNode):
    """Return the settings of a parameter node as the library's."""
    from dataclasses import fields

    from MammoRadiomicsLib.settings import TrainingSettings

    names = [field.name for field in fields(TrainingSettings)]
    return TrainingSettings(**{name: getattr(parameterNode, parameterName(name)) for name in names})


def changed(parameterNode) -> list[str]:
    """Return the settings of a parameter node that differ from their defaults."""
    return [name for name, default in defaults().items() if getattr(parameterNode, name) != default]


def restore(parameterNode) -> None:
    """Set every setting to its default."""
    for name, default in defaults().items():
        setattr(parameterNode, name, default)


class SettingsSection:
    """Shows which settings differ from the defaults, and sets them back."""

    def __init__(self, ui, onRestore):
        self.ui = ui
        self._groups = {}
        for name, default in defaults().items():
            widget = self._widget(name)
            group = widget.parent()
            self._groups.setdefault(group.name, (group, group.title, []))[2].append(name)
            widget.toolTip = f"{widget.toolTip} {_('Default: {value}.').format(value=_valueName(name, default))}"
        self.ui.defaultsButton.connect("clicked(bool)", onRestore)

    def nameValues(self) -> None:
        """Give the values of the choices names, once the parameter node has listed them."""
        for name, values in _VALUE_NAMES.items():
            box = getattr(self.ui, f"{name}ComboBox")
            for i, value in enumerate(values):
                box.setItemText(i, _valueName(name, value))

    def show(self, parameterNode) -> None:
        """Mark what differs from the defaults."""
        others = changed(parameterNode)
        for name in defaults():
            getattr(self.ui, f"{name}Label").styleSheet = "font-weight: bold" if name in others else ""
        for group, title, names in self._groups.values():
            differing = sum(name in others for name in names)
            group.title = _("{title} ({count} changed)").format(title=title, count=differing) if differing else title
        count = _("Settings that differ from the defaults (bold): {count}.").format(count=len(others))
        self.ui.defaultsLabel.text = count if others else _("All settings are the defaults.")
        self.ui.defaultsButton.enabled = bool(others)

    def _widget(self, name: str):
        kinds = ("ComboBox", "SpinBox", "LineEdit", "CheckBox")
        return next(getattr(self.ui, name + kind) for kind in kinds if hasattr(self.ui, name + kind))


def _valueName(name: str, value: object) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if name in _VALUE_NAMES:
        return _VALUE_NAMES[name].get(value, str(value))
    if name in _NAMES_OF_NONE and not value:
        return _NAMES_OF_NONE[name]
    return f"{value:g}" if isinstance(value, float) else str(value)


_VALUE_NAMES = {
    "preset": {"study-1409": _("study-1409: as published"), "mammo-2d": _("mammo-2d: resampled to 0.1 mm")},
    "views": {
        "mean": _("mean of the views"), "concat": _("views side by side"), "CC": _("CC only"), "MLO": _("MLO only"),
    },
    "missing": {
        "refuse": _("refuse the table"), "complete": _("leave the lesion out"), "impute": _("impute in each fold"),
    },
    "iccBound": {"value": _("the correlation"), "low": _("its lower 95% limit")},
    "lassoTarget": {"numeric": _("ordered numbers"), "one-vs-rest": _("each against the rest")},
    "protocol": {"nested": _("nested cross-validation"), "study": _("study: one split, as published")},
    "purpose": {"research": _("research"), "demonstration": _("demonstration only")},
}  # fmt: skip
_NAMES_OF_NONE = {
    "spacingMm": _("as in the cohort or the file"), "perturb": _("none"), "reader": _("the first of the table"),
    "icc": _("not used"), "split": _("none"), "holdout": _("none"), "permutations": _("none"),
}  # fmt: skip
