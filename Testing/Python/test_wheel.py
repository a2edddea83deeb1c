"""The library as a package: what a terminal or a cluster installs."""

import shutil
import subprocess
import sys
import zipfile

from shared_data import PROJECT

LIBRARY = PROJECT / "MammoRadiomics" / "MammoRadiomicsLib"


def test_the_wheel_holds_the_whole_library_and_works_alone(tmp_path):
    # A copy, because a build leaves its own files beside the sources.
    for name in ("pyproject.toml", "README.md", "LICENSE.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    shutil.copytree(LIBRARY, tmp_path / "MammoRadiomics" / LIBRARY.name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(tmp_path)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.partition("/")[2] for name in archive.namelist() if name.startswith("MammoRadiomicsLib/")}
        archive.extractall(tmp_path / "alone")
    files = (path.relative_to(LIBRARY) for path in LIBRARY.rglob("*") if path.is_file())
    assert packed == {path.as_posix() for path in files if "__pycache__" not in path.parts}
    program = "import MammoRadiomicsLib, sys; from MammoRadiomicsLib import presets; "
    program += "print(MammoRadiomicsLib.__file__, presets.load('study-1409').feature_count)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path / "alone"
    )
    path, count = done.stdout.split()
    assert path.startswith(str(tmp_path))
    assert count == "1409"
