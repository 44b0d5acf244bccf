"""Log likelihood of a registration model with its gradient, all constants included."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.arrange import SOURCES, Arrangement, arrange
from dwangstats.numerics.thinned.integrand import Integrand
from dwangstats.numerics.thinned.kernels import Kernel
from dwangstats.numerics.thinned.nodes import (
    OUTER_STEPS,
    Anchor,
    Grid,
    find_anchor,
    moved_grid,
    place_grid,
    start_anchor,
)
from dwangstats.numerics.thinned.outside import control_part, gaussian_part
from dwangstats.numerics.thinned.parameters import Parameters, unpack
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.numerics.thinned.silence import Silence, silence
from dwangstats.numerics.thinned.values import Values

__all__ = ["SOURCES", "Evaluation", "Marginal", "evaluate", "evaluate_at", "integrate"]

NODES = (15, 7)
"""Outer and inner nodes."""

LOST = 0.06
"""Posterior weight of an end node from which nodes no longer cover the posterior roughly."""

CROWDED = 0.85
"""The same of any node."""

FEW_STEPS = 2
"""Steps of a search that need not be exact."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Log likelihood at one point.

    Attributes
    ----------
    value : float
        All constants included.
    gradient : Vector
        (p,) by Fisher's identity: the posterior mean of the derivative of the joint log density.
    by_group : Vector
        (G,) everything but the normal terms.
    """

    value: float
    gradient: Vector
    by_group: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """An evaluation of the integral over the effects.

    Attributes
    ----------
    integrand : Integrand
    grid : Grid
    kernel : Kernel
        With full accuracy at these nodes.
    weight : Matrix
        (G, K, J) posterior weights of the nodes of a provider that is not silent; they sum to one in each group.
    by_group : Vector
        (G,) log likelihood of counts, audits and lists.
    silent : Silence or None
    values : Values or None
        Of the kernel at the nodes.
    """

    integrand: Integrand
    grid: Grid
    kernel: Kernel
    weight: Matrix
    by_group: Vector
    silent: Silence | None
    values: Values | None


def evaluate(
    problem: ThinnedProblem, vector: Vector, *, nodes: tuple[int, int] = NODES, sources: Iterable[str] | None = None
) -> Evaluation:
    """Log likelihood and gradient.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : Vector
        (p,) parameters as laid out by `problem.layout`.
    nodes : (int, int)
        Outer (at least 3) and inner quadrature nodes. The gradient is that of the exact integral, so value and
        gradient agree as far as the quadrature is exact.
    sources : iterable of str, optional
        Those of `SOURCES` that count; all if None. Without "lists" a linked row is an ordinary one, without "counts"
        only linked rows remain of the counts.

    Raises
    ------
    DomainError
        The vector has another length, or lies below the floors; a source is unknown.
    """
    _check(problem, vector)
    return evaluate_at(arrange(problem, sources), vector, nodes, start_anchor(problem.groups))[0]


def evaluate_at(
    arrangement: Arrangement,
    vector: Vector,
    nodes: tuple[int, int],
    start: Anchor | Grid,
    before: Grid | None = None,
) -> tuple[Evaluation, Anchor | None, Grid]:
    """As `evaluate`, with the search for the nodes begun at an anchor, or with the nodes of a grid as they are.

    With `before`, a grid around that anchor at a point nearby, there is no search as long as the nodes still cover the
    posterior roughly.

    Returns
    -------
    evaluation : Evaluation
    anchor : Anchor or None
        Where the search ended.
    grid : Grid
    """
    integrand = Integrand(arrangement, unpack(arrangement.problem, vector))
    if isinstance(start, Grid):
        anchor, grid = None, moved_grid(integrand, start)
        marginal = integrate(integrand, grid)
    else:
        anchor, marginal = _searched(integrand, start, nodes, before)
    gradient = np.zeros(vector.size)
    _add_gradient(gradient, marginal)
    by_group = marginal.by_group.copy()
    if arrangement.control is not None:
        by_group += control_part(arrangement.problem.layout, arrangement.control, integrand.at, gradient)
    outside = gaussian_part(arrangement.gaussian, vector, gradient)
    return Evaluation(float(by_group.sum()) + outside, gradient, by_group), anchor, marginal.grid


def _searched(
    integrand: Integrand, start: Anchor, nodes: tuple[int, int], before: Grid | None
) -> tuple[Anchor, Marginal]:
    if before is not None:
        found = integrate(integrand, place_grid(integrand, start, nodes, before))
        mass = found.weight.sum(axis=2)
        covered = float(mass[:, [0, -1]].max()) < LOST and float(mass.max()) < CROWDED
        if covered or not integrand.arrangement.problem.registration_effects:
            return start, found
    anchor = find_anchor(integrand, start, nodes[0], steps=OUTER_STEPS if before is None else FEW_STEPS)
    return anchor, integrate(integrand, place_grid(integrand, anchor, nodes))


def integrate(integrand: Integrand, grid: Grid, *, derivatives: bool = True) -> Marginal:
    """Integrate over the effects at the nodes of a grid; without derivatives only weights and values serve."""
    kernel = grid.thinned.kernel.sharpened(grid.u)
    values = kernel.at(grid.u) if derivatives else None
    height = (
        (kernel.value(grid.u) if values is None else values.value) + grid.log_weight + grid.thinned.fixed[:, :, None]
    )
    top = height.max(axis=(1, 2))
    mass = np.exp(height - top[:, None, None])
    total = mass.sum(axis=(1, 2))
    by_group = top + np.log(total)
    weight = mass / total[:, None, None]
    quiet = None
    if integrand.arrangement.silent is not None:
        quiet = silence(integrand.arrangement, integrand.at, by_group, grid.u.shape[2])
        by_group = quiet.by_group
    return Marginal(integrand, grid, kernel, weight, by_group, quiet, values)


def _check(problem: ThinnedProblem, vector: Vector) -> None:
    layout = problem.layout
    if vector.shape != (layout.size,):
        raise DomainError(f"a vector of {layout.size} parameters is needed, got shape {vector.shape}")
    low = np.flatnonzero(vector < layout.floors)
    if low.size:
        raise DomainError(f"{layout.labels[low[0]]} must be >= 0, got {float(vector[low[0]]):g}")


def _add_gradient(gradient: Vector, marginal: Marginal) -> None:
    """Posterior mean of the score of the joint log density."""
    integrand, grid, values = marginal.integrand, marginal.grid, marginal.values
    if values is None:
        raise ValueError("the integral was taken without derivatives")
    arrangement, at = integrand.arrangement, integrand.at
    layout, rows = arrangement.problem.layout, arrangement.rows
    weight = marginal.weight
    if marginal.silent is not None:
        weight = weight * (1.0 - marginal.silent.probability)[:, None, None]
        marginal.silent.add_gradient(gradient)
    scores = marginal.kernel.scores(grid.u, weight, values)
    zeta = scores.seen * grid.thinned.slope
    place = weight.sum(axis=2)
    _add_lists(gradient, marginal, scores.seen, zeta, place)
    gradient[layout.beta] += rows.X.T @ scores.eta
    gradient[layout.alpha] += rows.cells.W.T @ zeta.sum(axis=1)
    moved = rows.cells.sum(zeta)
    for part, move in zip(arrangement.audits, grid.thinned.audits, strict=True):
        score = move * place[part.rows.group]
        gradient[layout.alpha] += part.rows.W.T @ score.sum(axis=1)
        moved += part.ones @ score
    gradient[layout.sv] += float((moved * grid.zv).sum())
    gradient[layout.dispersion] += scores.dispersion
    _add_rate_scale(gradient, marginal, scores.slope, at)


def _add_rate_scale(gradient: Vector, marginal: Marginal, slope: Matrix, at: Parameters) -> None:
    grid, layout = marginal.grid, marginal.integrand.arrangement.problem.layout
    zv = grid.zv[:, :, None]
    gradient[layout.su] += float((slope * (at.rho * zv + at.rest * grid.zu)).sum())
    turn = at.su * at.rest * (at.rest * zv - at.rho * grid.zu)
    gradient[layout.atanh_rho] += float((slope * turn).sum())


def _add_lists(gradient: Vector, marginal: Marginal, seen: Matrix, zeta: Matrix, place: Matrix) -> None:
    """Scores of the other register, and those of the linked rows' own counts put into `zeta`."""
    lists, arrangement = marginal.grid.thinned.lists, marginal.integrand.arrangement
    linked = arrangement.linked
    if lists is not None and linked is not None:
        share = place[arrangement.rows.group[linked.place]]
        zeta[linked.cell] += share * lists.cells_first
        second = seen[linked.cell] * lists.seen_second + share * lists.cells_second
        gradient[arrangement.problem.layout.gamma] += linked.W2.T @ second.sum(axis=1)
