import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2, nbinom

from dwangstats.errors import DomainError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.problem import problem_of
from dwangstats.models.profile import boundary_test, profile_interval, profile_intervals, profile_parameter
from dwangstats.models.rate import RateModel
from dwangstats.numerics.likelihood import Likelihood

CUTOFF = chi2.ppf(0.95, 1)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """14 providers at 5 times; level and trend differ."""
    rng = np.random.default_rng(7)
    provider, time = np.repeat(np.arange(14), 5), np.tile(np.arange(5) / 4.0, 14)
    x, days = rng.normal(size=70), rng.uniform(50, 150, 70).round()
    level, trend = 0.5 * rng.normal(size=14), 0.7 * rng.normal(size=14)
    mean = 0.04 * days * np.exp(0.3 * x + level[provider] + trend[provider] * time)
    frame = pd.DataFrame({"provider": provider, "time": time, "x": x, "days": days})
    return frame.assign(events=rng.poisson(mean), period=np.tile(np.arange(5), 14))


def brute_loglik(frame: pd.DataFrame, b0: float, b1: float, log_sd: float) -> float:
    """Random intercept by the trapezium rule on 400 points, which is exact for a Gaussian tail to rounding."""
    u = np.linspace(-9.0, 9.0, 400)
    eta = b0 + b1 * frame["x"].to_numpy() + np.log(frame["days"].to_numpy())
    eta = eta[:, None] + np.exp(log_sd) * u
    y = frame["events"].to_numpy()[:, None]
    rows = y * eta - np.exp(eta) - gammaln(y + 1.0)
    by_group = np.stack([rows[frame["provider"].to_numpy() == g].sum(axis=0) for g in range(14)])
    density = -0.5 * u**2 - 0.5 * np.log(2.0 * np.pi) + np.log(u[1] - u[0])
    return float(logsumexp(by_group + density, axis=1).sum())


def lost(result: MixedResult, name: str, value: float) -> float:
    """Twice the log likelihood lost with one entry of the parameter vector held, by a general search over the rest."""
    fitted = problem_of(result)
    place = result.parameter_names.index(name)
    likelihood = Likelihood(fitted.problem)
    rest = [i for i in range(fitted.vector.size) if i != place]

    def negative(inner: np.ndarray) -> tuple[float, np.ndarray]:
        loglik, gradient = likelihood(np.insert(inner, place, value))
        return -loglik, -gradient[rest]

    floors = fitted.problem.layout.floors[rest]
    bounds = [(low if np.isfinite(low) else None, None) for low in floors]
    start = np.maximum(fitted.vector[rest], np.where(np.isfinite(floors), 0.05, -np.inf))
    options = {"ftol": 1e-13, "gtol": 1e-6}
    found = minimize(negative, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return 2.0 * (result.llf + float(found.fun))


@pytest.mark.parametrize(("place", "name"), [(1, "x"), (2, "sd provider")])
def test_random_intercept_against_brute_force(panel: pd.DataFrame, place: int, name: str) -> None:
    result = RateModel("events ~ x + (1 | provider)", panel, exposure="days").fit()
    found = profile_parameter(result, name)
    best = np.array([*result.params, np.log(result.random_sd["provider"])])
    top = brute_loglik(panel, *best)

    def loss(value: float) -> float:
        others = np.delete(best, place)

        def negative(rest: np.ndarray) -> float:
            return -brute_loglik(panel, *np.insert(rest, place, value))

        return 2.0 * (top + minimize(negative, others, method="BFGS", options={"gtol": 1e-4}).fun) - CUTOFF

    lower, upper = (brentq(loss, best[place], best[place] + side, xtol=1e-5) for side in (-1.5, 1.5))
    if place == 2:
        lower, upper = np.exp(lower), np.exp(upper)
    # 11 quadrature nodes differ from the integral by 1e-6 here; the rest is the tolerance of the searches
    np.testing.assert_allclose((found.lower, found.upper), (lower, upper), atol=5e-5)


def test_dispersion_against_brute_force(wards: pd.DataFrame) -> None:
    result = RateModel("events ~ 1", wards, family="nb2", exposure="bed_days").fit()
    y, days = wards["events"].to_numpy(), wards["bed_days"].to_numpy()

    def highest(alpha: float) -> float:
        def negative(b: float) -> float:
            return -float(nbinom.logpmf(y, 1 / alpha, 1 / (1 + alpha * days * np.exp(b))).sum())

        return -float(minimize_scalar(negative, bracket=(-5.0, -4.0), tol=1e-9).fun)

    def loss(alpha: float) -> float:
        return 2.0 * (result.llf - highest(alpha)) - CUTOFF

    alpha = result.dispersion
    expected = brentq(loss, alpha / 2, alpha), brentq(loss, alpha, 2 * alpha)
    np.testing.assert_allclose(profile_interval(result, "dispersion"), expected, rtol=1e-5)


def test_wald_and_profile_agree_with_many_events(wards: pd.DataFrame) -> None:
    result = RateModel("events ~ x", wards, exposure="bed_days").fit()
    wald = result.conf_int()
    found = profile_intervals(result)[["lower", "upper"]]
    # 6,000 events: the log likelihood is a parabola to 1e-3 of a standard error
    assert np.all(np.abs(found - wald).max(axis=1) < 0.01 * result.bse)


@pytest.mark.parametrize(
    ("formula", "family", "zero"),
    [
        ("events ~ x + (time | provider)", "poisson", None),
        ("events ~ x + (time || provider)", "poisson", None),
        ("events ~ x + (1 | provider) + (1 | period)", "nb2", None),
        ("events ~ x + (1 | provider)", "nb1", None),
        ("events ~ x + (1 | provider)", "poisson", "~ 1"),
    ],
)
def test_ends_lose_the_cutoff(panel: pd.DataFrame, formula: str, family: str, zero: str | None) -> None:
    if zero is not None:
        silent = np.random.default_rng(1).random(70) < 0.25
        panel = panel.assign(events=panel["events"].where(~silent, 0))
    result = RateModel(formula, panel, family=family, exposure="days", zero=zero).fit()
    for name in result.parameter_names:
        if name.startswith("correlation") or (name == "sd provider[time]" and "(time | provider)" in formula):
            continue
        found = profile_parameter(result, name)
        assert found.lower <= found.estimate <= found.upper
        for end in (found.lower, found.upper):
            loss = lost(result, name, end)
            if found.boundary and end == 0.0:
                assert loss <= CUTOFF
            else:
                # 1e-5 of a standard error at the end, and searches that stop short of their maximum by 1e-5
                assert loss == pytest.approx(CUTOFF, abs=2e-4)


def test_correlation_interval(panel: pd.DataFrame) -> None:
    result = RateModel("events ~ x + (time | provider)", panel, exposure="days").fit()
    name = "correlation provider[Intercept, time]"
    narrow, wide = profile_parameter(result, name, 0.5), profile_parameter(result, name, 0.95)
    assert narrow.estimate == pytest.approx(result.random_correlation["provider[Intercept, time]"])
    assert -1.0 <= wide.lower < narrow.lower < narrow.estimate < narrow.upper <= wide.upper <= 1.0


def test_no_variance_is_one_sided() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"provider": np.repeat(np.arange(20), 10), "events": rng.poisson(5.0, 200)})
    result = RateModel("events ~ 1 + (1 | provider)", frame).fit()
    assert result.random_sd["provider"] == 0.0
    found = profile_parameter(result, "provider")
    assert (found.lower, found.boundary, found.p_boundary) == (0.0, True, 1.0)
    assert 0.0 < found.upper < 0.3
    assert lost(result, "sd provider", found.upper) == pytest.approx(CUTOFF, abs=2e-4)


def test_boundary_test_drops_the_effect_with_its_correlation(panel: pd.DataFrame) -> None:
    larger = RateModel("events ~ x + (time | provider)", panel, exposure="days").fit()
    smaller = RateModel("events ~ x + (1 | provider)", panel, exposure="days", quadrature=1).fit()
    statistic = 2.0 * (larger.llf - smaller.llf)
    expected = 0.5 * chi2.sf(statistic, 1) + 0.5 * chi2.sf(statistic, 2)
    assert boundary_test(larger, "provider[time]") == pytest.approx(expected, rel=1e-4)


def test_unit_of_a_covariate_changes_its_interval_only(panel: pd.DataFrame) -> None:
    one = RateModel("events ~ x + (1 | provider)", panel, exposure="days").fit()
    other = RateModel("events ~ x + (1 | provider)", panel.assign(x=1000.0 * panel["x"]), exposure="days").fit()
    np.testing.assert_allclose(np.array(profile_interval(other, "x")) * 1000.0, profile_interval(one, "x"), rtol=1e-5)


def test_conf_int_takes_the_profile(panel: pd.DataFrame) -> None:
    result = RateModel("events ~ x + (1 | provider)", panel, exposure="days").fit()
    assert tuple(result.conf_int(0.9, "profile").loc["x"]) == profile_interval(result, "x", 0.9)


def test_one_parameter_alone() -> None:
    result = RateModel("events ~ 1", pd.DataFrame({"events": [0, 0, 0, 1, 0, 0]})).fit()

    def loss(log_mean: float) -> float:
        return 2.0 * (result.llf - (log_mean - 6.0 * np.exp(log_mean))) - CUTOFF

    expected = brentq(loss, -8.0, np.log(1 / 6)), brentq(loss, np.log(1 / 6), 2.0)
    np.testing.assert_allclose(profile_interval(result, "Intercept"), expected, atol=1e-4)


def test_refusals(panel: pd.DataFrame) -> None:
    result = RateModel("events ~ x", panel, exposure="days").fit()
    with pytest.raises(DomainError, match=r"no parameter z.*Intercept, x"):
        profile_interval(result, "z")
    with pytest.raises(DomainError, match="level"):
        profile_interval(result, "x", 95.0)
    with pytest.raises(DomainError, match="no boundary"):
        boundary_test(result, "x")
    with pytest.raises(DomainError, match=r"clusters.*CR1"):
        profile_interval(result.robust("CR1"), "x")
