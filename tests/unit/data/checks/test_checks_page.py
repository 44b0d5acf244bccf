"""The page docs/checks-and-repairs.md: its examples run, and its tables name what there is."""

import doctest
import re
import tomllib
from pathlib import Path

import pytest

from dwangstats.data.config.analysis import load_config
from dwangstats.data.config.checks import QUALITY_PARTS, REPAIRS

PAGE = Path(__file__).resolve().parents[4] / "docs" / "checks-and-repairs.md"


def test_the_examples_run() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted >= 12
    assert outcome.failed == 0


def test_the_tables_name_every_repair_and_every_part() -> None:
    first_cells = re.findall(r"^\| `([a-z_-]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert tuple(first_cells) == (*REPAIRS, *QUALITY_PARTS)


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
def test_the_analysis_files_are_read(text: str, tmp_path: Path) -> None:
    assert tomllib.loads(text)
    file = tmp_path / "dwangstats.toml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file).title == "dwangstats"
