"""Signs of errors in single registrations as findings: counted, with first rows, in both languages, no persons."""

import re
from dataclasses import replace

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats import worlds
from dwangstats.data.checks.rules.doubles import double_findings
from dwangstats.data.checks.rules.durations import duration_findings
from dwangstats.data.checks.rules.laws import law_findings
from dwangstats.data.checks.rules.rooms import room_findings
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.worlds.planted import ErrorParameters
from small_register import (
    EXTRA_SECURED,
    MEDICATION,
    NOT_SPECIFIED,
    OWN_ROOM,
    SECLUSION,
    noise,
    register,
    rows,
)

LOCATIONS = pd.DataFrame(
    {
        "provider_id": ["p1", "p1"],
        "location_id": ["p1-1", "p1-2"],
        "setting": ["acute", "open"],
        "laws": ["WVGGZ", "WVGGZ;WZD"],
    }
)
INJECTED = {"client_id": "x", "end": None, "intervention_code": MEDICATION}
AT_NINE = [pd.Timestamp(2021, 3, day, 9) for day in range(1, 20)]
ERRORS = {
    "never-closed": [{"begin": "2021-05-05 13:20", "end": None}],
    "end-filled-in": [{"begin": "2021-05-05 13:20", "end": "2021-06-30 23:59"}],
    "closed-late": [
        {"begin": f"2021-03-{day:02d} 09:{day + 30}", "end": f"2021-03-{day:02d} 16:00"} for day in range(1, 20)
    ],
    "end-after-move": [
        {"client_id": "x", "begin": "2021-03-01 09:41", "end": "2021-03-05 14:22"},
        {"client_id": "x", "begin": "2021-03-02 09:41", "end": "2021-03-02 14:23", "location_id": "p1-2"},
    ],
    "date-without-time": [{"begin": f"2021-03-{day:02d}", "end": f"2021-03-{day + 1:02d}"} for day in range(1, 9)],
    "double-from-source": [
        {**INJECTED, "source_id": "s", "begin": f"2021-03-01 {time}"} for time in ("09:00", "09:40")
    ],
    "double-entry": [{**INJECTED, "begin": f"2021-03-01 {time}"} for time in ("09:02", "09:10")],
    "standing-block": [
        {"client_id": "x", "begin": nine, "end": nine + pd.Timedelta(hours=1.25), "intervention_code": OWN_ROOM}
        for nine in AT_NINE
    ],
    "measure-cut-up": [
        {"client_id": f"x{day}", "begin": begin, "end": begin + pd.Timedelta(hours=2)}
        for day in range(1, 7)
        for begin in pd.date_range(f"2021-03-{day:02d} 09:0{day}", periods=3, freq="2h12min")
    ],
    "without-location": [{"location_id": None}],
    "room-not-specified": [{"intervention_code": NOT_SPECIFIED}] * 80,
    "room-against-ward": [
        *[{"intervention_code": EXTRA_SECURED}] * 80,
        *[{"intervention_code": SECLUSION, "location_id": "p1-2"}] * 400,
        {"intervention_code": EXTRA_SECURED, "location_id": "p1-2"},
    ],
    "status-outside-law": [{"legal_status": "RM"}],
    "location-outside-law": [{"law": "WZD", "legal_status": "RM"}],
}
MARKED = {name: len(given) for name, given in ERRORS.items()} | {
    "end-after-move": 1,
    "double-from-source": 1,
    "double-entry": 1,
    "measure-cut-up": 12,
    "room-against-ward": 1,
}


def row_findings(tables: Tables) -> list[Finding]:
    sources = (duration_findings, double_findings, room_findings, law_findings)
    return [finding for source in sources for finding in source(tables)]


@pytest.mark.parametrize("rule", ERRORS)
def test_each_error_has_its_own_finding_and_no_other(rule):
    regular = [{**row, "source_id": f"n{i}", "legal_status": "ZM"} for i, row in enumerate(noise(300))]
    tables = register(*regular, *ERRORS[rule], locations=LOCATIONS)
    (finding,) = row_findings(tables)
    assert finding.rule == rule
    assert (finding.count, finding.of) == (MARKED[rule], len(tables.registrations))
    assert len(finding.rows) == min(finding.count, 5)
    assert min(finding.rows) >= 300
    for text in (*finding.message.values(), *finding.action.values()):
        assert not re.search(r"[{}]|client_id|\bx\d?\b|r00\d\d\d", text)
        assert text[0].isupper()
        assert text.rstrip().endswith(".") or text.endswith("gap_hours=24.")


def test_nothing_is_found_in_a_regular_register():
    assert row_findings(register(*noise(300), locations=LOCATIONS)) == []
    assert row_findings(Tables()) == []
    assert row_findings(Tables(registrations=rows(*noise(3)).iloc[:0])) == []


def test_what_one_source_gave_twice_is_not_said_again():
    pair = [{"client_id": "x", "source_id": "s", "begin": f"2021-03-01 09:0{minute}"} for minute in (1, 4)]
    regular = [{**row, "source_id": f"n{i}"} for i, row in enumerate(noise(50))]
    assert [finding.rule for finding in row_findings(register(*regular, *pair))] == ["double-from-source"]


def test_no_client_registration_or_source_is_named():
    tables = worlds.make("mixed", "tiny", 5, errors=ErrorParameters(), calibrate=False).tables
    frame = tables.registrations
    secret = {name: f"geheim{i}" for i, name in enumerate(("registration_id", "client_id", "source_id"))}
    planted = frame.assign(**{name: word + frame[name] for name, word in secret.items()})
    report = dw.check(replace(tables, registrations=planted))
    assert len(report.findings) > 10
    for language in ("nl", "en"):
        told = report.to_text(language) + report.to_frame(language).to_csv()
        assert "geheim" not in told


def test_a_planted_world_shows_every_error_that_rows_can_show():
    tables = worlds.make("mixed", "small", 4, errors=ErrorParameters()).tables
    found = {finding.rule for finding in row_findings(tables)}
    catalogue = dw.error_catalogue()
    for error in catalogue.loc[catalogue["seen"] == "rows"].itertuples():
        own = set(error.rules.split(", "))
        # A room left out is only a finding where a provider does it more than the others, which a seed may not have.
        assert own & (found | {"code-outside-law", "room-not-specified"}), error.error
