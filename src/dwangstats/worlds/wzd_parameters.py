"""Every number the synthetic Wzd registers are made from.

The Wzd covers people with dementia and people with an intellectual disability. What it registers is not what the Wvggz
registers: a structural measure is one entry however often it is applied, so that the two are never added up.

Published: about 350 providers, two thirds of which delivered correctly over 2021 (Skipr, June 2022), the growth of the
registrations of all sectors together (13,445 in 2021 and 15,940 in 2023: ANP and Skipr, October 2024), and that planned
structural care seems well registered and unforeseen care less so (IGJ by way of Skipr, 2022). Rates were not published:
they give two to ten per cent of clients a measure, which is what single providers write (2.2 % in one annual report).
Everything that names no source is an assumption.
"""

from types import MappingProxyType
from typing import Final

from dwangstats.worlds.parameters import (
    Code,
    Duration,
    Form,
    Kind,
    Scenario,
    Sector,
    Setting,
    Size,
    SizeName,
    WorldName,
)

#: 15,940 / 13,445 - 1, all sectors together; there is no figure for the Wzd alone, nor for seclusion under it.
PUBLISHED_GROWTH_WZD: Final = 0.186

_LOCKED_IN: Final = Duration(8.0, 1.2)
_HELD: Final = Duration(0.25, 0.8)
_RESTRICTED: Final = Duration(48.0, 1.2)
_STANDING: Final = Duration(2160.0, 0.8)

# Rates per 1,000 client-days by kind: nursing home, severe disability, mild disability with problem behaviour. Over all
# of them 0.8 unforeseen measures and 0.15 new standing ones.
WZD: Final = Sector(
    law="WZD",
    kinds=(
        Kind("nursing_home", 0.60, 300.0, ("dementia",), (1.0,), true_zero_share=0.28),
        Kind("severe_disability", 0.20, 250.0, ("severe_disability",), (1.0,), true_zero_share=0.25),
        Kind("mild_disability", 0.20, 120.0, ("mild_disability",), (1.0,), true_zero_share=0.15),
    ),
    settings=(
        Setting("dementia", 1.0, 700.0),
        Setting("severe_disability", 1.0, 3000.0),
        Setting("mild_disability", 1.0, 900.0, ("open", "closed")),
    ),
    forms=(
        Form("seclusion", (0.002, 0.02, 0.12), (Code("124061000146109", 1.0, _LOCKED_IN),)),
        Form(
            "other_locking_in",
            (0.03, 0.10, 0.30),
            (
                Code("124051000146106", 0.60, _LOCKED_IN),
                Code("124071000146103", 0.30, _LOCKED_IN),
                Code("90278001", 0.10, _LOCKED_IN),
            ),
        ),
        Form(
            "medication",
            (0.15, 0.10, 0.12),
            (Code("29211000146105", 0.80), Code("123881000146109", 0.15), Code("37041007", 0.05)),
        ),
        Form(
            "restraint",
            (0.20, 0.45, 0.60),
            (Code("225212001", 0.90, _HELD), Code("68894007", 0.10, Duration(5.0, 1.2))),
        ),
        Form(
            "other",
            (0.15, 0.25, 0.60),
            (
                Code("225309002", 0.30, _RESTRICTED),
                Code("121471000146108", 0.25, _RESTRICTED),
                Code("62407006", 0.20),
                Code("121631000146108", 0.15),
                Code("121601000146103", 0.10, _RESTRICTED),
            ),
        ),
        Form(
            "restraint_standing",
            (0.09, 0.12, 0.04),
            (
                Code("225210009", 0.50, _STANDING),
                Code("68894007", 0.30, _STANDING),
                Code("130201000146105", 0.20, _STANDING),
            ),
        ),
        Form(
            "other_standing",
            (0.06, 0.05, 0.12),
            (
                Code("121451000146100", 0.50, _STANDING),
                Code("121411000146104", 0.25, _STANDING),
                Code("121461000146102", 0.25, _STANDING),
            ),
        ),
    ),
    legal_statuses=(("OPM", 0.70), ("RM", 0.22), ("IBS", 0.05), ("VM", 0.03)),
    vendors=(("vendor-1", 0.45), ("vendor-4", 0.35), ("vendor-5", 0.20)),
    hour_weights=(0.5,) * 7 + (1.1,) * 9 + (1.6,) * 6 + (0.7,) * 2,
    season=(1.0, 1.0, 1.0, 1.0),
    correct_by_year=(0.67, 0.72, 0.78),
    on_time_by_half_year=(0.45, 0.45, 0.55, 0.55, 0.65, 0.65),
    reject_reasons=(("schema", 0.40), ("location number missing", 0.25), ("wrong law", 0.15), ("empty file", 0.20)),
    beds_log_sd=0.7,
    occupancy_mean=0.95,
    occupancy_sd=0.03,
    bed_day_growth=0.0,
    provider_sd=0.9,
    weekend_factor=1.0,
    longest_hours=8760.0,
    events_per_client=3.0,
    completeness_sd=0.6,
    selection_intercept=0.35,
)

WZD_SIZES: Final[MappingProxyType[SizeName, Size]] = MappingProxyType(
    {
        "tiny": Size(providers=8, beds_per_provider=90.0, locations=(1, 3)),
        "small": Size(providers=60, beds_per_provider=120.0, locations=(1, 2)),
        "national": Size(providers=350, beds_per_provider=400.0, locations=(6, 16)),
    }
)

# In the order of the forms; standing measures are 0.80 on average, the others 0.50.
WZD_SCENARIOS: Final[MappingProxyType[WorldName, Scenario]] = MappingProxyType(
    {
        "registration-only": Scenario(
            name="registration-only",
            free="completeness",
            count_growth_all=0.0,
            count_growth_seclusion=0.0,
            rate_growth_seclusion=0.0,
            rate_growth_other=0.0,
            completeness_before=(0.55, 0.50, 0.45, 0.45, 0.42, 0.75, 0.72),
            completeness_after=(0.66, 0.61, 0.56, 0.56, 0.53, 0.83, 0.80),
        ),
        "mixed": Scenario(
            name="mixed",
            free="completeness",
            count_growth_all=0.08,
            count_growth_seclusion=0.08,
            rate_growth_seclusion=0.08,
            rate_growth_other=0.08,
            completeness_before=(0.60, 0.55, 0.48, 0.48, 0.46, 0.78, 0.76),
            completeness_after=(0.66, 0.61, 0.54, 0.54, 0.52, 0.83, 0.81),
        ),
        "real-only": Scenario(
            name="real-only",
            free="growth",
            count_growth_all=None,
            count_growth_seclusion=None,
            rate_growth_seclusion=0.186,
            rate_growth_other=0.186,
            completeness_before=(0.60, 0.55, 0.50, 0.50, 0.48, 0.80, 0.80),
            completeness_after=(0.60, 0.55, 0.50, 0.50, 0.48, 0.80, 0.80),
        ),
    }
)
