"""The search for silence: it seldom finds any where there is none, and finds what worlds have planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.panels.panel import Panel
from dwangstats.providers.patterns import ReportingPatterns, reporting_patterns
from dwangstats.providers.search import find_silence
from dwangstats.worlds.lapses import PatternParameters
from unit.providers.reporters import make_panel, normal_counts

RATE = "events ~ 1 + (1 | provider)"
SEEDS = range(4)


@pytest.mark.parametrize(("family", "alpha"), [("poisson", 0.0), ("nb2", 0.15)])
def test_panels_without_silence_seldom_get_any(family: str, alpha: float) -> None:
    rng = np.random.default_rng(17)
    named = 0
    for _ in range(8):
        counts = normal_counts(rng, 24, mean=5.0, sd=1.0, alpha=alpha)
        assert (counts == 0).any()
        search = find_silence(make_panel(counts), RATE, family, 0.05, 0.0)  # type: ignore[arg-type]
        named += bool(search.judgement.silent.any())
    # at 0.05 each more than 2 of 8 have a probability below 1 %
    assert named <= 2


def test_the_search_is_at_rest_where_it_ends() -> None:
    counts = normal_counts(np.random.default_rng(1), 20, mean=4.0)
    counts[0, :3], counts[1] = 0, 0
    search = find_silence(make_panel(counts), RATE, "nb2", 0.05, 0.0)
    assert not (search.judgement.silent & ~search.left_out).any()
    assert not (search.left_out & ~search.cells.zero).any()
    assert search.rates.nobs == counts.size - int(search.left_out.sum())


def test_with_locations_a_provider_is_silent_as_a_whole() -> None:
    counts = normal_counts(np.random.default_rng(21), 30, mean=15.0) + 1
    counts[0, :2] = counts[1, :2] = 0
    frame = pd.DataFrame(
        {
            "provider": np.repeat([f"p{i:02d}" for i in range(15)], 12),
            "location": np.repeat([f"l{i:02d}" for i in range(30)], 6),
            "period": ["2021-H1", "2021-H2", "2022-H1", "2022-H2", "2023-H1", "2023-H2"] * 30,
            "events": counts.ravel(),
            "days": 1000.0,
        }
    )
    panel = Panel.from_frame(
        frame, provider="provider", location="location", period="period", events="events", exposure="days"
    )
    found = reporting_patterns(panel, RATE)
    assert found.table["pattern"].tolist() == ["joiner"] + ["complete"] * 14
    assert found.periods["bed_days"].eq(2000.0).all()


@pytest.fixture(scope="module")
def worlds() -> list[tuple[pd.DataFrame, ReportingPatterns]]:
    return [_judged_world(seed) for seed in SEEDS]


def _judged_world(seed: int) -> tuple[pd.DataFrame, ReportingPatterns]:
    """Delivered provider-periods with what is planted there, and the patterns."""
    world = dw.worlds.make("mixed", "small", seed, calibrate=False, patterns=PatternParameters())
    panel = dw.build_panel(world.tables).for_form("all")
    planted = world.planted.loc[world.planted["error"] == "pattern"]
    places = zip(planted["provider_id"], planted["period"].map(_half), strict=True)
    kind = dict(zip(places, planted["detail"], strict=True))
    # in a world whoever registered nothing has declared it; here the silent ones say nothing
    status = panel.delivery_status
    quiet = pd.MultiIndex.from_frame(status[["provider", "period"]]).isin(list(kind)) & status["status"].eq(
        "nothing_to_report"
    )
    declared = panel
    panel = replace(panel, delivery_status=status.assign(status=status["status"].mask(quiet, "accepted")))
    found = reporting_patterns(panel)
    if seed == 0:
        _check_that_nobody_is_silent_who_declared(declared, found)
    events = world.truth.groupby(["provider_id", world.truth["period"].map(_half)])["true_events"].sum()
    cells = found.periods.loc[found.periods["delivered"]].reset_index(drop=True)
    keys = list(zip(cells["provider"], cells["period"], strict=True))
    return cells.assign(kind=[kind.get(key, "") for key in keys], true_events=events.reindex(keys).to_numpy()), found


def _check_that_nobody_is_silent_who_declared(panel: Panel, found: ReportingPatterns) -> None:
    """With the declarations of the world the same zeros are questions."""
    asked = reporting_patterns(panel).periods
    assert not asked["state"].eq("silent").any()
    silent = found.periods["state"] == "silent"
    assert asked.loc[silent, "state"].eq("declared").all()
    assert asked.loc[silent, "unlikely"].mean() >= 0.9


def _half(quarter: str) -> str:
    return f"{quarter[:4]}-H{(int(quarter[-1]) + 1) // 2}"


def test_planted_silence_is_found(worlds: list[tuple[pd.DataFrame, ReportingPatterns]]) -> None:
    cells = pd.concat([frame for frame, _ in worlds])
    silence = cells.loc[(cells["kind"] != "") & (cells["true_events"] > 0)]
    recall = silence["state"].eq("silent").groupby(silence["kind"]).mean()
    assert set(recall.index) == {"silent", "joiner", "leaver", "flickering"}
    assert silence["state"].eq("silent").mean() >= 0.9
    assert recall["silent"] >= 0.9
    assert recall["joiner"] >= 0.85


def test_what_is_called_silent_without_being_so_is_a_period_in_which_nothing_happened(
    worlds: list[tuple[pd.DataFrame, ReportingPatterns]],
) -> None:
    cells = pd.concat([frame for frame, _ in worlds])
    named = cells.loc[cells["state"] == "silent"]
    false = named.loc[named["kind"] == ""]
    # worlds have half-years without any event, far more than chance gives, but those are declared
    assert (false["true_events"] == 0).all()
    assert named["kind"].ne("").mean() >= 0.95


def test_patterns_carry_the_planted_names(worlds: list[tuple[pd.DataFrame, ReportingPatterns]]) -> None:
    hits, planted = 0, 0
    for cells, found in worlds:
        kinds = cells.loc[(cells["kind"] != "") & (cells["true_events"] > 0)].groupby("provider")["kind"].first()
        patterns = found.table.set_index("provider")["pattern"]
        hits += int((patterns[kinds.index] == kinds).sum())
        planted += kinds.size
    assert planted >= 16
    assert hits >= 0.8 * planted
