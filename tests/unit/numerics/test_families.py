import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dwangstats.errors import DomainError
from dwangstats.numerics.families import (
    HIGHEST_ETA,
    Derivatives,
    derivatives,
    eta_derivatives,
    expected_weight,
    loglik,
    variance,
)

FAMILIES = ("poisson", "nb2", "nb1")
ALPHAS = (0.0, 1e-300, *(10.0**k for k in range(-12, 4)))
COUNTS = (0.0, 1.0, 2.0, 5.0, 37.0, 1e3, 1e5, 1e6, 1e9)
MEANS = (1e-6, 1e-3, 0.3, 1.0, 4.0, 30.0, 900.0, 1e5, 1e7)
NEAR = (1.0001, 0.97, 1.3, 1.0 - 1e-9)

#: Worst case seen 2.7e-14, at 1e9 events with a mean 1e5 (3 sd) away, where the rounding of the mean decides.
RTOL_LOGLIK = 1e-12

#: Worst case seen 1.1e-10 (nb1 d2_eta at count 2 and mean 1e-6), away from roots.
RTOL_DERIVATIVE = 1e-8


def grid(count: float) -> np.ndarray:
    """Log means far from and near to the count."""
    return np.log(np.array([*MEANS, *(count * f for f in NEAR if count > 0.0)]))


def exact_loglik(family: str, y, eta, alpha):
    """Textbook log density in mpmath, for alpha > 0."""
    mu = mp.exp(eta)
    r = 1 / alpha if family == "nb2" else mu / alpha
    s = mu / r
    return mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1) - r * mp.log1p(s) + y * mp.log(s) - y * mp.log1p(s)


def digits_for(alpha: float) -> int:
    """The textbook form loses as many digits as 1/alpha has."""
    return 80 + (0 if alpha == 0.0 else int(abs(np.log10(alpha))))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("family", FAMILIES)
def test_loglik_against_many_digits(family: str, alpha: float) -> None:
    for count in COUNTS:
        eta = grid(count)
        got = loglik(family, np.full(eta.size, count), eta, alpha)
        with mp.workdps(digits_for(alpha)):
            y = mp.mpf(count)
            if family == "poisson" or alpha == 0.0:
                truth = [y * mp.mpf(e) - mp.exp(mp.mpf(e)) - mp.loggamma(y + 1) for e in eta]
            else:
                truth = [exact_loglik(family, y, mp.mpf(e), mp.mpf(alpha)) for e in eta]
        assert_allclose(got, [float(t) for t in truth], rtol=RTOL_LOGLIK, err_msg=f"count {count}")


def exact_derivatives(family: str, count: float, eta: float, alpha: float) -> dict[str, float]:
    """By differences of step 1e-25 in 200 digits; alpha = 0 by alpha = 1e-60."""
    with mp.workdps(260 if alpha == 0.0 else 200):
        a = mp.mpf(alpha) if alpha else mp.mpf(10) ** -60
        h, k = mp.mpf(10) ** -25, a * mp.mpf(10) ** -25
        f = {
            (i, j): exact_loglik(family, mp.mpf(count), mp.mpf(eta) + i * h, a + j * k)
            for i in range(-2, 3)
            for j in (-1, 0, 1)
        }
        first = {j: (f[1, j] - f[-1, j]) / (2 * h) for j in (-1, 0, 1)}
        second = {j: (f[1, j] - 2 * f[0, j] + f[-1, j]) / h**2 for j in (-1, 0, 1)}
        values = {
            "d_eta": first[0],
            "d2_eta": second[0],
            "d3_eta": (f[2, 0] - 2 * f[1, 0] + 2 * f[-1, 0] - f[-2, 0]) / (2 * h**3),
            "d_alpha": (f[0, 1] - f[0, -1]) / (2 * k),
            "d_eta_alpha": (first[1] - first[-1]) / (2 * k),
            "d2_eta_alpha": (second[1] - second[-1]) / (2 * k),
            "d2_alpha": (f[0, 1] - 2 * f[0, 0] + f[0, -1]) / k**2,
        }
        return {name: float(value) for name, value in values.items()}


#: One rounding of mu = exp(eta) moves each derivative by eps times its own eta derivative: no float code does better
#: beside a root. For the last of each chain the one before stands in.
FLOOR_FROM = {
    "d_eta": ("d2_eta",),
    "d2_eta": ("d3_eta",),
    "d3_eta": ("d2_eta", "d3_eta"),
    "d_alpha": ("d_eta_alpha",),
    "d_eta_alpha": ("d2_eta_alpha",),
    "d2_eta_alpha": ("d_eta_alpha", "d2_eta_alpha"),
    "d2_alpha": ("d2_alpha",),
}


@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.02, 0.3, 4.0, 1e3])
@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_derivatives_against_many_digits(family: str, alpha: float) -> None:
    for count in (0.0, 1.0, 2.0, 5.0, 37.0, 1e3, 1e5, 1e9):
        eta = grid(count)[[0, 2, 4, 5, 7, *range(9, grid(count).size)]]
        got = derivatives(family, np.full(eta.size, count), eta, alpha)
        for i, e in enumerate(eta):
            truth = exact_derivatives(family, count, float(e), alpha)
            for name, value in truth.items():
                floor = 8.0 * np.finfo(float).eps * sum(abs(truth[other]) for other in FLOOR_FROM[name])
                error = abs(getattr(got, name)[i] - value)
                assert error <= RTOL_DERIVATIVE * abs(value) + floor, (name, count, float(np.exp(e)))


def test_poisson_derivatives() -> None:
    y, eta = np.array([0.0, 1.0, 7.0]), np.array([-3.0, 0.5, 2.0])
    rows = derivatives("poisson", y, eta, 0.7)
    assert_array_equal(rows.loglik, loglik("poisson", y, eta, 0.0))
    assert_array_equal(rows.d_eta, y - np.exp(eta))
    assert_array_equal(rows.d2_eta, -np.exp(eta))
    assert_array_equal(rows.d3_eta, -np.exp(eta))
    for name in ("d_alpha", "d_eta_alpha", "d2_eta_alpha", "d2_alpha"):
        assert_array_equal(getattr(rows, name), np.zeros(3))


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_alpha_zero_is_poisson_with_the_alpha_derivatives_of_the_limit(family: str) -> None:
    rng = np.random.default_rng(1)
    eta = rng.normal(1.0, 1.0, 200)
    y, mu = rng.poisson(np.exp(eta)).astype(float), np.exp(eta)
    rows, poisson = derivatives(family, y, eta, 0.0), derivatives("poisson", y, eta, 0.0)
    for name in ("loglik", "d_eta", "d2_eta", "d3_eta"):
        assert_allclose(getattr(rows, name), getattr(poisson, name), rtol=1e-14)
    score = ((y - mu) ** 2 - y) / 2.0 / (mu if family == "nb1" else 1.0)
    # The two squares of the textbook form cancel; ours does not.
    assert_allclose(rows.d_alpha, score, rtol=1e-12, atol=1e-13 * float(np.max(y / np.minimum(mu, 1.0))))


@pytest.mark.parametrize("alpha", [0.0, 5e-324, 1e-310, 1e-300, 1e-100, 1e-8, 1.0, 1e8, 1e100])
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_overflows_anywhere(family: str, alpha: float) -> None:
    eta = np.array([-1e4, -800.0, -745.0, -320.0, -100.0, -1.0, 0.0, 20.0, 100.0, 229.0, 231.0, 700.0, 710.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        for count in (0.0, 1.0, 2.0, 15.0, 16.0, 1e5, 1e9, 1e15):
            y = np.full(eta.size, count)
            rows = derivatives(family, y, eta, alpha)
            for name in Derivatives.__dataclass_fields__:
                assert np.isfinite(getattr(rows, name)).all(), (name, count)
            assert_allclose(loglik(family, y, eta, alpha), rows.loglik, rtol=1e-12)
            assert (rows.loglik <= 0.0).all()
            for part, whole in zip(eta_derivatives(family, y, eta, alpha), _eta_fields(rows), strict=True):
                # Below eta = -300 nb1 holds the mean at e^-300 for counts >= 2.
                assert_allclose(part, whole, rtol=1e-12, atol=1e-129)


def _eta_fields(rows: Derivatives) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows.d_eta, rows.d2_eta, rows.d3_eta


@pytest.mark.parametrize("family", FAMILIES)
def test_above_the_highest_eta_the_log_density_follows_its_tangent(family: str) -> None:
    y, eta = np.array([0.0, 3.0]), np.full(2, HIGHEST_ETA)
    slope = derivatives(family, y, eta, 0.5).d_eta
    step = loglik(family, y, eta + 2.0, 0.5) - loglik(family, y, eta, 0.5)
    assert_allclose(step, 2.0 * slope, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1e-9, 0.01, 0.7, 6.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_density_mean_variance_and_scores(family: str, alpha: float) -> None:
    y, mu = np.arange(6000.0), 3.7
    rows = derivatives(family, y, np.full(y.size, np.log(mu)), alpha)
    f = np.exp(rows.loglik)
    assert_allclose(f.sum(), 1.0, rtol=1e-12)
    assert_allclose(f @ y, mu, rtol=1e-11)
    assert_allclose(f @ (y - mu) ** 2, variance(family, np.array([mu]), alpha)[0], rtol=1e-10)
    # Bartlett: scores have mean 0, and their covariance is minus the mean second derivative.
    for score, curvature in ((rows.d_eta, rows.d2_eta), (rows.d_alpha, rows.d2_alpha)):
        assert abs(f @ score) < 1e-10
        assert_allclose(f @ score**2, -(f @ curvature), rtol=1e-9, atol=1e-12)
    assert_allclose(f @ (rows.d_eta * rows.d_alpha), -(f @ rows.d_eta_alpha), atol=1e-10)


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_expected_weight_is_the_mean_of_the_negative_second_derivative(family: str) -> None:
    y, eta = np.arange(6000.0), np.full(6000, 1.2)
    rows = derivatives(family, y, eta, 0.4)
    assert_allclose(expected_weight(family, eta[:1], 0.4), -(np.exp(rows.loglik) @ rows.d2_eta), rtol=1e-11)


@pytest.mark.parametrize("family", FAMILIES)
def test_expected_weight_is_squared_mean_over_variance(family: str) -> None:
    mu = np.array([1e-3, 2.0, 1e6])
    assert_allclose(expected_weight(family, np.log(mu), 0.3), mu**2 / variance(family, mu, 0.3), rtol=1e-14)


@pytest.mark.parametrize("family", FAMILIES)
def test_many_rows_give_what_single_rows_give(family: str) -> None:
    """Counts are looked up in a table, and rows go in blocks, only when there are many rows."""
    rng = np.random.default_rng(2)
    eta = rng.normal(1.0, 1.5, 20_000)
    y = rng.poisson(np.exp(eta)).astype(float)
    rows = derivatives(family, y, eta, 0.6)
    values = loglik(family, y, eta, 0.6)
    for i in (0, 8191, 8192, 19_999, int(np.argmax(y))):
        one = derivatives(family, y[i : i + 1], eta[i : i + 1], 0.6)
        for name in Derivatives.__dataclass_fields__:
            assert_allclose(getattr(rows, name)[i], getattr(one, name)[0], rtol=1e-12, atol=1e-300)
        assert_allclose(values[i], one.loglik[0], rtol=1e-13)


def test_fields_that_were_not_asked_for_hold_nan() -> None:
    y, eta = np.array([0.0, 4.0]), np.zeros(2)
    first = derivatives("nb2", y, eta, 0.5, order=1)
    assert np.isfinite(first.loglik).all()
    assert np.isfinite(first.d_alpha).all()
    assert np.isnan(first.d2_eta).all()
    second = derivatives("nb2", y, eta, 0.5, order=2, with_loglik=False)
    assert np.isnan(second.loglik).all()
    assert np.isfinite(second.d2_alpha).all()
    assert np.isnan(second.d3_eta).all()


@pytest.mark.parametrize("alpha", [-1e-9, np.nan, np.inf])
def test_a_dispersion_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(DomainError, match="dispersion alpha must be a finite number >= 0"):
        loglik("nb2", np.zeros(1), np.zeros(1), alpha)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(DomainError, match="unknown family 'gamma'"):
        derivatives("gamma", np.zeros(1), np.zeros(1), 0.1)
