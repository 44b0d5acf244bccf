"""Dutch clock time against the standard library's zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwangstats.data.register.clock import elapsed, read_moment

AMSTERDAM = ZoneInfo("Europe/Amsterdam")

moments = st.one_of(
    st.datetimes(datetime(2019, 1, 1), datetime(2026, 12, 31)),
    # The nights of the clock changes: 28 March 2021 at 02:00, 31 October 2021 at 03:00.
    st.datetimes(datetime(2021, 3, 28, 1), datetime(2021, 3, 28, 4)),
    st.datetimes(datetime(2021, 10, 31, 1), datetime(2021, 10, 31, 4)),
)


def in_utc(clock: datetime, fold: int) -> datetime:
    return clock.replace(tzinfo=AMSTERDAM, fold=fold).astimezone(UTC).replace(tzinfo=None)


def test_a_moment_is_read_by_iso_8601_only() -> None:
    assert read_moment(" 2024-10-08 ") == date(2024, 10, 8)
    assert not isinstance(read_moment("2024-10-08"), datetime)
    assert read_moment("2024-10-08 09:30") == datetime(2024, 10, 8, 9, 30)
    for text in ("08-10-2024", "10/08/2024", "2024-13-01", "2024-10", ""):
        with pytest.raises(ValueError, match=r"Invalid|month|format"):
            read_moment(text)


@given(moments)
def test_both_readings_are_those_of_the_standard_library(clock: datetime) -> None:
    array = np.array([clock], dtype="datetime64[us]")
    first, second = elapsed(array, "first"), elapsed(array, "second")
    there_and_back = in_utc(clock, 0).replace(tzinfo=UTC).astimezone(AMSTERDAM).replace(tzinfo=None)
    if there_and_back != clock:
        assert first.skipped[0]
        # Both readings are the end of the gap: 03:00 summer time is 01:00 UTC.
        assert first.utc[0] == second.utc[0] == np.datetime64(datetime(clock.year, 3, clock.day, 1), "us")
        return
    assert not first.skipped[0]
    assert first.utc[0] == np.datetime64(in_utc(clock, 0), "us")
    assert second.utc[0] == np.datetime64(in_utc(clock, 1), "us")
    assert bool(first.twice[0]) == (in_utc(clock, 0) != in_utc(clock, 1))


def test_the_long_and_the_short_night() -> None:
    for day, hours in ((datetime(2022, 3, 27), 23.0), (datetime(2022, 10, 30), 25.0), (datetime(2022, 6, 1), 24.0)):
        ends = np.array([day, day + timedelta(days=1)], dtype="datetime64[us]")
        utc = elapsed(ends, "first").utc
        assert (utc[1] - utc[0]) / np.timedelta64(1, "h") == hours


def test_a_missing_time_stays_missing() -> None:
    found = elapsed(np.array(["NaT"], dtype="datetime64[us]"), "first")
    assert np.isnat(found.utc[0])
    assert not found.twice[0]
    assert not found.skipped[0]


@pytest.mark.parametrize("reading", ["first", "second"])
def test_no_rows(reading: str) -> None:
    assert elapsed(np.zeros(0, dtype="datetime64[us]"), reading).utc.size == 0  # type: ignore[arg-type]
