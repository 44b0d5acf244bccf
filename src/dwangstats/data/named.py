"""A frame of ready counts whose columns are named by the caller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dwangstats.data.config import ColumnMap, ReadConfig
from dwangstats.data.digest import frame_digest
from dwangstats.data.files import FRAME, read_frame
from dwangstats.data.interpret import interpret
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.read import Source, Tables
from dwangstats.data.schema import PANEL
from dwangstats.errors import DataError

_PARTS = ("year", "half", "quarter", "month")


def tables_from_columns(
    df: Any, columns: Mapping[str, str], period: str | Mapping[str, str], covariates: Sequence[str]
) -> Tables:
    """Ready counts as the table ``panel``, with only the columns that are named.

    Parameters
    ----------
    df : any frame that narwhals takes
    columns : mapping of our name to their name
    period : str or mapping of part (year, and half, quarter or month) to their name
    covariates : sequence of str
        Further columns to keep.

    Raises
    ------
    DataError
        If a column is not there, or a value cannot be what its column holds.
    """
    raw = read_frame(PANEL.name, df)
    names = dict(columns)
    parts: dict[str, str] = {}
    if isinstance(period, str):
        names["period"] = period
    else:
        parts = dict(period)
    given = [str(name) for name in raw.frame.columns]
    wanted = list(dict.fromkeys([*names.values(), *parts.values(), *covariates]))
    problems = _part_problems(parts) + [
        f"There is no column '{name}' in the frame.{did_you_mean(name, given)} It has: {', '.join(given[:12])}."
        for name in wanted
        if name not in given
    ]
    if problems:
        raise DataError(problems)
    taken = replace(raw, frame=raw.frame[wanted])
    column_map = ColumnMap(names=names, period_parts=parts or None)
    table, findings = interpret(taken, PANEL, column_map, ReadConfig())
    found = tuple(f for f in findings if f.severity != "info")
    return Tables(panel=table, sources=(Source(PANEL.name, FRAME, len(table), frame_digest(table)),), reading=found)


def _part_problems(parts: Mapping[str, str]) -> list[str]:
    if not parts or ("year" in parts and set(parts) <= set(_PARTS) and len(parts) <= 2):
        return []
    return [
        f"period= names the parts {', '.join(parts)}; give year alone, or year with one of half, quarter and month."
    ]
