"""What is recognised as a person or a service number, and what is left alone."""

import pandas as pd
import pytest

import dwangstats as dw
from canaries.plant import BSN, eleven, person
from dwangstats.data.bsn import looks_like_bsn, only_bsn, without_bsn
from dwangstats.data.reading.persons import may_name_a_person, names_of_columns, persons_elsewhere

NO_BSN = "123456789"


def registrations(**columns: object) -> pd.DataFrame:
    base = {"provider_id": ["north", "east"], "client_id": [person(1), person(2)], "law": ["WVGGZ", "WVGGZ"]}
    return pd.DataFrame(base | columns, dtype="str")


@pytest.mark.parametrize("column", ["provider_id", "location_id", "law", "form"])
def test_a_client_in_a_shown_column_of_registrations_is_found(column: str) -> None:
    (sentence,) = persons_elsewhere({"registrations": registrations(**{column: ["north", person(1)]})})
    assert f"1 of 1 different values of column '{column}'" in sentence
    assert person(1) not in sentence


def test_a_client_or_registration_in_another_table_is_found() -> None:
    tables = {
        "registrations": registrations(registration_id=["R-2021-0001", "R-2021-0002"]),
        "exposure": pd.DataFrame({"provider_id": ["north", person(2)], "ward": ["R-2021-0001", "a"]}, dtype="str"),
        "deliveries": pd.DataFrame({"status": pd.Categorical([person(1), "accepted"])}),
    }
    sentences = persons_elsewhere(tables)
    assert [s.split(":")[0] for s in sentences] == ["exposure", "exposure", "deliveries"]
    assert not any(person(k) in " ".join(sentences) for k in (1, 2))


def test_a_client_as_the_name_of_a_column_is_found() -> None:
    (sentence,) = persons_elsewhere({"registrations": registrations(), "exposure": pd.DataFrame({person(1): [1.0]})})
    assert "1 of 1 columns" in sentence
    assert person(1) not in sentence


def test_short_numbers_and_columns_that_are_never_shown_are_left_alone() -> None:
    tables = {
        "registrations": registrations(client_id=["17", "18"], registration_id=[person(1), "2"], note=[person(1), ""]),
        "exposure": pd.DataFrame({"provider_id": ["17", "18"]}, dtype="str"),
    }
    assert persons_elsewhere(tables) == []
    assert persons_elsewhere({"exposure": tables["exposure"]}) == []


@pytest.mark.parametrize(("text", "names"), [(person(1), True), ("c1961-0412x", True), ("first half 2021", False)])
def test_the_form_of_a_pseudonym(text: str, names: bool) -> None:
    assert may_name_a_person(text) is names


def test_a_column_named_as_a_person_is_called_by_its_place() -> None:
    assert names_of_columns(["period", person(1), "2021"]) == ["period", "(column 2)", "2021"]
    frame = pd.DataFrame({"provider_id": ["north"], person(1): ["a"], "period": "2021-H1", "bed_days": [900.0]})
    reading = dw.read_tables(exposure=frame).reading
    assert ["(column 2)" in f.message["en"] for f in reading if f.rule == "unknown-columns"] == [True]
    with pytest.raises(dw.DataError, match=r"provider_id, \(column 2\), period") as caught:
        dw.read_tables(exposure=frame.drop(columns="bed_days"))
    assert person(1) not in str(caught.value)


def test_one_service_number_is_enough_where_every_value_is_shown() -> None:
    assert eleven(BSN[0])
    assert not eleven(NO_BSN)
    assert only_bsn(["north", BSN[0]])
    assert only_bsn(["north", "1234.56.782"])
    assert not only_bsn(["north", BSN[0], NO_BSN])
    assert not only_bsn(["north", "08012345", ""])
    assert not looks_like_bsn(["north-east", BSN[0], "south-west"])


@pytest.mark.parametrize("table", ["exposure", "panel"])
def test_a_service_number_as_provider_is_refused(table: str) -> None:
    name = "provider_id" if table == "exposure" else "provider"
    frame = pd.DataFrame({name: ["north", BSN[0]], "period": "2021-H1", "bed_days": 900.0, "events": 3})
    with pytest.raises(dw.DataError, match=f"column '{name}' pass the eleven-test") as caught:
        dw.read_tables(**{table: frame})
    assert BSN[0] not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a 123456782 b", "a ********* b"),
        ("1234.56.782", "***********"),
        ("123-456-782", "***********"),
        ("1234567820", "1234567820"),
        ("123.45.6782", "123.45.6782"),
        ("2021-03-31 10:00", "2021-03-31 10:00"),
        (NO_BSN, NO_BSN),
    ],
)
def test_a_service_number_in_a_message_is_made_unreadable_however_it_is_written(text: str, shown: str) -> None:
    assert without_bsn(text) == shown
