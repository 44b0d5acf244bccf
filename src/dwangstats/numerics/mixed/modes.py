"""Conditional modes of the random effects: damped Newton steps on all effects at once."""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.mixed.blocks import Effects, Factor, factorise, solve
from dwangstats.numerics.mixed.rows import Rows, row_slopes, row_terms, safe_weight
from dwangstats.numerics.mixed.scale import Scale, sandwich, scale_effects, scaled_gather
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products, group_sums, linear_predictor, weighted_products
from dwangstats.numerics.mixed.terms import RowTerms

DECREMENT = 1e-18
"""Newton decrement g'H^-1 g at which the modes are exact to about 1e-9 posterior standard deviations."""

ROUNDING = 1e-10
"""Decrement below which a step that no longer helps has met rounding error."""

NEARLY = 1e-4
"""Decrement from which the next point is expected to be the mode, so all derivatives are computed at once."""

LONGEST_STEP = 4.0
"""Largest change of a row's log mean in one step; a longer one leaves the quadratic region."""

ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class Point:
    """Everything on which the modes depend.

    Attributes
    ----------
    eta : Vector
        (m,) fixed part of the log mean, offset included.
    scale : Scale
    alpha : float
    zeta : Vector or None
        (m,) logit of an extra zero.
    """

    eta: Vector
    scale: Scale
    alpha: float
    zeta: Vector | None


@dataclass(frozen=True, slots=True)
class Modes:
    """The mode of the effects and the curvature there.

    Attributes
    ----------
    effects : Effects
        Spherical scale.
    eta : Vector
        (m,) log mean at the mode.
    terms : RowTerms
        All row derivatives at the mode.
    products : Products
        Z'WZ, unscaled.
    factor : Factor
        Of I + L'Z'WZL.
    slopes : tuple
        Z'g, unscaled.
    decrement : float
        g'H^-1 g left at the mode.
    definite : bool
        False if the observed curvature was not positive definite and the expected one stands in for it.
    evaluations : int
    """

    effects: Effects
    eta: Vector
    terms: RowTerms
    products: Products
    factor: Factor
    slopes: tuple[np.ndarray, Vector]
    decrement: float
    definite: bool
    evaluations: int


def find_modes(structure: Structure, rows: Rows, point: Point, start: Effects) -> Modes:
    """Maximise log f(y | u) - u'u / 2 over u.

    A step is halved while the slope beyond it is steeper than before it; log densities are not needed on the way.

    Parameters
    ----------
    structure, rows, point
        The model at one value of its parameters.
    start : Effects
        Where to begin, usually the modes at neighbouring parameters.

    Returns
    -------
    Modes
        Its `decrement` says how exact they are.

    Raises
    ------
    FitError
        If the parameters are so extreme that the precision of the effects cannot be factorised.
    """
    effects, step, expected = start, None, np.inf
    for iteration in range(1, ITERATIONS + 1):
        eta = point.eta + linear_predictor(structure, *scale_effects(structure, point.scale, effects))
        terms = row_terms(rows, eta, point.alpha, point.zeta) if expected < NEARLY else None
        slope, weight = (terms.slope, terms.weight) if terms else row_slopes(rows, eta, point.alpha, point.zeta)
        slopes = group_sums(structure, slope)
        gradient = scaled_gather(structure, point.scale, *slopes).plus(effects, -1.0)
        if step is not None and expected > ROUNDING and not -step.dot(gradient) <= expected:
            step = Effects(tuple(0.5 * s for s in step.levels), 0.5 * step.border)
            effects, expected = effects.plus(step, -1.0), 0.5 * expected
            continue
        products, factor, definite = _curvature(structure, rows, point, eta, weight)
        step = solve(structure, factor, gradient)
        decrement = step.dot(gradient)
        if terms and (decrement < DECREMENT or (decrement < ROUNDING and decrement > 0.1 * expected)):
            break
        if iteration < ITERATIONS:
            if decrement > NEARLY:
                step = _shorten(structure, point.scale, step)
            expected = step.dot(gradient)
            effects = effects.plus(step)
    terms = terms or row_terms(rows, eta, point.alpha, point.zeta)
    return Modes(effects, eta, terms, products, factor, slopes, decrement, definite, iteration)


def _curvature(
    structure: Structure, rows: Rows, point: Point, eta: Vector, weight: Vector
) -> tuple[Products, Factor, bool]:
    products = weighted_products(structure, weight)
    factor = factorise(structure, sandwich(point.scale, products))
    if factor is not None:
        return products, factor, True
    products = weighted_products(structure, safe_weight(rows, eta, point.alpha, weight))
    factor = factorise(structure, sandwich(point.scale, products))
    if factor is None:
        raise FitError("the precision of the random effects is not positive definite, even with expected weights")
    return products, factor, False


def _shorten(structure: Structure, scale: Scale, step: Effects) -> Effects:
    """Limit the change of any row's log mean, group by group where the groups are independent."""
    change = np.abs(linear_predictor(structure, *scale_effects(structure, scale, step)))
    if change.max() <= LONGEST_STEP:
        return step
    if not structure.separable:
        factor = LONGEST_STEP / float(change.max())
        return Effects(tuple(factor * s for s in step.levels), factor * step.border)
    largest = np.zeros(structure.sizes[0])
    np.maximum.at(largest, structure.codes, change)
    tops = top_groups(structure)
    top = np.zeros(structure.sizes[-1])
    np.maximum.at(top, tops[0], largest)
    factors = LONGEST_STEP / np.maximum(top, LONGEST_STEP)
    return Effects(tuple(s * factors[parent] for s, parent in zip(step.levels, tops, strict=True)), step.border)


def top_groups(structure: Structure) -> tuple[Codes, ...]:
    """For each level of the chain the last level's group of each of its groups."""
    top = np.arange(structure.sizes[-1])
    found = [top]
    for parent in reversed(structure.parents):
        top = top[parent]
        found.append(top)
    return tuple(reversed(found))
