import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from formulaic import model_matrix
from numpy.testing import assert_allclose, assert_array_equal

from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.degenerate import collinear_columns, column_dependencies, empty_direction
from dwangstats.numerics.families import derivatives, loglik
from dwangstats.numerics.glm import SCALED_GRADIENT_LIMIT, fit_counts, score_rows

FAMILIES = ("poisson", "nb2", "nb1")


@pytest.fixture(scope="module")
def panel() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, y, offset: 400 rows, exposure over five orders of magnitude, gamma-mixed counts."""
    rng = np.random.default_rng(11)
    n = 400
    X = np.column_stack((np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)))
    offset = rng.uniform(0.0, np.log(1e5), n)
    mu = np.exp(X @ np.array([-3.0, 0.3, -0.2]) + offset)
    return X, rng.poisson(mu * rng.gamma(3.0, 1.0 / 3.0, n)).astype(float), offset


def test_poisson_agrees_with_statsmodels(panel) -> None:
    X, y, offset = panel
    fit = fit_counts(X, y, offset, "poisson")
    peer = sm.GLM(y, X, family=sm.families.Poisson(), offset=offset).fit(tol=1e-15)
    # Both are Newton run to rounding; seen 1e-13.
    assert_allclose(fit.beta, peer.params, rtol=1e-10)
    assert_allclose(np.sqrt(np.diag(fit.covariance)), peer.bse, rtol=1e-10)
    assert_allclose(fit.loglik, peer.llf, rtol=1e-12)
    assert_allclose(fit.information, fit.expected_information, rtol=1e-12)
    assert (fit.alpha, fit.boundary) == (0.0, False)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_negative_binomials_agree_with_statsmodels(panel, family: str) -> None:
    X, y, offset = panel
    y, offset = y[:150], offset[:150]
    fit = fit_counts(X[:150], y, offset, family)
    model = sm.NegativeBinomial(y, X[:150], offset=offset, loglike_method=family)
    peer = model.fit(start_params=np.append(fit.beta, fit.alpha), method="newton", disp=0)
    # statsmodels subtracts gammaln values, and differentiates nb1 by digammas of large arguments.
    assert_allclose(np.append(fit.beta, fit.alpha), peer.params, rtol=1e-7)
    assert_allclose(fit.loglik, peer.llf, rtol=1e-10)
    assert_allclose(fit.covariance, peer.cov_params(), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_estimate_is_a_maximum(panel, family: str) -> None:
    X, y, offset = panel
    fit = fit_counts(X, y, offset, family)
    assert fit.scaled_gradient < SCALED_GRADIENT_LIMIT
    assert_allclose(fit.eta, X @ fit.beta + offset, rtol=1e-12)
    assert_allclose(fit.loglik, loglik(family, y, fit.eta, fit.alpha).sum(), rtol=1e-14)
    inside = family != "poisson"
    scores = score_rows(X, y, fit.eta, family, fit.alpha, with_alpha=inside)
    slope = scores.sum(axis=0)
    assert slope @ fit.covariance @ slope < SCALED_GRADIENT_LIMIT
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(fit.covariance)
    for _ in range(20):
        step = root @ rng.normal(size=len(slope)) * 0.5
        eta = fit.eta + X @ step[: X.shape[1]]
        assert loglik(family, y, eta, fit.alpha + (step[-1] if inside else 0.0)).sum() < fit.loglik


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_information_is_that_of_beta_and_alpha(panel, family: str) -> None:
    X, y, offset = panel
    fit = fit_counts(X, y, offset, family)
    rows = derivatives(family, y, fit.eta, fit.alpha)
    k = X.shape[1]
    assert_allclose(fit.information[:k, :k], -(X.T @ (X * rows.d2_eta[:, None])), rtol=1e-10)
    assert_allclose(fit.information[:k, k], -(X.T @ rows.d_eta_alpha), rtol=1e-8, atol=1e-8)
    assert_allclose(fit.information[k, k], -rows.d2_alpha.sum(), rtol=1e-10)
    assert_allclose(fit.covariance @ fit.information, np.eye(k + 1), atol=1e-9)
    assert_allclose(fit.expected_covariance @ fit.expected_information, np.eye(k), atol=1e-9)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_underdispersed_counts_give_exactly_poisson(family: str) -> None:
    x = np.linspace(-1.0, 1.0, 200)
    X = np.column_stack((np.ones(200), x))
    y = np.round(np.exp(2.0 + 0.4 * x))
    fit, poisson = fit_counts(X, y, np.zeros(200), family), fit_counts(X, y, np.zeros(200), "poisson")
    assert fit.alpha == 0.0
    assert fit.boundary
    assert_array_equal(fit.beta, poisson.beta)
    assert fit.loglik == poisson.loglik
    assert_array_equal(fit.information, poisson.information)
    assert fit.information.shape == (2, 2)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_the_boundary_is_where_the_score_at_zero_changes_sign(family: str) -> None:
    """With five counts 1, 3, 4, 5, 7 and one mean the score at alpha = 0 is exactly 0; an offset tips it."""
    y, X = np.array([1.0, 3.0, 4.0, 5.0, 7.0]), np.ones((5, 1))
    for tip in (0.0, -1e-6, -1e-4, -0.01):
        assert fit_counts(X, y, np.array([tip, 0.0, 0.0, 0.0, 0.0]), family).boundary
    previous = 0.0
    for tip in (1e-6, 1e-4, 0.01):
        fit = fit_counts(X, y, np.array([tip, 0.0, 0.0, 0.0, 0.0]), family)
        assert not fit.boundary
        assert fit.alpha > previous
        previous = fit.alpha


@pytest.mark.parametrize("family", ["nb2", "nb1"])
@pytest.mark.parametrize("dispersion", [1e-3, 0.3, 20.0])
def test_dispersion_is_the_best_on_a_grid(family: str, dispersion: float) -> None:
    rng = np.random.default_rng(4)
    y = rng.poisson(50.0 * rng.gamma(1.0 / dispersion, dispersion, 300)).astype(float)
    fit = fit_counts(np.ones((300, 1)), y, np.zeros(300), family)
    # With one mean, that mean is the average at every dispersion of nb2.
    eta = np.full(300, np.log(y.mean())) if family == "nb2" else fit.eta
    assert all(loglik(family, y, eta, fit.alpha * f).sum() < fit.loglik for f in (0.01, 0.1, 0.5, 0.9, 1.1, 2.0, 30.0))


def test_years_cost_no_digits() -> None:
    rng = np.random.default_rng(8)
    year = rng.integers(2017, 2025, 500).astype(float)
    y = rng.poisson(np.exp(1.0 + 0.05 * (year - 2021.0))).astype(float)
    raw = fit_counts(np.column_stack((np.ones(500), year)), y, np.zeros(500), "poisson")
    centred = fit_counts(np.column_stack((np.ones(500), year - 2021.0)), y, np.zeros(500), "poisson")
    assert_allclose(raw.beta[1], centred.beta[1], rtol=1e-10)
    # The raw intercept's variance is 2021^2 times that of the slope.
    assert_allclose(np.sqrt(raw.covariance[1, 1]), np.sqrt(centred.covariance[1, 1]), rtol=1e-11)
    assert_allclose(raw.beta @ [1.0, 2021.0], centred.beta[0], rtol=1e-10)
    assert_allclose(raw.loglik, centred.loglik, rtol=1e-13)


def test_cubes_of_years_still_converge() -> None:
    rng = np.random.default_rng(8)
    year = rng.integers(2017, 2025, 500).astype(float)
    y = rng.poisson(np.exp(1.0 + 0.05 * (year - 2021.0))).astype(float)
    powers = np.arange(4)
    raw = fit_counts(year[:, None] ** powers, y, np.zeros(500), "poisson")
    centred = fit_counts((year[:, None] - 2021.0) ** powers, y, np.zeros(500), "poisson")
    # Cubes leave 1e-9 of a unit column to itself, so 1e-7 of the digits of the last coefficient.
    assert_allclose(raw.beta[3], centred.beta[3], rtol=1e-5)
    assert_allclose(raw.loglik, centred.loglik, rtol=1e-11)


@pytest.mark.parametrize("family", FAMILIES)
def test_rescaling_exposure_moves_only_the_intercept(panel, family: str) -> None:
    X, y, offset = panel
    fit, moved = fit_counts(X, y, offset, family), fit_counts(X, y, offset + np.log(1000.0), family)
    assert_allclose(moved.beta, fit.beta - np.array([np.log(1000.0), 0.0, 0.0]), rtol=1e-8)
    assert_allclose(moved.loglik, fit.loglik, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_of_a_billion(family: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=100)
    mu = np.exp(20.0 + 0.01 * x)
    y = rng.poisson(mu * np.exp(1e-3 * rng.normal(size=100))).astype(float)
    fit = fit_counts(np.column_stack((np.ones(100), x)), y, np.zeros(100), family)
    assert_allclose(fit.beta, [20.0, 0.01], atol=1e-3)
    assert fit.scaled_gradient < SCALED_GRADIENT_LIMIT
    if family == "nb2":
        assert_allclose(fit.alpha, 1e-6, rtol=0.5)


def test_one_row_with_everything() -> None:
    y = np.append(np.zeros(99), 1e6)
    fit = fit_counts(np.ones((100, 1)), y, np.zeros(100), "nb2")
    assert_allclose(fit.beta[0], np.log(1e4), rtol=1e-10)
    assert fit.alpha > 100.0


# ---- what has no estimate -------------------------------------------------------------------------------------------


def grouped() -> tuple[np.ndarray, np.ndarray]:
    """Intercept, three group dummies, a covariate; and counts."""
    rng = np.random.default_rng(6)
    group = np.arange(80) % 4
    X = np.column_stack((np.ones(80), group[:, None] == np.arange(1, 4), rng.normal(size=80)))
    return X, rng.poisson(3.0, 80).astype(float)


def test_no_events_at_all() -> None:
    with pytest.raises(FitError, match="All 7 counts are 0"):
        fit_counts(np.ones((7, 1)), np.zeros(7), np.zeros(7), "poisson")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_group_without_events(family: str) -> None:
    X, y = grouped()
    y[np.arange(80) % 4 == 2] = 0.0
    found = empty_direction(X, y)
    assert found is not None
    assert found.columns == (2,)
    assert found.rows == tuple(range(2, 80, 4))
    with pytest.raises(FitError, match=r"20 rows, all with count 0 \(first rows 2, 6, 10, 14, 18\).* columns 2 "):
        fit_counts(X, y, np.zeros(80), family)


def test_a_reference_group_without_events_involves_all_dummies() -> None:
    X, y = grouped()
    y[np.arange(80) % 4 == 0] = 0.0
    found = empty_direction(X, y)
    assert found is not None
    assert found.columns == (0, 1, 2, 3)
    assert found.rows == tuple(range(0, 80, 4))


def test_a_covariate_that_separates_the_rows_without_events() -> None:
    x = np.linspace(0.0, 1.0, 30)
    y = np.where(x > 0.0, 0.0, 3.0)
    X = np.column_stack((np.ones(30), x))
    found = empty_direction(X, y)
    assert found is not None
    assert found.columns == (1,)
    assert found.rows == tuple(range(1, 30))


def test_zeros_alone_do_not_make_an_empty_direction() -> None:
    x = np.linspace(-1.0, 1.0, 31)
    X = np.column_stack((np.ones(31), x, x**2))
    y = np.zeros(31)
    # Events at one x in the middle: a parabola through it can fall on both sides.
    y[15] = 2.0
    assert empty_direction(X, y) is not None
    # Events at both ends and in the middle pin it down.
    y[[0, 30]] = 1.0
    assert empty_direction(X, y) is None
    # Two columns are free on the rows with events, but rows without lie on both sides.
    sides = np.column_stack((np.ones(31), x))
    y[:] = 0.0
    y[15] = 2.0
    assert empty_direction(sides, y) is None
    assert fit_counts(sides, y, np.zeros(31), "poisson").scaled_gradient < SCALED_GRADIENT_LIMIT


def test_dependent_columns_and_what_they_depend_on() -> None:
    X, y = grouped()
    wide = np.column_stack((X, np.arange(80) % 4 == 0, np.zeros(80), 2.0 * X[:, 4] - 3.0))
    assert collinear_columns(wide) == [5, 6, 7]
    assert column_dependencies(wide) == {5: (0, 1, 2, 3), 6: (), 7: (0, 4)}
    with pytest.raises(FitError, match=r"3 of 8 columns .* column 5 follows from columns 0, 1, 2, 3; column 6 is 0"):
        fit_counts(wide, y, np.zeros(80), "poisson")
    assert collinear_columns(X) == []


def test_more_columns_than_rows() -> None:
    assert collinear_columns(np.vander([1.0, 2.0], 4, increasing=True)) == [2, 3]


def test_scale_does_not_make_columns_dependent() -> None:
    X, _ = grouped()
    assert collinear_columns(X * np.array([1e-200, 1e200, 1.0, 1e-8, 1e8])) == []


def test_near_dependence_is_told_from_dependence() -> None:
    x = np.linspace(0.0, 1.0, 50)
    bump = np.sin(40.0 * x)
    assert collinear_columns(np.column_stack((np.ones(50), x, x + 1e-8 * bump))) == []
    assert collinear_columns(np.column_stack((np.ones(50), x, x + 1e-13 * bump))) == [2]


@pytest.mark.parametrize(
    ("X", "y", "offset", "message"),
    [
        (
            np.ones((3, 1)),
            np.array([1.0, -2.0, 0.0]),
            np.zeros(3),
            r"not negative: 1 are not \(first rows 1\)",
        ),
        (np.ones((3, 1)), np.array([1.0, 2.5, 0.5]), np.zeros(3), r"2 are not \(first rows 1, 2\)"),
        (np.ones((3, 1)), np.ones(3), np.array([0.0, -np.inf, 0.0]), r"offset is not finite in 1 rows"),
        (np.array([[1.0], [np.nan], [1.0]]), np.ones(3), np.zeros(3), r"X is not finite in 1 rows"),
        (np.ones((3, 1)), np.ones(2), np.zeros(3), "do not fit together"),
    ],
)
def test_arrays_that_cannot_be_used(X, y, offset, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        fit_counts(X, y, offset, "poisson")


# ---- the numbers of others ------------------------------------------------------------------------------------------


def reference_fits(real_data: Path, name: str) -> list[dict]:
    document = json.loads((real_data / "reference" / f"{name}.json").read_text(encoding="utf-8"))
    return [fit for fit in document["fits"] if fit["model"] in ("glm", "MASS::glm.nb")]


def arrays(fit: dict, real_data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame = pd.read_csv(real_data / fit["data_file"])
    if "inmate_days" in frame:
        frame["t"] = frame["year"] + (frame["month"] - 0.5) / 12.0 - 2016.0
    if "kms" in frame:
        frame["t"] = (np.arange(1.0, len(frame) + 1.0) - 96.5) / 12.0
        frame["m"] = frame["month"].astype(str).str.zfill(2)
    left, right = fit["formula"].split(" + offset")[0].split(" ~ ")
    exposure = np.ones(len(frame))
    if fit["offset"] != "none":
        exposure = frame.eval(fit["offset"].removeprefix("log(").removesuffix(")")).to_numpy(float)
    return model_matrix(right, frame).to_numpy(float), frame[left].to_numpy(float), np.log(exposure)


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "count"), [("quine", 3), ("epil", 2), ("seatbelts", 2), ("cdcr_use_of_force", 2)])
def test_reference_fits(name: str, count: int, real_data: Path) -> None:
    fits = reference_fits(real_data, name)
    assert len(fits) == count
    for reference in fits:
        family = "poisson" if reference["family"] == "poisson" else "nb2"
        fit = fit_counts(*arrays(reference, real_data), family)
        estimate, se = (np.array([v[key] for v in reference["fixed_effects"].values()]) for key in ("estimate", "se"))
        k = fit.beta.size + (family == "nb2")
        # References have 10 digits; glm.nb stops alternating at 1e-8. Seen 5e-9 on beta, 7e-10 on SE, 1e-10 elsewhere.
        assert_allclose(fit.beta, estimate, rtol=1e-8)
        assert_allclose(np.sqrt(np.diag(fit.expected_covariance)), se, rtol=1e-8)
        assert_allclose(fit.loglik, reference["logLik_full"], rtol=1e-9)
        assert_allclose(2.0 * k - 2.0 * fit.loglik, reference["AIC"], rtol=1e-9)
        if family == "nb2":
            assert_allclose(fit.alpha, reference["dispersion"]["alpha"], rtol=1e-8)
