"""Which evidence would make completeness known, and how much of it."""

from dwangstats._types import Language
from dwangstats.registration.planning import audit_size
from dwangstats.registration.targets import CHANGE, LEVEL
from dwangstats.registration.words import words

ASSUMED = 0.75
"""Completeness that an audit is planned for where nothing better is known."""

RANGE = (0.3, 0.95)
"""A known completeness is taken no nearer to 0 or 1 than this: the plan has to hold if it was a bit off."""

PLANNED_ERRORS = (0.05, 0.10)
"""Standard errors of the log adjusted rate for which an audit is planned."""


def advice_sentences(targets: tuple[str, ...], completeness: float | None, language: Language) -> tuple[str, ...]:
    """What would help for the targets that are not identified.

    Parameters
    ----------
    targets : tuple of str
        "level", "change" or both; without any there is nothing to advise.
    completeness : float or None
        What is known of it; 0.75 is assumed otherwise, and said.
    language : {"nl", "en"}

    Returns
    -------
    tuple of str
    """
    if not targets:
        return ()
    planned = ASSUMED if completeness is None else min(max(completeness, RANGE[0]), RANGE[1])
    narrow, wide = (audit_size(completeness=planned, se=error) for error in PLANNED_ERRORS)
    audit = words(
        "audit size",
        language,
        narrow=narrow.events,
        wide=wide.events,
        percent=round(100.0 * planned),
        how=words("assumed" if completeness is None else "fitted", language),
    )
    sources = [words(f"evidence for {target}", language) for target in (LEVEL, CHANGE) if target in targets]
    return (*sources, audit, words("without", language))
