"""Layer 8: what can be known beside the register, drawn from the same true events.

An audit looks events up at providers and sees which of them are in the register; a second source holds events whether
the register does or not; control outcomes go with the events and are always registered. None of them changes a
registration.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from dwangstats._types import Codes, Vector
from dwangstats.worlds.events import Cube
from dwangstats.worlds.parameters import AFTER, BEFORE, EvidenceParameters
from dwangstats.worlds.quarters import Calendar


@dataclass(frozen=True, slots=True)
class Happened:
    """Events of every provider; cubes have the axes provider, quarter, form (P, T, F).

    Attributes
    ----------
    providers, forms : tuple of str
        Labels of the first and the last axis.
    calendar : Calendar
    true, registered : counts.
    expected : expected true events.
    completeness : probability that an event is registered.
    quality : (P,) mean shift of logit completeness of the provider.
    delivered : (P, H) the registrations of the half-year are in the register.
    """

    providers: tuple[str, ...]
    forms: tuple[str, ...]
    calendar: Calendar
    true: Cube
    registered: Cube
    expected: Cube
    completeness: Cube
    quality: Vector
    delivered: NDArray[np.bool_]


def audits_table(happened: Happened, plan: EvidenceParameters, rng: np.random.Generator) -> pd.DataFrame | None:
    """The table ``audits``: true events drawn without replacement, and how many of them are in the register.

    In each compared year the events of all visited providers are one urn, from which half of the audit is drawn
    without looking at registration, delivered or not. Given the events and the registrations of a provider, half-year
    and form the number registered is therefore hypergeometric, with mean found x registered / true. A cell in which
    nothing was found has no row. None without an audit.
    """
    if plan.audit_events == 0:
        return None
    true, registered = _half_years(happened.true), _half_years(happened.registered)
    visited = _visited(happened.quality, plan, rng)
    found, seen = np.zeros_like(true), np.zeros_like(true)
    for year, events in zip((BEFORE, AFTER), _halves(int(plan.audit_events)), strict=True):
        cells = np.zeros(true.shape, dtype=bool)
        cells[np.ix_(visited, _half_years_in(happened.calendar, year))] = True
        urn = true[cells]
        found[cells] = rng.multivariate_hypergeometric(urn, min(events, int(urn.sum())), method="marginals")
        seen[cells] = rng.hypergeometric(registered[cells], urn - registered[cells], found[cells])
    frame = _long(happened, {"n_found": found, "n_registered": seen}, found > 0)
    return frame.assign(design="random" if plan.audit_design == "random" else "targeted")


def second_source_table(happened: Happened, plan: EvidenceParameters, rng: np.random.Generator) -> pd.DataFrame | None:
    """The table ``second_source``: delivered half-years of a random sample of providers, by form, zeros included.

    Each event stands in the second source with a probability that depends on whether it is registered only through
    the odds ratio; with an odds ratio of one it does not. ``both + register_only`` is the number of registrations.
    None when no provider is linked.
    """
    count = round(plan.linked_share * len(happened.providers))
    linked = rng.permutation(len(happened.providers))[:count]
    uniform = rng.random((2, *happened.true.shape))
    if count == 0:
        return None
    joint = joint_completeness(happened.completeness, plan.linked_completeness, plan.linked_odds_ratio)
    p, missed = happened.completeness, happened.true - happened.registered
    given = np.divide(joint, p, out=np.zeros_like(joint), where=p > 0.0)
    both = _half_years(binom.ppf(uniform[0], happened.registered, given))
    other = _half_years(binom.ppf(uniform[1], missed, (plan.linked_completeness - joint) / (1.0 - p)))
    registered = _half_years(happened.registered)
    shown = np.zeros(registered.shape, dtype=bool)
    shown[linked] = happened.delivered[linked][:, :, None]
    return _long(happened, {"both": both, "register_only": registered - both, "other_only": other}, shown)


def controls_table(happened: Happened, plan: EvidenceParameters, rng: np.random.Generator) -> pd.DataFrame | None:
    """The table ``controls``: Poisson outcomes, such as court orders, whose mean is proportional to expected events.

    The proportion differs between providers and, without a drift, is constant in time: the trend of the outcome is
    the trend of the expected events of each provider, all forms together. None without control outcomes.
    """
    if plan.controls_per_event == 0.0:
        return None
    level = np.exp(plan.controls_spread * rng.standard_normal(len(happened.providers)))
    uniform = rng.random(happened.expected.shape[:2])
    ratio = plan.controls_per_event * level[:, None] * np.exp(plan.controls_drift * happened.calendar.progress)
    mean = ratio * happened.expected.sum(axis=2)
    count = np.zeros_like(mean)
    count[mean > 0.0] = poisson.ppf(uniform[mean > 0.0], mean[mean > 0.0])
    halves = _half_years(count[:, :, None])[:, :, 0]
    index = pd.MultiIndex.from_product([happened.providers, happened.calendar.half_years])
    frame: pd.DataFrame = index.set_names(["provider_id", "period"]).to_frame(index=False)
    return frame.assign(control_count=halves.ravel())


def joint_completeness(first: Cube, second: float, odds_ratio: float) -> Cube:
    """Probability of standing in both of two registers with the given margins and odds ratio (Plackett 1965).

    The smaller root of (odds_ratio - 1) x^2 - s x + odds_ratio first second = 0, s = 1 + (odds_ratio - 1)(first +
    second), written so that it goes to first x second as the odds ratio goes to one.

    Parameters
    ----------
    first : array in (0, 1)
    second : float in (0, 1)
    odds_ratio : float, > 0
    """
    product = odds_ratio * first * second
    s = 1.0 + (odds_ratio - 1.0) * (first + second)
    return np.asarray(2.0 * product / (s + np.sqrt(s * s - 4.0 * (odds_ratio - 1.0) * product)))


def _visited(quality: Vector, plan: EvidenceParameters, rng: np.random.Generator) -> Codes:
    count = max(1, round(plan.audit_share * quality.size))
    drawn = rng.permutation(quality.size)
    order = drawn if plan.audit_design == "random" else np.argsort(-quality, kind="stable")
    return np.sort(order[:count])


def _halves(total: int) -> tuple[int, int]:
    return (total + 1) // 2, total // 2


def _half_years_in(calendar: Calendar, year: int) -> Codes:
    return np.unique(calendar.half_year[calendar.year == year])


def _half_years(cube: Cube) -> NDArray[np.int64]:
    """Sum of the quarters of each half-year: (P, T, F) to (P, H, F), whole numbers."""
    providers, quarters, forms = cube.shape
    return np.asarray(cube.reshape(providers, quarters // 2, 2, forms).sum(axis=2)).astype(np.int64)


def _long(happened: Happened, columns: dict[str, NDArray[np.int64]], shown: NDArray[np.bool_]) -> pd.DataFrame:
    """One row per shown cell of provider, half-year and form."""
    labels = [happened.providers, happened.calendar.half_years, happened.forms]
    index = pd.MultiIndex.from_product(labels, names=["provider_id", "period", "form"])
    frame: pd.DataFrame = index.to_frame(index=False)
    values = {name: cube.ravel() for name, cube in columns.items()}
    return frame.assign(**values).loc[shown.ravel()].reset_index(drop=True)
