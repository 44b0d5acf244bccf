"""Log probability that a count lies in an interval, and its derivatives to eta = log(mean), row by row.

For counts known only as lower <= Y <= upper: rounded to multiples, suppressed below a threshold, top-coded (upper =
inf). Families, eta and alpha are those of `dwangstats.numerics.families`; kappa is alpha (NB2) or alpha / mean (NB1).

A row takes one of four ways, L and U being the probabilities of the two sides outside the interval:

1. lower == upper: the log density itself.
2. L + U < 1/2: log1p(-(L + U)). The complement is computed, so that probabilities next to 1 keep their digits.
3. Sums over the members, from the most probable one outwards until the rest is below exp(-45) of the sum. With s the
   score of a member, d_eta = E[s] and d2_eta = E[d2_eta] + Var[s] over the members.
4. Poisson and NB2: an incomplete gamma or beta function for intervals without an upper end, and a difference of two, of
   the nearer tail, over more than `NARROW` counts with a variance above 10^4. Where digits cancel or underflow, way 3.

Ways 2 and 4 use, for Poisson and NB2, d P(Y <= b) / d eta = -(b + 1) f(b + 1), hence

    dP / d eta = a f(a) - (b + 1) f(b + 1)        with a = lower, b = upper.

NB1 has no such identity (its size moves with the mean): its complements are summed like way 3, also those of intervals
without an upper end that are not improbable, whose members are many. Nor has alpha, in any family: derivatives to it
are sums like way 3, with the members' own derivatives to alpha in place of those to eta.

Limits: a sum of more than `MOST_MEMBERS` members on one side of its start is refused with a DomainError. That concerns
NB1 with a standard deviation above about 3,000 and intervals wide against it, and Poisson and NB2 only below
probability 1e-290 or where the difference of way 4 cancels. Finite bounds go up to 2^53. For Poisson means above 10^5
the incomplete gamma function of scipy is wrong beyond 4.5 standard deviations (its series stops early): probabilities
below 1e-5 are summed there, and so are rows with a side below 1e-5 up to means of 10^7. Beyond that such a side has few
digits, an absolute error of at most 1e-5 in the probability. NB2 with alpha < 1e-7 is summed.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.special import betainc, betaincc, gammainc, gammaincc

from dwangstats._types import Codes, FamilyName, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics import families
from dwangstats.numerics.families import HIGHEST_ETA

NARROW = 256
"""Intervals of at most so many counts are always summed."""

MOST_MEMBERS = 32_000
"""A sum needs at most so many members on either side of its start, or is refused."""

_LARGEST_BOUND = 2.0**53
_NEGLIGIBLE = 45.0
_CHUNK = 128
_SHOWN = 5
# Below this probability the incomplete functions are near underflow, and sums are short.
_SMALLEST_CLOSED = 1e-290
# Poisson means from the first on: tails below _DOUBTFUL are not left to gammainc; to the second, sums are short enough.
_GAMMA_DOUBTFUL, _GAMMA_SUMMABLE = 1e5, 1.01e7
_DOUBTFUL = 1e-5
# A difference of two tails may lose so much of the larger one.
_CANCELLATION = 0.02
# Below this variance sums are short, and closer than the boundary identity at small means.
_SHORT_SUMS = 1e4
# Tails of NB1 with s (its alpha) above this have over a thousand members that count.
_LONG_TAIL = 30.0
# Sums over one side keep ten digits of the other side down to this probability.
_FEW_LEFT = 1e-4
# Tails from this probability on lose at most two digits by sums over the other side.
_LIKELY_TAIL = 1e-2
# Two terms that are closer than this, against their size, are not subtracted.
_CLOSE = 0.01
# Beyond this size (1 / kappa) the incomplete beta function is not asked.
_LARGEST_SIZE = 1e7

_Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class IntervalDerivatives:
    """Log probability of each interval and its derivatives, each (n,).

    Attributes
    ----------
    loglik : log P(lower <= Y <= upper).
    d_eta, d2_eta : first and second derivative to eta = log(mean); the observed weight is -d2_eta.
    d_alpha, d_eta_alpha, d2_alpha : derivatives to the dispersion, of d_eta to it, and second; NaN if not asked for.
    """

    loglik: Vector
    d_eta: Vector
    d2_eta: Vector
    d_alpha: Vector
    d_eta_alpha: Vector
    d2_alpha: Vector


@dataclass(frozen=True, slots=True)
class _Rows:
    """Intervals with what all ways need; mu is the mean and s = kappa mu, each (n,); row is the caller's number."""

    family: FamilyName
    alpha: float
    lower: Vector
    upper: Vector
    eta: Vector
    mu: Vector
    s: Vector
    row: Codes

    def take(self, chosen: Codes) -> "_Rows":
        columns = (self.lower, self.upper, self.eta, self.mu, self.s)
        lower, upper, eta, mu, s = (column[chosen] for column in columns)
        return _Rows(self.family, self.alpha, lower, upper, eta, mu, s, self.row[chosen])

    def between(self, lower: Vector, upper: Vector) -> "_Rows":
        return _Rows(self.family, self.alpha, lower, upper, self.eta, self.mu, self.s, self.row)


_Triple: TypeAlias = tuple[Vector, Vector, Vector]
_Sums: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def interval_loglik(family: FamilyName, lower: Vector, upper: Vector, eta: Vector, alpha: float) -> Vector:
    """Log probability of each interval; parameters and errors as in `interval_derivatives`.

    Returns
    -------
    (n,) array
        Log P(lower <= Y <= upper), equal to `families.loglik` where lower == upper.
    """
    return interval_derivatives(family, lower, upper, eta, alpha).loglik


def interval_derivatives(
    family: FamilyName, lower: Vector, upper: Vector, eta: Vector, alpha: float, *, with_alpha: bool = False
) -> IntervalDerivatives:
    """Log probability of each interval and its first two derivatives to eta, and to alpha if asked for.

    Parameters
    ----------
    family : {"poisson", "nb2", "nb1"}
        alpha is not used for "poisson".
    lower, upper : (n,) arrays
        Least and greatest possible count, both included: integers, 0 <= lower <= upper; upper may be inf.
    eta : (n,) array
        Log means.
    alpha : float
        Dispersion, >= 0; 0 is Poisson exactly.
    with_alpha : bool
        Give the derivatives to alpha as well; zeros for "poisson", limits at alpha = 0.

    Returns
    -------
    IntervalDerivatives

    Raises
    ------
    DomainError
        A bound is negative, not an integer or above 2^53, lower exceeds upper, alpha is negative or not a number, the
        family is unknown, or a sum would need more than `MOST_MEMBERS` members (see the module's limits).
    """
    lower, upper, eta = (np.asarray(v, dtype=np.float64) for v in (lower, upper, eta))
    _check_bounds(lower, upper)
    families.variance(family, np.empty(0), alpha)
    asked = family
    if family == "poisson" or alpha < np.finfo(np.float64).tiny:
        family, alpha = "poisson", 0.0
    mu = np.exp(np.minimum(eta, HIGHEST_ETA))
    s = alpha * mu if family == "nb2" else np.full_like(mu, alpha)
    rows = _Rows(family, alpha, lower, upper, eta, mu, s, np.arange(lower.size))
    out = np.full((6, lower.size), np.nan)

    exact = lower == upper
    left, right = _outside(rows)
    likely = ~exact & (left + right < 0.5)
    endless = np.isinf(upper) & ~exact & ~likely
    dispersed = mu * (1.0 + s) > _SHORT_SUMS
    wide = endless | (~exact & ~likely & (upper - lower >= NARROW) & dispersed)
    probability = _difference(rows, left, right, wide & (family != "nb1"))
    _drop_cancelling(rows, probability, endless & ~dispersed)
    closed = ~np.isnan(probability)
    turned = endless & (family == "nb1") & (left < 1.0 - _LIKELY_TAIL) & (lower < _NEGLIGIBLE * (1.0 + s))
    summed = ~exact & ~likely & ~closed & ~turned

    by_sums = likely & (family == "nb1" or (family == "nb2" and alpha * _LARGEST_SIZE < 1.0))
    if family == "poisson":
        by_sums |= likely & _doubtful(mu, left, right)
    # Few members beside a tail that is long, or not so small that it carries digits of its own.
    few = by_sums & (upper - lower < NARROW) & ((s > _LONG_TAIL) | (left + right > _FEW_LEFT))
    for mask, way in ((exact, _exact), (summed | few, _summed), ((by_sums & ~few) | turned, _complement_summed)):
        chosen = np.flatnonzero(mask)
        if chosen.size:
            out[:3, chosen] = way(rows.take(chosen), False)
    chosen = np.flatnonzero(likely & ~by_sums)
    if chosen.size:
        value = np.log1p(-(left[chosen] + right[chosen]))
        out[:3, chosen] = _by_boundaries(rows.take(chosen), value)
    chosen = np.flatnonzero(closed)
    if chosen.size:
        out[:3, chosen] = _by_boundaries(rows.take(chosen), np.log(probability[chosen]))
    if with_alpha:
        _set_dispersion(out, replace(rows, family=asked), left + right)
    return IntervalDerivatives(*out)


def _set_dispersion(out: _Sums, rows: _Rows, outside: Vector) -> None:
    """Fill in the derivatives to alpha, by sums over the counts outside only where those inside are too many."""
    if rows.family == "poisson":
        out[3:] = 0.0
        return
    exact = rows.lower == rows.upper
    inside = ~exact & ((rows.upper - rows.lower < MOST_MEMBERS) | (outside > 1.0 - _FEW_LEFT))
    for mask, way in ((exact, _exact), (inside, _summed), (~exact & ~inside, _complement_summed)):
        chosen = np.flatnonzero(mask)
        if chosen.size:
            out[3:, chosen] = way(rows.take(chosen), True)[3:]


def _check_bounds(lower: Vector, upper: Vector) -> None:
    whole_lower = np.floor(lower) == lower
    whole_upper = np.floor(upper) == upper
    finite = np.where(np.isposinf(upper), 0.0, upper)
    for bad, text in (
        (~((lower >= 0.0) & (upper >= 0.0)), "are negative or not a number"),
        (~(whole_lower & whole_upper) | np.isinf(lower), "are not integers (only upper may be inf)"),
        ((lower > _LARGEST_BOUND) | (finite > _LARGEST_BOUND), "exceed 2^53"),
        (lower > upper, "have lower > upper"),
    ):
        if bad.any():
            raise DomainError(f"interval bounds {text} in {_name_rows(np.flatnonzero(bad))}")


def _name_rows(rows: Codes) -> str:
    shown = ", ".join(str(int(row)) for row in rows[:_SHOWN])
    more = f" and {rows.size - _SHOWN} more" if rows.size > _SHOWN else ""
    return f"rows {shown}{more} (counted from 0)"


# ---- incomplete functions and boundary densities --------------------------------------------------------------------


def _tails(rows: _Rows, b: Vector) -> tuple[Vector, Vector]:
    """P(Y <= b) and P(Y > b), each computed for itself; b >= 0 may be inf."""
    last = np.isinf(b)
    k = np.where(last, 0.0, b) + 1.0
    with np.errstate(all="ignore"):
        low, high = gammaincc(k, rows.mu), gammainc(k, rows.mu)
        if rows.family != "poisson":
            size = rows.mu / rows.s
            q = rows.s / (1.0 + rows.s)
            usable = (size <= _LARGEST_SIZE) & (size > 0.0)
            size = np.where(usable, size, 1.0)
            low = np.where(usable, betaincc(k, size, q), low)
            high = np.where(usable, betainc(k, size, q), high)
    return np.where(last, 1.0, low), np.where(last, 0.0, high)


def _outside(rows: _Rows) -> tuple[Vector, Vector]:
    """P(Y < lower) and P(Y > upper)."""
    below = _tails(rows, np.maximum(rows.lower - 1.0, 0.0))[0]
    return np.where(rows.lower > 0.0, below, 0.0), _tails(rows, rows.upper)[1]


def _doubtful(mu: Vector, left: Vector, right: Vector) -> _Mask:
    """Poisson rows with a tail that gammainc may have wrong and a sum can replace."""
    small = ((left > 0.0) & (left < _DOUBTFUL)) | ((right > 0.0) & (right < _DOUBTFUL))
    doubtful: _Mask = (mu > _GAMMA_DOUBTFUL) & (mu <= _GAMMA_SUMMABLE) & small
    return doubtful


def _difference(rows: _Rows, left: Vector, right: Vector, mask: _Mask) -> Vector:
    """P(lower <= Y <= upper) as the difference of the nearer tail; NaN outside the mask and where digits are lost."""
    result = np.full(left.size, np.nan)
    chosen = np.flatnonzero(mask)
    if chosen.size == 0:
        return result
    part = rows.take(chosen)
    from_above = _tails(part, np.maximum(part.lower - 1.0, 0.0))[1]
    from_above = np.where(part.lower > 0.0, from_above, 1.0)
    from_below = _tails(part, part.upper)[0]
    # The tail beyond the nearer bound is the smaller minuend.
    upper_tail = from_above <= from_below
    minuend = np.where(upper_tail, from_above, from_below)
    value = minuend - np.where(upper_tail, right[chosen], left[chosen])
    good = (value > _CANCELLATION * minuend) & (value > _SMALLEST_CLOSED)
    if part.family == "poisson":
        good &= (part.mu < _GAMMA_DOUBTFUL) | (value > _DOUBTFUL)
        good &= ~_doubtful(part.mu, left[chosen], right[chosen])
    if part.family == "nb2":
        good &= rows.alpha * _LARGEST_SIZE >= 1.0
    result[chosen[good]] = value[good]
    return result


def _drop_cancelling(rows: _Rows, probability: Vector, mask: _Mask) -> None:
    """Make NaN the probabilities of open upper ends whose second derivative would cancel; their sums are short."""
    chosen = np.flatnonzero(mask & ~np.isnan(probability))
    if chosen.size:
        part = rows.take(chosen)
        score = families.eta_derivatives(rows.family, part.lower, part.eta, rows.alpha)[0]
        log_density = families.loglik(rows.family, part.lower, part.eta, rows.alpha)
        first = np.exp(np.log(part.lower) + log_density - np.log(probability[chosen]))
        probability[chosen[np.abs(score - first) < _CLOSE * (np.abs(score) + first)]] = np.nan


def _by_boundaries(rows: _Rows, value: Vector) -> _Triple:
    """Derivatives of a known log probability, Poisson and NB2."""
    first, second = np.zeros_like(value), np.zeros_like(value)
    open_end = np.isinf(rows.upper)
    for bound, used, sign in (
        (rows.lower, rows.lower > 0.0, 1.0),
        (np.where(open_end, 0.0, rows.upper) + 1.0, ~open_end, -1.0),
    ):
        chosen = np.flatnonzero(used)
        if chosen.size:
            y, eta = bound[chosen], rows.eta[chosen]
            score = families.eta_derivatives(rows.family, y, eta, rows.alpha)[0]
            log_density = families.loglik(rows.family, y, eta, rows.alpha)
            mass = sign * np.exp(np.log(y) + log_density - value[chosen])
            first[chosen] += mass
            second[chosen] += np.where(mass == 0.0, 0.0, mass * score)
    return value, first, second - first * first


# ---- sums over members ----------------------------------------------------------------------------------------------


def _exact(rows: _Rows, with_alpha: bool) -> _Sums:
    value = families.derivatives(rows.family, rows.lower, rows.eta, rows.alpha, order=2)
    found = [value.loglik, value.d_eta, value.d2_eta]
    return np.stack([*found, value.d_alpha, value.d_eta_alpha, value.d2_alpha] if with_alpha else found)


def _summed(rows: _Rows, with_alpha: bool) -> _Sums:
    start = np.clip(np.floor(np.maximum(rows.mu - rows.s, 0.0)), rows.lower, rows.upper)
    reference = _scores(rows, start, rows.eta, with_alpha)[0]
    # Rows: sums of w, w e, w (e' + e^2) and, with alpha, w a, w (e'a + e a), w (a' + a^2). w is the weight of a member,
    # e and a its scores less those of the first one, primes are derivatives.
    top = families.loglik(rows.family, start, rows.eta, rows.alpha)
    sums = np.zeros((6 if with_alpha else 3, start.size))
    for step, first in ((1.0, start), (-1.0, start - 1.0)):
        room = rows.upper - first if step > 0.0 else first - rows.lower
        active, done = np.flatnonzero(room >= 0.0), 0
        while active.size:
            if done >= MOST_MEMBERS:
                raise DomainError(
                    f"the interval of a {rows.family} count needs a sum of more than {MOST_MEMBERS} members in "
                    f"{_name_rows(rows.row[active])}; its standard deviation is too large"
                )
            # The first chunk of narrow intervals is no longer than they are.
            length = int(min(_CHUNK * (1 + done // _CHUNK), room[active].max() - done + 1.0, MOST_MEMBERS - done))
            last = _add_members(rows, (active, first, step, room), (done, length), (top, reference), sums)
            done += length
            rest = _log_rest(rows.take(active), first[active] + step * (done - 1.0), last, step)
            with np.errstate(divide="ignore"):
                enough = rest - top[active] < np.log(sums[0, active]) - _NEGLIGIBLE
            active = active[(room[active] >= done) & ~enough]
    moments = sums[1:] / sums[0]
    found = [top + np.log(sums[0]), reference[0] + moments[0], moments[1] - moments[0] * moments[0]]
    if with_alpha:
        mean, cross, square = moments[2:]
        found += [reference[1] + mean, cross - moments[0] * mean, square - mean * mean]
    return np.stack(found)


def _add_members(
    rows: _Rows,
    walk: tuple[Codes, Vector, float, Vector],
    chunk: tuple[int, int],
    origin: tuple[Vector, _Sums],
    sums: _Sums,
) -> Vector:
    """Add members number chunk[0] .. of each active row to its sums; the log density of the last, (active,)."""
    active, first, step, room = walk
    done, length = chunk
    top, reference = origin
    last = np.empty(active.size)
    per_block = max(1, 2_000_000 // length)
    number = done + np.arange(float(length))
    for begin in range(0, active.size, per_block):
        part = active[begin : begin + per_block]
        inside = number <= room[part, None]
        members = first[part, None] + step * np.minimum(number, room[part, None])
        y, eta = members.ravel(), np.repeat(rows.eta[part], length)
        log_density = families.loglik(rows.family, y, eta, rows.alpha).reshape(members.shape)
        weight = np.where(inside, np.exp(log_density - top[part, None]), 0.0)
        scores, second = (values.reshape(-1, *members.shape) for values in _scores(rows, y, eta, sums.shape[0] > 3))
        shifted = scores - reference[:, part, None]
        sums[0, part] += weight.sum(axis=1)
        sums[1, part] += (weight * shifted[0]).sum(axis=1)
        sums[2, part] += (weight * (second[0] + shifted[0] * shifted[0])).sum(axis=1)
        if sums.shape[0] > 3:
            sums[3, part] += (weight * shifted[1]).sum(axis=1)
            sums[4, part] += (weight * (second[1] + shifted[0] * shifted[1])).sum(axis=1)
            sums[5, part] += (weight * (second[2] + shifted[1] * shifted[1])).sum(axis=1)
        last[begin : begin + per_block] = log_density[:, -1]
    return last


def _scores(rows: _Rows, y: Vector, eta: Vector, with_alpha: bool) -> tuple[_Sums, _Sums]:
    """Scores to eta (and alpha), and derivatives of these: eta eta (eta alpha, alpha alpha)."""
    if not with_alpha:
        d_eta, d2_eta, _ = families.eta_derivatives(rows.family, y, eta, rows.alpha)
        return d_eta[None], d2_eta[None]
    at = families.derivatives(rows.family, y, eta, rows.alpha, order=2, with_loglik=False)
    return np.stack((at.d_eta, at.d_alpha)), np.stack((at.d2_eta, at.d_eta_alpha, at.d2_alpha))


def _log_rest(rows: _Rows, y: Vector, log_density: Vector, step: float) -> Vector:
    """Upper bound of the log of all densities beyond y, by a geometric series; inf where it has no bound yet."""
    with np.errstate(all="ignore"):
        if step > 0.0:
            ratio = np.maximum((rows.mu + rows.s * y) / ((1.0 + rows.s) * (y + 1.0)), rows.s / (1.0 + rows.s))
        else:
            ratio = np.maximum(y, 0.0) * (1.0 + rows.s) / (rows.mu + rows.s * (y - 1.0))
        bound = log_density + np.log(ratio) - np.log1p(-ratio)
    return np.where((ratio >= 0.0) & (ratio < 1.0), bound, np.inf)


def _complement_summed(rows: _Rows, with_alpha: bool) -> _Sums:
    """Rows whose probability is above 1/2 (with alpha: not tiny), from sums over the counts outside."""
    outside = np.zeros((6 if with_alpha else 3, rows.eta.size))
    for used, lower, upper in (
        (rows.lower > 0.0, np.zeros_like(rows.lower), rows.lower - 1.0),
        (np.isfinite(rows.upper), rows.upper + 1.0, np.full_like(rows.upper, np.inf)),
    ):
        chosen = np.flatnonzero(used)
        if chosen.size:
            found = _summed(rows.between(lower, upper).take(chosen), with_alpha)
            mass, first = np.exp(found[0]), found[1]
            moments = [np.ones_like(mass), first, found[2] + first * first]
            if with_alpha:
                moments += [found[3], found[4] + first * found[3], found[5] + found[3] * found[3]]
            outside[:, chosen] += np.where(mass > 0.0, mass * np.stack(moments), 0.0)
    # Derivatives of the probability inside over that probability.
    change = -outside[1:] / (1.0 - outside[0])
    result = [np.log1p(-outside[0]), change[0], change[1] - change[0] * change[0]]
    if with_alpha:
        result += [change[2], change[3] - change[0] * change[2], change[4] - change[2] * change[2]]
    return np.stack(result)
