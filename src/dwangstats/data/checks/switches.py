"""The checks as an analysis file asks for them, saying which of them were switched off."""

from typing import Final

from dwangstats.data.checks.check import CheckReport, check, check_input
from dwangstats.data.checks.rule import Rule
from dwangstats.data.config.analysis import AnalysisConfig
from dwangstats.data.deliveries.vintage import known_on
from dwangstats.data.reading.read import Tables
from dwangstats.errors import DataError

SWITCHED_OFF: Final = Rule(
    "checks-switched-off",
    "info",
    "Er zijn {count} controles uitgezet: {names}.",
    "{count} checks are switched off: {names}.",
    "Haal hun namen weg bij skip in [checks] om te zien wat zij vinden.",
    "Remove their names from skip in [checks] to see what they find.",
)


def check_as_asked(tables: Tables, config: AnalysisConfig) -> CheckReport:
    """Hold the rules against the tables that the analysis file does not switch off.

    Of an analysis of what was known on a date, the tables as they were known then are checked; but first the tables as
    they were given, and what is wrong in those is named as it stands in the files.

    Parameters
    ----------
    tables : Tables
        After the repairs that the file asks for.
    config : AnalysisConfig

    Returns
    -------
    CheckReport
        With a finding that names what was switched off, so that nobody takes silence for soundness.

    Raises
    ------
    DomainError
        If a name is not that of a rule.
    DataError
        If it is not known what had arrived on the date, or nothing had.
    """
    skip, wanted = config.checks.skip, config.panel
    if wanted.as_of is not None:
        given = check_input(tables, by=wanted.by, blank_events=wanted.blank_events)
        if given.errors:
            return given
        tables = _as_known(tables, wanted.as_of)
    report = check(tables, by=wanted.by, blank_events=wanted.blank_events, skip=skip)
    said = SWITCHED_OFF.counted("", len(skip), len(skip), names=", ".join(skip))
    return CheckReport((*report.findings, *said))


def _as_known(tables: Tables, as_of: str) -> Tables:
    vintage = known_on(tables, as_of)
    known = vintage.tables.registrations
    if known is not None and known.empty and vintage.later_registrations:
        raise DataError(
            f"None of the {vintage.later_registrations} registrations had arrived, as known on {as_of}. "
            "Take a later date as as_of in [panel]."
        )
    return vintage.tables
