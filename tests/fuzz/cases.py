"""One case: made from its kind and its number, tried, and held to what must hold.

A case is refused when dwangstats says so in a sentence; every other exception, every warning and every broken promise
is a finding.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from random import Random
from traceback import extract_tb
from typing import Literal

import pandas as pd

import dwangstats as dw
from cli.bad_inputs import run_command
from dwangstats.data.config.analysis import load_config
from dwangstats.errors import DwangstatsError, InternalError
from fuzz import grids, oracle, settings, writers

Outcome = Literal["accepted", "refused", "finding"]


@dataclass(frozen=True)
class Result:
    """What became of a case; a finding says what was raised, and where in the package."""

    outcome: Outcome
    what: str = ""
    where: str = ""


def run_case(kind: str, number: int, folder: Path) -> Result:
    """Make and try one case.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    number : int
        The same number gives the same case, always.
    folder : Path
        An empty folder to write to; what stands in it afterwards is the input of the case.
    """
    rng = Random(f"{kind}-{number}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            KINDS[kind](rng, folder)
        except InternalError as error:
            return _finding(error)
        except DwangstatsError as error:
            return _refusal(error)
        except Exception as error:  # noqa: BLE001  whatever else is raised is what is looked for
            return _finding(error)
    return Result("accepted")


def _refusal(error: DwangstatsError) -> Result:
    try:
        oracle.names_nobody(str(error))
        oracle.hold(bool(str(error).strip()), "a refusal without a sentence")
    except oracle.BrokenPromiseError as broken:
        return _finding(broken)
    return Result("refused")


def _finding(error: Exception) -> Result:
    frames = extract_tb(error.__traceback__)
    inside = [f for f in frames if "dwangstats" in f.filename and "/tests/" not in f.filename] or list(frames)
    last = inside[-1] if inside else None
    where = "" if last is None else f"{Path(last.filename).name}:{last.name}"
    sentence = str(error).splitlines()[0] if str(error) else ""
    return Result("finding", f"{type(error).__name__}: {sentence[:160]}", where)


def _csv_cells(rng: Random, folder: Path) -> None:
    """A CSV file whose cells, columns and rows went wrong."""
    table = _one_table(rng)
    written = writers.to_csv(rng, table)
    path = folder / f"{table.table}.csv"
    path.write_bytes(written.data)
    tables = dw.read_tables(path)
    oracle.tables_are_sound(tables)
    header, *rows = oracle.records(written.data, written.delimiter)
    oracle.grid_was_read(tables, grids.Grid(table.table, tuple(header), tuple(map(tuple, rows))))


def _csv_bytes(rng: Random, folder: Path) -> None:
    """A CSV file damaged in its bytes."""
    name = rng.choice(_TABLES)
    table = grids.grid(rng, name, rng.randrange(1, 12))
    written = writers.to_csv(rng, table)
    data = writers.mutated(rng, written.data)
    path = folder / f"{table.table}.csv"
    path.write_bytes(data)
    tables = dw.read_tables(path)
    oracle.tables_are_sound(tables)
    found = [f.message["en"] for f in tables.reading if f.rule == "delimiter-found"]
    delimiter = found[0].split("separated by ")[1][0] if found else ","
    oracle.csv_was_read(tables, table.table, data, "\t" if delimiter == "T" else delimiter)


def _frame(rng: Random, folder: Path) -> None:
    """A frame of pandas, polars, Arrow or DuckDB."""
    table = _one_table(rng)
    frame = writers.to_frame(rng, table)
    tables = dw.read_tables(**{table.table: frame})
    oracle.tables_are_sound(tables)
    oracle.rows_are_accounted_for(tables, table.table, len(table.rows))
    if rng.random() < 0.05:
        oracle.report_is_sound(tables, dw.check(tables))


def _parquet(rng: Random, folder: Path) -> None:
    """A Parquet file, one in four damaged."""
    table = _one_table(rng)
    data = writers.to_parquet(rng, table)
    if data is None:
        data = writers.to_parquet(rng, grids.grid(rng, "panel", 3)) or b""
        table = grids.Grid(table.table, (), ())
    damaged = rng.random() < 0.25
    path = folder / f"{table.table}.parquet"
    path.write_bytes(writers.mutated(rng, data) if damaged else data)
    tables = dw.read_tables(path)
    oracle.tables_are_sound(tables)
    if not damaged and table.rows:
        oracle.rows_are_accounted_for(tables, table.table, len(table.rows))


def _excel(rng: Random, folder: Path) -> None:
    """A workbook: given as a file it is refused in a sentence, read by pandas it is a frame."""
    table = _one_table(rng)
    data = writers.to_excel(rng, table)
    path = folder / f"{table.table}.xlsx"
    path.write_bytes(data or b"PK\x03\x04")
    if data is None or rng.random() < 0.3:
        named = folder / "dwangstats.toml"
        named.write_text(settings.to_toml({"tables": {table.table: path.name}}), encoding="utf-8")
        dw.read_tables(rng.choice((path, named, folder)))
        raise oracle.BrokenPromiseError("a workbook was read as a table")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl's own, about dates that a sheet cannot hold
        frame = pd.read_excel(path, dtype=rng.choice((None, str)))
    tables = dw.read_tables(**{table.table: frame})
    oracle.tables_are_sound(tables)
    oracle.rows_are_accounted_for(tables, table.table, len(frame))


def _toml(rng: Random, folder: Path) -> None:
    """An analysis file, spoiled in its settings or in its bytes."""
    chosen = settings.good_settings(rng)
    unknown = rng.random() < 0.1
    if unknown:
        chosen = settings.with_unknown_key(rng, chosen)
        data = settings.to_toml(chosen).encode("utf-8", errors="replace")
    else:
        data = settings.toml_bytes(rng, settings.spoilt_settings(rng, chosen))
    path = folder / "dwangstats.toml"
    path.write_bytes(data)
    config = load_config(path)
    oracle.hold(not unknown, "a key that does not exist was passed over")
    oracle.config_is_plain(config.resolved)


def _configured(rng: Random, folder: Path) -> None:
    """Tables read through an analysis file that may map their columns."""
    table = _one_table(rng)
    chosen = settings.good_settings(rng) | {"tables": {table.table: f"{table.table}.csv"}}
    theirs = {name: f"{name}_2" for name in table.header if rng.random() < 0.4}
    renamed = replace(table, header=tuple(theirs.get(name, name) for name in table.header))
    (folder / f"{table.table}.csv").write_bytes(writers.to_csv(rng, renamed).data)
    ours = list(theirs)
    if rng.random() < 0.2:
        rng.shuffle(ours)
    chosen["columns"] = {table.table: {name: theirs[own] for name, own in zip(ours, theirs, strict=True)}}
    if rng.random() < 0.3:
        chosen = settings.spoilt_settings(rng, chosen)
    path = folder / "dwangstats.toml"
    path.write_text(settings.to_toml(chosen), encoding="utf-8", errors="replace")
    oracle.tables_are_sound(dw.read_tables(path))


def _checks(rng: Random, folder: Path) -> None:
    """A whole register of which some tables were spoiled, checked."""
    tables = _register(rng, often=0.4)
    report = dw.check(tables, by=rng.choice((None, "month", "quarter", "half-year", "year")))
    oracle.report_is_sound(tables, report)


def _counts(rng: Random, folder: Path) -> None:
    """A panel of ready counts."""
    table = grids.grid(rng, "panel", rng.randrange(1, 16), rng.choice(list(grids.PERIODS)))
    table = grids.spoil(rng, table, rng.choice((0, 0, 0, 0, 1, 2)))
    tables = dw.read_tables(panel=writers.to_frame(rng, table, strange=0.002))
    blank = rng.choice(("error", "not delivered"))
    oracle.report_is_sound(tables, dw.check(tables, blank_events=blank))
    panel = dw.build_panel(tables, blank_events=blank, form=rng.choice((None, None, None, None, "seclusion")))
    oracle.panel_accounts(panel, tables)
    counts = tables.given["panel"]
    if not {"form", "law", "lower", "upper"} & set(counts.columns):
        oracle.rows_of_counts_are_accounted_for(panel, counts)


def _panel(rng: Random, folder: Path) -> None:
    """A panel of a whole register, asked for in any way."""
    tables = _register(rng, often=0.12)
    asked = {name: rng.choice(choices) for name, choices in _QUESTIONS.items() if rng.random() < 0.15}
    if rng.random() < 0.7:
        asked["by"] = _kind_of_periods(tables)
    panel = dw.build_panel(tables, **asked)
    oracle.panel_accounts(panel, tables)
    given = len(tables.given["registrations"])
    oracle.hold(panel.registrations_read == given, f"of {given} registrations {panel.registrations_read} were read")


def _command(rng: Random, folder: Path) -> None:
    """The command `check` on a folder of files."""
    for name, table in grids.register(rng).items():
        spoiled = grids.spoil(rng, table, rng.choice((0, 0, 1, 3)))
        (folder / f"{name}.csv").write_bytes(writers.to_csv(rng, spoiled).data)
    outcome = run_command("check", str(folder), "--language", rng.choice(("nl", "en")))
    oracle.hold("Traceback" not in outcome.text, "a traceback was printed")
    oracle.hold(outcome.exit_code in {0, 1} and bool(outcome.text.strip()), f"exit code {outcome.exit_code}")
    oracle.names_nobody(outcome.text)


def _one_table(rng: Random) -> grids.Grid:
    name = rng.choice(_TABLES)
    return grids.spoil(rng, grids.grid(rng, name, rng.randrange(1, 12)), rng.choice((0, 1, 1, 2, 3, 6)))


def _register(rng: Random, often: float) -> dw.Tables:
    """A register of frames, each of which was spoiled with a probability."""
    frames = {}
    for name, table in grids.register(rng).items():
        times = rng.choice((1, 1, 2)) if rng.random() < often else 0
        frames[name] = writers.to_frame(rng, grids.spoil(rng, table, times), strange=often / 100)
    return dw.read_tables(**frames)


def _kind_of_periods(tables: dw.Tables) -> str:
    """The kind of the periods of exposure, at least a half-year, so that the question can be answered."""
    exposure = tables.given["exposure"]
    first = str(exposure["period"].iloc[0]) if "period" in exposure.columns else ""
    return "year" if len(first) == 4 else "half-year"


_QUESTIONS: dict[str, tuple[object, ...]] = {
    "by": ("month", "quarter", "half-year", "year", "week"),
    "law": ("WVGGZ", "WVGGZ", "WZD", "unknown", "WVGZ"),
    "definition": ("D1", "D2", "D3", "D4", "D5"),
    "planned": (True, False),
    "form": ("seclusion", "medication", ["seclusion", "restraint"], [], "separatie"),
    "gap_hours": (0.0, 24.0, 24.0, 24, -1.0, 1e12, "24", True, float("nan")),
    "as_of": ("2022-08-15", "2023-01-01", date(2024, 10, 8), "yesterday", "08-10-2024", 2022),
    "covariates": ((), "capacity", "mean_occupancy", "note", "period"),
}

_TABLES = (
    *("registrations", "registrations", "exposure", "deliveries", "panel", "panel"),
    *("locations", "audits", "second_source", "controls"),
)

KINDS: dict[str, Callable[[Random, Path], None]] = {
    "toml": _toml,
    "csv-bytes": _csv_bytes,
    "csv-cells": _csv_cells,
    "frame": _frame,
    "parquet": _parquet,
    "configured": _configured,
    "excel": _excel,
    "counts": _counts,
    "checks": _checks,
    "panel": _panel,
    "command": _command,
}

SHARES: dict[str, float] = {
    "toml": 0.32,
    "csv-bytes": 0.32,
    "csv-cells": 0.13,
    "frame": 0.08,
    "parquet": 0.06,
    "configured": 0.06,
    "excel": 0.01,
    "counts": 0.008,
    "checks": 0.005,
    "panel": 0.006,
    "command": 0.001,
}
"""Share of the cases of each kind: what costs a tenth of a second gets fewer than what costs a thousandth."""
