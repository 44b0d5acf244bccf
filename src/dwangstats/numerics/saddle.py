"""Small differences that cancel when written the usual way: Stirling errors, log1p(x) - x, digamma differences.

The count densities of this package are saddle-point forms (Loader 2000, "Fast and accurate computation of binomial
probabilities"): every piece here is small by itself, so nothing large is ever subtracted from something large.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from dwangstats._types import Vector

SERIES_FROM = 16.0
"""Arguments from here on use asymptotic series; their first left-out terms are below 1e-17 there."""

HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))

# B_2k / (2k (2k - 1)): log x! = Stirling's formula + sum of these over x^(2k - 1)
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
# digamma(x) - log(x) = sum of c_k / x^k
_DIGAMMA = ((1, -1 / 2), (2, -1 / 12), (4, 1 / 120), (6, -1 / 252), (8, 1 / 240), (10, -1 / 132), (12, 691 / 32760))
_NEAR = 0.1
_SHIFT = 15


def log1p_remainders(x: Vector, log1p_x: Vector) -> tuple[Vector, Vector]:
    """What is left of log(1 + x) after one and after two terms.

    log(1 + x) = x - x^2 g2(x) = x - x^2 / 2 + x^3 g3(x), with g2(0) = 1/2 and g3(0) = 1/3.

    Parameters
    ----------
    x : (n,) array
        Values above -1.
    log1p_x : (n,) array
        log(1 + x), needed for |x| >= 0.1 and to an absolute error only; a separate argument because near x = -1 the
        caller knows it better than x shows.

    Returns
    -------
    g2, g3 : (n,) arrays
        Relative error below 1e-13 for g2 and 1e-12 for g3.
    """
    near = np.abs(x) < _NEAR
    if near.all():
        return _near_remainders(x)
    near_g2, near_g3 = _near_remainders(np.where(near, x, 0.0))
    far = np.where(near, 1.0, x)
    far_g2 = (far - log1p_x) / (far * far)
    return np.where(near, near_g2, far_g2), np.where(near, near_g3, (0.5 - far_g2) / far)


def _near_remainders(x: Vector) -> tuple[Vector, Vector]:
    """For |x| < 0.1, by log(1 + x) = 2 atanh(x / (2 + x))."""
    t = 1.0 / (2.0 + x)
    q = x * t
    q *= q
    tail = 1 / 11 + q * (1 / 13)
    for coefficient in (1 / 9, 1 / 7, 1 / 5, 1 / 3):
        tail *= q
        tail += coefficient
    tail *= 2.0 * t * t * t
    return t - x * tail, tail + 0.5 * t


def log1p_ratio(x: Vector) -> Vector:
    """log(1 + x) / x for x >= 0, (n,); 1 at x = 0 and to the last digit also where x is subnormal."""
    ratio = np.ones_like(x)
    np.divide(np.log1p(x), x, out=ratio, where=x > 1e-20)
    return ratio


def stirling_error(x: Vector, log_x: Vector) -> Vector:
    """log(x!) minus Stirling's formula, log x! - (x + 1/2) log x + x - log(2 pi) / 2.

    Parameters
    ----------
    x : (n,) array
        Values >= 0; 0 itself is allowed when log_x is finite (x underflowed).
    log_x : (n,) array
        log(x), from the caller.

    Returns
    -------
    (n,) array
        Absolute error below 1e-14 for x < 16, relative error below 1e-15 from there on.
    """
    large = x >= SERIES_FROM
    result = stirling_error_reciprocal(1.0 / np.where(large, x, SERIES_FROM))
    if not large.all():
        small = ~large
        xs, ls = x[small], log_x[small]
        result[small] = gammaln(xs + 1.0) - (xs + 0.5) * ls + xs - HALF_LOG_2PI
    return result


def stirling_error_reciprocal(u: Vector) -> Vector:
    """Stirling error of 1/u for 0 <= u <= 1/16, (n,); 0 at u = 0."""
    v = u * u
    total = np.full_like(u, _STIRLING[-1])
    for coefficient in _STIRLING[-2::-1]:
        total *= v
        total += coefficient
    return total * u


def polygamma_differences(y: Vector, r: Vector) -> tuple[Vector, Vector, Vector]:
    """Sums over j = 1 .. y - 1 of 1/(r + j), -1/(r + j)^2 and 2/(r + j)^3, without summing.

    They are digamma, trigamma and tetragamma at y + r minus the same at 1 + r.

    Parameters
    ----------
    y : (n,) array
        Counts >= 1.
    r : (n,) array
        Values >= 0.

    Returns
    -------
    a0, a1, a2 : (n,) arrays
        Exactly 0 where y = 1.
    """
    upper, lower = _polygammas(y + r), _polygammas(1.0 + r)
    a0, a1, a2 = (np.asarray(high - low, dtype=np.float64) for high, low in zip(upper, lower, strict=True))
    return a0, a1, a2


def _polygammas(x: Vector) -> tuple[Vector, Vector, Vector]:
    """Digamma, trigamma, tetragamma for x >= 1: recurrence up to x + 15, then the asymptotic series."""
    s1, s2, s3 = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    near = x < SERIES_FROM
    if near.any():
        for j in range(_SHIFT):
            u = np.where(near, 1.0 / (x + j), 0.0)
            square = u * u
            s1 += u
            s2 += square
            s3 += square * u
    top = x + np.where(near, float(_SHIFT), 0.0)
    u = 1.0 / top
    psi, psi1, psi2 = np.log(top), u.copy(), -u * u
    for k, c in _DIGAMMA:
        power = c * u**k
        psi += power
        psi1 -= k * power * u
        psi2 += k * (k + 1) * power * u * u
    return psi - s1, psi1 + s2, psi2 - 2.0 * s3


@dataclass(frozen=True, slots=True)
class GammaTerms:
    """What Gamma(y + r) / Gamma(r) adds to the saddle-point form of a negative binomial density; r = 1/kappa.

    All are (n,) and finite as kappa goes to 0.

    Attributes
    ----------
    density : stirling error of y + r minus that of r.
    d_kappa : its part of the derivative of the log density to kappa, r^2 (D(r) - D(y + r)), D = digamma - log.
    d2_kappa : its part of the second derivative to kappa.
    """

    density: Vector
    d_kappa: Vector
    d2_kappa: Vector


def gamma_terms(y: Vector, kappa: float) -> GammaTerms:
    """Gamma terms for counts y >= 1 and one kappa >= 0, see `GammaTerms`."""
    if kappa * SERIES_FROM <= 1.0:
        ratio = 1.0 / (1.0 + kappa * y)
        sums = kappa_series(y, np.full_like(y, kappa), ratio)
        scale = y * ratio
        both = stirling_error_reciprocal(np.append(kappa * ratio, kappa))
        return GammaTerms(both[:-1] - both[-1], scale * sums.first, scale * sums.second)
    return _gamma_terms_direct(y, np.full_like(y, 1.0 / kappa))


def _gamma_terms_direct(y: Vector, r: Vector) -> GammaTerms:
    """For r < 16, where the terms themselves are of the size of their difference."""
    upper = y + r
    density = stirling_error(upper, np.log(upper)) - stirling_error(r, np.log(r))
    a0, a1, _ = polygamma_differences(y, r)
    d_kappa = r * (r * np.log1p(y / r) - 1.0 - r * a0)
    d2_kappa = r * r * (r * r * a1 - 1.0 + y * r / upper) - 2.0 * r * d_kappa
    return GammaTerms(density, d_kappa, d2_kappa)


@dataclass(frozen=True, slots=True)
class KappaSeries:
    """Asymptotic sums in kappa, with ratio = 1 / (1 + kappa y) and c_k the coefficients of digamma - log, all (n,).

    Attributes
    ----------
    first : sum of c_k kappa^(k-1) P_k, with P_k = 1 + ratio + ... + ratio^(k-1).
    second : y ratio / 2 + sum from k = 2 of c_k kappa^(k-2) (k ratio^k + (k - 2) P_k).
    nb1_second : sum of c_k kappa^(k-1) (k ratio^k + (k - 1) P_k).
    nb1_third : sum of c_k kappa^(k-1) (-(k-1)^2 P_k + k (2 - k) ratio^k - k (k + 1) ratio^(k+1)).
    """

    first: Vector
    second: Vector
    nb1_second: Vector
    nb1_third: Vector


def kappa_series(y: Vector, kappa: Vector, ratio: Vector) -> KappaSeries:
    """Sums of `KappaSeries` for kappa <= 1/16, (n,).

    They come from r (D(r) - D(y + r)) and its derivatives with the factor (kappa - 1/(y + r)) taken out by hand, so
    that kappa = 0 is an ordinary value.
    """
    largest = float(kappa.max(initial=0.0))
    square = ratio * ratio
    half = _DIGAMMA[0][1]
    first, second = np.full_like(ratio, half), 0.5 * y * ratio
    nb1_second, nb1_third = half * ratio, half * (ratio - 2.0 * square)
    geometric, power = 1.0 + ratio, square
    scale = np.ones_like(ratio)
    for k, c in _DIGAMMA[1:]:
        if k > 2 and largest ** (k - 1) * k * k < 1e-18:
            break
        low = c * scale
        second += low * (k * power + (k - 2.0) * geometric)
        high = low * kappa
        first += high * geometric
        nb1_second += high * (k * power + (k - 1.0) * geometric)
        nb1_third -= high * ((k - 1.0) ** 2 * geometric + k * (k - 2.0) * power + k * (k + 1.0) * power * ratio)
        geometric = geometric + power * (1.0 + ratio)
        power = power * square
        scale = scale * (kappa * kappa)
    return KappaSeries(first, second, nb1_second, nb1_third)


@dataclass(frozen=True, slots=True)
class SaddleParts:
    """Pieces of a negative binomial density for counts >= 2 that its value and its derivatives share, each (n,).

    Attributes
    ----------
    d : (y - mu) / (1 + kappa mu).
    delta, log1p_delta : kappa d, that is (y - mu) / (r + mu), and log(1 + delta).
    log1p_ky : log(1 + kappa y).
    ratio : 1 / (1 + kappa y).
    """

    d: Vector
    delta: Vector
    log1p_delta: Vector
    log1p_ky: Vector
    ratio: Vector


def saddle_parts(
    y: Vector, mu: Vector, kappa: float | Vector, log1p_ky: Vector, s: float | Vector, log1p_s: float | Vector
) -> SaddleParts:
    """Pieces for counts y >= 2 with means mu, all (n,), and kappa = 1/size >= 0.

    `s` is kappa mu (alpha mu for NB2, alpha for NB1), `log1p_s` and `log1p_ky` are log(1 + s) and log(1 + kappa y),
    needed to an absolute error only; they give log1p_delta as a difference where delta is near -1.
    """
    d = (y - mu) / (1.0 + s)
    delta = kappa * d
    inner = delta > -0.5
    log1p_delta = np.where(inner, np.log(1.0 + np.where(inner, delta, 0.0)), log1p_ky - log1p_s)
    return SaddleParts(d, delta, log1p_delta, log1p_ky, np.exp(-log1p_ky))


def deviance_part(y: Vector, log_y: Vector, eta: Vector, parts: SaddleParts, log1p_s: float | Vector) -> Vector:
    """d^2 g2(-d / y) / y, (n,): y log(y / m) + m - y with m = mu (1 + kappa y) / (1 + kappa mu), counts y >= 2."""
    x = -parts.d / y
    inner = x > -0.5
    log1p_x = np.where(inner, np.log(1.0 + np.where(inner, x, 0.0)), eta - log_y + parts.log1p_ky - log1p_s)
    g2, _ = log1p_remainders(x, log1p_x)
    deviance: Vector = parts.d * parts.d * g2 / y
    return deviance


def kappa_pieces(y: Vector, kappa: float | Vector, parts: SaddleParts) -> tuple[Vector, Vector, Vector]:
    """Three combinations of d, y ratio and the remainders, each written so that no row cancels.

    d^2 g2(delta); d^2 (y ratio - 2 d g3(delta)) = d^2 (2 g2 - ratio) / kappa; d (y ratio - d g2(delta)) =
    (log1p(delta) - delta ratio) / kappa^2. The left forms serve small delta, the right ones large delta.
    """
    d, delta, ratio = parts.d, parts.delta, parts.ratio
    g2, g3 = log1p_remainders(delta, parts.log1p_delta)
    share = y * ratio
    square = d * d * g2
    curve = d * d * (share - 2.0 * d * g3)
    mixed = d * share - square
    far = np.flatnonzero(np.abs(delta) > 0.1)
    if far.size:
        r = 1.0 / np.broadcast_to(kappa, d.shape)[far]
        curve[far] = r * d[far] ** 2 * (2.0 * g2[far] - ratio[far])
        mixed[far] = r * r * (parts.log1p_delta[far] - delta[far] * ratio[far])
    return square, curve, mixed
