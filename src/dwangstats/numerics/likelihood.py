"""A count model on arrays, with or without random effects, as something to climb again and again.

Profiles, bootstraps and leaving groups out all refit the same model many times from a known maximum: here is the
model, its log likelihood with gradient at any parameters, and a climb without the Hessian that a first fit needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.families import expected_weight
from dwangstats.numerics.intervals import Intervals, count_derivatives
from dwangstats.numerics.mixed.cells import make_cells
from dwangstats.numerics.mixed.false_zeros import AWAY, leave_false_zeros
from dwangstats.numerics.mixed.model import Model, evaluate, make_model
from dwangstats.numerics.mixed.objective import WarmObjective
from dwangstats.numerics.mixed.optimise import Objective, climb
from dwangstats.numerics.mixed.parameters import (
    Layout,
    make_layout,
    natural_jacobian,
    scale_change,
    scale_columns,
    singular_terms,
    unpack,
)
from dwangstats.numerics.mixed.rows import Rows, make_rows, row_terms
from dwangstats.numerics.mixed.standardise import scale_basis, standardising
from dwangstats.numerics.mixed.start import metric, starting_vector
from dwangstats.numerics.mixed.structure import Term

ROUGH = 1e-3
"""Slope in standard errors at which a climb stops: an estimate is then within about a thousandth of one."""

DEPENDENT = 1e-12
"""Smallest eigenvalue of an information with unit diagonal below which a direction is not determined."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Data and structure of a count model.

    Attributes
    ----------
    X : Matrix
        (n, k) design of the log mean.
    y, offset : Vector
        (n,) counts, and the known part of the log mean.
    terms : tuple of Term
        Random terms; empty for fixed effects only.
    family : {"poisson", "nb2", "nb1"}
    zero_design : Matrix or None
        (n, kz) design of the logit of an extra zero.
    nodes : int
        Quadrature nodes; 1 is Laplace. Ignored without random terms.
    intervals : Intervals or None
        What is known of counts that are not all exact; y is not read then. Without random terms and extra zeros only.
    """

    X: Matrix
    y: Vector
    offset: Vector
    terms: tuple[Term, ...]
    family: FamilyName
    zero_design: Matrix | None = None
    nodes: int = 1
    intervals: Intervals | None = None

    @property
    def layout(self) -> Layout:
        """Where each parameter stands in the vector (beta, scale entries, dispersion, zero coefficients)."""
        zero = 0 if self.zero_design is None else self.zero_design.shape[1]
        return make_layout(self.X.shape[1], self.terms, dispersed=self.family != "poisson", zero=zero)

    def rows(self, chosen: np.ndarray) -> "Problem":
        """The problem on some rows, given by a mask or positions; groups are numbered anew."""
        terms = tuple(
            replace(t, codes=np.unique(t.codes[chosen], return_inverse=True)[1].astype(np.intp), Z=t.Z[chosen])
            for t in self.terms
        )
        zero_X = None if self.zero_design is None else self.zero_design[chosen]
        return replace(
            self,
            X=self.X[chosen],
            y=self.y[chosen],
            offset=self.offset[chosen],
            terms=terms,
            zero_design=zero_X,
            intervals=None if self.intervals is None else self.intervals.take(chosen),
        )

    @property
    def has_events(self) -> bool:
        """Whether any count is certainly above 0."""
        return bool((self.y if self.intervals is None else self.intervals.lower).any())


class Likelihood:
    """Log likelihood, all constants included, and its gradient at any parameters.

    Each search for the modes of the random effects begins at the last ones.

    Parameters
    ----------
    problem : Problem

    Attributes
    ----------
    problem : Problem
    model : Model or None
        The arranged model; None without random terms.
    evaluations : int
        Evaluations so far; the last point asked for again costs none.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.evaluations = 0
        self.model: Model | None = None
        self._warm: WarmObjective | None = None
        self._rows: Rows | None = None
        self._last: tuple[Vector, float, Vector] | None = None
        if problem.intervals is not None:
            if problem.terms or problem.zero_design is not None:
                raise FitError("the likelihood of intervals has no random terms and no extra zeros")
        elif problem.terms:
            p = problem
            self.model = make_model(p.X, p.y, p.offset, p.terms, p.family, p.zero_design, p.nodes)
            self._warm = WarmObjective(self.model)
        else:
            self._rows = make_rows(problem.y, problem.family, inflated=problem.zero_design is not None)

    def __call__(self, vector: Vector) -> tuple[float, Vector]:
        """Value and gradient (p,) at a vector (p,)."""
        if self._last is not None and np.array_equal(vector, self._last[0]):
            return self._last[1:]
        value, gradient = self._evaluated(vector)
        self._last = vector.copy(), value, gradient
        return value, gradient

    def with_counts(self, y: Vector) -> "Likelihood":
        """The same model for other counts (n,), without arranging it anew."""
        if self.problem.intervals is not None:
            raise FitError("other counts in place of intervals need a rule by which they would have been shown")
        fresh = object.__new__(Likelihood)
        fresh.problem, fresh.evaluations, fresh._warm = replace(self.problem, y=y), 0, None
        fresh.model, fresh._rows, fresh._last = None, None, None
        if self.model is None:
            fresh._rows = make_rows(y, self.problem.family, inflated=self.problem.zero_design is not None)
        else:
            fresh.model = _with_counts(self.model, y)
            fresh._warm = WarmObjective(fresh.model)
        return fresh

    def _evaluated(self, vector: Vector) -> tuple[float, Vector]:
        self.evaluations += 1
        if self._warm is None:
            return self._fixed(vector)
        return self._warm(vector)

    def _fixed(self, vector: Vector) -> tuple[float, Vector]:
        p = self.problem
        at = unpack(p.layout, vector)
        if p.intervals is not None:
            known = count_derivatives(p.family, p.y, p.X @ at.beta + p.offset, at.alpha, p.intervals, order=1)
            slopes = [p.X.T @ known.d_eta, *([] if p.family == "poisson" else [np.array([known.d_alpha.sum()])])]
            return float(known.loglik.sum()), np.concatenate(slopes)
        zeta = None if p.zero_design is None else p.zero_design @ at.zero
        if self._rows is None:
            raise FitError("a model without random terms has lost its rows")
        terms = row_terms(self._rows, p.X @ at.beta + p.offset, at.alpha, zeta)
        gradient = [p.X.T @ terms.slope]
        if terms.dispersion is not None:
            gradient.append(np.array([terms.dispersion.value.sum()]))
        if terms.zero is not None and p.zero_design is not None:
            gradient.append(p.zero_design.T @ terms.zero.value)
        return float(terms.loglik.sum()), np.concatenate(gradient)


@dataclass(frozen=True, slots=True)
class Search:
    """What a climb needs beside its start.

    Attributes
    ----------
    objective : callable
        Value and gradient at a vector.
    transform : Matrix
        (p, p), moves along its columns have roughly unit curvature.
    floors, usual : Vector
        (p,) lower bounds, and parameters of the usual size.
    scales : mapping of int to tuple of int
        Place of each diagonal entry of the random scales, and the places of the entries below it in its column.
    """

    objective: Objective
    transform: Matrix
    floors: Vector
    usual: Vector
    scales: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Top:
    """Where a climb ended: vector (p,), value, gradient (p,), and the steepest slope left in standard errors."""

    vector: Vector
    value: float
    gradient: Vector
    slope: float


def standardised(
    problem: Problem,
    *,
    last: int | None = None,
    last_zero: int | None = None,
    kept: Mapping[int, int] = MappingProxyType({}),
) -> tuple[Problem, Matrix]:
    """The problem over columns of about unit size, and the matrix that takes its vector to that of the problem.

    Parameters
    ----------
    problem : Problem
    last, last_zero : int, optional
        A column of X (of zero_design) that becomes the last one; its coefficient keeps its value.
    kept : mapping of int to int, optional
        For a random term the number of its leading effects whose entries of the scale keep their values.

    Returns
    -------
    problem : Problem
    back : Matrix
        (p, p)
    """
    layout = problem.layout
    back = np.eye(layout.size)
    centre = _basis(problem.X, last)
    back[: layout.fixed, : layout.fixed] = centre
    zero_X = problem.zero_design
    if zero_X is not None:
        zero_centre = _basis(zero_X, last_zero)
        back[layout.bounds[3] :, layout.bounds[3] :] = zero_centre
        zero_X = zero_X @ zero_centre
    bases = [scale_basis(term, kept=kept.get(t, 0)) for t, term in enumerate(problem.terms)]
    scales = slice(layout.fixed, layout.bounds[2])
    back[scales, scales] = scale_change(layout, bases)
    terms = tuple(
        replace(term, turn=basis if term.turn is None else term.turn @ basis)
        for term, basis in zip(problem.terms, bases, strict=True)
    )
    return replace(problem, X=problem.X @ centre, terms=terms, zero_design=zero_X), back


def vector_information(problem: Problem, vector: Vector, information: Matrix, free: NDArray[np.bool_]) -> Matrix:
    """Information over the free parameters on the natural scale, taken to the coordinates of the vector."""
    layout = problem.layout
    jacobian = natural_jacobian(layout, vector, singular_terms(layout, vector))[np.ix_(free, free)]
    return np.asarray(jacobian.T @ information @ jacobian, dtype=np.float64)


def make_search(likelihood: Likelihood, vector: Vector) -> Search:
    """A search in the metric at a vector (p,), best near the maximum.

    Raises
    ------
    FitError
        If the columns of a design are linearly dependent.
    """
    problem, layout = likelihood.problem, likelihood.problem.layout
    if likelihood.model is None:
        usual = np.maximum(vector, np.where(np.isfinite(layout.floors), 0.1, -np.inf))
        transform = _fixed_metric(problem, vector)
    else:
        usual = starting_vector(likelihood.model)
        transform = metric(likelihood.model, vector, usual, evaluate(likelihood.model, vector).modes)
    transform = _measured(likelihood, vector, transform)
    return Search(likelihood, transform, layout.floors, usual, scale_columns(layout))


def curvature_metric(layout: Layout, information: Matrix, free: NDArray[np.bool_], usual: Matrix) -> Matrix:
    """A metric (p, p) from the information at a maximum, coefficients given the other parameters.

    Parameters
    ----------
    layout : Layout
    information : Matrix
        (f, f) over the free parameters.
    free : ndarray of bool
        (p,)
    usual : Matrix
        (p, p) metric that serves for the other parameters, and where the information is no curvature of a hill.
    """
    whole = np.zeros((layout.size, layout.size))
    whole[np.ix_(free, free)] = information
    result = usual.copy()
    for first, last in ((0, layout.fixed), (layout.bounds[3], layout.size)):
        block, own = whole[first:last, first:last], slice(first, last)
        if free[own].all() and block.size and np.linalg.eigvalsh(block)[0] > 0.0:
            result[own, own] = _inverse_root(block)
    for place in range(layout.fixed, layout.bounds[3]):
        if whole[place, place] > 0.0:
            result[place, place] = 1.0 / np.sqrt(whole[place, place])
    return result


def ascend(search: Search, start: Vector, *, rough: float = ROUGH) -> Top:
    """Climb to the maximum from a vector (p,); scales of zero are left only where the likelihood rises beyond them.

    Parameters
    ----------
    search : Search
    start : Vector
        (p,), preferably near the maximum.
    rough : float
        Slope in standard errors at which to stop.
    """
    vector = climb(search.objective, _off_zero(search, start), search.transform, search.floors, rough=rough)
    vector = leave_false_zeros(
        search.objective, vector, search.transform, search.floors, search.usual, search.scales, rough=rough
    )
    value, gradient = search.objective(vector)
    along = search.transform.T @ gradient
    held = (vector <= search.floors) & (along <= 0.0)
    return Top(vector, value, gradient, float(np.max(np.abs(along[~held]), initial=0.0)))


def _off_zero(search: Search, start: Vector) -> Vector:
    """Scales begin at no less than a quarter of their usual size, off the stationary point at zero."""
    begin = np.maximum(start, search.floors)
    for place in search.scales:
        if begin[place] <= 0.0:
            begin[place] = AWAY * search.usual[place]
    return begin


def _measured(likelihood: Likelihood, vector: Vector, transform: Matrix) -> Matrix:
    """The metric with the units of scales and dispersion from the curvature along them, where that is that of a hill.

    A dispersion is known to 1e-7 or to 1, depending on the counts.
    """
    layout, result = likelihood.problem.layout, transform.copy()
    start = likelihood(vector)[1]
    for place in range(layout.fixed, layout.bounds[3]):
        for _ in range(6):
            unit = result[place, place]
            ahead = vector.copy()
            ahead[place] += 0.1 * unit
            curvature = float(start[place] - likelihood(ahead)[1][place]) / (0.1 * unit)
            if not (np.isfinite(curvature) and curvature > 0.0):
                break
            result[place, place] = min(1.0 / np.sqrt(curvature), 10.0 * unit)
            if result[place, place] > 0.3 * unit:
                break
    return result


def _basis(X: Matrix, last: int | None) -> Matrix:
    """(k, k) change of basis to standardised columns, one of them last with only the others taken out of it."""
    if last is None:
        return standardising(X)
    k = X.shape[1]
    others = [j for j in range(k) if j != last]
    result = np.zeros((k, k))
    result[last, k - 1] = 1.0
    if others:
        inner = standardising(X[:, others])
        result[np.ix_(others, range(k - 1))] = inner
        share = np.linalg.lstsq(X[:, others] @ inner, X[:, last], rcond=None)[0]
        result[others, k - 1] = -inner @ share
    return result


def _with_counts(model: Model, y: Vector) -> Model:
    ordered = y[model.order]
    cells = model.cells
    if cells is not None:
        cells = make_cells(ordered, np.repeat(np.arange(cells.counts.size), cells.counts))
    rows = make_rows(ordered if cells is None else cells.y, model.rows.family, inflated=model.rows.inflated)
    return replace(model, y=ordered, rows=rows, cells=cells)


def _fixed_metric(problem: Problem, vector: Vector) -> Matrix:
    """Inverse roots of the information of each block, the other blocks held."""
    layout, X = problem.layout, problem.X
    at = unpack(layout, vector)
    weight = expected_weight(problem.family, np.minimum(X @ at.beta + problem.offset, 100.0), at.alpha)
    transform = np.zeros((layout.size, layout.size))
    transform[: layout.fixed, : layout.fixed] = _inverse_root((X * weight[:, None]).T @ X)
    if layout.dispersed:
        place = layout.bounds[2]
        transform[place, place] = max(at.alpha, 0.05) * 2.0 / np.sqrt(max(float(np.count_nonzero(problem.y)), 1.0))
    if problem.zero_design is not None:
        share = 0.2 * max(float(np.mean(problem.y == 0.0)), 1e-3)
        transform[layout.bounds[3] :, layout.bounds[3] :] = _inverse_root(
            share * problem.zero_design.T @ problem.zero_design
        )
    return transform


def _inverse_root(information: Matrix) -> Matrix:
    """Upper-triangular T with T'IT = 1."""
    unit = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    scaled = information / np.outer(unit, unit)
    if not np.linalg.eigvalsh(scaled)[0] > DEPENDENT:
        raise FitError("the columns of a design are linearly dependent; remove one of them")
    root = cholesky(scaled, lower=False)
    return np.asarray(solve_triangular(root, np.eye(unit.size)) / unit[:, None], dtype=np.float64)
