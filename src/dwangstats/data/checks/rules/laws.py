"""Rules for registrations that contradict their law; a code outside its list is a rule of `rules.registrations`."""

from collections.abc import Iterator

from dwangstats.data.checks.rule import Rule, some
from dwangstats.data.checks.traces.laws import location_outside_law, status_outside_law
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

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
    """Findings about the law of registrations beside their legal status and their location (E8)."""
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    strange = status_outside_law(tables)
    if strange.any():
        names = some(frame.loc[strange, "law"].astype("str") + " / " + frame.loc[strange, "legal_status"].astype("str"))
        yield from STATUS_OUTSIDE.broken_in("registrations", frame, strange, names=names)
    elsewhere = location_outside_law(tables)
    if elsewhere.any():
        names = some(frame.loc[elsewhere, "location_id"].dropna())
        yield from LOCATION_OUTSIDE.broken_in("registrations", frame, elsewhere, names=names)
