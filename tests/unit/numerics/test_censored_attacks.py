"""Rounded, suppressed and top-coded counts: identities of probability that need no second implementation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from dwangstats._types import FamilyName
from dwangstats.numerics import families
from dwangstats.numerics.censored import interval_derivatives, interval_loglik

CASES: list[tuple[FamilyName, float]] = [("poisson", 0.0), ("nb2", 0.4), ("nb2", 1e-5), ("nb1", 1.5)]


def bins(base: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts from 0 to infinity in bins of one width, the last one open."""
    lower = np.arange(0.0, last, base)
    return lower, np.append(lower[1:] - 1.0, np.inf)


@pytest.mark.parametrize(("family", "alpha"), CASES)
@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0, 900.0])
def test_coarser_rounding_tells_less_and_scores_average_to_zero(family: FamilyName, alpha: float, mean: float) -> None:
    information = []
    for base in (1, 5, 25, 125):
        lower, upper = bins(base, int(40 + 12 * mean))
        found = interval_derivatives(family, lower, upper, np.full(lower.size, np.log(mean)), alpha)
        p = np.exp(found.loglik)
        # sums of up to 10,000 probabilities with 1e-13 each
        assert p.sum() == pytest.approx(1.0, abs=1e-9)
        assert p @ found.d_eta == pytest.approx(0.0, abs=1e-8 * (1.0 + mean))
        assert p @ (found.d2_eta + found.d_eta**2) == pytest.approx(0.0, abs=1e-8 * (1.0 + mean) ** 2)
        information.append(float(-(p @ found.d2_eta)))
    expected = {"poisson": mean, "nb2": mean / (1.0 + alpha * mean)}
    if family in expected:
        assert information[0] == pytest.approx(expected[family], rel=1e-7)
    assert np.all(np.diff(information) <= 1e-9 * information[0])
    assert all(one >= 0.0 for one in information)


@pytest.mark.parametrize(("family", "alpha"), CASES)
@pytest.mark.parametrize("eta", [-4.0, 1.0, 6.0, 9.5])
def test_a_wider_interval_is_more_probable_across_all_ways_of_computing(
    family: FamilyName, alpha: float, eta: float
) -> None:
    mean = np.exp(eta)
    spread = np.sqrt(mean * (1.0 + (alpha * mean if family == "nb2" else alpha)))
    lower = max(0.0, np.floor(mean - 1.5 * spread))
    upper = lower + np.unique(np.floor(np.append(np.geomspace(1.0, 40.0 * spread + 300.0, 60), [255.0, 256.0, 257.0])))
    upper = np.concatenate(([lower], upper, [np.inf]))
    found = interval_derivatives(family, np.full(upper.size, lower), upper, np.full(upper.size, eta), alpha)
    exact = families.derivatives(family, upper[:1], np.full(1, eta), alpha, order=2)
    assert found.loglik[0] == exact.loglik[0]
    assert found.d_eta[0] == exact.d_eta[0]
    assert found.d2_eta[0] == exact.d2_eta[0]
    # neighbours may be computed in different ways, each right to about 1e-12
    assert np.all(np.diff(found.loglik) > -1e-11)
    assert np.all(found.loglik <= 0.0)
    # a bound from above pulls the mean down, less and less as it goes away
    assert np.all(np.diff(found.d_eta - found.d_eta[-1])[found.loglik[1:] > -0.1] > -1e-9 * (1.0 + spread))


@pytest.mark.parametrize(("family", "alpha"), CASES)
@pytest.mark.parametrize(("lower", "upper"), [(0.0, 9.0), (10.0, np.inf), (95.0, 104.0), (2000.0, 2600.0)])
def test_derivatives_are_those_of_the_log_probability(
    family: FamilyName, alpha: float, lower: float, upper: float
) -> None:
    eta = np.linspace(np.log(max(lower, 4.0)) - 0.7, np.log(max(lower, 4.0)) + 0.7, 9)
    h = 1e-4

    def at(shift: float) -> np.ndarray:
        return interval_loglik(family, np.full(9, lower), np.full(9, upper), eta + shift, alpha)

    found = interval_derivatives(family, np.full(9, lower), np.full(9, upper), eta, alpha)
    slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
    # rounding 1e-13 |log P| / h, truncation h^4 times the fifth derivative, at most the third power of the count
    assert_allclose(found.d_eta, slope, rtol=1e-6, atol=1e-6)
    turned = np.array([interval_derivatives(family, *_rows(lower, upper, eta + s), alpha).d_eta for s in (h, -h)])
    assert_allclose(found.d2_eta, (turned[0] - turned[1]) / (2.0 * h), rtol=1e-4, atol=1e-5)


def _rows(lower: float, upper: float, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full(eta.size, lower), np.full(eta.size, upper), eta


def test_suppressed_counts_lead_back_to_their_mean() -> None:
    """Counts below 5 known as such and the rest rounded to 5: the mean comes back, that of the midpoints does not."""
    y = np.random.default_rng(3).poisson(1.5, 20_000).astype(float)
    lower = np.where(y < 5.0, 0.0, 5.0 * np.floor(y / 5.0))
    found = minimize_scalar(
        lambda eta: -interval_loglik("poisson", lower, lower + 4.0, np.full(y.size, eta), 0.0).sum(),
        bounds=(-1.0, 3.0),
        method="bounded",
        options={"xatol": 1e-8},
    )
    # information (5 f(5))^2 / P(Y >= 5) P(Y < 5) = 0.27 per count: a standard error of 0.014, four of them
    assert found.x == pytest.approx(np.log(1.5), abs=0.055)
    assert np.log((lower + 2.0).mean()) - np.log(1.5) > 0.3
