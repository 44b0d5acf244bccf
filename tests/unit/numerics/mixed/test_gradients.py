"""Value against brute force, gradient against differences, at random points far from any maximum."""

import numpy as np
import pytest
from scipy.optimize import minimize

from dwangstats.numerics import families
from dwangstats.numerics.mixed.model import evaluate, make_model
from dwangstats.numerics.mixed.parameters import unpack

#: Fourth-order differences with step 1e-4 of a log likelihood of about 1e3: rounding 1e-13 / 1e-4.
TOLERANCE = 1e-6


def random_vector(model, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vector = 0.5 * rng.normal(size=model.layout.size)
    return np.where(np.isfinite(model.layout.floors), np.abs(vector) + 0.05, vector)


def differences(model, vector: np.ndarray, start) -> np.ndarray:
    gradient = np.zeros_like(vector)
    for j in range(vector.size):
        step = np.zeros_like(vector)
        step[j] = 1e-4
        values = [evaluate(model, vector + k * step, start).value for k in (-2, -1, 1, 2)]
        gradient[j] = (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * 1e-4)
    return gradient


def assert_gradient(model, vector: np.ndarray) -> None:
    found = evaluate(model, vector)
    assert found.modes.definite
    expected = differences(model, vector, found.modes.effects)
    np.testing.assert_allclose(found.gradient, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_laplace_gradient(panel, structure_name, family, inflated) -> None:
    y = panel.with_zeros if inflated else panel.y
    zero = panel.zero_X if inflated else None
    model = make_model(panel.X, y, panel.offset, panel.terms(structure_name), family, zero, 1)
    assert_gradient(model, random_vector(model, seed=1))


@pytest.mark.parametrize("nodes", [2, 5, 11])
@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
@pytest.mark.parametrize("name", ["intercept", "only slope"])
def test_quadrature_gradient(panel, name, family, inflated, nodes) -> None:
    y = panel.with_zeros if inflated else panel.y
    zero = panel.zero_X if inflated else None
    model = make_model(panel.X, y, panel.offset, panel.terms(name), family, zero, nodes)
    assert_gradient(model, random_vector(model, seed=2))


@pytest.mark.parametrize("name", ["intercept", "slope", "all"])
def test_gradient_at_a_scale_of_zero(panel, name) -> None:
    model = make_model(panel.X, panel.y, panel.offset, panel.terms(name), "nb2", None, 1)
    vector = random_vector(model, seed=3)
    vector[model.layout.fixed : model.layout.bounds[2]] = 0.0
    assert_gradient(model, vector)


def test_laplace_value_by_dense_algebra(panel, structure_name, dense_z) -> None:
    terms = panel.terms(structure_name)
    model = make_model(panel.X, panel.y, panel.offset, terms, "nb2", None, 1)
    vector = random_vector(model, seed=4)
    parameters = unpack(model.layout, vector)
    blocks = [np.kron(np.eye(t.groups), L) for t, L in zip(terms, parameters.scales, strict=True)]
    Z = dense_z(terms)
    edges = np.cumsum([0, *(len(b) for b in blocks)])
    ZL = np.concatenate([Z[:, a:b] @ L for a, b, L in zip(edges[:-1], edges[1:], blocks, strict=True)], axis=1)
    fixed = panel.X @ parameters.beta + panel.offset

    def negative(u: np.ndarray) -> tuple[float, np.ndarray]:
        found = families.derivatives("nb2", panel.y, fixed + ZL @ u, parameters.alpha)
        return 0.5 * u @ u - found.loglik.sum(), u - ZL.T @ found.d_eta

    found = minimize(negative, np.zeros(ZL.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-7})
    weight = -families.derivatives("nb2", panel.y, fixed + ZL @ found.x, parameters.alpha).d2_eta
    H = np.eye(ZL.shape[1]) + ZL.T @ (ZL * weight[:, None])
    expected = -found.fun - 0.5 * np.linalg.slogdet(H)[1]
    # BFGS leaves the mode about 1e-7 away, which enters log|H| in the first order.
    assert evaluate(model, vector).value == pytest.approx(expected, abs=1e-5)
