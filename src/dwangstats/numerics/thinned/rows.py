"""Count rows in the order of their groups, with fast sums over groups."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln

from dwangstats._types import Codes, Matrix, Vector

CHUNK = 65536
"""Numbers per temporary array in passes over rows and nodes, so that temporaries stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Adjacent rows, and the sums over those of their groups.

    Attributes
    ----------
    rows, groups : slice
        Places of the rows, and of the groups that they touch.
    local : Codes
        Group of each row, counted from the first of `groups`.
    sums : csr_array
        (2 groups, rows) sums of rows over groups, plain and then weighted with the count.
    """

    rows: slice
    groups: slice
    local: Codes
    sums: csr_array

    def add(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Sums of (rows, w) over groups, plain and weighted with the count."""
        both = self.sums @ values
        half = both.shape[0] // 2
        return both[:half], both[half:]


@dataclass(frozen=True, slots=True, eq=False)
class RowSet:
    """Rows sorted by group.

    Attributes
    ----------
    X, W : Matrix
        (n, k), (n, m) designs.
    offset, y : Vector
        (n,) known part of the log rate; events that somebody saw.
    group : Codes
        (n,) not decreasing.
    groups : int
        Number of groups G.
    ones : csr_array
        (G, n) sums over groups.
    total : Vector
        (G,) sum of y.
    log_factorial : Vector
        (G,) sum of log y!.
    values, place : Vector, Codes
        The distinct counts, and which of them each row has.
    """

    X: Matrix
    W: Matrix
    offset: Vector
    y: Vector
    group: Codes
    groups: int
    ones: csr_array
    total: Vector
    log_factorial: Vector
    values: Vector
    place: Codes
    _chunks: dict[int, list[Chunk]] = field(default_factory=dict)

    def sum(self, values: Matrix) -> Matrix:
        """Sum (n, ...) over rows of each group: (G, ...)."""
        return np.asarray(self.ones @ values, dtype=np.float64)

    def chunks(self, width: int) -> Iterator[Chunk]:
        """The rows in pieces for work on `width` numbers per row."""
        length = max(CHUNK // width, 16)
        if length not in self._chunks:
            size = self.y.size
            self._chunks[length] = [self._chunk(a, min(a + length, size)) for a in range(0, size, length)]
        yield from self._chunks[length]

    def _chunk(self, start: int, stop: int) -> Chunk:
        group = self.group[start:stop]
        first, last = int(group[0]), int(group[-1]) + 1
        local = group - first
        starts = np.searchsorted(local, np.arange(last - first + 1))
        weight = np.concatenate((np.ones(local.size), self.y[start:stop]))
        places = np.tile(np.arange(local.size), 2)
        both = np.concatenate((starts, starts[1:] + local.size))
        sums = csr_array((weight, places, both), shape=(2 * (last - first), local.size))
        return Chunk(slice(start, stop), slice(first, last), local, sums)


def make_rows(X: Matrix, W: Matrix, offset: Vector, y: Vector, group: Codes, groups: int) -> RowSet:
    """Arrange rows that are sorted by group already."""
    values, place = np.unique(y, return_inverse=True)
    ones = _indicator(group, groups, np.ones(y.size))
    factorial = np.asarray(gammaln(values + 1.0), dtype=np.float64)[place]
    contiguous = (np.ascontiguousarray(X, dtype=np.float64), np.ascontiguousarray(W, dtype=np.float64))
    return RowSet(*contiguous, offset, y, group, groups, ones, ones @ y, ones @ factorial, values, place)


def _indicator(group: Codes, groups: int, weight: Vector) -> csr_array:
    starts = np.searchsorted(group, np.arange(groups + 1))
    return csr_array((weight, np.arange(group.size), starts), shape=(groups, group.size))
