"""A point just inside where completeness has run to 1, for what has no curvature at the limit itself.

At completeness 1 the likelihood is flat in its logit: nothing can be differentiated there, though an audit may well
have put it there. The information is then looked at where completeness is 0.95 instead.
"""

from dataclasses import replace

import numpy as np
from scipy.special import logit

from dwangstats.numerics.thinned.fit import ThinnedFit, hessian
from dwangstats.numerics.thinned.problem import ThinnedProblem

HIGHEST = float(logit(0.95))
"""Logit of completeness to which rows at the limit are brought back."""


def interior(problem: ThinnedProblem, fit: ThinnedFit) -> ThinnedFit:
    """The fit itself, or a point inside where coefficients of completeness are held at the limit.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit

    Returns
    -------
    ThinnedFit
        With all coefficients of completeness free, and the observed information at that point.
    """
    alpha = problem.layout.alpha
    if fit.free[alpha].all():
        return fit
    W = np.concatenate([problem.counts.W, *(audit.W for audit in problem.audits)])
    vector, free = fit.vector.copy(), fit.free.copy()
    vector[alpha] = np.linalg.lstsq(W, np.minimum(W @ vector[alpha], HIGHEST), rcond=None)[0]
    free[alpha] = True
    return replace(fit, vector=vector, free=free, information=hessian(problem, vector, free, nodes=fit.nodes))
