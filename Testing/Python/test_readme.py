"""What the README tells its readers to type, typed."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from shared_data import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The folder in which the tutorial's commands were run, one after the other."""
    folder = tmp_path_factory.mktemp("tutorial")
    for command in "".join(blocks("sh")).splitlines():
        program, *arguments = shlex.split(command)
        assert program == "python"
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            cwd=folder,
            capture_output=True,
            env=os.environ | {"MPLBACKEND": "agg"},
        )
    return folder


def test_the_tutorial_runs_as_written(tutorial):
    assert len(blocks("sh")) == 5
    assert {path.name for path in tutorial.iterdir()} >= {"prediction.json", "predictions.csv", "clinical", "icc.csv"}


def test_the_console_lines_run_as_written(host, module_files, monkeypatch):
    import slicer
    from MammoRadiomicsLib import mrml

    one_patient, a_cohort = blocks("python")
    for name, module in module_files.items():
        monkeypatch.setitem(sys.modules, name, module)
    names = {}
    exec(one_patient, names)
    assert len(names["features"]) == 1409
    assert sum(mrml.result_from_node(names["result"])["probabilities"].values()) == pytest.approx(1)

    made_up = module_files["MammoRadiomicsTraining"].MammoRadiomicsTrainingTest.madeUpRows()
    names["tableNode"] = mrml.rows_to_table(slicer.mrmlScene, made_up, "Features")
    exec(a_cohort, names)
    assert len(mrml.table_to_rows(names["predictions"])) == len(made_up)


def test_every_picture_is_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (PROJECT / path).is_file(), path
