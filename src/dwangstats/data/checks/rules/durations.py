"""Rules for how long a measure lasted: ends that are missing, were filled in, or came late, and days without a time.

Counts are right under all of these; hours are not.
"""

from collections.abc import Iterator

from dwangstats.data.checks.rule import Rule, some
from dwangstats.data.checks.traces.late_ends import closed_late, end_elsewhere
from dwangstats.data.checks.traces.open_ends import LOCKED_DAYS, STANDING_DAYS, filled_end, never_closed
from dwangstats.data.checks.traces.resolution import date_only
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

_AT_PROVIDERS_NL = " (aanbieders: {names}; {where})."
_AT_PROVIDERS_EN = " (providers: {names}; {where})."

NEVER_CLOSED = Rule(
    "never-closed",
    "warning",
    "In {count} van de {of} registraties ontbreekt het einde van een maatregel die een duur heeft en al lang voorbij "
    "moet zijn" + _AT_PROVIDERS_NL,
    "In {count} of {of} registrations the end is missing of a measure that has a duration and must long be over"
    + _AT_PROVIDERS_EN,
    f"Sluit ze af bij de bron. Insluiten, vasthouden en (buiten de Wzd) fixeren gelden na {LOCKED_DAYS} dagen als "
    f"vergeten, andere maatregelen na {STANDING_DAYS} dagen. De aantallen kloppen; reken er geen uren mee. Een "
    "ontbrekend einde bij medicatie is geen fout.",
    f"Close them at the source. Locking in, holding and (outside the Wzd) restraint are taken as forgotten after "
    f"{LOCKED_DAYS} days, other measures after {STANDING_DAYS} days. Counts are right; do not compute hours with them. "
    "A missing end of medication is no error.",
)
FILLED_END = Rule(
    "end-filled-in",
    "warning",
    "In {count} van de {of} registraties is het einde dat van het halfjaar of het moment van aanlevering: het is "
    "waarschijnlijk bij het exporteren ingevuld" + _AT_PROVIDERS_NL,
    "In {count} of {of} registrations the end is that of the half-year or the moment of delivery: it was probably "
    "filled in on export" + _AT_PROVIDERS_EN,
    "Vraag het werkelijke einde op; behandel het tot dan als ontbrekend, want de uren zijn veel te hoog.",
    "Ask for the real end; until then treat it as missing, because the hours are far too high.",
)
CLOSED_LATE = Rule(
    "closed-late",
    "warning",
    "In {count} van de {of} registraties valt het einde precies op een dienstwissel (8, 16 of 23 uur) of een "
    "maandeinde, vaker dan toeval en afronding verklaren" + _AT_PROVIDERS_NL,
    "In {count} of {of} registrations the end falls exactly on a change of shift (8:00, 16:00 or 23:00) or the end of "
    "a month, more often than chance and rounding explain" + _AT_PROVIDERS_EN,
    "Waarschijnlijk is er pas aan het eind van de dienst afgesloten, en zijn de uren te hoog. De aantallen kloppen.",
    "Probably they were closed only when the shift ended, and the hours are too high. Counts are right.",
)
END_ELSEWHERE = Rule(
    "end-after-move",
    "warning",
    "In {count} van de {of} registraties loopt de maatregel door terwijl dezelfde cliënt al op een andere locatie is "
    "geregistreerd" + _AT_PROVIDERS_NL,
    "In {count} of {of} registrations the measure goes on while the same client is already registered at another "
    "location" + _AT_PROVIDERS_EN,
    "Waarschijnlijk is de maatregel bij vertrek opengebleven; het einde ligt uiterlijk bij de andere registratie.",
    "Probably the measure was left open when the client went; it ended at the other registration at the latest.",
)
DATE_ONLY = Rule(
    "date-without-time",
    "info",
    "In {count} van de {of} registraties is alleen de dag bekend en niet de tijd" + _AT_PROVIDERS_NL,
    "In {count} of {of} registrations only the day is known and not the time" + _AT_PROVIDERS_EN,
    "Vraag datum én tijd op. De uren zijn hier hele dagen; vergelijk ze niet met die van andere aanbieders.",
    "Ask for date and time. The hours here are whole days; do not compare them with those of other providers.",
)


def duration_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about begins and ends in the table `registrations` (E1, E2, E3, E17)."""
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    for rule, trace in (
        (NEVER_CLOSED, never_closed),
        (FILLED_END, filled_end),
        (CLOSED_LATE, closed_late),
        (END_ELSEWHERE, end_elsewhere),
        (DATE_ONLY, date_only),
    ):
        marked = trace(tables)
        if marked.any():
            names = some(frame.loc[marked, "provider_id"].dropna()) if "provider_id" in frame.columns else "?"
            yield from rule.broken_in("registrations", frame, marked, names=names)
