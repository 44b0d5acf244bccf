"""The ratio of two rates under a fitted model, standardised over the fitted rows."""

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import t as student

from dwangstats._types import Codes, Matrix, RateScale, Vector
from dwangstats.design.design import Design
from dwangstats.design.random import INTERCEPT
from dwangstats.design.values import observed_value
from dwangstats.errors import DomainError, IdentificationError
from dwangstats.estimate import Estimate
from dwangstats.models.mixed import MixedResult
from dwangstats.models.results import MAX_LONE_SHARE, RateResult
from dwangstats.numerics.covariance import lone_shares

MIN_ROBUST_SHARE = 1e-6
"""Part of the model's variance below which a clustered variance is rounding and not spread."""


def rate_ratio(
    result: RateResult | MixedResult,
    variable: str,
    *,
    before: Any,
    after: Any,
    scale: RateScale = "registered",
    level: float = 0.95,
) -> Estimate:
    """Ratio of registered rates at two values of a variable, after over before.

    The variable is set to ``after`` and to ``before`` in every fitted row, all else (exposure and offsets too) as it
    was, and the expected counts are added up: sum_i mu_i(after) / sum_i mu_i(before). Without interactions this is
    exp(coefficient); with them it is the ratio for the rows as they are mixed. The interval is by the delta method
    on the log scale, with the covariance of the result: normal, t with G - 1 (CR1) or with Satterthwaite's degrees of
    freedom of the linearised contrast (CR2).

    With random effects the means are those of a group with effects of 0. Under the log link averaging over groups
    multiplies every mean by exp(z' Sigma z / 2); where all effects are random intercepts that factor is the same before
    and after, so the ratio within a group and the ratio of population averages are one number. With random slopes they
    are not, and the unit of the estimate says that the ratio within a middling group is returned. Extra zeros are
    part of the means.

    Parameters
    ----------
    result : RateResult or MixedResult
    variable : str
        A column in the formula. Columns that follow from it (``time`` beside ``year``) stay as they were.
    before, after : value
        As in the data: 2021, "2021-H1". Of a number that enters as such, any value in its observed range.
    scale : {"registered", "adjusted"}
        "adjusted" needs evidence on completeness and is refused.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Estimate

    Raises
    ------
    DomainError
        If the variable is not in the formula or a value was not observed, or if after `RateResult.robust` more than
        5% of the ratio's variance rests on clusters that no other cluster can be compared with.
    IdentificationError
        For ``scale="adjusted"``.
    FitError
        If the certificate of the fit failed.
    """
    _check(scale, level)
    log_ratio, contrast = log_ratio_contrast(result, variable, before=before, after=after)
    arm = _arm(result, contrast, level)
    return Estimate(
        estimate=_exp(log_ratio),
        lower=_exp(log_ratio - arm),
        upper=_exp(log_ratio + arm),
        level=level,
        scale="registered",
        unit=f"ratio of registered rates per {result.design.one_unit}{_slopes(result)}",
        identified_by="registrations alone",
    )


def log_ratio_contrast(
    result: RateResult | MixedResult, variable: str, *, before: Any, after: Any
) -> tuple[float, Vector]:
    """Logarithm of a ratio of registered rates, and its gradient in the coefficients.

    Parameters
    ----------
    result : RateResult or MixedResult
    variable, before, after
        As in `rate_ratio`.

    Returns
    -------
    log_ratio : float
    contrast : (k,) array
        Combination of the coefficients, and of those of the extra zeros after them, whose variance is that of the log
        ratio; without interactions its value at the coefficients is the log ratio itself.

    Raises
    ------
    DomainError
        If the variable is not in the formula or a value was not observed.
    """
    _check_variable(result, variable)
    design = result.design
    low, high = (_observed_value(design, variable, value) for value in (before, after))
    beta, zero_beta = result.params.to_numpy(), np.zeros(0)
    if isinstance(result, MixedResult):
        zero_beta = result.fit.zero_beta
    log_before, gradient_before = _log_total(design, beta, zero_beta, variable, low)
    log_after, gradient_after = _log_total(design, beta, zero_beta, variable, high)
    return log_after - log_before, gradient_after - gradient_before


def _arm(result: RateResult | MixedResult, contrast: Vector, level: float) -> float:
    """Half the interval of contrast' beta."""
    if not contrast.any():
        return 0.0
    codes = result.covariance.codes
    if codes is not None:
        _refuse_lone_clusters(result, contrast, codes)
    variance = float(contrast @ _mean_covariance(result) @ contrast)
    if codes is not None:
        _refuse_no_spread(result, contrast, variance)
    return float(student.isf((1.0 - level) / 2.0, result.contrast_df(contrast))) * math.sqrt(max(variance, 0.0))


def _mean_covariance(result: RateResult | MixedResult, *, model: bool = False) -> Matrix:
    """Covariance of everything that the means depend on: of the result, or the model's own."""
    if isinstance(result, MixedResult):
        return result.mean_covariance("observed" if model else None)
    return np.asarray(result.cov_params("observed" if model else None), dtype=np.float64)


def _slopes(result: RateResult | MixedResult) -> str:
    """What is added to the unit where the ratio within a group is not that of population averages."""
    varying = any(term.effects != (INTERCEPT,) for term in result.design.random)
    return ", within a group whose random effects are 0 (random slopes: not of population averages)" if varying else ""


def _refuse_lone_clusters(result: RateResult | MixedResult, contrast: Vector, codes: Codes) -> None:
    for X, weight, part in _contrast_parts(result, contrast):
        shares, counts = lone_shares(part[None, :], X, weight, codes)
        share, lone = float(shares[0]), int(counts[0])
        if share > MAX_LONE_SHARE:
            which = "one cluster alone" if lone == 1 else f"{lone} clusters, each alone"
            raise DomainError(
                f"{100.0 * share:.0f}% of what is known about this ratio is determined by {which} "
                f"({result.covariance.cluster}). A comparison of clusters says nothing about that part, so its "
                "interval would be too narrow. Use the model's own covariance, or coefficients that clusters share."
            )


def _contrast_parts(result: RateResult | MixedResult, contrast: Vector) -> Iterator[tuple[Matrix, Vector, Vector]]:
    """Design, working weight and contrast of the counts and of the extra zeros, where the contrast is not all 0."""
    design = result.design
    k = design.X.shape[1]
    if contrast[:k].any():
        yield design.X, result.working_weight, contrast[:k]
    if design.zero is not None and contrast[k:].any():
        yield design.zero.X, np.ones(design.X.shape[0]), contrast[k:]


def _refuse_no_spread(result: RateResult | MixedResult, contrast: Vector, variance: float) -> None:
    plain = float(contrast @ _mean_covariance(result, model=True) @ contrast)
    if variance < MIN_ROBUST_SHARE * plain:
        raise DomainError(
            f"All {result.covariance.clusters} clusters ({result.covariance.cluster}) moved in exact step, so comparing"
            " them shows no spread at all and a clustered interval would have no width. Use the model's own covariance."
        )


def _check(scale: str, level: float) -> None:
    if scale == "adjusted":
        raise IdentificationError(
            "Registrations alone cannot tell a change in events from a change in completeness, so there is no adjusted "
            "ratio. Evidence from outside the counts could: an audit of charts, a second source, or a control outcome "
            "that is registered completely. Without it, bounds() and tipping_point() say what remains possible."
        )
    if scale != "registered":
        raise DomainError(f"scale must be 'registered' or 'adjusted', got {scale!s}")
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")


def _check_variable(result: RateResult | MixedResult, variable: str) -> None:
    design = result.design
    used = dict.fromkeys([*design.variables, *(design.zero_formula.names() if design.zero_formula else ())])
    if variable not in used:
        raise DomainError(
            f"{variable} is not in the formula {result.formula}, so the fitted rates do not depend on it. "
            f"In the formula are: {', '.join(used) or 'no columns'}."
        )


def _observed_value(design: Design, variable: str, value: Any) -> Any:
    levels = design.levels.get(variable) or (design.zero.levels.get(variable) if design.zero else None)
    return observed_value(design.frame[variable], levels, value)


def _log_total(design: Design, beta: Vector, zero_beta: Vector, variable: str, value: Any) -> tuple[float, Vector]:
    """Log of the sum of the means with the variable set to a value, and its gradient to the coefficients."""
    frame = design.frame.assign(**{variable: value})
    X, zero_X = design.matrix(frame), design.zero_matrix(frame)
    zeta = zero_X @ zero_beta
    eta = X @ beta + design.log_exposure + design.offset
    if design.zero is not None:
        eta = eta + log_expit(-zeta)
    log_total = float(logsumexp(eta))
    shares = np.exp(eta - log_total)
    return log_total, np.concatenate([shares @ X, -(shares * expit(zeta)) @ zero_X])


def _exp(value: float) -> float:
    """exp, infinite where a float has no room for it: an interval on very few degrees of freedom can be that wide."""
    return math.exp(value) if value < math.log(sys.float_info.max) else math.inf
