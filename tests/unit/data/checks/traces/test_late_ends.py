"""E2 and E3: ends heaped where nothing else explains it, and measures that go on elsewhere."""

import numpy as np
import pandas as pd

from dwangstats.data.checks.traces.late_ends import MOVE_MINUTES, closed_late, end_elsewhere
from dwangstats.data.checks.traces.rows import lasting_rows
from dwangstats.data.reading.read import Tables
from small_register import MEDICATION, marked, noise, register, rows


def late(count: int, seed: int = 9, **columns) -> list[dict]:
    """Rows closed at the next 8:00, 16:00 or 23:00."""
    found = []
    for row in noise(count, seed, **columns):
        day = row["end"].normalize()
        shifts = [day + pd.Timedelta(hours=h) for h in (8, 16, 23, 32)]
        found.append({**row, "end": min(s for s in shifts if s >= row["end"])})
    return found


def test_ends_at_a_change_of_shift_are_late_where_they_heap():
    tables = register(*noise(500), *late(25))
    found = marked(closed_late(tables))
    # By chance at most a few of 500 rows end in these three minutes themselves.
    assert set(range(500, 525)) <= set(found)
    assert len(found) <= 528


def test_who_rounds_to_the_hour_is_not_late():
    rounded = [{**row, "begin": row["begin"].floor("h"), "end": row["end"].ceil("h")} for row in noise(800)]
    assert not closed_late(register(*rounded)).any()


def test_who_rounds_at_one_provider_does_not_hide_who_closes_late_at_another():
    rounded = [
        {**row, "end": row["end"].ceil("h"), "provider_id": "p2", "location_id": "p2-1"} for row in noise(400, seed=4)
    ]
    found = closed_late(register(*noise(400), *late(30), *rounded))
    assert found[400:430].all()
    assert not found[430:].any()


def test_ends_at_random_are_not_late():
    # Twenty registers of 400 rows, three moments each: at level 0.001 hardly ever any mark.
    assert sum(closed_late(register(*noise(400, seed))).any() for seed in range(20)) <= 1


def test_the_end_of_a_month_counts_and_a_planned_block_does_not():
    ends = pd.to_datetime(["2021-01-31 23:59", "2021-02-28 23:59", "2021-03-31 23:59", "2021-05-01 00:00"])
    monthly = [{"begin": end - pd.Timedelta(days=2, minutes=7), "end": end} for end in ends]
    assert marked(closed_late(register(*noise(300), *monthly)))[-4:] == [300, 301, 302, 303]
    assert not closed_late(register(*noise(300), *({**row, "planned": True} for row in monthly)))[300:].any()


def test_acts_and_days_are_never_late():
    acts = [{**row, "intervention_code": MEDICATION} for row in late(40)]
    assert not closed_late(register(*acts)).any()
    days = [{"begin": d, "end": d + pd.Timedelta(days=1)} for d in pd.date_range("2021-01-01", periods=60)]
    assert not closed_late(register(*days)).any()


def slow_end_elsewhere(frame: pd.DataFrame) -> np.ndarray:
    """Any registration of the client at another location of the provider, begun before the end: by trying all pairs.

    As the trace does, only the client's first stay elsewhere after the row counts; an earlier one would be over.
    """
    lasting, found = lasting_rows(frame), np.zeros(len(frame), dtype=bool)
    for i, row in enumerate(frame.itertuples()):
        if pd.isna(row.end) or pd.isna(row.location_id) or not lasting[i]:
            continue
        for other in frame.itertuples():
            same = other.client_id == row.client_id and other.provider_id == row.provider_id
            moved = pd.notna(other.location_id) and other.location_id != row.location_id
            meanwhile = other.begin > row.begin and row.end - other.begin > pd.Timedelta(minutes=MOVE_MINUTES)
            found[i] |= same and moved and meanwhile
    return found


def test_end_elsewhere_by_trying_all_pairs():
    rng = np.random.default_rng(5)
    for seed in range(8):
        frame = rows(*noise(120, seed)).drop_duplicates("begin")
        size = len(frame)
        frame = frame.assign(
            client_id=rng.integers(0, 25, size).astype(str),
            location_id=np.where(rng.random(size) < 0.1, None, rng.integers(0, 3, size).astype(str)),
            provider_id=rng.integers(0, 2, size).astype(str),
            end=frame["begin"] + pd.to_timedelta(rng.integers(1, 20 * 1440, size), unit="min"),
            intervention_code=np.where(rng.random(size) < 0.2, MEDICATION, frame["intervention_code"]),
        )
        found = end_elsewhere(Tables(registrations=frame))
        assert np.array_equal(found, slow_end_elsewhere(frame))
        assert found.any()


def test_a_move_within_the_hour_is_no_error():
    stay = {"client_id": "x", "begin": "2021-03-01 10:03", "end": "2021-03-02 11:00"}
    short = {"client_id": "x", "location_id": "p1-2", "begin": "2021-03-02 10:00"}
    long = {**short, "begin": "2021-03-02 09:59"}
    assert not end_elsewhere(register(stay, short)).any()
    assert marked(end_elsewhere(register(stay, long))) == [0]
    assert not end_elsewhere(register(stay, {**long, "provider_id": "p2", "location_id": "p2-1"})).any()
