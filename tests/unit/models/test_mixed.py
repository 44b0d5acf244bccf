from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

import dwangstats as dw
from dwangstats._types import FamilyName
from dwangstats.errors import DataError, DomainError, FitError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from dwangstats.models.ratios import rate_ratio
from dwangstats.models.results import RateResult
from unit.models.mixed_worlds import brute_force_loglik, visits

RI = "events ~ time + setting + (1 | provider)"


def fit(formula: str = RI, frame: pd.DataFrame | None = None, **options: object) -> MixedResult:
    data = visits() if frame is None else frame
    result = RateModel(formula, data, exposure="bed_days", **options).fit()  # type: ignore[arg-type]
    assert isinstance(result, MixedResult)
    return result


@pytest.fixture(scope="module")
def simple() -> MixedResult:
    return fit()


@pytest.fixture(scope="module")
def slopes() -> MixedResult:
    return fit("events ~ time + (time | provider)", visits(slope=0.8), family="nb2")


def test_it_is_the_maximum_of_the_marginal_likelihood(simple: MixedResult) -> None:
    design, codes = simple.design, simple.design.random[0].codes

    def loglik(beta: np.ndarray, sd: float) -> float:
        eta = design.X @ beta + design.log_exposure
        return float(brute_force_loglik(design.y, eta, codes, sd).sum())

    beta, sd = simple.params.to_numpy(), simple.random_sd["provider"]
    # Quadrature of 11 adaptive nodes: its own error estimate is below 1e-7 here.
    assert simple.llf == pytest.approx(loglik(beta, sd), abs=1e-6)
    for place in range(beta.size):
        for sign in (-1.0, 1.0):
            moved = beta.copy()
            moved[place] += sign * 0.3 * simple.bse.iloc[place]
            assert loglik(moved, sd) < simple.llf
    assert max(loglik(beta, sd * 0.95), loglik(beta, sd * 1.05)) < simple.llf


def test_every_public_name_of_a_rate_result_is_there(simple: MixedResult) -> None:
    names = {name for name in dir(RateResult) if not name.startswith("_")}
    assert names <= set(dir(simple))


def test_standard_errors_are_from_the_hessian_over_all_parameters(simple: MixedResult) -> None:
    k = len(simple.params)
    whole = np.linalg.inv(simple.fit.information)
    np.testing.assert_allclose(simple.cov_params(), whole[:k, :k], rtol=1e-9)
    np.testing.assert_allclose(simple.cov_params("observed"), simple.cov_params(), rtol=1e-12)
    np.testing.assert_allclose(np.diag(simple.cov_parameters())[:k], simple.bse**2, rtol=1e-12)
    assert simple.cov_parameters().index[-1] == "log sd provider"
    with pytest.raises(DomainError, match="kind must be 'observed'"):
        simple.cov_params("expected")  # type: ignore[arg-type]


def test_criteria_count_all_parameters(simple: MixedResult) -> None:
    assert simple.aic == pytest.approx(-2.0 * simple.llf + 2.0 * 4)
    assert simple.bic == pytest.approx(-2.0 * simple.llf + 4 * np.log(240))
    assert simple.parameter_names == ("Intercept", "time", "setting[T.open]", "sd provider")
    assert simple.parameters["sd provider"] == simple.random_sd["provider"]


def test_intervals(simple: MixedResult) -> None:
    wald = simple.conf_int(0.9)
    np.testing.assert_allclose(wald["upper"] - wald["lower"], 2.0 * 1.6448536269514722 * simple.bse, rtol=1e-12)
    with pytest.raises(DomainError, match="level"):
        simple.conf_int(1.0)
    with pytest.raises(DomainError, match="'wald', 'profile' or 'bootstrap'"):
        simple.conf_int(method="exact")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="give rng="):
        simple.conf_int(method="bootstrap")


def test_profile_intervals_are_close_to_wald_for_coefficients(simple: MixedResult) -> None:
    profile, wald = simple.conf_int(method="profile"), simple.conf_int()
    assert ((profile - wald).abs().max(axis=1) < 0.15 * simple.bse).all()


def test_bootstrap_interval(simple: MixedResult) -> None:
    found = simple.conf_int(0.8, "bootstrap", draws=19, rng=1)
    assert list(found.index) == list(simple.params.index)
    assert (found["lower"] < simple.params).all()
    assert (found["upper"] > simple.params).all()


def test_correlated_slopes(slopes: MixedResult) -> None:
    assert set(slopes.random_sd) == {"provider", "provider[time]"}
    assert set(slopes.random_correlation) == {"provider[Intercept, time]"}
    covariance = slopes.fit.covariances[0]
    assert slopes.random_sd["provider[time]"] == pytest.approx(np.sqrt(covariance[1, 1]))
    assert slopes.parameters["correlation provider[Intercept, time]"] == pytest.approx(
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    )
    assert slopes.nodes == 1
    assert np.isfinite(slopes.dispersion_se) or "dispersion" in slopes.certificate.boundary


def test_robust_by_provider(simple: MixedResult) -> None:
    robust = simple.robust("CR1", cluster="provider")
    assert robust.cov_type == "CR1"
    assert (robust.degrees_of_freedom == 29).all()
    design, codes, k = simple.design, simple.design.random[0].codes, len(simple.params)
    at = np.r_[simple.params.to_numpy(), np.log(simple.random_sd["provider"])]

    def by_group(vector: np.ndarray) -> np.ndarray:
        return brute_force_loglik(design.y, design.X @ vector[:k] + design.log_exposure, codes, np.exp(vector[k]))

    steps = 1e-4 * np.eye(k + 1)
    scores = np.column_stack([(by_group(at + step) - by_group(at - step)) / 2e-4 for step in steps])
    bread = simple.cov_parameters().to_numpy()
    expected = bread @ (scores.T @ scores) @ bread * 30 / 29
    # Central differences of the brute-force likelihood err by about 1e-7.
    np.testing.assert_allclose(robust.cov_parameters(), expected, rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(robust.params, simple.params)


def test_clusters_hold_groups_whole(simple: MixedResult) -> None:
    with pytest.raises(DomainError, match=r"30 of 30 groups of provider .* several clusters"):
        simple.robust("CR1", cluster="setting")
    halves = simple.design.random[0].codes // 2
    assert simple.robust("CR1", cluster=halves).covariance.clusters == 15
    with pytest.raises(DomainError, match="must be 'CR1'"):
        simple.robust("CR2")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no column"):
        simple.robust("CR1", cluster="region")


def test_crossed_effects_have_no_independent_groups() -> None:
    with pytest.raises(DomainError, match="crossed"):
        fit("events ~ 1 + (1 | provider) + (1 | time)").robust("CR1")


def test_rate_ratio_of_a_random_intercept_model() -> None:
    result = fit("events ~ C(year) + (1 | provider)")
    ratio = rate_ratio(result, "year", before=2021, after=2022)
    assert ratio.estimate == pytest.approx(np.exp(result.params["C(year)[T.2022]"]), rel=1e-12)
    interval = np.exp(result.conf_int().loc["C(year)[T.2022]"])
    assert (ratio.lower, ratio.upper) == pytest.approx(tuple(interval), rel=1e-9)
    assert ratio.unit == "ratio of registered rates per bed_day"
    clustered = rate_ratio(result.robust("CR1"), "year", before=2021, after=2022)
    expected = np.exp(result.robust("CR1").conf_int().loc["C(year)[T.2022]"])
    assert (clustered.lower, clustered.upper) == pytest.approx(tuple(expected), rel=1e-9)


def test_rate_ratio_and_population_averages_coincide_for_random_intercepts() -> None:
    result = fit("events ~ C(year) * setting + (1 | provider)")
    frame = result.design.frame
    totals = {
        (year, random): result.predict(frame.assign(year=year), random=random).sum()  # type: ignore[arg-type]
        for year in (2021, 2022)
        for random in ("zero", "integrated")
    }
    ratio = rate_ratio(result, "year", before=2021, after=2022).estimate
    assert ratio == pytest.approx(totals[2022, "zero"] / totals[2021, "zero"], rel=1e-9)
    assert ratio == pytest.approx(totals[2022, "integrated"] / totals[2021, "integrated"], rel=1e-9)


def test_rate_ratio_with_random_slopes_says_which_it_is(slopes: MixedResult) -> None:
    ratio = rate_ratio(slopes, "time", before=0.0, after=0.75)
    assert ratio.estimate == pytest.approx(np.exp(0.75 * slopes.params["time"]), rel=1e-12)
    assert "within a group whose random effects are 0" in ratio.unit


def test_rate_ratio_with_extra_zeros_counts_them() -> None:
    frame = visits(groups=60)
    rng = np.random.default_rng(1)
    drop = rng.random(len(frame)) < np.where(frame["setting"] == "open", 0.5, 0.2)
    result = fit(RI, frame.assign(events=frame["events"].where(~drop, 0)), zero="~ setting")
    ratio = rate_ratio(result, "setting", before="closed", after="open")
    means = {s: result.predict(frame.assign(setting=s), random="zero").sum() for s in ("closed", "open")}
    assert ratio.estimate == pytest.approx(means["open"] / means["closed"], rel=1e-9)

    def log_ratio(vector: np.ndarray) -> float:
        moved = replace(result, fit=replace(result.fit, beta=vector[:3], zero_beta=vector[3:]))
        return float(np.log(rate_ratio(moved, "setting", before="closed", after="open").estimate))

    at = np.r_[result.fit.beta, result.fit.zero_beta]
    gradient = np.array([(log_ratio(at + s) - log_ratio(at - s)) / 2e-5 for s in 1e-5 * np.eye(at.size)])
    spread = np.sqrt(gradient @ result.mean_covariance() @ gradient)
    # The contrast is analytic, the reference a central difference.
    assert np.log(ratio.upper / ratio.lower) == pytest.approx(2.0 * 1.959963984540054 * spread, rel=1e-6)


def test_extra_zeros_without_random_terms() -> None:
    frame = visits(sd=0.0)
    rng = np.random.default_rng(2)
    result = fit("events ~ time", frame.assign(events=frame["events"].where(rng.random(240) > 0.3, 0)), zero="~ 1")
    assert result.certificate.converged
    assert dict(result.random_sd) == {}
    assert result.random_effects.empty
    share = 1.0 / (1.0 + np.exp(-result.zero_params.loc["Intercept", "estimate"]))
    assert share == pytest.approx(0.3, abs=0.1)
    assert "Logit of the probability of an extra zero" in result.summary()
    with pytest.raises(DomainError, match="without random terms"):
        result.robust("CR1", cluster="provider")


def test_refit_from_elsewhere_comes_back(simple: MixedResult) -> None:
    again = simple.refit(start=simple.fit.vector + np.array([0.3, -0.3, 0.3, 0.2]))
    # A refit stops at a slope of 1e-3 standard errors.
    assert again.loglik == pytest.approx(simple.llf, abs=1e-5)
    counts = simple.simulate(5)
    other = simple.refit(y=counts)
    first = fit(RI, visits().assign(events=counts))
    assert other.loglik == pytest.approx(first.llf, abs=1e-5)


def test_a_failed_fit_withholds_its_numbers(simple: MixedResult) -> None:
    failed = replace(simple, certificate=replace(simple.certificate, converged=False))
    for name in ("params", "bse", "llf", "random_sd", "random_effects", "dispersion", "parameters", "pvalues"):
        with pytest.raises(FitError, match="not certified"):
            getattr(failed, name)
    for call in (failed.predict, failed.robust, failed.variance_components, failed.table, lambda: failed.simulate(1)):
        with pytest.raises(FitError, match="not certified"):
            call()
    text = failed.summary()
    assert "FAILED" in text.splitlines()[0]
    assert "0." not in text.split("certificate")[0].replace("dwangstats 0.", "")
    forced = replace(failed, force=True)
    np.testing.assert_array_equal(forced.params, simple.params)
    assert "FAILED" in forced.summary()


def test_summary(slopes: MixedResult) -> None:
    text = slopes.summary()
    for words in (
        "Mixed rate model",
        "(time | provider)",
        "provider 30",
        "Laplace",
        "sd provider[time]",
        "certificate",
    ):
        assert words in text
    assert repr(slopes).startswith("<MixedResult nb2 'events ~ time + (time | provider)', 240 rows, model covariance")
    assert str(slopes) == text


def test_quadrature_as_asked() -> None:
    assert fit().nodes == 11
    assert "adaptive quadrature, 11 nodes" in fit().summary()
    laplace = fit(quadrature=1)
    assert laplace.nodes == 1
    assert fit(quadrature=25).llf == pytest.approx(fit().llf, abs=1e-6)
    assert laplace.llf != pytest.approx(fit().llf, abs=1e-6)


@pytest.mark.parametrize(
    ("formula", "quadrature", "words"),
    [
        ("events ~ time", 11, "belongs to random terms"),
        ("events ~ time + (time | provider)", 11, "one random term with one effect"),
        ("events ~ time + (1 | provider)", 0, "quadrature=0"),
    ],
)
def test_quadrature_that_is_not_offered(formula: str, quadrature: int, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        RateModel(formula, visits(), quadrature=quadrature)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
@pytest.mark.parametrize(
    "random",
    [
        "(1 | provider)",
        "(1 | provider/setting)",
        "(time || provider)",
        "(1 | provider) + (1 | year)",
        "(0 + time | provider)",
    ],
)
def test_all_structures_and_families_converge(family: FamilyName, random: str) -> None:
    result = fit(f"events ~ time + {random}", visits(slope=0.4), family=family)
    assert result.certificate.converged, str(result.certificate)
    assert np.isfinite(result.bse).all()


def test_a_panel_and_other_frames(simple: MixedResult) -> None:
    rows = visits().groupby(["provider", "year"], as_index=False)[["events", "bed_days"]].sum()
    panel = dw.Panel.from_frame(rows, provider="provider", period="year", events="events", exposure="bed_days")
    one = RateModel("C(year) + (1 | provider)", panel).fit()
    two = RateModel("events ~ C(year) + (1 | provider)", pl.DataFrame(rows.to_dict("list")), exposure="bed_days").fit()
    # The same arrays in another order of rows.
    np.testing.assert_allclose(one.params, two.params, rtol=1e-8)


def test_no_extra_zeros_is_said() -> None:
    frame = visits(groups=60).assign(events=lambda f: f["events"] + 3)
    with pytest.raises(FitError, match="The data show no extra zeros: 0 of 480 counts are 0"):
        fit(RI, frame, zero="~ 1")
