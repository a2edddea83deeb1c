"""Performance figures against published or independently computed values."""

import csv
import json

import numpy as np
import pytest
from MammoRadiomicsLib import evaluation
from shared_data import shared_folder
from sklearn.metrics import roc_auc_score


# pROC's tests on its aSAH data (Robin et al., BMC Bioinformatics 12:77, 2011).
@pytest.mark.parametrize(("marker", "published"), [("s100b", 0.7313686), ("ndka", 0.6119580), ("wfns", 0.8236789)])
def test_the_auc_is_that_of_proc(marker, published):
    with (shared_folder("stats_references") / "aSAH.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    positive = np.array([row["outcome"] == "Poor" for row in rows])
    scores = np.array([[float(row[marker]) for row in rows]])
    (auc,) = evaluation.weighted_auc(positive, scores, np.ones((1, len(rows))))
    assert auc == pytest.approx(published, abs=5e-8)


def test_weights_count_rows_as_often_as_they_are_drawn():
    rng = np.random.default_rng(0)
    positive, scores, drawn = rng.random(50) < 0.4, rng.random((3, 50)), rng.integers(0, 3, (1, 50))
    rows = np.repeat(np.arange(50), drawn[0])
    expected = np.mean([roc_auc_score(positive[rows], score[rows]) for score in scores])
    assert evaluation.weighted_auc(positive, scores, drawn.astype(float))[0] == pytest.approx(expected)


def test_a_resample_without_one_class_has_no_auc():
    auc = evaluation.weighted_auc(np.array([True, False]), np.array([[0.1, 0.2]]), np.array([[1.0, 0.0]]))
    assert np.isnan(auc[0])


def test_the_interval_resamples_patients_not_rows():
    """Rows that repeat a patient add no information, so they must not narrow the interval."""
    rng = np.random.default_rng(1)
    target = np.arange(60) % 2
    scores = rng.random((1, 60)) + 0.3 * target
    out_of_fold = np.stack([1 - scores, scores], axis=2)
    once = evaluation.cross_validated(out_of_fold, target, ("0", "1"), np.arange(60), 5)["auc"]["1"]
    repeated = evaluation.cross_validated(
        np.tile(out_of_fold, (1, 4, 1)), np.tile(target, 4), ("0", "1"), np.tile(np.arange(60), 4), 5
    )["auc"]["1"]
    assert repeated == pytest.approx(once)


def a_reference_table(name: str) -> list[dict[str, str]]:
    with (shared_folder("stats_references") / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_net_benefit_is_that_of_dcurves_in_r():
    """df_binary and the table are those of MSKCC's dcurves; variables all, none and famhistory."""
    patients = a_reference_table("df_binary.csv")
    cancer = np.array([row["cancer"] == "TRUE" for row in patients])
    risks = {
        "all": np.ones(len(cancer)),
        "none": np.zeros(len(cancer)),
        "famhistory": np.array([float(row["famhistory"]) for row in patients]),
    }
    for variable, risk in risks.items():
        rows = [row for row in a_reference_table("dca_R_famhistory_expected.csv") if row["variable"] == variable]
        thresholds, expected = (np.array([float(row[k]) for row in rows]) for k in ("threshold", "net_benefit"))
        below_one = thresholds < 1
        found = evaluation.net_benefit(cancer, risk, thresholds[below_one])
        np.testing.assert_allclose(found, expected[below_one], atol=1e-12)


def test_net_benefit_of_a_graded_risk_is_that_of_dcurves_in_python():
    patients = a_reference_table("df_binary.csv")
    cancer = np.array([row["cancer"] == "TRUE" for row in patients])
    risk = np.array([float(row["cancerpredmarker"]) for row in patients])
    rows = a_reference_table("dca_pydcurves_cancerpredmarker.csv")
    thresholds, expected = (np.array([float(row[k]) for row in rows]) for k in ("threshold", "net_benefit"))
    np.testing.assert_allclose(evaluation.net_benefit(cancer, risk, thresholds), expected, atol=1e-12)


def test_calibration_and_brier_are_those_of_statsmodels():
    """A logistic model of CalibrationCurves' training data on its test data; figures recomputed with statsmodels."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    def table(name):
        rows = np.array([[float(cell) for cell in row.values()] for row in a_reference_table(name)])
        return rows[:, 1:], rows[:, 0].astype(bool)

    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(*table("calib_traindata.csv"))
    values, positive = table("calib_testdata.csv")
    probability = expit(model.decision_function(values))
    expected = json.loads((shared_folder("stats_references") / "expected.json").read_text())
    expected = expected["calibration_CalibrationCurves_example"]["recomputed_statsmodels"]
    intercept, slope = evaluation.calibration(positive, probability)
    assert slope == pytest.approx(expected["slope"], abs=1e-5)
    assert intercept == pytest.approx(expected["citl_intercept_offset"], abs=1e-5)
    assert ((probability - positive) ** 2).mean() == pytest.approx(expected["Brier"], abs=1e-6)


def test_true_probabilities_are_calibrated_and_halved_log_odds_have_a_slope_of_two():
    from scipy.special import expit, logit

    rng = np.random.default_rng(3)
    probability = rng.uniform(0.02, 0.98, 40_000)
    positive = rng.random(40_000) < probability
    assert evaluation.calibration(positive, probability) == pytest.approx((0, 1), abs=0.03)
    assert evaluation.calibration(positive, expit(logit(probability) / 2))[1] == pytest.approx(2, abs=0.06)


def test_an_operating_point_counts_what_it_gets_right():
    positive = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    probability = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.3, 0.2, 0.1, 0.1])
    threshold = evaluation.youden_threshold(positive, probability)
    assert threshold == pytest.approx(0.65)
    point = evaluation.at_threshold(positive, probability, threshold)
    values = {name: found[0] for name, found in point.items() if name != "threshold"}
    assert values == pytest.approx({"accuracy": 0.9, "sensitivity": 0.75, "specificity": 1, "ppv": 1, "npv": 6 / 7})
    # Newcombe, Stat Med 17:857 (1998), Table I: Wilson's interval of 81 of 263 is 0.2553 to 0.3662.
    assert evaluation._wilson(np.arange(263) < 81) == pytest.approx([81 / 263, 0.2553, 0.3662], abs=5e-5)
    assert evaluation.at_threshold(positive, probability, 1.0)["ppv"] is None


def test_an_operating_point_is_finite_where_nothing_is_learned():
    positive = np.array([True, True, False, False])
    threshold = evaluation.youden_threshold(positive, np.array([0.1, 0.2, 0.8, 0.9]))
    assert np.isfinite(threshold)
    assert evaluation.calibration(positive, np.full(4, 0.5)) == (pytest.approx(0), None)
