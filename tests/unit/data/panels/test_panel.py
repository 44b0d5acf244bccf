"""What a panel counts, what it leaves out, and that it says so; small registers whose answer can be counted by hand."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import dwangstats as dw
from dwangstats.data.panels.panel import Panel, build_panel
from dwangstats.data.panels.reasons import REASONS, reasons_in
from dwangstats.data.reading.aggregate import count_registrations
from dwangstats.data.reading.read import Tables
from dwangstats.errors import DataError, InternalError

ROOM, EXTRA, OWN_ROOM, PILLS = "124061000146109", "124041000146108", "124051000146106", "29211000146105"


def registrations(rows: list[tuple[str, str, str]], **more: Any) -> pd.DataFrame:
    """Registrations from (provider, begin, code)."""
    frame = pd.DataFrame(rows, columns=["provider_id", "begin", "intervention_code"])
    return frame.assign(registration_id=[f"r{i}" for i in range(len(rows))], **more)


def exposure(
    providers: str = "ab", periods: tuple[str, ...] = ("2021-Q1", "2021-Q2", "2021-Q3", "2021-Q4")
) -> pd.DataFrame:
    """1,000 bed-days per provider and quarter."""
    rows = [(provider, period, 1000.0) for provider in providers for period in periods]
    return pd.DataFrame(rows, columns=["provider_id", "period", "bed_days"])


def deliveries(status: dict[tuple[str, str], str], **more: Any) -> pd.DataFrame:
    rows = [(provider, period, value) for (provider, period), value in status.items()]
    return pd.DataFrame(rows, columns=["provider_id", "period", "status"]).assign(**more)


ALL_ACCEPTED = {(p, h): "accepted" for p in "ab" for h in ("2021-H1", "2021-H2")}
THREE = registrations([("a", "2021-02-01", ROOM), ("a", "2021-03-01", EXTRA), ("b", "2021-09-01", ROOM)])


def small(status: dict[tuple[str, str], str] | None = None, rows: pd.DataFrame = THREE, **more: Any) -> Tables:
    table = deliveries(ALL_ACCEPTED | (status or {}))
    return dw.read_tables(**({"registrations": rows, "exposure": exposure(), "deliveries": table} | more))


def cells(panel: Panel) -> dict[tuple[str, str, str], float]:
    frame = panel.frame
    return dict(zip(zip(frame["provider"], frame["period"], frame["form"], strict=True), frame["events"], strict=True))


def apart(panel: Panel) -> dict[tuple[str, str], int]:
    frame = panel.set_aside
    return dict(zip(zip(frame["what"], frame["reason"], strict=True), frame["count"], strict=True))


def test_a_delivered_period_without_registrations_is_zero_and_an_undelivered_one_is_missing() -> None:
    panel = build_panel(small({("b", "2021-H1"): "not_delivered", ("a", "2021-H2"): "accepted"}))
    found = cells(panel)
    assert found["a", "2021-H1", "seclusion"] == 2
    assert found["a", "2021-H2", "seclusion"] == 0
    assert found["b", "2021-H2", "seclusion"] == 1
    assert np.isnan(found["b", "2021-H1", "seclusion"])
    assert apart(panel) == {("rows", "nothing delivered"): 1}
    assert len(panel.observed) == 3
    assert panel.registrations_read == 3


def test_nothing_to_report_is_zero() -> None:
    panel = build_panel(small({("a", "2021-H2"): "nothing_to_report"}))
    assert cells(panel)["a", "2021-H2", "seclusion"] == 0


def test_columns_types_and_order() -> None:
    panel = build_panel(small(), law="WVGGZ")
    assert list(panel.frame.columns) == [
        *("provider", "law", "period", "year", "time", "form", "events", "bed_days", "delivered"),
    ]
    assert panel.frame["provider"].tolist() == ["a", "a", "b", "b"]
    assert panel.frame["time"].tolist() == [2021.25, 2021.75] * 2
    assert panel.frame["bed_days"].tolist() == [2000.0] * 4
    assert panel.frame["year"].dtype == np.int64
    assert panel.frame["delivered"].dtype == bool
    assert (panel.providers, panel.periods, panel.forms) == (("a", "b"), ("2021-H1", "2021-H2"), ("seclusion",))


def test_registrations_of_a_refused_delivery_are_set_aside_by_reason() -> None:
    panel = build_panel(small({("a", "2021-H1"): "rejected"}))
    assert apart(panel) == {("rows", "delivery rejected"): 1, ("registrations", "delivery rejected"): 2}


def test_the_last_accepted_version_decides_whatever_the_order_of_the_rows() -> None:
    status = {("a", "2021-H1"): "accepted", ("a", "2021-H2"): "accepted"}
    days, rows = exposure("a"), THREE.iloc[:2]
    for first, second in (("accepted", "rejected"), ("rejected", "accepted")):
        one = deliveries(status | {("a", "2021-H1"): first}, version=[1, 1])
        other = deliveries({("a", "2021-H1"): second}, version=[2])
        for order in ([one, other], [other, one]):
            table = pd.concat(order, ignore_index=True)
            panel = build_panel(dw.read_tables(registrations=rows, exposure=days, deliveries=table))
            assert set(panel.delivery_status["status"]) == {"accepted"}
            assert apart(panel) == {}


def test_registrations_of_an_earlier_version_are_replaced_and_not_added() -> None:
    table = pd.concat([deliveries(ALL_ACCEPTED, version=1), deliveries({("a", "2021-H1"): "accepted"}, version=2)])
    rows = pd.concat([THREE.assign(delivery_version=1), THREE.iloc[:1].assign(delivery_version=2)])
    panel = build_panel(dw.read_tables(registrations=rows, exposure=exposure(), deliveries=table))
    assert cells(panel)["a", "2021-H1", "seclusion"] == 1
    assert apart(panel)["registrations", "from an earlier version of the delivery"] == 2


def test_without_deliveries_a_half_year_without_registrations_is_unknown() -> None:
    panel = build_panel(dw.read_tables(registrations=THREE, exposure=exposure()))
    assert panel.observed[["provider", "period", "events"]].values.tolist() == [
        ["a", "2021-H1", 2],
        ["b", "2021-H2", 1],
    ]
    assert panel.delivery_status["status"].tolist() == ["accepted", "unknown", "unknown", "accepted"]
    quarters = build_panel(dw.read_tables(registrations=THREE, exposure=exposure()), by="quarter")
    assert quarters.observed["events"].tolist() == [2, 0, 1, 0]


def test_a_year_needs_both_halves() -> None:
    panel = build_panel(small({("a", "2021-H2"): "rejected"}), by="year")
    assert np.isnan(cells(panel)["a", "2021", "seclusion"])
    assert cells(panel)["b", "2021", "seclusion"] == 1
    assert apart(panel)["registrations", "the other half of the year was not delivered"] == 2
    assert panel.delivery_status["status"].tolist() == ["rejected", "accepted"]


def test_a_quarter_has_the_status_of_its_half_year() -> None:
    panel = build_panel(small({("b", "2021-H2"): "rejected"}), by="quarter")
    without = panel.frame.loc[~panel.frame["delivered"], ["provider", "period"]].values.tolist()
    assert without == [["b", "2021-Q3"], ["b", "2021-Q4"]]


def test_forms_and_definitions() -> None:
    rows = registrations([("a", "2021-02-01", c) for c in (ROOM, EXTRA, OWN_ROOM, PILLS)])
    tables = small(rows=rows)
    by_definition = {d: cells(build_panel(tables, definition=d)) for d in ("D1", "D2", "D4")}
    assert [found["a", "2021-H1", "seclusion"] for found in by_definition.values()] == [1, 2, 3]
    assert build_panel(tables).forms == ("medication", "other_locking_in", "seclusion")
    one = build_panel(tables, form="seclusion")
    assert apart(one) == {("registrations", "another form"): 2}
    assert cells(build_panel(tables, form=["restraint"]))["a", "2021-H1", "restraint"] == 0


def test_one_form_and_the_sum_of_forms() -> None:
    rows = registrations([("a", "2021-02-01", ROOM), ("a", "2021-02-01", PILLS), ("b", "2021-09-01", PILLS)])
    panel = build_panel(small({("b", "2021-H1"): "rejected"}, rows=rows))
    whole = panel.for_form("all")
    assert cells(whole)["a", "2021-H1", "all"] == 2
    assert np.isnan(cells(whole)["b", "2021-H1", "all"])
    assert whole.frame["bed_days"].tolist() == [2000.0] * 4
    assert panel.for_form("seclusion").forms == ("seclusion",)
    assert apart(panel.for_form("seclusion"))["registrations", "another form"] == 2
    assert whole.for_form("all") is whole
    with pytest.raises(DataError, match="Did you mean 'seclusion'"):
        panel.for_form("seclusie")


def test_laws_are_never_added_silently() -> None:
    mixed = THREE.assign(law=["WVGGZ", "WZD", "WVGGZ"])
    table = pd.concat([deliveries(ALL_ACCEPTED, law="WVGGZ"), deliveries(ALL_ACCEPTED, law="WZD")])
    tables = dw.read_tables(registrations=mixed.assign(intervention_code=ROOM), exposure=exposure(), deliveries=table)
    with pytest.raises(DataError, match="2 laws \\(WVGGZ, WZD\\)"):
        build_panel(tables)
    panel = build_panel(tables, law="WZD")
    assert cells(panel)["a", "2021-H1", "seclusion"] == 1
    assert panel.frame["law"].unique().tolist() == ["WZD"]
    assert apart(panel) == {("registrations", "registered under another law"): 2}
    with pytest.raises(DataError, match="No registration falls under the law 'BOPZ'"):
        build_panel(tables, law="BOPZ")


def test_deliveries_that_are_all_under_another_law_are_the_reason_why_nothing_counts() -> None:
    rows = THREE.assign(law="WVGGZ")
    elsewhere = small(rows=rows, deliveries=deliveries(ALL_ACCEPTED, law="WZD"))
    for law in ("WVGGZ", None):
        with pytest.raises(DataError, match="No delivery falls under the law 'WVGGZ'; the deliveries fall under WZD"):
            build_panel(elsewhere, law=law)
    unnamed = small(rows=rows, deliveries=deliveries(ALL_ACCEPTED, law=["WZD", None, None, None]))
    assert len(build_panel(unnamed, law="WVGGZ").observed) == 3


def test_a_delivery_under_another_law_says_nothing() -> None:
    status = pd.concat([deliveries(ALL_ACCEPTED, law="WZD"), deliveries({("a", "2021-H1"): "accepted"}, law="WVGGZ")])
    tables = dw.read_tables(registrations=THREE.iloc[:2].assign(law="WVGGZ"), exposure=exposure(), deliveries=status)
    panel = build_panel(tables)
    assert panel.observed[["provider", "period"]].values.tolist() == [["a", "2021-H1"]]


def test_planned_and_unplanned_are_never_added_silently() -> None:
    tables = small(rows=THREE.assign(planned=["yes", "no", None]))
    with pytest.raises(DataError, match="1 planned and 1 unplanned"):
        build_panel(tables)
    panel = build_panel(tables, planned=False)
    assert cells(panel)["a", "2021-H1", "seclusion"] == 1
    assert apart(panel) == {("registrations", "planned"): 1, ("registrations", "not known whether planned"): 1}
    with pytest.raises(DataError, match="no column planned"):
        build_panel(small(), planned=True)


@pytest.mark.parametrize(
    ("answer", "says"), [("yes", "1 planned and 0 unplanned"), ("no", "0 planned and 1 unplanned")]
)
def test_blank_is_not_added_to_planned_or_to_unplanned(answer: str, says: str) -> None:
    tables = small(rows=THREE.assign(planned=[answer, None, None]))
    with pytest.raises(DataError, match=f"{says} measures and 2 that do not say it"):
        build_panel(tables)
    assert build_panel(tables, planned=answer == "yes").observed["events"].sum() == 1
    assert build_panel(small(rows=THREE.assign(planned=[answer] * 3))).observed["events"].sum() == 3


def test_incomplete_bed_days_set_a_period_aside() -> None:
    days = exposure()
    missing = build_panel(small(exposure=days.assign(bed_days=[np.nan, *days["bed_days"][1:]])))
    assert apart(missing) == {
        ("rows", "bed-days missing"): 1,
        ("registrations", "bed-days missing"): 2,
    }
    partial = build_panel(small(exposure=days.iloc[1:]))
    assert apart(partial)["registrations", "bed-days known for part of the period only"] == 2
    outside = build_panel(small(exposure=days.iloc[2:]))
    assert apart(outside) == {
        ("rows", "no bed-days known for this provider and period"): 1,
        ("registrations", "no bed-days known for this provider and period"): 2,
    }


def located(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["provider_id", "location_id", "period"]).assign(bed_days=500.0)


def test_a_location_that_says_it_closed_need_not_have_bed_days() -> None:
    every = [("a", "a1", p) for p in ("2021-Q1", "2021-Q2", "2021-Q3", "2021-Q4")] + [("a", "a2", "2021-Q1")]
    rows, table = THREE.iloc[:2], deliveries({("a", "2021-H1"): "accepted", ("a", "2021-H2"): "nothing_to_report"})
    given = {"registrations": rows, "exposure": located(every), "deliveries": table}
    places = pd.DataFrame({"provider_id": ["a", "a"], "location_id": ["a1", "a2"]})
    unexplained = build_panel(dw.read_tables(**given))
    assert apart(unexplained)["rows", "bed-days known for part of the period only"] == 1
    assert unexplained.observed["period"].tolist() == ["2021-H2"]
    closed = build_panel(dw.read_tables(**given, locations=places.assign(closed=[None, "2021-03-31"])))
    assert closed.observed["bed_days"].tolist() == [1500.0, 1000.0]
    still_open = build_panel(
        dw.read_tables(
            **(given | {"exposure": located([*every, ("a", "a2", "2021-Q2")])}),
            locations=places,
        )
    )
    assert still_open.observed["period"].tolist() == ["2021-H1"]


def test_a_provider_that_opened_in_the_period_counts() -> None:
    days = exposure().iloc[1:]
    places = pd.DataFrame({"provider_id": ["a"], "location_id": ["a1"], "opened": ["2021-02-15"]})
    panel = build_panel(small(exposure=days, locations=places))
    assert panel.frame["bed_days"].tolist() == [1000.0, 2000.0, 2000.0, 2000.0]


def test_a_closed_unit_has_no_rate() -> None:
    days = exposure()
    panel = build_panel(small(exposure=days.assign(bed_days=[1000.0] * 6 + [0.0] * 2)))
    assert apart(panel) == {
        ("rows", "no occupied bed-days in the period"): 1,
        ("registrations", "no occupied bed-days in the period"): 1,
    }


def test_an_undelivered_period_keeps_its_row_when_its_bed_days_are_unknown() -> None:
    days = exposure()
    tables = small({("a", "2021-H1"): "rejected"}, exposure=days.assign(bed_days=[np.nan, *days["bed_days"][1:]]))
    panel = build_panel(tables)
    row = panel.frame.loc[~panel.frame["delivered"]]
    assert row[["provider", "period"]].values.tolist() == [["a", "2021-H1"]]
    assert row["bed_days"].isna().all()


def test_delivery_status_covers_every_provider_and_period() -> None:
    table = deliveries({("a", "2021-H1"): "accepted", ("b", "2021-H2"): "accepted", ("c", "2021-H2"): "rejected"})
    panel = build_panel(dw.read_tables(registrations=THREE, exposure=exposure(), deliveries=table))
    assert panel.delivery_status.values.tolist() == [
        ["a", "2021-H1", "accepted"],
        ["a", "2021-H2", "unknown"],
        ["b", "2021-H1", "unknown"],
        ["b", "2021-H2", "accepted"],
        ["c", "2021-H1", "unknown"],
        ["c", "2021-H2", "rejected"],
    ]


def test_covariates_are_constant_within_a_provider_and_period() -> None:
    days = exposure().assign(setting=["closed"] * 4 + ["open"] * 4, quarter=["1", "2", "3", "4"] * 2)
    panel = build_panel(small(exposure=days), covariates="setting")
    assert panel.covariates == ("setting",)
    assert panel.frame["setting"].tolist() == ["closed", "closed", "open", "open"]
    with pytest.raises(
        DataError, match=r"'quarter' has more than one value in 4 of 4 provider-periods \(first: a 2021-H1"
    ):
        build_panel(small(exposure=days), covariates=["quarter"])


def test_all_problems_are_told_at_once() -> None:
    days = exposure().assign(bed_days=[-1.0] + [1000.0] * 7)
    with pytest.raises(DataError) as caught:
        build_panel(small(exposure=days), form="isolation", law="WVGZ", covariates=["settng", "year"], by="halfyear")  # type: ignore[arg-type]
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for part in ("negative", "isolation", "Did you mean 'WVGGZ'", "settng", "'year' cannot be", "by='halfyear'"):
        assert part in text


def test_a_panel_needs_registrations_and_bed_days() -> None:
    with pytest.raises(DataError, match="exposure is missing"):
        build_panel(dw.read_tables(registrations=THREE))


def test_restricting_to_providers_keeps_the_account() -> None:
    panel = build_panel(small({("b", "2021-H1"): "rejected"}))
    chosen = panel.restrict(["a"])
    assert chosen.providers == ("a",)
    assert apart(chosen) == {("rows", "provider not selected"): 1, ("registrations", "provider not selected"): 1}
    assert set(chosen.delivery_status["provider"]) == {"a"}
    assert chosen.fingerprint != panel.fingerprint
    assert panel.restrict(panel.providers) is panel
    with pytest.raises(DataError, match="1 of 2 providers are not in the panel"):
        panel.restrict(["a", "z"])
    with pytest.raises(DataError, match="No provider is left"):
        panel.restrict([])


def test_restricting_to_periods_keeps_the_account() -> None:
    panel = build_panel(small())
    kept = panel.during(panel.periods[:1])
    assert kept.periods == panel.periods[:1]
    assert set(kept.delivery_status["period"]) == set(panel.periods[:1])
    gone = panel.observed.loc[panel.observed["period"] != panel.periods[0]]
    assert apart(kept)["registrations", "period not compared"] == gone["events"].sum() > 0
    assert panel.during(panel.periods) is panel
    with pytest.raises(DataError, match="1 of 2 periods are not in the panel"):
        panel.during([panel.periods[0], "1999-H1"])
    with pytest.raises(DataError, match="No period is left"):
        panel.during([])


def test_a_panel_that_loses_a_registration_cannot_be_made() -> None:
    panel = build_panel(small())
    with pytest.raises(InternalError, match="4 registrations were read; 3 are in the panel and 0 set aside"):
        Panel(panel.frame, panel.unit, panel.by, "", panel.set_aside, 4, panel.delivery_status)
    twice = pd.concat([panel.frame, panel.frame])
    with pytest.raises(InternalError, match="names each row once"):
        Panel(twice, panel.unit, panel.by, "", panel.set_aside, None, panel.delivery_status)


def test_the_fingerprint_follows_input_and_arguments() -> None:
    prints = {
        build_panel(small()).fingerprint,
        build_panel(small(), definition="D1").fingerprint,
        build_panel(small({("b", "2021-H1"): "rejected"})).fingerprint,
    }
    assert len(prints) == 3
    assert build_panel(small()).fingerprint in prints


def test_reasons_have_both_languages() -> None:
    panel = build_panel(small({("a", "2021-H1"): "rejected"}))
    assert reasons_in(panel.set_aside, "nl")["reason"].tolist() == ["aanlevering afgekeurd"] * 2
    assert set(panel.set_aside["reason"]) <= set(REASONS)


def test_counting_runs_in_other_engines() -> None:
    rows = THREE.assign(begin=pd.to_datetime(THREE["begin"]), law="WVGGZ", planned=[True, None, False])
    expected = count_registrations(rows)
    order = list(expected.columns)
    for other in (pl.from_pandas(rows), pl.from_pandas(rows).lazy(), duckdb.from_df(rows)):
        found = count_registrations(other)[order].sort_values(order).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected.sort_values(order).reset_index(drop=True))


FACILITIES = pd.DataFrame(
    {
        "facility": [1, 1, 2, 2],
        "jaar": [2021, 2022, 2021, 2022],
        "maand": [1, 1, 1, 1],
        "incidents": [3, 5, None, 2],
        "days": [300.0, 310.0, 200.0, 210.0],
        "source": ["old", "new", "old", "new"],
    }
)


def from_frame(frame: Any = FACILITIES, **changed: Any) -> Panel:
    arguments: dict[str, Any] = {
        "provider": "facility",
        "period": {"year": "jaar", "month": "maand"},
        "events": "incidents",
        "exposure": "days",
        "blank_events": "not delivered",
    }
    return Panel.from_frame(frame, **(arguments | changed))


def test_a_frame_of_counts() -> None:
    panel = from_frame(covariates=["source"], unit="inmate-days")
    assert panel.frame["period"].tolist() == ["2021-01", "2022-01"] * 2
    assert panel.frame["provider"].tolist() == ["1", "1", "2", "2"]
    assert (panel.by, panel.unit, panel.forms, panel.covariates) == ("month", "inmate-days", ("all",), ("source",))
    assert panel.registrations_read == 10
    assert panel.frame["delivered"].tolist() == [True, True, False, True]
    assert apart(panel) == {("rows", "nothing delivered"): 1}
    assert panel.delivery_status["status"].tolist() == ["accepted", "accepted", "not_delivered", "accepted"]


def test_a_frame_of_polars_and_text_gives_the_same_panel() -> None:
    text = FACILITIES.astype({"facility": str, "jaar": str, "maand": str})
    for other in (pl.from_pandas(FACILITIES), text, FACILITIES.sample(frac=1.0, random_state=1)):
        pd.testing.assert_frame_equal(from_frame(other).frame, from_frame().frame)


def test_a_blank_is_an_error_unless_declared() -> None:
    with pytest.raises(DataError, match="blank_events"):
        from_frame(blank_events="error")


def test_counts_without_usable_bed_days_are_set_aside() -> None:
    days = FACILITIES.assign(days=[0.0, None, 200.0, 210.0])
    with pytest.raises(DataError, match="events although the number of occupied bed-days is zero \\(row 1\\)"):
        from_frame(days)
    panel = from_frame(days.assign(incidents=[0, 5, None, 2]))
    assert len(panel.observed) == 1
    assert apart(panel) == {
        ("rows", "bed-days missing"): 1,
        ("rows", "no occupied bed-days in the period"): 1,
        ("rows", "nothing delivered"): 1,
        ("registrations", "bed-days missing"): 5,
    }


def test_counts_that_were_not_delivered_are_set_aside() -> None:
    panel = from_frame(FACILITIES.assign(sent=["yes", "no", "no", "yes"]), delivered="sent")
    assert apart(panel) == {("rows", "nothing delivered"): 2, ("registrations", "nothing delivered"): 5}


def test_columns_of_a_frame_must_exist_and_be_free() -> None:
    with pytest.raises(DataError, match="Did you mean 'incidents'"):
        from_frame(events="incident")
    with pytest.raises(DataError, match="give year alone, or year with one of"):
        from_frame(period={"month": "maand"})
    with pytest.raises(DataError, match="'year' cannot be a covariate"):
        from_frame(covariates=["year"])


def test_counts_by_form_and_location() -> None:
    frame = pd.DataFrame(
        {
            "p": ["a"] * 4 + ["b"] * 2,
            "unit": ["u1", "u1", "u2", "u2", "u1", "u1"],
            "t": ["2021-H1"] * 6,
            "kind": ["seclusion", "medication"] * 3,
            "n": [1, 2, 3, 4, 5, None],
            "d": [100.0] * 6,
        }
    )
    named: dict[str, Any] = {"provider": "p", "period": "t", "events": "n", "exposure": "d", "location": "unit"}
    panel = Panel.from_frame(frame, **named, form="kind", blank_events="not delivered")
    whole = panel.for_form("all")
    assert whole.frame["events"].tolist()[:2] == [3, 7]
    assert np.isnan(whole.frame["events"].iloc[2])
    assert apart(whole)["registrations", "not every form is known for this provider and period"] == 5
    uneven = frame.assign(d=[100.0, 101.0, 100.0, 100.0, 100.0, 100.0])
    with pytest.raises(DataError, match="different bed-days in 1 of 3"):
        Panel.from_frame(uneven, **named, form="kind", blank_events="not delivered").for_form("all")


def test_ready_counts_select_law_and_form() -> None:
    frame = pd.DataFrame(
        {
            "provider": ["a", "a", "b", "b"],
            "law": ["WVGGZ", "WZD", "WVGGZ", "WZD"],
            "period": ["2021"] * 4,
            "events": [1, 2, 3, 4],
            "bed_days": [100.0] * 4,
        }
    )
    tables = dw.read_tables(panel=frame)
    with pytest.raises(DataError, match="2 laws"):
        build_panel(tables)
    panel = build_panel(tables, law="WZD")
    assert panel.frame["events"].tolist() == [2, 4]
    assert apart(panel) == {("registrations", "registered under another law"): 4}
    with pytest.raises(DataError, match="planned= cannot be applied to ready counts"):
        build_panel(tables, law="WZD", planned=True)
    with pytest.raises(DataError, match="no form 'seclusion' in the counts"):
        build_panel(tables, law="WZD", form="seclusion")
    partly = dw.read_tables(panel=frame.assign(law=["WVGGZ", None, "WVGGZ", None]))
    with pytest.raises(DataError, match="2 laws \\(WVGGZ, unknown\\)"):
        build_panel(partly)
    assert build_panel(partly, law="WVGGZ").frame["events"].tolist() == [1, 3]
    with pytest.raises(DataError, match="No count falls under the law 'WVGGZ'; the counts fall under unknown"):
        build_panel(dw.read_tables(panel=frame.iloc[::2].assign(law=None)), law="WVGGZ")
