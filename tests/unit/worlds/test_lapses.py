"""Reporting patterns: silent providers, joiners, leavers and flickering ones, with events that nobody registered."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check
from dwangstats.data.panels.panel import build_panel
from dwangstats.errors import DomainError
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.lapses import PatternParameters, draw_patterns, rounded_up, thin_registered
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.result import World

EVERY = PatternParameters(silent=0.08, joiners=0.10, leavers=0.08, flickering=0.08)


@pytest.fixture(scope="module")
def world() -> World:
    return worlds.make("mixed", "small", 4, patterns=EVERY)


@pytest.fixture(scope="module")
def plain() -> World:
    return worlds.make("mixed", "small", 4)


def quiet(world: World, pattern: str) -> dict[str, set[str]]:
    rows = world.planted[world.planted["detail"] == pattern]
    return rows.groupby("provider_id")["period"].apply(set).to_dict()


def test_who_is_silent_when(world):
    quarters = set(world.truth["period"])
    assert all(periods == quarters for periods in quiet(world, "silent").values())
    assert all(periods == {q for q in quarters if q < "2022"} for periods in quiet(world, "joiner").values())
    for periods in quiet(world, "leaver").values():
        assert periods in ({q for q in quarters if q >= "2023"}, {q for q in quarters if q >= "2023-Q3"})
    for periods in quiet(world, "flickering").values():
        assert len(periods) % 2 == 0
    counts = [len(quiet(world, name)) for name in ("silent", "joiner", "leaver", "flickering")]
    assert counts[:3] == [2, 3, 2]
    assert counts[3] <= 2
    providers = [set(quiet(world, name)) for name in ("silent", "joiner", "leaver", "flickering")]
    assert sum(map(len, providers)) == len(set().union(*providers))


def test_silence_is_of_registration_and_not_of_events(world, plain):
    silent = world.planted.set_index(["provider_id", "period"]).index
    truth = world.truth.set_index(["provider_id", "period"])
    hit = truth.index.isin(silent)
    assert (truth.loc[hit, "registered_events"] == 0).all()
    assert (truth.loc[hit, "completeness"] == 0.0).all()
    assert (truth["true_events"] == plain.truth.set_index(["provider_id", "period"])["true_events"]).all()
    assert truth.loc[hit, "true_events"].sum() > 100
    assert truth[~hit].equals(plain.truth.set_index(["provider_id", "period"])[~hit])


def test_silence_looks_like_nothing_to_report(world):
    silent = quiet(world, "silent")
    deliveries = world.tables.deliveries
    told = deliveries[deliveries["provider_id"].isin(silent)]
    assert set(told["status"]) <= {"nothing_to_report", "not_delivered"}
    panel = build_panel(world.tables, by="half-year").for_form("all").frame
    mine = panel[panel["provider"].isin(silent) & panel["delivered"]]
    assert (mine["events"] == 0).all()
    assert not check(world.tables).errors


def test_an_empty_file_looks_like_nothing_to_register(world, plain):
    told = worlds.make("mixed", "small", 4, patterns=replace(EVERY, undeclared=1.0))
    assert told.planted.equals(world.planted)
    assert told.truth.equals(world.truth)
    silent = quiet(told, "silent")
    assert set(told.tables.deliveries.query("provider_id in @silent")["status"]) <= {"accepted", "not_delivered"}
    changed = told.tables.deliveries["status"].ne(world.tables.deliveries["status"])
    assert set(world.tables.deliveries.loc[changed, "status"]) == {"nothing_to_report"}
    assert set(told.tables.deliveries.loc[changed, "status"]) == {"accepted"}
    cells = build_panel(told.tables, by="half-year").for_form("all").frame
    mine = cells[cells["provider"].isin(silent) & cells["delivered"]]
    assert len(mine) > 0
    assert (mine["events"] == 0).all()
    assert not check(told.tables).errors


def test_some_of_the_silent_declare_it_and_some_do_not():
    ids = np.array([f"p{i:04d}" for i in range(1000)])
    half = replace(EVERY, undeclared=0.5)
    lapses = draw_patterns(ids, ("seclusion",), Calendar((2021, 2022, 2023)), half, np.random.default_rng(1))
    quiet = (lapses.factor[:, :, 0] == 0.0).any(axis=1)
    assert not lapses.undeclared[~quiet].any()
    # 340 providers at a half: a standard error of 0.027.
    assert lapses.undeclared[quiet].mean() == pytest.approx(0.5, abs=0.11)


def test_tables_without_events_stay(world, plain):
    assert world.tables.exposure.equals(plain.tables.exposure)
    assert world.tables.locations.equals(plain.tables.locations)
    assert world.tables.controls.equals(plain.tables.controls)


def test_shares_are_rounded_up_and_disjoint():
    ids = np.array([f"p{i:04d}" for i in range(1000)])
    lapses = draw_patterns(ids, ("seclusion",), Calendar((2021, 2022, 2023)), EVERY, np.random.default_rng(1))
    quiet = (lapses.factor[:, :, 0] == 0.0).any(axis=1)
    # A flickering provider may have no silent half-year at all: one in 64.
    assert quiet.sum() == pytest.approx(80 + 100 + 80 + 80, abs=6)
    assert rounded_up(0.001, 24) == 1
    assert rounded_up(0.0, 24) == 0
    assert rounded_up(0.25, 24) == 6


def test_thinning_keeps_events_and_the_share():
    counts = Counts(true=np.full((200, 10, 1), 90.0), registered=np.full((200, 10, 1), 60.0))
    factor = np.full((200, 10, 1), 0.3)
    thinned = thin_registered(counts, factor, np.random.default_rng(2))
    assert (thinned.true == counts.true).all()
    assert (thinned.registered <= counts.registered).all()
    # 120,000 registrations: a standard error of 0.0013.
    assert thinned.registered.sum() / counts.registered.sum() == pytest.approx(0.3, abs=0.006)
    assert (thin_registered(counts, np.ones_like(factor), np.random.default_rng(2)).registered == 60.0).all()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_refuses_an_impossible_share_without_a_declaration(share):
    with pytest.raises(DomainError, match="undeclared must be a share between 0 and 1"):
        PatternParameters(undeclared=share)


@pytest.mark.parametrize("bad", [{"silent": -0.1}, {"joiners": 0.8, "leavers": 0.3}])
def test_refuses_impossible_shares(bad):
    with pytest.raises(DomainError, match="add up to at most 1"):
        PatternParameters(**bad)
