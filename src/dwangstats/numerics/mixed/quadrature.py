"""Adaptive Gauss-Hermite quadrature for one random effect per group.

The nodes of group g lie at u = mode + x / sqrt(H); with one node this is the Laplace approximation.  The
gradient is that of the approximation itself: the movement of the nodes with the parameters is included.
(Liu and Pierce 1994, Biometrika 81, 624; Pinheiro and Chao 2006, J. Comput. Graph. Stat. 15, 58.)
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import roots_hermitenorm

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.laplace import Ingredients
from dwangstats.numerics.mixed.modes import Modes, Point
from dwangstats.numerics.mixed.rows import Rows, row_terms
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import chain_sum, times


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
class _Node:
    """Sums of log densities by group (G,), and derivatives by row (m,), at one node."""

    height: Vector
    slope: Vector
    dispersion: Vector | None
    zero: Vector | None


def quadrature(structure: Structure, rows: Rows, point: Point, modes: Modes, nodes: int) -> Quadrature:
    """Integrate over one scalar random effect per group.

    Parameters
    ----------
    structure : Structure
        One level with one effect, no border.
    rows, point, modes
        The model, its parameters and the modes there.
    nodes : int
        Number of nodes, >= 1.
    """
    abscissae, log_weights = hermite_nodes(nodes)
    mode = modes.effects.levels[0][0]
    width = np.sqrt(modes.factor.inverses[0][0, 0])
    places = mode + abscissae[:, None] * width
    at_nodes = [_at_node(structure, rows, point, u) for u in places]
    height = np.stack([node.height for node in at_nodes]) - 0.5 * places**2
    terms = height + log_weights[:, None]
    top = terms.max(axis=0)
    mass = np.exp(terms - top)
    total = mass.sum(axis=0)
    posterior = mass / total
    by_group = top + np.log(total) + np.log(width)
    return Quadrature(by_group, _ingredients(structure, point, at_nodes, abscissae, places, posterior, mode, width))


@lru_cache(maxsize=16)
def hermite_nodes(count: int) -> tuple[Vector, Vector]:
    """Nodes x of the normal density and log(weight) + x^2 / 2, with weights that sum to one."""
    x, w = roots_hermitenorm(count)
    return x, np.log(w) - 0.5 * np.log(2.0 * np.pi) + 0.5 * x**2


def _at_node(structure: Structure, rows: Rows, point: Point, u: Vector) -> _Node:
    effect = np.repeat(point.scale.chain[0, 0] * u, structure.row_counts)
    terms = row_terms(rows, point.eta + times(effect, structure.basis[0]), point.alpha, point.zeta)
    return _Node(
        chain_sum(structure, terms.loglik),
        terms.slope,
        terms.dispersion.value if terms.dispersion else None,
        terms.zero.value if terms.zero else None,
    )


def _ingredients(
    structure: Structure,
    point: Point,
    at_nodes: list[_Node],
    abscissae: Vector,
    places: Matrix,
    posterior: Matrix,
    mode: Vector,
    width: Vector,
) -> Ingredients:
    z = structure.basis[0]
    slopes = np.stack([chain_sum(structure, times(t.slope, z)) for t in at_nodes])
    climb = point.scale.chain[0, 0] * slopes - places
    shrink = 1.0 + width * (posterior * abscissae[:, None] * climb).sum(axis=0)
    pull = width**2 * (posterior * climb).sum(axis=0)
    scale = (posterior * (places - mode) * slopes).sum(axis=0)
    share = [np.repeat(p, structure.row_counts) for p in posterior]
    dispersion = [t.dispersion for t in at_nodes if t.dispersion is not None]
    zero = [t.zero for t in at_nodes if t.zero is not None]
    return Ingredients(
        slope=_mix(share, [t.slope for t in at_nodes]),
        dispersion=_mix(share, dispersion) if dispersion else None,
        zero=_mix(share, zero) if zero else None,
        shrink=shrink,
        pull=pull,
        scale=scale,
    )


def _mix(shares: list[Vector], values: list[Vector]) -> Vector:
    total = shares[0] * values[0]
    for share, value in zip(shares[1:], values[1:], strict=True):
        total += share * value
    return total
