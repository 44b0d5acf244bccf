"""Registrations that were counted in their engine: the counts, what is known of the rows, and what needs the rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dwangstats.data.digest import frame_digest
from dwangstats.data.reading.aggregate import KEYS, added_up

_NEEDS_ROWS = "needs the rows of the registrations, which were counted in {engine} and not read."
_READ_THEM = 'Read them with read_tables(..., rows="memory"), or leave {what} out.'


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Registrations of which only counts were taken out of the engine that holds them.

    Attributes
    ----------
    cells : DataFrame
        provider_id, law, intervention_code, form, planned, delivery_version, continues, month as
        `dwangstats.data.reading.aggregate.count_registrations` gives them; begins (whether the begin is known),
        ends_before (whether the end lies before the begin, and not just without a time on its day), registrations.
        Sorted, one row per cell.
    columns : tuple of str
        Columns of the table, by the names of the schema, sorted.
    repeated : int
        Registrations with the registration_id of another one, the first of each not counted.
    repeated_in_version : int
        The same, within one delivery_version.
    engine : str
        What counted them: "duckdb", "pyspark", ...
    """

    cells: pd.DataFrame
    columns: tuple[str, ...]
    repeated: int
    repeated_in_version: int
    engine: str

    @property
    def registrations(self) -> int:
        """Number of registrations in the table."""
        return int(self.cells["registrations"].sum())

    @property
    def counts(self) -> pd.DataFrame:
        """What `dwangstats.data.reading.aggregate.count_registrations` gives of the rows in memory."""
        return added_up(self.cells.drop(columns=["begins", "ends_before"]))

    @property
    def known(self) -> pd.DataFrame:
        """The cells, with the columns that the table has, begins, ends_before, month and registrations."""
        absent = [name for name in KEYS if name not in self.columns]
        return self.cells.drop(columns=absent)

    @property
    def fingerprint(self) -> str:
        """sha256 over columns and cells.

        The same for every engine, file format and order of rows. It is not that of the rows in memory: two tables
        that differ in the day of a begin only have the same counts.
        """
        said = f"{' '.join(self.columns)} {self.repeated} {self.repeated_in_version} {frame_digest(self.cells)}"
        return hashlib.sha256(said.encode()).hexdigest()


def needs_rows(counted: Counted | None, asked: Sequence[str]) -> list[str]:
    """One problem for each thing that was asked and needs rows, when there are only counts.

    Parameters
    ----------
    counted : Counted or None
    asked : sequence of str
        Names of arguments or functions, such as "gap_hours".
    """
    if counted is None:
        return []
    sentence = f"{{what}} {_NEEDS_ROWS} {_READ_THEM}"
    return [sentence.format(what=what, engine=counted.engine) for what in asked]
