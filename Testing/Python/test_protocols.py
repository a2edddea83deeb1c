"""What three protocols claim on the same table."""

import dataclasses

import numpy as np
import pytest
from made_up import a_table
from MammoRadiomicsLib import learning, protocols, validation
from MammoRadiomicsLib.lesions import Lesions
from MammoRadiomicsLib.selection import StableColumns
from MammoRadiomicsLib.settings import TrainingSettings

QUICK = TrainingSettings(folds=3, calibration_folds=3, lasso_folds=4)
ALL = StableColumns.all(200)


def noise(seed: int) -> Lesions:
    """Sixty patients of whom a fifth is positive, and 200 columns that know nothing of it."""
    rng = np.random.default_rng(seed)
    target = (np.arange(60) % 5 == 0).astype(int)
    keys = tuple((f"P{i}", "", "1") for i in range(60))
    return Lesions(keys, tuple("x" * 200), rng.standard_normal((60, 200)), target, ("0", "1"), ("CC",))


def test_on_noise_the_leaky_protocol_finds_what_is_not_there():
    claims = {"training": [], "test": [], "leaky": []}
    for seed in range(4):
        data = noise(seed)
        for rows, auc in protocols.study(data, ALL, QUICK, seed).items():
            claims[rows].append(auc)
        claims["leaky"].append(protocols.leaky(data, ALL, QUICK, seed))
    medians = {name: float(np.median(aucs)) for name, aucs in claims.items()}
    assert medians["leaky"] > 0.9
    assert medians["training"] > 0.9
    assert abs(medians["test"] - 0.5) < 0.25


def test_the_study_protocol_learns_from_training_rows_only():
    """Test rows that are altered change the claim on test rows and leave that on training rows bit for bit."""
    data = noise(1)
    test_rows = validation.split_rows(data, 0.3, 0)[1]
    values = data.values.copy()
    values[test_rows] += 5
    altered = dataclasses.replace(data, values=values)
    before, after = (protocols.study(each, ALL, QUICK, 0) for each in (data, altered))
    assert before["training"] == after["training"]
    assert before["test"] != after["test"]


def test_every_split_makes_one_claim_of_each_protocol():
    training = learning.train(a_table(), "outcome", dataclasses.replace(QUICK, folds=2, repeats=2))
    steps = []
    claims = protocols.compare(training, seeds=3, progress=lambda *step: steps.append(step[:2]))
    counts = {}
    for claim in claims:
        key = (claim["protocol"], claim["rows"])
        counts[key] = counts.get(key, 0) + 1
        assert 0 <= claim["auc"] <= 1
    assert counts == {
        ("nested", "test"): 2,
        ("nested without SMOTE", "test"): 2,
        ("study", "training"): 3,
        ("study", "test"): 3,
        ("leaky", "test"): 3,
    }
    assert steps[-3:] == [(1, 3), (2, 3), (3, 3)]
    assert claims == protocols.compare(training, seeds=3)


@pytest.mark.parametrize("protocol", [protocols.study, protocols.leaky])
def test_three_classes_are_measured_against_the_rest(protocol):
    data = dataclasses.replace(noise(2), target=np.arange(60) % 3, classes=("a", "b", "c"))
    found = protocol(data, ALL, QUICK, 0)
    assert all(0 <= auc <= 1 for auc in (found.values() if isinstance(found, dict) else [found]))
