"""Provider effects given the data: on the nested grid at one point, and draws at many."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.arrange import Arrangement, arrange
from dwangstats.numerics.thinned.integrand import Integrand
from dwangstats.numerics.thinned.likelihood import Marginal, integrate
from dwangstats.numerics.thinned.nodes import Anchor, find_anchor, inner_modes, place_grid, start_anchor
from dwangstats.numerics.thinned.parameters import unpack
from dwangstats.numerics.thinned.problem import ThinnedProblem

FINE = 12
"""Points per node spacing at which the interpolated density is read off for draws."""

LOST = 1e-4
"""Posterior weight of an end node from which the range of the nodes is looked for anew."""

CROWDED = 0.6
"""The same of any node: the density is then too narrow for the distance between nodes."""

_INNER_POINTS = 13
_INNER_REACH = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Effects of providers given the data, at given parameters.

    Weights, means and standard deviations are those of a provider that is not silent.

    Attributes
    ----------
    u : Matrix
        (G, K, J) effect on the log rate at the nodes.
    v : Matrix
        (G, K) effect on the logit completeness.
    weight : Matrix
        (G, K, J) posterior weights; they sum to one in each group.
    silent : Vector
        (G,) posterior probability that the provider registers nothing; 0 without silence in the model.
    """

    u: Matrix
    v: Matrix
    weight: Matrix
    silent: Vector

    @property
    def mean_u(self) -> Vector:
        """(G,)."""
        return np.asarray((self.weight * self.u).sum(axis=(1, 2)), dtype=np.float64)

    @property
    def sd_u(self) -> Vector:
        """(G,)."""
        gap = self.u - self.mean_u[:, None, None]
        return np.asarray(np.sqrt((self.weight * gap * gap).sum(axis=(1, 2))), dtype=np.float64)

    @property
    def mean_v(self) -> Vector:
        """(G,)."""
        return np.asarray((self.weight.sum(axis=2) * self.v).sum(axis=1), dtype=np.float64)

    @property
    def sd_v(self) -> Vector:
        """(G,)."""
        gap = self.v - self.mean_v[:, None]
        return np.asarray(np.sqrt((self.weight.sum(axis=2) * gap * gap).sum(axis=1)), dtype=np.float64)


def posterior(problem: ThinnedProblem, vector: Vector, *, nodes: tuple[int, int] = (15, 7)) -> Posterior:
    """Posterior of the effects on the nested grid.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : Vector
        (p,)
    nodes : (int, int)
        Outer and inner nodes.
    """
    integrand = Integrand(arrange(problem), unpack(problem, vector))
    anchor = find_anchor(integrand, start_anchor(problem.groups), nodes[0])
    found = integrate(integrand, place_grid(integrand, anchor, nodes))
    silent = np.zeros(problem.groups) if found.silent is None else found.silent.probability
    return Posterior(found.grid.u, integrand.at.sv * found.grid.zv, found.weight, silent)


def draw_effects(
    problem: ThinnedProblem, vectors: Matrix, rng: np.random.Generator, *, nodes: tuple[int, int] = (15, 5)
) -> tuple[Matrix, Matrix, NDArray[np.bool_]]:
    """One draw of the effects of all providers at each vector of parameters.

    zv is drawn from its marginal by inverting the distribution function of a cubic spline through the log density at
    the outer nodes; zu from its density given that zv in the same way. A silent provider's zv is drawn from the prior,
    and its zu from the normal density with the mean and variance that the other register leaves.

    Parameters
    ----------
    problem : ThinnedProblem
    vectors : Matrix
        (D, p)
    rng : numpy.random.Generator
    nodes : (int, int)
        Outer and inner nodes.

    Returns
    -------
    u, v : (D, G) arrays
    silent : (D, G) array of bool
    """
    arrangement = arrange(problem)
    u, v = np.empty((vectors.shape[0], problem.groups)), np.empty((vectors.shape[0], problem.groups))
    silent = np.zeros(u.shape, dtype=np.bool_)
    anchor: Anchor | None = None
    for d, vector in enumerate(vectors):
        integrand = Integrand(arrangement, unpack(problem, vector))
        anchor, found = _grid_for(integrand, anchor, nodes)
        zv, zu, silent[d] = _draw(integrand, anchor, found, rng)
        u[d], v[d] = integrand.effect(zv, zu), integrand.at.sv * zv
    return u, v, silent


def _grid_for(integrand: Integrand, anchor: Anchor | None, nodes: tuple[int, int]) -> tuple[Anchor, Marginal]:
    """The integral at the nodes of the last vector, if these serve here as well, or at new ones."""
    if anchor is not None:
        found = integrate(integrand, place_grid(integrand, anchor, nodes), derivatives=False)
        mass = found.weight.sum(axis=2)
        fits = float(mass[:, [0, -1]].max()) < LOST and float(mass.max()) < CROWDED
        if fits or not integrand.arrangement.problem.registration_effects:
            return anchor, found
    begin = start_anchor(integrand.arrangement.problem.groups) if anchor is None else anchor
    fresh = find_anchor(integrand, begin, nodes[0])
    return fresh, integrate(integrand, place_grid(integrand, fresh, nodes), derivatives=False)


def _draw(
    integrand: Integrand, anchor: Anchor, found: Marginal, rng: np.random.Generator
) -> tuple[Vector, Vector, NDArray[np.bool_]]:
    """Standardised effects (G,), and who is silent."""
    arrangement = integrand.arrangement
    groups = arrangement.problem.groups
    uniform, quiet = rng.random((2, groups)), rng.random(groups)
    zv = np.zeros(groups)
    if arrangement.problem.registration_effects:
        density = np.log(np.maximum(found.weight.sum(axis=2), 1e-300))
        zv = _inverse(found.grid.zv[:, 0], found.grid.zv[:, -1], density, uniform[0])
    zu = _draw_inner(integrand, anchor, zv, uniform[1])
    silent = np.zeros(groups, dtype=np.bool_)
    if found.silent is not None:
        silent = quiet < found.silent.probability
        zv, zu = _silent_effects(arrangement, found, silent, zv, zu, rng)
    return zv, zu, silent


def _draw_inner(integrand: Integrand, anchor: Anchor, zv: Vector, uniform: Vector) -> Vector:
    """Zu given zv, (G,)."""
    if not integrand.arrangement.problem.rate_effects:
        return np.zeros_like(zv)
    kernel = integrand.thinned(zv[:, None]).kernel
    start = anchor.inner + anchor.tilt * (zv - anchor.centre)
    mode, width = inner_modes(integrand, kernel, zv[:, None], start[:, None])
    zu = mode + width * np.linspace(-_INNER_REACH, _INNER_REACH, _INNER_POINTS)
    u = integrand.effect(zv[:, None], zu)[:, None, :]
    density = kernel.sharpened(u).value(u)[:, 0, :] - 0.5 * zu**2
    return _inverse(zu[:, 0], zu[:, -1], density, uniform)


def _silent_effects(
    arrangement: Arrangement,
    found: Marginal,
    silent: NDArray[np.bool_],
    zv: Vector,
    zu: Vector,
    rng: np.random.Generator,
) -> tuple[Vector, Vector]:
    problem = arrangement.problem
    prior, normal = rng.standard_normal((2, problem.groups))
    if found.silent is None:
        return zv, zu
    at = found.integrand.at
    mean = (found.silent.weight * found.silent.zu).sum(axis=1)
    variance = (found.silent.weight * (found.silent.zu - mean[:, None]) ** 2).sum(axis=1)
    rate = mean + np.sqrt(variance) * normal
    completeness = at.rho * rate + at.rest * prior if problem.registration_effects else np.zeros_like(zv)
    # u / su is the rate effect here, of which zu is the part that zv leaves.
    rest = (rate - at.rho * completeness) / at.rest if problem.rate_effects else np.zeros_like(zu)
    return np.where(silent, completeness, zv), np.where(silent, rest, zu)


@lru_cache(maxsize=16)
def _spline(count: int) -> Matrix:
    """Cubic spline interpolation from `count` to `FINE` times as many equally spaced points, as a matrix."""
    fine = np.linspace(0.0, count - 1.0, FINE * (count - 1) + 1)
    return np.asarray(CubicSpline(np.arange(count), np.eye(count), axis=1)(fine), dtype=np.float64)


def _inverse(low: Vector, high: Vector, log_density: Matrix, uniform: Vector) -> Vector:
    """Invert the distribution functions whose log densities are given at equal distances, (G,)."""
    groups, count = log_density.shape
    top = log_density.max(axis=1, keepdims=True)
    density = np.exp((log_density - top) @ _spline(count))
    steps = 0.5 * (density[:, 1:] + density[:, :-1])
    total = np.concatenate((np.zeros((groups, 1)), np.cumsum(steps, axis=1)), axis=1)
    goal = uniform * total[:, -1]
    place = np.clip((total <= goal[:, None]).sum(axis=1) - 1, 0, density.shape[1] - 2)
    rows = np.arange(groups)
    inside = (goal - total[rows, place]) / np.maximum(steps[rows, place], 1e-300)
    share = (place + np.clip(inside, 0.0, 1.0)) / (density.shape[1] - 1.0)
    return np.asarray(low + (high - low) * share, dtype=np.float64)
