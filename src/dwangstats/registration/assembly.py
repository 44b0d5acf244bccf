"""From formulas, a panel and evidence to the arrays that are fitted, with a name for every parameter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dwangstats._types import FamilyName
from dwangstats.data.panels.panel import Panel
from dwangstats.design.rows import raise_problems
from dwangstats.errors import DataError
from dwangstats.numerics.thinned.problem import AuditRows, CountRows, Gaussian, Layout, ThinnedProblem
from dwangstats.registration.columns import rate_design, registration_design
from dwangstats.registration.context import (
    Contribution,
    Draft,
    Evidence,
    EvidenceCheck,
    EvidenceContext,
    GaussianTerm,
)
from dwangstats.registration.evidence.twice import audited_twice, refuse_twice

RHO_PRIOR_SD = 0.7
"""Of atanh rho, for rho="prior"."""


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A model ready to be fitted.

    Attributes
    ----------
    context : EvidenceContext
        Panel and designs, with what evidence added.
    problem : ThinnedProblem
    names : tuple of str
        (p,) name of each parameter.
    excluded : dict of str to tuple of int
        Columns of the registration design that indicators and switch dates keep out of the rate.
    notes : tuple of EvidenceCheck
        What was set aside while reading the evidence.
    evidence : tuple of Evidence
        With the rows that are about this panel.
    """

    context: EvidenceContext
    problem: ThinnedProblem
    names: tuple[str, ...]
    excluded: dict[str, tuple[int, ...]]
    notes: tuple[EvidenceCheck, ...]
    evidence: tuple[Evidence, ...]


def assemble(
    rate: str,
    registration: str,
    panel: Panel,
    family: FamilyName,
    evidence: Sequence[Evidence],
    rho: float | None,
    *,
    rho_prior: bool,
    silent: bool,
) -> Assembled:
    """Arrays for a registration model.

    Parameters
    ----------
    rate, registration : str
    panel : Panel
    family : {"poisson", "nb2", "nb1"}
    evidence : sequence of Evidence
    rho : float or None
        Correlation of the provider effects; None is estimated.
    rho_prior : bool
        Whether atanh rho has a prior N(0, 0.7^2).
    silent : bool

    Raises
    ------
    FormulaError
        For a formula that cannot be used.
    DataError
        With everything that is wrong in the panel's columns and in all tables of evidence, or if the same evidence is
        given twice.
    DomainError
        If evidence of which a model takes one is given twice.
    """
    refuse_twice(evidence)
    draft = Draft(panel, rate, registration)
    for one in evidence:
        draft = one.prepare(draft)
    context = EvidenceContext(
        draft.panel, rate_design(draft.rate, draft.panel), registration_design(draft.registration, draft.panel)
    )
    contributions = _contributions(evidence, context)
    used = tuple(given.used or one for one, given in zip(evidence, contributions, strict=True))
    bare = _without_priors(context, family, contributions, rho, silent=silent)
    gaussian = [_over_all(term, bare.layout) for one in contributions for term in one.gaussian]
    if rho_prior:
        gaussian += _rho_prior(bare.layout)
    return Assembled(
        context=context,
        problem=replace(bare, gaussian=tuple(gaussian)),
        names=_names(context, bare.layout, contributions),
        excluded=_excluded(evidence, contributions),
        notes=(*(note for one in contributions for note in one.notes), *audited_twice(used)),
        evidence=used,
    )


def _contributions(evidence: Sequence[Evidence], context: EvidenceContext) -> list[Contribution]:
    found, problems = [], []
    for one in evidence:
        try:
            found.append(one.rows(context))
        except DataError as error:
            problems += list(error.problems)
    raise_problems(problems)
    return found


def _without_priors(
    context: EvidenceContext,
    family: FamilyName,
    contributions: Sequence[Contribution],
    rho: float | None,
    *,
    silent: bool,
) -> ThinnedProblem:
    rate, registration = context.rate, context.registration
    counts = CountRows(
        X=rate.X,
        W=registration.X,
        y=rate.y,
        offset=rate.log_exposure + rate.offset,
        group=context.groups_of(rate.frame["provider"]),
    )
    audits: tuple[AuditRows, ...] = tuple(rows for one in contributions for rows in one.audits)
    return ThinnedProblem(
        family=family,
        groups=len(context.providers),
        counts=counts,
        rate_effects=bool(rate.formula.random),
        registration_effects=bool(registration.formula.random),
        rho=rho,
        silent=silent,
        audits=audits,
        linked=next((one.linked for one in contributions if one.linked is not None), None),
        control=next((one.control for one in contributions if one.control is not None), None),
    )


def _over_all(term: GaussianTerm, layout: Layout) -> Gaussian:
    """A normal term on one part, over the whole vector."""
    part = {"rate": layout.beta, "registration": layout.alpha, "control trend": layout.delta}[term.part]
    matrix = np.zeros((term.mean.size, layout.size))
    matrix[:, part] = term.matrix
    return Gaussian(matrix, term.mean, term.sd, term.source)


def _rho_prior(layout: Layout) -> list[Gaussian]:
    place = layout.atanh_rho
    if place.start == place.stop:
        return []
    matrix = np.zeros((1, layout.size))
    matrix[0, place] = 1.0
    return [Gaussian(matrix, np.zeros(1), np.array([RHO_PRIOR_SD]), "prior")]


def _names(context: EvidenceContext, layout: Layout, contributions: Sequence[Contribution]) -> tuple[str, ...]:
    other = next((one.other_names for one in contributions if one.linked is not None), ())
    trend = next((one.trend_names for one in contributions if one.control is not None), ())
    names = [f"rate:{name}" for name in context.rate.names]
    names += [f"registration:{name}" for name in context.registration.names]
    names += [f"other register:{name}" for name in other]
    names += [f"control trend:{name}" for name in trend]
    ends = (
        ("sd rate", layout.su),
        ("sd registration", layout.sv),
        ("atanh rho", layout.atanh_rho),
        ("dispersion", layout.dispersion),
        ("silent logit", layout.silent_logit),
    )
    return (*names, *(name for name, place in ends if place.stop > place.start))


def _excluded(evidence: Sequence[Evidence], contributions: Sequence[Contribution]) -> dict[str, tuple[int, ...]]:
    places: dict[str, set[int]] = {}
    for one, given in zip(evidence, contributions, strict=True):
        if given.excluded:
            places.setdefault(one.name, set()).update(given.excluded)
    return {name: tuple(sorted(found)) for name, found in places.items()}
