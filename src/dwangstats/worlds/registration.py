"""Layer 4: the probability that an event is registered."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from dwangstats._types import Matrix, Vector
from dwangstats.worlds.events import Cube
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import Scenario, Sector
from dwangstats.worlds.quarters import Calendar


@dataclass(frozen=True, slots=True)
class Path:
    """How events and completeness change, by form, from the middle of the year before to that of the year after.

    Attributes
    ----------
    log_growth : (F,) change of the log rate of events.
    logit_before, logit_after : (F,) logit of the mean completeness at both ends; straight in between and beyond.
    """

    log_growth: Vector
    logit_before: Vector
    logit_after: Vector


def starting_path(sector: Sector, scenario: Scenario) -> Path:
    """The path of the scenario before, or without, calibration."""
    is_seclusion = np.array([name == "seclusion" for name in sector.form_names])
    growth = np.where(is_seclusion, scenario.rate_growth_seclusion, scenario.rate_growth_other)
    return Path(
        log_growth=np.log1p(growth),
        logit_before=np.asarray(logit(scenario.completeness_before)),
        logit_after=np.asarray(logit(scenario.completeness_after)),
    )


def draw_quality_shift(sector: Sector, network: Network, rng: np.random.Generator) -> Matrix:
    """Shift of logit completeness by provider and form (P, F): registration quality plus noise, constant in time."""
    noise = rng.standard_normal((network.kind.size, len(sector.forms)))
    return np.asarray(sector.quality_effect * network.quality[:, None] + sector.completeness_sd * noise)


def completeness(path: Path, attenuation: float, shift: Matrix, calendar: Calendar) -> Cube:
    """Probability that an event is registered, by provider, quarter and form (P, T, F), strictly inside (0, 1)."""
    s = calendar.progress[:, None]
    mean = (1.0 - s) * path.logit_before + s * path.logit_after
    return np.asarray(expit(attenuation * mean[None, :, :] + shift[:, None, :]))


def growth_factor(path: Path, calendar: Calendar) -> Matrix:
    """Rate of events relative to the middle of the year before, by quarter and form (T, F)."""
    return np.asarray(np.exp(np.outer(calendar.progress, path.log_growth)))
