"""The three worlds: one register, three truths; what they share, what they realise, and what the tables add up to."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.change.selection import complete_deliverers, selection_coverage
from dwangstats.data.checks.check import check, check_input
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.register.codes import form_of
from dwangstats.data.register.periods import convert_periods, period_of
from dwangstats.errors import DomainError, InternalError
from dwangstats.worlds.parameters import SIZES, WVGGZ
from dwangstats.worlds.world import World

#: Poisson noise of the documented seed, in points of growth; the streams were chosen to stay within it.
REALISED = 0.02
#: Worlds with the same seed read nearly the same registrations off the same uniform numbers.
NEAR_EACH_OTHER = 0.02


@pytest.fixture(scope="module")
def small() -> dict[str, World]:
    return {name: worlds.make(name) for name in worlds.NAMES}


@pytest.fixture(scope="module")
def national() -> dict[str, World]:
    return {name: worlds.make(name, "national") for name in worlds.NAMES}


@pytest.fixture(params=["small", "national"])
def three(request) -> dict[str, World]:
    return request.getfixturevalue(request.param)


def registered(world: World) -> tuple[float, float]:
    growth = world.figures["growth"]
    return growth["all"]["complete"]["registered"], growth["seclusion"]["complete"]["registered"]


def test_every_world_realises_the_published_growth(three):
    for world in three.values():
        assert registered(world) == pytest.approx((0.30, 0.15), abs=REALISED)


def test_worlds_cannot_be_told_apart_by_their_growth(three):
    both = np.array([registered(world) for world in three.values()])
    assert np.all(np.ptp(both, axis=0) < NEAR_EACH_OTHER)


def test_truths_differ(three):
    true = {n: w.figures["growth"]["all"]["complete"]["true"] for n, w in three.items()}
    assert true["registration-only"] == pytest.approx(0.0, abs=REALISED)
    assert true["mixed"] == pytest.approx(0.09, abs=REALISED)
    assert true["real-only"] == pytest.approx(0.30, abs=REALISED)
    seclusion = {n: w.figures["growth"]["seclusion"]["complete"]["true"] for n, w in three.items()}
    assert seclusion["registration-only"] == pytest.approx(0.02, abs=REALISED)
    assert seclusion["mixed"] == pytest.approx(0.08, abs=REALISED)


def test_about_three_quarters_of_providers_are_kept(three):
    for world in three.values():
        assert world.figures["kept"]["providers"] == pytest.approx(0.76, abs=0.04)
        assert 0.65 < world.figures["kept"]["bed_days"] < 0.85


def test_bed_days_of_kept_providers_fall_a_little(three):
    world = three["mixed"]
    kept = complete_deliverers(build_panel(world.tables, by="half-year").for_form("all"))
    days = world.tables.exposure[world.tables.exposure["provider_id"].isin(kept)]
    yearly = days.groupby(days["period"].str[:4])["bed_days"].sum()
    # Two years of -1 %; a ratio of rates is then about two points above the ratio of counts.
    assert yearly["2023"] / yearly["2021"] == pytest.approx(0.98, abs=0.015)


def test_sizes(three):
    for world in three.values():
        assert world.truth["provider_id"].nunique() == SIZES[world.size].providers
        assert len(world.tables.registrations) == world.figures["rows"]


def test_national_exposure_and_documented_rows(national, small):
    exposure = national["mixed"].tables.exposure
    yearly = exposure.groupby(exposure["period"].str[:4])["bed_days"].sum()
    # The occupancy of a few large providers moves the total by some per cent.
    assert yearly["2021"] == pytest.approx(3.3e6, rel=0.05)
    # Openings and closures may outweigh the trend of -1 % in a single year, not over two.
    assert yearly["2023"] < yearly["2021"]
    assert all(11_000 < world.figures["rows"] < 18_000 for world in small.values())


def test_common_random_numbers(three):
    first, *others = three.values()
    shared = ["provider_id", "period", "due_on", "received_at", "version"]
    for world in others:
        pd.testing.assert_frame_equal(world.tables.exposure, first.tables.exposure)
        pd.testing.assert_frame_equal(world.tables.locations, first.tables.locations)
        keys = ["provider_id", "period", "form", "delivered"]
        pd.testing.assert_frame_equal(world.truth[keys], first.truth[keys])
        one, other = (w.tables.deliveries.set_index(["provider_id", "period"]) for w in (first, world))
        sent = one["received_at"].notna() & other["received_at"].notna()
        assert sent.mean() > 0.75
        pd.testing.assert_frame_equal(one.loc[sent, shared[2:]], other.loc[sent, shared[2:]])


def test_registrations_of_worlds_go_together(national):
    counts = pd.DataFrame({n: w.truth["registered_events"] for n, w in national.items()})
    assert counts.corr().to_numpy().min() > 0.97


@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("name", worlds.NAMES)
def test_calibration_holds_for_other_seeds(name, seed):
    growth = worlds.make(name, "small", seed).figures["growth"]
    assert growth["all"]["complete"]["expected_registered"] == pytest.approx(0.30, abs=1e-6)
    assert growth["seclusion"]["complete"]["expected_registered"] == pytest.approx(0.15, abs=1e-6)


def test_realised_growth_scatters_around_the_published_one():
    both = np.array([registered(worlds.make("mixed", "small", seed)) for seed in range(100, 124)])
    # One world scatters by 3 and 7.5 points; the mean of 24 by 0.6 and 1.5, and a ratio is skewed upwards by as much.
    assert both.mean(axis=0) == pytest.approx((0.30, 0.15), abs=0.035)
    assert 0.015 < both[:, 0].std() < 0.05


def test_without_calibration_a_population_around_the_published_growth():
    growth = [worlds.make("registration-only", "small", seed, calibrate=False).figures["growth"] for seed in range(24)]
    totals = np.array([g["all"]["complete"]["expected_registered"] for g in growth])
    # Drawn over populations: mean +34 %; between seeds about 20 points in the small world, 4 in the median of 24.
    assert np.median(totals) == pytest.approx(0.34, abs=0.12)
    assert totals.std() > 0.08


@pytest.mark.parametrize("name", worlds.NAMES)
def test_without_calibration_the_parameters_are_the_scenarios(name):
    world = worlds.make(name, "tiny", calibrate=False)
    scenario, path = world.parameters["scenario"], world.parameters["path"]
    assert tuple(path["completeness_before"].values()) == pytest.approx(scenario["completeness_before"], abs=1e-6)
    assert tuple(path["completeness_after"].values()) == pytest.approx(scenario["completeness_after"], abs=1e-6)
    assert path["rate_growth"]["seclusion"] == pytest.approx(scenario["rate_growth_seclusion"], abs=1e-6)
    assert world.parameters["calibrated"] is False


def test_truth_is_consistent(three):
    for world in three.values():
        truth = world.truth
        assert (truth["registered_events"] <= truth["true_events"]).all()
        assert truth["completeness"].between(0, 1, inclusive="neither").all()
        assert (truth["expected_rate"] >= 0).all()
        assert not truth.duplicated(["provider_id", "period", "form"]).any()


def test_truth_agrees_with_its_own_expectation(national):
    for world in national.values():
        days = world.tables.exposure.groupby(["provider_id", "period"])["bed_days"].sum().rename("days")
        truth = world.truth.join(days, on=["provider_id", "period"])
        expected = truth["expected_rate"] * truth["days"] / 1000.0
        for drawn, mean in (("true_events", expected), ("registered_events", expected * truth["completeness"])):
            gap = (truth[drawn].sum() - mean.sum()) / np.sqrt(mean.sum())
            assert abs(gap) < 4.0
            z2 = (truth[drawn] - mean) ** 2 / mean.where(mean > 0)
            # Poisson around its expectation: the mean squared standardised residual is one (4,600 cells).
            assert z2.mean() == pytest.approx(1.0, abs=0.15)


def test_rates_per_form_are_the_published_ones(national):
    world = national["registration-only"]
    before = world.truth[world.truth["period"].str.startswith("2021")]
    days = world.tables.exposure
    days = days.loc[days["period"].str.startswith("2021"), "bed_days"].sum()
    rate = 1000.0 * before.groupby("form")["true_events"].sum() / days
    beds = np.array([k.share * k.median_beds for k in WVGGZ.kinds])
    for form in WVGGZ.forms:
        published = float(np.average(form.rates, weights=beds))
        # Eighty providers with a log-sd of 0.7, half of the beds with a dozen of them: a relative spread of 15 %.
        assert rate[form.name] == pytest.approx(published, rel=0.45)


def test_register_holds_exactly_the_delivered_registrations(three):
    for world in three.values():
        rows = world.tables.registrations
        drawn = pd.DataFrame(
            {
                "provider_id": rows["provider_id"],
                "period": period_of(rows["begin"], "quarter"),
                "form": form_of(rows["intervention_code"]),
            }
        ).value_counts()
        told = world.truth[world.truth["delivered"] & (world.truth["registered_events"] > 0)]
        told = told.set_index(["provider_id", "period", "form"])["registered_events"]
        pd.testing.assert_series_equal(
            drawn.sort_index(), told.sort_index(), check_names=False, check_dtype=False, check_index_type=False
        )


def test_panel_counts_what_the_truth_says(small):
    world = small["mixed"]
    panel = build_panel(world.tables, by="half-year")
    assert panel.registrations_read == world.figures["rows"]
    truth = world.truth[world.truth["delivered"]].assign(
        half=convert_periods(world.truth.loc[world.truth["delivered"], "period"], "half-year")
    )
    told = truth.groupby(["provider_id", "half", "form"])["registered_events"].sum()
    seen = panel.observed.set_index(["provider", "period", "form"])["events"]
    assert seen.sum() == told.sum()
    both = pd.concat([told.rename_axis(seen.index.names), seen], axis=1)
    assert (both["registered_events"] - both["events"]).fillna(0).abs().max() == 0


def test_selection_coverage_is_the_figures(small):
    for world in small.values():
        panel = build_panel(world.tables, by="half-year").for_form("all")
        kept = complete_deliverers(panel)
        coverage = selection_coverage(panel, kept).set_index("quantity")["share"]
        for quantity in ("providers", "bed_days", "registrations"):
            assert coverage[quantity] == pytest.approx(world.figures["kept"][quantity], abs=1e-6)


def test_nothing_to_find_in_the_tables(three):
    """But for what the deliveries say themselves, and wards that are truly full for a quarter."""
    for world in three.values():
        assert check_input(world.tables).to_frame().empty
        found = check(world.tables).to_frame().set_index("rule")
        assert set(found.index) <= {"half-year-missing", "file-refused", "capacity-for-occupancy"}
        assert found["count"].get("capacity-for-occupancy", 0) <= 3


def test_rejected_and_undelivered_half_years_have_no_registrations(national):
    world = national["mixed"]
    rows = world.tables.registrations
    halves = pd.MultiIndex.from_arrays([rows["provider_id"], period_of(rows["begin"], "half-year")])
    status = world.tables.deliveries.set_index(["provider_id", "period"])["status"]
    assert set(status.loc[halves.unique()]) == {"accepted"}
    assert set(status) == {"accepted", "rejected", "not_delivered", "nothing_to_report"}


@pytest.mark.parametrize("name", worlds.NAMES)
def test_same_seed_same_world(name):
    one, other = worlds.make(name, "tiny", 9), worlds.make(name, "tiny", np.random.SeedSequence(9))
    assert one.tables.fingerprint == other.tables.fingerprint
    assert one.figures == other.figures
    assert worlds.make(name, "tiny", 10).tables.fingerprint != one.tables.fingerprint


def test_a_generator_gives_another_world_each_time():
    generator = np.random.default_rng(3)
    one, other = (worlds.make("mixed", "tiny", generator) for _ in range(2))
    assert one.tables.fingerprint != other.tables.fingerprint
    assert one.seed == (3, 0)
    assert other.seed == (3, 1)
    again = np.random.SeedSequence(3, spawn_key=(1,))
    assert worlds.make("mixed", "tiny", again).tables.fingerprint == other.tables.fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mxied",), "there is no world 'mxied'; choose one of registration-only, mixed, real-only"),
        (("mixed", "huge"), "there is no size 'huge'; choose one of tiny, small, national"),
        (("mixed", "tiny", -3), "rng must be an integer of at least 0"),
    ],
)
def test_refuses_what_it_does_not_know(arguments, message):
    with pytest.raises(DomainError, match=message):
        worlds.make(*arguments)


def test_a_world_that_contradicts_itself_cannot_be_made():
    world = worlds.make("mixed", "tiny")
    with pytest.raises(InternalError, match="more registrations than events"):
        replace(world, truth=world.truth.assign(registered_events=10**6))
    with pytest.raises(InternalError, match="not between 0 and 1"):
        replace(world, truth=world.truth.assign(completeness=1.0))


def test_prints_in_two_lines_and_names_nobody():
    text = repr(worlds.make("mixed", "tiny"))
    assert text.startswith("World('mixed', size='tiny', seed=1): ")
    assert "registered +" in text
    assert len(text) < 250


def test_national_is_made_in_seconds(record_property):
    began = time.perf_counter()
    worlds.make("mixed", "national", rng=4)
    seconds = time.perf_counter() - began
    record_property("seconds_national_world", round(seconds, 2))
    assert seconds < 20.0
