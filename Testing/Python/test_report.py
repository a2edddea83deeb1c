"""What is written beside a model: complete, consistent with the model, whole or not at all, safe to open."""

import csv
import dataclasses
import json
import re

import numpy as np
import pytest
from html_tables import markup_of, numbers_not_in_their_files, tables_of
from made_up import a_table
from MammoRadiomicsLib import evaluation, files, learning, protocols
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.predictors import Predictors
from MammoRadiomicsLib.reports import report, report_files, report_tables, report_text, training_figures
from MammoRadiomicsLib.settings import TrainingSettings
from MammoRadiomicsLib.tables import FeatureTable

QUICK = TrainingSettings(folds=2, repeats=2, calibration_folds=3, lasso_folds=3)
ALWAYS = {
    "report.html", "card.txt", "metrics.json", "training_probabilities.csv", "radscores.csv", "lasso_path.csv",
    "flow.csv", "column_steps.csv", "settings.csv", "performance.csv", "operating_points.csv", "checklist_clear.csv",
    "checklist_metrics.csv", "checklist_tripod_ai.csv", "selection.csv", "calibration.csv", "decision_curve.csv",
    "performance.png", "performance.svg", "confusion.png",
    "confusion.svg", "lasso.png", "lasso.svg", "weights.png", "weights.svg", "radscores.png", "radscores.svg",
}  # fmt: skip
CLAIMED = {"protocols.csv", "protocols_summary.csv", "protocols.png", "protocols.svg"}
NESTED = {"out_of_fold.csv", "selection.png", "selection.svg"}
TESTED = {"test_probabilities.csv", "radscores_test.png", "radscores_test.svg"}
PERMUTED = {"permuted.csv", "permutations.png", "permutations.svg"}
TABLE_1 = {"table1_outcome.csv", "table1_split.csv", "table1.json"}
SUBGROUPS = {"subgroups.csv", "subgroups.png", "subgroups.svg"}


def a_clinical_table(classes: tuple[str, ...]) -> FeatureTable:
    """The made-up table with a breast density and an age for each patient."""
    table = a_table(classes=classes)
    rows = [
        {**row, "density": "abc"[int(row["patient_id"][1:]) % 3], "age": str(40 + int(row["patient_id"][1:]) % 47)}
        for row in table.rows
    ]
    return dataclasses.replace(table, rows=rows)


@pytest.fixture(scope="module")
def trained():
    """Two classes, with test rows and permuted outcomes."""
    settings = dataclasses.replace(QUICK, holdout=0.3, permutations=2)
    return learning.train(a_clinical_table(("0", "1")), "outcome", settings)


@pytest.fixture(scope="module")
def claims(trained):
    return protocols.compare(trained, seeds=2)


@pytest.fixture(scope="module")
def folder(trained, claims, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new"
    report.write(trained, claims, folder, ("density", "age"))
    return folder


@pytest.fixture(scope="module")
def three_classes():
    return learning.train(a_table(classes=("high", "low", "none")), "outcome", QUICK)


@pytest.fixture
def without_pictures(monkeypatch):
    """Drawing takes seconds, and the pictures have tests of their own."""
    monkeypatch.setattr(report, "_figures", lambda *_: {})


def rows_of(path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_in(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_report_is_whole(folder):
    assert names_in(folder) == ALWAYS | CLAIMED | NESTED | TESTED | PERMUTED | SUBGROUPS | TABLE_1
    assert all(path.stat().st_size > 20 for path in folder.iterdir())


def test_every_probability_behind_the_measures_is_in_a_table(trained, folder):
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["metrics"] == trained.model.manifest["metrics"]
    assert metrics["sample_size"] == trained.sample_size
    for key, name in report_tables.PROBABILITIES.items():
        rows = rows_of(folder / f"{name}.csv")
        evidence = trained.evidence[key]
        found = np.array([float(row["probability_1"]) for row in rows])
        np.testing.assert_array_equal(found, evidence.probabilities[:, :, 1].ravel())
        assert [row["patient_id"] for row in rows[: len(evidence.target)]] == evidence.patients.tolist()
        assert {row["repeat"] for row in rows} == {str(i + 1) for i in range(len(evidence.probabilities))}
        each = found.reshape(evidence.probabilities.shape[:2])
        assert metrics["metrics"][key]["brier"]["1"] == pytest.approx(((each - evidence.target) ** 2).mean())


def test_the_radscores_are_those_of_the_model(trained, folder):
    rows = rows_of(folder / "radscores.csv")
    assert [row["rows"] for row in rows] == ["training"] * 42 + ["test"] * 18
    lesions = trained.test_lesions
    features = dict(zip(lesions.names, lesions.values[0].tolist(), strict=True))
    expected = trained.model.predict({"CC": features, "MLO": features}).radscore
    (found,) = [row for row in rows if row["patient_id"] == lesions.patients[0]]
    assert float(found["radscore"]) == pytest.approx(expected, rel=1e-9)


def test_a_missing_feature_is_its_median_in_a_radscore(trained):
    values = trained.lesions.values.copy()
    column = trained.lesions.names.index(trained.model.feature_names[0])
    values[3, column] = np.nan
    filled = values.copy()
    filled[3, column] = np.nanmedian(values[:, column])
    missing, complete = (
        dataclasses.replace(trained, lesions=dataclasses.replace(trained.lesions, values=each))
        for each in (values, filled)
    )
    np.testing.assert_allclose(
        report_tables.radscores(missing, missing.lesions), report_tables.radscores(complete, complete.lesions)
    )


def test_the_lasso_path_ends_in_the_models_weights(trained, folder):
    rows = rows_of(folder / "lasso_path.csv")
    (chosen,) = [row for row in rows if row["chosen"] == "1"]
    weights = {name: float(chosen[name]) for name in trained.lasso[0].names if float(chosen[name])}
    assert weights == dict(
        zip(trained.model.feature_names, trained.model.arrays["lasso_coef"].tolist(), strict=True)
    )  # fmt: skip
    assert len(rows) <= len(trained.lasso[0].alphas)
    assert all(float(row["error"]) > 0 for row in rows)


def test_selection_counts_the_outer_folds(trained, folder):
    rows = rows_of(folder / "selection.csv")
    for row in rows:
        count = sum(row["feature"] in columns for columns in trained.selected)
        assert (int(row["folds_chosen"]), int(row["folds"])) == (count, 4)
        assert (row["in_model"] == "1") == (row["feature"] in trained.model.feature_names)


def test_decision_and_calibration_curves_are_those_of_unseen_rows(trained, folder):
    rows = rows_of(folder / "decision_curve.csv")
    expected = evaluation.decision_curve(trained.evidence["test"])
    found = [float(row["net_benefit"]) for row in rows if row["rows"] == "test"]
    assert found == [row["net_benefit"] for row in expected]
    assert {row["rows"] for row in rows} == {"cross-validated", "test"}
    binned = [row for row in rows_of(folder / "calibration.csv") if row["curve"] == "binned"]
    assert sum(int(row["lesions"]) for row in binned) == 42 + 18


def test_subgroups_are_measured_on_the_lesions_of_the_column(trained, folder):
    rows = rows_of(folder / "subgroups.csv")
    assert [row["subgroup"] for row in rows] == ["a", "b", "c", *[row["subgroup"] for row in rows[3:]]]
    assert all(row["subgroup"].startswith(("above", "up to")) for row in rows[3:])
    assert sum(int(row["lesions"]) for row in rows[:3]) == sum(int(row["lesions"]) for row in rows[3:]) == 42
    labels = np.array([row["density"] for row in trained.lesions.rows])
    expected = evaluation.subgroups(trained.evidence["cross_validated"], labels, 15)
    assert [float(row["auc"]) for row in rows[:3]] == [row["auc"] for row in expected]


@pytest.mark.parametrize(("column", "words"), [("nothing", "no column nothing"), ("patient_id", "42 different values")])
def test_refuses_a_column_that_makes_no_subgroups(trained, tmp_path, column, words):
    with pytest.raises(InputError, match=words):
        report.write(trained, [], tmp_path / "report", (column,))
    assert not (tmp_path / "report").exists()


def page_in(folder) -> str:
    return markup_of((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_tells_apparent_cross_validated_and_test_aucs(trained, folder):
    text = page_in(folder)
    metrics = trained.model.manifest["metrics"]
    aucs = [report_text.interval(metrics[key]["auc"]["1"]) for key in ("training", "cross_validated", "test")]
    (shown,) = [rows for file, rows in tables_of(text) if file == "performance.csv"]
    assert [row[3] for row in shown[1:]] == aucs
    assert shown[1][4] == f"{metrics['optimism']['1']:.2f}"
    assert f"AUC on test rows (1): {aucs[2]}." in text
    assert "leaky: selected on all rows before the split" in text
    assert "nested, without synthetic rows (SMOTE)" in text
    assert "events per candidate" in text
    assert "With the outcomes shuffled 2 times" in text
    assert "Not a medical device." in text
    for name in names_in(folder) - {"report.html"}:
        assert f"<code>{name.replace('.svg', '.png')}</code>" in text


def test_every_figure_is_inside_the_page_and_every_section_has_its_place(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(list(folder.glob("*.png")))
    assert re.findall(r'<h2 id="(\w+)">', page) == [
        "summary", "flow", "baseline", "features", "performance", "protocols", "chance", "sample_size", "subgroups",
        "limitations", "methods", "checklists", "files",
    ]  # fmt: skip
    assert len(page) < 5e6


def test_every_number_of_a_table_on_the_page_is_in_the_file_it_names(folder):
    assert numbers_not_in_their_files(folder / "report.html") == []
    shown = {file for file, _ in tables_of((folder / "report.html").read_text(encoding="utf-8"))}
    assert shown >= {"table1_outcome.csv", "table1_split.csv", "performance.csv", "subgroups.csv", "selection.csv"}


def test_combined_models_and_centres_have_their_sections(without_pictures, tmp_path):
    table = a_clinical_table(("0", "1"))
    rows = [{**row, "site": "AB"[int(row["patient_id"][1:]) // 2 % 2]} for row in table.rows]
    settings = dataclasses.replace(QUICK, repeats=1, centre="site", harmonise=True)
    wanted = Predictors(("age",), times={"age": "imaging"})
    training = learning.train(dataclasses.replace(table, rows=rows), "outcome", settings, predictors=wanted)
    report.write(training, [], tmp_path)
    assert numbers_not_in_their_files(tmp_path / "report.html") == []
    page = page_in(tmp_path)
    shown = [file for file, _ in tables_of(page)]
    assert {"model_performance.csv", "comparison.csv", "odds_ratios.csv", "centres.csv"} <= set(shown)
    assert "NRI and IDI are weaker evidence" in page
    assert "A clinical model (age (imaging)" in page
    assert "harmonised by ComBat" in page
    assert "No other centre" not in page
    assert "Values of site were left out of the training, but all are of this table" in page
    by_item = {row["item"]: row for row in rows_of(tmp_path / "checklist_metrics.csv")}
    assert "combined less clinical, 1, cross-validated: " in by_item["24"]["answer"]
    assert by_item["4"]["status"] == "answered"


def test_a_column_without_any_value_and_subgroups_without_some_make_a_report(without_pictures, tmp_path):
    table = a_clinical_table(("0", "1"))
    values = table.values.copy()
    values[:, 3] = np.nan
    rows = [row | ({"age": "NA"} if row["patient_id"] == "P003" else {}) for row in table.rows]
    settings = dataclasses.replace(QUICK, repeats=1, missing="impute")
    training = learning.train(dataclasses.replace(table, rows=rows, values=values), "outcome", settings)
    report.write(training, [], tmp_path, ("age",))
    found = {row["subgroup"]: row["lesions"] for row in rows_of(tmp_path / "subgroups.csv")}
    assert found["unknown"] == "1"
    assert len(found) == 3


def test_a_page_with_a_wrong_number_is_found_out(folder, tmp_path):
    for path in folder.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    page = (folder / "report.html").read_text(encoding="utf-8")
    right = next(rows for file, rows in tables_of(page) if file == "performance.csv")[1][3]
    wrong = page.replace(f">{right}</td>", ">0.12 (0.34 to 0.56)</td>", 1)
    (tmp_path / "report.html").write_text(wrong, encoding="utf-8")
    (strange,) = numbers_not_in_their_files(tmp_path / "report.html")
    assert strange.startswith("performance.csv")


def test_the_page_loads_nothing_and_runs_nothing(folder):
    page = page_in(folder)
    assert "<script" not in page
    assert "://" not in page
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) <= {
        "",
        *(f"#{each}" for each in re.findall(r'id="(\w+)"', page)),
    }
    assert not re.search(r"<(link|iframe|object|embed|form|base)\b", page)


def test_the_page_names_no_patient(trained, folder):
    page = page_in(folder)
    for lesions in (trained.lesions, trained.test_lesions):
        for patient in lesions.patients:
            assert not re.search(rf"\b{patient}\b", page)


def test_the_study_protocol_has_no_out_of_fold_rows(without_pictures, tmp_path):
    training = learning.train(a_table(), "outcome", dataclasses.replace(QUICK, protocol="study"))
    report.write(training, [], tmp_path)
    assert "out_of_fold.csv" not in names_in(tmp_path)
    text = page_in(tmp_path)
    assert "depends on its luck" in text
    assert "AUC on test rows" in text
    assert "Performance was measured by nested cross-validation" not in text
    assert "The threshold was chosen on training rows" in text


def test_three_classes_have_their_mean_and_their_rows(three_classes, without_pictures, tmp_path):
    report.write(three_classes, [], tmp_path)
    tables = dict(tables_of(page_in(tmp_path)))
    assert [row[:2] for row in tables["performance.csv"] if row[0] == "mean of the classes"] == [
        ["mean of the classes", "training (apparent)"], ["mean of the classes", "cross-validated"]
    ]  # fmt: skip
    assert [row[1] for row in tables["operating_points.csv"] if row[0] == "low"] == [
        "training (apparent)", "cross-validated"
    ]  # fmt: skip
    assert numbers_not_in_their_files(tmp_path / "report.html") == []
    assert {row["class"] for row in rows_of(tmp_path / "decision_curve.csv")} == {"high", "low", "none"}


def test_each_class_against_the_rest_has_its_path_in_a_file(without_pictures, tmp_path):
    settings = dataclasses.replace(QUICK, lasso_target="one-vs-rest", repeats=1)
    training = learning.train(a_table(classes=("high", "low", "none")), "outcome", settings)
    report.write(training, [], tmp_path)
    assert {path.name for path in tmp_path.glob("lasso_path*")} == {
        "lasso_path.csv", "lasso_path_0.csv", "lasso_path_1.csv"
    }  # fmt: skip
    assert "<code>lasso_path_1.csv</code>" in page_in(tmp_path)


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-cmd|x", "@SUM(A1)", "\tx", "\r=1"])
def test_text_that_a_spreadsheet_program_would_run_is_made_harmless(text):
    assert report_tables.without_formulas([{text: text}]) == [{f"'{text}": f"'{text}"}]


@pytest.mark.parametrize("cell", ["-1.5", "+2e3", "-", "+", "P=1", "", -1.5, None])
def test_numbers_and_signs_stay_as_they_are(cell):
    assert report_tables.without_formulas([{"x": cell}]) == [{"x": cell}]


def test_names_from_a_strangers_table_stay_text(without_pictures, tmp_path):
    table = a_table(classes=("=cmd|x", "<b>&|`"))
    rows = [
        {
            **row,
            "patient_id": f"=<s>{row['patient_id']}",
            "<u>col": ("<i>x", 'y" onload="z')[int(row["patient_id"][1:]) % 2],
        }
        for row in table.rows
    ]
    training = learning.train(dataclasses.replace(table, rows=rows), "outcome", QUICK)
    report.write(training, [], tmp_path, ("<u>col",))
    assert {row["outcome"] for row in rows_of(tmp_path / "radscores.csv")} == {"'=cmd|x", "<b>&|`"}
    assert all(row["patient_id"].startswith("'=<s>P") for row in rows_of(tmp_path / "out_of_fold.csv"))
    text = page_in(tmp_path)
    for markup in ("<b>&|", "<s>", "<u>", "<i>", ' onload="'):
        assert markup not in text
    assert "&lt;b&gt;&amp;|`" in text
    assert "&lt;u&gt;col" in text
    assert "&lt;i&gt;x" in text
    assert "=&lt;s&gt;" not in text


def test_the_same_training_gives_the_same_bytes(trained, claims, folder, tmp_path, monkeypatch):
    def one_figure(*_):
        observed = evaluation.mean_auc(trained.evidence["cross_validated"])
        return {"permutations": training_figures.permutations(observed, trained.permuted)}

    monkeypatch.setattr(report, "_figures", one_figure)
    for path in report.write(trained, claims, tmp_path, ("density", "age"))[1:]:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_what_an_earlier_report_left_is_removed_and_other_files_stay(three_classes, without_pictures, tmp_path):
    for name in ("report.md", "table1.json", "permuted.csv", "radscores_test.svg", "lasso_path_1.csv", "notes.txt"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    paths = report.write(three_classes, [], tmp_path)
    assert names_in(tmp_path) == {path.name for path in paths} | {"notes.txt"}


def test_a_report_that_cannot_be_written_leaves_the_old_one(three_classes, without_pictures, tmp_path, monkeypatch):
    report.write(three_classes, [], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    written = []

    def fail_at_the_fifth(path, content):
        written.append(path)
        if len(written) == 5:
            raise InputError("no space left")
        files.write_atomically(path, content)

    monkeypatch.setattr(report_files, "write_atomically", fail_at_the_fifth)
    with pytest.raises(InputError, match="no space left"):
        report.write(dataclasses.replace(three_classes, selected=[]), [], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_refuses_a_folder_that_is_a_file_or_has_a_folder_in_the_place_of_a_file(
    three_classes, without_pictures, tmp_path
):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="Choose another folder"):
        report.write(three_classes, [], tmp_path / "file")
    (tmp_path / "folder" / "metrics.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"metrics\.json"):
        report.write(three_classes, [], tmp_path / "folder")
    assert names_in(tmp_path / "folder") == {"metrics.json"}


def test_the_claim_of_the_nested_protocol_is_the_models_own(trained, claims):
    nested = [claim["auc"] for claim in claims if claim["protocol"] == "nested"]
    assert np.mean(nested) == pytest.approx(trained.model.manifest["metrics"]["cross_validated"]["auc"]["1"]["mean"])
