"""Where the integrand is evaluated: nested quadrature in standardised effects.

The outer nodes are equally spaced over the range of zv in which its marginal is not negligible (the trapezoidal rule,
which converges exponentially for such integrands and does not mind their skewness; Trefethen and Weideman 2014, SIAM
Review 56, 385). The inner ones are those of adaptive Gauss-Hermite quadrature around the mode of zu given zv. A
two-dimensional adaptive grid needs many times more nodes, because the posterior of the two effects is a curved ridge.
"""

from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.quadrature import hermite_nodes
from dwangstats.numerics.saddle import HALF_LOG_2PI
from dwangstats.numerics.thinned.integrand import Integrand, Thinned
from dwangstats.numerics.thinned.kernels import Kernel

SPREAD = 0.7
"""Half distance, in posterior standard deviations, over which the outer curvature is measured."""

SEARCH_NODES = 3
"""Inner nodes while the outer mode is looked for."""

LONGEST = 2.0
"""Longest step in u."""

CLOSE_OUTER = 0.05
"""Step of the outer mode in standard deviations that is good enough: only the ends of the range depend on it."""

CLOSE = 1e-3
"""Step in standard deviations after which a mode is good enough: with quadratic convergence it is off by 1e-6."""

DEEPEST = 36.0
"""Largest drop of the log marginal at the ends of the outer nodes; exp(-36) is the rounding of 1."""

LOSS = 0.1
"""Log marginal that a step may lose: the parabola's top is not quite the mode."""

OUTER_STEPS = 200
"""Steps after which the search for a mode is given up; each is at most twice the width at that place."""

UNDAMPED = 12
"""Steps after which they are halved, against walking in circles."""

_STEPS = 40
_AROUND = np.array([-1.0, 0.0, 1.0])
_END_STEPS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """Where the outer nodes of each group lie.

    Attributes
    ----------
    centre, width : Vector
        (G,) mode of the marginal of zv, and its width there.
    low, high : Vector
        (G,) values of zv between which the outer nodes lie.
    inner, tilt : Vector
        (G,) mode of zu at the centre and its slope in zv, to begin the inner searches with.
    """

    centre: Vector
    width: Vector
    low: Vector
    high: Vector
    inner: Vector
    tilt: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Nodes and the log integrand there.

    Attributes
    ----------
    zv : Matrix
        (G, K)
    zu : Matrix
        (G, K, J)
    u : Matrix
        (G, K, J) effect on the log rate.
    log_weight : Matrix
        (G, K, J) log of quadrature weight times standard normal densities over those of the nodes.
    thinned : Thinned
    mode : Matrix
        (G, K) modes of zu given zv.
    """

    zv: Matrix
    zu: Matrix
    u: Matrix
    log_weight: Matrix
    thinned: Thinned
    mode: Matrix


def start_anchor(groups: int) -> Anchor:
    """The prior."""
    zeros, ones = np.zeros(groups), np.ones(groups)
    return Anchor(zeros, ones, zeros, zeros, zeros, zeros)


def find_anchor(integrand: Integrand, start: Anchor, nodes: int, *, steps: int = OUTER_STEPS) -> Anchor:
    """Mode of the marginal of zv, by parabolas through three points of it, and the range of `nodes` outer nodes."""
    if not integrand.arrangement.problem.registration_effects:
        return start
    centre, width, step = start.centre, start.width, np.zeros_like(start.centre)
    inner = start.inner[:, None] + start.tilt[:, None] * (SPREAD * width)[:, None] * _AROUND
    top = np.full(centre.size, -np.inf)
    inside = SEARCH_NODES if steps == OUTER_STEPS else 1
    for turn in range(steps):
        spacing = SPREAD * width
        marginal, inner = _marginal(integrand, centre[:, None] + spacing[:, None] * _AROUND, inner, inside)
        low, middle, high = marginal.T
        worse = middle < top - LOSS
        precision = np.maximum((2.0 * middle - low - high) / spacing**2, 0.2)
        fresh = np.where(worse, width, 1.0 / np.sqrt(precision))
        onward = np.clip((high - low) / (2.0 * spacing * precision), -2.0 * fresh, 2.0 * fresh)
        onward *= 1.0 if turn < UNDAMPED else 0.5
        change = np.where(worse, np.inf, np.maximum(np.abs(onward / fresh), np.abs(np.log(fresh / width))))
        top = np.where(worse, top, middle)
        # A group that fell goes back half its step; the others go on, so that no group waits for another.
        move = np.where(worse, -0.5 * step, onward)
        step = np.where(worse, 0.5 * step, onward)
        tilt = (inner[:, 2] - inner[:, 0]) / (2.0 * spacing)
        centre, width = centre + move, fresh
        if float(change.max(initial=0.0)) < CLOSE_OUTER:
            break
        inner = inner + tilt[:, None] * (move[:, None] + (SPREAD * width - spacing)[:, None] * _AROUND)
    before = (start.low - start.centre, start.high - start.centre)
    anchor = Anchor(centre, width, *before, inner[:, 1] + tilt * move, tilt)
    return _with_ends(integrand, anchor, top, nodes, min(steps, _END_STEPS), inside)


def _with_ends(integrand: Integrand, anchor: Anchor, top: Vector, nodes: int, steps: int, inside: int) -> Anchor:
    """Where the log marginal has dropped by `nodes` - 1: its root falls nearly along straight lines on both sides."""
    drop = min(nodes - 1.0, DEEPEST)
    usual = np.sqrt(2.0 * drop) * anchor.width
    low = np.where(anchor.low < 0.0, anchor.low, -usual)
    reach = np.stack((low, np.where(anchor.high > 0.0, anchor.high, usual)), axis=1)
    inner = anchor.inner[:, None] + anchor.tilt[:, None] * reach
    for _ in range(steps):
        marginal, inner = _marginal(integrand, anchor.centre[:, None] + reach, inner, inside)
        ratio = np.sqrt(drop / np.maximum(top[:, None] - marginal, 0.05))
        reach = reach * np.clip(ratio, 0.4, 2.0)
        if float(np.abs(np.log(ratio)).max()) < 0.05:
            break
    return replace(anchor, low=anchor.centre + reach[:, 0], high=anchor.centre + reach[:, 1])


def _marginal(integrand: Integrand, zv: Matrix, inner: Matrix, nodes: int) -> tuple[Matrix, Matrix]:
    """Log marginal of zv at places (G, K) up to a constant, with so many inner nodes, and the inner modes there."""
    thinned = integrand.thinned(zv)
    nodes = nodes if integrand.arrangement.problem.rate_effects else 1
    mode, zu, weights = inner_nodes(integrand, thinned.kernel, zv, inner, nodes)
    height = thinned.kernel.value(integrand.effect(zv[:, :, None], zu)) + weights
    top = height.max(axis=2)
    total = np.log(np.exp(height - top[:, :, None]).sum(axis=2))
    return np.asarray(thinned.fixed + top + total - 0.5 * zv**2, dtype=np.float64), mode


def place_grid(integrand: Integrand, anchor: Anchor, nodes: tuple[int, int], before: Grid | None = None) -> Grid:
    """Nodes around an anchor.

    Parameters
    ----------
    integrand : Integrand
    anchor : Anchor
    nodes : (int, int)
        Outer and inner nodes; one of each for an effect that the model lacks.
    before : Grid, optional
        A grid of as many nodes around the same anchor, from whose inner modes the search begins.
    """
    problem = integrand.arrangement.problem
    if problem.registration_effects:
        spacing = (anchor.high - anchor.low) / (nodes[0] - 1)
        zv = anchor.low[:, None] + spacing[:, None] * np.arange(nodes[0])
        outer = np.log(spacing)[:, None] - HALF_LOG_2PI - 0.5 * zv**2
    else:
        zv = outer = np.zeros((problem.groups, 1))
    thinned = integrand.thinned(zv)
    start = anchor.inner[:, None] + anchor.tilt[:, None] * (zv - anchor.centre[:, None])
    if before is not None and before.mode.shape == start.shape:
        start = before.mode
    mode, zu, inner = inner_nodes(integrand, thinned.kernel, zv, start, nodes[1] if problem.rate_effects else 1)
    return Grid(zv, zu, integrand.effect(zv[:, :, None], zu), outer[:, :, None] + inner, thinned, mode)


def moved_grid(integrand: Integrand, grid: Grid) -> Grid:
    """The same nodes in standardised effects at parameters nearby."""
    u = integrand.effect(grid.zv[:, :, None], grid.zu)
    return Grid(grid.zv, grid.zu, u, grid.log_weight, integrand.thinned(grid.zv), grid.mode)


def inner_nodes(
    integrand: Integrand, kernel: Kernel, zv: Matrix, start: Matrix, nodes: int
) -> tuple[Matrix, Matrix, Matrix]:
    """Modes of zu given zv (G, K), nodes around them (G, K, J) and their log weights less half the squared nodes."""
    if not integrand.arrangement.problem.rate_effects:
        zeros = np.zeros_like(zv)
        return zeros, zeros[:, :, None], zeros[:, :, None]
    mode, width = inner_modes(integrand, kernel, zv, start)
    x, log_weight = hermite_nodes(nodes)
    zu = mode[:, :, None] + width[:, :, None] * x
    return mode, zu, log_weight + np.log(width)[:, :, None] - 0.5 * zu**2


def inner_modes(integrand: Integrand, kernel: Kernel, zv: Matrix, start: Matrix) -> tuple[Matrix, Matrix]:
    """Newton steps for all groups and places at once; the integrand is log-concave in zu or nearly so."""
    scale = integrand.at.su * integrand.at.rest
    mode = np.where(np.isfinite(start), start, 0.0)
    limit = LONGEST / scale if scale > 0.0 else np.inf
    for _ in range(_STEPS):
        slope, curvature = kernel.bend(integrand.effect(zv, mode))
        precision = 1.0 + scale**2 * curvature
        step = np.clip((scale * slope - mode) / precision, -limit, limit)
        mode = mode + step
        if not np.any(np.abs(step) * np.sqrt(precision) > CLOSE):
            break
    return mode, 1.0 / np.sqrt(precision)
