"""One random effect per group: modes and scores by plain vectors over groups.

The same quantities as `modes` and `laplace` give for any structure, several times faster.
"""

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects, Factor
from dwangstats.numerics.mixed.laplace import Ingredients, Scores, nuisance_score
from dwangstats.numerics.mixed.modes import DECREMENT, ITERATIONS, LONGEST_STEP, NEARLY, ROUNDING, Modes, Point
from dwangstats.numerics.mixed.rows import Rows, row_slopes, row_terms, safe_weight
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products, chain_sum, times


def scalar_modes(structure: Structure, rows: Rows, point: Point, start: Effects) -> Modes:
    """Conditional modes, each group with its own damping; arguments and result as `modes.find_modes`."""
    z, scale = structure.basis[0], float(point.scale.chain[0, 0])
    u, step, expected = start.levels[0][0], np.zeros(structure.sizes[0]), np.inf
    slope_along = np.full(structure.sizes[0], np.inf)
    for iteration in range(1, ITERATIONS + 1):
        eta = point.eta + times(np.repeat(scale * u, structure.row_counts), z)
        terms = row_terms(rows, eta, point.alpha, point.zeta) if expected < NEARLY else None
        slope, weight = (terms.slope, terms.weight) if terms else row_slopes(rows, eta, point.alpha, point.zeta)
        sums = chain_sum(structure, times(slope, z))
        gradient = scale * sums - u
        worse = -gradient * step > np.maximum(slope_along, ROUNDING)
        if worse.any():
            step = np.where(worse, 0.5 * step, 0.0)
            u, slope_along = u - step, np.where(worse, 0.5 * slope_along, np.inf)
            continue
        products = chain_sum(structure, times(times(weight, z), z))
        precision = 1.0 + scale**2 * products
        definite = bool(precision.min() > 0.0)
        if not definite:
            weight = safe_weight(rows, eta, point.alpha, weight)
            products = chain_sum(structure, times(times(weight, z), z))
            precision = 1.0 + scale**2 * products
        step = gradient / precision
        decrement = float(step @ gradient)
        if terms and (decrement < DECREMENT or (decrement < ROUNDING and decrement > 0.1 * expected)):
            break
        if iteration < ITERATIONS:
            if decrement > NEARLY:
                step = _shortened(step, scale, z)
            slope_along = step * gradient
            expected = float(slope_along.sum())
            u = u + step
    terms = terms or row_terms(rows, eta, point.alpha, point.zeta)
    return Modes(
        Effects((u[None],), np.zeros(0)),
        eta,
        terms,
        Products(products[None, None], np.zeros((1, 0, u.size)), np.zeros((0, 0))),
        _factor(precision),
        (sums[None], np.zeros(0)),
        decrement,
        definite,
        iteration,
    )


def scalar_scores(structure: Structure, point: Point, modes: Modes, ingredients: Ingredients) -> Scores:
    """Derivatives of the marginal log likelihood; arguments and result as `laplace.scores`."""
    z, scale = structure.basis[0], float(point.scale.chain[0, 0])
    inverse = modes.factor.inverses[0][0, 0]
    spread = scale * inverse if ingredients.shrink is None else scale * inverse * ingredients.shrink
    variances = times(times(np.repeat(scale * spread, structure.row_counts), z), z)
    bend = -0.5 * modes.terms.third * variances
    shift = scale * chain_sum(structure, times(bend, z)) * inverse
    if ingredients.pull is not None:
        shift = shift - ingredients.pull
    moved = times(np.repeat(scale * shift, structure.row_counts), z)
    eta = ingredients.slope - bend + modes.terms.weight * moved
    by_group = chain_sum(structure, times(eta, z)) * modes.effects.levels[0][0]
    by_group -= modes.slopes[0][0] * shift + modes.products.chain[0, 0] * spread
    if ingredients.scale is not None:
        by_group += ingredients.scale
    return Scores(
        eta,
        by_group[None, None],
        (),
        nuisance_score(ingredients.dispersion, modes.terms.dispersion, variances, moved),
        nuisance_score(ingredients.zero, modes.terms.zero, variances, moved),
    )


def _shortened(step: Vector, scale: float, z: Vector | None) -> Vector:
    reach = abs(scale) * (1.0 if z is None else float(np.abs(z).max()))
    limit = LONGEST_STEP / reach if reach > 0.0 else np.inf
    return np.clip(step, -limit, limit)


def _factor(precision: Vector) -> Factor:
    empty: Matrix = np.zeros((1, 0, precision.size))
    return Factor((1.0 / precision[None, None],), (empty,), (empty,), np.zeros((0, 0)), (np.log(precision),), 0.0)
