"""From patterns to the report: the fields, the finding, the sentence, the section."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dwangstats.data.findings import findings_frame
from dwangstats.present.contents import ReportContents
from dwangstats.present.illustrations import MOST_PROVIDERS, illustrations
from dwangstats.present.labels import Labels
from dwangstats.present.pattern_contents import MOST_NAMES, pattern_contents, pattern_findings
from dwangstats.present.pattern_words import pattern_sentences
from dwangstats.present.report import render
from dwangstats.providers.asked import AskedPatterns, PatternsRefused, ask_patterns
from unit.providers.reporters import make_panel, normal_counts

Maker = Callable[..., ReportContents]
SMALL = {"n_providers": 6, "forms": ("seclusion",), "selections": ("complete",)}


def asked_of(silent: int, providers: int = 30, *, blind: int = 0, **settings: float) -> AskedPatterns:
    counts = normal_counts(np.random.default_rng(8), providers, alpha=0.0) + 1
    days = np.full(counts.shape, 1000.0)
    counts[:silent] = 0
    counts[silent : silent + blind], days[silent : silent + blind] = 0, 2.0
    panel = make_panel(counts, days)
    return ask_patterns(panel, panel.providers[:20], **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def two_silent() -> AskedPatterns:
    return asked_of(2, blind=1)


def with_patterns(make: Maker, asked: AskedPatterns, language: str = "nl") -> ReportContents:
    return replace(make(language, **SMALL), **pattern_contents(asked, language))  # type: ignore[arg-type]


def test_unasked_there_is_nothing(make_contents: Maker) -> None:
    assert pattern_contents(None, "nl") == {}
    assert pattern_findings(None) == []
    assert pattern_sentences(make_contents("nl", **SMALL)) == []


def test_the_frames_are_those_that_were_found(two_silent: AskedPatterns) -> None:
    fields = pattern_contents(two_silent, "en")
    assert two_silent.found is not None
    assert fields["patterns"] is two_silent.found.table
    assert fields["pattern_periods"] is two_silent.found.periods
    assert fields["pattern_summary"] == {**two_silent.summary, "refusal": ""}


def test_silent_providers_of_the_headline_are_a_warning_in_both_languages(two_silent: AskedPatterns) -> None:
    (finding,) = pattern_findings(two_silent)
    assert (finding.rule, finding.severity, finding.count, finding.of) == ("silent-providers", "warning", 2, 20)
    for language, words in {
        "nl": (
            "20 zorgaanbieders",
            "zwijgen er 2 (p00 en p01)",
            "12 perioden",
            "Van 1 zorgaanbieder is niets te zeggen",
        ),
        "en": ("20 providers", "2 are silent (p00 and p01)", "12 periods", "Of 1 provider nothing can be said"),
    }.items():
        assert all(word in finding.message[language] for word in words)  # type: ignore[index]
    assert "Vraag bij elke genoemde zorgaanbieder na" in finding.action["nl"]
    assert "selection without them" in finding.action["en"]


def test_silence_outside_the_headline_is_no_warning(two_silent: AskedPatterns) -> None:
    assert pattern_findings(replace(two_silent, selected=("p10", "p11"))) == []


def test_of_many_silent_providers_the_rest_is_counted() -> None:
    asked = asked_of(MOST_NAMES + 2, 40)
    (finding,) = pattern_findings(asked)
    assert finding.count == MOST_NAMES + 2
    assert "en 2 andere)" in finding.message["nl"]
    assert "and 2 others)" in finding.message["en"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ("Van de 30", "**zwijgen er 2**", "hooguit 5%", "geen enkele periode werkelijk leeg", "Van 1 zorg")),
        ("en", ("Of the 30", "**2 are silent**", "At most 5%".lower(), "no period was truly empty", "Of 1 provider")),
    ],
)
def test_what_was_found_stands_with_its_assumptions(
    make_contents: Maker, two_silent: AskedPatterns, language: str, words: tuple[str, ...]
) -> None:
    sentence, judged = pattern_sentences(with_patterns(make_contents, two_silent, language))
    assert all(word in sentence for word in words)
    assert ("van elke vorm" if language == "nl" else "of every form") in judged


def test_no_silence_is_said_with_the_same_assumptions(make_contents: Maker) -> None:
    sentence, judged = pattern_sentences(with_patterns(make_contents, asked_of(0, nothing=0.02)))
    assert sentence.startswith("**Van geen** van de 30 zorgaanbieders")
    assert "2% van de perioden werkelijk leeg" in sentence
    assert "hooguit" not in sentence
    assert "zweeg niet" in judged


def test_where_nothing_can_be_said_of_anybody_that_is_said(make_contents: Maker) -> None:
    sentence, judged = pattern_sentences(with_patterns(make_contents, asked_of(0, nothing=0.4), "en"))
    assert "**Of none** of the 30 providers" in sentence
    assert "can it be said whether it is silent" in sentence
    assert "40% of the periods" in sentence
    assert "was not silent" in judged


def test_a_prior_is_said_to_be_one(make_contents: Maker) -> None:
    sentences = pattern_sentences(with_patterns(make_contents, asked_of(1, prior_silent=0.08)))
    assert len(sentences) == 3
    assert "dat 8% van de zorgaanbieders ooit zwijgt" in sentences[2]


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (PatternsRefused("nothing_delivered"), {"nl": "geen enkele periode", "en": "no period was delivered"}),
        (PatternsRefused("intervals"), {"nl": "afgerond of onderdrukt", "en": "rounded or suppressed"}),
        (
            PatternsRefused("empty_periods", ("2021-H1", "2022-H1")),
            {"nl": "2021-H1 en 2022-H1", "en": "2021-H1 and 2022"},
        ),
        (PatternsRefused("one_provider"), {"nl": "maar één zorgaanbieder", "en": "only one provider"}),
        (
            PatternsRefused("model", reason="Not certified."),
            {"nl": "in het Engels: Not cert", "en": "reliably. Not cert"},
        ),
    ],
)
def test_a_refusal_is_a_sentence_and_the_report_is_made(
    make_contents: Maker, tmp_path: Path, language: str, refused: PatternsRefused, words: dict[str, str]
) -> None:
    asked = AskedPatterns(("p00",), 0.05, 0.0, None, "nb2", None, refused)
    contents = with_patterns(make_contents, asked, language)
    (sentence,) = pattern_sentences(contents)
    assert words[language] in sentence
    assert pattern_findings(asked) == []
    html = render(contents, tmp_path).read_text(encoding="utf-8")
    section = re.search(r'<section id="patterns".*?</section>', html, flags=re.DOTALL)
    assert section is not None
    assert words[language] in section[0]
    assert "<table" not in section[0]
    assert "<figure" not in section[0]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_section_stands_after_the_figures_with_tables_and_figure(
    make_contents: Maker, two_silent: AskedPatterns, tmp_path: Path, language: str
) -> None:
    labels = Labels(language)  # type: ignore[arg-type]
    html = render(with_patterns(make_contents, two_silent, language), tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)"', html)[2:5] == ["figures", "patterns", "tables"]
    section = re.search(r'<section id="patterns".*?</section>', html, flags=re.DOTALL)
    assert section is not None
    assert labels.text("table.silence") in section[0]
    assert 'id="figure-patterns"' in section[0]
    assert html.count('id="figure-patterns"') == 1
    assert f'<a href="#patterns">{labels.text("page.patterns")}</a>' in html
    numbers = [int(number) for number in re.findall(r'id="caption-(\d+)"', html)]
    assert numbers == list(range(1, len(numbers) + 1))
    word = "Figuur" if language == "nl" else "Figure"
    figures = [int(number) for number in re.findall(rf"<figcaption><strong>{word} (\d+)<", html)]
    assert figures == list(range(1, len(figures) + 1))
    for link in re.findall(r'href="((?:tables|figures)/[^"]+)"', section[0]):
        assert (tmp_path / link).is_file(), link


def test_a_finding_without_a_table_counts_no_rows(
    make_contents: Maker, two_silent: AskedPatterns, tmp_path: Path
) -> None:
    contents = replace(
        with_patterns(make_contents, two_silent), findings=findings_frame(pattern_findings(two_silent), "nl")
    )
    html = render(contents, tmp_path).read_text(encoding="utf-8")
    assert "zwijgen er 2 (p00 en p01)" in html
    assert "2 van 20 rijen" not in html


def test_of_very_many_providers_the_most_telling_are_drawn(make_contents: Maker) -> None:
    asked = asked_of(3, MOST_PROVIDERS + 15)
    contents = with_patterns(make_contents, asked)
    (shown,) = [figure for figure in illustrations(contents) if figure.name == "patterns"]
    assert f"{MOST_PROVIDERS} van de {MOST_PROVIDERS + 15} zorgaanbieders" in shown.caption
    assert f"{MOST_PROVIDERS} zorgaanbieders" in shown.alt
    assert "zwijgt: 3" in shown.alt
