"""The directions about which least is known, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.problem import ThinnedProblem

SHOWN = 3
"""Weakest directions that are described."""

NAMED_LOADING = 0.3
"""Loadings of at least this part of the largest are named."""

CONSTANT = 1e-12
"""Spread below which a column is constant."""

FLAT = 1e-12
"""Information below which a standard deviation is reported as infinite."""


def weakest_directions(problem: ThinnedProblem, fit: ThinnedFit, names: Sequence[str]) -> pd.DataFrame:
    """Eigenvectors of the information with the smallest eigenvalues.

    The information is scaled to natural units: a coefficient is counted per standard deviation of its column (an
    intercept, a standard deviation or a logit per 1), so that an eigenvalue of 1 means a standard error of one such
    unit.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    names : sequence of str
        (p,) names of the parameters.

    Returns
    -------
    DataFrame
        ``information`` (eigenvalue), ``se`` (its inverse root), ``direction`` in words, weakest first, and
        ``condition``, the largest eigenvalue over this one.
    """
    turn = natural_coordinates(problem)[np.ix_(fit.free, fit.free)]
    eigenvalues, vectors = np.linalg.eigh(turn.T @ fit.information @ turn)
    free_names = [name for name, free in zip(names, fit.free.tolist(), strict=True) if free]
    rows = []
    for value, vector in zip(eigenvalues[:SHOWN], vectors.T[:SHOWN], strict=True):
        rows.append(
            {
                "information": float(value),
                "se": float(value**-0.5) if value > FLAT else float("inf"),
                "direction": direction_words(vector, free_names),
                "condition": float(eigenvalues[-1] / value) if value > FLAT else float("inf"),
            }
        )
    return pd.DataFrame(rows)


def natural_coordinates(problem: ThinnedProblem) -> Matrix:
    """T with theta = T phi, (p, p): phi counts coefficients per standard deviation of their column.

    Where there is a constant, it stands for the mean of the other columns, so that a time in years does not make every
    intercept unknown.

    Parameters
    ----------
    problem : ThinnedProblem
    """
    whole = np.eye(problem.layout.size)
    for part, columns in ((problem.layout.beta, problem.counts.X), (problem.layout.alpha, problem.counts.W)):
        spread = columns.std(axis=0)
        constant = spread <= CONSTANT * np.maximum(1.0, np.abs(columns).max(axis=0, initial=0.0))
        turn = np.diag(1.0 / np.where(constant, 1.0, spread))
        ones = np.flatnonzero(constant & (columns[:1] == 1.0).all(axis=0))
        if ones.size:
            turn[ones[0], ~constant] = -columns.mean(axis=0)[~constant] / spread[~constant]
        whole[part, part] = turn
    return whole


def direction_words(vector: Vector, names: Sequence[str]) -> str:
    """A direction as "rate:Intercept against registration:Intercept".

    Parameters
    ----------
    vector : (f,) array
        Loadings.
    names : sequence of str
        (f,) names.

    Returns
    -------
    str
        Largest loadings first; parameters that move the other way stand after "against".
    """
    size = np.abs(vector)
    order = [i for i in np.argsort(-size, kind="stable").tolist() if size[i] >= NAMED_LOADING * size.max()]
    first = np.sign(vector[order[0]])
    along = [names[i] for i in order if np.sign(vector[i]) == first]
    against = [names[i] for i in order if np.sign(vector[i]) != first]
    text = " and ".join(along)
    return f"{text} against {' and '.join(against)}" if against else text
