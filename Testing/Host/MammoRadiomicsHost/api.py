"""The names of the real application, and what the module files and ``.ui`` files may say.

``api_extract.json`` beside this package holds the classes and functions that the project uses, as they were read off
Slicer while it ran. The stand-in offers nothing that is not in it, and both checks below report whatever is not.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[3]
EXTRACT = ROOT / "Testing" / "Host" / "api_extract.json"
MODULE_FILES = {name: ROOT / name / f"{name}.py" for name in ("MammoRadiomics", "MammoRadiomicsTraining")}
PANEL_FILES = {name: path.parent / "Resources" / "UI" / f"{name}.ui" for name, path in MODULE_FILES.items()}

# Files whose name begins so belong to the panel of MammoRadiomicsTraining, the others to that of MammoRadiomics.
TRAINING_PREFIX = "training"
GUI_FILES = tuple(sorted((ROOT / "MammoRadiomics" / "MammoRadiomicsGui").glob("*.py")))

# PythonQt itself maps this one to objectName; slicer.util.childWidgetVariables relies on it.
ALIASES = {"name": "objectName"}
# In a .ui file these are written as properties, and become calls of a setter that the class has.
UI_SETTERS = {"buddy": "setBuddy"}
UI_MARGINS = {"leftMargin", "topMargin", "rightMargin", "bottomMargin"}
# Not in the surface that was read: the widget around a panel (Slicer: Base/QTGUI/qSlicerAbstractModuleWidget.h).
SEEN_IN_SOURCES = {
    "qSlicerScriptedLoadableModuleWidget": {
        "widget": True,
        "properties": ["isEntered"],
        "signals": ["mrmlSceneChanged(vtkMRMLScene*)"],
        "callables": ["mrmlScene", "setMRMLScene"],
    }
}
# These exist only in the embedded interpreter; they are objects, not functions, and are checked by their own lists.
APPLICATION_OBJECTS = {"app", "util", "mrmlScene", "modules", "packaging", "i18n", "testing"}


def panel_of(path: Path) -> Path:
    """Return the ``.ui`` file whose widgets a file of MammoRadiomicsGui uses."""
    return PANEL_FILES["MammoRadiomicsTraining" if path.stem.startswith(TRAINING_PREFIX) else "MammoRadiomics"]


class Api:
    """Look-ups in the names of the real application.

    Parameters
    ----------
    surface : dict
        ``{"classes": {...}, "python": {...}}`` as in ``api_extract.json``.
    """

    def __init__(self, surface: dict):
        self.classes = surface["classes"] | SEEN_IN_SOURCES
        self.python = surface["python"]

    def names(self, class_name: str, kind: str) -> set[str]:
        """Return the properties, signals or callables of a class, its QWidget's or QObject's included."""
        entry = self.classes[class_name]
        base = self.classes["QWidget" if entry["widget"] else "QObject"]
        return set(entry[kind]) | set(base[kind])

    def has(self, class_name: str, name: str) -> bool:
        """Tell whether Python may read `name` from an object of the class."""
        return name in ALIASES or any(name in self.names(class_name, kind) for kind in ("properties", "callables"))

    def accepts(self, class_name: str, signature: str) -> bool:
        """Tell whether `signature` is a signal of the class, exactly."""
        return signature in self.names(class_name, "signals")


def load(path: Path = EXTRACT) -> Api:
    """Read the extract that the project carries."""
    return Api(json.loads(path.read_text(encoding="utf-8")))


def ui_classes(path: Path) -> dict[str, str]:
    """Return the class of every named widget of a ``.ui`` file."""
    tree = ElementTree.parse(path)
    return {widget.get("name"): widget.get("class") for widget in tree.iter("widget")}


def layout_classes(path: Path) -> set[str]:
    """Return the layout classes of a ``.ui`` file."""
    return {layout.get("class") for layout in ElementTree.parse(path).iter("layout")}


def ui_connections(path: Path) -> list[tuple[str, str, str, str]]:
    """Return (sender, signal, receiver, slot) of every connection of a ``.ui`` file."""
    connections = ElementTree.parse(path).iter("connection")
    return [tuple(each.findtext(tag) for tag in ("sender", "signal", "receiver", "slot")) for each in connections]


def check_ui(path: Path, api: Api) -> list[str]:
    """Return a sentence for every class, property, signal and slot of a ``.ui`` file that Slicer does not have."""
    complaints = []
    widgets = ui_classes(path)
    for element in ElementTree.parse(path).iter():
        if element.tag not in ("widget", "layout"):
            continue
        class_name = element.get("class")
        if class_name not in api.classes:
            complaints.append(f"{path.name}: there is no class {class_name}.")
            continue
        for each in element.findall("property"):
            complaints += _unknown_constants(path, each, api)
            if each.get("stdset") != "0" and not _is_ui_property(api, element.tag, class_name, each.get("name")):
                complaints.append(f"{path.name}: {class_name} has no property {each.get('name')}.")
    if complaints:
        return complaints
    for sender, signal, receiver, slot in ui_connections(path):
        if not api.accepts(widgets[sender], signal):
            complaints.append(f"{path.name}: {widgets[sender]} has no signal {signal}.")
        if slot.partition("(")[0] not in api.names(widgets[receiver], "callables"):
            complaints.append(f"{path.name}: {widgets[receiver]} has no slot {slot}.")
    return complaints


def _unknown_constants(path: Path, element: ElementTree.Element, api: Api) -> list[str]:
    """Check ``ctkPathLineEdit::Files|ctkPathLineEdit::Writable`` and its like."""
    constants = (element.findtext("set") or element.findtext("enum") or "").split("|")
    pairs = [each.split("::") for each in constants if each.partition("::")[0] in api.classes]
    return [f"{path.name}: there is no {owner}::{name}." for owner, name in pairs if not api.has(owner, name)]


def _is_ui_property(api: Api, tag: str, class_name: str, name: str) -> bool:
    if tag == "layout" and name in UI_MARGINS:
        return True
    if name in UI_SETTERS:
        return UI_SETTERS[name] in api.names(class_name, "callables")
    return name in api.names(class_name, "properties")


def check_source(path: Path, ui_path: Path, api: Api) -> list[str]:
    """Return a sentence for every Qt, CTK, qMRML or slicer name of a module file that Slicer does not have.

    Widgets that the code reaches through ``self.ui`` are checked by their class in the ``.ui`` file; a widget held in
    another variable is checked while it runs, by :class:`~.pythonqt.Wrapped`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    widgets = ui_classes(ui_path)
    # Objects that the file makes itself, under names that no widget has.
    widgets |= {f"({name})": name for where, name in used_python_names(path) if where == "qt (names)"}
    complaints = []
    for node in ast.walk(tree):
        for sentence in _complaints(node, widgets, api):
            complaints.append(f"{path.name}, line {node.lineno}: {sentence}")
    return complaints


def used_python_names(path: Path) -> set[tuple[str, str]]:
    """Return (where, name) for what a module file takes from qt, ctk and slicer, such as ("slicer.util", "loadUI")."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        used.update(_python_names(node))
    return used


def _python_names(node: ast.AST) -> list[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "slicer":
        where = "slicer (names)" if node.module == "slicer" else node.module
        return [(where, alias.name) for alias in node.names]
    chain = _chain(node)
    if len(chain) > 1 and chain[0] in ("qt", "ctk"):
        return [(f"{chain[0]} (names)", chain[1])]
    if len(chain) > 1 and chain[0] == "slicer":
        if chain[1] not in APPLICATION_OBJECTS:
            return [("slicer (names)", chain[1])]
        if len(chain) > 2 and chain[1] in ("app", "util", "packaging", "i18n"):
            return [(f"slicer.{chain[1]}", chain[2])]
    return []


def _complaints(node: ast.AST, widgets: dict[str, str], api: Api) -> list[str]:
    found = [f"{where} has no {name}." for where, name in _python_names(node) if name not in api.python.get(where, ())]
    chain = _chain(node)
    if chain[:2] == ["self", "ui"] and len(chain) > 2 and chain[2] not in widgets:
        found.append(f"the .ui file has no {chain[2]}.")
    elif chain[:2] == ["self", "ui"] and len(chain) > 3 and not api.has(widgets[chain[2]], chain[3]):
        found.append(f"{widgets[chain[2]]} has no {chain[3]}.")
    elif len(chain) > 2 and chain[0] in ("qt", "ctk") and chain[1] in api.classes and not api.has(*chain[1:3]):
        found.append(f"{chain[1]} has no {chain[2]}.")
    return found + _signal_complaints(node, widgets, api)


def _signal_complaints(node: ast.AST, widgets: dict[str, str], api: Api) -> list[str]:
    """Check ``x.connect("signal(types)", f)``: against the class of x where it is known, else against all of them."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return []
    if node.func.attr not in ("connect", "disconnect") or not node.args or not isinstance(node.args[0], ast.Constant):
        return []
    signature = node.args[0].value
    owner = _chain(node.func.value)
    if owner[:2] == ["slicer", "app"]:
        return [] if re.sub(r"\(.*", "", signature) in api.python["slicer.app"] else [f"no signal {signature}."]
    known = owner[:2] == ["self", "ui"] and len(owner) == 3 and owner[2] in widgets
    # The layout manager is no widget of a panel; the parts of a panel keep it in a variable.
    classes = {widgets[owner[2]]} if known else {*widgets.values(), "qMRMLLayoutManager"}
    if any(api.accepts(each, signature) for each in classes if each in api.classes):
        return []
    return [f"no signal {signature} in {', '.join(sorted(classes))}."]


def _chain(node: ast.AST) -> list[str]:
    """Return ["self", "ui", "button", "text"] for ``self.ui.button.text``; empty for anything else.

    The parts of a panel get its widgets as ``ui`` and may keep them as ``self._ui``.
    """
    if isinstance(node, ast.Name):
        return ["self", "ui"] if node.id == "ui" else [node.id]
    if isinstance(node, ast.Attribute):
        before = _chain(node.value)
        attribute = "ui" if before == ["self"] and node.attr == "_ui" else node.attr
        return [*before, attribute] if before else []
    return []
