"""Counts known only to lie in an interval: published rounded, or suppressed because they are small.

Nothing is guessed: how counts were rounded, and what a text such as "<5" stands for, is said by the caller. An interval
is fitted as P(lower <= count <= upper); its middle is never used as a count.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Vector
from dwangstats.data.config.coarse import (
    Bounds,
    Coarse,
    Ties,
    interval_of_rounded,
    interval_of_suppressed,
    rows_named,
)
from dwangstats.data.panels.layout import BOUNDS
from dwangstats.errors import DataError

__all__ = [
    "Bounds",
    "Coarse",
    "Ties",
    "count_bounds",
    "interval_of_rounded",
    "interval_of_suppressed",
    "is_interval",
    "least_counts",
    "refuse_cut_intervals",
    "refuse_intervals",
    "without_idle_bounds",
]

_NEVER_CUT = (
    "Pass the Panel itself (a part of it: panel.during, panel.restrict), whose intervals are fitted. Such a count is "
    "never filled in and its row never left out: it is not shown because of its size."
)


def is_interval(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows of a panel's frame whose count is known only to an interval, (n,)."""
    if not set(BOUNDS) <= set(frame.columns):
        return np.zeros(len(frame), dtype=bool)
    lower, upper = (frame[name].to_numpy(dtype=np.float64) for name in BOUNDS)
    return np.asarray(lower < upper)


def least_counts(frame: pd.DataFrame) -> Vector:
    """Counts of a panel's rows, the lower bounds of intervals in their place, NaN where nothing was delivered, (n,)."""
    events = frame["events"].to_numpy(dtype=np.float64)
    wide = is_interval(frame)
    return np.where(wide, frame[BOUNDS[0]].to_numpy(dtype=np.float64), events) if wide.any() else events


def count_bounds(frame: pd.DataFrame) -> tuple[Vector, Vector]:
    """Least and greatest possible count of a panel's rows, equal where it is exact, NaN where nothing was delivered."""
    least = least_counts(frame)
    wide = is_interval(frame)
    return least, np.where(wide, frame[BOUNDS[1]].to_numpy(dtype=np.float64), least) if wide.any() else least


def without_idle_bounds(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of a panel with bounds of its delivered rows, or without these columns where every count is exact."""
    bounds = [name for name in BOUNDS if name in frame.columns]
    if not (is_interval(frame) & frame["delivered"].to_numpy()).any():
        return frame.drop(columns=bounds)
    return frame.assign(**{name: frame[name].where(frame["delivered"]) for name in bounds})


def refuse_cut_intervals(frame: pd.DataFrame, response: str) -> None:
    """Refuse the frame of a panel with intervals in place of the panel: only a panel carries its intervals to a fit.

    Parameters
    ----------
    frame : DataFrame
        Any but that of a `Panel` itself; without the columns lower and upper, as numbers, nothing is refused.
    response : str
        Column of the counts.

    Raises
    ------
    DataError
        Where a count is missing and its bounds are there; and in a frame with the columns of a panel also where such
        counts were filled in, or their rows left out.
    """
    columns = [*BOUNDS, response]
    if not (set(columns) <= set(frame.columns) and all(pd.api.types.is_numeric_dtype(frame[c]) for c in BOUNDS)):
        return
    of_panel = response == "events" and {"provider", "period", "delivered"} <= set(frame.columns)
    wide = is_interval(frame)
    hidden = wide if of_panel else wide & frame[response].isna().to_numpy()
    if hidden.any():
        raise DataError(
            f"{int(hidden.sum())} of {len(frame)} counts are known to an interval only, by the columns lower and upper "
            f"({rows_named(frame.index, hidden)}). {_NEVER_CUT}"
        )
    if of_panel and len(frame):
        raise DataError(
            "The frame is that of a panel with counts known to an interval only, by its columns lower and upper, and "
            f"none of its {len(frame)} rows has one. {_NEVER_CUT} If rows were chosen for another reason than their "
            "counts, leave the columns lower and upper out."
        )


def refuse_intervals(frame: pd.DataFrame, purpose: str) -> None:
    """Refuse counts that are not exact, where an interval cannot be carried and its middle would be a made-up count.

    Parameters
    ----------
    frame : DataFrame
        Of a panel.
    purpose : str
        What needs exact counts, as the subject of a sentence.

    Raises
    ------
    DataError
    """
    wide = is_interval(frame)
    if not wide.any():
        return
    raise DataError(
        f"{purpose} needs exact counts, and {int(wide.sum())} of {int(frame['delivered'].sum())} delivered counts are "
        "known only to lie in an interval (rounded or suppressed). Ask the source for the exact counts, or fit a "
        "RateModel with fixed effects and family='nb2', whose likelihood takes intervals."
    )
