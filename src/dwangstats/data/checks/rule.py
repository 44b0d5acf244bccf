"""A rule: a name, a severity, a sentence and an action in both languages; and how it becomes a finding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Language, Severity
from dwangstats.data.findings import SHOWN_ROWS, Finding, first_rows

Mask: TypeAlias = NDArray[np.bool_]
"""Which rows of a table break a rule, shape (rows,)."""

_ROW: dict[Language, str] = {"nl": "rij", "en": "row"}
_MORE: dict[Language, str] = {"nl": " en verder", "en": " and on"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that input must or should satisfy.

    Attributes
    ----------
    name : str
        Stable name, words joined by hyphens.
    severity : {"error", "warning", "info"}
    nl, en : str
        The sentence. ``{count}``, ``{of}``, ``{where}`` (first row numbers), ``{table}`` and named values are filled
        in.
    do_nl, do_en : str
        What to do about it, filled in the same way.
    """

    name: str
    severity: Severity
    nl: str
    en: str
    do_nl: str
    do_en: str

    def broken_in(self, table: str, frame: pd.DataFrame, mask: Mask, **values: Any) -> list[Finding]:
        """The finding for the marked rows, or nothing when no row is marked.

        Parameters
        ----------
        table : str
            Name of the table in the schema.
        frame : DataFrame
            The table; its index holds the row numbers that the message shows.
        mask : (rows,) bool
        values
            What else the sentence names: text, or a mapping of language to text.
        """
        rows = frame.index[mask]
        return self.counted(table, len(rows), len(frame), rows=rows, **values)

    def counted(self, table: str, count: int, of: int, *, rows: Iterable[int] = (), **values: Any) -> list[Finding]:
        """The finding for ``count`` of ``of`` things, or nothing when there are none."""
        if count == 0:
            return []
        shown = first_rows(rows)
        texts: dict[Language, tuple[str, str]] = {"nl": (self.nl, self.do_nl), "en": (self.en, self.do_en)}
        message: dict[Language, str] = {}
        action: dict[Language, str] = {}
        for language, (sentence, advice) in texts.items():
            filled = {name: _in_language(value, language) for name, value in values.items()}
            filled |= {"count": str(count), "of": str(of), "table": table, "where": _where(shown, count, language)}
            message[language] = sentence.format_map(filled)
            action[language] = advice.format_map(filled)
        return [Finding(self.name, self.severity, table, count, of, shown, message, action)]


def some(names: "Iterable[object] | pd.Series[Any]") -> str:
    """The first five distinct names in alphabetical order, with three dots when there are more."""
    distinct = sorted({str(name) for name in (names.unique() if isinstance(names, pd.Series) else names)})
    return ", ".join(distinct[:SHOWN_ROWS]) + (", ..." if len(distinct) > SHOWN_ROWS else "")


def has(frame: pd.DataFrame | None, *columns: str) -> TypeGuard[pd.DataFrame]:
    """Whether the table is there, with all these columns."""
    return frame is not None and all(column in frame.columns for column in columns)


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A numeric column as floats, missing as NaN, (rows,); all missing when the column is absent."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column]).to_numpy(dtype=np.float64, na_value=np.nan)


def _in_language(value: Any, language: Language) -> str:
    return str(value[language]) if isinstance(value, Mapping) else str(value)


def _where(rows: tuple[int, ...], count: int, language: Language) -> str:
    listed = ", ".join(str(row) for row in rows)
    return f"{_ROW[language]} {listed}" + (_MORE[language] if count > len(rows) else "")
