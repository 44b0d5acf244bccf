"""Evidence that is wrong must be caught by a check, or shown by the verdict, or by what the sensitivity table says.

Each test makes a register whose truth is known, hands over evidence of which one assumption does not hold, and asks two
things: would the answer mislead (else the test proves nothing), and does anything the user sees say so?
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from reference_registration import Register, Truth, draw_audit, draw_register, draw_second_source

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"
TRUTH = Truth(providers=50, years=(2021, 2022), log_ratio=0.10, completeness=0.65, logit_slope=0.5)

pytestmark = pytest.mark.slow


def fit(made: Register, *evidence: Any, covariates: tuple[str, ...] = (), **other: Any) -> dw.RegistrationResult:
    panel = dw.Panel.from_frame(
        made.frame,
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
        covariates=covariates,
    )
    arguments = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | other
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **arguments).fit()


def failed(result: dw.RegistrationResult) -> list[str]:
    return [check.name for check in result.evidence_checks if not check.passed]


def level(result: dw.RegistrationResult) -> pd.Series:
    return dw.completeness(result).iloc[0]


def true_level(made: Register) -> float:
    return float(made.frame["expected_registered"].sum() / made.frame["expected"].sum())


def holds(row: pd.Series, truth: float) -> bool:
    return bool(row["lower"] <= truth <= row["upper"])


def test_right_evidence_raises_no_alarm() -> None:
    """Else the alarms below would mean nothing."""
    alarms = 0
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        made = draw_register(TRUTH, rng)
        found = draw_audit(made, rng, providers=20, found=25)
        middle = true_level(made)
        prior = dw.CompletenessPrior(low=middle - 0.2, high=min(middle + 0.2, 0.95))
        result = fit(made, dw.Audit(found), prior)
        alarms += bool(failed(result))
        assert failed(result) == [] or alarms <= 1, failed(result)
        assert holds(level(result), middle) or alarms <= 1
    assert alarms <= 1


def test_prior_that_contradicts_an_audit_fails_a_check() -> None:
    rng = np.random.default_rng(1)
    made = draw_register(TRUTH, rng)
    found = draw_audit(made, rng, providers=20, found=25)
    result = fit(made, dw.Audit(found), dw.CompletenessPrior(low=0.93, high=0.98))
    assert failed(result), "a prior of 0.93 to 0.98 stands beside an audit that found about 0.65"
    assert "prior" in " ".join(failed(result)).lower() or "audit" in " ".join(failed(result)).lower()
    text = result.summary()
    shown = [check.message["en"] for check in result.evidence_checks if not check.passed]
    assert any(message[:40] in " ".join(text.split()) or message[:40] in text for message in shown), text


def test_prior_that_agrees_with_the_audit_passes() -> None:
    rng = np.random.default_rng(2)
    made = draw_register(TRUTH, rng)
    result = fit(made, dw.Audit(draw_audit(made, rng)), dw.CompletenessPrior(low=0.5, high=0.8))
    assert failed(result) == []


def test_audit_of_the_best_registrars_only() -> None:
    """Handed over as "random" it misleads; as "targeted" its interval is wide and holds the truth."""
    rng = np.random.default_rng(3)
    made = draw_register(TRUTH, rng)
    found = draw_audit(made, rng, providers=15, found=30, best=True)
    truth = true_level(made)
    random, targeted = fit(made, dw.Audit(found)), fit(made, dw.Audit(found, design="targeted", selection_sd=1.0))
    one = level(random)
    assert not holds(one, truth), "the test needs an audit that misleads"
    if not targeted.identification.passed("level"):
        with pytest.raises(dw.IdentificationError):
            level(targeted)
        return
    two = level(targeted)
    assert two["upper"] - two["lower"] > 1.5 * (one["upper"] - one["lower"])
    assert holds(two, truth)


def test_a_little_targeting_is_nearly_no_targeting() -> None:
    """The likelihood is continuous in the selection SD, and so must be what is said about it."""
    rng = np.random.default_rng(3)
    made = draw_register(TRUTH, rng)
    found = draw_audit(made, rng, providers=15, found=30)
    random = fit(made, dw.Audit(found))
    targeted = fit(made, dw.Audit(found, design="targeted", selection_sd=0.02))
    assert targeted.identification.verdicts == random.identification.verdicts
    one, two = level(random), level(targeted)
    assert two["completeness"] == pytest.approx(one["completeness"], abs=0.01)
    assert two["upper"] - two["lower"] == pytest.approx(one["upper"] - one["lower"], rel=0.1)


def test_indicator_that_also_moves_the_rate() -> None:
    """Registered events rise with quality because care does too. Relaxing the exclusion must show what rests on it."""
    rng = np.random.default_rng(4)
    truth = Truth(
        providers=50,
        years=(2021, 2022),
        log_ratio=0.10,
        completeness=0.8,
        logit_slope=0.6,
        quality_effect=1.0,
        quality_on_rate=0.12,
    )
    made = draw_register(truth, rng)
    result = fit(
        made,
        dw.Indicator("quality"),
        registration="~ C(year) + quality + (1 | provider)",
        covariates=("quality",),
    )
    if failed(result) or not result.identification.passed("change"):
        return
    table = dw.sensitivity(
        result, "year", before=2021, after=2022, over={"direct_effect_sd": [0.0, 0.1, 0.3]}, quantity="rate_ratio"
    )
    table = table.loc[table["assumption"] == "direct_effect_sd"].sort_values("value")
    width = (np.log(table["upper"]) - np.log(table["lower"])).to_numpy()
    assert width[-1] > 1.1 * width[0]
    last = table.iloc[-1]
    assert last["lower"] <= np.exp(0.10) <= last["upper"] or last["verdict"] != "data-identified"


def test_indicator_against_an_audit_is_a_conflict_that_shows() -> None:
    """With an audit the rate may have the indicator too; leaving it out then costs likelihood, and a check says so."""
    rng = np.random.default_rng(5)
    truth = Truth(providers=50, years=(2021, 2022), completeness=0.8, quality_effect=0.5, quality_on_rate=0.4)
    made = draw_register(truth, rng)
    result = fit(
        made,
        dw.Audit(draw_audit(made, rng, providers=30, found=60)),
        dw.Indicator("quality"),
        registration="~ C(year) + quality + (1 | provider)",
        covariates=("quality",),
    )
    assert failed(result), "quality moves the rate by exp(0.4) per unit and nothing was said"


def test_two_dependent_registers() -> None:
    """Positive dependence hides events from both: completeness comes out too high unless the odds ratio is given."""
    rng = np.random.default_rng(6)
    made = draw_register(TRUTH, rng)
    cells = draw_second_source(made, rng, capture=0.5, odds_ratio=4.0, providers=30)
    truth = true_level(made)
    independent = fit(made, dw.SecondSource(cells))
    dependent = fit(made, dw.SecondSource(cells, odds_ratio=4.0))
    assert level(independent)["lower"] > truth, "the test needs dependence that misleads"
    assert holds(level(dependent), truth)
    table = dw.sensitivity(
        independent, "year", before=2021, after=2022, over={"odds_ratio": [1.0, 2.0, 4.0]}, quantity="level"
    )
    table = table.loc[table["assumption"] == "odds_ratio"].sort_values("value")
    assert (table["estimate"].diff().dropna() < 0).all()
    assert holds(table.iloc[-1], truth)
    assert table.iloc[-1]["estimate"] == pytest.approx(level(dependent)["completeness"], rel=0.02)


def test_dependent_registers_against_an_audit() -> None:
    rng = np.random.default_rng(7)
    made = draw_register(TRUTH, rng)
    cells = draw_second_source(made, rng, capture=0.5, odds_ratio=6.0, providers=30)
    found = draw_audit(made, rng, providers=30, found=60)
    result = fit(made, dw.SecondSource(cells), dw.Audit(found))
    assert failed(result), "two sources that contradict each other were put together without a word"


def test_silent_providers_read_as_zeros() -> None:
    """One provider in five registers nothing. Read as completeness it drags the level down and widens the spread."""
    rng = np.random.default_rng(8)
    made = draw_register(Truth(providers=50, years=(2021, 2022), completeness=0.65, silent_share=0.2), rng)
    silent = made.frame.groupby("provider")["events"].sum() == 0
    assert 5 <= silent.sum() <= 15
    sound = [name for name in made.v if not silent[name]]
    audit = draw_audit(made, rng, providers=25, found=25)
    audit = audit.loc[audit["provider_id"].isin(sound)]
    plain = fit(made, dw.Audit(audit))
    warned = " ".join(check.message["en"] for check in plain.evidence_checks if not check.passed)
    assert "nothing" in warned, f"{int(silent.sum())} of 50 providers registered nothing in two years: {warned}"
    assert "nothing" in plain.summary()
    aware = fit(made, dw.Audit(audit), silent=True)
    assert aware.certificate.converged, str(aware.certificate)
    # What a silent provider does not register counts as not registered.
    assert holds(level(aware), true_level(made))
    if plain.certificate.converged:
        assert aware.llf > plain.llf + 10
        assert aware.random_sd["registration"] + aware.random_sd["rate"] < (
            plain.random_sd["registration"] + plain.random_sd["rate"]
        )
