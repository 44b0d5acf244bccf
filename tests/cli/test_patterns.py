"""The section [patterns] in the main job: what is planted is in the report, what cannot be judged does not stop it."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cli.bad_inputs import good_panel, good_register, run_command
from dwangstats import worlds

PLANTED = "p5"
"""The silent provider of this world, which sends empty files that are accepted."""

MEDICATION = ("121531000146107", "121511000146100", "121521000146105")

WORDS = {
    "nl": ("zwijgt er 1", f"zwijgt er 1 ({PLANTED})", "Vraag bij elke genoemde zorgaanbieder na"),
    "en": ("1 is silent", f"1 is silent ({PLANTED})", "Ask each provider named"),
}


def run(folder: Path, out: str, *arguments: str) -> tuple[dict[str, Any], str]:
    """The results and the page of the main job."""
    outcome = run_command("analyse", str(folder / "dwangstats.toml"), "--out", str(folder / out), *arguments)
    assert outcome.exit_code == 0, outcome.text
    results = json.loads((folder / out / "results.json").read_text(encoding="utf-8"))
    return results, (folder / out / "report.html").read_text(encoding="utf-8")


def ask(folder: Path, text: str = "[patterns]\n") -> None:
    with (folder / "dwangstats.toml").open("a", encoding="utf-8") as handle:
        handle.write(text)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = worlds.PatternParameters(silent=0.1, joiners=0.0, leavers=0.0, flickering=0.0, undeclared=1.0)
    made = worlds.make("mixed", "tiny", 2, patterns=plan)
    assert set(made.planted["provider_id"]) == {PLANTED}
    return worlds.write(made, tmp_path_factory.mktemp("silent"))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_planted_silent_provider_is_in_the_report(world: Path, language: str) -> None:
    results, page = run(world, language, "--language", language)
    found, named, action = WORDS[language]
    section = re.search(r'<section id="patterns".*?</section>', page, flags=re.DOTALL)
    assert section is not None
    assert f"<strong>{found}</strong>" in section[0]
    assert f'<th scope="row">{PLANTED}<span class="detail">' in section[0]
    assert 'id="figure-patterns"' in section[0]
    (finding,) = [row for row in results["findings"] if row["rule"] == "silent-providers"]
    assert finding["severity"] == "warning"
    assert named in finding["message"]
    assert action in finding["action"]
    assert named in page
    silent = [row["provider"] for row in results["patterns"] if row["silent"]]
    assert silent == [PLANTED]
    assert results["pattern_summary"]["nothing"] == 0.05
    assert results["pattern_summary"]["silent_selected"] == 1
    states = {row["state"] for row in results["pattern_periods"] if row["provider"] == PLANTED}
    assert states == {"silent"}


def test_where_zeros_cannot_be_judged_the_report_is_made_all_the_same(tmp_path: Path) -> None:
    good_panel(tmp_path)
    counts = pd.read_csv(tmp_path / "panel.csv")
    empty = sorted(counts["period"].unique())[1]
    counts.assign(events=counts["events"].where(counts["period"] != empty, 0)).to_csv(
        tmp_path / "panel.csv", index=False
    )
    ask(tmp_path)
    results, page = run(tmp_path, "out", "--language", "nl")
    assert f"in {empty} registreerde geen enkele zorgaanbieder iets" in results["pattern_summary"]["refusal"]
    assert results["pattern_summary"]["refusal"] in page
    assert results["patterns"] == []
    assert results["ratios"]
    assert not (tmp_path / "out" / "tables" / "patterns.csv").exists()


@pytest.mark.parametrize("start", [good_register, good_panel])
def test_without_the_section_nothing_is_added_and_with_it_nothing_else_changes(start, tmp_path: Path) -> None:
    start(tmp_path)
    without, page = run(tmp_path, "without")
    assert not [key for key in without if "pattern" in key]
    assert 'id="patterns"' not in page
    ask(tmp_path)
    asked, _ = run(tmp_path, "with")
    added = {"patterns", "pattern_periods", "pattern_summary"}
    assert set(asked) - set(without) == added
    changed = {key for key in without if without[key] != asked[key]}
    assert changed == {"fingerprint"}


def test_the_same_section_gives_the_same_bytes_and_no_client(tmp_path: Path) -> None:
    good_register(tmp_path)
    ask(tmp_path, "[patterns]\nprior_silent = 0.08\n")
    for name in ("first", "second"):
        run(tmp_path, name)
    first, second = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in ("first", "second")
    )
    assert first == second
    assert Path("figures/patterns.svg") in first
    assert not [path for path, content in first.items() if b"client" in content.lower() and path.suffix == ".csv"]


def test_a_wrong_key_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    good_register(tmp_path)
    ask(tmp_path, "[patterns]\nnoting = 0.1\n")
    outcome = run_command("analyse", str(tmp_path / "dwangstats.toml"), "--out", str(tmp_path / "out"))
    assert outcome.exit_code == 1
    assert "'noting' in [patterns] is not known. Did you mean 'nothing'?" in outcome.text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("sector", "ask_for", "keeps"),
    [
        ("wvggz", 'forms = ["medication"]', lambda rows: ~rows["intervention_code"].isin(MEDICATION)),
        ("wzd", "planned = false", lambda rows: rows["planned"] == "yes"),
    ],
)
def test_who_registered_something_else_is_not_silent(tmp_path: Path, sector: str, ask_for: str, keeps: Any) -> None:
    folder = worlds.write(worlds.make("mixed", "small", 2, sector=sector, calibrate=False), tmp_path / "register")
    file = folder / "registrations.csv"
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    other = keeps(rows)
    largest = rows.loc[~other, "provider_id"].value_counts().index[0]
    assert (other & (rows["provider_id"] == largest)).sum() > 20
    rows.loc[(rows["provider_id"] != largest) | other].to_csv(file, index=False)
    text = (folder / "dwangstats.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^(forms|planned) = .*\n", "", text).replace("[panel]\n", f"[panel]\n{ask_for}\n")
    text = re.sub(r"nothing = [0-9.]+", "nothing = 0.0", text)
    assert "[patterns]" in text
    (folder / "dwangstats.toml").write_text(text, encoding="utf-8")
    results, _ = run(folder, "out")
    assert not results["pattern_summary"]["refusal"]
    (found,) = [row for row in results["patterns"] if row["provider"] == largest]
    assert found["silent"] == 0
    assert found["with_registrations"] > 0
