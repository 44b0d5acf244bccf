"""Rows of two periods that belong together: the same place in the year, so that H1 meets H1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Codes, Vector
from dwangstats.data.panels.layout import IDENTITY
from dwangstats.data.register.periods import is_period, parse_period
from dwangstats.design.rows import listed
from dwangstats.errors import DataError, DomainError

TIME_COLUMNS = ("year", "time", "period")
"""Columns that say when a row is; they move together with the compared variable."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows of the two periods, matched on provider, place in the year, location, law and form.

    Attributes
    ----------
    before, after : (M,) array of int
        Row of each matched cell in either period.
    leaving : (L,) array of int
        Rows of the period before that have no counterpart.
    entering : (N,) array of int
        Rows of the period after that have no counterpart.
    exposure : (n,) array
        Exposure of every row.
    bed_days, matched_bed_days : (before, after)
        Exposure of each period, and of its matched cells, counted once over forms; > 0.
    providers_leaving, providers_entering : int
        Providers with rows in only the period before, or only the period after.
    providers_partly : int
        Providers with rows in both periods of which some have no counterpart.
    providers : int
        Providers with a row in either period.
    """

    before: Codes
    after: Codes
    leaving: Codes
    entering: Codes
    exposure: Vector
    bed_days: tuple[float, float]
    matched_bed_days: tuple[float, float]
    providers_leaving: int
    providers_entering: int
    providers_partly: int
    providers: int


def match_cells(frame: pd.DataFrame, exposure: Vector, variable: str, *, before: Any, after: Any) -> Cells:
    """Match the rows of two periods.

    Parameters
    ----------
    frame : DataFrame
        Fitted rows, with a column provider.
    exposure : (n,) array
        Exposure of each row, > 0.
    variable : str
        Column that tells the two periods apart, for example "year" or "period".
    before, after : object
        Its two values; text stands for the number or category it spells.

    Returns
    -------
    Cells

    Raises
    ------
    DomainError
        If a value does not occur, or both are the same.
    DataError
        If there is no column provider, several rows make one cell, or no cell is in both periods.
    """
    if "provider" not in frame.columns:
        raise DataError(
            "A change is divided over providers, and the rows have no column provider. Make a Panel of them first, "
            "with Panel.from_frame(..., provider=...)."
        )
    early, late = (observed_value(frame, variable, value) for value in (before, after))
    if early == late:
        raise DomainError(f"before and after are both {early!s}; a change needs two different values of {variable}.")
    low, high = (np.flatnonzero((frame[variable] == value).to_numpy()).astype(np.intp) for value in (early, late))
    key = _key(frame, variable)
    first, last = pd.MultiIndex.from_frame(key.iloc[low]), pd.MultiIndex.from_frame(key.iloc[high])
    for rows, value in ((first, before), (last, after)):
        _refuse_twice(rows, variable, value)
    found = last.get_indexer(first)
    new = first.get_indexer(last) < 0
    if not (found >= 0).any():
        raise DataError(
            f"No provider has rows at both {variable} {before!s} and {after!s} in the same part of the year, so no "
            "change within a provider was seen. Compare periods that some providers both delivered."
        )
    return _cells(frame, exposure, low[found >= 0], high[found[found >= 0]], low[found < 0], high[new])


def observed_value(frame: pd.DataFrame, variable: str, value: Any) -> Any:
    """The value as the column holds it: the number 2021 for the text "2021".

    Raises
    ------
    DomainError
        If there is no such column, or no row has the value.
    """
    if variable not in frame.columns:
        raise DomainError(f"The rows have no column {variable}. Columns: {listed(list(frame.columns))}.")
    column = frame[variable]
    for known in column.unique().tolist():
        if known == value or str(known) == str(value):
            return known
    raise DomainError(
        f"{variable} has no value {value!s} among the fitted rows. Observed: {listed(column.unique().tolist())}."
    )


def _key(frame: pd.DataFrame, variable: str) -> pd.DataFrame:
    """What a cell is: who, where, under which law and form, and which part of the year."""
    names = [name for name in IDENTITY if name in frame.columns and name != "period"]
    key = frame[names].copy()
    if "period" in frame.columns and variable == "year":
        key["part of the year"] = [_part_of_year(str(period)) for period in frame["period"]]
    return key


def _part_of_year(period: str) -> str:
    """H1 of 2021-H1; months, quarters and halves are told apart, a whole year is empty."""
    return str(parse_period(period))[4:] if is_period(period) else period


def _refuse_twice(rows: pd.MultiIndex, variable: str, value: Any) -> None:
    twice = rows.duplicated()
    if twice.any():
        first = rows.get_level_values("provider")[twice].tolist()[0]
        names = ", ".join(str(name) for name in rows.names)
        raise DataError(
            f"At {variable} {value!s} {int(twice.sum())} of {len(rows)} rows repeat a combination of {names} (first: "
            f"provider {first!s}), so they cannot be matched one to one. "
            "Give the rows a column period, or compare two periods."
        )


def _cells(
    frame: pd.DataFrame, exposure: Vector, before: Codes, after: Codes, leaving: Codes, entering: Codes
) -> Cells:
    provider = frame["provider"].to_numpy()
    early = set(provider[np.concatenate([before, leaving])])
    late = set(provider[np.concatenate([after, entering])])
    unmatched = set(provider[np.concatenate([leaving, entering])])
    return Cells(
        before=before,
        after=after,
        leaving=leaving,
        entering=entering,
        exposure=exposure,
        bed_days=(_once(frame, exposure, before, leaving), _once(frame, exposure, after, entering)),
        matched_bed_days=(_once(frame, exposure, before), _once(frame, exposure, after)),
        providers_leaving=len(early - late),
        providers_entering=len(late - early),
        providers_partly=len(unmatched & early & late),
        providers=len(early | late),
    )


def _once(frame: pd.DataFrame, exposure: Vector, *rows: Codes) -> float:
    """Exposure of rows, counted once over forms, which share it."""
    at = np.concatenate(rows)
    place: Sequence[str] = [name for name in IDENTITY if name in frame.columns and name != "form"]
    if "form" not in frame.columns:
        return float(exposure[at].sum())
    keys = [frame[name].to_numpy()[at] for name in place]
    return float(pd.Series(exposure[at]).groupby(keys, sort=False).max().sum())
