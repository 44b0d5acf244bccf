"""What is said about the counts of an analysis as a whole: few providers, intervals, periods that were left out."""

from collections.abc import Sequence

from dwangstats._types import Language
from dwangstats.data.findings import LANGUAGES, Finding
from dwangstats.present.labels import Labels

ENOUGH_PROVIDERS = 20
MOST_NAMES = 10


def few_providers(count: int, *, exact: bool) -> tuple[Finding, ...]:
    """A warning where clustered intervals are known to be too narrow; measured in tests/simulation.

    Parameters
    ----------
    count : int
        Providers of the headline, of which none has a level of its own in the formula.
    exact : bool
        Whether every count is exact; the simulations were of such counts.
    """
    if not 2 <= count < ENOUGH_PROVIDERS:
        return ()
    of_exact = ("", "") if exact else (" met precieze aantallen", " with exact counts")
    message: dict[Language, str] = {
        "nl": f"De vergelijking rust op {count} zorgaanbieders. Bij 10 ongelijke aanbieders dekte een 95%-interval in "
        f"simulaties{of_exact[0]} 90 tot 92%, bij 20 93%, bij 40 93 tot 95%.",
        "en": f"The comparison rests on {count} providers. With 10 unequal providers a 95% interval covered 90 to 92% "
        f"in simulations{of_exact[1]}, with 20 93%, with 40 93 to 95%.",
    }
    narrow: dict[Language, str] = {
        "nl": "Lees de intervallen als iets te smal",
        "en": "Read the intervals as a little too narrow",
    }
    add: dict[Language, str] = {
        "nl": ", of neem C(provider) op in de formule: dan was het 94 tot 95%.",
        "en": ", or add C(provider) to the formula: then it was 94 to 95%.",
    }
    action: dict[Language, str] = {
        "nl": narrow["nl"] + (add["nl"] if exact else "."),
        "en": narrow["en"] + (add["en"] if exact else "."),
    }
    return (Finding("few-providers", "warning", "", 0, 0, (), message, action),)


def intervals_among(wide: int, of: int, *, forms: int) -> tuple[Finding, ...]:
    """That some counts are not exact, and what is not given therefore.

    Parameters
    ----------
    wide, of : int
        Counts that are known to an interval only, of all delivered ones.
    forms : int
        Number of forms in the panel.
    """
    if not wide:
        return ()
    no_sum: dict[Language, str] = {
        "nl": "; een verhouding van de som over de vormen is er niet" if forms > 1 else "",
        "en": "; there is no ratio of the sum over the forms" if forms > 1 else "",
    }
    message: dict[Language, str] = {
        "nl": f"Van {wide} van de {of} aantallen zijn alleen grenzen bekend (afgerond, onderdrukt of zo opgegeven). "
        "Totalen en aandelen staan daarom als het laagste en het hoogste dat kan; het model met een eigen "
        f"niveau per zorgaanbieder en CR2 zijn er niet{no_sum['nl']}.",
        "en": f"Of {wide} of {of} counts only bounds are known (rounded, suppressed or given so). Totals and shares "
        "are therefore given as the least and the most that is possible; the model with a level for every provider and "
        f"CR2 are not given{no_sum['en']}.",
    }
    action: dict[Language, str] = {
        "nl": "Vraag de bron om de precieze aantallen als dit te grof is.",
        "en": "Ask the source for the exact counts where this is too coarse.",
    }
    return (Finding("counts-in-intervals", "info", "panel", wide, of, (), message, action),)


def periods_not_due(later: Sequence[str], of: int, as_of: str) -> tuple[Finding, ...]:
    """That periods were left out of which not all was due on the date, and no provider had delivered all.

    Parameters
    ----------
    later : sequence of str
        The periods, in order.
    of : int
        Number of periods with bed-days.
    as_of : str
        The date, as the analysis file has it.
    """
    if not later:
        return ()
    first, one = later[0], len(later) == 1
    date = {language: Labels(language).date_long(as_of) for language in LANGUAGES}
    message: dict[Language, str] = {
        "nl": f"{len(later)} van de {of} perioden (vanaf {first}) {'is' if one else 'zijn'} weggelaten: op "
        f"{date['nl']} hoefde daarvan nog niet alles te zijn aangeleverd.",
        "en": f"{len(later)} of {of} periods (from {first}) {'is' if one else 'are'} left out: on {date['en']} not all "
        "of it had to have been delivered.",
    }
    action: dict[Language, str] = {
        "nl": "Er hoeft niets te gebeuren; neem een latere datum bij as_of om deze perioden mee te tellen.",
        "en": "Nothing needs to be done; take a later date as as_of to count these periods.",
    }
    return (Finding("periods-not-due", "info", "", 0, 0, (), message, action),)


def providers_waiting(providers: Sequence[str], of: int, as_of: str) -> tuple[Finding, ...]:
    """That some providers did not yet have to deliver on the date, in a period in which most others had to.

    Parameters
    ----------
    providers : sequence of str
    of : int
        Number of providers.
    as_of : str
        The date, as the analysis file has it.
    """
    if not providers:
        return ()
    date = {language: Labels(language).date_long(as_of) for language in LANGUAGES}
    names = {language: Labels(language).list_of(sorted(providers)[:MOST_NAMES]) for language in LANGUAGES}
    more = max(len(providers) - MOST_NAMES, 0)
    message: dict[Language, str] = {
        "nl": f"{len(providers)} van de {of} zorgaanbieders ({names['nl']}{f' en nog {more}' if more else ''}) hoefden "
        f"op {date['nl']} nog niet alles aan te leveren wat hier wordt geteld.",
        "en": f"{len(providers)} of {of} providers ({names['en']}{f' and {more} more' if more else ''}) did not yet "
        f"have to deliver everything that is counted here on {date['en']}.",
    }
    action: dict[Language, str] = {
        "nl": "Zij vallen buiten de selectie van wie elke periode aanleverde, zonder tekort te schieten; neem een "
        "latere datum bij as_of.",
        "en": "They are outside the selection of those that delivered every period, without having failed to; take a "
        "later date as as_of.",
    }
    return (Finding("providers-waiting", "warning", "", 0, 0, (), message, action),)
