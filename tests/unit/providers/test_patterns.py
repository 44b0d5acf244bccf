"""Reporting patterns from panel to table."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import dwangstats as dw
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError, DomainError, FitError, FormulaError
from dwangstats.models.mixed import MixedResult
from dwangstats.providers.integral import EffectModel, ProviderRows, log_integrals
from dwangstats.providers.patterns import PATTERNS, ReportingPatterns, reporting_patterns
from dwangstats.providers.stretches import log_weight, total_weight
from unit.providers.reporters import HALF_YEARS, make_panel, normal_counts

RATE = "events ~ 1 + (1 | provider)"


def planted() -> np.ndarray:
    """Twenty providers: 0 joins, 1 leaves, 2 flickers, 3 is silent, 4 is small, the others report normally."""
    counts = normal_counts(np.random.default_rng(6), 20) + 3
    counts[2] = [31, 0, 24, 0, 28, 30]
    counts[0, :2], counts[1, 4:], counts[3:5] = 0, 0, 0
    return counts


def days_of_planted() -> np.ndarray:
    days = np.full((20, 6), 1000.0)
    days[4] = 2.0
    return days


@pytest.fixture(scope="module")
def panel() -> Panel:
    delivered = np.ones((20, 6), dtype=bool)
    delivered[5], delivered[6, 1], delivered[0, 5] = False, False, False
    return make_panel(planted(), days_of_planted(), delivered=delivered)


@pytest.fixture(scope="module")
def found(panel: Panel) -> ReportingPatterns:
    return reporting_patterns(panel, RATE, prior_silent=0.08)


def row(found: ReportingPatterns, provider: str) -> dict[str, Any]:
    """The row of a provider in the table."""
    return {str(name): value for name, value in found.table.set_index("provider").loc[provider].items()}


def test_each_provider_gets_its_pattern(found: ReportingPatterns) -> None:
    patterns = found.table["pattern"].tolist()
    assert patterns[:7] == ["joiner", "leaver", "flickering", "silent", "zero", "undelivered", "partial"]
    assert set(patterns[7:]) == {"complete"}
    assert set(found.counts.index) == set(PATTERNS) - {"declared"}
    assert int(found.counts.sum()) == 20


def test_periods_add_up(found: ReportingPatterns, panel: Panel) -> None:
    periods, table = found.periods, found.table
    assert len(periods) == 20 * 6
    by_state = pd.crosstab(periods["provider"], periods["state"])
    assert by_state.sum(axis=1).eq(6).all()
    assert (table["with_registrations"] + table["zero"] == table["delivered"]).all()
    assert table["delivered"].tolist() == panel.frame.groupby("provider")["delivered"].sum().tolist()
    assert table["silent"].tolist() == by_state["silent"].tolist()
    assert table["events"].sum() == panel.observed["events"].sum()
    assert (periods.loc[periods["state"] == "absent", "status"] == "not_delivered").all()


def test_silent_periods_are_named(found: ReportingPatterns) -> None:
    assert [row(found, "p00")[end] for end in ("first_silent", "last_silent")] == ["2021-H1", "2021-H2"]
    assert [row(found, "p01")[end] for end in ("first_silent", "last_silent")] == ["2023-H1", "2023-H2"]
    assert pd.isna(row(found, "p04")["first_silent"])
    quiet = found.periods.query("provider == 'p02' and state == 'silent'")["period"]
    assert quiet.tolist() == ["2021-H2", "2022-H2"]


def test_england_counts_periods_with_registrations(found: ReportingPatterns) -> None:
    complete = found.table.set_index("provider")["complete_by_count"]
    assert not complete[["p00", "p01", "p02", "p03", "p04", "p05", "p06"]].any()
    assert complete.iloc[7:].all()


def test_eleven_of_twelve_months_are_complete() -> None:
    months = [f"2021-{month:02d}" for month in range(1, 13)]
    counts = normal_counts(np.random.default_rng(3), 24).reshape(12, 12) + 5
    frame = pd.DataFrame(
        {"p": np.repeat([f"p{i:02d}" for i in range(12)], 12), "t": months * 12, "y": counts.ravel(), "d": 1000.0}
    )
    frame["in"] = True
    frame.loc[[0, 12, 13], "in"] = False
    frame["y"] = frame["y"].where(frame["in"])
    panel = Panel.from_frame(frame, provider="p", period="t", events="y", exposure="d", delivered="in")
    table = reporting_patterns(panel, RATE).table
    assert table["pattern"].tolist()[:3] == ["complete", "partial", "complete"]
    assert table["complete_by_count"].tolist()[:3] == [True, False, True]


def test_the_probability_is_the_integral_over_the_effect_given_the_other_periods(
    found: ReportingPatterns, panel: Panel
) -> None:
    rates = found.rates
    mean = float(rates.params["Intercept"]) + np.log(1000.0)
    model = EffectModel("nb2", rates.dispersion, rates.random_sd["provider"])
    others = panel.observed.query("provider == 'p00' and events > 0")["events"].to_numpy()
    y = np.concatenate([np.zeros(2), others, others])
    case = np.repeat([0, 1], [2 + others.size, others.size])
    values = log_integrals(ProviderRows(y, np.full(y.size, mean), case, 2), model)
    assert_allclose(row(found, "p00")["log_p_silence"], values[0] - values[1], rtol=1e-10)
    whole = ProviderRows(np.zeros(6), np.full(6, mean), np.zeros(6, dtype=np.intp), 1)
    assert_allclose(row(found, "p03")["log_p_silence"], log_integrals(whole, model)[0], rtol=1e-10)
    at_population = 6.0 * np.exp(mean + 0.5 * model.sd**2)
    assert_allclose(row(found, "p03")["expected"], at_population, rtol=1e-10)


def test_the_rate_model_is_that_of_the_panel_without_silence(found: ReportingPatterns) -> None:
    counts, days = planted(), days_of_planted()
    delivered = np.ones((20, 6), dtype=bool)
    delivered[5], delivered[6, 1], delivered[0, 5] = False, False, False
    delivered[0, :2] = delivered[1, 4:] = delivered[2, [1, 3]] = delivered[3] = False
    by_hand = dw.RateModel(RATE, make_panel(counts, days, delivered=delivered), family="nb2").fit()
    assert isinstance(by_hand, MixedResult)
    # two searches for one maximum
    assert_allclose(found.rates.params, by_hand.params, rtol=1e-6)
    assert_allclose(found.rates.random_sd["provider"], by_hand.random_sd["provider"], rtol=1e-5)


def test_silence_left_in_would_hide_itself(found: ReportingPatterns, panel: Panel) -> None:
    naive = dw.RateModel(RATE, panel, family="nb2").fit()
    assert isinstance(naive, MixedResult)
    assert naive.random_sd["provider"] > 1.5 * found.rates.random_sd["provider"]
    assert naive.dispersion > 2.0 * found.rates.dispersion


def test_odds_follow_from_the_prior_share(found: ReportingPatterns, panel: Panel) -> None:
    # the set of all zeros is nearly the whole sum where no smaller one explains them; its part of the prior is its
    # weight among the weights of all sets
    for name, places, periods in (("p03", range(6), 6), ("p00", (0, 1), 5)):
        share = log_weight(np.array(places), periods) - np.log(total_weight(periods))
        least = np.log(0.08 / 0.92) + share - row(found, name)["log_p_silence"]
        assert least < row(found, name)["log_odds"] < least + 0.05
    small = row(found, "p04")
    # its zeros are nearly as likely without silence, so the odds are nearly those before looking
    assert 0.08 < small["probability_silent"] < 0.12
    assert row(found, "p08")["probability_silent"] == 0.0
    assert pd.isna(row(found, "p05")["probability_silent"])
    assert "log_odds" not in reporting_patterns(panel, RATE).table.columns


def test_stretches_have_their_own_probability(found: ReportingPatterns) -> None:
    periods = found.periods.set_index(["provider", "period"])
    assert_allclose(periods["log_p_silence"]["p00", "2021-H1"], row(found, "p00")["log_p_silence"], rtol=1e-12)
    assert periods.loc[("p07", "2021-H1"), ["log_p_silence"]].isna().all()
    assert periods.loc["p05", "expected"].isna().all()
    zero = periods.loc["p04"]
    assert (zero["p_silence"] == np.exp(zero["log_p_silence"])).all()
    assert zero["state"].eq("zero").all()


def test_poisson_and_a_large_provider() -> None:
    counts = normal_counts(np.random.default_rng(2), 15, mean=40.0, alpha=0.0)
    counts[0] = 0
    counts[1, 3:] = 0
    days = np.full(counts.shape, 1000.0)
    days[0] *= 1e4
    days[1] *= 50
    counts[1, :3] = 2000
    found = reporting_patterns(make_panel(counts, days), RATE, family="poisson")
    assert found.table["pattern"].tolist()[:2] == ["silent", "leaver"]
    assert found.table["log_p_silence"].iloc[1] < -2000.0
    assert found.table["p_silence"].iloc[1] == 0.0
    assert np.isfinite(found.table["log_p_adjusted"]).all()


def test_the_order_of_rows_and_the_names_do_not_matter(found: ReportingPatterns, panel: Panel) -> None:
    names = {name: f"q{99 - number}" for number, name in enumerate(sorted(panel.providers))}
    other = panel.frame.assign(provider=panel.frame["provider"].map(names)).sort_values(["provider", "period"])
    status = panel.delivery_status.assign(provider=panel.delivery_status["provider"].map(names))
    renamed = replace(panel, frame=other.reset_index(drop=True), delivery_status=status)
    again = reporting_patterns(renamed, RATE, prior_silent=0.08).table.set_index("provider")
    before = found.table.assign(provider=found.table["provider"].map(names)).set_index("provider").loc[again.index]
    assert again["pattern"].tolist() == before["pattern"].tolist()
    # sums in another order
    assert_allclose(again["log_p_silence"], before["log_p_silence"], rtol=1e-7)


def test_one_period_is_enough() -> None:
    counts = normal_counts(np.random.default_rng(9), 30, alpha=0.0)[:, :1] + 1
    counts[0] = 0
    days = np.full(counts.shape, 1000.0)
    days[0] = 1e7
    found = reporting_patterns(make_panel(counts, days), family="poisson")
    assert found.rates.formula == "events ~ 1 + (1 | provider)"
    assert row(found, "p00")["pattern"] == "silent"
    assert set(found.table["pattern"].iloc[1:]) == {"complete"}


def test_without_zeros_nobody_is_suspect() -> None:
    counts = normal_counts(np.random.default_rng(12), 12) + 1
    found = reporting_patterns(make_panel(counts), RATE)
    assert found.fits == 1
    assert set(found.table["pattern"]) == {"complete"}
    assert found.table["log_p_silence"].isna().all()
    assert found.table["p_adjusted"].eq(1.0).all()


def test_nothing_to_register_is_an_assumption_that_takes_silence_away(panel: Panel) -> None:
    strict = reporting_patterns(panel, RATE).table.set_index("provider")
    loose = reporting_patterns(panel, RATE, nothing=0.2).table.set_index("provider")
    assert (loose["log_p_silence"].dropna() > strict["log_p_silence"].dropna()).all()
    assert loose["silent"].sum() < strict["silent"].sum()
    # the same fit but for the zeros that are not suspect any more
    assert_allclose(loose["expected"]["p03"], 0.8 * strict["expected"]["p03"], rtol=0.1)


def test_it_says_what_it_found(found: ReportingPatterns, panel: Panel) -> None:
    text = found.summary()
    assert "p03: silent, 2021-H1 to 2023-H2" in text
    assert "certificate converged" in text
    assert "at most 0.05 of the providers named are expected to have reported normally, if each provider's rate" in text
    assert "no period is truly empty" in text
    assert panel.fingerprint in text
    assert found.fingerprint == panel.fingerprint
    assert repr(found).startswith("<ReportingPatterns of 20 providers: 13 complete, 1 partial, 1 joiner")


def test_refusals(panel: Panel) -> None:
    for arguments in (
        {"level": 1.0},
        {"prior_silent": 0.0},
        {"prior_silent": 1.5},
        {"nothing": 1.0},
        {"nothing": -0.1},
    ):
        with pytest.raises(DomainError):
            reporting_patterns(panel, RATE, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="family must be one of poisson, nb2"):
        reporting_patterns(panel, RATE, family="nb1")  # type: ignore[arg-type]
    for formula in ("events ~ 1", "events ~ 1 + (1 + time | provider)", "events ~ 1 + (1 | period)"):
        with pytest.raises(FormulaError, match=r"\(1 \| provider\)"):
            reporting_patterns(panel, formula)


def test_several_forms_are_refused_with_what_to_do(panel: Panel) -> None:
    frame = panel.frame.assign(form="seclusion")
    both = replace(
        panel, frame=pd.concat([frame, frame.assign(form="other")], ignore_index=True), registrations_read=None
    )
    with pytest.raises(DataError, match=r"holds 2: other, seclusion\. Take panel\.for_form\('all'\)"):
        reporting_patterns(both, RATE)


def test_intervals_are_refused(panel: Panel) -> None:
    wide = panel.frame.assign(lower=panel.frame["events"], upper=panel.frame["events"])
    small = wide["events"].eq(0.0)
    wide.loc[small, ["events", "upper"]] = [np.nan, 4.0]
    with pytest.raises(DataError, match="rounded or suppressed"):
        reporting_patterns(replace(panel, frame=wide), RATE)


def test_a_period_in_which_nobody_registered_is_refused() -> None:
    counts = normal_counts(np.random.default_rng(5), 12) + 1
    counts[:, 2] = 0
    with pytest.raises(FitError, match="without any event"):
        reporting_patterns(make_panel(counts))


def test_periods_are_in_order(found: ReportingPatterns) -> None:
    assert found.periods["period"].tolist() == list(HALF_YEARS) * 20
    assert found.table["provider"].is_monotonic_increasing
