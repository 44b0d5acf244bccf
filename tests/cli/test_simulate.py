"""Simulate: registers of three sectors, with errors and with versions, that the other commands read."""

from pathlib import Path

import pandas as pd
import pytest

from cli.bad_inputs import run_command


def simulate(folder: Path, *options: str) -> None:
    outcome = run_command("simulate", "--size", "tiny", "--out", str(folder), *options)
    assert outcome.exit_code == 0, outcome.text


@pytest.mark.parametrize(("sector", "law"), [("wvggz", "WVGGZ"), ("wzd", "WZD"), ("youth", "JEUGDWET_H6")])
def test_every_sector_is_written_and_has_no_errors(sector: str, law: str, tmp_path: Path) -> None:
    simulate(tmp_path, "--sector", sector)
    registrations = pd.read_csv(tmp_path / "registrations.csv", dtype=str)
    assert set(registrations["law"]) == {law}
    assert not (tmp_path / "planted.csv").exists()
    assert run_command("check", str(tmp_path / "dwangstats.toml")).exit_code == 0


@pytest.mark.parametrize("sector", ["wvggz", "wzd", "youth"])
def test_errors_are_planted_and_named(sector: str, tmp_path: Path) -> None:
    simulate(tmp_path, "--sector", sector, "--errors")
    planted = pd.read_csv(tmp_path / "planted.csv", dtype=str)
    assert {"error", "table", "effect"} <= set(planted.columns)
    assert len(planted) > 5


@pytest.mark.parametrize("sector", ["wvggz", "wzd", "youth"])
def test_versions_are_written(sector: str, tmp_path: Path) -> None:
    simulate(tmp_path / "last", "--sector", sector, "--seed", "2")
    simulate(tmp_path / "every", "--sector", sector, "--seed", "2", "--versions")
    last, every = (pd.read_csv(tmp_path / name / "deliveries.csv", dtype=str) for name in ("last", "every"))
    key = ["provider_id", "period"]
    assert len(every) > len(last)
    assert not last.duplicated(key).any()
    kept = every.loc[~every.duplicated(key, keep="last")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, last)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simulate(tmp_path / name, "--sector", "wzd", "--errors", "--versions", "--seed", "7")
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert {"planted.csv", "deliveries.csv", "truth.csv"} <= set(one)


@pytest.mark.parametrize("option", [("--sector", "wzd"), ("--errors",), ("--versions",)])
def test_all_documented_worlds_take_no_options(option: tuple[str, ...], tmp_path: Path) -> None:
    outcome = run_command("simulate", "--all", "--out", str(tmp_path), *option)
    assert outcome.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_sector_is_not_understood(tmp_path: Path) -> None:
    assert run_command("simulate", "--sector", "ggd", "--out", str(tmp_path)).exit_code == 2
