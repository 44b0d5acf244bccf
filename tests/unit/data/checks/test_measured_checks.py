"""The committed table of recall and precision: every code, twenty seeds, its promises, and one seed made again."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[4] / "validation" / "checks"
TABLE: dict[str, Any] = json.loads((FOLDER / "table.json").read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = TABLE["rows"]
FOUND = ("E1", "E2", "E3", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E15", "E16", "E17", "E18", "E19")
BED_DAYS = ("XM", "XC", "X10", "X24")

#: least recall and precision of a check in a register with its error alone; what is low is explained in the README.
PROMISED = {
    "open_ends.never_closed": (0.95, 0.99),
    "open_ends.filled_end": (0.95, 0.95),
    "late_ends.closed_late": (0.90, 0.90),
    "late_ends.end_elsewhere": (0.90, 0.85),
    "doubles.same_source or same_moment": (0.90, 0.90),
    "gone.without_location": (1.0, 1.0),
    "laws.outside_law": (0.95, 0.95),
    "blocks.standing_block": (0.95, 0.95),
    "missing.half_years": (1.0, 1.0),
    "missing.refused_for_form": (1.0, 1.0),
    "shifts.after_migration (date known)": (1.0, 1.0),
    "admissions.taken_for_granted": (0.45, 0.85),
    "resolution.date_only": (0.95, 0.95),
    "breaks.cut_up": (0.90, 0.95),
    "units.bed_days_missing": (1.0, 1.0),
    "units.capacity_given": (0.80, 0.90),
    "units.tenfold": (0.95, 0.95),
    "units.hours_given": (0.95, 0.95),
    "units.jump (X10 and X24)": (0.95, 0.95),
}


def alone(check: str) -> list[dict[str, Any]]:
    return [row for row in ROWS if row["check"] == check and row["world"] == "alone, wvggz"]


def test_every_error_is_there_over_twenty_seeds() -> None:
    assert TABLE["seeds"] == list(range(1, 21))
    assert {row["code"] for row in ROWS} >= {*FOUND, *BED_DAYS, "join"}
    assert set(TABLE["not_detectable"]) == {"E6", "E14"}
    assert all(row["seeds"] == 20 for row in ROWS)
    assert all(len(values) == 20 for row in ROWS for values in row["by_seed"].values())
    assert all(row["planted"] > 0 for row in ROWS)


def test_errors_are_measured_alone_and_together() -> None:
    for code in {*FOUND, *BED_DAYS}:
        worlds = {row["world"] for row in ROWS if row["code"] == code}
        assert any(world.startswith("alone") for world in worlds)
        assert any(world.startswith("together") for world in worlds)
    assert {row["world"] for row in ROWS if row["code"] == "E9"} >= {"together, youth", "together, wzd"}


def test_totals_are_those_of_the_seeds() -> None:
    for row in ROWS:
        for name in ("planted", "found", "marked", "right"):
            assert row[name] == sum(row["by_seed"][name])
        assert row["recall"] == pytest.approx(row["found"] / row["planted"], abs=1e-4)
        assert (row["precision"] is None) == (row["marked"] == 0)


@pytest.mark.parametrize("check", PROMISED)
def test_a_check_keeps_its_promise(check: str) -> None:
    recall, precision = PROMISED[check]
    for row in alone(check):
        assert row["recall"] >= recall
        assert row["precision"] >= precision
    assert alone(check)


def test_rightly_missing_ends_raise_no_alarm() -> None:
    assert TABLE["E4"]["point_forms"] > 50_000
    assert TABLE["E4"]["marked_by_never_closed"] == 0


def test_statistical_checks_keep_their_level_without_errors() -> None:
    levels = ("shifts.", "admissions.", "linkage.", "units.jump")
    for row in TABLE["false_alarms"]:
        if row["check"].startswith(levels):
            # At a level of 0.05 the chance of marks in more than five of twenty registers is below 0.001.
            assert row["registers_with_any"] <= 5, row
    rows = [row for row in TABLE["false_alarms"] if row["check"].startswith(levels)]
    assert sum(row["registers_with_any"] for row in rows) <= 0.05 * sum(row["registers"] for row in rows)


def test_shifts_that_are_marked_are_right() -> None:
    rows = [row for row in ROWS if row["check"] in ("shifts.simultaneous", "shifts.second_source", "shifts.resistance")]
    assert sum(row["marked"] for row in rows) > 50
    assert sum(row["right"] for row in rows) >= 0.75 * sum(row["marked"] for row in rows)


def test_what_a_national_register_shows_of_lost_registrations() -> None:
    national = {(row["code"], row["check"]): row for row in ROWS if row["world"] == "alone, wvggz national"}
    assert national["E13", "shifts.simultaneous"]["recall"] >= 0.45
    assert national["E13", "shifts.second_source"]["recall"] >= 0.25, "half of the providers are linked"
    assert national["E12", "shifts.second_source"]["recall"] >= 0.15
    assert national["E12", "shifts.simultaneous"]["recall"] <= 0.05, "the README says that it is not seen"


def test_the_readme_shows_the_table() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for row in ROWS:
        assert f"| {row['code']} | `{row['check']}` | {row['world']} | {row['item']} | {row['planted']} |" in text


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return pytest.importorskip("measure")


def test_one_seed_gives_the_same_counts_again(measuring: ModuleType) -> None:
    again = measuring.Measured()
    measuring.together(again, 1, "wvggz")
    measuring.made_here(again, 1)
    assert again.tallies
    for (code, check, world), tally in again.tallies.items():
        (row,) = (r for r in ROWS if (r["code"], r["check"], r["world"]) == (code, check, world))
        for name in ("planted", "found", "marked", "right"):
            assert getattr(tally, name) == row["by_seed"][name][:1], f"{check}: run validation/checks/measure.py"
