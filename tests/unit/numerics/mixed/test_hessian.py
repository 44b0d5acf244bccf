"""Exact Hessians against central differences of the gradient."""

import numpy as np
import pytest

from dwangstats.numerics.mixed.blocks import zeros
from dwangstats.numerics.mixed.collapsed import collapsed_information
from dwangstats.numerics.mixed.model import evaluate, make_model
from dwangstats.numerics.mixed.scalar_hessian import coefficient_information

#: Central differences with step 1e-4 of gradients of about 1e2, whose modes are exact to 1e-7.
TOLERANCE = {"rtol": 2e-5, "atol": 1e-3}


def differences(model, vector: np.ndarray) -> np.ndarray:
    columns = []
    for step in 1e-4 * np.eye(vector.size):
        ahead, behind = evaluate(model, vector + step), evaluate(model, vector - step)
        columns.append((behind.gradient - ahead.gradient) / 2e-4)
    return np.stack(columns)


@pytest.mark.parametrize("basis", [None, np.array([[1.0, 0.4], [0.0, 2.0]])])
@pytest.mark.parametrize(
    ("family", "inflated"), [("nb2", False), ("nb1", False), ("nb2", True), ("nb1", True), ("poisson", True)]
)
@pytest.mark.parametrize("name", ["intercept", "only slope"])
def test_coefficients_under_laplace(panel, name, family, inflated, basis) -> None:
    zero = panel.zero_X if inflated else None
    model = make_model(panel.X, panel.y, panel.offset, panel.terms(name), family, zero, 1, basis=basis)
    vector = np.array([0.3, 0.2, 0.7] + ([] if family == "poisson" else [0.4]) + ([-1.0, 0.3] if inflated else []))
    found = coefficient_information(model, vector, zeros(model.structure))
    np.testing.assert_allclose(found, differences(model, vector)[:2, :2], **TOLERANCE)


@pytest.mark.parametrize("nodes", [1, 7])
@pytest.mark.parametrize("basis", [None, np.array([[1.0, 0.4], [0.0, 2.0]])])
def test_cells(panel, basis, nodes) -> None:
    model = make_model(panel.X, panel.y, panel.offset, panel.terms("intercept"), "poisson", None, nodes, basis=basis)
    assert model.cells is not None
    vector, transform = np.array([0.3, 0.2, 0.7]), np.diag([0.05, 0.05, 0.1])
    free = np.ones(3, dtype=bool)
    found = collapsed_information(model, model.cells, vector, zeros(model.structure), transform, free)
    np.testing.assert_allclose(found, differences(model, vector), **TOLERANCE)
