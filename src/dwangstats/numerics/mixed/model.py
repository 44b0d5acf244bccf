"""A count model with random effects on arrays, and its marginal log likelihood with gradient at any parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.mixed.blocks import Effects, Factor, zeros
from dwangstats.numerics.mixed.cells import Cells, cell_predictor, find_cells, make_cells
from dwangstats.numerics.mixed.laplace import Marginal, Scores, laplace
from dwangstats.numerics.mixed.modes import Modes, Point, find_modes
from dwangstats.numerics.mixed.parameters import Layout, Parameters, make_layout, pack, unpack
from dwangstats.numerics.mixed.rows import Rows, make_rows
from dwangstats.numerics.mixed.scalar import scalar_marginal
from dwangstats.numerics.mixed.scale import Scale, make_scale
from dwangstats.numerics.mixed.standardise import centring
from dwangstats.numerics.mixed.structure import Structure, Term, build_structure


@dataclass(frozen=True, slots=True)
class Model:
    """Data and structure of a model.

    Attributes
    ----------
    X : Matrix
        (n, k) columns of the log mean's design, in Fortran order.
    basis : Matrix or None
        (k, k) such that the design is X times it; None stands for the identity.
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
        Random terms on the inner problem's rows, their columns centred where they are far from zero.
    turns : tuple of Matrix or None
        Per term (q, q) matrix whose product with the scale in the parameters is the scale in the structure.
    layout : Layout
    nodes : int
        Quadrature nodes; 1 is Laplace.
    """

    X: Matrix
    basis: Matrix | None
    y: Vector
    offset: Vector
    zero_design: Matrix | None
    rows: Rows
    cells: Cells | None
    order: Codes
    structure: Structure
    turns: tuple[Matrix | None, ...]
    layout: Layout
    nodes: int

    def log_mean(self, beta: Vector) -> Vector:
        """Fixed part of the log mean with its offset, (n,)."""
        return self.X @ (beta if self.basis is None else self.basis @ beta) + self.offset

    def by_column(self, values: Vector) -> Vector:
        """Transposed design times (n,) values: (k,)."""
        product = self.X.T @ values
        return product if self.basis is None else self.basis.T @ product

    def scale(self, parameters: Parameters) -> Scale:
        """Scale of the structure's random effects."""
        blocks = (L if A is None else A @ L for A, L in zip(self.turns, parameters.scales, strict=True))
        return make_scale(self.structure, tuple(blocks))


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
    *,
    basis: Matrix | None = None,
) -> Model:
    """Arrange a model; see `Model` for the basis and `dwangstats.numerics.mixed.fit.fit_mixed` for the others."""
    terms, turns = _centred(terms)
    found = find_cells(terms) if family == "poisson" and zero_X is None else None
    structure = build_structure(found[1] if found else terms)
    order, by_row = structure.order, None
    if found:
        place = np.empty(structure.order.size, dtype=np.intp)
        place[structure.order] = np.arange(structure.order.size)
        by_row = place[found[0]]
        order = np.argsort(by_row, kind="stable")
    if not np.all(order[1:] > order[:-1]):
        X, y, offset = X[order], y[order], offset[order]
        zero_X = None if zero_X is None else zero_X[order]
        by_row = None if by_row is None else by_row[order]
    cells = None if by_row is None else make_cells(y, by_row)
    rows = make_rows(cells.y if cells else y, family, inflated=zero_X is not None)
    constant_zero = zero_X is not None and zero_X.shape[1] == 1 and bool(np.ptp(zero_X) == 0.0)
    width = 0 if zero_X is None else zero_X.shape[1]
    layout = make_layout(X.shape[1], terms, dispersed=rows.dispersed, zero=width, constant_zero=constant_zero)
    X, zero_X = np.asfortranarray(X), None if zero_X is None else np.asfortranarray(zero_X)
    return Model(X, basis, y, offset, zero_X, rows, cells, order, structure, turns, layout, nodes)


def _centred(terms: Sequence[Term]) -> tuple[tuple[Term, ...], tuple[Matrix | None, ...]]:
    """The terms with columns near zero, and what takes the scales in the parameters to those of these columns."""
    found: list[tuple[Term, Matrix | None]] = []
    for term in terms:
        centre = centring(term.Z)
        if centre is None:
            found.append((term, term.turn))
            continue
        turn = np.linalg.solve(centre, np.eye(term.width) if term.turn is None else term.turn)
        found.append((replace(term, Z=term.Z @ centre), np.asarray(turn, dtype=np.float64)))
    return tuple(term for term, _ in found), tuple(turn for _, turn in found)


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


def evaluate(model: Model, vector: Vector, start: Effects | None = None, factor: Factor | None = None) -> Evaluation:
    """Marginal log likelihood (all constants included) with its gradient.

    Parameters
    ----------
    model : Model
    vector : Vector
        (p,) parameters as laid out by `model.layout`.
    start : Effects or None
        Where the search for the modes begins; the origin if None.
    factor : Factor or None
        Precision of the effects at neighbouring parameters, which saves factorisations.
    """
    parts = evaluate_parts(model, vector, start, factor)
    return Evaluation(parts.value, _gradient(model, parts), parts.modes)


@dataclass(frozen=True, slots=True)
class Parts:
    """An evaluation before it is summed.

    Attributes
    ----------
    value : float
        Marginal log likelihood.
    by_group : Vector or None
        (G_L,) the same by group of the last level of the chain, without the constant of the cells; None with a border.
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


def evaluate_parts(model: Model, vector: Vector, start: Effects | None = None, factor: Factor | None = None) -> Parts:
    """As `evaluate`, with the contributions of rows and groups apart."""
    parameters = unpack(model.layout, vector)
    eta = model.log_mean(parameters.beta)
    zeta = None if model.zero_design is None else model.zero_design @ parameters.zero
    scale = model.scale(parameters)
    if model.cells is None:
        found = inner_problem(model, Point(eta, scale, parameters.alpha, zeta), start, factor)
        return Parts(found.value, found.by_group, None, found.scores, found.scores.eta, found.modes)
    cells = model.cells
    predictor, means, totals = cell_predictor(cells, eta)
    found = inner_problem(model, Point(predictor, scale, parameters.alpha, zeta), start, factor)
    constant = cells.total(model.y * eta) - cells.y * predictor - cells.constant
    means *= cells.spread((found.scores.eta - cells.y) / totals)
    means += model.y
    return Parts(found.value + float(constant.sum()), found.by_group, constant, found.scores, means, found.modes)


def inner_problem(model: Model, point: Point, start: Effects | None, factor: Factor | None = None) -> Marginal:
    """Marginal likelihood of the inner problem: of the rows, or of cells of them."""
    structure, rows = model.structure, model.rows
    start = start or zeros(structure)
    if structure.scalar:
        return scalar_marginal(structure, rows, point, start, model.nodes)
    return laplace(structure, point, find_modes(structure, rows, point, start, factor))


def scale_scores(model: Model, scores: Scores) -> tuple[Matrix, ...]:
    """Derivatives of the value in the (q, q) scales of the parameters."""
    chain, border, found = scores.chain.sum(axis=2), iter(scores.border), []
    for placement, turn in zip(model.structure.placements, model.turns, strict=True):
        a, b = placement.start, placement.start + placement.width
        own = chain[a:b, a:b] if placement.level >= 0 else next(border)
        found.append(own if turn is None else turn.T @ own)
    return tuple(found)


def _gradient(model: Model, parts: Parts) -> Vector:
    found = parts.scores
    alpha = 0.0 if found.dispersion is None else float(found.dispersion.sum())
    zero = np.zeros(0) if found.zero is None or model.zero_design is None else model.zero_design.T @ found.zero
    beta = model.by_column(parts.row_scores)
    return pack(model.layout, Parameters(beta, scale_scores(model, found), alpha, zero))
