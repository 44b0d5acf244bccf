"""What each repair changes: rows of a table that it removes, or values in one of its columns.

Every step looks at the tables as they were given, and repairs no row that `check` did not point at. A check asks a
question and a repair answers it, so that bed-days are divided only where nothing but an error explains them: in one
period between two usual ones. The step that puts an estimate in the place of a value says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Vector
from dwangstats.data.checks.traces import doubles, late_ends, open_ends, units
from dwangstats.data.config.checks import RepairName
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import parse_period
from dwangstats.errors import DataError

Mask: TypeAlias = NDArray[np.bool_]
TableName: TypeAlias = Literal["registrations", "exposure"]

NEEDED: Final[Mapping[TableName, tuple[str, ...]]] = MappingProxyType(
    {"registrations": ("provider_id", "begin"), "exposure": ("provider_id", "period", "bed_days")}
)
"""Columns without which nothing of a table can be repaired."""
WITHIN: Final = 1.25
"""Bed-days that are divided lie, afterwards, within this factor of those of the periods around."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a step does to a table.

    Attributes
    ----------
    table : {"registrations", "exposure"}
    rows : (rows,) bool
        Rows of the table that are concerned.
    column : str
        The column that changes; "" where the rows are removed.
    after : Series or None
        The new values of the column in these rows, in their order; None where the rows are removed.
    left : (rows,) bool or None
        Rows that look the same and are left alone; None where the step leaves none.
    """

    table: TableName
    rows: Mask
    column: str = ""
    after: "pd.Series[float] | pd.Series[pd.Timestamp] | None" = None
    left: Mask | None = None


Step: TypeAlias = Callable[[Tables], Change]


def _same_source(tables: Tables) -> Change:
    return Change("registrations", _marked(tables, doubles.same_source))


def _same_moment(tables: Tables) -> Change:
    return Change("registrations", _marked(tables, doubles.same_moment))


def _filled_ends(tables: Tables) -> Change:
    return _end_missing(tables, _marked(tables, open_ends.filled_end))


def _ends_elsewhere(tables: Tables) -> Change:
    """Where an end is given: a measure that has none is marked by the check, and has nothing to change."""
    given = table_of(tables, "registrations", "end")["end"].notna().to_numpy(dtype=np.bool_)
    return _end_missing(tables, _marked(tables, late_ends.end_elsewhere) & given)


def _tenfold(tables: Tables) -> Change:
    """Only what is too much: a place with a tenth of its usual bed-days may have been emptied."""
    found = units.tenfold(tables)
    return _divided(tables, found.loc[found["ratio"] > 1.0], units.TENFOLD)


def _hours(tables: Tables) -> Change:
    return _divided(tables, units.hours_given(tables), units.HOURS)


def _capacity_missing(tables: Tables) -> Change:
    frame = table_of(tables, "exposure")
    rows = _places(frame, units.capacity_given(tables))
    return Change("exposure", rows, "bed_days", pd.Series(np.nan, index=frame.index[rows]))


def _capacity_usual(tables: Tables) -> Change:
    """Capacity times the days of the period times the place's own median occupancy; missing where that is unknown."""
    frame = table_of(tables, "exposure")
    rows = _places(frame, units.capacity_given(tables))
    suspect = rows | _places(frame, units.tenfold(tables)) | _places(frame, units.hours_given(tables))
    full = _beds_times_days(frame)
    ratio = pd.Series(_numbers(frame, "bed_days") / full, index=frame.index)
    usable = ~suspect & np.isfinite(ratio.to_numpy()) & (ratio.to_numpy() > 0.0)
    places = [frame[name].fillna("") for name in ("provider_id", "location_id") if name in frame.columns]
    own = ratio.where(usable).groupby(places)
    usual = own.transform("median").where(own.transform("count") >= units.LEAST_PERIODS)
    return Change("exposure", rows, "bed_days", (usual * full)[rows])


STEPS: Final[Mapping[RepairName, Step]] = MappingProxyType(
    {
        "drop-same-source-doubles": _same_source,
        "drop-same-moment-doubles": _same_moment,
        "filled-ends-to-missing": _filled_ends,
        "ends-elsewhere-to-missing": _ends_elsewhere,
        "tenfold-bed-days": _tenfold,
        "hours-to-bed-days": _hours,
        "capacity-to-missing": _capacity_missing,
        "capacity-times-usual-occupancy": _capacity_usual,
    }
)


def table_of(tables: Tables, name: TableName, *columns: str) -> pd.DataFrame:
    """The table a step works on, with the columns that every step needs and those that this one does.

    Raises
    ------
    DataError
        If it is not there, or lacks one of them.
    """
    frame: pd.DataFrame | None = getattr(tables, name)
    if name == "registrations" and tables.counted is not None:
        raise DataError(
            f"This repair changes single registrations, and these were only counted in {tables.counted.engine}. "
            'Read them with rows="memory".'
        )
    if frame is None:
        raise DataError(f"This repair works on the table {name}, which is not there. Give the table, or leave it out.")
    absent = [column for column in (*NEEDED[name], *columns) if column not in frame.columns]
    if absent:
        raise DataError(f"This repair needs the columns {', '.join(absent)} of {name}, which are not there.")
    return frame


def _marked(tables: Tables, trace: Callable[[Tables], Mask]) -> Mask:
    table_of(tables, "registrations")
    return trace(tables)


def _end_missing(tables: Tables, rows: Mask) -> Change:
    frame = table_of(tables, "registrations", "end")
    missing = pd.Series(pd.NaT, index=frame.index[rows], dtype="datetime64[us]")
    return Change("registrations", rows, "end", missing)


def _divided(tables: Tables, found: pd.DataFrame, factor: float) -> Change:
    """What was found, divided by a factor where that is the case in one period only."""
    frame = table_of(tables, "exposure")
    alone = found.index.isin(_alone(units.measured(tables), factor))
    rows, left = (np.asarray(frame.index.isin(found.index[which]), dtype=np.bool_) for which in (alone, ~alone))
    return Change("exposure", rows, "bed_days", frame.loc[rows, "bed_days"] / factor, left)


def _alone(measured: pd.DataFrame, factor: float) -> pd.Index:
    """Rows with a factor more bed-days a day than the periods right before and after it, which are usual themselves."""
    known = {text: parse_period(text) for text in measured["period"].unique()}
    rows = measured.assign(
        begin=measured["period"].map({text: period.begin for text, period in known.items()}),
        end=measured["period"].map({text: period.end for text, period in known.items()}),
        level=(measured["bed_days"] / measured["days"]).where(measured["bed_days"] > 0.0),
    ).sort_values(["provider_id", "location_id", "begin", "end"], kind="stable")
    places = rows.groupby(["provider_id", "location_id"])
    before, after = (places[["begin", "end", "level", "ratio"]].shift(step) for step in (1, -1))
    isolated = (before["end"] == rows["begin"]) & (after["begin"] == rows["end"])
    for beside in (before, after):
        isolated &= _within(beside["ratio"]) & _within(rows["level"] / factor / beside["level"])
    return rows.index[isolated]


def _within(ratio: "pd.Series[float]") -> "pd.Series[bool]":
    """Whether a ratio is near one; not where it is missing."""
    return (ratio < WITHIN) & (ratio > 1.0 / WITHIN)


def _places(frame: pd.DataFrame, found: pd.DataFrame) -> Mask:
    """Rows of a table at the places and periods that a trace found."""
    key = [name for name in ("provider_id", "location_id", "period") if name in found.columns and name in frame.columns]
    here, there = (pd.MultiIndex.from_frame(table[key].fillna("").astype("str")) for table in (frame, found))
    return np.asarray(here.isin(there), dtype=np.bool_)


def _beds_times_days(frame: pd.DataFrame) -> Vector:
    days = frame["period"].map({text: float(parse_period(text).days) for text in frame["period"].dropna().unique()})
    return np.asarray(_numbers(frame, "capacity") * days.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _numbers(frame: pd.DataFrame, column: str) -> Vector:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    numbers = pd.to_numeric(frame[column]).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(numbers > 0.0, numbers, np.nan)
