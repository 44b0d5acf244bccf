"""Data on which mixed models are known to fail in silence; each must end well or say what is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats._types import FamilyName
from dwangstats.errors import DataError, FitError, FormulaError
from dwangstats.models.bootstrap import bootstrap
from dwangstats.models.mixed import MixedResult
from dwangstats.models.profile import profile_interval
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult
from unit.models.mixed_worlds import brute_force_loglik, visits


def fit(formula: str, frame: pd.DataFrame, **options: object) -> MixedResult:
    result = RateModel(formula, frame, **options).fit()  # type: ignore[arg-type]
    assert isinstance(result, MixedResult)
    assert result.certificate.converged, str(result.certificate)
    return result


def test_no_differences_between_providers() -> None:
    """Sigma 0: the estimate is 0 exactly, said, and everything else is that of the plain model."""
    frame = visits(sd=0.0, seed=2)
    result = fit("events ~ time + (1 | provider)", frame, exposure="bed_days")
    plain = RateModel("events ~ time", frame, exposure="bed_days").fit()
    assert isinstance(plain, RateResult)
    assert result.random_sd["provider"] == 0.0
    assert result.certificate.boundary == ("sd provider",)
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-8)
    np.testing.assert_allclose(result.bse, plain.bse, rtol=1e-6)
    assert result.llf == pytest.approx(plain.llf, rel=1e-12)
    assert (result.random_effects["estimate"] == 0.0).all()
    components = result.variance_components().iloc[0]
    assert components["lower"] == 0.0
    assert components["upper"] > 0.05
    assert components["p_boundary"] == 1.0
    assert "at the boundary: sd provider" in result.summary()
    # Without random effects the sandwich is that of the plain model, but for the factor for small samples; its bread is
    # a difference of gradients.
    clustered = result.robust("CR1", cluster="provider").cov_params() * 239 / 238
    np.testing.assert_allclose(clustered, plain.robust("CR1", cluster="provider").cov_params(), rtol=1e-4)


@pytest.mark.parametrize("random", ["(time | provider)", "(time || provider)", "(1 | provider/setting)"])
def test_no_differences_in_larger_structures(random: str) -> None:
    result = fit(f"events ~ time + {random}", visits(sd=0.0, seed=2), exposure="bed_days")
    assert result.certificate.boundary
    assert np.isfinite(result.bse).all()
    assert np.isfinite(result.random_effects).all(axis=None)
    assert "at the boundary" in result.summary()


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_negative_binomial_on_poisson_counts(family: FamilyName) -> None:
    frame = visits(seed=6)
    poisson = fit("events ~ time + (1 | provider)", frame, exposure="bed_days")
    result = fit("events ~ time + (1 | provider)", frame, exposure="bed_days", family=family)
    assert 0.0 <= result.dispersion < 0.02
    assert result.llf >= poisson.llf - 1e-8
    np.testing.assert_allclose(result.params, poisson.params, atol=0.2 * poisson.bse.max())
    if result.dispersion == 0.0:
        assert "dispersion" in result.certificate.boundary
        assert np.isnan(result.dispersion_se)
        assert result.llf == pytest.approx(poisson.llf, rel=1e-10)


def test_few_small_counts_per_provider_need_quadrature() -> None:
    """Mean 0.2, two periods, sigma 1: Laplace is biased, and 11 nodes or more are exact."""
    rng = np.random.default_rng(1)
    groups = 2000
    frame = pd.DataFrame({"provider": np.repeat(np.arange(groups), 2)})
    level = rng.normal(0.0, 1.0, groups)
    frame["events"] = rng.poisson(0.2 * np.exp(-0.5 + np.repeat(level, 2)))
    exact = fit("events ~ 1 + (1 | provider)", frame)
    laplace = fit("events ~ 1 + (1 | provider)", frame, quadrature=1)
    sd, codes = exact.random_sd["provider"], frame["provider"].to_numpy()
    eta = np.full(2 * groups, exact.params.iloc[0])
    reference = brute_force_loglik(frame["events"].to_numpy(), eta, codes, sd).sum()
    assert exact.llf == pytest.approx(reference, abs=1e-3)
    low = brute_force_loglik(frame["events"].to_numpy(), eta, codes, 0.97 * sd).sum()
    high = brute_force_loglik(frame["events"].to_numpy(), eta, codes, 1.03 * sd).sum()
    assert max(low, high) < reference
    assert laplace.random_sd["provider"] > 1.05 * sd
    assert laplace.params.iloc[0] < exact.params.iloc[0] - 0.02
    assert "Laplace" in laplace.summary()


def test_few_groups_with_many_large_counts() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"provider": np.repeat(list("abcdefgh"), 300), "x": rng.normal(size=2400)})
    level = np.repeat(rng.normal(0.0, 0.4, 8), 300)
    frame["events"] = rng.poisson(5000.0 * np.exp(level + 0.1 * frame["x"]))
    result = fit("events ~ x + (1 | provider)", frame)
    assert result.params["x"] == pytest.approx(0.1, abs=5.0 * result.bse["x"])
    # The maximum likelihood estimate of the spread of eight known levels.
    assert result.random_sd["provider"] == pytest.approx(np.std(level[::300]), rel=0.02)
    assert result.bse["Intercept"] == pytest.approx(result.random_sd["provider"] / np.sqrt(8.0), rel=0.01)


def test_providers_without_any_event() -> None:
    frame = visits(seed=3)
    silent = frame["provider"].isin(["p00", "p01", "p02", "p03"])
    result = fit(
        "events ~ time + (1 | provider)", frame.assign(events=frame["events"].where(~silent, 0)), exposure="bed_days"
    )
    effects = result.random_effects
    assert np.isfinite(effects).all(axis=None)
    assert (
        effects.loc[["p00", "p01", "p02", "p03"], "estimate"].max()
        < effects["estimate"].drop(["p00", "p01", "p02", "p03"]).min()
    )
    assert (result.predict()[silent] > 0.0).all()


def test_no_events_at_all() -> None:
    with pytest.raises(FitError, match="All 240 counts are 0"):
        RateModel("events ~ time + (1 | provider)", visits().assign(events=0), exposure="bed_days").fit()


def test_exposures_over_five_orders_of_magnitude() -> None:
    rng = np.random.default_rng(5)
    frame = visits().assign(bed_days=10.0 ** rng.uniform(1.0, 6.0, 240))
    level = np.repeat(rng.normal(0.0, 0.4, 30), 8)
    frame["events"] = rng.poisson(0.01 * frame["bed_days"] * np.exp(level + 0.3 * frame["time"]))
    result = fit("events ~ time + (1 | provider)", frame, exposure="bed_days")
    assert result.params["time"] == pytest.approx(0.3, abs=5.0 * result.bse["time"])
    assert result.random_sd["provider"] == pytest.approx(0.4, rel=0.4)


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_counts_of_a_million(family: FamilyName) -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"provider": np.repeat(np.arange(12), 6), "time": np.tile(np.arange(6) / 6.0, 12)})
    level = np.repeat(rng.normal(0.0, 0.3, 12), 6)
    spread = rng.gamma(50.0, 1 / 50.0, 72) if family != "poisson" else 1.0
    frame["events"] = rng.poisson(1e6 * np.exp(level + 0.1 * frame["time"]) * spread)
    result = fit("events ~ time + (1 | provider)", frame, family=family)
    assert result.params["Intercept"] == pytest.approx(np.log(1e6), abs=0.4)
    assert result.params["time"] == pytest.approx(0.1, abs=5.0 * result.bse["time"])


def test_a_covariate_that_sets_rows_without_events_apart() -> None:
    frame = visits()
    closed = frame["setting"] == "closed"
    with pytest.raises(FitError) as caught:
        RateModel(
            "events ~ setting + (1 | provider)",
            frame.assign(events=frame["events"].where(closed, 0)),
            exposure="bed_days",
        ).fit()
    text = str(caught.value)
    first = ", ".join(str(row) for row in frame.index[~closed][:5])
    assert f"{int((~closed).sum())} of 240 rows (rows {first} and" in text
    assert "setting[T.open]" in text


def test_columns_that_follow_from_each_other_are_named() -> None:
    frame = visits().assign(months=lambda f: 12.0 * f["time"] + 3.0)
    with pytest.raises(FormulaError, match="months follows from Intercept, time"):
        RateModel("events ~ time + months + (1 | provider)", frame, exposure="bed_days")


@pytest.mark.parametrize(
    "relabel",
    [
        lambda ids: ids,
        lambda ids: pd.Categorical(ids, categories=[*sorted(set(ids), reverse=True), "nobody"]),
        lambda ids: pd.array(ids, dtype="string"),
        lambda ids: pd.Series(ids).str[1:].astype(int).to_numpy() * 1000,
    ],
)
def test_rows_in_any_order_and_ids_of_any_kind(relabel: object) -> None:
    frame = visits()
    one = fit("events ~ time + (1 | provider)", frame, exposure="bed_days")
    mixed = frame.sample(frac=1.0, random_state=3)
    two = fit(
        "events ~ time + (1 | provider)",
        mixed.assign(provider=relabel(mixed["provider"].to_numpy())),  # type: ignore[operator]
        exposure="bed_days",
    )
    np.testing.assert_allclose(two.params, one.params, rtol=1e-8)
    np.testing.assert_allclose(
        np.sort(two.random_effects["estimate"]), np.sort(one.random_effects["estimate"]), atol=1e-8
    )
    np.testing.assert_allclose(two.predict()[frame.index], one.predict(), rtol=1e-7)


def test_one_provider() -> None:
    with pytest.raises(DataError, match=r"All 240 rows are in one group of provider.* Leave the random term"):
        RateModel("events ~ time + (1 | provider)", visits().assign(provider="p"), exposure="bed_days")


def test_one_row_per_provider() -> None:
    """A random effect per row is a lognormal overdispersion; the likelihood is a product of one-dimensional ones."""
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"provider": np.arange(400), "x": rng.normal(size=400)})
    frame["events"] = rng.poisson(np.exp(1.5 + 0.2 * frame["x"] + rng.normal(0.0, 0.6, 400)))
    result = fit("events ~ x + (1 | provider)", frame)
    sd = result.random_sd["provider"]
    reference = brute_force_loglik(
        result.design.y, result.design.X @ result.params.to_numpy(), result.design.random[0].codes, sd
    )
    assert result.llf == pytest.approx(reference.sum(), abs=1e-4)
    assert sd == pytest.approx(0.6, abs=0.15)


def test_a_calendar_year_as_it_is_written() -> None:
    frame = visits()
    raw = fit("events ~ year + (1 | provider)", frame, exposure="bed_days")
    centred = fit("events ~ year + (1 | provider)", frame.assign(year=frame["year"] - 2021), exposure="bed_days")
    assert raw.llf == pytest.approx(centred.llf, rel=1e-12)
    assert raw.params["year"] == pytest.approx(centred.params["year"], rel=1e-7)
    assert raw.bse["year"] == pytest.approx(centred.bse["year"], rel=1e-5)


@pytest.fixture(scope="module")
def years() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    provider, time = np.repeat(np.arange(24), 6), np.tile(2021.0 + np.arange(6) / 2, 24)
    mean = 80.0 * np.exp(rng.normal(0.0, 0.6, 24)[provider] + rng.normal(0.0, 0.12, 24)[provider] * (time - 2022.25))
    return pd.DataFrame({"events": rng.poisson(mean), "time": time, "provider": provider.astype(str)})


@pytest.fixture(scope="module")
def written(years: pd.DataFrame) -> tuple[MixedResult, MixedResult, np.ndarray]:
    """A slope on years as they are written, the same on centred years, and what takes the latter's effects to it."""
    far = RateModel("events ~ time + (time | provider)", years).fit()
    near = RateModel("events ~ time + (center(time) | provider)", years).fit()
    assert far.certificate.converged
    assert near.certificate.converged
    return far, near, np.array([[1.0, -years["time"].mean()], [0.0, 1.0]])


def test_a_slope_on_a_calendar_year_fits_as_on_a_centred_one(written) -> None:
    far, near, to_far = written
    assert far.llf == pytest.approx(near.llf, rel=1e-12)
    assert 0.05 < far.random_sd["provider[time]"] < 0.25
    # estimates stop within 1e-6 standard errors, and the covariance with the year 0 is 2022 times larger
    covariance = to_far @ near.fit.covariances[0] @ to_far.T
    np.testing.assert_allclose(far.fit.covariances[0], covariance, rtol=1e-6)
    np.testing.assert_allclose(far.fit.modes[0], near.fit.modes[0] @ to_far.T, rtol=1e-6, atol=1e-6)
    spread = to_far @ near.fit.mode_covariances[0] @ to_far.T
    np.testing.assert_allclose(far.fit.mode_covariances[0], spread, rtol=1e-5)
    np.testing.assert_allclose(far.params, near.params, rtol=1e-6)
    np.testing.assert_allclose(far.bse, near.bse, rtol=1e-4)


def test_predictions_do_not_know_where_the_years_begin(written) -> None:
    far, near, _ = written
    np.testing.assert_allclose(far.fittedvalues, near.fittedvalues, rtol=1e-7)
    rows = far.design.frame.iloc[[0, 7, 50]].assign(time=2024.5)
    np.testing.assert_allclose(far.predict(rows), near.predict(rows), rtol=1e-6)


def test_an_interval_of_a_slope_does_not_know_where_the_years_begin(written) -> None:
    far, near, _ = written
    for name, centred in (("sd provider[time]", "sd provider[center(time)]"), ("time", "time")):
        one, other = profile_interval(far, name), profile_interval(near, centred)
        assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), rel=1e-4)


def test_a_bootstrap_of_years_as_they_are_written(written) -> None:
    far, _, _ = written
    drawn = bootstrap(far, draws=8, rng=3, workers=1)
    assert drawn.failed == 0
    assert 0.0 < drawn.draws["sd provider[time]"].mean() < 0.4


def test_an_uncorrelated_slope_on_a_calendar_year_is_not_changed(years: pd.DataFrame) -> None:
    """Centring would make another model of it: what is asked for is fitted, and its failure tells what to write."""
    raw = RateModel("events ~ time + (time || provider)", years).fit(force=True)
    near = RateModel("events ~ time + (center(time) || provider)", years).fit()
    assert near.certificate.converged
    assert raw.fit.loglik < near.llf - 0.5
    failed = replace(raw, certificate=replace(raw.certificate, converged=False), force=False)
    with pytest.raises(FitError, match=r"write center\(x\)"):
        _ = failed.params
    correlated = RateModel("events ~ time + (time | provider)", years).fit()
    withheld = replace(correlated, certificate=replace(correlated.certificate, converged=False))
    with pytest.raises(FitError) as caught:
        _ = withheld.params
    assert "center" not in str(caught.value)
