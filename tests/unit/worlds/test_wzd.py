"""The Wzd register: standing measures are planned, the rest is not; one law, its own codes, three truths."""

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check, check_input
from dwangstats.data.config.analysis import load_config
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.register.codes import codes_in_law, form_of
from dwangstats.data.register.periods import convert_periods
from dwangstats.errors import DataError
from dwangstats.worlds.lapses import PatternParameters
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.result import World
from dwangstats.worlds.wzd_parameters import PUBLISHED_GROWTH_WZD, WZD


@pytest.fixture(scope="module")
def three() -> dict[str, World]:
    return {name: worlds.make(name, "small", sector="wzd") for name in worlds.NAMES}


@pytest.fixture(scope="module")
def world(three) -> World:
    return three["mixed"]


@pytest.fixture(scope="module")
def national() -> World:
    return worlds.make("mixed", "national", sector="wzd")


def test_expected_growth_is_the_published_one(three):
    for world in three.values():
        growth = world.figures["growth"]["all"]["complete"]
        assert growth["expected_registered"] == pytest.approx(PUBLISHED_GROWTH_WZD, abs=1e-6)
    true = [w.figures["growth"]["all"]["complete"]["expected_true"] for w in three.values()]
    assert true[:2] == pytest.approx([0.0, 0.08], abs=1e-6)
    assert true[2] > 0.10


def test_one_law_and_its_codes(three):
    for world in three.values():
        rows = world.tables.registrations
        assert set(rows["law"]) == {"WZD"}
        assert rows["intervention_code"].isin(codes_in_law("WZD")).all()
        assert set(rows["legal_status"]) <= {"OPM", "RM", "IBS", "VM"}
        assert not check(world.tables).errors
        assert not check_input(world.tables).warnings
        # A ward that is truly full in a quarter looks like one of which the capacity was filled in.
        assert {finding.rule for finding in check(world.tables).warnings} <= {"capacity-for-occupancy"}


def test_forms_are_those_of_their_codes():
    for form in WZD.forms:
        assert set(form_of([c.code for c in form.codes])) == {form.name.removesuffix("_standing")}
        assert sum(c.share for c in form.codes) == pytest.approx(1.0)
        assert len(form.rates) == len(WZD.kinds)
    assert WZD.standing_forms == ("restraint_standing", "other_standing")


def test_planned_is_a_choice(world):
    with pytest.raises(DataError, match="never added up silently"):
        build_panel(world.tables)
    truth = world.truth[world.truth["delivered"]]
    truth = truth.assign(half=convert_periods(truth["period"], "half-year"))
    for planned in (True, False):
        mine = truth[truth["form"].str.endswith("_standing") == planned]
        told = mine.groupby(["provider_id", "half"])["registered_events"].sum()
        panel = build_panel(world.tables, planned=planned)
        seen = panel.observed.groupby(["provider", "period"])["events"].sum()
        both = pd.concat([told.rename_axis(seen.index.names), seen], axis=1).dropna()
        assert (both["registered_events"] == both["events"]).all()
        assert seen.sum() == told.sum() > 50


def test_standing_measures_last_for_months(national):
    rows = national.tables.registrations
    planned = rows["planned"].astype(bool)
    hours = (rows["end"] - rows["begin"]).dt.total_seconds() / 3600.0
    assert rows.loc[planned, "end"].isna().mean() > 0.1
    assert (rows.loc[planned, "end"].dropna() <= rows.loc[planned, "received_at"].loc[rows["end"].notna()]).all()
    # Ends that came after the delivery are not known yet, so that the known ones are the shorter ones.
    assert 300 < hours[planned].median() < 2160
    assert hours[~planned].median() < 24


def test_rates_and_completeness(national):
    days = national.tables.exposure["bed_days"].sum()
    truth = national.truth.assign(standing=national.truth["form"].str.endswith("_standing"))
    total = truth.groupby("standing")[["true_events", "registered_events"]].sum()
    rate = 1000.0 * total["true_events"] / days
    # The true zeros take a quarter of the rate away: 0.8 and 0.15 per 1,000 client-days among those that have any.
    assert rate[False] == pytest.approx(0.8 * 0.75, rel=0.15)
    assert rate[True] == pytest.approx(0.15 * 0.75, rel=0.25)
    completeness = total["registered_events"] / total["true_events"]
    assert completeness[True] == pytest.approx(0.80, abs=0.04)
    assert completeness[False] == pytest.approx(0.52, abs=0.04)


def test_deliveries(national):
    deliveries = national.tables.deliveries
    correct = deliveries["status"].isin(["accepted", "nothing_to_report"])
    yearly = correct.groupby(deliveries["period"].str[:4]).mean()
    # 700 half-years a year: a standard error of 2 points, more as they go together within providers.
    assert yearly.to_numpy() == pytest.approx(WZD.correct_by_year, abs=0.06)
    assert (deliveries["status"] == "nothing_to_report").mean() == pytest.approx(0.25 * correct.mean(), abs=0.05)
    assert national.truth["provider_id"].nunique() == 350
    assert 3_500 < len(national.tables.locations) < 4_300


def test_evidence_is_of_what_is_not_planned(world):
    for table in (world.tables.audits, world.tables.second_source):
        assert not table["form"].str.contains("standing").any()
        assert set(table["form"]) <= {"seclusion", "other_locking_in", "medication", "restraint", "other"}


def test_common_random_numbers(three):
    first, *others = three.values()
    for world in others:
        pd.testing.assert_frame_equal(world.tables.exposure, first.tables.exposure)


def test_every_layer_together():
    world = worlds.make(
        "real-only", "small", 2, sector="wzd", errors=ErrorParameters(), patterns=PatternParameters(), versions=True
    )
    assert not check(world.tables).errors
    assert {"E2", "E8", "E12", "pattern"} <= set(world.planted["error"])
    assert "E15" not in set(world.planted["error"])
    wrong = world.planted.query("error == 'E8'")["registration_id"]
    rows = world.tables.registrations.set_index("registration_id")
    assert set(rows.loc[wrong, "law"]) == {"WVGGZ"}
    last = world.tables.registrations.drop_duplicates("registration_id", keep="last")
    truth = world.truth[world.truth["delivered"]]
    assert len(last) == truth["registered_events"].sum() + (world.planted["effect"] == "added").sum()


def test_can_be_written_and_read(world, tmp_path):
    folder = worlds.write(world, tmp_path / "wzd")
    config = load_config(folder / "dwangstats.toml")
    assert config.panel.planned is False
    assert config.panel.law == "WZD"
    assert not (folder / "planted.csv").exists()


def test_same_seed_same_world(world):
    again = worlds.make("mixed", "small", sector="wzd")
    assert again.tables.fingerprint == world.tables.fingerprint
    assert np.array_equal(again.truth["true_events"], world.truth["true_events"])
