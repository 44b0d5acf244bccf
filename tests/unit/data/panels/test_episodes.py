"""Episodes and interventions against an oracle that walks through every minute."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dwangstats as dw
from dwangstats.data.panels.episodes import find_episodes, united_hours
from dwangstats.errors import DataError, DomainError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
SECLUSION = "124061000146105"


def registrations(rows: list[tuple[str, str | datetime, str | datetime | None]], **columns: object) -> pd.DataFrame:
    """client, begin, end of seclusions at one provider."""
    frame = pd.DataFrame(rows, columns=["client_id", "begin", "end"])
    frame = frame.assign(
        begin=pd.to_datetime(frame["begin"]), end=pd.to_datetime(frame["end"]), provider_id="p1", form="seclusion"
    ).assign(**columns)
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="row"))


def minute(clock: datetime, fold: int) -> int:
    """Minutes since 1970, by the standard library; a time that was skipped becomes the end of the gap."""
    there = clock.replace(tzinfo=AMSTERDAM, fold=fold)
    back = there.astimezone(ZoneInfo("UTC")).astimezone(AMSTERDAM).replace(tzinfo=None)
    if back != clock:
        there = clock.replace(hour=3, minute=0).replace(tzinfo=AMSTERDAM)
    return int((there.astimezone(ZoneInfo("UTC")) - EPOCH).total_seconds() // 60)


def walk(rows: list[tuple[str, datetime, datetime | None]], gap_minutes: int) -> dict[str, list[tuple[int, int, int]]]:
    """By client the interventions: (first minute, episodes, minutes occupied), minute by minute.

    Every minute from the first to the last is visited and asked whether any of the client's registrations holds it;
    a moment without duration holds its instant only.
    """
    found = {}
    for client in sorted({row[0] for row in rows}):
        spans = [(minute(b, 0), minute(b, 0) if e is None else minute(e, 1)) for c, b, e in rows if c == client]
        held = {m for b, e in spans for m in range(b, e)}
        # Instants at which something is going on: both ends of every span, and all minutes held.
        alive = sorted(held | {b for b, _ in spans} | {e for _, e in spans})
        interventions: list[list[int]] = []
        for place, at in enumerate(alive):
            before = alive[place - 1] if place else None
            joined = before is not None and (at == before or before in held)
            if before is None or (at - before > gap_minutes and not joined):
                interventions.append([at, 1, 0])
            elif not joined:
                interventions[-1][1] += 1
            if at in held:
                interventions[-1][2] += 1
        found[client] = [tuple(one) for one in interventions]
    return found  # type: ignore[return-value]


nights = st.sampled_from([datetime(2021, 3, 27, 18), datetime(2021, 10, 30, 18), datetime(2022, 5, 5)])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, datetime, datetime | None]]:
    """Up to nine registrations of two clients within about three days, some around a clock change, ends by the minute.

    Minute 1 and not 0 begins a day: a begin and end at midnight exactly would be read as dates.
    """
    start = draw(nights) + timedelta(minutes=1)
    rows: list[tuple[str, datetime, datetime | None]] = []
    for _ in range(draw(st.integers(1, 9))):
        begin = start + timedelta(minutes=draw(st.integers(0, 3_000)))
        length = draw(st.one_of(st.none(), st.integers(0, 900)))
        end = None if length is None else begin + timedelta(minutes=length)
        midnight = (0, 0)
        if (begin.hour, begin.minute) == midnight and (end is None or (end.hour, end.minute) == midnight):
            begin += timedelta(minutes=1)
            end = None if end is None else end + timedelta(minutes=1)
        rows.append((draw(st.sampled_from("ab")), begin, end))
    return rows


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from([0, 1, 30, 600, 1440]))
def test_episodes_and_interventions_are_those_of_the_oracle(
    rows: list[tuple[str, datetime, datetime | None]], gap_minutes: int
) -> None:
    frame = registrations(list(rows))
    found = find_episodes(frame, gap_hours=gap_minutes / 60)
    expected = walk(rows, gap_minutes)
    lead = frame["client_id"][found.labels["leads"]]
    for client, interventions in expected.items():
        own = found.table.loc[sorted(found.labels.loc[lead.index[lead == client], "intervention"])]
        assert own["episodes"].tolist() == [episodes for _, episodes, _ in interventions]
        assert (own["hours"] * 60).round().tolist() == [held for _, _, held in interventions]
    assert found.labels["leads"].sum() == sum(len(one) for one in expected.values()) == len(found.table)
    assert found.table["registrations"].sum() == len(rows)


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    rows: list[tuple[str, datetime, datetime | None]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = find_episodes(registrations(list(rows))), find_episodes(registrations(shuffled))
    columns = ["begin", "registrations", "episodes", "open", "hours"]
    ordered = [found.table[columns].sort_values(columns).reset_index(drop=True) for found in (one, other)]
    pd.testing.assert_frame_equal(*ordered, check_exact=True)


def test_the_gap_rule_at_its_edge() -> None:
    first, edge = ("a", "2022-01-03 10:00", "2022-01-03 11:00"), "2022-01-04 11:00"
    at = registrations([first, ("a", edge, "2022-01-04 12:00")])
    beyond = registrations([first, ("a", "2022-01-04 11:01", "2022-01-04 12:00")])
    assert len(find_episodes(at).table) == 1
    assert find_episodes(at).table["episodes"].tolist() == [2]
    assert len(find_episodes(beyond).table) == 2
    assert len(find_episodes(at, gap_hours=0).table) == 2


def test_overlap_is_united_and_never_added_up() -> None:
    found = find_episodes(
        registrations([("a", "2022-01-03 10:00", "2022-01-03 14:00"), ("a", "2022-01-03 12:00", "2022-01-03 15:00")])
    )
    assert found.hours == 5.0
    assert found.table["episodes"].tolist() == [1]


def test_forms_clients_providers_and_laws_are_kept_apart() -> None:
    rows = [("a", "2022-01-03 10:00", "2022-01-03 11:00")] * 4
    for column, values in (
        ("form", ["seclusion", "restraint", "seclusion", "restraint"]),
        ("provider_id", ["p1", "p2", "p1", "p2"]),
        ("law", ["WVGGZ", "WZD", "WVGGZ", "WZD"]),
    ):
        assert len(find_episodes(registrations(rows, **{column: values})).table) == 2


def test_a_missing_end_is_a_moment_for_medication_and_open_for_seclusion() -> None:
    found = find_episodes(
        registrations(
            [("a", "2022-01-03 10:00", None), ("a", "2022-01-03 10:00", None)], form=["seclusion", "medication"]
        )
    )
    assert found.labels["kind"].tolist() == ["open", "point"]
    assert found.table.set_index("form")["open"].to_dict() == {"seclusion": 1, "medication": 0}
    assert found.hours == 0.0


def test_an_open_end_may_be_taken_to_last_until_the_next_one() -> None:
    rows = registrations([("a", "2022-01-03 10:00", None), ("a", "2022-01-09 10:00", "2022-01-09 12:00")])
    assert len(find_episodes(rows).table) == 2
    joined = find_episodes(rows, open_end="until next")
    assert len(joined.table) == 1
    # The rule joins interventions; it makes up no hours.
    assert joined.hours == 2.0


def test_dates_without_times_are_whole_days() -> None:
    found = find_episodes(registrations([("a", "2022-01-03", "2022-01-04"), ("a", "2022-01-05", "2022-01-05")]))
    assert found.labels["day_only"].all()
    assert found.hours == 72.0
    assert found.table["episodes"].tolist() == [1]
    # 27 March 2022 had 23 hours and 30 October 25.
    assert find_episodes(registrations([("a", "2022-03-27", "2022-03-27")])).hours == 23.0
    assert find_episodes(registrations([("a", "2022-10-30", "2022-10-30")])).hours == 25.0


def test_clock_changes_are_marked_and_hours_are_real() -> None:
    found = find_episodes(
        registrations(
            [
                ("a", "2021-03-28 01:30", "2021-03-28 03:30"),
                ("b", "2021-10-31 02:30", "2021-10-31 02:30"),
                ("c", "2021-03-28 02:30", "2021-03-28 03:30"),
            ]
        )
    )
    assert found.table["hours"].tolist() == [1.0, 1.0, 0.5]
    assert found.labels["clock_twice"].tolist() == [False, True, False]
    assert found.labels["clock_skipped"].tolist() == [False, False, True]


def test_what_cannot_be_placed_is_said_and_counted_nowhere() -> None:
    found = find_episodes(
        registrations([("a", None, "2022-01-03 11:00"), ("a", "2022-01-03 12:00", "2022-01-03 11:00")])  # type: ignore[list-item]
    )
    assert found.labels["kind"].tolist() == ["unusable", "unusable"]
    assert found.labels["intervention"].tolist() == [-1, -1]
    assert found.table.empty
    assert found.hours == 0.0


def test_no_client_is_in_the_result() -> None:
    found = find_episodes(registrations([("canary-client", "2022-01-03 10:00", "2022-01-03 11:00")]))
    assert "canary" not in found.table.to_csv() + found.labels.to_csv() + repr(found)


def test_what_is_missing_is_refused() -> None:
    frame = registrations([("a", "2022-01-03 10:00", None)])
    with pytest.raises(DataError, match="without the column client_id"):
        find_episodes(frame.drop(columns="client_id"))
    with pytest.raises(DataError, match=r"1 of 1 registrations name no client \(first rows: 1\)"):
        find_episodes(frame.assign(client_id=None))
    for gap in (-1.0, float("nan"), float("inf")):
        with pytest.raises(DomainError, match="gap_hours"):
            find_episodes(frame, gap_hours=gap)
    with pytest.raises(DomainError, match="open_end"):
        find_episodes(frame, open_end="never")  # type: ignore[arg-type]


def test_codes_decide_the_form() -> None:
    rows = registrations([("a", "2022-01-03 10:00", "2022-01-03 11:00")]).assign(
        form=None, intervention_code="124051000146106"
    )
    assert find_episodes(rows, definition="D2").table["form"].tolist() == ["other_locking_in"]
    assert find_episodes(rows, definition="D4").table["form"].tolist() == ["seclusion"]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=12))
def test_united_hours_count_every_hour_once(spans: list[tuple[int, int, int]]) -> None:
    group, begin, length = (np.array(part) for part in zip(*spans, strict=True))
    base = np.datetime64("2022-01-01T00:00:00", "us")
    starts = base + begin * np.timedelta64(1, "h")
    found = united_hours(starts, starts + length * np.timedelta64(1, "h"), group.astype(np.intp))
    for g in range(int(group.max()) + 1):
        held = {h for gg, b, n in spans if gg == g for h in range(b, b + n)}
        assert found[g] == len(held)


def test_a_panel_of_interventions_accounts_for_every_registration() -> None:
    rows = [
        ("a", "2022-01-03 10:00", "2022-01-03 11:00"),
        ("a", "2022-01-03 20:00", "2022-01-03 21:00"),
        ("b", "2022-01-03 20:00", "2022-01-03 21:00"),
        ("a", "2022-06-30 23:00", "2022-07-01 01:00"),
        ("a", "2022-07-01 10:00", "2022-07-01 11:00"),
    ]
    exposure = pd.DataFrame({"provider_id": "p1", "period": ["2022-H1", "2022-H2"], "bed_days": 1000.0})
    tables = dw.read_tables(registrations=registrations(rows), exposure=exposure)
    panel = dw.build_panel(tables, gap_hours=24)
    # The intervention that runs over the first of July counts where it begins; the later half has none left.
    assert panel.observed.set_index("period")["events"].to_dict() == {"2022-H1": 3.0, "2022-H2": 0.0}
    assert panel.set_aside.set_index("reason")["count"]["continues an intervention that is counted"] == 2
    assert panel.registrations_read == 5
    assert dw.build_panel(tables).observed["events"].sum() == 5
    assert dw.build_panel(tables, gap_hours=0).observed["events"].sum() == 5


def test_earlier_versions_never_join_an_intervention() -> None:
    rows = [("a", "2022-01-03 10:00", "2022-01-03 11:00")] * 2
    deliveries = pd.DataFrame({"provider_id": "p1", "period": "2022-H1", "version": [1, 2], "status": "accepted"})
    tables = dw.read_tables(
        registrations=registrations(rows, delivery_version=[1, 2]),
        exposure=pd.DataFrame({"provider_id": ["p1"], "period": ["2022-H1"], "bed_days": [1000.0]}),
        deliveries=deliveries,
    )
    panel = dw.build_panel(tables, gap_hours=24)
    assert panel.observed["events"].tolist() == [1.0]
    assert set(panel.set_aside["reason"]) == {"from an earlier version of the delivery"}


def test_a_panel_of_interventions_needs_clients() -> None:
    frame = registrations([("a", "2022-01-03 10:00", None)])
    exposure = pd.DataFrame({"provider_id": ["p1"], "period": ["2022-H1"], "bed_days": [1000.0]})
    with pytest.raises(DataError, match="no column client_id"):
        dw.build_panel(dw.read_tables(registrations=frame.drop(columns="client_id"), exposure=exposure), gap_hours=24)
    with pytest.raises(DataError, match="gap_hours must be a number of hours"):
        dw.build_panel(dw.read_tables(registrations=frame, exposure=exposure), gap_hours=-1)


def test_an_end_without_a_time_on_the_day_of_its_begin_is_the_end_of_that_day():
    rows = registrations(
        [
            ("a", "2021-02-01 10:00", "2021-02-01 00:00"),
            ("a", "2021-02-02 00:30", "2021-02-02 01:00"),
            ("b", "2021-02-01 10:00", "2021-01-31 00:00"),
        ]
    )
    found = find_episodes(rows, gap_hours=1.0)
    assert found.labels["kind"].tolist() == ["interval", "interval", "unusable"]
    assert found.table["hours"].tolist() == [14.5]
    assert found.labels["intervention"].tolist() == [0, 0, -1]
    report = dw.check(dw.read_tables(registrations=rows.reset_index(drop=True)))
    wrong = [finding for finding in report.findings if finding.rule == "end-before-begin"]
    assert [finding.rows for finding in wrong] == [(3,)]


def test_planned_and_unplanned_are_never_one_intervention():
    rows = registrations(
        [("a", "2021-02-01 10:00", "2021-02-01 11:00"), ("a", "2021-02-01 12:00", "2021-02-01 13:00")],
        planned=pd.array([True, False], dtype="boolean"),
    )
    assert find_episodes(rows).labels["leads"].all()
    assert find_episodes(rows.drop(columns="planned")).labels["leads"].tolist() == [True, False]


@pytest.mark.parametrize("gap", [-1.0, float("nan"), float("inf"), 1e12, 8784.1, "24", True, None])
def test_a_gap_that_is_no_number_of_hours_is_refused(gap: object) -> None:
    rows = registrations([("a", "2021-02-01 10:00", "2021-02-01 11:00")])
    with pytest.raises(DomainError, match="gap_hours must be a number of hours"):
        find_episodes(rows, gap_hours=gap)  # type: ignore[arg-type]
