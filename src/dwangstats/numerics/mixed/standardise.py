"""Columns of a design centred and scaled, so that a calendar year or an amount in euros costs no digits."""

import numpy as np

from dwangstats._types import Matrix


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
    constant = [j for j in range(k) if X[0, j] != 0.0 and np.ptp(X[:, j]) == 0.0]
    for j in range(k):
        column = X[:, j]
        centre = float(column.mean()) if constant and j not in constant else 0.0
        size = float(np.sqrt(np.mean((column - centre) ** 2))) or 1.0
        transform[j, j] = 1.0 / size
        if centre != 0.0:
            transform[constant[0], j] = -centre / (size * X[0, constant[0]])
    return transform
