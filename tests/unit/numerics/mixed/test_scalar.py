import numpy as np
import pytest

from dwangstats.numerics.mixed.blocks import zeros
from dwangstats.numerics.mixed.laplace import laplace_ingredients, scores
from dwangstats.numerics.mixed.modes import Point, find_modes
from dwangstats.numerics.mixed.quadrature import quadrature
from dwangstats.numerics.mixed.rows import make_rows
from dwangstats.numerics.mixed.scalar import scalar_modes, scalar_scores
from dwangstats.numerics.mixed.scale import make_scale
from dwangstats.numerics.mixed.structure import build_structure


@pytest.fixture(params=["poisson", "nb2", "nb1"])
def case(request, panel):
    structure = build_structure(panel.terms("only slope"))
    rows = make_rows(panel.with_zeros[structure.order], request.param, inflated=True)
    eta = (panel.X @ np.array([0.3, 0.2]) + panel.offset)[structure.order]
    zeta = np.full(panel.y.size, -1.0)
    return structure, rows, Point(eta, make_scale(structure, (np.array([[1.3]]),)), 0.4, zeta)


def test_modes_are_those_of_the_general_search(case) -> None:
    structure, rows, point = case
    fast = scalar_modes(structure, rows, point, zeros(structure))
    slow = find_modes(structure, rows, point, zeros(structure))
    np.testing.assert_allclose(fast.effects.levels[0], slow.effects.levels[0], atol=1e-9)
    assert fast.factor.logdet == pytest.approx(slow.factor.logdet, abs=1e-8)
    assert fast.decrement < 1e-18


@pytest.mark.parametrize("nodes", [1, 9])
def test_scores_are_those_of_the_general_formula(case, nodes) -> None:
    structure, rows, point = case
    modes = scalar_modes(structure, rows, point, zeros(structure))
    if nodes == 1:
        ingredients = laplace_ingredients(modes)
    else:
        ingredients = quadrature(structure, rows, point, modes, nodes).ingredients
    fast, slow = (f(structure, point, modes, ingredients) for f in (scalar_scores, scores))
    np.testing.assert_allclose(fast.eta, slow.eta, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(fast.chain, slow.chain, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(fast.zero, slow.zero, rtol=1e-10, atol=1e-12)
    if rows.dispersed:
        np.testing.assert_allclose(fast.dispersion, slow.dispersion, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_modes_far_from_the_start_are_found(panel, family) -> None:
    structure = build_structure(panel.terms("intercept"))
    counts = np.where(panel.provider % 3 == 0, 0.0, np.where(panel.provider % 3 == 1, 1e6, 3.0))
    rows = make_rows(counts[structure.order], family, inflated=False)
    point = Point(np.zeros(panel.y.size), make_scale(structure, (np.array([[5.0]]),)), 0.1, None)
    for search in (scalar_modes, find_modes):
        modes = search(structure, rows, point, zeros(structure))
        # Sums of counts of 1e6 leave a gradient of rounding size, 1e-10 relative to a curvature of 1e2 or more.
        assert modes.decrement < 1e-12
