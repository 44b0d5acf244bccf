"""The judgement under a known rate model."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dwangstats.providers.integral import EffectModel
from dwangstats.providers.silence import (
    Cells,
    FittedModel,
    expected_counts,
    judge,
    log_probabilities,
    suspect_cells,
)

MODEL = EffectModel("nb2", 0.2, 0.8)


def cells_from(counts: np.ndarray) -> Cells:
    """One row per cell of (providers, periods) counts."""
    providers, periods = counts.shape
    return Cells(
        provider=np.repeat(np.arange(providers), periods),
        providers=providers,
        zero=counts.ravel() == 0.0,
        row_cell=np.arange(counts.size),
        y=counts.ravel().astype(float),
    )


def draw(rng: np.random.Generator, providers: int, eta: np.ndarray, model: EffectModel) -> np.ndarray:
    """Counts (providers, periods) of providers that report normally."""
    mean = np.exp(eta + model.sd * rng.standard_normal((providers, 1)))
    if model.alpha > 0.0:
        mean = mean * rng.gamma(1.0 / model.alpha, model.alpha, size=mean.shape)
    return rng.poisson(mean) * (rng.random(mean.shape) >= model.nothing)


def simple(counts: list[list[int]], mean: float, model: EffectModel = MODEL) -> tuple[Cells, FittedModel]:
    cells = cells_from(np.array(counts))
    return cells, FittedModel(np.full(cells.y.size, np.log(mean)), model)


@pytest.mark.parametrize(
    "model",
    [EffectModel("poisson", 0.0, 0.8), MODEL, EffectModel("nb2", 0.2, 0.8, 0.15)],
    ids=["poisson", "nb2", "nothing"],
)
def test_the_probability_is_the_share_among_simulated_providers(model: EffectModel) -> None:
    rng = np.random.default_rng(1)
    eta = np.log(np.array([1.5, 2.0, 1.0]))
    counts = draw(rng, 400_000, eta, model)
    like_mine = counts[counts[:, 2] == 3]
    share = float(np.mean((like_mine[:, :2] == 0).all(axis=1)))
    cells = cells_from(np.array([[0, 0, 3]]))
    log_p, expected = log_probabilities(
        cells, FittedModel(eta, model), np.zeros(3, dtype=bool), [np.array([0, 1], dtype=np.intp)]
    )
    # four standard errors of the two simulated means
    assert_allclose(np.exp(log_p[0]), share, atol=4.0 * np.sqrt(share / len(like_mine)))
    sums = like_mine[:, :2].sum(axis=1)
    assert_allclose(expected[0], sums.mean(), atol=4.0 * sums.std() / np.sqrt(len(like_mine)))


@pytest.mark.parametrize("nothing", [0.0, 0.1])
@pytest.mark.parametrize("mean", [0.3, 3.0])
def test_a_provider_that_reports_normally_seldom_has_a_small_p_value(mean: float, nothing: float) -> None:
    rng = np.random.default_rng(2)
    model = EffectModel("nb2", 0.2, 1.0, nothing)
    eta = np.log(np.full(5, mean))
    counts = draw(rng, 2_000, eta, model)
    cells = cells_from(counts)
    log_p = judge(cells, FittedModel(np.tile(eta, 2_000), model), 0.05).log_p
    for level in (0.2, 0.05, 0.01, 0.001):
        share = float(np.mean(log_p <= np.log(level)))
        assert share <= level + 3.0 * np.sqrt(level / 2_000)


def test_the_share_of_false_names_stays_below_the_level() -> None:
    rng = np.random.default_rng(4)
    eta = np.log(np.full(6, 12.0))
    shares = []
    for _ in range(60):
        counts = draw(rng, 50, eta, MODEL)
        counts[:5, :3] = 0
        counts[5:8] = 0
        cells = cells_from(counts)
        named = np.unique(cells.provider[judge(cells, FittedModel(np.tile(eta, 50), MODEL), 0.05).silent])
        shares.append(float(np.mean(named >= 8)) if named.size else 0.0)
    assert np.mean(shares) <= 0.05


def test_silence_teaches_nothing_about_the_provider() -> None:
    once, fitted = simple([[0, 0, 30, 28]], 20.0)
    silent = judge(once, fitted, 0.05).silent
    assert silent.tolist() == [True, True, False, False]
    with_silence = expected_counts(once, fitted, silent)
    without, fitted_without = simple([[30, 28]], 20.0)
    alone = expected_counts(without, fitted_without, np.zeros(2, dtype=bool))
    assert_allclose(with_silence[2:], alone, rtol=1e-12)
    assert_allclose(with_silence[:2], alone[0], rtol=1e-12)


def test_a_wholly_silent_provider_is_judged_by_the_population() -> None:
    cells, fitted = simple([[0, 0, 0]], 40.0)
    expected = expected_counts(cells, fitted, np.ones(3, dtype=bool))
    assert_allclose(expected, 40.0 * np.exp(0.8**2 / 2.0), rtol=1e-12)


def test_every_second_period_is_found_though_each_zero_makes_the_others_look_usual() -> None:
    cells, fitted = simple([[9, 0, 8, 0, 10, 0, 7, 0, 9, 0, 8, 0]], 9.0, EffectModel("nb2", 0.02, 0.6))
    single, _ = log_probabilities(cells, fitted, np.zeros(12, dtype=bool), [np.array([1], dtype=np.intp)])
    assert single[0] > -5.0
    judgement = judge(cells, fitted, 0.05)
    assert judgement.silent.tolist() == [False, True] * 6


def test_a_long_silence_is_separated_from_zeros_that_fit() -> None:
    cells, fitted = simple([[2, 0, 3, 1, 0, 2, 4, 1, 3, 2] + [0] * 14], 2.0, EffectModel("nb2", 0.02, 0.5))
    assert judge(cells, fitted, 0.05).silent.tolist() == [False] * 10 + [True] * 14


def test_small_providers_stay_open_and_large_ones_do_not() -> None:
    counts = np.vstack([np.zeros((2, 6), dtype=int), np.full((20, 6), 5)])
    cells = cells_from(counts)
    eta = np.log(np.concatenate([np.full(6, 0.2), np.full(6, 50.0), np.full(120, 5.0)]))
    silent = judge(cells, FittedModel(eta, MODEL), 0.05).silent.reshape(22, 6)
    assert silent.any(axis=1).tolist() == [False, True] + [False] * 20


def test_a_level_lower_finds_no_more() -> None:
    rng = np.random.default_rng(8)
    eta = np.log(np.full(6, 3.0))
    counts = draw(rng, 30, eta, MODEL)
    counts[:6, :3] = 0
    cells, fitted = cells_from(counts), FittedModel(np.tile(eta, 30), MODEL)
    before = np.ones(cells.zero.size, dtype=bool)
    for level in (0.5, 0.2, 0.05, 0.01, 1e-4):
        silent = judge(cells, fitted, level).silent
        assert not (silent & ~before).any()
        assert not (silent & ~suspect_cells(cells, fitted, level)).any()
        before = silent


def test_nothing_to_register_makes_single_zeros_harmless_and_long_silence_not() -> None:
    counts = [[0, 30, 28, 31, 30, 29], [0, 0, 0, 0, 0, 0]]
    surely, fitted = simple(counts, 30.0)
    assert judge(surely, fitted, 0.05).silent.reshape(2, 6).any(axis=1).tolist() == [True, True]
    maybe, fitted = simple(counts, 30.0, EffectModel("nb2", 0.2, 0.8, 0.1))
    assert judge(maybe, fitted, 0.05).silent.reshape(2, 6).any(axis=1).tolist() == [False, True]


def test_providers_without_cells_have_no_p_value() -> None:
    cells = Cells(np.array([1, 1]), 3, np.array([True, False]), np.array([0, 1]), np.array([0.0, 4.0]))
    judgement = judge(cells, FittedModel(np.log([4.0, 4.0]), MODEL), 0.05)
    assert np.isnan(judgement.log_adjusted).tolist() == [True, False, True]
    assert [places.tolist() for places in judgement.best] == [[], [0], []]


def test_several_rows_of_a_cell_are_zero_together() -> None:
    cells = Cells(np.array([0, 0]), 1, np.array([True, False]), np.array([0, 0, 0, 1]), np.array([0.0, 0.0, 0.0, 6.0]))
    parts = FittedModel(np.log([1.0, 2.0, 3.0, 6.0]), EffectModel("poisson", 0.0, 0.7))
    whole, fitted = simple([[0, 6]], 6.0, EffectModel("poisson", 0.0, 0.7))
    some = [np.array([0], dtype=np.intp)]
    free = np.zeros(2, dtype=bool)
    # three Poisson counts of means 1, 2 and 3 are a Poisson count of mean 6
    for one, other in zip(
        log_probabilities(cells, parts, free, some), log_probabilities(whole, fitted, free, some), strict=True
    ):
        assert_allclose(one, other, rtol=1e-10)
