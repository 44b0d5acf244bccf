"""Where a fit begins, and the units in which it moves."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats.numerics.mixed.fit import fit_mixed
from dwangstats.numerics.mixed.model import make_model
from dwangstats.numerics.mixed.parameters import unpack
from dwangstats.numerics.mixed.rows import make_rows
from dwangstats.numerics.mixed.standardise import scale_basis
from dwangstats.numerics.mixed.start import dispersion_unit, starting_vector
from dwangstats.numerics.mixed.structure import Term


def test_the_order_of_rows_does_not_matter(panel, structure_name) -> None:
    order = np.random.default_rng(2).permutation(panel.y.size)
    terms = panel.terms(structure_name)
    mixed = [replace(t, codes=t.codes[order], Z=t.Z[order]) for t in terms]
    one = starting_vector(make_model(panel.X, panel.y, panel.offset, terms, "nb2", None, 1))
    two = starting_vector(make_model(panel.X[order], panel.y[order], panel.offset[order], mixed, "nb2", None, 1))
    np.testing.assert_allclose(one, two, rtol=1e-9)


def test_scales_begin_from_the_scatter_between_groups() -> None:
    rng = np.random.default_rng(5)
    codes = rng.permutation(np.repeat(np.arange(200), 20))
    y = rng.poisson(np.exp(1.0 + 0.6 * rng.normal(size=200)[codes])).astype(float)
    term = Term(codes, np.ones((4000, 1)), True, "g")
    begin = starting_vector(make_model(np.ones((4000, 1)), y, np.zeros(4000), [term], "poisson", None, 1))
    # moments of 200 groups
    assert begin[1] == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("correlated", [True, False])
def test_scales_of_columns_far_from_zero_are_of_size_one(kept: int, correlated: bool) -> None:
    rng = np.random.default_rng(6)
    codes, time = np.repeat(np.arange(300), 8), np.tile(2019.0 + np.arange(8), 300)
    effects = 0.4 * rng.normal(size=300)[codes] + 0.2 * rng.normal(size=300)[codes] * (time - 2022.5)
    y = rng.poisson(np.exp(2.0 + effects)).astype(float)
    term = Term(codes, np.column_stack((np.ones(2400), time)), correlated, "g")
    basis = scale_basis(term, kept=kept)
    assert np.all(np.triu(basis, 1) == 0.0)
    assert np.all(np.diag(basis) > 0.0)
    np.testing.assert_array_equal(basis[:kept, :kept], np.eye(kept))
    model = make_model(np.ones((2400, 1)), y, np.zeros(2400), [replace(term, turn=basis)], "poisson", None, 1)
    scale = basis @ unpack(model.layout, starting_vector(model)).scales[0]
    # the random part of the log mean in the middle of the data is of the size of the effects, wherever the years begin
    middle = np.array([1.0, 2022.5]) @ scale
    assert 0.2 < np.linalg.norm(middle) < 1.5


@pytest.mark.parametrize(("family", "level"), [("nb2", 1.0), ("nb2", 14.0), ("nb1", 1.0)])
def test_unit_of_a_dispersion_is_its_standard_error(family, level) -> None:
    rng = np.random.default_rng(7)
    codes = np.repeat(np.arange(40), 25)
    mean = np.exp(level + 0.3 * rng.normal(size=40))[codes]
    alpha = 0.3 if level < 2.0 else 1e-5
    shape = (1.0 if family == "nb2" else mean) / alpha + np.zeros(1000)
    y = rng.poisson(mean * rng.gamma(shape) / shape).astype(float)
    term = Term(codes, np.ones((1000, 1)), True, "g")
    fit = fit_mixed(np.ones((1000, 1)), y, np.zeros(1000), [term], family, nodes=1)
    assert fit.free[2]
    unit = dispersion_unit(make_rows(y, family, inflated=False), fit.alpha)
    assert unit * np.sqrt(fit.information[2, 2]) == pytest.approx(1.0, abs=0.6)


@pytest.mark.parametrize("covariance", [0.1, -0.1])
def test_a_fit_leaves_no_variance_for_some_with_covariance(covariance: float) -> None:
    rng = np.random.default_rng(12)
    codes, time = np.repeat(np.arange(40), 6), np.tile(np.arange(6) / 5.0, 40)
    effects = rng.multivariate_normal([0.0, 0.0], [[0.06, covariance], [covariance, 0.25]], 40)
    y = rng.poisson(np.exp(1.0 + effects[codes, 0] + effects[codes, 1] * time)).astype(float)
    term = Term(codes, np.column_stack((np.ones(240), time)), True, "g")
    usual = fit_mixed(np.ones((240, 1)), y, np.zeros(240), [term], "poisson")
    start = np.array([1.0, 0.0, 0.0, 0.5])
    stuck = fit_mixed(np.ones((240, 1)), y, np.zeros(240), [term], "poisson", start=start)
    assert stuck.loglik == pytest.approx(usual.loglik, abs=1e-6)
