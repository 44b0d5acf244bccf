"""Columns of a design centred and scaled, so that a calendar year or an amount in euros costs no digits."""

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.structure import Term

FAR = 1.0
"""Mean over standard deviation from which a column of a random term is centred."""


def standardising(X: Matrix) -> Matrix:
    """A (k, k) matrix T such that the columns of X T have mean square one, and mean zero beside an intercept.

    Parameters
    ----------
    X : Matrix
        (n, k) design. Centring needs a constant column; without one the columns are only scaled.

    Returns
    -------
    Matrix
        Invertible; coefficients for X are T times those for X T.
    """
    k = X.shape[1]
    transform = np.zeros((k, k))
    constant = [j for j in range(k) if X[0, j] != 0.0 and is_constant(X[:, j])]
    for j in range(k):
        column = X[:, j]
        centre = float(column.mean()) if constant and j not in constant else 0.0
        transform[j, j] = 1.0 / _root_mean_square(column - centre)
        if centre != 0.0:
            transform[constant[0], j] = -centre * transform[j, j] / X[0, constant[0]]
    return transform


def centring(Z: Matrix) -> Matrix | None:
    """The same for a random term, or None where no column lies far from zero beside a constant one."""
    if Z.shape[1] == 1:
        return None
    transform = standardising(Z)
    constant = [j for j in range(Z.shape[1]) if Z[0, j] != 0.0 and is_constant(Z[:, j])]
    if not constant or np.abs(transform[constant[0]] * Z[0, constant[0]]).max() <= FAR:
        return None
    return transform


def scale_basis(term: Term, *, kept: int = 0) -> Matrix:
    """A (q, q) lower-triangular matrix K with positive diagonal such that K L, of unit-sized L, is a usual scale of b.

    With Z C centred, and K = C R for the rotation R that makes it triangular, b = C b' has scale K L where b' has
    scale R L. The effects of an uncorrelated term stay uncorrelated: they are only scaled.

    Parameters
    ----------
    term : Term
    kept : int
        Leading effects for which the scale L keeps its entries.
    """
    centre = centring(term.Z) if term.correlated else None
    if centre is None:
        basis = np.diag([1.0 / _root_mean_square(column) for column in term.Z.T])
    else:
        basis = np.asarray(np.linalg.qr(centre.T, mode="r"), dtype=np.float64).T
        basis = basis * np.where(np.diag(basis) < 0.0, -1.0, 1.0)
    inward = np.eye(term.width)
    inward[:kept, :kept] = np.linalg.inv(basis[:kept, :kept])
    result = np.asarray(np.tril(basis @ inward), dtype=np.float64)
    result[:kept, :kept] = np.eye(kept)
    return result


def is_constant(column: Vector) -> bool:
    """Whether all elements are equal."""
    return bool(np.all(column == column[0]))


def _root_mean_square(column: Vector) -> float:
    return float(np.sqrt(np.vdot(column, column) / column.size)) or 1.0
