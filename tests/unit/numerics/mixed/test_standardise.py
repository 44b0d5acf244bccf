import numpy as np

from dwangstats.numerics.mixed.standardise import standardising


def test_columns_are_centred_beside_an_intercept() -> None:
    rng = np.random.default_rng(1)
    X = np.column_stack((rng.integers(2019, 2025, 50), np.ones(50), 1e6 * rng.normal(size=50)))
    inner = X @ standardising(X)
    np.testing.assert_allclose(inner[:, [0, 2]].mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose((inner**2).mean(axis=0), 1.0, rtol=1e-9)


def test_without_an_intercept_columns_are_only_scaled() -> None:
    X = np.eye(3)[[0, 1, 2, 0, 1, 2]] * np.array([1.0, 10.0, 0.0])
    transform = standardising(X)
    assert np.count_nonzero(transform - np.diag(np.diag(transform))) == 0
    assert np.all(np.diag(transform) > 0.0)
