"""Who delivered what, and when: delivered, late, rejected, nothing to report and missing are five different things."""

from datetime import date, datetime
from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats.data.bsn import without_bsn
from dwangstats.data.deliveries.calendar import due_dates, due_on, has_duty
from dwangstats.data.deliveries.standing import NOT_KEPT, NOT_YET_DUE, half_years_of, law_of_deliveries, standing_rows
from dwangstats.data.deliveries.vintage import deliveries_known_on, moment_of
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import LAWS
from dwangstats.data.register.periods import is_period, parse_period, period_kind
from dwangstats.data.register.schema import DELIVERY_STATUS
from dwangstats.errors import DataError

Timeliness: TypeAlias = Literal["delivered", "late", "rejected", "nothing_to_report", "missing", "not_yet_due"]
TIMELINESS: Final = ("delivered", "late", "rejected", "nothing_to_report", "missing", "not_yet_due")

STATUS_COLUMNS: Final = (
    "provider",
    "law",
    "period",
    "status",
    "due_on",
    "received_at",
    "days_late",
    "versions",
    "rejected_versions",
    "refused_since",
    "recorded",
)
_KEY = ["provider", "law", "period"]
_DAY = pd.Timedelta(days=1)


def delivery_status(tables: Tables, *, as_of: str | date | datetime | None = None) -> pd.DataFrame:
    """The delivery of every provider over every half-year under its law.

    The version that counts is the last accepted one: a correction that was refused later was not taken in, and is
    counted in refused_since. A half-year that was accepted is "delivered" when some version was accepted on the due
    date or before, and "late" when the first accepted one came later; a correction after a delivery in time does not
    make it late, accepted or refused. Only where nothing was accepted is a half-year "rejected". A table that keeps
    only the last version of each delivery cannot tell in time from late, nor what was accepted before a refusal;
    where a date is not known an accepted half-year is "delivered".

    Parameters
    ----------
    tables : Tables
        With deliveries. Exposure, when it is there, tells which providers were open: a half-year with bed-days and
        without a row in deliveries is missing, unless the law has no duty to deliver over it.
    as_of : date or text such as "2022-06-30", optional
        As it was known on this date.

    Returns
    -------
    DataFrame
        One row per provider, law and half-year, in that order:

        - law: missing where no table says it; a row without one goes with the only law that the other rows of its
          provider and half-year name;
        - status: "delivered", "late", "rejected", "nothing_to_report", "missing", or "not_yet_due": nothing had arrived
          and the due date had not passed on the date asked for (without one: when the last delivery arrived);
        - due_on: last day in time, from the table, else from `dwangstats.data.deliveries.calendar`; may be missing;
        - received_at: when the version that counts arrived; days_late: whole days from the due date to the first
          accepted version, 0 in time, missing when none was accepted or a date is not known;
        - versions, rejected_versions: how many had arrived, and how many of them were rejected;
        - refused_since: how many of those came after the version that counts, 0 where nothing was accepted;
        - recorded: the table of deliveries has a row for it.

    Raises
    ------
    DataError
        If there is no table of deliveries, a period in it is not a half-year or a status does not exist, or for as_of
        it does not say when a delivery arrived.
    DomainError
        If the date cannot be read.
    """
    deliveries = tables.deliveries
    if deliveries is None:
        raise DataError("Delivery status follows from the table deliveries, which is not there.")
    _refuse_unusable(deliveries)
    moment = None
    if as_of is not None:
        moment = pd.Timestamp(moment_of(as_of))
        deliveries = deliveries_known_on(deliveries, as_of)
    versions = _versions(deliveries)
    recorded = _by_half_year(versions)
    absent = _unrecorded(recorded, tables)
    frame = pd.concat([recorded, absent], ignore_index=True) if len(absent) else recorded
    frame["status"] = _timeliness(frame, moment, versions["received_at"].max())
    frame["law"] = frame["law"].where(frame["law"] != "", None)
    return frame.sort_values(_KEY, kind="stable", ignore_index=True)[list(STATUS_COLUMNS)]


def _refuse_unusable(deliveries: pd.DataFrame) -> None:
    periods = list(deliveries["period"].dropna().unique())
    other = [text for text in periods if not is_period(text) or period_kind(text) != "half-year"]
    strange = sorted(set(deliveries["status"].dropna().unique()) - {*DELIVERY_STATUS, NOT_KEPT, NOT_YET_DUE})
    problems = [
        f"{what} {without_bsn(', '.join(map(str, found[:5])))}; {wanted}."
        for what, found, wanted in (
            ("Deliveries are per half-year; not so", other, "write 2021-H1"),
            ("The status of a delivery cannot be", strange, f"use {', '.join(DELIVERY_STATUS)}"),
        )
        if found
    ]
    if problems:
        raise DataError(problems)


def _versions(deliveries: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table in the order in which they were sent, the last one of a half-year last."""
    known = deliveries.dropna(subset=["provider_id", "period", "status"])
    number = known["version"] if "version" in known.columns else pd.Series(np.nan, index=known.index)
    received = known["received_at"] if "received_at" in known.columns else pd.Series(pd.NaT, index=known.index)
    rows = pd.DataFrame(
        {
            "provider": known["provider_id"],
            "law": law_of_deliveries(known),
            "period": known["period"],
            "status": known["status"].replace(NOT_KEPT, "accepted"),
            "version": pd.to_numeric(number).astype("Float64").astype("float64"),
            "received_at": pd.to_datetime(received).astype("datetime64[us]"),
            "due_on": due_dates(known),
        }
    )
    return rows.sort_values([*_KEY, "version", "received_at"], na_position="first", kind="stable")


def _by_half_year(versions: pd.DataFrame) -> pd.DataFrame:
    """One row per provider, law and half-year in the table: what counts, and when it was first accepted."""
    accepted, rejected = versions["status"] == "accepted", versions["status"] == "rejected"
    stands = standing_rows(versions, _KEY)
    rows = versions.assign(
        first_accepted=versions["received_at"].where(accepted),
        versions=accepted | rejected,
        rejected_versions=rejected,
        refused_since=rejected & (stands & accepted).groupby([versions[name] for name in _KEY]).cummax(),
    )
    frame = rows.groupby(_KEY, as_index=False, sort=True).agg(
        due_on=("due_on", "last"),
        first_accepted=("first_accepted", "min"),
        versions=("versions", "sum"),
        rejected_versions=("rejected_versions", "sum"),
        refused_since=("refused_since", "sum"),
    )
    standing = versions.loc[stands, [*_KEY, "received_at", "status"]].rename(columns={"status": "said"})
    frame = frame.merge(standing, on=_KEY, how="left", validate="one_to_one")
    days = (frame["first_accepted"].dt.normalize() - frame["due_on"]).dt.days.clip(lower=0)
    return frame.assign(days_late=days.where(frame["said"] == "accepted").astype("Int64"), recorded=True)


def _unrecorded(recorded: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Half-years with bed-days that the table of deliveries does not mention, where there is a duty to deliver."""
    exposure = tables.exposure
    if exposure is None or not {"provider_id", "period", "bed_days"} <= set(exposure.columns):
        return recorded.iloc[:0]
    opened = exposure.loc[exposure["bed_days"].isna() | (exposure["bed_days"] > 0), ["provider_id", "period"]].dropna()
    halves = {text: half_years_of(text) for text in opened["period"].unique()}
    open_halves = opened.assign(period=opened["period"].map(halves)).explode("period").drop_duplicates()
    rows = open_halves.rename(columns={"provider_id": "provider"}).merge(
        _laws_of_providers(recorded, opened["provider_id"]), on="provider", how="left", validate="many_to_many"
    )
    there = pd.MultiIndex.from_frame(recorded[_KEY])
    without_law = pd.MultiIndex.from_frame(recorded.loc[recorded["law"] == "", ["provider", "period"]])
    missing = ~pd.MultiIndex.from_frame(rows[_KEY]).isin(there)
    missing &= ~pd.MultiIndex.from_frame(rows[["provider", "period"]]).isin(without_law)
    rows = rows.loc[missing]
    named = rows["law"].where(rows["law"].isin(LAWS), "unknown")
    rows = rows.loc[[has_duty(law, text) for law, text in zip(named, rows["period"], strict=True)]]
    due = [due_on(text, law if law in LAWS else None) for law, text in zip(rows["law"], rows["period"], strict=True)]
    return rows.assign(
        said="not_delivered",
        due_on=pd.to_datetime(pd.Series(due, index=rows.index, dtype="object")).astype("datetime64[us]"),
        first_accepted=pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]"),
        received_at=pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]"),
        days_late=pd.Series(pd.NA, index=rows.index, dtype="Int64"),
        versions=0,
        rejected_versions=0,
        refused_since=0,
        recorded=False,
    )


def _laws_of_providers(recorded: pd.DataFrame, providers: "pd.Series[str]") -> pd.DataFrame:
    """The laws under which each provider delivers: those of its own deliveries, else the only law in the table."""
    named = recorded.loc[recorded["law"] != "", ["provider", "law"]].drop_duplicates()
    laws = named["law"].unique()
    others = pd.Series(providers.unique(), name="provider")
    others = others.loc[~others.isin(named["provider"])]
    only = str(laws[0]) if len(laws) == 1 else ""
    return pd.concat([named, pd.DataFrame({"provider": others, "law": only})], ignore_index=True)


def _timeliness(frame: pd.DataFrame, moment: pd.Timestamp | None, last_arrival: pd.Timestamp) -> "pd.Series[str]":
    """Status of every half-year at a moment; without one at the last arrival, and what was said then stands."""
    known_until = last_arrival if moment is None else moment
    ends = frame["period"].map({text: pd.Timestamp(parse_period(text).end) for text in frame["period"].unique()})
    closed_on = (frame["due_on"] + _DAY).fillna(ends)
    open_still = closed_on > known_until if pd.notna(known_until) else pd.Series(False, index=frame.index)
    if moment is None:
        open_still &= ~frame["recorded"].astype(bool)
    accepted = frame["said"] == "accepted"
    status = np.select(
        [
            accepted & (frame["days_late"].fillna(0) > 0).astype(bool),
            accepted,
            frame["said"].isin(["rejected", "nothing_to_report", NOT_YET_DUE]),
            open_still,
        ],
        ["late", "delivered", frame["said"], "not_yet_due"],
        default="missing",
    )
    return pd.Series(status, index=frame.index, dtype="str")
