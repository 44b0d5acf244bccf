import math

import numpy as np
import pytest
from scipy.special import logit

from dwangstats.registration.evidence.compare import pooled_completeness, relative_rate


def test_pooled_completeness_by_hand() -> None:
    """Residuals of 2, -2, 1 and -1, so that the clustered variance is 10 * 4/3 / (40 * 0.6 * 0.4)^2."""
    found = np.full(4, 10.0)
    pooled = pooled_completeness(found, np.array([8.0, 4.0, 7.0, 5.0]), np.arange(4))
    assert pooled is not None
    assert pooled.completeness == pytest.approx(0.6)
    assert pooled.logit == pytest.approx(logit(0.6))
    assert pooled.se == pytest.approx(math.sqrt(10.0 * 4.0 / 3.0) / 9.6)


def test_even_providers_have_no_less_than_the_binomial_error() -> None:
    pooled = pooled_completeness(np.full(4, 10.0), np.full(4, 6.0), np.arange(4))
    assert pooled is not None
    assert pooled.se == pytest.approx(1.0 / math.sqrt(40 * 0.6 * 0.4))


def test_all_registered_is_no_infinite_logit() -> None:
    pooled = pooled_completeness(np.full(4, 10.0), np.full(4, 10.0), np.arange(4))
    assert pooled is not None
    assert pooled.completeness == pytest.approx(40.5 / 41.0)
    assert math.isfinite(pooled.logit)


def test_no_events_no_completeness() -> None:
    assert pooled_completeness(np.zeros(3), np.zeros(3), np.arange(3)) is None


def test_z_of_two_sources() -> None:
    one = pooled_completeness(np.full(4, 10.0), np.full(4, 6.0), np.arange(4))
    two = pooled_completeness(np.full(4, 10.0), np.full(4, 8.0), np.arange(4))
    assert one is not None
    assert two is not None
    assert two.z_against(one) == pytest.approx((logit(0.8) - logit(0.6)) / math.hypot(one.se, two.se))


def test_relative_rate_by_hand() -> None:
    events = np.array([10.0, 12.0, 14.0, 5.0, 6.0, 7.0])
    inside = np.arange(6) < 3
    found = relative_rate(events, np.full(6, 100.0), np.arange(6), inside)
    assert found is not None
    ratio, z = found
    assert ratio == pytest.approx(2.0)
    # The spread (8 * 3/2 and 2 * 3/2) is below that of Poisson counts (36 and 18), which then counts.
    assert z == pytest.approx(math.log(2.0) / math.sqrt(1 / 36 + 1 / 18))


def test_a_side_of_two_providers_is_no_comparison() -> None:
    assert relative_rate(np.ones(6), np.ones(6), np.arange(6), np.arange(6) < 2) is None
    assert relative_rate(np.ones(6), np.ones(6), np.arange(6), np.ones(6, dtype=bool)) is None
