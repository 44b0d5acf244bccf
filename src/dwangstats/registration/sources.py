"""The observed information taken apart by source.

Each piece of evidence has its own information: that of an audit is the information of the audit's likelihood alone. The
rest belongs to the counts. Counts know rate times completeness in any case; what the rest says about completeness
itself, after the rate and everything else have followed, is a Schur complement: it comes from the form of the model (a
logistic curve, normal provider effects, columns that only one half has), with or without the help of evidence on other
rows, and is split off as a source of its own. What is left, the link, says nothing about completeness alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.fit import ThinnedFit, hessian
from dwangstats.numerics.thinned.problem import Gaussian, ThinnedProblem
from dwangstats.registration.exclusion import information_with_direct_effects, relaxes_rate
from dwangstats.registration.targets import event_weights

FORM = "functional form"
EXCLUSION = "exclusion"
FORMULA = "registration formula"
AUDIT = "audit"
LISTS = "second source"
CONTROL = "control outcome"
PRIOR = "prior"
EXTERNAL = (AUDIT, LISTS, CONTROL, EXCLUSION)

VAGUE = 3.0
"""Standard deviation of a logit about which nothing is known: 0.5 could be 0.003 or 0.997."""

SMALLEST_EIGENVALUE = 1e-12
"""Of an information scaled to unit diagonal; a direction below it counts as one in which nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Observed information of the free parameters by source; the link and all parts add up to the whole.

    Attributes
    ----------
    link : (f, f) array
        What the counts say about rates times completeness, with the relaxations of assumptions, with priors on other
        things than completeness, and with the vague `background`.
    parts : mapping of str to (f, f) array
        "functional form" and, where given, "exclusion", "audit", "second source", "control outcome", "prior".
    """

    link: Matrix
    parts: Mapping[str, Matrix]

    def together(self, names: Sequence[str]) -> Matrix:
        """Information of the link with these sources; a name without a part adds nothing."""
        whole = self.link.copy()
        for name in names:
            if name in self.parts:
                whole += self.parts[name]
        return whole


def information_by_source(problem: ThinnedProblem, fit: ThinnedFit, excluded: Sequence[int] = ()) -> Sources:
    """Split the observed information.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    excluded : sequence of int
        Columns of the registration design, numbered from 0, that are kept out of the rate by assumption. What the
        counts say about completeness only because of that is "exclusion"; what they would still say with these columns
        free in the rate is "functional form".

    Returns
    -------
    Sources
    """
    inside = _of_completeness(problem)[fit.free]
    parts = _evidence(problem, fit, inside)
    relaxed = _sum(precision(term, fit) for term in problem.gaussian if relaxes_rate(problem, term))
    rest = fit.information - _sum(parts.values())
    link, own = apart(rest, inside)
    link += background(problem, fit)
    if excluded:
        wider = information_with_direct_effects(problem, fit, rest - relaxed, excluded)
        among = np.concatenate([inside, np.zeros(wider.shape[0] - inside.size, dtype=bool)])
        parts[EXCLUSION] = own - apart(wider, among)[1][: inside.size, : inside.size]
    parts[FORM] = fit.information - link - _sum(parts.values())
    return Sources(link, parts)


def background(problem: ThinnedProblem, fit: ThinnedFit) -> Matrix:
    """Next to nothing about completeness: its mean logit has a standard deviation of `VAGUE`, at all columns' scales.

    So has the spread between providers.

    Without it a target would count as unknown for a trifle that no evidence speaks on, such as other weights of the
    years than those of the prior.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit

    Returns
    -------
    (f, f) array
    """
    W = problem.counts.W
    whole = np.zeros((fit.vector.size, fit.vector.size))
    of_completeness = _of_completeness(problem)
    whole[of_completeness, of_completeness] = VAGUE**-2
    whole[problem.layout.alpha, problem.layout.alpha] = (
        (event_weights(problem, fit.vector)[:, None] * W).T @ W / VAGUE**2
    )
    return whole[np.ix_(fit.free, fit.free)]


def apart(information: Matrix, inside: NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
    """Split an information into what says nothing about some parameters by itself, and what it says about them.

    Parameters
    ----------
    information : (f, f) array
    inside : (f,) array of bool
        The parameters that are asked about.

    Returns
    -------
    link : (f, f) array
        Positive semidefinite, with a Schur complement of 0 in the parameters that are asked about: it knows only
        combinations of them with the others. Directions of the others in which the information does not curve down
        (two sources that see the same spread between providers) are left out.
    own : (f, f) array
        The Schur complement that was taken out, in the rows and columns of these parameters.
    """
    a, r = np.flatnonzero(inside), np.flatnonzero(~inside)
    eigenvalues, vectors, unit = scaled_spectrum(information[np.ix_(r, r)])
    known = eigenvalues > SMALLEST_EIGENVALUE
    axes = vectors[:, known] * np.sqrt(eigenvalues[known]) * unit[:, None]
    across = (vectors[:, known] / np.sqrt(eigenvalues[known]) / unit[:, None]).T @ information[np.ix_(r, a)]
    root = np.zeros((information.shape[0], int(known.sum())))
    root[r], root[a] = axes, across.T
    own = np.zeros_like(information)
    own[np.ix_(a, a)] = information[np.ix_(a, a)] - across.T @ across
    return np.asarray(root @ root.T, dtype=np.float64), own


def scaled_spectrum(information: Matrix) -> tuple[Vector, Matrix, Vector]:
    """Eigenvalues and vectors of an information matrix scaled to unit diagonal, and the scale of each parameter."""
    diagonal = np.abs(np.diag(information))
    unit = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    return eigenvalues, vectors, unit


def floored_inverse(information: Matrix) -> Matrix:
    """Covariance in which directions that nothing is known about have a very large variance, not an infinite one."""
    eigenvalues, vectors, unit = scaled_spectrum(information)
    inverse = vectors / np.maximum(eigenvalues, SMALLEST_EIGENVALUE) @ vectors.T
    return np.asarray(inverse / np.outer(unit, unit), dtype=np.float64)


def precision(term: Gaussian, fit: ThinnedFit) -> Matrix:
    """Information of normal terms on the free parameters, (f, f)."""
    scaled = term.matrix[:, fit.free] / term.sd[:, None]
    return np.asarray(scaled.T @ scaled, dtype=np.float64)


def _of_completeness(problem: ThinnedProblem) -> NDArray[np.bool_]:
    """Coefficients of completeness, and where other evidence sees it too the spread of its provider effects, (p,).

    Counts that know completeness for a given spread between providers, with an audit that knows the spread, would
    otherwise pass for evidence on years that nobody audited. The correlation with the effects on the rate is not among
    them: nothing but the counts speaks on it, and these do as soon as completeness is known.
    """
    layout = problem.layout
    inside = np.zeros(layout.size, dtype=bool)
    inside[layout.alpha] = True
    if problem.audits or problem.linked is not None:
        for part in (layout.sv, layout.silent_logit):
            inside[part] = True
    return inside


def _evidence(problem: ThinnedProblem, fit: ThinnedFit, inside: NDArray[np.bool_]) -> dict[str, Matrix]:
    """What each piece of evidence says by itself; an audit of chosen providers with how far these may differ."""
    present = (
        (AUDIT, "audit", bool(problem.audits)),
        (LISTS, "lists", problem.linked is not None),
        (CONTROL, "control", problem.control is not None),
    )
    parts = {
        name: hessian(problem, fit.vector, fit.free, nodes=fit.nodes, sources=(source,))
        for name, source, there in present
        if there
    }
    if AUDIT in parts:
        parts[AUDIT] = parts[AUDIT] + _sum(
            precision(term, fit) for term in problem.gaussian if _relaxes_completeness(problem, term)
        )
    priors = [precision(term, fit) for term in problem.gaussian if _on_completeness(term, fit, inside)]
    return parts | ({PRIOR: _sum(priors)} if priors else {})


def _on_completeness(term: Gaussian, fit: ThinnedFit, inside: NDArray[np.bool_]) -> bool:
    return term.source == "prior" and bool(term.matrix[:, fit.free][:, inside].any())


def _relaxes_completeness(problem: ThinnedProblem, term: Gaussian) -> bool:
    return term.source == "relaxation" and bool(term.matrix[:, problem.layout.alpha].any())


def _sum(matrices: Iterable[Matrix]) -> Matrix:
    """Sum of matrices; 0.0 (which adds to any matrix) of none."""
    total: Matrix = np.zeros(())
    for matrix in matrices:
        total = total + matrix
    return total
