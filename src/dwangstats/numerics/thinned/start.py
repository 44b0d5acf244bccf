"""Where a search begins: completeness from what bears on it directly, then the rate given the completeness."""

import numpy as np
from scipy.special import expit, log_expit

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.glm import fit_counts
from dwangstats.numerics.thinned.arrange import Arrangement
from dwangstats.numerics.thinned.integrand import Integrand
from dwangstats.numerics.thinned.parameters import unpack

USUAL_LOGIT = 1.4
"""Logit completeness where nothing is known about it: 0.8."""

_USUAL_SPREAD = 2.0
_SCALE_RATE, _SCALE_REGISTRATION = 0.4, 0.5
_STEPS = 30


def starting_vector(arrangement: Arrangement) -> Vector:
    """A rough estimate (p,).

    Raises
    ------
    FitError
        The rates cannot be estimated at any completeness: dependent columns of X, or no events where some are needed.
    """
    problem, layout, rows = arrangement.problem, arrangement.problem.layout, arrangement.rows
    vector = np.zeros(layout.size)
    vector[layout.alpha] = _completeness(arrangement)
    if arrangement.linked is not None:
        linked = arrangement.linked
        seen = linked.both + linked.register_only
        vector[layout.gamma] = _logit_fit(linked.W2, seen, linked.both, np.zeros((0, linked.W2.shape[1])), np.zeros(0))
    vector[layout.su], vector[layout.sv] = _SCALE_RATE, _SCALE_REGISTRATION
    integrand = Integrand(arrangement, unpack(problem, vector))
    lists = integrand.thinned(np.zeros((problem.groups, 1))).lists
    log_seen = log_expit(integrand.zeta)[arrangement.rows.cells.of_row]
    if lists is not None and arrangement.linked is not None:
        log_seen[arrangement.linked.place] = lists.log_seen[:, 0]
    found = fit_counts(rows.X, rows.y, rows.offset + log_seen, problem.family)
    vector[layout.beta] = found.beta
    vector[layout.dispersion] = np.clip(0.5 * found.alpha, 0.05, 5.0)
    if arrangement.silent is not None:
        share = (arrangement.silent.possible.sum() + 0.5) / (problem.groups + 1.0)
        vector[layout.silent_logit] = np.log(share / (1.0 - share))
    return vector


def _completeness(arrangement: Arrangement) -> Vector:
    """Logistic fit to audits, linked rows and normal terms on alpha, drawn weakly towards the usual."""
    layout, rows = arrangement.problem.layout, arrangement.rows
    W = [part.rows.W for part in arrangement.audits]
    found = [
        part.rows.found / (1.0 + part.rows.icc * np.maximum(part.rows.found - 1, 0)) for part in arrangement.audits
    ]
    shares = [part.rows.registered / np.maximum(part.rows.found, 1.0) for part in arrangement.audits]
    if arrangement.linked is not None:
        seen = arrangement.linked.both + arrangement.linked.other_only
        W.append(rows.W[arrangement.linked.place])
        found.append(seen)
        shares.append(arrangement.linked.both / np.maximum(seen, 1.0))
    width = rows.W.shape[1]
    pulls, targets = [_weak_pulls(rows.W)], [np.append(USUAL_LOGIT / _USUAL_SPREAD, np.zeros(width))]
    for term in arrangement.gaussian:
        outside = np.ones(layout.size, dtype=bool)
        outside[layout.alpha] = False
        chosen = ~np.any(term.matrix[:, outside] != 0.0, axis=1)
        pulls.append(term.matrix[chosen, layout.alpha] / term.sd[chosen, None])
        targets.append(term.mean[chosen] / term.sd[chosen])
    n = np.concatenate(found) if found else np.zeros(0)
    share = np.concatenate(shares) if shares else np.zeros(0)
    design = np.concatenate(W) if W else np.zeros((0, width))
    return _logit_fit(design, n, n * share, np.concatenate(pulls), np.concatenate(targets))


def _weak_pulls(W: Matrix) -> Matrix:
    """Rows that draw the mean logit to the usual and every coefficient to zero, in units of its column."""
    size = np.sqrt(np.mean(W * W, axis=0)) if W.shape[0] else np.ones(W.shape[1])
    middle = W.mean(axis=0, keepdims=True) if W.shape[0] else np.zeros((1, W.shape[1]))
    return np.concatenate((middle / _USUAL_SPREAD, 0.1 * np.diag(np.maximum(size, 1e-8))))


def _logit_fit(W: Matrix, n: Vector, k: Vector, pulls: Matrix, targets: Vector) -> Vector:
    """Newton steps for k of n with logit W b, and least squares rows pulls b = targets."""
    b = np.zeros(W.shape[1])
    for _ in range(_STEPS):
        p = expit(W @ b)
        gradient = W.T @ (k - n * p) + pulls.T @ (targets - pulls @ b)
        weight = np.maximum(n * p * (1.0 - p), 1e-3 * n)
        information = W.T @ (W * weight[:, None]) + pulls.T @ pulls + 1e-4 * np.eye(b.size)
        step = np.linalg.solve(information, gradient)
        b = b + np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max(initial=0.0)) < 1e-3:
            break
    return np.asarray(np.clip(b, -8.0, 8.0), dtype=np.float64)
