"""The parts of a display table, and how a row, its interval and its heads are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dwangstats.present.choose import Row
from dwangstats.present.labels import Labels, capitalised, is_missing


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, and a smaller text under it."""

    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column, and whether its cells are numbers (set to the right)."""

    head: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of a row, the first of which names it.

    ``quoted``: the text of the report quotes it. ``heading``: its only cell heads the rows that follow.
    """

    cells: tuple[Cell, ...]
    quoted: bool = False
    heading: bool = False


@dataclass(frozen=True, slots=True)
class DisplayTable:
    """A table as the page shows it; ``name`` is that of the CSV file with the full numbers."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]


def grouped(labels: Labels, rows: Sequence[Row], line: Callable[[Row], TableRow]) -> tuple[TableRow, ...]:
    """A line for each row, and a heading before the first line of each form."""
    lines: list[TableRow] = []
    for form, some in groupby(rows, key=lambda row: str(row["form"])):
        lines.append(TableRow((Cell(labels.title("form", form)),), heading=True))
        lines.extend(line(row) for row in some)
    return tuple(lines)


def ends_under(labels: Labels, write: Callable[[Any], str], row: Row) -> str:
    """The interval of a row for a small line under its estimate; empty if it has none."""
    ends = labels.range(write(row["lower"]), write(row["upper"]))
    return "" if ends == labels.text("common.missing") else ends


def possible(labels: Labels, row: Row, name: str, write: Callable[[Any], str]) -> str:
    """A number of a row; where it is not certain, the least and the most that it can be."""
    low, high = row.get(f"{name}_lowest"), row.get(f"{name}_highest")
    if not is_missing(row[name]) or is_missing(low) or is_missing(high):
        return write(row[name])
    return labels.possible(low, high, write)


def titled_columns(labels: Labels, heads: Sequence[str], words: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns headed by the catalogue; those in ``words`` hold text."""
    return tuple(Column(labels.text(f"column.{head}"), numeric=head not in words) for head in heads)


def text_row(first: str, *others: str) -> TableRow:
    """A row of plain texts, the first with a capital."""
    return TableRow((Cell(capitalised(first)), *(Cell(text) for text in others)))


def percent_change(labels: Labels, ratio: Any) -> str:
    """A ratio as a change in percent with its sign; a dash if missing."""
    if is_missing(ratio):
        return labels.text("common.missing")
    return labels.signed_percent(float(ratio) - 1.0, 1)
