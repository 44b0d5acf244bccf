"""Conditional modes of the random effects: damped Newton steps on all effects at once.

Factors are kept while steps with them shrink fast, and the last step is taken on the Taylor series of the rows.
"""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, Matrix, Vector
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

LAST = 1e-14
"""Decrement per effect from which the last step is taken on the Taylor series of the rows: a step of 1e-7."""

SHRINKING = 0.02
"""Ratio of two decrements above which a kept factor is computed anew."""

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
    """The mode of the effects.

    Attributes
    ----------
    effects : Effects
        Spherical scale.
    factor : Factor
        Of I + L'Z'WZL, at the mode or within the last step of it.
    decrement : float
        g'H^-1 g left at the mode, or more.
    definite : bool
        False if the observed curvature was not positive definite and the expected one stands in for it.
    """

    effects: Effects
    factor: Factor
    decrement: float
    definite: bool


@dataclass(frozen=True, slots=True)
class Curvature:
    """What the marginal likelihood needs to know at the mode.

    Attributes
    ----------
    modes : Modes
    terms : RowTerms
        All row derivatives at the mode.
    products : Products
        Z'WZ, unscaled, where the factor was computed.
    slopes : tuple
        Z'g, unscaled.
    change : Vector
        (m,) change of the log means since the factor was computed, in the last step.
    """

    modes: Modes
    terms: RowTerms
    products: Products
    slopes: tuple[Matrix, Vector]
    change: Vector


def find_modes(
    structure: Structure, rows: Rows, point: Point, start: Effects, factor: Factor | None = None
) -> Curvature:
    """Maximise log f(y | u) - u'u / 2 over u.

    A step is halved while the slope beyond it is steeper than before it; log densities are not needed on the way.

    Parameters
    ----------
    structure, rows, point
        The model at one value of its parameters.
    start : Effects
        Where to begin, usually the modes at neighbouring parameters.
    factor : Factor or None
        The precision at neighbouring parameters.

    Returns
    -------
    Curvature
        The `decrement` of its modes says how exact they are.

    Raises
    ------
    FitError
        If the parameters are so extreme that the precision of the effects cannot be factorised.
    """
    last = LAST * (structure.border + sum(q * G for q, G in zip(structure.widths, structure.sizes, strict=True)))
    effects, kept, expected, before = start, factor, np.inf, np.inf
    step: Effects | None = None
    for iteration in range(ITERATIONS):
        eta = point.eta + linear_predictor(structure, *scale_effects(structure, point.scale, effects))
        final = iteration == ITERATIONS - 1
        terms = row_terms(rows, eta, point.alpha, point.zeta) if expected < NEARLY or final else None
        slope, weight = (terms.slope, terms.weight) if terms else row_slopes(rows, eta, point.alpha, point.zeta)
        gradient = _gradient(structure, point, group_sums(structure, slope), effects)
        if step is not None and expected > ROUNDING and not -step.dot(gradient) <= expected:
            step = Effects(tuple(0.5 * s for s in step.levels), 0.5 * step.border)
            effects, expected, kept = effects.plus(step, -1.0), 0.5 * expected, None
            continue
        if terms is not None:
            products, kept, definite = _curvature(structure, rows, point, eta, weight)
            step = solve(structure, kept, gradient)
            if final and not step.dot(gradient) < last:
                step = step.plus(step, -1.0)
            if final or step.dot(gradient) < last:
                return _last_step(structure, point, effects, step, terms, products, kept, definite)
        else:
            step = None if kept is None else solve(structure, kept, gradient)
            if step is None or not step.dot(gradient) < SHRINKING * before:
                _, kept, _ = _curvature(structure, rows, point, eta, weight)
                step = solve(structure, kept, gradient)
        before = step.dot(gradient)
        if before > NEARLY:
            step = _shorten(structure, point.scale, step)
        expected = step.dot(gradient)
        effects = effects.plus(step)
    raise FitError(f"no modes of the random effects were found in {ITERATIONS} steps")


def _gradient(structure: Structure, point: Point, slopes: tuple[Matrix, Vector], effects: Effects) -> Effects:
    """L'Z'g less the effects."""
    return scaled_gather(structure, point.scale, *slopes).plus(effects, -1.0)


def _last_step(
    structure: Structure,
    point: Point,
    effects: Effects,
    step: Effects,
    terms: RowTerms,
    products: Products,
    factor: Factor,
    definite: bool,
) -> Curvature:
    """Move the rows along a small step by their Taylor series; the factor stays."""
    change = linear_predictor(structure, *scale_effects(structure, point.scale, step))
    terms, effects = terms.moved(change), effects.plus(step)
    slopes = group_sums(structure, terms.slope)
    left = _gradient(structure, point, slopes, effects)
    # the precision is at least one where it is definite, so the decrement is at most the squared length
    return Curvature(Modes(effects, factor, left.dot(left), definite), terms, products, slopes, change)


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
