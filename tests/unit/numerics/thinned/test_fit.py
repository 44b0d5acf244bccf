"""Fits: the maximum is one, boundaries are reached and named, and the information is minus the second derivative."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.thinned.fit import ThinnedFit, fit_thinned, hessian
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.problem import AuditRows, CountRows, ThinnedProblem


def panel(
    seed: int, *, family: str = "poisson", su: float = 0.4, sv: float = 0.6, dispersion: float = 0.3, groups: int = 40
) -> ThinnedProblem:
    """Eight periods, 25 events audited in the first and last period of half of the providers."""
    rng, periods = np.random.default_rng(seed), 8
    group = np.repeat(np.arange(groups), periods)
    time = np.tile(np.linspace(-0.5, 0.5, periods), groups)
    X = np.column_stack((np.ones(time.size), time))
    u, v = su * rng.normal(size=groups), sv * rng.normal(size=groups)
    rate = 30.0 * np.exp(0.1 * time + u[group])
    if family == "nb2":
        rate = rate * rng.gamma(1.0 / dispersion, dispersion, rate.size)
    p = 1.0 / (1.0 + np.exp(-(1.0 + 0.8 * time + v[group])))
    y = rng.poisson(rate * p).astype(float)
    chosen = np.flatnonzero((np.abs(time) == 0.5) & (group % 2 == 0))
    found = np.full(chosen.size, 25.0)
    audit = AuditRows(X[chosen], group[chosen], found, rng.binomial(25, p[chosen]).astype(float))
    counts = CountRows(X, X, y, np.full(time.size, np.log(30.0)), group)
    return ThinnedProblem(family, groups, counts, rho=0.0, audits=(audit,))


TRUTH = np.array([0.0, 0.1, 1.0, 0.8, 0.4, 0.6])


def assert_certified(fit: ThinnedFit) -> None:
    assert fit.scaled_gradient < 1e-8
    assert fit.smallest_eigenvalue > 1e-3
    # 40 groups; the smallest grid leaves about 1e-6 in each.
    assert abs(fit.quadrature_error) < 1e-3
    assert fit.restart_gap is not None
    assert abs(fit.restart_gap) < 1e-3


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_the_truth_lies_within_the_errors(family: str) -> None:
    problem = panel(1, family=family)
    fit = fit_thinned(problem)
    assert_certified(fit)
    truth = TRUTH if family == "poisson" else np.append(TRUTH, 0.3)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    assert np.all(np.abs(fit.vector - truth) < 3.5 * errors)
    assert fit.boundary == ()
    assert fit.loglik == pytest.approx(evaluate(problem, fit.vector, nodes=fit.nodes).value, abs=1e-7)


def test_information_is_minus_the_second_derivative_of_the_value() -> None:
    problem = panel(2)
    fit = fit_thinned(problem, restart=False)
    direction = np.linalg.inv(fit.information) @ np.array([0.3, -0.2, 0.5, 0.4, 0.2, 0.3])
    direction /= np.sqrt(direction @ fit.information @ direction)
    h = 0.05
    ends = [evaluate(problem, fit.vector + k * h * direction, nodes=(41, 15)).value for k in (-2, -1, 0, 1, 2)]
    second = (-ends[0] + 16 * ends[1] - 30 * ends[2] + 16 * ends[3] - ends[4]) / (12.0 * h * h)
    # Fourth-order differences over a twentieth of a standard error: rounding 1e-12 / 0.0025, and the grid's 1e-5.
    assert second == pytest.approx(-1.0, abs=1e-4)


def test_informations_of_sources_add_up_without_effects() -> None:
    problem = replace(panel(3), rate_effects=False, registration_effects=False)
    fit = fit_thinned(problem, restart=False)
    parts = [hessian(problem, fit.vector, fit.free, nodes=fit.nodes, sources=(s,)) for s in ("counts", "audit")]
    assert parts[0] + parts[1] == pytest.approx(fit.information, rel=1e-4, abs=1e-3)


def test_no_variance_in_completeness_is_an_exact_zero() -> None:
    fits = [fit_thinned(panel(seed, sv=0.0), restart=False) for seed in range(4, 9)]
    at_zero = [fit for fit in fits if "sd registration" in fit.boundary]
    assert at_zero
    for fit in at_zero:
        assert fit.vector[5] == 0.0
        assert not fit.free[5]
        assert fit.information.shape == (5, 5)
        assert fit.scaled_gradient < 1e-8


def test_a_correlation_with_an_effect_without_variance_is_held() -> None:
    fits = [fit_thinned(replace(panel(seed, su=0.0, sv=0.0), rho=None), restart=False) for seed in range(4, 9)]
    undetermined = [fit for fit in fits if "rho undetermined" in fit.boundary]
    assert undetermined
    for fit in undetermined:
        assert {"sd rate", "sd registration"} & set(fit.boundary)
        assert fit.vector[6] == 0.0
        assert fit.smallest_eigenvalue > 1e-3


def test_no_variance_in_rates_is_an_exact_zero() -> None:
    fits = [fit_thinned(panel(seed, su=0.0), restart=False) for seed in range(9, 13)]
    assert any(fit.vector[4] == 0.0 and "sd rate" in fit.boundary for fit in fits)


def test_poisson_counts_have_no_dispersion() -> None:
    fits = [fit_thinned(replace(panel(seed), family="nb2"), restart=False) for seed in range(13, 16)]
    zero = [fit for fit in fits if "dispersion" in fit.boundary]
    assert zero
    assert all(fit.vector[6] == 0.0 for fit in zero)


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_audits_that_miss_nothing_give_the_mixed_model(family: str) -> None:
    base = panel(17, family=family, sv=0.0)
    audit = base.audits[0]
    ones = np.ones((base.counts.y.size, 1))
    counts = replace(base.counts, W=ones)
    complete = AuditRows(np.ones((audit.found.size, 1)), audit.group, audit.found, audit.found)
    problem = ThinnedProblem(family, base.groups, counts, True, False, audits=(complete,))
    fit = fit_thinned(problem, nodes=(15, 15), restart=False)
    term = Term(counts.group, ones, True, "provider")
    mixed = fit_mixed(counts.X, counts.y, counts.offset, (term,), family, nodes=15)
    assert fit.boundary == ("registration:0=1",)
    keep = [i for i, label in enumerate(problem.layout.labels) if label != "registration:0"]
    assert fit.loglik == pytest.approx(mixed.loglik, abs=1e-6)
    expected = np.array([*mixed.beta, mixed.covariances[0][0, 0] ** 0.5, *([mixed.alpha] if family == "nb2" else [])])
    assert fit.vector[keep] == pytest.approx(expected, abs=1e-5)


def test_one_silent_provider_among_forty() -> None:
    base = panel(18)
    y, audit = base.counts.y.copy(), base.audits[0]
    y[base.counts.group == 1] = 0.0
    problem = replace(base, counts=replace(base.counts, y=y), silent=True)
    fit = fit_thinned(problem, restart=False)
    assert fit.scaled_gradient < 1e-8
    share = 1.0 / (1.0 + np.exp(-fit.vector[problem.layout.silent_logit][0]))
    # 1 of 40 without events where hundreds are expected.
    assert share == pytest.approx(1 / 40, abs=1e-3)
    awake = fit_thinned(replace(base, silent=True), restart=False)
    assert awake.boundary == ("silent=0",)
    assert awake.loglik == pytest.approx(fit_thinned(base, restart=False).loglik, abs=1e-6)
    assert audit.found.size == 40


def test_counts_alone_are_fitted_and_found_wanting() -> None:
    """Without external evidence one column tells rate from completeness by its curvature only."""
    problem = replace(panel(19), audits=())
    fit = fit_thinned(problem)
    assert fit.smallest_eigenvalue < 0.1 or fit.boundary
