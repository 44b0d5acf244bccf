"""CR1 and CR2 against the dense textbook computation, against statsmodels, and against what CR2 is for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import dwangstats as dw
from dwangstats._types import CovarianceKind, FamilyName, Matrix, Vector
from dwangstats.numerics.covariance import cluster_covariance
from unit.numerics.textbook_cr import StandardisedRows, adjustments, cr1, cr2, poisson_mle, satterthwaite

FORMULA = "events ~ x + z"

# The two sides are the same formula evaluated in a different order on matrices with condition numbers under 1e4;
# 1e-9 of the standard errors leaves four digits above rounding.
SAME_FORMULA = 1e-9


@dataclass(frozen=True, slots=True)
class Case:
    """A table with counts, exposure, two covariates and clusters, and its design matrix in the order of the formula."""

    frame: pd.DataFrame

    @property
    def X(self) -> Matrix:
        return np.column_stack([np.ones(len(self.frame)), self.frame["x"], self.frame["z"]])

    @property
    def y(self) -> Vector:
        return self.frame["events"].to_numpy(dtype=float)

    @property
    def offset(self) -> Vector:
        return np.asarray(np.log(self.frame["bed_days"].to_numpy(dtype=float)))

    @property
    def clusters(self) -> Any:
        return pd.factorize(self.frame["provider"])[0]


def make_case(sizes: tuple[int, ...], seed: int, *, own_dummy: bool = False) -> Case:
    """Counts with provider effects. x varies within providers; z is a provider trait, or marks one provider only."""
    rng = np.random.default_rng(seed)
    provider = np.repeat(np.arange(len(sizes)), sizes)
    n = provider.size
    x = rng.normal(size=n)
    z = (provider == 0).astype(float) if own_dummy else rng.normal(size=len(sizes))[provider]
    bed_days = rng.uniform(200.0, 5000.0, size=n)
    mean = bed_days * np.exp(-5.0 + 0.3 * x + 0.2 * z + rng.normal(0.0, 0.6, size=len(sizes))[provider])
    names = np.array([f"p{g:02d}" for g in range(len(sizes))])
    order = rng.permutation(n)
    frame = pd.DataFrame(
        {"events": rng.poisson(mean) + 1, "bed_days": bed_days, "x": x, "z": z, "provider": names[provider]}
    )
    return Case(frame.iloc[order].reset_index(drop=True))


CASES = {
    "balanced": make_case((6,) * 12, seed=1),
    "unbalanced": make_case((1, 1, 2, 3, 5, 8, 13, 21, 34), seed=2),
    "few": make_case((4, 9, 17, 5), seed=3),
    "one-giant": make_case((80, 2, 2, 2, 2, 2), seed=4),
    "single-rows": make_case((1,) * 25, seed=5),
    "leverage-one": make_case((3, 4, 5, 6, 7, 8), seed=6, own_dummy=True),
    "leverage-one-single-row": make_case((1, 4, 5, 6, 7, 8), seed=7, own_dummy=True),
}
FULL_RANK = tuple(name for name in CASES if not name.startswith("leverage"))
each_case = pytest.mark.parametrize("name", CASES)


def standardised(case: Case, beta: Vector, alpha: float = 0.0) -> StandardisedRows:
    mu = np.exp(case.X @ beta + case.offset)
    denominator = 1.0 + alpha * mu
    return StandardisedRows.of(case.X, mu / denominator, (case.y - mu) / denominator, case.clusters)


def fitted(case: Case, family: FamilyName = "poisson") -> Any:
    return dw.RateModel(FORMULA, case.frame, family=family, exposure="bed_days").fit()


def assert_same_covariance(ours: Any, textbook: Matrix, tolerance: float = SAME_FORMULA) -> None:
    scale = np.sqrt(np.outer(np.diag(textbook), np.diag(textbook)))
    gap = np.abs(np.asarray(ours) - textbook) / scale
    assert gap.max() <= tolerance, f"{gap.max():.2e} of the standard errors apart"


# ------------------------------------------------------------------------------------------------- the textbook side


@pytest.mark.parametrize("name", FULL_RANK)
def test_the_textbook_adjustment_meets_its_definition(name: str) -> None:
    # A_g (I - H_gg) A_g = I, which is what makes E[CR2] the model covariance under the working model.
    case = CASES[name]
    rows = standardised(case, poisson_mle(case.X, case.y, case.offset))
    for g, A in zip(rows.members, adjustments(rows), strict=True):
        np.testing.assert_allclose(A @ (np.eye(g.size) - rows.hat[np.ix_(g, g)]) @ A, np.eye(g.size), atol=1e-9)


@pytest.mark.parametrize("name", ["leverage-one", "leverage-one-single-row"])
def test_the_leverage_one_cases_have_leverage_one(name: str) -> None:
    case = CASES[name]
    rows = standardised(case, poisson_mle(case.X, case.y, case.offset))
    smallest = [np.linalg.eigvalsh(np.eye(g.size) - rows.hat[np.ix_(g, g)])[0] for g in rows.members]
    assert sum(abs(value) < 1e-12 for value in smallest) == 1
    assert min(value for value in smallest if abs(value) > 1e-12) > 1e-3


# --------------------------------------------------------------------------------------- through the public results


@each_case
def test_estimates_are_the_maximum(name: str) -> None:
    case = CASES[name]
    result = fitted(case)
    assert list(result.params.index) == ["Intercept", "x", "z"]
    step = (result.params.to_numpy() - poisson_mle(case.X, case.y, case.offset)) / result.bse.to_numpy()
    # 1e-6 of a standard error: far below what any reader can see, far above the rounding of a Newton step.
    assert np.abs(step).max() < 1e-6


@each_case
@pytest.mark.parametrize("kind", ["CR1", "CR2"])
@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_robust_covariance_is_the_textbook(name: str, kind: CovarianceKind, family: FamilyName) -> None:
    case = CASES[name]
    result = fitted(case, family)
    rows = standardised(case, result.params.to_numpy(), result.dispersion if family == "nb2" else 0.0)
    textbook = {"CR1": cr1, "CR2": cr2}[kind](rows)
    robust = result.robust(kind, cluster="provider")
    assert_same_covariance(robust.cov_params(), textbook)
    np.testing.assert_allclose(robust.bse, np.sqrt(np.diag(textbook)), rtol=SAME_FORMULA)
    np.testing.assert_array_equal(robust.params, result.params)


@each_case
def test_cr2_degrees_of_freedom_are_the_textbook(name: str) -> None:
    case = CASES[name]
    result = fitted(case)
    rows = standardised(case, result.params.to_numpy())
    ours = result.robust("CR2", cluster="provider").degrees_of_freedom
    textbook = [satterthwaite(rows, contrast) for contrast in np.eye(3)]
    np.testing.assert_allclose(np.asarray(ours, dtype=float), textbook, rtol=1e-8)


@each_case
def test_cr1_degrees_of_freedom_are_clusters_minus_one(name: str) -> None:
    ours = fitted(CASES[name]).robust("CR1", cluster="provider").degrees_of_freedom
    clusters = CASES[name].frame["provider"].nunique()
    np.testing.assert_array_equal(np.broadcast_to(np.asarray(ours, dtype=float), 3), np.full(3, clusters - 1.0))


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
@pytest.mark.parametrize("name", ["few", "unbalanced"])
def test_intervals_and_p_values_use_those_degrees_of_freedom(name: str, kind: CovarianceKind) -> None:
    robust = fitted(CASES[name]).robust(kind, cluster="provider")
    df = np.broadcast_to(np.asarray(robust.degrees_of_freedom, dtype=float), 3)
    half = stats.t.isf(0.05, df) * robust.bse.to_numpy()
    interval = np.asarray(robust.conf_int(level=0.90))
    expected = np.column_stack([robust.params - half, robust.params + half])
    np.testing.assert_allclose(interval, expected, rtol=1e-9, atol=1e-12)
    p_values = 2.0 * stats.t.sf(np.abs(robust.params / robust.bse), df)
    np.testing.assert_allclose(robust.pvalues, p_values, rtol=1e-8)


@each_case
def test_cr1_is_statsmodels(name: str) -> None:
    case = CASES[name]
    model = sm.GLM(case.y, case.X, family=sm.families.Poisson(), offset=case.offset)
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": case.clusters}, tol=1e-14, maxiter=100)
    ours = fitted(case).robust("CR1", cluster="provider")
    # Two optimisers: each stops within 1e-7 standard errors of the maximum, the covariance moves as much.
    np.testing.assert_allclose(ours.params, theirs.params, rtol=1e-8)
    assert_same_covariance(ours.cov_params(), np.asarray(theirs.cov_params()), 1e-7)


# ----------------------------------------------------------------------------------------------- on bare arrays


@pytest.mark.parametrize("name", FULL_RANK)
def test_cr2_is_unbiased_under_the_working_model(name: str) -> None:
    # Residuals e = (I - H) z with E zz' = I: CR2 is quadratic in e, so its mean is the sum over the columns of I - H.
    # That mean must be (Z'Z)^-1 exactly. CR1 fails this test, which is the reason for CR2.
    case = CASES[name]
    beta = poisson_mle(case.X, case.y, case.offset)
    weight = np.exp(case.X @ beta + case.offset)
    rows = standardised(case, beta)
    columns = (np.eye(len(weight)) - rows.hat).T
    mean: Matrix = np.sum(
        [cluster_covariance("CR2", case.X, weight, column * np.sqrt(weight), case.clusters) for column in columns],
        axis=0,
    )
    assert_same_covariance(mean, rows.bread)


@each_case
@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_bare_arrays_give_the_textbook(name: str, kind: CovarianceKind) -> None:
    case = CASES[name]
    rng = np.random.default_rng(11)
    weight = rng.uniform(0.2, 30.0, size=len(case.frame))
    # Any residual that a fit can leave: orthogonal to the columns of the standardised design.
    free = StandardisedRows.of(case.X, weight, rng.normal(size=weight.size), case.clusters)
    residual = (free.e - free.hat @ free.e) * np.sqrt(weight)
    rows = StandardisedRows.of(case.X, weight, residual, case.clusters)
    ours = cluster_covariance(kind, case.X, weight, residual, case.clusters)
    assert_same_covariance(ours, {"CR1": cr1, "CR2": cr2}[kind](rows))


def test_single_row_clusters_make_cr2_the_hc2_covariance() -> None:
    # With one row per cluster A_g is 1 / sqrt(1 - h_i): the HC2 of MacKinnon and White.
    case = CASES["single-rows"]
    result = fitted(case)
    rows = standardised(case, result.params.to_numpy())
    scaled = rows.Z * (rows.e / np.sqrt(1.0 - np.diag(rows.hat)))[:, None]
    hc2 = rows.bread @ (scaled.T @ scaled) @ rows.bread
    assert_same_covariance(result.robust("CR2", cluster="provider").cov_params(), hc2)
