"""Tables that stay where they are: a file larger than memory in DuckDB, or a frame of DuckDB, Spark, polars or Ibis.

What is asked of such a table is written once, with narwhals, and runs inside its engine; only the answer comes out.
"""

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

import narwhals as nw
import pandas as pd

from dwangstats.data.bsn import without_bsn
from dwangstats.data.reading.convert import as_text
from dwangstats.data.reading.files import CsvHeader, csv_header, python_values, read_frame
from dwangstats.errors import DataError, MissingExtraError

RowsIn: TypeAlias = Literal["auto", "memory", "engine"]
Watch: TypeAlias = Callable[[float], None]
"""Called with the share of a question that is done, 0 to 1."""

#: above these a table of registrations would need several gigabytes as Python objects.
MOST_ROWS = 2_000_000
MOST_BYTES_OF_CSV = 250_000_000

_BEGINNING = 2**20
_PARQUET = ".parquet"
_EVERY = 0.2
#: of an address space that is capped; the rest is for Python, threads and what the engine holds outside its count.
_SHARE_OF_CAP = 0.25
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_WIDTHS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class EngineTable:
    """A table in an engine, before its columns get a meaning.

    Attributes
    ----------
    name : str
        What messages call it: the name of the file, or the keyword of the frame.
    engine : str
        "duckdb", "pyspark", "polars", "pandas", ...
    frame : narwhals.LazyFrame
    columns : mapping of str to str
        Name of each column, trimmed, to its name in ``frame``; columns without a name are left out.
    unnamed_columns : int
    delimiter : str or None
        For a CSV file, the mark between its fields; rows without any value are then no rows.
    sha256 : str or None
        Of the bytes of the file; None for a frame.
    connection : object or None
        For a file, the connection that reads it.
    """

    name: str
    engine: str
    frame: "nw.LazyFrame[Any]"
    columns: Mapping[str, str]
    unnamed_columns: int = 0
    delimiter: str | None = None
    sha256: str | None = None
    connection: Any = None

    def zone_of(self, dtype: Any) -> str | None:
        """Time zone of the clock by which the engine tells year and month; None for a moment without a zone."""
        if not isinstance(dtype, nw.Datetime) or dtype.time_zone is None:
            return None
        if self.engine == "pyspark":
            # The session may have got another zone since narwhals first looked at it.
            return str(self.frame.to_native().sparkSession.conf.get("spark.sql.session.timeZone"))
        return dtype.time_zone

    def ask(self, question: "nw.LazyFrame[Any]", watch: Watch | None = None) -> pd.DataFrame:
        """The answer to a question about the table, as Python objects; it should be small.

        Parameters
        ----------
        question : narwhals.LazyFrame
            Made of ``frame``.
        watch : callable, optional
            Told how far the question is, where the engine says it: DuckDB does of files.

        Raises
        ------
        DataError
            If the engine cannot read the file; the message does not quote it.
        MissingExtraError
            If the engine needs a package that is not installed.
        """
        try:
            answer = self._answer(question, watch)
        except ImportError as error:
            raise MissingExtraError(f'{self.name}: run: pip install "dwangstats[io]" ({error.name})') from error
        if watch is not None:
            watch(1.0)
        return python_values(answer)

    def _answer(self, question: "nw.LazyFrame[Any]", watch: Watch | None) -> "nw.DataFrame[Any]":
        if self.connection is None:
            options: dict[str, Any] = {"engine": "streaming"} if self.engine == "polars" else {}
            return question.collect(**options)
        trouble = importlib.import_module("duckdb").Error
        try:
            return question.collect() if watch is None else _watched(question, self.connection, watch)
        except trouble as error:
            problem = _file_problem(self.name, str(error))
        raise DataError(problem)


def stays_in_engine(given: Any, rows: RowsIn) -> bool:
    """Whether a table of registrations is counted where it is, and not read into memory.

    Parameters
    ----------
    given : Path or frame
    rows : {"auto", "memory", "engine"}
        With "auto" a CSV file of more than 250 MB, and any other table of more than two million rows that is not in
        pandas, stays where it is.

    Raises
    ------
    MissingExtraError
        For such a file when DuckDB is not installed.
    """
    if rows != "auto":
        return rows == "engine"
    if isinstance(given, pd.DataFrame):
        return False
    if not isinstance(given, Path):
        return _rows_of_frame(given) > MOST_ROWS
    large = _is_large(given)
    if large and importlib.util.find_spec("duckdb") is None:
        raise MissingExtraError(
            f"{given.name}: a file of this size is read with DuckDB, which is not installed. Run: pip install "
            '"dwangstats[io]", or give rows="memory" if the memory is there.'
        )
    return large


@contextmanager
def opened(name: str, given: Any, delimiter: str | None = None) -> Iterator[EngineTable]:
    """A file or frame as a table in an engine; what was opened for it is closed and removed afterwards.

    Parameters
    ----------
    name : str
        What messages call a frame.
    given : Path or frame
        A Parquet or CSV file is read by DuckDB, in parts; a frame stays in its own engine.
    delimiter : str, optional
        Mark between the fields of a CSV file.

    Raises
    ------
    DataError
        If it is not a table, or the file cannot be read.
    MissingExtraError
        For a file without DuckDB.
    """
    if isinstance(given, Path):
        with _opened_file(given, delimiter) as table:
            yield table
    else:
        yield _opened_frame(name, given)


def _opened_frame(name: str, given: Any) -> EngineTable:
    if isinstance(given, pd.DataFrame):
        mixed = [column for column in given.columns if given[column].dtype == object]
        given = given.assign(**{column: as_text(given[column]) for column in mixed})
    try:
        frame = nw.from_native(given).lazy()
    except TypeError:
        read_frame(name, given)
        raise
    names = frame.collect_schema().names()
    return EngineTable(name, frame.implementation.value, frame, {column: column for column in names})


@contextmanager
def _opened_file(path: Path, delimiter: str | None) -> Iterator[EngineTable]:
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError as error:
        raise MissingExtraError(
            f"{without_bsn(path.name)}: a file that stays outside memory is read with DuckDB. "
            'Run: pip install "dwangstats[io]"'
        ) from error
    digest = _digest(path)
    # What does not fit in memory is written here, never in the folder of the user, and removed.
    with TemporaryDirectory(prefix="dwangstats-") as spill, duckdb.connect(config=_settings(spill)) as connection:
        header = None if path.suffix.lower() == _PARQUET else _header(path, delimiter)
        problem = ""
        try:
            relation = connection.read_parquet(str(path)) if header is None else _csv(connection, path, header)
        except duckdb.Error as error:
            problem = _file_problem(without_bsn(path.name), str(error))
        if problem:
            raise DataError(problem)
        frame = nw.from_native(relation).lazy()
        inside = frame.collect_schema().names()
        names = inside if header is None else header.names
        columns = {ours: theirs for ours, theirs in zip(names, inside, strict=True) if ours}
        mark = None if header is None else header.delimiter
        yield EngineTable(
            without_bsn(path.name), "duckdb", frame, columns, len(inside) - len(columns), mark, digest, connection
        )


def _header(path: Path, delimiter: str | None) -> CsvHeader:
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    return csv_header(without_bsn(path.name), beginning[: beginning.rfind(b"\n") + 1] or beginning, delimiter)


def _csv(connection: Any, path: Path, header: CsvHeader) -> Any:
    # Numbered: names in DuckDB do not tell capitals from small letters.
    numbered = {f"column{place}": "VARCHAR" for place in range(len(header.names))}
    return connection.read_csv(
        str(path),
        columns=numbered,
        auto_detect=False,
        header=True,
        skiprows=header.lines_above,
        delimiter=header.delimiter,
        quotechar='"',
        escapechar='"',
    )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        sentence = (
            f"{without_bsn(path.name)}: there is no such file. Correct the path under [tables], or put the file there."
        )
        raise DataError(sentence) from None
    except OSError as error:
        raise DataError(f"{without_bsn(path.name)}: the file cannot be read ({error.strerror}).") from error


def _settings(spill: str) -> dict[str, Any]:
    """Settings of DuckDB: where to write what does not fit, and how much fits where the process is capped."""
    settings: dict[str, Any] = {"temp_directory": spill, "preserve_insertion_order": False}
    cap = _address_space()
    if cap is not None:
        settings |= {"memory_limit": f"{int(_SHARE_OF_CAP * cap) // 2**20}MiB", "threads": 1}
    return settings


def _address_space() -> int | None:
    """Bytes of address space the process may use (ulimit -v); None where there is no cap."""
    if sys.platform == "win32":
        return None
    resource = importlib.import_module("resource")
    cap, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if cap == resource.RLIM_INFINITY else int(cap)


def _is_large(path: Path) -> bool:
    if path.suffix.lower() != _PARQUET:
        return path.is_file() and path.stat().st_size > MOST_BYTES_OF_CSV
    if not path.is_file() or importlib.util.find_spec("pyarrow") is None:
        return False
    arrow = importlib.import_module("pyarrow")
    try:
        rows: int = importlib.import_module("pyarrow.parquet").read_metadata(path).num_rows
    except (arrow.ArrowException, OSError):
        # Reading the file into memory says what is wrong with it.
        return False
    return rows > MOST_ROWS


def _rows_of_frame(given: Any) -> int:
    try:
        frame = nw.from_native(given)
        if isinstance(frame, nw.DataFrame):
            return len(frame)
        return int(frame.select(nw.len()).collect().item())
    except (TypeError, ImportError):
        # Reading it into memory says what is wrong with it.
        return 0


def _watched(question: "nw.LazyFrame[Any]", connection: Any, watch: Watch) -> "nw.DataFrame[Any]":
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(question.collect)
        try:
            while not wait_for([answer], timeout=_EVERY).done:
                watch(min(max(connection.query_progress() / 100.0, 0.0), 1.0))
        except BaseException:
            connection.interrupt()
            raise
        return answer.result()


def _file_problem(name: str, said: str) -> str:
    """What the engine could not read, without the line it quotes: that may hold a person."""
    found = _LINE.search(said)
    line = "the file" if found is None else f"line {found.group(1)}"
    widths = _WIDTHS.search(said)
    if widths is not None:
        return (
            f"{name}: {line} has {widths.group(2)} fields, and the header has {widths.group(1)}. A text that holds the "
            "delimiter needs quotes."
        )
    lowered = said.casefold()
    if "invalid unicode" in lowered or "not utf-8" in lowered:
        return f"{name}: {line} is not UTF-8. Save the file as UTF-8 (in Excel: CSV UTF-8)."
    if "unterminated quote" in lowered:
        return f'{name}: in {line} a quote mark is opened and never closed. Look for a single " in a text.'
    if "out of memory" in lowered:
        return f"{name}: there is too little memory or disk to count this file. Give it more, or fewer columns."
    if name.lower().endswith(_PARQUET):
        return f"{name}: this is not a Parquet file that can be read. Write it again."
    return f"{name}: {line} cannot be told from the next. End every line in the same way; quote a text of two lines."
