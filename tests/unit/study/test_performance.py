"""Performance measures against their definitions."""

import math

import numpy as np
import pytest

from dwangstats.study.performance import performance


def test_measures_of_five_replicates_by_hand() -> None:
    truth = np.array([1.0, 1.0, 1.0, 2.0, 2.0])
    estimate = np.array([1.5, 0.5, 1.0, 2.0, 3.0])
    found = performance(truth, estimate, estimate - 0.6, estimate + 0.6, np.array([0.3, 0.4, np.nan, 0.3, 0.4]))
    # Errors: 0.5, -0.5, 0, 0, 1; four of the five intervals of half width 0.6 hold the truth.
    assert found.bias == pytest.approx(0.2)
    assert found.median_error == 0.0
    assert found.empirical_sd == pytest.approx(math.sqrt((0.09 + 0.49 + 0.04 + 0.04 + 0.64) / 4))
    assert found.bias_error == pytest.approx(found.empirical_sd / math.sqrt(5))
    assert found.empirical_sd_error == pytest.approx(found.empirical_sd / math.sqrt(8))
    assert found.mean_se == pytest.approx(math.sqrt((0.09 + 0.16 + 0.09 + 0.16) / 4))
    assert found.coverage == 0.8
    assert found.coverage_error == pytest.approx(math.sqrt(0.8 * 0.2 / 5))
    assert found.mean_width == pytest.approx(1.2)


def test_an_open_interval_covers_but_has_no_width() -> None:
    one = np.ones(2)
    found = performance(one, one, np.array([0.5, 0.5]), np.array([np.inf, 1.5]), np.full(2, np.nan))
    assert found.coverage == 1.0
    assert found.mean_width == 1.0
    assert math.isnan(found.mean_se)


def test_no_replicate_gives_no_number() -> None:
    empty = np.zeros(0)
    found = performance(empty, empty, empty, empty, empty)
    assert found.replicates == 0
    assert all(math.isnan(value) for value in (found.bias, found.coverage, found.empirical_sd))
