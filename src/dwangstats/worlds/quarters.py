"""The quarters and half-years of a world, as arrays."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from dwangstats._types import Codes, PeriodKind, Vector
from dwangstats.worlds.parameters import AFTER, BEFORE


@dataclass(frozen=True)
class Calendar:
    """Quarters of consecutive years; every array has one element per quarter."""

    years: tuple[int, ...]

    @property
    def kind(self) -> PeriodKind:
        """What a period of the world is."""
        return "quarter"

    @cached_property
    def starts(self) -> pd.DatetimeIndex:
        """First day of each quarter."""
        return pd.DatetimeIndex([pd.Timestamp(y, 3 * q + 1, 1) for y in self.years for q in range(4)])

    @cached_property
    def days(self) -> Vector:
        """Days in each quarter."""
        after = [*self.starts[1:], pd.Timestamp(self.years[-1] + 1, 1, 1)]
        return np.array([(b - a).days for a, b in zip(self.starts, after, strict=True)], dtype=np.float64)

    @cached_property
    def year(self) -> Codes:
        """Calendar year of each quarter."""
        return np.repeat(np.array(self.years, dtype=np.intp), 4)

    @cached_property
    def season(self) -> Codes:
        """0 to 3: which quarter of its year."""
        return np.tile(np.arange(4, dtype=np.intp), len(self.years))

    @cached_property
    def half_year(self) -> Codes:
        """Number of the half-year of each quarter, from 0."""
        return np.arange(4 * len(self.years), dtype=np.intp) // 2

    @cached_property
    def time(self) -> Vector:
        """Midpoint of each quarter in years since the middle of the first year."""
        return np.asarray(self.year - self.years[0] + (self.season - 1.5) / 4.0, dtype=np.float64)

    @cached_property
    def progress(self) -> Vector:
        """0 in the middle of the year before, 1 in the middle of the year after, straight between and beyond."""
        return (self.time - float(BEFORE - self.years[0])) / float(AFTER - BEFORE)

    @property
    def quarters(self) -> list[str]:
        """Labels such as 2021-Q3."""
        return [f"{y}-Q{s + 1}" for y, s in zip(self.year, self.season, strict=True)]

    @property
    def half_years(self) -> list[str]:
        """Labels such as 2021-H2, one per half-year."""
        return [f"{y}-H{h}" for y in self.years for h in (1, 2)]

    @property
    def due_on(self) -> pd.DatetimeIndex:
        """Due date of the delivery of each half-year: 12 August and 12 February."""
        return pd.DatetimeIndex([d for y in self.years for d in (pd.Timestamp(y, 8, 12), pd.Timestamp(y + 1, 2, 12))])
