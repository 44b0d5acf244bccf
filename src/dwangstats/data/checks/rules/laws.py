"""Rules for registrations that contradict their law: by code, by legal status, by location."""

from collections.abc import Iterator

import pandas as pd

from dwangstats.data.checks.rule import Rule, some
from dwangstats.data.checks.traces.laws import code_outside_law, location_outside_law, status_outside_law
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import analysis_form
from dwangstats.data.reading.read import Tables

OUTSIDE_LAW = Rule(
    "code-outside-law",
    "warning",
    "In {count} van de {of} registraties staat een code die niet in de codelijst van de wet voorkomt: "
    "{names} ({where}).",
    "In {count} of {of} registrations the code is not in the code list of the law: {names} ({where}).",
    "Controleer of de wet of de code verwisseld is; de registratie telt mee onder de wet die er staat.",
    "Check whether the law or the code was mixed up; the registration counts under the law that is given.",
)
STATUS_OUTSIDE = Rule(
    "status-outside-law",
    "warning",
    "In {count} van de {of} registraties hoort de juridische status bij een andere wet dan er staat: {names} "
    "({where}).",
    "In {count} of {of} registrations the legal status belongs to another law than the one given: {names} ({where}).",
    "Controleer of de wet of de status verwisseld is; de registratie telt mee onder de wet die er staat.",
    "Check whether the law or the status was mixed up; the registration counts under the law that is given.",
)
LOCATION_OUTSIDE = Rule(
    "location-outside-law",
    "warning",
    "In {count} van de {of} registraties heeft de locatie volgens de tabel locations de wet niet die er staat: {names} "
    "({where}).",
    "In {count} of {of} registrations the location does not have the law that is given, by the table locations: "
    "{names} ({where}).",
    "Controleer de wet van de registratie, en de kolom laws van de locatie.",
    "Check the law of the registration, and the column laws of the location.",
)


def law_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about the law of registrations beside their code, their legal status and their location (E8).

    A code that is in no list at all is an error of its own.
    """
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    unlisted = code_outside_law(tables)
    if unlisted.any():
        unlisted &= pd.notna(analysis_form(frame))
        names = some(frame.loc[unlisted, "intervention_code"])
        yield from OUTSIDE_LAW.broken_in("registrations", frame, unlisted, names=names)
    strange = status_outside_law(tables)
    if strange.any():
        names = some(frame.loc[strange, "law"].astype("str") + " / " + frame.loc[strange, "legal_status"].astype("str"))
        yield from STATUS_OUTSIDE.broken_in("registrations", frame, strange, names=names)
    elsewhere = location_outside_law(tables)
    if elsewhere.any():
        names = some(frame.loc[elsewhere, "location_id"].dropna())
        yield from LOCATION_OUTSIDE.broken_in("registrations", frame, elsewhere, names=names)
