"""Code lists: joined on codes, nested definitions, and what was coded outside the validity of its law."""

from itertools import pairwise

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.register import codes
from specification.hand_made import (
    EXTRA_SECURED_ROOM,
    OWN_ROOM,
    ROOM_NOT_SPECIFIED,
    SECLUSION_ROOM,
    SEPARATION_ROOM,
    TEMPORARY_STAY,
    Register,
    deliveries,
    exposure,
    found,
    half_years,
)

LETTERS = {
    "37041007": "a",
    "121531000146107": "a",
    "121511000146100": "a",
    "121521000146105": "a",
    "29211000146105": "a",
    "23835007": "a",
    "123881000146109": "a",
    "225212001": "b",
    "68894007": "b",
    "225210009": "b",
    "130201000146105": "b",
    "124061000146109": "c",
    "124041000146108": "c",
    "124071000146103": "c",
    "124051000146106": "c",
    "90278001": "c",
    "121411000146104": "d",
    "121451000146100": "d",
    "225309002": "d",
    "121631000146108": "e",
    "62407006": "f",
    "121621000146106": "g",
    "121471000146108": "h",
    "121461000146102": "h",
    "121601000146103": "i",
    "121541000146104": "j",
    "121641000146100": "k",
}
DEFINITIONS = {
    "D1": {SECLUSION_ROOM},
    "D2": {SECLUSION_ROOM, EXTRA_SECURED_ROOM},
    "D3": {SECLUSION_ROOM, EXTRA_SECURED_ROOM, SEPARATION_ROOM, ROOM_NOT_SPECIFIED},
    "D4": {SECLUSION_ROOM, EXTRA_SECURED_ROOM, SEPARATION_ROOM, ROOM_NOT_SPECIFIED, OWN_ROOM, TEMPORARY_STAY},
}


def test_every_code_has_its_letter() -> None:
    assert dict(zip(LETTERS, codes.letter_of(list(LETTERS)), strict=True)) == LETTERS
    assert set(codes.code_list("interventions").iloc[:, 0]) == set(LETTERS)


@pytest.mark.parametrize("definition", list(DEFINITIONS))
def test_the_codes_of_each_definition(definition: str) -> None:
    assert set(codes.seclusion_codes(definition)) == DEFINITIONS[definition]


def test_each_definition_lies_within_the_next() -> None:
    order = [codes.seclusion_codes(d) for d in ("D1", "D2", "D3", "D4")]
    for inner, outer in pairwise(order):
        assert inner < outer


@pytest.mark.parametrize("on", ["2021-06-30", "2023-01-01", "2025-12-31"])
def test_definitions_are_nested_on_every_date(on: str) -> None:
    order = [codes.seclusion_codes(d, on=on) for d in ("D1", "D2", "D3", "D4")]
    for inner, outer in pairwise(order):
        assert inner <= outer


def test_laws_and_legal_status() -> None:
    laws = set(codes.code_list("laws").iloc[:, 0])
    assert {"WVGGZ", "WZD", "JEUGDWET_H6", "WFZ_BEGINSELENWET", "WGBO", "BOPZ", "unknown"} <= laws
    status = ["ZM", "CM", "VCM", "TEMP", "NOOD", "OPM", "RM", "VM", "IBS", "VMM", "OTS", "PIJ", "TBS"]
    assert codes.law_of_status(status).tolist()[:10] == ["WVGGZ"] * 5 + ["WZD"] * 5
    assert "WVGGZ" not in codes.law_of_status(status).tolist()[10:]
    assert "WZD" not in codes.law_of_status(status).tolist()[10:]


def test_labels_exist_in_both_languages_and_join_nothing() -> None:
    for language in ("nl", "en"):
        assert set(codes.labels(language)) == set(LETTERS)
        texts = list(codes.labels(language).values())
        # A label in place of a code is an unknown code: no form, no letter.
        assert all(form is None for form in codes.form_of(texts))
        assert all(letter is None for letter in codes.letter_of(texts))


@pytest.mark.parametrize("swapped", ["polsband", "ankle restraint", "separeren in separeerverblijf"])
def test_a_label_in_the_column_of_codes_is_found_and_not_understood(swapped: str) -> None:
    register = Register()
    register.background("A", 12, seed=1)
    register.add("2023-03-01T10:13", intervention_code=swapped)
    tables = register.tables(
        exposure=exposure("A", half_years(2023, 2023)), deliveries=deliveries("A", half_years(2023, 2023))
    )
    report = dw.check(tables)
    assert any(f.table == "registrations" and f.rows and 13 in f.rows for f in report.findings)
    panel_or_error: object
    try:
        panel_or_error = dw.build_panel(tables, form="seclusion")
    except dw.DataError as error:
        panel_or_error = error
    if isinstance(panel_or_error, dw.Panel):
        counted = panel_or_error.frame.loc[panel_or_error.frame["delivered"], "events"].sum()
        aside = panel_or_error.set_aside
        assert counted == 12
        assert aside.loc[aside["what"] == "registrations", "count"].sum() == 1


ROOMS = {
    SECLUSION_ROOM: 5,
    EXTRA_SECURED_ROOM: 4,
    SEPARATION_ROOM: 3,
    ROOM_NOT_SPECIFIED: 2,
    OWN_ROOM: 6,
    TEMPORARY_STAY: 1,
}


@pytest.fixture(scope="module")
def seclusions() -> dw.Tables:
    register = Register()
    for seed, (code, n) in enumerate(ROOMS.items()):
        register.background("A", n, seed=seed + 1, intervention_code=code)
    return register.tables(
        exposure=exposure("A", half_years(2023, 2023)), deliveries=deliveries("A", half_years(2023, 2023))
    )


def test_the_same_registrations_under_four_definitions(seclusions: dw.Tables) -> None:
    counts = {}
    for definition, members in DEFINITIONS.items():
        panel = dw.build_panel(seclusions, form="seclusion", definition=definition)
        counted = panel.frame.loc[panel.frame["delivered"], "events"].sum()
        aside = panel.set_aside.loc[panel.set_aside["what"] == "registrations", "count"].sum()
        assert counted == sum(ROOMS[code] for code in members)
        assert counted + aside == sum(ROOMS.values())
        counts[definition] = counted
    assert counts["D1"] < counts["D2"] < counts["D3"] < counts["D4"]


@pytest.mark.parametrize("definition", list(DEFINITIONS))
def test_what_is_no_seclusion_is_other_locking_in(seclusions: dw.Tables, definition: str) -> None:
    panel = dw.build_panel(seclusions, definition=definition)
    frame = panel.frame[panel.frame["delivered"]]
    locked = frame.loc[frame["form"].isin(["seclusion", "other_locking_in", "transport"]), "events"].sum()
    assert locked == sum(ROOMS.values())


# Validity


def outside(law: str | None, begin: str, code: str | None = SECLUSION_ROOM) -> set[str]:
    """Rules that name the one registration that was added to a quiet register."""
    register = Register()
    register.background("A", 6, seed=1)
    row = register.add(begin, law=law, intervention_code=code, form=None if code else "seclusion")
    said = found(register.tables())
    return {rule for rule, (_, rows) in said.items() if row + 1 in rows}


def test_a_law_before_it_held() -> None:
    assert outside("WVGGZ", "2019-11-05T10:13")
    assert outside("WZD", "2019-12-31T23:50")
    assert not outside("WVGGZ", "2020-01-01T00:10")


def test_the_old_law_after_it_ran_out() -> None:
    assert outside("BOPZ", "2022-03-01T10:13", code=None)
    # Authorisations under the Bopz ran on in 2020.
    assert not outside("BOPZ", "2019-03-01T10:13", code=None)
    assert not outside("BOPZ", "2020-03-01T10:13", code=None)


def test_a_code_that_does_not_exist() -> None:
    assert outside("WVGGZ", "2022-03-01T10:13", code="999999999")


def test_versions_have_validity() -> None:
    for name in ("interventions", "forms", "definitions", "laws", "legal_status"):
        versions = codes.code_versions(name)
        assert {"version", "valid_from", "valid_until"} <= set(versions.columns)
    assert "BOPZ" not in set(codes.code_list("laws", on="2021-06-30").iloc[:, 0])
    assert "WVGGZ" not in set(codes.code_list("laws", on="2019-06-30").iloc[:, 0])
    assert {"WVGGZ", "WZD"} <= set(codes.code_list("laws", on="2020-01-01").iloc[:, 0])


def test_a_new_version_takes_the_place_of_the_old_one_on_its_day() -> None:
    versions = pd.DataFrame(
        {
            "code": ["x", "x", "y"],
            "version": ["1", "2", "1"],
            "valid_from": ["2020-01-01", "2023-01-01", ""],
            "valid_until": ["2022-12-31", "", "2021-12-31"],
        }
    )
    chosen = {
        on: codes.last_versions(versions, on).set_index("code")["version"].to_dict()
        for on in ("2019-12-31", "2020-01-01", "2021-12-31", "2022-12-31", "2023-01-01")
    }
    assert chosen == {
        "2019-12-31": {"y": "1"},
        "2020-01-01": {"x": "1", "y": "1"},
        "2021-12-31": {"x": "1", "y": "1"},
        "2022-12-31": {"x": "1"},
        "2023-01-01": {"x": "2"},
    }


@pytest.mark.parametrize("definition", ["D0", "D5", "d2", ""])
def test_a_definition_that_does_not_exist_is_refused(definition: str) -> None:
    with pytest.raises(dw.DomainError):
        codes.seclusion_codes(definition)


def test_planned_and_unplanned_are_never_added_silently() -> None:
    register = Register()
    register.background("A", 12, seed=1)
    register.background("A", 7, seed=2, planned=True)
    tables = register.tables(
        exposure=exposure("A", half_years(2023, 2023)), deliveries=deliveries("A", half_years(2023, 2023))
    )
    with pytest.raises(dw.DataError):
        dw.build_panel(tables)
    for planned, n in ((True, 7), (False, 12)):
        panel = dw.build_panel(tables, planned=planned)
        assert panel.frame.loc[panel.frame["delivered"], "events"].sum() == n


def test_laws_are_never_pooled_silently() -> None:
    register = Register()
    register.background("A", 12, seed=1)
    register.background("A", 7, seed=2, law="WZD")
    tables = register.tables(exposure=exposure("A", half_years(2023, 2023)))
    with pytest.raises(dw.DataError):
        dw.build_panel(tables)
    panel = dw.build_panel(tables, law="WZD")
    assert panel.frame.loc[panel.frame["delivered"], "events"].sum() == 7
    assert panel.set_aside.loc[panel.set_aside["what"] == "registrations", "count"].sum() == 12
