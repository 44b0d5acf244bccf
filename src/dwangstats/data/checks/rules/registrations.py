"""Rules for registrations: dates that can be, codes and laws that exist, and a delivery and bed-days to go with them.

What stands in a column that should hold a code or a law is never quoted: a wrongly mapped column may hold persons.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, Rule, has, some
from dwangstats.data.checks.traces.rows import moments
from dwangstats.data.deliveries.standing import DELIVERED, last_half_year_end, standing_deliveries, with_delivery
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import analysis_form, count_registrations
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.clock import ends_on_its_day
from dwangstats.data.register.codes import FORMS, LAWS
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR, period_of

#: no register of forced care holds events from before; a date such as 1900-01-01 stands for "not known".
EARLIEST = pd.Timestamp(1990, 1, 1)

END_BEFORE_BEGIN = Rule(
    "end-before-begin",
    "error",
    "In {count} van de {of} registraties ligt het einde vóór het begin ({where}).",
    "In {count} of {of} registrations the end lies before the begin ({where}).",
    "Verbeter de datums bij de bron; vaak zijn dag en maand of begin en einde verwisseld.",
    "Correct the dates at the source; often day and month, or begin and end, were swapped.",
)
BEGIN_IN_FUTURE = Rule(
    "begin-in-future",
    "warning",
    "In {count} van de {of} registraties ligt het begin na de laatste aanlevering, {moment} ({where}).",
    "In {count} of {of} registrations the begin lies after the latest delivery, {moment} ({where}).",
    "Controleer het jaar; een gebeurtenis kan niet na de aanlevering beginnen.",
    "Check the year; an event cannot begin after it was delivered.",
)
BEGIN_OUTSIDE = Rule(
    "begin-outside-calendar",
    "error",
    f"In {{count}} van de {{of}} registraties ligt het begin vóór {FIRST_YEAR} of na {LAST_YEAR} ({{where}}).",
    f"In {{count}} of {{of}} registrations the begin lies before {FIRST_YEAR} or after {LAST_YEAR} ({{where}}).",
    "Verbeter het jaar bij de bron; deze registraties zouden in geen periode meetellen.",
    "Correct the year at the source; these registrations would count in no period.",
)
BEGIN_LONG_AGO = Rule(
    "begin-long-ago",
    "warning",
    "In {count} van de {of} registraties ligt het begin vóór 1990 ({where}).",
    "In {count} of {of} registrations the begin lies before 1990 ({where}).",
    "Controleer de datum; vaak is dit een standaardwaarde van het dossiersysteem.",
    "Check the date; often it is a default of the record system.",
)
UNKNOWN_LAW = Rule(
    "unknown-law",
    "error",
    "In {count} van de {of} registraties staat een wet die niet in de lijst voorkomt ({where}).",
    "In {count} of {of} registrations the law is not in the list ({where}).",
    "Gebruik " + ", ".join(LAWS) + ".",
    "Use " + ", ".join(LAWS) + ".",
)
UNKNOWN_CODE = Rule(
    "unknown-code",
    "error",
    "In {count} van de {of} registraties staat een code die niet in de codelijst voorkomt ({where}).",
    "In {count} of {of} registrations the code is not in the code list ({where}).",
    "Gebruik de SNOMED-codes van de zib VrijheidsbeperkendeInterventie; vergelijk op code en niet op omschrijving.",
    "Use the SNOMED codes of the zib VrijheidsbeperkendeInterventie; match on the code and not on its label.",
)
UNKNOWN_FORM = Rule(
    "unknown-form",
    "error",
    "In {count} van de {of} registraties staat een vorm die niet in de lijst voorkomt ({where}).",
    "In {count} of {of} registrations the form is not in the list ({where}).",
    "Gebruik " + ", ".join(FORMS) + ", of lever de code aan.",
    "Use " + ", ".join(FORMS) + ", or give the code.",
)
NO_FORM = Rule(
    "no-form",
    "error",
    "In {count} van de {of} registraties staat geen code en geen vorm ({where}).",
    "In {count} of {of} registrations there is neither a code nor a form ({where}).",
    "Vul intervention_code of form in; zonder een van beide is niet bekend wat er geregistreerd is.",
    "Fill in intervention_code or form; without either it is not known what was registered.",
)
LAW_MISSING = Rule(
    "law-missing",
    "warning",
    "In {count} van de {of} registraties ({share}%) staat geen wet, en in de andere wel ({where}).",
    "In {count} of {of} registrations ({share}%) no law is given, and in the others it is ({where}).",
    "Vul de wet in; bij de keuze van een wet tellen deze registraties niet mee.",
    "Fill in the law; when one law is chosen these registrations are set aside.",
)
SEVERAL_LAWS = Rule(
    "several-laws",
    "info",
    "De registraties vallen onder {count} wetten ({names}), die niet zonder keuze worden opgeteld.",
    "The registrations fall under {count} laws ({names}), which are not added up without a choice.",
    'Kies er een, bijvoorbeeld law="{first}".',
    'Choose one, for example law="{first}".',
)
MIXED_PLANNED = Rule(
    "planned-and-unplanned",
    "info",
    "Van de {of} registraties zijn er {yes} gepland en {no} ongepland, en van {blank} is het niet bekend; zij worden "
    "niet zonder keuze opgeteld.",
    "Of {of} registrations {yes} are planned, {no} are unplanned and {blank} do not say it; they are not added up "
    "without a choice.",
    "Kies planned=true of planned=false; wat leeg is telt dan niet mee. Een leeg veld betekent geen nee.",
    "Choose planned=True or planned=False; what is blank is then set aside. A blank does not mean no.",
)
NO_EXPOSURE = Rule(
    "provider-without-exposure",
    "warning",
    "Bij {count} van de {of} registraties komt de aanbieder niet voor in de tabel exposure: {names} ({where}).",
    "For {count} of {of} registrations the provider is not in the table exposure: {names} ({where}).",
    "Voeg de beddagen van de aanbieder toe, of verbeter het nummer; tot die tijd tellen de registraties niet mee.",
    "Add the bed-days of the provider, or correct its number; until then the registrations are set aside.",
)
NOTHING_TO_REPORT = Rule(
    "registrations-despite-nothing",
    "error",
    "Er zijn {count} van de {of} registraties in halfjaren waarover de aanbieder meldde niets te melden "
    "te hebben: {names} ({where}).",
    "There are {count} of {of} registrations in half-years for which the provider said to have nothing "
    "to report: {names} ({where}).",
    "Verbeter de status van de aanlevering, of verwijder de registraties.",
    "Correct the status of the delivery, or remove the registrations.",
)
NOT_ACCEPTED = Rule(
    "registrations-not-accepted",
    "info",
    "Er zijn {count} van de {of} registraties in halfjaren waarvan geen aanlevering is goedgekeurd: {names}.",
    "There are {count} of {of} registrations in half-years without an accepted delivery: {names}.",
    "Zij tellen niet mee; de aanbieder ontbreekt in die perioden en krijgt daar geen nul.",
    "They are set aside; the provider is absent in those periods and does not get a zero there.",
)
SUPERSEDED = Rule(
    "earlier-version",
    "info",
    "Er zijn {count} van de {of} registraties uit een eerdere versie van een aanlevering: {names}.",
    "There are {count} of {of} registrations from an earlier version of a delivery: {names}.",
    "Alleen de laatst aanvaarde versie telt mee.",
    "Only the version accepted last counts.",
)


def registration_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about the table `registrations`, alone and beside exposure and deliveries."""
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    yield from _dates(frame, tables.deliveries)
    yield from _laws(frame)
    yield from _forms(frame)
    yield from _planned(frame)
    if has(frame, "provider_id") and has(tables.exposure, "provider_id"):
        yield from _without_exposure(frame, tables.exposure)
    if has(frame, "provider_id", "begin") and has(tables.deliveries, "provider_id", "period", "status"):
        yield from _without_delivery(frame, tables.deliveries)


def _dates(frame: pd.DataFrame, deliveries: pd.DataFrame | None) -> Iterator[Finding]:
    if not has(frame, "begin"):
        return
    begin = frame["begin"]
    if has(frame, "end"):
        before = (frame["end"] < begin).to_numpy(dtype=bool)
        on_its_day = ends_on_its_day(moments(frame, "begin"), moments(frame, "end"))
        yield from END_BEFORE_BEGIN.broken_in("registrations", frame, before & ~on_its_day)
    outside = (begin.notna() & ~begin.dt.year.between(FIRST_YEAR, LAST_YEAR)).to_numpy(dtype=bool)
    yield from BEGIN_OUTSIDE.broken_in("registrations", frame, outside)
    yield from BEGIN_LONG_AGO.broken_in("registrations", frame, (begin < EARLIEST).to_numpy(dtype=bool) & ~outside)
    latest = _latest_delivery(frame, deliveries)
    if latest is not None:
        late = (begin > latest).to_numpy(dtype=bool) & ~outside
        yield from BEGIN_IN_FUTURE.broken_in("registrations", frame, late, moment=latest.date().isoformat())


def _latest_delivery(frame: pd.DataFrame, deliveries: pd.DataFrame | None) -> pd.Timestamp | None:
    received = [table["received_at"].max() for table in (frame, deliveries) if has(table, "received_at")]
    known = [moment for moment in received if not pd.isna(moment)]
    if known:
        return pd.Timestamp(max(known))
    return last_half_year_end(deliveries) if has(deliveries, "period") else None


def _laws(frame: pd.DataFrame) -> Iterator[Finding]:
    if not has(frame, "law"):
        return
    unknown = (frame["law"].notna() & ~frame["law"].isin(LAWS)).to_numpy()
    yield from UNKNOWN_LAW.broken_in("registrations", frame, unknown)
    silent = (frame["law"].fillna("unknown") == "unknown").to_numpy(dtype=bool)
    if not silent.all():
        share = f"{100 * silent.mean():.1f}"
        words = {"nl": share.replace(".", ","), "en": share}
        yield from LAW_MISSING.broken_in("registrations", frame, silent, share=words)
    laws = sorted(set(frame["law"].fillna("unknown").unique()) & set(LAWS))
    if len(laws) > 1:
        yield from SEVERAL_LAWS.counted("registrations", len(laws), len(laws), names=", ".join(laws), first=laws[0])


def _forms(frame: pd.DataFrame) -> Iterator[Finding]:
    coded = frame["intervention_code"].notna().to_numpy() if has(frame, "intervention_code") else _none(frame)
    named = frame["form"].notna().to_numpy() if has(frame, "form") else _none(frame)
    yield from NO_FORM.broken_in("registrations", frame, ~coded & ~named)
    found = pd.notna(analysis_form(frame))
    yield from UNKNOWN_CODE.broken_in("registrations", frame, coded & ~found)
    yield from UNKNOWN_FORM.broken_in("registrations", frame, named & ~coded & ~found)


def _planned(frame: pd.DataFrame) -> Iterator[Finding]:
    if not has(frame, "planned"):
        return
    planned = frame["planned"].astype("boolean")
    yes, no, blank = int(planned.sum()), int((~planned).sum()), int(planned.isna().sum())
    if max(yes, no, blank) < len(frame):
        yield from MIXED_PLANNED.counted("registrations", yes or blank, len(frame), yes=yes, no=no, blank=blank)


def _without_exposure(frame: pd.DataFrame, exposure: pd.DataFrame) -> Iterator[Finding]:
    absent = (frame["provider_id"].notna() & ~frame["provider_id"].isin(exposure["provider_id"])).to_numpy()
    yield from NO_EXPOSURE.broken_in("registrations", frame, absent, names=some(frame.loc[absent, "provider_id"]))


def _without_delivery(frame: pd.DataFrame, deliveries: pd.DataFrame) -> Iterator[Finding]:
    counts = count_registrations(frame)
    named = has(frame, "law")
    laws = counts["law"].dropna().unique() if named else [None]
    parts = [
        with_delivery(counts.loc[counts["law"] == law] if named else counts, standing_deliveries(deliveries, law))
        for law in laws
    ]
    if not parts:
        return
    known = pd.concat(parts, ignore_index=True)
    empty_handed = known.loc[(known["status"] == "nothing_to_report") & ~known["superseded"]]
    rows = _rows_of(frame, empty_handed) if len(empty_handed) else pd.Index([])
    refused = known.loc[~known["status"].isin(DELIVERED) & known["half_year"].notna()]
    earlier = known.loc[known["superseded"]]
    for rule, part, where in (
        (NOTHING_TO_REPORT, empty_handed, rows),
        (NOT_ACCEPTED, refused, ()),
        (SUPERSEDED, earlier, ()),
    ):
        names = some(part["provider_id"].str.cat(part["half_year"], sep=" ", na_rep="?"))
        yield from rule.counted("registrations", int(part["registrations"].sum()), len(frame), rows=where, names=names)


def _rows_of(frame: pd.DataFrame, counts: pd.DataFrame) -> pd.Index:
    """Row numbers of the registrations that were counted in ``counts``."""
    key = pd.DataFrame({"provider_id": frame["provider_id"], "half_year": period_of(frame["begin"], "half-year")})
    wanted = ["provider_id", "half_year"]
    if has(frame, "law"):
        key["law"] = frame["law"]
        wanted = [*wanted, "law"]
    found = pd.MultiIndex.from_frame(key[wanted]).isin(pd.MultiIndex.from_frame(counts[wanted].drop_duplicates()))
    return frame.index[found]


def _none(frame: pd.DataFrame) -> Mask:
    return np.zeros(len(frame), dtype=bool)
