"""Rough information about the parameters, for the units in which they are searched and differenced."""

import numpy as np
from scipy.special import expit

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.arrange import Arrangement
from dwangstats.numerics.thinned.integrand import Integrand
from dwangstats.numerics.thinned.parameters import Parameters, unpack

WEAKEST = 1e-6
"""Smallest eigenvalue, with unit diagonal, that a direction is given."""

WIDEST = 3.0
"""Standard error of a logit that is taken at most: where nothing is known about completeness, its range is."""

SMALLEST_SCALE = 0.1
SMALLEST_DISPERSION = 0.02


def metric(arrangement: Arrangement, vector: Vector) -> Matrix:
    """A (p, p) matrix T such that moves T phi have unit curvature, roughly, in each element of phi.

    The coefficients get the inverse root of a working information from which the provider effects are eliminated;
    scales, correlation, dispersion and the silent logit stand alone with rough standard errors.
    """
    problem, layout = arrangement.problem, arrangement.problem.layout
    at = unpack(problem, vector)
    transform = np.zeros((layout.size, layout.size))
    k = layout.su.start
    transform[:k, :k] = _inverse_root(_coefficients(arrangement, at))
    root = np.sqrt(float(problem.groups))
    events = np.sqrt(1.0 + np.count_nonzero(arrangement.rows.y))
    for part, size in (
        (layout.su, max(at.su, SMALLEST_SCALE) / root),
        (layout.sv, max(at.sv, SMALLEST_SCALE) / root),
        (layout.atanh_rho, min(3.0 / root, 0.7)),
        (layout.dispersion, 2.0 * max(at.dispersion, SMALLEST_DISPERSION) / events),
        (layout.silent_logit, 3.0 / root),
    ):
        transform[part, part] = size
    return transform


def _coefficients(arrangement: Arrangement, at: Parameters) -> Matrix:
    """Working information of beta, alpha, gamma and delta."""
    layout, groups = arrangement.problem.layout, arrangement.problem.groups
    size = layout.su.start
    information = np.zeros((size, size))
    cross, own = np.zeros((groups, 2, size)), np.zeros((groups, 2, 2))
    for design, weight, effects, group in _observations(arrangement, at, size):
        weighted = design * weight[:, None]
        information += design.T @ weighted
        sums = _by_group(group, groups, np.einsum("ra,rp->rap", effects, weighted).reshape(group.size, -1))
        cross += sums.reshape(groups, 2, size)
        squares = np.einsum("ra,rb,r->rab", effects, effects, weight).reshape(group.size, -1)
        own += _by_group(group, groups, squares).reshape(groups, 2, 2)
    own += np.eye(2)
    information -= np.einsum("gap,gaq->pq", cross, np.linalg.solve(own, cross), optimize=True)
    _add_control(information, arrangement, at)
    linked = arrangement.linked
    for part, W in ((layout.alpha, arrangement.rows.W), (layout.gamma, None if linked is None else linked.W2)):
        if W is not None and W.shape[0]:
            information[part, part] += W.T @ W / (W.shape[0] * WIDEST**2)
    for term in arrangement.gaussian:
        rows = term.matrix[:, :size] / term.sd[:, None]
        information += rows.T @ rows
    return information


def _observations(
    arrangement: Arrangement, at: Parameters, size: int
) -> list[tuple[Matrix, Vector, Matrix, np.ndarray]]:
    """Design, weight, loadings of (zu, zv) and group of each kind of row."""
    layout, rows = arrangement.problem.layout, arrangement.rows
    integrand = Integrand(arrangement, at)
    thinned = integrand.thinned(np.zeros((arrangement.problem.groups, 1)))
    slope, p = thinned.slope[rows.cells.of_row, 0], expit(integrand.zeta)[rows.cells.of_row]
    design = np.zeros((rows.y.size, size))
    design[:, layout.beta], design[:, layout.alpha] = rows.X, rows.W * slope[:, None]
    mean = np.exp(np.minimum(integrand.eta, 50.0)) * np.maximum(p, 1e-3)
    spread = 1.0 + at.dispersion * (mean if arrangement.problem.family == "nb2" else 1.0)
    found = [(design, mean / spread, np.column_stack((np.full(rows.y.size, at.su), at.sv * slope)), rows.group)]
    linked = arrangement.linked
    if linked is not None:
        group = rows.group[linked.place]
        chance, second = p[linked.place], expit(integrand.second)
        events = linked.both + 0.5 * (linked.other_only + linked.register_only)
        found.append(
            (*_logit_rows(size, layout.alpha, rows.W[linked.place], events * chance * (1.0 - chance), at.sv), group)
        )
        weight = events * second * (1.0 - second)
        found.append((*_logit_rows(size, layout.gamma, linked.W2, weight, 0.0), group))
    for part in arrangement.audits:
        chance = expit(part.rows.W @ at.alpha)
        weight = part.rows.found * chance * (1.0 - chance) / (1.0 + part.rows.icc * np.maximum(part.rows.found - 1, 0))
        found.append((*_logit_rows(size, layout.alpha, part.rows.W, weight, at.sv), part.rows.group))
    return found


def _logit_rows(size: int, part: slice, W: Matrix, weight: Vector, loading: float) -> tuple[Matrix, Vector, Matrix]:
    design = np.zeros((weight.size, size))
    design[:, part] = W
    return design, weight, np.column_stack((np.zeros(weight.size), np.full(weight.size, loading)))


def _by_group(group: np.ndarray, groups: int, values: Matrix) -> Matrix:
    columns = [np.bincount(group, weights=column, minlength=groups) for column in values.T]
    return np.stack(columns, axis=1)


def _add_control(information: Matrix, arrangement: Arrangement, at: Parameters) -> None:
    control, layout = arrangement.control, arrangement.problem.layout
    if control is None:
        return
    rows = control.rows
    eta = rows.X @ at.beta + rows.relax @ at.delta + rows.offset
    mass = np.exp(eta - eta.max(initial=0.0))
    total = control.ones @ mass
    share = mass / total[rows.group]
    design = np.zeros((rows.count.size, information.shape[0]))
    design[:, layout.beta], design[:, layout.delta] = rows.X, rows.relax
    centred = design - (control.ones @ (share[:, None] * design))[rows.group]
    information += centred.T @ (centred * (share * control.total[rows.group])[:, None])


def _inverse_root(information: Matrix) -> Matrix:
    """R with R'IR = 1; directions of little information are given the least."""
    size = np.sqrt(np.maximum(np.diag(information), 1e-8))
    values, axes = np.linalg.eigh(information / np.outer(size, size))
    root = axes / np.sqrt(np.maximum(values, WEAKEST))
    return np.asarray(root @ axes.T / size[:, None], dtype=np.float64)
