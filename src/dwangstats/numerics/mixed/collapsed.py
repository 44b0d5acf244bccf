"""The Hessian where rows collapse into cells: two passes over the rows, the rest over cells.

With m = log of the summed means of a cell, the log likelihood is F(m, scales) + sum of y eta - Y m, so its second
derivative in beta is J'F''J + sum over cells of (F' - Y) m'', J being the mean of X in the cell weighted by the row
means. F'' is had by differences of the cells' gradient.
"""

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.blocks import Effects
from dwangstats.numerics.mixed.cells import Cells, cell_predictor
from dwangstats.numerics.mixed.model import Model, inner_problem, scale_scores
from dwangstats.numerics.mixed.modes import Point
from dwangstats.numerics.mixed.optimise import difference_information
from dwangstats.numerics.mixed.parameters import Parameters, pack, unpack
from dwangstats.numerics.mixed.start import weighted_gram


def collapsed_information(
    model: Model, cells: Cells, vector: Vector, start: Effects, transform: Matrix, free: NDArray[np.bool_]
) -> Matrix:
    """Minus the Hessian (p, p) at a vector (p,); zero in the rows and columns of parameters that are not free.

    Parameters
    ----------
    model, cells
        With cells, that is Poisson counts without extra zeros.
    vector : Vector
        (p,)
    start : Effects
        The modes there.
    transform : Matrix
        (p, p) the metric.
    free : ndarray of bool
        (p,)
    """
    layout, basis = model.layout, model.basis
    at = unpack(layout, vector)
    predictor, means, totals = cell_predictor(cells, model.log_mean(at.beta))
    share = means / cells.spread(totals)
    centre = np.stack([cells.total(column * share) for column in model.X.T], axis=1)
    centre = centre if basis is None else centre @ basis

    def inner(moved: Vector) -> tuple[float, Vector, Vector]:
        parameters = unpack(layout, moved)
        eta = predictor + centre @ (parameters.beta - at.beta)
        found = inner_problem(model, Point(eta, model.scale(parameters), 0.0, None), start)
        scales = scale_scores(model, found.scores)
        gradient = pack(layout, Parameters(centre.T @ found.scores.eta, scales, 0.0, at.zero))
        return found.value, gradient, found.scores.eta

    _, gradient, slope = inner(vector)
    central = 2 * cells.y.size < model.y.size
    result = difference_information(
        lambda moved: inner(moved)[:2], vector, gradient, transform, layout.floors, free, central=central
    )
    pull = cells.y - slope
    bend = weighted_gram(model.X, cells.spread(pull) * share)
    bend = bend if basis is None else basis.T @ bend @ basis
    k = layout.fixed
    result[:k, :k] += bend - (centre * pull[:, None]).T @ centre
    return result
