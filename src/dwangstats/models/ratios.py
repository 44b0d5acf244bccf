"""The ratio of two rates under a fitted model, standardised over the fitted rows."""

import math
import sys
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import t as student

from dwangstats._types import Codes, RateScale, Vector
from dwangstats.design.design import Design, listed
from dwangstats.errors import DomainError, IdentificationError
from dwangstats.estimate import Estimate
from dwangstats.models.results import MAX_LONE_SHARE, RateResult
from dwangstats.numerics.covariance import lone_shares


def rate_ratio(
    result: RateResult,
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

    Parameters
    ----------
    result : RateResult
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
        unit=f"ratio of registered rates per {result.design.one_unit}",
        identified_by="registrations alone",
    )


def log_ratio_contrast(result: RateResult, variable: str, *, before: Any, after: Any) -> tuple[float, Vector]:
    """Logarithm of a ratio of registered rates, and its gradient in the coefficients.

    Parameters
    ----------
    result : RateResult
    variable, before, after
        As in `rate_ratio`.

    Returns
    -------
    log_ratio : float
    contrast : (k,) array
        Combination of the coefficients whose variance is that of the log ratio; without interactions its value at the
        coefficients is the log ratio itself.

    Raises
    ------
    DomainError
        If the variable is not in the formula or a value was not observed.
    """
    _check_variable(result, variable)
    design = result.design
    low, high = (_observed_value(design, variable, value) for value in (before, after))
    beta = result.params.to_numpy()
    log_before, gradient_before = _log_total(design, beta, variable, low)
    log_after, gradient_after = _log_total(design, beta, variable, high)
    return log_after - log_before, gradient_after - gradient_before


def _arm(result: RateResult, contrast: Vector, level: float) -> float:
    """Half the interval of contrast' beta."""
    if not contrast.any():
        return 0.0
    codes = result.covariance.codes
    if codes is not None:
        _refuse_lone_clusters(result, contrast, codes)
    variance = float(contrast @ result.cov_params().to_numpy() @ contrast)
    return float(student.isf((1.0 - level) / 2.0, result.contrast_df(contrast))) * math.sqrt(max(variance, 0.0))


def _refuse_lone_clusters(result: RateResult, contrast: Vector, codes: Codes) -> None:
    shares, counts = lone_shares(contrast[None, :], result.design.X, result.working_weight, codes)
    share, lone = float(shares[0]), int(counts[0])
    if share > MAX_LONE_SHARE:
        which = "one cluster alone" if lone == 1 else f"{lone} clusters, each alone"
        raise DomainError(
            f"{100.0 * share:.0f}% of what is known about this ratio is determined by {which} "
            f"({result.covariance.cluster}). A comparison of clusters says nothing about that part, so its "
            "interval would be too narrow. Use the model's own covariance, or coefficients that clusters share."
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


def _check_variable(result: RateResult, variable: str) -> None:
    if variable not in result.design.variables:
        raise DomainError(
            f"{variable} is not in the formula {result.formula}, so the fitted rates do not depend on it. "
            f"In the formula are: {', '.join(result.design.variables) or 'no columns'}."
        )


def _observed_value(design: Design, variable: str, value: Any) -> Any:
    """The value as the column holds it; a category may be written as text."""
    levels = design.levels.get(variable)
    if levels is None:
        return _within_range(design.frame[variable], value)
    for level in levels:
        if level == value or str(level) == str(value):
            return level
    raise DomainError(f"{variable} has no value {value!s} among the fitted rows. Observed: {listed(levels)}.")


def _within_range(column: pd.Series, value: Any) -> float:
    low, high = float(column.min()), float(column.max())
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise DomainError(f"{column.name} enters as a number, so give a number, not {value!s}.") from error
    if not low <= number <= high:
        raise DomainError(
            f"{column.name} was observed from {low:g} to {high:g}; {number:g} is outside, where no row supports the "
            "model."
        )
    return number


def _log_total(design: Design, beta: Vector, variable: str, value: Any) -> tuple[float, Vector]:
    """Log of the sum of the means with the variable set to a value, and its gradient to beta, (k,)."""
    X = design.matrix(design.frame.assign(**{variable: value}))
    eta = X @ beta + design.log_exposure + design.offset
    log_total = float(logsumexp(eta))
    return log_total, np.exp(eta - log_total) @ X


def _exp(value: float) -> float:
    """exp, infinite where a float has no room for it: an interval on very few degrees of freedom can be that wide."""
    return math.exp(value) if value < math.log(sys.float_info.max) else math.inf
