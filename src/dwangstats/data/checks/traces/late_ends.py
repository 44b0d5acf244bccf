"""E2 and E3: measures that ended before their registration did.

E2, closed when a shift ends or a month does: ends heap on those moments. E3, still open when the client had left: the
client is registered elsewhere while the measure goes on.
"""

from typing import Final

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.blocks import in_block
from dwangstats.data.checks.traces.chance import beyond_others
from dwangstats.data.checks.traces.open_ends import filled_end
from dwangstats.data.checks.traces.rows import (
    DAY_MINUTES,
    MINUTE,
    day_only,
    group_numbers,
    lasting_rows,
    minute_of_day,
    moments,
    no_rows,
    of_clients,
    planned_rows,
    standing_rows,
)
from dwangstats.data.reading.read import Tables

#: Changes of shift in Dutch care, in minutes since midnight.
SHIFT_MINUTES: Final = (480, 960, 1380)
#: Ends this near a change of shift, but not on a full hour, tell how many there would be on it.
NEAR_MINUTES: Final = 90
#: A client who moves may be registered at the new location a little before the old one ends the measure.
MOVE_MINUTES: Final = 60
#: Of what a minute-precise clock shows, one in sixty is on the full hour; the prior weighs as much as that many rows.
HOUR_MINUTES: Final = 60
#: Share of days that end a month.
MONTH_ENDS: Final = 12.0 / 365.25


def closed_late(tables: Tables) -> Mask:
    """Lasting measures that end exactly at a change of shift, or with the month, where too many of them do.

    A single row cannot tell a late end from an end at that moment. The rows are marked where more of them heap than the
    provider's own habit of rounding explains: in the register as a whole (`beyond_others`), and at the provider so many
    that at least half of them are closed late.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, begin, end, and a code or a form.

    Returns
    -------
    (rows,) bool
        Without what was planned or stands as a daily block, what has no time of day, and `filled_end`.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "begin", "end") or frame.empty:
        return no_rows(frame)
    begin, end = moments(frame, "begin"), moments(frame, "end")
    usable = lasting_rows(frame) & (end > begin) & ~planned_rows(frame) & ~day_only(frame)
    usable &= ~filled_end(tables) & ~in_block(tables) & standing_rows(tables)
    provider = group_numbers(frame["provider_id"])
    usable &= provider >= 0
    rows = np.flatnonzero(usable)
    heaped = no_rows(frame)
    if rows.size:
        heaped[rows] = _at_shift(minute_of_day(end[rows]), provider[rows]) | _at_month_end(end[rows], provider[rows])
    return heaped


def end_elsewhere(tables: Tables) -> Mask:
    """Lasting measures that go on after the same client was registered at another location of the provider.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, location_id, client_id, begin, end, and a code or a form.

    Returns
    -------
    (rows,) bool
        The measure that is still open: it ends more than `MOVE_MINUTES` after the other registration began, or has no
        end.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "location_id", "client_id", "begin", "end") or frame.empty:
        return no_rows(frame)
    begin, end = moments(frame, "begin"), moments(frame, "end")
    client, place = of_clients(frame), group_numbers(frame["provider_id"], frame["location_id"])
    known = np.flatnonzero((client >= 0) & (place >= 0) & ~np.isnat(begin) & standing_rows(tables))
    order = known[np.lexsort((known, begin[known], client[known]))]
    elsewhere = _next_stay(client[order], place[order])
    found = np.flatnonzero(elsewhere >= 0)
    here, there = order[found], order[elsewhere[found]]
    still_open = np.isnat(end[here]) | (end[here] - begin[there] > MOVE_MINUTES * MINUTE)
    overlap = (begin[there] > begin[here]) & still_open
    mask = no_rows(frame)
    mask[here[overlap]] = True
    return mask & lasting_rows(frame)


def _at_shift(minute: Vector, provider: Codes) -> Mask:
    """Rows that end at a change of shift where that is not explained by rounding."""
    size = int(provider.max(initial=-1)) + 1
    on_hour, at_shift = minute % HOUR_MINUTES == 0, np.isin(minute, SHIFT_MINUTES)

    def count(mask: Mask) -> Vector:
        return np.bincount(provider[mask], minlength=size).astype(np.float64)

    rows = count(~at_shift)
    rounded = (count(on_hour & ~at_shift) + 1.0) / (rows + HOUR_MINUTES)
    marked = np.zeros(minute.size, dtype=np.bool_)
    for shift in SHIFT_MINUTES:
        apart = np.abs((minute - shift + DAY_MINUTES / 2) % DAY_MINUTES - DAY_MINUTES / 2)
        near = count((apart < NEAR_MINUTES) & ~on_hour)
        per_near = HOUR_MINUTES / (2 * NEAR_MINUTES) * rounded / (1.0 - rounded)
        neighbours = count((apart == HOUR_MINUTES) & ~at_shift)
        heaps = _heaps(count(minute == shift), rows, (near, per_near), (neighbours, np.full(size, 0.5)))
        marked |= (minute == shift) & heaps[provider]
    return marked


def _at_month_end(end: np.ndarray, provider: Codes) -> Mask:
    """Rows that end from 23:59 on the last day of a month up to 00:00 after it, where that is not explained."""
    size = int(provider.max(initial=-1)) + 1
    minute = minute_of_day(end)
    edge = (minute >= DAY_MINUTES - 1) | (minute == 0)
    day = (end - MINUTE).astype("datetime64[D]")
    last = (day + 1).astype("datetime64[M]") != day.astype("datetime64[M]")

    def count(mask: Mask) -> Vector:
        return np.bincount(provider[mask], minlength=size).astype(np.float64)

    rows = count(np.ones(minute.size, dtype=np.bool_))
    by_days = (count(edge & ~last), np.full(size, MONTH_ENDS / (1.0 - MONTH_ENDS)))
    by_minutes = (rows, np.full(size, MONTH_ENDS * 2.0 / DAY_MINUTES))
    found = edge & last & _heaps(count(edge & last), rows, by_days, by_minutes)[provider]
    return np.asarray(found, dtype=np.bool_)


def _heaps(observed: Vector, rows: Vector, *others: tuple[Vector, Vector]) -> Mask:
    """Providers at which at least half of what is seen at a moment is closed late.

    The share of rows closed late at that moment in the register is what is expected of a provider with few rows; a
    provider with many can show it by itself.

    Parameters
    ----------
    observed : (P,) ends at the moment.
    rows : (P,) ends in all.
    others : pairs of (P,)
        Ends at comparable moments, and how many at this one go with each of those; each pair is to be exceeded.
    """
    expected = np.max([beside * ratio for beside, ratio in others], axis=0)
    by_itself = np.all([beyond_others(observed, beside, ratio, observed.size) for beside, ratio in others], axis=0)
    in_register = all(
        bool(beyond_others(observed.sum(), beside.sum(), _pooled(beside, ratio))) for beside, ratio in others
    )
    share = max(float(observed.sum() - expected.sum()), 0.0) / max(float(rows.sum()), 1.0)
    as_others = in_register & (share * rows >= expected)
    return np.asarray((as_others | by_itself) & (observed > 0.0), dtype=np.bool_)


def _pooled(beside: Vector, ratio: Vector) -> float:
    """Ratio of the register, by what each provider has."""
    total = float(beside.sum())
    return float(beside @ ratio) / total if total > 0.0 else float(ratio.mean())


def _next_stay(client: Codes, place: Codes) -> Codes:
    """Position of the client's next row at another place; -1 where there is none. Rows sorted by client and begin."""
    size = client.size
    if size == 0:
        return np.zeros(0, dtype=np.intp)
    new = np.concatenate([[True], (client[1:] != client[:-1]) | (place[1:] != place[:-1])])
    stay = np.cumsum(new) - 1
    starts = np.append(np.flatnonzero(new), size)
    following = starts[stay + 1]
    inside = np.minimum(following, size - 1)
    return np.where((following < size) & (client[inside] == client), following, -1)
