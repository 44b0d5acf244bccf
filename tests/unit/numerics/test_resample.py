import numpy as np
import pytest

from dwangstats._types import FamilyName
from dwangstats.errors import FitError
from dwangstats.numerics.likelihood import Problem
from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.resample import Refitter, draw_counts, parameter_values, simulate_counts


@pytest.mark.parametrize(
    ("family", "alpha", "variance"), [("poisson", 0.0, 4.0), ("nb2", 0.5, 12.0), ("nb1", 0.5, 6.0), ("nb2", 0.0, 4.0)]
)
def test_mean_and_variance_of_counts(family: FamilyName, alpha: float, variance: float) -> None:
    counts = draw_counts(family, np.full(200_000, np.log(4.0)), alpha, np.random.default_rng(1))
    # 200,000 counts: the variance is known to about half a percent
    assert counts.mean() == pytest.approx(4.0, rel=0.01)
    assert counts.var() == pytest.approx(variance, rel=0.03)


def test_means_too_large_for_counts_are_refused() -> None:
    with pytest.raises(FitError, match="too large"):
        draw_counts("poisson", np.array([100.0]), 0.0, np.random.default_rng(1))


def test_random_effects_have_the_covariance_of_the_model() -> None:
    groups = 20_000
    codes = np.repeat(np.arange(groups), 2)
    Z = np.column_stack((np.ones(2 * groups), np.tile([0.0, 1.0], groups)))
    terms = (Term(codes, Z, True, "g"),)
    problem = Problem(np.ones((2 * groups, 1)), np.zeros(2 * groups), np.zeros(2 * groups), terms, "poisson")
    vector = np.array([8.0, 0.3, 0.1, 0.2])
    logs = np.log(simulate_counts(problem, vector, np.random.default_rng(2))).reshape(groups, 2)
    found = np.cov(logs[:, 0], logs[:, 1] - logs[:, 0])
    # counts near 3,000 add 3e-4 to variances; 20,000 groups give one percent
    np.testing.assert_allclose(found, [[0.09, 0.03], [0.03, 0.05]], rtol=0.05)
    np.testing.assert_allclose(parameter_values(problem.layout, vector), [8.0, 0.3, 0.447214, 0.05**0.5], rtol=1e-6)


def test_extra_zeros_are_drawn() -> None:
    ones = np.ones((50_000, 1))
    problem = Problem(ones, np.zeros(50_000), np.zeros(50_000), (), "poisson", ones)
    counts = simulate_counts(problem, np.array([5.0, 0.0]), np.random.default_rng(3))
    assert np.mean(counts == 0.0) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_refit_is_a_fit(family: FamilyName) -> None:
    rng = np.random.default_rng(5)
    codes = rng.permutation(np.repeat(np.arange(30), 10))
    X = np.column_stack((np.ones(300), 2020.0 + rng.integers(0, 4, 300)))
    terms = (Term(codes, np.ones((300, 1)), True, "g"),)
    y = rng.poisson(np.exp(1.0 + 0.5 * rng.normal(size=30)[codes]) * rng.gamma(4.0, 0.25, 300)).astype(float)
    fit = fit_mixed(X, y, np.zeros(300), terms, family)
    problem = Problem(X, y, np.zeros(300), terms, family, None, fit.nodes)
    refitter = Refitter(problem, fit.vector)
    for seed in range(3):
        counts = simulate_counts(problem, fit.vector, np.random.default_rng(seed))
        found, expected = refitter.refit(counts), fit_mixed(X, counts, np.zeros(300), terms, family, nodes=fit.nodes)
        # a thousandth of a standard error from the maximum costs 1e-6 of log likelihood
        assert found.loglik == pytest.approx(expected.loglik, abs=1e-5)
        assert found.vector[2] == pytest.approx(expected.vector[2], abs=1e-3)
    with pytest.raises(FitError, match="no events"):
        refitter.refit(np.zeros(300))
