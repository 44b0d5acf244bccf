"""Completeness: its mean, its spread between providers, its path in time."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import SCENARIOS, WVGGZ
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.registration import completeness, draw_quality_shift, growth_factor, starting_path


@pytest.fixture(scope="module")
def shift(network: Network):
    return draw_quality_shift(WVGGZ, network, np.random.default_rng(4))


@pytest.mark.parametrize("name", SCENARIOS)
def test_mean_over_providers_is_the_scenarios(name, shift, calendar: Calendar):
    scenario = SCENARIOS[name]
    chance = completeness(starting_path(WVGGZ, scenario), WVGGZ.attenuation, shift, calendar)
    for year, expected in ((2021, scenario.completeness_before), (2023, scenario.completeness_after)):
        mean = chance[:, calendar.year == year].mean(axis=(0, 1))
        # The factor 1.12 undoes the pull of the random effects towards one half to within a point; the draw of
        # 3,000 providers adds 0.3 points.
        np.testing.assert_allclose(mean, expected, atol=0.02)


def test_spread_between_providers_at_084(shift, calendar: Calendar):
    scenario = replace(SCENARIOS["mixed"], completeness_before=(0.84,) * 5, completeness_after=(0.84,) * 5)
    chance = completeness(starting_path(WVGGZ, scenario), WVGGZ.attenuation, shift, calendar)
    low, high = np.quantile(chance[:, 0, :], [0.05, 0.95])
    assert low == pytest.approx(0.65, abs=0.02)
    assert high == pytest.approx(0.96, abs=0.01)


def test_inside_zero_and_one(shift, calendar: Calendar):
    for scenario in SCENARIOS.values():
        chance = completeness(starting_path(WVGGZ, scenario), WVGGZ.attenuation, shift, calendar)
        assert np.all((chance > 0.0) & (chance < 1.0))


def test_better_registration_never_goes_back(shift, calendar: Calendar):
    chance = completeness(starting_path(WVGGZ, SCENARIOS["mixed"]), WVGGZ.attenuation, shift, calendar)
    assert np.all(np.diff(chance, axis=1) > 0.0)
    constant = completeness(starting_path(WVGGZ, SCENARIOS["real-only"]), WVGGZ.attenuation, shift, calendar)
    np.testing.assert_allclose(np.diff(constant, axis=1), 0.0, atol=1e-15)


def test_quality_of_a_provider_helps_all_its_forms(network: Network, shift):
    slope = [np.polyfit(network.quality, shift[:, f], 1)[0] for f in range(shift.shape[1])]
    np.testing.assert_allclose(slope, WVGGZ.quality_effect, atol=0.04)
    residual = shift - WVGGZ.quality_effect * network.quality[:, None]
    assert residual.std() == pytest.approx(WVGGZ.completeness_sd, rel=0.03)


def test_growth_between_the_years(calendar: Calendar):
    path = starting_path(WVGGZ, SCENARIOS["real-only"])
    factor = growth_factor(path, calendar)
    ratio = factor[calendar.year == 2023].sum(axis=0) / factor[calendar.year == 2021].sum(axis=0)
    np.testing.assert_allclose(ratio, [1.175, 1.34, 1.34, 1.34, 1.34], rtol=1e-12)
