"""The same registrations through four engines: ``python benchmarks/engines.py [--registrations N] [--folder FOLDER]``.

Makes a Parquet file of 10 million registrations from a seed, in chunks, and counts it with
`dwangstats.data.reading.aggregate.count_registrations` in pandas, polars, DuckDB and a local Spark session, each in
a process of its own that is asked for its peak memory (for Spark with that of its Java process). Then `read_tables`
counts the file within an address space (RLIMIT_AS, as ``ulimit -v``) that is smaller than the file, and pandas is
held to the same cap.
Writes engines.json and the section of README.md between its markers.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.digest import frame_digest
from dwangstats.data.reading.aggregate import KEYS, count_registrations
from dwangstats.data.reading.read import read_tables
from dwangstats.data.register.codes import code_list

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "engines.json"
MARKERS = ("<!-- engines -->", "<!-- /engines -->")
NEXT = "<!-- table -->"
FILE = "registrations.parquet"

ENGINES = ("pandas", "polars", "duckdb", "spark")
PACKAGES = ("dwangstats", "narwhals", "pandas", "polars", "duckdb", "pyspark", "pyarrow")
NEEDED = (*(name for name in KEYS if name in {"provider_id", "law", "intervention_code", "delivery_version"}), "begin")

#: an address space counts what allocators and threads reserve and never use.
LEAN = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}

REGISTRATIONS, CHUNK = 10_000_000, 500_000
PROVIDERS, CLIENTS, MONTHS = 100, 150_000, 60
CAP_MB = 1024
SPARK_MEMORY = "2g"


def make(path: Path, registrations: int, seed: int = 1) -> None:
    """A register of 100 providers over five years, written chunk by chunk.

    Numbers of registrations and pseudonyms of clients are hexadecimal texts of 32 and 64 characters, as they come out
    of a hash, and stand in the file as they are.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    codes = code_list("interventions")["code"].drop_duplicates().to_numpy(dtype=str)
    clients = np.array([rng.bytes(32).hex() for _ in range(CLIENTS)])
    providers = np.array([f"p{g:03d}" for g in range(PROVIDERS)])
    share = rng.dirichlet(np.full(PROVIDERS, 1.0))
    writer = None
    for start in range(0, registrations, CHUNK):
        n = min(CHUNK, registrations - start)
        provider = rng.choice(PROVIDERS, n, p=share)
        begin = np.datetime64("2019-01-01", "m") + rng.integers(0, MONTHS * 30 * 24 * 60, n)
        end = begin + rng.integers(10, 5000, n)
        numbers = rng.bytes(16 * n).hex()
        law = np.where(rng.random(n) < 0.9, "WVGGZ", "WZD").astype(object)
        law[rng.random(n) < 0.01] = None
        table = pa.table(
            {
                "registration_id": [numbers[32 * i : 32 * i + 32] for i in range(n)],
                "provider_id": providers[provider],
                "location_id": np.char.add(providers[provider], rng.choice(np.array(["-1", "-2", "-3"]), n)),
                "client_id": clients[rng.integers(0, CLIENTS, n)],
                "law": pa.array(law, pa.string()),
                "intervention_code": codes[rng.integers(0, min(8, len(codes)), n)],
                "begin": begin.astype("datetime64[us]"),
                "end": end.astype("datetime64[us]"),
                "received_at": (begin + np.timedelta64(200, "D")).astype("datetime64[us]"),
                "delivery_version": rng.integers(1, 3, n),
            }
        )
        low = ["provider_id", "location_id", "law", "intervention_code"]
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=low)
        writer.write_table(table, row_group_size=100_000)
    if writer is not None:
        writer.close()


def in_pandas(path: Path) -> Any:
    """The columns that are counted, in memory."""
    return pd.read_parquet(path, columns=list(NEEDED))


def in_polars(path: Path) -> Any:
    """A lazy scan."""
    import polars as pl

    return pl.scan_parquet(path)


def in_duckdb(path: Path) -> Any:
    """A relation."""
    import duckdb

    return duckdb.read_parquet(str(path))


def in_spark(path: Path) -> Any:
    """A frame of a local session."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", SPARK_MEMORY)
    builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    session = builder.config("spark.sql.shuffle.partitions", "4").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session.read.parquet(str(path))


def told(cells: pd.DataFrame) -> dict[str, Any]:
    """How many registrations and cells, and a hash of the cells."""
    return {
        "registrations": int(cells["registrations"].sum()),
        "cells": len(cells),
        "sha256": hashlib.sha256(frame_digest(cells).encode()).hexdigest(),
    }


def count(engine: str, path: Path) -> dict[str, Any]:
    """Cells of a file by one engine: seconds to open it, and to count (with the reading, where that is lazy)."""
    start = time.perf_counter()
    frame = {"pandas": in_pandas, "polars": in_polars, "duckdb": in_duckdb, "spark": in_spark}[engine](path)
    opened = time.perf_counter()
    cells = count_registrations(frame)
    done = time.perf_counter()
    seconds = {"open_seconds": round(opened - start, 2), "count_seconds": round(done - opened, 2)}
    return {"engine": engine, **seconds, "peak_mb": peak_mb(), **told(cells)}


def count_capped(path: Path, cap_mb: int) -> dict[str, Any]:
    """What `read_tables` makes of the whole file within an address space of ``cap_mb``."""
    resource.setrlimit(resource.RLIMIT_AS, (cap_mb * 2**20, cap_mb * 2**20))
    start = time.perf_counter()
    tables = read_tables(path, rows="engine")
    seconds = round(time.perf_counter() - start, 2)
    if tables.counted is None:
        raise RuntimeError("the registrations were read into memory")
    return {"engine": tables.counted.engine, "seconds": seconds, "peak_mb": peak_mb(), **told(tables.counted.counts)}


def read_capped(path: Path, cap_mb: int) -> dict[str, Any]:
    """Whether pandas holds the file within the same address space."""
    resource.setrlimit(resource.RLIMIT_AS, (cap_mb * 2**20, cap_mb * 2**20))
    try:
        count_registrations(pd.read_parquet(path))
    except (MemoryError, OSError) as error:
        return {"pandas": type(error).__name__}
    return {"pandas": "fits"}


def peak_mb() -> int:
    """Largest resident memory of this process and of the processes it started, in MB."""
    own = {os.getpid()}
    family = set(own)
    while True:
        found = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(pid) in family} | family
        if found == family:
            break
        family = found
    return round(sum(status(pid, "VmHWM") for pid in family) / 1024)


def parent(pid: int) -> int:
    """Number of the process that started a process; 0 when it is gone."""
    return status(pid, "PPid")


def status(pid: int, name: str) -> int:
    """A number in the status of a process; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def in_own_process(*arguments: str) -> dict[str, Any]:
    """What this script prints with these arguments in a process of its own."""
    environment = {**os.environ, **(LEAN if "--cap" in arguments else {})}
    command = [sys.executable, __file__, *arguments]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def measure(path: Path, registrations: int) -> dict[str, Any]:
    """All runs on one file."""
    load = os.getloadavg()[0]
    engines = [in_own_process("--only", engine, "--file", str(path)) for engine in ENGINES]
    for run in engines:
        print(run)
    capped = in_own_process("--only", "capped", "--file", str(path), "--cap", str(CAP_MB))
    capped |= in_own_process("--only", "pandas-capped", "--file", str(path), "--cap", str(CAP_MB))
    capped |= {"cap_mb": CAP_MB, "file_mb": round(path.stat().st_size / 2**20)}
    print(capped)
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    found = {"versions": versions, "registrations": registrations, "load": round(load, 1)}
    return {**found, "engines": engines, "capped": capped}


def section(found: dict[str, Any]) -> str:
    """The results in Markdown."""
    capped = found["capped"]
    lines = [
        MARKERS[0],
        "",
        "## Engines",
        "",
        f"{found['registrations']:,} registrations in one Parquet file of {capped['file_mb']:,} MB through one "
        "narwhals aggregation (`count_registrations`), each engine in a process of its own, on two "
        f"processors that had other work (a load of {found['load']:.0f}): `python benchmarks/engines.py`. The cells "
        "are identical, by their hash. Opening is reading for pandas (only the columns that are counted) and the start "
        "of Java for Spark; polars, DuckDB and Spark read while they count. "
        f"Peak memory is resident, for Spark with its Java process (driver memory {SPARK_MEMORY}).",
        "",
        "| engine | open, s | count, s | peak memory, MB | cells |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {run['engine']} | {run['open_seconds']:.2f} | {run['count_seconds']:.2f} | {run['peak_mb']:,} | "
            f"{run['cells']:,} |"
            for run in found["engines"]
        ),
        "",
        f'`read_tables(file, rows="engine")` on the same file within an address space of {capped["cap_mb"]:,} MB '
        f"(`ulimit -v`), smaller than the file: {capped['seconds']:.0f} s, {capped['peak_mb']:,} MB resident, the same "
        "cells. This is the whole reading: counts, repeated registration numbers, dates, and the search for citizen "
        f"service numbers. pandas within the same cap: {capped['pandas']}. An address space counts what is reserved "
        f"and never used, so that both run with {' '.join(f'{name}={value}' for name, value in LEAN.items())}.",
    ]
    return "\n".join([*lines, "", MARKERS[1]])


def write(found: dict[str, Any]) -> None:
    """Put the results in engines.json and in README.md."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    if MARKERS[0] in text:
        head, rest = text.split(MARKERS[0])
        tail = rest.split(MARKERS[1])[1]
    else:
        head, found_mark, after = text.partition(NEXT)
        tail = f"\n\n{found_mark}{after}"
    readme.write_text(head + section(found) + tail, encoding="utf-8")


def main() -> None:
    """Make the file, measure every engine in its own process, and write; or measure one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registrations", type=int, default=REGISTRATIONS)
    parser.add_argument("--folder", type=Path, help="where the file is made, and kept")
    parser.add_argument("--only", choices=[*ENGINES, "capped", "pandas-capped"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cap", type=int, default=CAP_MB, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only in ENGINES:
        print(json.dumps(count(asked.only, asked.file)))
    elif asked.only is not None:
        print(json.dumps((count_capped if asked.only == "capped" else read_capped)(asked.file, asked.cap)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = (asked.folder or Path(folder)) / FILE
            if not path.exists():
                make(path, asked.registrations)
            found = measure(path, asked.registrations)
        if asked.registrations == REGISTRATIONS:
            write(found)


if __name__ == "__main__":
    main()
