"""Stretches of time in which a provider registers more or fewer than its own time and the others explain.

E12, a migration of the record system, moves every form at once; E13, a changed reporting code, one form against the
others, or the register against a second source; E19, the criterion of resistance, locking in at the turn of 2020. A
count alone does not say which of these it was, nor that it was not a real change: the tests say where to ask.
"""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Matrix
from dwangstats.data.checks.rule import has
from dwangstats.data.checks.traces.cells import Cells, register_cells
from dwangstats.data.checks.traces.movement import (
    LEAST_PROVIDERS,
    Tests,
    common_movement,
    components_of,
    odds_tests,
    q_values,
    rate_ratios,
    rate_tests,
    stretches,
)
from dwangstats.data.deliveries.standing import half_years_of
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import period_kind, sort_periods

#: share of what is marked that is expected to be chance; without any error, the chance of marking anything.
LEVEL: Final = 0.05
#: part of the log ratio of all forms that must remain without any one of them.
HELD: Final = 0.5
LOCKING_IN: Final = ("seclusion", "other_locking_in")
GROUP: Final = MappingProxyType(dict.fromkeys(LOCKING_IN, "locking_in"))
#: the Wvggz and the Wzd, with the criterion of resistance, came into force on the first day of this year.
CRITERION: Final = 2020

COLUMNS: Final = ("provider_id", "law", "form", "period", "first", "last", "registered", "expected", "ratio", "p", "q")


def simultaneous(tables: Tables, *, level: float = LEVEL, cells: Sequence[Cells] | None = None) -> pd.DataFrame:
    """Providers of which all forms together rise or fall for a while, or for good (E12; E13 when it meets every form).

    The rate inside a stretch (two quarters to a year, or everything after a break) against the provider's own rate in
    the rest of the time and the common movement of the providers. With any one form left out at least half of the log
    ratio must remain, so that no single form makes the shift. The clearest stretch of each provider is given.

    Parameters
    ----------
    tables : Tables
        With registrations; deliveries say which half-years are known, exposure gives bed-days.
    level : float
        False discovery rate over all providers and stretches (Benjamini and Hochberg, 1995).
    cells : sequence of Cells, optional
        `register_cells` of the same tables, where they were already counted.

    Returns
    -------
    DataFrame
        One row per quarter of the stretch: provider_id, law, form ("all"), period, first, last (quarters of the
        stretch), registered, expected (in the stretch), ratio, p, q. No rows with fewer than five providers.
    """
    parts = [_over_forms(part, level) for part in _counted(tables, cells)]
    return _joined(parts)


def after_migration(tables: Tables, *, cells: Sequence[Cells] | None = None) -> pd.DataFrame:
    """Providers whose record system changed on a known date, and what they registered in the year after it (E12).

    The four quarters from the one with the date on, against the provider's other time and the common movement. The date
    is the sign; the ratio says how much the migration moved, and q (over these providers only) whether that is beyond
    chance.

    Returns
    -------
    DataFrame
        Columns as for `simultaneous`, one row per quarter of the year after, for every provider with a date within the
        time of the register; figures are missing where too little is known.
    """
    dates = _migrations(tables.locations)
    if not dates:
        return _joined([])
    every = register_cells(tables) if cells is None else cells
    parts = [rows for part in every for rows in _migrated(part, dates)]
    found = _joined(parts)
    quarters = sorted({quarter for part in every for quarter in part.quarters})
    unseen = {name: moment for name, moment in dates.items() if name not in set(found["provider_id"])}
    return _joined([found, *(_unknown(name, moment, quarters) for name, moment in sorted(unseen.items()))])


def one_form(tables: Tables, *, level: float = LEVEL, cells: Sequence[Cells] | None = None) -> pd.DataFrame:
    """Providers of which one form rises or falls against the provider's other forms (E13).

    The odds of the form against the other forms inside a stretch, relative to those outside it and to what happened to
    the same odds at the other providers. A form that falls lifts the odds of all others, so that of each provider the
    clearest form is marked and no other. Columns as for `simultaneous`, one row per form and quarter.
    """
    parts = []
    for part in _counted(tables, cells):
        inside = stretches(len(part.quarters), 4)
        every, usual = part.counts.sum(axis=2), components_of(part.known, inside, ~inside, 4)
        forms = [part.counts[:, :, form] for form in range(len(part.forms))]
        tests = [odds_tests(counts, every - counts, part.known, inside, usual) for counts in forms]
        if len(tests) < 2:
            continue
        q = q_values(np.stack([test.p for test in tests]))
        parts += [_marked(part, test, test.p, q[f], inside, part.forms[f], level) for f, test in enumerate(tests)]
    return _clearest_form(_joined(parts))


def _clearest_form(found: pd.DataFrame) -> pd.DataFrame:
    """Of each provider the rows of the form with the smallest p."""
    if found.empty:
        return found
    smallest = found.groupby(["law", "provider_id"])["p"].transform("min")
    return found.loc[found["p"] == smallest]


def resistance(tables: Tables, *, level: float = LEVEL, cells: Sequence[Cells] | None = None) -> pd.DataFrame:
    """Providers of which locking in fell against the other forms when 2020 began, more than elsewhere (E19).

    The year before against the year after; only falls. What is usual from one year to the next is learnt from all pairs
    of years. A register that begins in 2020 or later has no trace of it: what
    is left is a slow return, which cannot be told from better registration. Columns as for `simultaneous`.
    """
    parts = []
    for part in _counted(tables, cells):
        first = f"{CRITERION}-Q1"
        inside, outside = _year_on_year(len(part.quarters))
        asked = [k for k, stretch in enumerate(inside) if part.quarters[int(np.argmax(stretch))] == first]
        if not asked:
            continue
        locking = np.isin(np.array(part.forms), LOCKING_IN)
        held, other = (part.counts[:, :, chosen].sum(axis=2) for chosen in (locking, ~locking))
        tests = odds_tests(held, other, part.known, inside, components_of(part.known, inside, outside, 4), outside)
        p = np.full(tests.z.shape, np.nan)
        p[:, asked] = tests.p_of_fall[:, asked]
        parts.append(_marked(part, tests, p, q_values(p), inside, "locking_in", level))
    return _joined(parts)


def second_source(tables: Tables, *, level: float = LEVEL) -> pd.DataFrame:
    """Providers that register a smaller or larger part of what a second source saw (E13, and E12).

    Of the events in the second source, the odds of standing in the register too, inside a stretch of half a year or a
    year (or after a break) relative to outside it and to the other linked providers. A real change moves both sources
    and is not marked. Columns as for `simultaneous`; periods are half-years.
    """
    frame = tables.second_source
    if not has(frame, "provider_id", "period", "both", "other_only") or frame.empty:
        return _joined([])
    frame = frame.loc[frame["provider_id"].notna() & frame["period"].notna()]
    frame = frame.loc[[period_kind(text) != "year" for text in frame["period"]]]
    halves = {text: half_years_of(text)[0] for text in frame["period"].unique()}
    table = (
        frame.assign(half=frame["period"].map(halves)).groupby(["provider_id", "half"])[["both", "other_only"]].sum()
    )
    providers = tuple(sorted(table.index.get_level_values(0).unique()))
    periods = sort_periods(halves.values())
    if len(periods) < 4:
        return _joined([])
    grid = pd.MultiIndex.from_product([providers, periods])
    whole = table.reindex(grid)
    shape = len(providers), len(periods)
    both, missed = (whole[name].to_numpy(dtype=np.float64).reshape(shape) for name in ("both", "other_only"))
    known = np.isfinite(both) & np.isfinite(missed)
    both, missed = np.nan_to_num(both), np.nan_to_num(missed)
    cells = Cells("", providers, periods, ("both",), both[:, :, None], known, both + missed)
    inside = stretches(len(periods), 2)
    tests = odds_tests(both, missed, known, inside, components_of(known, inside, ~inside, 2), least=1)
    return _joined([_marked(cells, tests, tests.p, q_values(tests.p), inside, "all", level)])


def _counted(tables: Tables, cells: Sequence[Cells] | None) -> list[Cells]:
    """Cells with enough providers to know what the others did."""
    every = register_cells(tables) if cells is None else cells
    return [part for part in every if len(part.providers) >= LEAST_PROVIDERS]


def _over_forms(cells: Cells, level: float) -> pd.DataFrame:
    inside = stretches(len(cells.quarters), 4)
    tests = _together(cells, inside)
    return _marked(cells, tests, tests.p, q_values(tests.p), inside, "all", level)


def _together(cells: Cells, inside: NDArray[np.bool_]) -> Tests:
    """Tests of all forms together; nothing stands out where one form makes up more than half of the log ratio."""
    every = cells.counts.sum(axis=2)
    usual = components_of(cells.known, inside, ~inside, 4)
    whole = rate_tests(every, _expected(cells, every), cells.known, inside, usual)
    forms = cells.counts.shape[2]
    if forms < 2:
        return whole
    least = HELD * np.abs(np.log(whole.ratio))
    held = np.ones(whole.z.shape, dtype=np.bool_)
    for form in range(forms):
        counts = every - cells.counts[:, :, form]
        rest = rate_ratios(counts, _expected(cells, counts), cells.known, inside)
        held &= np.sign(whole.z) * np.log(rest) >= least
    return replace(whole, z=np.where(held | np.isnan(whole.z), whole.z, 0.0))


def _expected(cells: Cells, counts: Matrix) -> Matrix:
    """What the common movement of the providers makes expected, up to a factor per provider, (P, T)."""
    return np.asarray(cells.exposure * np.exp(common_movement(counts, cells.exposure, cells.known)))


def _marked(
    cells: Cells,
    tests: Tests,
    p: Matrix,
    q: Matrix,
    inside: NDArray[np.bool_],
    form: str,
    level: float,
) -> pd.DataFrame:
    """The clearest stretch of each provider, a row per period of it, where its q-value is small enough."""
    marked = np.flatnonzero((q <= level).any(axis=1))
    return _joined([_rows(cells, tests, p, q, inside, form, i, int(np.nanargmin(p[i]))) for i in marked.tolist()])


def _rows(
    cells: Cells,
    tests: Tests,
    p: Matrix,
    q: Matrix,
    inside: NDArray[np.bool_],
    form: str,
    provider: int,
    stretch: int,
) -> pd.DataFrame:
    """One stretch of one provider, a row per period."""
    chosen = [i for i, name in enumerate(cells.forms) if form in ("all", name, GROUP.get(name))]
    times = np.flatnonzero(inside[stretch])
    seen = inside[stretch] & cells.known[provider]
    registered = float(cells.counts[provider][seen][:, chosen].sum())
    ratio = float(tests.ratio[provider, stretch])
    names = {"provider_id": cells.providers[provider], "law": cells.law, "form": form}
    ends = {"first": cells.quarters[times[0]], "last": cells.quarters[times[-1]]}
    figures = {"registered": registered, "expected": (registered + 0.5) / ratio, "ratio": ratio}
    chance = {"p": float(p[provider, stretch]), "q": float(q[provider, stretch])}
    rows = [{**names, "period": cells.quarters[time], **ends, **figures, **chance} for time in times]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    empty = pd.DataFrame(columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[:6], "str"))
    empty = empty.astype(dict.fromkeys(COLUMNS[6:], "float64"))
    return pd.concat(filled, ignore_index=True) if filled else empty


def _year_on_year(quarters: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Every run of four quarters, and the four quarters before it, both (W, T)."""
    place = np.arange(quarters)
    starts = range(4, quarters - 3)
    inside = [(place >= start) & (place < start + 4) for start in starts]
    outside = [(place >= start - 4) & (place < start) for start in starts]
    shape = len(starts), quarters
    return np.array(inside, dtype=np.bool_).reshape(shape), np.array(outside, dtype=np.bool_).reshape(shape)


def _migrations(locations: pd.DataFrame | None) -> dict[str, pd.Timestamp]:
    """First day on a new record system, of each provider that has one."""
    if locations is None or not {"provider_id", "ehr_migrated_on"} <= set(locations.columns):
        return {}
    dates = pd.to_datetime(locations["ehr_migrated_on"]).groupby(locations["provider_id"]).min().dropna()
    return {str(provider): moment for provider, moment in dates.items()}


def _migrated(cells: Cells, dates: dict[str, pd.Timestamp]) -> list[pd.DataFrame]:
    """The year after each migration of a provider with registrations."""
    inside, owner = _years_after(cells, dates)
    if owner.size == 0:
        return []
    every = np.concatenate([stretches(len(cells.quarters), 4), inside])
    tests = _together(cells, every)
    asked = np.zeros(tests.z.shape, dtype=np.bool_)
    asked[owner, len(every) - owner.size + np.arange(owner.size)] = True
    p = np.where(asked, tests.p, np.nan)
    q = q_values(p)
    stretch = len(every) - owner.size + np.arange(owner.size)
    pairs = zip(owner.tolist(), stretch.tolist(), strict=True)
    return [_rows(cells, tests, p, q, every, "all", i, k) for i, k in pairs]


def _unknown(provider: str, moment: pd.Timestamp, quarters: list[str]) -> pd.DataFrame:
    """The year after a migration of a provider of which no registrations are known."""
    first = _quarter_of(moment)
    if first not in quarters:
        return _joined([])
    times = quarters[quarters.index(first) :][:4]
    rows = [{"provider_id": provider, "law": "", "form": "all", "period": text} for text in times]
    frame = pd.DataFrame(rows).assign(first=times[0], last=times[-1])
    return frame.reindex(columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[6:], "float64"))


def _quarter_of(moment: pd.Timestamp) -> str:
    return f"{moment.year}-Q{(moment.month + 2) // 3}"


def _years_after(cells: Cells, dates: dict[str, pd.Timestamp]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """The year after each migration as a stretch (W, T), and the number of its provider (W,)."""
    inside, owner = [], []
    for number, provider in enumerate(cells.providers):
        moment = dates.get(provider)
        if moment is None:
            continue
        text = _quarter_of(moment)
        if text in cells.quarters:
            place = cells.quarters.index(text)
            inside.append((np.arange(len(cells.quarters)) >= place) & (np.arange(len(cells.quarters)) < place + 4))
            owner.append(number)
    return np.array(inside, dtype=np.bool_).reshape(len(owner), len(cells.quarters)), np.array(owner, dtype=np.intp)
