"""The ratio of two rates: of registered rates from any fit, of adjusted rates from a registration model."""

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from dwangstats._types import Matrix, RateScale, Vector
from dwangstats.design.values import observed_value
from dwangstats.errors import DomainError
from dwangstats.estimate import Estimate
from dwangstats.models import ratios as registered_ratios
from dwangstats.models.mixed import MixedResult
from dwangstats.models.results import RateResult
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.numerics.thinned.profile import profile_contrast
from dwangstats.registration.context import FittedParts
from dwangstats.registration.gate import certified_parts, identified_parts
from dwangstats.registration.ledger import information_on
from dwangstats.registration.results import RegistrationResult
from dwangstats.registration.targets import log_completeness

SAME_STEP = 1e-12
"""Relative spread below which a step in the variable moves every row alike, so that the log ratio is linear."""


def rate_ratio(
    result: RateResult | MixedResult | RegistrationResult,
    variable: str,
    *,
    before: Any,
    after: Any,
    scale: RateScale = "registered",
    level: float = 0.95,
) -> Estimate:
    """Ratio of rates at two values of a variable, after over before.

    The variable is set to ``after`` and to ``before`` in every fitted row, all else as it was, and expected counts are
    added up.

    "registered": what the register shows. Of a `RateResult` or `MixedResult` as in `dwangstats.models.ratios`. Of a
    `RegistrationResult` the ratio of E[lambda p], averaged over providers (over their effects on rate and completeness,
    with the correlation of the two), by the delta method on the log scale.

    "adjusted": the ratio of rates of events, lambda alone; only from a `RegistrationResult` whose ledger passes for the
    change in completeness between the two values. The interval is by profile likelihood, as nothing that depends on
    completeness is near normal. Where the variable takes part in interactions the ratio is no linear combination of
    coefficients; the interval is then by the delta method, and the unit says so.

    Parameters
    ----------
    result : RateResult, MixedResult or RegistrationResult
    variable : str
        A column in the rate formula (for "registered", in either formula). Columns that follow from it stay as they
        were.
    before, after : value
        As in the data: 2021, "2021-H1". Of a number that enters as such, any value in its observed range.
    scale : {"registered", "adjusted"}
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Estimate

    Raises
    ------
    IdentificationError
        For "adjusted" where completeness is not identified: with what is missing, which evidence would help and how
        much of it.
    DomainError
        If the variable is not in the formula or a value was not observed.
    FitError
        If the certificate of the fit failed.
    """
    if not isinstance(result, RegistrationResult):
        return registered_ratios.rate_ratio(result, variable, before=before, after=after, scale=scale, level=level)
    _check(scale, level)
    if scale == "adjusted":
        return _adjusted(result, variable, before, after, level)
    if result.parts is None:
        return registered_ratios.rate_ratio(result.registered, variable, before=before, after=after, level=level)
    return _registered(result, variable, before, after, level)


def adjusted_log_ratio(parts: FittedParts, variable: str, before: Any, after: Any) -> tuple[float, Vector, bool]:
    """Logarithm of the ratio of rates of events at the fitted parameters.

    Parameters
    ----------
    parts : FittedParts
    variable, before, after
        As in `rate_ratio`.

    Returns
    -------
    value : float
    contrast : (p,) array
        Its gradient.
    linear : bool
        Whether the log ratio is contrast' theta at all parameters.

    Raises
    ------
    DomainError
        If the variable is not in the rate formula or a value was not observed.
    """
    high, low = _settings(parts, variable, before, after)
    beta = parts.fit.vector[parts.problem.layout.beta]
    contrast = np.zeros(parts.fit.vector.size)
    steps = high.X - low.X
    if float(np.ptp(steps, axis=0).max(initial=0.0)) <= SAME_STEP * max(1.0, float(np.abs(steps).max(initial=0.0))):
        contrast[parts.problem.layout.beta] = steps[0]
        return float(steps[0] @ beta), contrast, True
    offset = parts.problem.counts.offset
    (log_after, slope_after), (log_before, slope_before) = (_log_total(part.X, beta, offset) for part in (high, low))
    contrast[parts.problem.layout.beta] = slope_after - slope_before
    return log_after - log_before, contrast, False


def _adjusted(result: RegistrationResult, variable: str, before: Any, after: Any, level: float) -> Estimate:
    if result.parts is not None:
        _settings(result.parts, variable, before, after)
    ledger = result.identification.comparing(variable, before, after)
    parts = identified_parts(result, "change", "adjusted rate ratio", ledger)
    value, contrast, linear = adjusted_log_ratio(parts, variable, before, after)
    if linear and contrast.any():
        lower, upper, _ = profile_contrast(parts.problem, parts.fit, contrast, level=level)
    else:
        arm = _arm(parts, contrast, level)
        lower, upper = value - arm, value + arm
    method = "" if linear else " (interval by the delta method: the variable has interactions)"
    return Estimate(
        estimate=_exp(value),
        lower=_exp(min(lower, value)),
        upper=_exp(max(upper, value)),
        level=level,
        scale="adjusted",
        unit=f"ratio of rates of events per {parts.rate.one_unit}{method}",
        identified_by=ledger.identified_by("change"),
    )


def _registered(result: RegistrationResult, variable: str, before: Any, after: Any, level: float) -> Estimate:
    parts = certified_parts(result)
    high, low = _settings(parts, variable, before, after, either=True)

    (log_after, slope_after), (log_before, slope_before) = (
        log_registered(parts.problem, parts.fit.vector, part.X, part.W) for part in (high, low)
    )
    value, arm = log_after - log_before, _arm(parts, slope_after - slope_before, level)
    return Estimate(
        estimate=_exp(value),
        lower=_exp(value - arm),
        upper=_exp(value + arm),
        level=level,
        scale="registered",
        unit=f"ratio of registered rates per {parts.rate.one_unit}",
        identified_by="registrations",
    )


def log_registered(problem: ThinnedProblem, vector: Vector, X: Matrix, W: Matrix) -> tuple[float, Vector]:
    """Log of the expected registrations of the count rows with other columns, averaged over providers.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : (p,) array
    X, W : (n, k), (n, m) arrays

    Returns
    -------
    value : float
        Without the factors that are the same for every X and W: E[e^u] and the share of silent providers.
    gradient : (p,) array
    """
    offset = problem.counts.offset
    share, gradient, _ = log_completeness(problem, vector, X, W, offset)
    events, slope = _log_total(X, vector[problem.layout.beta], offset)
    gradient[problem.layout.beta] += slope
    return share + events, gradient


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    """Columns of both formulas with the variable set to a value."""

    X: Matrix
    W: Matrix


def _settings(
    parts: FittedParts, variable: str, before: Any, after: Any, *, either: bool = False
) -> tuple[_Setting, _Setting]:
    """After and before."""
    used = list(parts.rate.variables)
    if either:
        used += [name for name in parts.registration.variables if name not in used]
    if variable not in used:
        which = "either formula" if either else "the rate formula"
        raise DomainError(
            f"{variable} is not in {which}, so the fitted rates do not depend on it. "
            f"There are: {', '.join(used) or 'no columns'}."
        )
    return _setting(parts, variable, after), _setting(parts, variable, before)


def _setting(parts: FittedParts, variable: str, value: Any) -> _Setting:
    frame = parts.rate.frame.assign(**{variable: _observed(parts, variable, value)})
    return _Setting(parts.rate.matrix(frame), parts.registration.matrix(frame))


def _observed(parts: FittedParts, variable: str, value: Any) -> Any:
    levels = parts.rate.levels.get(variable) or parts.registration.levels.get(variable)
    return observed_value(parts.rate.frame[variable], levels, value)


def _log_total(X: Matrix, beta: Vector, offset: Vector) -> tuple[float, Vector]:
    eta = X @ beta + offset
    total = float(logsumexp(eta))
    return total, np.exp(eta - total) @ X


def _arm(parts: FittedParts, contrast: Vector, level: float) -> float:
    """Half the interval of contrast' theta; what nothing is known about makes it wide, not undefined."""
    information = information_on(parts.fit.information, contrast[parts.fit.free])
    return float(norm.isf((1.0 - level) / 2.0)) / math.sqrt(information) if information > 0.0 else 0.0


def _check(scale: str, level: float) -> None:
    if scale not in ("registered", "adjusted"):
        raise DomainError(f"scale must be 'registered' or 'adjusted', got {scale!s}")
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")


def _exp(value: float) -> float:
    return math.exp(value) if value < math.log(sys.float_info.max) else math.inf
