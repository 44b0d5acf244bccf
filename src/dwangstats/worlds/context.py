"""What happened around the register: the law of 2020, corona, the new funding system of 2022, and security levels.

With a context a world begins in 2019. Registrations and deliveries from before 2020 are under the Bopz, so that nobody
adds them to those of the Wvggz or the Wzd without asking for it.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.data.register.periods import parse_period
from dwangstats.errors import DomainError
from dwangstats.worlds.exposure import Exposure
from dwangstats.worlds.lapses import LOCKING_IN, Lapses, no_lapses
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import AFTER, BEFORE, Sector
from dwangstats.worlds.planted import planted_at_places
from dwangstats.worlds.quarters import Calendar

#: The Wvggz and the Wzd took the place of the Bopz.
LAW_FROM: Final = pd.Timestamp(2020, 1, 1)
OLD_LAW: Final = "BOPZ"

#: Security levels of forensic wards: rate of events and occupancy relative to level 1. Pressure is on the higher
#: levels, where people stay too long (letter of the state secretary, November 2021); the sizes are assumptions.
SECURITY: Final = MappingProxyType({"1": (1.0, 1.0), "2": (0.85, 1.03), "3": (1.2, 1.06)})


@dataclass(frozen=True, slots=True)
class ContextParameters:
    """Breaks and shocks.

    Attributes
    ----------
    first_year : int
        2019 or 2020.
    old_law_factor : float
        Locking in before 2020 relative to after: until then every forced locking-in counted, since then only against
        resistance (an expert in Trouw, 2022). The size is an assumption; single providers reported 2.5 to 5 times
        fewer hours.
    covid_quarters : (str, str)
    covid_bed_days, covid_rate : float
        Factors in those quarters; in Baden-Wuerttemberg 8 % fewer cases and 13 % more measures per case in 2020
        (Flammer et al. 2022).
    funding_vendor : str
        Supplier whose software registered less after the funding system changed in January 2022
        (zorgprestatiemodel); an assumption, as are the two below.
    funding_quarters : (str, str)
    funding_factor : float
        What is left of completeness.
    """

    first_year: int = 2019
    old_law_factor: float = 1.33
    covid_quarters: tuple[str, str] = ("2020-Q2", "2020-Q4")
    covid_bed_days: float = 0.92
    covid_rate: float = 1.13
    funding_vendor: str = "vendor-2"
    funding_quarters: tuple[str, str] = ("2022-Q1", "2022-Q2")
    funding_factor: float = 0.8

    def __post_init__(self) -> None:
        if self.first_year not in (2019, 2020):
            raise DomainError(f"first_year must be 2019 or 2020, got {self.first_year}")
        for name in ("old_law_factor", "covid_bed_days", "covid_rate"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise DomainError(f"{name} must be a positive number, got {getattr(self, name):g}")
        if not 0.0 <= self.funding_factor <= 1.0:
            raise DomainError(f"funding_factor must be in [0, 1], got {self.funding_factor:g}")
        for period in (*self.covid_quarters, *self.funding_quarters):
            parse_period(period)

    @property
    def years(self) -> tuple[int, ...]:
        """Years of the world."""
        return tuple(range(self.first_year, AFTER + 1))


def stretched(sector: Sector, plan: ContextParameters) -> Sector:
    """The sector with deliveries of the earlier years; they were delivered as those of the first year are."""
    extra = BEFORE - plan.first_year
    return replace(
        sector,
        correct_by_year=(sector.correct_by_year[0],) * extra + sector.correct_by_year,
        on_time_by_half_year=(sector.on_time_by_half_year[0],) * (2 * extra) + sector.on_time_by_half_year,
    )


def shocked_exposure(exposure: Exposure, network: Network, calendar: Calendar, plan: ContextParameters) -> Exposure:
    """Fewer bed-days under corona, and fuller wards at a higher security level."""
    level = np.array([SECURITY.get(str(name), (1.0, 1.0))[1] for name in network.security])
    covid = np.where(_between(calendar, plan.covid_quarters), plan.covid_bed_days, 1.0)
    occupied = np.minimum(exposure.mean_occupancy * level[:, None] * covid, network.capacity[:, None])
    mean_occupancy = np.round(occupied, 2)
    share = np.divide(
        mean_occupancy, exposure.mean_occupancy, out=np.ones_like(mean_occupancy), where=exposure.mean_occupancy > 0.0
    )
    return Exposure(mean_occupancy, np.rint(mean_occupancy * calendar.days), np.rint(exposure.admissions * share))


def rate_factor(network: Network, forms: tuple[str, ...], calendar: Calendar, plan: ContextParameters) -> Matrix:
    """What the rate of events is multiplied by (L, T, F)."""
    level = np.array([SECURITY.get(str(name), (1.0, 1.0))[0] for name in network.security])
    covid = np.where(_between(calendar, plan.covid_quarters), plan.covid_rate, 1.0)
    old = np.where(calendar.year < LAW_FROM.year, plan.old_law_factor, 1.0)
    locking = np.isin(np.array(forms), LOCKING_IN)
    by_form = np.where(locking, old[:, None], 1.0)
    return np.asarray(level[:, None, None] * covid[:, None] * by_form)


def funding_lapse(network: Network, forms: tuple[str, ...], calendar: Calendar, plan: ContextParameters) -> Lapses:
    """Software of one supplier that registers less after the funding system changed."""
    hit = (network.vendor == plan.funding_vendor)[:, None] & _between(calendar, plan.funding_quarters)
    base = no_lapses(network.kind.size, calendar, len(forms))
    provider, quarter = np.nonzero(hit)
    note = planted_at_places(
        "ZPM",
        "registrations",
        "lowered",
        provider_id=network.provider_ids[provider].astype(object),
        period=np.array(calendar.quarters, dtype=object)[quarter],
        detail=[f"completeness of every form x {plan.funding_factor:.2f}"] * provider.size,
    )
    factor = np.where(hit, plan.funding_factor, 1.0)[:, :, None] * base.factor
    return replace(base, factor=factor, planted=(note,))


def under_old_law(registrations: pd.DataFrame, deliveries: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Registrations and deliveries with the law of their time; legal statuses of the old law are not coded."""
    old = (registrations["begin"] < LAW_FROM).to_numpy(dtype=np.bool_)
    early = (deliveries["period"] < f"{LAW_FROM.year}").to_numpy(dtype=np.bool_)
    return (
        registrations.assign(
            law=registrations["law"].mask(old, OLD_LAW), legal_status=registrations["legal_status"].mask(old)
        ),
        deliveries.assign(law=deliveries["law"].mask(early, OLD_LAW)),
    )


def _between(calendar: Calendar, quarters: tuple[str, str]) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    labels = np.array(calendar.quarters)
    return np.asarray((labels >= quarters[0]) & (labels <= quarters[1]))
