"""Layer 7b: errors in single registrations, each with its row in the truth table.

Every error draws from a stream of its own, so that switching one off leaves the places of the others. A registration
gets at most one error that changes its end or its number of rows, and what is registered twice has no error before it
is copied; wrong codes, laws and locations may fall on the same row as a wrong end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.data.register.periods import period_of
from dwangstats.worlds.lapses import rounded_up
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import AFTER, BEFORE
from dwangstats.worlds.planted import ErrorParameters, planted_in_rows
from dwangstats.worlds.quarters import Calendar

ROOMS: Final = ("124061000146109", "124041000146108", "124051000146106", "124071000146103")
ROOM_NOT_SPECIFIED: Final = "90278001"
OWN_ROOM: Final = "124051000146106"
OTHER_LAW: Final = {"WVGGZ": "WZD", "WZD": "WVGGZ"}
#: From this day the citizen service number is in the delivery (Stb. 2021, 468).
LINKED_FROM: Final = pd.Timestamp(2021, 11, 1)
SHIFT_HOURS: Final = (8, 16, 23)
#: Applications this long are cut up where every interruption is registered.
INTERRUPTED_HOURS: Final = 4.0

Mask: TypeAlias = NDArray[np.bool_]
Step: TypeAlias = tuple[pd.DataFrame, pd.DataFrame]
"""The registrations after an error was planted, and its truth table."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the errors need to know beside the registrations.

    Attributes
    ----------
    network : Network
    calendar : Calendar
    migration_year : (P, T) first year on a new record system.
    """

    network: Network
    calendar: Calendar
    migration_year: Mask

    def progress(self, frame: pd.DataFrame) -> Vector:
        """0 until the year before, 1 from the year after on, by the year of begin."""
        year = frame["begin"].dt.year.to_numpy(dtype=np.float64)
        return np.asarray(np.clip((year - BEFORE) / (AFTER - BEFORE), 0.0, 1.0))

    def carelessness(self, frame: pd.DataFrame, plan: ErrorParameters) -> Vector:
        """What a share of errors is multiplied by at the provider of each row; the mean over providers is one."""
        provider = pd.Index(self.network.provider_ids).get_indexer(pd.Index(frame["provider_id"]))
        effect = plan.quality_effect
        return np.asarray(np.exp(-effect * self.network.quality - 0.5 * effect**2))[provider]


def plant_errors(
    registrations: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Plant the errors of single registrations.

    Returns
    -------
    registrations : DataFrame
        With source_id; ordered by provider and begin; a row that was added has a number after all others.
    planted : list of DataFrame
        One truth table per error.
    """
    frame = registrations.assign(source_id="s" + registrations["registration_id"].str[1:], touched=False)
    steps: tuple[Callable[[pd.DataFrame, Site, ErrorParameters, np.random.Generator], Step], ...] = (
        _never_closed,
        _closed_late,
        _open_at_discharge,
        _without_location,
        _wrong_room,
        _wrong_law,
        _several_numbers,
        _interrupted,
        _twice,
        _planned_blocks,
        _date_only,
    )
    planted = []
    for step, stream in zip(steps, rng.spawn(len(steps)), strict=True):
        frame, note = step(frame, site, plan, stream)
        planted.append(note)
    ordered = frame.sort_values(["provider_id", "begin", "registration_id"], kind="stable")
    return ordered.drop(columns="touched").reset_index(drop=True), planted


def _lasting(frame: pd.DataFrame) -> Mask:
    return np.asarray(frame["end"].notna() & ~frame["touched"], dtype=np.bool_)


def _secluded(frame: pd.DataFrame) -> Mask:
    return np.asarray(frame["intervention_code"].isin([*ROOMS, ROOM_NOT_SPECIFIED]), dtype=np.bool_)


def _touch(frame: pd.DataFrame, rows: Mask) -> pd.DataFrame:
    return frame.assign(touched=frame["touched"].to_numpy(dtype=np.bool_) | rows)


def _never_closed(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E1: no end, or the end of the half-year that an export fills in."""
    before, after = plan.never_closed_before, plan.never_closed_after
    share = (before + (after - before) * site.progress(frame)) * site.carelessness(frame, plan)
    drawn, filled = rng.random((2, len(frame)))
    rows = _lasting(frame) & _secluded(frame) & (drawn < share)
    by_export = rows & (filled < plan.never_closed_filled)
    end = frame["end"].mask(pd.Series(rows, index=frame.index)).mask(by_export, _half_year_end(frame["begin"]))
    notes = pd.concat(
        [
            planted_in_rows("E1", frame.loc[rows & ~by_export], "changed", "end missing"),
            planted_in_rows("E1", frame.loc[by_export], "changed", "end of the half-year filled in"),
        ]
    )
    return _touch(frame.assign(end=end), rows), notes


def _half_year_end(begin: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    first = begin.dt.month <= 6
    year = begin.dt.year.astype(str)
    text = (year + "-06-30T23:59").where(first, year + "-12-31T23:59")
    return pd.to_datetime(text).astype(begin.dtype)


def _closed_late(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E2: closed at a change of shift after the delay."""
    rows = _lasting(frame) & (rng.random(len(frame)) < plan.closed_late * site.carelessness(frame, plan))
    delay = plan.closed_late_hours * np.exp(plan.closed_late_sd * rng.standard_normal(len(frame)))
    late = frame["end"] + pd.to_timedelta(np.rint(60.0 * delay), unit="min")
    end = frame["end"].mask(rows, _next_shift(late).astype(frame["end"].dtype))
    return _touch(frame.assign(end=end), rows), planted_in_rows("E2", frame.loc[rows], "changed", "change of shift")


def _next_shift(moment: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """The first of 08:00, 16:00, 23:00 at or after each moment."""
    day = moment.dt.normalize()
    shifts = [day + pd.Timedelta(hours=h) for h in (*SHIFT_HOURS, 24 + SHIFT_HOURS[0])]
    chosen = shifts[-1]
    for shift in reversed(shifts[:-1]):
        chosen = shift.where(moment <= shift, chosen)
    return chosen


def _open_at_discharge(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E3: the client's next registration is at another location of the provider, and only then comes the end."""
    following = _next_of_client(frame)
    drawn, days = rng.random(len(frame)), rng.integers(1, 10, size=len(frame))
    begin, end, location = (frame[name].to_numpy(copy=True) for name in ("begin", "end", "location_id"))
    possible = np.flatnonzero(_lasting(frame) & (following >= 0))
    possible = possible[begin[following[possible]] > end[possible]]
    possible = possible[np.argsort(drawn[possible], kind="stable")]
    possible = possible[~frame["client_id"].iloc[possible].duplicated().to_numpy()]
    wanted = rounded_up(plan.open_at_discharge, int(_lasting(frame).sum()))
    rows = np.zeros(len(frame), dtype=np.bool_)
    for row in possible:
        elsewhere = _other_location(site, str(location[row]), begin[following[row]])
        if rows.sum() == wanted:
            break
        if elsewhere is not None:
            end[row] = begin[following[row]] + np.timedelta64(int(days[row]), "D")
            location[following[row]] = elsewhere
            rows[row] = True
    note = planted_in_rows("E3", frame.loc[rows], "changed", "end after activity at another location")
    return _touch(frame.assign(end=end, location_id=location), rows), note


def _next_of_client(frame: pd.DataFrame) -> Codes:
    """Position of the next registration of the same client, -1 for the last one."""
    client = pd.factorize(frame["client_id"])[0]
    order = np.lexsort((frame["begin"].to_numpy(), client))
    following = np.full(len(frame), -1, dtype=np.intp)
    same = (client[order[:-1]] == client[order[1:]]) & (client[order[1:]] >= 0)
    following[order[:-1][same]] = order[1:][same]
    return following


def _other_location(site: Site, location: str, moment: np.datetime64) -> str | None:
    """Another location of the same provider that is open at a moment."""
    network = site.network
    here = int(np.flatnonzero(network.location_ids == location)[0])
    quarter = int(np.searchsorted(site.calendar.starts.to_numpy(), moment, side="right")) - 1
    others = (network.provider == network.provider[here]) & (network.first <= quarter) & (network.last >= quarter)
    others[here] = False
    found = np.flatnonzero(others)
    return str(network.location_ids[found[0]]) if found.size else None


def _without_location(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E6: the trace that is left of measures without a location number."""
    rows = rng.random(len(frame)) < plan.without_location * site.carelessness(frame, plan)
    note = planted_in_rows("E6", frame.loc[rows], "changed", "location missing")
    return frame.assign(location_id=frame["location_id"].mask(rows)), note


def _wrong_room(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E7: another room, or the room not specified."""
    drawn, other = rng.random((2, len(frame)))
    before, after = plan.unspecified_before, plan.unspecified_after
    careless = site.carelessness(frame, plan)
    unspecified = (before + (after - before) * site.progress(frame)) * careless
    code = frame["intervention_code"]
    known = code.isin(ROOMS).to_numpy()
    place = code.map({room: i for i, room in enumerate(ROOMS)}).fillna(0).to_numpy(dtype=np.int64)
    shifted = (place + 1 + np.floor(3.0 * other).astype(np.int64)) % len(ROOMS)
    vague = known & (drawn < unspecified)
    wrong = known & ~vague & (drawn < unspecified + plan.wrong_room * careless)
    new = code.mask(vague, ROOM_NOT_SPECIFIED).mask(wrong, pd.Series(np.array(ROOMS)[shifted], index=frame.index))
    notes = pd.concat(
        [
            planted_in_rows("E7", frame.loc[vague], "changed", "room not specified"),
            planted_in_rows("E7", frame.loc[wrong], "changed", "another room"),
        ]
    )
    return _touch(frame.assign(intervention_code=new), vague | wrong), notes


def _wrong_law(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E8: the other of the two laws for adults; the form may not exist there."""
    mixable = frame["law"].isin(OTHER_LAW).to_numpy(dtype=np.bool_)
    rows = mixable & (rng.random(len(frame)) < plan.wrong_law * site.carelessness(frame, plan))
    law = frame["law"].mask(rows, frame["law"].map(OTHER_LAW))
    return _touch(frame.assign(law=law), rows), planted_in_rows("E8", frame.loc[rows], "changed", "other law")


def _several_numbers(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E16: before clients could be linked, some of the registrations of a client have a second number."""
    early = (frame["begin"] < LINKED_FROM).to_numpy(dtype=np.bool_)
    clients = np.sort(frame.loc[early, "client_id"].dropna().unique().astype(str))
    split = clients[rng.random(clients.size) < plan.several_numbers]
    rows = early & frame["client_id"].isin(split).to_numpy() & (rng.random(len(frame)) < 0.5)
    second = "d" + frame["client_id"].str[1:]
    note = planted_in_rows("E16", frame.loc[rows], "changed", "second number of a client")
    return _touch(frame.assign(client_id=frame["client_id"].mask(rows, second)), rows), note


def _interrupted(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E18: at some providers every interruption of a long application begins a new registration.

    What crosses into the next half-year is left whole: its pieces would belong to two deliveries.
    """
    ids = site.network.provider_ids
    mine = rng.permutation(ids)[: rounded_up(plan.interrupting, ids.size)]
    long = ((frame["end"] - frame["begin"]) >= pd.Timedelta(hours=INTERRUPTED_HOURS)).to_numpy(dtype=np.bool_)
    within = (frame["end"] <= _half_year_end(frame["begin"])).to_numpy(dtype=np.bool_)
    rows = _lasting(frame) & long & within & frame["provider_id"].isin(mine).to_numpy()
    rows &= rng.random(len(frame)) < plan.interrupted
    if not rows.any():
        return frame, planted_in_rows("E18", frame.loc[rows], "changed")
    whole = frame.loc[rows]
    pieces = 2 + np.minimum(rng.poisson(1.0, size=len(whole)), 3)
    cut = whole.loc[np.repeat(whole.index.to_numpy(), pieces)]
    number = cut.groupby(level=0).cumcount().to_numpy()
    length = (cut["end"] - cut["begin"]) / pd.Series(pieces, index=whole.index).reindex(cut.index)
    begin = (cut["begin"] + length * number).dt.floor("min")
    gap = pd.to_timedelta(rng.integers(10, 21, size=len(cut)), unit="min")
    last = number == pieces.repeat(pieces) - 1
    end = cut["end"].where(last, (begin + length).dt.floor("min") - gap)
    cut = cut.assign(begin=begin.astype(frame["begin"].dtype), end=end.astype(frame["end"].dtype), touched=True)
    extra = _numbered(cut.loc[number > 0], frame, "registration_id")
    extra = _numbered(extra, frame, "source_id")
    out = frame.copy()
    out.loc[whole.index, ["end", "touched"]] = cut.loc[number == 0, ["end", "touched"]]
    notes = pd.concat(
        [
            planted_in_rows("E18", whole, "changed", "cut at interruptions"),
            planted_in_rows("E18", extra, "added", "after an interruption"),
        ]
    )
    return pd.concat([out, extra], ignore_index=True), notes


def _twice(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E5: entered twice from one source, or by two services some minutes apart."""
    provider = pd.Index(site.network.provider_ids).get_indexer(pd.Index(frame["provider_id"]))
    quarters = pd.Index(site.calendar.quarters)
    kind = site.calendar.kind
    quarter = quarters.get_indexer(pd.Index(period_of(frame["begin"], kind)))
    share = np.where(site.migration_year[provider, quarter], plan.duplicated_in_migration, plan.duplicated)
    drawn, source = rng.random((2, len(frame)))
    minutes = rng.integers(-10, 11, size=len(frame))
    rows = ~frame["touched"].to_numpy(dtype=np.bool_) & (drawn < share * site.carelessness(frame, plan))
    same = source < plan.duplicated_same_source
    shift = pd.Series(pd.to_timedelta(np.where(same, 0, minutes), unit="min"), index=frame.index)
    begin = frame["begin"] + shift
    inside = (period_of(begin, kind) == period_of(frame["begin"], kind)).to_numpy(dtype=np.bool_)
    begin = begin.where(inside, frame["begin"]).astype(frame["begin"].dtype)
    end = frame["end"].mask((frame["end"] < begin).to_numpy(dtype=np.bool_), begin)
    copies = _numbered(frame.assign(begin=begin, end=end, touched=True).loc[rows], frame, "registration_id")
    own_source = _numbered(copies, frame, "source_id")["source_id"]
    copies = copies.assign(source_id=copies["source_id"].where(same[rows], own_source))
    twin = frame.loc[rows, "registration_id"].to_numpy()
    note = planted_in_rows("E5", copies, "added").assign(detail=[f"as {name}" for name in twin])
    return pd.concat([_touch(frame, rows), copies], ignore_index=True), note


def _planned_blocks(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E9: two to four clients of one location, in their rooms at the same hours, every day of a quarter.

    Where a register tells planned from unplanned, a share of what was planned is registered as unplanned.
    """
    if "planned" in frame.columns:
        planned = frame["planned"].to_numpy(dtype=np.bool_)
        rows = planned & ~frame["touched"].to_numpy(dtype=np.bool_) & (rng.random(len(frame)) < plan.planned_blocks)
        note = planted_in_rows("E9", frame.loc[rows], "changed", "planned registered as unplanned")
        return _touch(frame.assign(planned=planned & ~rows), rows), note
    places = frame.loc[frame["location_id"].notna() & (frame["law"].isin(OTHER_LAW))]
    places = places.assign(quarter=period_of(places["begin"], "quarter"))
    keys = places[["location_id", "quarter"]].drop_duplicates().sort_values(["location_id", "quarter"])
    keys = keys.iloc[rng.permutation(len(keys))].drop_duplicates("location_id")
    blocks: list[pd.DataFrame] = []
    for location, quarter in keys.head(_blocks(site, plan)).itertuples(index=False):
        model = places.loc[(places["location_id"] == location) & (places["quarter"] == quarter)].iloc[[0]]
        blocks.append(_one_block(model.drop(columns="quarter"), str(quarter), len(blocks), site, rng))
    if not blocks:
        return frame, planted_in_rows("E9", frame.iloc[:0], "added")
    extra = _numbered(_numbered(pd.concat(blocks), frame, "registration_id"), frame, "source_id")
    note = planted_in_rows("E9", extra, "added", "standing daily block")
    return pd.concat([frame, extra], ignore_index=True), note


def _blocks(site: Site, plan: ErrorParameters) -> int:
    return rounded_up(plan.planned_blocks, site.network.location_ids.size)


def _one_block(model: pd.DataFrame, quarter: str, number: int, site: Site, rng: np.random.Generator) -> pd.DataFrame:
    place = site.calendar.quarters.index(quarter)
    clients, hour = int(rng.integers(2, 5)), int(rng.integers(19, 23))
    days = np.tile(np.arange(int(site.calendar.days[place])), clients)
    begin = site.calendar.starts[place] + pd.to_timedelta(24 * days + hour, unit="h")
    rows = model.loc[np.repeat(model.index.to_numpy(), days.size)]
    return rows.assign(
        client_id=[f"b{number:03d}{client:03d}" for client in np.repeat(np.arange(clients), days.size // clients)],
        intervention_code=OWN_ROOM,
        begin=pd.Series(begin, index=rows.index).astype(model["begin"].dtype),
        end=pd.Series(begin + pd.Timedelta(hours=10), index=rows.index).astype(model["end"].dtype),
        touched=True,
    )


def _date_only(frame: pd.DataFrame, site: Site, plan: ErrorParameters, rng: np.random.Generator) -> Step:
    """E17: at some providers begin and end are days."""
    ids = site.network.provider_ids
    mine = rng.permutation(ids)[: rounded_up(plan.date_only, ids.size)]
    rows = frame["provider_id"].isin(mine).to_numpy(dtype=np.bool_)
    days = {name: frame[name].mask(rows, frame[name].dt.normalize()) for name in ("begin", "end")}
    return frame.assign(**days), planted_in_rows("E17", frame.loc[rows], "changed", "date without a time")


def _numbered(rows: pd.DataFrame, frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows with numbers that come after those of the frame."""
    last = int(frame[column].str[1:].astype(np.int64).max())
    letter = str(frame[column].iloc[0])[0]
    return rows.assign(**{column: [f"{letter}{last + 1 + i:06d}" for i in range(len(rows))]})
