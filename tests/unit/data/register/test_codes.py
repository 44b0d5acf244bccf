"""Code lists: complete, without typing errors, joined on codes, and nested as the definitions say."""

import importlib.resources
import itertools

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.register import codes as codes_module
from dwangstats.data.register.codes import (
    CODE_LISTS,
    DEFINITIONS,
    FORMS,
    LAWS,
    code_list,
    code_versions,
    codes_in_law,
    form_of,
    holds,
    labels,
    last_versions,
    law_of_status,
    letter_of,
    seclusion_codes,
)
from dwangstats.errors import DomainError

SECLUSION_ROOM, EBK, SEPARATION_ROOM = "124061000146109", "124041000146108", "124071000146103"
OWN_ROOM, UNSPECIFIED, TEMPORARY = "124051000146106", "90278001", "121641000146100"


def _verhoeff(number: str) -> int:
    """Check value of a SNOMED identifier in the dihedral group of order ten; 0 for one without typing errors."""

    def times(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5

    shuffle = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(reversed(number)):
        moved = int(digit)
        for _ in range(place % 8):
            moved = shuffle[moved]
        check = times(check, moved)
    return check


def test_the_check_digit_notices_a_typing_error():
    assert _verhoeff("124061000146109") == 0
    assert _verhoeff("124016000146109") != 0


def test_every_snomed_code_carries_a_right_check_digit():
    codes = code_list("interventions")["code"]
    assert [code for code in codes if _verhoeff(code) != 0] == []


def test_the_lists_have_the_published_lengths():
    assert len(codes_in_law("WVGGZ")) == 26
    assert len(codes_in_law("WZD")) == 20
    assert code_list("letters")["letter"].tolist() == list("abcdefghijk")
    assert (code_list("letters")["wzd"] == "yes").sum() == 9


@pytest.mark.parametrize("name", CODE_LISTS)
def test_every_code_is_there_once_with_labels_in_both_languages(name):
    table = code_list(name)
    assert table.iloc[:, 0].is_unique
    assert (table[["label_nl", "label_en"]] != "").all(axis=None)
    assert labels("nl", name).keys() == labels("en", name).keys()


def test_lists_and_constants_agree():
    assert tuple(code_list("forms")["form"]) == FORMS
    assert tuple(code_list("laws")["law"]) == LAWS
    assert tuple(code_list("definitions")["definition"]) == DEFINITIONS
    assert set(code_list("letters")["form"]) <= set(FORMS)
    assert set(code_list("interventions")["letter"]) <= set(code_list("letters")["letter"])


def test_the_lists_are_read_from_the_package_and_are_not_shared():
    folder = importlib.resources.files("dwangstats.data.register").joinpath("codelists")
    assert {file.name for file in folder.iterdir()} == {f"{name}.csv" for name in (*CODE_LISTS, "due_dates")}
    copy = code_list("forms")
    copy["form"] = "spoiled"
    assert tuple(code_list("forms")["form"]) == FORMS


def test_definitions_are_nested_and_grow_by_the_rooms_named():
    sets = [seclusion_codes(level) for level in DEFINITIONS]
    assert sets[0] == {SECLUSION_ROOM}
    assert sets[1] - sets[0] == {EBK}
    assert sets[2] - sets[1] == {SEPARATION_ROOM, UNSPECIFIED}
    assert sets[3] - sets[2] == {OWN_ROOM, TEMPORARY}
    assert all(small < large for small, large in itertools.pairwise(sets))


def test_what_the_definition_leaves_out_is_other_locking_in():
    rooms = [SECLUSION_ROOM, EBK, SEPARATION_ROOM, UNSPECIFIED, OWN_ROOM, TEMPORARY]
    secluded = {level: (form_of(rooms, level) == "seclusion").sum() for level in DEFINITIONS}
    assert secluded == {"D1": 1, "D2": 2, "D3": 4, "D4": 6}
    assert set(form_of(rooms, "D1")) == {"seclusion", "other_locking_in"}


def test_forms_follow_the_letters():
    codes = ["29211000146105", "225212001", "225309002", "121541000146104"]
    assert form_of(codes).tolist() == ["medication", "restraint", "other", "admission"]
    assert letter_of(codes).tolist() == ["a", "b", "d", "j"]


def test_unknown_and_missing_codes_are_missing_and_keep_their_place():
    codes = pd.Series(["999", None, SECLUSION_ROOM, np.nan, 90278001], dtype=object, index=[7, 8, 9, 10, 11])
    assert form_of(codes, "D3").tolist() == [None, None, "seclusion", None, "seclusion"]
    assert letter_of([]).tolist() == []


def test_a_code_outside_the_list_of_its_law_can_be_seen():
    assert EBK not in codes_in_law("WZD")
    assert "121451000146100" not in codes_in_law("WVGGZ")
    assert codes_in_law("JEUGDWET_H6") is None
    with pytest.raises(DomainError, match="Did you mean 'WVGGZ'"):
        codes_in_law("WVGZ")


def test_legal_status_tells_the_law_or_nothing():
    assert law_of_status(["CM", "IBS", "TBS", "??", None]).tolist() == ["WVGGZ", "WZD", None, None, None]


def test_an_unknown_definition_is_refused():
    with pytest.raises(DomainError, match="choose one of D1, D2, D3, D4"):
        form_of([SECLUSION_ROOM], "D5")


# ------------------------------------------------------------------------------------------- versions and validity

#: A list in which code 1 moves to another group in 2026, code 2 is withdrawn and code 3 comes in.
MOVING = pd.DataFrame(
    [
        ("1", "a", "1", "2020-01-01", "2025-12-31"),
        ("1", "b", "2", "2026-01-01", ""),
        ("2", "a", "1", "", "2022-06-30"),
        ("3", "a", "1", "2023-01-01", ""),
    ],
    columns=["code", "group", "version", "valid_from", "valid_until"],
)


@pytest.mark.parametrize("name", CODE_LISTS)
def test_versions_of_a_code_have_days_and_higher_versions_come_later(name):
    table = code_versions(name)
    days = pd.concat([table["valid_from"], table["valid_until"]])
    assert pd.to_datetime(days[days != ""], format="%Y-%m-%d").notna().all()
    both = table[(table["valid_from"] != "") & (table["valid_until"] != "")]
    assert (both["valid_from"] <= both["valid_until"]).all()
    assert not table.duplicated([table.columns[0], "version"]).any()
    ordered = table.sort_values([table.columns[0], "version"])
    assert ordered.groupby(table.columns[0])["valid_from"].apply(lambda d: d.is_monotonic_increasing).all()
    assert len(code_list(name)) == table.iloc[:, 0].nunique()


def test_on_a_date_the_version_of_that_date_counts():
    assert last_versions(MOVING).set_index("code")["group"].to_dict() == {"1": "b", "2": "a", "3": "a"}
    assert last_versions(MOVING, "2021-05-01").set_index("code")["group"].to_dict() == {"1": "a", "2": "a"}
    assert last_versions(MOVING, "2022-06-30")["code"].tolist() == ["1", "2"]
    assert last_versions(MOVING, "2022-07-01")["code"].tolist() == ["1"]
    assert last_versions(MOVING, "2025-12-31").set_index("code")["group"]["1"] == "a"
    assert last_versions(MOVING, pd.Timestamp(2026, 1, 1, 12)).set_index("code")["group"]["1"] == "b"
    with pytest.raises(DomainError, match="on must be a date"):
        last_versions(MOVING, "soon")


def test_a_moment_outside_every_version_of_its_code_does_not_hold():
    days = ["2019-12-31 23:59", "2020-01-01 00:00", "2025-12-31 23:59", "2026-01-01", "2022-06-30 18:00", "2022-07-01"]
    codes = pd.Series(["1", "1", "1", "1", "2", "2"], index=range(3, 9))
    moments = pd.Series(pd.to_datetime(days, format="ISO8601"), index=codes.index)
    assert holds(MOVING, codes, moments).tolist() == [False, True, True, True, True, False]
    nothing = pd.Series([None, "9", "3"], dtype="str")
    assert holds(MOVING, nothing, pd.Series(pd.to_datetime(["2000-01-01", "2000-01-01", None]))).all()


def test_the_lists_as_they_were_on_a_date():
    assert len(codes_in_law("WVGGZ", "2021-06-30")) == 26
    assert codes_in_law("WVGGZ", "2019-06-30") == frozenset()
    assert seclusion_codes("D4", "2021-06-30") == seclusion_codes("D4")
    assert seclusion_codes("D4", "2019-06-30") == frozenset()
    assert form_of([SECLUSION_ROOM], "D2", "2023-01-01").tolist() == ["seclusion"]
    assert form_of([SECLUSION_ROOM], "D2", "2019-01-01").tolist() == [None]
    assert "BOPZ" in set(code_list("laws", "2019-12-31")["law"])
    assert "BOPZ" not in set(code_list("laws", "2020-01-01")["law"])
    assert set(code_list("definitions", "2019-06-30")["criterion"]) == {"forced"}
    assert set(code_list("definitions", "2021-06-30")["criterion"]) == {"against resistance"}


@pytest.mark.parametrize("day", [None, "2020-01-01", "2021-06-30", "2030-01-01"])
def test_definitions_are_nested_on_every_day(day):
    sets = [seclusion_codes(level, day) for level in DEFINITIONS]
    assert all(small < large for small, large in itertools.pairwise(sets))


#: From the published list for hospitals: the labels of two codes are swapped between Dutch and English.
SWAPPED = pd.DataFrame(
    [("123891000146106", "polsband", "ankle restraint"), ("124031000146100", "enkelband", "wrist restraint")],
    columns=["code", "label_nl", "label_en"],
).assign(letter="b", definition="", wvggz="no", wzd="no", version="1", valid_from="2020-01-01", valid_until="")


@pytest.fixture
def flawed(monkeypatch):
    """The list of interventions with the two flawed rows, and with the Dutch labels of two rooms swapped as well."""
    lists = {name: code_versions(name) for name in CODE_LISTS}
    table = pd.concat([lists["interventions"], SWAPPED], ignore_index=True)
    rooms = table["code"].isin([EBK, OWN_ROOM])
    table.loc[rooms, "label_nl"] = table.loc[rooms, "label_nl"].to_numpy()[::-1]
    lists["interventions"] = table
    monkeypatch.setattr(codes_module, "_load", lists.__getitem__)
    return table


def test_swapped_labels_change_nothing_because_rows_are_joined_on_codes(flawed):
    rooms = [SECLUSION_ROOM, EBK, OWN_ROOM]
    # A join on the Dutch label takes the own room for an extra secured room, and the reverse.
    by_label = flawed.set_index("label_nl")["code"]
    wrong = form_of(by_label[["separeren in extra beveiligde kamer", "separeren in verblijfsruimte van patiënt"]])
    assert wrong.tolist() == ["other_locking_in", "seclusion"]
    assert form_of(rooms).tolist() == ["seclusion", "seclusion", "other_locking_in"]
    assert seclusion_codes("D2") == {SECLUSION_ROOM, EBK}
    assert EBK not in codes_in_law("WZD")
    assert OWN_ROOM in codes_in_law("WZD")


def test_the_swapped_labels_of_the_published_list_are_printed_by_code(flawed):
    assert form_of(SWAPPED["code"]).tolist() == ["restraint", "restraint"]
    dutch, english = labels("nl"), labels("en")
    wrist, ankle = SWAPPED["code"]
    assert (dutch[wrist], dutch[ankle]) == ("polsband", "enkelband")
    assert (english[wrist], english[ankle]) == ("ankle restraint", "wrist restraint")
    assert letter_of([wrist, ankle]).tolist() == ["b", "b"]
