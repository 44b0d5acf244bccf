from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.registration.evidence.compare import implied_odds_ratio, listed_completeness

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


@pytest.fixture(scope="module")
def lists(register: pd.DataFrame, make_second: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return make_second(register)


def test_lists_that_do_not_add_up_to_the_panel_are_named(panel: dw.Panel, lists: pd.DataFrame) -> None:
    wrong = lists.assign(both=lists["both"] + (np.arange(len(lists)) == 4))
    with pytest.raises(dw.DataError, match=r"both \+ register_only differs .* in 1 of 160 rows \(row 5\)"):
        model(panel, dw.SecondSource(wrong))


def test_negative_and_missing_counts_are_named(lists: pd.DataFrame) -> None:
    wrong = lists.assign(both=lists["both"].where(lists.index != 2), other_only=-lists["other_only"])
    with pytest.raises(dw.DataError) as error:
        dw.SecondSource(wrong)
    assert any("both is missing" in problem and "row 3" in problem for problem in error.value.problems)
    assert any("other_only" in problem for problem in error.value.problems)


def test_a_period_without_a_delivery_is_set_aside_and_counted(
    register: pd.DataFrame, lists: pd.DataFrame, make_panel: Callable[..., dw.Panel]
) -> None:
    gone = np.arange(len(register)) == 6
    frame = register.assign(events=register["events"].where(~gone), delivered=~gone)
    assembled = model(make_panel(frame, delivered="delivered"), dw.SecondSource(lists)).assembled
    assert assembled.problem.linked is not None
    assert assembled.problem.linked.row.tolist() == list(range(159))
    assert [(note.name, note.value) for note in assembled.notes] == [("rows without a delivery", 1.0)]
    with pytest.raises(dw.DataError, match="no row is about a provider and period that was delivered"):
        model(make_panel(frame, delivered="delivered"), dw.SecondSource(lists.iloc[[6]]))


def test_a_row_over_two_periods_is_refused(panel: dw.Panel, lists: pd.DataFrame) -> None:
    year = lists.iloc[[0]].assign(period="2021")
    with pytest.raises(dw.DataError, match="several rows of the panel"):
        model(panel, dw.SecondSource(year))


def test_rows_and_columns_of_the_other_register(panel: dw.Panel, lists: pd.DataFrame) -> None:
    assembled = model(panel, dw.SecondSource(lists.iloc[5:9], odds_ratio=1.5, formula="~ C(year)")).assembled
    linked = assembled.problem.linked
    assert linked is not None
    assert linked.row.tolist() == [5, 6, 7, 8]
    assert linked.odds_ratio == 1.5
    assert linked.W2.tolist() == [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
    assert [name for name in assembled.names if name.startswith("other")] == [
        "other register:Intercept",
        "other register:C(year)[T.2022]",
    ]


@pytest.mark.parametrize("formula", ["events ~ 1", "~ (1 | provider)", "~ nonsense"])
def test_formulas_of_the_other_register_that_are_refused(panel: dw.Panel, lists: pd.DataFrame, formula: str) -> None:
    with pytest.raises(dw.FormulaError):
        model(panel, dw.SecondSource(lists, formula=formula))


@pytest.mark.parametrize("odds_ratio", [0.0, -1.0, np.inf, np.nan])
def test_odds_ratios_that_are_none(lists: pd.DataFrame, odds_ratio: float) -> None:
    with pytest.raises(dw.DomainError):
        dw.SecondSource(lists, odds_ratio=odds_ratio)


def test_a_model_takes_one_second_source(panel: dw.Panel, lists: pd.DataFrame) -> None:
    with pytest.raises(dw.DomainError, match="takes one second source"):
        model(panel, dw.SecondSource(lists), dw.SecondSource(lists))


def test_completeness_from_two_lists_by_hand() -> None:
    """70 + 20 in the register, 14 + n00 outside it: n00 = psi 20 14 / 70 = 4 psi."""
    cells = np.array([[30.0, 10.0, 6.0], [20.0, 6.0, 4.0], [20.0, 4.0, 4.0]])
    cluster = np.array([0, 1, 2])
    one, three = (listed_completeness(cells, psi, cluster) for psi in (1.0, 3.0))
    assert one is not None
    assert three is not None
    assert one.completeness == pytest.approx(90 / 108)
    assert three.completeness == pytest.approx(90 / 116)
    assert implied_odds_ratio(cells, 90 / 116) == pytest.approx(3.0)


def test_without_other_evidence_the_dependence_is_shown_as_a_curve(panel: dw.Panel, lists: pd.DataFrame) -> None:
    result = model(panel, dw.SecondSource(lists)).fit()
    (check,) = [check for check in result.evidence_checks if check.evidence == "second source"]
    assert check.passed is None
    assert all(f"({psi})" in check.message["en"] for psi in ("1", "1.5", "2", "3"))
    assert "not testable: second source" in result.summary()


def test_lists_under_a_wrong_odds_ratio_contradict_an_audit(
    panel: dw.Panel, lists: pd.DataFrame, audit_table: pd.DataFrame
) -> None:
    def against(odds_ratio: float) -> Any:
        result = model(panel, dw.SecondSource(lists, odds_ratio=odds_ratio), dw.Audit(audit_table)).fit()
        return next(check for check in result.evidence_checks if check.name == "lists against the audit")

    assert against(1.0).passed is True
    assert against(5.0).passed is False
    assert "not as independent as assumed" in against(5.0).message["en"]
    assert "niet zo onafhankelijk" in against(5.0).message["nl"]


def test_completeness_is_recovered(register: pd.DataFrame, panel: dw.Panel, lists: pd.DataFrame) -> None:
    result = model(panel, dw.SecondSource(lists)).fit()
    truth = {"registration:C(year)[T.2022]": 0.4, "rate:C(year)[T.2022]": 0.1, "other register:Intercept": np.log(1.5)}
    for name, value in truth.items():
        assert abs(result.params[name] - value) < 3.0 * result.bse[name], name
