"""What remains possible for the real part where registration and real change cannot be told apart."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.change.decomposition_words import RealBand
from dwangstats.change.parts import MOVED, REAL, REGISTRATION
from dwangstats.registration.bounds import Limits, bounds

COLUMNS = (
    "part",
    "lower",
    "upper",
    "interval_lower",
    "interval_upper",
    "completeness_low",
    "completeness_high",
    "monotone",
)


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is assumed about completeness, the same for all providers.

    Attributes
    ----------
    before : (low, high)
        Limits on completeness before, as for `dwangstats.registration.bounds.bounds`.
    monotone : bool
        Completeness did not fall.
    """

    before: Limits
    monotone: bool

    @property
    def log_ratios(self) -> tuple[float, float]:
        """Lowest and highest log(p1 / p0) that the limits allow.

        Raises
        ------
        DomainError
            If the limits are not limits on a probability.
        """
        # With a registered ratio of 1 the bounds on the real ratio are those on p0 / p1.
        found = bounds(rate_ratio=1.0, completeness_before=self.before, monotone=self.monotone)
        return -math.log(found.upper), -math.log(found.lower)


@dataclass(frozen=True, slots=True)
class Band:
    """The band as a frame, one row for registration and one for real, and its real part for a sentence."""

    frame: pd.DataFrame
    real: RealBand | None


def no_band() -> Band:
    """No band: nothing was assumed, or nothing needs to be."""
    return Band(pd.DataFrame(columns=list(COLUMNS)), None)


def real_band(assumption: Assumption, divided: Callable[[float], Matrix], level: float) -> Band:
    """Ends of the registration part and the real part over all ratios of completeness that are allowed.

    Both ends lie at the ends of the ratio: the real part falls as log(p1 / p0) rises. The interval takes chance in at
    both ends: the lower quantile of the draws at the lower end to the upper quantile at the upper end, which covers the
    whole band with the level at least.

    Parameters
    ----------
    assumption : Assumption
    divided : callable
        From log(p1 / p0) to the parts of `MOVED` in every draw, (6, 1 + D), the estimate first.
    level : float
        Confidence level.

    Returns
    -------
    Band
    """
    low, high = (divided(ratio) for ratio in assumption.log_ratios)
    tail = (1.0 - level) / 2.0
    rows = []
    for part, first, last in ((REGISTRATION, low, high), (REAL, high, low)):
        k = MOVED.index(part)
        lower, upper = float(first[k, 0]), float(last[k, 0])
        ends = (float(np.quantile(first[k, 1:], tail)), float(np.quantile(last[k, 1:], 1.0 - tail)))
        outer = (min(lower, ends[0]), max(upper, ends[1]))
        rows.append((part, lower, upper, *outer, *assumption.before, assumption.monotone))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    real = RealBand(rows[1][1], rows[1][2], assumption.before, assumption.monotone)
    return Band(frame, real)
