"""Half-years that are missing, files that were refused, admissions and client numbers."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.traces.admissions import taken_for_granted
from dwangstats.data.checks.traces.linkage import clients_among, several_numbers
from dwangstats.data.checks.traces.missing import half_years, refused_for_form
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.result import World


def delivered(*rows: tuple[str, str, int, str, str | None], **more: pd.DataFrame) -> Tables:
    names = ["provider_id", "period", "version", "status", "reject_reason"]
    frame = pd.DataFrame(rows, columns=names).assign(law="WVGGZ")
    return read_tables(deliveries=frame, **more)


def test_the_last_version_says_whether_a_half_year_is_missing() -> None:
    tables = delivered(
        ("a", "2021-H1", 1, "rejected", "XML schema"),
        ("a", "2021-H1", 2, "accepted", None),
        ("b", "2021-H1", 1, "rejected", "xsd-validatie mislukt"),
        ("c", "2021-H1", 1, "not_delivered", None),
        ("d", "2021-H1", 1, "nothing_to_report", None),
        ("e", "2021-H1", 1, "rejected", "wrong law"),
    )
    absent = half_years(tables)
    assert absent[["provider_id", "status"]].to_numpy().tolist() == [
        ["b", "rejected"],
        ["c", "not_delivered"],
        ["e", "rejected"],
    ]
    assert absent.index.tolist() == [3, 4, 6]
    refused = refused_for_form(tables)
    assert refused[["provider_id", "version", "mended"]].to_numpy().tolist() == [["a", 1, True], ["b", 1, False]]


def test_bed_days_without_any_delivery_are_unknown_only_where_others_delivered() -> None:
    exposure = pd.DataFrame(
        {
            "provider_id": ["a", "b", "b", "c"],
            "period": ["2021-Q1", "2021-Q2", "2022-Q1", "2021-Q1"],
            "bed_days": [900.0, 900.0, 900.0, 0.0],
        }
    )
    absent = half_years(delivered(("a", "2021-H1", 1, "accepted", None), exposure=exposure))
    assert absent[["provider_id", "period", "status"]].to_numpy().tolist() == [["b", "2021-H1", "unknown"]]
    assert absent.index.tolist() == [-1]


def test_laws_are_delivered_apart() -> None:
    tables = delivered(("a", "2021-H1", 1, "accepted", None), ("a", "2021-H1", 2, "rejected", "schema"))
    other = tables.given["deliveries"].assign(law=["WVGGZ", "WZD"])
    assert half_years(replace(tables, deliveries=other))["law"].tolist() == ["WZD"]


def test_without_the_tables_nothing_is_missing_or_refused() -> None:
    assert half_years(Tables()).empty
    assert refused_for_form(Tables()).empty
    without = delivered(("a", "2021-H1", 1, "rejected", None)).given["deliveries"].drop(columns="reject_reason")
    assert refused_for_form(Tables(deliveries=without)).empty
    assert len(half_years(Tables(deliveries=without))) == 1


@pytest.fixture(scope="module")
def national() -> World:
    return worlds.make("mixed", "national", 1, errors=ErrorParameters().only("E15"))


def test_providers_that_take_admissions_for_granted_are_marked(national: World) -> None:
    found = taken_for_granted(national.tables)
    planted = set(national.planted.loc[national.planted["error"] == "E15", "provider_id"])
    marked = set(found["provider_id"])
    assert len(planted & marked) >= 0.5 * len(planted)
    assert len(marked - planted) <= 0.15 * len(marked)
    assert (found["ratio"] < 1.0 / 3.0).all()


def test_nobody_takes_for_granted_what_nobody_registers_or_admits() -> None:
    world = worlds.make("mixed", "small", 1)
    assert taken_for_granted(world.tables).empty, "the form is not in this register"
    with_form = worlds.make("mixed", "small", 1, errors=ErrorParameters().only("E15")).tables
    bare = with_form.given["exposure"].drop(columns="admissions")
    assert taken_for_granted(replace(with_form, exposure=bare)).empty


def test_a_provider_with_open_wards_only_is_not_held_to_forced_admissions(national: World) -> None:
    marked = set(taken_for_granted(national.tables)["provider_id"])
    locations = national.tables.given["locations"]
    opened = locations["setting"].mask(locations["provider_id"].isin(marked), "open ward")
    told = replace(national.tables, locations=locations.assign(setting=opened))
    assert not set(taken_for_granted(told)["provider_id"]) & marked


def test_clients_among_some_registrations_are_those_of_all_draws() -> None:
    per_client = np.array([3.0, 1.0, 2.0])
    owner = [0, 0, 0, 1, 2, 2]
    for drawn in range(1, 7):
        by_hand = np.mean([len(set(draw)) for draw in combinations(owner, drawn)])
        assert clients_among(per_client, drawn) == pytest.approx(by_hand, rel=1e-12)


def split_clients(share: float) -> Tables:
    """Ten providers, 200 registrations by 50 clients a half-year; a share under a second number before linkage."""
    rng = np.random.default_rng(3)
    rows = []
    for provider in range(10):
        for half, month in enumerate(pd.date_range("2020-01-01", "2023-07-01", freq="6MS")):
            client = rng.integers(0, 50, size=200)
            second = (rng.random(200) < share) & (provider == 4) & (half < 3)
            number = [f"p{provider}c{c}{'x' if s else ''}" for c, s in zip(client, second, strict=True)]
            rows.append(pd.DataFrame({"provider_id": f"p{provider}", "client_id": number, "begin": month}))
    return read_tables(registrations=pd.concat(rows, ignore_index=True))


def test_many_second_numbers_show_and_few_do_not() -> None:
    assert several_numbers(split_clients(0.0)).empty
    found = several_numbers(split_clients(0.5))
    assert set(found["provider_id"]) == {"p4"}
    assert found["period"].tolist() == ["2020-H1", "2020-H2", "2021-H1"]
    assert found["ratio"].iloc[0] > 1.3
    assert not found.astype(str).apply(lambda column: column.str.contains("c1")).to_numpy().any()


def test_without_client_numbers_nothing_is_said() -> None:
    assert several_numbers(Tables()).empty
    bare = split_clients(0.5).given["registrations"].drop(columns="client_id")
    assert several_numbers(Tables(registrations=bare)).empty
