"""Sets of zeros and what they cost."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import false_discovery_control

from dwangstats.providers.stretches import (
    benjamini_hochberg,
    candidate_sets,
    log_share,
    log_weight,
    shape_of,
    total_weight,
    zero_runs,
)


def all_sets(periods: int) -> list[np.ndarray]:
    return [
        np.array(places, dtype=np.intp)
        for size in range(1, periods + 1)
        for places in combinations(range(periods), size)
    ]


def zeros(text: str) -> np.ndarray:
    return np.array([letter == "0" for letter in text])


@pytest.mark.parametrize("periods", range(1, 13))
def test_the_weights_of_all_sets_are_a_share_of_one(periods: int) -> None:
    total = sum(np.exp(log_weight(places, periods)) for places in all_sets(periods))
    assert 0.25 - 1e-12 <= total <= 1.0 + 1e-12
    assert_allclose(total_weight(periods), total, rtol=1e-12)


@pytest.mark.parametrize("periods", [3, 6, 9])
def test_the_shares_of_each_kind_add_up_to_one(periods: int) -> None:
    sums = dict.fromkeys(("whole", "edge", "middle", "several"), 0.0)
    for places in all_sets(periods):
        shape = shape_of(places, periods)
        kind = "edge" if shape in ("start", "end") else shape
        sums[kind] += float(np.exp(log_share(places, periods)))
    assert_allclose([sums["whole"], sums["edge"], sums["middle"]], 1.0, rtol=1e-12)
    # some sets of k periods are one stretch, so that several stretches use less than their part
    assert 0.0 < sums["several"] < 1.0


@pytest.mark.parametrize(
    ("places", "shape"),
    [([0, 1, 2, 3], "whole"), ([0, 1], "start"), ([3], "end"), ([1, 2], "middle"), ([0, 3], "several")],
)
def test_shapes(places: list[int], shape: str) -> None:
    assert shape_of(np.array(places), 4) == shape


def test_a_single_period_is_the_whole() -> None:
    assert shape_of(np.array([0]), 1) == "whole"
    assert_allclose(log_weight(np.array([0]), 1), np.log(0.25))


def test_candidates_are_the_stretches_and_all_zeros_together() -> None:
    assert [list(run) for run in zero_runs(zeros("0011001"))] == [[0, 1], [4, 5]]
    assert zero_runs(zeros("111")) == []
    assert zero_runs(zeros("")) == []
    found = [list(one.places) for one in candidate_sets(zeros("0011001"))]
    assert found == [[0, 1], [4, 5], [0, 1, 4, 5]]
    assert [list(one.places) for one in candidate_sets(zeros("1001"))] == [[1, 2]]


def test_the_false_discovery_rate_is_that_of_scipy() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(size=40) ** 4
    adjusted, cutoff = benjamini_hochberg(np.log(p), 0.05)
    expected = false_discovery_control(p)
    assert_allclose(np.exp(adjusted), expected, rtol=1e-12)
    assert_allclose(cutoff, np.log(p[expected <= 0.05].max()), rtol=1e-15)


def test_nothing_is_rejected_without_small_p_values() -> None:
    adjusted, cutoff = benjamini_hochberg(np.array([-0.5, 0.3, 0.0]), 0.05)
    assert cutoff == -np.inf
    assert adjusted.max() <= 0.0
