"""Maximum likelihood of a registration model, with what a certificate of convergence needs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.optimise import climb
from dwangstats.numerics.thinned.ascent import Likelihood, Top, approach, difference_information, newton
from dwangstats.numerics.thinned.edges import held_edges
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.metric import metric
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.numerics.thinned.start import starting_vector

ROUGH = 1e-3
"""Slope in standard errors at which a climb stops."""

FINE = 1e-5
"""The same for the fit itself: the Hessian, which costs more than the climb, is then needed once."""

RESTART_ROWS = 200_000
"""Rows beyond which no restart is tried."""

MORE_NODES = 4

ENOUGH = 1e-9
"""Scaled gradient of a maximum."""

FEW_NODES = (7, 3)
"""Nodes for the way up; the last steps have them all."""

FAR = 1.0
"""Squared distance, in standard errors, between the maxima with few and all nodes beyond which few are too few."""


@dataclass(frozen=True, slots=True, eq=False)
class ThinnedFit:
    """A fitted registration model.

    Attributes
    ----------
    vector : Vector
        (p,) estimates.
    free : ndarray of bool
        (p,) False for parameters at a boundary; they are held at their value in everything below.
    information : Matrix
        (f, f) observed information of the free parameters.
    loglik : float
        All constants included.
    scaled_gradient : float
        g'H^-1 g over the free parameters.
    smallest_eigenvalue : float
        Of the information in the units of a rough information: near 0 where the data do not tell parameters apart.
    quadrature_error : float
        Log likelihood with four more nodes in both directions, less that with `nodes`.
    boundary : tuple of str
        Labels of parameters at 0; "registration:<i>=1" where completeness tends to 1 along coefficient i, which is then
        held so high that expit gives exactly 1; "silent=0" and "rho=1" or "rho=-1" likewise;
        "rho undetermined" where one of the effects has no variance.
    evaluations : int
        Of likelihood and gradient, restart included.
    nodes : (int, int)
    restart_gap : float or None
        Log likelihood reached from another start, less `loglik`; None beyond 200,000 rows or when not asked for.
    """

    vector: Vector
    free: NDArray[np.bool_]
    information: Matrix
    loglik: float
    scaled_gradient: float
    smallest_eigenvalue: float
    quadrature_error: float
    boundary: tuple[str, ...]
    evaluations: int
    nodes: tuple[int, int]
    restart_gap: float | None


def usual_nodes(problem: ThinnedProblem) -> tuple[int, int]:
    """Outer and inner nodes that are used unless others are asked for: inner ones cost nothing for poisson."""
    return (15, 11) if problem.family == "poisson" else (15, 7)


def fit_thinned(
    problem: ThinnedProblem,
    *,
    start: Vector | None = None,
    nodes: tuple[int, int] | None = None,
    restart: bool = True,
) -> ThinnedFit:
    """Maximise the likelihood.

    Parameters
    ----------
    problem : ThinnedProblem
    start : Vector, optional
        (p,) where to begin.
    nodes : (int, int), optional
        Outer and inner quadrature nodes.
    restart : bool
        Climb once more from elsewhere, up to 200,000 rows.

    Returns
    -------
    ThinnedFit
        Also where the data do not identify the parameters: its smallest eigenvalue then says so.

    Raises
    ------
    FitError
        The rates cannot be estimated at any completeness, or the likelihood is not finite.
    """
    nodes = usual_nodes(problem) if nodes is None else nodes
    likelihood = Likelihood(problem, nodes)
    begin = starting_vector(likelihood.arrangement) if start is None else np.asarray(start, dtype=np.float64)
    few = Likelihood(problem, (min(FEW_NODES[0], nodes[0]), min(FEW_NODES[1], nodes[1])), patient=True)
    top, labels = _maximum(likelihood, few, begin)
    gap = None
    if restart and problem.counts.y.size <= RESTART_ROWS:
        usual = begin if start is None else starting_vector(likelihood.arrangement)
        other = _restarted(likelihood, few, top, usual)
        gap = likelihood(other)[0] - top.value
        if gap > 1e-4:
            before = top.value
            top, labels = _maximum(likelihood, few, other)
            gap = before - top.value
    more = (nodes[0] + MORE_NODES, nodes[1] + MORE_NODES)
    error = evaluate(problem, top.vector, nodes=more).value - top.value
    return ThinnedFit(
        top.vector,
        top.free,
        top.information,
        top.value,
        top.scaled_gradient,
        top.smallest_eigenvalue,
        error,
        labels,
        few.evaluations + likelihood.evaluations + 1,
        nodes,
        gap,
    )


def hessian(
    problem: ThinnedProblem,
    vector: Vector,
    free: NDArray[np.bool_],
    *,
    nodes: tuple[int, int],
    sources: Iterable[str] | None = None,
) -> Matrix:
    """Observed information (f, f) of the free parameters, by differences of the gradient.

    Parameters
    ----------
    problem, vector, nodes, sources
        As for `likelihood.evaluate`.
    free : ndarray of bool
        (p,) the others are held.
    """
    likelihood = Likelihood(problem, nodes, sources)
    whole = Likelihood(problem, nodes).arrangement
    return difference_information(likelihood, vector, metric(whole, vector), free)


def _maximum(likelihood: Likelihood, few: Likelihood, begin: Vector) -> tuple[Top, tuple[str, ...]]:
    """Up with few nodes, the last steps with all; all the way with all where few lead elsewhere."""
    arrangement = likelihood.arrangement
    layout = arrangement.problem.layout
    vector, held, labels, top = _summit(likelihood, few, begin)
    if top is None:
        vector = climb(likelihood, vector, metric(arrangement, vector), layout.floors, rough=FINE)
        vector, held, labels = held_edges(likelihood, vector)
        top = newton(likelihood, vector, metric(arrangement, vector), held)
    zeros = [layout.labels[i] for i in np.flatnonzero((top.vector <= layout.floors) & ~top.free)]
    return top, (*zeros, *labels)


def _summit(
    likelihood: Likelihood, few: Likelihood, begin: Vector
) -> tuple[Vector, NDArray[np.bool_], tuple[str, ...], Top | None]:
    """The maximum from the one with few nodes; None, and that one, if they are far apart."""
    arrangement = likelihood.arrangement
    floors = arrangement.problem.layout.floors
    vector = climb(few, begin, metric(arrangement, begin), floors, rough=30.0 * ROUGH)
    vector = climb(few, vector, metric(arrangement, vector), floors, rough=FINE)
    likelihood.begin_at(few)
    vector, held, labels = held_edges(likelihood, vector)
    transform = metric(arrangement, vector)
    information = np.eye(vector.size)
    information[np.ix_(~held, ~held)] = difference_information(few, vector, transform, ~held, central=False)
    near, far = approach(likelihood, vector, transform, held, information)
    if far > FAR:
        return vector, held, labels, None
    if not held.any():
        near, held, labels = held_edges(likelihood, near)
    top = newton(likelihood, near, transform, held)
    return near, held, labels, top if top.scaled_gradient < ENOUGH else None


def _restarted(likelihood: Likelihood, few: Likelihood, top: Top, usual: Vector) -> Vector:
    """The end of a climb from a point with other scales and another split of events over rate and completeness."""
    arrangement = likelihood.arrangement
    layout = arrangement.problem.layout
    begin = usual.copy()
    begin[layout.su] *= 2.0
    begin[layout.sv] *= 0.5
    begin[layout.dispersion] *= 3.0
    begin[layout.atanh_rho] = -0.3
    begin[layout.alpha] *= 0.7
    transform = metric(arrangement, top.vector)
    few.begin_at(likelihood)
    vector = climb(few, begin, transform, layout.floors, rough=30.0 * ROUGH)
    vector = climb(few, vector, metric(arrangement, vector), layout.floors, rough=ROUGH)
    value, gradient = likelihood(vector)
    step = np.zeros(vector.size)
    step[top.free] = np.linalg.pinv(top.information, hermitian=True) @ gradient[top.free]
    nearer = np.maximum(vector + step, layout.floors)
    return nearer if likelihood(nearer)[0] > value else vector
