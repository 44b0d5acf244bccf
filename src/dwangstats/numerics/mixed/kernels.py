"""Row kernels of the two negative binomials that need no special functions, for counts that are not huge.

Both use gamma ratios as finite sums: NB2 through a table over the counts, NB1 through one term per event.
Nothing is of order 1/alpha in NB1; in NB2 the direct formulas serve dispersions above `SMALLEST_DIRECT_ALPHA`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.numerics.mixed.terms import Nuisance, RowTerms

SMALLEST_DIRECT_ALPHA = 1e-3
"""Dispersion from which the direct NB2 formulas lose no digits that a sum over rows would show."""

LARGEST_SERIES_SPREAD, SERIES_TERMS = 0.1, 17
"""For smaller dispersions: alpha mu up to which a power series is exact, and its number of terms."""

EVENTS_PER_ROW = 40.0
"""Mean count above which one term per event costs more than special functions."""


@dataclass(frozen=True, slots=True)
class Events:
    """One entry j = 0 .. y - 1 per event.

    Attributes
    ----------
    rank : Vector
        (sum of y,) the j.
    row : Codes
        (sum of y,) the row to which the event belongs, non-decreasing.
    """

    rank: Vector
    row: Codes


def make_events(y: Vector) -> Events | None:
    """Entries for counts y (m,), or None if there are too many."""
    if y.sum() > EVENTS_PER_ROW * y.size:
        return None
    counts = y.astype(np.intp)
    before = np.cumsum(counts) - counts
    row = np.repeat(np.arange(y.size), counts)
    return Events(np.arange(row.size, dtype=np.float64) - before[row], row)


@lru_cache(maxsize=4)
def rising_table(largest: int, alpha: float) -> tuple[Vector, Vector]:
    """Sum over j < y of log(1 + alpha j), and its derivative in alpha, for y = 0 .. largest."""
    j = np.arange(largest, dtype=np.float64)
    return (
        np.concatenate(([0.0], np.cumsum(np.log1p(alpha * j)))),
        np.concatenate(([0.0], np.cumsum(j / (1.0 + alpha * j)))),
    )


def nb2_direct(eta: Vector, alpha: float) -> bool:
    """Whether the formulas of `nb2_terms` and `nb2_values` keep their digits."""
    return alpha >= SMALLEST_DIRECT_ALPHA or alpha * float(np.exp(eta.max())) <= LARGEST_SERIES_SPREAD


def nb2_terms(
    y: Vector, index: Codes, constant: Vector, eta: Vector, alpha: float, table: tuple[Vector, Vector]
) -> RowTerms:
    """NB2 log density and derivatives.

    Parameters
    ----------
    y, index, constant : Vector, Codes, Vector
        (m,) counts, as integers, and log y!.
    eta : Vector
        (m,) log means.
    alpha : float
        Dispersion for which `nb2_direct` holds.
    table : tuple of Vector
        From `rising_table`.
    """
    # in place: the vectors of a block stay in the processor's cache only while they are few
    mean = np.exp(eta)
    spread = alpha * mean
    p = 1.0 / (1.0 + spread)
    shrunk = mean * p
    rate, fall = _nb2_pieces(mean, spread, shrunk, alpha)
    slope = np.subtract(y, mean, out=mean)
    slope *= p
    inner = shrunk * p
    fold = np.multiply(y, alpha, out=spread)
    fold += 1.0
    weight = inner * fold
    loglik = y * eta
    loglik -= np.multiply(fold, rate, out=fold)
    loglik += np.take(table[0], index, out=rate, mode="clip")
    loglik -= constant
    fall -= np.multiply(y, shrunk, out=fold)
    fall += np.take(table[1], index, out=rate, mode="clip")
    turn = np.multiply(slope, shrunk, out=rate)
    twist = np.multiply(p, 2.0, out=p)
    twist -= 1.0
    third = np.multiply(weight, twist, out=fold)
    shrunk *= 2.0
    shrunk -= np.multiply(y, twist, out=twist)
    shrunk *= inner
    dispersion = Nuisance(fall, np.negative(turn, out=turn), shrunk)
    return RowTerms(loglik, slope, weight, np.negative(third, out=third), dispersion)


def nb2_values(
    y: Vector, index: Codes, constant: Vector, eta: Vector, alpha: float, table: tuple[Vector, Vector]
) -> tuple[Vector, Vector, Vector]:
    """Log density, slope and derivative in the dispersion only; arguments as `nb2_terms`."""
    mean = np.exp(eta)
    spread = alpha * mean
    p = 1.0 / (1.0 + spread)
    shrunk = mean * p
    rate, fall = _nb2_pieces(mean, spread, shrunk, alpha)
    loglik = table[0][index] + y * eta - (1.0 + alpha * y) * rate - constant
    return loglik, (y - mean) * p, table[1][index] + fall - y * shrunk


def _nb2_pieces(mean: Vector, spread: Vector, shrunk: Vector, alpha: float) -> tuple[Vector, Vector]:
    """log(1 + s) / alpha with s = alpha mu, and its excess over mu / (1 + s), over alpha."""
    if alpha < SMALLEST_DIRECT_ALPHA:
        order = np.arange(SERIES_TERMS)
        signs = (-1.0) ** order
        rate = mean * np.polynomial.polynomial.polyval(spread, signs / (order + 1.0))
        return rate, mean**2 * np.polynomial.polynomial.polyval(spread, signs * (order + 1.0) / (order + 2.0))
    # The error of log(1 + s) beside log1p(s) is one rounding, over alpha; log1p takes eight times as long.
    rate = 1.0 + spread
    np.log(rate, out=rate)
    rate /= alpha
    fall = rate - shrunk
    fall /= alpha
    return rate, fall


def nb2_slopes(y: Vector, eta: Vector, alpha: float) -> tuple[Vector, Vector]:
    """Slope and weight of NB2, for any dispersion >= 0."""
    mean = np.exp(eta)
    p = alpha * mean
    p += 1.0
    np.divide(1.0, p, out=p)
    fold = alpha * y
    fold += 1.0
    fold *= mean
    fold *= p
    fold *= p
    slope = np.subtract(y, mean, out=mean)
    slope *= p
    return slope, fold


def nb1_terms(y: Vector, events: Events, constant: Vector, eta: Vector, alpha: float) -> RowTerms:
    """NB1 log density and derivatives, for any dispersion >= 0.

    log f = sum over j < y of log(mu + alpha j) - y log(1 + alpha) - mu log(1 + alpha) / alpha - log y!.

    Parameters
    ----------
    y, constant, eta : Vector
        (m,) counts, log y!, log means.
    events : Events
        Of these rows.
    alpha : float
        Dispersion.
    """
    mean = np.exp(eta)
    base, share, rise = _nb1_events(mean, events, alpha)
    complement, fold = 1.0 - share, rise * share
    bend, twist = share * complement, complement - share
    parts = (np.log(base), share, bend, bend * twist, rise, fold, fold * twist)
    logs, first, second, third, up, up_first, up_second = (_by_row(part, events, y.size) for part in parts)
    decay, decay_slope = _zero_rate(alpha)
    gone, lost = mean * decay, mean * decay_slope
    loglik = logs - y * np.log1p(alpha) - gone - constant
    dispersion = Nuisance(up - y / (1.0 + alpha) - lost, -up_first - lost, -up_second - lost)
    return RowTerms(loglik, first - gone, gone - second, third - gone, dispersion)


def nb1_values(y: Vector, events: Events, constant: Vector, eta: Vector, alpha: float) -> tuple[Vector, Vector, Vector]:
    """Log density, slope and derivative in the dispersion only; arguments as `nb1_terms`."""
    mean = np.exp(eta)
    base, share, rise = _nb1_events(mean, events, alpha)
    logs, first, up = (_by_row(part, events, y.size) for part in (np.log(base), share, rise))
    decay, decay_slope = _zero_rate(alpha)
    gone = mean * decay
    value = up - y / (1.0 + alpha) - mean * decay_slope
    return logs - y * np.log1p(alpha) - gone - constant, first - gone, value


def nb1_slopes(y: Vector, events: Events, eta: Vector, alpha: float) -> tuple[Vector, Vector]:
    """Slope and weight of NB1."""
    mean = np.exp(eta)
    _, share, _ = _nb1_events(mean, events, alpha)
    gone = mean * _zero_rate(alpha)[0]
    first = _by_row(share, events, y.size)
    return first - gone, gone - first + _by_row(share * share, events, y.size)


def _nb1_events(mean: Vector, events: Events, alpha: float) -> tuple[Vector, Vector, Vector]:
    """Per event mu + alpha j, its share mu / (mu + alpha j), and j / (mu + alpha j)."""
    by_event = mean[events.row]
    base = by_event + alpha * events.rank
    inverse = 1.0 / base
    return base, by_event * inverse, events.rank * inverse


def _by_row(values: Vector, events: Events, size: int) -> Vector:
    return np.asarray(np.bincount(events.row, weights=values, minlength=size), dtype=np.float64)


def _zero_rate(alpha: float) -> tuple[float, float]:
    """log(1 + alpha) / alpha and its derivative."""
    if alpha < 1e-3:
        powers = alpha ** np.arange(6)
        signs = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
        order = np.arange(1.0, 7.0)
        return float((signs * powers / order).sum()), float(-(signs * powers * order / (order + 1.0)).sum())
    rate = np.log1p(alpha) / alpha
    return float(rate), float((1.0 / (1.0 + alpha) - rate) / alpha)
