"""Coverage in providers, bed-days and registrations, by period and for the panel of complete deliverers."""

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.change.selection import complete_deliverers, selection_coverage
from dwangstats.data.panels.coverage import COVERAGE_COLUMNS
from dwangstats.errors import DataError, DomainError
from dwangstats.worlds.result import World

#: provider, period, status, registrations kept, bed-days. Large delivers always, small only the first half-year; the
#: refused file of medium was kept; quiet had nothing to report and lost delivered without bed-days.
CELLS = [
    ("large", "2022-H1", "accepted", 60, 6000.0),
    ("large", "2022-H2", "accepted", 80, 6000.0),
    ("medium", "2022-H1", "rejected", 20, 2500.0),
    ("medium", "2022-H2", "accepted", 25, 2500.0),
    ("small", "2022-H1", "accepted", 10, 500.0),
    ("small", "2022-H2", "not_delivered", 0, 500.0),
    ("quiet", "2022-H1", "nothing_to_report", 0, 1000.0),
    ("quiet", "2022-H2", "nothing_to_report", 0, 1000.0),
    ("lost", "2022-H1", "accepted", 5, None),
]

ARRIVED = {"2022-H1": "2022-08-01 10:00", "2022-H2": "2023-02-01 10:00"}


def tables() -> dw.Tables:
    cells = pd.DataFrame(CELLS, columns=["provider_id", "period", "status", "n", "bed_days"])
    months = {"2022-H1": "2022-03-04 10:00", "2022-H2": "2022-09-04 10:00"}
    rows = cells.loc[cells.index.repeat(cells["n"])]
    registrations = pd.DataFrame({"provider_id": rows["provider_id"], "begin": rows["period"].map(months)})
    known = cells["status"].isin(["accepted", "rejected"])
    return dw.read_tables(
        registrations=registrations.assign(form="seclusion", delivery_version=1).reset_index(drop=True),
        deliveries=cells[["provider_id", "period", "status"]].assign(
            version=known.map({True: 1.0, False: np.nan}), received_at=cells["period"].map(ARRIVED).where(known)
        ),
        exposure=cells.dropna(subset=["bed_days"])[["provider_id", "period", "bed_days"]],
    )


def cell(frame: pd.DataFrame, period: str, deliverers: str, quantity: str) -> tuple[float, float]:
    row = frame[(frame["period"] == period) & (frame["deliverers"] == deliverers) & (frame["quantity"] == quantity)]
    assert len(row) == 1
    return float(row["covered"].iloc[0]), float(row["total"].iloc[0])


def test_three_shares_of_a_half_year_by_hand() -> None:
    frame = dw.coverage(tables())
    assert tuple(frame.columns) == COVERAGE_COLUMNS
    assert frame["period"].unique().tolist() == ["2022-H1", "2022-H2", "all"]
    assert len(frame) == 3 * 2 * 3
    assert cell(frame, "2022-H1", "delivered", "providers") == (3, 5)
    assert cell(frame, "2022-H1", "delivered", "bed_days") == (7500, 10000)
    assert cell(frame, "2022-H1", "delivered", "registrations") == (70, 95)
    assert cell(frame, "2022-H2", "delivered", "providers") == (3, 4)
    assert cell(frame, "2022-H2", "delivered", "registrations") == (105, 105)
    assert cell(frame, "2022-H1", "complete", "providers") == (2, 5)
    assert cell(frame, "2022-H1", "complete", "bed_days") == (7000, 10000)
    assert cell(frame, "2022-H1", "complete", "registrations") == (60, 70)
    assert cell(frame, "all", "delivered", "providers") == (6, 9)
    assert cell(frame, "all", "complete", "registrations") == (140, 175)
    assert (frame["share"] == frame["covered"] / frame["total"]).all()


def test_a_panel_does_not_know_what_was_received() -> None:
    whole, counted = dw.coverage(tables()), dw.coverage(dw.build_panel(tables()))
    same = ~((whole["deliverers"] == "delivered") & (whole["quantity"] == "registrations"))
    pd.testing.assert_frame_equal(whole[same], counted[same])
    assert counted.loc[~same, "total"].isna().all()
    assert counted.loc[~same, "share"].isna().all()
    with pytest.raises(DomainError, match="belong to tables"):
        dw.coverage(dw.build_panel(tables()), law="WVGGZ")


def test_on_a_date() -> None:
    frame = dw.coverage(tables(), as_of="2023-01-31")
    assert cell(frame, "2022-H1", "delivered", "registrations") == (70, 95)
    # The second half was due on 12 February: nobody had to have delivered it, and it is in no total.
    waiting = frame["period"] == "2022-H2"
    assert frame.loc[waiting, ["covered", "total", "share"]].isna().all(axis=None)
    first_half = frame.loc[frame["period"] == "2022-H1", ["covered", "total"]]
    assert (first_half.to_numpy() == frame.loc[frame["period"] == "all", ["covered", "total"]].to_numpy()).all()
    assert cell(frame, "all", "delivered", "bed_days") == (7500, 10000)
    assert cell(frame, "all", "complete", "providers") == (3, 5)
    overdue = dw.coverage(tables(), as_of="2023-02-13")
    assert cell(overdue, "2022-H2", "delivered", "providers") == (3, 4)
    apart = dw.build_panel(tables(), as_of="2023-01-31").set_aside.set_index("reason")["count"]
    assert apart["not yet due on the date"] == 4
    assert "nothing delivered" not in apart
    first = dw.coverage(dw.build_panel(tables(), as_of="2023-01-31").during(["2022-H1"]))
    assert cell(first, "2022-H1", "complete", "providers") == (3, 5)
    with pytest.raises(DataError, match="all 200 registrations arrived later"):
        dw.coverage(tables(), as_of="2022-07-31")


def test_by_year_both_halves_must_be_there() -> None:
    frame = dw.coverage(tables(), by="year")
    assert cell(frame, "2022", "delivered", "providers")[0] == 2
    assert cell(frame, "2022", "delivered", "registrations") == (140, 200)


def test_two_registers_that_are_covered_in_the_same_share_of_providers_differ_in_bed_days() -> None:
    cells = [("a", 9000.0, True), ("b", 500.0, True), ("c", 400.0, True), ("d", 100.0, False)]
    shares = []
    for flip in (False, True):
        rows = pd.DataFrame(cells, columns=["p", "days", "sent"]).assign(y="2022-H1")
        if flip:
            rows["sent"] = rows["sent"].to_numpy()[::-1]
        rows = rows.assign(n=np.where(rows["sent"], 3.0, np.nan))
        panel = dw.Panel.from_frame(
            rows, provider="p", period="y", events="n", exposure="days", delivered="sent", blank_events="not delivered"
        )
        frame = dw.coverage(panel).set_index(["period", "deliverers", "quantity"])["share"]
        shares.append((frame["all", "delivered", "providers"], frame["all", "delivered", "bed_days"]))
    assert shares == [(0.75, 0.99), (0.75, 0.1)]


@pytest.fixture(scope="module")
def world() -> World:
    return dw.worlds.make("mixed", "small", 1)


def test_the_complete_deliverers_of_a_register_are_those_of_the_selection(world: World) -> None:
    panel = dw.build_panel(world.tables)
    chosen = selection_coverage(panel, complete_deliverers(panel)).set_index("quantity")
    frame = dw.coverage(panel)
    for quantity in ("bed_days", "registrations"):
        kept, total = cell(frame, "all", "complete", quantity)
        assert kept == pytest.approx(chosen.loc[quantity, "kept"])
        assert total == pytest.approx(chosen.loc[quantity, "total"])
    periods = len(panel.periods)
    assert cell(frame, "all", "complete", "providers")[0] == periods * chosen.loc["providers", "kept"]


def test_periods_add_up_to_all(world: World) -> None:
    frame = dw.coverage(world.tables)
    sums = frame[frame["period"] != "all"].groupby(["deliverers", "quantity"])[["covered", "total"]].sum()
    whole = frame[frame["period"] == "all"].set_index(["deliverers", "quantity"])[["covered", "total"]]
    pd.testing.assert_frame_equal(sums, whole.loc[sums.index])


def test_a_count_that_lies_in_a_range_gives_no_share_of_registrations() -> None:
    rows = pd.DataFrame(
        {"p": ["a", "b"] * 2, "y": ["2022-H1"] * 2 + ["2022-H2"] * 2, "low": [1, 4, 7, 8], "high": [4, 4, 7, 8]}
    ).assign(days=100.0)
    panel = dw.Panel.from_frame(rows, provider="p", period="y", lower="low", upper="high", exposure="days")
    frame = dw.coverage(panel)
    assert np.isnan(cell(frame, "2022-H1", "complete", "registrations")).all()
    assert cell(frame, "2022-H2", "complete", "registrations") == (15, 15)
    assert np.isnan(cell(frame, "all", "complete", "registrations")).all()
    assert cell(frame, "all", "complete", "bed_days") == (400, 400)


def test_of_what_was_due_on_a_date(world: World) -> None:
    frame = dw.coverage(world.tables, as_of="2022-06-30")
    status = dw.delivery_status(world.tables, as_of="2022-06-30")
    due = status.loc[status["status"] != "not_yet_due"]
    delivered = due["status"].isin(["delivered", "late", "nothing_to_report"])
    assert cell(frame, "all", "delivered", "providers") == (delivered.sum(), len(due)) == (37, 48)
    exposure = world.tables.exposure
    in_2021 = exposure["period"].str.startswith("2021")
    assert cell(frame, "all", "delivered", "bed_days")[1] == exposure.loc[in_2021, "bed_days"].sum()
