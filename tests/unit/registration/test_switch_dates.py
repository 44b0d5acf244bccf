from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import dwangstats as dw
from dwangstats.registration.evidence.switch_dates import AFTER_SWITCH

RATE = "events ~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": "~ (1 | provider)", "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


def column(panel: dw.Panel, dates: Any, provider: str = "P00", **settings: Any) -> list[float]:
    frame = model(panel, dw.SwitchDates(dates, **settings)).assembled.context.panel.frame
    return frame.loc[frame["provider"] == provider, AFTER_SWITCH].tolist()


def test_the_column_is_the_share_of_the_period_after_the_date(panel: dw.Panel) -> None:
    assert column(panel, {"P00": "2022-01-01"}) == [0.0, 0.0, 1.0, 1.0]
    assert column(panel, {"P00": "2021-10-01"}) == [0.0, 92 / 184, 1.0, 1.0]
    assert column(panel, {"P00": "2021-10-01"}, "P01") == [0.0] * 4


def test_a_ramp_spreads_the_change(panel: dw.Panel) -> None:
    shares = column(panel, {"P00": "2021-07-01"}, ramp=1)
    assert shares[:2] == [0.0, 0.5]
    assert shares[2:] == [1.0, 1.0]


def test_it_enters_registration_and_not_the_rate(panel: dw.Panel) -> None:
    assembled = model(panel, dw.SwitchDates({"P00": "2022-01-01", "P01": "2021-07-01"})).assembled
    assert "registration:after_switch" in assembled.names
    assert "rate:after_switch" not in assembled.names
    assert [assembled.context.registration.names[i] for i in assembled.excluded["switch dates"]] == [AFTER_SWITCH]


def test_a_direct_effect_enters_the_rate_with_a_prior(panel: dw.Panel) -> None:
    dates = {"P00": "2022-01-01", "P01": "2021-07-01"}
    assembled = model(panel, dw.SwitchDates(dates, direct_effect_sd=0.05)).assembled
    assert assembled.problem.gaussian[0].sd.tolist() == [0.05]
    assert assembled.problem.gaussian[0].matrix[0, assembled.names.index("rate:after_switch")] == 1.0


def test_the_table_of_locations_will_do(panel: dw.Panel) -> None:
    table = pd.DataFrame(
        {
            "provider_id": ["P00", "P00", "P01"],
            "location_id": ["x", "y", "x"],
            "ehr_migrated_on": ["2022-01-01", None, "2021-07-01"],
        }
    )
    assert column(panel, table) == [0.0, 0.0, 0.5, 0.5]


def test_everything_wrong_is_listed() -> None:
    table = pd.DataFrame({"provider_id": ["a", None, "a"], "date": ["2022/01/02", "2022-01-01", "2022-01-01"]})
    with pytest.raises(dw.DataError) as error:
        dw.SwitchDates(table)
    assert len(error.value.problems) == 3
    assert "date is not a date that can be read in 1 of 3 rows (row 1)" in str(error.value)


def test_strangers_and_dates_outside_the_panel(panel: dw.Panel) -> None:
    with pytest.raises(dw.DataError, match="Q77"):
        model(panel, dw.SwitchDates({"Q77": "2022-01-01"}))
    with pytest.raises(dw.DataError, match="nothing changes at a switch"):
        model(panel, dw.SwitchDates({"P00": "2030-01-01"}))


def test_columns_are_asked_for() -> None:
    with pytest.raises(dw.DataError, match="ehr_migrated_on"):
        dw.SwitchDates(pd.DataFrame({"provider_id": ["a"], "when": ["2022-01-01"]}))


@pytest.mark.parametrize("settings", [{"ramp": -1}, {"ramp": 0.5}, {"direct_effect_sd": -1.0}])
def test_settings_outside_their_domain(settings: dict[str, Any]) -> None:
    with pytest.raises(dw.DomainError):
        dw.SwitchDates({"a": "2022-01-01"}, **settings)


def switched(make_register: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Half of the providers switch at one of two dates, and their completeness rises by 1.5 on the logit scale."""
    register = make_register(9, improvement=0.0)
    dates = {f"P{i:02d}": ("2021-07-01", "2022-01-01")[i % 4 // 2] for i in range(0, 40, 2)}
    begin = register["period"].str[:5] + np.where(register["period"].str[-1] == "1", "01-01", "07-01")
    after = begin >= register["provider"].map(dates).fillna("9999")
    p = expit(logit(register["p"]) - 0.8 + 1.5 * after)
    return register.assign(p=p, events=np.random.default_rng(10).binomial(register["true"], p)), dates


def test_a_jump_is_recovered_with_an_audit(
    make_register: Callable[..., pd.DataFrame],
    make_panel: Callable[..., dw.Panel],
    make_audit: Callable[..., pd.DataFrame],
) -> None:
    register, dates = switched(make_register)
    result = model(make_panel(register), dw.SwitchDates(dates), dw.Audit(make_audit(register))).fit()
    name = "registration:after_switch"
    assert abs(result.params[name] - 1.5) < 3.0 * result.bse[name]
    checks = {check.name: check.passed for check in result.evidence_checks}
    assert checks["after_switch moves completeness only"] is True
    assert checks["switches at different moments"] is True


def test_a_switch_of_everyone_at_once_is_said(
    register: pd.DataFrame, panel: dw.Panel, audit_table: pd.DataFrame
) -> None:
    dates = dict.fromkeys(panel.providers, "2022-01-01")
    settings = {"rate": "events ~ (1 | provider)", "registration": "~ (1 | provider)"}
    result = model(panel, dw.SwitchDates(dates), dw.Audit(audit_table), **settings).fit(allow_unidentified=True)
    found = next(check for check in result.evidence_checks if check.name == "switches at different moments")
    assert found.passed is False
    assert "Whatever else changed" in found.message["en"]
