"""Planted errors: each leaves its trace, is named in the truth table, and disturbs nothing else."""

from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.check import check
from dwangstats.data.panels.panel import build_panel
from dwangstats.data.register.codes import codes_in_law, form_of
from dwangstats.data.register.periods import period_of
from dwangstats.errors import DomainError
from dwangstats.worlds.admissions import CODE as ADMISSION
from dwangstats.worlds.parameters import WVGGZ
from dwangstats.worlds.planted import COLUMNS, SWITCHES, ErrorParameters
from dwangstats.worlds.planting import ROOM_NOT_SPECIFIED, ROOMS, SHIFT_HOURS
from dwangstats.worlds.result import World

POINTS = {c.code for f in WVGGZ.forms for c in f.codes if c.duration is None} | {ADMISSION}
ROW_ERRORS = ("E1", "E2", "E3", "E5", "E6", "E7", "E8", "E9", "E16", "E17", "E18")


@pytest.fixture(scope="module")
def clean() -> World:
    return worlds.make("mixed", "small", 3)


@pytest.fixture(scope="module")
def world() -> World:
    return worlds.make("mixed", "small", 3, errors=ErrorParameters())


#: Shares that are the same at every provider, so that the share in a register can be compared with them.
EVEN = ErrorParameters(quality_effect=0.0)


@cache
def only(*codes: str) -> World:
    return worlds.make("mixed", "small", 3, errors=EVEN.only(*codes))


def rows_of(world: World, error: str, effect: str | None = None) -> pd.DataFrame:
    """The registrations of a planted error, with its detail."""
    planted = world.planted[world.planted["error"] == error]
    if effect is not None:
        planted = planted[planted["effect"] == effect]
    return planted[["registration_id", "detail"]].merge(world.tables.registrations, on="registration_id", how="left")


def by_number(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("registration_id").sort_index()


def test_no_errors_no_rows(clean):
    assert clean.planted.empty
    assert tuple(clean.planted.columns) == COLUMNS


def test_truth_table_names_every_kind(world):
    planted = world.planted
    assert tuple(planted.columns) == COLUMNS
    assert set(planted["error"]) == set(SWITCHES) | {"E10", "E11"}
    assert set(planted["effect"]) == {"changed", "added", "lowered", "absent"}
    assert planted["provider_id"].isin(world.tables.exposure["provider_id"]).all()
    named = planted["registration_id"].notna()
    assert set(planted.loc[named, "error"]) == set(ROW_ERRORS)
    assert planted.loc[named, "registration_id"].isin(world.tables.registrations["registration_id"]).all()
    assert not planted[named].duplicated(["error", "registration_id"]).any()
    for column in planted.columns.drop("registration_id"):
        assert not planted[column].astype(str).str.contains(r"\b[cbd]\d{6}").any()


def test_register_is_truth_plus_what_was_added(world):
    truth = world.truth[world.truth["delivered"]]
    added = (world.planted["effect"] == "added").sum()
    assert len(world.tables.registrations) == truth["registered_events"].sum() + added


def test_errors_can_be_read_and_counted(world):
    assert not check(world.tables).errors
    panel = build_panel(world.tables, law="WVGGZ", by="half-year")
    assert panel.registrations_read == len(world.tables.registrations)


def test_same_seed_same_errors(world):
    again = worlds.make("mixed", "small", 3, errors=ErrorParameters())
    assert again.tables.fingerprint == world.tables.fingerprint
    pd.testing.assert_frame_equal(again.planted, world.planted)


def test_layers_that_have_no_errors_keep_their_draws(clean, world):
    assert world.tables.controls.equals(clean.tables.controls)
    keys = ["provider_id", "period", "form"]
    truth = world.truth[world.truth["form"] != "admission"]
    same = [*keys, "true_events", "expected_rate"]
    pd.testing.assert_frame_equal(truth[same], clean.truth[same])
    assert (truth["registered_events"] <= clean.truth["registered_events"]).all()
    assert world.parameters["path"] == clean.parameters["path"]


@pytest.mark.parametrize("code", [c for c in ROW_ERRORS if c not in ("E3",)])
def test_one_error_leaves_every_other_registration_as_it_was(clean, code):
    world = only(code)
    assert set(world.planted["error"]) <= {code, "E10", "E11"}
    hit = world.planted.loc[world.planted["error"] == code, "registration_id"]
    now, before = by_number(world.tables.registrations), by_number(clean.tables.registrations)
    rest = before.index.difference(hit)
    columns = list(before.columns)
    pd.testing.assert_frame_equal(now.loc[rest, columns], before.loc[rest, columns], check_dtype=False)
    assert set(now.index) - set(before.index) <= set(hit)
    assert 0 < len(hit) < len(before)


def test_switching_one_error_off_leaves_the_places_of_the_others():
    both, alone = only("E2", "E8"), only("E8")
    ids = [w.planted.query("error == 'E8'")["registration_id"].tolist() for w in (both, alone)]
    assert ids[0] == ids[1]


def test_e1_never_closed(clean):
    world = only("E1")
    rows = rows_of(world, "E1")
    assert not set(rows["intervention_code"]) & POINTS
    open_, filled = rows[rows["detail"] == "end missing"], rows[rows["detail"] != "end missing"]
    assert open_["end"].isna().all()
    assert set(filled["end"].dt.strftime("%m-%dT%H:%M")) <= {"06-30T23:59", "12-31T23:59"}
    before = clean.tables.registrations
    secluded = before["intervention_code"].isin([*ROOMS, ROOM_NOT_SPECIFIED])
    per_year = before.loc[secluded, "begin"].dt.year.value_counts()
    share = rows["begin"].dt.year.value_counts() / per_year
    assert share.get(2021, 0.0) < 0.006
    # About 1,700 applications in 2023: a standard error of 0.3 points.
    assert share[2023] == pytest.approx(0.015, abs=0.010)


def test_e1_brings_the_hours_that_the_press_computed():
    """More than twice the hours of 2021 in 2023, from one and a half per cent of the seclusions (Pointer, 2024)."""
    world = worlds.make(
        "mixed", "national", 1, errors=ErrorParameters(never_closed_filled=0.0, quality_effect=0.0).only("E1")
    )
    rows = world.tables.registrations
    rows = rows[pd.Series(form_of(rows["intervention_code"])).eq("seclusion").to_numpy()]
    until = pd.to_datetime(rows["begin"].dt.year.astype(str) + "-12-31T23:59")
    hours = (rows["end"].fillna(until) - rows["begin"]).dt.total_seconds() / 3600.0
    total = hours.groupby(rows["begin"].dt.year).sum()
    true = hours[rows["end"].notna()].groupby(rows["begin"].dt.year).sum()
    assert total[2021] / true[2021] < 1.25
    assert 1.7 < total[2023] / true[2023] < 2.6
    assert 2.0 < total[2023] / total[2021] < 3.0


def test_e2_closed_late(clean):
    rows = by_number(rows_of(only("E2"), "E2"))
    before = by_number(clean.tables.registrations).loc[rows.index]
    assert (rows["end"] >= before["end"]).all()
    assert set(rows["end"].dt.hour) == set(SHIFT_HOURS)
    assert (rows["end"].dt.minute == 0).all()
    delay = (rows["end"] - before["end"]).dt.total_seconds() / 3600.0
    # Median delay of 8 hours, and on average another 4 to the change of shift.
    assert 8.0 < delay.median() < 16.0


def test_e3_open_after_activity_elsewhere():
    world = only("E3")
    rows = rows_of(world, "E3")
    every = world.tables.registrations
    for row in rows.itertuples():
        later = every[(every["client_id"] == row.client_id) & (every["begin"] > row.begin) & (every["begin"] < row.end)]
        assert (later["location_id"] != row.location_id).any()
        assert later["provider_id"].eq(row.provider_id).all()
    assert len(rows) > 10


def test_e4_missing_ends_of_point_forms_are_there_and_are_no_error(world):
    rows = world.tables.registrations
    points = rows["intervention_code"].isin(POINTS)
    assert points.mean() > 0.2
    assert rows.loc[points, "end"].isna().mean() > 0.99
    alarms = world.planted[world.planted["error"].isin(["E1", "E2", "E3", "E18"])]
    assert not alarms["registration_id"].isin(rows.loc[points, "registration_id"]).any()


def test_e5_twice(clean):
    world = only("E5")
    copies = rows_of(world, "E5", "added")
    every = by_number(world.tables.registrations)
    twin = every.loc[copies["detail"].str.removeprefix("as ")]
    for column in ("provider_id", "location_id", "client_id", "intervention_code", "law", "received_at"):
        assert copies[column].tolist() == twin[column].tolist()
    apart = np.abs((copies["begin"].to_numpy() - twin["begin"].to_numpy()) / np.timedelta64(1, "m"))
    same_source = copies["source_id"].to_numpy() == twin["source_id"].to_numpy()
    assert apart.max() <= 10
    assert (apart[same_source] == 0).all()
    assert same_source.mean() == pytest.approx(0.4, abs=0.1)
    assert len(copies) / len(clean.tables.registrations) == pytest.approx(0.02, abs=0.005)


def test_e5_is_more_frequent_after_a_migration():
    world = only("E5", "E12")
    copies = rows_of(world, "E5")
    share = copies.groupby("provider_id").size() / world.tables.registrations.groupby("provider_id").size()
    migrated = world.tables.locations.dropna(subset=["ehr_migrated_on"])["provider_id"].unique()
    assert share.reindex(migrated).mean() > share.drop(migrated, errors="ignore").mean()


def test_e6_to_e8_location_room_law(clean):
    rows = rows_of(only("E6"), "E6")
    assert rows["location_id"].isna().all()
    rows = rows_of(only("E7"), "E7")
    before = by_number(clean.tables.registrations).loc[rows["registration_id"], "intervention_code"]
    assert set(before) == set(ROOMS)
    assert (before.to_numpy() != rows["intervention_code"].to_numpy()).all()
    assert set(rows["intervention_code"]) == {*ROOMS, ROOM_NOT_SPECIFIED}
    rows = rows_of(only("E8"), "E8")
    assert set(rows["law"]) == {"WZD"}
    assert (~rows["intervention_code"].isin(codes_in_law("WZD"))).any()


def test_e9_standing_block():
    rows = rows_of(only("E9"), "E9", "added")
    for _, block in rows.groupby("location_id"):
        assert len(set(block["begin"].dt.hour)) == 1
        assert len(set(period_of(block["begin"], "quarter"))) == 1
        assert 2 <= block["client_id"].nunique() <= 4
        assert len(block) >= 2 * 90


def test_e10_and_e11_are_the_deliveries(world):
    deliveries = world.tables.deliveries.set_index(["provider_id", "period"])
    absent = world.planted.query("error == 'E10'").set_index(["provider_id", "period"])
    assert set(absent.index) == set(deliveries.index[deliveries["status"].isin(["rejected", "not_delivered"])])
    refused = world.planted.query("error == 'E11'").set_index(["provider_id", "period"])
    assert set(refused.index) == set(deliveries.index[deliveries["reject_reason"] == "schema"])


@pytest.mark.parametrize(("code", "low", "high"), [("E12", 0.6, 0.8), ("E13", 0.27, 0.47)])
def test_lapses_lower_what_is_registered(clean, code, low, high):
    world = only(code)
    cells = world.planted.query("error == @code").set_index(["provider_id", "period"]).index
    now, before = (w.truth.set_index(["provider_id", "period"]) for w in (world, clean))
    hit = now.index.isin(cells)
    assert low < now.loc[hit, "registered_events"].sum() / before.loc[hit, "registered_events"].sum() < high
    assert (now.loc[hit, "completeness"] < before.loc[hit, "completeness"]).all()
    pd.testing.assert_frame_equal(now[~hit], before[~hit])
    quarters = world.planted.query("error == @code").groupby("provider_id").size()
    assert quarters.max() <= 4


def test_migrations_are_in_the_locations():
    world = only("E12")
    locations = world.tables.locations.dropna(subset=["ehr_migrated_on"])
    assert set(locations["provider_id"]) == set(world.planted.query("error == 'E12'")["provider_id"])
    first = world.planted.query("error == 'E12'").groupby("provider_id")["period"].min()
    told = period_of(locations.drop_duplicates("provider_id").set_index("provider_id")["ehr_migrated_on"], "quarter")
    assert told.sort_index().tolist() == first.sort_index().tolist()


def test_e14_leaves_no_trace_but_in_the_truth(clean):
    world = only("E14")
    other = world.truth["form"] == "other"
    lost = world.truth["registered_events"].sum() / clean.truth["registered_events"].sum()
    assert lost < 1.0
    ratio = world.truth.loc[other, "completeness"] / clean.truth.loc[other, "completeness"]
    assert np.allclose(ratio, 0.9)
    pd.testing.assert_frame_equal(world.truth[~other], clean.truth[~other])
    assert world.planted.loc[world.planted["error"] == "E14", "registration_id"].isna().all()


def test_e15_admissions_taken_for_granted():
    world = only("E15")
    truth = world.truth.query("form == 'admission'")
    taken = set(world.planted.query("error == 'E15'")["provider_id"])
    share = truth.groupby(truth["provider_id"].isin(taken))[["registered_events", "true_events"]].sum()
    share = share["registered_events"] / share["true_events"]
    assert share[True] < 0.08
    assert 0.3 < share[False] < 0.75
    rows = world.tables.registrations.query("intervention_code == @ADMISSION")
    assert len(rows) == truth.loc[truth["delivered"], "registered_events"].sum()
    assert rows["end"].isna().all()
    assert not rows["client_id"].duplicated().any()


def test_e16_second_number_before_linkage(clean):
    rows = by_number(rows_of(only("E16"), "E16"))
    before = by_number(clean.tables.registrations)
    assert (rows["begin"] < pd.Timestamp(2021, 11, 1)).all()
    assert not rows["client_id"].isin(before["client_id"]).any()
    assert rows.groupby("client_id").size().max() >= 1


def test_e17_dates_without_time():
    world = only("E17")
    rows = rows_of(world, "E17")
    for column in ("begin", "end"):
        known = rows[column].dropna()
        assert (known == known.dt.normalize()).all()
    providers = rows["provider_id"].unique()
    assert len(rows) == world.tables.registrations["provider_id"].isin(providers).sum()
    assert len(providers) == 2


def test_e18_interruptions(clean):
    world = only("E18")
    first, extra = rows_of(world, "E18", "changed"), rows_of(world, "E18", "added")
    before = by_number(clean.tables.registrations)
    pieces = pd.concat([first, extra]).sort_values(["client_id", "intervention_code", "begin"])
    whole = before.loc[first["registration_id"]]
    inside = (whole["end"] - whole["begin"]).sum()
    assert (pieces["end"] - pieces["begin"]).sum() < inside
    assert ((pieces["end"] - pieces["begin"]) > pd.Timedelta(0)).all()
    one = first.iloc[0]
    mine = pieces[(pieces["client_id"] == one["client_id"]) & (pieces["begin"] >= one["begin"])]
    mine = mine[mine["end"] <= before.loc[one["registration_id"], "end"]]
    gaps = [(b - e) / pd.Timedelta("1min") for (_, e), (b, _) in pairwise(zip(mine["begin"], mine["end"], strict=True))]
    assert all(10 <= gap <= 21 for gap in gaps)
    assert len(gaps) >= 1


def test_e19_resistance_recovers():
    world = only("E19")
    planted = world.planted.query("error == 'E19'")
    factor = planted["detail"].str.extract(r"x ([\d.]+)$")[0].astype(float)
    by_quarter = factor.groupby(planted["period"]).mean()
    assert by_quarter.is_monotonic_increasing
    assert 0.45 < by_quarter.iloc[0] < 0.65
    assert by_quarter.index[-1] == "2022-Q4"
    clean = worlds.make("mixed", "small", 3).truth
    same = ~world.truth["form"].isin(["seclusion", "other_locking_in"])
    pd.testing.assert_frame_equal(world.truth[same], clean[same])


@pytest.mark.parametrize(("code", "factor"), [("X10", 10), ("X24", 24)])
def test_bed_days_in_another_unit(clean, code, factor):
    world = only(code)
    now, before = world.tables.exposure, clean.tables.exposure
    cells = world.planted.query("error == @code").set_index(["location_id", "period"]).index
    hit = now.set_index(["location_id", "period"]).index.isin(cells)
    assert (now.loc[hit, "bed_days"] == factor * before.loc[hit, "bed_days"]).all()
    pd.testing.assert_frame_equal(now[~hit], before[~hit], check_dtype=False)
    assert 0 < hit.sum() < 0.1 * len(now)


def test_bed_days_missing_and_capacity(clean):
    world = only("XM", "XC")
    now = world.tables.exposure.set_index(["location_id", "period"])
    missing, full = (
        world.planted.query("error == @c").set_index(["location_id", "period"]).index for c in ("XM", "XC")
    )
    assert now.loc[missing, "bed_days"].isna().all()
    assert now["bed_days"].isna().sum() == len(missing) > 0
    assert (now.loc[full, "mean_occupancy"] == now.loc[full, "capacity"]).all()
    assert (now.loc[full, "bed_days"] / now.loc[full, "capacity"]).between(90, 92).all()


def test_errors_with_versions(world):
    both = worlds.make("mixed", "small", 3, errors=ErrorParameters(), versions=True)
    rows = both.tables.registrations
    last = rows.loc[~rows.duplicated("registration_id", keep="last")].reset_index(drop=True)
    pd.testing.assert_frame_equal(last, world.tables.registrations.reset_index(drop=True), check_dtype=False)
    pd.testing.assert_frame_equal(both.planted, world.planted)


def test_evidence_sees_what_lapses_took():
    world = only("E13")
    second = world.tables.second_source
    told = world.truth.assign(period=lambda t: t["period"].str[:5] + np.where(t["period"].str[-1] < "3", "H1", "H2"))
    told = told.groupby(["provider_id", "period", "form"])["registered_events"].sum()
    seen = second.set_index(["provider_id", "period", "form"])[["both", "register_only"]].sum(axis=1)
    assert (seen == told.reindex(seen.index)).all()


def test_better_registrars_make_fewer_errors_that_can_be_seen():
    """Careless providers also register less, so that visible errors say something about what is not there."""
    world = worlds.make("mixed", "national", 3, errors=ErrorParameters(quality_effect=0.6).only("E6"))
    rows = world.tables.registrations
    seen = rows["location_id"].isna().groupby(rows["provider_id"]).agg(["sum", "size"]).query("size > 200")
    completeness = world.truth.groupby("provider_id")["completeness"].mean()
    share = np.log((seen["sum"] + 0.5) / seen["size"])
    assert np.corrcoef(share, completeness.reindex(seen.index))[0, 1] < -0.3
    even = worlds.make("mixed", "national", 3, errors=EVEN.only("E6")).tables.registrations
    # 150,000 registrations; the mean over providers is the share, and large providers weigh more.
    assert even["location_id"].isna().mean() == pytest.approx(0.01, abs=0.001)
    assert rows["location_id"].isna().mean() == pytest.approx(0.01, abs=0.005)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"duplicated": 1.5}, r"duplicated must be in \[0, 1\], got 1.5"),
        ({"closed_late_hours": -1.0}, "closed_late_hours must be at least 0, got -1"),
        ({"resistance_low": 0.5}, "resistance_low must not be above resistance_high"),
        ({"wrong_law": float("nan")}, "wrong_law must be"),
    ],
)
def test_refuses_impossible_shares(bad, message):
    with pytest.raises(DomainError, match=message):
        ErrorParameters(**bad)


def test_refuses_an_error_that_cannot_be_planted():
    with pytest.raises(DomainError, match="there is no error 'E4' to plant"):
        ErrorParameters().only("E4")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sector", ["wvggz", "wzd", "youth"])
def test_every_layer_together_over_seeds(sector, seed):
    adult = {} if sector == "youth" else {"patterns": worlds.PatternParameters()}
    if adult and seed % 2:
        adult["context"] = worlds.ContextParameters()
    world = worlds.make("mixed", "tiny", seed, False, sector=sector, errors=ErrorParameters(), versions=True, **adult)
    assert not check(world.tables).errors
    last = world.tables.registrations.drop_duplicates("registration_id", keep="last")
    told = world.truth.loc[world.truth["delivered"], "registered_events"].sum()
    assert len(last) == told + (world.planted["effect"] == "added").sum()


def test_planted_is_written(tmp_path):
    world = worlds.make("mixed", "tiny", 1, errors=ErrorParameters())
    folder = worlds.write(world, tmp_path)
    table = pd.read_csv(folder / "planted.csv", dtype=str)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(world.planted)
    assert worlds.write(world, tmp_path / "again").joinpath("planted.csv").read_bytes() == (
        (folder / "planted.csv").read_bytes()
    )
