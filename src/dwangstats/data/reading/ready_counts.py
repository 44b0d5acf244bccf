"""Ready counts get their meaning: texts that stand for hidden counts, bounds without an upper end, rounding."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.config.analysis import ColumnMap, ReadConfig
from dwangstats.data.config.coarse import Coarse
from dwangstats.data.findings import Finding
from dwangstats.data.reading.convert import TEXT_DTYPE, as_text
from dwangstats.data.reading.files import RawTable
from dwangstats.data.reading.interpret import interpret
from dwangstats.data.reading.notes import note
from dwangstats.data.register.schema import PANEL

OPEN_END: Final = frozenset({"inf", "+inf", "infinity", "∞"})
"""Texts that stand for no upper bound, in any case."""
_EVENTS, _LOWER, _UPPER = "events", "lower", "upper"
_SHOWN = 5


def interpret_counts(
    raw: RawTable, columns: ColumnMap, settings: ReadConfig, coarse: Coarse
) -> tuple[pd.DataFrame, list[Finding]]:
    """Give a raw table of ready counts the names and the meaning of the table ``panel``.

    Parameters
    ----------
    raw : RawTable
    columns : ColumnMap
    settings : ReadConfig
    coarse : Coarse
        How counts were rounded, and what texts stand in their place.

    Returns
    -------
    DataFrame
        As `dwangstats.data.reading.interpret.interpret` gives it, with lower and upper where some counts are not exact:
        upper is inf where there is no upper bound. Counts may be left out where lower and upper hold all that is known.
    list of Finding

    Raises
    ------
    DataError
        For columns that `interpret` refuses, and counts that are not as ``coarse`` says.
    """
    frame = raw.frame
    events, lower, upper = (_theirs(frame, columns, name) for name in (_EVENTS, _LOWER, _UPPER))
    texts: pd.Series[str] = pd.Series(np.nan, index=frame.index, dtype=TEXT_DTYPE)
    if events is None and lower is not None and upper is not None:
        frame = frame.assign(**{_EVENTS: np.nan})
    elif events is not None and coarse.suppressed:
        written = as_text(frame[events])
        texts = written.where(written.isin([str(text).strip() for text in coarse.suppressed]))
        frame = frame.assign(**{events: written.mask(texts.notna())}) if texts.notna().any() else frame
    open_end: NDArray[np.bool_] = np.zeros(len(frame), dtype=bool)
    if upper is not None:
        open_end = as_text(frame[upper]).str.casefold().isin(OPEN_END).to_numpy(dtype=bool)
        frame = frame.assign(**{upper: frame[upper].mask(open_end)}) if open_end.any() else frame
    table, findings = interpret(replace(raw, frame=frame), PANEL, columns, settings)
    if open_end.any():
        table[_UPPER] = table[_UPPER].mask(open_end, np.inf)
    return _with_bounds(table, texts, coarse), [*findings, *_doubts(table, texts, coarse)]


def _doubts(table: pd.DataFrame, texts: "pd.Series[str]", coarse: Coarse) -> list[Finding]:
    """Exact counts that a text is said to hide, and texts that hide nothing."""
    shown = table[_EVENTS].to_numpy(dtype=np.float64)
    found = []
    for text, (low, high) in (coarse.suppressed or {}).items():
        inside = (shown >= low) & (shown <= high) & (coarse.rounded_to is None)
        if inside.any():
            values = ", ".join(f"{value:g}" for value in sorted(set(shown[inside]))[:_SHOWN])
            found.append(
                note(
                    "shown-though-hidden",
                    PANEL.name,
                    count=int(inside.sum()),
                    of=int(np.isfinite(shown).sum()),
                    rows=table.index[inside],
                    column=_EVENTS,
                    example=f"{values} ({str(text).strip()})",
                )
            )
        if not (texts == str(text).strip()).any():
            found.append(note("hidden-text-absent", PANEL.name, count=0, of=0, column=_EVENTS, example=f"'{text}'"))
    return found


def _theirs(frame: pd.DataFrame, columns: ColumnMap, ours: str) -> str | None:
    """What the file calls a column of ours; None where it has none."""
    name = columns.names.get(ours, ours)
    return name if name in frame.columns else None


def _with_bounds(table: pd.DataFrame, texts: "pd.Series[str]", coarse: Coarse) -> pd.DataFrame:
    """Bounds by the texts and the rounding, in rows that have none of their own."""
    if not coarse.said:
        return table
    found = coarse.bounds_of(table[_EVENTS].to_numpy(dtype=np.float64), texts)
    bounds = (_LOWER, _UPPER)
    own = {name: table[name] if name in table.columns else pd.Series(np.nan, index=table.index) for name in bounds}
    empty = own[_LOWER].isna() & own[_UPPER].isna()
    return table.assign(**{name: own[name].mask(empty, values) for name, values in zip(bounds, found, strict=True)})
