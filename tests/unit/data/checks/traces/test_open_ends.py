"""E1: never closed and filled in, never a point form (E4), and no more than coincidence."""

import pandas as pd
import pytest

from dwangstats.data.checks.traces.open_ends import LOCKED_DAYS, STANDING_DAYS, filled_end, known_at, never_closed
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import code_list
from small_register import CAMERA, HOLDING, MEDICATION, OWN_ROOM, SECLUSION, marked, noise, register

RECEIVED = pd.Timestamp(2021, 8, 3, 10, 17)


def since(days: float) -> pd.Timestamp:
    return RECEIVED - pd.Timedelta(days=days)


@pytest.mark.parametrize(
    ("code", "planned", "law", "cap"),
    [
        (SECLUSION, None, "WVGGZ", LOCKED_DAYS),
        (HOLDING, None, "WVGGZ", LOCKED_DAYS),
        (CAMERA, None, "WVGGZ", STANDING_DAYS),
        (OWN_ROOM, True, "WZD", STANDING_DAYS),
        (OWN_ROOM, False, "WZD", LOCKED_DAYS),
        (OWN_ROOM, True, "JEUGDWET_H6", LOCKED_DAYS),
    ],
)
def test_an_open_measure_is_forgotten_after_its_cap_and_not_before(code, planned, law, cap):
    row = {"intervention_code": code, "planned": planned, "law": law, "end": None}
    tables = register({**row, "begin": since(cap - 0.1)}, {**row, "begin": since(cap + 0.1)}, {**row, "end": RECEIVED})
    assert marked(never_closed(tables)) == [1]


def test_no_act_is_ever_open():
    codes = code_list("interventions")
    acts = codes.loc[codes["letter"].isin(["a", "e", "f", "g", "j"]), "code"]
    tables = register(*({"intervention_code": code, "begin": "2015-03-01 12:11", "end": None} for code in acts))
    assert not never_closed(tables).any()
    by_form = tables.registrations.assign(intervention_code=None, form="medication")
    assert not never_closed(Tables(registrations=by_form)).any()
    assert not never_closed(Tables(registrations=by_form.assign(form="other"))).any()


def test_age_is_at_the_own_delivery_or_else_at_the_latest_moment_known():
    begin = since(40)
    tables = register(
        {"begin": begin, "end": None, "received_at": since(20)},
        {"begin": begin, "end": None, "received_at": None},
        {"received_at": RECEIVED},
    )
    assert marked(never_closed(tables)) == [1]
    bare = Tables(registrations=tables.registrations.drop(columns="received_at"))
    assert (known_at(bare) == bare.registrations["begin"].max().to_datetime64()).all()
    half_year = Tables(
        registrations=bare.registrations,
        deliveries=pd.DataFrame({"provider_id": ["p1"], "period": ["2021-H1"], "status": ["accepted"]}),
    )
    assert (known_at(half_year) == pd.Timestamp(2021, 7, 1).to_datetime64()).all()


@pytest.mark.parametrize("end", ["2021-06-30 23:59", "2021-06-30 23:59:59", "2021-07-01 00:00", RECEIVED])
def test_an_end_that_an_export_wrote(end):
    tables = register(*noise(100), {"begin": "2021-05-02 13:44", "end": end})
    assert marked(filled_end(tables)) == [100]


@pytest.mark.parametrize(
    "row",
    [
        {"begin": "2021-06-30 20:12", "end": "2021-06-30 23:59"},
        {"begin": "2021-05-02 13:44", "end": "2021-06-30 22:59"},
        {"begin": "2021-05-02 13:44", "end": "2021-05-31 23:59"},
        {"begin": "2021-05-02 13:44", "end": None},
        {"begin": "2021-05-02 13:44", "end": "2021-06-30 23:59", "intervention_code": MEDICATION},
    ],
    ids=["short", "another hour", "another month", "no end", "an act"],
)
def test_an_end_that_nobody_filled_in(row):
    assert not filled_end(register(*noise(100), row)).any()


def test_where_ends_are_days_only_a_long_measure_looks_filled_in():
    rows = [{"begin": f"2021-06-{day:02d}", "end": "2021-06-30"} for day in (1, 2, 29, 30)]
    assert marked(filled_end(register(*rows))) == [0, 1]
    everyday = [{"begin": d, "end": d + pd.Timedelta(days=9)} for d in pd.date_range("2021-01-01", "2021-06-21")]
    assert not filled_end(register(*everyday)).any()


def test_one_midnight_among_many_is_coincidence():
    nightly = [
        {"begin": night - pd.Timedelta(days=1, hours=5), "end": night, "client_id": "x"}
        for night in pd.date_range("2021-01-03", "2021-07-01")
    ]
    assert not filled_end(register(*nightly)).any()


def test_an_end_that_came_in_a_later_version_is_not_missing():
    open_row = {"begin": since(60), "end": None, "delivery_version": 1.0}
    closed = {**open_row, "end": since(59), "delivery_version": 2.0}
    deliveries = pd.DataFrame(
        {"provider_id": ["p1"] * 2, "period": ["2021-H1"] * 2, "version": [1.0, 2.0], "status": ["accepted"] * 2}
    )
    assert not never_closed(register(open_row, closed, deliveries=deliveries)).any()
    assert marked(never_closed(register(open_row, closed))) == [0]
