"""Starting values and the metric in which the optimiser moves."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.mixed.blocks import solve
from dwangstats.numerics.mixed.cells import cell_predictor
from dwangstats.numerics.mixed.model import Evaluation, Model
from dwangstats.numerics.mixed.modes import Modes
from dwangstats.numerics.mixed.parameters import Parameters, pack, unpack
from dwangstats.numerics.mixed.rows import safe_weight
from dwangstats.numerics.mixed.scale import make_scale, scaled_gather
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.mixed.sums import group_sums

PASSES = 5
"""Weighted least-squares passes; the start need not be a maximum."""

ENOUGH = 20_000
"""Rows from which all passes but the last use an evenly spaced part of the rows."""


def starting_vector(model: Model, terms: tuple[Term, ...]) -> Vector:
    """Coefficients of a Poisson regression, and moments for the rest.

    Raises
    ------
    FitError
        If the columns of the design are linearly dependent.
    """
    beta = poisson_start(model.X, model.y, model.offset)
    mean = np.exp(np.clip(model.X @ beta + model.offset, -30.0, 30.0))
    scales = tuple(_scale_start(term, model.y, mean, len(terms)) for term in terms)
    zero = np.zeros(0)
    if model.zero_design is not None:
        excess = max(float(np.mean(model.y == 0.0)) - float(np.mean(np.exp(-mean))), 0.02)
        logit = np.log(excess / (1.0 - excess))
        zero = np.linalg.lstsq(model.zero_design, np.full(model.y.size, logit), rcond=None)[0]
    return pack(model.layout, Parameters(beta, scales, _dispersion_start(model, mean), zero))


def poisson_start(X: Matrix, y: Vector, offset: Vector) -> Vector:
    """A few passes of iteratively weighted least squares, (k,)."""
    part = slice(None, None, max(1, y.size // ENOUGH))
    mean = y + max(0.1 * float(y.mean()), 1e-8)
    try:
        if part.step > 1:
            X_part, offset_part = X[part], offset[part]
            beta = _passes(X_part, y[part], offset_part, mean[part], PASSES - 1)
            mean = np.exp(np.clip(X @ beta + offset, -30.0, 30.0))
            return _passes(X, y, offset, mean, 1)
    except np.linalg.LinAlgError:
        mean = y + max(0.1 * float(y.mean()), 1e-8)
    try:
        return _passes(X, y, offset, mean, PASSES)
    except np.linalg.LinAlgError as error:
        raise FitError("the columns of the design are linearly dependent; remove one of them") from error


def _passes(X: Matrix, y: Vector, offset: Vector, mean: Vector, count: int) -> Vector:
    eta = np.log(mean)
    for _ in range(count):
        weighted = X * mean[:, None]
        beta = np.linalg.solve(X.T @ weighted, weighted.T @ (eta - offset + (y - mean) / mean))
        eta = np.clip(X @ beta + offset, -30.0, 30.0)
        mean = np.exp(eta)
    return np.asarray(beta, dtype=np.float64)


def metric(model: Model, begin: Vector, usual: Vector, at: Evaluation) -> Matrix:
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
    at : Evaluation
        At `begin`.
    """
    layout = model.layout
    transform = np.zeros((layout.size, layout.size))
    k = layout.fixed
    transform[:k, :k] = _inverse_root(fixed_information(model, begin, at.modes))
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
        size = max(now.alpha, 0.1 * first.alpha)
        result[layout.bounds[2], layout.bounds[2]] = size * 2.0 / np.sqrt(np.count_nonzero(model.y))
    return result


def fixed_information(model: Model, vector: Vector, modes: Modes) -> Matrix:
    """X'WX less what the random effects absorb, X'WZL H^-1 L'Z'WX: (k, k)."""
    parameters = unpack(model.layout, vector)
    weight = safe_weight(model.rows, modes.eta, parameters.alpha, modes.terms.weight)
    X, cells = model.X, model.cells
    if cells is not None:
        _, mean, totals = cell_predictor(cells, X @ parameters.beta + model.offset)
        weight = cells.spread(weight / totals) * mean
    weighted = X * weight[:, None]
    information = X.T @ weighted
    scale = make_scale(model.structure, parameters.scales)
    columns = []
    for column in weighted.T:
        by_row = column if cells is None else cells.total(column)
        columns.append(scaled_gather(model.structure, scale, *group_sums(model.structure, by_row)))
    solved = [solve(model.structure, modes.factor, column) for column in columns]
    absorbed = np.array([[a.dot(b) for b in solved] for a in columns])
    reduced = information - 0.5 * (absorbed + absorbed.T)
    size = np.sqrt(np.diag(information))
    usable = np.linalg.eigvalsh(reduced / np.outer(size, size))[0] > 1e-12
    return reduced if usable else information


def _scale_start(term: Term, y: Vector, mean: Vector, count: int) -> Matrix:
    observed = np.bincount(term.codes, weights=y)
    expected = np.bincount(term.codes, weights=mean)
    excess = float(((observed - expected) ** 2 - expected).sum() / (expected**2).sum())
    sd = float(np.clip(np.sqrt(np.log1p(max(excess, 0.0)) / count), 0.15, 1.5))
    size = np.sqrt((term.Z**2).mean(axis=0))
    return np.diag(np.where(np.ptp(term.Z, axis=0) == 0.0, sd, 0.7 * sd) / np.where(size > 0.0, size, 1.0))


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
