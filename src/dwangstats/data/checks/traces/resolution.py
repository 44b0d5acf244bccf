"""E17: dates without a time, so that durations are whole days and what began and ended on one day lasts nothing."""

import numpy as np

from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import beyond_chance
from dwangstats.data.checks.traces.rows import (
    DAY_MINUTES,
    day_only,
    group_numbers,
    minute_of_day,
    moments,
    no_rows,
    standing_rows,
)
from dwangstats.data.reading.read import Tables


def date_only(tables: Tables) -> Mask:
    """Registrations of which only the day is known.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id and begin; end where it is known.

    Returns
    -------
    (rows,) bool
        Begin at exactly 00:00 and an end, if any, at exactly 00:00, at providers where that is seen more often than
        their other full hours (or one minute in a day, if that is more) explain.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "begin") or frame.empty:
        return no_rows(frame)
    begin = moments(frame, "begin")
    provider = group_numbers(frame["provider_id"])
    usable = standing_rows(tables) & ~np.isnat(begin) & (provider >= 0)
    days = day_only(frame) & usable
    minute = minute_of_day(begin)
    full_hour = usable & (minute % 60 == 0) & (minute > 0)
    size = int(provider.max(initial=-1)) + 1
    rows, hours, seen = (
        np.bincount(provider[mask], minlength=size).astype(np.float64) for mask in (usable, full_hour, days)
    )
    expected = np.maximum(rows / DAY_MINUTES, hours / 23.0)
    often = np.append(beyond_chance(seen, expected, size), False)
    return np.asarray(days & often[provider], dtype=np.bool_)
