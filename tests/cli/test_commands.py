"""The four commands as a user types them: what is printed, what is written, and the exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cli.bad_inputs import ROOT, good_panel, good_register, run_command
from dwangstats.analysis import analyse
from dwangstats.present.answer import answer

SYNTHETIC = ROOT / "data" / "synthetic"
WORLDS = ("registration-only", "mixed", "real-only")


def test_version_and_help() -> None:
    assert run_command("--version").text.startswith("dwangstats 0.")
    text = run_command("--help").text
    assert all(command in text for command in ("check", "analyse", "simulate", "audit-size"))


@pytest.mark.parametrize(
    "arguments", [("analyze", "x"), ("analyse",), ("audit-size", "--completeness", "half"), ("--no",)]
)
def test_what_is_not_understood_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run_command(*arguments).exit_code == 2


def test_a_real_process_prints_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dwangstats.cli", "analyse", str(tmp_path / "none.toml"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "none.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_lists_findings_in_both_languages(tmp_path: Path) -> None:
    good_register(tmp_path)
    with (tmp_path / "exposure.csv").open("a", encoding="utf-8") as handle:
        handle.write("nobody,nobody-1,2021-H1,10,-5\n")
    dutch, english = (run_command("check", str(tmp_path), "--language", code) for code in ("nl", "en"))
    assert dutch.exit_code == english.exit_code == 1
    assert "negatief" in dutch.text
    assert "negative" in english.text


def test_audit_size_is_the_planner_s_formula() -> None:
    outcome = run_command("audit-size", "--completeness", "0.75", "--se", "0.05")
    assert outcome.exit_code == 0
    assert "134" in outcome.text


def test_audit_size_outside_its_domain_is_a_sentence() -> None:
    outcome = run_command("audit-size", "--completeness", "1.5", "--se", "0.05")
    assert outcome.exit_code == 1
    assert "completeness" in outcome.text


def test_simulate_writes_what_analyse_reads(tmp_path: Path) -> None:
    assert (
        run_command("simulate", "--world", "mixed", "--size", "tiny", "--out", str(tmp_path / "world")).exit_code == 0
    )
    outcome = run_command("analyse", str(tmp_path / "world" / "dwangstats.toml"), "--out", str(tmp_path / "out"))
    assert outcome.exit_code == 0, outcome.text
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("start", [good_register, good_panel])
def test_the_same_input_gives_the_same_bytes(start, tmp_path: Path) -> None:
    start(tmp_path)
    for name in ("first", "second"):
        outcome = run_command("analyse", str(tmp_path / "dwangstats.toml"), "--out", str(tmp_path / name))
        assert outcome.exit_code == 0, outcome.text
    first = {p.relative_to(tmp_path / "first"): p.read_bytes() for p in (tmp_path / "first").rglob("*") if p.is_file()}
    second = {
        p.relative_to(tmp_path / "second"): p.read_bytes() for p in (tmp_path / "second").rglob("*") if p.is_file()
    }
    assert first == second
    assert len(first) > 15


def test_no_client_reaches_anything_that_is_written_or_said(tmp_path: Path) -> None:
    good_register(tmp_path)
    registrations = pd.read_csv(tmp_path / "registrations.csv", dtype=str)
    registrations["client_id"] = [f"CANARY{i % 17}X" for i in range(len(registrations))]
    registrations.to_csv(tmp_path / "registrations.csv", index=False)
    good = run_command("analyse", str(tmp_path / "dwangstats.toml"), "--out", str(tmp_path / "out"))
    registrations.loc[3, "begin"] = "CANARY-date"
    registrations.loc[4, "end"] = "2019-01-01T00:00"
    registrations.to_csv(tmp_path / "registrations.csv", index=False)
    bad = run_command("analyse", str(tmp_path / "dwangstats.toml"), "--out", str(tmp_path / "out2"))
    assert good.exit_code == 0, good.text
    assert bad.exit_code == 1
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"CANARY" not in written
    assert not any(f"CANARY{i}X" in good.text + bad.text for i in range(17))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The main job on the three synthetic worlds."""
    made = {}
    for name in WORLDS:
        out = tmp_path_factory.mktemp(name) / "out"
        outcome = run_command(
            "analyse", str(SYNTHETIC / name / "dwangstats.toml"), "--out", str(out), "--language", "en"
        )
        assert outcome.exit_code == 0, outcome.text
        made[name] = out
    return made


def test_three_worlds_with_different_truths_say_the_same_honest_thing(reports: dict[str, Path]) -> None:
    headline, tips = {}, {}
    for name, out in reports.items():
        results = json.loads((out / "results.json").read_text(encoding="utf-8"))
        headline[name] = next(r for r in results["ratios"] if r["headline"] and r["form"] == "all")
        tips[name] = next(t for t in results["tipping"] if t["form"] == "all")
        page = (out / "report.html").read_text(encoding="utf-8")
        assert "cannot decide" in page
        assert "adjusted rate" not in page
    ratios = [row["estimate"] for row in headline.values()]
    # Registered growth agrees within two points by calibration; what happened differs by thirty.
    assert max(ratios) - min(ratios) < 0.02
    assert all(row["lower"] < 1.30 < row["upper"] for row in headline.values())
    for name, tip in tips.items():
        assert tip["completeness_before"] == pytest.approx(1 / headline[name]["estimate"], rel=1e-12)
    truth = {
        name: json.loads((SYNTHETIC / name / "world.json").read_text(encoding="utf-8"))["figures"]["growth"]["all"]
        for name in WORLDS
    }
    assert truth["registration-only"]["complete"]["true"] < 0.03
    assert truth["real-only"]["complete"]["true"] > 0.25
    assert all(t["complete"]["registered"] == pytest.approx(0.30, abs=0.02) for t in truth.values())


def test_registrations_in_are_counted_or_set_aside(reports: dict[str, Path]) -> None:
    for name, out in reports.items():
        results = json.loads((out / "results.json").read_text(encoding="utf-8"))
        read = len(pd.read_csv(SYNTHETIC / name / "registrations.csv"))
        aside = sum(r["count"] for r in results["set_aside"] if r["what"] == "registrations")
        counted = sum(r["events"] for r in results["rates"] if r["form"] != "all" and r["selection"] == "delivered")
        assert read == aside + counted


def test_only_a_deliveries_table_makes_deliveries_known(tmp_path: Path) -> None:
    for name, start, known in (("register", good_register, True), ("counts", good_panel, False)):
        folder = tmp_path / name
        folder.mkdir()
        start(folder)
        contents = analyse(folder / "dwangstats.toml").contents
        assert contents.question["deliveries_known"] is known
        assert ("delivered correctly" in answer(contents)) is known
        assert ("have a count in every period" in answer(contents)) is not known
        assert contents.question["providers_in_one_period"] == 0


def test_a_provider_that_joins_is_counted_in_the_answer(tmp_path: Path) -> None:
    good_panel(tmp_path)
    with (tmp_path / "panel.csv").open("a", encoding="utf-8") as handle:
        handle.write("ninth,2022-H1,100,1000\nninth,2022-H2,100,1000\n")
    with (tmp_path / "dwangstats.toml").open("a", encoding="utf-8") as handle:
        handle.write('[selection]\nrule = "delivered"\n')
    contents = analyse(tmp_path / "dwangstats.toml").contents
    assert contents.question["providers_in_one_period"] == 1
    assert "**1 of these 5 providers** has counts in only one of the two compared periods" in answer(contents)


def test_counts_of_zero_are_one_finding_in_dutch(tmp_path: Path) -> None:
    good_panel(tmp_path)
    counts = pd.read_csv(tmp_path / "panel.csv").assign(events=0)
    forms = [counts.assign(form=form) for form in ("seclusion", "restraint")]
    pd.concat(forms).to_csv(tmp_path / "panel.csv", index=False)
    findings = analyse(tmp_path / "dwangstats.toml", language="nl").contents.findings
    refused = findings[findings["rule"] == "no-estimate"]
    assert len(refused) == 1
    assert "het model kon niet worden geschat" in refused["message"].item()
    assert "separatie" in refused["message"].item()
