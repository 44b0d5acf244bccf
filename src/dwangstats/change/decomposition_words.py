"""What a divided change says, in plain sentences in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dwangstats._types import Language
from dwangstats.change.cells import Cells
from dwangstats.change.parts import BED_DAYS, Per
from dwangstats.estimate import Estimate
from dwangstats.registration.bounds import TippingPoint

Sentence: TypeAlias = Mapping[Language, str]
LANGUAGES: tuple[Language, ...] = ("nl", "en")


@dataclass(frozen=True, slots=True)
class RealBand:
    """Between which numbers the real part lies, and what was assumed for it.

    Attributes
    ----------
    lower, upper : float
        Ends of the real part.
    completeness : (low, high)
        Assumed limits on completeness before.
    monotone : bool
        Whether completeness was assumed not to have fallen.
    """

    lower: float
    upper: float
    completeness: tuple[float, float]
    monotone: bool


def separated_verdict(observed: Estimate, registration: Estimate, real: Estimate, per: Per, unit: str) -> Sentence:
    """How much of the registered change is registration and how much is real."""
    rest = observed.estimate - registration.estimate - real.estimate

    def say(language: Language) -> str:
        return _SEPARATED[language].format(
            total=amount(observed.estimate, per, language, signed=True),
            unit=_counted(per, unit, language),
            registration=_with_interval(registration, per, language),
            real=_with_interval(real, per, language),
            rest=amount(rest, per, language, signed=True),
        )

    return {language: say(language) for language in LANGUAGES}


def unseparated_verdict(
    observed: Estimate,
    registered: Estimate,
    per: Per,
    unit: str,
    before: Any,
    *,
    band: RealBand | None,
    tipping: TippingPoint | None,
) -> Sentence:
    """That registration and real change cannot be told apart, and what remains possible."""

    def say(language: Language) -> str:
        words = _UNSEPARATED[language]
        text = words["cannot"].format(
            total=amount(observed.estimate, per, language, signed=True),
            unit=_counted(per, unit, language),
            one=_exposure(unit, language)[1],
            registered=_with_interval(registered, per, language),
        )
        if band is not None:
            low, high = (_percent(end, language) for end in band.completeness)
            ends = (amount(end, per, language, signed=True) for end in (band.lower, band.upper))
            lower, upper = ends
            key = "band monotone" if band.monotone else "band"
            return f"{text} {words[key].format(lower=lower, upper=upper, low=low, high=high, before=before)}"
        return f"{text} {words['no band']}" if tipping is None else f"{text} {tipping.sentence(language)}"

    return {language: say(language) for language in LANGUAGES}


def accounting_note(cells: Cells, per: Per, unit: str, absent: tuple[str, ...], before: Any, after: Any) -> Sentence:
    """What the table is and is not, who comes and goes, and which parts the model does not have."""

    def say(language: Language) -> str:
        words = _NOTE[language]
        sentences = [words["accounting"], words["coming"].format(
            leaving=cells.providers_leaving,
            entering=cells.providers_entering,
            partly=cells.providers_partly,
            providers=cells.providers,
            before=before,
            after=after,
        )]  # fmt: skip
        missing = [_PART[part][language] for part in absent if not (per == "rate" and part == BED_DAYS)]
        if per == "rate":
            sentences.append(words["rate"].format(unit=_exposure(unit, language)[0]))
        if missing:
            sentences.append(words["absent"].format(parts=", ".join(missing)))
        return " ".join(sentences)

    return {language: say(language) for language in LANGUAGES}


def joined(*sentences: Sentence) -> Sentence:
    """Sentences one after the other, in each language."""
    return {language: " ".join(sentence[language] for sentence in sentences) for language in LANGUAGES}


def amount(value: float, per: Per, language: Language, *, signed: bool = False) -> str:
    """A number of registrations, or per 1,000 bed-days with two decimals, as the language writes it."""
    rounded = round(value, 0 if per == "counts" else 2) + 0.0
    text = f"{rounded:{'+' if signed and rounded else ''},.{0 if per == 'counts' else 2}f}"
    if language == "nl":
        text = text.translate(str.maketrans(",.", ".,"))
    return text.replace("-", "\N{MINUS SIGN}")


def _with_interval(estimate: Estimate, per: Per, language: Language) -> str:
    middle, low, high = (amount(v, per, language) for v in (estimate.estimate, estimate.lower, estimate.upper))
    return f"{middle} ({low} {'tot' if language == 'nl' else 'to'} {high})"


def _percent(share: float, language: Language) -> str:
    number = f"{100.0 * share:.1f}".removesuffix(".0")
    return f"{number.replace('.', ',') if language == 'nl' else number}%"


_DUTCH_UNITS: Mapping[str, tuple[str, str]] = {
    "bed-days": ("beddagen", "beddag"),
    "person-days": ("persoonsdagen", "persoonsdag"),
}


def _exposure(unit: str, language: Language) -> tuple[str, str]:
    """The unit of exposure, many and one; as it was given where no translation is known."""
    plain = (unit, unit.removesuffix("s"))
    return _DUTCH_UNITS.get(unit, plain) if language == "nl" else plain


def _counted(per: Per, unit: str, language: Language) -> str:
    """What the numbers count."""
    registrations, per_1000 = _COUNTED[language]
    return registrations if per == "counts" else f"{registrations} {per_1000} {_exposure(unit, language)[0]}"


_COUNTED: Mapping[Language, tuple[str, str]] = {
    "nl": ("registraties", "per 1.000"),
    "en": ("registrations", "per 1,000"),
}

_SEPARATED: Sentence = {
    "nl": (
        "Van de geregistreerde verandering van {total} {unit} komt {registration} door registratie en is {real} "
        "werkelijk; de overige delen zijn samen {rest}."
    ),
    "en": (
        "Of the registered change of {total} {unit}, {registration} is registration and {real} is real; the other "
        "parts together are {rest}."
    ),
}

_UNSEPARATED: Mapping[Language, Mapping[str, str]] = {
    "nl": {
        "cannot": (
            "Van de geregistreerde verandering van {total} {unit} hoort {registered} bij het geregistreerde aantal per "
            "{one}; daarin zijn registratie en werkelijke verandering met deze gegevens niet te scheiden."
        ),
        "band": (
            "Het werkelijke deel ligt tussen {lower} en {upper} als de volledigheid in beide perioden tussen {low} en "
            "{high} lag."
        ),
        "band monotone": (
            "Het werkelijke deel ligt tussen {lower} en {upper} als de volledigheid in {before} tussen {low} en {high} "
            "lag en daarna niet is gedaald."
        ),
        "no band": "Met grenzen voor de volledigheid (completeness_before) volgt wat mogelijk blijft.",
    },
    "en": {
        "cannot": (
            "Of the registered change of {total} {unit}, {registered} belongs to the registered rate per {one}; in "
            "it registration and real change cannot be separated by these data."
        ),
        "band": (
            "The real part lies between {lower} and {upper} if completeness was between {low} and {high} in both "
            "periods."
        ),
        "band monotone": (
            "The real part lies between {lower} and {upper} if completeness in {before} was between {low} and {high} "
            "and did not fall after."
        ),
        "no band": "Limits on completeness (completeness_before) give what remains possible.",
    },
}

_NOTE: Mapping[Language, Mapping[str, str]] = {
    "nl": {
        "accounting": (
            "Deze tabel is een boekhouding en geen oorzaak en gevolg: zij telt op tot de geregistreerde verandering en "
            "zegt niet waardoor een deel veranderde. De delen hangen niet af van een volgorde (Shapley-waarde)."
        ),
        "coming": (
            "Alleen aangeleverde gegevens tellen mee, van {providers} zorgaanbieders. Alleen in {before} geteld: "
            "{leaving}; alleen in {after} geteld: {entering}; in beide geteld, maar niet met dezelfde maanden, "
            "locaties of vormen: {partly}. Wat in maar een periode is geteld, staat bij komen en gaan; de andere "
            "delen gaan over wat in beide perioden is geteld."
        ),
        "rate": "Per 1.000 {unit} speelt het aantal {unit} geen rol.",
        "absent": "Niet in het model, en daarom nul: {parts}.",
    },
    "en": {
        "accounting": (
            "This table is accounting, not cause and effect: it adds up to the registered change and does not say why "
            "a part changed. The parts do not depend on an order (Shapley values)."
        ),
        "coming": (
            "Only delivered data count, of {providers} providers. Counted in {before} alone: {leaving}; in {after} "
            "alone: {entering}; in both, though not with the same months, locations or forms: {partly}. What was "
            "counted in one period alone stands under entry and exit; the other parts are about what was counted in "
            "both."
        ),
        "rate": "Per 1,000 {unit} the number of {unit} plays no part.",
        "absent": "Not in the model, and therefore zero: {parts}.",
    },
}

_PART: Mapping[str, Sentence] = {
    "composition: mix": {
        "nl": "verschuiving tussen zorgaanbieders (het model kent geen verschillen tussen hen)",
        "en": "shifts between providers (the model knows no differences between them)",
    },
    "case-mix": {"nl": "kenmerken van cliënten of afdelingen", "en": "case-mix"},
    "registration": {"nl": "registratie", "en": "registration"},
    "real": {"nl": "werkelijke verandering", "en": "real change"},
    "registered rate": {
        "nl": "verandering van het geregistreerde aantal per eenheid van blootstelling",
        "en": "change of the registered rate",
    },
}
