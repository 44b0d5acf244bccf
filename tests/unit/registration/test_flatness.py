"""Overlap and conflict of a prior, in closed form."""

import math

import pytest
from scipy.stats import norm

from dwangstats.registration.flatness import density_overlap, prior_conflict


def test_equal_densities_overlap_wholly_and_distant_ones_not_at_all() -> None:
    assert density_overlap(1.0, 0.5, 1.0, 0.5) == pytest.approx(1.0, abs=1e-9)
    assert density_overlap(0.0, 0.1, 50.0, 0.1) == pytest.approx(0.0, abs=1e-9)
    assert density_overlap(0.0, 1.0, 0.0, 0.0) == 0.0


def test_overlap_of_two_shifted_normals() -> None:
    # Equal standard deviations cross half-way: 2 Phi(-distance / 2); the kink there costs the trapezoid 2e-6.
    assert density_overlap(0.0, 1.0, 1.5, 1.0) == pytest.approx(2.0 * norm.cdf(-0.75), abs=1e-5)


def test_overlap_with_a_very_narrow_posterior() -> None:
    # Below the prior's density only in its tails; the overlap goes to 0 with the width.
    assert 0.0 < density_overlap(0.0, 1.0, 0.0, 0.01) < 0.05


def test_conflict_is_the_distance_from_everything_else() -> None:
    # Prior N(0, 1), likelihood N(3, 0.5^2): posterior precision 5, mean 12/5.
    assert prior_conflict(0.0, 1.0, 2.4, math.sqrt(0.2)) == pytest.approx(3.0 / math.sqrt(1.25), rel=1e-12)


def test_where_nothing_narrows_the_prior_the_conflict_is_how_far_it_was_drawn_away() -> None:
    assert prior_conflict(0.0, 0.5, 0.0, 0.5) == 0.0
    assert prior_conflict(0.0, 0.5, 2.0, 0.6) == 4.0
