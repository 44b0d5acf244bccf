"""Count rows in the order of their groups, with fast sums over groups and over rows of one completeness."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
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
    ones : csr_array
        (groups, rows) the plain ones alone.
    """

    rows: slice
    groups: slice
    local: Codes
    sums: csr_array
    ones: csr_array

    def add(self, values: Matrix) -> tuple[Matrix, Matrix]:
        """Sums of (rows, w) over groups, plain and weighted with the count."""
        both = self.sums @ values
        half = both.shape[0] // 2
        return both[:half], both[half:]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows of one group that share their completeness at any parameters: as many designs W as there are different ones.

    Attributes
    ----------
    of_row : Codes
        (n,) cell of each row.
    group : Codes
        (C,) not decreasing.
    W : Matrix
        (C, m)
    y : Vector
        (C,) sum of the counts.
    ones : csr_array
        (C, n) sums of rows over cells.
    by_group, y_by_group : csr_array
        (G, C) sums of cells over groups, plain and weighted with y.
    """

    of_row: Codes
    group: Codes
    W: Matrix
    y: Vector
    ones: csr_array
    by_group: csr_array
    y_by_group: csr_array

    def spread(self, weight: Vector, values: Matrix) -> Matrix:
        """Each row's weight (n,) times the values (C, w) of its cell: (n, w)."""
        size = weight.size
        place = csr_array((weight, self.of_row, np.arange(size + 1)), shape=(size, self.group.size))
        return np.asarray(place @ values, dtype=np.float64)

    def sum(self, values: Matrix) -> Matrix:
        """Sum (C, ...) over cells of each group: (G, ...)."""
        return np.asarray(self.by_group @ values, dtype=np.float64)


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
    cells : Cells
    kept : dict
        What others computed of the counts alone, (G,) each, by dispersion.
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
    cells: Cells
    kept: dict[float, tuple[Vector, Vector]] = field(default_factory=dict)
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
        return Chunk(slice(start, stop), slice(first, last), local, sums, sums[: last - first])


def make_rows(
    X: Matrix, W: Matrix, offset: Vector, y: Vector, group: Codes, groups: int, apart: NDArray[np.bool_]
) -> RowSet:
    """Arrange rows that are sorted by group already; rows `apart` (n,) share their cell with no other."""
    values, place = np.unique(y, return_inverse=True)
    ones = _indicator(group, groups, np.ones(y.size))
    factorial = np.asarray(gammaln(values + 1.0), dtype=np.float64)[place]
    X, W = np.ascontiguousarray(X, dtype=np.float64), np.ascontiguousarray(W, dtype=np.float64)
    cells = _cells(W, y, group, groups, apart)
    return RowSet(X, W, offset, y, group, groups, ones, ones @ y, ones @ factorial, values, place, cells)


def _cells(W: Matrix, y: Vector, group: Codes, groups: int, apart: NDArray[np.bool_]) -> Cells:
    design = _codes(W)
    design = np.where(apart, design.max(initial=-1) + 1 + np.arange(y.size), design)
    key = group.astype(np.int64) * (int(design.max(initial=0)) + 1) + design
    _, first, of_row = np.unique(key, return_index=True, return_inverse=True)
    ones = csr_array((np.ones(y.size), (of_row, np.arange(y.size))), shape=(first.size, y.size))
    total, group = ones @ y, group[first]
    by_group, weighted = (_indicator(group, groups, weight) for weight in (np.ones(first.size), total))
    return Cells(of_row, group, W[first], total, ones, by_group, weighted)


def _codes(W: Matrix) -> Codes:
    """A number per different row of W, (n,)."""
    codes = np.zeros(W.shape[0], dtype=np.intp)
    for column in W.T:
        _, place = np.unique(column, return_inverse=True)
        _, codes = np.unique(codes * (place.max(initial=0) + 1) + place, return_inverse=True)
    return codes


def _indicator(group: Codes, groups: int, weight: Vector) -> csr_array:
    starts = np.searchsorted(group, np.arange(groups + 1))
    return csr_array((weight, np.arange(group.size), starts), shape=(groups, group.size))
