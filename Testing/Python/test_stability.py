"""Intraclass correlation against published tables, and what it makes of features that cannot be judged."""

import csv
import json

import numpy as np
import pytest
from MammoRadiomicsLib import stability
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.tables import FeatureTable
from shared_data import shared_folder

# Shrout and Fleiss, Psychol Bull 86:420 (1979), Table 2: six subjects, four judges; Table 4: the coefficients.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
PUBLISHED = {"ICC(1,1)": (0.17, 0.44), "ICC(2,1)": (0.29, 0.62), "ICC(3,1)": (0.71, 0.91)}


@pytest.mark.parametrize("form", PUBLISHED)
def test_the_published_coefficients_come_out(form):
    single = stability.icc(SHROUT_FLEISS[:, :, None], form)
    found = single.value[0], single.averaged(4).value[0]
    assert tuple(round(value, 2) for value in found) == PUBLISHED[form]


# R's psych 2.4 gives these intervals for the same table (its documentation's example, three decimals).
@pytest.mark.parametrize(
    ("form", "low", "high"), [("ICC(1,1)", -0.133, 0.723), ("ICC(2,1)", 0.019, 0.761), ("ICC(3,1)", 0.342, 0.946)]
)
def test_the_intervals_are_those_of_mcgraw_and_wong(form, low, high):
    found = stability.icc(SHROUT_FLEISS[:, :, None], form)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high), abs=5e-4)


def test_the_shared_table_agrees_with_an_independent_tool():
    folder = shared_folder("stats_references")
    expected = json.loads((folder / "expected.json").read_text())["icc_shrout_fleiss_1979"]["recomputed_pingouin_0.7"]
    with (folder / "shrout_fleiss_1979.csv").open() as file:
        rows = list(csv.DictReader(file))
    ratings = np.array(
        [[float(cell) for name, cell in row.items() if name.lower().startswith(("j", "r"))] for row in rows]
    )
    for form in PUBLISHED:
        assert stability.icc(ratings[:, :, None], form).value[0] == pytest.approx(expected[form], abs=5e-7)


def test_all_features_at_once_are_each_alone():
    ratings = np.random.default_rng(0).random((20, 3, 5))
    together = stability.icc(ratings, "ICC(2,1)")
    for i in range(5):
        alone = stability.icc(ratings[:, :, i : i + 1], "ICC(2,1)")
        expected = alone.value[0], alone.low[0], alone.high[0]
        assert (together.value[i], together.low[i], together.high[i]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("form", PUBLISHED)
def test_a_constant_is_not_stable_and_a_nan_stays_one(form):
    ratings = np.random.default_rng(1).random((10, 2, 4))
    ratings[:, :, 0] = 3.7
    ratings[4, 1, 1] = np.nan
    ratings[:, 1, 2] = ratings[:, 0, 2]
    found = stability.icc(ratings, form)
    assert np.isnan([found.value[0], found.low[0], found.value[1], found.high[1]]).all()
    assert (found.value[2], found.low[2], found.high[2]) == (1, 1, 1)
    assert found.low[3] < found.value[3] < found.high[3]


def a_table_of_readers(readers, cases=12):
    rng = np.random.default_rng(2)
    rows, values = [], []
    for i in range(cases):
        lesion = rng.random(3)
        for reader in readers:
            rows.append({"patient_id": f"P{i}", "view": "CC", "reader": reader})
            values.append(lesion + 0.1 * rng.random(3))
    return FeatureTable(rows, ("a", "b", "c"), np.array(values))


def test_readers_are_compared_by_absolute_agreement():
    rows = stability.report(a_table_of_readers(["A", "B"]))
    assert [row["feature"] for row in rows] == ["a", "b", "c"]
    assert {(row["form"], row["cases"], row["outlines"]) for row in rows} == {("ICC(2,1)", 12, 2)}
    assert all(row["icc"] > 0.75 for row in rows)


def test_perturbed_contours_are_compared_among_themselves():
    rows = stability.report(a_table_of_readers(["A", "perturbed-1", "perturbed-2", "perturbed-3"]))
    assert {(row["form"], row["outlines"]) for row in rows} == {("ICC(1,1)", 3)}


def test_cases_that_one_reader_left_out_do_not_count():
    table = a_table_of_readers(["A", "B"])
    shorter = FeatureTable(table.rows[:-1], table.names, table.values[:-1])
    assert {row["cases"] for row in stability.report(shorter)} == {11}


def test_says_what_prevents_a_coefficient():
    table = a_table_of_readers(["A", "B"])
    table.values[:, 0] = 1.0
    assert [row["note"] for row in stability.report(table)] == ["constant", "", ""]


def test_refuses_a_single_reader():
    with pytest.raises(InputError, match="the table has 1 readers"):
        stability.report(a_table_of_readers(["A"]))
    with pytest.raises(InputError, match="at least 2 cases"):
        stability.icc(np.zeros((1, 2, 3)), "ICC(1,1)")
    with pytest.raises(InputError, match="There is no ICC"):
        stability.icc(np.zeros((2, 2, 3)), "ICC(4,1)")


def test_the_mean_of_disagreeing_readers_has_no_coefficient_beyond_the_pole():
    found = stability.Icc(*(np.array([each]) for each in (0.5, -0.4, -0.6))).averaged(3)
    assert found.value[0] == pytest.approx(0.75)
    assert found.low[0] == pytest.approx(-6)
    assert np.isnan(found.high[0])
