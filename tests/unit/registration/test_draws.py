"""Joint draws against the posterior that they stand for."""

import numpy as np
import pytest
from scipy.special import expit

from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.posterior import draw_effects
from dwangstats.registration.draws import covariance_root, joint_draws, keeping_registrations
from dwangstats.registration.effects import effects_of
from dwangstats.registration.evidence.audit import Audit
from unit.registration.ledger_worlds import audit_of, fitted, model, register

DRAWS = 4000


def test_effects_at_the_fitted_parameters_have_the_posterior_moments() -> None:
    result = fitted("audit")
    problem, fit = result.problem, result.fit
    effects = effects_of(problem, fit, result.covariance)
    theta = np.tile(fit.vector, (DRAWS, 1))
    u, v, silent = effects.draw(problem, theta, np.random.default_rng(1))
    known = result.random_effects
    # Five Monte Carlo standard errors of a mean, and five of a standard deviation.
    for drawn, name in ((u, "rate"), (v, "registration")):
        sd = known[f"{name}_sd"].to_numpy()
        assert np.abs((drawn.mean(axis=0) - known[f"{name}_estimate"].to_numpy()) / sd).max() < 5.0 / np.sqrt(DRAWS)
        assert np.abs(drawn.std(axis=0) / sd - 1.0).max() < 5.0 / np.sqrt(2.0 * DRAWS)
    assert not silent.any()


def test_effects_at_other_parameters_follow_the_exact_posterior() -> None:
    result = fitted("audit")
    problem, fit = result.problem, result.fit
    root = covariance_root(problem, fit)
    rng = np.random.default_rng(2)
    theta = np.maximum(fit.vector + rng.standard_normal((400, root.shape[1])) @ root.T, problem.layout.floors)
    effects = effects_of(problem, fit, result.covariance)
    ours = effects.draw(problem, theta, np.random.default_rng(3))
    exact = draw_effects(problem, theta, np.random.default_rng(4), nodes=(15, 7))
    for drawn, known in zip(ours[:2], exact[:2], strict=True):
        sd = known.std(axis=0)
        # 400 draws on both sides: a difference of means has a standard error of 0.07 sd; 30 providers.
        assert np.abs((drawn.mean(axis=0) - known.mean(axis=0)) / sd).max() < 0.3
        # A standard deviation from 400 draws is known to 4%, and providers share the draws of the parameters.
        assert np.median(drawn.std(axis=0) / sd) == pytest.approx(1.0, abs=0.1)


def test_far_draws_keep_what_was_registered() -> None:
    result = fitted("audit")
    problem, fit, layout = result.problem, result.fit, result.problem.layout
    v = np.zeros(problem.groups)
    theta = np.tile(fit.vector, (2, 1))
    theta[0, layout.alpha.start] -= 2.0
    theta[:, layout.beta] += [[0.3, 0.0]] * 2
    kept = keeping_registrations(problem, fit, theta, v)
    # A draw whose completeness did not move stays as it is.
    assert kept[1] == pytest.approx(theta[1], abs=1e-12)
    rows = problem.counts

    def registered(vector: np.ndarray) -> np.ndarray:
        return rows.X @ vector[layout.beta] + np.log(expit(rows.W @ vector[layout.alpha]))

    # With year in both halves the rate's columns can follow completeness exactly, whatever the straight line said.
    straight = (expit(-(rows.W @ fit.vector[layout.alpha])))[:, None] * rows.W @ (theta[0] - fit.vector)[layout.alpha]
    moved = registered(kept[0]) - registered(fit.vector) - 0.3
    assert moved == pytest.approx(straight, abs=1e-8)


def test_the_same_generator_gives_the_same_draws() -> None:
    result = fitted("audit")
    one, two = (joint_draws(result.problem, result.fit, np.random.default_rng(5), 300) for _ in range(2))
    assert one.theta.tobytes() == two.theta.tobytes()
    assert one.u.tobytes() == two.u.tobytes()
    assert one.v.tobytes() == two.v.tobytes()
    assert (one.theta >= result.problem.layout.floors).all()


def test_blocks_cover_all_draws_once() -> None:
    result = fitted("audit")
    joint = joint_draws(result.problem, result.fit, np.random.default_rng(5), 250)
    blocks = list(joint.blocks(100_000))
    assert len(blocks) > 5
    assert [i for block in blocks for i in range(block.start, block.stop)] == list(range(250))


def test_completeness_at_the_limit_is_drawn_below_one() -> None:
    frame = register()
    given = audit_of(frame).frame
    result = model(frame, Audit(given.assign(n_registered=given["n_found"])), registration="~ 1").fit()
    assert result.fit.boundary
    joint = joint_draws(result.problem, result.fit, np.random.default_rng(6), 4000)
    rows = result.problem.counts
    p = joint.completeness(slice(0, 4000), rows.W[:1], rows.group[:1])[:, 0]
    assert (p < 1.0).all()
    found = float(given["n_found"].sum())
    # A flat prior and n of n registered: p is Beta(n + 1, 1), so E(1 - p) = 1 / (n + 2).
    assert (1.0 - p).mean() == pytest.approx(1.0 / found, rel=0.10)


def test_no_draws_are_refused() -> None:
    result = fitted("audit")
    with pytest.raises(DomainError, match="draws"):
        joint_draws(result.problem, result.fit, np.random.default_rng(1), 0)
