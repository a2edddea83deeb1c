"""Write api_extract.json: the part of Slicer's API that the module files, the .ui files and the stand-in use.

    python Testing/Host/make_api_extract.py ../shared/slicer/api.json

The surface given was read off Slicer while it ran. A name that it does not have stops the script.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from MammoRadiomicsHost import api

# What the stand-in itself offers, and what slicer.util takes from it; a test compares this with the stand-in.
OFFERED = {
    "qt (names)": {
        "Qt", "QByteArray", "QComboBox", "QDesktopServices", "QDoubleSpinBox", "QFile", "QIcon", "QLabel",
        "QMessageBox", "QProcess", "QSettings", "QTableWidgetItem", "QTimer", "QUiLoader", "QUrl",
    },
    "slicer.app": {
        "applicationLogic", "applicationName", "connect", "layoutManager", "moduleManager", "mrmlScene",
        "processEvents", "restoreOverrideCursor", "setOverrideCursor", "startupCompleted", "testingEnabled",
        "topLevelWidgets", "translate",
    },
    "SampleData": {"SampleDataLogic"},
    "slicer.app.layoutManager()": {
        "connect", "disconnect", "layout", "layoutLogic", "setLayout", "sliceViewNames", "sliceWidget",
    },
    "slicer.i18n": {"tr", "translate"},
    "slicer.packaging": {"load_requirements", "pip_check", "pip_ensure"},
    "slicer.parameterNodeWrapper": {"Choice", "WithinRange", "parameterNodeWrapper"},
    "slicer.ScriptedLoadableModule": {
        "ScriptedLoadableModule", "ScriptedLoadableModuleLogic", "ScriptedLoadableModuleTest",
        "ScriptedLoadableModuleWidget",
    },
    "slicer.modules (a module)": {
        "acknowledgementText", "categories", "contributors", "dependencies", "helpText", "hidden", "icon", "logic",
        "name", "path", "title",
    },
}  # fmt: skip
# Objects that are made in Python or by the application, not in a .ui file.
MADE = {"QFileDialog", "QProcess", "QTimer", "qMRMLLayoutManager"}


def used() -> dict[str, set[str]]:
    """Return the Python names used and offered, by where they live, and the classes under "classes"."""
    names = {where: set(offered) for where, offered in OFFERED.items()}
    for path in (*api.MODULE_FILES.values(), *api.GUI_FILES):
        for where, name in api.used_python_names(path):
            names.setdefault(where, set()).add(name)
    classes = {"QObject", "QWidget"} | MADE
    for path in api.PANEL_FILES.values():
        classes |= set(api.ui_classes(path).values()) | api.layout_classes(path)
    return names | {"classes": classes}


def extract(surface: dict) -> dict:
    """Return the used part of an API surface; KeyError for a name that it does not have."""
    names = used()
    classes = {name: surface["classes"][name] for name in sorted(names.pop("classes"))}
    missing = {f"{where}: {name}" for where in names for name in names[where] - set(surface["python"].get(where, ()))}
    if missing:
        raise KeyError(f"Slicer does not have {', '.join(sorted(missing))}")
    return {
        "about": surface["about"],
        "classes": {name: _own_names(entry, surface["classes"], name) for name, entry in classes.items()},
        "python": {where: sorted(names[where]) for where in sorted(names)},
    }


def _own_names(entry: dict, classes: dict, name: str) -> dict:
    """Leave out what QWidget or QObject has already."""
    base = classes["QWidget" if entry["widget"] else "QObject"] if name not in ("QWidget", "QObject") else None
    own = {
        kind: sorted(set(entry[kind]) - set(base[kind] if base else ()))
        for kind in ("properties", "signals", "callables")
    }
    return {"widget": entry["widget"], **own}


def as_text(found: dict) -> str:
    """Return the extract as JSON, one line per list, so that a difference reads well."""
    lines = [f' "about": {json.dumps(found["about"])}']
    for part in ("classes", "python"):
        entries = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in found[part].items())
        lines.append(f' "{part}": {{\n{entries}\n }}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    text = as_text(extract(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    api.EXTRACT.write_text(text, encoding="utf-8")
