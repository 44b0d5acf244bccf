"""Names of array shapes and of closed choices, shared by every layer."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
"""One-dimensional array of floats, shape (n,) unless a docstring says otherwise."""

Matrix: TypeAlias = NDArray[np.float64]
"""Two-dimensional array of floats."""

Codes: TypeAlias = NDArray[np.intp]
"""Group number of each row, 0 .. n_groups - 1, shape (n,)."""

FamilyName: TypeAlias = Literal["poisson", "nb2", "nb1"]
ZeroFamily: TypeAlias = Literal["poisson", "nb2"]
"""Families by which a zero is judged to be silence or not."""

Language: TypeAlias = Literal["nl", "en"]
Severity: TypeAlias = Literal["error", "warning", "info"]
PeriodKind: TypeAlias = Literal["month", "quarter", "half-year", "year"]
RateScale: TypeAlias = Literal["registered", "adjusted"]
CovarianceKind: TypeAlias = Literal["model", "CR1", "CR2"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (steps done, steps in all); library code never prints."""
