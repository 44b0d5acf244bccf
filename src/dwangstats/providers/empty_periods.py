"""A rate model in which a known share of the counts has nothing to count whatever the mean.

With the share pi given and not estimated a count of 0 has probability pi + (1 - pi) f(0) and any other (1 - pi) f(y).
Fitted without the share, such zeros widen f until they look usual; so the share has to be known to the fit and not only
to whoever judges zeros by it. The marginal log likelihood is that of `dwangstats.providers.integral`, its slopes are
means over the same nodes (Louis 1982, J. R. Stat. Soc. B 44, 226-233: the score is the mean of the complete one).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.models.certificate import MAX_SCALED_GRADIENT, MIN_EIGENVALUE, Certificate
from dwangstats.providers.integral import (
    BLOCK,
    HIGHEST_ETA,
    NODES,
    EffectModel,
    ProviderRows,
    log_integrands,
    node_places,
)

LOG_SD = (-7.0, 3.0)
LOG_ALPHA = (-9.0, 5.0)
"""Ends of the range of the log standard deviation and the log dispersion; the lower ones are as good as 0."""

DIFFERENCE = 1e-5
NEWTON_STEPS = 8


@dataclass(frozen=True, slots=True, eq=False)
class EmptyPeriodRates:
    """A rate model with one effect per provider and a given share of empty periods.

    Attributes
    ----------
    formula : str
    family : {"poisson", "nb2"}
    design : Design
        The rows that were fitted.
    params : Series
        Coefficients of the log rate in periods that are not empty.
    random_sd : dict
        Standard deviation of the effects on the log scale, by "provider".
    dispersion : float
        Of the counts in periods that are not empty; 0 for Poisson.
    nothing : float
        The given share.
    loglik : float
        Marginal, with all constants.
    certificate : Certificate
        Gradient and information by differences of gradients at the reported parameters.
    """

    formula: str
    family: FamilyName
    design: Design
    params: pd.Series
    random_sd: dict[str, float]
    dispersion: float
    nothing: float
    loglik: float
    certificate: Certificate

    @property
    def nobs(self) -> int:
        """Number of rows that were fitted."""
        return int(self.design.y.size)


@dataclass(frozen=True, slots=True)
class EmptyPeriodStart:
    """Where a search begins: coefficients, standard deviation of the effects, dispersion."""

    beta: Vector
    sd: float
    alpha: float


def fit_empty_periods(design: Design, family: FamilyName, nothing: float, start: EmptyPeriodStart) -> EmptyPeriodRates:
    """Maximise the marginal likelihood with the share of empty periods held at what is given.

    Parameters
    ----------
    design : Design
        With one random term, an intercept per provider.
    family : {"poisson", "nb2"}
    nothing : float
        In [0, 1).
    start : EmptyPeriodStart

    Returns
    -------
    EmptyPeriodRates
        Of which the certificate may have failed.
    """
    problem = _make_problem(design, family, nothing)
    begin = np.r_[problem.triangle @ start.beta, np.log(max(start.sd, 0.05))]
    if family != "poisson":
        begin = np.r_[begin, np.log(max(start.alpha, 0.01))]
    lower, upper = _bounds(problem)
    found = minimize(
        problem.descent,
        np.clip(begin, lower, upper),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)),
        options={"maxiter": 300, "ftol": 1e-13, "gtol": 1e-6},
    )
    theta, certificate = _finish(problem, np.asarray(found.x), lower, upper)
    beta, model = problem.parameters(theta)
    return EmptyPeriodRates(
        formula=design.formula.text,
        family=family,
        design=design,
        params=pd.Series(beta, index=list(design.names)),
        random_sd={"provider": model.sd},
        dispersion=model.alpha,
        nothing=nothing,
        loglik=problem.value(theta)[0],
        certificate=certificate,
    )


@dataclass(frozen=True, slots=True)
class _Problem:
    """Rows sorted by provider, over columns that are orthonormal up to the root of the number of rows."""

    family: FamilyName
    nothing: float
    Z: Matrix
    triangle: Matrix
    y: Vector
    offset: Vector
    case: Codes

    def parameters(self, theta: Vector) -> tuple[Vector, EffectModel]:
        k = self.Z.shape[1]
        alpha = float(np.exp(theta[k + 1])) if theta.size > k + 1 else 0.0
        beta: Vector = np.asarray(np.linalg.solve(self.triangle, theta[:k]), dtype=np.float64)
        return beta, EffectModel(self.family, alpha, float(np.exp(theta[k])), self.nothing)

    def value(self, theta: Vector) -> tuple[float, Vector]:
        """Log likelihood and its gradient."""
        k = self.Z.shape[1]
        _beta, model = self.parameters(theta)
        rows = ProviderRows(self.y, self.offset + self.Z @ theta[:k], self.case, int(self.case[-1]) + 1)
        places = node_places(rows, model)
        block = max(1, BLOCK // max(rows.y.size, 1))
        starts = range(0, NODES, block)
        heights: Matrix = np.concatenate([log_integrands(rows, model, 0.0, places[s : s + block]) for s in starts])
        top = heights.max(axis=0)
        shares: Matrix = np.exp(heights - top)
        total = shares.sum(axis=0)
        shares /= total
        width = (places[-1] - places[0]) / (NODES - 1)
        loglik = float(np.sum(top + np.log(total * width) - 0.5 * np.log(2.0 * np.pi)))
        slopes = [_slopes(rows, model, places[s : s + block], shares[s : s + block]) for s in starts]
        d_eta, d_sd, d_alpha = (np.sum(parts, axis=0) for parts in zip(*slopes, strict=True))
        constant, constant_alpha = _constants(self.y, model)
        gradient = np.r_[self.Z.T @ d_eta, model.sd * np.sum(d_sd)]
        if theta.size > k + 1:
            gradient = np.r_[gradient, model.alpha * (np.sum(d_alpha) + constant_alpha)]
        return loglik + constant, gradient

    def descent(self, theta: Vector) -> tuple[float, Vector]:
        """Both with the other sign, for a search for the minimum."""
        loglik, gradient = self.value(theta)
        return -loglik, -gradient


def _make_problem(design: Design, family: FamilyName, nothing: float) -> _Problem:
    codes = design.random[0].codes
    order = np.argsort(codes, kind="stable")
    _, case = np.unique(codes[order], return_inverse=True)
    orthonormal, triangle = np.linalg.qr(design.X)
    root = np.sqrt(design.y.size)
    return _Problem(
        family,
        nothing,
        orthonormal[order] * root,
        triangle / root,
        design.y[order],
        (design.log_exposure + design.offset)[order],
        case.astype(np.intp),
    )


def _bounds(problem: _Problem) -> tuple[Vector, Vector]:
    ends = [(-np.inf, np.inf)] * problem.Z.shape[1] + [LOG_SD] + [LOG_ALPHA] * (problem.family != "poisson")
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def _slopes(rows: ProviderRows, model: EffectModel, u: Matrix, shares: Matrix) -> tuple[Vector, Vector, Vector]:
    """Sums over some nodes of each row's slopes to eta, sd and alpha, weighted by the nodes' shares, (n,) each."""
    at, weight = u[:, rows.case], shares[:, rows.case]
    eta = np.minimum(rows.eta + model.sd * at, HIGHEST_ETA)
    mu = np.exp(eta)
    log_zero, slope, bend = _family_slopes(rows.y, mu, model.alpha)
    if model.nothing > 0.0:
        # the share of a zero that is a count and not an empty period
        counted = 1.0 / (1.0 + model.nothing / (1.0 - model.nothing) * np.exp(np.minimum(-log_zero, 700.0)))
        weight = weight * np.where(rows.y > 0.0, 1.0, counted)
    return (weight * slope).sum(axis=0), (weight * slope * at).sum(axis=0), (weight * bend).sum(axis=0)


def _family_slopes(y: Vector, mu: Matrix, alpha: float) -> tuple[Matrix, Matrix, Matrix]:
    """Log density of a 0, and the slopes of log f to eta and of its part with the mean to alpha."""
    if alpha == 0.0:
        return -mu, y - mu, np.zeros_like(mu)
    spread = 1.0 + alpha * mu
    log_spread = np.log1p(alpha * mu)
    return (
        -log_spread / alpha,
        (y - mu) / spread,
        log_spread / alpha**2 - (y + 1.0 / alpha) * mu / spread,
    )


def _constants(y: Vector, model: EffectModel) -> tuple[float, float]:
    """What the counts above 0 have without the mean, and its slope to alpha."""
    above = y[y > 0.0]
    constant = float(above.size * np.log1p(-model.nothing) - gammaln(above + 1.0).sum())
    if model.alpha == 0.0:
        return constant, 0.0
    size = 1.0 / model.alpha
    constant += float(np.sum(gammaln(above + size) - gammaln(size) + above * np.log(model.alpha)))
    return constant, float(np.sum(above / model.alpha - (digamma(above + size) - digamma(size)) * size**2))


def _finish(problem: _Problem, theta: Vector, lower: Vector, upper: Vector) -> tuple[Vector, Certificate]:
    """Newton steps on the parameters inside their range, and what is left at their end."""
    for step_number in range(NEWTON_STEPS + 1):
        value, gradient = problem.value(theta)
        # at an end with a slope that leads further out there is no better place inside
        fixed = ((theta <= lower + 1e-9) & (gradient < 0.0)) | ((theta >= upper - 1e-9) & (gradient > 0.0))
        free = np.flatnonzero(~fixed)
        information = _information(problem, theta, free)
        smallest = _smallest_eigenvalue(information)
        if smallest <= MIN_EIGENVALUE:
            left = np.inf
            break
        step = np.linalg.solve(information, gradient[free])
        left = float(gradient[free] @ step)
        if left <= MAX_SCALED_GRADIENT / 100.0 or step_number == NEWTON_STEPS:
            break
        moved = theta.copy()
        moved[free] = np.clip(theta[free] + step, lower[free], upper[free])
        if problem.value(moved)[0] < value - 1e-9 * abs(value):
            break
        theta = moved
    names = ("sd provider", "dispersion")[: theta.size - problem.Z.shape[1]]
    ends = tuple(name for name, at_end in zip(names, fixed[problem.Z.shape[1] :], strict=True) if at_end)
    checks = (
        ("scaled gradient", left, MAX_SCALED_GRADIENT, left <= MAX_SCALED_GRADIENT),
        ("smallest eigenvalue", smallest, MIN_EIGENVALUE, smallest > MIN_EIGENVALUE),
    )
    return theta, Certificate(all(check[-1] for check in checks), ends, left, smallest, None, checks)


def _information(problem: _Problem, theta: Vector, free: Codes) -> Matrix:
    """Minus the second derivatives to the free parameters, by central differences of gradients."""
    columns = []
    for place in free:
        step = np.zeros(theta.size)
        step[place] = DIFFERENCE
        ahead, behind = problem.value(theta + step)[1], problem.value(theta - step)[1]
        columns.append((behind - ahead)[free] / (2.0 * DIFFERENCE))
    information: Matrix = np.array(columns)
    return 0.5 * (information + information.T)


def _smallest_eigenvalue(information: Matrix) -> float:
    """Of the information scaled to unit diagonal."""
    size = np.diag(information)
    if not np.all(size > 0.0):
        return -np.inf
    root = np.sqrt(size)
    return float(np.linalg.eigvalsh(information / np.outer(root, root))[0])
