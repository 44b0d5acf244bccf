"""Deliveries: three quarters with three correct years, lateness that follows quality, status that follows the file."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.register.schema import DELIVERY_STATUS
from dwangstats.worlds.deliveries import KNOWN_ON, Deliveries, deliveries_table, delivery_status, draw_deliveries
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import WVGGZ
from dwangstats.worlds.quarters import Calendar


@pytest.fixture(scope="module")
def deliveries(network: Network, calendar: Calendar) -> Deliveries:
    return draw_deliveries(WVGGZ, network, calendar, np.random.default_rng(5))


def test_three_quarters_have_three_correct_years(deliveries: Deliveries):
    # Standard error 0.8 points; the design asks for 75 to 77 %.
    assert deliveries.complete.mean() == pytest.approx(0.77, abs=0.025)


def test_complete_is_every_half_year_correct(deliveries: Deliveries):
    np.testing.assert_array_equal(deliveries.complete, deliveries.correct.all(axis=1))


def test_correct_shares_by_half_year(deliveries: Deliveries):
    # Forcing one incorrect half-year on those that are not complete, and the spread of quality, cost about 1.5 points.
    np.testing.assert_allclose(deliveries.correct.mean(axis=0), np.repeat(WVGGZ.correct_by_year, 2), atol=0.03)


def test_quality_selects(network: Network, deliveries: Deliveries):
    for low, high in ((-2.5, -0.5), (-0.5, 0.5), (0.5, 2.5)):
        mine = (network.quality > low) & (network.quality < high)
        expected = 1.0 / (1.0 + np.exp(-1.30 - 0.6 * network.quality[mine]))
        assert deliveries.complete[mine].mean() == pytest.approx(expected.mean(), abs=0.05)


def test_late_files_come_from_poorer_registration(network: Network, deliveries: Deliveries, calendar: Calendar):
    late = deliveries.received_at.astype("datetime64[D]") > calendar.due_on.to_numpy().astype("datetime64[D]")
    np.testing.assert_allclose(1.0 - late.mean(axis=0), WVGGZ.on_time_by_half_year, atol=0.04)
    assert np.corrcoef(network.quality, late.mean(axis=1))[0, 1] < -0.3
    assert deliveries.version[~late].max() == 1
    # A late file is the first version or, on average 0.6 times, a later one.
    assert deliveries.version[late].mean() == pytest.approx(1.6, abs=0.05)


def test_nothing_arrives_after_the_vintage_or_before_the_half_year_ends(deliveries: Deliveries, calendar: Calendar):
    assert deliveries.received_at.max() < np.datetime64(KNOWN_ON)
    ends = np.array([pd.Timestamp(f"{h[:4]}-{'06-30' if h.endswith('1') else '12-31'}") for h in calendar.half_years])
    longest = np.timedelta64(int(WVGGZ.longest_hours), "h") + np.timedelta64(1, "D")
    assert np.all(deliveries.received_at > ends.astype("datetime64[m]") + longest)


def test_status_follows_the_file(deliveries: Deliveries):
    registered = np.ones(deliveries.correct.shape)
    registered[::7] = 0.0
    status = delivery_status(deliveries, registered)
    empty = registered == 0
    assert set(np.unique(status)) == set(DELIVERY_STATUS)
    assert set(status[deliveries.correct & ~empty]) == {"accepted"}
    assert set(status[deliveries.correct & empty]) == {"nothing_to_report"}
    assert set(status[~deliveries.correct & empty]) == {"not_delivered"}
    rejected = np.mean(status[~deliveries.correct & ~empty] == "rejected")
    assert rejected == pytest.approx(WVGGZ.rejected_share, abs=0.05)


def test_table(network: Network, deliveries: Deliveries, calendar: Calendar):
    status = delivery_status(deliveries, np.ones(deliveries.correct.shape))
    table = deliveries_table(WVGGZ, network, calendar, deliveries, status)
    assert len(table) == network.kind.size * len(calendar.half_years)
    assert not table.duplicated(["provider_id", "period"]).any()
    arrived = table["status"].isin(["accepted", "rejected"])
    assert (table["received_at"].notna() == arrived).all()
    assert (table["version"].notna() == arrived).all()
    assert (table["reject_reason"].notna() == (table["status"] == "rejected")).all()
    share = table["reject_reason"].value_counts(normalize=True)
    for reason, expected in WVGGZ.reject_reasons:
        assert share[reason] == pytest.approx(expected, abs=0.05)
