"""Whether a log-linear model of linked lists has an estimate, and whether the data determine the unseen count.

With sparse overlap the maximum likelihood estimate of a log-linear model may lie at infinity, and the number of cases
on no list may then be anything (Fienberg & Rinaldo 2012, Annals of Statistics 40:996; Chan, Silverman & Vincent 2021,
Journal of the American Statistical Association 116:1297).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import InternalError
from dwangstats.numerics.degenerate import collinear_columns

ExistenceStatus: TypeAlias = Literal["exists", "at the boundary", "not identified"]

#: a projection that leaves more than this of a unit vector does not determine it; designs hold zeros and ones only.
_OUTSIDE = 1e-8


@dataclass(frozen=True, slots=True)
class Existence:
    """What the observed cells determine of a log-linear model.

    Attributes
    ----------
    status : {"exists", "at the boundary", "not identified"}
        "exists": every coefficient has a finite estimate. "at the boundary": some expected counts are zero and some
        coefficients infinite, yet the expected unseen count is finite and unique. "not identified": the data do not
        determine the unseen count.
    support : (n,) bool
        Cells whose expected count is above zero at the (extended) maximum of the likelihood.
    columns : (r,) int
        Independent columns of the design on those cells, the intercept first.
    limits : (k,) float
        Per coefficient 0 where its estimate is finite, otherwise the infinity that it goes to, or not a number where
        it could be anything.
    """

    status: ExistenceStatus
    support: NDArray[np.bool_]
    columns: Codes
    limits: Vector


def list_existence(X: Matrix, y: Vector) -> Existence:
    """Status of the estimate of log mean = X beta for Poisson counts, the unseen count being exp(beta[0]).

    Parameters
    ----------
    X : (n, k) array
        Design of the observable cells; column 0 is the intercept, the others hold 0 and 1 and are 0 for a case on no
        list.
    y : (n,) array
        Counts, not all zero.

    Returns
    -------
    Existence
    """
    support = expected_support(X, y)
    seen = X[support]
    columns = np.setdiff1d(np.arange(X.shape[1]), collinear_columns(seen)).astype(np.intp)
    determined = _determined(seen)
    limits = np.where(determined, 0.0, np.nan)
    if not support.all():
        direction = _recession(X, support)
        limits = np.where(~determined & (direction != 0.0), np.copysign(np.inf, direction), limits)
    status: ExistenceStatus = "not identified"
    if determined[0]:
        status = "exists" if determined.all() else "at the boundary"
    return Existence(status, support, columns, limits)


def expected_support(X: Matrix, y: Vector) -> NDArray[np.bool_]:
    """Cells whose mean is above zero at the extended maximum of the likelihood, (n,).

    They are the cells in which some x >= 0 with the sums of the data, X'x = f X'y for some f, is above zero. The
    linear program maximises sum s over x = s + r, 0 <= s <= 1, r >= 0, f >= 0; because f is free all of them reach
    s = 1 at once. The estimate is finite exactly when these are all cells and X has independent columns.
    """
    positive = y > 0.0
    if positive.all():
        return np.asarray(positive)
    n, k = X.shape
    # Which cells they are depends only on which counts are above zero, so that large counts need not be scaled.
    sums = X.T @ positive.astype(np.float64)
    found = linprog(
        np.concatenate([-np.ones(n), np.zeros(n + 1)]),
        A_eq=np.hstack([X.T, X.T, -sums[:, None]]),
        b_eq=np.zeros(k),
        bounds=[(0.0, 1.0)] * n + [(0.0, None)] * (n + 1),
        method="highs",
    )
    if found.x is None:
        raise InternalError(f"the linear program of the existence check has no answer: {found.message}")
    return np.asarray((found.x[:n] > 0.5) | positive)


def _determined(seen: Matrix) -> NDArray[np.bool_]:
    """Which coefficients the rows determine: unit vectors in the row space, (k,)."""
    _, singular, rows = np.linalg.svd(seen, full_matrices=False)
    basis = rows[singular > _OUTSIDE * singular[0]]
    inside = np.einsum("rk,rk->k", basis, basis)
    return np.asarray(1.0 - inside < _OUTSIDE)


def _recession(X: Matrix, support: NDArray[np.bool_]) -> Vector:
    """A direction along which only the means outside the support move, all of them to zero; as few columns as it can.

    The smallest sum of absolute changes with X d = 0 on the support and X d <= -1 outside.
    """
    k = X.shape[1]
    outside = X[~support]
    found = linprog(
        np.ones(2 * k),
        A_ub=np.hstack([outside, -outside]),
        b_ub=-np.ones(outside.shape[0]),
        A_eq=np.hstack([X[support], -X[support]]),
        b_eq=np.zeros(int(support.sum())),
        bounds=(0.0, None),
        method="highs",
    )
    if found.x is None:
        raise InternalError(f"the linear program of the direction to infinity has no answer: {found.message}")
    direction = found.x[:k] - found.x[k:]
    return np.where(np.abs(direction) > _OUTSIDE, direction, 0.0)
