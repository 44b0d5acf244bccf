"""The count densities and their derivatives against arbitrary precision.

The reference is the textbook density written with log-gamma functions in mpmath. Its working precision grows with the
largest number that cancels, so that at least 50 digits of the answer are right; the first tests here test that.

No absolute floor is used for the log density. A count has probability below one, so its log density is negative and
comes near zero only for y = 0 with a tiny mean, where it is about -mu and a relative error of 1e-10 is attainable.
For the derivatives a floor is unavoidable and stated in `derivative_floor`.
"""

import math
from collections.abc import Callable, Iterator

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dwangstats._types import FamilyName, Vector
from dwangstats.numerics import families

RELATIVE = 1e-10
DIGITS = 50

ALPHAS = (0.0, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1e3)
TINY_ALPHAS = (5e-324, 1e-300, 1e-100, 1e-30, 1e-18, 1e-15, 1e-13)
# Around 15, 35, 80 and 500 tables and series of the Stirling error change over; 171! overflows a float.
COUNTS = (0, 1, 2, 3, 15, 16, 35, 36, 80, 81, 171, 500, 501, 12_345, 10**6, 10**9)
# The density is stated to be exact up to a mean of 1e99 and to go on along its tangent beyond.
MEANS = (1e-300, 1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.5, 1.0, 3.0, 30.0, 1e3, 1e6, 1e9, 1e12, 1e50, 9e98)
LAST_EXACT_ETA = 230.0
NEAR_THE_COUNT = (1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-9, 1.0, 1 + 1e-12, 1 + 1e-9, 1.001, 1.1, 2.0, 10.0, 1e3, 1e9)
FAMILIES: tuple[FamilyName, ...] = ("poisson", "nb2", "nb1")

each_family = pytest.mark.parametrize("family", FAMILIES)
each_nb = pytest.mark.parametrize("family", FAMILIES[1:])


def exact_loglik(family: FamilyName, y: int, eta: mp.mpf, alpha: mp.mpf) -> mp.mpf:
    """Log density with constants; eta and alpha are taken as the exact numbers the floats are."""
    with mp.workdps(mp.mp.dps + 10):
        size = _size(family, mp.exp(eta), alpha)
    digits = 15 + (int(mp.log10(max(y, size, mp.exp(eta), 1))) if mp.isfinite(size) else int(mp.log10(max(y, 1))))
    with mp.workdps(mp.mp.dps + digits):
        mu = mp.exp(eta)
        size = _size(family, mu, alpha)
        if not mp.isfinite(size):
            return y * mp.mpf(eta) - mu - mp.loggamma(y + 1)
        rising = mp.loggamma(y + size) - mp.loggamma(size) - mp.loggamma(y + 1)
        return rising - size * mp.log1p(mu / size) - (y * mp.log1p(size / mu) if y else 0)


def _size(family: FamilyName, mu: mp.mpf, alpha: mp.mpf) -> mp.mpf:
    if family == "poisson" or alpha == 0:
        return mp.inf
    return 1 / mp.mpf(alpha) if family == "nb2" else mu / mp.mpf(alpha)


def exact(family: FamilyName, y: int, eta: float, alpha: float) -> mp.mpf:
    with mp.workdps(DIGITS):
        return exact_loglik(family, y, mp.mpf(eta), mp.mpf(alpha))


def etas_for(count: int) -> Iterator[float]:
    yield from (math.log(mean) for mean in MEANS)
    if count:
        yield from (math.log(count * factor) for factor in NEAR_THE_COUNT)


def loglik_one(family: FamilyName, y: int, eta: float, alpha: float) -> float:
    return float(families.loglik(family, np.array([float(y)]), np.array([eta]), alpha)[0])


def relative_error(got: float, right: mp.mpf) -> float:
    if not math.isfinite(got):
        return math.inf
    return float(abs(mp.mpf(got) - right) / abs(right))


def assert_grid(family: FamilyName, alpha: float) -> None:
    rows = [(count, eta) for count in COUNTS for eta in etas_for(count)]
    counts, etas = np.array([float(y) for y, _ in rows]), np.array([eta for _, eta in rows])
    ours: Vector = families.loglik(family, counts, etas, alpha)
    assert ours.shape == (len(rows),)
    errors = [
        relative_error(float(got), exact(family, y, eta, alpha)) for got, (y, eta) in zip(ours, rows, strict=True)
    ]
    worst = int(np.argmax(errors))
    bad = sum(error > RELATIVE for error in errors)
    y, eta = rows[worst]
    right = mp.nstr(exact(family, y, eta, alpha), 20)
    assert bad == 0, (
        f"{bad} of {len(rows)} wrong; worst {errors[worst]:.2e} at y={y}, eta={eta!r}, {ours[worst]!r} not {right}"
    )


# ---------------------------------------------------------------------------------------------- the reference itself


@pytest.mark.parametrize(
    ("family", "alpha", "variance"), [("poisson", 0.0, 3.0), ("nb2", 0.5, 3.0 + 0.5 * 9.0), ("nb1", 0.5, 3.0 * 1.5)]
)
def test_the_reference_is_a_density_with_the_stated_mean_and_variance(
    family: FamilyName, alpha: float, variance: float
) -> None:
    eta = mp.log(mp.mpf(3))
    probability = [mp.exp(exact_loglik(family, y, eta, mp.mpf(alpha))) for y in range(400)]
    mean = mp.fsum(y * p for y, p in enumerate(probability))
    assert abs(mp.fsum(probability) - 1) < mp.mpf(10) ** -12
    assert abs(mean - 3) < mp.mpf(10) ** -12
    assert abs(mp.fsum((y - mean) ** 2 * p for y, p in enumerate(probability)) - variance) < mp.mpf(10) ** -12


@each_nb
@pytest.mark.parametrize("alpha", [1e-300, 1e-12, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("y", [0, 1, 5, 60])
def test_the_reference_keeps_its_digits(family: FamilyName, alpha: float, y: int) -> None:
    # The gamma ratio as a product of y factors has no cancellation; 40 digits must agree.
    for eta in (-600.0, -1.0, 3.0, 20.0):
        with mp.workdps(700):
            mu, a = mp.exp(mp.mpf(eta)), mp.mpf(alpha)
            size = 1 / a if family == "nb2" else mu / a
            direct = mp.fsum(mp.log(size + j) for j in range(y)) - mp.loggamma(y + 1)
            direct += -size * mp.log1p(mu / size) - y * mp.log((size + mu) / mu)
            assert abs(direct / exact(family, y, eta, alpha) - 1) < mp.mpf(10) ** -40


# ------------------------------------------------------------------------------------------------------ log density


@each_nb
@pytest.mark.parametrize("alpha", ALPHAS)
def test_loglik_on_a_hostile_grid(family: FamilyName, alpha: float) -> None:
    assert_grid(family, alpha)


def test_poisson_loglik_on_a_hostile_grid() -> None:
    assert_grid("poisson", 0.0)


@each_nb
@pytest.mark.parametrize("alpha", TINY_ALPHAS)
def test_loglik_where_an_optimiser_passes_on_its_way_to_zero(family: FamilyName, alpha: float) -> None:
    for y in (0, 1, 16, 1000, 10**6):
        for eta in (-50.0, -1.0, 2.0, 14.0):
            error = relative_error(loglik_one(family, y, eta, alpha), exact(family, y, eta, alpha))
            assert error <= RELATIVE, (y, eta)


@each_family
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-4, 1.0, 1e3])
@pytest.mark.parametrize("y", [0, 1, 40, 10**9])
def test_beyond_all_means_an_optimiser_is_still_sent_back(family: FamilyName, alpha: float, y: int) -> None:
    # Exact to the last exact point; then finite, falling, and without a jump, up to what exp() cannot represent.
    dispersion = 0.0 if family == "poisson" else alpha
    assert (
        relative_error(loglik_one(family, y, LAST_EXACT_ETA, dispersion), exact(family, y, LAST_EXACT_ETA, dispersion))
        <= RELATIVE
    )
    etas = np.array([LAST_EXACT_ETA, LAST_EXACT_ETA + 1e-9, 231.0, 400.0, 709.0, 1000.0])
    values = families.loglik(family, np.full(etas.size, float(y)), etas, dispersion)
    assert np.isfinite(values).all()
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    # The first step is there for the jump; it is too short for a fall to show at every dispersion.
    assert (np.diff(values)[1:] < 0.0).all()


@each_nb
def test_dispersion_zero_is_poisson_to_the_last_bit(family: FamilyName) -> None:
    rows = [(y, eta) for y in COUNTS for eta in etas_for(y)]
    counts, etas = np.array([float(y) for y, _ in rows]), np.array([eta for _, eta in rows])
    np.testing.assert_array_equal(
        families.loglik(family, counts, etas, 0.0), families.loglik("poisson", counts, etas, 0.0)
    )


@each_family
@settings(max_examples=150)
@given(
    y=st.one_of(st.integers(0, 50), st.integers(0, 10**6), st.integers(0, 10**9)),
    log10_ratio=st.floats(-12, 12),
    log10_alpha=st.floats(-12, 3),
)
@example(y=10**6, log10_ratio=0.0, log10_alpha=-12.0)
@example(y=10**9, log10_ratio=1e-9, log10_alpha=3.0)
def test_loglik_at_random_points(family: FamilyName, y: int, log10_ratio: float, log10_alpha: float) -> None:
    eta, alpha = math.log(max(y, 1)) + log10_ratio * math.log(10.0), 10.0**log10_alpha
    assert relative_error(loglik_one(family, y, eta, alpha), exact(family, y, eta, alpha)) <= RELATIVE


@each_family
def test_rows_do_not_see_each_other(family: FamilyName) -> None:
    counts, etas = np.array([0.0, 5.0, 1e6, 40.0]), np.array([-3.0, 2.0, 13.0, 5.0])
    together = families.loglik(family, counts, etas, 0.3)
    alone = [loglik_one(family, int(y), float(eta), 0.3) for y, eta in zip(counts, etas, strict=True)]
    np.testing.assert_array_equal(together, alone)


# ------------------------------------------------------------------------------------------------------ derivatives

# name of the field, order in eta, order in alpha
FIELDS = (
    ("loglik", 0, 0),
    ("d_eta", 1, 0),
    ("d2_eta", 2, 0),
    ("d3_eta", 3, 0),
    ("d_alpha", 0, 1),
    ("d_eta_alpha", 1, 1),
    ("d2_eta_alpha", 2, 1),
    ("d2_alpha", 0, 2),
)
DERIVATIVE_POINTS = tuple(
    (y, math.log(mean))
    for y, means in (
        (0, (1e-12, 0.3, 4.0, 1e4)),
        (1, (1e-6, 1.0, 50.0)),
        (7, (0.01, 6.5, 7.0, 900.0)),
        (16, (15.9, 1e3)),
        (400, (3.0, 390.0, 4e4)),
        (12_345, (12_000.0, 1e6)),
        (10**6, (1e3, 999_000.0, 1e8)),
        (10**9, (1e9 + 1e4,)),
    )
    for mean in means
)


def partial(family: FamilyName, y: int, eta: float, alpha: float, order: tuple[int, int]) -> mp.mpf:
    """Partial derivative of the exact log density; at alpha = 0 one-sided, through the power series in alpha."""
    with mp.workdps(DIGITS):
        if alpha == 0.0:
            return mp.diff(lambda e: series_coefficient(family, y, mp.exp(e), order[1]), mp.mpf(eta), order[0])
        return mp.diff(lambda e, a: exact_loglik(family, y, e, a), (mp.mpf(eta), mp.mpf(alpha)), order)


def series_coefficient(family: FamilyName, y: int, mu: mp.mpf, order: int) -> mp.mpf:
    """d^order log f / d alpha^order at alpha = 0, from sum_j log(1 + s j) - ... with s = alpha or alpha / mu.

    NB2: log f = sum_{j<y} log(1 + alpha j) + y log mu - (y + 1/alpha) log(1 + alpha mu) - log y!. NB1 is NB2 with
    alpha / mu in the place of alpha.
    """
    scale = 1 if family == "nb2" else 1 / mu
    if order == 0:
        return y * mp.log(mu) - mu - mp.loggamma(y + 1)
    if order == 1:
        return scale * ((y - mu) ** 2 - y) / 2
    squares = mp.mpf(y - 1) * y * (2 * y - 1) / 6
    return scale**2 * (-squares + y * mu**2 - 2 * mu**3 / 3)


def derivative_floor(family: FamilyName, y: int, eta: float, alpha: float, order: tuple[int, int]) -> float:
    """What no float routine can avoid: eta is exact, mu = exp(eta) is one float away from its value.

    A derivative that crosses zero cannot be relatively exact there. Its error is at least one rounding of mu times its
    slope in eta; 32 roundings are allowed.
    """
    slope = abs(partial(family, y, eta, alpha, (order[0] + 1, order[1])))
    return float(32 * np.finfo(float).eps * slope)


@pytest.mark.parametrize("alpha", [1e-12, 1e-7, 1e-3, 1.0])
@each_nb
def test_the_reference_derivatives_join_at_zero_dispersion(family: FamilyName, alpha: float) -> None:
    # Derivatives at 0 come from a power series, elsewhere from differences; near 0 they must meet, at rate alpha.
    for order in ((0, 1), (1, 1), (2, 1), (0, 2)):
        at_zero, near = (partial(family, 3, 0.4, a, order) for a in (0.0, alpha))
        assert abs(near - at_zero) < 60 * alpha


@each_nb
@pytest.mark.parametrize(("field", "in_eta", "in_alpha"), FIELDS)
@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-8, 1e-4, 0.05, 1.0, 30.0, 1e3])
def test_derivatives(family: FamilyName, field: str, in_eta: int, in_alpha: int, alpha: float) -> None:
    assert_derivative(family, field, (in_eta, in_alpha), alpha)


@pytest.mark.parametrize(("field", "in_eta", "in_alpha"), FIELDS[:4])
def test_poisson_derivatives(field: str, in_eta: int, in_alpha: int) -> None:
    assert_derivative("poisson", field, (in_eta, in_alpha), 0.0)


def assert_derivative(family: FamilyName, field: str, order: tuple[int, int], alpha: float) -> None:
    counts, etas = np.array([float(y) for y, _ in DERIVATIVE_POINTS]), np.array([e for _, e in DERIVATIVE_POINTS])
    ours = getattr(families.derivatives(family, counts, etas, alpha), field)
    problems = []
    for got, (y, eta) in zip(ours, DERIVATIVE_POINTS, strict=True):
        right = partial(family, y, eta, alpha, order)
        allowed = RELATIVE * float(abs(right)) + derivative_floor(family, y, eta, alpha, order)
        gap = float(abs(mp.mpf(float(got)) - right)) if math.isfinite(got) else math.inf
        if not gap <= allowed:
            problems.append(f"y={y} eta={eta!r}: {got!r} not {mp.nstr(right, 17)}, {gap / allowed:.1f} times allowed")
    assert not problems, f"{len(problems)} of {len(DERIVATIVE_POINTS)}: " + "; ".join(problems)


@each_family
def test_poisson_has_no_dispersion_to_differentiate(family: FamilyName) -> None:
    derivatives = families.derivatives("poisson", np.array([0.0, 3.0]), np.array([0.1, 2.0]), 0.0)
    for field in ("d_alpha", "d_eta_alpha", "d2_eta_alpha", "d2_alpha"):
        np.testing.assert_array_equal(getattr(derivatives, field), np.zeros(2))


@each_family
@given(y=st.integers(0, 500), eta=st.floats(-4, 7), alpha=st.floats(1e-3, 10))
def test_score_is_the_slope_of_the_log_density(family: FamilyName, y: int, eta: float, alpha: float) -> None:
    # Five-point difference, h = 1e-3: truncation h^4/30 times the fifth derivative, rounding 1e-16 |loglik| / h.
    h = 1e-3

    def at(step: float) -> float:
        return loglik_one(family, y, eta + step * h, alpha)

    slope = (8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * h)
    score = float(families.derivatives(family, np.array([float(y)]), np.array([eta]), alpha).d_eta[0])
    assert score == pytest.approx(slope, rel=1e-7, abs=1e-9 * (1.0 + y + math.exp(eta)))


@pytest.mark.parametrize(
    ("family", "right"),
    [
        ("poisson", lambda mu, alpha: mu),
        ("nb2", lambda mu, alpha: mu + alpha * mu**2),
        ("nb1", lambda mu, alpha: mu * (1.0 + alpha)),
    ],
)
def test_variance_functions(family: FamilyName, right: Callable[[Vector, float], Vector]) -> None:
    mu = np.array([1e-12, 0.3, 4.0, 1e6])
    np.testing.assert_allclose(families.variance(family, mu, 0.7), right(mu, 0.7), rtol=1e-15)


@each_family
def test_variance_at_zero_dispersion_is_the_mean(family: FamilyName) -> None:
    mu = np.array([1e-12, 0.3, 4.0, 1e6])
    np.testing.assert_array_equal(families.variance(family, mu, 0.0), mu)


def test_expected_weight_of_nb2_is_the_mean_of_minus_the_second_derivative() -> None:
    eta, alpha = np.array([-2.0, 0.5, 2.0]), 0.6
    counts = np.arange(0.0, 3000.0)  # beyond 3000 the probability is below 1e-80 for these means
    for row, weight in zip(eta, families.expected_weight("nb2", eta, alpha), strict=True):
        rows = np.full(counts.size, row)
        density = np.exp(families.loglik("nb2", counts, rows, alpha))
        assert weight == pytest.approx(-np.sum(density * families.derivatives("nb2", counts, rows, alpha).d2_eta))
        assert weight == pytest.approx(math.exp(row) / (1.0 + alpha * math.exp(row)), rel=1e-14)
