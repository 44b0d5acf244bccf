import numpy as np
import pytest

from dwangstats.numerics import families
from dwangstats.numerics.mixed.rows import BLOCK, make_rows, row_slopes, row_terms, row_values

#: Direct kernels against the saddle-point forms; worst seen 1e-10, in the alpha derivative at alpha = 0.0011,
#: where a rounding of log(1 + s) is divided by alpha squared.
ATOL = 1e-9
FIELDS = ("loglik", "slope", "weight", "third")


def rows_at(family: str, *, inflated: bool, n: int = 400, cap: float = 60.0):
    rng = np.random.default_rng(7)
    eta = rng.normal(0.5, 1.5, n)
    y = np.minimum(rng.poisson(np.exp(eta) * rng.gamma(2.0, 0.5, n)), cap).astype(float)
    if inflated:
        y[rng.random(n) < 0.3] = 0.0
    return make_rows(y, family, inflated=inflated), eta, rng.normal(size=n) if inflated else None


@pytest.mark.parametrize("alpha", [0.0, 1e-8, 1.1e-3, 0.5, 30.0])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_kernels_agree_with_families(family, alpha) -> None:
    rows, eta, _ = rows_at(family, inflated=False)
    terms = row_terms(rows, eta, alpha, None)
    peer = families.derivatives(family, rows.y, eta, alpha)
    for field, expected in zip(FIELDS, (peer.loglik, peer.d_eta, -peer.d2_eta, peer.d3_eta), strict=True):
        np.testing.assert_allclose(getattr(terms, field), expected, rtol=1e-10, atol=ATOL)
    slope, weight = row_slopes(rows, eta, alpha, None)
    np.testing.assert_allclose(slope, peer.d_eta, rtol=1e-10, atol=ATOL)
    np.testing.assert_allclose(weight, -peer.d2_eta, rtol=1e-10, atol=ATOL)
    if family == "poisson":
        assert terms.dispersion is None
    else:
        np.testing.assert_allclose(terms.dispersion.value, peer.d_alpha, rtol=1e-9, atol=ATOL)
        np.testing.assert_allclose(terms.dispersion.slope, peer.d_eta_alpha, rtol=1e-9, atol=ATOL)
        np.testing.assert_allclose(terms.dispersion.curvature, peer.d2_eta_alpha, rtol=1e-9, atol=ATOL)


def difference(function, at, step: float = 1e-3):
    """Fourth-order central difference of a function of one number or vector."""
    values = [function(at + k * step) for k in (-2, -1, 1, 2)]
    return (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)


@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_derivatives_are_those_of_the_density(family, inflated) -> None:
    rows, eta, zeta = rows_at(family, inflated=inflated)
    alpha = 0.4
    terms = row_terms(rows, eta, alpha, zeta)
    # Fourth-order differences with step 1e-3 of smooth functions of size one to 1e2.
    close = {"rtol": 1e-7, "atol": 1e-7}
    np.testing.assert_allclose(difference(lambda e: row_terms(rows, e, alpha, zeta).loglik, eta), terms.slope, **close)
    np.testing.assert_allclose(-difference(lambda e: row_terms(rows, e, alpha, zeta).slope, eta), terms.weight, **close)
    np.testing.assert_allclose(-difference(lambda e: row_terms(rows, e, alpha, zeta).weight, eta), terms.third, **close)
    if terms.dispersion is not None:
        for field, name, sign in (("loglik", "value", 1), ("slope", "slope", 1), ("weight", "curvature", -1)):
            got = sign * difference(lambda a, f=field: getattr(row_terms(rows, eta, a, zeta), f), alpha)
            np.testing.assert_allclose(got, getattr(terms.dispersion, name), **close)
    if zeta is not None:
        for field, name, sign in (("loglik", "value", 1), ("slope", "slope", 1), ("weight", "curvature", -1)):
            got = sign * difference(lambda z, f=field: getattr(row_terms(rows, eta, alpha, z), f), zeta)
            np.testing.assert_allclose(got, getattr(terms.zero, name), **close)


def test_inflated_density_sums_to_one() -> None:
    y = np.arange(200.0)
    for family in ("poisson", "nb2", "nb1"):
        rows = make_rows(y, family, inflated=True)
        loglik = row_terms(rows, np.full(200, 1.0), 0.5, np.full(200, -0.3)).loglik
        assert np.exp(loglik).sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_blocks_change_nothing(family, inflated) -> None:
    rows, eta, zeta = rows_at(family, inflated=inflated, n=2 * BLOCK + 17)
    whole = row_terms(rows, eta, 0.3, zeta)
    tail = slice(BLOCK, 2 * BLOCK)
    part = row_terms(rows.part(BLOCK, 2 * BLOCK), eta[tail], 0.3, None if zeta is None else zeta[tail])
    for field in FIELDS:
        np.testing.assert_allclose(getattr(whole, field)[tail], getattr(part, field), rtol=1e-12, atol=1e-12)
    assert (whole.dispersion is None) == (family == "poisson")
    assert (whole.zero is None) == (not inflated)


def test_huge_means_do_not_overflow() -> None:
    for family in ("poisson", "nb2", "nb1"):
        rows = make_rows(np.array([0.0, 5.0, 1e6]), family, inflated=False)
        terms = row_terms(rows, np.array([500.0, 1e4, 300.0]), 0.1, None)
        assert np.all(np.isfinite(terms.loglik))
        assert np.all(np.isfinite(terms.weight))


@pytest.mark.parametrize("alpha", [1e-5, 0.3])
@pytest.mark.parametrize("inflated", [False, True])
@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_short_form_agrees_with_the_long_one(family, inflated, alpha) -> None:
    rows, eta, zeta = rows_at(family, inflated=inflated, n=BLOCK + 100)
    short, whole = row_values(rows, eta, alpha, zeta), row_terms(rows, eta, alpha, zeta)
    np.testing.assert_allclose(short.loglik, whole.loglik, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(short.slope, whole.slope, rtol=1e-12, atol=1e-12)
    if whole.dispersion is not None:
        np.testing.assert_allclose(short.dispersion, whole.dispersion.value, rtol=1e-12, atol=1e-12)
    if whole.zero is not None:
        np.testing.assert_allclose(short.zero, whole.zero.value, rtol=1e-12, atol=1e-12)
