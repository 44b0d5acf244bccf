"""The section [panel]: of which date, what makes one intervention, and how ready counts were made coarse."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dwangstats.data.config.analysis import load_config
from dwangstats.data.config.coarse import Coarse
from dwangstats.errors import ConfigError


def load(folder: Path, lines: str) -> Any:
    file = folder / "dwangstats.toml"
    file.write_text(f"[panel]\n{lines}\n", encoding="utf-8")
    return load_config(file)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("as_of = 2024-10-08", "2024-10-08"),
        ('as_of = "2024-10-08"', "2024-10-08"),
        ("as_of = 2024-10-08T09:30:00", "2024-10-08T09:30:00"),
        ('as_of = "2024-10-08 09:30"', "2024-10-08T09:30:00"),
        ("", None),
    ],
)
def test_a_date_may_be_a_date_or_a_text(tmp_path: Path, written: str, known: str | None) -> None:
    assert load(tmp_path, written).panel.as_of == known


def test_counts_are_made_coarse_as_the_file_says(tmp_path: Path) -> None:
    panel = load(tmp_path, 'rounded_to = 10\nties = "even"\nsuppressed = { "<5" = [1, 4], "100+" = [100, inf] }').panel
    assert panel.coarse == Coarse(10, "even", {"<5": (1.0, 4.0), "100+": (100.0, math.inf)})
    assert panel.coarse.said == ("rounded_to", "suppressed")


def test_without_the_keys_nothing_is_assumed(tmp_path: Path) -> None:
    panel = load(tmp_path, "").panel
    assert (panel.as_of, panel.gap_hours, panel.coarse.said) == (None, None, ())
    assert load(tmp_path, "gap_hours = 0").panel.gap_hours == 0.0


def test_the_resolved_file_is_plain_json(tmp_path: Path) -> None:
    resolved = load(tmp_path, 'as_of = 2024-10-08\nsuppressed = { "100+" = [100, inf] }').resolved["panel"]
    again = json.loads(json.dumps(resolved, allow_nan=False))
    assert again["as_of"] == "2024-10-08"
    assert again["suppressed"] == {"100+": [100.0, "inf"]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('as_of = "08-10-2024"', """'as_of' in [panel] is '08-10-2024'; write a date as year-month-day"""),
        ('as_of = "last week"', "write a date as year-month-day"),
        ('as_of = ""', "'as_of' in [panel] is empty"),
        ("as_of = 2024", "'as_of' in [panel] must be a date, as 2024-10-08, not a number"),
        ("as_of = 09:30:00", "must be a date, as 2024-10-08, not a time"),
        ("as_of = 2024-10-08T09:30:00+02:00", "names a time zone"),
        ("as_of = 1066-10-14", "lies in the year 1066"),
        ("gap_hours = -1", "'gap_hours' in [panel] is -1.0; it must be hours from 0 to 8784 (a year)"),
        ("gap_hours = nan", "must be hours from 0 to 8784"),
        ("gap_hours = inf", "must be hours from 0 to 8784"),
        ('gap_hours = "24"', "must be a number, not a text"),
        ("rounded_to = 0", "'rounded_to' in [panel] is 0; it must be a whole number of at least 1"),
        ("rounded_to = 2.5", "must be a whole number without decimals"),
        ('ties = "even"', "rounded_to is missing"),
        ('rounded_to = 10\nties = "random"', "must be one of 'up', 'down', 'even'"),
        ('suppressed = "<5"', "[panel.suppressed] must be a section with keys, not a text"),
        ('suppressed = { "<5" = 4 }', "'<5' in [panel.suppressed] must be a list of two numbers"),
        ('suppressed = { "<5" = [4, 0] }', "'<5' in [panel.suppressed] is [4, 0]; give the least and the greatest"),
        ('suppressed = { "<5" = [0, 4.5] }', "is [0, 4.5]; give the least and the greatest"),
        ('suppressed = { "<5" = [0, nan] }', "is [0, nan]; give the least and the greatest"),
        ('suppressed = { "<5" = [inf, inf] }', "holds too large a number"),
        ('suppressed = { " " = [0, 4] }', "is blank, and a blank is a count that is missing"),
        ("roundedto = 5", "Did you mean 'rounded_to'?"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, line)
    assert said in str(caught.value)
