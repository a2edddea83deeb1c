"""The commands as a user types them: results, exit codes, and one clear sentence for what cannot be used."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from MammoRadiomicsLib import cohort, command_line, phantoms, presets, tables
from shared_data import PROJECT, shared_folder


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = command_line.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def a_case(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("case")
    image, roi = phantoms.mammogram(5, size=(160, 120), diameter_mm=2.5)
    sitk.WriteImage(sitk.Cast(image / 16, sitk.sitkUInt16), str(folder / "image.nrrd"))
    sitk.WriteImage(roi, str(folder / "mask.nrrd"))
    return folder / "image.nrrd", folder / "mask.nrrd"


def test_extract_writes_one_row_and_the_conditions_of_the_run(capsys, a_case, tmp_path):
    image, mask = a_case
    code, out, _ = run(capsys, "extract", "--image", image, "--mask", mask, "--output", tmp_path / "f.csv")
    assert code == 0
    assert "1 outlines x 1409 features" in out
    with (tmp_path / "f.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row)[8:] == presets.load("study-1409").feature_names()
    assert (row["preset"], row["pixel_spacing_mm"]) == ("study-1409", "0.05")
    ran = json.loads((tmp_path / "f.run.json").read_text(encoding="utf-8"))
    assert ran["preset"]["settings"]["binWidth"] == 25
    assert len(ran["outlines"][0]["image_sha256"]) == 64
    assert (tmp_path / "f.failures.csv").read_text() == "row,reason\n"


def test_extract_of_a_real_mass_yields_1409_features(capsys, tmp_path):
    folder = shared_folder("pisa_masses")
    mass = sorted(path.name for path in (folder / "ref_mask").glob("*.pgm"))[0]
    files = ("--image", folder / "image_125" / mass, "--mask", folder / "ref_mask" / mass, "--label", 255)
    code, out, _ = run(capsys, "extract", *files, "--spacing", 0.8, "--output", tmp_path / "f.csv")
    assert code == 0
    assert "x 1409 features" in out


def a_bad_case(kind: str, image: sitk.Image, mask: sitk.Image) -> tuple[sitk.Image, sitk.Image, int]:
    if kind == "geometry":
        mask = sitk.Image(mask)
        mask.SetSpacing((0.1, 0.1, 1.0))
    if kind == "empty":
        mask = mask * 0
    if kind == "stack":
        image = sitk.JoinSeries([image[:, :, 0]] * 4)
    if kind == "colour":
        image = sitk.Compose([image] * 3)
    return image, mask, 7 if kind == "label" else 1


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("geometry", "The mask lies elsewhere than the image"),
        ("empty", "The mask is empty"),
        ("label", "0 pixels of label 7 (labels present: 1)"),
        ("stack", "is a stack of 160 x 120 x 4 pixels"),
        ("colour", "is a colour image with 3 values a pixel"),
    ],
)
def test_unusable_input_is_refused_in_one_sentence_and_nothing_is_written(capsys, a_case, tmp_path, kind, sentence):
    image, mask, label = a_bad_case(kind, *(sitk.ReadImage(str(path)) for path in a_case))
    paths = tmp_path / "image.mha", tmp_path / "mask.mha"
    for each, path in zip((image, mask), paths, strict=True):
        sitk.WriteImage(each, str(path))
    output = tmp_path / "out" / "f.csv"
    files = ("--image", paths[0], "--mask", paths[1], "--label", label)
    code, out, err = run(capsys, "extract", *files, "--output", output)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not output.parent.exists()


@pytest.fixture(scope="module")
def a_cohort(tmp_path_factory) -> Path:
    """Twenty-four patients of small phantoms on a 12-bit scale, one of whom has an empty mask."""
    folder = tmp_path_factory.mktemp("cohort with space")
    rng = np.random.default_rng(2)
    rows = []
    for i in range(24):
        grain = 0.15 + 0.15 * (i % 2)
        image, roi = phantoms.mammogram(int(rng.integers(1e9)), size=(160, 120), diameter_mm=2.0, grain_mm=grain)
        sitk.WriteImage(image, str(folder / f"{i}.nrrd"))
        sitk.WriteImage(roi * (i != 23), str(folder / f"{i}_mask.nrrd"))
        rows.append(f"P{i},CC,{i}.nrrd,{i}_mask.nrrd,{i % 2}")
    (folder / "cohort.csv").write_text("patient_id,view,image,mask,slnm\n" + "\n".join(rows) + "\n")
    return folder / "cohort.csv"


@pytest.fixture(scope="module")
def a_feature_table(a_cohort) -> Path:
    output = a_cohort.parent / "features.csv"
    code = command_line.main(
        ["extract", "--cohort", str(a_cohort), "--preset", "mammo-2d", "--output", str(output), "--json-progress"]
    )
    assert code == 1
    return output


def test_a_failing_case_is_listed_and_the_others_are_written(a_feature_table):
    with a_feature_table.open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 23
    failures = a_feature_table.with_suffix(".failures.csv").read_text(encoding="utf-8")
    assert (
        failures
        == "row,reason\n25,Case P23 CC: The mask is empty: not one pixel is outlined. Outline the lesion first.\n"
    )


@pytest.fixture(scope="module")
def a_model_file(a_cohort, a_feature_table) -> Path:
    output = a_cohort.parent / "slnm.mammomodel"
    code = command_line.main(
        ["train", "--features", str(a_feature_table), "--cohort", str(a_cohort), "--outcome", "slnm", "--folds", "2",
         "--purpose", "demonstration", "--output", str(output), "--json-progress"]
    )  # fmt: skip
    assert code == 0
    return output


def test_stability_judges_features_over_perturbed_outlines(capsys, a_cohort, tmp_path):
    tables.write_rows(tmp_path / "cohort.csv", cohort.read_cohort(a_cohort)[:4])
    files = ("--preset", "mammo-2d", "--perturb", 3, "--output", tmp_path / "f.csv")
    code, *_ = run(capsys, "extract", "--cohort", tmp_path / "cohort.csv", *files)
    assert code == 0
    code, out, _ = run(capsys, "stability", "--features", tmp_path / "f.csv", "--output", tmp_path / "icc.csv")
    assert code == 0
    assert "of 1374 features have an ICC(1,1) above 0.75 over 4 cases with 3 outlines each" in out
    assert "Fewer than 30 cases" in out
    with (tmp_path / "icc.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["feature"] for row in rows] == list(presets.load("mammo-2d").feature_names())


def test_predict_says_the_probability_with_its_caveats(capsys, a_cohort, a_model_file, tmp_path):
    files = ("--view", "CC", "--image", a_cohort.parent / "3.nrrd", "--mask", a_cohort.parent / "3_mask.nrrd")
    code, out, _ = run(capsys, "predict", "--model", a_model_file, *files, "--json", tmp_path / "p.json")
    assert code == 0
    assert out.startswith("Sentinel lymph node metastasis (SLNM): no ")
    assert "Warning: Demonstration model" in out
    assert "Not a medical device." in out
    record = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert sum(record["probabilities"].values()) == pytest.approx(1)
    assert record["band"] is record["range"] is None


def test_predict_gives_the_range_over_plausible_outlines(capsys, a_cohort, a_model_file, tmp_path):
    files = ("--view", "CC", "--image", a_cohort.parent / "3.nrrd", "--mask", a_cohort.parent / "3_mask.nrrd")
    options = ("--perturb", 3, "--json", tmp_path / "p.json")
    code, out, _ = run(capsys, "predict", "--model", a_model_file, *files, *options)
    assert code == 0
    record = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    low, high = record["range"]["1"]
    assert 0 <= low <= record["probabilities"]["1"] <= high <= 1
    assert low < high
    assert "Over 3 plausible outlines: no" in out
    assert "(no confidence interval)" in out


def test_predict_of_a_table_equals_predict_of_the_images(capsys, a_cohort, a_model_file, a_feature_table, tmp_path):
    table = tmp_path / "predictions.csv"
    code, *_ = run(capsys, "predict", "--model", a_model_file, "--features", a_feature_table, "--output", table)
    assert code == 0
    files = ("--view", "CC", "--image", a_cohort.parent / "3.nrrd", "--mask", a_cohort.parent / "3_mask.nrrd")
    run(capsys, "predict", "--model", a_model_file, *files, "--json", tmp_path / "p.json")
    with table.open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["patient_id"] == "P3")
    record = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert float(row["probability_1"]) == pytest.approx(record["probabilities"]["1"], abs=1e-12)


def test_json_progress_puts_nothing_but_json_on_standard_output(capsys, a_feature_table, a_cohort, tmp_path):
    code, out, _ = run(
        capsys, "train", "--features", a_feature_table, "--cohort", a_cohort, "--outcome", "slnm", "--folds", 2,
        "--output", tmp_path / "m.mammomodel", "--json-progress",
    )  # fmt: skip
    assert code == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["done"] for line in lines[:-1]] == [0, 1, 2]
    assert "result" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["extract", "--image", "a.nrrd", "--output", "f.csv"], "An image needs its outline"),
        (["extract", "--cohort", "none.csv", "--output", "f.csv"], "none.csv cannot be read"),
        (["extract", "--cohort", "c.csv", "--preset", "study", "--output", "f.csv"], "There is no preset 'study'"),
        (["train", "--features", "none.csv", "--outcome", "slnm", "--output", "m"], "none.csv cannot be read"),
        (["predict", "--model", "none.mammomodel"], "There is no file none.mammomodel"),
    ],
)
def test_wrong_usage_is_refused_in_one_sentence(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not list(tmp_path.iterdir())


def test_predict_wants_view_image_and_mask_together(capsys, a_model_file):
    code, _, err = run(capsys, "predict", "--model", a_model_file, "--view", "CC")
    assert code == 2
    assert "Give --view, --image and --mask together" in err


def test_phantoms_are_the_same_for_the_same_seed(capsys, tmp_path):
    for name in ("a", "b"):
        code, *_ = run(capsys, "phantoms", "--patients", 1, "--output", tmp_path / name)
        assert code == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_library_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "MammoRadiomicsLib", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )
    assert done.stdout.strip() == "0.1.0"


def test_an_input_is_never_overwritten(capsys, a_case, a_cohort):
    image, mask = a_case
    before = image.read_bytes(), a_cohort.read_bytes()
    for arguments in (
        ("extract", "--image", image, "--mask", mask, "--output", image),
        ("extract", "--cohort", a_cohort, "--output", a_cohort),
        ("stability", "--features", a_cohort, "--output", a_cohort),
        ("train", "--features", a_cohort, "--outcome", "slnm", "--output", a_cohort),
    ):
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert "would be overwritten" in err
    assert before == (image.read_bytes(), a_cohort.read_bytes())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["phantoms", "--patients", "0", "--output", "p"], "at least 1"),
        (["phantoms", "--output", "file/p"], "cannot be made"),
        (["extract", "--cohort", "file", "--mask", "m.nrrd", "--output", "f.csv"], "leave --mask out"),
        (["extract", "--cohort", "file", "--output", "."], "no file that can be written"),
        (["train", "--features", "file", "--outcome", "slnm", "--output", "m", "--report", "file"], "needs a folder"),
        (["train", "--features", "t.csv", "--outcome", "slnm", "--seed", "-1", "--output", "m"], "The seed is -1"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    Path("t.csv").write_text("patient_id,preset,slnm,original_firstorder_Mean\nP1,study-1409,1,2\n")
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert sentence in err
    assert {path.name for path in tmp_path.iterdir()} == {"file", "t.csv"}


def test_options_that_would_do_nothing_are_refused(capsys, a_cohort, a_model_file, a_feature_table, tmp_path):
    files = ("--view", "CC", "--image", a_cohort.parent / "3.nrrd", "--mask", a_cohort.parent / "3_mask.nrrd")
    for options, sentence in (
        ((*files, "--output", tmp_path / "p.csv"), "give --json FILE instead of --output"),
        (
            ("--features", a_feature_table, "--output", tmp_path / "p.csv", "--spacing", 0.1),
            "without images, --spacing",
        ),
        (
            ("--features", a_feature_table, "--json", tmp_path / "p.json"),
            "without images, --spacing, --json, --perturb",
        ),
    ):
        code, _, err = run(capsys, "predict", "--model", a_model_file, *options)
        assert code == 2
        assert sentence in err


def test_intensities_beyond_any_grey_level_matrix_are_refused(capsys, a_case, tmp_path):
    image = sitk.Cast(sitk.ReadImage(str(a_case[0])), sitk.sitkFloat64) * 1e9
    sitk.WriteImage(image, str(tmp_path / "i.nrrd"))
    code, _, err = run(
        capsys, "extract", "--image", tmp_path / "i.nrrd", "--mask", a_case[1], "--output", tmp_path / "f.csv"
    )
    assert code == 2
    assert "more than 10000 grey levels" in err
