"""Odds of silence: priors that add up, and a sum over all sets of zeros."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dwangstats.providers.integral import EffectModel
from dwangstats.providers.odds import log_odds
from dwangstats.providers.silence import Cells, FittedModel, Judgement, judge, log_probabilities
from dwangstats.providers.stretches import log_weight, total_weight

MODEL = EffectModel("nb2", 0.2, 0.8)


def cells_of(counts: np.ndarray, declared: np.ndarray | None = None) -> Cells:
    """One row per cell of (providers, periods) counts."""
    providers, periods = counts.shape
    return Cells(
        np.repeat(np.arange(providers), periods),
        providers,
        counts.ravel() == 0,
        np.arange(counts.size),
        counts.ravel().astype(float),
        np.zeros(counts.size, dtype=bool) if declared is None else declared.ravel(),
    )


def odds_of(counts: np.ndarray, mean: float, model: EffectModel, prior: float, declared: np.ndarray | None = None):  # type: ignore[no-untyped-def]
    cells = cells_of(counts, declared)
    fitted = FittedModel(np.full(counts.size, np.log(mean)), model)
    return cells, fitted, judge(cells, fitted, 0.05)


def by_enumeration(cells: Cells, fitted: FittedModel, prior: float) -> float:
    """Odds of the first provider, each set by itself."""
    zeros = np.flatnonzero(cells.zero)
    sets = [np.array(some) for size in range(1, zeros.size + 1) for some in combinations(zeros, size)]
    nobody = np.zeros(cells.zero.size, dtype=bool)
    log_p, _ = log_probabilities(cells, fitted, nobody, sets)
    shares = np.array([log_weight(some, cells.zero.size) for some in sets]) - np.log(total_weight(cells.zero.size))
    return float(np.log(prior / (1.0 - prior)) + np.log(np.sum(np.exp(shares - log_p))))


@pytest.mark.parametrize("nothing", [0.0, 0.2])
@pytest.mark.parametrize(
    "counts", [[0], [0, 4], [0, 0, 3], [0, 5, 0, 0, 7, 0], [0] * 6, [3, 0, 0, 0, 2, 0, 1], [9, 0, 0, 0, 0, 11]]
)
def test_the_sum_is_that_over_every_set(counts: list[int], nothing: float) -> None:
    model = EffectModel("nb2", 0.2, 0.8, nothing)
    cells, fitted, judgement = odds_of(np.array([counts]), 4.0, model, 0.1)
    assert_allclose(log_odds(cells, fitted, judgement, 0.1), by_enumeration(cells, fitted, 0.1), rtol=1e-8)


def test_the_priors_add_up_so_that_the_probabilities_are_right_on_average() -> None:
    rng = np.random.default_rng(7)
    prior, providers, periods, mean = 0.4, 1_500, 5, 4.0
    effect = mean * np.exp(MODEL.sd * rng.standard_normal((providers, 1)))
    counts = rng.poisson(effect * rng.gamma(5.0, 0.2, size=(providers, periods)))
    sets = [np.array(some) for size in range(1, periods + 1) for some in combinations(range(periods), size)]
    weights = np.exp([log_weight(some, periods) for some in sets])
    silent = rng.random(providers) < prior
    for g in np.flatnonzero(silent):
        counts[g, sets[rng.choice(len(sets), p=weights / weights.sum())]] = 0
    cells, fitted, judgement = odds_of(counts, mean, MODEL, prior)
    said = 1.0 / (1.0 + np.exp(-log_odds(cells, fitted, judgement, prior)))
    for low, high in ((0.0, 1.0), (0.05, 0.4), (0.4, 0.7), (0.7, 0.95)):
        inside = (said >= low) & (said <= high)
        error = np.sqrt(np.sum(said[inside] * (1.0 - said[inside]))) / inside.sum()
        assert inside.sum() > 50
        assert abs(said[inside].mean() - silent[inside].mean()) < 3.5 * error


def test_a_declared_zero_is_in_no_set() -> None:
    declared = np.array([[True, False, False, False], [True, True, True, True]])
    counts = np.array([[0, 0, 12, 9], [0, 0, 0, 0]])
    cells, fitted, judgement = odds_of(counts, 10.0, MODEL, 0.1, declared)
    assert judgement.unlikely.tolist() == [False, False, False, False] + [True] * 4
    found = log_odds(cells, fitted, judgement, 0.1)
    # the undeclared zero is at the beginning of three periods that it can be silent in, the declared one a count of 0
    places = [np.array([1])]
    log_p, _ = log_probabilities(cells, fitted, np.zeros(8, dtype=bool), places)
    share = log_weight(np.array([0]), 3) - np.log(total_weight(3))
    assert_allclose(found[0], np.log(0.1 / 0.9) + share - log_p[0], rtol=1e-9)
    assert found[1] == -np.inf


def test_without_zeros_there_are_no_odds_and_without_deliveries_none_to_give() -> None:
    cells = Cells(np.array([1, 1]), 2, np.zeros(2, dtype=bool), np.arange(2), np.array([3.0, 4.0]))
    fitted = FittedModel(np.log([4.0, 4.0]), MODEL)
    nobody = Judgement(np.zeros(2, dtype=bool), np.zeros(2, dtype=bool), np.zeros(2), np.zeros(2), ())
    found = log_odds(cells, fitted, nobody, 0.1)
    assert np.isnan(found[0])
    assert found[1] == -np.inf


def test_a_probability_of_any_size() -> None:
    cells, fitted, judgement = odds_of(np.array([[0, 0, 0, 90_000]]), 1e5, EffectModel("poisson", 0.0, 0.5), 0.1)
    found = log_odds(cells, fitted, judgement, 0.1)
    # four periods of 22,500 each against one of 90,000: the ratio of the two maxima is 4^90,000
    assert_allclose(found[0], 90_000 * np.log(4.0), rtol=1e-3)
