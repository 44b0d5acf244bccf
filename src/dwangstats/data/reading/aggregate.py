"""From registrations to counts: the one step that sees every row, and that runs inside the engine that holds them."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from dwangstats.data.register.codes import FORMS, Definition, form_of
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR

_TEXT_KEYS = ("provider_id", "law", "intervention_code", "form")
LEAD_MONTH = "lead_month"
"""Column of registrations that continue an intervention: the month in which it began."""
KEYS = (*_TEXT_KEYS, "planned", "delivery_version", "continues")


def count_registrations(registrations: IntoFrame) -> pd.DataFrame:
    """Number of registrations per provider, month of beginning and everything a panel may select on.

    Parameters
    ----------
    registrations : any frame that narwhals understands
        Eager or lazy, from pandas, polars, DuckDB, Ibis, Spark; columns as in the schema, ``begin`` a date or
        date-time in Dutch clock time (a moment with a zone counts by the clock of that zone, in Spark that of the
        session; `dwangstats.read_tables` converts it).

    Returns
    -------
    DataFrame
        provider_id, law, intervention_code, form, planned, delivery_version (missing where the table has no such
        column or no value), continues (bool; False without such a column), month (period as text, missing where
        ``begin`` is, or lies outside the years of a period), registrations (int), and lead_month where the table has
        it. One row per cell, sorted, the same in every engine; the counts add up to the number of rows.
    """
    frame = nw.from_native(registrations).lazy()
    keys = [name for name in (*KEYS, LEAD_MONTH) if name in frame.collect_schema().names()]
    counted = (
        frame.select(*keys, year=nw.col("begin").dt.year(), month=nw.col("begin").dt.month())
        .group_by(*keys, "year", "month")
        .agg(registrations=nw.len())
        .collect()
        .to_pandas()
    )
    return named_cells(counted, also=[LEAD_MONTH] if LEAD_MONTH in keys else ())


def named_cells(counted: pd.DataFrame, also: Sequence[str] = ()) -> pd.DataFrame:
    """Counts per key, year and month as the cells that `count_registrations` describes.

    Parameters
    ----------
    counted : DataFrame
        Keys of a cell that the registrations have, year, month (numbers), registrations.
    also : sequence of str
        Further columns that tell cells apart, kept as they are.
    """
    tidy = {name: _text(counted, name) for name in _TEXT_KEYS}
    tidy["planned"] = counted["planned"].astype("boolean") if "planned" in counted else _nothing(counted, "boolean")
    tidy["delivery_version"] = _number(counted, "delivery_version")
    never = pd.Series(False, index=counted.index)
    tidy["continues"] = counted["continues"].astype("bool") if "continues" in counted else never
    tidy["month"] = _month_names(_number(counted, "year"), _number(counted, "month"))
    tidy |= {name: counted[name] for name in also}
    tidy["registrations"] = counted["registrations"].astype("int64")
    return added_up(pd.DataFrame(tidy))


def added_up(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts with one row per cell, sorted by all that names a cell, so that every engine gives the same rows.

    Parameters
    ----------
    counts : DataFrame
        registrations, and columns that name a cell; a value may be missing, and one cell may have several rows (one
        for NaN and one for null, or one per spelling of a law).
    """
    cell = [name for name in counts.columns if name != "registrations"]
    return counts.groupby(cell, dropna=False, sort=True)["registrations"].sum().reset_index()


def analysis_form(rows: pd.DataFrame, definition: Definition = "D2") -> NDArray[np.object_]:
    """Form of analysis of each row: from the code, and where there is no code from the column form.

    Parameters
    ----------
    rows : DataFrame, (n,)
        With intervention_code or form, or both.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion, see `dwangstats.data.register.codes.form_of`. It cannot be applied to a row
        without a code.

    Returns
    -------
    ndarray of object, (n,)
        Names from `FORMS`; None where neither column says it.
    """
    forms: NDArray[np.object_] = np.full(len(rows), None, dtype=object)
    if "form" in rows.columns:
        named = rows["form"].isin(FORMS).to_numpy()
        forms[named] = rows["form"].to_numpy(dtype=object)[named]
    if "intervention_code" in rows.columns:
        coded = rows["intervention_code"].notna().to_numpy()
        forms[coded] = form_of(rows.loc[coded, "intervention_code"], definition)
    return forms


def _month_names(year: "pd.Series[Any]", month: "pd.Series[Any]") -> "pd.Series[Any]":
    known = year.between(FIRST_YEAR, LAST_YEAR) & month.notna()
    texts = [f"{int(y):04d}-{int(m):02d}" for y, m in zip(year[known], month[known], strict=True)]
    return pd.Series(texts, index=year.index[known], dtype="str").reindex(year.index)


def _text(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    return frame[name].astype("str") if name in frame.columns else _nothing(frame, "str")


def _number(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    if name not in frame.columns:
        return _nothing(frame, "float64")
    return pd.to_numeric(frame[name]).astype("Float64").astype("float64")


def _nothing(frame: pd.DataFrame, dtype: Any) -> "pd.Series[Any]":
    missing = None if dtype == "str" else pd.NA if dtype == "boolean" else np.nan
    return pd.Series([missing] * len(frame), index=frame.index, dtype=dtype)
