"""E6 to E9, E17 and E18, each written into a regular register and found; and what only looks like them."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.checks.traces.blocks import in_block, standing_block
from dwangstats.data.checks.traces.breaks import BREAK_MINUTES, cut_up
from dwangstats.data.checks.traces.gone import without_location
from dwangstats.data.checks.traces.laws import code_outside_law, location_outside_law, outside_law, status_outside_law
from dwangstats.data.checks.traces.resolution import date_only
from dwangstats.data.checks.traces.rooms import often_unspecified, room_against_ward, unspecified
from small_register import (
    CAMERA,
    EXTRA_SECURED,
    HOLDING,
    MEDICATION,
    NOT_SPECIFIED,
    OWN_ROOM,
    SECLUSION,
    marked,
    noise,
    register,
)

PLACES = pd.DataFrame(
    {
        "provider_id": ["p1", "p1", "p2"],
        "location_id": ["p1-1", "p1-2", "p2-1"],
        "setting": ["acute", "open", "acute"],
        "laws": ["WVGGZ", "WVGGZ;WZD", None],
    }
)


def test_without_a_location_or_with_one_that_is_not_the_providers():
    given = ({}, {"location_id": None}, {"location_id": "p2-1"}, {"location_id": "p1-2"})
    assert marked(without_location(register(*given))) == [1]
    assert marked(without_location(register(*given, locations=PLACES))) == [1, 2]
    assert not without_location(register({"location_id": None}, {"location_id": None})).any()


def test_registrations_that_contradict_their_law():
    tables = register(
        {"legal_status": "ZM"},
        {"legal_status": "RM"},
        {"legal_status": "OTS"},
        {"legal_status": None},
        {"law": None, "legal_status": "RM"},
        {"law": "unknown", "legal_status": "RM"},
        {"law": "WZD", "legal_status": "RM", "location_id": "p1-2", "intervention_code": EXTRA_SECURED},
        {"law": "WZD", "legal_status": "RM", "location_id": "p1-1"},
        {"law": "WZD", "legal_status": "RM", "location_id": "p1-2"},
        {"law": "WZD", "legal_status": "RM", "provider_id": "p2", "location_id": "p2-1"},
        {"law": "WGBO", "intervention_code": EXTRA_SECURED, "location_id": None},
        {"law": "BOPZ"},
        locations=PLACES,
    )
    assert marked(code_outside_law(tables)) == [6]
    assert marked(status_outside_law(tables)) == [1]
    assert marked(location_outside_law(tables)) == [7]
    assert marked(outside_law(tables)) == [1, 6, 7]


def test_the_room_that_is_not_said():
    tables = register({}, {"intervention_code": NOT_SPECIFIED}, {"intervention_code": CAMERA})
    assert marked(unspecified(tables)) == [1]
    assert not often_unspecified(tables).any()


def of_provider(provider: str, vague: int, rest: int) -> list[dict]:
    codes = [NOT_SPECIFIED] * vague + [SECLUSION] * rest
    return [{"provider_id": provider, "location_id": f"{provider}-1", "intervention_code": code} for code in codes]


def test_who_leaves_out_the_room_more_often_than_others():
    even = register(*of_provider("p1", 5, 95), *of_provider("p2", 5, 95), *of_provider("p3", 5, 95))
    assert not often_unspecified(even).any()
    uneven = register(*of_provider("p1", 5, 195), *of_provider("p2", 25, 175), *of_provider("p3", 5, 195))
    assert marked(often_unspecified(uneven)) == list(range(200, 225))
    everyone = register(*of_provider("p1", 40, 60), *of_provider("p2", 40, 60))
    assert often_unspecified(everyone).sum() == 80
    assert often_unspecified(register(*of_provider("p1", 40, 60))).sum() == 40


def test_a_room_that_such_wards_hardly_ever_have():
    acute = [{"location_id": "p1-1", "intervention_code": EXTRA_SECURED if i % 4 else SECLUSION} for i in range(200)]
    open_ward = [{"location_id": "p1-2", "intervention_code": OWN_ROOM} for _ in range(200)]
    strange = {"location_id": "p1-2", "intervention_code": EXTRA_SECURED}
    tables = register(*acute, *open_ward, strange, locations=PLACES)
    assert marked(room_against_ward(tables)) == [400]
    assert not room_against_ward(register(*acute, *open_ward, strange)).any()
    rooms = (SECLUSION, OWN_ROOM)
    even = [{"location_id": place, "intervention_code": room} for place in ("p1-1", "p1-2") for room in rooms]
    assert not room_against_ward(register(*even * 50, locations=PLACES)).any()


def block(days: pd.DatetimeIndex, clients: int, **columns) -> list[dict]:
    return [
        {
            "client_id": f"b{client}",
            "intervention_code": OWN_ROOM,
            "begin": day + pd.Timedelta(hours=21),
            "end": day + pd.Timedelta(hours=31),
            **columns,
        }
        for day in days
        for client in range(clients)
    ]


def test_a_block_that_stands_every_day():
    days = pd.date_range("2021-02-01", periods=30)
    tables = register(*noise(300), *block(days, 1))
    assert marked(standing_block(tables)) == list(range(300, 330))


def test_a_block_of_a_group_on_weekdays_and_of_a_group_now_and_then():
    weekdays = pd.bdate_range("2021-02-01", periods=15)
    assert standing_block(register(*noise(300), *block(weekdays, 2)))[300:].all()
    mondays = pd.date_range("2021-02-01", periods=4, freq="7D")
    assert standing_block(register(*noise(300), *block(mondays, 3)))[300:].all()
    assert not standing_block(register(*noise(300), *block(mondays, 2))).any()


def test_what_is_marked_as_planned_helps_to_find_the_block_and_is_not_marked():
    days = pd.date_range("2021-02-01", periods=30)
    rows = block(days, 1, client_id=None, planned=True)
    rows[7] = {**rows[7], "planned": False}
    tables = register(*({**row, "planned": False} for row in noise(300)), *rows)
    assert marked(standing_block(tables)) == [307]
    assert marked(in_block(tables)) == list(range(300, 330))


def test_where_everybody_rounds_to_the_hour_the_same_hour_says_nothing():
    rng = np.random.default_rng(3)
    hours = pd.to_timedelta(rng.integers(8, 22, size=1500), unit="h")
    begin = pd.Timestamp(2021, 1, 1) + pd.to_timedelta(rng.integers(0, 180, size=1500), unit="D") + hours
    rounded = [{"begin": b, "end": b + pd.Timedelta(hours=1)} for b in begin]
    assert not standing_block(register(*rounded)).any()


def test_days_without_a_time():
    mornings = pd.date_range("2021-01-05", periods=10)
    days = [{"begin": day, "end": end} for day in mornings for end in (day + pd.Timedelta(days=1), None)]
    assert date_only(register(*days)).all()
    assert not date_only(register(*noise(500), {"begin": "2021-02-02", "end": "2021-02-03 04:05"})).any()
    mixed = register(*noise(100), *days, *({**row, "provider_id": "p2"} for row in noise(100, seed=2)))
    assert marked(date_only(mixed)) == list(range(100, 120))
    rounded = [{**row, "begin": row["begin"].floor("h"), "end": None} for row in noise(500)]
    assert not date_only(register(*rounded)).any()


def pieces(client: str, day: str, gap: int, count: int, code: str = SECLUSION) -> list[dict]:
    begin = pd.Timestamp(day) + pd.Timedelta(hours=9, minutes=7)
    step = pd.Timedelta(hours=3)
    ends = step - pd.Timedelta(minutes=gap)
    starts = [begin + i * step for i in range(count)]
    return [{"client_id": client, "begin": s, "end": s + ends, "intervention_code": code} for s in starts]


def cut(gap: int, code: str = SECLUSION) -> list[dict]:
    return [row for i in range(6) for row in pieces(f"x{i}", f"2021-03-{3 * i + 1:02d}", gap, 3, code)]


@pytest.mark.parametrize(("gap", "found"), [(0, False), (1, True), (15, True), (BREAK_MINUTES, True), (61, False)])
def test_the_pieces_after_the_first(gap, found):
    tables = register(*noise(200), *cut(gap))
    assert marked(cut_up(tables)) == [200 + i for i in range(18) if i % 3] * found


def test_holding_and_acts_are_not_cut_up():
    assert not cut_up(register(*cut(15, HOLDING))).any()
    assert not cut_up(register(*({**row, "end": None} for row in cut(15, MEDICATION)))).any()


def test_now_and_then_is_no_habit():
    assert not cut_up(register(*noise(200), *pieces("x", "2021-03-01", 15, 2))).any()
