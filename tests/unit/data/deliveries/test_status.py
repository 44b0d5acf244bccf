"""Delivered, late, rejected, nothing to report and missing are five different things."""

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.deliveries.status import STATUS_COLUMNS, TIMELINESS
from dwangstats.errors import DataError, DomainError

#: provider, period, version, received, status; the due date of 2022-H1 is 12 August 2022.
ROWS = [
    ("in-time", "2022-H1", 1, "2022-08-12 17:59", "accepted"),
    ("late", "2022-H1", 1, "2022-08-13 08:00", "accepted"),
    ("first-refused", "2022-H1", 1, "2022-08-01 10:00", "rejected"),
    ("first-refused", "2022-H1", 2, "2022-11-20 10:00", "accepted"),
    ("corrected", "2022-H1", 1, "2022-08-01 10:00", "accepted"),
    ("corrected", "2022-H1", 2, "2023-03-01 10:00", "accepted"),
    ("refused", "2022-H1", 1, "2022-08-02 10:00", "rejected"),
    ("empty", "2022-H1", None, None, "nothing_to_report"),
    ("absent", "2022-H1", None, None, "not_delivered"),
]


def tables(law: str | None = "WVGGZ", **changes: object) -> dw.Tables:
    deliveries = pd.DataFrame(ROWS, columns=["provider_id", "period", "version", "received_at", "status"])
    if law is not None:
        deliveries = deliveries.assign(law=law)
    providers = [*deliveries["provider_id"].unique(), "forgotten"]
    exposure = pd.DataFrame({"provider_id": providers, "period": "2022-H1", "bed_days": 1000.0})
    return dw.read_tables(**{"deliveries": deliveries, "exposure": exposure, **changes})


def status(frame: pd.DataFrame) -> dict[str, str]:
    return frame.set_index("provider")["status"].to_dict()


def test_five_different_things_are_told_apart() -> None:
    frame = dw.delivery_status(tables())
    assert tuple(frame.columns) == STATUS_COLUMNS
    assert status(frame) == {
        "absent": "missing",
        "corrected": "delivered",
        "empty": "nothing_to_report",
        "first-refused": "late",
        "forgotten": "missing",
        "in-time": "delivered",
        "late": "late",
        "refused": "rejected",
    }
    by = frame.set_index("provider")
    assert by["days_late"].dropna().to_dict() == {"corrected": 0, "first-refused": 100, "in-time": 0, "late": 1}
    assert by["versions"].to_dict() == {name: sum(r[0] == name and r[2] is not None for r in ROWS) for name in by.index}
    assert by["rejected_versions"].sum() == 2
    assert by.index[~by["recorded"]].tolist() == ["forgotten"]
    assert set(frame["due_on"]) == {pd.Timestamp(2022, 8, 12)}
    assert by.loc["corrected", "received_at"] == pd.Timestamp(2023, 3, 1, 10)
    assert set(frame["law"]) == {"WVGGZ"}


def test_on_a_date_only_what_was_known_then() -> None:
    before = dw.delivery_status(tables(), as_of="2022-08-11")
    assert status(before) == {
        "absent": "not_yet_due",
        "corrected": "delivered",
        "empty": "not_yet_due",
        "first-refused": "rejected",
        "forgotten": "not_yet_due",
        "in-time": "not_yet_due",
        "late": "not_yet_due",
        "refused": "rejected",
    }
    on_the_day = status(dw.delivery_status(tables(), as_of="2022-08-12"))
    assert on_the_day["absent"] == on_the_day["late"] == "not_yet_due"
    assert on_the_day["in-time"] == "delivered"
    day_after = status(dw.delivery_status(tables(), as_of="2022-08-13"))
    assert (day_after["absent"], day_after["empty"], day_after["late"]) == ("missing", "nothing_to_report", "late")
    assert day_after["first-refused"] == "rejected"
    assert status(dw.delivery_status(tables(), as_of="2030-01-01")) == status(dw.delivery_status(tables()))


def test_nothing_is_due_before_it_is_due() -> None:
    later = pd.DataFrame(
        {"provider_id": ["in-time", "late"], "period": ["2022-H1", "2024-H1"], "bed_days": [1000.0, 1000.0]}
    )
    frame = dw.delivery_status(tables(exposure=later)).set_index(["provider", "period"])
    # The last delivery arrived in March 2023, when the first half of 2024 was not yet due.
    assert frame.loc[("late", "2024-H1"), "status"] == "not_yet_due"
    assert not frame.loc[("late", "2024-H1"), "recorded"]


def test_the_due_date_of_the_table_goes_before_the_calendar() -> None:
    given = tables()
    moved = given.deliveries.assign(due_on=pd.Timestamp(2022, 12, 10))
    frame = dw.delivery_status(tables(deliveries=moved))
    assert status(frame)["late"] == status(frame)["first-refused"] == "delivered"
    assert set(frame.loc[frame["recorded"], "due_on"]) == {pd.Timestamp(2022, 12, 10)}


def test_without_a_law_the_common_calendar_holds() -> None:
    frame = dw.delivery_status(tables(law=None))
    assert frame["law"].isna().all()
    assert status(frame) == status(dw.delivery_status(tables()))


def test_where_there_is_no_duty_nothing_is_missing_and_nothing_is_late() -> None:
    frame = dw.delivery_status(tables(law="JEUGDWET_H6"))
    assert frame["due_on"].isna().all()
    assert "forgotten" not in status(frame)
    assert status(frame)["late"] == "delivered"
    assert frame["days_late"].isna().all()
    assert status(frame)["absent"] == "missing"


def test_a_closed_provider_owes_nothing() -> None:
    exposure = pd.DataFrame({"provider_id": ["forgotten"], "period": "2022-H1", "bed_days": [0.0]})
    assert "forgotten" not in status(dw.delivery_status(tables(exposure=exposure)))


def test_each_law_has_a_delivery_of_its_own() -> None:
    deliveries = pd.DataFrame(
        [
            ("a", "WVGGZ", "2022-H1", "accepted"),
            ("a", "WZD", "2022-H2", "accepted"),
            ("b", "WZD", "2022-H1", "accepted"),
        ],
        columns=["provider_id", "law", "period", "status"],
    ).assign(received_at="2023-03-01", version=1)
    exposure = pd.DataFrame({"provider_id": ["a", "b", "c"], "period": "2022", "bed_days": 10.0})
    frame = dw.delivery_status(dw.read_tables(deliveries=deliveries, exposure=exposure))
    missing = frame.loc[frame["status"] == "missing"].fillna({"law": "?"})
    assert list(zip(missing["provider"], missing["law"], missing["period"], strict=True)) == [
        ("a", "WVGGZ", "2022-H2"),
        ("a", "WZD", "2022-H1"),
        ("b", "WZD", "2022-H2"),
        ("c", "?", "2022-H1"),
        ("c", "?", "2022-H2"),
    ]


def test_every_status_has_a_name() -> None:
    frames = [dw.delivery_status(tables(), as_of=day) for day in ("2022-01-01", "2022-08-12", "2023-12-31")]
    assert set(pd.concat(frames)["status"]) == set(TIMELINESS)


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(DataError, match="table deliveries, which is not there"):
        dw.delivery_status(dw.Tables())
    given = tables().deliveries
    for wrong in ({"period": "2022"}, {"status": "fine"}):
        with pytest.raises(DataError, match=r"2022; write 2021-H1|fine; use accepted"):
            dw.delivery_status(tables(deliveries=given.assign(**wrong)))
    with pytest.raises(DataError, match="no column received_at"):
        dw.delivery_status(tables(deliveries=given.drop(columns="received_at")), as_of="2022-08-12")
    with pytest.raises(DomainError, match="as_of must be a date"):
        dw.delivery_status(tables(), as_of="last week")


def test_the_least_a_table_can_say() -> None:
    given = tables().deliveries[["provider_id", "period", "status"]].drop_duplicates("provider_id", keep="last")
    frame = dw.delivery_status(dw.read_tables(deliveries=given))
    assert status(frame)["late"] == status(frame)["in-time"] == "delivered"
    assert frame["received_at"].isna().all()
    assert frame["recorded"].all()
    assert len(dw.delivery_status(dw.Tables(deliveries=given.iloc[:0]))) == 0


def refused_later(law: list[str | None], kept: list[int], *also: int) -> dw.Tables:
    """Version 1 was accepted in time, version 2 refused two years later; registrations of the versions in ``kept``."""
    rows = [(1, "2022-08-01 10:00", "accepted"), (2, "2024-03-01 10:00", "rejected"), (3, "2025-03-01", "accepted")]
    deliveries = pd.DataFrame(rows[: 2 + len(also)], columns=["version", "received_at", "status"])
    return dw.read_tables(
        deliveries=deliveries.assign(provider_id="a", period="2022-H1", law=law),
        registrations=pd.DataFrame({"delivery_version": kept}).assign(
            provider_id="a", law="WVGGZ", form="seclusion", begin="2022-03-04 10:00"
        ),
        exposure=pd.DataFrame({"provider_id": ["a"], "period": "2022-H1", "bed_days": 1000.0}),
    )


@pytest.mark.parametrize("law", [["WVGGZ", "WVGGZ"], [None, "WVGGZ"], ["WVGGZ", None]])
def test_a_refused_correction_does_not_erase_what_was_accepted(law: list[str | None]) -> None:
    given = refused_later(law, [1, 1])
    for day, since in (("2024-02-28", 0), ("2024-03-02", 1), (None, 1)):
        frame = dw.delivery_status(given, as_of=day)
        assert frame[["status", "refused_since", "rejected_versions"]].to_numpy().tolist() == [
            ["delivered", since, since]
        ]
        assert frame["received_at"].item() == pd.Timestamp(2022, 8, 1, 10)
        panel = dw.build_panel(given, as_of=day)
        assert panel.observed["events"].tolist() == [2]
        assert panel.set_aside.empty
        assert dw.coverage(given, as_of=day)["share"].eq(1).all()
    finding = {finding.rule: finding for finding in dw.check(given).findings}["correction-refused"]
    assert (finding.count, finding.of, finding.rows) == (1, 2, (2,))


def test_registrations_of_a_refused_correction_are_set_aside() -> None:
    given = refused_later(["WVGGZ"] * 2, [1, 1, 2, 2, 2])
    panel = dw.build_panel(given)
    assert panel.observed["events"].tolist() == [2]
    assert panel.set_aside.to_numpy().tolist() == [["registrations", "from a refused correction of the delivery", 3]]
    shares = dw.coverage(given).set_index(["period", "deliverers", "quantity"])
    assert shares.loc[("all", "delivered", "registrations"), ["covered", "total"]].tolist() == [2, 2]


def test_an_accepted_correction_replaces_what_was_accepted_before() -> None:
    given = refused_later(["WVGGZ"] * 3, [1, 1, 2, 3], 3)
    assert dw.build_panel(given).observed["events"].tolist() == [1]
    assert dw.build_panel(given, as_of="2024-12-31").observed["events"].tolist() == [2]
    assert dw.delivery_status(given)[["rejected_versions", "refused_since"]].to_numpy().tolist() == [[1, 0]]


def test_who_sends_a_file_takes_back_that_there_was_nothing() -> None:
    rows = [(1, "2022-08-01", "nothing_to_report"), (2, "2022-09-01", "rejected")]
    given = pd.DataFrame(rows, columns=["version", "received_at", "status"]).assign(provider_id="a", period="2022-H1")
    assert dw.delivery_status(dw.read_tables(deliveries=given))["status"].tolist() == ["rejected"]
