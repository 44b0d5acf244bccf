import numpy as np
import pytest

from dwangstats.errors import DomainError, FitError
from dwangstats.numerics.glm import fit_counts
from dwangstats.numerics.mixed.fit import MixedFit, fit_mixed
from dwangstats.numerics.mixed.structure import Term


def intercept(codes: np.ndarray) -> tuple[Term, ...]:
    return (Term(codes.astype(np.intp), np.ones((codes.size, 1)), True, "g"),)


def simulate(groups: int, rows: int, *, level: float = 0.5, sd: float = 0.0, seed: int = 1):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rows)
    X = np.column_stack((np.ones(codes.size), rng.normal(size=codes.size)))
    eta = level + 0.2 * X[:, 1] + sd * rng.normal(size=groups)[codes]
    return X, rng.poisson(np.exp(eta)).astype(float), np.zeros(codes.size), intercept(codes)


def assert_converged(fit: MixedFit) -> None:
    assert fit.scaled_gradient < 1e-8
    assert fit.smallest_eigenvalue > 0.0
    assert fit.inner_residual < 1e-12
    assert fit.definite


@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_every_structure_converges(panel, structure_name, family, inflated) -> None:
    zero = panel.zero_X if inflated else None
    y = panel.with_zeros if inflated else panel.y
    terms = panel.terms(structure_name)
    fit = fit_mixed(panel.X, y, panel.offset, terms, family, zero_X=zero)
    assert_converged(fit)
    assert len(fit.names) == len(fit.estimates) == len(fit.free)
    assert fit.information.shape == (fit.free.sum(),) * 2
    assert np.linalg.eigvalsh(fit.information)[0] > 0.0
    for term, modes, blocks in zip(terms, fit.modes, fit.mode_covariances, strict=True):
        assert modes.shape == (term.groups, term.width)
        assert blocks.shape == (term.groups, term.width, term.width)


def test_known_parameters_are_recovered() -> None:
    X, y, offset, terms = simulate(400, 25, level=1.0, sd=0.6)
    fit = fit_mixed(X, y, offset, terms, "poisson")
    se = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    truth = np.array([1.0, 0.2, np.log(0.6)])
    assert np.all(np.abs(fit.estimates - truth) < 4.0 * se)


def test_no_variation_between_groups_gives_exactly_zero() -> None:
    X, y, offset, terms = simulate(40, 10)
    balanced = np.sort(y).reshape(10, 40).T.ravel()
    fit = fit_mixed(X[:, :1], balanced, offset, terms, "poisson")
    assert_converged(fit)
    assert fit.scales[0][0, 0] == 0.0
    assert fit.boundary == ("scale g[0,0]",)
    assert fit.names[1] == "scale g[0,0]"
    plain = fit_counts(X[:, :1], balanced, offset, "poisson")
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-8)
    np.testing.assert_allclose(fit.beta, plain.beta, atol=1e-6)
    assert np.all(fit.modes[0] == 0.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_no_overdispersion_never_fits_worse_than_poisson(seed, family) -> None:
    X, y, offset, terms = simulate(30, 12, level=1.0, sd=0.5, seed=seed)
    poisson = fit_mixed(X, y, offset, terms, "poisson")
    fit = fit_mixed(X, y, offset, terms, family)
    assert_converged(fit)
    assert fit.loglik >= poisson.loglik - 1e-7
    if fit.alpha == 0.0:
        assert "alpha" in fit.boundary
        assert fit.loglik == pytest.approx(poisson.loglik, abs=1e-6)


def test_underdispersed_counts_reach_a_dispersion_of_zero() -> None:
    X, _, offset, terms = simulate(30, 12)
    y = np.tile([1.0, 2.0, 2.0, 3.0, 2.0, 2.0], 60)
    for family in ("nb2", "nb1"):
        fit = fit_mixed(X, y, offset, terms, family)
        assert_converged(fit)
        assert fit.alpha == 0.0
        assert set(fit.boundary) == {"alpha", "scale g[0,0]"}


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
@pytest.mark.parametrize(
    ("groups", "rows", "level", "sd"),
    [
        pytest.param(8, 300, 6.0, 0.5, id="few groups with large counts"),
        pytest.param(300, 2, -2.0, 1.0, id="two rows and few events per group"),
        pytest.param(200, 1, 1.0, 0.5, id="one row per group"),
        pytest.param(40, 10, 13.8, 0.4, id="counts of a million"),
        pytest.param(40, 15, 0.5, 2.0, id="large variation"),
    ],
)
def test_hard_data_converge(groups, rows, level, sd, family) -> None:
    X, y, offset, terms = simulate(groups, rows, level=level, sd=sd)
    fit = fit_mixed(X, y, offset, terms, family)
    assert_converged(fit)
    assert abs(fit.quadrature_error) < 1e-4


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_groups_without_events_are_allowed(family) -> None:
    X, y, offset, terms = simulate(60, 12, level=0.0, sd=0.5)
    y[terms[0].codes < 20] = 0.0
    fit = fit_mixed(X, y, offset, terms, family)
    assert_converged(fit)
    assert fit.modes[0][:20].max() < fit.modes[0][20:].mean()


def test_exposures_over_five_orders_of_magnitude() -> None:
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(80), 10)
    offset = rng.uniform(0.0, np.log(1e5), 800)
    eta = -5.0 + 0.5 * rng.normal(size=80)[codes] + offset
    y = rng.poisson(np.exp(eta) * rng.gamma(4.0, 0.25, 800)).astype(float)
    for family in ("poisson", "nb2", "nb1"):
        assert_converged(fit_mixed(np.ones((800, 1)), y, offset, intercept(codes), family))


def test_exposure_times_a_constant_moves_the_intercept_only(panel) -> None:
    terms = panel.terms("slope")
    one = fit_mixed(panel.X, panel.y, panel.offset, terms, "nb2")
    two = fit_mixed(panel.X, panel.y, panel.offset + 7.0, terms, "nb2")
    np.testing.assert_allclose(two.beta, one.beta - [7.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(two.covariances[0], one.covariances[0], atol=1e-6)
    assert two.loglik == pytest.approx(one.loglik, abs=1e-8)


def test_order_of_rows_and_names_of_groups_do_not_matter(panel) -> None:
    rng = np.random.default_rng(9)
    terms = panel.terms("all")
    order = rng.permutation(panel.y.size)
    names = [rng.permutation(t.groups) for t in terms]
    moved = tuple(
        Term(new[t.codes[order]], t.Z[order], t.correlated, t.name) for t, new in zip(terms, names, strict=True)
    )
    one = fit_mixed(panel.X, panel.y, panel.offset, terms, "poisson")
    two = fit_mixed(panel.X[order], panel.y[order], panel.offset[order], moved, "poisson")
    assert two.loglik == pytest.approx(one.loglik, abs=1e-8)
    np.testing.assert_allclose(two.beta, one.beta, atol=1e-6)
    for new, a, b in zip(names, one.modes, two.modes, strict=True):
        np.testing.assert_allclose(b[new], a, atol=1e-5)


def test_two_scalar_terms_are_one_uncorrelated_term(panel) -> None:
    one = fit_mixed(panel.X, panel.y, panel.offset, panel.terms("uncorrelated"), "poisson")
    two = fit_mixed(panel.X, panel.y, panel.offset, panel.terms("two terms one factor"), "poisson")
    assert one.loglik == pytest.approx(two.loglik, abs=1e-8)
    np.testing.assert_allclose(one.modes[0], np.column_stack((two.modes[0], two.modes[1])), atol=1e-6)


def test_a_calendar_year_costs_no_digits(panel) -> None:
    terms = panel.terms("intercept")
    plain = fit_mixed(np.column_stack((np.ones(300), panel.period)), panel.y, panel.offset, terms, "poisson")
    year = fit_mixed(np.column_stack((np.ones(300), panel.period + 2016.0)), panel.y, panel.offset, terms, "poisson")
    assert year.beta[1] == pytest.approx(plain.beta[1], abs=1e-8)
    se = [np.sqrt(np.linalg.inv(f.information)[1, 1]) for f in (plain, year)]
    assert se[1] == pytest.approx(se[0], rel=1e-4)


def test_more_nodes_are_taken_where_eleven_are_not_enough() -> None:
    X, y, offset, terms = simulate(60, 12, level=0.0, sd=0.7)
    y[terms[0].codes < 30] = 0.0
    eleven = fit_mixed(X, y, offset, terms, "poisson", nodes=11)
    assert abs(eleven.quadrature_error) > 1e-4
    chosen = fit_mixed(X, y, offset, terms, "poisson")
    assert chosen.nodes > 11
    assert abs(chosen.quadrature_error) < 1e-4


def test_a_start_at_the_maximum_stays_there(panel) -> None:
    terms = panel.terms("nested")
    fit = fit_mixed(panel.X, panel.y, panel.offset, terms, "nb2")
    again = fit_mixed(panel.X, panel.y, panel.offset, terms, "nb2", start=fit.vector)
    assert again.loglik == pytest.approx(fit.loglik, abs=1e-8)
    np.testing.assert_allclose(again.beta, fit.beta, atol=1e-6)


def test_large_data_take_the_cheap_way_to_the_same_place() -> None:
    X, y, offset, terms = simulate(500, 41, level=0.5, sd=0.6)
    y = np.random.default_rng(4).poisson(np.maximum(y, 0.1)).astype(float)
    fit = fit_mixed(X, y, offset, terms, "nb2")
    assert y.size > 20_000
    assert_converged(fit)
    assert fit.nodes == 11
    laplace = fit_mixed(X, y, offset, terms, "nb2", nodes=1)
    np.testing.assert_allclose(fit.beta, laplace.beta, atol=5e-3)
    assert fit.loglik != laplace.loglik


def test_quadrature_for_a_general_structure_is_refused(panel) -> None:
    with pytest.raises(DomainError, match="11 quadrature nodes"):
        fit_mixed(panel.X, panel.y, panel.offset, panel.terms("nested"), "poisson", nodes=11)
    with pytest.raises(DomainError, match="at least one random term"):
        fit_mixed(panel.X, panel.y, panel.offset, (), "poisson")


def test_dependent_columns_are_refused(panel) -> None:
    X = np.column_stack((panel.X, panel.X[:, 1]))
    with pytest.raises(FitError, match="linearly dependent"):
        fit_mixed(X, panel.y, panel.offset, panel.terms("intercept"), "poisson")


@pytest.mark.parametrize("family", ["poisson", "nb2"])
def test_no_extra_zeros_is_a_boundary(family) -> None:
    X, y, offset, terms = simulate(30, 12, level=1.5, sd=0.5)
    y = y + 1.0
    fit = fit_mixed(X, y, offset, terms, family, zero_X=np.ones((y.size, 1)))
    assert_converged(fit)
    assert "zero[0]" in fit.boundary
    plain = fit_mixed(X, y, offset, terms, family)
    assert fit.loglik == pytest.approx(plain.loglik, abs=1e-6)
    np.testing.assert_allclose(fit.beta, plain.beta, atol=1e-5)
