"""How flat the likelihood is in the level of completeness, and what else could have been fitted."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from dwangstats._types import Vector
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.numerics.thinned.profile import constrained
from dwangstats.registration.targets import Target

GRID = (0.3, 0.4, 0.5, 0.6, 0.7, 0.77, 0.85, 0.9, 0.95, 0.99)
"""Levels of completeness at which the likelihood is profiled."""

NODES = (9, 5)
"""Quadrature nodes of the profile, where a hundredth of a log likelihood unit is enough."""

OVERLAP_FLAG = 0.35
"""Garrett and Zeger (2000, Biometrics 56, 1055-1067): above this a prior has hardly been updated."""

CLOSE = 2.0
"""Log likelihood units within which a mirrored solution cannot be set aside."""

SPANNED = 1e-8


def completeness_profile(
    problem: ThinnedProblem, fit: ThinnedFit, level: Target, ratio_contrast: Vector | None
) -> pd.DataFrame:
    """Profile likelihood of the level of completeness.

    The level is held at each value of `GRID` in turn and everything else is fitted again, walking outward from the
    estimate so that each fit starts from its neighbour.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    level : Target
        From `level_target`.
    ratio_contrast : (p,) array or None
        Contrast whose exponential is the adjusted ratio; None where no two periods are compared.

    Returns
    -------
    DataFrame
        ``completeness``; ``deviance``, twice the log likelihood lost; ``adjusted_ratio``, NaN without a contrast.
    """
    values = np.array(GRID)
    coarse = replace(fit, nodes=NODES)
    highest = evaluate(problem, fit.vector, nodes=NODES).value
    order = np.argsort(np.abs(logit(values) - level.estimate), kind="stable")
    found: dict[int, tuple[Vector, float]] = {}
    for i in order.tolist():
        neighbours = [j for j in (i - 1, i + 1) if j in found]
        start = fit.vector if not neighbours else found[neighbours[0]][0]
        found[i] = constrained(problem, replace(coarse, vector=start), level.contrast, float(logit(values[i])))
    ratios = [float("nan") if ratio_contrast is None else float(np.exp(ratio_contrast @ found[i][0])) for i in found]
    frame = pd.DataFrame(
        {
            "completeness": values[list(found)],
            "deviance": [2.0 * (highest - found[i][1]) for i in found],
            "adjusted_ratio": ratios,
        }
    )
    return frame.sort_values("completeness", ignore_index=True)


def prior_table(problem: ThinnedProblem, fit: ThinnedFit, covariance: np.ndarray) -> pd.DataFrame:
    """Each prior on completeness against what came out.

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit
    covariance : (p, p) array

    Returns
    -------
    DataFrame
        One row per normal prior on the registration coefficients, as completeness: ``prior`` and ``posterior``
        (medians), ``overlap`` of the two densities on the logit scale (1 = nothing learned), and ``conflict``, the
        distance in standard deviations between the prior and what everything else says.
    """
    rows = []
    for term in problem.gaussian:
        if term.source != "prior":
            continue
        for contrast, mean, sd in zip(term.matrix, term.mean.tolist(), term.sd.tolist(), strict=True):
            if not contrast[problem.layout.alpha].any():
                continue
            centre, spread = float(contrast @ fit.vector), float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
            rows.append(
                {
                    "prior": float(expit(mean)),
                    "posterior": float(expit(centre)),
                    "overlap": density_overlap(mean, sd, centre, spread),
                    "conflict": prior_conflict(mean, sd, centre, spread),
                }
            )
    return pd.DataFrame(rows, columns=["prior", "posterior", "overlap", "conflict"])


def density_overlap(mean: float, sd: float, other_mean: float, other_sd: float) -> float:
    """Common area under two normal densities, between 0 and 1.

    Parameters
    ----------
    mean, sd : float
        Of the first; sd > 0.
    other_mean, other_sd : float
        Of the second; a standard deviation of 0 gives 0.

    Returns
    -------
    float
    """
    if other_sd <= 0.0:
        return 0.0
    reach = 9.0 * max(sd, other_sd)
    # The narrower density is resolved by at least 40 points per standard deviation.
    points = int(min(400_001, 2001 + 40 * 2.0 * reach / min(sd, other_sd)))
    x = np.linspace(min(mean, other_mean) - reach, max(mean, other_mean) + reach, points)
    least = np.minimum(norm.pdf(x, mean, sd), norm.pdf(x, other_mean, other_sd))
    return float(min(np.trapezoid(least, x), 1.0))


def prior_conflict(mean: float, sd: float, centre: float, spread: float) -> float:
    """Distance between a normal prior and the rest of the evidence, in standard deviations of their difference.

    The rest is what remains of the posterior when the prior's precision is taken out of it. Where nothing remains, as
    when a contradiction has made the whole model vague, it is how far the posterior was drawn away from the prior, in
    the prior's standard deviations: the distance is that at least.

    Parameters
    ----------
    mean, sd : float
        Of the prior.
    centre, spread : float
        Of the posterior.

    Returns
    -------
    float
    """
    rest = (1.0 / spread**2 - 1.0 / sd**2) if spread > 0.0 else 0.0
    if rest <= 0.05 / sd**2:
        return (centre - mean) / sd
    alone = (centre / spread**2 - mean / sd**2) / rest
    return float((alone - mean) / np.sqrt(1.0 / rest + sd**2))


def reflected_loglik(problem: ThinnedProblem, fit: ThinnedFit) -> float | None:
    """Log likelihood where rate and completeness have changed places.

    With the registration columns among those of the rate, exp(x'b) L(w'a) = exp(x'b + w'a) L(-w'a) for the logistic L,
    and (u, v) becomes (u + v, -v): counts alone cannot tell the two apart (Papadopoulos and Santos Silva 2012,
    Economics Letters 117, 322-325).

    Parameters
    ----------
    problem : ThinnedProblem
    fit : ThinnedFit

    Returns
    -------
    float or None
        With all evidence; None where the mirrored point is not a point of this model.
    """
    layout = problem.layout
    carried = np.linalg.lstsq(problem.counts.X, problem.counts.W, rcond=None)[0]
    if np.abs(problem.counts.X @ carried - problem.counts.W).max() > SPANNED:
        return None
    if problem.registration_effects and not problem.rate_effects:
        return None
    vector = fit.vector.copy()
    alpha = vector[layout.alpha].copy()
    vector[layout.beta] += carried @ alpha
    vector[layout.alpha] = -alpha
    mirrored = problem
    if problem.registration_effects:
        rho = _rho(problem, vector)
        su, sv = float(vector[layout.su][0]), float(vector[layout.sv][0])
        along = rho * su + sv
        spread = float(np.hypot(along, su * np.sqrt(1.0 - rho**2)))
        turned = float(np.clip(-along / spread, -1.0 + 1e-9, 1.0 - 1e-9)) if spread > 0.0 else 0.0
        vector[layout.su] = spread
        if problem.rho is None:
            vector[layout.atanh_rho] = np.arctanh(turned)
        else:
            mirrored = replace(problem, rho=turned)
    return float(evaluate(mirrored, vector, nodes=fit.nodes).value)


def _rho(problem: ThinnedProblem, vector: Vector) -> float:
    return float(np.tanh(vector[problem.layout.atanh_rho][0])) if problem.rho is None else float(problem.rho)
