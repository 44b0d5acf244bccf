"""What place findings say: counts, names, both languages, and nobody's number."""

import pytest

from dwangstats import worlds
from dwangstats.data.checks.rule import Rule
from dwangstats.data.checks.rules import movements, places
from dwangstats.data.checks.rules.places import place_findings
from dwangstats.data.findings import LANGUAGES
from dwangstats.data.reading.read import Tables
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.result import World


@pytest.fixture(scope="module")
def disturbed() -> World:
    return worlds.make("mixed", "small", 4, errors=ErrorParameters())


def test_a_register_full_of_errors_has_findings_of_every_kind(disturbed: World) -> None:
    found = {finding.rule: finding for finding in place_findings(disturbed.tables)}
    expected = {
        "half-year-missing",
        "file-refused",
        "record-system-changed",
        "admissions-not-registered",
        "capacity-for-occupancy",
        "bed-days-tenfold",
        "hours-for-bed-days",
    }
    assert expected <= set(found)
    planted = disturbed.planted
    assert found["hours-for-bed-days"].count == (planted["error"] == "X24").sum()
    assert found["half-year-missing"].count == (planted["error"] == "E10").sum()
    assert found["record-system-changed"].count == planted.loc[planted["error"] == "E12", "provider_id"].nunique()
    exposure = disturbed.tables.given["exposure"]
    wrong = exposure.loc[list(found["hours-for-bed-days"].rows)]
    assert set(wrong["location_id"]) <= set(planted.loc[planted["error"] == "X24", "location_id"])


def test_sentences_hold_no_client_or_registration_number(disturbed: World) -> None:
    frame = disturbed.tables.given["registrations"]
    secret = set(frame["client_id"].dropna()) | set(frame["registration_id"]) | set(frame["source_id"])
    for finding in place_findings(disturbed.tables):
        for language in LANGUAGES:
            words = set((finding.message[language] + finding.action[language]).replace(",", " ").split())
            assert not words & secret
            assert "{" not in finding.message[language] + finding.action[language]


def test_decimals_and_forms_are_in_the_language_of_the_sentence(disturbed: World) -> None:
    found = {finding.rule: finding for finding in place_findings(disturbed.tables)}
    message = found["record-system-changed"].message
    assert "(1,02 maal wat te verwachten is)" in message["nl"] or "(0," in message["nl"]
    assert "(1.02 times what is to be expected)" in message["en"] or "(0." in message["en"]


def test_a_register_without_errors_has_only_its_missing_half_years() -> None:
    clean = worlds.make("mixed", "small", 3)
    assert {finding.rule for finding in place_findings(clean.tables)} <= {"half-year-missing", "file-refused"}


def test_no_tables_no_findings() -> None:
    assert list(place_findings(Tables())) == []


def test_rules_have_names_of_their_own() -> None:
    rules = [value for module in (movements, places) for value in vars(module).values() if isinstance(value, Rule)]
    distinct = {id(rule): rule for rule in rules}.values()
    assert len({rule.name for rule in distinct}) == len(distinct) == 15
