"""A likelihood that is climbed: warm starts for the nodes, differences of its gradient, Newton steps to the end."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.thinned.arrange import Arrangement, arrange
from dwangstats.numerics.thinned.likelihood import evaluate_at
from dwangstats.numerics.thinned.nodes import Anchor, Grid, start_anchor
from dwangstats.numerics.thinned.problem import ThinnedProblem

Mask = NDArray[np.bool_]

STOP = 1e-10
"""Scaled gradient g'H^-1 g at which Newton steps end."""

STEP = 3e-3
"""Step of the differences, in rough standard errors."""

TINY_STEP = 3e-6
"""The same of one-sided differences: their error, half of it, then is that of central ones, and rounding less."""

FLAT = 1e-2
"""Information in a direction, relative to the rough one, below which an error of 1e-6 might matter."""

BESIDE = 1e-7
"""Squared distance in standard errors after which the Hessian is computed anew."""

_NEWTON_STEPS = 40


class Likelihood:
    """Log likelihood and gradient; each search for the nodes begins at the last ones.

    A patient likelihood searches only when the last nodes no longer cover the posterior: for the rough way up.

    Attributes
    ----------
    arrangement : Arrangement
    nodes : (int, int)
    evaluations : int
    """

    def __init__(
        self,
        problem: ThinnedProblem,
        nodes: tuple[int, int],
        sources: Iterable[str] | None = None,
        *,
        patient: bool = False,
    ) -> None:
        self.arrangement: Arrangement = arrange(problem, sources)
        self._patient = patient
        self.nodes, self.evaluations = nodes, 0
        self._anchor: Anchor = start_anchor(problem.groups)
        self._grid: Grid | None = None
        self._kept: Grid | None = None
        self._last: tuple[Vector, float, Vector] | None = None

    def __call__(self, vector: Vector) -> tuple[float, Vector]:
        """Value and gradient (p,)."""
        if self._last is not None and np.array_equal(vector, self._last[0]):
            return self._last[1:]
        self.evaluations += 1
        before = self._kept if self._patient else None
        found, anchor, self._grid = evaluate_at(self.arrangement, vector, self.nodes, self._anchor, before)
        if anchor is not None and np.isfinite(found.value):
            self._anchor, self._kept = anchor, self._grid
        self._last = vector.copy(), found.value, found.gradient
        return found.value, found.gradient

    def begin_at(self, other: "Likelihood") -> None:
        """Begin the next search where another likelihood of the same groups found its nodes."""
        self._anchor = other._anchor

    def gradient_nearby(self, vector: Vector) -> Vector:
        """Gradient at a point so near to the last one that the nodes may stay."""
        if self._grid is None:
            return self(vector)[1]
        self.evaluations += 1
        return evaluate_at(self.arrangement, vector, self.nodes, self._grid)[0].gradient


@dataclass(frozen=True, slots=True)
class Top:
    """A maximum.

    Attributes
    ----------
    vector, gradient : Vector
        (p,)
    value : float
    free : ndarray of bool
        (p,) neither held nor at a floor.
    information : Matrix
        (f, f) minus the Hessian of the free parameters.
    scaled_gradient : float
    smallest_eigenvalue : float
        Of the information in the units of the metric.
    """

    vector: Vector
    gradient: Vector
    value: float
    free: Mask
    information: Matrix
    scaled_gradient: float
    smallest_eigenvalue: float


def difference_information(
    likelihood: Likelihood, vector: Vector, transform: Matrix, free: Mask, *, central: bool = True, step: float = STEP
) -> Matrix:
    """Minus the Hessian of the free parameters (f, f), by central differences of the gradient along the metric.

    One-sided if `central` is not asked for, and where a floor is nearer than a step.
    """
    floors = likelihood.arrangement.problem.layout.floors
    _, middle = likelihood(vector)
    places = np.flatnonzero(free)
    root = _root(transform, free)
    slopes = np.empty((places.size, places.size))
    for column in range(places.size):
        move = np.zeros(vector.size)
        move[places] = step * root[:, column]
        ahead = likelihood.gradient_nearby(vector + move)
        behind, width = middle, step
        if central and np.all(vector - move >= floors):
            behind, width = likelihood.gradient_nearby(vector - move), 2.0 * step
        slopes[:, column] = root.T @ (ahead - behind)[places] / width
    inner = -0.5 * (slopes + slopes.T)
    back = np.linalg.inv(root)
    return np.asarray(back.T @ inner @ back, dtype=np.float64)


def observed_information(likelihood: Likelihood, vector: Vector, transform: Matrix, free: Mask) -> Matrix:
    """Minus the Hessian of the free parameters (f, f), to about 1e-6 in the units of the metric.

    One-sided differences over a tiny step do where gradients are exact to rounding and no direction is flat.
    """
    problem = likelihood.arrangement.problem
    if problem.family != "nb1" and not problem.silent and free.any():
        found = difference_information(likelihood, vector, transform, free, central=False, step=TINY_STEP)
        root = _root(transform, free)
        if float(np.linalg.eigvalsh(root.T @ found @ root)[0]) > FLAT:
            return found
    return difference_information(likelihood, vector, transform, free)


def approach(
    likelihood: Likelihood, start: Vector, transform: Matrix, held: Mask, information: Matrix
) -> tuple[Vector, float]:
    """Newton steps with one approximate information (p, p), as long as each of them gains much.

    Returns
    -------
    vector : (p,) array
    far : float
        Scaled gradient at the start: about the squared distance in standard errors that had to be gone.
    """
    floors = likelihood.arrangement.problem.layout.floors
    vector = start.copy()
    value, gradient = likelihood(vector)
    first, before = None, np.inf
    for _ in range(_NEWTON_STEPS):
        free = ~held & ~((vector <= floors) & (gradient * np.diag(transform) <= 1e-6))
        step, scaled = _step(information[np.ix_(free, free)], gradient, transform, free)
        first = scaled if first is None else first
        if not np.isfinite(value) or scaled < STOP or scaled > 0.3 * before:
            break
        before = scaled
        vector, value, gradient = _advance(likelihood, vector, value, gradient, step, floors)
    return vector, np.inf if first is None else first


def newton(likelihood: Likelihood, start: Vector, transform: Matrix, held: Mask) -> Top:
    """Newton steps from a point near the maximum.

    Parameters
    ----------
    likelihood : Likelihood
    start : Vector
        (p,)
    transform : Matrix
        (p, p) metric.
    held : ndarray of bool
        (p,) parameters that stay where they are.

    Raises
    ------
    FitError
        The log likelihood is not finite.
    """
    floors = likelihood.arrangement.problem.layout.floors
    vector = start.copy()
    value, gradient = likelihood(vector)
    if not np.isfinite(value):
        raise FitError("the log likelihood is not finite at the best point found")
    information, moved, known = np.zeros((0, 0)), np.inf, held
    before = np.inf
    for _ in range(_NEWTON_STEPS):
        free = ~held & ~((vector <= floors) & (gradient * np.diag(transform) <= 1e-6))
        if moved > 1e-2 or not np.array_equal(free, known):
            information, moved, known = observed_information(likelihood, vector, transform, free), 0.0, free
        step, scaled = _step(information, gradient, transform, free)
        if scaled < STOP or (scaled < 1e-7 and scaled > 0.5 * before):
            break
        if scaled > 0.3 * before:
            moved = np.inf
        before = scaled
        vector, value, gradient = _advance(likelihood, vector, value, gradient, step, floors)
        moved += scaled
    if moved > BESIDE:
        information = observed_information(likelihood, vector, transform, free)
    _, scaled = _step(information, gradient, transform, free)
    root = _root(transform, free)
    eigenvalues = np.linalg.eigvalsh(root.T @ information @ root) if root.size else np.ones(1)
    return Top(vector, gradient, value, free, information, scaled, float(eigenvalues[0]))


def _advance(
    likelihood: Likelihood, vector: Vector, value: float, gradient: Vector, step: Vector, floors: Vector
) -> tuple[Vector, float, Vector]:
    """A step that does not lose likelihood, halved as long as it does."""
    for _ in range(8):
        proposed = np.maximum(vector + step, floors)
        fresh, slope = likelihood(proposed)
        if fresh >= value - 1e-9 * (1.0 + abs(value)):
            return proposed, fresh, slope
        step = 0.3 * step
    return vector, value, gradient


def _root(transform: Matrix, free: Mask) -> Matrix:
    """Metric of the free parameters: where others are held, that of the information without them."""
    inside = transform[np.ix_(free, free)]
    if free.all() or not inside.size:
        return inside
    whole = np.linalg.inv(transform @ transform.T)[np.ix_(free, free)]
    return np.asarray(np.linalg.inv(np.linalg.cholesky(whole)).T, dtype=np.float64)


def _step(information: Matrix, gradient: Vector, transform: Matrix, free: Mask) -> tuple[Vector, float]:
    """Newton step with curvatures made positive and of limited length, and g'H^-1 g."""
    step = np.zeros_like(gradient)
    if not free.any():
        return step, 0.0
    root = _root(transform, free)
    values, axes = np.linalg.eigh(root.T @ information @ root)
    slope = axes.T @ (root.T @ gradient[free])
    curvature = np.maximum(np.abs(values), 1e-6)
    step[free] = root @ (axes @ np.clip(slope / curvature, -5.0, 5.0))
    return step, float((slope**2 / curvature).sum())
