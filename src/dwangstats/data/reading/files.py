"""From a file or a frame to columns of text: the bytes, the delimiter, the rows; no meaning yet."""

import csv
import hashlib
import importlib
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.bsn import without_bsn
from dwangstats.data.findings import first_rows
from dwangstats.data.reading.persons import names_of_columns
from dwangstats.errors import DataError, MissingExtraError

FRAME = "(frame)"
_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(rb'"?sep=([,;|\t])"?,*;*\n', re.IGNORECASE)
_UNNAMED = "\x00"
_QUOTE = 34
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table before its columns get a meaning.

    Attributes
    ----------
    name : str
        What messages call it: the name of the file, or the keyword of the frame.
    frame : DataFrame
        Columns of text (CSV) or of whatever the frame held; index ``row`` counts from 1 under the header.
    delimiter : str or None
        For a CSV file, the mark between its fields.
    empty_rows, unnamed_columns : int
        Rows without any value, and columns without a name; both left out.
    sha256 : str or None
        Of the bytes of the file; None for a frame.
    """

    name: str
    frame: pd.DataFrame
    delimiter: str | None
    empty_rows: int
    unnamed_columns: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The line with the names of a CSV file, found from the beginning of the file.

    Attributes
    ----------
    names : tuple of str
        Trimmed; empty for a column without a name.
    delimiter : str
        Mark between the fields.
    lines_above : int
        Blank lines, and a line "sep=;", above the header.
    """

    names: tuple[str, ...]
    delimiter: str
    lines_above: int


def read_file(path: Path, delimiter: str | None = None) -> RawTable:
    """Read a CSV or Parquet file without converting anything.

    Parameters
    ----------
    path : Path
        A file that ends in .parquet is Parquet, every other one is CSV.
    delimiter : str, optional
        Mark between the fields of a CSV file; when left out found from the line "sep=;" that spreadsheets write above
        the header, or from the header.

    Raises
    ------
    DataError
        If the file cannot be read, is not UTF-8, is empty, or its lines do not agree with its header.
    MissingExtraError
        For Parquet without pyarrow.
    """
    name = without_bsn(path.name)
    if "\0" in str(path):
        raise DataError(f"{name!r}: the path holds the character NUL, which no name of a file can. Correct it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        sentence = f"{name}: there is no such file. Correct the path under [tables], or put the file there."
        raise DataError(sentence) from None
    except OSError as error:
        raise DataError(f"{name}: the file cannot be read ({error.strerror}).") from error
    digest = hashlib.sha256(data).hexdigest()
    if path.suffix.lower() == ".parquet":
        return RawTable(name, _numbered(_parquet(name, data)), None, 0, 0, digest)
    frame, used = _csv(name, data, delimiter)
    named = frame.loc[:, ~frame.columns.str.startswith(_UNNAMED)]
    empty = (named == "").all(axis="columns")
    if empty.all():
        raise DataError(f"{name}: the file has a header and no rows under it.")
    return RawTable(name, named.loc[~empty], used, int(empty.sum()), frame.shape[1] - named.shape[1], digest)


def read_frame(name: str, frame: Any) -> RawTable:
    """Take a pandas, polars, pyarrow or DuckDB table, or any other that narwhals knows; a lazy one is collected.

    Raises
    ------
    DataError
        If it is not a table, has columns without a text name, or no rows.
    """
    if isinstance(frame, pd.DataFrame):
        return RawTable(name, _numbered(_checked(name, frame)), None, 0, 0, None)
    try:
        table = nw.from_native(frame)
        eager = table.collect() if isinstance(table, nw.LazyFrame) else table
    except TypeError:
        kind = type(frame).__name__
        raise DataError(f"{name}: a {kind} is not a table; give a pandas, polars or other data frame.") from None
    except ImportError as error:
        raise MissingExtraError(
            f'{name}: collecting this table needs a package that is not installed. Run: pip install "dwangstats[io]"'
        ) from error
    try:
        values = python_values(eager)
    except (ValueError, OverflowError):
        raise DataError(f"{name}: the table holds a date that no calendar has, or a text that is not UTF-8.") from None
    return RawTable(name, _numbered(_checked(name, values)), None, 0, 0, None)


def csv_header(name: str, beginning: bytes, delimiter: str | None = None) -> CsvHeader:
    """Names and delimiter of a CSV file.

    Parameters
    ----------
    name : str
        What messages call the file.
    beginning : bytes
        Its first bytes, at least up to the end of the header.
    delimiter : str, optional
        Found from the line "sep=;" or from the header when left out.

    Raises
    ------
    DataError
        If this is not the beginning of a text in UTF-8, is blank, or a name occurs twice.
    """
    _refuse_other_encoding(name, beginning)
    whole = _plain_lines(beginning)
    text = whole.lstrip(b"\n")
    if not text.strip():
        raise DataError(f"{name}: the file is empty.")
    under, announced = _without_separator_line(text)
    line = _first_line(under)
    used = delimiter or announced or _find_delimiter(line)
    header = _fields(line, used)
    _refuse_twice(name, header)
    above = whole[: len(whole) - len(under)].count(b"\n")
    return CsvHeader(tuple(header), used, above)


def python_values(table: "nw.DataFrame[Any]") -> pd.DataFrame:
    """A pandas frame with the values of an eager frame as Python objects.

    Not as numpy arrays: an integer beside a missing value must not become a float.

    Raises
    ------
    DataError
        If a column holds a date that Python has not (after the year 9999), or text that is not UTF-8.
    """
    values = {}
    for place, column in enumerate(table.columns, start=1):
        try:
            values[column] = pd.Series(table[column].to_list(), dtype=object)
        except (OverflowError, UnicodeDecodeError) as error:
            raise DataError(
                f"Column {place} of {len(table.columns)} holds a value that cannot be read: a date beyond the year "
                "9999, or text that is not UTF-8. Correct it at the source."
            ) from error
    return pd.DataFrame(values)


def _checked(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    if not all(isinstance(column, str) for column in frame.columns):
        raise DataError(f"{name}: every column must have a text as its name.")
    if frame.empty:
        raise DataError(f"{name}: the table has no rows.")
    _refuse_twice(name, list(frame.columns))
    return frame


def _parquet(name: str, data: bytes) -> pd.DataFrame:
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            f'{name}: reading Parquet needs pyarrow, which is not installed. Run: pip install "dwangstats[io]"'
        ) from error
    try:
        frame = python_values(nw.from_native(parquet.read_table(io.BytesIO(data)), eager_only=True))
    except (arrow.ArrowException, OSError, ValueError, OverflowError):
        raise DataError(f"{name}: this is not a Parquet file that can be read. Write it again.") from None
    return _checked(name, frame)


def _csv(name: str, data: bytes, delimiter: str | None) -> tuple[pd.DataFrame, str]:
    _refuse_other_encoding(name, data)
    text = _plain_lines(data).strip(b"\n") + b"\n"
    if not text.strip():
        raise DataError(f"{name}: the file is empty.")
    if text.count(b'"') % 2:
        raise DataError(f'{name}: a quote mark is opened and never closed. Look for a single " in a text.')
    text, announced = _without_separator_line(text)
    header_line = _first_line(text)
    used = delimiter or announced or _find_delimiter(header_line)
    header = _fields(header_line, used)
    rows = _row_numbers(name, text, used, len(header))
    _refuse_twice(name, header)
    if rows.size == 0:
        raise DataError(f"{name}: the file has a header and no rows under it.")
    names = [column or f"{_UNNAMED}{place}" for place, column in enumerate(header)]
    unpaired = (
        f"{name}: its quote marks do not pair up, so that its lines cannot be told apart. Quote a text that "
        'holds a quote mark, and double the mark inside: "5"" pipe".'
    )
    try:
        frame = _fields_of_rows(text, used, names)
    except (pd.errors.ParserError, pd.errors.ParserWarning):
        raise DataError(unpaired) from None
    if len(frame) != rows.size:
        raise DataError(unpaired)
    frame.index = pd.Index(rows, name="row")
    return frame, used


def _fields_of_rows(text: bytes, delimiter: str, names: list[str]) -> pd.DataFrame:
    """The rows under the header; an error where a row has more fields, which pandas would leave out with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            io.BytesIO(text), sep=delimiter, dtype=str, header=0, names=names, index_col=False, na_filter=False
        )


def _plain_lines(data: bytes) -> bytes:
    """The bytes without the mark of UTF-8, every line ended by one newline."""
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise DataError(
            "The first line of a file cannot be taken apart into columns: it holds half of an end of line, or a field "
            "that is far too long. Write the file again as CSV."
        ) from error


def _without_separator_line(text: bytes) -> tuple[bytes, str | None]:
    """The text under the line "sep=;", and the delimiter that the line names; None when there is no such line."""
    found = _SEPARATOR_LINE.match(text)
    return (text, None) if found is None else (text[found.end() :].lstrip(b"\n"), found.group(1).decode())


def _refuse_other_encoding(name: str, data: bytes) -> None:
    save = "Save the file as UTF-8 (in Excel: CSV UTF-8)."
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        raise DataError(f"{name}: the file is not a text file in UTF-8 (it may be UTF-16 or a workbook). {save}")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = error.start - data.rfind(b"\n", 0, error.start)
        value = data[error.start]
        raise DataError(f"{name}: line {line} is not UTF-8 (byte 0x{value:02x} at place {place}). {save}") from error


def _first_line(text: bytes) -> str:
    ends = np.flatnonzero(_outside_quotes(text, _NEWLINE))
    return text[: ends[0] if ends.size else len(text)].decode()


def _find_delimiter(header: str) -> str:
    outside = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _refuse_twice(name: str, header: list[str]) -> None:
    shown = dict(zip(header, names_of_columns(header), strict=True))
    twice = [shown[column] for column, times in Counter(header).items() if times > 1 and column]
    if twice:
        raise DataError(f"{name}: columns with the same name: {', '.join(twice)}. Give every column its own name.")


def _row_numbers(name: str, text: bytes, delimiter: str, width: int) -> NDArray[np.intp]:
    """Number of each row that is not blank, from 1 under the header; lines of another width are refused."""
    ends = np.flatnonzero(_outside_quotes(text, _NEWLINE))
    marks = np.flatnonzero(_outside_quotes(text, ord(delimiter)))
    before = np.searchsorted(marks, ends)
    fields = np.diff(before, prepend=0) + 1
    blank = np.diff(ends, prepend=-1) == 1
    ragged = np.flatnonzero((fields != width) & ~blank)
    if ragged.size:
        shown = ", ".join(f"row {row} has {fields[row]}" for row in first_rows(ragged))
        raise DataError(
            f"{name}: {ragged.size} of {ends.size - 1} rows do not have the {width} fields of the header ({shown}). "
            "A text that holds the delimiter needs quotes."
        )
    return np.flatnonzero(~blank)[1:]


def _outside_quotes(text: bytes, byte: int) -> NDArray[np.bool_]:
    data = np.frombuffer(text, dtype=np.uint8)
    found: NDArray[np.bool_] = data == byte
    if b'"' in text:
        found &= ~np.logical_xor.accumulate(data == _QUOTE)
    return found


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"), axis="index")
