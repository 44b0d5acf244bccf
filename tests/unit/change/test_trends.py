"""Pooled registered rates and their intervals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import dwangstats as dw
from dwangstats.change.trends import PER, pooled_rate, registered_rates


def test_rate_is_all_events_over_all_exposure() -> None:
    pooled = pooled_rate(np.array([3.0, 9.0, 6.0]), np.array([100.0, 200.0, 300.0]), np.array(["a", "b", "c"]))
    assert pooled.rate == 18 / 600
    assert pooled.lower < pooled.rate < pooled.upper


def test_no_events_gives_the_exact_one_sided_poisson_interval() -> None:
    pooled = pooled_rate(np.zeros(4), np.full(4, 250.0), np.arange(4))
    assert (pooled.rate, pooled.lower) == (0.0, 0.0)
    # P(no event) at the upper end is 5 %, by the definition of the exact interval.
    assert_allclose(stats.poisson.pmf(0, pooled.upper * 1000.0), 0.05, rtol=1e-12)


def test_one_provider_has_no_clustered_interval() -> None:
    pooled = pooled_rate(np.array([3.0, 4.0]), np.array([100.0, 100.0]), np.array(["a", "a"]))
    assert pooled.rate == 7 / 200
    assert np.isnan(pooled.lower)
    assert np.isnan(pooled.upper)


def test_providers_that_agree_exactly_still_leave_chance_in_the_counts() -> None:
    pooled = pooled_rate(np.array([5.0, 5.0, 5.0]), np.full(3, 100.0), np.arange(3))
    # Poisson variance of the log rate is 1 / events; t with G - 1 = 2 degrees of freedom for equal providers.
    half = stats.t.isf(0.025, 2) / np.sqrt(15.0)
    assert_allclose(np.log(pooled.upper / pooled.rate), half, rtol=1e-10)


def test_one_large_provider_widens_the_interval() -> None:
    clusters = np.arange(4)
    equal = pooled_rate(np.array([48.0, 32.0, 48.0, 32.0]), np.full(4, 1000.0), clusters)
    unequal = pooled_rate(
        np.array([940.0, 6.0, 8.0, 4.0]) * 160 / 958, np.array([3700.0, 100.0, 100.0, 100.0]), clusters
    )
    assert np.log(unequal.upper / unequal.rate) > np.log(equal.upper / equal.rate)


@pytest.mark.slow
def test_coverage_with_few_unequal_providers_is_not_far_below_its_level() -> None:
    """Lognormal sizes (sd 1) and rates (sd 0.5), ten providers; measured 0.930, Monte Carlo error 0.009."""
    rng = np.random.default_rng(20261121)
    replicates, covered = 800, 0
    for _ in range(replicates):
        days = rng.lognormal(9.0, 1.0, 10)
        rates = 0.002 * np.exp(rng.normal(0.0, 0.5, 10))
        truth = 0.002 * np.exp(0.125)
        pooled = pooled_rate(rng.poisson(days * rates).astype(float), days, np.arange(10))
        covered += pooled.lower <= truth <= pooled.upper
    error = np.sqrt(0.93 * 0.07 / replicates)
    assert covered / replicates > 0.93 - 3 * error


def test_frame_has_a_row_per_form_and_period_of_delivered_rows_only() -> None:
    frame = pd.DataFrame(
        {
            "provider": ["a", "a", "b", "b"],
            "period": ["2021-H1", "2021-H2"] * 2,
            "events": [4, 6, 8, np.nan],
            "bed_days": [1000.0, 1000.0, 2000.0, 2000.0],
            "delivered": [True, True, True, False],
        }
    )
    panel = dw.Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="bed_days", delivered="delivered"
    )
    rates = registered_rates(panel)
    assert list(rates["period"]) == ["2021-H1", "2021-H2"]
    assert_allclose(rates["rate"], [PER * 12 / 3000, PER * 6 / 1000])
    assert list(rates["bed_days"]) == [3000.0, 1000.0]
