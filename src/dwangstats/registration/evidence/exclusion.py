"""What indicators and switch dates share: a column in the registration part that the rate leaves out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dwangstats.registration.columns import columns_with
from dwangstats.registration.context import (
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
    GaussianTerm,
)
from dwangstats.registration.evidence.compare import freed_rate
from dwangstats.registration.evidence.words import said

LEAST_P = 0.05
"""Below it the effect of an indicator on the rate is more than chance."""

MAX_TAIL = 2.0
"""Standard deviations of its prior beyond which a direct effect is no longer within its limits."""

TITLE = "{column} moves completeness only"


def with_direct_effect(draft: Draft, columns: Sequence[str]) -> Draft:
    """The draft with the columns in the rate formula."""
    return replace(draft, rate=" + ".join([draft.rate, *(f"`{name}`" for name in columns)]))


def direct_effect(context: EvidenceContext, columns: Sequence[str], sd: float) -> Iterator[GaussianTerm]:
    """N(0, sd^2) on the rate coefficients of the columns."""
    places = list(columns_with(context.rate, columns))
    matrix = np.eye(context.rate.X.shape[1])[places]
    yield GaussianTerm("rate", matrix, np.zeros(len(places)), np.full(len(places), sd), "relaxation")


def exclusion_checks(
    context: FittedParts, evidence: EvidenceName, columns: Sequence[str], direct_effect_sd: float
) -> tuple[EvidenceCheck, ...]:
    """Per column, whether it moves the rate too.

    With other evidence (an audit, a second source, a control outcome or another excluded column) the likelihood ratio
    of letting the column into the rate; where a direct effect is allowed already, its size against its limits; else
    that nothing can test it.
    """
    if direct_effect_sd > 0.0:
        return tuple(_within_limits(context, evidence, name, direct_effect_sd) for name in columns)
    others = context.evidence_named("audit", "second source", "control outcome")
    exclusions = len(columns) + len(context.evidence_named("indicator", "switch dates")) - 1
    if not others and exclusions < 2:
        return tuple(_not_testable(evidence, name) for name in columns)
    return tuple(_freed(context, evidence, name) for name in columns)


def _freed(context: FittedParts, evidence: EvidenceName, column: str) -> EvidenceCheck:
    places = list(columns_with(context.registration, [column]))
    p, effects = freed_rate(context, context.registration.X[:, places])
    passed = None if np.isnan(p) else p >= LEAST_P
    nl = "In het tempo toegelaten krijgt {column} een effect van {effect} op de log; p = {p} dat dit toeval is."
    en = "Let into the rate, {column} gets an effect of {effect} on its log; p = {p} that this is chance."
    if passed is False:
        nl += " Het beweegt dus waarschijnlijk ook wat er gebeurt en telt dan niet als bewijs over de registratie."
        en += " It probably moves what happens as well, and then is no evidence about registration."
    effect = float(effects[np.argmax(np.abs(effects))]) if effects.size else 0.0
    message = said(nl, en, column=column, effect=effect, p=p)
    return EvidenceCheck(evidence, TITLE.format(column=column), passed, p, message)


def _within_limits(context: FittedParts, evidence: EvidenceName, column: str, sd: float) -> EvidenceCheck:
    places = list(columns_with(context.rate, [column]))
    size = float(np.max(np.abs(context.fit.vector[places]), initial=0.0)) / sd
    message = said(
        "Het toegelaten directe effect van {column} is {size} keer zijn standaardafwijking ({sd}).",
        "The direct effect that {column} is allowed is {size} times its standard deviation ({sd}).",
        column=column,
        size=size,
        sd=sd,
    )
    return EvidenceCheck(evidence, TITLE.format(column=column), size <= MAX_TAIL, size, message)


def _not_testable(evidence: EvidenceName, column: str) -> EvidenceCheck:
    message = said(
        "Of {column} alleen de registratie beweegt kan zonder ander bewijs niet worden nagegaan; laat met "
        "direct_effect_sd zien wat ervan afhangt.",
        "Without other evidence nothing can test whether {column} moves registration only; show with direct_effect_sd "
        "what hangs on it.",
        column=column,
    )
    return EvidenceCheck(evidence, TITLE.format(column=column), None, float("nan"), message)
