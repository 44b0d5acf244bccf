"""Rules for every table alike: rows at all, required columns, values in them, one row per key, one kind of period."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Rule, has, some
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import period_kind
from dwangstats.data.register.schema import SCHEMAS, TableSchema

EMPTY = Rule(
    "empty-table",
    "error",
    "De tabel {table} bevat geen rijen.",
    "The table {table} has no rows.",
    "Lever de tabel met rijen aan, of laat haar weg.",
    "Give the table with rows, or leave it out.",
)
ABSENT = Rule(
    "missing-column",
    "error",
    "In de tabel {table} ontbreken {count} verplichte kolommen: {columns}.",
    "The table {table} lacks {count} required columns: {columns}.",
    "Voeg de kolommen toe, of geef in dwangstats.toml aan hoe zij in het bestand heten.",
    "Add the columns, or say in dwangstats.toml what they are called in the file.",
)
MISSING = Rule(
    "missing-value",
    "error",
    "In {count} van de {of} rijen van {table} is de verplichte kolom {column} leeg ({where}).",
    "The required column {column} is empty in {count} of {of} rows of {table} ({where}).",
    "Vul de waarde aan bij de bron, of verwijder de rij.",
    "Fill in the value at the source, or remove the row.",
)
DUPLICATE = Rule(
    "duplicate-key",
    "error",
    "In {table} staan {count} van de {of} rijen dubbel: zij hebben dezelfde {key} als een eerdere rij ({where}).",
    "In {table} {count} of {of} rows are there twice: they have the same {key} as an earlier row ({where}).",
    "Laat per {key} één rij staan; tel dubbele rijen niet op.",
    "Leave one row per {key}; do not add up rows that are there twice.",
)
MIXED_PERIODS = Rule(
    "mixed-periods",
    "error",
    "De tabel {table} gebruikt perioden van {count} soorten door elkaar ({kinds}); die overlappen elkaar.",
    "The table {table} mixes periods of {count} kinds ({kinds}), which overlap.",
    "Geef alle rijen van {table} dezelfde soort periode.",
    "Give all rows of {table} the same kind of period.",
)

_OWN_RULE = {("exposure", "bed_days"), ("panel", "bed_days"), ("panel", "events")}


def column_findings(tables: Tables) -> Iterator[Finding]:
    """Findings of the rules that hold for every table.

    A registration number may come back in a later version of a delivery when the table of deliveries says which version
    is the last; then a row is named by number and version together.
    """
    for schema in SCHEMAS.values():
        frame: pd.DataFrame | None = getattr(tables, schema.name)
        if frame is None:
            continue
        if frame.empty:
            yield from EMPTY.counted(schema.name, 1, 1)
            continue
        yield from _absent_columns(schema, frame)
        yield from _missing_values(schema, frame)
        yield from _duplicates(schema, frame, tables)
        yield from _mixed_periods(schema, frame)


def _absent_columns(schema: TableSchema, frame: pd.DataFrame) -> Iterator[Finding]:
    absent = [name for name in schema.required if name not in frame.columns]
    yield from ABSENT.counted(schema.name, len(absent), len(schema.required), columns=", ".join(absent))


def _missing_values(schema: TableSchema, frame: pd.DataFrame) -> Iterator[Finding]:
    for name in schema.required:
        if name in frame.columns and (schema.name, name) not in _OWN_RULE:
            yield from MISSING.broken_in(schema.name, frame, frame[name].isna().to_numpy(), column=name)


def _duplicates(schema: TableSchema, frame: pd.DataFrame, tables: Tables) -> Iterator[Finding]:
    key = [name for name in schema.key if name in frame.columns]
    named = np.ones(len(frame), dtype=bool)
    if schema.name == "registrations":
        if not key:
            return
        named = frame[key[0]].notna().to_numpy()
        if has(frame, "delivery_version") and has(tables.deliveries, "version"):
            key = [*key, "delivery_version"]
    elif not set(key) & set(schema.required):
        return
    again = frame.duplicated(subset=key, keep="first").to_numpy() & named
    yield from DUPLICATE.broken_in(schema.name, frame, again, key=" + ".join(key))


def _mixed_periods(schema: TableSchema, frame: pd.DataFrame) -> Iterator[Finding]:
    if not has(frame, "period"):
        return
    kinds = {period_kind(text) for text in frame["period"].dropna().unique()}
    if len(kinds) > 1:
        yield from MIXED_PERIODS.counted(schema.name, len(kinds), len(kinds), kinds=some(kinds))
