"""The logarithmic mean Divisia index (LMDI-I): a closed form to hold beside the Shapley value."""

import numpy as np

from dwangstats._types import Matrix, Vector


def lmdi(before: Vector, log_ratios: Matrix) -> Vector:
    """Division of the change of a sum over cells by logarithmic means (Ang and Liu 2001, Energy 26, 537-548, eq. 8).

    Parameters
    ----------
    before : (C,) array
        Value of each cell before, >= 0.
    log_ratios : (K, C) array
        Log of after over before of each of the K factors of a cell; a cell's value after is
        before * exp(sum over factors).

    Returns
    -------
    (K,) array
        sum over cells of L(after, before) log_ratio, L(a, b) = (a - b) / log(a / b). They add up to the change.
    """
    total = log_ratios.sum(axis=0)
    return np.asarray(log_ratios @ (before * _mean_growth(total)), dtype=np.float64)


def _mean_growth(log_ratio: Vector) -> Vector:
    """(exp(x) - 1) / x, the logarithmic mean of exp(x) and 1; 1 at x = 0."""
    moved = log_ratio != 0.0
    growth = np.ones_like(log_ratio)
    growth[moved] = np.expm1(log_ratio[moved]) / log_ratio[moved]
    return growth
