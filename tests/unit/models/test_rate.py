import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

import dwangstats as dw
from dwangstats.errors import DataError, DomainError, FitError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult

FORMULA = "events ~ C(year) + setting + x"

#: Both sides stop at a scaled gradient near rounding; statsmodels' IRLS at a relative deviance change of 1e-14.
SAME_FIT = 1e-8


def test_poisson_equals_statsmodels(wards: pd.DataFrame) -> None:
    ours = RateModel(FORMULA, wards, exposure="bed_days").fit()
    theirs = sm.GLM(
        ours.design.y, ours.design.X, family=sm.families.Poisson(), offset=np.log(wards["bed_days"].to_numpy())
    ).fit(tol=1e-14)
    np.testing.assert_allclose(ours.params, theirs.params, rtol=SAME_FIT)
    np.testing.assert_allclose(ours.bse, theirs.bse, rtol=SAME_FIT)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-6, atol=1e-300)
    np.testing.assert_allclose(ours.conf_int(), theirs.conf_int(), rtol=SAME_FIT)
    assert ours.llf == pytest.approx(theirs.llf, rel=1e-12)
    assert ours.aic == pytest.approx(theirs.aic, rel=1e-12)
    assert ours.bic == pytest.approx(theirs.bic_llf, rel=1e-12)
    np.testing.assert_allclose(ours.fittedvalues, theirs.fittedvalues, rtol=SAME_FIT)


def test_nb2_equals_statsmodels(wards: pd.DataFrame) -> None:
    ours = RateModel(FORMULA, wards, family="nb2", exposure="bed_days").fit()
    theirs = sm.NegativeBinomial(
        ours.design.y, ours.design.X, loglike_method="nb2", offset=ours.design.log_exposure
    ).fit(disp=0, method="newton", maxiter=100, tol=1e-12, start_params=[*ours.params, ours.dispersion * 1.1])
    np.testing.assert_allclose([*ours.params, ours.dispersion], theirs.params, rtol=1e-7)
    # statsmodels differentiates the information to alpha numerically, which costs half of its digits.
    np.testing.assert_allclose([*ours.bse, ours.dispersion_se], theirs.bse, rtol=1e-5)
    assert ours.llf == pytest.approx(theirs.llf, rel=1e-12)
    assert ours.aic == pytest.approx(theirs.aic, rel=1e-12)


@pytest.mark.parametrize("family", ["nb2", "nb1"])
def test_dispersion_at_zero_is_poisson_exactly(family: dw._types.FamilyName, even: pd.DataFrame) -> None:
    poisson = RateModel(FORMULA, even, exposure="bed_days").fit()
    result = RateModel(FORMULA, even, family=family, exposure="bed_days").fit()
    assert result.dispersion == 0.0
    assert np.isnan(result.dispersion_se)
    assert result.certificate.converged
    assert result.certificate.boundary == ("dispersion",)
    np.testing.assert_array_equal(result.params, poisson.params)
    assert result.llf == pytest.approx(poisson.llf, rel=1e-13)
    assert result.aic == pytest.approx(poisson.aic + 2.0, rel=1e-13)


def test_a_panel_and_its_rows_give_the_same_fit(wards: pd.DataFrame) -> None:
    rows = wards.groupby(["provider", "year"], as_index=False)[["events", "bed_days"]].sum()
    panel = dw.Panel.from_frame(rows, provider="provider", period="year", events="events", exposure="bed_days")
    one = RateModel("C(year)", panel).fit()
    two = RateModel("events ~ C(year)", rows, exposure="bed_days").fit()
    np.testing.assert_allclose(one.params, two.params, rtol=1e-12)
    assert one.fingerprint == panel.fingerprint
    assert one.robust("CR2").covariance.clusters == 20


def test_polars(wards: pd.DataFrame) -> None:
    one = RateModel(FORMULA, pl.DataFrame(wards.to_dict("list")), exposure="bed_days").fit()
    two = RateModel(FORMULA, wards, exposure="bed_days").fit()
    pd.testing.assert_series_equal(one.params, two.params)


@pytest.mark.parametrize("term", ["(1 | provider)", "(x || provider)", "(1 | provider/setting)"])
def test_random_terms_give_a_mixed_result(term: str, wards: pd.DataFrame) -> None:
    result = RateModel(f"{FORMULA} + {term}", wards, exposure="bed_days").fit()
    assert isinstance(result, MixedResult)
    assert result.certificate.converged


def test_without_random_terms_the_result_is_the_plain_one(wards: pd.DataFrame) -> None:
    assert isinstance(RateModel(FORMULA, wards, exposure="bed_days").fit(), RateResult)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"family": "gamma"}, "poisson, nb2, nb1"), ({"quadrature": 11}, "quadrature=")],
)
def test_options_that_are_not_offered(options: dict[str, object], words: str, wards: pd.DataFrame) -> None:
    with pytest.raises(DomainError, match=words):
        RateModel(FORMULA, wards, **options)  # type: ignore[arg-type]


def test_a_group_without_events_is_named(wards: pd.DataFrame) -> None:
    frame = wards.assign(events=wards["events"].where(wards["year"] != 2023, 0))
    with pytest.raises(FitError) as caught:
        RateModel("events ~ C(year)", frame, exposure="bed_days").fit()
    text = str(caught.value)
    assert "80 of 240 rows (rows 160, 161, 162, 163, 164 and 75 more)" in text
    assert "C(year)[T.2023]" in text
    assert "minus infinity" in text


def test_no_events_at_all(wards: pd.DataFrame) -> None:
    with pytest.raises(FitError, match="All 240 counts are 0"):
        RateModel("events ~ 1", wards.assign(events=0), exposure="bed_days").fit()


def test_problems_are_said_before_any_fit(wards: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="bed_days must be positive"):
        RateModel(FORMULA, wards.assign(bed_days=0.0), exposure="bed_days")


def test_printed(wards: pd.DataFrame) -> None:
    model = RateModel(FORMULA, wards, family="nb2", exposure="bed_days")
    assert repr(model) == f"<RateModel nb2 '{FORMULA}', 240 rows, not fitted>"
    assert repr(model.fit()) == f"<RateResult nb2 '{FORMULA}', 240 rows, model covariance, converged>"
