"""Errors that the worlds do not plant, made in their tables: a lost export code, bed-days left out, a wrong date."""

from dataclasses import replace

import numpy as np
import pandas as pd
from tally import Items, items, rows_of

from dwangstats.data.checks.traces import joins
from dwangstats.data.reading.aggregate import analysis_form
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import period_of

LP = ("provider_id", "location_id", "period")
#: what the Swedish region kept of a form after its export code changed: 68 of 185 (domain dossier, E13).
RECODED = 68 / 185


def thin_one_form(tables: Tables, rng: np.random.Generator) -> tuple[Tables, Items]:
    """Two providers of which one form loses 63 % of its registrations for a year."""
    frame = tables.given["registrations"]
    form = pd.Series(analysis_form(frame), index=frame.index)
    quarter = period_of(frame["begin"], "quarter")
    count = frame.groupby([frame["provider_id"], form]).size()
    places = count[count >= 30].index
    drawn = rng.choice(len(places), size=2, replace=False)
    gone_rows = np.zeros(len(frame), dtype=np.bool_)
    quarters = sorted(quarter.unique())
    items: Items = set()
    for provider, name in (places[i] for i in drawn):
        first = int(rng.integers(0, len(quarters) - 3))
        mine = (frame["provider_id"] == provider) & (form == name) & quarter.isin(quarters[first : first + 4])
        gone_rows |= mine.to_numpy() & (rng.random(len(frame)) >= RECODED)
        items.add((provider, name))
    return replace(tables, registrations=frame.loc[~gone_rows]), items


def leave_out_bed_days(tables: Tables, rng: np.random.Generator) -> tuple[Tables, Items]:
    """Five rows of exposure less, of places with registrations in that period."""
    exposure = tables.given["exposure"]
    seen = items(joins.registered_places(tables), LP)
    rows = [i for i, item in zip(exposure.index, rows_of(exposure, LP), strict=True) if item in seen]
    gone = exposure.index.isin(rng.choice(np.array(rows), size=5, replace=False))
    return replace(tables, exposure=exposure.loc[~gone]), items(exposure.loc[gone], LP)


def close_too_early(tables: Tables, rng: np.random.Generator) -> tuple[Tables, Items]:
    """Two locations that the table of locations closes half a year before their last bed-days."""
    places = sorted(set(tables.given["registrations"]["location_id"].dropna()))
    drawn = rng.choice(np.array(places, dtype=object), size=2, replace=False)
    last = tables.given["registrations"]["begin"].max() - pd.Timedelta(days=182)
    shut = tables.given["locations"]["location_id"].isin(drawn)
    closed = pd.to_datetime(tables.given["locations"]["closed"]).mask(shut, last.normalize())
    return replace(tables, locations=tables.given["locations"].assign(closed=closed)), {(name,) for name in drawn}
