"""Small random registration problems of every combination, and a likelihood by brute force."""

from typing import Any

import numpy as np
from scipy.special import betaln, expit, gammaln, logsumexp
from scipy.stats import nbinom, poisson

from dwangstats.numerics.thinned.problem import (
    AuditRows,
    ControlRows,
    CountRows,
    Gaussian,
    LinkedRows,
    ThinnedProblem,
)


def make_problem(
    seed: int = 1,
    *,
    family: str = "poisson",
    groups: int = 6,
    periods: int = 4,
    effects: str = "both",
    rho: float | None = 0.3,
    audit: str | None = "binomial",
    linked: float | None = None,
    control: bool = False,
    silent: bool = False,
    mean: float = 12.0,
) -> ThinnedProblem:
    """Counts with an intercept and a trend in both parts, in an order that is not that of the groups."""
    rng = np.random.default_rng(seed)
    n = groups * periods
    group = rng.permutation(np.repeat(np.arange(groups), periods))
    time = rng.uniform(-1.0, 1.0, n)
    X, W = np.column_stack((np.ones(n), time)), np.column_stack((np.ones(n), rng.uniform(-1.0, 1.0, n), time))
    y = rng.poisson(mean * rng.gamma(3.0, 1 / 3.0, n)).astype(float)
    if silent:
        y[group < 2] = 0.0
    counts = CountRows(X, W, y, np.log(rng.uniform(0.5, 2.0, n)) + np.log(mean), group)
    audits = (_audit(rng, W, group, audit, silent),) if audit else ()
    lists = None if linked is None else _linked(rng, y, linked)
    controls = _control(rng, groups) if control else None
    problem: dict[str, Any] = {
        "family": family,
        "groups": groups,
        "counts": counts,
        "rate_effects": effects in ("rate", "both"),
        "registration_effects": effects in ("registration", "both"),
        "rho": rho,
        "silent": silent,
        "audits": audits,
        "linked": lists,
        "control": controls,
    }
    bare = ThinnedProblem(**problem)
    matrix = np.zeros((2, bare.layout.size))
    matrix[0, bare.layout.alpha] = (1.0, 0.5, 0.0)
    matrix[1, 1] = 1.0
    return ThinnedProblem(**problem, gaussian=(Gaussian(matrix, np.array([1.0, 0.2]), np.array([0.8, 0.5])),))


def _audit(rng: np.random.Generator, W: np.ndarray, group: np.ndarray, kind: str, silent: bool) -> AuditRows:
    rows = rng.choice(group.size, 7, replace=False)
    found = rng.integers(0, 9, 7).astype(float)
    registered = rng.binomial(found.astype(int), 0.7).astype(float)
    if silent:
        registered[group[rows] < 2] = 0.0
    return AuditRows(W[rows], group[rows], found, registered, 0.15 if kind == "beta-binomial" else 0.0)


def _linked(rng: np.random.Generator, y: np.ndarray, odds_ratio: float) -> LinkedRows:
    rows = rng.choice(y.size, y.size // 2, replace=False)
    both = rng.binomial(y[rows].astype(int), 0.5).astype(float)
    other = rng.poisson(2.0, rows.size).astype(float)
    W2 = np.column_stack((np.ones(rows.size), rng.uniform(-1.0, 1.0, rows.size)))
    return LinkedRows(rows, both, y[rows] - both, other, W2, odds_ratio)


def _control(rng: np.random.Generator, groups: int) -> ControlRows:
    group = rng.permutation(np.repeat(np.arange(groups - 1), 3))
    X = np.column_stack((np.ones(group.size), rng.uniform(-1.0, 1.0, group.size)))
    return ControlRows(X, X[:, 1:] > 0.0, rng.uniform(-1.0, 1.0, group.size), group, rng.poisson(6.0, group.size) * 1.0)


def random_vector(problem: ThinnedProblem, seed: int = 2) -> np.ndarray:
    """A point of moderate size."""
    rng, layout = np.random.default_rng(seed), problem.layout
    vector = rng.normal(0.0, 0.3, layout.size)
    vector[layout.alpha.start] += 1.2
    for part, low, high in ((layout.su, 0.2, 0.5), (layout.sv, 0.3, 0.8), (layout.dispersion, 0.1, 0.4)):
        vector[part] = rng.uniform(low, high, part.stop - part.start)
    vector[layout.silent_logit] -= 1.5
    return vector


def brute_force(problem: ThinnedProblem, vector: np.ndarray, points: int = 601) -> np.ndarray:
    """Log likelihood of each group by a fine two-dimensional rule, from scipy's own distributions, (G,)."""
    layout = problem.layout
    su, sv, a = (float(vector[part][0]) if part.stop > part.start else 0.0 for part in _three(layout))
    rho = problem.rho if problem.rho is not None else float(np.tanh(vector[layout.atanh_rho][0]))
    z = np.linspace(-9.0, 9.0, points)
    log_prior = -0.5 * z * z - 0.5 * np.log(2 * np.pi) + np.log(z[1] - z[0])
    zv, zu = (z if sv else np.zeros(1)), (z if su else np.zeros(1))
    weight = (log_prior if sv else np.zeros(1))[:, None] + (log_prior if su else np.zeros(1))[None, :]
    v = sv * zv[:, None]
    u = su * (rho * zv[:, None] + np.sqrt(1 - rho**2) * zu[None, :])
    pi = expit(float(vector[layout.silent_logit][0])) if problem.silent else 0.0
    out = np.empty(problem.groups)
    for g in range(problem.groups):
        normal = logsumexp(weight + _group(problem, vector, g, u, v, a, 1.0))
        quiet = logsumexp(weight + _group(problem, vector, g, u, v, a, 0.0)) if problem.silent else 0.0
        out[g] = np.log((1 - pi) * np.exp(normal) + pi * np.exp(quiet)) if problem.silent else normal
    return out + (_control_value(problem, vector) if problem.control is not None else 0.0)


def _three(layout: Any) -> tuple[slice, slice, slice]:
    return layout.su, layout.sv, layout.dispersion


def _group(
    problem: ThinnedProblem, vector: np.ndarray, g: int, u: np.ndarray, v: np.ndarray, a: float, awake: float
) -> np.ndarray:
    layout, c = problem.layout, problem.counts
    total = np.zeros(np.broadcast_shapes(u.shape, v.shape))
    linked = {} if problem.linked is None else {int(row): i for i, row in enumerate(problem.linked.row)}
    for r in np.flatnonzero(c.group == g):
        rate = np.exp(c.X[r] @ vector[layout.beta] + c.offset[r] + u)
        p = awake * expit(c.W[r] @ vector[layout.alpha] + v)
        if r in linked:
            total = total + _linked_row(problem, vector, linked[r], rate, p, a)
        else:
            total = total + _count(problem.family, c.y[r], rate, p, a)
    for audit in problem.audits:
        for r in np.flatnonzero(audit.group == g):
            p = awake * expit(audit.W[r] @ vector[layout.alpha] + v)
            total = total + _audit_row(audit.found[r], audit.registered[r], p, audit.icc)
    return total


def _count(family: str, y: float, rate: np.ndarray, p: np.ndarray, a: float) -> np.ndarray:
    mean = rate * p
    with np.errstate(divide="ignore", invalid="ignore"):
        if a == 0.0:
            return np.asarray(poisson.logpmf(y, mean))
        size = np.full_like(mean, 1.0 / a) if family == "nb2" else rate / a
        value = np.asarray(nbinom.logpmf(y, size, size / (size + mean)))
    return np.where(mean > 0.0, value, 0.0 if y == 0.0 else -np.inf)


def _linked_row(problem: ThinnedProblem, vector: np.ndarray, i: int, rate: Any, p1: Any, a: float) -> np.ndarray:
    lists = problem.linked
    assert lists is not None
    p2, psi = expit(lists.W2[i] @ vector[problem.layout.gamma]), lists.odds_ratio
    s = 1 + (psi - 1) * (p1 + p2)
    pi11 = p1 * p2 if psi == 1 else (s - np.sqrt(s * s - 4 * psi * (psi - 1) * p1 * p2)) / (2 * (psi - 1))
    q = p1 + p2 - pi11
    cells = (lists.both[i], lists.register_only[i], lists.other_only[i])
    total = sum(cells)
    value = _count(problem.family, total, rate, q, a) + gammaln(total + 1)
    for n, probability in zip(cells, (pi11, p1 - pi11, p2 - pi11), strict=True):
        with np.errstate(divide="ignore"):
            value = value + (n * np.log(probability / q) if n else 0.0) - gammaln(n + 1)
    return value


def _audit_row(n: float, m: float, p: np.ndarray, icc: float) -> np.ndarray:
    ways = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    if not np.any(p > 0.0):
        return np.where(p > 0.0, 0.0, 0.0 if m == 0.0 else -np.inf)
    if icc == 0.0:
        return ways + m * np.log(p) + (n - m) * np.log1p(-p)
    M = 1 / icc - 1
    return ways + betaln(m + p * M, n - m + (1 - p) * M) - betaln(p * M, (1 - p) * M)


def _control_value(problem: ThinnedProblem, vector: np.ndarray) -> np.ndarray:
    c = problem.control
    assert c is not None
    eta = c.X @ vector[problem.layout.beta] + c.relax @ vector[problem.layout.delta] + c.offset
    out = np.zeros(problem.groups)
    for g in np.unique(c.group):
        inside = c.group == g
        log_p = eta[inside] - logsumexp(eta[inside])
        y = c.count[inside]
        out[g] = gammaln(y.sum() + 1) - gammaln(y + 1).sum() + (y * log_p).sum()
    return out
