"""Read the input tables: which files, what was in them, and what could not be read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from dwangstats._types import Progress
from dwangstats.data.bsn import without_bsn
from dwangstats.data.config.analysis import TABLE_SUFFIXES, AnalysisConfig, ColumnMap, ReadConfig, load_config
from dwangstats.data.config.coarse import Coarse
from dwangstats.data.digest import frame_digest
from dwangstats.data.findings import Finding
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.reading.count_in_engine import count_in_engine
from dwangstats.data.reading.counted import Counted
from dwangstats.data.reading.engines import RowsIn, opened, stays_in_engine
from dwangstats.data.reading.files import FRAME, RawTable, read_file, read_frame
from dwangstats.data.reading.interpret import interpret
from dwangstats.data.reading.notes import note
from dwangstats.data.reading.persons import persons_elsewhere
from dwangstats.data.reading.ready_counts import interpret_counts
from dwangstats.data.register.schema import PANEL, SCHEMAS
from dwangstats.errors import DataError, DomainError

_DATA_SUFFIXES = frozenset({*TABLE_SUFFIXES, ".tsv", ".txt", ".xlsx", ".xls", ".xml", ".json", ".sav", ".dta", ".rds"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where one table came from.

    Attributes
    ----------
    table : str
        Name of the table in the schema.
    file : str
        Name of the file without its folder; "(frame)" for a frame given in memory.
    rows : int
        Number of rows read.
    sha256 : str
        Hash of the bytes of the file, or of the content of the frame.
    """

    table: str
    file: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RepairMade:
    """A repair that was made in tables.

    Attributes
    ----------
    name : str
        Name of the repair.
    rows : int
        Rows that it changed or removed.
    removed : int
        Registrations that it removed.
    kept : int or None
        Registrations that were there afterwards; None without that table.
    """

    name: str
    rows: int
    removed: int
    kept: int | None


@dataclass(frozen=True, slots=True)
class Scored:
    """That `dwangstats.with_quality` put its columns in the table of bed-days.

    Attributes
    ----------
    columns : tuple of str
        Names of these columns.
    known_on : datetime or None
        The moment of which the score is what was known; None for the score of everything that came in.
    """

    columns: tuple[str, ...]
    known_on: datetime | None


@dataclass(frozen=True, slots=True)
class Tables:
    """The input tables, converted by the schema; a table that was not given is None.

    Attributes
    ----------
    registrations, exposure, locations, deliveries, audits, second_source, controls, panel : DataFrame or None
        The index ``row`` is the row in the file, from 1 under the header. Ids are text, counts and numbers float64,
        dates datetime64, yes-no nullable boolean, periods text such as "2021-H1".
    sources : tuple of Source
        One per table that was read.
    reading : tuple of Finding
        What could not be read, or was noticed while reading.
    counted : Counted or None
        Registrations that stayed in their engine: their counts, in place of the table ``registrations``.
    repairs : tuple of RepairMade
        Repairs that were made in these tables, in order; also those that touched nothing.
    scored : Scored or None
        Of which moment the quality score in ``exposure`` is; None where `dwangstats.with_quality` put none there.
    """

    registrations: pd.DataFrame | None = None
    exposure: pd.DataFrame | None = None
    locations: pd.DataFrame | None = None
    deliveries: pd.DataFrame | None = None
    audits: pd.DataFrame | None = None
    second_source: pd.DataFrame | None = None
    controls: pd.DataFrame | None = None
    panel: pd.DataFrame | None = None
    sources: tuple[Source, ...] = ()
    reading: tuple[Finding, ...] = ()
    counted: Counted | None = None
    repairs: tuple[RepairMade, ...] = ()
    scored: Scored | None = None

    def __repr__(self) -> str:
        rows = [f"{name}: {len(frame)} rows" for name, frame in self.given.items()]
        if self.counted is not None:
            rows.append(f"registrations: {self.counted.registrations} rows in {self.counted.engine}")
        return f"Tables({', '.join(rows)})"

    @property
    def given(self) -> dict[str, pd.DataFrame]:
        """The tables that are there, by name, in the order of the schema."""
        return {name: frame for name in SCHEMAS if (frame := getattr(self, name)) is not None}

    @property
    def fingerprint(self) -> str:
        """sha256 over the content of all tables; the same whether they came from files or from frames.

        Of registrations that stayed in an engine the counts are hashed (`Counted.fingerprint`): the same for every
        engine, and other than that of the same rows in memory.
        """
        lines = [f"{name} {frame_digest(frame)}" for name, frame in self.given.items()]
        if self.counted is not None:
            lines.append(f"counted {self.counted.fingerprint}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(slots=True)
class _Plan:
    """What is to be read, and how; problems found while planning."""

    inputs: dict[str, Any] = field(default_factory=dict)
    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    settings: ReadConfig = field(default_factory=ReadConfig)
    law: str | None = None
    coarse: Coarse = field(default_factory=Coarse)
    problems: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_tables(
    source: str | Path | AnalysisConfig | None = None,
    *,
    rows: RowsIn = "auto",
    progress: Progress | None = None,
    **frames: Any,
) -> Tables:
    """Read the input tables from a folder, an analysis file, or frames in memory.

    Parameters
    ----------
    source : str, Path or AnalysisConfig, optional
        A folder with files such as registrations.csv or exposure.parquet (other files are left alone, and named in a
        finding), one such file, or an analysis file (dwangstats.toml).
    rows : {"auto", "memory", "engine"}
        Where the rows of the table registrations are. With "engine" they are counted where they are (a file by DuckDB,
        in parts; a frame by its own engine) and only the counts come into memory, in ``counted``: enough for
        `build_panel`, not for what needs single rows (interventions by ``gap_hours``, ``as_of``, repairs, signs of
        errors in rows). "auto" does so with a CSV file of more than 250 MB, and with any other table of more than two
        million rows that is not in pandas.
    progress : callable, optional
        Called with (tables read, tables in all); of a table that is counted in its engine also on the way, and then
        in hundredths of tables.
    **frames
        Tables by name: ``panel=df``. Any frame that narwhals takes (pandas, polars, DuckDB, Spark, Ibis); a lazy one
        is collected. A column keeps the name it has in the schema.

    Returns
    -------
    Tables
        With in ``reading`` every value that could not be converted, as findings of severity error.

    Raises
    ------
    DataError
        If a file is missing, empty, not UTF-8 or ragged, lacks a column, or holds citizen service numbers, or
        clients in a column that is shown; all problems of all tables together.
    ConfigError
        If the analysis file is wrong.
    MissingExtraError
        For Parquet without pyarrow, or a file that is counted in an engine without DuckDB.
    DomainError
        If ``rows`` is none of its choices.
    """
    if rows not in get_args(RowsIn):
        raise DomainError(f"rows='{rows}' is not offered; choose one of {', '.join(get_args(RowsIn))}.")
    plan = _plan(source, {name: frame for name, frame in frames.items() if frame is not None})
    tables: dict[str, pd.DataFrame] = {}
    sources: list[Source] = []
    counted = None
    names = [name for name in SCHEMAS if name in plan.inputs]
    inside = "registrations" in names and stays_in_engine(plan.inputs["registrations"], rows)
    steps = _Steps(len(names), 100 if inside else 1, progress)
    for name in names:
        try:
            if inside and name == "registrations":
                counted, read, findings = _counted(plan, steps)
            else:
                raw = _raw(name, plan.inputs[name], plan.settings)
                tables[name], findings = _interpreted(plan, name, raw)
                read = _source(name, raw, tables[name])
        except DataError as error:
            plan.problems += error.problems
        else:
            plan.findings += findings
            sources.append(read)
        steps.table_done()
    plan.problems += persons_elsewhere(tables)
    if plan.problems:
        raise DataError([without_bsn(problem) for problem in plan.problems])
    plan.findings += _law_not_in_data(plan.law, tables, counted)
    told = tuple(plan.findings)
    return Tables(**tables, sources=tuple(sources), reading=told, counted=counted, repairs=(), scored=None)


def _interpreted(plan: _Plan, name: str, raw: RawTable) -> tuple[pd.DataFrame, list[Finding]]:
    columns = plan.columns.get(name, ColumnMap()) if raw.sha256 else ColumnMap()
    if name == PANEL.name:
        return interpret_counts(raw, columns, plan.settings, plan.coarse)
    return interpret(raw, SCHEMAS[name], columns, plan.settings)


class _Steps:
    """Tells how many tables were read, in parts of a table where one is counted in its engine."""

    def __init__(self, tables: int, parts: int, progress: Progress | None) -> None:
        self._tables = tables
        self._parts = parts
        self._done = 0
        self._progress = progress

    @property
    def silent(self) -> bool:
        """Whether nobody is told."""
        return self._progress is None

    def table_done(self) -> None:
        self._done += 1
        self.within(0.0)

    def within(self, share: float) -> None:
        """A share of the table at hand was done, 0 to 1."""
        if self._progress is not None:
            self._progress(self._parts * self._done + int(self._parts * share), self._parts * self._tables)


def _counted(plan: _Plan, steps: _Steps) -> tuple[Counted, Source, list[Finding]]:
    given = plan.inputs["registrations"]
    columns = plan.columns.get("registrations", ColumnMap()) if isinstance(given, Path) else ColumnMap()
    with opened("registrations", given, plan.settings.delimiter) as table:
        watch = None if steps.silent else steps.within
        counted, findings = count_in_engine(table, columns, plan.settings, watch)
        name = FRAME if table.sha256 is None else table.name
        digest = counted.fingerprint if table.sha256 is None else table.sha256
    return counted, Source("registrations", name, counted.registrations, digest), findings


def _law_not_in_data(law: str | None, tables: Mapping[str, pd.DataFrame], counted: Counted | None) -> list[Finding]:
    """A finding when the analysis file chooses a law that the table that is counted cannot confirm."""
    used = "panel" if "panel" in tables else "registrations"
    columns = {name: tuple(frame.columns) for name, frame in tables.items()}
    if counted is not None:
        columns["registrations"] = counted.columns
    if law is None or used not in columns or "law" in columns[used]:
        return []
    return [note("law-from-analysis-file", used, count=1, of=1, column="law", example=law)]


def _raw(name: str, given: Any, settings: ReadConfig) -> RawTable:
    return read_file(given, settings.delimiter) if isinstance(given, Path) else read_frame(name, given)


def _source(name: str, raw: RawTable, frame: pd.DataFrame) -> Source:
    file, digest = (raw.name, raw.sha256) if raw.sha256 else (FRAME, frame_digest(frame))
    return Source(table=name, file=file, rows=len(frame), sha256=digest)


def _plan(source: str | Path | AnalysisConfig | None, frames: Mapping[str, Any]) -> _Plan:
    plan = _Plan()
    if isinstance(source, AnalysisConfig):
        _plan_config(plan, source)
    elif source is not None:
        _plan_path(plan, Path(source))
    for name, frame in frames.items():
        if name not in SCHEMAS:
            plan.problems.append(f"there is no table '{name}'.{did_you_mean(name, SCHEMAS)} {_known_tables()}")
        elif name in plan.inputs:
            plan.problems.append(f"the table '{name}' is given twice, as a file and as a frame. Give it once.")
        else:
            plan.inputs[name] = frame
    if not plan.inputs and not plan.problems:
        plan.problems.append(f"no table was given. {_known_tables()}")
    if plan.coarse.said and plan.inputs and PANEL.name not in plan.inputs:
        said = " and ".join(plan.coarse.said)
        plan.problems.append(f"[panel] says {said}, which is about ready counts, and there is no table panel.")
    return plan


def _plan_config(plan: _Plan, config: AnalysisConfig) -> None:
    plan.columns = config.columns
    plan.settings = config.read
    plan.law = config.panel.law
    plan.coarse = config.panel.coarse
    if config.tables.folder is not None:
        _plan_folder(plan, config.tables.folder, leave_out=config.tables.files)
    plan.inputs.update(config.tables.files)


def _plan_path(plan: _Plan, path: Path) -> None:
    if path.suffix.lower() == ".toml" and not path.is_dir():
        _plan_config(plan, load_config(path))
    elif path.is_dir():
        _plan_folder(plan, path, leave_out={})
    elif path.suffix.lower() in TABLE_SUFFIXES and path.stem in SCHEMAS:
        plan.inputs[path.stem] = path
    elif path.is_file():
        hint = did_you_mean(path.stem, SCHEMAS)
        plan.problems.append(
            f"{path.name}: the name of the file does not say which table it is.{hint} {_known_tables()}"
        )
    else:
        plan.problems.append(f"there is no folder or file '{path}'.")


def _plan_folder(plan: _Plan, folder: Path, *, leave_out: Mapping[str, Path]) -> None:
    if not folder.is_dir():
        plan.problems.append(f"there is no folder '{folder}'.")
        return
    named = {path.resolve() for path in leave_out.values()}
    ignored = []
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix.lower() in _DATA_SUFFIXES]
    for path in files:
        known = path.stem in SCHEMAS and path.suffix.lower() in TABLE_SUFFIXES
        if known and path.stem in plan.inputs:
            plan.problems.append(
                f"the table '{path.stem}' stands in the folder twice, as CSV and as Parquet. Keep one."
            )
        elif known and path.stem not in leave_out:
            plan.inputs[path.stem] = path
        elif path.resolve() not in named:
            ignored.append(without_bsn(path.name))
    if not plan.inputs and not leave_out:
        hint = next((h for name in ignored if (h := did_you_mean(Path(name).stem, SCHEMAS))), "")
        plan.problems.append(f"the folder '{folder}' holds no table that is known.{hint} {_known_tables()}")
    if ignored:
        plan.findings.append(note("files-ignored", "", count=len(ignored), of=len(files), example=", ".join(ignored)))


def _known_tables() -> str:
    return f"Tables are: {', '.join(SCHEMAS)}."
