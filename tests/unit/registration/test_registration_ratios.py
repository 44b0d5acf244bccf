"""Registered and adjusted ratios of a registration model."""

import numpy as np
import pytest
from scipy.special import expit

from dwangstats.errors import DomainError, IdentificationError
from dwangstats.models.rate import RateModel
from dwangstats.registration.ratios import rate_ratio
from dwangstats.registration.targets import log_completeness
from unit.registration.ledger_worlds import LOG_RATIO, audit_of, fitted, model, register

COMPARED = {"before": 2021, "after": 2022}


@pytest.mark.parametrize("kind", ["audit", "second source", "control"])
def test_adjusted_ratio_holds_the_real_change(kind: str) -> None:
    ratio = rate_ratio(fitted(kind), "year", **COMPARED, scale="adjusted")
    assert ratio.lower <= np.exp(LOG_RATIO) <= ratio.upper
    assert ratio.scale == "adjusted"
    assert "delta" not in ratio.unit


def test_adjusted_ratio_is_exp_of_the_coefficient_with_a_profile_interval() -> None:
    result = fitted("audit")
    ratio = rate_ratio(result, "year", **COMPARED, scale="adjusted")
    coefficient, se = result.params["rate:C(year)[T.2022]"], result.bse["rate:C(year)[T.2022]"]
    assert np.log(ratio.estimate) == pytest.approx(coefficient, rel=1e-9)
    # A profile of a well identified parameter is near the normal interval and not the same.
    wald = np.exp([coefficient - 1.96 * se, coefficient + 1.96 * se])
    assert [ratio.lower, ratio.upper] == pytest.approx(wald, rel=0.02)
    assert ratio.identified_by == "an audit of 1,200 events"


def test_registered_ratio_is_that_of_the_rate_model() -> None:
    frame = register()
    result = fitted("audit")
    ours = rate_ratio(result, "year", **COMPARED)
    panel = result.model.panel
    plain = RateModel("events ~ C(year) + (1 | provider)", panel, family="poisson").fit()
    theirs = rate_ratio(plain, "year", **COMPARED)
    # The joint model lets completeness differ between providers, which the plain one does not.
    assert ours.estimate == pytest.approx(theirs.estimate, rel=0.02)
    assert ours.scale == "registered"
    crude = frame.groupby("year")["events"].sum() / frame.groupby("year")["bed_days"].sum()
    assert ours.lower < crude[2022] / crude[2021] < ours.upper


def test_ratios_differ_by_the_ratio_of_completeness() -> None:
    result = fitted("audit")
    registered, adjusted = (rate_ratio(result, "year", **COMPARED, scale=s) for s in ("registered", "adjusted"))
    change = result.identification.assessments["change"].target
    assert change is not None
    # The ledger weighs the rows of each year, the ratio all rows at either year: other bed-days, same providers.
    assert np.log(registered.estimate / adjusted.estimate) == pytest.approx(change.estimate, abs=0.01)


def test_gradient_of_log_completeness() -> None:
    result = model(register(), audit_of(register()), rho=0.4).fit()
    rows = result.problem.counts
    vector = result.fit.vector
    value, gradient, _ = log_completeness(result.problem, vector, rows.X, rows.W, rows.offset)
    assert 0.5 < np.exp(value) < 0.95
    for i in range(vector.size):
        move = np.zeros(vector.size)
        move[i] = 1e-5
        ahead, behind = (
            log_completeness(result.problem, vector + s * move, rows.X, rows.W, rows.offset)[0] for s in (1.0, -1.0)
        )
        assert gradient[i] == pytest.approx((ahead - behind) / 2e-5, abs=1e-8)


def test_average_completeness_is_that_of_simulated_providers() -> None:
    result = model(register(), audit_of(register()), rho=0.4).fit()
    rows, layout, vector = result.problem.counts, result.problem.layout, result.fit.vector
    su, sv = float(vector[layout.su][0]), float(vector[layout.sv][0])
    value, _, _ = log_completeness(result.problem, vector, rows.X[:1], rows.W[:1], rows.offset[:1])
    rng = np.random.default_rng(1)
    zv, zu = rng.standard_normal((2, 400_000))
    u, v = su * (0.4 * zv + np.sqrt(1 - 0.16) * zu), sv * zv
    p = expit(rows.W[0] @ vector[layout.alpha] + v)
    # 400,000 draws leave about 4e-4.
    assert np.exp(value) == pytest.approx((np.exp(u) * p).sum() / np.exp(u).sum(), abs=2e-3)


def test_interactions_say_that_the_interval_is_by_the_delta_method() -> None:
    frame = register()
    result = model(frame, audit_of(frame), rate="events ~ C(year) * quality + (1 | provider)").fit()
    ratio = rate_ratio(result, "year", **COMPARED, scale="adjusted")
    assert "delta method" in ratio.unit
    assert ratio.lower < ratio.estimate < ratio.upper


def test_a_variable_of_registration_alone_has_a_registered_ratio_only() -> None:
    frame = register()
    result = model(frame, audit_of(frame), registration="~ C(year) + quality + (1 | provider)").fit()
    low, high = float(frame["quality"].quantile(0.1)), float(frame["quality"].quantile(0.9))
    assert rate_ratio(result, "quality", before=low, after=high).scale == "registered"
    with pytest.raises(DomainError, match="not in the rate formula"):
        rate_ratio(result, "quality", before=low, after=high, scale="adjusted")


def test_without_evidence_there_is_a_registered_ratio_and_no_adjusted_one() -> None:
    result = fitted("nothing")
    assert rate_ratio(result, "year", **COMPARED).identified_by == "registrations alone"
    with pytest.raises(IdentificationError) as refusal:
        rate_ratio(result, "year", **COMPARED, scale="adjusted")
    assert "134" in str(refusal.value)


def test_one_audited_year_gives_no_adjusted_ratio_unless_allowed() -> None:
    result = fitted("audit of one year")
    with pytest.raises(IdentificationError, match="form"):
        rate_ratio(result, "year", **COMPARED, scale="adjusted")
    allowed = model(register(), *result.model.evidence).fit(allow_unidentified=True)
    assert "functional form only" in rate_ratio(allowed, "year", **COMPARED, scale="adjusted").identified_by


def test_values_and_scales_are_checked() -> None:
    with pytest.raises(DomainError, match="no value 2030"):
        rate_ratio(fitted("audit"), "year", before=2021, after=2030, scale="adjusted")
    with pytest.raises(DomainError, match="scale"):
        rate_ratio(fitted("audit"), "year", **COMPARED, scale="true")
