"""The sentences on registration and real change, and what is undecided."""

import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from dwangstats.present.adjusted_tables import adjusted_tables
from dwangstats.present.answer import answer, settling
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import plain
from dwangstats.present.report import to_html

Maker = Callable[..., ReportContents]


@pytest.mark.parametrize(("language", "expected"), [("en", "wholly undecided"), ("nl", "geheel onbeslist")])
def test_without_evidence_all_of_the_change_is_undecided(make_contents: Maker, language: str, expected: str) -> None:
    assert expected in answer(make_contents(language))


def test_with_evidence_the_parts_the_certain_and_the_undecided_are_said(make_contents: Maker) -> None:
    text = plain(answer(make_contents("en", evidence=True)))
    assert "Of the difference of +3,000 registrations an estimated +1,900 (+1,200 to +2,600) came about because" in text
    assert "+900 (\N{MINUS SIGN}150 to +1,800)" in text
    # 1,200.4 is rounded down: what is certain is never printed larger than it is.
    assert "With 95% confidence +1,200 or more of it is registration; that a part is real is not certain" in text
    # What is left open: 1,900 - 1,200.4 of registration and all 900 of real change.
    assert "of about 1,600 nobody can say which of the two it is" in text
    assert "This division rests on an audit of 1,000 events." in text
    assert "Completeness was an estimated 71% (67% to 75%) in 2021 and 85% (81% to 89%) in 2023." in text
    assert "In 2023 an estimated 1,600 events (1,200 to 2,100) went unregistered beside the 9,000" in text
    assert "practically the same" not in text
    assert "9% higher" in text
    assert "cannot be told from chance" in text


def test_the_division_comes_before_anything_else_but_the_rise_itself(make_contents: Maker) -> None:
    text = plain(answer(make_contents("en", evidence=True)))
    order = [
        text.index(part) for part in ("per occupied bed-day was", "Of the difference", "This division", "This concerns")
    ]
    assert order == sorted(order)
    assert "The intervals become narrower with a larger audit" in settling(make_contents("en", evidence=True))
    assert "larger audit" not in settling(make_contents("en"))


def test_the_rest_is_the_sum_of_the_other_parts(make_contents: Maker) -> None:
    text = plain(answer(make_contents("nl", evidence=True)))
    assert "en +200 door de bezette beddagen, de samenstelling en wat het model niet verklaart" in text


def test_a_fall_is_said_with_its_sign(make_contents: Maker) -> None:
    contents = make_contents("en", evidence=True)
    turned = contents.decomposition.copy()
    turned[["estimate", "lower", "upper"]] = -turned[["estimate", "upper", "lower"]].to_numpy()
    text = plain(answer(replace(contents, decomposition=turned)))
    assert "\N{MINUS SIGN}1,200 or less of it is registration" in text


def test_an_assumption_is_called_an_assumption(make_contents: Maker) -> None:
    contents = make_contents("en", evidence=True)
    frame = contents.adjusted.assign(change_verdict="prior-driven", evidence="a prior on completeness")
    text = plain(answer(replace(contents, adjusted=frame)))
    assert "This rests mainly on an assumption, not on observation: a prior on completeness." in text


def test_a_failed_check_is_in_the_answer(make_contents: Maker) -> None:
    contents = make_contents("nl", evidence=True)
    unknown = contents.evidence_checks.assign(passed=None)
    assert "Let op" not in answer(replace(contents, evidence_checks=unknown))
    checks = contents.evidence_checks.assign(passed=False)
    assert "**Let op:** 1 controle op dit bewijs is niet in orde" in answer(replace(contents, evidence_checks=checks))


def test_refused_evidence_says_why_and_keeps_the_bounds(make_contents: Maker) -> None:
    contents = make_contents("en", evidence=True)
    frame = contents.adjusted.assign(estimate=float("nan"), lower=float("nan"), upper=float("nan"), refusal="too few.")
    text = plain(answer(replace(contents, adjusted=frame, decomposition=pd.DataFrame())))
    assert "cannot tell registration from real change: too few." in text
    assert "The rise can come from better registration alone only if" in text


@pytest.mark.parametrize("language", ["nl", "en"])
def test_tables_and_page_show_it_in_both_languages(make_contents: Maker, language: str) -> None:
    contents = make_contents(language, evidence=True)
    tables = {table.name: table for table in adjusted_tables(contents)}
    assert list(tables) == [
        "adjusted", "decomposition", "completeness", "unregistered", "ledger", "evidence_checks",
    ]  # fmt: skip
    parts = [row.cells[0].text for row in tables["decomposition"].rows[1:8]]
    assert len(set(parts)) == 7
    assert not any(re.search(r"[{}]|: mix$|: entry", part) for part in parts)
    page = to_html(contents, [])
    assert tables["decomposition"].caption in page
    assert adjusted_tables(make_contents(language)) == []
