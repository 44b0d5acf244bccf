"""From columns of text to a table of the schema: names, required columns, decimal mark, meaning, and what to say."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dwangstats.data.bsn import is_bsn_name, looks_like_bsn, only_bsn, without_bsn
from dwangstats.data.config.analysis import ColumnMap, ReadConfig
from dwangstats.data.findings import Finding
from dwangstats.data.nearest import did_you_mean, nearest
from dwangstats.data.reading.convert import TEXT_DTYPE, Converted, as_text, convert_column, convert_covariate
from dwangstats.data.reading.files import RawTable
from dwangstats.data.reading.notes import note
from dwangstats.data.reading.persons import may_name_a_person, names_of_columns
from dwangstats.data.register.schema import ColumnKind, TableSchema
from dwangstats.errors import DataError

_SHOWN_CHARACTERS = 20
_SHOWN_COLUMNS = 12
_RESEMBLES = 0.8
#: a date of any kind or a few digits: all that is quoted from a table of persons, whose columns may stand swapped.
_PLAIN = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ][\d:.,]*)?|[+-]?[\d.,]{1,4}")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+")
#: columns whose values are shown everywhere.
_PLACES = frozenset({"provider_id", "location_id", "provider", "location"})
_DELIMITER_NAMES = {";": ";", "\t": "TAB", "|": "|"}


def interpret(
    raw: RawTable, schema: TableSchema, columns: ColumnMap, settings: ReadConfig
) -> tuple[pd.DataFrame, list[Finding]]:
    """Give a raw table the names and the meaning of the schema.

    Parameters
    ----------
    raw : RawTable
    schema : TableSchema
    columns : ColumnMap
        Our name to their name, and the parts of the period.
    settings : ReadConfig
        Decimal mark; None means found from the file.

    Returns
    -------
    DataFrame
        Columns of the schema converted, others kept, in the order of the file; the index is the row in the file.
    list of Finding

    Raises
    ------
    DataError
        For citizen service numbers, and for missing or contradictory columns; all problems together.
    """
    _refuse_bsn_names(raw)
    frame = _renamed(raw, schema, columns)
    _refuse_missing_columns(raw.name, frame, schema)
    findings = _about_the_file(raw, schema, settings)
    decimal, about_decimal = _decimal_mark(raw, frame, schema, settings)
    findings += about_decimal
    private = frozenset(as_text(frame["client_id"]).dropna()) if "client_id" in frame else frozenset()
    converted: dict[str, Any] = {}
    for name in frame.columns:
        column = schema.column(name)
        if column is None:
            converted[name] = convert_covariate(frame[name], decimal)
            continue
        result = convert_column(frame[name], column.kind, decimal)
        converted[name] = result.values
        findings += _trouble(schema.name, name, column.kind, frame[name], result, private)
    _refuse_bsn_values(raw.name, converted, schema)
    parts = () if columns.period_parts is None else tuple(columns.period_parts.values())
    findings += _unknown_columns(frame, schema, (*columns.names, *parts))
    return pd.DataFrame(converted, index=frame.index), findings


def _refuse_bsn_names(raw: RawTable) -> None:
    named = [name for name in raw.frame.columns if is_bsn_name(name)]
    if named:
        raise DataError(
            f"{raw.name}: the column '{named[0]}' is meant for citizen service numbers (BSN), which are refused. "
            "Replace them by a pseudonym where the data come from, and remove the column."
        )


def _refuse_bsn_values(name: str, converted: Mapping[str, "pd.Series[Any]"], schema: TableSchema) -> None:
    problems = []
    for column, values in converted.items():
        known = schema.column(column)
        distinct = _whole(pd.Series(values.dropna().unique()))
        if known is not None and known.kind not in {"id", "text"}:
            continue
        texts = as_text(distinct).dropna()
        if looks_like_bsn(texts) or (column in _PLACES and only_bsn(texts)):
            problems.append(
                f"{name}: the values of column '{column}' pass the eleven-test of citizen service numbers (BSN), which "
                "are refused. Replace them by a pseudonym where the data come from; for an organisation use its "
                "trade-register number (8 digits) or another code."
            )
    if problems:
        raise DataError(problems)


def _whole(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Values without the numbers that have a fraction: a measurement is no service number."""
    return values.loc[values % 1 == 0] if pd.api.types.is_float_dtype(values.dtype) else values


def _renamed(raw: RawTable, schema: TableSchema, columns: ColumnMap) -> pd.DataFrame:
    frame = raw.frame
    wanted = {**columns.names}
    parts = columns.period_parts or {}
    theirs = [*wanted.values(), *parts.values()]
    problems = [
        f"{raw.name}: the column '{name}', named in [columns.{schema.name}], is not in the file."
        + did_you_mean(name, frame.columns)
        for name in theirs
        if name not in frame.columns
    ]
    new = {*wanted, *(("period",) if parts else ())}
    problems += [
        f"{raw.name}: [columns.{schema.name}] gives '{name}' another column, and the file has a column '{name}' too. "
        "Remove one of the two."
        for name in sorted(new)
        if name in frame.columns and name not in theirs
    ]
    if problems:
        raise DataError(problems)
    kept = [name for name in frame.columns if name not in wanted.values() or name in parts.values()]
    renamed = pd.DataFrame({name: frame[name] for name in kept if name not in new}, index=frame.index)
    for ours, name in wanted.items():
        renamed[ours] = frame[name]
    if parts:
        renamed["period"] = _joined_period(frame, parts)
    return renamed


def _joined_period(frame: pd.DataFrame, parts: Mapping[str, str]) -> "pd.Series[str]":
    year = as_text(frame[parts["year"]])
    rest = [name for name in parts if name != "year"]
    if not rest:
        return year
    pieces = list(zip(year, as_text(frame[parts[rest[0]]]), strict=True))
    meaning = {pair: _period_text(*pair, rest[0]) for pair in dict.fromkeys(pieces) if not any(map(pd.isna, pair))}
    return pd.Series([meaning.get(pair) for pair in pieces], index=frame.index, dtype=TEXT_DTYPE)


def _period_text(year: str, number: str, part: str) -> str:
    digits = number.upper().removeprefix("H" if part == "half" else "Q" if part == "quarter" else "")
    if not digits.isdecimal():
        return f"{year}-{number}"
    return f"{year}-{int(digits):02d}" if part == "month" else f"{year}-{part[0].upper()}{int(digits)}"


def _refuse_missing_columns(name: str, frame: pd.DataFrame, schema: TableSchema) -> None:
    missing = [column for column in schema.required if column not in frame.columns]
    spare = [column for column in frame.columns if schema.column(column) is None]
    if missing and not any(schema.column(column) for column in frame.columns):
        # a file without a header has its first row in this place, which may hold persons
        raise DataError(
            f"{name}: none of its {frame.shape[1]} columns has a name of the table {schema.name}, which needs "
            f"{', '.join(schema.required)}. Is the first line a header? Rename the columns, or map them in "
            f"[columns.{schema.name}] of the analysis file."
        )
    if missing:
        names = names_of_columns(list(frame.columns))
        shown = ", ".join(names[:_SHOWN_COLUMNS]) + (", ..." if len(names) > _SHOWN_COLUMNS else "")
        raise DataError(
            [
                f"{name}: the column '{column}' is missing.{did_you_mean(column, spare)} "
                f"The columns are: {without_bsn(shown)}. "
                f"Rename one, or map it in [columns.{schema.name}] of the analysis file."
                for column in missing
            ]
        )


def _about_the_file(raw: RawTable, schema: TableSchema, settings: ReadConfig) -> list[Finding]:
    rows, width = len(raw.frame), raw.frame.shape[1]
    found = []
    if settings.delimiter is None and raw.delimiter in _DELIMITER_NAMES:
        mark = _DELIMITER_NAMES[raw.delimiter]
        found.append(note("delimiter-found", schema.name, count=1, of=1, example=mark))
    if raw.empty_rows:
        found.append(note("empty-rows", schema.name, count=raw.empty_rows, of=rows + raw.empty_rows))
    if raw.unnamed_columns:
        total = width + raw.unnamed_columns
        found.append(note("unnamed-columns", schema.name, count=raw.unnamed_columns, of=total))
    return found


def _decimal_mark(
    raw: RawTable, frame: pd.DataFrame, schema: TableSchema, settings: ReadConfig
) -> tuple[str, list[Finding]]:
    """The declared decimal mark; else a point, except in a file with ; whose numbers have commas."""
    if settings.decimal is not None or raw.delimiter != ";":
        return (settings.decimal or "."), []
    numeric = [c.name for c in schema.columns if c.kind in {"count", "number"} and c.name in frame]
    texts = (
        pd.concat([as_text(frame[name]) for name in numeric]).dropna() if numeric else pd.Series([], dtype=TEXT_DTYPE)
    )
    if texts.str.contains(",", regex=False).any():
        return ",", [note("decimal-comma", schema.name, count=1, of=1)]
    pointed = texts[texts.str.contains(".", regex=False)]
    if len(pointed) and pointed.str.fullmatch(_THOUSANDS).all():
        example = f" ('{pointed.iloc[0]}')"
        unclear = note(
            "decimal-unclear",
            schema.name,
            count=len(pointed),
            of=len(texts),
            rows=sorted(set(pointed.index)),
            example=example,
        )
        return ".", [unclear]
    return ".", []


def _trouble(
    table: str,
    name: str,
    kind: ColumnKind,
    original: "pd.Series[Any]",
    result: Converted,
    private: frozenset[str],
) -> list[Finding]:
    found = []
    for rule, hit in result.trouble.items():
        values = as_text(original[hit])
        quotable = kind != "id" and _is_quotable(table, str(values.iloc[0]))
        example = _example(values, private) if quotable else ""
        of = int(as_text(original).notna().sum())
        count = int(hit.sum())
        found.append(note(rule, table, count=count, of=of, rows=values.index, column=name, example=example))
    return found


def _is_quotable(table: str, text: str) -> bool:
    """Whether a text that is no number, date or period may be repeated: what may name a person is not."""
    return bool(_PLAIN.fullmatch(text)) or (table != "registrations" and not may_name_a_person(text))


def _example(values: "pd.Series[str]", private: frozenset[str]) -> str:
    first = str(values.iloc[0])
    if first in private:
        return ""
    shown = first if len(first) <= _SHOWN_CHARACTERS else first[:_SHOWN_CHARACTERS] + "..."
    return f" ('{shown}')"


def _unknown_columns(frame: pd.DataFrame, schema: TableSchema, mapped: Iterable[str]) -> list[Finding]:
    expected = set(mapped)
    shown = dict(zip(frame.columns, names_of_columns(list(frame.columns)), strict=True))
    unknown = [name for name in frame.columns if schema.column(name) is None and name not in expected]
    absent = [column.name for column in schema.columns if column.name not in frame.columns]
    resembling = {name: near for name in unknown if (near := nearest(name, absent, _RESEMBLES)) is not None}
    width = frame.shape[1]
    found = []
    if unknown:
        listed = ", ".join(shown[name] for name in unknown[:_SHOWN_COLUMNS])
        listed += ", ..." if len(unknown) > _SHOWN_COLUMNS else ""
        found.append(note("unknown-columns", schema.name, count=len(unknown), of=width, example=listed))
    found += [
        note("misspelt-column", schema.name, count=1, of=width, example=f"'{shown[name]}' ('{near}')")
        for name, near in resembling.items()
    ]
    return found
