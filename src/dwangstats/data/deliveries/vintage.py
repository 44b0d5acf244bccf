"""What was known on a date: the register rebuilt from the versions that had arrived by then."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.deliveries.calendar import due_dates
from dwangstats.data.deliveries.standing import NOT_KEPT, NOT_YET_DUE, half_years_of, law_of_deliveries, standing_rows
from dwangstats.data.reading.counted import needs_rows
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.clock import read_moment
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR, is_period, parse_period, period_kind
from dwangstats.errors import DataError, DomainError


@dataclass(frozen=True, slots=True, eq=False)
class Vintage:
    """Tables as they stood on a date.

    Attributes
    ----------
    tables : Tables
        Deliveries and registrations that had arrived. A half-year of which nothing had arrived is "not_delivered", or
        "not_yet_due" until its due date has passed; one of which the version of that date is not kept is "not_kept".
    as_of : datetime
        The last moment that counts.
    later_registrations : int
        Registrations that arrived after it.
    later_deliveries : int
        Versions of deliveries that arrived after it.
    """

    tables: Tables
    as_of: datetime
    later_registrations: int
    later_deliveries: int


def known_on(tables: Tables, as_of: str | date | datetime) -> Vintage:
    """The tables as they were known on a date.

    A delivery counts from its received_at on; a registration from its own received_at, or from that of the delivery
    version it came with. That there was nothing to report is known when that was said, and where no moment is given
    after the due date has passed. Exposure, locations and evidence have no versions and stay as they are.

    A table that keeps only the registrations of later versions does not tell what an accepted version held: such a
    half-year is not known on that date, and never zero. Where registrations say when they arrived and not with which
    version, those that a later version replaced are not in the table, and the count on the date is a lower bound.

    Parameters
    ----------
    tables : Tables
        With registrations and deliveries.
    as_of : date, datetime or text such as "2024-10-08"
        A date without a time stands for its whole day.

    Returns
    -------
    Vintage

    Raises
    ------
    DomainError
        If the date cannot be read.
    DataError
        If there is no table of deliveries, neither table says when something arrived, a registration begins in a year
        that no period has, or the registrations stayed in an engine.
    """
    moment = moment_of(as_of)
    registrations, deliveries = tables.registrations, tables.deliveries
    in_engine = needs_rows(tables.counted, ["as_of"])
    if in_engine:
        raise DataError(in_engine)
    if registrations is None or deliveries is None:
        raise DataError(
            "What was known on a date follows from the tables registrations and deliveries; "
            f"{'registrations' if registrations is None else 'deliveries'} is not there."
        )
    _refuse_outside(registrations)
    late = _not_yet_known(deliveries, moment)
    after = _arrived_after(registrations, deliveries, moment)
    return Vintage(
        tables=replace(
            tables,
            registrations=registrations.loc[~after],
            deliveries=_with_waiting(
                _without_contents(_standing(deliveries, late, moment), registrations, after), tables.exposure, moment
            ),
        ),
        as_of=moment,
        later_registrations=int(after.sum()),
        later_deliveries=int(late.sum()),
    )


def deliveries_known_on(deliveries: pd.DataFrame, as_of: str | date | datetime) -> pd.DataFrame:
    """The table of deliveries as it was known on a date, as `known_on` gives it.

    A half-year of which nothing was known has one row, with the status not_delivered, or not_yet_due where its due date
    had not passed.

    Raises
    ------
    DomainError
        If the date cannot be read.
    DataError
        If the table does not say when a delivery arrived.
    """
    moment = moment_of(as_of)
    return _standing(deliveries, _not_yet_known(deliveries, moment), moment)


def moment_of(as_of: str | date | datetime) -> datetime:
    """The last moment that counts on a date; a date without a time stands for its whole day.

    Raises
    ------
    DomainError
        If the date cannot be read, or names a time zone.
    """
    if not isinstance(as_of, (str, date, np.datetime64)):
        raise DomainError(f'as_of must be a date such as "2024-10-08", got {as_of!r}')
    try:
        given = read_moment(as_of) if isinstance(as_of, str) else as_of
        moment = pd.Timestamp(given)
    except (TypeError, ValueError) as error:
        raise DomainError(f'as_of must be a date such as "2024-10-08", got {as_of!s}') from error
    if pd.isna(moment) or moment.tzinfo is not None:
        raise DomainError(f'as_of must be a date in Dutch clock time, such as "2024-10-08", got {as_of!s}')
    whole_day = isinstance(given, date) and not isinstance(given, datetime)
    last = moment.normalize() + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1) if whole_day else moment
    return last.to_pydatetime()


def _refuse_outside(registrations: pd.DataFrame) -> None:
    begin = registrations["begin"]
    outside = (begin.notna() & ~begin.dt.year.between(FIRST_YEAR, LAST_YEAR)).to_numpy(dtype=np.bool_)
    if outside.any():
        first = ", ".join(str(row) for row in registrations.index[outside][:5])
        raise DataError(
            f"In {int(outside.sum())} of {len(registrations)} registrations the begin lies before {FIRST_YEAR} or "
            f"after {LAST_YEAR} (first rows: {first}), so that no delivery can hold them. Correct the date."
        )


def _not_yet_known(deliveries: pd.DataFrame, moment: datetime) -> NDArray[np.bool_]:
    """Rows that say something that was not known at the moment."""
    if "received_at" not in deliveries.columns:
        raise DataError("Deliveries have no column received_at, so it is not known which had arrived on a date.")
    received = deliveries["received_at"]
    silent = received.isna()
    arrived = (silent & deliveries["status"].isin(["accepted", "rejected"])).to_numpy(dtype=np.bool_)
    if arrived.any():
        first = ", ".join(str(row) for row in deliveries.index[arrived][:5])
        raise DataError(
            f"Of {int(arrived.sum())} of {len(deliveries)} deliveries (first rows: {first}) it is not known when they "
            "arrived: they were accepted or rejected, and received_at is empty. Fill it in, or leave as_of out."
        )
    nothing = silent & (deliveries["status"] == "nothing_to_report")
    known_from = received.where(~nothing, _due_or_end(deliveries.loc[nothing]).reindex(deliveries.index))
    return (known_from > moment).to_numpy(dtype=np.bool_)


def _due_or_end(deliveries: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """The first moment after the due date, or after the period where no due date is known; missing for no period."""
    texts = [text for text in deliveries["period"].dropna().unique() if is_period(text)]
    ends = pd.to_datetime(deliveries["period"].map({text: parse_period(text).end for text in texts}))
    halves = deliveries["period"].map({text: period_kind(text) == "half-year" for text in texts}).eq(True)
    due = due_dates(deliveries.loc[halves]).reindex(deliveries.index) + pd.Timedelta(days=1)
    return due.fillna(ends.astype("datetime64[us]"))


def _keys(deliveries: pd.DataFrame) -> pd.DataFrame:
    """Provider, law (empty where none can be told) and period of every row."""
    return pd.DataFrame(
        {
            "provider": deliveries["provider_id"].fillna(""),
            "law": law_of_deliveries(deliveries),
            "period": deliveries["period"].fillna(""),
        }
    )


def _standing(deliveries: pd.DataFrame, late: NDArray[np.bool_], moment: datetime) -> pd.DataFrame:
    """Deliveries that had arrived; of a half-year of which all versions came later, one row that says so."""
    keys = pd.MultiIndex.from_frame(_keys(deliveries))
    nothing = late & ~keys.isin(keys[~late])
    rows = np.flatnonzero(nothing)
    stand_in = deliveries.iloc[rows[~keys[rows].duplicated()]].assign(status="not_delivered")
    emptied = [name for name in ("version", "received_at", "reject_reason") if name in stand_in.columns]
    stand_in[emptied] = stand_in[emptied].where(np.zeros((len(stand_in), len(emptied)), dtype=np.bool_))
    known = pd.concat([deliveries.loc[~late], stand_in]).sort_index()
    absent = known["status"] == "not_delivered"
    waiting = (_due_or_end(known.loc[absent]) > moment).reindex(known.index, fill_value=False)
    return known.assign(status=known["status"].mask(waiting, NOT_YET_DUE))


def _without_contents(deliveries: pd.DataFrame, registrations: pd.DataFrame, after: NDArray[np.bool_]) -> pd.DataFrame:
    """Known deliveries, "not_kept" where only registrations that arrived after the date are in the table."""
    keys = _keys(deliveries).assign(status=deliveries["status"], version=_version(deliveries, "version"))
    order = [deliveries[name] for name in ("version", "received_at") if name in deliveries.columns]
    sent = keys.assign(row=range(len(keys)), **{f"order_{n}": column for n, column in enumerate(order)})
    sent = sent.sort_values([f"order_{n}" for n in range(len(order))], na_position="first", kind="stable")
    counts = sent.loc[standing_rows(sent, ["provider", "law", "period"])]
    counts = counts.loc[counts["status"] == "accepted"].rename(columns={"law": "under", "version": "standing"})
    cells = _cells(registrations, after)
    pairs = counts.merge(cells, on=["provider", "period"], how="inner", validate="many_to_many")
    pairs = pairs.loc[(pairs["under"] == pairs["law"]) | (pairs["under"] == "") | (pairs["law"] == "")]
    same = pairs["standing"].isna() | pairs["version"].isna() | (pairs["standing"] == pairs["version"])
    pairs = pairs.assign(kept=~pairs["after"] & same)
    found = pairs.groupby("row")[["kept", "after"]].any()
    lost = np.isin(np.arange(len(keys)), found.index[found["after"] & ~found["kept"]])
    return deliveries.assign(status=deliveries["status"].mask(lost, NOT_KEPT)) if lost.any() else deliveries


def _cells(registrations: pd.DataFrame, after: NDArray[np.bool_]) -> pd.DataFrame:
    """The providers, laws, half-years and versions of which there are registrations, before and after the date."""
    blank = pd.Series("", index=registrations.index, dtype="str")
    rows = pd.DataFrame(
        {
            "provider": registrations["provider_id"],
            "law": registrations["law"].fillna("") if "law" in registrations.columns else blank,
            "month": registrations["begin"].dt.strftime("%Y-%m"),
            "version": _version(registrations, "delivery_version"),
            "after": after,
        }
    )
    rows = rows.drop_duplicates().dropna(subset=["provider", "month"])
    return rows.assign(period=rows["month"].map(_half_of(rows["month"])))


def _with_waiting(deliveries: pd.DataFrame, exposure: pd.DataFrame | None, moment: datetime) -> pd.DataFrame:
    """Deliveries with a row for every half-year with bed-days that has none and was not yet due."""
    if exposure is None or not {"provider_id", "period"} <= set(exposure.columns):
        return deliveries
    open_rows = exposure[["provider_id", "period"]].dropna().drop_duplicates()
    open_rows = open_rows.loc[[is_period(text) for text in open_rows["period"]]]
    halves = {text: half_years_of(text) for text in open_rows["period"].unique()}
    open_rows = open_rows.assign(period=open_rows["period"].map(halves)).explode("period").drop_duplicates()
    said = pd.MultiIndex.from_frame(deliveries[["provider_id", "period"]])
    open_rows = open_rows.loc[~pd.MultiIndex.from_frame(open_rows).isin(said)]
    open_rows = open_rows.loc[(_due_or_end(open_rows) > moment).to_numpy(dtype=np.bool_)]
    if open_rows.empty:
        return deliveries
    first = 1 + max((int(row) for row in deliveries.index), default=0)
    added = open_rows.assign(status=NOT_YET_DUE).set_axis(pd.RangeIndex(first, first + len(open_rows)), axis=0)
    added = added.reindex(columns=deliveries.columns).astype(deliveries.dtypes.to_dict())
    together = pd.concat([deliveries, added])
    together.index.name = deliveries.index.name
    return together


def _version(frame: pd.DataFrame, column: str) -> "pd.Series[float]":
    if column not in frame.columns:
        return pd.Series(np.nan, index=frame.index, dtype="float64")
    return pd.to_numeric(frame[column]).astype("Float64").astype("float64")


def _half_of(months: "pd.Series[str]") -> dict[str, str]:
    return {month: half_years_of(month)[0] for month in months.dropna().unique()}


def _arrived_after(registrations: pd.DataFrame, deliveries: pd.DataFrame, moment: datetime) -> NDArray[np.bool_]:
    own = registrations["received_at"] if "received_at" in registrations.columns else None
    if own is not None and bool(own.notna().all()):
        return (own > moment).to_numpy(dtype=np.bool_)
    by_version = _received_with_version(registrations, deliveries)
    received = by_version if own is None else own.fillna(by_version)
    unknown = received.isna().to_numpy()
    if unknown.any():
        first = ", ".join(str(row) for row in registrations.index[unknown][:5])
        raise DataError(
            f"Of {int(unknown.sum())} of {len(registrations)} registrations (first rows: {first}) it is not known when "
            "they arrived: they have no received_at, and no delivery of their provider, half-year and version has one. "
            "Give them received_at, or the delivery_version of the delivery that they came with."
        )
    return (received > moment).to_numpy(dtype=np.bool_)


def _received_with_version(registrations: pd.DataFrame, deliveries: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """When the delivery version of each registration arrived; missing where none is known."""
    if "delivery_version" not in registrations.columns or "version" not in deliveries.columns:
        return pd.Series(pd.NaT, index=registrations.index, dtype="datetime64[us]")
    months = registrations["begin"].dt.strftime("%Y-%m")
    wanted = pd.DataFrame(
        {
            "provider": registrations["provider_id"],
            "period": months.map(_half_of(months)),
            "version": _version(registrations, "delivery_version"),
            "law": registrations["law"].fillna("") if "law" in registrations.columns else "",
        }
    )
    sent = _keys(deliveries).assign(version=_version(deliveries, "version"), received=deliveries["received_at"])
    sent = sent.dropna(subset=["received", "version"])
    if "law" not in registrations.columns:
        sent = sent.assign(law="")
    on = ["provider", "period", "version", "law"]
    found = pd.Series(pd.NaT, index=wanted.index, dtype="datetime64[us]")
    for asked in (wanted, wanted.assign(law="")):
        known = sent.drop_duplicates(on, keep="last")
        arrived = asked.merge(known, on=on, how="left", validate="many_to_one")["received"]
        found = found.fillna(pd.Series(arrived.to_numpy(), index=wanted.index))
    return found
