"""From spherical effects u to effects b = L u, and from sums over rows to derivatives in u."""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects, gather, spread
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products


@dataclass(frozen=True, slots=True)
class Scale:
    """Block-diagonal scale of the random effects.

    Attributes
    ----------
    chain : Matrix
        (d, d) for the effects of the chain that meet one row.
    border : tuple of (slice, int, Matrix)
        For each term on the border its place in the border vector, its width q, and its (q, q) scale.
    """

    chain: Matrix
    border: tuple[tuple[slice, int, Matrix], ...]

    def transposed(self) -> "Scale":
        """The transpose."""
        return Scale(self.chain.T, tuple((place, q, block.T) for place, q, block in self.border))


def make_scale(structure: Structure, blocks: tuple[Matrix, ...]) -> Scale:
    """Arrange the (q, q) scale of each term."""
    chain = np.zeros((structure.depth, structure.depth))
    border = []
    for placement, block in zip(structure.placements, blocks, strict=True):
        q = placement.width
        if placement.level >= 0:
            chain[placement.start : placement.start + q, placement.start : placement.start + q] = block
        else:
            border.append((slice(placement.offset, placement.offset + q * placement.groups), q, block))
    return Scale(chain, tuple(border))


def scale_effects(structure: Structure, scale: Scale, effects: Effects) -> tuple[Matrix, Vector]:
    """Effects on the predictor's scale that meet each finest group (d, G), and the border's (T,)."""
    return left_times(scale.chain, spread(structure, effects)), border_times(scale, effects.border)


def scaled_gather(structure: Structure, scale: Scale, chain: Matrix, border: Vector) -> Effects:
    """L'Z'v from Z'v."""
    return gather(structure, left_times(scale.chain.T, chain), border_times(scale.transposed(), border))


def sandwich(scale: Scale, products: Products) -> Products:
    """L'ML by blocks; with the transposed scale, LML'."""
    return left_product(scale.transposed(), right_times(scale, products))


def left_product(scale: Scale, products: Products) -> Products:
    """L M by blocks."""
    chain, cross = left_times(scale.chain, products.chain), left_times(scale.chain, products.cross)
    return Products(chain, cross, border_times(scale, products.border))


def right_times(scale: Scale, products: Products) -> Products:
    """M L by blocks: the last effect of each block is scaled."""
    chain = left_times(scale.chain.T, products.chain.transpose(1, 0, 2)).transpose(1, 0, 2)
    cross = np.empty_like(products.cross)
    for place, q, block in scale.border:
        part = products.cross[:, place]
        if q == 1:
            np.multiply(part, block[0, 0], out=cross[:, place])
        else:
            stacked = part.reshape(part.shape[0], -1, q, part.shape[2])
            cross[:, place] = np.einsum("ab,dgam->dgbm", block, stacked).reshape(part.shape)
    return Products(chain, cross, border_times(scale.transposed(), products.border.T).T)


def left_times(matrix: Matrix, blocks: Matrix) -> Matrix:
    """A (d, d) matrix, mostly zeros, times blocks (d, ...)."""
    result = np.zeros(blocks.shape)
    for a, row in enumerate(matrix):
        for number, b in enumerate(np.flatnonzero(row)):
            if number == 0:
                np.multiply(blocks[b], row[b], out=result[a])
            else:
                result[a] += blocks[b] * row[b]
    return result


def border_times(scale: Scale, values: Matrix) -> Matrix:
    """Border scale times (T, ...) values."""
    result = np.empty_like(values)
    for place, q, block in scale.border:
        part = values[place]
        if q == 1:
            result[place] = part * block[0, 0]
        else:
            stacked = part.reshape(-1, q, *part.shape[1:])
            result[place] = np.einsum("ab,gb...->ga...", block, stacked).reshape(part.shape)
    return result
