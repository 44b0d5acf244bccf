"""Effects given the data: moments against brute force, draws against moments."""

import numpy as np
import pytest

from dwangstats.numerics.thinned.posterior import draw_effects, posterior
from unit.numerics.thinned.thinned_worlds import brute_force, make_problem, random_vector

DRAWS = 800


def test_moments_of_v_by_the_score_of_its_mean() -> None:
    """Shifting the logit of one group by h changes its log likelihood at the rate E[v] / sv^2."""
    problem = make_problem(1, rho=0.0)
    vector = random_vector(problem)
    found = posterior(problem, vector, nodes=(41, 15))
    sv = float(vector[problem.layout.sv][0])
    assert found.weight.sum(axis=(1, 2)) == pytest.approx(np.ones(problem.groups), abs=1e-12)
    # d/d sv of the log likelihood is E[v^2] / sv^3 - 1 / sv when rho is 0: the variance enters through the prior only.
    step = 1e-5
    moved = [vector + side * step * np.eye(vector.size)[problem.layout.sv.start] for side in (1.0, -1.0)]
    slope = (brute_force(problem, moved[0], 401) - brute_force(problem, moved[1], 401)) / (2.0 * step)
    second_moment = found.sd_v**2 + found.mean_v**2
    assert slope == pytest.approx(second_moment / sv**3 - 1.0 / sv, abs=1e-6)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_draws_have_the_moments_of_the_posterior(family: str) -> None:
    problem = make_problem(2, family=family, groups=5)
    vector = random_vector(problem)
    found = posterior(problem, vector, nodes=(41, 15))
    u, v, silent = draw_effects(problem, np.tile(vector, (DRAWS, 1)), np.random.default_rng(1))
    assert not silent.any()
    for draws, mean, sd in ((u, found.mean_u, found.sd_u), (v, found.mean_v, found.sd_v)):
        # Monte Carlo errors: sd / sqrt(800) = 0.035 sd, and 0.025 relative on the standard deviation; 4 of each.
        assert np.all(np.abs(draws.mean(axis=0) - mean) < 0.14 * sd)
        assert draws.std(axis=0) == pytest.approx(sd, rel=0.1)


def test_silent_providers_are_drawn_as_often_as_they_are_probable() -> None:
    problem = make_problem(3, silent=True, mean=1.0, linked=3.0)
    vector = random_vector(problem)
    found = posterior(problem, vector)
    assert np.all(found.silent[2:] == 0.0)
    assert np.all((found.silent[:2] > 0.0) & (found.silent[:2] < 1.0))
    _, _, silent = draw_effects(problem, np.tile(vector, (1000, 1)), np.random.default_rng(2))
    assert silent.mean(axis=0) == pytest.approx(found.silent, abs=4.0 * 0.5 / np.sqrt(1000.0))


def test_draws_repeat_with_the_same_generator() -> None:
    problem = make_problem(4)
    vectors = np.tile(random_vector(problem), (3, 1))
    first, second = (draw_effects(problem, vectors, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_effects_that_the_model_lacks_are_zero() -> None:
    for effects, place in (("rate", 1), ("registration", 0), ("none", 0)):
        problem = make_problem(5, effects=effects)
        drawn = draw_effects(problem, random_vector(problem)[None], np.random.default_rng(6))
        assert not drawn[place].any()


def test_draws_at_scattered_parameters_find_their_own_nodes() -> None:
    """A scale of zero next to a large one: the nodes of the first serve the second only after a new search."""
    problem = make_problem(7, groups=5, rho=0.0)
    vector = random_vector(problem)
    vectors = np.tile(vector, (600, 1))
    vectors[1::2, problem.layout.sv] = 1.6
    vectors[0::2, problem.layout.sv] = 0.05
    _, v, _ = draw_effects(problem, vectors, np.random.default_rng(8))
    for half in (0, 1):
        found = posterior(problem, vectors[half], nodes=(41, 15))
        assert np.all(np.abs(v[half::2].mean(axis=0) - found.mean_v) < 4.0 * found.sd_v / np.sqrt(300.0))
        assert v[half::2].std(axis=0) == pytest.approx(found.sd_v, rel=0.17)
