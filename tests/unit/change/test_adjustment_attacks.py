"""Evidence of an analysis that is about something else than the panel: other forms, other periods, blanks."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.change.adjustment import Given, evidence_for, with_providers
from dwangstats.data.panels.layout import ALL_FORMS
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError

FORMS = ("seclusion", "medication")


@pytest.fixture(scope="module")
def panel() -> Panel:
    rows = [
        (f"p{g}", f"{year}-H{half}", form, 5 + g, 1000.0)
        for g in range(4)
        for year in (2021, 2023)
        for half in (1, 2)
        for form in FORMS
    ]
    frame = pd.DataFrame(rows, columns=["provider", "period", "form", "events", "bed_days"])
    return Panel.from_frame(
        frame, provider="provider", period="period", form="form", events="events", exposure="bed_days"
    )


def audits(**columns: object) -> pd.DataFrame:
    rows = [(f"p{g}", f"{year}-H1", form, 10, 7) for g in range(4) for year in (2021, 2023) for form in FORMS]
    frame = pd.DataFrame(rows, columns=["provider_id", "period", "form", "n_found", "n_registered"])
    return frame.assign(**columns)


def found(panel: Panel, table: pd.DataFrame, form: str) -> int:
    given = Given(audits=table, forms=FORMS)
    (audit,) = evidence_for(panel.for_form(form), given, form)
    return int(audit.frame["n_found"].sum())  # type: ignore[attr-defined]


def test_an_audit_of_one_form_says_nothing_about_all_forms(panel: Panel) -> None:
    one = audits().query("form == 'seclusion'")
    assert found(panel, one, "seclusion") == 80
    with pytest.raises(DataError, match="no row concerns medication"):
        found(panel, one, ALL_FORMS)
    with pytest.raises(DataError, match="concerns medication"):
        found(panel, one, "medication")


def test_forms_outside_the_panel_are_not_added_up(panel: Panel) -> None:
    other = pd.concat([audits(), audits(form="restraint").drop_duplicates(["provider_id", "period"])])
    assert found(panel, audits(), ALL_FORMS) == found(panel, other, ALL_FORMS) == 160


def test_a_blank_design_keeps_its_row(panel: Panel) -> None:
    design = np.where(np.arange(16) % 4 < 2, "random", None)
    assert found(panel, audits(design=design), ALL_FORMS) == 160


def test_audits_of_a_year_and_of_a_quarter_count_in_half_years(panel: Panel) -> None:
    assert found(panel, audits(period=["2021", "2021", "2023", "2023"] * 4), ALL_FORMS) == 160
    assert found(panel, audits(period=["2021-Q1", "2021-Q1", "2023-Q1", "2023-Q1"] * 4), ALL_FORMS) == 160
    with pytest.raises(DataError, match="No row of audits"):
        found(panel, audits(period="2011-H1"), ALL_FORMS)


@pytest.mark.parametrize("term", ["C(year)", "C(year) + (1 | provider)"])
def test_a_formula_of_the_file_has_the_provider_once(term: str) -> None:
    assert with_providers(term) == "C(year) + (1 | provider)"
