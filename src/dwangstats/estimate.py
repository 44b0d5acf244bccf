"""One number with its uncertainty and with what it rests on."""

import math
from dataclasses import asdict, dataclass

import pandas as pd

from dwangstats.errors import InternalError


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its interval, its scale, its unit and the source of its identification.

    Attributes
    ----------
    estimate : float
        The number itself.
    lower, upper : float
        Ends of the interval; infinite where the interval is open.
    level : float
        Confidence level of the interval, in (0, 1).
    scale : str
        "registered" for what the register shows, "adjusted" for an estimate of events after
        correction for completeness.
    unit : str
        What one unit of the number is, for example "ratio of rates per bed-day".
    identified_by : str
        What the number rests on, for example "registrations alone".
    """

    estimate: float
    lower: float
    upper: float
    level: float
    scale: str
    unit: str
    identified_by: str

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise InternalError(f"confidence level {self.level} is not between 0 and 1")
        values = (self.lower, self.estimate, self.upper)
        if any(math.isnan(v) for v in values):
            raise InternalError(f"an estimate and its interval must be numbers, got {values}")
        if not self.lower <= self.estimate <= self.upper:
            raise InternalError(f"the estimate {self.estimate} lies outside its interval ({self.lower}, {self.upper})")

    def to_frame(self) -> pd.DataFrame:
        """One row with the columns estimate, lower, upper, level, scale, unit, identified_by."""
        return pd.DataFrame([asdict(self)])

    def __str__(self) -> str:
        return (
            f"{self.estimate:.4g} ({100 * self.level:g}% interval {self.lower:.4g} to {self.upper:.4g}), "
            f"{self.unit}, {self.scale}, identified by {self.identified_by}"
        )
