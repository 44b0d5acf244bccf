"""E1: measures that were never closed. They leave counts as they are and let hours explode.

A missing end is no error where the measure is an act, such as giving medication (E4); those are never marked.
"""

from typing import Final

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import unless_coincidence
from dwangstats.data.checks.traces.rows import (
    DAY,
    DAY_MINUTES,
    FIXATION,
    HOLDING,
    at_midnight,
    coded,
    day_only,
    group_numbers,
    lasting_rows,
    law_names,
    locking_rows,
    minute_of_day,
    moments,
    no_rows,
    planned_rows,
    standing_rows,
)
from dwangstats.data.deliveries.standing import last_half_year_end
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.clock import Moments

#: Longer than this nobody is locked in or held without being looked at again: it is over, or should be ended and begun
#: again. The longest cumulative seclusion per case in the literature, in forensic care, is two weeks on average.
LOCKED_DAYS: Final = 28
#: Restrictions and supervision can last as long as the longest authorisation under which they fall, a year.
STANDING_DAYS: Final = 366
#: A measure can end in the last minute of a half-year by chance, and where ends are days on its last day; one that had
#: been going on for so many days then is taken as filled in.
FILLED_DAYS: Final = 1
FILLED_DAYS_OF_DATES: Final = 7
#: Share of days that end a half-year, and minutes of the day that can be the last one: 23:59, and 00:00 after it.
HALF_YEAR_ENDS: Final = 2.0 / 365.25
EDGE_MINUTES: Final = 2.0
#: An export fills in many ends at once, so that one that can be a coincidence is left alone.
FILLED_LEVEL: Final = 0.01


def never_closed(tables: Tables) -> Mask:
    """Lasting measures without an end that began too long before their delivery to be going on still.

    Parameters
    ----------
    tables : Tables
        registrations with begin and end, and a code or a form. Their age is that at received_at, or else at the latest
        moment that the register knows of.

    Returns
    -------
    (rows,) bool
        Locking in, holding, and mechanical restraint outside the Wzd, older than `LOCKED_DAYS`; other lasting measures,
        and what was planned, older than `STANDING_DAYS` (in closed youth care what is planned is a moment of the day,
        not a standing measure). Never a point form. All False where a column is absent.
    """
    frame = tables.registrations
    if not has(frame, "begin", "end") or frame.empty:
        return no_rows(frame)
    begin = moments(frame, "begin")
    law = law_names(frame)
    standing = planned_rows(frame) & (law != "JEUGDWET_H6")
    fixed = coded(frame, FIXATION) & (law != "WZD")
    short = (locking_rows(frame) | coded(frame, HOLDING) | fixed) & ~standing
    longest = np.where(short, LOCKED_DAYS, STANDING_DAYS) * DAY
    open_still = np.isnat(moments(frame, "end")) & lasting_rows(frame) & standing_rows(tables)
    return np.asarray(open_still & (known_at(tables) - begin > longest), dtype=np.bool_)


def filled_end(tables: Tables) -> Mask:
    """Lasting measures with an end that an export wrote: the end of the half-year, or the delivery itself.

    Parameters
    ----------
    tables : Tables
        registrations with begin and end, and a code or a form.

    Returns
    -------
    (rows,) bool
        End in the last minute of a half-year, at 00:00 after it, or at the minute of received_at; `FILLED_DAYS` or more
        after the begin. Where only days are given: on the last day of the half-year or the day of received_at,
        `FILLED_DAYS_OF_DATES` or more after the begin. Ends of half-years only where the register or the provider has
        more of them than other days, and other minutes, explain.
    """
    frame = tables.registrations
    if not has(frame, "begin", "end") or frame.empty:
        return no_rows(frame)
    end, received = moments(frame, "end"), moments(frame, "received_at")
    lasted = (end - moments(frame, "begin")) / DAY
    usable = lasting_rows(frame) & standing_rows(tables)
    timed, dated = usable & ~day_only(frame), usable & day_only(frame) & (lasted >= FILLED_DAYS_OF_DATES)
    timed &= lasted >= FILLED_DAYS
    on_delivery = timed & (end.astype("datetime64[m]") == received.astype("datetime64[m]"))
    on_delivery |= dated & (end.astype("datetime64[D]") == received.astype("datetime64[D]"))
    provider = group_numbers(frame["provider_id"]) if has(frame, "provider_id") else np.zeros(len(frame), np.intp)
    edge = at_midnight(end) | (minute_of_day(end) >= DAY_MINUTES - 1)
    last_minute, last_day = _last_minute_of_half_year(end), _last_day_of_half_year(end)
    other_days = HALF_YEAR_ENDS / (1.0 - HALF_YEAR_ENDS)
    by_minute = unless_coincidence(
        timed & last_minute,
        provider,
        (timed & edge & ~last_minute, other_days),
        (timed & ~edge, HALF_YEAR_ENDS * EDGE_MINUTES / DAY_MINUTES),
        level=FILLED_LEVEL,
    )
    by_day = unless_coincidence(dated & last_day, provider, (dated & ~last_day, other_days), level=FILLED_LEVEL)
    return np.asarray(by_minute | by_day | on_delivery, dtype=np.bool_)


def known_at(tables: Tables) -> Moments:
    """Moment at which each registration was last known: its received_at, or the latest moment in the register."""
    frame = tables.registrations
    if frame is None:
        return np.zeros(0, dtype="datetime64[us]")
    received = moments(frame, "received_at")
    latest = _latest(frame, tables.deliveries)
    return np.where(np.isnat(received), latest, received)


def _latest(frame: pd.DataFrame, deliveries: pd.DataFrame | None) -> np.datetime64:
    seen = [table["received_at"].max() for table in (frame, deliveries) if has(table, "received_at")]
    known = [moment for moment in seen if not pd.isna(moment)]
    if not known and has(deliveries, "period"):
        end = last_half_year_end(deliveries)
        known = [] if end is None else [end]
    latest = max(known) if known else frame["begin"].max()
    return np.datetime64("NaT", "us") if pd.isna(latest) else np.datetime64(latest, "us")


def _last_minute_of_half_year(end: Moments) -> Mask:
    """End from 23:59 on the last day of a half-year up to 00:00 of the day after."""
    late = _last_day_of_half_year(end) & (minute_of_day(end) >= DAY_MINUTES - 1)
    return late | (_last_day_of_half_year(end - DAY) & at_midnight(end))


def _last_day_of_half_year(end: Moments) -> Mask:
    day = end.astype("datetime64[D]")
    first_after = (day + 1).astype("datetime64[M]")
    month = first_after.astype(np.int64) % 12
    return np.asarray((day + 1 == first_after) & np.isin(month, (0, 6)), dtype=np.bool_)
