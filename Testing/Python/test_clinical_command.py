"""The terminal's `clinical`, from a table to a folder."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from html_tables import markup_of, numbers_not_in_their_files, tables_of
from MammoRadiomicsLib import command_line
from MammoRadiomicsLib.commands import clinical
from MammoRadiomicsLib.errors import InputError
from shared_data import PROJECT, shared_folder
from test_clinical_baseline import PUBLISHED_P

pytest.importorskip("statsmodels")


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = command_line.main(["clinical", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_cmmd_table_goes_through_without_editing(capsys, tmp_path):
    table = shared_folder("clinical_tables") / "CMMD_clinicaldata_revision.xlsx"
    code, out, _ = run(
        capsys, "--cohort", table, "--outcome", "subtype", "--unit", "breast", "--report", tmp_path,
        "--columns", "patient_id=ID1,laterality=LeftRight,age=Age",
    )  # fmt: skip
    assert code == 0
    assert "1872 units (breast) of 1775 patients" in out
    found = json.loads((tmp_path / "clinical.json").read_text(encoding="utf-8"))
    assert found["outcome"]["unknown"] == 1123
    (by_outcome,) = found["tables"]
    assert by_outcome["groups"]["subtype Luminal B"] == 376
    (multinomial,) = found["regressions"]
    full = multinomial["models"]["full"]
    assert (full["units"], full["classes"]) == (749, [376, 135, 152, 86])
    assert len(full["terms"]) == 3 * 3
    # Of those with a known subtype every one is malignant.
    assert any("classification is left out" in note for note in full["notes"])
    _numbers_of_both_files_are_equal(full["terms"], rows_of(tmp_path / "full_model.csv"))
    assert not any("D1-00" in path.read_text(encoding="utf-8") for path in tmp_path.glob("*.[cj]s*"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "D1-00" not in markup_of(page)
    assert numbers_not_in_their_files(tmp_path / "report.html") == []
    assert "<b>1,872 breasts of 1,775 patients</b>" in page
    assert '<div class="box aside"><div>no outcome, not in the regressions</div><b>1,123 breasts</b>' in page


def _numbers_of_both_files_are_equal(terms: list[dict], rows: list[dict[str, str]]) -> None:
    for term, row in zip(terms, rows, strict=True):
        assert float(row["odds_ratio"]) == term["odds_ratio"]
        assert float(row["wald_high"]) == term["wald_high"]


def test_both_breasts_of_a_patient_may_contradict_each_other(capsys, tmp_path):
    table = shared_folder("clinical_tables") / "CMMD_clinicaldata_revision.xlsx"
    code, out, _ = run(
        capsys, "--cohort", table, "--outcome", "classification", "--unit", "patient", "--report", tmp_path,
        "--columns", "patient_id=ID1", "laterality=LeftRight", "--predictors", "Age", "abnormality",
    )  # fmt: skip
    assert code == 0
    assert "Left out: 30 units, contradicting values." in out
    assert rows_of(tmp_path / "excluded.csv") == [
        {"reason": "contradicting values", "column": "classification", "units": "30"}
    ]


@pytest.fixture(scope="module")
def a_study(tmp_path_factory):
    """A cohort of 838 whose columns have the study's counts on both sides of its split."""
    path = PROJECT.parent / "shared" / "paper" / "table1_baseline.csv"
    if not path.exists():
        pytest.skip("the study's Table 1 is not beside the project")
    columns: dict[str, list[str]] = {"split": ["train"] * 588 + ["test"] * 250}
    rng = np.random.default_rng(1)
    names = dict.fromkeys(row["variable"] for row in rows_of(path))
    for side in ("training", "test"):
        for name in names:
            cells = [row["level"] for row in rows_of(path) if row["variable"] == name for _ in range(int(row[side]))]
            columns.setdefault(name, []).extend(rng.permutation(cells).tolist())
    folder = tmp_path_factory.mktemp("study")
    with (folder / "cohort.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", *columns])
        writer.writerows([f"secret-{i}", *cells] for i, cells in enumerate(zip(*columns.values(), strict=True)))
    return folder / "cohort.csv"


def test_the_studys_table_and_design_come_out_of_the_command(capsys, a_study, tmp_path):
    code, out, _ = run(
        capsys, "--cohort", a_study, "--outcome", "slnm", "--split", "split", "--predictors", "study",
        "--columns", "slnm=Sentinel lymph node metastasis", "--report", tmp_path,
    )  # fmt: skip
    assert code == 2  # yes and no are no 0 and 1
    code, out, _ = run(
        capsys, "--cohort", a_study, "--outcome", "Sentinel lymph node metastasis", "--split", "split",
        "--predictors", "study", "--report", tmp_path,
    )  # fmt: skip
    assert code == 0
    assert "not a preoperative model" in out
    printed = {row["variable"]: row["P"] for row in rows_of(tmp_path / "table1_split.csv") if row["P"]}
    assert {name: float(printed[name]) for name in PUBLISHED_P} == PUBLISHED_P
    found = json.loads((tmp_path / "clinical.json").read_text(encoding="utf-8"))
    assert found["label"] == "not a preoperative model"
    full = found["regressions"][0]["models"]["full"]
    assert len(full["variables"]) == 20
    assert full["units"] == 588
    assert {term["reference"] for term in full["terms"] if term["variable"] == "Ethnicity"} == {"Han"}
    assert (tmp_path / "forest_1.png").stat().st_size > 20_000
    assert not any("secret" in path.read_text(encoding="utf-8", errors="ignore") for path in tmp_path.iterdir())


def test_by_default_nothing_from_surgery_explains_the_outcome(capsys, a_small_table, tmp_path):
    code, *_ = run(capsys, "--cohort", a_small_table, "--outcome", "slnm", "--report", tmp_path / "report")
    assert code == 0
    found = json.loads((tmp_path / "report" / "clinical.json").read_text(encoding="utf-8"))
    used = {each["column"]: each["predictor"] for each in found["columns"]}
    assert used == {"age": True, "clinical_stage": False, "ca15_3": True, "<b>x|": True}
    assert found["label"] == ""
    assert any("ca15_3" in note and "--time" in note for note in found["notes"])


@pytest.mark.parametrize(("outcome", "used"), [("er", False), ("slnm", True)])
def test_a_subtype_explains_nothing_that_it_is_made_of(capsys, tmp_path, outcome, used):
    lines = [f"patient_id,{outcome},age,subtype"]
    lines += [f"P{i},{int(i * 7 % 11 < 5)},{40 + i * 5 % 31},{'luminal' if i % 3 else 'basal'}" for i in range(80)]
    (tmp_path / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path / "report"
    assert run(capsys, "--cohort", tmp_path / "cohort.csv", "--outcome", outcome, "--report", folder)[0] == 0
    found = json.loads((folder / "clinical.json").read_text(encoding="utf-8"))
    assert {each["column"]: each["predictor"] for each in found["columns"]} == {"age": True, "subtype": used}


def test_a_table_is_never_replaced_by_the_report_on_it(capsys, a_small_table, tmp_path):
    table = a_small_table.rename(tmp_path / "excluded.csv")
    before = table.read_bytes()
    code, _, err = run(capsys, "--cohort", table, "--outcome", "slnm", "--report", tmp_path)
    assert code == 2
    assert "excluded.csv is read and would be overwritten" in err
    assert [path.name for path in tmp_path.iterdir()] == ["excluded.csv"]
    assert table.read_bytes() == before


@pytest.fixture
def a_small_table(tmp_path):
    lines = ["patient_id,slnm,age,clinical_stage,ca15_3,<b>x|"]
    for i in range(80):
        level = "=SUM(A1)" if i % 3 else "<script>"
        lines.append(f"P{i},{int(i * 7 % 11 < 5)},{40 + i * 5 % 31},{'I' * (1 + i % 3)},{20 + i * 3 % 17},{level}")
    (tmp_path / "cohort.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "cohort.csv"


def test_strangers_names_are_text_and_nothing_else(capsys, a_small_table, tmp_path):
    folder = tmp_path / "report"
    assert run(capsys, "--cohort", a_small_table, "--outcome", "slnm", "--report", folder)[0] == 0
    page = markup_of((folder / "report.html").read_text(encoding="utf-8"))
    assert "<script" not in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x|" in page
    assert "&lt;script&gt;" in page
    levels = {row["level"] for row in rows_of(folder / "table1_outcome.csv")}
    assert "'=SUM(A1)" in levels


def test_an_earlier_report_leaves_nothing_behind(capsys, a_small_table, tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    for name in ("forest_9.png", "brant.csv", "clinical.md", "notes.txt"):
        (folder / name).write_text("earlier")
    assert run(capsys, "--cohort", a_small_table, "--outcome", "slnm", "--report", folder)[0] == 0
    names = {path.name for path in folder.iterdir()}
    assert "notes.txt" in names
    assert not {"forest_9.png", "brant.csv", "clinical.md"} & names


def test_the_page_has_its_tables_figures_methods_and_answers(capsys, a_small_table, tmp_path):
    folder = tmp_path / "report"
    assert run(capsys, "--cohort", a_small_table, "--outcome", "slnm", "--report", folder)[0] == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert numbers_not_in_their_files(folder / "report.html") == []
    shown = [file for file, _ in tables_of(page)]
    assert shown[:3] == ["table1_outcome.csv", "univariable.csv", "full_model.csv"]
    assert shown[-3:] == ["checklist_clear.csv", "checklist_metrics.csv", "checklist_tripod_ai.csv"]
    assert page.count("data:image/png;base64,") == 1
    assert "Associations with slnm were estimated by logistic regression" in page
    assert f"numpy {np.__version__}" in page
    assert {row["status"] for row in rows_of(folder / "checklist_clear.csv")} == {"answered", "in part"}
    assert "Content-Security-Policy" in page
    assert "://" not in markup_of(page)
    for path in folder.iterdir():
        assert path.name == "report.html" or f"<code>{path.name.replace('.svg', '.png')}</code>" in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--outcome", "grade"), "no column 'grade'"),
        (("--outcome", "slnm", "--unit", "breast"), "no column laterality"),
        (("--outcome", "slnm", "--split", "age"), "a split has 2 to 6"),
        (("--outcome", "slnm", "--split", "slnm"), "cannot be the outcome and the split"),
        (("--outcome", "slnm", "--predictors", "size"), "size cannot be a predictor"),
        (("--outcome", "slnm", "--predictors", "laterality"), "laterality cannot be a predictor: it says whose image"),
        (("--outcome", "slnm", "--predictors", "slnm"), "slnm cannot be a predictor: it is the outcome"),
        (("--outcome", "slnm", "--time", "age=later"), "The time 'later' of age is none of"),
        (("--outcome", "slnm", "--time", "size=surgery"), "--time names size"),
        (("--outcome", "slnm", "--reference", "clinical_stage"), "write NAME=VALUE"),
        (("--outcome", "slnm", "--columns", "age=age2"), "no column 'age2'"),
        (("--outcome", "age"), "is a quantity"),
    ],
)
def test_what_cannot_be_analysed_is_refused_in_one_sentence(capsys, a_small_table, tmp_path, arguments, sentence):
    code, out, err = run(capsys, "--cohort", a_small_table, *arguments, "--report", tmp_path / "report")
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "report").exists()


def test_without_statsmodels_the_remedy_is_said(capsys, a_small_table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    code, _, err = run(capsys, "--cohort", a_small_table, "--outcome", "slnm", "--report", tmp_path / "report")
    assert code == 2
    assert "needs the Python package statsmodels" in err


def test_pairs_may_hold_commas_and_signs():
    assert clinical.pairs(["a=b,c=d, e", "f=>=2"], "--columns") == {"a": "b", "c": "d, e", "f": ">=2"}
    with pytest.raises(InputError, match="names a twice"):
        clinical.pairs(["a=1,a=2"], "--columns")
