from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"
TREND = "parallel trend of the control"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


def control_table(register: pd.DataFrame, growth: float = 0.1, seed: int = 4) -> pd.DataFrame:
    """Court orders: a level per provider, and a trend."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(0.0, 0.5, register["provider"].nunique()))[pd.factorize(register["provider"])[0]]
    since = register["period"].str[:4].astype(int) - 2021
    mean = register["bed_days"] * 0.02 * level * np.exp(growth * since)
    return pd.DataFrame(
        {"provider_id": register["provider"], "period": register["period"], "control_count": rng.poisson(mean)}
    )


def test_rows_follow_the_rate_columns_and_bed_days(register: pd.DataFrame, panel: dw.Panel) -> None:
    table = control_table(register)
    control = model(panel, dw.ControlOutcome(table)).assembled.problem.control
    assert control is not None
    assert control.relax.shape == (160, 0)
    order = panel.observed.merge(table, left_on=["provider", "period"], right_on=["provider_id", "period"])
    assert control.count.sum() == order["control_count"].sum()
    assert np.allclose(control.offset, np.log(register["bed_days"]))
    assert control.X[:4].tolist() == [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]


def test_a_relaxed_trend_has_one_term_per_period_but_the_first(register: pd.DataFrame, panel: dw.Panel) -> None:
    assembled = model(panel, dw.ControlOutcome(control_table(register), trend_sd=0.05)).assembled
    names = [name for name in assembled.names if name.startswith("control trend")]
    assert names == ["control trend:2021-H2", "control trend:2022-H1", "control trend:2022-H2"]
    (term,) = assembled.problem.gaussian
    assert term.source == "relaxation"
    assert term.sd.tolist() == [0.05] * 3
    assert np.array_equal(term.matrix[:, assembled.problem.layout.delta], np.eye(3))
    control = assembled.problem.control
    assert control is not None
    assert control.relax[:4].tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_without_exposure_the_counts_themselves_are_compared(register: pd.DataFrame, panel: dw.Panel) -> None:
    control = model(panel, dw.ControlOutcome(control_table(register), exposure=False)).assembled.problem.control
    assert control is not None
    assert not control.offset.any()


def test_longer_periods_are_refused(register: pd.DataFrame, panel: dw.Panel) -> None:
    table = control_table(register).iloc[:1].assign(period="2021")
    with pytest.raises(dw.DataError, match="longer than the panel's"):
        model(panel, dw.ControlOutcome(table))


def test_months_add_up_and_a_missing_month_is_named() -> None:
    frame = pd.DataFrame(
        {"provider": list("aabb"), "period": ["2021-H1", "2021-H2"] * 2, "events": [9, 8, 7, 9], "bed_days": 900.0}
    )
    panel = dw.Panel.from_frame(frame, provider="provider", period="period", events="events", exposure="bed_days")
    months = [f"2021-{m:02d}" for m in range(1, 13)]
    table = pd.DataFrame({"provider_id": "a", "period": months, "control_count": range(12)})
    formulas = {"rate": "events ~ 1", "registration": "~ 1"}
    control = model(panel, dw.ControlOutcome(table), **formulas).assembled.problem.control
    assert control is not None
    assert control.count.tolist() == [15.0, 51.0]
    with pytest.raises(dw.DataError, match=r"do not cover a whole half-year in 5 of 11 rows \(rows 1, 2, 3, 4, 5"):
        model(panel, dw.ControlOutcome(table.drop(index=5)), **formulas)


def test_several_rows_per_provider_are_averaged_by_bed_days() -> None:
    frame = pd.DataFrame(
        {
            "provider": ["a", "a", "b", "b"] * 2,
            "location": ["x", "y", "x", "y"] * 2,
            "period": ["2021"] * 4 + ["2022"] * 4,
            "events": [9, 8, 7, 9, 8, 7, 12, 9],
            "bed_days": [100.0, 300.0] * 4,
            "closed": [0.0, 1.0, 0.0, 1.0] * 2,
        }
    )
    names = {"provider": "provider", "period": "period", "events": "events", "exposure": "bed_days"}
    panel = dw.Panel.from_frame(frame, location="location", covariates=["closed"], **names)
    table = pd.DataFrame({"provider_id": ["a", "a"], "period": ["2021", "2022"], "control_count": [3, 4]})
    formulas = {"rate": "events ~ closed + C(year)", "registration": "~ 1"}
    control = model(panel, dw.ControlOutcome(table), **formulas).assembled.problem.control
    assert control is not None
    assert control.X[:, control.X[0] == 0.75].shape[1] == 1
    assert np.allclose(control.offset, np.log(400.0))


def test_negative_trend_sd_is_refused(register: pd.DataFrame) -> None:
    with pytest.raises(dw.DomainError):
        dw.ControlOutcome(control_table(register), trend_sd=-0.1)


def check(result: dw.RegistrationResult) -> Any:
    return next(found for found in result.evidence_checks if found.name == TREND)


def test_alone_its_trend_cannot_be_tested(register: pd.DataFrame, panel: dw.Panel) -> None:
    result = model(panel, dw.ControlOutcome(control_table(register))).fit()
    assert check(result).passed is None
    assert "trend_sd" in check(result).message["nl"]


@pytest.mark.parametrize(("growth", "passed"), [(0.1, True), (-0.4, False)])
def test_an_audit_tests_the_trend(
    register: pd.DataFrame, panel: dw.Panel, make_audit: Callable[..., pd.DataFrame], growth: float, passed: bool
) -> None:
    """The events grow by 0.1 on the log scale; a control that falls by 0.4 is not parallel."""
    evidence = (
        dw.Audit(make_audit(register, providers=30, found=60)),
        dw.ControlOutcome(control_table(register, growth)),
    )
    assert check(model(panel, *evidence).fit()).passed is passed


def test_the_change_is_recovered(register: pd.DataFrame, panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    result = model(panel, dw.ControlOutcome(control_table(register)), dw.Audit(audit_table)).fit()
    assert abs(result.params["rate:C(year)[T.2022]"] - 0.1) < 3.0 * result.bse["rate:C(year)[T.2022]"]
