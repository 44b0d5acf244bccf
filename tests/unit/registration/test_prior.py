from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import logit

import dwangstats as dw

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


def test_the_density_holds_the_stated_probability() -> None:
    prior = dw.CompletenessPrior(0.57, 0.95, probability=0.8)
    inside, _ = quad(prior.density, 0.57, 0.95)
    below, _ = quad(prior.density, 1e-12, 0.57)
    # quad's own error is below 1e-8.
    assert inside == pytest.approx(0.8, abs=1e-7)
    assert below == pytest.approx(0.1, abs=1e-7)


@pytest.mark.parametrize(
    ("low", "high", "settings"), [(0.0, 0.9, {}), (0.9, 0.5, {}), (0.5, 1.0, {}), (0.5, 0.9, {"probability": 1.0})]
)
def test_numbers_outside_their_domain(low: float, high: float, settings: dict[str, float]) -> None:
    with pytest.raises(dw.DomainError):
        dw.CompletenessPrior(low, high, **settings)


def test_it_is_about_the_mean_logit_weighted_by_registered_events(register: pd.DataFrame, panel: dw.Panel) -> None:
    prior = dw.CompletenessPrior(0.6, 0.9)
    problem = model(panel, prior).assembled.problem
    (term,) = problem.gaussian
    late = register["period"].str.startswith("2022")
    share = register.loc[late, "events"].sum() / register["events"].sum()
    assert term.matrix[0, problem.layout.alpha] == pytest.approx([1.0, share])
    assert (term.mean[0], term.sd[0], term.source) == (prior.mean, prior.sd, "prior")


def test_a_prior_on_a_period_is_about_its_rows(panel: dw.Panel) -> None:
    problem = model(panel, dw.CompletenessPrior(0.6, 0.9, period="2021")).assembled.problem
    assert problem.gaussian[0].matrix[0, problem.layout.alpha].tolist() == [1.0, 0.0]


def test_a_form_or_period_that_is_not_there(panel: dw.Panel) -> None:
    with pytest.raises(dw.DataError, match="no form seclusion"):
        model(panel, dw.CompletenessPrior(0.6, 0.9, form="seclusion"))
    with pytest.raises(dw.DataError, match="no delivered row lies in 2015"):
        model(panel, dw.CompletenessPrior(0.6, 0.9, period="2015"))


def test_several_priors_may_be_given(panel: dw.Panel) -> None:
    evidence = [dw.CompletenessPrior(0.5, 0.8, period="2021"), dw.CompletenessPrior(0.6, 0.95, period="2022")]
    assert len(model(panel, *evidence).assembled.problem.gaussian) == 2


def test_a_shift_moves_the_mean_only() -> None:
    prior = dw.CompletenessPrior(0.57, 0.95)
    moved = prior.changed(shift=0.5)
    assert moved.mean == pytest.approx(prior.mean + 0.5)
    assert moved.sd == prior.sd


@pytest.mark.parametrize(("low", "high", "passed"), [(0.57, 0.95, True), (0.95, 0.99, False)])
def test_a_prior_that_contradicts_the_audit_is_noticed(
    panel: dw.Panel, audit_table: pd.DataFrame, low: float, high: float, passed: bool
) -> None:
    result = model(panel, dw.CompletenessPrior(low, high), dw.Audit(audit_table)).fit(allow_unidentified=True)
    found = next(check for check in result.evidence_checks if check.name == "prior against the audit")
    assert found.passed is passed
    assert ("WARNING: prior" in result.summary()) is not passed
    assert ("contradict" in found.message["en"]) is not passed
    assert ("spreken elkaar tegen" in found.message["nl"]) is not passed


def test_a_prior_on_one_year_is_set_against_the_audit_of_that_year(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    """The audit of 2021 registered exactly a half here, that of 2022 everything but one event."""
    early = audit_table["period"].str.startswith("2021")
    even = audit_table["n_found"] // 2 * 2
    half = audit_table.assign(n_found=even, n_registered=np.where(early, even // 2, even - 1).clip(min=0))
    result = model(panel, dw.CompletenessPrior(0.45, 0.55, period="2021"), dw.Audit(half)).fit(
        allow_unidentified=True, force=True
    )
    found = next(check for check in result.evidence_checks if check.name == "prior against the audit")
    assert found.value == pytest.approx(1.0, abs=1e-6)


def test_the_audit_does_not_move_the_numbers_of_the_prior() -> None:
    assert dw.CompletenessPrior(0.2, 0.8).mean == pytest.approx(0.0, abs=1e-12)
    assert dw.CompletenessPrior(0.2, 0.8).sd == pytest.approx(logit(0.8) / 1.6448536269514722)


def test_what_it_implies_is_what_elicit_says() -> None:
    assert dw.CompletenessPrior(0.57, 0.95).implied(rate_ratio=1.3).table.equals(
        dw.elicit(0.57, 0.95, rate_ratio=1.3).table
    ) or np.allclose(
        dw.CompletenessPrior(0.57, 0.95).implied(rate_ratio=1.3).table, dw.elicit(0.57, 0.95, rate_ratio=1.3).table
    )


def test_second_source_is_set_against_the_prior(
    register: pd.DataFrame, panel: dw.Panel, make_second: Callable[..., pd.DataFrame]
) -> None:
    result = model(panel, dw.CompletenessPrior(0.95, 0.99), dw.SecondSource(make_second(register))).fit()
    found = next(check for check in result.evidence_checks if check.name == "prior against the second source")
    assert found.passed is False
