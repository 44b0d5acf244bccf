"""E5: one event registered twice, because one source gave two entries or two services both wrote it down.

Of each pair the later one is marked, never both: what is marked can be left out without losing an event.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import unless_coincidence
from dwangstats.data.checks.traces.rows import (
    MINUTE,
    at_midnight,
    day_only,
    group_numbers,
    lasting_rows,
    measure_numbers,
    moments,
    no_rows,
    of_clients,
    standing_rows,
)
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.clock import Moments

#: Two services that write down the same event, each rounding to a quarter of an hour, are at most this far apart.
MOMENT_MINUTES: Final = 15
#: How often the same measure follows by coincidence is taken from those that follow within six hours, and within two
#: weeks: what is given several times a day is dense in the first, and what is rare is only seen in the second.
COMPARED_MINUTES: Final = (360, 20160)
#: A care plan gives one source_id to every application under it, so that a shared one proves nothing by itself; within
#: an hour the same measure is not applied again under it.
SOURCE_MINUTES: Final = 60


def same_source(tables: Tables) -> Mask:
    """Registrations from the same source entry as an earlier one of the same measure, within an hour of it.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, source_id, begin, and a code or a form; client_id where it is known.

    Returns
    -------
    (rows,) bool
        The later of each pair; with equal begins the row that comes later. All False where a column is absent.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "source_id", "begin") or frame.empty:
        return no_rows(frame)
    source = group_numbers(frame["provider_id"], frame["source_id"])
    client = of_clients(frame) + 1 if has(frame, "client_id") else np.zeros(len(frame), dtype=np.intp)
    group = group_numbers(source, client, measure_numbers(frame))
    group = np.where(standing_rows(tables), group, -1)
    begin = moments(frame, "begin")
    later, earlier = _neighbours(group, begin)
    close = begin[later] - begin[earlier] <= SOURCE_MINUTES * MINUTE
    # Entries of one day without a time of day may be hours apart, unless their begin and end are the same.
    vague = at_midnight(begin[later]) & at_midnight(begin[earlier])
    end = moments(frame, "end")
    alike = (end[later] == end[earlier]) & ~np.isnat(end[later])
    return _marked(later[close & (~vague | alike)], len(frame))


def same_moment(tables: Tables) -> Mask:
    """Registrations of the same client and measure that begin within minutes of an earlier one.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, client_id, begin, and a code or a form; end where it is known.

    Returns
    -------
    (rows,) bool
        The later of each pair, where the register or the provider has more of them than coincidence explains. Of a
        lasting measure that had ended already by then, the second is a new one, and it is
        not marked; of registrations without a time of day it is not known whether they are minutes apart, so that they
        are only marked where begin and end are both the same days and the measure lasts.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "client_id", "begin") or frame.empty:
        return no_rows(frame)
    group = group_numbers(of_clients(frame), measure_numbers(frame))
    group = np.where(standing_rows(tables), group, -1)
    begin, end = moments(frame, "begin"), moments(frame, "end")
    vague = day_only(frame)
    later, earlier = _neighbours(np.where(vague, -1, group), begin)
    lasting = lasting_rows(frame)
    ended = lasting[later] & (end[earlier] <= begin[later]) & (begin[earlier] < begin[later])
    close = (begin[later] - begin[earlier] <= MOMENT_MINUTES * MINUTE) & ~ended
    found = unless_coincidence(
        _marked(later[close], len(frame)),
        group_numbers(frame["provider_id"]),
        *_comparable(np.where(vague, -1, group), begin),
    )
    later, earlier = _neighbours(np.where(vague & lasting, group, -1), begin)
    same_days = (begin[later] == begin[earlier]) & (end[later] == end[earlier])
    return found | _marked(later[same_days], len(frame))


def _comparable(group: Codes, begin: Moments) -> list[tuple[Vector, float]]:
    """With each row, how many of its group follow after the moment within each of `COMPARED_MINUTES`; and the ratio."""
    rows = np.flatnonzero((group >= 0) & ~np.isnat(begin))
    if rows.size == 0:
        return [(np.zeros(group.size), 1.0)]
    order = rows[np.lexsort((begin[rows], group[rows]))]
    minutes = ((begin[order] - begin[rows].min()) / MINUTE).astype(np.int64)
    key = group[order].astype(np.int64) * (int(minutes.max()) + COMPARED_MINUTES[-1] + 1) + minutes
    at_moment = np.searchsorted(key, key + MOMENT_MINUTES, side="right")
    found = []
    for until in COMPARED_MINUTES:
        counts = np.zeros(group.size)
        counts[order] = np.searchsorted(key, key + until, side="right") - at_moment
        found.append((counts, MOMENT_MINUTES / (until - MOMENT_MINUTES)))
    return found


def _neighbours(
    group: NDArray[np.signedinteger], begin: NDArray[np.datetime64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of rows that follow each other within a group by begin: the later and the earlier one."""
    usable = np.flatnonzero((group >= 0) & ~np.isnat(begin))
    order = usable[np.lexsort((usable, begin[usable], group[usable]))]
    same = group[order[1:]] == group[order[:-1]]
    return order[1:][same], order[:-1][same]


def _marked(rows: Codes, size: int) -> Mask:
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask
