"""The distance of a new lesion is measured against rows that were held out."""

import numpy as np
import pytest
from MammoRadiomicsLib import applicability


def some_rows(n=300, k=6, seed=4):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, k)) @ rng.standard_normal((k, k))
    return (z - z.mean(axis=0)) / z.std(axis=0), np.arange(n)


def distances_of(z, found):
    offset = z - found["centre"]
    return np.sqrt(np.einsum("ij,jk,ik->i", offset, found["precision"], offset))


def test_about_one_new_row_in_a_hundred_lies_beyond_the_limit():
    z, patients = some_rows(n=4000)
    found = applicability.reference(z[:2000], patients[:2000], 15)
    assert np.mean(distances_of(z[2000:], found) > found["distances"][99]) == pytest.approx(0.01, abs=0.006)


def test_many_features_of_few_rows_are_judged_by_held_out_rows():
    """Distances of the fitted rows from themselves would call a third of all new rows far."""
    z, patients = some_rows(n=2060, k=40)
    found = applicability.reference(z[:60], patients[:60], 15)
    beyond = np.mean(distances_of(z[60:], found) > found["distances"][99])
    in_sample = np.mean(distances_of(z[60:], found) > np.percentile(distances_of(z[:60], found), 99))
    assert beyond < 0.05
    assert in_sample > 0.3


def test_a_patient_is_held_out_with_all_lesions():
    """Doubling every row must not make a held-out row look near because its twin was not held out."""
    rng = np.random.default_rng(6)
    z = rng.standard_normal((40, 12))
    single = applicability.reference(z, np.arange(40), 15)
    twins = applicability.reference(np.repeat(z, 2, axis=0), np.repeat(np.arange(40), 2), 15)
    apart = applicability.reference(np.repeat(z, 2, axis=0), np.arange(80), 15)
    assert twins["distances"][50] == pytest.approx(single["distances"][50], rel=0.15)
    assert apart["distances"][50] < twins["distances"][50]


@pytest.mark.parametrize("k", [1, 80])
def test_the_arrays_are_what_a_model_file_accepts(k):
    z, patients = some_rows(n=30, k=k)
    found = applicability.reference(z, patients // 2, 15)
    assert {name: array.shape for name, array in found.items()} == {
        "centre": (k,), "precision": (k, k), "distances": (101,)
    }  # fmt: skip
    np.testing.assert_array_equal(found["precision"], found["precision"].T)
    np.linalg.cholesky(found["precision"])
    assert (np.diff(found["distances"]) >= 0).all()
    np.testing.assert_array_equal(found["distances"], applicability.reference(z, patients // 2, 15)["distances"])
