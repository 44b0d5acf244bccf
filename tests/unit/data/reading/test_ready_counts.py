"""Ready counts from a file: no upper bound, hidden and rounded counts, as `Panel.from_frame` reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.reading.read import read_tables
from dwangstats.errors import DataError

NAMES: dict[str, Any] = {"provider": "provider", "period": "period", "exposure": "bed_days"}


def put(folder: Path, text: str, config: str = "", name: str = "panel.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "dwangstats.toml").write_text(config, encoding="utf-8")
    return folder / "dwangstats.toml"


@pytest.mark.parametrize("text", ["inf", "Inf", "INF", "+inf", "infinity", "∞"])
def test_an_upper_bound_may_be_absent(tmp_path: Path, text: str) -> None:
    file = put(tmp_path, f"provider,period,events,bed_days,lower,upper\na,2021,,900,10,{text}\nb,2021,3,900,,\n")
    tables = read_tables(file)
    assert tables.panel is not None
    assert tables.panel["upper"].iloc[0] == np.inf
    assert np.isnan(tables.panel["upper"].iloc[1])
    assert not [finding for finding in tables.reading if finding.severity == "error"]
    rows = dw.build_panel(tables).frame
    assert rows[["lower", "upper"]].to_numpy().tolist() == [[10.0, np.inf], [3.0, 3.0]]


def test_a_blank_upper_bound_is_half_an_interval_and_an_infinite_lower_one_no_count(tmp_path: Path) -> None:
    half = read_tables(put(tmp_path, "provider,period,events,bed_days,lower,upper\na,2021,,900,10,\n"))
    with pytest.raises(DataError, match="only one of the two bounds"):
        dw.build_panel(half)
    endless = read_tables(put(tmp_path, "provider,period,events,bed_days,lower,upper\na,2021,,900,inf,inf\n"))
    assert [finding.rule for finding in endless.reading] == ["not-a-count"]


def test_a_frame_given_to_read_tables_may_have_no_upper_bound_either() -> None:
    rows = {"provider": ["a"], "period": ["2021"], "events": [np.nan], "bed_days": [900.0]}
    tables = read_tables(panel=pd.DataFrame(rows | {"lower": [10.0], "upper": [np.inf]}))
    assert tables.panel is not None
    assert tables.panel["upper"].tolist() == [np.inf]


def test_bounds_may_hold_all_that_is_known(tmp_path: Path) -> None:
    tables = read_tables(put(tmp_path, "provider,period,bed_days,lower,upper\na,2021,900,3,3\nb,2021,900,0,4\n"))
    rows = dw.build_panel(tables).frame
    assert rows["events"].tolist() == [3.0, pytest.approx(np.nan, nan_ok=True)]


def test_a_file_is_read_as_a_frame_is(tmp_path: Path) -> None:
    shown = ["<5", "10", "0", "25", "<5", "100+"]
    rows = pd.DataFrame({"instelling": list("aabbcc"), "period": ["2021", "2022"] * 3, "n": shown, "bed_days": 900})
    said: dict[str, Any] = {"rounded_to": 5, "suppressed": {"<5": (1, 4), "100+": (100, np.inf)}}
    config = '[columns.panel]\nprovider = "instelling"\nevents = "n"\n[panel]\nrounded_to = 5\n'
    config += 'suppressed = { "<5" = [1, 4], "100+" = [100, inf] }\n'
    from_file = dw.build_panel(read_tables(put(tmp_path, rows.to_csv(index=False), config)))
    from_frame = dw.Panel.from_frame(rows, **NAMES | {"provider": "instelling"}, events="n", **said)
    pd.testing.assert_frame_equal(from_file.frame, from_frame.frame)
    assert from_file.frame["events"].iloc[2] == 0.0


def test_what_hides_no_count_of_the_file_stays_an_error(tmp_path: Path) -> None:
    tables = read_tables(put(tmp_path, "provider,period,events,bed_days\na,2021,<5,900\n"))
    (finding,) = tables.reading
    assert finding.rule == "not-a-count"
    assert "suppressed and rounded_to in [panel]" in finding.action["en"]
    with pytest.raises(DataError, match=r"rounded_to=5: 1 of 1 counts are no multiples"):
        read_tables(put(tmp_path, "provider,period,events,bed_days\na,2021,7,900\n", "[panel]\nrounded_to = 5\n"))


def test_rounding_is_about_ready_counts_only(tmp_path: Path) -> None:
    file = put(tmp_path, "provider_id,begin\na,2021-01-01\n", "[panel]\nrounded_to = 5\n", "registrations.csv")
    with pytest.raises(DataError, match=r"\[panel\] says rounded_to, which is about ready counts, and there is no"):
        read_tables(file)


def test_what_the_file_says_against_the_hidden_counts_is_said(tmp_path: Path) -> None:
    text = "provider,period,events,bed_days\na,2021,<5,900\nb,2021,0,900\nc,2021,3,900\nd,2021,9,900\n"
    asked = '[panel.suppressed]\n"<5" = [0, 4]\n">40" = [41, inf]\n'
    found = {finding.rule: finding for finding in read_tables(put(tmp_path, text, asked)).reading}
    shown = found["shown-though-hidden"]
    assert (shown.severity, shown.count, shown.of, shown.rows) == ("warning", 2, 3, (2, 3))
    assert "0, 3 (<5)" in shown.message["nl"]
    assert "'>40'" in found["hidden-text-absent"].message["en"]
    begins = {f.rule for f in read_tables(put(tmp_path, text, asked.replace("[0, 4]", "[1, 2]"))).reading}
    assert "shown-though-hidden" not in begins


def test_a_rounded_count_is_not_held_against_the_hidden_ones(tmp_path: Path) -> None:
    text = "provider,period,events,bed_days\na,2021,<5,900\nb,2021,0,900\n"
    asked = '[panel]\nrounded_to = 5\n[panel.suppressed]\n"<5" = [1, 4]\n'
    rules = {finding.rule for finding in read_tables(put(tmp_path, text, asked)).reading}
    assert "shown-though-hidden" not in rules
