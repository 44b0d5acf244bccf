"""Rules for evidence about completeness: audits, a second source and control outcomes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Rule, has, numbers, some
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import FORMS
from dwangstats.data.register.schema import AUDIT_DESIGNS

MORE_REGISTERED = Rule(
    "registered-above-found",
    "error",
    "In {count} van de {of} dossieronderzoeken zijn meer gebeurtenissen geregistreerd dan gevonden ({where}).",
    "In {count} of {of} audits more events were registered than found ({where}).",
    "n_registered telt alleen de gevonden gebeurtenissen die ook geregistreerd waren.",
    "n_registered counts only those found events that were registered as well.",
)
NOT_COUNTS = Rule(
    "not-a-count",
    "error",
    "In {count} van de {of} rijen van {table} is {column} negatief of geen geheel getal ({where}).",
    "In {count} of {of} rows of {table} {column} is negative or not a whole number ({where}).",
    "Geef aantallen.",
    "Give counts.",
)

UNKNOWN_PROVIDER = Rule(
    "evidence-without-provider",
    "error",
    "In {count} van de {of} rijen van {table} staat een aanbieder zonder beddagen in de andere tabellen ({names}; "
    "{where}).",
    "In {count} of {of} rows of {table} there is a provider without bed-days in the other tables ({names}; {where}).",
    "Schrijf de aanbieder zoals in de tabel met beddagen, of verwijder de rij.",
    "Write the provider as in the table with bed-days, or remove the row.",
)
UNKNOWN_FORM = Rule(
    "evidence-unknown-form",
    "error",
    "In {count} van de {of} rijen van {table} is de vorm onbekend ({names}; {where}).",
    "The form is unknown in {count} of {of} rows of {table} ({names}; {where}).",
    "Kies uit {forms}, of laat de kolom weg als alle vormen samen zijn genomen.",
    "Choose from {forms}, or leave out the column when all forms were taken together.",
)
FORM_BESIDE_ALL = Rule(
    "evidence-form-beside-all-forms",
    "error",
    "In {count} van de {of} rijen van {table} is de vorm leeg, terwijl dezelfde aanbieder en periode ook rijen per "
    "vorm hebben ({where}).",
    "The form is empty in {count} of {of} rows of {table} although the same provider and period have rows by form as "
    "well ({where}).",
    "Een lege vorm betekent alle vormen samen; laat of die rij of de rijen per vorm weg, anders telt alles dubbel.",
    "An empty form means all forms together; leave out either that row or those by form, or all is counted twice.",
)
UNKNOWN_DESIGN = Rule(
    "audit-unknown-design",
    "error",
    "In {count} van de {of} rijen van {table} is design niet random of targeted ({where}).",
    "In {count} of {of} rows of {table} the design is neither random nor targeted ({where}).",
    "Schrijf random als de aanbieders een aselecte steekproef zijn, anders targeted.",
    "Write random when the providers are a random sample, targeted otherwise.",
)
NOTHING_FOUND = Rule(
    "evidence-without-events",
    "warning",
    "In geen van de {of} rijen van {table} is iets gevonden; de tabel zegt niets over de volledigheid.",
    "In none of the {of} rows of {table} anything was found; the table says nothing about completeness.",
    "Controleer of de aantallen zijn ingevuld.",
    "Check that the counts were filled in.",
)

_COUNTS = {
    "audits": ("n_found", "n_registered"),
    "second_source": ("both", "register_only", "other_only"),
    "controls": ("control_count",),
}


def evidence_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about audits, a second source and control outcomes."""
    providers = _providers(tables)
    for table, columns in _COUNTS.items():
        frame: pd.DataFrame | None = getattr(tables, table)
        if frame is None or frame.empty:
            continue
        yield from _counts(table, frame, columns)
        if providers is not None and has(frame, "provider_id"):
            unknown = (frame["provider_id"].notna() & ~frame["provider_id"].isin(providers)).to_numpy()
            names = some(frame.loc[unknown, "provider_id"])
            yield from UNKNOWN_PROVIDER.broken_in(table, frame, unknown, names=names)
        if has(frame, "form"):
            yield from _forms(table, frame, _known_forms(tables))
    if has(tables.audits, "n_found", "n_registered"):
        more = numbers(tables.audits, "n_registered") > numbers(tables.audits, "n_found")
        yield from MORE_REGISTERED.broken_in("audits", tables.audits, more)
    if has(tables.audits, "design"):
        design = tables.audits["design"]
        other = (design.notna() & ~design.isin(AUDIT_DESIGNS)).to_numpy()
        yield from UNKNOWN_DESIGN.broken_in("audits", tables.audits, other)


def _counts(table: str, frame: pd.DataFrame, columns: tuple[str, ...]) -> Iterator[Finding]:
    nothing = True
    for column in columns:
        values = numbers(frame, column)
        wrong = ~np.isnan(values) & ((values < 0) | (values != np.floor(values)) | np.isinf(values))
        nothing = nothing and not np.any(values != 0.0)
        yield from NOT_COUNTS.broken_in(table, frame, wrong, column=column)
    if nothing:
        yield from NOTHING_FOUND.counted(table, len(frame), len(frame))


def _forms(table: str, frame: pd.DataFrame, forms: tuple[str, ...]) -> Iterator[Finding]:
    unknown = (frame["form"].notna() & ~frame["form"].isin(forms)).to_numpy()
    yield from UNKNOWN_FORM.broken_in(
        table, frame, unknown, names=some(frame.loc[unknown, "form"]), forms=", ".join(forms)
    )
    if has(frame, "provider_id", "period"):
        cell = pd.MultiIndex.from_frame(frame[["provider_id", "period"]])
        blank = frame["form"].isna().to_numpy()
        yield from FORM_BESIDE_ALL.broken_in(table, frame, blank & cell.isin(cell[~blank]))


def _providers(tables: Tables) -> set[str] | None:
    """Providers with bed-days; None when no table has them."""
    found = [
        set(frame[column].dropna())
        for frame, column in ((tables.exposure, "provider_id"), (tables.panel, "provider"))
        if has(frame, column)
    ]
    return set().union(*found) if found else None


def _known_forms(tables: Tables) -> tuple[str, ...]:
    """Forms of the ready counts, or of the code list."""
    return tuple(sorted(set(tables.panel["form"].dropna()))) if has(tables.panel, "form") else FORMS
