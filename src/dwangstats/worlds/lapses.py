"""Layer 4b: quarters in which a provider registers less than its quality says, or nothing at all.

Errors of this kind remove registrations and leave nothing to point at, so they lower completeness before anything is
counted; the audit and the second source then see what the register misses.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes
from dwangstats.errors import DomainError
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.events import Cube
from dwangstats.worlds.planted import ErrorParameters, nothing_planted, planted_at_places
from dwangstats.worlds.quarters import Calendar

#: A migration, or a change of a code, is felt in this many quarters.
QUARTERS_AFTER = 4
#: The criterion of resistance came with the Wvggz; completeness has recovered three years later.
RESISTANCE_FROM, RESISTANCE_YEARS = 2020.0, 3.0
#: Forms of locking in, article 3:2 paragraph 2 under c of the Wvggz.
LOCKING_IN = ("seclusion", "other_locking_in")
#: Forms that are easily not seen as forced care, under d to i.
UNSEEN = ("other",)


@dataclass(frozen=True, slots=True)
class PatternParameters:
    """Providers that report nothing for a while although there were events; shares are rounded up.

    The types are those of the English studies of complete, partial, joining and null reporters (Reid and Price 2022,
    2024); the shares are assumptions, with 8 % of providers silent in the first year and 3 % always.

    Attributes
    ----------
    silent : float
        Share of providers that never report; in England the largest are among them.
    joiners : float
        Share that reports nothing in the first year and everything it registers afterwards.
    leavers : float
        Share that reports nothing from a half-year of the last year on.
    flickering : float
        Share that reports nothing in half-years drawn at random.
    undeclared : float
        Share of these providers that send an empty file, which is accepted, for a half-year in which they report
        nothing; the others declare "nothing to report". Only the first look like providers with nothing to register.
    """

    silent: float = 0.03
    joiners: float = 0.05
    leavers: float = 0.03
    flickering: float = 0.03
    undeclared: float = 0.0

    def __post_init__(self) -> None:
        shares = _shares(self)
        if not 0.0 <= self.undeclared <= 1.0:
            raise DomainError(f"undeclared must be a share between 0 and 1, got {self.undeclared}")
        if min(shares) < 0.0 or sum(shares) > 1.0:
            raise DomainError(f"shares of reporting patterns must be at least 0 and add up to at most 1, got {shares}")


@dataclass(frozen=True, slots=True)
class Lapses:
    """What is left of completeness.

    Attributes
    ----------
    factor : (P, T, F) in [0, 1].
    planted : DataFrame
        One row per provider and quarter with a factor below one.
    migrated_on : (P,) datetime64[D]
        First day on the new record system; not a time without a migration.
    migration_year : (P, T) bool
        In the four quarters from the migration on.
    undeclared : (P,) bool
        Sends an empty file where it registered nothing, in place of a declaration.
    """

    factor: Cube
    planted: tuple[pd.DataFrame, ...]
    migrated_on: NDArray[np.datetime64]
    migration_year: NDArray[np.bool_]
    undeclared: NDArray[np.bool_]


def no_lapses(providers: int, calendar: Calendar, forms: int) -> Lapses:
    """Completeness as it is."""
    quarters = len(calendar.starts)
    return Lapses(
        factor=np.ones((providers, quarters, forms)),
        planted=(),
        migrated_on=np.full(providers, np.datetime64("NaT"), dtype="datetime64[D]"),
        migration_year=np.zeros((providers, quarters), dtype=np.bool_),
        undeclared=np.zeros(providers, dtype=np.bool_),
    )


def draw_error_lapses(
    provider_ids: NDArray[np.str_],
    forms: tuple[str, ...],
    calendar: Calendar,
    plan: ErrorParameters,
    rng: np.random.Generator,
) -> Lapses:
    """Migrations (E12), changed reporting codes (E13), care not seen as forced (E14), criterion of resistance (E19)."""
    migration, recoding, resistance = rng.spawn(3)
    start = _migrations(provider_ids.size, calendar, plan, migration)
    migrating = _after(start, calendar)
    recoded = _after(_one_start(provider_ids.size, calendar, plan.recoded, recoding), calendar)
    resisting = _resistance(provider_ids.size, calendar, plan, resistance)
    locking = np.isin(np.array(forms), LOCKING_IN)
    factor = np.where(migrating, plan.migration_factor, 1.0) * np.where(recoded, plan.recoded_factor, 1.0)
    cube = np.repeat(factor[:, :, None], len(forms), axis=2)
    cube[:, :, locking] *= resisting[:, :, None]
    cube[:, :, np.isin(np.array(forms), UNSEEN)] *= 1.0 - plan.unaware
    days = calendar.starts.to_numpy().astype("datetime64[D]")
    migrated = np.where(start >= 0, days[np.maximum(start, 0)], np.datetime64("NaT"))
    return Lapses(
        factor=cube,
        planted=(
            _lowered("E12", provider_ids, calendar, np.where(migrating, plan.migration_factor, 1.0), "every form"),
            _lowered("E13", provider_ids, calendar, np.where(recoded, plan.recoded_factor, 1.0), "every form"),
            _lowered("E14", provider_ids, calendar, np.full(factor.shape, 1.0 - plan.unaware), "other forms"),
            _lowered("E19", provider_ids, calendar, resisting, "locking in"),
        ),
        migrated_on=migrated.astype("datetime64[D]"),
        migration_year=migrating,
        undeclared=np.zeros(provider_ids.size, dtype=np.bool_),
    )


def draw_patterns(
    provider_ids: NDArray[np.str_],
    forms: tuple[str, ...],
    calendar: Calendar,
    plan: PatternParameters,
    rng: np.random.Generator,
) -> Lapses:
    """Silent providers, joiners, leavers and flickering ones; no provider is two of these."""
    providers, quarters = provider_ids.size, len(calendar.starts)
    order, moment = rng.permutation(providers), rng.random((providers, quarters // 2))
    undeclared = rng.random(providers) < plan.undeclared
    groups = np.split(order, np.cumsum([rounded_up(share, providers) for share in _shares(plan)]))
    leaves = (quarters - 4 + 2 * np.floor(2.0 * moment[:, 0])).astype(np.intp)
    quarter = np.arange(quarters)
    flickers = (moment < 0.5)[:, quarter // 2]
    shapes = (
        ("silent", np.ones((providers, quarters), dtype=np.bool_)),
        ("joiner", np.broadcast_to(quarter < 4, (providers, quarters))),
        ("leaver", quarter >= leaves[:, None]),
        ("flickering", flickers),
    )
    quiet = np.zeros((providers, quarters), dtype=np.bool_)
    planted = []
    for (name, shape), group in zip(shapes, groups[:-1], strict=True):
        mine = np.zeros_like(quiet)
        mine[group] = shape[group]
        planted.append(_at("pattern", "silent", provider_ids, calendar, mine, name))
        quiet |= mine
    base = no_lapses(providers, calendar, len(forms))
    return Lapses(
        factor=np.repeat(np.where(quiet, 0.0, 1.0)[:, :, None], len(forms), axis=2),
        planted=tuple(planted),
        migrated_on=base.migrated_on,
        migration_year=base.migration_year,
        undeclared=undeclared & quiet.any(axis=1),
    )


def both(one: Lapses, other: Lapses) -> Lapses:
    """Two sets of lapses together; the migrations are those of the first."""
    return Lapses(
        factor=one.factor * other.factor,
        planted=(*one.planted, *other.planted),
        migrated_on=one.migrated_on,
        migration_year=one.migration_year,
        undeclared=one.undeclared | other.undeclared,
    )


def thin_registered(counts: Counts, factor: Cube, rng: np.random.Generator) -> Counts:
    """The same true events, of whose registrations each is kept with the probability ``factor`` (L, T, F)."""
    kept = rng.binomial(counts.registered.astype(np.int64), factor).astype(np.float64)
    return Counts(true=counts.true, registered=kept)


def rounded_up(share: float, of: int) -> int:
    """Number of a share, so that a share above zero is at least one."""
    return int(np.ceil(round(share * of, 9)))


def _shares(plan: PatternParameters) -> tuple[float, ...]:
    """Of the four patterns, in the order in which providers are drawn."""
    return plan.silent, plan.joiners, plan.leavers, plan.flickering


def _migrations(providers: int, calendar: Calendar, plan: ErrorParameters, rng: np.random.Generator) -> Codes:
    """Quarter of migration of each provider, -1 for none; nobody migrates twice."""
    start = np.full(providers, -1, dtype=np.intp)
    order, season = rng.permutation(providers), rng.integers(0, 4, size=providers)
    count = rounded_up(plan.migrating, providers)
    for year in range(len(calendar.years)):
        mine = order[year * count : (year + 1) * count]
        start[mine] = 4 * year + season[mine]
    return start


def _one_start(providers: int, calendar: Calendar, share: float, rng: np.random.Generator) -> Codes:
    """A first quarter after the first year for a share of the providers, -1 for the others."""
    order = rng.permutation(providers)
    moment = rng.integers(4, len(calendar.starts) - QUARTERS_AFTER + 1, size=providers)
    start = np.full(providers, -1, dtype=np.intp)
    mine = order[: rounded_up(share, providers)]
    start[mine] = moment[mine]
    return start


def _after(start: Codes, calendar: Calendar) -> NDArray[np.bool_]:
    since = np.arange(len(calendar.starts)) - start[:, None]
    return np.asarray((start[:, None] >= 0) & (since >= 0) & (since < QUARTERS_AFTER))


def _resistance(
    providers: int, calendar: Calendar, plan: ErrorParameters, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Factor by provider and quarter (P, T): low when 2020 begins, straight up to one three years later."""
    order = rng.permutation(providers)
    low = rng.uniform(plan.resistance_low, plan.resistance_high, size=providers)
    moment = calendar.year + (calendar.season + 0.5) / 4.0
    recovered = np.clip((moment - RESISTANCE_FROM) / RESISTANCE_YEARS, 0.0, 1.0)
    factor = np.ones((providers, moment.size))
    mine = order[: rounded_up(plan.resistance, providers)]
    left = low[:, None] + (1.0 - low[:, None]) * recovered
    factor[mine] = np.where(moment < RESISTANCE_FROM, 1.0, left)[mine]
    return factor


def _lowered(
    error: str, provider_ids: NDArray[np.str_], calendar: Calendar, factor: NDArray[np.float64], what: str
) -> pd.DataFrame:
    """Rows of the truth table for the quarters in which a factor is below one."""
    provider, quarter = np.nonzero(factor < 1.0)
    if provider.size == 0:
        return nothing_planted()
    return planted_at_places(
        error,
        "registrations",
        "lowered",
        provider_id=provider_ids[provider].astype(object),
        period=np.array(calendar.quarters, dtype=object)[quarter],
        detail=[f"completeness of {what} x {value:.2f}" for value in factor[provider, quarter]],
    )


def _at(
    error: str,
    effect: str,
    provider_ids: NDArray[np.str_],
    calendar: Calendar,
    where: NDArray[np.bool_],
    detail: str,
) -> pd.DataFrame:
    provider, quarter = np.nonzero(where)
    if provider.size == 0:
        return nothing_planted()
    return planted_at_places(
        error,
        "registrations",
        effect,
        provider_id=provider_ids[provider].astype(object),
        period=np.array(calendar.quarters, dtype=object)[quarter],
        detail=[detail] * provider.size,
    )
