from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


TRUTH = {
    "rate:Intercept": np.log(0.01),
    "rate:C(year)[T.2022]": 0.1,
    "registration:Intercept": np.log(0.7 / 0.3),
    "registration:C(year)[T.2022]": 0.4,
}


@pytest.mark.parametrize("family", ["poisson", "nb2", "nb1"])
def test_an_audit_recovers_the_truth(panel: dw.Panel, audit_table: pd.DataFrame, family: str) -> None:
    """Poisson counts are those of every family with a dispersion of 0."""
    result = model(panel, dw.Audit(audit_table), family=family).fit()
    for name, value in TRUTH.items():
        assert abs(result.params[name] - value) < 3.0 * result.bse[name], name
    assert abs(result.random_sd["rate"] - 0.4) < 0.2
    assert abs(result.random_sd["registration"] - 0.5) < 0.3


def test_parameters_have_names_in_the_order_of_the_vector(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assembled = model(panel, dw.Audit(audit_table), family="nb2", rho="prior", silent=True).assembled
    assert assembled.names == (
        *TRUTH,
        "sd rate",
        "sd registration",
        "atanh rho",
        "dispersion",
        "silent logit",
    )
    assert len(assembled.names) == assembled.problem.layout.size


def test_rho_is_a_number_or_has_a_prior_or_is_free(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    evidence = dw.Audit(audit_table)
    assert model(panel, evidence, rho=0.5).assembled.problem.rho == 0.5
    assert model(panel, evidence, rho="free").assembled.problem.gaussian == ()
    prior = model(panel, evidence, rho="prior").assembled
    assert prior.problem.rho is None
    (term,) = prior.problem.gaussian
    assert (term.mean.tolist(), term.sd.tolist(), term.source) == ([0.0], [0.7], "prior")
    assert np.flatnonzero(term.matrix[0]).tolist() == [prior.names.index("atanh rho")]


def test_rho_without_both_effects_has_nothing_to_correlate(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assembled = model(panel, dw.Audit(audit_table), rho="prior", registration="~ C(year)").assembled
    assert "atanh rho" not in assembled.names
    assert assembled.problem.gaussian == ()


@pytest.mark.parametrize("settings", [{"rho": 1.0}, {"rho": -2.0}, {"rho": "some"}, {"family": "normal"}])
def test_settings_outside_their_domain(panel: dw.Panel, settings: dict[str, Any]) -> None:
    with pytest.raises(dw.DomainError):
        model(panel, **settings)


def test_a_frame_is_no_panel_and_no_evidence(register: pd.DataFrame, panel: dw.Panel) -> None:
    with pytest.raises(dw.DataError, match="Panel"):
        model(register)  # type: ignore[arg-type]
    with pytest.raises(dw.DomainError, match="evidence holds DataFrame"):
        model(panel, register)


def test_one_piece_of_evidence_needs_no_list(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    audit = dw.Audit(audit_table)
    alone = dw.RegistrationModel(rate=RATE, registration=REGISTRATION, panel=panel, evidence=audit)  # type: ignore[arg-type]
    assert alone.evidence == (audit,)


def test_the_panel_is_left_as_it_was(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    before = panel.frame.copy()
    model(panel, dw.Audit(audit_table, design="targeted"), dw.SwitchDates({"P00": "2022-01-01"}))
    pd.testing.assert_frame_equal(panel.frame, before)


def test_a_column_of_the_panel_is_not_written_over(register: pd.DataFrame, make_panel: Callable[..., dw.Panel]) -> None:
    panel = make_panel(register.rename(columns={"quality": "after_switch"}), covariates=["after_switch"])
    with pytest.raises(dw.FormulaError, match="has a column after_switch"):
        model(panel, dw.SwitchDates({"P00": "2022-01-01"}))


def test_changed_settings_make_a_new_model(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    first = model(panel, dw.Audit(audit_table))
    second = first.changed(rho=0.5)
    assert (first.assembled.problem.rho, second.assembled.problem.rho) == (0.0, 0.5)
    assert first.fingerprint == second.fingerprint
    other = first.changed(evidence=[dw.Audit(audit_table, icc=0.1)])
    assert other.fingerprint != first.fingerprint


def complete_audit(register: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "provider_id": register["provider"],
            "period": register["period"],
            "n_found": register["true"],
            "n_registered": register["true"],
        }
    )


@pytest.mark.parametrize("registration", ["~ 1", REGISTRATION])
def test_complete_registers_give_the_registered_rates(
    register: pd.DataFrame, make_panel: Callable[..., dw.Panel], registration: str
) -> None:
    """Where the audit finds nothing that was not registered, the rates are those of the counts."""
    panel = make_panel(register.assign(events=register["true"]))
    result = model(panel, dw.Audit(complete_audit(register)), registration=registration).fit()
    plain = dw.RateModel(RATE, panel, family="poisson").fit()
    ours = result.params.filter(like="rate:")
    # 11 nodes there and 11 here, in other coordinates; the optimisers stop at 1e-4 standard errors.
    assert ours.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=1e-5)
    assert result.bse.filter(like="rate:").to_numpy() == pytest.approx(plain.bse.to_numpy(), rel=1e-3)
    assert result.random_sd["rate"] == pytest.approx(plain.random_sd["provider"], abs=1e-5)
    assert "completeness 1" in result.summary()


@pytest.mark.parametrize("nodes", [None, (15, 11)])
def test_a_register_that_became_complete_is_held_at_one(
    register: pd.DataFrame, audit_table: pd.DataFrame, make_panel: Callable[..., dw.Panel], nodes: Any
) -> None:
    """From 2022 on the audit finds everything registered; the completeness of 2021 keeps its error."""
    late = register["period"].str.startswith("2022")
    panel = make_panel(register.assign(events=register["events"].where(~late, register["true"])))
    audited = audit_table["period"].str.startswith("2022")
    audit = audit_table.assign(n_registered=audit_table["n_registered"].where(~audited, audit_table["n_found"]))
    result = model(panel, dw.Audit(audit), registration="~ C(year)", nodes=nodes).fit()
    assert result.converged
    assert result.certificate is not None
    assert any("completeness 1" in name for name in result.certificate.boundary)
    _, zeta = result.linear()
    assert np.array_equal(zeta > 30.0, panel.observed["year"] == 2022)
    assert abs(result.params["registration:Intercept"] - np.log(0.7 / 0.3)) < 0.5
    assert result.bse["registration:Intercept"] > 0.0
    assert np.isnan(result.bse["registration:C(year)[T.2022]"])
    assert result.conf_int().loc["registration:C(year)[T.2022]"].isna().all()


def test_more_nodes_are_taken_where_the_integral_needs_them(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    result = model(panel, dw.Audit(audit_table), nodes=(3, 3)).fit(force=True, allow_unidentified=True)
    assert result.fit.nodes == (3, 3), "nodes that were asked for are kept"
    assert abs(result.fit.quadrature_error) > 1e-4
    assert abs(model(panel, dw.Audit(audit_table)).fit().fit.quadrature_error) <= 1e-4


def test_the_representation_says_that_nothing_was_fitted(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assert repr(model(panel, dw.Audit(audit_table))) == (
        "<RegistrationModel poisson, 160 rows, evidence: audit, not fitted>"
    )


def test_a_year_without_any_event_is_named(
    register: pd.DataFrame, make_panel: Callable[..., dw.Panel], audit_table: pd.DataFrame
) -> None:
    """The registered rate of such a year is 0 whatever was audited: its logarithm has no estimate."""
    empty = register.assign(events=register["events"].where(~register["period"].str.startswith("2022"), 0))
    with pytest.raises(dw.FitError, match=r"80 of 160 rows .* set apart by C\(year\)\[T\.2022\]"):
        model(make_panel(empty), dw.Audit(audit_table.assign(n_registered=0))).fit()
