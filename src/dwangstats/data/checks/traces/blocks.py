"""E9: a standing block of the day's programme, registered per client and day as if each were a measure by itself.

Its sign: the same begin and the same end on the clock, day after day at one location, or a whole group at once.
"""

from typing import Final

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import beyond_chance
from dwangstats.data.checks.traces.rows import (
    DAY_MINUTES,
    MINUTE,
    day_only,
    group_numbers,
    minute_of_day,
    moments,
    no_rows,
    planned_rows,
    standing_rows,
)
from dwangstats.data.reading.read import Tables

#: A block stands when it was there on so many days of a week.
BLOCK_DAYS: Final = 5
WEEK_DAYS: Final = 7
#: Or when so many clients had it at one moment, on so many days.
GROUP_CLIENTS: Final = 3
GROUP_DAYS: Final = 3


def standing_block(tables: Tables) -> Mask:
    """Registrations not marked as planned that are part of a standing daily block.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, location_id, begin and end; planned and client_id where they are known.

    Returns
    -------
    (rows,) bool
        `in_block` without what is marked as planned: that helps to find a block, and is as it should be.
    """
    frame = tables.registrations
    return no_rows(None) if frame is None else in_block(tables) & ~planned_rows(frame)


def in_block(tables: Tables) -> Mask:
    """Registrations that are part of a standing daily block, planned or not.

    A block is one begin and one end on the clock at one location. It stands where it was there on `BLOCK_DAYS` days of
    a week, or for `GROUP_CLIENTS` clients at one moment on `GROUP_DAYS` days, and is seen more often than the other
    begins and durations of the location explain (`beyond_chance`); where everybody rounds to the hour, the same hour
    on two days says nothing.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, location_id, begin and end; client_id where it is known.

    Returns
    -------
    (rows,) bool
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "location_id", "begin", "end") or frame.empty:
        return no_rows(frame)
    begin, end = moments(frame, "begin"), moments(frame, "end")
    place = group_numbers(frame["provider_id"], frame["location_id"])
    rows = np.flatnonzero((place >= 0) & (end > begin) & ~day_only(frame) & standing_rows(tables))
    clock = np.floor(minute_of_day(begin[rows])).astype(np.int64)
    length = ((end[rows] - begin[rows]) / MINUTE).astype(np.int64)
    block = group_numbers(place[rows], clock, length)
    day = begin[rows].astype("datetime64[D]").astype(np.int64)
    day = day - day.min(initial=0)
    stands = _daily(block, day)
    if has(frame, "client_id"):
        stands |= _by_group(block, day, group_numbers(frame["client_id"])[rows])
    stands &= _unexpected(block, place[rows], clock, length)
    mask = no_rows(frame)
    mask[rows] = stands[block]
    return mask


def _daily(block: Codes, day: Codes) -> Mask:
    """Blocks that were there on `BLOCK_DAYS` days of some week."""
    order = np.lexsort((day, block))
    b, d = block[order], day[order]
    new = np.concatenate([[True], (b[1:] != b[:-1]) | (d[1:] != d[:-1])])[: b.size]
    b, d = b[new], d[new]
    stands = np.zeros(_size(block), dtype=np.bool_)
    ahead = BLOCK_DAYS - 1
    within = (b[ahead:] == b[:-ahead]) & (d[ahead:] - d[:-ahead] < WEEK_DAYS)
    stands[b[ahead:][within]] = True
    return stands


def _by_group(block: Codes, day: Codes, client: Codes) -> Mask:
    """Blocks that `GROUP_CLIENTS` clients had at one moment, on `GROUP_DAYS` days."""
    known = client >= 0
    moment = group_numbers(block[known], day[known])
    each = group_numbers(moment, client[known])
    first = np.unique(each, return_index=True)[1]
    clients = np.bincount(moment[first], minlength=_size(moment))
    head = np.unique(moment, return_index=True)[1]
    crowded = head[clients >= GROUP_CLIENTS]
    return np.bincount(block[known][crowded], minlength=_size(block)) >= GROUP_DAYS


def _unexpected(block: Codes, place: Codes, clock: Codes, length: Codes) -> Mask:
    """Blocks seen more often than begins and durations at their location explain if they had nothing to do together.

    Expected are the rows with this begin, times the share of this duration among the other rows of the location; or
    the rows with this duration times the share of this begin, if that is more: where everything lasts an hour, an hour
    says nothing. One row more, spread over the minutes of the day, stands for what was not seen yet.
    """
    head = np.unique(block, return_index=True)[1]
    seen: Vector = np.bincount(block, minlength=_size(block)).astype(np.float64)
    others = np.bincount(place)[place[head]] - seen + 1.0
    begins, lengths = (_of_each(group_numbers(place, value))[head] for value in (clock, length))
    smooth = 1.0 / DAY_MINUTES
    by_length = begins * (lengths - seen + smooth) / others
    by_begin = lengths * (begins - seen + smooth) / others
    return beyond_chance(seen, np.maximum(by_length, by_begin), seen.size)


def _of_each(group: Codes) -> Vector:
    return np.bincount(group).astype(np.float64)[group]


def _size(group: Codes) -> int:
    return int(group.max(initial=-1)) + 1
