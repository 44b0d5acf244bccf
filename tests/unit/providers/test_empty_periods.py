"""A known share of empty periods is part of the fit, not only of the judgement."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats

import dwangstats as dw
from dwangstats.models.mixed import MixedResult
from dwangstats.providers.empty_periods import EmptyPeriodRates, EmptyPeriodStart, fit_empty_periods
from dwangstats.providers.patterns import ReportingPatterns, reporting_patterns
from dwangstats.providers.search import Search, find_silence
from unit.providers.reporters import make_panel

RATE = "events ~ 1 + (1 | provider)"
BY_PERIOD = "events ~ C(period) + (1 | provider)"
START = EmptyPeriodStart(np.array([-4.0]), 0.5, 0.2)


def counts_with_empty_periods(seed: int, share: float, alpha: float = 0.125, silent: int = 1) -> np.ndarray:
    """Sixty providers, mean 10 a period; 0 leaves, 1 joins and 2 is silent, of 40 a period, and the next ones too."""
    rng = np.random.default_rng(seed)
    mean = 10.0 * np.exp(rng.normal(0.0, 0.9, 60))[:, None] + np.zeros(6)
    mean[:3] = 40.0
    drawn = rng.negative_binomial(1.0 / alpha, 1.0 / (1.0 + alpha * mean))
    counts = drawn * (rng.random((60, 6)) >= share)
    counts[:3] = drawn[:3]
    counts[0, 3:], counts[1, :2], counts[2 : 2 + silent] = 0, 0, 0
    return counts


def searched(seed: int, share: float, nothing: float) -> Search:
    return find_silence(make_panel(counts_with_empty_periods(seed, share)), BY_PERIOD, "nb2", 0.05, nothing)


@pytest.fixture(scope="module")
def found() -> ReportingPatterns:
    return reporting_patterns(make_panel(counts_with_empty_periods(0, 0.25)), BY_PERIOD, nothing=0.25)


@pytest.fixture(scope="module")
def right() -> Search:
    return searched(1, 0.25, 0.25)


def test_the_fit_with_the_right_share_finds_the_truth(found: ReportingPatterns, right: Search) -> None:
    rates = [found.rates, right.rates]
    assert all(isinstance(one, EmptyPeriodRates) and one.certificate.converged for one in rates)
    # each dispersion has a standard error of about 0.02, the mean of two of 0.014
    assert_allclose(np.mean([one.dispersion for one in rates]), 0.125, atol=0.042)
    # 60 providers of an effect of 0.9, and three of log 4: 0.9 with a standard error of 0.09, the mean of two of 0.06
    assert_allclose(np.mean([one.random_sd["provider"] for one in rates]), 0.9, atol=0.15)


def test_a_share_of_empty_periods_that_is_not_said_is_what_the_fit_takes_for_dispersion(
    right: Search,
) -> None:
    assert searched(1, 0.25, 0.0).rates.dispersion > 4.0 * right.rates.dispersion


def test_expected_counts_are_those_of_the_truth_and_not_half_of_them(found: ReportingPatterns) -> None:
    expected = found.table.set_index("provider")["expected"]
    # truth 3 and 2 periods of 40, a quarter empty; three counts with a dispersion of 0.125 tell a mean to about 20 %
    assert_allclose(expected[["p00", "p01"]], [90.0, 60.0], rtol=0.3)
    assert_allclose(found.table["log_p_silence"].iloc[:2], [3 * np.log(0.25), 2 * np.log(0.25)], atol=0.1)


def test_where_the_share_leaves_no_power_it_says_so_and_where_it_does_not_silence_is_found(
    found: ReportingPatterns,
) -> None:
    # six empty periods have a probability of 0.25^6, more than a quarter of 0.05 in 60
    assert not found.table["detectable"].any()
    assert "nothing can be said" in found.summary()
    assert "0.25 of the periods are truly empty" in found.summary()
    some = reporting_patterns(make_panel(counts_with_empty_periods(0, 0.1)), RATE, nothing=0.1)
    assert some.table["detectable"].any()
    assert some.table["pattern"].iloc[2] == "silent"
    assert (some.table["silent"].iloc[3:] == 0).all()


def my_loglik(counts: np.ndarray, rates: EmptyPeriodRates, intercept: float, sd: float, alpha: float) -> float:
    """Marginal log likelihood by 2,001 trapezoids, from scipy's densities."""
    u = np.linspace(-9.0, 9.0, 2001)
    mu = 1000.0 * np.exp(intercept + sd * u)
    y = counts[:, :, None]
    if rates.family == "poisson":
        plain = stats.poisson.logpmf(y, mu)
    else:
        plain = stats.nbinom.logpmf(y, 1.0 / alpha, 1.0 / (1.0 + alpha * mu))
    counted = plain + np.log1p(-rates.nothing)
    mixed = np.where(y == 0, np.logaddexp(np.log(rates.nothing), counted), counted)
    heights = mixed.sum(axis=1) + stats.norm.logpdf(u)
    return float(np.sum(special.logsumexp(heights, axis=1) + np.log(u[1] - u[0])))


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_it_is_the_maximum_of_the_likelihood_by_another_quadrature(family: str) -> None:
    counts = counts_with_empty_periods(4, 0.2, silent=0)[2:42]
    design = dw.RateModel(RATE, make_panel(counts), family=family).design  # type: ignore[arg-type]
    rates = fit_empty_periods(design, family, 0.2, START)  # type: ignore[arg-type]
    assert rates.certificate.converged
    at = np.array([rates.params["Intercept"], rates.random_sd["provider"], rates.dispersion])
    top = my_loglik(counts, rates, *at)
    assert_allclose(rates.loglik, top, rtol=1e-9)
    for place in range(3 if family == "nb2" else 2):
        for factor in (0.98, 1.02):
            moved = at.copy()
            moved[place] *= factor
            assert my_loglik(counts, rates, *moved) < top


def test_without_empty_periods_it_is_the_usual_fit() -> None:
    counts = counts_with_empty_periods(5, 0.0)[3:40]
    model = dw.RateModel(BY_PERIOD, make_panel(counts), family="nb2")
    usual = model.fit()
    assert isinstance(usual, MixedResult)
    ours = fit_empty_periods(model.design, "nb2", 0.0, EmptyPeriodStart(np.r_[-4.0, np.zeros(5)], 0.5, 0.2))
    # adaptive Gauss-Hermite with an error of 1e-7 or so against trapezoids
    assert_allclose(ours.params, usual.params, rtol=1e-4)
    assert_allclose(ours.random_sd["provider"], usual.random_sd["provider"], rtol=1e-4)
    assert_allclose(ours.dispersion, usual.dispersion, rtol=1e-4)
    assert_allclose(ours.loglik, usual.llf, rtol=1e-7)


def test_no_differences_and_no_dispersion_are_ends_of_the_range() -> None:
    counts = np.random.default_rng(3).permuted(np.tile([7, 8, 8, 9, 8, 8], (20, 1)), axis=1)
    design = dw.RateModel(RATE, make_panel(counts), family="nb2").design
    rates = fit_empty_periods(design, "nb2", 0.1, START)
    assert rates.certificate.converged
    assert rates.certificate.boundary == ("sd provider", "dispersion")
    assert_allclose(1000.0 * np.exp(rates.params["Intercept"]), 8.0, rtol=1e-4)
