"""Whether a fit with random effects is a maximum: gradient, curvature, modes, quadrature and another start.

The log likelihood and its gradient are computed again at the reported parameters with the modes searched from zero,
and the log likelihood is climbed again from perturbed parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.models.certificate import Certificate
from dwangstats.models.parameters import mixed_problem, parameter_names
from dwangstats.numerics.likelihood import (
    Likelihood,
    Problem,
    Search,
    Top,
    ascend,
    curvature_metric,
    make_search,
    standardised,
    vector_information,
)
from dwangstats.numerics.mixed.fit import Arranged, MixedFit
from dwangstats.numerics.mixed.objective import WarmObjective
from dwangstats.numerics.mixed.optimise import Objective
from dwangstats.numerics.mixed.parameters import Layout, scale_columns
from dwangstats.numerics.mixed.start import dispersion_unit

MAX_SCALED_GRADIENT = 1e-8
"""g' H^-1 g is twice the log likelihood still to be gained; a step left of 1e-4 standard errors."""

MIN_EIGENVALUE = 1e-6
"""Of the information in the fitter's metric, where usual curvatures are near 1; its differences err by about 1e-7."""

MAX_INNER_RESIDUAL = 1e-10
"""Newton decrement left in the modes of the random effects."""

MAX_QUADRATURE_ERROR = 1e-3
"""Change of the log likelihood with four more nodes."""

MAX_LOGLIK_GAP = 1e-8
"""Relative difference of two log likelihoods; a restart ends within 1e-8 of log likelihood per parameter."""

MAX_BOUNDARY_SLOPE = 1e-3
"""Slope of the log likelihood from a boundary inwards, per tenth of the parameter's unit."""

CLOSE, LARGE_CLOSE, LARGE = 1e-4, 1e-3, 20_000
"""Slope in standard errors at which the restart ends, for up to that many rows and for more: a larger log likelihood
leaves more room. Half of its square per parameter is left."""

STEEP = 0.01
"""Slope in standard errors at which the climb stopped short and is taken up again once."""

RESTART_ROWS = 200_000
"""Above this number of rows the restart is left out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A certificate, and a better point if the restart found one.

    Attributes
    ----------
    certificate : Certificate
    better : Vector or None
        (p,) parameters of a higher log likelihood.
    """

    certificate: Certificate
    better: Vector | None


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is checked: fresh objectives by number of nodes, the change of basis back, and a search around the top."""

    objective: Callable[[int], Objective]
    back: Matrix
    layout: Layout
    top: Vector
    search: Callable[[Objective], Search]


def certify_mixed(design: Design, family: FamilyName, fit: MixedFit, arranged: Arranged | None = None) -> Verdict:
    """Check a fit with random effects or extra zeros.

    Parameters
    ----------
    design, family, fit
        The model and its fit.
    arranged : Arranged, optional
        The fitter's arrangement of rows; without it the rows are arranged anew.

    Returns
    -------
    Verdict
    """
    problem = mixed_problem(design, family, fit.nodes)
    information = vector_information(problem, fit.vector, fit.information, fit.free)
    ground = _arranged_anew(problem, fit.vector) if arranged is None else _as_arranged(arranged, fit, information)
    value, gradient = ground.objective(fit.nodes)(ground.top)
    gradient = np.asarray(np.linalg.solve(ground.back.T, gradient), dtype=np.float64)
    scaled = _scaled_gradient(information, gradient[fit.free])
    repeated = _gap(value, fit.loglik)
    checks = [
        ("scaled gradient", scaled, MAX_SCALED_GRADIENT, scaled <= MAX_SCALED_GRADIENT),
        ("smallest eigenvalue", fit.smallest_eigenvalue, MIN_EIGENVALUE, fit.smallest_eigenvalue > MIN_EIGENVALUE),
        ("log likelihood repeated", repeated, MAX_LOGLIK_GAP, repeated <= MAX_LOGLIK_GAP),
    ]
    if design.random:
        inner = fit.inner_residual if fit.definite else float("inf")
        checks.append(("inner residual", inner, MAX_INNER_RESIDUAL, inner <= MAX_INNER_RESIDUAL))
    if fit.nodes > 1:
        error = abs(fit.quadrature_error)
        checks.append(("quadrature error", error, MAX_QUADRATURE_ERROR, error <= MAX_QUADRATURE_ERROR))
    if not fit.free.all():
        slope = float(gradient[~fit.free].max()) * 0.1
        checks.append(("boundary slope", slope, MAX_BOUNDARY_SLOPE, slope <= MAX_BOUNDARY_SLOPE))
    gap, better = None, None
    if design.y.size <= RESTART_ROWS:
        again = _restart(ground, fit, family, large=design.y.size >= LARGE)
        gap = _gap(again.value, fit.loglik)
        checks.append(("restart gap", gap, MAX_LOGLIK_GAP, gap <= MAX_LOGLIK_GAP))
        better = again.vector if gap > MAX_LOGLIK_GAP and again.value > fit.loglik else None
    names = parameter_names(design, family)
    certificate = Certificate(
        converged=all(passed for *_, passed in checks),
        boundary=tuple(name for name, inside in zip(names, fit.free, strict=True) if not inside),
        scaled_gradient=scaled,
        smallest_eigenvalue=fit.smallest_eigenvalue,
        restart_gap=gap,
        checks=tuple((name, float(value), limit, bool(passed)) for name, value, limit, passed in checks),
    )
    return Verdict(certificate, better)


def _arranged_anew(problem: Problem, vector: Vector) -> _Ground:
    inner, back = standardised(problem)
    top = np.asarray(np.linalg.solve(back, vector), dtype=np.float64)

    def likelihood(nodes: int) -> Likelihood:
        return Likelihood(replace(inner, nodes=nodes))

    def search(objective: Objective) -> Search:
        return replace(make_search(likelihood(problem.nodes), top), objective=objective)

    return _Ground(likelihood, back, inner.layout, top, search)


def _as_arranged(arranged: Arranged, fit: MixedFit, information: Matrix) -> _Ground:
    """The fitter's rows, with modes and starts of its own; the metric is the curvature at the top."""
    model, back, free, usual = arranged.model, arranged.back, fit.free, arranged.usual
    layout = model.layout
    inward = back[np.ix_(free, free)]
    transform = curvature_metric(layout, inward.T @ information @ inward, free, arranged.transform)
    top = np.asarray(np.linalg.solve(back, fit.vector), dtype=np.float64)
    place = layout.bounds[2]
    if layout.dispersed and not free[place]:
        transform[place, place] = dispersion_unit(model.rows, float(_off(top, usual)[place]))

    def search(objective: Objective) -> Search:
        return Search(objective, transform, layout.floors, usual, scale_columns(layout))

    return _Ground(lambda nodes: WarmObjective(replace(model, nodes=nodes)), back, layout, top, search)


def _gap(one: float, other: float) -> float:
    return abs(one - other) / max(1.0, abs(other))


def _scaled_gradient(information: np.ndarray, gradient: Vector) -> float:
    unit = np.sqrt(np.abs(np.diag(information)))
    unit[unit == 0.0] = 1.0
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    along = vectors.T @ (gradient / unit)
    return float(np.sum(along**2 / np.maximum(np.abs(eigenvalues), np.finfo(float).tiny)))


def _restart(ground: _Ground, fit: MixedFit, family: FamilyName, *, large: bool) -> Top:
    """Climb from coefficients two standard errors away, signs alternating, and scales and dispersion off by half.

    In large problems Laplace, which costs a tenth of quadrature over rows, leads most of the way.
    """
    costly = large and fit.nodes > 1 and family != "poisson"
    search = ground.search(ground.objective(1 if costly else fit.nodes))
    rough = LARGE_CLOSE if large else CLOSE
    reached = ascend(search, _perturbed(search, ground.layout, ground.top), rough=rough)
    if reached.slope > STEEP:
        reached = ascend(search, reached.vector, rough=rough)
    if costly:
        reached = ascend(replace(search, objective=ground.objective(fit.nodes)), reached.vector, rough=rough)
    return replace(reached, vector=ground.back @ reached.vector)


def _perturbed(search: Search, layout: Layout, top: Vector) -> Vector:
    move = np.where(np.arange(top.size) % 2 == 0, 2.0, -2.0)
    move[layout.fixed : layout.bounds[3]] = 0.0
    start = top + search.transform @ move
    return np.where(np.isfinite(layout.floors), _off(top, search.usual), start)


def _off(top: Vector, usual: Vector) -> Vector:
    """Half as much again, or half of the usual where there is nothing."""
    return np.where(top > 0.0, 1.5 * top, 0.5 * usual)
