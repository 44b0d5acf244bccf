"""Poisson and NB2: the log density of each group's counts as a function of its effect u on the log rate.

A kernel is made at given log means and at given probabilities of being seen, one per cell (see `rows.Cells`) and place
of the effect on registration (C, K). What it integrates over is u at those places, (G, K) or (G, K, J).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.families import derivatives
from dwangstats.numerics.thinned.interpolated import Nb1Kernel, Table
from dwangstats.numerics.thinned.rows import Chunk, RowSet
from dwangstats.numerics.thinned.values import Scores, Seen, Values

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
        """The same with what `scores` needs of it."""

    def scores(self, u: Matrix, weight: Matrix, values: Values) -> Scores:
        """Derivatives weighted with (G, K, J)."""


def make_kernel(rows: RowSet, eta: Vector, seen: Seen, dispersion: float, table: "Table | CountTable | None") -> Kernel:
    """Kernel of a family; nb2 needs a table of counts, nb1 one of Lambda."""
    if isinstance(table, Table):
        return Nb1Kernel(rows, eta, seen, dispersion, table)
    if isinstance(table, CountTable):
        return Nb2Kernel(rows, eta, seen, dispersion, table)
    return PoissonKernel(rows, eta, seen)


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

    def __init__(self, rows: RowSet, eta: Vector, seen: Seen) -> None:
        cells = rows.cells
        self.rows, self.seen = rows, seen
        self.rate = np.exp(eta)
        self.cell_rate = cells.ones @ self.rate
        self.sum = cells.sum(self.cell_rate[:, None] * seen.probability)
        self.base = cells.y_by_group @ seen.log + (rows.ones @ (rows.y * eta) - rows.log_factorial)[:, None]

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

    def scores(self, u: Matrix, weight: Matrix, values: Values) -> Scores:
        """See `Kernel`."""
        rows, cells = self.rows, self.rows.cells
        place, raised = weight.sum(axis=2), (weight * np.exp(u)).sum(axis=2)
        lost = self.seen.probability * raised[cells.group]
        seen = cells.y[:, None] * place[cells.group] - self.cell_rate[:, None] * lost
        eta = rows.y * place.sum(axis=1)[rows.group] - self.rate * _across(lost)[cells.of_row]
        return Scores(eta, seen, values.weighted_slope(weight), 0.0)


class Nb2Kernel:
    """Passes over rows and nodes: D = sum of (y + 1/a) log1p(a mean) does not collapse.

    One pass per inner node, so that every operation runs over long contiguous arrays.
    """

    def __init__(self, rows: RowSet, eta: Vector, seen: Seen, dispersion: float, table: CountTable) -> None:
        self.rows, self.a, self.table = rows, dispersion, table
        self.rate = np.exp(eta)
        self.mean = rows.cells.spread(self.rate, seen.probability)
        self.weighted = rows.cells.spread(self.rate * (1.0 + dispersion * rows.y), seen.probability)
        self.base = rows.cells.y_by_group @ seen.log + (rows.ones @ (rows.y * eta) + table.constant)[:, None]
        self.highest = float(self.rate.max(initial=0.0))

    def sharpened(self, u: Matrix) -> "Nb2Kernel":
        """See `Kernel`."""
        return self

    def bend(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """See `Kernel`."""
        raised = np.exp(u)
        first, second = np.zeros_like(u), np.zeros_like(u)
        for chunk in self.rows.chunks(u.shape[1]):
            factor = (self.a * raised[chunk.groups])[chunk.local]
            factor *= self.mean[chunk.rows]
            factor += 1.0
            weighted = self.weighted[chunk.rows] / factor
            first[chunk.groups] += chunk.ones @ weighted
            weighted /= factor
            second[chunk.groups] += chunk.ones @ weighted
        first *= raised
        second *= raised
        return self.rows.total[:, None] - first, second

    def value(self, u: Matrix) -> Matrix:
        """See `Kernel`."""
        return self._pass(u, None)

    def at(self, u: Matrix) -> Values:
        """See `Kernel`."""
        dispersion = np.broadcast_to(self.table.d_constant[:, None, None], u.shape).copy()
        return Values(self._pass(u, dispersion), None, dispersion)

    def scores(self, u: Matrix, weight: Matrix, values: Values) -> Scores:
        """See `Kernel`."""
        rows, cells = self.rows, self.rows.cells
        raised, slope = _inner_first(np.exp(u)), np.zeros((u.shape[2], *u.shape[:2]))
        lifted = _inner_first(weight) * raised
        place = weight.sum(axis=2)
        eta, lost = np.empty(rows.y.size), np.empty((rows.y.size, u.shape[1]))
        for chunk in rows.chunks(u.shape[1]):
            mean, weighted = self.a * self.mean[chunk.rows], self.weighted[chunk.rows]
            factor, total = np.empty_like(mean), np.zeros_like(mean)
            for j in range(u.shape[2]):
                np.take(raised[j, chunk.groups], chunk.local, axis=0, out=factor, mode="clip")
                factor *= mean
                factor += 1.0
                np.divide(weighted, factor, out=factor)
                slope[j, chunk.groups] += chunk.ones @ factor
                factor *= lifted[j, chunk.groups][chunk.local]
                total += factor
            lost[chunk.rows] = total
            eta[chunk.rows] = _across(total)
        eta = rows.y * place.sum(axis=1)[rows.group] - eta
        seen = cells.y[:, None] * place[cells.group] - cells.ones @ lost
        slope *= lifted
        moved = weight * rows.total[:, None, None] - np.moveaxis(slope, 0, 2)
        dispersion = 0.0 if values.dispersion is None else float((weight * values.dispersion).sum())
        if not self._small(u):
            dispersion -= float(slope.sum()) / self.a
        return Scores(eta, seen, moved, dispersion)

    def _small(self, u: Matrix) -> bool:
        return self.a * self.highest * float(np.exp(u.max(initial=0.0))) < SMALL

    def _pass(self, u: Matrix, dispersion: Matrix | None) -> Matrix:
        """Value at (G, K, J); adds the derivative in the dispersion, but for what `scores` adds where it is large."""
        raised, lost = _inner_first(np.exp(u)), np.zeros((u.shape[2], *u.shape[:2]))
        d_lost = np.zeros_like(lost)
        small = self._small(u)
        for chunk in self.rows.chunks(u.shape[1]):
            mean = self.mean[chunk.rows] if small else self.a * self.mean[chunk.rows]
            t = np.empty_like(mean)
            for j in range(u.shape[2]):
                np.take(raised[j, chunk.groups], chunk.local, axis=0, out=t, mode="clip")
                t *= mean
                if small:
                    value, change = _series(chunk, t, self.a)
                else:
                    plain, weighted = chunk.add(np.log1p(t, out=t))
                    value, change = weighted + plain / self.a, plain / -(self.a**2)
                lost[j, chunk.groups] += value
                d_lost[j, chunk.groups] += change
        if dispersion is not None:
            dispersion -= np.moveaxis(d_lost, 0, 2)
        return np.asarray(self.rows.total[:, None, None] * u - np.moveaxis(lost, 0, 2), dtype=np.float64)


def tabulate_counts(rows: RowSet, dispersion: float) -> CountTable:
    """Constants of nb2, computed once per distinct count, and not again while the dispersion stays."""
    if dispersion not in rows.kept:
        constant, d_constant = count_constants(rows.values, dispersion)
        rows.kept.clear()
        rows.kept[dispersion] = (rows.sum(constant[rows.place]), rows.sum(d_constant[rows.place]))
    return CountTable(*rows.kept[dispersion])


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


def _series(chunk: Chunk, mean: Matrix, a: float) -> tuple[Matrix, Matrix]:
    """Group sums of (y + 1/a) log1p(a mean) for small a mean, and its derivative in a, with nothing divided by a."""
    t = a * mean
    value = chunk.add(np.log1p(t))[1] + chunk.ones @ (mean * _polynomial(_RATIO, t))
    shrunk = mean / (1.0 + t)
    _, weighted = chunk.add(shrunk)
    return value, weighted - chunk.ones @ (shrunk * shrunk * _polynomial(_SECOND, a * shrunk))


def _inner_first(values: Matrix) -> Matrix:
    """(J, G, K) of (G, K, J)."""
    return np.ascontiguousarray(np.moveaxis(values, 2, 0))


def _across(values: Matrix) -> Vector:
    """Sums of the rows of a matrix; by a product, because sums over short rows are slow."""
    return np.asarray(values @ np.ones(values.shape[1]), dtype=np.float64)


def _polynomial(coefficients: tuple[float, ...], x: Matrix) -> Matrix:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += coefficient
    return total
