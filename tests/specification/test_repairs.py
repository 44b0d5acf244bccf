"""Repairs: only those that are asked for, every row in the log, and undone to what was read."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.traces import doubles, late_ends, open_ends
from specification.hand_made import (
    Register,
    days_in,
    deliveries,
    exposure,
    found,
    half_years,
    marked,
    names_nobody,
    quarters,
)

RECEIVED = "2023-07-20T14:37"
TENFOLD, HOURS, CAPACITY = 4, 17, 29  # A in 2022-Q1, B in 2022-Q2, C in 2022-Q2

ALL = (
    "drop-same-source-doubles",
    "drop-same-moment-doubles",
    "filled-ends-to-missing",
    "ends-elsewhere-to-missing",
    "tenfold-bed-days",
    "hours-to-bed-days",
    "capacity-to-missing",
)


@pytest.fixture(scope="module")
def broken() -> dw.Tables:
    """Two doubles from one source, three of one moment, a filled end, an end after a move, three wrong bed-days."""
    made = Register()
    for seed, provider in enumerate("ABC"):
        made.background(provider, 40, seed=seed + 1, first="2022-10-02", days=260)
    for day in (3, 11):
        for _ in range(2):
            made.add(f"2023-03-{day:02d}T10:13", client=f"source {day}", source_id=f"plan-{day}")
    for day in (2, 9, 17):
        made.add(f"2023-04-{day:02d}T22:13", hours=9.1, client=f"day {day}", provider="B")
        made.add(f"2023-04-{day:02d}T22:17", hours=8.8, client=f"day {day}", provider="B")
    made.add("2023-01-19T10:12", end=RECEIVED, received_at=RECEIVED, provider="C")
    made.add("2023-03-01T10:13", end="2023-03-09T11:02", client="moved", provider="C")
    made.add("2023-03-04T16:31", hours=3.2, client="moved", provider="C", location_id="C2")
    beds = exposure("ABC", quarters(2021, 2023))
    beds.loc[TENFOLD, "bed_days"] *= 10.0
    beds.loc[HOURS, "bed_days"] *= 24.0
    beds.loc[CAPACITY, "bed_days"] = 20.0 * 91
    return made.tables(exposure=beds, deliveries=deliveries("ABC", half_years(2021, 2023)))


def frames(tables: dw.Tables) -> dict[str, pd.DataFrame]:
    """Deep copies of the tables that are there."""
    names = ("registrations", "exposure", "deliveries")
    return {name: getattr(tables, name).copy(deep=True) for name in names}


def same(tables: dw.Tables, copies: Mapping[str, pd.DataFrame]) -> None:
    """Every table is what it was: values, types, row numbers, order of columns."""
    for name, copy in copies.items():
        pd.testing.assert_frame_equal(getattr(tables, name), copy)


def rows_of(table: pd.DataFrame, positions: list[int]) -> list[int]:
    """Row numbers of positions."""
    return table.index[positions].tolist()


def test_the_planted_errors_are_there(broken: dw.Tables) -> None:
    assert len(marked(doubles.same_source(broken))) == 2
    assert len(marked(doubles.same_moment(broken) & ~doubles.same_source(broken))) == 3
    assert len(marked(open_ends.filled_end(broken))) == 1
    assert len(marked(late_ends.end_elsewhere(broken))) == 1


def test_nothing_is_repaired_unasked(broken: dw.Tables) -> None:
    before, fingerprint = frames(broken), broken.fingerprint
    dw.check(broken)
    dw.quality_score(broken)
    panel = dw.build_panel(broken)
    same(broken, before)
    assert broken.fingerprint == fingerprint
    # Doubles are counted as they stand, and wrong bed-days used as they stand.
    assert panel.registrations_read == len(broken.registrations)
    row = panel.frame[(panel.frame["provider"] == "A") & (panel.frame["period"] == "2022-H1")]
    expected = broken.exposure.loc[broken.exposure["provider_id"] == "A"].set_index("period")["bed_days"]
    assert row["bed_days"].tolist() == [pytest.approx(expected["2022-Q1"] + expected["2022-Q2"])]


@pytest.mark.parametrize("name", ALL)
def test_a_repair_says_what_it_did_and_can_be_undone(broken: dw.Tables, name: str) -> None:
    before, fingerprint = frames(broken), broken.fingerprint
    done = dw.repair(broken, [name])
    same(broken, before)
    assert broken.fingerprint == fingerprint
    assert done.tables.fingerprint != fingerprint
    assert len(done.log) >= 1
    assert set(done.log["repair"]) == {name}
    assert done.summary["repair"].tolist() == [name]
    assert done.summary["rows"].tolist() == [done.log["row"].nunique()]
    undone = done.undo()
    same(undone, before)
    assert undone.fingerprint == fingerprint


def test_all_repairs_together_are_undone_together(broken: dw.Tables) -> None:
    before, fingerprint = frames(broken), broken.fingerprint
    done = dw.repair(broken, ALL)
    assert done.summary.set_index("repair")["rows"].to_dict() == dict(zip(ALL, (2, 3, 1, 1, 1, 1, 1), strict=True))
    undone = done.undo()
    same(undone, before)
    assert undone.fingerprint == fingerprint


def test_rows_in_are_rows_out_and_rows_removed_with_a_reason(broken: dw.Tables) -> None:
    done = dw.repair(broken, ["drop-same-source-doubles", "drop-same-moment-doubles"])
    removed = done.log[done.log["action"] == "removed"]
    before, after = broken.registrations, done.tables.registrations
    assert len(before) == len(after) + len(removed)
    assert set(before.index) - set(after.index) == set(removed["row"])
    assert removed["repair"].notna().all()
    pd.testing.assert_frame_equal(after, before.loc[after.index])
    assert set(removed["row"]) == set(
        rows_of(before, marked(doubles.same_source(broken) | doubles.same_moment(broken)))
    )


def test_the_first_of_each_pair_stays_and_a_second_repair_finds_nothing(broken: dw.Tables) -> None:
    once = dw.repair(broken, ["drop-same-source-doubles", "drop-same-moment-doubles"]).tables
    kept = once.registrations
    assert (kept["client_id"] == "clientcanary-source 3").sum() == 1
    assert (kept["client_id"] == "clientcanary-day 9").sum() == 1
    again = dw.repair(once, ["drop-same-source-doubles", "drop-same-moment-doubles"])
    assert again.log.empty
    assert again.summary["rows"].tolist() == [0, 0]
    pd.testing.assert_frame_equal(again.tables.registrations, kept)


@pytest.mark.parametrize(
    ("name", "trace"),
    [("filled-ends-to-missing", open_ends.filled_end), ("ends-elsewhere-to-missing", late_ends.end_elsewhere)],
)
def test_an_end_becomes_missing_and_nothing_else_moves(broken: dw.Tables, name: str, trace: object) -> None:
    assert callable(trace)
    done = dw.repair(broken, name)
    rows = marked(trace(broken))
    after = done.tables.registrations
    assert after["end"].iloc[rows].isna().all()
    others = np.setdiff1d(np.arange(len(after)), rows)
    pd.testing.assert_frame_equal(after.iloc[others], broken.registrations.iloc[others])
    pd.testing.assert_frame_equal(after.drop(columns="end"), broken.registrations.drop(columns="end"))
    assert done.log["column"].tolist() == ["end"] * len(rows)
    assert done.log["action"].tolist() == ["changed"] * len(rows)
    assert done.log["after"].isna().all()
    assert pd.Timestamp(done.log["before"].iloc[0]) == broken.registrations["end"].iloc[rows[0]]


@pytest.mark.parametrize(
    ("name", "row", "factor"),
    [("tenfold-bed-days", TENFOLD, 10), ("hours-to-bed-days", HOURS, 24)],
)
def test_bed_days_are_divided_where_they_were_wrong_only(broken: dw.Tables, name: str, row: int, factor: int) -> None:
    done = dw.repair(broken, name)
    expected = broken.exposure["bed_days"].copy()
    expected.iloc[row] /= factor
    pd.testing.assert_series_equal(done.tables.exposure["bed_days"], expected, rtol=1e-12)
    assert done.log["row"].tolist() == [broken.exposure.index[row]]
    assert float(done.log["before"].iloc[0]) == broken.exposure["bed_days"].iloc[row]
    assert float(done.log["after"].iloc[0]) == done.tables.exposure["bed_days"].iloc[row]


def test_a_capacity_becomes_missing_and_its_registrations_are_set_aside(broken: dw.Tables) -> None:
    done = dw.repair(broken, "capacity-to-missing")
    assert np.isnan(done.tables.exposure["bed_days"].iloc[CAPACITY])
    panel = dw.build_panel(done.tables)
    row = panel.frame[(panel.frame["provider"] == "C") & (panel.frame["period"] == "2022-H1")]
    assert not row["delivered"].any()
    counted = panel.frame.loc[panel.frame["delivered"], "events"].sum()
    aside = panel.set_aside.loc[panel.set_aside["what"] == "registrations", "count"].sum()
    assert counted + aside == len(broken.registrations)


def test_an_estimate_of_occupancy_is_made_only_when_it_is_asked_for(broken: dw.Tables) -> None:
    done = dw.repair(broken, "capacity-times-usual-occupancy")
    frame = broken.exposure.reset_index(drop=True)
    own = frame[frame["provider_id"] == "C"]
    ratio = own["bed_days"].to_numpy() / (own["capacity"].to_numpy() * np.array([days_in(p) for p in own["period"]]))
    usual = np.median(np.delete(ratio, CAPACITY - 24))
    assert done.tables.exposure["bed_days"].iloc[CAPACITY] == pytest.approx(20.0 * 91 * usual, rel=1e-9)
    assert done.log["before"].notna().all()


def test_both_ways_to_mend_a_capacity_exclude_each_other(broken: dw.Tables) -> None:
    with pytest.raises(dw.DomainError):
        dw.repair(broken, ["capacity-to-missing", "capacity-times-usual-occupancy"])


@pytest.mark.parametrize("names", [["tenfold"], ["tenfold-bed-days", "tenfold-bed-days"], ["fill-missing-ends"]])
def test_a_name_that_does_not_exist_or_twice_is_refused(broken: dw.Tables, names: list[str]) -> None:
    with pytest.raises(dw.DomainError):
        dw.repair(broken, names)


def test_the_order_of_the_names_does_not_matter(broken: dw.Tables) -> None:
    one, other = dw.repair(broken, ALL), dw.repair(broken, ALL[::-1])
    assert one.tables.fingerprint == other.tables.fingerprint
    same(one.tables, frames(other.tables))


def test_a_register_without_errors_is_left_as_it_is(quiet_tables: dw.Tables) -> None:
    done = dw.repair(quiet_tables, ALL)
    same(done.tables, frames(quiet_tables))
    assert done.log.empty
    assert done.summary["rows"].tolist() == [0] * len(ALL)


def test_no_repair_names_anybody(broken: dw.Tables) -> None:
    done = dw.repair(broken, ALL)
    said = "\n".join((repr(done), str(done), done.log.to_csv(), done.summary.to_csv()))
    assert names_nobody(said)
    assert found(done.tables)


def test_later_reports_say_which_repairs_were_made(broken: dw.Tables) -> None:
    done = dw.repair(broken, ["drop-same-source-doubles", "tenfold-bed-days"])
    told = dw.check(done.tables).to_text("en")
    assert "drop-same-source-doubles" in told
    assert "tenfold-bed-days" in told
    assert "double-from-source" not in found(done.tables)
    assert "bed-days-tenfold" not in found(done.tables)


def test_a_table_that_is_not_there_cannot_be_repaired(broken: dw.Tables) -> None:
    without = dw.read_tables(registrations=broken.registrations)
    with pytest.raises(dw.DataError):
        dw.repair(without, "tenfold-bed-days")
