"""Exposure: occupancy within the beds, bed-days that follow from it, and the trend and memory of the sector."""

import numpy as np
import pytest

from dwangstats.worlds.exposure import Exposure, exposure_table
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import WVGGZ
from dwangstats.worlds.quarters import Calendar


def test_bed_days_follow_from_mean_occupancy(network: Network, exposure: Exposure, calendar: Calendar):
    np.testing.assert_array_equal(exposure.bed_days, np.rint(exposure.mean_occupancy * calendar.days))
    assert np.all(exposure.mean_occupancy <= network.capacity[:, None])


def test_no_exposure_where_a_location_is_not_open(network: Network, exposure: Exposure, calendar: Calendar):
    quarter = np.arange(len(calendar.starts))
    is_open = (quarter >= network.first[:, None]) & (quarter <= network.last[:, None])
    np.testing.assert_array_equal(exposure.bed_days > 0, is_open)
    assert np.all(exposure.admissions[~is_open] == 0)
    table = exposure_table(network, exposure, calendar)
    assert len(table) == is_open.sum()
    assert not table.duplicated(["location_id", "period"]).any()
    assert table["bed_days"].sum() == exposure.bed_days.sum()


def always_open(network: Network) -> np.ndarray:
    return (network.first == 0) & (network.last == network.last.max())


def test_level_and_trend(network: Network, exposure: Exposure, calendar: Calendar):
    stays = always_open(network)
    share = exposure.mean_occupancy[stays].sum(axis=0) / network.capacity[stays].sum()
    by_year = [share[calendar.year == y].mean() for y in calendar.years]
    # Full beds are a ceiling, which takes a little off the mean of 0.90.
    assert by_year[0] == pytest.approx(0.90, abs=0.01)
    assert by_year[2] / by_year[0] == pytest.approx((1.0 + WVGGZ.bed_day_growth) ** 2, abs=0.005)


def test_spread_between_and_within_providers(network: Network, exposure: Exposure, calendar: Calendar):
    large = always_open(network) & (network.capacity >= 20)
    share = exposure.mean_occupancy[large] / network.capacity[large, None]
    share = share / (1.0 + WVGGZ.bed_day_growth) ** calendar.time
    room = share.max(axis=1) < 0.97  # away from the ceiling
    within = share[room] - share[room].mean(axis=1, keepdims=True)
    neighbours = np.mean(within[:, 1:] * within[:, :-1]) / np.mean(within**2)
    # Twelve quarters around their own mean show less than the full memory of 0.7 and spread of 0.02.
    assert 0.35 < neighbours < 0.7
    assert 0.010 < within.std() < 0.02
    assert 0.03 < share.mean(axis=1).std() < 0.055


def test_admissions_follow_from_the_mean_stay(network: Network, exposure: Exposure):
    for number, setting in enumerate(WVGGZ.settings):
        mine = network.setting == number
        stay = exposure.bed_days[mine].sum() / exposure.admissions[mine].sum()
        assert stay == pytest.approx(setting.mean_stay_days, rel=0.01)
