"""Rules for providers that register more or fewer for a while than their own time and the other providers explain.

Each says how many marks are expected to be chance, and what only the provider itself can tell: whether it was the
registration or the care that changed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from dwangstats._types import Language
from dwangstats.data.checks.rule import Rule, has, some
from dwangstats.data.checks.traces.admissions import taken_for_granted
from dwangstats.data.checks.traces.cells import Cells
from dwangstats.data.checks.traces.linkage import several_numbers
from dwangstats.data.checks.traces.shifts import after_migration, one_form, resistance, second_source, simultaneous
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import labels

_CHANCE_NL = "Naar verwachting is hoogstens een op de twintig van deze meldingen toeval. "
_CHANCE_EN = "Of these marks at most one in twenty is expected to be chance. "

ALL_FORMS = Rule(
    "shift-in-all-forms",
    "warning",
    "Bij {count} van de {of} aanbieders ligt het aantal registraties van alle vormen samen een tijd lang hoger of "
    "lager dan de eigen overige tijd en de andere aanbieders verklaren: {names}.",
    "At {count} of {of} providers the registrations of all forms together lie higher or lower for a time than the "
    "provider's own other time and the other providers explain: {names}.",
    _CHANCE_NL
    + "Vraag of in die tijd een ander dossiersysteem, een andere export of een andere werkwijze is ingevoerd. "
    "Zo niet, dan kan de zorg zelf veranderd zijn.",
    _CHANCE_EN + "Ask whether the record system, the export or the way of working changed at that time. If not, care "
    "itself may have changed.",
)
RECORD_SYSTEM = Rule(
    "record-system-changed",
    "info",
    "Bij {count} van de {of} aanbieders is in de tijd van het register het dossiersysteem vervangen; registraties in "
    "het jaar erna, ten opzichte van de eigen overige tijd en de andere aanbieders: {names}.",
    "At {count} of {of} providers the record system was replaced within the time of the register; registrations in the "
    "year after, relative to the provider's own other time and to the other providers: {names}.",
    "Een cijfer rond 1 sluit verlies niet uit. Neem het jaar na de overgang apart, of vraag wat er is overgezet.",
    "A figure near 1 does not rule out losses. Take the year after the change apart, or ask what was carried over.",
)
ONE_FORM = Rule(
    "shift-in-one-form",
    "warning",
    "Bij {count} van de {of} aanbieders verschuift één vorm een tijd lang ten opzichte van de andere vormen, anders "
    "dan elders: {names}.",
    "At {count} of {of} providers one form shifts for a time against the other forms, unlike elsewhere: {names}.",
    _CHANCE_NL + "Vraag of de code waaronder de vorm wordt geëxporteerd in die tijd veranderd is.",
    _CHANCE_EN + "Ask whether the code under which the form is exported changed at that time.",
)
TWO_SOURCES = Rule(
    "shift-against-second-source",
    "warning",
    "Bij {count} van de {of} aanbieders met een tweede bron staat een tijd lang een ander deel van wat die bron zag in "
    "het register dan daarvoor en daarna: {names}.",
    "At {count} of {of} providers with a second source another part of what that source saw is in the register for a "
    "time than before and after: {names}.",
    _CHANCE_NL
    + "Een verandering van de zorg verklaart dit niet: vraag wat er in die tijd met de registratie gebeurde.",
    _CHANCE_EN + "A change of care does not explain this: ask what happened to registration at that time.",
)
CRITERION = Rule(
    "locking-in-fell-in-2020",
    "warning",
    "Bij {count} van de {of} aanbieders daalde insluiten bij de invoering van de wet in 2020 sterker ten opzichte van "
    "de andere vormen dan elders: {names}.",
    "At {count} of {of} providers locking in fell more against the other forms than elsewhere when the law came into "
    "force in 2020: {names}.",
    _CHANCE_NL + "Vraag hoe het criterium verzet is uitgelegd; tot dat duidelijk is zijn de jaren niet vergelijkbaar.",
    _CHANCE_EN + "Ask how the criterion of resistance was read; until that is clear the years cannot be compared.",
)
ADMISSIONS = Rule(
    "admissions-not-registered",
    "warning",
    "Bij {count} van de {of} aanbieders zijn bijna geen gedwongen opnames geregistreerd, gegeven het aantal opnames: "
    "{names}.",
    "At {count} of {of} providers next to no forced admissions are registered, given the number of admissions: "
    "{names}.",
    _CHANCE_NL + "Vergelijk met het aantal machtigingen en crisismaatregelen; opname is zelf ook verplichte zorg.",
    _CHANCE_EN + "Compare with the number of court orders and crisis measures; admission is forced care as well.",
)
NUMBERS = Rule(
    "several-client-numbers",
    "info",
    "Bij {count} van de {of} aanbieders zijn er in een halfjaar van vóór de koppeling op burgerservicenummer meer "
    "cliëntnummers dan bij zo veel registraties te verwachten is: {names}.",
    "At {count} of {of} providers there are, in a half-year from before the linkage on the citizen service number, "
    "more client numbers than is to be expected with so many registrations: {names}.",
    _CHANCE_NL + "Vergelijk aantallen cliënten niet over november 2021 heen; aantallen registraties wel.",
    _CHANCE_EN + "Do not compare numbers of clients across November 2021; numbers of registrations can be compared.",
)


_TIMES: dict[Language, str] = {"nl": "maal wat te verwachten is", "en": "times what is to be expected"}
_NO_RATIO: dict[Language, str] = {"nl": "verhouding niet te berekenen", "en": "ratio cannot be calculated"}


def movement_findings(tables: Tables, cells: Sequence[Cells]) -> Iterator[Finding]:
    """Findings about stretches of time, admissions and client numbers.

    Parameters
    ----------
    tables : Tables
    cells : sequence of Cells
        `dwangstats.data.checks.traces.cells.register_cells` of the same tables.
    """
    counted = {name for part in cells for name in part.providers}
    for rule, rows in (
        (ALL_FORMS, simultaneous(tables, cells=cells)),
        (RECORD_SYSTEM, after_migration(tables, cells=cells)),
        (ONE_FORM, one_form(tables, cells=cells)),
        (CRITERION, resistance(tables, cells=cells)),
        (ADMISSIONS, taken_for_granted(tables, cells=cells)),
    ):
        # A provider of which the record system changed may have nothing that was delivered.
        providers = len(counted | set(rows["provider_id"]))
        yield from _of_providers(rule, "registrations", rows, providers)
    if tables.second_source is not None:
        linked = int(tables.second_source["provider_id"].nunique())
        yield from _of_providers(TWO_SOURCES, "second_source", second_source(tables), linked)
    if has(tables.registrations, "provider_id"):
        every = int(tables.registrations["provider_id"].nunique())
        yield from _of_providers(NUMBERS, "registrations", several_numbers(tables), every)


def _of_providers(rule: Rule, table: str, rows: pd.DataFrame, of: int) -> Iterator[Finding]:
    """One finding for all providers in the rows, with the first of them, their time and their ratio."""
    count = int(rows["provider_id"].nunique())
    yield from rule.counted(table, count, of, names=_named(rows))


def _named(rows: pd.DataFrame) -> dict[Language, str]:
    """The first places with the form, the time and the ratio, in both languages."""
    once = rows.drop_duplicates([name for name in ("provider_id", "form") if name in rows.columns])
    named: dict[Language, str] = {}
    marks: dict[Language, str] = {"nl": ",", "en": "."}
    for language, mark in marks.items():
        forms = labels(language, "forms")
        named[language] = some(_in_words(row, forms, language, mark) for row in once.to_dict("records"))
    return named


def _in_words(row: dict[Any, Any], forms: dict[str, str], language: Language, mark: str) -> str:
    words = [str(row["provider_id"])]
    if row.get("form") in forms:
        words.append(forms[row["form"]])
    if "first" in row:
        words.append(row["first"] if row["first"] == row["last"] else f"{row['first']} - {row['last']}")
    if pd.isna(row["ratio"]):
        return f"{' '.join(words)} ({_NO_RATIO[language]})"
    ratio = f"{row['ratio']:.2f}".replace(".", mark)
    return f"{' '.join(words)} ({ratio} {_TIMES[language]})"
