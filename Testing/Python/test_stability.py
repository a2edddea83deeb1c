"""Intraclass correlation against published tables, and what it makes of features that cannot be judged."""

import csv
import json

import numpy as np
import pytest
from MammoRadiomicsLib import stability
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.settings import TrainingSettings
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


def test_a_negative_correlation_at_the_pole_itself_has_no_mean():
    found = stability.Icc(*(np.array([each]) for each in (-0.5, -0.5, -0.5))).averaged(3)
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()


def test_the_report_has_interval_and_mean_of_outlines_for_each_feature():
    table = a_table_of_readers(["A", "B"])
    row = stability.report(table)[1]
    ratings = table.values.reshape(12, 2, 3)
    single = stability.icc(ratings, "ICC(2,1)")
    averaged = single.averaged(2)
    of_outline = {"icc": single.value, "icc_low": single.low, "icc_high": single.high}
    of_mean = {"icc_average": averaged.value, "icc_average_low": averaged.low, "icc_average_high": averaged.high}
    assert row == {
        **{name: pytest.approx(values[1]) for name, values in (of_outline | of_mean).items()},
        "feature": "b", "form": "ICC(2,1)", "cases": 12, "outlines": 2, "note": "",
    }  # fmt: skip


def test_tells_a_constant_from_what_is_not_finite():
    table = a_table_of_readers(["A", "B"])
    table.values[:, 0] = 1.0
    table.values[4, 1] = np.inf
    assert [row["note"] for row in stability.report(table)] == ["constant", "not finite", ""]


def test_lesions_sides_and_views_of_one_patient_are_cases_of_their_own():
    keys = [("L", "CC", "1"), ("L", "CC", "2"), ("L", "MLO", "1"), ("R", "CC", "1")]
    rows = [
        {"patient_id": "P1", "laterality": side, "view": view, "lesion_id": lesion, "reader": reader}
        for side, view, lesion in keys
        for reader in ("A", "B")
    ]
    values = np.arange(8.0)[:, None]
    repeats = stability.repeated_outlines(FeatureTable(rows, ("a",), values))
    assert repeats.patients.tolist() == ["P1"] * 4
    assert repeats.ratings[:, :, 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_two_cases_are_enough_and_one_is_not():
    assert stability.repeated_outlines(a_table_of_readers(["A", "B"], cases=2)).ratings.shape == (2, 2, 3)
    assert stability.repeated_outlines(a_table_of_readers(["A", "B"], cases=1)) is None


def test_a_table_without_readers_or_views_has_no_repeats():
    rows = [{"patient_id": f"P{i}"} for i in range(3)]
    table = FeatureTable(rows, ("a",), np.arange(3.0)[:, None])
    assert stability.repeated_outlines(table) is None
    with pytest.raises(
        InputError, match=r"two or more readers; the table has 1 readers\. Add a second reader, or extr"
    ):
        stability.report(table)
    named = [{"patient_id": f"P{i}", "reader": reader} for i in range(2) for reader in ("A", "B")]
    assert stability.repeated_outlines(FeatureTable(named, ("a",), np.arange(4.0)[:, None])).ratings.shape == (2, 2, 1)


def test_says_how_many_cases_and_outlines_there_were_and_which_forms_there_are():
    with pytest.raises(InputError, match=r"Got \(1, 2\)\.$"):
        stability.icc(np.zeros((1, 2, 3)), "ICC(1,1)")
    with pytest.raises(InputError, match=r"use one of ICC\(1,1\), ICC\(2,1\), ICC\(3,1\)\.$"):
        stability.icc(np.zeros((2, 2, 3)), "ICC(4,1)")


def repeats_of(ratings, form="ICC(2,1)"):
    return stability.Repeats(np.array([f"P{i}" for i in range(len(ratings))]), np.array(ratings, float), form)


def test_stable_features_are_judged_by_value_or_lower_limit_and_on_the_asked_patients():
    repeats = stability.repeated_outlines(a_table_of_readers(["A", "B"]))
    found = stability.icc(repeats.ratings, repeats.form)
    between = (found.low[0] + found.value[0]) / 2
    assert repeats.stable(between, "value")[0]
    assert not repeats.stable(between, "low")[0]
    # At the limit is not above it.
    assert not repeats.stable(found.value[0], "value")[0]
    some = repeats.of(np.array(["P3", "P5", "P9", "somebody else"]))
    assert some.patients.tolist() == ["P3", "P5", "P9"]
    np.testing.assert_array_equal(some.ratings, repeats.ratings[[3, 5, 9]])
    assert some.form == repeats.form


def test_a_missing_cell_costs_its_case_and_not_the_feature():
    ratings = stability.repeated_outlines(a_table_of_readers(["A", "B"])).ratings.copy()
    ratings[4, 1, 0] = np.nan
    ratings[1:, 0, 1] = np.nan
    found = stability.icc(np.delete(ratings, 4, axis=0), "ICC(2,1)").value[0]
    repeats = repeats_of(ratings)
    assert repeats.stable(found - 1e-9, "value").tolist()[:2] == [True, False]
    assert not repeats.stable(found, "value")[0]
    # Two complete cases are enough, and what has no correlation is not stable, however low the limit.
    ratings[2:, 0, 2] = np.nan
    two = stability.icc(ratings[:2, :, 2:], "ICC(2,1)").value[0]
    assert repeats_of(ratings).stable(two - 1e-9, "value")[2]
    assert not repeats_of(ratings).stable(-0.99, "value")[1]


def a_written_table(folder, rows):
    path = folder / "icc.csv"
    path.write_text("feature,icc,icc_low\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_a_table_of_correlations_says_which_features_are_stable(tmp_path):
    path = a_written_table(tmp_path, [("a", "0.9", "0.5"), ("b", "0.75", "0.7"), ("c", "", ""), ("d", "0.95", "0.8")])
    by_value = TrainingSettings(icc=0.75)
    found = stability.read_stable(path, ("a", "b", "c", "d"), by_value)
    assert found == {"a": True, "b": False, "c": False, "d": True}
    by_limit = TrainingSettings(icc=0.75, icc_bound="low")
    assert stability.read_stable(path, ("a", "d"), by_limit) == {"a": False, "d": True}
    path.write_text("feature,icc\na,0.9\n", encoding="utf-8")
    with pytest.raises(InputError, match="no feature with an ICC above"):
        stability.read_stable(path, ("a",), by_limit)


def test_refuses_a_table_of_correlations_that_says_too_little(tmp_path):
    path = a_written_table(tmp_path, [("a", "0.9", "0.5")])
    sentence = r"^icc\.csv says nothing of 2 features, the first x\. Make it with 'stability' from the same preset\.$"
    with pytest.raises(InputError, match=sentence):
        stability.read_stable(path, ("a", "x", "y"), TrainingSettings(icc=0.75))
    with pytest.raises(InputError, match=r"^icc\.csv has no feature with an ICC above 0\.95\. Lower the limit\.$"):
        stability.read_stable(path, ("a",), TrainingSettings(icc=0.95))


def test_the_summary_counts_what_is_stable_and_warns_of_few_cases():
    row = {"form": "ICC(2,1)", "cases": 30, "outlines": 2, "note": ""}
    rows = [
        row | {"icc": 0.9, "icc_low": 0.8},
        row | {"icc": 0.9, "icc_low": 0.75},
        row | {"icc": 0.75, "icc_low": 0.1},
    ]
    text = (
        "2 of 3 features have an ICC(2,1) above 0.75 over 30 cases with 2 outlines each, 1 with their lower 95% limit."
    )
    assert stability.summary(rows) == text
    assert stability.summary(rows[:1]).startswith("1 of 1 features")
    few = [each | {"cases": 29} for each in rows]
    few.append(few[0] | {"icc": float("nan"), "icc_low": float("nan"), "note": "constant"})
    assert stability.summary(few) == (
        "2 of 4 features have an ICC(2,1) above 0.75 over 29 cases with 2 outlines each, 1 with their lower 95% limit."
        " 1 features are constant or not finite and have none. Fewer than 30 cases: the intervals are wide."
    )


def test_refuses_rows_without_a_patient_and_cases_outlined_twice_by_one_reader():
    table = a_table_of_readers(["A", "B"])
    rows = [dict(row) for row in table.rows]
    rows[1]["patient_id"] = ""
    with pytest.raises(InputError, match=r"^Row 3 of the table has no patient_id\. Every row needs one\.$"):
        stability.repeated_outlines(FeatureTable(rows, table.names, table.values))
    rows[1] = dict(rows[0])
    with pytest.raises(InputError, match=r"^Case P0 CC reader A is in the table twice \(row 3\)\. Delete one"):
        stability.repeated_outlines(FeatureTable(rows, table.names, table.values))


def test_the_interval_of_agreement_follows_from_an_analysis_of_variance():
    """McGraw and Wong, Psychol Methods 1:30 (1996), Table 7, case A,1, on mean squares of statsmodels."""
    import pandas as pd
    from scipy.stats import f
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    (n, k), table = SHROUT_FLEISS.shape, SHROUT_FLEISS
    case, judge = (each.ravel() for each in np.indices(table.shape))
    data = pd.DataFrame({"score": table.ravel(), "case": case, "judge": judge})
    found = anova_lm(ols("score ~ C(case) + C(judge)", data).fit())
    rows, columns, error = found["sum_sq"] / found["df"]
    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    parts = np.array([k * value / (n * (1 - value)) * columns, (1 + k * value * (n - 1) / (n * (1 - value))) * error])
    freedom = parts.sum() ** 2 / (parts**2 / found["df"].to_numpy()[1:]).sum()
    low_f, high_f = f.ppf(0.975, n - 1, freedom), f.ppf(0.975, freedom, n - 1)
    spread = k * columns + (k * n - k - n) * error
    expected = (
        n * (rows - low_f * error) / (low_f * spread + n * rows),
        (n * (high_f * rows - error) / (spread + n * high_f * rows)),
    )
    of_ours = stability.icc(table[:, :, None], "ICC(2,1)")
    assert (of_ours.low[0], of_ours.high[0]) == pytest.approx(expected, rel=1e-9)
