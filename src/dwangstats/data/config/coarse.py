"""How counts were made coarse before they were published: rounded, or suppressed because they are small.

Nothing is guessed: how counts were rounded, and what a text such as "<5" stands for, is said by the caller or by the
analysis file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dwangstats._types import Vector
from dwangstats.errors import DataError, DomainError

Ties: TypeAlias = Literal["up", "down", "even"]
Bounds: TypeAlias = tuple[float, float]

_SHOWN = 5


def interval_of_rounded(value: ArrayLike, base: int, *, ties: Ties = "up") -> tuple[Vector, Vector]:
    """Counts that are rounded to a value, the nearest multiple of a base.

    Parameters
    ----------
    value : number or array
        Published values, multiples of ``base``; missing ones stay missing.
    base : int
        At least 1; 5 for counts rounded to multiples of 5, where 10 stands for 8 to 12 and 0 for 0 to 2.
    ties : {"up", "down", "even"}
        Where counts halfway between two multiples of an even base went: 5 of base 10 to 10 ("up"), to 0 ("down"), or to
        the even multiple, 0 ("even", the rule of Python, R and IEEE 754). An odd base has none.

    Returns
    -------
    lower, upper : arrays of the shape of ``value``
        Least and greatest possible count, both included.

    Raises
    ------
    DomainError
        For a base that is no whole number of at least 1, another rule for ties, or values that are no multiples of the
        base.

    Notes
    -----
    Random rounding (to either neighbour, by lot) gives no such interval: counts in it are then not equally likely to
    be shown as the value.
    """
    if isinstance(base, bool) or not isinstance(base, Integral) or base < 1:
        raise DomainError(f"base must be a whole number of at least 1, got {base!s}")
    if ties not in get_args(Ties):
        raise DomainError(f"ties must be one of {', '.join(get_args(Ties))}, got {ties!s}")
    values = np.asarray(value, dtype=np.float64)
    known = np.isfinite(values)
    multiple = np.where(known, values, 0.0) / base
    bad = (known & ((values < 0.0) | (multiple != np.floor(multiple)))) | np.isinf(values)
    if bad.any():
        first = values[bad].ravel()[0]
        raise DomainError(
            f"{int(bad.sum())} of {values.size} values are no multiples of {base} (first: {first:g}), so they were not "
            f"rounded to it."
        )
    low, high = values - 0.5 * base, values + 0.5 * base
    own_low = {"up": np.ones_like(known), "down": np.zeros_like(known), "even": multiple % 2 == 0}[ties]
    own_high = {"up": np.zeros_like(known), "down": np.ones_like(known), "even": multiple % 2 == 0}[ties]
    lower = np.where(own_low, np.ceil(low), np.floor(low) + 1.0)
    upper = np.where(own_high, np.floor(high), np.ceil(high) - 1.0)
    return np.maximum(lower, 0.0), upper


def interval_of_suppressed(below: int, *, zero_shown: bool = False) -> Bounds:
    """Counts that are hidden because they lie below a threshold, such as "<5".

    Parameters
    ----------
    below : int
        The least count that is shown, at least 1; at least 2 where zeros are shown.
    zero_shown : bool
        Whether a count of 0 is published as 0, so that a hidden one is at least 1.

    Returns
    -------
    lower, upper : float
        (0, below - 1), or (1, below - 1).

    Raises
    ------
    DomainError
        If no count is below the threshold.
    """
    least = 1 if zero_shown else 0
    if isinstance(below, bool) or not isinstance(below, Integral) or below <= least:
        raise DomainError(f"below must be a whole number of at least {least + 1}, got {below!s}")
    return float(least), float(below - 1)


@dataclass(frozen=True, slots=True)
class Coarse:
    """How the counts of a frame were made coarse, as the caller says it.

    Attributes
    ----------
    rounded_to : int or None
        All counts that are shown as numbers are rounded to multiples of this.
    ties : {"up", "down", "even"}
        See `interval_of_rounded`.
    suppressed : mapping of text to (lower, upper)
        What each text in place of a count stands for.
    """

    rounded_to: int | None = None
    ties: Ties = "up"
    suppressed: Mapping[str, Bounds] | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """Names of what was said: rounded_to, suppressed."""
        given = {"rounded_to": self.rounded_to is not None, "suppressed": bool(self.suppressed)}
        return tuple(name for name, is_given in given.items() if is_given)

    def problems(self) -> list[str]:
        """What is wrong with it, one sentence each."""
        found = []
        if self.rounded_to is not None:
            try:
                interval_of_rounded(0.0, self.rounded_to, ties=self.ties)
            except DomainError as error:
                found.append(f"rounded_to={self.rounded_to!s}: {error}.")
        for text, bounds in (self.suppressed or {}).items():
            if not str(text).strip():
                found.append("suppressed= gives a blank bounds, but a blank is a count that is missing. Leave it out.")
            elif not _are_bounds(bounds):
                found.append(
                    f"suppressed= gives '{text}' the bounds {bounds!s}; give two whole numbers, the least and the "
                    "greatest count it can stand for, for example (0, 4); the greatest may be math.inf."
                )
        return found

    def bounds_of(self, counts: Vector, texts: "pd.Series[str]") -> tuple[Vector, Vector]:
        """Bounds of each row, NaN where its count is exact or missing.

        Where counts are rounded and small ones hidden, a count that is shown was not hidden: the bounds of the texts
        are taken out of the ends of those of the rounded values.

        Parameters
        ----------
        counts : (n,) array
            NaN where there is a text, or nothing.
        texts : Series
            Of those rows; missing elsewhere.

        Raises
        ------
        DataError
            If shown counts are no multiples of ``rounded_to``, or texts stand for all that they could be.
        """
        lower, upper = np.full(counts.size, np.nan), np.full(counts.size, np.nan)
        hidden = self.suppressed or {}
        if self.rounded_to is not None:
            self._refuse_unrounded(counts, texts.index)
            lower, upper = interval_of_rounded(counts, self.rounded_to, ties=self.ties)
            # From the end inwards, so that bounds of texts that touch are all taken out.
            for low, high in sorted(hidden.values()):
                lower = np.where((lower >= low) & (lower <= high), high + 1.0, lower)
            for low, high in sorted(hidden.values(), key=lambda bounds: -bounds[1]):
                upper = np.where((upper >= low) & (upper <= high), low - 1.0, upper)
            self._refuse_empty(counts, lower > upper, texts.index)
        for text, (low, high) in hidden.items():
            rows = (texts == str(text).strip()).fillna(False).to_numpy(dtype=bool)
            lower, upper = np.where(rows, low, lower), np.where(rows, high, upper)
        return lower, upper

    def _refuse_unrounded(self, counts: Vector, rows: pd.Index) -> None:
        bad = np.isfinite(counts) & (np.fmod(counts, self.rounded_to or 1) != 0.0)
        if bad.any():
            raise DataError(
                f"rounded_to={self.rounded_to}: {int(bad.sum())} of {int(np.isfinite(counts).sum())} counts are no "
                f"multiples of it ({rows_named(rows, bad)}). Where only some rows are rounded, give bounds as columns, "
                "lower= and upper=."
            )

    def _refuse_empty(self, counts: Vector, empty: NDArray[np.bool_], rows: pd.Index) -> None:
        if empty.any():
            raise DataError(
                f"{int(empty.sum())} of {counts.size} rounded counts ({rows_named(rows, empty)}) can only come from "
                "counts that suppressed= says are hidden. If texts also hide counts that others show, give bounds as "
                "columns, lower= and upper=."
            )


def _are_bounds(bounds: Any) -> bool:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        return False
    return 0.0 <= low <= high and low == np.floor(low) and high == np.floor(high) and np.isfinite(low)


def rows_named(rows: pd.Index, mask: NDArray[np.bool_]) -> str:
    """The labels of the first rows of a mask, in words."""
    labels = [str(label) for label in rows[mask][:_SHOWN]]
    more = int(mask.sum()) - len(labels)
    return f"row{'s' if int(mask.sum()) > 1 else ''} {', '.join(labels)}" + (f" and {more} more" if more else "")
