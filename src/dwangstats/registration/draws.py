"""Joint draws of everything that rates and completeness depend on: parameters and provider effects."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.registration.effects import effects_of
from dwangstats.registration.sources import SMALLEST_EIGENVALUE, scaled_spectrum

DEFAULT_DRAWS = 4000

MOST_SD = 10.0
"""A logit or log rate known worse than this is drawn with this standard deviation: as unknown as anything can be, and
nothing overflows."""

TRIED = 0.03
"""Completeness below 1 at which it is seen how fast the likelihood falls."""

BLOCK_CELLS = 2_000_000
"""Draws times rows in one block; 16 MB for each temporary array."""


@dataclass(frozen=True, slots=True, eq=False)
class JointDraws:
    """Draws of parameters and provider effects, kept apart so that memory does not grow with the rows.

    Attributes
    ----------
    problem : ThinnedProblem
    theta : (D, p) array
        Parameters.
    u, v : (D, G) arrays
        Provider effects on the log rate and on the logit of completeness.
    silent : (D, G) array of bool
        Providers that register nothing at all.
    """

    problem: ThinnedProblem
    theta: Matrix
    u: Matrix
    v: Matrix
    silent: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of draws D."""
        return int(self.theta.shape[0])

    def blocks(self, rows: int) -> Iterator[slice]:
        """The draws in blocks of which an array with one number per row stays small."""
        length = max(1, BLOCK_CELLS // max(rows, 1))
        for start in range(0, self.size, length):
            yield slice(start, min(start + length, self.size))

    def log_rate(self, block: slice, X: Matrix, offset: Vector, group: Codes) -> Matrix:
        """Log of the expected events of rows, (d, n) for the draws of a block.

        Parameters
        ----------
        block : slice
            From `blocks`.
        X : (n, k) array
        offset : (n,) array
            Log exposure and offsets; zeros for a rate per unit of exposure.
        group : (n,) array
            Provider of each row.
        """
        fixed = self.theta[block, self.problem.layout.beta] @ X.T
        return np.asarray(fixed + offset + self.u[block][:, group], dtype=np.float64)

    def completeness(self, block: slice, W: Matrix, group: Codes) -> Matrix:
        """Completeness of rows, (d, n) for the draws of a block; 0 for a silent provider.

        Parameters
        ----------
        block : slice
        W : (n, m) array
        group : (n,) array
        """
        p = expit(self.theta[block, self.problem.layout.alpha] @ W.T + self.v[block][:, group])
        if self.problem.silent:
            p[self.silent[block][:, group]] = 0.0
        return np.asarray(p, dtype=np.float64)

    def dispersion(self, block: slice) -> Matrix:
        """Dispersion alpha of each draw of a block, (d, 1); 0 for poisson."""
        part = self.theta[block, self.problem.layout.dispersion]
        return part if part.shape[1] else np.zeros((part.shape[0], 1))


def joint_draws(
    problem: ThinnedProblem, fit: ThinnedFit, rng: np.random.Generator, draws: int = DEFAULT_DRAWS
) -> JointDraws:
    """Draw parameters from the normal approximation at the maximum, and provider effects given them and the data.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
        Parameters that are not free stay at their estimates, but for a completeness that ran to 1, see
        `below_the_limit`.
    rng : numpy.random.Generator
    draws : int
        Number of draws D, >= 1.

    Returns
    -------
    JointDraws
        Effects from `Effects.draw`.

    Raises
    ------
    DomainError
        If ``draws`` is not at least 1.
    """
    if draws < 1:
        raise DomainError(f"draws must be at least 1, got {draws}")
    root = covariance_root(problem, fit)
    effects = effects_of(problem, fit, root @ root.T)
    theta = fit.vector + rng.standard_normal((draws, root.shape[1])) @ root.T
    theta = np.maximum(below_the_limit(problem, fit, theta, rng), problem.layout.floors)
    theta = keeping_registrations(problem, fit, theta, effects.moments[1])
    return JointDraws(problem, theta, *effects.draw(problem, theta, rng))


def covariance_root(problem: ThinnedProblem, fit: ThinnedFit) -> Matrix:
    """R with R R' the covariance of the parameters, (p, f); 0 in the rows of those that are not free.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    """
    least = np.eye(fit.vector.size)
    for part, columns in ((problem.layout.beta, problem.counts.X), (problem.layout.alpha, problem.counts.W)):
        least[part, part] = columns.T @ columns / columns.shape[0]
    information = fit.information + least[np.ix_(fit.free, fit.free)] / MOST_SD**2
    eigenvalues, vectors, unit = scaled_spectrum(information)
    root = np.zeros((fit.vector.size, unit.size))
    root[fit.free] = vectors / np.sqrt(np.maximum(eigenvalues, SMALLEST_EIGENVALUE)) / unit[:, None]
    return root


def keeping_registrations(problem: ThinnedProblem, fit: ThinnedFit, theta: Matrix, v: Vector) -> Matrix:
    """Parameters whose rates follow the bend of log completeness.

    Counts know rate times completeness. Drawn as normal, rates follow a change of completeness along a straight line
    only, and far draws would contradict what was registered. The normal approximation is therefore made for the rate
    coefficients plus the projection of log completeness on the rate's columns, and taken back.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    theta : (D, p) array
    v : (G,) array
        Middle of each provider's effect on completeness.

    Returns
    -------
    (D, p) array
    """
    rows, layout = problem.counts, problem.layout
    projection = np.linalg.pinv(np.sqrt(rows.y + 0.5)[:, None] * rows.X) * np.sqrt(rows.y + 0.5)
    alpha = fit.vector[layout.alpha]
    zeta = rows.W @ alpha + v[rows.group]
    straight = projection @ (expit(-zeta)[:, None] * rows.W)
    found = theta.copy()
    length = max(1, BLOCK_CELLS // max(rows.y.size, 1))
    for start in range(0, theta.shape[0], length):
        block = slice(start, start + length)
        moved = (theta[block, layout.alpha] - alpha) @ rows.W.T
        bend = (log_expit(zeta + moved) - log_expit(zeta)) @ projection.T
        found[block, layout.beta] -= bend - (theta[block, layout.alpha] - alpha) @ straight.T
    return found


def below_the_limit(problem: ThinnedProblem, fit: ThinnedFit, theta: Matrix, rng: np.random.Generator) -> Matrix:
    """Where completeness ran to 1, draws of it below 1.

    An audit in which every event was registered leaves completeness a little below 1 as likely as not. With l(1 - e)
    the log likelihood where the rows at the limit have completeness 1 - e, 1 - p is drawn from the exponential density
    that falls as fast as the likelihood (a flat prior on completeness).

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    theta : (D, p) array
    rng : numpy.random.Generator

    Returns
    -------
    (D, p) array
        As given where nothing is at the limit.
    """
    layout = problem.layout
    if fit.free[layout.alpha].all():
        return theta
    lost = 2.0 * (fit.loglik - _loglik_below(problem, fit, TRIED))
    rate = max(0.5 * lost / TRIED, 1.0)
    missed = np.minimum(rng.exponential(1.0 / rate, theta.shape[0]), 0.9)
    found = theta.copy()
    moves = np.array([_capped(problem, fit, float(e)) - fit.vector for e in missed])
    found[:, layout.alpha] += moves[:, layout.alpha]
    return found


def _loglik_below(problem: ThinnedProblem, fit: ThinnedFit, missed: float) -> float:
    """Log likelihood with the rows at the limit at completeness 1 - missed, and the rates following."""
    inside = _capped(problem, fit, missed)[None, :]
    vector = keeping_registrations(problem, fit, inside, np.zeros(problem.groups))[0]
    return float(evaluate(problem, vector, nodes=fit.nodes).value)


def _capped(problem: ThinnedProblem, fit: ThinnedFit, missed: float) -> Vector:
    """The parameters with no row above completeness 1 - missed."""
    alpha = problem.layout.alpha
    W = np.concatenate([problem.counts.W, *(audit.W for audit in problem.audits)])
    vector = fit.vector.copy()
    vector[alpha] = np.linalg.lstsq(W, np.minimum(W @ vector[alpha], logit(1.0 - missed)), rcond=None)[0]
    return vector
