"""What was counted, in words: the date, interventions, and counts that are not exact; in both languages."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dwangstats.present.answer import answer
from dwangstats.present.contents import ReportContents
from dwangstats.present.counting_words import counting_facts, counting_paragraphs, counting_sentences, known_text
from dwangstats.present.figures.rates import rates, rates_alt, rates_by_form
from dwangstats.present.illustrations import illustrations
from dwangstats.present.labels import Labels, catalogue
from dwangstats.present.report import to_html
from dwangstats.present.tables import display_tables

KNOWN = {"nl": "zoals bekend op 8 oktober 2024", "en": "as known on 8 October 2024"}
INTERVALS = {
    "counts": 34,
    "of": 160,
    "rounded_to": 10,
    "ties": "even",
    "suppressed": {"<5": [0, 4], "90+": [90, "inf"]},
}


def asking(contents: ReportContents, **question: object) -> ReportContents:
    return replace(contents, question={**contents.question, **question})


def unsure(contents: ReportContents) -> ReportContents:
    """The contents with every count, rate and share a range."""
    frames = {}
    for name, columns in (
        ("rates", ("events", "rate")),
        ("ratios", ("events_before", "events_after")),
        ("coverage", ("kept", "total", "share")),
    ):
        frame = getattr(contents, name)
        ends = {f"{c}_lowest": 0.9 * frame[c] for c in columns} | {f"{c}_highest": 1.1 * frame[c] for c in columns}
        frames[name] = frame.assign(**dict.fromkeys(columns, np.nan), **ends)
    frames["rates"] = frames["rates"].assign(lower=np.nan, upper=np.nan)
    frames["ratios"] = frames["ratios"].assign(count_ratio=np.nan)
    return asking(replace(contents, **frames), intervals=INTERVALS)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_date_is_said_everywhere(make_contents, language) -> None:
    contents = asking(make_contents(language), as_of="2024-10-08")
    labels = Labels(language)
    assert known_text(contents, labels) == KNOWN[language]
    page = to_html(contents, [])
    assert re.search(rf'<p class="subtitle">[^<]* · {KNOWN[language]}</p>', page)
    assert f"<dd>{KNOWN[language]}</dd>" in page
    assert KNOWN[language] in answer(contents)
    assert "{" not in " ".join(counting_paragraphs(contents, labels, "x", compared=True))


def test_a_moment_has_its_time() -> None:
    assert Labels("nl").date_long("2024-10-08T09:30:00") == "8 oktober 2024, 09:30 uur"
    assert Labels("en").date_long("2024-10-08T09:30:00") == "8 October 2024, 09:30"


def test_without_anything_special_nothing_is_said(make_contents) -> None:
    contents, labels = make_contents("en"), Labels("en")
    assert counting_sentences(contents, labels) == []
    assert counting_facts(contents, labels) == []
    assert counting_paragraphs(contents, labels, "bed-days", compared=True) == []
    assert contents.counted == "registrations"


@pytest.mark.parametrize(("language", "wrong"), [("nl", r"\bregistraties\b"), ("en", r"\bregistrations\b")])
def test_interventions_are_nowhere_called_registrations(make_contents, language, wrong) -> None:
    contents = asking(make_contents(language, evidence=True), gap_hours=24.0)
    assert contents.counted == "interventions"
    # What is left says of which registrations an intervention is made, or what was set aside of the input.
    of_rule = " ".join(counting_sentences(contents, Labels(language, "interventions")))
    text = answer(contents).replace(of_rule, "")
    assert not re.search(wrong, text, flags=re.IGNORECASE), text
    for table in display_tables(contents):
        if table.name == "set_aside":
            continue
        shown = [table.caption, *(column.head for column in table.columns)]
        shown += [cell.text for row in table.rows for cell in row.cells]
        assert not re.search(wrong, " ".join(shown), flags=re.IGNORECASE), table.name
    for shown in illustrations(contents):
        assert not re.search(wrong, f"{shown.caption} {shown.alt}", flags=re.IGNORECASE)


def test_the_axis_says_what_is_counted(make_contents) -> None:
    frame = make_contents("nl").rates
    assert rates(frame, "nl", counted="interventions").get_ylabel() == "interventies per 1.000 bezette beddagen"
    assert rates(frame, "nl").get_ylabel() == "registraties per 1.000 bezette beddagen"
    label = rates_by_form(frame, "en", counted="interventions").get_supylabel().replace("\n", " ")
    assert label == "interventions per 1,000 occupied bed-days"


def test_words_for_interventions_have_the_places_of_those_they_replace() -> None:
    replaced = [key for key in catalogue() if key.startswith("interventions.")]
    assert replaced
    for key in replaced:
        original = catalogue()[key.removeprefix("interventions.")]
        for language in ("nl", "en"):
            wanted = set(re.findall(r"{\w+}", original[language]))
            assert set(re.findall(r"{\w+}", catalogue()[key][language])) == wanted, key


def test_every_text_on_registrations_has_one_on_interventions_or_is_about_the_input() -> None:
    about_input = {
        "quantity.registrations",
        "table_name.registrations",
        "table_name.panel",
        "methods.bounds",
        "reported.registrations",
        "column.silent_periods",
        "column.expected_registrations",
    }
    for key, entry in catalogue().items():
        if key.startswith(("interventions.", "counting.", "silence.", "settle.")) or key in about_input:
            continue
        if re.search(r"\bregistraties\b", entry["nl"]) and not key.startswith(("caption.patterns", "table.silence")):
            assert f"interventions.{key}" in catalogue(), key


@pytest.mark.parametrize("language", ["nl", "en"])
def test_how_counts_were_made_coarse_and_used(make_contents, language) -> None:
    contents, labels = unsure(make_contents(language)), Labels(language)
    (paragraph,) = counting_paragraphs(contents, labels, "x", compared=True)
    words = {
        "nl": ["34 van de 160", "veelvouden van 10, precies halverwege naar het even veelvoud", "‘<5’ staat voor 0 tot "
               "en met 4", "‘90+’ staat voor 90 of meer", "met de kans dat het binnen die grenzen ligt"],
        "en": ["34 of 160", "multiples of 10, exactly halfway to the even multiple", "‘<5’ stands for 0 to 4",
               "‘90+’ stands for 90 or more", "as the probability that it lies within those bounds"],
    }  # fmt: skip
    assert all(word in paragraph for word in words[language]), paragraph
    assert counting_paragraphs(contents, labels, "x", compared=False)[0] != paragraph
    assert len(counting_sentences(contents, labels)) == 1


def test_no_number_that_is_not_certain_is_printed_as_one(make_contents) -> None:
    exact, contents = make_contents("en"), unsure(make_contents("en"))
    text = answer(contents)
    row = exact.ratios[exact.ratios["headline"]].iloc[0]
    labels = Labels("en")
    low, high = (labels.count(share * row["events_after"]) for share in (0.9, 1.1))
    assert f"in counts: {low} to {high} registrations against" in text
    tables = {table.caption.split(" (")[0].split(",")[0]: table for table in display_tables(contents)}
    caution = labels.text("table.possible")
    ranged = [table for table in tables.values() if caution in table.caption]
    assert {table.name for table in ranged} == {"ratios", "rates", "coverage"}
    for table in ranged:
        if table.name != "ratios":
            numbers = [cell.text for line in table.rows for cell in line.cells[1:] if cell.text != "–"]
            in_ranges = [text for text in numbers if " to " in text]
            assert len(in_ranges) >= 0.8 * len(numbers)
    (shown,) = [figure for figure in illustrations(contents) if figure.name == "rates"]
    assert "no confidence interval" in shown.caption
    assert "95% confidence interval" not in shown.caption


def test_a_set_aside_interval_is_at_least_so_many(make_contents) -> None:
    contents = unsure(make_contents("nl"))
    (table,) = [table for table in display_tables(contents) if table.name == "set_aside"]
    counts = {(row.cells[0].text, row.cells[2].text) for row in table.rows}
    assert all(text.startswith("minstens ") == (what == "Registraties") for what, text in counts)


def test_a_range_is_drawn_as_a_bar_and_no_upper_end_stays_on_the_page(make_contents) -> None:
    frame = unsure(make_contents("en")).rates
    frame.loc[frame.index[0], "rate_highest"] = np.inf
    one = frame[frame["form"] == frame["form"].iloc[0]]
    axes = rates(one, "en", form=str(one["form"].iloc[0]))
    bars = [segment for lines in axes.collections for segment in lines.get_segments() if len(segment)]
    ends = np.array([segment for segment in bars if np.isfinite(segment).all()])[:, :, 1]
    assert np.isfinite(axes.get_ylim()).all()
    assert ends.shape[0] == len(one)
    assert (ends[:, 1] <= axes.get_ylim()[1]).all()
    assert "to" in rates_alt(frame, "en")
    assert Labels("nl").possible(3.0, np.inf, Labels("nl").count) == "minstens 3"
    assert Labels("nl").possible(3.0, 3.0, Labels("nl").count) == "3"
