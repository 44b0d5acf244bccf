"""What was known on a date: the register rebuilt from the versions that had arrived by then."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.deliveries import half_years_of
from dwangstats.data.read import Tables
from dwangstats.errors import DataError, DomainError


@dataclass(frozen=True, slots=True, eq=False)
class Vintage:
    """Tables as they stood on a date.

    Attributes
    ----------
    tables : Tables
        Deliveries and registrations that had arrived. A half-year of which nothing had arrived is not delivered.
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
    version it came with. Exposure, locations and evidence have no versions and stay as they are.

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
        If there is no table of deliveries, or neither table says when something arrived.
    """
    moment = _moment(as_of)
    registrations, deliveries = tables.registrations, tables.deliveries
    if registrations is None or deliveries is None:
        raise DataError(
            "What was known on a date follows from the tables registrations and deliveries; "
            f"{'registrations' if registrations is None else 'deliveries'} is not there."
        )
    if "received_at" not in deliveries.columns:
        raise DataError("Deliveries have no column received_at, so it is not known which had arrived on a date.")
    late = (deliveries["received_at"] > moment).to_numpy()
    after = _arrived_after(registrations, deliveries, moment)
    return Vintage(
        tables=replace(
            tables,
            registrations=registrations.loc[~after],
            deliveries=_standing(deliveries, late),
        ),
        as_of=moment,
        later_registrations=int(after.sum()),
        later_deliveries=int(late.sum()),
    )


def _moment(as_of: str | date | datetime) -> datetime:
    try:
        moment = pd.Timestamp(as_of)
    except (TypeError, ValueError) as error:
        raise DomainError(f'as_of must be a date such as "2024-10-08", got {as_of!s}') from error
    if pd.isna(moment) or moment.tzinfo is not None:
        raise DomainError(f'as_of must be a date in Dutch clock time, such as "2024-10-08", got {as_of!s}')
    whole_day = isinstance(as_of, date) and not isinstance(as_of, datetime)
    whole_day |= isinstance(as_of, str) and ":" not in as_of
    last = moment.normalize() + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1) if whole_day else moment
    return last.to_pydatetime()


def _standing(deliveries: pd.DataFrame, late: NDArray[np.bool_]) -> pd.DataFrame:
    """Deliveries that had arrived; of a half-year of which all versions came later, one row that says so."""
    names = [name for name in ("provider_id", "law", "period") if name in deliveries.columns]
    keys = pd.MultiIndex.from_frame(deliveries[names].fillna(""))
    nothing = late & ~keys.isin(keys[~late])
    stand_in = deliveries.loc[nothing].drop_duplicates(names).assign(status="not_delivered")
    emptied = [name for name in ("version", "received_at", "reject_reason") if name in stand_in.columns]
    stand_in[emptied] = stand_in[emptied].where(np.zeros((len(stand_in), len(emptied)), dtype=np.bool_))
    return pd.concat([deliveries.loc[~late], stand_in]).sort_index()


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
            "they arrived: they have no received_at, and no delivery of their provider, half-year and version has one."
        )
    return (received > moment).to_numpy(dtype=np.bool_)


def _received_with_version(registrations: pd.DataFrame, deliveries: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """When the delivery version of each registration arrived; missing where none is known."""
    if "delivery_version" not in registrations.columns or "version" not in deliveries.columns:
        return pd.Series(pd.NaT, index=registrations.index, dtype="datetime64[us]")
    months = registrations["begin"].dt.strftime("%Y-%m")
    halves = {month: half_years_of(month)[0] for month in months.dropna().unique()}
    on = ["provider_id", "period", "version"] + (["law"] if "law" in registrations and "law" in deliveries else [])
    wanted = registrations.assign(period=months.map(halves), version=registrations["delivery_version"])[on]
    known = deliveries.dropna(subset=["received_at"])[[*on, "received_at"]].drop_duplicates(on, keep="last")
    found = wanted.merge(known, on=on, how="left", validate="many_to_one")["received_at"]
    return pd.Series(found.to_numpy(), index=registrations.index)
