"""Rates of registered forced care, and what a register cannot tell.

The public names are loaded when they are first used, so that ``import dwangstats`` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dwangstats import worlds
    from dwangstats.analysis import analyse, write_report
    from dwangstats.change.decomposition import ChangeDecomposition, decompose_change
    from dwangstats.change.selection import complete_deliverers, selection_coverage
    from dwangstats.data.checks.check import CheckReport, check
    from dwangstats.data.checks.rules.catalogue import error_catalogue
    from dwangstats.data.deliveries.status import delivery_status
    from dwangstats.data.deliveries.vintage import Vintage, known_on
    from dwangstats.data.panels.coverage import coverage
    from dwangstats.data.panels.intervals import interval_of_rounded, interval_of_suppressed
    from dwangstats.data.panels.panel import Panel, build_panel
    from dwangstats.data.quality.score import quality_score, with_quality
    from dwangstats.data.reading.read import Tables, read_tables
    from dwangstats.data.repairs.repair import Repaired, repair
    from dwangstats.errors import (
        ConfigError,
        DataError,
        DomainError,
        DwangstatsError,
        FitError,
        FormulaError,
        IdentificationError,
    )
    from dwangstats.estimate import Estimate
    from dwangstats.models.bootstrap import Bootstrap, bootstrap
    from dwangstats.models.compare import compare
    from dwangstats.models.mixed import MixedResult
    from dwangstats.models.profile import profile_interval
    from dwangstats.models.rate import RateModel
    from dwangstats.models.results import RateResult
    from dwangstats.present import figures
    from dwangstats.providers.patterns import ReportingPatterns, reporting_patterns
    from dwangstats.registration.bounds import Bounds, TippingPoint, bounds, tipping_point
    from dwangstats.registration.completeness import completeness
    from dwangstats.registration.elicitation import Elicited, elicit
    from dwangstats.registration.evidence.audit import Audit
    from dwangstats.registration.evidence.control import ControlOutcome
    from dwangstats.registration.evidence.indicator import Indicator
    from dwangstats.registration.evidence.prior import CompletenessPrior
    from dwangstats.registration.evidence.second_source import SecondSource
    from dwangstats.registration.evidence.switch_dates import SwitchDates
    from dwangstats.registration.identification import Identification
    from dwangstats.registration.lists import multiple_lists, two_list_estimate
    from dwangstats.registration.model import RegistrationModel
    from dwangstats.registration.planning import AuditSize, audit_size
    from dwangstats.registration.ratios import rate_ratio
    from dwangstats.registration.results import RegistrationResult
    from dwangstats.registration.sensitivity import sensitivity
    from dwangstats.registration.under import UnderRegistration, under_registration

__version__ = "0.1.0"

_HOME = {
    "analyse": "dwangstats.analysis",
    "Audit": "dwangstats.registration.evidence.audit",
    "audit_size": "dwangstats.registration.planning",
    "AuditSize": "dwangstats.registration.planning",
    "Bootstrap": "dwangstats.models.bootstrap",
    "bootstrap": "dwangstats.models.bootstrap",
    "Bounds": "dwangstats.registration.bounds",
    "bounds": "dwangstats.registration.bounds",
    "build_panel": "dwangstats.data.panels.panel",
    "ChangeDecomposition": "dwangstats.change.decomposition",
    "check": "dwangstats.data.checks.check",
    "CheckReport": "dwangstats.data.checks.check",
    "compare": "dwangstats.models.compare",
    "complete_deliverers": "dwangstats.change.selection",
    "completeness": "dwangstats.registration.completeness",
    "CompletenessPrior": "dwangstats.registration.evidence.prior",
    "ConfigError": "dwangstats.errors",
    "ControlOutcome": "dwangstats.registration.evidence.control",
    "coverage": "dwangstats.data.panels.coverage",
    "DataError": "dwangstats.errors",
    "decompose_change": "dwangstats.change.decomposition",
    "delivery_status": "dwangstats.data.deliveries.status",
    "DomainError": "dwangstats.errors",
    "DwangstatsError": "dwangstats.errors",
    "elicit": "dwangstats.registration.elicitation",
    "Elicited": "dwangstats.registration.elicitation",
    "error_catalogue": "dwangstats.data.checks.rules.catalogue",
    "Estimate": "dwangstats.estimate",
    "FitError": "dwangstats.errors",
    "FormulaError": "dwangstats.errors",
    "Identification": "dwangstats.registration.identification",
    "IdentificationError": "dwangstats.errors",
    "Indicator": "dwangstats.registration.evidence.indicator",
    "interval_of_rounded": "dwangstats.data.panels.intervals",
    "interval_of_suppressed": "dwangstats.data.panels.intervals",
    "known_on": "dwangstats.data.deliveries.vintage",
    "MixedResult": "dwangstats.models.mixed",
    "multiple_lists": "dwangstats.registration.lists",
    "Panel": "dwangstats.data.panels.panel",
    "profile_interval": "dwangstats.models.profile",
    "quality_score": "dwangstats.data.quality.score",
    "rate_ratio": "dwangstats.registration.ratios",
    "RateModel": "dwangstats.models.rate",
    "RateResult": "dwangstats.models.results",
    "read_tables": "dwangstats.data.reading.read",
    "RegistrationModel": "dwangstats.registration.model",
    "RegistrationResult": "dwangstats.registration.results",
    "repair": "dwangstats.data.repairs.repair",
    "Repaired": "dwangstats.data.repairs.repair",
    "SecondSource": "dwangstats.registration.evidence.second_source",
    "reporting_patterns": "dwangstats.providers.patterns",
    "ReportingPatterns": "dwangstats.providers.patterns",
    "selection_coverage": "dwangstats.change.selection",
    "sensitivity": "dwangstats.registration.sensitivity",
    "SwitchDates": "dwangstats.registration.evidence.switch_dates",
    "Tables": "dwangstats.data.reading.read",
    "tipping_point": "dwangstats.registration.bounds",
    "TippingPoint": "dwangstats.registration.bounds",
    "two_list_estimate": "dwangstats.registration.lists",
    "under_registration": "dwangstats.registration.under",
    "UnderRegistration": "dwangstats.registration.under",
    "Vintage": "dwangstats.data.deliveries.vintage",
    "with_quality": "dwangstats.data.quality.score",
    "write_report": "dwangstats.analysis",
}
_MODULES = {"figures": "dwangstats.present.figures", "worlds": "dwangstats.worlds"}

__all__ = [
    "Audit",
    "AuditSize",
    "Bootstrap",
    "Bounds",
    "ChangeDecomposition",
    "CheckReport",
    "CompletenessPrior",
    "ConfigError",
    "ControlOutcome",
    "DataError",
    "DomainError",
    "DwangstatsError",
    "Elicited",
    "Estimate",
    "FitError",
    "FormulaError",
    "Identification",
    "IdentificationError",
    "Indicator",
    "MixedResult",
    "Panel",
    "RateModel",
    "RateResult",
    "RegistrationModel",
    "RegistrationResult",
    "Repaired",
    "ReportingPatterns",
    "SecondSource",
    "SwitchDates",
    "Tables",
    "TippingPoint",
    "UnderRegistration",
    "Vintage",
    "__version__",
    "analyse",
    "audit_size",
    "bootstrap",
    "bounds",
    "build_panel",
    "check",
    "compare",
    "complete_deliverers",
    "completeness",
    "coverage",
    "decompose_change",
    "delivery_status",
    "elicit",
    "error_catalogue",
    "figures",
    "interval_of_rounded",
    "interval_of_suppressed",
    "known_on",
    "multiple_lists",
    "profile_interval",
    "quality_score",
    "rate_ratio",
    "read_tables",
    "repair",
    "reporting_patterns",
    "selection_coverage",
    "sensitivity",
    "tipping_point",
    "two_list_estimate",
    "under_registration",
    "with_quality",
    "worlds",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'dwangstats' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
