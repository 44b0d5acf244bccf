"""Sentences of the identification ledger, in Dutch and in English."""

from collections.abc import Mapping

from dwangstats._types import Language
from dwangstats.registration.ledger import Verdict
from dwangstats.registration.sources import EXCLUSION, FORM, FORMULA

_SOURCES: Mapping[str, Mapping[Language, str]] = {
    FORM: {"nl": "de vorm van het model", "en": "the form of the model"},
    EXCLUSION: {
        "nl": "indicatoren of overstapdatums die alleen de registratie beïnvloeden",
        "en": "indicators or switch dates kept out of the rate",
    },
    FORMULA: {"nl": "de registratieformule", "en": "the registration formula"},
    "audit": {"nl": "de audit", "en": "the audit"},
    "second source": {"nl": "de tweede bron", "en": "the second source"},
    "control outcome": {"nl": "de controle-uitkomst", "en": "the control outcome"},
    "prior": {"nl": "de vooraf gegeven verwachting", "en": "the prior"},
}

_SUBJECT: Mapping[str, Mapping[Language, str]] = {
    "level": {"nl": "Het niveau van de volledigheid", "en": "The level of completeness"},
    "change": {"nl": "De verandering in volledigheid", "en": "The change in completeness"},
}

_VERDICTS: Mapping[Verdict, Mapping[Language, str]] = {
    "data-identified": {
        "nl": "{subject} volgt uit gegevens van buiten de aantallen ({shares}).",
        "en": "{subject} is known from data outside the counts ({shares}).",
    },
    "prior-driven": {
        "nl": "{subject} berust vooral op wat vooraf is aangenomen ({shares}).",
        "en": "{subject} rests mainly on what was assumed beforehand ({shares}).",
    },
    "functional form only": {
        "nl": (
            "{subject} zou alleen berusten op de gekozen vorm van het model ({shares}); dat is geen kennis over "
            "registratie."
        ),
        "en": (
            "{subject} would rest on the form chosen for the model ({shares}); that is no knowledge about registration."
        ),
    },
    "bounds only": {
        "nl": "{subject} is met deze gegevens niet te bepalen; er zijn alleen grenzen.",
        "en": "{subject} cannot be told from these data; only bounds remain.",
    },
}

_BY_FORMULA: Mapping[Language, str] = {
    "nl": (
        "Dat de volledigheid in beide perioden gelijk was, is met de registratieformule aangenomen en niet uit "
        "gegevens afgeleid."
    ),
    "en": (
        "That completeness was the same in both periods was assumed with the registration formula and not learned "
        "from data."
    ),
}

_NO_EVIDENCE: Mapping[Language, str] = {
    "nl": "{subject} is niet te bepalen: er is niets anders gegeven dan geregistreerde aantallen.",
    "en": "{subject} cannot be told: nothing but registered counts was given.",
}

_WORDS: Mapping[str, Mapping[Language, str]] = {
    "direction": {
        "nl": "Het minst bekend is: {direction}.",
        "en": "Least is known about {direction}.",
    },
    "overlap": {
        "nl": "Verwachting vooraf en uitkomst overlappen voor {overlap}%: de gegevens hebben er weinig aan veranderd.",
        "en": "Prior and posterior overlap by {overlap}%: the data have changed little about it.",
    },
    "conflict": {
        "nl": (
            "De verwachting vooraf ligt {distance} standaardafwijkingen van wat de overige gegevens zeggen; een van "
            "beide klopt niet."
        ),
        "en": "The prior lies {distance} standard deviations from what everything else says; one of the two is wrong.",
    },
    "reflection": {
        "nl": (
            "Wisselen het aantal toepassingen en de volledigheid van rol, dan past het model bijna even goed "
            "({distance} eenheden log-likelihood slechter)."
        ),
        "en": (
            "With rate and completeness exchanged the data fit almost as well ({distance} log likelihood units worse)."
        ),
    },
    "ceiling": {
        "nl": (
            "Een indicator van registratie laat zien hoe de volledigheid met die indicator meebeweegt. Meer volgt er "
            "pas uit als de geschatte volledigheid voor minstens {support}% van de gebeurtenissen {ceiling}% of meer "
            "is en de indicator meer dan twee waarden heeft."
        ),
        "en": (
            "What moves registration only shows ratios of completeness along itself. More than that follows only if "
            "the fitted completeness is {ceiling}% or more for at least {support}% of the events and the indicator "
            "takes more than two values."
        ),
    },
    "few providers": {
        "nl": (
            "De audit of tweede bron gaat over minder dan {fewest} aanbieders. Hoeveel aanbieders van elkaar "
            "verschillen is dan niet bekend, en dus ook niet wat dit over de andere zegt."
        ),
        "en": (
            "The audit or second source is about fewer than {fewest} providers; how much providers differ is not known "
            "then, nor what it says about the others."
        ),
    },
    "freer": {
        "nl": (
            "Wat over de volledigheid is opgegeven zou op zichzelf een standaardfout van {error} geven; dat het model "
            "op {form} uitkomt, komt door de vorm van de formules. Maak die vrijer (C(year) in plaats van een rechte "
            "lijn), dan wegen die gegevens zwaarder."
        ),
        "en": (
            "The evidence by itself would give a standard error of {error}; that the model says {form} comes from the "
            "shape of the formulas. Free them (C(year) instead of a straight line) and the evidence decides."
        ),
    },
    "evidence for level": {
        "nl": (
            "Voor het niveau helpt een audit van dossiers, een tweede bron waarin dezelfde gebeurtenissen staan, of "
            "een onderbouwde verwachting vooraf (CompletenessPrior)."
        ),
        "en": (
            "For the level an audit of charts would help, a second source that holds the same events, or a prior with "
            "reasons (CompletenessPrior)."
        ),
    },
    "evidence for change": {
        "nl": (
            "Voor de verandering helpt een audit of tweede bron in beide perioden, een controle-uitkomst die volledig "
            "wordt geregistreerd, of een indicator die alleen de registratie beïnvloedt."
        ),
        "en": (
            "For the change an audit or a second source in both periods would help, a control outcome that is "
            "registered completely, or an indicator of registration that does not move the rate itself."
        ),
    },
    "audit size": {
        "nl": (
            "Een audit die per vergeleken periode {narrow} gebeurtenissen vindt, geeft een standaardfout van 5%; "
            "{wide} geven 10% ({how} volledigheid {percent}%; met clustering per aanbieder meer, zie audit_size)."
        ),
        "en": (
            "An audit that finds {narrow} events in each compared period gives a standard error of 5%; {wide} give 10% "
            "({how} completeness {percent}%; more with clustering by provider, see audit_size)."
        ),
    },
    "assumed": {"nl": "aangenomen", "en": "assumed"},
    "fitted": {"nl": "geschatte", "en": "fitted"},
    "without": {
        "nl": "Zonder dat zeggen bounds() en tipping_point() wat mogelijk blijft.",
        "en": "Without it, bounds() and tipping_point() say what remains possible.",
    },
}


def words(key: str, language: Language, **values: object) -> str:
    """A sentence of the catalogue with its values filled in."""
    written = {name: _decimal(str(value), language) for name, value in values.items()}
    return _WORDS[key][language].format(**written)


def _decimal(text: str, language: Language) -> str:
    """A number as text with the decimal mark of the language; other text as it is."""
    number = text.replace(".", "", 1).replace("-", "", 1).isdigit()
    return text.replace(".", ",") if number and language == "nl" else text


def verdict_sentence(
    target: str, verdict: Verdict, shares: str, language: Language, *, by_formula: bool, fitted: bool
) -> str:
    """The verdict on a target as a sentence.

    Parameters
    ----------
    target : {"level", "change"}
    verdict : Verdict
    shares : str
        From `share_words`.
    language : {"nl", "en"}
    by_formula : bool
        Whether the registration formula leaves nothing to know.
    fitted : bool
        False where there was no evidence and nothing was fitted.

    Returns
    -------
    str
    """
    subject = _SUBJECT[target][language]
    if not fitted:
        return _NO_EVIDENCE[language].format(subject=subject)
    if by_formula and verdict not in ("bounds only", "functional form only"):
        return _BY_FORMULA[language]
    return _VERDICTS[verdict][language].format(subject=subject, shares=shares)


def share_words(share: Mapping[str, float], language: Language) -> str:
    """Shares of at least 1%, largest first, as "the audit 82%, the prior 18%"."""
    named = sorted(share.items(), key=lambda item: -item[1])
    return ", ".join(f"{_SOURCES[source][language]} {100.0 * part:.0f}%" for source, part in named if part >= 0.01)
