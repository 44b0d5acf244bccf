"""What the traces share: which registrations count, which of them last, whose they are, and which know only a day."""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.deliveries.standing import only_laws, standing_deliveries
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.clock import Moments
from dwangstats.data.register.codes import LAWS, letter_of

#: Letters of art. 3:2 lid 2 Wvggz under which a measure goes on until it is ended. The others are acts: giving
#: medication or food, a search, a test, admitting someone; without an end they are moments, not open.
LASTING_LETTERS: Final = ("b", "c", "d", "h", "i", "k")
#: Letters under which somebody is locked in.
LOCKING_LETTERS: Final = ("c", "k")
#: The same where there is no code, only a form. "other" holds lasting measures and acts: nothing is known of it.
LASTING_FORMS: Final = ("seclusion", "other_locking_in", "restraint", "transport")
LOCKING_FORMS: Final = ("seclusion", "other_locking_in", "transport")
#: Holding someone takes minutes.
HOLDING: Final = "225212001"
#: Mechanical restraint takes hours; under the Wzd a belt can be a standing measure.
FIXATION: Final = "68894007"

MINUTE: Final = np.timedelta64(60_000_000, "us")
DAY: Final = np.timedelta64(86_400_000_000, "us")
DAY_MINUTES: Final = 1440


def no_rows(frame: pd.DataFrame | None) -> Mask:
    """A mask that marks nothing."""
    return np.zeros(0 if frame is None else len(frame), dtype=np.bool_)


def standing_rows(tables: Tables) -> Mask:
    """Registrations of the version of their delivery that counts; all of them where versions are not known.

    What an earlier version left open or wrong may have been put right since; a later one was refused. Where a provider
    delivers a half-year under one law only, registrations of every law came with that delivery (E8).
    """
    frame, deliveries = tables.registrations, tables.deliveries
    if not has(frame, "provider_id", "begin", "delivery_version"):
        return ~no_rows(frame)
    if not has(deliveries, "provider_id", "period", "status", "version") or deliveries.empty:
        return ~no_rows(frame)
    version = pd.to_numeric(frame["delivery_version"]).to_numpy(dtype=np.float64, na_value=np.nan)
    half = half_years(moments(frame, "begin"))
    law = law_names(frame)
    number = group_numbers(frame["provider_id"], half, law)
    heads = first_of_each(number)
    last = np.append(_last_versions(deliveries, frame.iloc[heads], half[heads], law[heads]), np.nan)
    return ~((version < last[number]) | (version > last[number]))


def _last_versions(deliveries: pd.DataFrame, rows: pd.DataFrame, half: Codes, law: NDArray[np.object_]) -> Vector:
    """Number of the version that counts of the delivery of each row, NaN where none is known."""
    texts = np.array([f"{code // 2}-H{code % 2 + 1}" for code in half], dtype=object)
    places = pd.MultiIndex.from_arrays([rows["provider_id"].to_numpy(dtype=object), texts])
    delivered = only_laws(deliveries)
    own = delivered.reindex(places).to_numpy(dtype=object)
    law = np.where(pd.isna(own), law, own)
    last = np.full(len(rows), np.nan)
    for name in set(law):
        known = standing_deliveries(deliveries, name or None).set_index(["provider", "period"])["version"]
        last[law == name] = known.reindex(places[law == name]).to_numpy()
    return last


def lasting_rows(frame: pd.DataFrame) -> Mask:
    """Measures that go on until they are ended, by code, or by form where there is no code."""
    return _of(frame, LASTING_LETTERS, LASTING_FORMS)


def locking_rows(frame: pd.DataFrame) -> Mask:
    """Locking in, by code, or by form where there is no code."""
    return _of(frame, LOCKING_LETTERS, LOCKING_FORMS)


def coded(frame: pd.DataFrame, *codes: str) -> Mask:
    """Rows with one of these intervention codes."""
    if not has(frame, "intervention_code"):
        return no_rows(frame)
    number, distinct = pd.factorize(frame["intervention_code"])
    return np.append(np.isin(np.asarray(distinct, dtype=object), codes), False)[number]


def law_names(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Law of each row as far as it says one that exists, else an empty text."""
    if not has(frame, "law"):
        return np.full(len(frame), "", dtype=object)
    number, distinct = pd.factorize(frame["law"])
    names = [name if name in LAWS and name != "unknown" else "" for name in map(str, distinct)]
    return np.array([*names, ""], dtype=object)[number]


def planned_rows(frame: pd.DataFrame) -> Mask:
    """Rows that say that the measure was planned."""
    if not has(frame, "planned"):
        return no_rows(frame)
    return frame["planned"].astype("boolean").fillna(False).to_numpy(dtype=np.bool_)


def moments(frame: pd.DataFrame, column: str) -> Moments:
    """A column of date-times, missing where the column is absent."""
    if column not in frame.columns:
        return np.full(len(frame), np.datetime64("NaT"), dtype="datetime64[us]")
    return np.asarray(pd.to_datetime(frame[column]), dtype="datetime64[us]")


def half_years(times: Moments) -> Codes:
    """Number of the half-year of each moment: twice the year, and one more in the second half; -1 without a moment."""
    months = times.astype("datetime64[M]").astype(np.int64)
    return np.where(np.isnat(times), -1, (months + 12 * 1970) // 6).astype(np.intp)


def minute_of_day(times: Moments) -> Vector:
    """Minutes since midnight, with fractions; NaN where there is no time."""
    return np.asarray((times - times.astype("datetime64[D]")) / MINUTE, dtype=np.float64)


def at_midnight(times: Moments) -> Mask:
    """Moments at exactly 00:00."""
    return np.asarray(times == times.astype("datetime64[D]"), dtype=np.bool_)


def day_only(frame: pd.DataFrame) -> Mask:
    """Rows with a begin at exactly 00:00 and an end, if any, at exactly 00:00: the time of day is not known."""
    begin, end = moments(frame, "begin"), moments(frame, "end")
    return at_midnight(begin) & (np.isnat(end) | at_midnight(end))


def group_numbers(*columns: "pd.Series[Any] | NDArray[Any]") -> Codes:
    """Number of each combination of values, (n,), from 0; -1 where one of them is missing.

    In a column of whole numbers, one below 0 is a missing group.
    """
    number, _ = _factorised(columns[0])
    for column in columns[1:]:
        codes, distinct = _factorised(column)
        known = (number >= 0) & (codes >= 0)
        combined = np.full(number.size, -1, dtype=np.int64)
        combined[known] = pd.factorize(number[known] * distinct + codes[known])[0]
        number = combined
    return number.astype(np.intp)


def _factorised(column: "pd.Series[Any] | NDArray[Any]") -> tuple[NDArray[np.int64], int]:
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        number = np.full(column.size, -1, dtype=np.int64)
        number[column >= 0], found = pd.factorize(column[column >= 0])
        return number, len(found)
    codes, distinct = pd.factorize(column)
    return codes.astype(np.int64), len(distinct)


def first_of_each(number: Codes) -> Codes:
    """Position of the first row of each group, (groups,); rows with -1 are in none."""
    groups = int(number.max(initial=-1)) + 1
    first = np.empty(groups + 1, dtype=np.intp)
    first[number[::-1]] = np.arange(number.size - 1, -1, -1)
    return first[:groups]


def position_in(table: pd.DataFrame, frame: pd.DataFrame, *columns: str) -> Codes:
    """Row of a small table that has the same values in these columns as each row of a large one; -1 where none has."""
    number = group_numbers(*(frame[name] for name in columns))
    heads = frame.iloc[first_of_each(number)]
    unique = ~table.duplicated(list(columns)).to_numpy() & table[list(columns)].notna().all(axis=1).to_numpy()
    rows = np.flatnonzero(unique)
    keys = pd.MultiIndex.from_frame(table[list(columns)].iloc[rows].astype(object))
    found = keys.get_indexer(pd.MultiIndex.from_frame(heads[list(columns)].astype(object)))
    return np.append(np.where(found >= 0, np.append(rows, -1)[found], -1), -1)[number]


def of_clients(frame: pd.DataFrame, *columns: str) -> Codes:
    """Number of each client of a provider, split by further columns; -1 where the client is not known.

    Pseudonyms are those of a provider: the same one at two providers need not be one person.
    """
    return group_numbers(frame["provider_id"], frame["client_id"], *(frame[name] for name in columns))


def measure_numbers(frame: pd.DataFrame) -> Codes:
    """Number of what was done: the code, or the form where there is no code; -1 where neither says it."""
    number: Codes = np.full(len(frame), -1, dtype=np.intp)
    if "form" in frame.columns:
        number = pd.factorize(frame["form"])[0].astype(np.intp)
    if "intervention_code" in frame.columns:
        code = pd.factorize(frame["intervention_code"])[0].astype(np.intp)
        number = np.where(code >= 0, code + int(number.max(initial=-1)) + 1, number)
    return group_numbers(number)


def _of(frame: pd.DataFrame, letters: tuple[str, ...], forms: tuple[str, ...]) -> Mask:
    found = no_rows(frame)
    if "form" in frame.columns:
        number, distinct = pd.factorize(frame["form"])
        found = np.append(np.isin(np.asarray(distinct, dtype=object), forms), False)[number]
    if "intervention_code" in frame.columns:
        number, distinct = pd.factorize(frame["intervention_code"])
        inside = np.append(np.isin(letter_of(list(distinct)), letters), False)
        found = np.where(number >= 0, inside[number], found)
    return np.asarray(found, dtype=np.bool_)
