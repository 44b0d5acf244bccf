"""What was known on a date, rebuilt from versions."""

from datetime import date, datetime

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.deliveries.vintage import deliveries_known_on, known_on
from dwangstats.data.panels.panel import build_panel
from dwangstats.errors import DataError, DomainError

EARLY, LATE = "2021-09-01", "2022-12-31"


def tables(**changes: object) -> dw.Tables:
    """Provider a sent two registrations in time and a second version with three; b sent its one a year late."""
    deliveries = pd.DataFrame(
        [
            ("a", "2021-H1", 1, "2021-08-01 10:00", "accepted"),
            ("a", "2021-H1", 2, "2022-03-01 10:00", "accepted"),
            ("b", "2021-H1", 1, "2022-08-01 10:00", "accepted"),
            ("c", "2021-H1", None, None, "not_delivered"),
        ],
        columns=["provider_id", "period", "version", "received_at", "status"],
    )
    rows = [("a", 1), ("a", 1), ("a", 2), ("a", 2), ("a", 2), ("b", 1)]
    registrations = pd.DataFrame(rows, columns=["provider_id", "delivery_version"]).assign(
        form="seclusion", begin="2021-03-04 10:00"
    )
    exposure = pd.DataFrame({"provider_id": ["a", "b", "c"], "period": "2021-H1", "bed_days": 1000.0})
    frames = {"registrations": registrations, "deliveries": deliveries, "exposure": exposure, **changes}
    return dw.read_tables(**frames)


def totals(as_of: object) -> dict[str, float]:
    panel = build_panel(known_on(tables(), as_of).tables)  # type: ignore[arg-type]
    return panel.observed.set_index("provider")["events"].to_dict()


def test_two_dates_give_two_totals_from_the_same_tables() -> None:
    assert totals(EARLY) == {"a": 2.0}
    assert totals(LATE) == {"a": 3.0, "b": 1.0}
    assert totals("2022-03-01 09:59") == {"a": 2.0}
    assert totals("2022-03-01 10:00") == {"a": 3.0}
    assert totals("2022-03-01") == totals(date(2022, 3, 1)) == {"a": 3.0}
    assert totals(datetime(2022, 3, 1, 0, 0)) == {"a": 2.0}


def test_a_panel_as_of_a_date_accounts_for_what_came_later() -> None:
    early, late = (build_panel(tables(), as_of=moment) for moment in (EARLY, LATE))
    assert early.observed["events"].sum() == 2
    assert late.observed["events"].sum() == 4
    apart = early.set_aside.set_index("reason")["count"]
    assert apart["not yet received on the date"] == 4
    assert early.registrations_read == late.registrations_read == 6
    assert early.fingerprint != late.fingerprint


def test_what_came_later_is_counted_and_not_a_zero() -> None:
    vintage = known_on(tables(), EARLY)
    assert (vintage.later_registrations, vintage.later_deliveries) == (4, 2)
    status = vintage.tables.deliveries.set_index("provider_id")["status"]
    assert status.to_dict() == {"a": "accepted", "b": "not_yet_due", "c": "not_yet_due"}
    overdue = known_on(tables(), "2021-12-11").tables.deliveries.set_index("provider_id")["status"]
    assert overdue.to_dict() == {"a": "accepted", "b": "not_delivered", "c": "not_delivered"}
    panel = build_panel(vintage.tables)
    assert panel.frame.loc[panel.frame["provider"] == "b", "events"].isna().all()
    assert vintage.tables.fingerprint != tables().fingerprint
    everything = known_on(tables(), LATE)
    assert (everything.later_registrations, everything.later_deliveries) == (0, 0)
    assert everything.tables.fingerprint == tables().fingerprint


def test_before_anything_arrived_there_is_nothing_and_no_error() -> None:
    vintage = known_on(tables(), "2020-01-01")
    assert len(vintage.tables.registrations) == 0
    assert set(vintage.tables.deliveries["status"]) == {"not_yet_due"}
    assert vintage.later_registrations == 6


def test_a_registration_may_say_itself_when_it_arrived() -> None:
    own = (
        tables()
        .registrations.drop(columns="delivery_version")
        .assign(received_at=["2021-08-01", "2021-08-01", "2022-03-01", "2022-03-01", "2022-03-01", "2022-08-01"])
    )
    vintage = known_on(tables(registrations=own), EARLY)
    assert len(vintage.tables.registrations) == 2


def test_what_is_not_known_is_refused() -> None:
    frame = tables().registrations
    with pytest.raises(DataError, match="1 of 6 registrations"):
        known_on(tables(registrations=frame.assign(delivery_version=[7, 1, 2, 2, 2, 1])), EARLY)
    with pytest.raises(DataError, match="deliveries is not there"):
        known_on(tables(deliveries=None), EARLY)
    with pytest.raises(DataError, match="no column received_at"):
        known_on(tables(deliveries=tables().deliveries.drop(columns="received_at")), EARLY)
    # 08-10-2024 is a day in October to one reader and in August to another.
    for wrong in ("tomorrow-ish", "", "2021-09-01T00:00+01:00", "08-10-2024", "8 October 2024", "2024-10"):
        with pytest.raises(DomainError, match="as_of must be a date"):
            known_on(tables(), wrong)


def test_that_there_is_nothing_to_report_is_known_when_it_was_due_or_said() -> None:
    rows = [("a", None, None), ("b", "2021-09-01 10:00", None), ("c", None, "2021-08-12")]
    deliveries = pd.DataFrame(rows, columns=["provider_id", "received_at", "due_on"]).assign(
        period="2021-H1", status="nothing_to_report"
    )
    frame = tables(deliveries=deliveries).deliveries

    def known(as_of: str) -> list[str]:
        said = deliveries_known_on(frame, as_of)
        return said.loc[said["status"] == "nothing_to_report", "provider_id"].tolist()

    # The first half of 2021 was due on 10 December; c has a due date of its own.
    assert known("2021-08-12") == []
    assert known("2021-08-13") == ["c"]
    assert known("2021-09-01") == ["b", "c"]
    assert known("2021-12-10") == ["b", "c"]
    assert known("2021-12-11") == ["a", "b", "c"]
    assert len(deliveries_known_on(frame, "2020-01-01")) == 3
    assert set(deliveries_known_on(frame, "2020-01-01")["status"]) == {"not_yet_due"}


def test_before_it_is_known_that_there_was_nothing_there_is_no_zero() -> None:
    deliveries = tables().deliveries.replace({"status": {"not_delivered": "nothing_to_report"}})
    given = tables(deliveries=deliveries)
    status = {
        day: build_panel(given, as_of=day).delivery_status.set_index("provider")["status"] for day in (EARLY, LATE)
    }
    assert status[EARLY]["c"] == "not_yet_due"
    assert status[LATE]["c"] == "nothing_to_report"


def test_an_accepted_delivery_without_a_moment_is_refused() -> None:
    deliveries = tables().deliveries
    deliveries.loc[deliveries["provider_id"] == "b", "received_at"] = pd.NaT
    with pytest.raises(DataError, match=r"1 of 4 deliveries \(first rows: 3\)"):
        known_on(tables(deliveries=deliveries), EARLY)


def test_registrations_that_stayed_in_an_engine_have_no_versions_to_tell() -> None:
    polars = pytest.importorskip("polars")
    given = tables()
    lazy = polars.from_pandas(given.registrations.reset_index(drop=True)).lazy()
    engine = dw.read_tables(registrations=lazy, deliveries=given.deliveries, exposure=given.exposure, rows="engine")
    with pytest.raises(DataError, match="as_of needs the rows"):
        known_on(engine, EARLY)


def last_kept(**changes: object) -> dw.Tables:
    """The register of `tables` with the registrations of the last versions only."""
    frame = tables().registrations
    frame = frame.loc[(frame["provider_id"] != "a") | (frame["delivery_version"] == 2)].reset_index(drop=True)
    deliveries = tables().deliveries.reset_index(drop=True)
    deliveries.loc[deliveries["provider_id"] == "b", "received_at"] = pd.Timestamp(2021, 8, 2)
    return tables(**{"registrations": frame, "deliveries": deliveries, **changes})


def test_a_version_whose_registrations_are_not_kept_is_not_a_zero() -> None:
    panel = build_panel(last_kept(), as_of="2022-12-31")
    assert panel.observed.set_index("provider")["events"].to_dict() == {"a": 3, "b": 1}
    early = build_panel(last_kept(), as_of="2022-01-31")
    assert early.observed.set_index("provider")["events"].to_dict() == {"b": 1}
    assert early.delivery_status.set_index("provider")["status"]["a"] == "not_kept"
    apart = early.set_aside.set_index("reason")["count"].to_dict()
    assert apart["registrations of the version that counts not kept"] == 1
    assert (apart["not yet received on the date"], early.registrations_read) == (3, 4)
    # A file did come in: that is what the deliveries say, and only its contents are not known.
    assert dw.delivery_status(last_kept(), as_of="2022-01-31").set_index("provider")["status"]["a"] == "delivered"
    findings = {finding.rule: finding for finding in dw.check(last_kept()).findings}
    assert (findings["earlier-version-not-kept"].count, findings["earlier-version-not-kept"].rows) == (1, (1,))
    assert "earlier-version-not-kept" not in {finding.rule for finding in dw.check(tables()).findings}


def test_without_versions_the_moment_of_receipt_tells_that_nothing_was_kept() -> None:
    own = last_kept().registrations.drop(columns="delivery_version")
    own = own.assign(received_at=["2022-03-01", "2022-03-01", "2022-03-01", "2021-08-02"])
    early = build_panel(last_kept(registrations=own), as_of="2022-01-31")
    assert early.delivery_status.set_index("provider")["status"]["a"] == "not_kept"


def test_an_accepted_delivery_without_any_registration_is_a_zero_as_before() -> None:
    frame = tables().registrations
    frame = frame.loc[frame["provider_id"] == "b"].reset_index(drop=True)
    early = build_panel(tables(registrations=frame), as_of="2022-08-01")
    assert early.observed.set_index("provider")["events"].to_dict() == {"a": 0, "b": 1}


def test_a_half_year_with_bed_days_and_no_row_is_not_yet_due_either() -> None:
    exposure = pd.DataFrame({"provider_id": ["a", "b", "c", "d"], "period": "2021-H1", "bed_days": 1000.0})
    given = tables(exposure=exposure)
    before, after = (build_panel(given, as_of=day).delivery_status for day in ("2021-12-10", "2021-12-11"))
    assert before.set_index("provider")["status"].to_dict()["d"] == "not_yet_due"
    assert after.set_index("provider")["status"].to_dict()["d"] == "unknown"


def test_a_version_without_a_law_is_a_version_of_the_only_law_that_is_named() -> None:
    law = pd.Series([None, "WVGGZ", None, None], dtype="object")
    given = tables(
        deliveries=tables().deliveries.reset_index(drop=True).assign(law=law),
        registrations=tables().registrations.assign(law="WVGGZ"),
    )
    for day, total in ((EARLY, {"a": 2}), (LATE, {"a": 3, "b": 1})):
        assert build_panel(given, as_of=day).observed.set_index("provider")["events"].to_dict() == total


@pytest.mark.parametrize("begin", ["1850-01-01", "2300-01-01 10:00"])
def test_a_begin_in_a_year_that_no_period_has_is_named_with_its_row(begin: str) -> None:
    given = tables().given["registrations"].astype({"begin": "object"})
    given.iloc[1, given.columns.get_loc("begin")] = begin
    wrong = tables(registrations=given.astype({"begin": "str"}))
    with pytest.raises(DataError, match=r"In 1 of 6 registrations the begin lies .*row 2\)"):
        build_panel(wrong, as_of=LATE)
    with pytest.raises(DataError, match=r"In 1 of 6 registrations the begin lies .*first rows: 2\)"):
        known_on(wrong, LATE)


@pytest.mark.parametrize("as_of", [2022, 2022.5, True, None, ["2022-01-01"]])
def test_a_number_is_no_date(as_of: object) -> None:
    with pytest.raises(DomainError, match='as_of must be a date such as "2024-10-08"'):
        known_on(tables(), as_of)  # type: ignore[arg-type]


def test_a_date_before_the_first_delivery_leaves_nothing_to_count() -> None:
    with pytest.raises(DataError, match="all 6 registrations arrived later"):
        build_panel(tables(), as_of="2020-01-01")
