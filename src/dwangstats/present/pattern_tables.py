"""Reporting patterns as display tables: how many providers report how, which zeros are silence, which are questions."""

import math

import pandas as pd

from dwangstats._types import Language
from dwangstats.present.cells import Cell, DisplayTable, TableRow, text_row, titled_columns
from dwangstats.present.choose import Row, records
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels
from dwangstats.providers.patterns import PATTERNS

WRITTEN_OUT = 1e-4
"""Smaller probabilities are powers of ten."""

SURE = 0.999
"""A probability beyond this is shown as more than it."""


def pattern_tables(contents: ReportContents) -> list[DisplayTable]:
    """The tables on reporting patterns that have rows, in order; none where nobody asked or zeros cannot be judged."""
    if contents.patterns.empty:
        return []
    language = contents.language
    tables = (
        patterns_table(contents.patterns, language),
        silence_table(contents.patterns, language),
        declared_table(contents.pattern_periods, language),
    )
    return [table for table in tables if table.rows]


def patterns_table(table: pd.DataFrame, language: Language = "nl") -> DisplayTable:
    """Number of providers by pattern.

    Parameters
    ----------
    table : DataFrame
        `ReportingPatterns.table`.
    language : {"nl", "en"}
    """
    labels = Labels(language)
    counts = table["pattern"].value_counts()
    rows = [
        text_row(labels.name("pattern", name), labels.count(counts[name])) for name in PATTERNS if name in counts.index
    ]
    columns = titled_columns(labels, ("pattern", "providers"), words=("pattern",))
    return DisplayTable("patterns", labels.text("table.patterns"), columns, tuple(rows))


def silence_table(table: pd.DataFrame, language: Language = "nl") -> DisplayTable:
    """The providers with silent periods and the pattern of each, the most certain first.

    Parameters
    ----------
    table : DataFrame
        `ReportingPatterns.table`; with ``prior_silent`` the probability of silence is shown too.
    language : {"nl", "en"}
    """
    labels = Labels(language)
    silent = table.loc[table["silent"] > 0].sort_values(["log_p_adjusted", "provider"])
    with_odds = "probability_silent" in table.columns
    heads = ["provider", "period", "silent_periods", "silent_of", "declared_of", "expected_registrations", "p_silence"]
    columns = titled_columns(labels, [*heads, *["probability_silent"] * with_odds], words=("provider", "period"))
    rows = tuple(_silent_row(labels, row, with_odds=with_odds) for row in records(silent))
    return DisplayTable("patterns", labels.text("table.silence"), columns, rows)


def declared_table(periods: pd.DataFrame, language: Language = "nl") -> DisplayTable:
    """The periods declared as nothing to report where that is unlikely for the size, the most surprising first.

    Parameters
    ----------
    periods : DataFrame
        `ReportingPatterns.periods`.
    language : {"nl", "en"}
    """
    labels = Labels(language)
    asked = periods.loc[periods["unlikely"]].sort_values(["log_p_silence", "provider", "period"])
    heads = ["provider", "period", "expected_registrations", "p_silence"]
    columns = titled_columns(labels, heads, words=("provider", "period"))
    rows = [
        TableRow(
            (
                Cell(str(row["provider"])),
                Cell(_period_text(labels, row["period"])),
                Cell(labels.number(row["expected"], 1)),
                Cell(probability_text(labels, row["log_p_silence"])),
            )
        )
        for row in records(asked)
    ]
    return DisplayTable("pattern_periods", labels.text("table.declared"), columns, tuple(rows))


def probability_text(labels: Labels, log_p: float) -> str:
    """A probability of any size from its logarithm: 0.03, or 4.1 x 10^-72."""
    if math.isnan(log_p) or log_p >= math.log(WRITTEN_OUT):
        return labels.significant(None if math.isnan(log_p) else math.exp(log_p), 2)
    power = math.floor(log_p / math.log(10.0))
    mantissa = round(math.exp(log_p - power * math.log(10.0)), 1)
    if mantissa >= 10.0:
        mantissa, power = mantissa / 10.0, power + 1
    exponent = f"\N{MINUS SIGN}{-power}"
    return labels.text("common.power_of_ten", mantissa=labels.number(mantissa, 1), power=exponent)


def _period_text(labels: Labels, period: object) -> str:
    """A period that a narrow column does not break at its hyphen."""
    return labels.period(period).replace("-", "\N{NON-BREAKING HYPHEN}")


def _silent_row(labels: Labels, row: Row, *, with_odds: bool) -> TableRow:
    first, last = (_period_text(labels, row[key]) for key in ("first_silent", "last_silent"))
    texts = [
        labels.count(row["zero"]),
        labels.count(row["silent"]),
        labels.count(row["declared_nothing"]),
        labels.number(row["expected"], 1),
        probability_text(labels, row["log_p_silence"]),
    ]
    odds = [_odds_text(labels, row["probability_silent"])] if with_odds else []
    provider = Cell(str(row["provider"]), labels.name("pattern", row["pattern"]))
    period = Cell(first, "" if first == last else labels.text("silence.until", last=last))
    return TableRow((provider, period, *(Cell(text) for text in (*texts, *odds))))


def _odds_text(labels: Labels, probability: float) -> str:
    """A probability in percent that says 0% or 100% for no estimate."""
    if probability > SURE:
        return f">{labels.percent(SURE, 1)}"
    return f"<{labels.percent(1.0 - SURE, 1)}" if probability < 1.0 - SURE else labels.percent(probability, 1)
