"""Contributions of independent groups: scores for robust covariances, log likelihoods for leaving groups out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.mixed.model import Model, Parts, checked_nodes, evaluate_parts, make_model
from dwangstats.numerics.mixed.modes import top_groups
from dwangstats.numerics.mixed.parameters import natural_jacobian, singular_terms
from dwangstats.numerics.mixed.structure import Term


@dataclass(frozen=True, slots=True)
class GroupParts:
    """What each independent group contributes.

    Attributes
    ----------
    term : str
        Name of the term whose groups are meant, the coarsest of the nested ones.
    loglik : Vector
        (G,) marginal log likelihood; sums to the whole.
    scores : Matrix
        (G, p) derivatives in the parameters on the natural scale, in the order of `MixedFit.names`; the columns
        sum to zero at the maximum, but for parameters held at their boundary.
    """

    term: str
    loglik: Vector
    scores: Matrix


def group_parts(
    X: Matrix,
    y: Vector,
    offset: Vector,
    terms: Sequence[Term],
    family: FamilyName,
    vector: Vector,
    *,
    zero_X: Matrix | None = None,
    nodes: int | None = None,
) -> GroupParts:
    """Log likelihood and score of each independent group, at any parameters.

    Parameters
    ----------
    X, y, offset, terms, family, zero_X, nodes
        As for `dwangstats.numerics.mixed.fit.fit_mixed`; other data than those of the fit are welcome, for
        example one group that was left out.
    vector : Vector
        (p,) parameters, such as `MixedFit.vector`.

    Returns
    -------
    GroupParts

    Raises
    ------
    DomainError
        If random terms are crossed: then no groups are independent.
    """
    terms = tuple(terms)
    model = make_model(X, y, offset, terms, family, zero_X, checked_nodes(nodes, terms))
    if not model.structure.separable:
        raise DomainError(
            "random terms are crossed, so no groups are independent and the likelihood is no sum over groups. "
            "Use fixed effects for the crossed factor with the fewest groups."
        )
    parts = evaluate_parts(model, vector)
    last = len(model.structure.sizes) - 1
    chosen = next(t for t, place in enumerate(model.structure.placements) if place.level == last)
    order = model.structure.placements[chosen].order
    jacobian = natural_jacobian(model.layout, vector, singular_terms(model.layout, vector))
    scores = np.asarray(np.linalg.solve(jacobian.T, _scores(model, parts).T).T, dtype=np.float64)
    return GroupParts(terms[chosen].name, _logliks(model, parts)[order], scores[order])


def _logliks(model: Model, parts: Parts) -> Vector:
    """Log likelihood by group of the chain's last level."""
    by_group = np.zeros(0) if parts.by_group is None else parts.by_group
    if parts.constant is None:
        return by_group
    return by_group + np.add.reduceat(parts.constant, _first(top_groups(model.structure)[0][model.structure.codes]))


def _scores(model: Model, parts: Parts) -> Matrix:
    """Scores (G, p) by group of the chain's last level, parameters as the optimiser has them."""
    structure, layout, found = model.structure, model.layout, parts.scores
    finest = top_groups(structure)[0]
    inner = finest[structure.codes]
    first = _first(inner if model.cells is None else np.repeat(inner, model.cells.counts))
    columns = [np.add.reduceat(parts.row_scores * column, first) for column in model.X.T]
    chain = np.add.reduceat(found.chain, _first(finest), axis=2)
    own = [chain[p.start : p.start + p.width, p.start : p.start + p.width] for p in structure.placements]
    own = [c if A is None else np.tensordot(A.T, c, 1) for A, c in zip(model.turns, own, strict=True)]
    columns += [own[t][i, j] for t, i, j in layout.entries]
    if found.dispersion is not None:
        columns.append(np.add.reduceat(found.dispersion, _first(finest)))
    if found.zero is not None and model.zero_design is not None:
        columns += [np.add.reduceat(found.zero * column, first) for column in model.zero_design.T]
    return np.stack(columns, axis=1)


def _first(codes: Codes) -> Codes:
    """First place of each code in a non-decreasing list."""
    return np.flatnonzero(np.diff(codes, prepend=-1))
