"""Bed-days in another unit, and registrations and bed-days that do not meet."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.checks.traces import units
from dwangstats.data.checks.traces.joins import closed_location, registered_places, without_exposure
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.data.register.periods import parse_period, periods_between

QUARTERS = periods_between("2021-Q1", "2023-Q4")


def exposure(**wrong: float) -> Tables:
    """Four wards of 30 beds with an occupancy of about 0.9; rows by name are multiplied."""
    rng = np.random.default_rng(5)
    rows = [(f"p{i}", f"p{i}-1", period) for i in range(4) for period in QUARTERS]
    frame = pd.DataFrame(rows, columns=["provider_id", "location_id", "period"]).assign(capacity=30.0)
    days = frame["period"].map(lambda text: parse_period(text).days)
    frame["bed_days"] = np.rint(30.0 * days * rng.uniform(0.87, 0.93, size=len(frame)))
    for name, factor in wrong.items():
        row = frame.index[(frame["provider_id"] == name[:2]) & (frame["period"] == name[3:].replace("_", "-"))]
        frame.loc[row, "bed_days"] = np.nan if np.isnan(factor) else frame.loc[row, "bed_days"] * factor
    return read_tables(exposure=frame)


def named(rows: pd.DataFrame) -> list[str]:
    return (rows["provider_id"] + " " + rows["period"]).tolist()


def test_each_factor_has_its_own_name() -> None:
    tables = exposure(p0_2021_Q2=10.0, p1_2022_Q3=24.0, p2_2022_Q1=0.1, p3_2023_Q4=float("nan"))
    assert named(units.tenfold(tables)) == ["p0 2021-Q2", "p2 2022-Q1"]
    assert named(units.hours_given(tables)) == ["p1 2022-Q3"]
    assert named(units.bed_days_missing(tables)) == ["p3 2023-Q4"]
    assert named(units.jump(tables)) == ["p0 2021-Q2", "p1 2022-Q3", "p2 2022-Q1"]
    assert units.hours_given(tables)["ratio"].iloc[0] == pytest.approx(24.0, rel=0.1)
    assert units.tenfold(tables).index.tolist() == [2, 29]


@pytest.mark.parametrize("factor", [1.0, 1.2, 0.7])
def test_ordinary_change_is_in_no_other_unit(factor: float) -> None:
    tables = exposure(p0_2021_Q2=factor)
    for trace in (units.tenfold, units.hours_given, units.jump, units.bed_days_missing, units.capacity_given):
        assert trace(tables).empty


def test_a_jump_that_is_no_known_factor_is_a_jump_only() -> None:
    tables = exposure(p0_2021_Q2=3.0)
    assert named(units.jump(tables)) == ["p0 2021-Q2"]
    assert (units.jump(tables)["p"] <= 0.05).all()
    assert units.tenfold(tables).empty


def test_a_doubled_capacity_explains_doubled_bed_days() -> None:
    tables = exposure()
    frame = tables.given["exposure"]
    grown = (frame["provider_id"] == "p0") & (frame["period"] >= "2023")
    more = frame.assign(
        capacity=frame["capacity"].mask(grown, 60.0), bed_days=frame["bed_days"].mask(grown, 2.0 * frame["bed_days"])
    )
    assert units.jump(replace(tables, exposure=more)).empty
    assert len(units.jump(replace(tables, exposure=more.drop(columns="capacity")))) == 4


def capacity_in(tables: Tables, *rows: int) -> Tables:
    frame = tables.given["exposure"]
    full = frame["capacity"] * frame["period"].map(lambda text: parse_period(text).days)
    return replace(tables, exposure=frame.assign(bed_days=frame["bed_days"].mask(frame.index.isin(rows), full)))


def test_capacity_is_found_where_the_periods_around_are_lower() -> None:
    assert units.capacity_given(capacity_in(exposure(), 5, 20)).index.tolist() == [5, 20]


def test_a_ward_that_is_always_full_is_not_marked() -> None:
    assert units.capacity_given(capacity_in(exposure(), *range(1, 13))).empty


def test_capacity_is_not_marked_where_another_ward_of_the_provider_is_not_full() -> None:
    tables = capacity_in(exposure(), 5)
    frame = tables.given["exposure"]
    second = frame.loc[frame["provider_id"] == "p1"].assign(provider_id="p0", location_id="p0-2")
    both = pd.concat([frame, second], ignore_index=True)
    assert units.capacity_given(replace(tables, exposure=both)).empty


def test_two_periods_are_held_against_the_register_by_capacity() -> None:
    tables = exposure(p0_2021_Q2=10.0)
    frame = tables.given["exposure"]
    short = frame.loc[(frame["provider_id"] != "p0") | (frame["period"] <= "2021-Q2")]
    assert named(units.tenfold(replace(tables, exposure=short))) == ["p0 2021-Q2"]
    bare = replace(tables, exposure=short.drop(columns="capacity"))
    assert units.tenfold(bare).empty, "two periods without a capacity have nothing to be held against"


def test_no_exposure_no_units() -> None:
    for trace in (units.tenfold, units.hours_given, units.jump, units.bed_days_missing, units.capacity_given):
        assert trace(Tables()).empty


def registered(*rows: tuple[str, str | None, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["provider_id", "location_id", "begin"])
    return frame.assign(begin=pd.to_datetime(frame["begin"]), client_id="secret")


def test_registrations_without_a_row_of_bed_days_are_found_by_place() -> None:
    tables = exposure()
    rows = registered(
        ("p0", "p0-1", "2021-05-01"),
        ("p0", "p0-9", "2021-05-01"),
        ("p0", None, "2021-05-01"),
        ("p9", None, "2021-05-01"),
    )
    tables = replace(tables, registrations=read_tables(registrations=rows).registrations)
    found = without_exposure(tables)
    assert found.to_numpy().tolist() == [["p0", "p0-9", "2021-Q2", 1], ["p9", "", "2021-Q2", 1]]
    assert len(registered_places(tables)) == 4
    later = registered(("p9", None, "2025-05-01"))
    assert without_exposure(replace(tables, registrations=later)).empty, "after the last period nothing is said"


def test_a_closed_location_has_neither_registrations_nor_bed_days() -> None:
    tables = exposure()
    places = pd.DataFrame(
        {
            "provider_id": ["p0", "p1"],
            "location_id": ["p0-1", "p1-1"],
            "opened": pd.to_datetime([None, "2021-04-01"]),
            "closed": pd.to_datetime(["2023-08-31", None]),
        }
    )
    rows = registered(
        ("p0", "p0-1", "2023-08-31T23:59"), ("p0", "p0-1", "2023-09-01T00:00"), ("p1", "p1-1", "2021-03-31T12:00")
    )
    read = read_tables(registrations=rows, locations=places)
    found = closed_location(replace(tables, registrations=read.registrations, locations=read.locations))
    by_place = found.set_index(["provider_id", "period"])
    assert by_place["registrations"].to_dict() == {("p0", "2023-Q3"): 1, ("p0", "2023-Q4"): 0, ("p1", "2021-Q1"): 1}
    assert (by_place["bed_days"] > 0.0).to_dict() == {
        ("p0", "2023-Q3"): False,
        ("p0", "2023-Q4"): True,
        ("p1", "2021-Q1"): True,
    }
    assert closed_location(tables).empty
