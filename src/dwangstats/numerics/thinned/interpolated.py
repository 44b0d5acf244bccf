"""NB1: the log density of each group's counts as a function of its effect u on the log rate.

Thinned by q, a count of nb1 keeps its size r = mean / (a q), so that what is expensive depends on u alone:

    log f = Lambda(u) + y (lq - log1p(a q)) - m e^u log1p(a q) / a,
    Lambda(u) = log Gamma(y + r) / Gamma(r) + y log a - log y!,  r = m e^u / a.

The sum of Lambda over a group is a smooth function of one variable, with its nearest singularities at a distance pi
from the real line. It is tabulated at Chebyshev points and read off by interpolation (Trefethen 2013, chapters 3, 8).
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.families import derivatives
from dwangstats.numerics.saddle import log1p_ratio
from dwangstats.numerics.thinned.rows import RowSet
from dwangstats.numerics.thinned.values import Scores, Seen, Values

FINE = 1e-11
"""Relative error of the interpolation, from which the number of points follows."""

COARSE = 1e-5
"""The same where only the places of nodes are looked for, from an approximation to Lambda."""

MOST_POINTS = 96


@dataclass(frozen=True, slots=True)
class Table:
    """Lambda and its derivatives at the Chebyshev points of each group's interval.

    Attributes
    ----------
    centre, half : Vector
        (G,) middle and half length of the intervals.
    transform : Matrix
        (N, N) from values at the points to Chebyshev coefficients, the latter last.
    slope_rows : Matrix
        (n, N) derivative of each row's Lambda in eta.
    value, slope, dispersion : Matrix
        (G, N) Chebyshev coefficients of the sums over groups.
    """

    centre: Vector
    half: Vector
    transform: Matrix
    slope_rows: Matrix
    value: Matrix
    slope: Matrix
    dispersion: Matrix


class Nb1Kernel:
    """See `kernels.Kernel`; beyond the intervals of the table Lambda goes on as a straight line."""

    def __init__(self, rows: RowSet, eta: Vector, seen: Seen, dispersion: float, table: Table) -> None:
        cells = rows.cells
        self.rows, self.eta, self.seen, self.a, self.table = rows, eta, seen, dispersion, table
        self.rate = np.exp(eta)
        self.cell_rate = (cells.ones @ self.rate)[:, None]
        t = dispersion * seen.probability
        self.shrink = 1.0 / (1.0 + t)
        self.ratio = log1p_ratio(t)
        self.loss = cells.sum(self.cell_rate * seen.probability * self.ratio)
        self.base = cells.y_by_group @ (seen.log - np.log1p(t))
        self.d_base = cells.y_by_group @ (seen.probability * self.shrink)
        square = np.where(t < 1e-2, _second_series(t), (np.log1p(t) - t * self.shrink) / np.maximum(t, 1e-2) ** 2)
        self.d_loss = -cells.sum(self.cell_rate * seen.probability**2 * square)

    def sharpened(self, u: Matrix) -> "Nb1Kernel":
        """See `kernels.Kernel`."""
        reach = np.stack((u.min(axis=(1, 2)), u.max(axis=(1, 2))), axis=1)
        sharp = copy(self)
        sharp.table = tabulate(self.rows, self.eta, self.a, reach, FINE)
        return sharp

    def bend(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """See `Kernel`."""
        lost = self.loss * np.exp(u)
        basis, inside = self._basis(u[:, :, None])
        slope = _read(basis, self.table.slope)[:, :, 0]
        turn = _read(basis, _differentiated(self.table.slope) / self.table.half[:, None])[:, :, 0]
        least = lost / (1.0 + self.a)
        return slope - lost, np.maximum(lost - np.where(inside[:, :, 0] == 0.0, turn, 0.0), 0.3 * least)

    def value(self, u: Matrix) -> Matrix:
        """See `Kernel`."""
        basis, beyond = self._basis(u)
        value = _read(basis, self.table.value) - self.loss[:, :, None] * np.exp(u)
        if beyond.any():
            value += beyond * _read(basis, self.table.slope)
        return value

    def at(self, u: Matrix) -> Values:
        """See `Kernel`."""
        raised = np.exp(u)
        basis, beyond = self._basis(u)
        slope = _read(basis, self.table.slope)
        value = _read(basis, self.table.value) + beyond * slope - self.loss[:, :, None] * raised
        dispersion = _read(basis, self.table.dispersion) - self.d_base[:, :, None] - self.d_loss[:, :, None] * raised
        return Values(value, slope - self.loss[:, :, None] * raised, dispersion)

    def scores(self, u: Matrix, weight: Matrix, values: Values) -> Scores:
        """See `kernels.Kernel`."""
        rows, cells = self.rows, self.rows.cells
        place, raised = weight.sum(axis=2)[cells.group], (weight * np.exp(u)).sum(axis=2)[cells.group]
        lost = self.seen.probability * raised
        seen = (cells.y[:, None] * place - self.cell_rate * lost) * self.shrink
        basis, _ = self._basis(u)
        spread = np.einsum("gkj,gkjn->gn", weight, basis, optimize=True) @ self.table.transform
        eta = (self.table.slope_rows * spread[rows.group]).sum(axis=1)
        eta -= self.rate * (lost * self.ratio).sum(axis=1)[cells.of_row]
        dispersion = 0.0 if values.dispersion is None else float((weight * values.dispersion).sum())
        return Scores(eta, seen, values.weighted_slope(weight), dispersion)

    def _basis(self, u: Matrix) -> tuple[Matrix, Matrix]:
        """Chebyshev polynomials at u (G, K, J, N), and how far u lies beyond the interval."""
        x = (u - self.table.centre[:, None, None]) / self.table.half[:, None, None]
        inside = np.clip(x, -1.0, 1.0)
        return _polynomials(inside, self.table.transform.shape[0]), (x - inside) * self.table.half[:, None, None]


def tabulate(rows: RowSet, eta: Vector, a: float, reach: Matrix, accuracy: float) -> Table:
    """Lambda for u between `reach` (G, 2); an approximation to it where the accuracy asked for is `COARSE`."""
    centre, half = reach.mean(axis=1), np.maximum(0.5 * (reach[:, 1] - reach[:, 0]), 1e-3)
    count = _points(float(half.max(initial=0.0)), accuracy)
    angle = (np.arange(count) + 0.5) * np.pi / count
    points = np.cos(angle)
    transform = 2.0 / count * np.cos(np.arange(count)[:, None] * angle)
    transform[0] *= 0.5
    found = np.empty((3, rows.y.size, count))
    read = _approximate if accuracy == COARSE else _exact
    for chunk in rows.chunks(count):
        u = centre[chunk.groups][chunk.local][:, None] + half[chunk.groups][chunk.local][:, None] * points
        log_rate = (eta[chunk.rows][:, None] + u).ravel()
        for part, values in zip(found, read(np.repeat(rows.y[chunk.rows], count), log_rate, a), strict=True):
            part[chunk.rows] = values.reshape(u.shape)
    sums = (rows.sum(part) @ transform.T for part in found)
    return Table(centre, half, transform, found[1], *sums)


def _exact(y: Vector, log_rate: Vector, a: float) -> tuple[Vector, Vector, Vector]:
    """Lambda and its derivatives in eta and a, from the density of nb1 itself."""
    found = derivatives("nb1", y, log_rate, a, order=1)
    rate = np.exp(log_rate)
    unit = float(log1p_ratio(np.array([a]))[0])
    value = found.loglik + y * np.log1p(a) + rate * unit
    return value, found.d_eta + rate * unit, found.d_alpha + y / (1.0 + a) + rate * _d_log1p_ratio(a)


def _approximate(y: Vector, log_rate: Vector, a: float) -> tuple[Vector, Vector, Vector]:
    """Lambda up to a constant, with digamma(y + r) - digamma(1 + r) replaced by its logarithm; no derivative in a."""
    r = np.exp(log_rate) / max(a, 1e-8)
    some = np.minimum(y, 1.0)
    more = y - some
    growth = np.log1p(more / (r + 0.5))
    value = some * log_rate + (r + 0.5) * growth + more * np.log(more + r + 0.5)
    return value, some + r * growth, np.zeros_like(y)


def _points(half: float, accuracy: float) -> int:
    """Points at which the interpolation error of a function analytic up to i pi falls below the accuracy."""
    ratio = np.pi / half
    radius = np.log(ratio + np.sqrt(1.0 + ratio * ratio))
    return int(np.clip(np.ceil(-np.log(accuracy) / radius) + 2, 8, MOST_POINTS))


def _polynomials(x: Matrix, count: int) -> Matrix:
    out = np.empty((count, *x.shape))
    out[0], out[1] = 1.0, x
    for n in range(2, count):
        np.multiply(2.0 * x, out[n - 1], out=out[n])
        out[n] -= out[n - 2]
    return np.moveaxis(out, 0, -1)


def _read(basis: Matrix, coefficients: Matrix) -> Matrix:
    return np.asarray(np.einsum("gkjn,gn->gkj", basis, coefficients, optimize=True), dtype=np.float64)


def _differentiated(coefficients: Matrix) -> Matrix:
    """Coefficients of the derivative in x (Mason and Handscomb 2003, section 2.4.5)."""
    count = coefficients.shape[1]
    out = np.zeros((coefficients.shape[0], count + 2))
    for n in range(count - 1, 0, -1):
        out[:, n - 1] = out[:, n + 1] + 2.0 * n * coefficients[:, n]
    out[:, 0] *= 0.5
    return out[:, :count]


def _second_series(t: Matrix) -> Matrix:
    """(log1p(t) - t / (1 + t)) / t^2 for small t."""
    total = np.zeros_like(t)
    for i in range(9, -1, -1):
        total = total * -t + (i + 1.0) / (i + 2.0)
    return total


def _d_log1p_ratio(a: float) -> float:
    """Derivative of log1p(a) / a."""
    if a < 1e-2:
        return -float(_second_series(np.array([a]))[0])
    return (a / (1.0 + a) - float(np.log1p(a))) / (a * a)
