"""Interventions in a panel: only what is asked for and was taken in leads or continues, and reasons are true."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.panels import reasons

EXPOSURE = pd.DataFrame({"provider_id": ["a", "a"], "period": ["2021-H1", "2021-H2"], "bed_days": 9000.0})
DELIVERED = pd.DataFrame({"provider_id": "a", "period": ["2021-H1", "2021-H2"], "status": "accepted"})


def registered(*rows: tuple[str, str, str], **more: Any) -> pd.DataFrame:
    """Registrations of provider a: client, begin, end."""
    frame = pd.DataFrame(rows, columns=["client_id", "begin", "end"]).assign(provider_id="a", form="seclusion")
    return frame.assign(**more)


def aside(panel: dw.Panel, reason: str) -> int:
    rows = panel.set_aside.query("what == 'registrations' and reason == @reason")
    return int(rows["count"].sum())


def events(panel: dw.Panel) -> list[float]:
    return panel.frame.sort_values("period")["events"].tolist()


def test_an_unplanned_measure_does_not_continue_a_planned_one():
    rows = registered(
        ("x", "2021-02-01 10:00", "2021-02-01 11:00"),
        ("x", "2021-02-01 15:00", "2021-02-01 16:00"),
        law="WZD",
        planned=["yes", "no"],
    )
    tables = dw.read_tables(registrations=rows, exposure=EXPOSURE)
    for planned in (False, True):
        panel = dw.build_panel(tables, planned=planned, gap_hours=24)
        assert panel.observed["events"].sum() == 1.0
        assert aside(panel, reasons.CONTINUES) == 0


@pytest.mark.parametrize("planned", [False, True])
def test_choosing_first_and_joining_afterwards_is_the_same_as_asking(planned):
    tables = dw.worlds.make("mixed", "tiny", 3, calibrate=False, sector="wzd").tables
    frame = tables.registrations
    chosen = dict(tables.given) | {"registrations": frame.loc[frame["planned"] == planned]}
    asked = dw.build_panel(tables, planned=planned, gap_hours=24)
    alone = dw.build_panel(dw.read_tables(**chosen), planned=planned, gap_hours=24)
    forms = sorted(set(asked.frame["form"]) & set(alone.frame["form"]))
    assert forms
    for form in forms:
        assert np.array_equal(events(asked.for_form(form)), events(alone.for_form(form)), equal_nan=True)
    assert asked.observed["events"].sum() == alone.observed["events"].sum()


def test_a_refused_half_year_leads_nothing():
    rows = registered(
        ("x", "2021-06-30 20:00", "2021-06-30 23:00"),
        ("x", "2021-07-01 10:00", "2021-07-01 12:00"),
        ("y", "2021-09-01 10:00", "2021-09-01 11:00"),
    )
    refused = DELIVERED.assign(status=["rejected", "accepted"])
    panel = dw.build_panel(dw.read_tables(registrations=rows, exposure=EXPOSURE, deliveries=refused), gap_hours=24)
    without = dw.build_panel(
        dw.read_tables(registrations=rows.iloc[1:], exposure=EXPOSURE, deliveries=refused), gap_hours=24
    )
    assert np.array_equal(events(panel), [np.nan, 2.0], equal_nan=True)
    assert np.array_equal(events(panel), events(without), equal_nan=True)
    assert aside(panel, reasons.CONTINUES) == 0


def test_what_began_where_nothing_is_counted_says_so():
    rows = registered(
        ("x", "2021-06-30 20:00", "2021-06-30 23:00"),
        ("x", "2021-07-01 10:00", "2021-07-01 12:00"),
        ("x", "2021-07-02 10:00", "2021-07-02 12:00"),
        ("y", "2021-09-01 10:00", "2021-09-01 11:00"),
        ("y", "2021-09-01 12:00", "2021-09-01 13:00"),
    )
    tables = dw.read_tables(registrations=rows, exposure=EXPOSURE.iloc[1:], deliveries=DELIVERED)
    panel = dw.build_panel(tables, gap_hours=24)
    assert events(panel) == [1.0]
    assert aside(panel, reasons.NO_BED_DAYS) == 1
    assert aside(panel, reasons.CONTINUES_APART) == 2
    assert aside(panel, reasons.CONTINUES) == 1


def test_an_intervention_of_an_incomplete_year_is_counted_nowhere_and_said():
    rows = registered(
        ("x", "2021-12-31 20:00", "2021-12-31 23:00"),
        ("x", "2022-01-01 10:00", "2022-01-01 12:00"),
        ("y", "2022-09-01 10:00", "2022-09-01 11:00"),
    )
    halves = ["2021-H1", "2021-H2", "2022-H1", "2022-H2"]
    exposure = pd.DataFrame({"provider_id": "a", "period": ["2021", "2022"], "bed_days": 9000.0})
    deliveries = pd.DataFrame(
        {"provider_id": "a", "period": halves, "status": ["not_delivered", "accepted", "accepted", "accepted"]}
    )
    tables = dw.read_tables(registrations=rows, exposure=exposure, deliveries=deliveries)
    panel = dw.build_panel(tables, by="year", gap_hours=24)
    assert np.array_equal(events(panel), [np.nan, 1.0], equal_nan=True)
    assert aside(panel, reasons.YEAR_INCOMPLETE) == 1
    assert aside(panel, reasons.CONTINUES_APART) == 1


def test_rows_that_are_not_asked_for_need_no_client():
    rows = registered(
        ("x", "2021-02-01 10:00", "2021-02-01 11:00"),
        ("x", "2021-02-01 15:00", "2021-02-01 16:00"),
        (None, "2021-02-01 15:00", "2021-02-01 16:00"),
        law="WZD",
        planned=["no", "no", "yes"],
    )
    tables = dw.read_tables(registrations=rows, exposure=EXPOSURE)
    panel = dw.build_panel(tables, planned=False, gap_hours=24)
    assert panel.observed["events"].sum() == 1.0
    with pytest.raises(dw.errors.DataError, match="name no client"):
        dw.build_panel(tables, planned=True, gap_hours=24)


def test_every_registration_is_counted_or_set_aside_with_one_reason():
    world = dw.worlds.make("mixed", "tiny", 5, calibrate=False, errors=dw.worlds.ErrorParameters(), versions=True)
    given = dict(world.tables.given)
    given["exposure"] = given["exposure"].iloc[::3]
    tables = dw.read_tables(**given)
    for by in ("half-year", "year"):
        panel = dw.build_panel(tables, law="WVGGZ", by=by, gap_hours=24)
        apart = panel.set_aside.query("what == 'registrations'")["count"].sum()
        assert panel.observed["events"].sum() + apart == len(given["registrations"])
