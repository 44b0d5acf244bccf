"""Rules for providers over all tables: how many there are, and one name for each."""

from collections.abc import Iterator

import pandas as pd

from dwangstats.data.checks.rule import Rule, has, some
from dwangstats.data.checks.unlisted import plain_spelling
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

_COLUMNS = (
    ("panel", "provider"),
    ("exposure", "provider_id"),
    ("registrations", "provider_id"),
    ("deliveries", "provider_id"),
)

ONE_PROVIDER = Rule(
    "one-provider",
    "warning",
    "Er is maar één aanbieder in {table}.",
    "There is only one provider in {table}.",
    "Een interval dat rekening houdt met verschillen tussen aanbieders is er dan niet.",
    "An interval that allows for differences between providers cannot be given.",
)
SPELT_TWICE = Rule(
    "provider-spelt-twice",
    "warning",
    "De namen van {count} van de {of} aanbieders verschillen alleen in hoofdletters, leestekens, spaties of nullen "
    "vooraan: {names}.",
    "The names of {count} of {of} providers differ only in capitals, punctuation, spaces or leading zeros: {names}.",
    "Schrijf een aanbieder overal op dezelfde manier; nu zijn het verschillende aanbieders.",
    "Write a provider the same way everywhere; as it is they are different providers.",
)


def provider_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about a single provider, from the table that has the bed-days, and about two spellings of one."""
    given = tables.given
    names = {table: set(given[table][column].dropna()) for table, column in _COLUMNS if has(given.get(table), column)}
    for table in ("panel", "exposure"):
        if len(names.get(table, ())) == 1:
            yield from ONE_PROVIDER.counted(table, 1, 1)
    every = pd.Series(sorted(set().union(*names.values())), dtype="str")
    spelling = plain_spelling(every)
    twice = every.loc[spelling.duplicated(keep=False)]
    pairs = twice.groupby(spelling).agg(" = ".join)
    yield from SPELT_TWICE.counted("", len(twice), len(every), names=some(pairs))
