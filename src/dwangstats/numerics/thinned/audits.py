"""Log probability that so many of the events found by an audit were registered, and its slope in the logit."""

import numpy as np
from scipy.special import expit, gammaln, log_expit, psi

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.saddle import stirling_error

_LEAST = 1e-290
_LARGE = 1e3


def log_binomial(found: Vector, registered: Vector) -> Vector:
    """Log of the number of ways to choose, (a,)."""
    ways = gammaln(found + 1.0) - gammaln(registered + 1.0) - gammaln(found - registered + 1.0)
    return np.asarray(ways, dtype=np.float64)


def audit_terms(logit: Matrix, found: Vector, registered: Vector, icc: float) -> tuple[Matrix, Matrix]:
    """Log probability without `log_binomial`, and its derivative in the logit.

    Parameters
    ----------
    logit : (a, K) array
    found, registered : (a,) arrays
    icc : float
        Intra-class correlation of the beta-binomial with shapes p M and (1 - p) M, M = (1 - icc) / icc; 0 is binomial.

    Returns
    -------
    value, slope : (a, K) arrays
    """
    m, rest = registered[:, None], (found - registered)[:, None]
    p, q = expit(logit), expit(-logit)
    if icc == 0.0:
        value = _times(m, log_expit(logit)) + _times(rest, log_expit(-logit))
        return value, np.asarray(m - (m + rest) * p, dtype=np.float64)
    size = (1.0 - icc) / icc
    a, b = np.maximum(p * size, _LEAST), np.maximum(q * size, _LEAST)
    whole = np.full((1, 1), size)
    value = _rising(a, m) + _rising(b, rest) - _rising(whole, m + rest)
    slope = size * p * q * (_rising_slope(a, m) - _rising_slope(b, rest))
    return value, np.asarray(slope, dtype=np.float64)


def _times(count: Matrix, log_p: Matrix) -> Matrix:
    """A count times a log probability, 0 where the count is 0."""
    return np.asarray(np.where(count > 0.0, count * log_p, 0.0), dtype=np.float64)


def _rising(x: Matrix, m: Matrix) -> Matrix:
    """Log Gamma(x + m) - log Gamma(x), by Stirling's form where x is large."""
    x, m = np.broadcast_arrays(x, m)
    value = gammaln(x + m) - gammaln(x)
    large = x > _LARGE
    if large.any():
        s, n = x[large], m[large]
        error = stirling_error(s + n, np.log(s + n)) - stirling_error(s, np.log(s))
        value[large] = n * np.log(s) + (s + n - 0.5) * np.log1p(n / s) - n + error
    return np.asarray(np.where(m > 0.0, value, 0.0), dtype=np.float64)


def _rising_slope(x: Matrix, m: Matrix) -> Matrix:
    """digamma(x + m) - digamma(x), by the asymptotic series where x is large; exactly 0 for m = 0."""
    x, m = np.broadcast_arrays(x, m)
    value = psi(x + m) - psi(x)
    large = x > _LARGE
    if large.any():
        s, n = x[large], m[large]
        t = s + n
        value[large] = np.log1p(n / s) + n / (2.0 * s * t) + n * (s + t) / (12.0 * s * s * t * t)
    return np.asarray(np.where(m > 0.0, value, 0.0), dtype=np.float64)
