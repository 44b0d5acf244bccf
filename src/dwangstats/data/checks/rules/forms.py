"""Rules for forms: a total among its parts would be added to them, and a form counts while its code and law hold."""

from collections.abc import Iterator

import pandas as pd

from dwangstats.data.checks.rule import Mask, Rule, has, numbers, some
from dwangstats.data.checks.rules.validity import validity_findings
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

#: words for a sum, in small letters; `Panel.for_form` makes the sum itself and calls it "all".
TOTALS = (
    *("all", "all forms", "total", "totals", "grand total", "overall", "sum"),
    *("alle", "alle vormen", "alles", "totaal", "totalen", "eindtotaal", "som"),
)
#: in fewer places two small counts can add up to a third by chance.
ENOUGH_PLACES = 3
_PARTS = ("provider", "location", "form")
_PLACE = ("provider", "location", "law", "period")

TOTAL = Rule(
    "total-among-parts",
    "error",
    "In {count} van de {of} rijen van {table} staat in de kolom {column} een totaal ({names}; {where}), dat bij zijn "
    "delen zou worden opgeteld.",
    "In {count} of {of} rows of {table} the column {column} holds a total ({names}; {where}), which would be added to "
    "its parts.",
    "Verwijder die rijen; totalen worden zelf gemaakt. Zijn er geen delen, laat dan de kolom {column} weg of geef haar "
    "een andere naam.",
    "Remove these rows; totals are made here. If there are no parts, leave out the column {column} or use another name "
    "in it.",
)
SUM = Rule(
    "form-is-the-sum",
    "warning",
    "De vorm {names} is in elk van de {places} vergelijkbare rijen gelijk aan de som van de andere vormen.",
    "The form {names} equals the sum of the other forms in each of {places} rows that can be compared.",
    "Is het een totaal, verwijder dan die rijen; anders telt elke gebeurtenis dubbel in de som over vormen.",
    "If it is a total remove its rows; otherwise every event counts twice in the sum over forms.",
)


def form_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about totals among the parts of the table `panel`, and about the days of registered codes and laws."""
    yield from validity_findings(tables)
    frame = tables.panel
    if frame is None or frame.empty:
        return
    for column in _PARTS:
        if has(frame, column):
            total = _is_total(frame[column])
            yield from TOTAL.broken_in("panel", frame, total, column=column, names=some(frame.loc[total, column]))
    if has(frame, "provider", "period", "form", "events"):
        counts = _counts_by_form(frame)
        sums = {form: places for form in counts.columns if (places := _places_as_sum(counts, form))}
        places = max(sums.values(), default=0)
        yield from SUM.counted("panel", len(sums), counts.shape[1], names=some(sums), places=places)


def _is_total(names: "pd.Series[str]") -> Mask:
    words = names.str.casefold().str.replace(r"[\W_]+", " ", regex=True).str.strip()
    return words.isin(TOTALS).to_numpy(dtype=bool)


def _counts_by_form(frame: pd.DataFrame) -> pd.DataFrame:
    """Counts with a row per place and period and a column per form; only places where every count is there."""
    place = [name for name in _PLACE if name in frame.columns]
    rows = frame[place].fillna("").assign(form=frame["form"].fillna("unknown"), events=numbers(frame, "events"))
    if "delivered" in frame.columns:
        sent = frame["delivered"].astype("boolean").fillna(True).to_numpy(dtype=bool)
        rows["events"] = rows["events"].where(sent)
    whole = rows["events"].notna().groupby([rows[name] for name in place]).transform("all")
    return rows.loc[whole].pivot_table(index=place, columns="form", values="events", aggfunc="sum")


def _places_as_sum(counts: pd.DataFrame, form: str) -> int:
    """Number of places in which the form is the sum of the others, above zero; 0 when in any it is not."""
    others = counts.drop(columns=form)
    there = counts[form].notna() & others.notna().any(axis=1)
    total = others.loc[there].sum(axis=1)
    telling = int((total > 0).sum())
    return telling if telling >= ENOUGH_PLACES and bool((counts.loc[there, form] == total).all()) else 0
