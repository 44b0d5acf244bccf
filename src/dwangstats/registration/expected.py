"""Expected events and registrations of each fitted row, given counts and evidence, at the fitted parameters."""

import numpy as np
from scipy.special import expit

from dwangstats._types import Vector
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.parameters import unpack
from dwangstats.numerics.thinned.posterior import posterior
from dwangstats.numerics.thinned.problem import ThinnedProblem


def expected_rows(problem: ThinnedProblem, fit: ThinnedFit) -> tuple[Vector, Vector]:
    """Expected events and registrations, E[E lambda] and E[E lambda p], over the providers' effects given the data.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit

    Returns
    -------
    events, registered : (n,) arrays
        A provider that may be silent registers nothing with its posterior probability of silence.
    """
    rows, at = problem.counts, unpack(problem, fit.vector)
    found = posterior(problem, fit.vector, nodes=fit.nodes)
    # exp(u) times the weight of the nodes, summed over those of u: (G, K).
    lifted = (found.weight * np.exp(found.u)).sum(axis=2)
    heard = 1.0 - found.silent
    prior_lift = float(np.exp(0.5 * at.su**2))
    rate = np.exp(rows.X @ at.beta + rows.offset)
    p = expit((rows.W @ at.alpha)[:, None] + found.v[rows.group])
    events = rate * (heard * lifted.sum(axis=1) + found.silent * prior_lift)[rows.group]
    registered = rate * heard[rows.group] * (lifted[rows.group] * p).sum(axis=1)
    return events, registered
