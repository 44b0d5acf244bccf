"""Half-years that are not in the register (E10), and files that were refused for their form (E11)."""

from typing import Final

import pandas as pd

from dwangstats.data.checks.rule import has
from dwangstats.data.deliveries.standing import DELIVERED, NOT_YET_DUE, half_years_of, standing_rows
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import period_kind, sort_periods

#: words in the reason of a refusal that speak of the file and not of what was in it, in small letters.
ABOUT_THE_FILE: Final = r"schema|xsd|xml|valid|syntax|format|opmaak|structuur|onleesbaar|unreadable|pars"

HALF_YEARS: Final = ("provider_id", "law", "period", "status")
REFUSED: Final = ("provider_id", "law", "period", "version", "mended")


def half_years(tables: Tables) -> pd.DataFrame:
    """Half-years of which no registrations count, by what the table of deliveries says (E10).

    Returns
    -------
    DataFrame
        provider_id, law (empty where none is named), period, status: "rejected" or "not_delivered" by the version
        that counts, or "unknown" where the provider has bed-days and no delivery at all, in a half-year that others
        delivered; not what was not yet due on a date. The index is the row in deliveries, or -1. Without a table of
        deliveries nothing is known to be missing: no rows.
    """
    frame = tables.deliveries
    if not has(frame, "provider_id", "period", "status"):
        return pd.DataFrame(columns=list(HALF_YEARS))
    ordered = _in_order(frame)
    last = ordered.loc[standing_rows(ordered, ["provider_id", "law", "period"])]
    absent = last.loc[last["status"].notna() & ~last["status"].isin([*DELIVERED, NOT_YET_DUE])]
    return pd.concat([absent.sort_index(), _without_a_row(last, tables.exposure)])[list(HALF_YEARS)]


def refused_for_form(tables: Tables) -> pd.DataFrame:
    """Files that were refused because of how they were written, not for what they said (E11).

    Returns
    -------
    DataFrame
        provider_id, law, period, version, mended (a later version of the half-year was accepted); the index is the row
        in deliveries. Known by words in reject_reason (`ABOUT_THE_FILE`); no rows without that column.
    """
    frame = tables.deliveries
    if not has(frame, "provider_id", "period", "status", "reject_reason"):
        return pd.DataFrame(columns=list(REFUSED))
    ordered = _in_order(frame)
    reason = frame["reject_reason"].astype("str").str.casefold().reindex(ordered.index)
    refused = (ordered["status"] == "rejected") & reason.str.contains(ABOUT_THE_FILE, regex=True, na=False)
    last = ordered.groupby(["provider_id", "law", "period"])["status"].transform("last")
    return ordered.assign(mended=last.isin(DELIVERED)).loc[refused, list(REFUSED)].sort_index()


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Versions of each half-year in order; law empty where it is not named."""
    law = frame["law"].astype("str").where(frame["law"].notna(), "") if "law" in frame.columns else ""
    known = pd.DataFrame(
        {
            "provider_id": frame["provider_id"],
            "law": law,
            "period": frame["period"],
            "status": frame["status"],
            "version": frame["version"] if "version" in frame.columns else 1.0,
            "received": frame["received_at"] if "received_at" in frame.columns else pd.NaT,
        },
        index=frame.index,
    ).dropna(subset=["provider_id", "period"])
    return known.sort_values(
        ["provider_id", "law", "period", "version", "received"], na_position="first", kind="stable"
    )


def _without_a_row(last: pd.DataFrame, exposure: pd.DataFrame | None) -> pd.DataFrame:
    """Half-years with bed-days and without any delivery, among those that the table of deliveries is about."""
    empty = pd.DataFrame(columns=list(HALF_YEARS))
    if exposure is None or last.empty or not {"provider_id", "period", "bed_days"} <= set(exposure.columns):
        return empty
    known = sort_periods(text for text in last["period"].unique() if period_kind(text) == "half-year")
    rows = exposure.loc[pd.to_numeric(exposure["bed_days"]) > 0, ["provider_id", "period"]].dropna().drop_duplicates()
    halves = {text: half_years_of(text) for text in rows["period"].unique()}
    rows = rows.assign(period=rows["period"].map(halves)).explode("period").drop_duplicates()
    there = pd.MultiIndex.from_frame(last[["provider_id", "period"]])
    alone = rows["period"].isin(known).to_numpy() & ~pd.MultiIndex.from_frame(rows).isin(there)
    found = rows.loc[alone].sort_values(["provider_id", "period"]).assign(law="", status="unknown")
    return found.set_axis(pd.Index([-1] * len(found)), axis=0) if len(found) else empty
