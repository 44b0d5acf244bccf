"""What is integrated over the provider effects, at given parameters."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.families import HIGHEST_ETA
from dwangstats.numerics.thinned.arrange import Arrangement
from dwangstats.numerics.thinned.audits import audit_terms
from dwangstats.numerics.thinned.capture import Capture, capture
from dwangstats.numerics.thinned.interpolated import COARSE, Table, tabulate
from dwangstats.numerics.thinned.kernels import CountTable, Kernel, PoissonKernel, make_kernel, tabulate_counts
from dwangstats.numerics.thinned.parameters import Parameters
from dwangstats.numerics.thinned.values import Seen

FARTHEST = 4.0
"""Standardised effects on registration between which the effects on the rate are bracketed for nb1."""

_STEPS = 30
_LOWEST_LOGIT = -700.0
# With the highest log mean this still is a finite mean.
_LARGEST_EFFECT = 400.0


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """The integrand at places zv (G, K) of the standardised effect on registration.

    Attributes
    ----------
    kernel : Kernel
        As a function of u.
    fixed : Matrix
        (G, K) all that does not depend on u, the kernel's base included.
    slope : Matrix
        (C, K) derivative of the log probability of being seen in the logit completeness, by cell.
    lists : Capture or None
        Of the linked rows.
    audits : tuple of Matrix
        (a, K) derivative of each audit row's term in its logit.
    """

    kernel: Kernel
    fixed: Matrix
    slope: Matrix
    lists: Capture | None
    audits: tuple[Matrix, ...]


class Integrand:
    """Linear predictors at given parameters, from which the integrand at any places follows.

    Attributes
    ----------
    arrangement : Arrangement
    at : Parameters
    eta : Vector
        (n,) log rate at effects of zero.
    zeta : Vector
        (C,) logit completeness at effects of zero, by cell.
    second : Vector
        (l,) logit of the other register, of the linked rows.
    table : Table, CountTable or None
        For nb1 and nb2.
    """

    def __init__(self, arrangement: Arrangement, at: Parameters) -> None:
        rows = arrangement.rows
        self.arrangement, self.at = arrangement, at
        self.eta = np.minimum(rows.X @ at.beta + rows.offset, HIGHEST_ETA)
        self.zeta = rows.cells.W @ at.alpha
        linked = arrangement.linked
        self.second = np.zeros(0) if linked is None else linked.W2 @ at.gamma
        self.table: Table | CountTable | None = None
        if arrangement.problem.family == "nb2":
            self.table = tabulate_counts(rows, at.dispersion)
        elif arrangement.problem.family == "nb1":
            self.table = tabulate(rows, self.eta, at.dispersion, self._reach(), COARSE)

    def thinned(self, zv: Matrix) -> Thinned:
        """The integrand at places (G, K)."""
        rows = self.arrangement.rows
        v = self.at.sv * zv
        seen, slope, lists = self._seen(v)
        kernel = make_kernel(rows, self.eta, seen, self.at.dispersion, self.table)
        fixed, audits = kernel.base.copy(), []
        linked = self.arrangement.linked
        if linked is not None and lists is not None:
            fixed += linked.ones @ lists.log_cells + linked.constant[:, None]
        for part in self.arrangement.audits:
            logit = (part.rows.W @ self.at.alpha)[:, None] + v[part.rows.group]
            value, move = audit_terms(logit, part.rows.found, part.rows.registered, part.rows.icc)
            fixed += part.ones @ value + part.constant[:, None]
            audits.append(move)
        return Thinned(kernel, fixed, slope, lists, tuple(audits))

    def effect(self, zv: Matrix, zu: Matrix) -> Matrix:
        """U at standardised effects of one shape."""
        u = self.at.su * (self.at.rho * zv + self.at.rest * zu)
        return np.asarray(np.clip(u, -_LARGEST_EFFECT, _LARGEST_EFFECT), dtype=np.float64)

    def _seen(self, v: Matrix) -> tuple[Seen, Matrix, Capture | None]:
        """Being seen (C, K), the derivative of its log in the logit, and the lists."""
        z = self.zeta[:, None] + v[self.arrangement.rows.cells.group]
        slope = np.maximum(z, _LOWEST_LOGIT)
        np.exp(np.negative(slope, out=slope), out=slope)
        lq = np.log1p(slope)
        np.negative(lq, out=lq)
        p = 1.0 / (1.0 + slope)
        slope *= p
        linked = self.arrangement.linked
        if linked is None:
            return Seen(lq, p), slope, None
        cells = (linked.both, linked.register_only, linked.other_only)
        lists = capture(z[linked.cell], self.second, *cells, linked.odds_ratio)
        lq[linked.cell], slope[linked.cell] = lists.log_seen, lists.seen_first
        p[linked.cell] = np.exp(lists.log_seen)
        return Seen(lq, p), slope, lists

    def _reach(self) -> Matrix:
        """Interval of each group's u (G, 2): the slope of nb1's Lambda lies between the rows with events and events."""
        rows, at = self.arrangement.rows, self.at
        zv = np.broadcast_to(np.array([-FARTHEST, 0.0, FARTHEST]), (rows.groups, 3))
        seen, _, _ = self._seen(at.sv * zv)
        mean = PoissonKernel(rows, self.eta, seen).sum
        variance = at.su**2
        if variance == 0.0:
            return np.zeros((rows.groups, 2))
        ends = []
        for events, side in ((rows.ones @ (rows.y > 0.0), -1.0), (rows.total, 1.0)):
            u = at.su * at.rho * zv
            for _ in range(_STEPS):
                lost = mean * np.exp(u)
                step = (events[:, None] - lost - (u - at.su * at.rho * zv) / variance) / (lost + 1.0 / variance)
                u = u + np.clip(step, -2.0, 2.0)
            width = np.sqrt((1.0 + at.dispersion) / (mean * np.exp(u) + (1.0 + at.dispersion) / variance))
            ends.append(u + side * 5.0 * np.minimum(width, at.su))
        return np.stack((ends[0].min(axis=1), ends[1].max(axis=1)), axis=1)


def silent_log_seen(logit: Vector) -> tuple[Vector, Vector]:
    """Log probability that the other register alone sees an event, and its derivative in the logit, (s,) each."""
    return np.asarray(log_expit(logit), dtype=np.float64), np.asarray(expit(-logit), dtype=np.float64)
