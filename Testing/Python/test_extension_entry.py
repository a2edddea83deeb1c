"""What Slicer's ExtensionsIndex asks of an extension: an entry, simple lines in the CMake file, nothing at file scope.

The rules are those of its check script, pull-request template and schema (Slicer/ExtensionsIndex 07f1d1b and
slicer-extension-catalog-entry-schema-v1.0.2, August 2026).
"""

from __future__ import annotations

import ast
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from MammoRadiomicsHost.api import GUI_FILES, MODULE_FILES, ROOT

LIBRARY_FILES = sorted((ROOT / "MammoRadiomics" / "MammoRadiomicsLib").rglob("*.py"))
EVERY_FILE = [*MODULE_FILES.values(), *GUI_FILES, *LIBRARY_FILES]
ENTRY = ROOT / "MammoRadiomics.json"
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
REQUIRED = {"$schema", "category", "scm_url"}
ALLOWED = REQUIRED | {
    "scm_revision", "scm_type", "build_dependencies", "dicom_support_rule", "build_subdirectory", "enabled", "tier",
}  # fmt: skip
# What its template's CMakeLists.txt ends with.
GENERATED = (
    "find_package(Slicer REQUIRED)",
    "include(${Slicer_USE_FILE})",
    "include(${Slicer_EXTENSION_GENERATE_CONFIG})",
    "include(${Slicer_EXTENSION_CPACK})",
)
ALLOWED_AT_FILE_SCOPE = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
NETWORK = {"urllib", "http", "ftplib", "socket", "ssl", "requests", "httpx", "aiohttp", "pooch", "huggingface_hub"}


@pytest.fixture(scope="module")
def entry() -> dict:
    return json.loads(ENTRY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cmake() -> str:
    return (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def stated(cmake: str, name: str) -> str:
    """Return what a simple line of the top CMake file sets, as the index's script reads it."""
    found = re.findall(rf'^set\(EXTENSION_{name} "([^"$]+)"\)$', cmake, re.MULTILINE)
    assert len(found) == 1, f"EXTENSION_{name} is no simple line"
    return found[0]


def test_the_entry_has_the_schemas_fields(entry):
    assert entry["$schema"] == SCHEMA
    assert REQUIRED <= set(entry) <= ALLOWED
    assert entry["tier"] in (1, 3, 5)
    assert all(isinstance(value, str) for name, value in entry.items() if name not in ("tier", "build_dependencies"))


def test_the_entry_is_written_as_the_index_writes_it(entry):
    assert ENTRY.read_bytes() == (json.dumps(entry, indent=2) + "\n").encode()


def test_the_repository_is_named_as_the_index_asks(entry):
    assert re.fullmatch(r"https://github\.com/[\w-]+/SlicerMammoRadiomics\.git", entry["scm_url"])


def test_entry_and_cmake_file_say_the_same(entry, cmake):
    assert re.search(r"^project\((\w+)\)$", cmake, re.MULTILINE)[1] == ENTRY.stem
    assert stated(cmake, "CATEGORY") == entry["category"]
    assert stated(cmake, "DEPENDS").split() == entry["build_dependencies"]
    assert stated(cmake, "HOMEPAGE") + ".git" == entry["scm_url"]


def test_the_modules_are_listed_where_the_entry_says(entry):
    for path in MODULE_FILES.values():
        assert f'translate("qSlicerAbstractCoreModule", "{entry["category"]}")' in path.read_text(encoding="utf-8")


def test_the_description_is_one_or_two_sentences(cmake):
    assert 40 < len(stated(cmake, "DESCRIPTION")) < 300
    assert stated(cmake, "DESCRIPTION").count(". ") <= 1
    assert stated(cmake, "CONTRIBUTORS")


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_every_picture_that_is_named_lies_in_the_repository(name, entry, cmake):
    owner_and_name = entry["scm_url"].removeprefix("https://github.com/").removesuffix(".git")
    raw = f"https://raw.githubusercontent.com/{owner_and_name}/{entry['scm_revision']}/"
    for url in stated(cmake, name).split():
        assert url.startswith(raw)
        assert (ROOT / url.removeprefix(raw)).read_bytes().startswith(b"\x89PNG")


def test_the_icon_is_a_square_of_128_pixels(cmake):
    icon = ROOT / "Resources" / stated(cmake, "ICONURL").rpartition("/")[2]
    assert struct.unpack(">II", icon.read_bytes()[16:24]) == (128, 128)


def test_the_cmake_file_has_the_templates_lines_in_their_order(cmake):
    lines = cmake.splitlines()
    places = [lines.index(each) for each in GENERATED]
    assert places == sorted(places)
    assert lines[0] == "cmake_minimum_required(VERSION 3.28.0...3.28.0 FATAL_ERROR)"


def test_the_licence_is_in_the_root_and_named_on_the_homepage():
    assert "Apache License" in (ROOT / "LICENSE.txt").read_text(encoding="utf-8")[:300]
    assert "Apache 2.0" in (ROOT / "README.md").read_text(encoding="utf-8")


def may_stand_at_file_scope(node: ast.stmt, path: Path) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ALLOWED_AT_FILE_SCOPE) or is_text or is_for_types or path.name == "__main__.py"


def test_nothing_runs_at_file_scope():
    running = [
        f"{path.name}:{node.lineno}"
        for path in EVERY_FILE
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if not may_stand_at_file_scope(node, path)
    ]
    assert running == []


def packages_of(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


def test_no_file_can_reach_the_network():
    assert [path.name for path in EVERY_FILE if packages_of(path) & NETWORK] == []


def test_packages_are_installed_in_one_place_and_after_consent():
    installing = {path.stem for path in EVERY_FILE if re.search(r"pip_\w*install|pip_ensure", path.read_text("utf-8"))}
    assert installing == {"dependencies"}
    text = next(path for path in GUI_FILES if path.stem == "dependencies").read_text(encoding="utf-8")
    assert "slicer.packaging.pip_ensure(needed, requester=requester)" in text, "it asks unless it is told not to"


def test_opening_a_module_file_loads_no_heavy_package():
    heavy = {
        "sklearn",
        "imblearn",
        "matplotlib",
        "radiomics",
        "pandas",
        "statsmodels",
        "skimage",
        "torch",
        "onnxruntime",
    }
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT / 'Testing' / 'Host')!r})\n"
        "from MammoRadiomicsHost import application\n"
        "from MammoRadiomicsHost.api import MODULE_FILES\n"
        "application.start()\n"
        "for path in MODULE_FILES.values():\n"
        "    application.load_module(path)\n"
        f"print(*sorted({heavy!r} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
