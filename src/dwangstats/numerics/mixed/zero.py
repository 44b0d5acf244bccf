"""Extra zeros: a mixture of a count and a structural zero, row by row."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Vector
from dwangstats.numerics.mixed.terms import Nuisance, RowTerms


def inflate(terms: RowTerms, is_zero: NDArray[np.bool_], zeta: Vector) -> RowTerms:
    """Derivatives of log(pi [y = 0] + (1 - pi) f(y)) with pi = 1 / (1 + exp(-zeta)).

    Parameters
    ----------
    terms : RowTerms
        Of the count distribution f.
    is_zero : ndarray of bool
        (m,) whether the count is zero.
    zeta : Vector
        (m,) logit of the probability of a structural zero.

    Returns
    -------
    RowTerms
        With `zero` filled, and `dispersion` if the count distribution has one.

    Notes
    -----
    For a zero, log f = zeta + log(1 + exp(delta)) - log(1 + exp(zeta)) with delta = log f(0) - zeta, whose
    derivatives in delta are rho, rho (1 - rho), rho (1 - rho)(1 - 2 rho); the rest is the chain rule.
    """
    rho, kappa, skew = _mixture(terms.loglik, is_zero, zeta)
    f1, f2, f3 = terms.slope, -terms.weight, terms.third
    loglik = np.where(is_zero, np.logaddexp(zeta, terms.loglik), terms.loglik) - np.logaddexp(0.0, zeta)
    return RowTerms(
        loglik=loglik,
        slope=rho * f1,
        weight=-(rho * f2 + kappa * f1**2),
        third=rho * f3 + 3.0 * kappa * f1 * f2 + skew * f1**3,
        dispersion=_inflate_dispersion(terms, rho, kappa, skew),
        zero=Nuisance(1.0 - rho - expit(zeta), -kappa * f1, -(kappa * f2 + skew * f1**2)),
    )


def inflated_slopes(
    slope: Vector, weight: Vector, log_zero: Vector, is_zero: NDArray[np.bool_], zeta: Vector
) -> tuple[Vector, Vector]:
    """Slope and weight of the mixture from those of the count and its log probability of zero."""
    rho, kappa, _ = _mixture(log_zero, is_zero, zeta)
    return rho * slope, rho * weight - kappa * slope**2


def _mixture(log_zero: Vector, is_zero: NDArray[np.bool_], zeta: Vector) -> tuple[Vector, Vector, Vector]:
    """Probability that a row is a count, and the two derivatives of it in its logit."""
    rho = np.where(is_zero, expit(log_zero - zeta), 1.0)
    kappa = np.where(is_zero, rho * expit(zeta - log_zero), 0.0)
    return rho, kappa, kappa * (1.0 - 2.0 * rho)


def _inflate_dispersion(terms: RowTerms, rho: Vector, kappa: Vector, skew: Vector) -> Nuisance | None:
    if terms.dispersion is None:
        return None
    fa, f1a, f2a = terms.dispersion.value, terms.dispersion.slope, terms.dispersion.curvature
    f1, f2 = terms.slope, -terms.weight
    return Nuisance(
        rho * fa,
        rho * f1a + kappa * f1 * fa,
        rho * f2a + kappa * (2.0 * f1 * f1a + f2 * fa) + skew * f1**2 * fa,
    )
