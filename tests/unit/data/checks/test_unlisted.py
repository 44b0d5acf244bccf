"""What no other table knows as a provider or location may be a client: it is refused, or called by its row."""

from dataclasses import replace

import duckdb
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.unlisted import with_unlisted_hidden
from dwangstats.errors import DataError


@pytest.fixture(scope="module")
def given() -> dict[str, pd.DataFrame]:
    return dict(dw.worlds.make("mixed", "tiny", 1, calibrate=False).tables.given)


def changed(given: dict[str, pd.DataFrame], registrations: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {**given, "registrations": registrations.reset_index(drop=True)}


def swapped(frame: pd.DataFrame, column: str, rows: slice) -> pd.DataFrame:
    """Columns of client and place swapped in some rows."""
    frame = frame.reset_index(drop=True)
    clients = frame.loc[rows, "client_id"].copy()
    frame.loc[rows, "client_id"] = frame.loc[rows, column]
    frame.loc[rows, column] = clients
    return frame


@pytest.mark.parametrize("column", ["provider_id", "location_id"])
def test_swapped_rows_are_refused_however_short_the_ids_are(given, column):
    frame = swapped(given["registrations"], column, slice(0, 9))
    assert frame["client_id"].str.len().max() < 8
    with pytest.raises(DataError, match=rf"column '{column}' are ids of clients") as refused:
        dw.read_tables(**changed(given, frame))
    assert not any(client in str(refused.value) for client in given["registrations"]["client_id"].unique())


def test_swapped_columns_are_refused(given):
    frame = given["registrations"].rename(columns={"provider_id": "client_id", "client_id": "provider_id"})
    assert frame["provider_id"].nunique() > 50
    with pytest.raises(DataError, match="Were the columns swapped"):
        dw.read_tables(**changed(given, frame))


@pytest.mark.parametrize("column", ["provider_id", "location_id"])
def test_one_place_that_no_table_knows_is_called_by_its_row(given, column):
    frame = given["registrations"].reset_index(drop=True)
    frame.loc[4, column] = "jansen-1950"
    tables = dw.read_tables(**changed(given, frame))
    report = dw.check(tables)
    for language in ("nl", "en"):
        assert "jansen" not in report.to_text(language)
    if column == "provider_id":
        (missing,) = (f for f in report.findings if f.rule == "provider-without-exposure")
        assert "#5" in missing.message["nl"]
        assert missing.rows == (5,)
    panel = dw.build_panel(tables)
    assert "jansen-1950" not in panel.delivery_status.to_string()
    assert "jansen-1950" not in panel.frame.to_string()


def test_different_unknown_places_keep_different_names_and_known_ones_their_own(given):
    frame = given["registrations"].reset_index(drop=True)
    known = frame["provider_id"].copy()
    frame.loc[[2, 7], "provider_id"] = "x"
    frame.loc[[3], "provider_id"] = "y"
    shown = with_unlisted_hidden(dw.read_tables(**changed(given, frame))).registrations["provider_id"]
    assert shown.iloc[[2, 3, 7]].tolist() == ["#3", "#4", "#3"]
    rest = [row for row in range(len(frame)) if row not in (2, 3, 7)]
    assert shown.iloc[rest].tolist() == known.iloc[rest].tolist()


def test_nothing_is_hidden_where_all_is_known(given):
    tables = dw.read_tables(**given)
    assert with_unlisted_hidden(tables).registrations.equals(tables.registrations)


def test_without_another_table_providers_are_named_unless_there_are_more_of_them_than_clients(given):
    frame = given["registrations"]
    alone = dw.read_tables(registrations=frame)
    assert with_unlisted_hidden(alone).registrations.equals(alone.registrations)
    few = frame.head(30).assign(provider_id=[f"q{i}" for i in range(30)], client_id="same")
    hidden = with_unlisted_hidden(dw.read_tables(registrations=few)).registrations["provider_id"]
    assert hidden.tolist() == [f"#{row}" for row in hidden.index]


def test_in_an_engine_unknown_providers_are_hidden_too(given):
    frame = given["registrations"].assign(provider_id="jansen-1950")
    rest = {name: table for name, table in given.items() if name != "registrations"}
    tables = dw.read_tables(registrations=duckdb.from_df(frame), rows="engine", **rest)
    text = dw.check(tables).to_text("nl")
    assert "jansen" not in text
    assert "#" in text
    assert replace(tables, counted=with_unlisted_hidden(tables).counted).counted.registrations == len(frame)
