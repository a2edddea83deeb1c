"""Clinical values and scanner of a patient: which ones models ask for, and those that were entered. No Qt.

They are kept with the images that they belong to, as an attribute, so that they survive saving and never pass to
another patient's images.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from slicer.i18n import tr as _

ATTRIBUTE = "MammoRadiomics.ClinicalValues"
# A scanner or centre that is none of a harmonised model's: its features are left as they are.
ANOTHER_SCANNER = ""


@dataclass(frozen=True)
class Asked:
    """A value that one or several models ask for.

    :param key: tells it from others; a name in another unit is another value.
    :param name, unit: as the training's cohort calls it; the unit is empty where none was stated.
    :param levels: of a category; empty for a number.
    :param ranges: model, least and greatest value in its training.
    :param isScanner: a scanner or centre, for which models harmonise; its last level is ANOTHER_SCANNER.
    """

    key: str
    name: str
    unit: str
    levels: tuple[str, ...]
    ranges: tuple[tuple[str, float, float], ...]
    isScanner: bool = False


def keyOf(term) -> str:
    """Return the key of a MammoRadiomicsLib.clinical_terms.ClinicalTerm: a number in a unit, or a category."""
    return term.name if term.levels else f"{term.name} [{term.unit}]"


def scannerKeyOf(model) -> str:
    """Return the key of a harmonised model's scanner: models that know the same ones share it; empty for others."""
    column = model.manifest["harmonised"]["column"] if model.scanners else ""
    return f"harmonised by {column}: {', '.join(model.scanners)}" if model.scanners else ""


def asked(models: dict) -> list[Asked]:
    """Return the values that models ask for, each once, scanners last.

    :param models: MammoRadiomicsLib.model_file.Model by its node.
    """
    found: dict[str, Asked] = {}
    for node, model in models.items():
        for term in model.clinical_terms:
            key = keyOf(term)
            known = found.get(key, Asked(key, term.name, term.unit, (), ()))
            levels = tuple(dict.fromkeys((*known.levels, *term.levels)))
            ranges = known.ranges if term.levels else (*known.ranges, (node.GetName(), term.minimum, term.maximum))
            found[key] = Asked(key, term.name, term.unit, levels, ranges)
    harmonised = {scannerKeyOf(model): model for model in models.values() if model.scanners}
    return list(found.values()) + [
        Asked(key, model.manifest["harmonised"]["column"], "", (*model.scanners, ANOTHER_SCANNER), (), isScanner=True)
        for key, model in harmonised.items()
    ]


def title(asked: list[Asked]) -> str:
    """Return what the section of these values is called."""
    if not any(each.isScanner for each in asked):
        return _("Clinical values")
    return _("Scanner") if all(each.isScanner for each in asked) else _("Clinical values and scanner")


def read(volumes: list) -> dict[str, float | str]:
    """Return what was entered for the selected images; what contradicts itself among them counts as not entered."""
    entered = [_of(volume) for volume in volumes]
    values = {key: value for each in entered for key, value in each.items()}
    return {key: value for key, value in values.items() if all(each.get(key, value) == value for each in entered)}


def write(volumes: list, key: str, value: float | str | None) -> None:
    """Keep a value with the selected images; None for one that is not known any more."""
    for volume in volumes:
        values = {name: known for name, known in _of(volume).items() if name != key}
        if value is not None:
            values[key] = value
        volume.SetAttribute(ATTRIBUTE, json.dumps(values) if values else None)


def forModel(model, values: dict[str, float | str]) -> dict[str, float | str]:
    """Return those of the values that a model asks for, by its names."""
    return {term.name: values[keyOf(term)] for term in model.clinical_terms if _isGiven(term, values)}


def scannerFor(model, values: dict[str, float | str]) -> str | None:
    """Return the scanner that was chosen for a harmonised model; None without one, and for other models."""
    return values.get(scannerKeyOf(model)) if model.scanners else None


def missing(model, values: dict[str, float | str]) -> list[str]:
    """Return what a model asks for and nobody has entered, with unit and range."""
    names = [term.asked for term in model.clinical_terms if not _isGiven(term, values)]
    if model.scanners and scannerFor(model, values) is None:
        column = model.manifest["harmonised"]["column"]
        names.append(_("{column} ({names} or another)").format(column=column, names=", ".join(model.scanners)))
    return names


def _isGiven(term, values: dict[str, float | str]) -> bool:
    """Tell whether a value is there that a model can take: another model may know more levels of the same name."""
    value = values.get(keyOf(term))
    return value in term.levels if term.levels else type(value) in (float, int)


def _of(volume) -> dict[str, float | str]:
    try:
        values = json.loads(volume.GetAttribute(ATTRIBUTE) or "{}")
    except ValueError:
        return {}
    plain = isinstance(values, dict)
    return {key: value for key, value in values.items() if type(value) in (float, int, str)} if plain else {}
