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
from dwangstats.numerics.mixed.rows import row_values
from dwangstats.numerics.mixed.segment import Segment
from dwangstats.numerics.mixed.sums import times
from dwangstats.numerics.mixed.terms import RowValues


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What distinguishes quadrature from Laplace in the gradient.

    Attributes
    ----------
    slope : Vector
        (m,) expected slope; at the mode for Laplace.
    dispersion, zero : Vector or None
        (m,) expected derivative in the dispersion and in the logit of an extra zero.
    shrink : Vector or None
        (G,) factor of the derivatives of log|H|; None stands for one.
    pull : Vector or None
        (G,) derivative of the value with respect to the place of the nodes, over H; None stands for zero.
    scale : Vector or None
        (G,) expected Z'g u less expected Z'g times the mode; None stands for zero.
    """

    slope: Vector
    dispersion: Vector | None
    zero: Vector | None
    shrink: Vector | None = None
    pull: Vector | None = None
    scale: Vector | None = None


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


def quadrature(segment: Segment, mode: Vector, width: Vector, nodes: int) -> Quadrature:
    """Integrate over one scalar random effect per group.

    Parameters
    ----------
    segment : Segment
    mode, width : Vector
        (G,) conditional modes, and standard deviations by the curvature there.
    nodes : int
        Number of nodes, >= 1.
    """
    abscissae, log_weights = hermite_nodes(nodes)
    places = mode + abscissae[:, None] * width
    at_nodes = [_at_node(segment, u) for u in places]
    height = np.stack([segment.sum(node.loglik) for node in at_nodes]) - 0.5 * places**2 + log_weights[:, None]
    top = height.max(axis=0)
    mass = np.exp(height - top)
    total = mass.sum(axis=0)
    by_group = top + np.log(total) + np.log(width)
    return Quadrature(by_group, _ingredients(segment, at_nodes, abscissae, places, mass / total, mode, width))


@lru_cache(maxsize=16)
def hermite_nodes(count: int) -> tuple[Vector, Vector]:
    """Nodes x of the normal density and log(weight) + x^2 / 2, with weights that sum to one."""
    x, w = roots_hermitenorm(count)
    return x, np.log(w) - 0.5 * np.log(2.0 * np.pi) + 0.5 * x**2


def _at_node(segment: Segment, u: Vector) -> RowValues:
    return row_values(segment.rows, segment.eta + segment.along(u), segment.alpha, segment.zeta)


def _ingredients(
    segment: Segment,
    at_nodes: list[RowValues],
    abscissae: Vector,
    places: Matrix,
    posterior: Matrix,
    mode: Vector,
    width: Vector,
) -> Ingredients:
    slopes = np.stack([segment.sum(times(node.slope, segment.z)) for node in at_nodes])
    climb = segment.scale * slopes - places
    shares = [segment.spread(p) for p in posterior]
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
