"""Complete deliverers, and the three shares of what they hold."""

from typing import Any

import pandas as pd
import pytest

from dwangstats.change.selection import complete_deliverers, selection_coverage
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError


def panel(rows: list[tuple[Any, ...]], *more: str) -> Panel:
    """A panel from (provider, period, events, bed_days) and further columns."""
    frame = pd.DataFrame(rows, columns=["provider", "period", "events", "bed_days", *more])
    named = {name: name for name in more}
    return Panel.from_frame(
        frame,
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
        blank_events="not delivered",
        **named,  # type: ignore[arg-type]
    )


THREE_KINDS = panel(
    [
        *(("always", year, events, 100.0) for year, events in ((2021, 10), (2022, 0), (2023, 20))),
        *(("refused", year, events, 200.0) for year, events in ((2021, 5), (2022, None), (2023, 5))),
        *(("joined", year, events, 300.0) for year, events in ((2022, 1), (2023, 1))),
    ]
)


def test_complete_deliverers_delivered_in_every_period() -> None:
    assert complete_deliverers(THREE_KINDS) == ("always",)


def test_a_zero_is_a_delivery() -> None:
    assert complete_deliverers(panel([("a", 2021, 0, 10.0), ("a", 2022, 1, 10.0)])) == ("a",)


def test_nobody_may_have_delivered_every_time() -> None:
    assert complete_deliverers(panel([("a", 2021, 1, 10.0), ("b", 2022, 1, 10.0)])) == ()


def test_every_location_and_form_must_be_delivered() -> None:
    rows = [("a", 2021, 1, 10.0, "u1"), ("a", 2021, None, 10.0, "u2"), ("b", 2021, 1, 10.0, "u1")]
    assert complete_deliverers(panel(rows, "location")) == ("b",)
    assert complete_deliverers(panel(rows, "form")) == ("b",)


def test_a_provider_whose_bed_days_are_unknown_in_a_period_is_not_complete() -> None:
    rows = [("a", 2021, 1, 10.0), ("a", 2022, 1, None), ("b", 2021, 1, 10.0), ("b", 2022, 1, 10.0)]
    assert complete_deliverers(panel(rows)) == ("b",)


def test_the_three_shares_differ() -> None:
    table = selection_coverage(THREE_KINDS, complete_deliverers(THREE_KINDS)).set_index("quantity")
    assert table["kept"].tolist() == [1, 300, 30]
    assert table["total"].tolist() == [3, 1500, 42]
    assert table["share"].tolist() == pytest.approx([1 / 3, 300 / 1500, 30 / 42])


def test_bed_days_are_counted_once_over_forms() -> None:
    rows = [("a", 2021, 1, 10.0, "x"), ("a", 2021, 2, 10.0, "y"), ("b", 2021, 3, 30.0, "x"), ("b", 2021, 4, 30.0, "y")]
    table = selection_coverage(panel(rows, "form"), ["a"]).set_index("quantity")
    assert table.loc["bed_days"].tolist() == [10, 40, 0.25]
    assert table.loc["registrations"].tolist() == [3, 10, 0.3]


def test_the_share_of_nothing_is_missing() -> None:
    table = selection_coverage(panel([("a", 2021, 0, 10.0), ("b", 2021, 0, 10.0)]), []).set_index("quantity")
    assert table["kept"].tolist() == [0, 0, 0]
    assert table["share"].isna().tolist() == [False, False, True]


def test_a_provider_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 providers are not in the panel \(first: z\)"):
        selection_coverage(THREE_KINDS, ["always", "z"])
