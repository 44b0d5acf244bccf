import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.covariance import (
    cluster_covariance,
    model_covariance,
    sandwich_covariance,
    satterthwaite_df,
    satterthwaite_dfs,
)
from dwangstats.numerics.glm import fit_counts, score_rows

#: The same formula on n x n and on k x k matrices with condition numbers below 1e3.
RTOL_SAME_FORMULA = 1e-10


def poisson_case(sizes: tuple[int, ...], *, own_dummies: int = 0, seed: int = 3) -> dict[str, np.ndarray]:
    """Clustered counts; the first clusters may have a dummy of their own, so leverage 1."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    n = clusters.size
    columns = [np.ones(n), rng.normal(size=n), rng.normal(size=len(sizes))[clusters]]
    columns += [(clusters == g).astype(float) for g in range(own_dummies)]
    X = np.column_stack(columns)
    offset = rng.uniform(0.0, 3.0, n)
    y = rng.poisson(np.exp(0.5 + 0.2 * X[:, 1] + 0.4 * rng.normal(size=len(sizes))[clusters] + offset)) + 1.0
    order = rng.permutation(n)
    X, y, offset, clusters = X[order], y[order], offset[order], clusters[order]
    mu = np.exp(fit_counts(X, y, offset, "poisson").eta)
    return {"X": X, "working_weight": mu, "score_residual": y - mu, "clusters": clusters}


CASES = {
    "unequal": poisson_case((3, 9, 1, 14, 6, 5)),
    "singletons": poisson_case((1,) * 25),
    "two": poisson_case((30, 12), seed=9),
    "leverage one": poisson_case((4, 7, 9, 3, 12), own_dummies=2),
    "leverage one, one row": poisson_case((1, 7, 9, 3, 12), own_dummies=1),
}


def dense(case: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Standardised design and hat matrix; rows and adjustment matrix of each cluster, by n_g x n_g eigenproblems."""
    design = case["X"] * np.sqrt(case["working_weight"])[:, None]
    hat = design @ np.linalg.pinv(design)
    groups = [np.flatnonzero(case["clusters"] == g) for g in np.unique(case["clusters"])]
    adjustments = []
    for rows in groups:
        values, vectors = np.linalg.eigh(np.eye(rows.size) - hat[np.ix_(rows, rows)])
        roots = np.array([1.0 / np.sqrt(v) if v > 1e-9 else 0.0 for v in values])
        adjustments.append(vectors @ np.diag(roots) @ vectors.T)
    return design, hat, groups, adjustments


@pytest.mark.parametrize("name", CASES)
def test_cr2_is_the_textbook_formula(name: str) -> None:
    case = CASES[name]
    design, _, groups, adjustments = dense(case)
    residual = case["score_residual"] / np.sqrt(case["working_weight"])
    bread = np.linalg.inv(design.T @ design)
    sums = [design[rows].T @ A @ residual[rows] for rows, A in zip(groups, adjustments, strict=True)]
    truth = bread @ sum(np.outer(s, s) for s in sums) @ bread
    got = cluster_covariance("CR2", **case)
    scale = np.sqrt(np.outer(np.diag(bread), np.diag(bread)))
    assert_allclose(got / scale, truth / scale, rtol=RTOL_SAME_FORMULA, atol=RTOL_SAME_FORMULA)
    assert_allclose(got, got.T, rtol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_satterthwaite_is_the_dense_computation(name: str) -> None:
    case = CASES[name]
    design, hat, groups, adjustments = dense(case)
    n, k = design.shape
    bread = np.linalg.inv(design.T @ design)
    contrasts = np.vstack((np.eye(k)[1:3], np.array([[1.0, -0.3, 2.0, *[0.5] * (k - 3)]])))
    got = satterthwaite_dfs(contrasts, case["X"], case["working_weight"], case["clusters"])
    for contrast, df in zip(contrasts, got, strict=True):
        columns = []
        for rows, A in zip(groups, adjustments, strict=True):
            pick = np.zeros((n, rows.size))
            pick[rows, np.arange(rows.size)] = 1.0
            columns.append((np.eye(n) - hat) @ pick @ A @ design[rows] @ bread @ contrast)
        gram = np.column_stack(columns).T @ np.column_stack(columns)
        truth = np.trace(gram) ** 2 / (gram**2).sum()
        assert_allclose(df, truth, rtol=1e-8)
        assert 0.0 < df <= len(groups)
    single = satterthwaite_df(contrasts[0], case["X"], case["working_weight"], case["clusters"])
    assert single == got[0]


def test_satterthwaite_of_a_balanced_comparison_is_the_two_sample_t() -> None:
    """Equal weights, one row per cluster, difference of two means: Bell-McCaffrey gives Welch at equal variances."""
    for n1, n2 in ((5, 5), (4, 12)):
        group = np.repeat([0.0, 1.0], [n1, n2])
        X = np.column_stack((np.ones(n1 + n2), group))
        df = satterthwaite_df(np.array([0.0, 1.0]), X, np.ones(n1 + n2), np.arange(n1 + n2))
        welch = (1.0 / n1 + 1.0 / n2) ** 2 / (1.0 / n1**2 / (n1 - 1) + 1.0 / n2**2 / (n2 - 1))
        assert_allclose(df, welch, rtol=1e-10)


def test_cr2_of_single_rows_and_one_mean_is_the_unbiased_variance() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0, 3.0])
    got = cluster_covariance("CR2", np.ones((5, 1)), np.ones(5), values - values.mean(), np.arange(5))
    assert_allclose(got, values.var(ddof=1) / 5.0, rtol=1e-12)


def test_cr2_is_unbiased_under_the_working_model() -> None:
    """E[CR2] = (X'WX)^-1 when rows are independent with variance 1/w: summed exactly over the columns of I - H."""
    case = CASES["unequal"]
    design, hat, _, _ = dense(case)
    expectation = np.zeros((design.shape[1],) * 2)
    for column in np.eye(len(hat)) - hat:
        residual = column * np.sqrt(case["working_weight"])
        expectation += cluster_covariance("CR2", **{**case, "score_residual": residual})
    bread = np.linalg.inv(design.T @ design)
    assert_allclose(expectation, bread, rtol=1e-9, atol=1e-12)


def test_a_coefficient_of_one_cluster_alone_has_no_degrees_of_freedom() -> None:
    clusters = np.repeat([0, 1, 2], 4)
    X = (clusters[:, None] == np.arange(3)).astype(float)
    assert np.isnan(satterthwaite_dfs(np.eye(3), X, np.ones(12), clusters)).all()


def test_cr1_agrees_with_statsmodels_poisson() -> None:
    case = CASES["unequal"]
    X, mu = case["X"], case["working_weight"]
    y = np.round(case["score_residual"] + mu)
    offset = np.log(mu) - X @ np.array([0.5, 0.2, 0.0])
    fit = fit_counts(X, y, offset, "poisson")
    peer = sm.GLM(y, X, family=sm.families.Poisson(), offset=offset).fit(
        tol=1e-15, cov_type="cluster", cov_kwds={"groups": case["clusters"]}
    )
    mean = np.exp(fit.eta)
    assert_allclose(cluster_covariance("CR1", X, mean, y - mean, case["clusters"]), peer.cov_params(), rtol=1e-9)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_full_sandwich_agrees_with_statsmodels_negative_binomial(family: str) -> None:
    rng = np.random.default_rng(5)
    n, clusters = 200, np.arange(200) % 12
    X = np.column_stack((np.ones(n), rng.normal(size=n)))
    y = rng.poisson(np.exp(1.0 + 0.2 * X[:, 1]) * rng.gamma(2.0, 0.5, n)).astype(float)
    fit = fit_counts(X, y, np.zeros(n), family)
    scores = score_rows(X, y, fit.eta, family, fit.alpha, with_alpha=True)
    got = sandwich_covariance(fit.covariance, scores, clusters)
    peer = sm.NegativeBinomial(y, X, loglike_method=family).fit(
        start_params=np.append(fit.beta, fit.alpha),
        method="newton",
        disp=0,
        cov_type="cluster",
        cov_kwds={"groups": clusters},
    )
    # statsmodels stops its Newton steps at 1e-8 of the estimates.
    assert_allclose(got, peer.cov_params(), rtol=1e-6, atol=1e-10)


def test_full_sandwich_without_dispersion_is_cr1() -> None:
    case = CASES["unequal"]
    X, w, u = case["X"], case["working_weight"], case["score_residual"]
    got = sandwich_covariance(np.linalg.inv(X.T @ (X * w[:, None])), X * u[:, None], case["clusters"])
    assert_allclose(got, cluster_covariance("CR1", **case), rtol=1e-9)


@pytest.mark.parametrize("kind", ["model", "CR1", "CR2"])
def test_units_order_and_names_of_clusters_do_not_matter(kind) -> None:
    case = CASES["leverage one"]
    base = cluster_covariance(kind, **case)
    unit = np.array([1.0, 1e6, 1e-4, 1.0, 1.0])
    scaled = cluster_covariance(kind, **{**case, "X": case["X"] * unit})
    root = np.sqrt(np.diag(base)) + 1e-300
    assert_allclose(scaled * np.outer(unit, unit) / np.outer(root, root), base / np.outer(root, root), atol=1e-9)
    turned = {name: array[::-1] for name, array in case.items()}
    turned["clusters"] = 1000 - 7 * turned["clusters"]
    assert_allclose(cluster_covariance(kind, **turned) / np.outer(root, root), base / np.outer(root, root), atol=1e-9)


def test_rows_whose_mean_has_underflowed_say_nothing() -> None:
    case = CASES["unequal"]
    extra = {
        "X": np.vstack((case["X"], [[1.0, -800.0, 0.0]])),
        "working_weight": np.append(case["working_weight"], 0.0),
        "score_residual": np.append(case["score_residual"], 0.0),
        "clusters": np.append(case["clusters"], 0),
    }
    assert_allclose(cluster_covariance("CR2", **extra), cluster_covariance("CR2", **case), rtol=1e-10)


def test_model_kind_is_the_inverse_information() -> None:
    case = CASES["unequal"]
    information = case["X"].T @ (case["X"] * case["working_weight"][:, None])
    assert_allclose(cluster_covariance("model", **case), model_covariance(information), rtol=1e-10)


def test_model_covariance_of_columns_on_very_different_scales() -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(50, 3))
    unit = np.array([1e-8, 1.0, 1e9])
    got = model_covariance((root * unit).T @ (root * unit))
    assert_allclose(got * np.outer(unit, unit), np.linalg.inv(root.T @ root), rtol=1e-11)


@pytest.mark.parametrize(
    "information", [np.ones((2, 2)), np.diag([1.0, -1.0]), np.diag([1.0, 0.0]), np.array([[np.nan]])]
)
def test_an_information_that_determines_nothing_is_refused(information: np.ndarray) -> None:
    with pytest.raises(FitError, match="not positive definite"):
        model_covariance(information)


def test_dependent_columns_are_refused() -> None:
    with pytest.raises(FitError, match="not positive definite"):
        cluster_covariance("CR2", np.ones((6, 2)), np.ones(6), np.zeros(6), np.arange(6))


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_one_cluster_is_refused(kind) -> None:
    with pytest.raises(DomainError, match="at least two clusters, these rows have 1"):
        cluster_covariance(kind, np.ones((4, 1)), np.ones(4), np.ones(4), np.zeros(4, dtype=int))


def test_a_contrast_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(DomainError, match="a contrast has 3 numbers and the design 1 columns"):
        satterthwaite_df(np.ones(3), np.ones((4, 1)), np.ones(4), np.arange(4))


def test_as_many_parameters_as_rows_is_refused() -> None:
    with pytest.raises(DomainError, match="more rows than parameters"):
        cluster_covariance("CR1", np.eye(3), np.ones(3), np.zeros(3), np.arange(3))
