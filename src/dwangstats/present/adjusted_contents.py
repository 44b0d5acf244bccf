"""From adjustments to the frames and findings that a report shows."""

from collections.abc import Sequence
from typing import Any

from dwangstats._types import Language
from dwangstats.change.adjusted_frames import (
    adjusted_frame,
    checks_frame,
    completeness_frame,
    decomposition_frame,
    ledger_frame,
    profile_frame,
    unregistered_frame,
)
from dwangstats.change.adjustment import FormAdjustment
from dwangstats.data.findings import LANGUAGES, Finding
from dwangstats.present.evidence_words import evidence_words
from dwangstats.present.labels import Labels
from dwangstats.registration.context import Evidence
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.control import ControlOutcome
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.evidence.second_source import SecondSource


def adjusted_contents(adjustments: Sequence[FormAdjustment], variable: str, language: Language) -> dict[str, Any]:
    """The fields of `ReportContents` that come from evidence on completeness, by name; none without adjustments.

    Parameters
    ----------
    adjustments : sequence of FormAdjustment
    variable : str
        The compared variable.
    language : {"nl", "en"}
    """
    if not adjustments:
        return {}
    labels = Labels(language)
    words = {one.form: _words(labels, one.evidence) for one in adjustments}
    return {
        "adjusted": adjusted_frame(adjustments, words, language),
        "decomposition": decomposition_frame(adjustments),
        "completeness": completeness_frame(adjustments, variable),
        "unregistered": unregistered_frame(adjustments, variable),
        "ledger": ledger_frame(adjustments),
        "evidence_checks": checks_frame(adjustments, language),
        "profiles": profile_frame(adjustments[:1]),
    }


def evidence_findings(adjustments: Sequence[FormAdjustment]) -> list[Finding]:
    """A warning for every check on evidence that failed."""
    return [
        Finding(
            rule="evidence",
            severity="warning",
            table="",
            count=1,
            of=1,
            rows=(),
            message={language: _about(one.form, check.message[language], language) for language in LANGUAGES},
            action={language: Labels(language).text("evidence_finding.action") for language in LANGUAGES},
        )
        for one in adjustments
        if one.result is not None
        for check in one.result.evidence_checks
        if check.passed is False
    ]


def _about(form: str, message: str, language: Language) -> str:
    return f"{Labels(language).title('form', form)}: {message}"


def _words(labels: Labels, evidence: Sequence[Evidence]) -> str:
    return evidence_words(
        labels,
        audits=[one.frame for one in evidence if isinstance(one, Audit)],
        second_sources=[(one.frame, one.odds_ratio) for one in evidence if isinstance(one, SecondSource)],
        controls=[one.frame for one in evidence if isinstance(one, ControlOutcome)],
        priors=[(one.low, one.high) for one in evidence if isinstance(one, CompletenessPrior)],
    )
