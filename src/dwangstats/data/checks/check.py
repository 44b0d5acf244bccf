"""All rules over all tables, and what came out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from dwangstats._types import Language, PeriodKind, Severity
from dwangstats.data.checks.rule import has
from dwangstats.data.checks.rules.accepted import accepted_findings
from dwangstats.data.checks.rules.catalogue import rule_names
from dwangstats.data.checks.rules.columns import column_findings
from dwangstats.data.checks.rules.counted import counted_findings, one_row_per_cell
from dwangstats.data.checks.rules.counts import ready_count_findings
from dwangstats.data.checks.rules.deliveries import delivery_findings
from dwangstats.data.checks.rules.doubles import double_findings
from dwangstats.data.checks.rules.durations import duration_findings
from dwangstats.data.checks.rules.evidence import evidence_findings
from dwangstats.data.checks.rules.exposure import exposure_findings
from dwangstats.data.checks.rules.forms import form_findings
from dwangstats.data.checks.rules.laws import law_findings
from dwangstats.data.checks.rules.places import place_findings
from dwangstats.data.checks.rules.providers import provider_findings
from dwangstats.data.checks.rules.registrations import registration_findings
from dwangstats.data.checks.rules.rooms import room_findings
from dwangstats.data.checks.unlisted import with_unlisted_hidden
from dwangstats.data.config.analysis import BlankEvents
from dwangstats.data.findings import LANGUAGES, SEVERITIES, Finding, findings_frame
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR
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
        lines = [
            f"{heads[f.severity]}{f' [{f.table}]' if f.table else ':'} {_sentence(f, language)}" for f in self.findings
        ]
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


def check(
    tables: Tables,
    *,
    by: PeriodKind | None = None,
    blank_events: BlankEvents = "error",
    skip: Sequence[str] = (),
) -> CheckReport:
    """Hold all rules against all tables: what makes input wrong, and the signs of errors of registration (E1 to E19).

    Parameters
    ----------
    tables : Tables
        What `read_tables` gave; its findings from reading are part of the report.
    by : {"month", "quarter", "half-year", "year"}, optional
        Period of the analysis, if known; then bed-days that are too coarse for it are an error.
    blank_events : {"error", "not delivered"}
        What a blank count in the table of ready counts means.
    skip : sequence of str
        Names of rules to switch off, as the report and `error_catalogue` name them. What was found while reading stays
        in the report.

    Returns
    -------
    CheckReport
        Messages name providers, locations, periods and row numbers; never a client or a registration. A provider or
        location of registrations that no other table has is called "#" and its first row: it may be a client.

    Raises
    ------
    DomainError
        If a name in ``skip`` is not that of a rule.
    """
    off = _known_rules(skip)
    shown = with_unlisted_hidden(tables)
    found = [finding for finding in [*_input(shown, by, blank_events), *_signs(shown)] if finding.rule not in off]
    return _report([*tables.reading, *found])


def check_input(tables: Tables, *, by: PeriodKind | None = None, blank_events: BlankEvents = "error") -> CheckReport:
    """Hold the rules that can stop an analysis against all tables, without looking for signs of errors of registration.

    A sign never stops an analysis, and takes longer to find than a panel to build. Parameters as for `check`.
    """
    return _report([*tables.reading, *_input(with_unlisted_hidden(tables), by, blank_events)])


def _input(tables: Tables, by: PeriodKind | None, blank_events: BlankEvents) -> Iterator[Finding]:
    yield from column_findings(tables)
    yield from exposure_findings(tables, by)
    yield from delivery_findings(one_row_per_cell(tables))
    yield from registration_findings(tables)
    yield from counted_findings(tables)
    yield from accepted_findings(one_row_per_cell(tables))
    yield from ready_count_findings(tables, blank_events)
    yield from form_findings(tables)
    yield from provider_findings(one_row_per_cell(tables))
    yield from evidence_findings(tables)


def _signs(tables: Tables) -> Iterator[Finding]:
    yield from duration_findings(tables)
    yield from double_findings(tables)
    yield from room_findings(tables)
    yield from law_findings(tables)
    yield from place_findings(_with_place_and_time(tables))


def _with_place_and_time(tables: Tables) -> Tables:
    """The tables without registrations and bed-days of which no provider, or no time, is known; those are errors."""
    rows, exposure = tables.registrations, tables.exposure
    if has(rows, "provider_id", "begin"):
        known = rows["provider_id"].notna() & rows["begin"].dt.year.between(FIRST_YEAR, LAST_YEAR)
        tables = tables if known.all() else replace(tables, registrations=rows.loc[known])
    if has(exposure, "provider_id", "period"):
        known = exposure["provider_id"].notna() & exposure["period"].notna()
        tables = tables if known.all() else replace(tables, exposure=exposure.loc[known])
    return tables


def _report(found: Sequence[Finding]) -> CheckReport:
    return CheckReport(tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity))))


def _known_rules(names: Sequence[str]) -> frozenset[str]:
    known = rule_names()
    strange = [name for name in names if name not in known]
    if strange:
        raise DomainError(
            f"skip has {len(strange)} of {len(names)} names that no rule has, first '{strange[0]}'."
            f"{did_you_mean(strange[0], known)} A finding has the name of its rule in the column 'rule' of to_frame()."
        )
    return frozenset(names)


def _sentence(finding: Finding, language: Language) -> str:
    return f"{finding.message[language]} {finding.action[language]}"


def _known(language: Language) -> Language:
    if language not in LANGUAGES:
        raise DomainError(f"there is no language '{language}'; choose one of {', '.join(LANGUAGES)}.")
    return language
