"""Which stretches of time stand out at one provider: signed roots, a spread learnt from the register, q-values.

Nothing here knows tables. A stretch is compared with the rest of the same provider's own time, after what all
providers have in common was taken out, so that neither a large provider nor a good year of everybody stands out.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import xlogy
from scipy.stats import chi2, false_discovery_control, t

from dwangstats._types import Matrix, Vector

#: fewer registrations than this are expected in too short a stretch to say anything.
LEAST_EXPECTED: Final = 5.0
#: with fewer providers there are no "others" whose common movement, and whose spread, could be known.
LEAST_PROVIDERS: Final = 5
#: known periods that are needed inside and outside a stretch.
LEAST_PERIODS: Final = 2
#: with fewer tests the spread that is usual in this register cannot be known, and nothing is tested.
LEAST_TESTS: Final = 10
#: with fewer providers phi cannot be told from real change, and is one.
ENOUGH_PROVIDERS: Final = 20
_MEDIAN_OF_SQUARE: Final = float(chi2.ppf(0.5, 1))


#: times that the components of real change are fitted, each with the differences between providers of the last one.
ROUNDS: Final = 3

Cube: TypeAlias = NDArray[np.float64]
"""Three-dimensional array of floats."""


@dataclass(frozen=True, slots=True, eq=False)
class Tests:
    """One test per provider and stretch, axes (P, W); not a number where there is too little to test.

    Attributes
    ----------
    ratio : (P, W) inside the stretch relative to outside it, and to the common movement.
    z : (P, W) Student's t when nothing is wrong.
    degrees : int
        Degrees of freedom of that t: providers with a test, less one.
    """

    ratio: Matrix
    z: Matrix
    degrees: int

    @property
    def p(self) -> Matrix:
        """Two-sided probabilities (P, W)."""
        return np.asarray(2.0 * t.sf(np.abs(self.z), max(self.degrees, 1)))

    @property
    def p_of_fall(self) -> Matrix:
        """One-sided probabilities (P, W): small where the ratio is."""
        return np.asarray(t.cdf(self.z, max(self.degrees, 1)))


def stretches(periods: int, per_year: int) -> NDArray[np.bool_]:
    """The stretches that are looked at, (W, T).

    Every run of half a year up to a year, and the time from every break on that has a year on both sides.

    Parameters
    ----------
    periods : int
        T, number of periods.
    per_year : int
        Periods in a year, even.
    """
    runs = [
        (first, first + length)
        for length in range(per_year // 2, per_year + 1)
        for first in range(periods - length + 1)
        if length < periods
    ]
    runs += [(first, periods) for first in range(per_year, periods - per_year + 1)]
    place = np.arange(periods)
    distinct = sorted(set(runs))
    return np.array([(place >= a) & (place < b) for a, b in distinct], dtype=np.bool_).reshape(len(distinct), periods)


def common_movement(counts: Matrix, exposure: Matrix, known: NDArray[np.bool_]) -> Vector:
    """Log rate that all providers have in common, by period, (T,).

    A median polish of the log rates, in which a provider-period weighs by its expected count, up to twenty: no
    provider, however large or odd, moves it.

    Parameters
    ----------
    counts : (P, T)
    exposure : (P, T), > 0
    known : (P, T)
    """
    log_rate = np.log((counts + 0.5) / exposure)
    weight = np.where(known, 1.0, 0.0)
    level, movement = np.zeros(counts.shape[0]), np.zeros(counts.shape[1])
    for _ in range(20):
        level = weighted_medians(log_rate - movement, weight)
        expected = exposure * np.exp(level[:, None] + movement)
        weight = np.where(known, np.minimum(expected, 20.0), 0.0)
        movement = weighted_medians((log_rate - level[:, None]).T, weight.T)
    return movement


def weighted_medians(values: Matrix, weight: Matrix) -> Vector:
    """Weighted median of each row, (n,); zero where a row has no weight."""
    order = np.argsort(values, axis=1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=1)
    mass = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    half = 0.5 * mass[:, -1:]
    place = np.argmax(mass >= half, axis=1)
    after = np.argmax(mass > half, axis=1)
    rows = np.arange(len(values))
    middle = 0.5 * (ranked[rows, place] + ranked[rows, after])
    return np.where(mass[:, -1] > 0.0, middle, 0.0)


def rate_tests(
    counts: Matrix, expected: Matrix, known: NDArray[np.bool_], inside: NDArray[np.bool_], parts: Cube
) -> Tests:
    """Whether a provider's rate in each stretch differs from its own rate in the rest of the time.

    Given a provider's total, the count inside a stretch is binomial with the expected share; the signed root of its
    deviance is divided by the root of phi + tau^2 times the information on the log ratio. Both are learnt from the
    register by medians (see `spread`), so that a minority of disturbed providers does not hide itself.

    Parameters
    ----------
    counts, expected : (P, T)
        Expected up to a factor per provider.
    known : (P, T)
    inside : (W, T)
    parts : (P, W, K) see `components_of`.
    """
    (y_in, y_out), (e_in, e_out) = (_split(values, known, inside, ~inside) for values in (counts, expected))
    total, share = y_in + y_out, _share(e_in, e_out)
    usable = _enough(known, inside, ~inside, LEAST_PERIODS) & (np.minimum(share, 1.0 - share) * total >= LEAST_EXPECTED)
    deviance = 2.0 * (_part(y_in, total * share) + _part(y_out, total * (1.0 - share)))
    root = np.sign(y_in - total * share) * np.sqrt(np.maximum(deviance, 0.0))
    return judged(root, total * share * (1.0 - share), _ratio(y_in, y_out, share), usable, parts)


def rate_ratios(counts: Matrix, expected: Matrix, known: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Matrix:
    """The ratios of `rate_tests` (P, W), without a test; not a number with fewer than five registrations in all."""
    (y_in, y_out), (e_in, e_out) = (_split(values, known, inside, ~inside) for values in (counts, expected))
    ratio = _ratio(y_in, y_out, _share(e_in, e_out))
    return np.where(y_in + y_out >= LEAST_EXPECTED, ratio, np.nan)


def odds_tests(
    counts: Matrix,
    others: Matrix,
    known: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    parts: Cube,
    outside: NDArray[np.bool_] | None = None,
    least: int = LEAST_PERIODS,
) -> Tests:
    """Whether the odds of one kind of count against another change in a stretch, at one provider.

    The log odds ratio of inside against outside, less its median over the providers (of the same stretch), over the
    root of phi times its sampling variance plus tau^2, both learnt from the register.

    Parameters
    ----------
    counts, others : (P, T)
    known : (P, T)
    inside : (W, T)
    parts : (P, W, K) see `components_of`.
    outside : (W, T), optional
        What each stretch is held against; the rest of the time when left out.
    least : int
        Known periods that are needed inside and outside.
    """
    outside = ~inside if outside is None else outside
    (a, b), (c, d) = (_split(values, known, inside, outside) for values in (counts, others))
    enough = np.minimum(a + b, c + d) >= 2.0 * LEAST_EXPECTED
    per_side = np.minimum(a + c, b + d) * (a + b) / np.maximum(a + b + c + d, 1.0)
    usable = _enough(known, inside, outside, least) & enough & (per_side >= LEAST_EXPECTED)
    log_ratio = np.log((a + 0.5) / (b + 0.5)) - np.log((c + 0.5) / (d + 0.5))
    variance = 1.0 / (a + 0.5) + 1.0 / (b + 0.5) + 1.0 / (c + 0.5) + 1.0 / (d + 0.5)
    weight = np.where(usable, 1.0 / (variance + 0.1), 0.0)
    log_ratio = log_ratio - weighted_medians(log_ratio.T, weight.T)
    return judged(log_ratio / np.sqrt(variance), 1.0 / variance, np.exp(log_ratio), usable, parts)


def spread(root: Matrix, information: Matrix, usable: NDArray[np.bool_], parts: Cube) -> tuple[float, Matrix]:
    """What multiplies the sampling variance (phi >= 1), and the variance of real change (tau^2 >= 0) of each test.

    root^2 / (phi + tau^2 information) has the median of a chi-square with one degree of freedom: phi by the half of
    the tests with the least information (one with fewer than `ENOUGH_PROVIDERS` providers); tau^2 of each stretch by
    the providers, and then over all stretches by non-negative least squares on what real change consists of. A median
    for each stretch alone would be as uncertain as there are few providers.

    Parameters
    ----------
    root, information, usable : (P, W)
    parts : (P, W, K)
        What each component of real change adds to tau^2, see `components_of`.

    Returns
    -------
    phi : float
    tau2 : (P, W)
    """
    square, phi = root**2, 1.0
    if int(usable.any(axis=1).sum()) >= ENOUGH_PROVIDERS:
        phi = _overdispersion(square[usable], information[usable])
    enough = np.flatnonzero(usable.sum(axis=0) >= LEAST_PROVIDERS)
    size = np.ones(parts.shape[2])
    if enough.size == 0:
        scale = _solve(square[usable], np.full(int(usable.sum()), phi), (parts @ size * information)[usable], 0.0)
        return phi, np.asarray(scale * (parts @ size))
    for _ in range(ROUNDS):
        size = _sizes(square, information, usable, parts, phi, parts @ size, enough)
    return phi, np.asarray(parts @ size)


def _sizes(
    square: Matrix,
    information: Matrix,
    usable: NDArray[np.bool_],
    parts: Cube,
    phi: float,
    shape: Matrix,
    where: NDArray[np.intp],
) -> Vector:
    """Variance of each component (K,), given how tau^2 differs between the providers of a stretch."""
    own, mean, weight = [], [], []
    for stretch in where:
        mine = usable[:, stretch]
        slope = shape[mine, stretch] * information[mine, stretch]
        scale = _solve(square[mine, stretch], np.full(int(mine.sum()), phi), slope, 0.0)
        own.append(scale * shape[mine, stretch].mean())
        mean.append(parts[mine, stretch].mean(axis=0))
        weight.append(np.sqrt(mine.sum()) / mean[-1].sum())
    size, _ = nnls(np.array(mean) * np.array(weight)[:, None], np.array(own) * np.array(weight))
    return np.asarray(np.maximum(size, 1e-9))


def components_of(
    known: NDArray[np.bool_], inside: NDArray[np.bool_], outside: NDArray[np.bool_], per_year: int
) -> Cube:
    """What changes of periods, of calendar years, and a straight line add to the variance of a log ratio, (P, W, 3).

    For the mean of the known periods inside less the mean of those outside, per unit of variance of a period, of a
    year, and of a slope per year. Who is known in few periods, or far apart, differs more by itself.

    Parameters
    ----------
    known : (P, T)
    inside, outside : (W, T)
    per_year : int
        Periods in a year; the first period begins one.
    """
    sides = [known[:, None, :] & part[None, :, :] for part in (inside, outside)]
    shares = [side / np.maximum(side.sum(axis=2, keepdims=True), 1) for side in sides]
    weight = shares[0] - shares[1]
    time = np.arange(inside.shape[1])
    years = (time[:, None] // per_year == np.arange(time.size // per_year + 1)).astype(np.float64)
    parts = [(weight**2).sum(axis=2), ((weight @ years) ** 2).sum(axis=2), (weight @ time / per_year) ** 2]
    return np.stack(parts, axis=2)


def _overdispersion(square: Vector, information: Vector) -> float:
    low = information <= np.median(information)
    high = ~low if not low.all() else low
    phi = 1.0
    for _ in range(20):
        before = phi
        tau2 = _solve(square[high], np.full(int(high.sum()), phi), information[high], 0.0)
        phi = _solve(square[low], tau2 * information[low], np.ones(int(low.sum())), 1.0)
        if abs(phi - before) < 1e-6:
            break
    return phi


def q_values(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini-Hochberg q-values of all tests together, same shape; not a number where ``p`` is not.

    Of what has a q-value of at most 0.05, at most that share is expected to be chance. When nothing is wrong anywhere,
    0.05 is the chance of marking anything at all.
    """
    q = np.full(p.shape, np.nan)
    there = np.isfinite(p)
    if there.any():
        q[there] = false_discovery_control(p[there], method="bh")
    return q


def judged(root: Matrix, information: Matrix, ratio: Matrix, usable: NDArray[np.bool_], parts: Cube) -> Tests:
    """Tests from estimates over their sampling error, widened by the spread that is usual in the register.

    Parameters
    ----------
    root : (P, W) estimate times the root of its information.
    information : (P, W)
    ratio : (P, W)
    usable : (P, W) where there is enough to test.
    parts : (P, W, K) see `spread`.
    """
    providers = int(usable.any(axis=1).sum())
    if providers < LEAST_PROVIDERS or usable.sum() < LEAST_TESTS:
        nothing = np.full(root.shape, np.nan)
        return Tests(nothing, nothing, 0)
    phi, tau2 = spread(np.where(usable, root, 0.0), np.where(usable, information, 0.0), usable, parts)
    z = np.where(usable, root / np.sqrt(phi + tau2 * information), np.nan)
    return Tests(np.where(usable, ratio, np.nan), z, providers - 1)


def _split(
    values: Matrix, known: NDArray[np.bool_], inside: NDArray[np.bool_], outside: NDArray[np.bool_]
) -> tuple[Matrix, Matrix]:
    """Sums inside and outside each stretch, both (P, W)."""
    seen = np.where(known, values, 0.0)
    return seen @ inside.T.astype(np.float64), seen @ outside.T.astype(np.float64)


def _enough(
    known: NDArray[np.bool_], inside: NDArray[np.bool_], outside: NDArray[np.bool_], least: int
) -> NDArray[np.bool_]:
    """Enough known periods inside, and outside."""
    count, rest = _split(np.ones(known.shape), known, inside, outside)
    return np.asarray(np.minimum(count, rest) >= least, dtype=np.bool_)


def _share(e_in: Matrix, e_out: Matrix) -> Matrix:
    """Expected share inside; a half where nothing is expected at all."""
    whole = e_in + e_out
    return np.divide(e_in, whole, out=np.full_like(e_in, 0.5), where=whole > 0.0)


def _ratio(y_in: Matrix, y_out: Matrix, share: Matrix) -> Matrix:
    """Rate ratio of inside to outside, with half a registration added on both sides."""
    sound = (share > 0.0) & (share < 1.0)
    odds = np.divide(share, 1.0 - share, out=np.ones_like(share), where=sound)
    return np.where(sound, (y_in + 0.5) / (y_out + 0.5) / odds, np.nan)


def _part(observed: Matrix, expected: Matrix) -> Matrix:
    """Contribution of a cell to half the deviance of a binomial or Poisson."""
    return np.asarray(xlogy(observed, np.maximum(observed, 1e-300)) - xlogy(observed, np.maximum(expected, 1e-300)))


def _solve(square: Vector, fixed: Vector, slope: Vector, least: float) -> float:
    """The x >= least at which square / (fixed + slope x) has its median where a chi-square has it."""

    def median(x: float) -> float:
        return float(np.median(square / (fixed + slope * x)))

    tiny = 1e-12
    if median(max(least, tiny)) <= _MEDIAN_OF_SQUARE:
        return least
    low, high = max(least, tiny), max(1.0, 2.0 * least)
    while median(high) > _MEDIAN_OF_SQUARE:
        low, high = high, 4.0 * high
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if median(middle) > _MEDIAN_OF_SQUARE else (low, middle)
    return 0.5 * (low + high)
