"""The Shapley value of each part of a change, exact, over all subsets of parts.

The change is C(all parts after) - C(all parts before). A part's value is its mean contribution when the parts move from
before to after one by one, over all orders; the values add up to the change and no order is chosen. For a product of
factors this is the symmetric decomposition of Das Gupta (1993, U.S. Census Bureau, Current Population Reports P23-186).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dwangstats.errors import InternalError

BLOCK = 4_000_000
"""Most numbers that one block of draws may take; 32 MB of floats."""


def shapley(totals: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Shapley value of each part (Shapley 1953, Contributions to the Theory of Games II, 307-317, eq. 13).

    Parameters
    ----------
    totals : (2, ..., 2, ...) array
        C at every subset: on each of the first ``parts`` axes 0 is the part before and 1 the part after. The axes that
        follow, of draws for example, are kept.
    parts : int
        K, at least 1.

    Returns
    -------
    (K, ...) array
        sum over S without k of |S|! (K - |S| - 1)! / K! (C(S and k) - C(S)). They add up to the corner of ones less
        the corner of zeros, but for rounding.

    Raises
    ------
    InternalError
        If the first axes do not have length 2.
    """
    if parts < 1 or totals.shape[:parts] != (2,) * parts:
        raise InternalError(f"totals of {parts} parts need {parts} axes of length 2, got shape {totals.shape}")
    weights = _weights(parts)
    values = [np.tensordot(weights, np.diff(totals, axis=k).squeeze(k), parts - 1) for k in range(parts)]
    return np.stack(values)


def product_totals(factors: Sequence[NDArray[np.float64]], parts: int, *, block: int = BLOCK) -> NDArray[np.float64]:
    """Sum over cells of a product of factors, at every subset of parts.

    Parameters
    ----------
    factors : sequence of (s_1, ..., s_K, D or 1, C or 1) arrays
        Each with an axis of length 2 (before, after) for each part that moves it and of length 1 for the others; then
        the draws and the cells. A factor may depend on several parts at once.
    parts : int
        K.
    block : int
        Most numbers held at once; the draws are done in blocks of this size.

    Returns
    -------
    (2, ..., 2, D) array
        For `shapley`.

    Raises
    ------
    InternalError
        If the factors do not fit together.
    """
    shape = _common_shape(factors, parts)
    draws, cells = shape[-2:]
    step = max(1, block // max(1, math.prod(shape[:-2]) * cells))
    wide = [factor for factor in factors if factor.shape[-1] > 1]
    narrow = [factor for factor in factors if factor.shape[-1] == 1]
    totals = np.empty((2,) * parts + (draws,))
    for first in range(0, draws, step):
        inside = slice(first, min(first + step, draws))
        sums = _product([_cut(factor, inside) for factor in wide]).sum(axis=-1, keepdims=True) if wide else np.ones(1)
        totals[..., inside] = _product([sums, *(_cut(factor, inside) for factor in narrow)])[..., 0]
    return totals


def _weights(parts: int) -> NDArray[np.float64]:
    """|S|! (K - |S| - 1)! / K! for every subset S of the K - 1 other parts, on axes of length 2."""
    sizes = np.indices((2,) * (parts - 1)).sum(axis=0) if parts > 1 else np.zeros((), dtype=np.intp)
    by_size = [math.factorial(s) * math.factorial(parts - s - 1) / math.factorial(parts) for s in range(parts)]
    return np.asarray(np.asarray(by_size)[sizes], dtype=np.float64)


def _common_shape(factors: Sequence[NDArray[np.float64]], parts: int) -> tuple[int, ...]:
    shapes = [factor.shape for factor in factors]
    if not shapes or any(len(shape) != parts + 2 or not set(shape[:parts]) <= {1, 2} for shape in shapes):
        raise InternalError(f"factors need {parts} axes of parts (length 1 or 2), draws and cells, got {shapes}")
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise InternalError(f"the factors differ in draws or cells: {shapes}") from error


def _product(factors: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Product from the smallest factor to the largest, so that most of it is done on few numbers."""
    first, *others = sorted(factors, key=lambda factor: factor.size)
    result = first
    for factor in others:
        result = result * factor
    return result


def _cut(factor: NDArray[np.float64], inside: slice) -> NDArray[np.float64]:
    return factor if factor.shape[-2] == 1 else factor[..., inside, :]
