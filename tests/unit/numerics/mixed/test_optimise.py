import numpy as np
import pytest

from dwangstats.errors import FitError
from dwangstats.numerics.mixed.optimise import climb, polish

TARGET = np.array([1.0, -2.0, 3.0])
CURVATURE = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 4.0]])


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    gap = x - TARGET
    return float(-0.5 * gap @ CURVATURE @ gap - (gap**4).sum()), -CURVATURE @ gap - 4.0 * gap**3


def test_interior_maximum_and_its_curvature() -> None:
    floors = np.full(3, -np.inf)
    start = climb(bowl, np.zeros(3), np.eye(3), floors)
    found = polish(bowl, start, np.eye(3), floors, central=True)
    np.testing.assert_allclose(found.vector, TARGET, atol=1e-8)
    # The quartic adds 12 (step^2) / 2 to a central difference with step 1e-3.
    np.testing.assert_allclose(found.information, CURVATURE, atol=2e-5)
    assert found.free.all()
    assert found.scaled_gradient < 1e-12
    assert found.smallest_eigenvalue > 0.0


def test_a_floor_holds_and_is_reported() -> None:
    floors = np.array([-np.inf, 0.0, -np.inf])
    start = climb(bowl, np.array([0.0, 1.0, 0.0]), np.eye(3), floors)
    found = polish(bowl, start, np.eye(3), floors, central=True)
    assert found.vector[1] == 0.0
    assert found.free.tolist() == [True, False, True]
    assert np.all(found.information[1] == 0.0)
    assert np.abs(found.gradient[[0, 2]]).max() < 1e-6


def test_a_guess_of_the_information_is_replaced_at_the_end() -> None:
    floors, free = np.full(3, -np.inf), np.full(3, True)
    found = polish(bowl, TARGET + 0.05, np.eye(3), floors, central=True, information=1.3 * CURVATURE, free=free)
    np.testing.assert_allclose(found.information, CURVATURE, atol=2e-5)


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(FitError, match="not finite"):
        polish(lambda x: (np.nan, x), np.zeros(2), np.eye(2), np.full(2, -np.inf), central=True)
