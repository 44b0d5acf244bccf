"""Small registers for the tests of traces: regular rows of one provider, into which each test writes an error."""

from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.reading.read import Tables

SECLUSION = "124061000146109"
OWN_ROOM = "124051000146106"
EXTRA_SECURED = "124041000146108"
NOT_SPECIFIED = "90278001"
MEDICATION = "121511000146100"
HOLDING = "225212001"
CAMERA = "121411000146104"


def rows(*given: dict[str, Any]) -> pd.DataFrame:
    """Registrations with what is given; the rest regular, a client and a day of its own, ended after seven hours."""
    made = []
    for number, row in enumerate(given):
        begin = pd.Timestamp(row.get("begin", pd.Timestamp(2021, 1, 4, 9, 3) + number * pd.Timedelta(days=1.01)))
        regular = {
            "registration_id": f"r{number:05d}",
            "provider_id": "p1",
            "location_id": "p1-1",
            "client_id": f"c{number:05d}",
            "law": "WVGGZ",
            "intervention_code": SECLUSION,
            "begin": begin.floor("min"),
            "end": (begin + pd.Timedelta(hours=7, minutes=11)).floor("min"),
            "received_at": pd.Timestamp(2021, 8, 3, 10, 17),
        }
        made.append({**regular, **row})
    frame = pd.DataFrame(made).rename_axis("row")
    for column in ("begin", "end", "received_at"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def register(*given: dict[str, Any], **tables: pd.DataFrame) -> Tables:
    return Tables(registrations=rows(*given), **tables)


def noise(size: int, seed: int = 1, **columns: Any) -> list[dict[str, Any]]:
    """Regular rows at random minutes of the first half of 2021, of many clients, lasting some hours."""
    rng = np.random.default_rng(seed)
    begin = pd.Timestamp(2021, 1, 1) + pd.to_timedelta(rng.integers(0, 180 * 1440, size=size), unit="min")
    hours = np.exp(rng.normal(2.0, 1.0, size=size))
    end = (begin + pd.to_timedelta(np.rint(60 * hours) + 1, unit="min")).floor("min")
    client = rng.integers(0, size, size=size)
    return [
        {"begin": b, "end": e, "client_id": f"n{c:05d}", **columns} for b, e, c in zip(begin, end, client, strict=True)
    ]


def marked(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()
