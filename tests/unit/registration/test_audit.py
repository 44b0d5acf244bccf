from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import dwangstats as dw
from dwangstats.registration.evidence.audit import SELECTION, TARGETED

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"


def model(panel: dw.Panel, *evidence: Any, **settings: Any) -> dw.RegistrationModel:
    given = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return dw.RegistrationModel(panel=panel, evidence=list(evidence), **given)


def rows(**columns: Any) -> pd.DataFrame:
    given = {"provider_id": ["P00"], "period": ["2021-H1"], "n_found": [10], "n_registered": [7]} | columns
    return pd.DataFrame(given)


def test_everything_wrong_in_the_table_is_listed_with_its_rows() -> None:
    frame = pd.DataFrame(
        {
            "provider_id": ["P00", "P01", "P01", "P02", "P03", "P04"],
            "period": ["2021-H1"] * 6,
            "n_found": [10, 5, 5, -3, 4, None],
            "n_registered": [11, 3, 3, 1, 2.5, 1],
        }
    )
    with pytest.raises(dw.DataError) as error:
        dw.Audit(frame)
    text = str(error.value)
    assert "n_registered is larger than n_found in 1 of 6 rows (row 1)" in text
    assert "n_found is missing in 1 of 6 rows (row 6)" in text
    assert len(error.value.problems) >= 4, "the negative and the broken count are said too"


def test_duplicates_are_named() -> None:
    with pytest.raises(dw.DataError, match=r"occurs before in 1 of 2 rows \(row 2\)"):
        dw.Audit(rows(provider_id=["P00", "P00"], period=["2021-H1"] * 2, n_found=[5, 6], n_registered=[1, 2]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(dw.DataError, match="n_registered"):
        dw.Audit(pd.DataFrame({"provider_id": ["a"], "period": ["2021"], "n_found": [3]}))


def test_row_numbers_of_a_file_are_kept() -> None:
    frame = rows(n_registered=[11]).set_axis(pd.Index([42], name="row"))
    with pytest.raises(dw.DataError, match=r"row 42"):
        dw.Audit(frame)


@pytest.mark.parametrize("settings", [{"icc": 1.0}, {"icc": -0.1}, {"selection_sd": 0.0}, {"design": "best"}])
def test_settings_outside_their_domain(settings: dict[str, Any]) -> None:
    with pytest.raises(dw.DomainError):
        dw.Audit(rows(), **settings)


def test_strangers_are_listed_at_once(panel: dw.Panel) -> None:
    strange = rows(
        provider_id=["P00", "Q77", "P01"],
        period=["2021-H1", "2021-H1", "2019-H1"],
        n_found=[5, 5, 5],
        n_registered=[4, 4, 4],
    )
    with pytest.raises(dw.DataError) as error:
        model(panel, dw.Audit(strange))
    assert len(error.value.problems) == 2
    assert "provider_id is not in the panel (first: Q77) in 1 of 3 rows (row 2)" in str(error.value)
    assert "period is not in the panel (2019-H1) in 1 of 3 rows (row 3)" in str(error.value)


def test_problems_of_several_tables_come_together(panel: dw.Panel) -> None:
    lists = pd.DataFrame(
        {"provider_id": ["P00"], "period": ["2021-H1"], "both": [0], "register_only": [0], "other_only": [1]}
    )
    with pytest.raises(dw.DataError) as error:
        model(panel, dw.Audit(rows(provider_id=["Q77"])), dw.SecondSource(lists))
    assert any(problem.startswith("audits") for problem in error.value.problems)
    assert any(problem.startswith("second_source") for problem in error.value.problems)


def test_rows_reach_the_likelihood_with_their_provider_and_year(panel: dw.Panel) -> None:
    table = rows(provider_id=["P03", "P07"], period=["2022-H2", "2021-H1"], n_found=[9, 8], n_registered=[3, 8])
    problem = model(panel, dw.Audit(table, icc=0.1)).assembled.problem
    (audit,) = problem.audits
    assert audit.group.tolist() == [3, 7]
    assert audit.W.tolist() == [[1.0, 1.0], [1.0, 0.0]]
    assert audit.found.tolist() == [9.0, 8.0]
    assert audit.registered.tolist() == [3.0, 8.0]
    assert audit.icc == 0.1


def test_a_period_without_a_delivery_can_be_audited(
    register: pd.DataFrame, make_panel: Callable[..., dw.Panel]
) -> None:
    frame = register.assign(delivered=True)
    gone = (frame["provider"] == "P05") & (frame["period"] == "2022-H1")
    frame = frame.assign(events=frame["events"].where(~gone), delivered=~gone)
    panel = make_panel(frame, delivered="delivered")
    problem = model(panel, dw.Audit(rows(provider_id=["P05"], period=["2022-H1"]))).assembled.problem
    assert problem.counts.y.size == len(register) - 1
    assert problem.audits[0].group.tolist() == [5]


def test_an_audit_of_a_year_is_about_both_halves(panel: dw.Panel) -> None:
    problem = model(panel, dw.Audit(rows(period=["2022"]))).assembled.problem
    assert problem.audits[0].W.tolist() == [[1.0, 1.0]]


def test_a_year_over_halves_that_differ_is_refused(panel: dw.Panel) -> None:
    with pytest.raises(dw.DataError, match="different completeness"):
        model(panel, dw.Audit(rows(period=["2022"])), registration="~ C(period) + (1 | provider)")


def test_audits_of_half_years_add_up_to_the_years_of_the_panel() -> None:
    frame = pd.DataFrame(
        {"provider": list("aabb"), "period": ["2021", "2022"] * 2, "events": [9, 8, 7, 9], "bed_days": 900.0}
    )
    panel = dw.Panel.from_frame(frame, provider="provider", period="period", events="events", exposure="bed_days")
    halves = rows(provider_id=["a", "a"], period=["2021-H1", "2021-H2"], n_found=[5, 6], n_registered=[4, 3])
    (audit,) = model(panel, dw.Audit(halves)).assembled.problem.audits
    assert (audit.found.tolist(), audit.registered.tolist()) == ([11.0], [7.0])


def located(differ: bool) -> dw.Panel:
    frame = pd.DataFrame(
        {
            "provider": ["a", "a", "b", "b"] * 2,
            "location": ["x", "y", "x", "y"] * 2,
            "period": ["2021"] * 4 + ["2022"] * 4,
            "events": [9, 8, 7, 9, 8, 7, 12, 9],
            "bed_days": 900.0,
            "late": [0.1, 0.5 if differ else 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4],
        }
    )
    names = {"provider": "provider", "period": "period", "events": "events", "exposure": "bed_days"}
    return dw.Panel.from_frame(frame, location="location", covariates=["late"], **names)


def test_an_audit_over_locations_needs_one_completeness() -> None:
    audit = dw.Audit(rows(provider_id=["a"], period=["2021"]))
    (found,) = model(located(differ=False), audit, registration="~ late").assembled.problem.audits
    assert found.W.tolist() == [[1.0, 0.1]]
    with pytest.raises(dw.DataError, match="row 1"):
        model(located(differ=True), audit, registration="~ late")


def test_rows_about_other_forms_are_counted_and_left_out(
    register: pd.DataFrame, make_panel: Callable[..., dw.Panel]
) -> None:
    panel = make_panel(register.assign(form="seclusion"), form="form")
    table = rows(
        provider_id=["P00", "P00"],
        period=["2021-H1"] * 2,
        n_found=[5, 6],
        n_registered=[4, 3],
        form=["seclusion", "medication"],
    )
    assembled = model(panel, dw.Audit(table)).assembled
    assert assembled.problem.audits[0].found.tolist() == [5.0]
    assert [note.value for note in assembled.notes] == [1.0]
    assert assembled.evidence[0].words == "an audit of 5 events"


def test_several_forms_need_a_column_form(register: pd.DataFrame, make_panel: Callable[..., dw.Panel]) -> None:
    both = pd.concat([register.assign(form="seclusion"), register.assign(form="medication")])
    panel = make_panel(both, form="form")
    formulas = {"rate": f"{RATE} + form", "registration": f"{REGISTRATION} + form"}
    with pytest.raises(dw.DataError, match="several forms"):
        model(panel, dw.Audit(rows()), **formulas)
    table = rows(form=["medication"])
    assert model(panel, dw.Audit(table), **formulas).assembled.problem.audits[0].found.tolist() == [10.0]


def test_a_targeted_audit_lets_the_audited_differ(panel: dw.Panel) -> None:
    table = rows(provider_id=["P00", "P01"], period=["2021-H1"] * 2, n_found=[9, 9], n_registered=[8, 9])
    assembled = model(panel, dw.Audit(table, design="targeted", selection_sd=0.3)).assembled
    assert "registration:targeted_audit" in assembled.names
    place = assembled.names.index("registration:targeted_audit")
    (term,) = assembled.problem.gaussian
    assert (term.source, term.sd.tolist(), term.mean.tolist()) == ("relaxation", [0.3], [0.0])
    assert np.flatnonzero(term.matrix[0]).tolist() == [place]
    marked = assembled.context.panel.frame.groupby("provider")[TARGETED].max()
    assert marked[marked > 0].index.tolist() == ["P00", "P01"]
    assert assembled.problem.audits[0].W[:, -1].tolist() == [1.0, 1.0]


def test_the_column_design_decides_row_by_row(panel: dw.Panel) -> None:
    table = rows(
        provider_id=["P00", "P01"],
        period=["2021-H1"] * 2,
        n_found=[9, 9],
        n_registered=[8, 9],
        design=["random", "targeted"],
    )
    frame = model(panel, dw.Audit(table)).assembled.context.panel.frame
    assert frame.loc[frame[TARGETED] == 1.0, "provider"].unique().tolist() == ["P01"]


def test_a_targeted_audit_of_everyone_has_nobody_to_differ_from(register: pd.DataFrame, panel: dw.Panel) -> None:
    names = sorted(register["provider"].unique())
    table = pd.DataFrame({"provider_id": names, "period": "2021-H1", "n_found": 5, "n_registered": 4})
    assert TARGETED not in model(panel, dw.Audit(table, design="targeted")).assembled.context.panel.frame


def selection(result: dw.RegistrationResult) -> Any:
    return next(check for check in result.evidence_checks if check.name == SELECTION)


def test_an_audit_of_the_best_registrars_is_noticed(
    make_register: Callable[..., pd.DataFrame],
    make_audit: Callable[..., pd.DataFrame],
    make_panel: Callable[..., dw.Panel],
) -> None:
    """The audited third has a completeness of 0.9, the others of 0.4."""
    register = make_register(7, completeness=0.4, improvement=0.0, su=0.2, sv=0.2)
    good = register["provider"] < "P13"
    rng = np.random.default_rng(8)
    better = register["events"] + rng.binomial(register["true"] - register["events"], 0.8)
    register = register.assign(events=register["events"].where(~good, better))
    audit = make_audit(register, providers=13)
    result = model(make_panel(register), dw.Audit(audit)).fit(allow_unidentified=True, force=True)
    found = selection(result)
    assert found.passed is False
    assert found.value > 2.576
    assert 'design="targeted"' in found.message["en"]
    assert "WARNING: audit" in result.summary()
    allowed = selection(
        model(make_panel(register), dw.Audit(audit, design="targeted")).fit(allow_unidentified=True, force=True)
    )
    assert allowed.passed is True


def test_a_random_audit_passes(register: pd.DataFrame, panel: dw.Panel, audit_table: pd.DataFrame) -> None:
    assert selection(model(panel, dw.Audit(audit_table)).fit()).passed is True


def test_any_frame_will_do(panel: dw.Panel) -> None:
    frame = pl.from_pandas(
        rows(provider_id=["P03", "P07"], period=["2022-H2"] * 2, n_found=[9, 8], n_registered=[3, 8])
    )
    assert model(panel, dw.Audit(frame)).assembled.problem.audits[0].found.tolist() == [9.0, 8.0]


def test_changed_gives_a_copy() -> None:
    audit = dw.Audit(rows())
    assert audit.changed(icc=0.2).icc == 0.2
    assert audit.icc == 0.0
    assert audit.digest != audit.changed(icc=0.2).digest
