"""Which rows of the finished frames a reader sees first, and in which order."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import catalogue, is_missing

Row: TypeAlias = Mapping[str, Any]

SELECTIONS = ("complete", "delivered")


def forms_in_order(forms: Iterable[Any]) -> list[str]:
    """Distinct forms: all forms together first, then as in the catalogue, then unknown ones as they come."""
    return _in_order(forms, [key.removeprefix("form.") for key in catalogue() if key.startswith("form.")])


def selections_in_order(selections: Iterable[Any]) -> list[str]:
    """Distinct selections, complete deliverers first."""
    return _in_order(selections, SELECTIONS)


def headline_ratios(contents: ReportContents) -> dict[str, Row]:
    """The ratio that the text quotes, by form in order; empty if there is none.

    Where several rows of a form are marked, the row of the selection that was asked for wins.
    """
    ratios = contents.ratios
    if ratios.empty:
        return {}
    marked = ratios[ratios["headline"].fillna(False).astype(bool)]
    asked = contents.question.get("selection")
    chosen: dict[str, Row] = {}
    for form in forms_in_order(marked["form"]):
        rows = records(marked[marked["form"] == form])
        chosen[form] = next((row for row in rows if row["selection"] == asked), rows[0])
    return chosen


def headline_selection(contents: ReportContents) -> str:
    """The selection of the text: that of the first headline, else the one asked for, else the first with rates."""
    for row in headline_ratios(contents).values():
        return str(row["selection"])
    present = selections_in_order(contents.rates["selection"]) if not contents.rates.empty else []
    asked = str(contents.question.get("selection"))
    return asked if asked in present or not present else present[0]


def headline_rates(contents: ReportContents) -> pd.DataFrame:
    """The rates of the selection of the text."""
    if contents.rates.empty:
        return pd.DataFrame(columns=["form", "period", "events", "bed_days", "rate", "lower", "upper"])
    chosen: pd.DataFrame = contents.rates[contents.rates["selection"] == headline_selection(contents)]
    return chosen


def like_headline(contents: ReportContents) -> pd.DataFrame:
    """Ratios of every form and selection with the family and covariance that the text quotes."""
    headline = headline_ratios(contents)
    ratios = contents.ratios
    if not headline:
        return ratios.iloc[:0]
    first = next(iter(headline.values()))
    wanted = (ratios["family"] == first["family"]) & (ratios["covariance"] == first["covariance"])
    marked = ratios["headline"].fillna(False).astype(bool)
    chosen: pd.DataFrame = ratios[wanted | marked]
    return chosen.drop_duplicates(["form", "selection"])


def bounds_row(contents: ReportContents, form: str) -> Row | None:
    """The bounds of a form under the assumption of the analysis file; its first row if none matches."""
    if contents.bounds.empty:
        return None
    rows = records(contents.bounds[contents.bounds["form"] == form])
    limits = contents.question.get("completeness_before")
    low = None if limits is None else limits[0]
    monotone = contents.question.get("monotone")
    asked = (r for r in rows if r["completeness_low"] == low and bool(r["monotone"]) == bool(monotone))
    return next(asked, rows[0] if rows else None)


def tipping_row(contents: ReportContents, form: str) -> Row | None:
    """The tipping point of a form, or None if there is none or nothing changed."""
    if contents.tipping.empty:
        return None
    rows = records(contents.tipping[contents.tipping["form"] == form])
    return next((row for row in rows if not is_missing(tipping_value(row))), None)


def tipping_value(row: Row) -> float | None:
    """The completeness of a tipping point: that before for a rise, after relative to before for a fall."""
    if row["direction"] == "rise":
        return None if is_missing(row["completeness_before"]) else float(row["completeness_before"])
    return float(row["rate_ratio"]) if row["direction"] == "fall" else None


def records(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame, each as a mapping from column to value."""
    return [{str(column): value for column, value in row.items()} for row in frame.to_dict("records")]


def telling_providers(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Rows of a table of reporting patterns, at most so many: silence first, then questions, then zeros, by provider.

    Parameters
    ----------
    table : DataFrame
        As in `ReportingPatterns.table`.
    most : int
    """
    order = pd.DataFrame(
        {
            "not_silent": ~(table["silent"] > 0),
            "no_question": ~(table["declared_unlikely"] > 0),
            "registered": table["with_registrations"] > 0,
            "complete": table["pattern"] == "complete",
            "provider": table["provider"],
        }
    )
    return table.loc[order.sort_values(list(order.columns)).index[:most]]


def _in_order(values: Iterable[Any], order: Iterable[str]) -> list[str]:
    present = list(dict.fromkeys(str(value) for value in values))
    known = [value for value in order if value in present]
    return known + [value for value in present if value not in known]
