"""A world on disk: the same bytes each time, readable by the package itself, and the documented worlds up to date."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dwangstats import worlds
from dwangstats.data.config.analysis import EvidenceConfig, load_config
from dwangstats.data.reading.read import read_tables
from dwangstats.errors import DataError
from dwangstats.worlds.folder import DOCUMENTED_SEED, DOCUMENTED_SIZE, HEADER
from dwangstats.worlds.parameters import EvidenceParameters

ROOT = Path(__file__).parents[3]
DOCUMENTED = ROOT / "data" / "synthetic"
FILES = {
    "registrations.csv",
    "exposure.csv",
    "locations.csv",
    "deliveries.csv",
    "audits.csv",
    "second_source.csv",
    "controls.csv",
    "truth.csv",
    "world.json",
    "dwangstats.toml",
    "audit.toml",
}
MEGABYTE = 1_000_000


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    return worlds.write(worlds.make("mixed", "tiny"), tmp_path_factory.mktemp("world") / "deep" / "mixed")


def test_writes_the_files(written):
    assert set(contents(written)) == FILES


def test_same_world_same_bytes(written, tmp_path):
    assert contents(worlds.write(worlds.make("mixed", "tiny"), tmp_path)) == contents(written)


@pytest.mark.parametrize("name", worlds.NAMES)
def test_documented_worlds_are_up_to_date(name, tmp_path):
    fresh = contents(worlds.write(worlds.make(name, DOCUMENTED_SIZE, DOCUMENTED_SEED), tmp_path))
    stored = contents(DOCUMENTED / name)
    assert set(stored) == FILES
    stale = [file for file in FILES if fresh[file] != stored[file]]
    assert not stale, f"run dwangstats.worlds.regenerate on data/synthetic; these differ: {stale}"


@pytest.mark.parametrize("name", worlds.NAMES)
def test_documented_worlds_are_small(name):
    assert sum(len(data) for data in contents(DOCUMENTED / name).values()) < 1.7 * MEGABYTE


def test_text_is_plain(written):
    for data in contents(written).values():
        assert b"\r" not in data
        assert data.endswith(b"\n")
        assert not data.startswith(b"\xef\xbb\xbf")
        data.decode("utf-8")


def test_regenerate_replaces_the_three_folders(tmp_path):
    stray = tmp_path / "mixed" / "stray.csv"
    stray.parent.mkdir()
    stray.write_text("old", encoding="utf-8")
    folders = worlds.regenerate(tmp_path)
    assert [f.name for f in folders] == list(worlds.NAMES)
    assert not stray.exists()
    assert contents(tmp_path / "mixed") == contents(DOCUMENTED / "mixed")


def test_reads_back_the_same_tables(written):
    world = worlds.make("mixed", "tiny")
    assert read_tables(written).fingerprint == world.tables.fingerprint
    register = replace(world.tables, audits=None, second_source=None, controls=None)
    assert read_tables(written / "dwangstats.toml").fingerprint == register.fingerprint
    audited = replace(register, audits=world.tables.audits)
    assert read_tables(written / "audit.toml").fingerprint == audited.fingerprint
    for file in ("dwangstats.toml", "audit.toml"):
        assert read_tables(written / file).reading == ()


def test_audit_file_asks_the_same_with_the_audit_as_evidence(written):
    plain, audited = (load_config(written / file) for file in ("dwangstats.toml", "audit.toml"))
    assert plain.evidence is None
    assert audited.evidence == EvidenceConfig(audit=True)
    for section in ("panel", "model", "compare", "selection", "bounds"):
        assert getattr(audited, section) == getattr(plain, section)
    assert audited.title == f"{plain.title}, met dossieronderzoek"


def test_a_world_without_evidence_has_no_files_for_it(tmp_path):
    none = EvidenceParameters(audit_events=0, linked_share=0.0, controls_per_event=0.0)
    folder = worlds.write(worlds.make("mixed", "tiny", evidence=none), tmp_path)
    assert set(contents(folder)) == FILES - {"audits.csv", "second_source.csv", "controls.csv", "audit.toml"}
    assert (
        contents(folder)["registrations.csv"]
        == contents(worlds.write(worlds.make("mixed", "tiny"), tmp_path))["registrations.csv"]
    )


def test_analysis_file_asks_the_letters_question(written):
    config = load_config(written / "dwangstats.toml")
    assert config.language == "nl"
    assert (config.compare.before, config.compare.after) == (2021, 2023)
    assert tuple(config.bounds.completeness_before) == (0.7, 1.0)
    assert config.bounds.monotone is True


def test_world_json_says_what_it_is(written):
    world = json.loads((written / "world.json").read_text(encoding="utf-8"))
    assert world["about"] == HEADER
    assert "not from any register" in world["about"]
    assert (world["name"], world["size"], world["seed"]) == ("mixed", "tiny", [1])
    assert world["figures"]["growth"]["all"]["complete"]["expected_registered"] == pytest.approx(0.30, abs=1e-6)
    assert set(world["parameters"]["path"]) == {"rate_growth", "completeness_before", "completeness_after"}


def test_a_missing_growth_is_null(tmp_path):
    world = worlds.make("mixed", "tiny")
    world.figures["growth"]["all"]["all"]["true"] = float("nan")
    written = worlds.write(world, tmp_path)
    stored = json.loads((written / "world.json").read_text(encoding="utf-8"))
    assert stored["figures"]["growth"]["all"]["all"]["true"] is None


def test_numbers_have_a_fixed_format(written):
    lines = (written / "exposure.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "provider_id,location_id,period,capacity,mean_occupancy,bed_days,admissions"
    capacity, occupancy, days, admissions = lines[1].split(",")[3:]
    assert capacity.isdigit()
    assert days.isdigit()
    assert admissions.isdigit()
    assert len(occupancy.split(".")[1]) == 2
    begin = (written / "registrations.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[7]
    assert len(begin) == len("2021-01-01T00:00")


def test_a_world_without_a_table_is_not_written(tmp_path):
    world = worlds.make("mixed", "tiny")
    with pytest.raises(DataError, match="has no table 'exposure'"):
        worlds.write(replace(world, tables=replace(world.tables, exposure=None)), tmp_path)


@pytest.mark.parametrize(("sector", "share"), [("wvggz", 0.05), ("wzd", 0.248), ("youth", 0.0)])
def test_the_analysis_file_tells_the_share_of_truly_empty_half_years(sector, share, tmp_path):
    world = worlds.make("mixed", "tiny", 1, sector=sector)
    worlds.write(world, tmp_path)
    asked = load_config(tmp_path / "dwangstats.toml").patterns
    assert asked is not None
    assert (asked.nothing, asked.level, asked.prior_silent) == (share, 0.05, None)
