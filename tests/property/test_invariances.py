"""What must not change when the same data are written down differently, and what must change in a known way.

Tables are drawn by Hypothesis: 3 to 8 providers, 2 to 4 years, 1 or 2 rows per provider-year, rates that differ between
providers, exposure over a factor 50. Estimates are compared in units of their standard error: 1e-6 is far below what a
reader can see and far above what Newton steps to a scaled gradient near rounding leave behind.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import dwangstats as dw
from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.numerics import families

IN_STANDARD_ERRORS = 1e-6
NB_FAMILIES: tuple[FamilyName, ...] = ("nb2", "nb1")
ALL_FAMILIES: tuple[FamilyName, ...] = ("poisson", *NB_FAMILIES)
FORMULA = "events ~ C(year) + staffing"
YEARS_ALONE = "events ~ C(year)"
TREND = "events ~ year + staffing"
INTERACTION = "events ~ C(year) * staffing"
FIRST_YEAR = 2021

# A fit costs ten milliseconds where a density costs ten microseconds: a share of the profile's examples.
few = settings(max_examples=max(10, settings().max_examples // 8))
each_family = pytest.mark.parametrize("family", ALL_FAMILIES)
each_nb = pytest.mark.parametrize("family", NB_FAMILIES)


@st.composite
def tables(draw: st.DrawFn, *, min_dispersion: float = 0.0) -> pd.DataFrame:
    """A table of provider-years on which FORMULA can be fitted: every year has events."""
    providers, years = draw(st.integers(3, 8)), draw(st.integers(2, 4))
    rows_per_cell = draw(st.integers(1, 2))
    mean_level = draw(st.sampled_from([1.5, 8.0, 60.0]))
    dispersion = draw(st.sampled_from([d for d in (0.0, 0.3, 1.5) if d >= min_dispersion]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = providers * years * rows_per_cell
    provider = np.repeat(np.arange(providers), years * rows_per_cell)
    year = np.tile(np.repeat(np.arange(years), rows_per_cell), providers)
    bed_days = np.exp(rng.uniform(math.log(200.0), math.log(10_000.0), size=n)).round()
    staffing = rng.normal(size=n)
    rate = mean_level / 1500.0 * np.exp(0.1 * year + 0.2 * staffing + rng.normal(0.0, 0.5, size=providers)[provider])
    mean = rate * bed_days
    if dispersion:
        mean = mean * rng.gamma(1.0 / dispersion, dispersion, size=n)
    frame = pd.DataFrame(
        {
            "provider": [f"p{g}" for g in provider],
            "year": year + FIRST_YEAR,
            "events": rng.poisson(mean),
            "bed_days": bed_days,
            "staffing": staffing,
        }
    )
    assume((frame.groupby("year")["events"].sum() >= 3).all())
    assume((frame["events"] > 0).sum() > years + 2)
    return frame


def design_of(frame: pd.DataFrame, formula: str = FORMULA) -> Matrix:
    """The design matrix of the formulas used here, written out."""
    ones, staffing = np.ones(len(frame)), frame["staffing"].to_numpy()
    years = frame["year"].to_numpy()
    dummies = [(years == year).astype(float) for year in np.unique(years)[1:]]
    columns = {
        FORMULA: [ones, *dummies, staffing],
        YEARS_ALONE: [ones, *dummies],
        TREND: [ones, years.astype(float) - FIRST_YEAR, staffing],
        INTERACTION: [ones, *dummies, staffing, *(dummy * staffing for dummy in dummies)],
    }
    return np.column_stack(columns[formula])


def estimate_lies_at_infinity(X: Matrix, y: Vector) -> bool:
    """Whether a direction d lowers the mean of some zero counts and leaves every other row alone.

    Along such a direction the likelihood rises for ever. A linear programme finds it: X d = 0 where y > 0, X d <= 0
    where y = 0, and the sum of X d as low as it can be in a box.
    """
    zero = y == 0
    if not zero.any():
        return False
    answer = optimize.linprog(
        X[zero].sum(axis=0),
        A_ub=X[zero],
        b_ub=np.zeros(int(zero.sum())),
        A_eq=X[~zero],
        b_eq=np.zeros(int((~zero).sum())),
        bounds=(-1.0, 1.0),
    )
    return bool(answer.fun < -1e-7)


def fit(frame: pd.DataFrame, family: FamilyName = "poisson", formula: str = FORMULA) -> Any:
    """Fit, passing over draws whose estimate lies at infinity; that those are refused has its own test."""
    assume(not estimate_lies_at_infinity(design_of(frame, formula), frame["events"].to_numpy(dtype=float)))
    return dw.RateModel(formula, frame, family=family, exposure="bed_days").fit()


def last_year(frame: pd.DataFrame) -> int:
    return int(frame["year"].max())


def assert_same_estimates(one: Any, two: Any) -> None:
    gap = (one.params - two.params[one.params.index]).abs() / one.bse
    assert gap.max() <= IN_STANDARD_ERRORS
    np.testing.assert_allclose(two.bse[one.bse.index], one.bse, rtol=1e-6)


def assert_same_fit(one: Any, two: Any) -> None:
    assert_same_estimates(one, two)
    assert two.llf == pytest.approx(one.llf, rel=1e-10)
    assert two.dispersion == pytest.approx(one.dispersion, rel=1e-5, abs=1e-12)


def assert_same_matrix(one: Any, two: Any, tolerance: float) -> None:
    a, b = np.asarray(one, dtype=float), np.asarray(two, dtype=float)
    scale = np.sqrt(np.outer(np.diag(a), np.diag(a)))
    assert np.abs((a - b) / scale).max() <= tolerance


# ------------------------------------------------------------------------------ the same data, otherwise written


@each_family
@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(family: FamilyName, frame: pd.DataFrame, seed: int) -> None:
    shuffled = frame.sample(frac=1.0, random_state=seed).reset_index(drop=True)
    one, two = fit(frame, family), fit(shuffled, family)
    assert_same_fit(one, two)
    for kind in ("CR1", "CR2"):
        a, b = (result.robust(kind, cluster="provider").cov_params() for result in (one, two))
        assert_same_matrix(a, b, tolerance=1e-5)


@each_family
@few
@given(frame=tables(), factor=st.sampled_from([1e-6, 1e-3, 1.0 / 365.25, 24.0, 1e4]))
def test_the_unit_of_exposure_moves_the_intercept_alone(family: FamilyName, frame: pd.DataFrame, factor: float) -> None:
    one, two = fit(frame, family), fit(frame.assign(bed_days=frame["bed_days"] * factor), family)
    shift = (two.params - one.params) / one.bse
    assert (shift.drop("Intercept").abs() <= IN_STANDARD_ERRORS).all()
    moved = two.params["Intercept"] - one.params["Intercept"]
    assert abs(moved + math.log(factor)) <= IN_STANDARD_ERRORS * one.bse["Intercept"]
    np.testing.assert_allclose(two.bse, one.bse, rtol=1e-6)
    assert two.llf == pytest.approx(one.llf, rel=1e-10)


@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_splitting_rows_of_a_poisson_model(frame: pd.DataFrame, seed: int) -> None:
    """Two half-rows carry what one row carried; the log likelihood changes by the binomial probability of the split.

    CR2 does not change either: it sees a cluster through its scores and its part of the information only. CR1 changes
    by its factor (n - 1) / (n - k) alone.
    """
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.1, 0.9, size=len(frame))
    first = rng.binomial(frame["events"], share)
    halves = [
        frame.assign(events=first, bed_days=frame["bed_days"] * share),
        frame.assign(events=frame["events"] - first, bed_days=frame["bed_days"] * (1.0 - share)),
    ]
    one, two = fit(frame), fit(pd.concat(halves, ignore_index=True))
    assert_same_estimates(one, two)
    assert two.llf == pytest.approx(one.llf + stats.binom.logpmf(first, frame["events"], share).sum(), rel=1e-9)
    cr2 = [result.robust("CR2", cluster="provider") for result in (one, two)]
    assert_same_matrix(cr2[0].cov_params(), cr2[1].cov_params(), tolerance=1e-5)
    np.testing.assert_allclose(np.asarray(cr2[0].degrees_of_freedom), np.asarray(cr2[1].degrees_of_freedom), rtol=1e-5)
    n, k = len(frame), len(one.params)
    factor = ((2 * n - 1) / (2 * n - k)) / ((n - 1) / (n - k))
    cr1 = [np.asarray(result.robust("CR1", cluster="provider").cov_params()) for result in (one, two)]
    assert_same_matrix(cr1[0] * factor, cr1[1], tolerance=1e-5)


@few
@given(frame=tables(), names=st.permutations([f"instelling {i}" for i in range(8)]))
def test_the_names_of_clusters_do_not_matter(frame: pd.DataFrame, names: list[str]) -> None:
    renamed = frame.assign(provider=frame["provider"].map({f"p{i}": name for i, name in enumerate(names)}))
    for kind in ("CR1", "CR2"):
        one, two = (fit(f).robust(kind, cluster="provider") for f in (frame, renamed))
        assert_same_matrix(one.cov_params(), two.cov_params(), tolerance=1e-9)
        np.testing.assert_allclose(np.asarray(one.degrees_of_freedom), np.asarray(two.degrees_of_freedom), rtol=1e-8)


@few
@given(frame=tables())
def test_a_table_twice_has_half_the_variance(frame: pd.DataFrame) -> None:
    one, two = fit(frame), fit(pd.concat([frame, frame], ignore_index=True))
    assert ((one.params - two.params).abs() / one.bse).max() <= IN_STANDARD_ERRORS
    assert_same_matrix(np.asarray(one.cov_params()) / 2.0, two.cov_params(), tolerance=1e-6)
    assert two.llf == pytest.approx(2.0 * one.llf, rel=1e-10)


# -------------------------------------------------------------------------------------------- families that meet


@each_nb
@given(
    y=st.integers(0, 2000),
    eta=st.floats(-3.0, 7.0),
    alpha=st.sampled_from([1e-14, 1e-13, 1e-12, 1e-11, 1e-10]),
)
def test_small_dispersion_is_nearly_poisson(family: FamilyName, y: int, eta: float, alpha: float) -> None:
    # log f = Poisson + alpha d + O(alpha^2), d the derivative at zero, with s = 1 (NB2) or 1 / mu (NB1).
    counts, etas, mu = np.array([float(y)]), np.array([eta]), math.exp(eta)
    slope = ((y - mu) ** 2 - y) / 2.0 * (1.0 if family == "nb2" else 1.0 / mu)
    expected = float(families.loglik("poisson", counts, etas, 0.0)[0]) + alpha * slope
    ours = float(families.loglik(family, counts, etas, alpha)[0])
    curvature = alpha**2 * (y + mu) ** 3 * max(1.0, 1.0 / mu) ** 2
    assert ours == pytest.approx(expected, rel=1e-11, abs=curvature)


@each_nb
@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_without_overdispersion_the_fit_is_the_poisson_fit(family: FamilyName, frame: pd.DataFrame, seed: int) -> None:
    # Counts at the rounded Poisson mean vary less than Poisson: dispersion belongs at 0, exactly.
    level = frame["bed_days"] * np.exp(-5.0 + 0.2 * frame["staffing"])
    calm = frame.assign(events=np.round(level).astype(int))
    assume((calm.groupby("year")["events"].sum() >= 3).all())
    poisson, nb = fit(calm), fit(calm, family)
    assert nb.dispersion == 0.0
    assert nb.certificate.converged
    assert nb.certificate.boundary
    assert_same_estimates(poisson, nb)
    assert nb.llf == pytest.approx(poisson.llf, rel=1e-12)


def test_of_two_maxima_in_the_dispersion_the_higher_one_is_the_estimate() -> None:
    """Dispersion 0 is a local maximum of this profile likelihood (-24.713442), 0.06305 is the maximum (-24.550963).

    Both numbers come from Newton steps in beta at fixed dispersions, apart from this package. The score at zero
    dispersion is negative, so a fit that looks no further stops 0.16 short.
    """
    frame = pd.DataFrame(
        {
            "year": [2021, 2022] * 3,
            "events": [39, 12, 12, 16, 325, 115],
            "bed_days": [2226.0, 677.0, 285.0, 287.0, 8897.0, 2541.0],
            "staffing": [-0.920706, 0.719140, -0.849654, 0.768628, -0.288153, 0.825082],
        }
    )
    poisson = dw.RateModel(FORMULA, frame, family="poisson", exposure="bed_days").fit()
    nb2 = dw.RateModel(FORMULA, frame, family="nb2", exposure="bed_days").fit()
    assert poisson.llf == pytest.approx(-24.713442, abs=1e-6)
    assert nb2.certificate.converged
    assert nb2.llf == pytest.approx(-24.550963, abs=1e-6)
    assert nb2.dispersion == pytest.approx(0.06305, abs=1e-5)


@each_nb
@few
@given(frame=tables())
def test_dispersion_never_costs_likelihood(family: FamilyName, frame: pd.DataFrame) -> None:
    poisson, nb = fit(frame), fit(frame, family)
    assert nb.dispersion >= 0.0
    assert nb.llf >= poisson.llf - 1e-9 * abs(poisson.llf)


# ---------------------------------------------------------------------------------------------------- no maximum at all


@pytest.mark.parametrize("formula", [FORMULA, YEARS_ALONE, INTERACTION])
@given(frame=tables(), thinning=st.sampled_from([0.02, 0.1, 0.4]), seed=st.integers(0, 10**6))
def test_a_fit_is_refused_exactly_when_its_estimate_lies_at_infinity(
    formula: str, frame: pd.DataFrame, thinning: float, seed: int
) -> None:
    sparse = frame.assign(events=np.random.default_rng(seed).binomial(frame["events"], thinning))
    X, y = design_of(sparse, formula), sparse["events"].to_numpy(dtype=float)
    assume(np.linalg.matrix_rank(X) == X.shape[1])
    model = dw.RateModel(formula, sparse, exposure="bed_days")
    if y.sum() == 0 or estimate_lies_at_infinity(X, y):
        with pytest.raises(dw.FitError):
            model.fit()
    else:
        assert np.isfinite(model.fit().params).all()


# -------------------------------------------------------------------------------------- the maximum is a maximum


def log_likelihood_of(frame: pd.DataFrame, family: FamilyName) -> Callable[[Vector], float]:
    """Log likelihood of beta (Poisson) or (beta, alpha), with the design written out here."""
    X, offset = design_of(frame), np.log(frame["bed_days"].to_numpy(dtype=float))
    y, k = frame["events"].to_numpy(dtype=float), X.shape[1]

    def total(theta: Vector) -> float:
        alpha = float(theta[k]) if theta.size > k else 0.0
        return float(np.sum(families.loglik(family, y, X @ theta[:k] + offset, alpha)))

    return total


def free_parameters(result: Any) -> Vector:
    """Where the fit stands; draws whose dispersion is at or near its boundary are passed over."""
    beta = result.params.to_numpy()
    if result.family == "poisson":
        return np.asarray(beta)
    assume(result.dispersion > 0.05)
    assume(result.dispersion > result.dispersion_se)
    return np.append(beta, result.dispersion)


def numeric_gradient(f: Callable[[Vector], float], theta: Vector, steps: Vector) -> Vector:
    """Five-point differences: with steps of a thousandth of a standard error, about ten digits."""

    def at(i: int, step: float) -> float:
        return f(theta + step * steps[i] * np.eye(theta.size)[i])

    rises = [8.0 * (at(i, 1.0) - at(i, -1.0)) - (at(i, 2.0) - at(i, -2.0)) for i in range(theta.size)]
    return np.asarray(np.array(rises) / (12.0 * steps))


def numeric_hessian(f: Callable[[Vector], float], theta: Vector, steps: Vector) -> Matrix:
    """Central second differences; steps of a hundredth of a standard error give about four digits."""
    moves = np.diag(steps)
    rises = [[f(theta + a + b) - f(theta + a - b) - f(theta - a + b) + f(theta - a - b) for b in moves] for a in moves]
    return np.array(rises) / (4.0 * np.outer(steps, steps))


@each_family
@few
@given(frame=tables(min_dispersion=0.3))
def test_the_fit_stands_on_the_top_of_the_likelihood(family: FamilyName, frame: pd.DataFrame) -> None:
    result, f = fit(frame, family), log_likelihood_of(frame, family)
    theta = free_parameters(result)
    assert result.llf == pytest.approx(f(theta), rel=1e-12)
    scale = np.append(result.bse.to_numpy(), 0.5 * result.dispersion)[: theta.size]
    covariance = np.linalg.inv(-numeric_hessian(f, theta, 0.01 * scale))
    step_to_the_top = covariance @ numeric_gradient(f, theta, 0.001 * scale)
    assert np.abs(step_to_the_top / np.sqrt(np.diag(covariance))).max() < 1e-5


@each_family
@few
@given(frame=tables(min_dispersion=0.3))
def test_observed_covariance_is_the_inverse_of_the_curvature(family: FamilyName, frame: pd.DataFrame) -> None:
    result, f = fit(frame, family), log_likelihood_of(frame, family)
    theta = free_parameters(result)
    scale = np.append(result.bse.to_numpy(), 0.5 * result.dispersion)[: theta.size]
    covariance = np.linalg.inv(-numeric_hessian(f, theta, 0.01 * scale))
    k = len(result.params)
    # The differences are good to about 1e-4; collinear draws lose another digit in the inverse.
    assert_same_matrix(covariance[:k, :k], result.cov_params(kind="observed"), tolerance=1e-3)
    if family != "poisson":
        assert result.dispersion_se == pytest.approx(math.sqrt(covariance[k, k]), rel=1e-3)


# --------------------------------------------------------------------------------------------------- rate ratios


@each_family
@few
@given(frame=tables(), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_without_interactions_the_rate_ratio_is_the_exponential_of_its_coefficient(
    family: FamilyName, frame: pd.DataFrame, level: float
) -> None:
    result, after = fit(frame, family), last_year(frame)
    ratio = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=after, level=level)
    name = f"C(year)[T.{after}]"
    half = stats.norm.isf((1.0 - level) / 2.0) * result.bse[name]
    expected = np.exp([result.params[name], result.params[name] - half, result.params[name] + half])
    np.testing.assert_allclose([ratio.estimate, ratio.lower, ratio.upper], expected, rtol=1e-9)
    assert (ratio.level, ratio.scale) == (level, "registered")


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
@few
@given(frame=tables())
def test_the_robust_rate_ratio_uses_its_degrees_of_freedom(kind: str, frame: pd.DataFrame) -> None:
    result, after = fit(frame).robust(kind, cluster="provider"), last_year(frame)
    ratio = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=after)
    name = f"C(year)[T.{after}]"
    df = pd.Series(
        np.broadcast_to(np.asarray(result.degrees_of_freedom, dtype=float), len(result.params)),
        index=result.params.index,
    )[name]
    half = stats.t.isf(0.025, df) * result.bse[name]
    expected = np.exp([result.params[name], result.params[name] - half, result.params[name] + half])
    np.testing.assert_allclose([ratio.estimate, ratio.lower, ratio.upper], expected, rtol=1e-8)


@pytest.mark.parametrize("kind", ["model", "CR1", "CR2"])
@pytest.mark.parametrize("formula", [FORMULA, INTERACTION, TREND])
@few
@given(frame=tables())
def test_swapping_before_and_after_inverts_the_estimate_and_the_interval(
    kind: str, formula: str, frame: pd.DataFrame
) -> None:
    result = fit(frame, formula=formula)
    if kind != "model":
        result = result.robust(kind, cluster="provider")
    forth = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=last_year(frame))
    back = dw.rate_ratio(result, "year", before=last_year(frame), after=FIRST_YEAR)
    np.testing.assert_allclose(
        [back.estimate, back.lower, back.upper],
        [1.0 / forth.estimate, 1.0 / forth.upper, 1.0 / forth.lower],
        rtol=1e-9,
    )


@few
@given(frame=tables())
def test_a_middle_year_chains(frame: pd.DataFrame) -> None:
    # 2021 to last = (2021 to 2022) x (2022 to last); the middle comparison has a contrast of two coefficients.
    assume(last_year(frame) > FIRST_YEAR + 1)
    result = fit(frame).robust("CR2", cluster="provider")
    whole = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=last_year(frame))
    first = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=FIRST_YEAR + 1)
    second = dw.rate_ratio(result, "year", before=FIRST_YEAR + 1, after=last_year(frame))
    assert first.estimate * second.estimate == pytest.approx(whole.estimate, rel=1e-10)


@few
@given(frame=tables())
def test_with_interactions_the_ratio_is_standardised_over_the_fitted_rows(frame: pd.DataFrame) -> None:
    """sum_i mu_i(after) / sum_i mu_i(before) at equal exposure, each row keeping its own covariates and bed-days.

    The interval is the delta method on the log scale; its gradient here is a central difference.
    """
    result, after = fit(frame, formula=INTERACTION), last_year(frame)
    beta = result.params
    staffing = frame["staffing"].to_numpy()

    def log_total(b: pd.Series, year: int) -> float:
        eta = b["Intercept"] + b["staffing"] * staffing
        if year != FIRST_YEAR:
            term = f"C(year)[T.{year}]"
            eta = eta + b[term] + b[f"{term}:staffing"] * staffing
        return float(np.log(np.sum(frame["bed_days"].to_numpy() * np.exp(eta))))

    def log_ratio(b: pd.Series) -> float:
        return log_total(b, after) - log_total(b, FIRST_YEAR)

    step = 1e-5
    gradient = np.array(
        [
            (log_ratio(beta + step * (beta.index == name)) - log_ratio(beta - step * (beta.index == name))) / (2 * step)
            for name in beta.index
        ]
    )
    half = stats.norm.isf(0.025) * math.sqrt(gradient @ np.asarray(result.cov_params()) @ gradient)
    ratio = dw.rate_ratio(result, "year", before=FIRST_YEAR, after=after)
    expected = np.exp(log_ratio(beta) + np.array([0.0, -half, half]))
    np.testing.assert_allclose([ratio.estimate, ratio.lower, ratio.upper], expected, rtol=1e-6)


@few
@given(frame=tables())
def test_with_years_alone_the_ratio_is_the_ratio_of_totals(frame: pd.DataFrame) -> None:
    # Closed form: (events / bed-days after) / (events / bed-days before), log variance 1/Y1 + 1/Y0.
    after = last_year(frame)
    ratio = dw.rate_ratio(fit(frame, formula=YEARS_ALONE), "year", before=FIRST_YEAR, after=after)
    totals = frame.groupby("year")[["events", "bed_days"]].sum()
    rate = totals["events"] / totals["bed_days"]
    half = stats.norm.isf(0.025) * math.sqrt(1.0 / totals["events"][after] + 1.0 / totals["events"][FIRST_YEAR])
    expected = rate[after] / rate[FIRST_YEAR] * np.exp([0.0, -half, half])
    np.testing.assert_allclose([ratio.estimate, ratio.lower, ratio.upper], expected, rtol=1e-8)


@each_family
@few
@given(frame=tables())
def test_predictions_are_rates_times_exposure(family: FamilyName, frame: pd.DataFrame) -> None:
    result = fit(frame, family)
    mean = np.exp(design_of(frame) @ result.params.to_numpy()) * frame["bed_days"].to_numpy()
    np.testing.assert_allclose(np.asarray(result.fittedvalues), mean, rtol=1e-9)
    np.testing.assert_allclose(np.asarray(result.predict()), mean, rtol=1e-9)
    np.testing.assert_allclose(
        np.asarray(result.predict(frame, exposure=1000.0)), mean / frame["bed_days"].to_numpy() * 1000.0, rtol=1e-9
    )


def test_the_adjusted_scale_is_refused_and_says_which_evidence_would_help() -> None:
    frame = pd.DataFrame({"year": [2021, 2021, 2022, 2022], "events": [9, 4, 11, 7], "bed_days": [900.0] * 4})
    result = dw.RateModel("events ~ C(year)", frame, exposure="bed_days").fit()
    with pytest.raises(dw.IdentificationError, match=r"audit|second source|evidence"):
        dw.rate_ratio(result, "year", before=2021, after=2022, scale="adjusted")
