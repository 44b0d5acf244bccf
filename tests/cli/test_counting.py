"""What is counted, asked in the analysis file: of which date, interventions, and counts that were made coarse."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from cli.bad_inputs import good_panel, good_register, run_command
from dwangstats.analysis import analyse
from dwangstats.worlds.result import World

DAYS = ("2022-06-30", "2023-06-30")
COMPARE = '[compare]\nvariable = "year"\nbefore = 2021\nafter = 2022\n'
INTERVALS = '[model]\nfamily = "nb2"\ncovariance = "CR1"\n'


def run(folder: Path, out: str, *arguments: str, file: str = "dwangstats.toml") -> tuple[dict[str, Any], str]:
    """The results and the text of the page of the main job."""
    outcome = run_command("analyse", str(folder / file), "--out", str(folder / out), *arguments)
    assert outcome.exit_code == 0, outcome.text
    page = (folder / out / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>|<style.*?</style>", "", page, flags=re.DOTALL))
    return json.loads((folder / out / "results.json").read_text(encoding="utf-8")), text


def refusal(folder: Path, text: str) -> str:
    (folder / "wrong.toml").write_text(text, encoding="utf-8")
    outcome = run_command("analyse", str(folder / "wrong.toml"), "--out", str(folder / "nothing"))
    assert outcome.exit_code == 1, outcome.text
    assert "Traceback" not in outcome.text
    assert not (folder / "nothing").exists()
    return outcome.text


def total(results: dict[str, Any], periods: tuple[str, ...]) -> float:
    """Events of all forms in some periods, of everything delivered."""
    rows = [row for row in results["rates"] if row["form"] == "all" and row["period"] in periods]
    selections = {row["selection"] for row in rows}
    wanted = "delivered" if "delivered" in selections else "complete"
    return float(sum(row["events"] for row in rows if row["selection"] == wanted))


@pytest.fixture(scope="module")
def world() -> World:
    return dw.worlds.make("mixed", "tiny", 3, versions=True)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dw.worlds.write(world, tmp_path_factory.mktemp("versions"))


def asking(folder: Path, lines: str, more: str = "") -> str:
    """An analysis file of the tables in the folder, with lines in [panel]."""
    names = ("registrations", "exposure", "locations", "deliveries")
    tables = "[tables]\n" + "".join(f'{name} = "{name}.csv"\n' for name in names)
    text = f'{tables}[panel]\nlaw = "WVGGZ"\n{lines}[selection]\nrule = "delivered"\n{more}'
    (folder / "asked.toml").write_text(text, encoding="utf-8")
    return text


@pytest.mark.parametrize("written", ["{}", '"{}"'])
def test_the_same_tables_have_a_total_on_each_date(folder: Path, world: World, written: str) -> None:
    periods = ("2021-H1", "2021-H2")
    found = {}
    for day in DAYS:
        asking(folder, f"as_of = {written.format(day)}\n")
        results, _ = run(folder, f"out-{day}", file="asked.toml")
        found[day] = total(results, periods)
        panel = dw.build_panel(world.tables, law="WVGGZ", as_of=day)
        assert found[day] == panel.during(periods).observed["events"].sum()
        assert results["question"]["as_of"] == day
    assert found[DAYS[0]] != found[DAYS[1]]


def test_what_was_not_due_is_left_out_and_said(folder: Path) -> None:
    asking(folder, f"as_of = {DAYS[0]}\n")
    results, _ = run(folder, "due", file="asked.toml")
    assert {row["period"] for row in results["rates"]} == {"2021-H1", "2021-H2"}
    (left_out,) = [row for row in results["findings"] if row["rule"] == "periods-not-due"]
    assert "4 van de 6 perioden (vanaf 2022-H1)" in left_out["message"]
    assert {row["reason"] for row in results["set_aside"]} >= {"not yet received on the date"}
    # Nothing is called missing that was not yet due.
    missing = [row["message"] for row in results["findings"] if "het register leeg" in row["message"]]
    assert not [text for text in missing if "2022-H2" in text]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ("zoals bekend op 30 juni 2023", "interventies 2021", "hoogstens 24 uur")),
        ("en", ("as known on 30 June 2023", "interventions 2021", "at most 24 hours")),
    ],
)
def test_interventions_of_a_date_equal_those_of_the_panel(
    folder: Path, world: World, language: str, words: tuple[str, ...]
) -> None:
    asking(folder, f"as_of = {DAYS[1]}\ngap_hours = 24\n", COMPARE)
    results, text = run(folder, f"out-{language}", "--language", language, file="asked.toml")
    panel = dw.build_panel(world.tables, law="WVGGZ", as_of=DAYS[1], gap_hours=24)
    assert total(results, tuple(panel.periods)) == panel.observed["events"].sum()
    assert results["question"]["gap_hours"] == 24.0
    assert all(re.search(word, text) for word in words)
    more = dw.build_panel(world.tables, law="WVGGZ", as_of=DAYS[1])
    assert panel.observed["events"].sum() < more.observed["events"].sum()


def test_silence_is_judged_by_registrations(folder: Path) -> None:
    asking(folder, "", "[patterns]\n")
    every, _ = run(folder, "patterns", file="asked.toml")
    asking(folder, "gap_hours = 24\n", "[patterns]\n")
    joined, _ = run(folder, "patterns-joined", file="asked.toml")
    assert joined["pattern_periods"] == every["pattern_periods"]
    assert joined["rates"] != every["rates"]


def test_the_quality_score_is_of_the_same_date(folder: Path, world: World) -> None:
    asking(folder, f'as_of = {DAYS[1]}\ncovariates = ["quality_score"]\n', "[quality]\n")
    analysis = analyse(folder / "asked.toml")
    scored = dw.with_quality(world.tables, as_of=DAYS[1])
    panel = dw.build_panel(scored, law="WVGGZ", as_of=DAYS[1], covariates="quality_score")
    wanted = panel.during(analysis.panel.periods).frame
    pd.testing.assert_frame_equal(analysis.panel.frame, wanted)
    asking(folder, 'covariates = ["quality_score"]\n', "[quality]\n")
    today = analyse(folder / "asked.toml").panel.during(analysis.panel.periods)
    assert not np.allclose(today.frame["quality_score"], wanted["quality_score"], equal_nan=True)


def test_what_the_functions_refuse_ends_in_their_sentence(folder: Path, tmp_path: Path) -> None:
    repairs = '[repairs]\napply = ["drop-same-source-doubles"]\n'
    assert "as_of goes before a repair" in refusal(folder, asking(folder, "as_of = 2023-06-30\n", repairs))
    repaired = asking(folder, 'as_of = 2023-06-30\ncovariates = ["quality_score"]\n', "[quality]\n" + repairs)
    assert "as_of goes before a repair" in refusal(folder, repaired)
    early = refusal(folder, asking(folder, "as_of = 2021-01-31\n"))
    assert "as known on 2021-01-31" in early
    good_panel(tmp_path)
    assert "gap_hours does not apply to ready counts" in refusal(tmp_path, "[panel]\ngap_hours = 24\n")
    assert "registrations is not there" in refusal(tmp_path, "[panel]\nas_of = 2023-06-30\n")
    assert "08-10-2024" in refusal(tmp_path, '[panel]\nas_of = "08-10-2024"\n')


def test_deliveries_that_do_not_say_when_they_came_are_a_sentence(tmp_path: Path) -> None:
    good_register(tmp_path)
    text = (tmp_path / "dwangstats.toml").read_text(encoding="utf-8")
    asked = text.replace("[panel]\n", "[panel]\nas_of = 2023-01-01\n", 1)
    assert "no column received_at" in refusal(tmp_path, asked)
    (tmp_path / "wrong.toml").write_text(asked, encoding="utf-8")
    assert "no column received_at" in run_command("check", str(tmp_path / "wrong.toml")).text


def published(folder: Path, forms: tuple[str, ...] = ("seclusion", "restraint")) -> pd.DataFrame:
    """Counts of 20 providers in four half-years, rounded to fives and hidden below five."""
    rng = np.random.default_rng(7)
    rows = []
    for form in forms:
        for provider in range(20):
            level = math.exp(rng.normal(0.0, 0.4))
            for period in ("2021-H1", "2021-H2", "2022-H1", "2022-H2"):
                days = 1500 + int(300 * rng.random())
                mean = 0.006 * days * level * (1.3 if period > "2022" else 1.0)
                count = int(rng.negative_binomial(6, 6 / (6 + mean)))
                shown = "<5" if count < 5 else str(5 * math.floor(count / 5 + 0.5))
                rows.append((f"P{provider:02d}", period, form, shown, days))
    frame = pd.DataFrame(rows, columns=["provider", "period", "form", "events", "bed_days"])
    frame.to_csv(folder / "panel.csv", index=False)
    coarse = '[panel]\nrounded_to = 5\nsuppressed = { "<5" = [0, 4] }\n'
    (folder / "dwangstats.toml").write_text(coarse + INTERVALS + COMPARE, encoding="utf-8")
    return frame


def test_rounded_counts_give_the_model_of_their_intervals(tmp_path: Path) -> None:
    frame = published(tmp_path)
    results, _ = run(tmp_path, "out")
    names = {"provider": "provider", "period": "period", "events": "events", "exposure": "bed_days", "form": "form"}
    panel = dw.Panel.from_frame(frame, **names, rounded_to=5, suppressed={"<5": (0, 4)})
    for form in ("seclusion", "restraint"):
        fit = dw.RateModel("C(year)", panel.for_form(form), family="nb2").fit()
        rows = {row["covariance"]: row for row in results["ratios"] if row["form"] == form}
        assert set(rows) == {"model", "CR1"}
        for kind, variant in (("model", fit), ("CR1", fit.robust("CR1", cluster="provider"))):
            estimate = dw.rate_ratio(variant, "year", before=2021, after=2022)
            for name in ("estimate", "lower", "upper"):
                assert rows[kind][name] == pytest.approx(getattr(estimate, name), abs=1e-12)
        (statistics,) = [row for row in results["fit_statistics"] if row["form"] == form]
        assert statistics["log_likelihood"] == pytest.approx(fit.llf, abs=1e-10)
    assert {row["form"] for row in results["ratios"]} == {"seclusion", "restraint"}


def test_no_middle_of_an_interval_is_in_the_results(tmp_path: Path) -> None:
    frame = published(tmp_path)
    results, _ = run(tmp_path, "out")
    shown = frame["events"].where(frame["events"] != "<5", "2").astype(float)
    least = shown - 2.0
    least[frame["events"] == "<5"] = 0.0
    least = least.where((frame["events"] == "<5") | (least >= 5.0), 5.0)
    most = (shown + 2.0).where(frame["events"] != "<5", 4.0)
    for row in results["rates"]:
        mine = (frame["form"] == row["form"]) & (frame["period"] == row["period"])
        assert row["events"] is None
        assert row["rate"] is None
        assert row["lower"] is None
        assert (row["events_lowest"], row["events_highest"]) == (least[mine].sum(), most[mine].sum())
    registrations = results["coverage"][2]
    assert registrations["kept"] is None
    assert (registrations["total_lowest"], registrations["total_highest"]) == (least.sum(), most.sum())
    assert all(row["events_before"] is None and row["count_ratio"] is None for row in results["ratios"])
    assert results["question"]["intervals"] == {
        "counts": 160,
        "of": 160,
        "rounded_to": 5,
        "ties": "up",
        "suppressed": {"<5": [0.0, 4.0]},
    }


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ("afgerond op veelvouden van 5", "‘&lt;5’ staat voor 0 tot en met 4", "geen betrouwbaarheidsinterval",
                "het model met een eigen niveau per zorgaanbieder en CR2 zijn er niet",
                "een verhouding van de som over de vormen is er niet")),
        ("en", ("rounded to multiples of 5", "‘&lt;5’ stands for 0 to 4", "no confidence interval",
                "the model with a level for every provider and CR2 are not given",
                "there is no ratio of the sum over the forms")),
    ],
)  # fmt: skip
def test_the_report_says_how_counts_were_published_and_used(
    tmp_path: Path, language: str, words: tuple[str, ...]
) -> None:
    published(tmp_path)
    _, text = run(tmp_path, "out", "--language", language)
    assert all(word in text for word in words)


def test_evidence_and_patterns_say_that_they_need_exact_counts(tmp_path: Path) -> None:
    published(tmp_path, ("seclusion",))
    with (tmp_path / "dwangstats.toml").open("a", encoding="utf-8") as handle:
        handle.write("[evidence]\ncompleteness_prior = [0.6, 0.9]\n[patterns]\n")
    results, text = run(tmp_path, "out", "--language", "nl")
    (row,) = results["adjusted"]
    assert row["estimate"] is None
    assert "vraagt precieze aantallen" in row["refusal"]
    assert row["refusal"] in text
    assert results["patterns"] == []
    assert "afgerond" in results["pattern_summary"]["refusal"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("", "family = 'poisson' moves the ratio itself"),
        ('[model]\nfamily = "nb2"\n', "covariance = 'CR2' needs exact counts"),
        (INTERVALS + 'formula = "C(year) + (1 | provider)"\n', "no likelihood of intervals with random terms"),
    ],
)
def test_a_model_that_cannot_carry_intervals_is_refused(tmp_path: Path, model: str, said: str) -> None:
    published(tmp_path, ("seclusion",))
    coarse = '[panel]\nrounded_to = 5\nsuppressed = { "<5" = [0, 4] }\n'
    assert said in refusal(tmp_path, coarse + model + COMPARE)


def test_counts_that_are_not_what_the_file_says_are_refused(tmp_path: Path) -> None:
    published(tmp_path)
    assert "bij suppressed en rounded_to onder [panel]" in refusal(tmp_path, INTERVALS + COMPARE)
    wrong = '[panel]\nrounded_to = 4\nsuppressed = { "<5" = [0, 4] }\n'
    assert "rounded_to=4" in refusal(tmp_path, wrong + INTERVALS + COMPARE)
    register = tmp_path / "register"
    register.mkdir()
    good_register(register)
    assert "there is no table panel" in refusal(register, "[panel]\nrounded_to = 5\n")
