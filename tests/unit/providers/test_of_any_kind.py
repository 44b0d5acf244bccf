"""Who registered anything, of whatever kind, was not silent."""

import duckdb
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.providers.of_any_kind import of_any_kind

HALVES = ("2021-H1", "2021-H2")


def tables(law: list[str | None], planned: list[str | None], *, engine: bool = False, **more: object) -> dw.Tables:
    """Provider a under the Wvggz with a registration in each half-year, provider b with one in the first."""
    rows = pd.DataFrame(
        {
            "provider_id": ["a", "a", "b"],
            "law": law,
            "form": "seclusion",
            "planned": planned,
            "begin": ["2021-02-01 10:00", "2021-08-01 10:00", "2021-02-01 10:00"],
        }
    )
    places = pd.DataFrame([(p, half) for p in "ab" for half in HALVES], columns=["provider_id", "period"])
    deliveries = places.assign(law="WVGGZ", status="accepted", version=1)
    frames = {"exposure": places.assign(bed_days=900.0), "deliveries": deliveries, **more}
    given = duckdb.from_df(rows) if engine else rows
    return dw.read_tables(registrations=given, rows="engine" if engine else "memory", **frames)


def events(of: dw.Tables) -> list[float]:
    return dw.build_panel(of, law="WVGGZ").for_form("all").frame["events"].tolist()


@pytest.mark.parametrize("engine", [False, True])
def test_another_law_or_none_and_planned_ones_count(engine):
    given = tables(["WVGGZ", "WZD", None], ["yes", "no", None], engine=engine)
    assert events(of_any_kind(given)) == [1.0, 1.0, 1.0, 0.0]


def test_a_law_of_which_there_is_a_delivery_stays_apart():
    places = pd.DataFrame([(p, half) for p in "ab" for half in HALVES], columns=["provider_id", "period"])
    both = pd.concat([places.assign(law=law, status="accepted", version=1) for law in ("WVGGZ", "WZD")])
    given = tables(["WVGGZ", "WZD", "WVGGZ"], ["no", "no", "no"], deliveries=both)
    assert events(of_any_kind(given)) == [1.0, 0.0, 1.0, 0.0]


def test_without_deliveries_or_laws_only_what_was_planned_is_forgotten():
    given = tables(["WVGGZ"] * 3, ["yes", "no", None])
    rows = given.registrations.drop(columns="law")
    bare = dw.read_tables(registrations=rows, exposure=given.exposure)
    found = of_any_kind(bare).registrations
    assert found["planned"].isna().all()
    assert found.drop(columns="planned").equals(bare.registrations.drop(columns="planned"))
