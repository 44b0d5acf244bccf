"""How a panel is laid out: its columns, their order, the order of its rows; the same whatever it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dwangstats._types import PeriodKind
from dwangstats.data.deliveries.standing import Status
from dwangstats.data.panels.reasons import OF_STATUS, What
from dwangstats.data.register.codes import Definition
from dwangstats.data.register.periods import midpoints, parse_period

IDENTITY = ("provider", "location", "law", "period", "form")
MEASURES = ("events", "bed_days", "delivered")
BOUNDS = ("lower", "upper")
RESERVED = (*IDENTITY, "year", "time", *MEASURES, *BOUNDS)

ALL_FORMS = "all"


@dataclass(frozen=True, slots=True)
class Question:
    """What a panel is asked to count.

    Attributes
    ----------
    forms : tuple of str or None
        Forms to count, each in its own rows; None for all that occur.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion.
    by : {"month", "quarter", "half-year", "year"}
    law : str or None
    planned : bool or None
        Planned only, unplanned only, or no distinction.
    covariates : tuple of str
    gap_hours : float or None
        Count interventions, whose interruptions last at most this long; None counts registrations.
    """

    forms: tuple[str, ...] | None
    definition: Definition
    by: PeriodKind
    law: str | None
    planned: bool | None
    covariates: tuple[str, ...]
    gap_hours: float | None = None


@dataclass(frozen=True, slots=True)
class PanelParts:
    """What a panel is made of, before it is one.

    Attributes
    ----------
    frame : DataFrame
        As `arrange` gives it.
    by : {"month", "quarter", "half-year", "year"}
    set_aside : DataFrame
        what, reason, count.
    delivery_status : DataFrame
        provider, period, status.
    registrations_read : int
        Intervals by their lower bounds.
    """

    frame: pd.DataFrame
    by: PeriodKind
    set_aside: pd.DataFrame
    delivery_status: pd.DataFrame
    registrations_read: int


def arrange(rows: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """Columns and rows of a panel in their fixed order.

    Parameters
    ----------
    rows : DataFrame
        provider, period, form, events, bed_days, delivered, the covariates, and location and law if there are any;
        lower and upper if some counts are intervals.

    Returns
    -------
    DataFrame
        provider, [location], [law], period, year (int), time (middle of the period in decimal years), form, events,
        bed_days, delivered (bool), [lower, upper], covariates; sorted by the columns that name a row.
    """
    key = [name for name in IDENTITY if name in rows.columns]
    years = {text: parse_period(text).year for text in rows["period"].unique()}
    frame = rows.astype(dict.fromkeys(key, "str")).sort_values(key, kind="stable").reset_index(drop=True)
    frame = frame.assign(
        year=frame["period"].map(years).astype("int64"),
        time=midpoints(frame["period"]),
        events=frame["events"].astype("float64"),
        bed_days=frame["bed_days"].astype("float64"),
        delivered=frame["delivered"].astype(bool),
    )
    bounds = [name for name in BOUNDS if name in frame.columns]
    return frame[[*key[:-1], "year", "time", "form", *MEASURES, *bounds, *covariates]]


def undelivered_rows(frame: pd.DataFrame, delivery_status: pd.DataFrame) -> list[tuple[What, str, int]]:
    """Provider-periods (or location-periods) of a panel without a delivery, counted once over forms, by reason."""
    place = [name for name in IDENTITY if name in frame.columns and name != "form"]
    without = frame.loc[~frame["delivered"], place].drop_duplicates()
    joined = without.merge(delivery_status, on=["provider", "period"], how="left", validate="many_to_one")
    return [("rows", OF_STATUS.get(str(status), OF_STATUS["unknown"]), 1) for status in joined["status"]]


def status_grid(known: pd.DataFrame) -> pd.DataFrame:
    """Delivery status of every provider in every period, "unknown" where it is not known.

    Parameters
    ----------
    known : DataFrame
        provider, period, status; one row per provider and period.

    Returns
    -------
    DataFrame
        provider, period, status; sorted by provider and period.
    """
    unknown: Status = "unknown"
    names = [sorted(known["provider"].unique()), sorted(known["period"].unique())]
    index = pd.MultiIndex.from_product(names, names=["provider", "period"])
    status = known.set_index(["provider", "period"])["status"].reindex(index).fillna(unknown)
    return status.reset_index().astype("str")
