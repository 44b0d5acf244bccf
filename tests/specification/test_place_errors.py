"""Errors that show at a provider over time (E10 to E16, E19) and in bed-days: the detection rules, by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.traces import admissions, joins, linkage, missing, shifts, units
from specification.hand_made import (
    CANARIES,
    Register,
    counted_register,
    days_in,
    deliveries,
    delivery,
    exposure,
    found,
    half_years,
    quarters,
)

PROVIDERS = "ABCDEFGHIJKLMNOP"
FORMS = ("seclusion", "medication", "restraint")


def shares(factor: Callable[[str, str, str], float], first: int, last: int, mean: float = 30.0) -> pd.DataFrame:
    """A register with the same mean everywhere, times a factor; counts scatter like Poisson counts do."""
    rng = np.random.default_rng(11)
    counts = {
        (provider, quarter, form): int(rng.poisson(mean * factor(provider, quarter, form)))
        for provider in PROVIDERS
        for quarter in quarters(first, last)
        for form in FORMS
    }
    return counted_register(counts)


def with_everything_delivered(frame: pd.DataFrame, first: int, last: int) -> dw.Tables:
    """The register with bed-days, and every half-year accepted."""
    files = deliveries(PROVIDERS, half_years(first, last)).drop(columns="law")
    return dw.read_tables(registrations=frame, exposure=exposure(PROVIDERS, quarters(first, last)), deliveries=files)


def places(frame: pd.DataFrame) -> set[str]:
    """Providers named by a trace, whose frame names no client and no registration."""
    assert not any(canary in frame.to_csv() for canary in CANARIES)
    return set(frame["provider_id"])


# E10 and E11


@pytest.fixture
def gaps() -> dw.Tables:
    """Five answers to "where is the file?": accepted, refused, not sent, nothing to report, and no row at all."""
    register = Register()
    for seed, provider in enumerate("ABCDE"):
        register.background(provider, 30, seed=seed, first="2022-01-05", days=340)
    rows = [delivery(provider, period) for period in half_years(2022, 2022) for provider in "ABCD"]
    rows += [delivery("E", "2022-H1")]
    frame = pd.DataFrame(rows)
    second = frame["period"] == "2022-H2"
    frame.loc[second & (frame["provider_id"] == "B"), "status"] = "rejected"
    frame.loc[second & (frame["provider_id"] == "C"), "status"] = "not_delivered"
    frame.loc[second & (frame["provider_id"] == "D"), "status"] = "nothing_to_report"
    frame["reject_reason"] = None
    frame.loc[second & (frame["provider_id"] == "B"), "reject_reason"] = "xml not valid against the schema"
    return register.tables(exposure=exposure("ABCDE", quarters(2022, 2022)), deliveries=frame)


def test_e10_missing_half_years_by_what_is_known_of_them(gaps: dw.Tables) -> None:
    seen = missing.half_years(gaps)
    assert set(zip(seen["provider_id"], seen["period"], seen["status"], strict=True)) == {
        ("B", "2022-H2", "rejected"),
        ("C", "2022-H2", "not_delivered"),
        ("E", "2022-H2", "unknown"),
    }
    assert "half-year-missing" in found(gaps)


def test_e10_nothing_is_known_to_be_missing_without_a_table_of_deliveries(gaps: dw.Tables) -> None:
    tables = dw.Tables(registrations=gaps.registrations, exposure=gaps.exposure)
    assert missing.half_years(tables).empty


def test_e11_a_file_refused_for_how_it_was_written(gaps: dw.Tables) -> None:
    seen = missing.refused_for_form(gaps)
    assert list(zip(seen["provider_id"], seen["period"], strict=True)) == [("B", "2022-H2")]
    assert "file-refused" in found(gaps)


def test_e11_a_file_refused_for_what_it_said_is_another_thing(gaps: dw.Tables) -> None:
    files = gaps.deliveries.copy()
    files["reject_reason"] = files["reject_reason"].replace({"xml not valid against the schema": "wrong law"})
    tables = dw.Tables(registrations=gaps.registrations, exposure=gaps.exposure, deliveries=files)
    assert missing.refused_for_form(tables).empty


# E12, E13, E19


def test_e12_every_form_halves_at_one_provider() -> None:
    frame = shares(lambda p, q, form: 0.4 if p == "C" and q >= "2022-Q3" else 1.0, 2021, 2023)
    tables = with_everything_delivered(frame, 2021, 2023)
    seen = shifts.simultaneous(tables)
    assert places(seen) == {"C"}
    assert set(seen["first"]) <= {"2022-Q2", "2022-Q3", "2022-Q4"}  # chance may move it by a quarter
    assert seen["last"].unique().tolist() == ["2023-Q4"]
    assert seen["ratio"].iloc[0] == pytest.approx(0.4, abs=0.1)  # about 540 against 210: standard error 0.03
    assert "shift-in-all-forms" in found(tables)


def reporting_code_changed(provider: str, quarter: str, form: str) -> float:
    """Seclusion falls by 63 percent at F, as it did in a Swedish region (185 to 68) without any real change."""
    return 0.37 if (provider, form) == ("F", "seclusion") and quarter >= "2022-Q3" else 1.0


@pytest.fixture(scope="module")
def one_form_fell() -> dw.Tables:
    """The register in which only seclusion at F changed."""
    return with_everything_delivered(shares(reporting_code_changed, 2021, 2023, mean=60), 2021, 2023)


def test_e13_one_form_falls_by_63_percent_at_one_provider(one_form_fell: dw.Tables) -> None:
    seen = shifts.one_form(one_form_fell)
    assert places(seen) == {"F"}
    fallen = seen[seen["form"] == "seclusion"]
    assert set(fallen["first"]) <= {"2022-Q2", "2022-Q3", "2022-Q4"}  # chance may move it by a quarter
    assert fallen["ratio"].iloc[0] == pytest.approx(0.37, abs=0.1)  # about 360 against 130: standard error 0.04
    assert fallen["q"].iloc[0] == seen["q"].min()


def test_e13_a_form_that_did_not_change_is_not_named(one_form_fell: dw.Tables) -> None:
    """One form fell. That the others are a larger part of what is left is the same fact, and no second finding."""
    seen = shifts.one_form(one_form_fell)
    assert set(seen["form"]) == {"seclusion"}


def test_e12_e13_a_rise_of_everybody_is_nobodys_shift() -> None:
    frame = shares(lambda p, q, form: 1.6 if q >= "2022-Q3" else 1.0, 2021, 2023)
    tables = with_everything_delivered(frame, 2021, 2023)
    assert shifts.simultaneous(tables).empty
    assert shifts.one_form(tables).empty


def test_e12_a_half_year_that_was_not_delivered_is_no_fall() -> None:
    frame = shares(lambda p, q, form: 0.0 if p == "C" and q[:4] == "2023" else 1.0, 2021, 2023)
    files = deliveries(PROVIDERS, half_years(2021, 2023)).drop(columns="law")
    gone = (files["provider_id"] == "C") & files["period"].isin(half_years(2023, 2023))
    files.loc[gone, "status"] = "not_delivered"
    files.loc[gone, "received_at"] = None
    tables = dw.read_tables(registrations=frame, exposure=exposure(PROVIDERS, quarters(2021, 2023)), deliveries=files)
    assert shifts.simultaneous(tables).empty


def test_e19_locking_in_falls_when_2020_begins() -> None:
    frame = shares(lambda p, q, form: 0.25 if (p, form) == ("B", "seclusion") and q >= "2020-Q1" else 1.0, 2018, 2020)
    tables = dw.read_tables(registrations=frame, exposure=exposure(PROVIDERS, quarters(2018, 2020)))
    seen = shifts.resistance(tables)
    assert places(seen) == {"B"}
    assert "locking-in-fell-in-2020" in found(tables)


def test_e19_a_register_that_begins_later_shows_no_trace() -> None:
    frame = shares(
        lambda p, q, form: 0.25 if (p, form) == ("B", "seclusion") and q >= "2022-Q1" else 1.0, 2021, 2023, 15
    )
    assert shifts.resistance(with_everything_delivered(frame, 2021, 2023)).empty


# E15 and E16


def test_e15_a_provider_that_registers_no_admissions() -> None:
    counts = {
        (provider, quarter, form): 0 if (provider, form) == ("D", "admission") else 25 + (uneven(provider, quarter) % 7)
        for provider in PROVIDERS
        for quarter in quarters(2022, 2023)
        for form in ("admission", "seclusion")
    }
    beds = exposure(PROVIDERS, quarters(2022, 2023), admissions=100)
    tables = dw.read_tables(
        registrations=counted_register(counts),
        exposure=beds,
        deliveries=deliveries(PROVIDERS, half_years(2022, 2023)).drop(columns="law"),
    )
    assert places(admissions.taken_for_granted(tables)) == {"D"}
    assert "admissions-not-registered" in found(tables)
    without = dw.read_tables(registrations=counted_register(counts), exposure=beds.drop(columns="admissions"))
    assert admissions.taken_for_granted(without).empty


def uneven(provider: str, quarter: str) -> int:
    """A number that hangs irregularly on both."""
    return 31 * ord(provider) + 17 * int(quarter[:4]) + 7 * int(quarter[-1]) ** 2


def test_e16_twice_as_many_client_numbers_before_linkage() -> None:
    rng = np.random.default_rng(3)
    rows = []
    for provider in PROVIDERS:
        for period in half_years(2021, 2023):
            clients = 120 if provider == "E" and period == "2021-H1" else 30
            start = pd.Timestamp(int(period[:4]), 1 if period[-1] == "1" else 7, 1)
            for _ in range(150):
                begin = start + pd.Timedelta(minutes=int(rng.integers(0, days_in(period) * 1440)))
                rows.append((provider, f"clientcanary-{provider}-{period}-{rng.integers(clients)}", begin))
    frame = pd.DataFrame(rows, columns=["provider_id", "client_id", "begin"])
    frame["form"] = "seclusion"
    frame["end"] = frame["begin"] + pd.Timedelta(hours=3.1)
    tables = dw.read_tables(registrations=frame)
    seen = linkage.several_numbers(tables)
    assert list(zip(seen["provider_id"], seen["period"], strict=True)) == [("E", "2021-H1")]
    assert places(seen) == {"E"}
    assert "several-client-numbers" in found(tables)


# Bed-days


def bed_days_with(beds: pd.DataFrame, row: int, value: float | None) -> dw.Tables:
    """The bed-days of one row replaced."""
    frame = beds.copy()
    frame.loc[row, "bed_days"] = value
    return dw.read_tables(exposure=frame)


ROW = 17  # provider B, 2022-Q2


def test_ordinary_bed_days_have_no_sign(beds: pd.DataFrame) -> None:
    tables = dw.read_tables(exposure=beds)
    for trace in (units.bed_days_missing, units.capacity_given, units.tenfold, units.hours_given, units.jump):
        assert trace(tables).empty
    catalogue = dw.error_catalogue().set_index("error")
    assert not set(catalogue.loc[["XM", "XC", "X10", "X24"], "rules"]) & set(found(tables))


@pytest.mark.parametrize("capacity", [True, False], ids=["with capacity", "without capacity"])
@pytest.mark.parametrize(
    ("factor", "trace", "rule"),
    [(10.0, units.tenfold, "bed-days-tenfold"), (24.0, units.hours_given, "hours-for-bed-days")],
)
def test_bed_days_in_another_unit(
    beds: pd.DataFrame, factor: float, trace: Callable[[dw.Tables], pd.DataFrame], rule: str, capacity: bool
) -> None:
    frame = beds if capacity else beds.drop(columns="capacity")
    tables = bed_days_with(frame, ROW, factor * float(beds.loc[ROW, "bed_days"]))
    seen = trace(tables)
    assert list(zip(seen["provider_id"], seen["period"], strict=True)) == [("B", "2022-Q2")]
    assert seen["ratio"].iloc[0] == pytest.approx(factor, rel=0.1)  # occupancy moves between 0.82 and 0.90
    assert found(tables)[rule] == (1, [ROW + 1])
    other = units.hours_given if factor == 10.0 else units.tenfold
    assert other(tables).empty


@pytest.mark.parametrize("periods", [4, 8, 12])
@pytest.mark.parametrize(("factor", "trace"), [(10.0, units.tenfold), (24.0, units.hours_given)])
def test_a_provider_that_always_gives_another_unit(
    beds: pd.DataFrame, factor: float, trace: Callable[[dw.Tables], pd.DataFrame], periods: int
) -> None:
    """The capacity tells which rows are wrong, also where they are the most of the provider's rows, or all."""
    wrong = quarters(2021, 2023)[-periods:]
    frame = beds.copy()
    rows = (frame["provider_id"] == "B") & frame["period"].isin(wrong)
    frame.loc[rows, "bed_days"] *= factor
    seen = trace(dw.read_tables(exposure=frame))
    assert set(seen["provider_id"]) == {"B"}
    assert seen["period"].tolist() == wrong


def test_a_location_that_is_always_full_is_not_told_from_one_that_gives_its_capacity(beds: pd.DataFrame) -> None:
    frame = beds.copy()
    rows = frame["provider_id"] == "B"
    frame.loc[rows, "bed_days"] = [20.0 * days_in(period) for period in frame.loc[rows, "period"]]
    assert units.tenfold(dw.read_tables(exposure=frame)).empty
    assert units.capacity_given(dw.read_tables(exposure=frame)).empty


def test_bed_days_of_a_tenth(beds: pd.DataFrame) -> None:
    tables = bed_days_with(beds, ROW, float(beds.loc[ROW, "bed_days"]) / 10.0)
    assert units.tenfold(tables)["period"].tolist() == ["2022-Q2"]


def test_a_capacity_in_place_of_occupancy(beds: pd.DataFrame) -> None:
    tables = bed_days_with(beds, ROW, 20.0 * 91)
    seen = units.capacity_given(tables)
    assert list(zip(seen["provider_id"], seen["period"], strict=True)) == [("B", "2022-Q2")]
    assert found(tables)["capacity-for-occupancy"] == (1, [ROW + 1])


def test_missing_bed_days_are_said_and_never_filled(beds: pd.DataFrame) -> None:
    tables = bed_days_with(beds, ROW, None)
    assert units.bed_days_missing(tables)["period"].tolist() == ["2022-Q2"]
    assert found(tables)["missing-bed-days"] == (1, [ROW + 1])
    assert np.isnan(tables.exposure["bed_days"].iloc[ROW])


@pytest.mark.parametrize("factor", [3.0, 1 / 3.0])
def test_a_jump_against_the_own_median(beds: pd.DataFrame, factor: float) -> None:
    tables = bed_days_with(beds, ROW, factor * float(beds.loc[ROW, "bed_days"]))
    seen = units.jump(tables)
    assert list(zip(seen["provider_id"], seen["period"], strict=True)) == [("B", "2022-Q2")]
    assert units.tenfold(tables).empty
    assert units.hours_given(tables).empty


def test_a_large_provider_is_no_jump(beds: pd.DataFrame) -> None:
    large = exposure(["Z"], quarters(2021, 2023), beds=400.0)
    tables = dw.read_tables(exposure=pd.concat([beds, large], ignore_index=True))
    for trace in (units.capacity_given, units.tenfold, units.hours_given, units.jump):
        assert trace(tables).empty


def test_registrations_without_bed_days_of_that_period(beds: pd.DataFrame) -> None:
    register = Register()
    for provider in "ABC":
        register.background(provider, 30, seed=ord(provider), first="2021-01-02", days=1000)
    register.add("2022-05-03T12:31", provider="B")
    tables = register.tables(exposure=beds.drop(index=ROW))
    seen = joins.without_exposure(tables)
    assert set(zip(seen["provider_id"], seen["period"], strict=True)) == {("B", "2022-Q2")}
    began = pd.to_datetime(register.frame["begin"])
    here = (register.frame["provider_id"] == "B") & (began >= "2022-04-01") & (began < "2022-07-01")
    assert seen["registrations"].sum() == here.sum()


def test_a_location_that_was_closed(beds: pd.DataFrame) -> None:
    register = Register()
    register.background("A", 30, seed=1, first="2021-01-02", days=300)
    register.background("B", 30, seed=2, first="2021-01-02", days=1000)
    register.add("2023-02-03T12:31", provider="A")
    locations = pd.DataFrame(
        {"provider_id": ["A", "B", "C"], "location_id": ["A1", "B1", "C1"], "closed": ["2022-12-31", None, None]}
    )
    open_rows = (beds["provider_id"] != "A") | (beds["period"] < "2023")
    tables = register.tables(exposure=beds[open_rows].reset_index(drop=True), locations=locations)
    seen = joins.closed_location(tables)
    assert list(zip(seen["location_id"], seen["period"], seen["registrations"], strict=True)) == [("A1", "2023-Q1", 1)]
    still = register.tables(exposure=beds, locations=locations)
    after = joins.closed_location(still)
    assert set(after.loc[after["bed_days"] > 0, "period"]) == set(quarters(2023, 2023))


def test_no_check_of_places_names_anybody(gaps: dw.Tables) -> None:
    assert found(gaps)
