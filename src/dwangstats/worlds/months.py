"""The months of a world of closed youth care, in the place of quarters."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from dwangstats._types import Codes, PeriodKind, Vector
from dwangstats.worlds.quarters import Calendar


@dataclass(frozen=True)
class Months(Calendar):
    """The months from the fourth quarter of the first year to the end of the last; an element per month.

    Stages of the youth register begin and end within quarters, so that quarters cannot hold them.
    """

    @property
    def kind(self) -> PeriodKind:
        """What a period of the world is."""
        return "month"

    @cached_property
    def starts(self) -> pd.DatetimeIndex:
        """First day of each month."""
        return pd.date_range(pd.Timestamp(self.years[0], 10, 1), pd.Timestamp(self.years[-1], 12, 1), freq="MS")

    @cached_property
    def days(self) -> Vector:
        """Days in each month."""
        return np.asarray(self.starts.days_in_month, dtype=np.float64)

    @cached_property
    def year(self) -> Codes:
        """Calendar year of each month."""
        return np.asarray(self.starts.year, dtype=np.intp)

    @cached_property
    def season(self) -> Codes:
        """0 to 3: which quarter of its year."""
        return np.asarray(self.starts.quarter, dtype=np.intp) - 1

    @cached_property
    def half_year(self) -> Codes:
        """Number of the half-year of each month; the first has one quarter in the world."""
        return 2 * (self.year - self.years[0]) + (np.asarray(self.starts.month, dtype=np.intp) > 6) - 1

    @cached_property
    def time(self) -> Vector:
        """Midpoint of each month in years since the middle of the first year."""
        return np.asarray(self.year - self.years[0] + (self.starts.month.to_numpy() - 6.5) / 12.0, dtype=np.float64)

    @property
    def quarters(self) -> list[str]:
        """Labels such as 2021-07, one per month."""
        return [str(label) for label in self.starts.strftime("%Y-%m")]

    @property
    def half_years(self) -> list[str]:
        """Labels such as 2021-H2, one per half-year."""
        return super().half_years[1:]

    @property
    def due_on(self) -> pd.DatetimeIndex:
        """Due date of the delivery of each half-year."""
        return super().due_on[1:]

    def between(self, first: str, last: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """The months from one label to another, both included."""
        labels = np.array(self.quarters)
        return np.asarray((labels >= first) & (labels <= last))
