"""Profile likelihood intervals of coefficients, standard deviations, correlations and the dispersion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from dwangstats.design.rows import listed
from dwangstats.errors import DomainError
from dwangstats.models.parameters import DISPERSION, parameter_names, reported
from dwangstats.models.problem import Fitted, FittedProblem, problem_of
from dwangstats.numerics.chibar import boundary_pvalue
from dwangstats.numerics.profile import Target, drop_at_zero, profile


class Ends(NamedTuple):
    """Ends of an interval."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """One parameter with its profile likelihood interval.

    Attributes
    ----------
    name : str
        As `dwangstats.models.parameters.parameter_names` has it.
    estimate, lower, upper : float
        On the scale on which the parameter is reported: a standard deviation, not its log. Ends that the data do not
        give are infinite, or 1 and -1 for a correlation.
    level : float
    boundary : bool
        Whether the lower end is the end of the parameter's range, 0.
    p_boundary : float
        For a standard deviation or the dispersion, the p-value that it is 0; NaN for the others.
    refits : int
        Constrained maxima that were found.
    """

    name: str
    estimate: float
    lower: float
    upper: float
    level: float
    boundary: bool
    p_boundary: float
    refits: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.estimate:.4g} ({100 * self.level:.10g}% profile {self.lower:.4g} to {self.upper:.4g})"
        )


def profile_interval(result: Fitted, name: str, level: float = 0.95) -> Ends:
    """Lower and upper end of the profile likelihood interval of one parameter; see `profile_parameter`."""
    found = profile_parameter(result, name, level)
    return Ends(found.lower, found.upper)


def profile_parameter(result: Fitted, name: str, level: float = 0.95) -> ProfileInterval:
    """Profile likelihood interval of one parameter: all others are maximised anew at each value.

    The interval holds the values at which twice the log likelihood lies no more than a chi-square quantile with one
    degree of freedom below its maximum. It does not change with the scale: that of a log standard deviation is the
    log of that of the standard deviation. Where a standard deviation or dispersion of 0 is inside, the lower end is 0
    and the same quantile makes the interval somewhat too wide rather than too narrow (Self and Liang 1987, J. Am.
    Stat. Assoc. 82, 605-610).

    Parameters
    ----------
    result : RateResult or MixedResult
    name : str
        A coefficient, "sd provider" (or "provider"), "correlation provider[Intercept, time]", "dispersion",
        "zero Intercept".
    level : float
        In (0, 1).

    Returns
    -------
    ProfileInterval

    Raises
    ------
    DomainError
        For an unknown name or level, for a correlation of an effect that does not vary, or after `robust`.
    FitError
        If the certificate failed, or the profile climbs above the fit.
    """
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")
    fitted = _checked(result)
    known, target = _target(result, fitted, name)
    found = profile(fitted.problem, fitted.vector, target, float(chi2.ppf(level, 1)))
    at_boundary = target.kind in ("sd", "alpha") and found.lower == 0.0
    p = _p_boundary(fitted, target, found.at_zero)
    return ProfileInterval(known, found.estimate, found.lower, found.upper, level, at_boundary, p, found.refits)


def profile_intervals(result: Fitted, names: Sequence[str] | None = None, level: float = 0.95) -> pd.DataFrame:
    """Profile likelihood intervals of several parameters.

    Parameters
    ----------
    result : RateResult or MixedResult
    names : sequence of str, optional
        All parameters by default, but for correlations with an effect that does not vary.
    level : float

    Returns
    -------
    DataFrame
        Columns estimate, lower, upper, p_boundary; indexed by name.
    """
    if names is None:
        values = reported(result.design, result.family, problem_of(result).vector)
        names = [str(name) for name, value in values.items() if not np.isnan(value)]
    found = [profile_parameter(result, name, level) for name in names]
    columns = ("estimate", "lower", "upper", "p_boundary")
    return pd.DataFrame(
        {column: [getattr(one, column) for one in found] for column in columns}, index=[one.name for one in found]
    )


def boundary_test(result: Fitted, name: str) -> float:
    """P-value that a standard deviation or the dispersion is 0, by the likelihood ratio.

    Parameters
    ----------
    result : RateResult or MixedResult
    name : str
        "sd provider" (or "provider"), or "dispersion".

    Returns
    -------
    float
        From half chi-square with q and half with q + 1 degrees of freedom, for an effect with q correlations, which
        vanish with it; q = 0 for an effect without (Stram and Lee 1994, Biometrics 50, 1171-1177).

    Raises
    ------
    DomainError
        For another parameter.
    """
    fitted = _checked(result)
    known, target = _target(result, fitted, name)
    if target.kind not in ("sd", "alpha"):
        raise DomainError(f"{known} has no boundary at 0; standard deviations and the dispersion have one.")
    return _p_boundary(fitted, target, drop_at_zero(fitted.problem, fitted.vector, target))


def target_of(result: Fitted, name: str) -> Target:
    """The parameter of that name, as `dwangstats.numerics.profile` wants it.

    Raises
    ------
    DomainError
        If there is no such parameter.
    """
    return _target(result, problem_of(result), name)[1]


def _checked(result: Fitted) -> FittedProblem:
    if result.cov_type != "model":
        raise DomainError(
            f"The profile likelihood trusts the model and knows nothing of clusters, and this result has a "
            f"{result.cov_type} covariance. Profile the result before robust(), or use conf_int() of this one."
        )
    return problem_of(result)


def _target(result: Fitted, fitted: FittedProblem, name: str) -> tuple[str, Target]:
    names = parameter_names(result.design, result.family)
    known = name if name in names else f"sd {name}"
    if known not in names:
        raise DomainError(f"There is no parameter {name}. Parameters: {listed(list(names))}.")
    place, layout = names.index(known), fitted.problem.layout
    if place < layout.fixed:
        return known, Target("beta", place=place)
    if known == DISPERSION and place == layout.bounds[2]:
        return known, Target("alpha")
    if place >= layout.bounds[3]:
        return known, Target("zero", place=place - layout.bounds[3])
    t, i, j = layout.entries[place - layout.fixed]
    if i == j:
        return known, Target("sd", term=t, effect=i)
    if math.isnan(reported(result.design, result.family, fitted.vector).iloc[place]):
        raise DomainError(f"{known} is not defined: one of the two effects has a standard deviation of 0.")
    return known, Target("correlation", term=t, effect=i, other=j)


def _p_boundary(fitted: FittedProblem, target: Target, at_zero: float) -> float:
    if math.isnan(at_zero):
        return float("nan")
    correlations = 0
    if target.kind == "sd" and fitted.problem.terms[target.term].correlated:
        correlations = fitted.problem.terms[target.term].width - 1
    return boundary_pvalue(at_zero, 1 + correlations, 1)
