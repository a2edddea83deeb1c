"""Regressions against published numbers: UCLA's admissions, logistf's examples, UCLA's ordered example."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from MammoRadiomicsLib.clinical import brant, columns, design, forest, models, outcomes, regression, separation
from MammoRadiomicsLib.clinical.columns import IMAGING, Variable
from MammoRadiomicsLib.clinical.likelihood import Likelihood
from MammoRadiomicsLib.clinical.regression import Sample
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.reports import report_files
from shared_data import PROJECT, shared_folder

pytest.importorskip("statsmodels")
DATA = PROJECT / "Testing" / "Data" / "clinical"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def quantity(name: str, values) -> Variable:
    return Variable(name, IMAGING, np.asarray(values, float))


def everyone(n: int, **references: str) -> Sample:
    return Sample(np.arange(n), np.arange(n), references)


@pytest.fixture(scope="module")
def admissions() -> dict:
    """The full model of the UCLA admissions."""
    rows = read(shared_folder("stats_references") / "ucla_binary.csv")
    variables = [columns.variable(name, [row[name] for row in rows]) for name in ("gre", "gpa", "rank")]
    outcome = outcomes.read("admit", [row["admit"] for row in rows], {})
    return regression.fit(outcomes.contrasts(outcome)[0], variables, everyone(len(rows), rank="1"))


def test_odds_ratios_are_those_that_ucla_published(admissions):
    published = json.loads((shared_folder("stats_references") / "expected.json").read_text())["logistic_ucla_binary"]
    names = ["gre", "gpa", "rank2", "rank3", "rank4"]
    for name, term in zip(names, admissions["terms"], strict=True):
        assert term["coefficient"] == pytest.approx(published["coef"][name], abs=1e-6)
        assert term["standard_error"] == pytest.approx(published["se"][name], abs=1e-6)
        assert term["odds_ratio"] == pytest.approx(published["OR"][name], abs=1e-6)


def test_profile_intervals_are_those_of_r(admissions):
    # confint(glm) on UCLA's page; R interpolates its profile, so the last digits differ.
    expected = [(0.000138, 0.00444), (0.160296, 1.46414), (-1.300889, -0.05675), (-2.027671, -0.67037),
                (-2.400027, -0.75354)]  # fmt: skip
    for term, limits in zip(admissions["terms"], expected, strict=True):
        assert np.log([term["profile_low"], term["profile_high"]]) == pytest.approx(limits, abs=5e-5)


def test_walds_test_of_all_levels_is_the_published_one(admissions):
    # wald.test(Terms = 4:6) on UCLA's page: X2 = 20.9, df = 3, P = 0.00011.
    test = admissions["tests"][-1]
    assert (round(test["statistic"], 1), test["df"], round(test["p"], 5)) == (20.9, 3, 0.00011)


def test_firths_estimates_are_those_of_logistf_where_a_cell_is_empty():
    rows = [row for row in read(DATA / "sex2.csv") for _ in range(int(row["rows"]))]
    names = ("age", "oc", "vic", "vicl", "vis", "dia")
    of_model = design.build([quantity(name, [row[name] for row in rows]) for name in names], np.arange(239), {})
    found = models.logistic(of_model, np.array([int(row["case"]) for row in rows]), np.arange(239))
    assert found.method == models.FIRTH
    assert "dia" in found.notes[0]
    assert found.coefficients[0] == pytest.approx(
        [-1.10598131, -0.06881673, 2.26887464, -2.11140817, -0.78831694, 3.09601166], rel=1e-6
    )
    assert found.errors[0] == pytest.approx([0.42366, 0.443793, 0.548416, 0.543082, 0.417368, 1.67501], abs=5e-6)
    assert found.profile[0] == pytest.approx(
        np.array([(-1.9737884, -0.30742514), (-0.9414363, 0.78920202), (1.2730216, 3.43543273),
                  (-3.2608611, -1.11773495), (-1.6080879, 0.01518468), (0.7745682, 8.03029352)]), abs=1e-6,
    )  # fmt: skip
    assert found.p[0] == pytest.approx(
        [6.143472e-03, 8.751911e-01, 1.678877e-06, 1.237805e-05, 5.449701e-02, 4.951873e-03], rel=1e-6
    )


def test_firths_estimates_of_quantities_are_those_of_logistf():
    rows = read(DATA / "endometrial.csv")
    x = np.array([[1.0, *(float(row[name]) for name in ("NV", "PI", "EH"))] for row in rows])
    likelihood = Likelihood(x, np.array([float(row["HG"]) for row in rows]), firth=True)
    best = likelihood.maximise()
    assert best.coefficients == pytest.approx([3.77455951, 2.92927330, -0.03475175, -2.60416387], rel=1e-6)
    limits = [likelihood.profile_interval(best, i) for i in range(4)]
    expected = [(1.0825371, 7.2092805), (0.6097244, 7.85463171), (-0.1244587, 0.04045547), (-4.3651832, -1.23272106)]
    assert np.array(limits) == pytest.approx(np.array(expected), abs=1e-6)


def test_the_profile_of_a_separated_likelihood_has_no_upper_limit():
    rows = read(DATA / "endometrial.csv")
    x = np.array([[float(row[name]) for name in ("NV", "PI", "EH")] for row in rows])
    y = np.array([int(row["HG"]) for row in rows])
    assert separation.binary(x, y).tolist() == [True, False, False]
    assert not separation.binary(x[:, 1:], y).any()


@pytest.fixture(scope="module")
def applications() -> tuple[design.Design, np.ndarray]:
    """UCLA's ordered example: how likely 400 students are to apply, as it comes with statsmodels' tests."""
    import statsmodels

    path = Path(statsmodels.__file__).parent / "miscmodels" / "tests" / "results" / "ologit_ucla.csv"
    if not path.exists():
        pytest.skip("this build of statsmodels has no test data")
    rows = read(path)
    names = ("pared", "public", "gpa")
    of_model = design.build([quantity(name, [row[name] for row in rows]) for name in names], np.arange(400), {})
    order = ["unlikely", "somewhat likely", "very likely"]
    return of_model, np.array([order.index(row["apply"]) for row in rows])


def test_proportional_odds_are_those_that_ucla_published(applications):
    found = models.proportional_odds(*applications, np.arange(400))
    # Stata's ologit on UCLA's page.
    assert found.coefficients[0] == pytest.approx([1.047664, -0.0586828, 0.6157458], abs=1e-6)
    assert found.errors[0] == pytest.approx([0.2657891, 0.2978588, 0.2606311], abs=1e-5)


def test_brants_test_is_that_of_stata(applications):
    found = brant.test(*applications)
    # brant on UCLA's page: All 4.34 0.227, pared 0.13 0.716, public 3.44 0.064, gpa 0.18 0.672.
    assert [each["variable"] for each in found] == ["all", "pared", "public", "gpa"]
    assert [round(each["statistic"], 2) for each in found] == [4.34, 0.13, 3.44, 0.18]
    assert [round(each["p"], 3) for each in found] == [0.227, 0.716, 0.064, 0.672]
    assert [each["df"] for each in found] == [3, 1, 1, 1]


def test_brants_test_notices_odds_that_are_not_proportional():
    rng = np.random.default_rng(3)
    x = rng.normal(size=800)
    # x moves the lower cut and leaves the upper one where it is.
    y = np.where(rng.random(800) < 1 / (1 + np.exp(2 * x)), 0, np.where(rng.random(800) < 0.5, 1, 2))
    (overall, _) = brant.test(design.build([quantity("x", x)], np.arange(800), {}), y)
    assert overall["p"] < 1e-6


def test_multinomial_odds_ratios_maximise_the_likelihood_and_errors_are_its_curvature(applications):
    of_model, y = applications
    found = models.multinomial(of_model, y, np.arange(400))
    x = np.column_stack([np.ones(400), of_model.matrix])
    best = _multinomial_by_brute_force(x, y)
    assert found.coefficients == pytest.approx(best[:, 1:], abs=1e-4)
    risk = np.exp(np.column_stack([np.zeros(400), x @ best.T]))
    risk = (risk / risk.sum(axis=1, keepdims=True))[:, 1:]
    information = np.block(
        [[(x * (risk[:, i] * ((i == j) - risk[:, j]))[:, None]).T @ x for j in range(2)] for i in range(2)]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(information))).reshape(2, 4)[:, 1:]
    assert found.errors == pytest.approx(errors, rel=1e-3)


def _multinomial_by_brute_force(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    def loss(flat: np.ndarray) -> float:
        linear = np.column_stack([np.zeros(len(x)), x @ flat.reshape(2, -1).T])
        return float(np.logaddexp.reduce(linear, axis=1).sum() - linear[np.arange(len(y)), y].sum())

    return minimize(loss, np.zeros(2 * x.shape[1]), method="BFGS", options={"gtol": 1e-6}).x.reshape(2, -1)


def test_repeating_patients_get_cluster_robust_errors_and_no_profile(applications):
    of_model, y = applications
    patients = np.arange(400) // 4
    found = models.logistic(of_model, (y > 0).astype(int), patients)
    x = np.column_stack([np.ones(400), of_model.matrix])
    best = Likelihood(x, (y > 0).astype(float)).maximise()
    risk = 1 / (1 + np.exp(-x @ best.coefficients))
    scores = np.array([(x * ((y > 0) - risk)[:, None])[patients == i].sum(axis=0) for i in range(100)])
    # The sandwich with the usual correction for few clusters.
    sandwich = best.covariance @ scores.T @ scores @ best.covariance * 100 / 99 * 399 / 396
    assert found.errors[0] == pytest.approx(np.sqrt(np.diag(sandwich))[1:], rel=1e-6)
    assert found.profile is None
    assert "cluster-robust" in found.notes[0]


def a_cohort(n: int = 300) -> tuple[list[Variable], outcomes.Outcome]:
    rng = np.random.default_rng(5)
    size = rng.normal(20, 5, n)
    ethnicity = rng.choice(["Han", "Uyghur", "Kazakh"], n, p=[0.3, 0.5, 0.2])
    slnm = rng.random(n) < 1 / (1 + np.exp(-(size - 20) / 5))
    variables = [
        quantity("size", size),
        columns.variable("ethnicity", list(ethnicity)),
        columns.variable("grade", list(rng.choice(["I", "II", "III"], n))),
    ]
    return variables, outcomes.read("slnm", [str(int(each)) for each in slnm], {})


def test_ethnicity_is_compared_to_han_and_others_to_their_most_frequent_level():
    variables, outcome = a_cohort()
    (found,) = regression.analyse(variables, outcome, everyone(300))
    references = {term["variable"]: term["reference"] for term in found["models"]["full"]["terms"]}
    counts = {level: np.sum(variables[2].values == i) for i, level in enumerate(variables[2].levels)}
    assert references == {"size": "", "ethnicity": "Han", "grade": max(counts, key=counts.get)}


def test_screening_keeps_what_is_significant_alone_and_warns():
    variables, outcome = a_cohort()
    (found,) = regression.analyse(variables, outcome, everyone(300))
    of_screened = found["models"]["screened"]
    alone = {each["variables"][0]: each["tests"][0]["p"] for each in found["models"]["univariable"]}
    assert of_screened["variables"] == [name for name, p in alone.items() if p < 0.05]
    assert "size" in of_screened["variables"]
    assert "too narrow" in of_screened["notes"][0]


def test_rows_with_a_missing_value_are_left_out_and_counted():
    variables, outcome = a_cohort()
    variables[0].values[:10] = np.nan
    (found,) = regression.analyse(variables, outcome, everyone(300))
    full = found["models"]["full"]
    assert (full["units"], full["incomplete"]) == (290, 10)
    assert found["models"]["univariable"][1]["units"] == 300


def test_a_variable_that_others_determine_is_left_out_by_name():
    variables, outcome = a_cohort()
    twin = quantity("diameter", variables[0].values * 10)
    (found,) = regression.analyse([*variables, twin], outcome, everyone(300))
    assert "diameter is left out: determined by the variables before it." in found["models"]["full"]["notes"]


def test_collinearity_is_said_with_its_variance_inflation():
    variables, outcome = a_cohort()
    nearly = quantity("diameter", variables[0].values + np.random.default_rng(1).normal(0, 1, 300))
    (found,) = regression.analyse([*variables, nearly], outcome, everyone(300))
    full = found["models"]["full"]
    # The usual VIF of one column: 1 / (1 - R2) of its regression on the others.
    of_model = design.build([*variables, nearly], np.arange(300), {})
    others = np.column_stack([np.ones(300), np.delete(of_model.matrix, 0, axis=1)])
    residual = of_model.matrix[:, 0] - others @ np.linalg.lstsq(others, of_model.matrix[:, 0], rcond=None)[0]
    vif = np.var(of_model.matrix[:, 0]) / np.mean(residual**2)
    assert full["collinearity"][0]["vif"] == pytest.approx(vif, rel=1e-6)
    assert any("Collinear" in note and "diameter" in note for note in full["notes"])


def test_her2_is_estimated_class_by_class_and_with_proportional_odds():
    rng = np.random.default_rng(2)
    size = rng.normal(size=300)
    level = np.digitize(size + rng.logistic(size=300), [-0.8, 0.8])
    outcome = outcomes.read("her2", [outcomes.HER2_CLASSES[i] for i in level], {})
    found = regression.analyse([quantity("size", size)], outcome, everyone(300))
    assert [each["contrast"] for each in found] == [
        "zero against the rest", "low against the rest", "positive against the rest", "a higher class",
    ]  # fmt: skip
    ordinal = found[-1]
    assert ordinal["models"]["full"]["terms"][0]["coefficient"] == pytest.approx(1, abs=0.3)
    assert "nothing against proportional odds" in ordinal["brant"]["note"]


def test_separated_classes_of_a_nominal_outcome_are_compared_one_by_one_by_firth():
    rng = np.random.default_rng(4)
    kind = rng.choice(["A", "B", "C"], 150)
    # No B is ever dense.
    dense = np.where(kind == "B", "no", rng.choice(["yes", "no"], 150))
    outcome = outcomes.read("subtype", list(kind), {"subtype": "A"})
    multinomial, *pairs = regression.analyse([columns.variable("dense", list(dense))], outcome, everyone(150))
    assert "separated by dense" in multinomial["models"]["full"]["notes"][0]
    assert [each["contrast"] for each in pairs] == ["B against A", "C against A"]
    assert [each["models"]["full"]["method"] for each in pairs] == [models.FIRTH, models.MAXIMUM_LIKELIHOOD]


def test_separation_in_an_ordered_outcome_is_seen():
    y = np.repeat([0, 1, 2], 20)
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(size=60), y + rng.random(60) * 0.5])
    assert separation.ordinal(x, y, 3)[1]
    assert not separation.ordinal(rng.normal(size=(60, 1)), y, 3).any()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([str(i) for i in range(30)], "The outcome stage has another whole number in every row"),
        ([str(i % 9) for i in range(30)], "is a quantity"),
        (["0"] * 30, "one value only"),
        (["0"] * 29 + ["1"], "one row only"),
    ],
)
def test_an_outcome_without_classes_is_refused(cells, sentence):
    with pytest.raises(InputError, match=sentence):
        outcomes.read("stage", cells, {})


def test_a_reference_that_is_no_level_is_refused():
    variables, outcome = a_cohort()
    with pytest.raises(InputError, match="no level 'IV' for a reference"):
        regression.analyse(variables, outcome, everyone(300, grade="IV"))


def test_a_forest_plot_is_the_same_picture_every_time_and_shows_every_term():
    variables, outcome = a_cohort()
    (found,) = regression.analyse(variables, outcome, everyone(300))
    first, second = (
        report_files.pictures("forest_1", forest.odds_ratios(found, "1", "not a preoperative model")) for _ in range(2)
    )
    assert first == second
    drawn = forest.odds_ratios(found, "1", "not a preoperative model")
    assert "not a preoperative model" in drawn.get_suptitle()
    plot, words = drawn.axes
    labels = [label.get_text() for label in plot.get_yticklabels()]
    assert labels[0] == "size, per 1"
    assert "ethnicity, vs Han" in labels
    printed = [text.get_text() for text in words.texts]
    full = found["models"]["full"]["terms"][0]
    assert f"{full['odds_ratio']:.3f} ({full['profile_low']:.3f} to {full['profile_high']:.3f})" in printed
