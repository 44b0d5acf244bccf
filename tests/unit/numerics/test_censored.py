import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dwangstats.errors import DomainError
from dwangstats.numerics import families
from dwangstats.numerics.censored import interval_derivatives, interval_loglik

FAMILIES = ("poisson", "nb2", "nb1")
INF = np.inf
INTERVALS = (
    (0, 4), (1, 9), (5, 14), (0, 255), (0, 256), (0, 400), (1, INF), (10, INF), (40, INF), (300, INF), (30, 800),
    (95, 104), (100, 700), (2, 3), (0, 0), (1500, 2500), (2000, INF),
)  # fmt: skip
MEANS = (1e-3, 0.7, 6.0, 100.0, 350.0, 2100.0)


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = [(a, b, np.log(m)) for a, b in INTERVALS for m in MEANS]
    lower, upper, eta = np.array(rows, dtype=float).T
    return lower, upper, eta


def exact_parts(family: str, a: float, b: float, eta: float, alpha: float) -> tuple[float, float, float]:
    """Log probability and two derivatives by mpmath: term recurrences with their derivatives, in many digits."""
    mu, dispersion = mp.exp(mp.mpf(eta)), mp.mpf(alpha)
    # An open upper end is summed from far above the mean only; elsewhere its complement is.
    complement = np.isinf(b) and (a <= np.exp(eta) or (family == "nb2" and alpha * np.exp(eta) > 50.0))
    if complement:
        a, b = 0.0, a - 1.0
    last = int(b) if np.isfinite(b) else None
    if family == "poisson":
        term, score, second = mp.exp(-mu), -mu, -mu
    else:
        size = 1 / dispersion if family == "nb2" else mu / dispersion
        term = (1 + mu / size) ** -size
        score = -mu / (1 + mu / size) if family == "nb2" else -size * mp.log1p(dispersion)
        second = -mu / (1 + mu / size) ** 2 if family == "nb2" else score
    p, p1, p2 = mp.mpf(0), mp.mpf(0), mp.mpf(0)
    j = 0
    while True:
        if j >= a:
            p, p1, p2 = p + term, p1 + term * score, p2 + term * (second + score**2)
        if j == last:
            break
        if last is None and j > max(a, mu) + 5 and term * (j + 1) ** 4 < p * mp.mpf(10) ** -32:
            break
        if family == "poisson":
            ratio, d1, d2 = mu / (j + 1), mp.mpf(1), mp.mpf(0)
        elif family == "nb2":
            ratio = (j + size) * mu / ((size + mu) * (j + 1))
            d1, d2 = size / (size + mu), -size * mu / (size + mu) ** 2
        else:
            ratio = (j + size) * dispersion / ((1 + dispersion) * (j + 1))
            d1, d2 = size / (j + size), size * j / (j + size) ** 2
        term, score, second, j = term * ratio, score + d1, second + d2, j + 1
    if complement:
        p, p1, p2 = 1 - p, -p1, -p2
    log_p = mp.log(p)
    return float(log_p), float(p1 / p), float(p2 / p - (p1 / p) ** 2)


CASES = [("poisson", 0.0), *((f, a) for f in ("nb2", "nb1") for a in (1e-3, 0.4, 3.0))]


@pytest.mark.parametrize(("family", "alpha"), CASES)
def test_against_many_digits(family: str, alpha: float) -> None:
    lower, upper, eta = grid()
    got = interval_derivatives(family, lower, upper, eta, alpha)
    # Digits enough for a probability within exp(-2000) of 1.
    with mp.workdps(900):
        keep = np.arange(eta.size)[::5] if alpha != 0.4 else np.arange(eta.size)[::3]
        truth = np.array([exact_parts(family, lower[i], upper[i], eta[i], alpha) for i in keep]).T
    for value, want in zip((got.loglik, got.d_eta, got.d2_eta), truth, strict=True):
        assert_allclose(value[keep], want, rtol=1e-10, atol=1e-280)
    assert_array_equal(interval_loglik(family, lower, upper, eta, alpha), got.loglik)


@pytest.mark.parametrize("family", ["nb2", "nb1", "poisson"])
def test_open_ends_of_any_probability_against_many_digits(family: str) -> None:
    rows = [(a, m) for a in (1.0, 10.0, 75.0) for m in (0.05, 2.0, 8.0, 30.0, 200.0)]
    lower, means = np.array(rows).T
    for alpha in (0.05, 1.0, 12.0) if family != "poisson" else (0.0,):
        got = interval_derivatives(family, lower, np.full(lower.size, INF), np.log(means), alpha)
        with mp.workdps(400):
            truth = np.array([exact_parts(family, a, INF, float(np.log(m)), alpha) for a, m in rows]).T
        for value, want in zip((got.loglik, got.d_eta, got.d2_eta), truth, strict=True):
            assert_allclose(value, want, rtol=1e-10, atol=1e-280)


@pytest.mark.parametrize(("family", "alpha"), [("poisson", 0.0), ("nb2", 1.0), ("nb2", 30.0), ("nb1", 9.0)])
def test_an_open_end_costs_no_sum_over_its_tail(family: str, alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # "10+" at a mean of 8: the tail has hundreds of members that count, the other side has ten.
    summed = []
    density = families.loglik

    def counted(name: str, y: np.ndarray, eta: np.ndarray, dispersion: float) -> np.ndarray:
        summed.append(y.size)
        return density(name, y, eta, dispersion)

    monkeypatch.setattr(families, "loglik", counted)
    rows = 50
    interval_derivatives(
        family, np.full(rows, 10.0), np.full(rows, INF), np.full(rows, np.log(8.0)), alpha, with_alpha=True
    )
    assert sum(summed) <= 30 * rows


def upper_tail(a: float, eta: float) -> mp.mpf:
    """P(Y >= a) of a Poisson count by the series of the lower incomplete gamma function, P(a, mu)."""
    mu, k, total, term = mp.exp(mp.mpf(eta)), mp.mpf(a), mp.mpf(0), mp.mpf(1)
    while term > total * mp.mpf(10) ** -60:
        total, k = total + term, k + 1
        term *= mu / k
    return total * mp.exp(mp.mpf(a) * mp.log(mu) - mu - mp.loggamma(mp.mpf(a) + 1))


@pytest.mark.parametrize("mean", [3e3, 2e4, 1e7])
def test_poisson_of_large_means_against_the_gamma_series(mean: float) -> None:
    z = np.array([-12.0, -1.0, 0.3, 2.0, 8.0, 20.0])
    lower, eta = np.floor(mean + z * np.sqrt(mean)), np.full(z.size, np.log(mean))
    for upper in (np.full(z.size, INF), lower + np.floor(3.0 * np.sqrt(mean))):
        got = interval_derivatives("poisson", lower, upper, eta, 0.0)
        with mp.workdps(80):
            for i in range(z.size):
                p = upper_tail(lower[i], eta[i]) - (upper_tail(upper[i] + 1, eta[i]) if np.isfinite(upper[i]) else 0)
                assert_allclose(got.loglik[i], float(mp.log(p)), rtol=1e-10)
        assert np.all(np.isfinite(got.d2_eta))


def test_poisson_tail_agrees_with_the_incomplete_gamma_function_of_mpmath() -> None:
    lower = np.array([1.0, 3.0, 40.0, 300.0])
    eta = np.log(np.array([0.01, 6.0, 12.0, 290.0]))
    got = interval_loglik("poisson", lower, np.full(4, INF), eta, 0.0)
    with mp.workdps(60):
        want = [
            mp.log(mp.gammainc(mp.mpf(a), 0, mp.exp(mp.mpf(e)), regularized=True))
            for a, e in zip(lower, eta, strict=True)
        ]
    assert_allclose(got, [float(w) for w in want], rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1e-9, 0.3, 20.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_width_zero_is_the_density_exactly(family: str, alpha: float) -> None:
    y = np.array([0.0, 1.0, 2.0, 17.0, 300.0, 1e6])
    eta = np.log(np.array([0.2, 3.0, 1.0, 20.0, 250.0, 9e5]))
    got = interval_derivatives(family, y, y, eta, alpha)
    want = families.derivatives(family, y, eta, alpha, order=2)
    assert_array_equal(got.d_eta, want.d_eta)
    assert_array_equal(got.d2_eta, want.d2_eta)
    assert_array_equal(got.loglik, want.loglik)
    assert_allclose(got.loglik, families.loglik(family, y, eta, alpha), rtol=1e-13)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize(("family", "alpha"), CASES)
def test_partition_sums_to_one(family: str, alpha: float, mean: float) -> None:
    lower = np.array([0.0, 1.0, 5.0, 6.0, 100.0, 110.0, 500.0, 2000.0])
    upper = np.append(lower[1:] - 1.0, INF)
    log_p = interval_loglik(family, lower, upper, np.full(lower.size, np.log(mean)), alpha)
    assert_allclose(np.exp(log_p).sum(), 1.0, rtol=1e-12)


@pytest.mark.parametrize(("family", "alpha"), CASES)
def test_derivatives_against_central_differences(family: str, alpha: float) -> None:
    lower, upper, eta = grid()
    h = 1e-5
    at = interval_derivatives(family, lower, upper, eta, alpha)
    up, down = (interval_derivatives(family, lower, upper, eta + d, alpha) for d in (h, -h))
    scale = 1e-6 * (1.0 + np.abs(at.loglik))
    assert np.all(np.abs((up.loglik - down.loglik) / (2 * h) - at.d_eta) < scale + 1e-6 * np.abs(at.d_eta))
    scale = 1e-6 * (1.0 + np.abs(at.d_eta))
    assert np.all(np.abs((up.d_eta - down.d_eta) / (2 * h) - at.d2_eta) < scale + 1e-6 * np.abs(at.d2_eta))


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_small_dispersions_lead_to_poisson(family: str) -> None:
    lower, upper, eta = grid()
    want = interval_derivatives("poisson", lower, upper, eta, 0.0)
    zero = interval_derivatives(family, lower, upper, eta, 0.0)
    near = interval_derivatives(family, lower, upper, eta, 1e-22)
    for name in ("loglik", "d_eta", "d2_eta"):
        assert_array_equal(getattr(zero, name), getattr(want, name))
        assert_allclose(getattr(near, name), getattr(want, name), rtol=1e-8, atol=1e-280)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1e3])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_whole_axis_is_certain(family: str, alpha: float) -> None:
    eta = np.array([-800.0, -20.0, 0.0, 10.0, 40.0, 300.0])
    got = interval_derivatives(family, np.zeros(6), np.full(6, INF), eta, alpha)
    for value in (got.loglik, got.d_eta, got.d2_eta):
        assert_array_equal(value, np.zeros(6))


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        ([0, 3, 5], [1, 2, 4], r"lower > upper in rows 1, 2 "),
        ([0, -1, 0], [1, 2, 4], r"negative or not a number in rows 1 "),
        ([0, 0, 0], [1, 2, np.nan], r"negative or not a number in rows 2 "),
        ([0.5, 0, 0], [1, 2, 3], r"not integers .* in rows 0 "),
        ([0, 0, INF], [1, 2, INF], r"not integers .* in rows 2 "),
        ([0, 0, 0], [1, 2, 1e17], r"2\^53 in rows 2 "),
    ],
)
def test_impossible_bounds_name_their_rows(lower: list, upper: list, text: str) -> None:
    with pytest.raises(DomainError, match=text):
        interval_loglik("poisson", np.array(lower, float), np.array(upper, float), np.zeros(3), 0.0)


def test_many_bad_rows_are_abbreviated_and_alpha_is_checked() -> None:
    with pytest.raises(DomainError, match="rows 0, 1, 2, 3, 4 and 4 more"):
        interval_loglik("nb2", np.ones(9), np.zeros(9), np.zeros(9), 1.0)
    with pytest.raises(DomainError, match="dispersion"):
        interval_loglik("nb2", np.zeros(1), np.ones(1), np.zeros(1), -1.0)


def test_sums_that_would_be_too_long_are_refused() -> None:
    lower, upper, eta = np.array([0.0, 1e9]), np.array([4.0, INF]), np.array([1.0, np.log(1e9)])
    with pytest.raises(DomainError, match=r"32000 members in rows 1 "):
        interval_loglik("nb1", lower, upper, eta, 2.0)


def test_tiny_dispersions_are_not_rounded_to_poisson() -> None:
    lower, upper, eta = np.array([9800.0]), np.array([10500.0]), np.log(np.array([1e4]))
    for alpha in (1e-9, 5e-8, 2e-7):
        members = np.arange(9800.0, 10501.0)
        want = np.log(np.exp(families.loglik("nb2", members, np.full(701, eta[0]), alpha)).sum())
        assert_allclose(interval_loglik("nb2", lower, upper, eta, alpha), want, rtol=1e-10)


def test_no_rows() -> None:
    none = np.empty(0)
    assert interval_loglik("nb2", none, none, none, 0.5).shape == (0,)
