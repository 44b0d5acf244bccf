"""Which providers delivered in every period, and how much of the register they hold."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dwangstats.data.panels.intervals import refuse_intervals
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError

QUANTITIES = ("providers", "bed_days", "registrations")


def complete_deliverers(panel: Panel) -> tuple[str, ...]:
    """Providers with a measured rate in every period of the panel.

    All rows of such a provider (its locations and forms) are delivered, and it has a row in every period. A provider
    that opened later or closed, or whose bed-days are not known in a period, is not among them.

    Returns
    -------
    tuple of str
        In order; empty when no provider delivered in every period.
    """
    rows = panel.frame.groupby("provider", sort=True)
    everything = rows["delivered"].agg("all")
    periods = panel.frame[["provider", "period"]].drop_duplicates().groupby("provider", sort=True).size()
    complete = everything & (periods == len(panel.periods))
    return tuple(str(name) for name in complete.index[complete])


def selection_coverage(panel: Panel, providers: Iterable[str]) -> pd.DataFrame:
    """What a selection of providers holds: three shares that coincide only by chance.

    Parameters
    ----------
    panel : Panel
    providers : iterable of str
        Providers of the panel that are kept.

    Returns
    -------
    DataFrame
        quantity, kept, total, share. ``providers`` counts providers with a row; ``bed_days`` adds up the known bed-days
        of all rows, delivered or not, once over forms; ``registrations`` adds up the events of delivered rows. The
        share is missing where the total is zero.

    Raises
    ------
    DataError
        If a provider is not in the panel, or counts are known to an interval only.
    """
    kept, places = held_places(panel, providers)
    refuse_intervals(panel.frame, "The coverage in registrations")
    events = panel.frame.loc[panel.frame["delivered"]]
    rows = [*places, (_held(events, "events", kept), float(events["events"].sum()))]
    share = [part / whole if whole > 0 else np.nan for part, whole in rows]
    held, total = ([row[end] for row in rows] for end in (0, 1))
    return pd.DataFrame({"quantity": list(QUANTITIES), "kept": held, "total": total, "share": share})


def held_places(panel: Panel, providers: Iterable[str]) -> tuple[set[str], list[tuple[float, float]]]:
    """The kept providers, and their number and bed-days beside those of all: what does not depend on the counts.

    Raises
    ------
    DataError
        If a provider is not in the panel.
    """
    kept = {str(name) for name in providers}
    strangers = sorted(kept - set(panel.providers))
    if strangers:
        raise DataError(
            f"{len(strangers)} of {len(kept)} providers are not in the panel (first: {', '.join(strangers[:5])})."
        )
    place = [name for name in ("provider", "location", "law", "period") if name in panel.frame.columns]
    days = panel.frame.groupby(place)["bed_days"].max().reset_index()
    held = (_held(days, "bed_days", kept), float(days["bed_days"].sum()))
    return kept, [(len(kept), len(panel.providers)), held]


def _held(frame: pd.DataFrame, column: str, providers: set[str]) -> float:
    return float(frame.loc[frame["provider"].isin(providers), column].sum())
