"""What makes a log-linear fit impossible: columns that depend on each other, and estimates at infinity."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linprog

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.covariance import column_lengths, weighted_gram
from dwangstats.numerics.intervals import Intervals

# Unit columns closer than this to the span of others carry no digit of their own.
_RANK_TOLERANCE = 1e-11
# A Gram matrix of unit columns keeps half the digits; above this its factor is as good as one by QR.
_SAFE_EIGENVALUE = 1e-8


@dataclass(frozen=True, slots=True)
class EmptyDirection:
    """A direction in which the likelihood only rises: means of rows without events go to 0, all others stay.

    Attributes
    ----------
    columns : positions of the columns of X that move.
    rows : positions of the rows, all with count 0, whose fitted mean goes to 0.
    """

    columns: tuple[int, ...]
    rows: tuple[int, ...]


def collinear_columns(X: Matrix) -> list[int]:
    """Positions of the columns of X that are linear combinations of columns before them, in order."""
    return list(column_dependencies(X))


def column_dependencies(X: Matrix) -> dict[int, tuple[int, ...]]:
    """For each dependent column the earlier, independent columns it is made of; a column of zeros has none.

    The rank is found by pivoted QR of X with its columns scaled to length 1; a column is dependent when less than
    1e-10 of its length is its own.
    """
    factor, _ = unit_triangle(X)
    if _rank(factor) == X.shape[1]:
        return {}
    dependent: dict[int, tuple[int, ...]] = {}
    tolerance = _RANK_TOLERANCE
    # Pivoting finds the least own length over all orders; in the order of the columns it can be somewhat more.
    while not dependent:
        tolerance *= 10.0
        dependent = _dependent_in_order(factor, tolerance)
    return dependent


def empty_direction(X: Matrix, y: Vector) -> EmptyDirection | None:
    """Direction along which the maximum likelihood estimate runs off to infinity, or None when the estimate is finite.

    It exists when some v has x'v = 0 in every row with events, x'v <= 0 in every row without, and x'v < 0 somewhere
    (Correia, Guimaraes & Zylkin 2019, arXiv 1903.01633), for all three families. X must have independent columns.
    """
    unit = column_lengths(X)
    with_events = y > 0.0
    if np.linalg.eigvalsh(weighted_gram(X, with_events.astype(np.float64), unit))[0] > _SAFE_EIGENVALUE:
        return None
    _, singular, basis = np.linalg.svd(np.linalg.qr(X[with_events] / unit, mode="r"), full_matrices=True)
    rank = int(np.count_nonzero(singular > 1e-10))
    if rank == X.shape[1]:
        return None
    null = basis[rank:].T
    rows = np.flatnonzero(y == 0.0)
    moves = (X[rows] / unit) @ null
    moves /= max(float(np.abs(moves).max(initial=0.0)), 1e-300)
    direction = _falling(moves)
    if direction is None:
        return None
    column_moves = null @ direction
    columns = np.flatnonzero(np.abs(column_moves) > 1e-6 * np.abs(column_moves).max())
    return EmptyDirection(tuple(columns.tolist()), tuple(rows[moves @ direction < -1e-6].tolist()))


def endless_direction(X: Matrix, intervals: Intervals) -> EmptyDirection | None:
    """As `empty_direction`, for counts known to intervals: 0 <= x'v where there is no upper bound, free from 0 to inf.

    The rows found are those whose fitted mean goes to 0, or without end where their upper bound is inf.
    """
    rows = np.flatnonzero(intervals.informative)
    lower, open_end = intervals.lower[rows], np.isinf(intervals.upper[rows])
    signed = np.where(open_end[:, None], -X[rows], X[rows])
    found = empty_direction(signed, np.where(open_end, 0.0, lower))
    return None if found is None else EmptyDirection(found.columns, tuple(int(rows[i]) for i in found.rows))


def refuse_degenerate(X: Matrix, y: Vector, factor: Matrix, intervals: Intervals | None = None) -> None:
    """Raise where no fit is possible, with positions of rows and columns.

    Parameters
    ----------
    X : (n, k) array
    y : (n,) array
        Counts; with intervals the lower bounds.
    factor : (k, k) array
        Of `unit_triangle`, of the rows of which anything is known.
    intervals : Intervals, optional

    Raises
    ------
    FitError
        No events at all, columns that depend on each other, or an estimate at infinity.
    """
    if not y.any():
        known = "counts are 0" if intervals is None else "counts are 0 or may be, by their intervals"
        raise FitError(
            f"All {y.size} {known}, so no rate can be estimated: the best rate is 0 with nothing to compare. "
            "Use bounds, or take rows with events in."
        )
    if _rank(factor) < X.shape[1]:
        rows = slice(None) if intervals is None else intervals.informative
        dependent = column_dependencies(X[rows])
        parts = "; ".join(
            f"column {j} " + (f"follows from columns {', '.join(map(str, of))}" if of else "is 0 in every row")
            for j, of in dependent.items()
        )
        raise FitError(
            f"{len(dependent)} of {X.shape[1]} columns of the design say nothing of their own: {parts} "
            "(positions start at 0). Leave these terms out of the formula."
        )
    empty = empty_direction(X, y) if intervals is None else endless_direction(X, intervals)
    if empty is None:
        return
    if intervals is None:
        raise FitError(
            f"The estimate lies at infinity: {len(empty.rows)} rows, all with count 0 ({first_rows(empty.rows)}), form "
            f"a group without any event, set apart by columns {', '.join(map(str, empty.columns))} (from 0). "
            "Merge that group with another, or leave its rows out and say so."
        )
    raise FitError(
        f"The estimate lies at infinity: {len(empty.rows)} rows, whose intervals are all open to one side "
        f"({first_rows(empty.rows)}), form a group set apart by columns {', '.join(map(str, empty.columns))} (from 0). "
        "Merge that group with another, or leave its rows out and say so."
    )


def unit_triangle(X: Matrix) -> tuple[Matrix, Vector]:
    """Triangular factor of X with its columns divided by their lengths, and these lengths.

    By Cholesky where that is safe: it needs one pass over X, and the factor only has to be nearly orthogonalising.
    """
    length = column_lengths(X)
    gram = weighted_gram(X, np.ones(X.shape[0]), length)
    if np.linalg.eigvalsh(gram)[0] > _SAFE_EIGENVALUE:
        return np.asarray(np.linalg.cholesky(gram).T, dtype=np.float64), length
    return np.asarray(np.linalg.qr(X / length, mode="r"), dtype=np.float64), length


def _rank(factor: Matrix) -> int:
    pivoted, _ = qr(factor, mode="r", pivoting=True)
    return int(np.count_nonzero(np.abs(np.diag(pivoted)) > _RANK_TOLERANCE))


def _dependent_in_order(factor: Matrix, tolerance: float) -> dict[int, tuple[int, ...]]:
    kept: list[int] = []
    dependent: dict[int, tuple[int, ...]] = {}
    for j, column in enumerate(factor.T):
        weights = np.linalg.lstsq(factor[:, kept], column, rcond=None)[0]
        if np.linalg.norm(column - factor[:, kept] @ weights) > tolerance:
            kept.append(j)
        else:
            dependent[j] = tuple(kept[i] for i in np.flatnonzero(np.abs(weights) > 1e-8))
    return dependent


def _falling(moves: Matrix) -> Vector | None:
    """Some w with moves w <= 0 and not all 0, by linear programming over the distinct rows."""
    distinct = np.unique(np.round(moves, 9), axis=0)
    bound = np.ones(distinct.shape[0])
    found = linprog(
        distinct.sum(axis=0),
        A_ub=np.vstack((distinct, -distinct)),
        b_ub=np.concatenate((np.zeros_like(bound), bound)),
        bounds=(None, None),
        method="highs",
    )
    if found.x is None or found.fun > -1e-6:
        return None
    return np.asarray(found.x, dtype=np.float64)


def first_rows(rows: tuple[int, ...] | list[int]) -> str:
    """The first of some row numbers, for messages."""
    return "first rows " + ", ".join(str(row) for row in rows[:5])
