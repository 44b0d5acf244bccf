"""Stretches, common movement and tests: against brute force, and level and power by simulation."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from dwangstats.data.checks.traces.movement import (
    common_movement,
    components_of,
    judged,
    odds_tests,
    q_values,
    rate_ratios,
    rate_tests,
    spread,
    stretches,
    weighted_medians,
)

ONE = components_of(np.ones((1, 12), dtype=bool), stretches(12, 4), ~stretches(12, 4), 4)[0]


def parts_of(known: np.ndarray) -> np.ndarray:
    return components_of(known, stretches(12, 4), ~stretches(12, 4), 4)


def test_stretches_are_runs_of_half_a_year_to_a_year_and_breaks() -> None:
    inside = stretches(12, 4)
    lengths = inside.sum(axis=1)
    runs = inside[lengths <= 4]
    assert len(runs) == 11 + 10 + 9
    breaks = inside[lengths > 4]
    assert all(row[-1] and row.sum() in (5, 6, 7, 8) for row in breaks)
    # The break with a year after it is the last run of a year, and is looked at once.
    assert len({row.tobytes() for row in inside}) == len(inside)
    assert stretches(2, 4).shape == (0, 2)


def test_weighted_median_is_that_of_repeated_values() -> None:
    rng = np.random.default_rng(1)
    values, weight = rng.normal(size=(20, 7)), rng.integers(0, 4, size=(20, 7)).astype(float)
    weight[:, 0] += 1.0
    repeated = [np.median(np.repeat(v, w.astype(int))) for v, w in zip(values, weight, strict=True)]
    assert weighted_medians(values, weight) == pytest.approx(np.array(repeated), abs=1e-12)
    assert weighted_medians(values, np.zeros_like(weight)).tolist() == [0.0] * 20


def test_common_movement_is_not_moved_by_one_large_odd_provider() -> None:
    rng = np.random.default_rng(2)
    movement = np.linspace(0.0, 0.5, 12)
    level = np.exp(rng.normal(3.0, 0.5, size=30))
    mean = level[:, None] * np.exp(movement)
    mean[0] = 5000.0 * np.exp(-3.0 * movement)
    counts = rng.poisson(mean).astype(float)
    found = common_movement(counts, np.ones_like(counts), np.ones(counts.shape, dtype=bool))
    # Some 29 providers of about 20 a quarter: a standard error of some 0.05.
    assert found - found.mean() == pytest.approx(movement - movement.mean(), abs=0.2)


def test_rates_are_held_against_the_own_rest_and_the_exposure() -> None:
    counts = np.array([[10.0, 10.0, 40.0, 40.0]])
    inside = np.array([[False, False, True, True]])
    known = np.ones((1, 4), dtype=bool)
    assert rate_ratios(counts, np.ones((1, 4)), known, inside) == pytest.approx(80.5 / 20.5)
    assert rate_ratios(counts, counts, known, inside) == pytest.approx((80.5 / 20.5) / 4.0)
    assert np.isnan(rate_ratios(0.0 * counts, counts, known, inside)).all()


def test_nothing_is_tested_with_fewer_than_five_providers() -> None:
    counts, known = np.full((4, 12), 50.0), np.ones((4, 12), dtype=bool)
    tests = rate_tests(counts, counts, known, stretches(12, 4), parts_of(known))
    assert np.isnan(tests.p).all()
    assert np.isnan(tests.ratio).all()


def test_spread_is_learnt_although_one_provider_in_ten_is_disturbed() -> None:
    rng = np.random.default_rng(3)
    information = rng.uniform(1.0, 200.0, size=(300, len(ONE)))
    tau2 = ONE @ np.array([0.02, 0.03, 0.0])
    root = rng.normal(size=information.shape) * np.sqrt(1.5 + tau2 * information)
    usable = np.ones(information.shape, dtype=bool)
    parts = np.broadcast_to(ONE, (300, *ONE.shape))
    phi, found = spread(root, information, usable, parts)
    # 10,000 independent roots; what periods and years add is told apart only in part.
    assert phi == pytest.approx(1.5, rel=0.25)
    assert found[0] == pytest.approx(tau2, rel=0.25)
    root[:30] -= 8.0 * np.sqrt(information[:30] / 100.0)
    _, disturbed = spread(root, information, usable, parts)
    # A tenth of strays widens a median-based variance by some 28 per cent.
    assert disturbed == pytest.approx(1.28 * found, rel=0.35)


def test_components_are_the_variances_of_simulated_contrasts() -> None:
    rng = np.random.default_rng(10)
    inside = stretches(12, 4)
    weight = inside / inside.sum(axis=1, keepdims=True) - ~inside / (~inside).sum(axis=1, keepdims=True)
    periods = rng.normal(size=(20000, 12))
    years = np.repeat(rng.normal(size=(20000, 3)), 4, axis=1)
    slopes = rng.normal(size=(20000, 1)) * np.arange(12) / 4.0
    for column, change in enumerate((periods, years, slopes)):
        # 20,000 draws give a variance with a relative standard error of one per cent.
        assert (change @ weight.T).var(axis=0) == pytest.approx(ONE[:, column], rel=0.05, abs=1e-9)


def test_who_is_known_less_differs_more_by_itself() -> None:
    known = np.ones((2, 12), dtype=bool)
    known[1, 2:10] = False
    inside = np.arange(12)[None, :] >= 6
    whole, part = components_of(known, inside, ~inside, 4)[:, 0]
    assert whole == pytest.approx([1.0 / 3.0, 2.0 * (2.0 / 3.0) ** 2, 1.5**2])
    assert part == pytest.approx([1.0, 2.0, 2.5**2])


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([[0.01, 0.04], [np.nan, 0.03], [0.5, 0.002]])
    # Ranked 0.002 0.01 0.03 0.04 0.5 of five.
    assert q_values(p).ravel() == pytest.approx([0.025, 0.05, np.nan, 0.05, 0.5, 0.01], nan_ok=True)
    assert np.isnan(q_values(np.full((2, 2), np.nan))).all()


def test_few_registers_without_a_shift_have_a_mark() -> None:
    rng = np.random.default_rng(4)
    inside, any_mark, registers = stretches(12, 4), 0, 100
    for _ in range(registers):
        level = np.exp(rng.normal(3.0, 1.0, size=24))
        yearly = np.repeat(rng.normal(0.0, 0.15, size=(24, 3)), 4, axis=1)
        counts = rng.poisson(level[:, None] * np.exp(yearly)).astype(float)
        known = np.ones(counts.shape, dtype=bool)
        expected = np.exp(common_movement(counts, np.ones_like(counts), known))
        tests = rate_tests(counts, np.broadcast_to(expected, counts.shape), known, inside, parts_of(known))
        any_mark += bool((q_values(tests.p) <= 0.05).any())
    # At a level of 0.05 the chance of more than 13 in 100 is below one in a thousand.
    assert binom.sf(13, registers, 0.05) < 1e-3
    assert any_mark <= 13


def test_a_year_at_a_third_stands_out() -> None:
    rng = np.random.default_rng(5)
    mean = np.full((20, 12), 60.0)
    mean[7, 4:8] /= 3.0
    counts = rng.poisson(mean).astype(float)
    known, inside = np.ones(counts.shape, dtype=bool), stretches(12, 4)
    tests = rate_tests(counts, np.ones_like(counts), known, inside, parts_of(known))
    q = q_values(tests.p)
    assert set(np.flatnonzero((q <= 0.05).any(axis=1))) == {7}
    best = inside[np.nanargmin(tests.p[7])]
    assert np.flatnonzero(best).tolist() == [4, 5, 6, 7]
    assert tests.ratio[7, np.nanargmin(tests.p[7])] == pytest.approx(1.0 / 3.0, rel=0.3)


def test_odds_do_not_move_when_everything_moves() -> None:
    rng = np.random.default_rng(6)
    scale = np.where(np.arange(12) < 6, 1.0, 3.0)
    counts, others = (rng.poisson(40.0 * scale, size=(30, 12)).astype(float) for _ in range(2))
    counts[3, 6:10] = rng.poisson(20.0, size=4)
    known, inside = np.ones(counts.shape, dtype=bool), stretches(12, 4)
    tests = odds_tests(counts, others, known, inside, parts_of(known))
    assert set(np.flatnonzero((q_values(tests.p) <= 0.05).any(axis=1))) == {3}


def test_unknown_periods_count_neither_inside_nor_outside() -> None:
    rng = np.random.default_rng(7)
    counts = rng.poisson(50.0, size=(10, 12)).astype(float)
    known = np.ones(counts.shape, dtype=bool)
    known[0, 4:8] = False
    inside = stretches(12, 4)
    year = int(np.flatnonzero((inside == (np.arange(12) // 4 == 1)).all(axis=1))[0])
    changed = counts.copy()
    changed[0, 4:8] = 1e6
    tests = [rate_tests(values, np.ones_like(counts), known, inside, parts_of(known)) for values in (counts, changed)]
    assert np.isnan(tests[0].p[0, year])
    assert np.isfinite(tests[0].z[1:]).all()
    assert tests[0].z == pytest.approx(tests[1].z, rel=1e-12, nan_ok=True)


def test_probabilities_are_two_sided_and_of_a_fall() -> None:
    rng = np.random.default_rng(8)
    root = rng.normal(size=(40, 10))
    tests = judged(root, np.ones((40, 10)), np.ones((40, 10)), np.ones((40, 10), dtype=bool), np.ones((40, 10, 1)))
    assert tests.degrees == 39
    assert (tests.p_of_fall < 0.5).tolist() == (tests.z < 0.0).tolist()
    assert tests.p == pytest.approx(2.0 * np.minimum(tests.p_of_fall, 1.0 - tests.p_of_fall), rel=1e-9)
    # The spread is learnt from the same roots, so that a fraction near 0.05 lies outside the normal 95 per cent.
    assert np.mean(np.abs(tests.z) > norm.ppf(0.975)) == pytest.approx(0.05, abs=0.04)
