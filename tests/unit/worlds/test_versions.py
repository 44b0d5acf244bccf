"""Versions: the last one is the register without versions; what was published on a date follows from the others."""

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check
from dwangstats.data.deliveries.vintage import known_on
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.register.periods import period_of
from dwangstats.errors import DomainError
from dwangstats.worlds.result import World
from dwangstats.worlds.versions import VERSIONS, VersionParameters

KEY = ["provider_id", "period"]


@pytest.fixture(scope="module")
def single() -> World:
    return worlds.make("mixed", "small", 1)


@pytest.fixture(scope="module")
def world() -> World:
    return worlds.make("mixed", "small", 1, versions=True)


def last_version(world: World) -> pd.DataFrame:
    deliveries = world.tables.deliveries
    return deliveries.loc[~deliveries.duplicated(KEY, keep="last")]


def test_the_last_version_is_the_register_without_versions(single, world):
    pd.testing.assert_frame_equal(
        last_version(world).reset_index(drop=True), single.tables.deliveries.reset_index(drop=True)
    )
    rows = world.tables.registrations
    last = rows.loc[~rows.duplicated("registration_id", keep="last")]
    pd.testing.assert_frame_equal(
        last.reset_index(drop=True), single.tables.registrations.reset_index(drop=True), check_dtype=False
    )
    assert len(rows) > 1.03 * len(last)


def test_nothing_else_changes(single, world):
    for table in ("exposure", "locations", "audits", "second_source", "controls"):
        pd.testing.assert_frame_equal(getattr(world.tables, table), getattr(single.tables, table))
    pd.testing.assert_frame_equal(world.truth, single.truth)
    assert world.figures == single.figures
    assert "versions" in world.parameters
    assert "versions" not in single.parameters


def test_versions_are_numbered_and_arrive_in_order(world):
    sent = world.tables.deliveries.dropna(subset=["version"])
    number = sent.groupby(KEY)["version"].apply(list)
    assert all(list(v) == list(range(1, len(v) + 1)) for v in number)
    moments = sent.groupby(KEY)["received_at"]
    assert moments.apply(lambda m: m.is_monotonic_increasing).all()
    assert max(map(len, number)) >= 3


def test_being_correct_at_the_deadline_stays_as_it_was(single, world):
    in_time = []
    for d in (single.tables.deliveries, world.tables.deliveries):
        correct = (d["status"] == "accepted") & (d["received_at"] < d["due_on"] + pd.Timedelta("1D"))
        in_time.append(set(map(tuple, d.loc[correct, KEY].to_numpy())))
    assert in_time[0] == in_time[1]


def test_a_file_before_a_rejected_one_was_rejected(world):
    deliveries = world.tables.deliveries
    refused = last_version(world).query("status == 'rejected'")[KEY]
    every = deliveries.merge(refused, on=KEY)
    assert set(every["status"]) == {"rejected"}
    assert (deliveries["reject_reason"].notna() == (deliveries["status"] == "rejected")).all()


def test_registrations_come_with_accepted_versions_only(world):
    rows, deliveries = world.tables.registrations, world.tables.deliveries
    wanted = rows.assign(period=period_of(rows["begin"], "half-year"), version=rows["delivery_version"])
    found = wanted.merge(deliveries, on=[*KEY, "version"], how="left", suffixes=("", "_delivery"))
    assert set(found["status"]) == {"accepted"}
    assert (found["received_at"] == found["received_at_delivery"]).all()


def test_a_registration_stays_once_it_is_in(world):
    rows = world.tables.registrations
    accepted = world.tables.deliveries.query("status == 'accepted'")
    possible = accepted.groupby(KEY)["version"].apply(set)
    keyed = rows.assign(period=period_of(rows["begin"], "half-year"))
    for (provider, period, _), versions in keyed.groupby([*KEY, "registration_id"])["delivery_version"]:
        since = {v for v in possible[provider, period] if v >= versions.min()}
        assert set(versions) == since


def test_early_versions_lack_registrations_and_ends():
    world = worlds.make("mixed", "national", 5, versions=True)
    rows = world.tables.registrations.assign(period=lambda r: period_of(r["begin"], "half-year"))
    last = rows.loc[~rows.duplicated("registration_id", keep="last")].set_index("registration_id")
    first = rows[rows["delivery_version"] == 1].set_index("registration_id")
    first = first[last["delivery_version"].reindex(first.index) > 1]
    files = first[KEY].drop_duplicates()
    total = last.reset_index().merge(files, on=KEY)
    # 10,000 registrations in first versions: three standard errors are 1 point, and 0.6 points for ends.
    assert len(first) / len(total) == pytest.approx(VERSIONS.complete_share, abs=0.015)
    ended = last["end"].reindex(first.index).notna()
    assert first.loc[ended, "end"].isna().mean() == pytest.approx(VERSIONS.open_share, abs=0.01)
    assert first.loc[~ended, "end"].isna().all()


def test_published_totals_differ_by_date(single, world):
    totals = []
    for day in ("2022-06-30", "2023-06-30", "2024-10-08"):
        panel = build_panel(world.tables, by="half-year", as_of=day).for_form("all").frame
        totals.append(panel.loc[panel["period"].str.startswith("2021"), "events"].sum())
    assert totals[0] < totals[1] < totals[2]
    whole = build_panel(single.tables, by="half-year").for_form("all").frame
    assert totals[2] == whole.loc[whole["period"].str.startswith("2021"), "events"].sum()


def test_on_a_date_between_versions_the_earlier_one_counts(world):
    deliveries = world.tables.deliveries
    both = deliveries.loc[deliveries.duplicated(KEY, keep=False) & (deliveries["status"] == "accepted")]
    first = both.loc[both.duplicated(KEY, keep="last")].iloc[0]
    known = known_on(world.tables, first["received_at"].to_pydatetime()).tables
    rows = known.registrations
    mine = rows[(rows["provider_id"] == first["provider_id"])]
    mine = mine[period_of(mine["begin"], "half-year") == first["period"]]
    assert set(mine["delivery_version"]) == {first["version"]}


def test_versions_pass_the_checks(world):
    assert {f.rule for f in check(world.tables).warnings} == set()
    assert not check(world.tables).errors


@pytest.mark.parametrize(
    "bad", [{"rejected_share": 1.5}, {"complete_share": 0.0}, {"open_share": -0.1}, {"open_share": np.nan}]
)
def test_refuses_what_is_no_share(bad):
    with pytest.raises(DomainError, match="must be a share"):
        VersionParameters(**bad)


def test_a_round_of_corrections_moves_late_files_and_nothing_else(single):
    begins = pd.Timestamp(2022, 7, 1)
    corrected = worlds.make("mixed", "small", 1, versions=VersionParameters(corrected_from="2022-07-01"))
    last, before = last_version(corrected).reset_index(drop=True), single.tables.deliveries.reset_index(drop=True)
    unmoved = ["provider_id", "period", "version", "due_on", "status", "reject_reason"]
    pd.testing.assert_frame_equal(last[unmoved], before[unmoved])
    moved = last["received_at"].ne(before["received_at"]) & before["received_at"].notna()
    expected = (before["status"] == "accepted") & (before["received_at"] < begins)
    expected &= before["received_at"] >= before["due_on"] + pd.Timedelta("1D")
    assert moved.tolist() == expected.tolist()
    assert moved.sum() > 5
    assert last.loc[moved, "received_at"].between(begins, begins + pd.Timedelta(days=183)).all()
    every = corrected.tables.deliveries
    early = every[(every["received_at"] < begins) & (every["status"] == "accepted")]
    assert (early["received_at"] < early["due_on"] + pd.Timedelta("1D")).all()
    rows = corrected.tables.registrations
    kept = rows.loc[~rows.duplicated("registration_id", keep="last")].drop(columns="received_at")
    pd.testing.assert_frame_equal(
        kept.reset_index(drop=True),
        single.tables.registrations.drop(columns="received_at").reset_index(drop=True),
        check_dtype=False,
    )
    arrived = rows.assign(period=period_of(rows["begin"], "half-year"), version=rows["delivery_version"]).merge(
        every, on=[*KEY, "version"], how="left", suffixes=("", "_file")
    )
    assert (arrived["received_at"] == arrived["received_at_file"]).all()
    assert {f.rule for f in check(corrected.tables).warnings} == set()


@pytest.mark.parametrize(
    ("day", "message"), [("mid 2022", "must be a day such as 2022-07-01"), ("2024-10-08", "must lie before 2024-10-08")]
)
def test_a_round_of_corrections_lies_before_the_vintage(day, message):
    with pytest.raises(DomainError, match=message):
        VersionParameters(corrected_from=day)
