"""Layer 2: occupied bed-days of each location in each quarter, without error."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import Sector
from dwangstats.worlds.quarters import Calendar


@dataclass(frozen=True, slots=True)
class Exposure:
    """Exposure by location and quarter, axes (L, T); all zero in quarters in which the location is not open.

    Attributes
    ----------
    mean_occupancy : occupied beds on an average day, two decimals.
    bed_days : occupied bed-days, whole numbers.
    admissions : number of admissions.
    """

    mean_occupancy: Matrix
    bed_days: Matrix
    admissions: Matrix


def draw_exposure(sector: Sector, network: Network, calendar: Calendar, rng: np.random.Generator) -> Exposure:
    """Draw occupancy: a level per provider, first-order autoregression by quarter, and the trend of the sector."""
    share = _occupied_share(sector, network.kind.size, len(calendar.starts), rng)
    trend = (1.0 + sector.bed_day_growth) ** calendar.time
    quarter = np.arange(len(calendar.starts))
    is_open = (quarter >= network.first[:, None]) & (quarter <= network.last[:, None])
    occupied = network.capacity[:, None] * np.clip(share, 0.3, 1.0)[network.provider] * trend
    mean_occupancy = np.where(is_open, np.minimum(np.round(occupied, 2), network.capacity[:, None]), 0.0)
    bed_days = np.rint(mean_occupancy * calendar.days)
    stay = np.array([s.mean_stay_days for s in sector.settings])[network.setting]
    return Exposure(mean_occupancy, bed_days, rng.poisson(bed_days / stay[:, None]).astype(np.float64))


def exposure_table(network: Network, exposure: Exposure, calendar: Calendar) -> pd.DataFrame:
    """The table ``exposure``: one row per location and open quarter."""
    location, quarter = np.nonzero(exposure.bed_days > 0)
    return pd.DataFrame(
        {
            "provider_id": network.provider_ids[network.provider[location]],
            "location_id": network.location_ids[location],
            "period": np.array(calendar.quarters)[quarter],
            "capacity": network.capacity[location].astype(np.int64),
            "mean_occupancy": exposure.mean_occupancy[location, quarter],
            "bed_days": exposure.bed_days[location, quarter].astype(np.int64),
            "admissions": exposure.admissions[location, quarter].astype(np.int64),
        }
    )


def _occupied_share(sector: Sector, providers: int, quarters: int, rng: np.random.Generator) -> Matrix:
    level = sector.occupancy_mean + sector.occupancy_sd * rng.standard_normal(providers)
    step = rng.standard_normal((providers, quarters)) * sector.occupancy_wobble
    wobble = np.empty_like(step)
    wobble[:, 0] = step[:, 0]
    for t in range(1, quarters):
        wobble[:, t] = sector.occupancy_ar * wobble[:, t - 1] + np.sqrt(1.0 - sector.occupancy_ar**2) * step[:, t]
    return np.asarray(level[:, None] + wobble)
