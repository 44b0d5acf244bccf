"""Profile likelihood of a linear combination of the parameters.

All parameters are maximised anew at each value of the combination, from where a straight line through the last two
maxima points. The slope of the profile is a Lagrange multiplier, so Newton steps on the signed root cost nothing more.
(Bates and Watts 1988, Nonlinear Regression Analysis, section 6.1.)
"""

import numpy as np
from scipy.stats import chi2

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.mixed.optimise import climb
from dwangstats.numerics.thinned.ascent import Likelihood
from dwangstats.numerics.thinned.edges import FAR, NEAR, away_from_edges
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.metric import metric
from dwangstats.numerics.thinned.problem import ThinnedProblem

ROUGH = 1e-4
"""Slope in standard errors at which a constrained climb stops; the profile is then exact to about 1e-8."""

CLOSE = 1e-4
"""Error of the signed root at an end."""

HIGHER = 1e-4
"""Log likelihood above that of the fit that shows that it is no maximum."""

FLAT = 1e-3
"""Rise of the signed root over a doubling of the distance below which an end is infinite, once it is far away."""

FARTHEST = 200.0
"""Distance, in standard errors, beyond which an end is infinite."""

BACK = FAR - NEAR
"""Way back from where a completeness of 1 is held, to where a profile can begin to see it."""

_TRIALS = 40


def profile_contrast(
    problem: ThinnedProblem, fit: ThinnedFit, contrast: Vector, *, level: float = 0.95
) -> tuple[float, float, int]:
    """Profile likelihood interval of contrast' theta.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    contrast : Vector
        (p,) not zero.
    level : float
        Confidence level.

    Returns
    -------
    lower, upper : float
        Infinite where the likelihood never falls so far; 0 for a standard deviation or dispersion that may be 0.
    evaluations : int

    Raises
    ------
    DomainError
        The level does not lie between 0 and 1, or the contrast is zero.
    FitError
        The likelihood is higher elsewhere than at the fit.
    """
    if not 0.0 < level < 1.0:
        raise DomainError(f"a confidence level must lie between 0 and 1, got {level:g}")
    path = _Path(problem, fit, contrast)
    root = float(np.sqrt(chi2.ppf(level, 1)))
    return path.end(root, -1.0), path.end(root, 1.0), path.likelihood.evaluations


def constrained(problem: ThinnedProblem, fit: ThinnedFit, contrast: Vector, value: float) -> tuple[Vector, float]:
    """Maximum of the likelihood where contrast' theta has a value.

    Returns
    -------
    vector : (p,) array
    loglik : float

    Raises
    ------
    DomainError
        The contrast is zero, or the value lies below the floor of the only parameter in it.
    """
    path = _Path(problem, fit, contrast)
    if value < path.lowest:
        raise DomainError(f"the value {value:g} lies below {path.lowest:g}, the lowest that the parameter can have")
    loglik, _ = path.constrained(value)
    return path.vector, loglik


class _Path:
    """Constrained maxima along a contrast, each begun where the last ones point."""

    def __init__(self, problem: ThinnedProblem, fit: ThinnedFit, contrast: Vector) -> None:
        layout = problem.layout
        self.contrast = np.asarray(contrast, dtype=np.float64)
        if self.contrast.shape != (layout.size,) or not np.any(self.contrast):
            raise DomainError(f"a contrast needs {layout.size} elements of which at least one is not 0")
        self.likelihood = Likelihood(problem, fit.nodes)
        self.floors, self.top = layout.floors, fit.loglik
        held = ~fit.free & (fit.vector > self.floors)
        away = away_from_edges(self.likelihood, fit.vector, held)
        along = float(self.contrast @ away)
        self.towards = float(np.sign(along)) if abs(along) > 1e-7 * float(np.abs(self.contrast).max()) else 0.0
        start = fit.vector - (BACK * away if self.towards else 0.0)
        self.estimate = float(self.contrast @ start)
        metric_root = metric(self.likelihood.arrangement, start)
        self.usable = ~held | ((away != 0.0) & bool(self.towards))
        self.covariance, self.step = _spread(fit, metric_root, self.contrast)
        if self.towards:
            self.covariance, self.step = away / float(self.contrast @ away), 1.0
        self.pivot = self._pivot(metric_root)
        self.kept = np.flatnonzero(self.usable & (np.arange(layout.size) != self.pivot))
        self.alone = np.count_nonzero(self.contrast) == 1
        self.lowest = self.floors[self.pivot] * self.contrast[self.pivot] if self.alone else -np.inf
        self.transform = _inner_metric(metric_root, self.matrix, self.kept, self.floors)
        self.vector = start
        self._seen = [(self.estimate, start)]

    @property
    def matrix(self) -> Matrix:
        """(p, kept) moves that leave the contrast as it is."""
        moves = np.eye(self.floors.size)[:, self.kept]
        moves[self.pivot] = -self.contrast[self.kept] / self.contrast[self.pivot]
        return moves

    def _pivot(self, metric_root: Matrix) -> int:
        """The parameter that gives way: one without a floor if there is any."""
        size = np.abs(self.contrast) * np.sqrt((metric_root**2).sum(axis=1)) * self.usable
        unbounded = np.where(np.isfinite(self.floors), 0.0, size)
        return int(np.argmax(unbounded if unbounded.any() else size))

    def constrained(self, value: float) -> tuple[float, float]:
        """Log likelihood at a value of the contrast, and its derivative in that value."""
        start = self._guess(value)
        matrix = self.matrix
        slope = np.zeros(start.size)

        def objective(inner: Vector) -> tuple[float, Vector]:
            nonlocal slope
            found, slope = self.likelihood(start + matrix @ (inner - start[self.kept]))
            return found, matrix.T @ slope

        if self.kept.size:
            inner = climb(objective, start[self.kept], self.transform, self.floors[self.kept], rough=ROUGH)
            loglik, _ = objective(inner)
            self.vector = start + matrix @ (inner - start[self.kept])
        else:
            loglik, slope = self.likelihood(start)
            self.vector = start
        self._seen = [self._seen[0], (value, self.vector)]
        return loglik, float(slope[self.pivot] / self.contrast[self.pivot])

    def _guess(self, value: float) -> Vector:
        (origin, start), (last, at_last) = self._seen[0], self._seen[-1]
        if last != origin and (value - origin) * (last - origin) > 0.0:
            guess = start + (at_last - start) * (value - origin) / (last - origin)
        else:
            guess = start + self.covariance * (value - origin)
        guess = np.maximum(guess, self.floors)
        guess[~self.usable] = start[~self.usable]
        guess[self.pivot] += (value - float(self.contrast @ guess)) / self.contrast[self.pivot]
        return np.asarray(guess, dtype=np.float64)

    def root(self, value: float) -> tuple[float, float]:
        """Signed root without its sign, and its derivative."""
        loglik, slope = self.constrained(value)
        gap = self.top - loglik
        if gap < -HIGHER * max(1.0, 1e-6 * abs(self.top)):
            raise FitError(
                f"the log likelihood is {-gap:.2g} higher at another value of the profiled quantity than at the fit, "
                "so the fit is no maximum. Fit again with other starting values or a simpler model."
            )
        root = float(np.sqrt(max(2.0 * gap, 0.0)))
        return root, -slope / root if root > 0.0 else 0.0

    def end(self, root: float, side: float) -> float:
        """Where the root statistic reaches `root` on one side."""
        if side * self.towards > 0.0:
            return side * np.inf
        limit = self.lowest if side < 0.0 else np.inf
        self._seen = self._seen[:1]
        if np.isfinite(limit) and self.root(limit)[0] <= root:
            return float(limit)
        self._seen = self._seen[:1]
        inside, outside, before = self.estimate, float("nan"), 0.0
        value = _within(self.estimate + side * root * self.step, inside, limit)
        for _ in range(_TRIALS):
            found, slope = self.root(value)
            if abs(found - root) < CLOSE:
                return value
            if found < root:
                distance = abs(value - self.estimate) / self.step
                if np.isnan(outside) and (distance > FARTHEST or (distance > 20.0 and found - before < FLAT)):
                    return side * np.inf
                inside, before = value, found
            else:
                outside = value
            value = self._next(value, found, slope, root, inside, outside, side, limit)
        return value

    def _next(
        self,
        value: float,
        found: float,
        slope: float,
        root: float,
        inside: float,
        outside: float,
        side: float,
        limit: float,
    ) -> float:
        """Newton step if it stays in the bracket, else its middle; without a bracket at most twice as far."""
        newton = value + (root - found) / slope if slope * side > 0.0 else float("nan")
        if np.isnan(outside):
            far = self.estimate + 2.0 * (value - self.estimate)
            if np.isnan(newton) or abs(newton - self.estimate) > abs(far - self.estimate):
                newton = far
            return _within(newton, inside, limit)
        if not min(inside, outside) < newton < max(inside, outside):
            return 0.5 * (inside + outside)
        return newton


def _spread(fit: ThinnedFit, root: Matrix, contrast: Vector) -> tuple[Vector, float]:
    """Move of the estimates per unit of the contrast, and the contrast's standard error."""
    covariance = np.zeros((contrast.size, contrast.size))
    if fit.free.any():
        covariance[np.ix_(fit.free, fit.free)] = np.linalg.pinv(fit.information, hermitian=True)
    rough = root @ root.T
    for place in np.flatnonzero(~fit.free & (contrast != 0.0)):
        covariance[place, place] = rough[place, place]
    move = covariance @ contrast
    variance = float(contrast @ move)
    if not variance > 0.0:
        move = rough @ contrast
        variance = float(contrast @ move)
    return np.asarray(move / variance, dtype=np.float64), float(np.sqrt(variance))


def _inner_metric(root: Matrix, moves: Matrix, kept: np.ndarray, floors: Vector) -> Matrix:
    """Metric of the parameters that are left, those with a floor alone."""
    information = moves.T @ np.linalg.inv(root @ root.T) @ moves
    bounded = np.isfinite(floors[kept])
    result = np.diag(1.0 / np.sqrt(np.diag(information))) if kept.size else np.zeros((0, 0))
    inside = np.flatnonzero(~bounded)
    if inside.size:
        lower = np.linalg.cholesky(information[np.ix_(inside, inside)])
        result[np.ix_(inside, inside)] = np.linalg.inv(lower).T
    return np.asarray(result, dtype=np.float64)


def _within(value: float, inside: float, limit: float) -> float:
    """The value, or nine tenths of the way to the limit if it lies beyond."""
    if np.isinf(limit) or abs(value - inside) < abs(limit - inside):
        return value
    return inside + 0.9 * (limit - inside)
