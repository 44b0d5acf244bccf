"""A table of evidence with its columns converted; everything that is wrong with it is collected."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.config.analysis import ColumnMap, ReadConfig
from dwangstats.data.reading.files import read_frame
from dwangstats.data.reading.interpret import interpret
from dwangstats.data.register.schema import TableSchema
from dwangstats.design.rows import rows_text

_ACTIONS = {"not-a-count": "Write whole numbers of 0 or more, without marks of thousands."}
"""Advice that is other than for registrations, which may be suppressed or rounded."""


def read_evidence(frame: Any, schema: TableSchema) -> tuple[pd.DataFrame, list[str]]:
    """Columns of the schema as text, counts and periods.

    Parameters
    ----------
    frame : any frame that narwhals takes
    schema : TableSchema

    Returns
    -------
    frame : DataFrame
        The columns of the schema that are there; the index is the number of the row. Rows that came from a file keep
        the number they have there.
    problems : list of str
        Values that are missing or cannot be converted, and rows that are there twice.

    Raises
    ------
    DataError
        If it is not a table or lacks a column.
    """
    raw = read_frame(schema.name, frame)
    table, findings = interpret(raw, schema, ColumnMap(), ReadConfig())
    if isinstance(frame, pd.DataFrame) and frame.index.name == "row":
        table = table.set_axis(frame.index, axis="index")
    known = [column.name for column in schema.columns if column.name in table.columns]
    table = table[known]
    problems = [
        f"{schema.name}: {f.message['en']} {_ACTIONS.get(f.rule, f.action['en'])}"
        for f in findings
        if f.severity == "error"
    ]
    unreadable = np.zeros(len(table), dtype=bool)
    for name in schema.required:
        missing = table[name].isna().to_numpy()
        blank = missing & raw.frame[name].isna().to_numpy()
        problems += complaint(schema.name, table.index, blank, f"{name} is missing", "Fill it in.")
        unreadable |= missing
    return table, problems + ([] if unreadable.any() else _twice(table, schema))


def complaint(table: str, index: pd.Index, bad: np.ndarray, what: str, advice: str) -> list[str]:
    """One sentence that counts and names the bad rows, or none."""
    rows = np.flatnonzero(bad)
    if not rows.size:
        return []
    return [f"{table}: {what} in {rows.size} of {len(index)} rows ({rows_text(index, rows)}). {advice}"]


def _twice(table: pd.DataFrame, schema: TableSchema) -> list[str]:
    key: Sequence[str] = [name for name in schema.key if name in table.columns]
    again = table.duplicated(list(key)).to_numpy()
    return complaint(schema.name, table.index, again, f"the same {', '.join(key)} occurs before", "Keep one of them.")
