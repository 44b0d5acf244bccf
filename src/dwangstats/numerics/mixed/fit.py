"""Fit count models with random effects by maximum likelihood: the entry to this package."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.numerics.mixed.blocks import selected_inverse
from dwangstats.numerics.mixed.collapsed import collapsed_information
from dwangstats.numerics.mixed.false_zeros import leave_false_zeros
from dwangstats.numerics.mixed.model import Evaluation, Model, checked_nodes, evaluate_parts, make_model
from dwangstats.numerics.mixed.objective import WarmObjective
from dwangstats.numerics.mixed.optimise import BESIDE, ROUGH, Hessian, Optimum, climb, difference_information, polish
from dwangstats.numerics.mixed.parameters import (
    natural_jacobian,
    natural_labels,
    scale_change,
    scale_columns,
    singular_terms,
    to_natural,
    unpack,
)
from dwangstats.numerics.mixed.scalar_hessian import coefficient_information
from dwangstats.numerics.mixed.scale import make_scale, sandwich, scale_effects
from dwangstats.numerics.mixed.standardise import scale_basis, standardising
from dwangstats.numerics.mixed.start import metric, rescaled, starting_vector
from dwangstats.numerics.mixed.structure import Term

LARGE = 20_000
"""Rows from which one-sided differences are exact enough for the Hessian."""

MORE_NODES = (25, 51)
"""Quadrature nodes to go on to where the number was left open and was not enough."""

QUADRATURE_ERROR = 1e-4
"""Change of the log likelihood with four more nodes that is not enough."""

RARE_ZERO = -6.0
"""Logit of an extra zero below which none at all is tried."""

COSTLY = 2_000
"""Rows above which Laplace leads the way to the maximum under quadrature, unless rows collapse into cells."""

FEW_NODES, FEW_NODES_GAP = 5, 1e-3
"""Nodes that serve for the Hessian of large problems, and the error of the log likelihood up to which they do."""

BUDGET = 400
"""Evaluations after which no further search begins; an ordinary fit takes 20 to 50."""

GENTLE = 1e4
"""Mean over standard deviation up to which a column is centred in its coefficient only: that costs four digits."""

ACCEPTABLE = 1e-8
"""Scaled gradient above which the quasi-Newton search is taken up again."""

CLOSE, BESIDE_LARGE = 3e-4, 1e-6
"""Where a Hessian costs as many evaluations as there are parameters: slope in standard errors at which it is computed,
and squared distance up to which it stands. One-sided differences err as much."""

FINE = 1e-6
"""Slope in standard errors at which that second search stops."""

NEGLIGIBLE = 0.05
"""Scale, in its own standard errors, below which zero is tried."""


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A maximum-likelihood fit of a count model with random effects.

    Attributes
    ----------
    beta : Vector
        (k,) coefficients of the log mean.
    scales, covariances : tuple of Matrix
        Per term the (q, q) lower-triangular scale L, and L L'.
    alpha : float
        Dispersion; 0 for Poisson.
    zero_beta : Vector
        (kz,) coefficients of the logit of an extra zero.
    loglik : float
        Marginal log likelihood, all constants included.
    names : tuple of str
        Names of the parameters on the natural scale: beta, log standard deviations and inverse hyperbolic
        tangents of correlations (scale entries for a term on its boundary), alpha, zero coefficients.
    estimates : Vector
        (p,) parameters on that scale.
    free : ndarray of bool
        (p,) False for parameters held at their boundary.
    information : Matrix
        Observed information over the free parameters, on the natural scale.
    modes : tuple of Matrix
        Per term (G, q) conditional modes of the random effects b.
    mode_covariances : tuple of ndarray
        Per term (G, q, q) conditional covariance, parameters held fixed.
    boundary : tuple of str
        Names of the parameters at their boundary, a standard deviation or dispersion of zero.
    scaled_gradient : float
        g'H^-1 g at the estimates.
    smallest_eigenvalue : float
        Of the information with roughly unit curvature; <= 0 means no maximum.
    inner_residual : float
        Newton decrement left in the modes.
    definite : bool
        Whether the observed curvature of the random effects is positive definite.
    quadrature_error : float
        Log likelihood with four more nodes less that with these; NaN for Laplace in a general structure.
    nodes : int
        Quadrature nodes; 1 is Laplace.
    evaluations : int
        Evaluations of likelihood and gradient.
    vector : Vector
        (p,) parameters as the optimiser has them, for `group_scores` and `group_loglik`.
    """

    beta: Vector
    scales: tuple[Matrix, ...]
    covariances: tuple[Matrix, ...]
    alpha: float
    zero_beta: Vector
    loglik: float
    names: tuple[str, ...]
    estimates: Vector
    free: NDArray[np.bool_]
    information: Matrix
    modes: tuple[Matrix, ...]
    mode_covariances: tuple[NDArray[np.float64], ...]
    boundary: tuple[str, ...]
    scaled_gradient: float
    smallest_eigenvalue: float
    inner_residual: float
    definite: bool
    quadrature_error: float
    nodes: int
    evaluations: int
    vector: Vector


@dataclass(frozen=True, slots=True)
class Arranged:
    """A fit with the arrangement it was found in, for whoever wants to climb again without arranging anew.

    Attributes
    ----------
    fit : MixedFit
    model : Model
    back : Matrix
        (p, p) takes the vector of the model to that of the fit.
    usual : Vector
        (p,) parameters of the usual size, as the model has them.
    transform : Matrix
        (p, p) the metric of the last climb.
    """

    fit: MixedFit
    model: Model
    back: Matrix
    usual: Vector
    transform: Matrix


def fit_mixed(
    X: Matrix,
    y: Vector,
    offset: Vector,
    terms: Sequence[Term],
    family: FamilyName,
    *,
    zero_X: Matrix | None = None,
    nodes: int | None = None,
    start: Vector | None = None,
) -> MixedFit:
    """Fit by maximum marginal likelihood.

    Parameters
    ----------
    X : Matrix
        (n, k) design of the log mean, of full column rank.
    y : Vector
        (n,) counts.
    offset : Vector
        (n,) known part of the log mean, such as log exposure.
    terms : sequence of Term
        Random terms, at least one. Columns far from zero beside a constant one are centred within the fit.
    family : {"poisson", "nb2", "nb1"}
    zero_X : Matrix, optional
        (n, kz) design of the logit of the probability of an extra zero.
    nodes : int, optional
        Quadrature nodes. By default 11 for one term with one effect per group, or 25 or 51 where `quadrature_error`
        asks for it, and 1, which is Laplace, for every other structure.
    start : Vector, optional
        (p,) parameters from which to begin, as in `MixedFit.vector`.

    Returns
    -------
    MixedFit

    Raises
    ------
    DomainError
        If quadrature is asked for another structure than one scalar term, or the structure is not offered.
    FitError
        If the columns of a design are dependent or the likelihood is not finite.
    """
    return fit_arranged(X, y, offset, terms, family, zero_X=zero_X, nodes=nodes, start=start).fit


def fit_arranged(
    X: Matrix,
    y: Vector,
    offset: Vector,
    terms: Sequence[Term],
    family: FamilyName,
    *,
    zero_X: Matrix | None = None,
    nodes: int | None = None,
    start: Vector | None = None,
) -> Arranged:
    """As `fit_mixed`, with the arrangement."""
    model, back = _arrange(X, y, offset, tuple(terms), family, zero_X, nodes)
    objective = WarmObjective(model)
    usual = starting_vector(model)
    begin = usual if start is None else np.asarray(np.linalg.solve(back, start), dtype=np.float64)
    optimum, transform = _maximise(objective, model, begin, usual)
    fit = _assemble(model, optimum, objective, back)
    for more in MORE_NODES:
        if nodes is not None or not abs(fit.quadrature_error) > QUADRATURE_ERROR:
            break
        model = objective.model = replace(model, nodes=more)
        optimum = polish(
            objective, optimum.vector, transform, model.layout.floors, hessian=_hessian(objective, model, transform)
        )
        fit = _assemble(model, optimum, objective, back)
    return Arranged(fit, model, back, usual, transform)


def _arrange(
    X: Matrix,
    y: Vector,
    offset: Vector,
    terms: tuple[Term, ...],
    family: FamilyName,
    zero_X: Matrix | None,
    nodes: int | None,
) -> tuple[Model, Matrix]:
    """The model over columns of unit size, and the matrix that takes its vector to that of the caller's columns."""
    nodes = checked_nodes(nodes, terms)
    X = np.asfortranarray(X)
    centre = standardising(X)
    zero_centre = np.eye(0) if zero_X is None else standardising(zero_X)
    bases = [scale_basis(term) for term in terms]
    terms = tuple(replace(term, turn=basis) for term, basis in zip(terms, bases, strict=True))
    inner_zero = None if zero_X is None else zero_X @ zero_centre
    if np.abs(centre * np.abs(X[0])[:, None]).max() < GENTLE:
        model = make_model(X, y, offset, terms, family, inner_zero, nodes, basis=centre)
    else:
        model = make_model(X @ centre, y, offset, terms, family, inner_zero, nodes)
    layout = model.layout
    back = np.eye(layout.size)
    back[: layout.fixed, : layout.fixed] = centre
    scales = slice(layout.fixed, layout.bounds[2])
    back[scales, scales] = scale_change(layout, bases)
    back[layout.bounds[3] :, layout.bounds[3] :] = zero_centre
    return model, back


def _maximise(objective: WarmObjective, model: Model, begin: Vector, usual: Vector) -> tuple[Optimum, Matrix]:
    """The maximum and the metric; large problems are brought near it by Laplace, which costs less per evaluation."""
    floors, columns = model.layout.floors, scale_columns(model.layout)
    costly = model.nodes > 1 and model.cells is None and model.y.size > COSTLY
    if costly:
        objective.model = replace(model, nodes=1)
    transform = metric(model, begin, usual, objective.full(begin).modes)
    cheap = model.cells is not None or model.y.size < LARGE
    vector = climb(objective, begin, transform, floors, rough=ROUGH if cheap else CLOSE)
    vector = leave_false_zeros(objective, vector, transform, floors, usual, columns)
    transform = rescaled(model, transform, vector, usual)
    optimum = polish(
        objective,
        vector,
        transform,
        floors,
        hessian=_hessian(objective, objective.model, transform),
        beside=BESIDE if cheap else BESIDE_LARGE,
    )
    if costly:
        objective.model = model
        optimum = _refine(objective, model, optimum, transform)
    for warm, origin in ((True, optimum.vector), (False, usual)):
        if optimum.scaled_gradient < ACCEPTABLE or objective.evaluations > BUDGET:
            break
        objective.restart(warm=warm)
        vector = climb(objective, origin, transform, floors, rough=FINE)
        again = polish(objective, vector, transform, floors)
        if again.scaled_gradient < optimum.scaled_gradient:
            optimum = again
    return _snap(objective, model, optimum, transform), transform


def _hessian(objective: WarmObjective, model: Model, transform: Matrix) -> Hessian:
    """Minus the Hessian of a model that need not be that of the objective, from the objective's last modes."""

    def at(vector: Vector, gradient: Vector, free: NDArray[np.bool_]) -> Matrix:
        objective.evaluations += 1
        if model.cells is not None:
            return collapsed_information(model, model.cells, vector, objective.effects, transform, free)
        if model is objective.model:
            other: Callable[[Vector], tuple[float, Vector]] = objective
        else:
            other = WarmObjective(model)
            gradient = other(vector)[1]
        central, floors = model.y.size < LARGE, model.layout.floors
        known = None
        if model.structure.scalar and model.nodes == 1:
            known = coefficient_information(model, vector, objective.effects)
        return difference_information(other, vector, gradient, transform, floors, free, central=central, known=known)

    return at


def _refine(objective: WarmObjective, model: Model, near: Optimum, transform: Matrix) -> Optimum:
    """From the maximum under Laplace to that under quadrature; few nodes give the Hessian where they suffice."""
    at = objective.full(near.vector)
    coarse = replace(model, nodes=min(FEW_NODES, model.nodes))
    gap = evaluate_parts(coarse, near.vector, at.modes.effects).value - at.value
    hessian = _hessian(objective, coarse if abs(gap) < FEW_NODES_GAP else model, transform)
    return polish(
        objective,
        near.vector,
        transform,
        model.layout.floors,
        information=near.information,
        free=near.free,
        hessian=hessian,
        beside=BESIDE if model.y.size < LARGE else BESIDE_LARGE,
    )


def _snap(objective: WarmObjective, model: Model, optimum: Optimum, transform: Matrix) -> Optimum:
    """Set scales and a constant probability of extra zeros to zero where the likelihood does not object."""
    floors = model.layout.floors
    diagonal = scale_columns(model.layout)
    candidates = [p for p in diagonal if 0.0 < optimum.vector[p] < max(NEGLIGIBLE * transform[p, p], 1e-6)]
    zero = model.layout.bounds[3]
    if model.layout.constant_zero and floors[zero] < optimum.vector[zero] < RARE_ZERO:
        candidates.append(zero)
    if not candidates:
        return optimum
    trial = optimum.vector.copy()
    trial[candidates] = floors[candidates]
    value, _ = objective(trial)
    if value < optimum.value - 1e-7:
        return optimum
    return polish(objective, trial, transform, floors)


def _assemble(model: Model, optimum: Optimum, objective: WarmObjective, back: Matrix) -> MixedFit:
    layout, free = model.layout, optimum.free
    at = objective.full(optimum.vector)
    vector = back @ optimum.vector
    parameters = unpack(layout, vector)
    singular = singular_terms(layout, vector)
    jacobian = natural_jacobian(layout, vector, singular) @ back
    outward = np.linalg.inv(jacobian[np.ix_(free, free)])
    modes, covariances = _effects(model, at, parameters.scales)
    return MixedFit(
        beta=parameters.beta,
        scales=parameters.scales,
        covariances=tuple(L @ L.T for L in parameters.scales),
        alpha=parameters.alpha,
        zero_beta=parameters.zero,
        loglik=at.value,
        names=natural_labels(layout, singular),
        estimates=to_natural(layout, vector, singular),
        free=free,
        information=outward.T @ optimum.information[np.ix_(free, free)] @ outward,
        modes=modes,
        mode_covariances=covariances,
        boundary=tuple(name for name, inside in zip(layout.labels, free, strict=True) if not inside),
        scaled_gradient=optimum.scaled_gradient,
        smallest_eigenvalue=optimum.smallest_eigenvalue,
        inner_residual=at.modes.decrement,
        definite=at.modes.definite,
        quadrature_error=_quadrature_error(model, optimum.vector, at),
        nodes=model.nodes,
        evaluations=objective.evaluations,
        vector=vector,
    )


def _effects(
    model: Model, at: Evaluation, scales: tuple[Matrix, ...]
) -> tuple[tuple[Matrix, ...], tuple[NDArray[np.float64], ...]]:
    """Conditional modes (G, q) and covariances (G, q, q) of each term, in the order of its own groups."""
    structure = model.structure
    scale = make_scale(structure, scales)
    chain, border = scale_effects(structure, scale, at.modes.effects)
    inverse = sandwich(scale.transposed(), selected_inverse(structure, at.modes.factor))
    modes, covariances = [], []
    first = [np.arange(structure.sizes[0])]
    for parent in structure.parents:
        first.append(parent[first[-1]])
    for placement in structure.placements:
        q = placement.width
        if placement.level < 0:
            place = placement.offset + np.arange(placement.groups * q).reshape(-1, q)
            modes.append(border[place])
            covariances.append(inverse.border[place[:, :, None], place[:, None, :]])
            continue
        head = np.zeros(structure.sizes[placement.level], dtype=np.intp)
        head[first[placement.level]] = np.arange(structure.sizes[0])
        head = head[placement.order]
        columns = slice(placement.start, placement.start + q)
        modes.append(chain[columns][:, head].T)
        covariances.append(np.moveaxis(inverse.chain[columns, columns][:, :, head], -1, 0))
    return tuple(modes), tuple(covariances)


def _quadrature_error(model: Model, vector: Vector, at: Evaluation) -> float:
    if model.nodes == 1:
        return float("nan")
    finer = evaluate_parts(replace(model, nodes=model.nodes + 4), vector, at.modes.effects)
    return finer.value - at.value
