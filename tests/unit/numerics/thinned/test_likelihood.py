"""Log likelihood against brute force, gradient against differences, and identities that must hold."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from dwangstats.errors import DomainError
from dwangstats.numerics import families
from dwangstats.numerics.mixed.model import evaluate as evaluate_mixed
from dwangstats.numerics.mixed.model import make_model
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.thinned.likelihood import SOURCES, evaluate
from dwangstats.numerics.thinned.problem import CountRows, ThinnedProblem
from unit.numerics.thinned.thinned_worlds import brute_force, make_problem, random_vector

#: With these nodes the quadrature error of the small problems is below the tolerances.
MANY = (41, 15)

#: Central differences with step 1e-5 of a log likelihood of about 1e2: rounding 1e-14 * 1e2 / 1e-5 = 1e-7.
GRADIENT = 1e-6

EFFECTS = [("none", 0.0), ("rate", 0.0), ("registration", 0.0), ("both", 0.3), ("both", None)]
EXTRAS = [
    (audit, linked, more)
    for audit, linked, more in itertools.product(("binomial", "beta-binomial"), (None, 1.0, 3.0), (False, True))
]


def differences(problem: ThinnedProblem, vector: np.ndarray, nodes: tuple[int, int] = MANY) -> np.ndarray:
    step = 1e-5
    ends = [
        [evaluate(problem, vector + sign * step * unit, nodes=nodes).value for sign in (1.0, -1.0)]
        for unit in np.eye(vector.size)
    ]
    return np.array([(up - down) / (2.0 * step) for up, down in ends])


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
@pytest.mark.parametrize(("effects", "rho"), EFFECTS)
def test_value_and_gradient_in_every_combination(family: str, effects: str, rho: float | None) -> None:
    """180 problems in all: audits, lists, and control with relaxation and silence, crossed."""
    for seed, (audit, linked, more) in enumerate(EXTRAS):
        problem = make_problem(
            seed,
            family=family,
            effects=effects,
            rho=rho,
            audit=audit,
            linked=linked,
            control=more,
            silent=more,
            groups=4,
            periods=3,
        )
        vector = random_vector(problem, seed + 1)
        found = evaluate(problem, vector, nodes=MANY)
        case = f"{audit}, linked {linked}, control and silence {more}"
        exact = brute_force(problem, vector, 201)
        # The rectangle rule with 201 points from -9 to 9 is exact to 1e-9 here.
        assert found.by_group == pytest.approx(exact, abs=2e-8), case
        gap = np.abs(found.gradient - differences(problem, vector)) / (1.0 + np.abs(found.gradient))
        assert gap.max() < GRADIENT, f"{case}: {problem.layout.labels[int(gap.argmax())]}"


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_scales_of_zero_are_the_fixed_effect_likelihood(family: str) -> None:
    both = make_problem(3, family=family)
    none = make_problem(3, family=family, effects="none")
    vector = random_vector(both)
    vector[both.layout.su] = vector[both.layout.sv] = 0.0
    keep = np.ones(vector.size, dtype=bool)
    keep[both.layout.su] = keep[both.layout.sv] = False
    fixed = evaluate(none, vector[keep]).by_group
    assert evaluate(both, vector, nodes=MANY).by_group == pytest.approx(fixed, abs=1e-11)
    # With 15 outer nodes the tails beyond 5.3 standard deviations are left out.
    assert evaluate(both, vector).by_group == pytest.approx(fixed, abs=2e-8)


@pytest.mark.parametrize("nodes", [(15, 7), MANY])
def test_the_gradient_is_exact_at_scales_of_zero(nodes: tuple[int, int]) -> None:
    """The likelihood is even in each scale, so both slopes vanish there when rho = 0."""
    problem = make_problem(4, rho=0.0)
    vector = random_vector(problem)
    vector[problem.layout.su] = vector[problem.layout.sv] = 0.0
    gradient = evaluate(problem, vector, nodes=nodes).gradient
    assert np.abs(gradient[problem.layout.su]) < 1e-9
    assert np.abs(gradient[problem.layout.sv]) < 1e-5


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_dispersion_zero_is_poisson_with_the_slope_of_the_limit(family: str) -> None:
    problem, poisson = make_problem(5, family=family), make_problem(5)
    vector = random_vector(problem)
    place = problem.layout.dispersion.start
    vector[place] = 0.0
    assert evaluate(problem, vector).value == pytest.approx(evaluate(poisson, np.delete(vector, place)).value, abs=1e-9)
    step = 1e-6
    ahead = [evaluate(problem, vector + k * step * np.eye(vector.size)[place], nodes=MANY).value for k in (0, 1, 2)]
    slope = (-1.5 * ahead[0] + 2.0 * ahead[1] - 0.5 * ahead[2]) / step
    # Second-order differences with that step: rounding 1e-13 * 1e2 / 1e-6.
    assert evaluate(problem, vector, nodes=MANY).gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_small_and_large_dispersions_of_nb2_meet() -> None:
    """The series for small dispersions and the direct form are one function."""
    problem = make_problem(6, family="nb2", effects="registration")
    vector = random_vector(problem)
    place = problem.layout.dispersion.start
    values = []
    for dispersion in np.geomspace(1e-6, 1e-2, 60):
        vector[place] = dispersion
        found = evaluate(problem, vector)
        values.append((dispersion, found.value, found.gradient[place]))
    a, value, slope = np.array(values).T
    trapezoid = np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(a))
    # The trapezoidal rule over sixty steps is off by the curvature times the squared steps.
    assert value[1:] - value[0] == pytest.approx(trapezoid, rel=1e-3)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_complete_registration_is_the_mixed_model(family: str) -> None:
    problem = make_problem(7, family=family, effects="rate", audit=None)
    counts, layout = problem.counts, problem.layout
    vector = random_vector(problem)
    vector[layout.alpha] = (60.0, 0.0, 0.0)
    term = Term(counts.group, np.ones((counts.y.size, 1)), True, "provider")
    mixed = make_model(counts.X, counts.y, counts.offset, (term,), family, None, 41)
    keep = np.concatenate((vector[layout.beta], vector[layout.su], vector[layout.dispersion]))
    found = evaluate(problem, vector, nodes=MANY, sources=("counts",))
    other = evaluate_mixed(mixed, keep)
    assert found.value == pytest.approx(other.value, abs=1e-9)
    places = [*range(layout.beta.start, layout.beta.stop), layout.su.start]
    assert found.gradient[places] == pytest.approx(other.gradient[: len(places)], abs=1e-6)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_registering_each_event_independently_gives_these_counts(family: str) -> None:
    """Summed over the true number of events: thinning changes mean and, for nb1, dispersion, and nothing else."""
    eta, p, a = 1.3, 0.35, 0.0 if family == "poisson" else 0.7
    events = np.arange(400.0)
    log_true = families.loglik(family, events, np.full(events.size, eta), a)
    one, zero = np.ones((1, 1)), np.zeros(1, dtype=np.intp)
    for y in (0.0, 1.0, 4.0, 9.0):
        counts = CountRows(one, one, np.array([y]), np.zeros(1), zero)
        problem = ThinnedProblem(family, 1, counts, False, False)
        vector = np.array([eta, np.log(p / (1 - p)), a][: problem.layout.size])
        total = np.exp(log_true) @ binom.pmf(y, events, p)
        assert evaluate(problem, vector).value == pytest.approx(np.log(total), abs=1e-9)


def test_reflection_with_provider_effects() -> None:
    """(u, v) -> (u + v, -v) and (beta, alpha) -> (beta + alpha, -alpha) leave the counts' likelihood alone."""
    base = make_problem(8, rho=None, audit=None)
    counts = base.counts
    problem = ThinnedProblem(
        "poisson", base.groups, CountRows(counts.X, counts.X, counts.y, counts.offset, counts.group), rho=None
    )
    vector = np.array([0.2, -0.1, 1.1, 0.4, 0.35, 0.7, np.arctanh(-0.3)])
    su, sv, rho = 0.35, 0.7, -0.3
    covariance = -(rho * su * sv + sv**2)
    scale = np.sqrt(su**2 + sv**2 + 2.0 * rho * su * sv)
    angle = np.arctanh(covariance / (scale * sv))
    mirrored = np.array([1.3, 0.3, -1.1, -0.4, scale, sv, angle])
    here, there = (evaluate(problem, point, nodes=(61, 31)) for point in (vector, mirrored))
    assert here.by_group == pytest.approx(there.by_group, abs=1e-9)


def test_fifteen_by_seven_nodes_suffice_for_sixty_providers() -> None:
    """As in the worked example: 60 providers, 12 quarters, 40 registered per cell, two thirds without an audit."""
    rng = np.random.default_rng(11)
    groups, periods = 60, 12
    group = np.repeat(np.arange(groups), periods)
    time = np.tile(np.linspace(-0.5, 0.5, periods), groups)
    u, v = rng.multivariate_normal((0.0, 0.0), [[0.16, -0.072], [-0.072, 0.36]], groups).T
    X = np.column_stack((np.ones(time.size), time))
    offset = np.full(time.size, np.log(52.0))
    p = 1.0 / (1.0 + np.exp(-(1.2 + 0.8 * time + v[group])))
    y = rng.poisson(np.exp(offset + 0.1 * time + u[group]) * p).astype(float)
    problem = ThinnedProblem("poisson", groups, CountRows(X, X, y, offset, group), rho=-0.3)
    vector = np.array([0.0, 0.1, 1.2, 0.8, 0.4, 0.6])
    exact = evaluate(problem, vector, nodes=(41, 11)).value
    assert evaluate(problem, vector, nodes=(61, 21)).value == pytest.approx(exact, abs=1e-6)
    # The smallest grid is within what a two-dimensional adaptive grid of 25 x 25 nodes reaches, 0.004.
    assert abs(evaluate(problem, vector, nodes=(15, 7)).value - exact) < 1e-4
    assert abs(evaluate(problem, vector, nodes=(9, 5)).value - exact) < 4e-3


def test_without_effects_the_sources_add_up() -> None:
    problem = make_problem(9, effects="none", control=True, linked=3.0)
    vector = random_vector(problem)
    parts = [evaluate(problem, vector, sources=("counts", "lists"))]
    parts += [evaluate(problem, vector, sources=(source,)) for source in ("audit", "control", "prior", "relaxation")]
    whole = evaluate(problem, vector)
    assert sum(part.value for part in parts) == pytest.approx(whole.value, rel=1e-13)
    assert sum(part.gradient for part in parts) == pytest.approx(whole.gradient, abs=1e-9)
    assert evaluate(problem, vector, sources=SOURCES).value == whole.value


def test_without_lists_a_linked_row_is_an_ordinary_one() -> None:
    linked, plain = make_problem(10, linked=3.0), make_problem(10)
    vector = random_vector(linked)
    shorter = np.delete(vector, np.arange(linked.layout.gamma.start, linked.layout.gamma.stop))
    without = [source for source in SOURCES if source not in ("lists", "prior", "audit")]
    assert evaluate(linked, vector, sources=without).value == pytest.approx(
        evaluate(plain, shorter, sources=without).value, rel=1e-13
    )


def test_an_unknown_source_and_a_wrong_vector_are_refused() -> None:
    problem = make_problem(1)
    vector = random_vector(problem)
    with pytest.raises(DomainError, match="unknown source 'lsits'; the sources are counts, audit, lists"):
        evaluate(problem, vector, sources=("lsits",))
    with pytest.raises(DomainError, match="a vector of 7 parameters is needed, got shape"):
        evaluate(problem, vector[1:])
    vector[problem.layout.su] = -0.1
    with pytest.raises(DomainError, match=r"sd rate must be >= 0, got -0\.1"):
        evaluate(problem, vector)
