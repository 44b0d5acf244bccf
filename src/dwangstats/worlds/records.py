"""Layer 7: the table of registrations, one row per registered event in a delivered file."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.worlds.deliveries import Deliveries
from dwangstats.worlds.events import Cube
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import Code, Sector
from dwangstats.worlds.quarters import Calendar


def draw_registrations(
    sector: Sector,
    network: Network,
    calendar: Calendar,
    deliveries: Deliveries,
    registered: Cube,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The table ``registrations``: ordered by provider and begin, numbered in that order.

    Parameters
    ----------
    registered : (L, T, F) number of registrations; those of half-years without a correct delivery are left out.
    """
    location, quarter, form = _events(registered, deliveries.correct[network.provider][:, calendar.half_year])
    begin = _begins(sector, calendar, quarter, rng)
    code = _codes(sector, form, rng)
    client, status = _clients(sector, location * len(calendar.years) + calendar.year[quarter] - calendar.years[0], rng)
    client, status = _one_begin_per_client(sector, client, status, begin, rng)
    end = _ends(sector, network.setting[location], code, begin, rng)
    end = _cut_at_next(end, client, form, begin)
    provider, half = network.provider[location], calendar.half_year[quarter]
    order = np.lexsort((code, location, begin, provider))
    statuses = np.array([name for name, _ in sector.legal_statuses])
    pseudonym = rng.permutation(status.size) + 1
    frame = pd.DataFrame(
        {
            "provider_id": network.provider_ids[provider],
            "location_id": network.location_ids[location],
            "client_id": pd.Series(pseudonym[client]).map("c{:06d}".format),
            "law": sector.law,
            "intervention_code": np.array([c.code for c in _all_codes(sector)])[code],
            "legal_status": statuses[status[client]],
            "begin": begin.astype("datetime64[s]"),
            "end": end.astype("datetime64[s]"),
            "received_at": deliveries.received_at[provider, half].astype("datetime64[s]"),
            "delivery_version": deliveries.version[provider, half].astype(np.int64),
        }
    )
    frame = frame.iloc[order].reset_index(drop=True)
    if sector.standing_forms:
        frame = _with_standing(sector, frame, code[order])
    frame.insert(0, "registration_id", [f"r{i + 1:06d}" for i in range(len(frame))])
    return frame


def _with_standing(sector: Sector, frame: pd.DataFrame, code: Codes) -> pd.DataFrame:
    """Standing measures are planned, and open when they end after the delivery that they came with."""
    planned = np.array([f.name in sector.standing_forms for f in sector.forms for _ in f.codes])[code]
    ended = (frame["end"] <= frame["received_at"]).to_numpy(dtype=np.bool_)
    place = list(frame.columns).index("begin")
    frame.insert(place, "planned", planned)
    return frame.assign(end=frame["end"].where(ended))


def _all_codes(sector: Sector) -> list[Code]:
    return [c for f in sector.forms for c in f.codes]


def _events(registered: Cube, delivered: NDArray[np.bool_]) -> tuple[Codes, Codes, Codes]:
    """Location, quarter and form of each delivered registration."""
    counts = np.where(delivered[:, :, None], registered, 0.0).astype(np.intp)
    cells = np.nonzero(counts)
    location, quarter, form = (np.repeat(axis, counts[cells]) for axis in cells)
    return location, quarter, form


def _begins(sector: Sector, calendar: Calendar, quarter: Codes, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Begin of each event to the minute: any day of its quarter, fewer at weekends, hours by the day's profile."""
    hour_share = np.array(sector.hour_weights) / sum(sector.hour_weights)
    day = np.empty(quarter.size, dtype=np.int64)
    for q, (start, days) in enumerate(zip(calendar.starts, calendar.days, strict=True)):
        mine = np.flatnonzero(quarter == q)
        weekday = (start.weekday() + np.arange(int(days))) % 7
        weight = np.where(weekday >= 5, sector.weekend_factor, 1.0)
        day[mine] = rng.choice(int(days), size=mine.size, p=weight / weight.sum())
    hour = rng.choice(24, size=quarter.size, p=hour_share)
    minute = rng.integers(0, 60, size=quarter.size)
    first = calendar.starts.to_numpy().astype("datetime64[m]")[quarter]
    return np.asarray(first + (day * 1440 + hour * 60 + minute).astype("timedelta64[m]"))


def _codes(sector: Sector, form: Codes, rng: np.random.Generator) -> Codes:
    """Number of the code of each event, in the order of all codes of all forms."""
    chance = rng.random(form.size)
    code = np.empty(form.size, dtype=np.intp)
    start = 0
    for f, entry in enumerate(sector.forms):
        mine = form == f
        edges = np.cumsum([c.share for c in entry.codes])
        code[mine] = start + np.minimum(np.searchsorted(edges, chance[mine], side="right"), len(entry.codes) - 1)
        start += len(entry.codes)
    return code


def _clients(sector: Sector, group: Codes, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Client of each event, and legal status of each client.

    The clients of a location in a year (a group) share its events by lognormal weights: a few have many.
    """
    events = np.bincount(group)
    pool = np.ceil(events / sector.events_per_client).astype(np.intp)
    weight = np.exp(sector.client_log_sd * rng.standard_normal(int(pool.sum())))
    edges = np.cumsum(weight)
    last = np.cumsum(pool) - 1
    upper = np.where(events > 0, edges[last], 0.0)
    lower = np.where(last >= pool, np.concatenate(([0.0], edges))[last - pool + 1], 0.0)
    at = lower[group] + rng.random(group.size) * (upper - lower)[group]
    client = np.searchsorted(edges, at, side="right").astype(np.intp)
    return np.minimum(client, last[group]), _statuses(sector, weight.size, rng)


def _statuses(sector: Sector, clients: int, rng: np.random.Generator) -> Codes:
    shares = [share for _, share in sector.legal_statuses]
    return rng.choice(len(shares), size=clients, p=shares).astype(np.intp)


def _one_begin_per_client(
    sector: Sector, client: Codes, status: Codes, begin: NDArray[np.datetime64], rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Give the second of two events that begin in the same minute for the same client to a client of its own."""
    tied = pd.DataFrame({"client": client, "begin": begin.astype("datetime64[s]")}).duplicated().to_numpy()
    extra = int(tied.sum())
    out = client.copy()
    out[tied] = status.size + np.arange(extra)
    return out, np.concatenate([status, _statuses(sector, extra, rng)])


def _ends(
    sector: Sector, setting: Codes, code: Codes, begin: NDArray[np.datetime64], rng: np.random.Generator
) -> NDArray[np.datetime64]:
    """End of each event to the minute; not a time where the code is a point in time."""
    normal = rng.standard_normal(code.size)
    forensic = np.array([s.name == "forensic" for s in sector.settings])[setting]
    hours = np.full(code.size, np.nan)
    for i, entry in enumerate(_all_codes(sector)):
        usual, there = entry.duration, entry.forensic_duration or entry.duration
        if usual is None or there is None:
            continue
        mine = code == i
        median = np.where(forensic[mine], there.median_hours, usual.median_hours)
        log_sd = np.where(forensic[mine], there.log_sd, usual.log_sd)
        hours[mine] = median * np.exp(log_sd * normal[mine])
    return begin + _minutes(np.minimum(hours, sector.longest_hours))


def _minutes(hours: Vector) -> NDArray[np.timedelta64]:
    minutes = np.full(hours.size, np.timedelta64("NaT"), dtype="timedelta64[m]")
    known = ~np.isnan(hours)
    minutes[known] = np.maximum(np.rint(hours[known] * 60.0), 1.0).astype("timedelta64[m]")
    return minutes


def _cut_at_next(
    end: NDArray[np.datetime64], client: Codes, form: Codes, begin: NDArray[np.datetime64]
) -> NDArray[np.datetime64]:
    """End no later than the next begin of the same form for the same client: nobody is locked in twice at once."""
    lasting = np.flatnonzero(~np.isnat(end))
    order = lasting[np.lexsort((begin[lasting], form[lasting], client[lasting]))]
    here, there = order[:-1], order[1:]
    same = (client[here] == client[there]) & (form[here] == form[there])
    out = end.copy()
    out[here[same]] = np.minimum(end[here[same]], begin[there[same]])
    return out
