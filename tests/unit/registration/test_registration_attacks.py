"""What an unfriendly reader tried: evidence that counts double, silence, and verdicts at their edges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.registration.evidence.silence import TITLE
from dwangstats.registration.evidence.twice import OVERLAP

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def fitted(panel: dw.Panel, evidence: list[Any], **settings: Any) -> dw.RegistrationResult:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=evidence, **given).fit(force=True)


def check(result: dw.RegistrationResult, name: str) -> Any:
    return next((one for one in result.evidence_checks if one.name == name), None)


def test_the_same_audit_twice_is_refused(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    with pytest.raises(dw.DataError, match="given twice"):
        fitted(panel, [dw.Audit(audit_table), dw.Audit(audit_table)])
    # With another setting, or as a part of itself, it is the same audit still.
    with pytest.raises(dw.DataError, match="same numbers"):
        fitted(panel, [dw.Audit(audit_table), dw.Audit(audit_table, icc=0.1)])
    with pytest.raises(dw.DataError, match="same numbers"):
        fitted(panel, [dw.Audit(audit_table), dw.Audit(audit_table.iloc[3:7])])


def test_audits_of_the_same_place_with_other_numbers_are_said(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    first = audit_table.iloc[:1].assign(n_found=11, n_registered=5)
    found = check(fitted(panel, [dw.Audit(audit_table), dw.Audit(first)]), OVERLAP)
    assert found.passed is False
    assert "1 combinations" in found.message["en"]


def test_audits_of_different_years_stand_beside_each_other(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    early = audit_table["period"].str.startswith("2021")
    both = fitted(panel, [dw.Audit(audit_table[early]), dw.Audit(audit_table[~early])])
    whole = fitted(panel, [dw.Audit(audit_table)])
    assert check(both, OVERLAP) is None
    # The same likelihood, so the same maximum, up to where both fits stop.
    np.testing.assert_allclose(both.params, whole.params, atol=1e-6)


def test_the_same_prior_twice_is_refused(panel: dw.Panel) -> None:
    prior = dw.CompletenessPrior(0.6, 0.9)
    with pytest.raises(dw.DataError, match="given twice"):
        fitted(panel, [prior, dw.CompletenessPrior(0.6, 0.9)])


@pytest.mark.parametrize("silent", [False, True])
def test_many_silent_providers_do_not_hide_each_other(
    register: pd.DataFrame,
    audit_table: pd.DataFrame,
    make_panel: Callable[..., dw.Panel],
    silent: bool,
) -> None:
    """Nine of forty providers: their own zeros widen the fitted spread until zeros look usual."""
    quiet = [f"P{i}" for i in range(31, 40)]
    frame = register.assign(events=register["events"].where(~register["provider"].isin(quiet), 0))
    result = fitted(make_panel(frame), [dw.Audit(audit_table)], silent=silent)
    found = check(result, TITLE)
    assert found.passed is silent
    assert all(name in found.message["en"] for name in quiet)
    # Who was audited is not to blame for them.
    assert check(result, "audited providers against the others").passed is not False


def test_small_and_unequal_providers_of_zeros_are_no_alarm(make_panel: Callable[..., dw.Panel]) -> None:
    """Half of the providers expect less than one registration: their zeros are no silence."""
    rng = np.random.default_rng(4)
    rows = [(f"P{g:02d}", f"{year}-H{half}", g) for g in range(40) for year in (2021, 2022) for half in (1, 2)]
    frame = pd.DataFrame(rows, columns=["provider", "period", "place"])
    days = np.where(frame["place"] < 20, 20.0, 4000.0)
    frame = frame.assign(bed_days=days, events=rng.poisson(days * 0.007))
    audit = pd.DataFrame(
        [(f"P{g}", f"{year}-H1", 25, 18) for g in range(20, 32) for year in (2021, 2022)],
        columns=["provider_id", "period", "n_found", "n_registered"],
    )
    found = check(fitted(make_panel(frame), [dw.Audit(audit)]), TITLE)
    assert found.passed is True


def test_one_audited_provider_does_not_speak_for_all(panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    """The spread between providers then comes from nowhere, and is fitted as 0."""
    one = audit_table[audit_table["provider_id"] == "P00"].assign(n_found=500, n_registered=350)
    ledger = fitted(panel, [dw.Audit(one)]).identification
    assert not ledger.passed("level")
    assert not ledger.passed("change")
    assert "fewer than 4 providers" in ledger.sentence("level")
    # Of all providers of a small panel it does.
    few = dw.Panel.from_frame(
        panel.frame[panel.frame["provider"].isin(["P00", "P01"])][["provider", "period", "events", "bed_days"]],
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
    )
    both = audit_table[audit_table["provider_id"].isin(["P00", "P01"])].assign(n_found=500, n_registered=350)
    whole = fitted(few, [dw.Audit(both)], rate="events ~ C(year)", registration="~ C(year)")
    assert whole.identification.passed("level")


def test_a_copy_of_the_register_is_no_second_source(register: pd.DataFrame) -> None:
    copy = pd.DataFrame({"provider_id": register["provider"], "period": register["period"], "both": register["events"]})
    with pytest.raises(dw.DataError, match="A copy of the register"):
        dw.SecondSource(copy.assign(register_only=0, other_only=0))


@pytest.mark.parametrize("selection_sd", [0.01, 0.5])
def test_a_targeted_audit_tends_to_a_random_one(
    panel: dw.Panel, audit_table: pd.DataFrame, selection_sd: float
) -> None:
    random = fitted(panel, [dw.Audit(audit_table)]).identification
    chosen = fitted(panel, [dw.Audit(audit_table, design="targeted", selection_sd=selection_sd)]).identification
    assert chosen.verdicts == random.verdicts == {"level": "data-identified", "change": "data-identified"}
    shares = [ledger.assessments["level"].shares for ledger in (chosen, random)]
    if selection_sd == 0.01:
        # A shift of 0.01 against a standard error of 0.11 changes the information by about a hundredth.
        assert shares[0].external == pytest.approx(shares[1].external, rel=0.02)
    else:
        assert shares[0].external < shares[1].external


@pytest.mark.parametrize("rho", ["prior", "free"])
def test_an_unknown_correlation_does_not_take_an_audit_away(
    panel: dw.Panel, audit_table: pd.DataFrame, rho: str
) -> None:
    ledger = fitted(panel, [dw.Audit(audit_table)], rho=rho).identification
    assert ledger.verdicts == {"level": "data-identified", "change": "data-identified"}
    assert "prior" not in set(ledger.ledger["source"])


def test_one_strange_value_does_not_show_a_ceiling(
    make_register: Callable[..., pd.DataFrame], make_panel: Callable[..., dw.Panel]
) -> None:
    formula = "~ C(year) + quality + (1 | provider)"
    frame = make_register(7, quality_effect=0.3, completeness=0.5)
    # At logit 4.2 all but one in seventy are registered.
    frame.loc[3, ["quality", "events"]] = [14.0, frame.loc[3, "true"]]
    strange = fitted(make_panel(frame), [dw.Indicator("quality")], registration=formula).identification
    assert not strange.passed("level")
    assert "90% or more for at least 1% of the events" in strange.sentence("level")
    assert "minstens 1% van de gebeurtenissen 90%" in strange.sentence("level", "nl")
    wide = make_panel(make_register(6, quality_effect=0.9, completeness=0.77))
    assert fitted(wide, [dw.Indicator("quality")], registration=formula).identification.passed("level")
