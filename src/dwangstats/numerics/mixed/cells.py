"""Rows that meet the same random effects: for Poisson counts their sums are all that matters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.numerics.mixed.rows import log_factorials
from dwangstats.numerics.mixed.structure import Term

WORTHWHILE = 0.7
"""Cells per row above which collapsing costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows sorted by cell; within a cell the random part of the log mean is constant.

    Attributes
    ----------
    starts, counts : Codes
        (m,) first row and number of rows of each cell.
    y : Vector
        (m,) sums of counts.
    constant : Vector
        (m,) sum of log y! over the cell's rows, less the log factorial of their total.
    """

    starts: Codes
    counts: Codes
    y: Vector
    constant: Vector

    def total(self, values: Vector) -> Vector:
        """Sum of (n,) values by cell: (m,)."""
        return np.add.reduceat(values, self.starts)

    def spread(self, values: Vector) -> Vector:
        """Value of its cell for each row: (n,) from (m,)."""
        return np.repeat(values, self.counts)


def find_cells(terms: Sequence[Term]) -> tuple[Codes, tuple[Term, ...]] | None:
    """Cell of each row (n,), by first row, and the random terms on cells; None where cells are hardly fewer."""
    found = _cell_keys(terms)
    if found is None or found[0] > WORTHWHILE * terms[0].codes.size:
        return None
    _, first, codes = found
    order = np.argsort(first)
    place = np.empty(order.size, dtype=np.intp)
    place[order] = np.arange(order.size)
    first, codes = first[order], place[codes]
    return codes, tuple(replace(t, codes=t.codes[first], Z=t.Z[first]) for t in terms)


def make_cells(y: Vector, codes: Codes) -> Cells:
    """Cells of rows whose cell numbers (n,) are non-decreasing."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    totals = np.add.reduceat(y, starts)
    constant = np.add.reduceat(log_factorials(y), starts) - log_factorials(totals)
    return Cells(starts, np.diff(starts, append=codes.size), totals, constant)


def cell_predictor(cells: Cells, eta: Vector) -> tuple[Vector, Vector, Vector]:
    """Log of the summed means per cell (m,), the means over e^top (n,), and their sums (m,).

    The highest log mean is taken out first, so that nothing overflows.
    """
    top = float(eta.max())
    mean = np.exp(np.maximum(eta - top, -600.0))
    totals = cells.total(mean)
    return np.log(totals) + top, mean, totals


def _cell_keys(terms: Sequence[Term]) -> tuple[int, Codes, Codes] | None:
    """Number of cells, first row of each and cell of each row; None if they cannot be few."""
    key, span = terms[0].codes, terms[0].groups
    limit = 4 * key.size
    for codes in _remaining_codes(terms):
        width = int(codes.max()) + 1
        if span * width > limit:
            span, _, key = _renumber(key, span)
            if span * width > limit:
                return None
        key, span = key * width + codes, span * width
    return _renumber(key, span)


def _remaining_codes(terms: Sequence[Term]) -> list[Codes]:
    found = [term.codes for term in terms[1:]]
    for term in terms:
        for column in term.Z.T:
            if not np.all(column == column[0]):
                found.append(np.unique(column, return_inverse=True)[1].astype(np.intp))
    return found


def _renumber(key: Codes, span: int) -> tuple[int, Codes, Codes]:
    """Number of distinct keys, first row of each, and the keys renumbered without gaps."""
    first = np.full(span, -1, dtype=np.intp)
    first[key[::-1]] = np.arange(key.size - 1, -1, -1)
    used = np.flatnonzero(first >= 0)
    place = np.zeros(span, dtype=np.intp)
    place[used] = np.arange(used.size)
    return used.size, first[used], place[key]
