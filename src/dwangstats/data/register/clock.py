"""Dutch clock time as elapsed time: the hour that does not exist in March, and the one that comes twice in October."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Reading: TypeAlias = Literal["first", "second"]

ZONE: Final = "Europe/Amsterdam"
LONGEST_GAP: Final = 366 * 24.0
"""Hours of the longest interruption within an intervention: what comes a year later is no continuation."""

Moments: TypeAlias = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class Elapsed:
    """Moments on a scale without jumps.

    Attributes
    ----------
    utc : (n,) array of datetime64[us]
        Missing where the clock time is.
    twice : (n,) array of bool
        The clock showed this time twice, on the night in October; `utc` is the reading that was asked for.
    skipped : (n,) array of bool
        The clock never showed this time, on the night in March; `utc` is the end of the gap.
    """

    utc: Moments
    twice: NDArray[np.bool_]
    skipped: NDArray[np.bool_]


def read_moment(text: str) -> date | datetime:
    """The date, or the date with its time, that a text means by ISO 8601: "2024-10-08", "2024-10-08 12:00".

    No other order is read: whether 08-10-2024 is a day in October or in August depends on who wrote it.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    text = text.strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


def ends_on_its_day(begin: Moments, end: Moments) -> NDArray[np.bool_]:
    """Ends of which only the day is known, because it is that of the begin and the begin has a time: (n,).

    Such an end reads as midnight, before the begin. It is no end before the begin: the measure ended on that day.
    """
    return np.asarray((end < begin) & (end == begin.astype("datetime64[D]")), dtype=np.bool_)


def elapsed(clock: "pd.Series[Any] | Moments", reading: Reading) -> Elapsed:
    """Dutch clock times on a scale on which differences are durations.

    Parameters
    ----------
    clock : (n,) datetimes without zone
    reading : {"first", "second"}
        Which of both an hour that came twice is taken to be: "first" for a beginning and "second" for an end gives the
        longest duration that the clock allows.

    Returns
    -------
    Elapsed
    """
    times = pd.DatetimeIndex(np.asarray(clock, dtype="datetime64[us]"))
    first, second = (
        times.tz_localize(ZONE, ambiguous=np.full(times.size, summer), nonexistent="shift_forward")
        for summer in (True, False)
    )
    chosen = first if reading == "first" else second
    known = np.asarray(times.notna(), dtype=np.bool_)
    return Elapsed(
        utc=chosen.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]"),
        twice=known & np.asarray(first != second, dtype=np.bool_),
        skipped=known & np.asarray(chosen.tz_localize(None) != times, dtype=np.bool_),
    )
