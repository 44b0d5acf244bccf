from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import dwangstats as dw

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


@pytest.fixture(scope="module")
def audited(panel: dw.Panel, audit_table: pd.DataFrame) -> dw.RegistrationResult:
    return model(panel, dw.Audit(audit_table)).fit()


@pytest.fixture(scope="module")
def refused(panel: dw.Panel) -> dw.RegistrationResult:
    return model(panel).fit()


DEPENDS = ["params", "bse", "pvalues", "random_sd", "random_effects", "llf", "aic", "rho", "problem", "fit"]


@pytest.mark.parametrize("name", DEPENDS)
def test_counts_alone_give_no_number(refused: dw.RegistrationResult, name: str) -> None:
    with pytest.raises(dw.IdentificationError) as error:
        getattr(refused, name)
    assert "audit" in str(error.value)


def test_counts_alone_still_give_the_registered_rates(refused: dw.RegistrationResult, panel: dw.Panel) -> None:
    plain = dw.RateModel(RATE, panel, family="poisson").fit()
    assert refused.registered.params.equals(plain.params)
    assert refused.nobs == 160
    assert refused.certificate is None
    assert refused.parts is None


def test_the_refusal_can_be_read(refused: dw.RegistrationResult) -> None:
    text = refused.summary()
    assert "bounds only" in text
    assert "none: registered counts alone" in text
    assert "nothing was fitted" in text
    assert "registration:Intercept" not in text
    assert repr(refused) == ("<RegistrationResult poisson, 160 rows, evidence: none, level bounds only, not fitted>")


def test_unidentified_numbers_carry_the_verdict_in_their_header(panel: dw.Panel) -> None:
    result = model(panel).fit(allow_unidentified=True, force=True)
    header = result.summary().splitlines()[0]
    assert "NOT IDENTIFIED" in header or "FAILED" in header
    assert result.params.index[0] == "rate:Intercept"


def test_a_failed_certificate_withholds_until_forced(audited: dw.RegistrationResult) -> None:
    from dataclasses import replace

    certificate = replace(audited.certificate, converged=False)  # type: ignore[type-var]
    failed = replace(audited, certificate=certificate)
    with pytest.raises(dw.FitError, match="force=True"):
        _ = failed.params
    with pytest.raises(dw.FitError):
        _ = failed.llf
    assert "FAILED" in failed.summary().splitlines()[0]
    assert "registration:Intercept " not in failed.summary()
    assert replace(failed, force=True).params.equals(audited.params)


def test_the_certificate_names_its_checks(audited: dw.RegistrationResult) -> None:
    assert audited.certificate is not None
    names = [name for name, *_ in audited.certificate.checks]
    assert names[:4] == ["scaled gradient", "smallest eigenvalue", "log likelihood repeated", "quadrature error"]
    assert "restart gap" in names
    assert audited.converged


def test_table_and_intervals_agree_with_the_covariance(audited: dw.RegistrationResult) -> None:
    table = audited.table()
    assert list(table.columns) == ["estimate", "se", "p", "lower", "upper"]
    assert np.allclose(audited.bse**2, np.diag(audited.cov_params()))
    # 1.959964 is the normal quantile of 95%.
    assert np.allclose(table["upper"] - table["estimate"], 1.959963984540054 * table["se"])
    assert (audited.conf_int(0.5)["upper"] < audited.conf_int(0.95)["upper"]).all()
    with pytest.raises(dw.DomainError):
        audited.conf_int(1.0)


def test_the_covariance_covers_the_whole_vector(audited: dw.RegistrationResult) -> None:
    assert audited.covariance.shape == (6, 6)
    assert audited.parameter_names[-2:] == ("sd rate", "sd registration")
    assert np.allclose(audited.covariance[:4, :4], audited.cov_params())


def test_information_criteria(audited: dw.RegistrationResult) -> None:
    assert audited.aic == pytest.approx(-2 * audited.llf + 12)
    assert audited.bic == pytest.approx(-2 * audited.llf + 6 * np.log(160))


def test_linear_predictors_reproduce_the_means(audited: dw.RegistrationResult, panel: dw.Panel) -> None:
    eta, zeta = audited.linear()
    frame = panel.observed
    late = (frame["year"] == 2022).to_numpy(dtype=float)
    value = audited.params
    log_rate = value["rate:Intercept"] + late * value["rate:C(year)[T.2022]"]
    assert np.allclose(eta, log_rate + np.log(frame["bed_days"]))
    assert np.allclose(zeta, value["registration:Intercept"] + late * value["registration:C(year)[T.2022]"])
    other = audited.fit.vector.copy()
    other[0] += 1.0
    assert np.allclose(audited.linear(other)[0], eta + 1.0)


def test_provider_effects_follow_the_providers(audited: dw.RegistrationResult, register: pd.DataFrame) -> None:
    effects = audited.random_effects
    assert effects.index.tolist() == sorted(register["provider"].unique())
    assert list(effects.columns) == ["rate_estimate", "rate_sd", "registration_estimate", "registration_sd"]
    assert (effects[["rate_sd", "registration_sd"]] > 0).all().all()
    # Events and registrations of 40 providers at some 150 events each: the shrunken effects follow what was drawn.
    by_provider = register.groupby("provider")[["true", "events", "bed_days"]].sum()
    true_rate = np.log(by_provider["true"] / by_provider["bed_days"])
    assert np.corrcoef(effects["rate_estimate"], true_rate)[0, 1] > 0.7
    audited_ones = effects.index < "P15"
    share = by_provider["events"] / by_provider["true"]
    assert np.corrcoef(effects["registration_estimate"][audited_ones], share[audited_ones])[0, 1] > 0.7
    assert effects["registration_sd"][audited_ones].mean() < effects["registration_sd"][~audited_ones].mean()


def test_without_random_terms_there_are_no_effects(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    result = model(panel, dw.Audit(audit_table), rate="events ~ C(year)", registration="~ C(year)").fit()
    assert result.random_sd == {"rate": 0.0, "registration": 0.0}
    assert (result.random_effects == 0.0).all().all()
    assert "rho " not in result.summary()


def test_rho_as_fixed_and_as_estimated(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assert model(panel, dw.Audit(audit_table), rho=0.3).fit().rho == 0.3
    estimated = model(panel, dw.Audit(audit_table), rho="prior").fit()
    assert estimated.rho == pytest.approx(np.tanh(estimated.fit.vector[-1]))
    assert -1.0 < estimated.rho < 1.0
    assert "atanh rho ~ N(0, 0.7^2)" in estimated.summary()


def test_the_summary_says_everything_and_no_clock(audited: dw.RegistrationResult) -> None:
    text = audited.summary()
    for part in (
        RATE,
        REGISTRATION,
        "evidence\n  audit: ",
        "identification\n  level: data-identified; change: data-identified",
        "checks of the evidence",
        "rho             0, fixed",
        "rate:Intercept",
        "sd registration",
        "certificate  converged",
        audited.fingerprint,
    ):
        assert part in text, part
    assert text == audited.summary()
    assert str(audited) == text
    assert "20" + "26" not in text.replace(audited.fingerprint, "")


def test_what_evidence_added_to_the_formulas_is_said(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    text = model(panel, dw.Audit(audit_table, design="targeted")).fit(allow_unidentified=True).summary()
    assert "registration as fitted" in text
    assert "targeted_audit" in text


def test_completeness_of_the_fit_is_that_of_the_register(
    audited: dw.RegistrationResult, register: pd.DataFrame
) -> None:
    """Averages over rows of a completeness that was drawn with 0.7 and 0.77 as medians."""
    _, zeta = audited.linear()
    assert expit(zeta).mean() == pytest.approx(register["events"].sum() / register["true"].sum(), abs=0.05)


def test_require_passes_where_it_is_known(audited: dw.RegistrationResult) -> None:
    audited.require("level")
    audited.require("change", "adjusted ratio")
    assert audited.identification.verdicts == {"level": "data-identified", "change": "data-identified"}


def test_require_refuses_by_target(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    early = audit_table[audit_table["period"].str.startswith("2021")]
    result = model(panel, dw.Audit(early)).fit()
    with pytest.raises(dw.IdentificationError, match="adjusted ratio"):
        result.require("change", "adjusted ratio")
