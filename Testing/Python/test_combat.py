"""ComBat, against the package neuroCombat."""

from __future__ import annotations

import numpy as np
import pytest
from MammoRadiomicsLib import combat
from MammoRadiomicsLib.errors import InputError

# neuroCombat 0.2.12 on the table of :func:`a_table`, rows 0, 12 and 29; it stops at a relative change of 1e-4.
NEUROCOMBAT = [
    [11.78692154, 23.22176658, 31.77752191, 38.5685059, 47.08713735, 60.62492275],
    [11.70051507, 19.27823098, 34.95815691, 38.55140992, 52.50552642, 64.26680945],
    [9.41882186, 21.50398878, 32.95601288, 40.14617242, 55.00256592, 62.38228516],
]


@pytest.fixture
def a_table() -> tuple[np.ndarray, np.ndarray]:
    """Thirty rows of six features from three scanners of other locations and scales."""
    batch = np.array(list("A" * 9 + "B" * 13 + "C" * 8))
    i, j = np.arange(30)[:, None], np.arange(1, 7)[None]
    values = 10 * j + np.sin(1.7 * i * j + j) * j
    values += (batch == "B")[:, None] * 2 * np.sqrt(j) + (batch == "C")[:, None] * np.cos(i * j) * 3
    return np.round(values, 3), batch


def test_harmonised_values_are_those_of_neurocombat(a_table):
    values, batch = a_table
    harmonised, left = combat.fit(values, batch).apply(values, batch)
    assert harmonised[[0, 12, 29]] == pytest.approx(np.array(NEUROCOMBAT), abs=2e-5)
    assert not left.any()


def test_an_unknown_scanner_is_refused_or_left_and_said(a_table):
    values, batch = a_table
    known = batch != "C"
    fitted = combat.fit(values[known], batch[known])
    with pytest.raises(InputError, match="'C' was not among those that were harmonised \\(A, B\\)"):
        fitted.apply(values, batch)
    harmonised, left = fitted.apply(values, batch, combat.LEAVE)
    assert (left == ~known).all()
    assert (harmonised[left] == values[left]).all()
    assert (harmonised[known] != values[known]).any()


def test_a_row_is_harmonised_alike_alone_and_among_others(a_table):
    values, batch = a_table
    fitted = combat.fit(values, batch)
    alone, _ = fitted.apply(values[5:6], batch[5:6])
    assert (alone[0] == fitted.apply(values, batch)[0][5]).all()


def test_a_new_centre_changes_nothing_for_the_others_and_is_marked(a_table):
    values, batch = a_table
    known = batch != "C"
    before = combat.fit(values[known], batch[known])
    after = before.with_batch(values[~known], "C")
    assert after.transductive == ("C",)
    assert (after.apply(values[known], batch[known])[0] == before.apply(values[known], batch[known])[0]).all()
    moved = after.apply(values[~known], batch[~known])[0]
    assert (
        np.abs(moved.mean(axis=0) - before.centre).mean() < np.abs(values[~known].mean(axis=0) - before.centre).mean()
    )


def test_a_feature_without_variation_inside_batches_stays_finite(a_table):
    values, batch = a_table
    values[:, 2] = np.where(batch == "A", 1.0, 2.0)
    harmonised, _ = combat.fit(values, batch).apply(values, batch)
    assert np.isfinite(harmonised).all()


def test_too_little_to_harmonise_is_refused(a_table):
    values, batch = a_table
    with pytest.raises(InputError, match="have one"):
        combat.fit(values[batch == "A"], batch[batch == "A"])
    with pytest.raises(InputError, match="B has 2 rows"):
        combat.fit(values[:11], batch[:11])


def test_a_reference_stays_as_it_is_and_a_new_batch_comes_to_it(a_table):
    values, batch = a_table
    of_a, of_b = values[batch == "A"], values[batch == "B"]
    fitted = combat.reference(of_a, "A").with_batch(of_b, "B")
    assert fitted.apply(of_a, np.full(len(of_a), "A"))[0] == pytest.approx(of_a, rel=1e-14)
    moved = fitted.apply(of_b, np.full(len(of_b), "B"))[0]
    assert np.abs(moved.mean(axis=0) - of_a.mean(axis=0)).max() < np.abs(of_b.mean(axis=0) - of_a.mean(axis=0)).max()


def test_what_a_model_keeps_for_its_columns_does_the_same_to_them(a_table):
    values, batch = a_table
    fitted, columns = combat.fit(values, batch), np.array([4, 1])
    some = fitted.of_columns(columns).apply(values[:, columns], batch)[0]
    assert (some == fitted.apply(values, batch)[0][:, columns]).all()
