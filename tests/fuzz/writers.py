"""From grids to files and frames, in all the shapes that programs write."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import IllegalCharacterError

from fuzz.grids import Grid


@dataclass(frozen=True)
class Written:
    """The bytes of a CSV file and how it was written."""

    data: bytes
    delimiter: str
    utf8: bool


def to_csv(rng: Random, table: Grid) -> Written:
    """A CSV file: any delimiter, quoting, line end, mark of UTF-8, line "sep=", blank lines."""
    delimiter = rng.choice((",", ",", ",", ";", ";", "\t", "|"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(table.header)
    for row in table.rows:
        writer.writerow(row)
        if rng.random() < 0.02:
            text.write(end)
    written = text.getvalue()
    if rng.random() < 0.1:
        written = f"sep={delimiter}{end}" + written
    encoding = rng.choice(("utf-8",) * 17 + ("utf-8-sig", "utf-16", "cp1252"))
    return Written(written.encode(encoding, errors="replace"), delimiter, encoding.startswith("utf-8"))


def mutated(rng: Random, data: bytes) -> bytes:
    """The bytes with a few of them changed, lost, doubled or added."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice((1, 1, 1, 2, 8, 40)))
        piece = rng.choice(
            (
                b"",
                data[start:end] * 2,
                bytes([rng.randrange(256)]),
                rng.choice((b'"', b"\n", b"\r", b",", b";", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"=", b"[")),
                data[rng.randrange(len(data) + 1) :][:20],
            )
        )
        data = data[:start] + piece + data[end:]
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.05 else data


def typed(rng: Random, text: str, strange: float = 0.02) -> Any:
    """A text as the object that a program would hold in its place, now and then a strange one."""
    kind = rng.random()
    if kind < strange:
        return rng.choice((None, float("nan"), pd.NaT, pd.NA, float("inf"), -0.0, 10**30, True, b"bytes", 2.5))
    if kind < 1.02 * strange:
        return "half \ud800"
    if kind < 0.5:
        return text
    for make in rng.sample(_READINGS, len(_READINGS)):
        try:
            return make(text)
        except (ValueError, OverflowError):
            continue
    return text


_READINGS: tuple[Callable[[str], Any], ...] = (
    int,
    float,
    date.fromisoformat,
    datetime.fromisoformat,
    lambda text: pd.Timestamp(datetime.fromisoformat(text)),
)


def to_frame(rng: Random, table: Grid, strange: float = 0.02) -> Any:
    """A pandas, polars, pyarrow or DuckDB table, of texts or of native values."""
    columns = [[row[place] for row in table.rows] for place in range(len(table.header))]
    native = rng.random() < 0.6
    if native:
        columns = [
            [typed(rng, text, strange) for text in column] if rng.random() < 0.6 else column for column in columns
        ]
    pandas = pd.DataFrame(dict(enumerate(columns)), dtype=object).set_axis(list(table.header), axis="columns")
    kind = rng.choice(("pandas", "pandas", "polars", "arrow", "duckdb", "lazy"))
    if kind == "pandas" or len(set(table.header)) != len(table.header):
        return _settled(rng, pandas)
    try:
        return _elsewhere(kind, dict(zip(table.header, columns, strict=True)))
    except (TypeError, ValueError, OverflowError, pa.ArrowException, pl.exceptions.PolarsError, duckdb.Error):
        return _settled(rng, pandas)


def _settled(rng: Random, frame: pd.DataFrame) -> pd.DataFrame:
    """A pandas frame with the types that its makers give: objects, inferred, categories, another index."""
    choice = rng.randrange(5)
    if any(isinstance(value, str) and not _encodes(value) for value in frame.to_numpy().ravel()):
        return frame
    if choice == 1:
        frame = frame.infer_objects()
    elif choice == 2:
        frame = frame.convert_dtypes()
    elif choice == 3 and frame.columns.is_unique:
        frame = frame.astype({name: "category" for name in frame.columns if _hashable(frame[name])})
    elif choice == 4:
        frame = frame.set_axis([rng.choice(("a", 1, None)) for _ in range(len(frame))], axis="index")
    return frame


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hashable(values: "pd.Series[Any]") -> bool:
    return all(isinstance(value, str) for value in values)


def _elsewhere(kind: str, columns: dict[str, list[Any]]) -> Any:
    if kind == "polars":
        return pl.DataFrame(columns, strict=False)
    if kind == "lazy":
        return pl.DataFrame(columns, strict=False).lazy()
    arrow = pa.table(columns)
    return arrow if kind == "arrow" else duckdb.from_arrow(arrow)


def to_parquet(rng: Random, table: Grid) -> bytes | None:
    """A Parquet file; None when Arrow cannot hold the values."""
    columns = [[row[place] for row in table.rows] for place in range(len(table.header))]
    columns = [_of_one_type(rng, column) if rng.random() < 0.5 else column for column in columns]
    try:
        arrow = pa.table([pa.array(column, from_pandas=True) for column in columns], names=list(table.header))
        buffer = io.BytesIO()
        pq.write_table(arrow, buffer)
    except (TypeError, ValueError, OverflowError, pa.ArrowException):
        return None
    return buffer.getvalue()


def _of_one_type(rng: Random, column: list[str]) -> list[Any]:
    """A column whose values were all read in one way, blanks missing; as it was where they cannot be."""
    make = rng.choice(_READINGS)
    try:
        return [make(text) if text else None for text in column]
    except (ValueError, OverflowError):
        return list(column)


def to_excel(rng: Random, table: Grid) -> bytes | None:
    """A workbook; None when a sheet cannot hold the values."""
    book = openpyxl.Workbook()
    sheet = book.active
    try:
        sheet.append(list(table.header))
        for row in table.rows:
            sheet.append([_cell(rng, text) for text in row])
        buffer = io.BytesIO()
        book.save(buffer)
    except (ValueError, TypeError, OverflowError, IllegalCharacterError):
        return None
    return buffer.getvalue()


def _cell(rng: Random, text: str) -> Any:
    """A value that a cell of a sheet can hold: no infinity, no half characters, no mark of the XML of old."""
    value = typed(rng, text) if rng.random() < 0.5 else text
    fits = isinstance(value, int | date) or (isinstance(value, float) and abs(value) < 1e300)
    return value if fits and not isinstance(value, pd.Timestamp) else text
