import numpy as np
import pytest

from dwangstats._types import FamilyName
from dwangstats.errors import FitError
from dwangstats.numerics.glm import fit_counts
from dwangstats.numerics.likelihood import (
    Likelihood,
    Problem,
    ascend,
    make_search,
    standardised,
    vector_information,
)
from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.structure import Term


def problem(family: FamilyName = "nb2", *, random: bool = True, zeros: bool = False) -> Problem:
    rng = np.random.default_rng(6)
    codes = rng.permutation(np.repeat(np.arange(12), 10))
    X = np.column_stack((np.ones(120), 2021.0 + rng.integers(0, 3, 120), rng.normal(size=120)))
    y = rng.poisson(np.exp(1.0 + 0.4 * rng.normal(size=12)[codes]) * rng.gamma(3.0, 1 / 3, 120)).astype(float)
    terms = (Term(codes, np.ones((120, 1)), True, "g"),) if random else ()
    return Problem(X, y, 0.1 * rng.normal(size=120), terms, family, X[:, [0, 2]] if zeros else None, 1)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("zeros", [True, False])
def test_gradient_is_that_of_the_value(family: FamilyName, random: bool, zeros: bool) -> None:
    inner, _ = standardised(problem(family, random=random, zeros=zeros))
    likelihood = Likelihood(inner)
    vector = 0.3 + 0.05 * np.arange(inner.layout.size)
    _, gradient = likelihood(vector)
    steps = 1e-5 * np.eye(vector.size)
    numeric = [(likelihood(vector + h)[0] - likelihood(vector - h)[0]) / 2e-5 for h in steps]
    # central differences of 1e-5 of values near 300: 1e-13 * 300 / 1e-5
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize("last", [None, 0, 1, 2])
def test_standardised_columns_keep_the_likelihood(random: bool, last: int | None) -> None:
    whole = problem(random=random)
    inner, back = standardised(whole, last=last)
    vector = 0.1 + 0.02 * np.arange(whole.layout.size)
    # log means of 2021 * beta cost four of sixteen digits
    assert Likelihood(inner)(vector)[0] == pytest.approx(Likelihood(whole)(back @ vector)[0], rel=1e-9)
    if last is not None:
        assert (back @ vector)[last] == pytest.approx(vector[2])


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_climb_without_random_terms_is_the_fit_of_counts(family: FamilyName) -> None:
    inner, back = standardised(problem(family, random=False))
    expected = fit_counts(inner.X, inner.y, inner.offset, family)
    start = np.full(inner.layout.size, 0.2)
    top = ascend(make_search(Likelihood(inner), start), start, rough=1e-5)
    assert top.value == pytest.approx(expected.loglik, abs=1e-8)
    assert back.shape == (start.size, start.size)
    assert top.slope < 1e-4


def test_other_counts_need_no_new_arrangement() -> None:
    whole = problem()
    counts = whole.y[::-1].copy()
    changed = Problem(whole.X, counts, whole.offset, whole.terms, whole.family, None, 1)
    vector = np.array([0.5, 0.0, 0.1, 0.4, 0.3])
    found = Likelihood(whole).with_counts(counts)(vector)
    assert found[0] == pytest.approx(Likelihood(changed)(vector)[0], rel=1e-13)


def test_a_scale_of_zero_is_left_where_the_likelihood_rises() -> None:
    inner, _ = standardised(problem("poisson"))
    start = np.array([1.0, 0.0, 0.0, 0.0])
    top = ascend(make_search(Likelihood(inner), start), start)
    expected = fit_mixed(inner.X, inner.y, inner.offset, inner.terms, "poisson", nodes=1)
    assert expected.vector[3] > 0.1
    np.testing.assert_allclose(top.vector, expected.vector, atol=1e-3)


@pytest.mark.parametrize("covariance", [0.1, -0.1])
def test_no_variance_is_left_for_some_with_covariance(covariance: float) -> None:
    rng = np.random.default_rng(12)
    codes, time = np.repeat(np.arange(40), 6), np.tile(np.arange(6) / 5.0, 40)
    effects = rng.multivariate_normal([0.0, 0.0], [[0.06, covariance], [covariance, 0.25]], 40)
    y = rng.poisson(np.exp(1.0 + effects[codes, 0] + effects[codes, 1] * time)).astype(float)
    terms = (Term(codes, np.column_stack((np.ones(240), time)), True, "g"),)
    whole = Problem(np.ones((240, 1)), y, np.zeros(240), terms, "poisson")
    expected = fit_mixed(whole.X, y, whole.offset, terms, "poisson")
    start = np.array([1.0, 0.0, 0.0, 0.5])
    search = make_search(Likelihood(whole), start)
    top = ascend(search, start)
    assert top.value >= expected.loglik - 1e-5
    # a variance of zero with slopes that vary is a maximum only where the covariance does not matter
    assert top.vector[1] > 0.05


def test_units_of_the_metric_are_standard_errors() -> None:
    rng = np.random.default_rng(13)
    codes = np.repeat(np.arange(10), 8)
    mean = 1e6 * np.exp(0.3 * rng.normal(size=10))[codes]
    y = rng.poisson(mean * rng.gamma(1e5, 1e-5, 80)).astype(float)
    terms = (Term(codes, np.ones((80, 1)), True, "g"),)
    whole = Problem(np.ones((80, 1)), y, np.zeros(80), terms, "nb2")
    fit = fit_mixed(whole.X, y, whole.offset, terms, "nb2", nodes=1)
    search = make_search(Likelihood(whole), fit.vector)
    information = vector_information(whole, fit.vector, fit.information, fit.free)
    # a dispersion near 1e-5, of which rough guesses are off by four powers of ten
    assert search.transform[2, 2] * np.sqrt(information[2, 2]) == pytest.approx(1.0, abs=0.5)


def test_rows_keep_their_groups() -> None:
    whole = problem()
    some = whole.rows(whole.terms[0].codes >= 9)
    assert some.y.size == 30
    assert some.terms[0].groups == 3


def test_dependent_columns_are_refused() -> None:
    whole = problem(random=False)
    double = Problem(np.column_stack((whole.X, whole.X[:, 2])), whole.y, whole.offset, (), "poisson")
    with pytest.raises(FitError, match="dependent"):
        make_search(Likelihood(standardised(double)[0]), np.zeros(4))
