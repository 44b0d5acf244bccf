"""What a register shows of how it was kept, per provider and period: so many found of so many looked at.

Only the last version of each delivery is looked at. Where there was nothing to look at, there is no number.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import Codes, PeriodKind
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces import blocks, doubles, open_ends, rooms
from dwangstats.data.checks.traces.rows import (
    day_only,
    lasting_rows,
    locking_rows,
    minute_of_day,
    moments,
    planned_rows,
    standing_rows,
)
from dwangstats.data.config.checks import QualityPart
from dwangstats.data.deliveries.status import delivery_status
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import convert_periods, parse_period, period_of, periods_between

PLACE: Final = ["provider_id", "period"]

Looked: TypeAlias = tuple[Mask, Mask]
"""Registrations that were found wanting, and those that were looked at; the first are among the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The registrations that the parts look at: those with a provider and a begin, of the last version.

    Attributes
    ----------
    tables : Tables
        With these registrations only.
    frame : DataFrame, (n,)
        The registrations.
    places : MultiIndex, (p,)
        provider_id and period, sorted.
    number : (n,) place of each registration in ``places``.
    filled : (n,) bool
        The end was filled in by an export.
    """

    tables: Tables
    frame: pd.DataFrame
    places: pd.MultiIndex
    number: Codes
    filled: Mask


def rows_by_place(tables: Tables, by: PeriodKind) -> Rows:
    """The registrations by provider and period of kind ``by``; none where the table or a column is not there."""
    frame = tables.registrations
    if frame is None or not has(frame, *("provider_id", "begin")):
        frame = pd.DataFrame({"provider_id": pd.Series(dtype="str"), "begin": pd.Series(dtype="datetime64[us]")})
    known = frame[["provider_id", "begin"]].notna().all(axis=1).to_numpy()
    # Without the number of the version no trace has to find out again which version counts.
    frame = frame.loc[standing_rows(tables) & known if len(frame) else known].drop(
        columns="delivery_version", errors="ignore"
    )
    kept = replace(tables, registrations=frame)
    provider, providers = pd.factorize(frame["provider_id"], sort=True)
    period, periods = pd.factorize(period_of(frame["begin"], by), sort=True)
    codes, number = np.unique(provider * max(len(periods), 1) + period, return_inverse=True)
    at = np.divmod(codes, max(len(periods), 1))
    places = pd.MultiIndex.from_arrays([providers[at[0]], periods[at[1]]], names=PLACE)
    return Rows(kept, frame, places, number.astype(np.intp), open_ends.filled_end(kept))


def _missing_ends(rows: Rows) -> Looked | None:
    if not has(rows.frame, "end"):
        return None
    lasting = lasting_rows(rows.frame)
    return lasting & (open_ends.never_closed(rows.tables) | rows.filled), lasting


def _unspecified_codes(rows: Rows) -> Looked | None:
    if not has(rows.frame, "intervention_code"):
        return None
    locked = locking_rows(rows.frame) & rows.frame["intervention_code"].notna().to_numpy(dtype=np.bool_)
    return locked & rooms.unspecified(rows.tables), locked


def _doubles(rows: Rows) -> Looked | None:
    if not has(rows.frame, "source_id") and not has(rows.frame, "client_id"):
        return None
    found = doubles.same_source(rows.tables) | doubles.same_moment(rows.tables)
    return found, np.ones(len(found), dtype=np.bool_)


def _heaped_ends(rows: Rows) -> Looked | None:
    if not has(rows.frame, "end"):
        return None
    end = moments(rows.frame, "end")
    timed = lasting_rows(rows.frame) & ~np.isnat(end) & ~day_only(rows.frame) & ~rows.filled
    timed &= ~planned_rows(rows.frame) & ~blocks.standing_block(rows.tables)
    return timed & (minute_of_day(end) % 60.0 == 0.0), timed


ROW_PARTS: Final[Mapping[QualityPart, Callable[[Rows], Looked | None]]] = MappingProxyType(
    {
        "missing_ends": _missing_ends,
        "unspecified_codes": _unspecified_codes,
        "doubles": _doubles,
        "heaped_ends": _heaped_ends,
    }
)
"""Parts that are shares of registrations."""
FILE_PARTS: Final[tuple[QualityPart, ...]] = ("days_late", "rejected_files")
"""Parts that are about deliveries."""


def row_counts(rows: Rows, part: QualityPart) -> pd.DataFrame:
    """How many registrations a part found wanting, of how many.

    Returns
    -------
    DataFrame
        found, of (above zero); indexed by provider_id and period; no row where nothing was looked at.
    """
    looked = ROW_PARTS[part](rows) if len(rows.frame) else None
    if looked is None:
        return _nothing(("found", "of"), "int64")
    found, of = (np.bincount(rows.number[mask], minlength=len(rows.places)) for mask in looked)
    counts = pd.DataFrame({"found": found, "of": of}, index=rows.places)
    return counts.loc[counts["of"] > 0]


def delivered_files(tables: Tables, by: PeriodKind) -> pd.DataFrame:
    """What the table of deliveries says by period of kind ``by``; no rows without that table.

    Returns
    -------
    DataFrame
        days_late (from the due date to the first accepted file, 0 in time: the mean where a provider delivers under
        several laws or the period holds two half-years) and rejected_files (share of all files that came in; every
        version is a file); indexed by provider_id and period.
    """
    if not has(tables.deliveries, "provider_id", "period", "status"):
        return _nothing(FILE_PARTS, "float64")
    status = delivery_status(tables).rename(columns={"provider": "provider_id", "period": "half"})
    within = _periods_within(status["half"].unique(), by)
    rows = status.assign(period=status["half"].map(within)).explode("period")
    rows = rows.astype({"period": "str", "rejected_versions": "float64", "versions": "float64"})
    groups = rows.groupby(PLACE, sort=True)
    files = groups["versions"].sum()
    rejected = groups["rejected_versions"].sum() / files.where(files > 0)
    parts = pd.DataFrame({"days_late": groups["days_late"].mean(), "rejected_files": rejected})
    return parts.dropna(how="all")


def _periods_within(half_years: Iterable[str], by: PeriodKind) -> dict[str, tuple[str, ...]]:
    """The periods of kind ``by`` that each half-year says something about: those inside it, or its year."""
    found = {}
    for text in half_years:
        half = parse_period(text)
        months = (f"{half.year:04d}-{half.first_month:02d}", f"{half.year:04d}-{half.last_month:02d}")
        first, last = convert_periods(months, by)
        found[text] = periods_between(first, last)
    return found


def _nothing(columns: Iterable[str], dtype: Literal["int64", "float64"]) -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([pd.Series(dtype="str"), pd.Series(dtype="str")], names=PLACE)
    return pd.DataFrame(index=index, columns=list(columns)).astype(dtype)
