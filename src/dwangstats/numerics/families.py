"""Poisson, NB2 and NB1: log densities of counts and their derivatives, row by row.

Means are given as eta = log(mean). The dispersion alpha >= 0 makes the variance mu + alpha mu^2 (NB2) or
mu (1 + alpha) (NB1); alpha = 0 is the Poisson density itself, and its alpha derivatives are the limits. Counts are
non-negative integers stored as floats; callers check that once, nothing here checks it again.

Both negative binomials are one density with kappa = 1/size: kappa = alpha for NB2, kappa = alpha / mu for NB1.
With d = (y - mu) / (1 + kappa mu) and ratio = 1 / (1 + kappa y) its saddle-point form for y >= 2 is

    log f = S(y + 1/kappa) - S(1/kappa) - S(y) - log(2 pi y / ratio) / 2 - d^2 (g2(-d / y) / y + kappa g2(kappa d)),

S the Stirling error and g2, g3 the remainders of log1p (Loader 2000; `dwangstats.numerics.saddle`). Counts 0 and 1 have
closed forms. Nothing is of order 1/alpha, so small dispersions lose no digits.

Beyond eta = 230 (means above 1e99) the log density goes on along its tangent: finite, decreasing, no overflow.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.saddle import (
    HALF_LOG_2PI,
    SERIES_FROM,
    GammaTerms,
    deviance_part,
    gamma_terms,
    kappa_pieces,
    kappa_series,
    log1p_ratio,
    log1p_remainders,
    polygamma_differences,
    saddle_parts,
    stirling_error,
    stirling_error_reciprocal,
)

HIGHEST_ETA = 230.0
"""Above this the tangent is used; cubes of the mean still fit into a float."""

_LOWEST_ETA_NB1 = -300.0
# Below the smallest normal float a dispersion changes no digit and its reciprocal overflows.
_SMALLEST_ALPHA = 2.3e-308
# Rows are worked through in blocks whose temporaries stay in the processor's cache.
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Log density and its derivatives, row by row, each (n,).

    Fields of a higher order than asked for hold NaN.

    Attributes
    ----------
    loglik : log f(y).
    d_eta, d2_eta, d3_eta : first to third derivative of log f to eta = log(mean).
    d_alpha, d2_alpha : first and second derivative of log f to the dispersion alpha.
    d_eta_alpha, d2_eta_alpha : derivative of d_eta and of d2_eta to alpha.
    """

    loglik: Vector
    d_eta: Vector
    d2_eta: Vector
    d3_eta: Vector
    d_alpha: Vector
    d_eta_alpha: Vector
    d2_eta_alpha: Vector
    d2_alpha: Vector


_Lookup: TypeAlias = Callable[[Vector], Matrix]

# Rows of the work matrix, in the order of the fields of Derivatives.
_LL, _E, _EE, _EEE, _A, _EA, _EEA, _AA = range(8)
# Rows of a higher total order than the key.
_ABOVE = {1: (_EE, _EEE, _EA, _EEA, _AA), 2: (_EEE, _EEA), 3: ()}


def loglik(family: FamilyName, y: Vector, eta: Vector, alpha: float) -> Vector:
    """Log density of each count, with all constants.

    Parameters
    ----------
    family : {"poisson", "nb2", "nb1"}
        alpha is not used for "poisson".
    y : (n,) array
        Counts, non-negative integers.
    eta : (n,) array
        Log means.
    alpha : float
        Dispersion, >= 0.

    Returns
    -------
    (n,) array
        Relative error below 1e-12 against 50 digits for alpha from 0 to 1e3, counts to 1e9 and means from 1e-6 to 1e7.

    Raises
    ------
    DomainError
        alpha is negative or not a number, or the family is unknown.
    """
    alpha = _checked_dispersion(family, alpha)
    low = np.minimum(eta, HIGHEST_ETA)
    if family == "nb1" and alpha > 0.0:
        value: Vector = _nb1(y, low, alpha)[_LL]
    else:
        table = _by_count(y, _nb2_count_table(alpha, with_derivatives=False))
        value = np.empty(y.size)
        for block in _blocks(y.size):
            value[block] = _nb2_loglik(y[block], low[block], alpha, table)
    beyond = np.flatnonzero(eta > HIGHEST_ETA)
    if beyond.size:
        slope = eta_derivatives(family, y[beyond], low[beyond], alpha)[0]
        value[beyond] += slope * (eta[beyond] - low[beyond])
    return value


def eta_derivatives(family: FamilyName, y: Vector, eta: Vector, alpha: float) -> tuple[Vector, Vector, Vector]:
    """First three derivatives of the log density to eta only; the cheap part of `derivatives`.

    Parameters and errors as in `loglik`.

    Returns
    -------
    d_eta, d2_eta, d3_eta : (n,) arrays
    """
    alpha = _checked_dispersion(family, alpha)
    low = np.minimum(eta, HIGHEST_ETA)
    if family == "nb1" and alpha > 0.0:
        out = _nb1(y, low, alpha, with_loglik=False)
        return out[_E], out[_EE], out[_EEE]
    mu = np.exp(low)
    if alpha == 0.0:
        return y - mu, -mu, -mu
    p = 1.0 / (1.0 + alpha * mu)
    second = -mu * p * p * (1.0 + alpha * y)
    return (y - mu) * p, second, second * (2.0 * p - 1.0)


def derivatives(
    family: FamilyName, y: Vector, eta: Vector, alpha: float, order: int = 3, *, with_loglik: bool = True
) -> Derivatives:
    """Log density and its derivatives to eta and alpha.

    Parameters and errors as in `loglik`, and

    Parameters
    ----------
    order : {1, 2, 3}
        Highest total order of derivative wanted; fields above it hold NaN.
    with_loglik : bool
        False leaves the log density out (it holds NaN), which halves the work.

    Returns
    -------
    Derivatives
        For "poisson" the derivatives to alpha are 0. For "nb2" and "nb1" at alpha = 0 they are the limits from the
        right. Relative error below 1e-11 except beside a root of the derivative, where the rounding of eta decides.
    """
    alpha = _checked_dispersion(family, alpha)
    low = np.minimum(eta, HIGHEST_ETA)
    if family == "poisson":
        out = _poisson(y, low, with_loglik)
    elif family == "nb2":
        out = _nb2(y, low, alpha, with_loglik)
    else:
        out = _nb1(y, low, alpha, with_loglik=with_loglik)
    hidden = [row for row in range(8) if row in _ABOVE[order] or (row == _LL and not with_loglik)]
    out[hidden] = np.nan
    out[_LL] += out[_E] * (eta - low)
    return Derivatives(*out)


def variance(family: FamilyName, mu: Vector, alpha: float) -> Vector:
    """Variance of a count with mean mu: mu, mu + alpha mu^2 (nb2) or mu (1 + alpha) (nb1), (n,)."""
    alpha = _checked_dispersion(family, alpha)
    return mu * (1.0 + alpha) if family == "nb1" else mu * (1.0 + alpha * mu)


def expected_weight(family: FamilyName, eta: Vector, alpha: float) -> Vector:
    """Working weight mu^2 / variance of each row, (n,).

    It is the expectation of -d2 log f / d eta^2 for "poisson" and "nb2". For "nb1" that expectation has no closed
    form and mu / (1 + alpha) is the weight of the quasi-score, which has the same mean and variance.
    """
    alpha = _checked_dispersion(family, alpha)
    mu = np.exp(np.minimum(eta, HIGHEST_ETA))
    return mu / (1.0 + alpha) if family == "nb1" else mu / (1.0 + alpha * mu)


def _checked_dispersion(family: FamilyName, alpha: float) -> float:
    """The dispersion to compute with: 0 for poisson and for values below every normal float."""
    if family not in ("poisson", "nb2", "nb1"):
        raise DomainError(f"unknown family '{family}'; the families are poisson, nb2 and nb1")
    if family == "poisson":
        return 0.0
    if not 0.0 <= alpha < np.inf:
        raise DomainError(f"the dispersion alpha must be a finite number >= 0, got {float(alpha):g}")
    return 0.0 if alpha < _SMALLEST_ALPHA else float(alpha)


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, size, _BLOCK))


def _by_count(y: Vector, function: _Lookup) -> _Lookup:
    """The same function of counts, looked up instead of computed when the possible counts are few beside the rows."""
    highest = int(y.max(initial=0.0))
    if highest > y.size // 4:
        return function
    table = function(np.arange(highest + 1.0))
    return lambda part: table[:, part.astype(np.intp)]


# ---- poisson and nb2 ------------------------------------------------------------------------------------------------


def _count_constants(y: Vector) -> Matrix:
    """Rows: log y, and S(y) + log(2 pi y) / 2 = log y! - y log y + y; counts below 2 are unused and hold those of 2."""
    y = np.maximum(y, 2.0)
    log_y = np.log(y)
    return np.stack((log_y, stirling_error(y, log_y) + 0.5 * log_y + HALF_LOG_2PI))


def _nb2_count_table(alpha: float, *, with_derivatives: bool) -> _Lookup:
    """What depends on count and alpha only: log y, constant of the log density, log1p(alpha y), alpha derivatives."""

    def table(y: Vector) -> Matrix:
        y = np.maximum(y, 2.0)
        log_y, constant = _count_constants(y)
        log1p_ky = np.log1p(alpha * y)
        terms = gamma_terms(y, alpha) if alpha > 0.0 or with_derivatives else GammaTerms(0.0 * y, y, y)
        rows = (log_y, terms.density - constant - 0.5 * log1p_ky, log1p_ky, terms.d_kappa, terms.d2_kappa)
        return np.stack(rows if with_derivatives else rows[:3])

    return table


def _nb2_loglik(y: Vector, eta: Vector, alpha: float, table: _Lookup) -> Vector:
    mu = np.exp(eta)
    s = alpha * mu
    value = _few_loglik(y, eta, mu, s)
    many = np.flatnonzero(y > 1.5)
    if many.size:
        y, eta, mu, s = y[many], eta[many], mu[many], s[many]
        log_y, constant, log1p_ky = table(y)
        log1p_s = np.log(1.0 + s)
        parts = saddle_parts(y, mu, alpha, log1p_ky, s, log1p_s)
        value[many] = constant - deviance_part(y, log_y, eta, parts, log1p_s)
        if alpha > 0.0:
            g2, _ = log1p_remainders(parts.delta, parts.log1p_delta)
            value[many] -= alpha * parts.d * parts.d * g2
    return value


def _few_loglik(y: Vector, eta: Vector, mu: Vector, s: Vector) -> Vector:
    """Counts 0 and 1 of poisson and nb2: y (eta - log1p(s)) - log1p(s) / alpha."""
    ratio = log1p_ratio(s)
    value: Vector = y * (eta - s * ratio) - mu * ratio
    return value


def _poisson(y: Vector, eta: Vector, with_loglik: bool) -> Matrix:
    out = np.zeros((8, y.size))
    if with_loglik:
        out[_LL] = loglik("poisson", y, eta, 0.0)
    mu = np.exp(eta)
    out[_E] = y - mu
    out[_EE] = out[_EEE] = -mu
    return out


def _nb2(y: Vector, eta: Vector, alpha: float, with_loglik: bool) -> Matrix:
    out = np.empty((8, y.size))
    table = _by_count(y, _nb2_count_table(alpha, with_derivatives=True))
    for block in _blocks(y.size):
        _nb2_block(out[:, block], y[block], eta[block], alpha, table, with_loglik)
    return out


def _nb2_block(out: Matrix, y: Vector, eta: Vector, alpha: float, table: _Lookup, with_loglik: bool) -> None:
    mu = np.exp(eta)
    s = alpha * mu
    p = 1.0 / (1.0 + s)
    d, m = (y - mu) * p, mu * p
    mp, sign = m * p, 2.0 * p - 1.0
    out[_E] = d
    out[_EE] = -mp * (1.0 + alpha * y)
    out[_EEE] = out[_EE] * sign
    out[_EA] = -d * m
    out[_EEA] = mp * (2.0 * m - y * sign)
    few = np.flatnonzero(y < 1.5)
    if few.size:
        _nb2_few(out, few, y[few], m[few], s[few], alpha)
        if with_loglik:
            out[_LL, few] = _few_loglik(y[few], eta[few], mu[few], s[few])
    many = np.flatnonzero(y > 1.5)
    if many.size:
        _nb2_many(out, many, y[many], eta[many], mu[many], s[many], alpha, table, with_loglik)


def _nb2_few(out: Matrix, rows: Codes, y: Vector, m: Vector, s: Vector, alpha: float) -> None:
    """Alpha derivatives for counts 0 and 1."""
    g2, g3 = log1p_remainders(-alpha * m, -np.log1p(s))
    out[_A, rows] = m * (m * g2 - y)
    out[_AA, rows] = m * m * (y - 2.0 * m * g3)


def _nb2_many(
    out: Matrix,
    rows: Codes,
    y: Vector,
    eta: Vector,
    mu: Vector,
    s: Vector,
    alpha: float,
    table: _Lookup,
    with_loglik: bool,
) -> None:
    """Value and alpha derivatives for counts >= 2."""
    log_y, constant, log1p_ky, d_gamma, d2_gamma = table(y)
    log1p_s = np.log(1.0 + s)
    parts = saddle_parts(y, mu, alpha, log1p_ky, s, log1p_s)
    square, curve, _ = kappa_pieces(y, alpha, parts)
    out[_A, rows] = square + d_gamma
    out[_AA, rows] = d2_gamma - curve
    if with_loglik:
        out[_LL, rows] = constant - deviance_part(y, log_y, eta, parts, log1p_s) - alpha * square


# ---- nb1 ------------------------------------------------------------------------------------------------------------


def _nb1(y: Vector, eta: Vector, alpha: float, *, with_loglik: bool = True) -> Matrix:
    out = np.empty((8, y.size))
    constants = _by_count(y, _count_constants)
    for block in _blocks(y.size):
        _nb1_block(out[:, block], y[block], eta[block], alpha, constants if with_loglik else None)
    return out


def _nb1_block(out: Matrix, y: Vector, eta: Vector, alpha: float, constants: _Lookup | None) -> None:
    """All rows of `out`; that of the log density only with `constants`."""
    out[:] = _nb1_few(y, eta, alpha)
    many = np.flatnonzero(y > 1.5)
    if many.size:
        inner = np.maximum(eta[many], _LOWEST_ETA_NB1)
        log_kappa = -inner if alpha == 0.0 else np.log(alpha) - inner
        use_series = np.full(many.size, True) if alpha == 0.0 else log_kappa <= -np.log(SERIES_FROM)
        for chosen, fill in ((use_series, _nb1_series), (~use_series, _nb1_direct)):
            rows = many[chosen]
            if rows.size:
                fill(out, rows, y[rows], inner[chosen], alpha, constants)
        out[_LL, many] += out[_E, many] * (eta[many] - inner)


def _nb1_few(y: Vector, eta: Vector, alpha: float) -> Matrix:
    """Counts 0 and 1: log f = y (eta - log1p(alpha)) - mu c(alpha), c = log1p(alpha) / alpha."""
    out = np.empty((8, y.size))
    mu = np.exp(eta)
    p, log1p_alpha = 1.0 / (1.0 + alpha), np.log1p(alpha)
    c = float(log1p_ratio(np.array([alpha]))[0])
    g2, g3 = (float(g[0]) for g in log1p_remainders(np.array([-alpha * p]), np.array([-log1p_alpha])))
    out[_LL] = y * (eta - log1p_alpha) - mu * c
    out[_EE] = out[_EEE] = -mu * c
    out[_E] = y + out[_EE]
    out[_EA] = out[_EEA] = mu * (p * p * g2)
    out[_A] = out[_EA] - y * p
    out[_AA] = y * (p * p) - mu * (2.0 * p**3 * g3)
    return out


def _nb1_series(out: Matrix, rows: Codes, y: Vector, eta: Vector, alpha: float, constants: _Lookup | None) -> None:
    """Counts >= 2 with alpha <= mu / 16, by derivatives to kappa = alpha / mu; the chain rule gives factors 1 / mu."""
    mu = np.exp(eta)
    kappa = alpha / mu
    log1p_ky, log1p_s = np.log1p(kappa * y), np.log1p(alpha)
    parts = saddle_parts(y, mu, kappa, log1p_ky, alpha, log1p_s)
    square, curve, mixed = kappa_pieces(y, kappa, parts)
    series = kappa_series(y, kappa, parts.ratio)
    share = y * parts.ratio
    if constants is not None:
        log_y, constant = constants(y)
        gamma = stirling_error_reciprocal(kappa * parts.ratio) - stirling_error_reciprocal(kappa)
        deviance = deviance_part(y, log_y, eta, parts, log1p_s)
        out[_LL, rows] = gamma - constant - 0.5 * log1p_ky - deviance - kappa * square
    d_kappa = square + share * series.first
    d_eta_kappa = mixed + share * series.nb1_second
    d2_eta_kappa = mixed - share * share + share * series.nb1_third
    quasi_weight = mu / (1.0 + alpha)
    out[_E, rows] = parts.d - kappa * d_kappa
    out[_EE, rows] = kappa * d_eta_kappa - quasi_weight
    out[_EEE, rows] = kappa * d2_eta_kappa - quasi_weight
    out[_A, rows] = d_kappa / mu
    out[_EA, rows] = -d_eta_kappa / mu
    out[_EEA, rows] = -d2_eta_kappa / mu
    out[_AA, rows] = (share * series.second - curve) / mu / mu


def _nb1_direct(out: Matrix, rows: Codes, y: Vector, eta: Vector, alpha: float, constants: _Lookup | None) -> None:
    """Counts >= 2 with alpha > mu / 16: closed form of count 1 plus sums over j = 1 .. y - 1 of log(mu + alpha j)."""
    mu = np.exp(eta)
    r = mu / alpha
    p = 1.0 / (1.0 + alpha)
    a0, a1, a2 = polygamma_differences(y, r)
    ra0, r2a1 = r * a0, r * r * a1
    first, second = ra0, ra0 + r2a1
    third = second + 2.0 * r2a1 + r**3 * a2
    base = _nb1_few(np.ones_like(y), eta, alpha)
    out[_E, rows] = base[_E] + first
    out[_EE, rows] = base[_EE] + second
    out[_EEE, rows] = base[_EEE] + third
    out[_A, rows] = base[_A] + ((y - 1.0) * p - first) / alpha
    out[_EA, rows] = base[_EA] - second / alpha
    out[_EEA, rows] = base[_EEA] - third / alpha
    squares = 2.0 * ra0 + r2a1
    out[_AA, rows] = base[_AA] + (squares - (y - 1.0) * (1.0 + 2.0 * alpha) * p * p) / alpha / alpha
    if constants is not None:
        out[_LL, rows] = _nb1_direct_loglik(y, eta, mu, alpha, constants)


def _nb1_direct_loglik(y: Vector, eta: Vector, mu: Vector, alpha: float, constants: _Lookup) -> Vector:
    log_r, log1p_s = eta - np.log(alpha), np.log1p(alpha)
    r = np.exp(log_r)
    log_y, constant = constants(y)
    log1p_ky = np.logaddexp(0.0, log_y - log_r)
    upper = y + r
    parts = saddle_parts(y, mu, 1.0 / r, log1p_ky, alpha, log1p_s)
    gamma = stirling_error(upper, np.log(upper)) - stirling_error(r, log_r)
    size_part = np.where(np.abs(parts.delta) > 0.1, parts.d - r * parts.log1p_delta, 0.0)
    near = np.flatnonzero(np.abs(parts.delta) <= 0.1)
    if near.size:
        g2, _ = log1p_remainders(parts.delta[near], parts.log1p_delta[near])
        size_part[near] = parts.delta[near] * parts.d[near] * g2
    value: Vector = gamma - constant - 0.5 * log1p_ky - deviance_part(y, log_y, eta, parts, log1p_s) - size_part
    return value
