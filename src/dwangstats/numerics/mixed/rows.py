"""Log density of each row and its derivatives in the linear predictor, with or without extra zeros.

Long vectors are worked through in blocks that stay in the processor's cache.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from dwangstats._types import Codes, FamilyName, Vector
from dwangstats.numerics import families
from dwangstats.numerics.mixed.kernels import (
    Events,
    make_events,
    nb1_slopes,
    nb1_terms,
    nb1_values,
    nb2_direct,
    nb2_slopes,
    nb2_terms,
    nb2_values,
    rising_table,
)
from dwangstats.numerics.mixed.terms import Nuisance, RowTerms, RowValues
from dwangstats.numerics.mixed.zero import inflate, inflated_slopes

LARGEST_ETA = 100.0
"""Log means are held below this; e^100 is beyond any count, and powers of it stay finite."""

SMALLEST_ETA = -300.0
"""Log means are held above this, so that no mean is zero."""

BLOCK = 16384
"""Rows per block."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Counts and their distribution, with what does not change between evaluations.

    Attributes
    ----------
    y : Vector
        (m,) counts.
    family : FamilyName
    inflated : bool
        Whether a row may be an extra zero.
    is_zero : ndarray of bool
        (m,) whether the count is zero.
    constant : Vector
        (m,) log y!.
    index : Codes or None
        (m,) for NB2 the counts as integers, if a table over 0 .. max(y) is no longer than the rows.
    events : Events or None
        For NB1, if the counts are not too large.
    largest : int
        The largest count, of all rows where these are part of them.
    """

    y: Vector
    family: FamilyName
    inflated: bool
    is_zero: NDArray[np.bool_]
    constant: Vector
    index: Codes | None
    events: Events | None
    largest: int

    @property
    def dispersed(self) -> bool:
        """Whether the family has a dispersion."""
        return self.family != "poisson"

    def part(self, a: int, b: int) -> "Rows":
        """Rows a to b."""
        events = self.events
        if events is not None:
            first, last = np.searchsorted(events.row, (a, b))
            events = Events(events.rank[first:last], events.row[first:last] - a)
        index = None if self.index is None else self.index[a:b]
        y, is_zero, constant = self.y[a:b], self.is_zero[a:b], self.constant[a:b]
        return Rows(y, self.family, self.inflated, is_zero, constant, index, events, self.largest)


def make_rows(y: Vector, family: FamilyName, *, inflated: bool) -> Rows:
    """Rows of counts y (m,)."""
    small = float(y.max(initial=0.0)) <= max(y.size, 1000)
    index = y.astype(np.intp) if small and family == "nb2" else None
    events = make_events(y) if family == "nb1" else None
    return Rows(y, family, inflated, y == 0.0, log_factorials(y), index, events, int(y.max(initial=0.0)))


def log_factorials(y: Vector) -> Vector:
    """Log y! of counts y (m,)."""
    top = float(y.max(initial=0.0))
    if top > y.size:
        return np.asarray(gammaln(y + 1.0), dtype=np.float64)
    table: Vector = gammaln(np.arange(1.0, top + 2.0))
    return table[y.astype(np.intp)]


def row_terms(rows: Rows, eta: Vector, alpha: float, zeta: Vector | None) -> RowTerms:
    """Log density with all derivatives that a gradient of the marginal likelihood needs.

    Parameters
    ----------
    rows : Rows
    eta : Vector
        (m,) log mean.
    alpha : float
        Dispersion, >= 0; ignored by Poisson.
    zeta : Vector or None
        (m,) logit of the probability of an extra zero; None unless `rows.inflated`.
    """
    eta = limited(eta)
    table = None
    if rows.index is not None and nb2_direct(eta, alpha):
        table = rising_table(rows.largest, alpha)
    if eta.size <= BLOCK:
        return _block_terms(rows, eta, alpha, zeta, table)
    out = np.empty((10, eta.size))
    for a in range(0, eta.size, BLOCK):
        b = min(a + BLOCK, eta.size)
        terms = _block_terms(rows.part(a, b), eta[a:b], alpha, None if zeta is None else zeta[a:b], table)
        out[0, a:b], out[1, a:b], out[2, a:b], out[3, a:b] = terms.loglik, terms.slope, terms.weight, terms.third
        for first, nuisance in ((4, terms.dispersion), (7, terms.zero)):
            if nuisance is not None:
                out[first, a:b], out[first + 1, a:b] = nuisance.value, nuisance.slope
                out[first + 2, a:b] = nuisance.curvature
    dispersion = Nuisance(*out[4:7]) if rows.dispersed else None
    return RowTerms(out[0], out[1], out[2], out[3], dispersion, None if zeta is None else Nuisance(*out[7:10]))


def row_values(rows: Rows, eta: Vector, alpha: float, zeta: Vector | None) -> RowValues:
    """Log density and first derivatives only: what a quadrature node needs; arguments as `row_terms`."""
    eta = limited(eta)
    table = None
    if rows.index is not None and zeta is None and nb2_direct(eta, alpha):
        table = rising_table(rows.largest, alpha)
    if zeta is not None or (table is None and rows.events is None):
        terms = row_terms(rows, eta, alpha, zeta)
        dispersion = terms.dispersion.value if terms.dispersion else None
        return RowValues(terms.loglik, terms.slope, dispersion, terms.zero.value if terms.zero else None)
    out = np.empty((3, eta.size))
    for a in range(0, eta.size, BLOCK):
        at = slice(a, min(a + BLOCK, eta.size))
        part = rows.part(at.start, at.stop)
        if part.index is not None and table is not None:
            out[:, at] = nb2_values(part.y, part.index, part.constant, eta[at], alpha, table)
        elif part.events is not None:
            out[:, at] = nb1_values(part.y, part.events, part.constant, eta[at], alpha)
    return RowValues(out[0], out[1], out[2], None)


def row_slopes(rows: Rows, eta: Vector, alpha: float, zeta: Vector | None) -> tuple[Vector, Vector]:
    """Slope and weight only, (m,) each: what a Newton step for the modes needs."""
    if eta.size <= BLOCK:
        return _block_slopes(rows, eta, alpha, zeta)
    slope, weight = np.empty(eta.size), np.empty(eta.size)
    for a in range(0, eta.size, BLOCK):
        b = min(a + BLOCK, eta.size)
        part = _block_slopes(rows.part(a, b), eta[a:b], alpha, None if zeta is None else zeta[a:b])
        slope[a:b], weight[a:b] = part
    return slope, weight


def limited(eta: Vector) -> Vector:
    """Log means held between `SMALLEST_ETA` and `LARGEST_ETA`."""
    result = np.minimum(eta, LARGEST_ETA)
    return np.maximum(result, SMALLEST_ETA, out=result)


def safe_weight(rows: Rows, eta: Vector, alpha: float, weight: Vector) -> Vector:
    """The weight where it is positive, else the expected one, so that Newton steps climb."""
    expected = families.expected_weight(rows.family, limited(eta), alpha)
    return np.where(weight > 0.0, weight, expected)


def _block_terms(
    rows: Rows, eta: Vector, alpha: float, zeta: Vector | None, table: tuple[Vector, Vector] | None
) -> RowTerms:
    if not rows.dispersed:
        mean = np.exp(eta)
        terms = RowTerms(rows.y * eta - mean - rows.constant, rows.y - mean, mean, -mean)
    elif rows.index is not None and table is not None:
        terms = nb2_terms(rows.y, rows.index, rows.constant, eta, alpha, table)
    elif rows.events is not None:
        terms = nb1_terms(rows.y, rows.events, rows.constant, eta, alpha)
    else:
        found = families.derivatives(rows.family, rows.y, eta, alpha)
        dispersion = Nuisance(found.d_alpha, found.d_eta_alpha, found.d2_eta_alpha)
        terms = RowTerms(found.loglik, found.d_eta, -found.d2_eta, found.d3_eta, dispersion)
    return terms if zeta is None else inflate(terms, rows.is_zero, zeta)


def _block_slopes(rows: Rows, eta: Vector, alpha: float, zeta: Vector | None) -> tuple[Vector, Vector]:
    eta = limited(eta)
    if not rows.dispersed:
        mean = np.exp(eta)
        slope, weight = rows.y - mean, mean
    elif rows.family == "nb2":
        slope, weight = nb2_slopes(rows.y, eta, alpha)
    elif rows.events is not None:
        slope, weight = nb1_slopes(rows.y, rows.events, eta, alpha)
    else:
        slope, second, _ = families.eta_derivatives(rows.family, rows.y, eta, alpha)
        weight = -second
    if zeta is None:
        return slope, weight
    return inflated_slopes(slope, weight, _log_zero(rows, eta, alpha), rows.is_zero, zeta)


def _log_zero(rows: Rows, eta: Vector, alpha: float) -> Vector:
    """Log probability of a zero count, (m,)."""
    mean = np.exp(eta)
    if not rows.dispersed or alpha < np.finfo(float).tiny:
        return -mean
    if rows.family == "nb2":
        return -np.log1p(alpha * mean) / alpha
    rate = float(np.log1p(alpha)) / alpha
    return -mean * rate
