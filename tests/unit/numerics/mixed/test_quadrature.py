from dataclasses import replace

import numpy as np
import pytest

from dwangstats.numerics import families
from dwangstats.numerics.mixed.model import evaluate, make_model
from dwangstats.numerics.mixed.quadrature import hermite_nodes
from dwangstats.numerics.mixed.rows import BLOCK
from dwangstats.numerics.mixed.structure import Term


@pytest.mark.parametrize("count", [1, 2, 11, 25, 61])
def test_nodes_integrate_normal_moments(count) -> None:
    x, log_weight = hermite_nodes(count)
    weight = np.exp(log_weight - 0.5 * x**2)
    assert weight.sum() == pytest.approx(1.0, rel=1e-12)
    assert weight @ x**2 == pytest.approx(1.0 if count > 1 else 0.0, abs=1e-12)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_many_nodes_are_the_integral(panel, family) -> None:
    terms = panel.terms("intercept")
    model = make_model(panel.X, panel.y, panel.offset, terms, family, None, 41)
    sd, alpha, beta = 0.8, 0.3, np.array([0.4, 0.2])
    vector = np.array([*beta, sd] + ([] if family == "poisson" else [alpha]))
    u = np.linspace(-12.0, 12.0, 4001)
    total = 0.0
    for g in range(terms[0].groups):
        rows = panel.provider == g
        eta = (panel.X[rows] @ beta + panel.offset[rows])[:, None] + sd * u
        y = np.broadcast_to(panel.y[rows][:, None], eta.shape)
        height = families.loglik(family, y.ravel(), eta.ravel(), alpha).reshape(eta.shape).sum(axis=0)
        height += -0.5 * u**2 - 0.5 * np.log(2.0 * np.pi)
        total += np.log(np.sum(np.exp(height - height.max())) * (u[1] - u[0])) + height.max()
    # The trapezium rule of a smooth integrand that vanishes at both ends is exact to rounding.
    assert evaluate(model, vector).value == pytest.approx(total, abs=1e-8)


def test_error_falls_with_the_nodes(panel) -> None:
    model = make_model(panel.X, panel.y, panel.offset, panel.terms("intercept"), "nb2", None, 61)
    vector = np.array([0.4, 0.2, 1.2, 0.3])
    exact = evaluate(model, vector).value
    errors = [abs(evaluate(replace(model, nodes=q), vector).value - exact) for q in (1, 5, 11, 25)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[2] < 1e-4


@pytest.mark.parametrize("inflated", [False, True])
def test_blocks_of_groups_add_up(inflated) -> None:
    rng = np.random.default_rng(6)
    codes = np.sort(rng.integers(0, 60, 3 * BLOCK))
    X = np.column_stack((np.ones(codes.size), rng.normal(size=codes.size)))
    y = rng.poisson(np.exp(0.3 * rng.normal(size=60)[codes])).astype(float)
    zero = X if inflated else None
    vector = np.array([0.1, 0.2, 0.4, 0.3, *([-1.0, 0.1] if inflated else [])])

    def run(rows: np.ndarray):
        numbers = np.unique(codes[rows], return_inverse=True)[1].astype(np.intp)
        terms = (Term(numbers, np.ones((rows.size, 1)), True, "g"),)
        X_zero = None if zero is None else zero[rows]
        return evaluate(make_model(X[rows], y[rows], np.zeros(rows.size), terms, "nb2", X_zero, 7), vector)

    whole = run(np.arange(codes.size))
    pieces = [run(np.flatnonzero(codes % 30 == k)) for k in range(30)]
    assert whole.value == pytest.approx(sum(piece.value for piece in pieces), rel=1e-12)
    np.testing.assert_allclose(whole.gradient, sum(piece.gradient for piece in pieces), rtol=1e-9, atol=1e-8)
