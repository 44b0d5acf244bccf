"""Anything that a provider registered, whatever the question is: who registered it was not silent."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.deliveries.standing import only_laws
from dwangstats.data.reading.aggregate import added_up
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import convert_periods, period_of


def of_any_kind(tables: Tables) -> Tables:
    """The tables, so that a panel of them counts every registration that came with a delivery, of whatever kind.

    Planned and unplanned measures, and measures of two laws, are never one rate. Here nothing is said of how many there
    are of either.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    Tables
        Nothing is said of what was planned; and where a provider delivers a half-year under one law only, every
        registration of that half-year has that law, also one with another law (E8) or with none.
    """
    rows, counted = tables.registrations, tables.counted
    if rows is not None:
        halves = period_of(rows["begin"], "half-year") if "begin" in rows.columns else None
        rows = _with_delivered_law(_without_planned(rows), halves, tables.deliveries)
    if counted is not None:
        months = counted.cells["month"]
        known = months.dropna().unique()
        halves = months.map(dict(zip(known, convert_periods(known, "half-year"), strict=True)))
        cells = _with_delivered_law(_without_planned(counted.cells), halves, tables.deliveries)
        counted = replace(counted, cells=added_up(cells))
    return replace(tables, registrations=rows, counted=counted)


def _without_planned(frame: pd.DataFrame) -> pd.DataFrame:
    if "planned" not in frame.columns:
        return frame
    return frame.assign(planned=pd.array([pd.NA] * len(frame), dtype="boolean"))


def _with_delivered_law(
    frame: pd.DataFrame, halves: "pd.Series[Any] | None", deliveries: pd.DataFrame | None
) -> pd.DataFrame:
    named = {"provider_id", "law"} <= set(frame.columns)
    if not named or halves is None or deliveries is None or not {"provider_id", "period"} <= set(deliveries.columns):
        return frame
    places = pd.MultiIndex.from_arrays([frame["provider_id"].to_numpy(object), np.asarray(halves, dtype=object)])
    law = pd.Series(only_laws(deliveries).reindex(places).to_numpy(), index=frame.index, dtype=frame["law"].dtype)
    return frame.assign(law=law.fillna(frame["law"]))
