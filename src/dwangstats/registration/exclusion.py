"""What the counts say when indicators and switch dates may move the rate as well.

Kept out of the rate means out of it altogether: no effect of its own, no bend, and no interaction with anything else in
the registration formula, for the bend of log completeness shows as all of these. So each excluded column, its
square and its products with the other columns of the registration design become columns of the rate design, with
coefficient 0.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dwangstats._types import Matrix
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.problem import Gaussian, ThinnedProblem

STEP = 1e-3
"""Step on a linear predictor for central differences of gradients; their error is of its square."""

JOINT = ("counts", "audit", "lists")
"""Sources that a rate column takes part in; the control outcome is registered completely."""

SAME_COLUMN = 1e-8
"""Relative distance below which a column is in the span of the rate's columns already."""


def information_with_direct_effects(
    problem: ThinnedProblem, fit: ThinnedFit, information: Matrix, excluded: Sequence[int]
) -> Matrix:
    """An information with the excluded columns in the rate too.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    information : (f, f) array
        Of the free parameters, without what holds direct effects near 0.
    excluded : sequence of int
        Columns of the registration design.

    Returns
    -------
    (f + q, f + q) array
        The q columns that the rate did not have come last.
    """
    columns = new_columns(problem.counts.X, bent_columns(problem.counts.W, excluded))
    count, f = columns.shape[1], information.shape[0]
    wider = _widened(problem, columns)
    at = problem.layout.beta.stop
    added = np.arange(at, at + count)
    vector = np.insert(fit.vector, [at] * count, 0.0)
    order = np.concatenate([np.delete(np.arange(vector.size), added)[fit.free], added])
    whole = np.zeros((f + count, f + count))
    whole[:f, :f] = information
    for i, place in enumerate(added.tolist()):
        move = np.zeros(vector.size)
        move[place] = STEP / max(float(np.abs(columns[:, i]).max()), STEP)
        ahead, behind = (
            evaluate(wider, vector + sign * move, nodes=fit.nodes, sources=JOINT).gradient for sign in (1.0, -1.0)
        )
        whole[f + i] = whole[:, f + i] = ((behind - ahead) / (2.0 * move[place]))[order]
    return whole


def bent_columns(W: Matrix, excluded: Sequence[int]) -> Matrix:
    """Excluded columns, and their products with all registration columns, (n, c)."""
    found = [W[:, list(excluded)]]
    for column in excluded:
        found.append(W[:, [column]] * W)
    return np.hstack(found)


def new_columns(X: Matrix, candidates: Matrix) -> Matrix:
    """Candidates (n, c) that are not combinations of the columns of X (n, k) and of those before them."""
    kept = np.zeros((X.shape[0], 0))
    for column in candidates.T:
        known = np.hstack([X, kept])
        rest = column - known @ np.linalg.lstsq(known, column, rcond=None)[0]
        if float(rest @ rest) > SAME_COLUMN**2 * max(float(column @ column), np.finfo(float).tiny):
            kept = np.hstack([kept, column[:, None]])
    return kept


def relaxes_rate(problem: ThinnedProblem, term: Gaussian) -> bool:
    """Whether a normal term holds direct effects on the rate near 0."""
    outside = np.ones(term.matrix.shape[1], dtype=bool)
    outside[problem.layout.beta] = False
    return term.source == "relaxation" and not term.matrix[:, outside].any()


def _widened(problem: ThinnedProblem, columns: Matrix) -> ThinnedProblem:
    """What stands in one integral with the counts, with more rate columns."""
    return replace(
        problem,
        counts=replace(problem.counts, X=np.hstack([problem.counts.X, columns])),
        control=None,
        gaussian=(),
    )
