"""Integrals over one provider's effect, on the log scale, for any choice of its rows.

For row i with log mean eta_i + sd u and u standard normal the integral over a set A of rows is

    I(A) = integral of prod_{i in A} f(y_i | eta_i + sd u) phi(u) du.

log I(A and B) - log I(B) is then the log probability of the counts in A given those in B, the effect integrated out.
Factors of f without the mean are left out: a count of 0 has none, and those of B cancel.

For Poisson and NB2 the log integrand is strictly concave in u, so it has one mode and a sure place for the nodes:
trapezoids between the points where it has fallen by `FALL`, which converge geometrically for such integrands
(Trefethen and Weideman 2014, SIAM Review 56, 385-458). Nothing underflows: a log probability of -1e6 is as exact as one
of -1. Where a provider may have nothing to register whatever its effect, a zero has the probability
nothing + (1 - nothing) f(0), and the integrand may have several modes. It is then at most that of the counts above zero
alone, which is concave, and at the mode of that one not much less.
"""

from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.numerics.families import eta_derivatives

NODES = 257
"""Trapezoids: exact to about 1e-10 for standard deviations up to 3, see the tests."""

FALL = 40.0
"""What lies where the log integrand is this much below its top is less than 1e-16 of the integral."""

HIGHEST_ETA = 230.0
"""Log means are held here, far beyond anything that counts, so that nothing overflows."""

LONGEST_STEP = 3.0
"""Largest change of a log mean in one Newton step."""

STEPS = 200
BISECTIONS = 24
BLOCK = 1_000_000


@dataclass(frozen=True, slots=True)
class ProviderRows:
    """Rows whose mean shares one effect per case; a row may stand in several cases.

    Attributes
    ----------
    y : (m,) array
        Counts.
    eta : (m,) array
        Log means at an effect of 0.
    case : (m,) array
        Case of each row, 0 .. cases - 1, not decreasing.
    cases : int
        Number of cases; one without rows has an integral of 1.
    """

    y: Vector
    eta: Vector
    case: Codes
    cases: int


@dataclass(frozen=True, slots=True)
class EffectModel:
    """Distribution of a count given its provider's effect, and of the effect.

    Attributes
    ----------
    family : {"poisson", "nb2"}
    alpha : float
        Dispersion, >= 0; variance mu + alpha mu^2. Poisson has 0.
    sd : float
        Standard deviation of the effects on the log scale, >= 0.
    nothing : float
        Probability, in [0, 1), that there is nothing to register whatever the mean.
    """

    family: FamilyName
    alpha: float
    sd: float
    nothing: float = 0.0


def log_integrals(rows: ProviderRows, model: EffectModel, tilt: float = 0.0) -> Vector:
    """Log of the integral of each case, without the factors of the counts that do not have the mean.

    Parameters
    ----------
    rows : ProviderRows
    model : EffectModel
    tilt : float
        Power of exp(sd u) that the integrand is multiplied with; 1 gives the numerator of its expectation.

    Returns
    -------
    (cases,) array
    """
    places = node_places(rows, model, tilt)
    width = (places[-1] - places[0]) / (NODES - 1)
    block = max(1, BLOCK // max(rows.y.size, 1))
    heights: Matrix = np.concatenate(
        [log_integrands(rows, model, tilt, places[start : start + block]) for start in range(0, NODES, block)]
    )
    top = heights.max(axis=0)
    total = np.exp(heights - top).sum(axis=0) * width
    return np.asarray(top + np.log(total) - 0.5 * np.log(2.0 * np.pi))


def node_places(rows: ProviderRows, model: EffectModel, tilt: float = 0.0, further: Vector | None = None) -> Matrix:
    """Nodes of each case, equally far apart, beyond which nothing is left of its integral.

    Parameters
    ----------
    rows : ProviderRows
    model : EffectModel
    tilt : float
        As in `log_integrals`.
    further : (cases,) array, optional
        How much further than `FALL` the log integrand has to fall, for an integrand that lies so much lower.

    Returns
    -------
    (NODES, cases) array
    """
    concave, plain = rows, replace(model, nothing=0.0)
    fall = np.full(rows.cases, FALL) if further is None else FALL + further
    if model.nothing > 0.0:
        above = rows.y > 0.0
        concave = ProviderRows(rows.y[above], rows.eta[above], rows.case[above], rows.cases)
    top = _modes(concave, plain, tilt)
    height = log_integrands(concave, plain, tilt, top[None])[0]
    if model.nothing > 0.0:
        fall = fall + height - log_integrands(rows, model, tilt, top[None])[0]
    left, right = (_fallen(concave, plain, tilt, top, height - fall, side) for side in (-1.0, 1.0))
    return np.asarray(left + (right - left) * np.linspace(0.0, 1.0, NODES)[:, None])


def log_integrands(rows: ProviderRows, model: EffectModel, tilt: float, u: Matrix) -> Matrix:
    """Log integrands of the cases at effects u, without the constant of the normal density; both (nodes, cases)."""
    eta = np.minimum(rows.eta + model.sd * u[:, rows.case], HIGHEST_ETA)
    if model.alpha == 0.0:
        values = rows.y * eta - np.exp(eta)
    else:
        values = rows.y * eta - (rows.y + 1.0 / model.alpha) * np.log1p(model.alpha * np.exp(eta))
    if model.nothing > 0.0:
        mixed = np.logaddexp(np.log(model.nothing), np.log1p(-model.nothing) + values)
        values = np.where(rows.y > 0.0, values, mixed)
    heights: Matrix = tilt * model.sd * u - 0.5 * u**2
    if rows.case.size:
        first = np.flatnonzero(np.diff(rows.case, prepend=-1))
        heights[:, rows.case[first]] += np.add.reduceat(values, first, axis=1)
    return heights


def _modes(rows: ProviderRows, model: EffectModel, tilt: float) -> Vector:
    """Top of each log integrand by Newton steps that no log mean follows further than `LONGEST_STEP`."""
    u = np.zeros(rows.cases)
    limit = LONGEST_STEP / model.sd if model.sd > 0.0 else np.inf
    for _ in range(STEPS):
        first, second, _third = eta_derivatives(model.family, rows.y, rows.eta + model.sd * u[rows.case], model.alpha)
        slope = model.sd * (np.bincount(rows.case, weights=first, minlength=rows.cases) + tilt) - u
        bend = 1.0 - model.sd**2 * np.bincount(rows.case, weights=second, minlength=rows.cases)
        step = np.clip(slope / bend, -limit, limit)
        u = u + step
        # the nodes need the mode to a fraction of the width only
        if bool(np.all(step**2 * bend < 1e-6)):
            break
    return u


def _fallen(rows: ProviderRows, model: EffectModel, tilt: float, top: Vector, height: Vector, side: float) -> Vector:
    """Places on one side of the modes where the concave log integrands are no higher than ``height`` (cases,)."""
    drop = log_integrands(rows, model, tilt, top[None])[0] - height
    # the normal density alone has fallen that much at this distance from any mode
    near, far = np.zeros(rows.cases), np.sqrt(2.0 * drop) + 0.1
    for _ in range(BISECTIONS):
        middle = 0.5 * (near + far)
        fallen = log_integrands(rows, model, tilt, (top + side * middle)[None])[0] <= height
        near, far = np.where(fallen, near, middle), np.where(fallen, middle, far)
    return np.asarray(top + side * far)
