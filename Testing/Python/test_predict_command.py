"""The command predict: with a local prevalence, from images and from a table."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from made_up import a_table
from made_up_model import a_model
from MammoRadiomicsLib import command_line, model_file, phantoms, tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a phantom with its outline, and a table of features."""
    folder = tmp_path_factory.mktemp("with space")
    model_file.save(a_model(), folder / "two.mammomodel")
    model_file.save(a_model(("zero", "low", "positive")), folder / "three.mammomodel")
    image, roi = phantoms.mammogram(3, size=(160, 120), diameter_mm=2.5)
    sitk.WriteImage(sitk.Cast(image / 16, sitk.sitkUInt16), str(folder / "image.nrrd"))
    sitk.WriteImage(roi, str(folder / "mask.nrrd"))
    table = a_table(lesions=4)
    values = (dict(zip(table.names, row, strict=True)) for row in table.values)
    tables.write_rows(folder / "f.csv", [row | found for row, found in zip(table.rows, values, strict=True)])
    return folder


def run(capsys, folder, *arguments, model="two"):
    code = command_line.main(["predict", "--model", str(folder / f"{model}.mammomodel"), *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def images_in(folder):
    return "--view", "CC", "--image", folder / "image.nrrd", "--mask", folder / "mask.nrrd"


def test_a_local_prevalence_is_labelled_beside_the_trained_one(capsys, folder, tmp_path):
    path = tmp_path / "p.json"
    code, out, _ = run(capsys, folder, *images_in(folder), "--prevalence", "1=0.2", "--json", path)
    assert code == 0
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["prevalence"] == {"training": {"0": 0.5, "1": 0.5}, "local": {"0": 0.8, "1": 0.2}}
    before, after = record["probabilities"], record["local_probabilities"]
    assert after["1"] / after["0"] == pytest.approx(before["1"] / before["0"] / 4)
    first, second, *_ = out.splitlines()
    assert first.endswith(f"1 {after['1']:.1%} for your prevalence (0 80.0%, 1 20.0%)")
    assert (
        second
        == f"As trained, for the training's prevalence (0 50.0%, 1 50.0%): 0 {before['0']:.1%}, 1 {before['1']:.1%}."
    )


def test_of_three_classes_one_may_be_left_out(capsys, folder):
    code, out, _ = run(capsys, folder, *images_in(folder), "--prevalence", "zero=0.3,low=0.4", model="three")
    assert code == 0
    assert "for your prevalence (zero 30.0%, low 40.0%, positive 30.0%)" in out


def test_a_table_takes_a_local_prevalence(capsys, folder, tmp_path):
    output = tmp_path / "p.csv"
    code, *_ = run(capsys, folder, "--features", folder / "f.csv", "--output", output, "--prevalence", "0=0.9")
    assert code == 0
    with output.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    odds = np.array([[float(row[f"{kind}_1"]) / float(row[f"{kind}_0"]) for row in rows]
                     for kind in ("probability", "local_probability")])  # fmt: skip
    np.testing.assert_allclose(odds[1], odds[0] / 9)
    assert {"applicability_percentile", "beyond_training"} <= set(rows[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("20%", "is not of the form CLASS=SHARE"),
        ("", "is not of the form CLASS=SHARE"),
        ("yes=0.2", "has a share for 'yes'. Give the classes 0, 1; one may be left out."),
        ("1=1", "must lie above 0 and below 1"),
        ("0=0.5,1=0.4", "sum to 0.9, not to 1"),
    ],
)
def test_refuses_a_prevalence_in_one_sentence_before_any_work(capsys, folder, tmp_path, text, sentence):
    for options in (("--json", tmp_path / "p.json", *images_in(folder)),
                    ("--output", tmp_path / "p.csv", "--features", folder / "f.csv")):  # fmt: skip
        code, out, err = run(capsys, folder, *options, "--prevalence", text)
        assert (code, out) == (2, "")
        assert sentence in err
        assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_first_failure_of_a_table_names_its_case_once(capsys, folder, tmp_path):
    with (folder / "f.csv").open(encoding="utf-8") as file:
        rows = [{**row, "pixel_spacing_mm": "wide"} for row in csv.DictReader(file)]
    tables.write_rows(tmp_path / "f.csv", rows)
    code, out, _ = run(capsys, folder, "--features", tmp_path / "f.csv", "--output", tmp_path / "p.csv")
    assert code == 1
    assert "The first: Case P000 CC has the pixel_spacing_mm 'wide'" in out
    tables.write_rows(tmp_path / "f.csv", [{**row, "pixel_spacing_mm": "0.1", "preset": "other"} for row in rows])
    _, out, _ = run(capsys, folder, "--features", tmp_path / "f.csv", "--output", tmp_path / "p.csv")
    assert "The first: Case P000: Its features come from the preset 'other'" in out
