"""One random effect per group: modes, marginal likelihood and scores by plain vectors, some groups at a time.

The same quantities as `modes` and `laplace` give for any structure, several times faster.
"""

from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects, Factor
from dwangstats.numerics.mixed.laplace import Marginal, Scores, nuisance_score
from dwangstats.numerics.mixed.modes import ITERATIONS, LONGEST_STEP, ROUNDING, Modes, Point
from dwangstats.numerics.mixed.quadrature import Ingredients, quadrature
from dwangstats.numerics.mixed.rows import Rows, row_slopes, row_terms, safe_weight
from dwangstats.numerics.mixed.segment import Segment, segments
from dwangstats.numerics.mixed.structure import Structure
from dwangstats.numerics.mixed.sums import times
from dwangstats.numerics.mixed.terms import Nuisance, RowTerms

LAST = 1e-12
"""Decrement per group from which the last step is taken on the Taylor series of the rows, weights included."""

NEARLY = 1e-3
"""Decrement from which the next point is expected to be the mode, so all derivatives are computed at once."""


@dataclass(frozen=True, slots=True)
class SegmentModes:
    """Modes u (G,) of a segment, with the row derivatives and the sums Z'g, Z'WZ and precision there."""

    u: Vector
    terms: RowTerms
    slopes: Vector
    products: Vector
    precision: Vector
    decrement: float
    definite: bool


@dataclass(frozen=True, slots=True)
class _Scored:
    """Derivatives of a segment: (m,) in the log means, (G,) in the scale and the dispersion, (m,) in the logits."""

    eta: Vector
    scale: Vector
    dispersion: Vector | None
    zero: Vector | None


def scalar_marginal(structure: Structure, rows: Rows, point: Point, start: Effects, nodes: int) -> Marginal:
    """Marginal log likelihood with its derivatives.

    Parameters
    ----------
    structure, rows, point
        The model, with one effect per group, and its parameters.
    start : Effects
        Where the search for the modes begins.
    nodes : int
        Of quadrature; 1 is Laplace.
    """
    found, values, scored = [], [], []
    for segment in segments(structure, rows, point):
        at = segment_modes(segment, start.levels[0][0, segment.groups])
        value, ingredients = _laplace(segment, at) if nodes == 1 else _integrated(segment, at, nodes)
        found.append((at.u, at.precision, at.decrement, at.definite))
        values.append(value)
        scored.append(_scores(segment, at, ingredients))
    u, precision = _joined([f[0] for f in found]), _joined([f[1] for f in found])
    by_group = _joined(values)
    return Marginal(
        float(by_group.sum()),
        by_group,
        Scores(
            _joined([s.eta for s in scored]),
            _joined([s.scale for s in scored])[None, None],
            (),
            _joined([s.dispersion for s in scored if s.dispersion is not None]) if rows.dispersed else None,
            _joined([s.zero for s in scored if s.zero is not None]) if rows.inflated else None,
        ),
        Modes(Effects((u[None],), np.zeros(0)), _factor(precision), sum(f[2] for f in found), all(f[3] for f in found)),
    )


def segment_modes(segment: Segment, start: Vector) -> SegmentModes:
    """Modes of a segment from a start (G,): Newton steps, each group with its own damping."""
    z, scale, alpha, zeta, rows = segment.z, segment.scale, segment.alpha, segment.zeta, segment.rows
    u, step, expected = start, np.zeros(start.size), np.inf
    slope_along = np.full(start.size, np.inf)
    for iteration in range(1, ITERATIONS + 1):
        eta = segment.eta + segment.along(u)
        terms = row_terms(rows, eta, alpha, zeta) if expected < NEARLY else None
        slope, weight = (terms.slope, terms.weight) if terms else row_slopes(rows, eta, alpha, zeta)
        slopes = segment.sum(times(slope, z))
        gradient = scale * slopes - u
        worse = -gradient * step > np.maximum(slope_along, ROUNDING)
        if worse.any():
            step = np.where(worse, 0.5 * step, 0.0)
            u, slope_along = u - step, np.where(worse, 0.5 * slope_along, np.inf)
            continue
        products, precision, definite = _precision(segment, eta, weight)
        step = gradient / precision
        decrement = float(step @ gradient)
        if terms and decrement < LAST * start.size:
            break
        if iteration < ITERATIONS:
            if decrement > NEARLY:
                step = _shortened(step, scale, z)
            slope_along = step * gradient
            expected = float(slope_along.sum())
            u = u + step
    terms = terms or row_terms(rows, eta, alpha, zeta)
    found = SegmentModes(u, terms, slopes, products, precision, decrement, definite)
    return _last_step(segment, found, step) if decrement < LAST * start.size else found


def _precision(segment: Segment, eta: Vector, weight: Vector) -> tuple[Vector, Vector, bool]:
    """Z'WZ by group, one plus scale^2 of it, and whether that is positive with the observed weights."""
    z, scale = segment.z, segment.scale
    products = segment.sum(times(times(weight, z), z))
    precision = 1.0 + scale**2 * products
    if precision.min() > 0.0:
        return products, precision, True
    weight = safe_weight(segment.rows, eta, segment.alpha, weight)
    products = segment.sum(times(times(weight, z), z))
    return products, 1.0 + scale**2 * products, False


def _last_step(segment: Segment, found: SegmentModes, step: Vector) -> SegmentModes:
    """Take a small step and move the rows along by their Taylor series."""
    z, u = segment.z, found.u + step
    terms = found.terms.moved(segment.along(step))
    slopes = segment.sum(times(terms.slope, z))
    gradient = segment.scale * slopes - u
    products, precision = found.products, found.precision
    if found.definite:
        products = segment.sum(times(times(terms.weight, z), z))
        precision = 1.0 + segment.scale**2 * products
    decrement = float((gradient**2 / precision).sum())
    return SegmentModes(u, terms, slopes, products, precision, decrement, found.definite)


def _laplace(segment: Segment, at: SegmentModes) -> tuple[Vector, Ingredients]:
    value = segment.sum(at.terms.loglik) - 0.5 * at.u**2 - 0.5 * np.log(at.precision)
    dispersion, zero = at.terms.dispersion, at.terms.zero
    return value, Ingredients(at.terms.slope, dispersion.value if dispersion else None, zero.value if zero else None)


def _integrated(segment: Segment, at: SegmentModes, nodes: int) -> tuple[Vector, Ingredients]:
    found = quadrature(segment, at.u, 1.0 / np.sqrt(at.precision), nodes)
    return found.by_group, found.ingredients


def _scores(segment: Segment, at: SegmentModes, ingredients: Ingredients) -> _Scored:
    z, scale, terms = segment.z, segment.scale, at.terms
    spread = scale / at.precision
    if ingredients.shrink is not None:
        spread = spread * ingredients.shrink
    variances = times(times(segment.spread(scale * spread), z), z)
    bend = -0.5 * terms.third * variances
    shift = scale * segment.sum(times(bend, z)) / at.precision
    if ingredients.pull is not None:
        shift = shift - ingredients.pull
    moved = segment.along(shift)
    eta = ingredients.slope - bend + terms.weight * moved
    by_group = segment.sum(times(eta, z)) * at.u - at.slopes * shift - at.products * spread
    if ingredients.scale is not None:
        by_group += ingredients.scale
    dispersion = nuisance_score(_expected(terms.dispersion, ingredients.dispersion), variances, moved)
    zero = nuisance_score(_expected(terms.zero, ingredients.zero), variances, moved)
    return _Scored(eta, by_group, None if dispersion is None else segment.sum(dispersion), zero)


def _expected(nuisance: Nuisance | None, value: Vector | None) -> Nuisance | None:
    return None if nuisance is None or value is None else replace(nuisance, value=value)


def _shortened(step: Vector, scale: float, z: Vector | None) -> Vector:
    reach = abs(scale) * (1.0 if z is None else float(np.abs(z).max()))
    limit = LONGEST_STEP / reach if reach > 0.0 else np.inf
    return np.clip(step, -limit, limit)


def _joined(parts: list[Vector]) -> Vector:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _factor(precision: Vector) -> Factor:
    empty: Matrix = np.zeros((1, 0, precision.size))
    return Factor((1.0 / precision[None, None],), (empty,), (empty,), np.zeros((0, 0)), (np.log(precision),), 0.0)
