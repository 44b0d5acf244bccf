from collections.abc import Callable
from typing import Any

import pandas as pd

import dwangstats as dw
from dwangstats.registration.evidence.silence import TITLE

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def fitted(panel: dw.Panel, audit: pd.DataFrame, **settings: Any) -> dw.RegistrationResult:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=[dw.Audit(audit)], **given).fit(
        allow_unidentified=True, force=True
    )


def silent(result: dw.RegistrationResult) -> Any:
    return next((check for check in result.evidence_checks if check.name == TITLE), None)


def test_nobody_silent_nothing_said(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assert silent(fitted(panel, audit_table)) is None


def test_a_provider_of_zeros_is_named(
    register: pd.DataFrame, audit_table: pd.DataFrame, make_panel: Callable[..., dw.Panel]
) -> None:
    """P30 registers nothing in four half-years where some 35 registrations each are usual; P31 is tiny."""
    tiny = (register["provider"] == "P31").to_numpy()
    zero = (register["provider"].isin(["P30", "P31"])).to_numpy()
    frame = register.assign(events=register["events"].where(~zero, 0), bed_days=register["bed_days"].where(~tiny, 10.0))
    result = fitted(make_panel(frame), audit_table)
    found = silent(result)
    assert found.passed is False
    assert "P30" in found.message["en"]
    assert "P31" not in found.message["nl"]
    assert found.value < 1e-3
    assert "WARNING: counts, providers that registered nothing" in result.summary()
    allowed = silent(fitted(make_panel(frame), audit_table, silent=True))
    assert allowed.passed is True


def test_a_small_provider_of_zeros_is_no_alarm(
    register: pd.DataFrame, audit_table: pd.DataFrame, make_panel: Callable[..., dw.Panel]
) -> None:
    tiny = (register["provider"] == "P31").to_numpy()
    frame = register.assign(events=register["events"].where(~tiny, 0), bed_days=register["bed_days"].where(~tiny, 10.0))
    found = silent(fitted(make_panel(frame), audit_table))
    assert found.passed is True
    assert found.value > 1e-3
