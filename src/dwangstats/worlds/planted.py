"""Which errors are planted in a register, how often, and the truth table that names every one of them.

The codes are those of the taxonomy of registration errors: E1 never closed, E2 closed late, E3 open at discharge, E5
registered twice, E6 without a location, E7 wrong room, E8 wrong law, E9 planned block, E10 half-year missing, E11 file
refused for its form, E12 migration of the record system, E13 change of the reporting code, E14 not seen as forced care,
E15 admission not registered, E16 client with several numbers, E17 date without a time, E18 interruptions as new
registrations, E19 criterion of resistance. X10, X24, XC and XM are errors in the bed-days. E4 (a missing end that is
right, because the form is a point in time) is in every register and is no error. A world with a context has ZPM (new
funding system) as well, and one with reporting patterns has the silent quarters under "pattern".
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from dwangstats.data.register.periods import period_of
from dwangstats.errors import DomainError

COLUMNS: Final = (
    "error",
    "table",
    "effect",
    "registration_id",
    "provider_id",
    "location_id",
    "period",
    "detail",
)
"""Columns of `World.planted`: one row per planted error."""


@dataclass(frozen=True, slots=True)
class ErrorParameters:
    """How often each error is planted; 0 for never.

    Shares are of registrations that the error can happen to, unless it says providers or locations; a share of
    providers or locations is rounded up, so that a share above 0 always gives one. Where no source is named the number
    is an assumption about the size of a mechanism that the sources describe.

    Attributes
    ----------
    never_closed_before, never_closed_after : float
        E1, of applications of locking in, in 2021 and in 2023. Counted until the end of the year these few give a
        national world 2.2 to 2.4 times the hours of seclusion of 2021 in 2023; the press computed nearly three times
        as many, and the inspectorate suspects registrations that were not closed (Pointer and Skipr, 2024).
    never_closed_filled : float
        Of E1, the share in which the export wrote the end of the half-year; in the rest the end is missing.
    closed_late, closed_late_hours, closed_late_sd : float
        E2: share, median delay in hours and log standard deviation. The end is then the next change of shift.
    open_at_discharge : float
        E3: the end comes after the client was registered at another location.
    duplicated, duplicated_in_migration, duplicated_same_source : float
        E5: share, share in the year after a migration, and the share of pairs that come from one source entry.
    without_location : float
        E6: the location is not given; some exports drop such measures (support pages of a supplier).
    wrong_room : float
        E7: another room than the one used.
    unspecified_before, unspecified_after : float
        E7: room not specified, of applications of locking in, in 2021 and in 2023.
    wrong_law : float
        E8.
    planned_blocks : float
        E9, of locations: a standing daily block of a group, one registration per client and day.
    migrating, migration_factor : float
        E12: share of providers per year, and what remains of completeness in the four quarters after.
    recoded, recoded_factor : float
        E13: share of providers, and what remains of completeness in the four quarters after; 68 of 185 in a Swedish
        region in 2016-2017 (Svensk Medicinsk Tidskrift).
    unaware : float
        E14: share of events of other forms that nobody sees as forced care (IGJ, supervision strategy); it leaves no
        trace in a register.
    forced_admissions : float
        Forced admissions (form j) per admission to a closed ward; 0 leaves the form out of the register.
    admissions_unregistered, admissions_factor : float
        E15: share of providers that take admissions for granted, and what remains of completeness there; not
        registering form j is what the inspectorate (IGJ) reported of the year 2021.
    several_numbers : float
        E16: share of clients before November 2021, when the citizen service number came into the delivery (letter of
        the state secretary, November 2021).
    date_only : float
        E17, of providers.
    interrupting, interrupted : float
        E18: share of providers, and the share of their longer applications that is cut up.
    resistance, resistance_low, resistance_high : float
        E19: share of providers, and the range of what is left in 2020 of the completeness of locking in; it recovers
        linearly until 2023. Two providers reported 60 % and 81 % fewer hours in 2020 (Trouw, 2022).
    bed_days_missing, bed_days_capacity, bed_days_tenfold, bed_days_hours : float
        XM, XC, X10, X24: share of provider-quarters without bed-days, with capacity in place of occupancy, with a
        misplaced decimal mark, with hours in place of days.
    quality_effect : float
        E1, E2, E5, E6, E7 and E8 are this much rarer, on the log scale, per standard deviation of registration quality;
        the mean over providers is the share. Errors that can be seen then say something about registrations that are
        not there.
    """

    never_closed_before: float = 0.001
    never_closed_after: float = 0.015
    never_closed_filled: float = 0.3
    closed_late: float = 0.06
    closed_late_hours: float = 8.0
    closed_late_sd: float = 1.0
    open_at_discharge: float = 0.005
    duplicated: float = 0.02
    duplicated_in_migration: float = 0.05
    duplicated_same_source: float = 0.4
    without_location: float = 0.01
    wrong_room: float = 0.08
    unspecified_before: float = 0.10
    unspecified_after: float = 0.04
    wrong_law: float = 0.01
    planned_blocks: float = 0.03
    migrating: float = 0.06
    migration_factor: float = 0.7
    recoded: float = 0.03
    recoded_factor: float = 0.37
    unaware: float = 0.10
    forced_admissions: float = 0.3
    admissions_unregistered: float = 0.3
    admissions_factor: float = 0.05
    several_numbers: float = 0.05
    date_only: float = 0.05
    interrupting: float = 0.05
    interrupted: float = 0.4
    resistance: float = 0.15
    resistance_low: float = 0.2
    resistance_high: float = 0.4
    bed_days_missing: float = 0.05
    bed_days_capacity: float = 0.03
    bed_days_tenfold: float = 0.02
    bed_days_hours: float = 0.01
    quality_effect: float = 0.4

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            fine = value >= 0.0 if name in _UNLIMITED else 0.0 <= value <= 1.0
            if not fine:
                wanted = "at least 0" if name in _UNLIMITED else "in [0, 1]"
                raise DomainError(f"{name} must be {wanted}, got {value:g}")
        if self.resistance_low > self.resistance_high:
            raise DomainError(
                f"resistance_low must not be above resistance_high, got {self.resistance_low:g} and "
                f"{self.resistance_high:g}"
            )

    def only(self, *codes: str) -> "ErrorParameters":
        """The same parameters with every other error switched off.

        Parameters
        ----------
        *codes : str
            From `SWITCHES`: "E1", "E5", "X10" and so on.

        Raises
        ------
        DomainError
            If a code is none of those.
        """
        unknown = sorted(set(codes) - set(SWITCHES))
        if unknown:
            raise DomainError(f"there is no error '{unknown[0]}' to plant; choose from {', '.join(SWITCHES)}")
        off = {name: 0.0 for code, names in SWITCHES.items() if code not in codes for name in names}
        return replace(self, **off)


_UNLIMITED: Final = ("closed_late_hours", "closed_late_sd", "quality_effect")

#: The fields that are zero when an error is never planted. E10 and E11 follow from the deliveries and have no switch.
SWITCHES: Final = MappingProxyType(
    {
        "E1": ("never_closed_before", "never_closed_after"),
        "E2": ("closed_late",),
        "E3": ("open_at_discharge",),
        "E5": ("duplicated", "duplicated_in_migration"),
        "E6": ("without_location",),
        "E7": ("wrong_room", "unspecified_before", "unspecified_after"),
        "E8": ("wrong_law",),
        "E9": ("planned_blocks",),
        "E12": ("migrating",),
        "E13": ("recoded",),
        "E14": ("unaware",),
        "E15": ("forced_admissions", "admissions_unregistered"),
        "E16": ("several_numbers",),
        "E17": ("date_only",),
        "E18": ("interrupting", "interrupted"),
        "E19": ("resistance",),
        "XM": ("bed_days_missing",),
        "XC": ("bed_days_capacity",),
        "X10": ("bed_days_tenfold",),
        "X24": ("bed_days_hours",),
    }
)


def nothing_planted() -> pd.DataFrame:
    """The truth table of a register without planted errors."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})


def planted_in_rows(error: str, rows: pd.DataFrame, effect: str, detail: str = "") -> pd.DataFrame:
    """Truth table of an error in registrations.

    Parameters
    ----------
    error : str
        A code.
    rows : DataFrame
        Registrations: registration_id, provider_id, location_id, begin.
    effect : {"changed", "added"}
        Whether the registration is a changed one, or one too many.
    detail : str
        What was done.
    """
    period = period_of(rows["begin"], "quarter").to_numpy(dtype=object)
    return _table(
        {
            "error": error,
            "table": "registrations",
            "effect": effect,
            "registration_id": rows["registration_id"].to_numpy(dtype=object),
            "provider_id": rows["provider_id"].to_numpy(dtype=object),
            "location_id": rows["location_id"].to_numpy(dtype=object),
            "period": period,
            "detail": detail,
        },
        len(rows),
    )


def planted_at_places(error: str, table: str, effect: str, **columns: Any) -> pd.DataFrame:
    """Truth table of an error that belongs to a provider (or location) and period, not to a registration.

    Parameters
    ----------
    error, table, effect : str
        Effect "lowered" for completeness, "changed" for a value, "silent" for nothing at all.
    **columns : sequences of equal length
        provider_id and period, and if known location_id and detail.
    """
    return _table({"error": error, "table": table, "effect": effect, **columns}, len(columns["provider_id"]))


def join_planted(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """One truth table: by code, provider and period, numbers of the code first."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return nothing_planted()
    whole = pd.concat(filled, ignore_index=True)
    kind, number = whole["error"].str[:1], pd.to_numeric(whole["error"].str[1:], errors="coerce").fillna(0)
    keys = whole.assign(_kind=kind, _number=number)
    by = ["_kind", "_number", "provider_id", "period", "registration_id"]
    order = keys.sort_values(by, kind="stable", na_position="first").index
    return whole.loc[order].reset_index(drop=True)


def _table(columns: dict[str, Any], rows: int) -> pd.DataFrame:
    frame = pd.DataFrame(columns, index=range(rows)).reindex(columns=list(COLUMNS))
    return frame.astype("str").where(frame.notna())
