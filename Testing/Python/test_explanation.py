"""Shapley values: they add up, and are those of the definition."""

import itertools
import math

import numpy as np
import pytest
from MammoRadiomicsLib import explanation


def a_function(k, seed=1):
    """A smooth function of k features with interactions and two outputs."""
    rng = np.random.default_rng(seed)
    centres, heights = rng.standard_normal((12, k)), rng.standard_normal((12, 2))

    def predict(rows):
        kernel = np.exp(-((rows[:, None] - centres) ** 2).sum(axis=2) / k)
        return 1 / (1 + np.exp(-kernel @ heights))

    return predict


def a_case(k, seed=2):
    rng = np.random.default_rng(seed)
    return a_function(k), rng.standard_normal(k) * 1.5, rng.standard_normal((7, k))


def by_definition(predict, x, background):
    """Sum over all orders in which features can enter, each a product of plain loops."""

    def worth(chosen):
        rows = background.copy()
        rows[:, list(chosen)] = x[list(chosen)]
        return predict(rows).mean(axis=0)

    k = len(x)
    values = np.zeros((k, 2))
    for feature in range(k):
        others = [each for each in range(k) if each != feature]
        for size in range(k):
            weight = math.factorial(size) * math.factorial(k - size - 1) / math.factorial(k)
            for chosen in itertools.combinations(others, size):
                values[feature] += weight * (worth((*chosen, feature)) - worth(chosen))
    return values


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_up_to_eight_features_are_exact(k):
    predict, x, background = a_case(k)
    found = explanation.shapley(predict, x, background)
    assert found.errors is None
    np.testing.assert_allclose(found.values, by_definition(predict, x, background), atol=1e-13)


@pytest.mark.parametrize("k", [3, 8, 9, 30])
def test_values_add_up_to_the_prediction(k):
    predict, x, background = a_case(k)
    found = explanation.shapley(predict, x, background, pairs=3)
    np.testing.assert_allclose(found.base, predict(background).mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(found.base + found.values.sum(axis=0), predict(x[None])[0], atol=1e-14)


def test_sampling_agrees_with_enumeration_within_its_error():
    predict, x, background = a_case(8)
    exact = explanation.shapley(predict, x, background).values
    off = []
    for seed in range(40):
        found = explanation.shapley(predict, x, background, pairs=16, random_state=seed, exact_up_to=0)
        off.append((found.values - exact) / found.errors)
    off = np.array(off)
    assert np.abs(off).max() < 8
    # Student's t with 15 degrees of freedom has an SD of 1.07.
    assert 0.9 < off.std() < 1.3
    many = explanation.shapley(predict, x, background, pairs=3000, exact_up_to=0)
    assert many.errors.max() < 0.001
    assert (np.abs(many.values - exact) < 4 * many.errors).all()


def test_more_pairs_have_less_error_and_equal_seeds_agree():
    predict, x, background = a_case(12)
    few, many = (explanation.shapley(predict, x, background, pairs=pairs).errors.mean() for pairs in (8, 128))
    assert many == pytest.approx(few / 4, rel=0.4)
    again = [explanation.shapley(predict, x, background, random_state=seed).values for seed in (1, 1, 2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0] != again[2]).any()


@pytest.mark.parametrize("exact_up_to", [8, 0])
def test_a_feature_that_is_not_used_gets_nothing(exact_up_to):
    predict, x, background = a_case(6)
    found = explanation.shapley(
        lambda rows: predict(np.delete(rows, 2, axis=1)) if rows.shape[1] == 7 else predict(rows),
        np.insert(x, 2, 99.0), np.insert(background, 2, -5.0, axis=1), exact_up_to=exact_up_to,
    )  # fmt: skip
    np.testing.assert_allclose(found.values[2], 0, atol=1e-15)
    assert (np.abs(np.delete(found.values, 2, axis=0)) > 1e-6).all()


def test_features_that_do_the_same_get_the_same():
    x, background = np.array([2.0, 2.0, -1.0]), np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.5]])
    found = explanation.shapley(lambda rows: np.tanh(rows[:, :1] * rows[:, 1:2] + rows[:, 2:]), x, background)
    assert found.values[0, 0] == pytest.approx(found.values[1, 0], abs=1e-15)


def test_the_value_of_a_linear_model_is_its_weight_times_the_distance_from_the_mean():
    _, x, background = a_case(20)
    weights = np.linspace(-1, 1, 20)[:, None]
    found = explanation.shapley(lambda rows: rows @ weights, x, background, pairs=2)
    np.testing.assert_allclose(found.values[:, 0], weights[:, 0] * (x - background.mean(axis=0)), atol=1e-13)
    np.testing.assert_allclose(found.errors, 0, atol=1e-13)


def test_rows_are_predicted_in_parts_of_bounded_size():
    predict, x, background = a_case(20)
    sizes = []
    explanation.shapley(lambda rows: sizes.append(len(rows)) or predict(rows), x, background, pairs=100)
    assert max(sizes) <= explanation._ROWS
    assert sum(sizes) == 100 * 2 * 19 * 7 + 7 + 1


def test_the_background_has_the_quantiles_of_training_and_no_row_of_it():
    rng = np.random.default_rng(3)
    values = rng.standard_normal((400, 1)) + 0.3 * rng.standard_normal((400, 6))
    predict = a_function(6)
    found = explanation.background(values, 15, predict)
    assert found.shape == (25, 6)
    np.testing.assert_allclose(np.sort(found, axis=0), np.quantile(values, np.linspace(0.02, 0.98, 25), axis=0))
    np.testing.assert_allclose(found.mean(axis=0), values.mean(axis=0), atol=0.05)
    assert np.abs(np.corrcoef(found.T) - np.eye(6)).max() < 0.6 < np.corrcoef(values.T).min()
    assert not (found[:, None] == values).all(axis=2).any()
    np.testing.assert_array_equal(found, explanation.background(values, 15, predict))


def test_the_mean_over_the_background_is_that_over_independent_features():
    values, predict = np.random.default_rng(4).standard_normal((300, 20)), a_function(20, seed=3)
    independent = np.random.default_rng(5).permuted(np.tile(values, (100, 1)), axis=0)
    found = predict(explanation.background(values, 15, predict)).mean(axis=0)
    np.testing.assert_allclose(found, predict(independent).mean(axis=0), atol=0.01)
