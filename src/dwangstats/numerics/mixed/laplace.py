"""Laplace approximation of the marginal log likelihood and its exact gradient, by one adjoint solve.

With L(u) = log f(y | u) - u'u / 2, H = I + L'Z'WZL at the mode and v_i = z_i'LH^-1L'z_i, the total derivative of
log f - u'u / 2 - log|H| / 2 needs only h_i = w'_i v_i / 2 and s = H^-1 L'Z'h: a shift of eta_i changes the
value by g_i - h_i + w_i (ZLs)_i.  Adaptive quadrature replaces some ingredients by expectations (`Ingredients`).
"""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects, multiply, selected_inverse, solve, spread
from dwangstats.numerics.mixed.modes import Curvature, Modes, Point, top_groups
from dwangstats.numerics.mixed.scale import Scale, left_product, left_times, right_times, scale_effects, scaled_gather
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import Products, chain_sum, group_sums, linear_predictor, row_variances
from dwangstats.numerics.mixed.terms import Nuisance


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
    dispersion : Vector or None
        (G,) with respect to the dispersion, by finest group.
    zero : Vector or None
        (m,) with respect to each row's logit of an extra zero.
    """

    eta: Vector
    chain: Matrix
    border: tuple[Matrix, ...]
    dispersion: Vector | None
    zero: Vector | None


@dataclass(frozen=True, slots=True)
class Marginal:
    """The marginal log likelihood of the inner problem.

    Attributes
    ----------
    value : float
    by_group : Vector or None
        (G_L,) the same by group of the last level of the chain; None with a border.
    scores : Scores
    modes : Modes
    """

    value: float
    by_group: Vector | None
    scores: Scores
    modes: Modes


def laplace(structure: Structure, point: Point, at: Curvature) -> Marginal:
    """Laplace approximation with its derivatives.

    Parameters
    ----------
    structure, point
        The model and its parameters.
    at : Curvature
        The modes there.
    """
    modes, terms = at.modes, at.terms
    inverse = selected_inverse(structure, modes.factor)
    half = right_times(point.scale.transposed(), inverse)
    variances = row_variances(structure, left_product(point.scale, half))
    bend = -0.5 * terms.third * variances
    # the factor is that of before the last step: log|H| has moved by 2 bend'change since
    loglik = terms.loglik - bend * at.change
    shift = solve(structure, modes.factor, scaled_gather(structure, point.scale, *group_sums(structure, bend)))
    moved = linear_predictor(structure, *scale_effects(structure, point.scale, shift))
    eta = terms.slope - bend + terms.weight * moved
    chain, border = _scale_scores(structure, point.scale, at, inverse, half, shift, eta)
    dispersion = nuisance_score(terms.dispersion, variances, moved)
    found = Scores(
        eta,
        chain,
        border,
        None if dispersion is None else chain_sum(structure, dispersion),
        nuisance_score(terms.zero, variances, moved),
    )
    value = float(loglik.sum()) - 0.5 * modes.effects.dot(modes.effects) - 0.5 * modes.factor.logdet
    return Marginal(value, _by_group(structure, loglik, modes) if structure.separable else None, found, modes)


def _by_group(structure: Structure, loglik: Vector, modes: Modes) -> Vector:
    """The value by group of the last level of the chain, (G_L,)."""
    tops, size = top_groups(structure), structure.sizes[-1]
    total = np.zeros(size)
    for level, top in enumerate(tops):
        own = -0.5 * ((modes.effects.levels[level] ** 2).sum(axis=0) + modes.factor.logdets[level])
        if level == 0:
            own += chain_sum(structure, loglik)
        total += np.bincount(top, weights=own, minlength=size)
    return total


def nuisance_score(terms: Nuisance | None, variances: Vector, moved: Vector) -> Vector | None:
    """Derivative by row in a dispersion or a logit (m,): its direct part, and the movement of curvature and mode."""
    if terms is None:
        return None
    return terms.value + 0.5 * terms.curvature * variances - moved * terms.slope


def _scale_scores(
    structure: Structure,
    scale: Scale,
    at: Curvature,
    inverse: Products,
    half: Products,
    shift: Effects,
    eta: Vector,
) -> tuple[Matrix, tuple[Matrix, ...]]:
    """Derivatives in L: Z'r u' - Z'g s' - Z'WZ L H^-1, restricted to the blocks of L."""
    r_chain, r_border = group_sums(structure, eta)
    g_chain, g_border = at.slopes
    effects = at.modes.effects
    chain = r_chain[:, None] * spread(structure, effects) - g_chain[:, None] * spread(structure, shift)
    chain -= multiply(at.products.chain, half.chain.transpose(1, 0, 2))
    if structure.border:
        chain -= np.einsum("atg,btg->abg", at.products.cross, half.cross)
    border = []
    left = left_times(scale.chain, inverse.cross)
    for place, q, _ in scale.border:
        pairs = (
            (r_border[place], effects.border[place]),
            (-g_border[place], shift.border[place]),
            (-at.products.border[place], half.border[place]),
            *((-cross[place], other[place]) for cross, other in zip(at.products.cross, left, strict=True)),
        )
        border.append(sum((_paired(one, other, q) for one, other in pairs), np.zeros((q, q))))
    return chain, tuple(border)


def _paired(one: Matrix, other: Matrix, q: int) -> Matrix:
    """Sum over groups of the products of two arrays (groups q, ...), one by effect of the one and the other: (q, q)."""
    if q == 1:
        return np.full((1, 1), np.vdot(one, other))
    first, second = one.reshape(one.shape[0] // q, q, -1), other.reshape(other.shape[0] // q, q, -1)
    return np.asarray(np.einsum("gam,gbm->ab", first, second), dtype=np.float64)
