"""The page docs/reporting-patterns.md: its examples run, and its table names every pattern."""

import doctest
import re
from pathlib import Path

from dwangstats.providers.patterns import PATTERNS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reporting-patterns.md"


def test_the_examples_run() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted >= 15
    assert outcome.failed == 0


def test_the_table_names_every_pattern() -> None:
    assert tuple(re.findall(r"^\| `([a-z]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)) == PATTERNS
