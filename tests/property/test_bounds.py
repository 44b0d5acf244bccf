"""Bounds hold everything that can be, nothing else, and turn round with time."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dwangstats.registration.bounds import bounds, tipping_point

#: A product and two quotients: a few units in the last place.
ROUNDING = 1e-13

shares = st.floats(0.01, 1.0)
ratios = st.floats(0.01, 100.0)
limits = st.tuples(shares, shares).map(lambda pair: (min(pair), max(pair)))
weights = st.floats(0.0, 1.0)


def between(ends: tuple[float, float], weight: float) -> float:
    return min(max(ends[0] + weight * (ends[1] - ends[0]), ends[0]), ends[1])


@given(ratio=ratios, before=limits, after=limits, w0=weights, w1=weights, monotone=st.booleans())
def test_every_feasible_pair_lies_inside(
    ratio: float, before: tuple[float, float], after: tuple[float, float], w0: float, w1: float, monotone: bool
) -> None:
    p0, p1 = between(before, w0), between(after, w1)
    assume(not monotone or p1 >= p0)
    found = bounds(rate_ratio=ratio, completeness_before=before, completeness_after=after, monotone=monotone)
    real = ratio * p0 / p1
    assert found.lower * (1.0 - ROUNDING) <= real <= found.upper * (1.0 + ROUNDING)


@given(ratio=ratios, before=limits, after=limits, monotone=st.booleans())
def test_both_ends_are_reached(
    ratio: float, before: tuple[float, float], after: tuple[float, float], monotone: bool
) -> None:
    assume(not monotone or before[0] <= after[1])
    found = bounds(rate_ratio=ratio, completeness_before=before, completeness_after=after, monotone=monotone)
    corners = [(before[0], after[1]), (before[1], after[0])]
    if monotone:
        shared = max(before[0], after[0])
        corners += [(shared, shared)] if shared <= min(before[1], after[1]) else []
        corners = [(p0, p1) for p0, p1 in corners if p1 >= p0]
    reached = [ratio * p0 / p1 for p0, p1 in corners]
    assert min(reached) == pytest.approx(found.lower, rel=ROUNDING)
    assert max(reached) == pytest.approx(found.upper, rel=ROUNDING)


@given(ratio=ratios, lows=st.tuples(shares, shares), monotone=st.booleans())
def test_knowing_more_never_widens(ratio: float, lows: tuple[float, float], monotone: bool) -> None:
    loose = bounds(rate_ratio=ratio, completeness_before=(min(lows), 1.0), monotone=monotone)
    tight = bounds(rate_ratio=ratio, completeness_before=(max(lows), 1.0), monotone=monotone)
    assert loose.lower <= tight.lower * (1.0 + ROUNDING)
    assert tight.upper <= loose.upper * (1.0 + ROUNDING)


@given(ratio=ratios, before=limits, after=limits)
def test_time_turned_round_inverts_the_bounds(
    ratio: float, before: tuple[float, float], after: tuple[float, float]
) -> None:
    forth = bounds(rate_ratio=ratio, completeness_before=before, completeness_after=after)
    back = bounds(rate_ratio=1.0 / ratio, completeness_before=after, completeness_after=before)
    assert back.lower == pytest.approx(1.0 / forth.upper, rel=ROUNDING)
    assert back.upper == pytest.approx(1.0 / forth.lower, rel=ROUNDING)


@given(ratio=st.floats(1.001, 50.0), low=shares)
def test_tipping_point_is_where_the_bounds_reach_one(ratio: float, low: float) -> None:
    limit = tipping_point(rate_ratio=ratio).completeness_before
    assert limit is not None
    assume(not math.isclose(low, limit, rel_tol=1e-9))
    found = bounds(rate_ratio=ratio, completeness_before=(low, 1.0), monotone=True)
    assert found.includes_no_change == (low < limit)
