import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import dwangstats
from dwangstats.errors import DataError, DomainError, FitError
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult

FORMULA = "events ~ C(year) + setting + x"


@pytest.fixture(scope="module")
def poisson(wards: pd.DataFrame) -> RateResult:
    return RateModel(FORMULA, wards, exposure="bed_days").fit()


@pytest.fixture(scope="module")
def nb2(wards: pd.DataFrame) -> RateResult:
    return RateModel(FORMULA, wards, family="nb2", exposure="bed_days").fit()


def failed(result: RateResult, *, force: bool = False) -> RateResult:
    checks = (("scaled gradient", 0.5, 1e-8, False),)
    certificate = dataclasses.replace(result.certificate, converged=False, scaled_gradient=0.5, checks=checks)
    return dataclasses.replace(result, certificate=certificate, force=force)


def test_cr1_equals_statsmodels(poisson: RateResult, wards: pd.DataFrame) -> None:
    clusters = pd.factorize(wards["provider"])[0]
    theirs = sm.GLM(
        poisson.design.y, poisson.design.X, family=sm.families.Poisson(), offset=poisson.design.log_exposure
    ).fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": clusters})
    ours = poisson.robust("CR1")
    # Same formula on two converged fits.
    np.testing.assert_allclose(ours.cov_params(), theirs.cov_params(), rtol=1e-7)
    assert (ours.degrees_of_freedom == 19.0).all()
    assert ours.cov_type == "CR1"


def test_cr2_uses_satterthwaite(poisson: RateResult) -> None:
    cr1, cr2 = poisson.robust("CR1"), poisson.robust("CR2", cluster="provider")
    assert (cr2.degrees_of_freedom < 19.0).all()
    assert (cr2.degrees_of_freedom > 5.0).all()
    wide = cr2.conf_int()["upper"] - cr2.conf_int()["lower"]
    normal = 2 * 1.959963984540054 * cr2.bse
    assert (wide > normal).all()
    pd.testing.assert_series_equal(cr1.params, cr2.params)


def test_labels_of_clusters_do_not_matter(poisson: RateResult, wards: pd.DataFrame) -> None:
    by_name = poisson.robust("CR2")
    by_array = poisson.robust("CR2", cluster=wards["provider"].map(lambda name: 1000 - int(name[1:])))
    np.testing.assert_allclose(by_array.cov_params(), by_name.cov_params(), rtol=1e-9)
    assert by_array.covariance.cluster == "given labels"


def test_one_cluster_is_refused_in_plain_words(poisson: RateResult) -> None:
    with pytest.raises(DomainError, match="All 240 rows are in one cluster"):
        poisson.robust("CR1", cluster=np.zeros(240))


def test_clusters_that_cannot_be_used(poisson: RateResult, wards: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no column ward to cluster by"):
        poisson.robust("CR1", cluster="ward")
    with pytest.raises(DataError, match="one label for each of the 240 rows"):
        poisson.robust("CR1", cluster=np.arange(3))
    with pytest.raises(DataError, match="missing in 1 of 240 rows"):
        poisson.robust("CR1", cluster=wards["provider"].where(wards.index != 4))
    with pytest.raises(DomainError, match="'CR1' or 'CR2'"):
        poisson.robust("HC1")  # type: ignore[arg-type]


def test_observed_and_expected_covariance(poisson: RateResult, nb2: RateResult) -> None:
    # Poisson with the log link: one matrix.
    np.testing.assert_allclose(poisson.cov_params("observed"), poisson.cov_params("expected"), rtol=1e-9)
    gap = nb2.cov_params("observed") / nb2.cov_params("expected") - 1.0
    assert np.abs(np.diag(gap)).max() > 1e-4
    pd.testing.assert_frame_equal(nb2.cov_params(), nb2.cov_params("observed"))
    robust = nb2.robust("CR2")
    pd.testing.assert_frame_equal(robust.cov_params("observed"), nb2.cov_params())
    assert not np.allclose(robust.cov_params(), nb2.cov_params())
    with pytest.raises(DomainError, match="'observed' or 'expected'"):
        nb2.cov_params("robust")  # type: ignore[arg-type]


def test_p_values_live_in_the_far_tail(poisson: RateResult) -> None:
    # Written as 1 - cdf this would be 0.
    far = poisson.robust("CR1").pvalues["Intercept"]
    assert 0.0 < far < 1e-20


def test_conf_int_level(poisson: RateResult) -> None:
    narrow, wide = poisson.conf_int(0.5), poisson.conf_int(0.99)
    assert (wide["lower"] < narrow["lower"]).all()
    assert (narrow["upper"] < wide["upper"]).all()
    with pytest.raises(DomainError, match="between 0 and 1"):
        poisson.conf_int(95)


def test_predict(poisson: RateResult, wards: pd.DataFrame) -> None:
    np.testing.assert_allclose(poisson.predict(wards), poisson.fittedvalues, rtol=1e-12)
    per_thousand = poisson.predict(exposure=1000.0)
    np.testing.assert_allclose(per_thousand, poisson.fittedvalues / wards["bed_days"] * 1000.0, rtol=1e-12)
    few = wards.drop(columns=["bed_days", "events"]).iloc[[5, 3]]
    assert poisson.predict(few, exposure=1.0).index.tolist() == [5, 3]
    with pytest.raises(DataError, match="no column bed_days"):
        poisson.predict(few)
    with pytest.raises(DomainError, match="positive"):
        poisson.predict(few, exposure=0.0)
    # The score of the intercept: fitted counts add up to the counts.
    assert poisson.fittedvalues.sum() == pytest.approx(wards["events"].sum(), rel=1e-10)


def test_other_attributes(poisson: RateResult, nb2: RateResult) -> None:
    assert poisson.nobs == 240
    assert poisson.formula == FORMULA
    assert poisson.dispersion == 0.0
    assert np.isnan(poisson.dispersion_se)
    assert nb2.dispersion_se > 0.0
    assert poisson.random_sd == {}
    assert poisson.cov_type == "model"
    assert np.isinf(poisson.degrees_of_freedom).all()
    assert list(poisson.params.index) == list(poisson.design.names)


@pytest.mark.parametrize(
    "name",
    ["params", "bse", "pvalues", "llf", "aic", "bic", "dispersion", "dispersion_se", "fittedvalues"],
)
def test_a_failed_certificate_withholds_numbers(name: str, poisson: RateResult) -> None:
    with pytest.raises(FitError, match=r"not certified.*scaled gradient 0.5.*force=True"):
        getattr(failed(poisson), name)
    assert getattr(failed(poisson, force=True), name) is not None


def test_a_failed_certificate_withholds_what_is_derived(poisson: RateResult) -> None:
    result = failed(poisson)
    for derive in (result.conf_int, result.cov_params, result.predict, result.table, lambda: result.robust("CR1")):
        with pytest.raises(FitError, match="not certified"):
            derive()


def test_failed_stands_in_the_header(poisson: RateResult) -> None:
    withheld = failed(poisson).summary()
    assert "FAILED" in withheld.splitlines()[0]
    assert "withheld" in withheld
    assert "setting[T.open]" not in withheld
    forced = failed(poisson, force=True).summary()
    assert "FAILED" in forced.splitlines()[0]
    assert "setting[T.open]" in forced
    assert repr(failed(poisson)).endswith("FAILED>")


def test_summary_says_what_was_fitted(nb2: RateResult) -> None:
    text = nb2.robust("CR2").summary()
    for part in (
        "Rate model: events per bed_day",
        "nb2, variance mu + alpha mu^2",
        FORMULA,
        "rows              240",
        "bed_days",
        f"{nb2.llf:.4f}",
        f"{nb2.aic:.4f}",
        f"{nb2.dispersion:.5g} (se ",
        "CR2, 20 clusters by provider, t with Satterthwaite's df",
        "C(year)[T.2023]",
        "converged: scaled gradient",
        nb2.fingerprint,
    ):
        assert part in text
    assert re.search(r"dwangstats \d+\.\d+", text)
    assert str(nb2) == nb2.summary()


def test_summary_of_the_other_covariances(poisson: RateResult, even: pd.DataFrame) -> None:
    assert "model (observed information), normal" in poisson.summary()
    assert "t with G - 1 degrees of freedom" in poisson.robust("CR1").summary()
    boundary = RateModel("events ~ 1", even, family="nb2", exposure="bed_days").fit()
    assert "at the boundary: equal to poisson" in boundary.summary()
    assert "none, each row counts as 1" in RateModel("events ~ 1", even).fit().summary()


def test_summary_is_the_same_text_twice(wards: pd.DataFrame) -> None:
    first, second = (RateModel(FORMULA, wards, family="nb2", exposure="bed_days").fit().summary() for _ in range(2))
    assert first == second


def test_version_is_that_of_the_package(poisson: RateResult) -> None:
    assert f"dwangstats {dwangstats.__version__}," in poisson.summary()
