"""Panels drawn from the registration model itself, for studies of how well it is estimated.

True events N of a provider in a quarter are Poisson or NB2 with log mean log(exposure) + b0 + log(ratio) tau + u, and
each is registered with probability expit(a0 + slope tau + effect quality + v); tau runs from -1/2 in the first quarter
to 1/2 in the last, (u, v) are bivariate normal over providers (methods: Stoner, Economou and Drummond 2019, eq. 1-3).
An audit draws true events without looking at the register.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError

FIRST_YEAR: Final = 2021
QUARTERS: Final = 4


@dataclass(frozen=True, slots=True)
class ThinnedDesign:
    """What a panel is drawn from.

    Attributes
    ----------
    providers, quarters : int
    mean_registered : float
        Registrations per provider and quarter, about, > 0.
    rate_ratio : float
        Ratio of the rates of events, last quarter over first.
    completeness : float
        At the middle of the period in a middling provider, in (0, 1).
    completeness_slope : float
        Change of logit completeness from the first to the last quarter.
    rate_sd, registration_sd, correlation : float
        Of the provider effects on log rate and on logit completeness.
    dispersion : float
        NB2 dispersion of the true events, >= 0.
    quality_effect : float
        Effect on logit completeness of one standard deviation of the quality score.
    quality_on_rate : float
        Its effect on the log rate: 0 where the score only moves registration.
    audited_providers, audited_events : int
        Providers drawn at random for the audit, and true events looked up in each of the audited quarters, which are
        the first and the last.
    """

    providers: int = 60
    quarters: int = 12
    mean_registered: float = 40.0
    rate_ratio: float = 1.10
    completeness: float = 0.77
    completeness_slope: float = 0.8
    rate_sd: float = 0.4
    registration_sd: float = 0.6
    correlation: float = -0.3
    dispersion: float = 0.0
    quality_effect: float = 0.0
    quality_on_rate: float = 0.0
    audited_providers: int = 20
    audited_events: int = 25

    def __post_init__(self) -> None:
        if self.providers < 2 or self.quarters < 2 or self.audited_providers > self.providers:
            raise DomainError("a design needs at least two providers and quarters, and audits among its providers")
        if not (0.0 < self.completeness < 1.0 and -1.0 < self.correlation < 1.0 and self.dispersion >= 0.0):
            raise DomainError("completeness lies in (0, 1), the correlation in (-1, 1), the dispersion is >= 0")

    def with_(self, **changes: float) -> "ThinnedDesign":
        """The same design but for these fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ThinnedPanel:
    """One drawn panel.

    Attributes
    ----------
    counts : DataFrame
        provider, period ("2021-Q1"), events (registered), bed_days, tau, quality: what an analyst sees.
    audits : DataFrame
        provider_id, period, n_found, n_registered.
    true_events : (n,) array
        Rows as in counts.
    completeness, rate : (n,) array
        Probability of registration, and expected events per bed-day, of each row.
    """

    counts: pd.DataFrame
    audits: pd.DataFrame
    true_events: Vector
    completeness: Vector
    rate: Vector

    @property
    def unregistered(self) -> int:
        """Events that are not registered."""
        return int(self.true_events.sum() - self.counts["events"].sum())


def draw_thinned(design: ThinnedDesign, rng: np.random.Generator) -> ThinnedPanel:
    """One panel with its audit.

    Parameters
    ----------
    design : ThinnedDesign
    rng : numpy.random.Generator

    Returns
    -------
    ThinnedPanel
    """
    shape = (design.providers, design.quarters)
    tau = np.broadcast_to(np.linspace(-0.5, 0.5, design.quarters), shape)
    u, v = _effects(design, rng)
    exposure = 9_000.0 * np.exp(0.5 * rng.standard_normal(design.providers))[:, None] * np.ones(shape)
    quality = rng.standard_normal(shape)
    chance = expit(
        logit(design.completeness)
        + design.completeness_slope * tau
        + design.quality_effect * quality
        + design.registration_sd * v[:, None]
    )
    shift = np.log(design.rate_ratio) * tau + design.quality_on_rate * quality + design.rate_sd * u[:, None]
    level = design.mean_registered / (9_000.0 * np.exp(0.125 + 0.5 * design.rate_sd**2) * design.completeness)
    rate = level * np.exp(shift)
    events = _events(design, exposure * rate, rng)
    registered = rng.binomial(events, chance)
    return ThinnedPanel(
        counts=_counts(design, registered, exposure, tau, quality),
        audits=_audit(design, events, registered, rng),
        true_events=events.ravel().astype(np.float64),
        completeness=chance.ravel(),
        rate=rate.ravel(),
    )


def _effects(design: ThinnedDesign, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Standardised provider effects on rate and registration, (P,) each."""
    u, other = rng.standard_normal((2, design.providers))
    rho = design.correlation
    return u, rho * u + np.sqrt(1.0 - rho**2) * other


def _events(design: ThinnedDesign, mean: Matrix, rng: np.random.Generator) -> np.ndarray:
    if design.dispersion > 0.0:
        mean = mean * rng.gamma(1.0 / design.dispersion, design.dispersion, size=mean.shape)
    return rng.poisson(mean)


def _counts(
    design: ThinnedDesign, registered: np.ndarray, exposure: Matrix, tau: Matrix, quality: Matrix
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "provider": np.repeat(_names(design), design.quarters),
            "period": np.tile(_periods(design), design.providers),
            "events": registered.ravel(),
            "bed_days": exposure.ravel(),
            "tau": tau.ravel(),
            "quality": quality.ravel(),
        }
    )


def _audit(design: ThinnedDesign, events: np.ndarray, registered: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Events of providers drawn at random, looked up in the first and last quarter; all where there are fewer."""
    audited = np.sort(rng.choice(design.providers, size=design.audited_providers, replace=False))
    periods, names = _periods(design), _names(design)
    rows = []
    for provider in audited:
        for quarter in (0, design.quarters - 1):
            true, known = int(events[provider, quarter]), int(registered[provider, quarter])
            found = min(design.audited_events, true)
            if found == 0:
                continue
            rows.append((names[provider], periods[quarter], found, int(rng.hypergeometric(known, true - known, found))))
    return pd.DataFrame(rows, columns=["provider_id", "period", "n_found", "n_registered"])


def _names(design: ThinnedDesign) -> list[str]:
    return [f"P{number:03d}" for number in range(1, design.providers + 1)]


def _periods(design: ThinnedDesign) -> list[str]:
    return [f"{FIRST_YEAR + quarter // QUARTERS}-Q{quarter % QUARTERS + 1}" for quarter in range(design.quarters)]
