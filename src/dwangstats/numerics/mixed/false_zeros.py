"""Scales that a climb left at zero, where the likelihood is flat because it is even in them."""

from collections.abc import Mapping

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.optimise import ROUGH, Objective, climb

PROBE = 0.02
"""Part of the usual scale at which a scale of zero is tried."""

AWAY = 0.25
"""Part of the usual scale from which the likelihood is climbed again."""


def leave_false_zeros(
    objective: Objective,
    vector: Vector,
    transform: Matrix,
    floors: Vector,
    usual: Vector,
    columns: Mapping[int, tuple[int, ...]],
    *,
    rough: float = ROUGH,
) -> Vector:
    """The vector (p,), or a higher point with fewer scales of zero.

    Parameters
    ----------
    objective, transform, floors, rough
        As for `climb`.
    vector, usual : Vector
        (p,) where the climb ended, and parameters of the usual size.
    columns : mapping of int to tuple of int
        Place of each diagonal entry of the scales, and the places of the entries below it.
    """
    for place, below in columns.items():
        if vector[place] == 0.0:
            for start in _starts(objective, vector, usual, place, list(below)):
                found = climb(objective, start, transform, floors, rough=rough)
                if objective(found)[0] > objective(vector)[0]:
                    vector = found
    return vector


def _starts(objective: Objective, vector: Vector, usual: Vector, place: int, below: list[int]) -> list[Vector]:
    """Where to climb from again; nowhere if the likelihood falls from zero.

    Where a column has entries below its diagonal, a small variance with some covariance may be better than none of
    both though neither is better alone, and the sign of the entries decides: both are climbed from.
    """
    probe = vector.copy()
    if not below:
        probe[place] = PROBE * usual[place]
        if not objective(probe)[1][place] > 0.0:
            return []
    probe[place] = AWAY * usual[place]
    other = probe.copy()
    other[below] *= -1.0
    return [probe, other] if np.any(vector[below]) else [probe]
