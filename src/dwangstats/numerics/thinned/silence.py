"""Providers that may register nothing at all: the other half of a two-component mixture."""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.families import HIGHEST_ETA
from dwangstats.numerics.mixed.quadrature import hermite_nodes
from dwangstats.numerics.thinned.arrange import Arrangement, SilentPart
from dwangstats.numerics.thinned.integrand import silent_log_seen
from dwangstats.numerics.thinned.interpolated import FINE, Table, tabulate
from dwangstats.numerics.thinned.kernels import CountTable, Kernel, make_kernel, tabulate_counts
from dwangstats.numerics.thinned.parameters import Parameters
from dwangstats.numerics.thinned.values import Seen, Values

_STEPS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """The mixture of silent and registering providers.

    Attributes
    ----------
    by_group : Vector
        (G,) log likelihood of the mixture.
    probability : Vector
        (G,) posterior probability of silence.
    zu : Matrix
        (G, J) nodes of the standardised effect on the rate of a silent provider (the prior, but for the other
        register's events).
    weight : Matrix
        (G, J) their posterior weights.
    """

    by_group: Vector
    probability: Vector
    zu: Matrix
    weight: Matrix
    _arrangement: Arrangement
    _at: Parameters
    _kernel: Kernel
    _values: Values
    _slope: Vector

    def add_gradient(self, gradient: Vector) -> None:
        """Add the silent component's share of the posterior mean score, and the score of the silent logit."""
        layout, part = self._arrangement.problem.layout, _part(self._arrangement)
        gradient[layout.silent_logit] += float((self.probability - np.exp(self._at.log_silent)).sum())
        if not part.rows.y.size:
            return
        weight = (self.weight * self.probability[:, None])[:, None, :]
        u = self._at.su * self.zu[:, None, :]
        scores = self._kernel.scores(u, weight, self._values)
        gradient[layout.beta] += part.rows.X.T @ scores.eta
        gradient[layout.gamma] += part.W2.T @ (scores.seen[:, 0] * self._slope)
        gradient[layout.su] += float((scores.slope * self.zu[:, None, :]).sum())
        gradient[layout.dispersion] += scores.dispersion


def silence(arrangement: Arrangement, at: Parameters, normal: Vector, nodes: int) -> Silence:
    """Mix the log likelihood of registering providers `normal` (G,) with that of silent ones."""
    part = _part(arrangement)
    rows = part.rows
    eta = np.minimum(rows.X @ at.beta + rows.offset, HIGHEST_ETA)
    lq, slope = silent_log_seen(part.W2 @ at.gamma)
    kernel, zu, log_weight = _silent_nodes(arrangement, at, eta, lq, nodes)
    values = kernel.at(at.su * zu[:, None, :])
    height = values.value[:, 0, :] + log_weight
    top = height.max(axis=1)
    mass = np.exp(height - top[:, None])
    total = mass.sum(axis=1)
    quiet = np.where(part.possible, kernel.base[:, 0] + top + np.log(total) + at.log_silent, -np.inf)
    mixed = np.logaddexp(normal + at.log_normal, quiet)
    weight = mass / total[:, None]
    probability = np.exp(quiet - mixed)
    return Silence(mixed, probability, zu, weight, arrangement, at, kernel, values, slope)


def _silent_nodes(
    arrangement: Arrangement, at: Parameters, eta: Vector, lq: Vector, nodes: int
) -> tuple[Kernel, Matrix, Matrix]:
    problem, rows = arrangement.problem, _part(arrangement).rows
    zeros = np.zeros((problem.groups, 1))
    table: Table | CountTable | None = None
    if problem.family == "nb2":
        table = tabulate_counts(rows, at.dispersion)
    if problem.family == "nb1":
        reach = np.tile(np.array([-6.0, 6.0]) * at.su, (problem.groups, 1))
        table = tabulate(rows, eta, at.dispersion, reach, FINE)
    seen = Seen(lq[:, None], np.exp(lq[:, None]))
    kernel = make_kernel(rows, eta, seen, at.dispersion, table)
    if not problem.rate_effects:
        return kernel, zeros, zeros
    mode = zeros
    for _ in range(_STEPS):
        slope, curvature = kernel.bend(at.su * mode)
        precision = 1.0 + at.su**2 * curvature
        step = np.clip((at.su * slope - mode) / precision, -2.0, 2.0)
        mode = mode + step
        if not np.any(np.abs(step) > 1e-6):
            break
    width = 1.0 / np.sqrt(precision)
    x, log_weight = hermite_nodes(nodes)
    zu = mode + width * x
    kernel = kernel.sharpened(at.su * zu[:, None, :])
    return kernel, zu, log_weight + np.log(width) - 0.5 * zu**2


def _part(arrangement: Arrangement) -> SilentPart:
    if arrangement.silent is None:
        raise ValueError("the model has no silent providers")
    return arrangement.silent
