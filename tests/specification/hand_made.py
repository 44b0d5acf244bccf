"""Small registers made by hand: every row is written out, or irregular in a way that no rule of registration asks for.

Every client and registration has a name that is easy to search for; `CANARIES` must stand in nothing that is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

import dwangstats as dw

CANARIES = ("clientcanary", "regcanary")

SECLUSION_ROOM = "124061000146109"
EXTRA_SECURED_ROOM = "124041000146108"
SEPARATION_ROOM = "124071000146103"
OWN_ROOM = "124051000146106"
ROOM_NOT_SPECIFIED = "90278001"
TEMPORARY_STAY = "121641000146100"
HOLDING = "225212001"
FIXATION = "68894007"
ORAL_MEDICATION = "121531000146107"
ADMISSION = "121541000146104"


def moment(text: str) -> datetime:
    """A moment written as 2023-02-01T10:13."""
    return datetime.fromisoformat(text)


@dataclass
class Register:
    """Rows of registrations, in the order in which they were written."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        begin: str | datetime,
        *,
        hours: float | None = 2.6,
        end: str | datetime | None = None,
        client: str | None = None,
        provider: str = "A",
        **other: Any,
    ) -> int:
        """Add one registration and give its position; `hours=None` without `end` leaves it open."""
        start = moment(begin) if isinstance(begin, str) else begin
        if end is not None:
            stop = moment(end) if isinstance(end, str) else end
        else:
            stop = None if hours is None else start + timedelta(minutes=round(60 * hours))
        number = len(self.rows)
        row = {
            "registration_id": f"regcanary-{number}",
            "provider_id": provider,
            "location_id": f"{provider}1",
            "client_id": f"clientcanary-{number if client is None else client}",
            "law": "WVGGZ",
            "intervention_code": SECLUSION_ROOM,
            "legal_status": None,
            "planned": False,
            "begin": start,
            "end": stop,
            "received_at": None,
            "source_id": f"source-{number}",
        }
        self.rows.append(row | other)
        return number

    def background(
        self, provider: str, n: int, *, seed: int, first: str = "2023-01-02", days: int = 175, **other: Any
    ) -> list[int]:
        """Add `n` measures of as many clients, at irregular minutes and of irregular durations (hours to a day)."""
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, days * 1440, n)
        minutes = rng.integers(61, 1300, n)
        # No end at a change of shift or on an hour by accident: what is left heaps nowhere.
        day = moment(first)
        positions = []
        for start, lasting in zip(starts.tolist(), minutes.tolist(), strict=True):
            begin = day + timedelta(minutes=start)
            begin += timedelta(minutes=7 if begin.minute == 0 else 0)
            end = begin + timedelta(minutes=lasting)
            end += timedelta(minutes=11 if end.minute == 0 else 0)
            positions.append(self.add(begin, end=end, provider=provider, **other))
        return positions

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame; what is missing in every row is left out."""
        return pd.DataFrame(self.rows).dropna(axis="columns", how="all")

    def tables(self, **frames: Any) -> dw.Tables:
        """The rows as read by the package, with other tables beside them."""
        return dw.read_tables(registrations=self.frame, **frames)


def marked(mask: Any) -> list[int]:
    """Positions of the rows that a trace marks."""
    array = np.asarray(mask)
    assert array.dtype == bool
    return np.flatnonzero(array).tolist()


def half_years(first_year: int, last_year: int) -> list[str]:
    """Names of the half-years of some years."""
    return [f"{year}-H{half}" for year in range(first_year, last_year + 1) for half in (1, 2)]


def quarters(first_year: int, last_year: int) -> list[str]:
    """Names of the quarters of some years."""
    return [f"{year}-Q{quarter}" for year in range(first_year, last_year + 1) for quarter in (1, 2, 3, 4)]


def days_in(period: str) -> int:
    """Days in a quarter or half-year, from the calendar."""
    year, part = int(period[:4]), int(period[-1])
    months = 3 if "Q" in period else 6
    first = pd.Timestamp(year, months * (part - 1) + 1, 1)
    return (first + pd.DateOffset(months=months) - first).days


def exposure(providers: Sequence[str], periods: Sequence[str], beds: float = 20.0, **columns: Any) -> pd.DataFrame:
    """Bed-days of one location per provider with an occupancy that moves a little and is never full."""
    rows = []
    for i, provider in enumerate(providers):
        for t, period in enumerate(periods):
            occupancy = 0.82 + 0.013 * ((5 * t + 3 * i) % 7)
            rows.append(
                {
                    "provider_id": provider,
                    "location_id": f"{provider}1",
                    "period": period,
                    "capacity": beds,
                    "bed_days": round(beds * days_in(period) * occupancy, 1),
                }
                | columns
            )
    return pd.DataFrame(rows)


def delivery(provider: str, period: str, status: str = "accepted", **other: Any) -> dict[str, Any]:
    """One row of the table of deliveries."""
    return {"provider_id": provider, "law": "WVGGZ", "period": period, "version": 1, "status": status} | other


def deliveries(providers: Sequence[str], periods: Sequence[str]) -> pd.DataFrame:
    """Every half-year of every provider accepted, a week before it was due."""
    rows = []
    for period in periods:
        year, half = int(period[:4]), period[-1]
        received = f"{year}-08-05T09:12" if half == "1" else f"{year + 1}-02-05T09:12"
        rows += [delivery(provider, period, received_at=received) for provider in providers]
    return pd.DataFrame(rows)


def counted_register(counts: Mapping[tuple[str, str, str], int], *, clients: int = 10_000) -> pd.DataFrame:
    """A register with so many registrations per provider, quarter and form, at irregular moments."""
    rng = np.random.default_rng(5)
    sizes = np.array(list(counts.values()))
    provider, quarter, form = (np.repeat(np.array(names, dtype=object), sizes) for names in zip(*counts, strict=True))
    starts = {q: pd.Period(q.replace("-", ""), freq="Q").start_time for q in set(quarter)}
    minutes = np.array([days_in(q) * 1440 for _, q, _ in counts]).repeat(sizes)
    begin = pd.Series(quarter).map(starts) + pd.to_timedelta(rng.integers(0, minutes), unit="min")
    n = int(sizes.sum())
    return pd.DataFrame(
        {
            "registration_id": [f"regcanary-{i}" for i in range(n)],
            "provider_id": provider,
            "location_id": provider + "1",
            "form": form,
            "begin": begin,
            "end": begin + pd.to_timedelta(rng.integers(70, 900, n), unit="min"),
            "client_id": [f"clientcanary-{c}" for c in rng.integers(0, clients, n)],
            "planned": False,
        }
    )


def everything_said(report: dw.CheckReport) -> str:
    """All that a report of the checks writes, in both languages."""
    parts = [repr(report), str(report)]
    for language in ("nl", "en"):
        parts += [report.to_text(language), report.to_frame(language).to_csv(), *report.problems(language)]
    return "\n".join(parts)


def names_nobody(text: str) -> bool:
    """Whether a text names no client and no registration."""
    return not any(canary in text for canary in CANARIES)


def found(tables: dw.Tables, **options: Any) -> dict[str, tuple[int, list[int]]]:
    """What `check` finds, by rule: count and first rows (from 1). Nothing that it says may name anybody."""
    report = dw.check(tables, **options)
    assert names_nobody(everything_said(report))
    return {finding.rule: (finding.count, list(finding.rows)) for finding in report.findings}
