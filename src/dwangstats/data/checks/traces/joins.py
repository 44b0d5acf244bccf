"""Registrations and bed-days that do not meet: no bed-days where there are registrations, or a closed location."""

from typing import Final

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import has
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import parse_period, period_kind, period_of

PLACE: Final = ["provider_id", "location_id"]
WITHOUT: Final = ("provider_id", "location_id", "period", "registrations")
CLOSED: Final = (*WITHOUT, "bed_days")


def without_exposure(tables: Tables) -> pd.DataFrame:
    """Places and periods with registrations and without a row of bed-days.

    Places are locations where both tables name them, and providers otherwise; periods are those of exposure. A
    registration without a location is held against its provider as a whole. Only from the first to the last period of
    exposure: before and after it nothing is said.

    Returns
    -------
    DataFrame
        provider_id, location_id (empty for a provider as a whole), period, registrations.
    """
    frame, exposure = tables.registrations, tables.exposure
    columns = pd.DataFrame(columns=list(WITHOUT))
    if frame is None or exposure is None or exposure.empty or not {"provider_id", "begin"} <= set(frame.columns):
        return columns
    counts = registered_places(tables)
    if counts.empty:
        return columns
    known = exposure.dropna(subset=["provider_id", "period"])
    ends = [parse_period(text) for text in known["period"].unique()]
    first, last = min(p.begin for p in ends), max(p.end for p in ends)
    inside = {text: first <= parse_period(text).begin < last for text in counts["period"].unique()}
    counts = counts.loc[counts["period"].map(inside).to_numpy(dtype=bool)]
    whole = pd.MultiIndex.from_frame(known[["provider_id", "period"]])
    there = pd.MultiIndex.from_frame(counts[["provider_id", "period"]]).isin(whole)
    if "location_id" in known.columns:
        places = pd.MultiIndex.from_frame(known[[*PLACE, "period"]].fillna(""))
        there &= pd.MultiIndex.from_frame(counts[[*PLACE, "period"]]).isin(places) | (counts["location_id"] == "")
    return counts.loc[~there, list(WITHOUT)].reset_index(drop=True)


def registered_places(tables: Tables) -> pd.DataFrame:
    """Number of registrations by place and period of exposure.

    Returns
    -------
    DataFrame
        provider_id, location_id (empty without, or where exposure has no locations), period, registrations. No rows
        where the periods of exposure are of several kinds.
    """
    frame, exposure = tables.registrations, tables.exposure
    if frame is None or exposure is None or not {"provider_id", "begin"} <= set(frame.columns):
        return pd.DataFrame(columns=list(WITHOUT))
    kinds = {period_kind(text) for text in exposure["period"].dropna().unique()}
    if len(kinds) != 1:
        return pd.DataFrame(columns=list(WITHOUT))
    located = "location_id" in exposure.columns and "location_id" in frame.columns
    rows = pd.DataFrame(
        {
            "provider_id": frame["provider_id"],
            "location_id": frame["location_id"].fillna("") if located else "",
            "period": period_of(frame["begin"], kinds.pop()),
        }
    ).dropna()
    return rows.groupby([*PLACE, "period"]).size().rename("registrations").reset_index()


def closed_location(tables: Tables) -> pd.DataFrame:
    """Registrations that begin, or bed-days in a whole period, when the table of locations says the place was closed.

    Returns
    -------
    DataFrame
        provider_id, location_id, period (a quarter for registrations, as in exposure for bed-days), registrations,
        bed_days (both outside the opening of the location).
    """
    locations = tables.locations
    if not has(locations, *PLACE):
        return pd.DataFrame(columns=list(CLOSED))
    listed = locations.drop_duplicates(PLACE).set_index(PLACE)
    never = pd.Series(pd.NaT, index=listed.index, dtype="datetime64[us]")
    opened, closed = (
        pd.to_datetime(listed[name]) if name in listed.columns else never for name in ("opened", "closed")
    )
    parts = [_registered(tables.registrations, opened, closed), _occupied(tables.exposure, opened, closed)]
    both = pd.concat(parts, ignore_index=True)
    if both.empty:
        return pd.DataFrame(columns=list(CLOSED))
    total = both.groupby([*PLACE, "period"])[["registrations", "bed_days"]].sum().reset_index()
    return total.astype({"registrations": "int64"})[list(CLOSED)]


def _registered(
    frame: pd.DataFrame | None, opened: "pd.Series[pd.Timestamp]", closed: "pd.Series[pd.Timestamp]"
) -> pd.DataFrame:
    """Registrations by place and quarter that began before the opening or after the closing day."""
    if not has(frame, *PLACE, "begin"):
        return pd.DataFrame(columns=list(CLOSED))
    rows = frame.loc[frame["location_id"].notna() & frame["begin"].notna(), [*PLACE, "begin"]]
    key = pd.MultiIndex.from_frame(rows[PLACE])
    begin = rows["begin"].to_numpy()
    after = closed.reindex(key).to_numpy() + np.timedelta64(1, "D")
    outside = (begin < opened.reindex(key).to_numpy()) | (begin >= after)
    late = rows.loc[outside]
    late = late.assign(period=period_of(late["begin"], "quarter"))
    counts = late.groupby([*PLACE, "period"]).size().rename("registrations").reset_index()
    return counts.assign(bed_days=0.0)


def _occupied(
    exposure: pd.DataFrame | None, opened: "pd.Series[pd.Timestamp]", closed: "pd.Series[pd.Timestamp]"
) -> pd.DataFrame:
    """Bed-days by place and period that lie wholly before the opening or after the closing."""
    if not has(exposure, *PLACE, "period", "bed_days"):
        return pd.DataFrame(columns=list(CLOSED))
    rows = exposure.dropna(subset=[*PLACE, "period"])
    days = pd.to_numeric(rows["bed_days"]).astype("float64")
    key = pd.MultiIndex.from_frame(rows[PLACE])
    periods = {text: parse_period(text) for text in rows["period"].unique()}
    begin = pd.to_datetime(rows["period"].map({t: pd.Timestamp(p.begin) for t, p in periods.items()})).to_numpy()
    end = pd.to_datetime(rows["period"].map({t: pd.Timestamp(p.end) for t, p in periods.items()})).to_numpy()
    outside = (end <= opened.reindex(key).to_numpy()) | (begin > closed.reindex(key).to_numpy())
    chosen = outside & (days > 0.0).to_numpy()
    part = rows.loc[chosen, [*PLACE, "period"]]
    return part.assign(registrations=0, bed_days=days[chosen])
