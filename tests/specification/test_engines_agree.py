"""The same messy registrations in pandas, polars and DuckDB, lazy or from files: the same cells, no row lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import dwangstats as dw
from dwangstats.data.reading.aggregate import count_registrations
from specification.hand_made import (
    EXTRA_SECURED_ROOM,
    ORAL_MEDICATION,
    OWN_ROOM,
    ROOM_NOT_SPECIFIED,
    SECLUSION_ROOM,
    SEPARATION_ROOM,
    deliveries,
    exposure,
    half_years,
)

PERIODS = half_years(2022, 2023)
CODES = [SECLUSION_ROOM, EXTRA_SECURED_ROOM, SEPARATION_ROOM, OWN_ROOM, ROOM_NOT_SPECIFIED, ORAL_MEDICATION]


def messy() -> pd.DataFrame:
    """Spaces around ids and laws, missing codes, forms and laws, other forms, begins at the edges of half-years."""
    rng = np.random.default_rng(17)
    n = 400
    edges = [
        "2021-12-31T23:59:59",
        "2022-01-01T00:00:00",
        "2022-02-28T23:59:59",
        "2022-06-30T23:59:59",
        "2022-07-01T00:00:00",
        "2023-03-26T02:30:00",
        "2023-10-29T02:30:00",
        "2023-12-31T23:59:59",
        "2024-01-01T00:00:00",
    ]
    minutes = rng.integers(0, 725 * 1440, n)
    begins = [str(pd.Timestamp("2022-01-03") + pd.Timedelta(minutes=int(m))).replace(" ", "T") for m in minutes]
    begins[: len(edges)] = edges
    spellings = ["WVGGZ", "WVGGZ ", " WVGGZ", "unknown", None]
    ids = ["A", " A", "A ", "B", "C", "C  "]
    frame = pd.DataFrame(
        {
            "registration_id": [f"regcanary-{i}" for i in range(n)],
            "provider_id": [ids[i] for i in rng.integers(0, len(ids), n)],
            "law": [spellings[i] for i in rng.integers(0, len(spellings), n)],
            "intervention_code": [None if i >= len(CODES) else CODES[i] for i in rng.integers(0, len(CODES) + 1, n)],
            "form": [("seclusion", "medication", None)[i] for i in rng.integers(0, 3, n)],
            "begin": begins,
        }
    )
    nothing = frame["intervention_code"].isna() & frame["form"].isna()
    return frame.assign(form=frame["form"].mask(nothing, "restraint"))


def refused() -> pd.DataFrame:
    """The same with what no panel is built of: no begin, a law in small letters, neither code nor form."""
    frame = messy()
    frame.loc[[20, 31, 47], "begin"] = None
    frame.loc[[22, 33], "law"] = "wvggz"
    frame.loc[[25], ["intervention_code", "form"]] = None
    return frame


def others() -> dict[str, pd.DataFrame]:
    return {"exposure": exposure("ABC", PERIODS), "deliveries": deliveries("ABC", PERIODS)}


Engine = Literal["pandas", "polars", "polars lazy", "duckdb", "csv", "parquet"]
ENGINES: tuple[Engine, ...] = ("polars", "polars lazy", "duckdb", "csv", "parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registrations")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.register("messy", pl.from_pandas(messy()).to_arrow())
    yield opened
    opened.close()


def given(engine: Engine, folder: Path, connection: duckdb.DuckDBPyConnection) -> Any:
    frame = messy()
    if engine == "pandas":
        return frame
    if engine == "polars":
        return pl.from_pandas(frame)
    if engine == "polars lazy":
        return pl.from_pandas(frame).lazy()
    if engine == "duckdb":
        return connection.table("messy")
    path = folder / f"registrations.{engine}"
    if engine == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def reference() -> dw.Panel:
    return dw.build_panel(dw.read_tables(registrations=messy(), **others()), law="WVGGZ")


def lost(panel: dw.Panel, n: int) -> int:
    counted = int(panel.frame.loc[panel.frame["delivered"], "events"].sum())
    aside = panel.set_aside.loc[panel.set_aside["what"] == "registrations"]
    assert (aside["reason"].str.len() > 0).all()
    return n - counted - int(aside["count"].sum())


def test_no_row_is_lost_in_pandas(reference: dw.Panel) -> None:
    assert reference.registrations_read == len(messy())
    assert lost(reference, len(messy())) == 0


def test_cells_by_hand(reference: dw.Panel) -> None:
    """The same counts by plain Python: trimmed ids, laws in capitals, code before form, clock time as written."""
    expected: dict[tuple[str, str, str], int] = {}
    forms = {SECLUSION_ROOM: "seclusion", EXTRA_SECURED_ROOM: "seclusion", ORAL_MEDICATION: "medication"}
    for row in messy().itertuples():
        if not isinstance(row.law, str) or row.law.strip() != "WVGGZ":
            continue
        year, month = int(row.begin[:4]), int(row.begin[5:7])
        if year not in (2022, 2023):
            continue
        if isinstance(row.intervention_code, str):
            form = forms.get(row.intervention_code, "other_locking_in")
        else:
            form = row.form
        key = (row.provider_id.strip(), f"{year}-H{1 if month <= 6 else 2}", form)
        expected[key] = expected.get(key, 0) + 1
    frame = reference.frame[reference.frame["delivered"]]
    cells = zip(frame["provider"], frame["period"], frame["form"], frame["events"], strict=True)
    assert {(p, t, f): int(e) for p, t, f, e in cells if e > 0} == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", ["memory", "engine"])
def test_the_same_cells_in_every_engine(
    engine: Engine,
    rows: Literal["memory", "engine"],
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    reference: dw.Panel,
) -> None:
    tables = dw.read_tables(registrations=given(engine, folder, connection), rows=rows, **others())
    panel = dw.build_panel(tables, law="WVGGZ")
    pd.testing.assert_frame_equal(panel.frame, reference.frame)
    pd.testing.assert_frame_equal(panel.set_aside, reference.set_aside)
    assert panel.registrations_read == len(messy())
    assert lost(panel, len(messy())) == 0


@pytest.fixture(scope="module")
def refusals() -> dict[str, int]:
    """Rules that stop the analysis of `refused` in pandas, with how many rows they stop at."""
    return {f.rule: f.count for f in dw.check(dw.read_tables(registrations=refused(), **others())).errors}


def test_nothing_is_dropped_that_cannot_be_counted(refusals: dict[str, int]) -> None:
    assert sorted(refusals.values()) == [1, 2, 3]


@pytest.mark.parametrize("rows", ["memory", "engine"])
def test_every_engine_refuses_the_same_rows(rows: Literal["memory", "engine"], refusals: dict[str, int]) -> None:
    tables = dw.read_tables(registrations=pl.from_pandas(refused()), rows=rows, **others())
    assert {f.rule: f.count for f in dw.check(tables).errors} == refusals
    with pytest.raises(dw.DataError) as caught:
        dw.build_panel(tables, law="WVGGZ")
    assert "registrations is missing" not in str(caught.value)


@pytest.mark.parametrize("engine", ["polars", "polars lazy", "duckdb"])
def test_one_aggregation_gives_the_same_counts(
    engine: Engine, folder: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    """Registrations with real dates, nulls in every key, counted where they are."""
    frame = messy().assign(begin=lambda f: pd.to_datetime(f["begin"]), planned=lambda f: f.index % 3 == 0)
    native: Any = pl.from_pandas(frame)
    if engine == "polars lazy":
        native = native.lazy()
    if engine == "duckdb":
        connection.register("dated", pl.from_pandas(frame).to_arrow())
        native = connection.table("dated")
    expected = count_registrations(frame)
    assert expected["registrations"].sum() == len(frame)
    pd.testing.assert_frame_equal(count_registrations(native), expected)


def test_definitions_apply_to_counts_from_an_engine(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    in_engine = dw.read_tables(registrations=given("duckdb", folder, connection), rows="engine", **others())
    in_memory = dw.read_tables(registrations=messy(), **others())
    for definition in ("D1", "D4"):
        one, other = (
            dw.build_panel(t, law="WVGGZ", form="seclusion", definition=definition) for t in (in_engine, in_memory)
        )
        pd.testing.assert_frame_equal(one.frame, other.frame)


@pytest.mark.parametrize("arguments", [{"gap_hours": 24.0}, {"as_of": "2023-01-01"}])
def test_what_needs_rows_says_so(
    arguments: dict[str, Any], folder: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    tables = dw.read_tables(registrations=given("duckdb", folder, connection), rows="engine", **others())
    with pytest.raises(dw.DwangstatsError):
        dw.build_panel(tables, law="WVGGZ", **arguments)
    with pytest.raises(dw.DwangstatsError):
        dw.repair(tables, "drop-same-source-doubles")


# Zones


ZONED = ["2022-06-30T23:30:00+02:00", "2022-06-30T22:30:00+00:00", "2022-12-31T23:30:00+01:00", "2022-12-31T22:30:00Z"]


@pytest.mark.parametrize("rows", ["memory", "engine"])
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb", "csv"])
def test_moments_with_a_zone_count_on_the_dutch_day(
    engine: str, rows: Literal["memory", "engine"], tmp_path: Path
) -> None:
    """23:30 in the Netherlands is still June; 22:30 UTC in summer is July there, and in winter 23:30."""
    frame = pd.DataFrame({"provider_id": ["A"] * 4, "intervention_code": [SECLUSION_ROOM] * 4, "begin": ZONED})
    given: Any
    if engine == "csv":
        given = tmp_path / "registrations.csv"
        frame.to_csv(given, index=False)
    else:
        moments = pd.to_datetime(frame["begin"], utc=True)
        frame = frame.assign(begin=moments)
        given = frame if engine == "pandas" else pl.from_pandas(frame)
        if engine == "duckdb":
            connection = duckdb.connect()
            connection.register("zoned", given.to_arrow())
            given = connection.table("zoned")
    tables = dw.read_tables(
        registrations=given,
        rows=rows,
        exposure=exposure("A", half_years(2022, 2022)),
        deliveries=deliveries("A", half_years(2022, 2022)),
    )
    panel = dw.build_panel(tables)
    counts = panel.frame.set_index("period")["events"].to_dict()
    assert counts == {"2022-H1": 1.0, "2022-H2": 3.0}
