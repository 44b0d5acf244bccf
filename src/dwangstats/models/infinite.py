"""Refusal of models whose likelihood has no finite maximum, in the names of the design."""

import numpy as np

from dwangstats.design.design import Design
from dwangstats.design.rows import rows_text
from dwangstats.errors import FitError
from dwangstats.numerics.degenerate import empty_direction, endless_direction
from dwangstats.numerics.intervals import Intervals


def refuse_infinite(design: Design) -> None:
    """Raise where a coefficient of the fixed part runs off to infinity; random effects do not hold it back.

    Raises
    ------
    FitError
        If all counts are 0 (or may be, by their intervals), or some group of rows that the coefficients set apart has
        no event, or holds only intervals that are open to the same side.
    """
    if design.intervals is not None:
        _refuse_endless(design, design.intervals)
        return
    if not design.y.any():
        raise FitError(
            f"All {design.y.size} counts are 0, so the rate is 0 and its logarithm minus infinity. There is nothing to "
            "compare; say that no event was registered."
        )
    empty = empty_direction(design.X, design.y)
    if empty is None:
        return
    names = ", ".join(design.names[i] for i in empty.columns)
    where = f"{len(empty.rows)} of {design.y.size} rows ({rows_text(design.frame.index, empty.rows)})"
    raise FitError(
        f"{where} form a group without any event, set apart by {names}: its rate is 0 and its coefficient minus "
        "infinity. Combine that group with another, or leave its rows out and say so."
    )


def _refuse_endless(design: Design, intervals: Intervals) -> None:
    n = design.y.size
    if not intervals.lower.any():
        raise FitError(
            f"All {n} counts are 0 or may be, by their intervals, so the best rate is 0 and its logarithm minus "
            "infinity. There is nothing to compare; if a zero is shown as 0, bounds of a suppressed count begin at 1."
        )
    endless = endless_direction(design.X, intervals)
    if endless is None:
        return
    names = ", ".join(design.names[i] for i in endless.columns)
    rows = np.array(endless.rows)
    where = f"{rows.size} of {n} rows ({rows_text(design.frame.index, rows)})"
    if np.isinf(intervals.upper[rows]).all():
        known, end = "whose counts have no upper bound", "infinity"
    elif np.isfinite(intervals.upper[rows]).all():
        known, end = "whose counts are all 0 or may be", "minus infinity"
    else:
        known, end = "whose counts are 0 (or may be) or have no upper bound", "infinity"
    raise FitError(
        f"{where} form a group {known}, set apart by {names}: the likelihood rises all the way to {end}. Combine that "
        "group with another, or leave its rows out and say so. If a zero is shown as 0, the bounds of a suppressed "
        "count begin at 1."
    )
