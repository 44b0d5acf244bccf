"""Count a table of registrations inside its engine, with the meaning that the schema gives to its values.

The engine groups equal values; what a value means is then decided once per distinct value, by the same code that reads
tables into memory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from dwangstats.data.config.analysis import ColumnMap, ReadConfig
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import KEYS, named_cells
from dwangstats.data.reading.convert import DUTCH_TIME, TEXT_DTYPE, as_text, convert_column
from dwangstats.data.reading.counted import Counted
from dwangstats.data.reading.engines import EngineTable
from dwangstats.data.reading.files import RawTable
from dwangstats.data.reading.interpret import interpret
from dwangstats.data.reading.notes import note
from dwangstats.data.register.schema import REGISTRATIONS
from dwangstats.errors import DataError, InternalError

_TABLE = REGISTRATIONS.name
_BEGIN = "begin"
_KEYS = tuple(name for name in KEYS if REGISTRATIONS.column(name) is not None)
_MOMENTS = tuple(c.name for c in REGISTRATIONS.columns if c.kind == "datetime" and c.name != _BEGIN)
_IDS = tuple(c.name for c in REGISTRATIONS.columns if c.kind == "id" and c.name not in _KEYS)

#: engines in which narwhals converts a time zone.
_CONVERTING = frozenset({"pandas", "polars", "pyarrow", "modin", "cudf"})

_TIME = r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d"
_ISO = rf"^\d{{4}}-\d\d-\d\d{_TIME}(?:[.,]\d{{1,9}})?)?)?$"
_DUTCH = rf"^\d\d-\d\d-\d{{4}}{_TIME})?)?$"
_SHORTENED = r"^\d[.,]\d+[eE]\+\d{1,2}$"
_SEPARATOR = "[ .-]"
_NINE_DIGITS = "(?:^|[^0-9])[0-9]{9}(?:[^0-9]|$)"
_EIGHT_DIGITS = "^[0-9]{8}(?:[.]0+)?$"
_EIGHT, _TEN = 10_000_000, 1_000_000_000

#: values of one column that are looked at for citizen service numbers: those that could be one, and the first ones.
_SUSPECTS, _OTHERS = 20_000, 1_000


def count_in_engine(
    table: EngineTable, columns: ColumnMap, settings: ReadConfig, step: Callable[[float], None] | None = None
) -> tuple[Counted, list[Finding]]:
    """Count the registrations of a table per provider, month, form and everything a panel may select on.

    Parameters
    ----------
    table : EngineTable
    columns : ColumnMap
        Our name to their name.
    settings : ReadConfig
    step : callable, optional
        Told the share that is done, 0 to 1.

    Returns
    -------
    Counted
    list of Finding
        As reading into memory gives them; rows have no numbers in an engine, so that none are named.

    Raises
    ------
    DataError
        For citizen service numbers, for missing or contradictory columns, and for a table without rows.
    """
    found = _about_columns(table, columns, settings)
    frame, others = _renamed(table, columns)
    given = frame.collect_schema()
    keys = [name for name in _KEYS if name in given]
    moments = [name for name in _MOMENTS if name in given and not _is_moment(given[name])]
    suspects = [name for name in given if name not in keys and _may_hold_numbers(name, given[name])]
    ask = _Asking(table, 3 + len(moments) + 2 * len(suspects), step)
    frame, about_rows = _rows(table, frame, ask)
    found += about_rows
    raw = ask(_grouped(table, frame, keys))
    samples = {others.get(name, name): _sample(frame, name, ask) for name in suspects}
    _refuse_numbers(table, {name: raw[name] for name in keys} | samples)
    cells, trouble = _meaning(raw, keys, settings.decimal or ".")
    found += trouble
    for name in moments:
        found += _trouble(name, ask(_counted_by(frame, name, _day_text(name))), settings.decimal or ".")[1]
    repeated, in_version = _repeated(frame, ask)
    names = tuple(sorted(others.get(name, name) for name in given))
    return Counted(cells, names, repeated, in_version, table.engine), found


class _Asking:
    """Asks one question after the other, and tells how far they are."""

    def __init__(self, table: EngineTable, questions: int, step: Callable[[float], None] | None) -> None:
        self._table = table
        self._questions = questions
        self._done = 0
        self._step = step

    def __call__(self, question: "nw.LazyFrame[Any]") -> pd.DataFrame:
        answer = self._table.ask(question, None if self._step is None else self._watch)
        self._done = min(self._done + 1, self._questions)
        return answer

    def _watch(self, share: float) -> None:
        if self._step is not None:
            self._step(min(1.0, (self._done + share) / self._questions))


def _about_columns(table: EngineTable, columns: ColumnMap, settings: ReadConfig) -> list[Finding]:
    """What is said of the columns alone: by their names, as of a table without rows."""
    nothing = pd.DataFrame({name: pd.Series([], dtype=TEXT_DTYPE) for name in table.columns})
    raw = RawTable(table.name, nothing, table.delimiter, 0, table.unnamed_columns, table.sha256)
    return interpret(raw, REGISTRATIONS, columns, settings)[1]


def _renamed(table: EngineTable, columns: ColumnMap) -> "tuple[nw.LazyFrame[Any], dict[str, str]]":
    """The table with the names of the schema; other columns are numbered, with their own name beside them."""
    ours = {name: table.columns[theirs] for name, theirs in columns.names.items()}
    ours |= {
        name: inside
        for name, inside in table.columns.items()
        if REGISTRATIONS.column(name) is not None and name not in ours and name not in columns.names.values()
    }
    rest = [name for name, inside in table.columns.items() if inside not in ours.values()]
    others = {f"other {place}": name for place, name in enumerate(rest)}
    selected = ours | {alias: table.columns[name] for alias, name in others.items()}
    return table.frame.select(*(nw.col(inside).alias(name) for name, inside in selected.items())), others


def _rows(table: EngineTable, frame: "nw.LazyFrame[Any]", ask: _Asking) -> "tuple[nw.LazyFrame[Any], list[Finding]]":
    """The rows that hold anything, and what is said of single columns in all rows."""
    given = frame.collect_schema()
    texts = {name: _clean(name) for name in given if given[name] == nw.String}
    ids = [name for name in _IDS if name in texts]
    zoned = [name for name in (_BEGIN, *_MOMENTS) if name in given and _zone(given[name]) is not None]
    if _BEGIN in zoned and _BEGIN in _begin(table, given[_BEGIN]):
        zoned.remove(_BEGIN)
    measures: dict[str, nw.Expr] = {"rows": nw.len()}
    measures |= {f"{name} known": texts[name].count() for name in ids}
    measures |= {f"{name} cut": _times(texts[name].str.contains(_SHORTENED)) for name in ids}
    measures |= {f"{name} known": nw.col(name).count() for name in zoned}
    # A field of a CSV file is text; in other files a row without any value is a row.
    blank = None if table.delimiter is None else nw.all_horizontal(*(_is_blank(n) for n in given), ignore_nulls=False)
    if blank is not None:
        measures["blank"] = _times(blank)
    counted = {name: int(value or 0) for name, value in ask(frame.select(**measures)).iloc[0].items()}
    found = _notes("shortened-code", {name: (counted[f"{name} cut"], counted[f"{name} known"]) for name in ids})
    found += _notes("time-zone", {name: (counted[f"{name} known"],) * 2 for name in zoned})
    rows, empty = counted["rows"], counted.get("blank", 0)
    if rows == empty:
        said = "the table has no rows." if blank is None else "the file has a header and no rows under it."
        raise DataError(f"{table.name}: {said}")
    if blank is None or not empty:
        return frame, found
    return frame.filter(~blank), [*found, note("empty-rows", _TABLE, count=empty, of=rows)]


def _notes(rule: str, counts: Mapping[str, tuple[int, int]]) -> list[Finding]:
    return [note(rule, _TABLE, count=n, of=of, column=name) for name, (n, of) in counts.items() if n]


def _grouped(table: EngineTable, frame: "nw.LazyFrame[Any]", keys: Sequence[str]) -> "nw.LazyFrame[Any]":
    """Registrations per distinct value of the keys, month or day of begin, and whether the end lies before it."""
    given = frame.collect_schema()
    when = _begin(table, given[_BEGIN])
    rows = frame.select(*keys, **when, ends_before=_ends_before(given))
    return rows.group_by(*keys, *when, "ends_before").agg(registrations=nw.len())


def _begin(table: EngineTable, dtype: Any) -> dict[str, nw.Expr]:
    """Year and month of begin; of a text, or a moment whose zone DuckDB does not convert, its day."""
    if not _is_moment(dtype):
        return {_BEGIN: _day_text(_BEGIN)}
    moment = nw.col(_BEGIN)
    zone = table.zone_of(dtype)
    if zone not in {None, DUTCH_TIME}:
        if table.engine == "duckdb":
            return {_BEGIN: _zoned_text(_BEGIN)}
        if table.engine not in _CONVERTING:
            raise DataError(
                f"{table.name}: begin has the time zone {zone}, which is not converted in {table.engine}. Set the time "
                f"zone of the session to {DUTCH_TIME}, or give begin in Dutch clock time without a zone."
            )
        moment = moment.dt.convert_time_zone(DUTCH_TIME)
    return {"year": moment.dt.year(), "month": moment.dt.month()}


def _ends_before(given: Mapping[str, Any]) -> nw.Expr:
    """Whether the end lies before the begin; false where one of them is missing or cannot be read.

    An end without a time on the day of a begin with a time is none (`dwangstats.data.register.clock.ends_on_its_day`).
    """
    if "end" not in given:
        return nw.lit(value=False)
    begin, end = given[_BEGIN], given["end"]
    if begin == nw.String and end == nw.String:
        last, first = _comparable("end"), _comparable(_BEGIN)
        on_its_day = (last.str.slice(0, 10) == first.str.slice(0, 10)) & (last.str.slice(10) == " 00:00:00")
        return ((last < first) & ~on_its_day).fill_null(value=False)
    if _is_moment(begin) and _is_moment(end) and (_zone(begin) is None) == (_zone(end) is None):
        before = nw.col("end") < nw.col(_BEGIN)
        if _zone(begin) is None and begin != nw.Date:
            before &= nw.col("end") != nw.col(_BEGIN).dt.truncate("1d")
        return before.fill_null(value=False)
    return nw.lit(value=False)


def _meaning(raw: pd.DataFrame, keys: Sequence[str], decimal: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Cells with the meaning of their values, and what could not be read, counted in registrations."""
    cells = raw[["ends_before", "registrations"]].astype({"ends_before": "bool", "registrations": "int64"})
    found: list[Finding] = []
    for name in (*keys, _BEGIN) if _BEGIN in raw else keys:
        values, trouble = _trouble(name, raw[[name, "registrations"]], decimal)
        cells[name] = values
        found += trouble
    if _BEGIN in cells:
        cells["year"], cells["month"] = cells[_BEGIN].dt.year, cells[_BEGIN].dt.month
    else:
        cells["year"], cells["month"] = (pd.to_numeric(raw[name]).astype("float64") for name in ("year", "month"))
    cells["begins"] = cells["year"].notna()
    cells["ends_before"] &= cells["begins"]
    return named_cells(cells, also=("begins", "ends_before")), found


def _trouble(name: str, counted: pd.DataFrame, decimal: str) -> "tuple[pd.Series[Any], list[Finding]]":
    """Values of a column with the meaning of the schema, and the findings, weighted by registrations."""
    column = REGISTRATIONS.column(name)
    if column is None:
        raise InternalError(f"column {name} is not in the schema of {_TABLE}")
    position, distinct = pd.factorize(counted[name])
    texts = pd.Series(distinct, dtype=object)
    result = convert_column(texts, column.kind, decimal)
    known = position >= 0
    rows = counted["registrations"].to_numpy(dtype="int64")[known]
    weight = np.bincount(position[known], weights=rows, minlength=len(distinct))
    of = int(weight[as_text(texts).notna().to_numpy()].sum())
    counts = {rule: int(weight[hit].sum()) for rule, hit in result.trouble.items()}
    found = [note(rule, _TABLE, count=n, of=of, column=name) for rule, n in counts.items()]
    return result.values.reindex(position).set_axis(counted.index), found


def _counted_by(frame: "nw.LazyFrame[Any]", name: str, value: nw.Expr) -> "nw.LazyFrame[Any]":
    return frame.select(value.alias(name)).group_by(name).agg(registrations=nw.len())


def _repeated(frame: "nw.LazyFrame[Any]", ask: _Asking) -> tuple[int, int]:
    """Registrations whose number an earlier one has: in all, and within one version of a delivery."""
    given = frame.collect_schema()
    if "registration_id" not in given:
        return 0, 0
    number = _clean("registration_id") if given["registration_id"] == nw.String else nw.col("registration_id")
    within = ["delivery_version"] if "delivery_version" in given else []
    pairs = (
        frame.select(*within, number=number)
        .filter(~nw.col("number").is_null())
        .group_by("number", *within)
        .agg(rows=nw.len())
    )
    numbers = pairs.group_by("number").agg(rows=nw.col("rows").sum(), pairs=nw.len())
    total = ask(numbers.select(nw.col("rows").sum(), nw.col("pairs").sum(), numbers=nw.len())).iloc[0]
    rows, distinct_pairs, distinct = (int(total[name] or 0) for name in ("rows", "pairs", "numbers"))
    return rows - distinct, rows - distinct_pairs


def _may_hold_numbers(name: str, dtype: Any) -> bool:
    """Whether a column could hold citizen service numbers."""
    column = REGISTRATIONS.column(name)
    free = column is None or column.kind in {"id", "text"}
    return free and (dtype == nw.String or dtype.is_numeric())


def _sample(frame: "nw.LazyFrame[Any]", name: str, ask: _Asking) -> "pd.Series[Any]":
    """Values of a column that could be citizen service numbers, and some of the others."""
    value = nw.col(name)
    if frame.collect_schema()[name] == nw.String:
        joined = value.str.replace_all(_SEPARATOR, "").str.contains(_NINE_DIGITS)
        suspect = joined | value.str.contains(_NINE_DIGITS) | value.str.strip_chars().str.contains(_EIGHT_DIGITS)
    else:
        suspect = (value >= _EIGHT) & (value < _TEN)
    rows = frame.select(name).filter(~value.is_null())
    found = ask(rows.filter(suspect).head(_SUSPECTS))[name]
    return pd.concat([found, ask(rows.head(_OTHERS))[name]], ignore_index=True).drop_duplicates()


def _refuse_numbers(table: EngineTable, values: "Mapping[str, pd.Series[Any]]") -> None:
    """Refuse citizen service numbers, by the rule and in the words of reading into memory."""
    columns = {name: pd.Series(found.dropna().unique(), dtype=object) for name, found in values.items()}
    frame = pd.DataFrame({**dict.fromkeys(REGISTRATIONS.required), **columns})
    interpret(RawTable(table.name, frame, None, 0, 0, None), REGISTRATIONS, ColumnMap(), ReadConfig())


def _day_text(name: str) -> nw.Expr:
    """A moment in plain text as its day; any other text whole, so that nothing is lost before it is judged."""
    text = nw.col(name).cast(nw.String).str.strip_chars()
    plain = text.str.contains(_ISO) | text.str.contains(_DUTCH)
    return nw.when(plain).then(text.str.slice(0, 10)).otherwise(text)


def _zoned_text(name: str) -> nw.Expr:
    """A moment with a zone as text with its offset; its day where that cannot change the month, else to the minute."""
    text = nw.col(name).cast(nw.String)
    whole_hours = text.str.contains(r"[+-]\d\d$")
    offset = nw.when(whole_hours).then(nw.concat_str(text.str.tail(3), nw.lit(":00"))).otherwise(text.str.tail(6))
    day = text.str.slice(8, 2)
    minute = nw.concat_str(text.str.slice(11, 5), nw.lit(":00"))
    clock = nw.when((day >= "03") & (day <= "26")).then(nw.lit("12:00:00")).otherwise(minute)
    return nw.concat_str(text.str.slice(0, 10), nw.lit("T"), clock, offset)


def _comparable(name: str) -> nw.Expr:
    """A moment in plain text as year, month, day and time, so that the order of texts is that of moments."""
    text = nw.col(name).str.strip_chars()
    time = text.str.slice(11)
    dutch = text.str.contains(_DUTCH)
    backwards = nw.concat_str(text.str.slice(6, 4), text.str.slice(3, 2), text.str.slice(0, 2), separator="-")
    day = nw.when(dutch).then(backwards).otherwise(text.str.slice(0, 10))
    with_seconds = nw.when(time.str.len_chars() == 5).then(nw.concat_str(time, nw.lit(":00"))).otherwise(time)
    whole_time = nw.when(time == "").then(nw.lit("00:00:00")).otherwise(with_seconds)
    return nw.when(dutch | text.str.contains(_ISO)).then(nw.concat_str(day, whole_time, separator=" "))


def _clean(name: str) -> nw.Expr:
    """Trimmed text; blank and NA are missing."""
    text = nw.col(name).str.strip_chars()
    return nw.when(~text.is_in(["", "NA"])).then(text)


def _is_blank(name: str) -> nw.Expr:
    return nw.col(name).str.strip_chars().is_in([""]) | nw.col(name).is_null()


def _times(where: nw.Expr) -> nw.Expr:
    return where.cast(nw.Int64).sum()


def _is_moment(dtype: Any) -> bool:
    return isinstance(dtype, nw.Datetime | nw.Date)


def _zone(dtype: Any) -> str | None:
    return dtype.time_zone if isinstance(dtype, nw.Datetime) else None
