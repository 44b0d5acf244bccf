"""Sums over rows by group, and their transposes: the only functions that touch rows and groups together.

Arrays over groups have the group as their last axis, so that a few long vector operations do the work.
d is the number of chain effects that meet one row, G the number of finest groups, T the border's length.
"""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.numerics.mixed.structure import Structure


@dataclass(frozen=True, slots=True)
class Products:
    """Z'WZ by blocks.

    Attributes
    ----------
    chain : ndarray
        (d, d, G) sums within the finest groups.
    cross : ndarray
        (d, T, G) chain by border.
    border : ndarray
        (T, T).
    """

    chain: Matrix
    cross: Matrix
    border: Matrix


def group_sums(structure: Structure, values: Vector) -> tuple[Matrix, Vector]:
    """Z'v: (d, G) for the chain and (T,) for the border, from (m,) values."""
    sums = [chain_sum(structure, times(values, z)) for z in structure.basis]
    chain = np.stack([sums[k] for k in structure.column])
    border = np.zeros(structure.border)
    for index, z in zip(structure.cross_index, structure.cross_basis, strict=True):
        border += _total(index, times(values, z), structure.border)
    return chain, border


def weighted_products(structure: Structure, weights: Vector) -> Products:
    """Z'WZ by blocks, from (m,) weights."""
    size, T, d = structure.sizes[0], structure.border, structure.depth
    weighted = [times(weights, z) for z in structure.basis]
    chain = np.empty((d, d, size))
    cross = np.zeros((d, T, size))
    for k, wz in enumerate(weighted):
        rows = [a for a in range(d) if structure.column[a] == k]
        for m in range(k + 1):
            total = chain_sum(structure, times(wz, structure.basis[m]))
            for a in rows:
                for b in (b for b in range(d) if structure.column[b] == m):
                    chain[a, b] = chain[b, a] = total
        for index, z in zip(structure.cross_index, structure.cross_basis, strict=True):
            total = _total(index * size + structure.codes, times(wz, z), T * size).reshape(T, size)
            for a in rows:
                cross[a] += total
    return Products(chain, cross, _border_products(structure, weights))


def _border_products(structure: Structure, weights: Vector) -> Matrix:
    T = structure.border
    result = np.zeros((T, T))
    for j, (row, z) in enumerate(zip(structure.cross_index, structure.cross_basis, strict=True)):
        for k in range(j + 1):
            values = times(times(weights, z), structure.cross_basis[k])
            block = _total(row * T + structure.cross_index[k], values, T * T).reshape(T, T)
            result += block if j == k else block + block.T
    return result


def linear_predictor(structure: Structure, chain: Matrix, border: Vector) -> Vector:
    """Z b for effects (d, G) and (T,): (m,)."""
    total = np.zeros(structure.codes.size)
    for k, z in enumerate(structure.basis):
        effect = chain[[a for a in range(structure.depth) if structure.column[a] == k]].sum(axis=0)
        total += times(np.repeat(effect, structure.row_counts), z)
    for index, z in zip(structure.cross_index, structure.cross_basis, strict=True):
        total += times(border[index], z)
    return total


def row_variances(structure: Structure, covariance: Products) -> Vector:
    """z_i' V z_i for every row (m,), from the blocks of a covariance V."""
    codes, size = structure.codes, structure.sizes[0]
    basis = structure.basis
    total = np.zeros(codes.size)
    collapsed = _collapse(structure, covariance.chain)
    for k, z in enumerate(basis):
        for m in range(k + 1):
            factor = 1.0 if m == k else 2.0
            total += times(times(np.repeat(factor * collapsed[k, m], structure.row_counts), z), basis[m])
        for index, zb in zip(structure.cross_index, structure.cross_basis, strict=True):
            rows = covariance.cross[[a for a in range(structure.depth) if structure.column[a] == k]].sum(axis=0)
            total += times(times(2.0 * rows.ravel()[index * size + codes], z), zb)
    return total + _border_variances(structure, covariance.border)


def _border_variances(structure: Structure, border: Matrix) -> Vector:
    total = np.zeros(structure.codes.size)
    for j, (row, z) in enumerate(zip(structure.cross_index, structure.cross_basis, strict=True)):
        for k in range(j + 1):
            factor = 1.0 if k == j else 2.0
            values = factor * border.ravel()[row * structure.border + structure.cross_index[k]]
            total += times(times(values, z), structure.cross_basis[k])
    return total


def _collapse(structure: Structure, blocks: Matrix) -> Matrix:
    """Sum the (d, d, G) blocks over chain columns with the same design."""
    kinds = len(structure.basis)
    result = np.zeros((kinds, kinds, blocks.shape[2]))
    for a, k in enumerate(structure.column):
        for b, m in enumerate(structure.column):
            result[k, m] += blocks[a, b]
    return result


def chain_sum(structure: Structure, values: Vector) -> Vector:
    """Sum of (m,) values by finest group: (G,)."""
    return np.add.reduceat(values, structure.row_starts)


def times(values: Vector, column: Vector | None) -> Vector:
    """Values times a design column, None standing for ones."""
    return values if column is None else values * column


def _total(codes: Codes, values: Vector, size: int) -> Vector:
    return np.asarray(np.bincount(codes, weights=values, minlength=size), dtype=np.float64)
