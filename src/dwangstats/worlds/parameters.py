"""Every number the synthetic worlds are made from, and nothing that draws.

The numbers are published figures or assumptions about the size of published mechanisms: none was fitted on a
register. Where no figure exists the value is an assumption, chosen to be plausible, and the comment says so.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from dwangstats.errors import DomainError

WorldName: TypeAlias = Literal["registration-only", "mixed", "real-only"]
SizeName: TypeAlias = Literal["tiny", "small", "national"]
SectorName: TypeAlias = Literal["wvggz", "wzd", "youth"]
AuditChoice: TypeAlias = Literal["random", "best"]

YEARS = (2021, 2022, 2023)
BEFORE, AFTER = YEARS[0], YEARS[-1]

#: Growth 2021 to 2023 that the letter to parliament reports among providers with three correct years.
PUBLISHED_GROWTH_ALL = 0.30
PUBLISHED_GROWTH_SECLUSION = 0.15


@dataclass(frozen=True, slots=True)
class Duration:
    """Lognormal duration of one application: median in hours, standard deviation of its logarithm."""

    median_hours: float
    log_sd: float


@dataclass(frozen=True, slots=True)
class Code:
    """One intervention code of a form, its share, and how long an application lasts (None: a point in time)."""

    code: str
    share: float
    duration: Duration | None = None
    forensic_duration: Duration | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """One form of forced care: events per 1,000 occupied bed-days by provider kind, and its codes."""

    name: str
    rates: tuple[float, ...]
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of ward: event rate relative to the other wards of a provider, mean stay in days, security levels."""

    name: str
    rate_factor: float
    mean_stay_days: float
    security_levels: tuple[str, ...] = ("1",)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of provider: share of providers, median beds, and the settings of its locations with their shares.

    The first location of a provider always has the first setting.
    """

    name: str
    share: float
    median_beds: float
    settings: tuple[str, ...]
    setting_shares: tuple[float, ...]
    true_zero_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Sector:
    """What does not differ between worlds: providers, exposure, spread, registration quality, deliveries.

    Attributes
    ----------
    law : str
        Law written in every registration and delivery.
    kinds, settings, forms : tuple
        Kinds of provider, kinds of ward, forms of forced care.
    legal_statuses : tuple of (status, share)
    vendors : tuple of (vendor, share)
        Suppliers of the electronic health record.
    beds_log_sd : float
        Spread of provider size around the median of its kind.
    occupancy_mean, occupancy_sd : float
        Occupied share of the beds between providers.
    occupancy_ar, occupancy_wobble : float
        First-order autocorrelation by quarter, and its stationary standard deviation.
    bed_day_growth : float
        Relative change of the occupied bed-days per year.
    opened_share, closed_share : float
        Share of locations (never the first of a provider) that open or close within the years.
    provider_sd, provider_slope_sd, provider_year_sd : float
        Log standard deviation of provider effects, of their yearly slopes, and of provider-year effects.
    form_correlation : float
        Correlation of those effects between forms within a provider.
    negative_binomial_size : float
        Cells of location, quarter and form vary with variance mu + mu^2 / size.
    season : tuple of float
        Relative rate in the four quarters.
    weekend_factor : float
        Relative rate on Saturday and Sunday.
    hour_weights : tuple of float
        Relative rate in the 24 hours of the day.
    longest_hours : float
        No application lasts longer.
    events_per_client, client_log_sd : float
        Mean number of events per client and year, and the log standard deviation of the weights of clients.
    attenuation, quality_effect, completeness_sd : float
        logit completeness = attenuation * logit(mean) + quality_effect * quality + Normal(0, completeness_sd).
    selection_intercept, selection_quality : float
        logit P(three correct years) = intercept + selection_quality * quality.
    correct_by_year : tuple of float
        Share of half-year deliveries that are correct in the vintage of October 2024.
    on_time_by_half_year : tuple of float
        Share that is correct at the first deadline.
    extra_versions : float
        Mean number of later versions of a late delivery.
    late_median_days, late_log_sd : float
        Delay of a late delivery after the due date.
    rejected_share : float
        Share of incorrect half-years for which a file was sent and rejected.
    reject_reasons : tuple of (reason, share)
    """

    law: str
    kinds: tuple[Kind, ...]
    settings: tuple[Setting, ...]
    forms: tuple[Form, ...]
    legal_statuses: tuple[tuple[str, float], ...]
    vendors: tuple[tuple[str, float], ...]
    hour_weights: tuple[float, ...]
    season: tuple[float, ...]
    correct_by_year: tuple[float, ...]
    on_time_by_half_year: tuple[float, ...]
    reject_reasons: tuple[tuple[str, float], ...]
    beds_log_sd: float = 0.65
    occupancy_mean: float = 0.90
    occupancy_sd: float = 0.05
    occupancy_ar: float = 0.7
    occupancy_wobble: float = 0.02
    bed_day_growth: float = -0.01
    opened_share: float = 0.03
    closed_share: float = 0.03
    provider_sd: float = 0.7
    provider_slope_sd: float = 0.15
    provider_year_sd: float = 0.15
    form_correlation: float = 0.5
    negative_binomial_size: float = 8.0
    weekend_factor: float = 0.92
    longest_hours: float = 720.0
    events_per_client: float = 4.0
    client_log_sd: float = 1.4
    attenuation: float = 1.12
    quality_effect: float = 0.56
    completeness_sd: float = 0.5
    selection_intercept: float = 1.30
    selection_quality: float = 0.6
    extra_versions: float = 0.6
    late_median_days: float = 120.0
    late_log_sd: float = 0.7
    rejected_share: float = 0.5

    @property
    def calibrated_form(self) -> str:
        """The form with a published growth of its own: seclusion, or the first form where there is none."""
        return "seclusion" if "seclusion" in self.form_names else self.form_names[0]

    @property
    def standing_forms(self) -> tuple[str, ...]:
        """The forms that are standing measures and therefore planned; none where the law does not know them."""
        return tuple(name for name in self.form_names if name.endswith("_standing"))

    @property
    def form_names(self) -> tuple[str, ...]:
        """Names of the forms, in the order of every array with a form axis."""
        return tuple(f.name for f in self.forms)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: providers, mean number of beds, fewest and most locations of a provider."""

    providers: int
    beds_per_provider: float
    locations: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What differs between worlds: how events and completeness change from 2021 to 2023.

    Attributes
    ----------
    free : {"completeness", "growth"}
        Which number calibration solves: completeness in 2023, or the growth of events.
    count_growth_all, count_growth_seclusion : float or None
        Growth of the number of events that a calibrated world holds fixed; None where growth is what is solved.
    rate_growth_seclusion, rate_growth_other : float
        Growth of the rate per bed-day without calibration, and the start of calibration.
    completeness_before, completeness_after : tuple of float
        Mean completeness in 2021 and 2023 by form, in the order of the sector's forms.
    """

    name: str
    free: Literal["completeness", "growth"]
    count_growth_all: float | None
    count_growth_seclusion: float | None
    rate_growth_seclusion: float
    rate_growth_other: float
    completeness_before: tuple[float, ...]
    completeness_after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EvidenceParameters:
    """What is known beside the register: every number is an assumption about an audit or a register still to be made.

    Attributes
    ----------
    audit_events : int
        Events that the audit looks up, half of them in each compared year; 0 for no audit. Fewer where the visited
        providers had fewer.
    audit_design : {"random", "best"}
        Which providers are visited: a random sample, or those that register best.
    audit_share : float
        Share of the providers that is visited, in (0, 1].
    linked_share : float
        Share of the providers, a random sample, whose events stand in the second source as well, in [0, 1]; 0 for none.
    linked_completeness : float
        Probability that an event stands in the second source, in (0, 1).
    linked_odds_ratio : float
        Odds ratio of standing in both registers, > 0; 1 where the second source takes no notice of the first.
    controls_per_event : float
        Control outcomes per expected event, at least 0; 0 for none.
    controls_spread : float
        Log standard deviation of that number between providers.
    controls_drift : float
        Growth of the log number of control outcomes per expected event from the year before to the year after; 0
        where control outcomes follow the events.
    """

    audit_events: int = 1000
    audit_design: AuditChoice = "random"
    audit_share: float = 0.5
    linked_share: float = 0.5
    linked_completeness: float = 0.55
    linked_odds_ratio: float = 1.0
    controls_per_event: float = 0.25
    controls_spread: float = 0.3
    controls_drift: float = 0.0

    def __post_init__(self) -> None:
        designs = get_args(AuditChoice)
        if self.audit_design not in designs:
            raise DomainError(f"there is no audit design '{self.audit_design}'; choose one of {', '.join(designs)}")
        if self.audit_events < 0 or self.audit_events != int(self.audit_events):
            raise DomainError(f"audit_events must be a whole number of at least 0, got {self.audit_events:g}")
        limits = {
            "audit_share": (0.0 < self.audit_share <= 1.0, "in (0, 1]"),
            "linked_share": (0.0 <= self.linked_share <= 1.0, "in [0, 1]"),
            "linked_completeness": (0.0 < self.linked_completeness < 1.0, "in (0, 1)"),
            "linked_odds_ratio": (0.0 < self.linked_odds_ratio < math.inf, "a positive number"),
            "controls_per_event": (0.0 <= self.controls_per_event < math.inf, "a number of at least 0"),
            "controls_spread": (0.0 <= self.controls_spread < math.inf, "a number of at least 0"),
            "controls_drift": (math.isfinite(self.controls_drift), "a number"),
        }
        for name, (fine, wanted) in limits.items():
            if not fine:
                raise DomainError(f"{name} must be {wanted}, got {getattr(self, name):g}")


SECLUDED = Duration(16.0, 1.45)
SECLUDED_FORENSIC = Duration(48.0, 1.6)
# The log-sd of the own room, and every duration below it, are assumptions: only the medians of own room and
# fixation are published orders of magnitude.
OWN_ROOM = Duration(10.0, 1.45)
FIXATED = Duration(5.0, 1.2)
HELD = Duration(0.25, 0.8)
RESTRICTED = Duration(48.0, 1.2)

WVGGZ = Sector(
    law="WVGGZ",
    kinds=(
        Kind("integrated", 0.40, 190.0, ("closed_acute", "closed_long_stay", "open"), (0.0, 0.5, 0.5)),
        Kind("forensic", 0.15, 90.0, ("forensic",), (1.0,)),
        Kind("hospital", 0.20, 40.0, ("paaz", "closed_acute"), (0.7, 0.3)),
        Kind("small", 0.25, 22.0, ("closed_long_stay", "open"), (0.5, 0.5), true_zero_share=0.20),
    ),
    # Factors bring closed acute wards to 8 to 12 seclusions per 1,000 bed-days at an integrated provider.
    settings=(
        Setting("closed_acute", 5.0, 25.0),
        Setting("closed_long_stay", 0.5, 180.0),
        Setting("open", 0.1, 60.0),
        Setting("forensic", 1.0, 240.0, ("2", "3")),
        Setting("paaz", 2.0, 25.0),
    ),
    forms=(
        Form(
            "seclusion",
            (2.7, 4.5, 2.7, 0.4),
            (
                Code("124061000146109", 0.8, SECLUDED, SECLUDED_FORENSIC),
                Code("124041000146108", 0.2, SECLUDED, SECLUDED_FORENSIC),
            ),
        ),
        Form(
            "other_locking_in",
            (4.5, 9.0, 2.5, 1.0),
            (
                Code("124051000146106", 0.55, OWN_ROOM),
                Code("124071000146103", 0.35, OWN_ROOM),
                Code("90278001", 0.10, OWN_ROOM),
            ),
        ),
        Form(
            "medication",
            (4.5, 1.5, 3.5, 0.6),
            (
                Code("121511000146100", 0.45),
                Code("121531000146107", 0.35),
                Code("29211000146105", 0.15),
                Code("123881000146109", 0.03),
                Code("121521000146105", 0.02),
            ),
        ),
        Form(
            "restraint",
            (3.3, 3.2, 3.5, 3.1),
            (Code("225212001", 0.91, HELD), Code("68894007", 0.09, FIXATED)),
        ),
        Form(
            "other",
            (8.0, 12.0, 5.0, 4.0),
            (
                Code("225309002", 0.20, RESTRICTED),
                Code("121411000146104", 0.20, RESTRICTED),
                Code("121631000146108", 0.15),
                Code("62407006", 0.10),
                Code("121621000146106", 0.10),
                Code("121471000146108", 0.15, RESTRICTED),
                Code("121461000146102", 0.05, RESTRICTED),
                Code("121601000146103", 0.05, RESTRICTED),
            ),
        ),
    ),
    # Shares of statuses and vendors are assumptions.
    legal_statuses=(("ZM", 0.60), ("CM", 0.20), ("VCM", 0.10), ("TEMP", 0.03), ("NOOD", 0.07)),
    vendors=(("vendor-1", 0.40), ("vendor-2", 0.35), ("vendor-3", 0.25)),
    hour_weights=(0.6,) * 7 + (0.9,) * 9 + (1.8,) * 6 + (0.8,) * 2,
    season=(0.95, 1.0, 1.05, 1.0),
    correct_by_year=(0.84, 0.88, 0.92),
    on_time_by_half_year=(0.36, 0.25, 0.50, 0.50, 0.65, 0.65),
    reject_reasons=(("schema", 0.40), ("location number missing", 0.25), ("wrong law", 0.15), ("empty file", 0.20)),
)

SIZES: MappingProxyType[SizeName, Size] = MappingProxyType(
    {
        "tiny": Size(providers=8, beds_per_provider=20.0, locations=(1, 2)),
        "small": Size(providers=24, beds_per_provider=38.0, locations=(1, 3)),
        "national": Size(providers=80, beds_per_provider=125.0, locations=(3, 5)),
    }
)

# Completeness in the order seclusion, other locking-in, medication, restraint, other; restraint has no published
# path of its own and follows the other forms.
SCENARIOS: MappingProxyType[WorldName, Scenario] = MappingProxyType(
    {
        "registration-only": Scenario(
            name="registration-only",
            free="completeness",
            count_growth_all=0.0,
            count_growth_seclusion=0.02,
            rate_growth_seclusion=0.02,
            rate_growth_other=0.02,
            completeness_before=(0.78, 0.60, 0.62, 0.55, 0.55),
            completeness_after=(0.895, 0.82, 0.84, 0.79, 0.79),
        ),
        "mixed": Scenario(
            name="mixed",
            free="completeness",
            count_growth_all=0.09,
            count_growth_seclusion=0.08,
            rate_growth_seclusion=0.09,
            rate_growth_other=0.105,
            completeness_before=(0.84, 0.66, 0.70, 0.58, 0.58),
            completeness_after=(0.90, 0.82, 0.84, 0.735, 0.735),
        ),
        "real-only": Scenario(
            name="real-only",
            free="growth",
            count_growth_all=None,
            count_growth_seclusion=None,
            rate_growth_seclusion=0.175,
            rate_growth_other=0.34,
            completeness_before=(0.90, 0.80, 0.82, 0.72, 0.72),
            completeness_after=(0.90, 0.80, 0.82, 0.72, 0.72),
        ),
    }
)
EVIDENCE = EvidenceParameters()
NAMES: tuple[WorldName, ...] = ("registration-only", "mixed", "real-only")
