"""Counts of which some are known only to lie in an interval: the same functions as for exact counts, row by row.

Rows with lower < upper go to `dwangstats.numerics.censored`, all others to `dwangstats.numerics.families`. Without
intervals the call is that of `families` itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics import families
from dwangstats.numerics.censored import interval_derivatives, interval_loglik
from dwangstats.numerics.families import Derivatives


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Least and greatest possible count of each row, both included.

    Attributes
    ----------
    lower, upper : (n,) arrays
        Integers, 0 <= lower <= upper; upper may be inf. Where they are equal the count is exact.
    """

    lower: Vector
    upper: Vector

    @property
    def wide(self) -> NDArray[np.bool_]:
        """Rows whose count is not exact, (n,)."""
        return np.asarray(self.lower < self.upper)

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Rows of which anything is known, (n,): not those from 0 to inf."""
        return np.asarray((self.lower > 0.0) | np.isfinite(self.upper))

    @property
    def middle(self) -> Vector:
        """A count inside each interval, (n,): where a search may begin, never what is fitted."""
        upper = np.where(np.isinf(self.upper), 2.0 * self.lower + 1.0, self.upper)
        return 0.5 * (self.lower + upper)

    def take(self, chosen: Codes | NDArray[np.bool_]) -> "Intervals":
        """The intervals of some rows, by a mask or positions."""
        return Intervals(self.lower[chosen], self.upper[chosen])


def count_loglik(
    family: FamilyName, y: Vector, eta: Vector, alpha: float, intervals: Intervals | None = None
) -> Vector:
    """Log probability of what is known of each count, (n,).

    Parameters
    ----------
    family : {"poisson", "nb2", "nb1"}
    y : (n,) array
        Counts; not read where there are intervals.
    eta : (n,) array
        Log means.
    alpha : float
    intervals : Intervals, optional
    """
    if intervals is None:
        return families.loglik(family, y, eta, alpha)
    wide, lower, upper = intervals.wide, intervals.lower, intervals.upper
    value = np.empty(eta.size)
    value[~wide] = families.loglik(family, lower[~wide], eta[~wide], alpha)
    value[wide] = interval_loglik(family, lower[wide], upper[wide], eta[wide], alpha)
    return value


def count_derivatives(
    family: FamilyName,
    y: Vector,
    eta: Vector,
    alpha: float,
    intervals: Intervals | None = None,
    *,
    order: int = 2,
    with_loglik: bool = True,
) -> Derivatives:
    """Derivatives of `count_loglik`, row by row, as `families.derivatives` gives them.

    Parameters
    ----------
    family, y, eta, alpha, intervals
        As in `count_loglik`.
    order : {1, 2, 3}
        Highest order; 3 only without intervals.
    with_loglik : bool
        Whether the log probability itself is wanted.

    Raises
    ------
    DomainError
        For third derivatives of intervals.
    """
    if intervals is None:
        return families.derivatives(family, y, eta, alpha, order=order, with_loglik=with_loglik)
    if order > 2:
        raise DomainError("the probability of an interval has derivatives to the second order only")
    wide = intervals.wide
    out: Matrix = np.full((8, eta.size), np.nan)
    exact = families.derivatives(
        family, intervals.lower[~wide], eta[~wide], alpha, order=order, with_loglik=with_loglik
    )
    for place, name in enumerate(Derivatives.__dataclass_fields__):
        out[place, ~wide] = getattr(exact, name)
    rows = intervals.take(wide)
    found = interval_derivatives(family, rows.lower, rows.upper, eta[wide], alpha, with_alpha=True)
    for place, name in enumerate(Derivatives.__dataclass_fields__):
        if hasattr(found, name):
            out[place, wide] = getattr(found, name)
    return Derivatives(*out)


def working_weight(family: FamilyName, eta: Vector, alpha: float, intervals: Intervals | None = None) -> Vector:
    """Information of each row on its log mean, (n,): expected without intervals, observed and >= 0 with them.

    What an interval would tell on average depends on how all other counts would have been shown, which is not known.
    Nor is the expected information of an exact count among intervals that of the row: its count was shown because of
    its size, so it is a selected one.
    """
    if intervals is None or not intervals.wide.any():
        return families.expected_weight(family, eta, alpha)
    at = count_derivatives(family, intervals.lower, eta, alpha, intervals, with_loglik=False)
    return np.maximum(-at.d2_eta, 0.0)


def overdispersion(X: Matrix, eta: Vector, intervals: Intervals) -> float:
    """How far counts vary more than Poisson at a Poisson fit, in standard errors; about N(0, 1) or less if they do not.

    The score of the NB2 dispersion at 0 over the root of the sum of squares of its rows, less what the scores of the
    coefficients explain of them (the outer product form of the score test; Godfrey 1988, Misspecification Tests in
    Econometrics, section 1.5). The scores of excess are skewed to the right, which makes it err to the low side.

    Parameters
    ----------
    X : (n, k) array
    eta : (n,) array
        Log means of the fit.
    intervals : Intervals

    Returns
    -------
    float
        0 where no row tells of a dispersion.
    """
    at = count_derivatives("nb2", intervals.lower, eta, 0.0, intervals, order=1, with_loglik=False)
    scores = X * at.d_eta[:, None]
    lengths = np.sqrt(np.einsum("ij,ij->j", scores, scores))
    scores = scores / np.where(lengths > 0.0, lengths, 1.0)
    rest = at.d_alpha - scores @ np.linalg.lstsq(scores, at.d_alpha, rcond=None)[0]
    spread = float(np.sqrt(rest @ rest))
    return float(at.d_alpha.sum()) / spread if spread > 0.0 else 0.0


def check_intervals(intervals: Intervals, n: int) -> None:
    """Refuse bounds that are none.

    Raises
    ------
    DomainError
        Other lengths than n, bounds that are not whole or negative, an infinite lower bound, lower above upper.
    """
    lower, upper = intervals.lower, intervals.upper
    if lower.shape != (n,) or upper.shape != (n,):
        raise DomainError(f"the bounds have shapes {lower.shape} and {upper.shape}, the other arrays {n} rows")
    whole = np.isfinite(lower) & (lower == np.floor(lower)) & (upper == np.floor(upper))
    bad = np.flatnonzero(~(whole & (lower >= 0.0) & (lower <= upper)))
    if bad.size:
        first = ", ".join(str(row) for row in bad[:5].tolist())
        raise DomainError(
            f"bounds must be whole with 0 <= lower <= upper (upper may be inf): {bad.size} are not (first rows {first})"
        )
