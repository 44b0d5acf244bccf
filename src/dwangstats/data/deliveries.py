"""What was delivered: the last version per half-year, and whether a period can be counted at all."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import pandas as pd

from dwangstats._types import PeriodKind
from dwangstats.data.periods import convert_period, parse_period, periods_between
from dwangstats.errors import InternalError

Status: TypeAlias = Literal["accepted", "rejected", "not_delivered", "nothing_to_report", "unknown"]

DELIVERED: tuple[Status, ...] = ("accepted", "nothing_to_report")

#: of two half-years in one year the status that stands further to the front is the status of the year.
_WORST_FIRST: tuple[Status, ...] = ("not_delivered", "rejected", "unknown", "accepted", "nothing_to_report")


def last_deliveries(deliveries: pd.DataFrame, law: str | None = None) -> pd.DataFrame:
    """The version that counts: the last one per provider and half-year.

    Parameters
    ----------
    deliveries : DataFrame
        Table of deliveries; version and received_at decide which is last, in that order.
    law : str, optional
        Keep deliveries under this law and those that name no law (one that names the law goes before one that does
        not).

    Returns
    -------
    DataFrame
        provider, period, status, version (float, missing when not given); one row per provider and half-year.
    """
    frame = deliveries
    if law is not None and "law" in frame.columns:
        frame = frame.loc[(frame["law"] == law) | frame["law"].isna()]
    last = pd.DataFrame(
        {
            "provider": frame["provider_id"],
            "period": frame["period"],
            "status": frame["status"],
            "named": frame["law"].notna() if "law" in frame.columns else False,
            "version": _number(frame, "version"),
            "received": _moment(frame, "received_at"),
        }
    )
    last = last.sort_values(["provider", "period", "named", "version", "received"], na_position="first", kind="stable")
    last = last.drop_duplicates(["provider", "period"], keep="last")
    return last[["provider", "period", "status", "version"]].reset_index(drop=True)


def status_from_registrations(counts: pd.DataFrame) -> pd.DataFrame:
    """Delivery status when nobody wrote down what was delivered: a half-year with any registration was delivered.

    Parameters
    ----------
    counts : DataFrame
        provider_id, half_year, registrations > 0.

    Returns
    -------
    DataFrame
        provider, period, status ("accepted" throughout), version (missing). A half-year that is not there is unknown.
    """
    known = counts.loc[counts["half_year"].notna(), ["provider_id", "half_year"]].drop_duplicates()
    known.columns = pd.Index(["provider", "period"])
    return known.assign(status="accepted", version=float("nan")).reset_index(drop=True)


def with_delivery(counts: pd.DataFrame, half_years: pd.DataFrame) -> pd.DataFrame:
    """Counts of registrations with the delivery they belong to.

    Parameters
    ----------
    counts : DataFrame
        As `count_registrations` gives them.
    half_years : DataFrame
        As `last_deliveries` gives them.

    Returns
    -------
    DataFrame, one row per row of ``counts`` and in their order
        With half_year, status ("unknown" where no delivery is known) and superseded: the registration is from an
        earlier version of the delivery than the one that counts.
    """
    months = {text: half_years_of(text)[0] for text in counts["month"].dropna().unique()}
    known = half_years.rename(columns={"provider": "provider_id", "period": "half_year", "version": "last_version"})
    joined = counts.assign(half_year=counts["month"].map(months).astype("str"))
    joined = joined.merge(known, on=["provider_id", "half_year"], how="left", validate="many_to_one")
    joined["status"] = joined["status"].fillna("unknown")
    joined["superseded"] = joined["delivery_version"] < joined["last_version"]
    return joined.drop(columns="last_version")


def status_of(pairs: pd.DataFrame, half_years: pd.DataFrame) -> "pd.Series[str]":
    """Delivery status of each provider-period.

    A month or quarter has the status of the half-year that contains it; a year was delivered when both halves were.

    Parameters
    ----------
    pairs : DataFrame, (n,)
        provider, period; the periods of one kind.
    half_years : DataFrame
        provider, period (half-years), status; one row per provider and half-year.

    Returns
    -------
    Series of str, (n,), index of ``pairs``
        accepted, rejected, not_delivered, nothing_to_report; "unknown" where no delivery is known.
    """
    halves = {text: half_years_of(text) for text in pairs["period"].unique()}
    parts = pairs.assign(row=range(len(pairs)), half=pairs["period"].map(halves)).explode("half")
    known = half_years.rename(columns={"period": "half"})[["provider", "half", "status"]]
    joined = parts.merge(known, on=["provider", "half"], how="left", validate="many_to_one")
    rank = {status: place for place, status in enumerate(_WORST_FIRST)}
    worst = joined["status"].fillna("unknown").map(rank).groupby(joined["row"]).min()
    if len(worst) != len(pairs) or bool(worst.isna().any()):
        raise InternalError(f"delivery status found for {worst.notna().sum()} of {len(pairs)} provider-periods")
    names = worst.sort_index().map(dict(enumerate(_WORST_FIRST)))
    return pd.Series(names.to_numpy(dtype=object), index=pairs.index, name="status", dtype="str")


def half_years_of(period: str) -> tuple[str, ...]:
    """The half-years that decide on a period: the one that contains it, or both halves of a year."""
    kind: PeriodKind = parse_period(period).kind
    if kind == "year":
        return periods_between(f"{period}-H1", f"{period}-H2")
    return (convert_period(period, "half-year"),)


def is_delivered(status: Iterable[str]) -> "pd.Series[bool]":
    """Whether each status says that the counts are known, zero included."""
    return pd.Series(list(status), dtype="str").isin(DELIVERED)


def last_half_year_end(deliveries: pd.DataFrame) -> pd.Timestamp | None:
    """First moment after the last half-year in the table; None when it names none."""
    ends = [parse_period(text).end for text in deliveries["period"].dropna().unique()]
    return pd.Timestamp(max(ends)) if ends else None


def _number(frame: pd.DataFrame, name: str) -> "pd.Series[float]":
    if name not in frame.columns:
        return pd.Series(float("nan"), index=frame.index)
    return pd.to_numeric(frame[name]).astype("Float64").astype("float64")


def _moment(frame: pd.DataFrame, name: str) -> "pd.Series[pd.Timestamp]":
    if name not in frame.columns:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")
    return pd.to_datetime(frame[name])
