"""What totals, shares and rates can be where counts are known to an interval only: the least and the most, no middle.

A name such as ``events`` is missing where it is not one number; ``events_lowest`` and ``events_highest`` then hold the
least and the most that the bounds of the counts allow (the most is inf where a count has no upper bound). These are no
confidence intervals: nothing of chance is in them.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from dwangstats.change.selection import QUANTITIES, held_places, selection_coverage
from dwangstats.change.trends import PER, pooled_rate, registered_rates
from dwangstats.data.panels.intervals import count_bounds, is_interval
from dwangstats.data.panels.panel import Panel

LOWEST: Final = "_lowest"
HIGHEST: Final = "_highest"


def possible_total(rows: pd.DataFrame) -> tuple[float, float]:
    """Least and most registrations in delivered rows of a panel; equal where every count is exact."""
    least, most = count_bounds(rows)
    return float(least.sum()), float(most.sum())


def possible_columns(name: str, least: float, most: float) -> dict[str, float]:
    """A quantity under its name, missing unless it is one number, and its least and most."""
    return {name: least if least == most else np.nan, f"{name}{LOWEST}": least, f"{name}{HIGHEST}": most}


def possible_rates(panel: Panel, level: float = 0.95) -> pd.DataFrame:
    """Registered rate per 1,000 bed-days by form and period, as `registered_rates` gives it where counts are exact.

    Parameters
    ----------
    panel : Panel
    level : float
        Confidence level of the intervals of exact rates.

    Returns
    -------
    DataFrame
        As `registered_rates`; where some counts are intervals also events_lowest, events_highest, rate_lowest and
        rate_highest, and events, rate, lower and upper are missing in rows that are not exact.
    """
    if not panel.has_intervals:
        return registered_rates(panel, level)
    rows = panel.observed
    known = is_interval(rows)
    found = []
    for (form, period), cell in rows.groupby(["form", "period"], sort=True):
        least, most = possible_total(cell)
        days = float(cell["bed_days"].sum())
        row = {
            "form": form,
            "period": period,
            "year": int(cell["year"].iloc[0]),
            "bed_days": days,
            **possible_columns("events", least, most),
            **possible_columns("rate", PER * least / days, PER * most / days),
        }
        if not known[cell.index].any():
            exact = pooled_rate(
                cell["events"].to_numpy(), cell["bed_days"].to_numpy(), cell["provider"].to_numpy(), level
            )
            row |= {"lower": PER * exact.lower, "upper": PER * exact.upper}
        found.append(row)
    columns = ["form", "period", "year", "events", "bed_days", "rate", "lower", "upper"]
    ends = [f"{name}{end}" for name in ("events", "rate") for end in (LOWEST, HIGHEST)]
    return pd.DataFrame(found).reindex(columns=[*columns, *ends])


def possible_coverage(panel: Panel, providers: Iterable[str]) -> pd.DataFrame:
    """What a selection of providers holds, as `selection_coverage` gives it where counts are exact.

    Parameters
    ----------
    panel : Panel
    providers : iterable of str

    Returns
    -------
    DataFrame
        As `selection_coverage`; where some counts are intervals also kept_lowest, kept_highest, total_lowest,
        total_highest, share_lowest and share_highest, and kept, total and share are missing where they are not one
        number. The share is least where the kept counts are as low, and all others as high, as can be.

    Raises
    ------
    DataError
        If a provider is not in the panel.
    """
    names = list(providers)
    if not panel.has_intervals:
        return selection_coverage(panel, names)
    chosen, places = held_places(panel, names)
    rows = panel.observed
    inside = rows["provider"].isin(chosen)
    kept, rest = possible_total(rows[inside]), possible_total(rows[~inside])
    total = (kept[0] + rest[0], kept[1] + rest[1])
    ranges = [
        ((part, part), (whole, whole), possible_share((part, part), (whole - part,) * 2)) for part, whole in places
    ]
    shares = possible_share(kept, rest)
    found = [
        {
            "quantity": quantity,
            **possible_columns("kept", *some),
            **possible_columns("total", *whole),
            **possible_columns("share", *share),
        }
        for quantity, (some, whole, share) in zip(QUANTITIES, [*ranges, (kept, total, shares)], strict=True)
    ]
    ends = [f"{name}{end}" for name in ("kept", "total", "share") for end in (LOWEST, HIGHEST)]
    return pd.DataFrame(found)[["quantity", "kept", "total", "share", *ends]]


def possible_share(kept: tuple[float, float], rest: tuple[float, float]) -> tuple[float, float]:
    """Least and greatest share of what is kept in what is kept and the rest, over all totals above 0; missing of none.

    Parameters
    ----------
    kept, rest : (least, most)
        The most is inf where there is no upper bound.
    """
    if kept[1] == 0.0 and rest[1] == 0.0:
        return np.nan, np.nan
    least = 1.0 if rest[1] == 0.0 else 0.0 if np.isinf(rest[1]) else kept[0] / (kept[0] + rest[1])
    most = 0.0 if kept[1] == 0.0 else 1.0 if np.isinf(kept[1]) else kept[1] / (kept[1] + rest[0])
    return least, most
