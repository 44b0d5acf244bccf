"""The registration model computed the slow way, from its definition: dense grids, direct simulation, Bayes by hand.

Nothing here knows the package. True events N ~ family(mean exposure x rate), registrations Y | N ~ Binomial(N, p),
log rate = X beta + u, logit p = W alpha + v, and (u, v) bivariate normal per provider. The integral over (u, v) is a
trapezoid on a dense square grid of standard normals: the integrand is smooth and vanishes at the edges, so its error
falls faster than any power of the spacing. With spacing h and a posterior of standard deviation s (in prior standard
deviations) it is about exp(-2 (pi s / h)^2): nothing at s = 2 h.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import betaln, expit, gammaln, logit, logsumexp, xlog1py, xlogy

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

REACH = 7.5
"""Standard deviations covered on each side: 6e-14 of the mass of the prior is outside."""


@dataclass(frozen=True)
class AuditCells:
    """Found and registered events; W is the design of completeness."""

    W: Array
    group: Integers
    found: Array
    registered: Array
    icc: float = 0.0


@dataclass(frozen=True)
class LinkedCells:
    """Cells of two linked registers on rows of the panel."""

    row: Integers
    both: Array
    register_only: Array
    other_only: Array
    W2: Array
    odds_ratio: float


@dataclass(frozen=True)
class ControlCells:
    """Counts of a completely registered outcome."""

    X: Array
    relax: Array
    offset: Array
    group: Integers
    count: Array


@dataclass(frozen=True)
class NormalTerm:
    """row' theta ~ N(mean, sd^2); the row is over the parameters in the order of `Theta.vector`."""

    row: Array
    mean: float
    sd: float


@dataclass(frozen=True)
class Theta:
    """Every parameter of the model by name."""

    beta: Array
    alpha: Array
    gamma: Array
    delta: Array
    su: float = 0.0
    sv: float = 0.0
    rho: float = 0.0
    dispersion: float = 0.0
    silent: float = 0.0


@dataclass(frozen=True)
class Case:
    """Rows and evidence of one likelihood."""

    family: str
    groups: int
    X: Array
    W: Array
    y: Array
    offset: Array
    group: Integers
    audits: tuple[AuditCells, ...] = ()
    linked: LinkedCells | None = None
    control: ControlCells | None = None


def log_pmf(family: str, y: Array, mean: Array, alpha: Array | float) -> Array:
    """Log probability of counts; alpha = 0 is Poisson. NB2: variance m + alpha m^2. NB1: variance m (1 + alpha)."""
    y, mean, alpha = np.broadcast_arrays(y, mean, alpha)
    if family == "poisson" or not np.any(alpha):
        return xlogy(y, mean) - mean - gammaln(y + 1)
    size = 1 / alpha if family == "nb2" else mean / alpha
    success = size / (size + mean)
    return gammaln(y + size) - gammaln(size) - gammaln(y + 1) + xlogy(size, success) + xlogy(y, 1 - success)


def log_binomial(m: Array, n: Array, p: Array, icc: float) -> Array:
    """Log probability of m registered among n found; with icc > 0 beta-binomial of that intra-class correlation."""
    choose = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    if icc == 0:
        return choose + xlogy(m, p) + xlog1py(n - m, -p)
    strength = (1 - icc) / icc
    a, b = p * strength, (1 - p) * strength
    return np.where(n == 0, 0.0, choose + betaln(m + a, n - m + b) - betaln(a, b))


def joint_probability(p1: Array, p2: Array, odds_ratio: float) -> Array:
    """P(in both) with given margins and odds ratio: the root of p11 p00 = odds_ratio p10 p01 in its range."""
    if odds_ratio == 1:
        return p1 * p2
    a = odds_ratio - 1.0
    b = -(1 + a * (p1 + p2))
    c = odds_ratio * p1 * p2
    root = np.sqrt(b * b - 4 * a * c)
    # The smaller root in the form without cancellation: c / q with q = (-b + root) / 2.
    return 2 * c / (-b + root)


def _rows(case: Case, theta: Theta, g: int, u: Array, p_of_rows: dict[int, Array]) -> Array:
    """Log likelihood of the rows of one group on the grid; p_of_rows holds p by row."""
    total = np.zeros(np.broadcast_shapes(u.shape, (1, 1)))
    linked = {} if case.linked is None else {int(r): i for i, r in enumerate(case.linked.row)}
    for r in np.flatnonzero(case.group == g):
        mean = np.exp(case.X[r] @ theta.beta + case.offset[r] + u)
        p = p_of_rows[int(r)]
        shape = theta.dispersion * p if case.family == "nb1" else theta.dispersion
        if int(r) not in linked or case.linked is None:
            total = total + _thinned(case.family, case.y[r], mean, p, shape)
            continue
        i = linked[int(r)]
        cells = np.array([case.linked.both[i], case.linked.register_only[i], case.linked.other_only[i]])
        p2 = expit(case.linked.W2[i] @ theta.gamma)
        p11 = joint_probability(p, p2, case.linked.odds_ratio)
        shares = (p11, p - p11, p2 - p11)
        q = p + p2 - p11
        shape = theta.dispersion * q if case.family == "nb1" else theta.dispersion
        total = total + log_pmf(case.family, cells.sum(), mean * q, shape) + gammaln(cells.sum() + 1)
        for count, share in zip(cells, shares, strict=True):
            total = total + xlogy(count, share / q) - gammaln(count + 1)
    return total


def _thinned(family: str, y: float, mean: Array, p: Array, shape: Array | float) -> Array:
    if np.all(p == 0):
        return np.full_like(mean, 0.0 if y == 0 else -np.inf)
    return log_pmf(family, np.asarray(y), mean * p, shape)


def _audits(case: Case, theta: Theta, g: int, v: Array | None) -> Array:
    """Log likelihood of the audits of one group; v None is a silent provider (p = 0)."""
    total = np.zeros((1, 1)) if v is None else np.zeros(v.shape)
    for audit in case.audits:
        for a in np.flatnonzero(audit.group == g):
            m, n = audit.registered[a], audit.found[a]
            if v is None:
                total = total + (0.0 if m == 0 else -np.inf)
            else:
                total = total + log_binomial(m, n, expit(audit.W[a] @ theta.alpha + v), audit.icc)
    return total


def group_loglik(case: Case, theta: Theta, g: int, *, points: int = 601) -> float:
    """Log of the integral over (zu, zv) of everything that belongs to one group."""
    z = np.linspace(-REACH, REACH, points)
    weight = stats.norm.logpdf(z) + np.log(z[1] - z[0])
    zu = z if theta.su > 0 else np.zeros(1)
    zv = z if theta.sv > 0 or (theta.su > 0 and theta.rho != 0) else np.zeros(1)
    wu = weight if zu.size > 1 else np.zeros(1)
    wv = weight if zv.size > 1 else np.zeros(1)
    v = theta.sv * zv[None, :]
    u = theta.su * (theta.rho * zv[None, :] + np.sqrt(1 - theta.rho**2) * zu[:, None])
    rows = {int(r): expit(case.W[r] @ theta.alpha + v) for r in np.flatnonzero(case.group == g)}
    normal = logsumexp(_rows(case, theta, g, u, rows) + _audits(case, theta, g, v) + wu[:, None] + wv[None, :])
    if theta.silent == 0:
        return float(normal)
    nothing = {r: np.zeros((1, 1)) for r in rows}
    silent = logsumexp(_rows(case, theta, g, u, nothing) + _audits(case, theta, g, None) + wu[:, None] + wv[None, :])
    return float(np.logaddexp(np.log1p(-theta.silent) + normal, np.log(theta.silent) + silent))


def control_loglik(case: Case, theta: Theta) -> float:
    """Multinomial of each provider's control counts over its periods."""
    if case.control is None:
        return 0.0
    c, total = case.control, 0.0
    eta = c.offset + c.X @ theta.beta + c.relax @ theta.delta
    for g in np.unique(c.group):
        inside = c.group == g
        n = c.count[inside]
        share = np.exp(eta[inside] - logsumexp(eta[inside]))
        total += float(gammaln(n.sum() + 1) - gammaln(n + 1).sum() + xlogy(n, share).sum())
    return total


def loglik(case: Case, theta: Theta, *, points: int = 601) -> float:
    """The log likelihood of everything but Gaussian terms."""
    groups = sum(group_loglik(case, theta, g, points=points) for g in range(case.groups))
    return groups + control_loglik(case, theta)


# ---- closed integrals for Poisson, used where hundreds of evaluations are needed --------------------------------


def poisson_loglik(case: Case, theta: Theta, *, points: int = 121, reach: float = 6.0) -> float:
    """`loglik` for Poisson counts and audits on a coarser grid: rows enter through their sums (Y, S(v)) alone."""
    z = np.linspace(-reach, reach, points)
    w = stats.norm.logpdf(z) + np.log(z[1] - z[0])
    v = theta.sv * z
    p = expit((case.W @ theta.alpha)[:, None] + v)
    mean = np.exp(case.X @ theta.beta + case.offset)[:, None] * p
    total = np.zeros((case.groups, points))
    weight = np.zeros((case.groups, points))
    np.add.at(weight, case.group, mean)
    np.add.at(total, case.group, xlogy(case.y[:, None], mean) - gammaln(case.y + 1)[:, None])
    for a in case.audits:
        q = expit((a.W @ theta.alpha)[:, None] + v)
        np.add.at(total, a.group, log_binomial(a.registered[:, None], a.found[:, None], q, a.icc))
    events = np.bincount(case.group, case.y, case.groups)
    u = theta.su * (theta.rho * z[:, None] + np.sqrt(1 - theta.rho**2) * z[None, :])
    inner = events[:, None, None] * u - weight[:, :, None] * np.exp(u) + w
    return float(logsumexp(logsumexp(inner, axis=2) + total + w, axis=1).sum())


def profile_interval(
    negative: Any, start: Array, position: int, *, level: float = 0.95, reach: float = 3.0
) -> tuple[float, float, float]:
    """(estimate, lower, upper) of one parameter by profiling a negative log likelihood with a simplex-free search."""
    best = optimize.minimize(negative, start, method="BFGS", options={"gtol": 1e-5})
    best = optimize.minimize(negative, best.x, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    limit = best.fun + stats.chi2.ppf(level, 1) / 2
    others = np.delete(np.arange(start.size), position)
    warm = {"x": best.x[others]}

    def excess(value: float) -> float:
        def at(rest: Array) -> float:
            return float(negative(np.insert(rest, position, value)))

        found = optimize.minimize(at, warm["x"], method="BFGS", options={"gtol": 1e-5})
        warm["x"] = found.x
        return float(found.fun - limit)

    ends = []
    for sign in (-1.0, 1.0):
        warm["x"] = best.x[others]
        edge = best.x[position] + sign * reach
        ends.append(float(optimize.brentq(excess, best.x[position], edge, xtol=1e-5)))
    return float(best.x[position]), min(ends), max(ends)


# ---- true events given the registered ones, by Bayes on a grid of N ---------------------------------------------


def unregistered_law(family: str, y: int, mean: float, p: float, alpha: float, *, largest: int) -> Array:
    """P(N - Y = k | Y = y), k = 0.., from prior(N) x Binomial(y | N, p) and nothing else."""
    n = np.arange(y, largest + 1)
    prior = log_pmf(family, n.astype(float), np.asarray(mean), alpha)
    seen = log_binomial(np.full(n.shape, float(y)), n.astype(float), np.full(n.shape, p), 0.0)
    return np.exp(prior + seen - logsumexp(prior + seen))


def marginal_law(family: str, mean: float, p: float, alpha: float, *, largest: int, upto: int) -> Array:
    """P(Y = y), y = 0..upto, by summing over N."""
    n = np.arange(largest + 1, dtype=float)
    prior = log_pmf(family, n, np.asarray(mean), alpha)
    y = np.arange(upto + 1, dtype=float)[:, None]
    below = np.where(n >= y, log_binomial(np.minimum(y, n), n, np.full(n.shape, p), 0.0), -np.inf)
    return np.exp(logsumexp(prior + below, axis=1))


def draw_counts(family: str, mean: Array, alpha: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """True events."""
    if family == "poisson" or alpha == 0:
        return rng.poisson(mean)
    size = np.full(np.shape(mean), 1 / alpha) if family == "nb2" else np.asarray(mean) / alpha
    return rng.poisson(rng.gamma(size, np.asarray(mean) / size))


# ---- registers with known truth ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """How a register is made. Rates are per bed-day, completeness on the logit scale."""

    providers: int = 60
    years: tuple[int, ...] = (2021, 2022, 2023)
    mean_registered: float = 40.0
    log_ratio: float = 0.10
    completeness: float = 0.77
    logit_slope: float = 0.8
    su: float = 0.4
    sv: float = 0.6
    rho: float = 0.0
    family: str = "poisson"
    alpha: float = 0.0
    quality_effect: float = 0.0
    quality_on_rate: float = 0.0
    silent_share: float = 0.0


@dataclass(frozen=True)
class Register:
    """frame: provider, period, year, t (0 to 1 over the years), quality, bed_days, true, events, p."""

    truth: Truth
    frame: pd.DataFrame
    v: Mapping[str, float]

    @property
    def unregistered(self) -> int:
        return int((self.frame["true"] - self.frame["events"]).sum())

    def real_ratio(self, before: int, after: int) -> float:
        """Ratio of the expected rates of true events."""
        years = self.truth.years
        return float(np.exp(self.truth.log_ratio * (after - before) / (years[-1] - years[0])))

    def completeness_by_year(self) -> pd.Series:
        """Event-weighted: expected registered over expected true events."""
        sums = self.frame.groupby("year")[["expected", "expected_registered"]].sum()
        return sums["expected_registered"] / sums["expected"]


def draw_register(truth: Truth, rng: np.random.Generator) -> Register:
    """One register: half-years of the years of the truth, every provider in every half-year."""
    names = [f"P{i:03d}" for i in range(truth.providers)]
    frame = pd.DataFrame(
        [(name, year, half) for name in names for year in truth.years for half in (1, 2)],
        columns=["provider", "year", "half"],
    )
    frame["period"] = frame["year"].astype(str) + "-H" + frame["half"].astype(str)
    g = np.repeat(np.arange(truth.providers), 2 * len(truth.years))
    z = rng.standard_normal((2, truth.providers))
    v = truth.sv * z[0]
    u = truth.su * (truth.rho * z[0] + np.sqrt(1 - truth.rho**2) * z[1])
    span = truth.years[-1] - truth.years[0]
    frame["t"] = (frame["year"] - truth.years[0]) / max(span, 1)
    frame["quality"] = rng.normal(size=len(frame))
    frame["bed_days"] = np.round(np.exp(rng.normal(9.0, 0.4, truth.providers))[g] * rng.uniform(0.9, 1.1, len(frame)))
    zeta = logit(truth.completeness) + truth.logit_slope * (frame["t"] - 0.5) + truth.quality_effect * frame["quality"]
    frame["p"] = expit(zeta + v[g])
    silent = rng.uniform(size=truth.providers) < truth.silent_share
    frame.loc[silent[g], "p"] = 0.0
    scale = truth.mean_registered / (truth.completeness * np.exp(9.0))
    eta = truth.log_ratio * (frame["t"] - 0.5) + truth.quality_on_rate * frame["quality"]
    frame["expected"] = frame["bed_days"] * scale * np.exp(eta + u[g])
    frame["expected_registered"] = frame["expected"] * frame["p"]
    frame["true"] = draw_counts(truth.family, frame["expected"].to_numpy(), truth.alpha, rng)
    frame["events"] = rng.binomial(frame["true"], frame["p"])
    return Register(truth, frame, dict(zip(names, v, strict=True)))


def draw_audit(
    register: Register,
    rng: np.random.Generator,
    *,
    providers: int = 20,
    found: int = 25,
    years: tuple[int, ...] | None = None,
    best: bool = False,
) -> pd.DataFrame:
    """An audit that finds `found` events per provider-period, whether registered or not (first half of each year)."""
    years = (register.truth.years[0], register.truth.years[-1]) if years is None else years
    names = sorted(register.v)
    if best:
        chosen = sorted(names, key=lambda name: -register.v[name])[:providers]
    else:
        chosen = sorted(rng.choice(names, providers, replace=False))
    inside = register.frame["provider"].isin(chosen) & register.frame["year"].isin(years)
    rows = register.frame.loc[inside & (register.frame["half"] == 1), ["provider", "period", "p"]]
    return pd.DataFrame(
        {
            "provider_id": rows["provider"].to_numpy(),
            "period": rows["period"].to_numpy(),
            "n_found": found,
            "n_registered": rng.binomial(found, rows["p"].to_numpy()),
        }
    )


def draw_second_source(
    register: Register, rng: np.random.Generator, *, capture: float = 0.5, odds_ratio: float = 1.0, providers: int = 20
) -> pd.DataFrame:
    """Linked cells for some providers: given N, each event falls in the four cells of the two registers.

    The registered total is kept: among registered events the other register captures p11 / p1, among the others
    p01 / (1 - p1).
    """
    chosen = sorted(rng.choice(sorted(register.v), providers, replace=False))
    rows = register.frame.loc[register.frame["provider"].isin(chosen)]
    p = rows["p"].to_numpy()
    p11 = joint_probability(p, np.full(p.shape, capture), odds_ratio)
    both = rng.binomial(rows["events"].to_numpy(), p11 / p)
    other = rng.binomial((rows["true"] - rows["events"]).to_numpy(), (capture - p11) / (1 - p))
    return pd.DataFrame(
        {
            "provider_id": rows["provider"].to_numpy(),
            "period": rows["period"].to_numpy(),
            "both": both,
            "register_only": rows["events"].to_numpy() - both,
            "other_only": other,
        }
    )


def draw_controls(
    register: Register, rng: np.random.Generator, *, mean: float = 60.0, drift: float = 0.0
) -> pd.DataFrame:
    """A completely registered outcome whose rate follows the rate of events, with its own level per provider."""
    f = register.frame
    level = dict(zip(sorted(register.v), rng.normal(0.0, 0.5, len(register.v)), strict=True))
    eta = (register.truth.log_ratio + drift) * (f["t"] - 0.5) + f["provider"].map(level)
    count = rng.poisson(mean * f["bed_days"] / np.exp(9.0) * np.exp(eta))
    return pd.DataFrame({"provider_id": f["provider"], "period": f["period"], "control_count": count})


def random_case(family: str, rng: np.random.Generator, **parts: bool) -> tuple[Case, Theta]:
    """A small case with 4 groups of 4 rows; parts: audit, clustered_audit, linked, control, effects, silent."""
    groups, each = 4, 4
    n = groups * each
    group = np.repeat(np.arange(groups), each)
    x = rng.normal(size=n)
    t = np.tile(np.arange(each) / (each - 1), groups)
    X = np.column_stack([np.ones(n), t, x])
    W = np.column_stack([np.ones(n), t])
    effects = parts.get("effects", True)
    theta = Theta(
        beta=np.array([-0.2, 0.3, 0.2]),
        alpha=np.array([0.6, 0.7]),
        gamma=np.array([-0.3, 0.4]) if parts.get("linked") else np.zeros(0),
        delta=np.array([0.1, -0.2, 0.05]) if parts.get("control") else np.zeros(0),
        su=0.5 if effects else 0.0,
        sv=0.7 if effects else 0.0,
        rho=-0.4 if effects else 0.0,
        dispersion=0.0 if family == "poisson" else 0.6,
        silent=0.15 if parts.get("silent") else 0.0,
    )
    offset = np.log(rng.uniform(2.0, 9.0, n))
    p = expit(W @ theta.alpha + rng.normal(0, 0.5, groups)[group])
    mean = np.exp(X @ theta.beta + offset + rng.normal(0, 0.4, groups)[group])
    true = draw_counts(family, mean, theta.dispersion, rng)
    y = rng.binomial(true, p)
    if parts.get("silent"):
        y[group == 0] = 0
    case = Case(family, groups, X, W, y.astype(float), offset, group)
    if parts.get("audit") or parts.get("clustered_audit"):
        g = np.array([1, 1, 2, 3])
        Wa = np.column_stack([np.ones(4), [0.0, 1.0, 0.5, 0.0]])
        found = np.array([10.0, 8.0, 5.0, 0.0])
        seen = rng.binomial(found.astype(int), 0.7).astype(float)
        icc = 0.12 if parts.get("clustered_audit") else 0.0
        case = replace(case, audits=(AuditCells(Wa, g, found, seen, icc),))
    if parts.get("linked"):
        rows = np.array([0, 1, 6, 9, 15]) if not parts.get("silent") else np.array([0, 1, 6])
        both = rng.binomial(y[rows], 0.5).astype(float)
        other = rng.poisson(2.0, rows.size).astype(float)
        W2 = np.column_stack([np.ones(rows.size), t[rows]])
        case = replace(case, linked=LinkedCells(rows, both, y[rows] - both, other, W2, 1.8))
    if parts.get("control"):
        relax = np.zeros((n, each - 1))
        for k in range(1, each):
            relax[np.tile(np.arange(each), groups) == k, k - 1] = 1.0
        case = replace(case, control=ControlCells(X, relax, offset, group, rng.poisson(12.0, n).astype(float)))
    return case, theta


def posterior_moments(case: Case, theta: Theta, g: int, *, points: int = 401) -> tuple[float, float, float, float]:
    """Posterior mean of u, SD of u, mean of v, SD of v of one group, given that it is not silent."""
    z = np.linspace(-REACH, REACH, points)
    weight = stats.norm.logpdf(z)
    v = theta.sv * z[None, :]
    u = theta.su * (theta.rho * z[None, :] + np.sqrt(1 - theta.rho**2) * z[:, None])
    rows = {int(r): expit(case.W[r] @ theta.alpha + v) for r in np.flatnonzero(case.group == g)}
    log_weight = _rows(case, theta, g, u, rows) + _audits(case, theta, g, v) + weight[:, None] + weight[None, :]
    w = np.exp(log_weight - logsumexp(log_weight))
    v = np.broadcast_to(v, w.shape)
    mean_u, mean_v = float((w * u).sum()), float((w * v).sum())
    sd_u = float(np.sqrt((w * (u - mean_u) ** 2).sum()))
    return mean_u, sd_u, mean_v, float(np.sqrt((w * (v - mean_v) ** 2).sum()))
