import numpy as np
import pandas as pd
import pytest

from dwangstats._types import FamilyName
from dwangstats.errors import DataError, DomainError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from unit.models.mixed_worlds import visits


def fit(formula: str, frame: pd.DataFrame, **options: object) -> MixedResult:
    result = RateModel(formula, frame, exposure="bed_days", **options).fit()  # type: ignore[arg-type]
    assert isinstance(result, MixedResult)
    return result


@pytest.fixture(scope="module")
def slopes() -> MixedResult:
    return fit("events ~ time + setting + (time | provider)", visits(slope=0.8))


def test_fitted_rows_and_the_same_rows_as_new(slopes: MixedResult) -> None:
    for random in ("conditional", "zero", "integrated"):
        fitted = slopes.predict(random=random)  # type: ignore[arg-type]
        new = slopes.predict(visits(slope=0.8), random=random)  # type: ignore[arg-type]
        pd.testing.assert_series_equal(fitted, new)
    pd.testing.assert_series_equal(slopes.fittedvalues, slopes.predict())


def test_what_the_three_are(slopes: MixedResult) -> None:
    frame = slopes.design.frame
    zero = slopes.design.X @ slopes.params.to_numpy() + np.log(frame["bed_days"])
    np.testing.assert_allclose(slopes.predict(random="zero"), np.exp(zero), rtol=1e-12)
    effects = slopes.random_effects["estimate"]
    own = np.column_stack([effects.loc["provider", e].loc[frame["provider"]] for e in ("Intercept", "time")])
    np.testing.assert_allclose(
        slopes.predict(), np.exp(zero + own[:, 0] + own[:, 1] * frame["time"].to_numpy()), rtol=1e-12
    )
    covariance = slopes.fit.covariances[0]
    z = np.column_stack([np.ones(len(frame)), frame["time"]])
    variance = np.einsum("ij,jk,ik->i", z, covariance, z)
    np.testing.assert_allclose(slopes.predict(random="integrated"), np.exp(zero + 0.5 * variance), rtol=1e-12)


def test_exposure_as_a_number(slopes: MixedResult) -> None:
    per_thousand = slopes.predict(exposure=1000.0)
    np.testing.assert_allclose(per_thousand, slopes.predict() * 1000.0 / slopes.design.frame["bed_days"], rtol=1e-12)
    new = slopes.design.frame.drop(columns="bed_days")
    np.testing.assert_allclose(slopes.predict(new, exposure=1000.0), per_thousand, rtol=1e-12)
    with pytest.raises(DomainError, match="positive number"):
        slopes.predict(exposure=0.0)
    with pytest.raises(DataError, match="bed_days"):
        slopes.predict(new)


def test_groups_that_were_not_fitted(slopes: MixedResult) -> None:
    new = slopes.design.frame.head(3).assign(provider=["p00", "new", "other"])
    with pytest.raises(DataError, match=r"2 of 3 rows .* without fitted rows: new, other.*random='zero'"):
        slopes.predict(new)
    assert slopes.predict(new, random="zero").notna().all()
    assert slopes.predict(new.drop(columns="provider").assign(provider="?"), random="integrated").notna().all()


def test_options_that_do_not_exist(slopes: MixedResult) -> None:
    with pytest.raises(DomainError, match="'conditional', 'zero' or 'integrated'"):
        slopes.predict(random="marginal")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="'new' or 'conditional'"):
        slopes.simulate(1, random="zero")  # type: ignore[arg-type]


def test_simulated_counts_have_the_predicted_means(slopes: MixedResult) -> None:
    rng = np.random.default_rng(7)
    new = np.mean([slopes.simulate(rng) for _ in range(400)])
    own = np.mean([slopes.simulate(rng, random="conditional") for _ in range(400)])
    # Relative standard error of the mean over 400 draws: 30 providers with a spread of about 0.7, so 0.7/sqrt(12000).
    assert new == pytest.approx(slopes.predict(random="integrated").mean(), rel=0.03)
    assert own == pytest.approx(slopes.predict().mean(), rel=0.01)


def test_simulation_repeats_with_its_seed(slopes: MixedResult) -> None:
    one, two = slopes.simulate(3), slopes.simulate(np.random.default_rng(3))
    pd.testing.assert_series_equal(one, two)
    assert one.name == "events"
    assert (one == one.round()).all()


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_simulated_spread_with_extra_zeros(family: FamilyName) -> None:
    frame = visits(sd=0.3)
    rng = np.random.default_rng(1)
    counts = np.where(rng.random(240) < 0.3, 0, rng.poisson(frame["events"] * rng.gamma(3.0, 1 / 3.0, 240)))
    result = fit("events ~ time + (1 | provider)", frame.assign(events=counts), family=family, zero="~ 1")
    assert result.certificate.converged, str(result.certificate)
    draws = np.array([result.simulate(rng, random="conditional") for _ in range(2000)])
    share = 1.0 / (1.0 + np.exp(-result.fit.zero_beta[0]))
    mean = result.predict().to_numpy() / (1.0 - share)
    variance = mean * (1.0 + result.dispersion * (mean if family == "nb2" else 1.0))
    expected = (1.0 - share) * (variance + share * mean**2)
    np.testing.assert_allclose(draws.mean(axis=0).sum(), result.predict().sum(), rtol=0.01)
    # Over 240 rows and 2000 draws the sum of sample variances is within some two percent.
    np.testing.assert_allclose(draws.var(axis=0).sum(), expected.sum(), rtol=0.05)
