"""Providers' effects given the data, drawn together with the parameters.

At the fitted parameters v is drawn from its marginal on the nested grid, and u given v from the mean, spread and
skewness of the grid there. For other parameters the means and the log standard deviations of each provider's u and v
move along their derivatives in the parameters, which carries the uncertainty of the parameters into the effects as the
conditional mean squared error of Booth and Hobert (1998, J. Am. Stat. Assoc. 93, 262-272) does, at a cost that hardly
grows with the number of draws.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.posterior import Posterior, posterior
from dwangstats.numerics.thinned.problem import ThinnedProblem

NODES = (15, 7)

FINE = 20
"""Points per node spacing at which a distribution function is tabulated."""

STEP = 0.05
"""Step of the differences, in standard errors of the parameter: smooth functions, error of its square."""

MOST_STRETCH = 1.1
"""Largest change of a log standard deviation: beyond a factor 3 a straight line says nothing."""

SMALL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Posterior of the effects at the fitted parameters, and how it moves with them.

    Attributes
    ----------
    at : Posterior
        At the fitted parameters.
    moments : (4, G) array
        Means of u and v, then their log standard deviations.
    slopes : (4, p, G) array
        Derivatives of the moments in the parameters.
    vector : (p,) array
        The fitted parameters.
    """

    at: Posterior
    moments: Matrix
    slopes: NDArray[np.float64]
    vector: Vector

    def draw(
        self, problem: ThinnedProblem, theta: Matrix, rng: np.random.Generator
    ) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
        """One draw of all effects at each row of theta.

        Parameters
        ----------
        problem : ThinnedProblem
        theta : (D, p) array
        rng : numpy.random.Generator

        Returns
        -------
        u, v : (D, G) arrays
        silent : (D, G) array of bool
            With the posterior probability at the fitted parameters. The effects of a silent provider are drawn from
            their distribution over providers: nothing was registered that could say more.
        """
        draws, groups = theta.shape[0], self.at.silent.size
        u, v = _at_fit(self.at, rng.random((draws, groups)), rng.standard_normal((draws, groups)))
        u, v = self._moved(u, theta, 0), self._moved(v, theta, 1)
        silent = rng.random((draws, groups)) < self.at.silent
        if problem.silent:
            for values, part in ((u, problem.layout.su), (v, problem.layout.sv)):
                spread = theta[:, part] if part.stop > part.start else np.zeros((draws, 1))
                values[silent] = (spread * rng.standard_normal((draws, groups)))[silent]
        return u, v, silent

    def _moved(self, values: Matrix, theta: Matrix, which: int) -> Matrix:
        away = theta - self.vector
        stretch = np.clip(away @ self.slopes[which + 2], -MOST_STRETCH, MOST_STRETCH)
        mean = self.moments[which]
        return np.asarray(mean + away @ self.slopes[which] + np.exp(stretch) * (values - mean), dtype=np.float64)


def effects_of(problem: ThinnedProblem, fit: ThinnedFit, covariance: Matrix) -> Effects:
    """Posterior of the effects and its derivatives in the free parameters.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    covariance : (p, p) array
        Sets the steps of the differences.

    Returns
    -------
    Effects
    """
    at = posterior(problem, fit.vector, nodes=NODES)
    slopes = np.zeros((4, fit.vector.size, problem.groups))
    for place in np.flatnonzero(fit.free).tolist():
        step = STEP * float(np.sqrt(max(covariance[place, place], SMALL)))
        ahead, behind = fit.vector.copy(), fit.vector.copy()
        ahead[place] += step
        behind[place] = max(behind[place] - step, problem.layout.floors[place])
        change = _moments(posterior(problem, ahead, nodes=NODES)) - _moments(posterior(problem, behind, nodes=NODES))
        slopes[:, place] = change / (ahead[place] - behind[place])
    return Effects(at, _moments(at), slopes, fit.vector)


def _moments(found: Posterior) -> Matrix:
    spreads = [np.log(np.maximum(spread, SMALL)) for spread in (found.sd_u, found.sd_v)]
    return np.stack([found.mean_u, found.mean_v, *spreads])


def _at_fit(found: Posterior, uniform: Matrix, normal: Matrix) -> tuple[Matrix, Matrix]:
    """Draws (D, G) of u and v at the fitted parameters."""
    draws, groups = uniform.shape
    outer = found.weight.sum(axis=2)
    mean, spread, skew = _given_v(found, outer)
    u, v = np.empty((draws, groups)), np.empty((draws, groups))
    for g in range(groups):
        place = _place(outer[g], uniform[:, g])
        nodes = np.arange(outer.shape[1], dtype=np.float64)
        v[:, g] = np.interp(place, nodes, found.v[g])
        m, s, k = (np.interp(place, nodes, moment[g]) for moment in (mean, spread, skew))
        z = normal[:, g]
        # Cornish and Fisher's expansion to the third cumulant.
        u[:, g] = m + s * (z + k / 6.0 * (z * z - 1.0))
    return u, v


def _given_v(found: Posterior, outer: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Mean, standard deviation and skewness of u at each node of v, (G, K)."""
    inner = found.weight / np.maximum(outer, 1e-300)[:, :, None]
    mean = (inner * found.u).sum(axis=2)
    gap = found.u - mean[:, :, None]
    variance = (inner * gap**2).sum(axis=2)
    spread = np.sqrt(variance)
    skew = (inner * gap**3).sum(axis=2) / np.maximum(spread**3, SMALL)
    return mean, spread, np.where(variance > SMALL, np.clip(skew, -1.5, 1.5), 0.0)


def _place(weight: Vector, uniform: Vector) -> Vector:
    """Fractional node numbers at which the distribution function reaches the uniforms."""
    if weight.size == 1:
        return np.zeros_like(uniform)
    nodes = np.arange(weight.size, dtype=np.float64)
    fine = np.linspace(0.0, weight.size - 1.0, FINE * (weight.size - 1) + 1)
    density = np.exp(CubicSpline(nodes, np.log(np.maximum(weight, 1e-280)))(fine))
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return np.asarray(np.interp(uniform * mass[-1], mass, fine), dtype=np.float64)
