"""Rates of registered forced care, and what a register cannot tell.

The public names are loaded when they are first used, so that ``import dwangstats`` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dwangstats import worlds
    from dwangstats.analysis import analyse, write_report
    from dwangstats.change.selection import complete_deliverers, selection_coverage
    from dwangstats.data.checks import CheckReport, check
    from dwangstats.data.panel import Panel, build_panel
    from dwangstats.data.read import Tables, read_tables
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
    from dwangstats.models.ratios import rate_ratio
    from dwangstats.models.results import RateResult
    from dwangstats.present import figures
    from dwangstats.registration.bounds import Bounds, TippingPoint, bounds, tipping_point
    from dwangstats.registration.planning import AuditSize, audit_size

__version__ = "0.1.0"

_HOME = {
    "Bootstrap": "dwangstats.models.bootstrap",
    "Bounds": "dwangstats.registration.bounds",
    "AuditSize": "dwangstats.registration.planning",
    "CheckReport": "dwangstats.data.checks",
    "ConfigError": "dwangstats.errors",
    "DataError": "dwangstats.errors",
    "DomainError": "dwangstats.errors",
    "DwangstatsError": "dwangstats.errors",
    "Estimate": "dwangstats.estimate",
    "FitError": "dwangstats.errors",
    "FormulaError": "dwangstats.errors",
    "IdentificationError": "dwangstats.errors",
    "MixedResult": "dwangstats.models.mixed",
    "Panel": "dwangstats.data.panel",
    "RateModel": "dwangstats.models.rate",
    "RateResult": "dwangstats.models.results",
    "Tables": "dwangstats.data.read",
    "TippingPoint": "dwangstats.registration.bounds",
    "analyse": "dwangstats.analysis",
    "audit_size": "dwangstats.registration.planning",
    "bootstrap": "dwangstats.models.bootstrap",
    "bounds": "dwangstats.registration.bounds",
    "build_panel": "dwangstats.data.panel",
    "check": "dwangstats.data.checks",
    "compare": "dwangstats.models.compare",
    "complete_deliverers": "dwangstats.change.selection",
    "profile_interval": "dwangstats.models.profile",
    "rate_ratio": "dwangstats.models.ratios",
    "read_tables": "dwangstats.data.read",
    "selection_coverage": "dwangstats.change.selection",
    "tipping_point": "dwangstats.registration.bounds",
    "write_report": "dwangstats.analysis",
}
_MODULES = {"figures": "dwangstats.present.figures", "worlds": "dwangstats.worlds"}

__all__ = [
    "AuditSize",
    "Bootstrap",
    "Bounds",
    "CheckReport",
    "ConfigError",
    "DataError",
    "DomainError",
    "DwangstatsError",
    "Estimate",
    "FitError",
    "FormulaError",
    "IdentificationError",
    "MixedResult",
    "Panel",
    "RateModel",
    "RateResult",
    "Tables",
    "TippingPoint",
    "__version__",
    "analyse",
    "audit_size",
    "bootstrap",
    "bounds",
    "build_panel",
    "check",
    "compare",
    "complete_deliverers",
    "figures",
    "profile_interval",
    "rate_ratio",
    "read_tables",
    "selection_coverage",
    "tipping_point",
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
