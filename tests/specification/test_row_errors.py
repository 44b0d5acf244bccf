"""Errors of registration that single rows show: the detection rules of E1 to E9, E17 and E18, on rows made by hand."""

from datetime import timedelta

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.traces import blocks, breaks, doubles, gone, late_ends, laws, open_ends, resolution, rooms
from specification.hand_made import (
    ADMISSION,
    EXTRA_SECURED_ROOM,
    FIXATION,
    OWN_ROOM,
    ROOM_NOT_SPECIFIED,
    SECLUSION_ROOM,
    SEPARATION_ROOM,
    Register,
    delivery,
    exposure,
    found,
    marked,
    moment,
    names_nobody,
    quarters,
)

RECEIVED = "2023-07-20T14:37"

# Acts of art. 3:2: what is given (letter a), searches (e, f) and tests (g) happen at a moment.
POINT_CODES = (
    "37041007",
    "121531000146107",
    "121511000146100",
    "121521000146105",
    "29211000146105",
    "23835007",
    "123881000146109",
    "121631000146108",
    "62407006",
    "121621000146106",
)
LASTING_CODES = (SECLUSION_ROOM, EXTRA_SECURED_ROOM, SEPARATION_ROOM, OWN_ROOM, ROOM_NOT_SPECIFIED)

# The value sets SoortInterventieWvggz and SoortInterventieWzd: who is in which list.
ONLY_WVGGZ = (
    "121531000146107",
    "121511000146100",
    "121521000146105",
    "23835007",
    EXTRA_SECURED_ROOM,
    ADMISSION,
    "121641000146100",
)
ONLY_WZD = ("121451000146100",)
BOTH_LAWS = (
    "37041007",
    "29211000146105",
    "123881000146109",
    "225212001",
    FIXATION,
    "225210009",
    "130201000146105",
    SECLUSION_ROOM,
    SEPARATION_ROOM,
    OWN_ROOM,
    ROOM_NOT_SPECIFIED,
    "121411000146104",
    "225309002",
    "121631000146108",
    "62407006",
    "121621000146106",
    "121471000146108",
    "121461000146102",
    "121601000146103",
)


def test_a_quiet_register_has_no_sign_of_any_row_error(quiet_tables: dw.Tables) -> None:
    rules = set(found(quiet_tables))
    catalogue = dw.error_catalogue()
    known = {name for names in catalogue.loc[catalogue["seen"] == "rows", "rules"] for name in names.split(", ")}
    assert not rules & known


# E1 and E4


@pytest.mark.parametrize("code", LASTING_CODES)
def test_e1_a_lasting_measure_without_end_that_is_old_is_never_closed(quiet: Register, code: str) -> None:
    row = quiet.add("2023-01-10T14:22", hours=None, intervention_code=code, received_at=RECEIVED)
    tables = quiet.tables()
    assert marked(open_ends.never_closed(tables)) == [row]
    assert found(tables)["never-closed"] == (1, [row + 1])


def test_e1_a_fixation_of_half_a_year_was_never_closed(quiet: Register) -> None:
    """Mechanical restraint under the Wvggz lasts five hours (median); 191 days are not still going on."""
    row = quiet.add("2023-01-10T14:22", hours=None, intervention_code=FIXATION, received_at=RECEIVED)
    assert marked(open_ends.never_closed(quiet.tables())) == [row]


def test_e1_a_measure_that_began_the_day_before_the_delivery_may_still_go_on(quiet: Register) -> None:
    quiet.add("2023-07-19T22:10", hours=None, received_at=RECEIVED)
    tables = quiet.tables()
    assert not marked(open_ends.never_closed(tables))
    assert "never-closed" not in found(tables)


def test_e1_a_closed_measure_is_not_open_however_long(quiet: Register) -> None:
    quiet.add("2023-01-10T14:22", end="2023-04-17T09:41", received_at=RECEIVED)
    assert not marked(open_ends.never_closed(quiet.tables()))


def test_e1_age_is_that_at_the_delivery_and_not_at_the_last_row_of_the_register(quiet: Register) -> None:
    quiet.add("2023-01-10T14:22", hours=None, received_at="2023-01-11T03:00")
    quiet.add("2024-06-01T09:13", received_at="2024-07-03T10:00")
    assert not marked(open_ends.never_closed(quiet.tables()))


@pytest.mark.parametrize("end", ["2023-06-30T23:59", "2023-07-01T00:00"])
def test_e1_ends_that_an_export_wrote_as_the_end_of_the_half_year(quiet: Register, end: str) -> None:
    begins = ["2023-01-19T10:12", "2023-02-03T17:45", "2023-02-27T08:09", "2023-03-30T21:31", "2023-05-11T13:50"]
    rows = [quiet.add(begin, end=end, provider="B") for begin in begins]
    tables = quiet.tables()
    assert marked(open_ends.filled_end(tables)) == rows
    assert found(tables)["end-filled-in"][0] == len(rows)


def test_e1_an_end_at_the_minute_of_the_delivery_was_filled_in(quiet: Register) -> None:
    row = quiet.add("2023-01-19T10:12", end=RECEIVED, received_at=RECEIVED)
    assert marked(open_ends.filled_end(quiet.tables())) == [row]


def test_e1_an_end_some_days_before_the_half_year_is_not_filled_in(quiet: Register) -> None:
    for day in range(20, 28):
        quiet.add("2023-06-15T10:12", end=f"2023-06-{day}T11:{day}")
    assert not marked(open_ends.filled_end(quiet.tables()))


@pytest.mark.parametrize("code", POINT_CODES)
def test_e4_an_act_without_end_is_never_flagged(quiet: Register, code: str) -> None:
    for day in (1, 11, 21):
        quiet.add(f"2023-01-{day:02d}T08:10", hours=None, intervention_code=code, received_at=RECEIVED)
    tables = quiet.tables()
    assert not marked(open_ends.never_closed(tables))
    assert not marked(open_ends.filled_end(tables))
    assert not {"never-closed", "end-filled-in"} & set(found(tables))


def test_e4_an_act_by_form_without_a_code_is_never_flagged(quiet: Register) -> None:
    quiet.add("2023-01-10T08:10", hours=None, intervention_code=None, form="medication", received_at=RECEIVED)
    assert not marked(open_ends.never_closed(quiet.tables()))


def test_e4_stands_in_the_catalogue_as_no_error() -> None:
    catalogue = dw.error_catalogue().set_index("error")
    assert catalogue.loc["E4", "rules"] == ""
    assert catalogue.loc["E14", "rules"] == ""
    assert {f"E{i}" for i in range(1, 20)} <= set(catalogue.index)


# E2


def test_e2_ends_heaped_on_changes_of_shift_are_late(quiet: Register) -> None:
    shifts = (8, 16, 23)
    rows = []
    for i, begin in enumerate(pd.date_range("2023-01-03 01:13", periods=36, freq="91h17min")):
        end = begin.normalize() + timedelta(days=1, hours=shifts[i % 3])
        rows.append(quiet.add(begin.to_pydatetime(), end=end.to_pydatetime(), provider="D"))
    tables = quiet.tables()
    assert marked(late_ends.closed_late(tables)) == rows
    assert found(tables)["closed-late"][0] == len(rows)


def test_e2_ends_heaped_on_the_end_of_the_month_are_late(quiet: Register) -> None:
    rows = []
    for month in range(1, 6):
        last = pd.Timestamp(2023, month, 1) + pd.offsets.MonthEnd(1)
        for day in (3, 9, 14, 20, 24, 26):
            begin = moment(f"2023-{month:02d}-{day:02d}T13:{17 + day}")
            end = last + timedelta(hours=23, minutes=59)
            rows.append(quiet.add(begin, end=end.to_pydatetime(), provider="D"))
    assert marked(late_ends.closed_late(quiet.tables())) == rows


def test_e2_ends_at_any_minute_are_not_late(quiet: Register) -> None:
    assert not marked(late_ends.closed_late(quiet.tables()))


# E3


def test_e3_a_measure_that_goes_on_after_the_client_was_registered_elsewhere(quiet: Register) -> None:
    row = quiet.add("2023-03-01T10:13", end="2023-03-09T11:02", client="moved")
    quiet.add("2023-03-04T16:31", hours=3.2, client="moved", location_id="A2")
    tables = quiet.tables()
    assert marked(late_ends.end_elsewhere(tables)) == [row]
    assert found(tables)["end-after-move"] == (1, [row + 1])


def test_e3_activity_at_the_same_location_or_after_the_end_is_no_sign(quiet: Register) -> None:
    quiet.add("2023-03-01T10:13", end="2023-03-09T11:02", client="stayed")
    quiet.add("2023-03-04T16:31", hours=3.2, client="stayed", intervention_code=FIXATION)
    quiet.add("2023-03-01T10:13", end="2023-03-02T11:02", client="moved later")
    quiet.add("2023-03-04T16:31", hours=3.2, client="moved later", location_id="A2")
    assert not marked(late_ends.end_elsewhere(quiet.tables()))


def test_e3_an_open_measure_of_a_client_who_was_registered_elsewhere(quiet: Register) -> None:
    """Open measures are not closed when a client leaves: without an end as well as with one that was filled in."""
    row = quiet.add("2023-06-11T10:13", hours=None, client="moved", received_at="2023-07-03T10:00")
    quiet.add("2023-06-14T16:31", hours=3.2, client="moved", location_id="A2", received_at="2023-07-03T10:00")
    assert marked(late_ends.end_elsewhere(quiet.tables())) == [row]


# E5


def test_e5_one_source_twice_marks_the_later_entry_only(quiet: Register) -> None:
    quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    later = quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    tables = quiet.tables()
    assert marked(doubles.same_source(tables)) == [later]
    assert found(tables)["double-from-source"] == (1, [later + 1])


def test_e5_the_earlier_begin_is_kept_wherever_it_stands(quiet: Register) -> None:
    later = quiet.add("2023-03-01T10:17", client="one", source_id="plan-7")
    quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    assert marked(doubles.same_source(quiet.tables())) == [later]


def test_e5_three_entries_of_one_source_leave_one(quiet: Register) -> None:
    first = quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    rows = [quiet.add("2023-03-01T10:13", client="one", source_id="plan-7") for _ in range(2)]
    assert marked(doubles.same_source(quiet.tables())) == rows
    assert first not in rows


@pytest.mark.parametrize(
    "other",
    [
        {"begin": "2023-03-08T10:13"},
        {"begin": "2023-03-01T10:13", "intervention_code": FIXATION},
        {"begin": "2023-03-01T10:13", "client": "another person"},
        {"begin": "2023-03-01T10:13", "provider": "B"},
    ],
    ids=["a week later", "another measure", "another client", "another provider"],
)
def test_e5_one_source_may_rightly_give_several_entries(quiet: Register, other: dict[str, str]) -> None:
    # A source id is not unique: one care plan gives an entry for every time that it is applied.
    quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    arguments = {"client": "one", "source_id": "plan-7"} | other
    quiet.add(arguments.pop("begin"), **arguments)
    assert not marked(doubles.same_source(quiet.tables()))


def test_e5_ward_and_night_service_wrote_down_the_same_events(quiet: Register) -> None:
    rows = []
    for day in (2, 9, 17, 23):
        client = f"day {day}"
        quiet.add(f"2023-03-{day:02d}T22:13", hours=9.1, client=client)
        rows.append(quiet.add(f"2023-03-{day:02d}T22:17", hours=8.8, client=client))
    tables = quiet.tables()
    assert marked(doubles.same_moment(tables)) == rows
    assert found(tables)["double-entry"][0] == len(rows)


def test_e5_one_pair_within_minutes_is_seen(quiet: Register) -> None:
    quiet.add("2023-03-02T22:13", hours=9.1, client="one")
    row = quiet.add("2023-03-02T22:16", hours=9.0, client="one")
    assert marked(doubles.same_moment(quiet.tables())) == [row]


@pytest.mark.parametrize(
    "other",
    [
        {"client": "one", "begin": "2023-03-02T22:16", "intervention_code": FIXATION},
        {"client": "two", "begin": "2023-03-02T22:16"},
        {"client": "one", "begin": "2023-03-04T01:40"},
    ],
    ids=["another measure", "another client", "another night"],
)
def test_e5_what_differs_is_no_double(quiet: Register, other: dict[str, str]) -> None:
    for _ in range(1):
        quiet.add("2023-03-02T22:13", hours=9.1, client="one")
        arguments = dict(other)
        quiet.add(arguments.pop("begin"), hours=9.0, **arguments)
    assert not marked(doubles.same_moment(quiet.tables()))


def test_e5_a_later_version_of_the_delivery_is_no_double(register: Register) -> None:
    """What was sent again in full replaces what was there; a measure left open in the first version is closed now."""
    for version, hours, received in ((1, None, "2023-08-01T09:00"), (2, 3.1, "2023-11-01T09:00")):
        for day in range(1, 15):
            register.add(
                f"2023-02-{day:02d}T10:1{day % 10}",
                hours=hours,
                client=f"{day}",
                source_id=f"source-{day}",
                registration_id=f"regcanary-{day}",
                delivery_version=version,
                received_at=received,
            )
    files = [delivery("A", "2023-H1", version=v, received_at=f"2023-{m}-01T09:00") for v, m in ((1, "08"), (2, "11"))]
    tables = register.tables(deliveries=pd.DataFrame(files), exposure=exposure("A", ["2023-H1"]))
    assert not marked(doubles.same_source(tables) | doubles.same_moment(tables) | open_ends.never_closed(tables))
    panel = dw.build_panel(tables)
    assert panel.frame["events"].tolist() == [14.0]
    assert panel.set_aside["count"].tolist() == [14]


# E6


def test_e6_no_location_or_one_that_the_list_does_not_know(quiet: Register) -> None:
    rows = [
        quiet.add("2023-03-02T22:13", location_id=None),
        quiet.add("2023-03-05T12:13", location_id="A99"),
    ]
    locations = pd.DataFrame({"provider_id": list("ABC"), "location_id": ["A1", "B1", "C1"]})
    tables = quiet.tables(locations=locations)
    assert marked(gone.without_location(tables)) == rows
    assert found(tables)["without-location"][0] == 2


def test_e6_a_register_without_locations_is_not_wrong(quiet: Register) -> None:
    frame = quiet.frame.drop(columns="location_id")
    assert not marked(gone.without_location(dw.read_tables(registrations=frame)))


# E7


def test_e7_a_room_that_is_not_specified(quiet: Register) -> None:
    rows = [quiet.add(f"2023-03-{d:02d}T11:1{d % 7}", intervention_code=ROOM_NOT_SPECIFIED) for d in (4, 8, 19)]
    for code in (SECLUSION_ROOM, EXTRA_SECURED_ROOM, SEPARATION_ROOM, OWN_ROOM):
        quiet.add("2023-04-02T22:13", intervention_code=code)
    assert marked(rooms.unspecified(quiet.tables())) == rows


def test_e7_a_provider_that_leaves_the_room_out_half_of_the_time_is_named(quiet: Register) -> None:
    quiet.background("D", 30, seed=9)
    quiet.background("D", 30, seed=10, intervention_code=ROOM_NOT_SPECIFIED)
    assert found(quiet.tables())["room-not-specified"][0] == 30


def test_e7_a_room_that_the_kind_of_ward_does_not_have(register: Register) -> None:
    register.background("A", 150, seed=1, intervention_code=EXTRA_SECURED_ROOM)
    register.background("A", 150, seed=2, intervention_code=SECLUSION_ROOM)
    register.background("B", 150, seed=3, intervention_code=OWN_ROOM)
    rows = register.background("B", 2, seed=4, intervention_code=EXTRA_SECURED_ROOM)
    locations = pd.DataFrame(
        {"provider_id": ["A", "B"], "location_id": ["A1", "B1"], "setting": ["closed acute", "open"]}
    )
    tables = register.tables(locations=locations)
    assert marked(rooms.room_against_ward(tables)) == rows
    assert not marked(rooms.room_against_ward(register.tables()))


# E8


@pytest.mark.parametrize("code", ONLY_WVGGZ)
def test_e8_a_code_of_the_wvggz_alone_contradicts_the_wzd(quiet: Register, code: str) -> None:
    row = quiet.add("2023-03-02T22:13", law="WZD", intervention_code=code)
    quiet.add("2023-03-09T22:13", law="WVGGZ", intervention_code=code)
    tables = quiet.tables()
    assert marked(laws.outside_law(tables)) == [row]
    assert found(tables)["code-outside-law"] == (1, [row + 1])


@pytest.mark.parametrize("code", ONLY_WZD)
def test_e8_a_code_of_the_wzd_alone_contradicts_the_wvggz(quiet: Register, code: str) -> None:
    row = quiet.add("2023-03-02T22:13", law="WVGGZ", intervention_code=code)
    quiet.add("2023-03-09T22:13", law="WZD", intervention_code=code)
    assert marked(laws.outside_law(quiet.tables())) == [row]


def test_e8_codes_of_both_lists_contradict_neither(quiet: Register) -> None:
    for law in ("WVGGZ", "WZD"):
        for i, code in enumerate(BOTH_LAWS):
            quiet.add(f"2023-03-{i + 1:02d}T22:13", law=law, intervention_code=code)
    assert not marked(laws.outside_law(quiet.tables()))


def test_e8_the_lists_have_26_and_20_codes() -> None:
    assert len(ONLY_WVGGZ) + len(BOTH_LAWS) == 26
    assert len(ONLY_WZD) + len(BOTH_LAWS) == 20


@pytest.mark.parametrize(
    ("law", "wrong", "right"),
    [("WZD", ("ZM", "CM", "VCM", "TEMP", "NOOD"), ("OPM", "RM", "VM", "IBS", "VMM"))],
)
def test_e8_a_legal_status_of_the_other_law(
    quiet: Register, law: str, wrong: tuple[str, ...], right: tuple[str, ...]
) -> None:
    rows = [quiet.add(f"2023-03-0{i + 1}T22:13", law=law, legal_status=s) for i, s in enumerate(wrong)]
    for i, status in enumerate(right):
        quiet.add(f"2023-04-0{i + 1}T22:13", law=law, legal_status=status)
    rows += [quiet.add(f"2023-05-0{i + 1}T22:13", law="WVGGZ", legal_status=s) for i, s in enumerate(right)]
    for i, status in enumerate(wrong):
        quiet.add(f"2023-05-1{i + 1}T22:13", law="WVGGZ", legal_status=status)
    tables = quiet.tables()
    assert marked(laws.outside_law(tables)) == rows
    assert found(tables)["status-outside-law"][0] == len(rows)


def test_e8_a_location_that_carries_the_other_law_only(quiet: Register) -> None:
    row = quiet.add("2023-03-02T22:13", law="WZD")
    quiet.add("2023-03-03T21:13", law="WZD", provider="B")
    locations = pd.DataFrame(
        {"provider_id": list("ABC"), "location_id": ["A1", "B1", "C1"], "laws": ["WVGGZ", "WVGGZ WZD", "WVGGZ"]}
    )
    tables = quiet.tables(locations=locations)
    assert marked(laws.outside_law(tables)) == [row]
    assert found(tables)["location-outside-law"] == (1, [row + 1])


def test_e8_an_unknown_law_contradicts_nothing(quiet: Register) -> None:
    quiet.add("2023-03-02T22:13", law="unknown", intervention_code=EXTRA_SECURED_ROOM)
    quiet.add("2023-03-02T22:13", law=None, intervention_code=EXTRA_SECURED_ROOM)
    assert not marked(laws.outside_law(quiet.tables()))


# E9


def daily(register: Register, clients: int, days: int, **other: object) -> list[int]:
    """A rest hour from 13:00 to 14:15 for the same clients, day after day."""
    first = moment("2023-02-06T13:00")
    return [
        register.add(first + timedelta(days=d), hours=1.25, client=f"youth {c}", provider="Y", **other)
        for d in range(days)
        for c in range(clients)
    ]


def youth(register: Register) -> None:
    """Unplanned separations after incidents, at irregular moments."""
    register.background("Y", 60, seed=3, law="JEUGDWET_H6")


@pytest.mark.parametrize(("clients", "days"), [(5, 21), (1, 28), (6, 4)], ids=["group", "one client", "group, 4 days"])
def test_e9_a_block_of_the_day_programme_is_found(register: Register, clients: int, days: int) -> None:
    youth(register)
    rows = daily(register, clients, days, law="JEUGDWET_H6")
    tables = register.tables()
    assert marked(blocks.standing_block(tables)) == rows
    assert found(tables)["standing-block"][0] == len(rows)


def test_e9_what_is_marked_as_planned_is_as_it_should_be(register: Register) -> None:
    youth(register)
    daily(register, 5, 21, law="JEUGDWET_H6", planned=True)
    assert not marked(blocks.standing_block(register.tables()))


def test_e9_the_same_hour_on_two_days_is_no_block(register: Register) -> None:
    youth(register)
    daily(register, 1, 2, law="JEUGDWET_H6")
    assert not marked(blocks.standing_block(register.tables()))


# E17


def test_e17_a_provider_that_gives_dates_only(quiet: Register) -> None:
    rows = [
        quiet.add(f"2023-0{month}-{day:02d}T00:00", end=f"2023-0{month}-{day + lasting:02d}T00:00", provider="D")
        for month in range(1, 6)
        for day, lasting in ((2, 0), (7, 1), (12, 3), (19, 0))
    ]
    tables = quiet.tables()
    assert marked(resolution.date_only(tables)) == rows
    assert found(tables)["date-without-time"][0] == len(rows)


def test_e17_dates_in_a_column_without_times(quiet: Register) -> None:
    frame = pd.DataFrame(
        {
            "provider_id": ["D"] * 12,
            "intervention_code": [SECLUSION_ROOM] * 12,
            "begin": [f"2023-03-{d:02d}" for d in range(1, 13)],
            "end": [f"2023-03-{d + 1:02d}" for d in range(1, 13)],
        }
    )
    assert marked(resolution.date_only(dw.read_tables(registrations=frame))) == list(range(12))


def test_e17_one_measure_that_truly_began_at_midnight(quiet: Register) -> None:
    quiet.add("2023-03-04T00:00", end="2023-03-04T07:36")
    assert not marked(resolution.date_only(quiet.tables()))


# E18


def pieces(register: Register, client: str, begin: str, n: int, **other: object) -> list[int]:
    """One seclusion of about three hours per piece, with eight minutes to the toilet after each."""
    start = moment(begin)
    rows = []
    for _ in range(n):
        rows.append(register.add(start, hours=2.9, client=client, **other))
        start += timedelta(hours=2.9, minutes=8)
    return rows


def test_e18_the_pieces_after_the_first_are_marked(quiet: Register) -> None:
    rows = []
    for day in (3, 8, 15, 22):
        rows += pieces(quiet, f"day {day}", f"2023-03-{day:02d}T09:41", 5, provider="D")[1:]
    tables = quiet.tables()
    assert marked(breaks.cut_up(tables)) == rows
    assert found(tables)["measure-cut-up"][0] == len(rows)


def test_e18_a_new_measure_on_the_next_day_is_no_piece(quiet: Register) -> None:
    for day in range(3, 20):
        quiet.add(f"2023-03-{day:02d}T09:{day + 11}", hours=3.3, client="often", provider="D")
    assert not marked(breaks.cut_up(quiet.tables()))


# All of them


@pytest.mark.parametrize(("column", "value"), [("begin", "clientcanary-77"), ("planned", "regcanary-9")])
def test_a_value_that_cannot_be_read_is_not_repeated(quiet: Register, column: str, value: str) -> None:
    frame = quiet.frame.astype(object)
    frame.loc[3, column] = value
    tables = dw.read_tables(registrations=frame, exposure=exposure("ABC", quarters(2023, 2023)))
    assert found(tables)  # nothing in the report names it
    with pytest.raises(dw.DataError) as caught:
        dw.build_panel(tables)
    assert names_nobody(str(caught.value))


def test_absent_columns_mark_nothing() -> None:
    frame = pd.DataFrame({"provider_id": ["A"] * 3, "begin": ["2023-01-02T10:11"] * 3})
    tables = dw.read_tables(registrations=frame)
    traces = (
        open_ends.never_closed,
        open_ends.filled_end,
        late_ends.closed_late,
        late_ends.end_elsewhere,
        doubles.same_source,
        doubles.same_moment,
        gone.without_location,
        rooms.unspecified,
        rooms.room_against_ward,
        laws.outside_law,
        blocks.standing_block,
        breaks.cut_up,
    )
    assert not any(marked(trace(tables)) for trace in traces)
    assert len(resolution.date_only(tables)) == 3


def test_every_rule_has_a_switch_and_a_wrong_name_is_refused(quiet: Register) -> None:
    row = quiet.add("2023-01-10T14:22", hours=None, received_at=RECEIVED)
    tables = quiet.tables(exposure=exposure("ABC", quarters(2023, 2023)))
    assert found(tables)["never-closed"] == (1, [row + 1])
    assert "never-closed" not in found(tables, skip=["never-closed"])
    with pytest.raises(dw.DomainError, match="never-closed"):
        dw.check(tables, skip=["never-close"])


def test_findings_have_count_rows_severity_and_action_in_two_languages(quiet: Register) -> None:
    for day in range(1, 9):
        quiet.add(f"2023-01-0{day}T14:22", hours=None, received_at=RECEIVED)
    tables = quiet.tables()
    (finding,) = [f for f in dw.check(tables).findings if f.rule == "never-closed"]
    assert finding.count == 8
    assert finding.of >= 8
    assert 0 < len(finding.rows) <= 5
    assert finding.severity in {"error", "warning", "info"}
    for language in ("nl", "en"):
        assert finding.message[language]
        assert finding.action[language]
    assert finding.message["nl"] != finding.message["en"]


def test_checking_changes_no_table(quiet: Register) -> None:
    quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    quiet.add("2023-03-01T10:13", client="one", source_id="plan-7")
    tables = quiet.tables()
    before, fingerprint = tables.registrations.copy(), tables.fingerprint
    dw.check(tables)
    pd.testing.assert_frame_equal(tables.registrations, before)
    assert tables.fingerprint == fingerprint
