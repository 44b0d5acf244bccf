"""The sections [checks], [repairs] and [quality] of the analysis file, and what the main job does with them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cli.bad_inputs import good_register, run_command
from dwangstats.analysis import analyse
from dwangstats.data.config.analysis import AnalysisConfig, load_config
from dwangstats.data.config.checks import EXCLUSIVE, QUALITY_PARTS, REPAIRS, QualityConfig
from dwangstats.data.panels.reasons import REMOVED_BY_REPAIR
from dwangstats.errors import ConfigError, DataError, DomainError

REPAIRS_ASKED = '[repairs]\napply = ["drop-same-source-doubles", "tenfold-bed-days"]\n'
QUALITY_ASKED = '[quality]\nby = "year"\nparts = ["doubles", "missing_ends"]\n'


def load(folder: Path, text: str) -> AnalysisConfig:
    file = folder / "dwangstats.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value)


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    """A good register with one registration twice from one source and one location with ten times its bed-days."""
    good_register(tmp_path)
    rows = pd.read_csv(tmp_path / "registrations.csv", dtype=str)
    rows["source_id"] = "s" + rows["registration_id"].str[1:]
    rows = pd.concat([rows, rows.tail(1).assign(registration_id="r9999")])
    rows.to_csv(tmp_path / "registrations.csv", index=False)
    days = pd.read_csv(tmp_path / "exposure.csv", dtype=str)
    days.loc[5, "bed_days"] += "0"
    days.to_csv(tmp_path / "exposure.csv", index=False)
    return tmp_path


def add(folder: Path, text: str) -> Path:
    file = folder / "dwangstats.toml"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return file


def test_nothing_is_skipped_repaired_or_scored_unasked(tmp_path: Path) -> None:
    config = load(tmp_path, 'title = "x"\n')
    assert config.checks.skip == ()
    assert config.repairs.apply == ()
    assert config.quality is None
    assert config.resolved["checks"] == {"skip": []}
    assert config.resolved["repairs"] == {"apply": []}
    assert config.resolved["quality"] is None


def test_every_setting_arrives(tmp_path: Path) -> None:
    config = load(tmp_path, '[checks]\nskip = ["never-closed"]\n' + REPAIRS_ASKED + QUALITY_ASKED)
    assert config.checks.skip == ("never-closed",)
    assert config.repairs.apply == ("drop-same-source-doubles", "tenfold-bed-days")
    assert config.quality == QualityConfig(by="year", parts=("missing_ends", "doubles"))
    assert json.loads(json.dumps(config.resolved))["quality"] == {"by": "year", "parts": ["missing_ends", "doubles"]}


def test_an_empty_quality_section_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "[quality]\n").quality == QualityConfig(by="half-year", parts=QUALITY_PARTS)


def test_wrong_names_are_all_said_with_the_nearest(tmp_path: Path) -> None:
    said = refusal(
        tmp_path,
        '[checks]\nskp = ["x"]\n[repairs]\napply = ["tenfold-beddays"]\n[quality]\nby = "week"\nparts = ["double"]\n',
    )
    assert "Did you mean 'skip'" in said
    assert "Did you mean 'tenfold-bed-days'" in said
    assert "'by' in [quality] is 'week'" in said
    assert "Did you mean 'doubles'" in said
    assert "is empty" in refusal(tmp_path, "[quality]\nparts = []\n")


def test_two_repairs_of_the_same_rows_are_refused(tmp_path: Path) -> None:
    for pair in EXCLUSIVE:
        assert set(pair) <= set(REPAIRS)
        assert "choose one" in refusal(tmp_path, f"[repairs]\napply = {json.dumps(pair)}\n")


def test_check_makes_the_repairs_and_says_so(spoiled: Path) -> None:
    before = run_command("check", str(spoiled / "dwangstats.toml"))
    after = run_command("check", str(add(spoiled, REPAIRS_ASKED)))
    assert "bed-days-jump" not in after.text
    assert "more than a factor 8" in before.text
    assert "more than a factor 8" not in after.text
    assert "1 of 16 rows of exposure the bed-days were divided by 10, because" in after.text
    assert "registrations were removed because the same source gave them before" in after.text


def test_the_report_names_repairs_and_switched_off_checks(spoiled: Path) -> None:
    plain = analyse(spoiled / "dwangstats.toml")
    asked = analyse(add(spoiled, REPAIRS_ASKED + '[checks]\nskip = ["bed-days-above-capacity"]\n'))
    assert plain.repaired is None
    assert asked.repaired is not None
    assert dict(zip(asked.repaired.summary["repair"], asked.repaired.summary["rows"], strict=True)) == {
        "drop-same-source-doubles": 1,
        "tenfold-bed-days": 1,
    }
    rules = set(asked.contents.findings["rule"])
    assert {"repair-drop-same-source-doubles", "repair-tenfold-bed-days", "checks-switched-off"} <= rules
    assert "bed-days-above-capacity" not in rules
    assert plain.contents.fingerprint != asked.contents.fingerprint
    assert asked.panel.registrations_read == plain.panel.registrations_read
    gone = asked.panel.set_aside.set_index("reason")["count"]
    assert gone[REMOVED_BY_REPAIR] == 1
    assert asked.repaired.undo().registrations.shape[0] == plain.panel.registrations_read


def test_the_written_report_says_how_many_rows_were_repaired(
    spoiled: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    done = run_command("analyse", str(add(spoiled, REPAIRS_ASKED)), "--out", str(out), "--language", "nl")
    assert done.exit_code == 0, done.text
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Herstel op verzoek" in page
    assert "door 10 gedeeld" in page
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    counts = {f["rule"]: f["count"] for f in results["findings"]}
    assert counts["repair-drop-same-source-doubles"] == counts["repair-tenfold-bed-days"] == 1


def test_a_rule_that_does_not_exist_cannot_be_switched_off(spoiled: Path) -> None:
    with pytest.raises(DomainError, match="Did you mean 'bed-days-jump'"):
        analyse(add(spoiled, '[checks]\nskip = ["beddays-jump"]\n'))


def test_an_error_cannot_be_switched_off(spoiled: Path) -> None:
    days = pd.read_csv(spoiled / "exposure.csv", dtype=str)
    days.loc[0, "bed_days"] = "-5"
    days.to_csv(spoiled / "exposure.csv", index=False)
    with pytest.raises(DataError, match="negative"):
        analyse(add(spoiled, '[checks]\nskip = ["negative-bed-days"]\n'))


def test_the_quality_score_is_that_of_the_register_before_repairs(spoiled: Path) -> None:
    text = (spoiled / "dwangstats.toml").read_text(encoding="utf-8")
    asked = text.replace('by = "half-year"\n', 'by = "half-year"\ncovariates = ["quality_score", "doubles"]\n')
    (spoiled / "dwangstats.toml").write_text(asked, encoding="utf-8")
    found = analyse(add(spoiled, REPAIRS_ASKED + '[quality]\nparts = ["doubles"]\n')).panel
    assert found.covariates == ("quality_score", "doubles")
    double = found.observed.set_index(["provider", "period"]).loc[("west", "2022-H2"), "doubles"]
    assert (double > 0.0).all()
    assert found.observed["doubles"].gt(0.0).groupby(found.observed["provider"]).any().sum() == 1


def test_a_repair_of_a_table_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "panel.csv").write_text(
        "provider,period,events,bed_days\na,2021,5,1000\nb,2021,6,1000\n", encoding="utf-8"
    )
    (tmp_path / "dwangstats.toml").write_text('[repairs]\napply = ["tenfold-bed-days"]\n', encoding="utf-8")
    for command in (("check",), ("analyse", "--out", str(tmp_path / "out"))):
        done = run_command(command[0], str(tmp_path / "dwangstats.toml"), *command[1:])
        assert done.exit_code == 1
        assert "tenfold-bed-days: This repair works on the table exposure" in done.text
