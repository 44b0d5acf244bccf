import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.numerics.leave_out import cluster_scores, leave_out
from dwangstats.numerics.likelihood import Likelihood, Problem, vector_information
from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.structure import Term


def nested() -> tuple[Problem, np.ndarray]:
    rng = np.random.default_rng(9)
    provider, location = np.repeat(np.arange(16), 9), np.repeat(np.arange(48), 3)
    shuffled = rng.permutation(144)
    provider, location = provider[shuffled], location[shuffled]
    X = np.column_stack((np.ones(144), rng.normal(size=144)))
    effect = 0.5 * rng.normal(size=16)[provider] + 0.3 * rng.normal(size=48)[location]
    y = rng.poisson(np.exp(1.0 + 0.3 * X[:, 1] + effect)).astype(float)
    ones = np.ones((144, 1))
    terms = (Term(provider, ones, True, "provider"), Term(location, ones, True, "location"))
    return Problem(X, y, np.zeros(144), terms, "poisson"), provider


def test_scores_add_up_to_the_gradient() -> None:
    problem, provider = nested()
    vector = np.array([0.8, 0.2, 0.4, 0.3])
    found = cluster_scores(problem, vector, provider)
    np.testing.assert_allclose(found.sum(axis=0), Likelihood(problem)(vector)[1], rtol=1e-8)
    coarse = cluster_scores(problem, vector, provider // 4)
    np.testing.assert_allclose(coarse, found.reshape(4, 4, 4).sum(axis=1), rtol=1e-8)


def test_close_to_fits_without_each_provider() -> None:
    problem, provider = nested()
    fit = fit_mixed(problem.X, problem.y, problem.offset, problem.terms, "poisson")
    information = vector_information(problem, fit.vector, fit.information, fit.free)
    found = leave_out(problem, fit.vector, information, fit.free, provider)
    expected = []
    for g in range(16):
        rest = problem.rows(provider != g)
        without = fit_mixed(rest.X, rest.y, rest.offset, rest.terms, "poisson")
        expected.append(Likelihood(problem.rows(provider == g))(without.vector)[0])
    # steps below half a standard error err by its third power or so; longer ones were fitted again
    np.testing.assert_allclose(found.scores, expected, atol=0.03)
    np.testing.assert_allclose(found.scores[found.refitted], np.array(expected)[found.refitted], atol=1e-4)
    assert 0 < found.refitted.sum() < 12


def test_groups_in_several_clusters_are_refused() -> None:
    problem, provider = nested()
    with pytest.raises(DomainError, match="more than one cluster"):
        cluster_scores(problem, np.array([0.8, 0.2, 0.4, 0.3]), np.arange(144) % 2)
    assert provider.size == 144
