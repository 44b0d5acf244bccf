"""The calendar of a world agrees with the periods of the register."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.register.periods import convert_periods, midpoints, parse_period, periods_between
from dwangstats.worlds.quarters import Calendar


def test_labels_are_the_registers(calendar: Calendar):
    assert tuple(calendar.quarters) == periods_between("2021-Q1", "2023-Q4")
    assert tuple(calendar.half_years) == periods_between("2021-H1", "2023-H2")


def test_midpoints_and_days_agree(calendar: Calendar):
    np.testing.assert_allclose(calendar.time, midpoints(calendar.quarters) - 2021.5, atol=1e-12)
    assert [parse_period(q).days for q in calendar.quarters] == calendar.days.tolist()
    assert [pd.Timestamp(parse_period(q).begin) for q in calendar.quarters] == list(calendar.starts)


def test_half_years_of_quarters(calendar: Calendar):
    halves = np.array(calendar.half_years)[calendar.half_year].tolist()
    assert halves == convert_periods(calendar.quarters, "half-year")


def test_progress_is_zero_before_and_one_after(calendar: Calendar):
    assert calendar.progress[calendar.year == 2021].mean() == pytest.approx(0.0, abs=1e-12)
    assert calendar.progress[calendar.year == 2023].mean() == pytest.approx(1.0, abs=1e-12)


def test_due_dates(calendar: Calendar):
    assert [d.strftime("%Y-%m-%d") for d in calendar.due_on[:3]] == ["2021-08-12", "2022-02-12", "2022-08-12"]
    assert len(calendar.due_on) == len(calendar.half_years)
