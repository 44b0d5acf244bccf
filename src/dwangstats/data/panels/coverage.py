"""How much of a register is covered, in providers, bed-days and registrations: three shares that differ."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd

from dwangstats._types import PeriodKind
from dwangstats.data.deliveries.standing import NOT_YET_DUE, standing_deliveries, with_delivery
from dwangstats.data.deliveries.vintage import known_on
from dwangstats.data.panels.counting import chosen_law
from dwangstats.data.panels.panel import Panel, build_panel
from dwangstats.data.reading.aggregate import count_registrations
from dwangstats.data.reading.counted import Counted
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import convert_periods
from dwangstats.errors import DomainError

COVERAGE_COLUMNS: Final = ("period", "deliverers", "quantity", "covered", "total", "share")
ALL_PERIODS: Final = "all"
_PLACE = ["provider", "period"]


def coverage(
    source: Tables | Panel,
    *,
    as_of: str | date | datetime | None = None,
    law: str | None = None,
    planned: bool | None = None,
    by: PeriodKind = "half-year",
) -> pd.DataFrame:
    """Share of providers, bed-days and registrations that is covered, by period.

    "Three quarters of providers" and "75 % of registrations" are different statements: under skewed sizes they coincide
    only by chance. Registrations of providers that delivered nothing are not known, so that their share is among the
    registrations that were received, and covered bed-days say more about what is missing.

    Parameters
    ----------
    source : Tables or Panel
    as_of : date or text such as "2022-06-30", optional
        As it was known on this date; for tables. A period that was not yet due on it has no covered, total or share,
        and is not in "all": nobody had to have delivered, and its bed-days may lie after the date.
    law, planned, by
        As for `dwangstats.build_panel`; for tables.

    Returns
    -------
    DataFrame
        period ("2021-H1", in order of time, and "all" for all together), deliverers, quantity, covered, total, share
        (missing where the total is zero or not known, or the period was not yet due for some provider). Registrations
        are missing as well where a count is known to lie in a range only.

        - deliverers "delivered": provider-periods with a measured rate, a zero included; of all provider-periods that
          were open or delivered. Under "all" providers count once for every period.
        - deliverers "complete": the providers with a measured rate in every period that was due (for fewer periods give
          ``panel.during(...)``); of all provider-periods for providers and bed-days, and of the measured ones for
          registrations.
        - quantity "providers"; "bed_days", where known; "registrations": for "delivered" the total is what was received
          under the law, of the version that counts, of refused deliveries too as far as their registrations were kept.
          A panel does not hold that total. Registrations of a half-year that were not kept, and of a refused correction
          of an accepted one, are not in it.

    Raises
    ------
    DataError
        As `dwangstats.build_panel`.
    DomainError
        If arguments for tables are given with a panel.
    """
    if isinstance(source, Panel):
        if as_of is not None or law is not None or planned is not None or by != "half-year":
            raise DomainError("as_of, law, planned and by belong to tables; a panel has been counted already.")
        return _coverage(source, None)
    panel = build_panel(source, by=by, law=law, planned=planned, as_of=as_of)
    return _coverage(panel, _received(source, panel, as_of, law, planned))


def _coverage(panel: Panel, received: "pd.Series[float] | None") -> pd.DataFrame:
    places = _places(panel)
    waiting = _not_yet_due(panel)
    places = places.loc[~places["period"].isin(waiting)]
    received = None if received is None else received.drop(labels=waiting, errors="ignore")
    by_provider = places.groupby("provider")["measured"]
    whole = by_provider.sum() == len(panel.periods) - len(waiting)
    places = places.assign(complete=places["provider"].map(whole).eq(True))
    periods = [*panel.periods, ALL_PERIODS]
    rows = [
        row
        for period in periods
        for row in _rows(period, places if period == ALL_PERIODS else places.loc[places["period"] == period], received)
    ]
    frame = pd.DataFrame(rows, columns=list(COVERAGE_COLUMNS[:-1]))
    frame.loc[frame["period"].isin(waiting), ["covered", "total"]] = np.nan
    share = frame["covered"] / frame["total"].where(frame["total"] > 0)
    return frame.assign(share=share).astype({"period": "str", "deliverers": "str", "quantity": "str"})


def _not_yet_due(panel: Panel) -> list[str]:
    """Periods of the panel that were not yet due for some provider."""
    status = panel.delivery_status
    waiting = status.loc[status["status"] == NOT_YET_DUE, "period"]
    return sorted(set(waiting) & set(panel.periods))


def _rows(
    period: str, places: pd.DataFrame, received: "pd.Series[float] | None"
) -> Iterable[tuple[str, str, str, float, float]]:
    measured, complete = places["measured"], places["measured"] & places["complete"]
    days, counted = places["bed_days"], float(places["registrations"].sum(skipna=False))
    in_all = np.nan
    if received is not None:
        in_all = float(received.sum() if period == ALL_PERIODS else received.get(period, 0.0))
    yield period, "delivered", "providers", float(measured.sum()), float(len(places))
    yield period, "delivered", "bed_days", float(days[measured].sum()), float(days.sum())
    yield period, "delivered", "registrations", counted, in_all
    yield period, "complete", "providers", float(complete.sum()), float(len(places))
    yield period, "complete", "bed_days", float(days[complete].sum()), float(days.sum())
    yield period, "complete", "registrations", float(places.loc[complete, "registrations"].sum(skipna=False)), counted


def _places(panel: Panel) -> pd.DataFrame:
    """One row per provider and period that was open or delivered: bed_days, registrations, measured (every row is).

    Registrations are missing where a delivered count is known to lie in a range only.
    """
    frame = panel.frame
    frame = frame.assign(events=frame["events"].where(frame["delivered"], 0.0))
    frame = frame.assign(ranged=frame["events"].isna())
    part = [name for name in ("location", "law") if name in frame.columns]
    days = frame.groupby([*_PLACE, *part])["bed_days"].max().groupby(_PLACE).sum()
    rows = frame.groupby(_PLACE).agg(
        measured=("delivered", "all"), registrations=("events", "sum"), ranged=("ranged", "any")
    )
    status = panel.delivery_status
    said = status.loc[status["status"].isin(["accepted", "nothing_to_report"]), _PLACE]
    said = said.loc[said["period"].isin(panel.periods)]
    index = rows.index.union(pd.MultiIndex.from_frame(said))
    joined = rows.assign(bed_days=days).reindex(index)
    joined["measured"] = joined["measured"].eq(True)
    joined = joined.fillna({"registrations": 0.0, "bed_days": 0.0})
    joined["registrations"] = joined["registrations"].mask(joined.pop("ranged").eq(True))
    return joined.reset_index()


def _received(
    tables: Tables,
    panel: Panel,
    as_of: str | date | datetime | None,
    law: str | None,
    planned: bool | None,
) -> "pd.Series[float] | None":
    """Registrations received by period: under the law, planned or not as asked, of the version that counts."""
    if as_of is not None:
        tables = known_on(tables, as_of).tables
    deliveries = tables.deliveries
    registrations = tables.registrations if tables.counted is None else tables.counted
    if tables.panel is not None or registrations is None:
        return None
    counts = registrations.counts if isinstance(registrations, Counted) else count_registrations(registrations)
    under = chosen_law(registrations, deliveries, law)
    if under is not None and "law" in registrations.columns:
        counts = counts.loc[counts["law"].fillna("unknown") == under]
    if planned is not None:
        counts = counts.loc[counts["planned"].eq(planned).fillna(False).astype(bool)]
    if deliveries is not None:
        counts = with_delivery(counts, standing_deliveries(deliveries, under))
        counts = counts.loc[~(counts["superseded"] | counts["not_taken_in"]).astype(bool)]
    counts = counts.dropna(subset=["month"])
    period = pd.Series(convert_periods(counts["month"], panel.by), index=counts.index, dtype="str")
    total = counts["registrations"].groupby(period).sum().astype("float64")
    return total.loc[total.index.isin(panel.periods)]
