import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import norm

from dwangstats.errors import DomainError, InternalError
from dwangstats.estimate import Estimate
from dwangstats.registration.bounds import Bounds, bounds, tipping_point

#: Two or three multiplications and one division: a handful of roundings.
EXACT = 1e-14


def registered(ratio: float, standard_error: float, level: float = 0.95) -> Estimate:
    reach = math.exp(norm.isf((1 - level) / 2) * standard_error)
    return Estimate(ratio, ratio / reach, ratio * reach, level, "registered", "ratio", "registrations alone")


def test_symmetric_bounds_of_the_methods_page() -> None:
    found = bounds(rate_ratio=1.30, completeness_before=(0.7, 1.0))
    assert found.lower == pytest.approx(0.7 * 1.30, rel=EXACT)
    assert found.upper == pytest.approx(1.30 / 0.7, rel=EXACT)
    assert found.completeness_after == (0.7, 1.0)
    assert found.includes_no_change


@pytest.mark.parametrize(("ratio", "low", "rise"), [(1.30, 0.80, 0.04), (1.30, 0.90, 0.17), (1.15, 0.90, 0.035)])
def test_inspectorate_example_with_improving_registration(ratio: float, low: float, rise: float) -> None:
    found = bounds(rate_ratio=ratio, completeness_before=(low, 1.0), monotone=True)
    assert found.lower == pytest.approx(1.0 + rise, abs=1e-12)
    assert found.upper == ratio
    assert not found.includes_no_change


def test_known_completeness_gives_one_point() -> None:
    found = bounds(rate_ratio=0.39, completeness_before=(0.9, 0.9), completeness_after=(0.5, 0.5))
    assert found.lower == found.upper == pytest.approx(0.39 * 0.9 / 0.5, rel=EXACT)
    assert round(1.0 - found.lower, 2) == 0.30


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [
        ((0.6, 0.8), (0.7, 0.9), 0.6 / 0.9, 1.0),
        ((0.4, 0.5), (0.7, 0.9), 0.4 / 0.9, 0.5 / 0.7),
        ((0.6, 0.9), (0.5, 0.7), 0.6 / 0.7, 1.0),
        ((0.7, 0.9), (0.5, 0.7), 1.0, 1.0),
    ],
)
def test_monotone_set_is_sharp(
    before: tuple[float, float], after: tuple[float, float], low: float, high: float
) -> None:
    found = bounds(rate_ratio=2.0, completeness_before=before, completeness_after=after, monotone=True)
    assert (found.lower, found.upper) == pytest.approx((2.0 * low, 2.0 * high), rel=EXACT)


def test_no_feasible_completeness_is_said() -> None:
    with pytest.raises(DomainError, match="no values meet all three"):
        bounds(rate_ratio=1.3, completeness_before=(0.8, 1.0), completeness_after=(0.5, 0.7), monotone=True)


def test_interval_solves_the_equation_of_imbens_and_manski() -> None:
    se, level = 0.05, 0.95
    found = bounds(rate_ratio=registered(1.3, se), completeness_before=(0.95, 1.0), monotone=True, level=level)
    assert found.interval_lower is not None
    assert found.interval_upper is not None
    c = math.log(found.lower / found.interval_lower) / se
    width = math.log(found.upper / found.lower)
    # The root is found to 1e-14 and the exponent and logarithm cost a few roundings over se = 0.05.
    assert norm.cdf(c + width / se) - norm.cdf(-c) == pytest.approx(level, abs=1e-12)
    assert math.log(found.interval_upper / found.upper) / se == pytest.approx(c, rel=1e-10)
    assert norm.isf(0.05) < c < norm.isf(0.025)


def test_interval_of_a_point_is_the_interval_of_the_estimate() -> None:
    given = registered(1.3, 0.05)
    found = bounds(rate_ratio=given, completeness_before=(1.0, 1.0))
    assert found.lower == found.upper == 1.3
    assert (found.interval_lower, found.interval_upper) == pytest.approx((given.lower, given.upper), rel=1e-12)


def test_interval_of_a_wide_set_is_one_sided_at_each_end() -> None:
    found = bounds(rate_ratio=registered(1.3, 1e-3), completeness_before=(0.5, 1.0))
    assert found.interval_lower is not None
    # The other end is 1386 standard errors away: what is left of its tail is 0 in floating point.
    assert math.log(found.lower / found.interval_lower) / 1e-3 == pytest.approx(norm.isf(0.05), rel=1e-9)


def test_interval_covers_the_real_ratio() -> None:
    """The real ratio lies at an end of the set, where coverage is lowest."""
    rng = np.random.default_rng(7)
    se, low, real = 0.05, 0.9, 1.2
    registered_log = math.log(real / low)
    draws = np.exp(registered_log + se * rng.standard_normal(1500))
    held = 0
    for draw in draws:
        found = bounds(rate_ratio=registered(float(draw), se), completeness_before=(low, 1.0), monotone=True)
        assert found.interval_lower is not None
        assert found.interval_upper is not None
        held += found.interval_lower <= real <= found.interval_upper
    # 1,500 draws: standard error 0.0056; four of them.
    assert held / draws.size == pytest.approx(0.95, abs=0.023)


def test_another_level_than_the_estimate_s_is_refused() -> None:
    # On 3 degrees of freedom normal quantiles turn a 95% interval into 0.86 to 1.98; the 99% interval is 0.72 to 2.33.
    with pytest.raises(DomainError, match=r"level=0\.99"):
        bounds(rate_ratio=registered(1.3, 0.05, level=0.95), completeness_before=(0.8, 1.0), level=0.99)
    assert bounds(rate_ratio=registered(1.3, 0.05, level=0.9), completeness_before=(0.8, 1.0)).level == 0.9


def test_bare_number_has_no_interval() -> None:
    found = bounds(rate_ratio=1.3, completeness_before=(0.8, 1.0))
    assert found.interval_lower is None
    frame = found.to_frame()
    assert frame.loc[0, ["completeness_low", "completeness_high"]].tolist() == [0.8, 1.0]
    assert np.isnan(frame.loc[0, "interval_upper"])
    assert {"rate_ratio", "monotone", "lower", "upper", "interval_lower"} <= set(frame.columns)
    assert str(found) == "ratio of rates of events between 1.04 and 1.625, identified by bounds on completeness only"


def test_printed_with_interval() -> None:
    text = str(bounds(rate_ratio=registered(1.3, 0.05), completeness_before=(0.8, 1.0), monotone=True))
    assert text.startswith("ratio of rates of events between 1.04 and 1.3 (95% interval 0.95")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rate_ratio": 0.0}, "positive"),
        ({"rate_ratio": -1.3}, "positive"),
        ({"rate_ratio": math.nan}, "positive"),
        ({"rate_ratio": math.inf}, "positive"),
        ({"completeness_before": (0.0, 1.0)}, "0 < low"),
        ({"completeness_before": (0.7, 1.1)}, "<= 1"),
        ({"completeness_before": (0.9, 0.7)}, "low <= high"),
        ({"completeness_before": (math.nan, 1.0)}, "low <= high"),
        ({"completeness_before": 0.7}, "two numbers"),
        ({"completeness_after": (0.7,)}, "completeness_after"),
        ({"level": 0.5}, "level"),
        ({"level": 1.0}, "level"),
        ({"rate_ratio": Estimate(1.3, 1.2, 1.4, 0.95, "adjusted", "ratio", "audit")}, "adjusted scale"),
        ({"rate_ratio": Estimate(1.3, 0.0, 1.4, 0.95, "registered", "ratio", "x")}, "positive and finite"),
        ({"rate_ratio": Estimate(1.3, 1.2, math.inf, 0.95, "registered", "ratio", "x")}, "positive and finite"),
    ],
)
def test_outside_the_domain(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        bounds(**{"rate_ratio": 1.3, "completeness_before": (0.7, 1.0), **arguments})  # type: ignore[arg-type]


def test_bounds_that_contradict_themselves_cannot_be_made() -> None:
    good = bounds(rate_ratio=registered(1.3, 0.1), completeness_before=(0.7, 1.0))
    with pytest.raises(InternalError, match="not an interval"):
        dataclasses.replace(good, lower=2.0)
    with pytest.raises(InternalError, match="does not contain"):
        dataclasses.replace(good, interval_upper=good.lower)
    assert isinstance(good, Bounds)


@pytest.mark.parametrize(("ratio", "before"), [(1.30, 0.769), (1.15, 0.870)])
def test_tipping_point_of_a_rise(ratio: float, before: float) -> None:
    point = tipping_point(rate_ratio=ratio)
    assert point.direction == "rise"
    assert point.ratio == ratio
    assert point.completeness_before is not None
    assert round(point.completeness_before, 3) == before
    assert point.completeness_after_factor is None
    assert bounds(rate_ratio=ratio, completeness_before=(1 / ratio, 1.0), monotone=True).lower == pytest.approx(1.0)


def test_tipping_point_of_a_fall() -> None:
    point = tipping_point(rate_ratio=0.39)
    assert point.direction == "fall"
    assert point.completeness_after_factor == 0.39
    assert point.completeness_before is None


def test_tipping_point_without_change() -> None:
    point = tipping_point(rate_ratio=1.0)
    assert point.direction == "none"
    assert (point.completeness_before, point.completeness_after_factor) == (None, None)
    assert "gelijk gebleven" in point.sentence("nl")
    assert "did not change" in str(point)


def test_tipping_interval_follows_the_interval_of_the_ratio() -> None:
    rise = tipping_point(rate_ratio=Estimate(1.3, 1.2, 1.4, 0.95, "registered", "ratio", "x"))
    assert (rise.lower, rise.upper) == pytest.approx((1 / 1.4, 1 / 1.2), rel=EXACT)
    fall = tipping_point(rate_ratio=Estimate(0.39, 0.3, 0.5, 0.9, "registered", "ratio", "x"))
    assert (fall.lower, fall.upper, fall.level) == (0.3, 0.5, 0.9)
    unsure = tipping_point(rate_ratio=Estimate(1.3, 0.9, 1.8, 0.95, "registered", "ratio", "x"))
    assert unsure.upper == 1.0
    assert "kan ook toeval zijn" in unsure.sentence("nl")
    assert "may also be chance" in unsure.sentence("en")
    same = tipping_point(rate_ratio=Estimate(1.0, 0.9, 1.2, 0.95, "registered", "ratio", "x"))
    assert (same.lower, same.upper) == (0.9, 1.2)


@pytest.mark.parametrize(
    ("ratio", "language", "parts"),
    [
        (1.30, "nl", ["stijging van 30%", "volledigheid van de registratie", "hoogstens 76,9%"]),
        (1.30, "en", ["rise of 30%", "at most 76.9%", "real rise"]),
        (0.39, "nl", ["daling van 61%", "hoogstens 39% van wat zij was"]),
        (0.39, "en", ["fall of 61%", "at most 39% of what it was"]),
    ],
)
def test_sentences(ratio: float, language: str, parts: list[str]) -> None:
    sentence = tipping_point(rate_ratio=ratio).sentence(language)  # type: ignore[arg-type]
    assert all(part in sentence for part in parts)


@pytest.mark.parametrize(
    ("estimate", "nl", "en"),
    [
        ((1.3, 1.2, 1.4), "vollediger dan 83,3%, dan is er ook", "more complete than 83.3%, there is a real rise too"),
        ((0.39, 0.3, 0.5), "dan tot 50% van wat zij was, dan is er ook", "above 50% of what it was, there is a real"),
    ],
)
def test_the_conclusion_waits_for_the_end_of_the_margin(estimate: tuple[float, float, float], nl: str, en: str) -> None:
    point = tipping_point(rate_ratio=Estimate(*estimate, 0.95, "registered", "ratio", "x"))
    assert nl in point.sentence("nl")
    assert en in point.sentence("en")
    assert "than that" not in point.sentence("en")
    assert "kan ook toeval" not in point.sentence("nl")


@pytest.mark.parametrize("estimate", [(1.3, 0.9, 1.8), (0.8, 0.5, 1.1), (1.3, 1.0001, 1.8)])
def test_a_margin_up_to_complete_registration_settles_nothing(estimate: tuple[float, float, float]) -> None:
    point = tipping_point(rate_ratio=Estimate(*estimate, 0.95, "registered", "ratio", "x"))
    assert "does not settle that there is a real" in point.sentence("en")
    assert "staat niet vast dat er in werkelijkheid een" in point.sentence("nl")
    assert "there is a real rise too" not in point.sentence("en")


def test_without_an_interval_chance_is_left_aside() -> None:
    assert tipping_point(rate_ratio=1.3).sentence("en").endswith("real rise too, chance in the counts left aside.")
    assert "toeval daargelaten" in tipping_point(rate_ratio=0.39).sentence("nl")


def test_a_level_close_to_one_is_not_rounded_up() -> None:
    point = tipping_point(rate_ratio=Estimate(1.3, 1.2, 1.4, 0.99999999, "registered", "ratio", "x"))
    assert "99.999999% interval" in str(point)


def test_sentence_with_interval() -> None:
    point = tipping_point(rate_ratio=Estimate(1.3, 1.2, 1.4, 0.95, "registered", "ratio", "x"))
    assert "71,4% tot 83,3% (95%-interval)" in point.sentence("nl")
    assert "71.4% to 83.3% (95% interval)" in point.sentence("en")


def test_unknown_language() -> None:
    with pytest.raises(DomainError, match="'nl' or 'en'"):
        tipping_point(rate_ratio=1.3).sentence("de")  # type: ignore[arg-type]


def test_tipping_frame() -> None:
    frame = tipping_point(rate_ratio=1.3).to_frame()
    assert {"rate_ratio", "completeness_before", "lower", "upper", "direction"} <= set(frame.columns)
    assert np.isnan(frame.loc[0, "lower"])
    assert frame.loc[0, "direction"] == "rise"
