"""Every number the synthetic worlds of closed youth care (JeugdzorgPlus) are made from.

Published: the 1,613 unplanned forced seclusions of stage 3 and the fall of 61 % with mean occupancy taken into account
(letter of the state secretary, September 2021), the number of places of 2024 (Jeugdautoriteit, by way of Skipr), the
twelve and six beds of ZIKOS and their closure (Skipr, 2024). Mean occupancy in the stages is not in the letter; what
is assumed here, about 720 and 575 youths, and everything that names no source, is an assumption.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dwangstats.worlds.parameters import Code, Duration, Form, Sector, Setting, WorldName

YEARS: Final = (2019, 2020, 2021, 2022, 2023, 2024)
#: First and last month of the stages that the letter compares.
STAGE_2: Final = ("2019-10", "2020-03")
STAGE_3: Final = ("2020-09", "2021-02")
STAGES: Final = MappingProxyType({"2": STAGE_2, "3": STAGE_3})

PUBLISHED_STAGE_3: Final = 1613
PUBLISHED_CHANGE: Final = -0.61

#: Places at a moment in years: the first four are assumptions that fit the number of youths who stayed in a year.
PLACES: Final = (
    (2019.75, 900.0),
    (2020.75, 715.0),
    (2021.5, 620.0),
    (2022.5, 610.0),
    (2024.25, 569.0),
    (2024.5, 564.0),
    (2025.0, 562.0),
)
ZIKOS_BEDS: Final = (12.0, 6.0)
ZIKOS_CLOSES: Final = ("2024-08", "2024-11")
#: Months in which other locations close; by 2025 seven of nineteen have.
CLOSING_MONTHS: Final = ("2021-07", "2024-11")


@dataclass(frozen=True, slots=True)
class YouthSize:
    """Providers, locations, and how many of the locations close."""

    providers: int
    locations: int
    closing: int
    zikos: bool


@dataclass(frozen=True, slots=True)
class YouthScenario:
    """What differs between worlds.

    Attributes
    ----------
    name : str
    true_change : float
        Change of the rate of unplanned events from stage 2 to stage 3, by mean occupancy.
    completeness_before, completeness_after : float
        Mean completeness of unplanned events in stage 2 and from stage 3 on; calibration solves both unless the fall
        is all real.
    """

    name: str
    true_change: float
    completeness_before: float
    completeness_after: float


@dataclass(frozen=True, slots=True)
class YouthParameters:
    """What does not differ between worlds.

    Attributes
    ----------
    registered_before : float
        Registered unplanned events per 1,000 youth-days in stage 2.
    later_growth : float
        Change of the log rate of events per year after stage 3.
    location_sd, slope_sd : float
        Log standard deviation between locations, and of their change between the stages.
    closing_slope : float
        Log odds of closing per standard deviation of a location's change: what falls least closes first.
    negative_binomial_size : float
        Of a location and month.
    quality_sd : float
        Standard deviation between providers of logit completeness.
    duty_from, completeness_duty : str and float
        Month from which registering is a duty (position of youths in closed care, in force 1 January 2024), and mean
        completeness from then on.
    shock_months, shock_factor : months and factor
        Corona measures raised unplanned events, and planned rest moments, in March to May 2020.
    quarantine_share, quarantine_factor, quarantine_months : float, float, months
        Share of locations with quarantined groups, which had fewer unplanned events.
    planned_share, planned_rate, planned_factor, planned_until : float, float, float, months
        Share of locations with rest moments for a whole group, registrations of them per 1,000 youth-days (one for a
        group), what is left after the change of policy, and the months in which policies change.
    planned_completeness : float
    places_dirichlet : float
        Concentration of the places over the locations.
    occupancy_mean, occupancy_sd, occupancy_ar, occupancy_wobble : float
        Occupied share of the places, between locations and by month.
    mean_stay_days : float
    correct_share, late_share : float
        Of half-years after the stages that are delivered correctly, and of deliveries that are late.
    """

    registered_before: float = 39.3
    later_growth: float = -0.08
    location_sd: float = 0.8
    slope_sd: float = 0.6
    closing_slope: float = 1.0
    negative_binomial_size: float = 8.0
    quality_sd: float = 0.7
    duty_from: str = "2024-01"
    completeness_duty: float = 0.80
    shock_months: tuple[str, str] = ("2020-03", "2020-05")
    shock_factor: float = 1.25
    quarantine_share: float = 0.10
    quarantine_factor: float = 0.85
    quarantine_months: tuple[str, str] = ("2020-04", "2020-06")
    planned_share: float = 0.6
    planned_rate: float = 60.0
    planned_factor: float = 0.1
    planned_until: tuple[str, str] = ("2020-05", "2021-12")
    planned_completeness: float = 0.9
    places_dirichlet: float = 6.0
    occupancy_mean: float = 0.80
    occupancy_sd: float = 0.05
    occupancy_ar: float = 0.8
    occupancy_wobble: float = 0.03
    mean_stay_days: float = 180.0
    correct_share: float = 0.95
    late_share: float = 0.2


YOUTH = YouthParameters()

#: The names of the two kinds of event, in the order of the last axis of every cube.
KINDS: Final = ("unplanned", "planned")

SECTOR = Sector(
    law="JEUGDWET_H6",
    kinds=(),
    settings=(
        Setting("regular", 1.0, 180.0, ("closed",)),
        Setting("small_scale", 1.0, 180.0, ("hybrid",)),
        Setting("zikos", 1.0, 180.0, ("closed",)),
    ),
    forms=(
        Form(
            "unplanned",
            (),
            (Code("124071000146103", 0.7, Duration(0.7, 0.9)), Code("124051000146106", 0.3, Duration(0.7, 0.9))),
        ),
        Form("planned", (), (Code("124051000146106", 1.0, Duration(1.0, 0.0)),)),
    ),
    legal_statuses=(("OTS", 1.0),),
    vendors=(("vendor-1", 0.5), ("vendor-2", 0.5)),
    hour_weights=(0.2,) * 7 + (0.9,) * 9 + (1.8,) * 6 + (0.8,) * 2,
    season=(1.0, 1.0, 1.0, 1.0),
    correct_by_year=(),
    on_time_by_half_year=(),
    reject_reasons=(("schema", 0.6), ("location number missing", 0.4)),
    longest_hours=24.0,
)

SIZES = MappingProxyType(
    {
        "tiny": YouthSize(providers=4, locations=6, closing=2, zikos=False),
        "small": YouthSize(providers=12, locations=19, closing=7, zikos=True),
        "national": YouthSize(providers=12, locations=19, closing=7, zikos=True),
    }
)

SCENARIOS: MappingProxyType[WorldName, YouthScenario] = MappingProxyType(
    {
        "registration-only": YouthScenario("registration-only", 0.0, 0.80, 0.31),
        "mixed": YouthScenario("mixed", -0.50, 0.70, 0.55),
        "real-only": YouthScenario("real-only", PUBLISHED_CHANGE, 0.65, 0.65),
    }
)
