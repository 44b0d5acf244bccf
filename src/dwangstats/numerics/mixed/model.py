"""A count model with random effects on arrays, and its marginal log likelihood with gradient at any parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.mixed.blocks import Effects, zeros
from dwangstats.numerics.mixed.cells import Cells, cell_predictor, find_cells, make_cells
from dwangstats.numerics.mixed.laplace import Scores, laplace_ingredients, laplace_value, scores
from dwangstats.numerics.mixed.modes import Modes, Point, find_modes
from dwangstats.numerics.mixed.parameters import Layout, Parameters, make_layout, pack, unpack
from dwangstats.numerics.mixed.quadrature import quadrature
from dwangstats.numerics.mixed.rows import Rows, make_rows
from dwangstats.numerics.mixed.scalar import scalar_modes, scalar_scores
from dwangstats.numerics.mixed.scale import make_scale
from dwangstats.numerics.mixed.structure import Structure, Term, build_structure


@dataclass(frozen=True, slots=True)
class Model:
    """Data and structure of a model.

    Attributes
    ----------
    X : Matrix
        (n, k) design of the log mean.
    y, offset : Vector
        (n,) counts and known part of the log mean.
    zero_design : Matrix or None
        (n, kz) design of the logit of an extra zero.
    rows : Rows
        Rows of the inner problem: the data's rows, or cells of them for Poisson counts.
    cells : Cells or None
        How the data's rows fall into cells; None if each row is its own.
    order : Codes
        (n,) place in the caller's data of each row; rows are sorted by finest group and cell.
    structure : Structure
        Random terms on the inner problem's rows.
    layout : Layout
    nodes : int
        Quadrature nodes; 1 is Laplace.
    """

    X: Matrix
    y: Vector
    offset: Vector
    zero_design: Matrix | None
    rows: Rows
    cells: Cells | None
    order: Codes
    structure: Structure
    layout: Layout
    nodes: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Marginal log likelihood, its gradient (p,), and the modes at one parameter vector."""

    value: float
    gradient: Vector
    modes: Modes


def make_model(
    X: Matrix,
    y: Vector,
    offset: Vector,
    terms: Sequence[Term],
    family: FamilyName,
    zero_X: Matrix | None,
    nodes: int,
) -> Model:
    """Arrange a model; see `dwangstats.numerics.mixed.fit.fit_mixed` for the arguments."""
    found = find_cells(terms) if family == "poisson" and zero_X is None else None
    structure = build_structure(found[1] if found else terms)
    order, cells = structure.order, None
    if found:
        place = np.empty(structure.order.size, dtype=np.intp)
        place[structure.order] = np.arange(structure.order.size)
        by_row = place[found[0]]
        order = np.argsort(by_row, kind="stable")
        cells = make_cells(y[order], by_row[order])
    y = y[order]
    zero_X = None if zero_X is None else np.asfortranarray(zero_X[order])
    rows = make_rows(cells.y if cells else y, family, inflated=zero_X is not None)
    constant_zero = zero_X is not None and zero_X.shape[1] == 1 and bool(np.ptp(zero_X) == 0.0)
    width = 0 if zero_X is None else zero_X.shape[1]
    layout = make_layout(X.shape[1], terms, dispersed=rows.dispersed, zero=width, constant_zero=constant_zero)
    return Model(np.asfortranarray(X[order]), y, offset[order], zero_X, rows, cells, order, structure, layout, nodes)


def checked_nodes(nodes: int | None, terms: Sequence[Term]) -> int:
    """Number of quadrature nodes for the terms, 11 or 1 if None.

    Raises
    ------
    DomainError
        If there are no terms, or quadrature is asked for a structure for which it is not offered.
    """
    if not terms:
        raise DomainError("a mixed model needs at least one random term")
    scalar = len(terms) == 1 and terms[0].width == 1
    if nodes is None:
        return 11 if scalar else 1
    if nodes < 1 or (nodes > 1 and not scalar):
        raise DomainError(
            f"{nodes} quadrature nodes were asked for; quadrature is offered for one random term with one effect per "
            "group, and 1 node (Laplace) for every other structure"
        )
    return nodes


def evaluate(model: Model, vector: Vector, start: Effects | None = None) -> Evaluation:
    """Marginal log likelihood (all constants included) with its gradient.

    Parameters
    ----------
    model : Model
    vector : Vector
        (p,) parameters as laid out by `model.layout`.
    start : Effects or None
        Where the search for the modes begins; the origin if None.
    """
    parts = evaluate_parts(model, vector, start)
    return Evaluation(parts.value, _gradient(model, parts), parts.modes)


@dataclass(frozen=True, slots=True)
class Parts:
    """An evaluation before it is summed.

    Attributes
    ----------
    value : float
        Marginal log likelihood.
    by_group : Vector or None
        (G,) the same by finest group, without the constant of the cells; None for Laplace.
    constant : Vector or None
        (m,) log density of each cell's rows given their total; None without cells.
    scores : Scores
        Derivatives on the inner problem's rows and groups.
    row_scores : Vector
        (n,) derivative with respect to a shift of each data row's log mean.
    modes : Modes
    """

    value: float
    by_group: Vector | None
    constant: Vector | None
    scores: Scores
    row_scores: Vector
    modes: Modes


def evaluate_parts(model: Model, vector: Vector, start: Effects | None = None) -> Parts:
    """As `evaluate`, with the contributions of rows and groups apart."""
    parameters = unpack(model.layout, vector)
    eta = model.X @ parameters.beta + model.offset
    point, means = _point(model, parameters, eta)
    modes = _modes(model, point, start)
    by_group = None
    if model.nodes == 1:
        value, ingredients = laplace_value(modes), laplace_ingredients(modes)
    else:
        result = quadrature(model.structure, model.rows, point, modes, model.nodes)
        by_group, ingredients = result.by_group, result.ingredients
        value = float(by_group.sum())
    found = (scalar_scores if model.structure.scalar else scores)(model.structure, point, modes, ingredients)
    row_scores = found.eta
    if model.cells is not None and means is not None:
        row_scores = model.y + model.cells.spread((found.eta - model.cells.y) / means[1]) * means[0]
    constant = _cell_constant(model, eta, point)
    if constant is not None:
        value += float(constant.sum())
    return Parts(value, by_group, constant, found, row_scores, modes)


def _modes(model: Model, point: Point, start: Effects | None) -> Modes:
    search = scalar_modes if model.structure.scalar else find_modes
    return search(model.structure, model.rows, point, start or zeros(model.structure))


def _point(model: Model, parameters: Parameters, eta: Vector) -> tuple[Point, tuple[Vector, Vector] | None]:
    """The inner problem's parameters, and the means of rows and of cells up to one factor."""
    scale = make_scale(model.structure, parameters.scales)
    zeta = None if model.zero_design is None else model.zero_design @ parameters.zero
    if model.cells is None:
        return Point(eta, scale, parameters.alpha, zeta), None
    predictor, means, totals = cell_predictor(model.cells, eta)
    return Point(predictor, scale, parameters.alpha, zeta), (means, totals)


def _cell_constant(model: Model, eta: Vector, point: Point) -> Vector | None:
    if model.cells is None:
        return None
    return model.cells.total(model.y * eta) - model.cells.y * point.eta - model.cells.constant


def _gradient(model: Model, parts: Parts) -> Vector:
    found = parts.scores
    chain = found.chain.sum(axis=2)
    scales, border = [], iter(found.border)
    for placement in model.structure.placements:
        a, b = placement.start, placement.start + placement.width
        scales.append(chain[a:b, a:b] if placement.level >= 0 else next(border))
    alpha = 0.0 if found.dispersion is None else float(found.dispersion.sum())
    zero = np.zeros(0) if found.zero is None or model.zero_design is None else model.zero_design.T @ found.zero
    return pack(model.layout, Parameters(model.X.T @ parts.row_scores, tuple(scales), alpha, zero))
