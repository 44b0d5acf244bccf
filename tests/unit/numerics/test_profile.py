import numpy as np
import pytest
from scipy.optimize import minimize

from dwangstats._types import Vector
from dwangstats.errors import FitError
from dwangstats.numerics.likelihood import Likelihood, Problem
from dwangstats.numerics.mixed.fit import MixedFit, fit_mixed
from dwangstats.numerics.mixed.parameters import Parameters, pack, unpack
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.profile import Profile, Target, drop_at_zero, profile

CUTOFF = 3.841459


def slopes(order: tuple[int, ...]) -> Problem:
    """25 groups with correlated levels and trends; the effects in the order given."""
    rng = np.random.default_rng(4)
    group, time = np.repeat(np.arange(25), 8), np.tile(np.arange(8) / 7.0, 25)
    effects = rng.multivariate_normal([0.0, 0.0], [[0.25, 0.12], [0.12, 0.36]], 25)
    X = np.column_stack((np.ones(200), rng.normal(size=200)))
    y = rng.poisson(np.exp(1.5 + 0.2 * X[:, 1] + effects[group, 0] + effects[group, 1] * time)).astype(float)
    Z = np.column_stack((np.ones(200), time))[:, list(order)]
    return Problem(X, y, np.zeros(200), (Term(group, Z, True, "group"),), "poisson")


def fitted(problem: Problem) -> MixedFit:
    return fit_mixed(problem.X, problem.y, problem.offset, problem.terms, problem.family, nodes=problem.nodes)


def ends(found: Profile) -> Vector:
    return np.array([found.lower, found.upper])


def test_order_of_the_effects_does_not_matter() -> None:
    one, other = slopes((0, 1)), slopes((1, 0))
    first, second = fitted(one).vector, fitted(other).vector
    for effect in (0, 1):
        a = profile(one, first, Target("sd", effect=effect), CUTOFF)
        b = profile(other, second, Target("sd", effect=1 - effect), CUTOFF)
        np.testing.assert_allclose(ends(a), ends(b), rtol=1e-4)
        assert a.at_zero == pytest.approx(b.at_zero, abs=1e-5)
    a, b = (
        profile(*pair, Target("correlation", effect=1, other=0), CUTOFF) for pair in ((one, first), (other, second))
    )
    np.testing.assert_allclose(ends(a), ends(b), atol=1e-4)


def test_ends_of_a_correlation_lose_the_cutoff() -> None:
    problem = slopes((0, 1))
    fit, likelihood = fitted(problem), Likelihood(problem)
    found = profile(problem, fit.vector, Target("correlation", effect=1, other=0), CUTOFF)
    assert -1.0 < found.lower < found.estimate < found.upper <= 1.0

    def negative(free: Vector) -> float:
        sds, rho = np.exp(free[2:]), found.lower
        L = np.array([[sds[0], 0.0], [rho * sds[1], np.sqrt(1 - rho**2) * sds[1]]])
        return -likelihood(pack(problem.layout, Parameters(free[:2], (L,), 0.0, np.zeros(0))))[0]

    start = np.array([*fit.beta, *np.log(np.sqrt(np.diag(fit.covariances[0])))])
    best = minimize(negative, start, method="BFGS", options={"gtol": 1e-3})
    # numerical gradients of 1e-3 leave 1e-5 of log likelihood
    assert 2.0 * (fit.loglik + float(best.fun)) == pytest.approx(CUTOFF, abs=1e-3)


def test_zero_drops_the_effect_with_its_covariance() -> None:
    problem = slopes((0, 1))
    fit = fitted(problem)
    term = problem.terms[0]
    for effect in (0, 1):
        left = Term(term.codes, term.Z[:, [1 - effect]], True, "group")
        without = fit_mixed(problem.X, problem.y, problem.offset, [left], "poisson", nodes=1)
        expected = 2.0 * (fit.loglik - without.loglik)
        assert drop_at_zero(problem, fit.vector, Target("sd", effect=effect)) == pytest.approx(expected, abs=1e-5)


def test_a_calendar_year_costs_no_digits() -> None:
    problem = slopes((0, 1))
    years = np.round(2020.0 + 4.0 * problem.X[:, 1])
    near, far = (
        Problem(np.column_stack((np.ones(200), x)), problem.y, problem.offset, problem.terms, "poisson")
        for x in (years - 2020.0, years)
    )
    found = [profile(p, fitted(p).vector, Target("beta", place=1), CUTOFF) for p in (near, far)]
    np.testing.assert_allclose(ends(found[0]), ends(found[1]), rtol=1e-5)


def test_an_end_that_is_never_reached_is_infinite() -> None:
    # one small count: however large the dispersion, the single event stays possible
    problem = Problem(np.ones((3, 1)), np.array([0.0, 0.0, 6.0]), np.zeros(3), (), "nb2")
    likelihood = Likelihood(problem)

    def negative(v: Vector) -> float:
        return -likelihood(np.array([v[0], np.exp(v[1])]))[0]

    best = minimize(negative, np.array([0.7, 1.0]), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    top = np.array([best.x[0], np.exp(best.x[1])])
    found = profile(problem, top, Target("alpha"), 12.0)
    assert found.upper > 100.0
    assert found.lower < top[1]


def test_a_point_that_is_no_maximum_is_noticed() -> None:
    problem = slopes((0, 1))
    vector = fitted(problem).vector
    at = unpack(problem.layout, vector)
    wrong = pack(problem.layout, Parameters(at.beta + np.array([0.5, 0.0]), at.scales, 0.0, at.zero))
    with pytest.raises(FitError, match="no maximum"):
        profile(problem, wrong, Target("beta", place=1), CUTOFF)
