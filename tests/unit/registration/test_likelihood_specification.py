"""The likelihood of the registration model is the one that the design states: compared with dense two-way grids.

The reference (tests/reference_registration.py) was written from the model's definition without sight of the package.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

from dwangstats.numerics.thinned.fit import fit_thinned, hessian
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.posterior import draw_effects, posterior
from dwangstats.numerics.thinned.problem import Gaussian
from reference_registration import (
    AuditCells,
    Case,
    Theta,
    Truth,
    control_loglik,
    draw_register,
    group_loglik,
    joint_probability,
    loglik,
    posterior_moments,
    random_case,
)
from registration_bridge import as_problem, as_vector

FAMILIES = ("poisson", "nb2", "nb1")
PARTS = (
    {},
    {"audit": True},
    {"clustered_audit": True},
    {"linked": True},
    {"control": True},
    {"silent": True},
    {"audit": True, "linked": True, "control": True, "silent": True},
)

#: Nodes at which the nested quadrature of these small groups has converged to the tolerances below.
MANY = (61, 31)

#: Absolute, of log likelihoods of about -50: what is left of the nested quadrature at `MANY` nodes.
CONVERGED = 1e-6

#: Absolute, at the default nodes: methods.md 2.7 measured 3e-5 over 60 groups.
DEFAULT_NODES = 1e-4


def make(family: str, seed: int = 7, **parts: bool) -> tuple[Case, Theta]:
    return random_case(family, np.random.default_rng(seed), **parts)


def name_of(parts: dict[str, bool]) -> str:
    return "+".join(parts) or "counts"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("parts", PARTS, ids=name_of)
def test_value_is_the_dense_integral(family: str, parts: dict[str, bool]) -> None:
    case, theta = make(family, **parts)
    problem = as_problem(case, silent=theta.silent > 0)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    assert found.value == pytest.approx(loglik(case, theta), abs=CONVERGED)


@pytest.mark.parametrize("family", FAMILIES)
def test_default_nodes_are_good_enough(family: str) -> None:
    case, theta = make(family, audit=True)
    problem = as_problem(case)
    assert evaluate(problem, as_vector(problem, theta)).value == pytest.approx(loglik(case, theta), abs=DEFAULT_NODES)


@pytest.mark.parametrize("family", FAMILIES)
def test_value_by_group(family: str) -> None:
    case, theta = make(family, audit=True)
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    expected = [group_loglik(case, theta, g) for g in range(case.groups)]
    np.testing.assert_allclose(found.by_group, expected, atol=CONVERGED)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("effects", [(False, False), (True, False), (False, True)])
def test_absent_effects(family: str, effects: tuple[bool, bool]) -> None:
    case, theta = make(family, audit=True, linked=True)
    theta = replace(theta, su=0.5 * effects[0], sv=0.7 * effects[1], rho=0.0)
    problem = as_problem(case, effects=effects, rho=0.0)
    assert evaluate(problem, as_vector(problem, theta), nodes=MANY).value == pytest.approx(
        loglik(case, theta), abs=CONVERGED
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_standard_deviations_of_zero_are_points_like_any_other(family: str) -> None:
    case, theta = make(family, audit=True)
    problem = as_problem(case, rho=0.3)
    for su, sv in [(0.0, 0.0), (0.0, 0.6), (0.6, 0.0)]:
        at = replace(theta, su=su, sv=sv, rho=0.3)
        found = evaluate(problem, as_vector(problem, at), nodes=MANY)
        assert found.value == pytest.approx(loglik(case, at), abs=CONVERGED)
        assert np.isfinite(found.gradient).all()


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_dispersion_of_zero_is_poisson(family: str) -> None:
    case, theta = make(family, audit=True)
    theta = replace(theta, dispersion=0.0)
    problem = as_problem(case)
    poisson = as_problem(replace(case, family="poisson"))
    one = evaluate(problem, as_vector(problem, theta), nodes=MANY).value
    two = evaluate(poisson, as_vector(poisson, theta), nodes=MANY).value
    assert one == pytest.approx(two, abs=CONVERGED)
    assert one == pytest.approx(loglik(case, theta), abs=CONVERGED)


@pytest.mark.parametrize("odds_ratio", [0.4, 1.0, 1.0 + 1e-9, 1.0 - 1e-7, 1.001, 3.0, 50.0])
def test_odds_ratio_of_two_registers(odds_ratio: float) -> None:
    case, theta = make("nb1", linked=True)
    assert case.linked is not None
    case = replace(case, linked=replace(case.linked, odds_ratio=odds_ratio))
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    assert found.value == pytest.approx(loglik(case, theta), abs=CONVERGED)


def test_reference_joint_probability_has_the_odds_ratio() -> None:
    p1, p2 = np.array([0.2, 0.6, 0.95]), np.array([0.5, 0.3, 0.9])
    p11 = joint_probability(p1, p2, 2.5)
    odds = p11 * (1 - p1 - p2 + p11) / ((p1 - p11) * (p2 - p11))
    np.testing.assert_allclose(odds, 2.5, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_sources_switch_terms_on_and_off(family: str) -> None:
    case, theta = make(family, audit=True, linked=True, control=True)
    problem = as_problem(case)
    vector = as_vector(problem, theta)
    switchable = ("audit", "lists", "control")
    for size in range(len(switchable) + 1):
        for on in combinations(switchable, size):
            kept = replace(
                case,
                audits=case.audits if "audit" in on else (),
                linked=case.linked if "lists" in on else None,
                control=case.control if "control" in on else None,
            )
            found = evaluate(problem, vector, nodes=MANY, sources=("counts", *on))
            assert found.value == pytest.approx(loglik(kept, theta), abs=CONVERGED), on


def test_control_is_the_multinomial_over_the_periods_of_a_provider() -> None:
    case, theta = make("poisson", control=True)
    problem = as_problem(case)
    vector = as_vector(problem, theta)
    with_control = evaluate(problem, vector, nodes=MANY, sources=("counts", "control")).value
    without = evaluate(problem, vector, nodes=MANY, sources=("counts",)).value
    assert with_control - without == pytest.approx(control_loglik(case, theta), abs=1e-9)


def test_gaussian_terms_are_normal_densities() -> None:
    case, theta = make("poisson", audit=True)
    plain = as_problem(case)
    vector = as_vector(plain, theta)
    row = np.zeros((2, vector.size))
    row[0, plain.layout.alpha] = [1.0, 0.5]
    row[1, plain.layout.atanh_rho] = 1.0
    mean, sd = np.array([1.1, 0.0]), np.array([0.4, 0.7])
    problem = as_problem(case, gaussian=(Gaussian(matrix=row, mean=mean, sd=sd, source="prior"),))
    density = stats.norm.logpdf(row @ vector, mean, sd).sum()
    difference = evaluate(problem, vector).value - evaluate(plain, vector).value
    assert difference == pytest.approx(density, abs=1e-9)
    off = evaluate(problem, vector, sources=("counts", "audit")).value
    assert off == pytest.approx(evaluate(plain, vector).value, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("parts", PARTS, ids=name_of)
def test_gradient_by_differences(family: str, parts: dict[str, bool]) -> None:
    case, theta = make(family, seed=11, **parts)
    problem = as_problem(case, silent=theta.silent > 0)
    vector = as_vector(problem, theta)
    rng = np.random.default_rng(3)
    vector = vector + rng.normal(0.0, 0.1, vector.size)
    found = evaluate(problem, vector, nodes=MANY).gradient
    np.testing.assert_allclose(found, differences(problem, vector), rtol=1e-6, atol=1e-6)


def differences(problem: object, vector: np.ndarray) -> np.ndarray:
    """Richardson central differences: error 1e-9 from the steps, 1e-11 / 1e-3 from rounding."""
    gradient = np.zeros(vector.size)
    for i in range(vector.size):
        step = np.zeros(vector.size)
        step[i] = 1e-3
        at = [evaluate(problem, vector + k * step, nodes=MANY).value for k in (-2, -1, 1, 2)]
        gradient[i] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / 12e-3
    return gradient


def test_gradient_in_the_standard_deviations_at_zero_vanishes_for_symmetric_effects() -> None:
    """The likelihood is even in su and in sv when rho = 0, so both derivatives are 0 there."""
    case, theta = make("nb2", audit=True)
    problem = as_problem(case, rho=0.0)
    vector = as_vector(problem, replace(theta, su=0.0, sv=0.0, rho=0.0))
    gradient = evaluate(problem, vector, nodes=MANY).gradient
    np.testing.assert_allclose(gradient[problem.layout.su], 0.0, atol=1e-7)
    np.testing.assert_allclose(gradient[problem.layout.sv], 0.0, atol=1e-7)


def test_hessian_is_the_second_difference_of_the_reference() -> None:
    case, theta = make("poisson", audit=True)
    problem = as_problem(case, rho=theta.rho)
    vector = as_vector(problem, theta)
    found = hessian(problem, vector, np.ones(vector.size, dtype=bool), nodes=MANY)
    place = list(range(vector.size))[problem.layout.alpha][0]

    def at(shift: float) -> float:
        return loglik(case, replace(theta, alpha=theta.alpha + np.array([shift, 0.0])), points=401)

    h = 1e-2
    second = -(-at(-2 * h) + 16 * at(-h) - 30 * at(0.0) + 16 * at(h) - at(2 * h)) / (12 * h * h)
    assert found[place, place] == pytest.approx(second, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_posterior_of_the_effects(family: str) -> None:
    case, theta = make(family, audit=True)
    problem = as_problem(case)
    vector = as_vector(problem, theta)
    shape = posterior(problem, vector, nodes=MANY)
    draws = 500
    u, v, _ = draw_effects(problem, np.tile(vector, (draws, 1)), np.random.default_rng(5), nodes=(25, 11))
    for g in range(case.groups):
        mean_u, sd_u, mean_v, sd_v = posterior_moments(case, theta, g)
        weight = shape.weight[g]
        assert (weight * shape.u[g]).sum() == pytest.approx(mean_u, abs=1e-5)
        assert (weight.sum(axis=-1) * shape.v[g]).sum() == pytest.approx(mean_v, abs=1e-5)
        # Four Monte Carlo standard errors of a mean, and of a standard deviation, of the draws.
        assert u[:, g].mean() == pytest.approx(mean_u, abs=4 * sd_u / np.sqrt(draws))
        assert v[:, g].mean() == pytest.approx(mean_v, abs=4 * sd_v / np.sqrt(draws))
        assert u[:, g].std() == pytest.approx(sd_u, rel=0.13)
        assert v[:, g].std() == pytest.approx(sd_v, rel=0.13)


def test_probability_of_a_silent_provider_is_bayes() -> None:
    case, theta = make("nb2", silent=True, audit=True)
    problem = as_problem(case, silent=True)
    found = posterior(problem, as_vector(problem, theta), nodes=MANY).silent
    for g in range(case.groups):
        normal = group_loglik(case, replace(theta, silent=0.0), g) + np.log1p(-theta.silent)
        quiet = np.log(theta.silent) if (case.y[case.group == g] == 0).all() and g == 0 else -np.inf
        assert found[g] == pytest.approx(np.exp(quiet - logsumexp([normal, quiet])), abs=1e-6)


def test_fit_is_the_maximum_of_the_reference() -> None:
    """A climb from the fit in the reference gains nothing, in any single direction and at the fit's own scale."""
    rng = np.random.default_rng(2)
    case, theta = random_case("nb2", rng, audit=True)
    problem = as_problem(case, rho=0.0)
    fit = fit_thinned(problem)
    layout = problem.layout

    def of(vector: np.ndarray) -> Theta:
        return Theta(
            beta=vector[layout.beta],
            alpha=vector[layout.alpha],
            gamma=np.zeros(0),
            delta=np.zeros(0),
            su=float(vector[layout.su][0]),
            sv=float(vector[layout.sv][0]),
            dispersion=float(vector[layout.dispersion][0]),
        )

    top = loglik(case, of(fit.vector), points=401)
    assert fit.loglik == pytest.approx(top, abs=1e-3)
    assert top >= loglik(case, replace(theta, rho=0.0), points=401)
    for i in range(fit.vector.size):
        for shift in (-0.1, 0.1):
            beside = fit.vector.copy()
            beside[i] += shift
            if i >= layout.su.start and beside[i] < 0:
                continue
            assert loglik(case, of(beside), points=401) <= top + 1e-4, (i, shift)


def test_saturated_audit_is_closed_form() -> None:
    """One rate and one completeness per year: p = m / n and rate = y / (exposure p), standard errors by hand."""
    y, days = np.array([800.0, 900.0]), np.array([1000.0, 950.0])
    found, seen = np.array([400.0, 300.0]), np.array([240.0, 225.0])
    X = np.array([[1.0, 0.0], [1.0, 1.0]])
    case = Case("poisson", 2, X, X, y, np.log(days), np.array([0, 1]))
    problem = as_problem(case, effects=(False, False), rho=0.0)
    from_audit = replace(problem, audits=as_problem(with_audit(case, X, found, seen), rho=0.0).audits)
    fit = fit_thinned(from_audit)
    p = seen / found
    rate = y / (days * p)
    np.testing.assert_allclose(fit.vector[problem.layout.beta], [np.log(rate[0]), np.log(rate[1] / rate[0])], atol=1e-6)
    np.testing.assert_allclose(expit(X @ fit.vector[problem.layout.alpha]), p, atol=1e-6)
    covariance = np.linalg.inv(fit.information)
    variance = (1 / y + (1 - p) / (found * p)).sum()
    assert covariance[1, 1] == pytest.approx(variance, rel=1e-4)


def with_audit(case: Case, W: np.ndarray, found: np.ndarray, seen: np.ndarray) -> Case:
    return replace(case, audits=(AuditCells(W, np.array([0, 1]), found, seen),))


# ---- the far ends -----------------------------------------------------------------------------------------------


def scaled(case: Case, factor: float) -> Case:
    """The same case with counts and exposure `factor` times as large."""
    return replace(case, y=np.round(case.y * factor), offset=case.offset + np.log(factor))


@pytest.mark.parametrize("family", FAMILIES)
def test_large_counts(family: str) -> None:
    """Posteriors of u a hundred times narrower than the prior: the reference needs a fine grid, the package nothing."""
    case, theta = make(family, audit=True)
    case = scaled(case, 200.0)
    theta = replace(theta, dispersion=theta.dispersion * (1.0 if family == "nb2" else 20.0))
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=(81, 41))
    assert found.value == pytest.approx(loglik(case, theta, points=1201), abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_registered_anywhere(family: str) -> None:
    case, theta = make(family, audit=True)
    case = replace(case, y=np.zeros_like(case.y))
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    assert found.value == pytest.approx(loglik(case, theta), abs=CONVERGED)
    assert np.isfinite(found.gradient).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_providers_without_rows(family: str) -> None:
    """An audited provider that did not deliver has an audit and no rows; another has neither and weighs nothing."""
    case, theta = make(family, audit=True)
    kept = case.group != 3
    case = replace(
        case,
        groups=5,
        X=case.X[kept],
        W=case.W[kept],
        y=case.y[kept],
        offset=case.offset[kept],
        group=case.group[kept],
    )
    case = replace(case, audits=(replace(case.audits[0], found=np.array([10.0, 8.0, 5.0, 6.0])),))
    case = replace(case, audits=(replace(case.audits[0], registered=np.array([7.0, 6.0, 2.0, 5.0])),))
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    expected = [group_loglik(case, theta, g) for g in range(5)]
    np.testing.assert_allclose(found.by_group, expected, atol=CONVERGED)
    assert found.by_group[4] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("mean", [40.0, 1000.0])
@pytest.mark.parametrize("sd", [0.5, 1.0])
def test_a_provider_does_not_know_the_others(mean: float, sd: float) -> None:
    """Its likelihood is the same alone and among sixty others, at the same nodes: every group finds its own place."""
    truth = Truth(providers=60, mean_registered=mean, su=sd, sv=sd)
    frame = draw_register(truth, np.random.default_rng(3)).frame
    X = np.column_stack([np.ones(len(frame)), frame["t"]])
    group = frame["provider"].astype("category").cat.codes.to_numpy().astype(np.intp)
    case = Case("poisson", 60, X, X, frame["events"].to_numpy(float), np.log(frame["bed_days"].to_numpy()), group)
    level = np.log(mean / 0.77) - 9.0
    theta = Theta(np.array([level, 0.1]), np.array([0.8, 0.8]), np.zeros(0), np.zeros(0), su=sd, sv=sd)
    problem = as_problem(case, rho=0.0)
    together = evaluate(problem, as_vector(problem, theta)).by_group
    for g in range(60):
        inside = group == g
        alone = replace(
            case,
            groups=1,
            X=X[inside],
            W=X[inside],
            y=case.y[inside],
            offset=case.offset[inside],
            group=np.zeros(inside.sum(), dtype=np.intp),
        )
        value = evaluate(as_problem(alone, rho=0.0), as_vector(problem, theta)).value
        # Places of nodes are found to about 1e-3 of a spread; what that moves is below the error of the rule.
        assert together[g] == pytest.approx(value, abs=1e-4), f"provider {g} with {case.y[inside].sum():g} events"


@pytest.mark.parametrize("rho", [-0.95, 0.95])
@pytest.mark.parametrize(("su", "sv"), [(2.5, 0.3), (0.3, 2.5), (2.0, 2.0)])
def test_large_and_strongly_related_effects(su: float, sv: float, rho: float) -> None:
    case, theta = make("nb2", audit=True, linked=True)
    theta = replace(theta, su=su, sv=sv, rho=rho)
    problem = as_problem(case)
    vector = as_vector(problem, theta)
    # Skew posteriors with long tails: the nested quadrature converges slowly there, and the gradient with it.
    assert evaluate(problem, vector, nodes=(101, 61)).value == pytest.approx(loglik(case, theta, points=801), abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", [-12.0, 12.0, 40.0])
def test_completeness_near_nothing_and_everything(family: str, level: float) -> None:
    case, theta = make(family, audit=True)
    everything = case.audits[0].found if level > 0 else np.zeros(4)
    case = replace(case, audits=(replace(case.audits[0], registered=everything),))
    theta = replace(theta, alpha=np.array([level, 0.0]), beta=theta.beta + np.array([max(0.0, -level), 0.0, 0.0]))
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=MANY)
    assert found.value == pytest.approx(loglik(case, theta), abs=CONVERGED)
    assert np.isfinite(found.gradient).all()


@pytest.mark.parametrize("dispersion", [1e-12, 1e-6, 30.0])
@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_dispersions_near_nothing_and_large(family: str, dispersion: float) -> None:
    case, theta = make(family, audit=True)
    theta = replace(theta, dispersion=dispersion)
    problem = as_problem(case)
    found = evaluate(problem, as_vector(problem, theta), nodes=(101, 61)).value
    # The reference takes differences of log gammas: below 1e-6 it is compared with Poisson, as far as alpha moves it.
    reference = replace(theta, dispersion=0.0) if dispersion < 1e-6 else theta
    assert found == pytest.approx(loglik(case, reference), abs=1e-4)
