"""Periods as text: what is read, what is refused, and where they lie in time."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.register.periods import (
    Period,
    can_convert,
    contains,
    convert_period,
    convert_periods,
    is_period,
    midpoints,
    parse_period,
    period_of,
    periods_between,
    sort_periods,
)
from dwangstats.errors import DomainError


@pytest.mark.parametrize(
    ("text", "kind", "number", "begin", "end"),
    [
        ("2021", "year", 1, date(2021, 1, 1), date(2022, 1, 1)),
        ("2021-H2", "half-year", 2, date(2021, 7, 1), date(2022, 1, 1)),
        ("2021-Q3", "quarter", 3, date(2021, 7, 1), date(2021, 10, 1)),
        ("2021-12", "month", 12, date(2021, 12, 1), date(2022, 1, 1)),
    ],
)
def test_a_period_knows_its_days_and_prints_as_it_was_written(text, kind, number, begin, end):
    period = parse_period(text)
    assert (period.kind, period.number, period.begin, period.end) == (kind, number, begin, end)
    assert period.days == (end - begin).days
    assert str(period) == text


@pytest.mark.parametrize(("loose", "strict"), [("2021h1", "2021-H1"), (" 2021Q4 ", "2021-Q4"), ("2020-q1", "2020-Q1")])
def test_small_letters_and_a_left_out_hyphen_are_read(loose, strict):
    assert str(parse_period(loose)) == strict


@pytest.mark.parametrize(
    "text", ["", "21", "2021-H3", "2021-Q0", "2021-13", "2021-5", "202105", "05-2021", "May-21", "0201", "2021-05-01"]
)
def test_anything_else_is_refused_with_what_to_write(text):
    assert not is_period(text)
    with pytest.raises(DomainError, match="Write 2021, 2021-H1, 2021-Q3 or 2021-05"):
        parse_period(text)


def test_midpoints_are_decimal_years():
    expected = [2021.5, 2021.25, 2021.75, 2021.125, 2021 + 0.5 / 12, 2021 + 11.5 / 12]
    found = midpoints(["2021", "2021-H1", "2021-H2", "2021-Q1", "2021-01", "2021-12"])
    # One rounding of a sum of order 2021: spacing of float64 there is 2.3e-13.
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-13)


def test_a_finer_period_becomes_the_coarser_one_around_it_and_never_the_reverse():
    assert convert_period("2021-06", "half-year") == "2021-H1"
    assert convert_period("2021-Q3", "half-year") == "2021-H2"
    assert convert_period("2021-07", "quarter") == "2021-Q3"
    assert convert_periods(["2021-H2", "2021-H1", "2021-H2"], "year") == ["2021", "2021", "2021"]
    assert not can_convert("2021", "month")
    with pytest.raises(DomainError, match="is a year and does not lie within one half-year"):
        convert_period("2021", "half-year")


def test_contains_is_about_months():
    assert contains("2021", "2021-H2")
    assert contains("2021-H1", "2021-Q2")
    assert contains("2021-H1", "2021-H1")
    assert not contains("2021-H1", "2021-Q3")
    assert not contains("2021-Q2", "2021-H1")
    assert not contains("2021", "2022-01")


def test_the_moment_before_midnight_still_belongs_to_the_old_period():
    moments = pd.Series(pd.to_datetime(["2021-06-30 23:59:59", "2021-07-01 00:00:00", None]), index=[4, 5, 9])
    assert period_of(moments, "half-year").tolist()[:2] == ["2021-H1", "2021-H2"]
    assert period_of(moments, "month").tolist()[:2] == ["2021-06", "2021-07"]
    assert period_of(moments, "year").isna().tolist() == [False, False, True]
    assert period_of(moments, "quarter").index.tolist() == [4, 5, 9]
    assert period_of(pd.Series(pd.to_datetime([None, None])), "year").isna().all()


def test_every_month_lies_in_exactly_one_period_of_each_kind():
    months = periods_between("2019-11", "2021-02")
    assert len(months) == 16
    assert months[0] == "2019-11"
    assert months[-1] == "2021-02"
    for kind, count in (("quarter", 6), ("half-year", 4), ("year", 3)):
        around = sort_periods(convert_periods(months, kind))
        assert len(around) == count
        for month in months:
            assert sum(contains(outer, month) for outer in around) == 1
    assert periods_between("2020-H2", "2021-H2") == ("2020-H2", "2021-H1", "2021-H2")


def test_periods_between_refuses_two_kinds_and_a_wrong_order():
    with pytest.raises(DomainError, match="two periods of one kind"):
        periods_between("2020", "2021-H1")
    with pytest.raises(DomainError, match="lies before"):
        periods_between("2021-Q2", "2021-Q1")


def test_sorting_is_by_time_and_not_by_letter():
    assert sort_periods(["2021-Q1", "2020-12", "2021", "2021-02", "2020-12"]) == (
        "2020-12",
        "2021",
        "2021-Q1",
        "2021-02",
    )
    assert Period(2021, "quarter", 2).last_month == 6
