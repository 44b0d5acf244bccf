"""Evidence beside the register: drawn from the true events, blind to registration, and changing nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check, check_input
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.register.periods import convert_periods
from dwangstats.errors import DomainError
from dwangstats.worlds.evidence import Happened, audits_table, joint_completeness, second_source_table
from dwangstats.worlds.parameters import EvidenceParameters
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.world import World

CELL = ["provider_id", "period", "form"]
SEEDS = range(40)
#: Four standard errors: one draw in 16,000 lies beyond.
FAR = 4.0


@pytest.fixture(scope="module")
def small() -> list[World]:
    """Forty worlds; the scenario does not matter to how evidence is drawn."""
    return [worlds.make(worlds.NAMES[seed % 3], "small", seed, calibrate=False) for seed in SEEDS]


def half_years(world: World) -> pd.DataFrame:
    """True and registered events by provider, half-year and form."""
    truth = world.truth.assign(period=convert_periods(world.truth["period"], "half-year"))
    truth["expected_registered"] = truth["true_events"] * truth["completeness"]
    days = world.tables.exposure.groupby(["provider_id", "period"])["bed_days"].sum().rename("days")
    expected = world.truth.join(days, on=["provider_id", "period"])
    truth["expected"] = expected["expected_rate"] * expected["days"] / 1000.0
    columns = ["true_events", "registered_events", "expected_registered", "expected"]
    sums = truth.groupby(CELL)[columns].sum()
    return sums.join(truth.groupby(CELL)["delivered"].first())


def audited(world: World) -> pd.DataFrame:
    return world.tables.audits.set_index(CELL).join(half_years(world))


def test_audit_totals_and_places(small):
    for world in small:
        rows = world.tables.audits
        by_year = rows.groupby(rows["period"].str[:4])["n_found"].sum()
        assert by_year.to_dict() == {"2021": 500.0, "2023": 500.0}
        assert 8 <= rows["provider_id"].nunique() <= 12
        assert (rows["n_found"] > 0).all()
        assert set(rows["design"]) == {"random"}
        both = audited(world)
        assert (both["n_found"] <= both["true_events"]).all()
        assert (both["n_registered"] <= both[["n_found", "registered_events"]].min(axis=1)).all()
        missed = both["true_events"] - both["registered_events"]
        assert (both["n_found"] - both["n_registered"] <= missed).all()


def test_the_audit_covers_half_years_that_were_not_delivered(small):
    share = np.mean([1.0 - audited(world)["delivered"].mean() for world in small])
    assert 0.05 < share < 0.30


def test_share_registered_in_the_audit_is_the_completeness(small):
    cells = pd.concat([audited(world) for world in small])
    found, p = cells["n_found"], cells["expected_registered"] / cells["true_events"]
    gap = (cells["n_registered"] - found * p).sum() / np.sqrt((found * p * (1.0 - p)).sum())
    assert abs(gap) < FAR
    # Given what was registered, the audit is hypergeometric: mean and variance per cell.
    share = cells["registered_events"] / cells["true_events"]
    left = (cells["true_events"] - found) / (cells["true_events"] - 1.0).clip(lower=1.0)
    variance = found * share * (1.0 - share) * left
    residual = cells["n_registered"] - found * share
    assert abs(residual.sum()) < FAR * np.sqrt(variance.sum())
    # Relative spread of a sum of about 6,000 squares: some per cent.
    assert (residual**2).sum() == pytest.approx(variance.sum(), rel=0.10)


def test_the_audit_finds_events_whether_registered_or_not(small):
    cells = pd.concat([audited(world).assign(world=i) for i, world in enumerate(small)]).reset_index()
    cells["year"] = cells["period"].str[:4]
    pools = pd.concat([half_years(world).assign(world=i) for i, world in enumerate(small)]).reset_index()
    pools["year"] = pools["period"].str[:4]
    visited = pools.merge(cells[["world", "provider_id"]].drop_duplicates())
    # Within the visited providers of a year every event has the same chance to be found.
    urn = visited.merge(cells[["world", "year", *CELL, "n_found"]], how="left").fillna({"n_found": 0.0})
    urn = urn[urn["year"].isin(["2021", "2023"])]
    total = urn.groupby(["world", "year"])[["true_events", "n_found"]].transform("sum")
    expected = urn["true_events"] * total["n_found"] / total["true_events"]
    missed_share = 1.0 - urn["registered_events"] / urn["true_events"].clip(lower=1)
    residual = urn["n_found"] - expected
    assert np.corrcoef(residual, missed_share)[0, 1] == pytest.approx(0.0, abs=FAR / np.sqrt(len(urn)))
    assert np.mean(residual**2 / expected.clip(lower=1e-9)) < 1.1


def test_a_targeted_audit_visits_the_best_registrars():
    best = EvidenceParameters(audit_design="best", audit_share=0.25)
    world = worlds.make("mixed", "small", 3, evidence=best)
    assert set(world.tables.audits["design"]) == {"targeted"}
    logit = np.log(world.truth["completeness"] / (1.0 - world.truth["completeness"]))
    quality = logit.groupby(world.truth["provider_id"]).mean().sort_values(ascending=False)
    visited = set(world.tables.audits["provider_id"])
    assert visited <= set(quality.index[:6])
    random = worlds.make("mixed", "small", 3).tables.audits
    shares = [t["n_registered"].sum() / t["n_found"].sum() for t in (world.tables.audits, random)]
    assert shares[0] > shares[1]


def test_the_second_source_holds_the_register_of_delivered_half_years(small):
    for world in small[:6]:
        rows = world.tables.second_source.set_index(CELL)
        cells = rows.join(half_years(world), how="left")
        assert cells["delivered"].all()
        assert (cells["both"] + cells["register_only"] == cells["registered_events"]).all()
        assert (cells["other_only"] <= cells["true_events"] - cells["registered_events"]).all()
        assert rows.index.get_level_values(0).nunique() <= 12
        panel = build_panel(world.tables, by="half-year").observed.set_index(["provider", "period", "form"])["events"]
        counted = panel.reindex(rows.index).fillna(0.0)
        assert (counted == rows["both"] + rows["register_only"]).all()
        wanted = half_years(world).query("delivered").loc[list(rows.index.get_level_values(0).unique())]
        assert len(wanted) == len(rows)


def test_the_second_source_takes_no_notice_of_registration(small):
    cells = pd.concat([w.tables.second_source.set_index(CELL).join(half_years(w)) for w in small])
    p2 = EvidenceParameters().linked_completeness
    for caught, of in (
        (cells["both"].sum(), cells["registered_events"].sum()),
        (cells["other_only"].sum(), (cells["true_events"] - cells["registered_events"]).sum()),
    ):
        assert abs(caught - of * p2) < FAR * np.sqrt(of * p2 * (1.0 - p2))


@pytest.mark.parametrize("odds_ratio", [0.4, 1.0, 3.0])
def test_dependent_registers_have_the_margins_and_the_odds_ratio(odds_ratio):
    first = np.linspace(0.02, 0.98, 49)
    both = joint_completeness(first, 0.6, odds_ratio)
    cross = both * (1.0 - first - 0.6 + both) / ((first - both) * (0.6 - both))
    np.testing.assert_allclose(cross, odds_ratio, rtol=1e-11)


def test_joint_completeness_is_stable_around_independence():
    near = joint_completeness(np.array([0.3]), 0.6, 1.0 + 1e-12)
    assert near[0] == pytest.approx(0.18, rel=1e-12)


def test_drawn_dependence_is_the_one_asked_for():
    rng = np.random.default_rng(5)
    calendar = Calendar((2021, 2022, 2023))
    shape = (200, 12, 2)
    completeness = np.full(shape, 0.7)
    true = rng.poisson(20.0, size=shape).astype(float)
    happened = Happened(
        providers=tuple(f"p{i}" for i in range(200)),
        forms=("x", "y"),
        calendar=calendar,
        true=true,
        registered=rng.binomial(true.astype(int), completeness).astype(float),
        expected=np.full(shape, 20.0),
        completeness=completeness,
        quality=np.zeros(200),
        delivered=np.ones((200, 6), dtype=bool),
    )
    plan = EvidenceParameters(linked_share=1.0, linked_odds_ratio=2.5)
    table = second_source_table(happened, plan, rng)
    cells = table[["both", "register_only", "other_only"]].sum()
    neither = true.sum() - cells.sum()
    log_ratio = np.log(cells["both"] * neither / (cells["register_only"] * cells["other_only"]))
    error = np.sqrt((1.0 / cells).sum() + 1.0 / neither)
    assert abs(log_ratio - np.log(2.5)) < FAR * error
    assert audits_table(happened, replace(plan, audit_events=10**9), rng)["n_found"].sum() == pytest.approx(
        true[:100, :4].sum() * 2, rel=0.05
    )


def test_controls_follow_the_true_trend_of_every_provider(small):
    gap, variance, before, after = 0.0, 0.0, 0.0, 0.0
    for world in small:
        truth = half_years(world).groupby(["provider_id", "period"])["expected"].sum()
        rows = world.tables.controls.set_index(["provider_id", "period"])["control_count"]
        assert len(rows) == len(truth)
        assert world.tables.controls["provider_id"].nunique() == 24
        total = rows.groupby("provider_id").transform("sum")
        share = truth / truth.groupby("provider_id").transform("sum")
        late = rows.index.get_level_values("period").str.startswith("2023")
        p = share[late].groupby("provider_id").sum()
        n = total.groupby("provider_id").first()
        gap += float((rows[late].groupby("provider_id").sum() - n * p).sum())
        variance += float((n * p * (1.0 - p)).sum())
        before += float((n * share[~late].groupby("provider_id").sum()).sum())
        after += float((n * p).sum())
    assert abs(gap) < FAR * np.sqrt(variance)
    # The check can tell a trend that is off by 2 %.
    assert 0.02 * after > 2.0 * np.sqrt(variance) * before / (before + after)


def test_controls_can_drift_away():
    straight, drifting = (
        worlds.make("mixed", "small", 2, evidence=EvidenceParameters(controls_drift=drift)).tables.controls
        for drift in (0.0, 0.5)
    )
    growth = [
        rows.loc[rows["period"].str.startswith("2023"), "control_count"].sum()
        / rows.loc[rows["period"].str.startswith("2021"), "control_count"].sum()
        for rows in (straight, drifting)
    ]
    # Both are read off the same uniform numbers; some 1,500 outcomes a year.
    assert growth[1] / growth[0] == pytest.approx(np.exp(0.5), rel=0.05)


def test_evidence_changes_nothing_else():
    plans = [
        EvidenceParameters(),
        EvidenceParameters(audit_events=0, linked_share=0.0, controls_per_event=0.0),
        EvidenceParameters(audit_events=300, audit_design="best", linked_odds_ratio=2.0, controls_spread=0.0),
    ]
    one, *others = (worlds.make("mixed", "tiny", 4, evidence=plan) for plan in plans)
    for other in others:
        for table in ("registrations", "exposure", "locations", "deliveries"):
            pd.testing.assert_frame_equal(getattr(other.tables, table), getattr(one.tables, table))
        pd.testing.assert_frame_equal(other.truth, one.truth)
    assert others[0].tables.audits is None
    assert others[0].tables.second_source is None
    assert others[0].tables.controls is None
    assert others[1].tables.audits["n_found"].sum() == 300
    assert others[1].parameters["evidence"]["audit_design"] == "best"


def test_the_rules_find_nothing_in_the_evidence(small):
    for world in small[:3]:
        assert check_input(world.tables).findings == ()
        # What deliveries say themselves, and a ward that is truly full in a quarter.
        known = {"half-year-missing", "file-refused", "capacity-for-occupancy"}
        assert {finding.rule for finding in check(world.tables).findings} <= known


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"audit_design": "worst"}, "there is no audit design 'worst'; choose one of random, best"),
        ({"audit_events": -1}, "audit_events must be a whole number of at least 0, got -1"),
        ({"audit_events": 10.5}, "audit_events must be a whole number"),
        ({"audit_share": 0.0}, r"audit_share must be in \(0, 1\], got 0"),
        ({"linked_share": 1.1}, r"linked_share must be in \[0, 1\], got 1.1"),
        ({"linked_completeness": 1.0}, r"linked_completeness must be in \(0, 1\), got 1"),
        ({"linked_odds_ratio": float("nan")}, "linked_odds_ratio must be a positive number, got nan"),
        ({"controls_per_event": -0.1}, "controls_per_event must be a number of at least 0"),
        ({"controls_spread": float("inf")}, "controls_spread must be a number of at least 0"),
        ({"controls_drift": float("nan")}, "controls_drift must be a number"),
    ],
)
def test_refuses_numbers_that_make_no_evidence(arguments, message):
    with pytest.raises(DomainError, match=message):
        EvidenceParameters(**arguments)
