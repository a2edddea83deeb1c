"""The frame of all reports: text stays text, nothing is loaded, numbers come from files; checklists and methods."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from html_tables import tables_of
from made_up import a_table
from MammoRadiomicsLib import learning
from MammoRadiomicsLib.clinical import methods as clinical_methods
from MammoRadiomicsLib.reports import (
    checklists,
    flow,
    html_page,
    methods_text,
    report_answers,
    report_cohort,
    report_tables,
)
from MammoRadiomicsLib.reports.html_page import Html, element
from MammoRadiomicsLib.reports.report_page import Item, Page, Section, files
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings
from MammoRadiomicsLib.stability import Repeats

QUICK = TrainingSettings(folds=2, calibration_folds=3, lasso_folds=3, holdout=0.3)
A_PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (1063).to_bytes(4, "big") + bytes(9)


def test_only_html_enters_an_element_unescaped():
    found = element("p", "<b>&", Html("<i>x</i>"), 3, title='"<')
    assert found == '<p title="&quot;&lt;">&lt;b&gt;&amp;<i>x</i>3</p>'
    assert isinstance(found, Html)


def test_a_page_lets_a_browser_run_and_load_nothing():
    page = html_page.page("<t>", "p { }", element("p", "x"))
    assert "Content-Security-Policy" in page
    assert "default-src &#x27;none&#x27;" in page
    assert "<title>&lt;t&gt;</title>" in page


def a_page() -> str:
    items = [
        Item("a.csv", "first", "Numbers & more", lambda rows: rows),
        Item("a.png", "first", "A figure"),
        Item("hidden.csv", "first", "not shown"),
        Item("b.csv", "second", "Absent", lambda rows: rows),
    ]
    frame = Page(items, {"a.csv": [{"x<": "1.5", "y": "<u>"}], "hidden.csv": [{"z": 1}]}, {"a.png": A_PNG})
    sections = [Section("first", "One"), Section("second", "Two"), Section("third", "Three")]
    return frame.write("Title", ["Beware <>"], sections, {"third": ["said"]})


def test_a_page_numbers_its_tables_and_figures_and_leaves_empty_sections_out():
    page = a_page()
    assert tables_of(page) == [("a.csv", [["x<", "y"], ["1.5", "<u>"]])]
    assert "Table 1.</b> Numbers &amp; more." in page
    assert "Figure 1.</b> A figure." in page
    assert re.findall(r'<h2 id="(\w+)">', page) == ["first", "third"]
    assert "Beware &lt;&gt;" in page
    # Half the width of a page, as in print.
    assert 'style="width: 50%"' in page


def test_files_are_listed_once_with_what_they_are():
    items = [Item("a.csv", "x", "numbers"), Item("a.csv", "y", "the same"), Item("b.png", "y", "figure")]
    listed = files(items, ["a.csv", "b.png"])
    assert listed.count("a.csv") == 1
    assert "<code>a.csv</code>: numbers" in listed
    assert "figure; also as SVG" in listed


def test_the_flow_shows_what_was_left_out_beside_the_line_and_parts_at_its_end():
    steps = [
        flow.step(flow.KEPT, "In the table", 1200, "lesions", patients=1000),
        flow.step(flow.LEFT_OUT, "<no> outcome", 1, "lesions"),
        flow.step(flow.KEPT, "Analysed", 1199, "lesions"),
        flow.step(flow.PART, "Training", 800, "lesions", detail="a & b"),
        flow.step(flow.PART, "Test", 399, "lesions"),
    ]
    drawn = flow.diagram(steps)
    assert "<b>1,200 lesions of 1,000 patients</b>" in drawn
    assert '<div class="box aside"><div>&lt;no&gt; outcome</div><b>1 lesion</b></div>' in drawn
    assert drawn.count('class="parts"') == 1
    assert "a &amp; b" in drawn


@pytest.mark.parametrize(("name", "items", "first", "last"), [
    ("CLEAR", 58, "1", "58"), ("METRICS", 30, "1", "30"), ("TRIPOD+AI", 52, "1", "27c"),
])  # fmt: skip
def test_a_checklist_has_all_its_items(name, items, first, last):
    # Counts of the published lists; TRIPOD+AI's 27 items have 52 parts.
    numbers = [topic.number for topic in checklists.LISTS[name]]
    assert len(numbers) == len(set(numbers)) == items
    assert (numbers[0], numbers[-1]) == (first, last)
    whole = [int(re.match(r"\d+", number).group()) for number in numbers]
    assert whole == sorted(whole)
    assert set(whole) == set(range(1, whole[-1] + 1))


def test_an_item_is_answered_in_part_or_open():
    found = checklists.tables({"outcome": "Yes.", "resampling": "None."})
    by_item = {row["item"]: row for row in found["checklist_clear"]}
    assert by_item["22"] == {"item": "22", "about": "Resampling", "status": "answered", "answer": "None."}
    assert by_item["18"]["status"] == "in part"
    assert by_item["18"]["answer"].startswith("Yes. For the authors: ")
    assert by_item["8"]["status"] == "open"
    of_metrics = {row["item"]: row["status"] for row in found["checklist_metrics"]}
    # Only one of three answers of item 11 is there.
    assert of_metrics["11"] == "in part"
    assert "Of 58 items: 1 answered, 1 in part, 56 open." in checklists.counted(found)[0]


def with_columns(table, **columns):
    """The table with columns whose cells are functions of the patient's number."""
    rows = [
        {**row, **{name: cell(int(row["patient_id"][1:])) for name, cell in columns.items()}} for row in table.rows
    ]  # fmt: skip
    return dataclasses.replace(table, rows=rows)


@pytest.fixture(scope="module")
def training():
    table = with_columns(
        a_table(),
        age=lambda i: str(40 + i % 29),
        density=lambda i: "abc"[i % 3],
        grade=lambda i: "" if i % 10 == 0 else "123"[i % 3],
        surname=lambda i: f"Name{i}",
        imaging_date=lambda i: f"2023-01-{1 + i % 9:02d}",
        surgery_date=lambda i: "unknown" if i == 7 else f"2023-02-{1 + i % 9:02d}",
    )
    return report_cohort.with_interval(learning.train(table, "outcome", QUICK))


def with_settings(training, **settings):
    """A training that says it was made with other settings; its numbers stay."""
    manifest = training.model.manifest
    changed = {**manifest["training"], "settings": {**manifest["training"]["settings"], **settings}}
    model = dataclasses.replace(training.model, manifest={**manifest, "training": changed})
    return dataclasses.replace(training, model=model)


def answered(training) -> dict[str, str]:
    tables = {
        "performance": report_tables.performance(training),
        "table1_outcome": [{"variable": "grade", "level": "missing"}],
        "table1_split": [],
        "protocols": [{"protocol": "nested"}],
    }
    return report_answers.answers(training, [{"column": "age"}], tables)


def test_the_days_from_imaging_to_surgery_are_counted_where_both_dates_are_known(training):
    days = report_cohort.known_days(training)
    assert days.tolist() == [31.0] * 59
    assert "median 31 days" in answered(training)["interval"]
    assert "59 lesions" in answered(training)["interval"]


def test_table_1_has_clinical_columns_and_no_names_dates_or_codes(training):
    tables = report_cohort.baseline_tables(training)
    assert [each["variable"] for each in tables["table1_outcome"]["variables"]] == ["age", "density", "grade"]
    assert next(each["variable"] for each in tables["table1_split"]["variables"]) == "outcome"
    assert tables["table1_split"]["groups"] == {"all": 60, "split train": 42, "split test": 18}
    grade = tables["table1_outcome"]["variables"][2]
    assert grade["missing"]["all"] == sum(row["grade"] == "" for part in (training.lesions, training.test_lesions)
                                          for row in part.rows) > 0  # fmt: skip


def test_subgroups_that_guidelines_ask_for_are_found_by_themselves(training):
    rows = report_cohort.subgroups(training, ())
    # All lesions have the same days, so these make no subgroups.
    assert {row["column"] for row in rows} == {"age", "density"}
    assert {row["column"] for row in report_cohort.subgroups(training, ("grade",))} == {"grade"}


def test_the_flow_of_a_training_adds_up(training):
    steps = report_cohort.steps(training)
    assert [(each["step"], each["count"], each["patients"]) for each in steps] == [
        ("kept", 60, 60), ("part", 42, 42), ("part", 18, 18)
    ]  # fmt: skip
    manifest = training.model.manifest
    left_out = {**manifest, "training": {**manifest["training"], "excluded_lesions": {"no outcome": 3}}}
    model = dataclasses.replace(training.model, manifest=left_out)
    steps = report_cohort.steps(dataclasses.replace(training, model=model))
    assert [each["count"] for each in steps] == [63, 3, 60, 42, 18]


def test_columns_fall_from_step_to_step(training):
    rows = report_tables.column_steps(training)
    counts = [row["columns"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 30
    assert counts[-1] == len(training.model.feature_names)
    assert rows[2]["step"] == "with P < 0.05 in the t-test"


def test_settings_stand_beside_those_of_the_study(training):
    rows = {row["setting"]: row for row in report_tables.settings_used(with_settings(training, smote=False))}
    assert (rows["smote"]["value"], rows["smote"]["study"]) == (False, True)
    assert rows["alpha_max"]["study"] == "same"
    assert rows["protocol"]["study"] == "study"
    assert "reader" not in rows


def test_every_answer_belongs_to_an_item_and_every_key_has_an_answer(training):
    asked = {key for topics in checklists.LISTS.values() for topic in topics for key in topic.keys}
    given = set(answered(training))
    assert given <= asked
    # Those need clinical predictors, or a column of centres.
    assert asked - given == {"combined", "combined_results", "simple", "centres"}


def test_answers_have_the_trainings_numbers(training):
    found = answered(training)
    auc = training.model.manifest["metrics"]["test"]["auc"]["1"]
    assert f"1, test: AUC {auc['mean']:.2f} ({auc['low']:.2f} to {auc['high']:.2f})" in found["performance"]
    assert "training 42 (0 21, 1 21); test 18 (0 9, 1 9)" in found["events"]
    assert found["missing"].startswith("0 lesions lack a feature.")
    assert "1 clinical columns lack values" in found["missing"]
    assert "SMOTE (5 neighbours)" in found["imbalance"]


def test_the_methods_say_what_was_done(training):
    found = methods_text.paragraphs(training)
    assert "42 lesions of 42 patients (0: 21, 1: 21)" in found["Lesions and outcome"]
    assert "bins of width 25" in found["Image features"]
    assert "LoG (sigma 1, 2, 3, 4 mm)" in found["Image features"]
    assert "were not resampled" in found["Image features"]
    assert "50 penalties from 0.0001 to 10" in found["Selection and model"]
    assert "in 3 folds by patient" in found["Selection and model"]
    assert "After standardisation SMOTE (5 neighbours)" in found["Selection and model"]
    assert "2 folds by patient, stratified, drawn once" in found["Validation"]
    assert "18 lesions of 18 patients, drawn by patient" in found["Validation"]
    for name, version in training.model.manifest["versions"].items():
        assert f"{name} {version}" in found["Software"]
    assert "Clinical and combined models" not in found
    assert "study-1409" not in found["Deviations from the published study"]


@pytest.mark.parametrize(("settings", "heading", "words"), [
    ({"smote": False}, "Selection and model", "No synthetic rows were made."),
    ({"smote": False}, "Deviations from the published study", "classes were not balanced"),
    ({"missing": "impute"}, "Lesions and outcome", "medians of the training rows"),
    ({"views": "concat"}, "Image features", "side by side"),
    ({"repeats": 5}, "Validation", "drawn 5 times"),
    ({"split": "part", "holdout": 0.0}, "Validation", "by the column part"),
    ({"protocol": "study"}, "Validation", "one model was fitted on the training rows of one split"),
    ({"protocol": "study"}, "Selection and model", "Before all that, SMOTE"),
    ({"protocol": "study"}, "Selection and model", "over the balanced rows"),
    ({"protocol": "study"}, "Deviations from the published study", "is SMOTE first"),
])  # fmt: skip
def test_the_methods_follow_the_settings(training, settings, heading, words):
    assert words in methods_text.paragraphs(with_settings(training, **settings))[heading]


@pytest.mark.parametrize(("form", "bound", "words"), [
    ("ICC(2,1)", "value", "two-way random effects, absolute agreement, single outline) exceeded 0.75, taking the corr"),
    ("ICC(1,1)", "low", "one-way random effects, single outline) exceeded 0.75, taking the lower limit"),
])  # fmt: skip
def test_the_methods_name_the_form_of_the_icc(training, form, bound, words):
    repeats = Repeats(training.lesions.patients, np.ones((42, 3, 30)), form)
    stable = StableColumns(np.ones(30, bool), (repeats,))
    changed = dataclasses.replace(with_settings(training, icc_bound=bound), stable=stable)
    assert words in methods_text.paragraphs(changed)["Stability"]
    assert "over 3 outlines" in methods_text.paragraphs(changed)["Stability"]
    assert answered(changed)["readers"].startswith("3 ")


def test_clinical_answers_belong_to_items():
    found = {
        "outcome": {"name": "slnm", "counts": {"0": 3, "1": 2}, "unknown": 0},
        "unit": "lesion", "units": 5, "excluded": [], "columns": [], "tables": [{"variables": []}],
        "settings": {"split": "side"}, "versions": {"numpy": "2"},
    }  # fmt: skip
    asked = {key for topics in checklists.LISTS.values() for topic in topics for key in topic.keys}
    assert set(clinical_methods.answers(found)) <= asked
