"""The Hessian in the coefficients where there is one random effect per group, under Laplace: exact, in a few passes.

With slope s, weight w, and third and fourth derivatives t and f of the rows at the mode, V = sd^2 / P and P the
precision, the score of a row is s + V z^2 t / 2 + q z w with q = -V^2 (sum of z^3 t) / 2.  A change of the log means
by d changes the mode by -V z (sum of z w d), and the rest is the chain rule.
"""

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects
from dwangstats.numerics.mixed.model import Model
from dwangstats.numerics.mixed.modes import Point
from dwangstats.numerics.mixed.parameters import unpack
from dwangstats.numerics.mixed.rows import row_terms
from dwangstats.numerics.mixed.scalar import SegmentModes, segment_modes
from dwangstats.numerics.mixed.segment import Segment, segments
from dwangstats.numerics.mixed.sums import times

STEP = 1e-3
"""Change of the log means over which third derivatives are compared to give the fourth: it errs by its square."""


def coefficient_information(model: Model, vector: Vector, start: Effects) -> Matrix | None:
    """Minus the second derivatives of the log likelihood in the coefficients, (k, k); None if no mode has a hill.

    Parameters
    ----------
    model : Model
        With one random effect per group and one node, without cells.
    vector : Vector
        (p,) parameters.
    start : Effects
        Where the search for the modes begins.
    """
    parameters = unpack(model.layout, vector)
    zeta = None if model.zero_design is None else model.zero_design @ parameters.zero
    point = Point(model.log_mean(parameters.beta), model.scale(parameters), parameters.alpha, zeta)
    columns = model.X.T
    total = np.zeros((columns.shape[0], columns.shape[0]))
    for segment in segments(model.structure, model.rows, point):
        at = segment_modes(segment, start.levels[0][0, segment.groups])
        if not at.definite:
            return None
        total += _segment_information(segment, at, columns[:, segment.places])
    return total if model.basis is None else model.basis.T @ total @ model.basis


def _segment_information(segment: Segment, at: SegmentModes, X: Matrix) -> Matrix:
    """The part of some groups, from their design X (k, m)."""
    z, weight, third, fourth = segment.z, at.terms.weight, at.terms.third, _fourth(segment, at)
    square = None if z is None else z * z
    spread = segment.scale**2 / at.precision
    twist = segment.sum(times(times(third, square), z))
    pull = -0.5 * spread**2 * twist
    by_row = weight - 0.5 * times(segment.spread(spread) * fourth, square) + times(segment.spread(pull) * third, z)
    A = _sums(segment, X, times(weight, z))
    C = _sums(segment, X, times(third, square))
    D = _sums(segment, X, times(times(fourth, square), z))
    top = segment.sum(times(times(fourth, square), square))
    own = (A * (spread + spread**4 * twist**2 + 0.5 * spread**3 * top)) @ A.T + (0.5 * C * spread**2) @ C.T
    cross = (A * (spread**3 * twist)) @ C.T + (0.5 * A * spread**2) @ D.T
    return (X * by_row) @ X.T - own + cross + cross.T


def _sums(segment: Segment, X: Matrix, values: Vector) -> Matrix:
    """Sums of X (k, m) times values (m,) by group: (k, G)."""
    return np.add.reduceat(X * values, segment.starts, axis=1)


def _fourth(segment: Segment, at: SegmentModes) -> Vector:
    """Fourth derivative of the rows' log density at the mode, (m,)."""
    if segment.rows.family == "poisson" and segment.zeta is None:
        return at.terms.third
    eta = segment.eta + segment.along(at.u)
    ahead, behind = (row_terms(segment.rows, eta + step, segment.alpha, segment.zeta) for step in (STEP, -STEP))
    return (ahead.third - behind.third) / (2.0 * STEP)
