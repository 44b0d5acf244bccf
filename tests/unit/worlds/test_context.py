"""Breaks and shocks: the law of 2020, corona, the funding system of 2022, security levels."""

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check, check_input
from dwangstats.data.panels.panel import build_panel
from dwangstats.errors import DomainError
from dwangstats.worlds.context import SECURITY, ContextParameters, rate_factor, shocked_exposure
from dwangstats.worlds.exposure import Exposure
from dwangstats.worlds.network import Network, draw_network
from dwangstats.worlds.parameters import WVGGZ, Size
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.result import World

PLAN = ContextParameters()


@pytest.fixture(scope="module")
def world() -> World:
    return worlds.make("mixed", "small", 1, context=PLAN)


@pytest.fixture(scope="module")
def network() -> Network:
    size = Size(providers=200, beds_per_provider=125.0, locations=(3, 5))
    return draw_network(WVGGZ, size, Calendar(PLAN.years), np.random.default_rng(1))


def test_years(world):
    assert world.truth["period"].min() == "2019-Q1"
    assert world.truth["period"].max() == "2023-Q4"
    assert PLAN.years == (2019, 2020, 2021, 2022, 2023)
    assert len(world.tables.deliveries) == 10 * world.truth["provider_id"].nunique()


def test_old_law_is_never_added_silently(world):
    rows, deliveries = world.tables.registrations, world.tables.deliveries
    early = rows["begin"] < pd.Timestamp(2020, 1, 1)
    assert set(rows.loc[early, "law"]) == {"BOPZ"}
    assert set(rows.loc[~early, "law"]) == {"WVGGZ"}
    assert rows.loc[early, "legal_status"].isna().all()
    assert set(deliveries.loc[deliveries["period"] < "2020", "law"]) == {"BOPZ"}
    panel = build_panel(world.tables, law="WVGGZ")
    apart = panel.set_aside.set_index("reason")["count"]
    assert apart["registered under another law"] == early.sum()
    assert panel.observed["period"].min() == "2020-H1"


def test_calibration_is_that_of_the_compared_years(world):
    growth = world.figures["growth"]["all"]["complete"]
    assert growth["expected_registered"] == pytest.approx(0.30, abs=1e-6)
    assert growth["expected_true"] == pytest.approx(0.09, abs=1e-6)
    assert world.figures["kept"]["providers"] == pytest.approx(0.75, abs=0.1)


def test_rates(network):
    calendar = Calendar(PLAN.years)
    factor = rate_factor(network, WVGGZ.form_names, calendar, PLAN)
    labels = np.array(calendar.quarters)
    base = network.security == "1"
    assert np.allclose(factor[base][:, labels == "2019-Q3", 0], PLAN.old_law_factor)
    assert np.allclose(factor[base][:, labels == "2019-Q3", 2], 1.0)
    assert np.allclose(factor[base][:, labels == "2020-Q3", 0], PLAN.covid_rate)
    assert np.allclose(factor[base][:, labels == "2020-Q1"], 1.0)
    assert np.allclose(factor[base][:, labels >= "2021"], 1.0)
    assert np.allclose(factor[network.security == "3"][:, labels >= "2021"], SECURITY["3"][0])


def test_occupancy(network):
    calendar = Calendar(PLAN.years)
    beds = np.round(0.8 * network.capacity, 2)[:, None] * np.ones(20)
    plain = Exposure(beds, np.rint(beds * calendar.days), np.full(beds.shape, 10.0))
    shocked = shocked_exposure(plain, network, calendar, PLAN)
    labels = np.array(calendar.quarters)
    ratio = shocked.mean_occupancy / plain.mean_occupancy
    base = network.security == "1"
    large = network.capacity > 10
    assert ratio[base & large][:, labels == "2020-Q2"] == pytest.approx(PLAN.covid_bed_days, abs=0.002)
    assert ratio[base][:, labels == "2021-Q2"] == pytest.approx(1.0)
    assert ratio[(network.security == "3") & large][:, labels == "2021-Q2"] == pytest.approx(
        SECURITY["3"][1], abs=0.002
    )
    assert (shocked.mean_occupancy <= network.capacity[:, None]).all()
    assert (shocked.admissions <= plain.admissions + 1).all()


def test_higher_levels_are_fuller():
    world = worlds.make("mixed", "national", 1, context=PLAN)
    tables = world.tables
    both = tables.exposure.merge(tables.locations[["location_id", "security_level"]], on="location_id")
    both = both[both["capacity"] >= 10]
    share = (both["mean_occupancy"] / both["capacity"]).groupby(both["security_level"]).mean()
    assert share["1"] < share["2"] < share["3"]


def test_fewer_bed_days_and_more_locking_in(world):
    days = world.tables.exposure.groupby("period")["bed_days"].sum()
    assert days["2020-Q3"] / days["2019-Q3"] == pytest.approx(PLAN.covid_bed_days * 0.99, abs=0.02)
    locking = world.truth[world.truth["form"].isin(["seclusion", "other_locking_in"])]
    yearly = locking.groupby(locking["period"].str[:4])["true_events"].sum()
    assert yearly["2019"] > 1.1 * yearly["2020"]


def test_new_funding_system(world):
    planted = world.planted.query("error == 'ZPM'")
    vendor = world.tables.locations.drop_duplicates("provider_id").set_index("provider_id")["ehr_vendor"]
    assert set(vendor[planted["provider_id"]]) == {PLAN.funding_vendor}
    assert set(planted["period"]) == {"2022-Q1", "2022-Q2"}
    truth = world.truth.pivot_table(index=["provider_id", "form"], columns="period", values="completeness")
    hit = truth.index.get_level_values(0).isin(planted["provider_id"])
    change = truth["2022-Q2"] / ((truth["2022-Q3"] + truth["2021-Q4"]) / 2)
    assert change[hit].mean() == pytest.approx(PLAN.funding_factor, abs=0.03)
    assert change[~hit].mean() == pytest.approx(1.0, abs=0.03)


def test_resistance_begins_with_the_law():
    errors = ErrorParameters().only("E19")
    world = worlds.make("mixed", "small", 1, context=PLAN, errors=errors)
    planted = world.planted.query("error == 'E19'")
    assert planted["period"].min() == "2020-Q1"
    first = planted.query("period == '2020-Q1'")["detail"].str.extract(r"x ([\d.]+)$")[0].astype(float)
    assert first.between(0.2, 0.45).all()
    assert not check(world.tables).errors


def test_nothing_to_warn_about(world):
    assert not check(world.tables).errors
    assert not check_input(world.tables).warnings
    # A ward that is truly full in a quarter looks like one of which the capacity was filled in.
    assert {finding.rule for finding in check(world.tables).warnings} <= {"capacity-for-occupancy"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"first_year": 2018}, "first_year must be 2019 or 2020"),
        ({"covid_rate": 0.0}, "covid_rate must be a positive number"),
        ({"funding_factor": 1.2}, r"funding_factor must be in \[0, 1\]"),
        ({"covid_quarters": ("2020-Q9", "2020-Q4")}, "2020-Q9"),
    ],
)
def test_refuses_the_impossible(bad, message):
    with pytest.raises(DomainError, match=message):
        ContextParameters(**bad)
