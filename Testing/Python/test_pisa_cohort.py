"""The script that makes a cohort of the Pisa masses."""

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, command_line, presets, tables
from shared_data import PROJECT, shared_folder

COHORTS = PROJECT / "Testing" / "Cohorts"


@pytest.fixture(scope="module")
def a_cohort(tmp_path_factory):
    """The folder of the cohort and what the script printed."""
    folder = tmp_path_factory.mktemp("pisa")
    command = [sys.executable, COHORTS / "pisa_cohort.py", "--data", shared_folder("pisa_masses"), "--output", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, done.stdout


def test_the_masses_and_outlines_large_enough_are_in_the_cohort(a_cohort):
    """Of 121 masses 2 have reference outlines of 17 pixels; of the other 119, 104 have a usable second one."""
    folder, printed = a_cohort
    assert "119 masses (46 malignant, 73 benign) of 55 cases" in printed
    assert "104 of them also have one by the algorithm" in printed
    rows = cohort.read_cohort(folder / "cohort.csv")
    assert [row["reader"] for row in rows].count("reference") == 119
    assert [row["reader"] for row in rows].count("algorithm") == 104
    assert len({(row["patient_id"], row["lesion_id"], row["reader"]) for row in rows}) == len(rows)


def test_every_mask_lies_on_its_image_and_holds_what_the_labels_say(a_cohort):
    folder, _ = a_cohort
    areas = {row["id"]: row for row in tables.read_rows(shared_folder("pisa_masses") / "labels.csv")}
    column = {"reference": "ref_area_px125", "algorithm": "second_area_px125"}
    for row in cohort.read_cohort(folder / "cohort.csv"):
        mask = sitk.GetArrayFromImage(sitk.ReadImage(row["mask"]))
        assert mask.shape == (125, 125)
        assert np.unique(mask).tolist() == [0, 1]
        area = areas[row["lesion_id"]]
        assert mask.sum() == int(area[column[row["reader"]]]) >= 20
        assert row["malignant"] == area["malignant"]


def test_the_cohort_is_ready_to_extract(a_cohort, tmp_path, capsys):
    folder, _ = a_cohort
    header, *lines = (folder / "cohort.csv").read_text(encoding="utf-8").splitlines()
    (folder / "few.csv").write_text("\n".join([header, *lines[:4]]) + "\n", encoding="utf-8")
    arguments = ["--cohort", folder / "few.csv", "--preset", COHORTS / "pisa_binwidth_5.yaml"]
    code = command_line.main([str(each) for each in ["extract", *arguments, "--output", tmp_path / "f.csv"]])
    assert code == 0
    assert "4 outlines x 1409 features" in capsys.readouterr().out


def test_the_parameter_file_differs_from_the_studys_in_the_bin_width_only():
    ours, study = (presets.load(name).to_json() for name in (COHORTS / "pisa_binwidth_5.yaml", "study-1409"))
    assert ours["settings"].pop("binWidth") == 5
    assert study["settings"].pop("binWidth") == 25
    assert {**ours, "name": study["name"]} == study
