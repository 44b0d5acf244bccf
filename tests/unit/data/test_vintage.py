"""What was known on a date, rebuilt from versions."""

from datetime import date, datetime

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.panel import build_panel
from dwangstats.data.vintage import known_on
from dwangstats.errors import DataError, DomainError

EARLY, LATE = "2021-09-01", "2022-12-31"


def tables(**changes: object) -> dw.data.read.Tables:
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
    assert status.to_dict() == {"a": "accepted", "b": "not_delivered", "c": "not_delivered"}
    panel = build_panel(vintage.tables)
    assert panel.frame.loc[panel.frame["provider"] == "b", "events"].isna().all()
    assert vintage.tables.fingerprint != tables().fingerprint
    everything = known_on(tables(), LATE)
    assert (everything.later_registrations, everything.later_deliveries) == (0, 0)
    assert everything.tables.fingerprint == tables().fingerprint


def test_before_anything_arrived_there_is_nothing_and_no_error() -> None:
    vintage = known_on(tables(), "2020-01-01")
    assert len(vintage.tables.registrations) == 0
    assert set(vintage.tables.deliveries["status"]) == {"not_delivered"}
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
    for wrong in ("tomorrow-ish", "", "2021-09-01T00:00+01:00"):
        with pytest.raises(DomainError, match="as_of must be a date"):
            known_on(tables(), wrong)
