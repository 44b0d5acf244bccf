"""Rules for what is counted more than once: double entries, pieces of one measure, blocks of the day's programme."""

from collections.abc import Iterator

from dwangstats.data.checks.rule import Mask, Rule, some
from dwangstats.data.checks.traces.blocks import standing_block
from dwangstats.data.checks.traces.breaks import BREAK_MINUTES, cut_up
from dwangstats.data.checks.traces.doubles import MOMENT_MINUTES, SOURCE_MINUTES, same_moment, same_source
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

_AT_PROVIDERS_NL = " (aanbieders: {names}; {where})."
_AT_PROVIDERS_EN = " (providers: {names}; {where})."

SAME_SOURCE = Rule(
    "double-from-source",
    "warning",
    "Van de {of} registraties zijn er {count} met dezelfde bron en dezelfde maatregel als een eerdere van hoogstens "
    f"{SOURCE_MINUTES} minuten ervoor" + _AT_PROVIDERS_NL,
    "Of {of} registrations {count} have the same source and the same measure as an earlier one of at most "
    f"{SOURCE_MINUTES} minutes before" + _AT_PROVIDERS_EN,
    "Controleer of één invoer twee regels gaf. Alleen de latere is gemerkt; laat die weg als het dezelfde gebeurtenis "
    "is. Een zorgplan kan wel meer registraties met één bronnummer geven.",
    "Check whether one entry gave two rows. Only the later one is marked; leave it out if it is the same event. A care "
    "plan may rightly give several registrations with one source number.",
)
SAME_MOMENT = Rule(
    "double-entry",
    "warning",
    "Van de {of} registraties beginnen er nog {count} hoogstens "
    f"{MOMENT_MINUTES} minuten na een andere van dezelfde cliënt en maatregel" + _AT_PROVIDERS_NL,
    "Of {of} registrations another {count} begin at most "
    f"{MOMENT_MINUTES} minutes after one of the same client and measure" + _AT_PROVIDERS_EN,
    "Controleer of twee diensten dezelfde gebeurtenis vastlegden. Alleen de latere is gemerkt; laat die dan weg.",
    "Check whether two services wrote down the same event. Only the later one is marked; leave it out if so.",
)
STANDING_BLOCK = Rule(
    "standing-block",
    "warning",
    "Van de {of} registraties horen er {count} bij een vast blok: dag na dag hetzelfde begin en einde op een locatie, "
    "en niet als gepland gemerkt (locaties: {names}; {where}).",
    "Of {of} registrations {count} are part of a standing block: day after day the same begin and end at one location, "
    "and not marked as planned (locations: {names}; {where}).",
    "Overleg met de aanbieder of dit het dagprogramma is. Merk ze als gepland (planned), en tel gepland en ongepland "
    "niet bij elkaar op.",
    "Ask the provider whether this is the day's programme. Mark them as planned, and do not add planned to unplanned.",
)
CUT_UP = Rule(
    "measure-cut-up",
    "info",
    f"Van de {{of}} registraties beginnen er {{count}} hoogstens {BREAK_MINUTES} minuten nadat dezelfde maatregel bij "
    "dezelfde cliënt eindigde: één maatregel in stukken" + _AT_PROVIDERS_NL,
    f"Of {{of}} registrations {{count}} begin at most {BREAK_MINUTES} minutes after the same measure of the same "
    "client ended: one measure in pieces" + _AT_PROVIDERS_EN,
    "Tel interventies in plaats van registraties: gap_hours=24.",
    "Count interventions in place of registrations: gap_hours=24.",
)


def double_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about what is counted more than once in the table `registrations` (E5, E9, E18)."""
    frame = tables.registrations
    if frame is None or frame.empty:
        return
    by_source = same_source(tables)
    found: tuple[tuple[Rule, Mask, str], ...] = (
        (SAME_SOURCE, by_source, "provider_id"),
        (SAME_MOMENT, same_moment(tables) & ~by_source, "provider_id"),
        (STANDING_BLOCK, standing_block(tables), "location_id"),
        (CUT_UP, cut_up(tables), "provider_id"),
    )
    for rule, marked, column in found:
        if marked.any():
            yield from rule.broken_in("registrations", frame, marked, names=some(frame.loc[marked, column].dropna()))
