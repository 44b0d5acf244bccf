"""Profiles: at both ends twice the log likelihood has fallen by the cutoff, and floors and infinities are seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.fit import fit_thinned
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.profile import constrained, profile_contrast
from unit.numerics.thinned.test_fit import panel

CUTOFF = float(chi2.ppf(0.95, 1))


@pytest.fixture(scope="module")
def fitted():
    problem = panel(1)
    return problem, fit_thinned(problem, restart=False)


@pytest.mark.parametrize("contrast", [[0, 0, 1, 0, 0, 0], [0, 1, 0, 0.2, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]])
def test_ends_lie_where_the_cutoff_is_reached(fitted, contrast: list[float]) -> None:
    problem, fit = fitted
    a = np.array(contrast, dtype=float)
    lower, upper, evaluations = profile_contrast(problem, fit, a)
    assert lower < a @ fit.vector < upper
    assert evaluations < 300
    for end in (lower, upper):
        vector, loglik = constrained(problem, fit, a, end)
        assert a @ vector == pytest.approx(end, abs=1e-10)
        assert loglik == pytest.approx(evaluate(problem, vector, nodes=fit.nodes).value, abs=1e-6)
        # The root is met within 1e-4 of 1.96.
        assert 2.0 * (fit.loglik - loglik) == pytest.approx(CUTOFF, abs=2e-3)


def test_the_profile_of_a_well_known_slope_is_the_wald_interval(fitted) -> None:
    problem, fit = fitted
    a = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    lower, upper, _ = profile_contrast(problem, fit, a)
    error = np.sqrt(a @ np.linalg.inv(fit.information) @ a)
    assert (upper - lower) / (2.0 * np.sqrt(CUTOFF) * error) == pytest.approx(1.0, abs=0.05)


def test_a_scale_of_zero_has_a_one_sided_interval() -> None:
    problem = panel(4, sv=0.0)
    fit = fit_thinned(problem, restart=False)
    a = np.eye(6)[5]
    lower, upper, _ = profile_contrast(problem, fit, a)
    assert lower == 0.0
    assert 0.0 < upper < 1.0
    with pytest.raises(DomainError, match="lies below 0"):
        constrained(problem, fit, a, -0.1)


def test_counts_alone_leave_completeness_open_upwards() -> None:
    """Without effects and evidence the intercept of the completeness has no upper end."""
    problem = replace(panel(6, su=0.0, sv=0.0), audits=(), rate_effects=False, registration_effects=False)
    one = np.ones((problem.counts.y.size, 1))
    problem = replace(problem, counts=replace(problem.counts, W=one))
    fit = fit_thinned(problem, restart=False)
    _, upper, _ = profile_contrast(problem, fit, np.array([0.0, 0.0, 1.0]))
    assert upper == np.inf


def test_a_contrast_and_a_level_must_make_sense(fitted) -> None:
    problem, fit = fitted
    with pytest.raises(DomainError, match="needs 6 elements of which at least one is not 0"):
        profile_contrast(problem, fit, np.zeros(6))
    with pytest.raises(DomainError, match="between 0 and 1, got 95"):
        profile_contrast(problem, fit, np.eye(6)[0], level=95)
