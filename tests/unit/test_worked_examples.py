"""The arithmetic of the letters, done by hand here and by the package there.

Letter to parliament (ggz): registrations +30 % and seclusions +15 % from 2021 to 2023. Answers on closed youth care:
1,613 unplanned seclusions in September 2020 to February 2021, -61 % against October 2019 to March 2020 "taking account
of the mean occupancy of the locations". Real ratio = registered ratio x completeness before / completeness after.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

import dwangstats as dw

YOUTH_STAGE_3_EVENTS = 1613
YOUTH_STAGE_2_DAYS = 31 + 30 + 31 + 31 + 29 + 31  # October 2019 to March 2020, a leap year
YOUTH_STAGE_3_DAYS = 30 + 31 + 30 + 31 + 31 + 28  # September 2020 to February 2021

# Products of a few floats: 1e-12 is thousands of roundings.
ARITHMETIC = 1e-12


def assert_set(answer: Any, lower: float, upper: float) -> None:
    np.testing.assert_allclose([answer.lower, answer.upper], [lower, upper], rtol=ARITHMETIC)


# ------------------------------------------------------------------------------------------------ tipping points


@pytest.mark.parametrize(("registered", "limit"), [(1.30, "0.769"), (1.15, "0.870")])
def test_a_rise_is_all_registration_only_below_this_completeness(registered: float, limit: str) -> None:
    point = dw.tipping_point(rate_ratio=registered)
    assert point.ratio == pytest.approx(registered, rel=ARITHMETIC)
    assert point.completeness_before == pytest.approx(1.0 / registered, rel=ARITHMETIC)
    assert f"{point.completeness_before:.3f}" == limit


def test_a_fall_is_all_registration_only_if_completeness_fell_by_that_factor() -> None:
    point = dw.tipping_point(rate_ratio=0.39)
    assert point.ratio == pytest.approx(0.39, rel=ARITHMETIC)
    assert point.completeness_after_factor == pytest.approx(0.39, rel=ARITHMETIC)


@given(registered=st.floats(0.01, 100.0))
def test_at_the_tipping_point_the_real_ratio_is_one(registered: float) -> None:
    point = dw.tipping_point(rate_ratio=registered)
    before = min(1.0, 1.0 / registered)
    after = before * point.ratio
    assert after <= 1.0 + 1e-12
    one = dw.bounds(
        rate_ratio=registered,
        completeness_before=(before, before),
        completeness_after=(min(after, 1.0), min(after, 1.0)),
    )
    assert_set(one, 1.0, 1.0)


@pytest.mark.parametrize("impossible", [0.0, -1.3, math.nan, math.inf])
def test_a_ratio_that_is_no_ratio_is_refused(impossible: float) -> None:
    with pytest.raises(dw.DomainError):
        dw.tipping_point(rate_ratio=impossible)
    with pytest.raises(dw.DomainError):
        dw.bounds(rate_ratio=impossible, completeness_before=(0.7, 1.0))


# -------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("registered", "completeness_2021", "real", "at_least_percent"),
    [(1.30, 0.80, 1.04, 4.0), (1.30, 0.90, 1.17, 17.0), (1.15, 0.90, 1.035, 3.5)],
)
@pytest.mark.parametrize("monotone", [False, True])
def test_a_real_rise_of_at_least(
    registered: float, completeness_2021: float, real: float, at_least_percent: float, monotone: bool
) -> None:
    answer = dw.bounds(rate_ratio=registered, completeness_before=(completeness_2021, 1.0), monotone=monotone)
    assert answer.lower == pytest.approx(real, rel=ARITHMETIC)
    assert 100.0 * (answer.lower - 1.0) == pytest.approx(at_least_percent, abs=1e-9)


def test_registration_that_does_not_get_worse_caps_the_real_ratio_at_the_registered_one() -> None:
    answer = dw.bounds(rate_ratio=1.30, completeness_before=(0.7, 1.0), monotone=True)
    assert_set(answer, 0.91, 1.30)


def test_without_that_assumption_both_directions_are_open() -> None:
    answer = dw.bounds(rate_ratio=1.30, completeness_before=(0.7, 1.0), completeness_after=(0.7, 1.0))
    assert_set(answer, 0.91, 1.30 / 0.7)


def test_closed_youth_care_with_worse_registration_fell_by_thirty_percent() -> None:
    answer = dw.bounds(rate_ratio=0.39, completeness_before=(0.90, 0.90), completeness_after=(0.50, 0.50))
    assert_set(answer, 0.702, 0.702)
    assert f"{100.0 * (1.0 - answer.upper):.0f}" == "30"


def corners(before: tuple[float, float], after: tuple[float, float], monotone: bool) -> Iterator[float]:
    """Completeness before / after at every point of a fine grid that includes the ends and the diagonal."""
    p = np.unique(np.concatenate([np.linspace(*before, 41), np.linspace(*after, 41)]))
    for p0 in p[(p >= before[0]) & (p <= before[1])]:
        for p1 in p[(p >= after[0]) & (p <= after[1])]:
            if not monotone or p1 >= p0:
                yield float(p0 / p1)


completeness_ranges = st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)).map(lambda ends: (min(ends), max(ends)))


@given(registered=st.floats(0.1, 10.0), before=completeness_ranges, after=completeness_ranges, monotone=st.booleans())
def test_bounds_are_sharp(
    registered: float, before: tuple[float, float], after: tuple[float, float], monotone: bool
) -> None:
    # The extremes lie at ends of the ranges or on the diagonal; all of them are grid points.
    factors = list(corners(before, after, monotone))
    assume(factors)
    answer = dw.bounds(rate_ratio=registered, completeness_before=before, completeness_after=after, monotone=monotone)
    assert answer.lower == pytest.approx(registered * min(factors), rel=1e-9)
    assert answer.upper == pytest.approx(registered * max(factors), rel=1e-9)


def test_ranges_that_contradict_monotone_registration_are_refused() -> None:
    with pytest.raises(dw.DomainError):
        dw.bounds(rate_ratio=1.3, completeness_before=(0.8, 0.9), completeness_after=(0.4, 0.6), monotone=True)


@pytest.mark.parametrize("bad", [(0.0, 1.0), (-0.1, 0.9), (0.5, 1.2), (0.9, 0.5), (math.nan, 1.0)])
def test_completeness_outside_its_range_is_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(dw.DomainError):
        dw.bounds(rate_ratio=1.3, completeness_before=bad)


def estimate(ratio: float, se: float, level: float = 0.95) -> Any:
    half = stats.norm.isf((1.0 - level) / 2.0) * se
    ends = ratio * math.exp(-half), ratio * math.exp(half)
    return dw.Estimate(ratio, *ends, level, "registered", "ratio of rates per bed-day", "registrations alone")


@pytest.mark.parametrize("level", [0.90, 0.95])
@pytest.mark.parametrize("lowest", [1.0, 0.99, 0.9, 0.5])
def test_the_interval_covers_the_real_ratio_not_the_whole_set(lowest: float, level: float) -> None:
    """Imbens and Manski (2004): ends of the set -/+ C se, with Phi(C + width / se) - Phi(-C) = level.

    Both ends are known multiples of one estimate, so on the log scale they share its standard error and the width of
    the set is known. C falls from the two-sided to the one-sided normal quantile as the set widens.
    """
    se = 0.05
    answer = dw.bounds(
        rate_ratio=estimate(1.30, se, level), completeness_before=(lowest, 1.0), monotone=True, level=level
    )
    width = -math.log(lowest)
    c = optimize.brentq(lambda c: stats.norm.cdf(c + width / se) - stats.norm.cdf(-c) - level, 0.5, 4.0, xtol=1e-14)
    assert_set(answer, 1.30 * lowest, 1.30)
    # 1e-8 leaves room for the other side's root finder.
    assert answer.interval_lower == pytest.approx(1.30 * lowest * math.exp(-c * se), rel=1e-8)
    assert answer.interval_upper == pytest.approx(1.30 * math.exp(c * se), rel=1e-8)


def test_a_number_without_uncertainty_gives_a_set_without_interval() -> None:
    answer = dw.bounds(rate_ratio=1.30, completeness_before=(0.7, 1.0), monotone=True)
    assert answer.interval_lower is None
    assert answer.interval_upper is None


# ---------------------------------------------------------------------------------------------------- audit size


@pytest.mark.parametrize(
    ("completeness", "events"),
    # methods table: 267 and 67; 133 and 33; 44 and 11. Fewer events than the formula asks for miss the standard error,
    # so 133.3 becomes 134, 33.3 becomes 34, 44.4 becomes 45 and 11.1 becomes 12.
    [(0.60, (267, 67)), (0.75, (134, 34)), (0.90, (45, 12))],
)
def test_events_to_audit(completeness: float, events: tuple[int, int]) -> None:
    for se, n in zip((0.05, 0.10), events, strict=True):
        size = dw.audit_size(completeness=completeness, se=se)
        assert size.events == n
        assert isinstance(size.events, int)
        assert size.design_effect == 1.0
        assert size.providers == math.ceil(n / 25)


@pytest.mark.parametrize("se", ["0.01", "0.02", "0.05", "0.1", "0.2"])
@pytest.mark.parametrize("percent", range(1, 100))
def test_events_to_audit_in_exact_fractions(percent: int, se: str) -> None:
    # p = 0.2, SE = 0.1 asks for exactly 400 events; floats may say 400.00000000000006, and 401 would be one too many.
    p = Fraction(percent, 100)
    exact = math.ceil((1 - p) / (p * Fraction(se) ** 2))
    assert dw.audit_size(completeness=percent / 100, se=float(se)).events == exact


@pytest.mark.parametrize(("icc", "per_provider"), [("0.05", 25), ("0.1", 10), ("0.02", 40), ("0.3", 2), ("0.05", 1)])
def test_events_in_one_provider_resemble_each_other(icc: str, per_provider: int) -> None:
    p, se = Fraction(3, 4), Fraction(1, 20)
    effect = 1 + (per_provider - 1) * Fraction(icc)
    events = math.ceil((1 - p) / (p * se**2) * effect)
    size = dw.audit_size(completeness=0.75, se=0.05, icc=float(icc), events_per_provider=per_provider)
    assert size.design_effect == pytest.approx(float(effect), rel=ARITHMETIC)
    assert size.events == events
    assert size.providers == math.ceil(events / per_provider)


def test_the_audit_delivers_the_precision_it_was_planned_for() -> None:
    """m of n events registered: the standard error of log(m / n) is what was asked for, within its own noise."""
    rng = np.random.default_rng(20240708)
    n = dw.audit_size(completeness=0.75, se=0.05).events
    logs = np.log(rng.binomial(n, 0.75, size=20_000) / n)
    # 20,000 draws: the standard deviation is known to 0.5 %; the first-order formula is 1 % off at this n.
    assert logs.std() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize(
    "arguments",
    [
        {"completeness": 0.0, "se": 0.05},
        {"completeness": 1.2, "se": 0.05},
        {"completeness": math.nan, "se": 0.05},
        {"completeness": 0.75, "se": 0.0},
        {"completeness": 0.75, "se": -0.1},
        {"completeness": 0.75, "se": 0.05, "icc": -0.1},
        {"completeness": 0.75, "se": 0.05, "icc": 1.1},
        {"completeness": 0.75, "se": 0.05, "icc": 0.05, "events_per_provider": 0},
    ],
)
def test_impossible_plans_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(dw.DomainError):
        dw.audit_size(**arguments)


# ------------------------------------------------------------------------- closed youth care: which denominator?


def youth_table(occupancy_before: float, occupancy_after: float, *, person_days: bool) -> pd.DataFrame:
    """The two half-years; the count before is the one that makes the letter's 61 % true at these occupancies.

    1 - (1613 / B3) / (N2 / B2) = 0.61, so N2 = 1613 / 0.39 * B2 / B3 = 4135.9 * B2 / B3.
    """
    before = YOUTH_STAGE_3_EVENTS / 0.39 * occupancy_before / occupancy_after
    days = (YOUTH_STAGE_2_DAYS, YOUTH_STAGE_3_DAYS) if person_days else (1, 1)
    return pd.DataFrame(
        {
            "stage": ["2019-10", "2020-09"],
            "events": [round(before), YOUTH_STAGE_3_EVENTS],
            "exposure": [occupancy_before * days[0], occupancy_after * days[1]],
        }
    )


def change_percent(table: pd.DataFrame) -> float:
    result = dw.RateModel("events ~ C(stage)", table, exposure="exposure").fit()
    ratio = dw.rate_ratio(result, "stage", before="2019-10", after="2020-09")
    return 100.0 * (ratio.estimate - 1.0)


def test_the_two_half_years_differ_by_two_days() -> None:
    assert (YOUTH_STAGE_2_DAYS, YOUTH_STAGE_3_DAYS) == (183, 181)
    assert f"{YOUTH_STAGE_3_EVENTS / 0.39:.1f}" == "4135.9"


@pytest.mark.parametrize(("before", "after"), [(600.0, 600.0), (700.0, 560.0), (480.0, 500.0)])
def test_sixty_one_percent_fall_by_mean_occupancy(before: float, after: float) -> None:
    # The count before is rounded to a whole event of about 4,000: 0.005 percentage points.
    assert change_percent(youth_table(before, after, person_days=False)) == pytest.approx(-61.0, abs=0.005)


@pytest.mark.parametrize(("before", "after"), [(600.0, 600.0), (700.0, 560.0), (480.0, 500.0)])
def test_sixty_point_six_percent_fall_by_person_days(before: float, after: float) -> None:
    exact = 100.0 * (0.39 * 183 / 181 - 1.0)
    assert f"{exact:.1f}" == "-60.6"
    assert change_percent(youth_table(before, after, person_days=True)) == pytest.approx(exact, abs=0.005)


def test_without_exposure_the_fall_would_be_another_number() -> None:
    # Occupancy from 700 to 560: the count alone fell 68.8 %, which is not what the letter says.
    table = youth_table(700.0, 560.0, person_days=False)
    bare = 100.0 * (table["events"][1] / table["events"][0] - 1.0)
    assert bare == pytest.approx(100.0 * (0.39 * 560 / 700 - 1.0), abs=0.005)


# ---------------------------------------------------------------------------------------------- published growth


def test_thirty_percent_over_two_years_is_fourteen_a_year() -> None:
    assert f"{100 * (math.sqrt(1.30) - 1):.1f}" == "14.0"
    assert f"{100 * (math.sqrt(1.15) - 1):.1f}" == "7.2"


def test_providers_returning_from_75_to_90_percent_make_nine_percent_growth_without_any_event() -> None:
    """Half of the providers go from 75 % to 90 % completeness, half stay at 90 %: registrations +9 %, events +0 %."""
    before, after = (0.75 + 0.90) / 2, 0.90
    growth = after / before
    assert f"{100 * (growth - 1):.0f}" == "9"
    answer = dw.bounds(rate_ratio=growth, completeness_before=(before, before), completeness_after=(after, after))
    assert_set(answer, 1.0, 1.0)


def test_a_count_rises_with_its_period_unless_it_is_divided_by_bed_days() -> None:
    # The same rate over 181 and 184 days: the ratio per bed-day is one, the ratio of counts is not.
    table = pd.DataFrame({"half": ["H1", "H2"], "events": [1810, 1840], "bed_days": [181_000.0, 184_000.0]})
    result = dw.RateModel("events ~ C(half)", table, exposure="bed_days").fit()
    assert dw.rate_ratio(result, "half", before="H1", after="H2").estimate == pytest.approx(1.0, rel=1e-9)
