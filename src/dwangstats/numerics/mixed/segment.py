"""Adjacent groups of a model with one random effect per group: few enough rows to stay in the processor's cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dwangstats._types import Codes, Vector
from dwangstats.numerics.mixed.modes import Point
from dwangstats.numerics.mixed.rows import Rows
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import times

ROWS = 14336
"""Rows per segment; with groups of up to 2,000 rows one block of row derivatives."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Groups first to last of the structure with their rows.

    Attributes
    ----------
    groups, places : slice
        Which groups of the structure, and which rows.
    rows : Rows
    eta : Vector
        (m,) fixed part of the log mean.
    zeta : Vector or None
        (m,) logit of an extra zero.
    z : Vector or None
        (m,) design of the effect; None stands for ones.
    starts, counts : Codes
        (G,) first row, from the first of these, and number of rows of each group.
    scale, alpha : float
        Standard deviation of the effect, and dispersion.
    """

    groups: slice
    places: slice
    rows: Rows
    eta: Vector
    zeta: Vector | None
    z: Vector | None
    starts: Codes
    counts: Codes
    scale: float
    alpha: float

    def along(self, effects: Vector) -> Vector:
        """Change of the log means (m,) for effects (G,) of unit variance."""
        return times(np.repeat(self.scale * effects, self.counts), self.z)

    def spread(self, values: Vector) -> Vector:
        """Value of its group for each row: (m,) from (G,)."""
        return np.repeat(values, self.counts)

    def sum(self, values: Vector) -> Vector:
        """Sum by group: (G,) from (m,)."""
        return np.add.reduceat(values, self.starts)


def segments(structure: Structure, rows: Rows, point: Point) -> Iterator[Segment]:
    """All groups of a structure with one effect per group, about `ROWS` rows at a time."""
    z = structure.basis[0]
    number = structure.row_starts // ROWS
    edges = [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), structure.sizes[0]]
    for a, b in pairwise(edges):
        first = int(structure.row_starts[a])
        last = int(structure.row_starts[b - 1] + structure.row_counts[b - 1])
        places = slice(first, last)
        yield Segment(
            groups=slice(a, b),
            places=places,
            rows=rows if b - a == structure.sizes[0] else rows.part(first, last),
            eta=point.eta[places],
            zeta=None if point.zeta is None else point.zeta[places],
            z=None if z is None else z[places],
            starts=structure.row_starts[a:b] - first,
            counts=structure.row_counts[a:b],
            scale=float(point.scale.chain[0, 0]),
            alpha=point.alpha,
        )
