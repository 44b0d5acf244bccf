"""The committed table of reporting patterns: twenty seeds, what it promises, and one seed made again."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "validation" / "patterns"
ROWS: list[dict[str, Any]] = json.loads((FOLDER / "table.json").read_text(encoding="utf-8"))["rows"]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that makes the table, under a name of its own."""
    spec = importlib.util.spec_from_file_location("measured_patterns", FOLDER / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def total(row: dict[str, Any], name: str) -> int:
    return sum(row["by_seed"][name])


def test_every_row_has_twenty_seeds_and_the_sums_agree() -> None:
    assert len(ROWS) == 8
    for row in ROWS:
        assert row["seeds"] == 20
        assert all(len(values) == 20 for values in row["by_seed"].values())
        assert total(row, "found") <= total(row, "half_years")
        assert total(row, "right") <= min(total(row, "named"), total(row, "silent"))
        assert total(row, "half_years") >= 200 if "some silent" in row["world"] else total(row, "half_years") == 0


def test_silence_under_the_wvggz_is_found() -> None:
    rows = [row for row in ROWS if row["world"].startswith("wvggz") and "some silent" in row["world"]]
    assert len(rows) == 2
    for row in rows:
        assert total(row, "found") >= 0.9 * total(row, "half_years")


def test_those_named_are_silent_as_the_level_promises() -> None:
    for row in ROWS:
        wrong, named = total(row, "named") - total(row, "right"), total(row, "named")
        # Level 0.05 of those named, and where nobody is silent any name in one world of twenty: 3 is a chance of 0.08.
        assert wrong <= max(3, 0.05 * named), row["world"]


def test_where_little_can_be_said_it_is_said() -> None:
    for row in ROWS:
        blind = total(row, "blind") / total(row, "providers")
        assert blind > 0.7 if row["world"].startswith("wzd") else blind < 0.1


def test_the_page_shows_the_table(measuring: ModuleType) -> None:
    assert measuring.markdown(ROWS) in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_one_seed_gives_the_same_counts_again(measuring: ModuleType) -> None:
    for row in measuring.ROWS:
        if row.size != "small" or row.sector != "wvggz":
            continue
        (kept,) = (r for r in ROWS if (r["world"], r["nothing"]) == (row.name, row.nothing))
        again = measuring.counted(row, 1)
        assert again == {name: values[0] for name, values in kept["by_seed"].items()}
