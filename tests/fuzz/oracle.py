"""What must hold of every case: no row lost, no value lost in silence, no client named."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from dwangstats.data.checks.check import CheckReport
from dwangstats.data.findings import Finding
from dwangstats.data.panels import reasons
from dwangstats.data.panels.panel import Panel
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.schema import SCHEMAS
from fuzz.grids import Grid
from fuzz.values import CLIENT_MARK

_MISSING = {"", "NA"}
_MISSING_NUMBER = {*_MISSING, "NaN", "nan", "NULL"}
_LOST = ("not-a-count", "not-a-number", "not-a-date", "slash-date", "not-a-period", "not-yes-no", "shortened-code")


class BrokenPromiseError(AssertionError):
    """A promise that a case broke."""


def hold(fine: bool, promise: str) -> None:
    """Say which promise is broken."""
    if not fine:
        raise BrokenPromiseError(promise)


def grid_was_read(tables: Tables, table: Grid) -> None:
    """Every row of the grid is in the table or was blank and said so; every value is there or was said to be lost."""
    frame = tables.given[table.table]
    named = [place for place, name in enumerate(table.header) if name.strip()]
    filled = [row for row in table.rows if any(row[place] != "" for place in named)]
    rows_are_accounted_for(tables, table.table, len(filled))
    for place in named:
        name = table.header[place].strip()
        value_is_there_or_lost_aloud(tables, frame, table.table, name, [row[place] for row in filled])


def csv_was_read(tables: Tables, name: str, data: bytes, delimiter: str) -> None:
    """Every record that another reader finds in the bytes is in the table, or was blank and said so."""
    header, *rows = records(data, delimiter)
    named = [place for place, column in enumerate(header) if column.strip()]
    filled = [row for row in rows if any(row[place] != "" for place in named if place < len(row))]
    rows_are_accounted_for(tables, name, len(filled))


def records(data: bytes, delimiter: str) -> list[list[str]]:
    """Records of a CSV file as the standard library reads them, without blank lines and the line "sep="."""
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if text.lower().lstrip('"').startswith("sep="):
        text = text.partition("\n")[2]
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def rows_are_accounted_for(tables: Tables, name: str, filled: int) -> None:
    """Rows with a value are the rows of the table; its source says how many."""
    frame = tables.given[name]
    hold(len(frame) == filled, f"{filled} rows with a value went in, {len(frame)} came out")
    hold(frame.index.is_unique and frame.index.is_monotonic_increasing, "row numbers are not those of the file")
    said = [source.rows for source in tables.sources if source.table == name]
    hold(said == [filled], f"the source says {said} rows")


def value_is_there_or_lost_aloud(
    tables: Tables, frame: pd.DataFrame, table: str, name: str, given: Sequence[str]
) -> None:
    """Values that went in are in the column, or a finding of severity error counts them."""
    column = SCHEMAS[table].column(name)
    if column is None or name not in frame.columns:
        return
    marks = _MISSING if column.kind in {"id", "text"} else _MISSING_NUMBER
    went_in = sum(text.strip() not in marks for text in given)
    lost = sum(
        f.count for f in tables.reading if f.table == table and f.rule in _LOST and f"'{name}'" in f.message["en"]
    )
    there = int(frame[name].notna().sum())
    hold(went_in == there + lost, f"column {name}: {went_in} values went in, {there} came out, {lost} said to be lost")


def tables_are_sound(tables: Tables) -> None:
    """What reading says can be said in both languages, and points at rows that are there."""
    hold(len(tables.fingerprint) == 64, "no fingerprint")
    findings_are_sound(tables, tables.reading)


def report_is_sound(tables: Tables, report: CheckReport) -> None:
    """Findings of reading are kept; all can be shown in both languages and name nobody."""
    hold(all(f in report.findings for f in tables.reading), "a finding of reading was dropped")
    findings_are_sound(tables, report.findings)
    for language in ("nl", "en"):
        names_nobody(report.to_text(language))
        hold(len(report.to_frame(language)) == len(report.findings), "the frame of findings has other rows")


def findings_are_sound(tables: Tables, findings: Iterable[Finding]) -> None:
    """Rows of a finding are rows of its table, and no finding names a client."""
    for finding in findings:
        rows = tables.given[finding.table].index if finding.table in tables.given else None
        hold(rows is None or set(finding.rows) <= set(rows), f"{finding.rule} points at rows that are not there")
        names_nobody(json.dumps([dict(finding.message), dict(finding.action)]))


def names_nobody(text: str) -> None:
    """No made-up client or registration stands in the text."""
    hold(CLIENT_MARK not in text, "a client or registration is named")


def panel_accounts(panel: Panel, tables: Tables) -> None:
    """Registrations in are registrations counted and set aside, with a reason that exists; rows likewise."""
    aside = panel.set_aside
    hold(bool(aside["reason"].isin(list(reasons.REASONS)).all()), "a reason that does not exist")
    hold(bool((aside["count"] > 0).all()), "a reason without a count")
    counted = int(panel.observed["events"].sum())
    apart = reasons.registrations_in(aside)
    if tables.panel is None:
        read = 0 if tables.registrations is None else len(tables.registrations)
    else:
        read = int(tables.panel["events"].sum())
    hold(counted + apart == read, f"{read} registrations went in, {counted} were counted and {apart} set aside")
    hold(bool(panel.frame.loc[~panel.frame["delivered"], "events"].isna().all()), "a count without a delivery")


def rows_of_counts_are_accounted_for(panel: Panel, counts: pd.DataFrame) -> None:
    """Of ready counts of one form and law, each row is a row of the panel or is set aside with a reason."""
    aside = panel.set_aside
    removed = aside.loc[(aside["what"] == "rows") & aside["reason"].isin([reasons.BED_DAYS_MISSING, reasons.CLOSED])]
    used, apart = len(panel.frame), int(removed["count"].sum())
    hold(len(counts) == used + apart, f"{len(counts)} rows went in, {used} were used and {apart} set aside")


def config_is_plain(resolved: dict[str, Any]) -> None:
    """Settings with their defaults can be written as JSON."""
    hold(bool(json.dumps(resolved, allow_nan=True)), "settings cannot be written")
