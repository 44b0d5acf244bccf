"""The registered change between two periods, under every family and covariance."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import dwangstats as dw
from dwangstats.change.comparison import Question, compare_form

YEARS = Question("year", 2021, 2022, "C(year)")


def panel_of(counts: dict[str, tuple[int, int, int, int]], days: float = 1000.0) -> dw.Panel:
    periods = ["2021-H1", "2021-H2", "2022-H1", "2022-H2"]
    rows = [(p, t, n, days) for p, events in counts.items() for t, n in zip(periods, events, strict=True)]
    frame = pd.DataFrame(rows, columns=["provider", "period", "events", "bed_days"])
    return dw.Panel.from_frame(frame, provider="provider", period="period", events="events", exposure="bed_days")


SPREAD = {"a": (10, 12, 19, 20), "b": (30, 25, 28, 27), "c": (5, 9, 14, 3), "d": (20, 18, 31, 35), "e": (8, 7, 9, 9)}


def headline(panel: dw.Panel, question: Question = YEARS) -> pd.Series:
    ratios = compare_form(panel, question, "seclusion", "delivered").ratios
    return ratios[ratios["headline"]].squeeze()


def test_headline_is_the_ratio_of_pooled_rates_with_the_clustered_interval() -> None:
    row = headline(panel_of(SPREAD))
    before, after = (sum(sum(n[i : i + 2]) for n in SPREAD.values()) for i in (0, 2))
    assert_allclose(row["estimate"], after / before, rtol=1e-10)
    assert (row["family"], row["covariance"]) == ("poisson", "CR2")
    assert (row["events_before"], row["events_after"]) == (before, after)
    assert row["bed_days_before"] == row["bed_days_after"] == 10_000.0
    assert 1.0 < row["degrees_of_freedom"] < 5.0


def test_every_family_and_covariance_has_its_row() -> None:
    ratios = compare_form(panel_of(SPREAD), YEARS, "seclusion", "delivered").ratios
    assert set(zip(ratios["family"], ratios["covariance"], strict=True)) == {
        *((family, kind) for family in ("poisson", "nb2") for kind in ("CR2", "CR1", "model")),
        ("nb2_provider", "CR1"),
        ("nb2_provider", "model"),
    }
    assert ratios["headline"].sum() == 1


def test_providers_in_exact_step_do_not_give_an_interval_without_width() -> None:
    panel = panel_of(dict.fromkeys("abcd", (1, 1, 2, 2)))
    comparison = compare_form(panel, YEARS, "seclusion", "delivered")
    row = comparison.ratios[comparison.ratios["headline"]].squeeze()
    assert row["covariance"] == "model"
    assert row["lower"] < 1.0
    assert row["upper"] > 2.0
    assert any("exact step" in refusal.reason for refusal in comparison.refusals)


def test_a_clustered_interval_narrower_than_chance_is_not_the_headline() -> None:
    panel = panel_of({"a": (9, 9, 12, 11), "b": (18, 18, 23, 24), "c": (27, 27, 35, 34), "d": (36, 36, 45, 47)})
    comparison = compare_form(panel, YEARS, "seclusion", "delivered")
    ratios = comparison.ratios[comparison.ratios["family"] == "poisson"].set_index("covariance")
    assert np.log(ratios.loc["CR2", "upper"] / ratios.loc["CR2", "lower"]) < np.log(
        ratios.loc["model", "upper"] / ratios.loc["model", "lower"]
    )
    assert ratios.loc["model", "headline"]
    assert any("varies less than chance" in refusal.reason for refusal in comparison.refusals)


@pytest.mark.parametrize("formula", ["C(year) + time", "C(year) + I(time - 2021)", "year + C(period)"])
def test_two_columns_of_time_are_refused(formula: str) -> None:
    with pytest.raises(dw.DomainError, match="move together"):
        compare_form(panel_of(SPREAD), Question("year", 2021, 2022, formula), "seclusion", "delivered")


def test_a_time_between_two_rows_counts_its_calendar_year() -> None:
    question = Question("time", 2021.5, 2022.5, "time")
    row = headline(panel_of(SPREAD), question)
    assert row["events_before"] == sum(sum(n[:2]) for n in SPREAD.values())


def test_provider_effects_are_those_of_the_mixed_model() -> None:
    panel = panel_of(SPREAD)
    comparison = compare_form(panel, YEARS, "seclusion", "delivered")
    ratios = comparison.ratios.set_index(["family", "covariance"])
    fit = dw.RateModel("C(year) + (1 | provider)", panel, family="nb2").fit()
    expected = dw.rate_ratio(fit.robust("CR1", cluster="provider"), "year", before=2021, after=2022)
    assert_allclose(
        ratios.loc[("nb2_provider", "CR1"), ["estimate", "lower", "upper"]].astype(float),
        [expected.estimate, expected.lower, expected.upper],
        rtol=1e-10,
    )
    statistics = comparison.fit_statistics.set_index("family")
    assert statistics.loc["nb2_provider", "provider_sd"] == fit.random_sd["provider"] > 0.0
    assert np.isnan(statistics.loc["poisson", "provider_sd"])


def test_a_form_without_events_is_refused_with_its_reason() -> None:
    comparison = compare_form(panel_of(dict.fromkeys("abc", (0, 0, 0, 0))), YEARS, "restraint", "delivered")
    assert comparison.ratios.empty
    assert {refusal.family for refusal in comparison.refusals} == {"poisson", "nb2"}
    assert all("0" in refusal.reason for refusal in comparison.refusals)


def test_one_provider_gets_the_interval_of_the_model() -> None:
    comparison = compare_form(panel_of({"a": (10, 12, 19, 20)}), YEARS, "seclusion", "delivered")
    row = comparison.ratios[comparison.ratios["headline"]].squeeze()
    assert row["covariance"] == "model"
    assert set(comparison.ratios["covariance"]) == {"model"}


def test_a_year_that_was_not_observed_is_the_question_s_fault() -> None:
    with pytest.raises(dw.DomainError, match="2032"):
        compare_form(panel_of(SPREAD), Question("year", 2021, 2032, "C(year)"), "seclusion", "delivered")


def test_a_year_of_which_only_one_half_is_there_is_not_compared() -> None:
    rows = [(p, t, n, 1000.0) for p in "abcdefgh" for t, n in (("2021-H1", 10), ("2021-H2", 20), ("2022-H1", 10))]
    frame = pd.DataFrame(rows, columns=["provider", "period", "events", "bed_days"])
    panel = dw.Panel.from_frame(frame, provider="provider", period="period", events="events", exposure="bed_days")
    with pytest.raises(dw.DomainError, match="2022 lacks H2"):
        compare_form(panel, YEARS, "seclusion", "delivered")
    halves = Question("period", "2021-H1", "2022-H1", "C(period)")
    assert_allclose(headline(panel, halves)["estimate"], 1.0, rtol=1e-10)


def test_registration_quality_enters_within_and_between_providers() -> None:
    panel = panel_of(SPREAD)
    rng = np.random.default_rng(3)
    frame = panel.frame.assign(score=rng.normal(size=len(panel.frame)))
    scored = dw.Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="bed_days", covariates=["score"]
    )
    question = Question("year", 2021, 2022, "C(year)", quality=("score",))
    comparison = compare_form(scored, question, "seclusion", "delivered")
    names = set(comparison.fits["nb2_provider"].params.index)
    assert {"within(score, provider)", "between(score, provider)"} <= names
    assert "within(score, provider)" not in set(comparison.fits["poisson"].params.index)


def test_a_dummy_for_each_provider_gives_way_to_a_random_level() -> None:
    comparison = compare_form(
        panel_of(SPREAD), Question("year", 2021, 2022, "C(year) + C(provider)"), "all", "delivered"
    )
    assert list(comparison.fits["nb2_provider"].params.index) == ["Intercept", "C(year)[T.2022]"]


def test_a_coefficient_of_one_cluster_has_no_standard_error() -> None:
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        [(p, y, 1000.0) for p in "abcdef" for y in (2021, 2022, 2023)], columns=["provider", "period", "bed_days"]
    ).assign(events=lambda f: rng.poisson(20, len(f)).astype(float), period=lambda f: f["period"].astype("str"))
    panel = dw.Panel.from_frame(rows, provider="provider", period="period", events="events", exposure="bed_days")
    question = Question("year", 2021, 2023, formula="C(year) + C(provider)", family="poisson", covariance="CR1")
    found = compare_form(panel, question, panel.forms[0], "delivered").coefficients
    cr1 = found[(found["family"] == "poisson") & (found["covariance"] == "CR1")].set_index("name")
    own = cr1.index.str.contains("provider")
    assert own.sum() == 5
    assert cr1.loc[own, "standard_error"].isna().all()
    assert cr1.loc[cr1.index.str.contains("year"), "standard_error"].notna().all()
    model = found[(found["family"] == "poisson") & (found["covariance"] == "model")]
    assert model["standard_error"].notna().all()
