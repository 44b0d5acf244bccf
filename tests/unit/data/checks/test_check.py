"""Every rule is broken once and found once; a clean set of tables breaks none."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.check import CheckReport, check
from dwangstats.data.reading.read import Tables
from dwangstats.errors import DataError, DomainError

SECLUSION = "124061000146109"
EXTRA_SECURED_ROOM = "124041000146108"
QUARTERS = ("2021-Q1", "2021-Q2", "2021-Q3", "2021-Q4")


def registrations(**changed: list[Any]) -> pd.DataFrame:
    """Four registrations of two providers that break no rule, with columns changed."""
    frame = pd.DataFrame(
        {
            "registration_id": ["r1", "r2", "r3", "r4"],
            "provider_id": ["a", "a", "b", "b"],
            "client_id": ["secret-1", "secret-2", "secret-3", "secret-4"],
            "law": ["WVGGZ"] * 4,
            "intervention_code": [SECLUSION] * 4,
            "begin": pd.to_datetime(["2021-02-01 10:12", "2021-08-01 21:40", "2021-03-01 03:05", "2021-09-01 15:31"]),
            "end": pd.to_datetime(["2021-02-02 09:17", "2021-08-02 11:03", "2021-03-01 04:44", "2021-09-03 18:29"]),
        }
    )
    return frame.assign(**changed)


def exposure(**changed: list[Any]) -> pd.DataFrame:
    """Two providers of one location, four quarters, 30 beds nearly full."""
    frame = pd.DataFrame(
        {
            "provider_id": ["a"] * 4 + ["b"] * 4,
            "location_id": ["a1"] * 4 + ["b1"] * 4,
            "period": QUARTERS * 2,
            "capacity": [30.0] * 8,
            "mean_occupancy": [28.0] * 8,
            "bed_days": [2520.0, 2548.0, 2576.0, 2576.0] * 2,
        }
    )
    return frame.assign(**changed)


def deliveries(**changed: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "provider_id": ["a", "a", "b", "b"],
            "law": ["WVGGZ"] * 4,
            "period": ["2021-H1", "2021-H2"] * 2,
            "version": [1, 1, 1, 1],
            "received_at": pd.to_datetime(["2021-08-01", "2022-02-01"] * 2),
            "status": ["accepted"] * 4,
        }
    )
    return frame.assign(**changed)


def counts(**changed: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "provider": ["a", "a", "a", "b", "b", "b"],
            "period": ["2021-H1", "2021-H2", "2022-H1"] * 2,
            "events": [5.0, 6.0, 7.0, 0.0, 2.0, 3.0],
            "bed_days": [5000.0, 5100.0, 5050.0, 900.0, 950.0, 1000.0],
        }
    )
    return frame.assign(**changed)


def tables(**frames: pd.DataFrame | None) -> Tables:
    """Tables as `read_tables` leaves them, without its strictness: to show the rules what reading would stop."""
    given: dict[str, pd.DataFrame | None] = {
        "registrations": registrations(),
        "exposure": exposure(),
        "deliveries": deliveries(),
    }
    given |= frames
    numbered = {
        name: frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row")) if frame is not None else None
        for name, frame in given.items()
    }
    return Tables(**numbered)


def ready(frame: pd.DataFrame) -> Tables:
    return tables(registrations=None, exposure=None, deliveries=None, panel=frame)


def changed(column: str, row: int, value: Any, frame: pd.DataFrame) -> pd.DataFrame:
    values = frame[column].tolist()
    values[row] = value
    return frame.assign(**{column: values})


BAD_BED_DAYS = [
    ("negative-bed-days", "error", -1.0),
    ("infinite-bed-days", "error", np.inf),
    ("implausible-bed-days", "error", 1e308),
    ("missing-bed-days", "warning", np.nan),
    ("zero-bed-days", "warning", 0.0),
    ("capacity-for-bed-days", "error", 36.0),
    ("capacity-for-bed-days", "error", 28.0),
    ("bed-days-above-capacity", "warning", 3100.0),
    ("bed-days-jump", "warning", 252.0),
]


def test_clean_tables_break_no_rule() -> None:
    report = check(tables())
    assert report.findings == ()
    assert str(report) == "Nothing found."
    assert report.to_text("nl") == "Geen bijzonderheden gevonden."
    report.raise_for_errors()


def test_clean_counts_break_no_rule() -> None:
    assert check(ready(counts())).findings == ()


@pytest.mark.parametrize(("rule", "severity", "value"), BAD_BED_DAYS)
def test_bed_days(rule: str, severity: str, value: float) -> None:
    found = {f.rule: f for f in check(tables(exposure=changed("bed_days", 1, value, exposure()))).findings}
    assert rule in found
    assert (found[rule].severity, found[rule].count, found[rule].of, found[rule].rows) == (severity, 1, 8, (2,))


def test_bed_days_equal_to_an_occupancy_that_is_not_near_the_capacity_are_beds() -> None:
    frame = exposure(capacity=[np.nan] * 8)
    assert "capacity-for-bed-days" in rules(check(tables(exposure=changed("bed_days", 0, 28.0, frame))))


def test_few_bed_days_are_right_where_the_location_closed_in_the_period() -> None:
    few = changed("bed_days", 3, 20.0, exposure())
    closing = pd.DataFrame(
        {
            "provider_id": ["a", "b"],
            "location_id": ["a1", "b1"],
            "opened": pd.to_datetime([None, None]),
            "closed": pd.to_datetime(["2021-10-02", None]),
        }
    )
    assert "capacity-for-bed-days" in rules(check(tables(exposure=few)))
    assert "capacity-for-bed-days" not in rules(check(tables(exposure=few, locations=closing)))


def test_of_two_periods_that_differ_tenfold_both_are_named() -> None:
    frame = counts().iloc[[0, 1, 3, 4]]
    found = [f for f in check(ready(changed("bed_days", 0, 510.0, frame))).findings if f.rule == "bed-days-jump"]
    assert found[0].rows == (1, 2)


def test_a_location_that_is_not_listed() -> None:
    listed = pd.DataFrame({"provider_id": ["a"], "location_id": ["a1"]})
    found = {f.rule: f for f in check(tables(locations=listed)).findings}
    assert found["location-not-listed"].rows == (5, 6, 7, 8)


@pytest.mark.parametrize(
    ("by", "rule", "severity"),
    [("month", "exposure-too-coarse", "error"), ("half-year", "exposure-finer", "info"), ("quarter", None, None)],
)
def test_periods_of_exposure_beside_the_period_asked_for(by: Any, rule: str | None, severity: str | None) -> None:
    found = check(tables(), by=by).findings
    assert [(f.rule, f.severity) for f in found] == ([(rule, severity)] if rule else [])


BAD_REGISTRATIONS = [
    ("end-before-begin", "error", "end", pd.Timestamp(2020, 1, 1)),
    ("begin-in-future", "warning", "begin", pd.Timestamp(2031, 1, 1)),
    ("begin-long-ago", "warning", "begin", pd.Timestamp(1900, 1, 1)),
    ("begin-outside-calendar", "error", "begin", pd.Timestamp(1899, 12, 31)),
    ("begin-outside-calendar", "error", "begin", pd.Timestamp(2200, 1, 1)),
    ("missing-value", "error", "begin", pd.NaT),
    ("missing-value", "error", "provider_id", None),
    ("unknown-law", "error", "law", "WVGZ"),
    ("several-laws", "info", "law", "WZD"),
    ("law-missing", "warning", "law", None),
    ("law-missing", "warning", "law", "unknown"),
    ("unknown-code", "error", "intervention_code", "1"),
    ("no-form", "error", "intervention_code", None),
    ("duplicate-key", "error", "registration_id", "r1"),
    ("provider-without-exposure", "warning", "provider_id", "z"),
]


@pytest.mark.parametrize(("rule", "severity", "column", "value"), BAD_REGISTRATIONS)
def test_registrations(rule: str, severity: str, column: str, value: Any) -> None:
    found = {f.rule: f for f in check(tables(registrations=changed(column, 1, value, registrations()))).findings}
    assert rule in found
    assert found[rule].severity == severity
    assert found[rule].rows in {(2,), ()}


def test_a_year_that_no_period_can_hold_is_one_finding() -> None:
    far = registrations().astype({"begin": "datetime64[us]", "end": "datetime64[us]"})
    far.loc[0, "begin"] = np.datetime64("0001-01-01", "us")
    report = check(tables(registrations=far))
    assert rules(report) == {"begin-outside-calendar", "accepted-without-registrations"}
    assert "vóór 1900 of na 2199 (rij 1)" in report.to_text("nl")


def test_the_share_without_a_law_is_said() -> None:
    found = {f.rule: f for f in check(tables(registrations=registrations(law=["WVGGZ", None, None, None]))).findings}
    assert "In 3 of 4 registrations (75.0%) no law is given" in found["law-missing"].message["en"]
    assert "In 3 van de 4 registraties (75,0%) staat geen wet" in found["law-missing"].message["nl"]
    nowhere = check(tables(registrations=registrations(law=[None] * 4)))
    assert "law-missing" not in rules(nowhere)


def test_a_form_by_name_must_exist() -> None:
    named = registrations(form=["seclusion", "separation", None, None]).drop(columns="intervention_code")
    found = {f.rule: f for f in check(tables(registrations=named)).findings}
    assert (found["unknown-form"].rows, found["no-form"].rows) == ((2,), (3, 4))


def test_a_code_outside_the_list_of_the_law() -> None:
    frame = registrations(law=["WZD"] * 4, intervention_code=[EXTRA_SECURED_ROOM, SECLUSION, SECLUSION, SECLUSION])
    found = {f.rule: f for f in check(tables(registrations=frame, deliveries=deliveries(law=["WZD"] * 4))).findings}
    assert (found["code-outside-law"].severity, found["code-outside-law"].rows) == ("warning", (1,))
    assert EXTRA_SECURED_ROOM in found["code-outside-law"].message["nl"]


def test_planned_and_unplanned_together() -> None:
    report = check(tables(registrations=registrations(planned=[True, False, False, False])))
    assert [(f.rule, f.severity, f.count) for f in report.findings] == [("planned-and-unplanned", "info", 1)]


@pytest.mark.parametrize(("answer", "counts"), [(True, "1 are planned, 0 are"), (False, "0 are planned, 1 are")])
def test_blank_is_neither_planned_nor_unplanned(answer: bool, counts: str) -> None:
    (found,) = check(tables(registrations=registrations(planned=[answer, None, None, None]))).findings
    assert found.rule == "planned-and-unplanned"
    assert f"{counts} unplanned and 3 do not say it" in found.message["en"]
    assert check(tables(registrations=registrations(planned=[None] * 4))).findings == ()


@pytest.mark.parametrize(
    ("status", "rule", "severity"),
    [
        ("nothing_to_report", "registrations-despite-nothing", "error"),
        ("rejected", "registrations-not-accepted", "info"),
        ("not_delivered", "registrations-not-accepted", "info"),
        ("Accepted", "unknown-status", "error"),
    ],
)
def test_delivery_status(status: str, rule: str, severity: str) -> None:
    frame = deliveries(status=["accepted", "accepted", status, "accepted"])
    found = {f.rule: f for f in check(tables(deliveries=frame)).findings}
    assert found[rule].severity == severity
    assert found[rule].count == 1


def test_registrations_despite_nothing_are_shown_by_row() -> None:
    frame = deliveries(status=["accepted", "accepted", "nothing_to_report", "accepted"])
    found = {f.rule: f for f in check(tables(deliveries=frame)).findings}
    assert found["registrations-despite-nothing"].rows == (3,)
    assert "b 2021-H1" in found["registrations-despite-nothing"].message["en"]


def test_only_the_last_version_counts() -> None:
    later = pd.concat([deliveries(), deliveries(version=[2, 2, 2, 2]).iloc[:1]], ignore_index=True)
    frame = registrations(delivery_version=[1, 1, 1, 1])
    found = {f.rule: f for f in check(tables(registrations=frame, deliveries=later)).findings}
    assert (found["earlier-version"].severity, found["earlier-version"].count) == ("info", 1)


def two_versions(status: str = "accepted") -> pd.DataFrame:
    """Deliveries in which provider a sent a second version over 2021-H1."""
    second = deliveries(version=[2] * 4, status=[status] * 4).iloc[:1]
    return pd.concat([deliveries(), second], ignore_index=True)


def test_the_version_that_counts_must_be_in_the_file() -> None:
    first = registrations(delivery_version=[1.0] * 4)
    found = {f.rule: f for f in check(tables(registrations=first, deliveries=two_versions())).findings}
    absent = found["version-not-in-file"]
    assert (absent.severity, absent.count, absent.of) == ("error", 1, 4)
    assert absent.message["en"].endswith("only another version is there: a 2021-H1 (version 2).")
    assert absent.message["nl"].endswith("alleen een andere versie: a 2021-H1 (versie 2).")
    assert "accepted-without-registrations" not in found
    with pytest.raises(DataError, match="lack the version that counts"):
        dw.build_panel(tables(registrations=first, deliveries=two_versions()))


@pytest.mark.parametrize("version", [2.0, np.nan])
def test_a_version_that_is_there_or_is_not_given_is_not_missed(version: float) -> None:
    frame = registrations(delivery_version=[version, 1.0, 1.0, 1.0])
    assert check(tables(registrations=frame, deliveries=two_versions())).errors == ()


@pytest.mark.parametrize("status", ["nothing_to_report", "rejected"])
def test_a_version_that_holds_no_counts_need_not_be_in_the_file(status: str) -> None:
    frame = registrations(delivery_version=[1.0] * 4)
    assert check(tables(registrations=frame, deliveries=two_versions(status))).errors == ()


def test_registrations_of_a_version_that_was_not_delivered_would_be_added_up() -> None:
    twice = pd.concat([registrations(delivery_version=[1.0] * 4), registrations(delivery_version=[3.0] * 4).iloc[:1]])
    found = {f.rule: f for f in check(tables(registrations=twice.reset_index(drop=True))).findings}
    later = found["version-not-delivered"]
    assert (later.severity, later.count, later.of) == ("error", 1, 4)
    assert "a 2021-H1 (version 3)" in later.message["en"]


def test_an_accepted_half_year_without_any_registration_is_named() -> None:
    found = {f.rule: f for f in check(tables(registrations=registrations().iloc[[0, 2, 3]])).findings}
    silent = found["accepted-without-registrations"]
    assert (silent.severity, silent.count, silent.of) == ("warning", 1, 4)
    assert "not one registration of any form: a 2021-H2. They count as zero." in silent.message["en"]
    assert "geen enkele registratie, van welke vorm ook: a 2021-H2. Zij tellen als nul." in silent.message["nl"]


def test_of_many_accepted_half_years_without_registrations_five_are_named() -> None:
    many = pd.concat([deliveries(provider_id=[p] * 4).iloc[:2] for p in "cdabefg"], ignore_index=True)
    days = pd.concat([exposure(provider_id=[p] * 8).iloc[:4] for p in "abcdefg"], ignore_index=True)
    found = {f.rule: f for f in check(tables(deliveries=many, exposure=days)).findings}
    silent = found["accepted-without-registrations"]
    assert silent.count == 10
    assert ": c 2021-H1, c 2021-H2, d 2021-H1, d 2021-H2, e 2021-H1, .... They" in silent.message["en"]


def test_a_half_year_in_which_a_zero_is_said_or_not_counted_is_not_doubted() -> None:
    few = registrations().iloc[[0, 2, 3]]
    said = deliveries(status=["accepted", "nothing_to_report", "accepted", "accepted"])
    closed = exposure(bed_days=[2520.0, 2548.0, 0.0, 0.0, *exposure()["bed_days"][4:]])
    for changed_tables in ({"deliveries": said}, {"exposure": closed}):
        report = check(tables(registrations=few, **changed_tables))
        assert "accepted-without-registrations" not in rules(report)


def test_registrations_under_another_law_do_not_make_a_half_year_full() -> None:
    laws = registrations(law=["WVGGZ", "WZD", "WVGGZ", "WVGGZ"])
    both = pd.concat([deliveries(), deliveries(law=["WZD"] * 4).iloc[:2]], ignore_index=True)
    found = {f.rule: f for f in check(tables(registrations=laws, deliveries=both)).findings}
    assert ": a 2021-H1 WZD, a 2021-H2 WVGGZ." in found["accepted-without-registrations"].message["en"]
    unnamed = registrations().drop(columns="law")
    assert check(tables(registrations=unnamed, deliveries=both)).findings == ()


def test_the_same_registration_in_two_versions_is_not_double_when_the_last_version_is_known() -> None:
    twice = registrations(registration_id=["r1", "r1", "r3", "r4"], delivery_version=[1, 2, 1, 1])
    assert "duplicate-key" not in rules(check(tables(registrations=twice)))
    assert "duplicate-key" in rules(check(tables(registrations=twice, deliveries=None)))


def test_deliveries_without_bed_days_and_the_reverse() -> None:
    frame = deliveries(period=["2021-H1", "2022-H1", "2021-H1", "2021-H2"])
    found = {f.rule: f for f in check(tables(deliveries=frame)).findings}
    assert found["delivery-without-exposure"].rows == (2,)
    assert (found["exposure-without-delivery"].count, found["exposure-without-delivery"].of) == (1, 4)


def test_deliveries_are_half_years() -> None:
    frame = deliveries(period=["2021-Q1", "2021-Q3", "2021-Q1", "2021-Q3"])
    assert "delivery-not-half-year" in rules(check(tables(deliveries=frame)))


def test_without_deliveries_the_zeros_are_not_known() -> None:
    found = {f.rule: f for f in check(tables(deliveries=None)).findings}
    assert found["no-deliveries-table"].severity == "warning"


BAD_COUNTS = [
    ("missing-events", "error", "events", np.nan),
    ("negative-events", "error", "events", -1.0),
    ("fractional-events", "error", "events", 2.5),
    ("implausible-events", "error", "events", 2e8),
    ("implausible-events", "error", "events", 24.0 * 5100.0 + 1.0),
    ("implausible-events", "error", "events", np.inf),
    ("negative-bed-days", "error", "bed_days", -5.0),
    ("implausible-bed-days", "error", "bed_days", 1e308),
    ("missing-bed-days", "warning", "bed_days", np.nan),
    ("zero-bed-days", "warning", "bed_days", 0.0),
    ("mixed-periods", "error", "period", "2021"),
    ("duplicate-key", "error", "period", "2021-H1"),
]


@pytest.mark.parametrize(("rule", "severity", "column", "value"), BAD_COUNTS)
def test_ready_counts(rule: str, severity: str, column: str, value: Any) -> None:
    found = {f.rule: f for f in check(ready(changed(column, 1, value, counts()))).findings}
    assert rule in found
    assert found[rule].severity == severity
    assert found[rule].rows in {(2,), ()}


def test_a_blank_count_says_how_to_declare_it() -> None:
    blank = changed("events", 1, np.nan, counts())
    (problem,) = check(ready(blank)).problems("en")
    assert 'blank_events = "not delivered"' in problem
    assert check(ready(blank), blank_events="not delivered").errors == ()
    contradiction = blank.assign(delivered=[True] * 6)
    assert check(ready(contradiction), blank_events="not delivered").errors != ()
    assert check(ready(blank.assign(delivered=[True, False, True, True, True, True]))).errors == ()


def test_a_count_that_was_not_delivered_is_said() -> None:
    frame = counts(delivered=[True, False, True, True, True, True])
    found = {f.rule: f for f in check(ready(frame)).findings}
    assert (found["events-not-delivered"].severity, found["events-not-delivered"].rows) == ("info", (2,))


def by_form(**events: list[float]) -> pd.DataFrame:
    """Ready counts of six places in several forms."""
    parts = [counts(events=values).assign(form=form.replace("_", " ")) for form, values in events.items()]
    return pd.concat(parts, ignore_index=True)


FIRST, SECOND = [5.0, 6.0, 7.0, 0.0, 2.0, 3.0], [1.0, 0.0, 4.0, 0.0, 2.0, 9.0]
BOTH = [a + b for a, b in zip(FIRST, SECOND, strict=True)]


@pytest.mark.parametrize("name", ["all", "Totaal", "TOTAL", "alle", "alle vormen", "all_forms", " Total: "])
def test_a_total_is_no_form(name: str) -> None:
    frame = pd.concat([by_form(seclusion=FIRST), counts().assign(form=name)], ignore_index=True)
    found = {f.rule: f for f in check(ready(frame)).findings}
    total = found["total-among-parts"]
    assert (total.severity, total.count, total.of, total.rows) == ("error", 6, 12, (7, 8, 9, 10, 11))
    with pytest.raises(DataError, match="column form holds a total"):
        dw.build_panel(ready(frame))


@pytest.mark.parametrize("column", ["provider", "location"])
def test_a_total_is_no_provider_and_no_location(column: str) -> None:
    frame = counts(location=["x"] * 6)
    frame = changed(column, 5, "Totaal", frame)
    (found,) = (f for f in check(ready(frame)).errors)
    assert (found.rule, found.rows) == ("total-among-parts", (6,))
    assert f"column {column} holds" in found.message["en"]


def test_a_form_that_is_the_sum_of_the_others_is_said() -> None:
    found = {f.rule: f for f in check(ready(by_form(seclusion=FIRST, restraint=SECOND, together=BOTH))).findings}
    total = found["form-is-the-sum"]
    assert (total.severity, total.count, total.of) == ("warning", 1, 3)
    assert total.message["en"] == (
        "The form together equals the sum of the other forms in each of 5 rows that can be compared."
    )
    assert "De vorm together is in elk van de 5" in total.message["nl"]


def test_a_row_without_a_count_is_left_out_of_the_comparison_of_forms() -> None:
    frame = by_form(seclusion=FIRST, restraint=[np.nan, *SECOND[1:]], together=BOTH)
    report = check(ready(frame), blank_events="not delivered")
    assert "in each of 4 rows" in report.to_text()


@pytest.mark.parametrize("forms", [{"together": [*BOTH[:5], BOTH[5] + 1]}, {"together": [0.0] * 6}])
def test_a_form_that_is_not_the_sum_in_every_row_is_a_form(forms: dict[str, list[float]]) -> None:
    assert "form-is-the-sum" not in rules(check(ready(by_form(seclusion=FIRST, restraint=SECOND, **forms))))


def test_two_rows_are_too_few_to_call_a_form_a_sum() -> None:
    rare = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert "form-is-the-sum" not in rules(check(ready(by_form(seclusion=rare, restraint=rare))))


def test_only_zeros_and_one_provider() -> None:
    frame = counts(events=[0.0] * 6, provider=["a"] * 6, period=[f"2021-0{m}" for m in range(1, 7)])
    assert {"only-zeros", "one-provider"} <= rules(check(ready(frame)))
    assert "one-provider" in rules(check(tables(exposure=exposure().iloc[:4])))


def test_one_provider_spelt_in_two_ways() -> None:
    days = exposure(provider_id=["North-east"] * 4 + ["007"] * 4)
    rows = registrations(provider_id=["north east"] * 2 + ["7"] * 2)
    found = {f.rule: f for f in check(tables(exposure=days, registrations=rows, deliveries=None)).findings}
    twice = found["provider-spelt-twice"]
    assert (twice.severity, twice.count, twice.of) == ("warning", 4, 4)
    assert twice.message["en"].endswith("leading zeros: 007 = 7, North-east = north east.")
    other = exposure(provider_id=["1-1"] * 4 + ["11"] * 4)
    alike = check(tables(exposure=other, registrations=None, deliveries=None))
    assert "provider-spelt-twice" not in rules(alike)


def test_an_empty_table_and_a_missing_column() -> None:
    report = check(tables(exposure=exposure().iloc[:0], deliveries=deliveries().drop(columns="status")))
    assert {f.rule for f in report.errors} == {"empty-table", "missing-column"}


def audits(**changed: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "provider_id": ["a", "a", "b"],
            "period": ["2021-H1", "2021-H2", "2021-H1"],
            "form": ["seclusion", "seclusion", "restraint"],
            "n_found": [5.0, 6.0, 5.0],
            "n_registered": [4.0, 6.0, 0.0],
            "design": ["random"] * 3,
        }
    )
    return frame.assign(**changed)


def linked(**changed: list[Any]) -> pd.DataFrame:
    return audits(**changed).rename(columns={"n_found": "both", "n_registered": "register_only"}).assign(other_only=2.0)


def controls(**changed: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame({"provider_id": ["a", "b"], "period": ["2021-H1"] * 2, "control_count": [3.0, 4.0]})
    return frame.assign(**changed)


def test_clean_evidence_breaks_no_rule() -> None:
    whole = audits().drop(columns=["form", "design"])
    assert check(tables(audits=audits(), second_source=linked(), controls=controls())).findings == ()
    assert check(tables(audits=whole)).findings == ()
    assert check(tables(**ready_tables(audits=audits()))).findings == ()


def ready_tables(**frames: pd.DataFrame) -> dict[str, pd.DataFrame | None]:
    return {"registrations": None, "exposure": None, "deliveries": None, "panel": counts(), **frames}


@pytest.mark.parametrize(
    ("rule", "table", "frame", "rows"),
    [
        ("registered-above-found", "audits", audits(n_registered=[4.0, 7.0, 0.0]), (2,)),
        ("not-a-count", "audits", audits(n_found=[5.0, 6.5, 5.0]), (2,)),
        ("not-a-count", "audits", audits(n_registered=[-1.0, 6.0, 0.0]), (1,)),
        ("not-a-count", "controls", controls(control_count=[3.0, -1.0]), (2,)),
        ("not-a-count", "second_source", linked(n_found=[np.inf, 1.0, 1.0]), (1,)),
        ("evidence-without-provider", "audits", audits(provider_id=["a", "A", "b"]), (2,)),
        ("evidence-without-provider", "controls", controls(provider_id=["a", "total"]), (2,)),
        ("evidence-without-provider", "second_source", linked(provider_id=["x", "a", "b"]), (1,)),
        ("evidence-unknown-form", "audits", audits(form=["seclusoin", "seclusion", "restraint"]), (1,)),
        ("evidence-unknown-form", "second_source", linked(form=["seclusion", "seclusion", "all"]), (3,)),
        ("evidence-form-beside-all-forms", "audits", audits(form=["seclusion", None, None], period=["2021"] * 3), (2,)),
        ("audit-unknown-design", "audits", audits(design=["random", "Random", "targeted"]), (2,)),
        ("duplicate-key", "audits", audits(period=["2021-H1"] * 3), (2,)),
        ("duplicate-key", "second_source", linked(period=["2021-H1"] * 3), (2,)),
        ("duplicate-key", "controls", controls(provider_id=["a", "a"]), (2,)),
        ("missing-value", "audits", audits(n_found=[np.nan, 6.0, 5.0]), (1,)),
        ("mixed-periods", "controls", controls(period=["2021", "2021-H1"]), ()),
    ],
)
def test_evidence(rule: str, table: str, frame: pd.DataFrame, rows: tuple[int, ...]) -> None:
    found = {f.rule: f for f in check(tables(**{table: frame})).findings}
    assert set(found) == {rule}
    assert (found[rule].severity, found[rule].table, found[rule].rows) == ("error", table, rows)


def test_evidence_beside_ready_counts_names_their_forms_and_providers() -> None:
    panel = counts(form=["hold"] * 6)
    report = check(tables(**ready_tables(panel=panel, audits=audits(form=["hold", "hold", "seclusion"]))))
    found = {f.rule: f for f in report.errors}
    assert found["evidence-unknown-form"].rows == (3,)
    assert "Choose from hold," in found["evidence-unknown-form"].action["en"]


@pytest.mark.parametrize(
    ("table", "frame"),
    [
        ("audits", audits(n_found=[0.0] * 3, n_registered=[0.0] * 3)),
        ("controls", controls(control_count=[0.0, 0.0])),
    ],
)
def test_evidence_of_zeros_says_nothing(table: str, frame: pd.DataFrame) -> None:
    (finding,) = check(tables(**{table: frame})).findings
    assert (finding.rule, finding.severity) == ("evidence-without-events", "warning")


def test_all_errors_are_raised_at_once_and_sorted_by_severity() -> None:
    bad = tables(
        registrations=registrations(law=["x"] * 4, registration_id=["r1"] * 4),
        exposure=exposure(bed_days=[-1.0, 0.0, *exposure()["bed_days"][2:]]),
    )
    report = check(bad)
    order = [f.severity for f in report.findings]
    assert order == sorted(order, key=["error", "warning", "info"].index)
    with pytest.raises(DataError) as caught:
        report.raise_for_errors("nl")
    assert len(caught.value.problems) == len(report.errors) == 3
    assert any("negatief" in problem for problem in caught.value.problems)


def test_the_report_is_a_frame_and_a_text_in_both_languages() -> None:
    report = check(tables(exposure=changed("bed_days", 1, -1.0, exposure())))
    frame = report.to_frame("nl")
    assert list(frame.columns) == ["rule", "severity", "table", "count", "of", "rows", "message", "action"]
    assert str(report).startswith("Error [exposure] The number of occupied bed-days is negative in 1 of 8 rows")
    assert report.to_text("nl").startswith("Fout [exposure] In 1 van de 8 rijen")
    with pytest.raises(DomainError, match="no language"):
        report.to_frame("fr")  # type: ignore[arg-type]


def test_what_reading_noticed_is_part_of_the_report() -> None:
    read = dw.read_tables(panel=counts(events=["5", "6", "seven", "0", "2", "3"]))
    assert {"not-a-count", "missing-events"} <= rules(check(read))


def test_a_single_service_number_is_never_repeated() -> None:
    """123456782 passes the eleven-test; as one provider among others it is not refused."""
    report = check(tables(registrations=changed("provider_id", 1, "123456782", registrations())))
    found = {f.rule: f for f in report.findings}
    assert "the table exposure: #2 (row 2)" in found["provider-without-exposure"].message["en"]
    assert "123456782" not in report.to_text("nl") + report.to_text("en")


def test_no_message_holds_a_person_or_a_registration() -> None:
    report = worst_case()
    assert len(report.findings) > 10
    for finding in report.findings:
        for language in ("nl", "en"):
            text = finding.message[language] + finding.action[language]
            assert "secret" not in text
            assert not re.search(r"\br[1-4]\b", text)
            assert "{" not in text


def worst_case() -> CheckReport:
    """Tables in which nearly everything is wrong and persons stand in the wrong columns; nothing may crash."""
    people = ["secret-1", "secret-2", None, None]
    frame = registrations(
        law=people, intervention_code=people, form=people, planned=[True, False, None, None], end=[pd.NaT] * 4
    )
    frame = changed("begin", 0, pd.NaT, changed("provider_id", 3, "q", frame))
    days = exposure(bed_days=[np.nan, -1.0, 0.0, np.inf, 30.0, 2548.0, 99999.0, 2576.0])
    days = changed("period", 7, "2021", changed("provider_id", 6, None, days))
    late = deliveries(status=["rejected", None, "nothing_to_report", "x"], period=["2021-H1", None, "2021-H1", "2021"])
    return check(tables(registrations=frame, exposure=days, deliveries=late, panel=counts(events=[np.nan] * 6)))


def rules(report: CheckReport) -> set[str]:
    return {f.rule for f in report.findings}
