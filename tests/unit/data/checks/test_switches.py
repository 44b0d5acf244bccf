"""Checks as an analysis file asks for them: of a date, and with some of them switched off."""

from pathlib import Path

import pytest

import dwangstats as dw
from dwangstats.data.checks.switches import check_as_asked
from dwangstats.data.config.analysis import AnalysisConfig, load_config
from dwangstats.worlds.result import World


@pytest.fixture(scope="module")
def world() -> World:
    return dw.worlds.make("mixed", "tiny", 3, calibrate=False, versions=True)


def asked(folder: Path, text: str) -> AnalysisConfig:
    file = folder / "dwangstats.toml"
    file.write_text(f'[panel]\nlaw = "WVGGZ"\n{text}', encoding="utf-8")
    return load_config(file)


def test_of_a_date_the_tables_as_they_were_known_are_checked(tmp_path: Path, world: World) -> None:
    rules = {}
    for as_of in ("2022-06-30", "2024-10-08"):
        report = check_as_asked(world.tables, asked(tmp_path, f'as_of = "{as_of}"\n'))
        assert not report.errors
        rules[as_of] = {finding.rule: finding.of for finding in report.findings}
    assert rules["2022-06-30"] != rules["2024-10-08"]


def test_what_is_wrong_is_named_as_it_stands_in_the_files(tmp_path: Path, world: World) -> None:
    deliveries = world.tables.deliveries.assign(period=world.tables.deliveries["period"].str.replace("-H", "-Q"))
    tables = dw.read_tables(**{**world.tables.given, "deliveries": deliveries})
    report = check_as_asked(tables, asked(tmp_path, 'as_of = "2022-06-30"\n'))
    assert report.errors
    assert {finding.of for finding in report.errors if finding.table == "deliveries"} == {len(deliveries)}


def test_what_was_switched_off_is_said(tmp_path: Path, world: World) -> None:
    report = check_as_asked(world.tables, asked(tmp_path, '[checks]\nskip = ["several-laws", "earlier-version"]\n'))
    said = {finding.rule: finding for finding in report.findings}
    assert "earlier-version" not in said
    assert "earlier-version, several-laws" in said["checks-switched-off"].message["en"] or (
        "several-laws, earlier-version" in said["checks-switched-off"].message["en"]
    )
