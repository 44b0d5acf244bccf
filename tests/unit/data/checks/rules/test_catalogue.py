"""The list of errors and rules: complete, true to the rules that exist, and the switch that uses their names."""

import re

import pytest

import dwangstats as dw
from dwangstats import worlds
from dwangstats.data.checks.check import check, check_input
from dwangstats.data.checks.rules.catalogue import ERRORS, rule_names
from dwangstats.data.reading.read import Tables
from dwangstats.errors import DomainError
from dwangstats.worlds.planted import SWITCHES, ErrorParameters
from small_register import register


def test_every_error_of_the_taxonomy_is_there_once():
    codes = [error.code for error in ERRORS]
    assert codes == [f"E{number}" for number in range(1, 20)] + ["XM", "XC", "X10", "X24"]
    assert set(SWITCHES) <= set(codes)


def test_every_rule_that_is_named_exists():
    assert {rule for error in ERRORS for rule in error.rules} <= rule_names()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_has_rules_or_a_reason_why_not(error):
    assert bool(error.rules) != (error.seen == "nowhere")
    assert error.rules or (error.remark["nl"] and error.remark["en"])
    assert error.name["nl"] != error.name["en"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_frame(language):
    frame = dw.error_catalogue(language)
    assert list(frame.columns) == ["error", "name", "seen", "rules", "remark"]
    assert frame.loc[frame["error"] == "E14", "rules"].item() == ""
    assert frame.loc[frame["error"] == "E5", "rules"].item() == "double-from-source, double-entry"
    with pytest.raises(DomainError, match=r"no language 'fr'; choose one of nl, en\."):
        dw.error_catalogue("fr")


def test_names_of_rules_are_words_joined_by_hyphens_in_one_place_each():
    names = rule_names()
    assert len(names) > 60
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_a_rule_is_switched_off_by_its_name():
    tables = worlds.make("mixed", "tiny", 3, errors=ErrorParameters(), calibrate=False).tables
    whole = check(tables)
    names = {finding.rule for finding in whole.findings}
    assert names <= rule_names()
    for name in ("never-closed", "double-entry", "half-year-missing"):
        less = check(tables, skip=[name])
        assert less.findings == tuple(finding for finding in whole.findings if finding.rule != name)
    assert check(tables, skip=sorted(rule_names())).findings == ()


def test_an_error_can_be_switched_off_in_a_report_only():
    tables = register({"end": "2020-01-01 10:00"})
    assert [finding.rule for finding in check(tables).errors] == ["end-before-begin"]
    assert check(tables, skip=["end-before-begin"]).errors == ()
    assert [finding.rule for finding in check_input(tables).errors] == ["end-before-begin"]


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(DomainError, match=r"1 of 2 names that no rule has, first 'never-close'.*'never-closed'"):
        check(Tables(), skip=["never-close", "double-entry"])
    with pytest.raises(DomainError, match="2 of 2 names"):
        check(Tables(), skip=["xyzzy", "quux"])


def test_what_was_found_while_reading_stays():
    tables = dw.read_tables(registrations=register({"begin": "2021-01-05 10:11"}).registrations.astype("str"))
    slashed = dw.read_tables(registrations=tables.registrations.astype("str").assign(begin="3/4/2021"))
    (found,) = [finding for finding in slashed.reading if finding.severity == "error"]
    assert found in check(slashed).findings
    with pytest.raises(DomainError, match="no rule has"):
        check(slashed, skip=[found.rule])


def test_input_is_checked_without_looking_for_signs():
    tables = worlds.make("mixed", "tiny", 3, errors=ErrorParameters(), calibrate=False).tables
    few, many = check_input(tables).findings, check(tables).findings
    assert all(finding in many for finding in few)
    signs = {rule for error in ERRORS for rule in error.rules} - {"missing-bed-days", "code-outside-law"}
    assert not signs & {finding.rule for finding in few}
