"""The published file of CMS, with "Not Available" and footnotes, read through a mapping: what is said, and what is not.

No value of the file stands in this test; what is compared is counted here from the raw file by other means.
"""

import csv
import gzip
import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import dwangstats as dw
from cli.bad_inputs import ROOT

pytestmark = pytest.mark.real_data

EXAMPLE = ROOT / "examples" / "cms_ipfqr"
DAYS, HOURS, FOOTNOTE = "HBIPS-2 Overall Den", "HBIPS-2 Overall Num", "HBIPS-2 Overall Footnote"
ABSENT = "Not Available"

Raw = list[dict[str, str]]


@pytest.fixture(scope="module")
def packed(real_data: Path) -> Path:
    return real_data / "data" / "cms_ipfqr" / "cms_ipfqr_raw.csv.gz"


@pytest.fixture(scope="module")
def raw(packed: Path) -> Raw:
    """The file as the standard library reads it."""
    with gzip.open(packed, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The script of the example."""
    found = importlib.util.spec_from_file_location("facility_years", EXAMPLE / "facility_years.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables(example: ModuleType, packed: Path) -> dw.Tables:
    return example.read(packed)


def test_every_facility_year_is_read_and_keeps_its_id(tables: dw.Tables, raw: Raw) -> None:
    assert tables.exposure is not None
    keys = list(zip(tables.exposure["provider_id"], tables.exposure["period"], strict=True))
    assert keys == [(row["Facility ID"], row["year"]) for row in raw]
    assert {len(facility) for facility, _ in keys} == {6}


def test_what_is_not_available_is_missing_and_said_and_nothing_else_is(tables: dw.Tables, raw: Raw) -> None:
    assert tables.exposure is not None
    days = tables.exposure["bed_days"].to_numpy()
    expected = np.array([np.nan if row[DAYS] == ABSENT else float(row[DAYS]) for row in raw])
    np.testing.assert_array_equal(days, expected)
    said = {f.rule: f.count for f in tables.reading if f.table == "exposure" and "'bed_days'" in f.message["en"]}
    absent = int(np.isnan(expected).sum())
    assert absent > 100
    assert said == {"not-a-number": absent}
    assert any(ABSENT in f.message["en"] for f in tables.reading)


def test_footnotes_come_along_and_explain_every_missing_value(tables: dw.Tables, raw: Raw) -> None:
    assert tables.exposure is not None
    notes = tables.exposure[FOOTNOTE]
    given = Counter(row[FOOTNOTE] for row in raw if row[FOOTNOTE])
    assert Counter(f"{note:g}" for note in notes.dropna()) == given
    assert (notes.notna() == tables.exposure["bed_days"].isna()).all()


def test_a_panel_is_refused_until_somebody_says_what_is_missing(tables: dw.Tables) -> None:
    with pytest.raises(dw.DataError, match="not a number"):
        dw.check(tables, by="year").raise_for_errors()


def test_implausible_denominators_are_found_and_listed(example: ModuleType, tables: dw.Tables, raw: Raw) -> None:
    days = {(row["Facility ID"], row["year"]): float(row[DAYS]) for row in raw if row[DAYS] != ABSENT}
    both = {facility for facility, _ in days if {(facility, "2018"), (facility, "2022")} <= set(days)}
    jumped = {f for f in both if max(r := days[f, "2018"] / days[f, "2022"], 1 / r) > example.JUMP}
    found = example.implausible(tables)
    assert set(found.loc[found["jump"], "facility"]) == jumped
    assert len(jumped) == 35
    report = dw.check(tables, by="year")
    (finding,) = (f for f in report.findings if f.rule == "bed-days-jump")
    assert finding.count == int(found["jump"].sum()) == 2 * len(jumped)
    assert set(finding.rows) <= set(found.index)
    fewer = [
        (row["Facility ID"], row["year"])
        for row in raw
        if ABSENT not in {row[DAYS], row["SMD Denominator"]} and float(row[DAYS]) < float(row["SMD Denominator"])
    ]
    listed = found.loc[found["too_few"], ["facility", "year"]].itertuples(index=False, name=None)
    assert sorted(listed) == sorted(fewer)
    assert len(fewer) == 4
    assert found["patient_days"].notna().all()
    pairs = found.loc[found["jump"]].groupby("facility")
    odd = pairs["odd_one"].sum()[pairs["discharges"].count() == 2]
    assert (odd == 1).all()
    assert pairs["odd_one"].count().loc[pairs["discharges"].count() < 2].eq(0).all()


def test_hours_are_not_taken_for_counts(packed: Path, raw: Raw, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_bytes(gzip.decompress(packed.read_bytes()))
    (tmp_path / "dwangstats.toml").write_text(
        '[tables]\npanel = "raw.csv"\n[columns.panel]\nprovider = "Facility ID"\nperiod = { year = "year" }\n'
        f'events = "{HOURS}"\nbed_days = "{DAYS}"\n',
        encoding="utf-8",
    )
    tables = dw.read_tables(tmp_path / "dwangstats.toml")
    assert tables.panel is not None
    whole = [row[HOURS].removesuffix(".0").removesuffix(".00").isdecimal() for row in raw]
    np.testing.assert_array_equal(tables.panel["events"].notna(), whole)
    (finding,) = (f for f in tables.reading if f.rule == "not-a-count")
    assert finding.count == len(raw) - sum(whole)
    with pytest.raises(dw.DataError, match="whole number"):
        dw.build_panel(tables)
