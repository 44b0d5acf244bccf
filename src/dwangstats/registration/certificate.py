"""Whether a registration model was fitted to a maximum: gradient, curvature, boundaries, quadrature, another start.

The log likelihood and its gradient are computed again at the reported parameters; the fitter's own word is not enough.
"""

from dataclasses import replace

import numpy as np

from dwangstats._types import Vector
from dwangstats.models.certificate import Certificate
from dwangstats.numerics.thinned.ascent import Likelihood
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.problem import ThinnedProblem

MAX_SCALED_GRADIENT = 1e-8
"""g' H^-1 g is twice the log likelihood still to be gained; a step left of 1e-4 standard errors."""

MIN_EIGENVALUE = 1e-6
"""Of the information scaled to usual curvatures near 1; its differences err by about 1e-7."""

MAX_QUADRATURE_ERROR = 1e-3
"""Change of the log likelihood with four more nodes."""

MAX_LOGLIK_GAP = 1e-8
"""Relative difference of two log likelihoods of the same parameters, or of two starts."""

MAX_BOUNDARY_SLOPE = 1e-3
"""Slope of the log likelihood from a boundary inwards, per tenth of the parameter's unit."""


LEAST_INFORMATION = 1e-6
"""Information on a logit below which it has a standard error of 1000: nothing at all."""


def settle_flat(problem: ThinnedProblem, fit: ThinnedFit) -> ThinnedFit:
    """The fit without registration parameters that do nothing because completeness is 1 everywhere.

    Where an audit finds that everything is registered, the completeness is fitted as exactly 1. Differences in its
    logit between rows, and its spread over providers, then change no probability: they are put at 0 and held.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit

    Returns
    -------
    ThinnedFit
        The same where no completeness of 1 was reached.
    """
    if not any(label.startswith("registration:") for label in fit.boundary):
        return fit
    layout = problem.layout
    registration = np.zeros(layout.size, dtype=bool)
    for part in (layout.alpha, layout.sv, layout.atanh_rho):
        registration[part] = True
    places = np.flatnonzero(fit.free)
    flat = registration[places] & (np.abs(fit.information).max(axis=1, initial=0.0) < LEAST_INFORMATION)
    if not flat.any():
        return fit
    vector, free = fit.vector.copy(), fit.free.copy()
    vector[places[flat]], free[places[flat]] = 0.0, False
    information = fit.information[np.ix_(~flat, ~flat)]
    unit = np.sqrt(np.abs(np.diag(information)))
    smallest = float(np.linalg.eigvalsh(information / np.outer(unit, unit))[0]) if information.size else 1.0
    at_zero = tuple(layout.labels[i] for i in places[flat] if np.isfinite(layout.floors[i]))
    return replace(
        fit,
        vector=vector,
        free=free,
        information=information,
        smallest_eigenvalue=smallest,
        boundary=(*at_zero, *fit.boundary),
    )


def certify_thinned(problem: ThinnedProblem, fit: ThinnedFit, names: tuple[str, ...]) -> Certificate:
    """Check a fitted registration model.

    Parameters
    ----------
    problem, fit
        The model and its fit.
    names : tuple of str
        (p,) names of the parameters, for the boundary.

    Returns
    -------
    Certificate
    """
    value, gradient = _again(problem, fit)
    free = np.asarray(fit.free, dtype=bool)
    scaled = _scaled_gradient(fit.information, gradient[free])
    repeated = abs(value - fit.loglik) / max(1.0, abs(fit.loglik))
    error = abs(fit.quadrature_error)
    checks = [
        ("scaled gradient", scaled, MAX_SCALED_GRADIENT, scaled <= MAX_SCALED_GRADIENT),
        ("smallest eigenvalue", fit.smallest_eigenvalue, MIN_EIGENVALUE, fit.smallest_eigenvalue > MIN_EIGENVALUE),
        ("log likelihood repeated", repeated, MAX_LOGLIK_GAP, repeated <= MAX_LOGLIK_GAP),
        ("quadrature error", error, MAX_QUADRATURE_ERROR, error <= MAX_QUADRATURE_ERROR),
    ]
    floored = ~free & np.isfinite(problem.layout.floors)
    if floored.any():
        slope = float(gradient[floored].max()) * 0.1
        checks.append(("boundary slope", slope, MAX_BOUNDARY_SLOPE, slope <= MAX_BOUNDARY_SLOPE))
    gap = None
    if fit.restart_gap is not None:
        gap = max(0.0, fit.restart_gap) / max(1.0, abs(fit.loglik))
        checks.append(("restart gap", gap, MAX_LOGLIK_GAP, gap <= MAX_LOGLIK_GAP))
    return Certificate(
        converged=all(passed for *_, passed in checks),
        boundary=_boundary(fit, problem, names),
        scaled_gradient=scaled,
        smallest_eigenvalue=float(fit.smallest_eigenvalue),
        restart_gap=gap,
        checks=tuple((name, float(value), limit, bool(passed)) for name, value, limit, passed in checks),
    )


def _again(problem: ThinnedProblem, fit: ThinnedFit) -> tuple[float, Vector]:
    """Log likelihood and gradient with the nodes searched anew.

    A search from nothing may end a little short of the modes; the second one begins, a hair away, where it ended.
    """
    likelihood = Likelihood(problem, fit.nodes)
    aside = fit.vector.copy()
    aside[problem.layout.beta] += 1e-6
    likelihood(aside)
    return likelihood(fit.vector)


def _boundary(fit: ThinnedFit, problem: ThinnedProblem, names: tuple[str, ...]) -> tuple[str, ...]:
    """The fitter's labels with the names of the parameters."""
    known = dict(zip(problem.layout.labels, names, strict=True))
    found = []
    for label in fit.boundary:
        place, _, end = label.partition("=")
        complete = place in known and end
        found.append(f"{known[place]}: completeness 1" if complete else known.get(label, label))
    return tuple(found)


def _scaled_gradient(information: np.ndarray, gradient: Vector) -> float:
    """G' H^-1 g with the eigenvalues made positive."""
    if not gradient.size:
        return 0.0
    unit = np.sqrt(np.abs(np.diag(information)))
    unit[unit == 0.0] = 1.0
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    along = vectors.T @ (gradient / unit)
    return float(np.sum(along**2 / np.maximum(np.abs(eigenvalues), np.finfo(float).tiny)))
