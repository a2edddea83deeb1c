"""From rows of strangers' tables to units of analysis and variables."""

from __future__ import annotations

import numpy as np
import pytest
from MammoRadiomicsLib.clinical import columns, units
from MammoRadiomicsLib.errors import InputError


def a_row(patient: str, side: str, **cells: str) -> dict[str, str]:
    return {"patient_id": patient, "laterality": side, "grade": "I", "outcome": "0"} | cells


@pytest.fixture
def some_rows() -> list[dict[str, str]]:
    """Ten patients with both breasts, one of whom has another grade on the other side."""
    rows = [a_row(f"P{i}", side, grade="I" if i % 2 else "II") for i in range(10) for side in "LR"]
    rows[3]["grade"] = "III"
    return rows


def test_contradicting_units_are_counted_and_left_out(some_rows):
    found, (grade,), _ = units.gather(some_rows, "patient", ("outcome",))
    assert len(found.rows) == 9
    assert found.excluded == ({"reason": "contradicting values", "column": "grade", "units": 1},)
    assert "P1" not in found.patients
    assert grade.levels == ("I", "II")


def test_a_smaller_unit_has_no_contradiction(some_rows):
    found, (grade,), _ = units.gather(some_rows, "breast", ("outcome",))
    assert (len(found.rows), len(np.unique(found.patients)), found.excluded) == (20, 10, ())
    assert grade.levels == ("I", "II", "III")


def test_a_contradicting_outcome_is_left_out_too(some_rows):
    some_rows[0]["outcome"] = "1"
    found, *_ = units.gather(some_rows, "patient", ("outcome",))
    assert [(row["column"], row["units"]) for row in found.excluded] == [("outcome", 1), ("grade", 1)]


def test_equal_numbers_and_missing_cells_contradict_nothing(some_rows):
    for i, row in enumerate(some_rows):
        row["grade"] = ("2", "2.0", "", "NA")[i % 4] if i < 12 else "3"
    found, (grade,), _ = units.gather(some_rows, "patient", ("outcome",))
    assert found.excluded == ()
    assert grade.levels == ("2", "3")
    assert np.count_nonzero(grade.known) == 7


def test_the_breast_needs_its_side(some_rows):
    with pytest.raises(InputError, match="no column laterality"):
        units.gather([{"patient_id": "P1", "outcome": "0"}], "breast", ("outcome",))
    some_rows[0]["laterality"] = ""
    with pytest.raises(InputError, match="1 rows of the table have no laterality"):
        units.gather(some_rows, "breast", ("outcome",))


def test_codes_of_patients_and_free_text_are_never_analysed():
    rows = [
        a_row(f"P{i}", "L", hospital_number=str(5000 + 7 * i), name=f"Name {i}", grade=str(i % 2), age=str(40 + i % 9))
        for i in range(40)
    ]
    _, found, unusable = units.gather(rows, "patient", ("outcome",))
    assert [each.name for each in found] == ["grade", "age"]
    assert set(unusable) == {"hospital_number", "name"}
    assert not any("Name 3" in reason or "5007" in reason for reason in unusable.values())


def test_her2_is_derived_by_the_rule_of_2018():
    rows = [a_row("P1", "L", her2_ihc="2+", her2_fish=""), a_row("P2", "L", her2_ihc="2+", her2_fish="positive")]
    assert [row["her2"] for row in units.with_her2(rows)] == ["", "positive"]


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("Ki67 (%)", "biopsy"),
        ("Age (years)", "imaging"),
        ("Clinical stage", "surgery"),
        ("vascular_tumor_thrombus", "surgery"),
        ("slnm", "surgery"),
        ("ca15_3", "not stated"),
    ],
)
def test_columns_have_a_time(name, time):
    assert columns.time_of(name) == time
    assert columns.time_of(name, {name: "biopsy"}) == "biopsy"


def test_levels_keep_the_order_of_their_field():
    assert columns.in_order(["positive", "zero", "low"]) == ("zero", "low", "positive")
    assert columns.in_order(["10", "9", "other"]) == ("9", "10", "other")


def test_other_peoples_names_are_taken_and_checked():
    rows = [{"ID1": "a", "Age": "50"}]
    assert columns.renamed(rows, {"patient_id": "ID1"}) == [{"patient_id": "a", "Age": "50"}]
    with pytest.raises(InputError, match="no column 'ID2'"):
        columns.renamed(rows, {"patient_id": "ID2"})
    with pytest.raises(InputError, match="has a column Age already"):
        columns.renamed(rows, {"Age": "ID1"})
