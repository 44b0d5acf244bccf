"""What a repair says about itself, in both languages: the findings that go with repaired tables."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dwangstats.data.checks.rule import Rule
from dwangstats.data.config.checks import RepairName

_UNDO_NL = "Laat '{repair}' weg om de tabellen te houden zoals zij waren."
_UNDO_EN = "Leave out '{repair}' to keep the tables as they were."


def _words(name: RepairName, nl: str, en: str, *, warning: bool = False) -> Rule:
    nl, en = f"Herstel op verzoek: {nl} ({{where}}).", f"Repaired as asked: {en} ({{where}})."
    undo = (text.replace("{repair}", name) for text in (_UNDO_NL, _UNDO_EN))
    return Rule(f"repair-{name}", "warning" if warning else "info", nl, en, *undo)


REPAIR_RULES: Final[Mapping[RepairName, Rule]] = MappingProxyType(
    {
        "drop-same-source-doubles": _words(
            "drop-same-source-doubles",
            "van de {of} registraties zijn er {count} weggelaten omdat dezelfde bron ze eerder opleverde",
            "{count} of {of} registrations were removed because the same source gave them before",
        ),
        "drop-same-moment-doubles": _words(
            "drop-same-moment-doubles",
            "van de {of} registraties zijn er {count} weggelaten omdat dezelfde maatregel van dezelfde cliënt enkele "
            "minuten eerder al was vastgelegd",
            "{count} of {of} registrations were removed because the same measure of the same client was written down "
            "some minutes before",
        ),
        "filled-ends-to-missing": _words(
            "filled-ends-to-missing",
            "van de {of} registraties hebben er {count} geen einde meer, omdat het einde van de periode was ingevuld",
            "{count} of {of} registrations have no end any more, because the end of the period was filled in",
        ),
        "ends-elsewhere-to-missing": _words(
            "ends-elsewhere-to-missing",
            "van de {of} registraties hebben er {count} geen einde meer, omdat de cliënt toen al op een andere locatie "
            "was geregistreerd",
            "{count} of {of} registrations have no end any more, because the client was registered at another location "
            "by then",
        ),
        "tenfold-bed-days": _words(
            "tenfold-bed-days",
            "in {count} van de {of} rijen van {table} zijn de beddagen door 10 gedeeld, omdat zij alleen in die "
            "periode tien keer zoveel waren",
            "in {count} of {of} rows of {table} the bed-days were divided by 10, because they were ten times as many "
            "in that period alone",
            warning=True,
        ),
        "hours-to-bed-days": _words(
            "hours-to-bed-days",
            "in {count} van de {of} rijen van {table} zijn de beddagen door 24 gedeeld, omdat zij alleen in die "
            "periode vierentwintig keer zoveel waren, zoals uren",
            "in {count} of {of} rows of {table} the bed-days were divided by 24, because they were twenty-four times "
            "as many in that period alone, as hours are",
            warning=True,
        ),
        "capacity-to-missing": _words(
            "capacity-to-missing",
            "in {count} van de {of} rijen van {table} ontbreken nu de beddagen, omdat er capaciteit in plaats van "
            "bezetting stond",
            "in {count} of {of} rows of {table} the bed-days are now missing, because they were capacity and not "
            "occupancy",
        ),
        "capacity-times-usual-occupancy": _words(
            "capacity-times-usual-occupancy",
            "in {count} van de {of} rijen van {table} is de opgegeven capaciteit vervangen door een schatting van de "
            "bezetting: de capaciteit maal wat op dezelfde plaats gewoon bezet is, of leeg als dat niet bekend is",
            "in {count} of {of} rows of {table} the capacity that was given was replaced by an estimate of occupancy: "
            "the capacity times what is usually occupied at the same place, or nothing where that is not known",
            warning=True,
        ),
    }
)
"""One rule per repair; a finding of it says how many rows were changed and which came first."""


def _left(name: RepairName, times_nl: str, times_en: str) -> Rule:
    return Rule(
        f"left-by-{name}",
        "warning",
        f"Niet hersteld: in {{count}} van de {{of}} rijen van {{table}} zijn de beddagen ongeveer {times_nl} keer wat "
        "daar gewoon is, maar niet in een enkele periode tussen twee gewone in ({where}).",
        f"Not repaired: in {{count}} of {{of}} rows of {{table}} the bed-days are about {times_en} times what is usual "
        "there, but not in a single period between two usual ones ({where}).",
        "Zoek uit of de plaats groter werd, en verbeter de rijen in de bron als de beddagen niet kloppen.",
        "Find out whether the place grew, and correct the rows at the source if the bed-days are wrong.",
    )


LEFT_RULES: Final[Mapping[RepairName, Rule]] = MappingProxyType(
    {
        "tenfold-bed-days": _left("tenfold-bed-days", "tien", "ten"),
        "hours-to-bed-days": _left("hours-to-bed-days", "vierentwintig", "twenty-four"),
    }
)
"""One rule per repair that leaves rows alone that look like what it mends."""
