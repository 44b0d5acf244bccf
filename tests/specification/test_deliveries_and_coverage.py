"""Five states of a delivery, the calendar, what was known on a date, and coverage in three units, by hand."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.deliveries.calendar import due_calendar, due_on
from specification.hand_made import Register, delivery, exposure, half_years

PERIODS = half_years(2021, 2022)


# The calendar


@pytest.mark.parametrize("law", ["WVGGZ", "WZD"])
@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2020-H1", date(2020, 8, 12)),
        ("2020-H2", date(2021, 2, 12)),
        ("2021-H1", date(2021, 12, 10)),
        ("2021-H2", date(2022, 2, 12)),
        ("2022-H1", date(2022, 8, 12)),
        ("2023-H2", date(2024, 2, 12)),
    ],
)
def test_due_dates(law: str, period: str, day: date) -> None:
    assert due_on(period, law) == day


def test_closed_youth_care_delivers_from_2024() -> None:
    assert due_on("2023-H2", "JEUGDWET_H6") is None
    assert due_on("2024-H1", "JEUGDWET_H6") == date(2024, 8, 12)
    calendar = due_calendar("2023-H1", "2024-H2", ["JEUGDWET_H6"])
    assert calendar["period"].tolist() == ["2024-H1", "2024-H2"]


def test_half_years_run_from_january_to_june_and_july_to_december() -> None:
    calendar = due_calendar("2021-H1", "2021-H2", ["WVGGZ"])
    assert [pd.Timestamp(d).date() for d in calendar["begins"]] == [date(2021, 1, 1), date(2021, 7, 1)]
    assert [pd.Timestamp(d).date() for d in calendar["ends"]] == [date(2021, 6, 30), date(2021, 12, 31)]


@pytest.mark.parametrize("period", ["2021", "2021-Q1", "2021-H3", "2021-01"])
def test_only_half_years_are_due(period: str) -> None:
    with pytest.raises(dw.DomainError):
        due_on(period, "WVGGZ")


# The five states


@pytest.fixture(scope="module")
def files() -> pd.DataFrame:
    """What happened to 2022-H1 at seven providers; all else was delivered in time."""
    rows: list[dict[str, Any]] = []
    for provider in "ABCDEFG":
        for period, received in (
            ("2021-H1", "2021-12-10T23:50"),
            ("2021-H2", "2022-02-12T23:50"),
            ("2022-H2", "2023-02-01T10:00"),
        ):
            rows.append(delivery(provider, period, received_at=received))
    rows += [
        delivery("A", "2022-H1", received_at="2022-08-12T17:00"),
        delivery("B", "2022-H1", received_at="2022-08-13T00:10"),
        delivery("C", "2022-H1", "rejected", received_at="2022-08-10T09:00", reject_reason="schema"),
        delivery("D", "2022-H1", "nothing_to_report", received_at="2022-08-01T09:00"),
        delivery("E", "2022-H1", "not_delivered"),
        # F: no row. G: refused in time, accepted after the due date, corrected later.
        delivery("G", "2022-H1", "rejected", received_at="2022-08-05T09:00", reject_reason="schema"),
        delivery("G", "2022-H1", received_at="2022-09-01T09:00", version=2),
        delivery("G", "2022-H1", received_at="2023-03-01T09:00", version=3),
    ]
    return pd.DataFrame(rows)


def tables_of(files: pd.DataFrame) -> dw.Tables:
    return dw.read_tables(deliveries=files, exposure=exposure("ABCDEFG", PERIODS))


def at(status: pd.DataFrame, period: str) -> pd.DataFrame:
    return status[status["period"] == period].set_index("provider")


def test_five_states_are_told_apart(files: pd.DataFrame) -> None:
    status = dw.delivery_status(tables_of(files))
    assert at(status, "2022-H1")["status"].to_dict() == {
        "A": "delivered",
        "B": "late",
        "C": "rejected",
        "D": "nothing_to_report",
        "E": "missing",
        "F": "missing",
        "G": "late",
    }
    assert set(status.loc[status["period"] != "2022-H1", "status"]) == {"delivered"}
    assert len(status) == 7 * 4


def test_days_late_and_versions(files: pd.DataFrame) -> None:
    rows = at(dw.delivery_status(tables_of(files)), "2022-H1")
    late = rows["days_late"]
    assert late["A"] == 0
    assert late["B"] == 1
    assert late["G"] == 20  # 12 August to 1 September
    assert late[["C", "E", "F"]].isna().all()
    assert rows.loc["G", ["versions", "rejected_versions"]].tolist() == [3, 1]
    assert rows.loc["C", ["versions", "rejected_versions"]].tolist() == [1, 1]
    assert rows.loc["F", "versions"] == 0
    assert not rows.loc["F", "recorded"]
    assert rows.loc["E", "recorded"]
    assert {pd.Timestamp(d).date() for d in rows["due_on"]} == {date(2022, 8, 12)}


def test_the_first_half_of_2021_was_due_on_10_december(files: pd.DataFrame) -> None:
    rows = at(dw.delivery_status(tables_of(files)), "2021-H1")
    assert {pd.Timestamp(d).date() for d in rows["due_on"]} == {date(2021, 12, 10)}
    assert set(rows["status"]) == {"delivered"}
    later = files.copy()
    later.loc[later["period"] == "2021-H1", "received_at"] = "2021-12-11T00:05"
    assert set(at(dw.delivery_status(tables_of(later)), "2021-H1")["status"]) == {"late"}


def test_the_due_date_of_the_table_goes_before_the_calendar(files: pd.DataFrame) -> None:
    own = files.assign(due_on=None)
    own.loc[(own["provider_id"] == "B") & (own["period"] == "2022-H1"), "due_on"] = "2022-08-31"
    rows = at(dw.delivery_status(tables_of(own)), "2022-H1")
    assert rows.loc["B", "status"] == "delivered"
    assert rows.loc["G", "status"] == "late"


def test_as_of_two_dates(files: pd.DataFrame) -> None:
    tables = tables_of(files)
    summer = at(dw.delivery_status(tables, as_of="2022-08-10"), "2022-H1")["status"].to_dict()
    assert summer == {
        "A": "not_yet_due",
        "B": "not_yet_due",
        "C": "rejected",
        "D": "nothing_to_report",
        "E": "not_yet_due",
        "F": "not_yet_due",
        "G": "rejected",
    }
    autumn = at(dw.delivery_status(tables, as_of="2022-09-15"), "2022-H1")
    assert autumn["status"].to_dict() == {
        "A": "delivered",
        "B": "late",
        "C": "rejected",
        "D": "nothing_to_report",
        "E": "missing",
        "F": "missing",
        "G": "late",
    }
    assert autumn.loc["G", "versions"] == 2


def test_a_correction_does_not_make_a_delivery_in_time_late(files: pd.DataFrame) -> None:
    more = pd.concat(
        [files, pd.DataFrame([delivery("A", "2022-H1", version=2, received_at="2023-05-01T10:00")])], ignore_index=True
    )
    row = at(dw.delivery_status(tables_of(more)), "2022-H1").loc["A"]
    assert row["status"] == "delivered"
    assert row["days_late"] == 0
    assert pd.Timestamp(row["received_at"]) == pd.Timestamp("2023-05-01T10:00")


def test_a_refused_correction_leaves_the_accepted_file_as_it_was(files: pd.DataFrame) -> None:
    more = pd.concat(
        [files, pd.DataFrame([delivery("A", "2022-H1", "rejected", version=2, received_at="2023-05-01T10:00")])],
        ignore_index=True,
    )
    # What was accepted was not withdrawn by sending a file that was refused; how many were refused since is said.
    assert at(dw.delivery_status(tables_of(more)), "2022-H1").loc["A", ["status", "refused_since"]].tolist() == [
        at(dw.delivery_status(tables_of(files)), "2022-H1").loc["A", "status"],
        1,
    ]


def test_each_law_has_its_own_delivery() -> None:
    files = pd.DataFrame(
        [
            delivery("A", "2022-H1", received_at="2022-08-01T10:00"),
            delivery("A", "2022-H1", "rejected", law="WZD", received_at="2022-08-01T10:00"),
            delivery("A", "2022-H2", received_at="2023-02-01T10:00"),
        ]
    )
    tables = dw.read_tables(deliveries=files, exposure=exposure("A", half_years(2022, 2022)))
    status = dw.delivery_status(tables, as_of="2023-03-01")
    found = {(law, period): s for law, period, s in zip(status["law"], status["period"], status["status"], strict=True)}
    assert found == {
        ("WVGGZ", "2022-H1"): "delivered",
        ("WVGGZ", "2022-H2"): "delivered",
        ("WZD", "2022-H1"): "rejected",
        ("WZD", "2022-H2"): "missing",
    }


def test_a_provider_that_opened_later_owes_nothing_before() -> None:
    files = pd.DataFrame(
        [delivery("A", period) for period in PERIODS] + [delivery("B", period) for period in PERIODS[2:]]
    )
    beds = pd.concat([exposure("A", PERIODS), exposure("B", PERIODS[2:])], ignore_index=True)
    status = dw.delivery_status(dw.read_tables(deliveries=files, exposure=beds))
    assert "missing" not in set(status["status"])
    assert (status["provider"] == "B").sum() == 2


def test_without_deliveries_nothing_is_known(files: pd.DataFrame) -> None:
    with pytest.raises(dw.DataError):
        dw.delivery_status(dw.read_tables(exposure=exposure("AB", PERIODS)))


# Coverage by hand


@pytest.fixture(scope="module")
def small() -> dw.Tables:
    """Three providers of 100, 40 and 10 beds; the large one misses 2022-H1, the small one is refused in 2022-H2."""
    register = Register()
    for provider, n in (("A", 12), ("B", 6), ("C", 3)):
        for half, month in enumerate((2, 9)):
            for i in range(n + half):
                if (provider, half) == ("A", 0):
                    continue
                register.add(f"2022-{month:02d}-{i + 1:02d}T10:1{i % 10}", provider=provider)
    rows = [
        delivery("A", "2022-H1", "not_delivered"),
        delivery("B", "2022-H1", received_at="2022-08-01T10:00"),
        delivery("C", "2022-H1", received_at="2022-08-01T10:00"),
        delivery("A", "2022-H2", received_at="2023-02-01T10:00"),
        delivery("B", "2022-H2", received_at="2023-02-01T10:00"),
        delivery("C", "2022-H2", "rejected", received_at="2023-02-01T10:00"),
    ]
    beds = pd.DataFrame(
        [
            {"provider_id": p, "location_id": f"{p}1", "period": f"2022-H{h}", "bed_days": 100.0 * b + h}
            for p, b in (("A", 100), ("B", 40), ("C", 10))
            for h in (1, 2)
        ]
    )
    return register.tables(exposure=beds, deliveries=pd.DataFrame(rows))


def share(frame: pd.DataFrame, period: str, deliverers: str, quantity: str) -> tuple[float, float]:
    row = frame[(frame["period"] == period) & (frame["deliverers"] == deliverers) & (frame["quantity"] == quantity)]
    assert len(row) == 1
    covered, total = float(row["covered"].iloc[0]), float(row["total"].iloc[0])
    if total > 0:
        assert float(row["share"].iloc[0]) == pytest.approx(covered / total)
    return covered, total


def test_coverage_in_three_units(small: dw.Tables) -> None:
    frame = dw.coverage(small)
    assert share(frame, "2022-H1", "delivered", "providers") == (2, 3)
    assert share(frame, "2022-H1", "delivered", "bed_days") == (4001 + 1001, 10001 + 4001 + 1001)
    assert share(frame, "2022-H1", "delivered", "registrations") == (9, 9)
    assert share(frame, "2022-H2", "delivered", "providers") == (2, 3)
    assert share(frame, "2022-H2", "delivered", "bed_days") == (10002 + 4002, 10002 + 4002 + 1002)
    # Four registrations came with the file that was refused.
    assert share(frame, "2022-H2", "delivered", "registrations") == (13 + 7, 13 + 7 + 4)
    assert share(frame, "all", "delivered", "providers") == (4, 6)
    assert share(frame, "all", "delivered", "registrations") == (29, 33)


def test_coverage_of_complete_deliverers(small: dw.Tables) -> None:
    frame = dw.coverage(small)
    panel = dw.build_panel(small)
    assert dw.complete_deliverers(panel) == ("B",)
    assert share(frame, "2022-H1", "complete", "providers") == (1, 3)
    assert share(frame, "2022-H2", "complete", "bed_days") == (4002, 10002 + 4002 + 1002)
    assert share(frame, "all", "complete", "providers") == (2, 6)
    assert share(frame, "all", "complete", "registrations") == (13, 29)
    shares = frame[(frame["period"] == "all") & (frame["deliverers"] == "complete")]["share"]
    assert shares.nunique() == 3  # providers, bed-days and registrations coincide by chance only


def test_coverage_of_the_panel_and_of_the_tables_agree(small: dw.Tables) -> None:
    of_tables, of_panel = dw.coverage(small), dw.coverage(dw.build_panel(small))
    key = ["period", "deliverers", "quantity"]
    both = of_tables.merge(of_panel, on=key)
    assert len(both) == len(of_tables) == len(of_panel)
    np.testing.assert_allclose(both["covered_x"], both["covered_y"])
    providers = both[both["quantity"] != "registrations"]
    np.testing.assert_allclose(providers["total_x"], providers["total_y"])


def test_a_provider_without_delivery_is_not_a_zero(small: dw.Tables) -> None:
    panel = dw.build_panel(small)
    row = panel.frame[(panel.frame["provider"] == "A") & (panel.frame["period"] == "2022-H1")]
    assert len(row) == 1
    assert row["events"].isna().all()
    assert not row["delivered"].any()


def test_as_of_gives_two_published_totals() -> None:
    register = Register()
    for day in range(1, 11):
        register.add(f"2022-02-{day:02d}T10:1{day % 10}", provider="A", delivery_version=1)
    for day in range(1, 14):
        register.add(f"2022-02-{day:02d}T10:1{day % 10}", provider="A", delivery_version=2)
    for day in range(1, 6):
        register.add(f"2022-03-{day:02d}T10:1{day % 10}", provider="B", delivery_version=1)
    files = pd.DataFrame(
        [
            delivery("A", "2022-H1", received_at="2022-08-01T10:00"),
            delivery("A", "2022-H1", received_at="2023-04-01T10:00", version=2),
            delivery("B", "2022-H1", received_at="2022-11-01T10:00"),
        ]
    )
    tables = register.tables(exposure=exposure("AB", ["2022-H1"]), deliveries=files)

    def total(as_of: str | None) -> tuple[float, int]:
        panel = dw.build_panel(tables, as_of=as_of)
        aside = panel.set_aside.loc[panel.set_aside["what"] == "registrations", "count"].sum()
        counted = panel.frame.loc[panel.frame["delivered"], "events"].sum()
        assert counted + aside == len(register.rows)
        return float(counted), int(panel.frame["delivered"].sum())

    assert total("2022-09-01") == (10.0, 1)
    assert total("2022-12-01") == (15.0, 2)
    assert total("2024-10-08") == (18.0, 2)
    assert total(None) == (18.0, 2)
    assert total("2022-08-01") == (10.0, 1)  # a date stands for its whole day
    assert total("2023-03-31") == (15.0, 2)
