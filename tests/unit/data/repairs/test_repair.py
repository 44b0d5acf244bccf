"""Repairs: only what is asked, written down row by row, undone to the byte."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.traces import doubles, late_ends, open_ends, units
from dwangstats.data.config.checks import EXCLUSIVE, REPAIRS
from dwangstats.data.panels.reasons import REMOVED_BY_REPAIR, reasons_in
from dwangstats.data.repairs.steps import STEPS
from dwangstats.data.repairs.words import REPAIR_RULES
from dwangstats.errors import DataError, DomainError

DOUBLES = ("drop-same-source-doubles", "drop-same-moment-doubles")
#: every repair but the estimate, which excludes capacity-to-missing.
ALL = tuple(name for name in REPAIRS if name != "capacity-times-usual-occupancy")


@pytest.fixture(scope="module")
def world() -> dw.worlds.World:
    return dw.worlds.make("mixed", "small", 2, errors=dw.worlds.ErrorParameters())


@pytest.fixture(scope="module")
def true_days() -> "pd.Series[float]":
    """Bed-days of the same world without errors in them."""
    plan = dw.worlds.ErrorParameters().only("E1")
    return dw.worlds.make("mixed", "small", 2, errors=plan).tables.exposure["bed_days"]


def planted_rows(world: dw.worlds.World, error: str, effect: str = "changed") -> set[str]:
    found = world.planted.loc[(world.planted["error"] == error) & (world.planted["effect"] == effect)]
    return set(found["registration_id"])


def test_every_repair_has_a_step_and_words_in_both_languages() -> None:
    assert set(REPAIRS) == set(STEPS) == set(REPAIR_RULES)
    assert {REPAIR_RULES[name].name for name in REPAIRS} == {f"repair-{name}" for name in REPAIRS}
    assert all(name in rule.do_nl and name in rule.do_en for name, rule in REPAIR_RULES.items())


def test_nothing_is_repaired_unasked(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, [])
    assert done.tables.fingerprint == world.tables.fingerprint
    assert done.log.empty
    assert done.summary.empty
    assert list(done.log.columns) == ["repair", "table", "row", "action", "column", "before", "after"]
    assert repr(done) == "Repaired(nothing)"


@pytest.mark.parametrize("name", REPAIRS)
def test_each_repair_is_logged_and_undone_to_the_byte(world: dw.worlds.World, name: str) -> None:
    before = {table: frame.copy() for table, frame in world.tables.given.items()}
    fingerprint = world.tables.fingerprint
    done = dw.repair(world.tables, name)
    touched = int(done.summary["rows"].item())
    assert touched == len(done.log) > 0
    assert done.tables.fingerprint != fingerprint
    undone = done.undo()
    assert undone.fingerprint == fingerprint == world.tables.fingerprint
    assert undone.reading == world.tables.reading
    for table, frame in before.items():
        pd.testing.assert_frame_equal(undone.given[table], frame)
    untouched = set(before) - set(done.log["table"])
    for table in untouched:
        pd.testing.assert_frame_equal(done.tables.given[table], before[table])


@pytest.mark.parametrize("name", REPAIRS)
def test_the_log_says_exactly_what_changed(world: dw.worlds.World, name: str) -> None:
    done = dw.repair(world.tables, name)
    table = done.summary["table"].item()
    old, new = world.tables.given[table], done.tables.given[table]
    removed = old.index.difference(new.index)
    assert set(done.log.loc[done.log["action"] == "removed", "row"]) == set(removed)
    kept = old.loc[new.index]
    pd.testing.assert_series_equal(kept.dtypes, new.dtypes)
    for column in old.columns:
        differ = kept[column].ne(new[column]) & ~(kept[column].isna() & new[column].isna())
        assert set(done.log.loc[done.log["column"] == column, "row"]) == set(kept.index[differ])


def test_before_and_after_read_back_the_same(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, ["filled-ends-to-missing", "tenfold-bed-days"])
    log = done.log.set_index(["table", "row"])
    for row, told in log.loc["exposure"].iterrows():
        assert float(told["before"]) == world.tables.exposure.loc[row, "bed_days"]
        assert float(told["after"]) == done.tables.exposure.loc[row, "bed_days"]
    for row, told in log.loc["registrations"].iterrows():
        assert pd.Timestamp(told["before"]) == world.tables.registrations.loc[row, "end"]
        assert pd.isna(told["after"])


def test_no_client_and_no_registration_number_in_what_is_written_or_said(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, ALL)
    said = [text for f in done.tables.reading for text in (*f.message.values(), *f.action.values())]
    text = done.log.to_csv() + done.summary.to_csv() + repr(done) + " ".join(said)
    rows = world.tables.registrations
    for column in ("client_id", "registration_id", "source_id"):
        assert not any(str(value) in text for value in rows[column].dropna().unique()), column


def test_the_repaired_tables_say_what_was_done_in_every_later_report(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, [*DOUBLES, "hours-to-bed-days"])
    found = {f.rule: f for f in dw.check(done.tables).findings if f.rule.startswith("repair-")}
    assert set(found) == {f"repair-{name}" for name in (*DOUBLES, "hours-to-bed-days")}
    assert {f.rule.removeprefix("repair-"): f.count for f in found.values()} == dict(
        zip(done.summary["repair"], done.summary["rows"], strict=True)
    )
    assert "uren" in found["repair-hours-to-bed-days"].message["nl"]
    assert not any(f.rule.startswith("repair-") for f in dw.check(done.undo()).findings)


def test_an_estimate_is_a_warning(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, "capacity-times-usual-occupancy")
    assert [f.severity for f in done.tables.reading if f.rule.startswith("repair-")] == ["warning"]


@pytest.mark.parametrize(
    ("name", "trace"),
    [
        ("drop-same-source-doubles", doubles.same_source),
        ("drop-same-moment-doubles", doubles.same_moment),
        ("filled-ends-to-missing", open_ends.filled_end),
        ("ends-elsewhere-to-missing", late_ends.end_elsewhere),
    ],
)
def test_the_rows_are_those_that_the_checks_point_at(
    world: dw.worlds.World, name: str, trace: Callable[[dw.Tables], np.ndarray]
) -> None:
    done = dw.repair(world.tables, name)
    assert set(done.log["row"]) == set(world.tables.registrations.index[trace(world.tables)])


def test_most_doubles_that_go_were_planted_and_no_pair_is_lost(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, DOUBLES)
    gone = world.tables.registrations.loc[list(done.log["row"]), "registration_id"]
    added = planted_rows(world, "E5", "added")
    twins = world.planted.loc[world.planted["error"] == "E5", "detail"].str.removeprefix("as ")
    pairs = [{one, other} for one, other in zip(world.planted.loc[twins.index, "registration_id"], twins, strict=True)]
    assert not any(pair <= set(gone) for pair in pairs)
    one_of_a_pair = sum(1 for pair in pairs if pair & set(gone))
    assert one_of_a_pair > 0.8 * len(added)
    assert one_of_a_pair > 0.8 * len(gone)


def test_bed_days_are_right_again_where_the_factor_was_found(
    world: dw.worlds.World, true_days: "pd.Series[float]"
) -> None:
    done = dw.repair(world.tables, ["tenfold-bed-days", "hours-to-bed-days"])
    rows = done.log["row"]
    assert len(rows) > 10
    # Ten and twenty-four times a whole number divide back exactly.
    assert (done.tables.exposure.loc[rows, "bed_days"] == true_days.loc[rows]).all()


HALVES = [f"202{year}-H{half}" for year in (1, 2, 3) for half in (1, 2)]


def of_one_place(days: list[float], **more: object) -> dw.Tables:
    exposure = pd.DataFrame({"provider_id": "a", "location_id": "l", "period": HALVES[: len(days)], "bed_days": days})
    return dw.read_tables(exposure=exposure.assign(**more))


def after(name: str, days: list[float], **more: object) -> list[float]:
    return list(dw.repair(of_one_place(days, **more), name).tables.exposure["bed_days"])


def test_a_tenth_of_the_usual_bed_days_is_left_alone() -> None:
    """A ward may have been emptied; only what cannot be is divided."""
    days = [900.0, 905.0, 90.0, 910.0, 9000.0, 899.0]
    assert len(units.tenfold(of_one_place(days))) == 2
    assert after("tenfold-bed-days", days) == [900.0, 905.0, 90.0, 910.0, 900.0, 899.0]


@pytest.mark.parametrize(("name", "factor"), [("tenfold-bed-days", 10.0), ("hours-to-bed-days", 24.0)])
def test_one_period_between_usual_ones_is_divided(name: str, factor: float) -> None:
    days = [1000.0, 1010.0, 990.0 * factor, 1005.0, 1000.0, 995.0]
    assert after(name, days) == [1000.0, 1010.0, 990.0, 1005.0, 1000.0, 995.0]


@pytest.mark.parametrize(("name", "factor"), [("tenfold-bed-days", 10.0), ("hours-to-bed-days", 24.0)])
@pytest.mark.parametrize("size", [0.7, 1.0])
def test_a_change_that_lasts_is_never_divided(name: str, factor: float, size: float) -> None:
    """A merger or a new building: the level stays, or nobody knows yet whether it stays."""
    more = 1000.0 * factor * size
    lasting = [[1000.0] * 4 + [more] * 2, [1000.0] * 5 + [more], [more] + [1000.0] * 5, [more] * 2 + [1000.0] * 4]
    for days in lasting:
        done = dw.repair(of_one_place(days), name)
        assert list(done.tables.exposure["bed_days"]) == days
        assert done.log.empty


@pytest.mark.parametrize(("name", "factor"), [("tenfold-bed-days", 7.0), ("hours-to-bed-days", 17.0)])
def test_what_is_only_near_the_factor_is_not_divided(name: str, factor: float) -> None:
    days = [1000.0, 1000.0, 1000.0 * factor, 1000.0, 1000.0, 1000.0]
    assert after(name, days) == days


def test_a_period_with_an_unknown_one_beside_it_is_not_divided() -> None:
    gone = of_one_place([1000.0, 1000.0, 10000.0, 1000.0, 1000.0, 1000.0])
    for row in (2, 4):
        exposure = gone.exposure.assign(bed_days=gone.exposure["bed_days"].where(gone.exposure.index != row))
        for frame in (exposure, exposure.drop(index=row)):
            done = dw.repair(dw.Tables(exposure=frame), "tenfold-bed-days")
            assert done.log.empty
            assert done.summary["left"].tolist() == [1]


def test_a_capacity_that_changes_does_not_make_bed_days_wrong() -> None:
    """Bed-days stay, the capacity falls for one period: the ratio to usual is ten, and nothing is divided."""
    days = [1000.0, 1010.0, 1000.0, 1005.0, 1000.0, 995.0]
    capacity = [10.0, 10.0, 1.0, 10.0, 10.0, 10.0]
    assert len(units.tenfold(of_one_place(days, capacity=capacity))) == 1
    assert after("tenfold-bed-days", days, capacity=capacity) == days


def test_a_repair_of_bed_days_is_a_warning_and_says_what_it_left() -> None:
    days = [1000.0, 10000.0, 1000.0, 1000.0, 1000.0, 10000.0]
    done = dw.repair(of_one_place(days), "tenfold-bed-days")
    assert done.summary.to_dict("records") == [
        {"repair": "tenfold-bed-days", "table": "exposure", "rows": 1, "left": 1}
    ]
    said = {f.rule: f for f in done.tables.reading}
    assert {name: f.severity for name, f in said.items()} == {
        "repair-tenfold-bed-days": "warning",
        "left-by-tenfold-bed-days": "warning",
    }
    assert said["left-by-tenfold-bed-days"].rows == (6,)


def test_the_estimate_is_near_the_truth_and_missing_where_the_place_has_no_past(
    world: dw.worlds.World, true_days: "pd.Series[float]"
) -> None:
    rows = dw.repair(world.tables, "capacity-times-usual-occupancy").log["row"]
    done = dw.repair(world.tables, "capacity-times-usual-occupancy").tables.exposure
    estimate, wrong = done.loc[rows, "bed_days"], world.tables.exposure.loc[rows, "bed_days"]
    error, before = (np.abs(np.log(days / true_days.loc[rows])) for days in (estimate, wrong))
    assert error.mean() < 0.5 * before.mean()
    exposure = world.tables.exposure
    lone = exposure.loc[exposure["provider_id"] != exposure.loc[rows.iloc[0], "provider_id"]]
    kept = exposure.loc[[rows.iloc[0]]]
    short = dw.Tables(exposure=pd.concat([kept, lone]).sort_index())
    if units.capacity_given(short).index.isin([rows.iloc[0]]).any():
        assert np.isnan(
            dw.repair(short, "capacity-times-usual-occupancy").tables.exposure.loc[rows.iloc[0], "bed_days"]
        )


def test_capacity_becomes_missing_and_nothing_else(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, "capacity-to-missing")
    rows = done.log["row"]
    assert done.tables.exposure.loc[rows, "bed_days"].isna().all()
    assert done.log["after"].isna().all()
    pd.testing.assert_frame_equal(
        done.tables.exposure.drop(columns="bed_days"), world.tables.exposure.drop(columns="bed_days")
    )


def test_the_order_of_asking_does_not_matter_and_no_row_is_touched_twice(world: dw.worlds.World) -> None:
    one, other = dw.repair(world.tables, ALL), dw.repair(world.tables, ALL[::-1])
    assert one.tables.fingerprint == other.tables.fingerprint
    pd.testing.assert_frame_equal(one.log, other.log)
    assert not one.log.duplicated(["table", "row", "column"]).any()
    removed = one.log.loc[one.log["action"] == "removed", ["table", "row"]]
    assert not removed.duplicated().any()
    changed = one.log.loc[one.log["action"] == "changed", ["table", "row"]]
    assert removed.merge(changed).empty


def test_repairs_one_after_the_other_are_undone_one_after_the_other(world: dw.worlds.World) -> None:
    first = dw.repair(world.tables, "drop-same-source-doubles")
    second = dw.repair(first.tables, "tenfold-bed-days")
    assert second.undo().fingerprint == first.tables.fingerprint
    assert first.undo().fingerprint == world.tables.fingerprint
    both = dw.repair(world.tables, ["drop-same-source-doubles", "tenfold-bed-days"])
    assert both.tables.fingerprint == second.tables.fingerprint


def test_a_panel_of_repaired_tables_is_another_panel(world: dw.worlds.World) -> None:
    done = dw.repair(world.tables, DOUBLES)
    before, after = (dw.build_panel(tables, law="WVGGZ") for tables in (world.tables, done.tables))
    assert before.fingerprint != after.fingerprint
    assert after.observed["events"].sum() < before.observed["events"].sum()
    assert after.registrations_read == before.registrations_read == len(world.tables.registrations)
    gone = after.set_aside.set_index(["what", "reason"])["count"]
    assert gone["registrations", REMOVED_BY_REPAIR] == len(done.log)
    assert reasons_in(after.set_aside, "nl")["reason"].notna().all()
    assert dw.build_panel(done.undo(), law="WVGGZ").fingerprint == before.fingerprint


def test_what_two_repairs_removed_is_added_up_and_undone_with_them(world: dw.worlds.World) -> None:
    first = dw.repair(world.tables, "drop-same-source-doubles")
    second = dw.repair(first.tables, "drop-same-moment-doubles")
    assert [(made.name, made.removed) for made in second.tables.repairs] == [
        ("drop-same-source-doubles", len(first.log)),
        ("drop-same-moment-doubles", len(second.log)),
    ]
    panel = dw.build_panel(second.tables, law="WVGGZ")
    apart = panel.set_aside.set_index(["what", "reason"])["count"]
    assert apart["registrations", REMOVED_BY_REPAIR] == len(first.log) + len(second.log)
    assert panel.registrations_read == len(world.tables.registrations)
    assert second.undo().repairs == first.tables.repairs
    assert first.undo().repairs == ()


def test_a_panel_of_ready_counts_does_not_count_registrations_that_a_repair_removed(world: dw.worlds.World) -> None:
    ready = pd.DataFrame({"provider": ["a"], "period": ["2021-H1"], "bed_days": [900.0], "events": [3]})
    counts = dw.read_tables(panel=ready).panel
    tables = replace(dw.repair(world.tables, DOUBLES).tables, panel=counts)
    assert dw.build_panel(tables).set_aside.empty


TWO_VERSIONS = {
    "deliveries": pd.DataFrame(
        {
            "provider_id": ["A", "A"],
            "law": "WVGGZ",
            "period": "2021-H1",
            "version": [1, 2],
            "status": "accepted",
            "received_at": pd.to_datetime(["2021-08-01", "2022-09-01"]),
        }
    ),
    "exposure": pd.DataFrame({"provider_id": ["A"], "period": ["2021-H1"], "bed_days": [9000.0]}),
    "registrations": pd.DataFrame(
        [
            ("s1", "c1", "2021-02-01 10:00", 1),
            ("s1", "c1", "2021-02-01 10:05", 1),
            ("s2", "c2", "2021-03-01 10:00", 1),
            ("s1", "c1", "2021-02-01 10:00", 2),
            ("s2", "c2", "2021-03-01 10:00", 2),
        ],
        columns=["source_id", "client_id", "begin", "delivery_version"],
    ).assign(provider_id="A", law="WVGGZ", form="seclusion"),
}


def test_what_was_known_is_taken_first_and_repaired_then() -> None:
    """The double stands in the first version; a repair of today looks at the last one, and would leave it in."""
    tables = dw.read_tables(**TWO_VERSIONS)
    wrong = dw.repair(tables, "drop-same-source-doubles").tables
    with pytest.raises(DataError, match=r"drop-same-source-doubles.*dw\.known_on\(tables, date\)"):
        dw.build_panel(wrong, as_of="2021-12-31")
    with pytest.raises(DataError, match="drop-same-source-doubles"):
        dw.quality_score(wrong, as_of="2021-12-31")
    with pytest.raises(DataError, match="there were 5 registrations, and now there are 3"):
        dw.build_panel(dw.known_on(wrong, "2021-12-31").tables)
    known = dw.known_on(tables, "2021-12-31").tables
    panel = dw.build_panel(dw.repair(known, "drop-same-source-doubles").tables)
    assert panel.observed["events"].tolist() == [2.0]
    assert panel.registrations_read == 3
    assert panel.set_aside.values.tolist() == [["registrations", REMOVED_BY_REPAIR, 1]]


def test_what_cannot_be_asked(world: dw.worlds.World) -> None:
    with pytest.raises(DomainError, match="Did you mean 'tenfold-bed-days'"):
        dw.repair(world.tables, "tenfold-beddays")
    with pytest.raises(DomainError, match="named twice"):
        dw.repair(world.tables, ["tenfold-bed-days", "tenfold-bed-days"])
    for pair in EXCLUSIVE:
        with pytest.raises(DomainError, match="choose one"):
            dw.repair(world.tables, pair)
    with pytest.raises(DataError, match=r"tenfold-bed-days: .*exposure, which is not there"):
        dw.repair(dw.Tables(registrations=world.tables.registrations), "tenfold-bed-days")
    with pytest.raises(DataError, match=r"drop-same-source-doubles: .*registrations, which is not there"):
        dw.repair(dw.Tables(exposure=world.tables.exposure), "drop-same-source-doubles")
    without = dw.Tables(registrations=world.tables.registrations.drop(columns="end"))
    with pytest.raises(DataError, match="needs the columns end of registrations"):
        dw.repair(without, "filled-ends-to-missing")
    assert len(dw.repair(without, DOUBLES).log) > 0


def test_a_repair_that_finds_nothing_changes_nothing() -> None:
    clean = dw.read_tables(exposure=pd.DataFrame({"provider_id": ["a"], "period": ["2021-H1"], "bed_days": [900.0]}))
    done = dw.repair(clean, "tenfold-bed-days")
    assert done.tables.fingerprint == clean.fingerprint
    assert done.log.empty
    assert repr(done) == "Repaired(tenfold-bed-days: 0)"
    assert done.tables.reading == clean.reading


def test_registrations_that_stayed_in_an_engine_have_no_rows_to_repair() -> None:
    rows = pd.DataFrame({"provider_id": ["a"], "form": ["seclusion"], "begin": ["2021-01-01 10:00"], "law": ["WVGGZ"]})
    exposure = pd.DataFrame({"provider_id": ["a"], "period": ["2021-H1"], "bed_days": [900.0]})
    counted = dw.read_tables(registrations=rows, exposure=exposure, rows="engine")
    with pytest.raises(DataError, match='rows="memory"'):
        dw.repair(counted, "drop-same-moment-doubles")
    assert dw.repair(counted, "tenfold-bed-days").tables.fingerprint == counted.fingerprint
    with pytest.raises(DataError, match='rows="memory"'):
        dw.quality_score(counted)
