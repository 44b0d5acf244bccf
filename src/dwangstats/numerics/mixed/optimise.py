"""Maximise a smooth function over a half-space per parameter: L-BFGS-B, then Newton steps to the end.

Newton steps use differences of the analytic gradient, which standard errors need anyway.  Parameters at
their floor are held there unless the slope says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError

Objective = Callable[[Vector], tuple[float, Vector]]
Hessian = Callable[[Vector, Vector, NDArray[np.bool_]], Matrix]
"""Minus the Hessian (p, p) at a vector with its gradient, over the free parameters; zero elsewhere."""

STOP = 1e-12
"""Scaled gradient g'H^-1 g at which the estimates are within 1e-6 standard errors of the maximum."""

ROUGH = 1e-3
"""Slope in standard errors at which quasi-Newton steps give way to Newton steps."""

TOUCHING = 1e-6
"""Distance from a floor, in standard errors, that counts as at the floor."""

STEP = 1e-3
"""Step of the differences, in standard errors."""

NEWTON_STEPS = 25
REFRESH = 1e-5
"""Squared distance in standard errors after which the Hessian is computed anew on the way."""

BESIDE = 1e-9
"""The same distance from which the Hessian at the end is computed anew: 1e-5 shows in standard errors, by 7e-4."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """A maximum and the curvature there.

    Attributes
    ----------
    vector, gradient : Vector
        (p,)
    value : float
    information : Matrix
        (p, p) minus the Hessian; rows and columns of held parameters are zero.
    free : ndarray of bool
        (p,) False where a parameter is held at its floor.
    scaled_gradient : float
        g'H^-1 g over the free parameters.
    smallest_eigenvalue : float
        Of the information in the units of the metric.
    """

    vector: Vector
    gradient: Vector
    value: float
    information: Matrix
    free: NDArray[np.bool_]
    scaled_gradient: float
    smallest_eigenvalue: float


def climb(objective: Objective, start: Vector, transform: Matrix, floors: Vector, *, rough: float = ROUGH) -> Vector:
    """Quasi-Newton ascent from `start`, in coordinates phi with vector = start + transform phi.

    Parameters
    ----------
    objective : callable
        Value and gradient at a vector.
    start, floors : Vector
        (p,)
    transform : Matrix
        (p, p), block diagonal; parameters with a finite floor stand alone in their block.
    rough : float
        Stop when no slope in phi is larger.
    """
    scale = np.diag(transform)
    lower = np.where(np.isfinite(floors), (floors - start) / scale, -np.inf)

    def negative(phi: Vector) -> tuple[float, Vector]:
        value, gradient = objective(np.maximum(start + transform @ phi, floors))
        if not np.isfinite(value):
            return 1e30, np.zeros_like(phi)
        return -value, -(transform.T @ gradient)

    bounds = [(low if np.isfinite(low) else None, None) for low in lower]
    options = {"maxcor": 20, "gtol": rough, "ftol": 1e-13, "maxiter": 150, "maxls": 20}
    found = minimize(negative, np.zeros_like(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    vector = np.maximum(start + transform @ np.asarray(found.x, dtype=np.float64), floors)
    return np.where(vector - floors < TOUCHING * scale, floors, vector)


def polish(
    objective: Objective,
    start: Vector,
    transform: Matrix,
    floors: Vector,
    *,
    central: bool = True,
    information: Matrix | None = None,
    free: NDArray[np.bool_] | None = None,
    hessian: Hessian | None = None,
    beside: float = BESIDE,
) -> Optimum:
    """Newton steps from a point near the maximum, and the Hessian at the end.

    Parameters
    ----------
    objective, start, transform, floors
        As for `climb`.
    central : bool
        Central differences (two evaluations per parameter) or forward ones (one).
    information : Matrix, optional
        (p, p) approximate information that may serve until the Hessian at the end.
    free : ndarray of bool, optional
        (p,) the parameters to which that information refers.
    hessian : callable, optional
        The Hessian, if it can be had for less than the differences of the gradient.
    beside : float
        Squared distance in standard errors from which the Hessian at the end is computed anew.

    Raises
    ------
    FitError
        If the value is not finite.
    """

    def differences(at: Vector, slope: Vector, free: NDArray[np.bool_]) -> Matrix:
        return difference_information(objective, at, slope, transform, floors, free, central=central)

    hessian = hessian or differences
    vector = start.copy()
    value, gradient = objective(vector)
    if not np.isfinite(value):
        raise FitError("the log likelihood is not finite at the best point found")
    given, free = free, _free(vector, gradient, floors, transform)
    if given is None or not np.array_equal(given, free):
        information = None
    moved = 0.0 if information is None else np.inf
    for _ in range(NEWTON_STEPS):
        if information is None:
            information, moved = hessian(vector, gradient, free), 0.0
        step, scaled = _newton(information, gradient, transform, free)
        proposed = np.maximum(vector + step, floors)
        if scaled < STOP:
            if moved < REFRESH:
                break
            information = None
            continue
        fresh_value, fresh = objective(proposed)
        if not fresh_value >= value - 1e-9 * (1.0 + abs(value)):
            proposed = vector + 0.25 * (proposed - vector)
            fresh_value, fresh = objective(proposed)
        if moved < REFRESH and scaled < 1e-8 and not fresh_value > value - 1e-7:
            break
        moved += scaled
        vector, value, gradient = proposed, fresh_value, fresh
        now_free = _free(vector, gradient, floors, transform)
        if REFRESH < moved < np.inf or not np.array_equal(now_free, free):
            information = None
        free = now_free
    if information is None or moved > beside:
        information = hessian(vector, gradient, free)
    _, scaled = _newton(information, gradient, transform, free)
    eigenvalues = np.linalg.eigvalsh(_metric_information(information, transform, free))
    return Optimum(vector, gradient, value, information, free, scaled, float(eigenvalues[0]))


def _free(vector: Vector, gradient: Vector, floors: Vector, transform: Matrix) -> NDArray[np.bool_]:
    slope = gradient * np.diag(transform)
    return ~((vector <= floors) & (slope <= 1e-6))


def difference_information(
    objective: Objective,
    vector: Vector,
    gradient: Vector,
    transform: Matrix,
    floors: Vector,
    free: NDArray[np.bool_],
    *,
    central: bool,
    known: Matrix | None = None,
) -> Matrix:
    """Minus the Hessian (p, p) by differences along the columns of the transform, in the original coordinates.

    Parameters
    ----------
    objective, vector, transform, floors, central
        As for `polish`.
    gradient : Vector
        (p,) at the vector.
    free : ndarray of bool
        (p,) parameters that move; rows and columns of the others are zero.
    known : Matrix, optional
        (k, k) that of the first parameters, all free, which then need no differences.
    """
    directions = np.flatnonzero(free)
    slopes = np.zeros((vector.size, directions.size))
    k = 0 if known is None else known.shape[0]
    for column, j in enumerate(directions[k:], start=k):
        move = STEP * transform[:, j]
        room = vector[j] - floors[j]
        if np.isfinite(room) and room < abs(move[j]):
            move = np.where(np.arange(vector.size) == j, 0.5 * room, 0.0) if room > 1e-3 * abs(move[j]) else move
        ahead = objective(vector + move)[1]
        behind, width = gradient, 1.0
        if central and np.all(vector - move >= floors):
            behind, width = objective(vector - move)[1], 2.0
        length = move[j] / transform[j, j]
        slopes[:, column] = (ahead - behind) / (width * length)
    inner = -(transform[:, directions].T @ slopes)
    if known is not None:
        inner[:k, :k] = transform[:k, :k].T @ known @ transform[:k, :k]
        inner[k:, :k] = inner[:k, k:].T
    inner = 0.5 * (inner + inner.T)
    back = np.linalg.inv(transform[np.ix_(directions, directions)])
    result = np.zeros((vector.size, vector.size))
    result[np.ix_(directions, directions)] = back.T @ inner @ back
    return result


def _metric_information(information: Matrix, transform: Matrix, free: NDArray[np.bool_]) -> Matrix:
    inside = transform[np.ix_(free, free)]
    return inside.T @ information[np.ix_(free, free)] @ inside


def _newton(information: Matrix, gradient: Vector, transform: Matrix, free: NDArray[np.bool_]) -> tuple[Vector, float]:
    """Newton step with curvatures made positive, and g'H^-1 g."""
    inside = transform[np.ix_(free, free)]
    eigenvalues, axes = np.linalg.eigh(_metric_information(information, transform, free))
    slope = axes.T @ (inside.T @ gradient[free])
    curvature = np.maximum(np.abs(eigenvalues), 1e-6)
    step = np.zeros_like(gradient)
    step[free] = inside @ (axes @ np.clip(slope / curvature, -5.0, 5.0))
    return step, float((slope**2 / curvature).sum())
