"""Which zeros are silence, given a rate model: probabilities of provider, stretch and set, and the rule.

A set of zeros is judged by its probability if the provider reported normally: the joint probability of those zeros
given the provider's other periods, its effect integrated out. Periods that count as silent already are in neither part,
so that silence teaches nothing about the provider; with nothing else left the effect is that of the population.

A zero that was declared ("nothing to report") is no silence, and is never in a set. It is a count of 0 like any other
for what it says about the provider's other periods, unless it is unlikely itself: then it says nothing about them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.providers.integral import EffectModel, ProviderRows, log_integrals
from dwangstats.providers.stretches import ZeroSet, benjamini_hochberg, candidate_sets, zero_runs


@dataclass(frozen=True, slots=True)
class Cells:
    """Delivered provider-periods and the rows in them, the cells sorted by provider and time.

    Attributes
    ----------
    provider : (C,) array
        Number of the provider of each cell, 0 .. providers - 1.
    providers : int
    zero : (C,) array of bool
        Cells in which nothing was registered.
    row_cell : (n,) array
        Cell of each row.
    y : (n,) array
        Counts of the rows.
    declared : (C,) array of bool
        Cells of which the provider declared that there was nothing; by default none. Those that are not zero count as
        any other.
    """

    provider: Codes
    providers: int
    zero: NDArray[np.bool_]
    row_cell: Codes
    y: Vector
    declared: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    of_provider: tuple[Codes, ...] = field(init=False)
    rows_of_cell: tuple[Codes, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.declared.size:
            object.__setattr__(self, "declared", np.zeros(self.provider.size, dtype=bool))
        object.__setattr__(self, "of_provider", _members(self.provider, self.providers))
        object.__setattr__(self, "rows_of_cell", _members(self.row_cell, self.provider.size))

    @property
    def declared_zero(self) -> NDArray[np.bool_]:
        """Cells in which nothing was registered and that was declared, (C,)."""
        return self.zero & self.declared

    @property
    def open_zero(self) -> NDArray[np.bool_]:
        """Cells in which nothing was registered without a word about it, (C,)."""
        return self.zero & ~self.declared


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A rate model as far as it matters here.

    Attributes
    ----------
    eta : (n,) array
        Log means of all rows at an effect of 0, those left out of the fit as well.
    effect : EffectModel
    """

    eta: Vector
    effect: EffectModel


@dataclass(frozen=True, slots=True)
class Judgement:
    """What counts as silent under one fitted model.

    Attributes
    ----------
    silent : (C,) array of bool
    unlikely : (C,) array of bool
        Declared zeros that are unlikely for the size of the provider.
    log_p : (G,) array
        Log of the smallest weighted probability of a provider's sets of undeclared zeros; 0 where it has none.
    log_adjusted : (G,) array
        The same after Benjamini and Hochberg, over all providers that delivered; NaN for the others.
    best : tuple
        Cells of the set that gave it; no cells where there are no such zeros.
    """

    silent: NDArray[np.bool_]
    unlikely: NDArray[np.bool_]
    log_p: Vector
    log_adjusted: Vector
    best: tuple[Codes, ...]

    @property
    def ignored(self) -> NDArray[np.bool_]:
        """Cells that say nothing about their provider, (C,)."""
        return self.silent | self.unlikely


@dataclass(frozen=True, slots=True)
class _Found:
    cells: Codes
    log_p: float


def judge(cells: Cells, fitted: FittedModel, level: float) -> Judgement:
    """Decide which undeclared zeros are silence.

    First the declared zeros with a p-value of at most ``level`` for their provider are put aside. The smallest weighted
    probability of a provider's undeclared zeros is its p-value, and Benjamini and Hochberg's rule over all providers
    gives the cutoff. Of a provider below it the set with that probability is silent; the zeros that are left are judged
    again given what then remains, until no set falls below the cutoff.

    Parameters
    ----------
    cells : Cells
    fitted : FittedModel
    level : float
        Expected share of providers that reported normally among those with silence, if the model holds.
    """
    unlikely = _suspect(cells, fitted, cells.declared_zero, level)
    first = _best_sets(cells, fitted, cells.open_zero, unlikely, range(cells.providers))
    delivered = np.array([mine.size > 0 for mine in cells.of_provider])
    log_p = np.array([first[g].log_p if g in first else 0.0 for g in range(cells.providers)])
    log_adjusted = np.full(cells.providers, np.nan)
    log_adjusted[delivered], cutoff = benjamini_hochberg(log_p[delivered], level)
    nobody = _Found(np.zeros(0, dtype=np.intp), 0.0)
    return Judgement(
        silent=_step_by_step(cells, fitted, cells.open_zero, unlikely, first, cutoff),
        unlikely=unlikely,
        log_p=log_p,
        log_adjusted=log_adjusted,
        best=tuple(first.get(g, nobody).cells for g in range(cells.providers)),
    )


def suspect_cells(cells: Cells, fitted: FittedModel, level: float) -> NDArray[np.bool_]:
    """Zeros of which the p-value of their provider is at most ``level``, whatever the number of providers, (C,).

    Declared or not; of the providers that report normally a share of at most ``level`` has any.
    """
    return _suspect(cells, fitted, cells.zero, level)


def log_probabilities(
    cells: Cells, fitted: FittedModel, ignored: NDArray[np.bool_], sets: Sequence[Codes]
) -> tuple[Vector, Vector]:
    """Log probability of zeros in each set of cells, and the registrations expected there, if it reported normally.

    Parameters
    ----------
    cells : Cells
    fitted : FittedModel
    ignored : (C,) array of bool
        Cells that say nothing about a provider.
    sets : sequence of (k,) arrays
        Cells of one provider, at least one, all zero.

    Returns
    -------
    log_p : (sets,) array
    expected : (sets,) array
        Given the provider's other cells.
    """
    if not sets:
        return np.zeros(0), np.zeros(0)
    rest = [_others(cells, ignored, places) for places in sets]
    both = [np.concatenate(pair) for pair in zip(sets, rest, strict=True)]
    without = log_integrals(provider_rows(cells, fitted, rest), fitted.effect)
    tilted = log_integrals(provider_rows(cells, fitted, rest), fitted.effect, tilt=1.0)
    log_p = log_integrals(provider_rows(cells, fitted, both), fitted.effect) - without
    level = [np.logaddexp.reduce(_log_means(fitted)[rows_in(cells, places)]) for places in sets]
    return np.minimum(log_p, 0.0), np.asarray(np.exp(np.array(level) + tilted - without))


def stretches(cells: Cells, provider: int) -> list[Codes]:
    """Cells of each stretch of zeros of a provider, declared and undeclared ones apart."""
    mine = cells.of_provider[provider]
    kinds = (cells.open_zero[mine], cells.declared_zero[mine])
    return [mine[run] for kind in kinds for run in zero_runs(kind)]


def log_p_throughout(cells: Cells, fitted: FittedModel) -> Vector:
    """Log probability of no registration at all in the delivered periods of each provider (G,), at its bed-days.

    For a provider of which nothing else is known; missing for one that delivered nothing. It is what silence from
    beginning to end would be judged by, so it tells of which providers silence could be told at all.
    """
    empty = replace(cells, zero=np.ones(cells.provider.size, dtype=bool), y=np.zeros(cells.y.size))
    asked = [g for g, mine in enumerate(cells.of_provider) if mine.size]
    log_p = np.full(cells.providers, np.nan)
    nobody = np.zeros(cells.provider.size, dtype=bool)
    log_p[asked], _ = log_probabilities(empty, fitted, nobody, [cells.of_provider[g] for g in asked])
    return log_p


def expected_counts(cells: Cells, fitted: FittedModel, ignored: NDArray[np.bool_]) -> Vector:
    """Registrations expected in each cell (C,) if it reported normally.

    A stretch of zeros is expected from the provider's other cells; a cell with registrations from all cells that are
    not ignored, itself included.
    """
    wanted: list[Codes] = []
    known: list[Codes] = []
    for g, mine in enumerate(cells.of_provider):
        runs = stretches(cells, g)
        wanted += [mine[~cells.zero[mine]], *runs]
        known += [mine[~ignored[mine]], *(_others(cells, ignored, run) for run in runs)]
    rows = provider_rows(cells, fitted, known)
    shift = log_integrals(rows, fitted.effect, tilt=1.0) - log_integrals(rows, fitted.effect)
    expected: Vector = np.zeros(cells.provider.size)
    np.add.at(expected, cells.row_cell, np.exp(_log_means(fitted)))
    for some, change in zip(wanted, shift, strict=True):
        expected[some] *= np.exp(change)
    return expected


def _suspect(cells: Cells, fitted: FittedModel, among: NDArray[np.bool_], level: float) -> NDArray[np.bool_]:
    """Zeros among some of which the p-value of their provider is at most ``level``, (C,)."""
    nobody = np.zeros(cells.provider.size, dtype=bool)
    first = _best_sets(cells, fitted, among, nobody, range(cells.providers))
    return _step_by_step(cells, fitted, among, nobody, first, float(np.log(level)))


def _step_by_step(
    cells: Cells,
    fitted: FittedModel,
    among: NDArray[np.bool_],
    unlikely: NDArray[np.bool_],
    found: dict[int, _Found],
    cutoff: float,
) -> NDArray[np.bool_]:
    """Cells of the sets below a cutoff, each provider's most suspect set first, (C,)."""
    silent = np.zeros(cells.provider.size, dtype=bool)
    while below := {g: best for g, best in found.items() if best.log_p <= cutoff}:
        for best in below.values():
            silent[best.cells] = True
        found = _best_sets(cells, fitted, among, silent | unlikely, sorted(below))
    return silent


def _best_sets(
    cells: Cells,
    fitted: FittedModel,
    among: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    providers: Sequence[int],
) -> dict[int, _Found]:
    """For each provider the set of zeros with the smallest weighted probability, of those that may be in one."""
    owner: list[int] = []
    sets: list[Codes] = []
    weights: list[float] = []
    for g in providers:
        mine = cells.of_provider[g][~ignored[cells.of_provider[g]]]
        chosen: list[ZeroSet] = candidate_sets(among[mine])
        owner += [g] * len(chosen)
        sets += [mine[one.places] for one in chosen]
        weights += [one.log_weight for one in chosen]
    log_p, _ = log_probabilities(cells, fitted, ignored, sets)
    found: dict[int, _Found] = {}
    for g, places, weighted in zip(owner, sets, log_p - np.array(weights), strict=True):
        if g not in found or weighted < found[g].log_p:
            found[g] = _Found(places, float(weighted))
    return found


def _log_means(fitted: FittedModel) -> Vector:
    """Log of the expected count of each row at an effect of 0, periods with nothing to register included."""
    return np.asarray(fitted.eta + np.log1p(-fitted.effect.nothing))


def _others(cells: Cells, ignored: NDArray[np.bool_], places: Codes) -> Codes:
    """The provider's cells outside a set that are not ignored."""
    mine = cells.of_provider[int(cells.provider[places[0]])]
    return mine[~ignored[mine] & ~np.isin(mine, places)]


def provider_rows(cells: Cells, fitted: FittedModel, cases: Sequence[Codes]) -> ProviderRows:
    """The rows in the cells of each case."""
    rows = [rows_in(cells, case) for case in cases]
    where = np.concatenate(rows)
    case = np.repeat(np.arange(len(rows)), [some.size for some in rows])
    return ProviderRows(cells.y[where], fitted.eta[where], case, len(rows))


def rows_in(cells: Cells, some: Codes) -> Codes:
    """Rows in some cells."""
    return np.concatenate([cells.rows_of_cell[cell] for cell in some]) if some.size else np.zeros(0, dtype=np.intp)


def _members(group: Codes, groups: int) -> tuple[Codes, ...]:
    """Places of each group's members, in their order."""
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=groups))[:-1]
    return tuple(np.split(order, ends)) if groups else ()
