"""Read the input tables: which files, what was in them, and what could not be read."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dwangstats._types import Progress
from dwangstats.data.bsn import without_bsn
from dwangstats.data.config import TABLE_SUFFIXES, AnalysisConfig, ColumnMap, ReadConfig, load_config
from dwangstats.data.digest import frame_digest
from dwangstats.data.files import FRAME, RawTable, read_file, read_frame
from dwangstats.data.findings import Finding
from dwangstats.data.interpret import interpret
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.notes import note
from dwangstats.data.schema import SCHEMAS
from dwangstats.errors import DataError

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

    @property
    def given(self) -> dict[str, pd.DataFrame]:
        """The tables that are there, by name, in the order of the schema."""
        return {name: frame for name in SCHEMAS if (frame := getattr(self, name)) is not None}

    @property
    def fingerprint(self) -> str:
        """sha256 over the content of all tables; the same whether they came from files or from frames."""
        lines = [f"{name} {frame_digest(frame)}" for name, frame in self.given.items()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(slots=True)
class _Plan:
    """What is to be read, and how; problems found while planning."""

    inputs: dict[str, Any] = field(default_factory=dict)
    columns: Mapping[str, ColumnMap] = field(default_factory=dict)
    settings: ReadConfig = field(default_factory=ReadConfig)
    law: str | None = None
    problems: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_tables(
    source: str | Path | AnalysisConfig | None = None, *, progress: Progress | None = None, **frames: Any
) -> Tables:
    """Read the input tables from a folder, an analysis file, or frames in memory.

    Parameters
    ----------
    source : str, Path or AnalysisConfig, optional
        A folder with files such as registrations.csv or exposure.parquet (other files are left alone, and named in a
        finding), one such file, or an analysis file (dwangstats.toml).
    progress : callable, optional
        Called with (tables read, tables in all).
    **frames
        Tables by name: ``panel=df``. Any frame that narwhals takes; a lazy one is collected. A column keeps the name
        it has in the schema.

    Returns
    -------
    Tables
        With in ``reading`` every value that could not be converted, as findings of severity error.

    Raises
    ------
    DataError
        If a file is missing, empty, not UTF-8 or ragged, lacks a column, or holds citizen service numbers; all
        problems of all tables together.
    ConfigError
        If the analysis file is wrong.
    MissingExtraError
        For Parquet without pyarrow.
    """
    plan = _plan(source, {name: frame for name, frame in frames.items() if frame is not None})
    tables: dict[str, pd.DataFrame] = {}
    sources: list[Source] = []
    names = [name for name in SCHEMAS if name in plan.inputs]
    for done, name in enumerate(names, start=1):
        try:
            raw = _raw(name, plan.inputs[name], plan.settings)
            columns = plan.columns.get(name, ColumnMap()) if raw.sha256 else ColumnMap()
            tables[name], findings = interpret(raw, SCHEMAS[name], columns, plan.settings)
        except DataError as error:
            plan.problems += error.problems
        else:
            plan.findings += findings
            sources.append(_source(name, raw, tables[name]))
        if progress is not None:
            progress(done, len(names))
    if plan.problems:
        raise DataError([without_bsn(problem) for problem in plan.problems])
    plan.findings += _law_not_in_data(plan.law, tables)
    return Tables(**tables, sources=tuple(sources), reading=tuple(plan.findings))


def _law_not_in_data(law: str | None, tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    """A finding when the analysis file chooses a law that the table that is counted cannot confirm."""
    counted = "panel" if "panel" in tables else "registrations"
    if law is None or counted not in tables or "law" in tables[counted].columns:
        return []
    return [note("law-from-analysis-file", counted, count=1, of=1, column="law", example=law)]


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
    return plan


def _plan_config(plan: _Plan, config: AnalysisConfig) -> None:
    plan.columns = config.columns
    plan.settings = config.read
    plan.law = config.panel.law
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
            ignored.append(path.name)
    if not plan.inputs and not leave_out:
        hint = next((h for name in ignored if (h := did_you_mean(Path(name).stem, SCHEMAS))), "")
        plan.problems.append(f"the folder '{folder}' holds no table that is known.{hint} {_known_tables()}")
    if ignored:
        plan.findings.append(note("files-ignored", "", count=len(ignored), of=len(files), example=", ".join(ignored)))


def _known_tables() -> str:
    return f"Tables are: {', '.join(SCHEMAS)}."
