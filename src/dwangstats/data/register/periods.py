"""Periods of the register: "2021", "2021-H1", "2021-Q3" and "2021-05".

A period is written as text in every table, so that it survives every file format;
this module knows what the text means.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from dwangstats._types import PeriodKind, Vector
from dwangstats.errors import DomainError

PERIOD_KINDS: tuple[PeriodKind, ...] = ("month", "quarter", "half-year", "year")
#: years of which a period can be written; dates outside are defaults of a record system, or typing errors.
FIRST_YEAR, LAST_YEAR = 1900, 2199

_MONTHS_IN: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
_PATTERN = re.compile(
    r"(?P<year>(?:19|20|21)\d\d)(?:-?[Hh](?P<half>[12])|-?[Qq](?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, quarter, half-year or year.

    Attributes
    ----------
    year : int
        Calendar year.
    kind : {"month", "quarter", "half-year", "year"}
    number : int
        Number within the year, from 1; a year has number 1.
    """

    year: int
    kind: PeriodKind
    number: int

    @property
    def first_month(self) -> int:
        """Number of the first month, 1 to 12."""
        return (self.number - 1) * _MONTHS_IN[self.kind] + 1

    @property
    def last_month(self) -> int:
        """Number of the last month, 1 to 12."""
        return self.number * _MONTHS_IN[self.kind]

    @property
    def begin(self) -> date:
        """First day."""
        return date(self.year, self.first_month, 1)

    @property
    def end(self) -> date:
        """First day after the period."""
        return date(self.year + 1, 1, 1) if self.last_month == 12 else date(self.year, self.last_month + 1, 1)

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.begin).days

    @property
    def midpoint(self) -> float:
        """Middle in decimal years: 2021 is 2021.5, 2021-H1 is 2021.25."""
        return self.year + (self.number - 0.5) * _MONTHS_IN[self.kind] / 12

    def contains(self, other: "Period") -> bool:
        """Whether every month of ``other`` lies in this period."""
        same_year = self.year == other.year
        return same_year and self.first_month <= other.first_month and other.last_month <= self.last_month

    def __str__(self) -> str:
        if self.kind == "year":
            return f"{self.year:04d}"
        if self.kind == "month":
            return f"{self.year:04d}-{self.number:02d}"
        return f"{self.year:04d}-{'H' if self.kind == 'half-year' else 'Q'}{self.number}"


def parse_period(text: str) -> Period:
    """Read a period from its text.

    Parameters
    ----------
    text : str
        "2021", "2021-H1", "2021-Q3" or "2021-05", of the years 1900 to 2199; H and Q may be small, and their
        hyphen left out.

    Raises
    ------
    DomainError
        If the text is none of these.
    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        raise DomainError(f"'{text}' is not a period. Write 2021, 2021-H1, 2021-Q3 or 2021-05.")
    year = int(found["year"])
    if found["half"]:
        return Period(year, "half-year", int(found["half"]))
    if found["quarter"]:
        return Period(year, "quarter", int(found["quarter"]))
    if found["month"]:
        return Period(year, "month", int(found["month"]))
    return Period(year, "year", 1)


def is_period(text: str) -> bool:
    """Whether the text is a period that `parse_period` reads."""
    return _PATTERN.fullmatch(text.strip()) is not None


def period_kind(text: str) -> PeriodKind:
    """Kind of the period: "month", "quarter", "half-year" or "year"."""
    return parse_period(text).kind


def contains(outer: str, inner: str) -> bool:
    """Whether the period ``inner`` lies within the period ``outer``."""
    return parse_period(outer).contains(parse_period(inner))


def convert_period(text: str, by: PeriodKind) -> str:
    """The period of kind ``by`` in which the given period lies.

    Raises
    ------
    DomainError
        If ``by`` is finer than the period: half a year cannot be told from a year.
    """
    period = parse_period(text)
    if not _fits(period.kind, by):
        raise DomainError(f"period '{period}' is a {period.kind} and does not lie within one {by}.")
    return str(_period_around(period.year, period.first_month, by))


def convert_periods(texts: Iterable[str], by: PeriodKind) -> list[str]:
    """`convert_period` of each text."""
    known: dict[str, str] = {}
    return [known[t] if t in known else known.setdefault(t, convert_period(t, by)) for t in texts]


def can_convert(text: str, by: PeriodKind) -> bool:
    """Whether the period lies within exactly one period of kind ``by``."""
    return _fits(period_kind(text), by)


def period_of(moments: "pd.Series[pd.Timestamp]", by: PeriodKind) -> "pd.Series[str]":
    """Period of kind ``by`` in which each moment lies.

    Parameters
    ----------
    moments : Series of datetime64, (n,)
        NaT gives a missing period.

    Returns
    -------
    Series of str, (n,), same index.
    """
    year = moments.dt.year
    month = moments.dt.month
    known = moments.notna().to_numpy()
    labels = np.full(len(moments), np.nan, dtype=object)
    months = year.to_numpy()[known].astype(np.int64) * 12 + month.to_numpy()[known].astype(np.int64) - 1
    distinct, position = np.unique(months, return_inverse=True)
    names = [str(_period_around(int(m) // 12, int(m) % 12 + 1, by)) for m in distinct]
    labels[known] = np.array(names, dtype=object)[position] if names else np.array([], dtype=object)
    return pd.Series(labels, index=moments.index, name="period", dtype=pd.Series(["2021"]).dtype)


def midpoints(texts: Iterable[str]) -> Vector:
    """Middle of each period in decimal years, (n,)."""
    known: dict[str, float] = {}
    values = [known[t] if t in known else known.setdefault(t, parse_period(t).midpoint) for t in texts]
    return np.array(values, dtype=np.float64)


def sort_periods(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct periods in order of time; of two that begin together the longer comes first."""
    return tuple(sorted(set(texts), key=_place_in_time))


def periods_between(first: str, last: str) -> tuple[str, ...]:
    """All periods of one kind from ``first`` to ``last``, both included.

    Raises
    ------
    DomainError
        If the two are of different kinds, or the last lies before the first.
    """
    begin, end = parse_period(first), parse_period(last)
    if begin.kind != end.kind:
        raise DomainError(f"'{first}' is a {begin.kind} and '{last}' a {end.kind}; two periods of one kind are needed.")
    if end.begin < begin.begin:
        raise DomainError(f"period '{last}' lies before '{first}'.")
    step = _MONTHS_IN[begin.kind]
    months = range(begin.year * 12 + begin.first_month - 1, end.year * 12 + end.first_month, step)
    return tuple(str(_period_around(m // 12, m % 12 + 1, begin.kind)) for m in months)


def _period_around(year: int, month: int, by: PeriodKind) -> Period:
    return Period(year, by, (month - 1) // _MONTHS_IN[by] + 1)


def _fits(kind: PeriodKind, by: PeriodKind) -> bool:
    return _MONTHS_IN[by] % _MONTHS_IN[kind] == 0


def _place_in_time(text: str) -> tuple[date, int]:
    period = parse_period(text)
    return period.begin, -period.days
