import dataclasses

import numpy as np
import pandas as pd
import pytest

from dwangstats._types import FamilyName
from dwangstats.models import certificate as module
from dwangstats.models.certificate import Certificate, certify
from dwangstats.numerics.glm import CountFit, fit_counts

FAMILIES: tuple[FamilyName, ...] = ("poisson", "nb2", "nb1")


def arrays(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = np.column_stack([np.ones(len(frame)), frame["year"] == 2022, frame["year"] == 2023, frame["x"]]).astype(float)
    return X, frame["events"].to_numpy(dtype=float), np.log(frame["bed_days"].to_numpy())


def check(fit: CountFit, frame: pd.DataFrame, family: FamilyName) -> Certificate:
    return certify(fit, *arrays(frame), family)


def failures(certificate: Certificate) -> set[str]:
    return {name for name, _, _, passed in certificate.checks if not passed}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_maximum_passes(family: FamilyName, wards: pd.DataFrame) -> None:
    found = check(fit_counts(*arrays(wards), family), wards, family)
    assert found.converged
    assert found.boundary == ()
    assert found.scaled_gradient < 1e-12
    assert found.smallest_eigenvalue > 0.01
    assert found.restart_gap is not None
    assert found.restart_gap < 1e-10
    assert str(found).startswith("converged: scaled gradient below 1e-12 (limit 1e-08)")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("steps", [0.01, 0.3, -2.0])
def test_a_place_beside_the_maximum_fails(family: FamilyName, steps: float, wards: pd.DataFrame) -> None:
    fit = fit_counts(*arrays(wards), family)
    moved = fit.beta.copy()
    moved[1] += steps * np.sqrt(fit.covariance[1, 1])
    found = check(dataclasses.replace(fit, beta=moved), wards, family)
    assert not found.converged
    assert "scaled gradient" in failures(found)
    # One coefficient off by s standard errors, the others not following: g' H^-1 g is at least s^2.
    assert found.scaled_gradient >= 0.8 * steps**2
    assert str(found).startswith("FAILED")
    assert "not met" in str(found)


def test_a_wrong_dispersion_fails(wards: pd.DataFrame) -> None:
    fit = fit_counts(*arrays(wards), "nb2")
    found = check(dataclasses.replace(fit, alpha=1.5 * fit.alpha), wards, "nb2")
    assert {"scaled gradient", "log likelihood repeated"} <= failures(found)


def test_a_wrong_log_likelihood_fails(wards: pd.DataFrame) -> None:
    fit = fit_counts(*arrays(wards), "poisson")
    found = check(dataclasses.replace(fit, loglik=fit.loglik - 1e-3), wards, "poisson")
    assert failures(found) == {"log likelihood repeated", "restart gap"}


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_dispersion_at_zero_is_a_boundary_not_a_failure(family: FamilyName, even: pd.DataFrame) -> None:
    fit = fit_counts(*arrays(even), family)
    found = check(fit, even, family)
    assert found.converged
    assert found.boundary == ("dispersion",)
    assert "boundary score" in {name for name, *_ in found.checks}
    assert "at the boundary: dispersion" in str(found)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_a_false_boundary_fails(family: FamilyName, wards: pd.DataFrame) -> None:
    poisson = fit_counts(*arrays(wards), "poisson")
    found = check(dataclasses.replace(poisson, boundary=True), wards, family)
    assert {"boundary score", "restart gap"} <= failures(found)


def test_a_raw_year_and_its_square_are_no_failure(wards: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    year = np.repeat(np.arange(2012.0, 2025.0), 20)
    X = np.column_stack([np.ones(year.size), year, year**2])
    y = rng.poisson(np.exp(3.0 + 0.1 * (year - 2018) - 0.01 * (year - 2018) ** 2)).astype(float)
    fit = fit_counts(X, y, np.zeros(year.size), "poisson")
    found = certify(fit, X, y, np.zeros(year.size), "poisson")
    assert found.converged, str(found)


def test_many_rows_are_not_climbed_again(monkeypatch: pytest.MonkeyPatch, wards: pd.DataFrame) -> None:
    monkeypatch.setattr(module, "RESTART_ROWS", 100)
    found = check(fit_counts(*arrays(wards), "nb2"), wards, "nb2")
    assert found.restart_gap is None
    assert found.converged
    assert "restart gap" not in str(found)


def test_flat_directions_fail() -> None:
    # A row with a mean of 1e-16 events is all that is known about the second coefficient.
    X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([3.0, 5.0, 0.0])
    good = fit_counts(X[:, :1], y, np.zeros(3), "poisson")
    fit = dataclasses.replace(
        good, beta=np.array([good.beta[0], -37.0]), information=np.eye(2), eta=X @ np.array([good.beta[0], -37.0])
    )
    assert "smallest eigenvalue" in failures(certify(fit, X, y, np.zeros(3), "poisson"))
