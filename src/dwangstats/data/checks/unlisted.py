"""Providers and locations that no other table knows are called by their row: what stands there may be a person.

Where columns of registrations were swapped or a line shifted, clients stand where providers belong. Messages name
providers and locations, so only those are named that exposure, locations or deliveries have as well.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from dwangstats.data.checks.rule import has
from dwangstats.data.reading.persons import LISTS
from dwangstats.data.reading.read import Tables


def with_unlisted_hidden(tables: Tables) -> Tables:
    """The tables, with every provider and location of the registrations that no other table has called "#17".

    What differs from a listed name only in its spelling is kept: it is that provider, or a mistake for it.
    The number is that of the first row with it, so that different ones keep different names. Where no other table has
    the column, all are kept unless there are more of them than clients, which is no register.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    Tables
        Of registrations that stayed in their engine, the number counts the unlisted providers.
    """
    frame, counted = tables.registrations, tables.counted
    if frame is not None:
        changed = {name: _hidden(frame, name, tables) for name in LISTS if name in frame.columns}
        frame = frame.assign(**{name: values for name, values in changed.items() if values is not None})
    if counted is not None and "provider_id" in counted.cells.columns:
        values = _hidden(counted.cells, "provider_id", tables)
        cells = counted.cells if values is None else counted.cells.assign(provider_id=values)
        counted = replace(counted, cells=cells)
    return replace(tables, registrations=frame, counted=counted)


def plain_spelling(names: "pd.Series[Any]") -> "pd.Series[Any]":
    """Names without what spellings of one name differ in: capitals, punctuation, spaces and leading zeros."""
    return (
        names.astype("str")
        .str.casefold()
        .str.replace(r"[\W_]+", " ", regex=True)
        .str.strip()
        .str.replace(r"^0+(?=.)", "", regex=True)
    )


def _hidden(frame: pd.DataFrame, name: str, tables: Tables) -> "pd.Series[Any] | None":
    """The column with numbers for what no other table has; None when all of it may be named."""
    lists = [table[name] for table in (getattr(tables, other) for other in LISTS[name]) if has(table, name)]
    first = pd.Series(frame.index, index=frame[name]).groupby(level=0).first()
    if lists:
        unknown = first.loc[~plain_spelling(first.index.to_series()).isin(plain_spelling(pd.concat(lists))).to_numpy()]
    elif "client_id" in frame.columns and len(first) > frame["client_id"].nunique():
        unknown = first
    else:
        return None
    if unknown.empty:
        return None
    names = {value: f"#{row}" for value, row in unknown.items()}
    return frame[name].map(lambda value: names.get(value, value), na_action="ignore").astype(frame[name].dtype)
