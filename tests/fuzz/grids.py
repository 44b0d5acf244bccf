"""Tables as grids of text: a register that could exist, and the ways in which files get spoiled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from dwangstats.data.register.schema import SCHEMAS, Column
from fuzz import values

PERIODS = {
    "half-year": ("2021-H1", "2021-H2", "2022-H1", "2022-H2"),
    "quarter": tuple(f"{year}-Q{quarter}" for year in (2021, 2022) for quarter in (1, 2, 3, 4)),
    "month": tuple(f"2021-{month:02d}" for month in range(1, 13)),
    "year": ("2021", "2022"),
}


_PLACES = ("provider_id", "location_id", "provider", "location")
PERSONS = ("client_id", "registration_id")


@dataclass(frozen=True)
class Grid:
    """One table of text: its name, its header and its rows, all of the width of the header."""

    table: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grid(rng: Random, table: str, rows: int, by: str = "half-year") -> Grid:
    """A table of the schema with good values; optional columns come and go."""
    schema = SCHEMAS[table]
    keep = rng.random()
    columns = [column for column in schema.columns if _wanted(rng, column, keep)]
    if rng.random() < 0.2:
        rng.shuffle(columns)
    periods = PERIODS[by]
    made = [tuple(values.good(rng, column, rng.choice(periods)) for column in columns) for _ in range(rows)]
    return Grid(table, tuple(column.name for column in columns), _once(made, schema.key, columns))


def register(rng: Random) -> dict[str, Grid]:
    """Registrations, exposure and, often, the other tables."""
    by = rng.choice(("half-year", "half-year", "half-year", "quarter", "month", "year"))
    made = {
        "registrations": grid(rng, "registrations", rng.randrange(1, 25)),
        "exposure": grid(rng, "exposure", rng.randrange(1, 20), by),
    }
    for name, chance in (("deliveries", 0.7), ("locations", 0.3), ("audits", 0.05), ("second_source", 0.1)):
        if rng.random() < chance:
            made[name] = grid(rng, name, rng.randrange(1, 20))
    if rng.random() < 0.1:
        made["controls"] = grid(rng, "controls", rng.randrange(1, 10))
    return _in_step(rng, made)


def spoil(rng: Random, table: Grid, times: int) -> Grid:
    """The grid after some accidents."""
    for _ in range(times):
        table = rng.choice(_ACCIDENTS)(rng, table)
    return places_hold_no_person(table)


def places_hold_no_person(table: Grid) -> Grid:
    """The grid without persons as organisations, which messages do name: a swapped column cannot always be known."""
    places = [place for place, name in enumerate(table.header) if name.strip() in _PLACES]
    return replace(
        table,
        rows=tuple(
            tuple(text.replace(values.CLIENT_MARK, "p") if place in places else text for place, text in enumerate(row))
            for row in table.rows
        ),
    )


def _wanted(rng: Random, column: Column, keep: float) -> bool:
    if column.name in {"lower", "upper", "form", "version", "delivery_version"}:
        return rng.random() < 0.2 * keep
    return rng.random() < (0.995 if column.required or column.name == "intervention_code" else keep)


def _once(rows: list[tuple[str, ...]], key: tuple[str, ...], columns: list[Column]) -> tuple[tuple[str, ...], ...]:
    """Rows whose key comes once, so that most tables have nothing wrong with them before they are spoiled."""
    places = [place for place, column in enumerate(columns) if column.name in key]
    return tuple({tuple(row[place] for place in places): row for row in rows}.values()) if places else tuple(rows)


def _in_step(rng: Random, made: dict[str, Grid]) -> dict[str, Grid]:
    """Mostly one law and, mostly, no statement on planning: what is asked of such a register can be answered."""
    law = rng.choice(("WVGGZ", "WZD"))
    settled = {}
    for name, table in made.items():
        fixed = table
        if rng.random() < 0.95:
            fixed = _fill(fixed, "law", law)
            fixed = _fill(fixed, "planned", "no")
            fixed = _fill(fixed, "end", "")
        settled[name] = fixed
    return settled


def _fill(table: Grid, column: str, value: str) -> Grid:
    if column not in table.header:
        return table
    place = table.header.index(column)
    rows = tuple((*row[:place], value, *row[place + 1 :]) for row in table.rows)
    return replace(table, rows=rows)


def _hostile_cell(rng: Random, table: Grid) -> Grid:
    return _change_cell(rng, table, lambda _: values.hostile(rng))


def _near_cell(rng: Random, table: Grid) -> Grid:
    return _change_cell(rng, table, lambda text: values.near(rng, text))


def _blank_cell(rng: Random, table: Grid) -> Grid:
    return _change_cell(rng, table, lambda _: "")


def _change_cell(rng: Random, table: Grid, change: Callable[[str], str]) -> Grid:
    if not table.rows or not table.header:
        return table
    row, place = rng.randrange(len(table.rows)), rng.randrange(len(table.header))
    old = table.rows[row]
    new = (*old[:place], change(old[place]), *old[place + 1 :])
    return replace(table, rows=(*table.rows[:row], new, *table.rows[row + 1 :]))


def _hostile_column(rng: Random, table: Grid) -> Grid:
    if not table.header:
        return table
    place = rng.randrange(len(table.header))
    pool = [values.hostile(rng) for _ in range(rng.randrange(1, 4))]
    return replace(table, rows=tuple((*r[:place], rng.choice(pool), *r[place + 1 :]) for r in table.rows))


def _without_column(rng: Random, table: Grid) -> Grid:
    if not table.header:
        return table
    place = rng.randrange(len(table.header))
    rows = tuple((*row[:place], *row[place + 1 :]) for row in table.rows)
    return replace(table, header=(*table.header[:place], *table.header[place + 1 :]), rows=rows)


def _other_name(rng: Random, table: Grid) -> Grid:
    if not table.header:
        return table
    place = rng.randrange(len(table.header))
    old = table.header[place]
    new = rng.choice((values.near(rng, old), values.hostile(rng), rng.choice(table.header), "client_id", "bsn", ""))
    return replace(table, header=(*table.header[:place], new, *table.header[place + 1 :]))


def _more_columns(rng: Random, table: Grid) -> Grid:
    names = ("note", "quality", "BSN", "", "client", "period", "rate", "naam cliënt", "location_id", "row", "events")
    pool = ["", "1", "2.5", "long text", "01", "2021-01-01", values.hostile(rng)]
    header = (*table.header, rng.choice(names))
    return replace(table, header=header, rows=tuple((*row, rng.choice(pool)) for row in table.rows))


def _shifted_row(rng: Random, table: Grid) -> Grid:
    if not table.rows:
        return table
    row = rng.randrange(len(table.rows))
    shifted = (*table.rows[row][1:], *table.rows[row][:1])
    return replace(table, rows=(*table.rows[:row], shifted, *table.rows[row + 1 :]))


def _swapped_columns(rng: Random, table: Grid) -> Grid:
    header = list(table.header)
    rng.shuffle(header)
    return replace(table, header=tuple(header))


def _again(rng: Random, table: Grid) -> Grid:
    return replace(table, rows=(*table.rows, rng.choice(table.rows))) if table.rows else table


def _no_rows(rng: Random, table: Grid) -> Grid:
    return replace(table, rows=table.rows[: rng.choice((0, 1, 1, 2))])


def _empty_row(rng: Random, table: Grid) -> Grid:
    place = rng.randrange(len(table.rows) + 1)
    blank = ("",) * len(table.header)
    return replace(table, rows=(*table.rows[:place], blank, *table.rows[place:]))


def _service_numbers(rng: Random, table: Grid) -> Grid:
    if not table.header:
        return table
    place = rng.randrange(len(table.header))
    return replace(table, rows=tuple((*r[:place], service_number(rng), *r[place + 1 :]) for r in table.rows))


def service_number(rng: Random) -> str:
    """A made-up number of nine digits that passes the eleven-test."""
    while True:
        digits = [rng.randrange(10) for _ in range(8)]
        last = sum(w * d for w, d in zip(range(9, 1, -1), digits, strict=True)) % 11
        if last < 10:
            return "".join(map(str, (*digits, last)))


_ACCIDENTS: tuple[Callable[[Random, Grid], Grid], ...] = (
    *(_hostile_cell,) * 8,
    *(_near_cell,) * 4,
    *(_blank_cell,) * 3,
    *(_hostile_column, _without_column, _other_name, _more_columns, _shifted_row, _swapped_columns),
    *(_again, _empty_row, _service_numbers),
    _no_rows,
)
