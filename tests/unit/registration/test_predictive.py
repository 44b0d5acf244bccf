"""The law of what nobody registered, against Bayes' rule on a grid of true counts."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from dwangstats.numerics.thinned.problem import LinkedRows
from dwangstats.registration.predictive import draw_unregistered, expected_unregistered, missed_rows

MEAN, P, Y = 12.0, 0.7, 5
DRAWS = 40_000


def law(family: str, alpha: float, seen: float, count: int, largest: int = 400) -> np.ndarray:
    """P(N - count = k | count seen), k = 0, 1, ...: prior times binomial, normalised."""
    n = np.arange(count, count + largest)
    if family == "poisson" or alpha == 0.0:
        prior = stats.poisson.logpmf(n, MEAN)
    else:
        size = 1.0 / alpha if family == "nb2" else MEAN / alpha
        prior = stats.nbinom.logpmf(n, size, size / (size + MEAN))
    joint = prior + stats.binom.logpmf(count, n, seen)
    return np.exp(joint - logsumexp(joint))


@pytest.mark.parametrize(
    ("family", "alpha"), [("poisson", 0.0), ("nb2", 0.4), ("nb1", 1.5), ("nb2", 0.0), ("nb2", 1e-9)]
)
def test_draws_follow_bayes(family: str, alpha: float) -> None:
    expected = law(family, alpha, P, Y)
    k = np.arange(expected.size)
    mean = float(k @ expected)
    spread = float(np.sqrt((k - mean) ** 2 @ expected))
    log_mean = np.full((DRAWS, 1), np.log(MEAN))
    missed = missed_rows(np.full((DRAWS, 1), P), np.array([float(Y)]), None, np.zeros((DRAWS, 0)))
    dispersion = np.full((DRAWS, 1), alpha)
    drawn = draw_unregistered(family, log_mean, missed, dispersion, np.random.default_rng(1))[:, 0]
    # Five Monte Carlo standard errors.
    assert drawn.mean() == pytest.approx(mean, abs=5.0 * spread / np.sqrt(DRAWS))
    assert np.var(drawn) == pytest.approx(spread**2, rel=0.06)
    one = missed_rows(np.full((1, 1), P), np.array([float(Y)]), None, np.zeros((1, 0)))
    assert expected_unregistered(family, log_mean[:1], one, dispersion[:1])[0, 0] == pytest.approx(mean, rel=1e-6)
    found = np.bincount(drawn.astype(int), minlength=20)[:20] / DRAWS
    assert np.abs(found - expected[:20]).max() < 0.012


def test_complete_registration_misses_nothing() -> None:
    missed = missed_rows(np.ones((3, 1)), np.array([4.0]), None, np.zeros((3, 0)))
    drawn = draw_unregistered("nb2", np.full((3, 1), 2.0), missed, np.full((3, 1), 0.5), np.random.default_rng(1))
    assert not drawn.any()


def test_a_silent_provider_misses_all_of_its_events() -> None:
    missed = missed_rows(np.zeros((DRAWS, 1)), np.zeros(1), None, np.zeros((DRAWS, 0)))
    log_mean = np.full((DRAWS, 1), np.log(MEAN))
    drawn = draw_unregistered("nb1", log_mean, missed, np.full((DRAWS, 1), 1.0), np.random.default_rng(2))
    assert drawn.mean() == pytest.approx(MEAN, abs=5.0 * np.sqrt(2.0 * MEAN / DRAWS))
    assert np.var(drawn) == pytest.approx(2.0 * MEAN, rel=0.06)


@pytest.mark.parametrize("odds_ratio", [1.0, 3.0])
def test_linked_rows_draw_only_what_stands_in_neither_register(odds_ratio: float) -> None:
    linked = LinkedRows(
        row=np.array([1]),
        both=np.array([3.0]),
        register_only=np.array([2.0]),
        other_only=np.array([4.0]),
        W2=np.ones((1, 1)),
        odds_ratio=odds_ratio,
    )
    gamma = np.full((DRAWS, 1), 0.2)
    p = np.full((DRAWS, 2), P)
    missed = missed_rows(p, np.array([5.0, 5.0]), linked, gamma)
    other = 1.0 / (1.0 + np.exp(-0.2))
    if odds_ratio == 1.0:
        neither = (1.0 - P) * (1.0 - other)
    else:
        s = 1.0 + (odds_ratio - 1.0) * (P + other)
        both = (s - np.sqrt(s**2 - 4.0 * odds_ratio * (odds_ratio - 1.0) * P * other)) / (2.0 * (odds_ratio - 1.0))
        neither = 1.0 - (P + other - both)
    assert missed.unseen[0] == pytest.approx([1.0 - P, neither], rel=1e-9)
    assert missed.count.tolist() == [5.0, 9.0]
    assert missed.known.tolist() == [0.0, 4.0]
    drawn = draw_unregistered(
        "poisson", np.full((DRAWS, 2), np.log(MEAN)), missed, np.zeros((DRAWS, 1)), np.random.default_rng(3)
    )
    assert drawn[:, 1].min() >= 4.0
    assert drawn[:, 1].mean() == pytest.approx(4.0 + MEAN * neither, abs=5.0 * np.sqrt(MEAN * neither / DRAWS))
