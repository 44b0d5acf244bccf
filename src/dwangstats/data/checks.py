"""All rules over all tables, and what came out."""

from dataclasses import dataclass

import pandas as pd

from dwangstats._types import Language, PeriodKind, Severity
from dwangstats.data.config import BlankEvents
from dwangstats.data.findings import LANGUAGES, SEVERITIES, Finding, findings_frame
from dwangstats.data.read import Tables
from dwangstats.data.rules.accepted import accepted_findings
from dwangstats.data.rules.columns import column_findings
from dwangstats.data.rules.counts import ready_count_findings
from dwangstats.data.rules.deliveries import delivery_findings
from dwangstats.data.rules.evidence import evidence_findings
from dwangstats.data.rules.exposure import exposure_findings
from dwangstats.data.rules.forms import form_findings
from dwangstats.data.rules.providers import provider_findings
from dwangstats.data.rules.registrations import registration_findings
from dwangstats.errors import DataError, DomainError

_HEADS: dict[Language, dict[Severity, str]] = {
    "nl": {"error": "Fout", "warning": "Waarschuwing", "info": "Ter informatie"},
    "en": {"error": "Error", "warning": "Warning", "info": "For information"},
}
_NOTHING: dict[Language, str] = {"nl": "Geen bijzonderheden gevonden.", "en": "Nothing found."}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What reading and checking the tables found; errors first, then warnings, then information.

    Attributes
    ----------
    findings : tuple of Finding
    """

    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop an analysis."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that go with every result."""
        return self._of("warning")

    @property
    def information(self) -> tuple[Finding, ...]:
        """Findings that are only said."""
        return self._of("info")

    def to_frame(self, language: Language = "en") -> pd.DataFrame:
        """One row per finding: rule, severity, table, count, of, rows, message, action."""
        return findings_frame(self.findings, _known(language))

    def to_text(self, language: Language = "en") -> str:
        """All findings as lines of text, in Dutch ("nl") or English ("en")."""
        heads = _HEADS[_known(language)]
        lines = [f"{heads[f.severity]} [{f.table}] {_sentence(f, language)}" for f in self.findings]
        return "\n".join(lines) if lines else _NOTHING[language]

    def raise_for_errors(self, language: Language = "en") -> None:
        """Stop when there is an error.

        Raises
        ------
        DataError
            With one sentence per error, all of them.
        """
        problems = self.problems(language)
        if problems:
            raise DataError(problems)

    def problems(self, language: Language = "en") -> tuple[str, ...]:
        """One sentence per error: what is wrong and what to do."""
        return tuple(_sentence(f, _known(language)) for f in self.errors)

    def __str__(self) -> str:
        return self.to_text("en")

    def _of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == severity)


def check(tables: Tables, *, by: PeriodKind | None = None, blank_events: BlankEvents = "error") -> CheckReport:
    """Hold all rules against all tables.

    Parameters
    ----------
    tables : Tables
        What `read_tables` gave; its findings from reading are part of the report.
    by : {"month", "quarter", "half-year", "year"}, optional
        Period of the analysis, if known; then bed-days that are too coarse for it are an error.
    blank_events : {"error", "not delivered"}
        What a blank count in the table of ready counts means.

    Returns
    -------
    CheckReport
        Messages name providers, locations, periods and row numbers; never a client or a registration.
    """
    found = [
        *tables.reading,
        *column_findings(tables),
        *exposure_findings(tables, by),
        *delivery_findings(tables),
        *registration_findings(tables),
        *accepted_findings(tables),
        *ready_count_findings(tables, blank_events),
        *form_findings(tables),
        *provider_findings(tables),
        *evidence_findings(tables),
    ]
    return CheckReport(tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity))))


def _sentence(finding: Finding, language: Language) -> str:
    return f"{finding.message[language]} {finding.action[language]}"


def _known(language: Language) -> Language:
    if language not in LANGUAGES:
        raise DomainError(f"there is no language '{language}'; choose one of {', '.join(LANGUAGES)}.")
    return language
