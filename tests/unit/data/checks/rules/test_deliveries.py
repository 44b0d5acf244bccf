"""Dates of deliveries that cannot be in this order."""

import pandas as pd

import dwangstats as dw
from dwangstats.data.checks.rules.deliveries import delivery_findings
from dwangstats.data.findings import Finding


def found(rows: list[tuple[object, ...]]) -> dict[str, Finding]:
    columns = ["provider_id", "law", "period", "version", "due_on", "received_at", "status"]
    tables = dw.read_tables(deliveries=pd.DataFrame(rows, columns=columns))
    return {f.rule: f for f in delivery_findings(tables)}


def test_dates_in_their_order_give_no_finding() -> None:
    rows = [
        ("a", "WVGGZ", "2022-H1", 1, "2022-08-12", "2022-07-01 00:00", "rejected"),
        ("a", "WVGGZ", "2022-H1", 2, "2022-08-12", "2022-07-01 00:00", "accepted"),
        ("a", "WZD", "2022-H1", 1, None, "2022-12-01 00:00", "accepted"),
        ("b", "WVGGZ", "2022-H1", None, "2022-08-12", None, "not_delivered"),
    ]
    assert found(rows) == {}


def test_received_or_due_before_the_half_year_ended() -> None:
    findings = found(
        [
            ("a", "WVGGZ", "2022-H1", 1, "2022-06-30", "2022-06-30 23:59", "accepted"),
            ("b", "WVGGZ", "2022-H1", 1, "2022-08-12", "2022-07-01 00:00", "accepted"),
        ]
    )
    assert set(findings) == {"delivery-before-end", "due-before-end"}
    assert findings["delivery-before-end"].rows == findings["due-before-end"].rows == (1,)
    assert findings["delivery-before-end"].severity == "warning"


def test_a_higher_version_that_came_first() -> None:
    findings = found(
        [
            ("a", "WVGGZ", "2022-H1", 2, None, "2022-07-05 00:00", "accepted"),
            ("a", "WVGGZ", "2022-H1", 1, None, "2022-07-09 00:00", "accepted"),
            ("a", "WVGGZ", "2022-H1", 3, None, "2022-07-08 00:00", "accepted"),
            ("a", "WZD", "2022-H1", 4, None, "2022-07-01 00:00", "accepted"),
        ]
    )
    assert set(findings) == {"versions-out-of-order"}
    assert findings["versions-out-of-order"].rows == (1, 3)
    assert "aanbieders: a" in findings["versions-out-of-order"].message["nl"]


def test_not_delivered_and_yet_received() -> None:
    findings = found([("a", "WVGGZ", "2022-H1", 1, None, "2022-07-05 00:00", "not_delivered")])
    assert set(findings) == {"not-delivered-yet-received"}
