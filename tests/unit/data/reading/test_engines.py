"""Registrations in an engine: the same counts, findings and panel as of the rows in memory, and no row that leaks."""

import importlib.util
import json
import os
import shutil
import traceback
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dwangstats import worlds
from dwangstats._types import PeriodKind
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.reading import engines
from dwangstats.data.reading.aggregate import count_registrations
from dwangstats.data.reading.engines import opened, stays_in_engine
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.errors import DataError, DomainError, MissingExtraError

BENCHMARK = Path(__file__).parents[4] / "benchmarks" / "engines.json"
BSNS = ("111222333", "123456782", "100000009", "100000010", "999990019", "999990020")
NOT_READ = {"rows-in-engine", "not-a-count"}


def what_spark_lacks() -> str:
    """What is not there to run Spark, as a reason to skip; empty when all is there."""
    lacking = [] if importlib.util.find_spec("pyspark") else ["the package pyspark (pip install --group spark)"]
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        lacking.append("Java 17 or later (java on the path, or JAVA_HOME)")
    return f"Spark cannot run without {' and '.join(lacking)}" if lacking else ""


@pytest.fixture(scope="module")
def world() -> Tables:
    return worlds.make("mixed", "small", rng=np.random.default_rng(5), sector="wvggz", versions=True).tables


@pytest.fixture(scope="module")
def folder(world: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("register")
    for suffix in ("csv", "parquet"):
        (path / suffix).mkdir()
    world.registrations.to_csv(path / "csv" / "registrations.csv", index=False)
    world.registrations.to_parquet(path / "parquet" / "registrations.parquet", index=False)
    return path


@pytest.fixture(scope="module")
def in_engine(world: Tables, folder: Path) -> Tables:
    return read_tables(folder / "parquet", rows="engine", **others(world))


@pytest.fixture(scope="module")
def spark() -> Any:
    lacking = what_spark_lacks()
    if lacking:
        pytest.skip(lacking)
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "Europe/Amsterdam")
        .getOrCreate()
    )
    yield session
    session.stop()


def others(tables: Tables) -> dict[str, pd.DataFrame]:
    return {name: frame for name, frame in tables.given.items() if name in {"exposure", "deliveries", "locations"}}


def frames_of(rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "pandas": rows,
        "polars": pl.from_pandas(rows),
        "polars-lazy": pl.from_pandas(rows).lazy(),
        "duckdb": duckdb.from_df(rows),
    }


ENGINES = ("pandas", "polars", "polars-lazy", "duckdb")


@pytest.mark.parametrize("engine", ENGINES)
def test_one_aggregation_gives_identical_cells_in_every_engine(world: Tables, engine: str) -> None:
    expected = count_registrations(world.registrations)
    assert expected["registrations"].sum() == len(world.registrations)
    pd.testing.assert_frame_equal(count_registrations(frames_of(world.registrations)[engine]), expected)


@pytest.mark.parametrize("source", [*ENGINES, "csv", "parquet"])
def test_tables_of_an_engine_hold_the_same_counts(world: Tables, folder: Path, in_engine: Tables, source: str) -> None:
    given: Any = {"registrations": frames_of(world.registrations)[source]} if source in ENGINES else {}
    tables = read_tables(None if given else folder / source, rows="engine", **given, **others(world))
    assert_same_counts(tables, in_engine, world)


def assert_same_counts(tables: Tables, reference: Tables, world: Tables) -> None:
    assert tables.registrations is None
    pd.testing.assert_frame_equal(tables.counted.counts, count_registrations(world.registrations))
    assert tables.fingerprint == reference.fingerprint
    assert tables.fingerprint != world.fingerprint


@pytest.mark.parametrize("by", ["half-year", "year"])
def test_the_panel_of_an_engine_is_the_panel_of_the_rows(world: Tables, in_engine: Tables, by: PeriodKind) -> None:
    panel, expected = build_panel(in_engine, by=by), build_panel(world, by=by)
    pd.testing.assert_frame_equal(panel.frame, expected.frame)
    pd.testing.assert_frame_equal(panel.set_aside, expected.set_aside)
    pd.testing.assert_frame_equal(panel.delivery_status, expected.delivery_status)
    assert panel.registrations_read == expected.registrations_read == len(world.registrations)


@pytest.mark.slow
def test_spark_gives_the_same_cells(spark: Any, world: Tables, folder: Path, in_engine: Tables) -> None:
    file = str(folder / "parquet" / "registrations.parquet")
    pd.testing.assert_frame_equal(
        count_registrations(spark.read.parquet(file)), count_registrations(world.registrations)
    )
    tables = read_tables(registrations=spark.read.parquet(file), rows="engine", **others(world))
    assert tables.counted.engine == "pyspark"
    assert_same_counts(tables, in_engine, world)
    as_text = spark.read.option("header", True).csv(str(folder / "csv" / "registrations.csv"))
    assert read_tables(registrations=as_text, rows="engine", **others(world)).fingerprint == tables.fingerprint


@pytest.mark.slow
def test_moments_of_spark_are_dutch_or_refused(spark: Any) -> None:
    rows = spark.sql(
        "select 'a' provider_id, 'isolation' form, timestamp '2021-03-31 22:30:00+00:00' begin "
        "union all select 'a', 'isolation', timestamp '2021-12-31 23:30:00+00:00'"
    )
    tables = read_tables(registrations=rows, rows="engine")
    assert tables.counted.counts["month"].tolist() == ["2021-04", "2022-01"]
    assert {f.rule: f.count for f in tables.reading} == {"time-zone": 2}
    assert read_tables(registrations=rows, rows="memory").registrations["begin"].dt.month.tolist() == [4, 1]
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    with pytest.raises(DataError, match="begin has the time zone UTC, which is not converted in pyspark"):
        read_tables(registrations=rows, rows="engine")
    spark.conf.set("spark.sql.session.timeZone", "Europe/Amsterdam")


def test_spark_is_not_skipped_without_saying_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "pyspark" in what_spark_lacks()
    assert "Java 17" in what_spark_lacks()


HEADER = "registration_id;provider_id;client_id;law;form;planned;begin;end;delivery_version;note\n"
MESSY = HEADER + (
    "r1;a;c1;WVGGZ;isolation;ja;2021-03-01 10:00;2021-03-02;1;x\n"
    "r2;a;c1;WVGGZ;isolation;nee;01-03-2021 10:00;28-02-2021;1;x\n"
    "r2;a;c2;WZD;seclusion;;2021-03-31T22:30:00Z;;2;x\n"
    ";;;;;;;;;\n"
    "r3;;c2;wzd;NA;maybe;2021/03/01;02-03-2021 24:61;1.5;x\n"
    'r4;"b";c3;WVGGZ; isolation ;1;2021-02-30;2021-02-30;;"x;\ny"\n'
    "\n"
    "1,2E+14;b;c3;;restraint;0;1875-01-01;;;\n"
    "r5;b;c3;;;0; 2021-05-01 23:59:59,5 ;2021-05-01T23:59:59;NA;\n"
    "r6;b;c3;;no such form;0;;x;;\n"
)


def findings(tables: Tables) -> dict[tuple[str, str], tuple[int, int]]:
    said = [f for f in tables.reading if f.table == "registrations"]
    return {(f.rule, f.message["en"].split(" (")[0].split(": ")[0]): (f.count, f.of) for f in said}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"sep=;\n", b"\n\n"])
def test_a_messy_file_means_the_same_in_an_engine(tmp_path: Path, end: str, mark: bytes) -> None:
    path = tmp_path / "registrations.csv"
    path.write_bytes(mark.replace(b"\n", end.encode()) + MESSY.replace("\n", end).encode())
    rows = read_tables(path, rows="memory")
    tables = read_tables(path, rows="engine")
    assert findings(tables) == findings(rows)
    assert {rule for rule, _ in findings(rows)} >= {"not-a-date", "slash-date", "time-zone", "not-yes-no", "empty-rows"}
    assert {rule for rule, _ in findings(rows)} >= {"shortened-code", "not-a-count", "unknown-columns"}
    pd.testing.assert_frame_equal(tables.counted.counts, count_registrations(rows.registrations))
    assert tables.sources == rows.sources
    assert (tables.counted.repeated, tables.counted.repeated_in_version) == (1, 0)
    begins, ends = rows.registrations["begin"], rows.registrations["end"]
    cells = tables.counted.cells
    assert cells.loc[cells["ends_before"], "registrations"].sum() == (ends < begins).sum() == 2
    assert cells.loc[cells["begins"], "registrations"].sum() == begins.notna().sum()


CELL = {
    "provider_id": ["a", " a", "b", "NA", "", None, "007"],
    "law": ["WVGGZ", "WZD", "", None],
    "form": ["isolation", "seclusion", "x", None],
    "planned": ["ja", "NEE", "1", "?", None],
    "delivery_version": ["1", "2.0", "1,5", "", None],
    "begin": ["2021-03-01", "01-03-2021", "2021-03-31T23:30:00Z", "2021-03-31 22:00+00:00", "2021-02-29", "x", None],
    "end": ["2021-02-28 23:00", "2021-03-01T00:00:00", "28-02-2021", "1-3-2021", "2021-03-01 24:00", None],
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CELL.items()}), min_size=1))
def test_any_table_of_text_has_the_same_cells_and_findings(rows: list[dict[str, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=list(CELL)).astype("str")
    expected = read_tables(registrations=frame, rows="memory")
    for engine in ("polars", "duckdb"):
        tables = read_tables(registrations=frames_of(frame)[engine], rows="engine")
        pd.testing.assert_frame_equal(tables.counted.counts, count_registrations(expected.registrations))
        assert findings(tables) == findings(expected)
        assert tables.counted.registrations == len(frame)
        begins, ends = expected.registrations["begin"], expected.registrations["end"]
        before = (ends < begins) & (ends != begins.dt.normalize())
        cells = tables.counted.cells
        # An end or begin with a zone, or written 1-3-2021, is not compared in an engine; none is marked wrongly.
        assert cells.loc[cells["ends_before"], "registrations"].sum() <= before.sum()


def test_native_values_mean_the_same_in_an_engine() -> None:
    moments = pd.to_datetime(["2021-03-31 22:30", "2021-01-01 10:00", None, "2021-12-31 23:30"])
    rows = pd.DataFrame(
        {
            "registration_id": [1, 2, 2, 3],
            "provider_id": [17, 17, 18, 18],
            "intervention_code": pd.array([124061000146109, None, 90278001, 90278001], dtype="Int64"),
            "planned": pd.array([True, None, False, False], dtype="boolean"),
            "delivery_version": [1.0, np.nan, 1.5, 2.0],
            "begin": moments,
            "end": moments - pd.Timedelta(hours=1),
        }
    )
    for frame in (rows, rows.assign(begin=moments.tz_localize("UTC"))):
        expected = read_tables(registrations=frame, rows="memory")
        for other in frames_of(frame).values():
            tables = read_tables(registrations=other, rows="engine")
            pd.testing.assert_frame_equal(tables.counted.counts, count_registrations(expected.registrations))
            assert findings(tables) == findings(expected)
            assert tables.counted.repeated == 1


def test_a_zone_in_a_file_becomes_dutch_time(tmp_path: Path) -> None:
    moments = pd.to_datetime(["2021-03-31 22:30", "2021-12-31 23:30"]).tz_localize("UTC")
    rows = pd.DataFrame({"provider_id": ["a", "a"], "form": ["isolation", "isolation"], "begin": moments})
    rows.to_parquet(tmp_path / "registrations.parquet")
    tables = read_tables(tmp_path, rows="engine")
    assert tables.counted.counts["month"].tolist() == ["2021-04", "2022-01"]
    assert findings(tables) == findings(read_tables(tmp_path, rows="memory"))


@pytest.mark.parametrize("column", ["client_id", "registration_id", "remark", "provider_id"])
@pytest.mark.parametrize("numbers", [False, True])
def test_service_numbers_are_refused_and_not_repeated(tmp_path: Path, column: str, numbers: bool) -> None:
    rows = pd.DataFrame(
        {"provider_id": "a", "client_id": "c", "begin": "2021-03-01", "remark": "x", "registration_id": range(5000)}
    )
    rows[column] = 7 if numbers else rows[column].astype(str)
    late = rows.index[-len(BSNS) :]
    rows.loc[late, column] = [int(b) for b in BSNS] if numbers else [f"nr {b[:4]}.{b[4:]}" for b in BSNS]
    rows.to_csv(tmp_path / "registrations.csv", index=False)
    sources: list[tuple[Any, dict[str, Any]]] = [(tmp_path, {})]
    sources += [(None, {"registrations": frame}) for frame in frames_of(rows).values()]
    for source, frames in sources:
        with pytest.raises(DataError, match=rf"the values of column '{column}' pass the eleven-test") as refused:
            read_tables(source, rows="engine", **frames)
        said = "".join(traceback.format_exception(refused.value))
        assert not any(number in said.replace(".", "") for number in BSNS)
    rows = rows.rename(columns={column: "client_bsn"}).assign(provider_id="a")
    with pytest.raises(DataError, match="is meant for citizen service numbers"):
        read_tables(registrations=duckdb.from_df(rows), rows="engine")


GOOD = "provider_id,begin,form,note\na,2021-01-01,isolation,x\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (GOOD + "a,2021-01-01,persoon-123\n", "line 3 has 3 fields, and the header has 4"),
        (GOOD + "a,2021-01-01,isolation,persoon-123,x\n", "line 3 has 5 fields, and the header has 4"),
        (GOOD + 'a,2021-01-01,isolation,"persoon-123\n', "a quote mark is opened and never closed"),
        (GOOD.encode() + b"a,2021-01-01,isolation,persoon-123\xe9\n", "line 3 is not UTF-8"),
        (GOOD.encode("utf-16"), "it may be UTF-16"),
        (GOOD.replace("note", "begin"), "columns with the same name: begin"),
        (GOOD.replace("begin", "begun"), "the column 'begin' is missing. Did you mean 'begun'?"),
        ("provider_id,begin\n", "a header and no rows under it"),
        ("provider_id,begin,form\n,,\n,,\n", "a header and no rows under it"),
        ("\n\n", "the file is empty"),
        ("", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_quotes_nothing(
    tmp_path: Path, data: str | bytes, words: str
) -> None:
    path = tmp_path / "registrations.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(DataError) as refused:
        read_tables(path, rows="engine")
    assert words in str(refused.value)
    error: BaseException | None = refused.value
    while error is not None:
        assert "persoon" not in str(error)
        error = error.__context__ or error.__cause__


def test_a_file_that_is_not_there_or_not_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registrations.parquet"
    path.write_bytes(b"persoon-123" * 10)
    with pytest.raises(DataError, match="not a Parquet file that can be read"):
        read_tables(path, rows="engine")
    with pytest.raises(DataError, match="there is no such file"), opened("x", tmp_path / "none.csv"):
        pass
    with pytest.raises(DataError, match="a dict is not a table"):
        read_tables(registrations={"provider_id": [1]}, rows="engine")


def test_capitals_tell_columns_apart_and_a_column_without_a_name_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "registrations.csv"
    path.write_text("provider_id,begin,Begin,form,\na,2021-01-01,x,isolation,\n")
    tables = read_tables(path, rows="engine")
    assert tables.counted.columns == ("Begin", "begin", "form", "provider_id")
    assert findings(tables) == findings(read_tables(path, rows="memory"))


def test_what_needs_rows_says_so(in_engine: Tables) -> None:
    with pytest.raises(DataError, match=r"gap_hours needs the rows .* counted in duckdb .* rows=\"memory\""):
        build_panel(in_engine, gap_hours=24)
    with pytest.raises(DataError, match="as_of needs the rows"):
        build_panel(in_engine, as_of="2022-01-01")


def test_large_tables_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    files = [folder / "csv" / "registrations.csv", folder / "parquet" / "registrations.parquet"]
    rows = pd.read_csv(files[0])
    tables = [*files, duckdb.from_df(rows), pl.from_pandas(rows), pl.from_pandas(rows).lazy()]
    assert not any(stays_in_engine(table, "auto") for table in tables)
    assert all(stays_in_engine(table, "engine") for table in tables)
    monkeypatch.setattr(engines, "MOST_ROWS", len(rows) - 1)
    monkeypatch.setattr(engines, "MOST_BYTES_OF_CSV", 1000)
    assert all(stays_in_engine(table, "auto") for table in tables)
    assert not any(stays_in_engine(table, "memory") for table in [*tables, rows])
    assert not stays_in_engine(rows, "auto")
    assert not any(stays_in_engine(odd, "auto") for odd in (tmp_path / "none.parquet", tmp_path / "none.csv", {}))
    assert read_tables(folder / "csv").counted.registrations == len(rows)
    with pytest.raises(DomainError, match="rows='disk' is not offered; choose one of auto, memory, engine"):
        read_tables(folder / "csv", rows="disk")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "dwangstats\[io\]", or give rows="memory"'):
        stays_in_engine(files[0], "auto")


def test_progress_goes_on_within_the_table(folder: Path, world: Tables) -> None:
    steps: list[tuple[int, int]] = []
    read_tables(folder / "csv", rows="engine", progress=lambda *step: steps.append(step), exposure=world.exposure)
    assert steps == sorted(steps)
    assert len(set(steps)) > 5
    assert steps[-1] == (200, 200)


def test_nothing_is_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    read_tables(folder / "csv", rows="engine")
    assert list(tmp_path.iterdir()) == []


def test_tables_do_not_show_their_rows(world: Tables, folder: Path) -> None:
    assert (
        repr(read_tables(folder / "csv", rows="engine"))
        == f"Tables(registrations: {len(world.registrations)} rows in duckdb)"
    )
    assert not any(client in repr(world) for client in world.registrations["client_id"].unique())


def test_the_benchmark_has_every_engine_with_the_same_cells_and_a_file_beyond_its_cap() -> None:
    results = json.loads(BENCHMARK.read_text())
    runs = {run["engine"]: run for run in results["engines"]}
    assert set(runs) == {"pandas", "polars", "duckdb", "spark"}
    assert {run["registrations"] for run in runs.values()} == {10_000_000}
    assert len({(run["cells"], run["sha256"]) for run in runs.values()}) == 1
    capped = results["capped"]
    assert capped["sha256"] == runs["duckdb"]["sha256"]
    assert capped["peak_mb"] < capped["cap_mb"] < capped["file_mb"]


def test_an_end_without_a_time_on_the_day_of_its_begin_is_no_error_in_an_engine(tmp_path: Path) -> None:
    begins = ["2021-02-01 10:00", "2021-02-01 10:00", "2021-02-01 10:00", "2021-02-01"]
    ends = ["2021-02-01", "2021-01-31", "2021-02-01 09:00", "2021-02-01"]
    texts = pd.DataFrame({"provider_id": "a", "form": "seclusion", "begin": begins, "end": ends}).astype("str")
    moments = texts.assign(begin=pd.to_datetime(begins, format="mixed"), end=pd.to_datetime(ends, format="mixed"))
    for frame in (texts, moments):
        for name, native in frames_of(frame).items():
            tables = read_tables(registrations=native, rows="engine")
            assert tables.counted is not None, name
            cells = tables.counted.cells
            assert cells.loc[cells["ends_before"], "registrations"].sum() == 2, name
