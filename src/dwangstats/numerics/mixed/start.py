"""Starting values and the metric in which the optimiser moves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.mixed.blocks import solve
from dwangstats.numerics.mixed.cells import cell_predictor
from dwangstats.numerics.mixed.model import Model
from dwangstats.numerics.mixed.modes import Modes
from dwangstats.numerics.mixed.parameters import Parameters, pack, unpack
from dwangstats.numerics.mixed.rows import BLOCK, Rows, row_slopes, safe_weight
from dwangstats.numerics.mixed.scale import scale_effects, scaled_gather
from dwangstats.numerics.mixed.standardise import is_constant
from dwangstats.numerics.mixed.structure import Placement, Structure
from dwangstats.numerics.mixed.sums import chain_sum, group_sums, linear_predictor

PASSES = 5
"""Weighted least-squares passes; the start need not be a maximum."""

ENOUGH = 20_000
"""Rows from which all passes but the last use an evenly spaced part of the rows."""


def starting_vector(model: Model) -> Vector:
    """Coefficients of a Poisson regression, and moments for the rest.

    Raises
    ------
    FitError
        If the columns of the design are linearly dependent.
    """
    beta = poisson_start(model.X, model.y, model.offset, model.basis)
    mean = np.exp(np.clip(model.log_mean(beta), -30.0, 30.0))
    zero = np.zeros(0)
    if model.zero_design is not None:
        excess = max(float(np.mean(model.y == 0.0)) - float(np.mean(np.exp(-mean))), 0.02)
        logit = np.log(excess / (1.0 - excess))
        zero = np.linalg.lstsq(model.zero_design, np.full(model.y.size, logit), rcond=None)[0]
    return pack(model.layout, Parameters(beta, _scale_starts(model, mean), _dispersion_start(model, mean), zero))


def poisson_start(X: Matrix, y: Vector, offset: Vector, basis: Matrix | None = None) -> Vector:
    """A few passes of iteratively weighted least squares on the design X basis, (k,)."""
    basis = np.eye(X.shape[1]) if basis is None else basis
    part = slice(None, None, max(1, y.size // ENOUGH))
    mean = y + max(0.1 * float(y.mean()), 1e-8)
    try:
        if part.step > 1:
            beta = _passes(np.asfortranarray(X[part]), y[part], offset[part], basis, mean[part], PASSES - 1)
            mean = np.exp(np.clip(X @ (basis @ beta) + offset, -30.0, 30.0))
            return _passes(X, y, offset, basis, mean, 1)
    except np.linalg.LinAlgError:
        mean = y + max(0.1 * float(y.mean()), 1e-8)
    try:
        return _passes(X, y, offset, basis, mean, PASSES)
    except np.linalg.LinAlgError as error:
        raise FitError("the columns of the design are linearly dependent; remove one of them") from error


def _passes(X: Matrix, y: Vector, offset: Vector, basis: Matrix, mean: Vector, count: int) -> Vector:
    eta = np.log(mean)
    for _ in range(count):
        target = mean * (eta - offset) + (y - mean)
        beta = np.linalg.solve(basis.T @ weighted_gram(X, mean) @ basis, basis.T @ (X.T @ target))
        eta = np.clip(X @ (basis @ beta) + offset, -30.0, 30.0)
        mean = np.exp(eta)
    return np.asarray(beta, dtype=np.float64)


def metric(model: Model, begin: Vector, usual: Vector, modes: Modes) -> Matrix:
    """A (p, p) matrix T such that moves T phi have unit curvature, roughly, in each element of phi.

    The coefficients get the inverse root of their information given the other parameters; a scale entry, the
    dispersion and the zero coefficients get rough standard errors.

    Parameters
    ----------
    model : Model
    begin : Vector
        (p,) parameters at which the fit begins.
    usual : Vector
        (p,) parameters of the usual size, for scales and a dispersion that begin at zero.
    modes : Modes
        At `begin`.
    """
    layout = model.layout
    transform = np.zeros((layout.size, layout.size))
    k = layout.fixed
    transform[:k, :k] = _inverse_root(fixed_information(model, begin, modes))
    if model.zero_design is not None:
        share = max(0.2 * float(np.mean(model.y == 0.0)), 0.01)
        zero = layout.bounds[3]
        transform[zero:, zero:] = _inverse_root(share * model.zero_design.T @ model.zero_design)
    return rescaled(model, transform, begin, usual)


def rescaled(model: Model, transform: Matrix, vector: Vector, usual: Vector) -> Matrix:
    """The metric with the units of scales and dispersion taken at `vector`, but not far below the usual ones."""
    layout, result = model.layout, transform.copy()
    now, first = unpack(layout, vector), unpack(layout, usual)
    for place, (t, i, _) in enumerate(layout.entries, start=layout.fixed):
        size = max(now.scales[t][i, i], 0.3 * first.scales[t][i, i])
        result[place, place] = size / np.sqrt(model.structure.placements[t].groups)
    if layout.dispersed:
        result[layout.bounds[2], layout.bounds[2]] = dispersion_unit(model.rows, now.alpha)
    return result


def dispersion_unit(rows: Rows, alpha: float) -> float:
    """Standard error of a dispersion, roughly: that of a variance from counts with known means."""
    if rows.family == "nb1":
        return (1.0 + alpha) * float(np.sqrt(2.0 / rows.y.size))
    # y (y - 1) for the square of the mean
    information = float((rows.y * np.maximum(rows.y - 1.0, 0.0) / (1.0 + alpha * rows.y) ** 2).sum())
    return float(np.sqrt(2.0 / max(information, 0.1)))


def fixed_information(model: Model, vector: Vector, modes: Modes) -> Matrix:
    """X'WX less what the random effects absorb, X'WZL H^-1 L'Z'WX: (k, k)."""
    parameters = unpack(model.layout, vector)
    scale, cells = model.scale(parameters), model.cells
    eta = model.log_mean(parameters.beta)
    spread: Vector | None = None
    if cells is not None:
        eta, mean, totals = cell_predictor(cells, eta)
        spread = mean / cells.spread(totals)
    eta = eta + linear_predictor(model.structure, *scale_effects(model.structure, scale, modes.effects))
    zeta = None if model.zero_design is None else model.zero_design @ parameters.zero
    weight = safe_weight(model.rows, eta, parameters.alpha, row_slopes(model.rows, eta, parameters.alpha, zeta)[1])
    if cells is not None and spread is not None:
        weight = cells.spread(weight) * spread
    columns = []
    for column in model.X.T:
        by_row = column * weight if cells is None else cells.total(column * weight)
        columns.append(scaled_gather(model.structure, scale, *group_sums(model.structure, by_row)))
    solved = [solve(model.structure, modes.factor, column) for column in columns]
    absorbed = np.array([[a.dot(b) for b in solved] for a in columns])
    information = weighted_gram(model.X, weight)
    reduced = information - 0.5 * (absorbed + absorbed.T)
    if model.basis is not None:
        information, reduced = (model.basis.T @ part @ model.basis for part in (information, reduced))
    size = np.sqrt(np.diag(information))
    usable = np.linalg.eigvalsh(reduced / np.outer(size, size))[0] > 1e-12
    return reduced if usable else information


def weighted_gram(X: Matrix, weight: Vector) -> Matrix:
    """X'WX for columns in Fortran order, (k, k), by blocks of rows that stay in the processor's cache."""
    total, columns = np.zeros((X.shape[1], X.shape[1])), X.T
    for a in range(0, weight.size, BLOCK):
        part = columns[:, a : a + BLOCK]
        total += (part * weight[a : a + BLOCK]) @ part.T
    return total


def _scale_starts(model: Model, mean: Vector) -> tuple[Matrix, ...]:
    """Per term the scale in the parameters, from the scatter of its group totals beyond that of counts."""
    structure, cells, found = model.structure, model.cells, []
    y = model.y if cells is None else cells.y
    mean = mean if cells is None else cells.total(mean)
    for placement, turn, full in zip(structure.placements, model.turns, model.layout.correlated, strict=True):
        observed, expected = (_group_totals(structure, placement, values) for values in (y, mean))
        excess = float(((observed - expected) ** 2 - expected).sum() / (expected**2).sum())
        sd = float(np.clip(np.sqrt(np.log1p(max(excess, 0.0)) / len(structure.placements)), 0.15, 1.5))
        columns = _columns(structure, placement)
        if turn is None:
            found.append(np.diag([_effect_start(z, sd) for z in columns]))
        elif full:
            found.append(lower_scale(np.linalg.solve(turn, np.diag([_effect_start(z, sd) for z in columns]))))
        else:
            ones = np.ones(structure.codes.size)
            Z = np.column_stack([ones if z is None else z for z in columns]) @ turn
            found.append(np.diag([_effect_start(z, sd) for z in Z.T]))
    return tuple(found)


def lower_scale(root: NDArray[np.floating[Any]]) -> Matrix:
    """Lower-triangular L with L L' = R R' and no negative diagonal."""
    lower = np.asarray(np.linalg.qr(root.T, mode="r"), dtype=np.float64).T
    return np.asarray(lower * np.where(np.diag(lower) < 0.0, -1.0, 1.0), dtype=np.float64)


def _effect_start(z: Vector | None, sd: float) -> float:
    if z is None:
        return sd
    size = float(np.sqrt(np.mean(z**2))) or 1.0
    return (sd if is_constant(z) else 0.7 * sd) / size


def _columns(structure: Structure, placement: Placement) -> list[Vector | None]:
    """Design of each effect of a term on the inner problem's rows."""
    places = range(placement.start, placement.start + placement.width)
    if placement.level < 0:
        return [structure.cross_basis[place] for place in places]
    return [structure.basis[structure.column[place]] for place in places]


def _group_totals(structure: Structure, placement: Placement, values: Vector) -> Vector:
    """Sums by group of a term, in the order of the structure."""
    if placement.level < 0:
        sums = np.bincount(structure.cross_index[placement.start], weights=values, minlength=structure.border)
        end = placement.offset + placement.groups * placement.width
        return np.asarray(sums[placement.offset : end : placement.width], dtype=np.float64)
    totals = chain_sum(structure, values)
    for starts in structure.starts[: placement.level]:
        totals = np.add.reduceat(totals, starts)
    return totals


def _dispersion_start(model: Model, mean: Vector) -> float:
    if model.rows.family == "nb1":
        return max(0.1, 0.5 * (float(((model.y - mean) ** 2 / mean).mean()) - 1.0))
    excess = ((model.y - mean) ** 2 - mean).sum() / (mean**2).sum()
    return float(np.clip(0.5 * excess, 0.05, 5.0))


def _inverse_root(information: Matrix) -> Matrix:
    try:
        root = cholesky(information, lower=False)
    except LinAlgError as error:
        raise FitError("the columns of a design are linearly dependent; remove one of them") from error
    return np.asarray(solve_triangular(root, np.eye(root.shape[0])), dtype=np.float64)
