"""Table 1, against the study's P values and against the package tableone."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from MammoRadiomicsLib.clinical import baseline, columns, comparisons
from shared_data import PROJECT, shared_folder

# METHODS.md, from the study's Table 1: Pearson's chi-square without continuity correction.
PUBLISHED_P = {
    "HER2 expression": 0.360,
    "Age (years)": 0.201,
    "Ethnicity": 0.491,
    "Lesion size (cm)": 0.997,
    "ER expression (%)": 0.975,
    "PR expression (%)": 0.739,
    "Nerve invasion": 0.443,
    "Menopause": 0.862,
    "Ki67 (%)": 0.501,
    "CK5/6": 0.658,
    "Clinical stage": 0.818,
    "Breast density": 0.877,
    "Mass shape": 0.929,
    "Mass margin": 0.965,
    "Mass density": 0.780,
    "Architectural distortion": 0.565,
    "Calcification": 0.455,
    "Skin changes": 0.605,
}


@pytest.fixture(scope="module")
def published_counts() -> dict[str, np.ndarray]:
    """The study's training and test counts, shape (levels, 2), by variable."""
    path = PROJECT.parent / "shared" / "paper" / "table1_baseline.csv"
    if not path.exists():
        pytest.skip("the study's Table 1 is not beside the project")
    counts: dict[str, list] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            counts.setdefault(row["variable"], []).append([int(row["training"]), int(row["test"])])
    return {name: np.array(of_variable) for name, of_variable in counts.items()}


@pytest.mark.parametrize("variable", PUBLISHED_P)
def test_the_published_counts_give_the_published_p_value(published_counts, variable):
    found = comparisons.categories(published_counts[variable])
    assert found.test == "chi-square"
    assert round(found.p, 3) == PUBLISHED_P[variable]


@pytest.fixture(scope="module")
def intensive_care() -> dict:
    """Table 1 of 1,000 stays in intensive care by death."""
    path = shared_folder("stats_references") / "pn2012.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("Age", "SysABP", "Height", "Weight", "ICU")
    variables = [columns.variable(name, [row[name] for row in rows]) for name in names]
    death = np.array([row["death"] for row in rows])
    found = baseline.table(variables, "death", {name: death == name for name in ("0", "1")}, {})
    return {each["variable"]: each for each in found["variables"]}


@pytest.mark.parametrize(
    ("variable", "difference", "missing"),
    [("Age", 0.487, 0), ("SysABP", 0.176, 291), ("Height", 0.099, 475), ("Weight", 0.031, 302), ("ICU", 0.490, 0)],
)
def test_standardised_differences_and_missing_values_are_those_of_tableone(
    intensive_care, variable, difference, missing
):
    # tableone 0.9.6 with smd=True on the same file.
    assert intensive_care[variable]["difference"] == pytest.approx(difference, abs=6e-4)
    assert intensive_care[variable]["missing"]["all"] == missing


def test_summaries_and_p_values_are_those_of_tableone(intensive_care):
    assert intensive_care["ICU"]["p"] == pytest.approx(0.000162, abs=1e-6)
    # tableone takes Kruskal-Wallis for two groups as well: 0.433864, without continuity correction.
    assert intensive_care["Weight"]["p"] == pytest.approx(0.433864, abs=5e-4)
    dead = intensive_care["Age"]["summary"]["death 1"]
    assert (round(dead["mean"], 1), round(dead["sd"], 1)) == (71.7, 14.0)
    assert intensive_care["Weight"]["shown"] == "median (IQR)"


def test_normal_quantities_are_compared_by_their_means():
    rng = np.random.default_rng(1)
    groups = [rng.normal(50, 10, 90), rng.normal(56, 14, 60)]
    found = comparisons.quantities(groups)
    assert found.test == "Welch's t-test"
    # The textbook formula of Welch's t, by hand.
    errors = [group.var(ddof=1) / group.size for group in groups]
    assert found.statistic == pytest.approx((groups[0].mean() - groups[1].mean()) / np.sqrt(sum(errors)))
    assert comparisons.quantities([*groups, rng.normal(50, 10, 40)]).test == "analysis of variance"


def test_skewed_quantities_are_compared_by_their_ranks():
    rng = np.random.default_rng(1)
    groups = [rng.lognormal(0, 1, 80) for _ in range(3)]
    assert comparisons.quantities(groups[:2]).test == "Mann-Whitney"
    assert comparisons.quantities(groups).test == "Kruskal-Wallis"


def test_small_expected_counts_are_tested_exactly():
    # Fisher's own example of the lady tasting tea: P = 34/70.
    found = comparisons.categories(np.array([[3, 1], [1, 3]]))
    assert found.test == "Fisher's exact"
    assert found.p == pytest.approx(34 / 70)


def test_fishers_test_of_a_larger_table_agrees_with_counting_all_tables():
    counts = np.array([[3, 0], [1, 4], [0, 2]])
    found = comparisons.categories(counts)
    assert found.test == "Fisher's exact (random tables)"
    assert found.p == pytest.approx(_exact_p(counts), abs=0.01)
    assert found == comparisons.categories(counts)


def _exact_p(counts: np.ndarray) -> float:
    """P of the r x 2 exact test by listing every table with the same margins."""
    from itertools import product
    from math import comb

    rows, first = counts.sum(axis=1), counts[:, 0].sum()
    chances = {}
    for column in product(*(range(n + 1) for n in rows)):
        if sum(column) == first:
            chances[column] = np.prod([comb(n, k) for n, k in zip(rows, column, strict=True)])
    observed = chances[tuple(counts[:, 0])]
    return sum(chance for chance in chances.values() if chance <= observed) / sum(chances.values())


def test_the_standardised_difference_of_two_levels_is_that_of_two_shares():
    p, q = 0.3, 0.45
    found = comparisons.categories(np.array([[30, 90], [70, 110]]))
    assert found.difference == pytest.approx(abs(p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2))


def test_a_group_may_be_called_as_a_column_of_the_table():
    variable = columns.Variable("grade", "biopsy", np.array([0.0, 1, 0, 1]), ("I", "II"))
    names = ("test", "all", "P")
    groups = {name: np.arange(4) == i for i, name in enumerate(names)}
    (row, _) = baseline.as_rows(baseline.table([variable], "split", groups, {"no split": np.arange(4) == 3}))
    assert [row[f"split {name} (n = 1)"] for name in names] == ["1 (100.0%)", "0 (0.0%)", "1 (100.0%)"]
    assert row["all (n = 3)"] == "2 (66.7%)"
    assert row["no split (n = 1)"] == "0 (0.0%)"


def test_a_level_that_one_group_alone_has_is_described_and_not_divided_by_nothing():
    found = comparisons.categories(np.array([[5, 0], [0, 0]]))
    assert (found.test, found.p) == ("", None)
    assert comparisons.quantities([np.array([1.0, 1.0]), np.array([1.0, 1.0])]).p is None
