"""Whether a fit is a maximum: checks that do not trust the fitter's own word.

The log likelihood, its gradient and the information are computed again at the reported parameters, and the log
likelihood is climbed again from other parameters by another road (a modified Newton ascent on all parameters jointly).
All of it happens in coordinates where the columns of X are orthonormal: a raw year beside an intercept is no
failure, and columns that depend on each other were refused before.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.stats import norm

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.numerics.glm import CountFit
from dwangstats.numerics.intervals import Intervals, count_derivatives, overdispersion

MAX_SCALED_GRADIENT = 1e-8
"""g' H^-1 g is twice the log likelihood still to be gained; a step left of 1e-4 standard errors."""

MIN_EIGENVALUE = 1e-12
"""Of the information scaled to unit diagonal; below it fewer than four of sixteen digits of a variance are left."""

MAX_LOGLIK_GAP = 1e-8
"""Relative difference of two log likelihoods; sums of 2e5 terms round at about 1e-11."""

MAX_BOUNDARY_SCORE = 1e-4
"""Score of the dispersion at 0 over its standard deviation; at a maximum on the boundary it is not positive."""

DOUBTFUL = 0.01
"""p-value below which counts vary more than poisson, and a poisson fit of intervals is called into doubt."""

RESTART_ROWS = 200_000
"""Above this number of rows the restart is left out."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Verdict on one fit.

    Attributes
    ----------
    converged : bool
        True only if every check passed.
    boundary : tuple of str
        Parameters at the end of their range ("dispersion" at 0); no failure.
    scaled_gradient : float
        g' H^-1 g at the reported parameters.
    smallest_eigenvalue : float
        Of the observed information over orthonormal columns (and alpha), scaled to unit diagonal.
    restart_gap : float or None
        Relative gain in log likelihood when starting from other parameters, 0 where they end here or lower; None for
        more than 200,000 rows.
    checks : tuple of (name, value, limit, passed)
        Everything that was checked, in order.
    doubts : tuple of str
        What speaks against the model whose maximum this is; no failure of the fit.
    """

    converged: bool
    boundary: tuple[str, ...]
    scaled_gradient: float
    smallest_eigenvalue: float
    restart_gap: float | None
    checks: tuple[tuple[str, float, float, bool], ...]
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        verdict = "converged" if self.converged else "FAILED"
        parts = [
            f"{name} {_amount(value)} (limit {limit:.0e}{'' if passed else ', not met'})"
            for name, value, limit, passed in self.checks
        ]
        ends = f"; at the boundary: {', '.join(self.boundary)}" if self.boundary else ""
        doubts = "".join(f"; IN DOUBT: {doubt}" for doubt in self.doubts)
        return f"{verdict}: {', '.join(parts)}{ends}{doubts}"


def _amount(value: float) -> str:
    """Two digits; what is nothing but rounding is not printed, it differs between machines."""
    return "below 1e-12" if 0.0 <= value < 1e-12 else f"{value:.2g}"


def certify(
    fit: CountFit, X: Matrix, y: Vector, offset: Vector, family: FamilyName, intervals: Intervals | None = None
) -> Certificate:
    """Check a fit of counts.

    Parameters
    ----------
    fit : CountFit
    X : (n, k) array
    y, offset : (n,) arrays
        Counts, and the known part of the log mean.
    family : {"poisson", "nb2", "nb1"}
    intervals : Intervals, optional
        As they were fitted.

    Returns
    -------
    Certificate
    """
    k = fit.beta.size
    triangle = _triangle(X)
    Z = solve_triangular(triangle, X.T, trans="T").T
    problem = _Problem(family, Z, y, offset, free_alpha=family != "poisson", intervals=intervals)
    here = _at(replace(problem, free_alpha=fit.information.shape[0] > k), triangle @ fit.beta, fit.alpha)
    eigenvalues, along = _spectrum(here.information, here.gradient)
    gradient = float(np.sum(along**2 / np.maximum(np.abs(eigenvalues), np.finfo(float).tiny)))
    smallest = float(eigenvalues[0])
    repeated = abs(here.loglik - fit.loglik) / max(1.0, abs(fit.loglik))
    checks = [
        ("scaled gradient", gradient, MAX_SCALED_GRADIENT, gradient <= MAX_SCALED_GRADIENT),
        ("smallest eigenvalue", smallest, MIN_EIGENVALUE, smallest > MIN_EIGENVALUE),
        ("log likelihood repeated", repeated, MAX_LOGLIK_GAP, repeated <= MAX_LOGLIK_GAP),
    ]
    if fit.boundary:
        score = _boundary_score(problem, fit)
        checks.append(("boundary score", score, MAX_BOUNDARY_SCORE, score <= MAX_BOUNDARY_SCORE))
    gap = _restart_gap(problem, here, fit) if y.size <= RESTART_ROWS else None
    if gap is not None:
        checks.append(("restart gap", gap, MAX_LOGLIK_GAP, gap <= MAX_LOGLIK_GAP))
    return Certificate(
        converged=all(passed for *_, passed in checks),
        boundary=("dispersion",) if fit.boundary else (),
        scaled_gradient=gradient,
        smallest_eigenvalue=smallest,
        restart_gap=gap,
        checks=tuple(checks),
        doubts=_doubts(fit, X, family, intervals),
    )


def _doubts(fit: CountFit, X: Matrix, family: FamilyName, intervals: Intervals | None) -> tuple[str, ...]:
    """Overdispersion, where it moves coefficients: poisson says which counts of an interval are how likely."""
    if family != "poisson" or intervals is None or not intervals.wide.any():
        return ()
    excess = overdispersion(X, fit.eta, intervals)
    p = float(norm.sf(excess))
    if p >= DOUBTFUL:
        return ()
    return (
        f"the counts vary more than poisson (score {excess:.2g} standard errors, p {p:.1g}), and with counts known to "
        "an interval that moves the coefficients themselves, which no covariance mends; fit family='nb2' or 'nb1'",
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """Counts with their design, orthonormal columns Z; the coefficients are free, alpha too where ``free_alpha``."""

    family: FamilyName
    Z: Matrix
    y: Vector
    offset: Vector
    free_alpha: bool
    intervals: Intervals | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Parameters, with the log likelihood, its gradient and observed information over the free ones."""

    gamma: Vector
    alpha: float
    loglik: float
    gradient: Vector
    information: Matrix


def _triangle(X: Matrix) -> Matrix:
    """Triangular (k, k) factor T of X, so that X T^-1 has orthonormal columns."""
    length = np.sqrt(np.einsum("ij,ij->j", X, X))
    length[length == 0.0] = 1.0
    factor = np.asarray(np.linalg.qr(X / length, mode="r"))
    return np.asarray(factor * length, dtype=np.float64)


def _at(problem: _Problem, gamma: Vector, alpha: float) -> _Place:
    Z = problem.Z
    rows = count_derivatives(problem.family, problem.y, Z @ gamma + problem.offset, alpha, problem.intervals)
    loglik = float(np.sum(rows.loglik))
    gradient = Z.T @ rows.d_eta
    information = -(Z.T @ (rows.d2_eta[:, None] * Z))
    if problem.free_alpha:
        cross = -(Z.T @ rows.d_eta_alpha)[:, None]
        corner = np.array([[-float(np.sum(rows.d2_alpha))]])
        gradient = np.append(gradient, np.sum(rows.d_alpha))
        information = np.block([[information, cross], [cross.T, corner]])
    return _Place(gamma, alpha, loglik, gradient, information)


def _unit_scale(information: Matrix) -> Vector:
    size = np.sqrt(np.abs(np.diag(information)))
    return np.where(size > 0.0, size, 1.0)


def _spectrum(information: Matrix, gradient: Vector) -> tuple[Vector, Vector]:
    """Eigenvalues, ascending, of the information scaled to unit diagonal; and the scaled gradient along them."""
    scale = _unit_scale(information)
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    return eigenvalues, vectors.T @ (gradient / scale)


def _boundary_score(problem: _Problem, fit: CountFit) -> float:
    """Score of alpha at 0 over the root of the sum of its squares; positive means that alpha > 0 fits better."""
    per_row = count_derivatives(problem.family, problem.y, fit.eta, 0.0, problem.intervals, order=1).d_alpha
    spread = math.sqrt(float(np.sum(per_row**2)))
    return float(np.sum(per_row)) / spread if spread > 0.0 else 0.0


def _restart_gap(problem: _Problem, here: _Place, fit: CountFit) -> float:
    """Relative gain in log likelihood of climbing from two standard errors away, signs alternating.

    A restart that ends on a lower top (NB likelihoods can have one at a dispersion of 0) is nothing against the fit.
    """
    k = here.gamma.size
    signs = np.where(np.arange(k) % 2 == 0, 1.0, -1.0)
    alpha = 0.0
    if problem.free_alpha:
        alpha = 2.0 * fit.alpha if fit.alpha > 0.0 else 0.1
    reached = _climb(problem, here.gamma + 2.0 * signs / _unit_scale(here.information)[:k], alpha).loglik
    return max(0.0, reached - fit.loglik) / max(1.0, abs(fit.loglik))


def _climb(problem: _Problem, gamma: Vector, alpha: float, steps: int = 60) -> _Place:
    """End of a modified Newton ascent with step halving and alpha >= 0."""
    here = _at(problem, gamma, alpha)
    for _ in range(steps):
        step, promise = _newton_step(here, _active(problem, here))
        there = _uphill(problem, here, step) if promise > 0.01 * MAX_SCALED_GRADIENT else None
        if there is None:
            break
        here = there
    return here


def _active(problem: _Problem, here: _Place) -> NDArray[np.bool_]:
    """Which parameters may move: alpha stays at 0 while its score there is not positive."""
    active = np.ones(here.gradient.size, dtype=bool)
    if problem.free_alpha and here.alpha == 0.0 and here.gradient[-1] <= 0.0:
        active[-1] = False
    return active


def _newton_step(here: _Place, active: NDArray[np.bool_]) -> tuple[Vector, float]:
    """Newton step with the eigenvalues made positive (Nocedal and Wright 2006, section 3.4), and g' H^-1 g."""
    information = here.information[np.ix_(active, active)]
    scale = _unit_scale(information)
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    positive = np.maximum(np.abs(eigenvalues), 1e-8)
    along = vectors.T @ (here.gradient[active] / scale)
    step = np.zeros(active.size)
    step[active] = (vectors @ (along / positive)) / scale
    return step, float(np.sum(along**2 / positive))


def _uphill(problem: _Problem, here: _Place, step: Vector) -> _Place | None:
    """The first of the halved steps that climbs, or None; alpha is cut off at 0, eta moves by 5 at most."""
    k = here.gamma.size
    size = 1.0 / max(1.0, float(np.max(np.abs(problem.Z @ step[:k]))) / 5.0)
    for _ in range(40):
        alpha = max(0.0, here.alpha + size * float(step[-1])) if problem.free_alpha else here.alpha
        there = _at(problem, here.gamma + size * step[:k], alpha)
        if there.loglik > here.loglik:
            return there
        size *= 0.5
    return None
