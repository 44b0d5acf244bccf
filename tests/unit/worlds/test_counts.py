"""Counts: thinned Poisson, never more registered than happened, and common random numbers between worlds."""

import numpy as np
import pytest

from dwangstats.worlds.counts import draw_counts

SHAPE = (200, 50, 10)  # 100,000 cells: standard error of a mean is sd / 316


@pytest.mark.parametrize(("mean", "chance"), [(0.3, 0.5), (4.0, 0.84), (60.0, 0.6)])
def test_margins_of_a_thinned_poisson(mean, chance):
    counts = draw_counts(np.full(SHAPE, mean), np.full(SHAPE, chance), np.random.default_rng(1))
    missed = counts.true - counts.registered
    for drawn, expected in ((counts.true, mean), (counts.registered, mean * chance), (missed, mean * (1 - chance))):
        assert drawn.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected) / 316)
        # The variance of a Poisson variance estimate is about (2 mu^2 + mu) / n.
        assert drawn.var() == pytest.approx(expected, abs=5 * np.sqrt(2 * expected**2 + expected) / 316)
    assert np.corrcoef(missed.ravel(), counts.registered.ravel())[0, 1] == pytest.approx(0.0, abs=5 / 316)


def test_never_more_registered_than_happened():
    rng = np.random.default_rng(2)
    counts = draw_counts(rng.gamma(0.5, 4.0, size=SHAPE), rng.uniform(0.01, 0.99, size=SHAPE), rng)
    assert np.all(counts.registered <= counts.true)
    assert np.all(counts.registered >= 0)
    np.testing.assert_array_equal(counts.true, np.rint(counts.true))


def test_nothing_where_nothing_is_expected():
    counts = draw_counts(np.zeros((2, 3, 4)), np.full((2, 3, 4), 0.5), np.random.default_rng(1))
    assert counts.true.sum() == counts.registered.sum() == 0


def test_same_expected_registrations_same_registrations():
    rng = np.random.default_rng(3)
    means, chance = rng.gamma(2.0, 3.0, size=SHAPE), rng.uniform(0.4, 0.9, size=SHAPE)
    one = draw_counts(means, chance, np.random.default_rng(4))
    other = draw_counts(means * 2.0, chance / 2.0, np.random.default_rng(4))
    # Rounding of means * chance can move a quantile that lies on a step; 100,000 cells have none or one.
    assert np.mean(one.registered != other.registered) <= 1e-4
    assert other.true.sum() > one.true.sum()


def test_more_expected_is_never_fewer_drawn():
    low = draw_counts(np.full(SHAPE, 3.0), np.full(SHAPE, 0.6), np.random.default_rng(5))
    high = draw_counts(np.full(SHAPE, 3.3), np.full(SHAPE, 0.6), np.random.default_rng(5))
    assert np.all(high.registered >= low.registered)
    assert np.all(high.true >= low.true)
