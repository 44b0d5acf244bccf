"""Rules for what shows only at a place over a time: a half-year, a provider's level, the unit of bed-days, a join."""

from collections.abc import Iterator

import pandas as pd

from dwangstats.data.checks.rule import Rule, has, some
from dwangstats.data.checks.rules.movements import movement_findings
from dwangstats.data.checks.traces import joins, missing, units
from dwangstats.data.checks.traces.cells import register_cells
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

HALF_YEAR = Rule(
    "half-year-missing",
    "info",
    "Van {count} van de {of} halfjaren van aanbieders in de tabel van aanleveringen is het register leeg, doordat "
    "niets is aangeleverd of het bestand is afgekeurd: {names} ({where}).",
    "For {count} of {of} half-years of providers in the table of deliveries the register is empty, because nothing was "
    "delivered or the file was rejected: {names} ({where}).",
    "Zij tellen niet mee en krijgen geen nul. Vergelijk alleen aanbieders die in beide perioden aanleverden, en kijk "
    "hoe die verschillen van de rest.",
    "They are left out and do not get a zero. Compare only providers that delivered in both periods, and see how these "
    "differ from the rest.",
)
REFUSED = Rule(
    "file-refused",
    "info",
    "{count} van de {of} versies van aanleveringen zijn afgekeurd om de vorm van het bestand en daarna niet "
    "goedgekeurd: {names} ({where}).",
    "{count} of {of} versions of deliveries were refused for the form of the file and not accepted afterwards: {names} "
    "({where}).",
    "Vraag een nieuw bestand uit het dossiersysteem; een met de hand bewerkt xml-bestand wordt vaak afgekeurd.",
    "Ask for a new file from the record system; an xml file that was edited by hand is often refused.",
)
CAPACITY = Rule(
    "capacity-for-occupancy",
    "warning",
    "In {count} van de {of} rijen van exposure zijn de bezette beddagen precies de capaciteit, terwijl de periode "
    "ervoor en erna lager liggen: {names} ({where}).",
    "In {count} of {of} rows of exposure the occupied bed-days are exactly the capacity, while the periods before and "
    "after lie lower: {names} ({where}).",
    "Waarschijnlijk is de capaciteit ingevuld. Vraag de bezetting op; een afdeling kan ook werkelijk vol zijn geweest.",
    "Probably the capacity was filled in. Ask for the occupancy; a ward may also really have been full.",
)
TENFOLD = Rule(
    "bed-days-tenfold",
    "warning",
    "In {count} van de {of} rijen van exposure zijn er ongeveer tien keer zo veel of zo weinig beddagen als op die "
    "plaats gewoon is: {names} ({where}).",
    "In {count} of {of} rows of exposure there are about ten times as many or as few bed-days as is usual at the "
    "place: {names} ({where}).",
    "Waarschijnlijk is een komma verschoven of een nul te veel of te weinig geschreven; verbeter het aantal bij de "
    "bron.",
    "Probably a decimal mark was misplaced, or a zero too many or too few was written; correct the number at the "
    "source.",
)
HOURS = Rule(
    "hours-for-bed-days",
    "warning",
    "In {count} van de {of} rijen van exposure zijn er ongeveer 24 keer zo veel beddagen als op die plaats gewoon is: "
    "{names} ({where}).",
    "In {count} of {of} rows of exposure there are about 24 times as many bed-days as is usual at the place: {names} "
    "({where}).",
    "Waarschijnlijk zijn uren opgegeven in plaats van dagen; verbeter het aantal bij de bron.",
    "Probably hours were given in place of days; correct the number at the source.",
)
OUT_OF_STEP = Rule(
    "bed-days-out-of-step",
    "info",
    "In {count} van de {of} rijen van exposure ligt het aantal beddagen verder van wat op die plaats gewoon is dan de "
    "spreiding in het register verklaart: {names} ({where}).",
    "In {count} of {of} rows of exposure the bed-days lie further from what is usual at the place than the spread in "
    "the register explains: {names} ({where}).",
    "Vraag wat er gebeurde: bedden erbij of eraf, een verhuizing, of een fout. De kans op een melding zonder reden is "
    "voor alle rijen samen ongeveer een op de twintig.",
    "Ask what happened: beds added or closed, a move, or an error. The chance of any mark without a reason is about "
    "one in twenty for all rows together.",
)
NO_BED_DAYS = Rule(
    "place-without-bed-days",
    "warning",
    "Van {count} van de {of} plaatsen en perioden met registraties staat er geen rij met beddagen in exposure: "
    "{names}.",
    "For {count} of {of} places and periods with registrations there is no row of bed-days in exposure: {names}.",
    "Voeg de beddagen van die plaats toe, of verbeter het nummer van de locatie; anders is het cijfer per beddag te "
    "hoog of niet te maken.",
    "Add the bed-days of the place, or correct the number of the location; otherwise the rate per bed-day is too high "
    "or cannot be made.",
)
CLOSED = Rule(
    "location-closed",
    "warning",
    "Op {count} van de {of} locaties zijn er registraties of beddagen van vóór de opening of na de sluiting: {names}.",
    "At {count} of {of} locations there are registrations or bed-days from before the opening or after the closing: "
    "{names}.",
    "Verbeter de datum van opening of sluiting, of het nummer van de locatie.",
    "Correct the date of opening or closing, or the number of the location.",
)


def place_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about half-years, levels of providers, units of bed-days, and joins between the tables.

    Parameters
    ----------
    tables : Tables

    Yields
    ------
    Finding
        Names are of providers, locations and periods; never of clients or registrations.
    """
    yield from _deliveries(tables)
    yield from movement_findings(tables, register_cells(tables))
    yield from _units(tables)
    yield from _joins(tables)


def _deliveries(tables: Tables) -> Iterator[Finding]:
    frame = tables.deliveries
    if not has(frame, "provider_id", "period", "status"):
        return
    absent = missing.half_years(tables)
    stated = absent.loc[absent["status"] != "unknown"]
    key = [name for name in ("provider_id", "law", "period") if name in frame.columns]
    yield from HALF_YEAR.counted(
        "deliveries", len(stated), len(frame[key].drop_duplicates()), rows=stated.index, names=_places(stated)
    )
    refused = missing.refused_for_form(tables)
    lost = refused.loc[~refused["mended"].astype(bool)]
    yield from REFUSED.counted("deliveries", len(lost), len(frame), rows=lost.index, names=_places(lost))


def _units(tables: Tables) -> Iterator[Finding]:
    frame = tables.exposure
    if not has(frame, "provider_id", "period", "bed_days"):
        return
    tenfold, hours = units.tenfold(tables), units.hours_given(tables)
    other = units.jump(tables)
    other = other.loc[~other.index.isin(tenfold.index) & ~other.index.isin(hours.index)]
    for rule, rows in (
        (CAPACITY, units.capacity_given(tables)),
        (TENFOLD, tenfold),
        (HOURS, hours),
        (OUT_OF_STEP, other),
    ):
        yield from rule.counted("exposure", len(rows), len(frame), rows=rows.index, names=_places(rows))


def _joins(tables: Tables) -> Iterator[Finding]:
    without = joins.without_exposure(tables)
    if has(tables.exposure, "provider_id"):
        without = without.loc[without["provider_id"].isin(tables.exposure["provider_id"])]
    yield from NO_BED_DAYS.counted(
        "registrations", len(without), len(joins.registered_places(tables)), names=_places(without)
    )
    if has(tables.locations, "provider_id", "location_id"):
        closed = joins.closed_location(tables).drop_duplicates(joins.PLACE)
        listed = len(tables.locations.drop_duplicates(joins.PLACE))
        yield from CLOSED.counted("locations", len(closed), listed, names=_places(closed))


def _places(rows: pd.DataFrame) -> str:
    """The first places and periods: the location where there is one, and the provider otherwise."""
    place = rows["provider_id"]
    if "location_id" in rows.columns:
        place = rows["location_id"].where(rows["location_id"] != "", place)
    return some(place.str.cat(rows["period"], sep=" ")) if len(rows) else ""
