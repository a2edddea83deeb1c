"""The arrows between the library's files: who may import what, and where."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from MammoRadiomicsHost.api import GUI_FILES, MODULE_FILES, ROOT

LIBRARY = ROOT / "MammoRadiomics" / "MammoRadiomicsLib"
FILES = sorted(path.relative_to(LIBRARY).with_suffix("").as_posix() for path in LIBRARY.rglob("*.py"))
PLAIN = ("__init__", "errors", "progress", "settings")
# What applying a model needs; the rest of the library may lean on it, never the other way round.
APPLYING = ("errors", "progress", "settings", "imaging", "presets", "features", "model_file", "prediction", "mrml")
HEAVY = {"radiomics", "sklearn", "imblearn", "matplotlib", "skimage", "pandas", "scipy", "statsmodels", "pywt"}
HEAVY |= {"onnx", "onnxruntime", "monai", "torch"}
TRAINING_ONLY = {"sklearn", "imblearn", "pandas", "statsmodels"}
# An estimator is a class of scikit-learn's, so its file cannot be read without it; it is imported inside the action.
ESTIMATORS = ("centre_runs", "lasso", "lasso_svm", "learning", "protocols", "selection", "validation")
# A network is a class of PyTorch's; these files are imported inside the command that trains one.
NETWORKS = ("segmenter/augmentation", "segmenter/network", "segmenter/training")


def imports(path: Path, everywhere: bool = True) -> set[str]:
    """Return the names that a file imports: ``numpy`` for a package, ``.imaging`` for a file of the library."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            found |= {f".{node.module or alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.partition(".")[0])
    return found


def reached_from(name: str) -> set[str]:
    """Return the files of the library that a file imports at file scope, directly or through others."""
    reached, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in reached and current in FILES:
            reached.add(current)
            waiting += [each[1:] for each in imports(LIBRARY / f"{current}.py", everywhere=False) if each[0] == "."]
    return reached


@pytest.mark.parametrize("name", PLAIN)
def test_the_lowest_layer_is_plain_python(name):
    packages = {each for each in imports(LIBRARY / f"{name}.py") if each[0] != "."}
    assert packages <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", PLAIN)
def test_the_lowest_layer_leans_on_itself_only(name):
    own = {each[1:] for each in imports(LIBRARY / f"{name}.py") if each[0] == "."}
    assert own <= set(PLAIN)


@pytest.mark.parametrize("name", FILES)
def test_only_mrml_knows_slicer(name):
    known = imports(LIBRARY / f"{name}.py") & {"slicer", "vtk", "qt", "ctk"}
    assert known == ({"slicer", "vtk"} if name in ("mrml", "mrml_plots") else set())


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_the_library_leans_on_mrml(name):
    known = {".mrml", ".mrml_plots"} & imports(LIBRARY / f"{name}.py")
    assert known <= ({".mrml"} if name == "mrml_plots" else set())


@pytest.mark.parametrize("name", APPLYING)
def test_applying_a_model_never_needs_the_training_packages(name):
    for each in reached_from(name):
        assert imports(LIBRARY / f"{each}.py") & TRAINING_ONLY == set(), each


def test_loading_everything_that_applies_a_model_loads_no_training_package():
    names = ", ".join(name for name in APPLYING if name != "mrml")
    program = f"import sys; from MammoRadiomicsLib import {names}; print(*sorted({TRAINING_ONLY!r} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", [name for name in FILES if name not in (*ESTIMATORS, *NETWORKS)])
def test_heavy_packages_are_imported_inside_functions(name):
    assert imports(LIBRARY / f"{name}.py", everywhere=False) & HEAVY == set()


@pytest.mark.parametrize("name", [name for name in FILES if name not in ESTIMATORS])
def test_estimators_are_imported_inside_functions(name):
    assert imports(LIBRARY / f"{name}.py", everywhere=False) & {f".{each}" for each in ESTIMATORS} == set()


@pytest.mark.parametrize("path", MODULE_FILES.values(), ids=MODULE_FILES)
def test_a_module_file_imports_slicer_and_the_standard_library_only(path):
    allowed = {"slicer", "vtk", "qt", "ctk"} | set(sys.stdlib_module_names)
    assert imports(path, everywhere=False) <= allowed
    own = {"MammoRadiomics", "MammoRadiomicsGui", "MammoRadiomicsLib"}
    assert imports(path) <= allowed | own | {"SampleData", "numpy"}


@pytest.mark.parametrize("path", GUI_FILES, ids=lambda path: path.stem)
def test_what_the_panels_share_lies_between_the_library_and_the_module_files(path):
    allowed = {"slicer", "vtk", "qt", "ctk", "numpy"} | set(sys.stdlib_module_names)
    assert {each for each in imports(path, everywhere=False) if each[0] != "."} <= allowed
    assert {each for each in imports(path) if each[0] != "."} <= allowed | {"MammoRadiomicsLib"}


@pytest.mark.parametrize("name", FILES)
def test_the_library_does_not_know_the_panels(name):
    assert not imports(LIBRARY / f"{name}.py") & {"MammoRadiomics", "MammoRadiomicsGui"}


@pytest.mark.parametrize("name", FILES)
def test_the_library_names_no_singleton_of_the_application(name):
    source = (LIBRARY / f"{name}.py").read_text(encoding="utf-8")
    for singleton in ("slicer.mrmlScene", "slicer.app", "slicer.modules"):
        assert singleton not in source
