"""A frame of ready counts whose columns are named by the caller."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from dwangstats.data.config.analysis import ColumnMap, ReadConfig
from dwangstats.data.config.coarse import Coarse
from dwangstats.data.digest import frame_digest
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels.layout import BOUNDS
from dwangstats.data.reading.convert import as_text
from dwangstats.data.reading.files import FRAME, RawTable, read_frame
from dwangstats.data.reading.read import Source, Tables
from dwangstats.data.reading.ready_counts import interpret_counts
from dwangstats.data.register.schema import PANEL
from dwangstats.errors import DataError

_PARTS = ("year", "half", "quarter", "month")
_EVENTS = "events"
_LESS_THAN = re.compile(r"\s*(<|≤|<=)\s*\d+\s*")


def tables_from_columns(
    df: Any,
    columns: Mapping[str, str],
    period: str | Mapping[str, str],
    covariates: Sequence[str],
    coarse: Coarse | None = None,
) -> Tables:
    """Ready counts as the table ``panel``, with only the columns that are named.

    Parameters
    ----------
    df : any frame that narwhals takes
    columns : mapping of our name to their name
        With lower and upper the counts themselves may be absent.
    period : str or mapping of part (year, and half, quarter or month) to their name
    covariates : sequence of str
        Further columns to keep.
    coarse : Coarse, optional
        How counts were rounded, and what texts stand in their place.

    Raises
    ------
    DataError
        If a column is not there, a value cannot be what its column holds, or the counts are not as ``coarse`` says.
    """
    coarse = coarse or Coarse()
    raw = read_frame(PANEL.name, df)
    names = dict(columns)
    parts: dict[str, str] = {}
    if isinstance(period, str):
        names["period"] = period
    else:
        parts = dict(period)
    given = [str(name) for name in raw.frame.columns]
    wanted = list(dict.fromkeys([*names.values(), *parts.values(), *covariates]))
    problems = _part_problems(parts) + _bound_problems(names) + coarse.problems()
    problems += [
        f"There is no column '{name}' in the frame.{did_you_mean(name, given)} It has: {', '.join(given[:12])}."
        for name in wanted
        if name not in given
    ]
    if problems:
        raise DataError(problems)
    column_map = ColumnMap(names=names, period_parts=parts or None)
    taken = replace(raw, frame=raw.frame[wanted])
    _refuse_unsaid(taken, column_map, coarse)
    table, findings = interpret_counts(taken, column_map, ReadConfig(), coarse)
    found = tuple(f for f in findings if f.severity != "info")
    return Tables(panel=table, sources=(Source(PANEL.name, FRAME, len(table), frame_digest(table)),), reading=found)


def _refuse_unsaid(raw: RawTable, columns: ColumnMap, coarse: Coarse) -> None:
    """Texts such as <5 look like suppressed counts; what they stand for is not guessed."""
    name = columns.names.get(_EVENTS)
    if name is None or coarse.suppressed or pd.api.types.is_numeric_dtype(raw.frame[name].dtype):
        return
    texts = as_text(raw.frame[name])
    bad = texts.str.fullmatch(_LESS_THAN, na=False).to_numpy(dtype=bool)
    if bad.any():
        first = str(texts[bad].iloc[0])
        raise DataError(
            f"{int(bad.sum())} of {len(texts)} counts are texts such as '{first}', whose meaning is not said. "
            f'Give suppressed={{"{first}": (0, 4)}}, with the least and the greatest count that it can stand for.'
        )


def _bound_problems(names: Mapping[str, str]) -> list[str]:
    missing = [name for name in BOUNDS if name not in names]
    if len(missing) == 1:
        return [f"{missing[0]}= is missing: an interval needs both lower= and upper=."]
    if missing and _EVENTS not in names:
        return ["events= is missing: name the column with the counts, or those with their bounds, lower= and upper=."]
    return []


def _part_problems(parts: Mapping[str, str]) -> list[str]:
    if not parts or ("year" in parts and set(parts) <= set(_PARTS) and len(parts) <= 2):
        return []
    return [
        f"period= names the parts {', '.join(parts)}; give year alone, or year with one of half, quarter and month."
    ]
