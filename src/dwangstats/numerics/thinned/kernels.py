"""Poisson and NB2: the log density of each group's counts as a function of its effect u on the log rate.

A kernel is made at given log means and at given log probabilities `lq` of being seen, one per row and place of the
effect on registration (n, K). What it integrates over is u at those places, (G, K) or (G, K, J).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.families import derivatives
from dwangstats.numerics.thinned.interpolated import Nb1Kernel, Table, Values
from dwangstats.numerics.thinned.rows import Chunk, RowSet

SMALL = 0.02
"""Largest dispersion times mean for which 1/dispersion is replaced by series in the product."""

_RATIO = tuple((-1.0) ** i / (i + 1.0) for i in range(9))
_SECOND = tuple(1.0 / (i + 2.0) for i in range(9))


class Kernel(Protocol):
    """Log density of groups: `base` (G, K) that does not depend on u, plus `at(u).value`."""

    base: Matrix

    def sharpened(self, u: Matrix) -> "Kernel":
        """The kernel with full accuracy at these nodes (G, K, J)."""

    def bend(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """Slope and curvature (minus the second derivative, made >= 0) in u at one u per place, (G, K) each."""

    def value(self, u: Matrix) -> Matrix:
        """The u-dependent part at (G, K, J)."""

    def at(self, u: Matrix) -> Values:
        """The same with derivatives."""

    def scores(self, u: Matrix, weight: Matrix) -> tuple[Vector, Matrix]:
        """Derivatives in eta (n,) and lq (n, K), weighted with (G, K, J) and summed over the nodes of each place."""


def make_kernel(rows: RowSet, eta: Vector, lq: Matrix, dispersion: float, table: "Table | CountTable | None") -> Kernel:
    """Kernel of a family; nb2 needs a table of counts, nb1 one of Lambda."""
    if isinstance(table, Table):
        return Nb1Kernel(rows, eta, lq, dispersion, table)
    if isinstance(table, CountTable):
        return Nb2Kernel(rows, eta, lq, dispersion, table)
    return PoissonKernel(rows, eta, lq)


@dataclass(frozen=True, slots=True, eq=False)
class CountTable:
    """What nb2 has to know of the counts and the dispersion alone.

    Attributes
    ----------
    constant : Vector
        (G,) sum of the constants of the log density.
    d_constant : Vector
        (G,) its derivative in the dispersion.
    """

    constant: Vector
    d_constant: Vector


class PoissonKernel:
    """Collapsed: the integrand depends on the group only through its total and its sum of means at u = 0."""

    def __init__(self, rows: RowSet, eta: Vector, lq: Matrix) -> None:
        self.rows = rows
        self.mean = np.exp(eta[:, None] + lq)
        self.sum = rows.sum(self.mean)
        self.base = rows.sum(rows.y[:, None] * (eta[:, None] + lq)) - rows.log_factorial[:, None]

    def sharpened(self, u: Matrix) -> "PoissonKernel":
        """See `Kernel`."""
        return self

    def bend(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """See `Kernel`."""
        mean = self.sum * np.exp(u)
        return self.rows.total[:, None] - mean, mean

    def value(self, u: Matrix) -> Matrix:
        """See `Kernel`."""
        return np.asarray(self.rows.total[:, None, None] * u - self.sum[:, :, None] * np.exp(u), dtype=np.float64)

    def at(self, u: Matrix) -> Values:
        """See `Kernel`."""
        total, mean = self.rows.total[:, None, None], self.sum[:, :, None] * np.exp(u)
        return Values(total * u - mean, total - mean, None)

    def scores(self, u: Matrix, weight: Matrix) -> tuple[Vector, Matrix]:
        """See `Kernel`."""
        place, group = weight.sum(axis=2), self.rows.group
        raised = (weight * np.exp(u)).sum(axis=2)
        score = self.rows.y[:, None] * place[group] - self.mean * raised[group]
        return score.sum(axis=1), score


class Nb2Kernel:
    """Passes over rows and nodes: D = sum of (y + 1/a) log1p(a mean) does not collapse."""

    def __init__(self, rows: RowSet, eta: Vector, lq: Matrix, dispersion: float, table: CountTable) -> None:
        self.rows, self.a, self.table = rows, dispersion, table
        self.mean = np.exp(eta[:, None] + lq)
        self.base = rows.sum(rows.y[:, None] * (eta[:, None] + lq)) + table.constant[:, None]

    def sharpened(self, u: Matrix) -> "Nb2Kernel":
        """See `Kernel`."""
        return self

    def bend(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """See `Kernel`."""
        raised = np.exp(u)
        first, second = np.zeros_like(u), np.zeros_like(u)
        for chunk in self.rows.chunks(2 * u.shape[1]):
            mean = self.mean[chunk.rows] * raised[chunk.groups][chunk.local]
            shrink = 1.0 / (1.0 + self.a * mean)
            mean *= shrink
            plain, weighted = chunk.add(np.concatenate((mean, mean * shrink), axis=1))
            total = plain + self.a * weighted
            first[chunk.groups] += total[:, : u.shape[1]]
            second[chunk.groups] += total[:, u.shape[1] :]
        return self.rows.total[:, None] - first, second

    def value(self, u: Matrix) -> Matrix:
        """See `Kernel`."""
        return self._pass(u, derivatives=False)[0]

    def at(self, u: Matrix) -> Values:
        """See `Kernel`."""
        return Values(*self._pass(u, derivatives=True))

    def scores(self, u: Matrix, weight: Matrix) -> tuple[Vector, Matrix]:
        """See `Kernel`."""
        raised = np.exp(u)
        lifted = weight * raised
        place = weight.sum(axis=2)
        score = self.rows.y[:, None] * place[self.rows.group]
        for chunk in self.rows.chunks(u.shape[1] * u.shape[2]):
            mean, y = self.mean[chunk.rows], self.rows.y[chunk.rows]
            shrink = (self.a * mean)[:, :, None] * raised[chunk.groups][chunk.local]
            shrink += 1.0
            np.divide(lifted[chunk.groups][chunk.local], shrink, out=shrink)
            score[chunk.rows] -= (1.0 + self.a * y)[:, None] * mean * shrink.sum(axis=2)
        return score.sum(axis=1), score

    def _pass(self, u: Matrix, *, derivatives: bool) -> tuple[Matrix, Matrix, Matrix]:
        """Value, slope and dispersion at (G, K, J); the last two only with `derivatives`."""
        raised = np.exp(u)
        value = self.rows.total[:, None, None] * u
        slope = np.broadcast_to(self.rows.total[:, None, None], u.shape).copy() if derivatives else value
        dispersion = np.broadcast_to(self.table.d_constant[:, None, None], u.shape).copy() if derivatives else value
        for chunk in self.rows.chunks(u.shape[1] * u.shape[2]):
            lift = raised[chunk.groups][chunk.local]
            mean = (self.mean[chunk.rows][:, :, None] * lift).reshape(lift.shape[0], -1)
            small = self.a * float(mean.max()) < SMALL
            parts = (_series if small else _direct)(chunk, mean, self.a, derivatives)
            shape = (-1, *u.shape[1:])
            value[chunk.groups] -= parts[0].reshape(shape)
            if derivatives:
                slope[chunk.groups] -= parts[1].reshape(shape)
                dispersion[chunk.groups] -= parts[2].reshape(shape)
        return value, slope, dispersion


def tabulate_counts(rows: RowSet, dispersion: float) -> CountTable:
    """Constants of nb2, computed once per distinct count."""
    constant, d_constant = count_constants(rows.values, dispersion)
    return CountTable(rows.sum(constant[rows.place]), rows.sum(d_constant[rows.place]))


def count_constants(values: Vector, dispersion: float) -> tuple[Vector, Vector]:
    """Log of Gamma(y + 1/a) a^y / (Gamma(1/a) y!) of distinct counts, and its derivative in a, (v,) each.

    Taken from the density at the mean y itself, where it is exact for every a >= 0.
    """
    y = np.maximum(values, 1.0)
    rows = derivatives("nb2", values, np.log(y), dispersion, order=1)
    t = dispersion * y
    shrink, log1p_t = 1.0 / (1.0 + t), np.log1p(t)
    ratio = np.where(t < SMALL, _polynomial(_RATIO, np.minimum(t, SMALL)), log1p_t / np.maximum(t, SMALL))
    lost = values * log1p_t + y * ratio - values * np.log(y)
    s = t * shrink
    direct = (log1p_t - s) / np.maximum(s, 1e-4) ** 2
    square = np.where(t < SMALL, _polynomial(_SECOND, np.minimum(s, SMALL)), direct)
    d_lost = values * y * shrink - (y * shrink) ** 2 * square
    return rows.loglik + lost, rows.d_alpha + d_lost


def _direct(chunk: Chunk, mean: Matrix, a: float, derivatives: bool) -> tuple[Matrix, ...]:
    """Group sums of (y + 1/a) log1p(a mean) and of its derivatives in u and a."""
    t = a * mean
    logs = np.log1p(t)
    plain, weighted = chunk.add(logs)
    value = weighted + plain / a
    if not derivatives:
        return (value,)
    t /= 1.0 + t
    shrunk, weighted = chunk.add(t)
    slope = weighted + shrunk / a
    return value, slope, (slope - plain / a) / a


def _series(chunk: Chunk, mean: Matrix, a: float, derivatives: bool) -> tuple[Matrix, ...]:
    """The same for small a mean, with nothing divided by a."""
    t = a * mean
    value = chunk.add(np.log1p(t))[1] + chunk.add(mean * _polynomial(_RATIO, t))[0]
    if not derivatives:
        return (value,)
    shrunk = mean / (1.0 + t)
    plain, weighted = chunk.add(shrunk)
    square = chunk.add(shrunk * shrunk * _polynomial(_SECOND, a * shrunk))[0]
    return value, a * weighted + plain, weighted - square


def _polynomial(coefficients: tuple[float, ...], x: Matrix) -> Matrix:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += coefficient
    return total
