"""Totals, shares and rates where counts are intervals: the least and the most, checked by hand; never a middle."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.change.comparison import Question, compare_form
from dwangstats.change.possible import possible_coverage, possible_rates, possible_share, possible_total
from dwangstats.change.selection import selection_coverage
from dwangstats.change.trends import registered_rates
from dwangstats.errors import DataError

NAMES: dict[str, Any] = {"provider": "who", "period": "when", "exposure": "days", "events": "n"}
HIDDEN: dict[str, Any] = {"suppressed": {"<5": (0, 4), "50+": (50, np.inf)}}


def panel(counts: list[Any], **said: Any) -> dw.Panel:
    """Providers a, b and c in 2021 and 2022, with 1,000 bed-days each."""
    rows = pd.DataFrame({"who": list("abcabc"), "when": ["2021"] * 3 + ["2022"] * 3, "n": counts, "days": 1000.0})
    return dw.Panel.from_frame(rows, **NAMES, **said)


def test_totals_are_the_sums_of_the_bounds() -> None:
    assert possible_total(panel(["<5", "7", "<5", "8", "9", "<5"], **HIDDEN).observed) == (24.0, 36.0)
    assert possible_total(panel([1, 7, 2, 8, 9, 3]).observed) == (30.0, 30.0)
    assert possible_total(panel(["<5", "7", "<5", "8", "9", "50+"], **HIDDEN).observed) == (74.0, np.inf)


def test_rates_are_a_range_and_an_exact_period_keeps_its_interval() -> None:
    made = panel(["<5", "7", "<5", "8", "9", "10"], **HIDDEN)
    first, second = possible_rates(made).to_dict("records")
    assert (first["events_lowest"], first["events_highest"]) == (7.0, 15.0)
    assert (first["rate_lowest"], first["rate_highest"]) == (pytest.approx(7 / 3), pytest.approx(5.0))
    assert all(np.isnan(first[name]) for name in ("events", "rate", "lower", "upper"))
    exact = registered_rates(panel([1, 7, 2, 8, 9, 10])).iloc[1]
    assert all(second[name] == pytest.approx(exact[name]) for name in ("events", "rate", "lower", "upper"))
    assert second["rate_lowest"] == second["rate_highest"] == exact["rate"]


def test_a_share_is_least_where_the_others_are_most() -> None:
    made = panel(["<5", "7", "<5", "8", "9", "10"], **HIDDEN)
    row = possible_coverage(made, ["a"]).set_index("quantity").loc["registrations"]
    # a: 0 to 4 and 8; b and c: 7, 0 to 4, 9 and 10.
    assert (row["kept_lowest"], row["kept_highest"]) == (8.0, 12.0)
    assert (row["total_lowest"], row["total_highest"]) == (34.0, 42.0)
    assert row["share_lowest"] == pytest.approx(8 / 38)
    assert row["share_highest"] == pytest.approx(12 / 38)
    assert np.isnan(row["share"])
    everyone = possible_coverage(made, ["a", "b", "c"]).set_index("quantity")
    assert everyone["share"].tolist() == [1.0, 1.0, 1.0]


def test_the_share_of_every_possible_count_lies_in_its_range() -> None:
    row = possible_coverage(panel(["<5", "7", "<5", "8", "9", "10"], **HIDDEN), ["a"]).iloc[2]
    for a in range(5):
        for c in range(5):
            share = selection_coverage(panel([a, 7, c, 8, 9, 10]), ["a"]).iloc[2]["share"]
            assert row["share_lowest"] <= share <= row["share_highest"]


def test_without_intervals_nothing_is_added() -> None:
    made = panel([1, 7, 2, 8, 9, 10])
    pd.testing.assert_frame_equal(possible_rates(made), registered_rates(made))
    pd.testing.assert_frame_equal(possible_coverage(made, ["a"]), selection_coverage(made, ["a"]))
    with pytest.raises(DataError, match="not in the panel"):
        possible_coverage(panel(["<5", "7", "<5", "8", "9", "10"], **HIDDEN), ["z"])


def rounded(n: int = 40) -> dw.Panel:
    """Overdispersed counts of many providers over two years, rounded to fives and hidden below five."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"who": [f"p{i // 4}" for i in range(4 * n)], "days": 900.0 + 10.0 * np.arange(4 * n)})
    rows["when"] = ["2021-H1", "2021-H2", "2022-H1", "2022-H2"] * n
    counts = rng.negative_binomial(3, 3 / (3 + 12.0 * np.where(rows["when"].str.startswith("2022"), 1.3, 1.0)))
    rows["n"] = ["<5" if k < 5 else str(5 * int(k / 5 + 0.5)) for k in counts]
    return dw.Panel.from_frame(rows, **NAMES, rounded_to=5, suppressed={"<5": (0, 4)})


def test_a_comparison_is_the_rate_model_of_the_intervals() -> None:
    made = rounded()
    question = Question("year", 2021, 2022, "C(year)", family="nb2", covariance="CR1")
    compared = compare_form(made, question, "seclusion", "complete")
    fit = dw.RateModel("C(year)", made, family="nb2").fit().robust("CR1", cluster="provider")
    estimate = dw.rate_ratio(fit, "year", before=2021, after=2022)
    row = compared.ratios.set_index("covariance").loc["CR1"]
    for name in ("estimate", "lower", "upper"):
        assert row[name] == pytest.approx(getattr(estimate, name), abs=1e-12)
    assert set(compared.ratios["family"]) == {"nb2"}
    assert set(compared.ratios["covariance"]) == {"CR1", "model"}
    assert compared.ratios["headline"].sum() == 1
    rows = made.observed
    before = rows[rows["year"] == 2021]
    assert row["events_before_lowest"] == before["lower"].sum()
    assert row["events_before_highest"] == before["upper"].sum()
    assert np.isnan(row["events_before"])
    assert np.isnan(row["count_ratio"])


@pytest.mark.parametrize(
    ("family", "covariance", "said"),
    [
        ("poisson", "CR1", "family = 'poisson' moves the ratio"),
        ("nb2", "CR2", "covariance = 'CR2' needs exact counts"),
        ("poisson", "CR2", "and covariance = 'CR2'"),
    ],
)
def test_what_does_not_hold_for_intervals_is_refused_and_not_replaced(family: Any, covariance: Any, said: str) -> None:
    question = Question("year", 2021, 2022, "C(year)", family=family, covariance=covariance)
    with pytest.raises(DataError, match="160 of 160 delivered counts") as caught:
        compare_form(rounded(), question, "seclusion", "complete")
    assert said in str(caught.value)
    assert "family = 'nb2'" in str(caught.value)


@pytest.mark.parametrize(
    ("kept", "rest", "share"),
    [
        ((0.0, 0.0), (0.0, 4.0), (0.0, 0.0)),
        ((0.0, 0.0), (0.0, 0.0), (math.nan, math.nan)),
        ((0.0, 4.0), (0.0, 0.0), (1.0, 1.0)),
        ((2.0, 4.0), (4.0, 6.0), (0.25, 0.5)),
        ((2.0, math.inf), (3.0, 3.0), (0.4, 1.0)),
        ((2.0, 2.0), (3.0, math.inf), (0.0, 0.4)),
    ],
)
def test_a_share_is_the_least_and_the_most_over_all_totals_above_zero(kept, rest, share):
    assert possible_share(kept, rest) == pytest.approx(share, nan_ok=True)


def test_a_share_of_small_counts_by_trying_all_of_them():
    for kept, rest in itertools.product(itertools.combinations_with_replacement(range(4), 2), repeat=2):
        shares = [a / (a + b) for a in range(kept[0], kept[1] + 1) for b in range(rest[0], rest[1] + 1) if a + b > 0]
        expected = (min(shares), max(shares)) if shares else (math.nan, math.nan)
        assert possible_share(kept, rest) == pytest.approx(expected, nan_ok=True)
