"""Counts known to intervals: derivatives of their likelihood to the dispersion, and fits that know less."""

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dwangstats.errors import DomainError, FitError
from dwangstats.numerics import families
from dwangstats.numerics.censored import interval_derivatives, interval_loglik
from dwangstats.numerics.degenerate import endless_direction
from dwangstats.numerics.glm import fit_counts
from dwangstats.numerics.intervals import Intervals, count_derivatives, count_loglik, overdispersion, working_weight
from dwangstats.numerics.resample import draw_counts

INF = np.inf
FAMILIES = (("poisson", 0.0), ("nb2", 0.4), ("nb1", 1.5))
BETA = np.array([-4.0, 0.3, -0.4])


def rounded(y: np.ndarray, base: int) -> Intervals:
    value = base * np.floor((y + base / 2) / base)
    return Intervals(np.maximum(np.ceil(value - base / 2), 0.0), np.ceil(value + base / 2) - 1.0)


def suppressed(y: np.ndarray, below: int = 5, top: float = INF) -> Intervals:
    hidden, over = y < below, y >= top
    return Intervals(
        np.where(hidden, 0.0, np.where(over, top, y)), np.where(hidden, below - 1.0, np.where(over, INF, y))
    )


def world(family: str, alpha: float, n: int = 800, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack((np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)))
    offset = np.log(rng.uniform(50.0, 500.0, n))
    return X, draw_counts(family, X @ BETA + offset, alpha, rng), offset


def log_probability(family: str, a: int, b: int, mu: mp.mpf, alpha: mp.mpf) -> mp.mpf:
    size = 1 / alpha if family == "nb2" else mu / alpha
    p = size / (size + mu)

    def mass(y: int) -> mp.mpf:
        return mp.gamma(y + size) / (mp.gamma(size) * mp.factorial(y)) * p**size * (1 - p) ** y

    return mp.log(sum(mass(y) for y in range(a, b + 1)))


@pytest.mark.parametrize("alpha", [0.02, 0.5, 4.0])
@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_derivatives_to_the_dispersion_against_many_digits(family: str, alpha: float) -> None:
    cases = [(0, 4, 0.3), (0, 4, 30.0), (8, 12, 9.0), (1, 4, 2.0), (0, 2, 0.01), (18, 22, 3.0), (0, 60, 5.0)]
    lower, upper, means = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    got = interval_derivatives(family, lower, upper, np.log(means), alpha, with_alpha=True)
    with mp.workdps(60):
        for i, (a, b, mean) in enumerate(cases):

            def value(eta: mp.mpf, s: mp.mpf, a: int = a, b: int = b) -> mp.mpf:
                return log_probability(family, a, b, mp.exp(eta), s)

            at = (mp.log(mp.mpf(mean)), mp.mpf(alpha))
            want = [float(mp.diff(value, at, n)) for n in ((0, 1), (1, 1), (0, 2))]
            # Where the interval holds nearly everything the derivatives are sums that cancel: digits of the largest.
            found = [got.d_alpha[i], got.d_eta_alpha[i], got.d2_alpha[i]]
            assert_allclose(found, want, rtol=1e-9, atol=1e-11 * max(1.0, mean, 1.0 / alpha**2))


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_open_ends_and_long_tails_agree_with_differences(family: str) -> None:
    lower = np.array([1.0, 10.0, 40.0, 300.0, 5.0, 0.0, 0.0])
    upper = np.array([INF, INF, INF, INF, 600.0, 19.0, INF])
    eta = np.log(np.array([3.0, 4.0, 90.0, 250.0, 50.0, 2.0, 5.0]))
    for alpha in (0.3, 2.0, 60.0):
        h = 1e-5 * alpha
        at = interval_derivatives(family, lower, upper, eta, alpha, with_alpha=True)
        up, down = (interval_derivatives(family, lower, upper, eta, alpha + d, with_alpha=True) for d in (h, -h))
        # Central differences of step h: h^2 of truncation and about 1e-16 / h of rounding.
        assert_allclose((up.loglik - down.loglik) / (2 * h), at.d_alpha, rtol=1e-6, atol=1e-8)
        assert_allclose((up.d_eta - down.d_eta) / (2 * h), at.d_eta_alpha, rtol=1e-6, atol=1e-8)
        assert_allclose((up.d_alpha - down.d_alpha) / (2 * h), at.d2_alpha, rtol=1e-6, atol=1e-8)


def test_at_dispersion_zero_the_derivatives_are_limits_and_poisson_has_none() -> None:
    lower, upper, eta = np.array([0.0, 8.0, 3.0]), np.array([4.0, 12.0, INF]), np.log(np.array([2.0, 9.0, 4.0]))
    for family in ("nb2", "nb1"):
        zero = interval_derivatives(family, lower, upper, eta, 0.0, with_alpha=True)
        small = interval_derivatives(family, lower, upper, eta, 1e-7, with_alpha=True)
        assert_allclose(zero.d_alpha, small.d_alpha, rtol=1e-5)
        assert_allclose(zero.loglik, small.loglik, rtol=1e-5)
    poisson = interval_derivatives("poisson", lower, upper, eta, 0.0, with_alpha=True)
    assert_array_equal(poisson.d_alpha, 0.0)
    assert np.isnan(interval_derivatives("nb2", lower, upper, eta, 0.3).d_alpha).all()


@pytest.mark.parametrize(("family", "alpha"), FAMILIES)
def test_equal_bounds_are_the_exact_fit(family: str, alpha: float) -> None:
    X, y, offset = world(family, alpha)
    exact = fit_counts(X, y, offset, family)
    same = fit_counts(X, np.full(y.size, np.nan), offset, family, Intervals(y, y))
    # The same functions in the same order: not a digit may differ.
    assert_array_equal(same.beta, exact.beta)
    assert (same.alpha, same.loglik) == (exact.alpha, exact.loglik)
    assert_array_equal(same.covariance, exact.covariance)
    eta = exact.eta
    assert_array_equal(
        count_derivatives(family, y, eta, exact.alpha, Intervals(y, y)).d2_alpha,
        families.derivatives(family, y, eta, exact.alpha, order=2).d2_alpha,
    )


@pytest.mark.parametrize(("family", "alpha"), FAMILIES)
def test_the_truth_is_recovered_and_coarser_counts_know_less(family: str, alpha: float) -> None:
    X, y, offset = world(family, alpha, n=1000)
    exact = fit_counts(X, y, offset, family)
    truth = np.append(BETA, alpha) if family != "poisson" else BETA
    errors = [np.sqrt(np.diag(exact.covariance))]
    for base in (5, 10):
        fit = fit_counts(X, y, offset, family, rounded(y, base))
        spread = np.sqrt(np.diag(fit.covariance))
        found = np.append(fit.beta, fit.alpha) if family != "poisson" else fit.beta
        # Eleven numbers within four standard errors: one set of counts in a thousand would not be.
        assert np.all(np.abs(found - truth) < 4.0 * spread)
        assert np.all(spread > 0.99 * errors[-1])
        errors.append(spread)
    assert np.all(errors[-1] > 1.1 * errors[0])
    for known in (suppressed(y), suppressed(y, 5, 20.0)):
        fit = fit_counts(X, y, offset, family, known)
        assert np.all(np.abs(fit.beta - BETA) < 4.0 * np.sqrt(np.diag(fit.covariance))[:3])


@pytest.mark.parametrize(("family", "alpha"), FAMILIES)
def test_expected_information_falls_with_every_merging_of_cells(family: str, alpha: float) -> None:
    def information(edges: np.ndarray, mean: float) -> float:
        """Over a partition of the counts into cells, sum of P (d log P / d eta)^2."""
        lower, upper = edges, np.append(edges[1:] - 1.0, INF)
        cell = interval_derivatives(family, lower, upper, np.full(lower.size, np.log(mean)), alpha)
        return float(np.sum(np.exp(cell.loglik) * cell.d_eta**2))

    for mean in (0.4, 3.0, 40.0):
        found = [information(np.arange(0.0, 400.0, step), mean) for step in (1, 5, 10, 20, 40)]
        found.append(information(np.array([0.0]), mean))
        assert np.all(np.diff(found) < 1e-12)
        assert found[-1] == 0.0


def test_a_row_known_from_zero_to_infinity_tells_nothing() -> None:
    X, y, offset = world("nb2", 0.4, n=300)
    known = suppressed(y)
    wider = Intervals(np.append(known.lower, [0.0, 0.0]), np.append(known.upper, [INF, INF]))
    more = np.vstack((X, X[:2]))
    fit, other = (
        fit_counts(A, np.zeros(len(A)), np.resize(offset, len(A)), "nb2", k) for A, k in ((X, known), (more, wider))
    )
    # Only the order of sums differs.
    assert_allclose(other.beta, fit.beta, rtol=1e-9)
    assert_allclose(other.loglik, fit.loglik, rtol=1e-12)


def test_the_maximum_is_one_by_brute_force() -> None:
    X, y, offset = world("nb1", 1.5, n=120)
    known = suppressed(y, 4, 30.0)
    fit = fit_counts(X, y, offset, "nb1", known)

    def value(beta: np.ndarray, alpha: float) -> float:
        return float(interval_loglik("nb1", known.lower, known.upper, X @ beta + offset, alpha).sum())

    assert_allclose(value(fit.beta, fit.alpha), fit.loglik, rtol=1e-12)
    steps = np.sqrt(np.diag(fit.covariance))
    for i in range(3):
        for side in (-0.1, 0.1):
            assert value(fit.beta + side * steps[i] * np.eye(3)[i], fit.alpha) < fit.loglik
    assert max(value(fit.beta, fit.alpha + d * steps[3]) for d in (-0.1, 0.1)) < fit.loglik


def test_what_cannot_be_fitted_is_refused() -> None:
    X = np.column_stack((np.ones(6), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    offset, y = np.zeros(6), np.zeros(6)
    with pytest.raises(FitError, match="All 6 counts are 0 or may be"):
        fit_counts(X, y, offset, "poisson", Intervals(y, np.full(6, 4.0)))
    with pytest.raises(FitError, match="All 6 counts are 0 or may be"):
        fit_counts(X, y, offset, "poisson", Intervals(y, np.full(6, INF)))
    half = Intervals(np.array([3.0, 5.0, 8.0, 0.0, 0.0, 0.0]), np.array([7.0, 5.0, 12.0, 4.0, 4.0, 0.0]))
    assert endless_direction(X, half).rows == (3, 4, 5)
    with pytest.raises(FitError, match=r"3 rows, whose intervals are all open to one side \(first rows 3, 4, 5\)"):
        fit_counts(X, y, offset, "poisson", half)
    above = Intervals(np.array([3.0, 5.0, 8.0, 2.0, 9.0, 1.0]), np.array([7.0, 5.0, 12.0, INF, INF, INF]))
    found = endless_direction(X, above)
    assert (found.rows, found.columns) == ((3, 4, 5), (1,))
    idle = Intervals(np.array([3.0, 5.0, 8.0, 0.0, 0.0, 0.0]), np.array([7.0, 5.0, 12.0, INF, INF, INF]))
    with pytest.raises(FitError, match="1 of 2 columns of the design say nothing of their own: column 1 is 0"):
        fit_counts(X, y, offset, "nb2", idle)
    shown = Intervals(np.array([3.0, 5.0, 8.0, 1.0, 1.0, 1.0]), np.array([7.0, 5.0, 12.0, 4.0, 4.0, 4.0]))
    assert endless_direction(X, shown) is None


@pytest.mark.parametrize("open_end", [False, True])
def test_overdispersion_is_seen_where_it_is_and_not_where_it_is_not(open_end: bool) -> None:
    X = np.column_stack((np.ones(150), np.arange(150) % 2.0))
    found: dict[float, list[float]] = {0.0: [], 0.3: []}
    for alpha, values in found.items():
        for seed in range(60):
            eta = X @ np.array([1.8, 0.3])
            y = draw_counts("nb2" if alpha else "poisson", eta, alpha, np.random.default_rng(seed))
            known = Intervals(np.minimum(y, 10.0), np.where(y >= 10.0, INF, y)) if open_end else suppressed(y)
            fit = fit_counts(X, y, np.zeros(150), "poisson", known)
            values.append(overdispersion(X, fit.eta, known))
    # 60 draws of at most unit spread: a mean to 0.13; the skew of the scores makes both come out low.
    assert -0.8 < np.mean(found[0.0]) < 0.3
    assert np.std(found[0.0]) < 1.5
    assert np.mean(np.array(found[0.0]) > 1.645) < 0.12
    assert np.mean(np.array(found[0.3]) > 2.326) > 0.9
    # Of rows from 0 to infinity nothing is known.
    assert overdispersion(X, np.zeros(150), Intervals(np.zeros(150), np.full(150, INF))) == 0.0


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        ([1.5, 0.0], [2.0, 1.0], "first rows 0"),
        ([1.0, 3.0], [2.0, 1.0], "first rows 1"),
        ([INF, 0.0], [INF, 1.0], "first rows 0"),
        ([-1.0, 0.0], [2.0, 1.0], "first rows 0"),
        ([np.nan, 0.0], [2.0, 1.0], "first rows 0"),
        ([1.0], [2.0], "2 rows"),
    ],
)
def test_bounds_that_are_none_are_refused(lower: list[float], upper: list[float], said: str) -> None:
    with pytest.raises(DomainError, match=said):
        fit_counts(np.ones((2, 1)), np.ones(2), np.zeros(2), "poisson", Intervals(np.array(lower), np.array(upper)))


def test_helpers_of_rows() -> None:
    known = Intervals(np.array([0.0, 3.0, 10.0, 0.0]), np.array([4.0, 3.0, INF, INF]))
    assert_array_equal(known.wide, [True, False, True, True])
    assert_array_equal(known.informative, [True, True, True, False])
    assert np.all((known.middle >= known.lower) & (known.middle <= known.upper))
    eta = np.log(np.array([2.0, 4.0, 9.0, 1.0]))
    weight = working_weight("nb2", eta, 0.4, known)
    # The exact row among intervals was shown because of its size: its information is the observed one.
    assert weight[1] == -families.derivatives("nb2", np.array([3.0]), eta[1:2], 0.4, order=2).d2_eta[0]
    assert np.all(weight <= families.expected_weight("poisson", eta, 0.0) + 1e-12)
    assert_allclose(weight[3], 0.0, atol=1e-15)
    exact = Intervals(known.lower, known.lower)
    assert_array_equal(working_weight("nb2", eta, 0.4, exact), families.expected_weight("nb2", eta, 0.4))
    value = count_loglik("nb2", np.full(4, np.nan), eta, 0.4, known)
    assert value[1] == families.loglik("nb2", np.array([3.0]), eta[1:2], 0.4)[0]
    assert value[3] == 0.0
    with pytest.raises(DomainError, match="second order only"):
        count_derivatives("nb2", known.lower, eta, 0.4, known, order=3)
