"""Repairs of the tables: asked for by name, written in a log, and undone to the byte."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from dwangstats.data.config.checks import EXCLUSIVE, REPAIRS, RepairName
from dwangstats.data.findings import Finding
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.reading.read import RepairMade, Tables
from dwangstats.data.repairs.steps import STEPS, Change, Mask, TableName, table_of
from dwangstats.data.repairs.words import LEFT_RULES, REPAIR_RULES
from dwangstats.errors import DataError, DomainError

COLUMNS: Final = ("repair", "table", "row", "action", "column", "before", "after")
"""Columns of `Repaired.log`."""
REMOVED, CHANGED = "removed", "changed"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Repaired:
    """Tables after repairs, and everything that was done to them.

    Attributes
    ----------
    tables : Tables
        The repaired tables; row numbers are still those of the files. Its ``reading`` names every repair with its
        number of rows, so that each later report does, and its ``repairs`` how many registrations are gone, so that a
        panel accounts for them.
    log : DataFrame
        repair, table, row, action ("changed", "removed"), column, before, after: one row per row that was touched, in
        the order in which it was done. Values are text as written out in full, missing where there was nothing; of a
        row that was removed no value is shown. It holds no client and no registration number, but times of single
        measures: for who may see the register, not for publication.
    summary : DataFrame
        repair, table, rows, left: one row per repair that was asked for, also when it touched nothing. Left are rows
        that look like what the repair mends, and that it does not touch because they can be true.
    """

    tables: Tables
    log: pd.DataFrame
    summary: pd.DataFrame
    _original: Tables = field(repr=False)

    def undo(self) -> Tables:
        """The tables that were given to this call of `repair`, with the same content and the same fingerprint.

        After a second repair of tables that were repaired before, that is what the first repair gave; the `undo` of
        the first one goes back further.
        """
        return self._original

    def __repr__(self) -> str:
        done = ", ".join(
            f"{name}: {rows}" for name, rows in zip(self.summary["repair"], self.summary["rows"], strict=True)
        )
        return f"Repaired({done or 'nothing'})"


def repair(tables: Tables, names: str | Sequence[str]) -> Repaired:
    """Make the repairs that are asked for, and no other.

    Parameters
    ----------
    tables : Tables
        What `read_tables` gave, or for what was known on a date `dwangstats.known_on`: that goes first. They are not
        changed.
    names : str or sequence of str
        From `dwangstats.data.config.checks.REPAIRS`. Each looks at the tables as they were given; a row or value that
        two of them would touch is touched by the first in that list, whatever the order here.

        drop-same-source-doubles, drop-same-moment-doubles
            Remove the later registration of each pair (E5).
        filled-ends-to-missing, ends-elsewhere-to-missing
            An end that an export filled in (E1) or that comes after activity elsewhere (E3) becomes missing.
        tenfold-bed-days, hours-to-bed-days
            Bed-days divided by 10 or by 24, where they are that many times, to within a factor 1.25, the bed-days of
            the periods right before and after it at the same place, and these are usual there. The first and last
            period of a place, and a change that lasts, are never divided.
        capacity-to-missing
            Bed-days that are the capacity become missing.
        capacity-times-usual-occupancy
            In their place an estimate: capacity times days times the median occupancy of the same location in its other
            periods, if there are at least three; else missing.

    Returns
    -------
    Repaired

    Raises
    ------
    DomainError
        If a name is unknown or given twice, or two repairs mend the same rows.
    DataError
        If the table that a repair works on is not there.
    """
    chosen = _chosen((names,) if isinstance(names, str) else tuple(names))
    work = _Work(tables)
    for name in chosen:
        work.make(name, _change(tables, name))
    return Repaired(
        tables=work.tables(),
        log=pd.concat([_no_log(), *work.logs], ignore_index=True),
        summary=pd.DataFrame(work.counts, columns=["repair", "table", "rows", "left"]),
        _original=tables,
    )


class _Work:
    """Repairs under way: each row is removed once, each value changed once, by the first repair that does so."""

    def __init__(self, tables: Tables) -> None:
        self.logs: list[pd.DataFrame] = []
        self.counts: list[tuple[RepairName, str, int, int]] = []
        self._made: list[RepairMade] = []
        self._given = tables
        self._said: list[Finding] = []
        self._removed: dict[TableName, Mask] = {}
        self._done: dict[tuple[TableName, str], Mask] = {}
        self._columns: dict[tuple[TableName, str], pd.Series[Any]] = {}

    def make(self, name: RepairName, change: Change) -> None:
        """Note a change, as far as no repair before it did."""
        frame = table_of(self._given, change.table)
        nothing = np.zeros(len(frame), dtype=np.bool_)
        removed, done = self._removed.get(change.table, nothing), self._done.get((change.table, change.column), nothing)
        rows = change.rows & ~removed & ~done
        if change.after is None:
            self._removed[change.table] = removed | rows
        else:
            after = change.after.loc[rows[change.rows]]
            self._done[change.table, change.column] = done | rows
            column = self._columns.get((change.table, change.column), frame[change.column]).copy()
            column[rows] = after.to_numpy()
            self._columns[change.table, change.column] = column
            change = replace(change, after=after)
        change = replace(change, rows=rows)
        self.logs.append(_log(name, frame, change))
        touched, removed_here = int(rows.sum()), change.after is None and change.table == "registrations"
        left = nothing if change.left is None else change.left & ~removed & ~done
        self.counts.append((name, change.table, touched, int(left.sum())))
        self._made.append(RepairMade(name, touched, touched if removed_here else 0, self._kept()))
        self._said += REPAIR_RULES[name].broken_in(change.table, frame, rows)
        if name in LEFT_RULES:
            self._said += LEFT_RULES[name].broken_in(change.table, frame, left)

    def tables(self) -> Tables:
        """The tables with everything that was noted, and what was said about it."""
        return replace(
            self._given,
            registrations=self._repaired("registrations"),
            exposure=self._repaired("exposure"),
            reading=(*self._given.reading, *self._said),
            repairs=(*self._given.repairs, *self._made),
        )

    def _kept(self) -> int | None:
        """Registrations that are left."""
        removed = self._removed.get("registrations")
        given = self._given.registrations
        return None if given is None else len(given) - (0 if removed is None else int(removed.sum()))

    def _repaired(self, table: TableName) -> pd.DataFrame | None:
        frame: pd.DataFrame | None = getattr(self._given, table)
        if frame is None:
            return None
        columns = {column: values for (owner, column), values in self._columns.items() if owner == table}
        changed = frame.assign(**columns)
        return changed.loc[~self._removed[table]] if table in self._removed else changed


def _chosen(names: tuple[str, ...]) -> tuple[RepairName, ...]:
    """The repairs in the order in which they are made."""
    for name in names:
        if name not in REPAIRS:
            raise DomainError(
                f"there is no repair '{name}'; choose from {', '.join(REPAIRS)}.{did_you_mean(name, REPAIRS)}"
            )
    if len(set(names)) < len(names):
        raise DomainError("a repair is named twice; name it once.")
    for one, other in EXCLUSIVE:
        if one in names and other in names:
            raise DomainError(f"{one} and {other} mend the same rows; choose one.")
    return tuple(name for name in REPAIRS if name in names)


def _change(tables: Tables, name: RepairName) -> Change:
    try:
        return STEPS[name](tables)
    except DataError as error:
        raise DataError([f"{name}: {problem}" for problem in error.problems]) from error


def _no_log() -> pd.DataFrame:
    """The log of nothing."""
    return pd.DataFrame({column: pd.Series(dtype="int64" if column == "row" else "str") for column in COLUMNS})


def _log(name: RepairName, frame: pd.DataFrame, change: Change) -> pd.DataFrame:
    """What a change does, row by row."""
    values: dict[str, Any] = {"column": None, "before": None, "after": None}
    if change.after is not None:
        before = _texts(frame.loc[change.rows, change.column])
        values = {"column": change.column, "before": before, "after": _texts(change.after)}
    rows = frame.index[change.rows].to_numpy(dtype="int64")
    action = REMOVED if change.after is None else CHANGED
    told = {"repair": name, "table": change.table, "row": rows, "action": action, **values}
    log = pd.DataFrame(told, index=range(len(rows)), columns=list(COLUMNS))
    return log.astype({column: "str" for column in COLUMNS if column != "row"})


def _texts(values: "pd.Series[Any]") -> list[str | None]:
    """Each value in full as text: numbers so that they read back the same, moments in ISO form; None where missing."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return [None if pd.isna(value) else value.isoformat() for value in values]
    return [None if pd.isna(value) else repr(float(value)) for value in values]
