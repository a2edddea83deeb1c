"""Sample sizes against pmsampsize, the reference implementation of Riley's criteria."""

import pytest
from MammoRadiomicsLib import sample_size
from MammoRadiomicsLib.errors import InputError


def test_the_published_example_of_pmsampsize_is_reproduced():
    """Type b, csrsquared 0.288, 24 parameters, prevalence 0.174: 662 patients with 4.8 events per parameter."""
    needed = sample_size.criteria(24, 0.288, 0.174)
    assert needed == {"shrinkage": 623, "optimism": 662, "overall_risk": 221}
    assert round(needed["optimism"] * 0.174 / 24, 2) == 4.8


# cstatistic, prevalence and the R2 that PyPI's pmsampsize 0.1.0 finds by simulation, to four decimals.
@pytest.mark.parametrize(("auc", "prevalence", "r2"), [(0.8, 0.3, 0.2275), (0.7, 0.05, 0.0254), (0.65, 0.49, 0.0689)])
def test_the_r2_of_an_auc_is_that_of_pmsampsize(auc, prevalence, r2):
    assert sample_size.r2_of_auc(auc, prevalence) == pytest.approx(r2, abs=3e-4)


# parameters, nagrsquared 0.15 and prevalence 0.35 in pmsampsize, which rounds R2 to 0.109 first.
def test_without_an_auc_r2_is_15_percent_of_its_largest_value():
    found = sample_size.requirements({"0": 650, "1": 350}, 50)
    of_class = found["classes"]["1"]
    assert of_class["cox_snell_r2"] == pytest.approx(0.109, abs=5e-4)
    assert of_class["needed"] == {"shrinkage": pytest.approx(3874, rel=0.001), "optimism": 1275, "overall_risk": 350}
    assert found["needed"] == of_class["needed"]["shrinkage"]


def test_the_candidates_that_the_lesions_carry_need_no_more_lesions_than_there_are():
    counts = {"0": 425, "1": 413}
    carried = sample_size.requirements(counts, 1409, 0.75)["candidates_supported"]
    assert sample_size.requirements(counts, carried, 0.75)["needed"] <= 838
    assert sample_size.requirements(counts, carried + 1, 0.75)["needed"] > 838


def test_the_statement_says_events_need_and_assumption():
    said = sample_size.statement(sample_size.requirements({"0": 425, "1": 413}, 1409, 0.8))
    assert "1,409 candidates share 413 lesions of the rarer outcome: 0.29 events per candidate." in said
    assert "the 838 lesions here are enough for" in said
    assert said.endswith("This takes the AUC to be 0.80.")


def test_three_classes_are_each_taken_against_the_rest_and_that_is_said():
    found = sample_size.requirements({"zero": 246, "low": 297, "positive": 295}, 20)
    assert {name: each["events"] for name, each in found["classes"].items()} == {
        "zero": 246,
        "low": 297,
        "positive": 295,
    }
    assert found["needed"] == max(max(each["needed"].values()) for each in found["classes"].values())
    assert "approximates the criteria of Pate et al. (2023)" in sample_size.statement(found)


def test_the_rarer_side_counts_as_events():
    assert sample_size.requirements({"0": 20, "1": 80}, 10)["classes"]["1"]["events_per_candidate"] == 2


def test_a_model_that_tells_nothing_has_no_sample_size():
    found = sample_size.requirements({"0": 50, "1": 50}, 20, 0.47)
    assert (found["needed"], found["candidates_supported"]) == (None, 0)
    assert "At an AUC of 0.47 no number of lesions is enough." in sample_size.statement(found)


@pytest.mark.parametrize("counts", [{"0": 5}, {"0": 5, "1": 0}])
def test_refuses_an_empty_class(counts):
    with pytest.raises(InputError, match="lesions of two classes"):
        sample_size.requirements(counts, 5)
