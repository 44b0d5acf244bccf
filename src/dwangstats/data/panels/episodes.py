"""From registrations with a begin and an end to episodes, and from episodes to interventions.

An episode is an uninterrupted period in which someone undergoes a measure of one form. An intervention is one or more
episodes with interruptions of at most some hours, 24 by rule (Argus minimal data set; public indicators of Dutch mental
health care). Registrations that overlap or touch are one episode: time is united, never added up.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.data.reading.aggregate import analysis_form
from dwangstats.data.register.clock import LONGEST_GAP, Moments, elapsed, ends_on_its_day
from dwangstats.data.register.codes import Definition
from dwangstats.errors import DataError, DomainError

OpenEnd: TypeAlias = Literal["at begin", "until next"]
Kind: TypeAlias = Literal["interval", "point", "open", "unusable"]

GAP_HOURS: Final = 24.0
POINT_FORMS: Final = ("medication",)
"""Forms of which no end need be registered: without one they are moments, not open."""

HOUR: Final = np.timedelta64(3_600_000_000, "us")
DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Registrations, each with the episode and the intervention it belongs to.

    Attributes
    ----------
    labels : DataFrame
        Index of the registrations; kind ("interval"; "point" without a duration; "open" without the end it should have;
        "unusable" without a begin or with an end before it), episode and intervention (number from 0; -1 where
        unusable), leads (the first registration of its intervention), day_only (begin and end carry no time of day),
        clock_twice and clock_skipped (a time on a night in which the clock changed). No client in it.
    table : DataFrame
        One row per intervention: provider_id, form, begin (Dutch clock time), registrations, episodes, open (number of
        registrations without the end they should have), hours (united time of its intervals; the open ones add none).
    gap_hours : float
    """

    labels: pd.DataFrame
    table: pd.DataFrame
    gap_hours: float

    @property
    def hours(self) -> float:
        """United hours of all interventions."""
        return float(self.table["hours"].sum())


def find_episodes(
    registrations: pd.DataFrame,
    *,
    gap_hours: float = GAP_HOURS,
    definition: Definition = "D2",
    open_end: OpenEnd = "at begin",
) -> Episodes:
    """Label registrations with their episode and intervention.

    Parameters
    ----------
    registrations : DataFrame
        provider_id, client_id, begin, and intervention_code or form; optional end, law and planned. Times are Dutch
        clock times; a begin and end without time of day stand for whole days, the last one included, and so does an
        end without time of day on the day of a begin with one. Planned and unplanned measures are never one episode.
    gap_hours : float
        Longest interruption within an intervention, from 0 to a year. Exactly this long is still an interruption.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion.
    open_end : {"at begin", "until next"}
        Where an end is missing that should be there: the measure is known at its begin only, so that a later one is a
        new intervention once the gap has passed; or it went on until the same client's next one of the same form.

    Returns
    -------
    Episodes

    Raises
    ------
    DomainError
        If gap_hours is no number from 0 to the hours of a year, or an option is unknown.
    DataError
        If a column is missing, or registrations name no client: whose measures these are is then not known.
    """
    _check(registrations, gap_hours, open_end)
    form = analysis_form(registrations, definition)
    spans = _spans(registrations, form)
    member = _members(registrations, form)
    order = _ordered(spans, member)
    episode, intervention = _numbered(spans, member, order, gap_hours, open_end)
    leads = np.zeros(len(registrations), dtype=np.bool_)
    leads[order] = np.diff(intervention[order], prepend=-1) != 0
    labels = pd.DataFrame(
        {
            "kind": spans.kind,
            "episode": episode,
            "intervention": intervention,
            "leads": leads,
            "day_only": spans.day_only,
            "clock_twice": spans.twice,
            "clock_skipped": spans.skipped,
        },
        index=registrations.index,
    )
    return Episodes(labels, _table(registrations, form, labels, spans), float(gap_hours))


def gap_problem(gap_hours: object) -> str:
    """Why this is no length of an interruption, in a sentence; empty where it is one."""
    number = isinstance(gap_hours, (int, float, np.number)) and not isinstance(gap_hours, bool)
    if number and 0.0 <= gap_hours <= LONGEST_GAP:  # type: ignore[operator]
        return ""
    return f"gap_hours must be a number of hours from 0 to {LONGEST_GAP:.0f} (a year), got {gap_hours!r}"


def united_hours(begin: Moments, end: Moments, group: Codes) -> Vector:
    """Hours in which at least one of a group's intervals runs.

    Parameters
    ----------
    begin, end : (n,) arrays of datetime64
        On a scale without jumps, begin <= end.
    group : (n,) array of int
        0 .. G - 1.

    Returns
    -------
    (G,) array
    """
    size = int(group.max()) + 1 if group.size else 0
    order = np.lexsort((begin, group))
    b, e, g = begin[order], end[order], group[order]
    reach = _reached(e, g)
    before = np.where(np.diff(g, prepend=-1) == 0, np.concatenate([reach[:1], reach[:-1]]), b)
    added = (np.maximum(e, before) - np.maximum(b, before)) / HOUR
    return np.bincount(g, weights=np.maximum(added, 0.0), minlength=size).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Begin and end on a scale without jumps, (n,) each; the end of a point or open registration is its begin."""

    begin: Moments
    end: Moments
    kind: NDArray[np.object_]
    day_only: NDArray[np.bool_]
    twice: NDArray[np.bool_]
    skipped: NDArray[np.bool_]


def _check(registrations: pd.DataFrame, gap_hours: float, open_end: str) -> None:
    wrong = gap_problem(gap_hours)
    if wrong:
        raise DomainError(wrong)
    if open_end not in get_args(OpenEnd):
        raise DomainError(f"open_end must be one of {', '.join(get_args(OpenEnd))}, got {open_end!s}")
    absent = [name for name in ("provider_id", "client_id", "begin") if name not in registrations.columns]
    if not {"intervention_code", "form"} & set(registrations.columns):
        absent.append("intervention_code or form")
    if absent:
        raise DataError(f"Episodes cannot be found without the column {', '.join(absent)}.")
    nobody = registrations["client_id"].isna().to_numpy()
    if nobody.any():
        first = ", ".join(str(row) for row in registrations.index[nobody][:5])
        raise DataError(
            f"{int(nobody.sum())} of {len(registrations)} registrations name no client (first rows: {first}), so it is "
            "not known which of them belong together. Give every registration a pseudonym, or count registrations."
        )


def _spans(registrations: pd.DataFrame, form: NDArray[np.object_]) -> _Spans:
    begin = registrations["begin"].to_numpy(dtype="datetime64[us]")
    ends = registrations["end"] if "end" in registrations.columns else pd.Series(pd.NaT, index=registrations.index)
    end = ends.to_numpy(dtype="datetime64[us]")
    ended, begun = ~np.isnat(end), ~np.isnat(begin)
    day_only = begun & _at_midnight(begin) & (~ended | _at_midnight(end))
    # A date stands for the whole day: the end of an interval in dates is the end of its last day.
    whole_day = (day_only & ended) | ends_on_its_day(begin, end)
    first, last = elapsed(begin, "first"), elapsed(np.where(whole_day, end + DAY, end), "second")
    wrong = begun & ended & (last.utc < first.utc)
    point = np.isin(form, POINT_FORMS) & ~ended
    kind = np.full(len(registrations), "interval", dtype=object)
    kind[~ended] = "open"
    kind[point] = "point"
    kind[~begun | wrong] = "unusable"
    return _Spans(
        begin=first.utc,
        end=np.where(kind == "interval", last.utc, first.utc),
        kind=kind,
        day_only=day_only,
        twice=first.twice | (last.twice & ended),
        skipped=first.skipped | (last.skipped & ended),
    )


def _at_midnight(moments: Moments) -> NDArray[np.bool_]:
    return np.asarray(moments == moments.astype("datetime64[D]"), dtype=np.bool_)


def _members(registrations: pd.DataFrame, form: NDArray[np.object_]) -> Codes:
    """Number of each combination of provider, client, law, planned and form, (n,)."""
    names = [name for name in ("provider_id", "client_id", "law", "planned") if name in registrations.columns]
    keys = [pd.factorize(registrations[name])[0] for name in names]
    keys.append(pd.factorize(form)[0])
    combined = pd.MultiIndex.from_arrays(keys)
    return np.asarray(pd.factorize(combined)[0], dtype=np.intp)


def _ordered(spans: _Spans, member: Codes) -> Codes:
    """Usable rows by member and begin; equal begins longest first, then as they came."""
    usable = np.flatnonzero(spans.kind != "unusable")
    length = (spans.end - spans.begin)[usable]
    return usable[np.lexsort((usable, -length.astype(np.int64), spans.begin[usable], member[usable]))]


def _numbered(spans: _Spans, member: Codes, order: Codes, gap_hours: float, open_end: OpenEnd) -> tuple[Codes, Codes]:
    """Episode and intervention of every row, (n,) each, numbered by member and begin; -1 where unusable."""
    b, e, g = spans.begin[order], spans.end[order], member[order]
    same = np.diff(g, prepend=-1) == 0
    if open_end == "until next":
        following = np.concatenate([b[1:], e[-1:]])
        stays = np.concatenate([same[1:], [False]])
        e = np.where((spans.kind[order] == "open") & stays, np.maximum(e, following), e)
    reach = _reached(e, g)
    gap = np.where(same, b - np.concatenate([reach[:1], reach[:-1]]), np.timedelta64(0, "us"))
    longest = np.timedelta64(round(gap_hours * 3_600_000_000), "us")
    found = []
    for apart in (gap > np.timedelta64(0, "us"), gap > longest):
        number = np.full(spans.kind.size, -1, dtype=np.intp)
        number[order] = np.cumsum(apart | ~same) - 1
        found.append(number)
    return found[0], found[1]


def _reached(end: Moments, group: Codes) -> Moments:
    """Latest end so far within each group, rows sorted by group."""
    micros = pd.Series(end.astype("datetime64[us]").astype(np.int64))
    return micros.groupby(group).cummax().to_numpy().astype("datetime64[us]")


def _table(registrations: pd.DataFrame, form: NDArray[np.object_], labels: pd.DataFrame, spans: _Spans) -> pd.DataFrame:
    used = labels["kind"].to_numpy() != "unusable"
    number = labels["intervention"].to_numpy()[used]
    rows = pd.DataFrame(
        {
            "intervention": number,
            "episode": labels["episode"].to_numpy()[used],
            "open": labels["kind"].to_numpy()[used] == "open",
        }
    )
    grouped = rows.groupby("intervention")
    lead = registrations.loc[labels["leads"].to_numpy()]
    at = number[labels["leads"].to_numpy()[used]]
    table = pd.DataFrame(
        {
            "provider_id": lead["provider_id"].to_numpy(),
            "form": form[labels["leads"].to_numpy()],
            "begin": lead["begin"].to_numpy(),
        },
        index=at,
    ).sort_index()
    return table.assign(
        registrations=grouped.size(),
        episodes=grouped["episode"].nunique(),
        open=grouped["open"].sum(),
        hours=united_hours(spans.begin[used], spans.end[used], number),
    ).rename_axis("intervention")
