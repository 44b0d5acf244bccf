"""Which rows of the panel a row of evidence is about: by provider, period and form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels.layout import ALL_FORMS
from dwangstats.data.panels.panel import Panel
from dwangstats.data.register.periods import can_convert, contains, convert_period
from dwangstats.design.rows import listed
from dwangstats.registration.context import EvidenceCheck
from dwangstats.registration.evidence.reading import complaint
from dwangstats.registration.evidence.words import said


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Rows of evidence with their rows of the panel.

    Attributes
    ----------
    table : DataFrame
        Evidence that is about this panel.
    places : tuple of arrays of int
        For each of its rows the rows of the panel's frame, at least one.
    other_forms : int
        Rows about forms that the panel does not hold, left out.
    problems : tuple of str
    """

    table: pd.DataFrame
    places: tuple[np.ndarray, ...]
    other_forms: int
    problems: tuple[str, ...]


def match(table: pd.DataFrame, panel: Panel, name: str, counts: Sequence[str], *, forms: bool = True) -> Matched:
    """Find the panel rows of each row of evidence.

    A row about a longer period than the panel's (a year, where the panel has half-years) is about all panel rows in
    it; rows about shorter ones are added up. Rows about a form that the panel does not hold are left out and counted;
    in a panel of the sum over forms they are added up.

    Parameters
    ----------
    table : DataFrame
        provider_id, period, the counts, and form if there are several.
    panel : Panel
    name : str
        Of the table, for messages.
    counts : sequence of str
        Columns that may be added up.
    forms : bool
        False for a table that is about a provider and period as a whole.
    """
    problems = _unknown(table, panel, name)
    table, other_forms, form_problems = _of_forms(table, panel, name) if forms else (table, 0, [])
    if problems or form_problems:
        return Matched(table.iloc[:0], (), other_forms, (*problems, *form_problems))
    table = _added_up(table, panel, counts)
    places = _places(table, panel)
    lost = np.array([place.size == 0 for place in places], dtype=bool)
    advice = "The panel has no row for them: leave them out, or build the panel with these periods."
    problems = complaint(name, table.index, lost, "a provider has no such period in the panel", advice)
    return Matched(table, places, other_forms, tuple(problems))


def _unknown(table: pd.DataFrame, panel: Panel, name: str) -> list[str]:
    strangers = ~table["provider_id"].isin(panel.providers).to_numpy()
    first = [str(value) for value in table.loc[strangers, "provider_id"].unique()[:1]]
    hint = did_you_mean(first[0], panel.providers) if first else ""
    problems = complaint(
        name,
        table.index,
        strangers,
        f"provider_id is not in the panel (first: {', '.join(first)})",
        f"Only providers of the panel can carry evidence.{hint}",
    )
    periods = {text: _lies_in(text, panel) for text in table["period"].unique()}
    outside = ~table["period"].map(periods).to_numpy(dtype=bool)
    return problems + complaint(
        name,
        table.index,
        outside,
        f"period is not in the panel ({listed(table.loc[outside, 'period'].unique(), 3)})",
        f"The panel has {listed(panel.periods, 6)}.",
    )


def _lies_in(period: str, panel: Panel) -> bool:
    if can_convert(period, panel.by):
        return convert_period(period, panel.by) in panel.periods
    return any(contains(period, inner) for inner in panel.periods)


def _of_forms(table: pd.DataFrame, panel: Panel, name: str) -> tuple[pd.DataFrame, int, list[str]]:
    """The rows about the panel's forms."""
    if "form" not in table.columns or table["form"].isna().all():
        if len(panel.forms) > 1:
            forms = ", ".join(panel.forms)
            problem = (
                f"{name}: the panel holds several forms ({forms}) and the table does not say which it is about. Add a "
                "column form, or take one form of the panel."
            )
            return table, 0, [problem]
        return table.drop(columns="form", errors="ignore"), 0, []
    blank = table["form"].isna().to_numpy()
    problems = complaint(name, table.index, blank, "form is missing", "Fill it in, or leave the column out.")
    if panel.forms == (ALL_FORMS,):
        return table, 0, problems
    inside = table["form"].isin(panel.forms).to_numpy()
    if not inside.any():
        given = listed(sorted(table["form"].dropna().unique()), 5)
        problems.append(
            f"{name}: no row is about the forms of the panel ({', '.join(panel.forms)}); they are about {given}."
        )
    return table.loc[inside], int((~inside & ~blank).sum()), problems


def _added_up(table: pd.DataFrame, panel: Panel, counts: Sequence[str]) -> pd.DataFrame:
    """Rows within one period of the panel (and one sum over forms) as one, with the number of the first."""
    periods = {
        text: convert_period(text, panel.by) if can_convert(text, panel.by) else text
        for text in table["period"].unique()
    }
    table = table.assign(period=table["period"].map(periods))
    if "form" in table.columns and panel.forms == (ALL_FORMS,):
        table = table.assign(form=ALL_FORMS)
    key = [name for name in ("provider_id", "period", "form", "design") if name in table.columns]
    if not table.duplicated(key).any():
        return table
    how = {**dict.fromkeys(counts, "sum"), "row": "first"}
    grouped = table.assign(row=table.index).groupby(key, sort=False, dropna=False, as_index=False).agg(how)
    return grouped.set_index("row")


def _places(table: pd.DataFrame, panel: Panel) -> tuple[np.ndarray, ...]:
    """Rows of the panel's frame of each row of the table; none where there is no such period."""
    key = ["provider", "period", "form"] if "form" in table.columns else ["provider", "period"]
    groups: dict[Any, Any] = panel.frame.groupby(key, sort=False).indices
    inner = {
        text: [period for period in panel.periods if period == text or contains(text, period)]
        for text in table["period"].unique()
    }
    forms = table["form"] if "form" in table.columns else [None] * len(table)
    found = []
    for provider, period, form in zip(table["provider_id"], table["period"], forms, strict=True):
        wanted = [(provider, one) if form is None else (provider, one, form) for one in inner[period]]
        parts = [groups[name] for name in wanted if name in groups]
        found.append(np.concatenate([np.zeros(0, dtype=np.intp), *parts]).astype(np.intp))
    return tuple(found)


def set_aside(evidence: str, matched: Matched) -> tuple[EvidenceCheck, ...]:
    """What is said of rows about other forms."""
    if not matched.other_forms:
        return ()
    message = said(
        "{n} rijen gaan over andere vormen dan het panel en zijn niet gebruikt.",
        "{n} rows are about other forms than the panel's and were not used.",
        n=str(matched.other_forms),
    )
    return (EvidenceCheck(evidence, "rows about other forms", True, float(matched.other_forms), message),)
