"""Counts with extra zeros and no random terms, by maximum likelihood (Lambert 1992, Technometrics 34, 1-14)."""

import numpy as np

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.numerics.likelihood import Likelihood, Problem, make_search, standardised
from dwangstats.numerics.mixed.fit import MixedFit
from dwangstats.numerics.mixed.optimise import climb, polish
from dwangstats.numerics.mixed.parameters import Layout, Parameters, natural_labels, pack, unpack
from dwangstats.numerics.mixed.start import poisson_start

USUAL_DISPERSION = 0.25
"""Dispersion at which a search begins."""


def fit_inflated(
    X: Matrix, y: Vector, offset: Vector, family: FamilyName, zero_X: Matrix, *, start: Vector | None = None
) -> MixedFit:
    """Fit a count model with extra zeros.

    Parameters
    ----------
    X : Matrix
        (n, k) design of the log mean, of full column rank.
    y, offset : Vector
        (n,) counts, and the known part of the log mean.
    family : {"poisson", "nb2", "nb1"}
    zero_X : Matrix
        (n, kz) design of the logit of the probability of an extra zero, of full column rank.
    start : Vector, optional
        (p,) parameters from which to begin.

    Returns
    -------
    MixedFit
        Without terms: no scales, modes or quadrature.

    Raises
    ------
    FitError
        If the columns of a design are dependent or the likelihood is not finite.
    """
    inner, back = standardised(Problem(X, y, offset, (), family, zero_X))
    likelihood, layout = Likelihood(inner), inner.layout
    begin = _beginning(inner, layout)
    if start is not None:
        begin = np.asarray(np.linalg.solve(back, start), dtype=np.float64)
    search = make_search(likelihood, begin)
    vector = climb(likelihood, begin, search.transform, search.floors)
    optimum = polish(likelihood, vector, search.transform, search.floors, central=True)
    free, found = optimum.free, back @ optimum.vector
    parameters = unpack(layout, found)
    inward = np.linalg.inv(back[np.ix_(free, free)])
    return MixedFit(
        beta=parameters.beta,
        scales=(),
        covariances=(),
        alpha=parameters.alpha,
        zero_beta=parameters.zero,
        loglik=optimum.value,
        names=natural_labels(layout, ()),
        estimates=found,
        free=free,
        information=inward.T @ optimum.information[np.ix_(free, free)] @ inward,
        modes=(),
        mode_covariances=(),
        boundary=tuple(name for name, inside in zip(layout.labels, free, strict=True) if not inside),
        scaled_gradient=optimum.scaled_gradient,
        smallest_eigenvalue=optimum.smallest_eigenvalue,
        inner_residual=0.0,
        definite=True,
        quadrature_error=float("nan"),
        nodes=1,
        evaluations=likelihood.evaluations,
        vector=found,
    )


def _beginning(problem: Problem, layout: Layout) -> Vector:
    """Coefficients of a Poisson regression, and a share of extra zeros that explains the zeros beyond it."""
    beta = poisson_start(problem.X, problem.y, problem.offset)
    mean = np.exp(np.clip(problem.X @ beta + problem.offset, -30.0, 30.0))
    excess = float(np.clip(np.mean(problem.y == 0.0) - np.mean(np.exp(-mean)), 0.02, 0.98))
    logit = np.full(problem.y.size, np.log(excess / (1.0 - excess)))
    zero = np.zeros(0) if problem.zero_design is None else np.linalg.lstsq(problem.zero_design, logit, rcond=None)[0]
    return pack(layout, Parameters(beta, (), USUAL_DISPERSION if layout.dispersed else 0.0, zero))
