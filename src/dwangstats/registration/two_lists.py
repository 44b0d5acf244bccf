"""Two linked registers: how many events stand in neither, for every dependence one cares to assume."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.optimize import brentq
from scipy.stats import chi2

from dwangstats.errors import DomainError
from dwangstats.estimate import Estimate

IDENTIFIED_BY = "2 linked lists"
ODDS_RATIOS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0)
"""Odds ratios of the dependence curve."""


@dataclass(frozen=True, slots=True)
class TwoLists:
    """Events in two linked registers, and an estimate of those in neither.

    Attributes
    ----------
    both, first_only, second_only : int
        Linked events.
    odds_ratio : float
        Odds ratio of standing in both registers that was assumed; two lists do not say it.
    unseen, total : Estimate
        Events in neither register, and all events.
    completeness_first, completeness_second : Estimate
        Share of all events that stands in each register.
    curve : DataFrame
        The same under other odds ratios: odds_ratio, unseen, unseen_lower, unseen_upper, total,
        completeness_first, completeness_first_lower, completeness_first_upper.
    """

    both: int
    first_only: int
    second_only: int
    odds_ratio: float
    unseen: Estimate
    total: Estimate
    completeness_first: Estimate
    completeness_second: Estimate
    curve: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What the assumed dependence means."""
        if self.odds_ratio == 1.0:
            return (
                "Two lists do not say how they depend on each other. An odds ratio of 1 assumes that they do not; if "
                "an event in one register is likelier to stand in the other as well, the number unseen is at least "
                "this and completeness at most this."
            )
        return (
            f"Two lists do not say how they depend on each other; an odds ratio of {self.odds_ratio:g} was assumed, "
            "and the numbers are no better than that assumption."
        )

    def __str__(self) -> str:
        return f"unseen: {self.unseen}\ncompleteness of the first list: {self.completeness_first}\n{self.sentence}"


def two_list_estimate(
    both: int,
    first_only: int,
    second_only: int,
    *,
    odds_ratio: float = 1.0,
    chapman: bool = True,
    level: float = 0.95,
    odds_ratios: Sequence[float] = ODDS_RATIOS,
) -> TwoLists:
    """Events that stand in neither of two linked registers.

    The number unseen is odds_ratio x first_only x second_only / both, or with ``chapman`` over (both + 1), which is
    finite without overlap and nearly unbiased for small numbers (Chapman 1951; at odds ratio 1 the total is (n1 + 1)
    (n2 + 1) / (both + 1) - 1). The interval holds every unseen count with which the completed two by two table fits
    the odds ratio by the likelihood ratio (Cormack 1992, Biometrics 48:567); it has no upper end when too few events
    stand in both.

    Parameters
    ----------
    both, first_only, second_only : int
        Linked events, at least 0 and not all 0.
    odds_ratio : float
        Odds ratio of standing in both registers, > 0, the same for all events. 1: the registers take no notice of
        each other. Under positive dependence the answer at 1 is a lower bound of the number unseen.
    chapman : bool
    level : float
        Confidence level of the intervals, in (0, 1).
    odds_ratios : sequence of float
        Odds ratios of the curve.

    Returns
    -------
    TwoLists

    Raises
    ------
    DomainError
        Counts that are no counts, no events at all, an odds ratio that is not positive, or without ``chapman`` no
        event in both.
    """
    cells = _checked(both, first_only, second_only)
    for value in (odds_ratio, *odds_ratios):
        if not 0.0 < value < math.inf:
            raise DomainError(f"an odds ratio must be a positive number, got {value:g}")
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")
    if not chapman and cells[0] == 0:
        raise DomainError(
            "no event stands in both registers, so the number unseen has no estimate but infinity; leave chapman=True"
        )
    unseen, total, first, second = _estimates(cells, odds_ratio, chapman, level)
    rows = [_curve_row(value, *_estimates(cells, value, chapman, level)) for value in odds_ratios]
    return TwoLists(
        both=cells[0],
        first_only=cells[1],
        second_only=cells[2],
        odds_ratio=float(odds_ratio),
        unseen=unseen,
        total=total,
        completeness_first=first,
        completeness_second=second,
        curve=pd.DataFrame(rows),
    )


def unseen_interval(
    both: int, first_only: int, second_only: int, odds_ratio: float, level: float
) -> tuple[float, float]:
    """Unseen counts with which the completed table is not at odds with the odds ratio, at this level.

    Parameters
    ----------
    both, first_only, second_only : int
        Counts >= 0, not all 0.
    odds_ratio : float, > 0
    level : float, in (0, 1)

    Returns
    -------
    (lower, upper) : float
        Not rounded to whole numbers; infinite where no number is too large.
    """
    limit = float(chi2.ppf(level, 1))
    best = odds_ratio * first_only * second_only / both if both else math.inf

    def excess(unseen: float) -> float:
        return _deviance((both, first_only, second_only, unseen), odds_ratio) - limit

    lower = 0.0
    if excess(0.0) > 0.0:
        fits = 1.0
        while fits < best and excess(fits) > 0.0:
            fits *= 2.0
        lower = float(brentq(excess, 0.0, min(fits, best)))
    if best == math.inf:
        return lower, math.inf
    too_many = max(best, 1.0)
    while excess(too_many) <= 0.0:
        too_many *= 2.0
    return lower, float(brentq(excess, best, too_many))


def _checked(both: int, first_only: int, second_only: int) -> tuple[int, int, int]:
    given = {"both": both, "first_only": first_only, "second_only": second_only}
    for name, value in given.items():
        if not (0 <= value < math.inf and value == int(value)):
            raise DomainError(f"{name} must be a whole number of at least 0, got {value:g}")
    for name, count in {"first": both + first_only, "second": both + second_only}.items():
        if count == 0:
            raise DomainError(f"the {name} register holds no events, so linking says nothing about those in neither")
    return int(both), int(first_only), int(second_only)


def _estimates(
    cells: tuple[int, int, int], odds_ratio: float, chapman: bool, level: float
) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Unseen, total, completeness of the first and of the second register."""
    both, first_only, second_only = cells
    seen = both + first_only + second_only
    unseen = odds_ratio * first_only * second_only / (both + 1 if chapman else both)
    lower, upper = unseen_interval(both, first_only, second_only, odds_ratio, level)
    # Without overlap and at a low level the interval may begin above the number of Chapman, which is then its end.
    lower = min(lower, unseen)

    def adjusted(values: tuple[float, float, float], unit: str) -> Estimate:
        return Estimate(values[1], values[0], values[2], level, "adjusted", unit, IDENTIFIED_BY)

    def share(registered: int) -> tuple[float, float, float]:
        return registered / (seen + upper), registered / (seen + unseen), registered / (seen + lower)

    return (
        adjusted((lower, unseen, upper), "events in neither register"),
        adjusted((seen + lower, seen + unseen, seen + upper), "events"),
        adjusted(share(both + first_only), "share of events in the first register"),
        adjusted(share(both + second_only), "share of events in the second register"),
    )


def _curve_row(
    odds_ratio: float, unseen: Estimate, total: Estimate, first: Estimate, _second: Estimate
) -> dict[str, float]:
    return {
        "odds_ratio": float(odds_ratio),
        "unseen": unseen.estimate,
        "unseen_lower": unseen.lower,
        "unseen_upper": unseen.upper,
        "total": total.estimate,
        "completeness_first": first.estimate,
        "completeness_first_lower": first.lower,
        "completeness_first_upper": first.upper,
    }


def _deviance(cells: tuple[float, float, float, float], odds_ratio: float) -> float:
    """Deviance of the two by two table (both, first only, second only, neither) from tables with the odds ratio.

    The fitted table has the margins of the data, so one number moves all four cells, and it solves a quadratic.
    """
    both, first_only, second_only, neither = cells
    a = 1.0 - odds_ratio
    b = both + neither + odds_ratio * (first_only + second_only)
    c = both * neither - odds_ratio * first_only * second_only
    moved = 2.0 * c / (b + math.sqrt(b * b - 4.0 * a * c))
    moves = ((both, -moved), (first_only, moved), (second_only, moved), (neither, -moved))
    return 2.0 * math.fsum(_deviance_part(count, move) for count, move in moves)


def _deviance_part(count: float, move: float) -> float:
    """Value of n log(n / m) - (n - m) for a mean m = n + move."""
    if count == 0.0:
        return move
    # Rounding may put the move a little beyond a cell that is emptied.
    return move - count * math.log1p(max(move / count, -1.0 + 1e-15))
