import numpy as np
import pytest
from statsmodels.discrete.count_model import ZeroInflatedPoisson

from dwangstats._types import FamilyName
from dwangstats.numerics.inflated import fit_inflated
from dwangstats.numerics.mixed.rows import make_rows, row_terms


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 600
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    Z = np.column_stack([np.ones(n), rng.integers(0, 2, n)])
    offset = rng.normal(scale=0.3, size=n)
    extra = rng.random(n) < 1.0 / (1.0 + np.exp(1.0 - 1.5 * Z[:, 1]))
    y = np.where(extra, 0.0, rng.poisson(np.exp(1.0 + 0.3 * X[:, 1] + offset)))
    return X, Z, offset, y.astype(float)


def test_poisson_equals_statsmodels() -> None:
    X, Z, offset, y = data()
    ours = fit_inflated(X, y, offset, "poisson", Z)
    theirs = ZeroInflatedPoisson(y, X, exog_infl=Z, offset=offset).fit(
        disp=0, method="newton", maxiter=100, tol=1e-12, start_params=np.r_[ours.zero_beta, ours.beta] + 0.01
    )
    # Both end at a gradient near rounding.
    np.testing.assert_allclose(np.r_[ours.zero_beta, ours.beta], theirs.params, rtol=1e-6)
    assert ours.loglik == pytest.approx(theirs.llf, rel=1e-12)
    se = np.sqrt(np.diag(np.linalg.inv(ours.information)))
    # statsmodels' own Hessian leaves terms out, its score does not; a central difference of that errs by about 1e-8.
    steps = 1e-5 * np.eye(4)
    hessian = [(theirs.model.score(theirs.params + s) - theirs.model.score(theirs.params - s)) / 2e-5 for s in steps]
    expected = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian))))
    np.testing.assert_allclose(np.r_[se[2:], se[:2]], expected, rtol=1e-5)
    assert ours.scaled_gradient < 1e-10
    assert ours.free.all()


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_negative_binomial_is_a_maximum(family: FamilyName) -> None:
    X, Z, offset, y = data()
    rng = np.random.default_rng(5)
    y = np.where(y > 0.0, rng.poisson(y * rng.gamma(1.0, 1.0, y.size)), y).astype(float)
    fit = fit_inflated(X, y, offset, family, Z)

    def loglik(vector: np.ndarray) -> float:
        rows = make_rows(y, family, inflated=True)
        return float(row_terms(rows, X @ vector[:2] + offset, vector[2], Z @ vector[3:]).loglik.sum())

    assert fit.loglik == pytest.approx(loglik(fit.vector), rel=1e-12)
    assert fit.alpha > 0.1
    for place in range(5):
        for sign in (-1.0, 1.0):
            moved = fit.vector.copy()
            moved[place] += sign * 0.01
            assert loglik(moved) < fit.loglik


def test_start_does_not_matter() -> None:
    X, Z, offset, y = data()
    one = fit_inflated(X, y, offset, "poisson", Z)
    two = fit_inflated(X, y, offset, "poisson", Z, start=one.vector + np.array([0.5, -0.5, 0.5, -0.5]))
    np.testing.assert_allclose(two.vector, one.vector, rtol=1e-6)


def test_a_year_as_it_is_written_costs_no_digits() -> None:
    X, Z, offset, y = data()
    year = 2021.0 + np.arange(y.size) % 4
    centred = fit_inflated(np.column_stack([X, year - 2021.0]), y, offset, "poisson", Z)
    raw = fit_inflated(np.column_stack([X, year]), y, offset, "poisson", Z)
    assert raw.loglik == pytest.approx(centred.loglik, rel=1e-12)
    np.testing.assert_allclose(raw.beta[1:], centred.beta[1:], rtol=1e-6)
