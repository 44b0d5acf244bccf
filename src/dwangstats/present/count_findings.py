"""What is said about the counts of an analysis as a whole: few providers, intervals, periods that were left out."""

from collections.abc import Sequence

from dwangstats._types import Language
from dwangstats.data.findings import Finding

ENOUGH_PROVIDERS = 20


def few_providers(count: int) -> tuple[Finding, ...]:
    """A warning where clustered intervals are known to be too narrow; measured in tests/simulation."""
    if not 2 <= count < ENOUGH_PROVIDERS:
        return ()
    message: dict[Language, str] = {
        "nl": f"De vergelijking rust op {count} zorgaanbieders. Bij 10 ongelijke aanbieders dekte een 95%-interval in "
        "simulaties 90 tot 92%, bij 20 93%, bij 40 93 tot 95%.",
        "en": f"The comparison rests on {count} providers. With 10 unequal providers a 95% interval covered 90 to 92% "
        "in simulations, with 20 93%, with 40 93 to 95%.",
    }
    action: dict[Language, str] = {
        "nl": "Lees de intervallen als iets te smal, of neem C(provider) op in de formule: dan was het 94 tot 95%.",
        "en": "Read the intervals as a little too narrow, or add C(provider) to the formula: then it was 94 to 95%.",
    }
    return (Finding("few-providers", "warning", "panel", count, count, (), message, action),)


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
        "nl": "; een som over de vormen is er niet" if forms > 1 else "",
        "en": "; there is no sum over the forms" if forms > 1 else "",
    }
    message: dict[Language, str] = {
        "nl": f"Van {wide} van de {of} aantallen is alleen bekend tussen welke grenzen zij liggen (afgerond of "
        "onderdrukt). Totalen en aandelen staan daarom als het laagste en het hoogste dat kan; het model met een eigen "
        f"niveau per zorgaanbieder en CR2 zijn er niet{no_sum['nl']}.",
        "en": f"{wide} of {of} counts are known only to lie in an interval (rounded or suppressed). Totals and shares "
        "are therefore given as the least and the most that is possible; the model with a level for every provider and "
        f"CR2 are not given{no_sum['en']}.",
    }
    action: dict[Language, str] = {
        "nl": "Vraag de bron om de precieze aantallen als dit te grof is.",
        "en": "Ask the source for the exact counts where this is too coarse.",
    }
    return (Finding("counts-in-intervals", "info", "panel", wide, of, (), message, action),)


def periods_not_due(later: Sequence[str], of: int, as_of: str) -> tuple[Finding, ...]:
    """That periods were left out of which nothing was known, or due, on the date.

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
    first, date = later[0], as_of.replace("T", " ")
    message: dict[Language, str] = {
        "nl": f"{len(later)} van de {of} perioden (vanaf {first}) zijn weggelaten: op {date} was daarover nog niets "
        "aangeleverd en was de termijn niet verstreken.",
        "en": f"{len(later)} of {of} periods (from {first}) are left out: on {date} nothing had been delivered about "
        "them and their due date had not passed.",
    }
    action: dict[Language, str] = {
        "nl": "Er hoeft niets te gebeuren; neem een latere datum bij as_of om deze perioden mee te tellen.",
        "en": "Nothing needs to be done; take a later date as as_of to count these periods.",
    }
    return (Finding("periods-not-due", "info", "", 0, 0, (), message, action),)
