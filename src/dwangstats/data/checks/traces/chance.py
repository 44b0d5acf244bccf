"""When more is seen than chance explains: counts of a clock time, a code, a coincidence, against what is expected."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask

#: A sign counts when chance alone gives it this rarely; a register of n providers is asked n questions at this level.
LEVEL: Final = 0.001
#: Of errors that every register has, such as double entries, a weaker sign is enough.
COMMON: Final = 0.05
#: And when at least half of what is seen is not chance.
EXCESS: Final = 2.0


def beyond_chance(observed: "NDArray[Any] | float", expected: "NDArray[Any] | float", questions: int = 1) -> Mask:
    """Whether counts are at least `EXCESS` times the expected ones, and rarer than `LEVEL` if they were Poisson.

    Parameters
    ----------
    observed, expected : array or number
        Counts, and what they would be without the error, >= 0.
    questions : int
        Number of questions that are asked together; the level is divided by it (Bonferroni).

    Returns
    -------
    array of bool
    """
    seen: Vector = np.asarray(observed, dtype=np.float64)
    usual: Vector = np.asarray(expected, dtype=np.float64)
    rare = poisson.sf(seen - 1.0, usual) < LEVEL / max(questions, 1)
    return np.asarray((seen > 0.0) & rare & (seen >= EXCESS * usual), dtype=np.bool_)


def beyond_others(
    observed: "NDArray[Any] | float",
    others: "NDArray[Any] | float",
    ratio: "NDArray[Any] | float",
    questions: int = 1,
    level: float = LEVEL,
) -> Mask:
    """Whether counts are beyond what other counts, seen `ratio` times as seldom, tell to expect.

    Given the sum of two Poisson counts, one of them is binomial; what is expected need not be known exactly, and where
    the other count is zero one observation proves nothing.

    Parameters
    ----------
    observed, others : array or number
        Counts, >= 0.
    ratio : array or number
        Expected number of ``observed`` per one of ``others`` without the error, >= 0.
    questions : int
        As in `beyond_chance`.
    level : float
        In (0, 1).

    Returns
    -------
    array of bool
    """
    seen, beside, odds = (np.asarray(value, dtype=np.float64) for value in (observed, others, ratio))
    rare = binom.sf(seen - 1.0, seen + beside, odds / (1.0 + odds)) < level / max(questions, 1)
    return np.asarray((seen > 0.0) & rare & (seen >= EXCESS * beside * odds), dtype=np.bool_)


def unless_coincidence(
    marked: Mask, provider: Codes, *others: tuple[NDArray[Any], float], level: float = COMMON
) -> Mask:
    """Marked rows, where the register or their provider has more of them than coincidence explains.

    Parameters
    ----------
    marked : (rows,) bool
    provider : (rows,) int
        Number of the provider of each row, from 0; -1 where it is not known.
    others : pairs of (rows,) bool or counts, and number
        What is comparable but for the error (rows, or counts of it with each row), and how many marked rows go with
        each by coincidence. Each pair is to be exceeded.
    level : float
        Chance that coincidence alone marks any row of a register, in (0, 1).
    """
    known = provider >= 0
    size = int(provider.max(initial=-1)) + 1

    def count(weight: NDArray[Any]) -> Vector:
        return np.bincount(provider[known], weights=weight[known], minlength=size).astype(np.float64)

    register = all(bool(beyond_others(marked.sum(), beside.sum(), ratio, level=level)) for beside, ratio in others)
    own = [beyond_others(count(marked), count(beside), ratio, size, level) for beside, ratio in others]
    return np.asarray(marked & (register | np.append(np.all(own, axis=0), False)[provider]), dtype=np.bool_)
