"""What a change in registrations says about events when completeness is known only within limits.

Nothing here fits a model. With one completeness per period, p0 before and p1 after,

    ratio of rates of events = ratio of registered rates * p0 / p1,

so limits on p0 and p1 are limits on the change in events, and turned round they say how much
completeness must have changed for registration alone to explain what was seen.
"""

import math
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from dwangstats._types import Language
from dwangstats.errors import DomainError, InternalError
from dwangstats.estimate import Estimate

Limits: TypeAlias = tuple[float, float]
Direction: TypeAlias = Literal["rise", "fall", "none"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """All ratios of rates of events that the limits on completeness allow.

    Attributes
    ----------
    rate_ratio : float
        Ratio of registered rates, after over before.
    completeness_before, completeness_after : tuple of float
        Lowest and highest completeness allowed in each period, in (0, 1].
    monotone : bool
        True if completeness was assumed not to have fallen.
    lower, upper : float
        Ends of the sharp set: every ratio between them is possible, none outside is.
    level : float
        Confidence level of the interval.
    interval_lower, interval_upper : float or None
        Interval that covers the real ratio with this level at least, chance in the counts included;
        None where the registered ratio came without uncertainty.
    """

    rate_ratio: float
    completeness_before: Limits
    completeness_after: Limits
    monotone: bool
    lower: float
    upper: float
    level: float
    interval_lower: float | None
    interval_upper: float | None

    def __post_init__(self) -> None:
        if not 0.0 < self.lower <= self.upper < math.inf:
            raise InternalError(f"the bounds {self.lower} and {self.upper} are not an interval of ratios")
        if self.interval_lower is None or self.interval_upper is None:
            return
        if not 0.0 < self.interval_lower <= self.lower <= self.upper <= self.interval_upper:
            ends = f"({self.interval_lower}, {self.interval_upper})"
            raise InternalError(f"the interval {ends} does not contain the set ({self.lower}, {self.upper})")

    @property
    def includes_no_change(self) -> bool:
        """True if the set holds the ratio 1, so that registration alone may explain everything."""
        return self.lower <= 1.0 <= self.upper

    def to_frame(self) -> pd.DataFrame:
        """One row: the ratio, the limits before (completeness_low, _high) and after, monotone, and all ends."""
        row = {
            "rate_ratio": self.rate_ratio,
            "completeness_low": self.completeness_before[0],
            "completeness_high": self.completeness_before[1],
            "completeness_after_low": self.completeness_after[0],
            "completeness_after_high": self.completeness_after[1],
            "monotone": self.monotone,
            "lower": self.lower,
            "upper": self.upper,
            "interval_lower": math.nan if self.interval_lower is None else self.interval_lower,
            "interval_upper": math.nan if self.interval_upper is None else self.interval_upper,
            "level": self.level,
        }
        return pd.DataFrame([row])

    def __str__(self) -> str:
        text = f"ratio of rates of events between {self.lower:.4g} and {self.upper:.4g}"
        if self.interval_lower is not None and self.interval_upper is not None:
            text += f" ({100 * self.level:.12g}% interval {self.interval_lower:.4g} to {self.interval_upper:.4g})"
        return f"{text}, identified by bounds on completeness only"


def bounds(
    *,
    rate_ratio: float | Estimate,
    completeness_before: Limits,
    completeness_after: Limits | None = None,
    monotone: bool = False,
    level: float | None = None,
) -> Bounds:
    """Sharp bounds on the ratio of rates of events, given limits on completeness.

    Parameters
    ----------
    rate_ratio : float or Estimate
        Ratio of registered rates per unit of exposure, after over before, > 0. With an `Estimate` of the
        registered ratio an interval is given too.
    completeness_before, completeness_after : (low, high)
        Limits on the completeness in each period, 0 < low <= high <= 1. Without ``completeness_after`` the
        later period has the same low and 1 as its high.
    monotone : bool
        Assume that completeness did not fall: p1 >= p0.
    level : float, optional
        Confidence level of the interval, in (0.5, 1). It is the level of the `Estimate`: an interval on few degrees of
        freedom cannot be turned into one of another level without them.

    Returns
    -------
    Bounds

    Raises
    ------
    DomainError
        If an argument is outside its domain, or if no completeness meets all conditions.

    Notes
    -----
    Write R for the registered ratio, [L0, U0] and [L1, U1] for the limits. The set of feasible (p0, p1) is
    connected and p0 / p1 is continuous on it, so the set of ratios is the whole interval between

        R * L0 / U1    and    R * U0 / L1,    with monotone: R * min(1, U0 / L1).

    L0 = L1 = L and U0 = U1 = 1 give [L R, R / L], and [L R, R] with monotone. The interval is that of Imbens and
    Manski (2004, Econometrica 72, 1845-1857, eq. 6-7): with the same standard error s of log R at both ends and
    log width d, it reaches c * s beyond each end where Phi(c + d / s) - Phi(-c) = level. Stoye (2009, Econometrica
    77, 1299-1315) shows when this covers uniformly; here d is known, not estimated, which meets his condition.
    It covers the real ratio, not the whole set. s is the width of the interval of log R over twice the normal
    quantile of its level, so the wider t interval of few clusters carries over.
    """
    ratio, standard_error = _registered(rate_ratio)
    before = _limits("completeness_before", completeness_before)
    after = (before[0], 1.0) if completeness_after is None else _limits("completeness_after", completeness_after)
    level = _level(rate_ratio, level)
    low, high = _ratio_of_completeness(before, after, monotone)
    lower, upper = ratio * low, ratio * high
    interval: tuple[float, float] | tuple[None, None] = (None, None)
    if standard_error is not None:
        reach = math.exp(_critical_value(math.log(high / low), standard_error, level) * standard_error)
        interval = (lower / reach, upper * reach)
    return Bounds(ratio, before, after, monotone, lower, upper, level, *interval)


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """How completeness must have changed for registration alone to explain a registered change.

    Attributes
    ----------
    rate_ratio : float
        Ratio of registered rates, after over before.
    direction : {"rise", "fall", "none"}
    ratio : float
        Completeness after over completeness before at which nothing changed in reality; equal to ``rate_ratio``.
    completeness_before : float or None
        For a rise: the highest completeness before that leaves room for registration to explain all of it.
    completeness_after_factor : float or None
        For a fall: the fraction to which completeness must have fallen, at most, to explain all of it.
    lower, upper : float or None
        Interval of the number for this direction (of ``ratio`` when there was no change), cut off at 1; None
        where the registered ratio came without uncertainty.
    level : float or None
        Confidence level of that interval.
    """

    rate_ratio: float
    direction: Direction
    ratio: float
    completeness_before: float | None
    completeness_after_factor: float | None
    lower: float | None
    upper: float | None
    level: float | None

    def to_frame(self) -> pd.DataFrame:
        """One row with the attributes as columns; NaN where a number does not apply."""
        row = asdict(self)
        return pd.DataFrame([{key: math.nan if value is None else value for key, value in row.items()}])

    def sentence(self, language: Language) -> str:
        """The tipping point in one or two plain sentences, in Dutch ("nl") or English ("en").

        Raises
        ------
        DomainError
            For another language.
        """
        if language not in _SENTENCES:
            raise DomainError(f"language must be 'nl' or 'en', got {language!s}")
        words = _SENTENCES[language]
        value = {"rise": self.completeness_before, "fall": self.completeness_after_factor}.get(self.direction)
        text = words[self.direction].format(
            change=_percent(abs(self.rate_ratio - 1.0), language),
            value=_percent(1.0 if value is None else value, language),
        )
        if value is None:
            return text
        if self.lower is None or self.upper is None or self.level is None:
            return f"{text} {words[f'{self.direction} without margin']}"
        interval = words["interval"].format(
            level=_level_text(self.level, language),
            lower=_percent(self.lower, language),
            upper=_percent(self.upper, language),
        )
        return f"{text} {interval} {self._beyond(words, language)}"

    def _beyond(self, words: dict[str, str], language: Language) -> str:
        """What follows past the upper end of the margin; nothing does where no completeness lies past it."""
        if self.upper is None or round(100.0 * self.upper, 1) >= 100.0:
            return words[f"{self.direction} never"]
        return words[f"{self.direction} beyond"].format(limit=_percent(self.upper, language))

    def __str__(self) -> str:
        return self.sentence("en")


def tipping_point(*, rate_ratio: float | Estimate) -> TippingPoint:
    """Completeness at which registration alone explains a registered change.

    Nothing changed in reality if and only if p1 / p0 equals the registered ratio R. As p1 <= 1, a rise (R > 1)
    asks for p0 <= 1 / R; a fall (R < 1) asks for p1 = R p0, so p1 <= R.

    Parameters
    ----------
    rate_ratio : float or Estimate
        Ratio of registered rates, after over before, > 0. With an `Estimate` its interval is carried over; the
        ends are those of a monotone function of R, so the level is kept.

    Returns
    -------
    TippingPoint

    Raises
    ------
    DomainError
        If the ratio is not a positive number or is not a registered one.
    """
    ratio, _ = _registered(rate_ratio)
    ends = (rate_ratio.lower, rate_ratio.upper) if isinstance(rate_ratio, Estimate) else None
    if ends is not None and ratio > 1.0:
        ends = (1.0 / ends[1], 1.0 / ends[0])
    lower, upper = (None, None) if ends is None else ends
    if upper is not None and ratio != 1.0:
        upper = min(upper, 1.0)
    return TippingPoint(
        rate_ratio=ratio,
        direction="rise" if ratio > 1.0 else "fall" if ratio < 1.0 else "none",
        ratio=ratio,
        completeness_before=1.0 / ratio if ratio > 1.0 else None,
        completeness_after_factor=ratio if ratio < 1.0 else None,
        lower=lower,
        upper=upper,
        level=rate_ratio.level if isinstance(rate_ratio, Estimate) else None,
    )


_SENTENCES: dict[str, dict[str, str]] = {
    "nl": {
        "rise": (
            "De geregistreerde stijging van {change} kan alleen geheel door betere registratie komen als de "
            "volledigheid van de registratie in de eerste periode hoogstens {value} was."
        ),
        "rise beyond": "Was de registratie toen vollediger dan {limit}, dan is er ook in werkelijkheid een stijging.",
        "rise never": (
            "De geregistreerde verandering zelf kan ook toeval zijn: ook als de registratie in de eerste periode "
            "volledig was, staat niet vast dat er in werkelijkheid een stijging is."
        ),
        "fall": (
            "De geregistreerde daling van {change} kan alleen geheel door slechtere registratie komen als de "
            "volledigheid van de registratie is gezakt tot hoogstens {value} van wat zij was."
        ),
        "fall beyond": (
            "Is de volledigheid minder gezakt dan tot {limit} van wat zij was, dan is er ook in werkelijkheid een "
            "daling."
        ),
        "fall never": (
            "De geregistreerde verandering zelf kan ook toeval zijn: ook als de volledigheid niet is gezakt, staat "
            "niet vast dat er in werkelijkheid een daling is."
        ),
        "none": (
            "De geregistreerde cijfers zijn gelijk gebleven. Er is alleen een verandering in werkelijkheid als de "
            "volledigheid van de registratie is veranderd."
        ),
        "interval": "Door toeval in de aantallen is deze grens onzeker: {lower} tot {upper} ({level}-interval).",
        "rise without margin": (
            "Was de registratie toen vollediger, dan is er, toeval daargelaten, ook in werkelijkheid een stijging."
        ),
        "fall without margin": (
            "Is de volledigheid minder gezakt, dan is er, toeval daargelaten, ook in werkelijkheid een daling."
        ),
    },
    "en": {
        "rise": (
            "The registered rise of {change} can come from better registration alone only if the completeness of "
            "the register was at most {value} in the first period."
        ),
        "rise beyond": "If it was more complete than {limit}, there is a real rise too.",
        "rise never": (
            "The registered change itself may also be chance: even complete registration in the first period does not "
            "settle that there is a real rise."
        ),
        "fall": (
            "The registered fall of {change} can come from poorer registration alone only if the completeness of "
            "the register fell to at most {value} of what it was."
        ),
        "fall beyond": "If it stayed above {limit} of what it was, there is a real fall too.",
        "fall never": (
            "The registered change itself may also be chance: even completeness that did not fall does not settle that "
            "there is a real fall."
        ),
        "none": (
            "The registered figures did not change. There is a real change only if the completeness of the "
            "register changed."
        ),
        "interval": "Chance in the counts makes this limit uncertain: {lower} to {upper} ({level} interval).",
        "rise without margin": (
            "If it was more complete than that, there is a real rise too, chance in the counts left aside."
        ),
        "fall without margin": (
            "If it fell less than that, there is a real fall too, chance in the counts left aside."
        ),
    },
}


def _percent(share: float, language: Language) -> str:
    """A share as a percentage with at most one decimal; Dutch writes a comma."""
    return _written(f"{100.0 * share:.1f}".removesuffix(".0"), language)


def _level_text(level: float, language: Language) -> str:
    """A confidence level as a percentage with all its digits."""
    return _written(f"{100.0 * level:.12g}", language)


def _written(number: str, language: Language) -> str:
    return f"{number.replace('.', ',') if language == 'nl' else number}%"


def _registered(rate_ratio: float | Estimate) -> tuple[float, float | None]:
    """The registered ratio and the standard error of its log (None for a bare number)."""
    if not isinstance(rate_ratio, Estimate):
        return _positive(rate_ratio), None
    if rate_ratio.scale != "registered":
        raise DomainError(
            f"rate_ratio is on the {rate_ratio.scale} scale; bounds and tipping points correct a registered ratio. "
            "Give the ratio of registered rates."
        )
    ratio = _positive(rate_ratio.estimate)
    if rate_ratio.lower <= 0.0 or not math.isfinite(rate_ratio.upper):
        raise DomainError(
            f"the interval of rate_ratio runs from {rate_ratio.lower:g} to {rate_ratio.upper:g}; its ends must be "
            "positive and finite. Give the ratio as a bare number to leave chance out."
        )
    quantile = float(norm.isf((1.0 - rate_ratio.level) / 2.0))
    return ratio, math.log(rate_ratio.upper / rate_ratio.lower) / (2.0 * quantile)


def _positive(value: float) -> float:
    ratio = float(value)
    if not (math.isfinite(ratio) and ratio > 0.0):
        raise DomainError(f"rate_ratio must be a positive number (1.30 for a rise of 30%), got {ratio:g}")
    return ratio


def _limits(name: str, limits: Limits) -> Limits:
    if np.shape(limits) != (2,):
        raise DomainError(f"{name} must be two numbers (low, high), for example (0.7, 1.0)")
    low, high = (float(value) for value in limits)
    if not 0.0 < low <= high <= 1.0:
        raise DomainError(
            f"{name} is ({low:g}, {high:g}); limits on completeness must satisfy 0 < low <= high <= 1. "
            "A completeness of 0 means that nothing is registered, and then the register says nothing."
        )
    return low, high


def _level(rate_ratio: float | Estimate, level: float | None) -> float:
    given = rate_ratio.level if isinstance(rate_ratio, Estimate) else 0.95
    if level is not None and isinstance(rate_ratio, Estimate) and abs(level - given) > 1e-12:
        raise DomainError(
            f"the ratio comes with a {100 * given:g}% interval and the bounds are asked at {100 * level:g}%. Compute "
            f"the ratio at that level first: rate_ratio(..., level={level:g})."
        )
    chosen = given if level is None else level
    _check_level(chosen)
    return chosen


def _check_level(level: float) -> None:
    if not 0.5 < level < 1.0:
        raise DomainError(f"level must lie between 0.5 and 1, got {level:g}")


def _ratio_of_completeness(before: Limits, after: Limits, monotone: bool) -> Limits:
    """Lowest and highest p0 / p1 over p0 in before, p1 in after and, if monotone, p1 >= p0."""
    if monotone and before[0] > after[1]:
        raise DomainError(
            f"completeness cannot have been at least {before[0]:g} before, at most {after[1]:g} after, and not have "
            "fallen: no values meet all three. Change the limits or leave out monotone."
        )
    highest = before[1] / after[0]
    return before[0] / after[1], min(1.0, highest) if monotone else highest


def _critical_value(width: float, standard_error: float, level: float) -> float:
    """Number c with Phi(c + width / standard_error) - Phi(-c) = level (Imbens and Manski 2004, eq. 7)."""
    two_sided = float(norm.isf((1.0 - level) / 2.0))
    if width <= 0.0 or standard_error <= 0.0:
        return two_sided

    def shortfall(c: float) -> float:
        return float(norm.sf(c) + norm.sf(c + width / standard_error)) - (1.0 - level)

    one_sided = float(norm.isf(1.0 - level))
    # At the one-sided quantile the equation is met up to the far tail, which may underflow to exactly 0.
    return float(brentq(shortfall, one_sided, two_sided, xtol=1e-14)) if shortfall(one_sided) > 0.0 else one_sided
