"""Draws of events that happened and were not registered, row by row, given what was registered."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.numerics.thinned.capture import capture
from dwangstats.numerics.thinned.problem import LinkedRows

MOST_EVENTS = 1e15
"""Largest mean that is drawn from; beyond it counts lose their last digits in a float."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Probabilities that decide how many events nobody saw.

    Attributes
    ----------
    seen : (d, n) array
        Probability that an event was seen: registered, or for linked rows in at least one of two registers.
    unseen : (d, n) array
        1 - seen, without cancellation.
    count : (n,) array
        Events that were seen.
    known : (n,) array
        Events that were seen and not registered: those of the other register alone.
    """

    seen: Matrix
    unseen: Matrix
    count: Vector
    known: Vector


def missed_rows(p: Matrix, y: Vector, linked: LinkedRows | None, gamma: Matrix) -> Missed:
    """What was seen in each row.

    Parameters
    ----------
    p : (d, n) array
        Completeness of each row in each draw.
    y : (n,) array
        Registered counts.
    linked : LinkedRows or None
    gamma : (d, m2) array
        Coefficients of the other register in each draw.

    Returns
    -------
    Missed
    """
    seen, unseen, count, known = p.copy(), 1.0 - p, y.copy(), np.zeros(y.size)
    if linked is not None and linked.row.size:
        other = expit(gamma @ linked.W2.T)
        both = _either(p[:, linked.row], other, linked.odds_ratio)
        seen[:, linked.row], unseen[:, linked.row] = both, 1.0 - both
        count[linked.row] += linked.other_only
        known[linked.row] = linked.other_only
    return Missed(seen, unseen, count, known)


def draw_unregistered(
    family: FamilyName, log_mean: Matrix, missed: Missed, dispersion: Matrix, rng: np.random.Generator
) -> Matrix:
    """Draw the unregistered events of each row, (d, n).

    With N the events, mean m, and q the probability of being seen, N - seen given the seen count T is Poisson with mean
    m (1 - q) for the Poisson family; for the negative binomials it is negative binomial with size s + T and mean
    (s + T) m (1 - q) / (s + m q), s = 1 / alpha for nb2 and m / alpha for nb1 (a gamma mixture of Poissons, updated by
    T). Events that another register alone holds are known and added.

    Parameters
    ----------
    family : {"poisson", "nb2", "nb1"}
    log_mean : (d, n) array
        Log of m.
    missed : Missed
    dispersion : (d, 1) array
        Alpha >= 0 of each draw; 0 is Poisson.
    rng : numpy.random.Generator

    Returns
    -------
    (d, n) array
    """
    mean = np.exp(np.minimum(log_mean, np.log(MOST_EVENTS)))
    rate = mean * missed.unseen
    if family != "poisson":
        rate *= _mixing(family, mean, missed, dispersion, rng)
    return rng.poisson(np.minimum(rate, MOST_EVENTS)) + missed.known


def expected_unregistered(family: FamilyName, log_mean: Matrix, missed: Missed, dispersion: Matrix) -> Matrix:
    """Means of the laws of `draw_unregistered`, (d, n); parameters as there."""
    mean = np.exp(np.minimum(log_mean, np.log(MOST_EVENTS)))
    rate = mean * missed.unseen
    if family != "poisson":
        inverse = _inverse_size(family, mean, dispersion)
        rate *= (1.0 + inverse * missed.count) / (1.0 + inverse * mean * missed.seen)
    return rate + missed.known


def _mixing(family: FamilyName, mean: Matrix, missed: Missed, dispersion: Matrix, rng: np.random.Generator) -> Matrix:
    """Gamma multiplier of the mean given what was seen: shape s + T, rate s + m q; 1 where the size is infinite."""
    inverse = np.broadcast_to(_inverse_size(family, mean, dispersion), mean.shape)
    shape = np.where(inverse > 0.0, 1.0 / np.where(inverse > 0.0, inverse, 1.0), 0.0)
    drawn = rng.standard_gamma(shape + missed.count)
    return np.where(inverse > 0.0, drawn * inverse / (1.0 + inverse * mean * missed.seen), 1.0)


def _inverse_size(family: FamilyName, mean: Matrix, dispersion: Matrix) -> Matrix:
    return dispersion if family == "nb2" else dispersion / np.maximum(mean, 1.0 / MOST_EVENTS)


def _either(p: Matrix, other: Matrix, odds_ratio: float) -> Matrix:
    """Probability of standing in at least one of two registers."""
    nothing = np.zeros(p.size)
    first = _logit(p.ravel())
    found = capture(first[:, None], _logit(other.ravel()), nothing, nothing, nothing, odds_ratio)
    return np.exp(found.log_seen).reshape(p.shape)


def _logit(p: Vector) -> Vector:
    """Logit; infinite at 0 and 1, which `capture` cuts off."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)
