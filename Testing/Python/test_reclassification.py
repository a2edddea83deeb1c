"""Net reclassification and integrated discrimination, against published counts and a worked example."""

import csv

import numpy as np
import pytest
from MammoRadiomicsLib import reclassification
from shared_data import shared_folder

# Pencina et al., Stat Med 2008; 27: 157, the Framingham example: rows are the categories (<6%, 6-20%, >20%) without
# HDL, columns those with it. They print an NRI of 0.121: 22 of 183 events, 1 of 3081 non-events.
EVENTS = [[39, 15, 0], [4, 87, 14], [0, 3, 21]]
NONEVENTS = [[1959, 142, 0], [148, 703, 31], [1, 25, 72]]
INSIDE = (0.03, 0.12, 0.40)


def rows_of(counts: list[list[int]], positive: bool) -> list[tuple[bool, float, float]]:
    return [
        (positive, INSIDE[new], INSIDE[old])
        for old, row in enumerate(counts)
        for new, count in enumerate(row)
        for _ in range(count)
    ]


def test_the_published_framingham_example_comes_out():
    rows = rows_of(EVENTS, True) + rows_of(NONEVENTS, False)
    positive, new, old = (np.array(column) for column in zip(*rows, strict=True))
    found = reclassification.net_reclassification(positive, new, old, (0.06, 0.20))
    assert positive.sum() == 183
    assert (~positive).sum() == 3081
    assert found["nri_events"] == pytest.approx(22 / 183, abs=1e-12)
    assert found["nri_nonevents"] == pytest.approx(1 / 3081, abs=1e-12)
    assert round(found["nri"], 3) == 0.121


def test_the_improvement_in_discrimination_is_the_difference_of_yates_slopes():
    """By hand: events rise by (0.2 + 0.1) / 2, non-events fall by (0.1 - 0.2 + 0.4) / 3."""
    positive = np.array([True, True, False, False, False])
    old, new = np.array([0.4, 0.6, 0.3, 0.2, 0.7]), np.array([0.6, 0.7, 0.2, 0.4, 0.3])
    found = reclassification.integrated_discrimination(positive, new, old)
    assert found["idi_events"] == pytest.approx(0.15)
    assert found["idi_nonevents"] == pytest.approx(0.1)
    assert found["idi"] == pytest.approx(0.25)
    slope = [each[positive].mean() - each[~positive].mean() for each in (new, old)]
    assert found["idi"] == pytest.approx(slope[0] - slope[1])


@pytest.fixture(scope="module")
def patients():
    """pROC's aSAH: a poor outcome by age and WFNS grade (old), and with the protein S100B beside them (new)."""
    import statsmodels.api as sm

    with (shared_folder("stats_references") / "aSAH.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    positive = np.array([row["outcome"] == "Poor" for row in rows])
    values = sm.add_constant(np.array([[float(row[name]) for name in ("age", "wfns", "s100b")] for row in rows]))
    old, new = (sm.Logit(positive.astype(float), values[:, :k]).fit(disp=0).predict() for k in (3, 4))
    return positive, new, old


def test_an_independent_program_counts_the_same_moves_on_real_patients(patients):
    """github.com/LambertLeong/AUC_NRI_IDI_python_functions, 79fde5d, calculate_nri at 0.2 and 0.6, ran on the same."""
    positive, new, old = patients
    found = reclassification.net_reclassification(positive, new, old)
    assert (positive.sum(), len(positive)) == (41, 113)
    assert found["nri_events"] == pytest.approx(-0.0975609756097561, abs=1e-12)
    assert found["nri_nonevents"] == pytest.approx(0.05555555555555555, abs=1e-12)
    assert found["nri"] == pytest.approx(-0.04200542005420055, abs=1e-12)


def test_the_improvement_in_discrimination_is_that_of_tjurs_coefficient_on_real_patients(patients):
    """Tjur, Am Stat 2009; 63: 366: of a logistic model it is the mean of two R2, explained and residual."""
    positive, new, old = patients

    def tjur(probability):
        total = ((positive - positive.mean()) ** 2).sum()
        explained = ((probability - positive.mean()) ** 2).sum() / total
        return (explained + 1 - ((positive - probability) ** 2).sum() / total) / 2

    found = reclassification.integrated_discrimination(positive, new, old)
    assert found["idi"] == pytest.approx(tjur(new) - tjur(old), abs=1e-7)


def test_swapping_the_models_turns_every_sign():
    rng = np.random.default_rng(1)
    positive, one, other = rng.random(200) < 0.4, rng.random(200), rng.random(200)
    for measure in (reclassification.net_reclassification, reclassification.integrated_discrimination):
        there, back = measure(positive, one, other), measure(positive, other, one)
        assert there == pytest.approx({name: -value for name, value in back.items()})


def test_a_probability_at_a_threshold_lies_above_it():
    found = reclassification.net_reclassification(np.array([True, False]), np.array([0.2, 0.6]), np.array([0.19, 0.6]))
    assert (found["nri_events"], found["nri_nonevents"]) == (1.0, 0.0)


def test_without_one_of_the_classes_there_is_nothing_to_say():
    one = np.ones(3)
    assert set(reclassification.net_reclassification(one > 0, one, one).values()) == {None}
