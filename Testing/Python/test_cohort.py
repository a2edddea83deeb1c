"""Tables: what is read, what is joined, and what is refused."""

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import cohort, lesions, tables
from MammoRadiomicsLib.errors import InputError


def a_file(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_cohort_with_paths_relative_to_the_file(tmp_path):
    path = a_file(tmp_path / "cohort.csv", "\ufeffpatient_id,image,mask,slnm\nP1, a b.png ,m.png,1\n")
    (row,) = cohort.read_cohort(path)
    assert row["patient_id"] == "P1"
    assert row["lesion_id"] == "1"
    assert row["image"] == str(tmp_path / "a b.png")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no rows"),
        ("patient_id,image\n", "no rows"),
        ("patient_id,image\nP1\n", "Row 2 of t.csv has 1 cells, the header 2"),
        ("patient_id,patient_id\nP1,P2\n", "two columns of the same name"),
        ("patient_id,image\n,a.png\n", "Row 2 of t.csv has no patient_id"),
    ],
)
def test_refuses_an_unusable_cohort(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        cohort.read_cohort(a_file(tmp_path / "t.csv", text))


def test_refuses_a_table_that_is_missing_or_not_utf_8(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        tables.read_rows(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("patient_id\nM\xfcller\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        tables.read_rows(tmp_path / "latin.csv")


def test_features_are_written_and_read_with_every_digit(tmp_path):
    table = a_table(lesions=3)
    rows = [
        row | dict(zip(table.names, v.tolist(), strict=True)) for row, v in zip(table.rows, table.values, strict=True)
    ]
    tables.write_rows(tmp_path / "features.csv", rows)
    read = tables.read_features(tmp_path / "features.csv")
    assert read.names == table.names
    np.testing.assert_array_equal(read.values, table.values)
    assert read.rows == table.rows


@pytest.mark.parametrize("cell", ["", "nan", "inf", "high"])
def test_refuses_a_feature_that_is_no_finite_number(tmp_path, cell):
    path = a_file(tmp_path / "f.csv", f"patient_id,original_firstorder_Mean\nP1,1\nP2,{cell}\n")
    with pytest.raises(InputError, match="row 3, column original_firstorder_Mean"):
        tables.read_features(path)


def test_outcomes_come_from_the_cohort_by_case():
    table = tables.FeatureTable(
        [{"patient_id": "P1", "view": "CC"}, {"patient_id": "P1", "view": "MLO"}], ("a",), np.zeros((2, 1))
    )
    rows = [{"patient_id": "P1", "view": view, "slnm": "1"} for view in ("MLO", "CC")]
    assert [row["slnm"] for row in cohort.with_cohort(table, rows).rows] == ["1", "1"]
    with pytest.raises(InputError, match="Case P1 MLO has features but no row in the cohort"):
        cohort.with_cohort(table, rows[1:])


def test_views_of_a_lesion_are_averaged_or_stand_side_by_side():
    table = a_table(lesions=4, features=3)
    mean = lesions.from_table(table, "outcome", "mean")
    np.testing.assert_allclose(mean.values, (table.values[0::2] + table.values[1::2]) / 2)
    beside = lesions.from_table(table, "outcome", "concat")
    np.testing.assert_array_equal(beside.values[1], table.values[2:4].ravel())
    assert beside.names[0].startswith("CC/")
    one = lesions.from_table(table, "outcome", "MLO")
    np.testing.assert_array_equal(one.values, table.values[1::2])


def test_only_the_first_reader_trains():
    table = a_table(lesions=4, features=3, views=("CC",))
    rows = [row | {"reader": reader} for reader in ("A", "B") for row in table.rows]
    both = tables.FeatureTable(rows, table.names, np.vstack([table.values, table.values + 100]))
    np.testing.assert_array_equal(lesions.from_table(both, "outcome").values, table.values)


def test_refuses_contradicting_outcomes_of_one_lesion():
    table = a_table(lesions=4, features=3)
    table.rows[1]["outcome"] = "1"
    with pytest.raises(InputError, match="Case P000 has contradicting values of outcome: 0, 1"):
        lesions.from_table(table, "outcome")


def test_two_lesions_of_one_patient_may_differ_and_unknown_ones_are_counted():
    labels = {"1": "0", "2": "1", "3": ""}
    rows = [{"patient_id": "P1", "lesion_id": lesion, "slnm": label} for lesion, label in labels.items()]
    found = lesions.from_table(tables.FeatureTable(rows, ("a",), np.zeros((3, 1))), "slnm")
    assert found.target.tolist() == [0, 1]
    assert found.patients.tolist() == ["P1", "P1"]
    assert found.excluded == {"no outcome": 1}


# Wolff et al., J Clin Oncol 36:2105 (2018), as METHODS.md restates it.
@pytest.mark.parametrize(
    ("ihc", "fish", "expected"),
    [
        ("0", "", "zero"),
        ("1+", "", "low"),
        ("2+", "negative", "low"),
        ("2+", "positive", "positive"),
        ("3+", "", "positive"),
        ("2+", "", ""),
        ("", "", ""),
    ],
)
def test_her2_follows_from_ihc_and_fish(ihc, fish, expected):
    assert lesions.her2_class(ihc, fish) == expected


def test_refuses_an_unknown_her2_score():
    with pytest.raises(InputError, match="'4' with her2_fish '' is not a HER2 result"):
        lesions.her2_class("4", "")


def test_an_outcome_that_says_it_is_missing_is_no_class_and_a_whole_number_is_written_in_any_way():
    table = a_table(lesions=12, features=3)
    words = {"0": "0.0", "1": "1.0"}
    for row in table.rows:
        row["slnm"] = "NA" if row["patient_id"] in ("P000", "P001") else words[row["outcome"]]
    data = lesions.from_table(table, "slnm")
    assert data.classes == ("0", "1")
    assert data.excluded == {"no outcome": 2}
    for row in table.rows:
        row["new"] = row["slnm"]
    assert lesions.from_table(table, "new").classes == ("0", "1")


def test_a_scanner_that_says_it_is_missing_is_no_scanner():
    table = a_table(lesions=12, features=3)
    for row in table.rows:
        row["scanner"] = "n/a" if row["patient_id"] == "P003" else "A"
    with pytest.raises(InputError, match="Case P003 CC has nothing in the column scanner"):
        lesions.from_table(table, "outcome", centre="scanner")


def test_refuses_an_unknown_class_and_a_single_class():
    table = a_table(lesions=4, features=3)
    with pytest.raises(InputError, match="no column slnm"):
        lesions.from_table(table, "slnm")
    for row in table.rows:
        row["slnm"] = "yes"
    with pytest.raises(InputError, match="slnm has the value 'yes'; it should be one of 0, 1"):
        lesions.from_table(table, "slnm")
    for row in table.rows:
        row["slnm"] = "1"
    with pytest.raises(InputError, match="All lesions of the table have slnm '1'; training needs two classes"):
        lesions.from_table(table, "slnm")
    for row in table.rows:
        row["growth"] = "macro" if row["patient_id"] == table.rows[0]["patient_id"] else "micro"
    with pytest.raises(InputError, match="growth has the value 'macro', which names the average"):
        lesions.from_table(table, "growth")


def test_two_breasts_of_one_patient_are_two_lesions():
    rows = [{"patient_id": "P1", "laterality": side, "view": "CC", "slnm": s} for side, s in (("L", "0"), ("R", "1"))]
    found = lesions.from_table(tables.FeatureTable(rows, ("a",), np.array([[1.0], [2.0]])), "slnm")
    assert found.values.tolist() == [[1.0], [2.0]]
    assert found.patients.tolist() == ["P1", "P1"]


def test_refuses_a_lesion_that_is_there_twice_and_a_row_without_patient():
    table = a_table(lesions=4, features=3)
    table.rows[1]["view"] = "CC"
    with pytest.raises(InputError, match="Case P000 CC is in the table twice"):
        lesions.from_table(table, "outcome")
    table.rows[0]["patient_id"] = ""
    with pytest.raises(InputError, match="Row 2 of the table has no patient_id"):
        lesions.from_table(table, "outcome")
    rows = [{"patient_id": "P1", "view": "CC", "slnm": "1"}] * 2
    with pytest.raises(InputError, match="Case P1 CC is in the cohort twice"):
        cohort.with_cohort(table, rows)


def test_counts_lesions_that_the_first_reader_left_out():
    table = a_table(lesions=4, features=3, views=("CC",))
    rows = [row | {"reader": "A" if i < 3 else "B"} for i, row in enumerate(table.rows)]
    table = tables.FeatureTable(rows, table.names, table.values)
    assert lesions.from_table(table, "outcome").excluded == {"no outline by the reader": 1}
    assert lesions.from_table(table, "outcome", classes=("0", "1"), reader="B").excluded == {
        "no outline by the reader": 3
    }
    with pytest.raises(InputError, match="The table has no reader 'C'; it has A, B"):
        lesions.from_table(table, "outcome", reader="C")


def test_numbers_are_classes_in_their_order():
    rows = [{"patient_id": f"P{i}", "grade": grade} for i, grade in enumerate(("10", "2", "1"))]
    assert lesions.from_table(tables.FeatureTable(rows, ("a",), np.zeros((3, 1))), "grade").classes == ("1", "2", "10")


def test_says_why_lesions_were_left_out():
    ihc = ["0", "1+", "2+", "2+", "", "3+"]
    rows = [{"patient_id": f"P{i}", "her2_ihc": score, "view": "CC"} for i, score in enumerate(ihc)]
    rows[3]["her2_fish"] = "negative"
    rows.append({"patient_id": "P7", "her2_ihc": "0", "view": "MLO"})
    values = np.zeros((7, 1))
    values[5] = np.nan
    table = tables.FeatureTable(rows, ("a",), values)
    found = lesions.from_table(table, "her2", "CC", complete=True)
    assert found.excluded == {
        "IHC 2+ without FISH": 1, "no outcome": 1, "a feature is missing": 1, "no CC view": 1
    }  # fmt: skip
    assert [found.classes[i] for i in found.target] == ["zero", "low", "low"]


def test_a_column_says_what_is_kept_for_the_test():
    table = a_table(lesions=4, features=3)
    for i, row in enumerate(table.rows):
        row["part"] = "Test" if i >= 6 else "train"
    assert lesions.from_table(table, "outcome", split="part").split == ("train", "train", "train", "test")
    with pytest.raises(InputError, match="no column side for the split"):
        lesions.from_table(table, "outcome", split="side")
    table.rows[0]["part"] = "test"
    with pytest.raises(InputError, match="Patient P000 is in train and in test"):
        lesions.from_table(table, "outcome", split="part")
    table.rows[0]["part"] = "hold"
    with pytest.raises(InputError, match="'hold' in the column part; write train or test"):
        lesions.from_table(table, "outcome", split="part")
    for row in table.rows:
        row["part"] = "train"
    with pytest.raises(InputError, match="puts no lesion into test"):
        lesions.from_table(table, "outcome", split="part")


def test_perturbed_outlines_follow_their_lesion_and_are_no_cases_of_their_own():
    rows = [{"patient_id": f"P{i}", "reader": reader} for i in (1, 2) for reader in ("", "perturbed-1")]
    table = tables.FeatureTable(rows, ("a",), np.zeros((4, 1)))
    joined = cohort.with_cohort(table, [{"patient_id": f"P{i}", "slnm": str(i - 1)} for i in (1, 2)])
    assert [row["slnm"] for row in joined.rows] == ["0", "0", "1", "1"]
    assert lesions.from_table(joined, "slnm").values.shape == (2, 1)


def test_refuses_a_spacing_that_is_no_number():
    with pytest.raises(InputError, match="Case P1 has the pixel_spacing_mm '0,1'"):
        tables.spacing_of({"patient_id": "P1", "pixel_spacing_mm": "0,1"})
