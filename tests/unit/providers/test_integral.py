"""The integral over a provider's effect against brute force."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import simpson
from scipy.special import logsumexp

from dwangstats.numerics.families import loglik
from dwangstats.providers.integral import EffectModel, ProviderRows, log_integrals

POISSON = EffectModel("poisson", 0.0, 0.8)
NB2 = EffectModel("nb2", 0.35, 0.8)
CASES = {
    "one zero": ([0.0], [1.2]),
    "zeros": ([0.0, 0.0, 0.0], [1.2, 0.4, 2.0]),
    "zeros of a large provider": ([0.0] * 6, [7.0] * 6),
    "counts": ([3.0, 5.0, 9.0], [1.2, 0.4, 2.0]),
    "zeros beside counts": ([0.0, 0.0, 40.0, 61.0], [3.0, 3.2, 3.1, 3.9]),
    "large counts": ([15_000.0, 14_800.0, 0.0], [9.0, 9.1, 8.9]),
}


def single(y: list[float], eta: list[float]) -> ProviderRows:
    return ProviderRows(np.array(y), np.array(eta), np.zeros(len(y), dtype=np.intp), 1)


def brute(y: list[float], eta: list[float], model: EffectModel, tilt: float = 0.0) -> float:
    """Log of the integral by Simpson's rule on 400,001 places, with all constants of the counts."""
    u = np.linspace(-40.0, 40.0, 400_001)
    height = tilt * model.sd * u - 0.5 * u**2 - 0.5 * np.log(2.0 * np.pi)
    for count, mean in zip(y, eta, strict=True):
        values = loglik(model.family, np.full(u.size, count), mean + model.sd * u, model.alpha)
        if count == 0.0:
            values = np.logaddexp(_log(model.nothing), np.log1p(-model.nothing) + values)
        height += values
    top = height.max()
    return float(top + np.log(simpson(np.exp(height - top), x=u)))


def _log(value: float) -> float:
    return float(np.log(value)) if value > 0.0 else -np.inf


def constants(y: list[float], model: EffectModel) -> float:
    """What the brute force has on top: the factors of the counts without the mean, from one and the same mean."""
    counts, eta = np.array(y), np.zeros(len(y))
    kernel = (
        counts * eta - np.exp(eta)
        if model.alpha == 0.0
        else counts * eta - (counts + 1.0 / model.alpha) * np.log1p(model.alpha * np.exp(eta))
    )
    return float((loglik(model.family, counts, eta, model.alpha) - kernel).sum())


@pytest.mark.parametrize("model", [POISSON, NB2, EffectModel("nb2", 0.02, 2.5)], ids=["poisson", "nb2", "wide"])
@pytest.mark.parametrize("case", CASES)
def test_it_equals_brute_force(case: str, model: EffectModel) -> None:
    y, eta = CASES[case]
    found = float(log_integrals(single(y, eta), model)[0])
    # rounding of the log densities in the sum over 400,001 places
    assert_allclose(found + constants(y, model), brute(y, eta, model), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("nothing", [0.01, 0.2, 0.6])
@pytest.mark.parametrize("case", ["one zero", "zeros", "zeros of a large provider", "zeros beside counts"])
def test_it_equals_brute_force_where_there_may_be_nothing_to_register(case: str, nothing: float) -> None:
    y, eta = CASES[case]
    model = EffectModel("nb2", 0.1, 0.8, nothing)
    found = float(log_integrals(single(y, eta), model)[0])
    assert_allclose(found + constants(y, model), brute(y, eta, model), rtol=0.0, atol=1e-9)


def test_tilted_it_is_the_numerator_of_the_expected_multiplier() -> None:
    y, eta = CASES["zeros beside counts"]
    found = float(log_integrals(single(y, eta), NB2, tilt=1.0)[0])
    assert_allclose(found + constants(y, NB2), brute(y, eta, NB2, tilt=1.0), rtol=0.0, atol=1e-9)


def test_without_rows_it_is_that_of_the_population() -> None:
    rows = ProviderRows(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp), 2)
    # a normal density integrates to 1, and exp(sd u) has the mean exp(sd^2 / 2)
    assert_allclose(log_integrals(rows, NB2), 0.0, atol=1e-13)
    assert_allclose(log_integrals(rows, NB2, tilt=1.0), 0.8**2 / 2.0, atol=1e-13)


def test_without_spread_it_is_the_density() -> None:
    rows = single([0.0, 0.0], [1.0, 2.0])
    for model in (EffectModel("poisson", 0.0, 0.0), EffectModel("nb2", 0.5, 0.0)):
        expected = loglik(model.family, np.zeros(2), np.array([1.0, 2.0]), model.alpha).sum()
        assert_allclose(log_integrals(rows, model), expected, rtol=1e-13)


def test_the_largest_expected_counts_do_not_underflow() -> None:
    eta = np.log(1e9)
    at_own_level = log_integrals(single([0.0], [eta]), EffectModel("poisson", 0.0, 1e-6))[0]
    assert_allclose(at_own_level, -1e9, rtol=2e-3)
    # all mass lies where sd u is near -log(1e9): the tail of the normal bounds the probability from both sides
    of_population = log_integrals(single([0.0], [eta]), EffectModel("poisson", 0.0, 1.0))[0]
    assert -0.5 * eta**2 - 10.0 < of_population < -0.5 * (eta - np.log(eta**2)) ** 2 + 10.0
    with_others = log_integrals(single([0.0, 1e9], [eta, eta]), EffectModel("poisson", 0.0, 1.0))
    alone = log_integrals(single([1e9], [eta]), EffectModel("poisson", 0.0, 1.0))
    # the best common level of a count of 1e9 and a zero is half: 1e9 log(1/2)
    assert_allclose(with_others[0] - alone[0], -1e9 * np.log(2.0), rtol=1e-6)


def test_nb2_without_dispersion_is_poisson() -> None:
    rows = single(*CASES["zeros beside counts"])
    poisson = log_integrals(rows, EffectModel("poisson", 0.0, 0.8))
    assert_allclose(log_integrals(rows, EffectModel("nb2", 0.0, 0.8)), poisson, rtol=1e-14)
    assert_allclose(log_integrals(rows, EffectModel("nb2", 1e-9, 0.8)), poisson, rtol=1e-6)


@pytest.mark.parametrize("make", [lambda r: EffectModel("poisson", 0.0, r), lambda r: EffectModel("nb2", 0.2, r)])
def test_cases_do_not_know_of_each_other(make: Callable[[float], EffectModel]) -> None:
    rng = np.random.default_rng(3)
    case = np.sort(rng.integers(0, 7, size=30))
    rows = ProviderRows(rng.poisson(2.0, size=30).astype(float), rng.normal(size=30), case, 8)
    model = make(0.7)
    together = log_integrals(rows, model)
    for number in range(8):
        mine = case == number
        alone = ProviderRows(rows.y[mine], rows.eta[mine], np.zeros(int(mine.sum()), dtype=np.intp), 1)
        assert_allclose(log_integrals(alone, model)[0], together[number], rtol=0.0, atol=1e-12)


def test_it_is_an_average_over_draws() -> None:
    rng = np.random.default_rng(11)
    y, eta = CASES["zeros"]
    u = rng.standard_normal(400_000)
    heights = sum(loglik("nb2", np.zeros(u.size), e + NB2.sd * u, NB2.alpha) for e in eta)
    simulated = logsumexp(heights) - np.log(u.size)
    # the relative standard error of the mean of these draws is below 0.3 %
    assert_allclose(log_integrals(single(y, eta), NB2)[0], simulated, atol=0.012)
