import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from dwangstats.numerics.saddle import (
    gamma_terms,
    kappa_series,
    log1p_ratio,
    log1p_remainders,
    polygamma_differences,
    stirling_error,
    stirling_error_reciprocal,
)

DIGITS = 60


def exact(function, *arguments):
    """Values of an mpmath function at float arguments, rounded once."""
    with mp.workdps(DIGITS):
        return np.array([float(function(*(mp.mpf(float(v)) for v in row))) for row in zip(*arguments, strict=True)])


X = np.concatenate((-np.logspace(-18, -0.01, 60), [0.0], np.logspace(-18, 12, 90), [0.1, -0.1, 0.0999999]))


def test_log1p_remainders_against_60_digits() -> None:
    g2, g3 = log1p_remainders(X, np.log1p(X))
    assert_allclose(g2, exact(lambda x: (x - mp.log1p(x)) / x**2 if x else mp.mpf(1) / 2, X), rtol=1e-13)
    # g3 is (1/2 - g2) / x from |x| = 0.1 on, which costs a factor of about 100 there.
    assert_allclose(g3, exact(lambda x: (mp.log1p(x) - x + x**2 / 2) / x**3 if x else mp.mpf(1) / 3, X), rtol=1e-12)


def test_log1p_remainders_of_small_arguments_only() -> None:
    small = X[np.abs(X) < 0.1]
    for alone, among in zip(log1p_remainders(small, np.log1p(small)), log1p_remainders(X, np.log1p(X)), strict=True):
        assert_allclose(alone, among[np.abs(X) < 0.1], rtol=0.0)


def test_log1p_ratio_holds_where_the_argument_is_subnormal() -> None:
    x = np.array([0.0, 5e-324, 1e-320, 1e-30, 1e-8, 1.0, 1e9])
    assert_allclose(log1p_ratio(x), exact(lambda v: mp.log1p(v) / v if v else mp.mpf(1), x), rtol=1e-15)


def test_stirling_error_against_60_digits() -> None:
    x = np.concatenate((np.logspace(-30, 2, 150), [1.0, 2.0, 15.0, 15.999999, 16.0, 1e3, 1e9]))
    truth = exact(lambda v: mp.loggamma(v + 1) - (v + 0.5) * mp.log(v) + v - mp.log(2 * mp.pi) / 2, x)
    # Below 16 it is a difference of terms of about 30, so its error is absolute.
    assert_allclose(stirling_error(x, np.log(x)), truth, rtol=1e-14, atol=1.5e-14)
    large = x[x >= 16.0]
    assert_allclose(stirling_error_reciprocal(1.0 / large), truth[x >= 16.0], rtol=1e-14)


def test_stirling_error_of_an_underflowed_argument_uses_its_logarithm() -> None:
    value = stirling_error(np.array([0.0]), np.array([-1000.0]))
    assert_allclose(value, 500.0 - 0.5 * np.log(2.0 * np.pi), rtol=1e-15)


def test_stirling_error_of_infinity_is_zero() -> None:
    assert stirling_error_reciprocal(np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("r", [0.0, 1e-8, 0.3, 1.0, 9.0, 15.9, 16.0, 400.0, 1e6])
def test_polygamma_differences_against_sums(r: float) -> None:
    counts = np.array([1.0, 2.0, 3.0, 17.0, 40.0])
    j = [np.arange(1.0, y) for y in counts]
    sums = [[(1.0 / (r + s)).sum(), (-1.0 / (r + s) ** 2).sum(), (2.0 / (r + s) ** 3).sum()] for s in j]
    # From r = 16 on callers use series instead; the difference then keeps digits relative to the functions' size.
    for order, got in enumerate(polygamma_differences(counts, np.full(5, r))):
        assert_allclose(got, [s[order] for s in sums], rtol=2e-13, atol=1e-15 * (1.0 + np.log(1.0 + r)))
        assert got[0] == 0.0


@pytest.mark.parametrize("kappa", [0.0, 1e-300, 1e-12, 1e-3, 0.05, 0.0625, 0.0626, 0.4, 3.0, 1e3, 1e8])
def test_gamma_terms_against_60_digits(kappa: float) -> None:
    y = np.array([2.0, 3.0, 15.0, 37.0, 1e4, 1e9])
    terms = gamma_terms(y, kappa)
    limit = {"d_kappa": -y / 2.0, "d2_kappa": y**2 / 2.0 - y / 6.0, "density": 0.0 * y}
    for name, value in limit.items():
        truth = value
        if kappa > 1e-100:
            with mp.workdps(120):
                truth = np.array([float(_term(name, mp.mpf(v), 1 / mp.mpf(kappa))) for v in y])
        # Just below r = 16 the second derivative is r^4 times a difference of trigammas that keeps 1e-17: 1e-12.
        assert_allclose(getattr(terms, name), truth, rtol=1e-11 if name == "d2_kappa" else 1e-12, atol=2e-14)


def _term(name, y, r):
    upper = y + r
    if name == "density":
        return _stirling(upper) - _stirling(r)
    first = r**2 * (mp.digamma(r) - mp.log(r) - mp.digamma(upper) + mp.log(upper))
    if name == "d_kappa":
        return first
    return -2 * r * first + r**4 * (mp.psi(1, upper) - 1 / upper - mp.psi(1, r) + 1 / r)


def _stirling(x):
    return mp.loggamma(x + 1) - (x + mp.mpf(1) / 2) * mp.log(x) + x - mp.log(2 * mp.pi) / 2


def test_kappa_series_at_zero_keeps_the_leading_coefficients() -> None:
    y = np.array([2.0, 7.0])
    series = kappa_series(y, np.zeros(2), np.ones(2))
    assert_allclose(series.first, -0.5)
    assert_allclose(series.second, y / 2.0 - 1.0 / 6.0)
    assert_allclose(series.nb1_second, -0.5)
    assert_allclose(series.nb1_third, 0.5)
