import numpy as np
import pytest

from dwangstats.numerics.mixed.blocks import zeros
from dwangstats.numerics.mixed.laplace import laplace
from dwangstats.numerics.mixed.modes import Point, find_modes
from dwangstats.numerics.mixed.rows import make_rows
from dwangstats.numerics.mixed.scalar import scalar_marginal
from dwangstats.numerics.mixed.scale import make_scale
from dwangstats.numerics.mixed.structure import build_structure


@pytest.fixture(params=["poisson", "nb2", "nb1"])
def case(request, panel):
    structure = build_structure(panel.terms("only slope"))
    rows = make_rows(panel.with_zeros[structure.order], request.param, inflated=True)
    eta = (panel.X @ np.array([0.3, 0.2]) + panel.offset)[structure.order]
    zeta = np.full(panel.y.size, -1.0)
    return structure, rows, Point(eta, make_scale(structure, (np.array([[1.3]]),)), 0.4, zeta)


def test_it_is_the_general_formula(case) -> None:
    structure, rows, point = case
    fast = scalar_marginal(structure, rows, point, zeros(structure), 1)
    slow = laplace(structure, point, find_modes(structure, rows, point, zeros(structure)))
    np.testing.assert_allclose(fast.modes.effects.levels[0], slow.modes.effects.levels[0], atol=1e-9)
    assert fast.value == pytest.approx(slow.value, rel=1e-12)
    np.testing.assert_allclose(fast.by_group, slow.by_group, rtol=1e-9)
    # Both end with a step on a Taylor series, after steps of other lengths: the third order is left, below 1e-12.
    np.testing.assert_allclose(fast.scores.eta, slow.scores.eta, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(fast.scores.chain, slow.scores.chain, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(fast.scores.zero, slow.scores.zero, rtol=1e-7, atol=1e-7)
    if rows.dispersed:
        np.testing.assert_allclose(fast.scores.dispersion, slow.scores.dispersion, rtol=1e-7, atol=1e-7)
    assert max(fast.modes.decrement, slow.modes.decrement) < 1e-14


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_modes_far_from_the_start_are_found(panel, family) -> None:
    structure = build_structure(panel.terms("intercept"))
    counts = np.where(panel.provider % 3 == 0, 0.0, np.where(panel.provider % 3 == 1, 1e6, 3.0))
    rows = make_rows(counts[structure.order], family, inflated=False)
    point = Point(np.zeros(panel.y.size), make_scale(structure, (np.array([[5.0]]),)), 0.1, None)
    for modes in (
        scalar_marginal(structure, rows, point, zeros(structure), 1).modes,
        find_modes(structure, rows, point, zeros(structure)).modes,
    ):
        # Sums of counts of 1e6 leave a gradient of rounding size, 1e-10 relative to a curvature of 1e2 or more.
        assert modes.decrement < 1e-12
