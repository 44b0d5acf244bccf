"""Laplace approximation of the marginal log likelihood and its exact gradient, by one adjoint solve.

With L(u) = log f(y | u) - u'u / 2, H = I + L'Z'WZL at the mode and v_i = z_i'LH^-1L'z_i, the total derivative of
log f - u'u / 2 - log|H| / 2 needs only h_i = w'_i v_i / 2 and s = H^-1 L'Z'h: a shift of eta_i changes the
value by g_i - h_i + w_i (ZLs)_i.  Adaptive quadrature replaces some ingredients by expectations (`Ingredients`).
"""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects, multiply, selected_inverse, solve, spread
from dwangstats.numerics.mixed.modes import Modes, Point, top_groups
from dwangstats.numerics.mixed.scale import Scale, left_times, right_times, sandwich, scale_effects, scaled_gather
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products, group_sums, linear_predictor, row_variances
from dwangstats.numerics.mixed.terms import Nuisance


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
class Scores:
    """Derivatives of the marginal log likelihood at the level of rows and groups.

    Attributes
    ----------
    eta : Vector
        (m,) with respect to a shift of each row's log mean.
    chain : Matrix
        (d, d, G) with respect to the chain's scale, by finest group.
    border : tuple of Matrix
        For each border term (q, q) with respect to its scale.
    dispersion, zero : Vector or None
        (m,) with respect to the dispersion and to each row's logit of an extra zero.
    """

    eta: Vector
    chain: Matrix
    border: tuple[Matrix, ...]
    dispersion: Vector | None
    zero: Vector | None


def laplace_value(modes: Modes) -> float:
    """Laplace approximation of the marginal log likelihood."""
    return float(modes.terms.loglik.sum()) - 0.5 * modes.effects.dot(modes.effects) - 0.5 * modes.factor.logdet


def laplace_by_group(structure: Structure, modes: Modes) -> Vector:
    """The same by group of the last level of the chain, (G_L,); the structure must have no border."""
    tops = top_groups(structure)
    size = structure.sizes[-1]
    total = np.asarray(
        np.bincount(tops[0][structure.codes], weights=modes.terms.loglik, minlength=size), dtype=np.float64
    )
    for level, top in enumerate(tops):
        own = (modes.effects.levels[level] ** 2).sum(axis=0) + modes.factor.logdets[level]
        total -= 0.5 * np.bincount(top, weights=own, minlength=size)
    return total


def laplace_ingredients(modes: Modes) -> Ingredients:
    """Ingredients at the mode."""
    dispersion, zero = modes.terms.dispersion, modes.terms.zero
    return Ingredients(modes.terms.slope, dispersion.value if dispersion else None, zero.value if zero else None)


def scores(structure: Structure, point: Point, modes: Modes, ingredients: Ingredients) -> Scores:
    """Derivatives of the marginal log likelihood.

    Parameters
    ----------
    structure, point, modes
        The model, its parameters and the modes there.
    ingredients : Ingredients
        Of Laplace or of quadrature.
    """
    inverse = selected_inverse(structure, modes.factor)
    if ingredients.shrink is not None:
        inverse = Products(inverse.chain * ingredients.shrink, inverse.cross, inverse.border)
    variances = row_variances(structure, sandwich(point.scale.transposed(), inverse))
    bend = -0.5 * modes.terms.third * variances
    shift = solve(structure, modes.factor, scaled_gather(structure, point.scale, *group_sums(structure, bend)))
    if ingredients.pull is not None:
        shift = Effects((shift.levels[0] - ingredients.pull, *shift.levels[1:]), shift.border)
    moved = linear_predictor(structure, *scale_effects(structure, point.scale, shift))
    eta = ingredients.slope - bend + modes.terms.weight * moved
    chain, border = _scale_scores(structure, point.scale, modes, inverse, shift, eta)
    if ingredients.scale is not None:
        chain = chain + ingredients.scale
    return Scores(
        eta,
        chain,
        border,
        nuisance_score(ingredients.dispersion, modes.terms.dispersion, variances, moved),
        nuisance_score(ingredients.zero, modes.terms.zero, variances, moved),
    )


def nuisance_score(value: Vector | None, terms: Nuisance | None, variances: Vector, moved: Vector) -> Vector | None:
    """Derivative by row in a dispersion or a logit (m,): its direct part, and the movement of curvature and mode."""
    if value is None or terms is None:
        return None
    return value + 0.5 * terms.curvature * variances - moved * terms.slope


def _scale_scores(
    structure: Structure, scale: Scale, modes: Modes, inverse: Products, shift: Effects, eta: Vector
) -> tuple[Matrix, tuple[Matrix, ...]]:
    """Derivatives in L: Z'r u' - Z'g s' - Z'WZ L H^-1, restricted to the blocks of L."""
    r_chain, r_border = group_sums(structure, eta)
    g_chain, g_border = modes.slopes
    half = right_times(scale.transposed(), inverse)
    chain = r_chain[:, None] * spread(structure, modes.effects) - g_chain[:, None] * spread(structure, shift)
    chain -= multiply(modes.products.chain, half.chain.transpose(1, 0, 2))
    if structure.border:
        chain -= np.einsum("atg,btg->abg", modes.products.cross, half.cross)
    border = []
    left = left_times(scale.chain, inverse.cross)
    for place, q, _ in scale.border:
        inner = np.outer(r_border[place], modes.effects.border[place]) - np.outer(g_border[place], shift.border[place])
        inner -= modes.products.border[place] @ half.border[place].T
        inner -= np.tensordot(modes.products.cross[:, place], left[:, place], axes=((0, 2), (0, 2)))
        groups = inner.shape[0] // q
        border.append(np.einsum("gagb->ab", inner.reshape(groups, q, groups, q)))
    return chain, tuple(border)
