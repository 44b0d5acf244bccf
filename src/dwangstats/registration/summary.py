"""A registration model as text: what was fitted, what the evidence is, whether it can be right, and what is known."""

from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd

from dwangstats.errors import FitError, IdentificationError
from dwangstats.models.results import VARIANCES, exposure_text
from dwangstats.models.summary import table_text
from dwangstats.registration.context import EvidenceCheck

if TYPE_CHECKING:
    from dwangstats.registration.results import RegistrationResult

FAILED = "FAILED, these numbers are not a fit"


def registration_summary_text(result: "RegistrationResult") -> str:
    """Title, facts, evidence, identification, warnings, coefficients, certificate and fingerprint as lines.

    Parameters
    ----------
    result : RegistrationResult
    """
    title = f"Registration model: events and their registration, {len(result.panel.providers)} providers"
    if result.parts is not None and not result.converged:
        title += f" - {FAILED}"
    elif result.parts is not None and result.allow_unidentified and not result.identification.passed("level"):
        title += f" - NOT IDENTIFIED ({result.identification.verdict})"
    facts = _facts(result)
    width = max(len(name) for name, _ in facts)
    sections = [
        [f"{name:<{width}}  {text}" for name, text in facts],
        _evidence(result),
        ["identification", *(f"  {sentence}" for sentence in _identification(result))],
        _warnings(result.evidence_checks),
        _coefficients(result),
        [f"certificate  {result.certificate if result.certificate is not None else 'nothing was fitted'}"],
    ]
    lines = [title, "=" * len(title)]
    for section in sections:
        lines += [*section, ""] if section else []
    return "\n".join([*lines[:-1], f"dwangstats {version('dwangstats')}, data sha256 {result.fingerprint}"])


def _facts(result: "RegistrationResult") -> list[tuple[str, str]]:
    model, context = result.model, result.model.assembled.context
    facts = [
        ("family", f"{result.family}, variance of the events given the effects {VARIANCES[result.family]}"),
        ("rate", model.rate),
        ("registration", model.registration),
        *_as_fitted(result),
        ("rows", f"{result.nobs}"),
        ("exposure", exposure_text(context.rate)),
    ]
    problem = model.assembled.problem
    if problem.rate_effects and problem.registration_effects:
        facts.append(("rho", _rho(result)))
    if problem.silent:
        facts.append(("silent providers", "a provider may register nothing, with an estimated probability"))
    if result.parts is None or not (result.converged or result.force):
        return facts
    outer, inner = result.fit.nodes
    facts += [
        ("likelihood", f"nested quadrature, {outer} nodes over registration and {inner} over rate"),
        ("log likelihood", f"{result.llf:.4f}" + (" (priors included)" if problem.gaussian else "")),
        ("AIC", f"{result.aic:.4f}"),
    ]
    if result.family != "poisson":
        facts.append(("dispersion alpha", f"{result.dispersion:.5g}"))
    return facts


def _as_fitted(result: "RegistrationResult") -> list[tuple[str, str]]:
    """The formulas with what evidence added to them, where it did."""
    context, model = result.model.assembled.context, result.model
    pairs = (
        ("rate as fitted", context.rate, model.rate),
        ("registration as fitted", context.registration, model.registration),
    )
    return [(name, design.formula.text) for name, design, given in pairs if design.formula.text != given]


def _rho(result: "RegistrationResult") -> str:
    rho = result.model.rho
    if rho == "prior":
        return "correlation of the provider effects estimated, atanh rho ~ N(0, 0.7^2)"
    return "estimated freely" if rho == "free" else f"{rho:g}, fixed; rerun with other values to see what hangs on it"


def _evidence(result: "RegistrationResult") -> list[str]:
    given = result.model.assembled.evidence
    if not given:
        return ["evidence", "  none: registered counts alone"]
    return ["evidence", *(f"  {one.name}: {one.description}" for one in given)]


def _identification(result: "RegistrationResult") -> list[str]:
    found = result.identification
    verdicts = "; ".join(f"{target}: {verdict}" for target, verdict in found.verdicts.items())
    return [verdicts, *found.sentences("en"), *(() if found.passed("level") else found.advice)]


def _warnings(checks: tuple[EvidenceCheck, ...]) -> list[str]:
    """Checks of the evidence: what failed first, then what cannot be tested, then what was noted."""
    if not checks:
        return []
    marks = {False: "WARNING", None: "not testable", True: "passed"}
    ordered = [check for mark in (False, None, True) for check in checks if check.passed is mark]
    lines = [f"  {marks[check.passed]}: {check.evidence}, {check.name}: {check.message['en']}" for check in ordered]
    return ["checks of the evidence", *lines]


def _coefficients(result: "RegistrationResult") -> list[str]:
    try:
        table = result.table()
    except IdentificationError:
        return ["Coefficients are withheld: they depend on a completeness that is not known."]
    except FitError:
        return ["Coefficients are withheld; fit(force=True) shows them."]
    verdict = result.identification.verdict
    header = (
        []
        if result.identification.passed("level")
        else [f"NOT IDENTIFIED ({verdict}): no knowledge about registration"]
    )
    return [*header, table_text(table), "", table_text(_deviations(result))]


def _deviations(result: "RegistrationResult") -> pd.DataFrame:
    spreads = {f"sd {part}": value for part, value in result.random_sd.items()}
    problem = result.problem
    if problem.rate_effects and problem.registration_effects:
        spreads["rho"] = result.rho
    return pd.DataFrame({"estimate": spreads})
