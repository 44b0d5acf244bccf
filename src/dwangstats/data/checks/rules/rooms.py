"""Rules for where a measure took place: a location to hang it on, and a room that is said and goes with the ward."""

from collections.abc import Iterator

from dwangstats.data.checks.rule import Rule, some
from dwangstats.data.checks.traces.gone import without_location
from dwangstats.data.checks.traces.rooms import often_unspecified, room_against_ward
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

WITHOUT_LOCATION = Rule(
    "without-location",
    "warning",
    "In {count} van de {of} registraties ontbreekt de locatie, of staat die niet bij de aanbieder in de tabel "
    "locations (aanbieders: {names}; {where}).",
    "In {count} of {of} registrations the location is missing, or the table locations does not know it at the provider "
    "(providers: {names}; {where}).",
    "Vul het vestigingsnummer aan. Zonder locatie vallen zulke maatregelen bij sommige exporten weg; vraag na of er "
    "meer zijn die hier ontbreken.",
    "Fill in the number of the establishment. Without a location some exports drop such measures; ask whether there "
    "are more that are not here.",
)
NOT_SPECIFIED = Rule(
    "room-not-specified",
    "info",
    "In {count} van de {of} registraties van insluiten staat niet in welke ruimte, bij aanbieders die dat vaker "
    "weglaten dan de andere of dan één op de tien keer: {names} ({where}).",
    "In {count} of {of} registrations of locking in the room is not said, at providers that leave it out more often "
    "than the others or than one in ten times: {names} ({where}).",
    "Vraag de ruimte na. Zij tellen bij de definities D1 en D2 niet als separatie en bij D3 wel; een verschuiving "
    "tussen codes lijkt daar op een verandering.",
    "Ask for the room. Under the definitions D1 and D2 they do not count as seclusion and under D3 they do; there a "
    "shift between codes looks like a change.",
)
STRANGE_ROOM = Rule(
    "room-against-ward",
    "info",
    "In {count} van de {of} registraties staat een soort ruimte die op zulke afdelingen bijna nooit gebruikt wordt "
    "(afdelingen: {names}; {where}).",
    "In {count} of {of} registrations there is a kind of room that is hardly ever used on such wards (wards: {names}; "
    "{where}).",
    "Controleer de code van de ruimte, en de soort afdeling in de tabel locations.",
    "Check the code of the room, and the kind of ward in the table locations.",
)


def room_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about locations and rooms in the table `registrations` (E6, E7)."""
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    homeless = without_location(tables)
    if homeless.any():
        names = some(frame.loc[homeless, "provider_id"].dropna())
        yield from WITHOUT_LOCATION.broken_in("registrations", frame, homeless, names=names)
    vague = often_unspecified(tables)
    if vague.any():
        names = some(frame.loc[vague, "provider_id"].dropna())
        yield from NOT_SPECIFIED.broken_in("registrations", frame, vague, names=names)
    strange = room_against_ward(tables)
    if strange.any() and tables.locations is not None:
        settings = tables.locations.drop_duplicates(["provider_id", "location_id"])
        wards = frame.loc[strange, ["provider_id", "location_id"]].merge(settings, on=["provider_id", "location_id"])
        yield from STRANGE_ROOM.broken_in("registrations", frame, strange, names=some(wards["setting"]))
