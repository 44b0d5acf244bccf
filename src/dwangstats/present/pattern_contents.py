"""From reporting patterns to the frames, the sentence of a refusal and the findings that a report shows."""

from collections.abc import Sequence
from typing import Any

from dwangstats._types import Language
from dwangstats.data.findings import LANGUAGES, Finding
from dwangstats.present.labels import Labels
from dwangstats.providers.asked import AskedPatterns, PatternsRefused

MOST_NAMES = 10
"""Silent providers, or periods, named in a sentence; of more the number is said, and the table names them all."""


def pattern_contents(asked: AskedPatterns | None, language: Language) -> dict[str, Any]:
    """The fields of `ReportContents` that come from reporting patterns, by name; none where they were not asked for.

    Parameters
    ----------
    asked : AskedPatterns or None
    language : {"nl", "en"}
    """
    if asked is None:
        return {}
    refusal = "" if asked.refused is None else _refusal(Labels(language), asked.refused)
    summary = {"pattern_summary": {**asked.summary, "refusal": refusal}}
    if asked.found is None:
        return summary
    return {**summary, "patterns": asked.found.table, "pattern_periods": asked.found.periods}


def pattern_findings(asked: AskedPatterns | None) -> list[Finding]:
    """A warning where silent providers are among those of the headline."""
    if asked is None or asked.silent_selected.empty:
        return []
    return [
        Finding(
            rule="silent-providers",
            severity="warning",
            table="",
            count=len(asked.silent_selected),
            of=len(asked.selected),
            rows=(),
            message={language: _silent_text(Labels(language), asked) for language in LANGUAGES},
            action={language: Labels(language).text("silence.finding_action") for language in LANGUAGES},
        )
    ]


def _silent_text(labels: Labels, asked: AskedPatterns) -> str:
    """How many providers of the headline are silent, which, and of how many of them nothing can be said."""
    silent = asked.silent_selected
    blind = int(asked.summary["blind_selected"])
    said = labels.plural(
        "silence.finding",
        len(silent),
        selected=labels.count(len(asked.selected)),
        names=_listed(labels, silent["provider"].tolist()),
        periods=labels.plural("silence.periods", int(silent["silent"].sum())),
        expected=labels.count(round(float(silent["expected"].sum()))),
    )
    return f"{said} {labels.plural('silence.blind', blind)}" if blind else said


def _refusal(labels: Labels, refused: PatternsRefused) -> str:
    periods = _listed(labels, [labels.period(period) for period in refused.periods])
    return labels.text(f"silence.refused_{refused.cause}", periods=periods, reason=refused.reason)


def _listed(labels: Labels, names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown, more = names[:MOST_NAMES], len(names) - MOST_NAMES
    return labels.list_of([*shown, labels.plural("silence.more", more)] if more > 0 else shown)
