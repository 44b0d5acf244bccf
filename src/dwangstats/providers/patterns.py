"""How each provider reports: completely, in part, from some period on, until some period, now and then, or never."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Codes, Vector, ZeroFamily
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DomainError
from dwangstats.models.fitted import check_level
from dwangstats.providers.odds import log_odds
from dwangstats.providers.search import Rates, Search, all_providers, delivered_cells, find_silence
from dwangstats.providers.silence import expected_counts, log_p_throughout, log_probabilities, stretches
from dwangstats.providers.stretches import shape_of

Pattern: TypeAlias = Literal[
    "complete", "partial", "joiner", "leaver", "flickering", "silent", "declared", "zero", "undelivered"
]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
STATES = ("registrations", "zero", "declared", "silent", "absent")
COMPLETE = 11.0 / 12.0
"""England's complete reporters have some restraint in at least 11 of 12 months (Reid and Price 2022)."""

_OF_SHAPE: dict[str, Pattern] = {
    "whole": "silent",
    "start": "joiner",
    "end": "leaver",
    "middle": "flickering",
    "several": "flickering",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReportingPatterns:
    """Patterns of reporting by provider, and the state of every provider-period.

    Attributes
    ----------
    table : DataFrame
        One row per provider, sorted:

        - provider, pattern;
        - periods (of the panel), delivered, with_registrations, zero (delivered without a registration), silent (of
          these, the ones that are silence), declared_nothing (of these, delivered as "nothing to report": never
          silence), declared_unlikely (of the declared, those that are unlikely for the size: a question);
        - events; first_silent, last_silent: periods, missing without silence;
        - complete_by_count: registrations in at least 11 of 12 periods of the panel, as in England;
        - expected: registrations in the silent periods if it reported normally; without silence, in the undeclared
          zeros that are most suspect; missing without undeclared zeros;
        - p_silence, log_p_silence: probability of no registration there if it reported normally;
        - p_adjusted, log_p_adjusted: the p-value after correction for the number of sets of periods and of providers,
          silent at ``level`` or less; 1 without undeclared zeros, missing for a provider that delivered nothing. A
          p-value only if the rate model holds, see `reporting_patterns`;
        - log_p_declared, p_declared: probability of no registration in the declared periods that are unlikely, without
          those in all declared ones; missing without any;
        - log_p_throughout: log probability of no registration in any delivered period, at its bed-days and with
          nothing else known; detectable: whether that is small enough to be named. Where it is not, "zero" and
          "complete" say nothing about silence;
        - log_odds, probability_silent: of silence in any period, only with ``prior_silent``.
    periods : DataFrame
        One row per provider and period: provider, period, status (of the delivery), delivered, events, bed_days, state
        (registrations; zero: not judged to be silence; declared: delivered as nothing to report; silent; absent: no
        usable delivery), unlikely (a declared nothing that is unlikely for the size), expected (registrations if it
        reported normally), log_p_silence and p_silence (of the whole stretch of declared or of undeclared zeros that
        the period is in).
    rates : MixedResult or EmptyPeriodRates
        The rate model, fitted without suspect zeros; the latter where ``nothing`` is above 0 and zeros were fitted.
    level, nothing : float
    prior_silent : float or None
    fits : int
        How many models were fitted before what was left out and what is suspect agreed.
    fingerprint : str
        sha256 of the panel's input.
    """

    table: pd.DataFrame
    periods: pd.DataFrame
    rates: Rates
    level: float
    nothing: float
    prior_silent: float | None
    fits: int
    fingerprint: str

    @property
    def counts(self) -> pd.Series:
        """Number of providers by pattern, every pattern that is there."""
        found = self.table["pattern"].value_counts()
        return found.reindex([name for name in PATTERNS if name in found.index])

    @property
    def assumptions(self) -> str:
        """What the statement on the share of false names rests on, in words."""
        empty = (
            "no period is truly empty" if self.nothing == 0.0 else f"{self.nothing:.3g} of the periods are truly empty"
        )
        return (
            f"if each provider's rate is constant but for {self.rates.formula}, its counts are independent given that, "
            f"and {empty}"
        )

    def summary(self) -> str:
        """Patterns, the rule with its assumptions, and the rate model as text."""
        lines = [
            f"Reporting patterns of {len(self.table)} providers in {int(self.table['periods'].max())} periods",
            *(f"  {name:<12}{count:>6}" for name, count in self.counts.items()),
            *self._silence_lines(),
            *self._declared_lines(),
            *self._power_lines(),
            f"Rate model without suspect zeros: {self.rates.formula}, {self.rates.family}, "
            f"{self.rates.nobs} rows, certificate {self.rates.certificate}",
            f"Fingerprint {self.fingerprint}",
        ]
        return "\n".join(lines)

    def _silence_lines(self) -> list[str]:
        silent = self.table.loc[self.table["silent"] > 0]
        return [
            f"Silence: at most {self.level:g} of the providers named are expected to have reported normally, "
            f"{self.assumptions}.",
            *(
                f"  {row.provider}: {row.pattern}, {row.first_silent} to {row.last_silent}, "
                f"expected {row.expected:.1f}, log p {row.log_p_silence:.1f}"
                for row in silent.itertuples()
            ),
        ]

    def _declared_lines(self) -> list[str]:
        declared, asked = int(self.table["declared_nothing"].sum()), self.periods.loc[self.periods["unlikely"]]
        if not declared:
            return []
        return [
            f'Declared "nothing to report": {declared} periods, none of them called silence; {len(asked)} are unlikely '
            "for the size of the provider, which is a question to it.",
            *(
                f"  {row.provider}: {row.period}, expected {row.expected:.1f}, log p of its stretch "
                f"{row.log_p_silence:.1f}"
                for row in asked.itertuples()
            ),
        ]

    def _power_lines(self) -> list[str]:
        blind = (self.table["delivered"] > 0) & ~self.table["detectable"] & (self.table["silent"] == 0)
        if not blind.any():
            return []
        return [
            f"Of {int(blind.sum())} providers nothing can be said: not even silence from beginning to end would be "
            "told from reporting normally (detectable is False)."
        ]

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        parts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"<ReportingPatterns of {len(self.table)} providers: {parts}>"


def reporting_patterns(
    panel: Panel,
    rate: str | None = None,
    *,
    family: ZeroFamily = "nb2",
    level: float = 0.05,
    nothing: float = 0.0,
    prior_silent: float | None = None,
) -> ReportingPatterns:
    """Tell true zeros from silence, and name the pattern in which each provider reports.

    A provider that delivered and registered nothing either had nothing to register or is silent. For a set of such
    periods Z the probability of that if it reported normally is

        P(Y_Z = 0 | Y_other) = integral of P(Y_Z = 0 | u) p(u | Y_other) du,

    with the effect u of the provider under the rate model. Silence would pull that effect down and widen the spread of
    effects, so neither learns from it: the model is fitted without zeros that are suspect in themselves, the other
    periods are those that are not silent, and for a provider silent throughout u is that of the population.

    **The rule.** Sets of periods are picked after looking, so each is judged by its probability divided by its share of
    the level (`dwangstats.providers.stretches`); the smallest is the p-value of the provider. If the rate model holds,
    a provider that reports normally has a p-value of at most c with probability at most c. Benjamini and Hochberg's
    rule over all providers that delivered then keeps the expected share of false ones among those with silence at
    ``level``. Parameters of the rate model are taken as known.

    **The patterns**, of the periods of the panel that the provider delivered:

    - silent: every one is silent;
    - joiner, leaver: one silent stretch, at the beginning or the end;
    - flickering: silent in the middle, or in several stretches;
    - declared: registered nothing, not silent, and declared nothing in a period where that is unlikely for its size;
    - zero: registered nothing, and that is not unlikely enough to be called silence;
    - complete: not silent, and delivered in at least 11 of 12 periods of the panel. In England complete is some
      restraint in at least 11 of 12 months (Reid and Price 2022), the column complete_by_count; here a zero that is
      not silence counts as reporting;
    - partial: not silent, and delivered in fewer;
    - undelivered: delivered nothing, so there is nothing to judge. Not delivered and rejected are never zeros.

    **Declared nothing.** A period delivered as "nothing to report" is never silence: its state is "declared", it is in
    no set and costs no level. How surprising it is stands beside it, and what is as unlikely as ``level`` for its
    provider is ``unlikely``, a question. It counts as a zero for the other periods of the provider, unless unlikely.

    **What it cannot tell.** The share of false names is a statement under the rate model: constant rates but for the
    formula, independent counts, and as many truly empty periods as ``nothing`` says. Where wards stand empty or the law
    asks for few registrations (the Wzd), undeclared zeros of large providers are often true, and without ``nothing``
    they are named as silent. With it single zeros are no sign, only long silence is, and with few periods perhaps not
    even that: see ``detectable``. No count can tell that share. A small provider may be silent without any sign.
    Counts of one provider are taken as independent given its effect and the columns of the formula: where a ward opens
    or closes say so in the formula or leave those periods out. Overdispersed counts need "nb2": "poisson" calls too
    much silence. See docs/reporting-patterns.md.

    A `RegistrationModel` with ``silent=True`` has providers that never register as a point mass, and the evidence check
    of `dwangstats.registration.evidence.silence` warns of them from totals per provider. This function looks at every
    stretch, before any model of registration; its odds for a wholly silent provider are those of that point mass with
    ``prior_silent`` for its share.

    Parameters
    ----------
    panel : Panel
        Of one form (or ``panel.for_form("all")``) and one law. Without a table of deliveries a half-year without any
        registration is not delivered as far as anyone knows, and is not judged.
    rate : str, optional
        Formula of the rate with one random term, (1 | provider). Default "events ~ C(period) + (1 | provider)", without
        C(period) for one period.
    family : {"nb2", "poisson"}
        Variance mu + alpha mu^2, or mu.
    level : float
        Expected share of providers that reported normally among those with silence.
    nothing : float
        Share, in [0, 1), of periods in which a provider that reports normally has nothing to register whatever its
        size, each period by itself (each row, where the panel has several rows per provider and period). It is part of
        the fit and of the judgement.
    prior_silent : float, optional
        Share of providers that are silent in any period, before looking, between 0 and 1; 1 - prior_silent report
        normally. A quarter each is for silence throughout, for joiners and leavers, for one stretch in between and for
        several, as far as there are such sets of periods (England's 0.08 is of those silent throughout). With it the
        table has the odds of any silence against none, summed over all sets of undeclared zeros
        (`dwangstats.providers.odds`). Without it there are no odds, because no count can tell them.

    Returns
    -------
    ReportingPatterns

    Raises
    ------
    DomainError
        If level, nothing or prior_silent is outside its range, or for another family.
    DataError
        If the panel holds several forms or laws.
    FormulaError
        If the formula cannot be read, or has other random terms.
    FitError
        If the rate model has no finite maximum (a period in which nobody registered anything) or is not certified.
    """
    check_level(level)
    if prior_silent is not None and not 0.0 < prior_silent < 1.0:
        raise DomainError(f"prior_silent must lie between 0 and 1, got {prior_silent:g}")
    if not 0.0 <= nothing < 1.0:
        raise DomainError(f"nothing must be a share of at least 0 and below 1, got {nothing:g}")
    formula = _default_rate(panel) if rate is None else rate
    search = find_silence(panel, formula, family, level, nothing)
    periods = _periods(panel, search)
    table = _table(panel, search, periods, level)
    if prior_silent is not None:
        odds = log_odds(search.cells, search.fitted, search.judgement, prior_silent)
        table = table.assign(log_odds=odds, probability_silent=expit(odds))
    return ReportingPatterns(table, periods, search.rates, level, nothing, prior_silent, search.fits, panel.fingerprint)


def _default_rate(panel: Panel) -> str:
    several = len(set(panel.observed["period"])) > 1
    return f"events ~ {'C(period)' if several else '1'} + (1 | provider)"


def _periods(panel: Panel, search: Search) -> pd.DataFrame:
    """The state of every provider in every period of the panel."""
    cells, judgement = search.cells, search.judgement
    runs = [run for g in range(cells.providers) for run in stretches(cells, g)]
    log_p = np.full(cells.zero.size, np.nan)
    for run, value in zip(runs, log_probabilities(cells, search.fitted, judgement.ignored, runs)[0], strict=True):
        log_p[run] = value
    known = delivered_cells(panel).assign(
        delivered=True,
        state=np.select(
            [judgement.silent, cells.declared_zero, cells.zero], ["silent", "declared", "zero"], "registrations"
        ),
        unlikely=judgement.unlikely,
        expected=expected_counts(cells, search.fitted, judgement.ignored),
        log_p_silence=log_p,
        p_silence=np.exp(log_p),
    )
    index = pd.MultiIndex.from_product([all_providers(panel), panel.periods], names=["provider", "period"])
    status = panel.delivery_status.set_index(["provider", "period"])["status"].reindex(index)
    frame = known.set_index(["provider", "period"]).reindex(index).assign(status=status.fillna("unknown"))
    filled = frame.assign(
        delivered=frame["delivered"].eq(True),
        state=frame["state"].where(frame["state"].notna(), "absent"),
        unlikely=frame["unlikely"].eq(True),
    )
    order = ["status", "delivered", "events", "bed_days", "state", "unlikely", "expected", "log_p_silence", "p_silence"]
    return filled[order].reset_index()


def _table(panel: Panel, search: Search, periods: pd.DataFrame, level: float) -> pd.DataFrame:
    """One row per provider; see `ReportingPatterns`."""
    cells, judgement = search.cells, search.judgement
    of_periods = periods.groupby("provider", sort=True)
    state = {name: periods["state"].eq(name).groupby(periods["provider"]).sum() for name in STATES}
    delivered = of_periods["delivered"].sum()
    total = len(panel.periods)
    counts: dict[str, Any] = {
        "periods": total,
        "delivered": delivered,
        "with_registrations": state["registrations"],
        "zero": state["zero"] + state["declared"] + state["silent"],
        "silent": state["silent"],
        "declared_nothing": state["declared"],
        "declared_unlikely": of_periods["unlikely"].sum(),
        "events": of_periods["events"].sum(),
    }
    patterns = [
        _pattern(cells.zero[mine], judgement.silent[mine], judgement.unlikely[mine], total)
        for mine in cells.of_provider
    ]
    quiet = periods.loc[periods["state"].eq("silent")].groupby("provider")["period"]
    by_provider = pd.DataFrame({"pattern": patterns}, index=pd.Index(all_providers(panel), name="provider")).assign(
        **counts,
        first_silent=quiet.first(),
        last_silent=quiet.last(),
        complete_by_count=state["registrations"] >= ceil(COMPLETE * total - 1e-9),
        **_evidence(search),
        **_declared_evidence(search),
        **_power(search, level),
    )
    return by_provider.reset_index()


def _pattern(zero: NDArray[np.bool_], silent: NDArray[np.bool_], unlikely: NDArray[np.bool_], periods: int) -> Pattern:
    """The pattern of a provider from its delivered periods (T,) in order of time."""
    if not zero.size:
        return "undelivered"
    if silent.any():
        return _OF_SHAPE[shape_of(np.flatnonzero(silent), silent.size)]
    if zero.all():
        return "declared" if unlikely.any() else "zero"
    return "complete" if zero.size >= COMPLETE * periods - 1e-9 else "partial"


def _evidence(search: Search) -> dict[str, Vector]:
    """Expected registrations and probabilities of the undeclared zeros of each provider, (G,) each."""
    judgement = search.judgement
    log_p, expected = _of_sets(search, _judged_sets(search))
    return {
        "expected": expected,
        "p_silence": np.exp(log_p),
        "log_p_silence": log_p,
        "p_adjusted": np.exp(judgement.log_adjusted),
        "log_p_adjusted": judgement.log_adjusted,
    }


def _judged_sets(search: Search) -> list[Codes]:
    """The silent cells of each provider; without those, its most suspect zeros."""
    judgement = search.judgement
    quiet = [mine[judgement.silent[mine]] for mine in search.cells.of_provider]
    return [some if some.size else best for some, best in zip(quiet, judgement.best, strict=True)]


def _declared_evidence(search: Search) -> dict[str, Vector]:
    """Probability of the declared zeros of each provider that are unlikely, else of all its declared ones, (G,)."""
    cells, unlikely = search.cells, search.judgement.unlikely
    asked = [mine[unlikely[mine]] for mine in cells.of_provider]
    every = [mine[cells.declared_zero[mine]] for mine in cells.of_provider]
    log_p, _ = _of_sets(search, [some if some.size else other for some, other in zip(asked, every, strict=True)])
    return {"p_declared": np.exp(log_p), "log_p_declared": log_p}


def _power(search: Search, level: float) -> dict[str, Vector | NDArray[np.bool_]]:
    """Probability of no registration throughout, and whether it alone would pass the rule, (G,) each."""
    log_p = log_p_throughout(search.cells, search.fitted)
    judged = int(np.count_nonzero(~np.isnan(log_p)))
    # weight of the set of all periods, first of so many p-values
    limit = log(0.25) + log(level) - log(max(judged, 1))
    return {"log_p_throughout": log_p, "detectable": np.nan_to_num(log_p, nan=0.0) <= limit}


def _of_sets(search: Search, sets: Sequence[Codes]) -> tuple[Vector, Vector]:
    """Log probability of no registration in the set of each provider, and what was expected; NaN for an empty one."""
    asked = [g for g, some in enumerate(sets) if some.size]
    log_p, expected = np.full(len(sets), np.nan), np.full(len(sets), np.nan)
    log_p[asked], expected[asked] = log_probabilities(
        search.cells, search.fitted, search.judgement.ignored, [sets[g] for g in asked]
    )
    return log_p, expected
