"""Remake the table of the checks: ``python validation/checks/measure.py [SEEDS] [WORKERS]``.

Worlds with planted errors, every check on each, and how much of what was planted it found and how much of what it
marked was planted. Writes table.json and the table in README.md. Twenty seeds take about a quarter of an hour of one
processor.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from made import LP, close_too_early, leave_out_bed_days, thin_one_form
from tally import COUNTED, Items, Marks, Tally, items, markdown

from dwangstats.data.checks.traces import (
    admissions,
    blocks,
    breaks,
    doubles,
    gone,
    joins,
    late_ends,
    laws,
    linkage,
    missing,
    open_ends,
    resolution,
    rooms,
    shifts,
    units,
)
from dwangstats.data.reading.read import Tables
from dwangstats.worlds import World, make
from dwangstats.worlds.context import ContextParameters
from dwangstats.worlds.parameters import SectorName
from dwangstats.worlds.planted import ErrorParameters

HERE = Path(__file__).parent
MARK = "<!-- table -->"
SEEDS = 20
SECTORS: tuple[SectorName, ...] = ("wvggz", "wzd", "youth")
#: seed of the errors that are made here.
MADE = 20261122
#: a marked stretch is right when planted completeness differs by at least this factor between inside and outside.
DIFFERENT = 1.1
LAPSES = ("E12", "E13", "E19", "ZPM")


@dataclass(frozen=True)
class RowCheck:
    """A check that marks registrations: error, name, masks (either counts), and the planted rows by their detail."""

    code: str
    check: str
    masks: tuple[Callable[[Tables], Any], ...]
    detail: str = ""

    def marks(self, world: World) -> Marks:
        """One mark per registration; a pair of which one is double stands for both."""
        frame = world.tables.given["registrations"]
        mask = np.logical_or.reduce([mask(world.tables) for mask in self.masks])
        ids = frame.loc[mask, "registration_id"]
        twin = _twins(world.planted) if self.code == "E5" else {}
        return [{(twin.get(name, name),)} for name in ids]

    def planted(self, world: World) -> Items:
        """Registrations with the error."""
        rows = _planted(world, self.code)
        rows = rows.loc[rows["detail"].str.contains(self.detail, regex=False)] if self.detail else rows
        if self.code == "E18":
            rows = rows.loc[rows["effect"] == "added"]
        twin = _twins(world.planted) if self.code == "E5" else {}
        return {(twin.get(name, name),) for name in rows["registration_id"]}


@dataclass(frozen=True)
class PlaceCheck:
    """A check that marks places: error, name, function, and the columns that name an item."""

    code: str
    check: str
    trace: Callable[[Tables], pd.DataFrame]
    columns: tuple[str, ...]
    also: tuple[str, ...] = ()

    def marks(self, world: World) -> Marks:
        """One mark per item."""
        return [{item} for item in items(self.trace(world.tables), self.columns)]

    def planted(self, world: World) -> Items:
        """Places with the error."""
        return set().union(*(items(_planted(world, code), self.columns) for code in (self.code, *self.also)))


@dataclass(frozen=True)
class ShiftCheck:
    """A check that marks a stretch at a provider; right when planted completeness moves with it."""

    code: str
    check: str
    trace: Callable[[Tables], pd.DataFrame]
    stated: bool = False

    def marks(self, world: World) -> Marks:
        """One mark per provider: the errors that it can be right about."""
        rows = self.trace(world.tables)
        if rows.empty:
            return []
        factor = _lapses(world)
        once = rows.drop_duplicates([name for name in ("provider_id", "form") if name in rows.columns])
        return [self._of(row, factor) for row in once.to_dict("records")]

    def _of(self, row: dict[Any, Any], factor: pd.DataFrame) -> Items:
        provider = row["provider_id"]
        codes = set(factor.loc[factor["provider_id"] == provider, "error"])
        if self.stated:
            return {(self.code, provider)} if self.code in codes else set()
        own = factor.loc[factor["provider_id"] == provider].groupby("period")["factor"].prod()
        first, last = (period.replace("H1", "Q1").replace("H2", "Q4") for period in (row["first"], row["last"]))
        left = own.reindex(_every_quarter(factor), fill_value=1.0)
        inside = (left.index >= first) & (left.index <= last)
        moved = left[inside].mean() / left[~inside].mean()
        same = (moved < 1.0) == (row["ratio"] < 1.0)
        right = same and abs(math.log(moved)) >= math.log(DIFFERENT)
        return {(code, provider) for code in codes} if right else set()

    def planted(self, world: World) -> Items:
        """Providers with the error."""
        return {(self.code, name) for name in _planted(world, self.code)["provider_id"]}


PP, P = ("provider_id", "period"), ("provider_id",)
IN_ROWS = (
    RowCheck("E1", "open_ends.never_closed", (open_ends.never_closed,), "end missing"),
    RowCheck("E1", "open_ends.filled_end", (open_ends.filled_end,), "filled in"),
    RowCheck("E2", "late_ends.closed_late", (late_ends.closed_late,)),
    RowCheck("E3", "late_ends.end_elsewhere", (late_ends.end_elsewhere,)),
    RowCheck("E5", "doubles.same_source or same_moment", (doubles.same_source, doubles.same_moment)),
    RowCheck("E6", "gone.without_location", (gone.without_location,)),
    RowCheck("E7", "rooms.unspecified", (rooms.unspecified,), "not specified"),
    RowCheck("E7", "rooms.room_against_ward", (rooms.room_against_ward,), "another room"),
    RowCheck("E8", "laws.outside_law", (laws.outside_law,)),
    RowCheck("E9", "blocks.standing_block", (blocks.standing_block,)),
    RowCheck("E17", "resolution.date_only", (resolution.date_only,)),
    RowCheck("E18", "breaks.cut_up", (breaks.cut_up,)),
)
AT_PLACES = (
    PlaceCheck("E10", "missing.half_years", missing.half_years, PP),
    PlaceCheck("E11", "missing.refused_for_form", missing.refused_for_form, PP),
    ShiftCheck("E12", "shifts.simultaneous", shifts.simultaneous),
    ShiftCheck("E12", "shifts.second_source", shifts.second_source),
    ShiftCheck("E12", "shifts.after_migration (date known)", shifts.after_migration, stated=True),
    ShiftCheck("E13", "shifts.simultaneous", shifts.simultaneous),
    ShiftCheck("E13", "shifts.second_source", shifts.second_source),
    PlaceCheck("E15", "admissions.taken_for_granted", admissions.taken_for_granted, P),
    PlaceCheck("E16", "linkage.several_numbers", linkage.several_numbers, P),
    PlaceCheck("XM", "units.bed_days_missing", units.bed_days_missing, LP),
    PlaceCheck("XC", "units.capacity_given", units.capacity_given, LP),
    PlaceCheck("X10", "units.tenfold", units.tenfold, LP),
    PlaceCheck("X24", "units.hours_given", units.hours_given, LP),
    PlaceCheck("X10", "units.jump (X10 and X24)", units.jump, LP, also=("X24",)),
)
CRITERION = ShiftCheck("E19", "shifts.resistance", shifts.resistance)
JOINS = (
    PlaceCheck("join", "joins.without_exposure", joins.without_exposure, LP),
    PlaceCheck("join", "joins.closed_location", joins.closed_location, LP),
    ShiftCheck("E13", "shifts.one_form", shifts.one_form),
)
CHECKS: tuple[RowCheck | PlaceCheck | ShiftCheck, ...] = (*IN_ROWS, *AT_PLACES)
#: what plants nothing of a code that a check is about has no row for it.
ABSENT = {"wzd": {"E15"}, "youth": {"E8", "E12", "E13", "E15"}}
ORDER = [*(f"E{number}" for number in range(1, 20)), "XM", "XC", "X10", "X24", "join"]
#: marks of these are the state of the deliveries, which is there without any planted error.
STATED = ("E10", "E11")


@dataclass
class Measured:
    """Everything that was counted so far."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    alarms: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    point: list[tuple[int, int]] = field(default_factory=list)

    def add(self, world: World, name: str, checks: Iterable[Any]) -> None:
        """What each check finds in a world."""
        for check in checks:
            kind = "registration" if isinstance(check, RowCheck) else "provider"
            if isinstance(check, PlaceCheck):
                kind = ", ".join(column.removesuffix("_id") for column in check.columns)
            self.of(check.code, check.check, name, kind).add(check.planted(world), check.marks(world))

    def of(self, code: str, check: str, world: str, item: str) -> Tally:
        """The tally of a check in a kind of world."""
        return self.tallies.setdefault((code, check, world), Tally(code, check, world, item))

    def join(self, other: "Measured") -> None:
        """The seeds of another one after those of this one."""
        for key, tally in other.tallies.items():
            mine = self.of(*key, tally.item)
            for name in COUNTED:
                getattr(mine, name).extend(getattr(tally, name))
        for alarm, seen in other.alarms.items():
            self.alarms.setdefault(alarm, []).extend(seen)
        self.point.extend(other.point)

    def add_alarms(self, world: World, name: str, checks: Iterable[Any]) -> None:
        """What each check marks in a world without errors."""
        for check in checks:
            self.alarms.setdefault((check.check, name), []).append(_alarms(check, world))


def one_seed(seed: int) -> Measured:
    """Every world of a seed."""
    so_far = Measured()
    alone(so_far, seed)
    for sector in SECTORS:
        together(so_far, seed, sector)
        without(so_far, seed, sector)
    from_2019(so_far, seed)
    made_here(so_far, seed)
    national(so_far, seed)
    made_here_national(so_far, seed)
    return so_far


def table_of(so_far: Measured, seeds: list[int]) -> dict[str, Any]:
    """What was counted, as a table."""
    rows = sorted((tally.row() for tally in so_far.tallies.values()), key=lambda row: ORDER.index(row["code"]))
    return {
        "seeds": seeds,
        "rows": rows,
        "false_alarms": [_alarm_row(check, sector, seen) for (check, sector), seen in so_far.alarms.items()],
        "E4": {
            "point_forms": sum(rows for _, rows in so_far.point),
            "marked_by_never_closed": sum(marked for marked, _ in so_far.point),
        },
        "not_detectable": {
            "E6": "measures that were never exported leave no row; measured are those that came without a location",
            "E14": "what nobody sees as forced care is not in the register at all",
        },
    }


def alone(so_far: Measured, seed: int) -> None:
    """Every error in a register without the others."""
    for code in sorted({check.code for check in CHECKS}):
        only = () if code in STATED else ("X10", "X24") if code == "X10" else (code,)
        world = make("mixed", "small", seed, errors=ErrorParameters().only(*only))
        so_far.add(world, "alone, wvggz", [check for check in CHECKS if check.code == code])


def together(so_far: Measured, seed: int, sector: SectorName) -> None:
    """All errors in one register."""
    world = make("mixed", "small", seed, sector=sector, errors=ErrorParameters())
    absent = ABSENT.get(sector, set())
    so_far.add(world, f"together, {sector}", [check for check in CHECKS if check.code not in absent])
    so_far.point.append(_point_forms(world))


def without(so_far: Measured, seed: int, sector: SectorName) -> None:
    """A register without any error."""
    every = {check.check: check for check in (*CHECKS, *JOINS) if check.code not in STATED}
    so_far.add_alarms(make("mixed", "small", seed, sector=sector), sector, every.values())


def from_2019(so_far: Measured, seed: int) -> None:
    """The criterion of resistance, in registers that begin before it."""
    worlds = {None: None, "alone, wvggz from 2019": ("E19",), "together, wvggz from 2019": ()}
    for name, only in worlds.items():
        errors = None if only is None else ErrorParameters().only(*only) if only else ErrorParameters()
        world = make("mixed", "small", seed, errors=errors, context=ContextParameters())
        if name is None:
            so_far.add_alarms(world, "wvggz from 2019", [CRITERION])
        else:
            so_far.add(world, name, [CRITERION])


def national(so_far: Measured, seed: int) -> None:
    """Place checks whose power depends on size, in the register of the whole country."""
    for code in ("E12", "E13", "E15"):
        world = make("mixed", "national", seed, errors=ErrorParameters().only(code))
        so_far.add(world, "alone, wvggz national", [check for check in AT_PLACES if check.code == code])
    world = make("mixed", "national", seed, errors=ErrorParameters().only("E19"), context=ContextParameters())
    so_far.add(world, "alone, wvggz national from 2019", [CRITERION])


def made_here(so_far: Measured, seed: int) -> None:
    """Errors that worlds do not plant: one form that loses its export code, bed-days left out, a wrong closing date."""
    rng = np.random.default_rng([MADE, seed])
    clean = make("mixed", "small", seed).tables
    lost_code(so_far, "made here", clean, rng)
    tables, left_out = leave_out_bed_days(clean, rng)
    found = [{item} for item in items(joins.without_exposure(tables), LP)]
    so_far.of("join", "joins.without_exposure", "made here", "provider, location, period").add(left_out, found)
    tables, shut = close_too_early(clean, rng)
    found = [{item} for item in items(joins.closed_location(tables), ("location_id",))]
    so_far.of("join", "joins.closed_location", "made here", "location").add(shut, found)


def made_here_national(so_far: Measured, seed: int) -> None:
    """One form that loses its export code, in the register of the whole country."""
    clean = make("mixed", "national", seed).tables
    lost_code(so_far, "made here, national", clean, np.random.default_rng([MADE, seed, 1]))


def lost_code(so_far: Measured, name: str, clean: Tables, rng: np.random.Generator) -> None:
    """One form of two providers at 37 % for a year."""
    tables, thinned = thin_one_form(clean, rng)
    once = shifts.one_form(tables).drop_duplicates(["provider_id", "form"])
    found = [{item} for item in items(once, ("provider_id", "form"))]
    so_far.of("E13", "shifts.one_form", name, "provider, form").add(thinned, found)


def _point_forms(world: World) -> tuple[int, int]:
    """Marked by never_closed among registrations of forms without a duration, and those registrations (E4)."""
    codes = [code for form in world.parameters["sector"]["forms"] for code in form["codes"]]
    point = {code["code"] for code in codes if code["duration"] is None}
    is_point = world.tables.given["registrations"]["intervention_code"].isin(point).to_numpy()
    return int((open_ends.never_closed(world.tables) & is_point).sum()), int(is_point.sum())


def _alarms(check: RowCheck | PlaceCheck | ShiftCheck, world: World) -> tuple[int, int]:
    """Marks in a world without errors, and the rows (or places) that could have been marked."""
    if isinstance(check, RowCheck):
        return len(check.marks(world)), len(world.tables.given["registrations"])
    if isinstance(check, PlaceCheck) and check.columns == LP:
        return len(check.marks(world)), len(world.tables.given["exposure"])
    rows = check.trace(world.tables)
    return int(rows["provider_id"].nunique()), int(world.tables.given["exposure"]["provider_id"].nunique())


def _alarm_row(check: str, sector: str, seen: list[tuple[int, int]]) -> dict[str, Any]:
    marked, of = (sum(values) for values in zip(*seen, strict=True))
    with_any = sum(1 for count, _ in seen if count)
    return {
        "check": check,
        "sector": sector,
        "marked": marked,
        "of": of,
        "per_thousand": round(1000.0 * marked / of, 3),
        "registers_with_any": with_any,
        "registers": len(seen),
    }


def _planted(world: World, code: str) -> pd.DataFrame:
    return world.planted.loc[world.planted["error"] == code]


def _twins(planted: pd.DataFrame) -> dict[str, str]:
    """The copied registration of each double."""
    rows = planted.loc[planted["error"] == "E5"]
    return dict(zip(rows["registration_id"], rows["detail"].str.removeprefix("as "), strict=True))


def _lapses(world: World) -> pd.DataFrame:
    """Planted completeness by provider and quarter: provider_id, period, error, factor."""
    rows = world.planted.loc[world.planted["error"].isin(LAPSES)]
    return rows.assign(factor=rows["detail"].str.rsplit(" ", n=1).str[-1].astype("float64"))


def _every_quarter(factor: pd.DataFrame) -> list[str]:
    years = range(int(factor["period"].min()[:4]), int(factor["period"].max()[:4]) + 1)
    return [f"{year}-Q{number}" for year in years for number in range(1, 5)]


def write(table: dict[str, Any]) -> None:
    """The table as JSON, and as the last part of the README."""
    (HERE / "table.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(head + MARK + "\n\n" + markdown(table), encoding="utf-8")


def main() -> None:
    """Measure, write."""
    seeds = list(range(1, (int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS) + 1))
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    so_far = Measured()
    with ProcessPoolExecutor(workers) as pool:
        for seed, measured in zip(seeds, pool.map(one_seed, seeds), strict=True):
            so_far.join(measured)
            print(f"seed {seed} of {len(seeds)}", file=sys.stderr)
    write(table_of(so_far, seeds))


if __name__ == "__main__":
    main()
