"""Maximum likelihood for log-linear count models without random terms: Poisson, NB2, NB1.

Newton's method on observed information, in coordinates where the columns of X are orthonormal, so that a column of
years next to an intercept costs no digits. The dispersion is exactly 0 when no positive value is better.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.covariance import model_covariance, weighted_gram
from dwangstats.numerics.degenerate import first_rows, refuse_degenerate, unit_triangle
from dwangstats.numerics.families import eta_derivatives, expected_weight
from dwangstats.numerics.intervals import (
    Intervals,
    check_intervals,
    count_derivatives,
    count_loglik,
    working_weight,
)

SCALED_GRADIENT_LIMIT = 1e-10
"""A fit whose g' H^-1 g is above this is not returned."""

_MAX_ITERATIONS = 100
# Far below the limit: one more Newton step then changes an estimate by less than 1e-10 standard errors.
_DONE = 1e-20
# Rows that a first look at the dispersion uses; the climb that follows uses all.
_SAMPLE = 20_000
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class CountFit:
    """A fitted count model; k columns, p = k parameters or k + 1 when the dispersion is estimated inside its range.

    Attributes
    ----------
    beta : (k,) coefficients.
    alpha : dispersion, 0 for poisson and at the boundary.
    loglik : log likelihood with all constants.
    information : (p, p) observed information of (beta, alpha), or of beta alone for poisson and at the boundary.
    expected_information : (k, k) expected information of beta with alpha held fixed (for nb1 that of the quasi-score).
        With intervals it is the observed one of beta with alpha held fixed: of every row, exact ones too, and of no row
        below 0. What an interval tells on average is not known (`dwangstats.numerics.intervals.working_weight`).
    covariance, expected_covariance : their inverses, computed before the return to the units of X and so more exact.
    eta : (n,) fitted log means, offset included.
    boundary : True when a negative binomial was asked for and alpha is exactly 0.
    iterations : Newton steps over all starts.
    scaled_gradient : g' H^-1 g at the end, below `SCALED_GRADIENT_LIMIT`.
    """

    beta: Vector
    alpha: float
    loglik: float
    information: Matrix
    expected_information: Matrix
    covariance: Matrix
    expected_covariance: Matrix
    eta: Vector
    boundary: bool
    iterations: int
    scaled_gradient: float


def fit_counts(
    X: Matrix, y: Vector, offset: Vector, family: FamilyName, intervals: Intervals | None = None
) -> CountFit:
    """Maximum likelihood estimate of log mean = X beta + offset.

    Parameters
    ----------
    X : (n, k) array
        Design matrix.
    y : (n,) array
        Counts, non-negative integers.
    offset : (n,) array
        Log exposure.
    family : {"poisson", "nb2", "nb1"}
        With "nb2" and "nb1" the dispersion alpha is estimated with beta; it is exactly 0 (and `boundary` True) unless
        the score at 0 is positive or an interior maximum lies higher.
    intervals : Intervals, optional
        What is known of counts that are not all exact; y is not read then. The likelihood is that of the intervals,
        P(lower <= Y <= upper) of each row.

    Returns
    -------
    CountFit

    Raises
    ------
    DomainError
        Values that are not finite, counts or bounds that are not non-negative integers, lengths that differ.
    FitError
        Columns that depend on each other, no events at all, an estimate at minus infinity, or no convergence.
    """
    if intervals is not None:
        check_intervals(intervals, X.shape[0])
        y = intervals.middle
    _check_arrays(X, y, offset, whole=intervals is None)
    told = X if intervals is None or not intervals.informative.any() else X[intervals.informative]
    factor, length = unit_triangle(told)
    refuse_degenerate(X, y if intervals is None else intervals.lower, factor, intervals)
    T = factor * length
    problem = _Problem(_times_inverse(X, T), T, y, offset, intervals)
    poisson = _climb(problem, "poisson", problem.first_guess(), 0.0)
    if family == "poisson":
        return _pack(problem, family, poisson, poisson.iterations)
    best, iterations = _best_dispersion(problem, family, poisson)
    return _pack(problem, family, best, iterations)


def score_rows(
    X: Matrix,
    y: Vector,
    eta: Vector,
    family: FamilyName,
    alpha: float,
    *,
    with_alpha: bool,
    intervals: Intervals | None = None,
) -> Matrix:
    """Each row's part of the score of beta, (n, k), with that of alpha as last column when `with_alpha`, (n, k + 1)."""
    rows = count_derivatives(family, y, eta, alpha, intervals, order=1, with_loglik=False)
    scores = X * rows.d_eta[:, None]
    return np.column_stack((scores, rows.d_alpha)) if with_alpha else scores


# ---- linear algebra on columns --------------------------------------------------------------------------------------


def _check_arrays(X: Matrix, y: Vector, offset: Vector, *, whole: bool) -> None:
    if X.ndim != 2 or y.shape != (X.shape[0],) or offset.shape != y.shape or X.shape[1] == 0:
        raise DomainError(f"X {X.shape}, y {y.shape} and offset {offset.shape} do not fit together")
    for name, array in (("X", X), ("y", y), ("offset", offset)):
        finite = np.isfinite(array) if array.ndim == 1 else np.isfinite(array).all(axis=1)
        if not finite.all():
            bad = np.flatnonzero(~finite)
            raise DomainError(
                f"{name} is not finite in {bad.size} rows ({first_rows(bad.tolist())}); leave these rows out"
            )
    bad = np.flatnonzero((y < 0.0) | (whole & (y != np.floor(y))))
    if bad.size:
        raise DomainError(f"counts must be whole and not negative: {bad.size} are not ({first_rows(bad.tolist())})")


def _times_inverse(X: Matrix, T: Matrix) -> Matrix:
    """X T^-1 for an upper triangular T."""
    Z = np.empty(X.shape)
    for start in range(0, X.shape[0], _BLOCK):
        rows = slice(start, start + _BLOCK)
        Z[rows] = solve_triangular(T, X[rows].T, trans="T", check_finite=False).T
    return Z


@dataclass(frozen=True, slots=True)
class _Problem:
    """Data with X replaced by Z = X T^-1, whose columns are nearly orthonormal; beta = T^-1 gamma.

    With intervals y holds their middles, which only say where to begin.
    """

    Z: Matrix
    T: Matrix
    y: Vector
    offset: Vector
    intervals: Intervals | None

    def first_guess(self) -> Vector:
        """One log-linear weighted regression on counts drawn halfway to the overall rate."""
        top = self.offset.max()
        exposure = np.exp(self.offset - top)
        mu = 0.5 * (self.y + exposure * (self.y.sum() / exposure.sum()))
        mu = np.maximum(mu, 1e-300)
        target = np.log(mu) - self.offset + (self.y - mu) / mu
        guess, *_ = np.linalg.lstsq(weighted_gram(self.Z, mu), self.Z.T @ (mu * target), rcond=None)
        return np.asarray(guess, dtype=np.float64)

    def eta(self, gamma: Vector) -> Vector:
        return self.Z @ gamma + self.offset

    def loglik(self, family: FamilyName, gamma: Vector, alpha: float) -> float:
        return float(count_loglik(family, self.y, self.eta(gamma), alpha, self.intervals).sum())


# ---- Newton ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Point:
    """A place on the way up, the Newton step from it, and its scaled gradient (infinite where not concave).

    `score` is that of alpha; `wish` the step of alpha by Newton, `alpha_step` the same kept within a factor 8.
    """

    gamma: Vector
    alpha: float
    step: Vector
    alpha_step: float
    scaled_gradient: float
    score: float
    wish: float

    def rises(self) -> bool:
        """The log likelihood rises with alpha from here, by more than its rounding."""
        return self.score > 0.0 and (self.scaled_gradient == np.inf or self.score * self.wish > 1e-12)

    def vanishing(self) -> bool:
        """The dispersion is on its way to 0 with less than 1e-8 of log likelihood left to gain."""
        return self.wish <= -self.alpha and 0.0 < -self.alpha * self.score < 1e-8


@dataclass(frozen=True, slots=True)
class _Top:
    """Where a climb ended."""

    gamma: Vector
    alpha: float
    loglik: float
    scaled_gradient: float
    iterations: int


def _climb(problem: _Problem, family: FamilyName, gamma: Vector, alpha: float) -> _Top:
    """Newton from (gamma, alpha); alpha stays where it is for poisson.

    A whole step is kept when it lowers the scaled gradient, otherwise it is halved until it raises the likelihood.
    A climb whose dispersion is on its way to 0 stops early with an infinite scaled gradient.
    """
    here = _look(problem, family, gamma, alpha)
    iteration = 0
    while iteration < _MAX_ITERATIONS and here.scaled_gradient >= _DONE and not here.vanishing():
        iteration += 1
        ahead = _look(problem, family, here.gamma + here.step, here.alpha + here.alpha_step)
        if not ahead.scaled_gradient < here.scaled_gradient:
            shorter = None if here.scaled_gradient < SCALED_GRADIENT_LIMIT else _uphill(problem, family, here)
            if shorter is None:
                break
            ahead = shorter
        here = ahead
    value = problem.loglik(family, here.gamma, here.alpha)
    return _Top(here.gamma, here.alpha, value, np.inf if here.vanishing() else here.scaled_gradient, iteration)


def _uphill(problem: _Problem, family: FamilyName, here: _Point) -> _Point | None:
    """The first of the step, its half, its quarter, ... with a higher log likelihood."""

    def value(share: float) -> float:
        return problem.loglik(family, here.gamma + share * here.step, here.alpha + share * here.alpha_step)

    start, share = value(0.0), 1.0
    while share > 1e-10:
        if value(share) > start:
            return _look(problem, family, here.gamma + share * here.step, here.alpha + share * here.alpha_step)
        share *= 0.5
    return None


def _look(problem: _Problem, family: FamilyName, gamma: Vector, alpha: float) -> _Point:
    """Newton step for gamma and alpha together; uphill also where the log likelihood is not concave."""
    eta = problem.eta(gamma)
    rows = count_derivatives(family, problem.y, eta, alpha, problem.intervals, with_loglik=False)
    slope = problem.Z.T @ rows.d_eta
    factor = _factor(problem, -rows.d2_eta)
    if factor is None:
        factor = _factor(problem, expected_weight(family, eta, alpha))
    if factor is None:
        return _Point(gamma, alpha, np.zeros_like(gamma), 0.0, np.inf, 0.0, 0.0)
    direction = np.asarray(cho_solve(factor, slope), dtype=np.float64)
    if family == "poisson":
        return _Point(gamma, alpha, direction, 0.0, float(slope @ direction), 0.0, 0.0)
    cross = problem.Z.T @ -rows.d_eta_alpha
    tilt = np.asarray(cho_solve(factor, cross), dtype=np.float64)
    raw_score = float(rows.d_alpha.sum())
    # The score and the information of alpha once gamma has been profiled out.
    score = raw_score - float(cross @ direction)
    curvature = -float(rows.d2_alpha.sum()) - float(cross @ tilt)
    wish = float(score / curvature if curvature > 0.0 else np.sign(score) * alpha)
    alpha_step = float(np.clip(wish, -0.875 * alpha, 7.0 * alpha))
    size = float(slope @ direction) + (score * score / curvature if curvature > 0.0 else np.inf)
    return _Point(gamma, alpha, direction - tilt * alpha_step, alpha_step, size, raw_score, wish)


def _factor(problem: _Problem, weight: Vector) -> tuple[Matrix, bool] | None:
    """Cholesky factor of Z'WZ, None where it is not positive definite."""
    try:
        half, lower = cho_factor(weighted_gram(problem.Z, weight))
    except np.linalg.LinAlgError:
        return None
    return np.asarray(half, dtype=np.float64), bool(lower)


# ---- the dispersion -------------------------------------------------------------------------------------------------


def _best_dispersion(problem: _Problem, family: FamilyName, poisson: _Top) -> tuple[_Top, int]:
    """The higher of the Poisson fit and the interior maxima; the interior one when the score at 0 is positive."""
    at_zero = _look(problem, family, poisson.gamma, 0.0)
    rising = at_zero.rises()
    rounding = 1e-9 + 1e-13 * abs(poisson.loglik)
    best, iterations = poisson, poisson.iterations
    for start in _dispersion_starts(problem, family, poisson, at_zero):
        top = _climb(problem, family, poisson.gamma, start)
        iterations += top.iterations
        gain = top.loglik - best.loglik
        if top.scaled_gradient < SCALED_GRADIENT_LIMIT and gain > (-rounding if rising else rounding):
            best = top
            if rising:
                break
    if rising and best is poisson:
        raise FitError(
            f"The dispersion of {family} was not found: the likelihood rises from 0 but no maximum was reached. "
            "Look for single rows with counts far from all others."
        )
    return best, iterations


def _dispersion_starts(problem: _Problem, family: FamilyName, poisson: _Top, at_zero: _Point) -> Iterator[float]:
    """Dispersions to start from, best first: about the moment estimate, and one Newton step from 0 if uphill."""
    rows = slice(None, None, 1 + problem.y.size // _SAMPLE)
    y, eta = problem.y[rows], problem.eta(poisson.gamma)[rows]
    mu = np.exp(eta)
    size = float(mu.sum()) if family == "nb2" else float(mu.size)
    excess = float(((y - mu) ** 2 / np.maximum(mu, 1e-300) - 1.0).sum()) / size
    middle = excess if excess > 0.0 else mu.size / size
    grid = middle * 10.0 ** np.arange(-3.0, 3.0)
    if at_zero.rises() and at_zero.wish > 0.0:
        grid = np.append(grid, at_zero.wish)
    known = None if problem.intervals is None else problem.intervals.take(np.arange(problem.y.size)[rows])
    values = [float(count_loglik(family, y, eta, float(a), known).sum()) for a in grid]
    order = np.argsort(values)[::-1]
    yield float(grid[order[0]])
    yield middle
    if at_zero.rises():
        yield from (float(a) for a in grid[order[1:]])


# ---- the result -----------------------------------------------------------------------------------------------------


def _pack(problem: _Problem, family: FamilyName, top: _Top, iterations: int) -> CountFit:
    if not top.scaled_gradient < SCALED_GRADIENT_LIMIT:
        raise FitError(
            f"The {family} fit did not converge: scaled gradient {top.scaled_gradient:.3g} after {iterations} steps, "
            f"wanted below {SCALED_GRADIENT_LIMIT:g}. Look for rows with extreme exposure or covariates."
        )
    inside = family != "poisson" and top.alpha > 0.0
    eta = problem.eta(top.gamma)
    k = problem.T.shape[0]
    to_beta = np.eye(k + inside)
    to_beta[:k, :k] = problem.T
    observed = _observed_information(problem, family if inside else "poisson", eta, top.alpha)
    expected = weighted_gram(problem.Z, working_weight(family, eta, top.alpha, problem.intervals))
    return CountFit(
        beta=np.asarray(solve_triangular(problem.T, top.gamma), dtype=np.float64),
        alpha=top.alpha,
        loglik=top.loglik,
        information=to_beta.T @ observed @ to_beta,
        expected_information=problem.T.T @ expected @ problem.T,
        covariance=_inverse(observed, to_beta),
        expected_covariance=_inverse(expected, problem.T),
        eta=eta,
        boundary=family != "poisson" and not inside,
        iterations=iterations,
        scaled_gradient=top.scaled_gradient,
    )


def _observed_information(problem: _Problem, family: FamilyName, eta: Vector, alpha: float) -> Matrix:
    """Of (gamma, alpha), or of gamma alone for poisson."""
    if family == "poisson" and problem.intervals is None:
        return weighted_gram(problem.Z, -eta_derivatives(family, problem.y, eta, alpha)[1])
    rows = count_derivatives(family, problem.y, eta, alpha, problem.intervals, with_loglik=False)
    if family == "poisson":
        return weighted_gram(problem.Z, -rows.d2_eta)
    cross = -(problem.Z.T @ rows.d_eta_alpha)[:, None]
    return np.block([[weighted_gram(problem.Z, -rows.d2_eta), cross], [cross.T, -rows.d2_alpha.sum()]])


def _inverse(information: Matrix, change: Matrix) -> Matrix:
    """Inverse of change' information change for an upper triangular change of coordinates."""
    half = solve_triangular(change, model_covariance(information))
    return np.asarray(solve_triangular(change, half.T), dtype=np.float64)
