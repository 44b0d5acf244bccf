"""Events of closed youth care: how many are expected, how many are registered, and the numbers that fit the letter."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root
from scipy.special import expit, logit

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.events import Cube
from dwangstats.worlds.exposure import Exposure
from dwangstats.worlds.lapses import rounded_up
from dwangstats.worlds.months import Months
from dwangstats.worlds.network import Network
from dwangstats.worlds.youth_parameters import (
    PUBLISHED_CHANGE,
    PUBLISHED_STAGE_3,
    STAGE_2,
    STAGE_3,
    YouthParameters,
    YouthScenario,
    YouthSize,
)

#: logit completeness is stretched by this factor, so that its mean over providers is the one asked for: 1 + 0.35 of
#: the variance between providers, to the power one half.
STRETCH: Final = 0.35


@dataclass(frozen=True, slots=True)
class YouthPath:
    """Values in stage 2 and in stage 3; straight in between.

    Attributes
    ----------
    log_rate : (2,) log of true unplanned events per youth-day.
    logit_mean : (2,) logit of mean completeness; from the duty to register on it is another.
    """

    log_rate: Vector
    logit_mean: Vector


@dataclass(frozen=True, slots=True)
class YouthBackground:
    """What worlds with the same seed share, as the path needs it.

    Attributes
    ----------
    base : (L, T) expected unplanned events at a rate of one per youth-day.
    shift : (P,) logit completeness of a provider.
    provider : (L,)
    calendar : Months
    plan : YouthParameters
    bed_days : (L, T)
    """

    base: Matrix
    shift: Vector
    provider: NDArray[np.intp]
    calendar: Months
    plan: YouthParameters
    bed_days: Matrix

    @property
    def stages(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Months of stage 2 and of stage 3."""
        return self.calendar.between(*STAGE_2), self.calendar.between(*STAGE_3)

    @property
    def occupancy(self) -> tuple[float, float]:
        """Mean number of youths in stage 2 and in stage 3."""
        before, after = (
            float(self.bed_days[:, stage].sum() / self.calendar.days[stage].sum()) for stage in self.stages
        )
        return before, after


def draw_youth_background(
    network: Network,
    exposure: Exposure,
    calendar: Months,
    plan: YouthParameters,
    slope: Vector,
    rng: np.random.Generator,
) -> YouthBackground:
    """Draw the effects of locations and months; lognormal and gamma effects have mean one."""
    locations, months = exposure.bed_days.shape
    level = np.exp(plan.location_sd * rng.standard_normal(locations) - 0.5 * plan.location_sd**2)
    progress = _progress(calendar)
    change = np.exp(plan.slope_sd * np.outer(slope, progress) - 0.5 * np.square(plan.slope_sd * progress))
    frailty = rng.gamma(plan.negative_binomial_size, 1.0 / plan.negative_binomial_size, size=(locations, months))
    shock = np.where(calendar.between(*plan.shock_months), plan.shock_factor, 1.0)
    quarantined = rng.permutation(locations)[: rounded_up(plan.quarantine_share, locations)]
    calm = np.ones((locations, months))
    calm[quarantined] = np.where(calendar.between(*plan.quarantine_months), plan.quarantine_factor, 1.0)
    return YouthBackground(
        base=exposure.bed_days * level[:, None] * change * frailty * shock * calm,
        shift=plan.quality_sd * network.quality,
        provider=network.provider,
        calendar=calendar,
        plan=plan,
        bed_days=exposure.bed_days,
    )


def planned_means(
    network: Network, exposure: Exposure, calendar: Months, plan: YouthParameters, rng: np.random.Generator
) -> Matrix:
    """Expected rest moments of a group (L, T): at some locations, until their policy changes."""
    locations, months = exposure.bed_days.shape
    has = np.zeros(locations)
    has[rng.permutation(locations)[: rounded_up(plan.planned_share, locations)]] = 1.0
    low, high = (calendar.quarters.index(month) for month in plan.planned_until)
    changed = np.arange(months) >= rng.integers(low, high + 1, size=(locations, 1))
    shock = np.where(calendar.between(*plan.shock_months), plan.shock_factor, 1.0)
    rate = plan.planned_rate / 1000.0 * np.where(changed, plan.planned_factor, 1.0) * shock
    return np.asarray(exposure.bed_days * rate * has[:, None])


def youth_means(background: YouthBackground, path: YouthPath) -> Matrix:
    """Expected unplanned events (L, T)."""
    progress = _progress(background.calendar)
    stage_end = float(background.calendar.time[background.calendar.between(*STAGE_3)].max())
    years = np.maximum(background.calendar.time - stage_end, 0.0)
    log_rate = np.interp(progress, [0.0, 1.0], path.log_rate) + background.plan.later_growth * years
    return np.asarray(background.base * np.exp(log_rate))


def youth_completeness(background: YouthBackground, path: YouthPath) -> Matrix:
    """Probability that an unplanned event is registered, by provider and month (P, T)."""
    plan, calendar = background.plan, background.calendar
    mean: Vector = np.array(np.interp(_progress(calendar), [0.0, 1.0], path.logit_mean))
    mean[np.array(calendar.quarters) >= plan.duty_from] = logit(plan.completeness_duty)
    stretch = np.sqrt(1.0 + STRETCH * plan.quality_sd**2)
    return np.asarray(expit(stretch * mean[None, :] + background.shift[:, None]))


def starting_youth_path(scenario: YouthScenario, plan: YouthParameters) -> YouthPath:
    """The path of the scenario before, or without, calibration."""
    before = plan.registered_before / 1000.0 / scenario.completeness_before
    return YouthPath(
        log_rate=np.log([before, before * (1.0 + scenario.true_change)]),
        logit_mean=np.asarray(logit([scenario.completeness_before, scenario.completeness_after])),
    )


def published_totals(background: YouthBackground, size: YouthSize) -> tuple[int, int]:
    """Registrations in stage 2 and in stage 3: what the letter says of stage 3, and what its fall says of stage 2."""
    after = round(PUBLISHED_STAGE_3 * size.locations / 19.0)
    youths_before, youths_after = background.occupancy
    return round(after / (1.0 + PUBLISHED_CHANGE) * youths_before / youths_after), after


def calibrate_youth_path(
    background: YouthBackground, scenario: YouthScenario, start: YouthPath, totals: tuple[int, int]
) -> YouthPath:
    """Solve the path so that the expected registrations of both stages are the published ones.

    Where the fall is all real, completeness is constant and the rates are solved. Elsewhere the rates are solved first,
    so that events fall as the scenario says, and then completeness in both stages.

    Raises
    ------
    DomainError
        If the drawn locations cannot be calibrated.
    """
    wanted = np.log(np.array(totals, dtype=np.float64))

    def with_rates(values: Vector) -> YouthPath:
        return replace(start, log_rate=values)

    if scenario.completeness_before == scenario.completeness_after:
        return with_rates(
            _solved(lambda v: _log_totals(background, with_rates(v), registered=True) - wanted, start.log_rate)
        )
    before, after = background.occupancy
    events = np.log(totals[0] / scenario.completeness_before)
    true = np.array([events, events + np.log1p(scenario.true_change) + np.log(after / before)])
    rates = _solved(lambda v: _log_totals(background, with_rates(v), registered=False) - true, start.log_rate)

    def with_means(values: Vector) -> YouthPath:
        return YouthPath(log_rate=rates, logit_mean=values)

    return with_means(
        _solved(lambda v: _log_totals(background, with_means(v), registered=True) - wanted, start.logit_mean)
    )


def draw_youth_counts(
    means: Cube, chance: Cube, background: YouthBackground, totals: tuple[int, int] | None, rng: np.random.Generator
) -> Counts:
    """Registered and missed events (L, T, F).

    Poisson counts given their total are multinomial: with totals, the registered unplanned events of each stage are
    drawn so that they add up to the published number.

    Parameters
    ----------
    means : (L, T, F) expected events, unplanned first.
    chance : (L, T, F) completeness.
    totals : registrations in stage 2 and stage 3, or None.
    """
    registered = rng.poisson(means * chance).astype(np.float64)
    missed = rng.poisson(means * (1.0 - chance)).astype(np.float64)
    for stage, total in zip(background.stages, totals or (), strict=False):
        expected = (means * chance)[:, stage, 0]
        drawn = rng.multinomial(total, (expected / expected.sum()).ravel())
        registered[:, stage, 0] = drawn.reshape(expected.shape)
    return Counts(true=registered + missed, registered=registered)


def _log_totals(background: YouthBackground, path: YouthPath, *, registered: bool) -> Vector:
    mean = youth_means(background, path)
    if registered:
        mean = mean * youth_completeness(background, path)[background.provider]
    return np.log([mean[:, stage].sum() for stage in background.stages])


def _solved(gap: Callable[[Vector], Vector], start: Vector) -> Vector:
    found = root(gap, start, method="hybr", tol=1e-12)
    if not np.all(np.abs(gap(found.x)) < 1e-8):
        raise DomainError(
            "the published figures cannot be reached with the locations that were drawn; use another seed"
        )
    return np.asarray(found.x)


def _progress(calendar: Months) -> Vector:
    """0 until the end of stage 2, 1 from the beginning of stage 3 on, straight in between."""
    first = float(calendar.time[calendar.between(*STAGE_2)].max())
    last = float(calendar.time[calendar.between(*STAGE_3)].min())
    return np.asarray(np.clip((calendar.time - first) / (last - first), 0.0, 1.0))
