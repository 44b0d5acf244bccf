"""E5: of each pair the later one, by source or by moment, and not what may be a second event."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.checks.traces.doubles import same_moment, same_source
from dwangstats.data.reading.read import Tables
from small_register import HOLDING, MEDICATION, OWN_ROOM, marked, noise, register, rows

FIRST = {"client_id": "x", "begin": "2021-03-01 10:03", "end": "2021-03-01 18:40", "source_id": "s1"}


def again(minutes: float, **changed) -> dict:
    return {**FIRST, "begin": pd.Timestamp(FIRST["begin"]) + pd.Timedelta(minutes=minutes), **changed}


@pytest.mark.parametrize(
    ("second", "source", "moment"),
    [
        (again(0), True, True),
        (again(15), True, True),
        (again(16), True, False),
        (again(60), True, False),
        (again(61), False, False),
        (again(10, source_id="s2"), False, True),
        (again(10, client_id="y"), False, False),
        (again(10, intervention_code=OWN_ROOM), False, False),
        (again(10, provider_id="p2"), False, False),
        (again(10, location_id=None, law="WZD"), True, True),
        (again(10, client_id=None), False, False),
    ],
)
def test_the_second_of_a_pair(second, source, moment):
    for order in ([FIRST, second], [second, FIRST]):
        tables = register(*order, *({**row, "source_id": f"n{i}"} for i, row in enumerate(noise(50))))
        later = 1 if order[0] is FIRST or pd.Timestamp(second["begin"]) == pd.Timestamp(FIRST["begin"]) else 0
        assert marked(same_source(tables)) == [later] * source
        assert marked(same_moment(tables)) == [later] * moment


def test_of_three_the_last_two():
    tables = register(again(20), FIRST, again(8))
    assert marked(same_source(tables)) == [0, 2]
    assert marked(same_moment(tables)) == [0, 2]


def test_what_ended_before_the_next_began_is_another_event():
    held = {**FIRST, "intervention_code": HOLDING, "end": "2021-03-01 10:06", "source_id": "s2"}
    next_hold = {**held, "begin": "2021-03-01 10:09", "end": "2021-03-01 10:12", "source_id": "s3"}
    assert not same_moment(register(held, next_hold)).any()
    assert marked(same_moment(register(held, {**next_hold, "begin": "2021-03-01 10:05"}))) == [1]
    injected = {"intervention_code": MEDICATION, "end": None}
    assert marked(same_moment(register({**FIRST, **injected}, again(9, **injected)))) == [1]


def test_days_without_a_time_are_not_minutes_apart():
    given = {"client_id": "x", "begin": "2021-03-01", "end": None, "intervention_code": MEDICATION, "source_id": "s1"}
    assert not same_moment(register(given, given)).any()
    assert not same_source(register(given, given)).any()
    locked = {"client_id": "x", "begin": "2021-03-01", "end": "2021-03-03", "source_id": "s1"}
    assert marked(same_moment(register(locked, locked))) == [1]
    assert marked(same_source(register(locked, locked))) == [1]


def test_a_care_plan_gives_many_entries_with_one_number():
    plan = [
        {"client_id": "x", "source_id": "plan", "intervention_code": MEDICATION, "begin": begin, "end": None}
        for begin in pd.date_range("2021-03-01 08:02", periods=30, freq="8h")
    ]
    assert not same_source(register(*plan)).any()


@pytest.mark.parametrize("hours", [1, 2, 6])
def test_what_is_done_all_day_is_not_double(hours):
    """At random, once in so many hours: what falls within a quarter of an hour is what that gives."""
    minutes = np.random.default_rng(hours).integers(0, 300 * hours * 60, size=300)
    given = {"client_id": "x", "intervention_code": MEDICATION, "end": None}
    busy = [{**given, "begin": pd.Timestamp(2021, 1, 1) + pd.Timedelta(minutes=int(m))} for m in minutes]
    assert not same_moment(register(*busy)).any()


def test_without_a_client_only_the_source_tells():
    tables = Tables(registrations=rows(FIRST, again(3)).drop(columns="client_id"))
    assert marked(same_source(tables)) == [1]
    assert not same_moment(tables).any()


def test_an_earlier_version_is_no_double():
    deliveries = pd.DataFrame(
        {"provider_id": ["p1"] * 2, "period": ["2021-H1"] * 2, "version": [1.0, 2.0], "status": ["accepted"] * 2}
    )
    twice = [{**FIRST, "delivery_version": version} for version in (1.0, 2.0)]
    assert not same_source(register(*twice, deliveries=deliveries)).any()
    assert not same_moment(register(*twice, deliveries=deliveries)).any()
    assert marked(same_moment(register(*twice))) == [1]
