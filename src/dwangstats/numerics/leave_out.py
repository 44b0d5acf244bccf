"""How well a model predicts clusters that were left out, without fitting it again for each.

The estimate without cluster c is one Newton step away from that with it: theta - (I - I_c)^-1 s_c, where s_c and I_c
are the score and the information of the cluster (Pregibon 1981, Ann. Stat. 9, 705, for one row; Rad and Maleki 2020,
J. R. Stat. Soc. B 82, 965).  Where that step is long, the model is fitted again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.glm import score_rows
from dwangstats.numerics.likelihood import Likelihood, Problem, ascend, make_search, standardised
from dwangstats.numerics.mixed.groups import group_parts
from dwangstats.numerics.mixed.parameters import natural_jacobian, singular_terms, unpack
from dwangstats.numerics.mixed.rows import make_rows, row_terms

STEP = 1e-3
"""Step of the differences of scores, in standard errors."""

LONG = 0.25
"""Squared length of a Newton step, in standard errors, beyond which the model is fitted again."""

UNDETERMINED = 1e-8
"""Share of the information along some direction that must be left without a cluster."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Log score of each cluster under the estimate without it.

    Attributes
    ----------
    scores : Vector
        (C,) log probability of the cluster's counts; NaN where a parameter is not determined without the cluster.
    refitted : ndarray of bool
        (C,) whether the estimate without it was found by fitting again.
    """

    scores: Vector
    refitted: NDArray[np.bool_]


def leave_out(problem: Problem, vector: Vector, information: Matrix, free: NDArray[np.bool_], codes: Codes) -> LeftOut:
    """Log probability of each cluster's counts, its random effects integrated out, under the estimate without it.

    Parameters
    ----------
    problem : Problem
    vector : Vector
        (p,) maximum of the likelihood.
    information : Matrix
        (f, f) observed information over the free parameters, in the coordinates of the vector.
    free : ndarray of bool
        (p,) False for parameters at their boundary; they stay there.
    codes : Codes
        (n,) cluster of each row, 0 .. C - 1.

    Raises
    ------
    DomainError
        If random terms are crossed, or the groups of a random term lie in more than one cluster.
    """
    inner, back = standardised(problem)
    at = np.asarray(np.linalg.solve(back, vector), dtype=np.float64)
    # floors stand alone in the change of basis, so the free parameters stay the same
    inside = back[np.ix_(free, free)]
    whole = inside.T @ information @ inside
    scores = cluster_scores(inner, at, codes)[:, free]
    own = _informations(inner, at, whole, free, codes)
    root = _root(whole)
    count = int(codes.max()) + 1
    found, refitted = np.full(count, np.nan), np.zeros(count, dtype=bool)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(count + 1))
    for c in range(count):
        members = order[edges[c] : edges[c + 1]]
        step, length = _step(root, whole - own[c], scores[c])
        if np.isnan(length):
            continue
        moved = at.copy()
        moved[free] += step
        if length > LONG or np.any(moved < inner.layout.floors):
            refitted[c] = True
            moved = _fitted_without(inner, np.maximum(moved, inner.layout.floors), members)
        if np.isfinite(moved).all():
            found[c] = Likelihood(inner.rows(np.sort(members)))(moved)[0]
    return LeftOut(found, refitted)


def cluster_scores(problem: Problem, vector: Vector, codes: Codes) -> Matrix:
    """Score of each cluster (C, p), in the coordinates of the vector.

    Raises
    ------
    DomainError
        If random terms are crossed, or the groups of a random term lie in more than one cluster.
    """
    count = int(codes.max()) + 1
    if not problem.terms:
        rows = _row_scores(problem, vector)
        return np.stack([np.bincount(codes, weights=column, minlength=count) for column in rows.T], axis=1)
    p = problem
    parts = group_parts(p.X, p.y, p.offset, p.terms, p.family, vector, zero_X=p.zero_design, nodes=p.nodes)
    top = next(term for term in p.terms if term.name == parts.term)
    cluster = np.zeros(top.groups, dtype=np.intp)
    cluster[top.codes] = codes
    if not np.array_equal(cluster[top.codes], codes):
        raise DomainError(
            f"the groups of the random term '{top.name}' lie in more than one cluster, so clusters are not independent "
            "under the model. Leave out the groups of the coarsest random term."
        )
    layout = p.layout
    own = parts.scores @ natural_jacobian(layout, vector, singular_terms(layout, vector))
    result = np.zeros((count, layout.size))
    np.add.at(result, cluster, own)
    return result


def _row_scores(problem: Problem, vector: Vector) -> Matrix:
    """Score of each row (n, p) without random terms."""
    at = unpack(problem.layout, vector)
    if problem.intervals is not None:
        eta = problem.X @ at.beta + problem.offset
        with_alpha = problem.family != "poisson"
        return score_rows(
            problem.X, problem.y, eta, problem.family, at.alpha, with_alpha=with_alpha, intervals=problem.intervals
        )
    rows = make_rows(problem.y, problem.family, inflated=problem.zero_design is not None)
    zeta = None if problem.zero_design is None else problem.zero_design @ at.zero
    terms = row_terms(rows, problem.X @ at.beta + problem.offset, at.alpha, zeta)
    columns = [problem.X * terms.slope[:, None]]
    if terms.dispersion is not None:
        columns.append(terms.dispersion.value[:, None])
    if terms.zero is not None and problem.zero_design is not None:
        columns.append(problem.zero_design * terms.zero.value[:, None])
    return np.concatenate(columns, axis=1)


def _informations(
    problem: Problem, vector: Vector, whole: Matrix, free: NDArray[np.bool_], codes: Codes
) -> NDArray[np.float64]:
    """Observed information of each cluster (C, f, f), by central differences of its score."""
    places = np.flatnonzero(free)
    columns = []
    for own, place in enumerate(places):
        size = STEP / np.sqrt(whole[own, own])
        room = vector[place] - problem.layout.floors[place]
        size = min(size, 0.5 * room) if np.isfinite(room) else size
        ahead, behind = vector.copy(), vector.copy()
        ahead[place] += size
        behind[place] -= size
        change = cluster_scores(problem, behind, codes) - cluster_scores(problem, ahead, codes)
        columns.append(change[:, free] / (2.0 * size))
    found = np.stack(columns, axis=2)
    return np.asarray(0.5 * (found + found.transpose(0, 2, 1)), dtype=np.float64)


def _root(information: Matrix) -> Matrix:
    try:
        return np.asarray(np.linalg.cholesky(information), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise FitError("the information is not positive definite, so there is no step away from a cluster") from error


def _step(root: Matrix, rest: Matrix, score: Vector) -> tuple[Vector, float]:
    """Newton step away from a cluster, and its squared length in standard errors.

    The length is infinite where the information that is left is not that of a maximum, NaN where there is none left.
    """
    left = np.linalg.solve(root, np.linalg.solve(root, rest).T)
    eigenvalues, axes = np.linalg.eigh(0.5 * (left + left.T))
    if eigenvalues[0] < UNDETERMINED:
        return np.zeros_like(score), float("nan") if abs(eigenvalues[0]) < UNDETERMINED else float("inf")
    along = axes @ ((axes.T @ np.linalg.solve(root, -score)) / eigenvalues)
    return np.asarray(np.linalg.solve(root.T, along), dtype=np.float64), float(along @ along)


def _fitted_without(problem: Problem, start: Vector, members: Codes) -> Vector:
    """The estimate without some rows; NaN where there is none."""
    kept = np.ones(problem.y.size, dtype=bool)
    kept[members] = False
    rest = problem.rows(kept)
    try:
        if not rest.has_events:
            raise FitError("no events are left")
        return ascend(make_search(Likelihood(rest), start), start, rough=1e-4).vector
    except FitError:
        return np.full(start.size, np.nan)
