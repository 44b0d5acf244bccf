import numpy as np
import pytest

from dwangstats.numerics.chibar import boundary_pvalue


@pytest.mark.parametrize(
    ("statistic", "added", "at_boundary"),
    [(3.841, 1, 0), (5.991, 2, 0), (2.706, 1, 1), (5.139, 2, 1), (7.045, 3, 1)],
)
def test_five_percent_points(statistic: float, added: int, at_boundary: int) -> None:
    # printed to three decimals in tables of the chi-square and of its half-and-half mixtures
    assert boundary_pvalue(statistic, added, at_boundary) == pytest.approx(0.05, abs=2e-5)


def test_nothing_gained_is_no_evidence() -> None:
    assert boundary_pvalue(0.0, 1, 1) == 1.0
    # less than the searches for two maxima leave is nothing gained; from there on it is half a chi-square
    assert boundary_pvalue(1e-9, 1, 1) == 1.0
    assert boundary_pvalue(2e-6, 1, 1) == pytest.approx(0.5, abs=1e-3)


def test_bound_holds_for_two_variances() -> None:
    rng = np.random.default_rng(1)
    for rho in (-0.8, 0.0, 0.8):
        # squared length of the projection on the quadrant, by its three faces, in the metric of the information
        z = rng.multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]], 20_000)
        whole = (z[:, 0] ** 2 - 2 * rho * z[:, 0] * z[:, 1] + z[:, 1] ** 2) / (1 - rho**2)
        inverse = np.linalg.inv([[1.0, rho], [rho, 1.0]])
        slope = z @ inverse
        edges = np.maximum(slope, 0.0) ** 2 / np.diag(inverse)
        statistic = np.where((z >= 0).all(axis=1), whole, edges.max(axis=1))
        share = float(np.mean(statistic >= 4.0))
        # 20,000 draws: standard error 0.002
        assert share < boundary_pvalue(4.0, 2, 2) + 0.006
