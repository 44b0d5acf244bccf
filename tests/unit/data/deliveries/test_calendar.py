"""The calendar of deliveries: due dates per law and half-year, and a table that knows better."""

from datetime import date

import pandas as pd
import pytest

from dwangstats.data.deliveries.calendar import CALENDAR_COLUMNS, due_calendar, due_dates, due_on, has_duty
from dwangstats.data.register.periods import parse_period
from dwangstats.errors import DomainError


@pytest.mark.parametrize("law", ["WVGGZ", "WZD", None, "unknown"])
@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2020-H1", date(2020, 8, 12)),
        ("2020-H2", date(2021, 2, 12)),
        ("2021-H1", date(2021, 12, 10)),
        ("2021-H2", date(2022, 2, 12)),
        ("2023-H1", date(2023, 8, 12)),
        ("2024-H2", date(2025, 2, 12)),
    ],
)
def test_six_weeks_after_the_half_year_except_the_first_of_2021(law: str | None, period: str, day: date) -> None:
    assert due_on(period, law) == day
    assert day > parse_period(period).end


def test_closed_youth_care_delivers_from_2024() -> None:
    assert due_on("2023-H2", "JEUGDWET_H6") is None
    assert due_on("2024-H1", "JEUGDWET_H6") == date(2024, 8, 12)
    assert not has_duty("JEUGDWET_H6", "2023-H2")
    assert has_duty("unknown", "2023-H2")


@pytest.mark.parametrize("law", ["BOPZ", "WGBO", "WFZ_BEGINSELENWET"])
def test_a_law_without_a_duty_to_deliver_has_no_due_dates(law: str) -> None:
    assert due_on("2021-H1", law) is None


def test_before_the_laws_nothing_was_due() -> None:
    assert due_on("2019-H2") is None
    assert due_on("2019-H2", "WVGGZ") is None


def test_the_calendar_as_a_table() -> None:
    table = due_calendar("2023-H1", "2024-H1")
    assert tuple(table.columns) == CALENDAR_COLUMNS
    assert table.groupby("law").size().to_dict() == {"WVGGZ": 3, "WZD": 3, "JEUGDWET_H6": 1}
    assert (table["ends"] < table["due_on"]).all()
    first = table.iloc[0]
    assert (first["begins"], first["ends"]) == (pd.Timestamp(2023, 1, 1), pd.Timestamp(2023, 6, 30))
    assert due_calendar("2019-H1", "2019-H2").empty
    assert set(due_calendar("2021-H1", "2021-H2", ["WZD"])["law"]) == {"WZD"}


def test_what_the_table_says_goes_before_the_calendar() -> None:
    deliveries = pd.DataFrame(
        {
            "law": ["WVGGZ", "WVGGZ", None, "JEUGDWET_H6", "no such law"],
            "period": ["2021-H1", "2021-H1", "2022-H1", "2021-H1", "2022-H1"],
            "due_on": pd.to_datetime(["2021-08-12", None, None, None, None]),
        },
        index=[3, 4, 5, 6, 7],
    )
    days = due_dates(deliveries)
    assert days.index.tolist() == [3, 4, 5, 6, 7]
    assert [None if pd.isna(day) else day.date() for day in days] == [
        date(2021, 8, 12),
        date(2021, 12, 10),
        date(2022, 8, 12),
        None,
        date(2022, 8, 12),
    ]
    assert due_dates(deliveries[["period"]]).iloc[0] == pd.Timestamp(2021, 12, 10)
    assert due_dates(deliveries.iloc[:0]).empty


def test_what_is_not_a_half_year_or_a_law_is_refused() -> None:
    with pytest.raises(DomainError, match="due per half-year; '2021' is a year"):
        due_on("2021")
    with pytest.raises(DomainError, match="due per half-year"):
        due_calendar("2021-01", "2021-06")
    with pytest.raises(DomainError, match="Did you mean 'WVGGZ'"):
        due_on("2021-H1", "WVGZ")
