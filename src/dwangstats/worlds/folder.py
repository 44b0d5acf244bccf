"""A world as a folder of files, byte for byte the same each time it is written."""

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dwangstats.data.register.schema import SCHEMAS, ColumnKind, TableSchema
from dwangstats.errors import DataError
from dwangstats.worlds.analysis_file import analysis_file
from dwangstats.worlds.parameters import NAMES, SizeName
from dwangstats.worlds.result import World
from dwangstats.worlds.world import make

#: Seed of the worlds in data/synthetic.
DOCUMENTED_SEED = 1
DOCUMENTED_SIZE: SizeName = "small"

HEADER = (
    "Synthetic: generated from published parameters and from stated assumptions, and not from any register; "
    "no provider, location or client in it exists."
)
TABLES = ("registrations", "exposure", "locations", "deliveries")
#: Tables that a world may be without.
EVIDENCE_TABLES = ("audits", "second_source", "controls")

_DECIMALS = {"mean_occupancy": 2, "completeness": 6, "expected_rate": 6}


def write(world: World, folder: str | Path) -> Path:
    """Write a world to a folder: its tables, truth.csv, world.json, dwangstats.toml, and what else it has.

    planted.csv, the truth table of the errors, is there when errors were planted.

    dwangstats.toml asks the question of the register alone; audit.toml, which is there when the world has an audit,
    asks it with the audit as evidence.

    Text is UTF-8 with line feeds, times are ISO 8601 to the minute, rows have a fixed order and numbers a fixed
    format, so that the same world gives the same bytes. Nothing else in the folder is touched.

    Parameters
    ----------
    world : World
    folder : str or Path
        Made if it is not there.

    Returns
    -------
    Path
        The folder.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        frame: pd.DataFrame | None = getattr(world.tables, name)
        if frame is None:
            raise DataError(f"world '{world.name}' has no table '{name}', so it cannot be written")
        _write_text(target / f"{name}.csv", _csv(frame, SCHEMAS[name]))
    for name in EVIDENCE_TABLES:
        known: pd.DataFrame | None = getattr(world.tables, name)
        if known is not None:
            _write_text(target / f"{name}.csv", _csv(known, SCHEMAS[name]))
    _write_text(target / "truth.csv", _csv(world.truth))
    if len(world.planted):
        _write_text(target / "planted.csv", _csv(world.planted))
    _write_text(target / "world.json", _json(world))
    law, nothing = str(world.parameters["sector"]["law"]), _planted_nothing(world)
    _write_text(target / "dwangstats.toml", analysis_file(HEADER, world.name, law, TABLES, nothing))
    if world.tables.audits is not None:
        _write_text(target / "audit.toml", analysis_file(HEADER, world.name, law, (*TABLES, "audits"), nothing))
    return target


def regenerate(folder: str | Path) -> tuple[Path, ...]:
    """Make the three documented worlds anew: one folder each, named as the world, in ``folder``.

    An existing folder of that name is replaced.

    Returns
    -------
    tuple of Path
        The three folders.
    """
    written = []
    for name in NAMES:
        target = Path(folder) / name
        if target.exists():
            shutil.rmtree(target)
        written.append(write(make(name, DOCUMENTED_SIZE, DOCUMENTED_SEED), target))
    return tuple(written)


def _planted_nothing(world: World) -> float:
    """Share of the half-years in which a provider of the world truly has nothing to report."""
    kinds = world.parameters["sector"]["kinds"]
    return round(math.fsum(kind["share"] * kind["true_zero_share"] for kind in kinds), 6)


def _csv(frame: pd.DataFrame, schema: TableSchema | None = None) -> str:
    """Text of a table; dates and moments by the schema, numbers with as many decimals as their column has."""
    columns = {}
    for name in map(str, frame.columns):
        column = schema.column(name) if schema else None
        columns[name] = _as_text(frame[name], column.kind if column else "text")
    text: str = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n", na_rep="")
    return text


def _as_text(values: "pd.Series[Any]", kind: ColumnKind) -> "pd.Series[Any]":
    if pd.api.types.is_datetime64_any_dtype(values):
        written: pd.Series[Any] = values.dt.strftime("%Y-%m-%d" if kind == "date" else "%Y-%m-%dT%H:%M")
        return written
    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "yes", False: "no"})
    if pd.api.types.is_float_dtype(values):
        return values.map(f"{{:.{_DECIMALS.get(str(values.name), 0)}f}}".format, na_action="ignore")
    return values


def _json(world: World) -> str:
    content = {
        "about": HEADER,
        "name": world.name,
        "size": world.size,
        "seed": list(world.seed),
        "figures": _plain(world.figures),
        "parameters": _plain(world.parameters),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The value as JSON knows it: lists for tuples, null for not a number."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))
