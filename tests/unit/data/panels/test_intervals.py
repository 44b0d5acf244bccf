"""Rounded and suppressed counts: what a value or a text stands for, said by the caller and never guessed."""

import hashlib
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import dwangstats as dw
from dwangstats.data.digest import frame_digest
from dwangstats.data.panels.intervals import (
    Coarse,
    interval_of_rounded,
    interval_of_suppressed,
    is_interval,
    least_counts,
    refuse_intervals,
)
from dwangstats.errors import DataError, DomainError

NAMES: dict[str, Any] = {"provider": "who", "period": "when", "exposure": "days"}


def frame(events: list[Any], **more: Any) -> pd.DataFrame:
    """Two providers in as many years as there are pairs of counts, 1,000 bed-days each."""
    n = len(events)
    who, when = ["a" if i % 2 == 0 else "b" for i in range(n)], [str(2020 + i // 2) for i in range(n)]
    return pd.DataFrame({"who": who, "when": when, "events": events, "days": 1000.0}).assign(**more)


def bounds(panel: dw.Panel) -> dict[tuple[str, str], tuple[float, float]]:
    rows = panel.frame
    key = zip(rows["provider"], rows["period"], strict=True)
    return dict(zip(key, zip(rows["lower"], rows["upper"], strict=True), strict=True))


def round_to(count: int, base: int, ties: str) -> int:
    """Rounding as one would do it by hand."""
    down, rest = divmod(count, base)
    if 2 * rest == base:
        return base * (down + {"up": 1, "down": 0, "even": down % 2}[ties])
    return base * (down + (2 * rest > base))


@pytest.mark.parametrize("ties", ["up", "down", "even"])
@pytest.mark.parametrize("base", [1, 2, 3, 4, 5, 7, 10, 100])
def test_an_interval_holds_the_counts_that_are_rounded_to_its_value_and_no_others(base: int, ties: Any) -> None:
    counts = np.arange(6 * base)
    values = np.array([round_to(int(count), base, ties) for count in counts])
    for value in (0, base, 2 * base, 3 * base):
        lower, upper = interval_of_rounded(value, base, ties=ties)
        assert counts[values == value].tolist() == list(range(int(lower), int(upper) + 1))
    lower, upper = interval_of_rounded([[0.0, np.nan], [base, 2 * base]], base, ties=ties)
    assert lower.shape == (2, 2)
    assert math.isnan(lower[0, 1])
    assert math.isnan(upper[0, 1])


@pytest.mark.parametrize(
    ("value", "base", "ties", "said"),
    [
        ([10, 7, 3], 5, "up", "2 of 3 values are no multiples of 5 \\(first: 7\\)"),
        ([-5], 5, "up", "1 of 1 values"),
        ([math.inf], 5, "up", "1 of 1 values"),
        (10, 0, "up", "at least 1, got 0"),
        (10, 2.5, "up", "at least 1, got 2.5"),
        (10, True, "up", "at least 1"),
        (10, 10, "bankers", "ties must be one of up, down, even"),
    ],
)
def test_values_that_were_not_rounded_so_are_refused(value: Any, base: Any, ties: Any, said: str) -> None:
    with pytest.raises(DomainError, match=said):
        interval_of_rounded(value, base, ties=ties)


def test_suppressed_counts_lie_below_the_threshold() -> None:
    assert interval_of_suppressed(5) == (0.0, 4.0)
    assert interval_of_suppressed(10, zero_shown=True) == (1.0, 9.0)
    assert interval_of_suppressed(1) == (0.0, 0.0)
    for below, shown in ((0, False), (1, True), (2.5, False)):
        with pytest.raises(DomainError, match="below must be a whole number"):
            interval_of_suppressed(below, zero_shown=shown)  # type: ignore[arg-type]


def test_texts_and_rounding_become_bounds_and_no_middle_is_ever_a_count() -> None:
    texts = frame(["<5", "12", 0, " <5 ", "100+", 7])
    panel = dw.Panel.from_frame(
        texts, events="events", suppressed={"<5": interval_of_suppressed(5), "100+": (100, math.inf)}, **NAMES
    )
    assert panel.has_intervals
    assert bounds(panel) == {
        ("a", "2020"): (0.0, 4.0),
        ("a", "2021"): (0.0, 0.0),
        ("a", "2022"): (100.0, math.inf),
        ("b", "2020"): (12.0, 12.0),
        ("b", "2021"): (0.0, 4.0),
        ("b", "2022"): (7.0, 7.0),
    }
    assert panel.frame["events"].isna().tolist() == [True, False, True, False, True, False]
    assert list(panel.frame.columns)[-5:] == ["events", "bed_days", "delivered", "lower", "upper"]
    assert panel.covariates == ()
    # 0 + 12 + 0 + 0 + 100 + 7: at least so many.
    assert panel.registrations_read == 119
    rounded = dw.Panel.from_frame(frame([0, 5, 10, 20, 15, 5]), events="events", rounded_to=5, **NAMES)
    assert rounded.frame["events"].isna().all()
    assert bounds(rounded)["a", "2020"] == (0.0, 2.0)
    assert bounds(rounded)["b", "2021"] == (18.0, 22.0)


def test_a_shown_rounded_count_was_not_suppressed() -> None:
    panel = dw.Panel.from_frame(
        frame(["*", 5, 0, 10]), events="events", rounded_to=5, suppressed={"*": (1, 4)}, **NAMES
    )
    assert bounds(panel) == {
        ("a", "2020"): (1.0, 4.0),
        ("b", "2020"): (5.0, 7.0),
        ("a", "2021"): (0.0, 0.0),
        ("b", "2021"): (8.0, 12.0),
    }
    assert panel.frame["events"].fillna(-1.0).tolist() == [-1.0, 0.0, -1.0, -1.0]
    with pytest.raises(DataError, match=r"1 of 4 rounded counts \(row 3\) can only come from counts that suppressed="):
        dw.Panel.from_frame(frame(["*", 5, 0, 10]), events="events", rounded_to=5, suppressed={"*": (0, 4)}, **NAMES)


def test_columns_of_bounds_with_and_without_counts() -> None:
    given = frame([10, 3, 50, 8], low=[8, 3, 50, 6], high=[12, 3, "inf", 10])
    panel = dw.Panel.from_frame(given, events="events", lower="low", upper="high", **NAMES)
    alone = dw.Panel.from_frame(given.drop(columns="events"), lower="low", upper="high", **NAMES)
    pd.testing.assert_frame_equal(panel.frame, alone.frame)
    assert bounds(panel)["a", "2021"] == (50.0, math.inf)
    assert panel.frame["events"].fillna(-1.0).tolist() == [-1.0, -1.0, 3.0, -1.0]
    numbers = given.assign(high=[12.0, 3.0, math.inf, 10.0])
    same = dw.Panel.from_frame(pl.from_pandas(numbers), events="events", lower="low", upper="high", **NAMES)
    pd.testing.assert_frame_equal(same.frame, panel.frame)
    some = dw.Panel.from_frame(
        given.assign(low=[8, None, None, None], high=[12, None, None, None]),
        events="events",
        lower="low",
        upper="high",
        **NAMES,
    )
    assert bounds(some)["b", "2020"] == (3.0, 3.0)
    assert is_interval(some.frame).sum() == 1


def test_bounds_that_meet_make_an_exact_panel() -> None:
    plain = frame([10, 3, 50, 8])
    exact = dw.Panel.from_frame(plain, events="events", **NAMES)
    met = dw.Panel.from_frame(plain.assign(same=plain["events"]), lower="same", upper="same", **NAMES)
    pd.testing.assert_frame_equal(met.frame, exact.frame)
    assert not met.has_intervals
    assert not {"lower", "upper"} & set(exact.frame.columns)
    once = dw.Panel.from_frame(plain, events="events", rounded_to=1, **NAMES)
    pd.testing.assert_frame_equal(once.frame, exact.frame)


def test_without_intervals_nothing_is_hashed_that_was_not_before() -> None:
    rows = pd.DataFrame({"provider": ["a", "b"], "period": ["2020"] * 2, "events": [1, 2], "bed_days": [10.0, 20.0]})
    content = f"panel {frame_digest(rows)}"
    arguments = [None, "D2", "half-year", None, None, [], "bed-days", "error"]
    source = hashlib.sha256(content.encode()).hexdigest()
    expected = hashlib.sha256(json.dumps([source, *arguments]).encode()).hexdigest()
    assert dw.build_panel(dw.read_tables(panel=rows)).fingerprint == expected
    named = dw.Panel.from_frame(rows, provider="provider", period="period", events="events", exposure="bed_days")
    assert named.fingerprint == expected


@pytest.mark.parametrize(
    ("events", "options", "said"),
    [
        (["<5", 7], {}, "1 of 2 counts are texts such as '<5'"),
        ([5, 7], {"rounded_to": 5}, r"rounded_to=5: 1 of 2 counts are no multiples of it \(row 2\)"),
        ([5, 10], {"rounded_to": 0}, "rounded_to=0: base must be"),
        (["<5", 7], {"suppressed": {"<5": (4, 0)}}, r"gives '<5' the bounds \(4, 0\)"),
        (["<5", 7], {"suppressed": {"<5": 4}}, "gives '<5' the bounds 4"),
        (["<5", 7], {"suppressed": {" ": (0, 4)}}, "blank is a count that is missing"),
        (["<5", "<10"], {"suppressed": {"<5": (0, 4)}}, "events"),
        ([1, 2], {"lower": "days"}, "upper= is missing"),
        ([1, 2], {"lower": "days", "upper": "days"}, "outside its own bounds in 2 of 2 rows"),
        ([1, 2], {"covariates": "lower"}, "cannot be a covariate"),
    ],
)
def test_what_was_not_said_or_does_not_hold_is_refused(events: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        dw.Panel.from_frame(frame(events), **({"events": "events"} | NAMES | options))


def test_no_count_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="events= is missing: name the column with the counts, or those with their"):
        dw.Panel.from_frame(frame([1, 2]), **NAMES)


def ready(**columns: Any) -> dw.Tables:
    rows = {"provider": ["a", "b"], "period": ["2020", "2020"], "events": [None, 9], "bed_days": [100.0, 100.0]}
    return dw.read_tables(panel=pd.DataFrame(rows | columns))


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"lower": [0, None], "upper": [None, None]}, "half-an-interval"),
        ({"lower": [5, None], "upper": [2, None]}, "reversed-interval"),
        ({"lower": [0, 10], "upper": [4, 12]}, "events-outside-interval"),
        ({"lower": [1, None], "upper": [4, None], "bed_days": [0.0, 100.0]}, "events-without-bed-days"),
        ({"lower": [None, 8], "upper": [None, 12]}, "missing-events"),
    ],
)
def test_bounds_in_the_table_of_counts_are_checked(columns: dict[str, Any], rule: str) -> None:
    tables = ready(**columns)
    found = {finding.rule: finding for finding in dw.check(tables).findings if finding.severity == "error"}
    assert rule in found
    assert found[rule].count == 1
    for language in ("nl", "en"):
        assert found[rule].message[language]
    with pytest.raises(DataError):
        dw.build_panel(tables)


def test_the_table_of_counts_takes_bounds_without_options() -> None:
    panel = dw.build_panel(ready(lower=[0, None], upper=[4, None]))
    assert bounds(panel) == {("a", "2020"): (0.0, 4.0), ("b", "2020"): (9.0, 9.0)}
    nothing = dw.build_panel(ready(lower=[0, None], upper=[4, None], delivered=[False, True]))
    assert not nothing.has_intervals
    assert nothing.frame["delivered"].tolist() == [False, True]


def forms() -> dw.Panel:
    counts = frame(["<5", 12, 3, 7], kind=["seclusion", "seclusion", "other", "other"]).assign(when="2020")
    return dw.Panel.from_frame(counts, events="events", form="kind", suppressed={"<5": (1, 4)}, **NAMES)


def test_selecting_keeps_the_intervals_and_counts_what_goes_by_its_least() -> None:
    panel = forms()
    one = panel.for_form("seclusion")
    assert one.has_intervals
    assert one.set_aside.set_index("reason")["count"].to_dict() == {"another form": 10}
    other = panel.for_form("other")
    # The hidden count is at least 1.
    assert other.set_aside.set_index("reason")["count"].to_dict() == {"another form": 13}
    assert not other.has_intervals
    assert "lower" not in other.frame
    assert panel.restrict(["b"]).frame["events"].tolist() == [7.0, 12.0]
    assert panel.restrict(["a"]).has_intervals


def test_sums_that_cannot_carry_intervals_are_refused() -> None:
    panel = forms()
    with pytest.raises(DataError, match="The sum over forms needs exact counts, and 1 of 4 delivered counts are known"):
        panel.for_form("all")
    with pytest.raises(DataError, match="The coverage in registrations needs exact counts"):
        dw.selection_coverage(panel, ["a"])
    refuse_intervals(panel.restrict(["b"]).frame, "Nothing")
    np.testing.assert_array_equal(least_counts(panel.frame), [3.0, 1.0, 7.0, 12.0])


def test_bounds_outside_a_panel_are_no_intervals() -> None:
    rows = pd.DataFrame({"events": [1.0, 2.0]})
    assert not is_interval(rows).any()
    np.testing.assert_array_equal(least_counts(rows), [1.0, 2.0])
    assert Coarse().problems() == []


def test_the_order_of_the_texts_does_not_matter() -> None:
    texts = pd.Series([None], dtype="str")
    pairs = [("10-14", (10.0, 14.0)), ("15-19", (15.0, 19.0)), ("21-25", (21.0, 25.0)), ("26-30", (26.0, 30.0))]
    for order in (pairs, pairs[::-1], pairs[2:] + pairs[:2]):
        lower, upper = Coarse(20, "up", dict(order)).bounds_of(np.array([20.0]), texts)
        assert (lower[0], upper[0]) == (20.0, 20.0)
