"""The LASSO against scikit-learn's, on columns that repeat each other as radiomics features do."""

import numpy as np
import pytest
from MammoRadiomicsLib import lasso
from sklearn.linear_model import Lasso


def correlated(rows: int, columns: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Columns made of a few common factors, some of them exact copies, and a response that follows three factors."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((rows, 12))
    z = factors @ rng.standard_normal((12, columns)) + 0.1 * rng.standard_normal((rows, columns))
    z[:, -5:] = z[:, :5]
    return (z - z.mean(axis=0)) / z.std(axis=0), (factors[:, :3].sum(axis=1) > 0).astype(float)


@pytest.mark.parametrize(("rows", "columns"), [(80, 30), (60, 200)])
def test_every_solution_of_a_path_is_scikit_learns(rows, columns):
    z, response = correlated(rows, columns)
    descent = lasso.LassoDescent(z, response)
    for alpha in np.geomspace(1, 0.003, 12):
        weights, intercept = descent.solve(alpha)
        reference = Lasso(alpha=alpha, max_iter=1_000_000, tol=1e-12).fit(z, response)
        np.testing.assert_allclose(z @ weights + intercept, reference.predict(z), atol=1e-4)

        def objective(w, c, alpha=alpha):
            return ((response - z @ w - c) ** 2).mean() / 2 + alpha * np.abs(w).sum()

        assert objective(weights, intercept) <= objective(reference.coef_, reference.intercept_) + 1e-9


def test_a_jump_to_a_small_penalty_is_solved_as_well():
    z, response = correlated(60, 200)
    weights, _ = lasso.LassoDescent(z, response).solve(0.002)
    assert gap(z, response, 0.002, weights) < 1e-8 * len(z)


def gap(z, response, alpha, weights):
    z, response = z - z.mean(axis=0), response - response.mean()
    return lasso.duality_gap(z.T @ z, z.T @ response, response @ response, len(z) * alpha, weights)


def test_the_duality_gap_is_zero_at_the_solution_only():
    z, response = correlated(80, 30)
    weights = Lasso(alpha=0.05, max_iter=1_000_000, tol=1e-14).fit(z, response).coef_
    assert gap(z, response, 0.05, weights) == pytest.approx(0, abs=1e-8)
    assert gap(z, response, 0.05, weights + 0.1) > 0.1
    assert gap(z, response, 0.05, np.zeros(30)) > 0.1


def test_scikit_learn_finishes_what_rounding_spoils(monkeypatch):
    z, response = correlated(60, 200)
    expected = lasso.LassoDescent(z, response).solve(0.01)[0]
    monkeypatch.setattr(lasso, "_active_set", lambda gram, covariances, penalty, weights: weights)
    found = lasso.LassoDescent(z, response).solve(0.01)[0]
    np.testing.assert_allclose(z @ found, z @ expected, atol=0.02)


def test_columns_without_any_relation_get_no_weight():
    z, response = correlated(40, 10)
    assert not lasso.LassoDescent(z, np.full(40, 0.5)).solve(0.1)[0].any()
    assert not lasso.LassoDescent(z, response).solve(10.0)[0].any()
