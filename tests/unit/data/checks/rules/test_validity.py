"""A registration outside the days of its law, its code or its definition is found, counted and shown by row."""

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.checks.rules import validity
from dwangstats.data.checks.rules.forms import form_findings
from dwangstats.data.checks.rules.validity import validity_findings
from dwangstats.data.findings import Finding
from dwangstats.data.register.codes import code_list

ROOM, HOLDING, MEDICATION = "124061000146109", "225212001", "29211000146105"


def found(rows: list[tuple[str | None, str, str]], *, law: bool = True) -> dict[str, Finding]:
    frame = pd.DataFrame(rows, columns=["law", "intervention_code", "begin"]).assign(provider_id="a")
    tables = dw.read_tables(registrations=frame if law else frame.drop(columns="law"))
    return {f.rule: f for f in validity_findings(tables)}


def test_within_its_days_nothing_is_found() -> None:
    rows = [
        ("WVGGZ", ROOM, "2020-01-01 00:00"),
        ("WZD", ROOM, "2023-05-01 10:00"),
        ("BOPZ", ROOM, "2019-12-31 23:59"),
        ("JEUGDWET_H6", ROOM, "2019-10-01 10:00"),
        ("WGBO", HOLDING, "2012-10-01 10:00"),
        ("WVGGZ", "999", "2023-01-01 10:00"),
    ]
    assert found(rows) == {}


def test_the_law_was_not_in_force() -> None:
    rows = [
        ("WVGGZ", ROOM, "2019-12-31 23:59"),
        ("WZD", HOLDING, "2018-01-01 10:00"),
        ("BOPZ", ROOM, "2021-01-01 00:00"),
        ("WVGGZ", ROOM, "2022-01-01 10:00"),
    ]
    findings = found(rows)
    assert set(findings) == {"law-not-in-force"}
    finding = findings["law-not-in-force"]
    assert (finding.count, finding.of, finding.rows) == (3, 4, (1, 2, 3))
    assert "BOPZ, WVGGZ, WZD" in finding.message["en"]
    assert "buiten de jaren" in finding.message["nl"]
    assert finding.severity == "warning"


def test_authorisations_under_the_old_law_run_on_through_2020() -> None:
    assert found([("BOPZ", ROOM, "2020-12-31 12:00")]) == {}


def test_a_code_and_a_definition_from_before_the_list() -> None:
    rows = [(None, ROOM, "2019-12-31 10:00"), (None, MEDICATION, "2019-06-01 10:00"), (None, ROOM, "2020-01-01 10:00")]
    for findings in (found(rows), found(rows, law=False)):
        assert set(findings) == {"code-not-valid", "definition-not-valid"}
        assert (findings["code-not-valid"].count, findings["code-not-valid"].rows) == (2, (1, 2))
        definition = findings["definition-not-valid"]
        assert (definition.count, definition.of, definition.rows) == (1, 2, (1,))
        assert "verzet" in definition.action["nl"]


def test_a_code_that_is_withdrawn_is_found_from_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = validity.code_versions

    def withdrawn(name: str) -> pd.DataFrame:
        table = versions(name)  # type: ignore[arg-type]
        if name == "interventions":
            table.loc[table["code"] == HOLDING, "valid_until"] = "2022-12-31"
        return table

    monkeypatch.setattr(validity, "code_versions", withdrawn)
    rows = [
        ("WVGGZ", HOLDING, "2022-12-31 23:59"),
        ("WZD", HOLDING, "2023-01-01 00:00"),
        ("JEUGDWET_H6", HOLDING, "2023-01-01 00:00"),
    ]
    findings = found(rows)
    assert set(findings) == {"code-not-valid"}
    assert findings["code-not-valid"].rows == (2,)
    assert HOLDING in findings["code-not-valid"].message["nl"]


def test_a_date_that_stands_for_not_known_is_left_to_its_own_rule() -> None:
    assert found([("WVGGZ", ROOM, "1900-01-01 00:00"), ("WVGGZ", ROOM, "")]) == {}


def test_the_findings_are_part_of_the_check() -> None:
    frame = pd.DataFrame({"provider_id": ["a"], "law": ["WVGGZ"], "begin": ["2019-05-01"], "form": ["seclusion"]})
    tables = dw.read_tables(registrations=frame)
    assert {f.rule for f in form_findings(tables)} == {"law-not-in-force"}
    assert "law-not-in-force" in {f.rule for f in dw.check(tables).warnings}


def test_a_million_rows_take_seconds_not_minutes() -> None:
    rng = np.random.default_rng(3)
    codes = code_list("interventions")["code"].to_numpy()
    n = 200_000
    frame = pd.DataFrame(
        {
            "law": rng.choice(["WVGGZ", "WZD"], n),
            "intervention_code": rng.choice(codes, n),
            "begin": pd.Timestamp(2019, 12, 1) + pd.to_timedelta(rng.integers(0, 60 * 1440, n), unit="min"),
        }
    )
    findings = {f.rule: f for f in validity_findings(dw.Tables(registrations=frame))}
    early = frame["begin"] < pd.Timestamp(2020, 1, 1)
    assert findings["law-not-in-force"].count == early.sum()
