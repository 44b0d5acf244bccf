from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + quality + (1 | provider)"
TITLE = "quality moves completeness only"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


@pytest.fixture(scope="module")
def moved(make_register: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Quality moves completeness and nothing else."""
    return make_register(5, quality_effect=0.8)


def check(result: dw.RegistrationResult) -> Any:
    return next(found for found in result.evidence_checks if found.name == TITLE)


def test_a_column_of_the_rate_is_no_indicator(panel: dw.Panel) -> None:
    with pytest.raises(dw.FormulaError, match="quality is given as an indicator of completeness"):
        model(panel, dw.Indicator("quality"), rate=f"{RATE} + quality")


def test_a_column_that_is_not_in_the_registration_formula_is_refused(panel: dw.Panel) -> None:
    with pytest.raises(dw.FormulaError, match="does not stand in the registration formula"):
        model(panel, dw.Indicator("quality"), registration="~ C(year)")


def test_arguments_outside_their_domain() -> None:
    with pytest.raises(dw.DomainError):
        dw.Indicator()
    with pytest.raises(dw.DomainError):
        dw.Indicator("quality", direct_effect_sd=-1.0)


def test_it_is_frozen_and_changes_by_copy() -> None:
    indicator = dw.Indicator("quality")
    with pytest.raises(AttributeError):
        indicator.direct_effect_sd = 1.0
    assert indicator.changed(direct_effect_sd=0.2).direct_effect_sd == 0.2
    assert indicator.direct_effect_sd == 0.0
    assert repr(indicator) == "Indicator('quality', direct_effect_sd=0)"


def test_the_excluded_columns_are_known(panel: dw.Panel) -> None:
    assembled = model(panel, dw.Indicator("quality"), registration="~ C(year) * quality").assembled
    named = [assembled.context.registration.names[i] for i in assembled.excluded["indicator"]]
    assert named == ["quality", "C(year)[T.2022]:quality"]


def test_a_direct_effect_enters_the_rate_with_a_prior(panel: dw.Panel) -> None:
    assembled = model(panel, dw.Indicator("quality", direct_effect_sd=0.1)).assembled
    place = assembled.names.index("rate:quality")
    (term,) = assembled.problem.gaussian
    assert (term.source, term.sd.tolist()) == ("relaxation", [0.1])
    assert np.flatnonzero(term.matrix[0]).tolist() == [place]


def test_alone_it_cannot_be_tested(moved: pd.DataFrame, make_panel: Callable[..., dw.Panel]) -> None:
    result = model(make_panel(moved), dw.Indicator("quality")).fit()
    assert check(result).passed is None
    assert "direct_effect_sd" in check(result).message["en"]


def test_with_an_audit_a_true_exclusion_passes(
    moved: pd.DataFrame, make_panel: Callable[..., dw.Panel], make_audit: Callable[..., pd.DataFrame]
) -> None:
    result = model(make_panel(moved), dw.Indicator("quality"), dw.Audit(make_audit(moved))).fit()
    assert check(result).passed is True
    assert abs(result.params["registration:quality"] - 0.8) < 3.0 * result.bse["registration:quality"]


def test_an_indicator_that_moves_the_rate_is_caught(
    moved: pd.DataFrame, make_panel: Callable[..., dw.Panel], make_audit: Callable[..., pd.DataFrame]
) -> None:
    """An effect of 0.3 on the log rate; the audit knows the completeness, so what is left belongs to the rate."""
    rng = np.random.default_rng(6)
    true = rng.poisson(moved["true"] * np.exp(0.3 * moved["quality"]))
    register = moved.assign(true=true, events=rng.binomial(true, moved["p"]))
    result = model(make_panel(register), dw.Indicator("quality"), dw.Audit(make_audit(register))).fit()
    assert check(result).passed is False
    assert "WARNING: indicator" in result.summary()
    assert "no evidence about registration" in check(result).message["en"]


def test_an_allowed_direct_effect_is_set_against_its_limit(
    moved: pd.DataFrame, make_panel: Callable[..., dw.Panel], make_audit: Callable[..., pd.DataFrame]
) -> None:
    evidence = (dw.Indicator("quality", direct_effect_sd=0.1), dw.Audit(make_audit(moved)))
    result = model(make_panel(moved), *evidence).fit()
    found = check(result)
    assert found.value == pytest.approx(abs(result.params["rate:quality"]) / 0.1)
    assert found.passed is True
