"""Shifts at providers: what is marked, what is explained by something else, and what is not known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.checks.traces.cells import occupied_beds, register_cells
from dwangstats.data.checks.traces.shifts import (
    COLUMNS,
    after_migration,
    one_form,
    resistance,
    second_source,
    simultaneous,
)
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.data.register.periods import parse_period, periods_between

CODES = {"seclusion": "124061000146109", "medication": "121511000146100", "restraint": "225212001"}
PROVIDERS = tuple(f"p{i:02d}" for i in range(12))


def register(mean: np.ndarray, first: str = "2021-Q1", seed: int = 1, law: str = "WVGGZ") -> Tables:
    """A register with Poisson counts around ``mean`` (P, T, F), everything delivered, one location per provider."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean)
    year = int(first[:4])
    quarters = periods_between(first, f"{year + mean.shape[1] // 4 - 1}-Q4")
    provider, quarter, form = (axis.repeat(counts.ravel()) for axis in map(np.ravel, np.indices(counts.shape)))
    begin = np.array([np.datetime64(parse_period(text).begin, "m") for text in quarters])[quarter]
    begin = begin + (rng.integers(0, 89 * 1440, size=begin.size)).astype("timedelta64[m]")
    names = np.array(PROVIDERS, dtype=object)
    registrations = pd.DataFrame(
        {
            "registration_id": [f"r{i}" for i in range(begin.size)],
            "provider_id": names[provider],
            "location_id": names[provider] + "-1",
            "client_id": [f"secret-{i % 997}" for i in range(begin.size)],
            "law": law,
            "intervention_code": np.array(list(CODES.values()), dtype=object)[form],
            "begin": pd.Series(begin.astype("datetime64[s]")),
        }
    )
    cells = pd.MultiIndex.from_product([PROVIDERS, quarters], names=["provider_id", "period"]).to_frame(index=False)
    days = cells["period"].map(lambda text: parse_period(text).days)
    exposure = cells.assign(location_id=cells["provider_id"] + "-1", capacity=25, bed_days=20 * days)
    halves = sorted({f"{text[:4]}-H{(int(text[-1]) + 1) // 2}" for text in quarters})
    deliveries = pd.MultiIndex.from_product([PROVIDERS, halves], names=["provider_id", "period"]).to_frame(index=False)
    deliveries = deliveries.assign(law=law, version=1, status="accepted")
    locations = pd.DataFrame({"provider_id": PROVIDERS, "location_id": [f"{name}-1" for name in PROVIDERS]})
    return read_tables(registrations=registrations, exposure=exposure, deliveries=deliveries, locations=locations)


def even(quarters: int = 12, level: float = 30.0) -> np.ndarray:
    return np.full((len(PROVIDERS), quarters, len(CODES)), level)


def test_a_fall_of_every_form_is_marked_with_its_time_and_ratio() -> None:
    mean = even()
    mean[4, 4:8] *= 0.4
    found = simultaneous(register(mean))
    assert list(found.columns) == list(COLUMNS)
    assert set(found["provider_id"]) == {"p04"}
    assert found["period"].tolist() == ["2022-Q1", "2022-Q2", "2022-Q3", "2022-Q4"]
    assert found["ratio"].iloc[0] == pytest.approx(0.4, rel=0.25)
    assert (found["registered"] < found["expected"]).all()
    assert (found["q"] <= 0.05).all()
    assert one_form(register(mean)).empty


def test_a_fall_of_one_form_is_marked_as_such_only() -> None:
    mean = even()
    mean[4, 4:8, 1] *= 0.1
    tables = register(mean)
    assert simultaneous(tables).empty
    found = one_form(tables)
    assert set(found["provider_id"]) == {"p04"}
    assert "medication" in set(found["form"])
    assert found.loc[found["form"] == "medication", "ratio"].iloc[0] == pytest.approx(0.1, rel=0.5)


def test_what_all_providers_share_is_no_shift() -> None:
    mean = even()
    mean[:, 6:] *= 2.0
    tables = register(mean)
    assert simultaneous(tables).empty
    assert one_form(tables).empty


def test_more_bed_days_explain_more_registrations() -> None:
    mean = even()
    mean[4, 4:8] *= 2.5
    tables = register(mean)
    more = (tables.given["exposure"]["provider_id"] == "p04") & tables.given["exposure"]["period"].str.startswith(
        "2022"
    )
    days = tables.given["exposure"]["bed_days"].mask(more, 2.5 * tables.given["exposure"]["bed_days"])
    assert set(simultaneous(tables)["provider_id"]) == {"p04"}
    assert simultaneous(replace(tables, exposure=tables.given["exposure"].assign(bed_days=days))).empty


def test_a_tenfold_error_in_bed_days_is_no_shift() -> None:
    tables = register(even())
    exposure = tables.given["exposure"]
    wrong = (exposure["provider_id"] == "p04") & exposure["period"].str.startswith("2022")
    days = exposure["bed_days"].mask(wrong, 10.0 * exposure["bed_days"])
    assert simultaneous(replace(tables, exposure=exposure.assign(bed_days=days))).empty


def test_a_quiet_ward_that_opens_is_no_shift() -> None:
    tables = register(even())
    opened = [
        {"provider_id": "p04", "location_id": "p04-2", "period": period, "capacity": 25.0, "bed_days": 2000.0}
        for period in periods_between("2022-Q1", "2023-Q4")
    ]
    both = pd.concat([tables.given["exposure"], pd.DataFrame(opened)], ignore_index=True)
    tables = replace(tables, exposure=both)
    beds = occupied_beds(tables)
    assert beds.loc[beds["location_id"] == "p04-2", "weight"].max() < 0.01
    assert simultaneous(tables).empty


def test_half_years_that_were_not_accepted_are_not_judged() -> None:
    mean = even()
    mean[4, 4:8] = 0.0
    tables = register(mean)
    assert set(simultaneous(tables)["provider_id"]) == {"p04"}
    silent = (tables.given["deliveries"]["provider_id"] == "p04") & tables.given["deliveries"]["period"].str.startswith(
        "2022"
    )
    for status in ("nothing_to_report", "rejected", "not_delivered"):
        known = tables.given["deliveries"]["status"].mask(silent, status)
        told = replace(tables, deliveries=tables.given["deliveries"].assign(status=known))
        assert not register_cells(told)[0].known[4, 4:8].any()
        assert simultaneous(told).empty


def test_earlier_versions_are_not_counted_again() -> None:
    tables = register(even())
    frame = tables.given["registrations"].assign(delivery_version=1.0)
    earlier = frame.loc[frame["provider_id"] == "p04"].assign(delivery_version=0.0)
    twice = replace(tables, registrations=pd.concat([earlier, frame], ignore_index=True))
    assert register_cells(twice)[0].counts.tolist() == register_cells(tables)[0].counts.tolist()


def test_planned_measures_and_standing_blocks_are_not_counted() -> None:
    tables = register(even())
    frame = tables.given["registrations"]
    planned = frame.loc[frame["provider_id"] == "p04"].assign(planned=True)
    begin = pd.date_range("2022-01-01T20:00", periods=90).repeat(3)
    block = (
        frame.iloc[:1]
        .loc[[frame.index[0]] * 270]
        .assign(begin=begin, end=begin + pd.Timedelta(hours=10), client_id=["a", "b", "c"] * 90)
    )
    more = pd.concat([frame.assign(planned=False), planned, block.assign(planned=False)], ignore_index=True)
    counted = register_cells(replace(tables, registrations=more.astype({"planned": "boolean"})))[0]
    assert counted.counts.tolist() == register_cells(tables)[0].counts.tolist()


def test_a_known_migration_is_given_with_its_ratio() -> None:
    mean = even()
    mean[4, 4:8] *= 0.6
    tables = register(mean)
    dates = pd.to_datetime(pd.Series([None, None, None, None, "2022-02-10"] + [None] * 7))
    locations = tables.given["locations"].assign(ehr_migrated_on=dates.to_numpy())
    found = after_migration(replace(tables, locations=locations))
    assert found["period"].tolist() == ["2022-Q1", "2022-Q2", "2022-Q3", "2022-Q4"]
    assert found["ratio"].iloc[0] == pytest.approx(0.6, rel=0.25)
    assert after_migration(tables).empty


def test_a_migration_without_registrations_is_given_without_figures() -> None:
    tables = register(even())
    none = tables.given["registrations"].loc[tables.given["registrations"]["provider_id"] != "p04"]
    left = tables.given["deliveries"].loc[tables.given["deliveries"]["provider_id"] != "p04"]
    dates = pd.to_datetime(pd.Series([None, None, None, None, "2023-08-10"] + [None] * 7))
    locations = tables.given["locations"].assign(ehr_migrated_on=dates.to_numpy())
    found = after_migration(replace(tables, registrations=none, deliveries=left, locations=locations))
    assert found["period"].tolist() == ["2023-Q3", "2023-Q4"]
    assert found["ratio"].isna().all()


def test_locking_in_that_fell_with_the_law_is_marked_across_the_old_law() -> None:
    mean = even(20)
    mean[4, 4:, 0] *= 0.3
    mean[:, 4:, 0] *= 0.8
    tables = register(mean, first="2019-Q1")
    frame, deliveries = tables.given["registrations"], tables.given["deliveries"]
    tables = replace(
        tables,
        registrations=frame.assign(law=frame["law"].mask(frame["begin"] < "2020", "BOPZ")),
        deliveries=deliveries.assign(law=deliveries["law"].mask(deliveries["period"] < "2020", "BOPZ")),
    )
    found = resistance(tables)
    assert set(found["provider_id"]) == {"p04"}
    assert set(found["form"]) == {"locking_in"}
    assert found["first"].iloc[0] == "2020-Q1"
    assert resistance(register(even())).empty, "a register from 2021 on has no trace of it"


def test_a_second_source_tells_registration_from_care() -> None:
    tables = register(even())
    rng = np.random.default_rng(9)
    halves = periods_between("2021-H1", "2023-H2")
    rows = []
    for provider in PROVIDERS:
        for period in halves:
            chance = 0.3 if provider == "p04" and period.startswith("2022") else 0.75
            seen = 100 if provider == "p05" and period.startswith("2022") else 300
            both = int(rng.binomial(seen, chance))
            rows.append((provider, period, both, 40, seen - both))
    source = pd.DataFrame(rows, columns=["provider_id", "period", "both", "register_only", "other_only"])
    found = second_source(replace(tables, second_source=source))
    assert set(found["provider_id"]) == {"p04"}
    assert found["period"].tolist() == ["2022-H1", "2022-H2"]
    assert second_source(tables).empty


def test_too_few_providers_and_absent_tables_give_no_rows() -> None:
    mean = even()
    mean[2, 4:8] *= 0.2
    tables = register(mean)
    few = tables.given["registrations"]["provider_id"].isin(PROVIDERS[:4])
    left = tables.given["deliveries"]["provider_id"].isin(PROVIDERS[:4])
    small = replace(
        tables,
        registrations=tables.given["registrations"].loc[few],
        deliveries=tables.given["deliveries"].loc[left],
    )
    for trace in (simultaneous, one_form, resistance, second_source, after_migration):
        for given in (small, Tables(), Tables(registrations=tables.given["registrations"].iloc[:0])):
            found = trace(given)
            assert found.empty
            assert list(found.columns) == list(COLUMNS)


def test_without_deliveries_half_years_with_registrations_are_known() -> None:
    mean = even()
    mean[4, 4:8] = 0.0
    tables = replace(register(mean), deliveries=None, exposure=None, locations=None)
    (cells,) = register_cells(tables)
    assert not cells.known[4, 4:8].any()
    assert cells.known[4, :4].all()
    assert (cells.exposure == 1.0).all()
    assert simultaneous(tables).empty
