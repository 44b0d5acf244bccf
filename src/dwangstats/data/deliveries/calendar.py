"""When a delivery is due: the calendar of half-years per law.

A half-year is due six weeks after it ends, on 12 August and 12 February (Inspectorate, digital overview Wvggz and Wzd).
The overview of the first half of 2021 was expected by 10 December 2021, because the citizen service number came into it
in November (letter of the state secretary on mental health care, 4 November 2021). Closed youth care delivers from
2024; that it keeps the same days is an assumption. The dates are data, in ``codelists/due_dates.csv`` and
``codelists/laws.csv``; what a table of deliveries says itself goes before them.
"""

import importlib.resources
from collections.abc import Sequence
from datetime import date
from functools import cache

import pandas as pd

from dwangstats.data.nearest import did_you_mean
from dwangstats.data.register.codes import LAWS, code_list
from dwangstats.data.register.periods import Period, parse_period, periods_between
from dwangstats.errors import DomainError

CALENDAR_COLUMNS = ("law", "period", "begins", "ends", "due_on")


def due_on(period: str, law: str | None = None) -> date | None:
    """Last day on which a delivery over a half-year is in time.

    Parameters
    ----------
    period : str
        A half-year, "2021-H1".
    law : str, optional
        Without it the day that is the same under every law with a duty to deliver.

    Returns
    -------
    date or None
        None where there is no duty to deliver over that half-year, or no one day.

    Raises
    ------
    DomainError
        If the period is not a half-year, or the law is not one of `dwangstats.data.register.codes.LAWS`.
    """
    half = _half_year(period)
    if law is None or law == "unknown":
        days = {day for name in _delivered_from() if (day := _due_under(name, half)) is not None}
        return days.pop() if len(days) == 1 else None
    if law not in LAWS:
        raise DomainError(f"there is no law '{law}'; choose one of {', '.join(LAWS)}.{did_you_mean(law, LAWS)}")
    return _due_under(law, half)


def has_duty(law: str, period: str) -> bool:
    """Whether providers under a law have to deliver over a half-year; True where no law is known ("unknown")."""
    since = _delivered_from()
    return law == "unknown" or (law in since and _half_year(period).begin >= since[law])


def due_calendar(first: str, last: str, laws: Sequence[str] | None = None) -> pd.DataFrame:
    """The half-years that are delivered under each law, and the day on which each is due.

    Parameters
    ----------
    first, last : str
        Half-years, both included.
    laws : sequence of str, optional
        All laws with a duty to deliver when left out.

    Returns
    -------
    DataFrame
        law, period, begins (first day), ends (last day), due_on; in order of law and time. A half-year over which a
        law has no duty to deliver has no row.

    Raises
    ------
    DomainError
        If a period is not a half-year, the last lies before the first, or a law is not known.
    """
    _half_year(first)
    rows = []
    for law in laws if laws is not None else tuple(_delivered_from()):
        for text in periods_between(first, last):
            day = due_on(text, law)
            if day is not None:
                half = parse_period(text)
                rows.append((law, text, half.begin, date.fromordinal(half.end.toordinal() - 1), day))
    frame = pd.DataFrame(rows, columns=list(CALENDAR_COLUMNS)).astype({"law": "str", "period": "str"})
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in CALENDAR_COLUMNS[2:]})


def due_dates(deliveries: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """Due date of every row of a table of deliveries: its own ``due_on``, and where that is blank the calendar's.

    Parameters
    ----------
    deliveries : DataFrame, (n,)
        period (half-years); optional law and due_on.

    Returns
    -------
    Series of datetime64, (n,), index of ``deliveries``
        Missing where neither the table nor the calendar knows a day.

    Raises
    ------
    DomainError
        If a period is not a half-year.
    """
    laws = deliveries["law"] if "law" in deliveries.columns else pd.Series(None, index=deliveries.index, dtype="str")
    named = laws.where(laws.isin(LAWS), "unknown")
    pairs = list(zip(named, deliveries["period"], strict=True))
    known = {pair: due_on(pair[1], str(pair[0])) for pair in set(pairs)}
    days = pd.to_datetime(pd.Series([known[pair] for pair in pairs], index=deliveries.index, dtype="object"))
    if "due_on" in deliveries.columns:
        days = pd.to_datetime(deliveries["due_on"]).fillna(days)
    return days.astype("datetime64[us]").rename("due_on")


def _due_under(law: str, half: Period) -> date | None:
    if not has_duty(law, str(half)):
        return None
    table = _due_table()
    month, day, later = table.get((law, str(half))) or table["", f"H{half.number}"]
    return date(half.year + later, month, day)


def _half_year(text: str) -> Period:
    period = parse_period(text)
    if period.kind != "half-year":
        raise DomainError(f"deliveries are due per half-year; '{text}' is a {period.kind}. Write 2021-H1.")
    return period


@cache
def _delivered_from() -> dict[str, date]:
    table = code_list("laws")
    return {law: date.fromisoformat(day) for law, day in zip(table["law"], table["delivered_from"], strict=True) if day}


@cache
def _due_table() -> dict[tuple[str, str], tuple[int, int, int]]:
    """Month, day and years after the half-year, by law (blank: every law) and half-year (or H1, H2: every year)."""
    file = importlib.resources.files("dwangstats.data.register").joinpath("codelists", "due_dates.csv")
    with file.open(encoding="utf-8") as stream:
        table = pd.read_csv(stream, dtype=str, keep_default_na=False)
    numbers = table[["month", "day", "years_later"]].astype("int64").itertuples(index=False, name=None)
    return {
        (law, period): (month, day, later)
        for law, period, (month, day, later) in zip(table["law"], table["period"], numbers, strict=True)
    }
