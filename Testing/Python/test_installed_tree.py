"""What CMake installs is what the modules need: everything listed, nothing listed in vain, usable from there alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from MammoRadiomicsHost.api import MODULE_FILES, ROOT

INSTALLED = Path("lib/Slicer-5.12/qt-scripted-modules")


def cmake(*arguments: str | Path) -> subprocess.CompletedProcess:
    beside_python = Path(sys.executable).with_name("cmake")
    program = str(beside_python) if beside_python.exists() else shutil.which("cmake")
    if program is None:
        pytest.fail("cmake is missing; it is one of the development dependencies.")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


def configure(source: Path, build: Path) -> subprocess.CompletedProcess:
    # Slicer's projects declare C and C++; nothing is compiled here, so any program passes for a compiler.
    compilers = [f"-DCMAKE_{each}_COMPILER={sys.executable}" for each in ("C", "CXX")]
    forced = [f"-DCMAKE_{each}_COMPILER_FORCED=ON" for each in ("C", "CXX")]
    slicer = f"-DSlicer_DIR={ROOT / 'Testing' / 'Host' / 'cmake'}"
    return cmake("-S", source, "-B", build, slicer, "-DBUILD_TESTING=ON", *compilers, *forced)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what the CMake files see, so that a test may spoil it."""
    copy = tmp_path_factory.mktemp("source")
    leave_out = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
    for name in ("MammoRadiomics", "MammoRadiomicsTraining", "Testing/Python"):
        shutil.copytree(ROOT / name, copy / name, ignore=leave_out)
    for name in ("CMakeLists.txt", "Testing/CMakeLists.txt"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def installed(source, tmp_path_factory) -> Path:
    """The folder of all scripted modules of a fresh installation."""
    build, prefix = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("installation")
    for done in (configure(source, build), cmake("--install", build, "--prefix", prefix)):
        assert done.returncode == 0, done.stderr
    return prefix / INSTALLED


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "CMakeLists.txt"
    }


def test_every_file_of_both_modules_is_installed(installed, source):
    wanted = files_below(source / "MammoRadiomics") | files_below(source / "MammoRadiomicsTraining")
    assert files_below(installed) == wanted


def test_no_two_modules_install_the_same_path(source):
    both = files_below(source / "MammoRadiomics") & files_below(source / "MammoRadiomicsTraining")
    assert both == set()


def test_only_module_files_lie_beside_the_modules(installed):
    assert {path.stem for path in installed.glob("*.py")} == set(MODULE_FILES)


def run_from(installed: Path, program: str) -> subprocess.CompletedProcess:
    """Run a program that finds the modules and the library in the installed tree only."""
    others = [each for each in sys.path if each and not Path(each).is_relative_to(ROOT / "MammoRadiomics")]
    begin = f"import sys; sys.path[:] = {[str(installed), str(ROOT / 'Testing' / 'Host'), *others]!r}\n"
    # Without an editable installation's import hooks, which would find the sources.
    begin += "sys.meta_path[:] = [each for each in sys.meta_path if 'editable' not in repr(each).lower()]\n"
    return subprocess.run(
        [sys.executable, "-c", begin + program], capture_output=True, text=True, timeout=300, check=False
    )


def test_the_installed_library_extracts_features(installed):
    done = run_from(
        installed,
        "import MammoRadiomicsLib\n"
        "from MammoRadiomicsLib import command_line, features, learning, phantoms\n"
        "image, roi = phantoms.mammogram(1, size=(120, 120), diameter_mm=1.5)\n"
        "found = features.extract(image / 16, roi, 'study-1409', ['original_firstorder_Mean'])\n"
        "assert set(found) == {'original_firstorder_Mean'}\n"
        "print(MammoRadiomicsLib.__file__)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "MammoRadiomicsLib" / "__init__.py")


def test_both_installed_modules_open_their_panels(installed):
    done = run_from(
        installed,
        "from pathlib import Path\n"
        "from MammoRadiomicsHost import application, pythonqt\n"
        "application.start()\n"
        f"for name in {list(MODULE_FILES)!r}:\n"
        f"    module = application.load_module(Path({str(installed)!r}) / (name + '.py'))\n"
        "    application.close_module(application.open_module(module))\n"
        "import MammoRadiomicsLib\n"
        "assert not pythonqt.failures, pythonqt.failures\n"
        "print(MammoRadiomicsLib.__file__)\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "MammoRadiomicsLib" / "__init__.py")


@pytest.mark.parametrize("name", ["MammoRadiomicsLib/features.py", "Resources/UI/MammoRadiomics.ui"])
def test_a_listed_file_that_is_missing_stops_the_build(name, source, tmp_path):
    spoilt = tmp_path / "source"
    shutil.copytree(source, spoilt)
    (spoilt / "MammoRadiomics" / name).unlink()
    done = configure(spoilt, tmp_path / "build")
    assert done.returncode != 0
    assert name in done.stderr


def test_the_extension_asks_for_slicer_radiomics():
    assert 'set(EXTENSION_DEPENDS "SlicerRadiomics")' in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
