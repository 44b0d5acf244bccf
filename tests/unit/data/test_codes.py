"""Code lists: complete, without typing errors, joined on codes, and nested as the definitions say."""

import importlib.resources
import itertools

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.codes import (
    CODE_LISTS,
    DEFINITIONS,
    FORMS,
    LAWS,
    code_list,
    codes_in_law,
    form_of,
    labels,
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
    folder = importlib.resources.files("dwangstats.data").joinpath("codelists")
    assert {file.name for file in folder.iterdir()} == {f"{name}.csv" for name in CODE_LISTS}
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
