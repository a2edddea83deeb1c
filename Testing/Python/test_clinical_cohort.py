"""The script that makes up cohorts like the study's."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from shared_data import PROJECT


@pytest.fixture(scope="module")
def clinical_cohort():
    path = PROJECT / "Testing" / "Cohorts" / "clinical_cohort.py"
    spec = importlib.util.spec_from_file_location("clinical_cohort", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def many_patients(clinical_cohort) -> tuple[dict, dict]:
    """The published shares, and the columns of 5,000 patients drawn from them."""
    baseline = PROJECT.parent / "shared" / "paper" / "table1_baseline.csv"
    if not baseline.exists():
        pytest.skip("the study's Table 1 is not beside the project")
    shares = clinical_cohort.read_shares(baseline)
    return shares, clinical_cohort.draw(shares, np.random.default_rng(1), 5_000)


def test_columns_have_the_published_shares(many_patients):
    shares, columns = many_patients
    assert len(shares) == 20
    for name, own in shares.items():
        for level, share in own.items():
            assert np.mean(np.array(columns[name]) == level) == pytest.approx(share, abs=0.03)
    assert np.mean(columns["slnm"]) == pytest.approx(413 / 838, abs=0.03)


def test_true_effects_are_those_that_were_set(many_patients, clinical_cohort):
    pytest.importorskip("statsmodels")
    from MammoRadiomicsLib.clinical import columns as clinical_columns
    from MammoRadiomicsLib.clinical import outcomes, regression

    _, columns = many_patients
    variables = [clinical_columns.variable(name, columns[name]) for name in clinical_cohort.EFFECTS]
    first = {name: levels[0] for name, (levels, _) in clinical_cohort.EFFECTS.items()}
    outcome = outcomes.read("slnm", [str(label) for label in columns["slnm"]], {})
    rows = np.arange(5_000)
    (contrast,) = outcomes.contrasts(outcome)
    found = regression.fit(contrast, variables, regression.Sample(rows, rows, first), profile=False)
    truth = clinical_cohort.true_effects()
    for term in found["terms"]:
        off = term["coefficient"] - truth[term["variable"], term["level"]]
        assert abs(off) < 4 * term["standard_error"]
