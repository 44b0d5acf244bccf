"""A value as a column of the fitted rows holds it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dwangstats.design.rows import listed
from dwangstats.errors import DomainError


def observed_value(column: "pd.Series[Any]", levels: Sequence[Any] | None, value: Any) -> Any:
    """The level or number that a value stands for.

    Parameters
    ----------
    column : Series
        Of the fitted rows.
    levels : sequence or None
        Its levels where it enters as a category; a level may be written as text. None where it enters as a number.
    value : object

    Raises
    ------
    DomainError
        If a level was not observed, or a number lies outside the observed range or is none.
    """
    if levels is None:
        return _within_range(column, value)
    for level in levels:
        if level == value or str(level) == str(value):
            return level
    raise DomainError(f"{column.name} has no value {value!s} among the fitted rows. Observed: {listed(levels)}.")


def _within_range(column: "pd.Series[Any]", value: Any) -> float:
    low, high = float(column.min()), float(column.max())
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise DomainError(f"{column.name} enters as a number, so give a number, not {value!s}.") from error
    if not low <= number <= high:
        raise DomainError(
            f"{column.name} was observed from {low:g} to {high:g}; {number:g} is outside, where no row supports the "
            "model."
        )
    return number
