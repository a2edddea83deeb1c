"""Performance figures against published or independently computed values."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from MammoRadiomicsLib import evaluation
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.evaluation import Evidence
from shared_data import shared_folder
from sklearn.metrics import roc_auc_score


def a_reference_table(name: str) -> list[dict[str, str]]:
    with (shared_folder("stats_references") / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def expected(name: str) -> dict:
    return json.loads((shared_folder("stats_references") / "expected.json").read_text(encoding="utf-8"))[name]


MARKERS = ("wfns", "ndka", "s100b")
BOOTSTRAP = "patient bootstrap, models held fixed"


@pytest.fixture(scope="module")
def haemorrhages() -> tuple[np.ndarray, np.ndarray]:
    """pROC's aSAH data (Robin et al., BMC Bioinformatics 12:77, 2011): poor outcomes, and the three markers."""
    rows = a_reference_table("aSAH.csv")
    scores = np.array([[float(row[marker]) for row in rows] for marker in MARKERS])
    return np.array([row["outcome"] == "Poor" for row in rows]), scores


def evidence_of(positive, scores, rows: str = "test", patients=None) -> Evidence:
    """Scores of one or more repeats, scaled to probabilities, which leaves every rank as it was."""
    scores = np.atleast_2d(scores) / np.max(scores)
    patients = np.arange(len(positive)) if patients is None else patients
    return Evidence(rows, ("0", "1"), positive.astype(int), patients, np.stack([1 - scores, scores], axis=2))


def test_the_auc_is_that_of_proc(haemorrhages):
    positive, scores = haemorrhages
    for name, score in zip(MARKERS, scores, strict=True):
        (auc,) = evaluation.weighted_auc(positive, score[None], np.ones((1, len(positive))))
        assert auc == pytest.approx(expected("delong_aSAH_pROC_tests")["auc"][name], abs=1e-12)


def test_delong_is_that_of_proc(haemorrhages):
    published = expected("delong_aSAH_pROC_tests")
    aucs, covariance = evaluation.delong(*haemorrhages)
    assert aucs == pytest.approx([published["auc"][name] for name in MARKERS], abs=1e-12)
    assert np.diag(covariance) == pytest.approx([published["var_delong"][name] for name in MARKERS], abs=1e-12)
    found = {"wfns,ndka": covariance[0, 1], "ndka,s100b": covariance[1, 2], "s100b,wfns": covariance[2, 0]}
    assert found == pytest.approx(published["cov"], abs=1e-12)


def test_untouched_rows_of_one_lesion_a_patient_have_delongs_interval(haemorrhages):
    positive, scores = haemorrhages
    auc = evaluation.measure(evidence_of(positive, scores[1]), 0)["auc"]["1"]
    low, mean, high = expected("delong_aSAH_pROC_tests")["ci95_ndka"]
    assert auc == {"mean": pytest.approx(mean, abs=1e-12), "low": pytest.approx(low, abs=1e-7),
                   "high": pytest.approx(high, abs=1e-7), "method": "DeLong"}  # fmt: skip


def test_rows_that_are_not_independent_have_the_interval_of_resampled_patients(haemorrhages):
    positive, scores = haemorrhages
    pairs = np.arange(len(positive)) // 2
    for evidence in (
        evidence_of(positive, scores[1], rows="cross-validated"),
        evidence_of(positive, scores[1], patients=pairs),
        evidence_of(positive, scores[[1, 1]]),
    ):
        auc = evaluation.measure(evidence, 0)["auc"]["1"]
        assert auc["method"] == "patient bootstrap, models held fixed"
        # About DeLong's: 0.501 to 0.723.
        assert (auc["low"], auc["high"]) == pytest.approx((0.50, 0.72), abs=0.04)


def test_the_comparison_of_two_models_is_that_of_proc(haemorrhages):
    positive, scores = haemorrhages
    wfns, s100b = (evidence_of(positive, scores[i]) for i in (0, 2))
    found = evaluation.compare(wfns, s100b, 0)["1"]
    published = expected("delong_aSAH_pROC_tests")["paired_test"]["wfns-s100b"]
    assert found["method"] == "paired DeLong"
    assert found["p"] == pytest.approx(published["p"], abs=1e-10)
    assert [found["low"], found["high"]] == pytest.approx(published["ci_diff"], abs=1e-10)
    resampled = evaluation.compare(*(dataclasses.replace(each, rows="cross-validated") for each in (wfns, s100b)), 0)
    assert resampled["1"]["difference"] == pytest.approx(found["difference"])
    assert [resampled["1"][end] for end in ("low", "high")] == pytest.approx(published["ci_diff"], abs=0.01)
    assert (resampled["1"]["p"], resampled["1"]["method"]) == (None, "paired patient bootstrap, models held fixed")


def test_a_model_compared_with_itself_does_not_differ(haemorrhages):
    evidence = evidence_of(haemorrhages[0], haemorrhages[1][0])
    assert evaluation.compare(evidence, evidence, 0)["1"]["p"] is None
    assert evaluation.compare(evidence, evidence, 0)["1"]["high"] == 0


def test_refuses_to_compare_models_on_different_lesions(haemorrhages):
    evidence = evidence_of(haemorrhages[0], haemorrhages[1][0])
    with pytest.raises(InputError, match="different lesions"):
        evaluation.compare(evidence, evidence.part(np.arange(113) > 0), 0)


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
    positive = np.arange(60) % 2 == 1
    scores = rng.random(60) + 0.3 * positive
    once, repeated = (
        evaluation.measure(
            evidence_of(np.tile(positive, n), np.tile(scores, n), "cross-validated", np.tile(np.arange(60), n)), 5
        )["auc"]["1"]
        for n in (1, 4)
    )
    assert repeated.pop("method") == once.pop("method")
    assert repeated == pytest.approx(once)


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
        thresholds, published = (np.array([float(row[k]) for row in rows]) for k in ("threshold", "net_benefit"))
        below_one = thresholds < 1
        found = evaluation.net_benefit(cancer, risk, thresholds[below_one])
        np.testing.assert_allclose(found, published[below_one], atol=1e-12)


def test_net_benefit_of_a_graded_risk_is_that_of_dcurves_in_python():
    patients = a_reference_table("df_binary.csv")
    cancer = np.array([row["cancer"] == "TRUE" for row in patients])
    risk = np.array([float(row["cancerpredmarker"]) for row in patients])
    rows = a_reference_table("dca_pydcurves_cancerpredmarker.csv")
    thresholds, published = (np.array([float(row[k]) for row in rows]) for k in ("threshold", "net_benefit"))
    np.testing.assert_allclose(evaluation.net_benefit(cancer, risk, thresholds), published, atol=1e-12)


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
    recomputed = expected("calibration_CalibrationCurves_example")["recomputed_statsmodels"]
    intercept, slope = evaluation.calibration(positive, probability)
    assert slope == pytest.approx(recomputed["slope"], abs=1e-5)
    assert intercept == pytest.approx(recomputed["citl_intercept_offset"], abs=1e-5)
    assert ((probability - positive) ** 2).mean() == pytest.approx(recomputed["Brier"], abs=1e-6)


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


def test_the_decision_curve_counts_the_interventions_that_the_model_avoids():
    """Net benefits from dcurves' table; avoided are true negatives, less false negatives weighted by the odds."""
    patients = a_reference_table("df_binary.csv")
    cancer = np.array([row["cancer"] == "TRUE" for row in patients])
    risk = np.array([float(row["cancerpredmarker"]) for row in patients])
    evidence = Evidence("test", ("0", "1"), cancer.astype(int), np.arange(len(cancer)), np.c_[1 - risk, risk][None])
    curve = evaluation.decision_curve(evidence)
    published = {
        round(float(row["threshold"]), 2): row for row in a_reference_table("dca_pydcurves_cancerpredmarker.csv")
    }
    assert len(curve) == 56
    assert {0.05, 0.2, 0.6} < {row["threshold"] for row in curve}
    # The table ends at a threshold of 0.5.
    for row in curve[:46]:
        at, odds = published[row["threshold"]], row["threshold"] / (1 - row["threshold"])
        assert row["net_benefit"] == pytest.approx(float(at["net_benefit"]), abs=1e-12)
        missed = cancer.mean() - float(at["tp_rate"])
        avoided = (1 - cancer.mean()) - float(at["fp_rate"]) - missed / odds
        assert row["interventions_avoided_per_100"] == pytest.approx(100 * avoided, abs=1e-9)
        assert row["treat_all"] == pytest.approx(cancer.mean() - (1 - cancer.mean()) * odds)
        assert (row["class"], row["treat_none"]) == ("1", 0)


def test_calibration_of_two_groups_is_the_difference_of_their_log_odds():
    """Two predicted probabilities make the slope a ratio that can be written down: no fit is needed to know it."""
    from scipy.special import logit

    positive = np.r_[np.arange(40) < 10, np.arange(50) < 30]
    probability = np.r_[np.full(40, 0.1), np.full(50, 0.8)]
    slope = (logit(30 / 50) - logit(10 / 40)) / (logit(0.8) - logit(0.1))
    assert evaluation.calibration(positive, probability)[1] == pytest.approx(slope, abs=1e-7)
    together = evaluation.calibration(positive, np.full(90, 0.3))
    assert together == (pytest.approx(logit(40 / 90) - logit(0.3)), None)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_is_that_of_a_generalised_linear_model_in_statsmodels(seed):
    import statsmodels.api as sm
    from scipy.special import expit

    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1, 1.5, 150)
    positive = rng.random(150) < expit(0.4 + 0.7 * log_odds)
    binomial = {"endog": positive.astype(float), "family": sm.families.Binomial()}
    shifted = sm.GLM(exog=np.ones(150), offset=log_odds, **binomial).fit(tol=1e-12)
    sloped = sm.GLM(exog=sm.add_constant(log_odds), **binomial).fit(tol=1e-12)
    expected = (shifted.params[0], sloped.params[1])
    assert evaluation.calibration(positive, expit(log_odds)) == pytest.approx(expected, abs=1e-6)


def test_separated_or_missing_classes_have_no_calibration_slope():
    positive = np.array([False, False, True, True])
    assert evaluation.calibration(positive, np.array([0.1, 0.2, 0.7, 0.9]))[1] is None
    assert evaluation.calibration(positive, np.array([0.8, 0.7, 0.7, 0.2]))[1] is None
    assert evaluation.calibration(positive[:2], np.array([0.1, 0.2])) == (None, None)


def test_a_smoothed_calibration_curve_follows_the_truth():
    rng = np.random.default_rng(4)
    probability = rng.uniform(0.1, 0.9, 4000)
    positive = rng.random(4000) < 0.2 + 0.6 * probability
    grid, observed = evaluation.smoothed_calibration(positive, probability)
    assert (grid[0], grid[-1]) == pytest.approx((0.1, 0.9), abs=0.001)
    np.testing.assert_allclose(observed, 0.2 + 0.6 * grid, atol=0.05)


def test_equal_probabilities_have_a_calibration_curve_without_gaps_or_none():
    positive = np.arange(50) < 10
    grid, observed = evaluation.smoothed_calibration(positive, np.full(50, 0.3))
    assert (grid.tolist(), observed.tolist()) == ([0.3], [0.2])
    _, observed = evaluation.smoothed_calibration(positive, np.where(np.arange(50) < 45, 0.3, 0.6))
    assert np.isfinite(observed).all()


def test_calibration_bins_hold_equal_numbers_and_keep_ties_together():
    rng = np.random.default_rng(5)
    probability = rng.random(200)
    positive = rng.random(200) < probability
    bins = evaluation.calibration_bins(positive, probability)
    assert [row["lesions"] for row in bins] == [20] * 10
    lowest = np.argsort(probability)[:20]
    assert bins[0]["predicted"] == pytest.approx(probability[lowest].mean())
    assert bins[0]["observed"] == pytest.approx(positive[lowest].mean())
    assert all(row["low"] <= row["observed"] <= row["high"] for row in bins)
    tied = evaluation.calibration_bins(positive, np.where(probability < 0.7, 0.2, 0.9))
    assert [row["predicted"] for row in tied] == pytest.approx([0.2, 0.9])


@pytest.fixture(scope="module")
def three_classes() -> Evidence:
    rng = np.random.default_rng(6)
    target = np.arange(90) % 3
    probabilities = rng.dirichlet([1, 1, 1], (2, 90)) + 0.3 * np.eye(3)[target]
    probabilities /= probabilities.sum(axis=2, keepdims=True)
    return Evidence("cross-validated", ("zero", "low", "positive"), target, np.arange(90) // 2, probabilities)


def test_three_classes_are_measured_each_against_the_rest_and_on_average(three_classes):
    from sklearn.metrics import confusion_matrix, precision_score, recall_score

    found = evaluation.measure(three_classes, 0)
    target, called = three_classes.target, three_classes.mean.argmax(axis=1)
    of_repeats = [
        roc_auc_score(target, each, multi_class="ovr", average="macro") for each in three_classes.probabilities
    ]
    assert found["auc"]["macro"]["mean"] == pytest.approx(np.mean(of_repeats))
    assert found["auc"]["macro"]["low"] < np.mean(of_repeats) < found["auc"]["macro"]["high"]
    assert set(found["auc"]) == {"zero", "low", "positive", "macro"}
    assert found["confusion"]["matrix"] == confusion_matrix(target, called).tolist()
    assert found["confusion"]["rule"] == "called by the largest probability"
    assert found["macro"]["sensitivity"] == pytest.approx(recall_score(target, called, average="macro"))
    assert found["macro"]["ppv"] == pytest.approx(precision_score(target, called, average="macro"))
    assert found["macro"]["accuracy"][0] == pytest.approx((target == called).mean())
    assert (found["lesions"], found["patients"]) == (90, 45)
    assert json.loads(json.dumps(found)) == found


def test_a_class_that_is_never_called_has_no_average_predictive_value(three_classes):
    never = three_classes.probabilities * [1, 1, 0.01]
    never /= never.sum(axis=2, keepdims=True)
    macro = evaluation.measure(dataclasses.replace(three_classes, probabilities=never), 0)["macro"]
    assert macro["ppv"] is None
    assert macro["sensitivity"] is not None


def test_an_operating_threshold_can_come_from_other_rows():
    positive = np.arange(20) < 8
    evidence = evidence_of(positive, np.where(positive, 0.7, 0.3) + np.linspace(-0.3, 0.3, 20))
    own = evaluation.measure(evidence, 0)
    given = evaluation.measure(evidence, 0, {"1": 0.0})
    assert own["thresholds_from"] == {"1": "these rows (Youden)"}
    assert given["thresholds_from"] == {"1": "other rows"}
    assert given["operating_point"]["1"]["threshold"] == 0
    assert given["operating_point"]["1"]["specificity"][0] == 0
    assert given["confusion"] == {"rule": "called 1 where its probability exceeds 0", "matrix": [[0, 12], [0, 8]]}
    assert sum(own["confusion"]["matrix"][1]) == 8


def test_test_rows_without_a_class_are_measured_as_far_as_they_go():
    evidence = evidence_of(np.zeros(6, bool), np.linspace(0.1, 0.6, 6))
    found = evaluation.measure(evidence, 0)
    assert found["auc"]["1"]["mean"] is None
    assert found["calibration"]["1"] == {"intercept": None, "slope": None}
    assert found["operating_point"]["1"]["threshold"] is None
    assert found["confusion"]["rule"] == "called by the largest probability"
    assert evaluation.measure(evidence, 0, {"1": 0.55})["operating_point"]["1"]["specificity"][0] == 0.5
    assert evaluation.compare(evidence, evidence, 0)["1"]["difference"] is None


def test_subgroups_are_measured_alone_where_they_hold_enough_patients():
    rng = np.random.default_rng(7)
    positive = np.arange(60) % 2 == 0
    scores = np.clip(rng.random(60) + 0.3 * positive, 0, 1)
    evidence = evidence_of(positive, scores, patients=np.arange(60) // 2)
    labels = np.array(["dense"] * 40 + ["fatty"] * 8 + [""] * 12)
    dense, fatty, unknown = sorted(evaluation.subgroups(evidence, labels, 3), key=lambda row: row["subgroup"])
    assert (dense["lesions"], dense["positives"], dense["note"]) == (40, 20, "")
    assert dense["auc"] == pytest.approx(roc_auc_score(positive[:40], scores[:40]))
    assert dense["low"] < dense["auc"] < dense["high"]
    assert (fatty["auc"], fatty["note"]) == (None, "fewer than 5 patients with or without the class")
    assert (unknown["subgroup"], unknown["lesions"]) == ("unknown", 12)
    assert unknown["auc"] is not None


def test_equal_seeds_give_equal_measures(three_classes):
    assert evaluation.measure(three_classes, 1) == evaluation.measure(three_classes, 1)
    assert evaluation.measure(three_classes, 1)["auc"] != evaluation.measure(three_classes, 2)["auc"]


@pytest.fixture(scope="module")
def untouched_test_rows() -> Evidence:
    rng = np.random.default_rng(9)
    positive = np.arange(60) % 3 == 0
    return evidence_of(positive, np.clip(rng.random(60) + 0.2 * positive, 0, 1))


def test_what_is_measured_on_repeats_is_averaged_over_them(three_classes):
    found = evaluation.measure(three_classes, 0)
    assert found["rows"] == "cross-validated"
    assert found["macro"]["rule"] == "called by the largest probability"
    for i, name in enumerate(three_classes.classes):
        positive = three_classes.target == i
        of_repeats = [((each[:, i] - positive) ** 2).mean() for each in three_classes.probabilities]
        fits = [evaluation.calibration(positive, each[:, i]) for each in three_classes.probabilities]
        assert found["brier"][name] == pytest.approx(np.mean(of_repeats))
        assert list(found["calibration"][name].values()) == pytest.approx(np.mean(fits, axis=0))
    of_repeats = [
        roc_auc_score(three_classes.target, each, multi_class="ovr", average="macro")
        for each in three_classes.probabilities
    ]
    assert evaluation.mean_auc(three_classes) == pytest.approx(np.mean(of_repeats))
    assert [evaluation.mean_auc(each) for each in three_classes.each_repeat()] == pytest.approx(of_repeats)


def test_two_classes_have_no_average_over_classes():
    positive = np.arange(20) < 8
    found = evaluation.measure(evidence_of(positive, np.linspace(0.9, 0.1, 20)), 0)
    assert "macro" not in found
    assert set(found["auc"]) == {"1"}


def test_perfect_test_rows_have_an_interval_within_0_and_1():
    positive = np.arange(20) < 8
    assert evaluation.measure(evidence_of(positive, np.where(positive, 0.9, 0.1)), 0)["auc"]["1"] == {
        "mean": 1.0, "low": 1.0, "high": 1.0, "method": "DeLong",
    }  # fmt: skip
    for scores, end in ((np.linspace(0.9, 0.1, 20), "high"), (np.linspace(0.1, 0.9, 20), "low")):
        nearly = scores.copy()
        nearly[[7, 8]] = nearly[[8, 7]]
        auc = evaluation.measure(evidence_of(positive, nearly), 0)["auc"]["1"]
        assert auc[end] == (1.0 if end == "high" else 0.0)
        assert 0 < auc["mean"] < 1


@pytest.mark.parametrize(("positives", "method"), [(2, "DeLong"), (1, BOOTSTRAP)])
def test_a_variance_needs_two_lesions_of_each_class(positives, method):
    for few in (np.arange(12) < positives, np.arange(12) >= positives):
        evidence = evidence_of(few, np.linspace(0.2, 0.8, 12) + 0.3 * np.roll(few, 1))
        assert evaluation.measure(evidence, 0)["auc"]["1"]["method"] == method


def test_a_resample_without_an_auc_leaves_the_interval_to_the_others():
    for values in ([0.7, np.nan, 0.5, 0.8], [0.7, 0.5, 0.8, np.nan]):
        found = evaluation.bootstrap_interval(np.array(values))
        assert found == {"mean": 0.7, "low": pytest.approx(0.5075), "high": pytest.approx(0.7925), "method": BOOTSTRAP}


def test_refuses_to_compare_other_patients_or_classes(untouched_test_rows):
    evidence = untouched_test_rows
    sentence = "^The two models were measured on different lesions or classes. Compare them on the same.$"
    others = (
        dataclasses.replace(evidence, patients=evidence.patients + 1),
        dataclasses.replace(evidence, classes=("0", "2")),
        dataclasses.replace(evidence, target=1 - evidence.target),
    )
    for other in others:
        with pytest.raises(InputError, match=sentence):
            evaluation.compare(evidence, other, 0)


def test_a_comparison_is_resampled_where_one_side_saw_the_rows(untouched_test_rows):
    first = untouched_test_rows
    second = dataclasses.replace(first, rows="training", probabilities=first.probabilities[:, ::-1])
    for pair in ((first, second), (second, first)):
        found = evaluation.compare(*pair, 3)["1"]
        assert found["method"] == f"paired {BOOTSTRAP}"
        assert evaluation.compare(*pair, 3)["1"] == found
        assert found["low"] < found["difference"] < found["high"]


def test_what_lies_at_the_threshold_is_not_called():
    positive, probability = np.array([True, True, False]), np.array([1.0, 0.5, 0.5])
    assert evaluation.at_threshold(positive, probability, 0.5)["sensitivity"][0] == 0.5
    found = evaluation.measure(evidence_of(positive, probability), 0, {"1": 0.5})
    assert found["confusion"]["matrix"] == [[1, 0], [1, 1]]


def test_a_subgroup_needs_five_patients_on_either_side():
    positive = np.r_[np.arange(20) < 5, np.arange(20) < 4, np.arange(20) >= 4]
    labels = np.repeat(["five", "few with", "few without"], 20)
    evidence = evidence_of(positive, np.random.default_rng(8).random(60))
    rows = evaluation.subgroups(evidence, labels, 0)
    assert {row["subgroup"]: row["auc"] is None for row in rows} == {
        "five": False, "few with": True, "few without": True,
    }  # fmt: skip
    assert [(row["class"], row["positives"]) for row in rows if row["subgroup"] == "five"] == [("1", 5)]
    assert evaluation.subgroups(evidence, labels, 0) == rows


def test_calibration_takes_certain_probabilities_and_classes_that_touch():
    positive = np.arange(40) % 3 == 0
    certain = np.r_[0.0, 1.0, np.linspace(0.1, 0.9, 38)]
    moved = np.r_[1e-6, 1 - 1e-6, np.linspace(0.1, 0.9, 38)]
    assert evaluation.calibration(positive, certain) == evaluation.calibration(positive, moved)
    touching = np.array([0.5, 0.9, 0.5, 0.1])
    assert evaluation.calibration(np.array([True, True, False, False]), touching)[1] is None


def test_a_smoothed_curve_has_101_points_between_0_and_1():
    probability = np.linspace(0.01, 0.99, 300)
    grid, observed = evaluation.smoothed_calibration(probability > 0.5, probability)
    assert len(grid) == 101
    assert (observed.min(), observed.max()) == (0, 1)


def test_a_probability_at_the_edge_of_a_bin_belongs_above_it():
    probability = np.repeat([0.1, 0.2, 0.3, 0.4], 5)
    rows = evaluation.calibration_bins(np.arange(20) % 2 == 0, probability, bins=2)
    assert [row["lesions"] for row in rows] == [10, 10]
    of_quarters = evaluation.calibration_bins(np.arange(5) % 2 == 0, np.array([0.1, 0.2, 0.3, 0.4, 0.5]), bins=2)
    assert [row["lesions"] for row in of_quarters] == [2, 3]
