"""Comparisons between pieces of evidence: rates of two sets of providers, completeness from two sources, refits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import logit
from scipy.stats import chi2

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.thinned.fit import fit_thinned
from dwangstats.numerics.thinned.problem import Gaussian, ThinnedProblem
from dwangstats.registration.context import FittedParts

FEWEST_CLUSTERS = 3
"""A spread over providers needs a few of them."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Completeness over all events of one source.

    Attributes
    ----------
    completeness : float
    logit, se : float
        Its logit, with a standard error clustered by provider.
    """

    completeness: float
    logit: float
    se: float

    def z_against(self, other: "Pooled") -> float:
        """Difference of the logits over its standard error."""
        return (self.logit - other.logit) / math.hypot(self.se, other.se)


def pooled_completeness(found: Vector, registered: Vector, cluster: Codes) -> Pooled | None:
    """Share of the found events that is registered, with a standard error over clusters; None without events.

    At 0 or 1, and with fewer than three clusters, half an event is added on either side and the error is binomial.

    Parameters
    ----------
    found, registered : (a,) arrays
    cluster : (a,) array of int
    """
    n, m = float(found.sum()), float(registered.sum())
    if n == 0.0:
        return None
    p = m / n
    residual = np.bincount(cluster, weights=registered - p * found)
    clusters = np.unique(cluster[found > 0.0]).size
    if 0.0 < p < 1.0 and clusters >= FEWEST_CLUSTERS:
        spread = math.sqrt(float(np.sum(residual**2)) * clusters / (clusters - 1))
        binomial = math.sqrt(n * p * (1.0 - p))
        return Pooled(p, float(logit(p)), max(spread, binomial) / (n * p * (1.0 - p)))
    p = (m + 0.5) / (n + 1.0)
    return Pooled(p, float(logit(p)), 1.0 / math.sqrt((n + 1.0) * p * (1.0 - p)))


def listed_completeness(cells: Matrix, odds_ratio: float, cluster: Codes) -> Pooled | None:
    """Completeness of the register from two linked lists at an odds ratio, with a jackknife over providers.

    Parameters
    ----------
    cells : (l, 3) array
        Events in both, in the register only, in the other only.
    odds_ratio : float
    cluster : (l,) array of int

    Returns
    -------
    Pooled or None
        None where no event is in both lists.
    """
    value = _listed(cells.sum(axis=0), odds_ratio)
    labels = np.unique(cluster)
    if value is None or labels.size < FEWEST_CLUSTERS:
        return None
    without = [_listed(cells[cluster != label].sum(axis=0), odds_ratio) for label in labels]
    logits = np.array([logit(p) for p in without if p is not None])
    spread = float(np.sum((logits - logits.mean()) ** 2)) * (logits.size - 1) / logits.size
    return Pooled(value, float(logit(value)), max(math.sqrt(spread), 1e-8))


def implied_odds_ratio(cells: Matrix, completeness: float) -> float:
    """Odds ratio of two lists at which they give this completeness; NaN where none does."""
    both, first, second = (float(value) for value in cells.sum(axis=0))
    missed = (both + first) / completeness - (both + first + second)
    return missed * both / (first * second) if missed >= 0.0 and first * second > 0.0 else float("nan")


def relative_rate(events: Vector, exposure: Vector, group: Codes, inside: np.ndarray) -> tuple[float, float] | None:
    """Rate of some groups over that of the others, and its clustered z; None with fewer than three groups on a side.

    Parameters
    ----------
    events, exposure : (n,) arrays
    group : (n,) array of int
    inside : (G,) array of bool
    """
    y = np.bincount(group, weights=events, minlength=inside.size)
    e = np.bincount(group, weights=exposure, minlength=inside.size)
    sides = [inside & (e > 0.0), ~inside & (e > 0.0)]
    if any(side.sum() < FEWEST_CLUSTERS or y[side].sum() == 0.0 for side in sides):
        return None
    logs, variance = [], 0.0
    for side in sides:
        count, total = int(side.sum()), float(y[side].sum())
        rate = total / float(e[side].sum())
        spread = float(np.sum((y[side] - rate * e[side]) ** 2)) * count / (count - 1)
        logs.append(math.log(rate))
        variance += max(spread, total) / total**2
    difference = logs[0] - logs[1]
    return math.exp(difference), difference / math.sqrt(variance)


def freed_rate(parts: FittedParts, columns: Matrix) -> tuple[float, Vector]:
    """What the fit gains when columns enter the log rate freely.

    Parameters
    ----------
    parts : FittedParts
    columns : (n, c) array

    Returns
    -------
    p : float
        p-value of the likelihood ratio on c degrees of freedom; NaN where the wider model has no maximum.
    coefficients : (c,) array
    """
    problem, vector = parts.problem, parts.fit.vector
    at, extra = problem.layout.beta.stop, columns.shape[1]
    control = problem.control
    if control is not None:
        control = replace(control, X=np.hstack([control.X, np.zeros((control.count.size, extra))]))
    wider = _replaced(
        problem,
        counts=replace(problem.counts, X=np.hstack([problem.counts.X, columns])),
        control=control,
        gaussian=_with_zeros(problem.gaussian, at, extra),
    )
    return _gain(parts, wider, np.insert(vector, [at] * extra, 0.0), slice(at, at + extra))


def freed_trend(parts: FittedParts, relax: Matrix) -> tuple[float, Vector]:
    """What the fit gains when the control outcome gets a trend of its own; as for `freed_rate`."""
    problem, vector = parts.problem, parts.fit.vector
    control, at, extra = problem.control, problem.layout.delta.start, relax.shape[1]
    if control is None:
        return float("nan"), np.zeros(0)
    wider = _replaced(problem, control=replace(control, relax=relax), gaussian=_with_zeros(problem.gaussian, at, extra))
    return _gain(parts, wider, np.insert(vector, [at] * extra, 0.0), slice(at, at + extra))


def _gain(parts: FittedParts, wider: ThinnedProblem, start: Vector, new: slice) -> tuple[float, Vector]:
    extra = new.stop - new.start
    try:
        fit = fit_thinned(wider, start=start, nodes=parts.fit.nodes, restart=False)
    except FitError:
        return float("nan"), np.full(extra, np.nan)
    gain = max(0.0, fit.loglik - parts.fit.loglik)
    return float(chi2.sf(2.0 * gain, extra)), fit.vector[new]


def _replaced(problem: ThinnedProblem, **changes: Any) -> ThinnedProblem:
    return replace(problem, **changes)


def _with_zeros(terms: Sequence[Gaussian], at: int, extra: int) -> tuple[Gaussian, ...]:
    return tuple(replace(term, matrix=np.insert(term.matrix, [at] * extra, 0.0, axis=1)) for term in terms)


def _listed(cells: Vector, odds_ratio: float) -> float | None:
    both, first, second = (float(value) for value in cells)
    if both == 0.0 or both + first == 0.0:
        return None
    missed = odds_ratio * first * second / both
    return min((both + first) / (both + first + second + missed), 1.0 - 1e-9)
