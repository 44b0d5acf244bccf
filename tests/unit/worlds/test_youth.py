"""Closed youth care: the stages of the letter, locations that close, planned and unplanned, and three truths."""

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check
from dwangstats.data.config.analysis import load_config
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.reading.read import read_tables
from dwangstats.data.register.periods import period_of
from dwangstats.errors import DataError, DomainError
from dwangstats.worlds.folder import DOCUMENTED_SEED
from dwangstats.worlds.lapses import PatternParameters
from dwangstats.worlds.months import Months
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.result import World
from dwangstats.worlds.youth_parameters import PUBLISHED_CHANGE, PUBLISHED_STAGE_3, STAGE_2, STAGE_3, YEARS

#: Events are whole, so that the fall is within half an event of 5,000 in the stage before.
ROUNDED = 1e-4


@pytest.fixture(scope="module")
def three() -> dict[str, World]:
    return {name: worlds.make(name, "small", DOCUMENTED_SEED, sector="youth") for name in worlds.NAMES}


@pytest.fixture(scope="module")
def world(three) -> World:
    return three["mixed"]


def in_stage(frame: pd.DataFrame, stage: tuple[str, str]) -> pd.Series:
    return frame["period"].between(*stage)


def test_stage_3_has_the_published_number(three):
    for world in three.values():
        rows = world.tables.registrations
        months = pd.DataFrame({"period": period_of(rows["begin"], "month")})
        unplanned = ~rows["planned"].astype(bool).to_numpy()
        assert int((in_stage(months, STAGE_3).to_numpy() & unplanned).sum()) == PUBLISHED_STAGE_3


def test_fall_is_the_published_one_by_mean_occupancy(three):
    for world in three.values():
        panel = build_panel(world.tables, planned=False, by="month").frame
        exposure = world.tables.exposure
        count, youths, days = [], [], []
        for stage in (STAGE_2, STAGE_3):
            count.append(panel.loc[in_stage(panel, stage), "events"].sum())
            mine = exposure[in_stage(exposure, stage)]
            days.append(sum(pd.Period(p).days_in_month for p in mine["period"].unique()))
            youths.append(mine["bed_days"].sum() / days[-1])
        adjusted = count[1] / count[0] / (youths[1] / youths[0]) - 1.0
        assert adjusted == pytest.approx(PUBLISHED_CHANGE, abs=ROUNDED)
        # 183 and 181 days: by youth-day the same fall is 0.4 points smaller.
        assert (1.0 + adjusted) * days[0] / days[1] - 1.0 == pytest.approx(-0.606, abs=0.001)
        assert world.figures["change"]["registered"]["adjusted"] == pytest.approx(adjusted, abs=1e-4)
        assert days == [183, 181]


def test_three_truths(three):
    true = {name: world.figures["change"]["true"]["adjusted"] for name, world in three.items()}
    # About 2,000 to 5,000 events in stage 3: 1 to 2 per cent of the ratio.
    assert true["registration-only"] == pytest.approx(0.0, abs=0.05)
    assert true["mixed"] == pytest.approx(-0.5, abs=0.03)
    assert true["real-only"] == pytest.approx(PUBLISHED_CHANGE, abs=0.03)
    path = three["real-only"].parameters["path"]["completeness"]
    assert path["2"] == path["3"] == pytest.approx(0.65)


@pytest.mark.parametrize("seed", range(2, 7))
def test_calibration_holds_for_other_seeds(seed):
    figures = worlds.make("registration-only", "small", seed, sector="youth").figures
    assert figures["stages"]["3"]["registered"] == PUBLISHED_STAGE_3
    assert figures["change"]["registered"]["adjusted"] == pytest.approx(PUBLISHED_CHANGE, abs=3e-4)
    assert figures["change"]["expected_true"]["adjusted"] == pytest.approx(0.0, abs=1e-4)


def test_without_calibration_changes_scatter_far_more_than_poisson():
    change = np.array(
        [
            worlds.make("real-only", "small", seed, False, sector="youth").figures["change"]["registered"]["adjusted"]
            for seed in range(60)
        ]
    )
    # Between locations the change has a log-sd of 0.6: -73 % to -45 % in 19 of 20 draws, where Poisson has -63 to -59.
    assert np.median(change) == pytest.approx(-0.60, abs=0.04)
    assert np.ptp(np.quantile(change, [0.025, 0.975])) > 0.15


def test_exposure_follows_the_published_places(world):
    exposure = world.tables.exposure
    places = exposure.groupby("period")["capacity"].sum()
    assert places["2024-06"] == pytest.approx(564, abs=10)
    assert places["2024-12"] == pytest.approx(562, abs=10)
    youths = exposure.groupby("period")["mean_occupancy"].sum()
    assert 650 < youths[list(youths.index[:6])].mean() < 760
    assert 530 < youths["2020-12"] < 620
    assert 420 < youths["2024-06"] < 490
    assert (exposure["mean_occupancy"] <= exposure["capacity"]).all()
    assert exposure["period"].min() == "2019-10"
    assert exposure["period"].max() == "2024-12"
    assert set(exposure["stage"]) == {"2", "3", "other"}


def test_locations_close(world):
    locations = world.tables.locations
    assert len(locations) == 19
    closed = locations.dropna(subset=["closed"])
    assert len(closed) == 7
    assert closed["closed"].min() > pd.Timestamp("2021-06-30")
    zikos = locations[locations["setting"] == "zikos"]
    assert zikos["closed"].notna().all()
    exposure = world.tables.exposure
    beds = exposure[exposure["location_id"].isin(zikos["location_id"])].groupby("location_id")["capacity"].max()
    assert sorted(beds) == [6, 12]
    last = exposure.groupby("location_id")["period"].max()
    for row in closed.itertuples():
        assert last[row.location_id] == f"{row.closed:%Y-%m}"
    rows = world.tables.registrations.merge(closed[["location_id", "closed"]], on="location_id")
    assert (rows["begin"] < rows["closed"] + pd.Timedelta(days=1)).all()


def test_locations_that_fell_least_close_first():
    falls: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(30):
        world = worlds.make("real-only", "small", seed, sector="youth")
        rows = world.tables.registrations[~world.tables.registrations["planned"].astype(bool)]
        counts = rows.assign(period=period_of(rows["begin"], "month")).groupby(["location_id", "period"]).size()
        months = counts.reset_index()
        before, after = (
            months[in_stage(months, stage)].groupby("location_id")[0].sum() for stage in (STAGE_2, STAGE_3)
        )
        change = np.log((after + 1.0) / (before.reindex(after.index).fillna(0.0) + 1.0))
        regular = world.tables.locations[world.tables.locations["setting"] != "zikos"].set_index("location_id")
        closed = regular["closed"].notna().reindex(change.index)
        for value, gone in zip(change, closed, strict=True):
            if isinstance(gone, bool):
                falls[gone].append(value)
    assert np.mean(falls[True]) - np.mean(falls[False]) > 0.2


def test_planned_and_unplanned_are_never_added(world):
    with pytest.raises(DataError, match="never added up silently"):
        build_panel(world.tables, by="month")
    rows = world.tables.registrations
    planned = rows[rows["planned"].astype(bool)]
    assert planned["client_id"].isna().all()
    assert set(planned["begin"].dt.strftime("%H:%M")) == {"13:00"}
    assert rows.loc[~rows["planned"].astype(bool), "client_id"].notna().all()
    yearly = planned["begin"].dt.year.value_counts()
    # Fourteen months after the policies changed a tenth is left.
    assert yearly[2023] < 0.15 * yearly[2020]


def test_quarters_can_be_counted(world):
    """The public monitor counts by quarter, from the last of 2019 on."""
    panel = build_panel(world.tables, planned=False, by="quarter")
    assert panel.periods[0] == "2019-Q4"
    assert panel.periods[-1] == "2024-Q4"
    assert len(panel.periods) == 21
    monthly = build_panel(world.tables, planned=False, by="month")
    assert panel.observed["events"].sum() == monthly.observed["events"].sum()


def test_corona_months(three):
    """Unplanned seclusion rose in March 2020 (letter of 2021); the expected rate does so by a quarter."""
    ratio = []
    for seed in range(20):
        truth = worlds.make("real-only", "small", seed, False, sector="youth").truth.query("form == 'unplanned'")
        monthly = truth.groupby("period")["true_events"].sum()
        ratio.append(monthly["2020-03"] / monthly["2020-02"])
    # 31 days against 29, times 1.25, times the slow fall of places.
    assert np.mean(ratio) == pytest.approx(1.25 * 31 / 29, abs=0.1)


def test_registering_became_a_duty(world):
    unplanned = world.truth.query("form == 'unplanned'").groupby("period")["completeness"].mean()
    assert unplanned["2023-12"] == pytest.approx(world.parameters["path"]["completeness"]["3"], abs=0.06)
    assert unplanned["2024-01"] - unplanned["2023-12"] > 0.15
    assert unplanned["2024-12"] == unplanned["2024-01"]


def test_truth_and_register_agree(world):
    rows = world.tables.registrations
    kind = np.where(rows["planned"].astype(bool), "planned", "unplanned")
    drawn = pd.DataFrame(
        {"provider_id": rows["provider_id"], "period": period_of(rows["begin"], "month"), "form": kind}
    ).value_counts()
    told = world.truth[world.truth["delivered"] & (world.truth["registered_events"] > 0)]
    told = told.set_index(["provider_id", "period", "form"])["registered_events"]
    pd.testing.assert_series_equal(
        drawn.sort_index(), told.sort_index(), check_names=False, check_dtype=False, check_index_type=False
    )
    assert len(rows) == world.figures["rows"]


def test_nothing_to_warn_about(three):
    for world in three.values():
        report = check(world.tables)
        assert not report.errors
        assert not report.warnings


def test_common_random_numbers(three):
    first, *others = three.values()
    for world in others:
        pd.testing.assert_frame_equal(world.tables.exposure, first.tables.exposure)
        pd.testing.assert_frame_equal(world.tables.locations, first.tables.locations)


def test_same_seed_same_world(world):
    again = worlds.make("mixed", "small", DOCUMENTED_SEED, sector="youth")
    assert again.tables.fingerprint == world.tables.fingerprint
    assert worlds.make("mixed", "small", 2, sector="youth").tables.fingerprint != world.tables.fingerprint


def test_errors_and_versions():
    plan = ErrorParameters()
    plain = worlds.make("mixed", "tiny", 2, sector="youth")
    world = worlds.make("mixed", "tiny", 2, sector="youth", errors=plan, versions=True)
    assert {"E1", "E5", "E9", "E17"} <= set(world.planted["error"])
    assert not check(world.tables).errors
    ids = world.planted.query("error == 'E9'")["registration_id"]
    rows = world.tables.registrations.set_index("registration_id").loc[ids]
    assert not rows["planned"].astype(bool).any()
    assert plain.tables.registrations.set_index("registration_id").loc[ids, "planned"].astype(bool).all()
    assert world.tables.deliveries.duplicated(["provider_id", "period"]).any()


def test_small_enough_to_read(tmp_path):
    world = worlds.make("mixed", "tiny", sector="youth")
    folder = worlds.write(world, tmp_path / "youth")
    config = load_config(folder / "dwangstats.toml")
    assert config.panel.planned is False
    again = read_tables(folder / "dwangstats.toml")
    panels = [build_panel(t, planned=False, by="month", covariates="stage").frame for t in (again, world.tables)]
    pd.testing.assert_frame_equal(*panels)


def test_refuses_patterns():
    with pytest.raises(DomainError, match="leave out patterns= and context="):
        worlds.make("mixed", "tiny", sector="youth", patterns=PatternParameters())
    with pytest.raises(DomainError, match="there is no sector 'jeugd'"):
        worlds.make("mixed", "tiny", sector="jeugd")


def test_prints_its_stages(world):
    text = repr(world)
    assert "by mean occupancy: registered -61.0 %" in text
    assert len(text) < 250


def test_months():
    calendar = Months(YEARS)
    assert calendar.quarters[0] == "2019-10"
    assert calendar.quarters[-1] == "2024-12"
    assert len(calendar.quarters) == 63 == calendar.days.size
    assert calendar.half_years[0] == "2019-H2"
    assert len(calendar.half_years) == 11 == calendar.half_year.max() + 1
    assert [calendar.half_year[calendar.quarters.index(m)] for m in ("2019-12", "2020-01", "2020-07")] == [0, 1, 2]
    assert calendar.due_on[0] == pd.Timestamp("2020-02-12")
    assert calendar.days[calendar.between(*STAGE_2)].sum() == 183
    assert calendar.kind == "month"
    assert np.allclose(np.diff(calendar.time), 1 / 12)
