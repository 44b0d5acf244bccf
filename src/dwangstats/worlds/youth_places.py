"""Locations of closed youth care, their places and youths, and their deliveries."""

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.worlds.deliveries import CLOSED_AT, OPENED_AT, Deliveries
from dwangstats.worlds.exposure import Exposure
from dwangstats.worlds.months import Months
from dwangstats.worlds.network import Network
from dwangstats.worlds.youth_parameters import (
    CLOSING_MONTHS,
    PLACES,
    SECTOR,
    STAGE_3,
    ZIKOS_BEDS,
    ZIKOS_CLOSES,
    YouthParameters,
    YouthSize,
)

#: Number of the setting of ZIKOS in the sector.
ZIKOS = 2


def draw_youth_network(
    size: YouthSize, plan: YouthParameters, calendar: Months, slope: Vector, rng: np.random.Generator
) -> Network:
    """Draw providers and locations; the locations that fell least between the stages are the likeliest to close.

    Parameters
    ----------
    slope : (L,)
        Standardised change of each location between the stages.
    """
    provider = np.sort(np.arange(size.locations) % size.providers).astype(np.intp)
    order = np.arange(size.locations) - np.searchsorted(provider, provider)
    setting = rng.integers(0, 2, size=size.locations).astype(np.intp)
    zikos = np.flatnonzero(order == 1)[:2] if size.zikos else np.zeros(0, dtype=np.intp)
    setting[zikos] = ZIKOS
    names, shares = zip(*SECTOR.vendors, strict=True)
    levels = np.array([s.security_levels[0] for s in SECTOR.settings])
    return Network(
        provider_ids=np.array([f"y{i + 1:02d}" for i in range(size.providers)]),
        kind=np.zeros(size.providers, dtype=np.intp),
        quality=rng.standard_normal(size.providers),
        vendor=rng.choice(np.array(names), size=size.providers, p=np.array(shares, dtype=np.float64)),
        location_ids=np.array([f"y{p + 1:02d}-{o + 1}" for p, o in zip(provider, order, strict=True)]),
        provider=provider,
        setting=setting,
        security=levels[setting],
        capacity=rng.gamma(plan.places_dirichlet, size=size.locations),
        first=np.zeros(size.locations, dtype=np.intp),
        last=_last_month(size, plan, calendar, slope, zikos, rng),
    )


def _last_month(
    size: YouthSize, plan: YouthParameters, calendar: Months, slope: Vector, zikos: Codes, rng: np.random.Generator
) -> Codes:
    """Number of the last month of each location."""
    last = np.full(size.locations, len(calendar.starts) - 1, dtype=np.intp)
    labels = calendar.quarters
    low, high = (labels.index(month) for month in CLOSING_MONTHS)
    # The largest of log weight plus Gumbel noise: drawn without replacement with those weights.
    order = np.argsort(-(plan.closing_slope * slope + rng.gumbel(size=size.locations)), kind="stable")
    others = order[~np.isin(order, zikos)][: size.closing - zikos.size]
    last[others] = rng.integers(low, high + 1, size=others.size)
    last[zikos] = [labels.index(month) for month in ZIKOS_CLOSES][: zikos.size]
    return last


def youth_capacity(size: YouthSize, network: Network, calendar: Months) -> Matrix:
    """Places by location and month (L, T), whole numbers; zero where the location is closed.

    The total follows the published path; the places of ZIKOS are its own, and the others share the rest.
    """
    moment = calendar.years[0] + 0.5 + calendar.time
    at, places = (np.array(column) for column in zip(*PLACES, strict=True))
    total = np.interp(moment, at, places) * size.locations / 19.0
    open_ = np.arange(len(calendar.starts)) <= network.last[:, None]
    zikos = network.setting == ZIKOS
    own = np.zeros(size.locations)
    own[zikos] = ZIKOS_BEDS[: int(zikos.sum())]
    weight: Matrix = np.where(zikos, 0.0, network.capacity)[:, None] * open_
    rest = total - (own[:, None] * open_).sum(axis=0)
    shared = np.maximum(np.rint(weight / weight.sum(axis=0) * rest), np.where(weight > 0.0, 1.0, 0.0))
    return np.asarray(np.where(zikos[:, None], own[:, None] * open_, shared))


def draw_youth_exposure(
    capacity: Matrix, plan: YouthParameters, calendar: Months, rng: np.random.Generator
) -> Exposure:
    """Occupancy of each location and month: a level, and first-order autoregression around it."""
    locations, months = capacity.shape
    level: Vector = plan.occupancy_mean + plan.occupancy_sd * rng.standard_normal((locations, 1))
    step = plan.occupancy_wobble * rng.standard_normal((locations, months))
    wobble = step.copy()
    for t in range(1, months):
        wobble[:, t] = plan.occupancy_ar * wobble[:, t - 1] + np.sqrt(1.0 - plan.occupancy_ar**2) * step[:, t]
    share = np.clip(level + wobble, 0.5, 1.0)
    mean_occupancy = np.round(capacity * share, 2)
    bed_days = np.rint(mean_occupancy * calendar.days)
    admissions = rng.poisson(bed_days / plan.mean_stay_days).astype(np.float64)
    return Exposure(mean_occupancy, bed_days, admissions)


def draw_youth_deliveries(
    providers: int, plan: YouthParameters, calendar: Months, rng: np.random.Generator
) -> Deliveries:
    """All institutions register, so the half-years of the stages are all delivered; later ones mostly."""
    shape = (providers, len(calendar.half_years))
    stage_end = calendar.half_years.index(f"{STAGE_3[1][:4]}-H1")
    early = np.arange(shape[1]) <= stage_end
    correct: NDArray[np.bool_] = early | (rng.random(shape) < plan.correct_share)
    late = rng.random(shape) < plan.late_share
    days = np.where(late, 60.0 * np.exp(0.7 * rng.standard_normal(shape)), -rng.uniform(1.0, 10.0, size=shape))
    due = calendar.due_on.to_numpy().astype("datetime64[D]")
    day = due + np.floor(np.minimum(days, 220.0)).astype("timedelta64[D]")
    minute = rng.integers(OPENED_AT, CLOSED_AT, size=shape).astype("timedelta64[m]")
    return Deliveries(
        complete=np.asarray(correct.all(axis=1)),
        correct=correct,
        sent=np.ones(shape, dtype=np.bool_),
        version=np.where(late, 1 + rng.poisson(0.6, size=shape), 1).astype(np.intp),
        received_at=np.asarray(day.astype("datetime64[m]") + minute),
        reason=rng.choice(2, size=shape, p=[share for _, share in SECTOR.reject_reasons]).astype(np.intp),
    )
