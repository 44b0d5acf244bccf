import itertools
import math
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dwangstats.errors import InternalError
from dwangstats.numerics.lmdi import lmdi
from dwangstats.numerics.shapley import product_totals, shapley

#: Sums of a few hundred products of numbers near 1.
ROUNDING = 1e-12


def by_orders(totals: np.ndarray, parts: int) -> np.ndarray:
    """The definition: mean contribution over all K! orders in which the parts move."""
    values = np.zeros((parts, *totals.shape[parts:]))
    for order in itertools.permutations(range(parts)):
        at = [0] * parts
        for k in order:
            earlier = totals[tuple(at)]
            at[k] = 1
            values[k] += totals[tuple(at)] - earlier
    return values / math.factorial(parts)


def random_factors(rng: np.random.Generator, draws: int, cells: int) -> list[np.ndarray]:
    """Four parts: a scalar, weights of cells, and a rate that the third and the fourth part move together."""
    return [
        rng.uniform(0.5, 2.0, (2, 1, 1, 1, 1, 1)),
        rng.uniform(0.0, 2.0, (1, 2, 1, 1, 1, cells)),
        rng.uniform(0.5, 2.0, (1, 1, 2, 2, draws, cells)),
    ]


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 6])
def test_it_is_the_mean_over_all_orders(parts: int) -> None:
    totals = np.random.default_rng(parts).normal(size=(2,) * parts + (3,))
    assert_allclose(shapley(totals, parts), by_orders(totals, parts), atol=ROUNDING)


def test_the_values_add_up_and_turn_round_with_time() -> None:
    totals = np.random.default_rng(1).normal(size=(2,) * 5 + (7,))
    values = shapley(totals, 5)
    assert_allclose(values.sum(axis=0), totals[(1,) * 5] - totals[(0,) * 5], atol=ROUNDING)
    turned = shapley(totals[::-1, ::-1, ::-1, ::-1, ::-1], 5)
    assert_allclose(turned, -values, atol=ROUNDING)


def test_two_factors_give_the_textbook_mean_of_both_sides() -> None:
    a, b = (2.0, 3.0), (5.0, 11.0)
    values = shapley(np.outer(a, b), 2)
    assert_allclose(values, [(3.0 - 2.0) * (5.0 + 11.0) / 2.0, (11.0 - 5.0) * (2.0 + 3.0) / 2.0])


def test_three_factors_give_das_guptas_formula() -> None:
    (a, A), (b, B), (c, C) = (2.0, 3.0), (5.0, 11.0), (0.7, 0.9)
    totals = np.einsum("i,j,k->ijk", (a, A), (b, B), (c, C))
    first = (A - a) * ((b * c + B * C) / 3.0 + (b * C + B * c) / 6.0)
    assert shapley(totals, 3)[0] == pytest.approx(first, rel=ROUNDING)


def test_a_part_that_does_not_move_is_exactly_zero() -> None:
    rng = np.random.default_rng(2)
    factors = [rng.uniform(size=(2, 1, 4, 9)), rng.uniform(size=(1, 1, 1, 9))]
    assert (shapley(product_totals(factors, 2), 2)[1] == 0.0).all()


@pytest.mark.parametrize("block", [1, 200, 10_000_000])
def test_totals_are_the_plain_sum_in_blocks_of_any_size(block: int) -> None:
    scale, weights, rate = random_factors(np.random.default_rng(3), draws=5, cells=11)
    totals = product_totals([scale, weights, rate], 4, block=block)
    for i, j, k, m in itertools.product((0, 1), repeat=4):
        expected = scale[i].item() * (weights[0, j, 0, 0] * rate[0, 0, k, m]).sum(axis=-1)
        assert_allclose(totals[i, j, k, m], expected, rtol=ROUNDING)


def test_factors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InternalError, match="axes of length 2"):
        shapley(np.zeros((2, 3)), 2)
    with pytest.raises(InternalError, match="axes of parts"):
        product_totals([np.zeros((3, 1, 4))], 1)
    with pytest.raises(InternalError, match="draws or cells"):
        product_totals([np.zeros((1, 2, 4)), np.zeros((2, 2, 5))], 1)
    with pytest.raises(InternalError, match="axes of parts"):
        product_totals([], 1)


def test_two_thousand_draws_of_eight_hundred_cells_take_seconds() -> None:
    rng = np.random.default_rng(4)
    draws, cells = 2000, 800
    axes = [tuple(2 if i == k else 1 for i in range(6)) for k in range(6)]
    factors = [
        rng.uniform(0.9, 1.1, (*axes[0], 1, 1)),
        rng.uniform(0.0, 1.0, (*axes[1], 1, cells)),
        rng.uniform(0.9, 1.1, (*axes[2], 1, 1)),
        *(rng.uniform(0.5, 1.0, (*axes[k], draws, cells)) for k in (3, 4, 5)),
    ]
    begin = time.process_time()
    values = shapley(product_totals(factors, 6), 6)
    # The promise; 0.3 s was measured, so a slow machine is not the reason for a failure.
    assert time.process_time() - begin < 5.0
    change = product_totals([f[(-1,) * 6][(None,) * 6] for f in factors], 6)[(0,) * 6]
    change = change - product_totals([f[(0,) * 6][(None,) * 6] for f in factors], 6)[(0,) * 6]
    assert_allclose(values.sum(axis=0), change, atol=1e-9)


def test_lmdi_adds_up_and_is_close_to_shapley_for_small_changes() -> None:
    rng = np.random.default_rng(5)
    before, logs = rng.uniform(1.0, 20.0, 40), rng.normal(0.0, 0.1, (3, 40))
    found = lmdi(before, logs)
    after = before * np.exp(logs.sum(axis=0))
    assert found.sum() == pytest.approx(after.sum() - before.sum(), rel=ROUNDING)
    factors = [
        np.exp([0.0 * log, log]).reshape([2 if i == k else 1 for i in range(3)] + [1, 40]) for k, log in enumerate(logs)
    ]
    exact = shapley(product_totals([before.reshape(1, 1, 1, 1, 40), *factors], 3), 3)[:, 0]
    # The two differ in the third order of the log ratios: 0.1^3 x 400 events.
    assert_allclose(found, exact, atol=0.4)


def test_lmdi_of_cells_that_do_not_move_or_are_empty() -> None:
    assert_allclose(lmdi(np.array([3.0, 0.0]), np.array([[0.0, 1.0], [0.0, 2.0]])), [0.0, 0.0])
    assert_allclose(lmdi(np.array([4.0]), np.array([[0.2], [-0.2]])), [0.8, -0.8])
