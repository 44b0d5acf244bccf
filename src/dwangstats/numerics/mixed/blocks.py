"""Bordered block-diagonal algebra: factorise I + L'Z'WZL, solve with it, and its inverse where it is needed.

Levels are eliminated finest first; what a level leaves behind falls on its ancestors and on the dense
border (nested dissection with the tree given).  Arrays carry the group as their last axis.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products

Blocks = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """A vector over all effects: per level (q_l, G_l), and the border (T,)."""

    levels: tuple[Matrix, ...]
    border: Vector

    def dot(self, other: "Effects") -> float:
        """Inner product."""
        return sum(float(np.vdot(a, b)) for a, b in zip(self.levels, other.levels, strict=True)) + float(
            self.border @ other.border
        )

    def plus(self, other: "Effects", factor: float = 1.0) -> "Effects":
        """Sum of this and `factor` times the other."""
        levels = tuple(a + factor * b for a, b in zip(self.levels, other.levels, strict=True))
        return Effects(levels, self.border + factor * other.border)


@dataclass(frozen=True, slots=True)
class Factor:
    """A factorisation of the precision of the effects.

    Attributes
    ----------
    inverses : tuple of ndarray
        Per level (q, q, G) inverse of the pivot.
    up, across : tuple of ndarray
        Per level the pivot's inverse times the coupling with the ancestors (q, A, G) and with the border (q, T, G).
    border_inverse : ndarray
        (T, T) inverse of the border's Schur complement.
    logdets : tuple of ndarray
        Per level (G,) log determinant of the pivots.
    border_logdet : float
        Log determinant of the border's Schur complement.
    """

    inverses: tuple[Blocks, ...]
    up: tuple[Blocks, ...]
    across: tuple[Blocks, ...]
    border_inverse: Matrix
    logdets: tuple[Vector, ...]
    border_logdet: float

    @property
    def logdet(self) -> float:
        """Log determinant of the whole precision."""
        return sum(float(level.sum()) for level in self.logdets) + self.border_logdet


def zeros(structure: Structure) -> Effects:
    """The origin."""
    levels = tuple(np.zeros((q, G)) for q, G in zip(structure.widths, structure.sizes, strict=True))
    return Effects(levels, np.zeros(structure.border))


def spread(structure: Structure, effects: Effects) -> Matrix:
    """Effects of the chain that meet each finest group: (d, G)."""
    parts = effects.levels[-1]
    for level in range(len(structure.sizes) - 2, -1, -1):
        parts = np.concatenate([effects.levels[level], np.take(parts, structure.parents[level], axis=1)])
    return parts


def gather(structure: Structure, chain: Matrix, border: Vector) -> Effects:
    """Transpose of `spread`: sums by group of every level from (d, G) sums by finest group."""
    levels = []
    for level, width in enumerate(structure.widths):
        levels.append(chain[:width])
        if level + 1 < len(structure.widths):
            chain = sum_children(chain[width:], structure.starts[level])
    return Effects(tuple(levels), border)


def sum_children(values: Matrix, starts: Codes) -> Matrix:
    """Sum over the children of each parent along the last axis."""
    return np.add.reduceat(values, starts, axis=-1)


def factorise(structure: Structure, scaled: Products) -> Factor | None:
    """Factorise I + M for M given by blocks.

    Parameters
    ----------
    structure : Structure
    scaled : Products
        Blocks of L'Z'WZL.

    Returns
    -------
    Factor or None
        None if the matrix is not positive definite.
    """
    front, across, border = scaled.chain, scaled.cross, scaled.border + np.eye(structure.border)
    inverses, ups, acrosses, logdets = [], [], [], []
    for level, q in enumerate(structure.widths):
        pivot = _inverse(front[:q, :q] + np.eye(q)[:, :, None])
        if pivot is None:
            return None
        inverse, logdet = pivot
        coupling, reach = front[:q, q:], across[:q]
        up, over = multiply(inverse, coupling), multiply(inverse, reach)
        for a in range(q):
            border = border - reach[a] @ over[a].T
        if level + 1 < len(structure.widths):
            starts = structure.starts[level]
            transposed = coupling.transpose(1, 0, 2)
            front = sum_children(front[q:, q:] - multiply(transposed, up), starts)
            across = sum_children(across[q:] - multiply(transposed, over), starts)
        inverses.append(inverse)
        ups.append(up)
        acrosses.append(over)
        logdets.append(logdet)
    dense = _dense_inverse(border)
    if dense is None:
        return None
    return Factor(tuple(inverses), tuple(ups), tuple(acrosses), dense[0], tuple(logdets), dense[1])


def solve(structure: Structure, factor: Factor, right: Effects) -> Effects:
    """Precision inverse times a vector over all effects."""
    border = right.border.copy()
    carried = np.zeros((structure.depth - structure.widths[0], structure.sizes[0]))
    partial = []
    for level, q in enumerate(structure.widths):
        if level:
            own, carried = carried[:q], carried[q:]
            value = right.levels[level] + own
        else:
            value = right.levels[0]
        partial.append(apply(factor.inverses[level], value))
        for a in range(q):
            border -= factor.across[level][a] @ value[a]
        if level + 1 < len(structure.widths):
            carried = sum_children(carried - apply_transposed(factor.up[level], value), structure.starts[level])
    border = factor.border_inverse @ border
    solved: list[Matrix] = [np.empty((0, 0))] * len(partial)
    ancestors = np.zeros((0, structure.sizes[-1]))
    for level in range(len(partial) - 1, -1, -1):
        value = partial[level] - apply(factor.up[level], ancestors)
        if border.size:
            value = value - np.einsum("atg,t->ag", factor.across[level], border)
        solved[level] = value
        if level:
            ancestors = np.concatenate([value, ancestors])[:, structure.parents[level - 1]]
    return Effects(tuple(solved), border)


def selected_inverse(structure: Structure, factor: Factor) -> Products:
    """Blocks of the inverse at the places where Z'WZ has blocks: (d, d, G), (d, T, G), (T, T)."""
    S = factor.border_inverse
    T = structure.border
    size = structure.sizes[-1]
    chain, cross = np.zeros((0, 0, size)), np.zeros((0, T, size))
    for level in range(len(structure.widths) - 1, -1, -1):
        up, over = factor.up[level], factor.across[level]
        own_up = -multiply(up, chain)
        own_cross = -multiply(up, cross)
        if T:
            own_up = own_up - np.einsum("atg,btg->abg", over, cross)
            own_cross = own_cross - np.matmul(S, over)
        own = factor.inverses[level] - multiply(own_up, up.transpose(1, 0, 2))
        if T:
            own = own - np.einsum("atg,btg->abg", own_cross, over)
        chain = np.concatenate(
            [np.concatenate([own, own_up], axis=1), np.concatenate([own_up.transpose(1, 0, 2), chain], axis=1)]
        )
        cross = np.concatenate([own_cross, cross])
        if level:
            parents = structure.parents[level - 1]
            chain, cross = chain[:, :, parents], cross[:, :, parents]
    return Products(chain, cross, S)


def multiply(left: Blocks, right: Blocks) -> Blocks:
    """Product of blocks (a, b, G) and (b, c, G): (a, c, G)."""
    result = np.zeros((left.shape[0], right.shape[1], left.shape[2]))
    for b in range(left.shape[1]):
        result += left[:, b, None] * right[None, b]
    return result


def apply(blocks: Blocks, vector: Matrix) -> Matrix:
    """Blocks (a, b, G) times vectors (b, G)."""
    result = np.zeros((blocks.shape[0], blocks.shape[2]))
    for b in range(blocks.shape[1]):
        result += blocks[:, b] * vector[b]
    return result


def apply_transposed(blocks: Blocks, vector: Matrix) -> Matrix:
    """Transposed blocks (a, b, G) times vectors (a, G)."""
    return apply(blocks.transpose(1, 0, 2), vector)


def _inverse(pivots: Blocks) -> tuple[Blocks, Vector] | None:
    """Inverse and log determinant of symmetric (q, q, G) blocks; None unless all positive definite."""
    q = pivots.shape[0]
    if q == 1:
        if not np.all(pivots > 0.0):
            return None
        return 1.0 / pivots, np.log(pivots[0, 0])
    if q == 2:
        determinant = pivots[0, 0] * pivots[1, 1] - pivots[0, 1] ** 2
        if not (np.all(pivots[0, 0] > 0.0) and np.all(determinant > 0.0)):
            return None
        adjugate = np.array([[pivots[1, 1], -pivots[0, 1]], [-pivots[0, 1], pivots[0, 0]]])
        return adjugate / determinant, np.log(determinant)
    stacked = np.ascontiguousarray(np.moveaxis(pivots, -1, 0))
    try:
        root = np.linalg.cholesky(stacked)
    except np.linalg.LinAlgError:
        return None
    logdet = 2.0 * np.log(np.einsum("gaa->ga", root)).sum(axis=1)
    inverse = np.asarray(np.linalg.inv(stacked), dtype=np.float64)
    return np.moveaxis(inverse, 0, -1), logdet


def _dense_inverse(matrix: Matrix) -> tuple[Matrix, float] | None:
    if not matrix.size:
        return matrix, 0.0
    try:
        root = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:
        return None
    return cho_solve(root, np.eye(matrix.shape[0])), 2.0 * float(np.log(np.diag(root[0])).sum())
