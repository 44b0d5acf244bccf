"""Zeros of one provider: in which sets they may be silence, and what each set costs for having been picked afterwards.

Whoever looks at T periods can find silence in 2^T - 1 places. The sets get weights that add up to one at most, so that
sets judged at ``weight * level`` keep all of them together at ``level`` (weighted Bonferroni). A quarter goes to each
kind, and each set of a kind gets the same of it:

- all periods (silent from beginning to end),
- one stretch that begins with the first or ends with the last period (a joiner, a leaver), 2 (T - 1) of them,
- one stretch in between, (T - 1)(T - 2) / 2 of them,
- several stretches (flickering); here each number k of periods gets the same, shared by the C(T, k) sets of k periods.
"""

from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector

Shape: TypeAlias = Literal["whole", "start", "end", "middle", "several"]


@dataclass(frozen=True, slots=True)
class ZeroSet:
    """Some periods of a provider in which it registered nothing.

    Attributes
    ----------
    places : (k,) array
        Their places among the provider's periods in order of time, increasing.
    log_weight : float
        Log of the share of the level that it gets.
    """

    places: Codes
    log_weight: float


def zero_runs(zero: NDArray[np.bool_]) -> list[Codes]:
    """Stretches of zeros that cannot be made longer, as places (k,) in order of time.

    Parameters
    ----------
    zero : (T,) array of bool
        Of the delivered periods in order of time; a period without a delivery stands not in between.
    """
    places = np.flatnonzero(zero)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if run.size]


def candidate_sets(zero: NDArray[np.bool_]) -> list[ZeroSet]:
    """Each stretch of zeros, and where there are several also all zeros together.

    Parameters
    ----------
    zero : (T,) array of bool
        Of the periods under consideration, in order of time.
    """
    runs = zero_runs(zero)
    sets = [*runs, *([np.concatenate(runs)] if len(runs) > 1 else [])]
    return [ZeroSet(places, log_weight(places, zero.size)) for places in sets]


def shape_of(places: Codes, periods: int) -> Shape:
    """How a set of periods lies among all of them.

    Parameters
    ----------
    places : (k,) array
        Increasing, k >= 1.
    periods : int
        Number of periods T.
    """
    first, last = int(places[0]), int(places[-1])
    if last - first + 1 > places.size:
        return "several"
    if places.size == periods:
        return "whole"
    if first == 0:
        return "start"
    return "end" if last == periods - 1 else "middle"


def log_weight(places: Codes, periods: int) -> float:
    """Log of the weight of a set of places among so many periods; the weights of all sets add up to one at most."""
    return log(0.25) + log_share(places, periods)


def log_share(places: Codes, periods: int) -> float:
    """Log of the share of a set of places among the sets of its kind."""
    shape = shape_of(places, periods)
    if shape == "whole":
        return 0.0
    if shape in ("start", "end"):
        return -log(2 * (periods - 1))
    if shape == "middle":
        return -log((periods - 1) * (periods - 2) / 2)
    return log_weight_apart(places.size, periods) - log(0.25)


def total_weight(periods: int) -> float:
    """Sum of the weights of all sets of so many periods: one at most, less where some kinds have no or fewer sets."""
    kinds = 1.0 + float(periods >= 2) + float(periods >= 3)
    apart = [1.0 - exp(log(periods - size + 1) - _log_choose(periods, size)) for size in range(2, periods)]
    return 0.25 * (kinds + sum(apart) / periods)


def log_weight_apart(size: int, periods: int) -> float:
    """Log of the weight of one set of so many periods that do not follow on each other."""
    return log(0.25) - log(periods) - _log_choose(periods, size)


def benjamini_hochberg(log_p: Vector, level: float) -> tuple[Vector, float]:
    """Log of the adjusted p-values, and of the largest p-value that is rejected.

    Parameters
    ----------
    log_p : (m,) array
        Logs of the p-values, those that nobody suspects included.
    level : float
        Expected share of false ones among the rejected (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57, 289-300).

    Returns
    -------
    adjusted : (m,) array
        Logs; rejected is what is at most log(level).
    cutoff : float
        Log of the p-value up to which is rejected; minus infinity where nothing is.
    """
    values = np.minimum(log_p, 0.0)
    order = np.argsort(values, kind="stable")
    raised = values[order] + np.log(values.size) - np.log(np.arange(1, values.size + 1))
    adjusted = np.empty(values.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 0.0)
    rejected = int(np.count_nonzero(adjusted <= log(level)))
    return adjusted, float(values[order][rejected - 1]) if rejected else -np.inf


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
