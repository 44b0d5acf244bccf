"""Give the columns of a table their meaning: text, count, number, moment, period, yes or no; strictly, by the schema.

A value that cannot be converted becomes missing and is marked, so that nothing is lost without being said.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.findings import first_rows
from dwangstats.data.register.periods import is_period, parse_period
from dwangstats.data.register.schema import ColumnKind
from dwangstats.errors import DataError

TEXT_DTYPE = pd.Series(["text"]).dtype
DUTCH_TIME = "Europe/Amsterdam"

_EXACT = 2.0**53
_MISSING_MARKS = frozenset({"", "NA"})
_NUMERIC_MISSING_MARKS = frozenset({"", "NA", "NaN", "nan", "NULL"})
_COUNT = re.compile(r"\+?\d+(?:\.0{1,2})?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_DUTCH = re.compile(r"(\d\d?)-(\d\d?)-(\d{4})((?:[T ]\d\d:\d\d(?::\d\d)?)?)")
_SHORTENED = re.compile(r"\d[.,]\d+[eE]\+\d{1,2}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LEADING_ZERO = re.compile(r"[+-]?0\d.*")
_YES_NO = {
    **dict.fromkeys(("true", "yes", "ja", "y", "j", "1", "waar"), True),
    **dict.fromkeys(("false", "no", "nee", "n", "0", "onwaar"), False),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """A column with its meaning, and where that failed.

    Attributes
    ----------
    values : Series
        Same index as the input; missing where there was no value or it could not be converted.
    trouble : mapping of rule to (n,) bool
        Rows of each rule that was broken ("not-a-count", "slash-date", ...) or that is worth saying ("time-zone").
    """

    values: "pd.Series[Any]"
    trouble: dict[str, NDArray[np.bool_]]


def as_text(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Values as trimmed text, whole floats without a fraction; blank and NA are missing.

    Raises
    ------
    DataError
        If a text holds half of a character (a lone surrogate), which no file in UTF-8 can hold.
    """
    if values.dtype == TEXT_DTYPE and values.dtype != object:
        texts = values.str.strip()
    else:
        plain = [_text(value) for value in values.tolist()]
        try:
            texts = pd.Series(plain, index=values.index, dtype=TEXT_DTYPE)
        except UnicodeEncodeError:
            raise DataError(_half_characters(values, plain)) from None
    return texts.mask(texts.isin(_MISSING_MARKS))


def convert_column(values: "pd.Series[Any]", kind: ColumnKind, decimal: str = ".") -> Converted:
    """Convert one column to a kind of the schema.

    Parameters
    ----------
    values : Series, (n,)
        Text, or native numbers or moments.
    kind : ColumnKind
        id and text become text; count and number float64 (a count is whole and not negative); date and datetime
        datetime64[us], in Dutch clock time and without zone; yes-no nullable boolean; period text such as "2021-H1".
    decimal : {".", ","}
        The decimal mark; the other one is refused, not read as a mark of thousands.

    Notes
    -----
    Dates are ISO 8601 or Dutch day-month-year with hyphens. Dates with slashes are refused: nobody can tell 3/4 from
    4/3.
    """
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if kind in {"count", "number"} and numeric:
        return _native_numbers(values, kind)
    if kind in {"date", "datetime"} and pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _native_moments(values, kind)
    texts = as_text(values)
    if kind in {"id", "text"}:
        return _named(texts, kind)
    texts = texts.mask(texts.isin(_NUMERIC_MISSING_MARKS))
    if kind in {"count", "number"}:
        return _converted(texts, lambda text: parse_number(text, kind, decimal), f"not-a-{kind}", "float64")
    if kind in {"date", "datetime"}:
        return _moments(texts, kind)
    if kind == "period":
        return _converted(texts, _period, "not-a-period", TEXT_DTYPE)
    return _converted(texts, lambda text: _YES_NO.get(text.casefold()), "not-yes-no", "boolean")


def convert_covariate(values: "pd.Series[Any]", decimal: str = ".") -> "pd.Series[Any]":
    """A column outside the schema: numbers if every value is one and none has the leading zero of a code.

    Whole numbers without gaps become int64, other numbers float64, texts stay texts; a column that is not text is
    kept as it is.
    """
    try:
        plain = values.infer_objects()
    except UnicodeEncodeError:
        plain = values
    if plain.dtype not in (object, TEXT_DTYPE):
        return plain
    texts = as_text(plain)
    numbers = texts.mask(texts.isin(_NUMERIC_MISSING_MARKS))
    distinct = numbers.dropna().unique()
    if len(distinct) == 0 or any(_LEADING_ZERO.fullmatch(text) and text[1] not in ".," for text in distinct):
        return texts
    found = _converted(numbers, lambda text: parse_number(text, "number", decimal), "not-a-number", "float64")
    if found.trouble:
        return texts
    whole = found.values.notna().all() and (found.values % 1 == 0).all() and found.values.abs().max() < _EXACT
    return found.values.astype("int64") if whole else found.values


def parse_number(text: str, kind: ColumnKind, decimal: str) -> float | None:
    """The number that a text means under a decimal mark, or None. A count with thousands marks is not a count."""
    other = "," if decimal == "." else "."
    plain = text.replace(decimal, ".")
    pattern = _COUNT if kind == "count" else _NUMBER
    if other in text or pattern.fullmatch(plain) is None:
        return None
    number = float(plain)
    return number if math.isfinite(number) else None


def _half_characters(values: "pd.Series[Any]", texts: list[str]) -> str:
    rows = [row for row, text in zip(values.index, texts, strict=True) if _SURROGATE.search(text)]
    first = ", ".join(map(str, first_rows(rows)))
    return (
        f"Column '{values.name}': {len(rows)} of {len(texts)} texts hold half of a character (first rows: {first}). "
        "Read the file again with its own encoding; UTF-8 has no such texts."
    )


def _text(value: Any) -> str:
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() else repr(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()


def _named(texts: "pd.Series[str]", kind: ColumnKind) -> Converted:
    if kind == "text":
        return Converted(texts, {})
    shortened = texts.str.fullmatch(_SHORTENED, na=False).to_numpy(dtype=bool)
    return Converted(texts.mask(shortened), _named_trouble(("shortened-code", shortened)))


def _converted(texts: "pd.Series[str]", meaning: Callable[[str], Any], rule: str, dtype: Any) -> Converted:
    """Convert each distinct text once; None as meaning is trouble."""
    position, distinct = pd.factorize(texts)
    meanings = [meaning(text) for text in distinct.tolist()]
    failed = np.array([m is None for m in meanings] + [False], dtype=bool)[position]
    found = np.array([*(np.nan if m is None else m for m in meanings), np.nan], dtype=object)[position]
    values = pd.Series(found, index=texts.index, dtype=object).astype(dtype)
    return Converted(values, _named_trouble((rule, failed)))


def _period(text: str) -> str | None:
    return str(parse_period(text)) if is_period(text) else None


def _moments(texts: "pd.Series[str]", kind: ColumnKind) -> Converted:
    position, index = pd.factorize(texts)
    distinct = index.tolist()
    read = [_moment(text, kind) for text in distinct]
    values = np.array([*(moment for moment, _ in read), None], dtype="datetime64[us]")[position]
    zone = np.array([*(zoned for _, zoned in read), False], dtype=bool)[position]
    slashed = [moment is None and "/" in text for text, (moment, _) in zip(distinct, read, strict=True)]
    slash = np.array([*slashed, False], dtype=bool)[position]
    failed = np.isnat(values) & (position >= 0)
    trouble = _named_trouble(("slash-date", slash), ("not-a-date", failed & ~slash), ("time-zone", zone))
    return Converted(pd.Series(values, index=texts.index), trouble)


def _moment(text: str, kind: ColumnKind) -> tuple[datetime | None, bool]:
    """The moment that a text means in Dutch clock time, or None, and whether it was moved there from its own zone."""
    dutch = _DUTCH.fullmatch(text)
    if dutch is not None:
        day, month, year, time = dutch.groups()
        text = f"{year}-{month:0>2}-{day:0>2}{time}"
    elif _ISO.fullmatch(text) is None:
        return None, False
    try:
        moment = datetime.fromisoformat(text)
        zoned = moment.tzinfo is not None
        if zoned:
            moment = moment.astimezone(ZoneInfo(DUTCH_TIME)).replace(tzinfo=None)
    except (ValueError, OverflowError):  # a moment of the year 1 or 9999 may have no Dutch clock time
        return None, False
    return (None, False) if kind == "date" and moment.time() != datetime.min.time() else (moment, zoned)


def _native_moments(values: "pd.Series[Any]", kind: ColumnKind) -> Converted:
    zone = np.zeros(len(values), dtype=bool)
    if values.dt.tz is not None:
        zone = values.notna().to_numpy()
        values = values.dt.tz_convert(DUTCH_TIME).dt.tz_localize(None)
    moments = values.astype("datetime64[us]")
    failed = np.zeros(len(values), dtype=bool)
    if kind == "date":
        failed = (moments.notna() & (moments != moments.dt.normalize())).to_numpy()
    return Converted(moments.mask(failed), _named_trouble(("not-a-date", failed), ("time-zone", zone & ~failed)))


def _native_numbers(values: "pd.Series[Any]", kind: ColumnKind) -> Converted:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    failed = np.isinf(numbers)
    if kind == "count":
        failed |= (numbers < 0) | (~np.isnan(numbers) & (numbers != np.floor(numbers)))
    kept = pd.Series(np.where(failed, np.nan, numbers), index=values.index)
    return Converted(kept, _named_trouble((f"not-a-{kind}", failed)))


def _named_trouble(*found: tuple[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    return {rule: rows for rule, rows in found if rows.any()}
