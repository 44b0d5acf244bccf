"""Two registers with an odds ratio, and audits: values against other formulas, slopes against differences."""

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from dwangstats.numerics.thinned.audits import audit_terms, log_binomial
from dwangstats.numerics.thinned.capture import capture

LOGITS = np.array([[-3.0, -0.4, 0.0, 1.7, 6.0]])


def cells(first: np.ndarray, second: float, counts: tuple[float, float, float], psi: float):
    arrays = (np.full(first.shape[0], c) for c in counts)
    return capture(first, np.full(first.shape[0], second), *arrays, psi)


@pytest.mark.parametrize("psi", [0.02, 0.5, 1.0, 1.0 + 1e-9, 3.0, 80.0])
def test_the_four_cells_have_their_margins_and_odds_ratio(psi: float) -> None:
    second = 0.8
    p1, p2 = 1.0 / (1.0 + np.exp(-LOGITS)), 1.0 / (1.0 + np.exp(-second))
    log_seen = cells(LOGITS, second, (0.0, 0.0, 0.0), psi).log_seen
    shares = [
        np.exp(cells(LOGITS, second, counts, psi).log_cells + log_seen)
        for counts in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    ]
    both, first_only, second_only = shares
    assert both + first_only == pytest.approx(p1, rel=1e-13)
    assert both + second_only == pytest.approx(np.full_like(p1, p2), rel=1e-13)
    # The rest comes from a subtraction here: 1e-16 over the smallest rest, 1e-4.
    rest = 1.0 - both - first_only - second_only
    assert both * rest / (first_only * second_only) == pytest.approx(np.full_like(p1, psi), rel=1e-10)


@pytest.mark.parametrize("psi", [0.1, 1.0, 4.0])
def test_slopes_of_the_lists(psi: float) -> None:
    counts, step = (7.0, 3.0, 2.0), 1e-6
    at = cells(LOGITS, 0.8, counts, psi)
    first = [cells(LOGITS + side * step, 0.8, counts, psi) for side in (1.0, -1.0)]
    second = [cells(LOGITS, 0.8 + side * step, counts, psi) for side in (1.0, -1.0)]
    for name, moved, slope in (
        ("log_seen", first, at.seen_first),
        ("log_seen", second, at.seen_second),
        ("log_cells", first, at.cells_first),
        ("log_cells", second, at.cells_second),
    ):
        numeric = (getattr(moved[0], name) - getattr(moved[1], name)) / (2.0 * step)
        assert slope == pytest.approx(numeric, abs=1e-8)


def test_extreme_logits_stay_finite() -> None:
    found = cells(np.array([[-900.0, 900.0]]), 40.0, (0.0, 0.0, 3.0), 3.0)
    assert all(np.isfinite(getattr(found, name)).all() for name in found.__slots__)


def test_a_binomial_audit() -> None:
    n, m = np.array([10.0, 4.0]), np.array([7.0, 4.0])
    value, _ = audit_terms(np.vstack((LOGITS, LOGITS)), n, m, 0.0)
    p = 1.0 / (1.0 + np.exp(-LOGITS))
    assert value + log_binomial(n, m)[:, None] == pytest.approx(binom.logpmf(m[:, None], n[:, None], p), abs=1e-12)


@pytest.mark.parametrize("icc", [1e-5, 0.02, 0.5, 0.97])
def test_a_beta_binomial_audit(icc: float) -> None:
    n, m, size = np.array([10.0, 4.0]), np.array([7.0, 4.0]), 1.0 / icc - 1.0
    logits = np.vstack((LOGITS, LOGITS))
    value, slope = audit_terms(logits, n, m, icc)
    p = 1.0 / (1.0 + np.exp(-LOGITS))
    exact = betabinom.logpmf(m[:, None], n[:, None], p * size, (1.0 - p) * size)
    # scipy takes differences of log beta functions of order 1e6 for the smallest correlation.
    assert value + log_binomial(n, m)[:, None] == pytest.approx(exact, abs=1e-8)
    step = 1e-5
    ahead, behind = (audit_terms(logits + side * step, n, m, icc)[0] for side in (1.0, -1.0))
    assert slope == pytest.approx((ahead - behind) / (2.0 * step), abs=1e-7)


def test_a_beta_binomial_without_correlation_is_binomial() -> None:
    n, m = np.array([10.0]), np.array([7.0])
    # They differ by about 9 / (2 p M), M = 1e11.
    value, slope = audit_terms(LOGITS, n, m, 1e-11)
    exact, exact_slope = audit_terms(LOGITS, n, m, 0.0)
    assert value == pytest.approx(exact, abs=1e-6)
    assert slope == pytest.approx(exact_slope, abs=1e-6)
