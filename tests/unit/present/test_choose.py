from collections.abc import Callable

import pandas as pd

from dwangstats.present import choose
from dwangstats.present.contents import ReportContents

Maker = Callable[..., ReportContents]


def test_forms_have_a_fixed_order_and_unknown_ones_come_last() -> None:
    assert choose.forms_in_order(["zelf bedacht", "medication", "seclusion", "all", "medication"]) == [
        "all",
        "seclusion",
        "medication",
        "zelf bedacht",
    ]


def test_the_selection_that_was_asked_for_wins(make_contents: Maker) -> None:
    contents = make_contents()
    both = contents.ratios.assign(
        headline=contents.ratios["family"].eq("poisson") & contents.ratios["covariance"].eq("CR2")
    )
    asked = {**contents.question, "selection": "delivered"}
    chosen = choose.headline_ratios(make_contents(ratios=both, question=asked))
    assert list(chosen)[:2] == ["all", "seclusion"]
    assert {row["selection"] for row in chosen.values()} == {"delivered"}


def test_rows_like_the_headline_are_one_per_form_and_selection(make_contents: Maker) -> None:
    contents = make_contents()
    chosen = choose.like_headline(contents)
    assert len(chosen) == 7 * 2
    assert set(chosen["family"]) == {"poisson"}
    assert set(chosen["covariance"]) == {"CR2"}


def test_nothing_is_chosen_from_nothing(make_contents: Maker) -> None:
    contents = make_contents(ratios=pd.DataFrame(), bounds=pd.DataFrame(), tipping=pd.DataFrame())
    assert choose.headline_ratios(contents) == {}
    assert choose.like_headline(contents).empty
    assert choose.bounds_row(contents, "all") is None
    assert choose.tipping_row(contents, "all") is None
    assert choose.headline_selection(contents) == "complete"


def test_the_bounds_of_the_analysis_file_are_quoted(make_contents: Maker) -> None:
    contents = make_contents()
    wider = contents.bounds.assign(completeness_low=0.5)
    row = choose.bounds_row(make_contents(bounds=pd.concat([wider, contents.bounds])), "all")
    assert row is not None
    assert row["completeness_low"] == 0.7


def test_no_tipping_point_where_nothing_changed() -> None:
    row = {"direction": "none", "completeness_before": float("nan"), "rate_ratio": 1.0}
    assert choose.tipping_value(row) is None
    assert choose.tipping_value({**row, "direction": "fall", "rate_ratio": 0.4}) == 0.4


def test_silence_comes_before_questions_and_those_before_the_rest() -> None:
    table = pd.DataFrame(
        {
            "provider": ["a", "b", "c", "d", "e", "f"],
            "pattern": ["complete", "partial", "silent", "zero", "complete", "joiner"],
            "silent": [0, 0, 6, 0, 0, 2],
            "declared_unlikely": [0, 0, 0, 0, 2, 0],
            "with_registrations": [6, 3, 0, 0, 4, 4],
        }
    )
    assert choose.telling_providers(table, 10)["provider"].tolist() == ["c", "f", "e", "d", "b", "a"]
    assert choose.telling_providers(table, 2)["provider"].tolist() == ["c", "f"]
