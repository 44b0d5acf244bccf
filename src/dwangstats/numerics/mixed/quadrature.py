"""Adaptive Gauss-Hermite quadrature for one random effect per group.

The nodes of group g lie at u = mode + x / sqrt(H); with one node this is the Laplace approximation.  The
gradient is that of the approximation itself: the movement of the nodes with the parameters is included.
(Liu and Pierce 1994, Biometrika 81, 624; Pinheiro and Chao 2006, J. Comput. Graph. Stat. 15, 58.)
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.special import roots_hermitenorm

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.numerics.mixed.laplace import Ingredients
from dwangstats.numerics.mixed.modes import Modes, Point
from dwangstats.numerics.mixed.rows import BLOCK, Rows, row_values
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import times
from dwangstats.numerics.mixed.terms import RowValues


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Marginal log likelihood by group and what its gradient needs.

    Attributes
    ----------
    by_group : Vector
        (G,) log likelihood.
    ingredients : Ingredients
    """

    by_group: Vector
    ingredients: Ingredients


@dataclass(frozen=True, slots=True)
class _Block:
    """Some adjacent groups with their rows."""

    rows: Rows
    eta: Vector
    zeta: Vector | None
    z: Vector | None
    starts: Codes
    counts: Codes
    scale: float
    alpha: float

    def spread(self, values: Vector) -> Vector:
        return np.repeat(values, self.counts)

    def sum(self, values: Vector) -> Vector:
        return np.add.reduceat(values, self.starts)


def quadrature(structure: Structure, rows: Rows, point: Point, modes: Modes, nodes: int) -> Quadrature:
    """Integrate over one scalar random effect per group.

    Groups are taken in blocks whose rows, at all nodes, stay in the processor's cache.

    Parameters
    ----------
    structure : Structure
        One level with one effect, no border.
    rows, point, modes
        The model, its parameters and the modes there.
    nodes : int
        Number of nodes, >= 1.
    """
    mode, width = modes.effects.levels[0][0], np.sqrt(modes.factor.inverses[0][0, 0])
    edges = _edges(structure)
    parts = [_integrate(_block(structure, rows, point, a, b), mode[a:b], width[a:b], nodes) for a, b in pairwise(edges)]
    if len(parts) == 1:
        return parts[0]
    found = [part.ingredients for part in parts]
    return Quadrature(
        np.concatenate([part.by_group for part in parts]),
        Ingredients(
            np.concatenate([f.slope for f in found]),
            _join([f.dispersion for f in found]),
            _join([f.zero for f in found]),
            _join([f.shrink for f in found]),
            _join([f.pull for f in found]),
            _join([f.scale for f in found]),
        ),
    )


@lru_cache(maxsize=16)
def hermite_nodes(count: int) -> tuple[Vector, Vector]:
    """Nodes x of the normal density and log(weight) + x^2 / 2, with weights that sum to one."""
    x, w = roots_hermitenorm(count)
    return x, np.log(w) - 0.5 * np.log(2.0 * np.pi) + 0.5 * x**2


def _edges(structure: Structure) -> list[int]:
    """Groups at which blocks of about `BLOCK` rows begin, and the number of groups."""
    number = structure.row_starts // BLOCK
    return [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), structure.sizes[0]]


def _block(structure: Structure, rows: Rows, point: Point, a: int, b: int) -> _Block:
    """Groups a to b."""
    first = int(structure.row_starts[a])
    last = first + int(structure.row_counts[a:b].sum())
    z = structure.basis[0]
    return _Block(
        rows.part(first, last),
        point.eta[first:last],
        None if point.zeta is None else point.zeta[first:last],
        None if z is None else z[first:last],
        structure.row_starts[a:b] - first,
        structure.row_counts[a:b],
        float(point.scale.chain[0, 0]),
        point.alpha,
    )


def _integrate(block: _Block, mode: Vector, width: Vector, nodes: int) -> Quadrature:
    abscissae, log_weights = hermite_nodes(nodes)
    places = mode + abscissae[:, None] * width
    at_nodes = [_at_node(block, u) for u in places]
    height = np.stack([block.sum(node.loglik) for node in at_nodes]) - 0.5 * places**2 + log_weights[:, None]
    top = height.max(axis=0)
    mass = np.exp(height - top)
    total = mass.sum(axis=0)
    by_group = top + np.log(total) + np.log(width)
    return Quadrature(by_group, _ingredients(block, at_nodes, abscissae, places, mass / total, mode, width))


def _at_node(block: _Block, u: Vector) -> RowValues:
    effect = times(block.spread(block.scale * u), block.z)
    return row_values(block.rows, block.eta + effect, block.alpha, block.zeta)


def _ingredients(
    block: _Block,
    at_nodes: list[RowValues],
    abscissae: Vector,
    places: Matrix,
    posterior: Matrix,
    mode: Vector,
    width: Vector,
) -> Ingredients:
    slopes = np.stack([block.sum(times(node.slope, block.z)) for node in at_nodes])
    climb = block.scale * slopes - places
    shares = [block.spread(p) for p in posterior]
    dispersion = [node.dispersion for node in at_nodes if node.dispersion is not None]
    zero = [node.zero for node in at_nodes if node.zero is not None]
    return Ingredients(
        slope=_mix(shares, [node.slope for node in at_nodes]),
        dispersion=_mix(shares, dispersion) if dispersion else None,
        zero=_mix(shares, zero) if zero else None,
        shrink=1.0 + width * (posterior * abscissae[:, None] * climb).sum(axis=0),
        pull=width**2 * (posterior * climb).sum(axis=0),
        scale=(posterior * (places - mode) * slopes).sum(axis=0),
    )


def _mix(shares: list[Vector], values: list[Vector]) -> Vector:
    total = shares[0] * values[0]
    for share, value in zip(shares[1:], values[1:], strict=True):
        total += share * value
    return total


def _join(parts: list[Vector | None]) -> Vector | None:
    given = [part for part in parts if part is not None]
    return np.concatenate(given) if given else None
