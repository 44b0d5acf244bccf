"""What a statement about completeness implies, before any data are seen."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from dwangstats._types import Language, Vector
from dwangstats.errors import DomainError
from dwangstats.estimate import Estimate

GRID = 401
"""Equally likely values of completeness by which two periods are combined; quantiles err by less than 1/400."""


@dataclass(frozen=True, slots=True, eq=False)
class Elicited:
    """What "the completeness lies between low and high" says about completeness, events and change.

    Attributes
    ----------
    low, high, probability : float
        The statement.
    mean, sd : float
        Of the logit of completeness.
    rate_ratio : float or None
        Ratio of registered rates for which the change was worked out.
    table : DataFrame
        By quantile (of low, 0.25, 0.5, 0.75, of high): completeness; events per registration; and with a rate_ratio the
        ratio of real rates where both periods have the same completeness, where the later one is complete
        (``ratio_if_complete_after``), and where the two are unrelated (``ratio_if_unrelated``).
    """

    low: float
    high: float
    probability: float
    mean: float
    sd: float
    rate_ratio: float | None
    table: pd.DataFrame

    def sentence(self, language: Language) -> str:
        """The statement and its consequences in plain words, in Dutch ("nl") or English ("en").

        Raises
        ------
        DomainError
            For another language.
        """
        if language not in _SENTENCES:
            raise DomainError(f"language must be 'nl' or 'en', got {language!s}")
        words, ends = _SENTENCES[language], self.table.loc[_tails(self.probability)]
        more = sorted(100.0 * (ends["events_per_registration"] - 1.0))
        text = words["statement"].format(
            probability=_percent(self.probability, language),
            low=_percent(self.low, language),
            high=_percent(self.high, language),
            least=f"{more[0]:.0f}",
            most=f"{more[1]:.0f}",
        )
        if self.rate_ratio is None:
            return text
        unrelated = sorted(ends["ratio_if_unrelated"])
        complete = sorted(ends["ratio_if_complete_after"])
        numbers = [f"{value:.2f}" for value in (self.rate_ratio, *complete, *unrelated)]
        if language == "nl":
            numbers = [number.replace(".", ",") for number in numbers]
        return f"{text} {words['change'].format(*numbers)}"

    def __str__(self) -> str:
        return self.sentence("en")


def elicit(
    low: float, high: float, *, probability: float = 0.90, rate_ratio: float | Estimate | None = None
) -> Elicited:
    """What a statement about completeness implies, to be read before it is used as a prior.

    Parameters
    ----------
    low, high : float
        Completeness lies between them with this probability, equal tails; 0 < low < high < 1.
    probability : float
        In (0, 1).
    rate_ratio : float or Estimate, optional
        Ratio of registered rates, after over before, > 0. An `Estimate` counts by its estimate; its chance is left out.

    Returns
    -------
    Elicited

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Notes
    -----
    The logit of completeness is normal. With completeness p0 before and p1 after, the ratio of real rates is the
    registered one times p0 / p1.
    """
    mean, sd = logit_normal(low, high, probability)
    ratio = None if rate_ratio is None else _ratio(rate_ratio)
    quantiles = np.unique([*_tails(probability), 0.25, 0.5, 0.75])
    p = expit(mean + sd * norm.ppf(quantiles))
    columns = {"completeness": p, "events_per_registration": 1.0 / p}
    if ratio is not None:
        columns |= {
            "ratio_if_same": np.full(p.size, ratio),
            "ratio_if_complete_after": ratio * p,
            "ratio_if_unrelated": ratio * np.exp(_log_ratio_quantiles(mean, sd, quantiles)),
        }
    table = pd.DataFrame(columns, index=pd.Index(quantiles, name="quantile"))
    return Elicited(float(low), float(high), float(probability), mean, sd, ratio, table)


def logit_normal(low: float, high: float, probability: float) -> tuple[float, float]:
    """Mean and standard deviation of the logit of which low and high are the equal-tailed quantiles.

    Raises
    ------
    DomainError
        Unless 0 < low < high < 1 and 0 < probability < 1.
    """
    if not 0.0 < low < high < 1.0:
        raise DomainError(
            f"low and high must satisfy 0 < low < high < 1, got {low:g} and {high:g}. A register that is complete for "
            "certain needs no prior; that one may be nearly complete is said with a high of 0.99."
        )
    if not 0.0 < probability < 1.0:
        raise DomainError(f"probability must lie between 0 and 1, got {probability:g}")
    arm = float(norm.isf((1.0 - probability) / 2.0))
    ends = float(logit(low)), float(logit(high))
    return (ends[0] + ends[1]) / 2.0, (ends[1] - ends[0]) / (2.0 * arm)


def _log_ratio_quantiles(mean: float, sd: float, quantiles: Vector) -> Vector:
    """Quantiles of log p0 - log p1 for independent p0 and p1, over a grid of equally likely values."""
    at = (np.arange(GRID) + 0.5) / GRID
    logs = np.log(expit(mean + sd * norm.ppf(at)))
    return np.asarray(np.quantile((logs[:, None] - logs[None, :]).ravel(), quantiles), dtype=np.float64)


def _tails(probability: float) -> list[float]:
    """The two quantiles that were stated; rounded, so that 0.05 is written 0.05."""
    return [round((1.0 - probability) / 2.0, 12), round((1.0 + probability) / 2.0, 12)]


def _ratio(rate_ratio: float | Estimate) -> float:
    if isinstance(rate_ratio, Estimate) and rate_ratio.scale != "registered":
        raise DomainError(f"rate_ratio is on the {rate_ratio.scale} scale; give the ratio of registered rates.")
    value = float(rate_ratio.estimate if isinstance(rate_ratio, Estimate) else rate_ratio)
    if not (math.isfinite(value) and value > 0.0):
        raise DomainError(f"rate_ratio must be a positive number (1.30 for a rise of 30%), got {value:g}")
    return value


def _percent(share: float, language: Language) -> str:
    text = f"{100.0 * share:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',') if language == 'nl' else text}%"


_SENTENCES: dict[Language, dict[str, str]] = {
    "nl": {
        "statement": (
            "Met {probability} kans is tussen {low} en {high} van wat gebeurt geregistreerd: er gebeurt dan {least} "
            "tot {most} procent meer dan er staat."
        ),
        "change": (
            "Bij een geregistreerde verhouding van {0} is de werkelijke verhouding {1} tot {2} als de latere periode "
            "volledig is, {3} tot {4} als de twee perioden los van elkaar staan, en {0} als zij even volledig zijn."
        ),
    },
    "en": {
        "statement": (
            "With probability {probability} between {low} and {high} of what happens is registered: {least} to {most} "
            "percent more happens than is written down."
        ),
        "change": (
            "For a registered ratio of {0} the real ratio is {1} to {2} if the later period is complete, {3} to {4} if "
            "the two periods are unrelated, and {0} if they are equally complete."
        ),
    },
}
