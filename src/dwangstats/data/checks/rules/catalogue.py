"""Which error of registration each rule is a sign of, and which errors leave none.

The codes are those of the taxonomy in the design: E1 to E19 are errors of registration, X and a letter or number are
errors in the bed-days.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

import pandas as pd

from dwangstats._types import Language
from dwangstats.data.checks import rules
from dwangstats.data.checks.rule import Rule
from dwangstats.data.findings import LANGUAGES
from dwangstats.errors import DomainError

Seen: TypeAlias = Literal["rows", "places", "nowhere"]


@dataclass(frozen=True, slots=True)
class KnownError:
    """One error of the taxonomy.

    Attributes
    ----------
    code : str
    seen : {"rows", "places", "nowhere"}
        Whether single rows show it, or a provider or location over a period, or nothing in the register.
    rules : tuple of str
        Names of the rules that find its signs.
    name, remark : mapping of language to str
        What it is, and what its signs leave out.
    """

    code: str
    seen: Seen
    rules: tuple[str, ...]
    name: Mapping[Language, str]
    remark: Mapping[Language, str]


def _error(
    code: str, seen: Seen, rules: tuple[str, ...], names: tuple[str, str], remarks: tuple[str, str] = ("", "")
) -> KnownError:
    nl, en = names
    remark_nl, remark_en = remarks
    return KnownError(code, seen, rules, {"nl": nl, "en": en}, {"nl": remark_nl, "en": remark_en})


ERRORS: Final = (
    _error(
        "E1",
        "rows",
        ("never-closed", "end-filled-in"),
        ("nooit afgesloten", "never closed"),
        (
            "Wat korter geleden begon dan de grens kan nog lopen en wordt niet gemerkt.",
            "What began less long ago than the limit may still be going on, and is not marked.",
        ),
    ),
    _error(
        "E2",
        "rows",
        ("closed-late",),
        ("te laat afgesloten", "closed late"),
        (
            "Alleen te zien waar einden zich ophopen; wie op een willekeurig moment te laat afsluit, laat niets zien.",
            "Seen only where ends heap; who closes late at an arbitrary moment shows nothing.",
        ),
    ),
    _error(
        "E3",
        "rows",
        ("end-after-move",),
        ("nog open bij vertrek", "open at discharge"),
        (
            "Alleen te zien als de cliënt elders bij dezelfde aanbieder is geregistreerd.",
            "Seen only if the client is registered elsewhere at the same provider.",
        ),
    ),
    _error(
        "E4",
        "nowhere",
        (),
        ("terecht geen einde", "rightly without an end"),
        (
            "Geen fout: medicatie, voeding en andere handelingen zijn momenten, en worden nooit als open gemerkt.",
            "No error: medication, food and other acts are moments, and are never marked as open.",
        ),
    ),
    _error(
        "E5",
        "rows",
        ("double-from-source", "double-entry"),
        ("dubbel geregistreerd", "registered twice"),
        (
            "Zonder cliënt of bron is een dubbele niet van een tweede gebeurtenis te onderscheiden.",
            "Without a client or a source a double cannot be told from a second event.",
        ),
    ),
    _error(
        "E6",
        "rows",
        ("without-location",),
        ("weggevallen bij de export", "not exported"),
        (
            "Alleen wat zonder locatie toch is aangeleverd; wat nooit is geëxporteerd laat geen rij na.",
            "Only what was delivered without a location; what was never exported leaves no row.",
        ),
    ),
    _error(
        "E7",
        "rows",
        ("room-not-specified", "room-against-ward"),
        ("verkeerde ruimte", "wrong room"),
        (
            "Een verkeerde ruimte die de afdeling ook heeft laat geen spoor na.",
            "A wrong room that the ward has as well leaves no trace.",
        ),
    ),
    _error(
        "E8",
        "rows",
        ("code-outside-law", "status-outside-law", "location-outside-law"),
        ("verkeerde wet", "wrong law"),
        (
            "Wie met status en al onder de andere wet staat, op een locatie met beide wetten, is niet te zien.",
            "Who stands under the other law with status and all, at a location with both laws, cannot be seen.",
        ),
    ),
    _error(
        "E9",
        "rows",
        ("standing-block",),
        ("vast blok van het dagprogramma", "planned block"),
        (
            "Een geplande maatregel zonder vaste tijden die als ongepland is geregistreerd is niet te zien.",
            "A planned measure without fixed times that was registered as unplanned cannot be seen.",
        ),
    ),
    _error("E10", "places", ("half-year-missing",), ("halfjaar ontbreekt", "missing half-year")),
    _error("E11", "places", ("file-refused",), ("bestand om de vorm geweigerd", "file refused for its form")),
    _error(
        "E12",
        "places",
        ("shift-in-all-forms", "record-system-changed", "shift-against-second-source"),
        ("overgang op een ander dossiersysteem", "migration of the record system"),
        (
            "Een verschuiving zegt niet of de registratie of de zorg veranderde; alleen grote vallen op.",
            "A shift does not say whether registration or care changed; only large ones stand out.",
        ),
    ),
    _error(
        "E13",
        "places",
        ("shift-in-one-form", "shift-in-all-forms", "shift-against-second-source"),
        ("wijziging van de exportcode", "change of the reporting code"),
        (
            "Zonder tweede bron is het niet te onderscheiden van een echte daling van die vorm.",
            "Without a second source it cannot be told from a real fall of that form.",
        ),
    ),
    _error(
        "E14",
        "nowhere",
        (),
        ("niet als dwang gezien", "not seen as forced care"),
        (
            "Laat in het register niets na; alleen een audit of een andere bron kan het tonen.",
            "Leaves nothing in the register; only an audit or another source can show it.",
        ),
    ),
    _error(
        "E15",
        "places",
        ("admissions-not-registered",),
        ("opnames niet geregistreerd", "admissions not registered"),
        (
            "Het aantal rechterlijke besluiten staat niet in het register; alleen bijna niets registreren valt op.",
            "The number of court orders is not in the register; only next to no registrations stand out.",
        ),
    ),
    _error(
        "E16",
        "places",
        ("several-client-numbers",),
        ("cliënt met meer nummers", "client with several numbers"),
        (
            "Welke nummers bij een persoon horen is in het register niet te zien; hoogstens dat het er veel zijn.",
            "Which numbers are one person cannot be seen in the register; at most that there are many of them.",
        ),
    ),
    _error(
        "E17",
        "rows",
        ("date-without-time",),
        ("datum zonder tijd", "date without a time"),
    ),
    _error(
        "E18",
        "rows",
        ("measure-cut-up",),
        ("onderbrekingen als nieuwe registraties", "interruptions as new registrations"),
        (
            "Wie onderbrekingen juist weglaat, is aan het register niet te zien.",
            "Who leaves interruptions out altogether cannot be seen in the register.",
        ),
    ),
    _error(
        "E19",
        "places",
        ("locking-in-fell-in-2020",),
        ("verzet anders uitgelegd", "criterion of resistance read differently"),
        (
            "Alleen te zien in een register dat van vóór 2020 begint.",
            "Seen only in a register that begins before 2020.",
        ),
    ),
    _error("XM", "places", ("missing-bed-days",), ("beddagen ontbreken", "bed-days missing")),
    _error(
        "XC",
        "places",
        ("capacity-for-occupancy",),
        ("capaciteit in plaats van bezetting", "capacity in place of occupancy"),
    ),
    _error("X10", "places", ("bed-days-tenfold",), ("beddagen tien keer te hoog of te laag", "bed-days ten times off")),
    _error("X24", "places", ("hours-for-bed-days",), ("uren in plaats van dagen", "hours in place of days")),
)
"""All errors of the taxonomy, in its order."""


def error_catalogue(language: Language = "en") -> pd.DataFrame:
    """Every known error of registration (E1 to E19) and of bed-days, with the rules that find its signs.

    Parameters
    ----------
    language : {"nl", "en"}

    Returns
    -------
    DataFrame
        error (code), name, seen ("rows", "places", "nowhere"), rules (names joined by commas, empty where nothing can
        be seen), remark (what its signs leave out).

    Raises
    ------
    DomainError
        If the language is another one.
    """
    if language not in LANGUAGES:
        raise DomainError(f"there is no language '{language}'; choose one of {', '.join(LANGUAGES)}.")
    rows = [(e.code, e.name[language], e.seen, ", ".join(e.rules), e.remark[language]) for e in ERRORS]
    return pd.DataFrame(rows, columns=["error", "name", "seen", "rules", "remark"])


@cache
def rule_names() -> frozenset[str]:
    """Names of all rules of `check`; what is noticed while reading has none."""
    names = [module.name for module in pkgutil.iter_modules(rules.__path__)]
    modules = [importlib.import_module(f"{rules.__name__}.{name}") for name in names]
    return frozenset(value.name for module in modules for value in vars(module).values() if isinstance(value, Rule))
