"""E18: one measure cut up, because every interruption ends a registration and begins another."""

from typing import Final

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import beyond_others
from dwangstats.data.checks.traces.rows import (
    HOLDING,
    MINUTE,
    coded,
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

#: A visit to the toilet, a meal, a shower or a smoke takes at most an hour.
BREAK_MINUTES: Final = 60
#: How often a measure is begun again by chance is taken from the hours after that one.
AFTER_HOURS: Final = 4
#: Level at which the provider's own longer gaps are asked, beside those of the register: they are few.
OWN: Final = 0.05


def cut_up(tables: Tables) -> Mask:
    """Registrations that go on after a short interruption of the same measure for the same client.

    Where it happens now and then, a new measure may have begun by chance; the rows are marked at providers that have
    more of these short gaps than the longer ones of the register, and their own, explain.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, client_id, begin, end, and a code or a form.

    Returns
    -------
    (rows,) bool
        The pieces after the first. An interruption is longer than nothing and at most `BREAK_MINUTES`; registrations
        that touch have none. Holding is left alone: it takes minutes, and is done again.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "client_id", "begin", "end") or frame.empty:
        return no_rows(frame)
    begin, end = moments(frame, "begin"), moments(frame, "end")
    usable = lasting_rows(frame) & ~coded(frame, HOLDING) & ~day_only(frame) & standing_rows(tables)
    usable &= ~np.isnat(begin) & ~np.isnat(end) & (end >= begin)
    group = np.where(usable, group_numbers(of_clients(frame), measure_numbers(frame)), -1)
    rows = np.flatnonzero(group >= 0)
    order = rows[np.lexsort((rows, begin[rows], group[rows]))]
    same = group[order[1:]] == group[order[:-1]]
    later, earlier = order[1:][same], order[:-1][same]
    gap = (begin[later] - end[earlier]) / MINUTE
    short = (gap > 0.0) & (gap <= BREAK_MINUTES)
    mask = no_rows(frame)
    mask[later[short & _often(gap, short, group_numbers(frame["provider_id"])[later])]] = True
    return mask


def _often(gap: Vector, short: Mask, provider: Codes) -> Mask:
    """Gaps at providers that have more short ones than those of the register and their own longer ones explain."""
    size = int(provider.max(initial=-1)) + 1
    longer = (gap > BREAK_MINUTES) & (gap <= BREAK_MINUTES * (1 + AFTER_HOURS))
    seen, after, pairs = (
        np.bincount(provider[mask], minlength=size).astype(np.float64) for mask in (short, longer, ~np.isnan(gap))
    )
    of_register = pairs / (AFTER_HOURS * max(pairs.sum(), 1.0))
    as_register = beyond_others(seen, after.sum(), of_register, size)
    as_own = beyond_others(seen, after, 1.0 / AFTER_HOURS, level=OWN)
    return (as_register & as_own)[provider]
