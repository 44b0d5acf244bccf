"""Providers and locations: shares of kinds, beds that add up, openings and closures."""

import numpy as np
import pytest

from dwangstats.worlds.network import Network, draw_network, locations_table
from dwangstats.worlds.parameters import SIZES, WVGGZ, Size
from dwangstats.worlds.quarters import Calendar


def test_kinds_have_their_shares(network: Network):
    share = np.bincount(network.kind) / network.kind.size
    np.testing.assert_allclose(share, [k.share for k in WVGGZ.kinds], atol=1e-3)


@pytest.mark.parametrize(("providers", "expected"), [(8, [3, 1, 2, 2]), (24, [10, 3, 5, 6]), (80, [32, 12, 16, 20])])
def test_kinds_are_whole_numbers_that_add_up(providers, expected, calendar: Calendar):
    drawn = draw_network(WVGGZ, Size(providers, 20.0, (1, 2)), calendar, np.random.default_rng(1))
    assert np.bincount(drawn.kind).tolist() == expected


def test_beds_are_whole_and_have_the_wanted_mean(network: Network):
    beds = np.bincount(network.provider, weights=network.capacity)
    assert np.all(network.capacity >= 1)
    np.testing.assert_array_equal(network.capacity, np.rint(network.capacity))
    # Rounding each of 3,000 providers moves the mean by far less than one bed.
    assert beds.mean() == pytest.approx(125.0, abs=0.1)


def test_spread_of_provider_size(network: Network):
    beds = np.bincount(network.provider, weights=network.capacity)
    for kind in range(len(WVGGZ.kinds)):
        # 450 to 1,200 providers of a kind: the standard error of a log-sd is below 0.025.
        assert np.log(beds[network.kind == kind]).std() == pytest.approx(WVGGZ.beds_log_sd, abs=0.05)


def test_locations_of_a_provider(network: Network):
    count = np.bincount(network.provider)
    assert count.min() >= 1
    assert count.max() == 5
    assert len(set(network.location_ids)) == network.location_ids.size
    owner = [location.rsplit("-", 1)[0] for location in network.location_ids]
    assert owner == network.provider_ids[network.provider].tolist()


def test_first_location_has_the_first_setting_and_stays_open(network: Network, calendar: Calendar):
    first = np.unique(network.provider, return_index=True)[1]
    names = np.array([s.name for s in WVGGZ.settings])
    expected = np.array([k.settings[0] for k in WVGGZ.kinds])[network.kind]
    assert names[network.setting[first]].tolist() == expected.tolist()
    assert np.all(network.first[first] == 0)
    assert np.all(network.last[first] == len(calendar.starts) - 1)


def test_some_locations_open_and_close(network: Network, calendar: Calendar):
    assert np.all(network.first <= network.last)
    later = network.first > 0
    sooner = network.last < len(calendar.starts) - 1
    assert not np.any(later & sooner)
    # 3 % of the locations that are not the first of a provider, which are about 3 of 4.
    assert later.mean() == pytest.approx(0.0225, abs=0.006)
    assert sooner.mean() == pytest.approx(0.0225, abs=0.006)


def test_security_levels_follow_the_setting(network: Network, calendar: Calendar):
    table = locations_table(WVGGZ, network, calendar)
    forensic = table["setting"] == "forensic"
    assert set(table.loc[forensic, "security_level"]) == {"2", "3"}
    assert set(table.loc[~forensic, "security_level"]) == {"1"}


def test_dates_of_opening_and_closing(network: Network, calendar: Calendar):
    table = locations_table(WVGGZ, network, calendar)
    assert set(table["opened"].dropna()) <= set(calendar.starts)
    assert set(table["closed"].dropna().dt.strftime("%m-%d")) <= {"03-31", "06-30", "09-30", "12-31"}
    assert not (table["opened"].notna() & table["closed"].notna()).any()


def test_one_vendor_per_provider(network: Network, calendar: Calendar):
    table = locations_table(WVGGZ, network, calendar)
    assert (table.groupby("provider_id")["ehr_vendor"].nunique() == 1).all()
    share = table.drop_duplicates("provider_id")["ehr_vendor"].value_counts(normalize=True)
    for name, expected in WVGGZ.vendors:
        assert share[name] == pytest.approx(expected, abs=0.04)


def test_quality_is_standard_normal(network: Network):
    # 3,000 draws: standard errors 0.018 and 0.013.
    assert network.quality.mean() == pytest.approx(0.0, abs=0.06)
    assert network.quality.std() == pytest.approx(1.0, abs=0.05)


def test_national_size(calendar: Calendar):
    drawn = draw_network(WVGGZ, SIZES["national"], calendar, np.random.default_rng(1))
    assert drawn.provider_ids.size == 80
    assert drawn.capacity.sum() == pytest.approx(10_000, abs=100)
    assert 280 <= drawn.location_ids.size <= 360
